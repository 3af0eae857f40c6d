/* tensor.h - arrays of Values on the same graph: the dense grain.
 *
 *     VALGRAD_SCOPE {
 *         Tensor *w = tensor_leaf((real[]){1, 2, 3, 4, 5, 6}, TENSOR_SHAPE(2, 3));
 *         Tensor *x = tensor_const((real[]){1, 0, -1}, TENSOR_SHAPE(3));
 *         Tensor *y = tensor_sum_all(tensor_tanh(tensor_matmul(w, x)));
 *         tensor_backward(y, NULL);
 *         printf("dy/dw[0][2] = %g\n", value_grad(tensor_at(w, 2)));
 *     }
 *
 * A Tensor is a shape and a list of Value pointers addressed by flat, row-major index. One tensor
 * operation makes ONE node that holds all numbers of its result, so that its elements cost nothing
 * until tensor_at() asks for one; that element is an ordinary Value and may enter any scalar expression,
 * and tensor_from_values() makes a tensor of any Values. Gradients flow through both in one pass.
 *
 * Operations on shape (reshape, transpose, slice, …) only point at the same Values in another order:
 * they make no node, and writing through one view is seen in all.
 *
 * Every operation means what its expansion into scalar operations means.
 *
 * An element is called "element" by value_op_name() and keeps no operands of its own: those belong to the
 * operation that made the whole tensor. inspect.h goes from elements to operations and on to their operands.
 *
 * Ownership, threads and errors are as for Values: a fresh Tensor is *new* and belongs to the innermost
 * open scope, or else to the caller; NULL operands give NULL.
 * Sizes: rank 0 (one number) to TENSOR_MAX_RANK; a side may be 0. */
#ifndef VALGRAD_TENSOR_H
#define VALGRAD_TENSOR_H

#include <valgrad/random.h>
#include <valgrad/value.h>

VALGRAD_BEGIN

typedef struct Tensor Tensor;

enum { TENSOR_MAX_RANK = 8 };

/* TENSOR_SHAPE(64, 784) stands for the two arguments "int rank, const int64_t *shape" (C only);
 * TENSOR_SCALAR for rank 0. TENSOR_AXES(0, 1) stands for "int count, const int *axes"; TENSOR_ALL_AXES
 * for all of them. */
#define TENSOR_SHAPE(...)                                                                          \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#define TENSOR_SCALAR 0, NULL
#define TENSOR_AXES(...) (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]){__VA_ARGS__}
#define TENSOR_ALL_AXES (-1), NULL

/* ---- create ------------------------------------------------------------------------------------ */

/* New: an array that wants a gradient / wants none / wants one and belongs to no scope (the caller
 * releases it). Copies size numbers from data, row-major; data NULL fills with 0.
 * Errors: rank outside 0 … TENSOR_MAX_RANK; a negative side; a size that overflows; out of memory. */
VALGRAD_API Tensor *tensor_leaf(const real *data, int rank, const int64_t *shape);
VALGRAD_API Tensor *tensor_const(const real *data, int rank, const int64_t *shape);
VALGRAD_API Tensor *tensor_param(const real *data, int rank, const int64_t *shape);

/* New: a tensor of the given Values (not copied: values[i] is element i). Errors: as above; a NULL. */
VALGRAD_API Tensor *tensor_from_values(Value *const *values, int rank, const int64_t *shape);

/* New constants. Uniform in [low, high); normal with mean and deviation. */
VALGRAD_API Tensor *tensor_zeros(int rank, const int64_t *shape);
VALGRAD_API Tensor *tensor_full(real number, int rank, const int64_t *shape);
VALGRAD_API Tensor *tensor_uniform(real low, real high, Random *random, int rank, const int64_t *shape);
VALGRAD_API Tensor *tensor_normal(real mean, real deviation, Random *random, int rank,
                                  const int64_t *shape);

/* New: t's present numbers as a constant, cut off from t's graph. */
VALGRAD_API Tensor *tensor_detach(const Tensor *t);

VALGRAD_API Tensor *tensor_retain(Tensor *t);
VALGRAD_API void tensor_release(Tensor *t);

/* value_made_at() for the node behind t. */
VALGRAD_API Tensor *tensor_made_at(Tensor *t, const char *file, int line);

/* ---- look -------------------------------------------------------------------------------------- */

