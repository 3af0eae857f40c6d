/* nary.c - scalar nodes of any number of operands: sum, dot, affine, reductions (the largest, the product, …),
 * those that users bring, and rows of ops.def with three operands. */
#include <stdio.h>
#include <string.h>

#include "autograd/anomaly.h"
#include "autograd/instruction.h"

typedef struct Nary {
    Extension base;
    size_t count;
    bool elements;     /* some operand is one number of a tensor */
    const ValueOp *op; /* of a custom node, with its context */
    void *context;
    real *
        numbers; /* of a custom node or a reduction: room for the operands' numbers and the partials */
    Value *operands[];
} Nary;

static Nary *nary_of(const Value *v)
{
    return (Nary *)v->more;
}

static size_t nary_operand_count(const Value *v)
{
    return nary_of(v)->count;
}

static Value *nary_operand(const Value *v, size_t i)
{
    return nary_of(v)->operands[i];
}

static void nary_destroy(Value *v, bool counted)
{
    Nary *nary = nary_of(v);
    for (size_t i = 0; counted && i < nary->count; i++)
        value_release(nary->operands[i]);
    buffer__give(nary->numbers);
    if (nary->op && nary->op->destroy)
        nary->op->destroy(nary->context);
}

static void give_if_wanted(Value *operand, real gradient)
{
    if (operand->flags & WANTS_GRAD)
        give(operand, gradient);
}

static void backward_sum(Value *v)
{
    const Nary *nary = nary_of(v);
    for (size_t i = 0; i < nary->count; i++)
        give_if_wanted(nary->operands[i], v->grad);
}

/* One product of a dot of operands of any kind. */
static void give_product(Value *x, Value *y, real grad)
{
    const real a = number_of(x), b = number_of(y);
    give_if_wanted(x, grad * b);
    give_if_wanted(y, grad * a);
}

/* Operands x0, y0, x1, y1, … and for an affine node b at the end. */
static void backward_dot(Value *v)
{
    const Nary *nary = nary_of(v);
    const real grad = v->grad;
    size_t i = 0;
    for (; i + 1 < nary->count; i += 2) {
        Value *x = nary->operands[i], *y = nary->operands[i + 1];
        if (nary->elements) {
            give_product(x, y, grad);
            continue;
        }
        const real to_x = grad * y->data, to_y = grad * x->data;
        if (x->flags & WANTS_GRAD)
            x->grad += to_x;
        if (y->flags & WANTS_GRAD)
            y->grad += to_y;
    }
    if (i < nary->count)
        give_if_wanted(nary->operands[i], grad);
}

static const real *read_numbers(const Nary *nary)
{
    for (size_t i = 0; i < nary->count; i++)
        nary->numbers[i] = number_of(nary->operands[i]);
    return nary->numbers;
}

static void partials_of_custom(const Nary *nary, real result, real *partials)
{
    nary->op->backward(nary->count, read_numbers(nary), result, partials, nary->context);
}

static void partials_of_row(const Value *v, real partials[3])
{
    Value *const *operands = nary_of(v)->operands;
    value__row(v)->first(number_of(operands[0]), number_of(operands[1]), number_of(operands[2]),
                         v->data, partials);
}

static void give_all(Value *v, const real *partials)
{
    const Nary *nary = nary_of(v);
    const bool choosing = nary__chooses(v);
    for (size_t i = 0; i < nary->count; i++)
        give_if_wanted(nary->operands[i],
                       choosing ? share_of(v->grad, partials[i]) : v->grad * partials[i]);
}

static void backward_custom(Value *v)
{
    const Nary *nary = nary_of(v);
    real *partials = nary->numbers + nary->count;
    partials_of_custom(nary, v->data, partials);
    give_all(v, partials);
}

static void backward_row(Value *v)
{
    real partials[3];
    partials_of_row(v, partials);
    give_all(v, partials);
}

/* ---- reductions -------------------------------------------------------------------------------- */

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

static void partials_of_reduction(const Value *v, real *partials)
{
    const Nary *nary = nary_of(v);
    rule_of(reduction_of(v)).first(nary->count, read_numbers(nary), v->data, partials);
}

