/* threads.c - the pool: helpers that take parts of whatever work is published.
 *
 * Whoever has work publishes it and takes parts of it; helpers that are awake take parts too. So a helper
 * that the system has no core for delays nobody: its parts are done by the others. A helper without work
 * looks out for some for a little while, since in training the next product is near, then leaves its core to
 * whoever wants it between looks, and then sleeps. Whoever waits for the last part looks and sleeps. Only one
 * thread's work is shared out at a time; another's is done by itself meanwhile. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <valgrad/tensor.h>

#include "autograd/buffer.h"
#include "autograd/error.h"
#include "tensor/threads.h"

/* A look takes some 20 ns, a yield half a microsecond: what is between two products of a training step takes longer
 * than the looks, and to be woken takes longer than that. */
enum { MOST_THREADS = 256, LOOKS = 2000, YIELDS = 1000 };

/* What the scratch of any product takes at most (gemm_scratch is bounded). */
static size_t scratch_bytes(void)
{
    return (size_t)kernels__get()->gemm_scratch(1 << 20, 1 << 20, 1 << 20, 1) * sizeof(real);
}

/* ---- the work ---------------------------------------------------------------------------------- */

/* The ticket has all that it takes to claim a part: the number of this work, how many parts it has, and
 * the next one. Who has claimed a part may read the rest, which stays until that part is done. */
enum { PART_BITS = 16, PART_MASK = (1 << PART_BITS) - 1 };
static _Atomic uint64_t ticket;
static ThreadBody *the_body;
static void *the_context;
static _Atomic int undone; /* parts */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_is_there = PTHREAD_COND_INITIALIZER,
                      work_is_done = PTHREAD_COND_INITIALIZER;
static _Atomic int sleeping; /* helpers, and who waits for them: changed under the lock */

static int parts_of(uint64_t t)
{
    return (int)(t >> PART_BITS & PART_MASK);
}

static int next_of(uint64_t t)
{
    return (int)(t & PART_MASK);
}

/* A part that nobody has yet, or -1. */
static int claim(void)
{
    uint64_t t = atomic_load(&ticket);
    while (next_of(t) < parts_of(t))
        if (atomic_compare_exchange_weak(&ticket, &t, t + 1))
            return next_of(t);
    return -1;
}

static void wake_all(pthread_cond_t *condition)
{
    if (atomic_load(&sleeping) == 0)
        return;
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(condition);
    pthread_mutex_unlock(&lock);
}

static void do_part(int part, real *scratch)
{
    the_body(the_context, part, scratch);
    if (atomic_fetch_sub(&undone, 1) == 1)
        wake_all(&work_is_done);
}

/* ---- looking out ------------------------------------------------------------------------------- */

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void leave_core(void)
{
    (void)sched_yield();
}

/* Whether it is so at one of so many looks. */
static bool comes_true(bool (*condition)(void), int looks, void (*between)(void))
{
    for (int i = 0; i < looks; i++) {
        if (condition())
            return true;
        between();
    }
    return false;
}

/* ---- helpers ----------------------------------------------------------------------------------- */

typedef struct Helper {
    pthread_t thread;
    real *scratch;
} Helper;

static Helper helpers[MOST_THREADS];
static int helper_count;
static _Atomic bool ending;

static bool has_work(void)
{
    const uint64_t t = atomic_load(&ticket);
    return next_of(t) < parts_of(t) || atomic_load(&ending);
}

static void await_work(void)
{
    if (comes_true(has_work, LOOKS, pause_briefly) || comes_true(has_work, YIELDS, leave_core))
        return;
    pthread_mutex_lock(&lock);
    atomic_fetch_add(&sleeping, 1);
    while (!has_work())
        pthread_cond_wait(&work_is_there, &lock);
    atomic_fetch_sub(&sleeping, 1);
    pthread_mutex_unlock(&lock);
}

static void *help(void *context)
{
    const Helper *helper = context;
    while (!atomic_load(&ending)) {
        for (int part; (part = claim()) >= 0;)
            do_part(part, helper->scratch);
        await_work();
    }
    return NULL;
}

static bool is_done(void)
{
    return atomic_load(&undone) == 0;
}

static void await_end_of_work(void)
{
    if (comes_true(is_done, LOOKS, pause_briefly))
        return;
    pthread_mutex_lock(&lock);
    atomic_fetch_add(&sleeping, 1);
    while (!is_done())
        pthread_cond_wait(&work_is_done, &lock);
    atomic_fetch_sub(&sleeping, 1);
    pthread_mutex_unlock(&lock);
}

/* ---- how many ---------------------------------------------------------------------------------- */

/* Held by the thread whose work is shared out, and while helpers come or go. */
static pthread_mutex_t pool = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int threads = 1;

static void end_helpers(void)
{
    atomic_store(&ending, true);
    wake_all(&work_is_there);
    while (helper_count > 0) {
        Helper *helper = &helpers[--helper_count];
        pthread_join(helper->thread, NULL);
        buffer__release(helper->scratch);
    }
    atomic_store(&ending, false);
}

/* A forked process has none of the threads, whatever they were doing. */
static void forget_helpers(void)
{
    helper_count = 0;
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    work_is_there = (pthread_cond_t)PTHREAD_COND_INITIALIZER; /* with nobody asleep at it */
    work_is_done = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    atomic_store(&sleeping, 0);
    atomic_store(&ending, false);
    atomic_store(&ticket, atomic_load(&ticket) >> 2 * PART_BITS << 2 * PART_BITS); /* no parts are left */
    atomic_store(&threads, 1);
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget_helpers);
}

static bool start_helper(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    Helper *helper = &helpers[helper_count];
    helper->scratch = buffer__allocate(scratch_bytes(), 64);
    if (!helper->scratch)
        return false;
    if (pthread_create(&helper->thread, NULL, help, helper) != 0) {
        buffer__release(helper->scratch);
        return false;
    }
    helper_count++;
    return true;
}

ValgradStatus valgrad_set_threads(int n)
{
    if (n < 1 || n > MOST_THREADS)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "valgrad_set_threads: %d threads: expected 1 to %d", n, MOST_THREADS);
    bool started = true;
    pthread_mutex_lock(&pool);
    if (helper_count >= n)
        end_helpers();
    while (started && helper_count < n - 1)
        started = start_helper();
    atomic_store(&threads, helper_count + 1);
    const int count = helper_count + 1;
    pthread_mutex_unlock(&pool);
    return started ? VALGRAD_OK
                   : error__set(VALGRAD_ERROR_MEMORY,
                                "valgrad_set_threads: %d of %d threads could be had", count, n);
}

int valgrad_threads(void)
{
    return atomic_load(&threads);
}

int threads__parts(int64_t units, int64_t least)
{
    const int64_t parts = units / least;
    const int most = atomic_load_explicit(&threads, memory_order_relaxed);
    return parts >= most ? most : parts < 1 ? 1 : (int)parts;
}

void threads__run(ThreadBody *body, void *context, int parts, real *scratch)
{
    if (parts == 1 || pthread_mutex_trylock(&pool) != 0) {
        for (int part = 0; part < parts; part++)
            body(context, part, scratch);
        return;
    }
    the_body = body;
    the_context = context;
    atomic_store(&undone, parts);
    const uint64_t number = (atomic_load(&ticket) >> 2 * PART_BITS) + 1;
    atomic_store(&ticket, number << 2 * PART_BITS | (uint64_t)parts << PART_BITS);
    wake_all(&work_is_there);
    for (int part; (part = claim()) >= 0;)
        do_part(part, scratch);
    await_end_of_work();
    pthread_mutex_unlock(&pool);
}
