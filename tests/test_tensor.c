/* test_tensor.c - making tensors, looking at their elements, giving them other numbers. */
#include "numbers_testing.h"

/* ---- create ------------------------------------------------------------------------------------ */

typedef Tensor *Maker(const real *data, int rank, const int64_t *shape);

static const struct {
    const char *name;
    Maker *make;
    bool wants_grad;
} makers[] = {
    {"tensor_leaf", tensor_leaf, true},
    {"tensor_const", tensor_const, false},
    {"tensor_param", tensor_param, true},
};

/* _i: which maker. */
START_TEST(numbers_are_copied)
{
    real data[6] = {1, 2, 3, 4, 5, 6};
    Tensor *t = makers[_i].make(data, TENSOR_SHAPE(2, 3));
    data[0] = 100;
    assert_numbers(t, 6, NUMBERS(1, 2, 3, 4, 5, 6));
    ck_assert_int_eq(tensor_wants_grad(t), makers[_i].wants_grad);
    assert_shape(t, SIDES(2, 3));
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    tensor_release(t);
}
END_TEST

START_TEST(no_data_means_zeros)
{
    /* what the memory held before is not seen */
    tensor_release(tensor_full(5, TENSOR_SHAPE(6)));
    Tensor *t = makers[_i].make(NULL, TENSOR_SHAPE(6));
    assert_numbers(t, 6, NUMBERS(0, 0, 0, 0, 0, 0));
    tensor_release(t);
}
END_TEST

START_TEST(every_rank)
{
    for (int rank = 0; rank <= TENSOR_MAX_RANK; rank++) {
        Sides sides = {.rank = rank};
        for (int i = 0; i < rank; i++)
            sides.side[i] = 1 + (i % 2);
        Tensor *t = makers[_i].make(counted, rank, sides.side);
        now_testing_is("%s of rank %d", makers[_i].name, rank);
        ck_assert_ptr_nonnull(t);
        assert_shape(t, sides);
        assert_same(value_data(tensor_at(t, tensor_size(t) - 1)), tensor_size(t) - 1);
        for (int i = 0; i < rank; i++)
            ck_assert_int_eq(tensor_side(t, i - rank), sides.side[i]);
        ck_assert_int_eq(tensor_side(t, rank), -1);
        ck_assert_int_eq(tensor_side(t, -rank - 1), -1);
        tensor_release(t);
    }
}
END_TEST

START_TEST(sides_of_zero)
{
    Tensor *t = makers[_i].make(NULL, TENSOR_SHAPE(3, 0, 2));
    ck_assert_int_eq(tensor_size(t), 0);
    ck_assert_int_eq(tensor_side(t, 0), 3);
    ck_assert_int_eq(tensor_side(t, 1), 0);
    assert_status(tensor_get(t, 0, NULL), VALGRAD_OK);
    assert_status(tensor_set(t, 0, NULL), VALGRAD_OK);
    assert_status(tensor_get_grad(t, 0, NULL), VALGRAD_OK);
    assert_fails(tensor_at(t, 0), VALGRAD_ERROR_INDEX, "tensor_at: index 0 of a tensor of size 0");
    tensor_release(t);
}
END_TEST

static Tensor *make_from_values(int rank, const int64_t *shape)
{
    return tensor_from_values(NULL, rank, shape);
}

static Tensor *make_full(int rank, const int64_t *shape)
{
    return tensor_full(1, rank, shape);
}

static Tensor *make_uniform(int rank, const int64_t *shape)
{
    Random random = random_seeded(1);
    return tensor_uniform(0, 1, &random, rank, shape);
}

static Tensor *make_normal(int rank, const int64_t *shape)
{
    Random random = random_seeded(1);
    return tensor_normal(0, 1, &random, rank, shape);
}

static Tensor *make_leaf(int rank, const int64_t *shape)
{
    return tensor_leaf(NULL, rank, shape);
}

static Tensor *make_const(int rank, const int64_t *shape)
{
    return tensor_const(NULL, rank, shape);
}

static Tensor *make_param(int rank, const int64_t *shape)
{
    return tensor_param(NULL, rank, shape);
}

