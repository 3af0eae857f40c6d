/* test_gradcheck.c - the public gradient check: what is right passes, each kind of mistake is found, what
 * cannot be decided is said to be so. */
#include <valgrad/gradcheck.h>
#include <valgrad/nn.h>

#include "tensor_operations.h"

/* ---- operations of one's own, right and wrong --------------------------------------------------- */

/* a^2 b + sin(b): the partials are 2 a b and a^2 + cos(b). */
static real forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return x[0] * x[0] * x[1] + (real)sin((double)x[1]);
}

static void backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)result, (void)context;
    partials[0] = 2 * x[0] * x[1];
    partials[1] = x[0] * x[0] + (real)cos((double)x[1]);
}

#define WRONG(name, ...)                                                                           \
    static void name(size_t n, const real *x, real result, real *partials, void *context)          \
    {                                                                                              \
        backward(n, x, result, partials, context);                                                 \
        __VA_ARGS__;                                                                               \
    }
WRONG(sign_flipped, partials[1] = -partials[1])
WRONG(wrong_by_percents, partials[0] *= sizeof(real) == sizeof(float) ? (real)1.05 : (real)1.01)
WRONG(operand_dropped, partials[1] = 0)
WRONG(operands_swapped, real first = partials[0]; partials[0] = partials[1]; partials[1] = first)
WRONG(assigned_for_added,
      partials[1] = (real)cos((double)x[1])) /* the second term overwrote the first */
WRONG(not_a_number, partials[0] = (real)NAN)
WRONG(infinite, partials[0] = (real)INFINITY)
#ifndef VALGRAD_FLOAT
WRONG(wrong_by_thousandth, partials[0] *= (real)1.001)
WRONG(wrong_by_hundred_thousandth, partials[1] *= (real)1.00001)
#endif

static const ValueOp right = {"mine", forward, backward, NULL};
static const ValueOp wrong[] = {
    {"sign", forward, sign_flipped, NULL},
    {"percents", forward, wrong_by_percents, NULL},
    {"dropped", forward, operand_dropped, NULL},
    {"swapped", forward, operands_swapped, NULL},
    {"assigned", forward, assigned_for_added, NULL},
    {"nan", forward, not_a_number, NULL},
    {"infinite", forward, infinite, NULL},
#ifndef VALGRAD_FLOAT
    {"thousandth", forward, wrong_by_thousandth, NULL},
    {"hundred_thousandth", forward, wrong_by_hundred_thousandth, NULL},
#endif
};

static Value *apply_alone(Value *const *x, void *op)
{
    return value_custom(op, 2, x, NULL);
}

/* The operation somewhere inside. */
static Value *apply_inside(Value *const *x, void *op)
{
    Value *operands[] = {value_tanh(x[0]), value_mul(x[1], x[0])};
    return value_exp(value_custom(op, 2, operands, NULL));
}

/* Element by element, so that each output has inputs of its own. */
static Tensor *apply_to_elements(Tensor *const *x, void *op)
{
    Value *results[6];
    for (int64_t i = 0; i < 6; i++)
        results[i] = value_custom(op, 2, (Value *[]){tensor_at(x[0], i), tensor_at(x[1], i)}, NULL);
    return tensor_from_values(results, TENSOR_SHAPE(2, 3));
}

static ValgradStatus check_scalar(ValueFunction *f, const ValueOp *op,
                                  const GradcheckOptions *options, GradcheckReport *report)
{
    ValgradStatus status = VALGRAD_OK;
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf((real)0.75), value_leaf((real)-1.25)};
        status = value_gradcheck(f, (void *)(uintptr_t)op, 2, x, options, report);
        assert_same(value_data(x[0]), (real)0.75);
        assert_same(value_data(x[1]), (real)-1.25);
        assert_same(value_grad(x[0]), 0);
    }
    return status;
}

static Tensor *six(Random *random)
{
    Tensor *t = tensor_leaf(NULL, TENSOR_SHAPE(2, 3));
    assert_status(tensor_fill_uniform(t, (real)0.5, 2, random), VALGRAD_OK);
    return t;
}

static ValgradStatus check_tensors(const ValueOp *op, const GradcheckOptions *options,
                                   GradcheckReport *report)
{
    ValgradStatus status = VALGRAD_OK;
    Random random = random_seeded(4);
    VALGRAD_SCOPE {
        Tensor *x[] = {six(&random), six(&random)};
        status = tensor_gradcheck(apply_to_elements, (void *)(uintptr_t)op, 2, x, options, report);
    }
    return status;
}

