/* screen.c - the program on a pseudo-terminal: what keys do, and that the terminal is always put back. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 5000, SILENCE = 150 }; /* milliseconds */

static const char *program;

typedef struct Session {
    int terminal, own; /* the two ends; `own` keeps the settings readable after the program has ended */
    pid_t process;
    char seen[200000];
} Session;

static Session session;

static void set_size(unsigned short columns, unsigned short rows)
{
    const struct winsize size = {.ws_col = columns, .ws_row = rows};
    ck_assert_int_eq(ioctl(session.terminal, TIOCSWINSZ, &size), 0);
}

static void become(char *const *arguments, const char *no_color)
{
    setsid();
    (void)ioctl(session.own, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(session.own, i);
    setenv("TERM", "xterm", 1);
    if (no_color)
        setenv("NO_COLOR", no_color, 1);
    else
        unsetenv("NO_COLOR");
    execv(program, arguments);
    _exit(127);
}

/* Starts the program on a terminal of 80 x 24. */
static void start(char *const *arguments, const char *no_color)
{
    session.terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(session.terminal, 0);
    ck_assert_int_eq(grantpt(session.terminal), 0);
    ck_assert_int_eq(unlockpt(session.terminal), 0);
    session.own = open(ptsname(session.terminal), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(session.own, 0);
    set_size(80, 24);
    session.process = fork();
    if (session.process == 0)
        become(arguments, no_color);
}

/* Collects what is written until `words` have come; then `seen` holds it. */
static void await(const char *words)
{
    size_t length = 0;
    session.seen[0] = '\0';
    while (!strstr(session.seen, words)) {
        struct pollfd input = {.fd = session.terminal, .events = POLLIN};
        ck_assert_msg(poll(&input, 1, PATIENCE) > 0, "\"%s\" does not come, but:\n%s", words, session.seen);
        const ssize_t n = read(session.terminal, session.seen + length, sizeof session.seen - 1 - length);
        ck_assert_msg(n > 0, "\"%s\" does not come, but:\n%s", words, session.seen);
        length += (size_t)n;
        session.seen[length] = '\0';
    }
}

/* Waits until the screen is at rest. */
static void settle(void)
{
    char more[4096];
    struct pollfd input = {.fd = session.terminal, .events = POLLIN};
    while (poll(&input, 1, SILENCE) > 0 && read(session.terminal, more, sizeof more) > 0)
        ;
}

static void type(const char *keys)
{
    ck_assert_int_eq(write(session.terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static bool is_raw(void)
{
    struct termios settings;
    ck_assert_int_eq(tcgetattr(session.own, &settings), 0);
    return !(settings.c_lflag & ICANON) && !(settings.c_lflag & ECHO);
}

/* The other screen is left, the cursor is back, and lines are edited again. */
static int ended(void)
{
    int status;
    await("\033[?25h\033[?1049l");
    ck_assert_int_eq(waitpid(session.process, &status, 0), session.process);
    ck_assert(!is_raw());
    close(session.terminal);
    close(session.own);
    return status;
}

#define RUN(...) ((char *[]){"step", __VA_ARGS__, NULL})

START_TEST(keys_move_in_both_directions)
{
    start(RUN("tanh(w*x + b)", "w=2", "x=-1", "b=3"), NULL);
    await("quit");
    ck_assert_ptr_nonnull(strstr(session.seen, "tanh(w*x + b)"));
    ck_assert(is_raw());
    type("f");
    await("w = 2");
    type("nn");
    await("v2 = w * x = 2 * -1 = -2");
    type("p");
    await("x = -1");
    type("b");
    await("dL/dL = 1");
    type("n");
    await("dL/dv4 += dL/dL * (1 - L * L) = 1 * 0.419974 = 0.419974");
    type("gw\r");
    await("dL/dw += dL/dv2 * x");
    type("gnone\r");
    await("no such node");
    type("c");
    await("gradient of x: 0.839");
    type("c");
    await("freed so far: 3 of 3");
    type("?");
    await("the step before");
    type("\033[D");
    await("v4 is freed");
    type("q");
    const int status = ended();
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(signals_put_the_terminal_back)
{
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        start(RUN("slope"), NULL);
        await("quit");
        kill(session.process, signals[i]);
        const int status = ended();
        /* (A sanitizer turns a fault into an exit.) */
        ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == signals[i] : WEXITSTATUS(status) != 0);
    }
}
END_TEST

START_TEST(interrupt_key)
{
    start(RUN("slope"), NULL);
    await("quit");
    type("\003");
    const int status = ended();
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}
END_TEST

/* There is no shell that could let it go on, so it is not stopped; but it leaves and comes back. */
START_TEST(stopping_and_going_on)
{
    start(RUN("slope"), NULL);
    await("quit");
    for (int i = 0; i < 2; i++) {
        kill(session.process, SIGTSTP);
        await("quit");
        ck_assert_ptr_nonnull(strstr(session.seen, "\033[?1049l"));
        ck_assert_ptr_nonnull(strstr(session.seen, "\033[?1049h"));
        ck_assert(is_raw());
    }
    kill(session.process, SIGCONT);
    await("quit");
    type("q");
    (void)ended();
}
END_TEST

START_TEST(small_and_large)
{
    start(RUN("network"), NULL);
    await("quit");
    settle();
    set_size(30, 6);
    await("30 x 6 is too small");
    type("nnnn");
    await("too small");
    settle();
    set_size(200, 60);
    await("quit");
    set_size(64, 14);
    await("quit");
    type("q");
    (void)ended();
}
END_TEST

START_TEST(without_colours)
{
    start(RUN("slope"), "1");
    await("quit");
    ck_assert_ptr_null(strstr(session.seen, "\033[7m"));
    type("q");
    (void)ended();
    start(RUN("slope"), NULL);
    await("quit");
    ck_assert_ptr_nonnull(strstr(session.seen, "\033[7m"));
    type("q");
    (void)ended();
}
END_TEST

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

/* The limit is for a quick answer; a busy machine gets a second chance. */
START_TEST(ten_thousand_nodes)
{
    enum { TERMS = 5000 };
    static char expression[4 * TERMS + 1];
    double best = 1e9;
    for (size_t i = 0; i < TERMS; i++)
        memcpy(expression + 4 * i, "x*y+", 4);
    expression[sizeof expression - 2] = '\0';
    start(RUN(expression, "x=0.5", "y=2"), NULL);
    await("quit");
    type("b");
    await("dL/dL");
    settle();
    for (int i = 0; i < 20; i++) {
        const double before = now();
        type("n");
        await("quit");
        const double took = now() - before;
        best = took < best ? took : best;
        settle();
    }
    ck_assert_msg(best < 50, "a key takes %g ms", best);
    type("q");
    (void)ended();
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 2)
        return EXIT_FAILURE;
    program = argv[1];
    Suite *suite = suite_create("step on a terminal");
    TCase *tests = tcase_create("screen");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, keys_move_in_both_directions);
    tcase_add_test(tests, signals_put_the_terminal_back);
    tcase_add_test(tests, interrupt_key);
    tcase_add_test(tests, stopping_and_going_on);
    tcase_add_test(tests, small_and_large);
    tcase_add_test(tests, without_colours);
    tcase_add_test(tests, ten_thousand_nodes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
