/* handwritten.c - forward, loss, backward and update of each layer, written out: see handwritten.h. */
#include "bench/handwritten.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/sparse.h"
#include "tensor/threads.h"

typedef struct Layer {
    int64_t in, out;
    real *weights, *biases, *weights_grad, *biases_grad, *output, *output_grad;
} Layer;

struct Handwritten {
    const MnistWorkload *workload;
    const Kernels *kernels;
    HandwrittenProduct *product;
    bool skip_zeros;
    Layer layers[MNIST_LAYERS];
    real *pixels, *scratch, *memory;
    RowLists rows, columns;
    uint8_t lit[MNIST_PIXELS]; /* whether the batch has a pixel there that is not 0 */
};

/* ---- memory ------------------------------------------------------------------------------------ */

static real *take(real **free_memory, int64_t n)
{
    real *memory = *free_memory;
    memset(memory, 0, (size_t)n * sizeof *memory);
    *free_memory += (n + 15) / 16 * 16;
    return memory;
}

static int64_t scratch_size(const Kernels *kernels)
{
    return kernels->gemm_scratch(1 << 20, 1 << 20, 1 << 20, 1);
}

static void lay_out(Handwritten *net, real **memory)
{
    const int64_t batch = net->workload->batch;
    for (int i = 0; i < net->workload->count; i++) {
        Layer *layer = &net->layers[i];
        layer->in = net->workload->sizes[i];
        layer->out = net->workload->sizes[i + 1];
        layer->weights = take(memory, layer->in * layer->out);
        layer->biases = take(memory, layer->out);
        layer->weights_grad = take(memory, layer->in * layer->out);
        layer->biases_grad = take(memory, layer->out);
        layer->output = take(memory, batch * layer->out);
        layer->output_grad = take(memory, batch * layer->out);
    }
    net->pixels = take(memory, batch * MNIST_PIXELS);
    net->scratch = take(memory, scratch_size(net->kernels));
}

/* The numbers that a network of this workload takes. */
static int64_t memory_size(const MnistWorkload *w, const Kernels *kernels)
{
    int64_t size = w->batch * MNIST_PIXELS + scratch_size(kernels) + 32;
    for (int i = 0; i < w->count; i++)
        size += (int64_t)2 * (w->sizes[i] + 1 + w->batch) * w->sizes[i + 1] + 6 * 16;
    return size;
}

static bool take_lists(Handwritten *net)
{
    const size_t batch = (size_t)net->workload->batch, entries = batch * MNIST_PIXELS;
    net->rows.first = malloc(batch * ((size_t)sparse__pieces(MNIST_PIXELS) + 1) * sizeof(int32_t));
    net->rows.column = malloc(batch * (MNIST_PIXELS + LISTS_SLACK) * sizeof(int32_t));
    net->columns.first = malloc(MNIST_PIXELS * ((size_t)sparse__pieces((int64_t)batch) + 1) * sizeof(int32_t));
    net->columns.column = malloc(entries * sizeof(int32_t));
    return net->rows.first && net->rows.column && net->columns.first && net->columns.column;
}

Handwritten *handwritten_new(const MnistWorkload *workload, HandwrittenProduct *product,
                             bool skip_zeros)
{
    Handwritten *net = calloc(1, sizeof *net);
    if (!net)
        return NULL;
    *net = (Handwritten){workload, kernels__get(), product, skip_zeros, .pixels = NULL};
    const size_t bytes = (size_t)memory_size(workload, net->kernels) * sizeof(real);
    net->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!net->memory || (skip_zeros && !take_lists(net))) {
        handwritten_free(net);
        return NULL;
    }
    real *memory = net->memory;
    lay_out(net, &memory);
    return net;
}

void handwritten_free(Handwritten *net)
{
    if (!net)
        return;
    free(net->rows.first);
    free(net->rows.column);
    free(net->columns.first);
    free(net->columns.column);
    free(net->memory);
    free(net);
}

static void start_anew(Handwritten *net)
{
    uint64_t state = 1;
    for (int i = 0; i < net->workload->count; i++) {
        const Layer *layer = &net->layers[i];
        mnist_draw_weights(&state, (int)layer->in, (int)layer->out, layer->weights);
        memset(layer->biases, 0, (size_t)layer->out * sizeof(real));
    }
}

/* ---- forward ----------------------------------------------------------------------------------- */

static void multiply(const Handwritten *net, Gemm gemm, RowLists lists)
{
    gemm.scratch = net->scratch;
    if (lists.first)
        threads__sparse_gemm(&gemm, lists);
    else
        net->product(&gemm);
}

static void activate(const Handwritten *net, real *x, int64_t n)
{
    (net->workload->hidden == NN_RELU ? net->kernels->relu : net->kernels->sigmoid)(x, x, n);
}

static void forward(Handwritten *net, int64_t n)
{
    const real *x = net->pixels;
    for (int i = 0; i < net->workload->count; i++) {
        const Layer *l = &net->layers[i];
        multiply(net,
                 (Gemm){.m = n,
                        .n = l->out,
                        .k = l->in,
                        .a = x,
                        .a_row = l->in,
                        .a_col = 1,
                        .b = l->weights,
                        .b_row = l->out,
                        .b_col = 1,
                        .bias = l->biases,
                        .c = l->output,
                        .ldc = l->out},
                 i == 0 ? net->rows : (RowLists){.first = NULL});
        if (i < net->workload->count - 1)
            activate(net, l->output, n * l->out);
        x = l->output;
    }
}

