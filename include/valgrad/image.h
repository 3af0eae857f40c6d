/* image.h - grey images: PNG and PGM files in, PNG out, and handwriting brought to MNIST's form.
 *
 *     NnImage page = {0, 0, NULL};
 *     NnDigits *digits = NULL;
 *     if (nn_image_read("page.png", &page) == VALGRAD_OK)
 *         digits = nn_digits_new(&page, true);
 *     for (int64_t i = 0; i < nn_digits_count(digits); i++)
 *         … nn_digits_pixels(digits, i) … // 28 x 28, ink 255, as in MNIST
 *     nn_digits_free(digits);
 *     nn_image_free(&page);
 *
 * PNG needs the library to be built with libpng; without it those functions fail with
 * VALGRAD_ERROR_STATE and say so. Ownership and errors are as nn.h says. */
#ifndef VALGRAD_IMAGE_H
#define VALGRAD_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <valgrad/error.h>

VALGRAD_BEGIN

/* rows x columns bytes, row by row: 0 is black, 255 white. */
typedef struct NnImage {
    int64_t rows, columns;
    uint8_t *pixels;
} NnImage;

/* Reads a PNG (any kind; colours become grey, what is transparent white) or PGM file (P2 or P5, up to
 * 16 bits), by its first bytes. image->pixels is new: nn_image_free() gives it back.
 * Errors, naming the file: NULL; cannot be read; neither PNG nor PGM; damaged; cut off; more than
 * 2^26 pixels. Then *image is empty. */
VALGRAD_API ValgradStatus nn_image_read(const char *path, NnImage *image);

/* Frees the pixels and empties the image. NULL does nothing. */
VALGRAD_API void nn_image_free(NnImage *image);

/* Writes a grey PNG file, whole or not at all. Errors: NULL; a side below 1; cannot be written. */
VALGRAD_API ValgradStatus nn_image_write_png(const char *path, const NnImage *image);

/* The digits of an image in the order of reading. */
typedef struct NnDigits NnDigits;

enum { NN_DIGIT_SIDE = 28 };

/* New: finds the ink (what differs from the paper, the commoner of dark and light; threshold by
 * N. Otsu, "A threshold selection method from gray-level histograms", 1979) and makes it 255 on 0.
 * `several`: ink that hangs together, or lies above one another, is a digit; specks are left out.
 * Otherwise all ink is one digit. Each is scaled to fit 20 x 20 and set into 28 x 28 with its centre
 * of mass in the middle, as MNIST was made. No ink at all: none. An image of 28 x 28 that is
 * one digit in this form stays as it is, but for polarity.
 * Errors: NULL; an empty image; more than 5000 pieces of ink; out of memory. */
VALGRAD_API NnDigits *nn_digits_new(const NnImage *image, bool several);
VALGRAD_API void nn_digits_free(NnDigits *digits);

VALGRAD_API int64_t nn_digits_count(const NnDigits *digits); /* 0 for NULL */

/* The pixels of digit i, NN_DIGIT_SIDE squared; borrowed. NULL when i is out of range. */
VALGRAD_API const uint8_t *nn_digits_pixels(const NnDigits *digits, int64_t i);

VALGRAD_END

#endif
