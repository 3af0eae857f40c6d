/* test_threads.c - the same bits at any number of threads, also when several threads of the program want
 * the helpers at once. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

#include <valgrad/nn.h>

#include "sparse.h"
#include "testing.h"
#include "threads.h"

static void one_thread(void)
{
    valgrad_set_threads(1);
    valgrad_clear_error();
}

/* ---- products ----------------------------------------------------------------------------------- */

enum { MOST = 320 * 256 };

typedef struct Outcome {
    real y[MOST], dx[MOST], dw[MOST];
} Outcome;

static void fill(Tensor *t, uint64_t seed, double density)
{
    static real numbers[MOST];
    Random random = random_seeded(seed);
    for (int64_t i = 0; i < tensor_size(t); i++) {
        const real number = random_uniform(&random, -1, 1);
        numbers[i] = (double)random_uniform(&random, 0, 1) < density ? number : 0;
    }
    assert_status(tensor_set(t, tensor_size(t), numbers), VALGRAD_OK);
}

/* y = x w + b and the gradients of its squares, with x or w read as a transpose if asked for. */
static void compute(int64_t m, int64_t k, int64_t n, double density, int transposed, Outcome *out)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf(NULL, TENSOR_SHAPE(m, k)),
               *w = tensor_leaf(NULL, TENSOR_SHAPE(k, n));
        Tensor *xt = tensor_leaf(NULL, TENSOR_SHAPE(k, m)),
               *wt = tensor_leaf(NULL, TENSOR_SHAPE(n, k));
        Tensor *b = tensor_leaf(NULL, TENSOR_SHAPE(n));
        Tensor *left = transposed & 1 ? xt : x, *right = transposed & 2 ? wt : w;
        fill(left, 1, density);
        fill(right, 2, 1);
        fill(b, 3, 1);
        Tensor *y = tensor_affine(transposed & 1 ? tensor_transpose(xt) : x,
                                  transposed & 2 ? tensor_transpose(wt) : w, b);
        assert_status(tensor_backward(tensor_sum_all(tensor_square(y)), NULL), VALGRAD_OK);
        memset(out, 0, sizeof *out);
        assert_status(tensor_get(y, m * n, out->y), VALGRAD_OK);
        assert_status(tensor_get_grad(left, m * k, out->dx), VALGRAD_OK);
        assert_status(tensor_get_grad(right, k * n, out->dw), VALGRAD_OK);
    }
}

START_TEST(products_have_the_same_bits)
{
    static const int64_t shapes[][3] = {{64, 320, 128}, {320, 64, 33}, {9, 256, 200},
                                        {250, 250, 64}, {1, 256, 256}, {2, 300, 200},
                                        {256, 1, 256},  {256, 256, 1}, {250, 250, 17}};
    static Outcome alone, together;
    const int64_t *s = shapes[_i];
    for (int transposed = 0; transposed < 4; transposed++) {
        for (int dense = 0; dense < 2; dense++) {
            one_thread();
            compute(s[0], s[1], s[2], dense ? 1 : 0.2, transposed, &alone);
            for (int n = 2; n <= 7; n += n == 3 ? 4 : 1) {
                assert_status(valgrad_set_threads(n), VALGRAD_OK);
                ck_assert_int_eq(valgrad_threads(), n);
                compute(s[0], s[1], s[2], dense ? 1 : 0.2, transposed, &together);
                ck_assert_msg(memcmp(&alone, &together, sizeof alone) == 0,
                              "%lldx%lldx%lld, transposed %d, dense %d, %d threads",
                              (long long)s[0], (long long)s[1], (long long)s[2], transposed, dense,
                              n);
            }
        }
    }
}
END_TEST

/* ---- training ----------------------------------------------------------------------------------- */

enum { INPUTS = 300, BATCH = 40 };

/* The parameters' sum of squares after some steps on made-up data. */
static double train(bool adam)
{
    Random random = random_seeded(5);
    NnMlp *net = nn_mlp_new(NN_SIZES(INPUTS, 128, 10), NULL, &random);
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    sgd.momentum = 0.9;
    NnOptimizer *optimizer = adam ? nn_optimizer_adam(nn_mlp_parameters(net), NULL)
                                  : nn_optimizer_sgd(nn_mlp_parameters(net), &sgd);
    int64_t labels[BATCH];
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % 10;
    for (int step = 0; step < 10; step++)
        VALGRAD_SCOPE {
            Tensor *x = tensor_uniform(-1, 1, &random, TENSOR_SHAPE(BATCH, INPUTS));
            Tensor *loss = tensor_cross_entropy(nn_mlp_forward(net, x), BATCH, labels);
            nn_optimizer_zero_grad(optimizer);
            if (tensor_backward(loss, NULL) != VALGRAD_OK ||
                nn_optimizer_step(optimizer) != VALGRAD_OK)
                return (double)NAN;
        }
    double sum = 0;
    VALGRAD_SCOPE {
        for (int i = 0; i < 4; i++)
            sum += (double)tensor_item(
                tensor_sum_all(tensor_square(nn_parameters_at(nn_mlp_parameters(net), i))));
    }
    nn_optimizer_free(optimizer);
    nn_mlp_free(net);
    return sum;
}

