/* tensor_operations.h - a table of all operations that make a Tensor of others, each with operands
 * to try it on; what tests do with every operation goes through it. */
#ifndef VALGRAD_TESTS_TENSOR_OPERATIONS_H
#define VALGRAD_TESTS_TENSOR_OPERATIONS_H

#include "tensor_testing.h"

enum { MOST_OPERANDS = 3 };

/* One call of one function, on operands x. */
typedef Tensor *Build(Tensor *const *x);

typedef struct TensorOperation {
    const char *function;
    Build *build;
    int operand_count;
    Sides shapes[MOST_OPERANDS];
    Range ranges[MOST_OPERANDS]; /* smooth within; numbers of one operand are distinct */
    int optional_last;           /* so many of the last operands may be NULL */
    bool no_node;                /* moves pointers only */
} TensorOperation;

#define BUILD(name, call)                                                                          \
    static inline Tensor *build_##name(Tensor *const *x)                                           \
    {                                                                                              \
        return call;                                                                               \
    }

/* Element-wise operations; their ranges are those of the op table. */
#define OP1(name, ...) BUILD(name, tensor_##name(x[0]))
#define OP1P(name, ...) BUILD(name, tensor_##name(x[0], (real)0.3))
#define OP2(name, ...) BUILD(name, tensor_##name(x[0], x[1]))
#define OP3(name, ...) BUILD(name, tensor_##name(x[0], x[1], x[2]))
#include "autograd/ops.def"

BUILD(reshape, tensor_reshape(x[0], TENSOR_SHAPE(3, -1)))
BUILD(permute, tensor_permute(x[0], TENSOR_AXES(2, 0, 1)))
BUILD(transpose, tensor_transpose(x[0]))
BUILD(slice, tensor_slice(x[0], 1, -3, INT64_MAX, 2))
BUILD(index, tensor_index(x[0], -1, 1))
BUILD(gather, tensor_gather(x[0], 0, 4, (int64_t[]){1, 0, -1, 1}))
BUILD(concat, tensor_concat(3, (Tensor *[]){x[0], x[1], x[0]}, 1))
BUILD(stack, tensor_stack(2, (Tensor *[]){x[0], x[1]}, -1))
BUILD(broadcast, tensor_broadcast(x[0], TENSOR_SHAPE(2, 3, 2)))

BUILD(take_along, tensor_take_along(x[0], 1, TENSOR_SHAPE(2, 2), (int64_t[]){2, 0, -1, 2}))
BUILD(flip, tensor_flip(x[0], TENSOR_AXES(0, -1)))
BUILD(repeat, tensor_repeat(x[0], TENSOR_SHAPE(2, 1, 3)))
BUILD(repeat_ones, tensor_repeat(x[0], TENSOR_SHAPE(2, 1, 3)))
BUILD(embedding, tensor_embedding(x[0], TENSOR_SHAPE(2, 2), (int64_t[]){2, 0, 2, 1}))
BUILD(pad, tensor_pad(x[0], 1, 2, 1, (real)0.5))
BUILD(pad_last, tensor_pad(x[0], -1, 0, 2, 0))

BUILD(from_values,
      tensor_from_values((Value *[]){tensor_at(x[0], 2), tensor_at(x[0], 0), tensor_at(x[0], 2)},
                         TENSOR_SHAPE(3, 1)))

