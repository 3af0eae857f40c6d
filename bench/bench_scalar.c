/* bench_scalar.c - the scalar grain beside other libraries for reverse-mode differentiation, and beside
 * the same numbers computed by hand: nanoseconds for an operation, with building, backward and freeing.
 *
 *     bench_scalar [--json FILE] [--turns N] [workload…]
 *
 * The workloads are those of scalar_workloads.h; each counts the operations of its formula, the same
 * for every program, whatever that makes of them. R2 and R3 record W2 and W3 before the time that is measured,
 * which is that of running them again. Peers are built and run when their packages are
 * there; `./run bench --peers` installs these. */
#include <stdlib.h>

#include <valgrad/inline.h>
#include <valgrad/valgrad.h>

#include "bench/harness.h"
#include "bench/scalar_graphs.h"
#include "bench/scalar_limit.h"
#include "bench/scalar_workloads.h"

/* ---- W1 ---------------------------------------------------------------------------------------- */

static void expr(double *results)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(-4), *b = value_leaf(2);
        Value *one = value_const(1), *two = value_const(2), *three = value_const(3);
        Value *c = value_add(a, b);
        Value *d = value_add(value_mul(a, b), value_pow(b, three));
        c = value_add(c, value_add(c, one));
        c = value_add(c, value_add(value_add(one, c), value_neg(a)));
        d = value_add(d, value_add(value_mul(d, two), value_relu(value_add(b, a))));
        d = value_add(d, value_add(value_mul(three, d), value_relu(value_sub(b, a))));
        Value *f = value_square(value_sub(c, d));
        Value *g = value_add(value_div(f, two), value_div(value_const(10), f));
        value_backward(g);
        results[0] = value_data(g);
        results[1] = value_grad(a);
        results[2] = value_grad(b);
    }
}

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

/* ---- W4 ---------------------------------------------------------------------------------------- */

#ifndef VALGRAD_FLOAT /* in float, 1e-9 is lost beside 1 */
static void chain(int steps, double *results)
{
    VALGRAD_SCOPE {
        Value *start = value_leaf(1), *x = start;
        Value *factor = value_const((real)chain_factor), *term = value_const((real)chain_term);
        for (int i = 0; i < steps; i++)
            x = value_add(value_mul(x, factor), term);
        value_backward(x);
        results[0] = value_data(x);
        results[1] = value_grad(start);
    }
}

static void chain_million(double *results)
{
    chain(1000000, results);
}

static void chain_ten_million(double *results)
{
    chain(10000000, results);
}
#endif

/* ---- R2, R3, R3n: recorded once, run again ------------------------------------------------------- */

enum { MOST_INPUTS = DAG_LEAVES, BATCH = 64, EMITTED_ROOM = 20000 };

static struct {
    Program *program;
    ProgramWorkspace *room;
    size_t inputs, batch;
    real numbers[MOST_INPUTS * BATCH], gradients[MOST_INPUTS * BATCH], results[BATCH];
} replay;

static void prepare_replay(Value *root, size_t n, Value *const *inputs, size_t batch)
{
    replay.program = program_record(1, &root, n, inputs);
    replay.room = program_workspace_new(replay.program, batch);
    replay.inputs = n;
    replay.batch = batch;
    for (size_t i = 0; i < n * batch; i++)
        replay.numbers[i] = value_data(inputs[i / batch]);
}

static void prepare_mlp_replay(size_t batch)
{
    prepare_mlp();
    VALGRAD_SCOPE {
        Value *p[MLP_PARAMETERS];
        mlp_leaves(&samples, p);
        prepare_replay(mlp_loss(&samples, neuron_of_scalars, p), MLP_PARAMETERS, p, batch);
    }
}

static void prepare_mlp_once(void)
{
    prepare_mlp_replay(1);
}

static void prepare_mlp_batch(void)
{
    prepare_mlp_replay(BATCH);
}

