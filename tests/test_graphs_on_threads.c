/* test_graphs_on_threads.c - graphs on several threads at once, or handed from one to another; what belongs to a
 * thread. */
#include <pthread.h>
#include <stdio.h>

#include <valgrad/random.h>
#include <valgrad/valgrad.h>

#include "testing.h"

enum { THREADS = 4, INPUTS = 8 };

typedef struct Work {
    uint64_t seed;
    real value, gradients[INPUTS];
    Value *leaves[INPUTS], *root;
    bool in_pool;
} Work;

/* A graph that depends on the seed alone, through scopes that merge, labels and n-ary nodes. */
static void build_work(Work *work)
{
    Random random = random_seeded(work->seed);
    for (int i = 0; i < INPUTS; i++)
        work->leaves[i] = value_param(random_uniform(&random, -1, 1));
    Value *last = value_retain(work->leaves[0]);
    for (int step = 0; step < 300; step++) {
        Value *next = NULL, *w[INPUTS];
        const size_t n = 1 + random_below(&random, INPUTS - 1);
        for (size_t i = 0; i < n; i++)
            w[i] = work->leaves[random_below(&random, INPUTS)];
        if (work->in_pool) {
            Value *sum = value_affine(n, w, work->leaves, last);
            value_set_label(sum, "sum");
            next = value_sin(sum);
            value_release(sum);
        } else {
            VALGRAD_SCOPE {
                Value *sum = value_affine(n, w, work->leaves, last);
                value_set_label(sum, "sum");
                next = value_retain(value_sin(sum));
            }
        }
        value_release(last);
        last = next;
    }
    work->root = last;
}

static void finish_work(Work *work)
{
    work->value = value_data(work->root);
    if (value_backward(work->root) != VALGRAD_OK)
        work->value = (real)NAN;
    for (int i = 0; i < INPUTS; i++) {
        work->gradients[i] = value_grad(work->leaves[i]);
        value_release(work->leaves[i]);
    }
    value_release(work->root);
}

static void *build_only(void *work)
{
    build_work(work);
    return NULL;
}

static void *finish_only(void *work)
{
    finish_work(work);
    return NULL;
}

static void *build_and_finish(void *argument)
{
    Work *work = argument;
    for (int repeat = 0; repeat < 5; repeat++) {
        if (work->in_pool) {
            build_work(work);
            finish_work(work);
            continue;
        }
        VALGRAD_SCOPE {
            build_work(work);
            finish_work(work);
        }
    }
    return NULL;
}

static void run_in_thread(void *(*function)(void *), Work *work)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, function, work), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void assert_same_work(const Work *work, const Work *expected)
{
    assert_same(work->value, expected->value);
    ck_assert(isfinite(work->value));
    ck_assert_mem_eq(work->gradients, expected->gradients, sizeof work->gradients);
}

