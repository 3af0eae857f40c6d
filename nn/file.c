/* file.c - files that are written whole or not at all, and read whole. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/error.h"
#include "nn/files.h"

/* ---- writing ------------------------------------------------------------------------------------- */

static ValgradStatus cannot_write(const OutputFile *output, int reason)
{
    return error__set(VALGRAD_ERROR_IO, "%s: %s: cannot be written: %s", output->function,
                      output->path, strerror(reason));
}

static void forget(OutputFile *output)
{
    free(output->target);
    nn__free(output->temporary);
    *output = (OutputFile){.function = output->function, .path = output->path};
}

/* A name beside the target that no other process or thread writes to. */
static bool name_temporary(OutputFile *output)
{
    static atomic_uint counter;
    size_t room = strlen(output->target) + 64;
    output->temporary = nn__bytes(output->function, 1, room);
    if (!output->temporary)
        return false;
    snprintf(output->temporary, room, "%s.%ld-%u.unfinished", output->target, (long)getpid(),
             atomic_fetch_add(&counter, 1));
    return true;
}

/* Follows links: what they point at is replaced, not the link. */
static bool find_target(OutputFile *output, bool exists)
{
    output->target = exists ? realpath(output->path, NULL) : strdup(output->path);
    if (!output->target)
        error__set(VALGRAD_ERROR_IO, "%s: %s: cannot be written: %s", output->function,
                   output->path, strerror(errno));
    return output->target != NULL;
}

/* A file without a name, which is gone when the program is killed; -1 where there is no such thing. It
 * gets a name through /proc. */
static int open_nameless(const char *target)
{
    const char *slash = strrchr(target, '/');
    char *folder =
        strndup(slash ? target : ".", slash && slash > target ? (size_t)(slash - target) : 1);
    int descriptor = -1;
    if (folder && access("/proc/self/fd", X_OK) == 0)
        descriptor = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    free(folder);
    return descriptor;
}

/* The descriptor of a new file beside the target, or -1. */
static int create(OutputFile *output)
{
    int descriptor = open_nameless(output->target);
    output->nameless = descriptor >= 0;
    return output->nameless
               ? descriptor
               : open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static void remove_temporary(const OutputFile *output)
{
    if (!output->nameless)
        unlink(output->temporary);
}

static ValgradStatus open_temporary(OutputFile *output, bool exists, mode_t mode)
{
    if (!find_target(output, exists) || !name_temporary(output)) {
        forget(output);
        return valgrad_last_status();
    }
    int descriptor = create(output);
    int reason = errno;
    if (descriptor >= 0 && exists)
        (void)fchmod(descriptor, mode & 07777); /* may be refused where modes do not exist */
    output->file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (output->file)
        return VALGRAD_OK;
    if (descriptor >= 0) {
        reason = errno;
        close(descriptor);
        remove_temporary(output);
    }
    forget(output);
    return cannot_write(output, reason);
}

ValgradStatus output__open(OutputFile *output, const char *function, const char *path)
{
    *output = (OutputFile){.function = function, .path = path};
    struct stat about;
    bool exists = stat(path, &about) == 0;
    if (!exists && errno != ENOENT)
        return cannot_write(output, errno);
    if (exists && S_ISDIR(about.st_mode))
        return cannot_write(output, EISDIR);
    if (!exists || S_ISREG(about.st_mode))
        return open_temporary(output, exists, exists ? about.st_mode : 0);
    output->file = fopen(path, "wbe");
    return output->file ? VALGRAD_OK : cannot_write(output, errno);
}

void output__write(OutputFile *output, const void *bytes, size_t n)
{
    if (n > 0 && fwrite(bytes, 1, n, output->file) < n && !output->reason)
        output->reason = errno;
}

void output__write_array(OutputFile *output, const NnArray *array)
{
    enum { CHUNK = 4096 };
    const size_t element = dtype__bytes(array->dtype), at_once = CHUNK / element;
    const char *elements = array->data;
    uint8_t chunk[CHUNK];
    for (size_t left = (size_t)array->size, n; left > 0; left -= n, elements += n * element) {
        n = left < at_once ? left : at_once;
        memcpy(chunk, elements, n * element);
        dtype__swap_unless_little(chunk, (int64_t)n, element);
        output__write(output, chunk, n * element);
    }
}

/* A rename is lasting only when the directory is written, too. Where that cannot be asked for, the
 * file is whole all the same. */
static void sync_directory(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = '\0';
    int directory = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return;
    (void)fsync(directory);
    close(directory);
}

/* Gives a nameless file its temporary name: a name that is taken cannot be given. */
static bool give_name(OutputFile *output)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(output->file));
    if (linkat(AT_FDCWD, path, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) != 0)
        return false;
    output->nameless = false;
    return true;
}

