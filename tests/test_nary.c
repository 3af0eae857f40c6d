/* test_nary.c - sum, dot, affine and operations of one's own: one node for any number of operands. */
#include <stdio.h>

#include <valgrad/random.h>

#include "testing.h"

enum { MOST = 100 };

static void make_leaves(Random *random, size_t n, Value **leaves)
{
    for (size_t i = 0; i < n; i++)
        leaves[i] = value_leaf(random_uniform(random, -2, 2));
}

/* ---- against the same made of scalar operations ------------------------------------------------- */

typedef struct Terms {
    size_t n;
    Value *w[MOST], *x[MOST], *b;
} Terms;

static Value *nary_sum(Terms *t)
{
    return value_sum(t->n, t->w);
}

static Value *nary_dot(Terms *t)
{
    return value_dot(t->n, t->w, t->x);
}

static Value *nary_affine(Terms *t)
{
    return value_affine(t->n, t->w, t->x, t->b);
}

static Value *chain_sum(Terms *t)
{
    Value *sum = value_const(0);
    for (size_t i = 0; i < t->n; i++)
        sum = value_add(sum, t->w[i]);
    return sum;
}

static Value *chain_dot(Terms *t)
{
    Value *sum = value_const(0);
    for (size_t i = 0; i < t->n; i++)
        sum = value_add(sum, value_mul(t->w[i], t->x[i]));
    return sum;
}

static Value *chain_affine(Terms *t)
{
    return value_add(chain_dot(t), t->b);
}

static const struct Kind {
    const char *name;
    Value *(*nary)(Terms *t);
    Value *(*chain)(Terms *t);
} kinds[] = {{"sum", nary_sum, chain_sum},
             {"dot", nary_dot, chain_dot},
             {"affine", nary_affine, chain_affine}};

enum { KINDS = 3 };

static void make_terms(Terms *t, size_t n, uint64_t seed)
{
    Random random = random_seeded(seed);
    t->n = n;
    make_leaves(&random, n, t->w);
    make_leaves(&random, n, t->x);
    make_leaves(&random, 1, &t->b);
}

static void collect_gradients(const Terms *t, real *gradients)
{
    for (size_t i = 0; i < t->n; i++) {
        gradients[2 * i] = value_grad(t->w[i]);
        gradients[2 * i + 1] = value_grad(t->x[i]);
    }
    gradients[2 * t->n] = value_grad(t->b);
}

static void zero_terms(Terms *t)
{
    values_zero_grad(t->n, t->w);
    values_zero_grad(t->n, t->x);
    value_zero_grad(t->b);
}

/* What n roundings of a sum of these terms can come to. */
static double rounding(const Terms *t)
{
    double size = fabs((double)value_data(t->b));
    for (size_t i = 0; i < t->n; i++)
        size += fabs((double)value_data(t->w[i]) * (double)value_data(t->x[i])) +
                fabs((double)value_data(t->x[i]));
    return size * (double)(t->n + 1) * (double)REAL_EPSILON;
}

static void compare(const struct Kind *kind, Terms *t)
{
    real nary[2 * MOST + 1] = {0}, chain[2 * MOST + 1] = {0};
    Value *v = kind->nary(t), *expected = kind->chain(t);
    ck_assert_str_eq(value_op_name(v), kind->name);
    ck_assert_double_eq_tol((double)value_data(v), (double)value_data(expected), rounding(t));
    if (!value_wants_grad(expected)) {
        ck_assert(!value_wants_grad(v));
        return;
    }
    assert_status(value_backward_from(v, (real)1.7), VALGRAD_OK);
    collect_gradients(t, nary);
    zero_terms(t);
    assert_status(value_backward_from(expected, (real)1.7), VALGRAD_OK);
    collect_gradients(t, chain);
    for (size_t i = 0; i <= 2 * t->n; i++)
        assert_near(nary[i], chain[i], 4 * REAL_EPSILON);
}

START_TEST(equals_its_scalar_expansion)
{
    static const size_t sizes[] = {0, 1, 2, 3, 7, 64, MOST};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        VALGRAD_SCOPE {
            Terms t;
            make_terms(&t, sizes[i], i);
            compare(&kinds[_i], &t);
        }
    }
}
END_TEST

