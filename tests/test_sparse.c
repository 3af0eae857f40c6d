/* test_sparse.c - products with leaves that are mostly zeros: the numbers of the dense product, found
 * out anew when the leaf is filled anew, and NaN where 0 meets an infinity. */
#include <valgrad/valgrad.h>

#include "kernels.h"
#include "sparse.h"
#include "testing.h"

enum { ROWS = 24, DEPTH = 300 }; /* enough of both that lists pay */

/* ---- the kernels -------------------------------------------------------------------------------- */

static real drawn(Random *random, double density)
{
    const real number = random_uniform(random, -1, 1);
    return (double)random_uniform(random, 0, 1) < density ? number : 0;
}

static const Kernels *variant(int i)
{
    int count;
    const Kernels *const *all = kernels__all(&count);
    return i < count ? all[i] : NULL;
}

START_TEST(lists_name_all_that_is_not_zero)
{
    const Kernels *kernels = variant(_i);
    real row[2 * LISTS_PIECE + 5] = {0};
    int32_t first[4], column[3 + COUNT(row) + LISTS_SLACK];
    row[0] = 1, row[LISTS_PIECE - 1] = (real)NAN, row[3] = (real)-0.0;
    row[2 * LISTS_PIECE] = (real)INFINITY, row[2 * LISTS_PIECE + 4] = -2;
    ck_assert_int_eq(kernels->nonzeros(row, COUNT(row), 3, first, column), 7);
    const int32_t firsts[] = {3, 5, 5, 7}, columns[] = {0, LISTS_PIECE - 1, 2 * LISTS_PIECE, 2 * LISTS_PIECE + 4};
    ck_assert_mem_eq(first, firsts, sizeof firsts);
    ck_assert_mem_eq(column + 3, columns, sizeof columns);
    ck_assert_int_eq(kernels->nonzeros(row + 1, LISTS_PIECE, 0, first, column), 1);
    ck_assert_int_eq(first[1], 1);
    ck_assert_int_eq(kernels->nonzeros(row, 0, 2, first, column), 2);
    ck_assert_int_eq(first[0], 2);
}
END_TEST

/* Sparse and dense product of one shape, side by side. */
static void compare_products(const Kernels *kernels, int64_t n, double density, bool bias,
                             bool accumulate)
{
    enum { M = 9, K = 50, MOST_N = 200 };
    static real a[M * K], b[K * MOST_N], c[2][M * MOST_N], biases[MOST_N], scratch[1 << 16];
    enum { PIECES = 2 };
    static int32_t first[M * (PIECES + 1)], column[M * K + LISTS_SLACK];
    RowLists lists = {.first = first, .column = column, .row_step = PIECES + 1, .piece_step = 1, .pieces = PIECES};
    Random random = random_seeded(7);
    for (int i = 0; i < M * K; i++)
        a[i] = drawn(&random, density);
    for (int i = 0; i < K * MOST_N; i++)
        b[i] = drawn(&random, 1);
    for (int i = 0; i < M * MOST_N; i++)
        c[0][i] = c[1][i] = drawn(&random, 1);
    for (int i = 0; i < MOST_N; i++)
        biases[i] = drawn(&random, 1);
    Gemm gemm = {.m = M,
                 .n = n,
                 .k = K,
                 .a = a,
                 .a_row = K,
                 .a_col = 1,
                 .b = b,
                 .b_row = n,
                 .b_col = 1,
                 .bias = bias ? biases : NULL,
                 .c = c[0],
                 .ldc = n,
                 .accumulate = accumulate,
                 .scratch = scratch};
    for (int i = 0; i < M; i++)
        lists.entries = kernels->nonzeros(a + i * K, K, (int32_t)lists.entries, first + i * lists.row_step, column);
    kernels->gemm(&gemm);
    gemm.c = c[1];
    kernels->sparse_gemm(&gemm, lists);
    for (int64_t i = 0; i < M * MOST_N; i++)
        assert_near(c[1][i], c[0][i], 20 * REAL_EPSILON);
}

START_TEST(a_sparse_product_is_the_dense_one)
{
    const int64_t columns[] = {1, 7, 64, 100, 200};
    const double densities[] = {0, 0.1, 1};
    for (size_t n = 0; n < COUNT(columns); n++) {
        for (size_t d = 0; d < COUNT(densities); d++) {
            for (int form = 0; form < 4; form++)
                compare_products(variant(_i), columns[n], densities[d], form & 1, form & 2);
        }
    }
}
END_TEST

