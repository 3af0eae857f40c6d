/* test_shape.c - operations on shape: each element of the result is the very Value that index
 * arithmetic, written here once more, says it is; no node is made; gradients flow through. */
#include "numbers_testing.h"

static const Range WIDE = {-3, 3, false};

/* ---- a tensor and what its elements should be --------------------------------------------------- */

typedef struct Model {
    Tensor *tensor;
    Sides sides;
    Value *at[MOST];
} Model;

static void check_model(const Model *model)
{
    assert_shape(model->tensor, model->sides);
    for (int64_t i = 0; i < size_of(model->sides); i++)
        ck_assert_msg(tensor_at(model->tensor, i) == model->at[i], "%s: element %d is another",
                      now_testing, (int)i);
}

static void read_model(Model *model, Tensor *t, Sides sides)
{
    model->tensor = t;
    model->sides = sides;
    for (int64_t i = 0; i < size_of(sides); i++)
        model->at[i] = tensor_at(t, i);
}

static int below(Random *random, int64_t n)
{
    return (int)random_below(random, (uint64_t)n);
}

/* An axis, counted from either end. */
static int named_axis(int axis, int rank, Random *random)
{
    return below(random, 2) ? axis : axis - rank;
}

/* What a move found out: the new shape, and which element of which operand stands where. */
typedef struct Moved {
    Sides sides;
    Value *at[MOST];
} Moved;

/* ---- moves: each draws its arguments, works out the result, and calls the function --------------- */

/* The result, or NULL when there is nothing to do for this shape. */
typedef Tensor *Move(const Model *from, Random *random, Moved *to);

static void same_elements(const Model *from, Moved *to)
{
    memcpy(to->at, from->at, sizeof to->at);
}

/* Splits the size into sides at random. */
static Sides factors_of(int64_t size, Random *random)
{
    Sides sides = {.rank = 0};
    while (sides.rank < 4) {
        int64_t side = 1 + below(random, 4);
        side = size % side == 0 ? side : 1;
        sides.side[sides.rank++] = side;
        size /= side;
    }
    sides.side[sides.rank++] = size;
    return sides;
}

static Tensor *move_reshape(const Model *from, Random *random, Moved *to)
{
    same_elements(from, to);
    to->sides = factors_of(size_of(from->sides), random);
    return tensor_reshape(from->tensor, AS_SHAPE(to->sides));
}

static Tensor *move_reshape_unknown(const Model *from, Random *random, Moved *to)
{
    same_elements(from, to);
    to->sides = factors_of(size_of(from->sides), random);
    Sides asked = to->sides;
    const int unknown = size_of(from->sides) == 0 ? asked.rank - 1 : below(random, asked.rank);
    asked.side[unknown] = -1;
    return tensor_reshape(from->tensor, AS_SHAPE(asked));
}

