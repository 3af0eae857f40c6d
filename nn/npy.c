/* npy.c - NumPy's file of one array: magic, version, a header that is a Python dictionary, elements.
 *
 *     \x93NUMPY 1 0 <2 bytes: length> {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 *
 * (numpy.lib.format). Structured and object types are refused. */
#include <inttypes.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/files.h"
#include "tensor/tensor_internal.h"

enum { MAGIC_BYTES = 8, MAX_HEADER = 1 << 16, ALIGNMENT = 64, HEADER_ROOM = 512 };

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* ---- reading the header -------------------------------------------------------------------------- */

typedef struct Reader {
    const Bytes *bytes;
    size_t at, end; /* within the header */
    NnDtype dtype;
    bool big_endian, columns_first;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    bool seen[3]; /* descr, fortran_order, shape */
} Reader;

static bool fail(const Reader *reader, const char *expected)
{
    bytes__fail(reader->bytes, reader->at, "expected %s", expected);
    return false;
}

static int next(Reader *reader)
{
    const uint8_t *data = reader->bytes->data;
    while (reader->at < reader->end && data[reader->at] && strchr(" \t\n", data[reader->at]))
        reader->at++;
    return reader->at < reader->end ? data[reader->at] : -1;
}

static bool accept(Reader *reader, const char *text)
{
    next(reader);
    size_t length = strlen(text);
    if (reader->end - reader->at < length ||
        memcmp(reader->bytes->data + reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static bool expect(Reader *reader, const char *text)
{
    return accept(reader, text) || fail(reader, text);
}

/* A text in either kind of quotes. */
static bool read_quoted(Reader *reader, char *out, size_t room)
{
    const int quote = next(reader);
    const size_t begin = reader->at;
    if (quote != '\'' && quote != '"')
        return fail(reader, "a text in quotes (structured types are not supported)");
    reader->at++;
    for (size_t i = 0; reader->at < reader->end; reader->at++) {
        const uint8_t byte = reader->bytes->data[reader->at];
        if (byte == quote) {
            out[i] = '\0';
            reader->at++;
            return true;
        }
        if (i + 1 == room)
            break;
        out[i++] = (char)byte;
    }
    reader->at = begin;
    return fail(reader, "a shorter text in quotes");
}

static bool read_type(Reader *reader)
{
    char text[24];
    const size_t begin = reader->at;
    if (!read_quoted(reader, text, sizeof text))
        return false;
    reader->big_endian = text[0] == '>';
    for (int i = 0; i < NN_DTYPE_COUNT; i++)
        if (text[0] && strchr("<>|=", text[0]) && dtype__numpy((NnDtype)i)[0] &&
            strcmp(text + 1, dtype__numpy((NnDtype)i)) == 0) {
            reader->dtype = (NnDtype)i;
            return true;
        }
    reader->at = begin;
    return fail(reader, "a type of numbers, f8, f4, f2, i1 … i8, u1 … u8 or b1, behind <, > or |");
}

static bool read_order(Reader *reader)
{
    reader->columns_first = accept(reader, "True");
    return reader->columns_first || accept(reader, "False") || fail(reader, "True or False");
}

static bool read_side(Reader *reader, int64_t *side)
{
    int digit = next(reader);
    *side = 0;
    if (digit < '0' || digit > '9')
        return fail(reader, "a side of the shape, an integer from 0");
    for (; reader->at < reader->end; reader->at++) {
        digit = reader->bytes->data[reader->at] - '0';
        if (digit < 0 || digit > 9)
            break;
        if (__builtin_mul_overflow(*side, 10, side) || __builtin_add_overflow(*side, digit, side))
            return fail(reader, "a side below 2^63");
    }
    return true;
}

static bool read_shape(Reader *reader)
{
    if (!expect(reader, "("))
        return false;
    while (!accept(reader, ")")) {
        if (reader->rank == TENSOR_MAX_RANK)
            return fail(reader, "at most 8 sides");
        if (!read_side(reader, &reader->shape[reader->rank++]))
            return false;
        if (!accept(reader, ",") && next(reader) != ')')
            return fail(reader, ", or )");
    }
    return true;
}

static bool read_item(Reader *reader)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    static bool (*const read[])(Reader *) = {read_type, read_order, read_shape};
    char key[24];
    const size_t begin = reader->at;
    if (!read_quoted(reader, key, sizeof key) || !expect(reader, ":"))
        return false;
    for (int i = 0; i < 3; i++)
        if (strcmp(key, keys[i]) == 0 && !reader->seen[i]) {
            reader->seen[i] = true;
            return read[i](reader);
        }
    reader->at = begin;
    return fail(reader, "'descr', 'fortran_order' or 'shape', each once");
}

static bool read_dictionary(Reader *reader)
{
    if (!expect(reader, "{"))
        return false;
    while (!accept(reader, "}")) {
        if (!read_item(reader))
            return false;
        if (!accept(reader, ",") && next(reader) != '}')
            return fail(reader, ", or }");
    }
    if (next(reader) != -1)
        return fail(reader, "the end of the header");
    return (reader->seen[0] && reader->seen[1] && reader->seen[2]) ||
           fail(reader, "'descr', 'fortran_order' and 'shape' before it");
}

static bool find_header(Reader *reader)
{
    const Bytes *bytes = reader->bytes;
    if (bytes->size < MAGIC_BYTES + 2 || memcmp(bytes->data, magic, sizeof magic) != 0)
        return fail(reader, "\\x93NUMPY, with which .npy files begin");
    reader->at = sizeof magic;
    const int version = bytes->data[6];
    if (version < 1 || version > 3)
        return fail(reader, "version 1, 2 or 3");
    const size_t length_bytes = version == 1 ? 2 : 4;
    size_t length = 0;
    reader->at = MAGIC_BYTES;
    for (size_t i = length_bytes; i-- > 0 && MAGIC_BYTES + i < bytes->size;)
        length = length << 8 | bytes->data[MAGIC_BYTES + i];
    if (bytes->size < MAGIC_BYTES + length_bytes || length > MAX_HEADER ||
        length > bytes->size - MAGIC_BYTES - length_bytes)
        return fail(reader, "the length of a header that is in the file, at most 65536");
    reader->at = MAGIC_BYTES + length_bytes;
    reader->end = reader->at + length;
    return true;
}

/* ---- reading the elements ------------------------------------------------------------------------ */

/* Elements that lie with the first axis fastest, in row-major order. */
static void reorder(const Reader *reader, const uint8_t *from, uint8_t *to, int64_t size,
                    size_t element)
{
    int64_t index[TENSOR_MAX_RANK] = {0}; /* of the element that is next in row-major order */
    for (int64_t i = 0; i < size; i++, to += element) {
        int64_t place = 0;
        for (int axis = reader->rank - 1; axis >= 0; axis--)
            place = place * reader->shape[axis] + index[axis];
        memcpy(to, from + (size_t)place * element, element);
        for (int axis = reader->rank - 1; axis >= 0 && ++index[axis] == reader->shape[axis]; axis--)
            index[axis] = 0;
    }
}

static bool check_elements(Reader *reader, int64_t *size)
{
    const size_t given = reader->bytes->size - reader->end;
    size_t expected;
    reader->at = reader->end;
    if (!state__size(reader->dtype, reader->rank, reader->shape, size, &expected))
        return fail(reader, "a shape whose size the machine can hold");
    if (given == expected)
        return true;
    bytes__fail(reader->bytes, reader->end,
                "%zu bytes of elements: expected %zu, as the shape says", given, expected);
    return false;
}

ValgradStatus npy__parse(const Bytes *bytes, NnState *into, const char *name)
{
    Reader reader = {.bytes = bytes};
    int64_t size;
    if (!find_header(&reader) || !read_dictionary(&reader) || !check_elements(&reader, &size))
        return VALGRAD_ERROR_FORMAT;
    uint8_t *elements =
        state__add(bytes->function, into, name, reader.dtype, reader.rank, reader.shape);
    if (!elements)
        return valgrad_last_status();
    const size_t element = dtype__bytes(reader.dtype);
    const uint8_t *from = bytes->data + reader.end;
    if (reader.columns_first)
        reorder(&reader, from, elements, size, element);
    else if (size > 0)
        memcpy(elements, from, (size_t)size * element);
    if (reader.big_endian)
        dtype__swap_unless_big(elements, size, element);
    else
        dtype__swap_unless_little(elements, size, element);
    return VALGRAD_OK;
}

Tensor *nn_npy_read(const char *path)
{
    static const char function[] = "nn_npy_read";
    Bytes bytes;
    if (!path) {
        error__null(function, "path");
        return NULL;
    }
    if (bytes__read(function, path, "a .npy file", &bytes) != VALGRAD_OK)
        return NULL;
    NnState *state = nn_state_new();
    Tensor *t = NULL;
    if (state && npy__parse(&bytes, state, "array") == VALGRAD_OK)
        t = nn_array_tensor(nn_state_at(state, 0));
    nn_state_free(state);
    nn__free(bytes.data);
    return t;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* The dictionary of an array; its length. */
static size_t print_dictionary(const NnArray *array, char text[HEADER_ROOM])
{
    const bool one_byte = dtype__bytes(array->dtype) == 1;
    int used = snprintf(text, HEADER_ROOM, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                        one_byte ? '|' : '<', dtype__numpy(array->dtype));
    for (int i = 0; i < array->rank; i++)
        used += snprintf(text + used, HEADER_ROOM - (size_t)used, "%s%" PRId64 "%s", i ? " " : "",
                         array->shape[i], i + 1 < array->rank || i == 0 ? "," : "");
    used += snprintf(text + used, HEADER_ROOM - (size_t)used, "), }");
    return (size_t)used;
}

uint8_t *npy__header(const char *function, const NnArray *array, size_t *length)
{
    char dictionary[HEADER_ROOM];
    if (!dtype__numpy(array->dtype)[0]) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: \"%s\" is %s: NumPy has no such type", function,
                   array->name, nn_dtype_name(array->dtype));
        return NULL;
    }
    const size_t text = print_dictionary(array, dictionary), before = MAGIC_BYTES + 2;
    *length = (before + text + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    uint8_t *header = nn__bytes(function, (int64_t)*length, 1);
    if (!header)
        return NULL;
    const size_t rest = *length - before;
    memcpy(header, magic, sizeof magic);
    header[6] = 1;
    header[7] = 0;
    header[8] = (uint8_t)rest;
    header[9] = (uint8_t)(rest >> 8);
    memset(header + before, ' ', rest);
    memcpy(header + before, dictionary, text);
    header[*length - 1] = '\n';
    return header;
}

static ValgradStatus write_array(const char *function, const NnArray *array, const char *path)
{
    size_t length;
    uint8_t *header = npy__header(function, array, &length);
    OutputFile output;
    if (!header)
        return valgrad_last_status();
    ValgradStatus status = output__open(&output, function, path);
    if (status == VALGRAD_OK) {
        output__write(&output, header, length);
        output__write_array(&output, array);
        status = output__close(&output);
    }
    nn__free(header);
    return status;
}

ValgradStatus nn_npy_write(const Tensor *t, const char *path)
{
    static const char function[] = "nn_npy_write";
    if (!t || !path)
        return error__null(function, t ? "path" : "t");
    NnState *state = nn_state_new();
    if (!state)
        return VALGRAD_ERROR_MEMORY;
    ValgradStatus status = nn_state_add_tensor(state, "array", t);
    if (status == VALGRAD_OK)
        status = write_array(function, nn_state_at(state, 0), path);
    nn_state_free(state);
    return status;
}