BUILD(sum, tensor_sum(x[0], TENSOR_AXES(0, 2), false))
BUILD(sum_last, tensor_sum(x[0], TENSOR_AXES(-1), true))
BUILD(mean, tensor_mean(x[0], TENSOR_AXES(1), true))
BUILD(mean_last, tensor_mean(x[0], TENSOR_AXES(1, 2), false))
BUILD(reduce_max, tensor_reduce_max(x[0], TENSOR_AXES(2, 0), false))
BUILD(reduce_max_last, tensor_reduce_max(x[0], TENSOR_AXES(-1), true))
BUILD(reduce_min, tensor_reduce_min(x[0], TENSOR_AXES(0, -1), true))
BUILD(prod, tensor_prod(x[0], TENSOR_AXES(0, 2), false))
BUILD(prod_last, tensor_prod(x[0], TENSOR_AXES(-1), false))
BUILD(var, tensor_var(x[0], TENSOR_AXES(1), true, true))
BUILD(var_biased, tensor_var(x[0], TENSOR_ALL_AXES, false, false))
BUILD(std, tensor_std(x[0], TENSOR_AXES(1, 2), false, true))
BUILD(std_biased, tensor_std(x[0], TENSOR_AXES(0), true, false))
BUILD(norm_1, tensor_norm(x[0], 1, TENSOR_AXES(-1), false))
BUILD(norm_2, tensor_norm(x[0], 2, TENSOR_AXES(0, 1), true))
BUILD(norm_max, tensor_norm(x[0], (real)INFINITY, TENSOR_AXES(1), false))
BUILD(cumsum, tensor_cumsum(x[0], 1))
BUILD(cumsum_last, tensor_cumsum(x[0], -1))
BUILD(layer_norm, tensor_layer_norm(x[0], x[1], x[2], (real)0.1))
BUILD(layer_norm_gain, tensor_layer_norm(x[0], x[1], NULL, 0))
BUILD(layer_norm_bias, tensor_layer_norm(x[0], NULL, x[1], (real)1e-5))
BUILD(layer_norm_alone, tensor_layer_norm(x[0], NULL, NULL, (real)1e-5))
BUILD(sum_all, tensor_sum_all(x[0]))
BUILD(mean_all, tensor_mean_all(x[0]))

BUILD(matmul, tensor_matmul(x[0], x[1]))
BUILD(dot, tensor_dot(x[0], x[1]))
BUILD(outer, tensor_outer(x[0], x[1]))
BUILD(matmul_itself, tensor_matmul(x[0], x[0]))
BUILD(affine, tensor_affine(x[0], x[1], x[2]))
BUILD(affine_no_bias, tensor_affine(x[0], x[1], NULL))
BUILD(affine_relu, tensor_affine_relu(x[0], x[1], x[2]))
BUILD(affine_sigmoid, tensor_affine_sigmoid(x[0], x[1], x[2]))
BUILD(affine_tanh, tensor_affine_tanh(x[0], x[1], x[2]))
BUILD(affine_tanh_no_bias, tensor_affine_tanh(x[0], x[1], NULL))

BUILD(conv2d, tensor_conv2d(x[0], x[1], x[2], NULL))
BUILD(conv2d_options,
      tensor_conv2d(x[0], x[1], NULL, &(TensorWindow){{2, 1}, {1, 2}, {1, 2}}))
BUILD(max_pool2d, tensor_max_pool2d(x[0], 2, 2, NULL))
BUILD(max_pool2d_options, tensor_max_pool2d(x[0], 2, 3, &(TensorWindow){{1, 2}, {1, 1}, {0, 0}}))
BUILD(avg_pool2d, tensor_avg_pool2d(x[0], 2, 2, NULL))
BUILD(avg_pool2d_options, tensor_avg_pool2d(x[0], 2, 3, &(TensorWindow){{1, 2}, {1, 1}, {0, 0}}))

BUILD(softmax, tensor_softmax(x[0], 0))
BUILD(softmax_last, tensor_softmax(x[0], -1))
BUILD(log_softmax, tensor_log_softmax(x[0], 1))
BUILD(logsumexp, tensor_logsumexp(x[0], 1, false))
BUILD(logsumexp_last, tensor_logsumexp(x[0], -1, true))
BUILD(cross_entropy, tensor_cross_entropy(x[0], 2, (int64_t[]){2, 0}))
BUILD(cross_entropy_one, tensor_cross_entropy(x[0], 1, (int64_t[]){1}))
BUILD(cross_entropy_soft, tensor_cross_entropy_soft(x[0], x[1]))
BUILD(cross_entropy_smoothed,
      tensor_cross_entropy_smoothed(x[0], (real)0.2, 2, (int64_t[]){2, 0}))
BUILD(nll, tensor_nll(x[0], 2, (int64_t[]){2, 0}))
BUILD(mse, tensor_mse(x[0], x[1]))
BUILD(mae, tensor_mae(x[0], x[1]))
BUILD(huber, tensor_huber(x[0], x[1], (real)0.8))
BUILD(binary_cross_entropy, tensor_binary_cross_entropy(x[0], x[1]))
BUILD(binary_cross_entropy_logits, tensor_binary_cross_entropy_logits(x[0], x[1]))
BUILD(hinge, tensor_hinge(x[0], x[1]))
BUILD(kl_divergence, tensor_kl_divergence(x[0], x[1]))

