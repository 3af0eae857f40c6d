/* bench_expr.c - W1: what one small formula costs, graph and all.
 *
 *     bench_expr [--json FILE] [--turns N] [workload…] */
#include <valgrad/inline.h>
#include <valgrad/valgrad.h>

#include "bench/scalar_bench.h"

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

static const BenchWorkload workloads[] = {
    {"W1", "one formula of 25 operations", NS_PER_OP(25.0), .tolerance = TOLERANCE(1e-12, 1e-5),
     .results = {{"g", 24.70408163265306},
                 {"dg/da", 138.8338192419825},
                 {"dg/db", 645.5772594752186}},
     .programs = {OURS(expr), LIMIT(limit_expr), PEERS PYTHON_PEERS}},
};

BENCH_MAIN(workloads)
