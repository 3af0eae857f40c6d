/* loader.c - mini-batches: bytes become numbers one batch at a time, straight in the batch's
 * tensor. */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include <valgrad/data.h>

#include "autograd/error.h"
#include "autograd/profile_internal.h"
#include "nn/image_internal.h"
#include "nn/nn_internal.h"
#include "tensor/kernels.h"
#include "tensor/sparse.h"
#include "tensor/threads.h"

/* `full` serves every whole batch of an epoch, `rest` the smaller last one. */
struct NnLoader {
    const NnDataset *dataset;
    NnLoaderOptions options; /* with batch and limit cut to what there is */
    int64_t epoch, dealt;    /* epochs ended; images dealt in this one */
    uint32_t *order;         /* of the images of this epoch */
    int64_t *labels;
    real *shift, *factor; /* x is dealt as (x - shift) factor; one each, or one for each feature */
    uint8_t *moved;       /* a batch of images, if images are moved */
    NnBatch full, rest;
};

static ValgradStatus check_moments(const NnDataset *dataset, const NnLoaderOptions *options)
{
    static const char function[] = "nn_loader_new";
    int64_t n = options->moments, features = nn_dataset_features(dataset);
    if (n != 0 && n != 1 && n != features)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %" PRId64 " moments: expected 0, 1, or %" PRId64 " for the features",
                          function, n, features);
    if (n > 0 && (!options->mean || !options->deviation))
        return error__null(function, options->mean ? "deviation" : "mean");
    for (int64_t j = 0; j < n; j++)
        if (!isfinite(options->mean[j]) || !(options->deviation[j] > 0) ||
            !isfinite(options->deviation[j]))
            return error__set(VALGRAD_ERROR_ARGUMENT,
                              "%s: mean %g, deviation %g: expected finite numbers, the deviation "
                              "above 0",
                              function, options->mean[j], options->deviation[j]);
    return VALGRAD_OK;
}

static bool moves(const NnLoaderOptions *options)
{
    return options->shift != 0 || options->rotation != 0;
}

static ValgradStatus check_moves(const NnDataset *dataset, const NnLoaderOptions *options)
{
    static const char function[] = "nn_loader_new";
    if (!(options->shift >= 0 && options->rotation >= 0) || !isfinite(options->shift) ||
        !isfinite(options->rotation))
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: shift %g, rotation %g: expected finite numbers from 0", function,
                          options->shift, options->rotation);
    if (moves(options) && !nn_dataset_pixels(dataset, 0))
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: shift and rotation of features that are no pixels", function);
    return VALGRAD_OK;
}

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
                          "%s: limit %" PRId64 ": expected 0 to %" PRId64 ", the number of samples",
                          function, options->limit, nn_dataset_count(dataset));
    ValgradStatus status = check_moments(dataset, options);
    return status == VALGRAD_OK ? check_moves(dataset, options) : status;
}

/* A tensor for count samples, which no scope owns. */
static bool make_batch(const NnLoader *loader, int64_t count, NnBatch *batch)
{
    int64_t features = nn_dataset_features(loader->dataset);
    batch->count = count;
    batch->labels = loader->labels;
    if (count == 0)
        return true;
    batch->inputs = tensor_param(NULL, TENSOR_SHAPE(count, features));
    if (!batch->inputs || tensor_set_wants_grad(batch->inputs, false) != VALGRAD_OK)
        return false;
    sparse__filled(batch->inputs->run); /* with zeros: takes its room now, not amid training */
    return true;
}

static bool copy_moments(NnLoader *loader, const NnLoaderOptions *options)
{
    static const char function[] = "nn_loader_new";
    int64_t n = options->moments;
    if (n == 0)
        return true;
    loader->shift = nn__bytes(function, n, sizeof *loader->shift);
    loader->factor = loader->shift ? nn__bytes(function, n, sizeof *loader->factor) : NULL;
    for (int64_t j = 0; loader->factor && j < n; j++) {
        loader->shift[j] = (real)options->mean[j];
        loader->factor[j] = (real)(1 / options->deviation[j]);
    }
    return loader->factor != NULL;
}

static bool make_buffers(NnLoader *loader)
{
    static const char function[] = "nn_loader_new";
    int64_t batch = loader->options.batch, samples = loader->options.limit;
    if (!copy_moments(loader, &loader->options))
        return false;
    if (moves(&loader->options)) {
        loader->moved = nn__bytes(function, batch, (size_t)nn_dataset_features(loader->dataset));
        if (!loader->moved)
            return false;
    }
    loader->order = nn__bytes(function, samples, sizeof *loader->order);
    loader->labels = loader->order ? nn__bytes(function, batch, sizeof *loader->labels) : NULL;
    return loader->labels && make_batch(loader, batch, &loader->full) &&
           make_batch(loader, samples % batch, &loader->rest);
}

static uint64_t seed_of_epoch(const NnLoader *loader)
{
    return loader->options.seed + (uint64_t)loader->epoch * UINT64_C(0xd1342543de82ef95);
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
    Random random = random_seeded(seed_of_epoch(loader));
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
    nn__free(loader->shift);
    nn__free(loader->factor);
    nn__free(loader->moved);
    nn__free(loader);
}

static double draw(Random *random, double most)
{
    return most * (2 * ((double)(random_bits(random) >> 11) * 0x1p-53) - 1);
}

