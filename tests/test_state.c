/* test_state.c - named arrays, safetensors, .npy and .npz: there and back, and what is refused. */
#include <valgrad/nn.h>

#include "files_testing.h"

/* ---- lists --------------------------------------------------------------------------------------- */

static const float six[] = {1, 2, 3, 4, 5, (float)-0.5};

static NnState *some_state(void)
{
    const int64_t steps = -3;
    const uint8_t flags[] = {1, 0, 255};
    NnState *state = nn_state_new();
    assert_status(nn_state_add(state, "flags", NN_U8, TENSOR_SHAPE(3), flags), VALGRAD_OK);
    assert_status(nn_state_add(state, "0.weight", NN_F32, TENSOR_SHAPE(2, 3), six), VALGRAD_OK);
    assert_status(nn_state_add(state, "steps", NN_I64, TENSOR_SCALAR, &steps), VALGRAD_OK);
    assert_status(nn_state_add(state, "none", NN_F64, TENSOR_SHAPE(0, 4), NULL), VALGRAD_OK);
    return state;
}

static void check_some_state(const NnState *state)
{
    const NnArray *weight = nn_state_find(state, "0.weight");
    real numbers[6], steps;
    ck_assert_int_eq(nn_state_count(state), 4);
    ck_assert_int_eq(weight->rank, 2);
    ck_assert_int_eq(weight->shape[0], 2);
    ck_assert_int_eq(weight->shape[1], 3);
    ck_assert_int_eq((int)weight->dtype, NN_F32);
    assert_status(nn_array_get(weight, 6, numbers), VALGRAD_OK);
    for (int i = 0; i < 6; i++)
        assert_same(numbers[i], six[i]);
    assert_status(nn_array_get(nn_state_find(state, "steps"), 1, &steps), VALGRAD_OK);
    assert_same(steps, -3);
    ck_assert_int_eq(((const uint8_t *)nn_state_find(state, "flags")->data)[2], 255);
    ck_assert_int_eq(nn_state_find(state, "none")->size, 0);
    ck_assert_int_eq(nn_state_find(state, "none")->shape[1], 4);
}

START_TEST(arrays_by_name)
{
    NnState *state = some_state();
    check_some_state(state);
    ck_assert_str_eq(nn_state_at(state, 1)->name, "0.weight");
    ck_assert(nn_state_has(state, "flags") && !nn_state_has(state, "flag"));
    VALGRAD_SCOPE {
        Tensor *weight = nn_array_tensor(nn_state_find(state, "0.weight"));
        ck_assert_int_eq(tensor_side(weight, 1), 3);
        ck_assert(!tensor_wants_grad(weight));
        assert_same(value_data(tensor_at(weight, 5)), -0.5);
    }
    nn_state_free(state);
    nn_state_free(NULL);
}
END_TEST

