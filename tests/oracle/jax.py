#!/usr/bin/python3
"""Writes jax.inc: the derivatives that JAX gives at every kink of the scalar operations, for docs/ops.md.

    tests/oracle/jax.py                (Debian: python3-numpy)

JAX itself is not run. Its primitives are below with the derivative rules that its source has for them, and
OPERATIONS says by which of them JAX makes the function that is ours. Reverse mode through these, in IEEE double, gives
what JAX gives: also where a branch that was not taken passes on 0, which times an infinite derivative is NaN.
"""
import math
import os
import statistics
import sys

import numpy as np

from rows import HERE, INF, NAN, PARAMETER, arity_of, kinks_of, names_of_rows, number

SOURCE = "version 0.11.1, commit cec06d116c05 of 8 August 2026"


class Traced:
    """A number, and what passes its cotangent on to the numbers that it was made of. None is JAX's symbolic zero."""
    tape = []

    def __init__(self, value, pullbacks=()):
        self.value, self.pullbacks, self.cotangent = np.float64(value), pullbacks, None
        self.tape.append(self)

    def receive(self, g):
        self.cotangent = g if self.cotangent is None else self.cotangent + g

    def backward(self):
        self.receive(np.float64(1))
        for made in reversed(self.tape):
            for operand, pullback in made.pullbacks if made.cotangent is not None else ():
                operand.receive(pullback(made.cotangent))


def primitive(value, *rules):
    """A function of traced numbers. The rule of each operand takes the cotangent g, the result f and the operands;
    where there is no rule, nothing is passed on."""
    def call(*operands):
        operands = [x if isinstance(x, Traced) else Traced(x) for x in operands]
        x = [operand.value for operand in operands]
        f = value(*x)
        return Traced(f, [(operand, lambda g, rule=rule: rule(g, f, *x)) for operand, rule in zip(operands, rules)
                          if rule])
    return call


# ---- primitives: jax/_src/lax/lax.py, special.py, other.py -------------------------------------------------------

def lgamma_value(x):
    assert x <= 0 and x == np.floor(x), "the kinks of lgamma are its poles"
    return INF


def erf_inv_value(x):
    if abs(x) < 1:
        return statistics.NormalDist().inv_cdf((1 + x) / 2) / math.sqrt(2)
    return x * INF if abs(x) == 1 else NAN


def rsqrt_value(x):
    return 1 / np.sqrt(x)


def logistic_value(x):
    return 1 / (1 + np.exp(-x))


def finite(x):
    """_replace_inf, which leaves minus infinity."""
    return 0 if x == INF else x


def share(g, f, x, y):
    """_balanced_eq: what the greatest or the least, f, of x and y passes on to x."""
    return g * (np.float64(x == f) / (2 if y == f else 1))


neg = primitive(lambda x: -x, lambda g, f, x: -g)
add = primitive(lambda x, y: x + y, lambda g, f, x, y: g, lambda g, f, x, y: g)
sub = primitive(lambda x, y: x - y, lambda g, f, x, y: g, lambda g, f, x, y: -g)
mul = primitive(lambda x, y: x * y, lambda g, f, x, y: g * y, lambda g, f, x, y: x * g)
div = primitive(lambda x, y: x / y, lambda g, f, x, y: g / y, lambda g, f, x, y: -(g * y ** -2.0 * x))
square = primitive(np.square, lambda g, f, x: g * (2 * x))
integer_pow = primitive(lambda x, n: x ** n, lambda g, f, x, n: g * (n * x ** (n - 1)))
pow_ = primitive(lambda x, y: x ** y, lambda g, f, x, y: g * (y * x ** (y - 1)),
                 lambda g, f, x, y: g * (np.log(1 if x == 0 else x) * f))
sqrt = primitive(np.sqrt, lambda g, f, x: g * (0.5 / f))
rsqrt = primitive(rsqrt_value, lambda g, f, x: g * (-0.5 * (f / x)))
cbrt = primitive(np.cbrt, lambda g, f, x: g * (1 / 3 * f ** -2.0))
exp = primitive(np.exp, lambda g, f, x: g * f)
exp2 = primitive(np.exp2, lambda g, f, x: math.log(2) * g * f)
expm1 = primitive(np.expm1, lambda g, f, x: g * (f + 1))
log = primitive(np.log, lambda g, f, x: g / x)
log1p = primitive(np.log1p, lambda g, f, x: g / (x + 1))
logaddexp = primitive(np.logaddexp, lambda g, f, x, y: g * np.exp(finite(x) - finite(f)),
                      lambda g, f, x, y: g * np.exp(finite(y) - finite(f)))