static const struct {
    const char *name;
    Tensor *(*make)(int rank, const int64_t *shape);
} all_makers[] = {
    {"tensor_leaf", make_leaf},       {"tensor_const", make_const},
    {"tensor_param", make_param},     {"tensor_from_values", make_from_values},
    {"tensor_zeros", tensor_zeros},   {"tensor_full", make_full},
    {"tensor_uniform", make_uniform}, {"tensor_normal", make_normal},
};

/* Shapes that no function accepts, and what each says of them. */
static const struct {
    int rank;
    int64_t shape[9];
    ValgradStatus status;
    const char *text;
} bad_shapes[] = {
    {-1, {0}, VALGRAD_ERROR_SHAPE, "rank -1; expected 0 to 8"},
    {9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, VALGRAD_ERROR_SHAPE, "rank 9; expected 0 to 8"},
    {1, {-1}, VALGRAD_ERROR_SHAPE, "shape (-1) has a negative side"},
    {3, {2, -7, 0}, VALGRAD_ERROR_SHAPE, "shape (2, -7, 0) has a negative side"},
    {2, {0, INT64_MIN}, VALGRAD_ERROR_SHAPE, "shape (0, -9223372036854775808) has a negative side"},
    {1, {INT64_MAX}, VALGRAD_ERROR_SHAPE, "shape (9223372036854775807) has too many elements"},
    {2,
     {(int64_t)1 << 31, (int64_t)1 << 31},
     VALGRAD_ERROR_SHAPE,
     "shape (2147483648, 2147483648) has too many elements"},
    {2,
     {(int64_t)1 << 32, (int64_t)1 << 32},
     VALGRAD_ERROR_SHAPE,
     "shape (4294967296, 4294967296) has too many elements"},
    {3,
     {0, (int64_t)1 << 40, (int64_t)1 << 40},
     VALGRAD_ERROR_SHAPE,
     "shape (0, 1099511627776, 1099511627776) has too many elements"},
    {3,
     {(int64_t)1 << 40, (int64_t)1 << 40, 0},
     VALGRAD_ERROR_SHAPE,
     "shape (1099511627776, 1099511627776, 0) has too many elements"},
};

START_TEST(bad_shapes_are_refused)
{
    char text[256];
    for (size_t i = 0; i < COUNT(bad_shapes); i++) {
        ck_assert_ptr_null(all_makers[_i].make(bad_shapes[i].rank, bad_shapes[i].shape));
        (void)snprintf(text, sizeof text, "%s: %s", all_makers[_i].name, bad_shapes[i].text);
        assert_message(bad_shapes[i].status, text);
    }
    ck_assert_ptr_null(all_makers[_i].make(2, NULL));
    (void)snprintf(text, sizeof text, "%s: shape is NULL", all_makers[_i].name);
    assert_message(VALGRAD_ERROR_NULL, text);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

START_TEST(filled_constants)
{
    VALGRAD_SCOPE {
        assert_numbers(tensor_zeros(TENSOR_SHAPE(2)), 2, NUMBERS(0, 0));
        assert_numbers(tensor_full(3, TENSOR_SHAPE(2)), 2, NUMBERS(3, 3));
        assert_numbers(tensor_full(3, TENSOR_SCALAR), 1, NUMBERS(3));
        ck_assert(!tensor_wants_grad(tensor_zeros(TENSOR_SHAPE(2))));
        ck_assert(!tensor_wants_grad(tensor_full(3, TENSOR_SHAPE(2))));
    }
}
END_TEST

/* They are the generator's own sequence, in row-major order. */
START_TEST(random_constants)
{
    Random random = random_seeded(7), same_random = random;
    VALGRAD_SCOPE {
        Tensor *uniform = tensor_uniform(-1, 2, &random, TENSOR_SHAPE(3, 4));
        Tensor *normal = tensor_normal(5, 2, &random, TENSOR_SHAPE(3, 4));
        for (int i = 0; i < 12; i++)
            assert_same(value_data(tensor_at(uniform, i)), random_uniform(&same_random, -1, 2));
        for (int i = 0; i < 12; i++)
            assert_same(value_data(tensor_at(normal, i)), random_normal(&same_random, 5, 2));
        ck_assert(!tensor_wants_grad(uniform) && !tensor_wants_grad(normal));
    }
}
END_TEST

START_TEST(values_are_not_copied)
{
    VALGRAD_SCOPE {
        Tensor *dense = tensor_leaf(counted, TENSOR_SHAPE(3));
        Value *x = value_leaf(1),
              *values[] = {x, value_square(x), value_const(5), tensor_at(dense, 2), x, x};
        Tensor *t = tensor_from_values(values, TENSOR_SHAPE(2, 3));
        assert_numbers(t, 6, NUMBERS(1, 1, 5, 2, 1, 1));
        for (int i = 0; i < 6; i++)
            ck_assert_ptr_eq(tensor_at(t, i), values[i]);
        ck_assert(tensor_wants_grad(t));
        ck_assert(!tensor_wants_grad(tensor_from_values(&values[2], TENSOR_SHAPE(1))));
        ck_assert_int_eq(tensor_size(tensor_from_values(NULL, TENSOR_SHAPE(0))), 0);
        values[4] = NULL;
        assert_fails(tensor_from_values(values, TENSOR_SHAPE(6)), VALGRAD_ERROR_NULL,
                     "tensor_from_values: one of values is NULL");
        assert_fails(tensor_from_values(NULL, TENSOR_SHAPE(2)), VALGRAD_ERROR_NULL,
                     "tensor_from_values: values is NULL");
    }
}
END_TEST

START_TEST(detached_copies)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3)), *turned = tensor_transpose(t);
        Tensor *copy = tensor_detach(turned),
               *of_table = tensor_detach(tensor_gather(t, 1, 1, (int64_t[]){2}));
        assert_shape(copy, SIDES(3, 2));
        assert_numbers(copy, 6, NUMBERS(0, 3, 1, 4, 2, 5));
        assert_numbers(of_table, 2, NUMBERS(2, 5));
        ck_assert(!tensor_wants_grad(copy) && !tensor_wants_grad(of_table));
        tensor_fill(t, 9);
        assert_numbers(copy, 6, NUMBERS(0, 3, 1, 4, 2, 5));
        assert_fails(tensor_detach(NULL), VALGRAD_ERROR_NULL, "tensor_detach: t is NULL");
    }
}
END_TEST

