/* bench_kernels.c - the matrix products of training beside the peak of this core, and OpenBLAS.
 *
 *     bench_kernels [--json FILE] [--turns N] [workload…]
 *
 * "limit" does as many multiplications and additions in registers, as fast as this core can: ours/it is 1
 * where the kernel reaches the peak. VALGRAD_ISA in the environment (base, avx2, avx512) asks for another
 * instruction set, of both. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness.h"
#include "bench/products.h"

/* ---- the peak ---------------------------------------------------------------------------------- */

/* 12 sums hide the latency of two units; each starts elsewhere, or the compiler would keep but one.
 * The functions return their number of operations. */
#define EACH_SUM(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
enum { SUMS = 12 };
static volatile real origin = 1, sink;

#define DECLARE(i) s##i = zero + origin,
#define STEP(i) s##i = MULTIPLY_ADD(s##i);
#define COLLECT(i) sink = s##i[0];
#define PEAK_BODY(Vec)                                                                             \
    const Vec zero = {0}, x = zero + (real)0.5, y = zero + (real)0.25;                             \
    Vec EACH_SUM(DECLARE) last = zero;                                                             \
    for (long i = 0; i < rounds; i++) {                                                            \
        EACH_SUM(STEP)                                                                             \
    }                                                                                              \
    EACH_SUM(COLLECT)                                                                              \
    sink = last[0];                                                                                \
    return 2.0 * SUMS * (double)rounds * (double)(sizeof(Vec) / sizeof(real));

#if defined(__x86_64__)
#include <immintrin.h>
#ifdef VALGRAD_FLOAT
typedef __m128 Vec16;
typedef __m256 Vec32;
typedef __m512 Vec64;
#define FMA32 _mm256_fmadd_ps
#define FMA64 _mm512_fmadd_ps
#else
typedef __m128d Vec16;
typedef __m256d Vec32;
typedef __m512d Vec64;
#define FMA32 _mm256_fmadd_pd
#define FMA64 _mm512_fmadd_pd
#endif

#define MULTIPLY_ADD(s) FMA32(s, x, y)
__attribute__((target("avx2,fma"))) static double peak_avx2(long rounds)
{
    PEAK_BODY(Vec32)
}
#undef MULTIPLY_ADD
#define MULTIPLY_ADD(s) FMA64(s, x, y)
__attribute__((target("avx512f"))) static double peak_avx512(long rounds)
{
    PEAK_BODY(Vec64)
}
#undef MULTIPLY_ADD
#else
typedef real Vec16 __attribute__((vector_size(16)));
#endif

#define MULTIPLY_ADD(s) ((s)*x + y)
static double peak_base(long rounds)
{
    PEAK_BODY(Vec16)
}

typedef double Peak(long rounds);

static Peak *peak_of(const Kernels *kernels)
{
#if defined(__x86_64__)
    if (strcmp(kernels->name, "avx512") == 0)
        return peak_avx512;
    if (strcmp(kernels->name, "avx2") == 0)
        return peak_avx2;
#endif
    (void)kernels;
    return peak_base;
}

/* ---- the table ---------------------------------------------------------------------------------- */

static void ours(double *results)
{
    products_run(kernels__get()->gemm, results);
}

static void limit(double *results)
{
    const Kernels *kernels = kernels__get();
    const double work = products_work();
    const double in_a_round = 2.0 * SUMS * kernels->vector_bytes / (double)sizeof(real);
    const double done = peak_of(kernels)((long)ceil(work / in_a_round));
    results[0] = done >= work;
}

#ifdef VALGRAD_FLOAT
#define PRECISION "float"
#else
#define PRECISION "double"
#endif

#define ROW(name_, title_, ...)                                                                    \
    {.name = name_,                                                                                \
     .title = title_,                                                                              \
     .threads = 1,                                                                                 \
     .unit = "us",                                                                                 \
     .scale = 1e6,                                                                                 \
     .results = {{"whether the product is right", 1}},                                             \
     .programs = {{.name = "ours", .run = ours},                                                   \
                  {.name = "limit", .run = limit},                                                 \
                  {.name = "OpenBLAS",                                                             \
                   .command = {VALGRAD_PEERS "/peer_kernels_openblas"},                            \
                   .missing = "needs the package libopenblas0-pthread"}}},
static const BenchWorkload workloads[] = {PRODUCTS(ROW)};

int main(int argc, char **argv)
{
    printf("kernels for %s, %zu-byte reals\n", kernels__get()->name, sizeof(real));
    return bench_main(argc, argv, PRECISION, sizeof workloads / sizeof *workloads, workloads);
}
