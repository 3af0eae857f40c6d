/* parameters.c - an ordered list of tensors, found by name through a hash table. */
#include <inttypes.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/tensor_internal.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) nn__zeros("nn_parameters_add", 1, bytes)
#define uthash_free(memory, bytes) nn__free(memory)
#include <uthash.h>

typedef struct Entry {
    Tensor *tensor;
    bool transposed; /* in states */
    UT_hash_handle hh;
    char name[];
} Entry;

struct NnParameters {
    Entry *by_name;  /* the hash table */
    Entry **entries; /* in order of addition */
    int64_t count, room;
};

NnParameters *nn_parameters_new(void)
{
    return nn__zeros("nn_parameters_new", 1, sizeof(NnParameters));
}

void nn_parameters_free(NnParameters *parameters)
{
    if (!parameters)
        return;
    HASH_CLEAR(hh, parameters->by_name);
    for (int64_t i = 0; i < parameters->count; i++) {
        tensor_release(parameters->entries[i]->tensor);
        nn__free(parameters->entries[i]);
    }
    nn__free(parameters->entries);
    nn__free(parameters);
}

static Entry *find(const NnParameters *parameters, const char *name)
{
    Entry *entry = NULL;
    HASH_FIND_STR(parameters->by_name, name, entry);
    return entry;
}

static bool is_whole_leaf(const Tensor *tensor)
{
    return tensor->run && (tensor->run->flags & LEAF) && tensor__is_contiguous(tensor) &&
           tensor->size == dense_of(tensor->run)->n;
}

static ValgradStatus check_addition(const NnParameters *parameters, const char *name,
                                    const Tensor *tensor)
{
    static const char function[] = "nn_parameters_add";
    if (!parameters || !name || !tensor)
        return error__null(function, !parameters ? "parameters" : !name ? "name" : "tensor");
    if (name[0] == '\0')
        return error__set(VALGRAD_ERROR_NAME, "%s: an empty name: expected at least one character",
                          function);
    if (find(parameters, name))
        return error__set(VALGRAD_ERROR_NAME, "%s: \"%s\": the list has this name already",
                          function, name);
    if (!is_whole_leaf(tensor))
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: \"%s\" is a result or a part: expected a whole leaf", function,
                          name);
    return VALGRAD_OK;
}

static bool make_room(NnParameters *parameters)
{
    if (parameters->count < parameters->room)
        return true;
    int64_t room = parameters->room ? 2 * parameters->room : 8;
    Entry **entries = nn__zeros("nn_parameters_add", room, sizeof *entries);
    if (!entries)
        return false;
    if (parameters->count > 0)
        memcpy(entries, parameters->entries, (size_t)parameters->count * sizeof *entries);
    nn__free(parameters->entries);
    parameters->entries = entries;
    parameters->room = room;
    return true;
}

static Entry *new_entry(const char *name)
{
    size_t length = strlen(name) + 1;
    Entry *entry = nn__zeros("nn_parameters_add", 1, sizeof *entry + length);
    if (entry)
        memcpy(entry->name, name, length);
    return entry;
}

ValgradStatus nn_parameters_add(NnParameters *parameters, const char *name, Tensor *tensor)
{
    ValgradStatus status = check_addition(parameters, name, tensor);
    if (status == VALGRAD_OK && tensor_label(tensor)[0] == '\0')
        status = tensor_set_label(tensor, name);
    if (status != VALGRAD_OK)
        return status;
    Entry *entry = make_room(parameters) ? new_entry(name) : NULL;
    if (!entry)
        return VALGRAD_ERROR_MEMORY;
    HASH_ADD_KEYPTR(hh, parameters->by_name, entry->name, strlen(entry->name), entry);
    if (!entry->hh.tbl) {
        nn__free(entry);
        return VALGRAD_ERROR_MEMORY;
    }
    entry->tensor = tensor_retain(tensor);
    parameters->entries[parameters->count++] = entry;
    return VALGRAD_OK;
}

