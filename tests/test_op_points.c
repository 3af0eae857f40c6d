/* test_op_points.c - value and gradient of every row of the op table, in units in the last place, against the
 * formulas of quad_formulas.h: in the domain, at Stan's points, at huge, tiny and denormal numbers, on each side of
 * each kink. */
#include <float.h>
#include <stdio.h>

#include <valgrad/random.h>

#include "row_testing.h"

/* The reference must have more digits than what it judges. */
static bool reference_is_wider(void)
{
    return QUAD_EPSILON < (double)REAL_EPSILON / 64;
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
static quad by_operands(const ValueOpInfo *row, const real x[3], const Result *ours, int k)
{
    static const int second_at[3][3] = {{0, 1, 3}, {1, 2, 4}, {3, 4, 5}};
    real second[6];
    quad sum = 0;
    row->second(x[0], x[1], x[2], ours->f, second);
    for (int i = 0; i < row->arity; i++)
        sum += Q(fabs)((quad)x[i] * (quad)(k < 0 ? ours->d[i] : second[second_at[k][i]]));
    return isfinite(sum) ? sum : 0;
}

/* Derivative k, or the value for k = -1. */
static void check_number(const ValueOpInfo *row, const real x[3], const Result *ours, int k,
                         quad expected)
{
    const struct Allowance allowance = allowance_of(row->name);
    const real actual = k < 0 ? ours->f : ours->d[k];
    const quad size = Q(fabs)(expected) + (allowance.by_operand ? by_operands(row, x, ours, k) : 0);
    /* Below the smallest normal number digits get lost, in the end all. */
    const quad tolerance = allowance.ulps * (quad)REAL_EPSILON * size + (quad)SMALLEST;
    const bool beyond = Q(fabs)(expected) > (quad)LARGEST * (1 - 8 * (quad)REAL_EPSILON);
    if (beyond && isinf(actual) && (actual > 0) == (expected > 0))
        return;
    ck_assert_msg(
        Q(fabs)((quad)actual - expected) <= tolerance,
        "%s at (%.17g, %.17g, %.17g): %s is %.17g, not %.17g (%.2g units in the last place)",
        row->name, (double)x[0], (double)x[1], (double)x[2],
        k < 0 ? "the value" : (const char *[]){"dx", "dy", "dz"}[k], (double)actual,
        (double)expected,
        (double)(Q(fabs)((quad)actual - expected) / Q(fabs)(expected)) / (double)REAL_EPSILON);
}

/* The graph's numbers are those of the row's functions. */
static Result result_of(const ValueOpInfo *row, const real x[3])
{
    real d[3];
    const Result result = result_at(row, x[0], x[1], x[2]);
    assert_same(row->forward(x[0], x[1], x[2]), result.f);
    row->first(x[0], x[1], x[2], result.f, d);
    for (int k = 0; k < row->arity; k++)
        assert_same(d[k], result.d[k]);
    return result;
}

/* Value and derivatives where the reference has them. */
static void check_point(const ValueOpInfo *row, const QuadFormula *formula, const real x[3])
{
    const quad at[3] = {(quad)x[0], (quad)x[1], (quad)x[2]};
    const Result ours = result_of(row, x);
    const quad expected = formula->f(at[0], at[1], at[2]);
    if (isnan(x[0]) || isnan(x[1]) || isnan(x[2]))
        return;
    if (isfinite(expected))
        check_number(row, x, &ours, -1, expected);
    else
        assert_same(ours.f, (double)expected);
    if (isnan(expected) || Q(fabs)(formula->kink(at[0], at[1], at[2])) <= 0)
        return;
    for (int k = 0; k < row->arity; k++) {
        const quad slope = formula->d[k](at[0], at[1], at[2]);
        if (isfinite(slope))
            check_number(row, x, &ours, k, slope);
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

START_TEST(accurate_in_the_domain)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const QuadFormula *formula = formula_of(row);
    Random random = random_seeded(3);
    for (int i = 0; i < 1000 && reference_is_wider(); i++)
        check_point(row, formula,
                    (real[]){companion(row, 0, &random), companion(row, 1, &random),
                             companion(row, 2, &random)});
}
END_TEST

/* The points at which Stan Math tries each of its functions, for each operand all. */
START_TEST(at_the_points_of_stan)
{
    static const double points[] = {-1.3, 0.49, 0.99, 1.01, 0, -0.0, INFINITY, -INFINITY, NAN};
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const QuadFormula *formula = formula_of(row);
    const size_t n = COUNT(points);
    const size_t count = row->arity == 1 ? n : row->arity == 2 ? n * n : n * n * n;
    for (size_t i = 0; i < count && reference_is_wider(); i++) {
        const real third = row->arity == 3 ? (real)points[i / (n * n)] : (real)0.25;
        check_point(row, formula, (real[]){(real)points[i % n], (real)points[i / n % n], third});
    }
}
END_TEST

START_TEST(accurate_at_all_magnitudes)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const QuadFormula *formula = formula_of(row);
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
    const QuadFormula *formula = formula_of(row);
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
    const QuadFormula *formula = formula_of(row);
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
        const Result result = result_of(row, x);
        ck_assert_msg(isnan(result.f) || ignored, "%s with NaN for operand %d is %g", row->name, k,
                      (double)result.f);
        ck_assert(row->arity > 1 || isnan(result.d[0]) || strcmp(row->name, "neg") == 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("op_points");
    const int rows = (int)row_count();
    TCase *tests = new_case(suite, "points", 30);
    tcase_add_loop_test(tests, accurate_in_the_domain, 0, rows);
    tcase_add_loop_test(tests, at_the_points_of_stan, 0, rows);
    tcase_add_loop_test(tests, accurate_at_all_magnitudes, 0, rows);
    tcase_add_loop_test(tests, accurate_beside_kinks, 0, rows);
    tcase_add_loop_test(tests, denormal_numbers, 0, rows);
    tcase_add_loop_test(tests, nan_in_nan_out, 0, rows);
    return run_suite(suite);
}
