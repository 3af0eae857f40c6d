#!/usr/bin/python3
"""Writes pytorch_tensors.inc: what PyTorch says about tensor operations, for tests/test_oracle_tensors.c.

    tests/oracle/pytorch_tensors.py    (Debian: python3-torch, version 1.13)

Each case is an entry of tests/tensor_operations.h (which says what is called, with which axes), numbers for its
operands, and the same call here: at ordinary numbers, and where there are ties, zeros, large numbers and
infinities. A reason says why our result differs, by choice.
"""
import os

import torch
import torch.nn.functional as F

from rows import HERE, INF, number

torch.manual_seed(5)


def draw(*shape):
    return (torch.rand(*shape, dtype=torch.float64) * 4 - 2).mul(64).round().div(64)


def positive(*shape):
    return draw(*shape).abs() + 0.25


def probabilities(*shape):
    x = positive(*shape)
    return (x / x.sum(-1, keepdim=True)).mul(256).round().div(256)


def of(*numbers, shape=None):
    x = torch.tensor(numbers, dtype=torch.float64)
    return x.reshape(shape) if shape else x


def norm(p, axes, keepdim):
    return lambda x: torch.linalg.vector_norm(x, p, dim=axes, keepdim=keepdim)


def layer_norm(epsilon):
    return lambda x, gain=None, bias=None: F.layer_norm(x, x.shape[-1:], gain, bias, epsilon)


def cross_entropy(labels, **options):
    return lambda x: F.cross_entropy(x.reshape(len(labels), -1), torch.tensor(labels), **options)


