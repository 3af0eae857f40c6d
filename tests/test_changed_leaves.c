/* test_changed_leaves.c - a leaf that was given another number after a graph had used it: backward refuses, names it
 * and touches nothing. */
#include "testing.h"

static void expect_modified(Value *root, const char *text)
{
    assert_status(value_backward(root), VALGRAD_ERROR_MODIFIED);
    assert_error(VALGRAD_ERROR_MODIFIED, text);
}

START_TEST(changed_leaf_in_a_scope)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_leaf(3), *product = value_mul(x, y);
        Value *root = value_tanh(product);
        value_set_label(x, "weight");
        assert_status(value_backward(root), VALGRAD_OK);
        const real before[] = {value_grad(x), value_grad(y), value_grad(product), value_grad(root)};
        assert_status(value_set_data(x, 5), VALGRAD_OK);
        assert_same(value_data(x), 5);
        expect_modified(root,
                        "value_backward: the leaf 'weight' was given another number after mul");
        const real after[] = {value_grad(x), value_grad(y), value_grad(product), value_grad(root)};
        ck_assert_mem_eq(before, after, sizeof before);
        /* What does not use x is as it was, and new graphs may use it. */
        assert_status(value_backward(value_square(y)), VALGRAD_OK);
        assert_same(value_grad(y), before[1] + 6);
        value_zero_grad(x);
        assert_status(value_backward(value_mul(x, y)), VALGRAD_OK);
        assert_same(value_grad(x), 3);
        expect_modified(value_add(root, x), "weight");
    }
}
END_TEST

START_TEST(changed_leaf_in_the_pool)
{
    Value *x = value_leaf(2), *y = value_leaf(3), *product = value_mul(x, y);
    Value *root = value_tanh(product);
    value_set_label(y, "bias");
    assert_status(value_backward(root), VALGRAD_OK);
    const real before[] = {value_grad(x), value_grad(y), value_grad(product), value_grad(root)};
    assert_status(value_set_data(y, 5), VALGRAD_OK);
    expect_modified(root, "'bias'");
    const real after[] = {value_grad(x), value_grad(y), value_grad(product), value_grad(root)};
    ck_assert_mem_eq(before, after, sizeof before);
    Value *again = value_mul(x, y);
    assert_status(value_backward(again), VALGRAD_OK);
    assert_same(value_grad(x), before[0] + 5);
    Value *all[] = {x, y, product, root, again};
    for (size_t i = 0; i < COUNT(all); i++)
        value_release(all[i]);
}
END_TEST

/* A parameter outside, an inner result carried out, a pool result, and the leaf deep below. */
START_TEST(changed_leaf_in_a_mixed_graph)
{
    Value *w = value_param((real)0.5), *pool = value_sin(w), *carried = NULL;
    value_set_label(w, "w");
    VALGRAD_SCOPE {
        Value *x = value_leaf(2);
        VALGRAD_SCOPE {
            carried = value_retain(value_mul(value_exp(x), w));
        }
        Value *root = value_add(value_mul(pool, x), carried);
        assert_status(value_backward(root), VALGRAD_OK);
        const real before[] = {value_grad(x), value_grad(w), value_grad(pool), value_grad(carried)};
        assert_status(value_set_data(w, 7), VALGRAD_OK);
        expect_modified(root, "'w'");
        expect_modified(carried, "'w'");
        expect_modified(pool, "after sin had");
        const real after[] = {value_grad(x), value_grad(w), value_grad(pool), value_grad(carried)};
        ck_assert_mem_eq(before, after, sizeof before);
        value_zero_grad(w);
        assert_status(value_backward(value_mul(w, x)), VALGRAD_OK);
        assert_same(value_grad(w), 2);
        value_release(carried);
    }
    value_release(pool);
    value_release(w);
}
END_TEST

