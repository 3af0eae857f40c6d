# header.awk - makes of a public header what Doxygen reads. The headers are written for the reader: a comment before
# a declaration or behind it, one comment for several declarations that follow without a gap, and lines
# "/* ---- create ---- */" above each part.

# Angle brackets would be taken for HTML, except in examples, which are indented.
function plain(text) {
    if (text !~ /^ *\*     /)
        gsub(/</, "\\\\<", text)
    return text
}

# The lines of a comment from the present one on, without its beginning and its end.
function read_comment(    n, text) {
    n = 0
    text = $0
    sub(/^.*\/\* ?/, "", text)
    while (text !~ /\*\/ *$/) {
        lines[++n] = plain(text)
        if ((getline text) <= 0)
            return n
    }
    sub(/ *\*\/ *$/, "", text)
    lines[++n] = plain(text)
    return n
}

# The first sentence of the first paragraph is what lists of functions show.
function doc_comment(n,    text, i, paragraph, rest) {
    paragraph = lines[1]
    for (i = 2; i <= n && lines[i] !~ /^ *\*? *$/; i++)
        paragraph = paragraph "\n" lines[i]
    text = "/** @brief " paragraph "\n *" # which makes the next empty line the second one: code may follow
    if (match(paragraph, /\.([ \n]|$)/)) {
        rest = substr(paragraph, RSTART + 1)
        sub(/^[ \n]+(\* )?/, "", rest)
        text = "/** @brief " substr(paragraph, 1, RSTART) "\n *\n * " rest
    }
    for (; i <= n; i++)
        text = text "\n" lines[i]
    return text " */"
}

function close_part() {
    if (in_part)
        print "/** @} */"
    in_part = 0
}

function is_declaration() { return /^VALGRAD_API / || /^typedef / || /^#define [A-Z]/ || /^enum / }

# ---- comments that stand on their own -------------------------------------------------------------

FNR == 1 && /^\/\* / {
    n = read_comment()
    name = lines[1]
    sub(/ - .*/, "", name)
    sub(/^[^ ]+ - /, "", lines[1])
    text = doc_comment(n)
    sub(/^\/\*\* /, "/** @file " name "\n * ", text)
    print text
    next
}

/^\/\* clang-format/ { next }

# Of debug.h: each maker once more. The reference is to have the maker itself.
/^#define [a-z_]+\(\.\.\.\) [a-z]+_made_at/ { next }

/^\/\* ---- .* -+ \*\/$/ {
    close_part()
    gsub(/^\/\* ---- | -+ \*\/$/, "")
    part = toupper(substr($0, 1, 1)) substr($0, 2)
    print "/** @name " part "\n * @{ */"
    in_part = 1
    comment = ""
    next
}

/^ *\/\* / {
    comment = doc_comment(read_comment())
    print comment
    fresh = 1
    next
}

# ---- declarations ---------------------------------------------------------------------------------

/^$/ { comment = "" }

/^VALGRAD_END/ { close_part() }

# The comment of those before is this one's too.
is_declaration() && comment && !fresh && !/\/\* .* \*\/$/ { print comment }

# One without a comment is what the title of its part says.
/^VALGRAD_API / && !comment && !/\/\* / { print "/** @brief " part ". */" }

is_declaration() { fresh = 0 }

# Behind a declaration.
/[;,{] +\/\* / {
    declaration = substr($0, 1, index($0, "/* ") - 1)
    n = read_comment()
    for (i = 2; i <= n; i++)
        lines[1] = lines[1] "\n" lines[i]
    print declaration "/**< " lines[1] " */"
    next
}

{ print }

END { close_part() }
