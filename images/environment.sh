#!/bin/sh
# The user of the pods and the empty environment /opt/ai-inference, which a login shell finds as well. Arguments are those
# of venv.
set -eu
id -u 1000 >/dev/null 2>&1 || useradd --uid 1000 --user-group --create-home --shell /bin/bash ray
python3 -m venv --without-pip "$@" /opt/ai-inference
echo 'export PATH=/opt/ai-inference/bin:$PATH' >/etc/profile.d/ai-inference.sh