START_TEST(list_errors)
{
    NnState *state = some_state();
    char long_name[300];
    memset(long_name, 'x', sizeof long_name);
    long_name[256] = '\0';
    real numbers[6];
    nn_state_add(NULL, "x", NN_F32, TENSOR_SCALAR, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_state_add: state is NULL");
    nn_state_add(state, "flags", NN_F32, TENSOR_SCALAR, NULL);
    assert_error(VALGRAD_ERROR_NAME, "\"flags\": the state has this name already");
    nn_state_add(state, "", NN_F32, TENSOR_SCALAR, NULL);
    assert_error(VALGRAD_ERROR_NAME, "a name of 0 bytes: expected 1 to 255");
    nn_state_add(state, long_name, NN_F32, TENSOR_SCALAR, NULL);
    assert_error(VALGRAD_ERROR_NAME, "a name of 256 bytes: expected 1 to 255");
    nn_state_add(state, "a\033[2J", NN_F32, TENSOR_SCALAR, NULL);
    assert_error(VALGRAD_ERROR_NAME, "byte 0x1b at 1: expected no control characters");
    nn_state_add(state, "x", (NnDtype)99, TENSOR_SCALAR, NULL);
    assert_error(VALGRAD_ERROR_ARGUMENT, "\"x\": type 99: expected 0 to 12");
    nn_state_add(state, "x", NN_F32, 9, (int64_t[9]){1, 1, 1, 1, 1, 1, 1, 1, 1}, NULL);
    assert_error(VALGRAD_ERROR_SHAPE, "\"x\": rank 9: expected 0 to 8");
    nn_state_add(state, "x", NN_F32, TENSOR_SHAPE(2, -1), NULL);
    assert_error(VALGRAD_ERROR_SHAPE, "\"x\": a side is negative");
    nn_state_add(state, "x", NN_F32, TENSOR_SHAPE(INT64_MAX / 2, 4), NULL);
    assert_error(VALGRAD_ERROR_SHAPE, "too large");
    ck_assert_ptr_null(nn_state_find(state, "y"));
    assert_error(VALGRAD_ERROR_NAME, "\"y\": no such name among 4 (the first is \"flags\")");
    ck_assert_ptr_null(nn_state_at(state, 4));
    assert_error(VALGRAD_ERROR_INDEX, "index 4: the state has 4 arrays");
    nn_array_get(nn_state_at(state, 1), 5, numbers);
    assert_error(VALGRAD_ERROR_SHAPE, "\"0.weight\": room for 5 numbers: expected 6");
    check_some_state(state);
    nn_state_free(state);
}
END_TEST

START_TEST(texts)
{
    NnState *state = nn_state_new();
    assert_status(nn_state_set_text(state, "a", "one"), VALGRAD_OK);
    assert_status(nn_state_set_text(state, "b", "two"), VALGRAD_OK);
    assert_status(nn_state_set_text(state, "a", "three"), VALGRAD_OK);
    ck_assert_str_eq(nn_state_text(state, "a"), "three");
    ck_assert_int_eq(nn_state_text_count(state), 2);
    assert_status(nn_state_set_text(state, "a", NULL), VALGRAD_OK);
    ck_assert_ptr_null(nn_state_text(state, "a"));
    ck_assert_str_eq(nn_state_text_key(state, 0), "b");
    ck_assert_ptr_null(nn_state_text_key(state, 1));
    assert_error(VALGRAD_ERROR_INDEX, "index 1: the state has 1 texts");
    nn_state_set_text(state, "", "x");
    assert_error(VALGRAD_ERROR_NAME, "a key of 0 bytes");
    nn_state_free(state);
}
END_TEST

/* ---- types --------------------------------------------------------------------------------------- */

START_TEST(dtypes_by_name)
{
    for (int i = 0; i < NN_DTYPE_COUNT; i++) {
        NnDtype found = NN_DTYPE_COUNT;
        assert_status(nn_dtype_find(nn_dtype_name((NnDtype)i), &found), VALGRAD_OK);
        ck_assert_int_eq((int)found, i);
    }
    NnDtype found = NN_F64;
    assert_status(nn_dtype_find("bf16", &found), VALGRAD_OK);
    ck_assert_int_eq((int)found, NN_BF16);
    nn_dtype_find("F128", &found);
    assert_error(VALGRAD_ERROR_NAME, "nn_dtype_find: \"F128\": expected F64, F32, F16, BF16, I64");
    nn_dtype_find(NULL, &found);
    assert_error(VALGRAD_ERROR_NULL, "NULL");
    ck_assert_str_eq(nn_dtype_name((NnDtype)99), "");
}
END_TEST

/* Numbers, and their bits as IEEE 754's binary16 and as bfloat16, rounded to nearest even. */
static const struct {
    double number;
    uint16_t f16, bf16;
} halves[] = {
    {0.0, 0x0000, 0x0000},
    {-0.0, 0x8000, 0x8000},
    {1.0, 0x3c00, 0x3f80},
    {-2.5, 0xc100, 0xc020},
    {1 + 0x1p-11, 0x3c00, 0x3f80},           /* a tie: down to even */
    {1 + 0x3p-11, 0x3c02, 0x3f80},           /* a tie: up to even */
    {1 + 0x1p-11 + 0x1p-40, 0x3c01, 0x3f80}, /* just over the tie, below a float's reach */
    {1 + 0x1p-8, 0x3c04, 0x3f80},            /* a tie of bfloat16 */
    {1 + 0x3p-8, 0x3c0c, 0x3f82},
    {65504, 0x7bff, 0x4780}, /* the largest binary16 */
    {65519.99, 0x7bff, 0x4780},
    {65520, 0x7c00, 0x4780},   /* rounds to infinity */
    {0x1p-24, 0x0001, 0x3380}, /* the smallest subnormal binary16 */
    {0x1p-25, 0x0000, 0x3300}, /* a tie with 0 */
    {0x1.8p-25, 0x0001, 0x3340},
    {0x1p-14, 0x0400, 0x3880}, /* the smallest normal one */
    {0x1.ffp-15, 0x03fe, 0x3880},
    {0x1p-133, 0x0000, 0x0001},   /* the smallest subnormal bfloat16 */
    {0x1.fep127, 0x7c00, 0x7f7f}, /* the largest one */
    {0x1.ffp127, 0x7c00, 0x7f80},
    {1e300, 0x7c00, 0x7f80},
    {-HUGE_VAL, 0xfc00, 0xff80},
};

START_TEST(half_precision)
{
    const NnDtype types[] = {NN_F16, NN_BF16};
    for (int j = 0; j < 2; j++)
        for (size_t i = 0; i < COUNT(halves); i++) {
            const uint16_t bits = j ? halves[i].bf16 : halves[i].f16;
            NnState *state = nn_state_new();
            nn_state_add(state, "x", NN_F64, TENSOR_SCALAR, &halves[i].number);
            assert_status(nn_state_convert(state, types[j]), VALGRAD_OK);
            const uint16_t given = *(const uint16_t *)nn_state_at(state, 0)->data;
            ck_assert_msg(given == bits, "%s of %a is %04x, not %04x", nn_dtype_name(types[j]),
                          halves[i].number, (unsigned)given, (unsigned)bits);
            nn_state_free(state);
        }
}
END_TEST

/* Every number of 16 bits survives the way to 64 and back. */
START_TEST(halves_there_and_back)
{
    const NnDtype type = _i ? NN_BF16 : NN_F16;
    static uint16_t bits[65536];
    for (int i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    NnState *state = nn_state_new();
    assert_status(nn_state_add(state, "x", type, TENSOR_SHAPE(65536), bits), VALGRAD_OK);
    assert_status(nn_state_convert(state, NN_F64), VALGRAD_OK);
    const double *numbers = nn_state_at(state, 0)->data;
    ck_assert(isnan(numbers[0x7fff]));
    assert_same(numbers[_i ? 0x4049 : 0x4248], 3.140625);
    assert_status(nn_state_convert(state, type), VALGRAD_OK);
    const uint16_t *back = nn_state_at(state, 0)->data;
    const int infinity = _i ? 0x7f80 : 0x7c00;
    for (int i = 0; i < 65536; i++)
        if ((i & 0x7fff) <= infinity)
            ck_assert_uint_eq(back[i], bits[i]);
        else /* one NaN is like another */
            ck_assert_int_gt(back[i] & 0x7fff, infinity);
    nn_state_free(state);
}
END_TEST

START_TEST(integers_stay)
{
    NnState *state = some_state();
    assert_status(nn_state_convert(state, NN_F64), VALGRAD_OK);
    ck_assert_int_eq((int)nn_state_find(state, "steps")->dtype, NN_I64);
    ck_assert_int_eq((int)nn_state_find(state, "0.weight")->dtype, NN_F64);
    nn_state_convert(state, NN_I64);
    assert_error(VALGRAD_ERROR_ARGUMENT, "type I64: expected F64, F32, F16 or BF16");
    nn_state_free(state);
}
END_TEST

/* Each type's own numbers, as real. */
START_TEST(every_type_is_read)
{
    const struct {
        NnDtype dtype;
        const void *data;
        double number;
    } cases[] = {
        {NN_F64, &(double){0.5}, 0.5},
        {NN_F32, &(float){-0.25f}, -0.25},
        {NN_F16, &(uint16_t){0x3c00}, 1},
        {NN_BF16, &(uint16_t){0xbf80}, -1},
        {NN_I64, &(int64_t){-7}, -7},
        {NN_I32, &(int32_t){-70000}, -70000},
        {NN_I16, &(int16_t){-300}, -300},
        {NN_I8, &(int8_t){-5}, -5},
        {NN_U64, &(uint64_t){1u << 20}, 1 << 20},
        {NN_U32, &(uint32_t){1u << 24}, 1 << 24},
        {NN_U16, &(uint16_t){65535}, 65535},
        {NN_U8, &(uint8_t){200}, 200},
        {NN_BOOL, &(uint8_t){1}, 1},
    };
    ck_assert_int_eq((int)COUNT(cases), NN_DTYPE_COUNT);
    for (size_t i = 0; i < COUNT(cases); i++) {
        NnState *state = nn_state_new();
        real number = 0;
        nn_state_add(state, "x", cases[i].dtype, TENSOR_SHAPE(1), cases[i].data);
        assert_status(nn_array_get(nn_state_at(state, 0), 1, &number), VALGRAD_OK);
        assert_same(number, cases[i].number);
        nn_state_free(state);
    }
}
END_TEST

/* ---- files --------------------------------------------------------------------------------------- */

static const char *const endings[] = {"x.safetensors", "x.npz"};

START_TEST(there_and_back)
{
    const char *path = in_folder(endings[_i]);
    NnState *state = some_state();
    nn_state_set_text(state, "config", "{\"a\": \"\xc3\xa4\\n\"}");
    assert_status(nn_state_write(state, path), VALGRAD_OK);
    ck_assert_int_eq(count_files(NULL), 1);
    nn_state_free(state);
    state = nn_state_read(path);
    ck_assert_msg(state != NULL, "%s", valgrad_last_error());
    check_some_state(state);
    if (_i == 0)
        ck_assert_str_eq(nn_state_text(state, "config"), "{\"a\": \"\xc3\xa4\\n\"}");
    nn_state_free(state);
}
END_TEST

/* The bytes of a small file, as the format's description has them. */
START_TEST(safetensors_bytes)
{
    const char *path = in_folder("x.safetensors");
    const uint8_t small = 7;
    const float number = 1;
    NnState *state = nn_state_new();
    nn_state_add(state, "b", NN_U8, TENSOR_SHAPE(1), &small);
    nn_state_add(state, "a", NN_F32, TENSOR_SHAPE(1, 1), &number);
    nn_state_set_text(state, "k", "v");
    assert_status(nn_state_write(state, path), VALGRAD_OK);
    nn_state_free(state);
    const char header[] = "{\"__metadata__\":{\"k\":\"v\"},"
                          "\"a\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
                          "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[4,5]}}";
    size_t n, padded = (sizeof header - 1 + 7) / 8 * 8;
    char *bytes = read_file(path, &n);
    ck_assert_uint_eq(n, 8 + padded + 5);
    ck_assert_int_eq(bytes[0], (char)padded);
    ck_assert_mem_eq(bytes + 1, "\0\0\0\0\0\0\0", 7);
    ck_assert_mem_eq(bytes + 8, header, sizeof header - 1);
    ck_assert_mem_eq(bytes + 8 + padded, "\0\0\x80\x3f\x07", 5);
    free(bytes);
}
END_TEST

/* Headers that lie, each before eight bytes of elements. */
static const struct {
    const char *header, *message;
} lies[] = {
    {"", "byte 8: expected {, where the header begins"},
    {"[]", "byte 8: expected {"},
    {"{\"a\":", "the header is not JSON here"},
    {"{} x", "byte 11: more after the header's }: expected spaces"},
    {"{}", "byte 10: 8 bytes that belong to no array: expected the end of the file"},
    {"{\"a\":1}", "byte 9: \"a\": expected {dtype, shape, data_offsets}"},
    {"{\"a\":{}}", "byte 9: \"a\": dtype missing: expected F64"},
    {"{\"a\":{\"dtype\":\"F128\",\"shape\":[1],\"data_offsets\":[0,8]}}",
     "dtype F128: expected F64"},
    {"{\"a\":{\"dtype\":\"F64\",\"data_offsets\":[0,8]}}", "\"a\": shape: expected"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[-1],\"data_offsets\":[0,8]}}",
     "shape: expected up to 8"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[0.5],\"data_offsets\":[0,8]}}", "integers from 0"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1e999],\"data_offsets\":[0,8]}}", "integers from 0"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,8]}}",
     "up to 8 integers"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1]}}", "data_offsets: expected [begin, end]"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,0]}}", "expected [begin, end]"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8,9]}}", "expected [begin, end]"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}",
     "data_offsets [0, 16]: expected an end of at most 8"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]}}",
     "data_offsets [0, 4] are 4 bytes: expected 8 for its shape and dtype F64"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", "8 bytes: expected 4"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[9007199254740992,9007199254740992],"
     "\"data_offsets\":[0,8]}}",
     "8 bytes: expected 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
     "\"b\": data_offsets begin at 2, inside another array: expected 4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     "\"a\": data_offsets begin at 4, after a hole: expected 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
     "byte 66: 4 bytes that belong to no array"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     "an array's name comes twice"},
    {"{\"\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", "is empty, too long"},
    {"{\"__metadata__\":1,\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
     "byte 9: __metadata__: expected an object"},
    {"{\"__metadata__\":{\"k\":1},\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
     "__metadata__: \"k\": expected a text"},
};

