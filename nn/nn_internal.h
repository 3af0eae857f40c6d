/* nn_internal.h - what the files of nn/ share. */
#ifndef VALGRAD_NN_NN_INTERNAL_H
#define VALGRAD_NN_NN_INTERNAL_H

#include <stdint.h>

#include <valgrad/error.h>
#include <valgrad/nn.h>

/* count * size bytes from the library's allocator, of any content or zeroed; NULL and an error that
 * names function when there are none. Given back by nn__free(); NULL does nothing. */
void *nn__bytes(const char *function, int64_t count, size_t size);
void *nn__zeros(const char *function, int64_t count, size_t size);
void nn__free(void *memory);

/* Looks name up in names[0 … count-1]. */
ValgradStatus nn__find_name(const char *function, const char *name, const char *const *names,
                            int count, int *out);

/* Whether tensor i stands transposed in states; whether there is one called name. */
bool parameters__is_transposed(const NnParameters *parameters, int64_t i);
bool parameters__has(const NnParameters *parameters, const char *name);

/* Whether nn_parameters_load_state() would take the state; an error if not. */
bool parameters__fit(const NnParameters *parameters, const NnState *state, bool strict);

/* What an optimizer remembers about its parameter i, in place: false when there are no more. */
typedef struct OptimizerMemory {
    int64_t *steps;
    real *numbers; /* buffers times size; NULL for none */
    int64_t buffers, size;
} OptimizerMemory;

bool optimizer__memory(NnOptimizer *optimizer, int64_t i, OptimizerMemory *memory);

/* Arrays of a checkpoint that are not parameters begin with this. */
#define RUN_PREFIX "training."

/* An IDX file of unsigned bytes, whole. */
typedef struct IdxFile {
    int64_t sides[3];
    int64_t size; /* product of the sides */
    uint8_t *bytes;
} IdxFile;

/* Reads an IDX file of bytes with rank (1 to 3) sides; every message starts with function and names
 * path. The bytes are given back by nn__free(); on error there are none. */
ValgradStatus idx__read(const char *function, const char *path, int rank, IdxFile *out);

#endif
