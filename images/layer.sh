#!/bin/sh
# Fills /layer, which becomes one layer of the image, with the packages that the arguments of `uv pip install` name.
# Locks are complete, so that nothing is resolved; bytecode is made here, since the root may be read-only later.
set -eu
/uv/bin/uv pip install --python /opt/ai-inference/bin/python --prefix /layer --no-deps --no-cache --compile-bytecode "$@"
# Packages bring their own tests, and torch what only a C++ compiler reads.
for packages in /layer/lib/python3*/site-packages; do
  rm -rf "$packages"/*/tests "$packages"/*/test "$packages"/torch/include "$packages"/torch/bin/*[Tt]est* "$packages"/torch/bin/protoc*
done
