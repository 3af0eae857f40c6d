/* test_kernels.c - every kernel of every instruction set that this processor has, against plain loops. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/isa.h"
#include "kernels.h"
#include "testing.h"

/* The address sanitizer has its own guards, which see reads as well; ours would push them away. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WITH_SANITIZER)
enum { GUARD = 0 };
#else
enum { GUARD = 24 };
#endif
static const real guard_number = (real)-12345.0;

static const Kernels *variant(int i)
{
    int count;
    const Kernels *const *all = kernels__all(&count);
    ck_assert_int_lt(i, count);
    return all[i];
}

static real next_number(void)
{
    static uint64_t state = 42;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (real)((double)(state >> 40) / (double)(1 << 23) - 1);
}

/* n numbers between two guard zones, moved off any alignment by `shift` numbers. */
typedef struct Array {
    real *all, *x;
    int64_t n;
} Array;

static Array array_new(int64_t n, int shift)
{
    Array a = {.n = n};
    a.all = malloc((size_t)(n + 2 * GUARD + shift) * sizeof(real));
    ck_assert_msg(a.all, "out of memory");
    a.x = a.all + GUARD + shift;
    for (int64_t i = -GUARD; i < n + GUARD; i++)
        a.x[i] = guard_number;
    for (int64_t i = 0; i < n; i++)
        a.x[i] = next_number();
    return a;
}

static Array array_copy(const Array *from)
{
    Array a = array_new(from->n, 0);
    memcpy(a.x, from->x, (size_t)a.n * sizeof(real));
    return a;
}

static void array_check_guards(const Array *a)
{
    for (int64_t i = 0; i < GUARD; i++) {
        ck_assert_msg(a->x[-1 - i] == guard_number, "wrote %lld before the array",
                      (long long)(i + 1));
        ck_assert_msg(a->x[a->n + i] == guard_number, "wrote %lld behind the array", (long long)i);
    }
}

static void array_drop(Array *a)
{
    array_check_guards(a);
    free(a->all);
}

static void check_near(double got, double want, double tolerance, const char *what, int64_t i)
{
    const int same = (isnan(got) && isnan(want)) || fabs(got - want) <= tolerance || got == want;
    ck_assert_msg(same, "%s[%lld]: got %.17g, expected %.17g", what, (long long)i, got, want);
}

/* ---- gemm -------------------------------------------------------------------------------------- */

typedef struct Case {
    int64_t m, n, k, gap; /* gap: how much longer rows are in memory than they must be */
    int a_transposed, b_transposed, bias, accumulate;
} Case;

typedef struct Product {
    Gemm gemm;
    Array a, b, c, bias, scratch, before;
} Product;

static Product product_new(const Kernels *kernels, const Case *s)
{
    const int64_t lda = (s->a_transposed ? s->m : s->k) + s->gap;
    const int64_t ldb = (s->b_transposed ? s->k : s->n) + s->gap, ldc = s->n + s->gap;
    Product p = {.a = array_new(lda * (s->a_transposed ? s->k : s->m), 1),
                 .b = array_new(ldb * (s->b_transposed ? s->n : s->k), 3),
                 .c = array_new(ldc * s->m, 5),
                 .bias = array_new(s->n, 1),
                 .scratch = array_new(kernels->gemm_scratch(s->m, s->n, s->k, s->b_transposed), 1)};
    p.before = array_copy(&p.c);
    p.gemm = (Gemm){.m = s->m,
                    .n = s->n,
                    .k = s->k,
                    .a = p.a.x,
                    .a_row = s->a_transposed ? 1 : lda,
                    .a_col = s->a_transposed ? lda : 1,
                    .b = p.b.x,
                    .b_row = s->b_transposed ? 1 : ldb,
                    .b_col = s->b_transposed ? ldb : 1,
                    .bias = s->bias ? p.bias.x : NULL,
                    .c = p.c.x,
                    .ldc = ldc,
                    .accumulate = s->accumulate,
                    .scratch = p.scratch.x};
    return p;
}

static void product_drop(Product *p)
{
    array_drop(&p->a);
    array_drop(&p->b);
    array_drop(&p->c);
    array_drop(&p->bias);
    array_drop(&p->scratch);
    array_drop(&p->before);
}