/* Image i moved as seed, epoch and i have it, in the batch's slot. */
static const uint8_t *moved(const NnLoader *loader, int64_t i, int64_t slot)
{
    const NnDataset *dataset = loader->dataset;
    const NnLoaderOptions *options = &loader->options;
    Random random =
        random_seeded(seed_of_epoch(loader) ^ ((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    double down = draw(&random, options->shift), right = draw(&random, options->shift);
    double degrees = draw(&random, options->rotation);
    uint8_t *to = loader->moved + slot * nn_dataset_features(dataset);
    image__move(nn_dataset_pixels(dataset, i), nn_dataset_rows(dataset),
                nn_dataset_columns(dataset), down, right, degrees, to);
    return to;
}

static void normalize(const NnLoader *loader, real *numbers, int64_t features)
{
    bool one = loader->options.moments == 1;
    for (int64_t j = 0; j < features; j++)
        numbers[j] = (numbers[j] - loader->shift[one ? 0 : j]) * loader->factor[one ? 0 : j];
}

/* The features of sample i as numbers, in the batch's slot. */
static void convert(const NnLoader *loader, int64_t i, int64_t slot, real *numbers)
{
    int64_t features = nn_dataset_features(loader->dataset);
    const uint8_t *pixels =
        loader->moved ? moved(loader, i, slot) : nn_dataset_pixels(loader->dataset, i);
    if (pixels)
        kernels__get()->from_bytes(numbers, (real)1 / 255, pixels, features);
    else
        memcpy(numbers, nn_dataset_numbers(loader->dataset, i), (size_t)features * sizeof(real));
    if (loader->factor)
        normalize(loader, numbers, features);
}

/* Asks for the pixels of the at-th sample of the epoch: shuffled, they lie where the processor does not look ahead. */
static void fetch(const NnLoader *loader, int64_t at)
{
    enum { LINE = 64 };
    if (at >= loader->options.limit)
        return;
    const uint8_t *pixels = nn_dataset_pixels(loader->dataset, loader->order[at]);
    int64_t features = nn_dataset_features(loader->dataset);
    for (int64_t j = 0; pixels && j < features; j += LINE)
        __builtin_prefetch(pixels + j);
}

typedef struct Dealing {
    const NnLoader *loader;
    real *numbers;
    RowLists lists; /* of what is not 0; first NULL if nothing is to be listed on the way */
    _Atomic int64_t entries;
} Dealing;

/* Samples begin ... end - 1 of a batch. */
static void deal_samples(void *context, int64_t begin, int64_t end, real *scratch)
{
    enum { AHEAD = 2 };
    Dealing *dealing = context;
    const NnLoader *loader = dealing->loader;
    const int64_t features = nn_dataset_features(loader->dataset);
    int64_t entries = 0;
    (void)scratch;
    for (int64_t i = begin; i < end; i++) {
        int64_t sample = loader->order[loader->dealt + i];
        real *numbers = dealing->numbers + i * features;
        fetch(loader, loader->dealt + i + AHEAD);
        convert(loader, sample, i, numbers);
        if (dealing->lists.first)
            entries += sparse__list_row(&dealing->lists, numbers, features, i);
        loader->labels[i] = nn_dataset_label(loader->dataset, sample);
    }
    atomic_fetch_add(&dealing->entries, entries);
}

static const NnBatch *deal(NnLoader *loader, const NnBatch *batch)
{
    enum { LEAST_NUMBERS = 1 << 14 };
    Dealing dealing = {loader, tensor__writable(batch->inputs), sparse__begin_rows(batch->inputs->run), 0};
    int64_t numbers = batch->count * nn_dataset_features(loader->dataset);
    int parts = threads__parts(numbers, LEAST_NUMBERS);
    threads__ranges(deal_samples, &dealing, parts, batch->count, 1, NULL);
    if (dealing.lists.first)
        sparse__end_rows(batch->inputs->run, dealing.entries);
    else
        sparse__filled(batch->inputs->run);
    loader->dealt += batch->count;
    return batch;
}

static const NnBatch *deal_timed(NnLoader *loader, const NnBatch *batch)
{
    if (!profile__on)
        return deal(loader, batch);
    const ProfileSpan outer = profile__begin();
    const NnBatch *dealt = deal(loader, batch);
    profile__end("nn_loader_next", false, 0, outer);
    return dealt;
}

const NnBatch *nn_loader_next(NnLoader *loader)
{
    if (!loader) {
        error__null("nn_loader_next", "loader");
        return NULL;
    }
    int64_t left = loader->options.limit - loader->dealt;
    if (left > 0)
        return deal_timed(loader, left < loader->options.batch ? &loader->rest : &loader->full);
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

ValgradStatus nn_loader_seek(NnLoader *loader, int64_t epoch, int64_t step)
{
    static const char function[] = "nn_loader_seek";
    if (!loader)
        return error__null(function, "loader");
    if (step < 0 || step > nn_loader_steps(loader))
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: step %" PRId64 ": expected 0 to %" PRId64 ", the steps of an epoch",
                          function, step, nn_loader_steps(loader));
    ValgradStatus status = nn_loader_start(loader, epoch);
    if (status != VALGRAD_OK)
        return status;
    const int64_t dealt = step * loader->options.batch;
    loader->dealt = dealt < loader->options.limit ? dealt : loader->options.limit;
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

int64_t nn_loader_total_step(const NnLoader *loader)
{
    return nn_loader_epoch(loader) * nn_loader_steps(loader) + nn_loader_step(loader);
}
