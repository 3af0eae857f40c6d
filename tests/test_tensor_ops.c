/* test_tensor_ops.c - every tensor operation means what its expansion into scalar operations means:
 * numbers and gradients of both, for operands of every shape, form and place. */
#include "tensor_testing.h"

static const Range WIDE = {-3, 3, false}, COARSE = {-2, 2, true};

/* ---- element-wise ------------------------------------------------------------------------------ */

typedef struct Elementwise {
    const char *name;
    Tensor *(*tensor1)(Tensor *x);
    Value *(*value1)(Value *x);
    Tensor *(*tensor1p)(Tensor *x, real p);
    Value *(*value1p)(Value *x, real p);
    Tensor *(*tensor2)(Tensor *x, Tensor *y);
    Value *(*value2)(Value *x, Value *y);
} Elementwise;

#define ONE(name) {#name, tensor_##name, value_##name, NULL, NULL, NULL, NULL}
#define ONE_WITH(name) {#name, NULL, NULL, tensor_##name, value_##name, NULL, NULL}
#define TWO(name) {#name, NULL, NULL, NULL, NULL, tensor_##name, value_##name}

static const Elementwise elementwise[] = {
    TWO(add),    TWO(sub),   TWO(mul),     TWO(div),      TWO(pow), TWO(min),  TWO(max),
    ONE(neg),    ONE(abs),   ONE(square),  ONE(sqrt),     ONE(exp), ONE(log),  ONE(sin),
    ONE(cos),    ONE(tanh),  ONE(sigmoid), ONE(softplus), ONE(relu), ONE_WITH(leaky_relu),
};

static int row_count(void)
{
    int count = 0;
    while (value_op_row((size_t)count))
        count++;
    return count;
}

static const Elementwise *elementwise_of(const ValueOpInfo *row)
{
    for (size_t i = 0; i < COUNT(elementwise); i++) {
        if (strcmp(elementwise[i].name, row->name) == 0)
            return &elementwise[i];
    }
    ck_abort_msg("row %s of the op table has no tensor function in this test: add it", row->name);
    return NULL;
}

static Range domain_of(const ValueOpInfo *row, int operand, bool coarse)
{
    return (Range){row->domain[operand][0], row->domain[operand][1], coarse};
}

/* The shape of two operands together, as NumPy has it. */
static bool broadcast_shape(Sides a, Sides b, Sides *out)
{
    out->rank = a.rank > b.rank ? a.rank : b.rank;
    for (int i = 1; i <= out->rank; i++) {
        const int64_t m = i <= a.rank ? a.side[a.rank - i] : 1, n = i <= b.rank ? b.side[b.rank - i] : 1;
        if (m != n && m != 1 && n != 1)
            return false;
        out->side[out->rank - i] = m == 1 ? n : m;
    }
    return true;
}

/* The element of an operand of shape `own` that meets element `flat` of the whole. */
static int64_t element_for(Sides own, Sides whole, int64_t flat)
{
    int64_t index[TENSOR_MAX_RANK], of_own[TENSOR_MAX_RANK];
    unravel(whole, flat, index);
    for (int i = 0; i < own.rank; i++)
        of_own[i] = own.side[i] == 1 ? 0 : index[whole.rank - own.rank + i];
    return ravel(own, of_own);
}

static void check_unary(const Elementwise *op, const Operand *x, Sides sides, Random *random)
{
    const real p = (real)0.25;
    Tensor *t = keep(op->tensor1 ? op->tensor1(x->tensor) : op->tensor1p(x->tensor, p));
    Value *expanded[MOST];
    for (int64_t i = 0; i < size_of(sides); i++) {
        Value *element = tensor_at(x->tensor, i);
        expanded[i] = keep_value(op->value1 ? op->value1(element) : op->value1p(element, p));
    }
    assert_shape(t, sides);
    compare(t, size_of(sides), expanded, x, 1, random);
}

static void check_binary(const Elementwise *op, const Operand *xy, Sides a, Sides b, Random *random)
{
    Sides whole;
    ck_assert(broadcast_shape(a, b, &whole));
    Tensor *t = keep(op->tensor2(xy[0].tensor, xy[1].tensor));
    Value *expanded[MOST];
    for (int64_t i = 0; i < size_of(whole); i++)
        expanded[i] = keep_value(op->value2(tensor_at(xy[0].tensor, element_for(a, whole, i)),
                                            tensor_at(xy[1].tensor, element_for(b, whole, i))));
    assert_shape(t, whole);
    compare(t, size_of(whole), expanded, xy, 2, random);
}

static void check_elementwise(const ValueOpInfo *row, Place place, Form f, Form g, Sides a, Sides b,
                              bool coarse, Random *random)
{
    char p[64], q[64];
    now_testing_is("tensor_%s of %s in form %d, %s in form %d, place %d", row->name, sides_text(a, p), f,
                   sides_text(b, q), g, place);
    place_begin(place);
    Operand xy[2] = {make_operand(f, random, domain_of(row, 0, coarse), a)};
    if (row->arity == 1) {
        check_unary(elementwise_of(row), xy, a, random);
    } else {
        xy[1] = make_operand(g, random, domain_of(row, 1, coarse), b);
        check_binary(elementwise_of(row), xy, a, b, random);
    }
    place_end();
}

START_TEST(elementwise_in_every_form_and_place)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int place = 0; place < PLACES; place++) {
        for (int form = 0; form < FORMS * (row->arity == 2 ? FORMS : 1); form++) {
            for (int coarse = 0; coarse < 2; coarse++)
                check_elementwise(row, (Place)place, (Form)(form % FORMS), (Form)(form / FORMS),
                                  SIDES(3, 2), SIDES(2, 3, 2), coarse, &random);
        }
    }
}
END_TEST