START_TEST(nothing_of_nothing)
{
    ck_assert_int_eq(tensor_rank(NULL), -1);
    ck_assert_int_eq(tensor_side(NULL, 0), -1);
    ck_assert_int_eq(tensor_size(NULL), -1);
    ck_assert_ptr_null(tensor_shape(NULL));
    ck_assert(!tensor_wants_grad(NULL));
    ck_assert_str_eq(tensor_label(NULL), "");
    tensor_zero_grad(NULL);
    tensor_release(NULL);
    ck_assert_ptr_null(tensor_retain(NULL));
    ck_assert_str_eq(valgrad_last_error(), "");
}
END_TEST

/* ---- elements ---------------------------------------------------------------------------------- */

enum { MANY = 1000 };

/* Of runs, views and tables; many, so that elements are made in several blocks. */
START_TEST(the_same_element_each_time)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(NULL, TENSOR_SHAPE(MANY / 2, 2)), *turned = tensor_transpose(t);
        Value *first[MANY];
        for (int i = 0; i < MANY; i++)
            first[i] = tensor_at(t, i);
        Tensor *table = tensor_from_values(first, TENSOR_SHAPE(MANY));
        for (int i = 0; i < MANY; i++) {
            ck_assert_ptr_eq(tensor_at(t, i), first[i]);
            ck_assert_ptr_eq(tensor_at(table, i), first[i]);
            ck_assert_ptr_eq(tensor_at(turned, i % 2 * MANY / 2 + i / 2), first[i]);
            ck_assert(i == 0 || first[i] != first[i - 1]);
        }
        ck_assert_str_eq(value_op_name(first[0]), "element");
        ck_assert(value_wants_grad(first[0]));
        ck_assert(!value_wants_grad(tensor_at(tensor_zeros(TENSOR_SHAPE(1)), 0)));
    }
}
END_TEST

START_TEST(elements_read_the_current_number)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3));
        Value *element = tensor_at(tensor_transpose(t), 1);
        assert_same(value_data(element), 3);
        tensor_set(t, 6, NUMBERS(10, 11, 12, 13, 14, 15));
        assert_same(value_data(element), 13);
        assert_status(value_set_data(element, -1), VALGRAD_OK);
        assert_numbers(t, 6, NUMBERS(10, 11, 12, -1, 14, 15));
    }
}
END_TEST

