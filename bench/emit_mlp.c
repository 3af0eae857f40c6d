/* emit_mlp.c - writes the network of W2 as C, for bench_mlp: emit_mlp FILE. */
#include <stdio.h>
#include <stdlib.h>
#include <valgrad/program.h>

#include "bench/scalar_graphs.h"

static Mlp samples;

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "w") : NULL;
    ValgradStatus status = VALGRAD_ERROR_IO;
    mlp_make(&samples);
    if (!file)
        return EXIT_FAILURE;
    VALGRAD_SCOPE {
        Value *p[MLP_PARAMETERS];
        mlp_leaves(&samples, p);
        Value *loss = mlp_loss(&samples, neuron_of_scalars, p);
        status = value_emit_c("emitted_mlp", 1, &loss, MLP_PARAMETERS, p, file);
    }
    if (status != VALGRAD_OK)
        fprintf(stderr, "%s\n", valgrad_last_error());
    return fclose(file) == 0 && status == VALGRAD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