VALGRAD_API int tensor_rank(const Tensor *t);               /* -1 for NULL */
VALGRAD_API int64_t tensor_side(const Tensor *t, int axis); /* -1 counts from the end; -1 if none */
VALGRAD_API const int64_t *tensor_shape(const Tensor *t);   /* borrowed; rank sides; NULL for NULL */
VALGRAD_API int64_t tensor_size(const Tensor *t);           /* product of the sides; -1 for NULL */
VALGRAD_API bool tensor_wants_grad(const Tensor *t);        /* whether any element does */

/* The Value at flat index i: borrowed, lives as long as the tensor's graph node; the same pointer each
 * time; reads and adds through. Errors: NULL; i outside 0 … size-1; out of memory. */
VALGRAD_API Value *tensor_at(const Tensor *t, int64_t i);

/* The number of a tensor of size 1; NaN (and an error) otherwise. */
VALGRAD_API real tensor_item(const Tensor *t);

/* Copies numbers or gradients out, row-major. `n` is the room in out and must equal the size. */
VALGRAD_API ValgradStatus tensor_get(const Tensor *t, int64_t n, real *out);
VALGRAD_API ValgradStatus tensor_get_grad(const Tensor *t, int64_t n, real *out);

/* Gives a tensor of leaves or constants other numbers; n must equal the size. Like value_set_data(): graphs
 * built on the old numbers can no longer be differentiated. Errors: an element is a result; n. */
VALGRAD_API ValgradStatus tensor_set(Tensor *t, int64_t n, const real *data);
VALGRAD_API ValgradStatus tensor_fill(Tensor *t, real number);
VALGRAD_API ValgradStatus tensor_fill_uniform(Tensor *t, real low, real high, Random *random);
VALGRAD_API ValgradStatus tensor_fill_normal(Tensor *t, real mean, real deviation, Random *random);

VALGRAD_API void tensor_zero_grad(Tensor *t); /* NULL does nothing */

/* Freezes or thaws the leaf behind t, all of it. Errors: t is not a whole leaf or constant. */
VALGRAD_API ValgradStatus tensor_set_wants_grad(Tensor *t, bool wants);

/* The name of the node behind t, in messages and drawings. Errors: t is made of several nodes. */
VALGRAD_API ValgradStatus tensor_set_label(Tensor *t, const char *label);
VALGRAD_API const char *tensor_label(const Tensor *t);

/* ---- differentiate ----------------------------------------------------------------------------- */

/* value_backward() from every element of root at once: adds sum_i seed[i] d root[i] / d leaf to each
 * leaf. seed has root's shape; NULL stands for all ones. */
VALGRAD_API ValgradStatus tensor_backward(Tensor *root, const Tensor *seed);

/* ---- shape: pointers move, no node is made ----------------------------------------------------- */
/* Axes count from 0, or from the end if negative.                                                  */

/* New: the same elements in another shape of the same size; one side may be -1, to be worked out. */
VALGRAD_API Tensor *tensor_reshape(Tensor *t, int rank, const int64_t *shape);

/* New: axis i of the result is axis axes[i] of t. */
VALGRAD_API Tensor *tensor_permute(Tensor *t, int count, const int *axes);

/* New: the last two axes exchanged. Errors: rank below 2. */
VALGRAD_API Tensor *tensor_transpose(Tensor *t);

/* New: indices start, start+step, … before stop along axis. Negative start and stop count from the end;
 * both are clamped to the axis. step must be positive. */
VALGRAD_API Tensor *tensor_slice(Tensor *t, int axis, int64_t start, int64_t stop, int64_t step);

/* New: element `index` along axis, which disappears. A negative index counts from the end. */
VALGRAD_API Tensor *tensor_index(Tensor *t, int axis, int64_t index);

/* New: indices[0 … n-1] along axis, in that order, with repetition. */
VALGRAD_API Tensor *tensor_gather(Tensor *t, int axis, int64_t n, const int64_t *indices);

/* New, of the indices' shape: the element whose index along axis is the one given, and whose others are its
 * own (NumPy's take_along_axis). tensor_take_along(x, 1, TENSOR_SHAPE(64, 1), labels) picks an element of
 * each of 64 rows. Errors: another rank than t's; a side above t's, but for axis; an index out of range. */
VALGRAD_API Tensor *tensor_take_along(Tensor *t, int axis, int rank, const int64_t *shape,
                                      const int64_t *indices);

