/* test_tensor_errors.c - what operations on tensors say of operands that they cannot use. (Of
 * shapes: test_shape.c; of making, reading and writing: test_tensor.c.) */
#include <valgrad/inspect.h>
#include <valgrad/program.h>

#include "tensor_operations.h"

/* ---- NULL operands ------------------------------------------------------------------------------ */

/* Operands of operation _i, of the shapes in the table. */
static void make_operands(const TensorOperation *operation, Tensor *x[MOST_OPERANDS])
{
    Random random = random_seeded(1);
    for (int i = 0; i < operation->operand_count; i++) {
        real numbers[MOST];
        distinct_numbers(operation, i, &random, numbers);
        x[i] = tensor_leaf(numbers, AS_SHAPE(operation->shapes[i]));
    }
}

static int operands_that_must_be(const TensorOperation *operation)
{
    return operation->operand_count - operation->optional_last;
}

/* Each operand in turn. Where no error stands yet, the operation names itself. */
START_TEST(a_null_operand_gives_null)
{
    const TensorOperation *operation = &tensor_operations[_i];
    for (int i = 0; i < operands_that_must_be(operation); i++) {
        VALGRAD_SCOPE {
            Tensor *x[MOST_OPERANDS] = {0};
            make_operands(operation, x);
            x[i] = NULL;
            ck_assert_ptr_null(operation->build(x));
            assert_status(valgrad_last_status(), VALGRAD_ERROR_NULL);
            if (strcmp(operation->function, "tensor_from_values") != 0 &&
                strcmp(operation->function, "tensor_sum_all") != 0 &&
                strcmp(operation->function, "tensor_mean_all") != 0)
                ck_assert_msg(strstr(valgrad_last_error(), operation->function) != NULL,
                              "\"%s\" does not name %s", valgrad_last_error(), operation->function);
            ck_assert_ptr_nonnull(strstr(valgrad_last_error(), " is NULL"));
            valgrad_clear_error();
        }
    }
}
END_TEST

/* The first error stands through a whole expression, backward included. */
START_TEST(a_null_operand_keeps_the_first_error)
{
    static const char first[] = "tensor_matmul: (2, 3) x (2, 3): inner dimensions 3 and 2 differ";
    const TensorOperation *operation = &tensor_operations[_i];
    for (int i = 0; i < operands_that_must_be(operation); i++) {
        VALGRAD_SCOPE {
            Tensor *x[MOST_OPERANDS] = {0}, *t = tensor_zeros(TENSOR_SHAPE(2, 3));
            make_operands(operation, x);
            x[i] = tensor_matmul(t, t);
            Tensor *result = operation->build(x);
            ck_assert_ptr_null(result);
            ck_assert_str_eq(valgrad_last_error(), first);
            assert_status(tensor_backward(result, NULL), VALGRAD_ERROR_SHAPE);
            ck_assert_str_eq(valgrad_last_error(), first);
            valgrad_clear_error();
        }
    }
}
END_TEST

