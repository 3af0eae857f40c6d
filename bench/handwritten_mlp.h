/* handwritten_mlp.h - the yardstick: a network of one hidden layer trained by plain C without any
 * graph, with the library's kernels. Every buffer is a member, every step written out. */
#ifndef BENCH_HANDWRITTEN_MLP_H
#define BENCH_HANDWRITTEN_MLP_H

#include <math.h>
#include <stdint.h>

#include "tensor/kernels.h"

enum { INPUTS = 784, HIDDEN = 128, OUTPUTS = 10, BATCH = 64, SCRATCH = 1 << 16 };

typedef struct HandwrittenMlp {
    const Kernels *kernels;
    real w1[INPUTS * HIDDEN], b1[HIDDEN], w2[HIDDEN * OUTPUTS], b2[OUTPUTS];
    real w1_grad[INPUTS * HIDDEN], b1_grad[HIDDEN], w2_grad[HIDDEN * OUTPUTS], b2_grad[OUTPUTS];
    real x[BATCH * INPUTS], hidden[BATCH * HIDDEN], hidden_grad[BATCH * HIDDEN];
    real logits[BATCH * OUTPUTS], logits_grad[BATCH * OUTPUTS];
    real scratch[SCRATCH];
} HandwrittenMlp;

static inline void handwritten_forward(HandwrittenMlp *net, int64_t n)
{
    net->kernels->gemm(&(Gemm){.m = n,
                               .n = HIDDEN,
                               .k = INPUTS,
                               .a = net->x,
                               .a_row = INPUTS,
                               .a_col = 1,
                               .b = net->w1,
                               .b_row = HIDDEN,
                               .b_col = 1,
                               .bias = net->b1,
                               .c = net->hidden,
                               .ldc = HIDDEN,
                               .scratch = net->scratch});
    net->kernels->relu(net->hidden, net->hidden, n * HIDDEN);
    net->kernels->gemm(&(Gemm){.m = n,
                               .n = OUTPUTS,
                               .k = HIDDEN,
                               .a = net->hidden,
                               .a_row = HIDDEN,
                               .a_col = 1,
                               .b = net->w2,
                               .b_row = OUTPUTS,
                               .b_col = 1,
                               .bias = net->b2,
                               .c = net->logits,
                               .ldc = OUTPUTS,
                               .scratch = net->scratch});
}

/* The mean cross-entropy of the batch, and its gradient: (softmax - one-hot) / n. */
static inline double handwritten_loss(HandwrittenMlp *net, int64_t n, const uint8_t *labels)
{
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        const real *logits = net->logits + i * OUTPUTS;
        real *grad = net->logits_grad + i * OUTPUTS, greatest = logits[0], sum = 0;
        for (int j = 1; j < OUTPUTS; j++)
            greatest = logits[j] > greatest ? logits[j] : greatest;
        for (int j = 0; j < OUTPUTS; j++) {
            grad[j] = sizeof(real) == 8 ? (real)exp((double)(logits[j] - greatest))
                                        : (real)expf((float)(logits[j] - greatest));
            sum += grad[j];
        }
        for (int j = 0; j < OUTPUTS; j++)
            grad[j] /= sum * (real)n;
        grad[labels[i]] -= 1 / (real)n;
        loss += log((double)sum) - (double)(logits[labels[i]] - greatest);
    }
    return loss / (double)n;
}

static inline void handwritten_backward(HandwrittenMlp *net, int64_t n)
{
    net->kernels->gemm(&(Gemm){.m = HIDDEN,
                               .n = OUTPUTS,
                               .k = n,
                               .a = net->hidden,
                               .a_row = 1,
                               .a_col = HIDDEN,
                               .b = net->logits_grad,
                               .b_row = OUTPUTS,
                               .b_col = 1,
                               .c = net->w2_grad,
                               .ldc = OUTPUTS,
                               .scratch = net->scratch});
    net->kernels->column_sums(net->b2_grad, net->logits_grad, n, OUTPUTS, OUTPUTS, 0);
    net->kernels->gemm(&(Gemm){.m = n,
                               .n = HIDDEN,
                               .k = OUTPUTS,
                               .a = net->logits_grad,
                               .a_row = OUTPUTS,
                               .a_col = 1,
                               .b = net->w2,
                               .b_row = 1,
                               .b_col = OUTPUTS,
                               .c = net->hidden_grad,
                               .ldc = HIDDEN,
                               .scratch = net->scratch});
    net->kernels->relu_backward(net->hidden_grad, net->hidden, net->hidden_grad, n * HIDDEN, 0, 0);
    net->kernels->gemm(&(Gemm){.m = INPUTS,
                               .n = HIDDEN,
                               .k = n,
                               .a = net->x,
                               .a_row = 1,
                               .a_col = INPUTS,
                               .b = net->hidden_grad,
                               .b_row = HIDDEN,
                               .b_col = 1,
                               .c = net->w1_grad,
                               .ldc = HIDDEN,
                               .scratch = net->scratch});
    net->kernels->column_sums(net->b1_grad, net->hidden_grad, n, HIDDEN, HIDDEN, 0);
}

static inline void handwritten_update(HandwrittenMlp *net, double learning_rate)
{
    const SgdStep step = {.learning_rate = (real)learning_rate};
    net->kernels->sgd(net->w1, net->w1_grad, NULL, INPUTS * HIDDEN, &step);
    net->kernels->sgd(net->b1, net->b1_grad, NULL, HIDDEN, &step);
    net->kernels->sgd(net->w2, net->w2_grad, NULL, HIDDEN * OUTPUTS, &step);
    net->kernels->sgd(net->b2, net->b2_grad, NULL, OUTPUTS, &step);
}

/* One epoch over count images in order; the mean loss. */
static inline double handwritten_epoch(HandwrittenMlp *net, int64_t count, const uint8_t *pixels,
                                       const uint8_t *labels, double learning_rate)
{
    double loss = 0;
    for (int64_t at = 0; at < count; at += BATCH) {
        int64_t n = count - at < BATCH ? count - at : BATCH;
        net->kernels->from_bytes(net->x, (real)1 / 255, pixels + at * INPUTS, n * INPUTS);
        handwritten_forward(net, n);
        loss += handwritten_loss(net, n, labels + at) * (double)n;
        handwritten_backward(net, n);
        handwritten_update(net, learning_rate);
    }
    return loss / (double)count;
}

#endif
