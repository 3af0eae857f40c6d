/* state.c - named arrays in a list, found by name through a hash table; texts with keys. */
#include <inttypes.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/files.h"
#include "tensor/tensor_internal.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) nn__zeros("nn_state", 1, bytes)
#define uthash_free(memory, bytes) nn__free(memory)
#include <uthash.h>

enum { NAME_BYTES = 255 };

typedef struct Entry {
    NnArray array;
    UT_hash_handle hh;
    char name[];
} Entry;

typedef struct Text {
    char *key, *text;
} Text;

struct NnState {
    Entry *by_name;  /* the hash table */
    Entry **entries; /* in order of addition */
    int64_t count, room;
    Text *texts;
    int64_t text_count, text_room;
};

NnState *nn_state_new(void)
{
    return nn__zeros("nn_state_new", 1, sizeof(NnState));
}

static void free_entry(Entry *entry)
{
    nn__free((void *)entry->array.data);
    nn__free(entry);
}

static void free_text(Text *text)
{
    nn__free(text->key);
    nn__free(text->text);
}

void nn_state_free(NnState *state)
{
    if (!state)
        return;
    HASH_CLEAR(hh, state->by_name);
    for (int64_t i = 0; i < state->count; i++)
        free_entry(state->entries[i]);
    for (int64_t i = 0; i < state->text_count; i++)
        free_text(&state->texts[i]);
    nn__free(state->entries);
    nn__free(state->texts);
    nn__free(state);
}

/* Room for one more item of a list; doubles it. */
static bool make_room(const char *function, void **items, size_t size, int64_t count, int64_t *room)
{
    if (count < *room)
        return true;
    int64_t more = *room ? 2 * *room : 8;
    void *grown = nn__zeros(function, more, size);
    if (!grown)
        return false;
    if (count > 0)
        memcpy(grown, *items, (size_t)count * size);
    nn__free(*items);
    *items = grown;
    *room = more;
    return true;
}

static char *copy_text(const char *function, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = nn__bytes(function, (int64_t)length, 1);
    return copy ? memcpy(copy, text, length) : NULL;
}

/* Names come from files and go into messages and paths. */
static ValgradStatus check_name(const char *function, const char *what, const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > NAME_BYTES)
        return error__set(VALGRAD_ERROR_NAME, "%s: a %s of %zu bytes: expected 1 to %d", function,
                          what, length, NAME_BYTES);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return error__set(VALGRAD_ERROR_NAME,
                              "%s: a %s with byte 0x%02x at %zu: expected no control characters",
                              function, what, (unsigned char)name[i], i);
    return VALGRAD_OK;
}

/* ---- arrays -------------------------------------------------------------------------------------- */

static Entry *find(const NnState *state, const char *name)
{
    Entry *entry = NULL;
    HASH_FIND_STR(state->by_name, name, entry);
    return entry;
}

bool state__size(NnDtype dtype, int rank, const int64_t *shape, int64_t *size, size_t *bytes)
{
    *size = 1;
    bool fits = true, empty = false;
    for (int i = 0; i < rank; i++) {
        fits = fits && shape[i] >= 0;
        empty = empty || shape[i] == 0;
    }
    for (int i = 0; fits && !empty && i < rank; i++)
        fits = !__builtin_mul_overflow(*size, shape[i], size);
    *size = empty ? 0 : *size;
    *bytes = 0;
    return fits && !__builtin_mul_overflow((size_t)*size, dtype__bytes(dtype), bytes) &&
           *bytes <= PTRDIFF_MAX;
}

static ValgradStatus check_addition(const char *function, const NnState *state, const char *name,
                                    NnDtype dtype, int rank, const int64_t *shape)
{
    if (!state || !name || (rank > 0 && !shape))
        return error__null(function, !state ? "state" : !name ? "name" : "shape");
    ValgradStatus status = check_name(function, "name", name);
    if (status != VALGRAD_OK)
        return status;
    if (find(state, name))
        return error__set(VALGRAD_ERROR_NAME, "%s: \"%s\": the state has this name already",
                          function, name);
    if (!dtype__exists(dtype))
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: \"%s\": type %d: expected 0 to %d", function,
                          name, (int)dtype, NN_DTYPE_COUNT - 1);
    if (rank < 0 || rank > TENSOR_MAX_RANK)
        return error__set(VALGRAD_ERROR_SHAPE, "%s: \"%s\": rank %d: expected 0 to %d", function,
                          name, rank, TENSOR_MAX_RANK);
    return VALGRAD_OK;
}

