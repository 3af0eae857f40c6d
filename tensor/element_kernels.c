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

/* Comparisons with NaN are false, so these two let a NaN through. */
void KERNEL(relu)(real *y, const real *x, int64_t n)
{
    INDEPENDENT for (int64_t i = 0; i < n; i++) {
        const real number = x[i];
        y[i] = number <= 0 ? 0 : number;
    }
}

/* SLOPE is the derivative in terms of the result f; the gradient g passes where `passes`, or if strict, which is a
 * constant where this is inlined. */
#define SLOPE_BACKWARD(name, SLOPE, passes)                                                        \
    INLINE real name##_gradient(real f, real g, const int strict)                                  \
    {                                                                                              \
        const real product = g * (SLOPE);                                                          \
        return strict || (passes) ? product : 0;                                                   \
    }                                                                                              \
    void KERNEL(name##_backward)(real *y, const real *f, const real *g, int64_t n, int accumulate, \
                                 int strict)                                                       \
    {                                                                                              \
        if (strict)                                                                                \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] = name##_gradient(f[i], g[i], 1) + (accumulate ? y[i] : 0);                   \
        else if (accumulate)                                                                       \
            INDEPENDENT for (int64_t i = 0; i < n; i++)                                            \
                y[i] += name##_gradient(f[i], g[i], 0);                                            \
        else                                                                                       \
            INDEPENDENT for (int64_t i = 0; i < n; i++)                                            \
                y[i] = name##_gradient(f[i], g[i], 0);                                             \
    }

/* What relu holds back is 0 of any gradient (op_chooses); a NaN stays one. */
SLOPE_BACKWARD(relu, f > 0 ? 1 : f <= 0 ? 0 : f, g != 0 && !(f <= 0))
SLOPE_BACKWARD(sigmoid, f * (1 - f), g != 0)
SLOPE_BACKWARD(tanh, 1 - f * f, g != 0)
