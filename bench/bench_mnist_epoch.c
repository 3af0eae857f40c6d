/* bench_mnist_epoch.c - what the graph costs: one epoch of MNIST through it, beside plain C without
 * one.
 *
 *     bench_mnist_epoch [repetitions]
 *
 * Both train the same 784-128-10 ReLU network from the same weights: softmax cross-entropy, plain
 * SGD, learning rate 0.1, batches of 64 in the order of the files, on one thread, with the same
 * kernels. The two take turns, so that a noisy machine disturbs both alike. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <valgrad/valgrad.h>

#include "bench/handwritten_mlp.h"

enum { MOST_REPETITIONS = 101, PARAMETERS = 4 };

static const double learning_rate = 0.1;

typedef struct Run {
    double seconds[MOST_REPETITIONS], loss;
} Run;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void stop(const char *message)
{
    fprintf(stderr, "bench_mnist_epoch: %s\n", message);
    exit(EXIT_FAILURE);
}

/* ---- through the graph ----------------------------------------------------------------------- */

typedef struct Graph {
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *loader;
} Graph;

static Graph new_graph(const NnDataset *digits)
{
    Graph graph;
    Random random = random_seeded(1);
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    sgd.learning_rate = learning_rate;
    options.batch = BATCH;
    options.sequential = true;
    graph.net = nn_mlp_new(NN_SIZES(INPUTS, HIDDEN, OUTPUTS), NULL, &random);
    graph.optimizer = nn_optimizer_sgd(nn_mlp_parameters(graph.net), &sgd);
    graph.loader = nn_loader_new(digits, &options);
    if (!graph.optimizer || !graph.loader)
        stop(valgrad_last_error());
    return graph;
}

static void free_graph(Graph *graph)
{
    nn_loader_free(graph->loader);
    nn_optimizer_free(graph->optimizer);
    nn_mlp_free(graph->net);
}

static double graph_epoch(Graph *graph)
{
    double total = 0;
    for (const NnBatch *batch; (batch = nn_loader_next(graph->loader));)
        VALGRAD_SCOPE {
            Tensor *logits = nn_mlp_forward(graph->net, batch->inputs);
            Tensor *loss = tensor_cross_entropy(logits, batch->count, batch->labels);
            nn_optimizer_zero_grad(graph->optimizer);
            if (tensor_backward(loss, NULL) != VALGRAD_OK)
                stop(valgrad_last_error());
            nn_optimizer_step(graph->optimizer);
            total += (double)tensor_item(loss) * (double)batch->count;
        }
    return total / (double)nn_loader_samples(graph->loader);
}

/* ---- the same start for both ----------------------------------------------------------------- */

static void copy_parameters(const Graph *graph, HandwrittenMlp *net, bool to_graph)
{
    real *const numbers[PARAMETERS] = {net->w1, net->b1, net->w2, net->b2};
    for (int i = 0; i < PARAMETERS; i++) {
        Tensor *tensor = nn_parameters_at(nn_mlp_parameters(graph->net), i);
        if (to_graph)
            tensor_set(tensor, tensor_size(tensor), numbers[i]);
        else
            tensor_get(tensor, tensor_size(tensor), numbers[i]);
    }
}

static HandwrittenMlp *new_handwritten(const Graph *graph)
{
    HandwrittenMlp *net = calloc(1, sizeof *net);
    if (!net)
        stop("out of memory");
    net->kernels = kernels__get();
    if (net->kernels->gemm_scratch(INPUTS, HIDDEN, BATCH, 0) > SCRATCH ||
        net->kernels->gemm_scratch(BATCH, HIDDEN, INPUTS, 0) > SCRATCH ||
        net->kernels->gemm_scratch(BATCH, HIDDEN, OUTPUTS, 1) > SCRATCH)
        stop("SCRATCH is too small for gemm");
    copy_parameters(graph, net, false);
    return net;
}

/* ---- the comparison -------------------------------------------------------------------------- */

static void repeat(const NnDataset *digits, int repetitions, Run *through_graph, Run *by_hand)
{
    Graph graph = new_graph(digits);
    HandwrittenMlp *start = new_handwritten(&graph), *net = new_handwritten(&graph);
    int64_t count = nn_dataset_count(digits);
    uint8_t *labels = malloc((size_t)count);
    for (int64_t i = 0; labels && i < count; i++)
        labels[i] = (uint8_t)nn_dataset_label(digits, i);
    if (!labels)
        stop("out of memory");
    for (int i = 0; i < repetitions; i++) {
        copy_parameters(&graph, start, true);
        double begun = now();
        through_graph->loss = graph_epoch(&graph);
        through_graph->seconds[i] = now() - begun;

        *net = *start;
        begun = now();
        by_hand->loss =
            handwritten_epoch(net, count, nn_dataset_pixels(digits, 0), labels, learning_rate);
        by_hand->seconds[i] = now() - begun;
    }
    free(labels);
    free(net);
    free(start);
    free_graph(&graph);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *name, Run *run, int repetitions)
{
    qsort(run->seconds, (size_t)repetitions, sizeof run->seconds[0], compare);
    printf("%-14s minimum %.4f s  median %.4f s  loss %.9f\n", name, run->seconds[0],
           run->seconds[repetitions / 2], run->loss);
}

int main(int argc, char **argv)
{
    static Run through_graph, by_hand;
    int repetitions = argc > 1 ? atoi(argv[1]) : 9;
    if (repetitions < 1 || repetitions > MOST_REPETITIONS)
        stop("expected a number of repetitions from 1 to 101");
    NnDataset *digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "train", OUTPUTS);
    if (!digits)
        stop(valgrad_last_error());
    repeat(digits, repetitions, &through_graph, &by_hand);
    nn_dataset_free(digits);

    printf("one epoch of %s, 784-128-10, batch 64, one thread, kernels %s: CPU time of %d turns\n",
           sizeof(real) == 8 ? "double" : "float", kernels__get()->name, repetitions);
    report("graph", &through_graph, repetitions);
    report("handwritten", &by_hand, repetitions);
    double difference = through_graph.loss / by_hand.loss - 1;
    printf("graph / handwritten: minimum %.3f, median %.3f; losses differ by %.1e of their size\n",
           through_graph.seconds[0] / by_hand.seconds[0],
           through_graph.seconds[repetitions / 2] / by_hand.seconds[repetitions / 2], difference);
    const double rounding = sizeof(real) == 8 ? 1e-9 : 1e-4;
    if (difference < rounding && difference > -rounding)
        return EXIT_SUCCESS;
    fprintf(stderr, "bench_mnist_epoch: the losses should agree to %.0e\n", rounding);
    return EXIT_FAILURE;
}