static GradcheckOptions projecting(int projections)
{
    GradcheckOptions options = GRADCHECK_OPTIONS_INIT;
    options.projections = projections;
    return options;
}

START_TEST(right_operations_pass)
{
    GradcheckReport report;
    assert_status(check_scalar(apply_alone, &right, NULL, &report), VALGRAD_OK);
    ck_assert_int_eq(report.outcome, GRADCHECK_PASS);
    ck_assert_int_eq(report.compared, 2);
    ck_assert_int_eq(report.failed + report.inconclusive, 0);
    ck_assert(report.error <= report.tolerance && report.tolerance > 0);
    assert_status(check_scalar(apply_inside, &right, NULL, NULL), VALGRAD_OK);
    assert_status(check_tensors(&right, NULL, &report), VALGRAD_OK);
    ck_assert_int_eq(report.compared, 6 * 12);
    const GradcheckOptions options = projecting(3);
    assert_status(check_tensors(&right, &options, &report), VALGRAD_OK);
    ck_assert_int_eq(report.compared, 3);
    ck_assert(report.projected);
    ck_assert_int_eq(valgrad_last_status(), VALGRAD_OK);
}
END_TEST

START_TEST(wrong_operations_fail_and_are_named)
{
    const ValueOp *op = &wrong[_i];
    GradcheckReport report;
    assert_status(check_scalar(apply_alone, op, NULL, &report), VALGRAD_ERROR_GRADIENT);
    ck_assert_int_eq(report.outcome, GRADCHECK_FAIL);
    ck_assert_str_eq(report.op, op->name);
    ck_assert_int_ge(report.failed, 1);
    assert_error(VALGRAD_ERROR_GRADIENT, "gradcheck: FAIL: of 2 derivatives");
    assert_status(check_scalar(apply_inside, op, NULL, &report), VALGRAD_ERROR_GRADIENT);
    ck_assert_int_eq(report.outcome, GRADCHECK_FAIL);
    ck_assert_str_eq(report.op, op->name);
    assert_error(VALGRAD_ERROR_GRADIENT, op->name);
    assert_status(check_tensors(op, NULL, &report), VALGRAD_ERROR_GRADIENT);
    ck_assert_int_eq(report.outcome, GRADCHECK_FAIL);
    ck_assert_int_ge(report.failed, 6);
    ck_assert_int_eq(report.input_index[0], report.output_index[0]); /* element by element */
    ck_assert_int_eq(report.input_index[1], report.output_index[1]);
    const GradcheckOptions options = projecting(4);
    assert_status(check_tensors(op, &options, &report), VALGRAD_ERROR_GRADIENT);
    ck_assert_int_eq(report.outcome, GRADCHECK_FAIL);
    ck_assert_int_eq(report.input, -1);
    valgrad_clear_error();
}
END_TEST

/* ---- kinks and poles ----------------------------------------------------------------------------- */

/* Beyond the kink of relu there is a slope of -1 on no side: this is wrong, kink or not. */
static real ramp(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return x[0] > 0 ? x[0] : 0;
}

static void ramp_backward_wrong(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)x, (void)result, (void)context;
    partials[0] = -1;
}

static const ValueOp wrong_ramp = {"ramp", ramp, ramp_backward_wrong, NULL};

static Value *wrong_at_kink(Value *const *x, void *context)
{
    (void)context;
    return value_custom(&wrong_ramp, 1, x, NULL);
}

#define OF_ROW(name)                                                                               \
    static Value *call_##name(Value *const *x, void *context)                                      \
    {                                                                                              \
        (void)context;                                                                             \
        return value_##name(x[0]);                                                                 \
    }
OF_ROW(relu)
OF_ROW(abs)
OF_ROW(sqrt)
OF_ROW(log)
OF_ROW(square)
OF_ROW(exp)

static Value *call_reciprocal(Value *const *x, void *context)
{
    (void)context;
    return value_div(value_const(1), x[0]);
}

static Value *call_tie(Value *const *x, void *context)
{
    (void)context;
    return value_max(x[0], value_const(2));
}

