/* value.c - leaves: making, reading, writing. */
#include <math.h>

#include "autograd/anomaly.h"
#include "autograd/graph.h"

static Value *make_leaf(OpCode op, real data, bool free_standing, const char *function)
{
    Value *v = graph__leaf(op, free_standing, function);
    if (v)
        v->data = data;
    return v;
}

Value *value_leaf(real data)
{
    Value *v = value_next_leaf(OP_LEAF, LEAF | WANTS_GRAD, data);
    return v ? v : make_leaf(OP_LEAF, data, false, "value_leaf");
}

Value *value_const(real data)
{
    Value *v = value_next_leaf(OP_CONST, LEAF, data);
    return v ? v : make_leaf(OP_CONST, data, false, "value_const");
}

Value *value_made_at(Value *v, const char *file, int line)
{
    if (!v)
        error__add_site(file, line);
    else if (anomaly__on)
        label__set_site(node_of(v), file, line);
    return v;
}

Value *value_param(real data)
{
    return make_leaf(OP_LEAF, data, true, "value_param");
}

Value *value_detach(const Value *v)
{
    if (!v)
        return error__null("value_detach", "v"), NULL;
    return make_leaf(OP_CONST, number_of(v), false, "value_detach");
}

real value_data(const Value *v)
{
    return v ? number_of(v) : (real)NAN;
}

real value_grad(const Value *v)
{
    if (!v)
        return (real)NAN;
    return is_element(v) ? dense__grad(v->owner, v->index) : v->grad;
}

real value_read(const Value *v, bool gradient)
{
    return gradient ? value_grad(v) : value_data(v);
}

/* A tensor's own node may reach the user as an operand; its numbers are its elements'. */
static ValgradStatus check_settable(const Value *v, const char *function)
{
    if (!v)
        return error__null(function, "v");
    const Value *node = node_of(v);
    if (!(node->flags & LEAF))
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: v is the result of %s; only a leaf or constant %s", function,
                          value_op_name(node), "can be changed");
    if (v->flags & DENSE)
        return error__set(VALGRAD_ERROR_STATE, "%s: v is a whole tensor; use tensor functions",
                          function);
    return VALGRAD_OK;
}

ValgradStatus value_set_data(Value *v, real data)
{
    const ValgradStatus status = check_settable(v, "value_set_data");
    if (status != VALGRAD_OK)
        return status;
    if (is_element(v))
        dense_of(v->owner)->data[v->index] = data;
    else
        v->data = data;
    graph__changed(node_of(v));
    return VALGRAD_OK;
}

void value_zero_grad(Value *v)
{
    if (!v)
        return;
    if (v->flags & DENSE)
        dense_of(v)->filled = false;
    else if (!is_element(v))
        v->grad = 0;
    else if (dense_of(v->owner)->grad)
        dense_of(v->owner)->grad[v->index] = 0;
}

void values_zero_grad(size_t n, Value *const *values)
{
    for (size_t i = 0; values && i < n; i++)
        value_zero_grad(values[i]);
}

bool value_wants_grad(const Value *v)
{
    return v && (v->flags & WANTS_GRAD);
}

ValgradStatus value_set_wants_grad(Value *v, bool wants)
{
    const ValgradStatus status = check_settable(v, "value_set_wants_grad");
    if (status != VALGRAD_OK)
        return status;
    if (is_element(v))
        return error__set(VALGRAD_ERROR_STATE, "value_set_wants_grad: v is an element of a tensor; "
                                               "use tensor_set_wants_grad");
    v->flags = (uint8_t)(wants ? v->flags | WANTS_GRAD : v->flags & ~WANTS_GRAD);
    v->op = wants ? OP_LEAF : OP_CONST;
    return VALGRAD_OK;
}
