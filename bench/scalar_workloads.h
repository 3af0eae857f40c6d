/* scalar_workloads.h - what the scalar benchmarks compute, in plain C and C++: nothing here knows a
 * gradient. Each program does the same operations in the same order on these numbers.
 *
 *   W1 expr    25 operations on two numbers, as in micrograd's README: what one small formula costs
 *   W2 mlp     the loss of a 2-16-16-1 network on 100 samples, each neuron spelt out in scalars
 *   W3 dag     a million additions, products and tanh of random earlier results, all of them used
 *   W3n        the same with 0.5 x for tanh, so that no time is spent in the mathematical library
 *   W4 chain   x = x * 1.0000001 + 1e-9, a million times; and ten million
 *
 * One repetition makes the inputs, builds the graph, goes backward, reads the inputs' gradients and
 * gives everything back. */
#ifndef BENCH_SCALAR_WORKLOADS_H
#define BENCH_SCALAR_WORKLOADS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_RESULTS = 4 };

/* ---- W2 ---------------------------------------------------------------------------------------- */

enum {
    MLP_INPUTS = 2,
    MLP_HIDDEN = 16,
    MLP_SAMPLES = 100,
    MLP_PARAMETERS = MLP_HIDDEN * (MLP_INPUTS + 1) + MLP_HIDDEN * (MLP_HIDDEN + 1) + MLP_HIDDEN + 1
};

typedef struct Mlp {
    /* Layer by layer and neuron by neuron, the weights of each and then its bias. */
    double parameters[MLP_PARAMETERS];
    double inputs[MLP_SAMPLES][MLP_INPUTS], targets[MLP_SAMPLES];
} Mlp;

static inline void mlp_make(Mlp *mlp)
{
    for (int k = 0; k < MLP_PARAMETERS; k++)
        mlp->parameters[k] = 0.1 * sin((double)k);
    for (int i = 0; i < MLP_SAMPLES; i++) {
        mlp->inputs[i][0] = sin((double)i);
        mlp->inputs[i][1] = cos(1.7 * i);
        mlp->targets[i] = i % 2 ? 1 : -1;
    }
}

/* ---- W3, W3n ----------------------------------------------------------------------------------- */

enum { DAG_LEAVES = 1000, DAG_NODES = 1000000 };
enum { DAG_ADD_LEAF, DAG_MULTIPLY, DAG_FUNCTION }; /* the function is tanh(x), or 0.5 x for W3n */

/* Node k goes where node k - 1000 stood, in a ring that begins as the leaves: ring[k % 1000] =
 * ring[a[k]] + leaf[b[k]], or ring[a[k]] * ring[b[k]], or the function of ring[a[k]]. */
typedef struct Dag {
    unsigned char op[DAG_NODES];
    unsigned short a[DAG_NODES], b[DAG_NODES];
    double leaf[DAG_LEAVES];
} Dag;

static inline int dag_draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int)(*state >> 33);
}

/* Every node is used by a later one; numbers stay far from 0 and from overflow. */
static inline void dag_make(Dag *dag, int halves)
{
    double value[DAG_LEAVES], *leaf = dag->leaf;
    unsigned char used[DAG_LEAVES];
    uint64_t state = 12345;
    memset(used, 0, sizeof used);
    for (int i = 0; i < DAG_LEAVES; i++)
        value[i] = leaf[i] = sin(i + 1.0);
    for (int k = 0; k < DAG_NODES; k++) {
        const int i = DAG_LEAVES + k, here = i % DAG_LEAVES;
        const int r0 = dag_draw(&state), r1 = dag_draw(&state) % DAG_LEAVES,
                  r2 = dag_draw(&state) % DAG_LEAVES;
        const int a = used[here] ? (i - 1 - r1) % DAG_LEAVES : here, b = (i - 1 - r2) % DAG_LEAVES;
        int op = r0 % 3;
        if (halves && op == DAG_MULTIPLY && fabs(value[a] * value[b]) > 1.5)
            op = DAG_FUNCTION;
        if (op == DAG_MULTIPLY && fabs(value[a] * value[b]) < 0.01)
            op = DAG_ADD_LEAF;
        if (op == DAG_ADD_LEAF && fabs(value[a] + leaf[r2]) > 1.5)
            op = DAG_FUNCTION;
        dag->op[k] = (unsigned char)op;
        dag->a[k] = (unsigned short)a;
        dag->b[k] = (unsigned short)(op == DAG_ADD_LEAF ? r2 : b);
        used[a] = 1;
        if (op == DAG_MULTIPLY)
            used[b] = 1;
        used[here] = 0;
        value[here] = op == DAG_ADD_LEAF   ? value[a] + leaf[r2]
                      : op == DAG_MULTIPLY ? value[a] * value[b]
                      : halves             ? 0.5 * value[a]
                                           : tanh(value[a]);
    }
}

/* ---- W4 ---------------------------------------------------------------------------------------- */

static const double chain_factor = 1.0000001, chain_term = 1e-9;

#endif
