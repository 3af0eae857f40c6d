/* test_tensor_images.c - convolution and pooling mean what their definitions, written element by element,
 * mean, for windows of every kind. */
#include "tensor_testing.h"

static const Range WIDE = {-3, 3, false}, COARSE = {-1, 1, true};

/* ---- definitions ------------------------------------------------------------------------------- */

/* An image operation to be tried: sizes, a window, its options as the library gets them. */
typedef struct Setting {
    int64_t batch, channels, height, width; /* batch 0: rank 3 */
    int64_t filters, rows, columns;
    TensorWindow window;
} Setting;

static int64_t stride_of(const Setting *s, int direction, bool pool)
{
    const int64_t side = direction ? s->columns : s->rows;
    return s->window.stride[direction] ? s->window.stride[direction] : pool ? side : 1;
}

static int64_t dilation_of(const Setting *s, int direction)
{
    return s->window.dilation[direction] ? s->window.dilation[direction] : 1;
}

/* The side of the result; 0 or less: the window does not fit. */
static int64_t result_side(const Setting *s, int direction, bool pool)
{
    const int64_t side = direction ? s->width : s->height, taps = direction ? s->columns : s->rows;
    const int64_t room =
        side + 2 * s->window.padding[direction] - dilation_of(s, direction) * (taps - 1) - 1;
    return room < 0 ? 0 : room / stride_of(s, direction, pool) + 1;
}

/* Element (plane, i stride + p dilation - padding, j …) of x; NULL in the padding. */
static Value *under(const Setting *s, Tensor *x, int64_t plane, int64_t i, int64_t j, int64_t p,
                    int64_t q, bool pool)
{
    const int64_t row = i * stride_of(s, 0, pool) + p * dilation_of(s, 0) - s->window.padding[0];
    const int64_t column = j * stride_of(s, 1, pool) + q * dilation_of(s, 1) - s->window.padding[1];
    if (row < 0 || row >= s->height || column < 0 || column >= s->width)
        return NULL;
    return tensor_at(x, (plane * s->height + row) * s->width + column);
}

static Value *convolved(const Setting *s, const Operand *xwb, bool bias, int64_t image, int64_t f,
                        int64_t i, int64_t j)
{
    Value *xs[MOST], *ws[MOST];
    size_t n = 0;
    for (int64_t c = 0; c < s->channels; c++) {
        for (int64_t p = 0; p < s->rows; p++) {
            for (int64_t q = 0; q < s->columns; q++) {
                xs[n] = under(s, xwb[0].tensor, image * s->channels + c, i, j, p, q, false);
                ws[n] = tensor_at(xwb[1].tensor,
                                  ((f * s->channels + c) * s->rows + p) * s->columns + q);
                n += xs[n] != NULL;
            }
        }
    }
    return keep_value(bias ? value_affine(n, xs, ws, tensor_at(xwb[2].tensor, f))
                           : value_dot(n, xs, ws));
}

static size_t covered(const Setting *s, Tensor *x, int64_t plane, int64_t i, int64_t j, Value **out)
{
    size_t n = 0;
    for (int64_t p = 0; p < s->rows; p++) {
        for (int64_t q = 0; q < s->columns; q++) {
            out[n] = under(s, x, plane, i, j, p, q, true);
            n += out[n] != NULL;
        }
    }
    return n;
}

/* ---- against the definitions --------------------------------------------------------------------- */

static Sides image_sides(const Setting *s)
{
    return s->batch ? SIDES(s->batch, s->channels, s->height, s->width)
                    : SIDES(s->channels, s->height, s->width);
}

static Sides result_sides(const Setting *s, int64_t channels, bool pool)
{
    const int64_t height = result_side(s, 0, pool), width = result_side(s, 1, pool);
    return s->batch ? SIDES(s->batch, channels, height, width) : SIDES(channels, height, width);
}

