/* simd.h - vectors, for the files that are compiled once for each instruction set (see kernels.cmake).
 *
 * KERNELS_ISA           the suffix of what such a file exports: base, avx2, avx512
 * KERNELS_VECTOR_BYTES  the width of a vector: 16, 32, 64
 *
 * Only the compiler's vector extensions are used, so the base variant serves any processor: SSE2, NEON,
 * WASM SIMD128, or plain scalars. */
#ifndef VALGRAD_TENSOR_SIMD_H
#define VALGRAD_TENSOR_SIMD_H

#include <stdint.h>
#include <string.h>

#include <valgrad/real.h>

#ifndef KERNELS_ISA
#define KERNELS_ISA base
#endif
#ifndef KERNELS_VECTOR_BYTES
#define KERNELS_VECTOR_BYTES 16
#endif

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* clang-format off: it takes UNROLL and INDEPENDENT before a loop for declarations */

#define INLINE static inline __attribute__((always_inline))

/* The caller promises that loop iterations are independent (see kernels.h on overlap). */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef real Vector __attribute__((vector_size(KERNELS_VECTOR_BYTES)));
typedef real Unaligned
    __attribute__((vector_size(KERNELS_VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* LANES for the preprocessor, and the integer as wide as a lane. */
#ifdef VALGRAD_FLOAT
#define LANES (KERNELS_VECTOR_BYTES / 4)
typedef int32_t LaneBits;
#else
#define LANES (KERNELS_VECTOR_BYTES / 8)
typedef int64_t LaneBits;
#endif
typedef LaneBits Mask
    __attribute__((vector_size(KERNELS_VECTOR_BYTES))); /* all bits of a lane, or none */

/* The lanes of x and y, counted through, that the constants name; MaskType is what GCC wants. */
#if defined(__clang__)
#define SHUFFLE(MaskType, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(MaskType, x, y, ...) __builtin_shuffle(x, y, (MaskType){__VA_ARGS__})
#endif

INLINE Vector load(const real *p)
{
    return *(const Unaligned *)p;
}

INLINE void store(real *p, Vector x)
{
    *(Unaligned *)p = x;
}

INLINE Vector pick(Mask mask, Vector yes, Vector no)
{
    return (Vector)((mask & (Mask)yes) | (~mask & (Mask)no));
}

INLINE real lane_sum(Vector x)
{
    real lanes[LANES];
    store(lanes, x);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    return lanes[0];
}

/* The first number from p on that begins a line of the cache, at most ALIGNMENT_SLACK away: vectors that straddle two
 * lines cost twice. */
enum { ALIGNMENT_SLACK = 64 / sizeof(real) };
INLINE real *aligned(real *p)
{
    const uintptr_t off = (uintptr_t)p % 64;
    return p + (off ? (64 - off) / sizeof(real) : 0);
}

INLINE int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The last n numbers of an array, and `rest` for those that a vector has besides. */
INLINE Vector load_last(const real *p, int64_t n, real rest)
{
    Vector x = (Vector){0} + rest;
    memcpy(&x, p, (size_t)n * sizeof *p);
    return x;
}

INLINE void store_last(real *p, int64_t n, Vector x)
{
    memcpy(p, &x, (size_t)n * sizeof *p);
}

/* ---- loops that several of these files need -------------------------------------------------------- */

/* y [+]= factor x */
INLINE void scaled_row(real *y, real factor, const real *x, int64_t n, const int accumulate)
{
    if (accumulate)
        INDEPENDENT for (int64_t j = 0; j < n; j++)
            y[j] += factor * x[j];
    else
        INDEPENDENT for (int64_t j = 0; j < n; j++)
            y[j] = factor * x[j];
}

enum { SUM_VECTORS = 4 };

/* sum_i x[i] y[i], in lanes; y NULL stands for ones. */
INLINE real block_sum(const real *x, const real *y, int64_t n)
{
    Vector lanes[SUM_VECTORS] = {{0}};
    int64_t i = 0;
    for (; i + SUM_VECTORS * LANES <= n; i += SUM_VECTORS * LANES)
        UNROLL for (int v = 0; v < SUM_VECTORS; v++) {
            const Vector number = load(x + i + v * LANES);
            lanes[v] += y ? number * load(y + i + v * LANES) : number;
        }
    for (; i + LANES <= n; i += LANES)
        lanes[0] += y ? load(x + i) * load(y + i) : load(x + i);
    real total = lane_sum((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
    for (; i < n; i++)
        total += y ? x[i] * y[i] : x[i];
    return total;
}

/* The kernel that maps each number x to name_of(x), `vectors` at a time. 0 times a number is 0, unless it is infinite
 * or NaN. */
#define MAP(name, vectors)                                                                         \
    int KERNEL(name)(real *y, const real *x, int64_t n)                                            \
    {                                                                                              \
        Vector zeros[vectors] = {{0}};                                                             \
        int64_t i = 0;                                                                             \
        for (; i + (vectors) * LANES <= n; i += (vectors) * LANES)                                 \
            UNROLL for (int v = 0; v < (vectors); v++) {                                           \
                const Vector numbers = load(x + i + v * LANES);                                    \
                zeros[v] += 0 * numbers;                                                           \
                store(y + i + v * LANES, name##_of(numbers));                                      \
            }                                                                                      \
        for (; i < n; i += LANES) {                                                                \
            const Vector numbers = load_last(x + i, least(n - i, LANES), 0);                       \
            zeros[0] += 0 * numbers;                                                               \
            store_last(y + i, least(n - i, LANES), name##_of(numbers));                            \
        }                                                                                          \
        for (int v = 1; v < (vectors); v++)                                                        \
            zeros[0] += zeros[v];                                                                  \
        return lane_sum(zeros[0]) == 0;                                                            \
    }

#endif
