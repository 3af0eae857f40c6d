/* test_idx.c - reading IDX files: good ones, and every way in which one can be wrong. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <valgrad/nn.h>

#include "testing.h"

/* Three images of 2 x 2 and their labels. */
static const uint8_t good_images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                      0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
static const uint8_t good_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};

static char directory[] = "/tmp/test_idx_XXXXXX";

static void make_directory(void)
{
    strcpy(directory, "/tmp/test_idx_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

/* The path of a file in the directory; eight of them live at a time. */
static const char *path_of(const char *name)
{
    static char paths[8][100];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static void write_plain(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_gzip(const char *name, const void *bytes, size_t n)
{
    gzFile file = gzopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)n), (int)n);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

static size_t read_back(const char *name, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path_of(name), "rb");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(bytes, 1, room, file);
    fclose(file);
    return n;
}

/* ---- good files ------------------------------------------------------------------------------ */

static void check_good(NnDataset *dataset)
{
    ck_assert_msg(dataset != NULL, "%s", valgrad_last_error());
    ck_assert_int_eq(nn_dataset_count(dataset), 3);
    ck_assert_int_eq(nn_dataset_rows(dataset), 2);
    ck_assert_int_eq(nn_dataset_columns(dataset), 2);
    ck_assert_int_eq(nn_dataset_classes(dataset), 10);
    for (int i = 0; i < 3; i++) {
        ck_assert_mem_eq(nn_dataset_pixels(dataset, i), good_images + 16 + 4 * i, 4);
        ck_assert_int_eq(nn_dataset_label(dataset, i), good_labels[8 + i]);
    }
    ck_assert_ptr_null(nn_dataset_pixels(dataset, 3));
    ck_assert_ptr_null(nn_dataset_pixels(dataset, -1));
    ck_assert_int_eq(nn_dataset_label(dataset, 3), -1);
    nn_dataset_free(dataset);
}

START_TEST(plain_gzipped_and_mixed)
{
    write_plain("images", good_images, sizeof good_images);
    write_gzip("images.gz", good_images, sizeof good_images);
    write_plain("labels", good_labels, sizeof good_labels);
    write_gzip("labels.gz", good_labels, sizeof good_labels);
    check_good(nn_dataset_read_idx(path_of("images"), path_of("labels"), 10));
    check_good(nn_dataset_read_idx(path_of("images.gz"), path_of("labels.gz"), 10));
    check_good(nn_dataset_read_idx(path_of("images"), path_of("labels.gz"), 10));
    write_gzip("named-otherwise", good_images, sizeof good_images);
    check_good(nn_dataset_read_idx(path_of("named-otherwise"), path_of("labels"), 10));
}
END_TEST

START_TEST(found_by_directory)
{
    write_gzip("train-images-idx3-ubyte.gz", good_images, sizeof good_images);
    write_plain("train-labels-idx1-ubyte", good_labels, sizeof good_labels);
    check_good(nn_dataset_find_idx(directory, "train", 10));
}
END_TEST

START_TEST(made_in_memory)
{
    check_good(nn_dataset_new(3, 2, 2, 10, good_images + 16, good_labels + 8));
}
END_TEST

/* ---- wrong files ----------------------------------------------------------------------------- */

/* Reads images and labels by these names; the message must name the file `guilty` and hold
 * `expected`. */
static void check_refused(const char *images, const char *labels, ValgradStatus status,
                          const char *guilty, const char *expected)
{
    valgrad_clear_error();
    NnDataset *dataset = nn_dataset_read_idx(path_of(images), path_of(labels), 10);
    const char *message = valgrad_last_error();
    ck_assert_msg(dataset == NULL, "accepted: expected \"%s\"", expected);
    ck_assert_msg(strstr(message, path_of(guilty)) != NULL, "\"%s\" does not name %s", message,
                  guilty);
    ck_assert_msg(strstr(message, expected) != NULL, "\"%s\": expected \"%s\"", message, expected);
    ck_assert_msg(strncmp(message, "nn_dataset_read_idx: ", 21) == 0,
                  "\"%s\" does not name the function", message);
    ck_assert_int_eq(valgrad_last_status(), status);
}

/* An image file, as it is or gzipped, and the end of the message that refuses it. */
static const struct {
    const char *name;
    bool gzip;
    size_t n;
    uint8_t bytes[40];
    const char *expected;
} wrong_images[] = {
    {"empty", false, 0, {0}, "ends after 0 bytes: expected a header of 16"},
    {"empty", true, 0, {0}, "ends after 0 bytes: expected a header of 16"},
    {"short-magic", false, 3, {0, 0, 8}, "ends after 3 bytes: expected a header of 16"},
    {"short-header", false, 15, {0, 0, 8, 3}, "ends after 15 bytes: expected a header of 16"},
    {"labels-instead",
     false,
     11,
     {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9},
     "magic number 0x00000801: expected 0x00000803 (bytes, 3 sides)"},
    {"text",
     false,
     20,
     {'<', 'h', 't', 'm', 'l', '>'},
     "magic number 0x3c68746d: expected 0x00000803"},
    {"text",
     true,
     20,
     {'<', 'h', 't', 'm', 'l', '>'},
     "magic number 0x3c68746d: expected 0x00000803"},
    {"too-short",
     false,
     27,
     {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2},
     "has 11 bytes after its header: expected 3 x 2 x 2 = 12"},
    {"too-long",
     false,
     29,
     {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2},
     "has 13 bytes after its header: expected 3 x 2 x 2 = 12"},
    {"too-short",
     true,
     27,
     {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2},
     "ends 11 bytes after its header: expected 3 x 2 x 2 = 12"},
    {"too-long",
     true,
     29,
     {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2},
     "has more than 12 bytes after its header: expected 3 x 2 x 2 = 12"},
    {"no-images",
     false,
     16,
     {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2},
     "its header says 0 x 2 x 2 bytes: expected sides of 1 or more"},
    {"lying",
     false,
     28,
     {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0, 0, 0, 2},
     "has 12 bytes after its header: expected 4294967295 x 2 x 2 = 17179869180"},
    {"lying",
     true,
     28,
     {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0, 0, 0, 2},
     "bytes after its header: expected 4294967295 x 2 x 2 = 17179869180"},
    {"lying-more",
     false,
     28,
     {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
     "its header says 4294967295 x 4294967295 x 4294967295 bytes: expected what a file can hold"},
};

START_TEST(wrong_image_file)
{
    const size_t i = (size_t)_i;
    char name[40];
    snprintf(name, sizeof name, "%s%s", wrong_images[i].name, wrong_images[i].gzip ? ".gz" : "");
    (wrong_images[i].gzip ? write_gzip : write_plain)(name, wrong_images[i].bytes,
                                                      wrong_images[i].n);
    write_plain("labels", good_labels, sizeof good_labels);
    check_refused(name, "labels", VALGRAD_ERROR_FORMAT, name, wrong_images[i].expected);
}
END_TEST

START_TEST(wrong_labels)
{
    uint8_t labels[sizeof good_labels + 1] = {0};
    write_plain("images", good_images, sizeof good_images);
    check_refused("images", "images", VALGRAD_ERROR_FORMAT, "images",
                  "magic number 0x00000803: expected 0x00000801 (bytes, 1 side)");

    memcpy(labels, good_labels, sizeof good_labels);
    labels[9] = 10;
    write_plain("labels", labels, sizeof good_labels);
    check_refused("images", "labels", VALGRAD_ERROR_INDEX, "labels",
                  "label 10 of image 1: expected 0 to 9");

    memcpy(labels, good_labels, sizeof good_labels);
    labels[7] = 4;
    write_plain("labels", labels, sizeof labels);
    check_refused("images", "labels", VALGRAD_ERROR_FORMAT, "labels",
                  "has 4 labels: expected 3, one for each");
}
END_TEST

START_TEST(not_a_readable_file)
{
    write_plain("labels", good_labels, sizeof good_labels);
    check_refused("nowhere", "labels", VALGRAD_ERROR_IO, "nowhere",
                  "cannot be read: No such file or directory");
    ck_assert_int_eq(mkdir(path_of("folder"), 0700), 0);
    check_refused("folder", "labels", VALGRAD_ERROR_IO, "folder",
                  "is a directory: expected an IDX file");
    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    check_refused("pipe", "labels", VALGRAD_ERROR_IO, "pipe",
                  "is not a regular file: expected an IDX file");
    if (geteuid() == 0)
        return; /* to whom every file is readable */
    write_plain("secret", good_images, sizeof good_images);
    ck_assert_int_eq(chmod(path_of("secret"), 0), 0);
    check_refused("secret", "labels", VALGRAD_ERROR_IO, "secret",
                  "cannot be read: Permission denied");
}
END_TEST

START_TEST(not_gzip)
{
    write_plain("images.gz", good_images, sizeof good_images);
    write_plain("labels", good_labels, sizeof good_labels);
    check_refused("images.gz", "labels", VALGRAD_ERROR_FORMAT, "images.gz",
                  "is not gzip, as its name says: expected the first bytes 1f 8b");
    write_plain("images.gz", "", 0);
    check_refused("images.gz", "labels", VALGRAD_ERROR_FORMAT, "images.gz", "is not gzip");
}
END_TEST

/* A gzip file cut off anywhere is refused; with any byte changed, refused or read rightly. */
START_TEST(damaged_gzip)
{
    uint8_t bytes[200];
    write_gzip("images.gz", good_images, sizeof good_images);
    write_plain("labels", good_labels, sizeof good_labels);
    size_t n = read_back("images.gz", bytes, sizeof bytes);
    for (size_t length = 0; length < n; length++) {
        write_plain("cut.gz", bytes, length);
        ck_assert_ptr_null(nn_dataset_read_idx(path_of("cut.gz"), path_of("labels"), 10));
    }
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 0x20;
        write_plain("changed.gz", bytes, n);
        bytes[i] ^= 0x20;
        NnDataset *dataset = nn_dataset_read_idx(path_of("changed.gz"), path_of("labels"), 10);
        if (dataset)
            check_good(dataset);
    }
    bytes[n - 8] ^= 1; /* of the checksum */
    write_plain("checksum.gz", bytes, n);
    check_refused("checksum.gz", "labels", VALGRAD_ERROR_FORMAT, "checksum.gz",
                  "cannot be read: incorrect data check");
}
END_TEST

/* ---- wrong arguments ------------------------------------------------------------------------- */

static void check_message(const NnDataset *dataset, ValgradStatus status, const char *expected)
{
    ck_assert_ptr_null(dataset);
    assert_error(status, expected);
}

START_TEST(wrong_arguments)
{
    const uint8_t *pixels = good_images + 16, *labels = good_labels + 8;
    check_message(nn_dataset_read_idx(NULL, "x", 10), VALGRAD_ERROR_NULL, "images_path is NULL");
    check_message(nn_dataset_read_idx("x", NULL, 10), VALGRAD_ERROR_NULL, "labels_path is NULL");
    check_message(nn_dataset_read_idx("x", "x", 0), VALGRAD_ERROR_ARGUMENT,
                  "0 classes: expected 1 to 256");
    check_message(nn_dataset_new(3, 2, 2, 257, pixels, labels), VALGRAD_ERROR_ARGUMENT,
                  "257 classes: expected 1 to 256");
    check_message(nn_dataset_new(3, 2, 2, 10, NULL, labels), VALGRAD_ERROR_NULL, "pixels is NULL");
    check_message(nn_dataset_new(3, 2, 2, 10, pixels, NULL), VALGRAD_ERROR_NULL, "labels is NULL");
    check_message(nn_dataset_new(0, 2, 2, 10, pixels, labels), VALGRAD_ERROR_ARGUMENT,
                  "0 images of 2 x 2");
    check_message(nn_dataset_new(3, INT64_MAX, INT64_MAX, 10, pixels, labels),
                  VALGRAD_ERROR_ARGUMENT, "expected 1 to 2^32-1 images");
    check_message(nn_dataset_new(3, 2, 2, 9, pixels, labels), VALGRAD_ERROR_INDEX,
                  "nn_dataset_new: labels: label 9 of image 2: expected 0 to 8");
    nn_dataset_free(NULL);
    ck_assert_int_eq(nn_dataset_count(NULL), 0);
    ck_assert_ptr_null(nn_dataset_pixels(NULL, 0));
}
END_TEST

START_TEST(wrong_directories)
{
    char expected[200];
    check_message(nn_dataset_find_idx(NULL, "train", 10), VALGRAD_ERROR_NULL, "directory is NULL");
    check_message(nn_dataset_find_idx("x", NULL, 10), VALGRAD_ERROR_NULL, "stem is NULL");
    snprintf(expected, sizeof expected, "%s: cannot be read: No such file or directory",
             path_of("none"));
    check_message(nn_dataset_find_idx(path_of("none"), "train", 10), VALGRAD_ERROR_IO, expected);
    write_plain("file", "", 0);
    snprintf(expected, sizeof expected, "%s: is a file: expected the directory of the IDX files",
             path_of("file"));
    check_message(nn_dataset_find_idx(path_of("file"), "train", 10), VALGRAD_ERROR_IO, expected);
    snprintf(expected, sizeof expected,
             "%s: has neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz", directory);
    check_message(nn_dataset_find_idx(directory, "train", 10), VALGRAD_ERROR_IO, expected);
}
END_TEST

/* ---- the real digits ------------------------------------------------------------------------- */

#ifdef VALGRAD_MNIST_SOURCE_DATA
START_TEST(mnist_itself)
{
    NnDataset *train = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "train", 10);
    NnDataset *test = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", 10);
    ck_assert_msg(train && test, "%s", valgrad_last_error());
    ck_assert_int_eq(nn_dataset_count(train), 60000);
    ck_assert_int_eq(nn_dataset_count(test), 10000);
    ck_assert_int_eq(nn_dataset_rows(train), 28);
    ck_assert_int_eq(nn_dataset_columns(train), 28);
    static const int first_labels[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(nn_dataset_label(train, i), first_labels[i]);
    ck_assert_int_eq(nn_dataset_label(test, 0), 7);
    nn_dataset_free(train);
    nn_dataset_free(test);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("idx");
    TCase *cases = new_case(suite, "idx", 60);
    tcase_add_checked_fixture(cases, make_directory, remove_directory);
    tcase_add_test(cases, plain_gzipped_and_mixed);
    tcase_add_test(cases, found_by_directory);
    tcase_add_test(cases, made_in_memory);
    tcase_add_loop_test(cases, wrong_image_file, 0, (int)COUNT(wrong_images));
    tcase_add_test(cases, wrong_labels);
    tcase_add_test(cases, not_a_readable_file);
    tcase_add_test(cases, not_gzip);
    tcase_add_test(cases, damaged_gzip);
    tcase_add_test(cases, wrong_arguments);
    tcase_add_test(cases, wrong_directories);
#ifdef VALGRAD_MNIST_SOURCE_DATA
    tcase_add_test(cases, mnist_itself);
#endif
    return run_suite(suite);
}
