import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def f(x, w, b):
    return jnp.tanh(w * x + b)


y, (dx, dw, db) = jax.value_and_grad(f, argnums=(0, 1, 2))(2.0, -3.0, 7.0)
print(f"y     = {y:.6f}")
print(f"dy/dx = {dx:.6f}")
print(f"dy/dw = {dw:.6f}")
print(f"dy/db = {db:.6f}")