/* The product at once, which has terms enough that it goes through B in blocks, and row by row, which has not. */
static void compare_with_rows(const Kernels *kernels, Gemm gemm, RowLists lists)
{
    enum { MOST = 600 * 171 };
    static real c[2][MOST];
    for (int i = 0; i < MOST; i++)
        c[0][i] = c[1][i] = 7;
    gemm.c = c[0];
    kernels->sparse_gemm(&gemm, lists);
    const int64_t rows = gemm.m;
    gemm.m = 1;
    gemm.c = c[1];
    for (int64_t i = 0; i < rows; i++) {
        lists.entries = row_lists__end(lists, 0) - row_lists__begin(lists, 0);
        kernels->sparse_gemm(&gemm, lists);
        gemm.a += gemm.a_row;
        gemm.c += gemm.ldc;
        lists.first += lists.row_step;
    }
    ck_assert_mem_eq(c[0], c[1], sizeof c[0]);
}

/* a b + bias, and a^T b, in which column 5 of a is empty. */
START_TEST(blocks_change_no_bit)
{
    enum { M = 200, K = 600, MOST_N = 171, PIECES = (K + LISTS_PIECE - 1) / LISTS_PIECE };
    const Kernels *kernels = variant(_i);
    static real a[M * K], b[K * MOST_N], scratch[1 << 16];
    static int32_t first[M * (PIECES + 1)], column[M * K + LISTS_SLACK];
    static int32_t column_first[K * (M / LISTS_PIECE + 2)], row[M * K];
    const int64_t columns[] = {64, 128, MOST_N};
    Random random = random_seeded(7);
    for (int i = 0; i < M * K; i++)
        a[i] = drawn(&random, i % K == 5 ? 0 : 0.3);
    for (int i = 0; i < K * MOST_N; i++)
        b[i] = drawn(&random, 1);
    RowLists rows = {.first = first, .column = column, .row_step = PIECES + 1, .piece_step = 1, .pieces = PIECES};
    for (int i = 0; i < M; i++)
        rows.entries = kernels->nonzeros(a + i * K, K, (int32_t)rows.entries, first + i * rows.row_step, column);
    RowLists turned = {.first = column_first, .column = row, .leave_empty = true};
    sparse__turn(M, K, rows, &turned);
    for (size_t i = 0; i < COUNT(columns); i++) {
        const int64_t n = columns[i];
        Gemm gemm = {.m = M, .n = n, .k = K, .a = a, .a_row = K, .a_col = 1, .b = b, .b_row = n, .b_col = 1,
                     .bias = b, .ldc = n, .scratch = scratch};
        compare_with_rows(kernels, gemm, rows);
        gemm.m = K, gemm.k = M, gemm.a_row = 1, gemm.a_col = K, gemm.bias = NULL;
        compare_with_rows(kernels, gemm, turned);
    }
}
END_TEST

START_TEST(infinity_and_nan_are_found_wherever_they_are)
{
    real x[150] = {0};
    for (int i = 0; i < (int)COUNT(x); i++) {
        const real unfit[] = {(real)INFINITY, -(real)INFINITY, (real)NAN};
        ck_assert(variant(_i)->all_finite(x, COUNT(x)));
        x[i] = unfit[i % 3];
        ck_assert(!variant(_i)->all_finite(x, COUNT(x)));
        x[i] = (real)-1e30;
    }
}
END_TEST

