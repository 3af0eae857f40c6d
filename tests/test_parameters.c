/* test_parameters.c - weights by name: looked at, set, frozen, saved, loaded; whole networks, too. */
#include <valgrad/nn.h>

#include "files_testing.h"

static NnMlp *new_net(uint64_t seed)
{
    Random random = random_seeded(seed);
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = NN_TANH;
    options.init.bias = 0.5;
    return nn_mlp_new(NN_SIZES(4, 3, 2), &options, &random);
}

/* What a network gives for one sample. */
static void outputs_of(const NnMlp *net, real outputs[2])
{
    const real sample[] = {1, -1, (real)0.5, 2};
    VALGRAD_SCOPE {
        Tensor *y = nn_mlp_forward(net, tensor_const(sample, TENSOR_SHAPE(4)));
        assert_status(tensor_get(y, 2, outputs), VALGRAD_OK);
    }
}

static void check_same_net(const NnMlp *net, const NnMlp *other)
{
    real outputs[2], others[2];
    outputs_of(net, outputs);
    outputs_of(other, others);
    ck_assert_mem_eq(outputs, others, sizeof outputs);
}

START_TEST(by_name)
{
    NnMlp *net = new_net(1);
    NnParameters *parameters = nn_mlp_parameters(net);
    const real bias[] = {1, 2, 3};
    real read[3];
    assert_status(nn_parameters_set(parameters, "0.bias", 3, bias), VALGRAD_OK);
    assert_status(nn_parameters_get(parameters, "0.bias", 3, read), VALGRAD_OK);
    ck_assert_mem_eq(read, bias, sizeof bias);
    assert_same(value_data(tensor_at(nn_linear_bias(nn_mlp_layer(net, 0)), 2)), 3);
    nn_parameters_get(parameters, "1.bias", 3, read);
    assert_error(VALGRAD_ERROR_NAME, "nn_parameters_get: \"1.bias\": no such name among 4");
    ck_assert(nn_parameters_set(parameters, "0.bias", 2, bias) != VALGRAD_OK);
    valgrad_clear_error();
    nn_parameters_set(NULL, "0.bias", 3, bias);
    assert_error(VALGRAD_ERROR_NULL, "parameters is NULL");
    nn_parameters_set_transposed(parameters, "0.bias", true);
    assert_error(VALGRAD_ERROR_SHAPE, "\"0.bias\" has rank 1: expected 2");
    nn_mlp_free(net);
}
END_TEST

START_TEST(counts)
{
    NnMlp *net = new_net(1);
    NnParameters *parameters = nn_mlp_parameters(net);
    ck_assert_int_eq(nn_parameters_numbers(parameters), 23);
    ck_assert_int_eq(nn_parameters_trainable(parameters), 23);
    assert_status(nn_parameters_freeze(parameters, "0.weight", true), VALGRAD_OK);
    ck_assert_int_eq(nn_parameters_trainable(parameters), 11);
    ck_assert_int_eq(nn_parameters_trainable(NULL), 0);
    nn_mlp_free(net);
}
END_TEST

/* PyTorch keeps a weight as (out, in). */
START_TEST(states_have_weights_transposed)
{
    NnMlp *net = new_net(1);
    NnState *state = nn_mlp_state(net);
    const NnArray *weight = nn_state_find(state, "0.weight");
    real inside[12], outside[12];
    ck_assert_int_eq(nn_state_count(state), 4);
    ck_assert_int_eq(weight->shape[0], 3);
    ck_assert_int_eq(weight->shape[1], 4);
    ck_assert_str_eq(nn_state_text(state, "hidden_activation"), "tanh");
    ck_assert_str_eq(nn_state_text(state, "output_activation"), "identity");
    assert_status(nn_array_get(weight, 12, outside), VALGRAD_OK);
    assert_status(nn_parameters_get(nn_mlp_parameters(net), "0.weight", 12, inside), VALGRAD_OK);
    for (int in = 0; in < 4; in++)
        for (int out = 0; out < 3; out++)
            assert_same(inside[in * 3 + out], outside[out * 4 + in]);
    nn_state_free(state);
    nn_mlp_free(net);
}
END_TEST

