/* test_nn.c - layers, how they start, parameters, optimizers and schedules. */
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

/* ---- optimizers ------------------------------------------------------------------------------ */

/* One number w = 1, loss = w (so the gradient is always 1), learning rate 0.1: w after each of
 * three steps, worked out by hand from the definitions. */
static const struct {
    const char *name;
    NnSgdOptions options;
    double expected[3];
} descents[] = {
    {"plain", {0.1, 0, 0, false}, {0.9, 0.8, 0.7}},
    {"momentum", {0.1, 0.9, 0, false}, {0.9, 0.71, 0.439}},
    {"nesterov", {0.1, 0.9, 0, true}, {0.81, 0.539, 0.1951}},
    {"decay", {0.1, 0, 0.5, false}, {0.85, 0.7075, 0.572125}},
    /* d = 1.5, v = 1.5, w = 0.85; d = 1.425, v = 2.775, w = 0.5725; d = 1.28625, v = 3.78375 */
    {"decay and momentum", {0.1, 0.9, 0.5, false}, {0.85, 0.5725, 0.194125}},
};

/* Takes steps along the gradient 1 and compares. */
static void check_steps(NnOptimizer *optimizer, Tensor *w, const double expected[3])
{
    ck_assert_msg(optimizer != NULL, "%s", valgrad_last_error());
    for (int i = 0; i < 3; i++) {
        VALGRAD_SCOPE {
            nn_optimizer_zero_grad(optimizer);
            ck_assert_int_eq(tensor_backward(tensor_sum_all(w), NULL), VALGRAD_OK);
            ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
        }
        check_close((double)tensor_item(w), expected[i]);
    }
    nn_optimizer_free(optimizer);
}

/* A list of one parameter, called w. */
static NnParameters *one_parameter(real number)
{
    NnParameters *list = nn_parameters_new();
    Tensor *w = tensor_param(&number, TENSOR_SHAPE(1));
    ck_assert_int_eq(nn_parameters_add(list, "w", w), VALGRAD_OK);
    tensor_release(w);
    return list;
}

START_TEST(sgd_by_hand)
{
    NnParameters *list = one_parameter(1);
    check_steps(nn_optimizer_sgd(list, &descents[_i].options), nn_parameters_at(list, 0),
                descents[_i].expected);
    nn_parameters_free(list);
}
END_TEST

START_TEST(adam_by_hand)
{
    /* With a constant gradient both corrected moments are 1. */
    const NnAdamOptions adam = {0.1, 0.9, 0.999, 0, 0}, adamw = {0.1, 0.9, 0.999, 0, 0.5};
    NnParameters *list = one_parameter(1);
    check_steps(nn_optimizer_adam(list, &adam), nn_parameters_at(list, 0),
                (double[]){0.9, 0.8, 0.7});
    tensor_fill(nn_parameters_at(list, 0), 1);
    check_steps(nn_optimizer_adamw(list, &adamw), nn_parameters_at(list, 0),
                (double[]){0.85, 0.7075, 0.572125});
    nn_parameters_free(list);
}
END_TEST

/* Adam's definition, once more: w -> w after `steps` steps down the loss (w - 3)^2. */
static double adam_reference(double w, const NnAdamOptions *o, bool decoupled, int steps)
{
    double m = 0, v = 0;
    for (int t = 1; t <= steps; t++) {
        double d = 2 * (w - 3);
        if (decoupled)
            w -= o->learning_rate * o->weight_decay * w;
        else
            d += o->weight_decay * w;
        m = o->beta1 * m + (1 - o->beta1) * d;
        v = o->beta2 * v + (1 - o->beta2) * d * d;
        w -= o->learning_rate * (m / (1 - pow(o->beta1, t))) /
             (sqrt(v / (1 - pow(o->beta2, t))) + o->epsilon);
    }
    return w;
}

START_TEST(adam_on_a_parabola)
{
    const NnAdamOptions options = {0.05, 0.8, 0.95, 1e-4, 0.1};
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        NnParameters *list = one_parameter(1);
        Tensor *w = nn_parameters_at(list, 0);
        NnOptimizer *optimizer =
            decoupled ? nn_optimizer_adamw(list, &options) : nn_optimizer_adam(list, &options);
        for (int i = 0; i < 50; i++)
            VALGRAD_SCOPE {
                nn_optimizer_zero_grad(optimizer);
                tensor_backward(tensor_mse(w, tensor_full(3, TENSOR_SHAPE(1))), NULL);
                nn_optimizer_step(optimizer);
            }
        const double expected = adam_reference(1, &options, decoupled, 50);
        ck_assert_double_eq_tol((double)tensor_item(w), expected, 100 * tolerance);
        nn_optimizer_free(optimizer);
        nn_parameters_free(list);
    }
}
END_TEST