static const struct {
    ValueFunction *f;
    double x;
    GradcheckOutcome outcome;
} places[] = {
    {call_relu, 0, GRADCHECK_INCONCLUSIVE},
    {call_relu, 1, GRADCHECK_PASS},
    {call_relu, -1, GRADCHECK_PASS},
    {call_abs, 0, GRADCHECK_PASS}, /* 0 is the slope's mean */
    {call_tie, 2, GRADCHECK_PASS},
    {call_sqrt, 0, GRADCHECK_INCONCLUSIVE},
    {call_log, -1, GRADCHECK_INCONCLUSIVE},
    {call_reciprocal, 0, GRADCHECK_INCONCLUSIVE},
    {call_log, 0.25, GRADCHECK_PASS},
    {wrong_at_kink, 0, GRADCHECK_FAIL},
    {call_square, 1000, GRADCHECK_PASS},
    {call_exp, 20, GRADCHECK_PASS},
    {call_square, 0, GRADCHECK_PASS},
    {call_exp, -30, GRADCHECK_PASS},
};

START_TEST(kinks_are_inconclusive)
{
    GradcheckReport report;
    VALGRAD_SCOPE {
        Value *x = value_leaf((real)places[_i].x);
        const ValgradStatus expected =
            places[_i].outcome == GRADCHECK_PASS ? VALGRAD_OK : VALGRAD_ERROR_GRADIENT;
        assert_status(value_gradcheck(places[_i].f, NULL, 1, &x, NULL, &report), expected);
    }
    ck_assert_int_eq(report.outcome, places[_i].outcome);
    ck_assert_int_eq(report.inconclusive, places[_i].outcome == GRADCHECK_INCONCLUSIVE);
    if (report.outcome == GRADCHECK_INCONCLUSIVE)
        assert_error(VALGRAD_ERROR_GRADIENT,
                     "INCONCLUSIVE: of 1 derivatives 0 disagree, 1 inconclusive");
    valgrad_clear_error();
}
END_TEST

/* However near the kink is: a step away from it is not wrong, only undecided or right. */
START_TEST(a_kink_nearby_is_not_a_failure)
{
    const GradcheckOptions options = GRADCHECK_OPTIONS_INIT;
    int undecided = 0;
    for (int i = -60; i <= 60; i++) {
        GradcheckReport report;
        VALGRAD_SCOPE {
            Value *x = value_leaf((real)(i * options.step / 20));
            (void)value_gradcheck(call_relu, NULL, 1, &x, NULL, &report);
        }
        ck_assert_msg(report.outcome != GRADCHECK_FAIL, "at %d: %s", i, valgrad_last_error());
        undecided += report.outcome == GRADCHECK_INCONCLUSIVE;
    }
    ck_assert_int_ge(undecided, 30);
    ck_assert_int_le(undecided, 50);
    valgrad_clear_error();
}
END_TEST

/* ---- tensors and networks ------------------------------------------------------------------------ */

static Tensor *build(Tensor *const *x, void *operation)
{
    return ((const TensorOperation *)operation)->build(x);
}

START_TEST(every_tensor_operation_passes)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded((uint64_t)_i);
    VALGRAD_SCOPE {
        Tensor *x[MOST_OPERANDS];
        for (int i = 0; i < operation->operand_count; i++) {
            real numbers[MOST];
            distinct_numbers(operation, i, &random, numbers);
            x[i] = tensor_leaf(numbers, AS_SHAPE(operation->shapes[i]));
        }
        GradcheckOptions options = GRADCHECK_OPTIONS_INIT;
        for (options.projections = 0; options.projections <= 3; options.projections += 3)
            assert_status(tensor_gradcheck(build, (void *)(uintptr_t)operation,
                                           operation->operand_count, x, &options, NULL),
                          VALGRAD_OK);
    }
}
END_TEST

/* ---- layers: their parameters are inputs too, which they reach by themselves --------------------- */

static Tensor *call_activation(Tensor *const *x, void *activation)
{
    return nn_activation_apply(*(const NnActivation *)activation, x[0]);
}

static void check_activations(void)
{
    for (int i = 0; i < NN_ACTIVATION_COUNT; i++) {
        NnActivation activation = (NnActivation)i;
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){(real)-1.75, (real)-0.25, (real)0.5, (real)1.25},
                                    TENSOR_SHAPE(4));
            assert_status(tensor_gradcheck(call_activation, &activation, 1, &x, NULL, NULL),
                          VALGRAD_OK);
        }
    }
}

