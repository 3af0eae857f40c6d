"""peer_mnist.py PRECISION DATA WORKLOAD - the training of mnist_workloads.h with PyTorch, in the process that
harness.h describes. Ends without a word when PyTorch is not there."""
import gzip
import os
import re
import resource
import sys
import time

precision, data, name = sys.argv[1:4]
try:
    import torch
except ImportError:
    sys.exit(1)

NETWORKS = {"RELU": ([784, 128, 10], torch.nn.ReLU), "SIGMOID": ([784, 128, 64, 10], torch.nn.Sigmoid)}
kind = torch.float32 if precision == "float" else torch.float64


def workload():
    """The row of this workload in the table of mnist_workloads.h."""
    header = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mnist_workloads.h")
    with open(header, encoding="utf-8") as file:
        row = re.search(r'X\("%s", "[^"]*", (.*?)\)' % re.escape(name), file.read())
    return row.group(1).split(", ")


def read(file_name, skip, count):
    """The first bytes of a file of the data after its heading, with or without .gz."""
    path = os.path.join(data, file_name)
    with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz") as file:
        return torch.frombuffer(bytearray(file.read(skip + count)), dtype=torch.uint8)[skip:]


def images(stem, count):
    pixels = read(stem + "-images-idx3-ubyte", 16, count * 784).reshape(-1, 784)
    return pixels, read(stem + "-labels-idx1-ubyte", 8, count).long()


def first_weights():
    """As mnist_draw_weights() draws them; nn.Linear has its matrix the other way round."""
    state, layers = 1, []
    for n_in, n_out in zip(sizes, sizes[1:]):
        drawn = []
        for _ in range(n_in * n_out):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            drawn.append(((state >> 40) / 2**23 - 1) / n_in**0.5)
        layers.append(torch.tensor(drawn, dtype=torch.float64).reshape(n_in, n_out).T.to(kind))
    return layers


def start_anew():
    with torch.no_grad():
        for layer, weights in zip(linear, start):
            layer.weight.copy_(weights)
            layer.bias.zero_()


def train():
    start_anew()
    total = 0.0
    for at in range(0, digits, batch):
        x, y = pixels[at:at + batch].to(kind) / 255, labels[at:at + batch]
        loss = loss_of(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / digits


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


network, threads, batch, digits, rate = workload()[:5]
batch, digits = int(batch), int(digits)
torch.set_num_threads(int(threads))
sizes, activation = NETWORKS[network]
linear = [torch.nn.Linear(a, b).to(kind) for a, b in zip(sizes, sizes[1:])]
net = torch.nn.Sequential(linear[0], *[part for layer in linear[1:] for part in (activation(), layer)])
optimizer = torch.optim.SGD(net.parameters(), lr=float(rate))
loss_of = torch.nn.CrossEntropyLoss()
start = first_weights()
pixels, labels = images("train", digits)
test_pixels, test_labels = images("t10k", 1000)
clock = time.process_time if int(threads) == 1 else time.perf_counter
print("ready", peak_bytes(), flush=True)
right = None
for line in sys.stdin:
    words = line.split()
    if words[0] != "repeat":
        break
    begun = clock()
    for _ in range(int(words[1])):
        mean_loss = train()
    seconds = clock() - begun
    if right is None:
        with torch.no_grad():
            right = (net(test_pixels.to(kind) / 255).argmax(1) == test_labels).sum().item()
    print(seconds, peak_bytes(), mean_loss, right, 0, 0, flush=True)
