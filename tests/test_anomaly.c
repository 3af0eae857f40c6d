/* test_anomaly.c - the anomaly trap: the first NaN or infinity is an error that says where it was made; what
 * only spreads, and everything while the trap is off, is left alone. */
#include <pthread.h>

#include <valgrad/valgrad.h>

#include <valgrad/debug.h>

#include "tensor_testing.h"

static void set_trap(void)
{
    valgrad_clear_error();
    ck_assert(!valgrad_set_anomaly_trap(true));
}

static void remove_trap(void)
{
    ck_assert(valgrad_set_anomaly_trap(false));
    nothing_is_left();
}

static Value *labelled(Value *v, const char *label)
{
    assert_status(value_set_label(v, label), VALGRAD_OK);
    return v;
}

/* "test_anomaly.c:LINE)", which the last error must contain. */
#define assert_site(line)                                                                          \
    do {                                                                                           \
        char site_[64];                                                                            \
        (void)snprintf(site_, sizeof site_, "test_anomaly.c:%d)", line);                           \
        ck_assert_msg(strstr(valgrad_last_error(), site_) != NULL, "\"%s\" does not say %s",       \
                      valgrad_last_error(), site_);                                                \
    } while (0)

/* ---- forward: scalars ---------------------------------------------------------------------------- */

#define HUGE_NUMBER (sizeof(real) == sizeof(float) ? (real)3e38f : (real)1.7e308)

static Value *log_of(double x)
{
    return value_log(value_leaf((real)x));
}

/* What makes NaN or infinity of ordinary numbers; in the pool, in a scope, and without recording. */
START_TEST(makers_of_bad_numbers)
{
    Value *x = value_leaf(-1), *zero = value_leaf(0), *large = value_leaf(HUGE_NUMBER);
    const struct {
        Value *(*unary)(Value *);
        Value *(*binary)(Value *, Value *);
        Value *x, *y;
        const char *message;
    } cases[] = {
        {(value_log), NULL, x, NULL, "value_log: the result is nan, from x = -1 (leaf"},
        {(value_log), NULL, zero, NULL, "value_log: the result is -inf, from x = 0 (leaf"},
        {(value_sqrt), NULL, x, NULL, "value_sqrt: the result is nan, from x = -1 (leaf"},
        {(value_exp), NULL, large, NULL, "value_exp: the result is inf, from x = "},
        {(value_square), NULL, large, NULL, "value_square: the result is inf"},
        {NULL, (value_div), x, zero, "value_div: the result is -inf, from x = -1 (leaf"},
        {NULL, (value_div), zero, zero, "value_div: the result is nan"},
        {NULL, (value_mul), large, large, "value_mul: the result is inf"},
        {NULL, (value_add), large, large, "value_add: the result is inf"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int place = 0; place < 3; place++) {
            ValgradScope scope = {NULL, NULL};
            const bool recording = valgrad_set_recording(place != 2);
            if (place > 0)
                scope = scope_open();
            Value *v = cases[i].unary ? cases[i].unary(cases[i].x)
                                      : cases[i].binary(cases[i].x, cases[i].y);
            ck_assert_ptr_null(v);
            assert_error(VALGRAD_ERROR_NUMBER, cases[i].message);
            if (place > 0)
                scope_close(&scope);
            valgrad_set_recording(recording);
        }
    }
    value_release(x);
    value_release(zero);
    value_release(large);
}
END_TEST

START_TEST(the_message_says_where)
{
    VALGRAD_SCOPE {
        Value *x = labelled(value_leaf(-2), "margin");
        const int made = __LINE__ - 1;
        Value *y = value_log(x);
        const int failed = __LINE__ - 1;
        ck_assert_ptr_null(y);
        assert_site(made);
        assert_site(failed);
        assert_error(VALGRAD_ERROR_NUMBER,
                     "value_log: the result is nan, from x = -2 (leaf 'margin' made at ");
        /* The first maker that fails says its line, and no other does after it. */
        Value *z = value_neg(value_add(x, value_sqrt(x)));
        const int inner = __LINE__ - 1;
        ck_assert_ptr_null(z);
        assert_site(inner);
        ck_assert_ptr_null(strstr(strstr(valgrad_last_error(), ") (") + 1, ") ("));
        assert_error(VALGRAD_ERROR_NUMBER, "value_sqrt: ");
    }
}
END_TEST

