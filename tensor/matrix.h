/* matrix.h - matrices in memory and their product, for the operations made of it. */
#ifndef VALGRAD_TENSOR_MATRIX_H
#define VALGRAD_TENSOR_MATRIX_H

#include "tensor/sparse.h"

/* Element (i, j) at numbers[i * row + j * column], one of the two being 1. */
typedef struct Matrix {
    int64_t rows, columns;
    const real *numbers;
    int64_t row, column;
} Matrix;

static inline Matrix matrix__plain(int64_t rows, int64_t columns, const real *numbers)
{
    return (Matrix){rows, columns, numbers, columns, 1};
}

static inline Matrix matrix__transposed(Matrix m)
{
    return (Matrix){m.columns, m.rows, m.numbers, m.column, m.row};
}

/* The scratch that matrix__multiply needs for C = A B, (m, k) x (k, n), and for both its gradients. */
int64_t matrix__scratch(int64_t m, int64_t n, int64_t k);

/* c [+]= a b + bias, with the scratch; c has b's columns. bias may be NULL. */
void matrix__multiply(Matrix a, Matrix b, const real *bias, real *c, bool accumulate,
                      real *scratch);

/* The same where one of the two is a gradient: products with a gradient of exactly 0 are left out, whatever
 * the other factor is. Slow. */
void matrix__multiply_exactly(Matrix a, Matrix b, bool a_is_gradient, real *c, bool accumulate);

/* Whether a b may be infinite or NaN where a sum without the zeros of a gradient is not. `product` is the
 * n numbers of the forward product of both: they are finite only if both are. */
bool matrix__has_infinities(const real *product, int64_t n);

/* Whether (…, k) and (…, k, n), or (k), are there to be multiplied; an error if not. */
bool matrix__check_product(const char *function, const Tensor *a, const Tensor *b);

/* batch.c: tensor_matmul of what has more than two axes. */
Tensor *matrix__multiply_batches(const char *function, Tensor *a, Tensor *b);

#endif
