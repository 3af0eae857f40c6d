/* test_csv.c - CSV files: what is taken for what, and what is said of a wrong one. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <valgrad/valgrad.h>

#include "testing.h"

static char path[] = "/tmp/valgrad-csv-XXXXXX";

static void write_bytes(const char *text, size_t length)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static NnDataset *read_with(const char *text, const NnCsvOptions *options)
{
    write_bytes(text, strlen(text));
    NnDataset *dataset = nn_dataset_read_csv(path, options);
    ck_assert_msg(dataset != NULL, "%s", valgrad_last_error());
    return dataset;
}

/* The label and features of sample i as text: "3: 1.5 2". */
static const char *sample_text(const NnDataset *dataset, int64_t i)
{
    static char text[400];
    int used = snprintf(text, sizeof text, "%d:", nn_dataset_label(dataset, i));
    const uint8_t *pixels = nn_dataset_pixels(dataset, i);
    const real *numbers = nn_dataset_numbers(dataset, i);
    ck_assert((pixels != NULL) != (numbers != NULL));
    for (int64_t j = 0; j < nn_dataset_features(dataset); j++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %g",
                         pixels ? (double)pixels[j] : (double)numbers[j]);
    return text;
}

/* ---- right ones ------------------------------------------------------------------------------ */

static const struct {
    const char *text, *label;
    int64_t column;
    const char *form; /* "count rows columns classes bytes" */
    const char *first, *last;
} right[] = {
    {"label,a,b\n1,2,3\n0,255,0\n", NULL, NN_CSV_FIND_LABEL, "2 1 2 2 bytes", "1: 2 3", "0: 255 0"},
    {"1,2,3\n0,4,5", NULL, NN_CSV_FIND_LABEL, "2 1 2 2 bytes", "1: 2 3", "0: 4 5"},
    {"a,label,b\n1,2,3\n", NULL, NN_CSV_FIND_LABEL, "1 1 2 3 bytes", "2: 1 3", "2: 1 3"},
    {"a,b,y\n1,2,3\n", "y", NN_CSV_FIND_LABEL, "1 1 2 4 bytes", "3: 1 2", "3: 1 2"},
    {"a,b,y\n1,2,3\n", NULL, 1, "1 1 2 3 bytes", "2: 1 3", "2: 1 3"},
    {"a,b,y\n1,2,3\n", NULL, -1, "1 1 2 4 bytes", "3: 1 2", "3: 1 2"},
    {"a,b\n1,2\n3,4\n", NULL, NN_CSV_NO_LABEL, "2 1 2 1 bytes", "0: 1 2", "0: 3 4"},
    {"label,0,1\n5,6,7\n", NULL, NN_CSV_FIND_LABEL, "1 1 2 6 bytes", "5: 6 7", "5: 6 7"},
    {"0,1,2,3,4\n1,5,6,7,8\n", NULL, NN_CSV_FIND_LABEL, "2 2 2 2 bytes", "0: 1 2 3 4",
     "1: 5 6 7 8"},
    {"0,1,2\n1,3,4.5\n", NULL, NN_CSV_FIND_LABEL, "2 1 2 2 numbers", "0: 1 2", "1: 3 4.5"},
    {"0,1,256\n", NULL, NN_CSV_FIND_LABEL, "1 1 2 1 numbers", "0: 1 256", "0: 1 256"},
    {"0,1,-1\n", NULL, NN_CSV_FIND_LABEL, "1 1 2 1 numbers", "0: 1 -1", "0: 1 -1"},
    {"0,1e2,2.0\n", NULL, NN_CSV_FIND_LABEL, "1 1 2 1 bytes", "0: 100 2", "0: 100 2"},
    {"0;1;2\n1;3;4\n", NULL, NN_CSV_FIND_LABEL, "2 1 2 2 bytes", "0: 1 2", "1: 3 4"},
    {"0\t1\t2\n", NULL, NN_CSV_FIND_LABEL, "1 1 2 1 bytes", "0: 1 2", "0: 1 2"},
    {"\xef\xbb\xbflabel,a\r\n1,2\r\n\r\n0,3\r\n\r\n", NULL, NN_CSV_FIND_LABEL, "2 1 1 2 bytes",
     "1: 2", "0: 3"},
    {"\"label\",\"a, \"\"b\"\"\nc\"\n\"1\", \"2\" \n", NULL, NN_CSV_FIND_LABEL, "1 1 1 2 bytes",
     "1: 2", "1: 2"},
    {"x,y,kind\n1.5,2,b\n1,2,a\n3,4,b\n", "kind", NN_CSV_FIND_LABEL, "3 1 2 2 numbers", "1: 1.5 2",
     "1: 3 4"},
    {"5.1,3.5,setosa\n4.9,3,virginica\n", NULL, -1, "2 1 2 2 numbers", "0: 5.1 3.5", "1: 4.9 3"},
};

