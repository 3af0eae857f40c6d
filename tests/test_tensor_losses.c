/* test_tensor_losses.c - softmax and losses mean what their expansions into scalar operations mean,
 * also where the exponential is at its ends; and graphs of both grains at once. */
#include "tensor_testing.h"

static const Range WIDE = {-3, 3, false};

/* ---- softmax ----------------------------------------------------------------------------------- */

/* n numbers along an axis of t, of which element `flat` is one; *at: where. */
static size_t elements_along(const Tensor *t, Sides sides, int axis, int64_t flat, Value **out,
                             size_t *at)
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
                now_testing_is("tensor_%s of %s along axis %d, form %d, place %d",
                               row_functions[_i].name, sides_text(sides, text), axis, turn % FORMS,
                               place);
                place_begin((Place)place);
                const Operand x =
                    make_operand((Form)(turn % FORMS), &random, ranges[turn % 7 % 3], sides);
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
        now_testing_is("tensor_%s, form %d, axis %d", row_functions[_i].name, turn / 3 / PLACES,
                       turn % 3);
        place_begin((Place)(turn / 3 % PLACES));
        const Operand x = make_operand((Form)(turn / 3 / PLACES), &random, WIDE, SIDES(4, 3, 5));
        check_row_function(&row_functions[_i], &x, SIDES(4, 3, 5), turn % 3, &random);
        place_end();
    }
}
END_TEST

/* Rows at and beyond what the exponential bears: values, and gradients from a seed of 1 on the
 * first element of the result. */
START_TEST(extreme_rows)
{
    const real inf = (real)INFINITY, nan = (real)NAN, log2 = (real)0.6931471805599453;
    const struct {
        real x[3], softmax[3], softmax_gradient[3], log_softmax[3], log_softmax_gradient[3];
        real logsumexp, weights[3];
    } rows[] = {
        {{1000, 1000, -1000},
         {0.5, 0.5, 0},
         {0.25, -0.25, 0},
         {-log2, -log2, -2000 - log2},
         {0.5, -0.5, 0},
         1000 + log2,
         {0.5, 0.5, 0}},
        {{1e8, 1e8, -1e8},
         {0.5, 0.5, 0},
         {0.25, -0.25, 0},
         {-log2, -log2, (real)-2e8 - log2},
         {0.5, -0.5, 0},
         (real)1e8 + log2,
         {0.5, 0.5, 0}},
        {{-1000, -1000, -1000},
         {1 / (real)3, 1 / (real)3, 1 / (real)3},
         {2 / (real)9, -1 / (real)9, -1 / (real)9},
         {-(real)1.0986122886681098, -(real)1.0986122886681098, -(real)1.0986122886681098},
         {2 / (real)3, -1 / (real)3, -1 / (real)3},
         -1000 + (real)1.0986122886681098,
         {1 / (real)3, 1 / (real)3, 1 / (real)3}},
        {{-inf, 1, -inf}, {0, 1, 0}, {0, 0, 0}, {-inf, 0, -inf}, {1, -1, 0}, 1, {0, 1, 0}},
        {{0, -inf, 0},
         {0.5, 0, 0.5},
         {0.25, 0, -0.25},
         {-log2, -inf, -log2},
         {0.5, 0, -0.5},
         log2,
         {0.5, 0, 0.5}},
        {{-inf, -inf, -inf},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         -inf,
         {0, 0, 0}},
        {{1, inf, 2},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         inf,
         {0, 1, 0}},
        {{inf, 0, inf},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         inf,
         {0.5, 0, 0.5}},
        {{1, nan, 2},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         {nan, nan, nan},
         nan,
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
                    assert_close("element", at, value_data(tensor_at(result[j], at)),
                                 numbers[j][at]);
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
    return turn % 5 == 4   ? SIDES(3)
           : turn % 5 == 3 ? SIDES(7, 10)
                           : SIDES(turn % 3 + 1, turn / 3 % 3 + 1);
}

START_TEST(cross_entropy_from_labels)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < FORMS * PLACES * 5; turn++) {
        const Sides sides = logits_shape(turn);
        const int64_t rows = sides.rank == 2 ? sides.side[0] : 1,
                      classes = sides.side[sides.rank - 1];
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
        const int64_t rows = sides.rank == 2 ? sides.side[0] : 1,
                      classes = sides.side[sides.rank - 1];
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
            Tensor *x = tensor_leaf(rows[i].x, TENSOR_SHAPE(2)),
                   *z = tensor_leaf(rows[i].x, TENSOR_SHAPE(2));
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
    now_testing_is("tensor_mse of %s in form %d, %s in form %d", sides_text(a, p), f,
                   sides_text(b, q), g);
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
            check_mse((Place)(turn % PLACES), (Form)(turn / 3 % FORMS), (Form)(turn / 5 % FORMS), a,
                      b, whole, &random);
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
        check_mse((Place)(turn % PLACES), (Form)(turn / PLACES % FORMS),
                  (Form)(turn / PLACES / FORMS), SIDES(3, 2), SIDES(2, 3, 2), SIDES(2, 3, 2),
                  &random);
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
    const real inf = (real)INFINITY;
    for (int strict = 0; strict < 2; strict++) {
        const real expected = strict ? (real)NAN : 0;
        valgrad_set_strict_ieee(strict);
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){0, 4}, TENSOR_SHAPE(2));
            Tensor *z = tensor_leaf((real[]){inf, 4}, TENSOR_SHAPE(2));
            Tensor *zero = tensor_zeros(TENSOR_SCALAR);
            Value *y = value_leaf(0);
            assert_status(tensor_backward(tensor_mul(tensor_sqrt(x), zero), NULL), VALGRAD_OK);
            assert_status(tensor_backward(tensor_mul(tensor_mse(z, x), zero), NULL), VALGRAD_OK);
            assert_status(value_backward(value_mul(value_sqrt(y), value_const(0))), VALGRAD_OK);
            assert_same(value_grad(tensor_at(x, 0)), expected);
            assert_same(value_grad(tensor_at(x, 1)), 0);
            assert_same(value_grad(tensor_at(z, 0)), expected);
            assert_same(value_grad(tensor_at(z, 1)), 0);
            assert_same(value_grad(y), expected);
        }
    }
    valgrad_set_strict_ieee(false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_losses");
    TCase *tests = new_case(suite, "softmax", 60);
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
