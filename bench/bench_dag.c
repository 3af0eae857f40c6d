/* bench_dag.c - W3: a million operations on random earlier results, and W3n, the same without tanh; R3 and R3n:
 * recorded once before the time that is measured, and run again.
 *
 *     bench_dag [--json FILE] [--turns N] [workload…] */
#include <valgrad/inline.h>
#include <valgrad/valgrad.h>

#include "bench/scalar_bench.h"
#include "bench/scalar_replay.h"

/* ---- W3, W3n ----------------------------------------------------------------------------------- */

static Dag dag;

static void prepare_tanh(void)
{
    dag_make(&dag, 0);
}

static void prepare_halves(void)
{
    dag_make(&dag, 1);
}

static Value *dag_node(int k, Value *const *ring, Value *const *leaf, Value *half)
{
    Value *a = ring[dag.a[k]];
    if (dag.op[k] == DAG_ADD_LEAF)
        return value_add(a, leaf[dag.b[k]]);
    if (dag.op[k] == DAG_MULTIPLY)
        return value_mul(a, ring[dag.b[k]]);
    return half ? value_mul(half, a) : value_tanh(a);
}

/* Of leaves made here. */
static Value *dag_root(int halves, Value **leaf)
{
    Value *ring[DAG_LEAVES], *half = halves ? value_const((real)0.5) : NULL;
    for (int i = 0; i < DAG_LEAVES; i++)
        ring[i] = leaf[i] = value_leaf((real)dag.leaf[i]);
    for (int k = 0, here = 0; k < DAG_NODES; k++, here = here + 1 < DAG_LEAVES ? here + 1 : 0)
        ring[here] = dag_node(k, ring, leaf, half);
    Value *out = ring[0];
    for (int i = 1; i < DAG_LEAVES; i++)
        out = value_add(out, ring[i]);
    return out;
}

static void run_dag(int halves, double *results)
{
    VALGRAD_SCOPE {
        Value *leaf[DAG_LEAVES], *out = dag_root(halves, leaf);
        value_backward(out);
        results[0] = value_data(out);
        results[1] = value_grad(leaf[DAG_LEAVES - 1]);
        results[2] = value_grad(leaf[0]);
        results[3] = 0;
        for (int i = 0; i < DAG_LEAVES; i++)
            results[3] += (double)value_grad(leaf[i]);
    }
}

static void dag_of_tanh(double *results)
{
    run_dag(0, results);
}

static void dag_of_halves(double *results)
{
    run_dag(1, results);
}

/* ---- R3, R3n ----------------------------------------------------------------------------------- */

static void prepare_dag_replay(int halves)
{
    dag_make(&dag, halves);
    VALGRAD_SCOPE {
        Value *leaf[DAG_LEAVES], *out = dag_root(halves, leaf);
        replay_prepare(out, DAG_LEAVES, leaf, 1);
    }
}

static void prepare_tanh_replay(void)
{
    prepare_dag_replay(0);
}

static void prepare_halves_replay(void)
{
    prepare_dag_replay(1);
}

static void replay_dag(double *results)
{
    replay_run();
    results[0] = replay.results[0];
    results[1] = replay_gradient(DAG_LEAVES - 1);
    results[2] = replay_gradient(0);
    results[3] = 0;
    for (size_t i = 0; i < DAG_LEAVES; i++)
        results[3] += replay_gradient(i);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define DAG_OPS 1000999.0
#define TANH                                                                                       \
    .tolerance = TOLERANCE(1e-9, 1e-3), .results = {                                               \
                                            {"the sum", -8.307794414914},                          \
                                            {"its derivative by leaf 999", 0.03351609018},         \
                                            {"by leaf 0", 1.103645191},                            \
                                            {"by all leaves", 784.8715428},                        \
    }
#define HALVES                                                                                     \
    .tolerance = TOLERANCE(1e-9, 1e-3), .results = {                                               \
                                            {"the sum", -17.01794437883},                          \
                                            {"its derivative by leaf 999", -0.02930768981},        \
                                            {"by leaf 0", 0.07534447319},                          \
                                            {"by all leaves", 844.6659843},                        \
    }

static const BenchWorkload workloads[] = {
    {"W3", "a million sums, products, tanh of random earlier results", TANH,
     NS_AND_BYTES_PER_OP(DAG_OPS), .prepare = prepare_tanh, .programs = {OURS(dag_of_tanh), PEERS}},
    {"W3n", "the same with 0.5 x for tanh", HALVES, NS_AND_BYTES_PER_OP(DAG_OPS),
     .prepare = prepare_halves, .programs = {OURS(dag_of_halves), PEERS}},
    {"R3", "W3 recorded once and run again", TANH, NS_PER_OP(DAG_OPS),
     .prepare = prepare_tanh_replay, .programs = {OURS(replay_dag), REPLAY_PEERS}},
    {"R3n", "W3n recorded once and run again", HALVES, NS_PER_OP(DAG_OPS),
     .prepare = prepare_halves_replay, .programs = {OURS(replay_dag), REPLAY_PEERS}},
};

BENCH_MAIN(workloads)
