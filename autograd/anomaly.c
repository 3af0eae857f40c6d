/* anomaly.c - the trap: under it, the first operation that makes NaN or infinity out of ordinary numbers is
 * an error that tells where, instead of a number that spreads.
 *
 * It costs nothing while it is off: value_room is kept full while it is on, so that makers take their long
 * way, which asks; and backward goes by its list of nodes, with watch() at each. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "autograd/anomaly.h"
#include "autograd/graph.h"

_Thread_local bool anomaly__on;

/* ---- words ------------------------------------------------------------------------------------- */

void anomaly__add(Anomaly *anomaly, const char *format, ...)
{
    const size_t space = sizeof anomaly->text - anomaly->length;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(anomaly->text + anomaly->length, space, format, arguments);
    va_end(arguments);
    if (length > 0)
        anomaly->length += (size_t)length < space ? (size_t)length : space - 1;
}

/* "leaf 'margin'", "log made at main.c:12" */
static void add_node(Anomaly *anomaly, const Value *v)
{
    const char *label = value_label(v), *file;
    int line;
    anomaly__add(anomaly, "%s", value_op_name(v));
    if (*label)
        anomaly__add(anomaly, " '%s'", label);
    if (label__site(v, &file, &line))
        anomaly__add(anomaly, " made at %s:%d", file, line);
}

void anomaly__add_node(Anomaly *anomaly, const Value *v)
{
    anomaly__add(anomaly, " (");
    add_node(anomaly, v);
    anomaly__add(anomaly, ")");
}

/* ---- forward ----------------------------------------------------------------------------------- */

enum { OPERANDS_TOLD = 4 };

void anomaly__take_in(Anomaly *anomaly, real number)
{
    anomaly->nan |= isnan(number) != 0;
    anomaly->infinite |= isinf(number) != 0;
}

bool anomaly__is_made(const Anomaly *anomaly, real result)
{
    return isnan(result) ? !anomaly->nan : isinf(result) && !anomaly->nan && !anomaly->infinite;
}

void anomaly__operand(Anomaly *anomaly, const char *name, const Value *operand)
{
    anomaly__take_in(anomaly, number_of(operand));
    if (anomaly->operands++ >= OPERANDS_TOLD) {
        if (anomaly->operands == OPERANDS_TOLD + 1)
            anomaly__add(anomaly, ", …");
        return;
    }
    anomaly__add(anomaly, "%s%s = %.9g", anomaly->operands > 1 ? ", " : "", name,
                 anomaly__plain(number_of(operand)));
    anomaly__add_node(anomaly, operand);
}

Value *anomaly__check(const Anomaly *anomaly, Value *v, const char *function)
{
    if (!anomaly__is_made(anomaly, v->data))
        return v;
    error__set(VALGRAD_ERROR_NUMBER, "%s%s: the result is %g, from %s",
               strncmp(function, "value_", 6) == 0 ? "" : "value_", function,
               anomaly__plain(v->data), anomaly->operands ? anomaly->text : "no operands");
    if (!graph__home(v))
        value_release(v);
    return NULL;
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* Which number of v's gradient is the first that is not finite (0 of a scalar); -1 if all are. */
static int64_t bad_gradient(const Value *v)
{
    const Value *node = node_of(v);
    if (!(node->flags & DENSE))
        return isfinite(node->grad) ? -1 : 0;
    const int64_t first = is_element(v) ? v->index : 0;
    const int64_t end = is_element(v) ? v->index + 1 : dense_of(node)->n;
    for (int64_t i = first; i < end; i++) {
        if (!isfinite(dense__grad(node, i)))
            return i;
    }
    return -1;
}

/* The first operand whose gradient is bad, or NULL. */
static Value *bad_operand(const Value *v)
{
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++) {
        Value *operand = value_operand(v, i);
        if ((operand->flags & WANTS_GRAD) && bad_gradient(operand) >= 0)
            return operand;
    }
    return NULL;
}

/* "element [0, 1] of " */
static void add_index(Anomaly *anomaly, const Dense *dense, int64_t flat)
{
    int64_t index[DENSE_MAX_RANK], rest = flat;
    for (int axis = dense->rank - 1; axis >= 0; rest /= dense->sides[axis--])
        index[axis] = rest % dense->sides[axis];
    for (int axis = 0; axis < dense->rank; axis++)
        anomaly__add(anomaly, "%s%lld", axis ? ", " : "element [", (long long)index[axis]);
    anomaly__add(anomaly, dense->rank ? "] of " : "");
}

/* "; beside it: -1 (leaf 'x')": a scalar node's other operands. */
static void add_others(Anomaly *anomaly, const Value *v, const Value *operand)
{
    const char *before = "; beside it: ";
    for (size_t i = 0; i < value_operand_count(v) && i < OPERANDS_TOLD; i++) {
        const Value *other = value_operand(v, i);
        if (other == operand || ((other->flags & DENSE) && !is_element(other)))
            continue;
        anomaly__add(anomaly, "%s%.9g", before, anomaly__plain(number_of(other)));
        anomaly__add_node(anomaly, other);
        before = ", ";
    }
}

static ValgradStatus say_bad(const char *function, const Value *v, const Value *operand)
{
    const Value *node = node_of(operand);
    const int64_t bad = bad_gradient(operand);
    const bool whole = (node->flags & DENSE) && !is_element(operand);
    Anomaly anomaly = {.nan = false};
    anomaly__add(&anomaly, "%s: the derivative of ", function);
    add_node(&anomaly, v);
    if (!(v->flags & DENSE))
        anomaly__add(&anomaly, ", whose own gradient is %.9g,", (double)v->grad);
    anomaly__add(&anomaly, " by ");
    if (whole)
        add_index(&anomaly, dense_of(node), bad);
    anomaly__add(&anomaly, "its operand = %.9g",
                 anomaly__plain(whole ? dense_of(node)->data[bad] : number_of(operand)));
    anomaly__add_node(&anomaly, operand);
    anomaly__add(&anomaly, " makes the operand's gradient %g",
                 anomaly__plain((node->flags & DENSE) ? dense__grad(node, bad) : node->grad));
    if (!(v->flags & DENSE))
        add_others(&anomaly, v, operand);
    return error__set(VALGRAD_ERROR_NUMBER, "%s", anomaly.text);
}

/* Whether v's own gradient is finite. */
static bool is_sound(const Value *v)
{
    for (int64_t i = 0; (v->flags & DENSE) && i < dense_of(v)->n; i++) {
        if (!isfinite(dense__grad(v, i)))
            return false;
    }
    return (v->flags & DENSE) || isfinite(v->grad);
}

/* An operand that was bad before (a leaf from an earlier pass, a seed) is no news. */
static ValgradStatus watch(Value *v, const char *function)
{
    const bool news = is_sound(v) && !bad_operand(v);
    backward__differentiate(v);
    const Value *operand = news ? bad_operand(v) : NULL;
    return operand ? say_bad(function, v, operand) : VALGRAD_OK;
}

bool valgrad_set_anomaly_trap(bool wanted)
{
    const bool former = anomaly__on;
    anomaly__on = wanted;
    backward__watch = wanted ? watch : NULL;
    graph__choose_room();
    return former;
}