START_TEST(save_and_load)
{
    static const char *const endings[] = {"x.safetensors", "x.npz"};
    const char *path = in_folder(endings[_i]);
    NnMlp *net = new_net(1), *other = new_net(2);
    assert_status(nn_parameters_save(nn_mlp_parameters(net), path), VALGRAD_OK);
    assert_status(nn_parameters_load(nn_mlp_parameters(other), path), VALGRAD_OK);
    check_same_net(net, other);
    nn_mlp_free(other);
    nn_mlp_free(net);
}
END_TEST

START_TEST(whole_networks)
{
    const char *path = in_folder("x.safetensors");
    NnMlp *net = new_net(1);
    assert_status(nn_mlp_save(net, path), VALGRAD_OK);
    NnMlp *other = nn_mlp_load(path, NULL);
    ck_assert_msg(other != NULL, "%s", valgrad_last_error());
    ck_assert_int_eq((int)nn_mlp_hidden_activation(other), NN_TANH);
    check_same_net(net, other);
    nn_mlp_free(other);
    nn_mlp_free(net);
}
END_TEST

/* Frozen leaves are loaded, too. */
START_TEST(not_strict)
{
    NnMlp *net = new_net(1), *other = new_net(2);
    NnParameters *parameters = nn_mlp_parameters(other);
    real before[2], after[2];
    NnState *state = nn_mlp_state(net), *part = nn_state_new();
    const NnArray *bias = nn_state_find(state, "0.bias");
    const float bias_numbers[] = {7, 8, 9};
    ck_assert_int_eq(bias->size, 3);
    nn_state_add(part, "0.bias", NN_F32, TENSOR_SHAPE(3), bias_numbers);
    nn_state_add(part, "other", NN_F32, TENSOR_SHAPE(1), NULL);
    outputs_of(other, before);
    nn_parameters_load_state(parameters, part, true);
    assert_error(VALGRAD_ERROR_NAME, "no \"0.weight\" in the state: expected every parameter");
    outputs_of(other, after);
    ck_assert_mem_eq(before, after, sizeof before);
    assert_status(nn_parameters_freeze(parameters, "0.bias", true), VALGRAD_OK);
    assert_status(nn_parameters_load_state(parameters, part, false), VALGRAD_OK);
    assert_same(value_data(tensor_at(nn_parameters_find(parameters, "0.bias"), 1)), 8);
    nn_state_add(state, "other", NN_F32, TENSOR_SHAPE(1), NULL);
    nn_parameters_load_state(parameters, state, true);
    assert_error(VALGRAD_ERROR_NAME, "\"other\": the network has no such parameter");
    nn_state_free(part);
    nn_state_free(state);
    nn_mlp_free(other);
    nn_mlp_free(net);
}
END_TEST

/* The last shape is wrong: nothing is taken. */
START_TEST(all_or_nothing)
{
    Random random = random_seeded(1);
    NnMlp *net = new_net(1), *wide = nn_mlp_new(NN_SIZES(4, 3, 5), NULL, &random);
    NnState *state = nn_mlp_state(wide);
    real before[2], after[2];
    outputs_of(net, before);
    nn_parameters_load_state(nn_mlp_parameters(net), state, true);
    assert_error(VALGRAD_ERROR_SHAPE, "\"2.weight\" is (5, 3): expected (2, 3)");
    nn_parameters_load_state(nn_mlp_parameters(net), state, false);
    assert_error(VALGRAD_ERROR_SHAPE, "\"2.weight\" is (5, 3): expected (2, 3)");
    outputs_of(net, after);
    ck_assert_mem_eq(before, after, sizeof before);
    nn_state_free(state);
    nn_mlp_free(wide);
    nn_mlp_free(net);
}
END_TEST

