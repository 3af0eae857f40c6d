/* conv.c - convolution over images, as matrix products.
 *
 * For each image the elements under each window become a column of a matrix of patches, P. With the filters
 * as rows of W the result is W P, of one row for each filter. With its gradient G, that of W is G P^T and
 * that of P is W^T G, of which each column is added to the elements that it was taken from. */
#include <string.h>

#include "tensor/matrix.h"
#include "tensor/window.h"

typedef struct Conv {
    Operation operation; /* operands x, w and perhaps bias */
    Window window;
    int64_t images, channels, filters;
    int64_t pixels, taps, places; /* of an image; rows and columns of P */
    real *patches, *scratch;      /* one buffer */
} Conv;

static Conv *conv_of(const Value *v)
{
    return (Conv *)v->more;
}

static Matrix weights_of(const Conv *conv)
{
    return matrix__plain(conv->filters, conv->taps, conv->operation.operand[1].numbers);
}

static Matrix gradient_of(const Conv *conv, int64_t image)
{
    return matrix__plain(conv->filters, conv->places,
                         conv->operation.dense.grad + image * conv->filters * conv->places);
}

/* ---- patches ----------------------------------------------------------------------------------- */

/* Calls for each stretch of P whose elements lie in one row of the image: n of them from `patch` on, of
 * which `first` … `last`-1 are elements of the image, `step` apart from `source` on. */
typedef void PatchVisitor(void *context, int64_t patch, int64_t n, int64_t first, int64_t last,
                          int64_t source, int64_t step);

static void each_stretch(const Conv *conv, int64_t row, int64_t plane, int64_t i, int64_t j,
                         PatchVisitor *visit, void *context)
{
    const WindowAxis *down = &conv->window.down, *across = &conv->window.across;
    int64_t first, last;
    window__range(across, j, &first, &last);
    for (int64_t y = 0; y < down->out; y++) {
        const int64_t from = window__source(down, y, i),
                      patch = row * conv->places + y * across->out;
        if (!window__is_inside(down, from) || first == last)
            visit(context, patch, across->out, 0, 0, 0, 0);
        else
            visit(context, patch, across->out, first, last,
                  (plane * down->in + from) * across->in + window__source(across, first, j),
                  across->stride);
    }
}

static void each_patch(const Conv *conv, PatchVisitor *visit, void *context)
{
    int64_t row = 0;
    for (int64_t plane = 0; plane < conv->channels; plane++) {
        for (int64_t i = 0; i < conv->window.down.taps; i++) {
            for (int64_t j = 0; j < conv->window.across.taps; j++)
                each_stretch(conv, row++, plane, i, j, visit, context);
        }
    }
}

typedef struct Transfer {
    real *to;
    const real *from;
} Transfer;

static void take_stretch(void *context, int64_t patch, int64_t n, int64_t first, int64_t last,
                         int64_t source, int64_t step)
{
    const Transfer *transfer = context;
    real *to = transfer->to + patch;
    const real *from = transfer->from + source;
    for (int64_t x = 0; x < first; x++)
        to[x] = 0;
    if (step == 1)
        memcpy(to + first, from, (size_t)(last - first) * sizeof *to);
    for (int64_t x = first; step != 1 && x < last; x++)
        to[x] = from[(x - first) * step];
    for (int64_t x = last; x < n; x++)
        to[x] = 0;
}

static void give_stretch(void *context, int64_t patch, int64_t n, int64_t first, int64_t last,
                         int64_t source, int64_t step)
{
    const Transfer *transfer = context;
    real *to = transfer->to + source;
    const real *from = transfer->from + patch;
    (void)n;
    for (int64_t x = first; x < last; x++)
        to[(x - first) * step] += from[x];
}

static void take_patches(const Conv *conv, int64_t image)
{
    const real *x = conv->operation.operand[0].numbers + image * conv->channels * conv->pixels;
    each_patch(conv, take_stretch, &(Transfer){conv->patches, x});
}

/* ---- backward ---------------------------------------------------------------------------------- */

