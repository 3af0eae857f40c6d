/* run.c - checkpoints: a run as a state, and back to where it stood. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <valgrad/train.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

enum { NAME_ROOM = 64, POSITION = 4 };

static const char optimizer_text[] = RUN_PREFIX "optimizer";
static const char rate_array[] = RUN_PREFIX "learning_rate";
static const char loader_array[] = RUN_PREFIX "loader"; /* epoch, step, samples, steps */
static const char random_array[] = RUN_PREFIX "random";

/* "training.optimizer.0.steps" */
static const char *name_memory(char name[NAME_ROOM], int64_t i, const char *what)
{
    snprintf(name, NAME_ROOM, "%s.%" PRId64 ".%s", optimizer_text, i, what);
    return name;
}

/* ---- to a state ---------------------------------------------------------------------------------- */

static bool add_memory(NnState *state, int64_t i, const OptimizerMemory *memory)
{
    char name[NAME_ROOM];
    return nn_state_add(state, name_memory(name, i, "steps"), NN_I64, TENSOR_SCALAR,
                        memory->steps) == VALGRAD_OK &&
           (!memory->numbers || nn_state_add(state, name_memory(name, i, "state"), NN_REAL,
                                             TENSOR_SHAPE(memory->buffers, memory->size),
                                             memory->numbers) == VALGRAD_OK);
}

static bool add_optimizer(NnState *state, NnOptimizer *optimizer)
{
    const double rate = nn_optimizer_learning_rate(optimizer);
    OptimizerMemory memory;
    if (nn_state_set_text(state, optimizer_text, nn_optimizer_name(optimizer)) != VALGRAD_OK ||
        nn_state_add(state, rate_array, NN_F64, TENSOR_SCALAR, &rate) != VALGRAD_OK)
        return false;
    for (int64_t i = 0; optimizer__memory(optimizer, i, &memory); i++)
        if (!add_memory(state, i, &memory))
            return false;
    return true;
}

static void position_of(const NnLoader *loader, int64_t position[POSITION])
{
    position[0] = nn_loader_epoch(loader);
    position[1] = nn_loader_step(loader);
    position[2] = nn_loader_samples(loader);
    position[3] = nn_loader_steps(loader);
}

static bool add_loader(NnState *state, const NnLoader *loader)
{
    int64_t position[POSITION];
    position_of(loader, position);
    return nn_state_add(state, loader_array, NN_I64, TENSOR_SHAPE(POSITION), position) ==
           VALGRAD_OK;
}

NnState *nn_run_state(const NnRun *run)
{
    if (!run) {
        error__null("nn_run_state", "run");
        return NULL;
    }
    NnState *state = run->net ? nn_mlp_state(run->net) : nn_state_new();
    if (state && (!run->optimizer || add_optimizer(state, run->optimizer)) &&
        (!run->loader || add_loader(state, run->loader)) &&
        (!run->random || nn_state_add(state, random_array, NN_U64, TENSOR_SHAPE(4),
                                      run->random->state) == VALGRAD_OK))
        return state;
    nn_state_free(state);
    return NULL;
}

/* ---- and back ------------------------------------------------------------------------------------ */

static const char function[] = "nn_run_load_state";

/* The elements of an array that must have this type and size; NULL and an error otherwise. */
static const void *elements_of(const NnState *state, const char *name, NnDtype dtype, int64_t size)
{
    if (!nn_state_has(state, name)) {
        error__set(VALGRAD_ERROR_NAME, "%s: no \"%s\" in the state: is it a checkpoint?", function,
                   name);
        return NULL;
    }
    const NnArray *array = nn_state_find(state, name);
    if (array->dtype == dtype && array->size == size)
        return array->data;
    error__set(VALGRAD_ERROR_SHAPE, "%s: \"%s\" is %" PRId64 " numbers %s: expected %" PRId64 " %s",
               function, name, array->size, nn_dtype_name(array->dtype), size,
               nn_dtype_name(dtype));
    return NULL;
}

