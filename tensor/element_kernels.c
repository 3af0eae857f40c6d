/* element_kernels.c - loops that go number by number, compiled once for each instruction set. */
#include "kernel_names.h"
#include "simd.h"

/* clang-format off: it takes UNROLL and INDEPENDENT before a loop for declarations */

void KERNEL(fill)(real *y, real number, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = number;
}

void KERNEL(add_to)(real *y, const real *x, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

void KERNEL(subtract_from)(real *y, const real *x, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] -= x[i];
}

void KERNEL(add_scaled)(real *y, real factor, const real *x, int64_t n)
{
    scaled_row(y, factor, x, n, 1);
}

void KERNEL(multiply_add_to)(real *y, const real *a, const real *b, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] += a[i] * b[i];
}

void KERNEL(multiply_subtract_from)(real *y, const real *a, const real *b, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] -= a[i] * b[i];
}

void KERNEL(scale)(real *y, real factor, const real *x, int64_t n)
{
    scaled_row(y, factor, x, n, 0);
}

void KERNEL(add)(real *y, const real *a, const real *b, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void KERNEL(subtract)(real *y, const real *a, const real *b, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] = a[i] - b[i];
}

void KERNEL(multiply)(real *y, const real *a, const real *b, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

void KERNEL(divide)(real *y, const real *a, const real *b, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] = a[i] / b[i];
}

void KERNEL(from_bytes)(real *y, real factor, const uint8_t *x, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++)
        y[i] = factor * (real)x[i];
}

/* Comparisons with NaN are false, so this lets a NaN through. */
INLINE Vector relu_of(Vector x)
{
    return pick((Mask)(x <= 0), (Vector){0}, x);
}
MAP(relu, 4)

/* SLOPE is the derivative in terms of the result f; the gradient g passes where `passes`, or if strict. Both flags are
 * constants where these are inlined. */
#define SLOPE_BACKWARD(name, SLOPE, passes)                                                        \
    INLINE Vector name##_gradient(Vector f, Vector g, const int strict)                            \
    {                                                                                              \
        const Vector product = g * (SLOPE);                                                        \
        return strict ? product : pick((Mask)(passes), product, (Vector){0});                      \
    }                                                                                              \
    INLINE int name##_loop(real *y, const real *f, const real *g, int64_t n, const int accumulate, \
                           const int strict)                                                       \
    {                                                                                              \
        Vector zeros[SLOPE_VECTORS] = {{0}};                                                       \
        int64_t i = 0;                                                                             \
        for (; i + SLOPE_VECTORS * LANES <= n; i += SLOPE_VECTORS * LANES)                         \
            UNROLL for (int v = 0; v < SLOPE_VECTORS; v++) {                                       \
                const int64_t at = i + v * LANES;                                                  \
                const Vector d = name##_gradient(load(f + at), load(g + at), strict);              \
                zeros[v] += 0 * d;                                                                 \
                store(y + at, accumulate ? load(y + at) + d : d);                                  \
            }                                                                                      \
        for (; i < n; i += LANES) {                                                                \
            const int64_t rest = least(n - i, LANES);                                              \
            const Vector d = name##_gradient(load_last(f + i, rest, 0), load_last(g + i, rest, 0), \
                                             strict);                                              \
            zeros[0] += 0 * d;                                                                     \
            store_last(y + i, rest, accumulate ? load_last(y + i, rest, 0) + d : d);               \
        }                                                                                          \
        return lane_sum(zeros[0] + zeros[1]) == 0;                                                 \
    }                                                                                              \
    int KERNEL(name##_backward)(real *y, const real *f, const real *g, int64_t n, int accumulate,  \
                                int strict)                                                        \
    {                                                                                              \
        if (strict)                                                                                \
            return name##_loop(y, f, g, n, accumulate, 1);                                         \
        return accumulate ? name##_loop(y, f, g, n, 1, 0) : name##_loop(y, f, g, n, 0, 0);         \
    }
enum { SLOPE_VECTORS = 2 };

INLINE Vector relu_slope(Vector f)
{
    const Vector one = (Vector){0} + 1;
    return pick((Mask)(f > 0), one, pick((Mask)(f <= 0), (Vector){0}, f));
}

/* What relu holds back is 0 of any gradient (op_chooses); a NaN stays one. */
SLOPE_BACKWARD(relu, relu_slope(f), (Mask)(g != 0) & ~(Mask)(f <= 0))
SLOPE_BACKWARD(sigmoid, f * (1 - f), g != 0)
SLOPE_BACKWARD(tanh, 1 - f * f, g != 0)
