/* test_image.c - PNG and PGM files, and handwriting brought to MNIST's form. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <valgrad/valgrad.h>

#include "testing.h"

enum { SIDE = NN_DIGIT_SIDE };

static char path[] = "/tmp/valgrad-image-XXXXXX";

static void write_file(const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

/* ---- files ----------------------------------------------------------------------------------- */

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t length;
} right_pgms[] = {
    {BYTES("P2\n# a comment\n3 2\n255\n0 51 102\n153 204 255\n")},
    {BYTES("P2 3 2 5 0 1 2 3 4 5")},
    {BYTES("P5 3 2 255\n\x00\x33\x66\x99\xcc\xff")},
    {BYTES("P5 3 2 5\n\x00\x01\x02\x03\x04\x05 and more")},
    {BYTES("P5\n3\n2\n65535\n\x00\x00\x33\x33\x66\x66\x99\x99\xcc\xcc\xff\xff")},
};

START_TEST(right_pgm)
{
    static const uint8_t expected[] = {0, 51, 102, 153, 204, 255};
    NnImage image;
    write_file(right_pgms[_i].bytes, right_pgms[_i].length);
    assert_status(nn_image_read(path, &image), VALGRAD_OK);
    ck_assert_int_eq(image.rows, 2);
    ck_assert_int_eq(image.columns, 3);
    ck_assert_mem_eq(image.pixels, expected, 6);
    nn_image_free(&image);
    ck_assert_ptr_null(image.pixels);
}
END_TEST

static const struct {
    const char *bytes, *expected;
} wrong_images[] = {
    {"", "neither a PNG nor a PGM file"},
    {"P6 1 1 255\nxxx", "neither a PNG nor a PGM file (P2 or P5)"},
    {"P2", "neither"},
    {"P2 x", "expected the header of a PGM file"},
    {"P2 1 1 0\n0", "expected the header of a PGM file"},
    {"P2 1 1 65536\n0", "expected the header of a PGM file"},
    {"P2 1 1 255", "expected the header of a PGM file"},
    {"P2 2 1 255\n0", "pixel 1 of 2: expected a number from 0 to 255"},
    {"P2 2 1 255\n0 256", "pixel 1 of 2: expected a number from 0 to 255"},
    {"P2 2 1 255\n0 -1", "pixel 1 of 2: expected a number"},
    {"P5 2 2 255\nabc", "pixel 3 of 4: expected a number"},
    {"P5 0 2 255\nabc", "has 2 x 0 pixels: expected 1 to 67108864"},
    {"P5 99999999 99999999 255\nabc", "pixels: expected 1 to 67108864"},
    {"P5 8193 8192 255\nabc", "has 8192 x 8193 pixels: expected 1 to 67108864"},
};

START_TEST(wrong_image)
{
    NnImage image;
    write_file(wrong_images[_i].bytes, strlen(wrong_images[_i].bytes));
    assert_status(nn_image_read(path, &image), VALGRAD_ERROR_FORMAT);
    ck_assert_msg(strstr(valgrad_last_error(), path) != NULL, "%s", valgrad_last_error());
    assert_error(VALGRAD_ERROR_FORMAT, wrong_images[_i].expected);
    ck_assert_ptr_null(image.pixels);
}
END_TEST

/* Whether the library has PNG; without it, its functions say so. */
static bool has_png(void)
{
    NnImage dot = {1, 1, (uint8_t[]){7}};
    bool has = nn_image_write_png(path, &dot) == VALGRAD_OK;
    if (!has)
        assert_error(VALGRAD_ERROR_STATE, "built with libpng");
    return has;
}

START_TEST(png_there_and_back)
{
    enum { ROWS = 13, COLUMNS = 7 };
    uint8_t pixels[ROWS * COLUMNS];
    char bytes[2000];
    NnImage image = {ROWS, COLUMNS, pixels}, again;
    if (!has_png())
        return;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        pixels[i] = (uint8_t)(i * 37);
    assert_status(nn_image_write_png(path, &image), VALGRAD_OK);
    assert_status(nn_image_read(path, &again), VALGRAD_OK);
    ck_assert_int_eq(again.rows, ROWS);
    ck_assert_int_eq(again.columns, COLUMNS);
    ck_assert_mem_eq(again.pixels, pixels, sizeof pixels);
    nn_image_free(&again);
    FILE *file = fopen(path, "rb");
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    write_file(bytes, length - 20);
    assert_status(nn_image_read(path, &again), VALGRAD_ERROR_FORMAT);
    assert_error(VALGRAD_ERROR_FORMAT, "cannot be read as PNG: ");
    ck_assert_ptr_null(again.pixels);
}
END_TEST

