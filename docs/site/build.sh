#!/bin/sh
# build.sh - the documentation as web pages: build.sh FOLDER. Warnings are errors, and so are links that lead
# nowhere. Needs Doxygen and the theme doxygen-awesome-css; ends with 77 where they are not.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
DOXYGEN_AWESOME=${DOXYGEN_AWESOME:-/usr/share/doxygen-awesome-css}
if ! command -v doxygen >/dev/null || ! [ -d "$DOXYGEN_AWESOME" ]; then
    echo "needs doxygen and $DOXYGEN_AWESOME (Debian: doxygen doxygen-awesome-css)" >&2
    exit 77
fi
mkdir -p "$1"
out=$(cd "$1" && pwd -P)

# Made beside the present one, which it replaces when it is whole.
VALGRAD_DOCS=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$VALGRAD_DOCS"' EXIT
VALGRAD_ROOT=$root
VALGRAD_VERSION=$(sed -n 's/^#define VALGRAD_VERSION_[A-Z]* //p' "$root/include/valgrad/valgrad.h" | paste -sd.)
export VALGRAD_DOCS VALGRAD_ROOT VALGRAD_VERSION DOXYGEN_AWESOME

# A line in the list of pages for each page that docs/README.md lists under its second heading, then for those that
# it does not list, and for each header.
entry() { echo "      <tab type=\"user\" url=\"@ref $1\" title=\"$2\"/>"; }
page_entry() { entry "page_docs_$(echo "$1" | tr - _)_md" "$2"; }
{
    sed -n '/^To use it/,/^To change it/s/^- \[\(.*\)\](\([a-z-]*\)\.md).*/\2 \1/p' "$root/docs/README.md" |
        while read -r page title; do page_entry "$page" "$title"; done
    for page in "$root"/docs/*.md; do
        name=${page##*/}
        grep -qF "($name)" "$root/docs/README.md" || [ "$name" = README.md ] ||
            page_entry "${name%.md}" "$(sed -n 's/^# //p;/^# /q' "$page")"
    done
} >"$VALGRAD_DOCS/pages"
for header in "$root"/include/valgrad/*.h; do
    entry "${header##*/}" "${header##*/}"
done >"$VALGRAD_DOCS/headers"
sed -e "/<!-- pages -->/{
r $VALGRAD_DOCS/pages
d
}" -e "/<!-- headers -->/{
r $VALGRAD_DOCS/headers
d
}" "$root/docs/site/layout.xml" >"$VALGRAD_DOCS/layout.xml"

doxygen "$root/docs/site/Doxyfile"
rm "$VALGRAD_DOCS/pages" "$VALGRAD_DOCS/headers" "$VALGRAD_DOCS/layout.xml"

cd "$VALGRAD_DOCS"
# Doxygen makes a page of each page's file, too, with nothing in it.
rm ./*_8md.html
sed -i 's|<a [^>]*_8md\.html"[^>]*>\([^<]*\)</a>|\1|g' ./*.html
sed -i '/_8md\.html/d' search/*.js

# The sources that pages lead to, as text, so that every browser shows them.
grep -oh 'href="files/[^"]*\.txt"' ./*.html | sed 's/^href="files\///; s/\.txt"$//' | sort -u | while read -r file; do
    mkdir -p "files/$(dirname "$file")"
    cp "$root/$file" "files/$file.txt"
done
awk -f "$root/docs/site/links.awk" ./*.html

chmod 755 "$VALGRAD_DOCS"
rm -rf "$out"
mv "$VALGRAD_DOCS" "$out"