static void check_element(const Product *p, const Case *s, int64_t i, int64_t j)
{
    const Gemm *g = &p->gemm;
    double want = s->accumulate ? (double)p->before.x[i * g->ldc + j] : 0, size = fabs(want);
    if (g->bias) {
        want += (double)g->bias[j];
        size += fabs((double)g->bias[j]);
    }
    for (int64_t q = 0; q < g->k; q++) {
        const double term =
            (double)g->a[i * g->a_row + q * g->a_col] * (double)g->b[q * g->b_row + j * g->b_col];
        want += term;
        size += fabs(term);
    }
    const double tolerance = (double)(g->k + 4) * (double)REAL_EPSILON * size;
    const double got = (double)g->c[i * g->ldc + j];
    ck_assert_msg(fabs(got - want) <= tolerance,
                  "%lld x %lld x %lld (m, n, k), A%s B%s bias %d accumulate %d gap %lld: "
                  "C(%lld, %lld) is %.17g, expected %.17g",
                  (long long)s->m, (long long)s->n, (long long)s->k, s->a_transposed ? "'" : "",
                  s->b_transposed ? "'" : "", s->bias, s->accumulate, (long long)s->gap,
                  (long long)i, (long long)j, got, want);
}

static void check_product(const Kernels *kernels, const Case *s)
{
    Product p = product_new(kernels, s);
    kernels->gemm(&p.gemm);
    for (int64_t i = 0; i < s->m; i++) {
        for (int64_t j = 0; j < s->n; j++)
            check_element(&p, s, i, j);
        for (int64_t j = s->n; j < p.gemm.ldc; j++)
            ck_assert_msg(p.c.x[i * p.gemm.ldc + j] == p.before.x[i * p.gemm.ldc + j],
                          "wrote in a gap");
    }
    product_drop(&p);
}

/* Which of the 16 forms a shape is tried in: all if it is small, else a few that go round. */
static void check_shape(const Kernels *kernels, int64_t m, int64_t n, int64_t k)
{
    static unsigned turn;
    const int forms = m * n * k <= 2000 ? 16 : m * n * k <= 50000 ? 5 : 2;
    for (int f = 0; f < forms; f++) {
        const unsigned form = forms == 16 ? (unsigned)f : (turn += 7) % 16;
        const Case s = {.m = m,
                        .n = n,
                        .k = k,
                        .gap = (int64_t)(turn++ % 3 == 0 ? 5 : 0),
                        .a_transposed = form & 1,
                        .b_transposed = form >> 1 & 1,
                        .bias = form >> 2 & 1,
                        .accumulate = form >> 3 & 1};
        check_product(kernels, &s);
    }
}

START_TEST(gemm_matches_triple_loop)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 65, 128, 784};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    const Kernels *kernels = variant(_i);
    for (int m = 0; m < SIZES; m++)
        for (int n = 0; n < SIZES; n++)
            for (int k = 0; k < SIZES; k++)
                if (sizes[m] * sizes[n] * sizes[k] <= 150000)
                    check_shape(kernels, sizes[m], sizes[n], sizes[k]);
}
END_TEST

START_TEST(gemm_matches_in_every_form)
{
    static const int64_t shapes[][3] = {
        {64, 128, 784}, {784, 128, 64}, {64, 10, 128},    {128, 10, 64}, {1, 128, 784},
        {784, 128, 1},  {64, 128, 10},  {1, 784, 128},    {784, 1, 128}, {3, 100, 300},
        {4, 77, 300},   {130, 77, 30},  {1, 200, 2500},   {5, 7, 2500},  {200, 1, 2500},
        {2, 9, 2500},   {150, 3, 5},    {129, 128, 1100}, {1, 1, 2500},  {1, 7, 300},
        {40, 1, 1},     {1, 333, 1},    {127, 50, 40},    {128, 50, 40},
    };
    const Kernels *kernels = variant(_i);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int form = 0; form < 32; form++) {
            const bool is_large = shapes[i][0] * shapes[i][1] * shapes[i][2] > 1000000;
            if (is_large && !is_tried((int)i * 32 + form, 4))
                continue;
            const Case s = {.m = shapes[i][0],
                            .n = shapes[i][1],
                            .k = shapes[i][2],
                            .gap = form >> 4 ? 3 : 0,
                            .a_transposed = form & 1,
                            .b_transposed = form >> 1 & 1,
                            .bias = form >> 2 & 1,
                            .accumulate = form >> 3 & 1};
            check_product(kernels, &s);
        }
}
END_TEST

