/* npz.c - several arrays as a zip file of .npy files, and the choice of a format by the path. */
#include <string.h>

#include "autograd/error.h"
#include "nn/files.h"

#ifndef VALGRAD_LIBZIP

static ValgradStatus missing(const char *function)
{
    return error__set(VALGRAD_ERROR_STATE,
                      "%s: this library was built without libzip (Debian: libzip-dev)", function);
}

NnState *npz__parse(const Bytes *bytes)
{
    missing(bytes->function);
    return NULL;
}

ValgradStatus nn_state_write_npz(const NnState *state, const char *path)
{
    (void)state, (void)path;
    return missing("nn_state_write_npz");
}

#else

#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

enum {
    NAME_ROOM = 264,
    MAX_PACKING = 1100
}; /* deflate makes nothing smaller than that many times */

/* ---- reading ------------------------------------------------------------------------------------- */

static ValgradStatus fail(const Bytes *bytes, const char *name, const char *why)
{
    return error__set(VALGRAD_ERROR_FORMAT, "%s: %s: %s%.80s%s%s", bytes->function, bytes->path,
                      name ? "\"" : "", name ? name : "", name ? "\": " : "", why);
}

/* The array's name: the entry's without .npy. */
static bool name_array(const char *entry, char name[NAME_ROOM])
{
    const size_t length = strlen(entry);
    if (length <= 4 || length - 4 >= NAME_ROOM || strcmp(entry + length - 4, ".npy") != 0)
        return false;
    memcpy(name, entry, length - 4);
    name[length - 4] = '\0';
    return true;
}

/* NULL, or why the entry could not be read whole. Its checksum is looked at where it ends. */
static const char *read_entry(zip_file_t *file, const Bytes *out)
{
    char more;
    const zip_int64_t got = zip_fread(file, out->data, out->size);
    if (got >= 0 && (size_t)got < out->size)
        return "it is shorter than the zip file says";
    const zip_int64_t rest = got < 0 ? got : zip_fread(file, &more, 1);
    return rest < 0   ? zip_file_strerror(file)
           : rest > 0 ? "it is longer than the zip file says"
                      : NULL;
}

static ValgradStatus unpack(const Bytes *bytes, zip_t *zip, const zip_stat_t *about, Bytes *out)
{
    zip_file_t *file = zip_fopen_index(zip, about->index, 0);
    if (!file)
        return fail(bytes, about->name, zip_strerror(zip));
    out->size = about->size;
    out->data = nn__bytes(bytes->function, about->size ? (int64_t)about->size : 1, 1);
    const char *why = out->data ? read_entry(file, out) : NULL;
    ValgradStatus status = out->data ? VALGRAD_OK : VALGRAD_ERROR_MEMORY;
    if (why)
        status = fail(bytes, about->name, why);
    zip_fclose(file);
    return status;
}

/* What a message about bytes within an entry calls them: "net.npz(0.weight.npy)". */
static ValgradStatus parse_entry(const Bytes *bytes, zip_t *zip, const zip_stat_t *about,
                                 NnState *state)
{
    char name[NAME_ROOM], path[512];
    if (!name_array(about->name, name))
        return fail(bytes, about->name, "expected a name of at most 255 bytes and .npy");
    if (about->size > PTRDIFF_MAX || about->size / MAX_PACKING > about->comp_size)
        return fail(bytes, about->name, "its size cannot be that of what is packed");
    snprintf(path, sizeof path, "%.200s(%s)", bytes->path, about->name);
    Bytes entry = {.function = bytes->function, .path = path};
    ValgradStatus status = unpack(bytes, zip, about, &entry);
    if (status == VALGRAD_OK)
        status = npy__parse(&entry, state, name);
    nn__free(entry.data);
    return status;
}

static ValgradStatus parse_entries(const Bytes *bytes, zip_t *zip, NnState *state)
{
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    for (zip_int64_t i = 0; i < zip_get_num_entries(zip, 0); i++) {
        zip_stat_t about;
        if (zip_stat_index(zip, (zip_uint64_t)i, 0, &about) != 0 ||
            (about.valid & needed) != needed)
            return fail(bytes, NULL, "an entry without name or size");
        about.index = (zip_uint64_t)i;
        ValgradStatus status = parse_entry(bytes, zip, &about, state);
        if (status != VALGRAD_OK)
            return status;
    }
    return VALGRAD_OK;
}

/* Opens a zip file in memory; `bytes` must outlive it. */
static zip_t *open_zip(const Bytes *bytes)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(bytes->data, bytes->size, 0, &error);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : NULL;
    if (!zip) {
        fail(bytes, NULL, zip_error_strerror(&error));
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return zip;
}

