/* replay.c - running a Program on other numbers. */
#include <string.h>

#include "autograd/replay.h"
#include "autograd/tape.h"

struct ProgramWorkspace {
    TapeRun run;
    size_t batch, lanes;
    const TapeLoops *loops;
};

/* How many places gradients have. */
static size_t gradient_count(const Program *program)
{
    const size_t others = program->input_count + program->constant_count, results = program->slot_count - others;
    return others + (program->gradient_mask < results ? program->gradient_mask + 1 : results);
}

ProgramWorkspace *program_workspace_new(const Program *program, size_t batch)
{
    static const char function[] = "program_workspace_new";
    if (!program)
        return error__null(function, "program"), NULL;
    if (batch == 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: a batch of 0; expected at least 1",
                          function),
               NULL;
    ProgramWorkspace *workspace = tape__take(1, sizeof *workspace);
    if (!workspace)
        return error__memory(function, 0), NULL;
    workspace->batch = batch;
    workspace->lanes = batch == 1 ? 1 : TAPE_LANES;
    workspace->loops = tape__loops(isa__chosen(), workspace->lanes);
    workspace->run.program = program;
    const size_t lanes = workspace->lanes, constants = program->constant_count;
    workspace->run.numbers = tape__take(program->slot_count, lanes * sizeof(real));
    workspace->run.gradients.results = (ProgramSlot)(program->input_count + constants);
    workspace->run.gradients.mask = program->gradient_mask;
    workspace->run.gradients.first = tape__take(gradient_count(program), lanes * sizeof(real));
    workspace->run.room = tape__take(2 * program->most_operands, sizeof(real));
    if (!workspace->run.numbers || !workspace->run.gradients.first || !workspace->run.room) {
        program_workspace_free(workspace);
        return error__memory(function, 0), NULL;
    }
    real *numbers = workspace->run.numbers + program->input_count * lanes;
    for (size_t i = 0; i < constants * lanes; i++)
        numbers[i] = program->constants[i / lanes];
    return workspace;
}

void program_workspace_free(ProgramWorkspace *workspace)
{
    if (!workspace)
        return;
    tape__give_back(workspace->run.numbers);
    tape__give_back(workspace->run.gradients.first);
    tape__give_back(workspace->run.room);
    tape__give_back(workspace);
}

/* Some sets of a batch, at most as many as there are lanes: from `first` on. Lanes without a set repeat
 * the last one and get no seed. */
typedef struct Sets {
    ProgramWorkspace *workspace;
    size_t first, n;
} Sets;

static void put_inputs(const Sets *sets, const real *inputs)
{
    const ProgramWorkspace *w = sets->workspace;
    for (size_t i = 0; i < w->run.program->input_count; i++) {
        const real *from = inputs + i * w->batch + sets->first;
        for (size_t l = 0; l < w->lanes; l++)
            w->run.numbers[i * w->lanes + l] = from[l < sets->n ? l : sets->n - 1];
    }
}

static void get_results(const Sets *sets, real *results)
{
    const ProgramWorkspace *w = sets->workspace;
    for (size_t i = 0; i < w->run.program->root_count; i++) {
        const real *from = w->run.numbers + w->run.program->roots[i] * w->lanes;
        memcpy(results + i * w->batch + sets->first, from, sets->n * sizeof *from);
    }
}

static void put_seeds(const Sets *sets, const real *seeds)
{
    const ProgramWorkspace *w = sets->workspace;
    for (size_t i = 0; i < w->run.program->root_count; i++) {
        real *to = w->run.gradients.first + tape__place(w->run.gradients, w->run.program->roots[i]) * w->lanes;
        for (size_t l = 0; l < sets->n; l++)
            to[l] += seeds ? seeds[i * w->batch + sets->first + l] : 1;
    }
}

/* Takes the gradients out, which leaves 0 there. Whether all are finite. */
static bool get_gradients(const Sets *sets, real *gradients)
{
    const ProgramWorkspace *w = sets->workspace;
    real sum = 0;
    for (size_t i = 0; i < w->run.program->input_count; i++) {
        real *from = w->run.gradients.first + i * w->lanes, *to = gradients + i * w->batch + sets->first;
        for (size_t l = 0; l < sets->n; l++) {
            to[l] = w->run.program->wants[i] ? from[l] : 0;
            sum += to[l] - to[l]; /* NaN if it is not finite */
        }
        memset(from, 0, w->lanes * sizeof *from);
    }
    return sum == 0;
}

/* The quick way is right if everything is finite. Otherwise once more, from the beginning. */
static void differentiate(const Sets *sets, const real *seeds, real *gradients)
{
    const ProgramWorkspace *w = sets->workspace;
    put_seeds(sets, seeds);
    if (!w->run.strict) {
        w->loops->backward(&w->run);
        if (get_gradients(sets, gradients))
            return;
        memset(w->run.gradients.first, 0, gradient_count(w->run.program) * w->lanes * sizeof(real));
        put_seeds(sets, seeds);
    }
    w->loops->backward_carefully(&w->run);
    (void)get_gradients(sets, gradients);
}

ValgradStatus program_run(const Program *program, ProgramWorkspace *workspace, size_t count,
                          const real *inputs, real *results, const real *seeds, real *gradients)
{
    static const char function[] = "program_run";
    if (!program || !workspace || (!inputs && count > 0))
        return error__null(function, !program ? "program" : !workspace ? "workspace" : "inputs");
    if (workspace->run.program != program)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: the workspace is of another program",
                          function);
    if (count != program->input_count * workspace->batch)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %zu numbers; expected %zu for each of %zu sets", function, count,
                          program->input_count, workspace->batch);
    workspace->run.strict = backward__strict();
    for (size_t first = 0; first < workspace->batch; first += workspace->lanes) {
        const size_t left = workspace->batch - first;
        const Sets sets = {workspace, first, left < workspace->lanes ? left : workspace->lanes};
        put_inputs(&sets, inputs);
        workspace->loops->forward(&workspace->run);
        if (results)
            get_results(&sets, results);
        if (gradients)
            differentiate(&sets, seeds, gradients);
    }
    return VALGRAD_OK;
}
