/* file.c - a file for readers that take a path. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

static char directory[40];
static char paths[16][64];

static void remove_files(void)
{
    for (int i = 0; i < 16 && paths[i][0]; i++)
        remove(paths[i]);
    rmdir(directory);
}

/* "…/valgrad-fuzz-…/input<suffix>", kept among the paths that are removed at the end. */
static const char *path_of(const char *suffix)
{
    char path[64];
    int i = 0;
    if (!paths[0][0]) {
        bool memory = access("/dev/shm", W_OK) == 0; /* faster than a disk */
        snprintf(directory, sizeof directory, "%s/valgrad-fuzz-XXXXXX",
                 memory ? "/dev/shm" : "/tmp");
        FUZZ_CHECK(mkdtemp(directory));
        atexit(remove_files);
    }
    snprintf(path, sizeof path, "%s/input%s", directory, suffix);
    while (i < 15 && paths[i][0] && strcmp(paths[i], path) != 0)
        i++;
    snprintf(paths[i], sizeof paths[i], "%s", path);
    return paths[i];
}

const char *fuzz_file(const uint8_t *data, size_t size, const char *suffix)
{
    const char *path = path_of(suffix);
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file && fwrite(data, 1, size, file) == size);
    FUZZ_CHECK(fclose(file) == 0);
    return path;
}