static void backward_reduction(Value *v)
{
    real *partials = nary_of(v)->numbers + nary_of(v)->count;
    partials_of_reduction(v, partials);
    give_all(v, partials);
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

/* ---- what they mean ---------------------------------------------------------------------------- */

/* The operands, in order; NULL when out of memory. */
static ProgramSlot *operand_slots(const Value *v, Expansion *e)
{
    const Nary *nary = nary_of(v);
    ProgramSlot *slots = expansion__room(e, (int64_t)nary->count);
    for (size_t i = 0; slots && i < nary->count; i++)
        slots[i] = expansion__slot(e, place_of(nary->operands[i]));
    return slots;
}

/* The same operands, in the same order, for an instruction of its own. */
static void expand_nary(const Value *v, Expansion *e, int op)
{
    const ProgramSlot *operands = operand_slots(v, e);
    if (operands)
        expansion__result(e, 0, expansion__nary(e, op, (int64_t)nary_of(v)->count, operands));
}

static void expand_sum(const Value *v, Expansion *e)
{
    expand_nary(v, e, PROGRAM_SUM);
}

static void expand_dot(const Value *v, Expansion *e)
{
    expand_nary(v, e, PROGRAM_DOT);
}

static void expand_custom(const Value *v, Expansion *e)
{
    expansion__custom(e, v);
}

static void expand_row(const Value *v, Expansion *e)
{
    const ProgramSlot *x = operand_slots(v, e);
    if (x)
        expansion__result(e, 0, expansion__op3(e, (OpCode)v->op, x[0], x[1], x[2]));
}

static void expand_reduction(const Value *v, Expansion *e)
{
    expand_nary(v, e, reduction_of(v)->instruction);
}

static void expand_prod(const Value *v, Expansion *e)
{
    const ProgramSlot *x = operand_slots(v, e);
    ProgramSlot product = x ? expansion__constant(e, 1) : 0;
    for (size_t i = 0; x && i < nary_of(v)->count; i++)
        product = i == 0 ? x[0] : expansion__op2(e, OP_mul, product, x[i]);
    expansion__result(e, 0, product);
}

static void expand_mean(const Value *v, Expansion *e)
{
    const int64_t n = (int64_t)nary_of(v)->count;
    const ProgramSlot *x = operand_slots(v, e);
    if (x)
        expansion__result(e, 0,
                          expansion__op2(e, OP_div, expansion__nary(e, PROGRAM_SUM, n, x),
                                         expansion__constant(e, (real)n)));
}

/* ---- kinds ------------------------------------------------------------------------------------- */

#define NARY_KIND(operation)                                                                       \
    {                                                                                              \
        backward_##operation, nary_operand_count, nary_operand, nary_destroy, expand_##operation   \
    }
static const NodeKind sum_kind = NARY_KIND(sum);
static const NodeKind dot_kind = NARY_KIND(dot);
static const NodeKind custom_kind = NARY_KIND(custom);
static const NodeKind row_kind = NARY_KIND(row); /* of three operands */

#define REDUCTION_KIND(expand)                                                                     \
    {                                                                                              \
        backward_reduction, nary_operand_count, nary_operand, nary_destroy, expand                 \
    }
static const Reduction reduce_max = {
    REDUCTION_KIND(expand_reduction), "reduce_max", PROGRAM_MAX, NULL, NULL, false};
static const Reduction reduce_min = {
    REDUCTION_KIND(expand_reduction), "reduce_min", PROGRAM_MIN, NULL, NULL, false};
static const Reduction logsumexp = {
    REDUCTION_KIND(expand_reduction), "logsumexp", PROGRAM_LOGSUMEXP, NULL, NULL, false};
static const Reduction norm2 = {
    REDUCTION_KIND(expand_reduction), "norm2", PROGRAM_NORM2, NULL, NULL, true};
static const Reduction prod = {
    REDUCTION_KIND(expand_prod), "prod", 0, prod_value, prod_first, true};
static const Reduction mean = {
    REDUCTION_KIND(expand_mean), "mean", 0, mean_value, mean_first, false};

static const NodeKind *kind_of(const Value *v)
{
    return (v->flags & EXTENDED) ? v->more->kind : NULL;
}

bool nary__is_sum(const Value *v)
{
    return kind_of(v) == &sum_kind;
}

bool nary__has_pairs(const Value *v)
{
    return kind_of(v) == &dot_kind;
}

/* A product and a mean do as the multiplications and additions that they stand for. */
bool nary__chooses(const Value *v)
{
    const NodeKind *kind = kind_of(v);
    if (kind && kind->backward == backward_reduction)
        return reduction_of(v)->instruction != 0;
    return kind == &custom_kind || op_chooses((OpCode)v->op);
}

bool nary__is_custom(const Value *v)
{
    return kind_of(v) == &custom_kind;
}

const ValueOp *nary__custom(const Value *v, void **context)
{
    *context = nary_of(v)->context;
    return nary_of(v)->op;
}

bool nary__partials(const Value *v, real *partials)
{
    const NodeKind *kind = kind_of(v);
    if (!kind || (v->flags & DENSE))
        return false;
    const Nary *nary = nary_of(v);
    if (kind == &row_kind)
        partials_of_row(v, partials);
    else if (kind == &custom_kind)
        partials_of_custom(nary, v->data, partials);
    else if (kind->backward == backward_reduction)
        partials_of_reduction(v, partials);
    for (size_t i = 0; (kind == &sum_kind || kind == &dot_kind) && i < nary->count; i++) {
        const bool alone =
            kind == &sum_kind || (i ^ 1) >= nary->count; /* the others are in pairs */
        partials[i] = alone ? 1 : number_of(nary->operands[i ^ 1]);
    }
    return true;
}

/* n Values that stand `step` apart in the node's operand list, from `first` on. */
typedef struct Operands {
    Value *const *values;
    size_t n, first, step;
    bool held;     /* the innermost scope holds all of them already, so none is an element; */
    uint8_t flags; /* those of all together: both are found by check_operands */
} Operands;

/* (Members one by one: a list of initializers would first fill all of it with zeros, which shows in the time.) */
static inline Operands operands_at(size_t n, Value *const *values, size_t first, size_t step)
{
    Operands list;
    list.values = values;
    list.n = n;
    list.first = first;
    list.step = step;
    list.held = false;
    list.flags = 0;
    return list;
}

/* What operands have in common. */
typedef struct Common {
    unsigned number; /* of the innermost scope's region */
    unsigned others; /* not 0 if something else holds one of them */
    unsigned flags;
} Common;

static inline Common begin_common(void)
{
    const unsigned number = value_room->number;
    return (Common){.number = number, .others = number == 0};
}

static inline void add_common(Common *common, const Value *v)
{
    common->others |= v->holder ^ common->number;
    common->flags |= v->flags;
}

static inline void end_common(const Common *common, Operands *list)
{
    list->held = common->others == 0;
    list->flags = (uint8_t)common->flags;
}

static bool check_operands(const char *function, Operands *list, const char *name)
{
    Value *const *values = list->values;
    Common common = begin_common();
    for (size_t i = 0, n = list->n; i < n; i++) {
        if (!values || !values[i])
            return error__null(function, name), false;
        add_common(&common, values[i]);
    }
    end_common(&common, list);
    return true;
}

/* Sets *elements if one of them is one. False: out of memory, which it can only be in a region. */
static bool hold_operands(Region *region, const Operands *list, bool *elements)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!graph__hold(region, list->values[i]))
            return false;
        *elements |= is_element(list->values[i]);
    }
    return true;
}