START_TEST(elementwise_of_every_shape)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    int turn = 0;
    for (int i = 0; i < SMALL_SHAPES; i++) {
        for (int j = 0; j < (row->arity == 2 ? SMALL_SHAPES : 1); j++) {
            const Sides a = small_shape(i), b = small_shape(j);
            Sides whole;
            if (row->arity == 2 && !broadcast_shape(a, b, &whole))
                continue;
            turn++;
            check_elementwise(row, (Place)(turn % PLACES), (Form)(turn / 3 % FORMS),
                              (Form)(turn / 5 % FORMS), a, b, turn % 2, &random);
        }
    }
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    for (int i = 0; row->arity == 2 && i < SMALL_SHAPES * SMALL_SHAPES; i++) {
        const Sides a = small_shape(i % SMALL_SHAPES), b = small_shape(i / SMALL_SHAPES);
        Sides whole;
        if (broadcast_shape(a, b, &whole))
            continue;
        VALGRAD_SCOPE {
            Tensor *x = tensor_zeros(AS_SHAPE(a)), *y = tensor_zeros(AS_SHAPE(b));
            ck_assert_ptr_null(elementwise_of(row)->tensor2(x, y));
            assert_error(VALGRAD_ERROR_SHAPE, "cannot be broadcast");
        }
    }
}
END_TEST

START_TEST(elementwise_of_the_same_tensor_twice)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; row->arity == 2 && turn < PLACES * FORMS; turn++) {
        now_testing_is("tensor_%s(x, x), form %d", row->name, turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Range range = {0.5, 2, false};
        Operand x = make_operand((Form)(turn / PLACES), &random, range, SIDES(2, 3));
        const Operand xx[2] = {x, {.tensor = x.tensor}};
        check_binary(elementwise_of(row), xx, SIDES(2, 3), SIDES(2, 3), &random);
        place_end();
    }
}
END_TEST

/* A matrix with its own transpose: both operands are the same node, in different order. */
START_TEST(elementwise_of_a_matrix_and_its_transpose)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; row->arity == 2 && turn < PLACES * FORMS; turn++) {
        now_testing_is("tensor_%s(x, x^T), form %d", row->name, turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Range range = {0.5, 2, false};
        Operand x = make_operand((Form)(turn / PLACES), &random, range, SIDES(3, 3));
        const Operand xx[2] = {x, {.tensor = keep(tensor_transpose(x.tensor))}};
        check_binary(elementwise_of(row), xx, SIDES(3, 3), SIDES(3, 3), &random);
        place_end();
    }
}
END_TEST

/* At each kink of the table both grains promise the same. */
START_TEST(elementwise_at_kinks)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    const Elementwise *op = elementwise_of(row);
    const real p = (real)0.1;
    for (int i = 0; i < row->kink_count; i++) {
        const ValueKink kink = row->kinks[i];
        VALGRAD_SCOPE {
            const real xs[] = {(real)kink.x, (real)kink.x}, ys[] = {(real)kink.y, (real)kink.y};
            Tensor *x = tensor_leaf(xs, TENSOR_SHAPE(2)), *y = tensor_leaf(ys, TENSOR_SHAPE(2));
            Tensor *t = op->tensor2 ? op->tensor2(x, y) : op->tensor1 ? op->tensor1(x) : op->tensor1p(x, p);
            assert_status(tensor_backward(t, NULL), VALGRAD_OK);
            assert_same(value_grad(tensor_at(x, 1)), (real)kink.dx);
            if (op->tensor2)
                assert_same(value_grad(tensor_at(y, 1)), (real)kink.dy);
            assert_same(value_data(tensor_at(t, 1)), row->forward(xs[0], ys[0], p));
        }
    }
}
END_TEST

/* ---- reductions -------------------------------------------------------------------------------- */

/* The axes of mask in some order, some of them counted from the end. */
static int axes_of(unsigned mask, int rank, Random *random, int axes[TENSOR_MAX_RANK])
{
    int count = 0;
    for (int axis = 0; axis < rank; axis++) {
        if (!(mask & 1u << axis))
            continue;
        const int at = (int)random_below(random, (uint64_t)count + 1);
        axes[count++] = axes[at];
        axes[at] = random_below(random, 2) ? axis : axis - rank;
    }
    return count;
}

static Sides reduced(Sides sides, unsigned mask, bool keepdim)
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
static size_t elements_of_row(const Tensor *t, Sides sides, unsigned mask, int64_t row, Value **out)
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

static Value *mean_of(size_t n, Value *const *x)
{
    return keep_value(value_div(keep_value(value_sum(n, x)), keep_value(value_const((real)n))));
}

static size_t first_max(size_t n, Value *const *x)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        if (value_data(x[i]) > value_data(x[best]))
            best = i;
    }
    return best;
}

/* The mean of those that are maximal. */
static Value *max_of(size_t n, Value *const *x)
{
    Value *maxima[MOST];
    size_t count = 0;
    const real max = value_data(x[first_max(n, x)]);
    for (size_t i = 0; i < n; i++) {
        if (value_data(x[i]) == max)
            maxima[count++] = x[i];
    }
    return mean_of(count, maxima);
}

static Value *sum_of(size_t n, Value *const *x)
{
    return keep_value(value_sum(n, x));
}

typedef struct Reduction {
    const char *name;
    Tensor *(*tensor)(Tensor *t, int count, const int *axes, bool keepdim);
    Value *(*value)(size_t n, Value *const *x);
    bool of_nothing; /* has a result over nothing */
} Reduction;

static const Reduction reductions[] = {
    {"sum", tensor_sum, sum_of, true},
    {"mean", tensor_mean, mean_of, false},
    {"reduce_max", tensor_reduce_max, max_of, false},
};

static int64_t columns_of(Sides sides, unsigned mask)
{
    int64_t columns = 1;
    for (int axis = 0; axis < sides.rank; axis++)
        columns *= mask & 1u << axis ? sides.side[axis] : 1;
    return columns;
}

static void check_reduction(const Reduction *reduction, const Operand *x, Sides sides, unsigned mask,
                            bool keepdim, Random *random)
{
    int axes[TENSOR_MAX_RANK] = {0};
    int count = axes_of(mask, sides.rank, random, axes);
    if (mask == (1u << sides.rank) - 1 && random_below(random, 2))
        count = -1;
    Tensor *t = reduction->tensor(x->tensor, count, axes, keepdim);
    if (!reduction->of_nothing && columns_of(sides, mask) == 0) {
        ck_assert_ptr_null(t);
        assert_error(VALGRAD_ERROR_SHAPE, "has nothing along these axes");
        return;
    }
    const Sides out = reduced(sides, mask, keepdim);
    assert_shape(keep(t), out);
    Value *row[MOST], *expanded[MOST];
    for (int64_t i = 0; i < size_of(out); i++) {
        const size_t n = elements_of_row(x->tensor, sides, mask, i, row);
        expanded[i] = reduction->value(n, row);
    }
    compare(t, size_of(out), expanded, x, 1, random);
}

