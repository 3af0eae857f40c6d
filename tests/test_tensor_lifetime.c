/* test_tensor_lifetime.c - who lives how long among tensors, their elements and what is made of them. */
#include "numbers_testing.h"

START_TEST(scopes_drop_what_is_not_retained)
{
    Tensor *kept = NULL;
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3));
        kept = tensor_retain(tensor_exp(t));
        tensor_sum_all(kept);
    }
    ck_assert_int_gt(valgrad_live_nodes(), 0);
    assert_same(value_data(tensor_at(kept, 0)), 1);
    assert_status(tensor_backward(kept, NULL), VALGRAD_OK);
    tensor_release(kept);
}
END_TEST

START_TEST(outside_scopes_the_caller_owns)
{
    Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3)), *e = tensor_exp(t), *s = tensor_sum_all(e);
    ck_assert_int_eq(valgrad_live_nodes(), 3);
    tensor_release(e);
    tensor_release(t);
    ck_assert_int_eq(valgrad_live_nodes(), 3);
    ck_assert_ptr_eq(tensor_retain(s), s);
    tensor_release(s);
    ck_assert_int_eq(valgrad_live_nodes(), 3);
    tensor_release(s);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

START_TEST(parameters_survive_scopes)
{
    Tensor *w = NULL;
    VALGRAD_SCOPE {
        VALGRAD_SCOPE
            w = tensor_param(counted, TENSOR_SHAPE(2, 2));
        ck_assert_int_eq(valgrad_live_nodes(), 1);
        for (int step = 0; step < 3; step++) {
            VALGRAD_SCOPE {
                Tensor *y = tensor_matmul(w, tensor_transpose(w));
                assert_status(tensor_backward(y, NULL), VALGRAD_OK);
            }
        }
        tensor_zero_grad(w);
    }
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    assert_numbers(w, 4, counted);
    tensor_release(w);
}
END_TEST

/* Results handed from scope to scope; at each step only what the next one needs is left. */
START_TEST(results_carried_through_nested_scopes)
{
    Tensor *w = tensor_param(NUMBERS(1, 2), TENSOR_SHAPE(2)), *a = NULL, *b = NULL, *c = NULL;
    VALGRAD_SCOPE {
        VALGRAD_SCOPE {
            VALGRAD_SCOPE
                a = tensor_retain(tensor_square(w));
            b = tensor_retain(tensor_gather(tensor_mul(a, w), 0, 2, (int64_t[]){1, 0}));
            tensor_release(a);
        }
        c = tensor_retain(tensor_add(b, tensor_const(counted, TENSOR_SHAPE(2))));
        tensor_release(b);
    }
    assert_numbers(c, 2, NUMBERS(8, 2));
    assert_status(tensor_backward(c, NULL), VALGRAD_OK);
    assert_gradients(w, 2, NUMBERS(3, 12));
    tensor_release(c);
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    tensor_release(w);
}
END_TEST

/* A handle taken before, and one taken after, the inner scope's result was used further out. */
START_TEST(handles_on_carried_tensors)
{
    for (int retain_again = 0; retain_again < 2; retain_again++) {
        Tensor *carried = NULL;
        VALGRAD_SCOPE {
            VALGRAD_SCOPE {
                VALGRAD_SCOPE
                    carried = tensor_retain(tensor_exp(tensor_leaf(counted, TENSOR_SHAPE(2))));
                tensor_sum_all(carried);
            }
            tensor_mean_all(carried);
            if (retain_again) {
                tensor_retain(carried);
                tensor_release(carried);
            }
        }
        ck_assert_int_gt(valgrad_live_nodes(), 0);
        assert_same(value_data(tensor_at(carried, 0)), 1);
        assert_status(tensor_backward(carried, NULL), VALGRAD_OK);
        tensor_release(carried);
        ck_assert_int_eq(valgrad_live_nodes(), 0);
    }
}
END_TEST

/* Of the pool, used in a scope: a run, a view with gaps, and a table. */
START_TEST(operands_of_the_pool_released_in_a_scope)
{
    Tensor *w = tensor_param(NUMBERS(1, 2, 3, 4), TENSOR_SHAPE(2, 2));
    Tensor *turned = tensor_transpose(w);
    Tensor *table = tensor_gather(w, 0, 2, (int64_t[]){1, 1});
    Value *element = value_retain(tensor_at(w, 3));
    VALGRAD_SCOPE {
        Tensor *y = tensor_matmul(w, turned), *z = tensor_mul(y, table);
        tensor_release(w);
        tensor_release(turned);
        tensor_release(table);
        Tensor *others[8]; /* in the memory of those released */
        for (int i = 0; i < 8; i++)
            others[i] = tensor_param(NULL, TENSOR_SHAPE(2, 2));
        assert_status(tensor_backward(z, NULL), VALGRAD_OK);
        assert_same(value_grad(element), (3 + 4) * 2 + 2 * 4 * 4 + (11 + 25));
        for (int i = 0; i < 8; i++)
            tensor_release(others[i]);
    }
    value_release(element);
}
END_TEST

START_TEST(an_element_holds_its_tensor)
{
    Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3));
    Value *x = value_retain(tensor_at(t, 1)), *y = value_square(tensor_at(t, 2));
    tensor_release(t);
    assert_same(value_data(x), 1);
    value_release(x);
    ck_assert_int_eq(valgrad_live_nodes(), 2);
    assert_status(value_backward(y), VALGRAD_OK);
    value_release(y);
}
END_TEST

START_TEST(one_release_too_many)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3));
        tensor_release(t);
        assert_message(VALGRAD_ERROR_STATE,
                       "tensor_release: no handle is left: a scope owns this Tensor, "
                       "or one release too many");
        tensor_retain(t);
        tensor_release(t);
        ck_assert_str_eq(valgrad_last_error(), "");
        tensor_release(t);
        assert_error(VALGRAD_ERROR_STATE, "one release too many");
        assert_numbers(t, 3, counted);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor lifetime");
    TCase *tests = new_case(suite, "lifetime", 4);
    tcase_add_test(tests, scopes_drop_what_is_not_retained);
    tcase_add_test(tests, outside_scopes_the_caller_owns);
    tcase_add_test(tests, parameters_survive_scopes);
    tcase_add_test(tests, results_carried_through_nested_scopes);
    tcase_add_test(tests, handles_on_carried_tensors);
    tcase_add_test(tests, operands_of_the_pool_released_in_a_scope);
    tcase_add_test(tests, an_element_holds_its_tensor);
    tcase_add_test(tests, one_release_too_many);
    return run_suite(suite);
}