static void unhold_operands(Region *region, const Operands *list)
{
    for (size_t i = 0; i < list->n; i++)
        graph__unhold(region, list->values[i]);
}

/* Writes the operands of some lists in the node's order, of which the first two may stand by turns. */
static inline void lay_out(const Operands *lists, int list_count, Value **restrict to)
{
    int l = 0;
    if (lists[0].step == 2) {
        Value *const *x = lists[0].values, *const *y = lists[1].values;
        const size_t n = lists[0].n;
        for (size_t i = 0; i < n; i++) {
            to[2 * i] = x[i];
            to[2 * i + 1] = y[i];
        }
        l = 2;
    }
    for (; l < list_count; l++) {
        for (size_t i = 0; i < lists[l].n; i++)
            to[lists[l].first + i] = lists[l].values[i];
    }
}

/* A node of the operands in some lists. NULL and an error when out of memory. */
static Value *nary_node(OpCode op, const NodeKind *kind, const char *name, const Operands *lists,
                        int list_count)
{
    Region *region = graph__region();
    size_t count = 0;
    unsigned flags = 0;
    bool elements = false;
    for (int l = 0; l < list_count; l++) {
        if (!lists[l].held && !hold_operands(region, &lists[l], &elements))
            return error__memory(name, 0), NULL;
        flags |= lists[l].flags;
        count += lists[l].n;
    }
    const size_t bytes = size_product(sizeof(Nary) / sizeof(Value *) + count, sizeof(Value *));
    Value *v = graph__extended(op, bytes, false, kind, name);
    if (!v) {
        for (int l = 0; l < list_count; l++)
            unhold_operands(region, &lists[l]);
        return NULL;
    }
    Nary *nary = nary_of(v);
    *nary = (Nary){.base = nary->base, .count = count, .elements = elements};
    lay_out(lists, list_count, nary->operands);
    v->flags |= (uint8_t)(flags & WANTS_GRAD);
    return v;
}