/* Rows of C do not depend on which others are computed with them, nor anything on alignment. */
START_TEST(gemm_gives_the_same_bits_for_any_split_of_rows)
{
    const Kernels *kernels = variant(_i);
    for (int form = 0; form < 16; form++) {
        const Case s = {.m = 203,
                        .n = form >> 2 & 1 ? 10 : 45,
                        .k = form >> 3 ? 1500 : 200,
                        .a_transposed = form & 1,
                        .b_transposed = form >> 1 & 1,
                        .bias = 1,
                        .accumulate = !(form >> 3)};
        Product p = product_new(kernels, &s);
        Array b = array_copy(&p.b), split = array_copy(&p.c);
        kernels->gemm(&p.gemm);
        for (int64_t first = 0, rows = 4; first < s.m; first += rows, rows += 9) {
            Gemm part = p.gemm;
            part.m = s.m - first - rows < 9 ? s.m - first : rows;
            part.a += first * part.a_row;
            part.b = b.x;
            part.c = split.x + first * part.ldc;
            kernels->gemm(&part);
            if (part.m != rows)
                break;
        }
        ck_assert_mem_eq(split.x, p.c.x, (size_t)split.n * sizeof(real));
        array_drop(&b);
        array_drop(&split);
        product_drop(&p);
    }
}
END_TEST

/* No shortcut for zeros may lose a NaN or an infinity, and C need not be initialised. */
START_TEST(gemm_keeps_nan)
{
    static const int64_t shapes[][3] = {
        {1, 20, 30}, {20, 1, 30}, {20, 30, 1}, {9, 10, 11}, {3, 9, 200}};
    const Kernels *kernels = variant(_i);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int form = 0; form < 8; form++) {
            const Case s = {.m = shapes[i][0],
                            .n = shapes[i][1],
                            .k = shapes[i][2],
                            .a_transposed = form & 1,
                            .b_transposed = form >> 1 & 1,
                            .accumulate = form >> 2};
            Product p = product_new(kernels, &s);
            for (int64_t e = 0; e < p.a.n; e++)
                p.a.x[e] = 0;
            for (int64_t e = 0; !s.accumulate && e < p.c.n; e++)
                p.c.x[e] = (real)NAN;
            const int64_t j = s.n - 1, q = s.k - 1;
            p.b.x[q * p.gemm.b_row + j * p.gemm.b_col] = form & 1 ? (real)NAN : (real)INFINITY;
            kernels->gemm(&p.gemm);
            for (int64_t r = 0; r < s.m; r++)
                for (int64_t c = 0; c < s.n; c++)
                    ck_assert_msg((isnan(p.c.x[r * s.n + c]) != 0) == (c == j),
                                  "NaN lost or spread");
            product_drop(&p);
        }
}
END_TEST

/* ---- number by number -------------------------------------------------------------------------- */

static const int64_t lengths[] = {0,  1,  2,  3,  4,  5,  7,  8,   9,   10,   15,   16,
                                  17, 31, 32, 33, 63, 64, 65, 100, 127, 1000, 1025, 5003};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

typedef enum Operation {
    ADD_TO,
    SUBTRACT_FROM,
    ADD_SCALED,
    MULTIPLY_ADD_TO,
    MULTIPLY_SUBTRACT_FROM,
    SCALE,
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    FILL,
    RELU,
    RELU_BACKWARD,
    RELU_BACKWARD_ADDED,
    SIGMOID_BACKWARD,
    SIGMOID_BACKWARD_ADDED,
    TANH_BACKWARD,
    TANH_BACKWARD_ADDED,
    OPERATIONS
} Operation;

static const char *const operation_names[] = {
    "add_to",
    "subtract_from",
    "add_scaled",
    "multiply_add_to",
    "multiply_subtract_from",
    "scale",
    "add",
    "subtract",
    "multiply",
    "divide",
    "fill",
    "relu",
    "relu_backward",
    "relu_backward added",
    "sigmoid_backward",
    "sigmoid_backward added",
    "tanh_backward",
    "tanh_backward added",
};

static const real factor = (real)0.75;

