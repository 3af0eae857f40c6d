/* property.c - tries properties and prints what came of it, also when the exercise crashes or does not end. */
#include "property.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE = 20 }; /* seconds for each property */

static char noted[400]; /* how the present property fails; "" while it holds */

/* The first numbers are enough. False if there were some before. */
static bool note(const char *words, va_list arguments)
{
    if (noted[0])
        return false;
    (void)vsnprintf(noted, sizeof noted, words, arguments);
    return true;
}

bool so(bool is_so, const char *words, ...)
{
    va_list arguments;
    va_start(arguments, words);
    if (!is_so)
        (void)note(words, arguments);
    va_end(arguments);
    return is_so;
}

bool near(double is, double should, double tolerance, const char *words, ...)
{
    va_list arguments;
    if (fabs(is - should) <= tolerance * fmax(1, fabs(should)))
        return true;
    va_start(arguments, words);
    const bool first = note(words, arguments);
    const size_t length = strlen(noted);
    if (first)
        (void)snprintf(noted + length, sizeof noted - length, " should be %.10g, and is %.10g",
                       should, is);
    va_end(arguments);
    return false;
}

double any(double low, double high)
{
    static Random random;
    static bool seeded;
    if (!seeded)
        random = random_seeded(1);
    seeded = true;
    return low + (high - low) * (double)random_uniform(&random, 0, 1);
}

static void say(const char *words)
{
    (void)!write(STDOUT_FILENO, words, strlen(words));
}

static void interrupted(int signal)
{
    say(signal == SIGALRM ? "DOES NOT END\n" : "CRASHES\n");
    _exit(EXIT_FAILURE);
}

/* On a stack of its own: the usual one may have run out. */
static void watch(void)
{
    static char room[1 << 16];
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_ONSTACK};
    const int signals[] = {SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    (void)sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaction(signals[i], &action, NULL);
}

static bool holds(const Property *property)
{
    printf("  %-68s ", property->statement);
    fflush(stdout);
    noted[0] = '\0';
    alarm(PATIENCE);
    property->check();
    alarm(0);
    printf("%s\n", noted[0] ? "FAILS" : "holds");
    if (noted[0])
        printf("      %s\n", noted);
    return !noted[0];
}

int properties_check(const char *about, int count, const Property *properties)
{
    int held = 0;
    watch();
    for (int i = 0; i < count; i++)
        held += holds(&properties[i]);
    printf("\n%d of %d properties hold%s\n", held, count, held == count ? ": done" : "");
    if (held < count)
        printf("write in %s\n", about);
    return held == count ? EXIT_SUCCESS : EXIT_FAILURE;
}