/* New: the order along the given axes turned round. */
VALGRAD_API Tensor *tensor_flip(Tensor *t, int count, const int *axes);

/* New: t laid side by side repeats[i] times along axis i (NumPy's tile); more repeats than axes: new ones in
 * front. tensor_repeat(x, TENSOR_SHAPE(2, 1)). Errors: fewer repeats than axes; a negative one. */
VALGRAD_API Tensor *tensor_repeat(Tensor *t, int count, const int64_t *repeats);

/* New: tensors joined along axis; the other sides agree. n is at least 1. */
VALGRAD_API Tensor *tensor_concat(int n, Tensor *const *tensors, int axis);

/* New: tensors of one shape joined along a new axis. n is at least 1. */
VALGRAD_API Tensor *tensor_stack(int n, Tensor *const *tensors, int axis);

/* New: sides of 1, and missing leading axes, repeated to fit shape (NumPy's rule). */
VALGRAD_API Tensor *tensor_broadcast(Tensor *t, int rank, const int64_t *shape);

/* ---- elements by number, padding ---------------------------------------------------------------- */

/* New: row indices[i] of weight (rows, width) for each of indices, which have the given shape:
 * (shape…, width). One node. Errors: shapes; an index outside 0 … rows-1. */
VALGRAD_API Tensor *tensor_embedding(Tensor *weight, int rank, const int64_t *shape,
                                     const int64_t *indices);

/* New, a constant (shape…, classes): 1 at each index, 0 elsewhere. Errors: an index outside 0 … classes-1. */
VALGRAD_API Tensor *tensor_one_hot(int64_t classes, int rank, const int64_t *shape,
                                   const int64_t *indices);

/* New: `before` elements more in front along axis, `after` more at the end, all with this number. One node.
 * Errors: a negative count. */
VALGRAD_API Tensor *tensor_pad(Tensor *t, int axis, int64_t before, int64_t after, real number);

/* ---- element-wise: each scalar operation, operands broadcast to a common shape ------------------ */

