/* source.c - files read through zlib, with messages that say what is wrong with them. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "nn/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/error.h"

ValgradStatus source__fail(const Source *source, ValgradStatus status, const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error__set(status, "%s: %s: %s", source->function, source->path, text);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static ValgradStatus check_file(Source *source, const char *what)
{
    struct stat about;
    if (stat(source->path, &about) != 0)
        return source__fail(source, VALGRAD_ERROR_IO, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(about.st_mode))
        return source__fail(source, VALGRAD_ERROR_IO, "is %s: expected %s",
                            S_ISDIR(about.st_mode) ? "a directory" : "not a regular file", what);
    source->file_bytes = (int64_t)about.st_size;
    return VALGRAD_OK;
}

ValgradStatus source__open(Source *source, const char *function, const char *path, const char *what)
{
    *source = (Source){.function = function, .path = path};
    ValgradStatus status = check_file(source, what);
    if (status != VALGRAD_OK)
        return status;
    errno = 0;
    source->file = gzopen(path, "rb");
    if (!source->file)
        return errno ? source__fail(source, VALGRAD_ERROR_IO, "cannot be read: %s", strerror(errno))
                     : source__fail(source, VALGRAD_ERROR_MEMORY, "out of memory");
    gzbuffer(source->file, 1u << 17);
    source->gzipped = !gzdirect(source->file);
    if (!source->gzipped && ends_with(path, ".gz"))
        return source__fail(source, VALGRAD_ERROR_FORMAT,
                            "is not gzip, as its name says: expected the first bytes 1f 8b");
    return VALGRAD_OK;
}

void source__close(Source *source)
{
    if (source->file)
        gzclose(source->file);
    source->file = NULL;
}

/* zlib puts "path: " before its messages. */
static const char *without_path(const Source *source, const char *message)
{
    size_t length = strlen(source->path);
    bool named =
        strncmp(message, source->path, length) == 0 && strncmp(message + length, ": ", 2) == 0;
    return named ? message + length + 2 : message;
}

ValgradStatus source__read(const Source *source, uint8_t *to, int64_t n, int64_t *got)
{
    const int64_t most = 1 << 30;
    *got = 0;
    while (*got < n) {
        int64_t rest = n - *got;
        int count = gzread(source->file, to + *got, (unsigned)(rest < most ? rest : most));
        int code = Z_OK;
        const char *message = without_path(source, gzerror(source->file, &code));
        if (count < 0 && code != Z_BUF_ERROR) /* that one only says that a gzip file is cut off */
            return source__fail(source, VALGRAD_ERROR_FORMAT, "cannot be read: %s",
                                code == Z_ERRNO ? strerror(errno) : message);
        if (count <= 0)
            break;
        *got += count;
    }
    return VALGRAD_OK;
}

ValgradStatus source__check_end(const Source *source)
{
    int code = Z_OK;
    (void)gzerror(source->file, &code);
    if (code == Z_BUF_ERROR)
        return source__fail(source, VALGRAD_ERROR_FORMAT,
                            "is cut off: expected the end of its gzip stream");
    return VALGRAD_OK;
}
