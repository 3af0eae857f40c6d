/* test_tensor_ops.c - element-wise operations, reductions and products mean what their expansions
 * into scalar operations mean: numbers and gradients of both, for operands of every shape, form and
 * place. */
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
    Tensor *(*tensor3)(Tensor *x, Tensor *y, Tensor *z);
    Value *(*value3)(Value *x, Value *y, Value *z);
} Elementwise;

#define OP1(op, ...) {.name = #op, .tensor1 = tensor_##op, .value1 = value_##op},
#define OP1P(op, ...) {.name = #op, .tensor1p = tensor_##op, .value1p = value_##op},
#define OP2(op, ...) {.name = #op, .tensor2 = tensor_##op, .value2 = value_##op},
#define OP3(op, ...) {.name = #op, .tensor3 = tensor_##op, .value3 = value_##op},
static const Elementwise elementwise[] = {
#include "autograd/ops.def"
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
    ck_abort_msg("row %s is not in ops.def", row->name);
    return NULL;
}

enum { ARITY = 3 };

static Tensor *of_tensors(const Elementwise *op, const Operand x[ARITY], real p)
{
    if (op->tensor3)
        return op->tensor3(x[0].tensor, x[1].tensor, x[2].tensor);
    if (op->tensor2)
        return op->tensor2(x[0].tensor, x[1].tensor);
    return op->tensor1 ? op->tensor1(x[0].tensor) : op->tensor1p(x[0].tensor, p);
}

static Value *of_values(const Elementwise *op, Value *const x[ARITY], real p)
{
    if (op->value3)
        return op->value3(x[0], x[1], x[2]);
    if (op->value2)
        return op->value2(x[0], x[1]);
    return op->value1 ? op->value1(x[0]) : op->value1p(x[0], p);
}

static Range domain_of(const ValueOpInfo *row, int operand, bool coarse)
{
    return (Range){row->domain[operand][0], row->domain[operand][1], coarse};
}

/* The common shape of the first n operands. */
static bool join_shapes(int n, const Sides *sides, Sides *whole)
{
    *whole = sides[0];
    for (int i = 1; i < n; i++) {
        const Sides so_far = *whole;
        if (!broadcast_shape(so_far, sides[i], whole))
            return false;
    }
    return true;
}

/* Both grains of the operation on these operands. */
static void check_both(const ValueOpInfo *row, const Operand x[ARITY], const Sides sides[ARITY],
                       Random *random)
{
    const Elementwise *op = elementwise_of(row);
    const real p = (real)0.25;
    Sides whole;
    ck_assert(join_shapes(row->arity, sides, &whole));
    Tensor *t = keep(of_tensors(op, x, p));
    Value *expanded[MOST];
    for (int64_t i = 0; i < size_of(whole); i++) {
        Value *element[ARITY] = {NULL};
        for (int k = 0; k < row->arity; k++)
            element[k] = tensor_at(x[k].tensor, element_for(sides[k], whole, i));
        expanded[i] = keep_value(of_values(op, element, p));
    }
    assert_shape(t, whole);
    compare(t, size_of(whole), expanded, x, row->arity, random);
}

static void check_elementwise(const ValueOpInfo *row, Place place, const Form forms[ARITY],
                              const Sides sides[ARITY], bool coarse, Random *random)
{
    char p[64], q[64], r[64];
    now_testing_is("tensor_%s of %s in form %d, %s in form %d, %s in form %d, place %d", row->name,
                   sides_text(sides[0], p), forms[0], sides_text(sides[1], q), forms[1],
                   sides_text(sides[2], r), forms[2], place);
    place_begin(place);
    Operand x[ARITY] = {{.tensor = NULL}};
    for (int k = 0; k < row->arity; k++)
        x[k] = make_operand(forms[k], random, domain_of(row, k, coarse), sides[k]);
    check_both(row, x, sides, random);
    place_end();
}

