/* nary.c - scalar nodes of any number of operands: sum, dot, affine, those that users bring, and rows of
 * ops.def with three operands. */
#include <stdio.h>
#include <string.h>

#include "autograd/anomaly.h"
#include "autograd/program.h"

typedef struct Nary {
    Extension base;
    size_t count;
    const ValueOp *op; /* of a custom node, with its context, */
    void *context;
    real *numbers; /* and room for the operands' numbers and the partials */
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

/* One product of a dot, of which x or y is an element. */
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
        if ((x->flags | y->flags) & ELEMENT) {
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

static void partials_of_custom(const Nary *nary, real result, real *partials)
{
    for (size_t i = 0; i < nary->count; i++)
        nary->numbers[i] = number_of(nary->operands[i]);
    nary->op->backward(nary->count, nary->numbers, result, partials, nary->context);
}

static void partials_of_row(const Value *v, real partials[3])
{
    Value *const *operands = nary_of(v)->operands;
    value__row(v)->first(number_of(operands[0]), number_of(operands[1]), number_of(operands[2]),
                         v->data, partials);
}

static void give_shares(Value *v, const real *partials)
{
    const Nary *nary = nary_of(v);
    for (size_t i = 0; i < nary->count; i++)
        give_if_wanted(nary->operands[i], share_of(v->grad, partials[i]));
}

static void backward_custom(Value *v)
{
    const Nary *nary = nary_of(v);
    real *partials = nary->numbers + nary->count;
    partials_of_custom(nary, v->data, partials);
    give_shares(v, partials);
}

static void backward_row(Value *v)
{
    real partials[3];
    partials_of_row(v, partials);
    give_shares(v, partials);
}

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

#define NARY_KIND(operation)                                                                       \
    {                                                                                              \
        backward_##operation, nary_operand_count, nary_operand, nary_destroy, expand_##operation   \
    }
static const NodeKind sum_kind = NARY_KIND(sum);
static const NodeKind dot_kind = NARY_KIND(dot);
static const NodeKind custom_kind = NARY_KIND(custom);
static const NodeKind row_kind = NARY_KIND(row); /* of three operands */

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
    if (kind != &sum_kind && kind != &dot_kind && kind != &custom_kind && kind != &row_kind)
        return false;
    const Nary *nary = nary_of(v);
    if (kind == &row_kind)
        partials_of_row(v, partials);
    if (kind == &custom_kind)
        partials_of_custom(nary, v->data, partials);
    if (kind == &row_kind || kind == &custom_kind)
        return true;
    for (size_t i = 0; i < nary->count; i++) {
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
} Operands;

static bool check_operands(const char *function, const Operands *list, const char *name)
{
    if (list->n > 0 && !list->values)
        return error__null(function, name), false;
    for (size_t i = 0; i < list->n; i++) {
        if (!list->values[i])
            return error__null(function, name), false;
    }
    return true;
}

static uint16_t hold_operands(Region *region, const Operands *list, size_t *held)
{
    uint16_t flags = 0;
    for (*held = 0; *held < list->n; ++*held) {
        Value *v = list->values[*held];
        if (!(region && v->holder == region) && !graph__hold(region, v))
            break;
        flags |= v->flags;
    }
    return flags;
}

static void unhold_operands(Region *region, const Operands *lists, const size_t *held, int count)
{
    for (int l = 0; l < count; l++) {
        for (size_t i = 0; i < held[l]; i++)
            graph__unhold(region, lists[l].values[i]);
    }
}

/* A node of the operands in up to three lists. NULL and an error when out of memory. */
static Value *nary_node(OpCode op, const NodeKind *kind, const char *name, const Operands *lists,
                        int list_count)
{
    size_t count = 0, held[3] = {0}, bytes;
    uint16_t flags = 0;
    bool all = true;
    Region *region = graph__region();
    for (int l = 0; l < list_count && all; l++) {
        flags |= hold_operands(region, &lists[l], &held[l]);
        all = held[l] == lists[l].n;
        count += lists[l].n;
    }
    Value *v = NULL;
    if (!all || !size_product(count, sizeof(Value *), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(Nary), &bytes))
        error__memory(name, 0);
    else
        v = graph__extended(op, bytes, false, kind, name);
    if (!v) {
        unhold_operands(region, lists, held, list_count);
        return NULL;
    }
    Nary *nary = nary_of(v);
    nary->count = count;
    for (int l = 0; l < list_count; l++) {
        for (size_t i = 0; i < lists[l].n; i++)
            nary->operands[lists[l].first + i * lists[l].step] = lists[l].values[i];
    }
    v->flags |= flags & WANTS_GRAD;
    return v;
}

static Value *check_number(Value *v, const char *name, const Operands *lists, int list_count)
{
    Anomaly anomaly = {.nan = false};
    for (int l = 0; l < list_count; l++) {
        for (size_t i = 0; i < lists[l].n; i++) {
            char operand[32];
            (void)snprintf(operand, sizeof operand, "operand %zu", lists[l].first + i * lists[l].step);
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
    return v && anomaly__on() ? check_number(v, name, lists, list_count) : v;
}

Value *nary__row(OpCode op, const char *name, Value *const operands[3])
{
    const Operands list = {operands, 3, 0, 1};
    return graph__recording() ? nary_node(op, &row_kind, name, &list, 1)
                              : graph__leaf(OP_CONST, false, name);
}

Value *value_sum(size_t n, Value *const *x)
{
    const Operands list = {x, n, 0, 1};
    if (!check_operands("value_sum", &list, "x"))
        return NULL;
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += number_of(x[i]);
    return finish(&sum_kind, "sum", &list, 1, sum);
}

/* In four sums, so that one addition need not wait for the last. */
static real dot_product(size_t n, Value *const *x, Value *const *y)
{
    real sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            sums[k] += number_of(x[i + k]) * number_of(y[i + k]);
    }
    for (; i < n; i++)
        sums[0] += number_of(x[i]) * number_of(y[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

Value *value_dot(size_t n, Value *const *x, Value *const *y)
{
    const Operands lists[] = {{x, n, 0, 2}, {y, n, 1, 2}};
    if (!check_operands("value_dot", &lists[0], "x") ||
        !check_operands("value_dot", &lists[1], "y"))
        return NULL;
    return finish(&dot_kind, "dot", lists, 2, dot_product(n, x, y));
}

Value *value_affine(size_t n, Value *const *w, Value *const *x, Value *b)
{
    const Operands lists[] = {{w, n, 0, 2}, {x, n, 1, 2}, {&b, 1, 2 * n, 1}};
    if (!check_operands("value_affine", &lists[0], "w") ||
        !check_operands("value_affine", &lists[1], "x") ||
        !check_operands("value_affine", &lists[2], "b"))
        return NULL;
    return finish(&dot_kind, "affine", lists, 3, dot_product(n, w, x) + number_of(b));
}

static ValgradStatus check_custom(const ValueOp *op, const Operands *list)
{
    if (!op || !op->name || !op->forward || !op->backward)
        return error__null("value_custom", op ? "a member of op" : "op");
    return check_operands("value_custom", list, "operands") ? VALGRAD_OK : VALGRAD_ERROR_NULL;
}

/* Room for the operands' numbers, filled, and for as many partials; NULL when out of memory. */
static real *take_numbers(size_t n, Value *const *operands)
{
    size_t bytes;
    real *numbers = size_product(n, 2 * sizeof *numbers, &bytes) ? buffer__take(bytes) : NULL;
    for (size_t i = 0; numbers && i < n; i++)
        numbers[i] = number_of(operands[i]);
    return numbers;
}

Value *value_custom(const ValueOp *op, size_t n, Value *const *operands, void *context)
{
    const Operands list = {operands, n, 0, 1};
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
        return v;
    }
    buffer__give(numbers);
    if (op && op->destroy)
        op->destroy(context);
    return v;
}
