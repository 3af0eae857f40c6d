/* test_shaped.c - matrices with sizes in their types are the tensors that they stand for. (What must not
 * compile is in shaped_wrong.c.) */
#include <valgrad/shaped.h>

#include "testing.h"

static const real six[] = {1, 2, 3, 4, 5, 6};

_Static_assert(matrix_rows((Matrix(5, 2))0) == 5, "sizes are constants");
_Static_assert(matrix_columns((Matrix(5, 2))0) == 2, "sizes are constants");
_Static_assert(vector_size((Vector(7))0) == 7, "sizes are constants");

static void check_numbers(Tensor *t, int rank, const int64_t *shape, const real *numbers)
{
    ck_assert_int_eq(tensor_rank(t), rank);
    for (int axis = 0; axis < rank; axis++)
        ck_assert_int_eq(tensor_side(t, axis), shape[axis]);
    for (int64_t i = 0; i < tensor_size(t); i++)
        assert_near(value_data(tensor_at(t, i)), numbers[i], 10 * REAL_EPSILON);
}

START_TEST(operations)
{
    VALGRAD_SCOPE {
        Matrix(2, 3) a = matrix_leaf(six, 2, 3);
        Matrix(3, 2) b = matrix_const(six, 3, 2);
        Vector(2) v = vector_const(six, 2);
        Matrix(2, 2) c = matrix_matmul(a, b);
        check_numbers(matrix_tensor(c), TENSOR_SHAPE(2, 2), (real[]){22, 28, 49, 64});
        Matrix(2, 2) d = matrix_affine(a, b, v);
        check_numbers(matrix_tensor(d), TENSOR_SHAPE(2, 2), (real[]){23, 30, 50, 66});
        Matrix(2, 2) e = matrix_map(tensor_relu, matrix_sub(c, d));
        check_numbers(matrix_tensor(e), TENSOR_SHAPE(2, 2), (real[]){0, 0, 0, 0});
        Matrix(3, 2) f = matrix_transpose(a);
        check_numbers(matrix_tensor(f), TENSOR_SHAPE(3, 2), (real[]){1, 4, 2, 5, 3, 6});
        check_numbers(matrix_tensor(matrix_mul(f, b)), TENSOR_SHAPE(3, 2),
                      (real[]){1, 8, 6, 20, 15, 36});
        check_numbers(matrix_tensor(matrix_add(a, a)), TENSOR_SHAPE(2, 3),
                      (real[]){2, 4, 6, 8, 10, 12});
        Matrix(6, 1) g = matrix_reshape(matrix_tensor(a), 6, 1);
        check_numbers(matrix_tensor(matrix_softmax(g)), TENSOR_SHAPE(6, 1),
                      (real[]){1, 1, 1, 1, 1, 1});
        check_numbers(matrix_tensor(matrix_log_softmax(g)), TENSOR_SHAPE(6, 1),
                      (real[]){0, 0, 0, 0, 0, 0});
        Vector(6) h = vector_reshape(matrix_tensor(a), 6);
        check_numbers(matrix_tensor(h), TENSOR_SHAPE(6), six);
        Vector(2) k = vector_leaf(NULL, 2);
        check_numbers(matrix_tensor(k), TENSOR_SHAPE(2), (real[]){0, 0});
    }
}
END_TEST

START_TEST(gradients)
{
    Matrix(3, 2) w = matrix_param(NULL, 3, 2);
    Vector(2) b = vector_param(NULL, 2);
    const int64_t labels[2] = {0, 1};
    VALGRAD_SCOPE {
        Matrix(2, 3) x = matrix_const(six, 2, 3);
        Tensor *loss = matrix_cross_entropy(matrix_affine(x, w, b), labels);
        assert_near(tensor_item(loss), log(2), 1e-6);
        assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
        assert_near(value_grad(tensor_at(matrix_tensor(w), 0)), (-1 + 4) / 4.0, 1e-6);
        assert_near(value_grad(tensor_at(matrix_tensor(b), 1)), 0, 1e-6);
        assert_near(tensor_item(matrix_mse(x, matrix_map(tensor_neg, x))), 4 * 91 / 6.0, 1e-6);
    }
    tensor_release(matrix_tensor(w));
    tensor_release(matrix_tensor(b));
}
END_TEST

/* What is only known when the program runs is an error then; NULL goes through. */
START_TEST(errors_at_run_time)
{
    VALGRAD_SCOPE {
        Matrix(2, 4) a = matrix_reshape(tensor_const(six, TENSOR_SHAPE(2, 3)), 2, 4);
        ck_assert_ptr_null(a);
        Matrix(4, 2) b = matrix_leaf(NULL, 4, 2);
        Matrix(2, 2) c = matrix_matmul(a, b);
        ck_assert_ptr_null(c);
        assert_error(VALGRAD_ERROR_SHAPE, "tensor_reshape");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shaped");
    TCase *tests = new_case(suite, "shaped", 10);
    tcase_add_test(tests, operations);
    tcase_add_test(tests, gradients);
    tcase_add_test(tests, errors_at_run_time);
    return run_suite(suite);
}
