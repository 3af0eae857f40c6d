/* nn.h - neural networks on tensors: layers, parameters, optimizers, schedules, mini-batches.
 *
 *     Random random = random_seeded(1);
 *     NnMlp *net = nn_mlp_new(NN_SIZES(784, 128, 10), NULL, &random);
 *     NnOptimizer *optimizer = nn_optimizer_sgd(nn_mlp_parameters(net), NULL);
 *     NnDataset *digits = nn_dataset_find_idx("examples/mnist/data", "train", 10);
 *     NnLoader *loader = nn_loader_new(digits, NULL);
 *     for (const NnBatch *batch; (batch = nn_loader_next(loader));)
 *         VALGRAD_SCOPE {
 *             Tensor *logits = nn_mlp_forward(net, batch->inputs);
 *             Tensor *loss = tensor_cross_entropy(logits, batch->count, batch->labels);
 *             nn_optimizer_zero_grad(optimizer);
 *             tensor_backward(loss, NULL);
 *             nn_optimizer_step(optimizer);
 *         }
 *
 * That is one epoch: nn_loader_next() gives NULL at its end, and the first batch of the next epoch
 * when it is called again. The losses are tensor functions: tensor_cross_entropy(), tensor_mse().
 * Datasets and loaders have a header of their own, data.h; so has what is measured afterwards,
 * metrics.h, and images from files, image.h.
 *
 * Ownership. What an nn_…_new() makes is *new*: the caller frees it with nn_…_free(), in any order;
 * no scope owns it. Freeing NULL does nothing. A Tensor that a function of this layer returns is
 * *new* in the sense of tensor.h (the innermost scope owns it) unless it says *borrowed*.
 *
 * Steady work allocates nothing: the loader's tensors and the optimizer's state are made once.
 *
 * Errors. As everywhere: makers return NULL, other functions a status, valgrad_last_error() tells
 * more. A struct of options is started from its INIT macro, so that fields added later keep their
 * defaults; options NULL stands for all of them. Hyper-parameters are double in any build. */
#ifndef VALGRAD_NN_H
#define VALGRAD_NN_H

#include <stdbool.h>
#include <stdint.h>
#include <valgrad/data.h>
#include <valgrad/error.h>
#include <valgrad/image.h>
#include <valgrad/metrics.h>
#include <valgrad/random.h>
#include <valgrad/state.h>
#include <valgrad/tensor.h>

VALGRAD_BEGIN

/* ---- activations ----------------------------------------------------------------------------- */

/* Name; gain, the factor by which initialisation makes up for what the activation takes from the
 * signal's deviation (as PyTorch's calculate_gain has it; 1 where that has none). */
#define NN_ACTIVATION_LIST(X)                                                                      \
    X(NN_IDENTITY, "identity", 1.0)                                                                \
    X(NN_RELU, "relu", 1.4142135623730951)                                                         \
    X(NN_LEAKY_RELU, "leaky_relu", 1.4141428569978354)                                             \
    X(NN_TANH, "tanh", 1.6666666666666667)                                                         \
    X(NN_SIGMOID, "sigmoid", 1.0)                                                                  \
    X(NN_SOFTPLUS, "softplus", 1.0)                                                                \
    X(NN_RELU6, "relu6", 1.0)                                                                      \
    X(NN_ELU, "elu", 1.0)                                                                          \
    X(NN_SELU, "selu", 0.75)                                                                       \
    X(NN_GELU, "gelu", 1.0)                                                                        \
    X(NN_GELU_TANH, "gelu_tanh", 1.0)                                                              \
    X(NN_SILU, "silu", 1.0)                                                                        \
    X(NN_SOFTSIGN, "softsign", 1.0)                                                                \
    X(NN_HARDTANH, "hardtanh", 1.0)                                                                \
    X(NN_HARDSIGMOID, "hardsigmoid", 1.0)

