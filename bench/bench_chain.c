/* bench_chain.c - W4: a chain as long as memory is large: x = x * 1.0000001 + 1e-9, a million times and ten million.
 *
 *     bench_chain [--json FILE] [--turns N] [workload…]
 *
 * In float 1e-9 is lost beside 1, and nothing is measured. */
#include <valgrad/inline.h>
#include <valgrad/valgrad.h>

#include "bench/scalar_bench.h"

#ifndef VALGRAD_FLOAT
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

static const BenchWorkload workloads[] = {
    {"W4", "a chain of 2,000,000 operations", NS_AND_BYTES_PER_OP(2e6), .tolerance = 1e-9,
     .results = {{"x", 1.106222621832}, {"dx/dx0", 1.105170913}},
     .programs = {OURS(chain_million), LIMIT(limit_chain_million), PEERS}},
    {"W4-long", "a chain of 20,000,000 operations", NS_AND_BYTES_PER_OP(2e7), .tolerance = 1e-9,
     .results = {{"x", 2.735464512}, {"dx/dx0", 2.718281694}},
     .programs = {OURS(chain_ten_million), LIMIT(limit_chain_ten_million), PEERS}},
};

BENCH_MAIN(workloads)
#endif
