/* test_dataset.c - parts of datasets, binary pixels, moments; samples moved and normalised. */
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "testing.h"

enum { SAMPLES = 50, SIDE = 5, PIXELS = SIDE * SIDE };

static NnDataset *dataset;

/* Sample i has the label i % 10 and the pixels 4 i, 4 i + 1, … */
static void make_dataset(void)
{
    uint8_t pixels[SAMPLES * PIXELS], labels[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = (uint8_t)(i % 10);
        for (int j = 0; j < PIXELS; j++)
            pixels[i * PIXELS + j] = (uint8_t)(4 * i + j);
    }
    dataset = nn_dataset_new(SAMPLES, SIDE, SIDE, 10, pixels, labels);
    ck_assert_ptr_nonnull(dataset);
}

static void free_dataset(void)
{
    nn_dataset_free(dataset);
}

static int original(const NnDataset *part, int64_t i)
{
    return nn_dataset_pixels(part, i)[0] / 4;
}

/* ---- parts ----------------------------------------------------------------------------------- */

START_TEST(selected)
{
    const int64_t indices[] = {7, 0, 7, 49};
    NnDataset *part = nn_dataset_select(dataset, 4, indices);
    ck_assert_int_eq(nn_dataset_count(part), 4);
    ck_assert_int_eq(nn_dataset_rows(part), SIDE);
    ck_assert_int_eq(nn_dataset_classes(part), 10);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(nn_dataset_label(part, i), indices[i] % 10);
        ck_assert_mem_eq(nn_dataset_pixels(part, i), nn_dataset_pixels(dataset, indices[i]),
                         PIXELS);
    }
    nn_dataset_free(part);
    ck_assert_ptr_null(nn_dataset_select(dataset, 0, indices));
    assert_error(VALGRAD_ERROR_ARGUMENT, "0 samples: expected 1 or more");
    ck_assert_ptr_null(nn_dataset_select(dataset, 1, (int64_t[]){50}));
    assert_error(VALGRAD_ERROR_INDEX, "sample 50: expected 0 to 49");
    ck_assert_ptr_null(nn_dataset_select(NULL, 1, indices));
    assert_error(VALGRAD_ERROR_NULL, "dataset is NULL");
}
END_TEST

/* Which samples of the whole are in a part, in increasing order. */
static void mark(const NnDataset *part, int seen[SAMPLES])
{
    for (int64_t i = 0; i < nn_dataset_count(part); i++) {
        seen[original(part, i)]++;
        ck_assert(i == 0 || original(part, i - 1) < original(part, i));
    }
}