typedef enum NnActivation {
#define NN_ACTIVATION_MEMBER(name, text, gain) name,
    NN_ACTIVATION_LIST(NN_ACTIVATION_MEMBER)
#undef NN_ACTIVATION_MEMBER
        NN_ACTIVATION_COUNT
} NnActivation;

/* The slope of NN_LEAKY_RELU below 0, and the alpha of NN_ELU. */
#define NN_LEAKY_SLOPE 0.01
#define NN_ELU_ALPHA 1.0

/* New: the activation of each element of x; x itself, not new, for NN_IDENTITY.
 * Errors: no such activation. */
VALGRAD_API Tensor *nn_activation_apply(NnActivation activation, Tensor *x);

/* Its name; "" if there is no such activation. Borrowed, static. */
VALGRAD_API const char *nn_activation_name(NnActivation activation);

/* The activation called name. Errors: NULL; no such name (the message lists them all). */
VALGRAD_API ValgradStatus nn_activation_find(const char *name, NnActivation *out);

/* Its gain; NaN if there is no such activation. */
VALGRAD_API double nn_activation_gain(NnActivation activation);

/* ---- initialisation -------------------------------------------------------------------------- */

/* Of a weight (in, out) before an activation with this gain:
 *   kaiming_uniform  U(-b, b), b = gain sqrt(3 / in)
 *   kaiming_normal   N(0, d), d = gain / sqrt(in)
 *   xavier_uniform   U(-b, b), b = gain sqrt(6 / (in + out))
 *   xavier_normal    N(0, d), d = gain sqrt(2 / (in + out))
 *   fan_in_uniform   U(-b, b), b = 1 / sqrt(in), the activation apart (PyTorch's nn.Linear)
 *   uniform          U(-bound, bound)
 * Kaiming: K. He et al., "Delving deep into rectifiers", 2015, eq. 10. Xavier: X. Glorot,
 * Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
 * eq. 16. */
#define NN_INIT_RULE_LIST(X)                                                                       \
    X(NN_KAIMING_UNIFORM, "kaiming_uniform")                                                       \
    X(NN_KAIMING_NORMAL, "kaiming_normal")                                                         \
    X(NN_XAVIER_UNIFORM, "xavier_uniform")                                                         \
    X(NN_XAVIER_NORMAL, "xavier_normal")                                                           \
    X(NN_FAN_IN_UNIFORM, "fan_in_uniform")                                                         \
    X(NN_UNIFORM, "uniform")

typedef enum NnInitRule {
#define NN_INIT_RULE_MEMBER(name, text) name,
    NN_INIT_RULE_LIST(NN_INIT_RULE_MEMBER)
#undef NN_INIT_RULE_MEMBER
        NN_INIT_RULE_COUNT
} NnInitRule;

typedef struct NnInit {
    NnInitRule rule;
    double bound; /* of the rule "uniform" */
    double bias;  /* every bias starts as this */
} NnInit;

#define NN_INIT_INIT                                                                               \
    { NN_FAN_IN_UNIFORM, 0.1, 0.0 }

/* Fills weight, shape (in, out), by the rule; init NULL is the default.
 * Errors: NULL; a weight not of rank 2 or not a whole leaf; no such rule or activation; a bound
 * that is negative or not finite. */
VALGRAD_API ValgradStatus nn_init_weight(Tensor *weight, const NnInit *init,
                                         NnActivation activation, Random *random);

VALGRAD_API const char *nn_init_name(NnInitRule rule);
VALGRAD_API ValgradStatus nn_init_find(const char *name, NnInitRule *out);

/* ---- parameters: an ordered list of named tensors -------------------------------------------- */

typedef struct NnParameters NnParameters;

/* New: an empty list. */
VALGRAD_API NnParameters *nn_parameters_new(void);
VALGRAD_API void nn_parameters_free(NnParameters *parameters);

/* Appends a tensor made by tensor_param() (or any whole leaf) and holds it; labels it with name if
 * it has no label. Names are copied. Errors: NULL; an empty name; one already there; not a leaf. */
