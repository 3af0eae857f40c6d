/* nary.c - how scalar nodes of any number of operands are made; those that users bring, and rows of ops.def with three
 * operands. */
#include "autograd/nary.h"

#include <stdio.h>
#include <string.h>

#include "autograd/anomaly.h"

size_t nary__operand_count(const Value *v)
{
    return nary_of(v)->count;
}

Value *nary__operand(const Value *v, size_t i)
{
    return nary_of(v)->operands[i];
}

void nary__destroy(Value *v, bool counted)
{
    Nary *nary = nary_of(v);
    for (size_t i = 0; counted && i < nary->count; i++)
        value_release(nary->operands[i]);
    buffer__give(nary->numbers);
    if (nary->op && nary->op->destroy)
        nary->op->destroy(nary->context);
}

const real *nary__numbers(const Nary *nary)
{
    for (size_t i = 0; i < nary->count; i++)
        nary->numbers[i] = number_of(nary->operands[i]);
    return nary->numbers;
}

static void partials_of_custom(const Nary *nary, real result, real *partials)
{
    nary->op->backward(nary->count, nary__numbers(nary), result, partials, nary->context);
}

static void partials_of_row(const Value *v, real partials[3])
{
    Value *const *operands = nary_of(v)->operands;
    value__row(v)->first(number_of(operands[0]), number_of(operands[1]), number_of(operands[2]),
                         v->data, partials);
}

void nary__give_all(Value *v, const real *partials)
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
    nary__give_all(v, partials);
}

static void backward_row(Value *v)
{
    real partials[3];
    partials_of_row(v, partials);
    nary__give_all(v, partials);
}

/* ---- what they mean ---------------------------------------------------------------------------- */

ProgramSlot *nary__slots(const Value *v, Expansion *e)
{
    const Nary *nary = nary_of(v);
    ProgramSlot *slots = expansion__room(e, (int64_t)nary->count);
    for (size_t i = 0; slots && i < nary->count; i++)
        slots[i] = expansion__slot(e, place_of(nary->operands[i]));
    return slots;
}

void nary__expand(const Value *v, Expansion *e, int op)
{
    const ProgramSlot *operands = nary__slots(v, e);
    if (operands)
        expansion__result(e, 0, expansion__nary(e, op, (int64_t)nary_of(v)->count, operands));
}

static void expand_custom(const Value *v, Expansion *e)
{
    expansion__custom(e, v);
}

static void expand_row(const Value *v, Expansion *e)
{
    const ProgramSlot *x = nary__slots(v, e);
    if (x)
        expansion__result(e, 0, expansion__op3(e, (OpCode)v->op, x[0], x[1], x[2]));
}

/* ---- kinds ------------------------------------------------------------------------------------- */

static const NodeKind custom_kind = NARY_KIND(backward_custom, expand_custom);
static const NodeKind row_kind = NARY_KIND(backward_row, expand_row); /* of three operands */

static const NodeKind *kind_of(const Value *v)
{
    return (v->flags & EXTENDED) ? v->more->kind : NULL;
}

bool nary__is_sum(const Value *v)
{
    return kind_of(v) == &nary__sum_kind;
}

bool nary__has_pairs(const Value *v)
{
    return kind_of(v) == &nary__dot_kind;
}

bool nary__chooses(const Value *v)
{
    if (nary__is_reduction(v))
        return nary__reduction_chooses(v);
    return nary__is_custom(v) || op_chooses((OpCode)v->op);
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
    else if (nary__is_reduction(v))
        nary__partials_of_reduction(v, partials);
    for (size_t i = 0; (kind == &nary__sum_kind || kind == &nary__dot_kind) && i < nary->count; i++) {
        const bool alone =
            kind == &nary__sum_kind || (i ^ 1) >= nary->count; /* the others are in pairs */
        partials[i] = alone ? 1 : number_of(nary->operands[i ^ 1]);
    }
    return true;
}

/* ---- making one ---------------------------------------------------------------------------------- */

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

Value *nary__finish(const NodeKind *kind, const char *name, const Operands *lists, int list_count,
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

real *nary__take_numbers(size_t n, Value *const *operands)
{
    real *numbers = buffer__take(size_product(n, 2 * sizeof *numbers));
    for (size_t i = 0; numbers && i < n; i++)
        numbers[i] = number_of(operands[i]);
    return numbers;
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
        numbers = nary__take_numbers(n, operands);
        if (!numbers)
            error__memory(op->name, 0);
        else
            v = nary__finish(&custom_kind, op->name, &list, 1, op->forward(n, numbers, context));
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
