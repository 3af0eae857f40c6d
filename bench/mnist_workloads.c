/* mnist_workloads.c - the table of mnist_workloads.h as data. */
#include "bench/mnist_workloads.h"

#include <math.h>
#include <string.h>

void mnist_draw_weights(uint64_t *state, int in, int out, real *weights)
{
    const double bound = 1 / sqrt(in);
    for (int i = 0; i < in * out; i++) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        weights[i] = (real)(bound * ((double)(*state >> 40) / (1 << 23) - 1));
    }
}

#define NETWORK_RELU .count = 2, .sizes = {784, 128, 10}, .hidden = NN_RELU
#define NETWORK_SIGMOID .count = 3, .sizes = {784, 128, 64, 10}, .hidden = NN_SIGMOID
#define ROW(name, title, network, ...) {name, title, __VA_ARGS__, NETWORK_##network},
static const MnistWorkload rows[] = {MNIST_WORKLOADS(ROW)};

const MnistWorkload *mnist_workload(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
