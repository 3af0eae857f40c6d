/* peer_mnist.c WORKLOAD - the program of handwritten.c as PEER says, in the process that harness.h describes:
 * PEER_OPENBLAS with OpenBLAS's products, PEER_OPENMP with the library's, shared out among threads by OpenMP.
 * Ends without a word where that cannot be had. */
#include <stdlib.h>

#include "bench/handwritten.h"
#include "bench/harness.h"
#include "bench/openblas.h"
#include "tensor/threads.h"

static NnDataset *digits, *test_digits;
static uint8_t *labels, *test_labels;
static Handwritten *net;

static void train(double *results)
{
    static double right = -1;
    results[0] = handwritten_train(net, nn_dataset_pixels(digits, 0), labels);
    if (right < 0)
        right = handwritten_test(net, MNIST_TESTED, nn_dataset_pixels(test_digits, 0), test_labels);
    results[1] = right;
}

static uint8_t *labels_of(const NnDataset *dataset)
{
    const int64_t count = dataset ? nn_dataset_count(dataset) : 0;
    uint8_t *all = malloc((size_t)count + 1);
    for (int64_t i = 0; all && i < count; i++)
        all[i] = (uint8_t)nn_dataset_label(dataset, i);
    return all;
}

static Handwritten *new_network(const MnistWorkload *w)
{
#ifdef PEER_OPENBLAS
    return openblas_load(w->threads) ? handwritten_new(w, openblas_multiply, false) : NULL;
#else
    return valgrad_set_threads(w->threads) == VALGRAD_OK ? handwritten_new(w, threads__gemm, true) : NULL;
#endif
}

int main(int argc, char **argv)
{
    const MnistWorkload *w = argc > 1 ? mnist_workload(argv[1]) : NULL;
    net = w ? new_network(w) : NULL;
    if (!net)
        return EXIT_FAILURE;
    digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "train", MNIST_CLASSES);
    test_digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", MNIST_CLASSES);
    labels = labels_of(digits);
    test_labels = labels_of(test_digits);
    if (!digits || !test_digits || !labels || !test_labels)
        return EXIT_FAILURE;
    bench_serve(train, w->threads, stdin, stdout);
    return EXIT_SUCCESS;
}