/* Rows that are marked, not marked, or all. */
START_TEST(multiples_of_a_row_are_added)
{
    enum { K = 40, MOST_N = 200 };
    static real c[2][K * MOST_N], a[K], g[MOST_N];
    const int64_t columns[] = {1, 7, 64, 100, 200};
    const int32_t rows[] = {3, 0, 17, 39};
    Random random = random_seeded(2);
    for (size_t i = 0; i < 2 * COUNT(columns); i++) {
        const int64_t n = columns[i / 2];
        uint8_t marks[K] = {0}, *const given = i % 2 ? marks : NULL;
        marks[17] = marks[5] = 1;
        for (int p = 0; p < K; p++)
            a[p] = drawn(&random, 1);
        for (int64_t j = 0; j < n; j++)
            g[j] = drawn(&random, 1);
        for (int64_t j = 0; j < K * n; j++)
            c[0][j] = c[1][j] = drawn(&random, 1);
        variant(_i)->add_multiples(c[0], given, n, rows, COUNT(rows), a, g);
        for (size_t e = 0; e < COUNT(rows); e++) {
            real *to = c[1] + rows[e] * n;
            for (int64_t j = 0; j < n; j++)
                to[j] = (given && rows[e] != 17 ? 0 : to[j]) + a[rows[e]] * g[j];
            ck_assert(!given || marks[rows[e]]);
        }
        for (int64_t j = 0; j < K * n; j++)
            assert_near(c[0][j], c[1][j], 4 * REAL_EPSILON);
    }
}
END_TEST

/* ---- through the graph -------------------------------------------------------------------------- */

static void fill(real *numbers, double density, uint64_t seed)
{
    Random random = random_seeded(seed);
    for (int i = 0; i < ROWS * DEPTH; i++)
        numbers[i] = drawn(&random, density);
}

/* y = x w + b for the numbers in x and its gradient for w; a view of more than the whole leaf goes by the
 * dense kernel, which is the yardstick. */
static void check_layer(Tensor *x, Tensor *w, const real *numbers)
{
    static real y[2][ROWS * 64], gradient[2][DEPTH * 64], twice[2 * ROWS * DEPTH];
    memcpy(twice, numbers, sizeof(real) * ROWS * DEPTH);
    VALGRAD_SCOPE {
        Tensor *both = tensor_const(twice, TENSOR_SHAPE(2 * ROWS, DEPTH));
        Tensor *inputs[] = {x, tensor_slice(both, 0, 0, ROWS, 1)};
        ck_assert_ptr_null(sparse__rows(inputs[1], ROWS, DEPTH).first);
        for (int i = 0; i < 2; i++) {
            Tensor *result = tensor_matmul(inputs[i], w);
            tensor_zero_grad(w);
            assert_status(tensor_backward(tensor_sum_all(tensor_square(result)), NULL), VALGRAD_OK);
            assert_status(tensor_get(result, COUNT(y[i]), y[i]), VALGRAD_OK);
            assert_status(tensor_get_grad(w, COUNT(gradient[i]), gradient[i]), VALGRAD_OK);
        }
    }
    for (size_t i = 0; i < COUNT(y[0]); i++)
        assert_near(y[0][i], y[1][i], 100 * REAL_EPSILON);
    for (size_t i = 0; i < COUNT(gradient[0]); i++)
        assert_near(gradient[0][i], gradient[1][i], 100 * REAL_EPSILON);
}

static Tensor *weights(void)
{
    Random random = random_seeded(3);
    Tensor *w = tensor_param(NULL, TENSOR_SHAPE(DEPTH, 64));
    assert_status(tensor_fill_uniform(w, -1, 1, &random), VALGRAD_OK);
    return w;
}

START_TEST(a_leaf_filled_anew_is_looked_at_anew)
{
    static real numbers[ROWS * DEPTH];
    Tensor *x = tensor_param(NULL, TENSOR_SHAPE(ROWS, DEPTH)), *w = weights();
    for (uint64_t seed = 1; seed <= 3; seed++) {
        fill(numbers, 0.2, seed);
        assert_status(tensor_set(x, COUNT(numbers), numbers), VALGRAD_OK);
        ck_assert_ptr_nonnull(sparse__rows(x, ROWS, DEPTH).first);
        check_layer(x, w, numbers);
    }
    numbers[5 * DEPTH + 7] = 3;
    assert_status(value_set_data(tensor_at(x, 5 * DEPTH + 7), 3), VALGRAD_OK);
    check_layer(x, w, numbers);
    tensor_release(x);
    tensor_release(w);
}
END_TEST