static inline Tensor *build_dropout(Tensor *const *x)
{
    Random random = random_seeded(3); /* the same mask at each call */
    return tensor_dropout(x[0], (real)0.4, true, &random);
}
BUILD(dropout_off, tensor_dropout(x[0], (real)0.4, false, NULL))

#define AT_LARGE {-2, 2, false}
#define SHAPE(rank, ...) {rank, {__VA_ARGS__}}
#define OF_ONE(name, function, ...)                                                                \
    {"tensor_" #function, build_##name, 1, {__VA_ARGS__}, {AT_LARGE}, false, false}
#define OF_TWO(name, function, ...)                                                                \
    {"tensor_" #function, build_##name, 2, {__VA_ARGS__}, {AT_LARGE, AT_LARGE}, false, false}
#define OF_THREE(name, function, ...)                                                              \
    {"tensor_" #function, build_##name, 3, {__VA_ARGS__}, {AT_LARGE, AT_LARGE, AT_LARGE},          \
     true, false}
#define MOVE(name, ...)                                                                            \
    {"tensor_" #name, build_##name, 1, {__VA_ARGS__}, {AT_LARGE}, false, true}
#define MOVE_TWO(name, ...)                                                                        \
    {"tensor_" #name, build_##name, 2, {__VA_ARGS__}, {AT_LARGE, AT_LARGE}, false, true}

static const TensorOperation tensor_operations[] = {
#define OF_ROW(name, count, ...)                                                                   \
    {"tensor_" #name, build_##name, count, {__VA_ARGS__}, {{0, 0, false}}, false, false},
#define OP1(name, ...) OF_ROW(name, 1, SHAPE(2, 2, 3))
#define OP1P(name, ...) OF_ROW(name, 1, SHAPE(2, 2, 3))
#define OP2(name, ...)                                                                             \
    OF_ROW(name, 2, SHAPE(2, 2, 3), SHAPE(2, 2, 3)) OF_ROW(name, 2, SHAPE(2, 2, 1), SHAPE(1, 3))
#define OP3(name, ...)                                                                             \
    OF_ROW(name, 3, SHAPE(2, 2, 3), SHAPE(2, 2, 3), SHAPE(2, 2, 3))                                \
    OF_ROW(name, 3, SHAPE(2, 2, 1), SHAPE(1, 3), SHAPE(1, 1))
#include "autograd/ops.def"
#undef OF_ROW
    MOVE(reshape, SHAPE(3, 2, 2, 3)),
    MOVE(permute, SHAPE(3, 2, 2, 3)),
    MOVE(transpose, SHAPE(2, 2, 3)),
    MOVE(slice, SHAPE(2, 2, 4)),
    MOVE(index, SHAPE(2, 3, 2)),
    MOVE(gather, SHAPE(2, 2, 3)),
    MOVE_TWO(concat, SHAPE(2, 2, 1), SHAPE(2, 2, 2)),
    MOVE_TWO(stack, SHAPE(2, 2, 1), SHAPE(2, 2, 1)),
    MOVE(broadcast, SHAPE(2, 3, 1)),
    MOVE(from_values, SHAPE(1, 3)),
    MOVE(take_along, SHAPE(2, 2, 3)),
    MOVE(flip, SHAPE(3, 2, 1, 3)),
    MOVE(repeat, SHAPE(2, 2, 2)),
    {"tensor_repeat", build_repeat_ones, 1, {SHAPE(2, 3, 1)}, {AT_LARGE}, false, true},
    OF_ONE(embedding, embedding, SHAPE(2, 3, 2)),
    OF_ONE(pad, pad, SHAPE(3, 2, 2, 2)),
    OF_ONE(pad_last, pad, SHAPE(1, 3)),
    OF_ONE(sum, sum, SHAPE(3, 2, 3, 2)),
    OF_ONE(sum_last, sum, SHAPE(2, 2, 3)),
    OF_ONE(mean, mean, SHAPE(3, 2, 3, 2)),
    OF_ONE(mean_last, mean, SHAPE(3, 2, 3, 2)),
    OF_ONE(reduce_max, reduce_max, SHAPE(3, 2, 3, 2)),
    OF_ONE(reduce_max_last, reduce_max, SHAPE(2, 2, 3)),
    OF_ONE(reduce_min, reduce_min, SHAPE(3, 2, 3, 2)),
    OF_ONE(prod, prod, SHAPE(3, 2, 3, 2)),
    OF_ONE(prod_last, prod, SHAPE(2, 2, 3)),
    OF_ONE(var, var, SHAPE(3, 2, 3, 2)),
    OF_ONE(var_biased, var, SHAPE(2, 2, 3)),
    OF_ONE(std, std, SHAPE(3, 2, 3, 2)),
    OF_ONE(std_biased, std, SHAPE(2, 3, 2)),
    OF_ONE(norm_1, norm, SHAPE(2, 2, 3)),
    OF_ONE(norm_2, norm, SHAPE(3, 2, 3, 2)),
    OF_ONE(norm_max, norm, SHAPE(3, 2, 3, 2)),
    OF_ONE(cumsum, cumsum, SHAPE(3, 2, 3, 2)),
    OF_ONE(cumsum_last, cumsum, SHAPE(2, 2, 3)),
    {"tensor_layer_norm",
     build_layer_norm,
     3,
     {SHAPE(2, 2, 3), SHAPE(1, 3), SHAPE(1, 3)},
     {AT_LARGE, AT_LARGE, AT_LARGE},
     2,
     false},
    {"tensor_layer_norm",
     build_layer_norm_gain,
     2,
     {SHAPE(2, 2, 3), SHAPE(1, 3)},
     {AT_LARGE, AT_LARGE},
     true,
     false},
    {"tensor_layer_norm",
     build_layer_norm_bias,
     2,
     {SHAPE(2, 2, 3), SHAPE(1, 3)},
     {AT_LARGE, AT_LARGE},
     true,
     false},
    OF_ONE(layer_norm_alone, layer_norm, SHAPE(3, 2, 2, 3)),
    OF_ONE(sum_all, sum_all, SHAPE(2, 2, 3)),
    OF_ONE(mean_all, mean_all, SHAPE(2, 2, 3)),
    OF_TWO(matmul, matmul, SHAPE(2, 2, 3), SHAPE(2, 3, 2)),
    OF_TWO(matmul, matmul, SHAPE(1, 3), SHAPE(2, 3, 2)),
    OF_TWO(matmul, matmul, SHAPE(2, 2, 3), SHAPE(1, 3)),
    OF_TWO(matmul, matmul, SHAPE(1, 3), SHAPE(1, 3)),
    OF_TWO(matmul, matmul, SHAPE(3, 2, 2, 3), SHAPE(3, 2, 3, 2)),
    OF_TWO(matmul, matmul, SHAPE(3, 2, 2, 3), SHAPE(2, 3, 2)),
    OF_TWO(matmul, matmul, SHAPE(2, 2, 3), SHAPE(3, 2, 3, 2)),
    OF_TWO(matmul, matmul, SHAPE(4, 2, 1, 2, 3), SHAPE(3, 2, 3, 1)),
    OF_TWO(matmul, matmul, SHAPE(1, 3), SHAPE(3, 2, 3, 2)),
    OF_TWO(matmul, matmul, SHAPE(3, 2, 2, 3), SHAPE(1, 3)),
    OF_TWO(dot, dot, SHAPE(1, 3), SHAPE(1, 3)),
    OF_TWO(outer, outer, SHAPE(1, 3), SHAPE(1, 2)),
    OF_ONE(matmul_itself, matmul, SHAPE(2, 3, 3)),
    OF_THREE(affine, affine, SHAPE(2, 2, 3), SHAPE(2, 3, 2), SHAPE(1, 2)),
    OF_THREE(affine, affine, SHAPE(1, 3), SHAPE(2, 3, 2), SHAPE(1, 2)),
    OF_TWO(affine_no_bias, affine, SHAPE(2, 2, 3), SHAPE(2, 3, 2)),
    OF_THREE(affine_relu, affine_relu, SHAPE(2, 2, 3), SHAPE(2, 3, 2), SHAPE(1, 2)),
    OF_THREE(affine_sigmoid, affine_sigmoid, SHAPE(2, 2, 3), SHAPE(2, 3, 2), SHAPE(1, 2)),
    OF_THREE(affine_tanh, affine_tanh, SHAPE(1, 3), SHAPE(2, 3, 2), SHAPE(1, 2)),
    OF_TWO(affine_tanh_no_bias, affine_tanh, SHAPE(2, 2, 3), SHAPE(2, 3, 2)),
    OF_THREE(conv2d, conv2d, SHAPE(4, 2, 2, 3, 3), SHAPE(4, 2, 2, 2, 2), SHAPE(1, 2)),
    OF_TWO(conv2d_options, conv2d, SHAPE(3, 2, 3, 4), SHAPE(4, 3, 2, 2, 2)),
    OF_ONE(max_pool2d, max_pool2d, SHAPE(4, 2, 1, 4, 5)),
    OF_ONE(max_pool2d_options, max_pool2d, SHAPE(3, 2, 3, 4)),
    OF_ONE(avg_pool2d, avg_pool2d, SHAPE(4, 2, 1, 4, 5)),
    OF_ONE(avg_pool2d_options, avg_pool2d, SHAPE(3, 2, 3, 4)),
    OF_ONE(softmax, softmax, SHAPE(2, 3, 2)),
    OF_ONE(softmax_last, softmax, SHAPE(2, 2, 3)),
    OF_ONE(log_softmax, log_softmax, SHAPE(3, 2, 3, 2)),
    OF_ONE(logsumexp, logsumexp, SHAPE(3, 2, 3, 2)),
    OF_ONE(logsumexp_last, logsumexp, SHAPE(2, 2, 3)),
    OF_ONE(cross_entropy, cross_entropy, SHAPE(2, 2, 3)),
    OF_ONE(cross_entropy_one, cross_entropy, SHAPE(1, 3)),
    OF_TWO(cross_entropy_soft, cross_entropy_soft, SHAPE(2, 2, 3), SHAPE(2, 2, 3)),
    OF_TWO(cross_entropy_soft, cross_entropy_soft, SHAPE(1, 3), SHAPE(1, 3)),
    OF_ONE(cross_entropy_smoothed, cross_entropy_smoothed, SHAPE(2, 2, 3)),
    OF_TWO(mse, mse, SHAPE(2, 2, 3), SHAPE(2, 2, 3)),
    OF_TWO(mse, mse, SHAPE(2, 2, 1), SHAPE(1, 3)),
    OF_ONE(nll, nll, SHAPE(2, 2, 3)),
    OF_TWO(mae, mae, SHAPE(2, 2, 3), SHAPE(1, 3)),
    OF_TWO(huber, huber, SHAPE(2, 2, 3), SHAPE(2, 2, 3)),
    {"tensor_binary_cross_entropy",
     build_binary_cross_entropy,
     2,
     {SHAPE(2, 2, 3), SHAPE(1, 3)},
     {{0.1, 0.9, false}, {0.1, 0.9, false}},
     false,
     false},
    OF_TWO(binary_cross_entropy_logits, binary_cross_entropy_logits, SHAPE(2, 2, 3), SHAPE(2, 2, 3)),
    OF_TWO(hinge, hinge, SHAPE(2, 2, 3), SHAPE(2, 2, 3)),
    {"tensor_kl_divergence",
     build_kl_divergence,
     2,
     {SHAPE(2, 2, 3), SHAPE(2, 2, 3)},
     {AT_LARGE, {0.5, 1.5, false}},
     false,
     false},
    OF_ONE(dropout, dropout, SHAPE(2, 3, 4)),
    {"tensor_dropout", build_dropout_off, 1, {SHAPE(2, 2, 3)}, {AT_LARGE}, false, true},
};

/* Where operand i is drawn from. */
static inline Range range_of(const TensorOperation *operation, int i)
{
    const Range range = operation->ranges[i];
    if (operation->ranges[0].low < operation->ranges[0].high)
        return range;
    const ValueOpInfo *row = value_op_find(operation->function + strlen("tensor_"));
    ck_assert_msg(row != NULL, "%s is not in the op table", operation->function);
    return (Range){row->domain[i][0], row->domain[i][1], false};
}

/* Numbers for operand i, well apart from each other, from those of other operands, and from 0: no
 * two of them are a tie, and no small change makes one. */
static inline void distinct_numbers(const TensorOperation *operation, int i, Random *random,
                                    real numbers[MOST])
{
    const Range range = range_of(operation, i);
    const int64_t n = size_of(operation->shapes[i]);
    uint32_t order[MOST];
    for (int64_t j = 0; j < n; j++)
        order[j] = (uint32_t)j;
    random_shuffle(random, order, (uint32_t)n);
    for (int64_t j = 0; j < n; j++) {
        const double step = (range.high - range.low) / (double)n;
        const double shift = i == 0 ? 0.25 : 0.75;
        const double jitter = (double)random_uniform(random, 0, (real)0.1);
        numbers[j] = (real)(range.low + step * ((double)order[j] + shift + jitter));
    }
}

#endif
