/* shaped.h - matrices that carry their sizes in their type: a product that does not fit does not compile.
 *
 *     Matrix(5, 2) a = matrix_leaf(a_numbers, 5, 2);
 *     Matrix(2, 3) b = matrix_leaf(b_numbers, 2, 3);
 *     Matrix(5, 3) c = matrix_matmul(a, b);
 *
 *     Matrix(3, 3) d = matrix_leaf(d_numbers, 3, 3);
 *     matrix_matmul(a, d);
 *     // error: '_Generic' selector of type 'Sizes_do_not_fit (*)(Matrix_number (*)[5][2],
 *     //        Matrix_number (*)[3][3])' is not compatible with any association
 *
 * An optional layer, all of it in this header; include it where it is wanted. Every macro checks sizes
 * while the program is compiled and then calls the function of tensor.h; it costs nothing when the
 * program runs. Matrix(r, c) is the type of a pointer to an array of r x c elements, which exists for
 * its sizes only: what it points at is a Tensor, and matrix_tensor() gives it back for all else.
 * Ownership and errors are those of the functions called: NULL operands give NULL.
 *
 * Sizes are constants. A Vector(n) is a tensor of rank 1, as biases are. A matrix of other sizes that is
 * assigned or passed to a function is a pointer of an incompatible type: an error for Clang 16 and
 * GCC 14, a warning before (-Werror=incompatible-pointer-types makes it an error). Names for parts keep
 * messages short, and the compiler quick: every macro repeats its arguments' text.
 *
 * Needs C11 and __typeof__ (GCC, Clang); there is nothing in it for C++. */
#ifndef VALGRAD_SHAPED_H
#define VALGRAD_SHAPED_H

#include <valgrad/tensor.h>

#ifndef __cplusplus

/* ---- types ----------------------------------------------------------------------------------------- */

/* Is never made: only how many there are counts. */
typedef struct Matrix_number {
    char unused;
} Matrix_number;

/* Matrix(5, 2) a; Matrix(64, 10) forward(Matrix(64, 784) x); */
#define Matrix(rows, columns) __typeof__(Matrix_number(*)[rows][columns])
#define Vector(size) __typeof__(Matrix_number(*)[size])

/* Sizes, as constants. */
#define matrix_rows(m) (sizeof(*(m)) / sizeof((*(m))[0]))
#define matrix_columns(m) (sizeof((*(m))[0]) / sizeof((*(m))[0][0]))
#define vector_size(v) (sizeof(*(v)) / sizeof((*(v))[0]))

/* ---- there and back -------------------------------------------------------------------------------- */

/* The Tensor: borrowed, the same object. */
#define matrix_tensor(m) ((Tensor *)(void *)(m))

/* New: a tensor's elements as a matrix or vector; their number is checked when the program runs, as
 * tensor_reshape() does. */
#define matrix_reshape(tensor, rows, columns)                                                      \
    MATRIX__OF(tensor_reshape(tensor, TENSOR_SHAPE(rows, columns)), rows, columns)
#define vector_reshape(tensor, size) VECTOR__OF(tensor_reshape(tensor, TENSOR_SHAPE(size)), size)

/* New, as tensor_leaf(), tensor_const() and tensor_param(): rows columns numbers, row by row, or NULL for
 * zeros. */
#define matrix_leaf(numbers, rows, columns)                                                        \
    MATRIX__OF(tensor_leaf(numbers, TENSOR_SHAPE(rows, columns)), rows, columns)
#define matrix_const(numbers, rows, columns)                                                       \
    MATRIX__OF(tensor_const(numbers, TENSOR_SHAPE(rows, columns)), rows, columns)
#define matrix_param(numbers, rows, columns)                                                       \
    MATRIX__OF(tensor_param(numbers, TENSOR_SHAPE(rows, columns)), rows, columns)
#define vector_leaf(numbers, size) VECTOR__OF(tensor_leaf(numbers, TENSOR_SHAPE(size)), size)
#define vector_const(numbers, size) VECTOR__OF(tensor_const(numbers, TENSOR_SHAPE(size)), size)
#define vector_param(numbers, size) VECTOR__OF(tensor_param(numbers, TENSOR_SHAPE(size)), size)

/* ---- operations: new matrices ---------------------------------------------------------------------- */