START_TEST(gradients_arrive_through_elements)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3)), *turned = tensor_transpose(t);
        Value *x = tensor_at(t, 4), *y = tensor_at(turned, 5);
        assert_status(value_backward(value_mul(x, y)), VALGRAD_OK);
        assert_gradients(t, 6, NUMBERS(0, 0, 0, 0, 5, 4));
        assert_status(
            value_backward(value_square(tensor_at(tensor_gather(t, 0, 1, (int64_t[]){1}), 0))),
            VALGRAD_OK);
        assert_gradients(t, 6, NUMBERS(0, 0, 0, 6, 5, 4));
        assert_gradients(turned, 6, NUMBERS(0, 6, 0, 5, 0, 4));
        value_zero_grad(x);
        assert_gradients(t, 6, NUMBERS(0, 0, 0, 6, 0, 4));
    }
}
END_TEST

/* An element may itself be where backward starts. */
START_TEST(backward_from_an_element)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3)), *squares = tensor_square(t);
        assert_status(value_backward_from(tensor_at(squares, 2), 10), VALGRAD_OK);
        assert_gradients(t, 3, NUMBERS(0, 0, 40));
        assert_gradients(squares, 3, NUMBERS(0, 0, 10));
        assert_status(value_backward(tensor_at(t, 0)), VALGRAD_OK);
        assert_gradients(t, 3, NUMBERS(1, 0, 40));
    }
}
END_TEST

START_TEST(indices_out_of_range)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3));
        assert_fails(tensor_at(t, 6), VALGRAD_ERROR_INDEX,
                     "tensor_at: index 6 of a tensor of size 6");
        assert_fails(tensor_at(t, -1), VALGRAD_ERROR_INDEX,
                     "tensor_at: index -1 of a tensor of size 6");
        assert_fails(tensor_at(NULL, 0), VALGRAD_ERROR_NULL, "tensor_at: t is NULL");
    }
}
END_TEST

/* ---- reading and writing ------------------------------------------------------------------------ */

START_TEST(single_numbers)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3));
        Value *value = tensor_at(t, 2);
        assert_same(tensor_item(tensor_index(t, 0, 1)), 1);
        assert_same(tensor_item(tensor_full(4, TENSOR_SHAPE(1, 1))), 4);
        assert_same(tensor_item(tensor_from_values(&value, TENSOR_SCALAR)), 2);
        ck_assert_str_eq(valgrad_last_error(), "");
        assert_same(tensor_item(t), NAN);
        assert_message(VALGRAD_ERROR_SHAPE,
                       "tensor_item: 1 numbers for a tensor of shape (3), which has 3");
        assert_same(tensor_item(NULL), NAN);
        assert_message(VALGRAD_ERROR_NULL, "tensor_item: t is NULL");
    }
}
END_TEST

START_TEST(writing_tables)
{
    VALGRAD_SCOPE {
        Tensor *dense = tensor_leaf(counted, TENSOR_SHAPE(3));
        Value *values[] = {value_leaf(1), tensor_at(dense, 1), value_const(3)};
        Tensor *t = tensor_from_values(values, TENSOR_SHAPE(3));
        assert_status(tensor_set(t, 3, NUMBERS(7, 8, 9)), VALGRAD_OK);
        assert_numbers(dense, 3, NUMBERS(0, 8, 2));
        assert_same(value_data(values[0]), 7);
        assert_same(value_data(values[2]), 9);
        assert_status(tensor_fill(t, 4), VALGRAD_OK);
        assert_numbers(t, 3, NUMBERS(4, 4, 4));
    }
}
END_TEST