static void check_argmax(const Operand *x, Sides sides, unsigned mask, Random *random)
{
    int axes[TENSOR_MAX_RANK] = {0};
    const int count = axes_of(mask, sides.rank, random, axes);
    int64_t out[MOST];
    const int64_t n = size_of(reduced(sides, mask, false));
    if (columns_of(sides, mask) == 0) {
        assert_status(tensor_argmax(x->tensor, count, axes, n, out), VALGRAD_ERROR_SHAPE);
        valgrad_clear_error();
        return;
    }
    assert_status(tensor_argmax(x->tensor, count, axes, n, out), VALGRAD_OK);
    for (int64_t i = 0; i < n; i++) {
        Value *row[MOST];
        const size_t columns = elements_of_row(x->tensor, sides, mask, i, row);
        ck_assert_msg(out[i] == (int64_t)first_max(columns, row), "%s: argmax %d is %d", now_testing,
                      (int)i, (int)out[i]);
    }
}

/* _i: which reduction, or argmax. Half of the numbers have ties. */
START_TEST(reductions_of_every_shape_and_axes)
{
    Random random = random_seeded((uint64_t)_i);
    int turn = 0;
    for (int i = 0; i < SMALL_SHAPES; i++) {
        const Sides sides = small_shape(i);
        for (unsigned mask = 0; mask < 1u << sides.rank; mask++) {
            for (int keepdim = 0; keepdim < 2; keepdim++, turn++) {
                char text[64];
                const Form form = (Form)(turn / 3 % FORMS);
                now_testing_is("reduction %d of %s along mask %u, form %d, place %d", _i,
                               sides_text(sides, text), mask, form, turn % PLACES);
                place_begin((Place)(turn % PLACES));
                const Operand x = make_operand(form, &random, turn % 2 ? WIDE : COARSE, sides);
                if (_i == COUNT(reductions))
                    check_argmax(&x, sides, mask, &random);
                else
                    check_reduction(&reductions[_i], &x, sides, mask, keepdim, &random);
                place_end();
            }
        }
    }
}
END_TEST

START_TEST(reductions_in_every_form_and_place)
{
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; turn < FORMS * PLACES * 8; turn++) {
        const Sides sides = SIDES(3, 4, 5);
        const Form form = (Form)(turn / 8 / PLACES);
        now_testing_is("reduction %d along mask %d, form %d", _i, turn % 8, form);
        place_begin((Place)(turn / 8 % PLACES));
        const Operand x = make_operand(form, &random, WIDE, sides);
        if (_i == COUNT(reductions))
            check_argmax(&x, sides, (unsigned)turn % 8, &random);
        else
            check_reduction(&reductions[_i], &x, sides, (unsigned)turn % 8, turn % 2, &random);
        place_end();
    }
}
END_TEST

START_TEST(all_at_once)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * PLACES; turn++) {
        now_testing_is("sum_all and mean_all, form %d", turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Operand x = make_operand((Form)(turn / PLACES), &random, WIDE, SIDES(5, 7, 9));
        Value *all[MOST];
        const size_t n = elements_of_row(x.tensor, SIDES(5, 7, 9), 7, 0, all);
        Value *sum = sum_of(n, all), *mean = mean_of(n, all);
        Tensor *t = keep(tensor_sum_all(x.tensor)), *u = keep(tensor_mean_all(x.tensor));
        assert_shape(t, (Sides){.rank = 0});
        assert_shape(u, (Sides){.rank = 0});
        compare(t, 1, &sum, &x, 1, &random);
        compare(u, 1, &mean, &x, 1, &random);
        place_end();
    }
}
END_TEST

/* Equal maxima share the gradient; NaN wins. */
START_TEST(ties_and_nan_in_maxima)
{
    const real inf = (real)INFINITY;
    const struct {
        real x[4], max, gradient[4];
        int64_t argmax;
    } rows[] = {
        {{1, 2, 2, 0}, 2, {0, 0.5, 0.5, 0}, 1},
        {{3, 3, 3, 3}, 3, {0.25, 0.25, 0.25, 0.25}, 0},
        {{-inf, -inf, -inf, -inf}, -inf, {0.25, 0.25, 0.25, 0.25}, 0},
        {{1, inf, inf, -inf}, inf, {0, 0.5, 0.5, 0}, 1},
        {{0, (real)-0.0, -1, -1}, 0, {0.5, 0.5, 0, 0}, 0},
        {{1, NAN, inf, NAN}, NAN, {NAN, NAN, NAN, NAN}, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf(rows[i].x, TENSOR_SHAPE(4));
            Tensor *max = tensor_reduce_max(x, TENSOR_ALL_AXES, false);
            int64_t argmax;
            assert_status(tensor_backward(max, NULL), VALGRAD_OK);
            assert_same(tensor_item(max), rows[i].max);
            for (int j = 0; j < 4; j++)
                assert_same(value_grad(tensor_at(x, j)), rows[i].gradient[j]);
            assert_status(tensor_argmax(x, TENSOR_ALL_AXES, 1, &argmax), VALGRAD_OK);
            ck_assert_int_eq(argmax, rows[i].argmax);
        }
    }
}
END_TEST

/* ---- products ---------------------------------------------------------------------------------- */

/* Element (i, j) of a as the matrix that it stands for in a product. */
static Value *on_the_left(const Tensor *a, int64_t i, int64_t p)
{
    return tensor_at(a, tensor_rank(a) == 2 ? i * tensor_side(a, 1) + p : p);
}

static Value *on_the_right(const Tensor *b, int64_t p, int64_t j)
{
    return tensor_at(b, tensor_rank(b) == 2 ? p * tensor_side(b, 1) + j : p);
}

