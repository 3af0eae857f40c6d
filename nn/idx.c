/* idx.c - the IDX files in which MNIST comes, plain or gzipped.
 *
 * An IDX file is a big-endian header (two zero bytes, the element type, the number of sides; then
 * each side in 4 bytes) and the elements, row-major. Type 8 is the unsigned byte, the only one read
 * here. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

enum { MAGIC = 0x800, MAX_RANK = 3 };

typedef struct Source {
    const char *function, *path;
    gzFile file; /* zlib reads a plain file too, as it is */
    int64_t file_bytes;
    bool gzipped;
} Source;

__attribute__((format(printf, 3, 4))) static ValgradStatus
fail(const Source *source, ValgradStatus status, const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error__set(status, "%s: %s: %s", source->function, source->path, text);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static ValgradStatus check_file(Source *source)
{
    struct stat about;
    if (stat(source->path, &about) != 0)
        return fail(source, VALGRAD_ERROR_IO, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(about.st_mode))
        return fail(source, VALGRAD_ERROR_IO, "is %s: expected an IDX file",
                    S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
    source->file_bytes = (int64_t)about.st_size;
    return VALGRAD_OK;
}

static ValgradStatus open_source(Source *source)
{
    ValgradStatus status = check_file(source);
    if (status != VALGRAD_OK)
        return status;
    errno = 0;
    source->file = gzopen(source->path, "rb");
    if (!source->file)
        return errno ? fail(source, VALGRAD_ERROR_IO, "cannot be read: %s", strerror(errno))
                     : fail(source, VALGRAD_ERROR_MEMORY, "out of memory");
    gzbuffer(source->file, 1u << 17);
    source->gzipped = !gzdirect(source->file);
    if (!source->gzipped && ends_with(source->path, ".gz"))
        return fail(source, VALGRAD_ERROR_FORMAT,
                    "is not gzip, as its name says: expected the first bytes 1f 8b");
    return VALGRAD_OK;
}

/* zlib puts "path: " before its messages. */
static const char *without_path(const Source *source, const char *message)
{
    size_t length = strlen(source->path);
    bool named =
        strncmp(message, source->path, length) == 0 && strncmp(message + length, ": ", 2) == 0;
    return named ? message + length + 2 : message;
}

/* Reads up to n bytes; *got tells how many there were before the file ended. Fails when what is
 * there cannot be read or unpacked. */
static ValgradStatus read_bytes(const Source *source, uint8_t *to, int64_t n, int64_t *got)
{
    const int64_t most = 1 << 30;
    *got = 0;
    while (*got < n) {
        int64_t rest = n - *got;
        int count = gzread(source->file, to + *got, (unsigned)(rest < most ? rest : most));
        int code = Z_OK;
        const char *message = without_path(source, gzerror(source->file, &code));
        if (count < 0 && code != Z_BUF_ERROR) /* that one only says that a gzip file is cut off */
            return fail(source, VALGRAD_ERROR_FORMAT, "cannot be read: %s",
                        code == Z_ERRNO ? strerror(errno) : message);
        if (count <= 0)
            break;
        *got += count;
    }
    return VALGRAD_OK;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* "60000 x 28 x 28" */
static const char *describe(char text[40], int rank, const IdxFile *file)
{
    int used = 0;
    for (int i = 0; i < rank; i++)
        used +=
            snprintf(text + used, 40 - (size_t)used, "%s%" PRId64, i ? " x " : "", file->sides[i]);
    return text;
}

/* Sets sides and size. */
static ValgradStatus read_sides(const Source *source, int rank, const uint8_t *bytes, IdxFile *out)
{
    char text[40];
    bool fits = true;
    out->size = 1;
    for (int i = 0; i < rank; i++) {
        out->sides[i] = big_endian(bytes + 4 * i);
        fits = fits && !__builtin_mul_overflow(out->size, out->sides[i], &out->size);
    }
    if (!fits || out->size == 0)
        return fail(source, VALGRAD_ERROR_FORMAT, "its header says %s bytes: expected %s",
                    describe(text, rank, out),
                    fits ? "sides of 1 or more" : "what a file can hold");
    return VALGRAD_OK;
}

static ValgradStatus read_header(const Source *source, int rank, IdxFile *out)
{
    uint8_t header[4 + 4 * MAX_RANK];
    int64_t length = 4 + 4 * rank, got;
    ValgradStatus status = read_bytes(source, header, length, &got);
    if (status != VALGRAD_OK)
        return status;
    if (got >= 4 && big_endian(header) != (uint32_t)(MAGIC + rank))
        return fail(source, VALGRAD_ERROR_FORMAT,
                    "magic number 0x%08" PRIx32 ": expected 0x%08x (bytes, %d side%s)",
                    big_endian(header), (unsigned)(MAGIC + rank), rank, rank == 1 ? "" : "s");
    if (got < length)
        return fail(source, VALGRAD_ERROR_FORMAT,
                    "ends after %" PRId64 " bytes: expected a header of %" PRId64, got, length);
    return read_sides(source, rank, header + 4, out);
}

static ValgradStatus wrong_length(const Source *source, int rank, const IdxFile *file,
                                  const char *what, int64_t bytes)
{
    char sides[40];
    return fail(source, VALGRAD_ERROR_FORMAT,
                "%s %" PRId64 " bytes after its header: expected %s = %" PRId64, what, bytes,
                describe(sides, rank, file), file->size);
}

/* Before anything is allocated: whether the file can hold the size that its header claims. */
static ValgradStatus check_size(const Source *source, int rank, const IdxFile *file)
{
    const int64_t best_ratio = 1032; /* of deflate; zlib.net/zlib_tech.html */
    int64_t header = 4 + 4 * rank, rest = source->file_bytes - header;
    if (!source->gzipped && rest != file->size)
        return wrong_length(source, rank, file, "has", rest);
    if (source->gzipped && file->size / best_ratio > source->file_bytes)
        return wrong_length(source, rank, file, "has fewer than", best_ratio * source->file_bytes);
    return VALGRAD_OK;
}

static ValgradStatus read_elements(const Source *source, int rank, IdxFile *out)
{
    int64_t got = 0, beyond = 0;
    uint8_t probe;
    ValgradStatus status = read_bytes(source, out->bytes, out->size, &got);
    if (status == VALGRAD_OK && got < out->size)
        return wrong_length(source, rank, out, "ends", got);
    if (status == VALGRAD_OK) /* past the end zlib also compares the checksum */
        status = read_bytes(source, &probe, 1, &beyond);
    if (status == VALGRAD_OK && beyond > 0)
        return wrong_length(source, rank, out, "has more than", out->size);
    int code = Z_OK;
    (void)gzerror(source->file, &code);
    if (status == VALGRAD_OK && code == Z_BUF_ERROR)
        return fail(source, VALGRAD_ERROR_FORMAT,
                    "is cut off: expected the end of its gzip stream");
    return status;
}

static ValgradStatus read_open(const Source *source, int rank, IdxFile *out)
{
    ValgradStatus status = read_header(source, rank, out);
    if (status == VALGRAD_OK)
        status = check_size(source, rank, out);
    if (status != VALGRAD_OK)
        return status;
    out->bytes = nn__bytes(source->function, out->size, 1);
    if (!out->bytes)
        return VALGRAD_ERROR_MEMORY;
    status = read_elements(source, rank, out);
    if (status != VALGRAD_OK) {
        nn__free(out->bytes);
        out->bytes = NULL;
    }
    return status;
}

ValgradStatus idx__read(const char *function, const char *path, int rank, IdxFile *out)
{
    Source source = {.function = function, .path = path};
    *out = (IdxFile){.bytes = NULL};
    ValgradStatus status = open_source(&source);
    if (status == VALGRAD_OK)
        status = read_open(&source, rank, out);
    if (source.file)
        gzclose(source.file);
    return status;
}
