/* files.h - whole files in and out, and what the readers of states share. */
#ifndef VALGRAD_NN_FILES_H
#define VALGRAD_NN_FILES_H

#include <stdio.h>

#include <valgrad/state.h>

#include "nn/nn_internal.h"

/* ---- file.c ---- */

/* A file being written: under a temporary name, or without one, renamed when all is there. (What is no
 * regular file, like /dev/stdout, is written where it is.) */
typedef struct OutputFile {
    const char *function, *path; /* of messages */
    char *target, *temporary;
    bool nameless; /* the temporary file has not got its name yet */
    FILE *file;
    int reason; /* errno of the write that failed; 0: none has */
} OutputFile;

/* On error there is nothing left to close. Writing may fail silently until output__close(), which
 * renames, or says why not and leaves what stood there before. */
ValgradStatus output__open(OutputFile *output, const char *function, const char *path);
void output__write(OutputFile *output, const void *bytes, size_t n);
void output__write_array(OutputFile *output, const NnArray *array); /* elements, little-endian */
ValgradStatus output__close(OutputFile *output);
void output__discard(OutputFile *output);

/* A file in memory, or part of one; `function` and `path` name it in messages. */
typedef struct Bytes {
    const char *function, *path;
    uint8_t *data;
    size_t size;
} Bytes;

/* Reads a regular file whole; data is given back by nn__free(). `what` is what it should be. */
ValgradStatus bytes__read(const char *function, const char *path, const char *what, Bytes *bytes);

/* "function: path: byte 8: …", as a FORMAT error. */
__attribute__((format(printf, 3, 4))) ValgradStatus bytes__fail(const Bytes *bytes, size_t byte,
                                                                const char *format, ...);

/* ---- dtype.c ---- */

size_t dtype__bytes(NnDtype dtype);
const char *dtype__numpy(NnDtype dtype);
bool dtype__exists(NnDtype dtype);
bool dtype__is_float(NnDtype dtype);

/* n elements from one type to another; floats are rounded to nearest even. `to` is F64, F32, F16 or
 * BF16. */
void dtype__convert(int64_t n, NnDtype from, const void *elements, NnDtype to, void *out);

/* Exchanges the bytes of n elements if the machine's order is not little-endian / is little-endian. */
void dtype__swap_unless_little(void *elements, int64_t n, size_t bytes);
void dtype__swap_unless_big(void *elements, int64_t n, size_t bytes);

/* ---- state.c ---- */

/* The array of a state that is to be filled in: added with zeros; NULL and an error as from
 * nn_state_add(). */
void *state__add(const char *function, NnState *state, const char *name, NnDtype dtype, int rank,
                 const int64_t *shape);

/* The product of the sides in *size, its bytes in *bytes; false if there is none, without an error. */
bool state__size(NnDtype dtype, int rank, const int64_t *shape, int64_t *size, size_t *bytes);

/* ---- safetensors.c, npy.c, npz.c ---- */

NnState *safetensors__parse(const Bytes *bytes);

/* Adds the array of a .npy file to a state. */
ValgradStatus npy__parse(const Bytes *bytes, NnState *into, const char *name);

/* The header of a .npy file in front of an array's elements: *length bytes, nn__free() them. */
uint8_t *npy__header(const char *function, const NnArray *array, size_t *length);

NnState *npz__parse(const Bytes *bytes);

#endif