def kl_divergence(x, y):
    return F.kl_div(x, y, reduction="sum") / (x.numel() // x.shape[-1])


# Entry of tensor_operations.h, what PyTorch calls it, operands, and why ours differs, or None.
CASES = [
    ("reshape", lambda x: x.reshape(3, -1), [draw(2, 2, 3)], None),
    ("slice", lambda x: x[:, -3::2], [draw(2, 4)], None),
    ("index", lambda x: x[:, 1], [draw(3, 2)], None),
    ("gather", lambda x: x[[1, 0, -1, 1]], [draw(2, 3)], None),
    ("concat", lambda x, y: torch.cat((x, y, x), 1), [draw(2, 1), draw(2, 2)], None),
    ("stack", lambda x, y: torch.stack((x, y), -1), [draw(2, 1), draw(2, 1)], None),
    ("broadcast", lambda x: x.expand(2, 3, 2), [draw(3, 1)], None),
    ("repeat", lambda x: x.repeat(2, 1, 3), [draw(2, 2)], None),
    ("pad", lambda x: F.pad(x, (0, 0, 2, 1), value=0.5), [draw(2, 2, 2)], None),
    ("pad_last", lambda x: F.pad(x, (0, 2)), [draw(3)], None),
    ("sum_all", torch.sum, [draw(2, 3)], None),
    ("mean_all", torch.mean, [draw(2, 3)], None),
    ("dropout_off", lambda x: F.dropout(x, 0.4, training=False), [draw(2, 3)], None),
    ("transpose", lambda x: x.transpose(-1, -2), [draw(2, 3)], None),
    ("permute", lambda x: x.permute(2, 0, 1), [draw(2, 2, 3)], None),
    ("flip", lambda x: x.flip(0, -1), [draw(2, 3)], None),
    ("take_along", lambda x: torch.take_along_dim(x, torch.tensor([[2, 0], [2, 2]]), 1), [draw(2, 3)], None),
    ("embedding", lambda x: F.embedding(torch.tensor([[2, 0], [2, 1]]), x), [draw(3, 2)], None),
    ("sum", lambda x: x.sum((0, 2)), [draw(2, 3, 2)], None),
    ("mean", lambda x: x.mean(1, keepdim=True), [draw(2, 3, 2)], None),
    ("reduce_max", lambda x: x.amax((2, 0)), [draw(2, 3, 2)], None),
    ("reduce_max_last", lambda x: x.amax(-1, keepdim=True), [of(1, 2, 2, 3, 3, 3, shape=(2, 3))], None),
    ("reduce_min", lambda x: x.amin((0, -1), keepdim=True), [of(1, 1, 2, 3, 1, 4, shape=(2, 3))], None),
    ("prod", lambda x: x.prod(2).prod(0), [draw(2, 3, 2)], None),
    ("prod_last", lambda x: x.prod(-1), [of(2, 0, 3, 0, 0, 5, 2, 3, 4, shape=(3, 3))], None),
    ("var", lambda x: x.var(1, unbiased=True, keepdim=True), [draw(2, 3)], None),
    ("var_biased", lambda x: x.var(unbiased=False), [draw(2, 3)], None),
    ("std", lambda x: x.std((1, 2), unbiased=True), [draw(2, 3, 2)], None),
    ("std_biased", lambda x: x.std(0, unbiased=False, keepdim=True), [of(1, 2, 1, 4, shape=(2, 2))], None),
    ("norm_1", norm(1, -1, False), [of(1, 0, -2, 0, 0, 0, shape=(2, 3))], None),
    ("norm_2", norm(2, (0, 1), True), [draw(2, 3)], None),
    ("norm_2", norm(2, (0, 1), True), [of(0, 0, 0, 0, shape=(2, 2))], None),
    ("norm_max", norm(INF, 1, False), [of(1, -3, 3, 2, 0, 1, shape=(2, 3))], None),
    ("cumsum", lambda x: x.cumsum(1), [draw(2, 3)], None),
    ("layer_norm", layer_norm(0.1), [draw(2, 3), draw(3), draw(3)], None),
    ("layer_norm", layer_norm(0.1), [of(1, 1, 1, 2, 3, 4, shape=(2, 3)), draw(3), draw(3)], None),
    ("layer_norm_alone", layer_norm(1e-5), [of(1, 1, 1, 2, 3, 4, shape=(2, 3))], None),
    ("matmul", torch.matmul, [draw(2, 3), draw(3, 2)], None),
    ("matmul", torch.matmul, [draw(2, 2, 3), draw(3, 2)], None),
    ("dot", torch.dot, [draw(4), draw(4)], None),
    ("outer", torch.outer, [draw(2), draw(3)], None),
    ("affine", lambda x, w, b: x @ w + b, [draw(2, 3), draw(3, 2), draw(2)], None),
    ("affine", lambda x, w, b: x @ w + b, [draw(1, 3), draw(3, 1), draw(1)], None),
    ("conv2d", F.conv2d, [draw(1, 2, 3, 3), draw(2, 2, 2, 2), draw(2)], None),
    ("conv2d_options", lambda x, w: F.conv2d(x, w, None, (2, 1), (1, 2), (1, 2)), [draw(2, 3, 4), draw(1, 2, 2, 2)],
     None),
    ("max_pool2d", lambda x: F.max_pool2d(x, 2), [draw(1, 2, 2, 4)], None),
    ("max_pool2d_options", lambda x: F.max_pool2d(x, (2, 3), (1, 2), (1, 1)), [draw(2, 3, 4)], None),
    ("avg_pool2d_options", lambda x: F.avg_pool2d(x, (2, 3), (1, 2), (1, 1)), [draw(2, 3, 4)], None),
    ("max_pool2d", lambda x: F.max_pool2d(x, 2), [of(1, 1, 2, 3, 1, 1, 3, 3, shape=(1, 1, 2, 4))], None),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 2), [draw(1, 2, 2, 4)], None),
    ("softmax", lambda x: x.softmax(0), [draw(3, 2)], None),
    ("softmax_last", lambda x: x.softmax(-1), [of(1000, 1000, -1000, 1, 2, -INF, shape=(2, 3))], None),
    ("log_softmax", lambda x: x.log_softmax(1), [draw(2, 3)], None),
    ("log_softmax", lambda x: x.log_softmax(1), [of(1000, 0, -1000, 5, 5, 5, shape=(2, 3))], None),
    ("log_softmax", lambda x: x.log_softmax(1), [of(1, INF, 2, 3, -INF, 5, shape=(2, 3))], None),
    ("logsumexp_last", lambda x: x.logsumexp(-1, keepdim=True), [of(1000, 1000, -INF, 1, shape=(2, 2))], None),
    ("logsumexp_last", lambda x: x.logsumexp(-1, keepdim=True), [of(-INF, -INF, shape=(1, 2))],
     "where all are -inf the derivatives are 0"),
    ("logsumexp_last", lambda x: x.logsumexp(-1, keepdim=True), [of(1, INF, shape=(1, 2))],
     "beside inf the weights are their limits, 0 and 1"),
    ("cross_entropy", cross_entropy([2, 0]), [draw(2, 3)], None),
    ("cross_entropy", cross_entropy([2, 0]), [of(1000, 0, -1000, -1000, 1000, 0, shape=(2, 3))], None),
    ("cross_entropy_one", cross_entropy([1]), [draw(3)], None),
    ("cross_entropy_soft", F.cross_entropy, [draw(2, 3), probabilities(2, 3)], None),
    ("cross_entropy_smoothed", cross_entropy([2, 0], label_smoothing=0.2), [draw(2, 3)], None),
    ("nll", lambda x: F.nll_loss(x, torch.tensor([2, 0])), [draw(2, 3)], None),
    ("mse", F.mse_loss, [draw(2, 3), draw(2, 3)], None),
    ("mae", F.l1_loss, [of(1, 2, 3), of(1, 4, 2)], None),
    ("huber", lambda x, y: F.huber_loss(x, y, delta=0.8), [of(1, 2, 3, 0.8), of(1, 4, 2.5, 0)], None),
    ("binary_cross_entropy", F.binary_cross_entropy, [of(0.25, 0.5, 0.875), of(0, 0.5, 1)], None),
    ("binary_cross_entropy", F.binary_cross_entropy, [of(0, 1), of(1, 1)],
     "at x = 0 the loss is 100 and flat; PyTorch's derivative is -1e12 there"),
    ("binary_cross_entropy_logits", F.binary_cross_entropy_with_logits, [of(-800, -1, 0, 2, 800), of(1, 0, 1, 0.5, 0)],
     None),
    ("hinge", lambda x, y: torch.relu(1 - x * y).mean(), [of(0.5, 1, -2), of(1, 1, -1)], None),
    ("kl_divergence", kl_divergence, [draw(2, 3), probabilities(2, 3)], None),
    ("affine_relu", lambda x, w, b: torch.relu(x @ w + b), [draw(2, 3), draw(3, 2), draw(2)], None),
    ("affine_sigmoid", lambda x, w, b: torch.sigmoid(x @ w + b), [draw(2, 3), draw(3, 2), draw(2)], None),
    ("affine_tanh", lambda x, w, b: torch.tanh(x @ w + b), [draw(1, 3), draw(3, 2), draw(2)], None),
]