static Entry *new_entry(const char *function, const char *name, NnDtype dtype, int rank,
                        const int64_t *shape)
{
    int64_t size;
    size_t bytes, length = strlen(name) + 1;
    if (!state__size(dtype, rank, shape, &size, &bytes)) {
        error__set(VALGRAD_ERROR_SHAPE,
                   "%s: \"%s\": a side is negative, or the size is too large for the machine",
                   function, name);
        return NULL;
    }
    Entry *entry = nn__zeros(function, 1, sizeof *entry + length);
    void *data = entry ? nn__zeros(function, bytes ? (int64_t)bytes : 1, 1) : NULL;
    if (!data) {
        nn__free(entry);
        return NULL;
    }
    memcpy(entry->name, name, length);
    entry->array =
        (NnArray){.name = entry->name, .dtype = dtype, .rank = rank, .size = size, .data = data};
    for (int i = 0; i < rank; i++)
        entry->array.shape[i] = shape[i];
    return entry;
}

void *state__add(const char *function, NnState *state, const char *name, NnDtype dtype, int rank,
                 const int64_t *shape)
{
    if (check_addition(function, state, name, dtype, rank, shape) != VALGRAD_OK ||
        !make_room(function, (void **)(void *)&state->entries, sizeof *state->entries, state->count,
                   &state->room))
        return NULL;
    Entry *entry = new_entry(function, name, dtype, rank, shape);
    if (!entry)
        return NULL;
    HASH_ADD_KEYPTR(hh, state->by_name, entry->name, strlen(entry->name), entry);
    if (!entry->hh.tbl) {
        free_entry(entry);
        return NULL;
    }
    state->entries[state->count++] = entry;
    return (void *)entry->array.data;
}

ValgradStatus nn_state_add(NnState *state, const char *name, NnDtype dtype, int rank,
                           const int64_t *shape, const void *data)
{
    void *elements = state__add("nn_state_add", state, name, dtype, rank, shape);
    if (!elements)
        return valgrad_last_status();
    const NnArray *array = &state->entries[state->count - 1]->array;
    if (data && array->size > 0)
        memcpy(elements, data, (size_t)array->size * dtype__bytes(dtype));
    return VALGRAD_OK;
}

ValgradStatus nn_state_add_tensor(NnState *state, const char *name, const Tensor *t)
{
    static const char function[] = "nn_state_add_tensor";
    if (!t)
        return error__null(function, "t");
    real *numbers = state__add(function, state, name, NN_REAL, tensor_rank(t), tensor_shape(t));
    if (!numbers)
        return valgrad_last_status();
    if (tensor_size(t) > 0)
        tensor__gather(t, numbers);
    return VALGRAD_OK;
}

int64_t nn_state_count(const NnState *state)
{
    return state ? state->count : 0;
}

const NnArray *nn_state_at(const NnState *state, int64_t i)
{
    static const char function[] = "nn_state_at";
    if (!state) {
        error__null(function, "state");
        return NULL;
    }
    if (i >= 0 && i < state->count)
        return &state->entries[i]->array;
    error__set(VALGRAD_ERROR_INDEX, "%s: index %" PRId64 ": the state has %" PRId64 " arrays",
               function, i, state->count);
    return NULL;
}

bool nn_state_has(const NnState *state, const char *name)
{
    return state && name && find(state, name);
}

const NnArray *nn_state_find(const NnState *state, const char *name)
{
    static const char function[] = "nn_state_find";
    if (!state || !name) {
        error__null(function, state ? "name" : "state");
        return NULL;
    }
    const Entry *entry = find(state, name);
    if (entry)
        return &entry->array;
    error__set(VALGRAD_ERROR_NAME,
               "%s: \"%s\": no such name among %" PRId64 " (the first is \"%s\")", function, name,
               state->count, state->count ? state->entries[0]->name : "");
    return NULL;
}

ValgradStatus nn_array_get(const NnArray *array, int64_t n, real *out)
{
    static const char function[] = "nn_array_get";
    if (!array || !out)
        return error__null(function, array ? "out" : "array");
    if (n != array->size)
        return error__set(VALGRAD_ERROR_SHAPE,
                          "%s: \"%s\": room for %" PRId64 " numbers: expected %" PRId64, function,
                          array->name, n, array->size);
    dtype__convert(n, array->dtype, array->data, NN_REAL, out);
    return VALGRAD_OK;
}