static void give_x(const Conv *conv, bool exactly)
{
    const Operand *x = &conv->operation.operand[0];
    const Matrix turned = matrix__transposed(weights_of(conv));
    const Gradient to = gradient__begin(x);
    if (to.fresh)
        kernels__get()->fill(to.grad, 0, x->tensor->size);
    for (int64_t image = 0; image < conv->images; image++) {
        if (exactly)
            matrix__multiply_exactly(turned, gradient_of(conv, image), false, conv->patches, false);
        else
            matrix__multiply(turned, gradient_of(conv, image), NULL, conv->patches, false,
                             conv->scratch);
        real *grad = to.grad + image * conv->channels * conv->pixels;
        each_patch(conv, give_stretch, &(Transfer){grad, conv->patches});
    }
    gradient__end(x, to);
}

static void give_w(const Conv *conv, bool exactly)
{
    const Operand *w = &conv->operation.operand[1];
    const Matrix turned =
        matrix__transposed(matrix__plain(conv->taps, conv->places, conv->patches));
    const Gradient to = gradient__begin(w);
    if (to.fresh)
        kernels__get()->fill(to.grad, 0, w->tensor->size);
    for (int64_t image = 0; image < conv->images; image++) {
        take_patches(conv, image);
        if (exactly)
            matrix__multiply_exactly(gradient_of(conv, image), turned, true, to.grad, true);
        else
            matrix__multiply(gradient_of(conv, image), turned, NULL, to.grad, true, conv->scratch);
    }
    gradient__end(w, to);
}

static void give_bias(const Conv *conv)
{
    const Operand *bias = &conv->operation.operand[2];
    const Gradient to = gradient__begin(bias);
    for (int64_t f = 0; f < conv->filters; f++) {
        real sum = 0;
        for (int64_t image = 0; image < conv->images; image++)
            sum += kernels__get()->sum(gradient_of(conv, image).numbers + f * conv->places,
                                       conv->places);
        gradient__put(to, f, sum);
    }
    gradient__end(bias, to);
}

static void backward_conv2d(Value *v)
{
    const Conv *conv = conv_of(v);
    const Operation *operation = &conv->operation;
    const bool exactly = matrix__has_infinities(operation->dense.data, operation->dense.n);
    if (operation->operand[0].wants_grad)
        give_x(conv, exactly);
    if (operation->operand[1].wants_grad)
        give_w(conv, exactly);
    if (operation->count == 3 && operation->operand[2].wants_grad)
        give_bias(conv);
}

static void destroy_conv2d(Value *v, bool counted)
{
    buffer__give(conv_of(v)->patches);
    operation__destroy(v, counted);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

/* In P as slots: padding is zeros. */
typedef struct SlotPatches {
    ProgramSlot *to;
    const ProgramSlot *from;
    ProgramSlot zero;
} SlotPatches;

static void take_slots(void *context, int64_t patch, int64_t n, int64_t first, int64_t last,
                       int64_t source, int64_t step)
{
    const SlotPatches *patches = context;
    for (int64_t x = 0; x < n; x++) {
        const bool inside = x >= first && x < last;
        patches->to[patch + x] =
            inside ? patches->from[source + (x - first) * step] : patches->zero;
    }
}

static void expand_image(const Conv *conv, Expansion *e, int64_t image, const ProgramSlot *patches,
                         const ProgramSlot *w, const ProgramSlot *bias, ProgramSlot *pairs)
{
    for (int64_t at = 0; at < conv->filters * conv->places; at++) {
        const int64_t filter = at / conv->places, place = at % conv->places;
        int64_t n = 0;
        for (int64_t tap = 0; tap < conv->taps; tap++) {
            pairs[n++] = w[filter * conv->taps + tap];
            pairs[n++] = patches[tap * conv->places + place];
        }
        if (bias)
            pairs[n++] = bias[filter];
        expansion__result(e, image * conv->filters * conv->places + at,
                          expansion__nary(e, PROGRAM_DOT, n, pairs));
    }
}

static void expand_conv2d(const Value *v, Expansion *e)
{
    const Conv *conv = conv_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e), *w = operation__slots(v, 1, e);
    const ProgramSlot *bias = conv->operation.count == 3 ? operation__slots(v, 2, e) : NULL;
    SlotPatches patches = {.to = expansion__room(e, conv->taps * conv->places)};
    ProgramSlot *pairs = expansion__room(e, 2 * conv->taps + 1);
    if (!pairs)
        return;
    patches.zero = expansion__constant(e, 0);
    for (int64_t image = 0; image < conv->images; image++) {
        patches.from = x + image * conv->channels * conv->pixels;
        each_patch(conv, take_slots, &patches);
        expand_image(conv, e, image, patches.to, w, bias, pairs);
    }
}