static Tensor *move_permute(const Model *from, Random *random, Moved *to)
{
    const int rank = from->sides.rank;
    uint32_t order[TENSOR_MAX_RANK] = {0};
    int axes[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        order[i] = (uint32_t)i;
    random_shuffle(random, order, (uint32_t)rank);
    to->sides.rank = rank;
    for (int i = 0; i < rank; i++) {
        axes[i] = named_axis((int)order[i], rank, random);
        to->sides.side[i] = from->sides.side[order[i]];
    }
    for (int64_t flat = 0; flat < size_of(to->sides); flat++) {
        int64_t index[TENSOR_MAX_RANK], source[TENSOR_MAX_RANK];
        unravel(to->sides, flat, index);
        for (int i = 0; i < rank; i++)
            source[order[i]] = index[i];
        to->at[flat] = from->at[ravel(from->sides, source)];
    }
    return tensor_permute(from->tensor, rank, axes);
}

static Tensor *move_transpose(const Model *from, Random *random, Moved *to)
{
    (void)random;
    const int last = from->sides.rank - 1;
    if (last < 1)
        return NULL;
    to->sides = from->sides;
    to->sides.side[last] = from->sides.side[last - 1];
    to->sides.side[last - 1] = from->sides.side[last];
    for (int64_t flat = 0; flat < size_of(to->sides); flat++) {
        int64_t index[TENSOR_MAX_RANK];
        unravel(to->sides, flat, index);
        const int64_t former = index[last];
        index[last] = index[last - 1];
        index[last - 1] = former;
        to->at[flat] = from->at[ravel(from->sides, index)];
    }
    return tensor_transpose(from->tensor);
}

/* Takes indices list[0 … n-1] along an axis. */
static void take_along(const Model *from, int axis, int64_t n, const int64_t *list, Moved *to)
{
    to->sides = from->sides;
    to->sides.side[axis] = n;
    for (int64_t flat = 0; flat < size_of(to->sides); flat++) {
        int64_t index[TENSOR_MAX_RANK];
        unravel(to->sides, flat, index);
        index[axis] = list[index[axis]];
        to->at[flat] = from->at[ravel(from->sides, index)];
    }
}

static int64_t from_end(int64_t index, int64_t side)
{
    if (index < 0)
        index += side;
    return index < 0 ? 0 : index < side ? index : side;
}

static Tensor *move_slice(const Model *from, Random *random, Moved *to)
{
    if (from->sides.rank == 0)
        return NULL;
    const int axis = below(random, from->sides.rank);
    const int64_t side = from->sides.side[axis];
    const int64_t start = below(random, 2 * side + 5) - side - 2, step = 1 + below(random, 3);
    const int64_t stop = below(random, 3) ? below(random, 2 * side + 5) - side - 2 : INT64_MAX;
    int64_t list[MOST], n = 0;
    for (int64_t i = from_end(start, side); i < from_end(stop, side); i += step)
        list[n++] = i;
    take_along(from, axis, n, list, to);
    return tensor_slice(from->tensor, named_axis(axis, from->sides.rank, random), start, stop,
                        step);
}

static Tensor *move_index(const Model *from, Random *random, Moved *to)
{
    if (from->sides.rank == 0 || size_of(from->sides) == 0)
        return NULL;
    const int axis = below(random, from->sides.rank);
    const int64_t side = from->sides.side[axis], index = below(random, side);
    take_along(from, axis, 1, &index, to);
    to->sides.rank--;
    for (int i = axis; i < to->sides.rank; i++)
        to->sides.side[i] = to->sides.side[i + 1];
    return tensor_index(from->tensor, named_axis(axis, from->sides.rank, random),
                        below(random, 2) ? index : index - side);
}

static Tensor *move_gather(const Model *from, Random *random, Moved *to)
{
    if (from->sides.rank == 0)
        return NULL;
    const int axis = below(random, from->sides.rank);
    const int64_t side = from->sides.side[axis], n = side ? below(random, 5) : 0;
    int64_t list[8], named[8];
    for (int64_t i = 0; i < n; i++) {
        list[i] = below(random, side);
        named[i] = below(random, 2) ? list[i] : list[i] - side;
    }
    take_along(from, axis, n, list, to);
    return tensor_gather(from->tensor, named_axis(axis, from->sides.rank, random), n, named);
}

/* The tensor, a slice of it, and the tensor again, one after the other along an axis. */
static Tensor *move_concat(const Model *from, Random *random, Moved *to)
{
    if (from->sides.rank == 0)
        return NULL;
    const int axis = below(random, from->sides.rank);
    const int64_t side = from->sides.side[axis], part = side / 2;
    int64_t list[MOST], n = 0;
    for (int64_t i = 0; i < 2 * side + part; i++)
        list[n++] = i < side ? i : i < side + part ? i - side : i - side - part;
    take_along(from, axis, n, list, to);
    Tensor *slice = keep(tensor_slice(from->tensor, axis, 0, part, 1));
    return tensor_concat(3, (Tensor *[]){from->tensor, slice, from->tensor},
                         named_axis(axis, from->sides.rank, random));
}

static Tensor *move_stack(const Model *from, Random *random, Moved *to)
{
    const int rank = from->sides.rank + 1, axis = below(random, rank), n = 1 + below(random, 3);
    to->sides.rank = rank;
    for (int i = 0; i < rank; i++)
        to->sides.side[i] = i < axis    ? from->sides.side[i]
                            : i == axis ? n
                                        : from->sides.side[i - 1];
    for (int64_t flat = 0; flat < size_of(to->sides); flat++) {
        int64_t index[TENSOR_MAX_RANK];
        unravel(to->sides, flat, index);
        for (int i = axis; i < rank - 1; i++)
            index[i] = index[i + 1];
        to->at[flat] = from->at[ravel(from->sides, index)];
    }
    Tensor *const copies[] = {from->tensor, from->tensor, from->tensor};
    return tensor_stack(n, copies, named_axis(axis, rank, random));
}

static Tensor *move_broadcast(const Model *from, Random *random, Moved *to)
{
    const int more = below(random, 2), rank = from->sides.rank + more;
    to->sides.rank = rank;
    for (int i = 0; i < rank; i++) {
        const int64_t side = i < more ? 1 : from->sides.side[i - more];
        to->sides.side[i] = side == 1 ? below(random, 4) : side;
    }
    for (int64_t flat = 0; flat < size_of(to->sides); flat++) {
        int64_t index[TENSOR_MAX_RANK], source[TENSOR_MAX_RANK];
        unravel(to->sides, flat, index);
        for (int i = 0; i < from->sides.rank; i++)
            source[i] = from->sides.side[i] == 1 ? 0 : index[i + more];
        to->at[flat] = from->at[ravel(from->sides, source)];
    }
    return tensor_broadcast(from->tensor, AS_SHAPE(to->sides));
}

static const struct {
    const char *name;
    Move *move;
} moves[] = {
    {"tensor_reshape", move_reshape},     {"tensor_reshape to -1", move_reshape_unknown},
    {"tensor_permute", move_permute},     {"tensor_transpose", move_transpose},
    {"tensor_slice", move_slice},         {"tensor_index", move_index},
    {"tensor_gather", move_gather},       {"tensor_concat", move_concat},
    {"tensor_stack", move_stack},         {"tensor_broadcast", move_broadcast},
};

/* Makes move number i of the model, if there is one of its shape, and checks it. */
static void make_move(size_t i, Model *model, Random *random)
{
    static Moved moved;
    const int64_t nodes = valgrad_live_nodes();
    moved = (Moved){.sides = {.rank = 0}};
    Tensor *t = moves[i].move(model, random, &moved);
    ck_assert_int_eq(valgrad_live_nodes(), nodes);
    if (!t && valgrad_last_status() == VALGRAD_OK)
        return;
    model->tensor = keep(t);
    model->sides = moved.sides;
    memcpy(model->at, moved.at, sizeof model->at);
    check_model(model);
}

/* ---- every move of every shape, form and place --------------------------------------------------- */

static void start_model(Place place, Form form, Sides sides, Random *random, Operand *x,
                        Model *model)
{
    place_begin(place);
    *x = make_operand(form, random, WIDE, sides);
    read_model(model, x->tensor, sides);
}

/* The elements are the operands' own, so a gradient that arrives at one twice is there twice. */
static void finish_model(const Model *model, const Operand *x, Random *random)
{
    compare(model->tensor, size_of(model->sides), model->at, x, 1, random);
    place_end();
}

static Sides some_shape(int i)
{
    static const Sides more[] = {{4, {2, 3, 1, 4}}, {5, {1, 2, 1, 3, 2}}, {1, {100}}, {2, {9, 10}}};
    return i < SMALL_SHAPES ? small_shape(i) : more[i - SMALL_SHAPES];
}

enum { SOME_SHAPES = SMALL_SHAPES + 4 };

START_TEST(elements_are_those_of_index_arithmetic)
{
    Random random = random_seeded((uint64_t)_i);
    static Model model;
    for (int turn = 0; turn < SOME_SHAPES * FORMS; turn++) {
        const Form form = (Form)(turn % FORMS);
        const Sides sides = some_shape(turn / FORMS);
        char text[64];
        now_testing_is("%s of %s, form %d, turn %d", moves[_i].name, sides_text(sides, text), form,
                       turn);
        Operand x;
        start_model((Place)(turn % PLACES), form, sides, &random, &x, &model);
        for (int i = 0; i < 4; i++) {
            Model start = model;
            make_move((size_t)_i, &start, &random);
            if (i == 3)
                model = start;
        }
        finish_model(&model, &x, &random);
    }
}
END_TEST

START_TEST(views_of_views)
{
    Random random = random_seeded((uint64_t)_i);
    static Model model;
    for (int turn = 0; turn < 400; turn++) {
        const Form form = (Form)(turn % FORMS);
        const Sides sides = some_shape(below(&random, SOME_SHAPES));
        Operand x;
        now_testing_is("form %d, turn %d", form, turn);
        start_model((Place)(turn % PLACES), form, sides, &random, &x, &model);
        for (int i = 0; i < 4 && size_of(model.sides) <= 100 && model.sides.rank < 5; i++) {
            const size_t move = (size_t)below(&random, COUNT(moves));
            now_testing_is("%s, number %d, form %d, turn %d", moves[move].name, i, form, turn);
            make_move(move, &model, &random);
        }
        finish_model(&model, &x, &random);
    }
}
END_TEST

/* ---- by hand ----------------------------------------------------------------------------------- */

static void assert_tensor(const Tensor *t, Sides sides, const real *numbers)
{
    assert_numbers(t, size_of(sides), numbers);
    assert_shape(t, sides);
}

START_TEST(numbers_by_hand)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3));
        assert_tensor(tensor_transpose(t), SIDES(3, 2), NUMBERS(0, 3, 1, 4, 2, 5));
        assert_tensor(tensor_reshape(tensor_transpose(t), TENSOR_SHAPE(-1)), SIDES(6),
                       NUMBERS(0, 3, 1, 4, 2, 5));
        assert_tensor(tensor_slice(t, 1, -2, INT64_MAX, 1), SIDES(2, 2), NUMBERS(1, 2, 4, 5));
        assert_tensor(tensor_slice(t, 1, -100, 100, 2), SIDES(2, 2), NUMBERS(0, 2, 3, 5));
        assert_tensor(tensor_slice(t, 0, 1, -2, 1), SIDES(0, 3), NULL);
        assert_tensor(tensor_index(t, 0, -1), SIDES(3), NUMBERS(3, 4, 5));
        assert_tensor(tensor_gather(t, 1, 4, (int64_t[]){2, 0, -3, 2}), SIDES(2, 4),
                       NUMBERS(2, 0, 0, 2, 5, 3, 3, 5));
        assert_tensor(tensor_broadcast(tensor_index(t, 1, 1), TENSOR_SHAPE(3, 2)), SIDES(3, 2),
                       NUMBERS(1, 4, 1, 4, 1, 4));
        assert_tensor(tensor_concat(2, (Tensor *[]){t, tensor_slice(t, 1, 0, 1, 1)}, 1),
                       SIDES(2, 4), NUMBERS(0, 1, 2, 0, 3, 4, 5, 3));
        assert_tensor(tensor_stack(2, (Tensor *[]){t, t}, -1), SIDES(2, 3, 2),
                       NUMBERS(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
    }
}
END_TEST