/* f of the parameters of a list and, last, of a (3, 5) input. */
static void check_layer(TensorFunction *f, void *layer, const NnParameters *parameters,
                        int64_t numbers)
{
    Random random = random_seeded(2);
    GradcheckReport report;
    VALGRAD_SCOPE {
        Tensor *x[5];
        const int count = (int)nn_parameters_count(parameters);
        ck_assert_int_le(count, 4);
        for (int i = 0; i < count; i++)
            x[i] = nn_parameters_at(parameters, i);
        x[count] = tensor_leaf(NULL, TENSOR_SHAPE(3, 5));
        assert_status(tensor_fill_normal(x[count], 0, 1, &random), VALGRAD_OK);
        GradcheckOptions options = GRADCHECK_OPTIONS_INIT;
        assert_status(tensor_gradcheck(f, layer, count + 1, x, &options, &report), VALGRAD_OK);
        ck_assert_int_eq(report.compared, (numbers + 15) * tensor_size(f(x + count, layer)));
        options.projections = 5;
        assert_status(tensor_gradcheck(f, layer, count + 1, x, &options, &report), VALGRAD_OK);
    }
}

static Tensor *input_of(Tensor *const *x)
{
    while (tensor_rank(*x) != 2 || tensor_side(*x, 0) != 3)
        x++;
    return *x;
}

static Tensor *call_linear(Tensor *const *x, void *layer)
{
    return nn_linear_forward(layer, input_of(x));
}

static Tensor *call_linear_tanh(Tensor *const *x, void *layer)
{
    return nn_linear_forward_activated(layer, input_of(x), NN_TANH);
}

static Tensor *call_linear_gelu(Tensor *const *x, void *layer)
{
    return nn_linear_forward_activated(layer, input_of(x), NN_GELU);
}

static void check_linear_calls(int count, TensorFunction *const *calls)
{
    Random random = random_seeded(1);
    NnLinear *layer = nn_linear_new(5, 2, NULL, &random);
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_linear_collect(layer, "", parameters), VALGRAD_OK);
    for (int i = 0; i < count; i++)
        check_layer(calls[i], layer, parameters, 5 * 2 + 2);
    nn_parameters_free(parameters);
    nn_linear_free(layer);
}

static void check_linear(void)
{
    check_linear_calls(1, (TensorFunction *const[]){call_linear});
}

static void check_activated(void)
{
    check_linear_calls(2, (TensorFunction *const[]){call_linear_tanh, call_linear_gelu});
}

static Tensor *call_conv2d(Tensor *const *x, void *layer)
{
    return nn_conv2d_forward(layer, tensor_reshape(input_of(x), TENSOR_SHAPE(1, 3, 5)));
}

static void check_conv2d(void)
{
    Random random = random_seeded(1);
    NnConv2d *layer = nn_conv2d_new(1, 2, 2, 2, NULL, &random);
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_conv2d_collect(layer, "", parameters), VALGRAD_OK);
    check_layer(call_conv2d, layer, parameters, 2 * 1 * 2 * 2 + 2);
    nn_parameters_free(parameters);
    nn_conv2d_free(layer);
}

static Tensor *call_layer_norm(Tensor *const *x, void *layer)
{
    return nn_layer_norm_forward(layer, input_of(x));
}

static void check_layer_norm(void)
{
    NnLayerNorm *layer = nn_layer_norm_new(5, 1e-5);
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_layer_norm_collect(layer, "", parameters), VALGRAD_OK);
    check_layer(call_layer_norm, layer, parameters, 5 + 5);
    nn_parameters_free(parameters);
    nn_layer_norm_free(layer);
}

static Tensor *call_embedding(Tensor *const *x, void *layer)
{
    (void)x;
    return nn_embedding_forward(layer, TENSOR_SHAPE(4), (int64_t[]){1, 0, 1, 2});
}

static void check_embedding(void)
{
    Random random = random_seeded(1);
    NnEmbedding *layer = nn_embedding_new(4, 3, &random);
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_embedding_collect(layer, "", parameters), VALGRAD_OK);
    check_layer(call_embedding, layer, parameters, 4 * 3);
    nn_parameters_free(parameters);
    nn_embedding_free(layer);
}

static Tensor *call_loss(Tensor *const *x, void *net)
{
    return tensor_cross_entropy(nn_mlp_forward(net, input_of(x)), 3, (int64_t[]){1, 0, 3});
}

/* The same numbers drop out at each call. */
static Tensor *call_dropout(Tensor *const *x, void *net)
{
    Random random = random_seeded(5);
    return nn_mlp_forward_dropout(net, input_of(x), 0.5, &random);
}

