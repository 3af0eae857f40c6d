/* subset.c - parts of a dataset, and what is done to all of one. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/dataset.h"

char **dataset__copy_names(const char *function, char *const *names, int n)
{
    size_t bytes = (size_t)n * sizeof(char *);
    for (int i = 0; i < n; i++)
        bytes += strlen(names[i]) + 1;
    char **copies = nn__bytes(function, 1, bytes);
    char *text = copies ? (char *)(copies + n) : NULL;
    for (int i = 0; copies && i < n; i++) {
        size_t length = strlen(names[i]) + 1;
        copies[i] = memcpy(text, names[i], length);
        text += length;
    }
    return copies;
}

/* ---- selecting ------------------------------------------------------------------------------- */

static ValgradStatus check_indices(const NnDataset *dataset, int64_t n, const int64_t *indices)
{
    static const char function[] = "nn_dataset_select";
    if (!dataset || !indices)
        return error__null(function, dataset ? "indices" : "dataset");
    if (n < 1)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: %" PRId64 " samples: expected 1 or more",
                          function, n);
    for (int64_t i = 0; i < n; i++)
        if (indices[i] < 0 || indices[i] >= dataset->count)
            return error__set(VALGRAD_ERROR_INDEX, "%s: sample %" PRId64 ": expected 0 to %" PRId64,
                              function, indices[i], dataset->count - 1);
    return VALGRAD_OK;
}

static bool make_room(NnDataset *made, const NnDataset *from)
{
    static const char function[] = "nn_dataset_select";
    int64_t features = nn_dataset_features(from);
    made->labels = nn__bytes(function, made->count, sizeof *made->labels);
    if (from->pixels)
        made->pixels = nn__bytes(function, made->count, (size_t)features);
    else
        made->numbers = nn__bytes(function, made->count, (size_t)features * sizeof(real));
    if (from->names)
        made->names = dataset__copy_names(function, from->names, from->classes);
    return made->labels && (made->pixels || made->numbers) && (made->names || !from->names);
}

static void copy_sample(NnDataset *to, int64_t i, const NnDataset *from, int64_t j)
{
    size_t features = (size_t)nn_dataset_features(from);
    to->labels[i] = from->labels[j];
    if (from->pixels)
        memcpy(to->pixels + (size_t)i * features, from->pixels + (size_t)j * features, features);
    else
        memcpy(to->numbers + (size_t)i * features, from->numbers + (size_t)j * features,
               features * sizeof(real));
}

NnDataset *nn_dataset_select(const NnDataset *dataset, int64_t n, const int64_t *indices)
{
    if (check_indices(dataset, n, indices) != VALGRAD_OK)
        return NULL;
    NnDataset *made = nn__zeros("nn_dataset_select", 1, sizeof *made);
    if (!made)
        return NULL;
    made->count = n;
    made->rows = dataset->rows;
    made->columns = dataset->columns;
    made->classes = dataset->classes;
    if (!make_room(made, dataset)) {
        nn_dataset_free(made);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        copy_sample(made, i, dataset, indices[i]);
    return made;
}

/* ---- splitting ------------------------------------------------------------------------------- */

/* Draws `count` of n without repetition (R. Floyd's and D. Knuth's selection sampling: each in turn is
 * taken with the probability that makes the number come out), in order, and then the others. */
static void draw(int64_t n, int64_t count, uint64_t seed, int64_t *indices)
{
    Random random = random_seeded(seed);
    int64_t drawn = 0, others = 0;
    for (int64_t i = 0; i < n; i++)
        if (random_below(&random, (uint64_t)(n - i)) < (uint64_t)(count - drawn))
            indices[drawn++] = i;
        else
            indices[count + others++] = i;
}

ValgradStatus nn_dataset_split(const NnDataset *dataset, int64_t count, uint64_t seed,
                               NnDataset **drawn, NnDataset **others)
{
    static const char function[] = "nn_dataset_split";
    if (!dataset || !drawn || !others)
        return error__null(function, !dataset ? "dataset" : !drawn ? "drawn" : "others");
    if (count < 1 || count >= dataset->count)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %" PRId64 " of %" PRId64 " samples: expected 1 or more, and 1 left",
                          function, count, dataset->count);
    int64_t *indices = nn__bytes(function, dataset->count, sizeof *indices);
    if (!indices)
        return VALGRAD_ERROR_MEMORY;
    draw(dataset->count, count, seed, indices);
    *drawn = nn_dataset_select(dataset, count, indices);
    *others = *drawn ? nn_dataset_select(dataset, dataset->count - count, indices + count) : NULL;
    nn__free(indices);
    if (*others)
        return VALGRAD_OK;
    nn_dataset_free(*drawn);
    *drawn = NULL;
    return VALGRAD_ERROR_MEMORY;
}

/* ---- all of a dataset ------------------------------------------------------------------------ */

ValgradStatus nn_dataset_binarize(NnDataset *dataset, int threshold)
{
    static const char function[] = "nn_dataset_binarize";
    if (!dataset)
        return error__null(function, "dataset");
    if (threshold < 1 || threshold > 255)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: threshold %d: expected 1 to 255", function,
                          threshold);
    if (!dataset->pixels)
        return error__set(VALGRAD_ERROR_STATE, "%s: the features are numbers: expected pixels",
                          function);
    int64_t size = dataset->count * nn_dataset_features(dataset);
    for (int64_t i = 0; i < size; i++)
        dataset->pixels[i] = dataset->pixels[i] >= threshold ? 255 : 0;
    return VALGRAD_OK;
}

static double feature(const NnDataset *dataset, int64_t i)
{
    return dataset->pixels ? dataset->pixels[i] / 255.0 : (double)dataset->numbers[i];
}

/* sums[j], or sums[0] if n is 1, = sum over samples of (x - mean)^power, power 1 or 2. */
static void sum_powers(const NnDataset *dataset, int64_t n, const double *mean, int power,
                       double *sums)
{
    int64_t features = nn_dataset_features(dataset);
    for (int64_t j = 0; j < n; j++)
        sums[j] = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        for (int64_t j = 0; j < features; j++) {
            int64_t k = n == 1 ? 0 : j;
            double difference = feature(dataset, i * features + j) - (mean ? mean[k] : 0);
            sums[k] += power == 1 ? difference : difference * difference;
        }
}

ValgradStatus nn_dataset_moments(const NnDataset *dataset, int64_t n, double *mean,
                                 double *deviation)
{
    static const char function[] = "nn_dataset_moments";
    if (!dataset || !mean || !deviation)
        return error__null(function, !dataset ? "dataset" : !mean ? "mean" : "deviation");
    int64_t features = nn_dataset_features(dataset), size = dataset->count * features;
    if (n != 1 && n != features)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %" PRId64 " moments: expected 1, or %" PRId64 " for the features",
                          function, n, features);
    double count = (double)size / (double)n;
    sum_powers(dataset, n, NULL, 1, mean);
    for (int64_t j = 0; j < n; j++)
        mean[j] /= count;
    sum_powers(dataset, n, mean, 2, deviation);
    for (int64_t j = 0; j < n; j++)
        deviation[j] = deviation[j] > 0 ? sqrt(deviation[j] / count) : 1;
    return VALGRAD_OK;
}
