import torch

x = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
y = x * x
with torch.no_grad():
    x.fill_(5.0)
try:
    y.backward()
except RuntimeError as error:
    print(str(error).split(":")[0])
