/* test_tensor_indexing.c - picking, turning round, repeating and padding: which element of the operand
 * each element of the result is. (Slices, joins and broadcasts: test_shape.c.) */
#include "tensor_testing.h"

static Tensor *counted(Sides sides)
{
    real numbers[MOST];
    for (int64_t i = 0; i < size_of(sides); i++)
        numbers[i] = (real)i;
    return tensor_leaf(numbers, AS_SHAPE(sides));
}

/* In all forms of t: the run itself, and a table of its elements. */
static Tensor *in_form(Tensor *t, int table)
{
    Value *values[MOST];
    for (int64_t i = 0; table && i < tensor_size(t); i++)
        values[i] = tensor_at(t, i);
    return table ? tensor_from_values(values, tensor_rank(t), tensor_shape(t)) : t;
}

/* ---- moves: the elements are the operand's own -------------------------------------------------- */

START_TEST(flip_of_every_shape_and_axes)
{
    for (int turn = 0; turn < SMALL_SHAPES * 8 * 2; turn++) {
        const Sides sides = small_shape(turn % SMALL_SHAPES);
        const unsigned mask = (unsigned)(turn / SMALL_SHAPES % 8);
        if (mask >> sides.rank)
            continue;
        VALGRAD_SCOPE {
            int axes[TENSOR_MAX_RANK], count = 0;
            for (int axis = 0; axis < sides.rank; axis++) {
                if (mask & 1u << axis)
                    axes[count++] = axis - (axis % 2) * sides.rank;
            }
            Tensor *t = in_form(counted(sides), turn / SMALL_SHAPES / 8);
            const int64_t nodes = valgrad_live_nodes();
            Tensor *flipped = tensor_flip(t, count, axes),
                   *back = tensor_flip(flipped, count, axes);
            ck_assert_int_eq(valgrad_live_nodes(), nodes);
            assert_shape(flipped, sides);
            for (int64_t i = 0; i < size_of(sides); i++) {
                int64_t index[TENSOR_MAX_RANK];
                unravel(sides, i, index);
                for (int axis = 0; axis < sides.rank; axis++) {
                    if (mask & 1u << axis)
                        index[axis] = sides.side[axis] - 1 - index[axis];
                }
                ck_assert_ptr_eq(tensor_at(flipped, i), tensor_at(t, ravel(sides, index)));
                ck_assert_ptr_eq(tensor_at(back, i), tensor_at(t, i));
            }
        }
    }
}
END_TEST

/* Views of views with steps below 0. */
START_TEST(flips_among_other_moves)
{
    VALGRAD_SCOPE {
        Tensor *t = counted(SIDES(4, 6));
        Tensor *flipped = tensor_flip(t, TENSOR_AXES(1)), *part = tensor_slice(flipped, 1, 1, 6, 2);
        Tensor *turned = tensor_transpose(part), *row = tensor_index(flipped, 0, -1);
        ck_assert_ptr_eq(tensor_at(turned, 1), tensor_at(t, 10));
        ck_assert_ptr_eq(tensor_at(part, 5), tensor_at(t, 6));
        ck_assert_ptr_eq(tensor_at(row, 0), tensor_at(t, 23));
        Tensor *sum = tensor_dot(row, tensor_index(t, 0, 0));
        assert_same(tensor_item(sum), 23 * 0 + 22 * 1 + 21 * 2 + 20 * 3 + 19 * 4 + 18 * 5);
        assert_status(tensor_backward(sum, NULL), VALGRAD_OK);
        for (int i = 0; i < 6; i++) {
            assert_same(value_grad(tensor_at(t, i)), 23 - i);
            assert_same(value_grad(tensor_at(t, 18 + i)), 5 - i);
        }
        assert_status(tensor_fill(row, 7), VALGRAD_OK);
        assert_same(value_data(tensor_at(t, 18)), 7);
    }
}
END_TEST

START_TEST(repeat_of_every_shape)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < SMALL_SHAPES * 8; turn++) {
        const Sides own = small_shape(turn % SMALL_SHAPES);
        Sides repeats = {.rank = own.rank + turn % 2}, wide = {.rank = own.rank + turn % 2},
              out = wide;
        for (int i = 0; i < repeats.rank; i++) {
            const int axis = i - turn % 2;
            repeats.side[i] = (int64_t)random_below(&random, 4);
            wide.side[i] = axis < 0 ? 1 : own.side[axis];
            out.side[i] = wide.side[i] * repeats.side[i];
        }
        VALGRAD_SCOPE {
            Tensor *t = in_form(counted(own), turn / 2 % 2);
            const int64_t nodes = valgrad_live_nodes();
            Tensor *repeated = tensor_repeat(t, AS_SHAPE(repeats));
            ck_assert_int_eq(valgrad_live_nodes(), nodes);
            assert_shape(repeated, out);
            for (int64_t i = 0; i < size_of(out); i++) {
                int64_t index[TENSOR_MAX_RANK];
                unravel(out, i, index);
                for (int axis = 0; axis < out.rank; axis++)
                    index[axis] %= wide.side[axis];
                ck_assert_ptr_eq(tensor_at(repeated, i), tensor_at(t, ravel(wide, index)));
            }
        }
    }
}
END_TEST

