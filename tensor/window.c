/* window.c - where windows lie on an image. */
#include "tensor/window.h"

void window__range(const WindowAxis *axis, int64_t tap, int64_t *first, int64_t *last)
{
    *first = 0;
    while (*first < axis->out && window__source(axis, *first, tap) < 0)
        (*first)++;
    *last = axis->out;
    while (*last > *first && window__source(axis, *last - 1, tap) >= axis->in)
        (*last)--;
}

static bool check_option(const char *function, const char *name, int64_t option, int64_t least)
{
    if (option >= least && option <= INT32_MAX)
        return true;
    error__set(VALGRAD_ERROR_ARGUMENT, "%s: a %s of %lld; expected %lld or more", function, name,
               (long long)option, (long long)least);
    return false;
}

/* The options are 32-bit numbers by now and the image is in memory: nothing overflows. */
static bool set_axis(const char *function, const char *name, WindowAxis *axis)
{
    if (!check_option(function, "window side", axis->taps, 1) ||
        !check_option(function, "stride", axis->stride, 1) ||
        !check_option(function, "padding", axis->padding, 0) ||
        !check_option(function, "dilation", axis->dilation, 1))
        return false;
    const int64_t span = (axis->taps - 1) * axis->dilation + 1, room = axis->in + 2 * axis->padding;
    if (axis->in > INT32_MAX || span > room) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: a window over %lld %s on %lld, padded", function,
                   (long long)span, name, (long long)room);
        return false;
    }
    axis->out = (room - span) / axis->stride + 1;
    return true;
}

static WindowAxis make_axis(int64_t in, int64_t taps, const TensorWindow *options, int i,
                            const int64_t usual_stride[2])
{
    static const TensorWindow none = TENSOR_WINDOW_INIT;
    const TensorWindow *given = options ? options : &none;
    return (WindowAxis){.in = in,
                        .taps = taps,
                        .stride = given->stride[i] == 0 ? usual_stride[i] : given->stride[i],
                        .padding = given->padding[i],
                        .dilation = given->dilation[i] == 0 ? 1 : given->dilation[i]};
}

bool window__set(const char *function, const Tensor *x, int64_t rows, int64_t columns,
                 const TensorWindow *options, int64_t usual_stride[2], Window *window, Shape *shape)
{
    if (x->rank < 3 || x->rank > 4) {
        char text[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE,
                   "%s: images of shape %s; expected (batch, channels, height, width) or "
                   "(channels, height, width)",
                   function, shape__text(x->rank, x->shape, text));
        return false;
    }
    window->down = make_axis(x->shape[x->rank - 2], rows, options, 0, usual_stride);
    window->across = make_axis(x->shape[x->rank - 1], columns, options, 1, usual_stride);
    if (!set_axis(function, "rows", &window->down) ||
        !set_axis(function, "columns", &window->across))
        return false;
    *shape = shape__of(x);
    shape->sides[x->rank - 2] = window->down.out;
    shape->sides[x->rank - 1] = window->across.out;
    return shape__check(function, shape->rank, shape->sides, shape);
}