START_TEST(every_error_says_where)
{
    valgrad_set_anomaly_trap(false);
    VALGRAD_SCOPE {
        Tensor *a = tensor_leaf(NULL, TENSOR_SHAPE(2, 3));
        ck_assert_ptr_null(tensor_matmul(a, a));
        const int line = __LINE__ - 1;
        assert_site(line);
        assert_error(VALGRAD_ERROR_SHAPE, "tensor_matmul: ");
    }
    valgrad_set_anomaly_trap(true);
}
END_TEST

START_TEST(what_spreads_was_not_made)
{
    VALGRAD_SCOPE {
        Value *infinite = value_leaf((real)INFINITY), *nan = value_leaf((real)NAN),
              *one = value_leaf(1);
        Value *results[] = {value_add(infinite, one),
                            value_mul(nan, one),
                            value_exp(infinite),
                            value_max(nan, infinite),
                            value_sum(2, (Value *[]){one, infinite}),
                            value_sub(nan, infinite),
                            value_neg(infinite)};
        for (size_t i = 0; i < COUNT(results); i++)
            ck_assert_msg(results[i] && !isfinite(value_data(results[i])), "%d: %s", (int)i,
                          valgrad_last_error());
        /* But NaN of infinities is news. */
        ck_assert_ptr_null(value_sub(infinite, infinite));
        assert_error(VALGRAD_ERROR_NUMBER, "value_sub: the result is nan, from x = inf");
        assert_same(value_data(value_tanh(infinite)), 1);
    }
}
END_TEST

static real always_nan(size_t n, const real *x, void *context)
{
    (void)n, (void)x, (void)context;
    return (real)NAN;
}

static void nan_partials(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)x, (void)result, (void)context;
    for (size_t i = 0; i < n; i++)
        partials[i] = (real)NAN;
}

static real sum_of_two(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return x[0] + x[1];
}

static int destroyed;

static void count_destroyed(void *context)
{
    (void)context;
    destroyed++;
}

START_TEST(operations_of_many_operands)
{
    static const ValueOp op = {"odd", always_nan, nan_partials, count_destroyed};
    destroyed = 0;
    for (int in_scope = 0; in_scope < 2; in_scope++) {
        Value *x[6];
        for (int i = 0; i < 6; i++)
            x[i] = value_param(HUGE_NUMBER);
        ValgradScope scope = {NULL, NULL};
        if (in_scope)
            scope = scope_open();
        ck_assert_ptr_null(value_sum(6, x));
        assert_error(VALGRAD_ERROR_NUMBER, "value_sum: the result is inf, from operand 0 = ");
        ck_assert_ptr_null(value_fma(x[0], x[1], x[2]));
        assert_error(VALGRAD_ERROR_NUMBER, "value_fma: the result is inf, from x = ");
        ck_assert_ptr_null(value_dot(3, x, x));
        assert_error(VALGRAD_ERROR_NUMBER, "value_dot: the result is inf");
        ck_assert_ptr_null(value_custom(&op, 2, x, NULL));
        assert_error(VALGRAD_ERROR_NUMBER, "value_odd: the result is nan, from operand 0 = ");
        if (in_scope)
            scope_close(&scope);
        for (int i = 0; i < 6; i++)
            value_release(x[i]);
    }
    ck_assert_int_eq(destroyed, 2);
}
END_TEST

/* ---- forward: tensors ---------------------------------------------------------------------------- */

