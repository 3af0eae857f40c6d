/* files_testing.h - what tests of files share: a folder of their own, whole files in and out. */
#ifndef VALGRAD_TESTS_FILES_TESTING_H
#define VALGRAD_TESTS_FILES_TESTING_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing.h"

/* Made by in_a_folder() before each test, removed by out_of_the_folder() after it. */
static char folder[64];

static inline void in_a_folder(void)
{
    strcpy(folder, "/tmp/valgrad-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* How many files the folder has; calls visit with the path of each, if there is one to call. */
static inline int count_files(int visit(const char *path))
{
    DIR *entries = opendir(folder);
    int count = 0;
    ck_assert_ptr_nonnull(entries);
    for (const struct dirent *entry; (entry = readdir(entries));) {
        char path[400];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count++;
        if (visit)
            visit(path);
    }
    closedir(entries);
    return count;
}

static inline void out_of_the_folder(void)
{
    count_files(remove);
    rmdir(folder);
}

/* The path of a file in the folder; one of four texts, in turn. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][200];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

/* The whole file in memory that the caller frees. */
static inline char *read_file(const char *path, size_t *n)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fstat(fileno(file), &about), 0);
    *n = (size_t)about.st_size;
    char *bytes = malloc(*n + 1);
    ck_assert_uint_eq(fread(bytes, 1, *n, file), *n);
    bytes[*n] = '\0';
    fclose(file);
    return bytes;
}

#endif
