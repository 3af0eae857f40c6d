/* show.c - `mnist show`: digits in the terminal. */
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

static bool read_index(const char *text, int64_t count, int64_t *index)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *index = number;
    if (end > text && !*end && !errno && number >= 0 && number < count)
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

static void draw(const NnDataset *dataset, const int64_t *indices, int64_t count, Picture *pictures)
{
    for (int64_t i = 0; i < count; i++) {
        pictures[i].pixels = nn_dataset_pixels(dataset, indices[i]);
        snprintf(pictures[i].caption, CAPTION_ROOM, "%d  (%" PRId64 ")",
                 nn_dataset_label(dataset, indices[i]), indices[i]);
    }
    draw_pictures(pictures, count, nn_dataset_rows(dataset), nn_dataset_columns(dataset));
}

static int show_from(const Config *config, const NnDataset *dataset, char **arguments)
{
    int64_t given = count_arguments(arguments);
    int64_t most = given ? given : nn_dataset_count(dataset);
    int64_t *indices = calloc((size_t)most, sizeof *indices);
    Picture *pictures = calloc((size_t)most, sizeof *pictures);
    int64_t count = -1;
    if (indices && pictures)
        count = choose(config, dataset, arguments, given, indices);
    else
        error_line("out of memory");
    if (count > 0)
        draw(dataset, indices, count, pictures);
    else if (count == 0)
        error_line("--label %" PRId64 ": no digit has it", config->label);
    free(indices);
    free(pictures);
    return count > 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

static int show(const Config *config, char **arguments)
{
    Data data = {NULL, NULL};
    if (!data_load(config, &data))
        return EXIT_FAILURE;
    int code = show_from(config, config->part == PART_TRAIN ? data.train : data.test, arguments);
    data_free(&data);
    return code;
}

const Command command_show = {
    .name = "show",
    .summary = "show digits in the terminal",
    .bit = SHOW,
    .arguments = "[INDEX...]",
    .help = "Shows digits, by INDEX from 0 or the first ones, with their labels."
            "\vExamples:\n  mnist show\n  mnist show 0 17 4242\n"
            "  mnist show --part train --label 7 --count 20",
    .run = show,
};