static void check_conv(const Setting *s, Place place, const Form forms[3], bool bias, Range range,
                       Random *random)
{
    const Sides w = SIDES(s->filters, s->channels, s->rows, s->columns);
    const Sides out = result_sides(s, s->filters, false);
    place_begin(place);
    const Operand xwb[] = {make_operand(forms[0], random, range, image_sides(s)),
                           make_operand(forms[1], random, range, w),
                           make_operand(forms[2], random, range, SIDES(s->filters))};
    Tensor *t =
        keep(tensor_conv2d(xwb[0].tensor, xwb[1].tensor, bias ? xwb[2].tensor : NULL, &s->window));
    assert_shape(t, out);
    Value *expanded[MOST];
    for (int64_t at = 0; at < size_of(out); at++) {
        const int64_t j = at % out.side[out.rank - 1],
                      i = at / out.side[out.rank - 1] % out.side[out.rank - 2];
        const int64_t plane = at / out.side[out.rank - 1] / out.side[out.rank - 2];
        expanded[at] = convolved(s, xwb, bias, plane / s->filters, plane % s->filters, i, j);
    }
    compare(t, size_of(out), expanded, xwb, bias ? 3 : 2, random);
    place_end();
}

static void check_pool(const Setting *s, Place place, Form form, bool max, Range range,
                       Random *random)
{
    const Sides out = result_sides(s, s->channels, true);
    place_begin(place);
    const Operand x = make_operand(form, random, range, image_sides(s));
    Tensor *t = keep(max ? tensor_max_pool2d(x.tensor, s->rows, s->columns, &s->window)
                         : tensor_avg_pool2d(x.tensor, s->rows, s->columns, &s->window));
    assert_shape(t, out);
    Value *expanded[MOST], *under_window[MOST];
    for (int64_t at = 0; at < size_of(out); at++) {
        const int64_t j = at % out.side[out.rank - 1],
                      i = at / out.side[out.rank - 1] % out.side[out.rank - 2];
        const int64_t plane = at / out.side[out.rank - 1] / out.side[out.rank - 2];
        const size_t n = covered(s, x.tensor, plane, i, j, under_window);
        Value *taps = keep_value(value_const((real)(s->rows * s->columns)));
        expanded[at] = max ? under_window[first_max(n, under_window)]
                           : keep_value(value_div(sum_of(n, under_window), taps));
    }
    compare(t, size_of(out), expanded, &x, 1, random);
    place_end();
}

static Setting random_setting(Random *random)
{
    Setting s = {.batch = (int64_t)random_below(random, 3),
                 .channels = 1 + (int64_t)random_below(random, 3),
                 .height = 1 + (int64_t)random_below(random, 6),
                 .width = 1 + (int64_t)random_below(random, 6),
                 .filters = 1 + (int64_t)random_below(random, 3),
                 .rows = 1 + (int64_t)random_below(random, 3),
                 .columns = 1 + (int64_t)random_below(random, 3)};
    for (int direction = 0; direction < 2; direction++) {
        s.window.stride[direction] = (int64_t)random_below(random, 4);
        s.window.padding[direction] = (int64_t)random_below(random, 3);
        s.window.dilation[direction] = (int64_t)random_below(random, 3);
    }
    return s;
}

static void name_setting(const char *what, const Setting *s, int turn)
{
    now_testing_is("%s %d: (%d, %d, %d, %d), window %d x %d", what, turn, (int)s->batch,
                   (int)s->channels, (int)s->height, (int)s->width, (int)s->rows, (int)s->columns);
}

START_TEST(convolutions)
{
    Random random = random_seeded(1);
    for (int turn = 0; turn < (is_full_test() ? 10000 : 400); turn++) {
        const Setting s = random_setting(&random);
        const Form forms[] = {(Form)(turn % FORMS), (Form)(turn / 2 % FORMS),
                              (Form)(turn / 3 % FORMS)};
        name_setting("convolution", &s, turn);
        if (result_side(&s, 0, false) > 0 && result_side(&s, 1, false) > 0)
            check_conv(&s, (Place)(turn % PLACES), forms, turn % 4, WIDE, &random);
    }
}
END_TEST