START_TEST(filling_at_random)
{
    Random random = random_seeded(3), same_random = random;
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3)), *turned = tensor_transpose(t);
        assert_status(tensor_fill_uniform(t, -4, 4, &random), VALGRAD_OK);
        for (int i = 0; i < 6; i++)
            assert_same(value_data(tensor_at(t, i)), random_uniform(&same_random, -4, 4));
        assert_status(tensor_fill_normal(turned, 1, 3, &random), VALGRAD_OK);
        for (int i = 0; i < 6; i++)
            assert_same(value_data(tensor_at(turned, i)), random_normal(&same_random, 1, 3));
        assert_refused(tensor_fill_uniform(t, 0, 1, NULL), VALGRAD_ERROR_NULL,
                       "tensor_fill_uniform: random is NULL");
        assert_refused(tensor_fill_normal(NULL, 0, 1, &random), VALGRAD_ERROR_NULL,
                       "tensor_fill_normal: t is NULL");
        assert_fails(tensor_uniform(0, 1, NULL, TENSOR_SHAPE(1)), VALGRAD_ERROR_NULL,
                     "tensor_uniform: random is NULL");
        assert_fails(tensor_normal(0, 1, NULL, TENSOR_SHAPE(1)), VALGRAD_ERROR_NULL,
                     "tensor_normal: random is NULL");
    }
}
END_TEST

START_TEST(room_that_does_not_fit)
{
    real room[8];
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3));
        assert_refused(tensor_get(t, 5, room), VALGRAD_ERROR_SHAPE,
                       "tensor_get: 5 numbers for a tensor of shape (2, 3), which has 6");
        assert_refused(tensor_get_grad(t, 7, room), VALGRAD_ERROR_SHAPE,
                       "tensor_get_grad: 7 numbers for a tensor of shape (2, 3), which has 6");
        assert_refused(tensor_set(t, 0, counted), VALGRAD_ERROR_SHAPE,
                       "tensor_set: 0 numbers for a tensor of shape (2, 3), which has 6");
        assert_refused(tensor_get(t, 6, NULL), VALGRAD_ERROR_NULL, "tensor_get: the array is NULL");
        assert_refused(tensor_get_grad(t, 6, NULL), VALGRAD_ERROR_NULL,
                       "tensor_get_grad: the array is NULL");
        assert_refused(tensor_set(t, 6, NULL), VALGRAD_ERROR_NULL, "tensor_set: the array is NULL");
        assert_refused(tensor_get(NULL, 6, room), VALGRAD_ERROR_NULL, "tensor_get: t is NULL");
        assert_refused(tensor_get_grad(NULL, 6, room), VALGRAD_ERROR_NULL,
                       "tensor_get_grad: t is NULL");
        assert_refused(tensor_set(NULL, 6, room), VALGRAD_ERROR_NULL, "tensor_set: t is NULL");
        assert_refused(tensor_fill(NULL, 6), VALGRAD_ERROR_NULL, "tensor_fill: t is NULL");
        assert_numbers(t, 6, counted);
    }
}
END_TEST

/* And where only one element is a result, nothing is written. */
START_TEST(results_cannot_be_written)
{
    Random random = random_seeded(1);
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2)), *result = tensor_exp(t);
        Value *values[] = {tensor_at(t, 0), value_neg(tensor_at(t, 1))};
        Tensor *table = tensor_from_values(values, TENSOR_SHAPE(2));
        assert_refused(
            tensor_set(result, 2, counted), VALGRAD_ERROR_STATE,
            "tensor_set: t holds the result of exp; only leaves and constants can be changed");
        assert_refused(
            tensor_fill(tensor_reshape(result, TENSOR_SHAPE(2, 1)), 0), VALGRAD_ERROR_STATE,
            "tensor_fill: t holds the result of exp; only leaves and constants can be changed");
        assert_refused(
            tensor_fill(table, 5), VALGRAD_ERROR_STATE,
            "tensor_fill: t holds the result of neg; only leaves and constants can be changed");
        assert_refused(
            tensor_fill_uniform(table, 0, 1, &random), VALGRAD_ERROR_STATE,
            "tensor_fill_uniform: t holds the result of neg; only leaves and constants can be "
            "changed");
        assert_refused(
            tensor_fill_normal(table, 0, 1, &random), VALGRAD_ERROR_STATE,
            "tensor_fill_normal: t holds the result of neg; only leaves and constants can be "
            "changed");
        assert_numbers(t, 2, NUMBERS(0, 1));
        assert_status(value_set_data(tensor_at(result, 0), 3), VALGRAD_ERROR_STATE);
        valgrad_clear_error();
    }
}
END_TEST

