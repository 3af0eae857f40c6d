# page.awk - makes of a Markdown page what Doxygen reads: awk -v root=DIR -f page.awk page.md
#
# Pages are written to be read where they lie. Links between them become references, links to sources lead to the
# copies in files/ that build.sh makes, links to folders become plain text, and comments go.

function label_of(path, anchor) {
    path = tolower("page_" path (anchor ? "_" anchor : ""))
    gsub(/[^a-z0-9]/, "_", path)
    return path
}

function anchor_of(heading) {
    gsub(/`/, "", heading)
    heading = tolower(heading)
    gsub(/[^a-z0-9 _-]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}

# The path from the root of the project.
function resolve(folder, target) {
    while (sub(/^\.\.\//, "", target))
        sub(/[^\/]+\/$/, "", folder)
    return folder target
}

function is_file(path) { return system("test -f '" root "/" path "'") == 0 }

function link(text, target,    anchor, path) {
    if (target ~ /^https?:/)
        return "[" text "](" target ")"
    anchor = ""
    if (match(target, /#/)) {
        anchor = substr(target, RSTART + 1)
        target = substr(target, 1, RSTART - 1)
    }
    path = target ? resolve(here, target) : page
    if (path == "README.md" && !anchor)
        return "[" text "](index.html)"
    if (path ~ /\.md$/)
        return "[" text "](@ref " label_of(path, anchor) ")"
    if (path ~ /^include\/valgrad\/[a-z]+\.h$/)
        return "[" text "](@ref " substr(path, 17) ")"
    sub(/\/$/, "", path)
    if (is_file(path))
        return "[" text "](files/" path ".txt)"
    return is_file(path "/README.md") ? "[" text "](@ref " label_of(path "/README.md") ")" : text
}

# Pictures are found by their names.
function replace_links(line,    done, text, target, at, n) {
    done = ""
    while (match(line, /!?\[[^]]*\]\([^) ]+\)/)) {
        done = done substr(line, 1, RSTART - 1)
        text = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        at = index(text, "](")
        target = substr(text, at + 2, length(text) - at - 2)
        if (text ~ /^!/) {
            n = split(target, parts, "/")
            done = done substr(text, 1, at + 1) parts[n] ")"
        } else {
            done = done link(substr(text, 2, at - 2), target)
        }
    }
    return done line
}

# Doxygen ends a code span at an apostrophe, unless two backticks began it.
function quoted(line,    done, span) {
    done = ""
    while (match(line, /`[^`]+`/)) {
        span = substr(line, RSTART, RLENGTH)
        done = done substr(line, 1, RSTART - 1) (span ~ /'/ ? "`" span "`" : span)
        line = substr(line, RSTART + RLENGTH)
    }
    return done line
}

FNR == 1 {
    page = substr(FILENAME, length(root) + 2)
    here = page
    sub(/[^\/]*$/, "", here)
}

/^<!--/ { in_remark = 1 }
in_remark { if (/-->/) in_remark = 0; next }

/^```/ { in_block = !in_block }
in_block || /^```/ { sub(/^```(console|text|sh)$/, "```unparsed"); print; next }

# The first page's headings would fill the list of pages.
page == "README.md" && /^#/ { print; next }
/^# / { print $0 " {#" label_of(page) "}"; next }
/^##+ / {
    heading = $0
    sub(/^#+ /, "", heading)
    print $0 " {#" label_of(page, anchor_of(heading)) "}"
    next
}
{ print replace_links(quoted($0)) }