VALGRAD_API ValgradStatus nn_parameters_add(NnParameters *parameters, const char *name,
                                            Tensor *tensor);

/* How many tensors, how many numbers in them, how many of these not frozen; 0 for NULL. */
VALGRAD_API int64_t nn_parameters_count(const NnParameters *parameters);
VALGRAD_API int64_t nn_parameters_numbers(const NnParameters *parameters);
VALGRAD_API int64_t nn_parameters_trainable(const NnParameters *parameters);

/* Tensor i in order of addition, and its name. Borrowed. Errors: NULL; i outside 0 … count-1. */
VALGRAD_API Tensor *nn_parameters_at(const NnParameters *parameters, int64_t i);
VALGRAD_API const char *nn_parameters_name(const NnParameters *parameters, int64_t i);

/* The tensor called name. Borrowed. Errors: NULL; no such name (VALGRAD_ERROR_NAME). */
VALGRAD_API Tensor *nn_parameters_find(const NnParameters *parameters, const char *name);

/* Freezes (true) or thaws (false) the tensor called name: a frozen one gets no gradient from the
 * graphs built from now on, and optimizers pass it over. Errors: NULL; no such name. */
VALGRAD_API ValgradStatus nn_parameters_freeze(NnParameters *parameters, const char *name,
                                               bool freeze);

/* Zeroes every gradient. NULL does nothing. */
VALGRAD_API void nn_parameters_zero_grad(NnParameters *parameters);

/* Copies the numbers of the tensor called name out, or gives it others; n must be its size. Setting
 * is for between graphs, as tensor_set(). Errors: NULL; no such name; n. */
VALGRAD_API ValgradStatus nn_parameters_get(const NnParameters *parameters, const char *name,
                                            int64_t n, real *out);
VALGRAD_API ValgradStatus nn_parameters_set(NnParameters *parameters, const char *name, int64_t n,
                                            const real *numbers);

/* Whether the matrix called name stands transposed in states. nn_linear_collect() sets it for its
 * weight, so that states have the shapes (out, in) that PyTorch's nn.Linear gives them.
 * Errors: NULL; no such name; a rank other than 2. */
VALGRAD_API ValgradStatus nn_parameters_set_transposed(NnParameters *parameters, const char *name,
                                                       bool transposed);

/* New: a state (see state.h) with a copy of every tensor under its name, as NN_REAL. */
VALGRAD_API NnState *nn_parameters_state(const NnParameters *parameters);

/* Gives every tensor the numbers of the array of its name, converted to real. All or nothing. Strict:
 * every name must be there, and no other but "training.…" (see train.h); else what is there is taken,
 * and what is not stays.
 * Errors: NULL; a name missing or not known (strict); a shape that differs (in either case). */
VALGRAD_API ValgradStatus nn_parameters_load_state(NnParameters *parameters, const NnState *state,
                                                   bool strict);

/* nn_parameters_state() and nn_state_write(); nn_state_read() and nn_parameters_load_state(), strict.
 * The path's ending chooses the format. Errors: theirs. */
VALGRAD_API ValgradStatus nn_parameters_save(const NnParameters *parameters, const char *path);
VALGRAD_API ValgradStatus nn_parameters_load(NnParameters *parameters, const char *path);

/* ---- linear layer ---------------------------------------------------------------------------- */

/* y = x w + b with weight w (in, out) and bias b (out). (PyTorch keeps the transposed weight.) */
typedef struct NnLinear NnLinear;

typedef struct NnLinearOptions {
    NnInit init;
    NnActivation activation; /* what the caller applies to the result: sets the gain of init */
    bool no_bias;
} NnLinearOptions;

#define NN_LINEAR_OPTIONS_INIT                                                                     \
    { NN_INIT_INIT, NN_IDENTITY, false }

/* New: a layer with its weight drawn from random. Errors: NULL random; a side below 1; bad options;
 * out of memory. */
VALGRAD_API NnLinear *nn_linear_new(int64_t in, int64_t out, const NnLinearOptions *options,
                                    Random *random);
