/* reductions.c - scalar nodes that make one number of many: the largest, the smallest, log-sum-exp, norm, product,
 * mean. */
#include "autograd/nary.h"

/* The kind of a node whose derivatives follow from a rule. */
typedef struct Reduction {
    NodeKind kind;
    const char *name;
    int instruction; /* whose rule it is, or 0: the next two */
    real (*value)(size_t n, const real *x);
    void (*first)(size_t n, const real *x, real f, real *d);
    bool of_none; /* whether it may have no operands */
} Reduction;

static const Reduction *reduction_of(const Value *v)
{
    return (const Reduction *)(const void *)v->more->kind;
}

static NaryRule rule_of(const Reduction *reduction)
{
    const Instruction instruction = {.op = (uint16_t)reduction->instruction};
    return reduction->instruction ? *instruction__rule(&instruction)
                                  : (NaryRule){reduction->value, reduction->first, NULL};
}

void nary__partials_of_reduction(const Value *v, real *partials)
{
    const Nary *nary = nary_of(v);
    rule_of(reduction_of(v)).first(nary->count, nary__numbers(nary), v->data, partials);
}

static void backward_reduction(Value *v)
{
    real *partials = nary_of(v)->numbers + nary_of(v)->count;
    nary__partials_of_reduction(v, partials);
    nary__give_all(v, partials);
}

static real prod_value(size_t n, const real *x)
{
    real product = 1;
    for (size_t i = 0; i < n; i++)
        product *= x[i];
    return product;
}

/* The product of the others: of those before times of those after, for x may be 0. */
static void prod_first(size_t n, const real *x, real f, real *d)
{
    const bool strict = backward__strict();
    real before = 1, after = 1;
    (void)f;
    for (size_t i = 0; i < n; before *= x[i++])
        d[i] = before;
    for (size_t i = n; i-- > 0; after = passed_on(after, x[i], strict))
        d[i] = passed_on(after, d[i], strict);
}

static real mean_value(size_t n, const real *x)
{
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (real)n;
}

static void mean_first(size_t n, const real *x, real f, real *d)
{
    (void)x, (void)f;
    for (size_t i = 0; i < n; i++)
        d[i] = 1 / (real)n;
}

bool nary__is_reduction(const Value *v)
{
    return (v->flags & EXTENDED) && v->more->kind->backward == backward_reduction;
}

/* A product and a mean do as the multiplications and additions that they stand for. */
bool nary__reduction_chooses(const Value *v)
{
    return reduction_of(v)->instruction != 0;
}

/* ---- meaning ----------------------------------------------------------------------------------- */

static void expand_reduction(const Value *v, Expansion *e)
{
    nary__expand(v, e, reduction_of(v)->instruction);
}

static void expand_prod(const Value *v, Expansion *e)
{
    const ProgramSlot *x = nary__slots(v, e);
    ProgramSlot product = x ? expansion__constant(e, 1) : 0;
    for (size_t i = 0; x && i < nary_of(v)->count; i++)
        product = i == 0 ? x[0] : expansion__op2(e, OP_mul, product, x[i]);
    expansion__result(e, 0, product);
}

static void expand_mean(const Value *v, Expansion *e)
{
    const int64_t n = (int64_t)nary_of(v)->count;
    const ProgramSlot *x = nary__slots(v, e);
    if (x)
        expansion__result(e, 0,
                          expansion__op2(e, OP_div, expansion__nary(e, PROGRAM_SUM, n, x),
                                         expansion__constant(e, (real)n)));
}

static const Reduction reduce_max = {
    NARY_KIND(backward_reduction, expand_reduction), "reduce_max", PROGRAM_MAX, NULL, NULL, false};
static const Reduction reduce_min = {
    NARY_KIND(backward_reduction, expand_reduction), "reduce_min", PROGRAM_MIN, NULL, NULL, false};
static const Reduction logsumexp = {
    NARY_KIND(backward_reduction, expand_reduction), "logsumexp", PROGRAM_LOGSUMEXP, NULL, NULL, false};
static const Reduction norm2 = {
    NARY_KIND(backward_reduction, expand_reduction), "norm2", PROGRAM_NORM2, NULL, NULL, true};
static const Reduction prod = {
    NARY_KIND(backward_reduction, expand_prod), "prod", 0, prod_value, prod_first, true};
static const Reduction mean = {
    NARY_KIND(backward_reduction, expand_mean), "mean", 0, mean_value, mean_first, false};

/* ---- operations -------------------------------------------------------------------------------- */

static Value *reduce(const Reduction *reduction, const char *function, size_t n, Value *const *x)
{
    Operands list = operands_at(n, x, 0, 1);
    if (!check_operands(function, &list, "x"))
        return NULL;
    if (n == 0 && !reduction->of_none)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: of no numbers: expected at least 1",
                          function),
               NULL;
    real *numbers = nary__take_numbers(n, x);
    if (!numbers)
        return error__memory(function, 0), NULL;
    const real number = rule_of(reduction).value(n, numbers);
    Value *v = nary__finish(&reduction->kind, reduction->name, &list, 1, number);
    if (v && (v->flags & EXTENDED)) {
        nary_of(v)->numbers = numbers;
        graph__own(v);
    } else {
        buffer__give(numbers);
    }
    return v;
}

Value *value_reduce_max(size_t n, Value *const *x)
{
    return reduce(&reduce_max, "value_reduce_max", n, x);
}

Value *value_reduce_min(size_t n, Value *const *x)
{
    return reduce(&reduce_min, "value_reduce_min", n, x);
}

Value *value_prod(size_t n, Value *const *x)
{
    return reduce(&prod, "value_prod", n, x);
}

Value *value_mean(size_t n, Value *const *x)
{
    return reduce(&mean, "value_mean", n, x);
}

Value *value_logsumexp(size_t n, Value *const *x)
{
    return reduce(&logsumexp, "value_logsumexp", n, x);
}

Value *value_norm2(size_t n, Value *const *x)
{
    return reduce(&norm2, "value_norm2", n, x);
}
