/* test_mnist_use.c - what the trainer leaves behind: saved networks, predictions, logs, pictures. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include <fcntl.h>
#include <poll.h>

#include <valgrad/valgrad.h>

#include "mnist_testing.h"

/* A network that knows digits well enough, trained once for all tests. */
static double known_accuracy;

static void train_once(void)
{
    run("--epochs 8 --layers 48 --save digits.safetensors --quiet");
    ck_assert_msg(code == 0, "%s", printed);
    known_accuracy = last_line_accuracy();
}

/* Test digit i as a file: 28 x 28 PGM, dark on light or light on dark. */
static void write_digit(const char *path, int64_t i, bool dark)
{
    NnDataset *digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", 10);
    FILE *file = fopen(path, "wb");
    fprintf(file, "P5 28 28 255\n");
    for (int j = 0; j < 784; j++) {
        int pixel = nn_dataset_pixels(digits, i)[j];
        fputc(dark ? 255 - pixel : pixel, file);
    }
    fclose(file);
    nn_dataset_free(digits);
}

/* The first five test digits, 7 2 1 0 4, side by side at twice their size, on a grey page. */
static void write_page(const char *path)
{
    enum { ROWS = 80, COLUMNS = 360 };
    NnDataset *digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", 10);
    FILE *file = fopen(path, "wb");
    fprintf(file, "P5 %d %d 255\n", COLUMNS, ROWS);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            int n = j / 70, row = (i - 12) / 2, column = (j % 70 - 6) / 2;
            bool inside = n < 5 && i >= 12 && row < 28 && j % 70 >= 6 && column < 28;
            int ink = inside ? nn_dataset_pixels(digits, n)[row * 28 + column] : 0;
            fputc(220 - ink * 200 / 255, file);
        }
    fclose(file);
    nn_dataset_free(digits);
}

/* ---- networks in files ----------------------------------------------------------------------- */

START_TEST(saved_network_tests_the_same)
{
    run_well("eval --load digits.safetensors");
    ck_assert_double_eq(last_line_accuracy(), known_accuracy);
    assert_printed("500 samples, loss 0.");
    run_well("eval --load digits.safetensors --part train --quiet");
    assert_printed("train accuracy 9");
}
END_TEST

START_TEST(loaded_weights_are_where_training_begins)
{
    run_well("--load digits.safetensors --train-limit 64 --epochs 1 --lr 0 --quiet");
    ck_assert_double_eq(last_line_accuracy(), known_accuracy);
    check_refused("--load digits.safetensors --layers 32 --epochs 1 --quiet", 1,
                  "digits.safetensors: ");
}
END_TEST

START_TEST(form_travels_with_the_network)
{
    run_well("--epochs 1 --layers 24 --binary --normalize --loss mse --lr 0.5 "
             "--save formed.safetensors --quiet");
    double accuracy = last_line_accuracy();
    run_well("eval --load formed.safetensors --quiet");
    ck_assert_double_eq(last_line_accuracy(), accuracy);
}
END_TEST

START_TEST(wrong_networks)
{
    write_text("bogus.safetensors", "not a network");
    check_refused("eval", 2, "expected --load FILE");
    check_refused("eval --load nothing.safetensors", 1, "nothing.safetensors: cannot be read");
    check_refused("eval --load bogus.safetensors", 1, "bogus.safetensors: ");
    check_refused("predict --load digits.safetensors", 2, "expected FILE: a PNG, PGM or CSV file");
    check_refused("--quiet --save /nowhere/m.safetensors", 1,
                  "/nowhere/m.safetensors: cannot be written: No such file or directory");
}
END_TEST

/* ---- predictions ----------------------------------------------------------------------------- */

START_TEST(digits_in_files)
{
    write_digit("seven.pgm", 0, false);
    write_digit("two.pgm", 1, true);
    write_page("page.pgm");
    run_well("predict --load digits.safetensors seven.pgm two.pgm page.pgm");
    assert_printed("seven.pgm: 7  9");
    assert_printed("\ntwo.pgm: 2  ");
    assert_printed("\npage.pgm, digit 5: 4  ");
    assert_printed("\npage.pgm: 72104\n");
    ck_assert_int_eq(lines(), 1 + 1 + 5 + 1);
    run_well("predict --load digits.safetensors --show seven.pgm");
    ck_assert_int_eq(lines(), 14 + 2 + 1);
    run_well("show page.pgm");
    assert_printed("digit 5");
}
END_TEST

START_TEST(wrong_files)
{
    write_text("blank.pgm", "P2 2 2 255\n255 255 255 255\n");
    write_text("text.png", "no image");
    write_text("short.csv", "1,2,3\n");
    check_refused("predict --load digits.safetensors blank.pgm", 1, "blank.pgm: no ink");
    check_refused("predict --load digits.safetensors text.png", 1,
                  "text.png: is neither a PNG nor a PGM file");
    check_refused("predict --load digits.safetensors short.csv", 1,
                  "short.csv: has 3 columns: the network takes 784 features");
    check_refused("show nothing.png", 1, "nothing.png: cannot be read: No such file");
}
END_TEST

