/* bench_kernels.c - the matrix products of training beside the peak of this core.
 *
 *     bench_kernels [--json FILE] [--turns N] [workload…]
 *
 * "limit" does as many multiplications and additions in registers, as fast as this core can: ours/it is 1
 * where the kernel reaches the peak. VALGRAD_ISA in the environment (base, avx2, avx512) asks for another
 * instruction set, of both. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "kernels.h"

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

/* ---- the products ------------------------------------------------------------------------------ */

/* Name, what it is, m, k, n, whether A and B are transposed. */
#define SHAPES(X)                                                                                  \
    X("forward-1", "first layer forward, 64x784x128", 64, 784, 128, 0, 0)                          \
    X("weights-1", "gradient of its weights, 784x64x128, A transposed", 784, 64, 128, 1, 0)        \
    X("forward-2", "second layer forward, 64x128x10", 64, 128, 10, 0, 0)                           \
    X("weights-2", "gradient of its weights, 128x64x10, A transposed", 128, 64, 10, 1, 0)          \
    X("hidden", "gradient of the hidden layer, 64x10x128, B transposed", 64, 10, 128, 0, 1)        \
    X("inputs", "gradient of the inputs, 64x128x784, B transposed", 64, 128, 784, 0, 1)            \
    X("forward-row", "first layer forward for one digit, 1x784x128", 1, 784, 128, 0, 0)            \
    X("inputs-row", "gradient of one digit, 1x128x784, B transposed", 1, 128, 784, 0, 1)           \
    X("weights-row", "gradient of the weights from one digit, 784x1x128", 784, 1, 128, 1, 0)       \
    X("square", "512x512x512", 512, 512, 512, 0, 0)

typedef struct Shape {
    const char *name;
    int64_t m, k, n;
    int a_transposed, b_transposed;
} Shape;

#define SHAPE(name, title, ...) {name, __VA_ARGS__},
static const Shape shapes[] = {SHAPES(SHAPE)};

static const Shape *the_shape(void)
{
    const Shape *shape = shapes;
    while (strcmp(shape->name, bench_workload->name) != 0)
        shape++;
    return shape;
}

static real *numbers(int64_t n)
{
    real *x = aligned_alloc(64, ((size_t)n * sizeof(real) + 127) / 64 * 64);
    if (!x)
        exit(EXIT_FAILURE);
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(i % 17 - 8) / 8;
    return x;
}

static Gemm make_product(const Shape *s)
{
    return (Gemm){.m = s->m,
                  .n = s->n,
                  .k = s->k,
                  .a = numbers(s->m * s->k),
                  .a_row = s->a_transposed ? 1 : s->k,
                  .a_col = s->a_transposed ? s->m : 1,
                  .b = numbers(s->k * s->n),
                  .b_row = s->b_transposed ? 1 : s->n,
                  .b_col = s->b_transposed ? s->k : 1,
                  .c = numbers(s->m * s->n),
                  .ldc = s->n,
                  .scratch =
                      numbers(kernels__get()->gemm_scratch(s->m, s->n, s->k, s->b_transposed))};
}

/* Whether C is A B; the numbers are eighths, so that sums have no rounding. */
static bool is_right(const Gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            double sum = 0;
            for (int64_t p = 0; p < g->k; p++)
                sum +=
                    (double)(g->a[i * g->a_row + p * g->a_col] * g->b[p * g->b_row + j * g->b_col]);
            if (fabs(sum - (double)g->c[i * g->ldc + j]) > 1e-3)
                return false;
        }
    }
    return true;
}

static void ours(double *results)
{
    static Gemm product;
    static bool right;
    const bool first = !product.a;
    if (first)
        product = make_product(the_shape());
    kernels__get()->gemm(&product);
    if (first)
        right = is_right(&product);
    results[0] = right;
}

static void limit(double *results)
{
    const Shape *s = the_shape();
    const Kernels *kernels = kernels__get();
    const double work = 2.0 * (double)s->m * (double)s->n * (double)s->k;
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
     .programs = {{.name = "ours", .run = ours}, {.name = "limit", .run = limit}}},
static const BenchWorkload workloads[] = {SHAPES(ROW)};

int main(int argc, char **argv)
{
    printf("kernels for %s, %zu-byte reals\n", kernels__get()->name, sizeof(real));
    return bench_main(argc, argv, PRECISION, sizeof workloads / sizeof *workloads, workloads);
}