/* A parameter that the loss does not use stays as it is, and its Adam step count stays at 0. */
START_TEST(no_gradient_no_step)
{
    NnParameters *list = one_parameter(1);
    Tensor *w = nn_parameters_at(list, 0), *other = tensor_param((real[]){5}, TENSOR_SHAPE(1));
    nn_parameters_add(list, "other", other);
    const NnAdamOptions options = {0.1, 0.9, 0.999, 0, 0.5};
    NnOptimizer *optimizer = nn_optimizer_adamw(list, &options);
    for (int i = 0; i < 2; i++)
        VALGRAD_SCOPE {
            nn_optimizer_zero_grad(optimizer);
            tensor_backward(tensor_sum_all(w), NULL);
            nn_optimizer_step(optimizer);
        }
    ck_assert(tensor_item(other) == 5);
    VALGRAD_SCOPE {
        nn_optimizer_zero_grad(optimizer);
        tensor_backward(tensor_sum_all(other), NULL);
        nn_optimizer_step(optimizer);
    }
    check_close((double)tensor_item(w), 0.7075);
    check_close((double)tensor_item(other), 5 * 0.95 - 0.1); /* its first step */
    nn_optimizer_free(optimizer);
    tensor_release(other);
    nn_parameters_free(list);
}
END_TEST

START_TEST(frozen_parameters_stay)
{
    Random random = random_seeded(1);
    NnMlp *mlp = nn_mlp_new(NN_SIZES(2, 3, 1), NULL, &random);
    NnParameters *list = nn_mlp_parameters(mlp);
    NnOptimizer *optimizer = nn_optimizer_sgd(list, NULL);
    real before[6], after[6];
    for (int frozen = 1; frozen >= 0; frozen--) {
        Tensor *weight = nn_parameters_find(list, "0.weight");
        ck_assert_int_eq(nn_parameters_freeze(list, "0.weight", frozen), VALGRAD_OK);
        tensor_get(weight, 6, before);
        for (int i = 0; i < 2; i++)
            VALGRAD_SCOPE {
                nn_optimizer_zero_grad(optimizer);
                Tensor *y = nn_mlp_forward(mlp, tensor_full(1, TENSOR_SHAPE(4, 2)));
                ck_assert_int_eq(tensor_backward(tensor_mean_all(tensor_square(y)), NULL),
                                 VALGRAD_OK);
                ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
            }
        tensor_get(weight, 6, after);
        ck_assert((memcmp(before, after, sizeof before) == 0) == (frozen == 1));
    }
    nn_optimizer_free(optimizer);
    nn_mlp_free(mlp);
}
END_TEST

START_TEST(learning_rate_can_be_set)
{
    NnParameters *list = one_parameter(1);
    NnOptimizer *optimizer = nn_optimizer_sgd(list, NULL);
    ck_assert(nn_optimizer_learning_rate(optimizer) == 0.1);
    ck_assert_int_eq(nn_optimizer_set_learning_rate(optimizer, 0.5), VALGRAD_OK);
    VALGRAD_SCOPE {
        tensor_backward(tensor_sum_all(nn_parameters_at(list, 0)), NULL);
        nn_optimizer_step(optimizer);
    }
    check_close((double)tensor_item(nn_parameters_at(list, 0)), 0.5);
    nn_optimizer_set_learning_rate(optimizer, -1);
    assert_error(VALGRAD_ERROR_ARGUMENT,
                 "nn_optimizer_set_learning_rate: learning rate -1: expected");
    nn_optimizer_set_learning_rate(optimizer, (double)NAN);
    assert_error(VALGRAD_ERROR_ARGUMENT, "learning rate nan");
    nn_optimizer_set_learning_rate(NULL, 1);
    assert_error(VALGRAD_ERROR_NULL, "optimizer is NULL");
    ck_assert(isnan(nn_optimizer_learning_rate(NULL)));
    ck_assert_int_eq(nn_optimizer_step(NULL), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    nn_optimizer_zero_grad(NULL);
    nn_optimizer_free(NULL);
    nn_optimizer_free(optimizer);
    nn_parameters_free(list);
}
END_TEST

START_TEST(optimizer_errors)
{
    static const struct {
        NnSgdOptions options;
        const char *expected;
    } sgd[] = {
        {{-0.1, 0, 0, false},
         "nn_optimizer_sgd: learning_rate -0.1: expected a finite number from 0"},
        {{INFINITY, 0, 0, false}, "learning_rate inf"},
        {{0.1, 1, 0, false}, "momentum 1: expected a number from 0 to below 1"},
        {{0.1, 0, -1, false}, "weight_decay -1: expected a finite number from 0"},
        {{0.1, 0, 0, true}, "nesterov with momentum 0: expected a momentum above 0"},
    };
    static const struct {
        NnAdamOptions options;
        const char *expected;
    } adam[] = {
        {{NAN, 0.9, 0.999, 1e-8, 0}, "nn_optimizer_adam: learning_rate nan"},
        {{0.1, 1, 0.999, 1e-8, 0}, "beta1 1: expected a number from 0 to below 1"},
        {{0.1, 0.9, -1, 1e-8, 0}, "beta2 -1"},
        {{0.1, 0.9, 0.999, -1, 0}, "epsilon -1"},
        {{0.1, 0.9, 0.999, 1e-8, -2}, "weight_decay -2"},
    };
    NnParameters *list = one_parameter(1);
    for (int i = 0; i < (int)COUNT(sgd); i++) {
        ck_assert_ptr_null(nn_optimizer_sgd(list, &sgd[i].options));
        assert_error(VALGRAD_ERROR_ARGUMENT, sgd[i].expected);
    }
    for (int i = 0; i < (int)COUNT(adam); i++) {
        ck_assert_ptr_null(nn_optimizer_adam(list, &adam[i].options));
        assert_error(VALGRAD_ERROR_ARGUMENT, adam[i].expected);
    }
    ck_assert_ptr_null(nn_optimizer_sgd(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_optimizer_sgd: parameters is NULL");
    ck_assert_ptr_null(nn_optimizer_adamw(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_optimizer_adamw: parameters is NULL");
    nn_parameters_free(list);
}
END_TEST

/* A step under a living graph is found out by the next backward pass, which names the parameter. */
START_TEST(step_under_a_graph_is_detected)
{
    NnParameters *list = one_parameter(2);
    NnOptimizer *optimizer = nn_optimizer_sgd(list, NULL);
    VALGRAD_SCOPE {
        Tensor *loss = tensor_sum_all(tensor_square(nn_parameters_at(list, 0)));
        ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_OK);
        ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
        ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_ERROR_MODIFIED);
        assert_error(VALGRAD_ERROR_MODIFIED, "'w'");
    }
    nn_optimizer_free(optimizer);
    nn_parameters_free(list);
}
END_TEST

/* ---- schedules ------------------------------------------------------------------------------- */

START_TEST(schedules_at_points)
{
    static const struct {
        NnSchedule schedule;
        int64_t step, total;
        double expected;
    } points[] = {
        {{NN_CONSTANT, 0.3, 0, 0, 0, 0}, 0, 10, 0.3},
        {{NN_CONSTANT, 0.3, 0, 0, 0, 0}, 99, 10, 0.3},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 0, 100, 0.8},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 9, 100, 0.8},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 10, 100, 0.4},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 35, 100, 0.1},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 0, 100, 0.2},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 50, 100, 0.11},
        {{NN_COSINE, 0.2, 0, 0, 0, 0}, 25, 100, 0.17071067811865476},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 100, 100, 0.02},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 101, 100, 0.02},
    };
    for (int i = 0; i < (int)COUNT(points); i++) {
        double rate = nn_schedule_rate(&points[i].schedule, points[i].step, points[i].total);
        ck_assert_double_eq_tol(rate, points[i].expected, 1e-15);
    }
}
END_TEST