START_TEST(null_operands_by_name)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 2));
        const int64_t labels[] = {0, 0};
        int64_t out[2];
        assert_fails(tensor_add(NULL, t), VALGRAD_ERROR_NULL, "tensor_add: x is NULL");
        assert_fails(tensor_add(t, NULL), VALGRAD_ERROR_NULL, "tensor_add: y is NULL");
        assert_fails(tensor_add(NULL, NULL), VALGRAD_ERROR_NULL, "tensor_add: x is NULL");
        assert_fails(tensor_exp(NULL), VALGRAD_ERROR_NULL, "tensor_exp: x is NULL");
        assert_fails(tensor_leaky_relu(NULL, 1), VALGRAD_ERROR_NULL,
                     "tensor_leaky_relu: x is NULL");
        assert_fails(tensor_sum(NULL, TENSOR_AXES(0), false), VALGRAD_ERROR_NULL,
                     "tensor_sum: t is NULL");
        assert_fails(tensor_sum(t, 1, NULL, false), VALGRAD_ERROR_NULL, "tensor_sum: axes is NULL");
        assert_fails(tensor_matmul(NULL, t), VALGRAD_ERROR_NULL, "tensor_matmul: a is NULL");
        assert_fails(tensor_matmul(t, NULL), VALGRAD_ERROR_NULL, "tensor_matmul: b is NULL");
        assert_fails(tensor_affine(NULL, t, t), VALGRAD_ERROR_NULL, "tensor_affine: x is NULL");
        assert_fails(tensor_affine(t, NULL, t), VALGRAD_ERROR_NULL, "tensor_affine: w is NULL");
        assert_fails(tensor_softmax(NULL, 0), VALGRAD_ERROR_NULL, "tensor_softmax: t is NULL");
        assert_fails(tensor_cross_entropy(NULL, 2, labels), VALGRAD_ERROR_NULL,
                     "tensor_cross_entropy: logits is NULL");
        assert_fails(tensor_cross_entropy(t, 2, NULL), VALGRAD_ERROR_NULL,
                     "tensor_cross_entropy: labels is NULL");
        assert_fails(tensor_cross_entropy_soft(t, NULL), VALGRAD_ERROR_NULL,
                     "tensor_cross_entropy_soft: targets is NULL");
        assert_fails(tensor_mse(NULL, t), VALGRAD_ERROR_NULL, "tensor_mse: x is NULL");
        assert_fails(tensor_mse(t, NULL), VALGRAD_ERROR_NULL, "tensor_mse: y is NULL");
        assert_refused(tensor_argmax(NULL, TENSOR_AXES(0), 2, out), VALGRAD_ERROR_NULL,
                       "tensor_argmax: t is NULL");
        assert_refused(tensor_argmax(t, TENSOR_AXES(0), 2, NULL), VALGRAD_ERROR_NULL,
                       "tensor_argmax: out is NULL");
        assert_refused(tensor_argmax(t, 1, NULL, 2, out), VALGRAD_ERROR_NULL,
                       "tensor_argmax: axes is NULL");
    }
}
END_TEST

/* ---- shapes ------------------------------------------------------------------------------------ */