START_TEST(no_gradient_before_any_backward)
{
    Tensor *old[10]; /* whose memory is used again */
    for (int i = 0; i < 10; i++)
        old[i] = tensor_full(5, TENSOR_SHAPE(3));
    for (int i = 0; i < 10; i++)
        tensor_release(old[i]);
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3)), *result = tensor_exp(t);
        Tensor *c = tensor_const(counted, TENSOR_SHAPE(3));
        const real none[] = {0, 0, 0};
        assert_gradients(t, 3, none);
        assert_gradients(result, 3, none);
        assert_gradients(tensor_gather(result, 0, 3, (int64_t[]){2, 1, 0}), 3, none);
        assert_gradients(c, 3, none);
        assert_status(tensor_backward(tensor_square(t), NULL), VALGRAD_OK);
        assert_gradients(result, 3, none);
        assert_gradients(t, 3, NUMBERS(0, 2, 4));
    }
}
END_TEST

START_TEST(zeroing_gradients)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3));
        const struct {
            Tensor *part;
            real left[6];
        } cases[] = {
            {t, {0}},
            {tensor_reshape(t, TENSOR_SHAPE(6)), {0}},
            {tensor_transpose(t), {0}},
            {tensor_index(t, 0, 1), {1, 1, 1, 0, 0, 0}},
            {tensor_slice(t, 1, 0, 3, 2), {0, 1, 0, 0, 1, 0}},
            {tensor_gather(t, 1, 1, (int64_t[]){1}), {1, 0, 1, 1, 0, 1}},
        };
        for (size_t i = 0; i < COUNT(cases); i++) {
            tensor_zero_grad(t);
            assert_status(tensor_backward(tensor_sum_all(t), NULL), VALGRAD_OK);
            tensor_zero_grad(cases[i].part);
            assert_gradients(t, 6, cases[i].left);
        }
    }
}
END_TEST

/* Of a scalar table and of results; afterwards gradients add up as ever. */
START_TEST(zeroing_other_gradients)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *values[] = {x, value_square(x)};
        Tensor *t = tensor_from_values(values, TENSOR_SHAPE(2)), *doubled = tensor_add(t, t);
        assert_status(tensor_backward(doubled, NULL), VALGRAD_OK);
        assert_gradients(t, 2, NUMBERS(14, 2));
        assert_gradients(doubled, 2, NUMBERS(1, 1));
        tensor_zero_grad(t);
        tensor_zero_grad(doubled);
        assert_gradients(t, 2, NUMBERS(0, 0));
        assert_gradients(doubled, 2, NUMBERS(0, 0));
        assert_status(tensor_backward(doubled, NULL), VALGRAD_OK);
        assert_gradients(t, 2, NUMBERS(14, 2));
    }
}
END_TEST

/* ---- labels, freezing --------------------------------------------------------------------------- */

START_TEST(labels)
{
    Tensor *w = tensor_param(counted, TENSOR_SHAPE(2));
    ck_assert_str_eq(tensor_label(w), "");
    assert_status(tensor_set_label(w, "weights"), VALGRAD_OK);
    ck_assert_str_eq(tensor_label(w), "weights");
    VALGRAD_SCOPE {
        Tensor *result = tensor_exp(w), *table = tensor_gather(w, 0, 1, (int64_t[]){1});
        assert_status(tensor_set_label(result, "e"), VALGRAD_OK);
        ck_assert_str_eq(tensor_label(tensor_slice(result, 0, 0, 1, 1)), "e");
        assert_status(value_set_label(tensor_at(w, 1), "second"), VALGRAD_OK);
        ck_assert_str_eq(value_label(tensor_at(table, 0)), "second");
        ck_assert_str_eq(tensor_label(w), "weights");
        ck_assert_str_eq(tensor_label(table), "");
        assert_refused(tensor_set_label(table, "x"), VALGRAD_ERROR_STATE,
                       "tensor_set_label: t is made of several nodes; label these");
        assert_refused(tensor_set_label(NULL, "x"), VALGRAD_ERROR_NULL,
                       "tensor_set_label: t is NULL");
    }
    assert_status(tensor_set_label(w, NULL), VALGRAD_OK);
    ck_assert_str_eq(tensor_label(w), "");
    tensor_release(w);
}
END_TEST

