/* safetensors.c - a length, a JSON header that tells where each array lies, the elements.
 *
 * Nothing of the header is believed: the places of the arrays must lie in the file, have the size
 * that type and shape say, and cover it without overlap or hole. */
#include "nn/files.h"

#include "autograd/error.h"

#ifndef VALGRAD_CJSON

static ValgradStatus missing(const char *function)
{
    return error__set(VALGRAD_ERROR_STATE,
                      "%s: this library was built without cJSON (Debian: libcjson-dev)", function);
}

NnState *safetensors__parse(const Bytes *bytes)
{
    missing(bytes->function);
    return NULL;
}

ValgradStatus nn_state_write_safetensors(const NnState *state, const char *path)
{
    (void)state, (void)path;
    return missing("nn_state_write_safetensors");
}

#else

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER = 1 << 24, MAX_TEXTS = 1000, ALIGNMENT = 8 };

static const char metadata_key[] = "__metadata__";
static const double exact = 9007199254740992; /* 2^53: integers up to here survive JSON's doubles */

/* ---- reading ------------------------------------------------------------------------------------- */

/* An array's entry in the header, once checked. */
typedef struct Place {
    const cJSON *entry;
    NnDtype dtype;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    size_t begin, end; /* within the elements */
} Place;

typedef struct Reader {
    const Bytes *bytes;
    const char *header;
    size_t header_bytes;
    cJSON *json;
    Place *places;
    int64_t count;
} Reader;

static size_t elements_at(const Reader *reader)
{
    return LENGTH_BYTES + reader->header_bytes;
}

/* Where an entry's name stands in the file: the parser does not tell. */
static size_t byte_of(const Reader *reader, const cJSON *entry)
{
    size_t length = strlen(entry->string);
    for (size_t i = 0; i + length + 2 <= reader->header_bytes; i++) {
        const char *quoted = reader->header + i;
        if (quoted[0] == '"' && quoted[length + 1] == '"' &&
            memcmp(quoted + 1, entry->string, length) == 0)
            return LENGTH_BYTES + i;
    }
    return LENGTH_BYTES;
}

#define FAIL(reader, entry, ...)                                                                   \
    (bytes__fail((reader)->bytes, byte_of(reader, entry), __VA_ARGS__), false)

static bool find_header(Reader *reader)
{
    const Bytes *bytes = reader->bytes;
    if (bytes->size < LENGTH_BYTES)
        return bytes__fail(bytes, 0, "the file has %zu bytes: expected 8, the header's length",
                           bytes->size),
               false;
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | bytes->data[i];
    if (length > bytes->size - LENGTH_BYTES || length > MAX_HEADER)
        return bytes__fail(bytes, 0,
                           "a header of %" PRIu64
                           " bytes: expected at most %zu (is it safetensors?)",
                           length,
                           bytes->size - LENGTH_BYTES < MAX_HEADER ? bytes->size - LENGTH_BYTES
                                                                   : (size_t)MAX_HEADER),
               false;
    reader->header = (const char *)bytes->data + LENGTH_BYTES;
    reader->header_bytes = (size_t)length;
    return true;
}

static bool parse_header(Reader *reader)
{
    const char *end = reader->header;
    if (reader->header_bytes == 0 || reader->header[0] != '{')
        return bytes__fail(reader->bytes, LENGTH_BYTES, "expected {, where the header begins"),
               false;
    reader->json = cJSON_ParseWithLengthOpts(reader->header, reader->header_bytes, &end, false);
    size_t parsed = end ? (size_t)(end - reader->header) : 0;
    if (!reader->json)
        return bytes__fail(reader->bytes, LENGTH_BYTES + parsed, "the header is not JSON here"),
               false;
    for (; parsed < reader->header_bytes; parsed++)
        if (!strchr(" \t\r\n", reader->header[parsed]) || !reader->header[parsed])
            return bytes__fail(reader->bytes, LENGTH_BYTES + parsed,
                               "more after the header's }: expected spaces"),
                   false;
    return true;
}

static bool read_integer(const cJSON *item, size_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= exact) ||
        item->valuedouble != (double)(size_t)item->valuedouble)
        return false;
    *out = (size_t)item->valuedouble;
    return true;
}

static bool read_dtype(const Reader *reader, Place *place)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->entry, "dtype");
    if (cJSON_IsString(item) && nn_dtype_find(item->valuestring, &place->dtype) == VALGRAD_OK)
        return true;
    return FAIL(reader, place->entry,
                "\"%.80s\": dtype %.20s: expected F64, F32, F16, BF16, I64 … BOOL",
                place->entry->string, cJSON_IsString(item) ? item->valuestring : "missing");
}

