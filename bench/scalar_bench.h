/* scalar_bench.h - what the tables of the scalar benchmarks have in common. Each says nanoseconds for an operation,
 * with building, backward and freeing, of the library, of the same numbers computed by hand, and of other libraries
 * for reverse-mode differentiation; each counts the operations of its formula (scalar_workloads.h), the same for
 * every program, whatever that makes of them. Peers are built and run when their packages are there;
 * `./run bench --peers` installs these. */
#ifndef BENCH_SCALAR_BENCH_H
#define BENCH_SCALAR_BENCH_H

#include "bench/harness.h"
#include "bench/scalar_limit.h"
#include "bench/scalar_workloads.h"

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
    {.name = peer,                                                                                 \
     .command = {VALGRAD_PEERS "/" program},                                                       \
     .missing = "needs the package " package " when this is built"},
#define PYTHON_PEER(peer, library, needs)                                                          \
    {.name = peer, .command = {VALGRAD_PYTHON, VALGRAD_PEER_SCRIPT, library}, .missing = needs},
#define PEERS                                                                                      \
    PEER("Stan Math", "peer_stan", "r-cran-stanheaders")                                           \
    PEER("ADOL-C", "peer_adolc", "libadolc-dev")                                                   \
    PEER("Sacado", "peer_sacado", "libtrilinos-sacado-dev")
#define REPLAY_PEERS PEER("ADOL-C", "peer_adolc", "libadolc-dev")
#define PYTHON_PEERS                                                                               \
    PYTHON_PEER("PyTorch", "torch", "needs the package python3-torch")                             \
    PYTHON_PEER("micrograd", "micrograd", "needs the Python package micrograd")                    \
    PYTHON_PEER("Python objects", "objects", "needs the package python3")
#define TOLERANCE(in_double, in_float) in_double
#endif

#define OURS(function)                                                                             \
    {                                                                                              \
        .name = "ours", .run = (function)                                                          \
    }
#define LIMIT(function)                                                                            \
    {                                                                                              \
        .name = "limit", .run = (function)                                                         \
    }
#define NS_PER_OP(count) .threads = 1, .unit = "ns/op", .scale = 1e9 / (count), .least_seconds = 6
#define NS_AND_BYTES_PER_OP(count) NS_PER_OP(count), .units = (count)

/* Of the workloads in `table`. */
#define BENCH_MAIN(table)                                                                          \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return bench_main(argc, argv, PRECISION, sizeof(table) / sizeof *(table), table);          \
    }

#endif
