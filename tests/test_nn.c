/* test_nn.c - layers, how they start, parameters, predictions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "testing.h"

static const double tolerance = 20 * (double)REAL_EPSILON;

static void check_close(double given, double expected)
{
    ck_assert_double_eq_tol(given, expected, tolerance * (1 + fabs(expected)));
}

/* ---- activations ----------------------------------------------------------------------------- */

START_TEST(activations_by_name)
{
    static const char *const names[] = {
        "identity", "relu", "leaky_relu", "tanh", "sigmoid",  "softplus", "relu6",      "elu",
        "selu",     "gelu", "gelu_tanh",  "silu", "softsign", "hardtanh", "hardsigmoid"};
    ck_assert_int_eq((int)COUNT(names), NN_ACTIVATION_COUNT);
    for (int i = 0; i < (int)COUNT(names); i++) {
        NnActivation found = NN_ACTIVATION_COUNT;
        ck_assert_str_eq(nn_activation_name((NnActivation)i), names[i]);
        ck_assert_int_eq(nn_activation_find(names[i], &found), VALGRAD_OK);
        ck_assert_int_eq((int)found, i);
    }
    NnActivation unchanged = NN_TANH;
    nn_activation_find("rel", &unchanged);
    assert_error(VALGRAD_ERROR_NAME,
                 "nn_activation_find: \"rel\": expected identity, relu, leaky_relu, tanh, "
                 "sigmoid, softplus, relu6, elu, selu, gelu, gelu_tanh, silu, softsign, "
                 "hardtanh or hardsigmoid");
    nn_activation_find(NULL, &unchanged);
    assert_error(VALGRAD_ERROR_NULL, "nn_activation_find: NULL: expected identity");
    ck_assert_int_eq((int)unchanged, NN_TANH);
    ck_assert_str_eq(nn_activation_name((NnActivation)99), "");
    ck_assert(isnan(nn_activation_gain((NnActivation)99)));
}
END_TEST

static double activated(NnActivation activation, double x)
{
    switch (activation) {
    case NN_RELU:
        return x > 0 ? x : 0;
    case NN_LEAKY_RELU:
        return x > 0 ? x : NN_LEAKY_SLOPE * x;
    case NN_TANH:
        return tanh(x);
    case NN_SIGMOID:
        return 1 / (1 + exp(-x));
    case NN_SOFTPLUS:
        return log1p(exp(x));
    case NN_RELU6:
        return fmin(fmax(x, 0), 6);
    case NN_ELU:
        return x > 0 ? x : exp(x) - 1;
    case NN_SELU:
        return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (exp(x) - 1));
    case NN_GELU:
        return x * (1 + erf(x / sqrt(2))) / 2;
    case NN_GELU_TANH:
        return x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) / 2;
    case NN_SILU:
        return x / (1 + exp(-x));
    case NN_SOFTSIGN:
        return x / (1 + fabs(x));
    case NN_HARDTANH:
        return fmin(fmax(x, -1), 1);
    case NN_HARDSIGMOID:
        return fmin(fmax(x / 6 + 0.5, 0), 1);
    case NN_IDENTITY:
    case NN_ACTIVATION_COUNT:
    default:
        return x;
    }
}

START_TEST(activations_by_value)
{
    const real x[] = {-2, (real)-0.5, 0, (real)0.25, 3};
    real y[COUNT(x)];
    for (int i = 0; i < NN_ACTIVATION_COUNT; i++)
        VALGRAD_SCOPE {
            Tensor *result =
                nn_activation_apply((NnActivation)i, tensor_const(x, TENSOR_SHAPE(COUNT(x))));
            ck_assert_int_eq(tensor_get(result, COUNT(x), y), VALGRAD_OK);
            for (int j = 0; j < (int)COUNT(x); j++)
                check_close((double)y[j], activated((NnActivation)i, (double)x[j]));
        }
    ck_assert_ptr_null(nn_activation_apply((NnActivation)99, NULL));
    assert_error(VALGRAD_ERROR_ARGUMENT, "activation 99: expected 0 to 14");
}
END_TEST

START_TEST(gains)
{
    check_close(nn_activation_gain(NN_RELU), sqrt(2));
    check_close(nn_activation_gain(NN_LEAKY_RELU), sqrt(2 / (1 + NN_LEAKY_SLOPE * NN_LEAKY_SLOPE)));
    check_close(nn_activation_gain(NN_TANH), 5.0 / 3);
    check_close(nn_activation_gain(NN_IDENTITY), 1);
}
END_TEST

