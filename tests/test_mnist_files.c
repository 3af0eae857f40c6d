/* test_mnist_files.c - the trainer's files: networks saved, loaded, told of and exported; runs killed at
 * any moment and taken up again. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <valgrad/valgrad.h>

#include "files_testing.h"

/* What the last run printed, standard error included, and its exit code. */
static char printed[20000];
static int code;

/* Runs the program in the folder. */
static void run(const char *arguments)
{
    char command[1200];
    snprintf(command, sizeof command, "cd %s && " MNIST_PROGRAM " %s 2>&1", folder, arguments);
    FILE *pipe = popen(command, "r");
    const size_t n = fread(printed, 1, sizeof printed - 1, pipe);
    printed[n] = '\0';
    code = WEXITSTATUS(pclose(pipe));
}

static void run_well(const char *arguments)
{
    run(arguments);
    ck_assert_msg(code == 0, "%s: exit code %d\n%s", arguments, code, printed);
}

static void check_printed(const char *expected)
{
    ck_assert_msg(strstr(printed, expected) != NULL, "expected \"%s\" in:\n%s", expected, printed);
}

static void check_same_file(const char *name, const char *other)
{
    size_t n, m;
    char *bytes = read_file(in_folder(name), &n), *others = read_file(in_folder(other), &m);
    ck_assert_msg(n == m && memcmp(bytes, others, n) == 0, "%s and %s differ", name, other);
    free(bytes);
    free(others);
}

#define SMALL "--layers 8 --train-limit 600 --batch 20 --epochs 2 --quiet "

/* ---- networks ------------------------------------------------------------------------------------ */

START_TEST(save_info_load)
{
    run_well(SMALL "--activation tanh --save a.safetensors");
    run_well("info a.safetensors");
    check_printed("a.safetensors: 784-8-10 tanh, 6370 parameters");
    check_printed("test accuracy ");
    check_printed("  0.weight  " /* F64 or F32 */);
    check_printed("  8 x 784\n");
    check_printed("\"activation\":\t\"tanh\"");
    run_well("--load a.safetensors --lr 0 --epochs 1 --save b.npz --quiet");
    run_well("export b.npz --safetensors c.safetensors");
    ck_assert_int_eq(code, 0);
    NnState *a = nn_state_read(in_folder("a.safetensors")), *b = nn_state_read(in_folder("b.npz"));
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
    check_printed("0.weight  F32   8 x 784");
    check_printed("test accuracy ");
    run_well("info a.npz");
    check_printed("a.npz: 784-8-10 relu");
    static const char program[] = "#include \"digits.h\"\nint main(void) { return 0; }\n";
    write_file(in_folder("main.c"), program, sizeof program - 1);
    char command[400];
    snprintf(command, sizeof command, "cd %s && %s -std=c99 -Wall -Wextra -Werror -c main.c",
             folder, TEST_COMPILER);
    ck_assert_int_eq(system(command), 0);
    size_t n;
    char *text = read_file(in_folder("digits.h"), &n);
    ck_assert_ptr_nonnull(strstr(text, "my_digits_predict_pixels(const unsigned char *pixels"));
    ck_assert_ptr_nonnull(strstr(text, " * Its accuracy on the test samples was "));
    free(text);
    run_well(SMALL "--binary --threshold 100 --normalize --save b.safetensors");
    run_well("export b.safetensors --c digits.h");
    text = read_file(in_folder("digits.h"), &n);
    ck_assert_ptr_nonnull(strstr(text, "pixels[i] >= 100 ? 1 : 0"));
    ck_assert_ptr_nonnull(strstr(text, "(x - digits_mean[0]) / digits_deviation[0]"));
    free(text);
}
END_TEST

/* Files of others, without settings. */
START_TEST(foreign_files)
{
    Random random = random_seeded(1);
    NnMlp *net = nn_mlp_new(NN_SIZES(784, 9, 7, 10), NULL, &random);
    NnState *state = nn_parameters_state(nn_mlp_parameters(net));
    assert_status(nn_state_write(state, in_folder("a.safetensors")), VALGRAD_OK);
    nn_state_free(state);
    nn_mlp_free(net);
    run_well("info a.safetensors");
    check_printed("784-9-7-10 relu");
    run_well("--load a.safetensors --train-limit 100 --epochs 1 --save b.safetensors");
    check_printed("784-9-7-10 relu");
    run_well("info b.safetensors");
    check_printed("784-9-7-10 relu");
    net = nn_mlp_new(NN_SIZES(100, 10), NULL, &random);
    assert_status(nn_mlp_save(net, in_folder("a.safetensors")), VALGRAD_OK);
    nn_mlp_free(net);
    run("--load a.safetensors");
    ck_assert_int_eq(code, 1);
    check_printed(
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
    {"--resume c.safetensors --optimizer adam", 1,
     "the state's optimizer is sgd: expected adam"},
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
    write_file(in_folder("bad"), "bad", 3);
    for (size_t i = 0; i < COUNT(refusals); i++) {
        run(refusals[i].arguments);
        ck_assert_msg(code == refusals[i].code, "%s: exit code %d: expected %d\n%s",
                      refusals[i].arguments, code, refusals[i].code, printed);
        check_printed(refusals[i].message);
    }
    ck_assert_int_eq(count_files(NULL), 3); /* nothing was written */
}
END_TEST

/* ---- runs ---------------------------------------------------------------------------------------- */

/* Starts the program in the folder without a shell between. */
static pid_t start(const char *const *arguments)
{
    const pid_t child = fork();
    if (child == 0) {
        const int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDOUT_FILENO);
        (void)!nice(10); /* who is to kill it wakes up in time, on a busy machine too */
        if (chdir(folder) == 0)
            execv(MNIST_PROGRAM, (char *const *)arguments);
        _exit(127);
    }
    ck_assert_int_gt(child, 0);
    return child;
}

