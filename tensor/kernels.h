/* kernels.h - the dense loops of the library, on plain contiguous arrays.
 *
 *     const Kernels *kernels = kernels__get();
 *     kernels->add_to(y, x, n);
 *
 * The sources (*_kernels.c) are compiled once for each instruction set; kernels__get() picks the best that
 * this processor has. VALGRAD_ISA in the environment (base, avx2, avx512) asks for another; for a name that is
 * unknown, or that this processor lacks, base is taken, which every one has.
 *
 * Nothing here allocates or fails. Sizes may be 0; arrays need no alignment beyond that of real. An
 * output may be the very array of an input (same first element) where the elements correspond one to
 * one; any other overlap is the caller's mistake. "[+]=" means: added to the output if `accumulate` is
 * not 0, otherwise written over it, whatever it held.
 *
 * The same arguments give the same bits on the same instruction set. Different instruction sets round
 * differently (fused multiply-add, number of lanes). */
#ifndef VALGRAD_TENSOR_KERNELS_H
#define VALGRAD_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include <valgrad/real.h>

/* A matrix product C [+]= A B + bias; all that gemm reads.
 *
 * A is m x k: element (i, p) is a[i*a_row + p*a_col]. B is k x n: element (p, j) is b[p*b_row + j*b_col].
 * A stored as it is has a_col 1, A stored transposed has a_row 1, and so for B. C is m x n with
 * c[i*ldc + j]. C overlaps neither A nor B. */
typedef struct Gemm {
    int64_t m, n, k;
    const real *a;
    int64_t a_row, a_col;
    const real *b;
    int64_t b_row, b_col;
    const real *bias; /* n numbers added to every row of C; NULL for none */
    real *c;
    int64_t ldc;
    int accumulate;
    real *scratch; /* at least gemm_scratch(m, n, k, b_is_transposed) numbers, of any content */
} Gemm;

/* Where the rows of a matrix are not zero, in pieces: row i is not zero at the columns column[begin(0)] ...
 * column[begin(pieces) - 1], ascending, with begin(s) = first[i*row_step + s*piece_step]. Piece s begins there; it has
 * the columns from s*LISTS_PIECE on. */
typedef struct RowLists {
    int32_t *first, *column;
    int64_t row_step, piece_step, pieces;
    int64_t entries;  /* of all rows */
    bool leave_empty; /* rows of the product without entries are not written; there is no bias then */
} RowLists;

/* Where the list of row i begins in column, and where it ends. */
static inline int32_t row_lists__begin(RowLists lists, int64_t i)
{
    return lists.first[i * lists.row_step];
}
static inline int32_t row_lists__end(RowLists lists, int64_t i)
{
    return lists.first[i * lists.row_step + lists.pieces * lists.piece_step];
}

/* Lists a row of k numbers in column[begin] ..., with its pieces' begins and its end in first, and returns its end.
 * Room: LISTS_SLACK in column beyond k entries. A NaN is not zero. */
enum { LISTS_PIECE = 32, LISTS_SLACK = 16 };
typedef int32_t KernelNonzeros(const real *row, int64_t k, int32_t begin, int32_t *first, int32_t *column);

/* A product as gemm computes it, B not transposed, reading only what `lists` names of A. Of B, blocks of SPARSE_BLOCK
 * numbers go through the nearest cache one after another. */
enum { SPARSE_BLOCK = (1 << 15) / sizeof(real) };
typedef void KernelSparseGemm(const Gemm *product, RowLists lists);

/* Optimizer steps go in blocks, so that their weights are still near when they are looked at. */
enum { STEP_BLOCK = 512 };

/* One step of gradient descent; see sgd. */
typedef struct SgdStep {
    real learning_rate, momentum, weight_decay;
    int nesterov;
} SgdStep;

/* One step of RMSProp; see rmsprop. */
typedef struct RmspropStep {
    real learning_rate, alpha, epsilon, momentum, weight_decay;
} RmspropStep;

/* One step of Adam; see adam. correction1 = 1 - beta1^t and correction2 = 1 - beta2^t at step t = 1, 2, ... */
typedef struct AdamStep {
    real learning_rate, beta1, beta2, epsilon, weight_decay;
    int decoupled; /* not 0: AdamW, the decay acts on the weight and stays out of the moments */
    real correction1, correction2;
} AdamStep;

/* y = f(x), number by number; returns whether all x are finite. */
typedef int KernelMap(real *y, const real *x, int64_t n);

typedef real KernelExponentials(real *y, const real *x, real shift, int64_t n);

/* y [+]= g f', f' being given by f; unless `strict`, a g of 0 gives 0 whatever the derivative. Returns whether all
 * that y was given is finite. */
typedef int KernelSlope(real *y, const real *f, const real *g, int64_t n, int accumulate, int strict);

