/* test_reductions.c - the scalar operations that make one number of many: maximum, minimum, product, mean,
 * logarithm of a sum of exponentials, Euclidean norm. */
#include <valgrad/derivatives.h>
#include <valgrad/inspect.h>
#include <valgrad/random.h>

#include "testing.h"

enum { MOST = 40 };

/* ---- what they stand for ------------------------------------------------------------------------- */

static Value *chain(Value *(*operation)(Value *, Value *), size_t n, Value *const *x)
{
    Value *result = x[0];
    for (size_t i = 1; i < n; i++)
        result = operation(result, x[i]);
    return result;
}

static Value *chain_of_each(Value *(*each)(Value *), size_t n, Value *const *x)
{
    Value *mapped[MOST] = {NULL};
    for (size_t i = 0; i < n; i++)
        mapped[i] = each(x[i]);
    return chain(value_add, n, mapped);
}

static Value *max_chain(size_t n, Value *const *x)
{
    return chain(value_max, n, x);
}

static Value *min_chain(size_t n, Value *const *x)
{
    return chain(value_min, n, x);
}

static Value *prod_chain(size_t n, Value *const *x)
{
    return chain(value_mul, n, x);
}

static Value *mean_chain(size_t n, Value *const *x)
{
    return value_div(chain(value_add, n, x), value_const((real)n));
}

static Value *logsumexp_chain(size_t n, Value *const *x)
{
    return value_log(chain_of_each(value_exp, n, x));
}

static Value *norm2_chain(size_t n, Value *const *x)
{
    return value_sqrt(chain_of_each(value_square, n, x));
}

static const struct Reduction {
    const char *name;
    Value *(*reduce)(size_t n, Value *const *x);
    Value *(*expansion)(size_t n, Value *const *x);
} reductions[] = {
    {"reduce_max", value_reduce_max, max_chain},
    {"reduce_min", value_reduce_min, min_chain},
    {"prod", value_prod, prod_chain},
    {"mean", value_mean, mean_chain},
    {"logsumexp", value_logsumexp, logsumexp_chain},
    {"norm2", value_norm2, norm2_chain},
};

static const struct Reduction *reduction_called(const char *name)
{
    for (size_t i = 0; i < COUNT(reductions); i++) {
        if (strcmp(reductions[i].name, name) == 0)
            return &reductions[i];
    }
    ck_abort_msg("no reduction %s", name);
    return NULL;
}

static void make_leaves(size_t n, Random *random, Value **x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value_leaf(random_uniform(random, (real)-1.5, (real)1.5));
}

static void take_gradients(size_t n, Value *const *x, real *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = value_grad(x[i]);
    values_zero_grad(n, x);
}

START_TEST(equals_its_expansion)
{
    static const size_t sizes[] = {1, 2, 3, 7, MOST};
    const struct Reduction *reduction = &reductions[_i];
    Random random = random_seeded(1);
    for (size_t k = 0; k < COUNT(sizes); k++) {
        VALGRAD_SCOPE {
            const size_t n = sizes[k];
            Value *x[MOST];
            real actual[MOST], expected[MOST];
            make_leaves(n, &random, x);
            Value *v = reduction->reduce(n, x), *expansion = reduction->expansion(n, x);
            ck_assert_str_eq(value_op_name(v), reduction->name);
            ck_assert_uint_eq(value_operand_count(v), n);
            ck_assert_ptr_eq(value_operand(v, n - 1), x[n - 1]);
            assert_near(value_data(v), value_data(expansion), 4 * (double)n * REAL_EPSILON);
            assert_status(value_backward_from(v, (real)1.7), VALGRAD_OK);
            take_gradients(n, x, actual);
            assert_status(value_backward_from(expansion, (real)1.7), VALGRAD_OK);
            take_gradients(n, x, expected);
            for (size_t i = 0; i < n; i++)
                assert_near(actual[i], expected[i], 8 * (double)n * REAL_EPSILON);
        }
    }
}
END_TEST

START_TEST(graphs_tell_its_derivatives)
{
    enum { N = 4 };
    const struct Reduction *reduction = &reductions[_i];
    Random random = random_seeded(3);
    VALGRAD_SCOPE {
        Value *x[N];
        real told[N];
        make_leaves(N, &random, x);
        Value *v = reduction->reduce(N, x);
        GraphWalk *walk = graph_walk_new(1, &v);
        assert_status(graph_walk_derivatives(walk, graph_walk_find(walk, v), N, told), VALGRAD_OK);
        graph_walk_free(walk);
        assert_status(value_backward(v), VALGRAD_OK);
        for (size_t i = 0; i < N; i++)
            assert_same(told[i], value_grad(x[i]));
    }
}
END_TEST