static bool read_shape(const Reader *reader, Place *place)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(place->entry, "shape"), *side;
    bool good = cJSON_IsArray(shape) && cJSON_GetArraySize(shape) <= TENSOR_MAX_RANK;
    if (good)
        cJSON_ArrayForEach(side, shape)
        {
            size_t number = 0;
            good = good && read_integer(side, &number);
            place->shape[place->rank++] = (int64_t)number;
        }
    return good || FAIL(reader, place->entry, "\"%.80s\": shape: expected up to %d integers from 0",
                        place->entry->string, TENSOR_MAX_RANK);
}

static bool read_offsets(const Reader *reader, Place *place)
{
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(place->entry, "data_offsets");
    size_t room = reader->bytes->size - elements_at(reader), bytes;
    int64_t size;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !read_integer(cJSON_GetArrayItem(offsets, 0), &place->begin) ||
        !read_integer(cJSON_GetArrayItem(offsets, 1), &place->end) || place->begin > place->end)
        return FAIL(reader, place->entry, "\"%.80s\": data_offsets: expected [begin, end]",
                    place->entry->string);
    if (place->end > room)
        return FAIL(reader, place->entry,
                    "\"%.80s\": data_offsets [%zu, %zu]: expected an end of at most %zu, where the "
                    "file ends",
                    place->entry->string, place->begin, place->end, room);
    if (!state__size(place->dtype, place->rank, place->shape, &size, &bytes) ||
        bytes != place->end - place->begin)
        return FAIL(reader, place->entry,
                    "\"%.80s\": data_offsets [%zu, %zu] are %zu bytes: expected %zu for its shape "
                    "and dtype %s",
                    place->entry->string, place->begin, place->end, place->end - place->begin,
                    bytes, nn_dtype_name(place->dtype));
    return true;
}

static bool read_place(const Reader *reader, Place *place)
{
    if (!cJSON_IsObject(place->entry))
        return FAIL(reader, place->entry, "\"%.80s\": expected {dtype, shape, data_offsets}",
                    place->entry->string);
    return read_dtype(reader, place) && read_shape(reader, place) && read_offsets(reader, place);
}

static bool read_places(Reader *reader)
{
    const cJSON *entry;
    int64_t entries = cJSON_GetArraySize(reader->json);
    reader->places =
        nn__zeros(reader->bytes->function, entries ? entries : 1, sizeof *reader->places);
    if (!reader->places)
        return false;
    cJSON_ArrayForEach(entry, reader->json)
    {
        if (strcmp(entry->string, metadata_key) == 0)
            continue;
        Place *place = &reader->places[reader->count++];
        place->entry = entry;
        if (!read_place(reader, place))
            return false;
    }
    return true;
}

static int compare_places(const void *left, const void *right)
{
    const Place *x = left, *y = right;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Sorts the places as they lie and sees that they cover all elements. */
static bool check_cover(Reader *reader)
{
    size_t covered = 0, room = reader->bytes->size - elements_at(reader);
    qsort(reader->places, (size_t)reader->count, sizeof *reader->places, compare_places);
    for (int64_t i = 0; i < reader->count; i++) {
        const Place *place = &reader->places[i];
        if (place->begin != covered)
            return FAIL(reader, place->entry,
                        "\"%.80s\": data_offsets begin at %zu, %s: expected %zu",
                        place->entry->string, place->begin,
                        place->begin < covered ? "inside another array" : "after a hole", covered);
        covered = place->end;
    }
    if (covered != room)
        return bytes__fail(reader->bytes, elements_at(reader) + covered,
                           "%zu bytes that belong to no array: expected the end of the file",
                           room - covered),
               false;
    return true;
}

static bool read_texts(const Reader *reader, NnState *state)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(reader->json, metadata_key), *text;
    if (!metadata)
        return true;
    if (!cJSON_IsObject(metadata) || cJSON_GetArraySize(metadata) > MAX_TEXTS)
        return FAIL(reader, metadata, "%s: expected an object of at most %d texts", metadata_key,
                    MAX_TEXTS);
    cJSON_ArrayForEach(text, metadata)
    {
        if (!cJSON_IsString(text))
            return FAIL(reader, text, "%s: \"%.80s\": expected a text", metadata_key, text->string);
        ValgradStatus status = nn_state_set_text(state, text->string, text->valuestring);
        if (status == VALGRAD_ERROR_NAME)
            return FAIL(reader, metadata, "%s: a key that is empty, too long or not printable",
                        metadata_key);
        if (status != VALGRAD_OK)
            return false;
    }
    return true;
}

