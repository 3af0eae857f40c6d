/* dataset.c - labelled samples in memory, as the bytes or numbers that the files have. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/error.h"
#include "nn/dataset.h"

enum { MOST_CLASSES = 256 }; /* of labels in bytes */

static ValgradStatus check_classes(const char *function, int classes)
{
    if (classes >= 1 && classes <= MOST_CLASSES)
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_ARGUMENT, "%s: %d classes: expected 1 to %d", function, classes,
                      MOST_CLASSES);
}

/* The labels as a dataset keeps them; NULL if one is out of range, which `source` has. */
static int32_t *widen_labels(const char *function, const char *source, int64_t count, int classes,
                             const uint8_t *labels)
{
    int32_t *wide = nn__bytes(function, count, sizeof *wide);
    for (int64_t i = 0; wide && i < count; i++) {
        wide[i] = labels[i];
        if (labels[i] < classes)
            continue;
        error__set(VALGRAD_ERROR_INDEX, "%s: %s: label %d of image %" PRId64 ": expected 0 to %d",
                   function, source, labels[i], i, classes - 1);
        nn__free(wide);
        return NULL;
    }
    return wide;
}

/* New: a dataset that steals pixels, in every case. `source` names the labels in messages. */
static NnDataset *adopt(const char *function, const char *source, const int64_t sides[3],
                        int classes, uint8_t *pixels, const uint8_t *labels)
{
    int32_t *wide = widen_labels(function, source, sides[0], classes, labels);
    NnDataset *dataset = wide ? nn__zeros(function, 1, sizeof *dataset) : NULL;
    if (!dataset) {
        nn__free(pixels);
        nn__free(wide);
        return NULL;
    }
    *dataset = (NnDataset){.count = sides[0],
                           .rows = sides[1],
                           .columns = sides[2],
                           .classes = classes,
                           .pixels = pixels,
                           .labels = wide};
    return dataset;
}

/* The number of pixels of a dataset of these sides; -1 and an error if it cannot be one. */
static int64_t checked_size(const char *function, const int64_t sides[3])
{
    int64_t size = 1;
    bool fits = sides[0] <= UINT32_MAX;
    for (int i = 0; i < 3; i++)
        fits = fits && sides[i] >= 1 && !__builtin_mul_overflow(size, sides[i], &size);
    if (fits)
        return size;
    error__set(VALGRAD_ERROR_ARGUMENT,
               "%s: %" PRId64 " images of %" PRId64 " x %" PRId64
               ": expected 1 to 2^32-1 images of 1 x 1 or more",
               function, sides[0], sides[1], sides[2]);
    return -1;
}

NnDataset *nn_dataset_new(int64_t count, int64_t rows, int64_t columns, int classes,
                          const uint8_t *pixels, const uint8_t *labels)
{
    static const char function[] = "nn_dataset_new";
    const int64_t sides[3] = {count, rows, columns};
    if (!pixels || !labels) {
        error__null(function, pixels ? "labels" : "pixels");
        return NULL;
    }
    int64_t size = checked_size(function, sides);
    if (size < 0 || check_classes(function, classes) != VALGRAD_OK)
        return NULL;
    uint8_t *own_pixels = nn__bytes(function, size, 1);
    if (!own_pixels)
        return NULL;
    memcpy(own_pixels, pixels, (size_t)size);
    return adopt(function, "labels", sides, classes, own_pixels, labels);
}

static bool counts_agree(const char *function, const char *images_path, const IdxFile *images,
                         const char *labels_path, const IdxFile *labels)
{
    if (images->sides[0] == labels->sides[0])
        return true;
    error__set(VALGRAD_ERROR_FORMAT,
               "%s: %s: has %" PRId64 " labels: expected %" PRId64 ", one for each image of %s",
               function, labels_path, labels->sides[0], images->sides[0], images_path);
    return false;
}

static NnDataset *read_both(const char *function, const char *images_path, const char *labels_path,
                            int classes)
{
    IdxFile images = {.bytes = NULL}, labels = {.bytes = NULL};
    NnDataset *dataset = NULL;
    if (check_classes(function, classes) == VALGRAD_OK &&
        idx__read(function, images_path, 3, &images) == VALGRAD_OK &&
        idx__read(function, labels_path, 1, &labels) == VALGRAD_OK &&
        counts_agree(function, images_path, &images, labels_path, &labels))
        dataset = adopt(function, labels_path, images.sides, classes, images.bytes, labels.bytes);
    else
        nn__free(images.bytes);
    nn__free(labels.bytes);
    return dataset;
}

