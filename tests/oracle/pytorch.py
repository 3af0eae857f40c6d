#!/usr/bin/python3
"""Writes pytorch.inc: what PyTorch says about every scalar operation that it has, for tests/test_oracle.c.

    tests/oracle/pytorch.py            (Debian: python3-torch, version 1.13)

Every row of autograd/ops.def is looked up in OPERATIONS or named in NOT_THERE; a row in neither is an error.
Where our result differs by choice, DIFFERENCES says why.
"""
import math
import os
import sys

import torch
import torch.nn.functional as F

from rows import HERE, INF, NAN, PARAMETER, WITH_PARAMETER, arity_of, kinks_of, names_of_rows, number

OPERATIONS = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "fma": lambda x, y, z: torch.addcmul(z, x, y), "neg": torch.neg, "reciprocal": torch.reciprocal,
    "square": torch.square, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "exp": torch.exp, "exp2": torch.exp2,
    "expm1": torch.expm1, "log": torch.log, "log2": torch.log2, "log10": torch.log10, "log1p": torch.log1p,
    "xlogy": torch.xlogy, "logaddexp": torch.logaddexp, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan, "atan2": torch.atan2,
    "hypot": torch.hypot, "sinc": torch.sinc, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh,
    "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh, "erf": torch.erf,
    "erfc": torch.erfc, "erfinv": torch.erfinv, "lgamma": torch.lgamma, "abs": torch.abs,
    "min": torch.minimum, "max": torch.maximum, "fmin": torch.fmin, "fmax": torch.fmax,
    "clamp": lambda x, y, z: torch.clamp(x, min=y, max=z),
    "where": lambda x, y, z: torch.where(x != 0, y, z),
    "sign": torch.sign, "floor": torch.floor, "ceil": torch.ceil, "round": torch.round,
    "trunc": torch.trunc, "frac": torch.frac, "fmod": torch.fmod, "remainder": torch.remainder,
    "sigmoid": torch.sigmoid, "logsigmoid": F.logsigmoid, "softplus": F.softplus, "relu": torch.relu,
    "leaky_relu": lambda x, p: F.leaky_relu(x, p), "relu6": F.relu6,
    "elu": lambda x, p: F.elu(x, alpha=p), "selu": F.selu, "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "softsign": F.softsign,
    "hardtanh": F.hardtanh, "hardsigmoid": F.hardsigmoid,
}

NOT_THERE = {"cbrt"}

ONE = [-1.3, 0.49, 0.99, 1.01, 0.0, -0.0, INF, -INF, NAN, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 2.5, -0.3,
       0.01, 8.0, 800.0, -800.0]
TWO = [(x, y) for x in (0.0, 1.0, -2.0, 2.5, INF, -INF, NAN) for y in (0.0, 1.0, 2.0, -1.0, 0.5, 3.0, INF, -INF, NAN)]
THREE = [(x, y, z) for x in (-2.0, 0.0, 0.5, 1.0, 3.0, NAN) for y, z in ((0.0, 1.0), (-1.0, 2.0), (2.0, 2.0),
                                                                         (3.0, 2.0), (NAN, 1.0), (0.0, NAN))]



def infinite(*operands):
    return any(math.isinf(a) for a in operands)


def nan(*operands):
    return any(math.isnan(a) for a in operands)


OUTSIDE = "outside the domain the derivative is NaN, too"
LIMIT = "the limit at infinity, where PyTorch has inf / inf or 0 inf"
TIE = "a tie shares the gradient"

# Names, a condition on the operands, and the reason. Each reason is needed at least once for each name.
DIFFERENCES = [
    ("abs sign floor ceil round trunc frac fmod remainder min max fmin fmax clamp where relu leaky_relu relu6 elu "
     "selu hardtanh hardsigmoid hypot", nan, "NaN in gives NaN out, in the gradient, too"),
    ("log log2 log10", lambda x: x < 0, OUTSIDE),
    ("log1p", lambda x: x < -1, OUTSIDE),
    ("acosh", lambda x: x < 1, OUTSIDE),
    ("atanh", lambda x: abs(x) > 1, OUTSIDE),
    ("sqrt rsqrt log log2 log10", lambda x: x == 0 and math.copysign(1, x) < 0,
     "at -0, too, the limit from where the function is defined"),
    ("frac", infinite, "where the result is NaN its derivatives are, too"),
    ("fmod remainder", lambda x, y: y == 0 or infinite(x, y), "where the result is NaN its derivatives are, too"),
    ("fmin fmax", lambda x, y: x == y, TIE),
    ("hypot", lambda x, y: x == 0 and y == 0, "the subgradient of least size"),
    ("hypot atan2 sinc gelu gelu_tanh silu softsign", infinite, LIMIT),
    ("logaddexp", infinite, LIMIT),
    ("xlogy", lambda x, y: x == 0, "0 log 0 is 0, and flat there"),
    ("clamp", lambda x, y, z: y >= z, "where no interval is left, the bound that is the result gets the gradient"),
    ("round", lambda x: abs(x) % 1 == 0.5, "halves away from zero, as C's round() has it; PyTorch's go to the even"),
    ("hardsigmoid", lambda x: abs(x) < 3, "PyTorch's derivative is a sixth in single precision"),
]


def difference(name, operands):
    for names, condition, reason in DIFFERENCES:
        if name in names.split() and condition(*operands):
            return reason
    return None


def ask(name, operands):
    """Value and partials by PyTorch."""
    leaves = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in operands]
    extra = [PARAMETER] if name in WITH_PARAMETER else []
    result = OPERATIONS[name](*leaves, *extra)
    if result.requires_grad:
        result.backward()
    return result.item(), [0.0 if a.grad is None else a.grad.item() for a in leaves]


def main():
    names = names_of_rows()
    unknown = [name for name in names if name not in OPERATIONS and name not in NOT_THERE]
    if unknown:
        sys.exit("say in OPERATIONS or NOT_THERE of pytorch.py what these are in PyTorch: " + ", ".join(unknown))
    with open(os.path.join(HERE, "pytorch.inc"), "w", encoding="utf-8") as out:
        out.write("/* What PyTorch %s gives, written by pytorch.py. SAME(op, x, y, z, p, value, dx, dy, dz):\n"
                  " * ours is the same. OTHER(…, reason): ours may differ, by choice. ABSENT(op): PyTorch has no such "
                  "operation. */\n" % torch.__version__.split("a")[0])
        for name in names:
            if name in NOT_THERE:
                out.write("ABSENT(%s)\n" % name)
                continue
            arity = arity_of(name)
            points = [(x,) for x in ONE] if arity == 1 else TWO if arity == 2 else THREE
            points += [kink for kink in kinks_of(name, arity) if repr(kink) not in map(repr, points)]
            for operands in points:
                value, partials = ask(name, operands)
                reason = difference(name, operands)
                numbers = list(operands) + [0.0] * (3 - arity) + [PARAMETER if name in WITH_PARAMETER else 0.0]
                numbers += [value] + partials + [0.0] * (3 - arity)
                line = ", ".join(number(x) for x in numbers)
                if reason:
                    out.write('OTHER(%s, %s, "%s")\n' % (name, line, reason))
                else:
                    out.write("SAME(%s, %s)\n" % (name, line))


if __name__ == "__main__":
    main()
