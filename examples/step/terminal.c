/* terminal.c - keys without Enter, and a terminal that is always put back as it was. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "step.h"

enum { ESCAPE_WAIT = 60 }; /* milliseconds after which an escape is a key of its own */

static struct termios as_it_was;
static volatile sig_atomic_t entered, resized;

static void write_all(const char *text, size_t n)
{
    while (n > 0) {
        const ssize_t written = write(STDOUT_FILENO, text, n);
        if (written < 0 && errno != EINTR)
            return;
        text += written > 0 ? written : 0;
        n -= written > 0 ? (size_t)written : 0;
    }
}

void terminal_write(const char *text, size_t n)
{
    write_all(text, n);
}

/* The other screen, no cursor; and back. Only calls that a signal handler may make. */
static void set_raw(void)
{
    static const char begin[] = "\033[?1049h\033[?25l\033[2J";
    struct termios raw = as_it_was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    write_all(begin, sizeof begin - 1);
    entered = 1;
}

void terminal_leave(void)
{
    static const char end[] = "\033[0m\033[?25h\033[?1049l";
    if (!entered)
        return;
    entered = 0;
    write_all(end, sizeof end - 1);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = SA_NODEFER; /* so that raise() in a handler is not put off */
    (void)sigaction(number, &action, NULL);
}

/* Ends or stops as without this program, once the terminal is put back. */
static void on_end(int number)
{
    const int error = errno;
    terminal_leave();
    handle(number, SIG_DFL);
    (void)raise(number);
    if (number == SIGTSTP && !entered) { /* without a shell nothing stops */
        handle(SIGTSTP, on_end);
        set_raw();
        resized = 1;
    }
    errno = error;
}

static void on_continue(int number)
{
    const int error = errno;
    (void)number;
    handle(SIGTSTP, on_end);
    set_raw();
    resized = 1;
    errno = error;
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

bool terminal_enter(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGTSTP};
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &as_it_was) != 0)
        return false;
    if (atexit(terminal_leave) != 0)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        handle(ends[i], on_end);
    handle(SIGCONT, on_continue);
    handle(SIGWINCH, on_resize);
    set_raw();
    return true;
}

void terminal_size(int *columns, int *rows)
{
    struct winsize size;
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

bool terminal_colours(void)
{
    const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");
    return !(none && *none) && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* ---- keys -------------------------------------------------------------------------------------- */

/* Waits for input with the signals as in `mask`; false when one came first. */
static bool wait_for_input(const sigset_t *mask)
{
    fd_set input;
    FD_ZERO(&input);
    FD_SET(STDIN_FILENO, &input);
    return pselect(STDIN_FILENO + 1, &input, NULL, NULL, NULL, mask) >= 0 || errno != EINTR;
}

/*
 * A byte; KEY_RESIZED when a signal came first, KEY_END at the end of input. The signals that have the
 * screen drawn anew are let in while it waits and at no other time here: one that came between the look
 * at `resized` and the wait would be forgotten until the next key, and one that came between the wait
 * and the reading would throw away the byte that is to be read.
 */
static int read_byte(void)
{
    unsigned char byte;
    sigset_t redrawing, mask;
    (void)sigemptyset(&redrawing);
    (void)sigaddset(&redrawing, SIGTSTP);
    (void)sigaddset(&redrawing, SIGCONT);
    (void)sigaddset(&redrawing, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &redrawing, &mask);
    while (!resized && !wait_for_input(&mask))
        ;
    const int key = resized ? KEY_RESIZED : read(STDIN_FILENO, &byte, 1) == 1 ? byte : KEY_END;
    resized = 0;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    return key;
}

static bool more_waits(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, ESCAPE_WAIT) > 0;
}

static int key_of(const char *sequence)
{
    static const struct {
        const char *sequence;
        int key;
    } keys[] = {{"A", KEY_UP},    {"B", KEY_DOWN},    {"C", KEY_RIGHT},     {"D", KEY_LEFT}, {"H", KEY_HOME},
                {"F", KEY_LAST},  {"1~", KEY_HOME},   {"4~", KEY_LAST},     {"5~", KEY_PAGE_UP},
                {"6~", KEY_PAGE_DOWN}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].sequence, sequence) == 0)
            return keys[i].key;
    }
    return 0;
}

int terminal_key(void)
{
    const int first = read_byte();
    if (first != '\033')
        return first;
    if (!more_waits())
        return KEY_ESCAPE;
    int byte = read_byte();
    if (byte != '[' && byte != 'O')
        return 0;
    char sequence[8] = "";
    for (size_t n = 0; n + 1 < sizeof sequence && more_waits(); n++) {
        byte = read_byte();
        sequence[n] = (char)byte;
        if (byte < ' ' || (byte >= '@' && byte <= '~'))
            break;
    }
    return key_of(sequence);
}
