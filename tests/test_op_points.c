/* test_op_points.c - every row of the op table far from the middle: huge, tiny and denormal numbers, each side of
 * each kink, and tails, in units in the last place. */
#include <float.h>
#include <stdio.h>

#include <valgrad/random.h>

#include "scalar_formulas.h"

/* The reference must have more digits than what it judges. */
static bool reference_is_wider(void)
{
    return wide_epsilon() < (wide)REAL_EPSILON / 64;
}

#ifdef VALGRAD_FLOAT
static const double SMALLEST = FLT_MIN, LARGEST = FLT_MAX;
#else
static const double SMALLEST = DBL_MIN, LARGEST = DBL_MAX;
#endif

/* ---- what is allowed ---------------------------------------------------------------------------- */

/* Units in the last place that value and derivatives may be off by: 8, and more for those below.
 * `by_operand`: and what as many in the operands would make. That is so where the result is small only
 * because two parts of it cancel, at a zero, of which the operand's own rounding leaves nothing. */
static const struct Allowance {
    const char *name;
    double ulps;
    bool by_operand;
} allowances[] = {
    {"silu", 8, true},      {"gelu", 12, true},      {"sinc", 16, true},
    {"logaddexp", 8, true}, {"gelu_tanh", 16, true}, {"lgamma", 16, true},
};

static struct Allowance allowance_of(const char *name)
{
    for (size_t i = 0; i < COUNT(allowances); i++) {
        if (strcmp(allowances[i].name, name) == 0)
            return allowances[i];
    }
    return (struct Allowance){name, 8, false};
}

/* |x f_x| + |y f_y| + …, for the value; the same of the second derivatives for derivative k. */
static wide by_operands(const ValueOpInfo *row, const real x[3], real f, int k)
{
    static const int second_at[3][3] = {{0, 1, 3}, {1, 2, 4}, {3, 4, 5}};
    real first[3], second[6];
    wide sum = 0;
    row->first(x[0], x[1], x[2], f, first);
    row->second(x[0], x[1], x[2], f, second);
    for (int i = 0; i < row->arity; i++)
        sum += fabsl((wide)x[i] * (wide)(k < 0 ? first[i] : second[second_at[k][i]]));
    return isfinite(sum) ? sum : 0;
}

static void check_number(const ValueOpInfo *row, const real x[3], real f, int k, real actual,
                         wide expected)
{
    const struct Allowance allowance = allowance_of(row->name);
    const wide size = fabsl(expected) + (allowance.by_operand ? by_operands(row, x, f, k) : 0);
    /* Below the smallest normal number digits get lost, in the end all. */
    const wide tolerance = allowance.ulps * (wide)REAL_EPSILON * size + (wide)SMALLEST;
    const bool beyond = fabsl(expected) > (wide)LARGEST * (1 - 8 * (wide)REAL_EPSILON);
    if (beyond && isinf(actual) && (actual > 0) == (expected > 0))
        return;
    ck_assert_msg(
        fabsl((wide)actual - expected) <= tolerance,
        "%s at (%.17g, %.17g, %.17g): %s is %.17g, not %.17Lg (%.2Lg units in the last place)",
        row->name, (double)x[0], (double)x[1], (double)x[2],
        k < 0 ? "the value" : (const char *[]){"dx", "dy", "dz"}[k], (double)actual, expected,
        fabsl((wide)actual - expected) / fabsl(expected) / (wide)REAL_EPSILON);
}

/* Value and derivatives where the reference has them. */
static void check_point(const ValueOpInfo *row, const Formula *formula, const real x[3])
{
    const real f = row->forward(x[0], x[1], x[2]);
    real d[3];
    if (isnan(x[0]) || isnan(x[1]) || isnan(x[2]))
        return;
    row->first(x[0], x[1], x[2], f, d);
    const wide expected = formula->f(x[0], x[1], x[2]);
    if (isfinite(expected))
        check_number(row, x, f, -1, f, expected);
    if (isnan(expected) || fabsl(formula->kink(x[0], x[1], x[2])) <= 0)
        return;
    for (int k = 0; k < row->arity; k++) {
        const wide slope = formula->d[k](x[0], x[1], x[2]);
        if (isfinite(slope))
            check_number(row, x, f, k, d[k], slope);
    }
}

