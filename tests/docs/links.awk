# links.awk - prints the links of Markdown pages that lead nowhere: awk -f links.awk page…, in the root
# Links to other hosts are not followed. A part of a page is known by its heading, as GitHub makes it a name. A path
# in the text, such as `tests/test_ops.c`, is held to be one from the root of the project, and must be there too.

function exists(path) {
    if (!(path in known))
        known[path] = system("test -e '" path "'") == 0
    return known[path]
}

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

function check_path(path) {
    if (!exists(path)) {
        print FILENAME ":" FNR ": there is no " path
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
    rest = $0
    while (match(rest, /`(autograd|tensor|nn|inspect|include|examples|tests|bench|docs|cmake)\/[A-Za-z0-9_.\/-]+\.[a-z]+`/)) {
        check_path(substr(rest, RSTART + 1, RLENGTH - 2))
        rest = substr(rest, RSTART + RLENGTH)
    }
}

END { exit broken }
