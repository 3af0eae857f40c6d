/* 21_from_scalars_to_kernels.c - the chain rule of a whole matrix product is two more matrix products.
 *
 * y = x w, with x of shape (m, k) and w of shape (k, n), is m k n multiplications. As scalar Values each
 * is a node, and the backward function of each adds two numbers somewhere. Write down what they add, g
 * being the gradient that comes in at y:
 *
 *     y[i][j] += x[i][p] * w[p][j]      so      dx[i][p] += g[i][j] * w[p][j]
 *                                               dw[p][j] += x[i][p] * g[i][j]
 *
 * All of these lines together are three loops: dx = g w^T, and dw = x^T g. Nothing has to be recorded
 * but x and w: no nodes, no pointers, only numbers side by side. That is a kernel, and it is what every
 * deep-learning library does; the graph remains, with one node for each kernel call.
 *
 * Here are all three: nodes, loops as a beginner writes them, and tensor_matmul(), whose loops are cut
 * into blocks that stay in registers and use the vector instructions of the processor at hand. The
 * numbers are small integers, so that no rounding occurs and the gradients must be equal, not nearly
 * equal. Times go to standard error: nanoseconds for each of the m k n multiplications, forward and
 * backward together. The arithmetic is the same in all three; the rest is what surrounds it. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <valgrad/valgrad.h>

enum { M = 32, K = 48, N = 24, REPEAT = 100 };

static real x[M * K], w[K * N], g[M * N];

typedef struct Gradients {
    real dx[M * K], dw[K * N];
} Gradients;

static void by_nodes(Gradients *out, int *nodes)
{
    VALGRAD_SCOPE {
        static Value *vx[M * K], *vw[K * N], *terms[M * N];
        for (int i = 0; i < M * K; i++)
            vx[i] = value_leaf(x[i]);
        for (int i = 0; i < K * N; i++)
            vw[i] = value_leaf(w[i]);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                Value *y = value_mul(vx[i * K], vw[j]);
                for (int p = 1; p < K; p++)
                    y = value_add(y, value_mul(vx[i * K + p], vw[p * N + j]));
                terms[i * N + j] = value_mul(y, value_const(g[i * N + j]));
            }
        value_backward(value_sum(M * N, terms)); /* the gradient that comes in at y is g */
        for (int i = 0; i < M * K; i++)
            out->dx[i] = value_grad(vx[i]);
        for (int i = 0; i < K * N; i++)
            out->dw[i] = value_grad(vw[i]);
        *nodes = (int)valgrad_live_nodes();
    }
}

static void by_loops(Gradients *out, int *nodes)
{
    static real y[M * N];
    memset(out, 0, sizeof *out);
    memset(y, 0, sizeof y);
    for (int i = 0; i < M; i++)
        for (int p = 0; p < K; p++)
            for (int j = 0; j < N; j++)
                y[i * N + j] += x[i * K + p] * w[p * N + j];
    for (int i = 0; i < M; i++)
        for (int p = 0; p < K; p++)
            for (int j = 0; j < N; j++) {
                out->dx[i * K + p] += g[i * N + j] * w[p * N + j];
                out->dw[p * N + j] += x[i * K + p] * g[i * N + j];
            }
    *nodes = 0;
}

static void by_kernels(Gradients *out, int *nodes)
{
    VALGRAD_SCOPE {
        Tensor *tx = tensor_leaf(x, TENSOR_SHAPE(M, K)), *tw = tensor_leaf(w, TENSOR_SHAPE(K, N));
        tensor_backward(tensor_matmul(tx, tw), tensor_const(g, TENSOR_SHAPE(M, N)));
        tensor_get_grad(tx, M * K, out->dx);
        tensor_get_grad(tw, K * N, out->dw);
        *nodes = (int)valgrad_live_nodes();
    }
}

static void run(const char *name, void (*way)(Gradients *, int *), int repeat, Gradients *out)
{
    int nodes = 0;
    const clock_t start = clock();
    for (int i = 0; i < repeat; i++)
        way(out, &nodes);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    fprintf(stderr, "%-12s %8.3f ns\n", name, 1e9 * seconds / repeat / (M * K * N));
    printf("%-12s %6d nodes   dx[0][0] = %4g   dw[0][0] = %4g\n", name, nodes, out->dx[0],
           out->dw[0]);
}

int main(void)
{
    static Gradients nodes, loops, kernels;
    Random random = random_seeded(1);
    for (int i = 0; i < M * K; i++)
        x[i] = (real)((int)random_below(&random, 7) - 3);
    for (int i = 0; i < K * N; i++)
        w[i] = (real)((int)random_below(&random, 7) - 3);
    for (int i = 0; i < M * N; i++)
        g[i] = (real)((int)random_below(&random, 7) - 3);
    printf("(%d, %d) x (%d, %d): %d multiplications forward\n", M, K, K, N, M * K * N);
    run("nodes", by_nodes, 1, &nodes);
    run("loops", by_loops, REPEAT, &loops);
    run("kernels", by_kernels, REPEAT, &kernels);
    int different = 0;
    for (int i = 0; i < M * K; i++)
        different += nodes.dx[i] != loops.dx[i] || nodes.dx[i] != kernels.dx[i];
    for (int i = 0; i < K * N; i++)
        different += nodes.dw[i] != loops.dw[i] || nodes.dw[i] != kernels.dw[i];
    printf("of %d gradients, different: %d\n", M * K + K * N, different);
    return valgrad_live_nodes() != 0;
}