/* c = a b + bias, element by element. Returns their number. */
static int64_t expand_product(const Tensor *a, const Tensor *b, const Tensor *bias, Value **c)
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

static Sides product_shape(Sides a, Sides b)
{
    Sides out = {.rank = 0};
    if (a.rank == 2)
        out.side[out.rank++] = a.side[0];
    if (b.rank == 2)
        out.side[out.rank++] = b.side[1];
    return out;
}

static void check_product(const Operand *ab, Sides a, Sides b, Random *random)
{
    Value *expanded[MOST];
    Tensor *t = keep(tensor_matmul(ab[0].tensor, ab[1].tensor));
    assert_shape(t, product_shape(a, b));
    const int64_t n = expand_product(ab[0].tensor, ab[1].tensor, NULL, expanded);
    compare(t, n, expanded, ab, 2, random);
}

static void check_matmul(Place place, Form f, Form g, Sides a, Sides b, Random *random)
{
    char p[64], q[64];
    now_testing_is("tensor_matmul of %s in form %d, %s in form %d, place %d", sides_text(a, p), f,
                   sides_text(b, q), g, place);
    place_begin(place);
    const Operand ab[] = {make_operand(f, random, WIDE, a), make_operand(g, random, WIDE, b)};
    check_product(ab, a, b, random);
    place_end();
}

/* The shapes of both operands for ranks that _i has in its two bits. */
static void product_sides(int ranks, int64_t m, int64_t k, int64_t n, Sides *a, Sides *b)
{
    *a = ranks & 1 ? SIDES(k) : SIDES(m, k);
    *b = ranks & 2 ? SIDES(k) : SIDES(k, n);
}

START_TEST(matmul_of_every_small_shape)
{
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; turn < 64 * 5; turn++) {
        Sides a, b;
        product_sides(_i, turn % 4, turn / 4 % 4, turn / 16 % 4, &a, &b);
        check_matmul((Place)(turn % PLACES), (Form)(turn / 64 + turn % 5), (Form)(turn / 2 % FORMS), a, b,
                     &random);
    }
}
END_TEST

START_TEST(matmul_in_every_form_and_place)
{
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; turn < FORMS * FORMS * PLACES; turn++) {
        Sides a, b;
        product_sides(_i, 4, 3, 5, &a, &b);
        check_matmul((Place)(turn % PLACES), (Form)(turn / PLACES % FORMS),
                     (Form)(turn / PLACES / FORMS), a, b, &random);
    }
}
END_TEST

/* Large enough for the kernels' tiles and what is left over at their edges. */
START_TEST(matmul_of_larger_shapes)
{
    static const int64_t sizes[][3] = {{1, 70, 23}, {17, 1, 35}, {33, 57, 1}, {8, 16, 24}, {19, 37, 29}};
    static const Form forms[] = {RUN, TRANSPOSED, STEPPED, TABLE};
    Random random = random_seeded((uint64_t)_i);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (int turn = 0; turn < 16; turn++) {
            Sides a, b;
            product_sides(_i, sizes[i][0], sizes[i][1], sizes[i][2], &a, &b);
            check_matmul(IN_SCOPE, forms[turn % 4], forms[turn / 4], a, b, &random);
        }
    }
}
END_TEST

/* x x, x x^T, x^T x and x x of a vector: the operands are one node. */
START_TEST(matmul_of_a_tensor_with_itself)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * PLACES; turn++) {
        now_testing_is("products of a tensor with itself, form %d", turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Operand x = make_operand((Form)(turn / PLACES), &random, WIDE, SIDES(3, 3));
        const Operand v = make_operand((Form)(turn / PLACES), &random, WIDE, SIDES(5));
        const Operand xt = {.tensor = keep(tensor_transpose(x.tensor))};
        const Operand again = {.tensor = x.tensor}, v_again = {.tensor = v.tensor};
        check_product((Operand[]){x, again}, SIDES(3, 3), SIDES(3, 3), &random);
        check_product((Operand[]){x, xt}, SIDES(3, 3), SIDES(3, 3), &random);
        check_product((Operand[]){xt, x}, SIDES(3, 3), SIDES(3, 3), &random);
        check_product((Operand[]){xt, xt, x}, SIDES(3, 3), SIDES(3, 3), &random);
        check_product((Operand[]){v, v_again}, SIDES(5), SIDES(5), &random);
        place_end();
    }
}
END_TEST

static void check_affine(Place place, const Form forms[3], Sides x, Sides w, bool bias, Random *random)
{
    now_testing_is("tensor_affine, forms %d, %d, %d, place %d", forms[0], forms[1], forms[2], place);
    place_begin(place);
    const Operand xwb[] = {make_operand(forms[0], random, WIDE, x), make_operand(forms[1], random, WIDE, w),
                           make_operand(forms[2], random, WIDE, SIDES(w.side[1]))};
    Value *expanded[MOST];
    Tensor *b = bias ? xwb[2].tensor : NULL, *t = keep(tensor_affine(xwb[0].tensor, xwb[1].tensor, b));
    assert_shape(t, product_shape(x, w));
    const int64_t n = expand_product(xwb[0].tensor, xwb[1].tensor, b, expanded);
    compare(t, n, expanded, xwb, bias ? 3 : 2, random);
    place_end();
}

/* _i: whether x is one sample or a batch. */
START_TEST(affine_with_and_without_bias)
{
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; turn < 64 * 3; turn++) {
        const Form forms[] = {(Form)(turn % FORMS), (Form)(turn / 2 % FORMS), (Form)(turn / 3 % FORMS)};
        const int64_t batch = turn % 4, in = turn / 4 % 4, out = turn / 16 % 4;
        check_affine((Place)(turn % PLACES), forms, _i ? SIDES(in) : SIDES(batch, in), SIDES(in, out),
                     turn % 5, &random);
    }
    for (int turn = 0; turn < FORMS * FORMS; turn++) {
        const Form forms[] = {(Form)(turn % FORMS), (Form)(turn / FORMS), (Form)((turn + turn / FORMS) % FORMS)};
        check_affine((Place)(turn % PLACES), forms, _i ? SIDES(11) : SIDES(5, 11), SIDES(11, 9), true,
                     &random);
    }
}
END_TEST