START_TEST(elementwise_in_every_form_and_place)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int place = 0; place < PLACES; place++) {
        for (int form = 0; form < FORMS * (row->arity > 1 ? FORMS : 1); form++) {
            const Form forms[] = {(Form)(form % FORMS), (Form)(form / FORMS),
                                  (Form)((form + place) % FORMS)};
            const Sides sides[] = {SIDES(3, 2), SIDES(2, 3, 2), SIDES(3, 1)};
            for (int coarse = 0; coarse < 2; coarse++)
                check_elementwise(row, (Place)place, forms, sides, coarse, &random);
        }
    }
}
END_TEST

START_TEST(elementwise_of_every_shape)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    int turn = 0;
    for (int i = 0; i < ALL_SHAPES; i++) {
        for (int j = 0; j < (row->arity > 1 ? ALL_SHAPES : 1); j++) {
            const Sides sides[] = {small_shape(i), small_shape(j),
                                   small_shape((int)random_below(&random, SMALL_SHAPES))};
            Sides whole;
            if (!is_tried(i * ALL_SHAPES + j + _i, row->arity > 1 ? 59 : 3) ||
                !join_shapes(row->arity, sides, &whole))
                continue;
            turn++;
            const Form forms[] = {(Form)(turn / 3 % FORMS), (Form)(turn / 5 % FORMS),
                                  (Form)(turn / 7 % FORMS)};
            check_elementwise(row, (Place)(turn % PLACES), forms, sides, turn % 2, &random);
        }
    }
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    for (int i = 0; row->arity > 1 && i < ALL_SHAPES * ALL_SHAPES; i++) {
        const Sides a = small_shape(i % ALL_SHAPES), b = small_shape(i / ALL_SHAPES);
        Sides whole;
        if (!is_tried(i + _i, 59) || broadcast_shape(a, b, &whole))
            continue;
        VALGRAD_SCOPE {
            Tensor *x = tensor_zeros(AS_SHAPE(a)), *y = tensor_zeros(AS_SHAPE(b));
            const Operand xyx[] = {{.tensor = x}, {.tensor = y}, {.tensor = x}},
                          xxy[] = {{.tensor = x}, {.tensor = x}, {.tensor = y}};
            ck_assert_ptr_null(of_tensors(elementwise_of(row), xyx, 0));
            assert_error(VALGRAD_ERROR_SHAPE, "cannot be broadcast");
            if (row->arity == 3) {
                ck_assert_ptr_null(of_tensors(elementwise_of(row), xxy, 0));
                assert_error(VALGRAD_ERROR_SHAPE, "cannot be broadcast");
            }
        }
    }
}
END_TEST

START_TEST(elementwise_of_the_same_tensor_twice)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; row->arity > 1 && turn < PLACES * FORMS; turn++) {
        now_testing_is("tensor_%s(x, x), form %d", row->name, turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Range range = {0.5, 2, false};
        Operand x = make_operand((Form)(turn / PLACES), &random, range, SIDES(2, 3));
        const Operand xx[] = {x, {.tensor = x.tensor}, {.tensor = x.tensor}};
        check_both(row, xx, (Sides[]){SIDES(2, 3), SIDES(2, 3), SIDES(2, 3)}, &random);
        place_end();
    }
}
END_TEST

/* A matrix with its own transpose: both operands are the same node, in different order. */
START_TEST(elementwise_of_a_matrix_and_its_transpose)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int turn = 0; row->arity > 1 && turn < PLACES * FORMS; turn++) {
        now_testing_is("tensor_%s(x, x^T), form %d", row->name, turn / PLACES);
        place_begin((Place)(turn % PLACES));
        const Range range = {0.5, 2, false};
        Operand x = make_operand((Form)(turn / PLACES), &random, range, SIDES(3, 3));
        const Operand xx[] = {
            x, {.tensor = keep(tensor_transpose(x.tensor))}, {.tensor = x.tensor}};
        check_both(row, xx, (Sides[]){SIDES(3, 3), SIDES(3, 3), SIDES(3, 3)}, &random);
        place_end();
    }
}
END_TEST

