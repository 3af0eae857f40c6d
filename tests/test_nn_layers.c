/* test_nn_layers.c - layers that convolve, normalise and look up: what they compute, how their parameters
 * start and are called, what they refuse. */
#include <valgrad/nn.h>

#include "testing.h"

static void assert_names(const NnParameters *list, int64_t count, const char *const *names)
{
    ck_assert_int_eq(nn_parameters_count(list), count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_str_eq(nn_parameters_name(list, i), names[i]);
}

/* A network of all three learns which of two patterns it sees. */
START_TEST(layers_learn_together)
{
    Random random = random_seeded(1);
    NnConv2dOptions options = NN_CONV2D_OPTIONS_INIT;
    options.window.padding[0] = options.window.padding[1] = 1;
    NnConv2d *conv = nn_conv2d_new(1, 3, 3, 3, &options, &random);
    NnLayerNorm *norm = nn_layer_norm_new(12, 1e-5);
    NnEmbedding *table = nn_embedding_new(2, 12, &random);
    NnParameters *list = nn_parameters_new();
    assert_status(nn_conv2d_collect(conv, "conv", list), VALGRAD_OK);
    assert_status(nn_layer_norm_collect(norm, "norm", list), VALGRAD_OK);
    assert_status(nn_embedding_collect(table, "", list), VALGRAD_OK);
    assert_names(
        list, 5,
        (const char *[]){"conv.weight", "conv.bias", "norm.weight", "norm.bias", "weight"});
    NnOptimizer *optimizer = nn_optimizer_adam(list, NULL);
    assert_status(nn_optimizer_set_learning_rate(optimizer, 0.05), VALGRAD_OK);
    const real patterns[] = {1, 0, 1, 0, 0, 1, 0, 1};
    double loss_number = 0;
    for (int step = 0; step < 60; step++) {
        VALGRAD_SCOPE {
            Tensor *x = tensor_const(patterns, TENSOR_SHAPE(2, 1, 2, 2));
            Tensor *h = tensor_reshape(nn_conv2d_forward(conv, x), TENSOR_SHAPE(2, 12));
            Tensor *classes = nn_embedding_forward(table, TENSOR_SHAPE(2), (int64_t[]){0, 1});
            Tensor *logits =
                tensor_matmul(nn_layer_norm_forward(norm, h), tensor_transpose(classes));
            Tensor *loss = tensor_cross_entropy(logits, 2, (int64_t[]){0, 1});
            nn_optimizer_zero_grad(optimizer);
            assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
            assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
            loss_number = (double)tensor_item(loss);
        }
    }
    ck_assert_double_lt(loss_number, 0.01);
    nn_optimizer_free(optimizer);
    nn_parameters_free(list);
    nn_conv2d_free(conv);
    nn_layer_norm_free(norm);
    nn_embedding_free(table);
}
END_TEST

/* Their results are those of the tensor functions with their parameters. */
START_TEST(layers_are_tensor_functions)
{
    Random random = random_seeded(2);
    NnConv2dOptions options = NN_CONV2D_OPTIONS_INIT;
    options.window.stride[1] = 2;
    options.no_bias = true;
    options.init.rule = NN_KAIMING_UNIFORM;
    options.activation = NN_RELU;
    NnConv2d *conv = nn_conv2d_new(2, 50, 3, 2, &options, &random);
    NnLayerNorm *norm = nn_layer_norm_new(4, 0.5);
    NnEmbedding *table = nn_embedding_new(3, 2, &random);
    ck_assert_ptr_null(nn_conv2d_bias(conv));
    VALGRAD_SCOPE {
        Tensor *x = tensor_normal(0, 1, &random, TENSOR_SHAPE(2, 3, 4));
        Tensor *y = nn_conv2d_forward(conv, x);
        Tensor *same_y = tensor_conv2d(x, nn_conv2d_weight(conv), NULL, &options.window);
        Tensor *z = nn_layer_norm_forward(norm, x),
               *same_z = tensor_layer_norm(x, NULL, NULL, (real)0.5);
        ck_assert_int_eq(tensor_size(y), 50 * 1 * 2);
        for (int64_t i = 0; i < tensor_size(y); i++)
            assert_same(value_data(tensor_at(y, i)), value_data(tensor_at(same_y, i)));
        for (int64_t i = 0; i < tensor_size(z); i++)
            assert_same(value_data(tensor_at(z, i)), value_data(tensor_at(same_z, i)));
        Tensor *row = nn_embedding_forward(table, TENSOR_SHAPE(1), (int64_t[]){2});
        assert_same(value_data(tensor_at(row, 1)),
                    value_data(tensor_at(nn_embedding_weight(table), 5)));
        /* U(-b, b) with b = gain sqrt(3 / in), in = 2 3 2 */
        const double bound = sqrt(2.0) * sqrt(3.0 / 12);
        double greatest = 0;
        for (int64_t i = 0; i < 600; i++)
            greatest =
                fmax(greatest, fabs((double)value_data(tensor_at(nn_conv2d_weight(conv), i))));
        ck_assert_double_le(greatest, bound);
        ck_assert_double_gt(greatest, 0.98 * bound);
    }
    nn_conv2d_free(conv);
    nn_layer_norm_free(norm);
    nn_embedding_free(table);
}
END_TEST

START_TEST(what_layers_refuse)
{
    Random random = random_seeded(1);
    char prefix[300];
    memset(prefix, 'a', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    const struct {
        int64_t side[4];
        const char *error;
    } sides[] = {{{0, 1, 1, 1}, "nn_conv2d_new: 0 channels: expected 1 or more"},
                 {{1, 0, 1, 1}, "nn_conv2d_new: 0 filters: expected 1 or more"},
                 {{1, 1, -2, 1}, "nn_conv2d_new: -2 rows: expected 1 or more"},
                 {{1, 1, 1, 0}, "nn_conv2d_new: 0 columns: expected 1 or more"}};
    for (size_t i = 0; i < COUNT(sides); i++) {
        const int64_t *side = sides[i].side;
        ck_assert_ptr_null(nn_conv2d_new(side[0], side[1], side[2], side[3], NULL, &random));
        assert_error(VALGRAD_ERROR_ARGUMENT, sides[i].error);
    }
    NnConv2dOptions bad = NN_CONV2D_OPTIONS_INIT;
    bad.init.rule = NN_INIT_RULE_COUNT;
    ck_assert_ptr_null(nn_conv2d_new(1, 1, 1, 1, &bad, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_init_weight: rule");
    ck_assert_ptr_null(nn_conv2d_new(1, 1, 1, 1, NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_new: random is NULL");
    ck_assert_ptr_null(nn_layer_norm_new(0, 1));
    assert_error(VALGRAD_ERROR_ARGUMENT,
                 "nn_layer_norm_new: 0 numbers in a row: expected 1 or more");
    ck_assert_ptr_null(nn_layer_norm_new(1, -1));
    assert_error(VALGRAD_ERROR_ARGUMENT,
                 "nn_layer_norm_new: epsilon -1: expected a finite number from 0");
    ck_assert_ptr_null(nn_layer_norm_new(1, INFINITY));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_layer_norm_new: epsilon inf");
    ck_assert_ptr_null(nn_embedding_new(0, 1, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_embedding_new: 0 rows: expected 1 or more");
    ck_assert_ptr_null(nn_embedding_new(1, 0, &random));
    assert_error(VALGRAD_ERROR_ARGUMENT,
                 "nn_embedding_new: 0 numbers in a row: expected 1 or more");
    ck_assert_ptr_null(nn_embedding_new(1, 1, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_embedding_new: random is NULL");

    NnConv2d *conv = nn_conv2d_new(1, 1, 1, 1, NULL, &random);
    NnLayerNorm *norm = nn_layer_norm_new(1, 1);
    NnEmbedding *table = nn_embedding_new(1, 1, &random);
    NnParameters *list = nn_parameters_new();
    ck_assert_ptr_null(nn_conv2d_forward(conv, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_forward: x is NULL");
    ck_assert_ptr_null(nn_conv2d_forward(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_forward: layer is NULL");
    ck_assert_ptr_null(nn_layer_norm_forward(norm, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_layer_norm_forward: x is NULL");
    ck_assert_ptr_null(nn_layer_norm_forward(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_layer_norm_forward: layer is NULL");
    ck_assert_ptr_null(nn_embedding_forward(NULL, TENSOR_SHAPE(1), (int64_t[]){0}));
    assert_error(VALGRAD_ERROR_NULL, "nn_embedding_forward: layer is NULL");
    ck_assert_ptr_null(nn_embedding_forward(table, TENSOR_SHAPE(1), (int64_t[]){1}));
    assert_error(VALGRAD_ERROR_INDEX, "tensor_embedding: index 1 at place 0; expected 0 to 0");
    ck_assert_ptr_null(nn_conv2d_weight(NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_weight: layer is NULL");
    ck_assert_ptr_null(nn_conv2d_bias(NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_bias: layer is NULL");
    ck_assert_ptr_null(nn_embedding_weight(NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_embedding_weight: layer is NULL");
    assert_status(nn_conv2d_collect(NULL, "", list), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_collect: layer is NULL");
    assert_status(nn_layer_norm_collect(NULL, "", list), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_layer_norm_collect: layer is NULL");
    assert_status(nn_embedding_collect(NULL, "", list), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_embedding_collect: layer is NULL");
    assert_status(nn_conv2d_collect(conv, NULL, list), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_conv2d_collect: prefix is NULL");
    assert_status(nn_layer_norm_collect(norm, "", NULL), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_layer_norm_collect: into is NULL");
    assert_status(nn_embedding_collect(table, prefix, list), VALGRAD_ERROR_NAME);
    assert_error(VALGRAD_ERROR_NAME,
                 "nn_embedding_collect: a prefix of 306 bytes: expected at most 240");
    nn_parameters_free(list);
    nn_conv2d_free(conv);
    nn_layer_norm_free(norm);
    nn_embedding_free(table);
    nn_conv2d_free(NULL);
    nn_layer_norm_free(NULL);
    nn_embedding_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nn_layers");
    TCase *tests = new_case(suite, "layers", 20);
    tcase_add_test(tests, layers_learn_together);
    tcase_add_test(tests, layers_are_tensor_functions);
    tcase_add_test(tests, what_layers_refuse);
    return run_suite(suite);
}
