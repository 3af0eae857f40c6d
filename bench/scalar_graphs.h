/* scalar_graphs.h - the network of W2 as a graph, for what runs it and for what writes it as C. */
#ifndef BENCH_SCALAR_GRAPHS_H
#define BENCH_SCALAR_GRAPHS_H

#include <valgrad/value.h>

#include "bench/scalar_workloads.h"

typedef Value *Neuron(int n, Value *const *w, Value *const *x);

static inline Value *neuron_of_scalars(int n, Value *const *w, Value *const *x)
{
    Value *sum = w[n];
    for (int i = 0; i < n; i++)
        sum = value_add(sum, value_mul(w[i], x[i]));
    return sum;
}

static inline Value *neuron_of_one_node(int n, Value *const *w, Value *const *x)
{
    return value_affine((size_t)n, w, x, w[n]);
}

static inline Value *network(Neuron *neuron, Value *const *p, Value *const *x)
{
    Value *first[MLP_HIDDEN], *second[MLP_HIDDEN];
    for (int j = 0; j < MLP_HIDDEN; j++, p += MLP_INPUTS + 1)
        first[j] = value_relu(neuron(MLP_INPUTS, p, x));
    for (int j = 0; j < MLP_HIDDEN; j++, p += MLP_HIDDEN + 1)
        second[j] = value_relu(neuron(MLP_HIDDEN, p, first));
    return neuron(MLP_HIDDEN, p, second);
}

/* max(0, 1 - y score): how far the sample is from the right side of the margin. */
static inline Value *sample_loss(const Mlp *mlp, Neuron *neuron, Value *const *p, int i, Value *one)
{
    const double *inputs = mlp->inputs[i];
    Value *x[MLP_INPUTS] = {value_const((real)inputs[0]), value_const((real)inputs[1])};
    Value *score = network(neuron, p, x);
    return value_relu(value_add(one, value_mul(value_const((real)-mlp->targets[i]), score)));
}

static inline Value *mlp_loss(const Mlp *mlp, Neuron *neuron, Value *const *p)
{
    Value *one = value_const(1), *data = sample_loss(mlp, neuron, p, 0, one);
    for (int i = 1; i < MLP_SAMPLES; i++)
        data = value_add(data, sample_loss(mlp, neuron, p, i, one));
    Value *squares = value_mul(p[0], p[0]);
    for (int k = 1; k < MLP_PARAMETERS; k++)
        squares = value_add(squares, value_mul(p[k], p[k]));
    return value_add(value_mul(data, value_const((real)0.01)),
                     value_mul(value_const((real)1e-4), squares));
}

static inline void mlp_leaves(const Mlp *mlp, Value **p)
{
    for (int k = 0; k < MLP_PARAMETERS; k++)
        p[k] = value_leaf((real)mlp->parameters[k]);
}

#endif