/* Arithmetic. */
VALGRAD_API Tensor *tensor_add(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_sub(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_mul(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_div(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_fma(Tensor *x, Tensor *y, Tensor *z);
VALGRAD_API Tensor *tensor_neg(Tensor *x);
VALGRAD_API Tensor *tensor_reciprocal(Tensor *x);
VALGRAD_API Tensor *tensor_square(Tensor *x);

/* Powers and logarithms. */
VALGRAD_API Tensor *tensor_pow(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_sqrt(Tensor *x);
VALGRAD_API Tensor *tensor_rsqrt(Tensor *x);
VALGRAD_API Tensor *tensor_cbrt(Tensor *x);
VALGRAD_API Tensor *tensor_exp(Tensor *x);
VALGRAD_API Tensor *tensor_exp2(Tensor *x);
VALGRAD_API Tensor *tensor_expm1(Tensor *x);
VALGRAD_API Tensor *tensor_log(Tensor *x);
VALGRAD_API Tensor *tensor_log2(Tensor *x);
VALGRAD_API Tensor *tensor_log10(Tensor *x);
VALGRAD_API Tensor *tensor_log1p(Tensor *x);
VALGRAD_API Tensor *tensor_xlogy(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_logaddexp(Tensor *x, Tensor *y);

/* Circle and hyperbola. */
VALGRAD_API Tensor *tensor_sin(Tensor *x);
VALGRAD_API Tensor *tensor_cos(Tensor *x);
VALGRAD_API Tensor *tensor_tan(Tensor *x);
VALGRAD_API Tensor *tensor_asin(Tensor *x);
VALGRAD_API Tensor *tensor_acos(Tensor *x);
VALGRAD_API Tensor *tensor_atan(Tensor *x);
VALGRAD_API Tensor *tensor_atan2(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_hypot(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_sinc(Tensor *x);
VALGRAD_API Tensor *tensor_sinh(Tensor *x);
VALGRAD_API Tensor *tensor_cosh(Tensor *x);
VALGRAD_API Tensor *tensor_tanh(Tensor *x);
VALGRAD_API Tensor *tensor_asinh(Tensor *x);
VALGRAD_API Tensor *tensor_acosh(Tensor *x);
VALGRAD_API Tensor *tensor_atanh(Tensor *x);

/* Error and gamma functions. */
VALGRAD_API Tensor *tensor_erf(Tensor *x);
VALGRAD_API Tensor *tensor_erfc(Tensor *x);
VALGRAD_API Tensor *tensor_erfinv(Tensor *x);
VALGRAD_API Tensor *tensor_lgamma(Tensor *x);

/* Choices. */
VALGRAD_API Tensor *tensor_abs(Tensor *x);
VALGRAD_API Tensor *tensor_min(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_max(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_fmin(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_fmax(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_clamp(Tensor *x, Tensor *low, Tensor *high);
VALGRAD_API Tensor *tensor_where(Tensor *condition, Tensor *yes, Tensor *no);

/* Steps. */
VALGRAD_API Tensor *tensor_sign(Tensor *x);
VALGRAD_API Tensor *tensor_floor(Tensor *x);
VALGRAD_API Tensor *tensor_ceil(Tensor *x);
VALGRAD_API Tensor *tensor_round(Tensor *x);
VALGRAD_API Tensor *tensor_trunc(Tensor *x);

/* What steps leave. */
VALGRAD_API Tensor *tensor_frac(Tensor *x);
VALGRAD_API Tensor *tensor_fmod(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_remainder(Tensor *x, Tensor *y);

/* Activations. */
VALGRAD_API Tensor *tensor_sigmoid(Tensor *x);
VALGRAD_API Tensor *tensor_logsigmoid(Tensor *x);
VALGRAD_API Tensor *tensor_softplus(Tensor *x);
VALGRAD_API Tensor *tensor_relu(Tensor *x);
VALGRAD_API Tensor *tensor_leaky_relu(Tensor *x, real slope);
VALGRAD_API Tensor *tensor_relu6(Tensor *x);
VALGRAD_API Tensor *tensor_elu(Tensor *x, real alpha);
VALGRAD_API Tensor *tensor_selu(Tensor *x);
VALGRAD_API Tensor *tensor_gelu(Tensor *x);
VALGRAD_API Tensor *tensor_gelu_tanh(Tensor *x);
VALGRAD_API Tensor *tensor_silu(Tensor *x);
VALGRAD_API Tensor *tensor_softsign(Tensor *x);
VALGRAD_API Tensor *tensor_hardtanh(Tensor *x);
VALGRAD_API Tensor *tensor_hardsigmoid(Tensor *x);

/* ---- reductions: over the given axes, all for TENSOR_ALL_AXES ---------------------------------- */
/* keepdim leaves a side of 1 where an axis was. An axis may not repeat.                            */

VALGRAD_API Tensor *tensor_sum(Tensor *t, int count, const int *axes, bool keepdim);
/* Errors also: a mean, maximum or minimum over nothing. */
VALGRAD_API Tensor *tensor_mean(Tensor *t, int count, const int *axes, bool keepdim);
/* Equal maxima (minima) share the gradient. NaN wins. */
VALGRAD_API Tensor *tensor_reduce_max(Tensor *t, int count, const int *axes, bool keepdim);
VALGRAD_API Tensor *tensor_reduce_min(Tensor *t, int count, const int *axes, bool keepdim);
/* The gradient is the product of the others, also where some are 0. 1 over nothing. */
VALGRAD_API Tensor *tensor_prod(Tensor *t, int count, const int *axes, bool keepdim);

/* Variance sum (x - mean)^2 / n, or / (n - 1) if unbiased, and its square root, of which the gradient is 0
 * where all x are equal. Errors also: n is 0, or below 2 if unbiased. */
VALGRAD_API Tensor *tensor_var(Tensor *t, int count, const int *axes, bool keepdim, bool unbiased);
VALGRAD_API Tensor *tensor_std(Tensor *t, int count, const int *axes, bool keepdim, bool unbiased);

/* p = 1: sum |x|; p = 2: sqrt(sum x^2), which neither overflows nor underflows on the way; p = INFINITY:
 * max |x|, of which equals share the gradient. At 0 the gradient is 0, the subgradient of least size; the
 * norm of nothing is 0. Errors also: another p. */
VALGRAD_API Tensor *tensor_norm(Tensor *t, real p, int count, const int *axes, bool keepdim);

/* Sum and mean of all elements, rank 0. */
VALGRAD_API Tensor *tensor_sum_all(Tensor *t);
VALGRAD_API Tensor *tensor_mean_all(Tensor *t);

/* New, of t's shape: sums of the elements up to each, along axis. */
VALGRAD_API Tensor *tensor_cumsum(Tensor *t, int axis);

/* New: each row of the last axis with mean 0 and variance 1, scaled and shifted (J. Ba et al., 2016):
 * (x - mean) / sqrt(var + epsilon) gain + bias, var = sum (x - mean)^2 / n. x (…, n), gain (n), bias (n);
 * gain and bias may be NULL. Errors: NULL x; shapes; n is 0; epsilon negative. */
VALGRAD_API Tensor *tensor_layer_norm(Tensor *x, Tensor *gain, Tensor *bias, real epsilon);

/* Writes the flat index (within the reduced axes, row-major in the order the axes stand in t) of the
 * first maximum into out, one for each element that tensor_reduce_max would have; n is the room.
 * The first NaN counts as the maximum. No gradient. */
VALGRAD_API ValgradStatus tensor_argmax(const Tensor *t, int count, const int *axes, int64_t n,
                                        int64_t *out);

/* ---- products ---------------------------------------------------------------------------------- */

/* New: matrix product. (m, k) x (k, n) -> (m, n); (k) x (k, n) -> (n); (m, k) x (k) -> (m);
 * (k) x (k) -> (). Of higher ranks the last two axes are matrices, those before are broadcast:
 * (8, 1, m, k) x (5, k, n) -> (8, 5, m, n). */
VALGRAD_API Tensor *tensor_matmul(Tensor *a, Tensor *b);

/* New: sum_i x_i y_i of vectors (k), (k) -> (); all products x_i y_j, (m), (n) -> (m, n). */
VALGRAD_API Tensor *tensor_dot(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_outer(Tensor *x, Tensor *y);

/* New: x w + b, a whole layer in one node: (batch, in) or (in), (in, out), (out). b may be NULL. */
VALGRAD_API Tensor *tensor_affine(Tensor *x, Tensor *w, Tensor *b);

/* New: f(x w + b) in one node, for an activation f whose derivative its result tells: what tensor_relu (and so on) of
 * tensor_affine() gives, in less time and memory, for the sums x w + b are not kept. */
VALGRAD_API Tensor *tensor_affine_relu(Tensor *x, Tensor *w, Tensor *b);
VALGRAD_API Tensor *tensor_affine_sigmoid(Tensor *x, Tensor *w, Tensor *b);
VALGRAD_API Tensor *tensor_affine_tanh(Tensor *x, Tensor *w, Tensor *b);

/* ---- images ------------------------------------------------------------------------------------ */
/* (batch, channels, height, width) or (channels, height, width). A window moves over height and width; its
 * options are given for both directions, down and across. A side of the result is
 * floor((side + 2 padding - dilation (taps - 1) - 1) / stride) + 1.                                 */

typedef struct TensorWindow {
    int64_t stride[2];   /* 0: 1 for a convolution, the side of the window for a pool */
    int64_t padding[2];  /* elements added on each of both sides */
    int64_t dilation[2]; /* distance between the elements under a window; 0 stands for 1 */
} TensorWindow;

#define TENSOR_WINDOW_INIT                                                                         \
    { {0, 0}, {0, 0}, {0, 0} }

/* New: convolution (cross-correlation, as in other libraries) of images with filters
 * w (filters, channels, rows, columns), and bias (filters), which may be NULL; options may be NULL:
 * y[b, f, i, j] = bias[f] + sum_c,p,q w[f, c, p, q] x[b, c, i stride + p dilation - padding, j …];
 * padding is zeros. One node. Errors: shapes; an option out of range; a window larger than the image. */
VALGRAD_API Tensor *tensor_conv2d(Tensor *x, Tensor *w, Tensor *bias, const TensorWindow *options);

/* New: the greatest element under each window of rows x columns; of equal ones the first takes the gradient
 * (unlike tensor_reduce_max), and NaN wins. Padding does not take part. Errors: as above; a window over
 * nothing but padding. */
VALGRAD_API Tensor *tensor_max_pool2d(Tensor *x, int64_t rows, int64_t columns,
                                      const TensorWindow *options);

/* New: the sum of the elements under each window over rows columns: padding counts as zeros. */
VALGRAD_API Tensor *tensor_avg_pool2d(Tensor *x, int64_t rows, int64_t columns,
                                      const TensorWindow *options);

/* ---- softmax and losses ------------------------------------------------------------------------ */

/* New: along axis, shifted by the maximum so that nothing overflows.
 * softmax_i = e^x_i / sum_j e^x_j; log_softmax_i = x_i - logsumexp; logsumexp = log sum_j e^x_j. */
VALGRAD_API Tensor *tensor_softmax(Tensor *t, int axis);
VALGRAD_API Tensor *tensor_log_softmax(Tensor *t, int axis);
VALGRAD_API Tensor *tensor_logsumexp(Tensor *t, int axis, bool keepdim);

/* New, rank 0: mean over rows of -log softmax(logits)[label]. logits (batch, classes) or (classes);
 * n labels, one for each row. Errors: n differs from the rows; a label outside 0 … classes-1; no row. */
VALGRAD_API Tensor *tensor_cross_entropy(Tensor *logits, int64_t n, const int64_t *labels);

/* New, rank 0: the same with label smoothing s in 0 … 1 (C. Szegedy et al., 2016): the target of a row is
 * 1 - s + s / classes at its label and s / classes elsewhere. Errors: as above; smoothing out of range. */
VALGRAD_API Tensor *tensor_cross_entropy_smoothed(Tensor *logits, real smoothing, int64_t n,
                                                  const int64_t *labels);

/* New, rank 0: mean over rows of -sum_c targets[c] log softmax(logits)[c]; targets has logits' shape
 * (one-hot or probabilities) and takes part in the gradient if it wants one. */
VALGRAD_API Tensor *tensor_cross_entropy_soft(Tensor *logits, Tensor *targets);

/* New, rank 0: mean over rows of -log_probabilities[label], as cross-entropy but of log_softmax's result. */
VALGRAD_API Tensor *tensor_nll(Tensor *log_probabilities, int64_t n, const int64_t *labels);

/* New, rank 0: means over all elements of predictions x against targets y; both are broadcast, and both get
 * their gradient if they want one. Errors: shapes; nothing to take a mean of. */

/* (x - y)^2; and |x - y|, of which the derivative at 0 is 0. */
VALGRAD_API Tensor *tensor_mse(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_mae(Tensor *x, Tensor *y);

/* With d = |x - y|: d^2 / 2 where d <= delta, delta (d - delta / 2) beyond (P. Huber, 1964). Errors: as
 * above; delta not above 0. */
VALGRAD_API Tensor *tensor_huber(Tensor *x, Tensor *y, real delta);

/* -y log x - (1 - y) log(1 - x) of probabilities x; a logarithm below -100 counts as -100, with derivative
 * 0. And the same of x = sigmoid(logit), given the logit, which bears numbers of any size: prefer it. */
VALGRAD_API Tensor *tensor_binary_cross_entropy(Tensor *x, Tensor *y);
VALGRAD_API Tensor *tensor_binary_cross_entropy_logits(Tensor *x, Tensor *y);

/* max(0, 1 - x y), y being -1 or 1; the derivative where x y = 1 is 0. */
VALGRAD_API Tensor *tensor_hinge(Tensor *x, Tensor *y);

/* y (log y - x) of log-probabilities x and probabilities y, summed along the last axis, mean over the rest:
 * the divergence of y from e^x. A y of 0 counts for nothing and has derivative 0. */
VALGRAD_API Tensor *tensor_kl_divergence(Tensor *x, Tensor *y);

/* ---- regularization ---------------------------------------------------------------------------- */

/* New: in training each element becomes 0 with probability p, and x / (1 - p) otherwise, so that its mean
 * stays (N. Srivastava et al., 2014); one number of random is drawn for each element, row-major. Backward
 * takes the same mask, and nothing passes where an element was dropped. Not in training, or with p = 0: t's
 * own elements, no node, and random is not used. Errors: p outside 0 … 1; NULL random in training. */
VALGRAD_API Tensor *tensor_dropout(Tensor *t, real p, bool training, Random *random);

/* ---- threads ----------------------------------------------------------------------------------- */

/* On how many threads matrix products and optimizer steps are computed and batches of samples are dealt, of every
 * graph in the program; 1 until this is called. The results have the same bits at any number. Helpers sleep
 * when there is nothing to do, and where another program takes their core, the calling thread does their part.
 * When several threads of the program compute at once, the helpers serve one of them at a time.
 * Errors: n outside 1 … 256; threads cannot be had (those that could are used). */
VALGRAD_API ValgradStatus valgrad_set_threads(int n);
VALGRAD_API int valgrad_threads(void); /* the number in use */

VALGRAD_END

#endif