VALGRAD_API void nn_linear_free(NnLinear *layer);

/* New: (batch, in) -> (batch, out), or (in) -> (out). One node. Errors: NULL; shapes. */
VALGRAD_API Tensor *nn_linear_forward(const NnLinear *layer, Tensor *x);

/* New: the activation of that. ReLU, sigmoid and tanh are done in the same node (tensor_affine_relu), others in one of
 * their own. Errors: NULL; shapes; an activation that is not there. */
VALGRAD_API Tensor *nn_linear_forward_activated(const NnLinear *layer, Tensor *x, NnActivation activation);

/* The parameters; borrowed. The bias is NULL if the layer has none. */
VALGRAD_API Tensor *nn_linear_weight(const NnLinear *layer);
VALGRAD_API Tensor *nn_linear_bias(const NnLinear *layer);

/* Appends "<prefix>.weight" and "<prefix>.bias" to a list; prefix "" leaves out the point.
 * Errors: as nn_parameters_add(). */
VALGRAD_API ValgradStatus nn_linear_collect(const NnLinear *layer, const char *prefix,
                                            NnParameters *into);

/* ---- convolution, normalisation, embedding --------------------------------------------------- */
/* What has no parameters is a tensor function: tensor_max_pool2d(), tensor_dropout(), and
 * tensor_reshape(x, TENSOR_SHAPE(batch, -1)) to flatten. */

/* tensor_conv2d() with weight (filters, channels, rows, columns) and bias (filters). */
typedef struct NnConv2d NnConv2d;

typedef struct NnConv2dOptions {
    TensorWindow window; /* stride, padding, dilation */
    NnInit init;         /* in is channels rows columns, out is filters */
    NnActivation activation;
    bool no_bias;
} NnConv2dOptions;

#define NN_CONV2D_OPTIONS_INIT                                                                     \
    { TENSOR_WINDOW_INIT, NN_INIT_INIT, NN_IDENTITY, false }

/* New: filters of rows x columns over so many channels, drawn from random. Errors: NULL random; a
 * number below 1; bad options (of the window: when it is used); out of memory. */
VALGRAD_API NnConv2d *nn_conv2d_new(int64_t channels, int64_t filters, int64_t rows, int64_t columns,
                                    const NnConv2dOptions *options, Random *random);
VALGRAD_API void nn_conv2d_free(NnConv2d *layer);

/* New: (batch, channels, height, width) -> (batch, filters, …). Errors: as tensor_conv2d(). */
VALGRAD_API Tensor *nn_conv2d_forward(const NnConv2d *layer, Tensor *x);

/* The parameters; borrowed. The bias is NULL if the layer has none. */
VALGRAD_API Tensor *nn_conv2d_weight(const NnConv2d *layer);
VALGRAD_API Tensor *nn_conv2d_bias(const NnConv2d *layer);

/* As nn_linear_collect(). */
VALGRAD_API ValgradStatus nn_conv2d_collect(const NnConv2d *layer, const char *prefix,
                                            NnParameters *into);

/* tensor_layer_norm() over rows of `width` numbers, with gain "weight", which starts as 1, and "bias",
 * which starts as 0. The usual epsilon is 1e-5. Errors: width below 1; epsilon negative or not finite;
 * out of memory. */
typedef struct NnLayerNorm NnLayerNorm;

VALGRAD_API NnLayerNorm *nn_layer_norm_new(int64_t width, double epsilon);
VALGRAD_API void nn_layer_norm_free(NnLayerNorm *layer);
VALGRAD_API Tensor *nn_layer_norm_forward(const NnLayerNorm *layer, Tensor *x);
VALGRAD_API ValgradStatus nn_layer_norm_collect(const NnLayerNorm *layer, const char *prefix,
                                                NnParameters *into);

/* tensor_embedding() with a weight (rows, width) that starts as draws from N(0, 1). Errors: NULL
 * random; a number below 1; out of memory. */
