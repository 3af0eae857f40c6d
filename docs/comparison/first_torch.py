import torch

x, w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (2.0, -3.0, 7.0))
y = torch.tanh(w * x + b)
y.backward()
print(f"y     = {y.item():.6f}")
print(f"dy/dx = {x.grad.item():.6f}")
print(f"dy/dw = {w.grad.item():.6f}")
print(f"dy/db = {b.grad.item():.6f}")
