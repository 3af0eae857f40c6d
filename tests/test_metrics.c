/* test_metrics.c - confusion matrices against counts by hand. */
#include <stdlib.h>

#include <valgrad/valgrad.h>

#include "testing.h"

/* Labels and predictions of ten samples of three classes; class 2 is never predicted. */
static const int64_t labels[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 0};
static const int64_t predicted[] = {0, 0, 0, 1, 1, 1, 0, 0, 1, 0};

static NnConfusion *example(void)
{
    NnConfusion *confusion = nn_confusion_new(3);
    ck_assert_ptr_nonnull(confusion);
    assert_status(nn_confusion_add(confusion, 6, labels, predicted), VALGRAD_OK);
    assert_status(nn_confusion_add(confusion, 4, labels + 6, predicted + 6), VALGRAD_OK);
    return confusion;
}

START_TEST(counts)
{
    static const int64_t expected[3][3] = {{4, 1, 0}, {1, 2, 0}, {1, 1, 0}};
    NnConfusion *confusion = example();
    ck_assert_int_eq(nn_confusion_classes(confusion), 3);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(nn_confusion_count(confusion, i, j), expected[i][j]);
    ck_assert_int_eq(nn_confusion_count(confusion, -1, 0), 6);
    ck_assert_int_eq(nn_confusion_count(confusion, 0, -1), 5);
    ck_assert_int_eq(nn_confusion_count(confusion, -1, -1), 10);
    ck_assert_int_eq(nn_confusion_count(confusion, 3, 0), 0);
    ck_assert_int_eq(nn_confusion_count(NULL, 0, 0), 0);
    nn_confusion_free(confusion);
}
END_TEST

START_TEST(rates)
{
    NnConfusion *confusion = example();
    assert_near(nn_confusion_accuracy(confusion), 0.6, 1e-12);
    assert_near(nn_confusion_precision(confusion, 0), 4.0 / 6, 1e-12);
    assert_near(nn_confusion_recall(confusion, 0), 4.0 / 5, 1e-12);
    assert_near(nn_confusion_f1(confusion, 0), 8.0 / 11, 1e-12);
    assert_same(nn_confusion_precision(confusion, 2), (double)NAN);
    assert_same(nn_confusion_recall(confusion, 2), 0);
    assert_same(nn_confusion_f1(confusion, 2), 0);
    assert_same(nn_confusion_recall(confusion, 3), (double)NAN);
    assert_same(nn_confusion_recall(confusion, -1), (double)NAN);
    assert_same(nn_confusion_accuracy(NULL), (double)NAN);
    nn_confusion_free(confusion);
}
END_TEST

START_TEST(refusals_count_nothing)
{
    NnConfusion *confusion = example();
    const int64_t fine[] = {0, 1}, wrong[] = {0, 3};
    assert_status(nn_confusion_add(confusion, 2, wrong, fine), VALGRAD_ERROR_INDEX);
    assert_error(VALGRAD_ERROR_INDEX, "nn_confusion_add: label 3: expected 0 to 2");
    assert_status(nn_confusion_add(confusion, 2, fine, wrong), VALGRAD_ERROR_INDEX);
    assert_error(VALGRAD_ERROR_INDEX, "prediction 3: expected 0 to 2");
    assert_status(nn_confusion_add(confusion, 2, NULL, fine), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    ck_assert_int_eq(nn_confusion_count(confusion, -1, -1), 10);
    nn_confusion_free(confusion);
    ck_assert_ptr_null(nn_confusion_new(0));
    assert_error(VALGRAD_ERROR_ARGUMENT, "0 classes: expected 1 to 65536");
    nn_confusion_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *cases = new_case(suite, "metrics", 10);
    tcase_add_test(cases, counts);
    tcase_add_test(cases, rates);
    tcase_add_test(cases, refusals_count_nothing);
    return run_suite(suite);
}
