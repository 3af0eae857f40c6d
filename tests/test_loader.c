/* test_loader.c - mini-batches: every image once an epoch, in an order that seed and epoch fix. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "testing.h"

enum { IMAGES = 10, PIXELS = 6, BATCH = 4 };

static NnDataset *dataset;

/* Image i has the pixels 20 i, 20 i + 1, … and the label i. */
static void make_dataset(void)
{
    uint8_t pixels[IMAGES * PIXELS], labels[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        labels[i] = (uint8_t)i;
        for (int j = 0; j < PIXELS; j++)
            pixels[i * PIXELS + j] = (uint8_t)(20 * i + j);
    }
    dataset = nn_dataset_new(IMAGES, 2, 3, 10, pixels, labels);
    ck_assert_ptr_nonnull(dataset);
}

static void free_dataset(void)
{
    nn_dataset_free(dataset);
}

static NnLoader *new_loader(bool sequential, uint64_t seed)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = BATCH;
    options.sequential = sequential;
    options.seed = seed;
    NnLoader *loader = nn_loader_new(dataset, &options);
    ck_assert_msg(loader != NULL, "%s", valgrad_last_error());
    return loader;
}

/* The pixels of each row of a batch are those of the image that its label tells. */
static void check_rows(const NnBatch *batch)
{
    real numbers[IMAGES * PIXELS];
    ck_assert_int_eq(tensor_rank(batch->inputs), 2);
    ck_assert_int_eq(tensor_side(batch->inputs, 0), batch->count);
    ck_assert_int_eq(tensor_side(batch->inputs, 1), PIXELS);
    ck_assert(!tensor_wants_grad(batch->inputs));
    ck_assert_int_eq(tensor_get(batch->inputs, batch->count * PIXELS, numbers), VALGRAD_OK);
    for (int64_t i = 0; i < batch->count; i++)
        for (int j = 0; j < PIXELS; j++) {
            double expected = (double)(20 * batch->labels[i] + j) / 255;
            ck_assert_double_eq_tol((double)numbers[i * PIXELS + j], expected,
                                    4 * (double)REAL_EPSILON);
        }
}

/* Reads one epoch; writes its labels in order. */
static void read_epoch(NnLoader *loader, int64_t labels[IMAGES])
{
    int64_t read = 0;
    for (const NnBatch *batch; (batch = nn_loader_next(loader));) {
        check_rows(batch);
        ck_assert_int_le(read + batch->count, IMAGES);
        memcpy(labels + read, batch->labels, (size_t)batch->count * sizeof *labels);
        read += batch->count;
    }
    ck_assert_int_eq(read, nn_loader_samples(loader));
}

static void check_each_once(const int64_t labels[IMAGES])
{
    bool seen[IMAGES] = {false};
    for (int i = 0; i < IMAGES; i++) {
        ck_assert(!seen[labels[i]]);
        seen[labels[i]] = true;
    }
}

START_TEST(sequential_order)
{
    NnLoader *loader = new_loader(true, 1);
    int64_t labels[IMAGES];
    for (int epoch = 0; epoch < 3; epoch++) {
        read_epoch(loader, labels);
        for (int i = 0; i < IMAGES; i++)
            ck_assert_int_eq(labels[i], i);
    }
    nn_loader_free(loader);
}
END_TEST

START_TEST(shuffled_order)
{
    NnLoader *loader = new_loader(false, 1), *same = new_loader(false, 1),
             *other = new_loader(false, 2);
    int64_t first[IMAGES], second[IMAGES], again[IMAGES];
    read_epoch(loader, first);
    check_each_once(first);
    read_epoch(loader, second);
    check_each_once(second);
    ck_assert_mem_ne(first, second, sizeof first);
    read_epoch(same, again);
    ck_assert_mem_eq(first, again, sizeof first);
    read_epoch(other, again);
    check_each_once(again);
    ck_assert_mem_ne(first, again, sizeof first);
    nn_loader_free(loader);
    nn_loader_free(same);
    nn_loader_free(other);
}
END_TEST

START_TEST(an_epoch_can_be_taken_up)
{
    NnLoader *loader = new_loader(false, 7);
    int64_t expected[IMAGES], labels[IMAGES];
    for (int epoch = 0; epoch < 4; epoch++)
        read_epoch(loader, expected);
    nn_loader_next(loader);
    ck_assert_int_eq(nn_loader_start(loader, 3), VALGRAD_OK);
    ck_assert_int_eq(nn_loader_epoch(loader), 3);
    ck_assert_int_eq(nn_loader_step(loader), 0);
    read_epoch(loader, labels);
    ck_assert_mem_eq(labels, expected, sizeof labels);
    ck_assert_int_eq(nn_loader_start(loader, -1), VALGRAD_ERROR_ARGUMENT);
    nn_loader_free(loader);
}
END_TEST

