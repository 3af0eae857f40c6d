/* test_oracle.c - values and derivatives of the op table against PyTorch's, at ordinary points, at kinks, at
 * infinity and NaN. What PyTorch says stands in oracle/pytorch.inc, so that no Python is needed here. */
#include "testing.h"

typedef struct Case {
    const char *op;
    double operands[3], p;
    double value, partials[3];
    const char *reason; /* why ours differs, or NULL */
} Case;

static const Case cases[] = {
#define SAME(op, x, y, z, p, f, dx, dy, dz) {#op, {x, y, z}, p, f, {dx, dy, dz}, NULL},
#define OTHER(op, x, y, z, p, f, dx, dy, dz, reason) {#op, {x, y, z}, p, f, {dx, dy, dz}, reason},
#define ABSENT(op)
#include "oracle/pytorch.inc"
#undef SAME
#undef OTHER
#undef ABSENT
};

static const char *const absent[] = {
    "", /* so that there is one */
#define SAME(...)
#define OTHER(...)
#define ABSENT(op) #op,
#include "oracle/pytorch.inc"
#undef SAME
#undef OTHER
#undef ABSENT
};

#ifdef VALGRAD_FLOAT
static const double tolerance = 2e-4; /* an argument as large as 800 in float */
#else
static const double tolerance = 1e-12;
#endif

/* In a float build, numbers beyond float are infinite and those below are 0. */
static bool agrees(double ours, double theirs)
{
    const double rounded = (double)(real)theirs;
    if (!isfinite(ours) || !isfinite(rounded))
        return same(ours, rounded);
    return fabs(ours - rounded) <= tolerance * fmax(1, fabs(rounded));
}

/* Our value, then our partials. */
static void ask_us(const ValueOpInfo *row, const Case *c, double ours[4])
{
    real d[3] = {0};
    const real third = (real)(row->arity == 3 ? c->operands[2] : c->p);
    const real x = (real)c->operands[0], y = (real)c->operands[1], f = row->forward(x, y, third);
    row->first(x, y, third, f, d);
    ours[0] = (double)f;
    for (int i = 0; i < 3; i++)
        ours[i + 1] = (double)d[i];
}

START_TEST(as_pytorch_has_it)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    int asked = 0, differing = 0, reasons = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        if (strcmp(c->op, row->name) != 0)
            continue;
        double ours[4];
        ask_us(row, c, ours);
        bool all = agrees(ours[0], c->value);
        for (int k = 0; k < row->arity; k++)
            all = all && agrees(ours[k + 1], c->partials[k]);
        ck_assert_msg(all || c->reason,
                      "%s(%g, %g, %g): %.17g, derivatives %.17g, %.17g, %.17g; PyTorch's %.17g, "
                      "%.17g, %.17g, %.17g",
                      c->op, c->operands[0], c->operands[1], c->operands[2], ours[0], ours[1],
                      ours[2], ours[3], c->value, c->partials[0], c->partials[1], c->partials[2]);
        asked++;
        differing += !all;
        reasons += c->reason != NULL;
    }
    for (size_t i = 0; i < COUNT(absent); i++)
        asked += strcmp(absent[i], row->name) == 0;
    ck_assert_msg(asked > 0, "nothing is known of %s: run tests/oracle/pytorch.py", row->name);
    ck_assert_int_le(differing, reasons);
}
END_TEST

/* For each operation: a reason that excuses nothing is out of date. */
START_TEST(each_reason_has_a_difference)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!cases[i].reason)
            continue;
        bool needed = false;
        for (size_t k = 0; k < COUNT(cases) && !needed; k++) {
            const ValueOpInfo *row = value_op_find(cases[k].op);
            if (!row || !cases[k].reason || strcmp(cases[k].reason, cases[i].reason) != 0 ||
                strcmp(cases[k].op, cases[i].op) != 0)
                continue;
            double ours[4];
            ask_us(row, &cases[k], ours);
            needed = !agrees(ours[0], cases[k].value);
            for (int j = 0; j < row->arity; j++)
                needed |= !agrees(ours[j + 1], cases[k].partials[j]);
        }
        ck_assert_msg(needed, "%s does not differ: \"%s\"", cases[i].op, cases[i].reason);
    }
}
END_TEST

START_TEST(every_case_has_its_row)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        ck_assert_msg(value_op_find(cases[i].op) != NULL,
                      "there is no %s any more: run tests/oracle/pytorch.py", cases[i].op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("oracle");
    TCase *tests = new_case(suite, "pytorch", 10);
    int rows = 0;
    while (value_op_row((size_t)rows))
        rows++;
    tcase_add_loop_test(tests, as_pytorch_has_it, 0, rows);
    if (sizeof(real) == sizeof(double)) /* some differences are too small for float */
        tcase_add_test(tests, each_reason_has_a_difference);
    tcase_add_test(tests, every_case_has_its_row);
    return run_suite(suite);
}
