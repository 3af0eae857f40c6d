/* image.c - grey images from PNG and PGM files, and to PNG. */
#include <valgrad/image.h>

#include <inttypes.h>
#include <string.h>

#ifdef VALGRAD_LIBPNG
#include <png.h>
#endif

#include "autograd/error.h"
#include "nn/files.h"

enum { MOST_PIXELS = 1 << 26 };

/* Room for an image; an error if it is too large. */
static ValgradStatus make_room(const Bytes *bytes, int64_t rows, int64_t columns, NnImage *image)
{
    if (rows < 1 || columns < 1 || rows > MOST_PIXELS || columns > MOST_PIXELS / rows)
        return error__set(VALGRAD_ERROR_FORMAT,
                          "%s: %s: has %" PRId64 " x %" PRId64 " pixels: expected 1 to %d in all",
                          bytes->function, bytes->path, rows, columns, MOST_PIXELS);
    image->pixels = nn__bytes(bytes->function, rows, (size_t)columns);
    image->rows = rows;
    image->columns = columns;
    return image->pixels ? VALGRAD_OK : VALGRAD_ERROR_MEMORY;
}

/* ---- PNG ------------------------------------------------------------------------------------- */

#ifdef VALGRAD_LIBPNG

static ValgradStatus png_fails(const char *function, const char *path, const char *verb,
                               png_image *png)
{
    ValgradStatus status = error__set(VALGRAD_ERROR_FORMAT, "%s: %s: cannot be %s as PNG: %s",
                                      function, path, verb, png->message);
    png_image_free(png);
    return status;
}

static ValgradStatus read_png(const Bytes *bytes, NnImage *image)
{
    const png_color white = {255, 255, 255};
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&png, bytes->data, bytes->size))
        return png_fails(bytes->function, bytes->path, "read", &png);
    png.format = PNG_FORMAT_GRAY;
    ValgradStatus status = make_room(bytes, png.height, png.width, image);
    if (status != VALGRAD_OK)
        png_image_free(&png);
    else if (!png_image_finish_read(&png, &white, image->pixels, 0, NULL))
        status = png_fails(bytes->function, bytes->path, "read", &png);
    return status;
}

/* The file in memory, of *size bytes; nn__free() it. */
static void *pack_png(const char *function, const char *path, const NnImage *image,
                      png_alloc_size_t *size)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)image->columns,
                     .height = (png_uint_32)image->rows,
                     .format = PNG_FORMAT_GRAY};
    if (!png_image_write_get_memory_size(png, *size, 0, image->pixels, 0, NULL)) {
        png_fails(function, path, "written", &png);
        return NULL;
    }
    void *memory = nn__bytes(function, 1, *size);
    if (memory && !png_image_write_to_memory(&png, memory, size, 0, image->pixels, 0, NULL)) {
        png_fails(function, path, "written", &png);
        nn__free(memory);
        return NULL;
    }
    return memory;
}

static ValgradStatus write_png(const char *function, const char *path, const NnImage *image)
{
    OutputFile output;
    png_alloc_size_t size = 0;
    void *memory = pack_png(function, path, image, &size);
    ValgradStatus status = memory ? output__open(&output, function, path) : valgrad_last_status();
    if (status == VALGRAD_OK) {
        output__write(&output, memory, size);
        status = output__close(&output);
    }
    nn__free(memory);
    return status;
}

#else

static ValgradStatus without_png(const char *function, const char *path)
{
    return error__set(VALGRAD_ERROR_STATE,
                      "%s: %s: PNG: expected a library that was built with libpng", function, path);
}

static ValgradStatus read_png(const Bytes *bytes, NnImage *image)
{
    (void)image;
    return without_png(bytes->function, bytes->path);
}

static ValgradStatus write_png(const char *function, const char *path, const NnImage *image)
{
    (void)image;
    return without_png(function, path);
}

#endif

/* ---- PGM ------------------------------------------------------------------------------------- */

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number of a header, or of the pixels of P2, behind spaces and # comments; -1 if there is
 * none. Leaves *at at the byte behind it. */
