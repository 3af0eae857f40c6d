/* test_mnist_runs.c - runs of the trainer that are killed, or stopped by Ctrl-C, at any moment, and taken
 * up again: they end in the same bits as one that never stopped. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <valgrad/valgrad.h>

#include "mnist_testing.h"

static void check_same_file(const char *name, const char *other)
{
    size_t n, m;
    char *bytes = read_file(name, &n), *others = read_file(other, &m);
    ck_assert_msg(n == m && memcmp(bytes, others, n) == 0, "%s and %s differ", name, other);
    free(bytes);
    free(others);
}

#define SMALL "--layers 8 --train-limit 600 --batch 20 --epochs 2 --quiet "

/* Starts the program, without a shell between that a signal would hit; what it prints goes to out.txt. */
static pid_t start(const char *arguments)
{
    char text[400];
    char *words[32] = {"mnist"};
    int count = 1;
    strcpy(text, arguments);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    const pid_t child = fork();
    if (child == 0) {
        const int out = open("out.txt", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execv(MNIST_PROGRAM, words);
        _exit(127);
    }
    ck_assert_int_gt(child, 0);
    return child;
}

/* ---- killed -------------------------------------------------------------------------------------- */

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

/* Kills run after run, each after another while, until one ends; the number of those killed. */
static int run_with_kills(const char *first, const char *again, Random *random)
{
    static const char path[] = "c.safetensors";
    remove(path);
    for (int killed = 0;; killed++) {
        int status = 0;
        const pid_t child = start(access(path, R_OK) == 0 ? again : first);
        const int64_t some = 1 + (int64_t)random_below(random, 12);
        if (wait_for_checkpoints(child, path, some, &status)) {
            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s",
                          file_text("out.txt"));
            return killed;
        }
        usleep((useconds_t)random_below(random, 3000));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
}

/* Options of a run, of which each brings something that a checkpoint must hold, or that must not need it. */
static const char *const runs[] = {
    "--optimizer sgd --normalize",
    "--optimizer adamw --dropout 0.3 --validation 0.2",
    /* stops after epoch 2 */
    "--optimizer rmsprop --shift 1 --validation 0.1 --epochs 3 --patience 1 --min-gain 90",
};

/* On a busy machine a run may end before it is killed: then there is another one. */
START_TEST(killed_and_resumed)
{
    char first[400];
    Random random = random_seeded((uint64_t)_i + 1);
    snprintf(first, sizeof first, SMALL "%s --save a.safetensors", runs[_i]);
    run_well(first);
    snprintf(first, sizeof first,
             SMALL "%s --checkpoint c.safetensors --checkpoint-every 1 --save b.safetensors",
             runs[_i]);
    for (int killed = 0; killed < 3; check_same_file("a.safetensors", "b.safetensors"))
        killed += run_with_kills(
            first, "--resume c.safetensors --checkpoint-every 1 --save b.safetensors", &random);
}
END_TEST

/* ---- interrupted --------------------------------------------------------------------------------- */

/* More steps than a pipe can hold lines of: a run whose log nobody reads does not end. */
#define LONG "--layers 8 --train-limit 600 --batch 20 --epochs 50 --quiet --dropout 0.1 "

/* Starts such a run, which has come to its first steps. */
static FILE *start_with_log(const char *arguments, pid_t *child)
{
    char line[4000] = "";
    ck_assert_int_eq(mkfifo("log", 0600), 0);
    *child = start(arguments);
    FILE *log = fopen("log", "r");
    ck_assert_ptr_nonnull(log);
    while (!strstr(line, "\"step\""))
        ck_assert_ptr_nonnull(fgets(line, sizeof line, log));
    return log;
}

/* Ctrl-C leaves a checkpoint from which the run ends as if it had not been pressed. */
START_TEST(interrupted_and_resumed)
{
    int status = 0;
    pid_t child;
    run_well(LONG "--validation 0.1 --patience 50 --save a.safetensors");
    FILE *log = start_with_log(LONG "--validation 0.1 --patience 50 --log log", &child);
    kill(child, SIGINT);
    while (fgetc(log) != EOF)
        ;
    fclose(log);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 130, "%s", file_text("out.txt"));
    ck_assert_ptr_nonnull(strstr(file_text("out.txt"), "stopped after step "));
    ck_assert_ptr_nonnull(strstr(file_text("out.txt"), " train --resume stopped.safetensors\n"));
    ck_assert_ptr_nonnull(strstr(file_text("out.txt"), "test accuracy "));
    run_well("--resume stopped.safetensors --save b.safetensors");
    check_same_file("a.safetensors", "b.safetensors");
}
END_TEST

/* Pressed again, while the program waits for somebody to read its log, it ends the program. */
START_TEST(interrupted_twice)
{
    int status = 0;
    pid_t child;
    FILE *log = start_with_log(LONG "--log log", &child);
    struct pollfd end = {.fd = open("log", O_WRONLY), .events = POLLOUT};
    while (poll(&end, 1, 0) == 1) /* the pipe has room */
        usleep(1000);
    do {
        usleep(100000);
        kill(child, SIGINT);
    } while (waitpid(child, &status, WNOHANG) == 0);
    close(end.fd);
    fclose(log);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}
END_TEST

/* More epochs than the checkpoint knew of; and none left to do. */
START_TEST(resumed_by_hand)
{
    run_well(SMALL "--schedule constant --epochs 3 --save a.safetensors");
    run_well(SMALL "--schedule constant --epochs 1 --checkpoint c.safetensors");
    run_well("info c.safetensors");
    assert_printed("checkpoint of a run with sgd: epoch 1, step 30 of 30");
    run_well("--resume c.safetensors --epochs 3 --save b.safetensors");
    assert_printed("resumed after step 30 of 90");
    check_same_file("a.safetensors", "b.safetensors");
    run_well("--resume c.safetensors --save d.safetensors");
    assert_printed("resumed after step 90 of 90");
    check_same_file("a.safetensors", "d.safetensors");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist_runs");
    TCase *tests = new_case(suite, "runs", 60);
    tcase_add_unchecked_fixture(tests, use_few_digits, remove_few_digits);
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_add_loop_test(tests, killed_and_resumed, 0, (int)COUNT(runs));
    tcase_add_test(tests, interrupted_and_resumed);
    tcase_add_test(tests, interrupted_twice);
    tcase_add_test(tests, resumed_by_hand);
    return run_suite(suite);
}