START_TEST(dense_leaves_are_multiplied_densely_and_may_become_sparse)
{
    static real numbers[ROWS * DEPTH];
    Tensor *x = tensor_param(NULL, TENSOR_SHAPE(ROWS, DEPTH)), *w = weights();
    for (uint64_t seed = 1; seed <= 4; seed++) {
        const bool dense = seed % 2;
        fill(numbers, dense ? 0.9 : 0.2, seed);
        assert_status(tensor_set(x, COUNT(numbers), numbers), VALGRAD_OK);
        ck_assert(!sparse__rows(x, ROWS, DEPTH).first == dense);
        ck_assert(!sparse__columns(x, ROWS, DEPTH).first == dense);
        check_layer(x, w, numbers);
    }
    tensor_release(x);
    tensor_release(w);
}
END_TEST

/* Zeros where the sample looks do not make dense data sparse. */
START_TEST(a_sample_decides_nothing_alone)
{
    static real numbers[ROWS * DEPTH];
    for (size_t i = 0; i < COUNT(numbers); i++)
        numbers[i] = i < COUNT(numbers) * 55 / 100 ? 0 : 1;
    Tensor *x = tensor_param(numbers, TENSOR_SHAPE(ROWS, DEPTH)), *w = weights();
    ck_assert_ptr_null(sparse__rows(x, ROWS, DEPTH).first);
    check_layer(x, w, numbers);
    tensor_release(x);
    tensor_release(w);
}
END_TEST

START_TEST(leaves_are_listed_as_they_are_filled)
{
    static real numbers[ROWS * DEPTH];
    VALGRAD_SCOPE {
        fill(numbers, 0.2, 1);
        Tensor *x = tensor_const(numbers, TENSOR_SHAPE(ROWS, 2, DEPTH / 2));
        const void *lists = dense_of(x->run)->nonzeros;
        ck_assert_ptr_nonnull(lists);
        const RowLists rows = sparse__rows(tensor_reshape(x, TENSOR_SHAPE(ROWS, DEPTH)), ROWS, DEPTH);
        ck_assert_ptr_nonnull(rows.first);
        ck_assert_ptr_eq(dense_of(x->run)->nonzeros, lists);
        fill(numbers, 0.9, 2);
        ck_assert_ptr_null(dense_of(tensor_const(numbers, TENSOR_SHAPE(ROWS, DEPTH))->run)->nonzeros);
        Tensor *set = tensor_zeros(TENSOR_SHAPE(ROWS, DEPTH));
        fill(numbers, 0.2, 3);
        assert_status(tensor_set(set, COUNT(numbers), numbers), VALGRAD_OK);
        ck_assert_ptr_nonnull(dense_of(set->run)->nonzeros);
    }
}
END_TEST

START_TEST(only_whole_leaves_of_some_size_have_lists)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(ROWS, DEPTH));
        ck_assert_ptr_nonnull(sparse__rows(x, ROWS, DEPTH).first);
        ck_assert_ptr_nonnull(sparse__columns(x, ROWS, DEPTH).first);
        ck_assert_ptr_nonnull(sparse__rows(x, DEPTH, ROWS).first);
        ck_assert_ptr_nonnull(sparse__columns(x, DEPTH, ROWS).first);
        ck_assert_ptr_null(sparse__rows(tensor_slice(x, 0, 1, ROWS, 1), ROWS - 1, DEPTH).first);
        ck_assert_ptr_null(sparse__rows(tensor_square(x), ROWS, DEPTH).first);
        ck_assert_ptr_nonnull(sparse__rows(x, 1, ROWS * DEPTH).first);
        ck_assert_ptr_null(sparse__rows(tensor_zeros(TENSOR_SHAPE(10, 10)), 10, 10).first);
    }
}
END_TEST

/* As many numbers as its leaf, but the first row again and again. */
START_TEST(a_row_broadcast_is_not_its_leaf)
{
    static real numbers[ROWS * DEPTH];
    VALGRAD_SCOPE {
        numbers[7] = 1;
        numbers[DEPTH + 9] = 2;
        Tensor *x = tensor_const(numbers, TENSOR_SHAPE(ROWS, DEPTH)), *w = weights();
        Tensor *rows = tensor_broadcast(tensor_slice(x, 0, 0, 1, 1), TENSOR_SHAPE(ROWS, DEPTH));
        Tensor *y = tensor_matmul(rows, w);
        for (int64_t i = 0; i < ROWS * 64; i++)
            assert_same(value_data(tensor_at(y, i)), value_data(tensor_at(w, 7 * 64 + i % 64)));
        tensor_release(w);
    }
}
END_TEST

