# links.awk - prints what web pages refer to and is not there: awk -f links.awk *.html, in their folder.

function exists(file) {
    if (!(file in known))
        known[file] = system("test -e '" file "'") == 0
    return known[file]
}

{
    rest = $0
    while (match(rest, /(href|src|data)="[^"#?:]+["#?]/)) {
        target = substr(rest, RSTART, RLENGTH - 1)
        sub(/^[a-z]+="/, "", target)
        rest = substr(rest, RSTART + RLENGTH)
        if (!exists(target)) {
            print FILENAME ": leads nowhere: " target
            broken = 1
        }
    }
}

END { exit broken }
