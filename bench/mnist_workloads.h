/* mnist_workloads.h - the training that bench_mnist measures, the same for every program: networks on
 * handwritten digits, from the same weights, over the same digits in the order of the files, by plain
 * gradient descent on the mean cross-entropy of each batch. */
#ifndef BENCH_MNIST_WORKLOADS_H
#define BENCH_MNIST_WORKLOADS_H

#include <stdint.h>

#include <valgrad/nn.h>

enum { MNIST_LAYERS = 3, MNIST_PIXELS = 784, MNIST_CLASSES = 10, MNIST_TESTED = 1000 };

/* Name, title, network, threads, batch, digits, learning rate, and what is expected: the mean loss of all
 * batches, and how many of the first 1,000 test digits are recognised afterwards. */
#define MNIST_WORKLOADS(X)                                                                         \
    X("relu-1", "784-128-10 ReLU, batch 1", RELU, 1, 1, 2560, 0.01, 0.799222, 832)                   \
    X("relu-64", "784-128-10 ReLU, batch 64", RELU, 1, 64, 12800, 0.1, 0.843551, 871)                \
    X("relu-256", "784-128-10 ReLU, batch 256", RELU, 1, 256, 12800, 0.2, 1.21493, 834)             \
    X("sigmoid-1", "784-128-64-10 sigmoid, batch 1", SIGMOID, 1, 1, 2560, 0.05, 2.23101, 331)        \
    X("sigmoid-64", "784-128-64-10 sigmoid, batch 64", SIGMOID, 1, 64, 12800, 1, 1.65605, 689)      \
    X("sigmoid-256", "784-128-64-10 sigmoid, batch 256", SIGMOID, 1, 256, 12800, 2, 2.27261, 330)   \
    X("relu-64-2", "784-128-10 ReLU, batch 64, two threads", RELU, 2, 64, 12800, 0.1, 0.843551, 871) \
    X("relu-256-2", "784-128-10 ReLU, batch 256, two threads", RELU, 2, 256, 12800, 0.2, 1.21493, 834)\
    X("sigmoid-64-2", "784-128-64-10 sigmoid, batch 64, two threads", SIGMOID, 2, 64, 12800, 1, 1.65605, 689)

typedef struct MnistWorkload {
    const char *name, *title;
    int threads, batch, digits; /* the first so many digits are gone through once */
    double learning_rate, loss, right;
    int count; /* layers */
    int sizes[MNIST_LAYERS + 1];
    NnActivation hidden;
} MnistWorkload;

/* Fills a weight matrix of in x out with draws between -1/sqrt(in) and 1/sqrt(in); biases start as 0. The
 * state goes on from layer to layer and starts as 1. */
void mnist_draw_weights(uint64_t *state, int in, int out, real *weights);

/* The workload called name; NULL if there is none. */
const MnistWorkload *mnist_workload(const char *name);

#endif