/* Whether a window lies on padding alone: then there is no maximum. */
static bool has_empty_window(const Setting *s)
{
    Value *under_window[MOST];
    bool empty = false;
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(1, s->height, s->width));
        for (int64_t i = 0; i < result_side(s, 0, true); i++) {
            for (int64_t j = 0; j < result_side(s, 1, true); j++)
                empty |= covered(s, x, 0, i, j, under_window) == 0;
        }
    }
    return empty;
}

/* _i: maxima. Half of the numbers have ties. */
START_TEST(pools)
{
    Random random = random_seeded(2);
    for (int turn = 0; turn < (is_full_test() ? 20000 : 800); turn++) {
        const Setting s = random_setting(&random);
        name_setting(_i ? "max_pool2d" : "avg_pool2d", &s, turn);
        if (result_side(&s, 0, true) <= 0 || result_side(&s, 1, true) <= 0)
            continue;
        if (!_i || !has_empty_window(&s)) {
            check_pool(&s, (Place)(turn % PLACES), (Form)(turn / 3 % FORMS), _i,
                       turn % 2 ? WIDE : COARSE, &random);
            continue;
        }
        VALGRAD_SCOPE {
            ck_assert_ptr_null(tensor_max_pool2d(tensor_zeros(AS_SHAPE(image_sides(&s))), s.rows,
                                                 s.columns, &s.window));
            assert_error(VALGRAD_ERROR_ARGUMENT, "a window covers padding only");
        }
    }
}
END_TEST

/* ---- at their ends ------------------------------------------------------------------------------- */

START_TEST(maxima_of_nan_infinities_and_ties)
{
    const real inf = (real)INFINITY, nan = (real)NAN;
    const struct {
        real x[4], max;
        int from;
    } windows[] = {
        {{1, 2, 2, 0}, 2, 1},       {{-inf, -inf, -inf, -inf}, -inf, 0},
        {{inf, 1, inf, 2}, inf, 0}, {{1, nan, inf, nan}, nan, 1},
        {{nan, 1, 2, 3}, nan, 0},
    };
    for (size_t i = 0; i < COUNT(windows); i++) {
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf(windows[i].x, TENSOR_SHAPE(1, 2, 2));
            Tensor *max = tensor_max_pool2d(x, 2, 2, NULL);
            assert_status(tensor_backward(max, NULL), VALGRAD_OK);
            assert_same(value_data(tensor_at(max, 0)), windows[i].max);
            for (int j = 0; j < 4; j++)
                assert_same(value_grad(tensor_at(x, j)), j == windows[i].from);
        }
    }
}
END_TEST

/* What gets no gradient passes none on beside an infinite filter, unless IEEE is asked for. */
START_TEST(convolution_with_an_infinite_filter)
{
    for (int strict = 0; strict < 2; strict++) {
        valgrad_set_strict_ieee(strict);
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){1, 2, 3, 4}, TENSOR_SHAPE(1, 2, 2));
            Tensor *w = tensor_leaf((real[]){5, (real)INFINITY}, TENSOR_SHAPE(2, 1, 1, 1));
            Tensor *y = tensor_conv2d(x, w, NULL, NULL);
            assert_status(value_backward(tensor_at(y, 1)), VALGRAD_OK);
            for (int i = 0; i < 4; i++)
                assert_same(value_grad(tensor_at(x, i)), strict ? (real)NAN : i == 1 ? 5 : 0);
            assert_same(value_grad(tensor_at(w, 0)), 2);
            assert_same(value_grad(tensor_at(w, 1)), 0);
        }
    }
    valgrad_set_strict_ieee(false);
}
END_TEST

