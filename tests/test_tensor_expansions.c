/* test_tensor_expansions.c - tensor operations that have shapes and rules of their own mean what their
 * expansions into scalar operations mean, for operands of every form and place. */
#include "tensor_testing.h"

enum { MOST_OPERANDS = 3 };

/* A call of an operation on operands x, and its elements made of scalar operations; these give their
 * number. */
typedef struct Case {
    const char *name;
    Tensor *(*tensor)(Tensor *const *x);
    int64_t (*expand)(Tensor *const *x, Value **out);
    int count;
    Sides shapes[MOST_OPERANDS];
    Range ranges[MOST_OPERANDS];
} Case;

#define SHAPE(rank, ...)                                                                           \
    {                                                                                              \
        rank,                                                                                      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define COARSELY                                                                                   \
    {                                                                                              \
        -2, 2, true                                                                                \
    }
#define WIDELY                                                                                     \
    {                                                                                              \
        -3, 3, false                                                                               \
    }

#define CALL(name, call)                                                                           \
    static Tensor *tensor_of_##name(Tensor *const *x)                                              \
    {                                                                                              \
        return call;                                                                               \
    }
#define CASE(name, count, ...)                                                                     \
    {                                                                                              \
#name, tensor_of_##name, expand_##name, count, {__VA_ARGS__ },                             \
        {                                                                                          \
            WIDELY, WIDELY, WIDELY                                                                 \
        }                                                                                          \
    }

/* ---- scalar parts ------------------------------------------------------------------------------ */

static Value *constant(double number)
{
    return keep_value(value_const((real)number));
}

static Value *scaled(Value *x, double factor)
{
    return keep_value(value_mul(x, constant(factor)));
}

/* ---- dropout ----------------------------------------------------------------------------------- */

static const real RATE = (real)0.4;

static Tensor *tensor_of_dropout(Tensor *const *x)
{
    Random random = random_seeded(5);
    return tensor_dropout(x[0], RATE, true, &random);
}

static int64_t expand_dropout(Tensor *const *x, Value **out)
{
    Random random = random_seeded(5);
    const int64_t n = tensor_size(x[0]);
    for (int64_t i = 0; i < n; i++) {
        const bool kept = random_uniform(&random, 0, 1) >= RATE;
        out[i] = kept ? scaled(tensor_at(x[0], i), 1 / (1 - (double)RATE)) : constant(0);
    }
    return n;
}

/* ---- running sums ------------------------------------------------------------------------------ */

CALL(cumsum, tensor_cumsum(x[0], -2))

/* Of (2, 3, 4), along the axis of 3. */
static int64_t expand_cumsum(Tensor *const *x, Value **out)
{
    for (int64_t flat = 0; flat < 24; flat++) {
        Value *up_to[3];
        const int64_t last = flat / 4 % 3;
        for (int64_t i = 0; i <= last; i++)
            up_to[i] = tensor_at(x[0], flat - 4 * (last - i));
        out[flat] = sum_of((size_t)last + 1, up_to);
    }
    return 24;
}

/* ---- padding, embedding ------------------------------------------------------------------------ */

CALL(pad, tensor_pad(x[0], 1, 1, 2, 3))

/* (2, 3, 2) to (2, 6, 2). */
static int64_t expand_pad(Tensor *const *x, Value **out)
{
    for (int64_t i = 0; i < 24; i++) {
        const int64_t row = i / 2 % 6 - 1;
        const bool inside = row >= 0 && row < 3;
        out[i] = inside ? tensor_at(x[0], (i / 12 * 3 + row) * 2 + i % 2) : constant(3);
    }
    return 24;
}

CALL(embedding, tensor_embedding(x[0], TENSOR_SHAPE(4), (int64_t[]){2, 0, 2, 1}))

static int64_t expand_embedding(Tensor *const *x, Value **out)
{
    static const int64_t rows[] = {2, 0, 2, 1};
    for (int64_t i = 0; i < 8; i++)
        out[i] = tensor_at(x[0], 2 * rows[i / 2] + i % 2);
    return 8;
}

/* ---- products ---------------------------------------------------------------------------------- */

CALL(dot, tensor_dot(x[0], x[1]))
CALL(outer, tensor_outer(x[0], x[1]))
CALL(matmul, tensor_matmul(x[0], x[1]))

static int64_t expand_dot(Tensor *const *x, Value **out)
{
    return expand_product(x[0], x[1], NULL, out);
}

static int64_t expand_outer(Tensor *const *x, Value **out)
{
    const int64_t n = tensor_size(x[1]);
    for (int64_t i = 0; i < tensor_size(x[0]) * n; i++)
        out[i] = keep_value(value_mul(tensor_at(x[0], i / n), tensor_at(x[1], i % n)));
    return tensor_size(x[0]) * n;
}

/* The matrices of t that go into matrix i of a result of `axes` leading sides. */
static Tensor *matrix_in(Tensor *t, int axes, const int64_t *index)
{
    const int own = tensor_rank(t) - 2;
    for (int axis = 0; axis < own; axis++) {
        const int64_t at = index[axes - own + axis];
        t = keep(tensor_index(t, 0, tensor_side(t, 0) == 1 ? 0 : at));
    }
    return t;
}

static int64_t expand_matmul(Tensor *const *x, Value **out)
{
    Sides a = sides_of(tensor_rank(x[0]), tensor_shape(x[0]));
    Sides b = sides_of(tensor_rank(x[1]), tensor_shape(x[1])), whole;
    a.rank = a.rank > 2 ? a.rank - 2 : 0;
    b.rank = b.rank > 2 ? b.rank - 2 : 0;
    ck_assert(broadcast_shape(a, b, &whole));
    int64_t n = 0;
    for (int64_t i = 0; i < size_of(whole); i++) {
        int64_t index[TENSOR_MAX_RANK];
        unravel(whole, i, index);
        n += expand_product(matrix_in(x[0], whole.rank, index), matrix_in(x[1], whole.rank, index),
                            NULL, out + n);
    }
    return n;
}

/* ---- layer norm -------------------------------------------------------------------------------- */

static const double EPSILON = 0.1;

CALL(layer_norm, tensor_layer_norm(x[0], x[1], x[2], (real)EPSILON))
CALL(layer_norm_alone, tensor_layer_norm(x[0], NULL, NULL, (real)EPSILON))

/* (x - mean) / sqrt(mean (x - mean)^2 + epsilon) of rows of 4, in out. */
static int64_t expand_layer_norm_alone(Tensor *const *x, Value **out)
{
    for (int64_t at = 0; at < tensor_size(x[0]); at += 4) {
        Value *row[4], *squares[4];
        for (int64_t i = 0; i < 4; i++)
            row[i] = tensor_at(x[0], at + i);
        Value *mean = mean_of(4, row);
        for (int64_t i = 0; i < 4; i++) {
            row[i] = keep_value(value_sub(row[i], mean));
            squares[i] = keep_value(value_square(row[i]));
        }
        Value *deviation =
            keep_value(value_sqrt(keep_value(value_add(mean_of(4, squares), constant(EPSILON)))));
        for (int64_t i = 0; i < 4; i++)
            out[at + i] = keep_value(value_div(row[i], deviation));
    }
    return tensor_size(x[0]);
}

static int64_t expand_layer_norm(Tensor *const *x, Value **out)
{
    const int64_t n = expand_layer_norm_alone(x, out);
    for (int64_t i = 0; i < n; i++)
        out[i] = keep_value(value_add(keep_value(value_mul(out[i], tensor_at(x[1], i % 4))),
                                      tensor_at(x[2], i % 4)));
    return n;
}

/* ---- losses ------------------------------------------------------------------------------------ */

static const int64_t LABELS[] = {2, 0, 2};

/* -log softmax of class c of row r, from numbers that the exponential bears. */
static Value *surprise(const Tensor *logits, int64_t r, int64_t c)
{
    const int64_t classes = tensor_side(logits, -1);
    Value *terms[MOST];
    for (int64_t i = 0; i < classes; i++)
        terms[i] = keep_value(value_exp(tensor_at(logits, r * classes + i)));
    return keep_value(value_sub(keep_value(value_log(sum_of((size_t)classes, terms))),
                                tensor_at(logits, r * classes + c)));
}

static const double SMOOTHING = 0.1;

CALL(cross_entropy_smoothed, tensor_cross_entropy_smoothed(x[0], (real)SMOOTHING, 3, LABELS))

static int64_t expand_cross_entropy_smoothed(Tensor *const *x, Value **out)
{
    Value *losses[3];
    for (int r = 0; r < 3; r++) {
        Value *terms[4];
        for (int c = 0; c < 4; c++)
            terms[c] =
                scaled(surprise(x[0], r, c), SMOOTHING / 4 + (c == LABELS[r]) * (1 - SMOOTHING));
        losses[r] = sum_of(4, terms);
    }
    out[0] = mean_of(3, losses);
    return 1;
}

CALL(nll, tensor_nll(x[0], 3, LABELS))

static int64_t expand_nll(Tensor *const *x, Value **out)
{
    Value *picked[3];
    for (int r = 0; r < 3; r++)
        picked[r] = tensor_at(x[0], 4 * r + LABELS[r]);
    out[0] = keep_value(value_neg(mean_of(3, picked)));
    return 1;
}

/* The mean of f over pairs of (2, 3) and (3). */
static int64_t mean_of_pairs(Tensor *const *x, Value *(*f)(Value *, Value *), Value **out)
{
    Value *losses[6];
    for (int i = 0; i < 6; i++)
        losses[i] = f(tensor_at(x[0], i), tensor_at(x[1], i % 3));
    out[0] = mean_of(6, losses);
    return 1;
}

static const double DELTA = 1.5;

static Value *minus(Value *x, Value *y)
{
    return keep_value(value_sub(x, y));
}

static Value *times(Value *x, Value *y)
{
    return keep_value(value_mul(x, y));
}

static Value *mse_of(Value *x, Value *y)
{
    return keep_value(value_square(minus(x, y)));
}

static Value *mae_of(Value *x, Value *y)
{
    return keep_value(value_abs(minus(x, y)));
}

static Value *huber_of(Value *x, Value *y)
{
    Value *size = mae_of(x, y);
    if ((double)value_data(size) <= DELTA)
        return scaled(mse_of(x, y), 0.5);
    return scaled(minus(size, constant(DELTA / 2)), DELTA);
}

static Value *binary_cross_entropy_of(Value *x, Value *y)
{
    Value *rest = minus(constant(1), x);
    return keep_value(value_neg(
        keep_value(value_add(times(y, keep_value(value_log(x))),
                             times(minus(constant(1), y), keep_value(value_log(rest)))))));
}

static Value *binary_cross_entropy_logits_of(Value *x, Value *y)
{
    return binary_cross_entropy_of(keep_value(value_sigmoid(x)), y);
}

static Value *hinge_of(Value *x, Value *y)
{
    return keep_value(value_relu(minus(constant(1), times(x, y))));
}

/* Sums of rows, averaged: three times the mean of all. */
static Value *kl_divergence_of(Value *x, Value *y)
{
    return scaled(times(y, minus(keep_value(value_log(y)), x)), 3);
}

#define PAIRS(name, call)                                                                          \
    CALL(name, call)                                                                               \
    static int64_t expand_##name(Tensor *const *x, Value **out)                                    \
    {                                                                                              \
        return mean_of_pairs(x, name##_of, out);                                                   \
    }
PAIRS(mse, tensor_mse(x[0], x[1]))
PAIRS(mae, tensor_mae(x[0], x[1]))
PAIRS(huber, tensor_huber(x[0], x[1], (real)DELTA))
PAIRS(binary_cross_entropy, tensor_binary_cross_entropy(x[0], x[1]))
PAIRS(binary_cross_entropy_logits, tensor_binary_cross_entropy_logits(x[0], x[1]))
PAIRS(hinge, tensor_hinge(x[0], x[1]))
PAIRS(kl_divergence, tensor_kl_divergence(x[0], x[1]))
#undef PAIRS

/* ---- every case in every form and place -------------------------------------------------------- */

static const Case cases[] = {
    CASE(dropout, 1, SHAPE(3, 2, 3, 4)),
    CASE(pad, 1, SHAPE(3, 2, 3, 2)),
    CASE(embedding, 1, SHAPE(2, 3, 2)),
    CASE(dot, 2, SHAPE(1, 5), SHAPE(1, 5)),
    CASE(outer, 2, SHAPE(1, 5), SHAPE(1, 3)),
    CASE(matmul, 2, SHAPE(3, 4, 2, 3), SHAPE(3, 4, 3, 5)),
    CASE(matmul, 2, SHAPE(3, 4, 2, 3), SHAPE(2, 3, 5)),
    CASE(matmul, 2, SHAPE(2, 2, 3), SHAPE(3, 4, 3, 5)),
    CASE(matmul, 2, SHAPE(4, 2, 1, 2, 3), SHAPE(4, 1, 3, 3, 2)),
    CASE(matmul, 2, SHAPE(4, 2, 1, 2, 3), SHAPE(3, 3, 3, 2)),
    CASE(matmul, 2, SHAPE(1, 3), SHAPE(3, 4, 3, 5)),
    CASE(matmul, 2, SHAPE(3, 4, 2, 3), SHAPE(1, 3)),
    CASE(cumsum, 1, SHAPE(3, 2, 3, 4)),
    CASE(layer_norm, 3, SHAPE(3, 2, 3, 4), SHAPE(1, 4), SHAPE(1, 4)),
    CASE(layer_norm_alone, 1, SHAPE(2, 3, 4)),
    CASE(cross_entropy_smoothed, 1, SHAPE(2, 3, 4)),
    CASE(nll, 1, SHAPE(2, 3, 4)),
#define PAIRS(name, ...)                                                                           \
    {                                                                                              \
#name, tensor_of_##name, expand_##name, 2, {SHAPE(2, 2, 3), SHAPE(1, 3) },                 \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
    PAIRS(mse, WIDELY, WIDELY),
    PAIRS(mae, WIDELY, WIDELY),
    PAIRS(mae, COARSELY, COARSELY),
    PAIRS(huber, WIDELY, WIDELY),
    PAIRS(huber, COARSELY, COARSELY),
    PAIRS(binary_cross_entropy, {0.1, 0.9, false}, {0, 1, false}),
    PAIRS(binary_cross_entropy, {0.1, 0.9, false}, {0, 1, true}),
    PAIRS(binary_cross_entropy_logits, WIDELY, {0, 1, false}),
    PAIRS(binary_cross_entropy_logits, WIDELY, {0, 1, true}),
    PAIRS(hinge, WIDELY, WIDELY),
    PAIRS(hinge, COARSELY, COARSELY),
    PAIRS(kl_divergence, WIDELY, {0.1, 2, false}),
#undef PAIRS
};

static void check_case(const Case *c, Place place, const Form forms[MOST_OPERANDS], Random *random)
{
    now_testing_is("%s, forms %d, %d, %d, place %d", c->name, forms[0], forms[1], forms[2], place);
    place_begin(place);
    Operand operands[MOST_OPERANDS];
    Tensor *x[MOST_OPERANDS];
    for (int i = 0; i < c->count; i++) {
        operands[i] = make_operand(forms[i], random, c->ranges[i], c->shapes[i]);
        x[i] = operands[i].tensor;
    }
    Value *expanded[MOST];
    Tensor *t = keep(c->tensor(x));
    const int64_t n = c->expand(x, expanded);
    compare(t, n, expanded, operands, c->count, random);
    place_end();
}

START_TEST(in_every_form_and_place)
{
    const Case *c = &cases[_i];
    Random random = random_seeded((uint64_t)_i);
    const int turns = FORMS * PLACES * (c->count > 1 ? FORMS : 1);
    for (int turn = 0; turn < turns; turn++) {
        const int f = turn / PLACES % FORMS, g = turn / PLACES / FORMS;
        const Form forms[] = {(Form)f, (Form)g, (Form)((f + 2 * g) % FORMS)};
        check_case(c, (Place)(turn % PLACES), forms, &random);
    }
}
END_TEST

/* ---- products: what their expansions do not say --------------------------------------------------- */

/* Shapes of nothing, before the matrices and in them: what has elements gets a gradient of 0. */
START_TEST(products_of_nothing)
{
    static const struct {
        Sides a, b, result;
    } shapes[] = {
        {SHAPE(3, 0, 2, 3), SHAPE(3, 1, 3, 4), SHAPE(3, 0, 2, 4)},
        {SHAPE(3, 1, 2, 3), SHAPE(3, 0, 3, 4), SHAPE(3, 0, 2, 4)},
        {SHAPE(2, 2, 3), SHAPE(3, 0, 3, 4), SHAPE(3, 0, 2, 4)},
        {SHAPE(3, 0, 2, 3), SHAPE(2, 3, 4), SHAPE(3, 0, 2, 4)},
        {SHAPE(3, 5, 2, 0), SHAPE(3, 5, 0, 4), SHAPE(3, 5, 2, 4)},
        {SHAPE(3, 5, 0, 3), SHAPE(2, 3, 4), SHAPE(3, 5, 0, 4)},
        {SHAPE(1, 0), SHAPE(1, 4), SHAPE(2, 0, 4)},
    };
    for (size_t i = 0; i < COUNT(shapes); i++) {
        now_testing_is("product of nothing %d", (int)i);
        VALGRAD_SCOPE {
            Random random = random_seeded(1);
            Tensor *x[2] = {tensor_leaf(NULL, AS_SHAPE(shapes[i].a)),
                            tensor_leaf(NULL, AS_SHAPE(shapes[i].b))};
            for (int k = 0; k < 2; k++)
                assert_status(tensor_fill_normal(x[k], 0, 1, &random), VALGRAD_OK);
            Tensor *t =
                shapes[i].a.rank == 1 ? tensor_outer(x[0], x[1]) : tensor_matmul(x[0], x[1]);
            assert_shape(t, shapes[i].result);
            for (int64_t at = 0; at < tensor_size(t); at++)
                assert_same(value_data(tensor_at(t, at)), 0);
            assert_status(tensor_backward(t, NULL), VALGRAD_OK);
            for (int k = 0; k < 2; k++) {
                for (int64_t at = 0; at < tensor_size(x[k]); at++)
                    assert_close("gradient", at, value_grad(tensor_at(x[k], at)), 0);
            }
        }
    }
}
END_TEST

/* Elements whose gradient is 0 pass nothing to an operand beside an infinite one, as in the expansion;
 * unless IEEE arithmetic is asked for. Bit 0 of _i: in a batch; 1: a is a transposed view; 2: b is. */
START_TEST(zero_gradients_beside_infinite_factors)
{
    const real inf = (real)INFINITY;
    for (int strict = 0; strict < 2; strict++) {
        valgrad_set_strict_ieee(strict);
        VALGRAD_SCOPE {
            Tensor *leaves[] = {tensor_leaf((real[]){2, 5, 3, 7}, TENSOR_SHAPE(2, 2)),
                                tensor_leaf((real[]){1, inf, 1, 1}, TENSOR_SHAPE(2, 2))};
            Tensor *x[] = {_i & 2 ? tensor_transpose(leaves[0]) : leaves[0],
                           _i & 4 ? tensor_transpose(leaves[1]) : leaves[1]};
            const int own =
                _i & 4 ? 1 : 0; /* the column of b without an infinity, and the row of g */
            Tensor *a = _i & 1 ? tensor_reshape(x[0], TENSOR_SHAPE(1, 2, 2)) : x[0];
            Tensor *b = _i & 1 ? tensor_reshape(x[1], TENSOR_SHAPE(1, 2, 2)) : x[1];
            Tensor *product = tensor_matmul(a, b);
            assert_status(value_backward(tensor_at(product, own == 1 ? 1 : 0)), VALGRAD_OK);
            real gradient[4], expected[4];
            assert_status(tensor_get_grad(x[0], 4, gradient), VALGRAD_OK);
            for (int k = 0; k < 2; k++)
                tensor_zero_grad(leaves[k]);
            Value *row[] = {tensor_at(x[0], 0), tensor_at(x[0], 1)};
            Value *column[] = {tensor_at(x[1], own), tensor_at(x[1], 2 + own)};
            assert_status(value_backward(value_dot(2, row, column)), VALGRAD_OK);
            assert_status(tensor_get_grad(x[0], 4, expected), VALGRAD_OK);
            for (int i = 0; i < 4; i++) {
                if (!strict)
                    assert_same(gradient[i], expected[i]);
            }
            ck_assert_int_eq(isnan(gradient[0]) || isnan(gradient[1]), strict);
        }
    }
    valgrad_set_strict_ieee(false);
}
END_TEST

/* ---- dropout: what its expansion does not say ---------------------------------------------------- */

START_TEST(dropout_keeps_the_mean)
{
    enum { N = 4096 };
    static const real rates[] = {0, (real)0.1, (real)0.5, (real)0.9, 1};
    Random random = random_seeded(1);
    for (size_t i = 0; i < COUNT(rates); i++) {
        VALGRAD_SCOPE {
            Tensor *x = tensor_full(1, TENSOR_SHAPE(N)),
                   *y = tensor_dropout(x, rates[i], true, &random);
            int64_t dropped = 0;
            for (int64_t j = 0; j < N; j++)
                dropped += value_data(tensor_at(y, j)) == 0;
            /* five deviations of the binomial */
            const double rate = (double)rates[i], spread = 5 * sqrt(N * rate * (1 - rate));
            ck_assert(fabs((double)dropped - N * rate) <= spread);
            if (rate < 1)
                assert_near(tensor_item(tensor_mean_all(y)), 1, spread / N / (1 - rate) + 1e-6);
        }
    }
}
END_TEST

/* Not even an infinity passes where an element was dropped, in either direction. */
START_TEST(dropped_elements_count_for_nothing)
{
    VALGRAD_SCOPE {
        const real inf = (real)INFINITY;
        Random random = random_seeded(1);
        Tensor *x = tensor_leaf((real[]){inf, -inf, (real)NAN}, TENSOR_SHAPE(3));
        Tensor *y = tensor_dropout(x, 1, true, &random);
        const Tensor *seed = tensor_const((real[]){inf, (real)NAN, 1}, TENSOR_SHAPE(3));
        assert_status(tensor_backward(y, seed), VALGRAD_OK);
        for (int i = 0; i < 3; i++) {
            assert_same(value_data(tensor_at(y, i)), 0);
            assert_same(value_grad(tensor_at(x, i)), 0);
        }
    }
}
END_TEST

START_TEST(dropout_is_for_training)
{
    VALGRAD_SCOPE {
        Random random = random_seeded(1);
        const Random before = random;
        Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2));
        ck_assert_ptr_eq(tensor_at(tensor_dropout(x, RATE, false, NULL), 1), tensor_at(x, 1));
        ck_assert_ptr_eq(tensor_at(tensor_dropout(x, 0, true, &random), 1), tensor_at(x, 1));
        ck_assert_mem_eq(&random, &before, sizeof random);
        assert_fails(tensor_dropout(NULL, 0, true, &random), VALGRAD_ERROR_NULL,
                     "tensor_dropout: t is NULL");
        assert_fails(tensor_dropout(x, 0, true, NULL), VALGRAD_ERROR_NULL,
                     "tensor_dropout: random is NULL");
        assert_fails(tensor_dropout(x, (real)-0.5, true, &random), VALGRAD_ERROR_ARGUMENT,
                     "tensor_dropout: probability -0.5; expected 0 to 1");
        assert_fails(tensor_dropout(x, (real)NAN, false, NULL), VALGRAD_ERROR_ARGUMENT,
                     "tensor_dropout: probability nan; expected 0 to 1");
    }
}
END_TEST

/* ---- layer norm: what its expansion does not say -------------------------------------------------- */

/* Numbers whose squares overflow or vanish; a row whose numbers are equal. */
START_TEST(layer_norm_of_extreme_rows)
{
    const real high = (real)sqrt(1.5), slope = (real)sqrt(1 / 1e-5);
#ifdef VALGRAD_FLOAT
    const real large = 1e30f, small = 1e-30f;
#else
    const real large = 1e200, small = 1e-200;
#endif
    VALGRAD_SCOPE {
        const real rows[] = {-large, 0, large, -small, 0, small};
        Tensor *x = tensor_leaf(rows, TENSOR_SHAPE(2, 3));
        Tensor *y = tensor_layer_norm(x, NULL, NULL, 0);
        for (int i = 0; i < 6; i++)
            assert_near(value_data(tensor_at(y, i)), (real)(i % 3 - 1) * high, 8 * REAL_EPSILON);
        assert_status(value_backward(tensor_at(y, 4)), VALGRAD_OK);
        assert_near(value_grad(tensor_at(x, 4)) * small, high * 2 / 3, 8 * REAL_EPSILON);
        assert_same(value_grad(tensor_at(x, 1)), 0);

        Tensor *same_numbers = tensor_leaf((real[]){5, 5}, TENSOR_SHAPE(2));
        Tensor *zero = tensor_layer_norm(same_numbers, NULL, NULL, (real)1e-5);
        assert_status(value_backward(tensor_at(zero, 0)), VALGRAD_OK);
        assert_same(value_data(tensor_at(zero, 0)), 0);
        assert_near(value_grad(tensor_at(same_numbers, 0)), slope / 2, 1e-6);
        assert_near(value_grad(tensor_at(same_numbers, 1)), -slope / 2, 1e-6);
    }
}
END_TEST

/* A gradient of 0 does not meet an infinite gain, unless IEEE is asked for. */
START_TEST(layer_norm_with_an_infinite_gain)
{
    for (int strict = 0; strict < 2; strict++) {
        valgrad_set_strict_ieee(strict);
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){1, 2, 3, 4}, TENSOR_SHAPE(2, 2));
            Tensor *gain = tensor_leaf((real[]){1, (real)INFINITY}, TENSOR_SHAPE(2));
            Tensor *y = tensor_layer_norm(x, gain, NULL, 1);
            assert_status(value_backward(tensor_at(y, 0)), VALGRAD_OK);
            for (int i = 0; i < 4; i++)
                ck_assert_int_eq(isfinite(value_grad(tensor_at(x, i))) != 0, !strict);
            ck_assert(isfinite(value_grad(tensor_at(gain, 0))));
        }
    }
    valgrad_set_strict_ieee(false);
}
END_TEST