/* Joining tensors of several nodes, runs and tables, with an empty one among them. */
START_TEST(different_tensors_are_joined)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * FORMS * PLACES; turn++) {
        now_testing_is("joining, turn %d", turn);
        place_begin((Place)(turn % PLACES));
        const Operand xy[] = {
            make_operand((Form)(turn / PLACES % FORMS), &random, WIDE, SIDES(2, 3)),
            make_operand((Form)(turn / PLACES / FORMS), &random, WIDE, SIDES(2, 2))};
        const Operand nothing = make_operand((Form)(turn % FORMS), &random, WIDE, SIDES(2, 0));
        Value *expanded[10];
        for (int i = 0; i < 10; i++)
            expanded[i] = i % 5 < 3 ? tensor_at(xy[0].tensor, i / 5 * 3 + i % 5)
                                    : tensor_at(xy[1].tensor, i / 5 * 2 + i % 5 - 3);
        Tensor *t =
            keep(tensor_concat(3, (Tensor *[]){xy[0].tensor, nothing.tensor, xy[1].tensor}, -1));
        assert_shape(t, SIDES(2, 5));
        compare(t, 10, expanded, xy, 2, &random);
        place_end();
    }
}
END_TEST

/* An element that stands in a tensor twice gets the sum of both gradients, whoever asks. */
START_TEST(gradients_of_repeated_elements_add_up)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(3));
        Tensor *views[] = {tensor_gather(t, 0, 4, (int64_t[]){1, 1, 2, 1}),
                           tensor_broadcast(t, TENSOR_SHAPE(3, 3)),
                           tensor_concat(2, (Tensor *[]){t, t}, 0)};
        const real gradients[][3] = {{0, 3, 1}, {3, 3, 3}, {2, 2, 2}};
        for (int i = 0; i < 3; i++) {
            Tensor *const results[] = {views[i], tensor_neg(tensor_neg(views[i])),
                                       tensor_sum_all(views[i])};
            for (int j = 0; j < 3; j++) {
                real got[3];
                tensor_zero_grad(t);
                assert_status(tensor_backward(results[j], NULL), VALGRAD_OK);
                assert_status(tensor_get_grad(t, 3, got), VALGRAD_OK);
                for (int k = 0; k < 3; k++)
                    assert_same(got[k], gradients[i][k]);
            }
        }
    }
}
END_TEST

