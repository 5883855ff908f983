#!/bin/sh
# Installs packages of the distribution, or .deb files, and leaves nothing else behind.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/* /var/log/* /tmp/*
