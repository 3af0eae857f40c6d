/* tensor_testing.h - what the tests of tensors share: the places where objects live, operands in
 * every form that a tensor can have, and the comparison of a tensor operation with its scalar
 * expansion. */
#ifndef VALGRAD_TESTS_TENSOR_TESTING_H
#define VALGRAD_TESTS_TENSOR_TESTING_H

#include <stdio.h>

#include <valgrad/random.h>
#include <valgrad/tensor.h>

#include "testing.h"

#ifdef VALGRAD_FLOAT
#define TOLERANCE 2e-5
#else
#define TOLERANCE 1e-12
#endif

/* The last error is this very message; it is then forgotten. */
#define assert_message(status, text)                                                               \
    do {                                                                                           \
        assert_status(valgrad_last_status(), status);                                              \
        ck_assert_str_eq(valgrad_last_error(), text);                                              \
        valgrad_clear_error();                                                                     \
    } while (0)

/* `expression` is NULL for this very reason. */
#define assert_fails(expression, status, text)                                                     \
    do {                                                                                           \
        ck_assert_ptr_null(expression);                                                            \
        assert_message(status, text);                                                              \
    } while (0)

#define assert_refused(expression, status, text)                                                   \
    do {                                                                                           \
        assert_status(expression, status);                                                         \
        assert_message(status, text);                                                              \
    } while (0)

/* What is being tested now, for messages of failed comparisons. */
static char now_testing[256];

#define now_testing_is(...) (void)snprintf(now_testing, sizeof now_testing, __VA_ARGS__)

/* ---- places: where what a test makes lives ------------------------------------------------------ */

/* In one scope; in the pool, where each handle is given back by hand; or in a scope whose operands
 * were carried out of an inner one. */
typedef enum Place { IN_SCOPE, IN_POOL, FROM_INNER_SCOPE, PLACES } Place;

enum { MOST_HANDLES = 40000 };

static struct {
    Place place;
    ValgradScope outer, inner;
    size_t tensor_count, value_count;
    Tensor *tensors[MOST_HANDLES];
    Value *values[MOST_HANDLES];
} here;

static inline void place_begin(Place place)
{
    here.place = place;
    here.tensor_count = here.value_count = 0;
    if (place != IN_POOL)
        here.outer = scope_open();
}

static inline Tensor *release_later(Tensor *t)
{
    ck_assert_uint_lt(here.tensor_count, MOST_HANDLES);
    here.tensors[here.tensor_count++] = t;
    return t;
}

/* A result that must be there, and that is released at the end of the place if nothing else does.
 */
static inline Tensor *keep(Tensor *t)
{
    ck_assert_msg(t != NULL, "%s: %s", now_testing, valgrad_last_error());
    return here.place == IN_POOL ? release_later(t) : t;
}

static inline Value *keep_value(Value *v)
{
    ck_assert_msg(v != NULL, "%s: %s", now_testing, valgrad_last_error());
    ck_assert_uint_lt(here.value_count, MOST_HANDLES);
    if (here.place == IN_POOL)
        here.values[here.value_count++] = v;
    return v;
}

static inline void place_end(void)
{
    while (here.tensor_count > 0)
        tensor_release(here.tensors[--here.tensor_count]);
    while (here.value_count > 0)
        value_release(here.values[--here.value_count]);
    if (here.place != IN_POOL)
        scope_close(&here.outer);
    ck_assert_msg(valgrad_live_nodes() == 0, "%s leaves %d nodes", now_testing,
                  (int)valgrad_live_nodes());
    ck_assert_msg(valgrad_last_status() == VALGRAD_OK, "%s: %s", now_testing, valgrad_last_error());
}

/* ---- shapes ------------------------------------------------------------------------------------ */

typedef struct Sides {
    int rank;
    int64_t side[TENSOR_MAX_RANK];
} Sides;

enum { MOST = 4096 }; /* elements of a tensor in these tests */

#define SIDES(...) sides_of(TENSOR_SHAPE(__VA_ARGS__))
#define AS_SHAPE(sides) (sides).rank, (sides).side

