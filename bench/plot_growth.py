"""plot_growth.py JSON SVG - draws the rows of bench_growth: time against nodes, batch, width and threads, both axes
in powers of ten."""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, SPACE = 260, 220, 60, 40, 90
PANELS = (("a chain of scalar operations", "operations", "chain-{}"),
          ("a step of 784-128-10", "batch", "step-{}-128"),
          ("a step of 784-width-10, batch 64", "width", "step-64-{}"),
          ("a step of 784-512-10, batch 256", "threads", "threads-{}"))
COLOURS = {"double": "#1b6ca8", "float": "#c0392b"}


def points(rows, precision, pattern):
    """(size, microseconds) of the workloads that fit the pattern."""
    before, after = pattern.split("{}")
    found = []
    for row in rows:
        name = row["workload"]
        size = name[len(before):len(name) - len(after)]
        if row["precision"] == precision and name == before + size + after and size.isdigit():
            found.append((int(size), row["median"]))
    return sorted(found)


def ticks(low, high):
    return [10.0**i for i in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def amount(number):
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return "%g%s" % (number / unit, name)
    return "%g" % number


def panel(left, title, label, lines):
    """One plot of lines, a list of (colour, points)."""
    sizes = ticks(*(f(x for _, line in lines for x, _ in line) for f in (min, max)))
    times = ticks(*(f(y for _, line in lines for _, y in line) for f in (min, max)))

    def place(x, y):
        return (left + WIDTH * (math.log10(x / sizes[0])) / math.log10(sizes[-1] / sizes[0]),
                TOP + HEIGHT - HEIGHT * math.log10(y / times[0]) / math.log10(times[-1] / times[0]))

    text = '<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>'
    out = [text % (left + WIDTH / 2, TOP - 14, "middle", title),
           text % (left + WIDTH / 2, TOP + HEIGHT + 34, "middle", label)]
    for x in sizes:
        at = place(x, times[0])[0]
        out.append('<path d="M%.1f %dv%d" stroke="#ddd"/>' % (at, TOP, HEIGHT))
        out.append(text % (at, TOP + HEIGHT + 16, "middle", amount(x)))
    for y in times:
        at = place(sizes[0], y)[1]
        out.append('<path d="M%d %.1fh%d" stroke="#ddd"/>' % (left, at, WIDTH))
        out.append(text % (left - 6, at + 4, "end", amount(y) + " us"))
    for colour, line in lines:
        path = " ".join("%.1f,%.1f" % place(x, y) for x, y in line)
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (path, colour))
    return out


with open(sys.argv[1], encoding="utf-8") as file:
    measured = [row for row in json.load(file) if row["program"] == "ours" and row["unit"] == "us"]
drawn, x = [], LEFT
for title, label, pattern in PANELS:
    lines = [(colour, points(measured, precision, pattern)) for precision, colour in COLOURS.items()]
    lines = [line for line in lines if len(line[1]) > 1]
    if lines:
        drawn += panel(x, title, label, lines)
        x += WIDTH + SPACE
for i, (precision, colour) in enumerate(COLOURS.items()):
    drawn.append('<text x="%d" y="%d" fill="%s">%s</text>' % (LEFT + 80 * i, TOP + HEIGHT + 56, colour, precision))
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
               'font-size="11">\n<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>\n'
               % (x, TOP + HEIGHT + 70, "\n".join(drawn)))