START_TEST(tensors_tell_the_element)
{
    for (int place = IN_SCOPE; place <= IN_POOL; place++) {
        place_begin((Place)place);
        Tensor *x = keep(tensor_leaf((real[]){1, 2, 3, 4, -1, 5}, TENSOR_SHAPE(2, 3)));
        Tensor *large = keep(tensor_full(HUGE_NUMBER, TENSOR_SHAPE(3)));
        assert_status(tensor_set_label(x, "w"), VALGRAD_OK);
        ck_assert_ptr_null(tensor_log(x));
        const int line = __LINE__ - 1;
        assert_site(line);
        assert_error(VALGRAD_ERROR_NUMBER,
                     "tensor_log: element [1, 1] is nan, from x0 = -1 (leaf 'w' made at ");
        ck_assert_ptr_null(tensor_matmul(x, large));
        assert_error(VALGRAD_ERROR_NUMBER,
                     "tensor_matmul: element [0] is inf, from x0 (2, 3) from -1 to 5 (leaf 'w'");
        ck_assert_ptr_null(tensor_mul(large, keep(tensor_reshape(large, TENSOR_SHAPE(3, 1)))));
        assert_error(VALGRAD_ERROR_NUMBER, "tensor_mul: element [0, 0] is inf, from x0 = ");
        ck_assert_ptr_null(tensor_sum_all(large));
        assert_error(VALGRAD_ERROR_NUMBER, "tensor_sum: element 0 is inf");
        VALGRAD_NO_GRAD {
            ck_assert_ptr_null(tensor_sum_all(large));
            assert_error(VALGRAD_ERROR_NUMBER, "tensor_sum: element 0 is inf");
        }
        /* A table of Values; and an element that is bad already does not hide another. */
        Value *values[] = {keep_value(value_leaf(-(real)INFINITY)), keep_value(value_leaf(0))};
        ck_assert_ptr_null(tensor_log(keep(tensor_from_values(&values[1], TENSOR_SCALAR))));
        assert_error(VALGRAD_ERROR_NUMBER, "tensor_log: element 0 is -inf, from x0 = 0 (leaf");
        Tensor *both = keep(tensor_from_values(values, TENSOR_SHAPE(2)));
        ck_assert_ptr_nonnull(keep(tensor_exp(both)));
        ck_assert_ptr_null(tensor_pow(both, keep(tensor_full(-1, TENSOR_SCALAR))));
        assert_error(VALGRAD_ERROR_NUMBER, "tensor_pow: element [1] is inf");
        ck_assert_ptr_nonnull(keep(tensor_softmax(both, 0))); /* a mask of -inf is no accident */
        place_end();
    }
}
END_TEST

/* ---- backward ------------------------------------------------------------------------------------ */

START_TEST(backward_tells_the_derivative)
{
    VALGRAD_SCOPE {
        Value *x = labelled(value_leaf(0), "start");
        Value *root = value_sqrt(x);
        const int made = __LINE__ - 1;
        Value *y = value_mul(value_const(3), root);
        assert_status(value_backward(y), VALGRAD_ERROR_NUMBER);
        assert_site(made - 1);
        ck_assert_ptr_nonnull(
            strstr(valgrad_last_error(), "value_backward: the derivative of sqrt made at "));
        ck_assert_ptr_nonnull(
            strstr(valgrad_last_error(), ", whose own gradient is 3, by its operand = 0 "));
        assert_error(VALGRAD_ERROR_NUMBER, "makes the operand's gradient inf");
        /* The pass has left nothing behind: another one does all of it. */
        value_zero_grad(x);
        valgrad_set_anomaly_trap(false);
        assert_status(value_backward(y), VALGRAD_OK);
        assert_same(value_grad(x), INFINITY);
        assert_same(value_grad(root), 3);
        valgrad_set_anomaly_trap(true);
    }
}
END_TEST

/* x^0.5 at 0: the exponent is told, too. */
START_TEST(backward_tells_the_other_operands)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *y = labelled(value_leaf((real)0.5), "power");
        assert_status(value_backward(value_pow(x, y)), VALGRAD_ERROR_NUMBER);
        assert_error(VALGRAD_ERROR_NUMBER, "makes the operand's gradient inf; beside it: 0.5 (leaf 'power'");
    }
}
END_TEST