static inline Sides sides_of(int rank, const int64_t *side)
{
    Sides sides = {.rank = rank};
    for (int i = 0; i < rank; i++)
        sides.side[i] = side[i];
    return sides;
}

static inline int64_t size_of(Sides sides)
{
    int64_t size = 1;
    for (int i = 0; i < sides.rank; i++)
        size *= sides.side[i];
    ck_assert_int_le(size, MOST);
    return size;
}

static inline const char *sides_text(Sides sides, char text[64])
{
    int at = snprintf(text, 64, "(");
    for (int i = 0; i < sides.rank; i++)
        at += snprintf(text + at, (size_t)(64 - at), i ? ", %d" : "%d", (int)sides.side[i]);
    (void)snprintf(text + at, (size_t)(64 - at), ")");
    return text;
}

/* Shape number i of those with sides 0 to 3; the first have rank 0 to 3, all of them rank 0 to 4. */
enum { SMALL_SHAPES = 1 + 4 + 16 + 64, ALL_SHAPES = SMALL_SHAPES + 256 };

static inline Sides small_shape(int i)
{
    Sides sides = {.rank = 0};
    for (int count = 1; i >= count; count *= 4) {
        i -= count;
        sides.rank++;
    }
    for (int axis = 0; axis < sides.rank; axis++, i /= 4)
        sides.side[axis] = i % 4;
    return sides;
}

/* The index along each axis of flat index `flat`. */
static inline void unravel(Sides sides, int64_t flat, int64_t index[TENSOR_MAX_RANK])
{
    for (int axis = sides.rank - 1; axis >= 0; axis--) {
        index[axis] = flat % sides.side[axis];
        flat /= sides.side[axis];
    }
}

static inline int64_t ravel(Sides sides, const int64_t *index)
{
    int64_t flat = 0;
    for (int axis = 0; axis < sides.rank; axis++)
        flat = flat * sides.side[axis] + index[axis];
    return flat;
}

static inline void assert_shape(const Tensor *t, Sides sides)
{
    char text[64];
    bool as_wanted = tensor_rank(t) == sides.rank && tensor_size(t) == size_of(sides);
    for (int i = 0; as_wanted && i < sides.rank; i++)
        as_wanted = tensor_shape(t)[i] == sides.side[i] && tensor_side(t, i) == sides.side[i];
    ck_assert_msg(as_wanted, "%s: shape is not %s", now_testing, sides_text(sides, text));
}

/* ---- operands ---------------------------------------------------------------------------------- */

typedef struct Range {
    double low, high;
    bool coarse; /* halves only, so that some are equal and some 0 */
} Range;

static inline real draw(Random *random, Range range)
{
    const real low = (real)range.low, high = (real)range.high,
               x = random_uniform(random, low, high);
    if (!range.coarse)
        return x;
    const real rounded = (real)(round(2 * (double)x) / 2);
    return rounded < low ? low : rounded > high ? high : rounded;
}

static inline const real *draw_many(Random *random, Range range, int64_t n, real numbers[MOST])
{
    ck_assert_int_le(n, MOST);
    for (int64_t i = 0; i < n; i++)
        numbers[i] = draw(random, range);
    return numbers;
}

/* How an operand lies in memory and what its elements are. */
typedef enum Form {
    RUN,        /* a whole leaf */
    CONSTANT,   /* a whole constant */
    PART,       /* a contiguous part of a leaf */
    TRANSPOSED, /* the last two axes exchanged */
    STEPPED,    /* every other element of a leaf */
    REPEATED,   /* broadcast */
    INTERIOR,   /* a dense operation's result */
    TABLE,      /* scalar leaves */
    MIXTURE,    /* scalar leaves, constants, results, elements of a run, the same twice */
    FORMS
} Form;

/* An operand, and the leaves that its gradient arrives at. */
typedef struct Operand {
    Tensor *tensor;
    Tensor *sources[2];
    int source_count;
} Operand;

