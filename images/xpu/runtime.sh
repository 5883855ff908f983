#!/bin/sh
# Intel's GPU runtime, which OpenVINO's GPU plugin calls by OpenCL: the packages of runtime.txt from Intel's releases
# (Debian 13 has none), held to their checksums, or those of the distribution by `--build-arg GPU_RUNTIME=distribution`.
set -eu
case "$1" in
intel)
  mkdir /tmp/runtime
  cd /tmp/runtime
  while read -r sum url; do
    file=$(basename "$url")
    wget --no-verbose --output-document "$file" "$url"
    echo "$sum  $file" | sha256sum --check
  done </opt/runtime.txt
  sh /opt/apt.sh ocl-icd-libopencl1 /tmp/runtime/*.deb
  ;;
distribution) sh /opt/apt.sh ocl-icd-libopencl1 intel-opencl-icd ;;
*)
  echo "GPU_RUNTIME is '$1'; it can be intel or distribution" >&2
  exit 1
  ;;
esac
