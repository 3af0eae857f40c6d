#!/bin/sh
# installed.sh - runs a command where the library that is built in build/release is installed.
set -eu
prefix=$PWD/installed
cmake --install build/release --prefix "$prefix" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name valgrad.pc)")
LD_LIBRARY_PATH=${PKG_CONFIG_PATH%/pkgconfig}
export PKG_CONFIG_PATH LD_LIBRARY_PATH
exec "$@"
