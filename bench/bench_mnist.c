/* bench_mnist.c - training on handwritten digits: through the graph, by plain C without one, with OpenBLAS,
 * and with PyTorch.
 *
 *     bench_mnist [--json FILE] [--turns N] [workload…]
 *
 * Each repetition trains a network from the same weights on the same digits (mnist_workloads.h), batch by
 * batch: pixels to numbers, forward, loss, backward, update. The time is given for as many digits as an
 * epoch has, 60,000. "limit" is written by hand without a graph, with the library's kernels (handwritten.c);
 * "limit, sparse" also leaves out the pixels that are zero, as the library does by itself; "limit, OpenMP" is
 * that, with OpenMP to share the work out among threads instead of the library's pool. */
#include <stdio.h>
#include <stdlib.h>

#include <valgrad/valgrad.h>

#include "bench/handwritten.h"
#include "bench/harness.h"
#include "tensor/threads.h"

enum { EPOCH = 60000 };

static NnDataset *digits, *test_digits;
static uint8_t *labels, *test_labels;

static void stop(const char *message)
{
    fprintf(stderr, "bench_mnist: %s\n", message);
    exit(EXIT_FAILURE);
}

static uint8_t *labels_of(const NnDataset *dataset)
{
    const int64_t count = nn_dataset_count(dataset);
    uint8_t *all = malloc((size_t)count);
    for (int64_t i = 0; all && i < count; i++)
        all[i] = (uint8_t)nn_dataset_label(dataset, i);
    return all;
}

static void read_digits(void)
{
    digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "train", MNIST_CLASSES);
    test_digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", MNIST_CLASSES);
    if (!digits || !test_digits)
        stop(valgrad_last_error());
    labels = labels_of(digits);
    test_labels = labels_of(test_digits);
    if (!labels || !test_labels)
        stop("out of memory");
}

/* ---- through the graph ------------------------------------------------------------------------- */

typedef struct Graph {
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *loader;
} Graph;

static Graph new_graph(const MnistWorkload *w)
{
    Graph graph;
    int64_t sizes[MNIST_LAYERS + 1];
    Random random = random_seeded(1);
    NnMlpOptions mlp = NN_MLP_OPTIONS_INIT;
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    NnLoaderOptions loader = {.batch = w->batch, .limit = w->digits, .sequential = true};
    mlp.hidden = w->hidden;
    sgd.learning_rate = w->learning_rate;
    for (int i = 0; i <= w->count; i++)
        sizes[i] = w->sizes[i];
    graph.net = nn_mlp_new(w->count + 1, sizes, &mlp, &random);
    graph.optimizer = nn_optimizer_sgd(nn_mlp_parameters(graph.net), &sgd);
    graph.loader = nn_loader_new(digits, &loader);
    if (!graph.optimizer || !graph.loader || valgrad_set_threads(w->threads) != VALGRAD_OK)
        stop(valgrad_last_error());
    return graph;
}

static void start_anew(const Graph *graph, const MnistWorkload *w)
{
    static real weights[MNIST_PIXELS * MNIST_PIXELS];
    uint64_t state = 1;
    for (int i = 0; i < w->count; i++) {
        const NnLinear *layer = nn_mlp_layer(graph->net, i);
        mnist_draw_weights(&state, w->sizes[i], w->sizes[i + 1], weights);
        tensor_set(nn_linear_weight(layer), (int64_t)w->sizes[i] * w->sizes[i + 1], weights);
        tensor_fill(nn_linear_bias(layer), 0);
    }
}

static double train_graph(const Graph *graph)
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

static double test_graph(const Graph *graph)
{
    NnLoaderOptions options = {.batch = MNIST_TESTED, .limit = MNIST_TESTED, .sequential = true};
    NnLoader *loader = nn_loader_new(test_digits, &options);
    const NnBatch *batch = nn_loader_next(loader);
    int64_t right = 0;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE
            right = nn_count_correct(nn_mlp_forward(graph->net, batch->inputs), batch->count,
                                     batch->labels);
    nn_loader_free(loader);
    return (double)right;
}

/* What is made once in the program's own process, and how many digits it recognised after its first
 * training. */
static void ours(double *results)
{
    static Graph graph;
    static double right;
    const MnistWorkload *w = mnist_workload(bench_workload->name);
    const bool first = !graph.net;
    if (first)
        graph = new_graph(w);
    start_anew(&graph, w);
    results[0] = train_graph(&graph);
    if (first)
        right = test_graph(&graph);
    results[1] = right;
}

/* ---- by hand ----------------------------------------------------------------------------------- */

static void by_hand(double *results, bool skip_zeros)
{
    static Handwritten *net;
    static double right;
    const MnistWorkload *w = mnist_workload(bench_workload->name);
    const bool first = !net;
    if (first && valgrad_set_threads(w->threads) != VALGRAD_OK)
        stop(valgrad_last_error());
    if (first && !(net = handwritten_new(w, threads__gemm, skip_zeros)))
        stop("out of memory");
    results[0] = handwritten_train(net, nn_dataset_pixels(digits, 0), labels);
    if (first)
        right = handwritten_test(net, MNIST_TESTED, nn_dataset_pixels(test_digits, 0), test_labels);
    results[1] = right;
}

static void limit(double *results)
{
    by_hand(results, false);
}

static void sparse_limit(double *results)
{
    by_hand(results, true);
}

/* ---- the table --------------------------------------------------------------------------------- */

#ifdef VALGRAD_FLOAT
#define PRECISION "float"
#else
#define PRECISION "double"
#endif

#define PROGRAMS                                                                                   \
    {                                                                                              \
        {.name = "ours", .run = ours}, {.name = "limit", .run = limit},                            \
            {.name = "limit, sparse", .run = sparse_limit},                                        \
            {.name = "OpenBLAS",                                                                   \
             .command = {VALGRAD_PEERS "/peer_mnist_openblas"},                                    \
             .missing = "needs the package libopenblas0-pthread"},                                 \
            {.name = "limit, OpenMP",                                                              \
             .command = {VALGRAD_PEERS "/peer_mnist_openmp"},                                      \
             .missing = "needs a compiler with OpenMP"},                                           \
            {.name = "PyTorch",                                                                    \
             .command = {VALGRAD_PYTHON, VALGRAD_PEER_MNIST_SCRIPT, PRECISION,                     \
                         VALGRAD_MNIST_SOURCE_DATA},                                               \
             .missing = "needs the package python3-torch"},                                        \
    }

#define ROW(name_, title_, network, threads_, batch, digits_, rate, loss, right)                   \
    {.name = name_,                                                                                \
     .title = title_ ", for " #digits_ " digits",                                                  \
     .threads = threads_,                                                                          \
     .unit = "s/epoch",                                                                            \
     .scale = (double)EPOCH / (digits_),                                                           \
     .tolerance = 2e-3,                                                                            \
     .results = {{"the mean loss", loss}, {"test digits recognised", right}},                      \
     .programs = PROGRAMS},
static const BenchWorkload workloads[] = {MNIST_WORKLOADS(ROW)};

int main(int argc, char **argv)
{
    read_digits();
    return bench_main(argc, argv, PRECISION, sizeof workloads / sizeof *workloads, workloads);
}