START_TEST(operands_may_repeat)
{
    VALGRAD_SCOPE {
        Terms t;
        make_terms(&t, 12, 3);
        for (size_t i = 0; i < t.n; i++) {
            t.w[i] = t.w[i % 4];
            t.x[i] = i % 3 ? t.w[i / 2] : t.x[i];
        }
        t.b = t.w[0];
        compare(&kinds[_i], &t);
    }
}
END_TEST

START_TEST(constants_take_no_part)
{
    VALGRAD_SCOPE {
        Terms t;
        make_terms(&t, 9, 4);
        for (size_t i = 0; i < t.n; i++) {
            if (i % 2)
                t.w[i] = value_const(value_data(t.w[i]));
            if (i % 3)
                t.x[i] = value_const(value_data(t.x[i]));
        }
        t.b = value_const(1);
        compare(&kinds[_i], &t);
        for (size_t i = 1; i < t.n; i += 2)
            assert_same(value_grad(t.w[i]), 0);
        for (size_t i = 0; i < t.n; i++)
            t.w[i] = t.x[i] = value_const((real)i);
        compare(&kinds[_i], &t);
    }
}
END_TEST

/* The same in the pool, where operands are counted one by one. */
START_TEST(holds_its_operands_in_the_pool)
{
    Terms t;
    make_terms(&t, 5, 5);
    Value *v = kinds[_i].nary(&t);
    const int64_t nodes = valgrad_live_nodes();
    const real w0 = value_data(t.w[0]);
    for (size_t i = 0; i < t.n; i++) {
        value_release(t.w[i]);
        value_release(t.x[i]);
    }
    value_release(t.b);
    const int64_t held = (int64_t)value_operand_count(v) + 1;
    ck_assert_int_eq(nodes, 12);
    ck_assert_int_eq(valgrad_live_nodes(), held);
    ck_assert_ptr_eq(value_operand(v, 0), t.w[0]);
    assert_same(value_data(value_operand(v, 0)), w0);
    ck_assert_ptr_null(value_operand(v, value_operand_count(v)));
    assert_status(value_backward(v), VALGRAD_OK);
    value_release(v);
}
END_TEST

START_TEST(operands_stand_in_order)
{
    VALGRAD_SCOPE {
        Terms t;
        make_terms(&t, 3, 6);
        Value *sum = nary_sum(&t), *dot = nary_dot(&t), *affine = nary_affine(&t);
        ck_assert_uint_eq(value_operand_count(sum), 3);
        ck_assert_uint_eq(value_operand_count(dot), 6);
        ck_assert_uint_eq(value_operand_count(affine), 7);
        for (size_t i = 0; i < 3; i++) {
            ck_assert_ptr_eq(value_operand(sum, i), t.w[i]);
            ck_assert_ptr_eq(value_operand(dot, 2 * i), t.w[i]);
            ck_assert_ptr_eq(value_operand(affine, 2 * i + 1), t.x[i]);
        }
        ck_assert_ptr_eq(value_operand(affine, 6), t.b);
    }
}
END_TEST

START_TEST(none_at_all)
{
    VALGRAD_SCOPE {
        Value *b = value_leaf(3), *sum = value_sum(0, NULL), *dot = value_dot(0, NULL, NULL);
        assert_same(value_data(sum), 0);
        assert_same(value_data(dot), 0);
        ck_assert(!value_wants_grad(sum) && !value_wants_grad(dot));
        ck_assert_uint_eq(value_operand_count(sum), 0);
        Value *affine = value_affine(0, NULL, NULL, b);
        assert_same(value_data(affine), 3);
        assert_status(value_backward(value_add(value_mul(affine, affine), sum)), VALGRAD_OK);
        assert_same(value_grad(b), 6);
    }
}
END_TEST

START_TEST(null_gives_null)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(1), *holey[] = {a, NULL, a}, *full[] = {a, a, a};
        ck_assert_ptr_null(value_sum(3, NULL));
        assert_error(VALGRAD_ERROR_NULL, "value_sum: x is NULL");
        ck_assert_ptr_null(value_sum(3, holey));
        assert_error(VALGRAD_ERROR_NULL, "value_sum: x");
        ck_assert_ptr_null(value_dot(3, full, holey));
        assert_error(VALGRAD_ERROR_NULL, "value_dot: y");
        ck_assert_ptr_null(value_dot(3, holey, full));
        assert_error(VALGRAD_ERROR_NULL, "value_dot: x");
        Value *five[] = {a, a, a, a, a}, *holey_five[] = {a, a, a, NULL, a};
        ck_assert_ptr_null(value_dot(5, five, holey_five));
        assert_error(VALGRAD_ERROR_NULL, "value_dot: y");
        ck_assert_ptr_null(value_affine(3, holey, full, a));
        assert_error(VALGRAD_ERROR_NULL, "value_affine: w");
        ck_assert_ptr_null(value_affine(3, full, holey, a));
        assert_error(VALGRAD_ERROR_NULL, "value_affine: x");
        ck_assert_ptr_null(value_affine(3, full, full, NULL));
        assert_error(VALGRAD_ERROR_NULL, "value_affine: b");
        ck_assert_ptr_null(value_sum(1, (Value *[]){value_dot(3, full, NULL)}));
        assert_error(VALGRAD_ERROR_NULL, "value_dot: y");
    }
}
END_TEST

