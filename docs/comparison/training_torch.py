import torch
from torch.nn.functional import cross_entropy

x = torch.tensor([[1.0, -2.0], [0.5, 1.5], [-1.0, 0.25]], dtype=torch.float64)
labels = torch.tensor([0, 1, 1])
w1 = torch.tensor([[0.5, -0.25, 1.0], [0.75, 0.5, -0.5]], dtype=torch.float64, requires_grad=True)
w2 = torch.tensor([[1.0, -1.0], [0.5, 0.25], [-0.5, 1.0]], dtype=torch.float64, requires_grad=True)

for step in range(3):
    loss = cross_entropy(torch.tanh(x @ w1) @ w2, labels)
    w1.grad = w2.grad = None
    loss.backward()
    print(f"step {step}: loss {loss.item():.6f}, slopes {w1.grad[0, 0].item():.6f} {w2.grad[2, 1].item():.6f}")
    with torch.no_grad():
        w1 -= 0.5 * w1.grad
        w2 -= 0.5 * w2.grad