/* As PyTorch numbers layers with dropout between; in no order, of a type of 16 bits, no texts. */
START_TEST(from_a_foreign_state)
{
    const uint16_t one = 0x3f80, ones[] = {one, one, one, one, one, one};
    const float minus[] = {-1, (float)-0.5};
    NnState *state = nn_state_new();
    nn_state_add(state, "10.weight", NN_BF16, TENSOR_SHAPE(2, 3), ones);
    nn_state_add(state, "10.bias", NN_F32, TENSOR_SHAPE(2), minus);
    nn_state_add(state, "optimizer.0.state", NN_F32, TENSOR_SHAPE(2), minus);
    nn_state_add(state, "3.bias", NN_F32, TENSOR_SHAPE(3), NULL);
    nn_state_add(state, "3.weight", NN_BF16, TENSOR_SHAPE(3, 1), ones);
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.output = NN_RELU;
    NnMlp *net = nn_mlp_from_state(state, &options);
    ck_assert_msg(net != NULL, "%s", valgrad_last_error());
    ck_assert_int_eq(nn_mlp_layer_count(net), 2);
    VALGRAD_SCOPE {
        Tensor *y = nn_mlp_forward(net, tensor_const((real[]){(real)0.25}, TENSOR_SHAPE(1)));
        assert_same(value_data(tensor_at(y, 0)), 0);
        assert_same(value_data(tensor_at(y, 1)), 0.25);
    }
    nn_mlp_free(net);
    nn_state_free(state);
}
END_TEST

static const struct {
    const char *names[3];
    int ranks[3];
    int64_t shapes[3][2];
    const char *text, *message;
} bad_states[] = {
    {{"fc.weight"}, {2}, {{2, 3}}, NULL, "no \"<number>.weight\" in the state"},
    {{"0.weight"}, {1}, {{2}}, NULL, "layer 0: its weight is no matrix"},
    {{"0.weight"}, {2}, {{2, 0}}, NULL, "layer 0: its weight is no matrix"},
    {{"0.weight", "0.bias"}, {2, 1}, {{2, 3}, {3}}, NULL, "layer 0: its bias does not fit"},
    {{"0.weight", "2.weight"}, {2, 2}, {{2, 3}, {4, 3}}, NULL, "layer 2: its inputs are not"},
    {{"0.weight", "0.bias", "2.weight"}, {2, 1, 2}, {{2, 3}, {2}, {4, 2}}, NULL, "a bias in every"},
    {{"0.weight", "00.weight"}, {2, 2}, {{2, 2}, {2, 2}}, NULL, "its number comes twice"},
    {{"0.weight"}, {2}, {{2, 3}}, "rely", "\"rely\": expected identity, relu"},
};

START_TEST(no_network)
{
    NnState *state = nn_state_new();
    for (int i = 0; i < 3 && bad_states[_i].names[i]; i++)
        nn_state_add(state, bad_states[_i].names[i], NN_F32, bad_states[_i].ranks[i],
                     bad_states[_i].shapes[i], NULL);
    nn_state_set_text(state, "hidden_activation", bad_states[_i].text);
    ck_assert_ptr_null(nn_mlp_from_state(state, NULL));
    ck_assert_msg(strstr(valgrad_last_error(), bad_states[_i].message) != NULL, "%s",
                  valgrad_last_error());
    nn_state_free(state);
}
END_TEST

START_TEST(null_arguments)
{
    ck_assert_ptr_null(nn_mlp_state(NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_state: mlp is NULL");
    ck_assert_ptr_null(nn_mlp_from_state(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_from_state: state is NULL");
    ck_assert_ptr_null(nn_parameters_state(NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_parameters_state: parameters is NULL");
    nn_parameters_load_state(NULL, NULL, true);
    assert_error(VALGRAD_ERROR_NULL, "nn_parameters_load_state: parameters is NULL");
    ck_assert_ptr_null(nn_mlp_load(in_folder("none"), NULL));
    assert_error(VALGRAD_ERROR_IO, "cannot be read");
    nn_parameters_save(NULL, in_folder("none"));
    assert_error(VALGRAD_ERROR_NULL, "parameters is NULL");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parameters");
    TCase *tests = new_case(suite, "parameters", 10);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_test(tests, by_name);
    tcase_add_test(tests, counts);
    tcase_add_test(tests, states_have_weights_transposed);
    tcase_add_loop_test(tests, save_and_load, 0, 2);
    tcase_add_test(tests, whole_networks);
    tcase_add_test(tests, not_strict);
    tcase_add_test(tests, all_or_nothing);
    tcase_add_test(tests, from_a_foreign_state);
    tcase_add_loop_test(tests, no_network, 0, (int)COUNT(bad_states));
    tcase_add_test(tests, null_arguments);
    return run_suite(suite);
}