START_TEST(without_recording_a_constant)
{
    VALGRAD_SCOPE {
        Terms t;
        make_terms(&t, 4, 8);
        const real expected = value_data(kinds[_i].nary(&t));
        VALGRAD_NO_GRAD {
            Value *v = kinds[_i].nary(&t);
            ck_assert_str_eq(value_op_name(v), "const");
            ck_assert_uint_eq(value_operand_count(v), 0);
            assert_same(value_data(v), expected);
        }
    }
}
END_TEST

/* ---- operations of one's own -------------------------------------------------------------------- */

/* prod x[i] + c x[0]^2, with c from the context; counts what is called. */
typedef struct Counting {
    real c;
    int forwards, backwards, destroyed;
} Counting;

static real product_forward(size_t n, const real *x, void *context)
{
    Counting *counting = context;
    counting->forwards++;
    real product = 1;
    for (size_t i = 0; i < n; i++)
        product *= x[i];
    return n > 0 ? product + counting->c * x[0] * x[0] : product;
}

static void product_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    Counting *counting = context;
    counting->backwards++;
    assert_same(result, product_forward(n, x, &(Counting){.c = counting->c}));
    for (size_t i = 0; i < n; i++) {
        partials[i] = i == 0 ? 2 * counting->c * x[0] : 0;
        real others = 1;
        for (size_t j = 0; j < n; j++)
            others *= j == i ? 1 : x[j];
        partials[i] += others;
    }
}

static void product_destroy(void *context)
{
    Counting *counting = context;
    counting->destroyed++;
}

static const ValueOp product = {"product", product_forward, product_backward, product_destroy};

START_TEST(custom_operation_works)
{
    Counting counting = {.c = (real)0.5};
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(2), value_leaf(3), value_const(4)};
        Value *v = value_custom(&product, 3, x, &counting);
        assert_same(value_data(v), 26);
        ck_assert_str_eq(value_op_name(v), "product");
        ck_assert_uint_eq(value_operand_count(v), 3);
        ck_assert_ptr_eq(value_operand(v, 2), x[2]);
        assert_status(value_backward_from(v, 10), VALGRAD_OK);
        assert_same(value_grad(x[0]), 140);
        assert_same(value_grad(x[1]), 80);
        assert_same(value_grad(x[2]), 0);
        assert_status(value_backward_from(v, 10), VALGRAD_OK);
        assert_same(value_grad(x[1]), 160);
        ck_assert_int_eq(counting.destroyed, 0);
    }
    ck_assert_int_eq(counting.forwards, 1);
    ck_assert_int_eq(counting.backwards, 2);
    ck_assert_int_eq(counting.destroyed, 1);
}
END_TEST

START_TEST(custom_operation_in_the_pool)
{
    Counting counting = {.c = 1};
    Value *x = value_leaf(3), *operands[] = {x, x};
    Value *v = value_custom(&product, 2, operands, &counting);
    value_release(x);
    assert_status(value_backward(v), VALGRAD_OK);
    assert_same(value_grad(x), 12);
    Value *above = value_square(v);
    value_release(v);
    ck_assert_int_eq(counting.destroyed, 0);
    value_release(above);
    ck_assert_int_eq(counting.destroyed, 1);
}
END_TEST