static const NodeKind conv_kind = {backward_conv2d, operation__operand_count, operation__operand,
                                   destroy_conv2d, expand_conv2d};

/* ---- forward ----------------------------------------------------------------------------------- */

static void compute(const Conv *conv)
{
    const Kernels *kernels = kernels__get();
    const real *bias = conv->operation.count == 3 ? conv->operation.operand[2].numbers : NULL;
    for (int64_t image = 0; image < conv->images; image++) {
        real *out = conv->operation.dense.data + image * conv->filters * conv->places;
        take_patches(conv, image);
        for (int64_t f = 0; bias && f < conv->filters; f++)
            kernels->fill(out + f * conv->places, bias[f], conv->places);
        matrix__multiply(weights_of(conv), matrix__plain(conv->taps, conv->places, conv->patches),
                         NULL, out, bias != NULL, conv->scratch);
    }
}

static bool check_filters(const char *function, const Tensor *x, const Tensor *w,
                          const Tensor *bias)
{
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    if (w->rank != 4 || (x->rank >= 3 && w->shape[1] != x->shape[x->rank - 3])) {
        error__set(VALGRAD_ERROR_SHAPE,
                   "%s: filters %s for images %s; expected (filters, channels, rows, columns)",
                   function, shape__text(w->rank, w->shape, p), shape__text(x->rank, x->shape, q));
        return false;
    }
    if (!bias || (bias->rank == 1 && bias->shape[0] == w->shape[0]))
        return true;
    error__set(VALGRAD_ERROR_SHAPE, "%s: bias %s for filters %s; expected (filters)", function,
               shape__text(bias->rank, bias->shape, p), shape__text(w->rank, w->shape, q));
    return false;
}

/* Sizes; false and an error if P is larger than memory can be. */
static bool set_sizes(const char *function, const Tensor *x, const Tensor *w, Conv *conv)
{
    Shape patches;
    conv->images = x->rank == 4 ? x->shape[0] : 1;
    conv->filters = w->shape[0];
    conv->channels = w->shape[1];
    conv->pixels = conv->window.down.in * conv->window.across.in;
    const int64_t sides[] = {conv->channels, conv->window.down.taps, conv->window.across.taps,
                             conv->window.down.out, conv->window.across.out};
    if (!shape__check(function, 5, sides, &patches))
        return false;
    conv->taps = sides[0] * sides[1] * sides[2];
    conv->places = sides[3] * sides[4];
    return true;
}

static Tensor *make_node(const char *function, const Conv *plan, const Shape *shape, int count,
                         Tensor *const *operands)
{
    const int64_t patches = plan->taps * plan->places;
    const size_t bytes =
        (size_t)(patches + matrix__scratch(plan->filters, plan->places, plan->taps)) * sizeof(real);
    real *buffer = buffer__take(bytes);
    if (!buffer)
        return error__memory(function, bytes), NULL;
    Value *v = operation__begin(function, &conv_kind, sizeof(Conv), shape, count, operands, 0);
    if (!v)
        return buffer__give(buffer), NULL;
    Conv *conv = conv_of(v);
    const Operation operation = conv->operation;
    *conv = *plan;
    conv->operation = operation;
    conv->patches = buffer;
    conv->scratch = buffer + patches;
    compute(conv);
    return operation__end(v, shape);
}

Tensor *tensor_conv2d(Tensor *x, Tensor *w, Tensor *bias, const TensorWindow *options)
{
    static const char function[] = "tensor_conv2d";
    Conv plan = {.images = 0};
    Shape shape;
    if (!x || !w)
        return error__null(function, x ? "w" : "x"), NULL;
    if (!check_filters(function, x, w, bias) ||
        !window__set(function, x, w->shape[2], w->shape[3], options, (int64_t[]){1, 1},
                     &plan.window, &shape))
        return NULL;
    shape.sides[x->rank - 3] = w->shape[0];
    if (!shape__check(function, shape.rank, shape.sides, &shape) ||
        !set_sizes(function, x, w, &plan))
        return NULL;
    return make_node(function, &plan, &shape, bias ? 3 : 2, (Tensor *[]){x, w, bias});
}
