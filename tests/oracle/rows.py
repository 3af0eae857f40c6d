"""The rows of autograd/ops.def, as the scripts beside this one ask of them."""
import math
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))

NAN, INF = math.nan, math.inf

WITH_PARAMETER = {"leaky_relu", "elu"}
PARAMETER = 0.1

with open(os.path.join(HERE, "..", "..", "autograd", "ops.def"), encoding="utf-8") as definitions:
    ROWS = definitions.read()


def names_of_rows():
    return re.findall(r"^OP[123]P?\(([a-z0-9_]+),", ROWS, re.MULTILINE)


def arity_of(name):
    return int(re.search(r"^OP([123])P?\(%s," % name, ROWS, re.MULTILINE).group(1))


def kinks_of(name, arity):
    """The operands of the row's kinks."""
    row = re.search(r"^OP[123]P?\(%s,.*?(?=^OP|^#|^/\*|\Z)" % name, ROWS, re.MULTILINE | re.DOTALL).group(0)
    known = {"INFINITY": INF, "-INFINITY": -INF, "NAN": NAN}
    for kink in re.findall(r"KINK3?\(([^()]*)\)", row):
        words = [word.strip() for word in kink.split(",")][:arity]
        yield tuple(known[word] if word in known else float(word) for word in words)


def number(x):
    if math.isnan(x):
        return "NAN"
    if math.isinf(x):
        return "INFINITY" if x > 0 else "-INFINITY"
    return repr(float(x))