START_TEST(lying_headers)
{
    const char *path = in_folder("x.safetensors"), *header = lies[_i].header;
    const size_t length = strlen(header);
    char bytes[400] = {(char)length};
    memcpy(bytes + 8, header, length);
    write_file(path, bytes, 8 + length + 8);
    ck_assert_ptr_null(nn_state_read(path));
    ck_assert_msg(strstr(valgrad_last_error(), path) != NULL, "%s", valgrad_last_error());
    assert_error(VALGRAD_ERROR_FORMAT, lies[_i].message);
}
END_TEST

/* A file of these bytes is refused, and the error says why. */
#define assert_unreadable(read, path, bytes, length, message)                                      \
    do {                                                                                           \
        write_file(path, bytes, length);                                                           \
        ck_assert_ptr_null(read(path));                                                            \
        assert_error(VALGRAD_ERROR_FORMAT, message);                                               \
    } while (0)

START_TEST(lying_lengths)
{
    const char *path = in_folder("x.safetensors");
    assert_unreadable(nn_state_read, path, "", 0, "byte 0: the file has 0 bytes: expected 8");
    assert_unreadable(nn_state_read, path, "\3\0\0\0\0\0\0\0{}", 10,
                      "byte 0: a header of 3 bytes: expected at most 2");
    assert_unreadable(nn_state_read, path, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10,
                      "a header of 18446744073709551615 bytes");
}
END_TEST