START_TEST(right_files)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    char form[80];
    options.label = right[_i].label;
    options.label_column = right[_i].column;
    NnDataset *dataset = read_with(right[_i].text, &options);
    snprintf(form, sizeof form, "%d %d %d %d %s", (int)nn_dataset_count(dataset),
             (int)nn_dataset_rows(dataset), (int)nn_dataset_columns(dataset),
             nn_dataset_classes(dataset), nn_dataset_pixels(dataset, 0) ? "bytes" : "numbers");
    ck_assert_str_eq(form, right[_i].form);
    ck_assert_str_eq(sample_text(dataset, 0), right[_i].first);
    ck_assert_str_eq(sample_text(dataset, nn_dataset_count(dataset) - 1), right[_i].last);
    nn_dataset_free(dataset);
}
END_TEST

START_TEST(numbers_if_asked_for)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    options.numbers = true;
    NnDataset *dataset = read_with("0,1,2,3,4\n1,5,6,7,8\n", &options);
    ck_assert_ptr_null(nn_dataset_pixels(dataset, 0));
    ck_assert_int_eq(nn_dataset_rows(dataset), 1);
    ck_assert_str_eq(sample_text(dataset, 1), "1: 5 6 7 8");
    nn_dataset_free(dataset);
}
END_TEST

START_TEST(texts_are_classes_in_alphabetical_order)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    NnDataset *train =
        read_with("label,a\nversicolor,1\nsetosa,2\nvirginica,3\nsetosa,4.5\n", NULL);
    ck_assert_int_eq(nn_dataset_classes(train), 3);
    ck_assert_str_eq(nn_dataset_class_name(train, 0), "setosa");
    ck_assert_str_eq(nn_dataset_class_name(train, 1), "versicolor");
    ck_assert_str_eq(nn_dataset_class_name(train, 2), "virginica");
    ck_assert_ptr_null(nn_dataset_class_name(train, 3));
    ck_assert_int_eq(nn_dataset_label(train, 0), 1);
    options.like = train;
    NnDataset *test = read_with("label,a\nvirginica,1\n", &options);
    ck_assert_int_eq(nn_dataset_classes(test), 3);
    ck_assert_int_eq(nn_dataset_label(test, 0), 2);
    ck_assert_str_eq(nn_dataset_class_name(test, 2), "virginica");
    ck_assert_str_eq(sample_text(test, 0), "2: 1"); /* as numbers, like the training data */
    nn_dataset_free(test);
    write_bytes("label,a\nrose,1\n", 15);
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_FORMAT,
                 "line 2, column 1 (\"label\"): \"rose\": expected a label of the training data");
    nn_dataset_free(train);
}
END_TEST

START_TEST(like_the_training_data)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    NnDataset *train = read_with("1,2,3\n0,4,5\n", NULL);
    options.like = train;
    NnDataset *test = read_with("0,7,8\n", &options);
    ck_assert_int_eq(nn_dataset_classes(test), 2);
    nn_dataset_free(test);
    static const struct {
        const char *text, *expected;
    } wrong[] = {
        {"0,7,8.5\n",
         "line 1, column 3: \"8.5\": expected a whole number from 0 to 255, as in the"},
        {"2,7,8\n", "line 1, column 1: \"2\": expected a whole number from 0 to 1"},
        {"0,7\n", "has 1 features: expected 2, as the training data"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        write_bytes(wrong[i].text, strlen(wrong[i].text));
        ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
        ck_assert_msg(strstr(valgrad_last_error(), wrong[i].expected) != NULL, "%s",
                      valgrad_last_error());
    }
    valgrad_clear_error();
    nn_dataset_free(train);
}
END_TEST