typedef struct NnEmbedding NnEmbedding;

VALGRAD_API NnEmbedding *nn_embedding_new(int64_t rows, int64_t width, Random *random);
VALGRAD_API void nn_embedding_free(NnEmbedding *layer);

/* New: indices of the given shape -> (shape…, width). Errors: NULL; as tensor_embedding(). */
VALGRAD_API Tensor *nn_embedding_forward(const NnEmbedding *layer, int rank, const int64_t *shape,
                                         const int64_t *indices);
VALGRAD_API Tensor *nn_embedding_weight(const NnEmbedding *layer); /* borrowed */
VALGRAD_API ValgradStatus nn_embedding_collect(const NnEmbedding *layer, const char *prefix,
                                               NnParameters *into);

/* ---- multi-layer perceptron ------------------------------------------------------------------ */

/* Linear layers of the given sizes with an activation after each. Parameters are named as PyTorch's
 * nn.Sequential(Linear, activation, Linear, …) names them: "0.weight", "0.bias", "2.weight", … */
typedef struct NnMlp NnMlp;

/* NN_SIZES(784, 128, 10) stands for the arguments "int count, const int64_t *sizes" (C only). */
#define NN_SIZES(...)                                                                              \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}

typedef struct NnMlpOptions {
    NnActivation hidden; /* after every layer but the last */
    NnActivation output; /* after the last; losses from logits want NN_IDENTITY */
    NnInit init;
    bool no_bias;
} NnMlpOptions;

#define NN_MLP_OPTIONS_INIT                                                                        \
    { NN_RELU, NN_IDENTITY, NN_INIT_INIT, false }

/* New: count-1 layers, sizes[0] inputs, sizes[count-1] outputs; weights drawn from random in order.
 * Errors: NULL; fewer than 2 sizes; a size below 1; bad options; out of memory. */
VALGRAD_API NnMlp *nn_mlp_new(int count, const int64_t *sizes, const NnMlpOptions *options,
                              Random *random);
VALGRAD_API void nn_mlp_free(NnMlp *mlp);

/* New: (batch, inputs) -> (batch, outputs), or (inputs) -> (outputs). Errors: NULL; shapes. */
VALGRAD_API Tensor *nn_mlp_forward(const NnMlp *mlp, Tensor *x);

/* New: the same in training, with dropout: after the activation of each hidden layer each number is 0
 * with probability `dropout`, and divided by 1 - dropout otherwise; see tensor_dropout().
 * Errors: as above; NULL random; dropout outside 0 … 1. */
VALGRAD_API Tensor *nn_mlp_forward_dropout(const NnMlp *mlp, Tensor *x, double dropout,
                                           Random *random);

/* Borrowed: goes with the network. */
VALGRAD_API NnParameters *nn_mlp_parameters(const NnMlp *mlp);

/* New: a state of its parameters, with its activations in the texts "hidden_activation" and
 * "output_activation". */
VALGRAD_API NnState *nn_mlp_state(const NnMlp *mlp);

/* New: the network of a state, as nn_mlp_state() or PyTorch's nn.Sequential makes it: a matrix
 * "<number>.weight" (out, in) for each layer, with or without "<number>.bias" (out) in all of them,
 * in the order of the numbers; other arrays are not looked at. Activations are the state's, or else
 * those of options; options NULL is the default, ReLU and none.
 * Errors: NULL; no layer; sides that do not fit together; no such activation; out of memory. */
VALGRAD_API NnMlp *nn_mlp_from_state(const NnState *state, const NnMlpOptions *options);

/* Both by a file: nn_mlp_state() and nn_state_write(); nn_state_read() and nn_mlp_from_state(). */
VALGRAD_API ValgradStatus nn_mlp_save(const NnMlp *mlp, const char *path);
VALGRAD_API NnMlp *nn_mlp_load(const char *path, const NnMlpOptions *options);