/* 0, or the reason why not. */
static int finish(OutputFile *output)
{
    int reason = output->reason;
    errno = 0;
    if (!reason && (fflush(output->file) != 0 || ferror(output->file)))
        reason = errno ? errno : EIO; /* of printing into the stream, only the last */
    if (!reason && output->temporary && fsync(fileno(output->file)) != 0)
        reason = errno;
    if (!reason && output->nameless && !give_name(output))
        reason = errno;
    if (fclose(output->file) != 0 && !reason)
        reason = errno;
    output->file = NULL;
    if (!reason && output->temporary && rename(output->temporary, output->target) != 0)
        reason = errno;
    return reason;
}

ValgradStatus output__close(OutputFile *output)
{
    int reason = finish(output);
    if (output->temporary && reason)
        remove_temporary(output);
    else if (output->temporary)
        sync_directory(output->target);
    forget(output);
    return reason ? cannot_write(output, reason) : VALGRAD_OK;
}

void output__discard(OutputFile *output)
{
    fclose(output->file);
    if (output->temporary)
        remove_temporary(output);
    forget(output);
}

/* ---- reading ------------------------------------------------------------------------------------- */

ValgradStatus bytes__fail(const Bytes *bytes, size_t byte, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error__set(VALGRAD_ERROR_FORMAT, "%s: %s: byte %zu: %s", bytes->function, bytes->path,
                      byte, text);
}

static ValgradStatus cannot_read(const Bytes *bytes, const char *reason)
{
    return error__set(VALGRAD_ERROR_IO, "%s: %s: cannot be read: %s", bytes->function, bytes->path,
                      reason);
}

static ValgradStatus read_open(FILE *file, const char *what, Bytes *bytes)
{
    struct stat about;
    if (fstat(fileno(file), &about) != 0)
        return cannot_read(bytes, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return error__set(VALGRAD_ERROR_IO, "%s: %s: is %s: expected %s", bytes->function,
                          bytes->path,
                          S_ISDIR(about.st_mode) ? "a directory" : "not a regular file", what);
    bytes->size = (size_t)about.st_size;
    bytes->data = nn__bytes(bytes->function, about.st_size ? about.st_size : 1, 1);
    if (!bytes->data)
        return VALGRAD_ERROR_MEMORY;
    errno = 0;
    if (fread(bytes->data, 1, bytes->size, file) == bytes->size)
        return VALGRAD_OK;
    const char *reason = errno ? strerror(errno) : "it became shorter while it was read";
    nn__free(bytes->data);
    bytes->data = NULL;
    return cannot_read(bytes, reason);
}

ValgradStatus bytes__read(const char *function, const char *path, const char *what, Bytes *bytes)
{
    *bytes = (Bytes){.function = function, .path = path};
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not hold us up */
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "rb") : NULL;
    if (!file) {
        int reason = errno;
        if (descriptor >= 0)
            close(descriptor);
        return cannot_read(bytes, strerror(reason));
    }
    ValgradStatus status = read_open(file, what, bytes);
    fclose(file);
    return status;
}