START_TEST(counts_and_reused_tensors)
{
    NnLoader *loader = new_loader(false, 1);
    ck_assert_int_eq(nn_loader_samples(loader), IMAGES);
    ck_assert_int_eq(nn_loader_steps(loader), 3);
    Tensor *full = NULL, *rest = NULL;
    for (int epoch = 0; epoch < 3; epoch++) {
        for (int step = 0; step < 3; step++) {
            ck_assert_int_eq(nn_loader_epoch(loader), epoch);
            ck_assert_int_eq(nn_loader_step(loader), step);
            const NnBatch *batch = nn_loader_next(loader);
            Tensor **before = step < 2 ? &full : &rest;
            ck_assert_int_eq(batch->count, step < 2 ? 4 : 2);
            ck_assert(!*before || *before == batch->inputs);
            *before = batch->inputs;
        }
        ck_assert_ptr_null(nn_loader_next(loader));
    }
    ck_assert_ptr_ne(full, rest);
    ck_assert_int_eq(nn_loader_epoch(loader), 3);
    nn_loader_free(loader);
}
END_TEST

START_TEST(limit_and_large_batch)
{
    NnLoaderOptions options = {.batch = 1000, .limit = 7, .seed = 1, .sequential = false};
    NnLoader *loader = nn_loader_new(dataset, &options);
    ck_assert_int_eq(nn_loader_samples(loader), 7);
    ck_assert_int_eq(nn_loader_steps(loader), 1);
    const NnBatch *batch = nn_loader_next(loader);
    ck_assert_int_eq(batch->count, 7);
    for (int i = 0; i < 7; i++)
        ck_assert_int_lt(batch->labels[i], 7);
    check_rows(batch);
    ck_assert_ptr_null(nn_loader_next(loader));
    nn_loader_free(loader);
}
END_TEST

/* The loader's tensors survive a scope around its making; so do graphs that nobody retained not. */
START_TEST(made_inside_a_scope)
{
    NnLoader *loader = NULL;
    VALGRAD_SCOPE {
        loader = new_loader(true, 1);
        tensor_neg(nn_loader_next(loader)->inputs);
    }
    check_rows(nn_loader_next(loader));
    nn_loader_free(loader);
}
END_TEST

/* A graph that used the batch before can no longer be differentiated: its inputs are others now. */
START_TEST(next_batch_under_a_graph_is_detected)
{
    NnLoader *loader = new_loader(true, 1);
    Tensor *w = tensor_param(NULL, TENSOR_SHAPE(PIXELS, 2));
    VALGRAD_SCOPE {
        Tensor *loss = tensor_sum_all(tensor_affine(nn_loader_next(loader)->inputs, w, NULL));
        nn_loader_next(loader);
        ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_ERROR_MODIFIED);
    }
    tensor_release(w);
    nn_loader_free(loader);
}
END_TEST

static void check_refused(const NnDataset *data, int64_t batch, int64_t limit, ValgradStatus status,
                          const char *expected)
{
    NnLoaderOptions options = {.batch = batch, .limit = limit};
    ck_assert_ptr_null(nn_loader_new(data, &options));
    assert_error(status, expected);
}

START_TEST(errors)
{
    check_refused(NULL, 1, 0, VALGRAD_ERROR_NULL, "nn_loader_new: dataset is NULL");
    check_refused(dataset, 0, 0, VALGRAD_ERROR_ARGUMENT,
                  "nn_loader_new: batch 0: expected 1 or more");
    check_refused(dataset, 1, -1, VALGRAD_ERROR_ARGUMENT,
                  "limit -1: expected 0 to 10, the number of samples");
    check_refused(dataset, 1, 11, VALGRAD_ERROR_ARGUMENT,
                  "limit 11: expected 0 to 10, the number of samples");
    ck_assert_ptr_null(nn_loader_next(NULL));
    nn_loader_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader");
    TCase *cases = new_case(suite, "loader", 30);
    tcase_add_checked_fixture(cases, make_dataset, free_dataset);
    tcase_add_test(cases, sequential_order);
    tcase_add_test(cases, shuffled_order);
    tcase_add_test(cases, an_epoch_can_be_taken_up);
    tcase_add_test(cases, counts_and_reused_tensors);
    tcase_add_test(cases, limit_and_large_batch);
    tcase_add_test(cases, made_inside_a_scope);
    tcase_add_test(cases, next_batch_under_a_graph_is_detected);
    tcase_add_test(cases, errors);
    return run_suite(suite);
}