START_TEST(unreadable_and_unwritable)
{
    NnState *state = some_state();
    ck_assert_ptr_null(nn_state_read(in_folder("none")));
    assert_error(VALGRAD_ERROR_IO, "cannot be read: No such file or directory");
    ck_assert_ptr_null(nn_state_read(folder));
    assert_error(VALGRAD_ERROR_IO, "is a directory: expected a safetensors file");
    ck_assert_ptr_null(nn_state_read("/dev/null"));
    assert_error(VALGRAD_ERROR_IO, "is not a regular file");
    ck_assert_ptr_null(nn_state_read(NULL));
    assert_error(VALGRAD_ERROR_NULL, "path is NULL");
    nn_state_write(state, folder);
    assert_error(VALGRAD_ERROR_IO, "cannot be written: Is a directory");
    nn_state_write(state, in_folder("none/x"));
    assert_error(VALGRAD_ERROR_IO, "cannot be written: No such file or directory");
    nn_state_write(state, "/dev/full");
    assert_error(VALGRAD_ERROR_IO, "/dev/full: cannot be written: No space left on device");
    nn_state_write(state, "/proc/x.npz");
    assert_error(VALGRAD_ERROR_IO, "/proc/x.npz: cannot be written: ");
    nn_state_write(state, NULL);
    assert_error(VALGRAD_ERROR_NULL, "path is NULL");
    nn_state_write(NULL, "x");
    assert_error(VALGRAD_ERROR_NULL, "state is NULL");
    nn_state_free(state);
}
END_TEST

