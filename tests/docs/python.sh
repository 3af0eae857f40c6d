#!/bin/sh
# python.sh - runs a Python program of the documentation with the python3 that has the library it needs:
# python.sh LIBRARY PROGRAM. Ends with 77 where none has it.
set -eu
for python in python3 /usr/bin/python3; do
    if "$python" -c "from importlib.util import find_spec; exit(find_spec('$1') is None)" 2>/dev/null; then
        exec "$python" "$2"
    fi
done
echo "no python3 here has $1" >&2
exit 77