START_TEST(shapes_that_cannot_be_broadcast)
{
    VALGRAD_SCOPE {
        Tensor *a = tensor_zeros(TENSOR_SHAPE(2, 3)), *b = tensor_zeros(TENSOR_SHAPE(2));
        Tensor *c = tensor_zeros(TENSOR_SHAPE(4, 0, 1)), *wide = tensor_zeros(TENSOR_SHAPE(1));
        assert_fails(tensor_add(a, b), VALGRAD_ERROR_SHAPE,
                     "tensor_add: shapes (2, 3) and (2): sides 3 and 2 cannot be broadcast");
        assert_fails(tensor_pow(b, a), VALGRAD_ERROR_SHAPE,
                     "tensor_pow: shapes (2) and (2, 3): sides 2 and 3 cannot be broadcast");
        assert_fails(tensor_mul(a, c), VALGRAD_ERROR_SHAPE,
                     "tensor_mul: shapes (2, 3) and (4, 0, 1): sides 2 and 0 cannot be broadcast");
        assert_fails(tensor_mse(a, b), VALGRAD_ERROR_SHAPE,
                     "tensor_mse: shapes (2, 3) and (2): sides 3 and 2 cannot be broadcast");
        assert_fails(tensor_mse(c, wide), VALGRAD_ERROR_SHAPE,
                     "tensor_mse: nothing to take a mean of in shape (4, 0, 1)");
        Tensor *long_row = tensor_broadcast(wide, TENSOR_SHAPE(1, (int64_t)1 << 40));
        Tensor *long_column = tensor_broadcast(wide, TENSOR_SHAPE((int64_t)1 << 40, 1));
        assert_fails(tensor_add(long_row, long_column), VALGRAD_ERROR_SHAPE,
                     "tensor_add: shape (1099511627776, 1099511627776) has too many elements");
        assert_fails(tensor_matmul(long_column, long_row), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: shape (1099511627776, 1099511627776) has too many elements");
    }
}
END_TEST

START_TEST(products_that_do_not_fit)
{
    VALGRAD_SCOPE {
        Tensor *a = tensor_zeros(TENSOR_SHAPE(2, 3)), *v = tensor_zeros(TENSOR_SHAPE(2));
        Tensor *cube = tensor_zeros(TENSOR_SHAPE(1, 2, 3)), *scalar = tensor_zeros(TENSOR_SCALAR);
        assert_fails(tensor_matmul(a, a), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: (2, 3) x (2, 3): inner dimensions 3 and 2 differ");
        assert_fails(tensor_matmul(a, v), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: (2, 3) x (2): inner dimensions 3 and 2 differ");
        assert_fails(tensor_matmul(tensor_zeros(TENSOR_SHAPE(3)), v), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: (3) x (2): inner dimensions 3 and 2 differ");
        assert_fails(tensor_matmul(cube, a), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: (1, 2, 3) x (2, 3): inner dimensions 3 and 2 differ");
        assert_fails(tensor_matmul(a, scalar), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: (2, 3) x (): expected ranks of 1 or more");
        assert_fails(tensor_matmul(tensor_zeros(TENSOR_SHAPE(2, 3, 1)),
                                   tensor_zeros(TENSOR_SHAPE(4, 3, 1, 3))),
                     VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: (2, 3, 1) x (4, 3, 1, 3): sides 2 and 3 cannot be broadcast");
        assert_fails(tensor_affine(cube, tensor_transpose(a), NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_affine: (1, 2, 3) x (3, 2): expected ranks of 1 or 2");
        assert_fails(tensor_dot(a, v), VALGRAD_ERROR_SHAPE,
                     "tensor_dot: (2, 3) x (2): expected vectors");
        assert_fails(tensor_dot(v, tensor_zeros(TENSOR_SHAPE(3))), VALGRAD_ERROR_SHAPE,
                     "tensor_dot: (2) x (3): inner dimensions 2 and 3 differ");
        assert_fails(tensor_outer(v, scalar), VALGRAD_ERROR_SHAPE,
                     "tensor_outer: (2) x (): expected vectors");
        assert_fails(tensor_affine(v, tensor_transpose(a), NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_affine: (2) x (3, 2): inner dimensions 2 and 3 differ");
        assert_fails(tensor_affine(v, a, v), VALGRAD_ERROR_SHAPE,
                     "tensor_affine: weights (2, 3) and bias (2); expected (in, out) and (out)");
        assert_fails(tensor_affine(v, a, tensor_zeros(TENSOR_SHAPE(1, 3))), VALGRAD_ERROR_SHAPE,
                     "tensor_affine: weights (2, 3) and bias (1, 3); expected (in, out) and (out)");
        assert_fails(tensor_affine(v, v, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_affine: weights (2) and bias none; expected (in, out) and (out)");
    }
}
END_TEST

/* ---- axes -------------------------------------------------------------------------------------- */

typedef Tensor *Reduce(Tensor *t, int count, const int *axes, bool keepdim);

static const struct {
    const char *name;
    Reduce *reduce;
} reductions[] = {{"tensor_sum", tensor_sum},
                  {"tensor_mean", tensor_mean},
                  {"tensor_reduce_max", tensor_reduce_max}};

static void assert_says(const char *name, ValgradStatus status, const char *rest)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s: %s", name, rest);
    assert_message(status, text);
}

START_TEST(reductions_along_bad_axes)
{
    const char *name = reductions[_i].name;
    Reduce *reduce = reductions[_i].reduce;
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *scalar = tensor_zeros(TENSOR_SCALAR);
        ck_assert_ptr_null(reduce(t, TENSOR_AXES(2), false));
        assert_says(name, VALGRAD_ERROR_AXIS,
                    "axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        ck_assert_ptr_null(reduce(t, TENSOR_AXES(0, -3), false));
        assert_says(name, VALGRAD_ERROR_AXIS,
                    "axis -3 of a tensor of shape (2, 3); expected -2 to 1");
        ck_assert_ptr_null(reduce(t, TENSOR_AXES(1, 0, 1), true));
        assert_says(name, VALGRAD_ERROR_AXIS, "axis 1 is given twice");
        ck_assert_ptr_null(reduce(t, TENSOR_AXES(1, -1), true));
        assert_says(name, VALGRAD_ERROR_AXIS, "axis -1 is given twice");
        ck_assert_ptr_null(reduce(scalar, TENSOR_AXES(0), false));
        assert_says(name, VALGRAD_ERROR_AXIS, "axis 0 of a tensor of shape (), which has no axes");
    }
}
END_TEST

START_TEST(norms_that_there_are_not)
{
    VALGRAD_SCOPE
        ck_assert_ptr_null(tensor_norm(tensor_zeros(TENSOR_SHAPE(2)), 3, TENSOR_ALL_AXES, false));
    assert_message(VALGRAD_ERROR_ARGUMENT, "tensor_norm: p 3; expected 1, 2 or INFINITY");
}
END_TEST

/* A tensor's own node, which a walk comes to, is no number. */
START_TEST(a_whole_tensor_is_no_value)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *y = tensor_square(t);
        Value *x = value_leaf(1), *element = tensor_at(y, 1);
        GraphWalk *walk = graph_walk_new(1, &element);
        Value *leaf = graph_walk_value(walk, 0), *square = graph_walk_value(walk, 1);
        assert_status(value_backward(square), VALGRAD_ERROR_STATE);
        assert_message(VALGRAD_ERROR_STATE,
                       "value_backward: the root is a whole tensor; use tensor_backward");
        assert_status(value_set_data(leaf, 3), VALGRAD_ERROR_STATE);
        assert_message(VALGRAD_ERROR_STATE,
                       "value_set_data: v is a whole tensor; use tensor functions");
        ck_assert_ptr_null(program_record(1, &square, 1, &x));
        assert_message(VALGRAD_ERROR_STATE,
                       "program_record: root has a whole tensor; use tensor functions");
        real numbers[2];
        assert_status(tensor_get(t, 2, numbers), VALGRAD_OK);
        ck_assert(numbers[0] == 1 && numbers[1] == 2);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(reductions_of_nothing)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 0));
        assert_same(tensor_item(tensor_sum_all(t)), 0);
        assert_fails(tensor_mean_all(t), VALGRAD_ERROR_SHAPE,
                     "tensor_mean: a tensor of shape (2, 0) has nothing along these axes");
        assert_fails(tensor_reduce_max(t, TENSOR_AXES(1), true), VALGRAD_ERROR_SHAPE,
                     "tensor_reduce_max: a tensor of shape (2, 0) has nothing along these axes");
        ck_assert_int_eq(tensor_size(tensor_reduce_max(t, TENSOR_AXES(0), false)), 0);
    }
}
END_TEST

START_TEST(argmax_errors)
{
    int64_t out[8];
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 3)), *empty = tensor_zeros(TENSOR_SHAPE(2, 0));
        assert_refused(tensor_argmax(t, TENSOR_AXES(1), 3, out), VALGRAD_ERROR_SHAPE,
                       "tensor_argmax: room for 3 results; expected 2");
        assert_refused(tensor_argmax(t, TENSOR_ALL_AXES, 0, NULL), VALGRAD_ERROR_SHAPE,
                       "tensor_argmax: room for 0 results; expected 1");
        assert_refused(tensor_argmax(t, TENSOR_AXES(2), 2, out), VALGRAD_ERROR_AXIS,
                       "tensor_argmax: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        assert_refused(tensor_argmax(t, TENSOR_AXES(0, 0), 1, out), VALGRAD_ERROR_AXIS,
                       "tensor_argmax: axis 0 is given twice");
        assert_refused(tensor_argmax(empty, TENSOR_AXES(1), 2, out), VALGRAD_ERROR_SHAPE,
                       "tensor_argmax: a tensor of shape (2, 0) has nothing along these axes");
        assert_status(tensor_argmax(empty, TENSOR_AXES(0), 0, NULL), VALGRAD_OK);
    }
}
END_TEST

static Tensor *logsumexp(Tensor *t, int axis)
{
    return tensor_logsumexp(t, axis, false);
}

static const struct {
    const char *name;
    Tensor *(*function)(Tensor *t, int axis);
} row_functions[] = {
    {"tensor_softmax", tensor_softmax},
    {"tensor_log_softmax", tensor_log_softmax},
    {"tensor_logsumexp", logsumexp},
};

START_TEST(softmax_along_bad_axes)
{
    const char *name = row_functions[_i].name;
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2, 0));
        ck_assert_ptr_null(row_functions[_i].function(t, 2));
        assert_says(name, VALGRAD_ERROR_AXIS,
                    "axis 2 of a tensor of shape (2, 0); expected -2 to 1");
        ck_assert_ptr_null(row_functions[_i].function(t, -1));
        assert_says(name, VALGRAD_ERROR_SHAPE, "a tensor of shape (2, 0) has nothing along axis 1");
        ck_assert_ptr_null(row_functions[_i].function(tensor_zeros(TENSOR_SCALAR), 0));
        assert_says(name, VALGRAD_ERROR_AXIS, "axis 0 of a tensor of shape (), which has no axes");
        ck_assert_int_eq(tensor_size(row_functions[_i].function(t, 0)), 0);
    }
}
END_TEST

/* ---- losses ------------------------------------------------------------------------------------ */

START_TEST(labels_that_do_not_fit)
{
    const int64_t labels[] = {0, 2, 3, -1};
    VALGRAD_SCOPE {
        Tensor *logits = tensor_zeros(TENSOR_SHAPE(3, 3)), *row = tensor_zeros(TENSOR_SHAPE(3));
        assert_fails(tensor_cross_entropy(logits, 2, labels), VALGRAD_ERROR_SHAPE,
                     "tensor_cross_entropy: 2 labels for 3 rows of logits");
        assert_fails(tensor_cross_entropy(logits, 3, labels), VALGRAD_ERROR_INDEX,
                     "tensor_cross_entropy: label 3 at row 2; expected 0 to 2");
        assert_fails(tensor_cross_entropy(row, 1, labels + 3), VALGRAD_ERROR_INDEX,
                     "tensor_cross_entropy: label -1 at row 0; expected 0 to 2");
        assert_fails(tensor_cross_entropy(row, 2, labels), VALGRAD_ERROR_SHAPE,
                     "tensor_cross_entropy: 2 labels for 1 rows of logits");
    }
}
END_TEST

START_TEST(logits_that_do_not_fit)
{
    static const Sides shapes[] = {{0, {0}}, {3, {1, 2, 2}}, {2, {0, 3}}, {2, {3, 0}}, {1, {0}}};
    static const char *const texts[] = {"()", "(1, 2, 2)", "(0, 3)", "(3, 0)", "(0)"};
    const int64_t labels[] = {0, 0, 0};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        VALGRAD_SCOPE {
            char text[256];
            Tensor *t = tensor_zeros(AS_SHAPE(shapes[i]));
            ck_assert_ptr_null(tensor_cross_entropy(t, 0, labels));
            (void)snprintf(text, sizeof text,
                           "logits of shape %s; expected (batch, classes) or (classes), not empty",
                           texts[i]);
            assert_says("tensor_cross_entropy", VALGRAD_ERROR_SHAPE, text);
            ck_assert_ptr_null(tensor_cross_entropy_soft(t, t));
            assert_says("tensor_cross_entropy_soft", VALGRAD_ERROR_SHAPE, text);
        }
    }
}
END_TEST

START_TEST(targets_that_do_not_fit)
{
    VALGRAD_SCOPE {
        Tensor *logits = tensor_zeros(TENSOR_SHAPE(2, 3)), *row = tensor_zeros(TENSOR_SHAPE(3));
        assert_fails(tensor_cross_entropy_soft(logits, row), VALGRAD_ERROR_SHAPE,
                     "tensor_cross_entropy_soft: targets of shape (3) for logits of shape (2, 3)");
        assert_fails(
            tensor_cross_entropy_soft(logits, tensor_zeros(TENSOR_SHAPE(2, 2))),
            VALGRAD_ERROR_SHAPE,
            "tensor_cross_entropy_soft: targets of shape (2, 2) for logits of shape (2, 3)");
    }
}
END_TEST

/* ---- leaves changed after use ------------------------------------------------------------------- */

/* Each way to give a leaf that a graph was built on another number. */
typedef enum Change {
    SET,
    FILL,
    FILL_UNIFORM,
    FILL_NORMAL,
    SET_VIEW,
    SET_TABLE,
    SET_ELEMENT,
    CHANGES
} Change;

static void change_leaf(Tensor *t, Change change)
{
    Random random = random_seeded(1);
    const real numbers[] = {9, 9, 9, 9};
    Tensor *view = keep(tensor_index(t, 1, 0)),
           *table = keep(tensor_gather(t, 0, 1, (int64_t[]){1}));
    switch (change) {
    case SET: assert_status(tensor_set(t, 4, numbers), VALGRAD_OK); break;
    case FILL: assert_status(tensor_fill(t, 9), VALGRAD_OK); break;
    case FILL_UNIFORM: assert_status(tensor_fill_uniform(t, 0, 1, &random), VALGRAD_OK); break;
    case FILL_NORMAL: assert_status(tensor_fill_normal(t, 0, 1, &random), VALGRAD_OK); break;
    case SET_VIEW: assert_status(tensor_set(view, 2, numbers), VALGRAD_OK); break;
    case SET_TABLE: assert_status(tensor_fill(table, 9), VALGRAD_OK); break;
    default: assert_status(value_set_data(tensor_at(t, 3), 9), VALGRAD_OK); break;
    }
}

static void assert_changed(ValgradStatus status, const char *message)
{
    assert_status(status, VALGRAD_ERROR_MODIFIED);
    assert_message(VALGRAD_ERROR_MODIFIED, message);
}

static Tensor *make_leaf(void)
{
    const real numbers[] = {1, 2, 3, 4};
    Tensor *t = here.place == FROM_INNER_SCOPE ? tensor_param(numbers, TENSOR_SHAPE(2, 2))
                                               : tensor_leaf(numbers, TENSOR_SHAPE(2, 2));
    return here.place == FROM_INNER_SCOPE ? release_later(t) : keep(t);
}

/* In a scope, in the pool, and of a parameter used in a scope. _i: which change. */
START_TEST(a_changed_leaf_is_found)
{
    for (int place = 0; place < PLACES; place++) {
        for (int constant = 0; constant < 2; constant++) {
            now_testing_is("place %d, change %d", place, _i);
            place_begin((Place)place);
            Tensor *t = make_leaf(), *other = make_leaf();
            if (constant)
                assert_status(tensor_set_wants_grad(t, false), VALGRAD_OK);
            tensor_set_label(t, "w");
            Tensor *y = keep(tensor_sum_all(keep(tensor_mul(t, other))));
            Value *z = keep_value(value_square(tensor_at(y, 0)));
            change_leaf(t, (Change)_i);
            char message[256];
            (void)snprintf(
                message, sizeof message,
                "tensor_backward: the %s 'w' was given another number after mul had used it; build "
                "the graph anew after changing a leaf",
                constant ? "const" : "leaf");
            assert_changed(tensor_backward(y, NULL), message);
            assert_status(value_backward(z), VALGRAD_ERROR_MODIFIED);
            valgrad_clear_error();
            for (int i = 0; i < 4; i++) {
                assert_same(value_grad(tensor_at(t, i)), 0);
                assert_same(value_grad(tensor_at(other, i)), 0);
            }
            assert_status(tensor_backward(keep(tensor_mul(t, other)), NULL), VALGRAD_OK);
            assert_same(value_grad(tensor_at(other, 0)), value_data(tensor_at(t, 0)));
            place_end();
        }
    }
}
END_TEST

/* A scalar graph on elements, and a tensor of scalars. */
START_TEST(a_leaf_changed_in_the_other_grain)
{
    for (int place = 0; place < PLACES; place++) {
        now_testing_is("place %d", place);
        place_begin((Place)place);
        Tensor *t = make_leaf();
        Value *x = keep_value(value_leaf(2)), *y = keep_value(value_mul(tensor_at(t, 1), x));
        Tensor *table = keep(tensor_exp(keep(tensor_from_values(&x, TENSOR_SHAPE(1)))));
        tensor_fill(t, 5);
        assert_changed(value_backward(y),
                       "value_backward: the leaf was given another number after mul had "
                       "used it; build the graph anew after changing a leaf");
        assert_status(tensor_backward(table, NULL), VALGRAD_OK);
        value_set_data(x, 3);
        assert_changed(tensor_backward(table, NULL),
                       "tensor_backward: the leaf was given another number after "
                       "exp had used it; build the graph anew after changing a "
                       "leaf");
        place_end();
    }
}
END_TEST

/* In a scope that was closed before the rest of the graph was built. */
START_TEST(a_leaf_changed_before_its_result_was_carried_out)
{
    VALGRAD_SCOPE {
        Tensor *carried = NULL;
        VALGRAD_SCOPE {
            Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2));
            carried = tensor_retain(tensor_square(t));
            tensor_fill(t, 7);
        }
        Tensor *loss = tensor_sum_all(carried);
        assert_status(tensor_backward(loss, NULL), VALGRAD_ERROR_MODIFIED);
        assert_error(VALGRAD_ERROR_MODIFIED, "after square had used it");
        tensor_release(carried);
    }
}
END_TEST

