"""peer_scalar.py LIBRARY WORKLOAD - the smaller scalar workloads in Python, in the process that harness.h
describes: with PyTorch (torch: 0-dimensional tensors in double), with micrograd, or with the class below
(objects). Ends without a word when the library is not there or the workload would take minutes."""
import math
import sys
import time


class Number:
    """A number as an object that knows which others it was made of, and its derivative by each: the least that
    any graph of numbers needs in this language."""

    __slots__ = ("data", "grad", "operands", "listed")

    def __init__(self, data, *operands):
        self.data, self.grad, self.operands, self.listed = data, 0.0, operands, False

    def __add__(self, other):
        if not isinstance(other, Number):
            return Number(self.data + other, (self, 1.0))
        return Number(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        if not isinstance(other, Number):
            return Number(self.data * other, (self, other))
        return Number(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, exponent):
        return Number(self.data**exponent, (self, exponent * self.data ** (exponent - 1)))

    def __neg__(self):
        return Number(-self.data, (self, -1.0))

    def __sub__(self, other):
        return Number(self.data - other.data, (self, 1.0), (other, -1.0))

    def __truediv__(self, other):
        return self * (1 / other)

    def __rtruediv__(self, other):
        return Number(other / self.data, (self, -other / self.data**2))

    __radd__, __rmul__ = __add__, __mul__

    def relu(self):
        return Number(max(self.data, 0.0), (self, float(self.data > 0)))

    def backward(self):
        """The chain rule from the results to what they are made of; without recursion, so that a long sum does not
        overflow the stack."""
        order, stack = [], [(self, False)]
        while stack:
            number_, operands_listed = stack.pop()
            if operands_listed:
                order.append(number_)
            elif not number_.listed:
                number_.listed = True
                stack.append((number_, True))
                stack.extend((operand, False) for operand, _ in number_.operands)
        self.grad = 1.0
        for number_ in reversed(order):
            for operand, derivative in number_.operands:
                operand.grad += derivative * number_.grad


def libraries():
    """(make an input, the number, the gradient, relu) of the library called for."""
    if sys.argv[1] == "objects":
        return Number, lambda v: v.data, lambda v: v.grad, lambda v: v.relu()
    if sys.argv[1] == "torch":
        import torch

        torch.set_num_threads(1)
        return (lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
                lambda v: v.item(), lambda v: v.grad.item(), lambda v: v.relu())
    from micrograd.engine import Value

    return Value, lambda v: v.data, lambda v: v.grad, lambda v: v.relu()


def expr():
    a, b = leaf(-4.0), leaf(2.0)
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + ((1 + c) + (-a))
    d = d + (d * 2 + relu(b + a))
    d = d + (3 * d + relu(b - a))
    e = c - d
    f = e**2
    g = f / 2
    g = g + 10 / f
    g.backward()
    return number(g), gradient(a), gradient(b)


def neuron(p, x):
    total = p[-1]
    for w, x_i in zip(p, x):
        total = total + w * x_i
    return total


def layer(p, x, outputs):
    n = len(x) + 1
    return [neuron(p[j * n:(j + 1) * n], x) for j in range(outputs)]


def network(p, x):
    first = [relu(v) for v in layer(p[:48], x, 16)]
    second = [relu(v) for v in layer(p[48:320], first, 16)]
    return neuron(p[320:], second)


def mlp():
    p = [leaf(0.1 * math.sin(k)) for k in range(337)]
    data = 0
    for i in range(100):
        y = 1.0 if i % 2 else -1.0
        x = (math.sin(i), math.cos(1.7 * i))
        loss = relu(1 + -y * network(p, x))
        data = data + loss if i else loss
    squares = p[0] * p[0]
    for v in p[1:]:
        squares = squares + v * v
    loss = data * 0.01 + 1e-4 * squares
    loss.backward()
    return (number(loss), sum((k + 1) * gradient(v) for k, v in enumerate(p)), gradient(p[100]))


def peak_bytes():
    """As harness.c takes it."""
    with open("/proc/self/status", encoding="ascii") as status:
        said = dict(line.split(":", 1) for line in status)
    peak, files = (int(said[name].split()[0]) for name in ("VmHWM", "RssFile"))
    return 1024 * (peak - files)


workload = {"W1": expr, "W2": mlp}.get(sys.argv[2])
if workload is None:
    sys.exit(1)
try:
    leaf, number, gradient, relu = libraries()
except ImportError:
    sys.exit(1)
sys.setrecursionlimit(100000)  # micrograd sorts a graph by recursion
print("ready", peak_bytes(), flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] != "repeat":
        break
    start = time.process_time()
    for _ in range(int(words[1])):
        results = workload()
    seconds = time.process_time() - start
    print(seconds, peak_bytes(), *results, flush=True)