START_TEST(zero_times_infinity_is_nan)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(ROWS, DEPTH)),
               *w = tensor_zeros(TENSOR_SHAPE(DEPTH, 64));
        assert_status(value_set_data(tensor_at(w, 64 * 9 + 5), (real)INFINITY), VALGRAD_OK);
        Tensor *y = tensor_matmul(x, w);
        ck_assert_ptr_nonnull(sparse__rows(x, ROWS, DEPTH).first);
        ck_assert(isnan(value_data(tensor_at(y, 5))));
        assert_same(value_data(tensor_at(y, 6)), 0);
    }
}
END_TEST

/* That weights are finite is remembered until they change, by hand or by an optimizer. */
START_TEST(weights_that_become_infinite_are_noticed)
{
    static real numbers[ROWS * DEPTH];
    Tensor *x = tensor_param(numbers, TENSOR_SHAPE(ROWS, DEPTH)), *w = weights();
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_parameters_add(parameters, "w", w), VALGRAD_OK);
    NnOptimizer *optimizer = nn_optimizer_sgd(parameters, NULL);
    for (int round = 0; round < 4; round++) {
        VALGRAD_SCOPE {
            Tensor *y = tensor_matmul(x, w);
            const bool infinite = round == 1 || round == 3;
            ck_assert(isnan(value_data(tensor_at(y, 5))) == infinite);
            assert_same(value_data(tensor_at(y, 6)), 0);
        }
        real number = round == 0 ? (real)INFINITY : 1;
        assert_status(value_set_data(tensor_at(w, 64 * 9 + 5), number), VALGRAD_OK);
        VALGRAD_SCOPE {
            ck_assert_ptr_nonnull(tensor_matmul(x, w));
            nn_optimizer_zero_grad(optimizer);
            real step[DEPTH * 64] = {0};
            step[64 * 9 + 5] = round == 2 ? (real)INFINITY : 0;
            Tensor *g = tensor_const(step, TENSOR_SHAPE(DEPTH, 64));
            assert_status(tensor_backward(tensor_add(w, w), g), VALGRAD_OK);
        }
        assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
    }
    nn_optimizer_free(optimizer);
    nn_parameters_free(parameters);
    tensor_release(x);
    tensor_release(w);
}
END_TEST

START_TEST(an_infinite_gradient_of_zero_pixels_is_nan)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(ROWS, DEPTH)),
               *w = tensor_leaf(NULL, TENSOR_SHAPE(DEPTH, 64));
        Tensor *y = tensor_matmul(x, w);
        assert_status(tensor_backward(y, tensor_full((real)INFINITY, TENSOR_SHAPE(ROWS, 64))),
                      VALGRAD_OK);
        ck_assert(isnan(value_grad(tensor_at(w, 0))));
    }
}
END_TEST

int main(void)
{
    int count;
    kernels__all(&count);
    Suite *suite = suite_create("sparse");
    TCase *kernels = new_case(suite, "every variant", 30);
    tcase_add_loop_test(kernels, lists_name_all_that_is_not_zero, 0, count);
    tcase_add_loop_test(kernels, a_sparse_product_is_the_dense_one, 0, count);
    tcase_add_loop_test(kernels, blocks_change_no_bit, 0, count);
    tcase_add_loop_test(kernels, multiples_of_a_row_are_added, 0, count);
    tcase_add_loop_test(kernels, infinity_and_nan_are_found_wherever_they_are, 0, count);
    TCase *graph = new_case(suite, "through the graph", 30);
    tcase_add_test(graph, a_leaf_filled_anew_is_looked_at_anew);
    tcase_add_test(graph, dense_leaves_are_multiplied_densely_and_may_become_sparse);
    tcase_add_test(graph, a_sample_decides_nothing_alone);
    tcase_add_test(graph, leaves_are_listed_as_they_are_filled);
    tcase_add_test(graph, a_row_broadcast_is_not_its_leaf);
    tcase_add_test(graph, weights_that_become_infinite_are_noticed);
    tcase_add_test(graph, only_whole_leaves_of_some_size_have_lists);
    tcase_add_test(graph, zero_times_infinity_is_nan);
    tcase_add_test(graph, an_infinite_gradient_of_zero_pixels_is_nan);
    return run_suite(suite);
}
