/* loader.c - mini-batches: bytes become numbers one batch at a time, straight in the batch's
 * tensor. */
#include <inttypes.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/kernels.h"
#include "tensor/sparse.h"

/* `full` serves every whole batch of an epoch, `rest` the smaller last one. */
struct NnLoader {
    const NnDataset *dataset;
    NnLoaderOptions options; /* with batch and limit cut to what there is */
    int64_t epoch, dealt;    /* epochs ended; images dealt in this one */
    uint32_t *order;         /* of the images of this epoch */
    int64_t *labels;
    NnBatch full, rest;
};

static ValgradStatus check(const NnDataset *dataset, const NnLoaderOptions *options)
{
    static const char function[] = "nn_loader_new";
    if (!dataset)
        return error__null(function, "dataset");
    if (options->batch < 1)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: batch %" PRId64 ": expected 1 or more",
                          function, options->batch);
    if (options->limit < 0 || options->limit > nn_dataset_count(dataset))
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: limit %" PRId64 ": expected 0 to %" PRId64 ", the number of images",
                          function, options->limit, nn_dataset_count(dataset));
    return VALGRAD_OK;
}

/* A tensor for count images, which no scope owns. */
static bool make_batch(const NnLoader *loader, int64_t count, NnBatch *batch)
{
    int64_t features = nn_dataset_rows(loader->dataset) * nn_dataset_columns(loader->dataset);
    batch->count = count;
    batch->labels = loader->labels;
    if (count == 0)
        return true;
    batch->inputs = tensor_param(NULL, TENSOR_SHAPE(count, features));
    if (!batch->inputs || tensor_set_wants_grad(batch->inputs, false) != VALGRAD_OK)
        return false;
    (void)sparse__rows(batch->inputs, count, features); /* takes its room now, not amid training */
    return true;
}

static bool make_buffers(NnLoader *loader)
{
    static const char function[] = "nn_loader_new";
    int64_t batch = loader->options.batch, samples = loader->options.limit;
    loader->order = nn__bytes(function, samples, sizeof *loader->order);
    loader->labels = loader->order ? nn__bytes(function, batch, sizeof *loader->labels) : NULL;
    return loader->labels && make_batch(loader, batch, &loader->full) &&
           make_batch(loader, samples % batch, &loader->rest);
}

/* The order of an epoch depends on nothing but seed and epoch, so that a run can be taken up
 * anywhere. */
static void put_in_order(NnLoader *loader)
{
    uint32_t samples = (uint32_t)loader->options.limit;
    for (uint32_t i = 0; i < samples; i++)
        loader->order[i] = i;
    if (loader->options.sequential)
        return;
    Random random = random_seeded(loader->options.seed +
                                  (uint64_t)loader->epoch * UINT64_C(0xd1342543de82ef95));
    random_shuffle(&random, loader->order, samples);
}

NnLoader *nn_loader_new(const NnDataset *dataset, const NnLoaderOptions *options)
{
    const NnLoaderOptions standard = NN_LOADER_OPTIONS_INIT;
    options = options ? options : &standard;
    if (check(dataset, options) != VALGRAD_OK)
        return NULL;
    NnLoader *loader = nn__zeros("nn_loader_new", 1, sizeof *loader);
    if (!loader)
        return NULL;
    loader->dataset = dataset;
    loader->options = *options;
    if (options->limit == 0)
        loader->options.limit = nn_dataset_count(dataset);
    if (loader->options.batch > loader->options.limit)
        loader->options.batch = loader->options.limit;
    if (make_buffers(loader)) {
        put_in_order(loader);
        return loader;
    }
    nn_loader_free(loader);
    return NULL;
}

void nn_loader_free(NnLoader *loader)
{
    if (!loader)
        return;
    tensor_release(loader->full.inputs);
    tensor_release(loader->rest.inputs);
    nn__free(loader->labels);
    nn__free(loader->order);
    nn__free(loader);
}

static void convert(const NnLoader *loader, int64_t count, real *numbers)
{
    const NnDataset *dataset = loader->dataset;
    const Kernels *kernels = kernels__get();
    const real factor = (real)1 / 255;
    int64_t features = nn_dataset_rows(dataset) * nn_dataset_columns(dataset);
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *pixels = nn_dataset_pixels(dataset, loader->order[loader->dealt + i]);
        kernels->from_bytes(numbers + i * features, factor, pixels, features);
    }
}

static const NnBatch *deal(NnLoader *loader, const NnBatch *batch)
{
    real *numbers = tensor__writable(batch->inputs);
    if (!numbers)
        return NULL;
    convert(loader, batch->count, numbers);
    for (int64_t i = 0; i < batch->count; i++)
        loader->labels[i] = nn_dataset_label(loader->dataset, loader->order[loader->dealt + i]);
    loader->dealt += batch->count;
    return batch;
}

const NnBatch *nn_loader_next(NnLoader *loader)
{
    if (!loader) {
        error__null("nn_loader_next", "loader");
        return NULL;
    }
    int64_t left = loader->options.limit - loader->dealt;
    if (left > 0)
        return deal(loader, left < loader->options.batch ? &loader->rest : &loader->full);
    nn_loader_start(loader, loader->epoch + 1);
    return NULL;
}

ValgradStatus nn_loader_start(NnLoader *loader, int64_t epoch)
{
    if (!loader)
        return error__null("nn_loader_start", "loader");
    if (epoch < 0)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "nn_loader_start: epoch %" PRId64 ": expected 0 or more", epoch);
    loader->epoch = epoch;
    loader->dealt = 0;
    put_in_order(loader);
    return VALGRAD_OK;
}

int64_t nn_loader_samples(const NnLoader *loader)
{
    return loader ? loader->options.limit : 0;
}

static int64_t batches(const NnLoader *loader, int64_t samples)
{
    return samples / loader->options.batch + (samples % loader->options.batch != 0);
}

int64_t nn_loader_steps(const NnLoader *loader)
{
    return loader ? batches(loader, loader->options.limit) : 0;
}

int64_t nn_loader_epoch(const NnLoader *loader)
{
    return loader ? loader->epoch : 0;
}

int64_t nn_loader_step(const NnLoader *loader)
{
    return loader ? batches(loader, loader->dealt) : 0;
}