static void check_network(TensorFunction *f)
{
    Random random = random_seeded(1);
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = NN_TANH;
    NnMlp *net = nn_mlp_new(NN_SIZES(5, 6, 4), &options, &random);
    check_layer(f, net, nn_mlp_parameters(net), 5 * 6 + 6 + 6 * 4 + 4);
    nn_mlp_free(net);
}

static void check_mlp(void)
{
    check_network(call_loss);
}

static void check_mlp_dropout(void)
{
    check_network(call_dropout);
}

/* Each function of nn.h that makes a Tensor of a Tensor, or of its own parameters. */
static const struct {
    const char *name;
    void (*check)(void);
} layers[] = {
    {"nn_activation_apply", check_activations},
    {"nn_linear_forward", check_linear},
    {"nn_linear_forward_activated", check_activated},
    {"nn_conv2d_forward", check_conv2d},
    {"nn_layer_norm_forward", check_layer_norm},
    {"nn_embedding_forward", check_embedding},
    {"nn_mlp_forward", check_mlp},
    {"nn_mlp_forward_dropout", check_mlp_dropout},
};

START_TEST(every_layer_passes)
{
    layers[_i].check();
}
END_TEST

/* nn.h of the tree that this file is in, as one text. */
static char *read_header(void)
{
    static char text[1 << 17];
    char path[4096];
    const char *slash = strrchr(__FILE__, '/');
    (void)snprintf(path, sizeof path, "%.*s../include/valgrad/nn.h",
                   slash ? (int)(slash - __FILE__) + 1 : 0, __FILE__);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    const size_t length = fread(text, 1, sizeof text - 1, file);
    ck_assert_uint_lt(length, sizeof text - 1);
    fclose(file);
    text[length] = '\0';
    return text;
}

START_TEST(every_layer_of_the_header_has_an_entry)
{
    static const char start[] = "VALGRAD_API Tensor *";
    size_t found = 0;
    for (char *at = read_header(); (at = strstr(at, start)) != NULL;) {
        char *name = at + sizeof start - 1, *parameters = strchr(name, '(');
        ck_assert_ptr_nonnull(parameters);
        *parameters = '\0';
        at = strchr(parameters + 1, ';');
        ck_assert_ptr_nonnull(at);
        *at++ = '\0';
        if (!strstr(parameters + 1, "Tensor *") && !strstr(name, "_forward"))
            continue; /* it gives what is there */
        bool listed = false;
        for (size_t i = 0; i < COUNT(layers); i++)
            listed |= strcmp(layers[i].name, name) == 0;
        ck_assert_msg(listed, "%s has no entry in layers[] of test_gradcheck.c: add one", name);
        found++;
    }
    ck_assert_uint_eq(found, COUNT(layers));
}
END_TEST

static Tensor *weigh(Tensor *const *x, void *context)
{
    (void)context;
    return tensor_mul(x[0], x[1]);
}

START_TEST(constants_are_not_moved)
{
    GradcheckReport report;
    VALGRAD_SCOPE {
        Tensor *x[] = {tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)),
                       tensor_const((real[]){3, 4}, TENSOR_SHAPE(2))};
        assert_status(tensor_gradcheck(weigh, NULL, 2, x, NULL, &report), VALGRAD_OK);
        ck_assert_int_eq(report.compared, 4);
        ck_assert_int_eq(report.input, 0);
        assert_status(tensor_gradcheck(weigh, NULL, 2, (Tensor *[]){x[1], x[1]}, NULL, &report),
                      VALGRAD_ERROR_ARGUMENT);
        ck_assert_int_eq(report.outcome, GRADCHECK_FAIL);
        assert_error(VALGRAD_ERROR_ARGUMENT, "tensor_gradcheck: no input wants a gradient");
    }
}
END_TEST

static Tensor *cut_off(Tensor *const *x, void *context)
{
    (void)context;
    return tensor_square(tensor_detach(x[0]));
}

START_TEST(a_forgotten_graph_is_a_wrong_gradient)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2));
        assert_status(tensor_gradcheck(cut_off, NULL, 1, &x, NULL, NULL), VALGRAD_ERROR_GRADIENT);
        assert_error(VALGRAD_ERROR_GRADIENT,
                     "d y[0] / d x0[0] at 1 (op square): backward 0, difference ");
    }
}
END_TEST

