/* testing.h - what test programs share: the check that nothing is left, comparing, running. */
#ifndef VALGRAD_TESTS_TESTING_H
#define VALGRAD_TESTS_TESTING_H

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <valgrad/value.h>

/* Check notes every assertion that holds, so as to know the last one before a crash. A test that looks at a
 * million characters spends nearly all of its time on that; a sanitizer tells a crash's place anyway. */
#undef ck_assert_msg
#define ck_assert_msg(condition, ...)                                                              \
    ((condition) ? (void)0                                                                         \
                 : _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #condition "' failed",      \
                                     __VA_ARGS__))

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Before every test no error stands; after it, all that it made must be gone. */
static inline void nothing_is_left(void)
{
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}

/* Whether a and b are the same number; one NaN is like another. */
static inline bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

#define assert_same(actual, expected)                                                              \
    ck_assert_msg(same((double)(actual), (double)(expected)), #actual " is %.17g, not %.17g",      \
                  (double)(actual), (double)(expected))

/* |actual - expected| <= tolerance * max(1, |expected|) */
#define assert_near(actual, expected, tolerance)                                                   \
    ck_assert_msg(fabs((double)(actual) - (double)(expected)) <=                                   \
                      (double)(tolerance)*fmax(1, fabs((double)(expected))),                       \
                  #actual " is %.17g, not %.17g within %g", (double)(actual), (double)(expected),  \
                  (double)(tolerance))

#define assert_status(expression, status)                                                          \
    do {                                                                                           \
        const ValgradStatus got_ = (expression);                                                   \
        ck_assert_msg(got_ == (status), #expression ": \"%s\" (%s) instead of \"%s\"",             \
                      valgrad_status_text(got_), valgrad_last_error(),                             \
                      valgrad_status_text(status));                                                \
    } while (0)

/* The last error is of this status and its message contains the text; it is then forgotten. */
#define assert_error(status, text)                                                                 \
    do {                                                                                           \
        assert_status(valgrad_last_status(), status);                                              \
        ck_assert_msg(strstr(valgrad_last_error(), text) != NULL, "\"%s\" does not say \"%s\"",    \
                      valgrad_last_error(), text);                                                 \
        valgrad_clear_error();                                                                     \
    } while (0)

/* ---- sweeps: thinned, unless VALGRAD_TEST_FULL=1 asks for the whole ------------------------------ */

static inline bool is_full_test(void)
{
    const char *full = getenv("VALGRAD_TEST_FULL");
    return full && strcmp(full, "1") == 0;
}

/* Whether case number i of a sweep is tried: all, or one in `thin`, scattered. */
static inline bool is_tried(int i, uint64_t thin)
{
    return is_full_test() || (((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % thin == 0;
}

/* A new case of the suite, whose tests may take `seconds` and must leave nothing. */
static inline TCase *new_case(Suite *suite, const char *name, double seconds)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, seconds);
    tcase_add_checked_fixture(tests, valgrad_clear_error, nothing_is_left);
    suite_add_tcase(suite, tests);
    return tests;
}

/* Ends a process that a test has forked, at once: what was its parent's is not cleaned up. */
static inline _Noreturn void end_child(int status)
{
#ifdef VALGRAD_COVERAGE
    extern void __gcov_dump(void); /* writes the counts of lines reached, as exit() would */
    __gcov_dump();
#endif
    _exit(status);
}

/* Runs the suite and returns what main() returns. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
