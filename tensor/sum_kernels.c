/* sum_kernels.c - what a whole array comes to: whether it is finite, its sum, its greatest, the sums of its columns;
 * compiled once for each instruction set. */
#include <math.h>
#include <string.h>

#include "kernel_names.h"
#include "simd.h"

/* clang-format off: it takes UNROLL and INDEPENDENT before a loop for declarations */

/* 0 times a number is 0, unless it is infinite or NaN. */
int KERNEL(all_finite)(const real *x, int64_t n)
{
    Vector zeros[SUM_VECTORS] = {{0}};
    int64_t i = 0;
    for (; i + SUM_VECTORS * LANES <= n; i += SUM_VECTORS * LANES)
        UNROLL for (int v = 0; v < SUM_VECTORS; v++)
            zeros[v] += 0 * load(x + i + v * LANES);
    real zero = lane_sum((zeros[0] + zeros[1]) + (zeros[2] + zeros[3]));
    for (; i < n; i++)
        zero += 0 * x[i];
    return zero == 0;
}

enum { SUM_BLOCK = 1024 };

/* Halves are added recursively, as deep as the logarithm of n. */
static real pairwise_sum(const real *x, const real *y, int64_t n)
{
    if (n <= SUM_BLOCK)
        return block_sum(x, y, n);
    const int64_t half = (n / 2 + SUM_BLOCK - 1) / SUM_BLOCK * SUM_BLOCK;
    const real first = pairwise_sum(x, y, half);
    return first + pairwise_sum(x + half, y ? y + half : NULL, n - half);
}

real KERNEL(sum)(const real *x, int64_t n)
{
    return pairwise_sum(x, NULL, n);
}

real KERNEL(dot)(const real *x, const real *y, int64_t n)
{
    return pairwise_sum(x, y, n);
}

real KERNEL(max)(const real *x, int64_t n)
{
    real lanes[LANES], top = -(real)INFINITY;
    Vector most = (Vector){0} + top;
    Mask is_nan = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Vector number = load(x + i);
        most = pick((Mask)(number > most), number, most);
        is_nan |= (Mask)(number != number);
    }
    store(lanes, pick(is_nan, (Vector){0} + (real)NAN, most));
    if (i > 0)
        for (int j = 0; j < LANES; j++)
            if (!(lanes[j] <= top) && top == top)
                top = lanes[j];
    for (; i < n; i++)
        if (!(x[i] <= top) && top == top)
            top = x[i];
    return top;
}

/* ---- rows and columns -------------------------------------------------------------------------- */

enum { STRIP_VECTORS = 4, STRIP_ROWS = 64 };

/* Sums of `vectors` vectors of columns, a constant; in blocks of rows, for accuracy. */
INLINE void strip_sums(real *sums, const real *x, int64_t rows, int64_t ldx, const int vectors)
{
    Vector total[STRIP_VECTORS] = {{0}};
    while (rows > 0) {
        Vector part[STRIP_VECTORS] = {{0}};
        const int64_t block = least(rows, STRIP_ROWS);
        for (int64_t i = 0; i < block; i++, x += ldx)
            UNROLL for (int v = 0; v < vectors; v++)
                part[v] += load(x + v * LANES);
        UNROLL for (int v = 0; v < vectors; v++)
            total[v] += part[v];
        rows -= block;
    }
    UNROLL for (int v = 0; v < vectors; v++)
        store(sums + v * LANES, total[v]);
}

INLINE void put_row(real *y, const real *x, int64_t n, int accumulate)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = accumulate ? y[j] + x[j] : x[j];
}

/* Fewer columns than lanes. Rows that follow each other without a gap are read by the vector, whose
 * further lanes hold the start of the next row and are ignored; the last rows have no next one. */
static void few_column_sums(real *y, const real *x, int64_t rows, int64_t columns, int64_t ldx,
                            int accumulate)
{
    real sums[LANES] = {0};
    int64_t wide = 0;
    if (ldx == columns && rows * columns >= LANES)
        wide = (rows * columns - LANES) / columns + 1;
    strip_sums(sums, x, wide, ldx, 1);
    for (int64_t i = wide; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            sums[j] += x[i * ldx + j];
    put_row(y, sums, columns, accumulate);
}

void KERNEL(column_sums)(real *y, const real *x, int64_t rows, int64_t columns, int64_t ldx,
                        int accumulate)
{
    real sums[STRIP_VECTORS * LANES];
    int64_t j = 0;
    if (columns < LANES) {
        few_column_sums(y, x, rows, columns, ldx, accumulate);
        return;
    }
    for (; j + STRIP_VECTORS * LANES <= columns; j += STRIP_VECTORS * LANES) {
        strip_sums(sums, x + j, rows, ldx, STRIP_VECTORS);
        put_row(y + j, sums, STRIP_VECTORS * LANES, accumulate);
    }
    for (; j + LANES <= columns; j += LANES) {
        strip_sums(sums, x + j, rows, ldx, 1);
        put_row(y + j, sums, LANES, accumulate);
    }
    if (j == columns)
        return;
    strip_sums(sums, x + columns - LANES, rows, ldx, 1); /* overlaps columns done already */
    put_row(y + j, sums + LANES - (columns - j), columns - j, accumulate);
}

void KERNEL(spread_row)(real *y, const real *x, int64_t rows, int64_t columns, int64_t ldy,
                       int accumulate)
{
    for (int64_t i = 0; i < rows; i++)
        if (accumulate)
            KERNEL(add_to)(y + i * ldy, x, columns);
        else
            memcpy(y + i * ldy, x, (size_t)columns * sizeof(real));
}