static inline Tensor *leaf_for(Operand *operand, Random *random, Range range, Sides sides)
{
    real numbers[MOST];
    Tensor *t =
        keep(tensor_leaf(draw_many(random, range, size_of(sides), numbers), AS_SHAPE(sides)));
    operand->sources[operand->source_count++] = t;
    return t;
}

static inline Tensor *part_of_leaf(Operand *operand, Random *random, Range range, Sides sides)
{
    Sides base = {.rank = sides.rank + 1, .side = {2}};
    for (int i = 0; i < sides.rank; i++)
        base.side[i + 1] = sides.side[i];
    return keep(tensor_index(leaf_for(operand, random, range, base), 0, 1));
}

static inline Tensor *transposed_leaf(Operand *operand, Random *random, Range range, Sides sides)
{
    Sides base = sides;
    base.side[sides.rank - 1] = sides.side[sides.rank - 2];
    base.side[sides.rank - 2] = sides.side[sides.rank - 1];
    return keep(tensor_transpose(leaf_for(operand, random, range, base)));
}

static inline Tensor *stepped_leaf(Operand *operand, Random *random, Range range, Sides sides)
{
    Sides base = sides;
    const int last = sides.rank - 1;
    base.side[last] = 2 * sides.side[last] + 1;
    return keep(tensor_slice(leaf_for(operand, random, range, base), last, 1, INT64_MAX, 2));
}

static inline Tensor *repeated_leaf(Operand *operand, Random *random, Range range, Sides sides)
{
    Sides base = {.rank = sides.rank > 0 ? sides.rank - 1 : 0};
    for (int i = 0; i < base.rank; i++)
        base.side[i] = i + 1 == base.rank ? 1 : sides.side[i + 1];
    return keep(tensor_broadcast(leaf_for(operand, random, range, base), AS_SHAPE(sides)));
}

/* A sum of two halves is exact, so the numbers are still in the range. */
static inline Tensor *dense_result(Operand *operand, Random *random, Range range, Sides sides)
{
    const Range half = {range.low / 2, range.high / 2, false};
    Tensor *x = leaf_for(operand, random, half, sides);
    return keep(tensor_add(x, leaf_for(operand, random, half, sides)));
}

static inline Tensor *table_of_leaves(Operand *operand, Random *random, Range range, Sides sides)
{
    Value *values[MOST];
    for (int64_t i = 0; i < size_of(sides); i++)
        values[i] = keep_value(value_leaf(draw(random, range)));
    return operand->sources[operand->source_count++] =
               keep(tensor_from_values(values, AS_SHAPE(sides)));
}

static inline Tensor *mixture(Operand *operand, Random *random, Range range, Sides sides)
{
    Value *values[MOST], *leaves[MOST];
    const int64_t n = size_of(sides);
    Tensor *dense = leaf_for(operand, random, range, SIDES(n));
    int64_t leaf_count = 0;
    for (int64_t i = 0; i < n; i++) {
        const real number = draw(random, range);
        switch (i % 5) {
        case 0: values[i] = leaves[leaf_count++] = keep_value(value_leaf(number)); break;
        case 1: values[i] = keep_value(value_const(number)); break;
        case 2:
            leaves[leaf_count] = keep_value(value_leaf(number / 2));
            values[i] = keep_value(value_add(leaves[leaf_count], leaves[leaf_count]));
            leaf_count++;
            break;
        case 3: values[i] = tensor_at(dense, i); break;
        case 4: values[i] = values[i - 2]; break;
        }
    }
    operand->sources[operand->source_count++] =
        keep(tensor_from_values(leaves, TENSOR_SHAPE(leaf_count)));
    return keep(tensor_from_values(values, AS_SHAPE(sides)));
}

