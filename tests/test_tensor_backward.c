/* test_tensor_backward.c - where backward starts, with which seed, and how often. */
#include "numbers_testing.h"

START_TEST(seeds)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 2)), *y = tensor_square(t);
        assert_status(tensor_backward(y, NULL), VALGRAD_OK);
        assert_gradients(t, 4, NUMBERS(0, 2, 4, 6));
        assert_status(
            tensor_backward(y, tensor_const(NUMBERS(1, 10, 100, 1000), TENSOR_SHAPE(2, 2))),
            VALGRAD_OK);
        assert_gradients(t, 4, NUMBERS(0, 22, 404, 6006));
        assert_gradients(y, 4, NUMBERS(1, 10, 100, 1000));
        tensor_zero_grad(t);
        assert_status(
            tensor_backward(y, tensor_transpose(tensor_const(counted, TENSOR_SHAPE(2, 2)))),
            VALGRAD_OK);
        assert_gradients(t, 4, NUMBERS(0, 4, 4, 18));
    }
}
END_TEST

START_TEST(seeds_of_another_shape)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 2)), *y = tensor_square(t);
        assert_refused(tensor_backward(y, tensor_zeros(TENSOR_SHAPE(4))), VALGRAD_ERROR_SHAPE,
                       "tensor_backward: a seed of shape (4) for a root of shape (2, 2)");
        assert_refused(tensor_backward(y, tensor_zeros(TENSOR_SHAPE(2, 1))), VALGRAD_ERROR_SHAPE,
                       "tensor_backward: a seed of shape (2, 1) for a root of shape (2, 2)");
        assert_refused(tensor_backward(tensor_sum_all(y), tensor_zeros(TENSOR_SHAPE(1))),
                       VALGRAD_ERROR_SHAPE,
                       "tensor_backward: a seed of shape (1) for a root of shape ()");
        assert_gradients(t, 4, NUMBERS(0, 0, 0, 0));
    }
}
END_TEST

START_TEST(roots_without_a_gradient)
{
    VALGRAD_SCOPE {
        static const char message[] =
            "tensor_backward: the root depends on no leaf that wants a gradient";
        Tensor *c = tensor_const(counted, TENSOR_SHAPE(3));
        assert_refused(tensor_backward(c, NULL), VALGRAD_ERROR_STATE, message);
        assert_refused(tensor_backward(tensor_exp(c), NULL), VALGRAD_ERROR_STATE, message);
        assert_refused(tensor_backward(tensor_gather(c, 0, 1, (int64_t[]){0}), NULL),
                       VALGRAD_ERROR_STATE, message);
        assert_refused(tensor_backward(NULL, NULL), VALGRAD_ERROR_NULL,
                       "tensor_backward: root is NULL");
        assert_refused(tensor_backward(NULL, c), VALGRAD_ERROR_NULL,
                       "tensor_backward: root is NULL");
    }
}
END_TEST

/* Views, tables and leaves as roots. */
START_TEST(roots_of_every_kind)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3)), *y = tensor_square(t);
        const Value *x = tensor_at(t, 5);
        Value *values[] = {
            value_neg(tensor_at(t, 1)), tensor_at(y, 3), value_const(1), tensor_at(t, 1),
            value_neg(tensor_at(t, 1)), tensor_at(y, 3)};
        const struct {
            Tensor *root;
            real gradients[6];
        } roots[] = {
            {tensor_transpose(y), {0, 2 * 3, 4 * 5, 6 * 2, 8 * 4, 10 * 6}},
            {tensor_slice(y, 1, 1, 3, 1), {0, 2, 8, 0, 24, 40}},
            {tensor_broadcast(tensor_index(tensor_index(y, 0, 1), 0, 2), TENSOR_SHAPE(4)),
             {0, 0, 0, 0, 0, 100}},
            {tensor_slice(y, 0, 0, 0, 1), {0}},
            {tensor_from_values(values, TENSOR_SHAPE(6)), {0, 4 - 1 - 5, 0, 6 * (2 + 6), 0, 0}},
            {t, {1, 2, 3, 4, 5, 6}},
            {tensor_index(t, 0, 1), {0, 0, 0, 1, 2, 3}},
            {tensor_gather(t, 1, 2, (int64_t[]){2, 2}), {0, 0, 3, 0, 0, 7}},
        };
        for (size_t i = 0; i < COUNT(roots); i++) {
            now_testing_is("root %d", (int)i);
            Tensor *root = roots[i].root;
            Tensor *seed = tensor_leaf(NULL, tensor_rank(root), tensor_shape(root));
            tensor_set(seed, tensor_size(seed), NUMBERS(1, 2, 3, 4, 5, 6));
            tensor_zero_grad(t);
            assert_status(tensor_backward(root, seed), VALGRAD_OK);
            assert_gradients(t, 6, roots[i].gradients);
        }
        assert_same(value_data(x), 5);
    }
}
END_TEST

/* Leaves accumulate; results show the last pass, and only what that reached. */
START_TEST(backward_twice)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3)), *y = tensor_square(t);
        Tensor *z = tensor_mul(y, y), *s = tensor_sum_all(z);
        for (int i = 1; i <= 3; i++) {
            assert_status(tensor_backward(s, NULL), VALGRAD_OK);
            assert_gradients(t, 3, NUMBERS(0, (real)i * 4, (real)i * 32));
            assert_gradients(y, 3, NUMBERS(0, 2, 8));
            assert_gradients(z, 3, NUMBERS(1, 1, 1));
        }
        assert_status(value_backward(tensor_at(z, 1)), VALGRAD_OK);
        assert_gradients(z, 3, NUMBERS(0, 1, 0));
        assert_gradients(y, 3, NUMBERS(0, 2, 0));
    }
}
END_TEST

START_TEST(leaves_as_roots_accumulate)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3)), *part = tensor_slice(t, 0, 0, 3, 2);
        for (int i = 0; i < 2; i++) {
            assert_status(tensor_backward(t, NULL), VALGRAD_OK);
            assert_status(tensor_backward(part, tensor_full(10, TENSOR_SHAPE(2))), VALGRAD_OK);
        }
        assert_gradients(t, 3, NUMBERS(22, 2, 22));
    }
}
END_TEST

/* What wants no gradient is not visited, and gets none. */
START_TEST(constants_get_no_gradient)
{
    VALGRAD_SCOPE {
        Tensor *c = tensor_const(counted, TENSOR_SHAPE(2, 2)),
               *w = tensor_leaf(counted, TENSOR_SHAPE(2, 2));
        Tensor *inner = tensor_exp(c), *y = tensor_matmul(inner, w);
        assert_status(tensor_backward(y, NULL), VALGRAD_OK);
        assert_gradients(c, 4, NUMBERS(0, 0, 0, 0));
        assert_gradients(inner, 4, NUMBERS(0, 0, 0, 0));
        ck_assert(!tensor_wants_grad(inner) && tensor_wants_grad(y));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor backward");
    TCase *tests = new_case(suite, "backward", 4);
    tcase_add_test(tests, seeds);
    tcase_add_test(tests, seeds_of_another_shape);
    tcase_add_test(tests, roots_without_a_gradient);
    tcase_add_test(tests, roots_of_every_kind);
    tcase_add_test(tests, backward_twice);
    tcase_add_test(tests, leaves_as_roots_accumulate);
    tcase_add_test(tests, constants_get_no_gradient);
    return run_suite(suite);
}
