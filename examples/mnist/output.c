/* output.c - files that are written whole or not at all. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mnist.h"

static bool fails(Output *output, int reason)
{
    error_line("%s: cannot be written: %s", output->path, strerror(reason));
    if (output->file)
        fclose(output->file);
    remove(output->temporary);
    return false;
}

bool output_open(Output *output, const char *path)
{
    int length = snprintf(output->temporary, sizeof output->temporary, "%s.%ld.unfinished", path,
                          (long)getpid());
    output->path = path;
    output->file = NULL;
    if (length < 0 || (size_t)length >= sizeof output->temporary)
        return fails(output, ENAMETOOLONG);
    output->file = fopen(output->temporary, "w");
    return output->file || fails(output, errno);
}

bool output_close(Output *output)
{
    errno = 0;
    if (fflush(output->file) != 0 || ferror(output->file) || fsync(fileno(output->file)) != 0)
        return fails(output, errno ? errno : EIO);
    FILE *file = output->file;
    output->file = NULL;
    if (fclose(file) != 0 || rename(output->temporary, output->path) != 0)
        return fails(output, errno);
    return true;
}

void output_discard(Output *output)
{
    fclose(output->file);
    remove(output->temporary);
}