/* The mean cross-entropy of the batch, and its gradient: (softmax - one-hot) / n. */
static double loss_of(const Handwritten *net, int64_t n, const uint8_t *labels)
{
    const Layer *last = &net->layers[net->workload->count - 1];
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        const real *logits = last->output + i * MNIST_CLASSES;
        real *grad = last->output_grad + i * MNIST_CLASSES;
        const real greatest = net->kernels->max(logits, MNIST_CLASSES);
        const real sum = net->kernels->exponentials(grad, logits, greatest, MNIST_CLASSES);
        net->kernels->scale(grad, 1 / (sum * (real)n), grad, MNIST_CLASSES);
        grad[labels[i]] -= 1 / (real)n;
        loss += log((double)sum) - (double)(logits[labels[i]] - greatest);
    }
    return loss / (double)n;
}

/* ---- backward ---------------------------------------------------------------------------------- */

static void give_to_hidden(const Handwritten *net, const Layer *l, const Layer *before, int64_t n)
{
    real *grad = before->output_grad;
    multiply(net,
             (Gemm){.m = n,
                    .n = l->in,
                    .k = l->out,
                    .a = l->output_grad,
                    .a_row = l->out,
                    .a_col = 1,
                    .b = l->weights,
                    .b_row = 1,
                    .b_col = l->out,
                    .c = grad,
                    .ldc = l->in},
             (RowLists){.first = NULL});
    (net->workload->hidden == NN_RELU ? net->kernels->relu_backward : net->kernels->sigmoid_backward)(
        grad, before->output, grad, n * l->in, 0, 0);
}

static void backward(const Handwritten *net, int64_t n)
{
    for (int i = net->workload->count - 1; i >= 0; i--) {
        const Layer *l = &net->layers[i], *before = i > 0 ? l - 1 : NULL;
        multiply(net,
                 (Gemm){.m = l->in,
                        .n = l->out,
                        .k = n,
                        .a = before ? before->output : net->pixels,
                        .a_row = 1,
                        .a_col = l->in,
                        .b = l->output_grad,
                        .b_row = l->out,
                        .b_col = 1,
                        .c = l->weights_grad,
                        .ldc = l->out},
                 before ? (RowLists){.first = NULL} : net->columns);
        net->kernels->column_sums(l->biases_grad, l->output_grad, n, l->out, l->out, 0);
        if (before)
            give_to_hidden(net, l, before, n);
    }
}

static void update(const Handwritten *net)
{
    const SgdStep step = {.learning_rate = (real)net->workload->learning_rate};
    for (int i = 0; i < net->workload->count; i++) {
        const Layer *l = &net->layers[i];
        threads__step(&(OptimizerStep){.w = l->weights,
                                       .g = l->weights_grad,
                                       .n = l->in * l->out,
                                       .marks = i == 0 && net->skip_zeros ? net->lit : NULL,
                                       .rows = l->in,
                                       .sgd = &step});
        threads__step(&(OptimizerStep){.w = l->biases, .g = l->biases_grad, .n = l->out, .sgd = &step});
    }
}

/* ---- batches ----------------------------------------------------------------------------------- */

static void read_pixels(Handwritten *net, int64_t n, const uint8_t *pixels)
{
    net->kernels->from_bytes(net->pixels, (real)1 / 255, pixels, n * MNIST_PIXELS);
    if (!net->skip_zeros)
        return;
    sparse__list(net->pixels, n, MNIST_PIXELS, &net->rows);
    sparse__turn(n, MNIST_PIXELS, net->rows, &net->columns);
    net->columns.leave_empty = true;
    for (int p = 0; p < MNIST_PIXELS; p++)
        net->lit[p] = row_lists__begin(net->columns, p) < row_lists__end(net->columns, p);
}

double handwritten_train(Handwritten *net, const uint8_t *pixels, const uint8_t *labels)
{
    const MnistWorkload *w = net->workload;
    double loss = 0;
    start_anew(net);
    for (int64_t at = 0; at < w->digits; at += w->batch) {
        const int64_t n = w->digits - at < w->batch ? w->digits - at : w->batch;
        read_pixels(net, n, pixels + at * MNIST_PIXELS);
        forward(net, n);
        loss += loss_of(net, n, labels + at) * (double)n;
        backward(net, n);
        update(net);
    }
    return loss / w->digits;
}

static bool is_right(const real *logits, int label)
{
    for (int j = 0; j < MNIST_CLASSES; j++)
        if (j != label && !(logits[j] < logits[label]))
            return false;
    return true;
}

int handwritten_test(Handwritten *net, int n, const uint8_t *pixels, const uint8_t *labels)
{
    const MnistWorkload *w = net->workload;
    int right = 0;
    for (int64_t at = 0; at < n; at += w->batch) {
        const int64_t count = n - at < w->batch ? n - at : w->batch;
        read_pixels(net, count, pixels + at * MNIST_PIXELS);
        forward(net, count);
        for (int64_t i = 0; i < count; i++)
            right += is_right(net->layers[w->count - 1].output + i * MNIST_CLASSES, labels[at + i]);
    }
    return right;
}