/* Many rows, so that buffers grow; the same when gzipped. */
START_TEST(long_files)
{
    enum { ROWS = 30000 };
    char *text = malloc(ROWS * 40), *at = text;
    NnDataset *datasets[2];
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "%d,%d,%s\n", i % 7, i % 256, i == ROWS - 1 ? "0.5" : "1");
    datasets[0] = read_with(text, NULL);
    gzFile file = gzopen(path, "wb");
    ck_assert_int_eq(gzwrite(file, text, (unsigned)(at - text)), at - text);
    gzclose(file);
    datasets[1] = nn_dataset_read_csv(path, NULL);
    for (int d = 0; d < 2; d++) {
        ck_assert_msg(datasets[d] != NULL, "%s", valgrad_last_error());
        ck_assert_int_eq(nn_dataset_count(datasets[d]), ROWS);
        ck_assert_int_eq(nn_dataset_classes(datasets[d]), 7);
        for (int i = 0; i < ROWS; i++) {
            const real *numbers = nn_dataset_numbers(datasets[d], i);
            ck_assert_int_eq(nn_dataset_label(datasets[d], i), i % 7);
            ck_assert_int_eq((int)numbers[0], i % 256);
            ck_assert(numbers[1] == (i == ROWS - 1 ? (real)0.5 : 1));
        }
        nn_dataset_free(datasets[d]);
    }
    free(text);
}
END_TEST

START_TEST(decimal_points_whatever_the_locale)
{
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"};
    const char *set = NULL;
    for (size_t i = 0; i < COUNT(locales) && !set; i++)
        set = setlocale(LC_NUMERIC, locales[i]);
    NnDataset *dataset = read_with("0,1.5,2\n", NULL);
    ck_assert_double_eq((double)nn_dataset_numbers(dataset, 0)[0], 1.5);
    setlocale(LC_NUMERIC, "C");
    nn_dataset_free(dataset);
}
END_TEST

/* ---- wrong ones ------------------------------------------------------------------------------ */

static const struct {
    const char *text, *expected;
} wrong_files[] = {
    {"", "has nothing in it: expected at least one row"},
    {"\n\n", "has nothing in it: expected at least one row"},
    {"label,a,b\n", "has no line but its header: expected at least one row"},
    {"label\n1\n", "line 1: has 1 field: expected a label and features"},
    {"label,a,b\n1,2\n", "line 2: has 2 fields: expected 3, as line 1 has"},
    {"label,a,b\n1,2,3\n\n1,2,3,4\n", "line 4: has 4 fields: expected 3, as line 1 has"},
    {"label,a,b\n1,2,\n", "line 2, column 3 (\"b\"): missing: expected a finite number"},
    {"label,a,b\n,2,3\n", "line 2, column 1 (\"label\"): missing: expected a whole number from 0"},
    {"label,a,b\n1,2,nan\n", "line 2, column 3 (\"b\"): \"nan\": expected a finite number"},
    {"label,a,b\n1,2,inf\n", "line 2, column 3 (\"b\"): \"inf\": expected a finite number"},
    {"label,a,b\n1,2,1e999\n", "line 2, column 3 (\"b\"): \"1e999\": expected a finite number"},
    {"label,a,b\n1,2,0x10\n", "line 2, column 3 (\"b\"): \"0x10\": expected a finite number"},
    {"label,a,b\n1,2,3\n1,2,x\n", "line 3, column 3 (\"b\"): \"x\": expected a finite number"},
    {"label,a,b\n1,2,3\n1.5,2,3\n",
     "line 3, column 1 (\"label\"): \"1.5\": expected a whole number"},
    {"label,a,b\n1,2,3\n-1,2,3\n", "line 3, column 1 (\"label\"): \"-1\": expected a whole number"},
    {"label,a,b\n1,2,3\nx,2,3\n", "line 3, column 1 (\"label\"): \"x\": expected a whole number"},
    {"label,a\n1,\"2\n3,4\n", "line 2, column 2 (\"a\"): \"\"2\n3,4\n\": expected a finite number"},
};

