/* derivatives.h - derivatives that one backward pass does not give: along a direction, all of a Jacobian,
 * second derivatives. All are exact, to rounding: no differences are taken.
 *
 *     Value *x[] = {value_leaf(2), value_leaf(3)};
 *     Value *y = value_mul(value_square(x[0]), x[1]);                 // x0^2 x1
 *     real hessian[4];
 *     value_hessian(y, 2, x, hessian);                                // {6, 4, 4, 0}
 *
 * Each function writes the graph out as a list of scalar instructions once (a tensor operation as the many
 * that it stands for) and runs over it: forwards with a tangent beside each number (dual numbers), or
 * forwards and then backwards with a tangent beside each gradient as well (A. Griewank, A. Walther,
 * "Evaluating Derivatives", 2008, chapters 3 and 5). Gradients that backward has stored are neither read
 * nor changed. Memory: some 60 bytes for each scalar operation; no recursion.
 *
 * The leaves may be any leaves and constants, elements of tensors too. One that a root does not depend on has
 * derivative 0, and of one given twice a direction has the sum. Kinks are as in backward, and what is
 * multiplied by a gradient or tangent of exactly 0 counts as 0 (see valgrad_set_strict_ieee).
 *
 * Errors of all: NULL; an input that is the result of an operation; a leaf changed since the graph used
 * it; an operation that cannot be written out in scalar operations; out of memory. Of those with second
 * derivatives: an operation of the user's (value_custom), which has first derivatives only. On error
 * nothing is written. */
#ifndef VALGRAD_DERIVATIVES_H
#define VALGRAD_DERIVATIVES_H

#include <valgrad/tensor.h>
#include <valgrad/value.h>

VALGRAD_BEGIN

/* Forward mode: out[i] = sum_j d roots[i] / d leaves[j] tangents[j], for all roots in one pass. */
VALGRAD_API ValgradStatus value_jvp(size_t root_count, Value *const *roots, size_t leaf_count,
                                    Value *const *leaves, const real *tangents, real *out);

/* out[i] = sum_j d^2 root / d leaves[i] d leaves[j] vector[j]: the Hessian times a vector, for the price of
 * a few gradients. */
VALGRAD_API ValgradStatus value_hvp(Value *root, size_t leaf_count, Value *const *leaves,
                                    const real *vector, real *out);

/* jacobian[i * leaf_count + j] = d roots[i] / d leaves[j]. One pass for each root or for each leaf,
 * whichever are fewer. */
VALGRAD_API ValgradStatus value_jacobian(size_t root_count, Value *const *roots, size_t leaf_count,
                                         Value *const *leaves, real *jacobian);

/* hessian[i * leaf_count + j] = d^2 root / d leaves[i] d leaves[j]; symmetric to rounding. One pass for
 * each leaf. */
VALGRAD_API ValgradStatus value_hessian(Value *root, size_t leaf_count, Value *const *leaves,
                                        real *hessian);

/* The same from a tensor to tensors of leaves or constants. The results are new constants.
 *
 * New, of root's shape: sum_k (d root / d leaves[k]) tangents[k]; tangents[k] has leaves[k]'s shape. */
VALGRAD_API Tensor *tensor_jvp(Tensor *root, size_t leaf_count, Tensor *const *leaves,
                               Tensor *const *tangents);

/* Root is of size 1. Writes a new tensor of leaves[i]'s shape to each out[i]: the i-th part of the Hessian
 * times the vector that vectors[0], vectors[1], … make. On failure all of out is NULL. */
VALGRAD_API ValgradStatus tensor_hvp(Tensor *root, size_t leaf_count, Tensor *const *leaves,
                                     Tensor *const *vectors, Tensor **out);

/* New, of root's shape followed by leaf's: d root[i…] / d leaf[j…]. Errors also: more than
 * TENSOR_MAX_RANK axes. */
VALGRAD_API Tensor *tensor_jacobian(Tensor *root, Tensor *leaf);

/* New, of leaf's shape twice: d^2 root / d leaf[i…] d leaf[j…]. Root is of size 1. */
VALGRAD_API Tensor *tensor_hessian(Tensor *root, Tensor *leaf);

VALGRAD_END

#endif