/* ---- what cannot be checked ---------------------------------------------------------------------- */

static Tensor *fails(Tensor *const *x, void *context)
{
    (void)context;
    return tensor_matmul(x[0], x[0]);
}

static Tensor *gives_null(Tensor *const *x, void *context)
{
    (void)x, (void)context;
    return NULL;
}

static Tensor *never_the_same(Tensor *const *x, void *calls)
{
    return tensor_mul(x[0], tensor_full((real)++ * (int *)calls, TENSOR_SCALAR));
}

static Tensor *grows(Tensor *const *x, void *calls)
{
    return tensor_broadcast(x[0], TENSOR_SHAPE(++*(int *)calls, 2));
}

static Tensor *nothing(Tensor *const *x, void *context)
{
    (void)context;
    return tensor_slice(x[0], 0, 0, 0, 1);
}

START_TEST(what_cannot_be_checked)
{
    static const struct {
        TensorFunction *f;
        ValgradStatus status;
        const char *message;
    } cases[] = {
        {fails, VALGRAD_ERROR_SHAPE, "tensor_matmul: "},
        {gives_null, VALGRAD_ERROR_NULL, "tensor_gradcheck: the function under test returned NULL"},
        {never_the_same, VALGRAD_ERROR_STATE, "tensor_gradcheck: the function gives other numbers"},
        {grows, VALGRAD_ERROR_STATE, "tensor_gradcheck: the function's result has another shape"},
        {nothing, VALGRAD_ERROR_ARGUMENT,
         "tensor_gradcheck: the function's result has no elements"},
        {NULL, VALGRAD_ERROR_NULL, "tensor_gradcheck: f is NULL"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        GradcheckReport report = {.outcome = GRADCHECK_PASS};
        int calls = 0;
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(1, 2));
            assert_status(tensor_gradcheck(cases[i].f, &calls, 1, &x, NULL, &report),
                          cases[i].status);
            assert_error(cases[i].status, cases[i].message);
            real numbers[2];
            assert_status(tensor_get(x, 2, numbers), VALGRAD_OK);
            ck_assert(numbers[0] == 1 && numbers[1] == 2);
        }
        ck_assert_int_eq(report.outcome, GRADCHECK_FAIL);
    }
}
END_TEST

START_TEST(arguments_are_checked)
{
    VALGRAD_SCOPE {
        Tensor *x[] = {tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), NULL};
        Tensor *result = tensor_neg(x[0]);
        Value *y = value_leaf(1), *missing = NULL;
        assert_refused(tensor_gradcheck(weigh, NULL, 2, x, NULL, NULL), VALGRAD_ERROR_NULL,
                       "tensor_gradcheck: an input is NULL");
        assert_refused(tensor_gradcheck(weigh, NULL, 1, NULL, NULL, NULL), VALGRAD_ERROR_NULL,
                       "tensor_gradcheck: x is NULL");
        assert_refused(tensor_gradcheck(weigh, NULL, 0, x, NULL, NULL), VALGRAD_ERROR_ARGUMENT,
                       "tensor_gradcheck: 0 inputs: at least 1 is expected");
        assert_status(tensor_gradcheck(build, NULL, 1, &result, NULL, NULL), VALGRAD_ERROR_STATE);
        assert_error(VALGRAD_ERROR_STATE, "tensor_set: ");
        assert_status(value_gradcheck(call_relu, NULL, 1, &missing, NULL, NULL),
                      VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "NULL");
        assert_refused(value_gradcheck(NULL, NULL, 1, &y, NULL, NULL), VALGRAD_ERROR_NULL,
                       "value_gradcheck: f is NULL");
        const GradcheckOptions bad[] = {{0, 1, 1, 0, 1},
                                        {1, -1, 1, 0, 1},
                                        {1, 1, -1, 0, 1},
                                        {1, 1, 1, -1, 1},
                                        {NAN, 1, 1, 0, 1}};
        for (size_t i = 0; i < COUNT(bad); i++) {
            assert_status(value_gradcheck(call_relu, NULL, 1, &y, &bad[i], NULL),
                          VALGRAD_ERROR_ARGUMENT);
            assert_error(VALGRAD_ERROR_ARGUMENT, "value_gradcheck: step ");
        }
    }
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------------- */

static int allocations_left = INT32_MAX;

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

static void release(void *memory, void *context)
{
    (void)context;
    free(memory);
}