/* A table of several roots, of which one is stale: no gradient is touched. */
START_TEST(one_stale_root_among_several)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)),
               *u = tensor_leaf((real[]){3, 4}, TENSOR_SHAPE(2));
        Tensor *const both[] = {tensor_square(t), tensor_square(u)};
        Tensor *root = tensor_concat(2, both, 0);
        tensor_fill(t, 7);
        assert_status(tensor_backward(root, NULL), VALGRAD_ERROR_MODIFIED);
        valgrad_clear_error();
        assert_same(value_grad(tensor_at(u, 0)), 0);
        assert_status(tensor_backward(both[1], NULL), VALGRAD_OK);
        assert_same(value_grad(tensor_at(u, 1)), 8);
    }
}
END_TEST

/* A batch that is given other numbers before each step, inside one outer scope and outside of any.
 */
START_TEST(a_batch_reused_across_steps)
{
    for (int place = 0; place < 2; place++) {
        place_begin((Place)place);
        Tensor *batch = keep(tensor_const(NULL, TENSOR_SHAPE(2, 2))), *w = make_leaf();
        for (int step = 1; step <= 5; step++) {
            tensor_fill(batch, (real)step);
            VALGRAD_SCOPE {
                Tensor *loss = tensor_sum_all(tensor_matmul(batch, w));
                tensor_zero_grad(w);
                assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
                for (int i = 0; i < 4; i++)
                    assert_same(value_grad(tensor_at(w, i)), 2 * step);
            }
            tensor_fill(w, (real)step); /* an optimizer's step */
        }
        place_end();
    }
}
END_TEST

