#!/bin/sh
# replay.sh - whether the replay page works in a browser: replay.sh [--axe] STEP
#
# STEP is the stepper, which writes the page. With --axe the page is also looked at by axe-core, which finds what
# keeps people from using it. Ends with 77 where there is no Chromium, or no axe-core (npm install --prefix
# build/axe axe-core, or its axe.min.js named by VALGRAD_AXE).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
axe=/dev/null
if [ "$1" = --axe ]; then
    axe=${VALGRAD_AXE:-$root/build/axe/node_modules/axe-core/axe.min.js}
    [ -f "$axe" ] || { echo "needs axe-core: $axe" && exit 77; }
    shift
fi
browser=''
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v $name) || browser=''
done
[ -n "$browser" ] || { echo "needs Chromium" && exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

show() { # how it is called, the browser's options
    looks=$1
    shift
    # Without a user namespace, as in most containers, Chromium has no sandbox; the page is our own.
    "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --virtual-time-budget=60000 \
        "$@" --dump-dom "file://$scratch/page.html" >"$scratch/dom" 2>"$scratch/errors" || { cat "$scratch/errors" && exit 1; }
    awk '/<pre id="report">/ { sub(/.*<pre id="report">/, ""); on = 1 }
         on && /<\/pre>/ { sub(/<\/pre>.*/, ""); print; on = 0 }
         on' "$scratch/dom" >"$scratch/report"
    echo "$lesson, $looks: $(cat "$scratch/report")"
    grep -qx 'all is well' "$scratch/report" || failed=1
}

failed=0
for lesson in neuron twice; do
    "$1" --html "$scratch/page.html" "$lesson"
    {
        sed '/<\/body>/,$d' "$scratch/page.html"
        echo '<script>//<![CDATA['
        cat "$axe" "$root/tests/browser/drive.js"
        echo '//]]></script>'
        echo '</body></html>'
    } >"$scratch/with"
    mv "$scratch/with" "$scratch/page.html"
    show light --window-size=1300,900
    show "dark and narrow" --window-size=400,800 --blink-settings=preferredColorScheme=0
done
exit $failed