static void check_no_rate(NnScheduleRule rule, int64_t every, int64_t step, int64_t total,
                          const char *expected)
{
    const NnSchedule schedule = {rule, 0.1, 0.1, every, 0, 0};
    ck_assert(isnan(nn_schedule_rate(&schedule, step, total)));
    assert_error(VALGRAD_ERROR_ARGUMENT, expected);
}

START_TEST(schedule_errors)
{
    check_no_rate(NN_STEP, 0, 1, 10, "nn_schedule_rate: every 0: expected 1 or more");
    check_no_rate(NN_COSINE, 1, 1, 0, "nn_schedule_rate: total 0: expected 1 or more");
    check_no_rate(NN_CONSTANT, 1, -1, 10, "nn_schedule_rate: step -1: expected 0 or more");
    check_no_rate((NnScheduleRule)9, 1, 1, 10,
                  "nn_schedule_rate: rule 9: expected constant, step or cosine");
    ck_assert(isnan(nn_schedule_rate(NULL, 0, 1)));
    assert_error(VALGRAD_ERROR_NULL, "nn_schedule_rate: schedule is NULL");
    NnScheduleRule found;
    ck_assert_int_eq(nn_schedule_find("cosine", &found), VALGRAD_OK);
    ck_assert_int_eq((int)found, NN_COSINE);
    ck_assert_str_eq(nn_schedule_name(NN_STEP), "step");
    ck_assert_int_eq(nn_schedule_find("linear", &found), VALGRAD_ERROR_NAME);
    assert_error(VALGRAD_ERROR_NAME, "\"linear\": expected constant, step or cosine");
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
    tcase_add_test(cases, mlp_is_its_scalar_expansion);
    tcase_add_test(cases, predict_gives_greatest_output);
    tcase_add_test(cases, correct_rows_are_counted);
    tcase_add_loop_test(cases, sgd_by_hand, 0, (int)COUNT(descents));
    tcase_add_test(cases, adam_by_hand);
    tcase_add_test(cases, adam_on_a_parabola);
    tcase_add_test(cases, no_gradient_no_step);
    tcase_add_test(cases, frozen_parameters_stay);
    tcase_add_test(cases, learning_rate_can_be_set);
    tcase_add_test(cases, optimizer_errors);
    tcase_add_test(cases, step_under_a_graph_is_detected);
    tcase_add_test(cases, schedules_at_points);
    tcase_add_test(cases, schedule_errors);
    tcase_add_test(cases, learns_exclusive_or);
    tcase_add_test(cases, out_of_memory);
    return run_suite(suite);
}
