/* window.h - windows that move over the last two axes of an image: what convolution and pooling share. */
#ifndef VALGRAD_TENSOR_WINDOW_H
#define VALGRAD_TENSOR_WINDOW_H

#include "tensor/tensor_internal.h"

/* One of the two directions: `out` windows of `taps` elements each over `in` elements. */
typedef struct WindowAxis {
    int64_t in, out, taps, stride, padding, dilation;
} WindowAxis;

typedef struct Window {
    WindowAxis down, across;
} Window;

/* The element under a tap of a window; outside of 0 … in-1 in the padding. */
static inline int64_t window__source(const WindowAxis *axis, int64_t out, int64_t tap)
{
    return out * axis->stride - axis->padding + tap * axis->dilation;
}

static inline bool window__is_inside(const WindowAxis *axis, int64_t source)
{
    return source >= 0 && source < axis->in;
}

/* The windows first … last-1 of which this tap is over an element. */
void window__range(const WindowAxis *axis, int64_t tap, int64_t *first, int64_t *last);

/* A window of rows x columns over images (batch, channels, height, width) or (channels, height, width), and
 * the shape of the results, whose channels the caller may change. NULL options: none. False and an error for
 * another rank, a bad option, or a window larger than the padded image. */
bool window__set(const char *function, const Tensor *x, int64_t rows, int64_t columns,
                 const TensorWindow *options, int64_t usual_stride[2], Window *window,
                 Shape *shape);

#endif