static void prepare_dag_replay(int halves)
{
    dag_make(&dag, halves);
    VALGRAD_SCOPE {
        Value *leaf[DAG_LEAVES], *out = dag_root(halves, leaf);
        prepare_replay(out, DAG_LEAVES, leaf, 1);
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

static void run_replay(void)
{
    program_run(replay.program, replay.room, replay.inputs * replay.batch, replay.numbers, replay.results,
                NULL, replay.gradients);
}

/* The last set of the batch. */
static double replayed_gradient(size_t i)
{
    return replay.gradients[i * replay.batch + replay.batch - 1];
}

static void replay_mlp(double *results)
{
    run_replay();
    results[0] = replay.results[replay.batch - 1];
    results[1] = 0;
    for (size_t k = 0; k < MLP_PARAMETERS; k++)
        results[1] += (double)(k + 1) * replayed_gradient(k);
    results[2] = replayed_gradient(100);
}

static void replay_dag(double *results)
{
    run_replay();
    results[0] = replay.results[0];
    results[1] = replayed_gradient(DAG_LEAVES - 1);
    results[2] = replayed_gradient(0);
    results[3] = 0;
    for (size_t i = 0; i < DAG_LEAVES; i++)
        results[3] += replayed_gradient(i);
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

/* Peers compute in double only. */
#ifdef VALGRAD_FLOAT
#define PRECISION "float"
#define PEERS
#define PYTHON_PEERS
#define REPLAY_PEERS
#define TOLERANCE(in_double, in_float) in_float
#else
#define PRECISION "double"
#define PEER(peer, program, package)                                                               \
    {.name = peer, .command = {VALGRAD_PEERS "/" program},                                         \
     .missing = "needs the package " package " when this is built"},
#define PYTHON_PEER(peer, python, module, needs)                                                   \
    {.name = peer, .command = {python, VALGRAD_PEER_SCRIPT, module}, .missing = needs},
#define PEERS                                                                                      \
    PEER("Stan Math", "peer_stan", "r-cran-stanheaders")                                           \
    PEER("ADOL-C", "peer_adolc", "libadolc-dev")                                                   \
    PEER("Sacado", "peer_sacado", "libtrilinos-sacado-dev")
#define REPLAY_PEERS PEER("ADOL-C", "peer_adolc", "libadolc-dev")
#define PYTHON_PEERS                                                                               \
    PYTHON_PEER("PyTorch", VALGRAD_PYTHON, "torch", "needs the package python3-torch")                             \
    PYTHON_PEER("micrograd", "python3", "micrograd", "needs the Python package micrograd")
#define TOLERANCE(in_double, in_float) in_double
#endif

#define OURS(function) {.name = "ours", .run = (function)}
#define LIMIT(function) {.name = "limit", .run = (function)}
#define NS_PER_OP(count) .threads = 1, .unit = "ns/op", .scale = 1e9 / (count)
#define PER_OPERATION(count) NS_PER_OP(count), .units = (count)
#define EXPR_OPS 25.0
#define MLP_OPS 65075.0
#define DAG_OPS 1000999.0
#define TANH_RESULTS                                                                               \
    {                                                                                              \
        {"the sum", -8.307794414914}, {"its derivative by leaf 999", 0.03351609018},               \
            {"by leaf 0", 1.103645191}, {"by all leaves", 784.8715428},                            \
    }
#define HALVES_RESULTS                                                                             \
    {                                                                                              \
        {"the sum", -17.01794437883}, {"its derivative by leaf 999", -0.02930768981},              \
            {"by leaf 0", 0.07534447319}, {"by all leaves", 844.6659843},                          \
    }
#define MLP_RESULTS                                                                                \
    {                                                                                              \
        {"the loss", 1.000163132401}, {"sum of (k + 1) dloss/dp[k]", -0.09393684456},              \
        {"dloss/dp[100]", -1.012731282e-05},                                                       \
    }

static const BenchWorkload workloads[] = {
    {"W1", "one formula of 25 operations", NS_PER_OP(EXPR_OPS),
     .tolerance = TOLERANCE(1e-12, 1e-5),
     .results = {{"g", 24.70408163265306}, {"dg/da", 138.8338192419825}, {"dg/db", 645.5772594752186}},
     .programs = {OURS(expr), LIMIT(limit_expr), PEERS PYTHON_PEERS}},
    {"W2", "a network of 337 parameters in scalars, 65,075 operations", PER_OPERATION(MLP_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-2), .results = MLP_RESULTS, .prepare = prepare_mlp,
     .programs = {OURS(mlp_of_scalars), LIMIT(limit_mlp), PEERS PYTHON_PEERS}},
    {"W2-affine", "the same, ours with one node for each neuron", PER_OPERATION(MLP_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-2), .results = MLP_RESULTS, .prepare = prepare_mlp,
     .programs = {OURS(mlp_of_neurons), LIMIT(limit_mlp), PEERS}},
    {"W3", "a million sums, products, tanh of random earlier results", PER_OPERATION(DAG_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-3), .prepare = prepare_tanh,
     .results = TANH_RESULTS,
     .programs = {OURS(dag_of_tanh), PEERS}},
    {"W3n", "the same with 0.5 x for tanh", PER_OPERATION(DAG_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-3), .prepare = prepare_halves,
     .results = HALVES_RESULTS,
     .programs = {OURS(dag_of_halves), PEERS}},
    {"R2", "W2 recorded once and run again", PER_OPERATION(MLP_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-2), .results = MLP_RESULTS, .prepare = prepare_mlp_once,
     .programs = {OURS(replay_mlp), LIMIT(limit_mlp), REPLAY_PEERS}},
    {"R2-batch", "the same on 64 sets of parameters at once", PER_OPERATION(MLP_OPS * BATCH),
     .tolerance = TOLERANCE(1e-9, 1e-2), .results = MLP_RESULTS, .prepare = prepare_mlp_batch,
     .programs = {OURS(replay_mlp)}},
    {"R2-C", "W2 as generated C", PER_OPERATION(MLP_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-2), .results = MLP_RESULTS, .prepare = prepare_mlp,
     .programs = {OURS(run_emitted_mlp), LIMIT(limit_mlp)}},
    {"R3", "W3 recorded once and run again", PER_OPERATION(DAG_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-3), .results = TANH_RESULTS, .prepare = prepare_tanh_replay,
     .programs = {OURS(replay_dag), REPLAY_PEERS}},
    {"R3n", "W3n recorded once and run again", PER_OPERATION(DAG_OPS),
     .tolerance = TOLERANCE(1e-9, 1e-3), .results = HALVES_RESULTS, .prepare = prepare_halves_replay,
     .programs = {OURS(replay_dag), REPLAY_PEERS}},
#ifndef VALGRAD_FLOAT
    {"W4", "a chain of 2,000,000 operations", PER_OPERATION(2e6), .tolerance = 1e-9,
     .results = {{"x", 1.106222621832}, {"dx/dx0", 1.105170913}},
     .programs = {OURS(chain_million), LIMIT(limit_chain_million), PEERS}},
    {"W4-long", "a chain of 20,000,000 operations", PER_OPERATION(2e7), .tolerance = 1e-9,
     .results = {{"x", 2.735464512}, {"dx/dx0", 2.718281694}},
     .programs = {OURS(chain_ten_million), LIMIT(limit_chain_ten_million), PEERS}},
#endif
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, PRECISION, sizeof workloads / sizeof *workloads, workloads);
}
