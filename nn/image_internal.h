/* image_internal.h - what is done to images of bytes. */
#ifndef VALGRAD_NN_IMAGE_INTERNAL_H
#define VALGRAD_NN_IMAGE_INTERNAL_H

#include <stdint.h>

/* Moves an image down and right (by parts of a pixel, too) and turns it about its centre,
 * counter-clockwise; what comes in from outside is 0. Bilinear. `to` is another array. */
void image__move(const uint8_t *from, int64_t rows, int64_t columns, double down, double right,
                 double degrees, uint8_t *to);

#endif