/* ---- what is told ---------------------------------------------------------------------------- */

START_TEST(reports_and_pictures)
{
    run_well(
        "eval --load digits.safetensors --report --mistakes 3 --confusion c.svg --weights w.png");
    assert_printed("precision");
    assert_printed("label \\ taken for");
    assert_printed("worst mistakes: label (its probability), taken for (its probability)");
    const char *svg = file_text("c.svg");
    ck_assert_ptr_nonnull(strstr(svg, "<svg xmlns="));
    ck_assert_ptr_nonnull(strstr(svg, "</svg>\n"));
    NnImage weights;
    assert_status(nn_image_read("w.png", &weights), VALGRAD_OK);
    ck_assert_int_eq(weights.columns, 7 * 29 + 1);
    ck_assert_int_eq(weights.rows, 7 * 29 + 1);
    nn_image_free(&weights);
    check_refused("eval --load digits.safetensors --quiet --confusion /nowhere/c.svg", 1,
                  "/nowhere/c.svg: cannot be written: No such file or directory");
    check_refused("eval --load digits.safetensors --quiet --weights /nowhere/w.png", 1,
                  "/nowhere/w.png: cannot be written: No such file or directory");
}
END_TEST

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

START_TEST(logs)
{
    run_well("--train-limit 640 --epochs 2 --layers 8 --log run.jsonl --debug losses.csv --quiet");
    const char *log = file_text("run.jsonl");
    ck_assert_ptr_eq(strstr(log, "{\"config\": {"), log);
    ck_assert_int_eq(count_of(log, "\n"), 1 + 20 + 2);
    ck_assert_int_eq(count_of(log, "{\"step\": "), 20);
    ck_assert_int_eq(count_of(log, "\"test_accuracy\": 0."), 2);
    ck_assert_ptr_nonnull(strstr(log, "{\"step\": 20, \"epoch\": 2, \"samples\": 64, \"loss\": "));
    const char *losses = file_text("losses.csv");
    ck_assert_ptr_eq(strstr(losses, "step,epoch,loss,learning_rate\n1,1,2."), losses);
    ck_assert_int_eq(count_of(losses, "\n"), 21);
    check_refused("--log /nowhere/l --epochs 1", 1, "/nowhere/l: cannot be written: No such file");
    run("--train-limit 640 --epochs 1 --layers 8 --log /dev/full");
    ck_assert_int_eq(code, 1);
    assert_printed("/dev/full: cannot be written: No space left on device");
}
END_TEST

START_TEST(curves)
{
    if (system("command -v gnuplot >/dev/null 2>&1") != 0) {
        check_refused("--plot x.svg", 1, "--plot: gnuplot is missing");
        return;
    }
    run_well("--train-limit 640 --epochs 2 --layers 8 --plot curves.svg --quiet");
    const char *svg = file_text("curves.svg");
    ck_assert_ptr_nonnull(strstr(svg, "<svg"));
    ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
    run_well("--train-limit 64 --epochs 1 --layers 8 --plot curves.svg --quiet"); /* gnuplot says nothing of a point */
    ck_assert_int_eq(count_of(printed, "\n"), 1);
    check_refused("--train-limit 64 --epochs 1 --quiet --plot /nowhere/x.svg", 1,
                  "/nowhere/x.svg: cannot be written: No such file or directory");
}
END_TEST

START_TEST(diagnoses)
{
    run_well("--train-limit 640 --epochs 1 --layers 16,8 --diagnose");
    assert_printed("\n  layer 1  784-16  weights ");
    assert_printed("\n  layer 3  8-10  weights ");
    assert_printed(" of 16\n");
    run_well("--train-limit 640 --epochs 1 --layers 16 --diagnose --init-bias -100 --lr 0");
    assert_printed("  dead 16 of 16\n");
    assert_printed("update/weights 0 ");
}
END_TEST

/* ---- on a terminal --------------------------------------------------------------------------- */