/* The activation after every layer but the last, and after the last; NN_IDENTITY for NULL. */
VALGRAD_API NnActivation nn_mlp_hidden_activation(const NnMlp *mlp);
VALGRAD_API NnActivation nn_mlp_output_activation(const NnMlp *mlp);

/* The layers: how many, and layer i from the input. Borrowed. Errors: NULL; i out of range. */
VALGRAD_API int nn_mlp_layer_count(const NnMlp *mlp);
VALGRAD_API NnLinear *nn_mlp_layer(const NnMlp *mlp, int i);

/* Writes the index of the greatest output of each of the n rows of x (1 for rank 1) into labels,
 * without recording. Errors: as nn_mlp_forward(); n differs from the rows. */
VALGRAD_API ValgradStatus nn_mlp_predict(const NnMlp *mlp, Tensor *x, int64_t n, int64_t *labels);

/* How many of the n rows of logits (batch, classes), or (classes), have their (first) greatest
 * number at their label; -1 on error. Errors: NULL; n differs from the rows; rank. */
VALGRAD_API int64_t nn_count_correct(const Tensor *logits, int64_t n, const int64_t *labels);

/* ---- optimizers ------------------------------------------------------------------------------ */

/* Changes parameters w by their gradients g; see the makers for the rules. A parameter to which no
 * gradient has come since it was last zeroed, or that is frozen, stays as it is, its state too. */
typedef struct NnOptimizer NnOptimizer;

/* d = g + weight_decay w;  v = momentum v + d (v starts as 0);
 * d = d + momentum v if nesterov, else v;  w = w - learning_rate d. */
typedef struct NnSgdOptions {
    double learning_rate;
    double momentum;     /* in [0, 1) */
    double weight_decay; /* 0 or more */
    bool nesterov;       /* needs momentum above 0 */
} NnSgdOptions;

#define NN_SGD_OPTIONS_INIT                                                                        \
    { 0.1, 0.0, 0.0, false }

/* D. Kingma, J. Ba, "Adam", 2015. At the t-th step of a parameter:
 * d = g + weight_decay w;  m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2;
 * w = w - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
 * AdamW (I. Loshchilov, F. Hutter, 2019) takes d = g instead, and before all else
 * w = w - learning_rate weight_decay w. */
typedef struct NnAdamOptions {
    double learning_rate;
    double beta1, beta2; /* in [0, 1) */
    double epsilon;      /* 0 or more */
    double weight_decay; /* 0 or more */
} NnAdamOptions;

#define NN_ADAM_OPTIONS_INIT                                                                       \
    { 0.001, 0.9, 0.999, 1e-8, 0.0 }
#define NN_ADAMW_OPTIONS_INIT                                                                      \
    { 0.001, 0.9, 0.999, 1e-8, 0.01 }

/* G. Hinton, lecture 6e of "Neural networks for machine learning", 2012. d = g + weight_decay w;
 * v = alpha v + (1 - alpha) d^2 (v starts as 0);  d = d / (sqrt(v) + epsilon);
 * u = momentum u + d (u starts as 0);  w = w - learning_rate u. */
typedef struct NnRmspropOptions {
    double learning_rate;
    double alpha;        /* in [0, 1) */
    double epsilon;      /* 0 or more */
    double momentum;     /* in [0, 1) */
    double weight_decay; /* 0 or more */
} NnRmspropOptions;

#define NN_RMSPROP_OPTIONS_INIT                                                                    \
    { 0.001, 0.99, 1e-8, 0.0, 0.0 }

/* New: an optimizer of the tensors that the list has now; holds the tensors, not the list.
 * Errors: NULL parameters; an option outside its range; out of memory. */
VALGRAD_API NnOptimizer *nn_optimizer_sgd(const NnParameters *parameters,
                                          const NnSgdOptions *options);
VALGRAD_API NnOptimizer *nn_optimizer_rmsprop(const NnParameters *parameters,
                                              const NnRmspropOptions *options);
VALGRAD_API NnOptimizer *nn_optimizer_adam(const NnParameters *parameters,
                                           const NnAdamOptions *options);