/* ---- softmax ----------------------------------------------------------------------------------- */

/* n numbers along an axis of t, of which element `flat` is one; *at: where. */
static size_t elements_along(const Tensor *t, Sides sides, int axis, int64_t flat, Value **out, size_t *at)
{
    int64_t index[TENSOR_MAX_RANK];
    unravel(sides, flat, index);
    *at = (size_t)index[axis];
    for (int64_t i = 0; i < sides.side[axis]; i++) {
        index[axis] = i;
        out[i] = tensor_at(t, ravel(sides, index));
    }
    return (size_t)sides.side[axis];
}

static Value *exp_less(Value *x, Value *shift)
{
    return keep_value(value_exp(keep_value(value_sub(x, shift))));
}

/* Their greatest number as a constant, and log sum_i e^(x_i - it). */
static Value *log_sum_of(size_t n, Value *const *x, Value **shift)
{
    Value *terms[MOST];
    *shift = keep_value(value_const(value_data(x[first_max(n, x)])));
    for (size_t i = 0; i < n; i++)
        terms[i] = exp_less(x[i], *shift);
    return keep_value(value_log(sum_of(n, terms)));
}

static Value *logsumexp_of(size_t n, Value *const *x)
{
    Value *shift, *log_sum = log_sum_of(n, x, &shift);
    return keep_value(value_add(log_sum, shift));
}

static Value *softmax_of(size_t n, Value *const *x, size_t at)
{
    Value *shift = keep_value(value_const(value_data(x[first_max(n, x)]))), *terms[MOST];
    for (size_t i = 0; i < n; i++)
        terms[i] = exp_less(x[i], shift);
    return keep_value(value_div(terms[at], sum_of(n, terms)));
}

static Value *log_softmax_of(size_t n, Value *const *x, size_t at)
{
    Value *shift, *log_sum = log_sum_of(n, x, &shift);
    return keep_value(value_sub(keep_value(value_sub(x[at], shift)), log_sum));
}

static Tensor *logsumexp_keeping(Tensor *t, int axis)
{
    return tensor_logsumexp(t, axis, true);
}

static Tensor *logsumexp_dropping(Tensor *t, int axis)
{
    return tensor_logsumexp(t, axis, false);
}

typedef struct RowFunction {
    const char *name;
    Tensor *(*tensor)(Tensor *t, int axis);
    Value *(*value)(size_t n, Value *const *x, size_t at); /* NULL: logsumexp */
    bool keepdim;
} RowFunction;

static const RowFunction row_functions[] = {
    {"softmax", tensor_softmax, softmax_of, false},
    {"log_softmax", tensor_log_softmax, log_softmax_of, false},
    {"logsumexp", logsumexp_keeping, NULL, true},
    {"logsumexp", logsumexp_dropping, NULL, false},
};

static void check_row_function(const RowFunction *function, const Operand *x, Sides sides, int axis,
                               Random *random)
{
    const int named = random_below(random, 2) ? axis : axis - sides.rank;
    Tensor *t = function->tensor(x->tensor, named);
    if (sides.side[axis] == 0) {
        ck_assert_ptr_null(t);
        assert_error(VALGRAD_ERROR_SHAPE, "has nothing along axis");
        return;
    }
    Value *row[MOST], *expanded[MOST];
    const Sides out = function->value ? sides : reduced(sides, 1u << axis, function->keepdim);
    assert_shape(keep(t), out);
    for (int64_t i = 0; i < size_of(out); i++) {
        size_t at = 0, n = function->value ? elements_along(x->tensor, sides, axis, i, row, &at)
                                           : elements_of_row(x->tensor, sides, 1u << axis, i, row);
        expanded[i] = function->value ? function->value(n, row, at) : logsumexp_of(n, row);
    }
    compare(t, size_of(out), expanded, x, 1, random);
}

START_TEST(row_functions_along_every_axis)
{
    static const Range ranges[] = {{-3, 3, false}, {-1000, 1000, false}, {-2, 2, true}};
    Random random = random_seeded((uint64_t)_i);
    int turn = 0;
    for (int i = 0; i < SMALL_SHAPES; i++) {
        const Sides sides = small_shape(i);
        for (int axis = 0; axis < sides.rank; axis++) {
            for (int place = 0; place < PLACES; place++, turn++) {
                char text[64];
                now_testing_is("tensor_%s of %s along axis %d, form %d, place %d", row_functions[_i].name,
                               sides_text(sides, text), axis, turn % FORMS, place);
                place_begin((Place)place);
                const Operand x = make_operand((Form)(turn % FORMS), &random, ranges[turn % 7 % 3], sides);
                check_row_function(&row_functions[_i], &x, sides, axis, &random);
                place_end();
            }
        }
    }
}
END_TEST

/* A longer row along each axis, in every form. */
START_TEST(row_functions_in_every_form)
{
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; turn < FORMS * PLACES * 3; turn++) {
        now_testing_is("tensor_%s, form %d, axis %d", row_functions[_i].name, turn / 3 / PLACES, turn % 3);
        place_begin((Place)(turn / 3 % PLACES));
        const Operand x = make_operand((Form)(turn / 3 / PLACES), &random, WIDE, SIDES(4, 3, 5));
        check_row_function(&row_functions[_i], &x, SIDES(4, 3, 5), turn % 3, &random);
        place_end();
    }
}
END_TEST

/* Rows at and beyond what the exponential bears: values, and gradients from a seed of 1 on the first
 * element of the result. */