sin = primitive(np.sin, lambda g, f, x: g * np.cos(x))
asin = primitive(np.arcsin, lambda g, f, x: g * rsqrt_value(1 - x * x))
acos = primitive(np.arccos, lambda g, f, x: g * -rsqrt_value(1 - x * x))
atan = primitive(np.arctan, lambda g, f, x: g / (1 + x * x))
atan2 = primitive(np.arctan2, lambda g, f, x, y: g * (y / (x * x + y * y)),
                  lambda g, f, x, y: g * (-x / (x * x + y * y)))
sinh = primitive(np.sinh, lambda g, f, x: g * np.cosh(x))
cosh = primitive(np.cosh, lambda g, f, x: g * np.sinh(x))
tanh = primitive(np.tanh, lambda g, f, x: g * (1 - f) + g * (1 - f) * f)
asinh = primitive(np.arcsinh, lambda g, f, x: g * rsqrt_value(x * x + 1))
acosh = primitive(np.arccosh, lambda g, f, x: g * rsqrt_value(x * x - 1))
atanh = primitive(np.arctanh, lambda g, f, x: g * (1 / (1 + x)) / (1 - x))
erf = primitive(math.erf, lambda g, f, x: 2 / math.sqrt(math.pi) * g * np.exp(-x * x))
erfc = primitive(math.erfc, lambda g, f, x: -2 / math.sqrt(math.pi) * g * np.exp(-x * x))
erf_inv = primitive(erf_inv_value, lambda g, f, x: math.sqrt(math.pi) / 2 * g * np.exp(f * f))
lgamma = primitive(lgamma_value, lambda g, f, x: g * NAN)   # digamma, which is NaN at all of its poles
abs_ = primitive(np.abs, lambda g, f, x: g if x >= 0 else -g)
max_, min_ = (primitive(value, share, lambda g, f, x, y: share(g, f, y, x)) for value in (np.maximum, np.minimum))
select = primitive(lambda c, x, y: x if c else y, None,
                   lambda g, f, c, x, y: g if c else 0.0, lambda g, f, c, x, y: 0.0 if c else g)
sign, floor, ceil, round_ = (primitive(value) for value in (np.sign, np.floor, np.ceil, np.round))
rem = primitive(np.fmod, lambda g, f, x, y: g, lambda g, f, x, y: -g * (np.sign(x / y) * np.floor(np.abs(x / y))))
logistic = primitive(logistic_value, lambda g, f, x: g * (f * (1 - f)))

Traced.__neg__, Traced.__abs__, Traced.__pow__ = neg, abs_, integer_pow
Traced.__add__, Traced.__sub__, Traced.__mul__, Traced.__truediv__ = add, sub, mul, div

# With a rule of their own: jax/_src/nn/functions.py, scipy/special.py, numpy/ufuncs.py
relu = primitive(lambda x: np.maximum(x, 0), lambda g, f, x: g if x > 0 else 0.0)
relu6 = primitive(lambda x: np.minimum(np.maximum(x, 0), 6), lambda g, f, x: g if 0 < x < 6 else 0.0)
xlogy = primitive(lambda x, y: x * np.log(y) if x != 0 or np.isnan(y) else 0,
                  lambda g, f, x, y: g * np.log(y), lambda g, f, x, y: g / y * x)
sinc_maclaurin = primitive(lambda x: x * 0 + 1, lambda g, f, x: g * (x * 0))


# ---- what a user calls: jax.numpy, jax.nn, jax.scipy.special, jax.lax.rsqrt --------------------------------------

def trunc(x):
    return select(x.value < 0, ceil(x), floor(x))


def sinc(x):
    is_zero, is_infinite, x = x.value == 0, np.isinf(x.value), x * math.pi
    safe = select(is_zero or is_infinite, 1, x)
    return select(is_infinite, 0, select(is_zero, sinc_maclaurin(x), sin(safe) / safe))


