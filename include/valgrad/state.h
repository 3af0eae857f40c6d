/* state.h - named arrays, and the files in which they travel: safetensors, and NumPy's .npy and .npz.
 *
 *     NnState *state = nn_parameters_state(nn_mlp_parameters(net));
 *     nn_state_set_text(state, "trained_on", "MNIST");
 *     if (nn_state_write(state, "net.safetensors") != VALGRAD_OK)
 *         fprintf(stderr, "%s\n", valgrad_last_error());
 *     nn_state_free(state);
 *
 * A state is an ordered list of arrays, each with a name, a type, a shape and its own copy of the
 * elements, and of texts with keys (a safetensors file keeps them in its "__metadata__"). nn.h makes
 * one from the parameters of a network and takes one back; see nn_parameters_state().
 *
 * Files. Everything is written to a temporary name beside the file, then renamed: the file is there
 * whole, or what stood there before is. What is read is checked before it is believed: a length, an
 * offset or a shape that the file cannot hold is refused with the file, the byte and what was
 * expected. Elements are little-endian in the files and in the machine's order in memory.
 *
 * Ownership. nn_state_new(), nn_state_read…() and nn_parameters_state() make *new* states, freed by
 * nn_state_free(); what is looked up in one is *borrowed* from it and lasts until it is changed.
 *
 * safetensors needs the library to be built with cJSON, .npz with libzip; without them those
 * functions fail with VALGRAD_ERROR_STATE and say so. */
#ifndef VALGRAD_STATE_H
#define VALGRAD_STATE_H

#include <stdint.h>
#include <valgrad/error.h>
#include <valgrad/tensor.h>

VALGRAD_BEGIN

/* ---- types of elements ------------------------------------------------------------------------- */

/* Type; its name in safetensors; bytes of an element; its kind and size in NumPy ("" if it has none). */
#define NN_DTYPE_LIST(X)                                                                           \
    X(NN_F64, "F64", 8, "f8")                                                                      \
    X(NN_F32, "F32", 4, "f4")                                                                      \
    X(NN_F16, "F16", 2, "f2")                                                                      \
    X(NN_BF16, "BF16", 2, "")                                                                      \
    X(NN_I64, "I64", 8, "i8")                                                                      \
    X(NN_I32, "I32", 4, "i4")                                                                      \
    X(NN_I16, "I16", 2, "i2")                                                                      \
    X(NN_I8, "I8", 1, "i1")                                                                        \
    X(NN_U64, "U64", 8, "u8")                                                                      \
    X(NN_U32, "U32", 4, "u4")                                                                      \
    X(NN_U16, "U16", 2, "u2")                                                                      \
    X(NN_U8, "U8", 1, "u1")                                                                        \
    X(NN_BOOL, "BOOL", 1, "b1")

typedef enum NnDtype {
#define NN_DTYPE_MEMBER(name, text, bytes, numpy) name,
    NN_DTYPE_LIST(NN_DTYPE_MEMBER)
#undef NN_DTYPE_MEMBER
        NN_DTYPE_COUNT
} NnDtype;

/* The type of `real`. */
#ifdef VALGRAD_FLOAT
#define NN_REAL NN_F32
#else
#define NN_REAL NN_F64
#endif

/* Its name, as safetensors has it; "" if there is no such type. Borrowed, static. */
VALGRAD_API const char *nn_dtype_name(NnDtype dtype);

/* The type called name ("F32"; "f32" is as good). Errors: NULL; no such name (lists them all). */
VALGRAD_API ValgradStatus nn_dtype_find(const char *name, NnDtype *out);

/* ---- states ------------------------------------------------------------------------------------ */

typedef struct NnState NnState;

/* An array of a state; borrowed. */
typedef struct NnArray {
    const char *name;
    NnDtype dtype;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    int64_t size;     /* product of the sides */
    const void *data; /* row-major, in the machine's byte order */
} NnArray;

/* New: an empty state. */
VALGRAD_API NnState *nn_state_new(void);
VALGRAD_API void nn_state_free(NnState *state);