static void run(const Kernels *kernels, Operation op, real *y, const real *a, const real *b,
                int64_t n)
{
    switch (op) {
    case ADD_TO:
        kernels->add_to(y, a, n);
        break;
    case SUBTRACT_FROM:
        kernels->subtract_from(y, a, n);
        break;
    case ADD_SCALED:
        kernels->add_scaled(y, factor, a, n);
        break;
    case MULTIPLY_ADD_TO:
        kernels->multiply_add_to(y, a, b, n);
        break;
    case MULTIPLY_SUBTRACT_FROM:
        kernels->multiply_subtract_from(y, a, b, n);
        break;
    case SCALE:
        kernels->scale(y, factor, a, n);
        break;
    case ADD:
        kernels->add(y, a, b, n);
        break;
    case SUBTRACT:
        kernels->subtract(y, a, b, n);
        break;
    case MULTIPLY:
        kernels->multiply(y, a, b, n);
        break;
    case DIVIDE:
        kernels->divide(y, a, b, n);
        break;
    case FILL:
        kernels->fill(y, factor, n);
        break;
    case RELU:
        kernels->relu(y, a, n);
        break;
    case RELU_BACKWARD:
        kernels->relu_backward(y, a, b, n, 0, 0);
        break;
    case RELU_BACKWARD_ADDED:
        kernels->relu_backward(y, a, b, n, 1, 0);
        break;
    case SIGMOID_BACKWARD:
        kernels->sigmoid_backward(y, a, b, n, 0, 0);
        break;
    case SIGMOID_BACKWARD_ADDED:
        kernels->sigmoid_backward(y, a, b, n, 1, 1);
        break;
    case TANH_BACKWARD:
        kernels->tanh_backward(y, a, b, n, 0, 1);
        break;
    case TANH_BACKWARD_ADDED:
        kernels->tanh_backward(y, a, b, n, 1, 0);
        break;
    case OPERATIONS:
        break;
    }
}

static double expected(Operation op, double y, double a, double b)
{
    const double f = (double)factor, passed = isnan(a) ? a : a > 0 ? b : 0;
    switch (op) {
    case ADD_TO:
        return y + a;
    case SUBTRACT_FROM:
        return y - a;
    case ADD_SCALED:
        return y + f * a;
    case MULTIPLY_ADD_TO:
        return y + a * b;
    case MULTIPLY_SUBTRACT_FROM:
        return y - a * b;
    case SCALE:
        return f * a;
    case ADD:
        return a + b;
    case SUBTRACT:
        return a - b;
    case MULTIPLY:
        return a * b;
    case DIVIDE:
        return a / b;
    case FILL:
        return f;
    case RELU:
        return isnan(a) ? a : a > 0 ? a : 0;
    case RELU_BACKWARD:
        return passed;
    case RELU_BACKWARD_ADDED:
        return y + passed;
    case SIGMOID_BACKWARD:
        return b * a * (1 - a);
    case SIGMOID_BACKWARD_ADDED:
        return y + b * a * (1 - a);
    case TANH_BACKWARD:
        return b * (1 - a * a);
    case TANH_BACKWARD_ADDED:
        return y + b * (1 - a * a);
    case OPERATIONS:
        break;
    }
    return 0;
}

static void check_operation(const Kernels *kernels, Operation op, int64_t n, int in_place)
{
    Array y = array_new(n, 1), a = array_new(n, 2), b = array_new(n, 3);
    for (int64_t i = 0; i < n; i += 5)
        a.x[i] = i % 2 ? 0 : (real)NAN;
    if (in_place)
        memcpy(y.x, a.x, (size_t)n * sizeof(real));
    Array before = array_copy(&y);
    run(kernels, op, y.x, in_place ? y.x : a.x, b.x, n);
    for (int64_t i = 0; i < n; i++) {
        const double want = expected(op, (double)before.x[i], (double)a.x[i], (double)b.x[i]);
        check_near((double)y.x[i], want, 2 * (double)REAL_EPSILON * (2 + fabs(want)),
                   operation_names[op], i);
    }
    array_drop(&y);
    array_drop(&a);
    array_drop(&b);
    array_drop(&before);
}

START_TEST(operations_match_formulas)
{
    const Kernels *kernels = variant(_i);
    for (int op = 0; op < OPERATIONS; op++)
        for (int l = 0; l < LENGTHS; l++)
            for (int in_place = 0; in_place < 2; in_place++)
                check_operation(kernels, (Operation)op, lengths[l], in_place);
}
END_TEST

/* Wherever in an array an infinity or a NaN stands. */
START_TEST(activations_tell_whether_all_is_finite)
{
    enum { N = 150 };
    const Kernels *kernels = variant(_i);
    KernelMap *const maps[] = {kernels->relu, kernels->sigmoid, kernels->tanh};
    KernelSlope *const slopes[] = {kernels->relu_backward, kernels->sigmoid_backward, kernels->tanh_backward};
    const real specials[] = {(real)INFINITY, -(real)INFINITY, (real)NAN};
    real x[N], f[N], y[N];
    for (int i = 0; i < N; i++)
        x[i] = f[i] = (real)0.5;
    for (int k = 0; k < 3; k++)
        for (int at = 0; at < N; at++)
            for (int s = 0; s < 3; s++) {
                ck_assert(maps[k](y, x, N) && slopes[k](y, f, x, N, at % 2, s % 2));
                x[at] = specials[s];
                ck_assert(!maps[k](y, x, N));
                ck_assert(!slopes[k](y, f, x, N, at % 2, s % 2));
                ck_assert(maps[k](y, x, at));
                x[at] = (real)0.5;
                memset(y, 0, sizeof y);
            }
}
END_TEST