/* Forward mode and second order go another way than backward. */
START_TEST(hessian_equals_that_of_its_expansion)
{
    enum { N = 5 };
    const struct Reduction *reduction = &reductions[_i];
    Random random = random_seeded(2);
    VALGRAD_SCOPE {
        Value *x[N];
        real actual[N * N], expected[N * N];
        make_leaves(N, &random, x);
        assert_status(value_hessian(reduction->reduce(N, x), N, x, actual), VALGRAD_OK);
        assert_status(value_hessian(reduction->expansion(N, x), N, x, expected), VALGRAD_OK);
        for (size_t i = 0; i < COUNT(actual); i++)
            assert_near(actual[i], expected[i], 100 * REAL_EPSILON);
    }
}
END_TEST

START_TEST(an_operand_may_repeat_or_be_constant)
{
    const struct Reduction *reduction = &reductions[_i];
    VALGRAD_SCOPE {
        Value *a = value_leaf((real)0.75), *b = value_const((real)0.5), *x[] = {a, b, a};
        Value *once[] = {value_leaf((real)0.75), value_leaf((real)0.5), value_leaf((real)0.75)};
        assert_status(value_backward(reduction->reduce(3, x)), VALGRAD_OK);
        assert_status(value_backward(reduction->reduce(3, once)), VALGRAD_OK);
        assert_same(value_grad(a), value_grad(once[0]) + value_grad(once[2]));
        assert_same(value_grad(b), 0);
        ck_assert(!value_wants_grad(reduction->reduce(1, &b)));
    }
}
END_TEST

/* ---- conventions --------------------------------------------------------------------------------- */

static const struct Convention {
    const char *name;
    size_t n;
    double x[3], f, d[3];
} conventions[] = {
    {"reduce_max", 3, {1, 2, 2}, 2, {0, 0.5, 0.5}},
    {"reduce_max", 3, {-INFINITY, -INFINITY, 0}, 0, {0, 0, 1}},
    {"reduce_max", 2, {1, NAN}, NAN, {NAN, NAN}},
    {"reduce_max", 2, {NAN, 1}, NAN, {NAN, NAN}},
    {"reduce_min", 3, {1, 1, 2}, 1, {0.5, 0.5, 0}},
    {"reduce_min", 2, {1, NAN}, NAN, {NAN, NAN}},
    {"prod", 3, {2, 0, 3}, 0, {0, 6, 0}},
    {"prod", 3, {0, 0, 3}, 0, {0, 0, 0}},
    {"prod", 1, {0}, 0, {1}},
    {"prod", 2, {NAN, 2}, NAN, {2, NAN}},
    {"mean", 2, {1, 4}, 2.5, {0.5, 0.5}},
    {"mean", 2, {INFINITY, 1}, INFINITY, {0.5, 0.5}},
    {"logsumexp", 2, {1000, 1000}, 1000.6931471805599453, {0.5, 0.5}},
    {"logsumexp", 2, {-INFINITY, 1}, 1, {0, 1}},
    {"logsumexp", 2, {-INFINITY, -INFINITY}, -INFINITY, {0, 0}},
    {"logsumexp", 2, {1, INFINITY}, INFINITY, {0, 1}},
    {"logsumexp", 2, {INFINITY, INFINITY}, INFINITY, {0.5, 0.5}},
    {"logsumexp", 2, {NAN, 1}, NAN, {NAN, NAN}},
    {"norm2", 2, {0, 0}, 0, {0, 0}},
    {"norm2", 2, {3, -4}, 5, {0.6, -0.8}},
    {"norm2", 3, {-INFINITY, 1, 2}, INFINITY, {-1, 0, 0}},
    {"norm2", 2, {NAN, 1}, NAN, {NAN, NAN}},
    {"norm2", 2, {3e37, 4e37}, 5e37, {0.6, 0.8}},
    {"norm2", 2, {3e-37, 4e-37}, 5e-37, {0.6, 0.8}},
#ifndef VALGRAD_FLOAT
    {"norm2", 2, {3e300, 4e300}, 5e300, {0.6, 0.8}},
    {"norm2", 2, {3e-300, 4e-300}, 5e-300, {0.6, 0.8}},
#endif
};