START_TEST(custom_context_is_destroyed_once_whatever_happens)
{
    Counting counting = {.c = 1};
    VALGRAD_SCOPE {
        Value *a = value_leaf(2), *holey[] = {a, NULL}, *full[] = {a, a};
        ck_assert_ptr_null(value_custom(&product, 2, holey, &counting));
        assert_error(VALGRAD_ERROR_NULL, "value_custom: operands is NULL");
        ck_assert_int_eq(counting.destroyed, 1);
        ck_assert_ptr_null(value_custom(&product, 2, NULL, &counting));
        assert_error(VALGRAD_ERROR_NULL, "value_custom: operands is NULL");
        ck_assert_int_eq(counting.destroyed, 2);
        const ValueOp no_forward = {"no forward", NULL, product_backward, product_destroy};
        ck_assert_ptr_null(value_custom(&no_forward, 2, full, &counting));
        assert_error(VALGRAD_ERROR_NULL, "value_custom: ");
        ck_assert_int_eq(counting.destroyed, 3);
        const ValueOp no_backward = {"no backward", product_forward, NULL, product_destroy};
        ck_assert_ptr_null(value_custom(&no_backward, 2, full, &counting));
        ck_assert_int_eq(counting.destroyed, 4);
        valgrad_clear_error();
        ck_assert_ptr_null(value_custom(NULL, 2, full, &counting));
        assert_error(VALGRAD_ERROR_NULL, "value_custom: op is NULL");
        ck_assert_int_eq(counting.forwards, 0);
        VALGRAD_NO_GRAD {
            Value *v = value_custom(&product, 2, full, &counting);
            assert_same(value_data(v), 8);
            ck_assert_int_eq(counting.destroyed, 5);
        }
        value_custom(&product, 2, full, &counting);
        ck_assert_int_eq(counting.destroyed, 5);
    }
    ck_assert_int_eq(counting.destroyed, 6);
}
END_TEST

static real forty_two(size_t n, const real *x, void *context)
{
    (void)n, (void)x, (void)context;
    return 42;
}

static void no_partials(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)x, (void)result, (void)partials, (void)context;
}

START_TEST(custom_without_operands_context_or_destructor)
{
    static const ValueOp constant = {"forty_two", forty_two, no_partials, NULL};
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *v = value_custom(&constant, 0, NULL, NULL);
        assert_same(value_data(v), 42);
        ck_assert(!value_wants_grad(v));
        assert_status(value_backward(value_mul(v, x)), VALGRAD_OK);
        assert_same(value_grad(x), 42);
    }
}
END_TEST

START_TEST(custom_of_constants_never_asks_for_partials)
{
    Counting counting = {.c = 1};
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *c[] = {value_const(2), value_const(3)};
        Value *v = value_custom(&product, 2, c, &counting);
        assert_status(value_backward(value_mul(v, x)), VALGRAD_OK);
        assert_same(value_grad(x), 10);
    }
    ck_assert_int_eq(counting.backwards, 0);
}
END_TEST

/* A custom operation among others, held against central differences of the whole. */
static real mixed(size_t n, const real *at, real *gradients)
{
    Counting counting = {.c = (real)0.3};
    real result = 0;
    VALGRAD_SCOPE {
        Value *x[6], *layer[3];
        for (size_t i = 0; i < n; i++)
            x[i] = value_leaf(at[i]);
        layer[0] = value_custom(&product, 3, x, &counting);
        layer[1] = value_tanh(value_affine(3, x, x + 3, x[1]));
        layer[2] = value_dot(2, x, layer);
        Value *v = value_custom(&product, 3, layer, &counting);
        v = value_add(v, value_sum(n, x));
        result = value_data(v);
        if (gradients) {
            assert_status(value_backward(v), VALGRAD_OK);
            for (size_t i = 0; i < n; i++)
                gradients[i] = value_grad(x[i]);
        }
    }
    ck_assert_int_eq(counting.destroyed, 2);
    return result;
}

START_TEST(custom_among_others_against_differences)
{
    const double h = cbrt((double)REAL_EPSILON);
    Random random = random_seeded(11);
    for (int repeat = 0; repeat < 50; repeat++) {
        real at[6], gradients[6];
        for (int i = 0; i < 6; i++)
            at[i] = random_uniform(&random, -1, 1);
        mixed(6, at, gradients);
        for (int i = 0; i < 6; i++) {
            const real x = at[i];
            at[i] = (real)((double)x + h);
            const double above = (double)at[i], high = (double)mixed(6, at, NULL);
            at[i] = (real)((double)x - h);
            const double below = (double)at[i], low = (double)mixed(6, at, NULL);
            at[i] = x;
            assert_near(gradients[i], (high - low) / (above - below), 100 * h * h);
        }
    }
}
END_TEST