static Value *check_number(Value *v, const char *name, const Operands *lists, int list_count)
{
    Anomaly anomaly = {.nan = false};
    for (int l = 0; l < list_count; l++) {
        for (size_t i = 0; i < lists[l].n; i++) {
            char operand[32];
            (void)snprintf(operand, sizeof operand, "operand %zu",
                           lists[l].first + i * lists[l].step);
            anomaly__operand(&anomaly, operand, lists[l].values[i]);
        }
    }
    return anomaly__check(&anomaly, v, name);
}

/* The node, or a constant while recording is off. */
static Value *finish(const NodeKind *kind, const char *name, const Operands *lists, int list_count,
                     real data)
{
    Value *v = graph__recording() ? nary_node(OP_EXTENDED, kind, name, lists, list_count)
                                  : graph__leaf(OP_CONST, false, name);
    if (v)
        v->data = data;
    return v && anomaly__on ? check_number(v, name, lists, list_count) : v;
}

Value *nary__row(OpCode op, const char *name, Value *const operands[3])
{
    Operands list = operands_at(3, operands, 0, 1);
    (void)check_operands(name, &list, NULL); /* that none is NULL is known */
    return graph__recording() ? nary_node(op, &row_kind, name, &list, 1)
                              : graph__leaf(OP_CONST, false, name);
}

Value *value_sum(size_t n, Value *const *x)
{
    Operands list = operands_at(n, x, 0, 1);
    if (!check_operands("value_sum", &list, "x"))
        return NULL;
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += number_of(x[i]);
    return finish(&sum_kind, "sum", &list, 1, sum);
}

/* Room for the operands' numbers, filled, and for as many partials; NULL when out of memory. */
static real *take_numbers(size_t n, Value *const *operands)
{
    real *numbers = buffer__take(size_product(n, 2 * sizeof *numbers));
    for (size_t i = 0; numbers && i < n; i++)
        numbers[i] = number_of(operands[i]);
    return numbers;
}

static Value *reduce(const Reduction *reduction, const char *function, size_t n, Value *const *x)
{
    Operands list = operands_at(n, x, 0, 1);
    if (!check_operands(function, &list, "x"))
        return NULL;
    if (n == 0 && !reduction->of_none)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: of no numbers: expected at least 1",
                          function),
               NULL;
    real *numbers = take_numbers(n, x);
    if (!numbers)
        return error__memory(function, 0), NULL;
    const real number = rule_of(reduction).value(n, numbers);
    Value *v = finish(&reduction->kind, reduction->name, &list, 1, number);
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

/* ---- sums of products -------------------------------------------------------------------------- */

