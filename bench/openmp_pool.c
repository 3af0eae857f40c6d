/* openmp_pool.c - what tensor/threads.c does, by OpenMP: a program that has this is linked without that. */
#include <omp.h>

#include <valgrad/tensor.h>

#include "tensor/threads.h"

static int threads = 1;

ValgradStatus valgrad_set_threads(int n)
{
    threads = n;
    return VALGRAD_OK;
}

int valgrad_threads(void)
{
    return threads;
}

int threads__parts(int64_t units, int64_t least)
{
    const int64_t parts = units / least;
    return parts >= threads ? threads : parts < 1 ? 1 : (int)parts;
}

static real *scratch_of_thread(void)
{
    static _Thread_local real scratch[1 << 17] __attribute__((aligned(64)));
    return scratch;
}

void threads__run(ThreadBody *body, void *context, int parts, real *scratch)
{
    if (parts == 1) {
        body(context, 0, scratch);
        return;
    }
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int part = 0; part < parts; part++)
        body(context, part, scratch_of_thread());
}
