/* data.c - finds and reads the digits. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnist.h"

#ifndef VALGRAD_MNIST_SOURCE_DATA
#define VALGRAD_MNIST_SOURCE_DATA ""
#endif

enum { DIGITS = 10 };

static bool is_directory(const char *path)
{
    struct stat about;
    return path[0] != '\0' && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* <prefix>/share/valgrad/mnist for a program <prefix>/bin/mnist; "" if that cannot be told. */
static void installed_data(char path[PATH_MAX])
{
    static const char below_prefix[] = "/share/valgrad/mnist";
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof below_prefix);
    path[length > 0 ? length : 0] = '\0';
    for (int i = 0; i < 2; i++) { /* the program's name, then bin */
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = '\0';
    }
    if (length > 0)
        strcat(path, below_prefix);
}

/* The directory to read from: given, else the first that exists. NULL, and a message, if there is
 * none. */
static const char *find_directory(const char *given, char room[PATH_MAX])
{
    const char *environment = getenv("VALGRAD_MNIST_DATA");
    if (given)
        return given;
    if (environment && environment[0])
        return environment;
    if (is_directory(VALGRAD_MNIST_SOURCE_DATA))
        return VALGRAD_MNIST_SOURCE_DATA;
    installed_data(room);
    if (is_directory(room))
        return room;
    error_line("no digits: neither %s%s%s exists: give their directory with --data DIR",
               VALGRAD_MNIST_SOURCE_DATA, VALGRAD_MNIST_SOURCE_DATA[0] ? " nor " : "", room);
    return NULL;
}

static bool sizes_agree(const Data *data)
{
    int64_t rows = nn_dataset_rows(data->train), columns = nn_dataset_columns(data->train);
    int64_t test_rows = nn_dataset_rows(data->test), test_columns = nn_dataset_columns(data->test);
    if (rows == test_rows && columns == test_columns)
        return true;
    error_line("test images have %lld x %lld pixels: expected %lld x %lld, as for training",
               (long long)test_rows, (long long)test_columns, (long long)rows, (long long)columns);
    return false;
}

bool data_load(const Config *config, Data *data)
{
    char room[PATH_MAX];
    const char *found = find_directory(config->data, room);
    if (!found)
        return false;
    data->train = nn_dataset_find_idx(found, "train", DIGITS);
    data->test = data->train ? nn_dataset_find_idx(found, "t10k", DIGITS) : NULL;
    if (data->test)
        return sizes_agree(data);
    return library_error();
}

void data_free(Data *data)
{
    nn_dataset_free(data->train);
    nn_dataset_free(data->test);
}