/* What stood there stays when writing fails: here because the array cannot be written in NumPy's. */
START_TEST(written_whole_or_not)
{
    const char *path = in_folder("x.npz");
    write_file(path, "before", 6);
    NnState *state = nn_state_new();
    nn_state_add(state, "x", NN_BF16, TENSOR_SHAPE(2), NULL);
    nn_state_write(state, path);
    assert_error(VALGRAD_ERROR_ARGUMENT, "\"x\" is BF16: NumPy has no such type");
    nn_state_free(state);
    size_t n;
    char *bytes = read_file(path, &n);
    ck_assert_str_eq(bytes, "before");
    free(bytes);
    ck_assert_int_eq(count_files(NULL), 1);
}
END_TEST

/* A link stays a link, and the file keeps its permissions. */
START_TEST(links_and_permissions)
{
    const char *path = in_folder("x.safetensors"), *link = in_folder("link");
    struct stat about;
    NnState *state = some_state();
    write_file(path, "before", 6);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(symlink(path, link), 0);
    assert_status(nn_state_write(state, link), VALGRAD_OK);
    nn_state_free(state);
    ck_assert_int_eq(lstat(link, &about), 0);
    ck_assert(S_ISLNK(about.st_mode));
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_mode & 07777, 0640);
    ck_assert_int_gt(about.st_size, 6);
}
END_TEST

