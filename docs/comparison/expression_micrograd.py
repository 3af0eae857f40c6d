from micrograd.engine import Value

a, b = Value(1.5), Value(2.0)
c = a * b + b ** 3
d = (c - a) * (a + b).relu() + (b - a).relu() / b
d.backward()
print(f"d     = {d.data:.6f}")
print(f"dd/da = {a.grad:.6f}")
print(f"dd/db = {b.grad:.6f}")