START_TEST(an_abandoned_pass_leaves_nothing)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *y = value_leaf(2), *a = value_exp(y), *b = value_square(a);
        Value *root = value_add(value_mul(a, b), value_sqrt(x)); /* sqrt comes first in backward */
        Tensor *t = tensor_from_values((Value *[]){b, a}, TENSOR_SHAPE(2));
        Value *total = value_add(root, tensor_at(tensor_sum_all(tensor_tanh(t)), 0));
        assert_status(value_backward(total), VALGRAD_ERROR_NUMBER);
        valgrad_clear_error();
        values_zero_grad(2, (Value *[]){x, y});
        Value *good = value_mul(a, b);
        assert_status(value_backward(good), VALGRAD_OK);
        assert_near(value_grad(y), 3 * exp(6), 1e-6);
        assert_same(value_grad(x), 0);
    }
}
END_TEST

START_TEST(tensor_backward_tells_the_derivative)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf((real[]){4, 0}, TENSOR_SHAPE(2));
        assert_status(tensor_set_label(x, "w"), VALGRAD_OK);
        Tensor *y = tensor_sqrt(x);
        assert_status(tensor_backward(y, NULL), VALGRAD_ERROR_NUMBER);
        ck_assert_ptr_nonnull(strstr(valgrad_last_error(), "by element [1] of its operand = 0 (leaf 'w'"));
        assert_error(VALGRAD_ERROR_NUMBER, "tensor_backward: the derivative of sqrt made at ");
        tensor_zero_grad(x);
        Value *element = tensor_at(x, 1), *root = value_sqrt(element);
        assert_status(value_backward(root), VALGRAD_ERROR_NUMBER);
        ck_assert_ptr_nonnull(strstr(valgrad_last_error(), "by its operand = 0 (element)"));
        assert_error(VALGRAD_ERROR_NUMBER, "makes the operand's gradient inf");
    }
}
END_TEST

START_TEST(an_operation_of_your_own_is_named)
{
    static const ValueOp op = {"odd", sum_of_two, nan_partials, NULL};
    VALGRAD_SCOPE {
        Value *x[] = {value_const(1), labelled(value_leaf(2), "b")};
        assert_status(value_backward(value_custom(&op, 2, x, NULL)), VALGRAD_ERROR_NUMBER);
        ck_assert_ptr_nonnull(strstr(valgrad_last_error(), "= 2 (leaf 'b' made at "));
        assert_error(VALGRAD_ERROR_NUMBER, "value_backward: the derivative of odd made at ");
    }
}
END_TEST

START_TEST(what_was_bad_before_is_no_news)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_square(x);
        assert_status(value_backward_from(y, (real)INFINITY), VALGRAD_OK);
        assert_same(value_grad(x), INFINITY);
        assert_status(value_backward(y), VALGRAD_OK);
        value_zero_grad(x);
        assert_status(value_backward(y), VALGRAD_OK);
        assert_same(value_grad(x), 4);
        Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2));
        const Tensor *seed = tensor_const((real[]){(real)NAN, 1}, TENSOR_SHAPE(2));
        assert_status(tensor_backward(tensor_neg(t), seed), VALGRAD_OK);
    }
}
END_TEST

/* Under the trap a pass goes through the queue: to the same bits. */
START_TEST(ordinary_passes_are_the_same)
{
    real gradients[2][3];
    for (int trap = 0; trap < 2; trap++) {
        valgrad_set_anomaly_trap(trap);
        VALGRAD_SCOPE {
            Value *x[] = {value_leaf((real)0.3), value_leaf((real)-1.7), value_leaf(2)};
            Value *y = value_dot(2, x, x + 1);
            for (int i = 0; i < 20; i++)
                y = value_add(value_tanh(value_mul(y, x[i % 3])),
                              value_sin(value_mul(y, x[(i + 1) % 3])));
            assert_status(value_backward(y), VALGRAD_OK);
            for (int i = 0; i < 3; i++)
                gradients[trap][i] = value_grad(x[i]);
        }
    }
    ck_assert_mem_eq(gradients[0], gradients[1], sizeof gradients[0]);
}
END_TEST

