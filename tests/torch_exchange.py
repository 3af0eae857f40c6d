"""torch_exchange.py - networks go to PyTorch and come back with the same logits.

    torch_exchange.py MNIST LOGITS DATA

MNIST is the trainer, LOGITS the program of torch_logits.c, DATA the folder of the digits.

A network trained here is read into an nn.Sequential and gives the same logits for every test digit, to
1e-5; one trained in PyTorch is read here, from float64, float32 and bfloat16, and does, too. The files
are safetensors, read and written here by the format's description, and by its own library where that is
installed; and .npz, by NumPy."""

import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy
import torch

try:
    import safetensors.numpy
except ImportError:
    safetensors = None

MNIST, LOGITS, DATA = sys.argv[1:4]
DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data, dtype=DTYPES[entry["dtype"]], offset=entry["data_offsets"][0],
                               count=numpy.prod(entry["shape"], dtype=int)).reshape(entry["shape"])
        for name, entry in header.items()
    }


def write_safetensors(path, state):
    header, data = {}, b""
    for name, tensor in state.items():
        dtype = next(name for name, dtype in DTYPES.items() if dtype == tensor.dtype)
        # NumPy has no bfloat16: its bits as 16-bit integers do.
        bits = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
        piece = bits.numpy().tobytes()
        header[name] = {"dtype": dtype, "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def digits():
    with gzip.open(os.path.join(DATA, "t10k-images-idx3-ubyte.gz")) as file:
        pixels = numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=16)
    return torch.from_numpy(pixels.reshape(-1, 784).astype(numpy.float64) / 255)


def labels():
    with gzip.open(os.path.join(DATA, "t10k-labels-idx1-ubyte.gz")) as file:
        return torch.from_numpy(numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=8).astype(numpy.int64))


def our_logits(path):
    out = subprocess.run([LOGITS, path, DATA], stdout=subprocess.PIPE, check=True).stdout
    return torch.from_numpy(numpy.frombuffer(out, dtype=numpy.float64).reshape(-1, 10).copy())


def compare(what, given, expected, tolerance=1e-5):
    apart = (given - expected).abs().max().item()
    print(f"{what}: logits up to {expected.abs().max().item():.1f}, at most {apart:.2g} apart")
    if not apart <= tolerance:
        sys.exit(f"{what}: expected at most {tolerance:g}")


def sequential(sizes, activation):
    layers = [torch.nn.Linear(sizes[0], sizes[1])]
    for i in range(1, len(sizes) - 1):
        layers += [activation(), torch.nn.Linear(sizes[i], sizes[i + 1])]
    return torch.nn.Sequential(*layers).double()


def from_here(folder):
    path = os.path.join(folder, "ours.safetensors")
    for layers, name, activation in (("32", "relu", torch.nn.ReLU), ("24,16", "tanh", torch.nn.Tanh)):
        subprocess.run([MNIST, "--quiet", "--epochs", "1", "--train-limit", "5000", "--layers", layers,
                        "--activation", name, "--save", path], check=True, stdout=subprocess.DEVNULL)
        net = sequential([784] + [int(side) for side in layers.split(",")] + [10], activation)
        net.load_state_dict(read_safetensors(path))
        compare(f"784-{layers}-10 {name} from here", our_logits(path), net(digits()).detach())
        npz = os.path.join(folder, "ours.npz")
        subprocess.run([MNIST, "export", path, "--npz", npz], check=True)
        state = read_safetensors(path)
        for key, array in numpy.load(npz).items():
            assert (torch.from_numpy(array) == state[key]).all(), key
        if safetensors:
            for key, array in safetensors.numpy.load_file(path).items():
                assert (torch.from_numpy(array) == state[key]).all(), key


def trained_there():
    torch.manual_seed(1)
    net = sequential([784, 20, 10], torch.nn.ReLU)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    inputs, targets = digits(), labels()
    for start in range(0, 3000, 100):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(inputs[start:start + 100]), targets[start:start + 100])
        loss.backward()
        optimizer.step()
    return net


def from_there(folder):
    net = trained_there()
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        path = os.path.join(folder, "theirs.safetensors")
        state = {name: tensor.to(dtype) for name, tensor in net.state_dict().items()}
        write_safetensors(path, state)
        rounded = sequential([784, 20, 10], torch.nn.ReLU)
        rounded.load_state_dict(state)
        compare(f"from PyTorch, {dtype}", our_logits(path), rounded(digits()).detach())
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    path = os.path.join(folder, "theirs.npz")
    numpy.savez_compressed(path, **arrays)
    compare("from NumPy", our_logits(path), net(digits()).detach())
    if safetensors:
        path = os.path.join(folder, "library.safetensors")
        safetensors.numpy.save_file(arrays, path)
        compare("from the safetensors library", our_logits(path), net(digits()).detach())


with tempfile.TemporaryDirectory() as temporary:
    torch.set_num_threads(1)
    from_here(temporary)
    from_there(temporary)