/* ---- points ------------------------------------------------------------------------------------- */

enum { LADDER = 1200, RUNGS = 48 };

/* Number i of a ladder through all magnitudes, of both signs. */
static real on_ladder(int i, Random *random)
{
    const double low = log2(SMALLEST) + 1, high = log2(LARGEST) - 1;
    const double exponent = low + (high - low) * (i / 2) / (LADDER / 2);
    const real mantissa = random_uniform(random, 1, 2);
    return (i % 2 ? -1 : 1) * (real)ldexp((double)mantissa, (int)floor(exponent));
}

/* Of the numbers near 1, where most happens. */
static real near_one(int i, Random *random)
{
    const double widths[] = {1, 6, 40, 800};
    return random_uniform(random, (real)-widths[i % 4], (real)widths[i % 4]);
}

/* The second and third operand where the first one is varied. */
static real companion(const ValueOpInfo *row, int k, Random *random)
{
    if (k >= row->arity)
        return (real)0.25; /* p */
    return random_uniform(random, (real)row->domain[k][0], (real)row->domain[k][1]);
}

START_TEST(accurate_at_all_magnitudes)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const Formula *formula = formula_of(row);
    Random random = random_seeded(7);
    for (int i = 0; i < LADDER && reference_is_wider(); i++) {
        for (int k = 0; k < row->arity; k++) {
            real x[3] = {companion(row, 0, &random), companion(row, 1, &random),
                         companion(row, 2, &random)};
            x[k] = on_ladder(i, &random);
            check_point(row, formula, x);
            x[k] = near_one(i, &random);
            check_point(row, formula, x);
        }
    }
}
END_TEST

/* Next to every kink, on both sides, at distances from 1e-3 down to the next number. */
START_TEST(accurate_beside_kinks)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const Formula *formula = formula_of(row);
    for (int i = 0; i < row->kink_count && reference_is_wider(); i++) {
        const ValueKink kink = row->kinks[i];
        for (int step = 0; step < RUNGS; step++) {
            real x[3] = {(real)kink.x, (real)kink.y, row->arity == 3 ? (real)kink.z : (real)0.25};
            const int k = step % row->arity;
            const real far = (real)ldexp(1e-3, -step);
            const real moved = step % 2 ? x[k] + far * (1 + (real)fabs((double)x[k]))
                                        : x[k] - far * (1 + (real)fabs((double)x[k]));
            x[k] = same((double)moved, (double)x[k])
                       ? (real)nextafter((double)x[k], step % 2 ? INFINITY : -INFINITY)
                       : moved;
            check_point(row, formula, x);
        }
    }
}
END_TEST

/* What has no normal form: as many digits as there are. */
START_TEST(denormal_numbers)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const Formula *formula = formula_of(row);
    Random random = random_seeded(8);
    for (int i = 0; i < 40 && reference_is_wider(); i++) {
        real x[3] = {companion(row, 0, &random), companion(row, 1, &random),
                     companion(row, 2, &random)};
        x[i % row->arity] = (real)(ldexp(SMALLEST, -1 - i / 4) * (i % 2 ? -1 : 1));
        check_point(row, formula, x);
    }
}
END_TEST

/* NaN in any operand gives NaN, unless the operation is one that may ignore it. */
START_TEST(nan_in_nan_out)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded(9);
    for (int k = 0; k < row->arity; k++) {
        real x[3] = {companion(row, 0, &random), companion(row, 1, &random),
                     companion(row, 2, &random)};
        x[k] = (real)NAN;
        const bool ignored =
            may_ignore_nan(row->name, x[0], x[1]) || (strcmp(row->name, "where") == 0 && k > 0);
        const real f = row->forward(x[0], x[1], x[2]);
        ck_assert_msg(isnan(f) || ignored, "%s with NaN for operand %d is %g", row->name, k,
                      (double)f);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("op_points");
    const int rows = row_count();
    TCase *tests = new_case(suite, "points", 30);
    tcase_add_loop_test(tests, accurate_at_all_magnitudes, 0, rows);
    tcase_add_loop_test(tests, accurate_beside_kinks, 0, rows);
    tcase_add_loop_test(tests, denormal_numbers, 0, rows);
    tcase_add_loop_test(tests, nan_in_nan_out, 0, rows);
    return run_suite(suite);
}