int64_t nn_parameters_count(const NnParameters *parameters)
{
    return parameters ? parameters->count : 0;
}

int64_t nn_parameters_numbers(const NnParameters *parameters)
{
    int64_t numbers = 0;
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++)
        numbers += tensor_size(parameters->entries[i]->tensor);
    return numbers;
}

int64_t nn_parameters_trainable(const NnParameters *parameters)
{
    int64_t numbers = 0;
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++)
        if (tensor_wants_grad(parameters->entries[i]->tensor))
            numbers += tensor_size(parameters->entries[i]->tensor);
    return numbers;
}

static const Entry *at(const char *function, const NnParameters *parameters, int64_t i)
{
    if (!parameters) {
        error__null(function, "parameters");
        return NULL;
    }
    if (i >= 0 && i < parameters->count)
        return parameters->entries[i];
    error__set(VALGRAD_ERROR_INDEX, "%s: index %" PRId64 ": the list has %" PRId64 " tensors",
               function, i, parameters->count);
    return NULL;
}

Tensor *nn_parameters_at(const NnParameters *parameters, int64_t i)
{
    const Entry *entry = at("nn_parameters_at", parameters, i);
    return entry ? entry->tensor : NULL;
}

const char *nn_parameters_name(const NnParameters *parameters, int64_t i)
{
    const Entry *entry = at("nn_parameters_name", parameters, i);
    return entry ? entry->name : NULL;
}

static Entry *find_named(const char *function, const NnParameters *parameters, const char *name)
{
    if (!parameters || !name) {
        error__null(function, parameters ? "name" : "parameters");
        return NULL;
    }
    Entry *entry = find(parameters, name);
    if (!entry)
        error__set(VALGRAD_ERROR_NAME,
                   "%s: \"%s\": no such name among %" PRId64 " (the first is \"%s\")", function,
                   name, parameters->count, parameters->count ? parameters->entries[0]->name : "");
    return entry;
}

Tensor *nn_parameters_find(const NnParameters *parameters, const char *name)
{
    const Entry *entry = find_named("nn_parameters_find", parameters, name);
    return entry ? entry->tensor : NULL;
}

ValgradStatus nn_parameters_freeze(NnParameters *parameters, const char *name, bool freeze)
{
    const Entry *entry = find_named("nn_parameters_freeze", parameters, name);
    return entry ? tensor_set_wants_grad(entry->tensor, !freeze) : valgrad_last_status();
}

ValgradStatus nn_parameters_get(const NnParameters *parameters, const char *name, int64_t n,
                                real *out)
{
    const Entry *entry = find_named("nn_parameters_get", parameters, name);
    return entry ? tensor_get(entry->tensor, n, out) : valgrad_last_status();
}

ValgradStatus nn_parameters_set(NnParameters *parameters, const char *name, int64_t n,
                                const real *numbers)
{
    const Entry *entry = find_named("nn_parameters_set", parameters, name);
    return entry ? tensor_set(entry->tensor, n, numbers) : valgrad_last_status();
}

ValgradStatus nn_parameters_set_transposed(NnParameters *parameters, const char *name,
                                           bool transposed)
{
    static const char function[] = "nn_parameters_set_transposed";
    Entry *entry = find_named(function, parameters, name);
    if (!entry)
        return valgrad_last_status();
    if (tensor_rank(entry->tensor) != 2)
        return error__set(VALGRAD_ERROR_SHAPE, "%s: \"%s\" has rank %d: expected 2", function, name,
                          tensor_rank(entry->tensor));
    entry->transposed = transposed;
    return VALGRAD_OK;
}

bool parameters__is_transposed(const NnParameters *parameters, int64_t i)
{
    return parameters->entries[i]->transposed;
}

bool parameters__has(const NnParameters *parameters, const char *name)
{
    return find(parameters, name) != NULL;
}

void nn_parameters_zero_grad(NnParameters *parameters)
{
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++)
        tensor_zero_grad(parameters->entries[i]->tensor);
}