START_TEST(training_has_the_same_bits)
{
    const double alone = train(_i);
    ck_assert(isfinite(alone) && alone > 0);
    assert_status(valgrad_set_threads(3), VALGRAD_OK);
    assert_same(train(_i), alone);
}
END_TEST

static void *train_in_thread(void *result)
{
    *(double *)result = train(false);
    return NULL;
}

START_TEST(threads_of_the_program_share_the_helpers)
{
    enum { PROGRAMS = 4 };
    const double alone = train(false);
    double results[PROGRAMS];
    pthread_t threads[PROGRAMS];
    assert_status(valgrad_set_threads(2), VALGRAD_OK);
    for (int i = 0; i < PROGRAMS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, train_in_thread, &results[i]), 0);
    for (int n = 1; n < 5; n++)
        assert_status(valgrad_set_threads(n), VALGRAD_OK);
    for (int i = 0; i < PROGRAMS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        assert_same(results[i], alone);
    }
}
END_TEST

/* ---- data --------------------------------------------------------------------------------------- */

enum { IMAGES = 300, SIDE = 20, PIXELS = SIDE * SIDE };

/* Strokes: a few pixels on, four times as many off. */
static NnDataset *draw_images(void)
{
    static uint8_t pixels[IMAGES * PIXELS], labels[IMAGES];
    Random random = random_seeded(6);
    for (int64_t i = 0; i < IMAGES * PIXELS; i++)
        pixels[i] = i / 5 % 5 == 0 ? (uint8_t)random_bits(&random) : 0;
    for (int64_t i = 0; i < IMAGES; i++)
        labels[i] = (uint8_t)(i % 10);
    return nn_dataset_new(IMAGES, SIDE, SIDE, 10, pixels, labels);
}

typedef struct Dealt {
    real numbers[IMAGES * PIXELS];
    int64_t labels[IMAGES];
    int64_t rows, columns; /* their non-zeros, listed by rows and by columns */
    int32_t begins[(IMAGES / LISTS_PIECE + 1) * PIXELS], row[IMAGES * PIXELS];
} Dealt;

static void deal(const NnDataset *images, bool moved, Dealt *out)
{
    const NnLoaderOptions options = {.batch = IMAGES, .shift = moved ? 2 : 0, .rotation = moved ? 10 : 0};
    NnLoader *loader = nn_loader_new(images, &options);
    const NnBatch *batch = nn_loader_next(loader);
    memset(out, 0, sizeof *out);
    assert_status(tensor_get(batch->inputs, IMAGES * PIXELS, out->numbers), VALGRAD_OK);
    memcpy(out->labels, batch->labels, sizeof out->labels);
    const RowLists rows = sparse__rows(batch->inputs, IMAGES, PIXELS);
    const RowLists columns = sparse__columns(batch->inputs, IMAGES, PIXELS);
    out->rows = rows.entries;
    out->columns = columns.first ? row_lists__end(columns, PIXELS - 1) : 0;
    if (columns.first) {
        memcpy(out->begins, columns.first, sizeof out->begins);
        memcpy(out->row, columns.column, (size_t)columns.entries * sizeof *out->row);
    }
    nn_loader_free(loader);
}

START_TEST(batches_and_their_lists_are_the_same)
{
    static Dealt alone, together;
    NnDataset *images = draw_images();
    deal(images, _i, &alone);
    ck_assert_int_eq(alone.columns, alone.rows);
    ck_assert(_i || alone.rows > IMAGES * PIXELS / 6);
    for (int n = 2; n <= 7; n++) {
        assert_status(valgrad_set_threads(n), VALGRAD_OK);
        deal(images, _i, &together);
        ck_assert_msg(memcmp(&alone, &together, sizeof alone) == 0, "%d threads", n);
    }
    nn_dataset_free(images);
}
END_TEST

/* ---- the pool ----------------------------------------------------------------------------------- */

enum { PARTS = 1000 };
static _Atomic int done[PARTS];

static void count_part(void *context, int part, real *scratch)
{
    atomic_fetch_add(&done[part], *(const int *)context);
    if (scratch)
        scratch[0] = 1;
}

START_TEST(every_part_is_done_once)
{
    real scratch[1];
    int two = 2;
    assert_status(valgrad_set_threads(4), VALGRAD_OK);
    for (int round = 0; round < 200; round++) {
        memset((void *)done, 0, sizeof done);
        threads__run(count_part, &two, PARTS, scratch);
        for (int i = 0; i < PARTS; i++)
            ck_assert(atomic_load(&done[i]) == 2);
    }
}
END_TEST