START_TEST(writing_through_one_view_is_seen_in_all)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3)), *turned = tensor_transpose(t);
        Tensor *column = tensor_index(t, 1, 2), *picked = tensor_gather(t, 1, 2, (int64_t[]){2, 0});
        assert_status(tensor_set(column, 2, NUMBERS(20, 50)), VALGRAD_OK);
        assert_tensor(turned, SIDES(3, 2), NUMBERS(0, 3, 1, 4, 20, 50));
        assert_tensor(picked, SIDES(2, 2), NUMBERS(20, 0, 50, 3));
        assert_status(tensor_set(picked, 4, NUMBERS(-1, -2, -3, -4)), VALGRAD_OK);
        assert_tensor(t, SIDES(2, 3), NUMBERS(-2, 1, -1, -4, 4, -3));
        assert_status(tensor_fill(turned, 7), VALGRAD_OK);
        assert_tensor(picked, SIDES(2, 2), NUMBERS(7, 7, 7, 7));
    }
}
END_TEST

/* A view holds what it shows: the tensor that it was made of may go first. */
START_TEST(views_outlive_what_they_show)
{
    Tensor *t = tensor_leaf(counted, TENSOR_SHAPE(2, 3)), *run = tensor_transpose(t);
    Tensor *table = tensor_gather(t, 0, 1, (int64_t[]){1});
    tensor_release(t);
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    assert_tensor(run, SIDES(3, 2), NUMBERS(0, 3, 1, 4, 2, 5));
    tensor_release(run);
    assert_tensor(table, SIDES(1, 3), NUMBERS(3, 4, 5));
    Value *element = value_retain(tensor_at(table, 2));
    tensor_release(table);
    assert_same(value_data(element), 5);
    value_release(element);
}
END_TEST