/* A gradient that is NaN reaches what was held back only if IEEE arithmetic is asked for. */
START_TEST(relu_keeps_nan_and_its_gradient)
{
    const Kernels *kernels = variant(_i);
    const real values[] = {(real)NAN, -(real)INFINITY, -1, (real)-0.0, 0, 1, (real)INFINITY};
    const real relu[] = {(real)NAN, 0, 0, 0, 0, 1, (real)INFINITY};
    const real slope[] = {(real)NAN, 0, 0, 0, 0, 3, 3};
    enum { COUNT = sizeof values / sizeof values[0], N = 100 };
    for (int v = 0; v < COUNT; v++) {
        Array x = array_new(N, 1), f = array_new(N, 1), g = array_new(N, 1), d = array_new(N, 1);
        for (int i = 0; i < N; i++)
            x.x[i] = values[v], g.x[i] = 3;
        kernels->relu(f.x, x.x, N);
        kernels->relu_backward(d.x, f.x, g.x, N, 0, 0);
        for (int i = 0; i < N; i++) {
            check_near((double)f.x[i], (double)relu[v], 0, "relu", i);
            check_near((double)d.x[i], (double)slope[v], 0, "relu_backward", i);
        }
        for (int i = 0; i < N; i++)
            g.x[i] = (real)NAN;
        for (int strict = 0; strict < 2; strict++) {
            kernels->relu_backward(d.x, f.x, g.x, N, 0, strict);
            for (int i = 0; i < N; i++)
                ck_assert_msg(isnan(d.x[i]) == (strict || slope[v] != 0), "relu_backward of NaN");
        }
        for (int i = 0; i < N; i++)
            g.x[i] = 0;
        for (int strict = 0; strict < 2; strict++) {
            for (int i = 0; i < N; i++)
                d.x[i] = 5;
            kernels->relu_backward(d.x, f.x, g.x, N, 1, strict);
            for (int i = 0; i < N; i++)
                check_near((double)d.x[i], strict && isnan(relu[v]) ? (double)NAN : 5, 0,
                           "relu_backward of 0", i);
        }
        array_drop(&x);
        array_drop(&f);
        array_drop(&g);
        array_drop(&d);
    }
}
END_TEST