/* The same without a scope for each step: each graph is younger than the change before it. */
START_TEST(a_batch_reused_in_one_scope)
{
    VALGRAD_SCOPE {
        Tensor *batch = tensor_const(NULL, TENSOR_SHAPE(2, 2));
        Tensor *w = tensor_leaf((real[]){1, 2, 3, 4}, TENSOR_SHAPE(2, 2)), *former = NULL;
        for (int step = 1; step <= 40; step++) {
            tensor_fill(batch, (real)step);
            Tensor *loss = tensor_sum_all(tensor_matmul(batch, w));
            tensor_zero_grad(w);
            assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
            assert_same(value_grad(tensor_at(w, 3)), 2 * step);
            if (former) {
                assert_status(tensor_backward(former, NULL), VALGRAD_ERROR_MODIFIED);
                valgrad_clear_error();
            }
            former = loss;
        }
    }
}
END_TEST

/* ---- without recording -------------------------------------------------------------------------- */

/* Results are constants that hold no operand, may be given other numbers, and equal the recorded
 * ones. */
START_TEST(results_without_recording)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Tensor *x[MOST_OPERANDS] = {0}, *result = NULL;
    real recorded[MOST], numbers[MOST];
    make_operands(operation, x);
    Tensor *with = operation->build(x);
    const int64_t n = tensor_size(with);
    assert_status(tensor_get(with, n, recorded), VALGRAD_OK);
    tensor_release(with);
    const int64_t nodes = valgrad_live_nodes();
    VALGRAD_NO_GRAD
        result = operation->build(x);
    ck_assert_int_eq(valgrad_live_nodes(), nodes + !operation->no_node);
    ck_assert_int_eq(tensor_wants_grad(result), operation->no_node);
    for (int i = 0; i < operation->operand_count; i++)
        tensor_release(x[i]);
    if (!operation->no_node)
        ck_assert_int_eq(valgrad_live_nodes(), 1);
    assert_status(tensor_get(result, n, numbers), VALGRAD_OK);
    for (int64_t i = 0; i < n; i++)
        assert_same(numbers[i], recorded[i]);
    ck_assert_uint_eq(value_operand_count(tensor_at(result, 0)), 0);
    assert_status(tensor_fill(result, 3), VALGRAD_OK);
    assert_same(value_data(tensor_at(result, n - 1)), 3);
    tensor_release(result);
}
END_TEST