/* Constants count too: the derivative of w c by w is c. */
START_TEST(changed_constant_operand)
{
    Value *w = value_param(2);
    VALGRAD_SCOPE {
        Value *c = value_const(3), *root = value_mul(w, c);
        value_set_data(c, 4);
        expect_modified(root, "value_backward: the const was given another number after mul");
        Value *list[] = {w, c};
        Value *sum = value_sum(2, list), *dot = value_dot(2, list, list);
        assert_status(value_backward(sum), VALGRAD_OK);
        value_set_data(c, 5);
        expect_modified(sum, "after sum had");
        expect_modified(dot, "after dot had");
    }
    assert_same(value_grad(w), 1);
    value_release(w);
}
END_TEST

/* Even a number set to what it was is another version; one set before its first use is none. */
START_TEST(changed_before_use_is_fine)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_leaf(1);
        value_set_data(x, 3);
        Value *root = value_mul(x, y);
        value_set_data(x, 3);
        value_set_data(x, 3);
        expect_modified(root, "leaf");
        Value *next = value_mul(x, y);
        assert_status(value_backward(next), VALGRAD_OK);
        assert_same(value_grad(y), 3);
        assert_status(value_set_data(root, 1), VALGRAD_ERROR_STATE);
        assert_error(VALGRAD_ERROR_STATE, "value_set_data: v is the result of mul");
        assert_status(value_set_data(NULL, 1), VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "value_set_data: v is NULL");
    }
}
END_TEST

/* Each leaf and constant of a graph in turn is changed, wherever it lies. */
START_TEST(every_single_change_is_noticed)
{
    enum { N = 40 };
    Value *leaves[N];
    for (int i = 0; i < N; i++)
        leaves[i] = value_param((real)(1 + i));
    for (int changed = 0; changed < N; changed++) {
        VALGRAD_SCOPE {
            Value *inside[N], *root = value_const(0);
            for (int i = 0; i < N; i++) {
                inside[i] = i % 2 ? value_leaf(1) : value_const(1);
                root = value_add(value_tanh(value_mul(leaves[i], inside[i])), root);
            }
            assert_status(value_backward(root), VALGRAD_OK);
            value_set_data(_i ? leaves[changed] : inside[changed], 9);
            assert_status(value_backward(root), VALGRAD_ERROR_MODIFIED);
        }
    }
    for (int i = 0; i < N; i++)
        value_release(leaves[i]);
}
END_TEST

/* Fits y = 3 x - 1, updating between graphs that all lie in one scope. */
START_TEST(training_inside_one_scope)
{
    VALGRAD_SCOPE {
        Value *w = _i ? value_param(0) : value_leaf(0), *b = _i ? value_param(0) : value_leaf(0);
        real w_expected = 0, b_expected = 0;
        for (int step = 0; step < 200; step++) {
            const real x = (real)(step % 5) - 2;
            Value *y = value_add(value_mul(w, value_const(x)), b);
            Value *loss = value_square(value_sub(y, value_const(3 * x - 1)));
            value_zero_grad(w);
            value_zero_grad(b);
            assert_status(value_backward(loss), VALGRAD_OK);
            const real slope = 2 * (w_expected * x + b_expected - (3 * x - 1));
            assert_near(value_grad(w), slope * x, 1e4 * (double)REAL_EPSILON);
            assert_near(value_grad(b), slope, 1e4 * (double)REAL_EPSILON);
            value_set_data(w, value_data(w) - (real)0.05 * value_grad(w));
            value_set_data(b, value_data(b) - (real)0.05 * value_grad(b));
            w_expected -= (real)0.05 * slope * x;
            b_expected -= (real)0.05 * slope;
        }
        assert_near(value_data(w), 3, 1e-3);
        assert_near(value_data(b), -1, 1e-3);
        if (_i) {
            value_release(w);
            value_release(b);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("changed leaves");
    TCase *changed = new_case(suite, "changed leaves", 4);
    tcase_add_test(changed, changed_leaf_in_a_scope);
    tcase_add_test(changed, changed_leaf_in_the_pool);
    tcase_add_test(changed, changed_leaf_in_a_mixed_graph);
    tcase_add_test(changed, changed_constant_operand);
    tcase_add_test(changed, changed_before_use_is_fine);
    tcase_add_loop_test(changed, every_single_change_is_noticed, 0, 2);
    tcase_add_loop_test(changed, training_inside_one_scope, 0, 2);
    return run_suite(suite);
}