START_TEST(bytes_become_numbers)
{
    const Kernels *kernels = variant(_i);
    uint8_t bytes[5003];
    for (int i = 0; i < 5003; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (int l = 0; l < LENGTHS; l++) {
        Array y = array_new(lengths[l], 1);
        kernels->from_bytes(y.x, (real)(1 / 255.0), bytes, y.n);
        for (int64_t i = 0; i < y.n; i++)
            check_near((double)y.x[i], bytes[i] / 255.0, 2 * (double)REAL_EPSILON, "from_bytes", i);
        array_drop(&y);
    }
}
END_TEST

/* ---- reductions -------------------------------------------------------------------------------- */

START_TEST(reductions_match_loops)
{
    const Kernels *kernels = variant(_i);
    for (int l = 0; l < LENGTHS; l++) {
        Array x = array_new(lengths[l], 1), y = array_new(lengths[l], 2);
        double sum = 0, dot = 0, max = -INFINITY, size = 0;
        for (int64_t i = 0; i < x.n; i++) {
            sum += (double)x.x[i];
            size += fabs((double)x.x[i]);
            dot += (double)x.x[i] * (double)y.x[i];
            max = fmax(max, (double)x.x[i]);
        }
        const double tolerance = 64 * (double)REAL_EPSILON * size;
        check_near((double)kernels->sum(x.x, x.n), sum, tolerance, "sum", x.n);
        check_near((double)kernels->dot(x.x, y.x, x.n), dot, tolerance, "dot", x.n);
        check_near((double)kernels->max(x.x, x.n), max, 0, "max", x.n);
        array_drop(&x);
        array_drop(&y);
    }
}
END_TEST

START_TEST(max_finds_any_place_and_any_nan)
{
    const Kernels *kernels = variant(_i);
    for (int64_t n = 1; n < 80; n++)
        for (int64_t i = 0; i < n; i++) {
            Array x = array_new(n, 1);
            x.x[i] = 2;
            ck_assert(kernels->max(x.x, n) == 2);
            x.x[i] = (real)INFINITY;
            ck_assert(isinf(kernels->max(x.x, n)));
            x.x[i] = (real)NAN;
            ck_assert(isnan(kernels->max(x.x, n)));
            array_drop(&x);
        }
}
END_TEST

/* A running sum of a million tenths is off by about 1e4 (float: 1e-2 of the whole) roundings; blocks
 * keep it to a few. */
START_TEST(sums_are_accurate)
{
    enum { N = 1000000 };
    const Kernels *kernels = variant(_i);
    Array x = array_new(N, 1), ones = array_new(N, 1);
    for (int i = 0; i < N; i++)
        x.x[i] = (real)0.1, ones.x[i] = 1;
    const double want = N * (double)(real)0.1, tolerance = 32 * (double)REAL_EPSILON * want;
    real column;
    kernels->column_sums(&column, x.x, N, 1, 1, 0);
    check_near((double)kernels->sum(x.x, N), want, tolerance, "sum", N);
    check_near((double)kernels->dot(x.x, ones.x, N), want, tolerance, "dot", N);
    check_near((double)column, want, 4096 * (double)REAL_EPSILON * want, "column_sums", N);
    array_drop(&x);
    array_drop(&ones);
}
END_TEST

static void check_columns(const Kernels *kernels, int64_t rows, int64_t columns, int64_t gap,
                          int accumulate)
{
    const int64_t ldx = columns + gap;
    Array x = array_new(rows * ldx, 1), y = array_new(columns, 3), z = array_new(rows * ldx, 1);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = columns; j < ldx; j++)
            x.x[i * ldx + j] = (real)NAN;
    Array sums = array_copy(&y), spread = array_copy(&z);
    kernels->column_sums(sums.x, x.x, rows, columns, ldx, accumulate);
    kernels->spread_row(spread.x, y.x, rows, columns, ldx, accumulate);
    for (int64_t j = 0; j < columns; j++) {
        double want = accumulate ? (double)y.x[j] : 0;
        for (int64_t i = 0; i < rows; i++)
            want += (double)x.x[i * ldx + j];
        check_near((double)sums.x[j], want,
                   (double)(rows + 2) * (double)REAL_EPSILON * (double)(rows + 1), "column_sums",
                   j);
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ldx; j++) {
            real want = z.x[i * ldx + j];
            if (j < columns)
                want = accumulate ? want + y.x[j] : y.x[j];
            check_near((double)spread.x[i * ldx + j], (double)want, 0, "spread_row", i * ldx + j);
        }
    array_drop(&x);
    array_drop(&y);
    array_drop(&z);
    array_drop(&sums);
    array_drop(&spread);
}

START_TEST(columns_match_loops)
{
    static const int64_t rows[] = {0, 1, 2, 3, 10, 63, 64, 65, 200};
    static const int64_t columns[] = {0, 1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 100, 128};
    const Kernels *kernels = variant(_i);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
            for (int form = 0; form < 4; form++)
                check_columns(kernels, rows[r], columns[c], form & 1 ? 3 : 0, form >> 1);
}
END_TEST

/* ---- optimizer steps --------------------------------------------------------------------------- */

static void check_sgd(const Kernels *kernels, int64_t n, const SgdStep *s)
{
    Array w = array_new(n, 1), g = array_new(n, 2), v = array_new(n, 3);
    Array w0 = array_copy(&w), v0 = array_copy(&v);
    const int has_velocity = s->momentum > 0;
    kernels->sgd(w.x, g.x, has_velocity ? v.x : NULL, n, s);
    for (int64_t i = 0; i < n; i++) {
        const double mu = (double)s->momentum;
        const double d = (double)g.x[i] + (double)s->weight_decay * (double)w0.x[i];
        const double velocity = has_velocity ? mu * (double)v0.x[i] + d : (double)v0.x[i];
        const double step = !has_velocity ? d : s->nesterov ? d + mu * velocity : velocity;
        check_near((double)v.x[i], velocity, 8 * (double)REAL_EPSILON, "velocity", i);
        check_near((double)w.x[i], (double)w0.x[i] - (double)s->learning_rate * step,
                   8 * (double)REAL_EPSILON, "weight", i);
    }
    array_drop(&w);
    array_drop(&g);
    array_drop(&v);
    array_drop(&w0);
    array_drop(&v0);
}

START_TEST(sgd_matches_its_definition)
{
    const Kernels *kernels = variant(_i);
    for (int l = 0; l < LENGTHS; l++)
        for (int form = 0; form < 8; form++) {
            const SgdStep s = {.learning_rate = (real)0.1,
                               .momentum = form & 1 ? (real)0.9 : 0,
                               .weight_decay = form & 2 ? (real)0.01 : 0,
                               .nesterov = form >> 2};
            check_sgd(kernels, lengths[l], &s);
        }
}
END_TEST