/* Appends a copy of an array; data NULL stands for zeros. A name is 1 to 255 bytes without control
 * characters. Errors: NULL; a bad name; one already there; rank, a negative side, a size that
 * overflows; no such type; out of memory. */
VALGRAD_API ValgradStatus nn_state_add(NnState *state, const char *name, NnDtype dtype, int rank,
                                       const int64_t *shape, const void *data);

/* Appends a copy of a tensor's numbers, as NN_REAL. Errors: as above. */
VALGRAD_API ValgradStatus nn_state_add_tensor(NnState *state, const char *name, const Tensor *t);

/* How many arrays; 0 for NULL. Array i in order of addition, or the one called name; borrowed.
 * Errors: NULL; i out of range; no such name (VALGRAD_ERROR_NAME). */
VALGRAD_API int64_t nn_state_count(const NnState *state);
VALGRAD_API const NnArray *nn_state_at(const NnState *state, int64_t i);
VALGRAD_API const NnArray *nn_state_find(const NnState *state, const char *name);
VALGRAD_API bool nn_state_has(const NnState *state, const char *name);

/* Copies an array's elements out as real; n must be its size. Errors: NULL; n. */
VALGRAD_API ValgradStatus nn_array_get(const NnArray *array, int64_t n, real *out);

/* New: a constant tensor with the array's shape and numbers. Errors: NULL; out of memory. */
VALGRAD_API Tensor *nn_array_tensor(const NnArray *array);

/* Changes every array of floating-point numbers to dtype, rounding to nearest even; the others stay.
 * Errors: NULL; a type other than F64, F32, F16, BF16; out of memory (then nothing is changed). */
VALGRAD_API ValgradStatus nn_state_convert(NnState *state, NnDtype dtype);

/* Sets the text of a key, or removes it (text NULL). Reads it: borrowed; NULL, and no error, if there
 * is none. Errors of setting: NULL; a bad key (as a bad name); out of memory. */
VALGRAD_API ValgradStatus nn_state_set_text(NnState *state, const char *key, const char *text);
VALGRAD_API const char *nn_state_text(const NnState *state, const char *key);

/* How many texts, and the key of text i; borrowed. Errors: NULL; i out of range. */
VALGRAD_API int64_t nn_state_text_count(const NnState *state);
VALGRAD_API const char *nn_state_text_key(const NnState *state, int64_t i);

/* ---- files --------------------------------------------------------------------------------------- */

/* By the ending of the path: .npz, or else safetensors. */
VALGRAD_API ValgradStatus nn_state_write(const NnState *state, const char *path);
VALGRAD_API NnState *nn_state_read(const char *path);

/* safetensors: 8 bytes, the length of a JSON header that gives type, shape and place of each array by
 * name; the header; the elements (https://github.com/huggingface/safetensors). The larger elements
 * are laid first, so that all are aligned; texts go into "__metadata__".
 * Errors, each naming the file: cannot be opened, read or written; (reading) the byte and what was
 * expected for a header that is too long or not JSON, an unknown type, a shape that does not fit its
 * bytes, places that overlap, leave holes or reach out of the file. */
VALGRAD_API ValgradStatus nn_state_write_safetensors(const NnState *state, const char *path);
VALGRAD_API NnState *nn_state_read_safetensors(const char *path);

/* .npz, as numpy.savez() writes it: a zip file of <name>.npy for each array. Texts are left out.
 * Errors: as above; (writing) an array of a type that NumPy does not have. */
VALGRAD_API ValgradStatus nn_state_write_npz(const NnState *state, const char *path);
VALGRAD_API NnState *nn_state_read_npz(const char *path);

/* .npy, as numpy.save() writes it: the numbers of one tensor, as NN_REAL. Reading: new, a constant
 * tensor; types above are converted, either byte order and either order of axes is understood.
 * (format: numpy.lib.format, versions 1 to 3). Errors: as above. */
VALGRAD_API ValgradStatus nn_npy_write(const Tensor *t, const char *path);
VALGRAD_API Tensor *nn_npy_read(const char *path);

VALGRAD_END

#endif
