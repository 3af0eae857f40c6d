#!/bin/sh
# copied.sh - runs a command in a copy of the project, with a home of its own: copied.sh [--fresh] COMMAND…
#
# The copy has what is built in build/release; --fresh: it is as if just cloned. What builds everything takes
# minutes, so that is run only among the whole tests (VALGRAD_TEST_FULL=1); it ends with 77 otherwise.
set -eu
fresh=''
[ "$1" != --fresh ] || { fresh=yes && shift; }
if [ -n "$fresh" ] && [ -z "${VALGRAD_TEST_FULL:-}" ]; then
    echo "this builds everything: ./run test --full does it" >&2
    exit 77
fi
rm -rf copy home
mkdir copy home
for entry in *; do
    case $entry in
    build | copy | home | installed) ;;
    *) [ ! -L "$entry" ] || cp -R "$(readlink -f "$entry")" copy ;;
    esac
done
HOME=$PWD/home
export HOME
if [ -n "$fresh" ]; then
    unset VALGRAD_BUILT VALGRAD_TEST_FULL
else
    mkdir copy/build
    ln -s "$VALGRAD_BUILT" copy/build/release
fi
cd copy
exec "$@"