# Functions of tensor.h that PyTorch does not have, and why.
NOT_THERE = [("tensor_from_values", "no single numbers in its graphs")]


def numbers(x):
    return "{%s}" % (", ".join(number(a) for a in x.flatten().tolist()) or "0")


def shape(x):
    return "SHAPE(%s)" % ", ".join(str(n) for n in [x.dim(), *x.shape])


def main():
    with open(os.path.join(HERE, "pytorch_tensors.inc"), "w", encoding="utf-8") as out:
        out.write("/* What PyTorch %s gives, written by pytorch_tensors.py. CASE(entry of tensor_operations.h, how many\n"
                  " * operands, their shapes, their numbers, gradient of the result, result, gradients of the operands,\n"
                  " * why ours differ or NULL). ABSENT(function, reason): PyTorch has no such operation. */\n" % torch.__version__.split("a")[0])
        for name, call, operands, reason in CASES:
            leaves = [x.clone().requires_grad_() for x in operands]
            result = call(*leaves)
            seed = (torch.rand(result.shape, dtype=torch.float64) + 0.5).mul(64).round().div(64)
            result.backward(seed)
            lists = [", ".join(map(shape, leaves)), ", ".join(numbers(x.detach()) for x in leaves),
                     ", ".join(numbers(x.grad if x.grad is not None else 0 * x.detach()) for x in leaves)]
            out.write("CASE(%s, %d, ARRAY(%s), ARRAY(%s), ARRAY%s, ARRAY%s, ARRAY(%s), %s)\n" % (
                name, len(leaves), lists[0], lists[1], numbers(seed).replace("{", "(").replace("}", ")"),
                numbers(result.detach()).replace("{", "(").replace("}", ")"), lists[2],
                '"%s"' % reason if reason else "NULL"))
        for function, reason in NOT_THERE:
            out.write('ABSENT(%s, "%s")\n' % (function, reason))


if __name__ == "__main__":
    main()