/* ---- NumPy --------------------------------------------------------------------------------------- */

/* A .npy file of version 1 with this dictionary and these elements. */
static void write_npy(const char *path, const char *dictionary, const void *elements, size_t n)
{
    char bytes[300] = "\x93NUMPY\1";
    const size_t length = strlen(dictionary);
    bytes[8] = (char)length;
    memcpy(bytes + 10, dictionary, length);
    memcpy(bytes + 10 + length, elements, n);
    write_file(path, bytes, 10 + length + n);
}

START_TEST(npy_there_and_back)
{
    const char *path = in_folder("x.npy");
    VALGRAD_SCOPE {
        const real numbers[] = {1, 2, 3, 4, 5, 6};
        Tensor *t = tensor_const(numbers, TENSOR_SHAPE(2, 3));
        assert_status(nn_npy_write(tensor_transpose(t), path), VALGRAD_OK);
        Tensor *back = nn_npy_read(path);
        ck_assert_int_eq(tensor_rank(back), 2);
        ck_assert_int_eq(tensor_side(back, 0), 3);
        assert_same(value_data(tensor_at(back, 1)), 4);
        assert_status(nn_npy_write(tensor_const(numbers, TENSOR_SCALAR), path), VALGRAD_OK);
        ck_assert_int_eq(tensor_rank(nn_npy_read(path)), 0);
    }
    size_t n;
    char *bytes = read_file(path, &n);
    ck_assert_uint_eq(n, 128 + sizeof(real));
    ck_assert_mem_eq(bytes, "\x93NUMPY\1\0\x76\0{'descr': '<f", 23);
    ck_assert_ptr_nonnull(strstr(bytes + 10, "'fortran_order': False, 'shape': (), }"));
    ck_assert_int_eq(bytes[127], '\n');
    free(bytes);
}
END_TEST

START_TEST(npy_orders)
{
    const char *path = in_folder("x.npy");
    write_npy(path, "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", "\1\2\xff\xfe", 4);
    VALGRAD_SCOPE {
        Tensor *t = nn_npy_read(path);
        assert_same(value_data(tensor_at(t, 0)), 258);
        assert_same(value_data(tensor_at(t, 1)), -2);
        write_npy(path, "{\"shape\":(2,3),\"descr\":\"|u1\",\"fortran_order\":True}\n",
                  "\1\4\2\5\3\6", 6);
        t = nn_npy_read(path);
        for (int i = 0; i < 6; i++)
            assert_same(value_data(tensor_at(t, i)), i + 1);
    }
}
END_TEST

