#!/bin/sh
# check.sh - whether a page of documentation shows what its commands, programs and pictures are now.
#
#     check.sh [--update] BUILD PAGE…     with the programs in the folder BUILD; --update writes the page
#
# anew.awk says what is run.
set -eu
update=''
[ "$1" != --update ] || { update=yes && shift; }
build=$(cd "$1" && pwd -P)
shift
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A folder that looks like the project's, in which commands may leave files. There ./run builds nothing.
for entry in "$root"/*; do
    [ "${entry##*/}" = build ] || ln -s "$entry" "$scratch/"
done
mkdir "$scratch/build"
ln -s "$build" "$scratch/build/release"
export VALGRAD_BUILT="$build" NO_COLOR=1 LC_ALL=C.UTF-8
compile="${CC:-cc} -std=c11 -Wall -Wextra -Werror -Iinclude block.c -o block build/release/libvalgrad.so -Wl,-rpath,'$build' -lm"

failed=0
for page; do
    rm -f "$scratch/pictures.sh"
    awk -v page="$root/$page" -v root="$root" -v scratch="$scratch" -v compile="$compile" \
        -f "$here/anew.awk" </dev/null >"$scratch/page.md"
    if [ -n "$update" ]; then
        [ ! -f "$scratch/pictures.sh" ] || sh "$scratch/pictures.sh"
        awk -f "$here/same.awk" "$root/$page" "$scratch/page.md" >/dev/null || cp "$scratch/page.md" "$root/$page"
    elif ! awk -f "$here/same.awk" "$root/$page" "$scratch/page.md" || [ -f "$scratch/pictures.sh" ]; then
        [ ! -f "$scratch/pictures.sh" ] || sed "s/.*'\(.*\)'$/this picture has become another: \1/" "$scratch/pictures.sh"
        echo "$page is not up to date: tests/docs/check.sh --update $build $page"
        failed=1
    fi
done
exit $failed
