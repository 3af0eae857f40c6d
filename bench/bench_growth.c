/* bench_growth.c - how the cost grows: of a scalar graph with its nodes, of a training step with the batch, with
 * the width of the hidden layer, and with threads.
 *
 *     bench_growth [--json FILE] [--turns N] [workload…]
 *
 * The networks are 784-width-10 with ReLU, on made-up digits of which, as in the real ones, about a fifth of
 * the pixels is not 0. A repetition builds and differentiates a chain of n multiplications and additions, or
 * goes one step of gradient descent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "bench/harness.h"

enum { PIXELS = 784, CLASSES = 10, MOST_BATCH = 1024 };

static void stop(void)
{
    fprintf(stderr, "bench_growth: %s\n", valgrad_last_error());
    exit(EXIT_FAILURE);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

/* x = x a + b, n / 2 times, from 1; its derivative by the start is a^(n/2). */
static void chain(double *results)
{
    const long operations = strtol(strchr(bench_workload->name, '-') + 1, NULL, 10);
    VALGRAD_SCOPE {
        Value *start = value_leaf(1), *a = value_const((real)(1 + 1e-7)),
              *b = value_const((real)1e-9);
        Value *x = start;
        for (long i = 0; i < operations / 2; i++)
            x = value_add(value_mul(x, a), b);
        if (value_backward(x) != VALGRAD_OK)
            stop();
        results[0] = (double)value_grad(start);
    }
}

/* ---- training steps ---------------------------------------------------------------------------- */

typedef struct Training {
    NnMlp *net;
    NnOptimizer *optimizer;
    Tensor *inputs;
    int64_t batch, labels[MOST_BATCH];
} Training;

/* Strokes: a few pixels on, four times as many off. */
static void draw_digits(Random *random, int64_t n, real *pixels)
{
    for (int64_t i = 0; i < n; i++)
        pixels[i] = i / 5 % 5 == 0 ? random_uniform(random, 0, 1) : 0;
}

static void prepare(Training *t, int64_t batch, int64_t width)
{
    static real pixels[MOST_BATCH * PIXELS];
    Random random = random_seeded(1);
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    sgd.learning_rate = 0;
    draw_digits(&random, batch * PIXELS, pixels);
    t->batch = batch;
    for (int64_t i = 0; i < batch; i++)
        t->labels[i] = i % CLASSES;
    t->net = nn_mlp_new(NN_SIZES(PIXELS, width, CLASSES), NULL, &random);
    t->optimizer = nn_optimizer_sgd(nn_mlp_parameters(t->net), &sgd);
    t->inputs = tensor_param(pixels, TENSOR_SHAPE(batch, PIXELS));
    if (!t->optimizer || !t->inputs || tensor_set_wants_grad(t->inputs, false) != VALGRAD_OK)
        stop();
}

/* The rate is 0, so that every repetition has the same loss; the weights are written all the same. */
static void step(double *results)
{
    static Training t;
    if (!t.net) {
        long batch = 256, width = 512; /* of those that are about threads */
        sscanf(bench_workload->name, "step-%ld-%ld", &batch, &width);
        if (valgrad_set_threads(bench_workload->threads) != VALGRAD_OK)
            stop();
        prepare(&t, batch, width);
    }
    VALGRAD_SCOPE {
        Tensor *loss = tensor_cross_entropy(nn_mlp_forward(t.net, t.inputs), t.batch, t.labels);
        nn_optimizer_zero_grad(t.optimizer);
        if (tensor_backward(loss, NULL) != VALGRAD_OK ||
            nn_optimizer_step(t.optimizer) != VALGRAD_OK)
            stop();
        results[0] = (double)tensor_item(loss);
    }
}

#ifdef VALGRAD_FLOAT
#define PRECISION "float"
#else
#define PRECISION "double"
#endif

#define CHAIN(n, derivative)                                                                       \
    {                                                                                              \
        .name = "chain-" #n, .title = "a chain of " #n " operations", .threads = 1, .unit = "us",  \
        .scale = 1e6, .tolerance = sizeof(real) == 8 ? 1e-9 : 1e-1,                                \
        .results = {{"the derivative by the start", derivative}}, .programs = {                    \
            {.name = "ours", .run = chain}                                                         \
        }                                                                                          \
    }
#define STEP(batch, width, loss)                                                                   \
    {                                                                                              \
        .name = "step-" #batch "-" #width, .title = "a step of 784-" #width "-10, batch " #batch,  \
        .threads = 1, .unit = "us", .scale = 1e6, .tolerance = 1e-5,                               \
        .results = {{"the loss", loss}}, .programs = {                                             \
            {.name = "ours", .run = step}                                                          \
        }                                                                                          \
    }
#define THREADS(n)                                                                                 \
    {                                                                                              \
        .name = "threads-" #n, .title = "a step of 784-512-10, batch 256, threads: " #n,           \
        .threads = n, .unit = "us", .scale = 1e6, .tolerance = 1e-5,                               \
        .results = {{"the loss", 2.30502016}}, .programs = {                                            \
            {.name = "ours", .run = step}                                                          \
        }                                                                                          \
    }

static const BenchWorkload workloads[] = {
    CHAIN(100, 1.000005000012250),
    CHAIN(1000, 1.000050001247520),
    CHAIN(10000, 1.000500124970831),
    CHAIN(100000, 1.005012520601336),
    CHAIN(1000000, 1.051271093747599),
    CHAIN(10000000, 1.648721229486),
    STEP(1, 128, 2.339189),
    STEP(4, 128, 2.294483),
    STEP(16, 128, 2.278303),
    STEP(64, 128, 2.301637),
    STEP(256, 128, 2.30336),
    STEP(512, 128, 2.302362),
    STEP(1024, 128, 2.30676),
    STEP(64, 16, 2.304376),
    STEP(64, 32, 2.304935),
    STEP(64, 64, 2.303631),
    STEP(64, 256, 2.305399),
    STEP(64, 512, 2.301264),
    STEP(64, 1024, 2.301085),
    THREADS(1),
    THREADS(2),
    THREADS(4),
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, PRECISION, sizeof workloads / sizeof *workloads, workloads);
}
