/* bench_kernels.c - speed of the matrix product beside the peak of this core.
 *
 *     taskset -c 0 bench_kernels [repetitions]
 *
 * The peak is a loop of multiply-adds that stay in registers, measured in the same run: all cases take
 * turns, and the medians are compared. Best on an idle machine. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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

typedef struct Shape {
    const char *label;
    int64_t m, k, n;
    int a_transposed, b_transposed, accumulate;
} Shape;

static const Shape shapes[] = {
    {"64x784x128", 64, 784, 128, 0, 0, 0},
    {"784x64x128, A transposed", 784, 64, 128, 1, 0, 0},
    {"64x128x10", 64, 128, 10, 0, 0, 0},
    {"128x64x10, A transposed", 128, 64, 10, 1, 0, 0},
    {"64x10x128, B transposed", 64, 10, 128, 0, 1, 0},
    {"64x128x784, B transposed", 64, 128, 784, 0, 1, 0},
    {"1x784x128", 1, 784, 128, 0, 0, 0},
    {"1x128x784, B transposed", 1, 128, 784, 0, 1, 0},
    {"784x1x128", 784, 1, 128, 1, 0, 0},
    {"784x1x128, added", 784, 1, 128, 1, 0, 1},
    {"512x512x512", 512, 512, 512, 0, 0, 0},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0], MOST_REPETITIONS = 1000 };

static real *numbers(int64_t n)
{
    real *x = aligned_alloc(64, ((size_t)n * sizeof(real) + 127) / 64 * 64);
    if (!x)
        exit(1);
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(i % 17 - 8) / 8;
    return x;
}

/* Operations a second, over about two milliseconds. */
static double product_rate(const Kernels *kernels, const Gemm *g)
{
    const double work = 2.0 * (double)g->m * (double)g->n * (double)g->k;
    const long times = 1 + (long)(5e7 / work);
    const double start = now();
    for (long i = 0; i < times; i++)
        kernels->gemm(g);
    return work * (double)times / (now() - start);
}

static double peak_rate(Peak *peak)
{
    const double start = now();
    return peak(400000) / (now() - start);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, ascending);
    return x[n / 2];
}

static Gemm make_product(const Kernels *kernels, const Shape *s)
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
                  .accumulate = s->accumulate,
                  .scratch = numbers(kernels->gemm_scratch(s->m, s->n, s->k, s->b_transposed))};
}

static void drop_product(Gemm *g)
{
    free((void *)(uintptr_t)g->a);
    free((void *)(uintptr_t)g->b);
    free(g->c);
    free(g->scratch);
}

static void measure(const Kernels *kernels, int repetitions)
{
    static double rates[SHAPES + 1][MOST_REPETITIONS];
    Gemm products[SHAPES];
    Peak *peak = peak_of(kernels);
    for (int s = 0; s < SHAPES; s++)
        products[s] = make_product(kernels, &shapes[s]);
    for (int r = 0; r < repetitions; r++) {
        rates[SHAPES][r] = peak_rate(peak);
        for (int s = 0; s < SHAPES; s++)
            rates[s][r] = product_rate(kernels, &products[s]);
    }
    const double top = median(rates[SHAPES], repetitions);
    printf("%s, %zu-byte reals: peak %.1f GFLOP/s\n", kernels->name, sizeof(real), top * 1e-9);
    for (int s = 0; s < SHAPES; s++) {
        const double rate = median(rates[s], repetitions);
        printf("  %-26s %7.1f GFLOP/s %5.1f %%\n", shapes[s].label, rate * 1e-9, 100 * rate / top);
        drop_product(&products[s]);
    }
}

int main(int argc, char **argv)
{
    int count, repetitions = argc > 1 ? atoi(argv[1]) : 31;
    const Kernels *const *all = kernels__all(&count);
    if (repetitions < 1 || repetitions > MOST_REPETITIONS)
        return 2;
    for (int i = count - 1; i >= 0; i--)
        measure(all[i], repetitions);
    return 0;
}
