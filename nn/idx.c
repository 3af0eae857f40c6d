/* idx.c - the IDX files in which MNIST comes, plain or gzipped.
 *
 * An IDX file is a big-endian header (two zero bytes, the element type, the number of sides; then
 * each side in 4 bytes) and the elements, row-major. Type 8 is the unsigned byte, the only one read
 * here. */
#include <inttypes.h>
#include <stdio.h>

#include "nn/nn_internal.h"
#include "nn/source.h"

enum { MAGIC = 0x800, MAX_RANK = 3 };

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
        return source__fail(source, VALGRAD_ERROR_FORMAT, "its header says %s bytes: expected %s",
                            describe(text, rank, out),
                            fits ? "sides of 1 or more" : "what a file can hold");
    return VALGRAD_OK;
}

static ValgradStatus read_header(const Source *source, int rank, IdxFile *out)
{
    uint8_t header[4 + 4 * MAX_RANK];
    int64_t length = 4 + 4 * rank, got;
    ValgradStatus status = source__read(source, header, length, &got);
    if (status != VALGRAD_OK)
        return status;
    if (got >= 4 && big_endian(header) != (uint32_t)(MAGIC + rank))
        return source__fail(source, VALGRAD_ERROR_FORMAT,
                            "magic number 0x%08" PRIx32 ": expected 0x%08x (bytes, %d side%s)",
                            big_endian(header), (unsigned)(MAGIC + rank), rank,
                            rank == 1 ? "" : "s");
    if (got < length)
        return source__fail(source, VALGRAD_ERROR_FORMAT,
                            "ends after %" PRId64 " bytes: expected a header of %" PRId64, got,
                            length);
    return read_sides(source, rank, header + 4, out);
}

static ValgradStatus wrong_length(const Source *source, int rank, const IdxFile *file,
                                  const char *what, int64_t bytes)
{
    char sides[40];
    return source__fail(source, VALGRAD_ERROR_FORMAT,
                        "%s %" PRId64 " bytes after its header: expected %s = %" PRId64, what,
                        bytes, describe(sides, rank, file), file->size);
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
    ValgradStatus status = source__read(source, out->bytes, out->size, &got);
    if (status == VALGRAD_OK && got < out->size)
        return wrong_length(source, rank, out, "ends", got);
    if (status == VALGRAD_OK) /* past the end zlib also compares the checksum */
        status = source__read(source, &probe, 1, &beyond);
    if (status == VALGRAD_OK && beyond > 0)
        return wrong_length(source, rank, out, "has more than", out->size);
    return status == VALGRAD_OK ? source__check_end(source) : status;
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
    Source source;
    *out = (IdxFile){.bytes = NULL};
    ValgradStatus status = source__open(&source, function, path, "an IDX file");
    if (status == VALGRAD_OK)
        status = read_open(&source, rank, out);
    source__close(&source);
    return status;
}
