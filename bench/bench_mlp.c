/* bench_mlp.c - W2: the loss of a small network, in scalars and with one node a neuron; R2: recorded once before
 * the time that is measured, and run again; and as generated C.
 *
 *     bench_mlp [--json FILE] [--turns N] [workload…] */
#include <valgrad/inline.h>
#include <valgrad/valgrad.h>

#include "bench/scalar_bench.h"
#include "bench/scalar_graphs.h"
#include "bench/scalar_replay.h"

/* ---- W2 ---------------------------------------------------------------------------------------- */

static Mlp samples;

static void prepare_mlp(void)
{
    mlp_make(&samples);
    limit_prepare_mlp();
}

static void mlp(Neuron *neuron, double *results)
{
    VALGRAD_SCOPE {
        Value *p[MLP_PARAMETERS];
        mlp_leaves(&samples, p);
        Value *loss = mlp_loss(&samples, neuron, p);
        value_backward(loss);
        results[0] = value_data(loss);
        results[1] = 0;
        for (int k = 0; k < MLP_PARAMETERS; k++)
            results[1] += (k + 1) * (double)value_grad(p[k]);
        results[2] = value_grad(p[100]);
    }
}

static void mlp_of_scalars(double *results)
{
    mlp(neuron_of_scalars, results);
}

static void mlp_of_neurons(double *results)
{
    mlp(neuron_of_one_node, results);
}

/* ---- R2 ---------------------------------------------------------------------------------------- */

enum { BATCH = 64, EMITTED_ROOM = 20000 };

static void prepare_replay_of(size_t batch)
{
    prepare_mlp();
    VALGRAD_SCOPE {
        Value *p[MLP_PARAMETERS];
        mlp_leaves(&samples, p);
        replay_prepare(mlp_loss(&samples, neuron_of_scalars, p), MLP_PARAMETERS, p, batch);
    }
}

static void prepare_one(void)
{
    prepare_replay_of(1);
}

static void prepare_batch(void)
{
    prepare_replay_of(BATCH);
}

static void replay_mlp(double *results)
{
    replay_run();
    results[0] = replay.results[replay.batch - 1];
    results[1] = 0;
    for (size_t k = 0; k < MLP_PARAMETERS; k++)
        results[1] += (double)(k + 1) * replay_gradient(k);
    results[2] = replay_gradient(100);
}

/* ---- R2-C: as generated C ------------------------------------------------------------------------ */

/* By emit_mlp.c, when the benchmark is built. */
void emitted_mlp(const real *in, real *out, real *din, real *room);

static void run_emitted_mlp(double *results)
{
    static real in[MLP_PARAMETERS], gradient[MLP_PARAMETERS], room[EMITTED_ROOM];
    real out;
    for (int k = 0; k < MLP_PARAMETERS; k++)
        in[k] = (real)samples.parameters[k];
    emitted_mlp(in, &out, gradient, room);
    results[0] = out;
    results[1] = 0;
    for (int k = 0; k < MLP_PARAMETERS; k++)
        results[1] += (k + 1) * (double)gradient[k];
    results[2] = gradient[100];
}

/* ---- the table --------------------------------------------------------------------------------- */

#define MLP_OPS 65075.0
#define MLP                                                                                        \
    .tolerance = TOLERANCE(1e-9, 1e-2), .results = {                                               \
                                            {"the loss", 1.000163132401},                          \
                                            {"sum of (k + 1) dloss/dp[k]", -0.09393684456},        \
                                            {"dloss/dp[100]", -1.012731282e-05},                   \
    }

static const BenchWorkload workloads[] = {
    {"W2", "a network of 337 parameters in scalars, 65,075 operations", MLP,
     NS_AND_BYTES_PER_OP(MLP_OPS), .prepare = prepare_mlp,
     .programs = {OURS(mlp_of_scalars), LIMIT(limit_mlp), PEERS PYTHON_PEERS}},
    {"W2-affine", "the same, ours with one node for each neuron", MLP, NS_AND_BYTES_PER_OP(MLP_OPS),
     .prepare = prepare_mlp, .programs = {OURS(mlp_of_neurons), LIMIT(limit_mlp), PEERS}},
    {"R2", "W2 recorded once and run again", MLP, NS_PER_OP(MLP_OPS), .prepare = prepare_one,
     .programs = {OURS(replay_mlp), LIMIT(limit_mlp), REPLAY_PEERS}},
    {"R2-batch", "the same on 64 sets of parameters at once", MLP, NS_PER_OP(MLP_OPS *BATCH),
     .prepare = prepare_batch, .programs = {OURS(replay_mlp)}},
    {"R2-C", "W2 as generated C", MLP, NS_PER_OP(MLP_OPS), .prepare = prepare_mlp,
     .programs = {OURS(run_emitted_mlp), LIMIT(limit_mlp)}},
};

BENCH_MAIN(workloads)