static void check_rmsprop(const Kernels *kernels, int64_t n, const RmspropStep *s)
{
    Array w = array_new(n, 1), g = array_new(n, 2), v = array_new(n, 3), squares = array_new(n, 4);
    for (int64_t i = 0; i < n; i++)
        squares.x[i] = squares.x[i] < 0 ? -squares.x[i] : squares.x[i];
    Array w0 = array_copy(&w), v0 = array_copy(&v), squares0 = array_copy(&squares);
    ck_assert_msg(kernels->rmsprop(w.x, g.x, v.x, squares.x, n, s), "finite weights");
    for (int64_t i = 0; i < n; i++) {
        const double alpha = (double)s->alpha;
        const double d = (double)g.x[i] + (double)s->weight_decay * (double)w0.x[i];
        const double square = alpha * (double)squares0.x[i] + (1 - alpha) * d * d;
        const double velocity =
            (double)s->momentum * (double)v0.x[i] + d / (sqrt(square) + (double)s->epsilon);
        const double tolerance = 16 * (double)REAL_EPSILON * (1 + fabs(velocity));
        check_near((double)squares.x[i], square, tolerance, "square", i);
        check_near((double)v.x[i], velocity, tolerance, "velocity", i);
        check_near((double)w.x[i], (double)w0.x[i] - (double)s->learning_rate * velocity, tolerance,
                   "weight", i);
    }
    array_drop(&w);
    array_drop(&g);
    array_drop(&v);
    array_drop(&squares);
    array_drop(&w0);
    array_drop(&v0);
    array_drop(&squares0);
}

START_TEST(rmsprop_matches_its_definition)
{
    for (int l = 0; l < LENGTHS; l++)
        for (int form = 0; form < 4; form++) {
            const RmspropStep s = {.learning_rate = (real)0.01,
                                   .alpha = (real)0.99,
                                   .epsilon = (real)1e-8,
                                   .momentum = form & 1 ? (real)0.9 : 0,
                                   .weight_decay = form & 2 ? (real)0.01 : 0};
            check_rmsprop(variant(_i), lengths[l], &s);
        }
}
END_TEST

START_TEST(steps_tell_whether_all_weights_are_finite)
{
    enum { N = STEP_BLOCK + 20 };
    const Kernels *kernels = variant(_i);
    const real unfit[] = {(real)NAN, (real)INFINITY, -(real)INFINITY};
    const SgdStep sgd = {.learning_rate = 1},
                  momentum = {.learning_rate = 1, .momentum = (real)0.5};
    const RmspropStep rmsprop = {.learning_rate = 1, .alpha = (real)0.5, .epsilon = 1};
    const AdamStep adam = {.learning_rate = 1, .epsilon = 1, .correction1 = 1, .correction2 = 1};
    for (int i = -1; i < N; i++) {
        real w[4][N] = {{0}}, g[N] = {0}, v[N] = {0}, squares[N] = {0};
        for (int k = 0; k < 4 && i >= 0; k++)
            w[k][i] = unfit[i % 3];
        ck_assert_msg(kernels->sgd(w[0], g, NULL, N, &sgd) == (i < 0), "sgd at %d", i);
        ck_assert_msg(kernels->sgd(w[1], g, v, N, &momentum) == (i < 0), "momentum at %d", i);
        ck_assert_msg(kernels->rmsprop(w[2], g, v, squares, N, &rmsprop) == (i < 0),
                      "rmsprop at %d", i);
        ck_assert_msg(kernels->adam(w[3], g, v, squares, N, &adam) == (i < 0), "adam at %d", i);
    }
}
END_TEST

static void check_adam(const Kernels *kernels, int64_t n, const AdamStep *s)
{
    Array w = array_new(n, 1), g = array_new(n, 2), m = array_new(n, 3), v = array_new(n, 4);
    for (int64_t i = 0; i < n; i++)
        v.x[i] = v.x[i] < 0 ? -v.x[i] : v.x[i];
    Array w0 = array_copy(&w), m0 = array_copy(&m), v0 = array_copy(&v);
    const double rate = (double)s->learning_rate, decay = (double)s->weight_decay;
    kernels->adam(w.x, g.x, m.x, v.x, n, s);
    for (int64_t i = 0; i < n; i++) {
        const double weight = (double)w0.x[i] * (s->decoupled ? 1 - rate * decay : 1);
        const double d = (double)g.x[i] + (s->decoupled ? 0 : decay * weight);
        const double mean = (double)s->beta1 * (double)m0.x[i] + (1 - (double)s->beta1) * d;
        const double square = (double)s->beta2 * (double)v0.x[i] + (1 - (double)s->beta2) * d * d;
        const double root = sqrt(square / (double)s->correction2) + (double)s->epsilon;
        const double want = weight - rate * mean / (double)s->correction1 / root;
        check_near((double)m.x[i], mean, 8 * (double)REAL_EPSILON, "mean", i);
        check_near((double)v.x[i], square, 8 * (double)REAL_EPSILON, "square", i);
        check_near((double)w.x[i], want, 8 * (double)REAL_EPSILON * (1 + 4 * fabs(want - weight)),
                   "weight", i);
    }
    array_drop(&w);
    array_drop(&g);
    array_drop(&m);
    array_drop(&v);
    array_drop(&w0);
    array_drop(&m0);
    array_drop(&v0);
}

