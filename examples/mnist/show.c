/* show.c - `mnist show`: images in the terminal. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

static int64_t count_arguments(char **arguments)
{
    int64_t count = 0;
    while (arguments[count])
        count++;
    return count;
}

static bool is_number(const char *text)
{
    return *text >= '0' && *text <= '9';
}

/* ---- samples --------------------------------------------------------------------------------- */

static bool read_index(const char *text, int64_t count, int64_t *index)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *index = number;
    if (is_number(text) && !*end && !errno && number < count)
        return true;
    error_line("%s: expected an index from 0 to %" PRId64, text, count - 1);
    return false;
}

/* The indices that are given, or else the first that have the wanted label. Returns how many, -1 if
 * one is wrong. */
static int64_t choose(const Config *config, const NnDataset *dataset, char **arguments,
                      int64_t given, int64_t *indices)
{
    int64_t samples = nn_dataset_count(dataset), chosen = 0;
    for (int64_t i = 0; i < given; i++)
        if (!read_index(arguments[i], samples, &indices[i]))
            return -1;
    for (int64_t i = 0; i < samples && chosen < config->count && given == 0; i++)
        if (config->label < 0 || nn_dataset_label(dataset, i) == config->label)
            indices[chosen++] = i;
    return given ? given : chosen;
}

static void draw(const Data *data, const NnDataset *dataset, const int64_t *indices, int64_t count,
                 Picture *pictures)
{
    for (int64_t i = 0; i < count; i++) {
        int label = nn_dataset_label(dataset, indices[i]);
        const char *name = data_class_name(data, label);
        pictures[i].pixels = nn_dataset_pixels(dataset, indices[i]);
        if (name)
            snprintf(pictures[i].caption, CAPTION_ROOM, "%.20s  (%" PRId64 ")", name, indices[i]);
        else
            snprintf(pictures[i].caption, CAPTION_ROOM, "%d  (%" PRId64 ")", label, indices[i]);
    }
    draw_pictures(pictures, count, nn_dataset_rows(dataset), nn_dataset_columns(dataset));
}

static int show_from(const Config *config, const Data *data, const NnDataset *dataset,
                     char **arguments)
{
    int64_t given = count_arguments(arguments), count = -1;
    int64_t most = given ? given : nn_dataset_count(dataset);
    int64_t *indices = calloc((size_t)most, sizeof *indices);
    Picture *pictures = calloc((size_t)most, sizeof *pictures);
    if (indices && pictures)
        count = choose(config, dataset, arguments, given, indices);
    else
        error_line("out of memory");
    if (count > 0)
        draw(data, dataset, indices, count, pictures);
    else if (count == 0)
        error_line("--label %" PRId64 ": no sample has it", config->label);
    free(indices);
    free(pictures);
    return count > 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

static int show_samples(Config *config, char **arguments)
{
    Data data;
    int code = EXIT_FAILURE;
    if (!data_load(config, &data))
        return EXIT_FAILURE;
    const NnDataset *dataset = config->part == PART_TRAIN ? data.train : data.test;
    if (nn_dataset_pixels(dataset, 0) && nn_dataset_rows(dataset) > 1)
        code = show_from(config, &data, dataset, arguments);
    else
        error_line("the samples are no images");
    data_free(&data);
    return code;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool draw_digits(const NnDigits *digits)
{
    int64_t count = nn_digits_count(digits);
    Picture *pictures = calloc((size_t)count + 1, sizeof *pictures);
    for (int64_t i = 0; pictures && i < count; i++) {
        pictures[i].pixels = nn_digits_pixels(digits, i);
        snprintf(pictures[i].caption, CAPTION_ROOM, "digit %" PRId64, i + 1);
    }
    if (pictures)
        draw_pictures(pictures, count, NN_DIGIT_SIDE, NN_DIGIT_SIDE);
    else
        error_line("out of memory");
    free(pictures);
    return pictures != NULL;
}

static bool show_file(const Config *config, const char *path)
{
    NnImage image;
    if (nn_image_read(path, &image) != VALGRAD_OK)
        return library_error();
    bool one = config->one || (image.rows == NN_DIGIT_SIDE && image.columns == NN_DIGIT_SIDE);
    NnDigits *digits = nn_digits_new(&image, !one);
    nn_image_free(&image);
    if (!digits)
        return library_error();
    printf("%s\n", path);
    bool fine = nn_digits_count(digits) > 0 && draw_digits(digits);
    if (nn_digits_count(digits) == 0)
        error_line("%s: no ink: expected a digit, dark on light or light on dark", path);
    nn_digits_free(digits);
    return fine;
}

static int show(Config *config, char **arguments)
{
    if (!arguments[0] || is_number(arguments[0]))
        return show_samples(config, arguments);
    for (; *arguments; arguments++)
        if (!show_file(config, *arguments))
            return EXIT_FAILURE;
    return EXIT_SUCCESS;
}

const Command command_show = {
    .name = "show",
    .summary = "show digits in the terminal",
    .bit = SHOW,
    .arguments = "[INDEX...] | [FILE...]",
    .help =
        "Shows samples, by INDEX from 0 or the first ones, with their labels; or the digits that "
        "are found in PNG and PGM files, as predict takes them.",
    .examples = "$ show\n"
                "$ show 0 17 4242\n"
                "$ show --part train --label 7 --count 20\n"
                "$ show photo.png",
    .run = show,
};
