/* scalar_replay.h - a graph recorded once and run again, on one set of its inputs or on many equal ones. */
#ifndef BENCH_SCALAR_REPLAY_H
#define BENCH_SCALAR_REPLAY_H

#include <stdlib.h>
#include <valgrad/program.h>

static struct {
    Program *program;
    ProgramWorkspace *room;
    size_t inputs, batch;
    real *numbers, *gradients, *results;
} replay;

static void replay_prepare(Value *root, size_t n, Value *const *inputs, size_t batch)
{
    replay.program = program_record(1, &root, n, inputs);
    replay.room = program_workspace_new(replay.program, batch);
    replay.inputs = n;
    replay.batch = batch;
    replay.numbers = malloc(n * batch * sizeof(real));
    replay.gradients = malloc(n * batch * sizeof(real));
    replay.results = malloc(batch * sizeof(real));
    for (size_t i = 0; i < n * batch; i++)
        replay.numbers[i] = value_data(inputs[i / batch]);
}

static void replay_run(void)
{
    program_run(replay.program, replay.room, replay.inputs * replay.batch, replay.numbers,
                replay.results, NULL, replay.gradients);
}

/* By input i, of the last set. */
static double replay_gradient(size_t i)
{
    return replay.gradients[i * replay.batch + replay.batch - 1];
}

#endif
