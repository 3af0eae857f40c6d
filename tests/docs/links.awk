# links.awk - prints the links of Markdown pages that lead nowhere: awk -v root=DIR -f links.awk page…
# Links to other hosts are not followed. A part of a page is known by its heading, as GitHub makes it a name.

function exists(path) { return system("test -e '" path "'") == 0 }

function anchor_of(heading) {
    sub(/^#+ */, "", heading)
    gsub(/`/, "", heading)
    heading = tolower(heading)
    gsub(/[^a-z0-9 _-]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}

function has_anchor(path, anchor,    text, found) {
    found = 0
    while ((getline text < path) > 0)
        found = found || (text ~ /^#+ / && anchor_of(text) == anchor)
    close(path)
    return found
}

function check(target,    folder, path, at) {
    if (target ~ /^(https?|mailto):/)
        return
    folder = FILENAME
    sub(/[^\/]*$/, "", folder)
    at = index(target, "#")
    path = at == 1 ? FILENAME : folder (at ? substr(target, 1, at - 1) : target)
    if (!exists(path) || (at && !has_anchor(path, substr(target, at + 1)))) {
        print FILENAME ":" FNR ": leads nowhere: " target
        broken = 1
    }
}

/^```/ { in_block = !in_block }

!in_block {
    rest = $0
    while (match(rest, /\]\([^) ]+\)/)) {
        check(substr(rest, RSTART + 2, RLENGTH - 3))
        rest = substr(rest, RSTART + RLENGTH)
    }
}

END { exit broken }
