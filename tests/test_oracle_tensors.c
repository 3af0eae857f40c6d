/* test_oracle_tensors.c - tensor operations against PyTorch's: results and gradients, at ties, zeros, large
 * numbers and infinities too. What PyTorch says stands in oracle/pytorch_tensors.inc. */
#include "tensor_operations.h"
#include "witness.h"

enum { MOST_NUMBERS = 24 };

typedef struct Case {
    const char *name;
    Build *build;
    int count;
    Sides shapes[MOST_OPERANDS];
    double numbers[MOST_OPERANDS][MOST_NUMBERS];
    double seed[MOST_NUMBERS], result[MOST_NUMBERS];
    double gradients[MOST_OPERANDS][MOST_NUMBERS];
    const char *reason; /* why ours differs, or NULL */
} Case;

#define ARRAY(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define CASE(entry, count, shapes, numbers, seed, result, gradients, reason)                       \
    {#entry, build_##entry, count, shapes, numbers, seed, result, gradients, reason},
#define ABSENT(...)
static const Case cases[] = {
#include "oracle/pytorch_tensors.inc"
};
#undef CASE
#undef ABSENT

#define CASE(...)
#define ABSENT(function, reason) #function,
static const char *const absent[] = {
#include "oracle/pytorch_tensors.inc"
};
#undef CASE
#undef ABSENT
#undef ARRAY

#ifdef VALGRAD_FLOAT
static const double tolerance = 1e-4;
#else
static const double tolerance = 1e-12;
#endif

static bool agrees(double ours, double theirs)
{
    if (!isfinite(ours) || !isfinite(theirs))
        return same(ours, theirs);
    return fabs(ours - theirs) <= tolerance * fmax(1, fabs(theirs));
}

/* Whether all numbers of a list agree; if not, the first that does not is told in `what`. */
static bool all_agree(int64_t n, const real *ours, const double *theirs, const char *name,
                      char what[128])
{
    for (int64_t i = 0; i < n; i++) {
        if (agrees((double)ours[i], theirs[i]))
            continue;
        (void)snprintf(what, 128, "%s %d is %.17g, PyTorch's %.17g", name, (int)i, (double)ours[i],
                       theirs[i]);
        return false;
    }
    return true;
}

static Tensor *tensor_of(const double *numbers, Sides sides, bool leaf)
{
    real copy[MOST_NUMBERS];
    for (int i = 0; i < size_of(sides); i++)
        copy[i] = (real)numbers[i];
    return leaf ? tensor_leaf(copy, AS_SHAPE(sides)) : tensor_const(copy, AS_SHAPE(sides));
}

START_TEST(as_pytorch_has_it)
{
    const Case *c = &cases[_i];
    char what[128] = "";
    VALGRAD_SCOPE {
        Tensor *x[MOST_OPERANDS];
        real ours[MOST_NUMBERS];
        for (int i = 0; i < c->count; i++)
            x[i] = tensor_of(c->numbers[i], c->shapes[i], true);
        Tensor *y = c->build(x);
        ck_assert_msg(y != NULL, "%s: %s", c->name, valgrad_last_error());
        const Sides sides = sides_of(tensor_rank(y), tensor_shape(y));
        ck_assert_int_le(size_of(sides), MOST_NUMBERS);
        assert_status(tensor_backward(y, tensor_of(c->seed, sides, false)), VALGRAD_OK);
        assert_status(tensor_get(y, tensor_size(y), ours), VALGRAD_OK);
        bool all = all_agree(tensor_size(y), ours, c->result, "result", what);
        for (int i = 0; i < c->count && all; i++) {
            assert_status(tensor_get_grad(x[i], tensor_size(x[i]), ours), VALGRAD_OK);
            all = all_agree(tensor_size(x[i]), ours, c->gradients[i], "gradient", what);
        }
        ck_assert_msg(all || c->reason, "case %d, %s: %s", _i, c->name, what);
        ck_assert_msg(!all || !c->reason, "case %d, %s does not differ: \"%s\"", _i, c->name,
                      c->reason);
    }
}
END_TEST

/* ---- scalar operations of many operands ----------------------------------------------------------- */

/* Each is one of these on the numbers of a row. */
static const struct {
    const char *name;
    Build *build;
} of_rows[] = {
    {"value_sum", build_sum_all},           {"value_mean", build_mean_all},
    {"value_prod", build_prod_last},        {"value_reduce_max", build_reduce_max_last},
    {"value_reduce_min", build_reduce_min}, {"value_logsumexp", build_logsumexp_last},
    {"value_norm2", build_norm_2},          {"value_dot", build_dot},
    {"value_affine", build_affine},
};

static Build *build_of_rows(const char *name)
{
    for (size_t i = 0; i < COUNT(of_rows); i++) {
        if (strcmp(of_rows[i].name, name) == 0)
            return of_rows[i].build;
    }
    return NULL;
}

/* The case's numbers as leaves, of one operand after the other. Returns how many. */
static size_t leaves_of(const Case *c, Value **x)
{
    size_t n = 0;
    for (int k = 0; k < c->count; k++) {
        for (int64_t i = 0; i < size_of(c->shapes[k]); i++)
            x[n++] = value_leaf((real)c->numbers[k][i]);
    }
    return n;
}

/* The case by rows of its numbers, as many as there are results; several operands make one row. */
static void compare_by_rows(const OfMany *operation, const Case *c, size_t rows)
{
    Value *x[MOST_OPERANDS * MOST_NUMBERS];
    const size_t n = leaves_of(c, x) / rows;
    for (size_t r = 0; r < rows; r++) {
        Value *v = operation->make(n, x + r * n);
        ck_assert_msg(agrees((double)value_data(v), c->result[r]), "%s: %.17g, PyTorch's %.17g",
                      operation->name, (double)value_data(v), c->result[r]);
        assert_status(value_backward_from(v, (real)c->seed[r]), VALGRAD_OK);
    }
    for (int64_t k = 0, at = 0; k < c->count; k++) {
        for (int64_t i = 0; i < size_of(c->shapes[k]); i++, at++)
            ck_assert_msg(agrees((double)value_grad(x[at]), c->gradients[k][i]),
                          "%s: gradient %d is %.17g, PyTorch's %.17g", operation->name, (int)at,
                          (double)value_grad(x[at]), c->gradients[k][i]);
    }
}

static size_t result_count(const Case *c)
{
    Tensor *x[MOST_OPERANDS];
    for (int i = 0; i < c->count; i++)
        x[i] = tensor_of(c->numbers[i], c->shapes[i], false);
    return (size_t)tensor_size(c->build(x));
}

START_TEST(many_operands_as_pytorch_has_them)
{
    for (size_t i = 0; of_many(i); i++) {
        int compared = 0;
        for (size_t k = 0; k < COUNT(cases); k++) {
            if (cases[k].build != build_of_rows(of_many(i)->name) || cases[k].reason)
                continue;
            VALGRAD_SCOPE {
                const size_t rows = result_count(&cases[k]);
                if (cases[k].count == 1 || rows == 1) {
                    compare_by_rows(of_many(i), &cases[k], rows);
                    compared++;
                }
            }
        }
        ck_assert_msg(compared > 0, "nothing is known of %s: add it to of_rows[]",
                      of_many(i)->name);
    }
}
END_TEST

/* ---- nothing is left out -------------------------------------------------------------------------- */

/* Whether PyTorch was asked about a function, through any of its entries. */
static bool was_asked(const char *function)
{
    for (size_t i = 0; i < COUNT(absent); i++) {
        if (strcmp(absent[i], function) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(tensor_operations); i++) {
        for (size_t k = 0; k < COUNT(cases); k++) {
            if (strcmp(tensor_operations[i].function, function) == 0 &&
                tensor_operations[i].build == cases[k].build)
                return true;
        }
    }
    return false;
}

/* Element-wise ones are asked about as rows (test_oracle.c). */
START_TEST(every_operation_was_asked_about)
{
    for (size_t i = 0; i < COUNT(tensor_operations); i++) {
        const char *function = tensor_operations[i].function;
        ck_assert_msg(value_op_find(function + strlen("tensor_")) || was_asked(function),
                      "nothing is known of %s: add it to tests/oracle/pytorch_tensors.py",
                      function);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("oracle_tensors");
    TCase *tests = new_case(suite, "pytorch", 10);
    tcase_add_loop_test(tests, as_pytorch_has_it, 0, (int)COUNT(cases));
    tcase_add_test(tests, many_operands_as_pytorch_has_them);
    tcase_add_test(tests, every_operation_was_asked_about);
    return run_suite(suite);
}