/* And can become leaves of a graph. */
START_TEST(results_without_recording_as_leaves)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *y = NULL;
        VALGRAD_NO_GRAD
            y = tensor_square(t);
        assert_refused(tensor_backward(y, NULL), VALGRAD_ERROR_STATE,
                       "tensor_backward: the root depends on no leaf that wants a gradient");
        assert_status(tensor_set_wants_grad(y, true), VALGRAD_OK);
        assert_status(tensor_backward(tensor_mul(y, t), NULL), VALGRAD_OK);
        assert_same(value_grad(tensor_at(y, 1)), 2);
        assert_same(value_grad(tensor_at(t, 1)), 4);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_errors");
    TCase *tests = new_case(suite, "NULL", 4);
    tcase_add_loop_test(tests, a_null_operand_gives_null, 0, COUNT(tensor_operations));
    tcase_add_loop_test(tests, a_null_operand_keeps_the_first_error, 0, COUNT(tensor_operations));
    tcase_add_test(tests, null_operands_by_name);
    tests = new_case(suite, "shapes", 4);
    tcase_add_test(tests, shapes_that_cannot_be_broadcast);
    tcase_add_test(tests, products_that_do_not_fit);
    tests = new_case(suite, "axes", 4);
    tcase_add_loop_test(tests, reductions_along_bad_axes, 0, COUNT(reductions));
    tcase_add_test(tests, reductions_of_nothing);
    tcase_add_test(tests, norms_that_there_are_not);
    tcase_add_test(tests, a_whole_tensor_is_no_value);
    tcase_add_test(tests, argmax_errors);
    tcase_add_loop_test(tests, softmax_along_bad_axes, 0, COUNT(row_functions));
    tests = new_case(suite, "losses", 4);
    tcase_add_test(tests, labels_that_do_not_fit);
    tcase_add_test(tests, logits_that_do_not_fit);
    tcase_add_test(tests, targets_that_do_not_fit);
    tests = new_case(suite, "changed leaves", 4);
    tcase_add_loop_test(tests, a_changed_leaf_is_found, 0, CHANGES);
    tcase_add_test(tests, a_leaf_changed_in_the_other_grain);
    tcase_add_test(tests, a_leaf_changed_before_its_result_was_carried_out);
    tcase_add_test(tests, one_stale_root_among_several);
    tcase_add_test(tests, a_batch_reused_across_steps);
    tcase_add_test(tests, a_batch_reused_in_one_scope);
    tests = new_case(suite, "without recording", 4);
    tcase_add_loop_test(tests, results_without_recording, 0, COUNT(tensor_operations));
    tcase_add_test(tests, results_without_recording_as_leaves);
    return run_suite(suite);
}
