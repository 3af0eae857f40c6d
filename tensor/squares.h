/* squares.h - sums of squares of any numbers, without overflow or underflow on the way. */
#ifndef VALGRAD_TENSOR_SQUARES_H
#define VALGRAD_TENSOR_SQUARES_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include <valgrad/real.h>

/* The greatest |x|; NaN if there is a NaN; 0 of nothing. */
static inline real squares__magnitude(const real *x, int64_t n)
{
    real max = 0;
    for (int64_t i = 0; i < n && !isnan(max); i++) {
        const real size = (real)fabs((double)x[i]);
        max = size <= max ? max : size;
    }
    return max;
}

/* Whether numbers of this magnitude can be squared and added up as they are. */
static inline bool squares__are_safe(real magnitude)
{
#ifdef VALGRAD_FLOAT
    const double least = FLT_MIN;
#else
    const double least = DBL_MIN;
#endif
    const double low = sqrt(least) / (double)REAL_EPSILON;
    return (double)magnitude > low && (double)magnitude < 1e-3 / low;
}

#endif