START_TEST(extreme_rows)
{
    const real inf = (real)INFINITY, nan = (real)NAN, log2 = (real)0.6931471805599453;
    const struct {
        real x[3], softmax[3], softmax_gradient[3], log_softmax[3], log_softmax_gradient[3];
        real logsumexp, weights[3];
    } rows[] = {
        {{1000, 1000, -1000}, {0.5, 0.5, 0}, {0.25, -0.25, 0},
         {-log2, -log2, -2000 - log2}, {0.5, -0.5, 0}, 1000 + log2, {0.5, 0.5, 0}},
        {{1e8, 1e8, -1e8}, {0.5, 0.5, 0}, {0.25, -0.25, 0}, {-log2, -log2, (real)-2e8 - log2}, {0.5, -0.5, 0},
         (real)1e8 + log2, {0.5, 0.5, 0}},
        {{-1000, -1000, -1000}, {1 / (real)3, 1 / (real)3, 1 / (real)3},
         {2 / (real)9, -1 / (real)9, -1 / (real)9},
         {-(real)1.0986122886681098, -(real)1.0986122886681098, -(real)1.0986122886681098},
         {2 / (real)3, -1 / (real)3, -1 / (real)3}, -1000 + (real)1.0986122886681098,
         {1 / (real)3, 1 / (real)3, 1 / (real)3}},
        {{-inf, 1, -inf}, {0, 1, 0}, {0, 0, 0}, {-inf, 0, -inf}, {1, -1, 0}, 1, {0, 1, 0}},
        {{0, -inf, 0}, {0.5, 0, 0.5}, {0.25, 0, -0.25}, {-log2, -inf, -log2}, {0.5, 0, -0.5}, log2,
         {0.5, 0, 0.5}},
        {{-inf, -inf, -inf}, {nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}, -inf,
         {0, 0, 0}},
        {{1, inf, 2}, {nan, nan, nan}, {nan, nan, nan}, {-inf, nan, -inf}, {1, nan, 0}, inf, {0, 1, 0}},
        {{inf, 0, inf}, {nan, nan, nan}, {nan, nan, nan}, {nan, -inf, nan}, {nan, 0, nan}, inf,
         {0.5, 0, 0.5}},
        {{1, nan, 2}, {nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}, nan,
         {nan, nan, nan}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        VALGRAD_SCOPE {
            Tensor *x[3], *result[3];
            for (int j = 0; j < 3; j++)
                x[j] = tensor_leaf(rows[i].x, TENSOR_SHAPE(3));
            result[0] = tensor_softmax(x[0], 0);
            result[1] = tensor_log_softmax(x[1], 0);
            result[2] = tensor_logsumexp(x[2], 0, false);
            const real *numbers[] = {rows[i].softmax, rows[i].log_softmax, &rows[i].logsumexp};
            const real *gradients[] = {rows[i].softmax_gradient, rows[i].log_softmax_gradient,
                                       rows[i].weights};
            for (int j = 0; j < 3; j++) {
                now_testing_is("%s of extreme row %d", row_functions[j].name, (int)i);
                assert_status(value_backward(tensor_at(result[j], 0)), VALGRAD_OK);
                for (int64_t at = 0; at < tensor_size(result[j]); at++)
                    assert_close("element", at, value_data(tensor_at(result[j], at)), numbers[j][at]);
                for (int64_t at = 0; at < 3; at++)
                    assert_close("gradient", at, value_grad(tensor_at(x[j], at)), gradients[j][at]);
            }
        }
    }
}
END_TEST

/* ---- losses ------------------------------------------------------------------------------------ */

static Value *cross_entropy_of(Tensor *logits, int64_t rows, size_t classes, const int64_t *labels)
{
    Value *losses[MOST];
    for (int64_t r = 0; r < rows; r++) {
        Value *row[MOST];
        for (size_t c = 0; c < classes; c++)
            row[c] = tensor_at(logits, r * (int64_t)classes + (int64_t)c);
        losses[r] = keep_value(value_neg(log_softmax_of(classes, row, (size_t)labels[r])));
    }
    return mean_of((size_t)rows, losses);
}

static Value *soft_cross_entropy_of(Tensor *logits, Tensor *targets, int64_t rows, size_t classes)
{
    Value *losses[MOST];
    for (int64_t r = 0; r < rows; r++) {
        Value *row[MOST], *terms[MOST];
        for (size_t c = 0; c < classes; c++)
            row[c] = tensor_at(logits, r * (int64_t)classes + (int64_t)c);
        for (size_t c = 0; c < classes; c++)
            terms[c] = keep_value(value_mul(tensor_at(targets, r * (int64_t)classes + (int64_t)c),
                                            log_softmax_of(classes, row, c)));
        losses[r] = keep_value(value_neg(sum_of(classes, terms)));
    }
    return mean_of((size_t)rows, losses);
}

/* Shapes of logits: batches, and one sample. */
static Sides logits_shape(int turn)
{
    return turn % 5 == 4 ? SIDES(3) : turn % 5 == 3 ? SIDES(7, 10) : SIDES(turn % 3 + 1, turn / 3 % 3 + 1);
}

START_TEST(cross_entropy_from_labels)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * PLACES * 5; turn++) {
        const Sides sides = logits_shape(turn);
        const int64_t rows = sides.rank == 2 ? sides.side[0] : 1, classes = sides.side[sides.rank - 1];
        const Range range = {turn % 2 ? -3 : -900, turn % 2 ? 3 : 900, false};
        now_testing_is("tensor_cross_entropy, form %d, turn %d", turn / PLACES % FORMS, turn);
        place_begin((Place)(turn % PLACES));
        const Operand x = make_operand((Form)(turn / PLACES % FORMS), &random, range, sides);
        int64_t labels[MOST];
        for (int64_t r = 0; r < rows; r++)
            labels[r] = (int64_t)random_below(&random, (uint64_t)classes);
        Tensor *loss = keep(tensor_cross_entropy(x.tensor, rows, labels));
        Value *expanded = cross_entropy_of(x.tensor, rows, (size_t)classes, labels);
        assert_shape(loss, (Sides){.rank = 0});
        compare(loss, 1, &expanded, &x, 1, &random);
        place_end();
    }
}
END_TEST