/* The destructor may give back Values that the context held. */
static void release_values(void *context)
{
    Value **held = context;
    value_release(held[0]);
    value_release(held[1]);
}

static real from_context(size_t n, const real *x, void *context)
{
    Value **held = context;
    return (n ? x[0] : 1) * value_data(held[0]) * value_data(held[1]);
}

static void from_context_backward(size_t n, const real *x, real result, real *partials,
                                  void *context)
{
    (void)result;
    for (size_t i = 0; i < n; i++)
        partials[i] = from_context(0, x, context);
}

static const ValueOp scaling = {"scaling", from_context, from_context_backward, release_values};

START_TEST(a_destructor_may_release_values)
{
    Value *x = value_leaf(2), *held[2];
    held[0] = value_exp(x); /* in the pool */
    VALGRAD_SCOPE {
        held[1] = value_retain(value_square(x)); /* in a region that has nothing else to live for */
    }
    Value *v = NULL;
    if (_i == 0) {
        v = value_custom(&scaling, 1, &x, held);
    } else {
        VALGRAD_SCOPE {
            v = value_retain(value_custom(&scaling, 1, &x, held));
        }
    }
    const real expected = value_data(held[0]) * value_data(held[1]);
    assert_status(value_backward(v), VALGRAD_OK);
    assert_same(value_grad(x), expected);
    value_release(x);
    value_release(v);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

/* The derivative of a function that is itself computed by a graph, in a scope or in the pool. */
static void differentiate_inside(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n;
    Value *inner = value_param(x[0]);
    if (context) {
        Value *square = value_square(inner);
        assert_same(value_data(square), result);
        assert_status(value_backward(square), VALGRAD_OK);
        value_release(square);
    } else {
        VALGRAD_SCOPE {
            assert_status(value_backward(value_square(inner)), VALGRAD_OK);
        }
    }
    partials[0] = value_grad(inner);
    value_release(inner);
}

static real square_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return x[0] * x[0];
}

static const ValueOp by_graph = {"by_graph", square_forward, differentiate_inside, NULL};

START_TEST(backward_may_differentiate_another_graph)
{
    const real expected = 6 * (real)sin(3) + 9 * (real)cos(3); /* of x^2 sin(x) at 3 */
    void *in_pool = _i ? &in_pool : NULL;
    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *sine = value_sin(x);
        Value *product_of_both = value_mul(value_custom(&by_graph, 1, &x, in_pool), sine);
        assert_status(value_backward(product_of_both), VALGRAD_OK);
        assert_near(value_grad(x), expected, 4 * REAL_EPSILON);
    }
    Value *x = value_leaf(3), *sine = value_sin(x);
    Value *square = value_custom(&by_graph, 1, &x, in_pool), *root = value_mul(square, sine);
    assert_status(value_backward(root), VALGRAD_OK);
    assert_near(value_grad(x), expected, 4 * REAL_EPSILON);
    Value *all[] = {x, sine, square, root};
    for (size_t i = 0; i < COUNT(all); i++)
        value_release(all[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nary");
    TCase *nary = new_case(suite, "sum, dot, affine", 10);
    tcase_add_loop_test(nary, equals_its_scalar_expansion, 0, KINDS);
    tcase_add_loop_test(nary, operands_may_repeat, 0, KINDS);
    tcase_add_loop_test(nary, constants_take_no_part, 0, KINDS);
    tcase_add_loop_test(nary, holds_its_operands_in_the_pool, 0, KINDS);
    tcase_add_loop_test(nary, without_recording_a_constant, 0, KINDS);
    tcase_add_test(nary, operands_stand_in_order);
    tcase_add_test(nary, none_at_all);
    tcase_add_test(nary, null_gives_null);

    TCase *custom = new_case(suite, "custom", 10);
    tcase_add_test(custom, custom_operation_works);
    tcase_add_test(custom, custom_operation_in_the_pool);
    tcase_add_test(custom, custom_context_is_destroyed_once_whatever_happens);
    tcase_add_test(custom, custom_without_operands_context_or_destructor);
    tcase_add_test(custom, custom_of_constants_never_asks_for_partials);
    tcase_add_test(custom, custom_among_others_against_differences);
    tcase_add_loop_test(custom, backward_may_differentiate_another_graph, 0, 2);
    tcase_add_loop_test(custom, a_destructor_may_release_values, 0, 2);
    return run_suite(suite);
}