START_TEST(graphs_on_threads_at_the_same_time)
{
    Work expected = {.seed = 1}, works[THREADS];
    build_and_finish(&expected);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        works[i] = (Work){.seed = 1, .in_pool = i % 2};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, build_and_finish, &works[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_same_work(&works[i], &expected);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

/* Handing a graph over is allowed, as long as one thread has it at a time. */
START_TEST(graph_handed_to_another_thread)
{
    const bool in_pool = _i;
    Work expected = {.seed = 2}, work = {.seed = 2, .in_pool = in_pool};
    build_and_finish(&expected);
    run_in_thread(build_only, &work);
    ck_assert_int_gt(valgrad_live_nodes(), 300);
    finish_work(&work);
    assert_same_work(&work, &expected);
    ck_assert_int_eq(valgrad_live_nodes(), 0);

    work = (Work){.seed = 2, .in_pool = in_pool};
    build_work(&work);
    run_in_thread(finish_only, &work);
    assert_same_work(&work, &expected);

    work = (Work){.seed = 2, .in_pool = in_pool};
    run_in_thread(build_only, &work);
    run_in_thread(finish_only, &work);
    assert_same_work(&work, &expected);
}
END_TEST

/* The square of x[0], or else of a leaf made here, in a scope that was opened when nothing had been made since
 * that of the other thread was. */
static void *square_in_scope(void *argument)
{
    Value **x = argument;
    VALGRAD_SCOPE {
        Value *base = x[0] ? x[0] : value_leaf(4);
        x[1] = value_retain(value_square(base));
    }
    return NULL;
}

/* Each scope reads the other, or one of them the other: neither may keep the other for ever, and operands still
 * come first, whichever lies lower in memory. */
START_TEST(scopes_of_two_threads_opened_at_the_same_time)
{
    const bool both_ways = _i;
    VALGRAD_SCOPE {
        Value *leaf = value_leaf(2), *x[2] = {both_ways ? value_square(leaf) : NULL};
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, square_in_scope, x), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        Value *sum = value_add(value_mul(x[1], leaf), x[1]);
        sum = value_add(sum, both_ways ? x[0] : leaf);
        assert_status(value_backward(sum), VALGRAD_OK);
        ck_assert(value_grad(x[1]) == 3);
        ck_assert(value_grad(leaf) == (both_ways ? 16 + 3 * 32 + 4 : 16 + 1));
        value_release(x[1]);
    }
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

START_TEST(threads_come_and_go)
{
    Work expected = {.seed = 3};
    build_and_finish(&expected);
    for (int i = 0; i < 50; i++) {
        Work work = {.seed = 3, .in_pool = i % 2};
        run_in_thread(build_and_finish, &work);
        assert_same_work(&work, &expected);
        ck_assert_int_eq(valgrad_live_nodes(), 0);
    }
}
END_TEST

static void *fail_in_thread(void *message)
{
    VALGRAD_NO_GRAD {
        value_add(NULL, NULL);
        valgrad_set_strict_ieee(true);
        snprintf(message, 64, "%s", valgrad_last_error());
    }
    return NULL;
}

START_TEST(errors_and_settings_belong_to_a_thread)
{
    char message[64] = "";
    pthread_t thread;
    value_neg(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_in_thread, message), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(message, "value_add: x is NULL");
    ck_assert_str_eq(valgrad_last_error(), "value_neg: x is NULL");
    ck_assert(!valgrad_set_strict_ieee(false));
    ck_assert(valgrad_set_recording(true));
    valgrad_clear_error();
    ck_assert_str_eq(valgrad_last_error(), "");
    assert_status(valgrad_last_status(), VALGRAD_OK);
}
END_TEST

/* ---- of no thread ------------------------------------------------------------------------------ */

START_TEST(every_status_has_a_text)
{
#define CHECK_TEXT(name, text) ck_assert_str_eq(valgrad_status_text(name), text);
    VALGRAD_STATUS_LIST(CHECK_TEXT)
#undef CHECK_TEXT
    ck_assert_str_eq(valgrad_status_text((ValgradStatus)999), "unknown status");
}
END_TEST

START_TEST(the_library_says_what_it_is)
{
    int major, minor, patch;
    ck_assert_int_eq(sscanf(valgrad_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    ck_assert_int_eq(major, VALGRAD_VERSION_MAJOR);
    ck_assert_int_eq(minor, VALGRAD_VERSION_MINOR);
    ck_assert_int_eq(patch, VALGRAD_VERSION_PATCH);
    ck_assert_int_eq(valgrad_real_size(), sizeof(real));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graphs on threads");
    TCase *threads = new_case(suite, "threads", 20);
    tcase_add_test(threads, graphs_on_threads_at_the_same_time);
    tcase_add_loop_test(threads, graph_handed_to_another_thread, 0, 2);
    tcase_add_loop_test(threads, scopes_of_two_threads_opened_at_the_same_time, 0, 2);
    tcase_add_test(threads, threads_come_and_go);
    tcase_add_test(threads, errors_and_settings_belong_to_a_thread);
    tcase_add_test(threads, every_status_has_a_text);
    tcase_add_test(threads, the_library_says_what_it_is);
    return run_suite(suite);
}