/* Waits until the program has written so many checkpoints, or ended; true if it has ended. */
static bool wait_for_checkpoints(pid_t child, const char *path, int64_t count, int *status)
{
    struct stat about = {.st_ino = 0};
    ino_t last = stat(path, &about) == 0 ? about.st_ino : 0;
    while (count > 0) {
        if (waitpid(child, status, WNOHANG) == child)
            return true;
        usleep(300);
        if (stat(path, &about) == 0 && about.st_ino != last) {
            last = about.st_ino;
            count--;
        }
    }
    return false;
}

/* Kills run after run, each after another while; the number of those killed. */
static int run_with_kills(const char *const *first, const char *const *again, Random *random)
{
    const char *path = in_folder("c.safetensors");
    for (int killed = 0;; killed++) {
        int status = 0;
        const pid_t child = start(access(path, R_OK) == 0 ? again : first);
        const int64_t some = 1 + (int64_t)random_below(random, 12);
        if (wait_for_checkpoints(child, path, some, &status)) {
            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a run failed");
            return killed;
        }
        usleep((useconds_t)random_below(random, 3000));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
}

/* Options of a run, of which each brings something that a checkpoint must hold, or that must not need it. */
static const char
    *const
        runs[] =
            {
                "--optimizer sgd --normalize", "--optimizer adamw --dropout 0.3 --validation 0.2",
                "--optimizer rmsprop --shift 1 --validation 0.1 --epochs 3 --patience 1 --min-gain "
                "90", /* stops after epoch 2 */
};

/* Splits a copy of the text, which must live on, at its spaces. */
static void split(char *text, const char *arguments[32])
{
    int count = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        arguments[count++] = word;
    arguments[count] = NULL;
}

START_TEST(killed_and_resumed)
{
    char command[400], start_text[400], again_text[400];
    const char *first[32], *again[32];
    Random random = random_seeded((uint64_t)_i + 1);
    snprintf(command, sizeof command, SMALL "%s --save a.safetensors", runs[_i]);
    run_well(command);
    snprintf(start_text, sizeof start_text,
             "mnist " SMALL "%s --checkpoint c.safetensors --checkpoint-every 1 "
             "--save b.safetensors",
             runs[_i]);
    strcpy(again_text, "mnist --resume c.safetensors --checkpoint-every 1 --save b.safetensors");
    split(start_text, first);
    split(again_text, again);
    ck_assert_int_ge(run_with_kills(first, again, &random), 3);
    check_same_file("a.safetensors", "b.safetensors");
}
END_TEST

/* Ctrl-C leaves a checkpoint from which the run ends as if it had not been pressed. */
START_TEST(interrupted_and_resumed)
{
    char text[400];
    const char *arguments[32];
    int status = 0;
    snprintf(text, sizeof text, SMALL "%s --save a.safetensors", runs[2]);
    run_well(text);
    snprintf(text, sizeof text,
             "mnist " SMALL "%s --checkpoint c.safetensors --checkpoint-every 40", runs[2]);
    split(text, arguments);
    const pid_t child = start(arguments);
    ck_assert(!wait_for_checkpoints(child, in_folder("c.safetensors"), 1, &status));
    kill(child, SIGINT);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    run_well("--resume c.safetensors --save b.safetensors");
    check_same_file("a.safetensors", "b.safetensors");
}
END_TEST

/* More epochs than the checkpoint knew of; and none left to do. */
START_TEST(resumed_by_hand)
{
    run_well(SMALL "--schedule constant --epochs 3 --save a.safetensors");
    run_well(SMALL "--schedule constant --epochs 1 --checkpoint c.safetensors");
    run_well("info c.safetensors");
    check_printed("checkpoint of a run with sgd: epoch 1, step 30 of 30");
    run_well("--resume c.safetensors --epochs 3 --save b.safetensors");
    check_printed("resumed after step 30 of 90");
    check_same_file("a.safetensors", "b.safetensors");
    run_well("--resume c.safetensors --save d.safetensors");
    check_printed("resumed after step 90 of 90");
    check_same_file("a.safetensors", "d.safetensors");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist_files");
    TCase *tests = new_case(suite, "networks", 60);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_test(tests, save_info_load);
    tcase_add_test(tests, exported);
    tcase_add_test(tests, foreign_files);
    tcase_add_test(tests, refused);

    tests = new_case(suite, "runs", 60);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_loop_test(tests, killed_and_resumed, 0, (int)COUNT(runs));
    tcase_add_test(tests, interrupted_and_resumed);
    tcase_add_test(tests, resumed_by_hand);
    return run_suite(suite);
}