static const struct {
    const char *dictionary, *message;
} bad_npy[] = {
    {"", "expected {"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)", "expected , or }"},
    {"{'descr': '<f4', 'fortran_order': False}", "'descr', 'fortran_order' and 'shape' before it"},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "expected True or False"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}",
     "byte 19: expected a type of numbers"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "expected a type of numbers"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
     "structured types are not supported"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': 1}", "expected ("},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "an integer from 0"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "below 2^63"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "at most 8 sides"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "4 bytes of elements: expected 8"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 4000000000)}",
     "a shape whose size the machine can hold"},
    {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", "each once"},
    {"{'x': 1}", "'descr', 'fortran_order' or 'shape'"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "expected the end of the header"},
    {"{'descr", "expected a shorter text in quotes"},
};

START_TEST(npy_errors)
{
    const char *path = in_folder("x.npy");
    write_npy(path, bad_npy[_i].dictionary, "\0\0\0\0", 4);
    ck_assert_ptr_null(nn_npy_read(path));
    assert_error(VALGRAD_ERROR_FORMAT, bad_npy[_i].message);
}
END_TEST

START_TEST(npy_beginnings)
{
    const char *path = in_folder("x.npy");
    assert_unreadable(nn_npy_read, path, "\x93NUMPX\1\0\0\0", 10, "byte 0: expected \\x93NUMPY");
    assert_unreadable(nn_npy_read, path, "\x93NUMPY\4\0\0\0", 10,
                      "byte 6: expected version 1, 2 or 3");
    assert_unreadable(nn_npy_read, path, "\x93NUMPY\1\0\7\0{}", 12,
                      "byte 8: expected the length of a header");
    assert_unreadable(nn_npy_read, path, "\x93NUMPY\2\0\7\0", 10,
                      "byte 8: expected the length of a header");
}
END_TEST

START_TEST(npz_errors)
{
    const char *path = in_folder("x.npz");
    NnState *state = nn_state_new();
    nn_state_write(state, path);
    assert_error(VALGRAD_ERROR_ARGUMENT, "no arrays: expected 1 or more");
    nn_state_add(state, "x", NN_F32, TENSOR_SHAPE(2, 3), six);
    assert_status(nn_state_write(state, path), VALGRAD_OK);
    nn_state_free(state);
    size_t n;
    char *bytes = read_file(path, &n);
    assert_unreadable(nn_state_read, path, bytes, n / 2, "Not a zip archive");
    bytes[35 + 128 + 2] ^= 1; /* in the elements, behind both headers: the checksum tells */
    assert_unreadable(nn_state_read, path, bytes, n, "x.npz: \"x.npy\": CRC error");
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tests = new_case(suite, "lists", 10);
    tcase_add_test(tests, arrays_by_name);
    tcase_add_test(tests, list_errors);
    tcase_add_test(tests, texts);

    tests = new_case(suite, "types", 10);
    tcase_add_test(tests, dtypes_by_name);
    tcase_add_test(tests, half_precision);
    tcase_add_loop_test(tests, halves_there_and_back, 0, 2);
    tcase_add_test(tests, integers_stay);
    tcase_add_test(tests, every_type_is_read);

    tests = new_case(suite, "files", 10);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_loop_test(tests, there_and_back, 0, (int)COUNT(endings));
    tcase_add_test(tests, safetensors_bytes);
    tcase_add_loop_test(tests, lying_headers, 0, (int)COUNT(lies));
    tcase_add_test(tests, lying_lengths);
    tcase_add_test(tests, unreadable_and_unwritable);
    tcase_add_test(tests, written_whole_or_not);
    tcase_add_test(tests, links_and_permissions);

    tests = new_case(suite, "numpy", 10);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_test(tests, npy_there_and_back);
    tcase_add_test(tests, npy_orders);
    tcase_add_loop_test(tests, npy_errors, 0, (int)COUNT(bad_npy));
    tcase_add_test(tests, npy_beginnings);
    tcase_add_test(tests, npz_errors);
    return run_suite(suite);
}