START_TEST(wrong_file)
{
    write_bytes(wrong_files[_i].text, strlen(wrong_files[_i].text));
    ck_assert_ptr_null(nn_dataset_read_csv(path, NULL));
    ck_assert_msg(strstr(valgrad_last_error(), path) != NULL, "%s", valgrad_last_error());
    assert_error(VALGRAD_ERROR_FORMAT, wrong_files[_i].expected);
}
END_TEST

START_TEST(wrong_bytes)
{
    static const char zero[] = "label,a\n1,\0\n";
    write_bytes(zero, sizeof zero - 1);
    ck_assert_ptr_null(nn_dataset_read_csv(path, NULL));
    assert_error(VALGRAD_ERROR_FORMAT, "line 2, column 2");
}
END_TEST

START_TEST(cut_off_gzip)
{
    char packed[500];
    gzFile file = gzopen(path, "wb");
    for (int i = 0; i < 1000; i++)
        gzprintf(file, "%d,%d\n", i % 3, i % 251);
    gzclose(file);
    FILE *plain = fopen(path, "rb");
    size_t length = fread(packed, 1, sizeof packed, plain);
    fclose(plain);
    ck_assert_uint_gt(length, 400);
    write_bytes(packed, 400);
    ck_assert_ptr_null(nn_dataset_read_csv(path, NULL));
    assert_error(VALGRAD_ERROR_FORMAT, "is cut off: expected the end of its gzip stream");
}
END_TEST

START_TEST(wrong_options)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    write_bytes("a,b,c\n1,2,3\n", 12);
    ck_assert_ptr_null(nn_dataset_read_csv(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "path is NULL");
    options.label = "d";
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_NAME, "has no column called \"d\"");
    options.label = NULL;
    options.label_column = 3;
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_INDEX, "has 3 columns: there is no column 3 for the label");
    options.label_column = -4;
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_INDEX, "there is no column -4");
    options.label_column = 0;
    options.classes = 1;
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_FORMAT, "\"1\": expected a whole number from 0 to 0");
    options.classes = -1;
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_ARGUMENT, "-1 classes: expected 0 to 65536");
    write_bytes("1,2,3\n", 6);
    options.classes = 0;
    options.label = "d";
    ck_assert_ptr_null(nn_dataset_read_csv(path, &options));
    assert_error(VALGRAD_ERROR_NAME, "has no header with a column \"d\"");
    ck_assert_ptr_null(nn_dataset_read_csv("/nowhere", NULL));
    assert_error(VALGRAD_ERROR_IO, "/nowhere: cannot be read: No such file");
    ck_assert_ptr_null(nn_dataset_read_csv("/tmp", NULL));
    assert_error(VALGRAD_ERROR_IO, "/tmp: is a directory: expected a CSV file");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *cases = new_case(suite, "csv", 20);
    tcase_add_loop_test(cases, right_files, 0, (int)COUNT(right));
    tcase_add_test(cases, numbers_if_asked_for);
    tcase_add_test(cases, texts_are_classes_in_alphabetical_order);
    tcase_add_test(cases, like_the_training_data);
    tcase_add_test(cases, long_files);
    tcase_add_test(cases, decimal_points_whatever_the_locale);
    tcase_add_loop_test(cases, wrong_file, 0, (int)COUNT(wrong_files));
    tcase_add_test(cases, wrong_bytes);
    tcase_add_test(cases, cut_off_gzip);
    tcase_add_test(cases, wrong_options);
    close(mkstemp(path));
    int failed = run_suite(suite);
    remove(path);
    return failed;
}