/* Along each axis of (3, 4), with fewer or more indices than that has elements. */
START_TEST(take_along_both_axes)
{
    for (int turn = 0; turn < 4; turn++) {
        VALGRAD_SCOPE {
            static const int64_t rows[] = {2, -1, 0, 1, -3, 0, 2, 2},
                                 columns[] = {0, -1, 3, 2, 1, -4};
            Tensor *t = in_form(counted(SIDES(3, 4)), turn % 2);
            const bool down = turn / 2;
            Tensor *taken = down ? tensor_take_along(t, 0, TENSOR_SHAPE(2, 4), rows)
                                 : tensor_take_along(t, -1, TENSOR_SHAPE(3, 2), columns);
            const int64_t width = tensor_side(taken, 1);
            for (int64_t i = 0; i < tensor_size(taken); i++) {
                const int64_t down_at = (rows[i] + 3) % 3 * 4 + i % width;
                const int64_t along_at = down ? down_at : i / width * 4 + (columns[i] + 4) % 4;
                ck_assert_ptr_eq(tensor_at(taken, i), tensor_at(t, along_at));
            }
        }
    }
}
END_TEST

/* ---- nodes of their own ------------------------------------------------------------------------- */

START_TEST(pad_of_every_shape)
{
    for (int turn = 0; turn < SMALL_SHAPES * 9 * 3; turn++) {
        const Sides sides = small_shape(turn % SMALL_SHAPES);
        const int64_t before = turn / SMALL_SHAPES % 3, after = turn / SMALL_SHAPES / 3 % 3;
        const int axis = turn / SMALL_SHAPES / 9;
        if (axis >= sides.rank)
            continue;
        VALGRAD_SCOPE {
            Tensor *t = counted(sides),
                   *padded = tensor_pad(t, axis - sides.rank, before, after, -1);
            Sides out = sides;
            out.side[axis] += before + after;
            assert_shape(padded, out);
            for (int64_t i = 0; i < size_of(out); i++) {
                int64_t index[TENSOR_MAX_RANK];
                unravel(out, i, index);
                index[axis] -= before;
                const bool inside = index[axis] >= 0 && index[axis] < sides.side[axis];
                assert_same(value_data(tensor_at(padded, i)),
                            inside ? (real)ravel(sides, index) : -1);
            }
            assert_status(tensor_backward(padded, NULL), VALGRAD_OK);
            for (int64_t i = 0; i < size_of(sides); i++)
                assert_same(value_grad(tensor_at(t, i)), 1);
        }
    }
}
END_TEST

/* Rows that are looked up twice get both gradients, others none. */
START_TEST(embedding_of_indices_of_every_rank)
{
    static const int64_t indices[] = {3, 0, 3, 3, 1, 0};
    static const Sides shapes[] = {{0, {0}}, {1, {6}}, {2, {2, 3}}, {3, {1, 3, 2}}, {2, {0, 4}}};
    for (size_t turn = 0; turn < COUNT(shapes); turn++) {
        VALGRAD_SCOPE {
            Tensor *weight = counted(SIDES(5, 2));
            Tensor *rows = tensor_embedding(weight, AS_SHAPE(shapes[turn]), indices);
            Sides out = shapes[turn];
            out.side[out.rank++] = 2;
            assert_shape(rows, out);
            real expected[10] = {0};
            for (int64_t i = 0; i < size_of(out); i++) {
                assert_same(value_data(tensor_at(rows, i)), (real)(2 * indices[i / 2] + i % 2));
                expected[2 * indices[i / 2] + i % 2]++;
            }
            assert_status(tensor_backward(rows, NULL), VALGRAD_OK);
            for (int64_t i = 0; i < 10; i++)
                assert_same(value_grad(tensor_at(weight, i)), expected[i]);
            Tensor *bits = tensor_one_hot(5, AS_SHAPE(shapes[turn]), indices);
            ck_assert(!tensor_wants_grad(bits));
            for (int64_t i = 0; i < tensor_size(bits); i++)
                assert_same(value_data(tensor_at(bits, i)), i % 5 == indices[i / 5]);
        }
    }
}
END_TEST

/* ---- errors ------------------------------------------------------------------------------------- */