enum { SUMS = 4 }; /* so that one addition need not wait for the last */

static inline real total(const real sums[SUMS])
{
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* False at a NULL. */
static inline bool add_pair(const Value *x, const Value *y, Common *common, real *sum)
{
    if (!x || !y)
        return false;
    add_common(common, x);
    add_common(common, y);
    *sum += x->data * y->data;
    return true;
}

/* The sum of x_i y_i and what the operands have in common, in one pass. False at a NULL. */
static inline bool read_pairs(size_t n, Value *const *x, Value *const *y, Common *common, real *sum)
{
    real sums[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS) {
        for (size_t k = 0; k < SUMS; k++) {
            if (!add_pair(x[i + k], y[i + k], common, &sums[k]))
                return false;
        }
    }
    for (; i < n; i++) {
        if (!add_pair(x[i], y[i], common, &sums[0]))
            return false;
    }
    *sum = total(sums);
    return true;
}

/* The same sum where numbers of tensors are among the operands. */
static real sum_of_any(size_t n, Value *const *x, Value *const *y)
{
    real sums[SUMS] = {0};
    for (size_t i = 0; i < n; i++)
        sums[i < n / SUMS * SUMS ? i % SUMS : 0] += number_of(x[i]) * number_of(y[i]);
    return total(sums);
}

/* Checks the operands of a sum of products, x and y, and computes it. */
static bool check_pairs(const char *function, Operands *x, Operands *y, const char *const names[2], real *sum)
{
    Common common = begin_common();
    const size_t n = x->n;
    if (n == 0 || !x->values || !y->values || !read_pairs(n, x->values, y->values, &common, sum)) {
        *sum = 0;
        return check_operands(function, x, names[0]) && check_operands(function, y, names[1]);
    }
    end_common(&common, x);
    end_common(&common, y);
    if (!x->held)
        *sum = sum_of_any(n, x->values, y->values);
    return true;
}

Value *value_dot(size_t n, Value *const *x, Value *const *y)
{
    static const char *const names[] = {"x", "y"};
    Operands lists[] = {operands_at(n, x, 0, 2), operands_at(n, y, 1, 2)};
    real sum;
    if (!check_pairs("value_dot", &lists[0], &lists[1], names, &sum))
        return NULL;
    return finish(&dot_kind, "dot", lists, 2, sum);
}

Value *value_affine(size_t n, Value *const *w, Value *const *x, Value *b)
{
    static const char *const names[] = {"w", "x"};
    Operands lists[] = {operands_at(n, w, 0, 2), operands_at(n, x, 1, 2), operands_at(1, &b, 2 * n, 1)};
    real sum;
    if (!check_pairs("value_affine", &lists[0], &lists[1], names, &sum) ||
        !check_operands("value_affine", &lists[2], "b"))
        return NULL;
    return finish(&dot_kind, "affine", lists, 3, sum + number_of(b));
}

/* ---- operations of the user's own --------------------------------------------------------------- */

static ValgradStatus check_custom(const ValueOp *op, Operands *list)
{
    if (!op || !op->name || !op->forward || !op->backward)
        return error__null("value_custom", op ? "a member of op" : "op");
    return check_operands("value_custom", list, "operands") ? VALGRAD_OK : VALGRAD_ERROR_NULL;
}

Value *value_custom(const ValueOp *op, size_t n, Value *const *operands, void *context)
{
    Operands list = operands_at(n, operands, 0, 1);
    real *numbers = NULL;
    Value *v = NULL;
    if (check_custom(op, &list) == VALGRAD_OK) {
        numbers = take_numbers(n, operands);
        if (!numbers)
            error__memory(op->name, 0);
        else
            v = finish(&custom_kind, op->name, &list, 1, op->forward(n, numbers, context));
    }
    if (v && (v->flags & EXTENDED)) {
        Nary *nary = nary_of(v);
        nary->op = op;
        nary->context = context;
        nary->numbers = numbers;
        graph__own(v);
        return v;
    }
    buffer__give(numbers);
    if (op && op->destroy)
        op->destroy(context);
    return v;
}
