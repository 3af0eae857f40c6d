# same.awk - compares a page with the same page made anew, line by line: awk -f same.awk page anew
#
# Times (a number before s, ms, ns, samples/s …) may differ, and in a block after <!-- within 2 % --> all numbers
# by as much as that. Prints the first few lines that differ and ends with 1 if there are any.

function without_times(text) {
    gsub(/[0-9][0-9.]* (s|ms|us|ns|samples\/s)/, "# ", text)
    gsub(/ +/, " ", text)
    return text
}

function is_number(word) { return word ~ /^[-+]?[0-9][0-9.]*(e[-+]?[0-9]+)?$/ }

function bare(word) { sub(/[,;:%)]+$/, "", word); sub(/^[(]/, "", word); return word }

function near(a, b,    d) {
    d = a > b ? a - b : b - a
    return d <= within / 100 * (a < 0 ? -a : a)
}

function same(a, b,    x, y, n, i) {
    a = without_times(a)
    b = without_times(b)
    if (a == b)
        return 1
    n = split(a, x, " ")
    if (!within || n != split(b, y, " "))
        return 0
    for (i = 1; i <= n; i++) {
        if (x[i] == y[i])
            continue
        if (!is_number(bare(x[i])) || !is_number(bare(y[i])) || !near(bare(x[i]) + 0, bare(y[i]) + 0))
            return 0
    }
    return 1
}

FNR == NR { old[FNR] = $0; count = FNR; next }

old[FNR] ~ /^<!-- within [0-9.]+ % -->$/ { split(old[FNR], words, " "); announced = words[3] }
old[FNR] ~ /^```/ { in_block = !in_block; within = in_block ? announced : 0; if (!in_block) announced = 0 }

!same(old[FNR], $0) && ++different <= 10 {
    print "line " FNR ":"
    print "  is         " (FNR <= count ? old[FNR] : "(nothing)")
    print "  should be  " $0
}

END {
    if (FNR < count) {
        print "the last " count - FNR " lines are too many"
        different++
    }
    exit different > 0
}