/* ---- errors ------------------------------------------------------------------------------------ */

START_TEST(reshape_errors)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *empty = tensor_zeros(TENSOR_SHAPE(0, 3));
        assert_fails(tensor_reshape(t, TENSOR_SHAPE(4, 2)), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (2, 3), of size 6, cannot become (4, 2)");
        assert_fails(tensor_reshape(t, TENSOR_SHAPE(4, -1)), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (2, 3), of size 6, cannot become (4, -1)");
        assert_fails(tensor_reshape(t, TENSOR_SHAPE(-1, -1)), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (2, 3), of size 6, cannot become (-1, -1)");
        assert_fails(tensor_reshape(t, TENSOR_SHAPE(-2, -3)), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (2, 3), of size 6, cannot become (-2, -3)");
        assert_fails(tensor_reshape(t, TENSOR_SCALAR), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (2, 3), of size 6, cannot become ()");
        assert_fails(tensor_reshape(empty, TENSOR_SHAPE(0, -1)), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (0, 3), of size 0, cannot become (0, -1)");
        assert_fails(
            tensor_reshape(t, TENSOR_SHAPE(INT64_MAX, 2)), VALGRAD_ERROR_SHAPE,
            "tensor_reshape: shape (2, 3), of size 6, cannot become (9223372036854775807, 2)");
        assert_fails(tensor_reshape(t, TENSOR_SHAPE(1, 1, 1, 1, 1, 1, 1, 2, 3)),
                     VALGRAD_ERROR_SHAPE, "tensor_reshape: rank 9; expected 0 to 8");
        assert_fails(tensor_reshape(t, -1, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: rank -1; expected 0 to 8");
        assert_fails(tensor_reshape(t, 1, NULL), VALGRAD_ERROR_NULL,
                     "tensor_reshape: shape is NULL");
        assert_fails(tensor_reshape(NULL, TENSOR_SHAPE(1)), VALGRAD_ERROR_NULL,
                     "tensor_reshape: t is NULL");
    }
}
END_TEST

START_TEST(permute_errors)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *v = tensor_zeros(TENSOR_SHAPE(2));
        assert_fails(tensor_permute(t, TENSOR_AXES(0)), VALGRAD_ERROR_AXIS,
                     "tensor_permute: 1 axes for a tensor of rank 2");
        assert_fails(tensor_permute(t, TENSOR_ALL_AXES), VALGRAD_ERROR_AXIS,
                     "tensor_permute: -1 axes for a tensor of rank 2");
        assert_fails(tensor_permute(t, TENSOR_AXES(0, 2)), VALGRAD_ERROR_AXIS,
                     "tensor_permute: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_permute(t, TENSOR_AXES(-3, 0)), VALGRAD_ERROR_AXIS,
                     "tensor_permute: axis -3 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_permute(t, TENSOR_AXES(1, -1)), VALGRAD_ERROR_AXIS,
                     "tensor_permute: axis -1 is given twice");
        assert_fails(tensor_permute(t, 2, NULL), VALGRAD_ERROR_NULL,
                     "tensor_permute: axes is NULL");
        assert_fails(tensor_permute(NULL, TENSOR_AXES(0)), VALGRAD_ERROR_NULL,
                     "tensor_permute: t is NULL");
        assert_fails(tensor_transpose(v), VALGRAD_ERROR_SHAPE,
                     "tensor_transpose: rank 1; expected at least 2");
        assert_fails(tensor_transpose(NULL), VALGRAD_ERROR_NULL, "tensor_transpose: t is NULL");
    }
}
END_TEST

START_TEST(slice_and_index_errors)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *scalar = tensor_zeros(TENSOR_SCALAR);
        assert_fails(tensor_slice(t, 2, 0, 1, 1), VALGRAD_ERROR_AXIS,
                     "tensor_slice: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_slice(t, 0, 0, 1, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_slice: step 0; expected at least 1");
        assert_fails(tensor_slice(t, 0, 0, 1, -1), VALGRAD_ERROR_ARGUMENT,
                     "tensor_slice: step -1; expected at least 1");
        assert_fails(tensor_slice(NULL, 0, 0, 1, 1), VALGRAD_ERROR_NULL, "tensor_slice: t is NULL");
        assert_fails(tensor_index(t, 1, 3), VALGRAD_ERROR_INDEX,
                     "tensor_index: index 3 on axis 1 of a tensor of shape (2, 3)");
        assert_fails(tensor_index(t, -1, -4), VALGRAD_ERROR_INDEX,
                     "tensor_index: index -4 on axis 1 of a tensor of shape (2, 3)");
        assert_fails(
            tensor_index(t, 0, INT64_MIN), VALGRAD_ERROR_INDEX,
            "tensor_index: index -9223372036854775808 on axis 0 of a tensor of shape (2, 3)");
        assert_fails(tensor_index(t, -3, 0), VALGRAD_ERROR_AXIS,
                     "tensor_index: axis -3 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_index(NULL, 0, 0), VALGRAD_ERROR_NULL, "tensor_index: t is NULL");
        assert_fails(tensor_index(scalar, 0, 0), VALGRAD_ERROR_AXIS,
                     "tensor_index: axis 0 of a tensor of shape (), which has no axes");
    }
}
END_TEST

START_TEST(gather_errors)
{
    const int64_t indices[] = {0, 2, -4};
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3));
        assert_fails(tensor_gather(t, 0, 2, indices), VALGRAD_ERROR_INDEX,
                     "tensor_gather: index 2 on axis 0 of a tensor of shape (2, 3)");
        assert_fails(tensor_gather(t, 1, 3, indices), VALGRAD_ERROR_INDEX,
                     "tensor_gather: index -4 on axis 1 of a tensor of shape (2, 3)");
        assert_fails(tensor_gather(t, 2, 1, indices), VALGRAD_ERROR_AXIS,
                     "tensor_gather: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_gather(t, 0, -1, indices), VALGRAD_ERROR_SHAPE,
                     "tensor_gather: shape (-1, 3) has a negative side");
        assert_fails(tensor_gather(t, 0, 1, NULL), VALGRAD_ERROR_NULL,
                     "tensor_gather: indices is NULL");
        assert_fails(tensor_gather(NULL, 0, 1, indices), VALGRAD_ERROR_NULL,
                     "tensor_gather: t is NULL");
        assert_shape(tensor_gather(t, 0, 0, NULL), SIDES(0, 3));
    }
}
END_TEST