VALGRAD_API NnOptimizer *nn_optimizer_adamw(const NnParameters *parameters,
                                            const NnAdamOptions *options);
VALGRAD_API void nn_optimizer_free(NnOptimizer *optimizer);

/* Its kind: "sgd", "rmsprop", "adam" or "adamw"; "" for NULL. Borrowed, static. */
VALGRAD_API const char *nn_optimizer_name(const NnOptimizer *optimizer);

/* One step by the gradients that are there: one pass over the numbers of each parameter. Between
 * graphs: one that used the old numbers can no longer be differentiated. Errors: NULL. */
VALGRAD_API ValgradStatus nn_optimizer_step(NnOptimizer *optimizer);

/* Zeroes the gradients of its parameters. NULL does nothing. */
VALGRAD_API void nn_optimizer_zero_grad(NnOptimizer *optimizer);

/* Between backward and step: the norm of all gradients together, sqrt(sum g^2), before anything is
 * done to them; if it is above `most`, all are multiplied by most / norm (R. Pascanu et al., "On the
 * difficulty of training recurrent neural networks", 2013). most INFINITY only measures. A norm that
 * is infinite or NaN is returned and nothing changed. NaN and an error: NULL; most not above 0. */
VALGRAD_API double nn_clip_grad_norm(const NnParameters *parameters, double most);

/* Cuts every gradient off at -most and most. Errors: NULL; most not above 0. */
VALGRAD_API ValgradStatus nn_clip_grad_value(const NnParameters *parameters, double most);

/* The learning rate; NaN for NULL. Errors of the setter: NULL; negative or not finite. */
VALGRAD_API double nn_optimizer_learning_rate(const NnOptimizer *optimizer);
VALGRAD_API ValgradStatus nn_optimizer_set_learning_rate(NnOptimizer *optimizer, double rate);

/* ---- learning-rate schedule ------------------------------------------------------------------ */

/* The learning rate at step s = 0, 1, … of `total`:
 *   constant  base
 *   step      base factor^floor(s / every)
 *   cosine    floor + (base - floor) (1 + cos(pi s / total)) / 2; floor from s = total on
 * In the first `warmup` steps it rises evenly, base (s + 1) / warmup; then the rule takes the steps that
 * are left, from s = 0. (cosine: I. Loshchilov, F. Hutter, "SGDR", 2017, eq. 5, one period). */
#define NN_SCHEDULE_RULE_LIST(X)                                                                   \
    X(NN_CONSTANT, "constant")                                                                     \
    X(NN_STEP, "step")                                                                             \
    X(NN_COSINE, "cosine")

typedef enum NnScheduleRule {
#define NN_SCHEDULE_RULE_MEMBER(name, text) name,
    NN_SCHEDULE_RULE_LIST(NN_SCHEDULE_RULE_MEMBER)
#undef NN_SCHEDULE_RULE_MEMBER
        NN_SCHEDULE_RULE_COUNT
} NnScheduleRule;

typedef struct NnSchedule {
    NnScheduleRule rule;
    double base;
    double factor;  /* of the rule "step" */
    int64_t every;  /* of the rule "step", in steps; at least 1 */
    double floor;   /* of the rule "cosine" */
    int64_t warmup; /* in steps; 0: none */
} NnSchedule;

#define NN_SCHEDULE_INIT                                                                           \
    { NN_CONSTANT, 0.1, 0.1, 1, 0.0, 0 }

/* The learning rate; nothing but its arguments counts. NaN on error: NULL; no such rule; step
 * or warmup negative; "step" with every below 1; "cosine" with total, or what warmup leaves of it,
 * below 1. */
VALGRAD_API double nn_schedule_rate(const NnSchedule *schedule, int64_t step, int64_t total);

VALGRAD_API const char *nn_schedule_name(NnScheduleRule rule);
VALGRAD_API ValgradStatus nn_schedule_find(const char *name, NnScheduleRule *out);

VALGRAD_END

#endif