/* At each kink of the table both grains promise the same. */
START_TEST(elementwise_at_kinks)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    for (int i = 0; i < row->kink_count; i++) {
        const ValueKink kink = row->kinks[i];
        const real p = row->arity == 3 ? (real)kink.z : (real)0.1;
        const real at[ARITY] = {(real)kink.x, (real)kink.y, p};
        const double d[ARITY] = {kink.dx, kink.dy, kink.dz};
        VALGRAD_SCOPE {
            Operand x[ARITY];
            for (int k = 0; k < ARITY; k++)
                x[k].tensor = tensor_leaf((real[]){at[k], at[k]}, TENSOR_SHAPE(2));
            Tensor *t = of_tensors(elementwise_of(row), x, p);
            assert_status(tensor_backward(t, NULL), VALGRAD_OK);
            for (int k = 0; k < row->arity; k++)
                assert_same(value_grad(tensor_at(x[k].tensor, 1)), (real)d[k]);
            assert_same(value_data(tensor_at(t, 1)), row->forward(at[0], at[1], at[2]));
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

static Value *min_of(size_t n, Value *const *x)
{
    Value *negative[MOST];
    for (size_t i = 0; i < n; i++)
        negative[i] = keep_value(value_neg(x[i]));
    return keep_value(value_neg(max_of(n, negative)));
}

static Value *prod_of(size_t n, Value *const *x)
{
    Value *product = keep_value(value_const(1));
    for (size_t i = 0; i < n; i++)
        product = keep_value(value_mul(product, x[i]));
    return product;
}

/* sum (x - mean)^2 / (n - correction) */
static Value *var_with(double correction, size_t n, Value *const *x)
{
    Value *mean = mean_of(n, x), *squares[MOST];
    for (size_t i = 0; i < n; i++)
        squares[i] = keep_value(value_square(keep_value(value_sub(x[i], mean))));
    return keep_value(
        value_div(sum_of(n, squares), keep_value(value_const((real)((double)n - correction)))));
}

/* The square root; at 0 it has the derivative 0. */
static Value *root_of(Value *x)
{
    return value_data(x) == 0 ? keep_value(value_const(0)) : keep_value(value_sqrt(x));
}

static Value *var_of(size_t n, Value *const *x)
{
    return var_with(1, n, x);
}

static Value *std_of(size_t n, Value *const *x)
{
    bool equal = true;
    for (size_t i = 0; i < n; i++)
        equal &= value_data(x[i]) == value_data(x[0]);
    return equal ? keep_value(value_const(0)) : root_of(var_with(0, n, x));
}

static Value *norm_1_of(size_t n, Value *const *x)
{
    Value *sizes[MOST];
    for (size_t i = 0; i < n; i++)
        sizes[i] = keep_value(value_abs(x[i]));
    return sum_of(n, sizes);
}

static Value *norm_2_of(size_t n, Value *const *x)
{
    return root_of(keep_value(value_dot(n, x, x)));
}

static Value *norm_max_of(size_t n, Value *const *x)
{
    Value *sizes[MOST];
    for (size_t i = 0; i < n; i++)
        sizes[i] = keep_value(value_abs(x[i]));
    return n > 0 ? max_of(n, sizes) : keep_value(value_const(0));
}

#define REDUCE(name, call)                                                                         \
    static Tensor *reduce_##name(Tensor *t, int count, const int *axes, bool keepdim)              \
    {                                                                                              \
        return call;                                                                               \
    }
REDUCE(var, tensor_var(t, count, axes, keepdim, true))
REDUCE(std, tensor_std(t, count, axes, keepdim, false))
REDUCE(norm_1, tensor_norm(t, 1, count, axes, keepdim))
REDUCE(norm_2, tensor_norm(t, 2, count, axes, keepdim))
REDUCE(norm_max, tensor_norm(t, (real)INFINITY, count, axes, keepdim))
#undef REDUCE

typedef struct Reduction {
    const char *name;
    Tensor *(*tensor)(Tensor *t, int count, const int *axes, bool keepdim);
    Value *(*value)(size_t n, Value *const *x);
    int least; /* has no result over fewer */
} Reduction;

static const Reduction reductions[] = {
    {"sum", tensor_sum, sum_of, 0},
    {"mean", tensor_mean, mean_of, 1},
    {"reduce_max", tensor_reduce_max, max_of, 1},
    {"reduce_min", tensor_reduce_min, min_of, 1},
    {"prod", tensor_prod, prod_of, 0},
    {"var", reduce_var, var_of, 2},
    {"std", reduce_std, std_of, 1},
    {"norm 1", reduce_norm_1, norm_1_of, 0},
    {"norm 2", reduce_norm_2, norm_2_of, 0},
    {"norm max", reduce_norm_max, norm_max_of, 0},
};

static int64_t columns_of(Sides sides, unsigned mask)
{
    int64_t columns = 1;
    for (int axis = 0; axis < sides.rank; axis++)
        columns *= mask & 1u << axis ? sides.side[axis] : 1;
    return columns;
}

static void check_reduction(const Reduction *reduction, const Operand *x, Sides sides,
                            unsigned mask, bool keepdim, Random *random)
{
    int axes[TENSOR_MAX_RANK] = {0};
    int count = axes_of(mask, sides.rank, random, axes);
    if (mask == (1u << sides.rank) - 1 && random_below(random, 2))
        count = -1;
    Tensor *t = reduction->tensor(x->tensor, count, axes, keepdim);
    const int64_t columns = columns_of(sides, mask);
    if (columns < reduction->least) {
        ck_assert_ptr_null(t);
        assert_error(VALGRAD_ERROR_SHAPE,
                     columns ? "has 1 along these axes; expected 2" : "has nothing along these axes");
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
        ck_assert_msg(out[i] == (int64_t)first_max(columns, row), "%s: argmax %d is %d",
                      now_testing, (int)i, (int)out[i]);
    }
}

/* _i: which reduction, or argmax. Half of the numbers have ties. */
START_TEST(reductions_of_every_shape_and_axes)
{
    Random random = random_seeded((uint64_t)_i);
    int turn = 0;
    for (int i = 0; i < ALL_SHAPES; i++) {
        const Sides sides = small_shape(i);
        for (unsigned mask = 0; mask < 1u << sides.rank; mask++) {
            for (int keepdim = 0; keepdim < 2; keepdim++, turn++) {
                if (!is_tried(turn + _i, 7))
                    continue;
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

/* What a row of 3 becomes, and its gradient, at kinks and at numbers whose squares overflow or vanish.
 */
START_TEST(reductions_at_their_ends)
{
    const real inf = (real)INFINITY, nan = (real)NAN;
#ifdef VALGRAD_FLOAT
    const real large = 1e30f, small = 1e-30f;
#else
    const real large = 1e200, small = 1e-200;
#endif
    const struct {
        const char *name;
        real x[3], f, gradient[3];
    } rows[] = {
        {"prod", {2, 0, 3}, 0, {0, 6, 0}},
        {"prod", {0, 0, 3}, 0, {0, 0, 0}},
        {"prod", {nan, 2, 3}, nan, {6, nan, nan}},
        {"reduce_min", {1, -inf, -inf}, -inf, {0, 0.5, 0.5}},
        {"reduce_min", {1, nan, -inf}, nan, {nan, nan, nan}},
        {"reduce_min", {2, 2, 2}, 2, {1 / (real)3, 1 / (real)3, 1 / (real)3}},
        {"var", {5, 5, 5}, 0, {0, 0, 0}},
        {"std", {5, 5, 5}, 0, {0, 0, 0}},
        {"std", {inf, inf, inf}, nan, {nan, nan, nan}},
        {"std",
         {-large, 0, large},
         large * (real)sqrt(2 / 3.),
         {-(real)sqrt(1 / 6.), 0, (real)sqrt(1 / 6.)}},
        {"std",
         {-small, 0, small},
         small * (real)sqrt(2 / 3.),
         {-(real)sqrt(1 / 6.), 0, (real)sqrt(1 / 6.)}},
        {"norm 1", {0, -2, inf}, inf, {0, -1, 1}},
        {"norm 1", {nan, -2, 1}, nan, {nan, -1, 1}},
        {"norm 2", {0, 0, 0}, 0, {0, 0, 0}},
        {"norm 2", {3 * large, 0, -4 * large}, 5 * large, {(real)0.6, 0, (real)-0.8}},
        {"norm 2", {3 * small, 0, -4 * small}, 5 * small, {(real)0.6, 0, (real)-0.8}},
        {"norm 2", {1, nan, 2}, nan, {nan, nan, nan}},
        {"norm max", {0, 0, 0}, 0, {0, 0, 0}},
        {"norm max", {2, -2, 1}, 2, {0.5, -0.5, 0}},
        {"norm max", {-inf, 2, inf}, inf, {-0.5, 0, 0.5}},
        {"norm max", {1, nan, inf}, nan, {nan, nan, nan}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const Reduction *reduction = reductions;
        while (strcmp(reduction->name, rows[i].name) != 0)
            reduction++;
        now_testing_is("%s of row %d", rows[i].name, (int)i);
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf(rows[i].x, TENSOR_SHAPE(3));
            Tensor *f = reduction->tensor(x, TENSOR_ALL_AXES, false);
            assert_status(tensor_backward(f, NULL), VALGRAD_OK);
            assert_close("result", 0, tensor_item(f), rows[i].f);
            for (int j = 0; j < 3; j++)
                assert_close("gradient", j, value_grad(tensor_at(x, j)), rows[i].gradient[j]);
        }
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
        check_matmul((Place)(turn % PLACES), (Form)(turn / 64 + turn % 5), (Form)(turn / 2 % FORMS),
                     a, b, &random);
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
    static const int64_t sizes[][3] = {
        {1, 70, 23}, {17, 1, 35}, {33, 57, 1}, {8, 16, 24}, {19, 37, 29}};
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

static void check_affine(Place place, const Form forms[3], Sides x, Sides w, bool bias,
                         Random *random)
{
    now_testing_is("tensor_affine, forms %d, %d, %d, place %d", forms[0], forms[1], forms[2],
                   place);
    place_begin(place);
    const Operand xwb[] = {make_operand(forms[0], random, WIDE, x),
                           make_operand(forms[1], random, WIDE, w),
                           make_operand(forms[2], random, WIDE, SIDES(w.side[1]))};
    Value *expanded[MOST];
    Tensor *b = bias ? xwb[2].tensor : NULL,
           *t = keep(tensor_affine(xwb[0].tensor, xwb[1].tensor, b));
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
        const Form forms[] = {(Form)(turn % FORMS), (Form)(turn / 2 % FORMS),
                              (Form)(turn / 3 % FORMS)};
        const int64_t batch = turn % 4, in = turn / 4 % 4, out = turn / 16 % 4;
        check_affine((Place)(turn % PLACES), forms, _i ? SIDES(in) : SIDES(batch, in),
                     SIDES(in, out), turn % 5, &random);
    }
    for (int turn = 0; turn < FORMS * FORMS; turn++) {
        const Form forms[] = {(Form)(turn % FORMS), (Form)(turn / FORMS),
                              (Form)((turn + turn / FORMS) % FORMS)};
        check_affine((Place)(turn % PLACES), forms, _i ? SIDES(11) : SIDES(5, 11), SIDES(11, 9),
                     true, &random);
    }
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
    tcase_add_test(tests, reductions_at_their_ends);
    tcase_add_test(tests, ties_and_nan_in_maxima);
    tests = new_case(suite, "products", 60);
    tcase_add_loop_test(tests, matmul_of_every_small_shape, 0, 4);
    tcase_add_loop_test(tests, matmul_in_every_form_and_place, 0, 4);
    tcase_add_loop_test(tests, matmul_of_larger_shapes, 0, 4);
    tcase_add_test(tests, matmul_of_a_tensor_with_itself);
    tcase_add_loop_test(tests, affine_with_and_without_bias, 0, 2);
    return run_suite(suite);
}