START_TEST(layer_norm_of_what_it_cannot_take)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(2, 3)), *three = tensor_zeros(TENSOR_SHAPE(3));
        Tensor *two = tensor_zeros(TENSOR_SHAPE(2)), *none = tensor_zeros(TENSOR_SHAPE(2, 0));
        Tensor *scalar = tensor_zeros(TENSOR_SCALAR);
        assert_fails(tensor_layer_norm(NULL, three, three, 0), VALGRAD_ERROR_NULL,
                     "tensor_layer_norm: x is NULL");
        assert_fails(tensor_layer_norm(x, two, three, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_layer_norm: a gain of shape (2) for rows of (2, 3)");
        assert_fails(tensor_layer_norm(x, NULL, x, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_layer_norm: a bias of shape (2, 3) for rows of (2, 3)");
        assert_fails(tensor_layer_norm(none, NULL, NULL, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_layer_norm: a tensor of shape (2, 0) has no rows of numbers");
        assert_fails(tensor_layer_norm(scalar, NULL, NULL, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_layer_norm: a tensor of shape () has no rows of numbers");
        assert_fails(tensor_layer_norm(x, three, three, -1), VALGRAD_ERROR_ARGUMENT,
                     "tensor_layer_norm: epsilon -1; expected 0 or more");
        assert_fails(tensor_cumsum(NULL, 0), VALGRAD_ERROR_NULL, "tensor_cumsum: t is NULL");
        assert_fails(tensor_cumsum(x, 2), VALGRAD_ERROR_AXIS,
                     "tensor_cumsum: axis 2 of a tensor of shape (2, 3); expected -2 to 1");
        ck_assert_int_eq(tensor_size(tensor_cumsum(none, 0)), 0);
        ck_assert_int_eq(tensor_size(tensor_cumsum(none, 1)), 0);
    }
}
END_TEST

/* ---- losses: what their expansions do not say ----------------------------------------------------- */

START_TEST(smoothing_at_its_ends)
{
    VALGRAD_SCOPE {
        const real inf = (real)INFINITY, numbers[] = {1000, -1000, -inf};
        Tensor *x = tensor_leaf(numbers, TENSOR_SHAPE(3)),
               *even = tensor_leaf(numbers, TENSOR_SHAPE(2));
        Tensor *none = tensor_cross_entropy_smoothed(x, 0, 1, (int64_t[]){0});
        assert_status(tensor_backward(none, NULL), VALGRAD_OK);
        assert_same(tensor_item(none), 0);
        Tensor *all = tensor_cross_entropy_smoothed(even, 1, 1, (int64_t[]){0});
        assert_status(tensor_backward(all, NULL), VALGRAD_OK);
        assert_same(tensor_item(all), 1000);
        for (int i = 0; i < 3; i++)
            assert_same(value_grad(tensor_at(x, i)), 0);
        assert_same(value_grad(tensor_at(even, 0)), 0.5);
        assert_same(value_grad(tensor_at(even, 1)), -0.5);
        assert_same(tensor_item(tensor_cross_entropy_smoothed(x, (real)0.1, 1, (int64_t[]){0})),
                    inf);
        assert_fails(tensor_cross_entropy_smoothed(x, 2, 1, (int64_t[]){0}), VALGRAD_ERROR_ARGUMENT,
                     "tensor_cross_entropy_smoothed: smoothing 2; expected 0 to 1");
        assert_fails(tensor_cross_entropy_smoothed(x, (real)NAN, 1, (int64_t[]){0}),
                     VALGRAD_ERROR_ARGUMENT,
                     "tensor_cross_entropy_smoothed: smoothing nan; expected 0 to 1");
    }
}
END_TEST

/* Losses of one prediction against one target, with the derivatives of both. */
START_TEST(losses_at_their_ends)
{
    const real inf = (real)INFINITY, nan = (real)NAN, log2 = (real)0.6931471805599453;
    const real tiny = (real)exp(-40.0);
    const struct {
        const char *name;
        Tensor *(*loss)(Tensor *x, Tensor *y);
        real x, y, f, dx, dy;
    } points[] = {
        {"mae", tensor_mae, 2, 2, 0, 0, 0},
        {"mae", tensor_mae, -inf, 2, inf, -1, 1},
        {"mae", tensor_mae, nan, 2, nan, nan, nan},
        {"binary", tensor_binary_cross_entropy, 0.5, 1, log2, -2, 0},
        {"binary", tensor_binary_cross_entropy, 0, 0, 0, 1, 100},
        {"binary", tensor_binary_cross_entropy, 1, 1, 0, -1, -100},
        {"binary", tensor_binary_cross_entropy, 0, 1, 100, 0, 100},
        {"binary", tensor_binary_cross_entropy, 1, 0, 100, 0, -100},
        {"binary", tensor_binary_cross_entropy, nan, 1, nan, nan, nan},
        {"logits", tensor_binary_cross_entropy_logits, 0, 0, log2, 0.5, 0},
        {"logits", tensor_binary_cross_entropy_logits, 0, 1, log2, -0.5, 0},
        {"logits", tensor_binary_cross_entropy_logits, 1000, 1, 0, 0, -1000},
        {"logits", tensor_binary_cross_entropy_logits, 1000, 0, 1000, 1, -1000},
        {"logits", tensor_binary_cross_entropy_logits, -1000, 1, 1000, -1, 1000},
        {"logits", tensor_binary_cross_entropy_logits, -1000, 0, 0, 0, 1000},
        {"logits", tensor_binary_cross_entropy_logits, inf, 1, 0, 0, -inf},
        {"logits", tensor_binary_cross_entropy_logits, -inf, 0, 0, 0, inf},
        {"logits", tensor_binary_cross_entropy_logits, -inf, 1, inf, -1, inf},
        {"logits", tensor_binary_cross_entropy_logits, nan, 1, nan, nan, nan},
        {"hinge", tensor_hinge, 1, 1, 0, 0, 0},
        {"hinge", tensor_hinge, -inf, 1, inf, -1, inf},
        {"hinge", tensor_hinge, nan, 1, nan, nan, nan},
        {"divergence", tensor_kl_divergence, -inf, 0, 0, 0, 0},
        {"divergence", tensor_kl_divergence, -inf, 1, inf, -1, inf},
        {"divergence", tensor_kl_divergence, nan, 1, nan, -1, nan},
        {"divergence", tensor_kl_divergence, 0, 1, 0, -1, 1},
    };
    for (size_t i = 0; i < COUNT(points); i++) {
        now_testing_is("%s at point %d", points[i].name, (int)i);
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf(&points[i].x, TENSOR_SCALAR);
            Tensor *y = tensor_leaf(&points[i].y, TENSOR_SCALAR);
            Tensor *f = points[i].loss(x, y);
            assert_status(tensor_backward(f, NULL), VALGRAD_OK);
            assert_close("loss", 0, tensor_item(f), points[i].f);
            assert_close("derivative", 0, value_grad(tensor_at(x, 0)), points[i].dx);
            assert_close("derivative", 1, value_grad(tensor_at(y, 0)), points[i].dy);
        }
    }
    /* What is left where both terms nearly cancel keeps its digits. */
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf((real[]){40}, TENSOR_SCALAR), *y = tensor_full(1, TENSOR_SCALAR);
        Tensor *f = tensor_binary_cross_entropy_logits(x, y);
        assert_status(tensor_backward(f, NULL), VALGRAD_OK);
        assert_near(tensor_item(f) / tiny, 1, 4 * REAL_EPSILON);
        assert_near(value_grad(tensor_at(x, 0)) / tiny, -1, 4 * REAL_EPSILON);
    }
}
END_TEST

START_TEST(losses_of_what_they_cannot_take)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(2, 3)), *y = tensor_zeros(TENSOR_SHAPE(2));
        const int64_t labels[] = {0, 3};
        assert_fails(tensor_mae(NULL, y), VALGRAD_ERROR_NULL, "tensor_mae: x is NULL");
        assert_fails(tensor_hinge(x, y), VALGRAD_ERROR_SHAPE,
                     "tensor_hinge: shapes (2, 3) and (2): sides 3 and 2 cannot be broadcast");
        assert_fails(tensor_kl_divergence(tensor_zeros(TENSOR_SHAPE(0)), y), VALGRAD_ERROR_SHAPE,
                     "tensor_kl_divergence: shapes (0) and (2): sides 0 and 2 cannot be broadcast");
        assert_fails(tensor_mae(tensor_zeros(TENSOR_SHAPE(0)), tensor_zeros(TENSOR_SHAPE(0))),
                     VALGRAD_ERROR_SHAPE, "tensor_mae: nothing to take a mean of in shape (0)");
        assert_fails(tensor_huber(x, x, 0), VALGRAD_ERROR_ARGUMENT,
                     "tensor_huber: delta 0; expected above 0");
        assert_fails(tensor_huber(x, x, (real)NAN), VALGRAD_ERROR_ARGUMENT,
                     "tensor_huber: delta nan; expected above 0");
        assert_fails(tensor_nll(NULL, 2, labels), VALGRAD_ERROR_NULL,
                     "tensor_nll: log_probabilities is NULL");
        assert_fails(tensor_nll(x, 2, labels), VALGRAD_ERROR_INDEX,
                     "tensor_nll: label 3 at row 1; expected 0 to 2");
        assert_fails(tensor_nll(x, 1, labels), VALGRAD_ERROR_SHAPE,
                     "tensor_nll: 1 labels for 2 rows of logits");
        assert_fails(
            tensor_nll(tensor_zeros(TENSOR_SCALAR), 1, labels), VALGRAD_ERROR_SHAPE,
            "tensor_nll: logits of shape (); expected (batch, classes) or (classes), not empty");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_expansions");
    TCase *tests = new_case(suite, "expansions", 60);
    tcase_add_loop_test(tests, in_every_form_and_place, 0, COUNT(cases));
    tests = new_case(suite, "products", 10);
    tcase_add_test(tests, products_of_nothing);
    tcase_add_loop_test(tests, zero_gradients_beside_infinite_factors, 0, 8);
    tests = new_case(suite, "dropout", 10);
    tcase_add_test(tests, dropout_keeps_the_mean);
    tcase_add_test(tests, dropped_elements_count_for_nothing);
    tcase_add_test(tests, dropout_is_for_training);
    tests = new_case(suite, "layer norm", 10);
    tcase_add_test(tests, layer_norm_of_extreme_rows);
    tcase_add_test(tests, layer_norm_with_an_infinite_gain);
    tcase_add_test(tests, layer_norm_of_what_it_cannot_take);
    tests = new_case(suite, "losses", 10);
    tcase_add_test(tests, smoothing_at_its_ends);
    tcase_add_test(tests, losses_at_their_ends);
    tcase_add_test(tests, losses_of_what_they_cannot_take);
    return run_suite(suite);
}