NnState *npz__parse(const Bytes *bytes)
{
    zip_t *zip = open_zip(bytes);
    NnState *state = zip ? nn_state_new() : NULL;
    if (state && parse_entries(bytes, zip, state) != VALGRAD_OK) {
        nn_state_free(state);
        state = NULL;
    }
    if (zip)
        zip_discard(zip);
    return state;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* The .npy file of an array in memory that libzip frees. */
static zip_source_t *make_source(const char *function, const NnArray *array, zip_t *zip)
{
    size_t length;
    uint8_t *header = npy__header(function, array, &length);
    if (!header)
        return NULL;
    const size_t element = dtype__bytes(array->dtype), bytes = (size_t)array->size * element;
    uint8_t *file = malloc(length + bytes);
    zip_source_t *source = file ? zip_source_buffer(zip, file, length + bytes, 1) : NULL;
    if (source) {
        memcpy(file, header, length);
        if (bytes > 0)
            memcpy(file + length, array->data, bytes);
        dtype__swap_unless_little(file + length, array->size, element);
    } else {
        free(file);
        error__memory(function, length + bytes);
    }
    nn__free(header);
    return source;
}

/* The time of every entry is the same, so that the same arrays make the same file. */
static bool add_entry(const char *function, const NnArray *array, zip_t *zip)
{
    char name[NAME_ROOM];
    zip_source_t *source = make_source(function, array, zip);
    if (!source)
        return false;
    snprintf(name, sizeof name, "%s.npy", array->name);
    zip_int64_t index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        error__set(VALGRAD_ERROR_NAME, "%s: \"%s\": %s", function, array->name, zip_strerror(zip));
        zip_source_free(source);
        return false;
    }
    const zip_uint16_t first_of_january_1980 = 1 << 5 | 1;
    return zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, (zip_uint64_t)index, 0, first_of_january_1980, 0) == 0;
}

/* The whole zip file in `made`, which is a source of memory. */
static bool make_zip(const char *function, const NnState *state, zip_source_t *made)
{
    zip_source_keep(made);
    zip_t *zip = zip_open_from_source(made, ZIP_TRUNCATE, NULL);
    if (!zip) {
        zip_source_free(made);
        return error__memory(function, 0), false;
    }
    bool done = true;
    for (int64_t i = 0; done && i < nn_state_count(state); i++)
        done = add_entry(function, nn_state_at(state, i), zip);
    if (done && zip_close(zip) == 0)
        return true;
    if (done)
        error__set(VALGRAD_ERROR_IO, "%s: %s", function, zip_strerror(zip));
    zip_discard(zip);
    return false;
}

static void copy_source(zip_source_t *made, OutputFile *output)
{
    uint8_t chunk[4096];
    zip_int64_t n;
    while ((n = zip_source_read(made, chunk, sizeof chunk)) > 0)
        output__write(output, chunk, (size_t)n);
}

static ValgradStatus write_source(const char *function, zip_source_t *made, const char *path)
{
    OutputFile output;
    if (zip_source_open(made) != 0)
        return error__memory(function, 0);
    ValgradStatus status = output__open(&output, function, path);
    if (status == VALGRAD_OK) {
        copy_source(made, &output);
        status = output__close(&output);
    }
    zip_source_close(made);
    return status;
}

ValgradStatus nn_state_write_npz(const NnState *state, const char *path)
{
    static const char function[] = "nn_state_write_npz";
    if (!state || !path)
        return error__null(function, state ? "path" : "state");
    if (nn_state_count(state) == 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: no arrays: expected 1 or more", function);
    zip_source_t *made = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (!made)
        return error__memory(function, 0);
    ValgradStatus status = make_zip(function, state, made) ? write_source(function, made, path)
                                                           : valgrad_last_status();
    zip_source_free(made);
    return status;
}

#endif

NnState *nn_state_read_npz(const char *path)
{
    static const char function[] = "nn_state_read_npz";
    Bytes bytes;
    if (!path) {
        error__null(function, "path");
        return NULL;
    }
    if (bytes__read(function, path, "a .npz file", &bytes) != VALGRAD_OK)
        return NULL;
    NnState *state = npz__parse(&bytes);
    nn__free(bytes.data);
    return state;
}

/* ---- by the ending ------------------------------------------------------------------------------- */

static bool is_npz(const char *path)
{
    const size_t length = path ? strlen(path) : 0;
    return length >= 4 && strcmp(path + length - 4, ".npz") == 0;
}

ValgradStatus nn_state_write(const NnState *state, const char *path)
{
    return is_npz(path) ? nn_state_write_npz(state, path) : nn_state_write_safetensors(state, path);
}

NnState *nn_state_read(const char *path)
{
    return is_npz(path) ? nn_state_read_npz(path) : nn_state_read_safetensors(path);
}