/* ---- the switch ---------------------------------------------------------------------------------- */

START_TEST(off_means_off)
{
    VALGRAD_SCOPE {
        ck_assert_ptr_null(log_of(-1));
        valgrad_clear_error();
        ck_assert(valgrad_set_anomaly_trap(false));
        assert_same(value_data(log_of(-1)), NAN);
        Value *x = value_leaf(0);
        assert_status(value_backward(value_sqrt(x)), VALGRAD_OK);
        ck_assert(!valgrad_set_anomaly_trap(true));
        ck_assert_ptr_null(log_of(-1));
        valgrad_clear_error();
    }
}
END_TEST

static void *in_another_thread(void *result)
{
    VALGRAD_SCOPE {
        *(bool *)result = log_of(-1) != NULL;
    }
    return NULL;
}

START_TEST(each_thread_has_its_own)
{
    pthread_t thread;
    bool not_trapped = false;
    ck_assert_int_eq(pthread_create(&thread, NULL, in_another_thread, &not_trapped), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(not_trapped);
}
END_TEST

/* A label may be taken away, and a node freed and its place used again: the site belongs to the node. */
START_TEST(sites_go_with_their_nodes)
{
    Value *x = labelled(value_leaf(-1), "first");
    assert_status(value_set_label(x, NULL), VALGRAD_OK);
    ck_assert_str_eq(value_label(x), "");
    ck_assert_ptr_null(value_log(x));
    assert_error(VALGRAD_ERROR_NUMBER, "from x = -1 (leaf made at ");
    assert_status(value_set_label(x, "second"), VALGRAD_OK);
    ck_assert_ptr_null(value_log(x));
    assert_error(VALGRAD_ERROR_NUMBER, "from x = -1 (leaf 'second' made at ");
    value_release(x);
    Value *y = (value_leaf)(-1); /* in its place, without a note */
    ck_assert_ptr_null(value_log(y));
    assert_error(VALGRAD_ERROR_NUMBER, "from x = -1 (leaf) (");
    value_release(y);
}
END_TEST

/* The label was there before the trap. */
START_TEST(a_site_joins_a_label)
{
    valgrad_set_anomaly_trap(false);
    Value *x = labelled((value_leaf)(-1), "old");
    valgrad_set_anomaly_trap(true);
    ck_assert_ptr_eq(value_made_at(x, "model.c", 12), x);
    ck_assert_ptr_null(value_log(x));
    assert_error(VALGRAD_ERROR_NUMBER, "from x = -1 (leaf 'old' made at model.c:12)");
    value_release(x);
}
END_TEST

static TCase *trapped(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 4);
    tcase_add_checked_fixture(tests, set_trap, remove_trap);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("anomaly");
    TCase *forward = trapped(suite, "forward");
    tcase_add_test(forward, makers_of_bad_numbers);
    tcase_add_test(forward, the_message_says_where);
    tcase_add_test(forward, every_error_says_where);
    tcase_add_test(forward, what_spreads_was_not_made);
    tcase_add_test(forward, operations_of_many_operands);
    tcase_add_test(forward, tensors_tell_the_element);
    TCase *backward = trapped(suite, "backward");
    tcase_add_test(backward, backward_tells_the_derivative);
    tcase_add_test(backward, backward_tells_the_other_operands);
    tcase_add_test(backward, an_abandoned_pass_leaves_nothing);
    tcase_add_test(backward, tensor_backward_tells_the_derivative);
    tcase_add_test(backward, an_operation_of_your_own_is_named);
    tcase_add_test(backward, what_was_bad_before_is_no_news);
    tcase_add_test(backward, ordinary_passes_are_the_same);
    TCase *switching = trapped(suite, "switch");
    tcase_add_test(switching, off_means_off);
    tcase_add_test(switching, each_thread_has_its_own);
    tcase_add_test(switching, sites_go_with_their_nodes);
    tcase_add_test(switching, a_site_joins_a_label);
    return run_suite(suite);
}