/* ---- initialisation -------------------------------------------------------------------------- */

enum { IN = 300, OUT = 200 };

static const struct {
    NnInitRule rule;
    double deviation; /* for IN inputs, OUT outputs and relu */
    double bound;     /* 0: none */
} rules[] = {
    {NN_KAIMING_UNIFORM, 0.081649658092772603, 0.14142135623730951}, /* sqrt(2/300), sqrt(6/300) */
    {NN_KAIMING_NORMAL, 0.081649658092772603, 0},
    {NN_XAVIER_UNIFORM, 0.089442719099991588, 0.15491933384829668}, /* sqrt(4/500), sqrt(12/500) */
    {NN_XAVIER_NORMAL, 0.089442719099991588, 0},
    {NN_FAN_IN_UNIFORM, 0.033333333333333333, 0.057735026918962576}, /* 1/sqrt(900), 1/sqrt(300) */
    {NN_UNIFORM, 0.17320508075688773, 0.3},
};

START_TEST(init_has_its_moments)
{
    static real numbers[IN * OUT];
    const NnInit init = {rules[_i].rule, 0.3, 0};
    Random random = random_seeded(1);
    Tensor *weight = tensor_param(NULL, TENSOR_SHAPE(IN, OUT));
    ck_assert_int_eq(nn_init_weight(weight, &init, NN_RELU, &random), VALGRAD_OK);
    ck_assert_int_eq(tensor_get(weight, IN * OUT, numbers), VALGRAD_OK);
    double sum = 0, squares = 0, greatest = 0;
    for (int i = 0; i < IN * OUT; i++) {
        double x = (double)numbers[i];
        sum += x;
        squares += x * x;
        greatest = fmax(greatest, fabs(x));
    }
    const double deviation = rules[_i].deviation, bound = rules[_i].bound, n = IN * OUT;
    ck_assert_double_eq_tol(sum / n, 0, 5 * deviation / sqrt(n));
    ck_assert_double_eq_tol(squares / n / (deviation * deviation), 1, 5 * sqrt(2 / n));
    if (bound > 0)
        ck_assert(greatest <= bound && greatest > 0.999 * bound);
    else
        ck_assert(greatest > 3.5 * deviation && greatest < 6 * deviation);
    tensor_release(weight);
}
END_TEST

START_TEST(init_is_reproducible)
{
    real first[12], second[12];
    for (int i = 0; i < 2; i++) {
        Random random = random_seeded(5);
        Tensor *weight = tensor_param(NULL, TENSOR_SHAPE(3, 4));
        ck_assert_int_eq(nn_init_weight(weight, NULL, NN_RELU, &random), VALGRAD_OK);
        tensor_get(weight, 12, i ? second : first);
        tensor_release(weight);
    }
    ck_assert_mem_eq(first, second, sizeof first);
}
END_TEST

START_TEST(init_errors)
{
    Random random = random_seeded(1);
    Tensor *flat = tensor_param(NULL, TENSOR_SHAPE(4)),
           *weight = tensor_param(NULL, TENSOR_SHAPE(2, 2));
    NnInit init = NN_INIT_INIT;
    nn_init_weight(NULL, &init, NN_RELU, &random);
    assert_error(VALGRAD_ERROR_NULL, "nn_init_weight: weight is NULL");
    nn_init_weight(weight, &init, NN_RELU, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_init_weight: random is NULL");
    nn_init_weight(flat, &init, NN_RELU, &random);
    assert_error(VALGRAD_ERROR_SHAPE, "a weight of rank 1: expected 2");
    init.rule = (NnInitRule)17;
    nn_init_weight(weight, &init, NN_RELU, &random);
    assert_error(VALGRAD_ERROR_ARGUMENT, "rule 17: expected 0 to 5");
    init = (NnInit){NN_UNIFORM, -1, 0};
    nn_init_weight(weight, &init, NN_RELU, &random);
    assert_error(VALGRAD_ERROR_ARGUMENT, "bound -1: expected a finite number from 0");
    NnInitRule found;
    ck_assert_int_eq(nn_init_find("xavier_normal", &found), VALGRAD_OK);
    ck_assert_int_eq((int)found, NN_XAVIER_NORMAL);
    ck_assert_int_eq(nn_init_find("he", &found), VALGRAD_ERROR_NAME);
    tensor_release(flat);
    tensor_release(weight);
}
END_TEST

/* ---- parameters ------------------------------------------------------------------------------ */

START_TEST(parameters_in_order_and_by_name)
{
    enum { N = 500 };
    NnParameters *list = nn_parameters_new();
    Tensor *tensors[N];
    char name[20];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "layer%d.w", i);
        tensors[i] = tensor_param(NULL, TENSOR_SHAPE(i % 3 + 1));
        ck_assert_int_eq(nn_parameters_add(list, name, tensors[i]), VALGRAD_OK);
    }
    ck_assert_int_eq(nn_parameters_count(list), N);
    ck_assert_int_eq(nn_parameters_numbers(list), 166 * 6 + 1 + 2);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "layer%d.w", i);
        ck_assert_str_eq(nn_parameters_name(list, i), name);
        ck_assert_ptr_eq(nn_parameters_at(list, i), tensors[i]);
        ck_assert_ptr_eq(nn_parameters_find(list, name), tensors[i]);
        ck_assert_str_eq(tensor_label(tensors[i]), name);
        tensor_release(tensors[i]); /* the list holds it */
    }
    ck_assert_int_eq(tensor_size(nn_parameters_at(list, 2)), 3);
    nn_parameters_free(list);
}
END_TEST

