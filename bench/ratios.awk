# ratios.awk - of the rows that the benchmarks write as JSON, how long ours took as a multiple of each other program:
# a line for each workload that has others, in the order of the rows.
#
#     awk -f bench/ratios.awk FILE

function field(name,    text) {
    if (!match($0, "\"" name "\": (\"[^\"]*\"|[^,}]*)"))
        return ""
    text = substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4)
    gsub(/"/, "", text)
    return text
}

field("program") != "" && field("program") != "ours" && field("unit") != "bytes/op" && field("ours_over_it") != "null" {
    threads = field("threads")
    workload = field("workload") " " field("precision") (threads > 1 ? ", " threads " threads" : "")
    if (!(workload in line))
        order[++count] = workload
    line[workload] = line[workload] sprintf("  %s %.3gx", field("program"), field("ours_over_it"))
}

END {
    print "\n== ours over others, medians of the turns' ratios: below 1 ours is faster"
    for (i = 1; i <= count; i++)
        printf "%-26s%s\n", order[i], line[order[i]]
}
