/* peer_kernels.c WORKLOAD - a product of products.h by OpenBLAS, in the process that harness.h describes. Ends
 * without a word where there is no OpenBLAS. */
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/openblas.h"
#include "bench/products.h"

static void multiply(double *results)
{
    products_run(openblas_multiply, results);
}

int main(int argc, char **argv)
{
    const BenchWorkload workload = {.name = argc > 1 ? argv[1] : ""};
    if (argc < 2 || !openblas_load(1))
        return EXIT_FAILURE;
    bench_workload = &workload;
    bench_serve(multiply, 1, stdin, stdout);
    return EXIT_SUCCESS;
}
