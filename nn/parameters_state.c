/* parameters_state.c - the parameters of a network as a state, and back. */
#include <inttypes.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/tensor_internal.h"

/* Tensor i as it stands in states: itself, or a transposed view. tensor__drop() it. */
static Tensor *outside(const NnParameters *parameters, int64_t i)
{
    Tensor *tensor = nn_parameters_at(parameters, i);
    return parameters__is_transposed(parameters, i) ? tensor_transpose(tensor) : tensor;
}

static bool add_to_state(const NnParameters *parameters, int64_t i, NnState *state)
{
    Tensor *tensor = outside(parameters, i);
    bool added = tensor && nn_state_add_tensor(state, nn_parameters_name(parameters, i), tensor) ==
                               VALGRAD_OK;
    tensor__drop(tensor, nn_parameters_at(parameters, i));
    return added;
}

NnState *nn_parameters_state(const NnParameters *parameters)
{
    if (!parameters) {
        error__null("nn_parameters_state", "parameters");
        return NULL;
    }
    NnState *state = nn_state_new();
    bool complete = state != NULL;
    for (int64_t i = 0; complete && i < nn_parameters_count(parameters); i++)
        complete = add_to_state(parameters, i, state);
    if (complete)
        return state;
    nn_state_free(state);
    return NULL;
}

/* ---- back ---------------------------------------------------------------------------------------- */

static const char function[] = "nn_parameters_load_state";

static bool check_shape(const NnParameters *parameters, int64_t i, const NnArray *array)
{
    Tensor *tensor = nn_parameters_at(parameters, i);
    const bool swapped = parameters__is_transposed(parameters, i);
    int64_t sides[TENSOR_MAX_RANK];
    bool same = tensor_rank(tensor) == array->rank;
    for (int axis = 0; axis < tensor_rank(tensor); axis++) {
        sides[axis] = tensor_side(tensor, swapped ? 1 - axis : axis);
        same = same && sides[axis] == array->shape[axis];
    }
    if (same)
        return true;
    char given[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: \"%.80s\" is %s: expected %s", function, array->name,
               shape__text(array->rank, array->shape, given),
               shape__text(tensor_rank(tensor), sides, expected));
    return false;
}

bool parameters__fit(const NnParameters *parameters, const NnState *state, bool strict)
{
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        const char *name = nn_parameters_name(parameters, i);
        if (nn_state_has(state, name)) {
            if (!check_shape(parameters, i, nn_state_find(state, name)))
                return false;
        } else if (strict) {
            error__set(VALGRAD_ERROR_NAME, "%s: no \"%s\" in the state: expected every parameter",
                       function, name);
            return false;
        }
    }
    for (int64_t i = 0; strict && i < nn_state_count(state); i++) {
        const char *name = nn_state_at(state, i)->name;
        const bool of_a_run = strncmp(name, RUN_PREFIX, sizeof RUN_PREFIX - 1) == 0;
        if (!of_a_run && !parameters__has(parameters, name)) {
            error__set(VALGRAD_ERROR_NAME, "%s: \"%.80s\": the network has no such parameter",
                       function, name);
            return false;
        }
    }
    return true;
}

/* The numbers of an array in the order of the parameter i, into out. */
static void put_in_order(const NnParameters *parameters, int64_t i, const real *numbers, real *out)
{
    const Tensor *tensor = nn_parameters_at(parameters, i);
    if (!parameters__is_transposed(parameters, i)) {
        memcpy(out, numbers, (size_t)tensor_size(tensor) * sizeof *out);
        return;
    }
    const int64_t rows = tensor_side(tensor, 0), columns = tensor_side(tensor, 1);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++)
            *out++ = numbers[column * rows + row];
}

/* All has been checked and `scratch` has room for any: nothing fails any more. */
static void take(const NnParameters *parameters, int64_t i, const NnArray *array, real *scratch)
{
    nn_array_get(array, array->size, scratch);
    put_in_order(parameters, i, scratch, tensor__writable(nn_parameters_at(parameters, i)));
}

static int64_t largest(const NnParameters *parameters)
{
    int64_t size = 1;
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        int64_t numbers = tensor_size(nn_parameters_at(parameters, i));
        size = numbers > size ? numbers : size;
    }
    return size;
}

ValgradStatus nn_parameters_load_state(NnParameters *parameters, const NnState *state, bool strict)
{
    if (!parameters || !state)
        return error__null(function, parameters ? "state" : "parameters");
    if (!parameters__fit(parameters, state, strict))
        return valgrad_last_status();
    real *scratch = nn__bytes(function, largest(parameters), sizeof *scratch);
    if (!scratch)
        return VALGRAD_ERROR_MEMORY;
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        const char *name = nn_parameters_name(parameters, i);
        if (nn_state_has(state, name))
            take(parameters, i, nn_state_find(state, name), scratch);
    }
    nn__free(scratch);
    return VALGRAD_OK;
}

/* ---- by a file ----------------------------------------------------------------------------------- */

ValgradStatus nn_parameters_save(const NnParameters *parameters, const char *path)
{
    NnState *state = nn_parameters_state(parameters);
    if (!state)
        return valgrad_last_status();
    ValgradStatus status = nn_state_write(state, path);
    nn_state_free(state);
    return status;
}

ValgradStatus nn_parameters_load(NnParameters *parameters, const char *path)
{
    NnState *state = nn_state_read(path);
    if (!state)
        return valgrad_last_status();
    ValgradStatus status = nn_parameters_load_state(parameters, state, true);
    nn_state_free(state);
    return status;
}