START_TEST(no_images_and_no_filters)
{
    VALGRAD_SCOPE {
        Tensor *none = tensor_leaf(NULL, TENSOR_SHAPE(0, 2, 3, 3)),
               *x = tensor_leaf(NULL, TENSOR_SHAPE(2, 3, 3));
        Tensor *w = tensor_leaf(NULL, TENSOR_SHAPE(4, 2, 2, 2)),
               *no_w = tensor_leaf(NULL, TENSOR_SHAPE(0, 2, 2, 2));
        Tensor *bias = tensor_leaf(NULL, TENSOR_SHAPE(4));
        assert_status(tensor_backward(tensor_conv2d(none, w, bias, NULL), NULL), VALGRAD_OK);
        assert_status(tensor_backward(tensor_conv2d(x, no_w, NULL, NULL), NULL), VALGRAD_OK);
        assert_same(value_grad(tensor_at(w, 3)), 0);
        assert_same(value_grad(tensor_at(bias, 3)), 0);
        assert_same(value_grad(tensor_at(x, 3)), 0);
        assert_status(tensor_backward(tensor_max_pool2d(none, 2, 2, NULL), NULL), VALGRAD_OK);
        assert_status(tensor_backward(tensor_avg_pool2d(none, 2, 2, NULL), NULL), VALGRAD_OK);
    }
}
END_TEST