def hypot(x, y):
    is_infinite = np.isinf(x.value) or np.isinf(y.value)
    more, less = max_(abs(x), abs(y)), min_(abs(x), abs(y))
    is_zero = more.value == 0
    ratio = less / select(is_zero, 1, more)
    return select(is_infinite, INF, select(is_zero, more, more * sqrt(square(ratio) + 1)))


def remainder(x, y):
    rest = rem(x, y)
    return select(rest.value != 0 and (rest.value < 0) != (y.value < 0), rest + y, rest)


def softplus(x):
    return logaddexp(x, 0)


def elu(x, alpha):
    is_positive = x.value > 0
    return select(is_positive, x, expm1(select(is_positive, 0, x)) * alpha)


def gelu_tanh(x):
    return x * ((tanh((x + x ** 3 * 0.044715) * math.sqrt(2 / math.pi)) + 1) * 0.5)


OPERATIONS = {
    "div": div, "reciprocal": lambda x: x ** -1, "pow": pow_, "sqrt": sqrt, "rsqrt": rsqrt, "cbrt": cbrt, "exp": exp,
    "exp2": exp2, "expm1": expm1, "log": log, "log2": lambda x: log(x) / math.log(2),
    "log10": lambda x: log(x) * (1 / math.log(10)), "log1p": log1p, "xlogy": xlogy, "logaddexp": logaddexp,
    "asin": asin, "acos": acos, "atan": atan, "atan2": atan2, "hypot": hypot, "sinc": sinc, "sinh": sinh, "cosh": cosh,
    "tanh": tanh, "asinh": asinh, "acosh": acosh, "atanh": atanh, "erf": erf, "erfc": erfc, "erfinv": erf_inv,
    "lgamma": lgamma, "abs": abs_, "min": min_, "max": max_,
    "fmin": lambda x, y: select(x.value < y.value or np.isnan(y.value), x, y),
    "fmax": lambda x, y: select(x.value > y.value or np.isnan(y.value), x, y),
    "clamp": lambda x, y, z: min_(z, max_(y, x)),       # jax.numpy.clip
    "where": lambda x, y, z: select(x.value != 0, y, z),
    "sign": sign, "floor": floor, "ceil": ceil, "round": round_, "trunc": trunc,
    "frac": lambda x: x - trunc(x),                     # jax.numpy.modf
    "fmod": rem, "remainder": remainder, "sigmoid": logistic, "logsigmoid": lambda x: -softplus(-x),
    "softplus": softplus, "relu": relu, "leaky_relu": lambda x: select(x.value >= 0, x, x * PARAMETER),
    "relu6": relu6, "elu": lambda x: elu(x, PARAMETER),
    "selu": lambda x: elu(x, 1.6732632423543772) * 1.0507009873554805,
    "gelu": lambda x: x * 0.5 * erfc(-x * math.sqrt(0.5)), "gelu_tanh": gelu_tanh,
    "silu": lambda x: x * logistic(x), "softsign": lambda x: x / (abs(x) + 1),
    "hardtanh": lambda x: select(x.value > 1, 1, select(x.value < -1, -1, x)),
    "hardsigmoid": lambda x: relu6(x + 3) / 6,
}


def ask(name, operands):
    """The partials by the rules of JAX."""
    Traced.tape.clear()
    leaves = [Traced(x) for x in operands]
    OPERATIONS[name](*leaves).backward()
    return [0.0 if leaf.cotangent is None else leaf.cotangent for leaf in leaves]


def main():
    names = [name for name in names_of_rows() if any(kinks_of(name, arity_of(name)))]
    unknown = [name for name in names if name not in OPERATIONS]
    if unknown:
        sys.exit("say in OPERATIONS of jax.py what these are in JAX: " + ", ".join(unknown))
    with open(os.path.join(HERE, "jax.inc"), "w", encoding="utf-8") as out, np.errstate(all="ignore"):
        out.write("/* The derivatives that JAX gives at kinks and limits: not run, but computed by jax.py from the\n"
                  " * rules in its source, %s. JAX(op, x, y, z, dx, dy, dz). */\n" % SOURCE)
        for name in names:
            arity = arity_of(name)
            none = [0.0] * (3 - arity)
            for operands in kinks_of(name, arity):
                numbers = [*operands, *none, *ask(name, operands), *none]
                out.write("JAX(%s, %s)\n" % (name, ", ".join(map(number, numbers))))


if __name__ == "__main__":
    main()
