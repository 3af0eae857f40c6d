# anew.awk - writes a page of documentation anew, with what its commands and programs print now.
#
#     awk -v page=README.md -v scratch=DIR -v compile='cc …' -f anew.awk
#
# What is done with a fenced block:
#
#     ```console    each line "$ command" is run, and what follows it is what it prints
#     ```sh         the commands are run and must succeed; they stay as they are
#     ```c          is compiled; what does not have a main() is put into a function. If it has, the next
#     ```text       block is what it prints.
#
# What a comment before a block changes:
#
#     <!-- not run: why -->              the block stays as it is
#     <!-- run by: command -->           the block, as a script, is run by "command sh SCRIPT", which must succeed
#     <!-- environment: NAME=word -->    is set for all commands that follow on the page
#     <!-- shows: command -->            the block is what the command prints
#     <!-- context: declarations -->     what a piece of C needs to be compiled
#     <!-- picture: file: command -->    the command writes "picture.svg", and that is the file
#     <!-- within 2 % -->                numbers need only be as near as that (same.awk)
#
# Commands run in the folder `scratch`, which looks like the project's. A command that ends with 77 cannot be
# run here: its block stays as it is.

function next_line() { return (getline line < page) > 0 }

# The lines that a command prints; `status` is what it ends with.
function run(command, lines,    n, file) {
    file = scratch "/command.sh"
    print "cd '" scratch "' || exit" > file
    if (environment)
        print "export " environment > file
    print command > file
    close(file)
    command = "sh '" file "' 2>&1 </dev/null; echo $?"
    n = 0
    while ((command | getline lines[++n]) > 0) {}
    close(command)
    status = lines[--n]
    return n - 1
}

function print_lines(lines, n,    i) {
    for (i = 1; i <= n; i++)
        print lines[i]
}

# A failure becomes part of the page, which then is not what it was.
function must_succeed(what, lines, n) {
    if (status == 0)
        return
    print "FAILS with " status ": " what
    print_lines(lines, n)
}

function forget() { not_run = run_by = shows = context = "" }

# ---- comments -----------------------------------------------------------------------------------

function value_of(comment, key) {
    if (index(comment, "<!-- " key ":") != 1)
        return ""
    comment = substr(comment, length("<!-- " key ":") + 1)
    sub(/^[ \n]*/, "", comment)
    sub(/[ \n]*-->[ ]*$/, "", comment)
    return comment
}

# A picture that has become another one is noted, with what makes it the new one.
function make_picture(words,    colon, file, made, lines, n) {
    colon = index(words, ": ")
    file = root "/" substr(words, 1, colon - 1)
    made = scratch "/" (++pictures) ".svg"
    n = run(substr(words, colon + 2), lines)
    must_succeed(words, lines, n)
    if (status == 0 && system("cd '" scratch "' && mv picture.svg '" made "' && cmp -s '" made "' '" file "'") != 0)
        print "mv '" made "' '" file "'" > (scratch "/pictures.sh")
}

function read_comment(    comment) {
    comment = line
    while (line !~ /-->/ && next_line()) {
        print line
        comment = comment "\n" line
    }
    if (value_of(comment, "not run")) not_run = 1
    if (value_of(comment, "run by")) run_by = value_of(comment, "run by")
    if (value_of(comment, "environment")) environment = value_of(comment, "environment")
    if (value_of(comment, "shows")) shows = value_of(comment, "shows")
    if (value_of(comment, "context")) context = value_of(comment, "context")
    if (value_of(comment, "picture")) make_picture(value_of(comment, "picture"))
}

# ---- blocks -------------------------------------------------------------------------------------

function do_console(text, n,    i, command, lines, count) {
    for (i = 1; i <= n; i++) {
        if (text[i] !~ /^\$ /)
            continue
        print text[i]
        command = substr(text[i], 3)
        while (command ~ /\\$/ && i < n) {
            print text[++i]
            command = substr(command, 1, length(command) - 1) text[i]
        }
        count = run(command, lines)
        print_lines(lines, count)
    }
}

function do_shell(text, n,    i, script, lines, count) {
    print_lines(text, n)
    script = scratch "/block.sh"
    for (i = 1; i <= n; i++)
        print text[i] > script
    close(script)
    count = run(run_by " sh -e '" script "'", lines)
    if (run_by && status == 77)
        print page ": cannot be run here by " run_by ": " lines[1] > "/dev/stderr"
    else
        must_succeed("these commands", lines, count)
}

function do_program(text, n,    i, file, is_whole, has_include, lines, count) {
    print_lines(text, n)
    file = scratch "/block.c"
    for (i = 1; i <= n; i++) {
        is_whole = is_whole || text[i] ~ /^int main\(/
        has_include = has_include || text[i] ~ /^#include/
    }
    if (!has_include)
        print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <valgrad/valgrad.h>" > file
    if (!is_whole)
        print "void block(void);\n" context "\nvoid block(void)\n{" > file
    for (i = 1; i <= n; i++)
        print text[i] > file
    if (!is_whole)
        print "}" > file
    close(file)
    count = run(compile (is_whole ? "" : " -c -Wno-unused-variable -Wno-unused-but-set-variable"), lines)
    must_succeed("to compile this", lines, count)
    if (is_whole && status == 0)
        printed_count = run("./block", printed)
}

function do_block(    language, text, n, lines, count) {
    language = substr(line, 4)
    n = 0
    while (next_line() && line !~ /^```$/)
        text[++n] = line
    count = shows ? run(shows, lines) : 0
    if (shows && status == 77)
        print page ": cannot be run here: " shows > "/dev/stderr"
    if (not_run || (shows && status == 77)) {
        print_lines(text, n)
    } else if (shows) {
        print_lines(lines, count)
        if (count == 0)
            print "PRINTS NOTHING: " shows
    } else if (language == "console") {
        do_console(text, n)
    } else if (language == "sh") {
        do_shell(text, n)
    } else if (language == "c") {
        do_program(text, n)
    } else if (language == "text" && printed_count >= 0) {
        print_lines(printed, printed_count)
        printed_count = -1
    } else {
        print_lines(text, n)
    }
    print line
    forget()
}

BEGIN {
    printed_count = -1
    while (next_line()) {
        print line
        if (line ~ /^<!--/) {
            read_comment()
        } else if (line ~ /^```/) {
            do_block()
        } else if (line != "") {
            forget()
        }
    }
}
