/* test_mnist_cli.c - the trainer as its user meets it: what it prints and its exit codes. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "mnist_testing.h"

/* ---- wrong options --------------------------------------------------------------------------- */

static const struct {
    const char *arguments, *expected;
} wrong[] = {
    {"--epochs ten", "--epochs ten: expected a whole number from 1 to 1000000"},
    {"--epochs 0", "--epochs 0: expected a whole number from 1"},
    {"--epochs 3x", "--epochs 3x: expected a whole number"},
    {"--epochs ''", "expected a whole number"},
    {"--epochs 99999999999999999999999", "expected a whole number"},
    {"--batch -1", "--batch -1: expected a whole number from 1"},
    {"--batch 1.5", "--batch 1.5: expected a whole number"},
    {"--lr fast", "--lr fast: expected a number from 0 to 1000"},
    {"--lr -0.1", "--lr -0.1: expected a number"},
    {"--lr nan", "--lr nan: expected a number"},
    {"--lr inf", "--lr inf: expected a number"},
    {"--momentum 1", "--momentum 1: expected a number from 0 to 0.9999"},
    {"--weight-decay -1", "--weight-decay -1: expected a number"},
    {"--seed x", "--seed x: expected a whole number from 0"},
    {"--train-limit 0", "--train-limit 0: expected a whole number from 1"},
    {"--train-limit 3001", "--train-limit 3001: the data has 3000 samples"},
    {"--layers 128,", "--layers 128,: expected up to 16 whole numbers"},
    {"--layers 128,x", "--layers 128,x: expected up to 16 whole numbers"},
    {"--layers 0", "--layers 0: expected up to 16 whole numbers"},
    {"--layers ''", "expected up to 16 whole numbers"},
    {"--layers 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "expected up to 16 whole numbers"},
    {"--activation rel",
     "--activation rel: expected one of identity, relu, leaky_relu, tanh, sigmoid, softplus"},
    {"--init he", "--init he: expected one of kaiming_uniform, kaiming_normal, xavier_uniform"},
    {"--schedule linear", "--schedule linear: expected one of constant, step, cosine"},
    {"--optimizer sdg", "--optimizer sdg: expected one of sgd, rmsprop, adam, adamw"},
    {"--optimizer adam --momentum 0.9", "--optimizer adam does not take --momentum"},
    {"--optimizer rmsprop --nesterov", "--optimizer rmsprop does not take --nesterov"},
    {"--alpha 0.9", "--optimizer sgd does not take --alpha"},
    {"--optimizer rmsprop --beta1 0.9", "--optimizer rmsprop does not take --beta1"},
    {"--patience 3", "--patience does nothing without --validation"},
    {"--min-gain 3", "--min-gain does nothing without --patience"},
    {"--threshold 3", "--threshold does nothing without --binary"},
    {"--init-bound 1", "--init fan_in_uniform does not take --init-bound"},
    {"--schedule-factor 0.5", "--schedule cosine does not take --schedule-factor"},
    {"--schedule step --lr-floor 0.01", "--schedule step does not take --lr-floor"},
    {"--loss mse --label-smoothing 0.1", "--loss mse does not take --label-smoothing"},
    {"--output-activation tanh",
     "--output-activation with --loss cross_entropy: expected identity"},
    {"--loss hinge", "--loss hinge: expected one of cross_entropy, mse"},
    {"--dropout 1", "--dropout 1: expected a number from 0 to 0.95"},
    {"--validation 1", "--validation 1: expected a number from 0 to 0.9"},
    {"--threads 0", "--threads 0: expected a whole number from 1 to 256"},
    {"--dataset letters", "--dataset letters: expected one of mnist, fashion"},
    {"--momentum 0 --nesterov", "--nesterov does nothing without --momentum"},
    {"train train.csv", "\"train.csv\": expected options only"},
    {"bogus", "bogus: no such command: valgrad"},
    {"show --label 256", "--label 256: expected a whole number from 0 to 255"},
    {"show 1 2x", "2x: expected an index from 0 to 499"},
    {"show 500", "500: expected an index from 0 to 499"},
    {"show --part train 3000", "3000: expected an index from 0 to 2999"},
};

START_TEST(wrong_options)
{
    check_refused(wrong[_i].arguments, 2, wrong[_i].expected);
}
END_TEST

START_TEST(unknown_option)
{
    run("--bogus");
    ck_assert_int_eq(code, 2);
    ck_assert_msg(strstr(printed, "unrecognized option '--bogus'") != NULL, "%s", printed);
    run("--epochs");
    ck_assert_int_eq(code, 2);
    ck_assert_msg(strstr(printed, "requires an argument") != NULL, "%s", printed);
}
END_TEST

START_TEST(help_lists_every_option)
{
    static const char *const names[] = {
        "--epochs",       "--batch",    "--lr",         "--momentum",    "--nesterov",
        "--no-nesterov",  "--schedule", "--optimizer",  "--layers",      "--activation",
        "--init",         "--seed",     "--no-shuffle", "--train-limit", "--data",
        "--weight-decay", "--quiet",    "--help",       "--version"};
    run("--help");
    ck_assert_int_eq(code, 0);
    for (size_t i = 0; i < COUNT(names); i++)
        ck_assert_msg(strstr(printed, names[i]) != NULL, "no %s in\n%s", names[i], printed);
    run("--version");
    ck_assert_int_eq(code, 0);
    ck_assert_ptr_nonnull(strstr(printed, "valgrad"));
}
END_TEST

/* Each tells what can be typed, and that begins as the user has begun. */
START_TEST(help_of_the_commands)
{
    static const char *const commands[] = {"train",  "eval", "predict", "show",
                                           "export", "info", "man",     "completion"};
    char text[100];
    run("help");
    ck_assert_int_eq(code, 0);
    for (size_t i = 0; i < COUNT(commands); i++) {
        snprintf(text, sizeof text, "\n  %s ", commands[i]);
        assert_printed(text);
    }
    for (size_t i = 0; i < COUNT(commands); i++) {
        snprintf(text, sizeof text, "%s --help", commands[i]);
        run_well(text);
        assert_printed("\nExamples:\n");
        snprintf(text, sizeof text, "%s %s", strrchr(MNIST_PROGRAM, '/') + 1,
                 i == 0 ? "--epochs" : commands[i]);
        assert_printed(text);
        ck_assert_ptr_null(strchr(strstr(printed, "Examples:"), '$'));
    }
    run("show --help");
    assert_printed("[INDEX...]");
    assert_printed("--label");
    ck_assert_ptr_null(strstr(printed, "--epochs"));
    setenv("VALGRAD_MNIST_COMMAND", "./run mnist", 1);
    run_well("show --help");
    assert_printed("\n  ./run mnist show 0 17 4242\n");
    check_refused("bogus", 2, "bogus: no such command: ./run mnist help lists them");
    unsetenv("VALGRAD_MNIST_COMMAND");
}
END_TEST

/* ---- wrong data ------------------------------------------------------------------------------ */

START_TEST(wrong_data)
{
    check_refused("--data /nowhere", 1, "/nowhere: cannot be read: No such file or directory");
    check_refused("--data /etc/passwd", 1, "/etc/passwd: is a file: expected the directory");
    check_refused("--data /proc", 1,
                  "/proc: has neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz");
}
END_TEST

START_TEST(data_by_the_environment)
{
    setenv("VALGRAD_MNIST_DATA", "/nowhere", 1);
    check_refused("", 1, "/nowhere: cannot be read: No such file or directory");
    check_refused("--data /proc", 1, "/proc: has neither");
    setenv("VALGRAD_MNIST_DATA", few_digits, 1);
}
END_TEST

START_TEST(divergence_is_told)
{
    run("--lr 1000 --activation identity --quiet");
    ck_assert_int_eq(code, 1);
    ck_assert_msg(strstr(printed, "expected a number: try a smaller --lr") != NULL, "%s", printed);
    ck_assert_msg(strstr(printed, "test accuracy") == NULL, "%s", printed);
}
END_TEST

START_TEST(full_disk)
{
    int status = system("'" MNIST_PROGRAM "' --train-limit 64 --epochs 1 2>/dev/null >/dev/full");
    ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

/* ---- a file of settings ---------------------------------------------------------------------- */

START_TEST(command_line_wins)
{
    write_text("run.json", "{\"layers\": [16, 8], \"epochs\": 2, \"train-limit\": 640,\n"
                           "\"activation\": \"tanh\", \"shuffle\": false}\n");
    run_well("--epochs 1 --config run.json");
    ck_assert_msg(strstr(printed, "784-16-8-10 tanh") != NULL, "%s", printed);
    ck_assert_msg(strstr(printed, "epoch 1/1 ") != NULL, "%s", printed);
    ck_assert_msg(strstr(printed, " 640 samples to train") != NULL, "%s", printed);
}
END_TEST

static const struct {
    const char *text, *expected;
} wrong_configs[] = {
    {"{\"epochs\": 0}", "\"epochs\": 0: expected a whole number from 1 to 1000000"},
    {"{\"epochs\": 1.5}", "\"epochs\": 1.5: expected a whole number"},
    {"{\"epochs\": \"3\"}", "\"epochs\": 3: expected a number"},
    {"{\"epochs\": null}", "\"epochs\": null: expected a number"},
    {"{\"lr\": -1}", "\"lr\": -1: expected a number from 0 to 1000"},
    {"{\"layers\": 128}", "\"layers\": 128: expected an array of numbers"},
    {"{\"layers\": [1, \"2\"]}", "\"layers\": [1,\"2\"]: expected an array of numbers"},
    {"{\"layers\": [0]}", "\"layers\": 0: expected up to 16 whole numbers"},
    {"{\"shuffle\": 1}", "\"shuffle\": 1: expected true or false"},
    {"{\"activation\": \"rel\"}", "\"activation\": rel: expected one of identity, relu"},
    {"{\"bogus\": 1}", "\"bogus\": no such setting"},
    {"{\"config\": \"x\"}", "\"config\": no such setting"},
    {"{\n\"epochs\": 1,\n}", "line 3: not JSON: expected an object"},
    {"[1]", "line 1: not JSON: expected an object"},
    {"{} {}", "line 1: not JSON"},
    {"", "line 1: not JSON"},
};

START_TEST(wrong_config)
{
    write_text("run.json", wrong_configs[_i].text);
    check_refused("--config run.json", 1, wrong_configs[_i].expected);
    assert_printed("run.json: ");
}
END_TEST

START_TEST(config_that_cannot_be_read)
{
    check_refused("--config /nowhere/x.json", 1, "/nowhere/x.json: cannot be read: No such file");
    check_refused("--config /proc", 1, "/proc: cannot be read: Is a directory");
}
END_TEST

/* ---- showing --------------------------------------------------------------------------------- */

START_TEST(digits_are_shown)
{
    run("show --label 7 --count 2");
    ck_assert_int_eq(code, 0);
    ck_assert_int_eq(lines(), 14 + 2);
    ck_assert_msg(strstr(printed, "\n7  (0)                        7  (17)\n") != NULL, "%s",
                  printed);
    ck_assert_ptr_nonnull(strstr(printed, "\u2588"));
    ck_assert_ptr_null(strchr(printed, '\033'));
    run("show 0 1 2 3 4");
    ck_assert_int_eq(code, 0);
    ck_assert_int_eq(lines(), 3 * 16); /* two to a line of 80 characters */
}
END_TEST

/* ---- right ones ------------------------------------------------------------------------------ */

START_TEST(one_epoch_of_10000_digits)
{
    run("--data " ALL_DIGITS " --train-limit 10000 --epochs 1");
    ck_assert_int_eq(code, 0);
    ck_assert_msg(strstr(printed, "784-128-10 relu, 101770 parameters") != NULL, "%s", printed);
    ck_assert_msg(strstr(printed, "\nepoch 1/1  loss 0.") != NULL, "%s", printed);
    ck_assert_msg(strchr(printed, '\r') == NULL, "a bar in a pipe: %s", printed);
    ck_assert_int_eq(lines(), 3);
    ck_assert_double_gt(last_line_accuracy(), 85);
}
END_TEST

/* Every choice trains; `quiet` leaves one line. */
static const char *const choices[] = {
    "--optimizer adam",
    "--optimizer adamw --weight-decay 0.01",
    "--momentum 0",
    "--no-nesterov",
    "--schedule step",
    "--schedule constant --lr 0.05",
    "--layers none",
    "--layers 64,32",
    "--activation tanh",
    "--init xavier_normal",
    "--init-bias 0.1",
    "--no-shuffle",
    "--weight-decay 1e-4",
    "--init uniform --init-bound 0.05",
    "--batch 1 --lr 0.003",
    "--optimizer rmsprop",
    "--optimizer rmsprop --momentum 0.5 --alpha 0.9",
    "--loss mse --optimizer adam --lr 0.01 --epochs 4",
    "--loss mse --output-activation identity",
    "--dropout 0.2",
    "--label-smoothing 0.1",
    "--warmup 20",
    "--clip-norm 1 --clip-value 0.5",
    "--threads 2",
    "--optimizer adam --beta1 0.8 --beta2 0.99 --epsilon 1e-6",
    "--batch 3000 --epochs 40 --lr 0.5",
    "--schedule step --schedule-every 1 --schedule-factor 0.5",
    "--lr-floor 0.01",
    "--activation sigmoid --init xavier_uniform --lr 0.5",
};

START_TEST(every_choice_trains)
{
    char arguments[200];
    snprintf(arguments, sizeof arguments, "--epochs 1 --layers 24 --quiet %s", choices[_i]);
    run(arguments);
    ck_assert_msg(code == 0, "%s", printed);
    ck_assert_int_eq(lines(), 1);
    ck_assert_double_gt(last_line_accuracy(), 50);
}
END_TEST

START_TEST(a_seed_fixes_everything)
{
    char first[100];
    run("--train-limit 1000 --epochs 1 --layers 16 --quiet --seed 3");
    memcpy(first, printed, sizeof first);
    run("--train-limit 1000 --epochs 1 --layers 16 --quiet --seed 3");
    ck_assert_mem_eq(printed, first, sizeof first);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist");
    TCase *cases = new_case(suite, "mnist", 120);
    tcase_add_unchecked_fixture(cases, use_few_digits, remove_few_digits);
    tcase_add_unchecked_fixture(cases, enter_folder, leave_folder);
    tcase_add_loop_test(cases, wrong_options, 0, (int)COUNT(wrong));
    tcase_add_test(cases, unknown_option);
    tcase_add_test(cases, help_lists_every_option);
    tcase_add_test(cases, help_of_the_commands);
    tcase_add_test(cases, wrong_data);
    tcase_add_test(cases, data_by_the_environment);
    tcase_add_test(cases, divergence_is_told);
    tcase_add_test(cases, full_disk);
    tcase_add_test(cases, one_epoch_of_10000_digits);
    tcase_add_loop_test(cases, every_choice_trains, 0, (int)COUNT(choices));
    tcase_add_test(cases, a_seed_fixes_everything);
    tcase_add_test(cases, command_line_wins);
    tcase_add_loop_test(cases, wrong_config, 0, (int)COUNT(wrong_configs));
    tcase_add_test(cases, config_that_cannot_be_read);
    tcase_add_test(cases, digits_are_shown);
    return run_suite(suite);
}
