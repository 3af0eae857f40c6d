#!/bin/sh
# screen.sh - keys in, screen out: runs a command in a terminal by tmux and prints what is on its screen.
#
#     screen.sh [-s COLUMNSxROWS] 'KEYS' COMMAND…     keys as tmux names them: n Enter Left C-c
#
# Ends with 77 where there is no tmux.
set -eu
command -v tmux >/dev/null || { echo "needs tmux" >&2 && exit 77; }
size=80x24
[ "$1" != -s ] || { size=$2 && shift 2; }
keys=$1
shift

socket=screen-$$
mux() { tmux -L "$socket" -f /dev/null "$@"; }
trap 'mux kill-server 2>/dev/null || :' EXIT

# Looks at the screen until it is another one than before; a key that changes nothing costs three seconds.
changed() {
    before=$shown
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        shown=$(mux capture-pane -p)
        [ "$shown" = "$before" ] || return 0
        sleep 0.2
    done
}

# Looks until it stays the same.
at_rest() {
    before=''
    while [ "$shown" != "$before" ]; do
        before=$shown
        sleep 0.2
        shown=$(mux capture-pane -p)
    done
}

words=''
for word; do
    words="$words '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"
done
mux -u new-session -d -x "${size%x*}" -y "${size#*x}" "exec $words"
shown=''
changed
at_rest
for key in $keys; do
    mux send-keys "$key"
    changed
    at_rest
done
printf '%s\n' "$shown"