/* The targets sum to what they will and are of every form: leaves want their gradient too. */
START_TEST(cross_entropy_from_targets)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * FORMS * PLACES; turn++) {
        const Sides sides = logits_shape(turn);
        const int64_t rows = sides.rank == 2 ? sides.side[0] : 1, classes = sides.side[sides.rank - 1];
        const Form f = (Form)(turn / PLACES % FORMS), g = (Form)(turn / PLACES / FORMS);
        now_testing_is("tensor_cross_entropy_soft, forms %d and %d, turn %d", f, g, turn);
        place_begin((Place)(turn % PLACES));
        const Operand xt[] = {make_operand(f, &random, WIDE, sides),
                              make_operand(g, &random, (Range){0, 1, turn % 2}, sides)};
        Tensor *loss = keep(tensor_cross_entropy_soft(xt[0].tensor, xt[1].tensor));
        Value *expanded = soft_cross_entropy_of(xt[0].tensor, xt[1].tensor, rows, (size_t)classes);
        assert_shape(loss, (Sides){.rank = 0});
        compare(loss, 1, &expanded, xt, 2, &random);
        place_end();
    }
}
END_TEST

/* Logits that are their own targets. */
START_TEST(cross_entropy_with_itself)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * PLACES; turn++) {
        now_testing_is("tensor_cross_entropy_soft(x, x), form %d", turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Operand x = make_operand((Form)(turn / PLACES), &random, WIDE, SIDES(3, 4));
        Value *expanded = soft_cross_entropy_of(x.tensor, x.tensor, 3, 4);
        compare(keep(tensor_cross_entropy_soft(x.tensor, x.tensor)), 1, &expanded, &x, 1, &random);
        place_end();
    }
}
END_TEST

START_TEST(cross_entropy_of_extreme_logits)
{
    const real inf = (real)INFINITY, log2 = (real)0.6931471805599453;
    const struct {
        real x[2];
        int64_t label;
        real loss, gradient[2];
    } rows[] = {
        {{-1000, 1000}, 0, 2000, {-1, 1}}, {{-1000, 1000}, 1, 0, {0, 0}},
        {{-inf, 1}, 1, 0, {0, 0}},         {{-inf, 1}, 0, inf, {-1, 1}},
        {{5, 5}, 0, log2, {-0.5, 0.5}},    {{1e8, 1e8}, 1, log2, {0.5, -0.5}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        VALGRAD_SCOPE {
            now_testing_is("cross-entropy of extreme row %d", (int)i);
            Tensor *x = tensor_leaf(rows[i].x, TENSOR_SHAPE(2)), *z = tensor_leaf(rows[i].x, TENSOR_SHAPE(2));
            const real onehot[] = {rows[i].label == 0, rows[i].label == 1};
            Tensor *hard = tensor_cross_entropy(x, 1, &rows[i].label);
            Tensor *soft = tensor_cross_entropy_soft(z, tensor_const(onehot, TENSOR_SHAPE(2)));
            assert_status(tensor_backward(hard, NULL), VALGRAD_OK);
            assert_status(tensor_backward(soft, NULL), VALGRAD_OK);
            assert_close("loss", 0, tensor_item(hard), rows[i].loss);
            assert_close("loss", 1, tensor_item(soft), rows[i].loss);
            for (int j = 0; j < 2; j++) {
                assert_close("gradient", j, value_grad(tensor_at(x, j)), rows[i].gradient[j]);
                assert_close("gradient", j, value_grad(tensor_at(z, j)), rows[i].gradient[j]);
            }
        }
    }
}
END_TEST

static void check_mse(Place place, Form f, Form g, Sides a, Sides b, Sides whole, Random *random)
{
    char p[64], q[64];
    now_testing_is("tensor_mse of %s in form %d, %s in form %d", sides_text(a, p), f, sides_text(b, q), g);
    place_begin(place);
    const Operand xy[] = {make_operand(f, random, WIDE, a), make_operand(g, random, WIDE, b)};
    Value *terms[MOST];
    const int64_t n = size_of(whole);
    for (int64_t i = 0; i < n; i++)
        terms[i] = keep_value(value_square(
            keep_value(value_sub(tensor_at(xy[0].tensor, element_for(a, whole, i)),
                                 tensor_at(xy[1].tensor, element_for(b, whole, i))))));
    Value *expanded = mean_of((size_t)n, terms);
    Tensor *t = keep(tensor_mse(xy[0].tensor, xy[1].tensor));
    assert_shape(t, (Sides){.rank = 0});
    compare(t, 1, &expanded, xy, 2, random);
    place_end();
}

START_TEST(mse_of_every_shape)
{
    Random random = random_seeded(1);
    int turn = 0;
    for (int i = 0; i < SMALL_SHAPES * SMALL_SHAPES; i++) {
        const Sides a = small_shape(i % SMALL_SHAPES), b = small_shape(i / SMALL_SHAPES);
        Sides whole;
        if (!broadcast_shape(a, b, &whole))
            continue;
        if (size_of(whole) > 0) {
            turn++;
            check_mse((Place)(turn % PLACES), (Form)(turn / 3 % FORMS), (Form)(turn / 5 % FORMS), a, b,
                      whole, &random);
            continue;
        }
        VALGRAD_SCOPE {
            ck_assert_ptr_null(tensor_mse(tensor_zeros(AS_SHAPE(a)), tensor_zeros(AS_SHAPE(b))));
            assert_error(VALGRAD_ERROR_SHAPE, "nothing to take a mean of");
        }
    }
}
END_TEST

START_TEST(mse_in_every_form_and_place)
{
    Random random = random_seeded(2);
    for (int turn = 0; turn < FORMS * FORMS * PLACES; turn++)
        check_mse((Place)(turn % PLACES), (Form)(turn / PLACES % FORMS), (Form)(turn / PLACES / FORMS),
                  SIDES(3, 2), SIDES(2, 3, 2), SIDES(2, 3, 2), &random);
}
END_TEST

/* ---- both grains in one graph ------------------------------------------------------------------- */

enum { IN = 4, OUT = 3 };

/* The scalar middle: each number times its neighbour, through tanh. */
static Value *middle(Value *x, Value *neighbour)
{
    return keep_value(value_tanh(keep_value(value_mul(x, neighbour))));
}

/* log_softmax(tanh(h h')) with h = x w, where h' is h turned by one. */
static void expand_sandwich(const Tensor *x, const Tensor *w, Value *out[OUT])
{
    Value *h[OUT], *tanhs[OUT];
    (void)expand_product(x, w, NULL, h);
    for (int i = 0; i < OUT; i++)
        tanhs[i] = middle(h[i], h[(i + 1) % OUT]);
    for (size_t i = 0; i < OUT; i++)
        out[i] = log_softmax_of(OUT, tanhs, i);
}

/* A dense operation, scalar operations on its elements, and a dense operation on their results. */
START_TEST(both_grains_in_one_graph)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * FORMS * PLACES; turn++) {
        now_testing_is("both grains in one graph, turn %d", turn);
        place_begin((Place)(turn % PLACES));
        const Operand xw[] = {
            make_operand((Form)(turn / PLACES % FORMS), &random, WIDE, SIDES(IN)),
            make_operand((Form)(turn / PLACES / FORMS), &random, WIDE, SIDES(IN, OUT))};
        Tensor *h = keep(tensor_matmul(xw[0].tensor, xw[1].tensor));
        Value *tanhs[OUT], *expanded[OUT];
        for (int i = 0; i < OUT; i++)
            tanhs[i] = middle(tensor_at(h, i), tensor_at(h, (i + 1) % OUT));
        Tensor *t = keep(tensor_log_softmax(keep(tensor_from_values(tanhs, TENSOR_SHAPE(OUT))), 0));
        expand_sandwich(xw[0].tensor, xw[1].tensor, expanded);
        compare(t, OUT, expanded, xw, 2, &random);
        place_end();
    }
}
END_TEST