START_TEST(refusals)
{
    NnImage image = {0, 0, NULL}, flat = {0, 3, (uint8_t[]){1}};
    assert_status(nn_image_read(NULL, &image), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    assert_status(nn_image_read("/nowhere.png", &image), VALGRAD_ERROR_IO);
    assert_error(VALGRAD_ERROR_IO, "/nowhere.png: cannot be read: No such file");
    assert_status(nn_image_write_png(path, &image), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    assert_status(nn_image_write_png(path, &flat), VALGRAD_ERROR_ARGUMENT);
    valgrad_clear_error();
    image = (NnImage){1, 1, (uint8_t[]){1}};
    if (has_png()) {
        assert_status(nn_image_write_png("/nowhere/x.png", &image), VALGRAD_ERROR_IO);
        assert_error(VALGRAD_ERROR_IO, "/nowhere/x.png: cannot be written: No such file");
    }
    ck_assert_ptr_null(nn_digits_new(NULL, true));
    assert_error(VALGRAD_ERROR_NULL, "image is NULL");
    nn_image_free(NULL);
    nn_digits_free(NULL);
    ck_assert_int_eq(nn_digits_count(NULL), 0);
}
END_TEST

/* ---- digits ---------------------------------------------------------------------------------- */

enum { PAGE_ROWS = 120, PAGE_COLUMNS = 200 };

static uint8_t page[PAGE_ROWS * PAGE_COLUMNS];

static void paper(int level)
{
    memset(page, level, sizeof page);
}

static void stroke(int top, int left, int rows, int columns, int level)
{
    for (int i = top; i < top + rows; i++)
        memset(page + i * PAGE_COLUMNS + left, level, (size_t)columns);
}

static NnDigits *find(bool several)
{
    const NnImage image = {PAGE_ROWS, PAGE_COLUMNS, page};
    NnDigits *digits = nn_digits_new(&image, several);
    ck_assert_msg(digits != NULL, "%s", valgrad_last_error());
    return digits;
}

/* Row and column of the centre of mass, and the box of the ink. */
static void measure(const uint8_t *pixels, double *row, double *column, int box[4])
{
    double mass = 0;
    *row = *column = 0;
    box[0] = box[1] = SIDE;
    box[2] = box[3] = -1;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int ink = pixels[i * SIDE + j];
            mass += ink;
            *row += (double)ink * i;
            *column += (double)ink * j;
            if (ink >= 20) {
                box[0] = i < box[0] ? i : box[0];
                box[1] = j < box[1] ? j : box[1];
                box[2] = i > box[2] ? i : box[2];
                box[3] = j > box[3] ? j : box[3];
            }
        }
    *row /= mass;
    *column /= mass;
}

static void check_form(const NnDigits *digits, int64_t i)
{
    double row, column;
    int box[4];
    measure(nn_digits_pixels(digits, i), &row, &column, box);
    ck_assert_msg(fabs(row - SIDE / 2) <= 0.51 && fabs(column - SIDE / 2) <= 0.51,
                  "centre (%g, %g)", row, column);
    int height = box[2] - box[0] + 1, width = box[3] - box[1] + 1;
    ck_assert_msg((height > width ? height : width) == 20, "%d x %d", height, width);
}

/* An L, dark on light and light on dark: the same digit, in MNIST's form. */
START_TEST(polarity)
{
    NnDigits *digits[2];
    for (int k = 0; k < 2; k++) {
        int ink = k ? 240 : 20;
        paper(k ? 30 : 220);
        stroke(20, 50, 60, 8, ink);
        stroke(72, 50, 8, 40, ink);
        digits[k] = find(false);
        ck_assert_int_eq(nn_digits_count(digits[k]), 1);
        check_form(digits[k], 0);
    }
    ck_assert_mem_eq(nn_digits_pixels(digits[0], 0), nn_digits_pixels(digits[1], 0), SIDE * SIDE);
    ck_assert_ptr_null(nn_digits_pixels(digits[0], 1));
    nn_digits_free(digits[0]);
    nn_digits_free(digits[1]);
}
END_TEST

/* Two lines of digits with specks: the order of reading, the widths tell which is which. */
START_TEST(several_digits)
{
    static const int widths[] = {5, 10, 15, 20, 25};
    paper(250);
    stroke(12, 20, 30, 5, 0);
    stroke(8, 60, 30, 10, 0);
    stroke(10, 110, 30, 15, 0);
    stroke(62, 30, 30, 20, 0);
    stroke(70, 90, 30, 25, 0);
    stroke(5, 5, 1, 1, 0);
    stroke(110, 190, 2, 2, 0);
    NnDigits *digits = find(true);
    ck_assert_int_eq(nn_digits_count(digits), 5);
    for (int i = 0; i < 5; i++) {
        double row, column;
        int box[4];
        check_form(digits, i);
        measure(nn_digits_pixels(digits, i), &row, &column, box);
        ck_assert_int_le(abs(box[3] - box[1] + 1 - (widths[i] * 20 + 29) / 30), 1);
    }
    nn_digits_free(digits);
}
END_TEST

/* The bar of a 5 that does not touch its body is part of it; a neighbour is not. */
START_TEST(strokes_of_one_digit)
{
    paper(255);
    stroke(20, 40, 6, 30, 0);
    stroke(30, 40, 40, 8, 0);
    stroke(20, 90, 50, 8, 0);
    NnDigits *digits = find(true);
    ck_assert_int_eq(nn_digits_count(digits), 2);
    nn_digits_free(digits);
    digits = find(false);
    ck_assert_int_eq(nn_digits_count(digits), 1);
    nn_digits_free(digits);
}
END_TEST

START_TEST(paper_without_ink)
{
    paper(200);
    for (int several = 0; several < 2; several++) {
        NnDigits *digits = find(several);
        ck_assert_int_eq(nn_digits_count(digits), 0);
        nn_digits_free(digits);
    }
}
END_TEST

/* Digits of MNIST itself stay as they are, inverted or not. */
START_TEST(mnist_stays)
{
    NnDataset *test = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", 10);
    ck_assert_msg(test != NULL, "%s", valgrad_last_error());
    for (int64_t i = 0; i < 200; i++) {
        uint8_t inverted[SIDE * SIDE];
        const uint8_t *pixels = nn_dataset_pixels(test, i);
        for (int j = 0; j < SIDE * SIDE; j++)
            inverted[j] = (uint8_t)(255 - pixels[j]);
        for (int k = 0; k < 2; k++) {
            const NnImage image = {SIDE, SIDE, k ? inverted : (uint8_t *)pixels};
            NnDigits *digits = nn_digits_new(&image, false);
            ck_assert_int_eq(nn_digits_count(digits), 1);
            ck_assert_mem_eq(nn_digits_pixels(digits, 0), pixels, SIDE * SIDE);
            nn_digits_free(digits);
        }
    }
    nn_dataset_free(test);
}
END_TEST

/* An MNIST digit, blown up three times and set into a corner of a page, comes back much as it was. */
START_TEST(mnist_blown_up_comes_back)
{
    NnDataset *test = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", 10);
    double difference = 0;
    for (int64_t n = 0; n < 50; n++) {
        const uint8_t *pixels = nn_dataset_pixels(test, n);
        paper(255);
        for (int i = 0; i < 3 * SIDE; i++)
            for (int j = 0; j < 3 * SIDE; j++)
                page[(i + 30) * PAGE_COLUMNS + j + 100] =
                    (uint8_t)(255 - pixels[i / 3 * SIDE + j / 3]);
        NnDigits *digits = find(false);
        ck_assert_int_eq(nn_digits_count(digits), 1);
        for (int j = 0; j < SIDE * SIDE; j++)
            difference += abs(nn_digits_pixels(digits, 0)[j] - pixels[j]) / 255.0;
        nn_digits_free(digits);
    }
    /* mean over digits of the ink that differs; a digit has about 100 */
    ck_assert_double_lt(difference / 50, 35);
    nn_dataset_free(test);
}
END_TEST

/* Noise has more pieces than a page of digits; it is refused and not looked at for hours. */
START_TEST(noise_is_refused)
{
    enum { ROWS = 400, COLUMNS = 400 };
    static uint8_t noise[ROWS * COLUMNS];
    memset(noise, 255, sizeof noise);
    for (int i = 0; i < ROWS; i += 2)
        for (int j = 0; j < COLUMNS; j += 2)
            noise[i * COLUMNS + j] = 0;
    const NnImage image = {ROWS, COLUMNS, noise};
    ck_assert_ptr_null(nn_digits_new(&image, true));
    assert_error(VALGRAD_ERROR_FORMAT, "40000 pieces of ink: expected digits, at most 5000");
    NnDigits *digits = nn_digits_new(&image, false);
    ck_assert_int_eq(nn_digits_count(digits), 1);
    nn_digits_free(digits);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image");
    TCase *cases = new_case(suite, "image", 20);
    tcase_add_loop_test(cases, right_pgm, 0, (int)COUNT(right_pgms));
    tcase_add_loop_test(cases, wrong_image, 0, (int)COUNT(wrong_images));
    tcase_add_test(cases, png_there_and_back);
    tcase_add_test(cases, refusals);
    tcase_add_test(cases, polarity);
    tcase_add_test(cases, several_digits);
    tcase_add_test(cases, strokes_of_one_digit);
    tcase_add_test(cases, paper_without_ink);
    tcase_add_test(cases, mnist_stays);
    tcase_add_test(cases, mnist_blown_up_comes_back);
    tcase_add_test(cases, noise_is_refused);
    close(mkstemp(path));
    int failed = run_suite(suite);
    remove(path);
    return failed;
}
