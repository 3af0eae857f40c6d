/* test_mnist_data.c - the trainer's data: CSV beside IDX, Fashion-MNIST, binary, normalised and moved
 * samples, parts set aside; and what it says of wrong data. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <valgrad/valgrad.h>

#include "mnist_testing.h"

/* Writes the first samples of a part of MNIST as Kaggle has them. */
static void write_csv(const char *path, const char *stem, int64_t count)
{
    NnDataset *digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, stem, 10);
    ck_assert_msg(digits != NULL, "%s", valgrad_last_error());
    FILE *file = fopen(path, "w");
    fprintf(file, "label");
    for (int j = 0; j < 784; j++)
        fprintf(file, ",pixel%d", j);
    for (int64_t i = 0; i < count; i++) {
        fprintf(file, "\n%d", nn_dataset_label(digits, i));
        for (int j = 0; j < 784; j++)
            fprintf(file, ",%d", nn_dataset_pixels(digits, i)[j]);
    }
    ck_assert_int_eq(fclose(file), 0);
    nn_dataset_free(digits);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

START_TEST(csv_and_idx_give_the_same_weights)
{
    write_csv("train.csv", "train", 2000);
    write_csv("test.csv", "t10k", 500);
    run_well("--train-limit 2000 --epochs 2 --layers 16 --quiet --save idx.safetensors");
    run_well("--data train.csv --test-data test.csv --epochs 2 --layers 16 --quiet "
             "--save csv.safetensors");
    NnState *idx = nn_state_read("idx.safetensors"), *csv = nn_state_read("csv.safetensors");
    ck_assert(idx && csv);
    ck_assert_int_eq(nn_state_count(idx), 4);
    for (int64_t i = 0; i < 4; i++) {
        const NnArray *array = nn_state_at(idx, i), *other = nn_state_find(csv, array->name);
        ck_assert_mem_eq(array->data, other->data, (size_t)array->size * sizeof(real));
    }
    nn_state_free(idx);
    nn_state_free(csv);
}
END_TEST

START_TEST(gzipped_csv_with_a_part_set_aside)
{
    write_csv("all.csv", "train", 1000);
    ck_assert_int_eq(system("gzip -1 -f all.csv"), 0);
    run_well("--data all.csv.gz --epochs 2 --layers 16");
    assert_printed("900 samples to train, 100 to test");
    ck_assert_double_gt(last_line_accuracy(), 50);
}
END_TEST

/* Two classes that a line parts, with texts as labels. */
static void write_flowers(void)
{
    FILE *file = fopen("flowers.csv", "w");
    Random random = random_seeded(1);
    fprintf(file, "length,width,species\n");
    for (int i = 0; i < 300; i++) {
        double length = (double)random_uniform(&random, -1, 1) * 100;
        double width = (double)random_uniform(&random, -1, 1);
        fprintf(file, "%.3f,%.3f,%s\n", 500 + length, width,
                length / 100 + width > 0 ? "tulip" : "rose");
    }
    fclose(file);
}

START_TEST(general_csv)
{
    write_flowers();
    run_well("--data flowers.csv --label-column species --normalize --layers 8 --epochs 30 "
             "--batch 10 --report --save flowers.safetensors");
    assert_printed("2-8-2 relu");
    assert_printed("\nrose  ");
    assert_printed("\ntulip  ");
    double accuracy = last_line_accuracy();
    ck_assert_double_gt(accuracy, 90);
    run_well("eval --load flowers.safetensors");
    ck_assert_double_eq(last_line_accuracy(), accuracy);
    run_well("eval --load flowers.safetensors --data flowers.csv --label-column -1");
    assert_printed("300 samples");
    ck_assert_double_gt(last_line_accuracy(), 90);
    write_text("new.csv", "580,0.5\n420,-0.5\n");
    run_well("predict --load flowers.safetensors new.csv");
    ck_assert_str_eq(printed, "ImageId,Label\n1,1\n2,0\n");
}
END_TEST

