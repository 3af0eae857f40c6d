/* torch_logits.c - `torch_logits MODEL DATA`: the logits of a network in a file for every test digit, as
 * doubles, on standard output. For torch_exchange.py. */
#include <stdio.h>

#include <valgrad/valgrad.h>

enum { CLASSES = 10, BATCH = 100 };

static int fail(void)
{
    fprintf(stderr, "torch_logits: %s\n", valgrad_last_error());
    return 1;
}

static void print(const Tensor *logits)
{
    real numbers[BATCH * CLASSES];
    const int64_t n = tensor_size(logits);
    tensor_get(logits, n, numbers);
    for (int64_t i = 0; i < n; i++)
        fwrite(&(double){(double)numbers[i]}, sizeof(double), 1, stdout);
}

int main(int argc, char **argv)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = BATCH;
    options.sequential = true;
    NnMlp *net = argc == 3 ? nn_mlp_load(argv[1], NULL) : NULL;
    NnDataset *digits = net ? nn_dataset_find_idx(argv[2], "t10k", CLASSES) : NULL;
    NnLoader *loader = digits ? nn_loader_new(digits, &options) : NULL;
    if (!loader)
        return fail();
    for (const NnBatch *batch; (batch = nn_loader_next(loader));)
        VALGRAD_SCOPE {
            Tensor *logits = nn_mlp_forward(net, batch->inputs);
            if (!logits)
                return fail();
            print(logits);
        }
    nn_loader_free(loader);
    nn_dataset_free(digits);
    nn_mlp_free(net);
    return fflush(stdout) != 0;
}
