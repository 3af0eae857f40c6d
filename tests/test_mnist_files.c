/* test_mnist_files.c - the trainer's files: networks saved, loaded, told of and exported. */
#include <valgrad/valgrad.h>

#include "mnist_testing.h"

#define SMALL "--layers 8 --train-limit 600 --batch 20 --epochs 2 --quiet "

START_TEST(save_info_load)
{
    run_well(SMALL "--activation tanh --save a.safetensors");
    run_well("info a.safetensors");
    assert_printed("a.safetensors: 784-8-10 tanh, 6370 parameters");
    assert_printed("test accuracy ");
    assert_printed("  0.weight  " /* F64 or F32 */);
    assert_printed("  8 x 784\n");
    assert_printed("\"activation\":\t\"tanh\"");
    run_well("--load a.safetensors --lr 0 --epochs 1 --save b.npz --quiet");
    run_well("export b.npz --safetensors c.safetensors");
    ck_assert_int_eq(code, 0);
    NnState *a = nn_state_read("a.safetensors"), *b = nn_state_read("b.npz");
    for (int64_t i = 0; i < 4; i++) {
        const NnArray *array = nn_state_at(a, i), *other = nn_state_find(b, array->name);
        ck_assert_mem_eq(array->data, other->data, (size_t)array->size * sizeof(real));
    }
    nn_state_free(a);
    nn_state_free(b);
}
END_TEST

START_TEST(exported)
{
    run_well(SMALL "--save a.safetensors");
    run_well("export a.safetensors --c digits.h --npz a.npz --safetensors h.safetensors "
             "--dtype f32 --name my_digits");
    run_well("info h.safetensors");
    assert_printed("0.weight  F32   8 x 784");
    assert_printed("test accuracy ");
    run_well("info a.npz");
    assert_printed("a.npz: 784-8-10 relu");
    write_text("main.c", "#include \"digits.h\"\nint main(void) { return 0; }\n");
    ck_assert_int_eq(system(TEST_COMPILER " -std=c99 -Wall -Wextra -Werror -c main.c"), 0);
    const char *text = file_text("digits.h");
    ck_assert_ptr_nonnull(strstr(text, "my_digits_predict_pixels(const unsigned char *pixels"));
    ck_assert_ptr_nonnull(strstr(text, " * Its accuracy on the test samples was "));
    run_well(SMALL "--binary --threshold 100 --normalize --save b.safetensors");
    run_well("export b.safetensors --c digits.h");
    text = file_text("digits.h");
    ck_assert_ptr_nonnull(strstr(text, "pixels[i] >= 100 ? 1 : 0"));
    ck_assert_ptr_nonnull(strstr(text, "(x - digits_mean[0]) / digits_deviation[0]"));
}
END_TEST

/* Files of others, without settings. */
START_TEST(foreign_files)
{
    Random random = random_seeded(1);
    NnMlp *net = nn_mlp_new(NN_SIZES(784, 9, 7, 10), NULL, &random);
    NnState *state = nn_parameters_state(nn_mlp_parameters(net));
    assert_status(nn_state_write(state, "a.safetensors"), VALGRAD_OK);
    nn_state_free(state);
    nn_mlp_free(net);
    run_well("info a.safetensors");
    assert_printed("784-9-7-10 relu");
    run_well("--load a.safetensors --train-limit 100 --epochs 1 --save b.safetensors");
    assert_printed("784-9-7-10 relu");
    run_well("info b.safetensors");
    assert_printed("784-9-7-10 relu");
    net = nn_mlp_new(NN_SIZES(100, 10), NULL, &random);
    assert_status(nn_mlp_save(net, "a.safetensors"), VALGRAD_OK);
    nn_mlp_free(net);
    run("--load a.safetensors");
    ck_assert_int_eq(code, 1);
    assert_printed(
        "a.safetensors: a network of 100 inputs and 10 classes: the data have 784 and 10");
}
END_TEST

static const struct {
    const char *arguments;
    int code;
    const char *message;
} refusals[] = {
    {"--save none/a.safetensors", 1, "none/a.safetensors: cannot be written: No such file"},
    {"--checkpoint .", 1, ".: cannot be written: Is a directory"},
    {"--load none", 1, "none: cannot be read: No such file"},
    {"--resume none", 1, "none: cannot be read: No such file"},
    {"--resume a.safetensors", 1,
     "a.safetensors: cannot be resumed: the state's optimizer is missing"},
    {"--resume c.safetensors --layers 9", 1, "\"0.weight\" is (8, 784): expected (9, 784)"},
    {"--resume c.safetensors --batch 10", 1, "600 samples in 30 steps: expected 600 in 60"},
    {"--resume c.safetensors --optimizer adam", 1, "the state's optimizer is sgd: expected adam"},
    {"--load a.safetensors --layers 9", 1, "its network has not the layers or activation"},
    {"--load a.safetensors --resume c.safetensors", 2,
     "--load with --resume: expected one of them"},
    {"--checkpoint-every 5", 2, "--checkpoint-every does nothing without --checkpoint"},
    {"info", 2, "expected one FILE"},
    {"info bad", 1, "bad: byte 0: the file has 3 bytes: expected 8"},
    {"export a.safetensors", 2, "expected --c, --npz or --safetensors"},
    {"export --c x.h", 2, "expected one FILE"},
    {"export bad --c x.h", 1, "bad: byte 0"},
    {"export a.safetensors --c x.h --dtype f16", 2, "--c has no 16-bit numbers"},
    {"export a.safetensors --c x.h --name 9x", 1, "name: expected a C identifier"},
    {"export a.safetensors --npz x.npz --dtype bf16", 1, "is BF16: NumPy has no such type"},
    {"export a.safetensors --c /dev/full", 1, "/dev/full: cannot be written: No space left"},
};

START_TEST(refused)
{
    run_well(SMALL "--save a.safetensors --checkpoint c.safetensors");
    write_text("bad", "bad");
    for (size_t i = 0; i < COUNT(refusals); i++) {
        run(refusals[i].arguments);
        ck_assert_msg(code == refusals[i].code, "%s: exit code %d: expected %d\n%s",
                      refusals[i].arguments, code, refusals[i].code, printed);
        assert_printed(refusals[i].message);
    }
    ck_assert_int_eq(count_files(NULL), 3); /* nothing was written */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist_files");
    TCase *tests = new_case(suite, "networks", 60);
    tcase_add_unchecked_fixture(tests, use_few_digits, remove_few_digits);
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_add_test(tests, save_info_load);
    tcase_add_test(tests, exported);
    tcase_add_test(tests, foreign_files);
    tcase_add_test(tests, refused);
    return run_suite(suite);
}