NnDataset *nn_dataset_read_idx(const char *images_path, const char *labels_path, int classes)
{
    static const char function[] = "nn_dataset_read_idx";
    if (images_path && labels_path)
        return read_both(function, images_path, labels_path, classes);
    error__null(function, images_path ? "labels_path" : "images_path");
    return NULL;
}

enum { PATH_ROOM = 4096 };

/* Writes the path of directory/stem-kind, or of the same with .gz behind, whichever there is. */
static ValgradStatus find_file(const char *function, const char *directory, const char *stem,
                               const char *kind, char path[PATH_ROOM])
{
    static const char *const ends[] = {"", ".gz"};
    struct stat about;
    for (int i = 0; i < 2; i++) {
        int length = snprintf(path, PATH_ROOM, "%s/%s-%s%s", directory, stem, kind, ends[i]);
        if (length < 0 || length >= PATH_ROOM)
            return error__set(VALGRAD_ERROR_IO, "%s: the path of the directory is too long",
                              function);
        if (stat(path, &about) == 0 || errno != ENOENT)
            return VALGRAD_OK; /* if it cannot be read, the reader will say why */
    }
    return error__set(VALGRAD_ERROR_IO, "%s: %s: has neither %s-%s nor %s-%s.gz", function,
                      directory, stem, kind, stem, kind);
}

static ValgradStatus check_directory(const char *function, const char *directory)
{
    struct stat about;
    if (stat(directory, &about) != 0)
        return error__set(VALGRAD_ERROR_IO, "%s: %s: cannot be read: %s", function, directory,
                          strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return error__set(VALGRAD_ERROR_IO,
                          "%s: %s: is a file: expected the directory of the IDX files", function,
                          directory);
    return VALGRAD_OK;
}

NnDataset *nn_dataset_find_idx(const char *directory, const char *stem, int classes)
{
    static const char function[] = "nn_dataset_find_idx";
    char images[PATH_ROOM], labels[PATH_ROOM];
    if (!directory || !stem) {
        error__null(function, directory ? "stem" : "directory");
        return NULL;
    }
    if (check_directory(function, directory) != VALGRAD_OK ||
        find_file(function, directory, stem, "images-idx3-ubyte", images) != VALGRAD_OK ||
        find_file(function, directory, stem, "labels-idx1-ubyte", labels) != VALGRAD_OK)
        return NULL;
    return read_both(function, images, labels, classes);
}

void nn_dataset_free(NnDataset *dataset)
{
    if (!dataset)
        return;
    nn__free(dataset->pixels);
    nn__free(dataset->numbers);
    nn__free(dataset->names);
    nn__free(dataset->labels);
    nn__free(dataset);
}

int64_t nn_dataset_count(const NnDataset *dataset)
{
    return dataset ? dataset->count : 0;
}

int64_t nn_dataset_rows(const NnDataset *dataset)
{
    return dataset ? dataset->rows : 0;
}

int64_t nn_dataset_columns(const NnDataset *dataset)
{
    return dataset ? dataset->columns : 0;
}

int64_t nn_dataset_features(const NnDataset *dataset)
{
    return dataset ? dataset->rows * dataset->columns : 0;
}

int nn_dataset_classes(const NnDataset *dataset)
{
    return dataset ? dataset->classes : 0;
}

const char *nn_dataset_class_name(const NnDataset *dataset, int c)
{
    bool named = dataset && dataset->names && c >= 0 && c < dataset->classes;
    return named ? dataset->names[c] : NULL;
}

static bool has_sample(const NnDataset *dataset, int64_t i)
{
    return dataset && i >= 0 && i < dataset->count;
}

const uint8_t *nn_dataset_pixels(const NnDataset *dataset, int64_t i)
{
    bool exists = has_sample(dataset, i) && dataset->pixels;
    return exists ? dataset->pixels + i * nn_dataset_features(dataset) : NULL;
}

const real *nn_dataset_numbers(const NnDataset *dataset, int64_t i)
{
    bool exists = has_sample(dataset, i) && dataset->numbers;
    return exists ? dataset->numbers + i * nn_dataset_features(dataset) : NULL;
}

int nn_dataset_label(const NnDataset *dataset, int64_t i)
{
    return has_sample(dataset, i) ? dataset->labels[i] : -1;
}
