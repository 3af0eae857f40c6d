/* instruction.c - the instructions of any number of operands: values, first and second derivatives.
 *
 * Those of the rows of ops.def stand there. */
#include "autograd/instruction.h"

#include <tgmath.h>

static void no_curvature(size_t n, const real *x, real f, const real *d, const real *t, real *out)
{
    (void)x, (void)f, (void)d, (void)t;
    for (size_t i = 0; i < n; i++)
        out[i] = 0;
}

/* ---- sum, scalar product ----------------------------------------------------------------------- */

static real sum_value(size_t n, const real *x)
{
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static void sum_first(size_t n, const real *x, real f, real *d)
{
    (void)x, (void)f;
    for (size_t i = 0; i < n; i++)
        d[i] = 1;
}

/* Pairs, and one alone at the end of an odd number. */
static real dot_value(size_t n, const real *x)
{
    real sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += x[i] * x[i + 1];
    return n % 2 ? sum + x[n - 1] : sum;
}

/* The same, in which 0 times infinity is 0. */
static real weighted_value(size_t n, const real *x)
{
    real sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += x[i] == 0 ? 0 : x[i] * x[i + 1];
    return sum;
}

/* Writes to each operand of a pair what the other one has in `from`. */
static void exchange(size_t n, const real *from, real alone, real *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (i ^ 1) < n ? from[i ^ 1] : alone;
}

static void dot_first(size_t n, const real *x, real f, real *d)
{
    (void)f;
    exchange(n, x, 1, d);
}

static void dot_second(size_t n, const real *x, real f, const real *d, const real *t, real *out)
{
    (void)x, (void)f, (void)d;
    exchange(n, t, 0, out);
}

/* ---- maximum, minimum -------------------------------------------------------------------------- */

static real max_value(size_t n, const real *x)
{
    real max = x[0];
    for (size_t i = 1; i < n; i++)
        max = x[i] > max || x[i] != x[i] ? x[i] : max;
    return max;
}

static real min_value(size_t n, const real *x)
{
    real min = x[0];
    for (size_t i = 1; i < n; i++)
        min = x[i] < min || x[i] != x[i] ? x[i] : min;
    return min;
}

/* The operands that equal the result share its gradient; if it is NaN, so are all derivatives. */
static void extreme_first(size_t n, const real *x, real f, real *d)
{
    size_t equal = 0;
    for (size_t i = 0; i < n; i++)
        equal += x[i] == f;
    for (size_t i = 0; i < n; i++)
        d[i] = f != f ? f : x[i] == f ? 1 / (real)equal : 0;
}

/* The first of those that equal the result takes it all; of NaNs, too. */
static void first_max_first(size_t n, const real *x, real f, real *d)
{
    real left = 1;
    for (size_t i = 0; i < n; i++) {
        d[i] = x[i] == f || (f != f && x[i] != x[i]) ? left : 0;
        left -= d[i];
    }
}

/* ---- logarithm of a sum of exponentials -------------------------------------------------------- */

static real shifted_sum(size_t n, const real *x, real shift)
{
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - shift);
    return sum;
}

static real logsumexp_value(size_t n, const real *x)
{
    const real max = max_value(n, x);
    return isinf(max) || isnan(max) ? max : max + log(shifted_sum(n, x, max));
}

/* Softmax; its limits where the result is infinite: nothing of nothing, equal shares of infinities. */
static void logsumexp_first(size_t n, const real *x, real f, real *d)
{
    if (isinf(f)) {
        extreme_first(n, x, f, d);
        for (size_t i = 0; f < 0 && i < n; i++)
            d[i] = 0;
        return;
    }
    const real max = max_value(n, x), sum = shifted_sum(n, x, max);
    for (size_t i = 0; i < n; i++)
        d[i] = exp(x[i] - max) / sum;
}

static real dot(size_t n, const real *x, const real *y)
{
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void logsumexp_second(size_t n, const real *x, real f, const real *d, const real *t,
                             real *out)
{
    (void)x, (void)f;
    const real mean = dot(n, d, t);
    for (size_t i = 0; i < n; i++)
        out[i] = d[i] * (t[i] - mean);
}

/* ---- Euclidean norm ---------------------------------------------------------------------------- */

static real norm2_value(size_t n, const real *x)
{
    real largest = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabs(x[i]) > largest || x[i] != x[i] ? fabs(x[i]) : largest;
    if (largest == 0 || isinf(largest) || isnan(largest))
        return largest;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] / largest) * (x[i] / largest);
    return largest * sqrt(sum);
}

/* At infinity the limit, which there is if a single number is infinite. */
static void norm2_first(size_t n, const real *x, real f, real *d)
{
    size_t infinite = 0;
    for (size_t i = 0; i < n; i++)
        infinite += isinf(x[i]) != 0;
    for (size_t i = 0; i < n; i++)
        d[i] = f == 0 ? 0 : infinite == 1 && isinf(x[i]) ? copysign((real)1, x[i]) : x[i] / f;
}

/* At 0 there is a kink, and no second derivative. */
static void norm2_second(size_t n, const real *x, real f, const real *d, const real *t, real *out)
{
    (void)x;
    const real along = dot(n, d, t), at_0 = norm2_value(n, t) == 0 ? 0 : (real)NAN;
    for (size_t i = 0; i < n; i++)
        out[i] = f == 0 ? at_0 : (t[i] - d[i] * along) / f;
}

/* ---- the table --------------------------------------------------------------------------------- */

const NaryRule *instruction__rule(const Instruction *instruction)
{
    static const NaryRule rules[] = {
        [PROGRAM_SUM - PROGRAM_SUM] = {sum_value, sum_first, no_curvature},
        [PROGRAM_DOT - PROGRAM_SUM] = {dot_value, dot_first, dot_second},
        [PROGRAM_MAX - PROGRAM_SUM] = {max_value, extreme_first, no_curvature},
        [PROGRAM_MIN - PROGRAM_SUM] = {min_value, extreme_first, no_curvature},
        [PROGRAM_FIRST_MAX - PROGRAM_SUM] = {max_value, first_max_first, no_curvature},
        [PROGRAM_WEIGHTED - PROGRAM_SUM] = {weighted_value, dot_first, dot_second},
        [PROGRAM_LOGSUMEXP - PROGRAM_SUM] = {logsumexp_value, logsumexp_first, logsumexp_second},
        [PROGRAM_NORM2 - PROGRAM_SUM] = {norm2_value, norm2_first, norm2_second},
    };
    return &rules[instruction->op - PROGRAM_SUM];
}

int instruction__operands(const Instruction *instruction, ProgramSlot slots[ROW_OPERANDS])
{
    slots[0] = instruction->x;
    slots[1] = instruction->y;
    slots[2] = instruction->z;
    return instruction__row(instruction)->arity;
}