/* (m, k) (k, n) -> (m, n) */
#define matrix_matmul(a, b)                                                                        \
    MATRIX__OF(                                                                                    \
        tensor_matmul(MATRIX__FIT(a, b, matrix_columns(a), matrix_columns(b)), matrix_tensor(b)),  \
        matrix_rows(a), matrix_columns(b))

/* x w + bias, a layer: (batch, in), (in, out), Vector(out) -> (batch, out) */
#define matrix_affine(x, w, bias)                                                                  \
    MATRIX__OF(tensor_affine(MATRIX__FIT(x, w, matrix_columns(x), matrix_columns(w)),              \
                             VECTOR__FIT(w, bias, matrix_columns(w)), matrix_tensor(bias)),        \
               matrix_rows(x), matrix_columns(w))

/* (m, n) -> (n, m) */
#define matrix_transpose(m)                                                                        \
    MATRIX__OF(tensor_transpose(matrix_tensor(m)), matrix_columns(m), matrix_rows(m))

/* function(m), for functions that keep the shape: matrix_map(tensor_relu, m). */
#define matrix_map(function, m) MATRIX__LIKE(function(matrix_tensor(m)), m)

/* function(a, b) of two matrices of one size: matrix_zip(tensor_mul, a, b). */
#define matrix_zip(function, a, b)                                                                 \
    MATRIX__LIKE(function(MATRIX__FIT(a, b, matrix_rows(a), matrix_columns(a)), matrix_tensor(b)), \
                 a)
#define matrix_add(a, b) matrix_zip(tensor_add, a, b)
#define matrix_sub(a, b) matrix_zip(tensor_sub, a, b)
#define matrix_mul(a, b) matrix_zip(tensor_mul, a, b) /* element by element */

/* Each row's softmax, and its logarithm. */
#define matrix_softmax(m) MATRIX__LIKE(tensor_softmax(matrix_tensor(m), 1), m)
#define matrix_log_softmax(m) MATRIX__LIKE(tensor_log_softmax(matrix_tensor(m), 1), m)

/* ---- losses: new tensors of rank 0 ----------------------------------------------------------------- */

/* labels: an array of one int64_t for each row (a pointer has lost its size, and counts as 1). */
#define matrix_cross_entropy(logits, labels)                                                       \
    tensor_cross_entropy(                                                                          \
        MATRIX__CAST(logits,                                                                       \
                     Sizes_do_not_fit(*)(__typeof__(logits), Vector(matrix_rows(logits))),         \
                     Sizes_do_not_fit(*)(__typeof__(logits), Vector(vector_size(&(labels))))),     \
        (int64_t)matrix_rows(logits), labels)

/* Mean of (a - b)^2 over two matrices of one size. */
#define matrix_mse(a, b)                                                                           \
    tensor_mse(MATRIX__FIT(a, b, matrix_rows(a), matrix_columns(a)), matrix_tensor(b))

/* ---- how it is done -------------------------------------------------------------------------------- */

/* Stands in the compiler's message before the two types that do not fit. */
typedef struct Sizes_do_not_fit Sizes_do_not_fit;

/* The tensor of a, if the types `given` and `wanted` are the same: otherwise _Generic finds nothing and the
 * compiler shows `given`, a function of both operands. */
#define MATRIX__CAST(a, wanted, given) _Generic((given)0, wanted : matrix_tensor(a))
#define MATRIX__FIT(a, b, rows, columns)                                                           \
    MATRIX__CAST(a, Sizes_do_not_fit (*)(__typeof__(a), Matrix(rows, columns)),                    \
                 Sizes_do_not_fit (*)(__typeof__(a), __typeof__(b)))
#define VECTOR__FIT(a, b, size)                                                                    \
    MATRIX__CAST(a, Sizes_do_not_fit (*)(__typeof__(a), Vector(size)),                             \
                 Sizes_do_not_fit (*)(__typeof__(a), __typeof__(b)))

/* A Tensor as a matrix of these sizes, or of another's. */
#define MATRIX__OF(tensor, rows, columns) ((Matrix(rows, columns))(void *)(tensor))
#define VECTOR__OF(tensor, size) ((Vector(size))(void *)(tensor))
#define MATRIX__LIKE(tensor, m) ((__typeof__(m))(void *)(tensor))

#endif
#endif