static int64_t next_number(const Bytes *bytes, size_t *at)
{
    const uint8_t *data = bytes->data;
    bool comment = false;
    int64_t number = -1;
    for (; *at < bytes->size && (comment || is_space(data[*at]) || data[*at] == '#'); ++*at)
        comment = data[*at] != '\n' && (comment || data[*at] == '#');
    for (; *at < bytes->size && data[*at] >= '0' && data[*at] <= '9' && number <= MOST_PIXELS;
         ++*at)
        number = 10 * (number < 0 ? 0 : number) + (data[*at] - '0');
    return number;
}

/* The next pixel: text in P2, one or two bytes in P5. -1 if there is none. */
static int64_t next_pixel(const Bytes *bytes, int64_t white, size_t *at)
{
    bool text = bytes->data[1] == '2';
    size_t width = white > 255 ? 2 : 1;
    if (text)
        return next_number(bytes, at);
    if (bytes->size - *at < width)
        return -1;
    int64_t pixel = bytes->data[*at];
    if (width == 2)
        pixel = pixel << 8 | bytes->data[*at + 1];
    *at += width;
    return pixel;
}

static ValgradStatus read_pgm(const Bytes *bytes, NnImage *image)
{
    size_t at = 2;
    int64_t columns = next_number(bytes, &at), rows = next_number(bytes, &at);
    int64_t white = next_number(bytes, &at);
    if (white < 1 || white > 65535 || at >= bytes->size || !is_space(bytes->data[at]))
        return bytes__fail(bytes, at,
                           "expected the header of a PGM file: width, height and the greatest "
                           "number, 1 to 65535");
    at++;
    ValgradStatus status = make_room(bytes, rows, columns, image);
    for (int64_t i = 0; status == VALGRAD_OK && i < rows * columns; i++) {
        int64_t pixel = next_pixel(bytes, white, &at);
        if (pixel < 0 || pixel > white)
            return bytes__fail(
                bytes, at, "pixel %" PRId64 " of %" PRId64 ": expected a number from 0 to %" PRId64,
                i, rows * columns, white);
        image->pixels[i] = (uint8_t)((pixel * 255 + white / 2) / white);
    }
    return status;
}

/* ---- both ------------------------------------------------------------------------------------ */

static ValgradStatus read_bytes(const Bytes *bytes, NnImage *image)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G'};
    const uint8_t *data = bytes->data;
    if (bytes->size >= sizeof png && memcmp(data, png, sizeof png) == 0)
        return read_png(bytes, image);
    if (bytes->size >= 3 && data[0] == 'P' && (data[1] == '2' || data[1] == '5'))
        return read_pgm(bytes, image);
    return error__set(VALGRAD_ERROR_FORMAT, "%s: %s: is neither a PNG nor a PGM file (P2 or P5)",
                      bytes->function, bytes->path);
}

ValgradStatus nn_image_read(const char *path, NnImage *image)
{
    static const char function[] = "nn_image_read";
    Bytes bytes;
    if (!path || !image)
        return error__null(function, path ? "image" : "path");
    *image = (NnImage){0, 0, NULL};
    ValgradStatus status = bytes__read(function, path, "a PNG or PGM file", &bytes);
    if (status != VALGRAD_OK)
        return status;
    status = read_bytes(&bytes, image);
    nn__free(bytes.data);
    if (status != VALGRAD_OK)
        nn_image_free(image);
    return status;
}

void nn_image_free(NnImage *image)
{
    if (!image)
        return;
    nn__free(image->pixels);
    *image = (NnImage){0, 0, NULL};
}

ValgradStatus nn_image_write_png(const char *path, const NnImage *image)
{
    static const char function[] = "nn_image_write_png";
    if (!path || !image || !image->pixels)
        return error__null(function, path ? "image" : "path");
    if (image->rows < 1 || image->columns < 1 || image->rows > INT32_MAX / image->columns)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %" PRId64 " x %" PRId64 " pixels: expected sides of 1 or more",
                          function, image->rows, image->columns);
    return write_png(function, path, image);
}