/* Runs the program with a terminal for its output; all that comes on it is printed[] then. */
static void run_on_terminal(const char *arguments)
{
    char command[400];
    int status;
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    snprintf(command, sizeof command, "'" MNIST_PROGRAM "' %s", arguments);
    const pid_t child = fork();
    if (child == 0) {
        const int out = open(ptsname(terminal), O_RDWR | O_NOCTTY);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        setenv("TERM", "xterm", 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    size_t used = 0;
    int reaped = 0;
    while (used < sizeof printed - 1 && !reaped) {
        struct pollfd some = {terminal, POLLIN, 0};
        poll(&some, 1, 100);
        const ssize_t n =
            some.revents & POLLIN ? read(terminal, printed + used, sizeof printed - 1 - used) : 0;
        used += n > 0 ? (size_t)n : 0;
        reaped = n <= 0 && waitpid(child, &status, WNOHANG) == child;
    }
    printed[used] = '\0';
    close(terminal);
    ck_assert_msg(reaped && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", printed);
}

START_TEST(bar_and_curve_on_a_terminal)
{
    run_on_terminal("--data " ALL_DIGITS " --epochs 1 --layers 16");
    assert_printed("\repoch 1/1  loss ");
    assert_printed("  [#");
    assert_printed(".] ");
    assert_printed(" samples/s, ");
    assert_printed(" s left\033[K");
    assert_printed("\r\033[Kepoch 1/1  loss ");
    assert_printed(" loss by step, its logarithm\r\n");
    assert_printed("\u2588");
    run_on_terminal("--data " ALL_DIGITS " --epochs 1 --layers 16 --quiet");
    ck_assert_int_eq(lines(), 1);
    ck_assert_ptr_null(strchr(printed, '\033'));
}
END_TEST

START_TEST(shades_on_a_terminal)
{
    unsetenv("NO_COLOR");
    run_on_terminal("show 0");
    assert_printed("\033[38;5;");
    setenv("NO_COLOR", "1", 1);
    run_on_terminal("show 0");
    ck_assert_ptr_null(strchr(printed, '\033'));
    unsetenv("NO_COLOR");
}
END_TEST

/* ---- a full disk ----------------------------------------------------------------------------- */

#define EVAL "eval --load digits.safetensors --quiet "
#define TRAINING "--train-limit 128 --epochs 1 --layers 8 --quiet "

/* Each writes to the file that comes behind it. */
static const char *const writers[] = {
    EVAL "--confusion",
    EVAL "--weights",
    TRAINING "--save",
    TRAINING "--checkpoint",
    TRAINING "--log",
    TRAINING "--debug",
    TRAINING "--plot",
    "export digits.safetensors --c",
    "export digits.safetensors --npz",
    "export digits.safetensors --safetensors",
};

/* Of two kinds: a device that takes nothing, and a limit in the middle of a file, before which an older
 * one stands, or none. (Logs grow where they are.) */
START_TEST(full_disk)
{
    char command[600];
    bool grows = strstr(writers[_i], "--log") || strstr(writers[_i], "--debug");
    if (strstr(writers[_i], "--plot") && system("command -v gnuplot >/dev/null 2>&1") != 0)
        return;
    snprintf(command, sizeof command, "%s /dev/full", writers[_i]);
    check_refused(command, 1, "/dev/full: cannot be written: No space left on device");
    for (int older = 0; older < 2 && !grows; older++) {
        if (older)
            write_text("out", "older");
        const int files = count_files(NULL);
        snprintf(command, sizeof command,
                 "trap '' XFSZ; ulimit -f 4; '" MNIST_PROGRAM "' %s out >message.txt 2>&1",
                 writers[_i]);
        ck_assert_int_eq(WEXITSTATUS(system(command)), 1);
        ck_assert_msg(strstr(file_text("message.txt"), "out: cannot be written: File too large"),
                      "%s", file_text("message.txt"));
        remove("message.txt");
        ck_assert_int_eq(count_files(NULL), files);
        if (older)
            ck_assert_str_eq(file_text("out"), "older");
        remove("out");
    }
}
END_TEST

START_TEST(manual_and_completion)
{
    run_well("man");
    assert_printed(".TH VALGRAD");
    assert_printed("\\-\\-label\\-smoothing");
    assert_printed(".SH COMMAND PREDICT");
    run_well("completion > completion.bash");
    ck_assert_int_eq(
        system("bash -c '. ./completion.bash && COMP_WORDS=(valgrad-mnist --optimizer a) "
               "COMP_CWORD=2 && _valgrad_mnist && "
               "[ \"${COMPREPLY[*]}\" = \"adam adamw\" ]'"),
        0);
    ck_assert_int_eq(system("bash -c '. ./completion.bash && COMP_WORDS=(valgrad-mnist eval --rep) "
                            "COMP_CWORD=2 && _valgrad_mnist && "
                            "[ \"${COMPREPLY[*]}\" = \"--report\" ]'"),
                     0);
    ck_assert_int_eq(system("bash -c '. ./completion.bash && COMP_WORDS=(valgrad-mnist pr) "
                            "COMP_CWORD=1 && _valgrad_mnist && "
                            "[ \"${COMPREPLY[*]}\" = predict ]'"),
                     0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist_use");
    TCase *cases = new_case(suite, "use", 120);
    tcase_add_unchecked_fixture(cases, use_few_digits, remove_few_digits);
    tcase_add_unchecked_fixture(cases, enter_folder, leave_folder);
    tcase_add_unchecked_fixture(cases, train_once, NULL);
    tcase_add_test(cases, saved_network_tests_the_same);
    tcase_add_test(cases, loaded_weights_are_where_training_begins);
    tcase_add_test(cases, form_travels_with_the_network);
    tcase_add_test(cases, wrong_networks);
    tcase_add_test(cases, digits_in_files);
    tcase_add_test(cases, wrong_files);
    tcase_add_test(cases, reports_and_pictures);
    tcase_add_test(cases, logs);
    tcase_add_test(cases, curves);
    tcase_add_test(cases, diagnoses);
    tcase_add_test(cases, bar_and_curve_on_a_terminal);
    tcase_add_test(cases, shades_on_a_terminal);
    tcase_add_loop_test(cases, full_disk, 0, (int)COUNT(writers));
    tcase_add_test(cases, manual_and_completion);
    return run_suite(suite);
}