START_TEST(frozen_and_thawed)
{
    Tensor *w = tensor_param(NUMBERS(2, 3), TENSOR_SHAPE(2)),
           *c = tensor_const(NUMBERS(5, 7), TENSOR_SHAPE(2));
    for (int turn = 0; turn < 2; turn++) {
        Value *element = tensor_at(w, 0);
        assert_status(tensor_set_wants_grad(w, false), VALGRAD_OK);
        assert_status(tensor_set_wants_grad(c, true), VALGRAD_OK);
        ck_assert(!tensor_wants_grad(w) && !value_wants_grad(element) &&
                  value_wants_grad(tensor_at(c, 1)));
        VALGRAD_SCOPE {
            assert_status(tensor_backward(tensor_mul(w, c), NULL), VALGRAD_OK);
            assert_status(value_backward(value_mul(element, tensor_at(c, 0))), VALGRAD_OK);
            ck_assert(!tensor_wants_grad(tensor_exp(w)));
        }
        assert_gradients(w, 2, NUMBERS(0, 0));
        assert_gradients(c, 2, NUMBERS(4, 3));
        tensor_zero_grad(c);
        assert_status(tensor_set_wants_grad(w, true), VALGRAD_OK);
        assert_status(tensor_set_wants_grad(c, false), VALGRAD_OK);
        VALGRAD_SCOPE
            assert_status(tensor_backward(tensor_mul(w, c), NULL), VALGRAD_OK);
        assert_gradients(w, 2, NUMBERS(5, 7));
        assert_gradients(c, 2, NUMBERS(0, 0));
        tensor_zero_grad(w);
    }
    tensor_release(w);
    tensor_release(c);
}
END_TEST

START_TEST(only_whole_leaves_are_frozen)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3));
        Tensor *const parts[] = {tensor_index(t, 0, 0), tensor_transpose(t), tensor_exp(t),
                                 tensor_gather(t, 0, 1, (int64_t[]){0})};
        for (size_t i = 0; i < COUNT(parts); i++)
            assert_refused(tensor_set_wants_grad(parts[i], false), VALGRAD_ERROR_STATE,
                           "tensor_set_wants_grad: t is not one whole leaf or constant");
        assert_status(tensor_set_wants_grad(tensor_reshape(t, TENSOR_SHAPE(6)), false), VALGRAD_OK);
        ck_assert(!tensor_wants_grad(t));
        assert_status(value_set_wants_grad(tensor_at(t, 0), true), VALGRAD_ERROR_STATE);
        valgrad_clear_error();
        assert_refused(tensor_set_wants_grad(NULL, true), VALGRAD_ERROR_NULL,
                       "tensor_set_wants_grad: t is NULL");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor");
    TCase *tests = new_case(suite, "create", 4);
    tcase_add_loop_test(tests, numbers_are_copied, 0, COUNT(makers));
    tcase_add_loop_test(tests, no_data_means_zeros, 0, COUNT(makers));
    tcase_add_loop_test(tests, every_rank, 0, COUNT(makers));
    tcase_add_loop_test(tests, sides_of_zero, 0, COUNT(makers));
    tcase_add_loop_test(tests, bad_shapes_are_refused, 0, COUNT(all_makers));
    tcase_add_test(tests, filled_constants);
    tcase_add_test(tests, random_constants);
    tcase_add_test(tests, values_are_not_copied);
    tcase_add_test(tests, detached_copies);
    tcase_add_test(tests, nothing_of_nothing);
    tests = new_case(suite, "elements", 4);
    tcase_add_test(tests, the_same_element_each_time);
    tcase_add_test(tests, elements_read_the_current_number);
    tcase_add_test(tests, gradients_arrive_through_elements);
    tcase_add_test(tests, backward_from_an_element);
    tcase_add_test(tests, indices_out_of_range);
    tests = new_case(suite, "reading and writing", 4);
    tcase_add_test(tests, single_numbers);
    tcase_add_test(tests, writing_tables);
    tcase_add_test(tests, filling_at_random);
    tcase_add_test(tests, room_that_does_not_fit);
    tcase_add_test(tests, results_cannot_be_written);
    tcase_add_test(tests, no_gradient_before_any_backward);
    tcase_add_test(tests, zeroing_gradients);
    tcase_add_test(tests, zeroing_other_gradients);
    tests = new_case(suite, "labels and freezing", 4);
    tcase_add_test(tests, labels);
    tcase_add_test(tests, frozen_and_thawed);
    tcase_add_test(tests, only_whole_leaves_are_frozen);
    return run_suite(suite);
}
