/* test_exponential_kernels.c - powers of e, sigmoid and tanh of every instruction set, in units in the last place. */
#include <float.h>

#include "kernels.h"
#include "testing.h"

static const Kernels *variant(int i)
{
    int count;
    const Kernels *const *all = kernels__all(&count);
    return i < count ? all[i] : NULL;
}

typedef long double wide;

static wide exponential_of(wide x)
{
    return expl(x);
}

static wide sigmoid_of(wide x)
{
    return 1 / (1 + expl(-x));
}

static real exponential(const Kernels *kernels, real x)
{
    real y;
    kernels->exponentials(&y, &x, 0, 1);
    return y;
}

static real sigmoid(const Kernels *kernels, real x)
{
    real y;
    kernels->sigmoid(&y, &x, 1);
    return y;
}

static real hyperbolic_tangent(const Kernels *kernels, real x)
{
    real y;
    (kernels->tanh)(&y, &x, 1);
    return y;
}

static const struct Function {
    const char *name;
    real (*kernel)(const Kernels *kernels, real x);
    wide (*exact)(wide x);
    double low, high;
} functions[] = {{"e^x", exponential, exponential_of, -760, 0},
                 {"sigmoid", sigmoid, sigmoid_of, -760, 760},
                 {"tanh", hyperbolic_tangent, tanhl, -30, 30}};

#ifdef VALGRAD_FLOAT
static const double smallest = FLT_MIN;
#else
static const double smallest = DBL_MIN;
#endif

/* Two units for e^x, and what the quotients of the others lose besides. */
static void check_at(const Kernels *kernels, const struct Function *function, real x)
{
    const real y = function->kernel(kernels, x);
    const wide exact = function->exact(x), off = fabsl((wide)y - exact);
    const double ulps = function->exact == exponential_of ? 2 : 4;
    if (!(off <= (wide)(ulps * (double)REAL_EPSILON) * fabsl(exact) + (wide)smallest * REAL_EPSILON))
        ck_abort_msg("%s: %s of %.17g is %.17g, not %.17Lg", kernels->name, function->name, (double)x, (double)y,
                     exact);
}

START_TEST(accurate_everywhere)
{
    enum { POINTS = 200000 };
    for (size_t f = 0; f < COUNT(functions); f++) {
        const struct Function *function = &functions[f];
        for (int i = 0; i <= POINTS; i++)
            check_at(variant(_i), function, (real)(function->low + (function->high - function->low) * i / POINTS));
        for (real x = 1; (double)x > smallest; x /= (real)1.9) {
            check_at(variant(_i), function, -x);
            if (function->high > 0)
                check_at(variant(_i), function, x);
        }
    }
}
END_TEST

START_TEST(limits_and_nan)
{
    const Kernels *kernels = variant(_i);
    const real infinite = (real)INFINITY;
    assert_same(exponential(kernels, -infinite), 0);
    assert_same(exponential(kernels, 0), 1);
    assert_same(sigmoid(kernels, -infinite), 0);
    assert_same(sigmoid(kernels, infinite), 1);
    assert_same(sigmoid(kernels, (real)-0.0), (real)0.5);
    assert_same(hyperbolic_tangent(kernels, -infinite), -1);
    assert_same(hyperbolic_tangent(kernels, infinite), 1);
    assert_same(hyperbolic_tangent(kernels, 0), 0);
    ck_assert(signbit(hyperbolic_tangent(kernels, (real)-0.0)));
    for (size_t f = 0; f < COUNT(functions); f++)
        ck_assert(isnan(functions[f].kernel(kernels, (real)NAN)));
}
END_TEST

/* What stands alone, as the last of many, or in place has the same bits; nothing is written beyond the end. */
START_TEST(the_place_in_an_array_does_not_matter)
{
    enum { MOST = 70 };
    const Kernels *kernels = variant(_i);
    real x[MOST], y[3][MOST + 1];
    for (int i = 0; i < MOST; i++)
        x[i] = (real)(0.37 * i - 20);
    for (int n = 0; n <= MOST; n++) {
        for (int k = 0; k < 3; k++)
            y[k][n] = 77;
        kernels->sigmoid(y[0], x, n);
        (kernels->tanh)(y[1], x, n);
        memcpy(y[2], x, sizeof x);
        y[2][n] = 77;
        kernels->sigmoid(y[2], y[2], n);
        for (int i = 0; i < n; i++) {
            ck_assert(y[0][i] == sigmoid(kernels, x[i]));
            ck_assert(y[1][i] == hyperbolic_tangent(kernels, x[i]));
            ck_assert(y[2][i] == y[0][i]);
        }
        for (int k = 0; k < 3; k++)
            ck_assert(y[k][n] == 77);
    }
}
END_TEST

START_TEST(exponentials_are_shifted_and_summed)
{
    enum { MOST = 70 };
    const Kernels *kernels = variant(_i);
    real x[MOST], y[MOST + 1];
    for (int i = 0; i < MOST; i++)
        x[i] = (real)(1000 - 0.37 * i);
    for (int n = 0; n <= MOST; n++) {
        double sum = 0;
        y[n] = 77;
        const real all = kernels->exponentials(y, x, 1000, n);
        for (int i = 0; i < n; i++) {
            ck_assert(y[i] == exponential(kernels, x[i] - 1000));
            sum += (double)y[i];
        }
        ck_assert(y[n] == 77);
        assert_near(all, sum, 8 * REAL_EPSILON);
        ck_assert(kernels->exponentials(NULL, x, 1000, n) == all);
    }
}
END_TEST

int main(void)
{
    int count;
    kernels__all(&count);
    Suite *suite = suite_create("exponential kernels");
    TCase *tests = new_case(suite, "every variant", 60);
    tcase_add_loop_test(tests, accurate_everywhere, 0, count);
    tcase_add_loop_test(tests, limits_and_nan, 0, count);
    tcase_add_loop_test(tests, the_place_in_an_array_does_not_matter, 0, count);
    tcase_add_loop_test(tests, exponentials_are_shifted_and_summed, 0, count);
    return run_suite(suite);
}
