/* source.h - a file that is read from front to back, plain or gzipped. Every message begins with the
 * function that the user called and names the file. */
#ifndef VALGRAD_NN_SOURCE_H
#define VALGRAD_NN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include <valgrad/error.h>

typedef struct Source {
    const char *function, *path;
    gzFile file; /* zlib reads a plain file too, as it is */
    int64_t file_bytes;
    bool gzipped;
} Source;

/* Opens it; `what` is what was expected, as "an IDX file". Closed by source__close() in either case. */
ValgradStatus source__open(Source *source, const char *function, const char *path,
                           const char *what);
void source__close(Source *source);

/* Reads up to n bytes; *got tells how many there were before the file ended. Fails when what is
 * there cannot be read or unpacked. */
ValgradStatus source__read(const Source *source, uint8_t *to, int64_t n, int64_t *got);

/* At the end: whether a gzip stream ended there, too. */
ValgradStatus source__check_end(const Source *source);

/* "function: path: …" */
ValgradStatus source__fail(const Source *source, ValgradStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