START_TEST(split_in_two)
{
    int seen[SAMPLES] = {0}, again[SAMPLES] = {0};
    NnDataset *drawn, *others, *same, *rest;
    assert_status(nn_dataset_split(dataset, 12, 3, &drawn, &others), VALGRAD_OK);
    ck_assert_int_eq(nn_dataset_count(drawn), 12);
    ck_assert_int_eq(nn_dataset_count(others), SAMPLES - 12);
    mark(drawn, seen);
    assert_status(nn_dataset_split(dataset, 12, 3, &same, &rest), VALGRAD_OK);
    mark(same, again);
    ck_assert_mem_eq(seen, again, sizeof seen);
    mark(others, seen);
    for (int i = 0; i < SAMPLES; i++)
        ck_assert_int_eq(seen[i], 1);
    nn_dataset_free(drawn);
    nn_dataset_free(others);
    nn_dataset_free(same);
    nn_dataset_free(rest);
    assert_status(nn_dataset_split(dataset, SAMPLES, 3, &drawn, &others), VALGRAD_ERROR_ARGUMENT);
    assert_error(VALGRAD_ERROR_ARGUMENT, "50 of 50 samples");
    assert_status(nn_dataset_split(dataset, 0, 3, &drawn, &others), VALGRAD_ERROR_ARGUMENT);
    valgrad_clear_error();
    assert_status(nn_dataset_split(dataset, 1, 3, NULL, &others), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
}
END_TEST

/* Each sample is drawn as often as any other: 500 draws of 10 of 50, deviation sqrt(80) = 9. */
START_TEST(split_is_even)
{
    int seen[SAMPLES] = {0};
    for (uint64_t seed = 0; seed < 500; seed++) {
        NnDataset *drawn, *others;
        assert_status(nn_dataset_split(dataset, 10, seed, &drawn, &others), VALGRAD_OK);
        mark(drawn, seen);
        nn_dataset_free(drawn);
        nn_dataset_free(others);
    }
    for (int i = 0; i < SAMPLES; i++)
        ck_assert_msg(seen[i] > 55 && seen[i] < 145, "sample %d was drawn %d times", i, seen[i]);
}
END_TEST

/* ---- numbers --------------------------------------------------------------------------------- */

START_TEST(binary_pixels)
{
    assert_status(nn_dataset_binarize(dataset, 100), VALGRAD_OK);
    for (int i = 0; i < SAMPLES; i++)
        for (int j = 0; j < PIXELS; j++)
            ck_assert_int_eq(nn_dataset_pixels(dataset, i)[j], 4 * i + j >= 100 ? 255 : 0);
    assert_status(nn_dataset_binarize(dataset, 0), VALGRAD_ERROR_ARGUMENT);
    assert_status(nn_dataset_binarize(dataset, 256), VALGRAD_ERROR_ARGUMENT);
    valgrad_clear_error();
    assert_status(nn_dataset_binarize(NULL, 1), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
}
END_TEST

/* Feature j of sample i is (4 i + j) / 255: moments of an arithmetic sequence. */
START_TEST(moments)
{
    double mean[PIXELS], deviation[PIXELS];
    const double spread = 4 * sqrt((SAMPLES * SAMPLES - 1) / 12.0) / 255;
    assert_status(nn_dataset_moments(dataset, PIXELS, mean, deviation), VALGRAD_OK);
    for (int j = 0; j < PIXELS; j++) {
        assert_near(mean[j], (4 * (SAMPLES - 1) / 2.0 + j) / 255, 1e-12);
        assert_near(deviation[j], spread, 1e-12);
    }
    assert_status(nn_dataset_moments(dataset, 1, mean, deviation), VALGRAD_OK);
    assert_near(mean[0], (4 * (SAMPLES - 1) / 2.0 + (PIXELS - 1) / 2.0) / 255, 1e-12);
    const double between = sqrt((PIXELS * PIXELS - 1) / 12.0) / 255;
    assert_near(deviation[0], sqrt(spread * spread + between * between), 1e-12);
    assert_status(nn_dataset_moments(dataset, 2, mean, deviation), VALGRAD_ERROR_ARGUMENT);
    assert_error(VALGRAD_ERROR_ARGUMENT, "2 moments: expected 1, or 25");
}
END_TEST

START_TEST(a_constant_feature_has_deviation_1)
{
    NnDataset *one = nn_dataset_select(dataset, 1, (int64_t[]){3});
    double mean[PIXELS], deviation[PIXELS];
    assert_status(nn_dataset_moments(one, PIXELS, mean, deviation), VALGRAD_OK);
    ck_assert_double_eq(deviation[4], 1);
    nn_dataset_free(one);
}
END_TEST

/* ---- what a loader does to samples ----------------------------------------------------------- */

static NnLoader *new_loader(NnLoaderOptions options)
{
    options.batch = SAMPLES;
    options.sequential = true;
    NnLoader *loader = nn_loader_new(dataset, &options);
    ck_assert_msg(loader != NULL, "%s", valgrad_last_error());
    return loader;
}

static void read_batch(NnLoader *loader, real numbers[SAMPLES * PIXELS])
{
    const NnBatch *batch = nn_loader_next(loader);
    ck_assert_ptr_nonnull(batch);
    assert_status(tensor_get(batch->inputs, SAMPLES * PIXELS, numbers), VALGRAD_OK);
}

static void check_normal(int64_t n)
{
    double mean[PIXELS], deviation[PIXELS];
    real numbers[SAMPLES * PIXELS];
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    assert_status(nn_dataset_moments(dataset, n, mean, deviation), VALGRAD_OK);
    options.moments = n;
    options.mean = mean;
    options.deviation = deviation;
    NnLoader *loader = new_loader(options);
    read_batch(loader, numbers);
    nn_loader_free(loader);
    for (int i = 0; i < SAMPLES; i++)
        for (int j = 0; j < PIXELS; j++) {
            int k = n == 1 ? 0 : j;
            assert_near(numbers[i * PIXELS + j], ((4 * i + j) / 255.0 - mean[k]) / deviation[k],
                        10 * (double)REAL_EPSILON);
        }
}

START_TEST(normalized)
{
    check_normal(1);
    check_normal(PIXELS);
}
END_TEST

START_TEST(moved_within_bounds_and_anew_each_epoch)
{
    real plain[SAMPLES * PIXELS], first[SAMPLES * PIXELS], second[SAMPLES * PIXELS];
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    NnLoader *loader = new_loader(options);
    read_batch(loader, plain);
    nn_loader_free(loader);
    options.shift = 1;
    options.rotation = 10;
    loader = new_loader(options);
    read_batch(loader, first);
    ck_assert_ptr_null(nn_loader_next(loader));
    read_batch(loader, second);
    ck_assert_mem_ne(plain, first, sizeof plain);
    ck_assert_mem_ne(first, second, sizeof plain);
    for (int i = 0; i < SAMPLES * PIXELS; i++)
        ck_assert(first[i] >= 0 && first[i] <= 1);
    assert_status(nn_loader_start(loader, 0), VALGRAD_OK);
    read_batch(loader, second);
    ck_assert_mem_eq(first, second, sizeof plain); /* fixed by seed and epoch */
    nn_loader_free(loader);
}
END_TEST

/* A lone pixel in the middle of a greater image stays within its bounds, with its ink. */
START_TEST(a_move_keeps_ink)
{
    uint8_t pixels[31 * 31] = {0}, label = 0;
    real numbers[31 * 31];
    for (int i = 14; i <= 16; i++)
        for (int j = 14; j <= 16; j++)
            pixels[31 * i + j] = 255;
    NnDataset *dot = nn_dataset_new(1, 31, 31, 1, pixels, &label);
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.shift = 4;
    options.rotation = 45;
    NnLoader *loader = nn_loader_new(dot, &options);
    double farthest = 0;
    for (int epoch = 0; epoch < 200; epoch++) {
        double sum = 0, down = 0, right = 0;
        assert_status(nn_loader_start(loader, epoch), VALGRAD_OK);
        const NnBatch *batch = nn_loader_next(loader);
        assert_status(tensor_get(batch->inputs, 31 * 31, numbers), VALGRAD_OK);
        for (int i = 0; i < 31 * 31; i++) {
            sum += (double)numbers[i];
            down += (double)numbers[i] * (i / 31 - 15);
            right += (double)numbers[i] * (i % 31 - 15);
        }
        ck_assert_double_eq_tol(sum, 9, 0.7);
        ck_assert(fabs(down / sum) < 4.1 && fabs(right / sum) < 4.1);
        farthest = fmax(farthest, fabs(down / sum));
    }
    ck_assert_double_gt(farthest, 3.5);
    nn_loader_free(loader);
    nn_dataset_free(dot);
}
END_TEST

START_TEST(wrong_loader_options)
{
    const double mean = 0, zero = 0, infinite = (double)INFINITY;
    const struct {
        NnLoaderOptions options;
        const char *expected;
    } wrong[] = {
        {{1, 0, 1, false, 2, &mean, &mean, 0, 0}, "2 moments: expected 0, 1, or 25"},
        {{1, 0, 1, false, 1, NULL, &mean, 0, 0}, "mean is NULL"},
        {{1, 0, 1, false, 1, &mean, NULL, 0, 0}, "deviation is NULL"},
        {{1, 0, 1, false, 1, &mean, &zero, 0, 0}, "deviation 0: expected finite numbers"},
        {{1, 0, 1, false, 1, &infinite, &infinite, 0, 0}, "mean inf"},
        {{1, 0, 1, false, 0, NULL, NULL, -1, 0}, "shift -1, rotation 0: expected finite numbers"},
        {{1, 0, 1, false, 0, NULL, NULL, 0, (double)INFINITY}, "rotation inf"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        valgrad_clear_error();
        ck_assert_ptr_null(nn_loader_new(dataset, &wrong[i].options));
        ck_assert_msg(strstr(valgrad_last_error(), wrong[i].expected) != NULL, "%s",
                      valgrad_last_error());
    }
    valgrad_clear_error();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset");
    TCase *cases = new_case(suite, "dataset", 20);
    tcase_add_checked_fixture(cases, make_dataset, free_dataset);
    tcase_add_test(cases, selected);
    tcase_add_test(cases, split_in_two);
    tcase_add_test(cases, split_is_even);
    tcase_add_test(cases, binary_pixels);
    tcase_add_test(cases, moments);
    tcase_add_test(cases, a_constant_feature_has_deviation_1);
    tcase_add_test(cases, normalized);
    tcase_add_test(cases, moved_within_bounds_and_anew_each_epoch);
    tcase_add_test(cases, a_move_keeps_ink);
    tcase_add_test(cases, wrong_loader_options);
    return run_suite(suite);
}