START_TEST(what_cannot_be_picked)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *eight = tensor_zeros(8, (int64_t[8]){0});
        const int64_t bad[] = {0, 3}, minus[] = {1, -1}, huge[] = {INT64_MAX, 2};
        assert_fails(tensor_take_along(t, 2, TENSOR_SHAPE(2, 1), bad), VALGRAD_ERROR_AXIS,
                     "tensor_take_along: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_take_along(t, 1, TENSOR_SHAPE(2), bad), VALGRAD_ERROR_SHAPE,
                     "tensor_take_along: indices of shape (2) for a tensor of shape (2, 3)");
        assert_fails(tensor_take_along(t, 1, TENSOR_SHAPE(3, 1), bad), VALGRAD_ERROR_SHAPE,
                     "tensor_take_along: indices of shape (3, 1) for a tensor of shape (2, 3)");
        assert_fails(tensor_take_along(t, 1, TENSOR_SHAPE(2, -1), bad), VALGRAD_ERROR_SHAPE,
                     "tensor_take_along: shape (2, -1) has a negative side");
        assert_fails(tensor_take_along(t, 1, TENSOR_SHAPE(2, 1), NULL), VALGRAD_ERROR_NULL,
                     "tensor_take_along: indices is NULL");
        assert_fails(tensor_take_along(t, 1, TENSOR_SHAPE(2, 1), bad), VALGRAD_ERROR_INDEX,
                     "tensor_take_along: index 3 on axis 1 of a tensor of shape (2, 3)");
        assert_fails(tensor_flip(t, TENSOR_AXES(1, -1)), VALGRAD_ERROR_AXIS,
                     "tensor_flip: axis -1 is given twice");
        assert_fails(tensor_repeat(t, TENSOR_SHAPE(2)), VALGRAD_ERROR_SHAPE,
                     "tensor_repeat: 1 repeats for a tensor of shape (2, 3); expected 2 to 8");
        assert_fails(tensor_repeat(t, 9, minus), VALGRAD_ERROR_SHAPE,
                     "tensor_repeat: 9 repeats for a tensor of shape (2, 3); expected 2 to 8");
        assert_fails(tensor_repeat(t, 2, minus), VALGRAD_ERROR_ARGUMENT,
                     "tensor_repeat: -1 repeats along axis 1; expected 0 or more");
        assert_fails(tensor_repeat(t, 2, NULL), VALGRAD_ERROR_NULL,
                     "tensor_repeat: repeats is NULL");
        assert_fails(tensor_repeat(t, 2, huge), VALGRAD_ERROR_SHAPE,
                     "tensor_repeat: shape (9223372036854775807, 6) has too many elements");
        assert_fails(tensor_pad(t, 2, 0, 0, 0), VALGRAD_ERROR_AXIS,
                     "tensor_pad: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_pad(t, 1, -1, 0, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_pad: -1 before and 0 after; expected 0 or more");
        assert_fails(tensor_pad(t, 1, 0, -2, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_pad: 0 before and -2 after; expected 0 or more");
        assert_fails(tensor_pad(t, 1, INT64_MAX, 0, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_pad: shape (2, 9223372036854775807) has too many elements");
        assert_fails(tensor_pad(t, 1, 0, INT64_MAX, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_pad: shape (2, 9223372036854775807) has too many elements");
        assert_fails(tensor_embedding(tensor_index(t, 0, 0), TENSOR_SHAPE(2), bad),
                     VALGRAD_ERROR_SHAPE,
                     "tensor_embedding: weight of shape (3); expected (rows, width)");
        assert_fails(tensor_embedding(t, TENSOR_SHAPE(2), NULL), VALGRAD_ERROR_NULL,
                     "tensor_embedding: indices is NULL");
        assert_fails(tensor_embedding(t, TENSOR_SHAPE(2), bad), VALGRAD_ERROR_INDEX,
                     "tensor_embedding: index 3 at place 1; expected 0 to 1");
        assert_fails(tensor_embedding(t, TENSOR_SHAPE(2), minus), VALGRAD_ERROR_INDEX,
                     "tensor_embedding: index -1 at place 1; expected 0 to 1");
        assert_fails(tensor_embedding(t, TENSOR_SHAPE(-1), bad), VALGRAD_ERROR_SHAPE,
                     "tensor_embedding: shape (-1) has a negative side");
        assert_fails(tensor_embedding(t, 8, tensor_shape(eight), bad), VALGRAD_ERROR_SHAPE,
                     "tensor_embedding: indices of rank 8; expected 0 to 7");
        assert_fails(tensor_one_hot(3, TENSOR_SHAPE(2), bad), VALGRAD_ERROR_INDEX,
                     "tensor_one_hot: index 3 at place 1; expected 0 to 2");
        assert_fails(tensor_one_hot(-3, TENSOR_SHAPE(2), bad), VALGRAD_ERROR_SHAPE,
                     "tensor_one_hot: shape (2, -3) has a negative side");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_indexing");
    TCase *tests = new_case(suite, "moves", 30);
    tcase_add_test(tests, flip_of_every_shape_and_axes);
    tcase_add_test(tests, flips_among_other_moves);
    tcase_add_test(tests, repeat_of_every_shape);
    tcase_add_test(tests, take_along_both_axes);
    tests = new_case(suite, "nodes", 30);
    tcase_add_test(tests, pad_of_every_shape);
    tcase_add_test(tests, embedding_of_indices_of_every_rank);
    tests = new_case(suite, "errors", 10);
    tcase_add_test(tests, what_cannot_be_picked);
    return run_suite(suite);
}