static bool read_arrays(const Reader *reader, NnState *state)
{
    for (int64_t i = 0; i < reader->count; i++) {
        const Place *place = &reader->places[i];
        void *elements = state__add(reader->bytes->function, state, place->entry->string,
                                    place->dtype, place->rank, place->shape);
        if (!elements && valgrad_last_status() == VALGRAD_ERROR_NAME)
            return FAIL(reader, place->entry,
                        "an array's name comes twice, is empty, too long or not printable");
        if (!elements)
            return false;
        const size_t bytes = place->end - place->begin, element = dtype__bytes(place->dtype);
        if (bytes > 0)
            memcpy(elements, reader->bytes->data + elements_at(reader) + place->begin, bytes);
        dtype__swap_unless_little(elements, (int64_t)(bytes / element), element);
    }
    return true;
}

NnState *safetensors__parse(const Bytes *bytes)
{
    Reader reader = {.bytes = bytes};
    NnState *state = NULL;
    if (find_header(&reader) && parse_header(&reader) && read_places(&reader) &&
        check_cover(&reader)) {
        state = nn_state_new();
        if (state && (!read_texts(&reader, state) || !read_arrays(&reader, state))) {
            nn_state_free(state);
            state = NULL;
        }
    }
    nn__free(reader.places);
    cJSON_Delete(reader.json);
    return state;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static bool add_integers(cJSON *entry, const char *key, int count, const int64_t *integers)
{
    cJSON *array = cJSON_AddArrayToObject(entry, key);
    for (int i = 0; i < count; i++)
        if (!array || !cJSON_AddItemToArray(array, cJSON_CreateNumber((double)integers[i])))
            return false;
    return array != NULL;
}

static bool add_entry(cJSON *header, const NnArray *array, int64_t *offset)
{
    const int64_t begin = *offset;
    *offset += array->size * (int64_t)dtype__bytes(array->dtype);
    const int64_t offsets[] = {begin, *offset};
    cJSON *entry = cJSON_AddObjectToObject(header, array->name);
    return entry && cJSON_AddStringToObject(entry, "dtype", nn_dtype_name(array->dtype)) &&
           add_integers(entry, "shape", array->rank, array->shape) &&
           add_integers(entry, "data_offsets", 2, offsets);
}

static bool add_texts(cJSON *header, const NnState *state)
{
    const int64_t count = nn_state_text_count(state);
    cJSON *texts = count ? cJSON_AddObjectToObject(header, metadata_key) : NULL;
    for (int64_t i = 0; i < count; i++) {
        const char *key = nn_state_text_key(state, i);
        if (!texts || !cJSON_AddStringToObject(texts, key, nn_state_text(state, key)))
            return false;
    }
    return true;
}

/* The state's array at place i when the larger elements come first; its place in the state is kept
 * among equals. */
static const NnArray *in_file_order(const NnState *state, int64_t i)
{
    for (size_t bytes = 8; bytes > 0; bytes /= 2)
        for (int64_t j = 0; j < nn_state_count(state); j++) {
            const NnArray *array = nn_state_at(state, j);
            if (dtype__bytes(array->dtype) == bytes && i-- == 0)
                return array;
        }
    return NULL;
}

static char *make_header(const NnState *state)
{
    cJSON *header = cJSON_CreateObject();
    int64_t offset = 0;
    bool done = header && add_texts(header, state);
    for (int64_t i = 0; done && i < nn_state_count(state); i++)
        done = add_entry(header, in_file_order(state, i), &offset);
    char *text = done ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

/* The header's length, the header, and spaces so that the elements are aligned. */
static void write_header(OutputFile *output, const char *header)
{
    const size_t length = strlen(header), padding = (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT;
    const uint64_t total = length + padding;
    uint8_t bytes[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        bytes[i] = (uint8_t)(total >> (8 * i));
    output__write(output, bytes, sizeof bytes);
    output__write(output, header, length);
    output__write(output, "        ", padding);
}

ValgradStatus nn_state_write_safetensors(const NnState *state, const char *path)
{
    static const char function[] = "nn_state_write_safetensors";
    if (!state || !path)
        return error__null(function, state ? "path" : "state");
    if (nn_state_has(state, metadata_key))
        return error__set(VALGRAD_ERROR_NAME, "%s: an array called %s: the format keeps this name",
                          function, metadata_key);
    char *header = make_header(state);
    if (!header)
        return error__memory(function, 0);
    OutputFile output;
    ValgradStatus status = output__open(&output, function, path);
    if (status == VALGRAD_OK) {
        write_header(&output, header);
        for (int64_t i = 0; i < nn_state_count(state); i++)
            output__write_array(&output, in_file_order(state, i));
        status = output__close(&output);
    }
    cJSON_free(header);
    return status;
}

#endif

NnState *nn_state_read_safetensors(const char *path)
{
    static const char function[] = "nn_state_read_safetensors";
    Bytes bytes;
    if (!path) {
        error__null(function, "path");
        return NULL;
    }
    if (bytes__read(function, path, "a safetensors file", &bytes) != VALGRAD_OK)
        return NULL;
    NnState *state = safetensors__parse(&bytes);
    nn__free(bytes.data);
    return state;
}