/* The number of other threads of this process that sleep, which the system tells; -1 where it does not. */
static int sleeping_threads(void)
{
    DIR *threads = opendir("/proc/self/task");
    int count = 0;
    for (struct dirent *thread; threads && (thread = readdir(threads)) != NULL;) {
        char path[300], state = 0;
        snprintf(path, sizeof path, "/proc/self/task/%s/stat", thread->d_name);
        FILE *about = fopen(path, "r");
        count += about && fscanf(about, "%*d (%*[^)]) %c", &state) == 1 && state == 'S';
        if (about)
            fclose(about);
    }
    if (threads)
        closedir(threads);
    return threads ? count : -1;
}

/* Helpers that find nothing to do for long go to sleep: within milliseconds, or when a busy machine lets them. */
static void await_sleep(int helpers)
{
    do
        usleep(100000);
    while (sleeping_threads() >= 0 && sleeping_threads() < helpers);
}

START_TEST(sleeping_helpers_are_woken)
{
    static Outcome expected, got;
    compute(64, 128, 96, 1, 0, &expected);
    assert_status(valgrad_set_threads(3), VALGRAD_OK);
    for (int turn = 0; turn < 3; turn++) {
        await_sleep(2);
        compute(64, 128, 96, 1, 0, &got);
        ck_assert_mem_eq(&got, &expected, sizeof got);
    }
}
END_TEST

/* A forked process has none of the threads, which may have been asleep, and can have its own. */
START_TEST(a_forked_process_begins_with_one)
{
    static Outcome expected, got;
    assert_status(valgrad_set_threads(3), VALGRAD_OK);
    compute(64, 128, 96, 1, 0, &expected);
    if (_i > 0)
        await_sleep(2);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const bool alone = valgrad_threads() == 1;
        compute(64, 128, 96, 1, 0, &got);
        const bool same_alone = memcmp(&got, &expected, sizeof got) == 0;
        const bool more = valgrad_set_threads(2) == VALGRAD_OK && valgrad_threads() == 2;
        bool same_together = true;
        for (int turn = 0; turn < 2; turn++) {
            await_sleep(1);
            compute(64, 128, 96, 1, 0, &got);
            same_together &= memcmp(&got, &expected, sizeof got) == 0;
        }
        end_child(alone && same_alone && more && same_together ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    ck_assert_int_eq(valgrad_threads(), 3);
}
END_TEST

/* Of work that is shared out, the other parts are not the forked process's. */
static _Atomic int forked = -1;
static _Atomic bool went_on;

static void fork_in_first_part(void *context, int part, real *scratch)
{
    (void)context, (void)scratch;
    if (part > 0) {
        while (atomic_load(&forked) < 0)
            usleep(1000);
        if (atomic_load(&forked) == 0)
            atomic_store(&went_on, true);
        return;
    }
    atomic_store(&forked, fork());
    if (atomic_load(&forked) > 0)
        return;
    const bool more = valgrad_set_threads(2) == VALGRAD_OK;
    await_sleep(1);
    end_child(more && !atomic_load(&went_on) ? EXIT_SUCCESS : EXIT_FAILURE);
}

START_TEST(a_process_forked_amid_work_leaves_it)
{
    real scratch[1];
    int status = 0;
    assert_status(valgrad_set_threads(3), VALGRAD_OK);
    threads__run(fork_in_first_part, NULL, PARTS, scratch);
    ck_assert_int_eq(waitpid(atomic_load(&forked), &status, 0), atomic_load(&forked));
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}
END_TEST

START_TEST(a_number_that_makes_no_sense_is_an_error)
{
    assert_status(valgrad_set_threads(2), VALGRAD_OK);
    assert_status(valgrad_set_threads(0), VALGRAD_ERROR_ARGUMENT);
    assert_error(VALGRAD_ERROR_ARGUMENT, "valgrad_set_threads: 0 threads: expected 1 to 256");
    assert_status(valgrad_set_threads(257), VALGRAD_ERROR_ARGUMENT);
    ck_assert_int_eq(valgrad_threads(), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = new_case(suite, "threads", 30);
    tcase_add_checked_fixture(tests, NULL, one_thread);
    tcase_add_loop_test(tests, products_have_the_same_bits, 0, 9);
    tcase_add_loop_test(tests, training_has_the_same_bits, 0, 2);
    tcase_add_test(tests, threads_of_the_program_share_the_helpers);
    tcase_add_loop_test(tests, batches_and_their_lists_are_the_same, 0, 2);
    tcase_add_test(tests, every_part_is_done_once);
    tcase_add_test(tests, sleeping_helpers_are_woken);
    tcase_add_loop_test(tests, a_forked_process_begins_with_one, 0, 2);
    tcase_add_test(tests, a_process_forked_amid_work_leaves_it);
    tcase_add_test(tests, a_number_that_makes_no_sense_is_an_error);
    return run_suite(suite);
}
