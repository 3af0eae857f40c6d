/* test_oracle_tensors.c - tensor operations against PyTorch's: results and gradients, at ties, zeros, large
 * numbers and infinities too. What PyTorch says stands in oracle/pytorch_tensors.inc. */
#include "tensor_operations.h"

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
    tcase_add_test(tests, every_operation_was_asked_about);
    return run_suite(suite);
}