START_TEST(join_errors)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *u = tensor_zeros(TENSOR_SHAPE(2, 2));
        Tensor *v = tensor_zeros(TENSOR_SHAPE(3)), *scalar = tensor_zeros(TENSOR_SCALAR);
        Tensor *deep = tensor_zeros(TENSOR_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
        Tensor *const tu[] = {t, u}, *const tv[] = {t, v}, *const none[] = {t, NULL};
        assert_fails(tensor_concat(2, tu, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_concat: shapes (2, 3) and (2, 2) do not fit");
        assert_fails(tensor_concat(2, tv, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_concat: shapes (2, 3) and (3) do not fit");
        assert_fails(tensor_concat(2, tu, 2), VALGRAD_ERROR_AXIS,
                     "tensor_concat: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_fails(tensor_concat(1, &scalar, 0), VALGRAD_ERROR_AXIS,
                     "tensor_concat: axis 0 of a tensor of shape (), which has no axes");
        assert_fails(tensor_concat(0, tu, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_concat: 0 tensors; expected at least 1");
        assert_fails(tensor_concat(-1, tu, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_concat: -1 tensors; expected at least 1");
        assert_fails(tensor_concat(2, none, 0), VALGRAD_ERROR_NULL,
                     "tensor_concat: one of tensors is NULL");
        assert_fails(tensor_concat(2, NULL, 0), VALGRAD_ERROR_NULL,
                     "tensor_concat: one of tensors is NULL");
        assert_fails(tensor_stack(2, tu, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_stack: shapes (2, 3) and (2, 2) do not fit");
        assert_fails(tensor_stack(2, (Tensor *[]){t, t}, 3), VALGRAD_ERROR_AXIS,
                     "tensor_stack: axis 3 for tensors of rank 2");
        assert_fails(tensor_stack(2, (Tensor *[]){t, t}, -4), VALGRAD_ERROR_AXIS,
                     "tensor_stack: axis -4 for tensors of rank 2");
        assert_fails(tensor_stack(1, &deep, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_stack: rank 9; expected 0 to 8");
        assert_fails(tensor_stack(0, NULL, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_stack: 0 tensors; expected at least 1");
        assert_fails(tensor_stack(2, none, 0), VALGRAD_ERROR_NULL,
                     "tensor_stack: one of tensors is NULL");
    }
}
END_TEST

START_TEST(broadcast_errors)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3));
        assert_fails(tensor_broadcast(t, TENSOR_SHAPE(3, 3)), VALGRAD_ERROR_SHAPE,
                     "tensor_broadcast: shape (2, 3) cannot be broadcast to (3, 3)");
        assert_fails(tensor_broadcast(t, TENSOR_SHAPE(2, 1)), VALGRAD_ERROR_SHAPE,
                     "tensor_broadcast: shape (2, 3) cannot be broadcast to (2, 1)");
        assert_fails(tensor_broadcast(t, TENSOR_SHAPE(3)), VALGRAD_ERROR_SHAPE,
                     "tensor_broadcast: shape (2, 3) cannot be broadcast to (3)");
        assert_fails(tensor_broadcast(t, TENSOR_SHAPE(-1, 3)), VALGRAD_ERROR_SHAPE,
                     "tensor_broadcast: shape (-1, 3) has a negative side");
        assert_fails(tensor_broadcast(t, TENSOR_SHAPE(INT64_MAX, 2, 3)), VALGRAD_ERROR_SHAPE,
                     "tensor_broadcast: shape (9223372036854775807, 2, 3) has too many elements");
        assert_fails(tensor_broadcast(t, 2, NULL), VALGRAD_ERROR_NULL,
                     "tensor_broadcast: shape is NULL");
        assert_fails(tensor_broadcast(NULL, TENSOR_SHAPE(1)), VALGRAD_ERROR_NULL,
                     "tensor_broadcast: t is NULL");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *tests = new_case(suite, "moves", 60);
    tcase_add_loop_test(tests, elements_are_those_of_index_arithmetic, 0, COUNT(moves));
    tcase_add_loop_test(tests, views_of_views, 0, 8);
    tests = new_case(suite, "by hand", 10);
    tcase_add_test(tests, numbers_by_hand);
    tcase_add_test(tests, different_tensors_are_joined);
    tcase_add_test(tests, gradients_of_repeated_elements_add_up);
    tcase_add_test(tests, writing_through_one_view_is_seen_in_all);
    tcase_add_test(tests, views_outlive_what_they_show);
    tests = new_case(suite, "errors", 4);
    tcase_add_test(tests, reshape_errors);
    tcase_add_test(tests, permute_errors);
    tcase_add_test(tests, slice_and_index_errors);
    tcase_add_test(tests, gather_errors);
    tcase_add_test(tests, join_errors);
    tcase_add_test(tests, broadcast_errors);
    return run_suite(suite);
}