/* Whichever allocation fails, the check fails with that error and the numbers are there again. */
START_TEST(any_allocation_may_fail)
{
    VALGRAD_SCOPE {
        Tensor *x[] = {tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)),
                       tensor_leaf((real[]){3, 4}, TENSOR_SHAPE(2))};
        GradcheckOptions options = GRADCHECK_OPTIONS_INIT;
        options.projections = _i;
        ValgradStatus status = VALGRAD_ERROR_MEMORY;
        int failures = 0;
        for (; status != VALGRAD_OK && failures < 1000; failures++) {
            GradcheckReport report;
            valgrad_trim();
            allocations_left = failures;
            status = tensor_gradcheck(weigh, NULL, 2, x, &options, &report);
            allocations_left = INT32_MAX;
            ck_assert_int_eq(report.outcome, status ? GRADCHECK_FAIL : GRADCHECK_PASS);
            real numbers[2];
            assert_status(tensor_get(x[1], 2, numbers), VALGRAD_OK);
            ck_assert(numbers[0] == 3 && numbers[1] == 4);
            if (status != VALGRAD_OK)
                assert_error(VALGRAD_ERROR_MEMORY, "out of memory");
        }
        assert_status(status, VALGRAD_OK);
        ck_assert_int_gt(failures, 5);
    }
}
END_TEST

/* ---- in words ------------------------------------------------------------------------------------ */

START_TEST(report_in_words)
{
    char text[400];
    GradcheckReport report;
    assert_status(check_scalar(apply_alone, &right, NULL, &report), VALGRAD_OK);
    const size_t length = gradcheck_text(&report, sizeof text, text);
    ck_assert_str_eq(text, "gradcheck: PASS: of 2 derivatives 0 disagree, 0 inconclusive");
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_uint_eq(gradcheck_text(&report, 0, NULL), length);
    char start[10];
    ck_assert_uint_eq(gradcheck_text(&report, sizeof start, start), length);
    ck_assert_str_eq(start, "gradcheck");
    ck_assert_uint_eq(gradcheck_text(NULL, sizeof text, text), 0);

    assert_status(check_tensors(&wrong[0], NULL, &report), VALGRAD_ERROR_GRADIENT);
    gradcheck_text(&report, sizeof text, text);
    ck_assert_str_eq(text, valgrad_last_error());
    ck_assert_ptr_nonnull(strstr(text, "6 disagree, 0 inconclusive; worst: d y["));
    ck_assert_ptr_nonnull(strstr(text, "] / d x1["));
    ck_assert_ptr_nonnull(strstr(text, "(op sign): backward "));
    const GradcheckOptions options = projecting(1);
    assert_status(check_tensors(&wrong[0], &options, &report), VALGRAD_ERROR_GRADIENT);
    gradcheck_text(&report, sizeof text, text);
    ck_assert_ptr_nonnull(
        strstr(text, "of 1 random projections 1 disagrees, 0 inconclusive; worst: a proj"));
    valgrad_clear_error();
}
END_TEST

int main(void)
{
    valgrad_set_allocator((ValgradAllocator){allocate, release, NULL});
    Suite *suite = suite_create("gradcheck");
    TCase *controls = new_case(suite, "controls", 10);
    tcase_add_test(controls, right_operations_pass);
    tcase_add_loop_test(controls, wrong_operations_fail_and_are_named, 0, (int)COUNT(wrong));
    TCase *kinks = new_case(suite, "kinks", 10);
    tcase_add_loop_test(kinks, kinks_are_inconclusive, 0, (int)COUNT(places));
    tcase_add_test(kinks, a_kink_nearby_is_not_a_failure);
    TCase *tensors = new_case(suite, "tensors", 30);
    tcase_add_loop_test(tensors, every_tensor_operation_passes, 0, (int)COUNT(tensor_operations));
    tcase_add_loop_test(tensors, every_layer_passes, 0, (int)COUNT(layers));
    tcase_add_test(tensors, every_layer_of_the_header_has_an_entry);
    tcase_add_test(tensors, constants_are_not_moved);
    tcase_add_test(tensors, a_forgotten_graph_is_a_wrong_gradient);
    TCase *errors = new_case(suite, "errors", 30);
    tcase_add_test(errors, what_cannot_be_checked);
    tcase_add_test(errors, arguments_are_checked);
    tcase_add_loop_test(errors, any_allocation_may_fail, 0, 2);
    tcase_add_test(errors, report_in_words);
    return run_suite(suite);
}
