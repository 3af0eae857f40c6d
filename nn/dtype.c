/* dtype.c - the types of elements in files, and their conversion. */
#include <math.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/files.h"

#define NAME(name, text, bytes, numpy) text,
static const char *const names[] = {NN_DTYPE_LIST(NAME)};
#define BYTES(name, text, bytes, numpy) bytes,
static const uint8_t sizes[] = {NN_DTYPE_LIST(BYTES)};
#define NUMPY(name, text, bytes, numpy) numpy,
static const char *const numpy_names[] = {NN_DTYPE_LIST(NUMPY)};

bool dtype__exists(NnDtype dtype)
{
    return (unsigned)dtype < NN_DTYPE_COUNT;
}

const char *nn_dtype_name(NnDtype dtype)
{
    return dtype__exists(dtype) ? names[dtype] : "";
}

ValgradStatus nn_dtype_find(const char *name, NnDtype *out)
{
    char upper[8] = "";
    for (size_t i = 0; name && name[i] && i + 1 < sizeof upper; i++)
        upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
    bool fits = name && strlen(name) < sizeof upper;
    int i = 0;
    ValgradStatus status =
        nn__find_name("nn_dtype_find", fits ? upper : name, names, NN_DTYPE_COUNT, &i);
    if (status == VALGRAD_OK)
        *out = (NnDtype)i;
    return status;
}

size_t dtype__bytes(NnDtype dtype)
{
    return sizes[dtype];
}

const char *dtype__numpy(NnDtype dtype)
{
    return numpy_names[dtype];
}

bool dtype__is_float(NnDtype dtype)
{
    return dtype == NN_F64 || dtype == NN_F32 || dtype == NN_F16 || dtype == NN_BF16;
}

/* ---- half precision ------------------------------------------------------------------------------ */

/* A binary floating-point format of 16 bits. */
typedef struct Half {
    int fraction_bits, bias;
} Half;

static const Half f16 = {10, 15}, bf16 = {7, 127};

static double from_half(const Half *half, uint16_t bits)
{
    const int exponent_bits = 15 - half->fraction_bits;
    const int exponent = (bits >> half->fraction_bits) & ((1 << exponent_bits) - 1);
    const int fraction = bits & ((1 << half->fraction_bits) - 1);
    double magnitude;
    if (exponent == (1 << exponent_bits) - 1)
        magnitude = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, 1 - half->bias - half->fraction_bits);
    else
        magnitude = ldexp(fraction + (1 << half->fraction_bits),
                          exponent - half->bias - half->fraction_bits);
    return bits & 0x8000 ? -magnitude : magnitude;
}

/* Rounds once, to nearest even: the magnitude is measured in units of the last place it will have. */
static uint16_t to_half(const Half *half, double number)
{
    const uint16_t sign = signbit(number) ? 0x8000 : 0;
    const int infinity = ((1 << (15 - half->fraction_bits)) - 1) << half->fraction_bits;
    if (isnan(number))
        return (uint16_t)(sign | infinity | 1 << (half->fraction_bits - 1));
    if (number == 0)
        return sign;
    int exponent;
    frexp(number, &exponent); /* number = m 2^exponent, 1/2 <= m < 1 */
    if (isinf(number) || exponent > half->bias + 1)
        return (uint16_t)(sign | infinity);
    if (exponent < 2 - half->bias)
        exponent = 2 - half->bias; /* subnormal, or 0 */
    double units = nearbyint(ldexp(fabs(number), half->fraction_bits + 1 - exponent));
    /* A carry out of the fraction goes into the exponent, as it should: up to infinity. */
    int bits = (int)units + ((exponent + half->bias - 2) << half->fraction_bits);
    return (uint16_t)(sign | bits);
}

/* ---- one element --------------------------------------------------------------------------------- */

#define AS(type) (memcpy(&(type##_), element, sizeof(type##_)), (double)(type##_))

static double element_at(NnDtype dtype, const void *element)
{
    double f64_;
    float f32_;
    int64_t i64_;
    int32_t i32_;
    int16_t i16_;
    int8_t i8_;
    uint64_t u64_;
    uint32_t u32_;
    uint16_t u16_;
    uint8_t u8_;
    switch (dtype) {
    case NN_F64:
        return AS(f64);
    case NN_F32:
        return AS(f32);
    case NN_F16:
        return (void)AS(u16), from_half(&f16, u16_);
    case NN_BF16:
        return (void)AS(u16), from_half(&bf16, u16_);
    case NN_I64:
        return AS(i64);
    case NN_I32:
        return AS(i32);
    case NN_I16:
        return AS(i16);
    case NN_I8:
        return AS(i8);
    case NN_U64:
        return AS(u64);
    case NN_U32:
        return AS(u32);
    case NN_U16:
        return AS(u16);
    case NN_U8:
        return AS(u8);
    case NN_BOOL:
        return (void)AS(u8), u8_ != 0;
    case NN_DTYPE_COUNT:
    default:
        return (double)NAN;
    }
}

static void put_element(NnDtype dtype, double number, void *out)
{
    const float single = (float)number;
    const uint16_t half = to_half(dtype == NN_F16 ? &f16 : &bf16, number);
    if (dtype == NN_F64)
        memcpy(out, &number, sizeof number);
    else if (dtype == NN_F32)
        memcpy(out, &single, sizeof single);
    else
        memcpy(out, &half, sizeof half);
}

void dtype__convert(int64_t n, NnDtype from, const void *elements, NnDtype to, void *out)
{
    if (from == to) {
        if (n > 0)
            memcpy(out, elements, (size_t)n * sizes[from]);
        return;
    }
    const char *element = elements;
    char *place = out;
    for (int64_t i = 0; i < n; i++, element += sizes[from], place += sizes[to])
        put_element(to, element_at(from, element), place);
}

/* ---- byte order ---------------------------------------------------------------------------------- */

static void swap(void *elements, int64_t n, size_t bytes)
{
    uint8_t *element = elements;
    for (int64_t i = 0; i < n; i++, element += bytes)
        for (size_t low = 0, high = bytes - 1; low < high; low++, high--) {
            uint8_t byte = element[low];
            element[low] = element[high];
            element[high] = byte;
        }
}

static bool machine_is_little(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

void dtype__swap_unless_little(void *elements, int64_t n, size_t bytes)
{
    if (!machine_is_little())
        swap(elements, n, bytes);
}

void dtype__swap_unless_big(void *elements, int64_t n, size_t bytes)
{
    if (machine_is_little())
        swap(elements, n, bytes);
}