START_TEST(windows_that_do_not_fit)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(2, 3, 4)),
               *w = tensor_zeros(TENSOR_SHAPE(5, 2, 4, 2));
        Tensor *flat = tensor_zeros(TENSOR_SHAPE(3, 4)), *five = tensor_zeros(TENSOR_SHAPE(5));
        assert_fails(tensor_conv2d(NULL, w, five, NULL), VALGRAD_ERROR_NULL,
                     "tensor_conv2d: x is NULL");
        assert_fails(tensor_conv2d(x, NULL, five, NULL), VALGRAD_ERROR_NULL,
                     "tensor_conv2d: w is NULL");
        assert_fails(tensor_conv2d(x, w, five, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_conv2d: a window over 4 rows on 3, padded");
        assert_fails(tensor_conv2d(x, w, five, &(TensorWindow){{0, 0}, {1, 0}, {1, 4}}),
                     VALGRAD_ERROR_SHAPE, "tensor_conv2d: a window over 5 columns on 4, padded");
        assert_fails(
            tensor_conv2d(flat, w, five, NULL), VALGRAD_ERROR_SHAPE,
            "tensor_conv2d: images of shape (3, 4); expected (batch, channels, height, width) or "
            "(channels, height, width)");
        assert_fails(tensor_conv2d(x, flat, five, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_conv2d: filters (3, 4) for images (2, 3, 4); expected (filters, "
                     "channels, rows, columns)");
        assert_fails(tensor_conv2d(x, tensor_zeros(TENSOR_SHAPE(5, 3, 1, 1)), five, NULL),
                     VALGRAD_ERROR_SHAPE,
                     "tensor_conv2d: filters (5, 3, 1, 1) for images (2, 3, 4); expected (filters, "
                     "channels, "
                     "rows, columns)");
        assert_fails(tensor_conv2d(x, w, flat, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_conv2d: bias (3, 4) for filters (5, 2, 4, 2); expected (filters)");
        assert_fails(tensor_conv2d(x, w, NULL, &(TensorWindow){{-1, 0}, {1, 0}, {0, 0}}),
                     VALGRAD_ERROR_ARGUMENT, "tensor_conv2d: a stride of -1; expected 1 or more");
        assert_fails(tensor_conv2d(x, w, NULL, &(TensorWindow){{0, 0}, {1, -1}, {0, 0}}),
                     VALGRAD_ERROR_ARGUMENT, "tensor_conv2d: a padding of -1; expected 0 or more");
        assert_fails(tensor_conv2d(x, w, NULL, &(TensorWindow){{0, 0}, {1, 0}, {0, -2}}),
                     VALGRAD_ERROR_ARGUMENT, "tensor_conv2d: a dilation of -2; expected 1 or more");
        assert_fails(tensor_conv2d(x, w, NULL, &(TensorWindow){{0, 0}, {INT64_MAX, 0}, {0, 0}}),
                     VALGRAD_ERROR_ARGUMENT,
                     "tensor_conv2d: a padding of 9223372036854775807; expected 0 or more");
        assert_fails(tensor_conv2d(x, tensor_zeros(TENSOR_SHAPE(5, 2, 0, 1)), NULL, NULL),
                     VALGRAD_ERROR_ARGUMENT,
                     "tensor_conv2d: a window side of 0; expected 1 or more");
        assert_fails(tensor_max_pool2d(NULL, 2, 2, NULL), VALGRAD_ERROR_NULL,
                     "tensor_max_pool2d: x is NULL");
        assert_fails(tensor_avg_pool2d(NULL, 2, 2, NULL), VALGRAD_ERROR_NULL,
                     "tensor_avg_pool2d: x is NULL");
        assert_fails(tensor_avg_pool2d(x, 2, 5, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_avg_pool2d: a window over 5 columns on 4, padded");
        assert_fails(tensor_max_pool2d(x, 2, 2, &(TensorWindow){{0, 0}, {0, 2}, {0, 0}}),
                     VALGRAD_ERROR_ARGUMENT, "tensor_max_pool2d: a window covers padding only");
    }
}
END_TEST

/* Views of one number are of any size; what would have to be computed is not. */
START_TEST(images_larger_than_memory)
{
    const int64_t wide = (int64_t)1 << 21, many = (int64_t)1 << 30, most = INT32_MAX;
    VALGRAD_SCOPE {
        Tensor *one = tensor_zeros(TENSOR_SHAPE(1)),
               *x = tensor_broadcast(one, TENSOR_SHAPE(1, wide, wide));
        Tensor *w = tensor_broadcast(one, TENSOR_SHAPE(1, 1, 1024, 1024));
        Tensor *filters = tensor_broadcast(one, TENSOR_SHAPE(many, 1, 1, 1));
        assert_fails(
            tensor_conv2d(x, w, NULL, NULL), VALGRAD_ERROR_SHAPE,
            "tensor_conv2d: shape (1, 1024, 1024, 2096129, 2096129) has too many elements");
        assert_fails(tensor_conv2d(x, filters, NULL, NULL), VALGRAD_ERROR_SHAPE,
                     "tensor_conv2d: shape (1073741824, 2097152, 2097152) has too many elements");
        const TensorWindow padded = {{1, 1}, {most, most}, {0, 0}};
        assert_fails(tensor_max_pool2d(x, 1, 1, &padded), VALGRAD_ERROR_SHAPE,
                     "tensor_max_pool2d: shape (1, 4297064446, 4297064446) has too many elements");
        Tensor *a = tensor_broadcast(one, TENSOR_SHAPE(many, wide, 1));
        Tensor *b = tensor_broadcast(one, TENSOR_SHAPE(1, 1, wide));
        assert_fails(tensor_matmul(a, b), VALGRAD_ERROR_SHAPE,
                     "tensor_matmul: shape (1073741824, 2097152, 2097152) has too many elements");
        Tensor *none = tensor_leaf(NULL, TENSOR_SHAPE((int64_t)1 << 58, 0)), *nones[40];
        for (size_t i = 0; i < COUNT(nones); i++)
            nones[i] = none;
        assert_fails(tensor_concat(COUNT(nones), nones, 0), VALGRAD_ERROR_SHAPE,
                     "tensor_concat: shape (9223372036854775807, 0) has too many elements");
        assert_fails(tensor_reshape(none, TENSOR_SHAPE(0, many, many)), VALGRAD_ERROR_SHAPE,
                     "tensor_reshape: shape (0, 1073741824, 1073741824) has too many elements");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_images");
    TCase *tests = new_case(suite, "definitions", 60);
    tcase_add_test(tests, convolutions);
    tcase_add_loop_test(tests, pools, 0, 2);
    tests = new_case(suite, "ends", 10);
    tcase_add_test(tests, maxima_of_nan_infinities_and_ties);
    tcase_add_test(tests, convolution_with_an_infinite_filter);
    tcase_add_test(tests, no_images_and_no_filters);
    tcase_add_test(tests, windows_that_do_not_fit);
    tcase_add_test(tests, images_larger_than_memory);
    return run_suite(suite);
}