START_TEST(adam_matches_its_definition)
{
    const Kernels *kernels = variant(_i);
    for (int l = 0; l < LENGTHS; l++)
        for (int form = 0; form < 4; form++) {
            const AdamStep s = {.learning_rate = (real)0.001,
                                .beta1 = (real)0.9,
                                .beta2 = (real)0.999,
                                .epsilon = (real)1e-8,
                                .weight_decay = form & 1 ? (real)0.01 : 0,
                                .decoupled = form >> 1,
                                .correction1 = (real)(1 - 0.9 * 0.9),
                                .correction2 = (real)(1 - 0.999 * 0.999)};
            check_adam(kernels, lengths[l], &s);
        }
}
END_TEST

/* ---- dispatch ---------------------------------------------------------------------------------- */

START_TEST(a_variant_is_chosen)
{
    int count, found = 0;
    const Kernels *const *all = kernels__all(&count);
    const Kernels *chosen = kernels__get(), *wanted = NULL;
    const char *name = getenv("VALGRAD_ISA");
    for (int i = 0; i < count; i++) {
        found += all[i] == chosen;
        if (name && strcmp(name, all[i]->name) == 0)
            wanted = all[i];
    }
    ck_assert_int_ge(count, 1);
    ck_assert_int_eq(found, 1);
    ck_assert_ptr_eq(chosen, kernels__get());
    ck_assert_ptr_eq(chosen, !name ? all[count - 1] : wanted ? wanted : all[0]);
}
END_TEST

START_TEST(an_unknown_instruction_set_is_the_portable_one)
{
    ck_assert_int_eq(isa__named("avx1024"), ISA_BASE);
    ck_assert_int_eq(isa__named(""), ISA_BASE);
    ck_assert_int_eq(isa__named("base"), ISA_BASE);
    ck_assert_int_eq(isa__named(NULL), isa__best());
    ck_assert_int_eq(isa__named("avx2"), isa__best() >= ISA_AVX2 ? ISA_AVX2 : ISA_BASE);
    ck_assert_int_eq(isa__named("avx512"), isa__best() == ISA_AVX512 ? ISA_AVX512 : ISA_BASE);
}
END_TEST

int main(void)
{
    int count;
    kernels__all(&count);
    Suite *suite = suite_create("kernels");
    TCase *tests = tcase_create("every variant");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, gemm_matches_triple_loop, 0, count);
    tcase_add_loop_test(tests, gemm_matches_in_every_form, 0, count);
    tcase_add_loop_test(tests, gemm_gives_the_same_bits_for_any_split_of_rows, 0, count);
    tcase_add_loop_test(tests, gemm_keeps_nan, 0, count);
    tcase_add_loop_test(tests, operations_match_formulas, 0, count);
    tcase_add_loop_test(tests, relu_keeps_nan_and_its_gradient, 0, count);
    tcase_add_loop_test(tests, activations_tell_whether_all_is_finite, 0, count);
    tcase_add_loop_test(tests, bytes_become_numbers, 0, count);
    tcase_add_loop_test(tests, reductions_match_loops, 0, count);
    tcase_add_loop_test(tests, max_finds_any_place_and_any_nan, 0, count);
    tcase_add_loop_test(tests, sums_are_accurate, 0, count);
    tcase_add_loop_test(tests, columns_match_loops, 0, count);
    tcase_add_loop_test(tests, sgd_matches_its_definition, 0, count);
    tcase_add_loop_test(tests, rmsprop_matches_its_definition, 0, count);
    tcase_add_loop_test(tests, steps_tell_whether_all_weights_are_finite, 0, count);
    tcase_add_loop_test(tests, adam_matches_its_definition, 0, count);
    tcase_add_test(tests, a_variant_is_chosen);
    tcase_add_test(tests, an_unknown_instruction_set_is_the_portable_one);
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
