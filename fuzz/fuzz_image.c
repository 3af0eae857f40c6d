/* fuzz_image.c - PNG and PGM files, and the digits that are found in them. */
#include <valgrad/valgrad.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NnImage image;
    if (nn_image_read(fuzz_file(data, size, ""), &image) != VALGRAD_OK) {
        FUZZ_CHECK(valgrad_last_error()[0] && !image.pixels);
        return 0;
    }
    for (int several = 0; several < 2 && image.rows * image.columns < 1 << 20; several++) {
        NnDigits *digits = nn_digits_new(&image, several);
        FUZZ_CHECK(digits || several);
        FUZZ_CHECK(several || nn_digits_count(digits) <= 1);
        for (int64_t i = 0; i < nn_digits_count(digits); i++)
            FUZZ_CHECK(nn_digits_pixels(digits, i));
        nn_digits_free(digits);
    }
    nn_image_free(&image);
    return 0;
}
