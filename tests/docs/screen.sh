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

# Until the screen shows something and has stopped changing.
at_rest() {
    shown=''
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        before=$shown
        sleep 0.15
        shown=$(mux capture-pane -p)
        [ -z "$shown" ] || [ "$shown" != "$before" ] || return 0
    done
}

words=''
for word; do
    words="$words '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"
done
mux -u new-session -d -x "${size%x*}" -y "${size#*x}" "exec $words"
at_rest
for key in $keys; do
    mux send-keys "$key"
    at_rest
done
printf '%s\n' "$shown"
