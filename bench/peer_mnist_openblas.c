/* peer_mnist_openblas.c WORKLOAD - the program of handwritten.c with OpenBLAS's products, in the process that
 * harness.h describes. OpenBLAS is loaded when this runs; without it, this ends without a word.
 *
 * OpenBLAS takes processors that are newer than itself for old ones, so it is told what this one can do. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/handwritten.h"
#include "bench/harness.h"

#ifdef VALGRAD_FLOAT
#define GEMM "cblas_sgemm"
#else
#define GEMM "cblas_dgemm"
#endif

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

static void (*gemm)(int order, int a_is, int b_is, int m, int n, int k, real alpha, const real *a,
                    int lda, const real *b, int ldb, real beta, real *c, int ldc);
static void (*set_threads)(int n);

static void tell_processor(void)
{
    const char *isa = kernels__get()->name;
    if (strcmp(isa, "avx512") == 0)
        setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
    else if (strcmp(isa, "avx2") == 0)
        setenv("OPENBLAS_CORETYPE", "HASWELL", 0);
}

static int load_openblas(void)
{
    tell_processor();
    void *library = dlopen("libopenblas.so.0", RTLD_NOW);
    if (!library)
        return 0;
    *(void **)&gemm = dlsym(library, GEMM);
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    return gemm && set_threads;
}

static void multiply(const Gemm *g)
{
    const int a_turned = g->a_col != 1, b_turned = g->b_col != 1;
    for (int64_t i = 0; g->bias && i < g->m; i++)
        memcpy(g->c + i * g->ldc, g->bias, (size_t)g->n * sizeof(real));
    gemm(ROW_MAJOR, a_turned ? TRANSPOSED : PLAIN, b_turned ? TRANSPOSED : PLAIN, (int)g->m,
         (int)g->n, (int)g->k, 1, g->a, (int)(a_turned ? g->a_col : g->a_row), g->b,
         (int)(b_turned ? g->b_col : g->b_row), g->bias || g->accumulate, g->c, (int)g->ldc);
}

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

int main(int argc, char **argv)
{
    const MnistWorkload *w = argc > 1 ? mnist_workload(argv[1]) : NULL;
    if (!w || !load_openblas())
        return EXIT_FAILURE;
    set_threads(w->threads);
    digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "train", MNIST_CLASSES);
    test_digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", MNIST_CLASSES);
    labels = labels_of(digits);
    test_labels = labels_of(test_digits);
    net = handwritten_new(w, multiply, false);
    if (!digits || !test_digits || !labels || !test_labels || !net)
        return EXIT_FAILURE;
    bench_serve(train, w->threads, stdin, stdout);
    return EXIT_SUCCESS;
}