Tensor *nn_array_tensor(const NnArray *array)
{
    if (!array) {
        error__null("nn_array_tensor", "array");
        return NULL;
    }
    Tensor *t = tensor_zeros(array->rank, array->shape);
    real *numbers = t && array->size > 0 ? tensor__writable(t) : NULL;
    if (numbers)
        dtype__convert(array->size, array->dtype, array->data, NN_REAL, numbers);
    return t;
}

/* ---- conversion ---------------------------------------------------------------------------------- */

static bool is_to_change(const NnArray *array, NnDtype dtype)
{
    return dtype__is_float(array->dtype) && array->dtype != dtype;
}

/* The converted elements of every array that is to change, or nothing. */
static bool convert_all(const NnState *state, NnDtype dtype, void **converted)
{
    for (int64_t i = 0; i < state->count; i++) {
        const NnArray *array = &state->entries[i]->array;
        if (!is_to_change(array, dtype))
            continue;
        converted[i] =
            nn__bytes("nn_state_convert", array->size ? array->size : 1, dtype__bytes(dtype));
        if (!converted[i])
            return false;
        dtype__convert(array->size, array->dtype, array->data, dtype, converted[i]);
    }
    return true;
}

ValgradStatus nn_state_convert(NnState *state, NnDtype dtype)
{
    static const char function[] = "nn_state_convert";
    if (!state)
        return error__null(function, "state");
    if (!dtype__exists(dtype) || !dtype__is_float(dtype))
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: type %s: expected F64, F32, F16 or BF16",
                          function, dtype__exists(dtype) ? nn_dtype_name(dtype) : "unknown");
    void **converted = nn__zeros(function, state->count + 1, sizeof *converted);
    if (!converted)
        return VALGRAD_ERROR_MEMORY;
    const bool done = convert_all(state, dtype, converted);
    for (int64_t i = 0; i < state->count; i++) {
        NnArray *array = &state->entries[i]->array;
        if (done && converted[i]) {
            nn__free((void *)array->data);
            array->data = converted[i];
            array->dtype = dtype;
        } else {
            nn__free(converted[i]);
        }
    }
    nn__free(converted);
    return done ? VALGRAD_OK : VALGRAD_ERROR_MEMORY;
}

/* ---- texts --------------------------------------------------------------------------------------- */

static Text *find_text(const NnState *state, const char *key)
{
    for (int64_t i = 0; i < state->text_count; i++)
        if (strcmp(state->texts[i].key, key) == 0)
            return &state->texts[i];
    return NULL;
}

static void remove_text(NnState *state, Text *text)
{
    free_text(text);
    Text *last = &state->texts[--state->text_count];
    memmove(text, text + 1, (size_t)(last - text) * sizeof *text);
}

static ValgradStatus append_text(const char *function, NnState *state, const char *key, char *text)
{
    char *own_key = copy_text(function, key);
    if (!own_key || !make_room(function, (void **)(void *)&state->texts, sizeof *state->texts,
                               state->text_count, &state->text_room)) {
        nn__free(own_key);
        nn__free(text);
        return VALGRAD_ERROR_MEMORY;
    }
    state->texts[state->text_count++] = (Text){own_key, text};
    return VALGRAD_OK;
}

ValgradStatus nn_state_set_text(NnState *state, const char *key, const char *text)
{
    static const char function[] = "nn_state_set_text";
    if (!state || !key)
        return error__null(function, state ? "key" : "state");
    ValgradStatus status = check_name(function, "key", key);
    if (status != VALGRAD_OK)
        return status;
    Text *there = find_text(state, key);
    if (!text) {
        if (there)
            remove_text(state, there);
        return VALGRAD_OK;
    }
    char *copy = copy_text(function, text);
    if (!copy)
        return VALGRAD_ERROR_MEMORY;
    if (!there)
        return append_text(function, state, key, copy);
    nn__free(there->text);
    there->text = copy;
    return VALGRAD_OK;
}

const char *nn_state_text(const NnState *state, const char *key)
{
    const Text *text = state && key ? find_text(state, key) : NULL;
    return text ? text->text : NULL;
}

int64_t nn_state_text_count(const NnState *state)
{
    return state ? state->text_count : 0;
}

const char *nn_state_text_key(const NnState *state, int64_t i)
{
    static const char function[] = "nn_state_text_key";
    if (!state) {
        error__null(function, "state");
        return NULL;
    }
    if (i >= 0 && i < state->text_count)
        return state->texts[i].key;
    error__set(VALGRAD_ERROR_INDEX, "%s: index %" PRId64 ": the state has %" PRId64 " texts",
               function, i, state->text_count);
    return NULL;
}