static inline Tensor *tensor_in_form(Operand *operand, Form form, Random *random, Range range,
                                     Sides sides)
{
    real numbers[MOST];
    const int least_rank = form == TRANSPOSED ? 2 : form == STEPPED ? 1 : 0;
    switch (sides.rank < least_rank ? PART : form) {
    case CONSTANT:
        return keep(
            tensor_const(draw_many(random, range, size_of(sides), numbers), AS_SHAPE(sides)));
    case PART: return part_of_leaf(operand, random, range, sides);
    case TRANSPOSED: return transposed_leaf(operand, random, range, sides);
    case STEPPED: return stepped_leaf(operand, random, range, sides);
    case REPEATED: return repeated_leaf(operand, random, range, sides);
    case INTERIOR: return dense_result(operand, random, range, sides);
    case TABLE: return table_of_leaves(operand, random, range, sides);
    case MIXTURE: return mixture(operand, random, range, sides);
    default: return leaf_for(operand, random, range, sides);
    }
}

/* An operand of random numbers; FROM_INNER_SCOPE, carried out of a scope of its own. */
static inline Operand make_operand(Form form, Random *random, Range range, Sides sides)
{
    Operand operand = {0};
    if (here.place == FROM_INNER_SCOPE)
        here.inner = scope_open();
    operand.tensor = tensor_in_form(&operand, form, random, range, sides);
    assert_shape(operand.tensor, sides);
    if (here.place == FROM_INNER_SCOPE) {
        release_later(tensor_retain(operand.tensor));
        for (int i = 0; i < operand.source_count; i++)
            release_later(tensor_retain(operand.sources[i]));
        scope_close(&here.inner);
    }
    return operand;
}

/* ---- against the scalar expansion --------------------------------------------------------------- */

static inline void assert_close(const char *what, int64_t i, real actual, real expected)
{
    const double error = fabs((double)actual - (double)expected);
    ck_assert_msg(error <= TOLERANCE * fmax(1, fabs((double)expected)) ||
                      same((double)actual, (double)expected),
                  "%s: %s %d is %.17g, not %.17g", now_testing, what, (int)i, (double)actual,
                  (double)expected);
}

/* All gradients that arrived at the operands' leaves, which are then zeroed. */
static inline int64_t take_gradients(const Operand *operands, int count, real *gradients)
{
    int64_t n = 0;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < operands[i].source_count; j++) {
            Tensor *source = operands[i].sources[j];
            ck_assert_int_le(n + tensor_size(source), 4 * MOST);
            assert_status(tensor_get_grad(source, tensor_size(source), gradients + n), VALGRAD_OK);
            n += tensor_size(source);
        }
    }
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < operands[i].source_count; j++)
            tensor_zero_grad(operands[i].sources[j]);
    }
    return n;
}

static inline void backward_of_expansion(int64_t n, Value *const *expanded, const real *seeds)
{
    Value *weights[MOST];
    bool wanted = false;
    for (int64_t i = 0; i < n; i++) {
        weights[i] = keep_value(value_const(seeds[i]));
        wanted |= value_wants_grad(expanded[i]);
    }
    if (wanted)
        assert_status(value_backward(keep_value(value_dot((size_t)n, weights, expanded))),
                      VALGRAD_OK);
}

/* result holds the n numbers of `expanded`, and from random seeds both give the operands' leaves
 * the same gradients. */
static inline void compare(Tensor *result, int64_t n, Value *const *expanded,
                           const Operand *operands, int count, Random *random)
{
    real numbers[MOST], seeds[MOST], gradients[4 * MOST], expected[4 * MOST];
    ck_assert_int_eq(tensor_size(result), n);
    assert_status(tensor_get(result, n, numbers), VALGRAD_OK);
    for (int64_t i = 0; i < n; i++)
        assert_close("element", i, numbers[i], value_data(expanded[i]));
    draw_many(random, (Range){-1, 1, false}, n, seeds);
    if (tensor_wants_grad(result)) {
        const Tensor *seed = keep(tensor_const(seeds, tensor_rank(result), tensor_shape(result)));
        assert_status(tensor_backward(result, seed), VALGRAD_OK);
    }
    const int64_t gradient_count = take_gradients(operands, count, gradients);
    backward_of_expansion(n, expanded, seeds);
    take_gradients(operands, count, expected);
    for (int64_t i = 0; i < gradient_count; i++)
        assert_close("gradient", i, gradients[i], expected[i]);
}

