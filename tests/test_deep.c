/* test_deep.c - ten million operations in a row, built, differentiated and freed on a stack of 64 KB:
 * nothing recurses over a graph. Each chain runs in a program of its own (this one, started again),
 * because a stack's limit holds from a program's start on. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifdef SANITIZED /* needs some stack of its own; a chain that recursed would take far more */
enum { STEPS = 1000000, STACK_BYTES = 4 << 20 };
#else
enum { STEPS = 10000000, STACK_BYTES = 64 << 10 };
#endif

/* ---- the chains: each returns d last / d first, which should be 1 -------------------------------- */

static real scope_chain(void)
{
    real slope = 0;
    VALGRAD_SCOPE {
        Value *first = value_leaf(1), *one = value_const(1), *v = first;
        for (int i = 0; i < STEPS; i++)
            v = value_mul(v, one);
        if (value_backward(v) == VALGRAD_OK)
            slope = value_grad(first);
    }
    return slope;
}

/* Gives v's place in the chain to what was made from it. */
static Value *step(Value *v, Value *next)
{
    value_release(v);
    return next;
}

static real end_pool_chain(Value *first, Value *last)
{
    const ValgradStatus status = value_backward(last);
    const real slope = value_grad(first);
    value_release(last);
    value_release(first);
    return status == VALGRAD_OK ? slope : 0;
}

static real pool_chain(void)
{
    Value *first = value_leaf(1), *one = value_const(1), *v = value_retain(first);
    for (int i = 0; i < STEPS; i++)
        v = step(v, value_mul(v, one));
    value_release(one);
    return end_pool_chain(first, v);
}

static real nary_chain(void)
{
    Value *first = value_leaf(1), *v = value_retain(first);
    for (int i = 0; i < STEPS / 10; i++)
        v = step(v, value_sum(1, &v));
    return end_pool_chain(first, v);
}

/* Each scope holds the one before it. */
static real chain_of_scopes(void)
{
    Value *first = value_leaf(1), *v = value_retain(first);
    for (int i = 0; i < STEPS / 2000; i++) {
        VALGRAD_SCOPE {
            v = step(v, value_retain(value_neg(value_neg(v))));
        }
    }
    return end_pool_chain(first, v);
}

/* Scopes inside each other, and the innermost result merged outwards through all of them. */
static real merged_scopes(void)
{
    enum { DEEP = STEPS / 2000 };
    ValgradScope *scopes = malloc(DEEP * sizeof *scopes);
    Value *first = value_leaf(1), *v = value_retain(first);
    for (int i = 0; i < DEEP; i++)
        scopes[i] = scope_open();
    for (int i = DEEP; i > 0; i--) {
        v = step(v, value_retain(value_neg(value_neg(v))));
        scope_close(&scopes[i - 1]);
    }
    free(scopes);
    return end_pool_chain(first, v);
}

static const struct Chain {
    const char *name;
    real (*run)(void);
} chains[] = {{"scope", scope_chain},
              {"pool", pool_chain},
              {"nary", nary_chain},
              {"chain of scopes", chain_of_scopes},
              {"merged scopes", merged_scopes}};

static int run_chain(const char *name)
{
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    for (size_t i = 0; i < COUNT(chains); i++) {
        if (strcmp(chains[i].name, name) != 0)
            continue;
        const real slope = chains[i].run();
        const long long left = (long long)valgrad_live_nodes();
        if (slope == 1 && left == 0 && limit.rlim_cur == STACK_BYTES)
            return EXIT_SUCCESS;
        fprintf(stderr, "%s: slope %g, %lld nodes left, stack %llu: %s\n", name, (double)slope, left,
                (unsigned long long)limit.rlim_cur, valgrad_last_error());
    }
    return EXIT_FAILURE;
}

/* ---- the test ------------------------------------------------------------------------------------ */

static char *program;

/* Without the environment, which lies on the stack too. */
static void start_on_small_stack(const char *name)
{
    const struct rlimit limit = {STACK_BYTES, STACK_BYTES};
    char text[32];
    snprintf(text, sizeof text, "%s", name);
    char *arguments[] = {program, text, NULL}, *environment[] = {NULL};
    if (setrlimit(RLIMIT_STACK, &limit) == 0)
        execve(program, arguments, environment);
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

START_TEST(deep_graphs_need_no_stack)
{
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        start_on_small_stack(chains[_i].name);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(!WIFSIGNALED(status), "%s: killed by signal %d", chains[_i].name, WTERMSIG(status));
    ck_assert_msg(WEXITSTATUS(status) == EXIT_SUCCESS, "%s: exit %d", chains[_i].name,
                  WEXITSTATUS(status));
}
END_TEST

int main(int count, char **arguments)
{
    if (count == 2)
        return run_chain(arguments[1]);
    program = arguments[0];
    Suite *suite = suite_create("deep");
    TCase *deep = new_case(suite, "deep", 30);
    tcase_add_loop_test(deep, deep_graphs_need_no_stack, 0, (int)COUNT(chains));
    return run_suite(suite);
}