static void assert_relative(double actual, double expected)
{
    ck_assert_msg(same(actual, expected) ||
                      fabs(actual - expected) <= 4 * (double)REAL_EPSILON * fabs(expected),
                  "%.17g, not %.17g", actual, expected);
}

START_TEST(conventions_hold)
{
    const struct Convention *c = &conventions[_i];
    VALGRAD_SCOPE {
        Value *x[3];
        for (size_t i = 0; i < c->n; i++)
            x[i] = value_leaf((real)c->x[i]);
        Value *v = reduction_called(c->name)->reduce(c->n, x);
        assert_status(value_backward(v), VALGRAD_OK);
        assert_relative((double)value_data(v), c->f);
        for (size_t i = 0; i < c->n; i++)
            assert_relative((double)value_grad(x[i]), c->d[i]);
    }
}
END_TEST

/* What is not the largest gets nothing of an infinite gradient. */
START_TEST(the_others_of_a_maximum_are_left_alone)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(0), value_leaf(-1)};
        assert_status(value_backward(value_sqrt(value_reduce_max(2, x))), VALGRAD_OK);
        assert_same(value_grad(x[0]), INFINITY);
        assert_same(value_grad(x[1]), 0);
    }
}
END_TEST

/* ---- none, errors, lifetimes --------------------------------------------------------------------- */

START_TEST(of_no_numbers)
{
    VALGRAD_SCOPE {
        assert_same(value_data(value_prod(0, NULL)), 1);
        assert_same(value_data(value_norm2(0, NULL)), 0);
        ck_assert(!value_wants_grad(value_prod(0, NULL)));
        ck_assert_ptr_null(value_reduce_max(0, NULL));
        assert_error(VALGRAD_ERROR_ARGUMENT, "value_reduce_max: of no numbers");
        ck_assert_ptr_null(value_reduce_min(0, NULL));
        assert_error(VALGRAD_ERROR_ARGUMENT, "value_reduce_min: of no numbers");
        ck_assert_ptr_null(value_mean(0, NULL));
        assert_error(VALGRAD_ERROR_ARGUMENT, "value_mean: of no numbers");
        ck_assert_ptr_null(value_logsumexp(0, NULL));
        assert_error(VALGRAD_ERROR_ARGUMENT, "value_logsumexp: of no numbers");
    }
}
END_TEST

START_TEST(null_gives_null)
{
    VALGRAD_SCOPE {
        Value *holey[] = {value_leaf(1), NULL};
        ck_assert_ptr_null(reductions[_i].reduce(2, NULL));
        assert_error(VALGRAD_ERROR_NULL, "x is NULL");
        ck_assert_ptr_null(reductions[_i].reduce(2, holey));
        assert_error(VALGRAD_ERROR_NULL, reductions[_i].name);
    }
}
END_TEST

START_TEST(without_recording_a_constant)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(1), value_leaf(2)};
        const real expected = value_data(reductions[_i].reduce(2, x));
        VALGRAD_NO_GRAD {
            Value *v = reductions[_i].reduce(2, x);
            ck_assert_str_eq(value_op_name(v), "const");
            assert_same(value_data(v), expected);
        }
    }
}
END_TEST

START_TEST(holds_its_operands_in_the_pool)
{
    Value *x[] = {value_leaf(1), value_leaf(2)}, *v = reductions[_i].reduce(2, x);
    value_retain(x[1]);
    value_release(x[0]);
    value_release(x[1]);
    assert_status(value_backward(v), VALGRAD_OK);
    ck_assert(isfinite(value_grad(x[1])) && isfinite(value_data(value_operand(v, 0))));
    value_release(v);
    value_release(x[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reductions");
    const int all = (int)COUNT(reductions);
    TCase *tests = new_case(suite, "reductions", 4);
    tcase_add_loop_test(tests, equals_its_expansion, 0, all);
    tcase_add_loop_test(tests, graphs_tell_its_derivatives, 0, all);
    tcase_add_loop_test(tests, hessian_equals_that_of_its_expansion, 0, all);
    tcase_add_loop_test(tests, an_operand_may_repeat_or_be_constant, 0, all);
    tcase_add_loop_test(tests, conventions_hold, 0, (int)COUNT(conventions));
    tcase_add_test(tests, the_others_of_a_maximum_are_left_alone);
    tcase_add_test(tests, of_no_numbers);
    tcase_add_loop_test(tests, null_gives_null, 0, all);
    tcase_add_loop_test(tests, without_recording_a_constant, 0, all);
    tcase_add_loop_test(tests, holds_its_operands_in_the_pool, 0, all);
    return run_suite(suite);
}