START_TEST(parameters_errors)
{
    NnParameters *list = nn_parameters_new();
    Tensor *tensor = tensor_param(NULL, TENSOR_SHAPE(2));
    nn_parameters_add(NULL, "a", tensor);
    assert_error(VALGRAD_ERROR_NULL, "nn_parameters_add: parameters is NULL");
    nn_parameters_add(list, NULL, tensor);
    assert_error(VALGRAD_ERROR_NULL, "nn_parameters_add: name is NULL");
    nn_parameters_add(list, "a", NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_parameters_add: tensor is NULL");
    nn_parameters_add(list, "", tensor);
    assert_error(VALGRAD_ERROR_NAME, "an empty name");
    ck_assert_int_eq(nn_parameters_add(list, "a", tensor), VALGRAD_OK);
    nn_parameters_add(list, "a", tensor);
    assert_error(VALGRAD_ERROR_NAME, "\"a\": the list has this name already");
    ck_assert_ptr_null(nn_parameters_find(list, "b"));
    assert_error(VALGRAD_ERROR_NAME, "nn_parameters_find: \"b\": no such name");
    nn_parameters_freeze(list, "b", true);
    assert_error(VALGRAD_ERROR_NAME, "nn_parameters_freeze: \"b\": no such name");
    ck_assert_ptr_null(nn_parameters_at(list, 1));
    assert_error(VALGRAD_ERROR_INDEX, "nn_parameters_at: index 1: the list has 1");
    ck_assert_ptr_null(nn_parameters_name(list, -1));
    assert_error(VALGRAD_ERROR_INDEX, "nn_parameters_name: index -1");
    Tensor *result = tensor_neg(tensor);
    nn_parameters_add(list, "result", result);
    assert_error(VALGRAD_ERROR_STATE, "\"result\" is a result or a part: expected a whole leaf");
    ck_assert_str_eq(tensor_label(result), "");
    ck_assert_int_eq(nn_parameters_count(list), 1);
    ck_assert_int_eq(nn_parameters_count(NULL), 0);
    nn_parameters_zero_grad(NULL);
    nn_parameters_free(NULL);
    nn_parameters_free(list);
    tensor_release(result);
    tensor_release(tensor);
}
END_TEST

/* ---- layers ---------------------------------------------------------------------------------- */

START_TEST(linear_is_xw_plus_b)
{
    Random random = random_seeded(1);
    NnLinear *layer = nn_linear_new(2, 3, NULL, &random);
    tensor_set(nn_linear_weight(layer), 6, (real[]){1, 2, 3, 4, 5, 6});
    tensor_set(nn_linear_bias(layer), 3, (real[]){10, 20, 30});
    real y[6];
    VALGRAD_SCOPE {
        Tensor *batch =
            nn_linear_forward(layer, tensor_const((real[]){1, 0, 1, -1}, TENSOR_SHAPE(2, 2)));
        ck_assert_int_eq(tensor_get(batch, 6, y), VALGRAD_OK);
        const real expected[] = {11, 22, 33, 7, 17, 27};
        ck_assert_mem_eq(y, expected, sizeof y);
        Tensor *sample = nn_linear_forward(layer, tensor_const((real[]){1, -1}, TENSOR_SHAPE(2)));
        ck_assert_int_eq(tensor_rank(sample), 1);
        ck_assert_int_eq(tensor_get(sample, 3, y), VALGRAD_OK);
        ck_assert_mem_eq(y, expected + 3, 3 * sizeof(real));
    }
    nn_linear_free(layer);
}
END_TEST

START_TEST(linear_without_bias)
{
    Random random = random_seeded(1);
    NnLinearOptions options = NN_LINEAR_OPTIONS_INIT;
    options.no_bias = true;
    NnLinear *layer = nn_linear_new(2, 3, &options, &random);
    NnParameters *list = nn_parameters_new();
    ck_assert_ptr_null(nn_linear_bias(layer));
    ck_assert_int_eq(nn_linear_collect(layer, "", list), VALGRAD_OK);
    ck_assert_int_eq(nn_parameters_count(list), 1);
    ck_assert_str_eq(nn_parameters_name(list, 0), "weight");
    VALGRAD_SCOPE {
        Tensor *y = nn_linear_forward(layer, tensor_zeros(TENSOR_SHAPE(4, 2)));
        ck_assert_int_eq(tensor_side(y, 1), 3);
    }
    nn_parameters_free(list);
    nn_linear_free(layer);
}
END_TEST

START_TEST(linear_errors)
{
    Random random = random_seeded(1);
    ck_assert_ptr_null(nn_linear_new(0, 3, NULL, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_linear_new: 0 inputs, 3 outputs: expected 1 or more");
    ck_assert_ptr_null(nn_linear_new(2, 3, NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_linear_new: random is NULL");
    NnLinear *layer = nn_linear_new(2, 3, NULL, &random);
    ck_assert_ptr_null(nn_linear_forward(layer, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_linear_forward: x is NULL");
    ck_assert_ptr_null(nn_linear_forward(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_linear_forward: layer is NULL");
    Tensor *x = tensor_zeros(TENSOR_SHAPE(4, 5));
    ck_assert_ptr_null(nn_linear_forward(layer, x));
    assert_error(VALGRAD_ERROR_SHAPE, "(4, 5)");
    tensor_release(x);
    nn_linear_free(layer);
    nn_linear_free(NULL);
}
END_TEST

START_TEST(mlp_has_names_of_sequential)
{
    static const char *const names[] = {"0.weight", "0.bias",   "2.weight",
                                        "2.bias",   "4.weight", "4.bias"};
    Random random = random_seeded(1);
    NnMlp *mlp = nn_mlp_new(NN_SIZES(784, 128, 64, 10), NULL, &random);
    const NnParameters *list = nn_mlp_parameters(mlp);
    ck_assert_int_eq(nn_parameters_count(list), (int)COUNT(names));
    for (int i = 0; i < (int)COUNT(names); i++)
        ck_assert_str_eq(nn_parameters_name(list, i), names[i]);
    ck_assert_int_eq(nn_parameters_numbers(list), 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10);
    Tensor *weight = nn_parameters_find(list, "2.weight");
    ck_assert_int_eq(tensor_side(weight, 0), 128);
    ck_assert_int_eq(tensor_side(weight, 1), 64);
    ck_assert_int_eq(nn_mlp_layer_count(mlp), 3);
    ck_assert_ptr_eq(nn_linear_weight(nn_mlp_layer(mlp, 1)), weight);
    ck_assert_ptr_null(nn_mlp_layer(mlp, 3));
    assert_error(VALGRAD_ERROR_INDEX, "nn_mlp_layer: layer 3: the network has 3");
    nn_mlp_free(mlp);
}
END_TEST

START_TEST(mlp_options_arrive)
{
    Random random = random_seeded(1);
    NnMlpOptions options = {NN_TANH, NN_SIGMOID, {NN_UNIFORM, 0.25, 0.5}, false};
    NnMlp *mlp = nn_mlp_new(NN_SIZES(1, 1, 1), &options, &random);
    double w[2], x = 0.7;
    for (int i = 0; i < 2; i++) {
        w[i] = (double)tensor_item(nn_linear_weight(nn_mlp_layer(mlp, i)));
        ck_assert(fabs(w[i]) <= 0.25);
        check_close((double)tensor_item(nn_linear_bias(nn_mlp_layer(mlp, i))), 0.5);
    }
    VALGRAD_SCOPE {
        Tensor *y = nn_mlp_forward(mlp, tensor_full((real)x, TENSOR_SHAPE(1)));
        check_close((double)tensor_item(y), 1 / (1 + exp(-(w[1] * tanh(w[0] * x + 0.5) + 0.5))));
    }
    nn_mlp_free(mlp);
}
END_TEST

START_TEST(mlp_errors)
{
    Random random = random_seeded(1);
    ck_assert_ptr_null(nn_mlp_new(NN_SIZES(3), NULL, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_mlp_new: 1 sizes: expected 2 or more");
    ck_assert_ptr_null(nn_mlp_new(NN_SIZES(3, -1, 2), NULL, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_mlp_new: size 1 is -1: expected 1 or more");
    ck_assert_ptr_null(nn_mlp_new(2, NULL, NULL, &random));
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_new: sizes is NULL");
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = (NnActivation)50;
    ck_assert_ptr_null(nn_mlp_new(NN_SIZES(3, 4, 2), &options, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT, "activation 50");
    ck_assert_ptr_null(nn_mlp_forward(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_forward: mlp is NULL");
    nn_mlp_free(NULL);
}
END_TEST

/* Outside of every scope the caller owns the result, and nothing but it. */
START_TEST(mlp_without_scope)
{
    Random random = random_seeded(1);
    NnMlp *mlp = nn_mlp_new(NN_SIZES(3, 4, 2), NULL, &random);
    Tensor *x = tensor_zeros(TENSOR_SHAPE(5, 3)), *y = nn_mlp_forward(mlp, x);
    Tensor *loss = tensor_sum_all(y);
    ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_OK);
    tensor_release(loss);
    tensor_release(y);
    Tensor *narrow = tensor_zeros(TENSOR_SHAPE(5, 2));
    ck_assert_ptr_null(nn_mlp_forward(mlp, narrow));
    tensor_release(narrow);
    tensor_release(x);
    nn_mlp_free(mlp);
}
END_TEST

/* ---- dropout --------------------------------------------------------------------------------- */

/* Hidden units that are 1 each and weigh 1: the output counts those that were kept, doubled. */
START_TEST(dropout_between_layers)
{
    enum { HIDDEN = 64 };
    Random random = random_seeded(1), same = random_seeded(1), initial = random_seeded(2);
    NnMlp *net = nn_mlp_new(NN_SIZES(1, HIDDEN, 1), NULL, &initial);
    for (int64_t i = 0; i < nn_parameters_count(nn_mlp_parameters(net)); i++)
        tensor_fill(nn_parameters_at(nn_mlp_parameters(net), i), (real)(i % 2 == 0));
    VALGRAD_SCOPE {
        Tensor *x = tensor_full(1, TENSOR_SHAPE(1));
        ck_assert_double_eq((double)tensor_item(nn_mlp_forward(net, x)), HIDDEN);
        double sum = 0;
        for (int i = 0; i < 200; i++) {
            double kept = (double)tensor_item(nn_mlp_forward_dropout(net, x, 0.5, &random));
            ck_assert_double_eq(kept, 2 * floor(kept / 2));
            ck_assert_double_eq(kept,
                                (double)tensor_item(nn_mlp_forward_dropout(net, x, 0.5, &same)));
            sum += kept;
        }
        ck_assert_double_eq_tol(sum / 200, HIDDEN, 3); /* deviation 8 / sqrt(200) */
        ck_assert_double_eq((double)tensor_item(nn_mlp_forward_dropout(net, x, 0, &same)), HIDDEN);
        ck_assert_ptr_null(nn_mlp_forward_dropout(net, x, 1.5, &same));
        valgrad_clear_error();
        ck_assert_ptr_null(nn_mlp_forward_dropout(net, x, 0.5, NULL));
        assert_error(VALGRAD_ERROR_NULL, "nn_mlp_forward_dropout: random is NULL");
    }
    nn_mlp_free(net);
}
END_TEST

/* ---- the same network of scalar Values ------------------------------------------------------- */

enum { SAMPLES = 5, SIZE_0 = 784, SIZE_1 = 16, SIZE_2 = 10, WEIGHTS = SIZE_0 * SIZE_1 };

/* One layer on scalar grain: out[j] = sum_i x[i] w[i][j] + b[j]. */
static void scalar_layer(int in, int out, Value **x, Value **w, Value **b, Value **y)
{
    Value *column[SIZE_0];
    for (int j = 0; j < out; j++) {
        for (int i = 0; i < in; i++)
            column[i] = w[i * out + j];
        y[j] = value_affine((size_t)in, column, x, b[j]);
    }
}

static Value *scalar_cross_entropy(Value **logits, int label)
{
    Value *powers[SIZE_2], *greatest = logits[0];
    for (int i = 1; i < SIZE_2; i++)
        greatest = value_max(greatest, logits[i]);
    greatest = value_detach(greatest);
    for (int i = 0; i < SIZE_2; i++)
        powers[i] = value_exp(value_sub(logits[i], greatest));
    Value *shifted = value_sub(logits[label], greatest);
    return value_sub(value_log(value_sum(SIZE_2, powers)), shifted);
}

static void copy_values(const Tensor *tensor, Value **values)
{
    for (int64_t i = 0; i < tensor_size(tensor); i++)
        values[i] = value_leaf(value_data(tensor_at(tensor, i)));
}

/* By how much the gradients of values differ from tensor's, relative to the greatest. */
static double gradient_distance(const Tensor *tensor, Value **values)
{
    static real gradient[WEIGHTS];
    double distance = 0, greatest = 0;
    ck_assert_int_eq(tensor_get_grad(tensor, tensor_size(tensor), gradient), VALGRAD_OK);
    for (int64_t i = 0; i < tensor_size(tensor); i++) {
        distance = fmax(distance, fabs((double)(gradient[i] - value_grad(values[i]))));
        greatest = fmax(greatest, fabs((double)gradient[i]));
    }
    ck_assert(greatest > 0);
    return distance / greatest;
}

START_TEST(mlp_is_its_scalar_expansion)
{
    static real pixels[SAMPLES * SIZE_0];
    static Value *w0[WEIGHTS], *b0[SIZE_1], *w1[SIZE_1 * SIZE_2], *b1[SIZE_2];
    const int64_t labels[SAMPLES] = {3, 1, 4, 1, 9};
    Random random = random_seeded(2);
    NnMlp *mlp = nn_mlp_new(NN_SIZES(SIZE_0, SIZE_1, SIZE_2), NULL, &random);
    for (int i = 0; i < SAMPLES * SIZE_0; i++)
        pixels[i] = random_uniform(&random, 0, 1);
    VALGRAD_SCOPE {
        Tensor *x = tensor_const(pixels, TENSOR_SHAPE(SAMPLES, SIZE_0));
        Tensor *loss = tensor_cross_entropy(nn_mlp_forward(mlp, x), SAMPLES, labels);
        ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_OK);

        NnLinear *first = nn_mlp_layer(mlp, 0), *second = nn_mlp_layer(mlp, 1);
        Value *losses[SAMPLES], *inputs[SIZE_0], *hidden[SIZE_1], *logits[SIZE_2];
        copy_values(nn_linear_weight(first), w0);
        copy_values(nn_linear_bias(first), b0);
        copy_values(nn_linear_weight(second), w1);
        copy_values(nn_linear_bias(second), b1);
        for (int i = 0; i < SAMPLES; i++) {
            for (int j = 0; j < SIZE_0; j++)
                inputs[j] = value_const(pixels[i * SIZE_0 + j]);
            scalar_layer(SIZE_0, SIZE_1, inputs, w0, b0, hidden);
            for (int j = 0; j < SIZE_1; j++)
                hidden[j] = value_relu(hidden[j]);
            scalar_layer(SIZE_1, SIZE_2, hidden, w1, b1, logits);
            losses[i] = scalar_cross_entropy(logits, (int)labels[i]);
        }
        Value *mean = value_div(value_sum(SAMPLES, losses), value_const(SAMPLES));
        ck_assert_int_eq(value_backward(mean), VALGRAD_OK);

        const double limit = sizeof(real) == 8 ? 1e-12 : 1e-4;
        double loss_value = (double)tensor_item(loss);
        ck_assert_double_lt(fabs(loss_value - (double)value_data(mean)), limit * loss_value);
        ck_assert_double_lt(gradient_distance(nn_linear_weight(first), w0), limit);
        ck_assert_double_lt(gradient_distance(nn_linear_bias(first), b0), limit);
        ck_assert_double_lt(gradient_distance(nn_linear_weight(second), w1), limit);
        ck_assert_double_lt(gradient_distance(nn_linear_bias(second), b1), limit);
    }
    nn_mlp_free(mlp);
}
END_TEST

/* ---- predictions ----------------------------------------------------------------------------- */

START_TEST(predict_gives_greatest_output)
{
    Random random = random_seeded(1);
    NnMlp *mlp = nn_mlp_new(NN_SIZES(3, 3), NULL, &random);
    tensor_set(nn_linear_weight(nn_mlp_layer(mlp, 0)), 9, (real[]){0, 1, 0, 0, 0, 1, 1, 0, 0});
    Tensor *x = tensor_leaf((real[]){1, 0, 0, 0, 1, 0, 0, 0, 1}, TENSOR_SHAPE(3, 3));
    int64_t labels[3] = {-1, -1, -1};
    ck_assert_int_eq(nn_mlp_predict(mlp, x, 3, labels), VALGRAD_OK);
    ck_assert(labels[0] == 1 && labels[1] == 2 && labels[2] == 0);
    int64_t nodes = valgrad_live_nodes();
    Tensor *sample = tensor_index(x, 0, 1);
    ck_assert_int_eq(nn_mlp_predict(mlp, sample, 1, labels), VALGRAD_OK);
    ck_assert_int_eq(labels[0], 2);
    ck_assert_int_eq(valgrad_live_nodes(), nodes);
    nn_mlp_predict(mlp, x, 2, labels);
    assert_error(VALGRAD_ERROR_SHAPE, "nn_mlp_predict: 2 labels for 3 rows");
    nn_mlp_predict(mlp, x, 3, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_predict: labels is NULL");
    tensor_release(sample);
    tensor_release(x);
    nn_mlp_free(mlp);
}
END_TEST

START_TEST(correct_rows_are_counted)
{
    const real rows[] = {1, 2, 0, /**/ 5, 5, 1, /**/ 0, 0, 3, /**/ -1, -2, -3};
    const int64_t right[] = {1, 0, 2, 0}, wrong[] = {0, 1, 1, 2};
    VALGRAD_SCOPE {
        Tensor *logits = tensor_const(rows, TENSOR_SHAPE(4, 3));
        ck_assert_int_eq(nn_count_correct(logits, 4, right), 4);
        ck_assert_int_eq(nn_count_correct(logits, 4, wrong), 0);
        /* rows (1, 2, 0, 5), (5, 1, 0, 0), (3, -1, -2, -3) seen by columns */
        Tensor *turned = tensor_transpose(tensor_const(rows, TENSOR_SHAPE(3, 4)));
        const int64_t of_columns[] = {1, 0, 0, 0};
        ck_assert_int_eq(nn_count_correct(turned, 4, of_columns), 4);
        ck_assert_int_eq(nn_count_correct(tensor_index(logits, 0, 2), 1, right + 2), 1);
        ck_assert_int_eq(nn_count_correct(logits, 3, right), -1);
        assert_error(VALGRAD_ERROR_SHAPE, "nn_count_correct: 3 labels for 4 rows");
        ck_assert_int_eq(nn_count_correct(logits, 4, NULL), -1);
        assert_error(VALGRAD_ERROR_NULL, "nn_count_correct: labels is NULL");
        ck_assert_int_eq(nn_count_correct(NULL, 4, right), -1);
        assert_error(VALGRAD_ERROR_NULL, "nn_count_correct: logits is NULL");
    }
}
END_TEST

/* ---- all together ---------------------------------------------------------------------------- */

/* The exclusive or of two inputs, which no single layer can tell. */
START_TEST(learns_exclusive_or)
{
    const real inputs[] = {0, 0, 0, 1, 1, 0, 1, 1};
    const int64_t labels[] = {0, 1, 1, 0};
    Random random = random_seeded(1);
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = NN_TANH;
    NnMlp *mlp = nn_mlp_new(NN_SIZES(2, 8, 2), &options, &random);
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    sgd.momentum = 0.9;
    NnOptimizer *optimizer = nn_optimizer_sgd(nn_mlp_parameters(mlp), &sgd);
    Tensor *x = tensor_const(inputs, TENSOR_SHAPE(4, 2));
    double last = 0;
    for (int i = 0; i < 300; i++)
        VALGRAD_SCOPE {
            Tensor *loss = tensor_cross_entropy(nn_mlp_forward(mlp, x), 4, labels);
            nn_optimizer_zero_grad(optimizer);
            ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_OK);
            ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
            last = (double)tensor_item(loss);
        }
    ck_assert_double_lt(last, 0.02);
    int64_t predicted[4];
    ck_assert_int_eq(nn_mlp_predict(mlp, x, 4, predicted), VALGRAD_OK);
    ck_assert_mem_eq(predicted, labels, sizeof predicted);
    tensor_release(x);
    nn_optimizer_free(optimizer);
    nn_mlp_free(mlp);
}
END_TEST

/* ---- without memory -------------------------------------------------------------------------- */

static int64_t left, outstanding; /* blocks until there is no more; blocks not given back */

static void *scarce_allocate(size_t bytes, void *context)
{
    (void)context;
    if (left-- <= 0)
        return NULL;
    outstanding++;
    return malloc(bytes);
}

static void scarce_release(void *memory, void *context)
{
    (void)context;
    outstanding--;
    free(memory);
}

static bool train_one_step(NnMlp *mlp, NnOptimizer *optimizer, NnLoader *loader)
{
    const NnBatch *batch = nn_loader_next(loader);
    VALGRAD_SCOPE {
        Tensor *logits = batch ? nn_mlp_forward(mlp, batch->inputs) : NULL;
        Tensor *loss = logits ? tensor_cross_entropy(logits, batch->count, batch->labels) : NULL;
        return loss && tensor_backward(loss, NULL) == VALGRAD_OK &&
               nn_optimizer_step(optimizer) == VALGRAD_OK &&
               nn_count_correct(logits, batch->count, batch->labels) >= 0;
    }
    return false;
}

/* Makes one of everything, trains a step, frees all. */
static bool make_and_train(void)
{
    static const uint8_t pixels[6 * 4], labels[6];
    Random random = random_seeded(1);
    const NnLoaderOptions options = {.batch = 4, .seed = 1};
    NnMlp *mlp = nn_mlp_new(NN_SIZES(4, 3, 2), NULL, &random);
    NnOptimizer *optimizer = mlp ? nn_optimizer_adam(nn_mlp_parameters(mlp), NULL) : NULL;
    NnDataset *dataset = optimizer ? nn_dataset_new(6, 2, 2, 2, pixels, labels) : NULL;
    NnLoader *loader = dataset ? nn_loader_new(dataset, &options) : NULL;
    bool trained = loader && train_one_step(mlp, optimizer, loader);
    nn_loader_free(loader);
    nn_dataset_free(dataset);
    nn_optimizer_free(optimizer);
    nn_mlp_free(mlp);
    return trained;
}

/* Whichever allocation fails, the error tells and nothing is left behind. */
START_TEST(out_of_memory)
{
    const ValgradAllocator scarce = {scarce_allocate, scarce_release, NULL};
    if (valgrad_set_allocator(scarce) != VALGRAD_OK)
        return; /* not in a process of its own: other tests have used the library */
    left = INT64_MAX;
    ck_assert_msg(make_and_train(), "%s", valgrad_last_error());
    valgrad_trim();
    const int64_t kept = outstanding; /* the pool's own */
    bool trained = false;
    for (int64_t enough = 0; !trained; enough++) {
        left = enough;
        valgrad_clear_error();
        trained = make_and_train();
        valgrad_trim();
        ck_assert_msg(outstanding == kept, "allocation %lld: %lld blocks are left",
                      (long long)enough, (long long)(outstanding - kept));
        ck_assert_int_eq(valgrad_live_nodes(), 0);
        ck_assert_msg(trained || valgrad_last_status() == VALGRAD_ERROR_MEMORY,
                      "allocation %lld: \"%s\"", (long long)enough, valgrad_last_error());
        ck_assert_int_lt(enough, 1000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nn");
    TCase *cases = new_case(suite, "nn", 60);
    tcase_add_test(cases, activations_by_name);
    tcase_add_test(cases, activations_by_value);
    tcase_add_test(cases, gains);
    tcase_add_loop_test(cases, init_has_its_moments, 0, (int)COUNT(rules));
    tcase_add_test(cases, init_is_reproducible);
    tcase_add_test(cases, init_errors);
    tcase_add_test(cases, parameters_in_order_and_by_name);
    tcase_add_test(cases, parameters_errors);
    tcase_add_test(cases, linear_is_xw_plus_b);
    tcase_add_test(cases, linear_without_bias);
    tcase_add_test(cases, linear_errors);
    tcase_add_test(cases, mlp_has_names_of_sequential);
    tcase_add_test(cases, mlp_options_arrive);
    tcase_add_test(cases, mlp_errors);
    tcase_add_test(cases, mlp_without_scope);
    tcase_add_test(cases, dropout_between_layers);
    tcase_add_test(cases, mlp_is_its_scalar_expansion);
    tcase_add_test(cases, predict_gives_greatest_output);
    tcase_add_test(cases, correct_rows_are_counted);
    tcase_add_test(cases, learns_exclusive_or);
    tcase_add_test(cases, out_of_memory);
    return run_suite(suite);
}