typedef struct Kernels {
    const char *name;
    int vector_bytes;

    /* C [+]= A B + bias. The order of summation over k is fixed by the shape and the strides. Each row
     * of C is the same however many rows are computed with it, except that few rows (up to 3) or one
     * column may take another path. */
    void (*gemm)(const Gemm *product);
    /* How many numbers gemm and sparse_gemm want in `scratch`: small, and bounded whatever the sizes. */
    int64_t (*gemm_scratch)(int64_t m, int64_t n, int64_t k, int b_is_transposed);

    /* The same product where A is mostly zeros (sparse_kernels.c): the same bits if B is finite, but for the sign of
     * a sum of zeros. */
    KernelNonzeros *nonzeros;
    KernelSparseGemm *sparse_gemm;
    /* Adds multiples of one row g of n numbers to rows of a matrix: c[p n + j] [+]= a[p] g[j] for the p in rows[0] ...
     * rows[count - 1], all different. Rows p that marks has as 0 are written over, and marked; NULL marks all. */
    void (*add_multiples)(real *c, uint8_t *marks, int64_t n, const int32_t *rows, int64_t count, const real *a,
                          const real *g);

    void (*fill)(real *y, real number, int64_t n);                             /* y = number */
    void (*add_to)(real *y, const real *x, int64_t n);                         /* y += x */
    void (*subtract_from)(real *y, const real *x, int64_t n);                  /* y -= x */
    void (*add_scaled)(real *y, real factor, const real *x, int64_t n);        /* y += factor x */
    void (*multiply_add_to)(real *y, const real *a, const real *b, int64_t n); /* y += a b */
    void (*multiply_subtract_from)(real *y, const real *a, const real *b, int64_t n); /* y -= a b */
    void (*scale)(real *y, real factor, const real *x, int64_t n);      /* y = factor x */
    void (*add)(real *y, const real *a, const real *b, int64_t n);      /* y = a + b */
    void (*subtract)(real *y, const real *a, const real *b, int64_t n); /* y = a - b */
    void (*multiply)(real *y, const real *a, const real *b, int64_t n); /* y = a b */
    void (*divide)(real *y, const real *a, const real *b, int64_t n);   /* y = a / b */

    /* Whether there is neither an infinity nor a NaN in x. */
    int (*all_finite)(const real *x, int64_t n);

    /* y = max(x, 0), 1 / (1 + e^-x), tanh x; a NaN stays NaN. */
    KernelMap *relu, *sigmoid, *tanh;
    /* y = e^(x - shift), if there is a y, for x up to shift; returns their sum. */
    KernelExponentials *exponentials;
    /* y [+]= g relu'(x), the derivative being 1 where f > 0, 0 where f <= 0, NaN where f is NaN; f = relu(x)
     * or x itself. Unless `strict`, a g of 0 gives 0 whatever the derivative. */
    KernelSlope *relu_backward;
    /* The same for f = sigmoid(x), whose derivative is f (1 - f), and f = tanh(x), 1 - f^2. */
    KernelSlope *sigmoid_backward, *tanh_backward;

    /* y[j] [+]= sum_i x[i*ldx + j], j < columns (the gradient of a bias); y [+]= 0 without rows. */
    void (*column_sums)(real *y, const real *x, int64_t rows, int64_t columns, int64_t ldx,
                        int accumulate);
    /* y[i*ldy + j] [+]= x[j], i < rows, j < columns (a row broadcast; the reverse of column_sums). */
    void (*spread_row)(real *y, const real *x, int64_t rows, int64_t columns, int64_t ldy,
                       int accumulate);

    /* sum_i x[i] and sum_i x[i] y[i], in blocks added pairwise: the error grows with log n. 0 if n is 0. */
    real (*sum)(const real *x, int64_t n);
    real (*dot)(const real *x, const real *y, int64_t n);
    /* The greatest of x; NaN if there is a NaN; -infinity if n is 0. */
    real (*max)(const real *x, int64_t n);

    /* y = factor x, from bytes (pixels). */
    void (*from_bytes)(real *y, real factor, const uint8_t *x, int64_t n);

    /* Optimizer steps return whether all weights are finite then. They go in blocks of STEP_BLOCK. */

    /* Descent of the weights w along the gradient g, as PyTorch defines it:
     *   d = g + weight_decay w;  v = momentum v + d;  d = nesterov ? d + momentum v : v;
     *   w -= learning_rate d.
     * v is the velocity, n numbers that start as 0; NULL if and only if momentum is 0. */
    int (*sgd)(real *w, const real *g, real *v, int64_t n, const SgdStep *step);
    /* RMSProp, as PyTorch defines it:
     *   d = g + weight_decay w;  squares = alpha squares + (1 - alpha) d^2;
     *   v = momentum v + d / (sqrt(squares) + epsilon);  w -= learning_rate v.
     * v, the velocity, and squares are n numbers each that start as 0. */
    int (*rmsprop)(real *w, const real *g, real *v, real *squares, int64_t n, const RmspropStep *step);
    /* Adam, or AdamW if decoupled, as PyTorch defines them:
     *   decoupled: w -= learning_rate weight_decay w, d = g;  otherwise d = g + weight_decay w;
     *   m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2;
     *   w -= learning_rate (m / correction1) / (sqrt(v / correction2) + epsilon).
     * m and v are the moments, n numbers each that start as 0. */
    int (*adam)(real *w, const real *g, real *m, real *v, int64_t n, const AdamStep *step);
} Kernels;

/* Borrowed, for ever: the kernels of this processor. Safe from any thread. */
const Kernels *kernels__get(void);

/* Borrowed: all variants that this processor can run, worst first; *count gets their number. */
const Kernels *const *kernels__all(int *count);

#endif