static bool check_optimizer(const NnState *state, NnOptimizer *optimizer)
{
    const char *text = nn_state_text(state, optimizer_text), *name = nn_optimizer_name(optimizer);
    OptimizerMemory memory;
    char array[NAME_ROOM];
    if (!text || strcmp(text, name) != 0) {
        error__set(VALGRAD_ERROR_STATE, "%s: the state's optimizer is %.40s: expected %s", function,
                   text ? text : "missing", name);
        return false;
    }
    if (!elements_of(state, rate_array, NN_F64, 1))
        return false;
    for (int64_t i = 0; optimizer__memory(optimizer, i, &memory); i++)
        if (!elements_of(state, name_memory(array, i, "steps"), NN_I64, 1) ||
            (memory.numbers && !elements_of(state, name_memory(array, i, "state"), NN_REAL,
                                            memory.buffers * memory.size)))
            return false;
    return true;
}

static bool check_loader(const NnState *state, const NnLoader *loader)
{
    int64_t own[POSITION], position[POSITION];
    const void *elements = elements_of(state, loader_array, NN_I64, POSITION);
    if (!elements)
        return false;
    memcpy(position, elements, sizeof position);
    position_of(loader, own);
    const bool alike = position[2] == own[2] && position[3] == own[3];
    if (alike && position[0] >= 0 && position[1] >= 0 && position[1] <= own[3])
        return true;
    if (alike)
        error__set(VALGRAD_ERROR_FORMAT, "%s: \"%s\": step %" PRId64 " of epoch %" PRId64, function,
                   loader_array, position[1], position[0]);
    else
        error__set(VALGRAD_ERROR_STATE,
                   "%s: the state's epochs have %" PRId64 " samples in %" PRId64
                   " steps: expected %" PRId64 " in %" PRId64,
                   function, position[2], position[3], own[2], own[3]);
    return false;
}

static void load_optimizer(const NnState *state, NnOptimizer *optimizer)
{
    OptimizerMemory memory;
    char name[NAME_ROOM];
    double rate;
    memcpy(&rate, nn_state_find(state, rate_array)->data, sizeof rate);
    nn_optimizer_set_learning_rate(optimizer, rate);
    for (int64_t i = 0; optimizer__memory(optimizer, i, &memory); i++) {
        memcpy(memory.steps, nn_state_find(state, name_memory(name, i, "steps"))->data,
               sizeof *memory.steps);
        if (memory.numbers)
            memcpy(memory.numbers, nn_state_find(state, name_memory(name, i, "state"))->data,
                   (size_t)(memory.buffers * memory.size) * sizeof *memory.numbers);
    }
}

static ValgradStatus load_loader(const NnState *state, NnLoader *loader)
{
    int64_t position[POSITION];
    memcpy(position, nn_state_find(state, loader_array)->data, sizeof position);
    return nn_loader_seek(loader, position[0], position[1]);
}

/* All is checked before anything is changed. */
ValgradStatus nn_run_load_state(const NnRun *run, const NnState *state)
{
    if (!run || !state)
        return error__null(function, run ? "state" : "run");
    if ((run->net && !parameters__fit(nn_mlp_parameters(run->net), state, true)) ||
        (run->optimizer && !check_optimizer(state, run->optimizer)) ||
        (run->loader && !check_loader(state, run->loader)) ||
        (run->random && !elements_of(state, random_array, NN_U64, 4)))
        return valgrad_last_status();
    if (run->net &&
        nn_parameters_load_state(nn_mlp_parameters(run->net), state, true) != VALGRAD_OK)
        return valgrad_last_status();
    if (run->optimizer)
        load_optimizer(state, run->optimizer);
    if (run->random)
        memcpy(run->random->state, nn_state_find(state, random_array)->data,
               sizeof run->random->state);
    return run->loader ? load_loader(state, run->loader) : VALGRAD_OK;
}