static const struct {
    const char *text, *arguments, *expected;
} wrong_csvs[] = {
    {"label,a,b\n1,2\n", "--data x.csv", "x.csv: line 2: has 2 fields: expected 3"},
    {"label,a,b\n1,2,3\n0,2,nan\n", "--data x.csv", "x.csv: line 3, column 3 (\"b\"): \"nan\""},
    {"label,a,b\n1,2,3\n0,,3\n", "--data x.csv", "x.csv: line 3, column 2 (\"a\"): missing"},
    {"label,a,b\n1,2,3\n-1,2,3\n", "--data x.csv", "x.csv: line 3, column 1 (\"label\"): \"-1\""},
    {"a,b\n1,2\n", "--data x.csv --label-column c", "x.csv: has no column called \"c\""},
    {"a,b\n1,2\n", "--data x.csv --label-column 3", "x.csv: has 2 columns: there is no column"},
    {"a,b\n1,2\n", "--data x.csv", "1 of 1 samples: expected 1 or more, and 1 left"},
    {"", "--data x.csv", "x.csv: has nothing in it"},
    {"a,b\n1,2.5\n0,3\n", "--data x.csv --binary", "--binary: the features are numbers"},
    {"a,b,c\n1,2,3\n0,3,4\n", "--data x.csv --shift 1", "--shift and --rotation: the samples are"},
    {"a,b,c\n1,2,3\n0,3,4\n", "--test-data x.csv --train-limit 10",
     "x.csv: has 2 features: expected 784, as the training data"},
};

START_TEST(wrong_csv)
{
    write_text("x.csv", wrong_csvs[_i].text);
    check_refused(wrong_csvs[_i].arguments, 1, wrong_csvs[_i].expected);
}
END_TEST

/* ---- other images ---------------------------------------------------------------------------- */

START_TEST(fashion_is_not_installed)
{
    setenv("VALGRAD_FASHION_DATA", "/nowhere", 1);
    check_refused("--dataset fashion", 1,
                  "no Fashion-MNIST: /nowhere does not exist: install the Debian package "
                  "dataset-fashion-mnist, or give its directory with --data DIR");
    unsetenv("VALGRAD_FASHION_DATA");
}
END_TEST

START_TEST(fashion)
{
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0)
        return;
    run_well("--dataset fashion --train-limit 3000 --epochs 2 --layers 32 --report");
    ck_assert_double_gt(last_line_accuracy(), 65);
    assert_printed("\nankle boot ");
    run_well("show --dataset fashion 0");
    assert_printed("ankle boot  (0)");
}
END_TEST

/* ---- forms ----------------------------------------------------------------------------------- */

static const char *const forms[] = {
    "--binary",         "--binary --threshold 64",
    "--normalize",      "--shift 2",
    "--rotation 10",    "--shift 1 --rotation 5 --normalize",
    "--validation 0.2", "--validation 0.1 --patience 1",
};

START_TEST(every_form_trains)
{
    char arguments[200];
    snprintf(arguments, sizeof arguments, "--train-limit 2000 --epochs 1 --layers 24 --quiet %s",
             forms[_i]);
    run_well(arguments);
    ck_assert_int_eq(lines(), 1);
    ck_assert_double_gt(last_line_accuracy(), 50);
}
END_TEST

START_TEST(validation_is_set_aside)
{
    run_well("--train-limit 500 --validation 0.25 --epochs 2 --layers 8");
    assert_printed("500 samples to train, 750 to validate, 500 to test");
    assert_printed("  validation ");
    ck_assert_int_eq(lines(), 4);
}
END_TEST

/* A learning rate of 0 brings no gain after the first epoch. */
START_TEST(early_stop)
{
    run_well("--train-limit 300 --validation 0.5 --patience 2 --epochs 50 --layers 8 --lr 0");
    assert_printed("no gain for 2 epochs: back to the weights of epoch 1\n");
    ck_assert_int_eq(lines(), 1 + 3 + 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist_data");
    TCase *cases = new_case(suite, "data", 120);
    tcase_add_unchecked_fixture(cases, use_few_digits, remove_few_digits);
    tcase_add_unchecked_fixture(cases, enter_folder, leave_folder);
    tcase_add_test(cases, csv_and_idx_give_the_same_weights);
    tcase_add_test(cases, gzipped_csv_with_a_part_set_aside);
    tcase_add_test(cases, general_csv);
    tcase_add_loop_test(cases, wrong_csv, 0, (int)COUNT(wrong_csvs));
    tcase_add_test(cases, fashion_is_not_installed);
    tcase_add_test(cases, fashion);
    tcase_add_loop_test(cases, every_form_trains, 0, (int)COUNT(forms));
    tcase_add_test(cases, validation_is_set_aside);
    tcase_add_test(cases, early_stop);
    return run_suite(suite);
}