/* An operand may be released right after use, and the graph is differentiated all the same. */
START_TEST(operands_released_after_use)
{
    const real numbers[] = {1, 2, 3, 4};
    Tensor *x = tensor_param(numbers, TENSOR_SHAPE(2, 2));
    Tensor *turned = tensor_transpose(x), *product = tensor_matmul(x, turned);
    tensor_release(turned);
    Tensor *soft = tensor_log_softmax(product, 0);
    tensor_release(product);
    Tensor *part = tensor_index(soft, 0, 1);
    tensor_release(soft);
    Value *scalar = value_mul(tensor_at(part, 0), tensor_at(part, 1));
    tensor_release(part);
    assert_status(value_backward(scalar), VALGRAD_OK);
    real gradient[4], expected[4];
    assert_status(tensor_get_grad(x, 4, gradient), VALGRAD_OK);
    value_release(scalar);
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    tensor_zero_grad(x);
    VALGRAD_SCOPE {
        Tensor *rows = tensor_log_softmax(tensor_matmul(x, tensor_transpose(x)), 0);
        value_backward(value_mul(tensor_at(rows, 2), tensor_at(rows, 3)));
        assert_status(tensor_get_grad(x, 4, expected), VALGRAD_OK);
    }
    for (int i = 0; i < 4; i++)
        assert_same(gradient[i], expected[i]);
    tensor_release(x);
}
END_TEST

/* A gradient of exactly 0 passes infinite partials by, in both grains, unless IEEE is asked for. */
START_TEST(zero_gradients_and_infinite_partials)
{
    for (int strict = 0; strict < 2; strict++) {
        valgrad_set_strict_ieee(strict);
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){0, 4}, TENSOR_SHAPE(2)), *zero = tensor_zeros(TENSOR_SHAPE(2));
            Value *y = value_leaf(0);
            assert_status(tensor_backward(tensor_mul(tensor_sqrt(x), zero), NULL), VALGRAD_OK);
            assert_status(value_backward(value_mul(value_sqrt(y), value_const(0))), VALGRAD_OK);
            assert_same(value_grad(tensor_at(x, 0)), strict ? (real)NAN : 0);
            assert_same(value_grad(tensor_at(x, 1)), 0);
            assert_same(value_grad(y), strict ? (real)NAN : 0);
        }
    }
    valgrad_set_strict_ieee(false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_ops");
    const int rows = row_count();
    TCase *tests = new_case(suite, "element-wise", 60);
    tcase_add_loop_test(tests, elementwise_in_every_form_and_place, 0, rows);
    tcase_add_loop_test(tests, elementwise_of_every_shape, 0, rows);
    tcase_add_loop_test(tests, shapes_that_do_not_fit_are_refused, 0, rows);
    tcase_add_loop_test(tests, elementwise_of_the_same_tensor_twice, 0, rows);
    tcase_add_loop_test(tests, elementwise_of_a_matrix_and_its_transpose, 0, rows);
    tcase_add_loop_test(tests, elementwise_at_kinks, 0, rows);
    tests = new_case(suite, "reductions", 60);
    tcase_add_loop_test(tests, reductions_of_every_shape_and_axes, 0, COUNT(reductions) + 1);
    tcase_add_loop_test(tests, reductions_in_every_form_and_place, 0, COUNT(reductions) + 1);
    tcase_add_test(tests, all_at_once);
    tcase_add_test(tests, ties_and_nan_in_maxima);
    tests = new_case(suite, "products", 60);
    tcase_add_loop_test(tests, matmul_of_every_small_shape, 0, 4);
    tcase_add_loop_test(tests, matmul_in_every_form_and_place, 0, 4);
    tcase_add_loop_test(tests, matmul_of_larger_shapes, 0, 4);
    tcase_add_test(tests, matmul_of_a_tensor_with_itself);
    tcase_add_loop_test(tests, affine_with_and_without_bias, 0, 2);
    tests = new_case(suite, "softmax", 60);
    tcase_add_loop_test(tests, row_functions_along_every_axis, 0, COUNT(row_functions));
    tcase_add_loop_test(tests, row_functions_in_every_form, 0, COUNT(row_functions));
    tcase_add_test(tests, extreme_rows);
    tests = new_case(suite, "losses", 60);
    tcase_add_test(tests, cross_entropy_from_labels);
    tcase_add_test(tests, cross_entropy_from_targets);
    tcase_add_test(tests, cross_entropy_with_itself);
    tcase_add_test(tests, cross_entropy_of_extreme_logits);
    tcase_add_test(tests, mse_of_every_shape);
    tcase_add_test(tests, mse_in_every_form_and_place);
    tests = new_case(suite, "both grains", 60);
    tcase_add_test(tests, both_grains_in_one_graph);
    tcase_add_test(tests, operands_released_after_use);
    tcase_add_test(tests, zero_gradients_and_infinite_partials);
    return run_suite(suite);
}