/* ---- parts of expansions ------------------------------------------------------------------------ */

/* The shape of two operands together, as NumPy has it. */
static inline bool broadcast_shape(Sides a, Sides b, Sides *out)
{
    out->rank = a.rank > b.rank ? a.rank : b.rank;
    for (int i = 1; i <= out->rank; i++) {
        const int64_t m = i <= a.rank ? a.side[a.rank - i] : 1,
                      n = i <= b.rank ? b.side[b.rank - i] : 1;
        if (m != n && m != 1 && n != 1)
            return false;
        out->side[out->rank - i] = m == 1 ? n : m;
    }
    return true;
}

/* The element of an operand of shape `own` that meets element `flat` of the whole. */
static inline int64_t element_for(Sides own, Sides whole, int64_t flat)
{
    int64_t index[TENSOR_MAX_RANK], of_own[TENSOR_MAX_RANK];
    unravel(whole, flat, index);
    for (int i = 0; i < own.rank; i++)
        of_own[i] = own.side[i] == 1 ? 0 : index[whole.rank - own.rank + i];
    return ravel(own, of_own);
}

/* The shape that is left of `sides` without the axes of mask, or with 1 in their place. */
static inline Sides reduced(Sides sides, unsigned mask, bool keepdim)
{
    Sides out = {.rank = 0};
    for (int axis = 0; axis < sides.rank; axis++) {
        if (!(mask & 1u << axis))
            out.side[out.rank++] = sides.side[axis];
        else if (keepdim)
            out.side[out.rank++] = 1;
    }
    return out;
}

/* The elements of t that become element `row` of a result, in order. Returns their number. */
static inline size_t elements_of_row(const Tensor *t, Sides sides, unsigned mask, int64_t row,
                                     Value **out)
{
    size_t count = 0;
    for (int64_t flat = 0; flat < size_of(sides); flat++) {
        int64_t index[TENSOR_MAX_RANK], place = 0;
        unravel(sides, flat, index);
        for (int axis = 0; axis < sides.rank; axis++) {
            if (!(mask & 1u << axis))
                place = place * sides.side[axis] + index[axis];
        }
        if (place == row)
            out[count++] = tensor_at(t, flat);
    }
    return count;
}

static inline Value *mean_of(size_t n, Value *const *x)
{
    return keep_value(value_div(keep_value(value_sum(n, x)), keep_value(value_const((real)n))));
}

static inline size_t first_max(size_t n, Value *const *x)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        if (value_data(x[i]) > value_data(x[best]))
            best = i;
    }
    return best;
}

static inline Value *sum_of(size_t n, Value *const *x)
{
    return keep_value(value_sum(n, x));
}

/* Element (i, j) of a as the matrix that it stands for in a product. */
static inline Value *on_the_left(const Tensor *a, int64_t i, int64_t p)
{
    return tensor_at(a, tensor_rank(a) == 2 ? i * tensor_side(a, 1) + p : p);
}

static inline Value *on_the_right(const Tensor *b, int64_t p, int64_t j)
{
    return tensor_at(b, tensor_rank(b) == 2 ? p * tensor_side(b, 1) + j : p);
}

/* c = a b + bias, element by element. Returns their number. */
static inline int64_t expand_product(const Tensor *a, const Tensor *b, const Tensor *bias,
                                     Value **c)
{
    const int64_t m = tensor_rank(a) == 2 ? tensor_side(a, 0) : 1, k = tensor_side(a, -1);
    const int64_t n = tensor_rank(b) == 2 ? tensor_side(b, 1) : 1;
    for (int64_t at = 0; at < m * n; at++) {
        Value *row[MOST], *column[MOST];
        for (int64_t p = 0; p < k; p++) {
            row[p] = on_the_left(a, at / n, p);
            column[p] = on_the_right(b, p, at % n);
        }
        c[at] = keep_value(bias ? value_affine((size_t)k, row, column, tensor_at(bias, at % n))
                                : value_dot((size_t)k, row, column));
    }
    return m * n;
}

#endif
