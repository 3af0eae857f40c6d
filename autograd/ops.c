/* ops.c - what follows from each row of ops.def: value_<name>, its backward, its entry in the table.
 *
 * For the row OP2(mul, "*", "x * y", x * y, y, x, …) this file makes, in effect,
 *
 *     Value *value_mul(Value *x, Value *y)            { v->data = x * y; }
 *     static void backward_mul(Value *v, real grad)    { give(v->x, grad * y); give(v->y, grad * x); }
 *
 * which is all of reverse-mode differentiation that an operation has to know. */

/* The derivatives as words: before <tgmath.h> makes macros of the functions in them. */
#define PAPER(words, expression) words
#define WORDS_OF(...) #__VA_ARGS__
#define WORDS(name, by, D) static const char name##_d##by[] = WORDS_OF(D);
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks) WORDS(name, x, DX)
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks) WORDS(name, x, DX)
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    WORDS(name, x, DX)                                                                             \
    WORDS(name, y, DY)
#define OP3(name, symbol, formula, F, DX, DY, DZ, DXX, DXY, DYY, DXZ, DYZ, DZZ, xl, xh, yl, yh,    \
            zl, zh, kinks)                                                                         \
    WORDS(name, x, DX)                                                                             \
    WORDS(name, y, DY)                                                                             \
    WORDS(name, z, DZ)
#include "autograd/ops.def"
#undef PAPER

#include <string.h>

#include "autograd/anomaly.h"
#include "autograd/formulas.h"
#include "autograd/graph.h"

#define TABLE_FUNCTIONS(third, name, DXX, DXY, DYY, DXZ, DYZ, DZZ)                                 \
    static void op_##name##_first(real x, real y, real third, real f, real d[3])                   \
    {                                                                                              \
        d[0] = op_##name##_dx(x, y, third, f);                                                     \
        d[1] = op_##name##_dy(x, y, third, f);                                                     \
        d[2] = op_##name##_dz(x, y, third, f);                                                     \
    }                                                                                              \
    static void op_##name##_second(real x, real y, real third, real f, real d[6])                  \
    {                                                                                              \
        LETTERS(third);                                                                            \
        d[0] = (real)(DXX);                                                                        \
        d[1] = (real)(DXY);                                                                        \
        d[2] = (real)(DYY);                                                                        \
        d[3] = (real)(DXZ);                                                                        \
        d[4] = (real)(DYZ);                                                                        \
        d[5] = (real)(DZZ);                                                                        \
    }
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks)                                   \
    TABLE_FUNCTIONS(p, name, DXX, 0, 0, 0, 0, 0)
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks)                                  \
    TABLE_FUNCTIONS(p, name, DXX, 0, 0, 0, 0, 0)
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    TABLE_FUNCTIONS(p, name, DXX, DXY, DYY, 0, 0, 0)
#define OP3(name, symbol, formula, F, DX, DY, DZ, DXX, DXY, DYY, DXZ, DYZ, DZZ, xl, xh, yl, yh,    \
            zl, zh, kinks)                                                                         \
    TABLE_FUNCTIONS(z, name, DXX, DXY, DYY, DXZ, DYZ, DZZ)
#include "autograd/ops.def"

/* The node makers. Where everything is as it mostly is, no function is called. */
static Value *make_node(OpCode op, const char *function, Value *x, Value *y, real p);
static Value *make_three(OpCode op, const char *function, Value *x, Value *y, Value *z);

#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks)                                   \
    Value *value_##name(Value *x)                                                                  \
    {                                                                                              \
        Value *v = x ? value_next_result(OP_##name, x, NULL) : NULL;                               \
        if (!v)                                                                                    \
            return make_node(OP_##name, "value_" #name, x, NULL, 0);                               \
        v->data = op_##name##_f(x->data, 0, 0);                                                    \
        return v;                                                                                  \
    }
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks)                                  \
    Value *value_##name(Value *x, real p)                                                          \
    {                                                                                              \
        Value *v = x ? value_next_result(OP_##name, x, NULL) : NULL;                               \
        if (!v)                                                                                    \
            return make_node(OP_##name, "value_" #name, x, NULL, p);                               \
        v->data = op_##name##_f(x->data, 0, p);                                                    \
        v->parameter = p;                                                                          \
        return v;                                                                                  \
    }
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    Value *value_##name(Value *x, Value *y)                                                        \
    {                                                                                              \
        Value *v = x && y ? value_next_result(OP_##name, x, y) : NULL;                             \
        if (!v)                                                                                    \
            return make_node(OP_##name, "value_" #name, x, y, 0);                                  \
        v->data = op_##name##_f(x->data, y->data, 0);                                              \
        return v;                                                                                  \
    }
#define OP3(name, ...)                                                                             \
    Value *value_##name(Value *x, Value *y, Value *z)                                              \
    {                                                                                              \
        return make_three(OP_##name, "value_" #name, x, y, z);                                     \
    }
#include "autograd/ops.def"

/* The chain rule: for operands of any kind; and for plain ones, of which only x, only y or both want it. */
#define THROUGH(name, by, ...) gradient_through(OP_##name, grad, op_##name##_d##by(__VA_ARGS__))
#define BACKWARD1(name, P)                                                                         \
    static void backward_##name(Value *v, real grad)                                               \
    {                                                                                              \
        give(v->x, THROUGH(name, x, number_of(v->x), 0, P, v->data));                              \
    }                                                                                              \
    static void backward_##name##_x(Value *v, real grad)                                           \
    {                                                                                              \
        v->x->grad += THROUGH(name, x, v->x->data, 0, P, v->data);                                 \
    }
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks) BACKWARD1(name, 0)
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks) BACKWARD1(name, v->parameter)
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    static void backward_##name(Value *v, real grad)                                               \
    {                                                                                              \
        const real x = number_of(v->x), y = number_of(v->y);                                       \
        if (v->x->flags & WANTS_GRAD)                                                              \
            give(v->x, THROUGH(name, x, x, y, 0, v->data));                                        \
        if (v->y->flags & WANTS_GRAD)                                                              \
            give(v->y, THROUGH(name, y, x, y, 0, v->data));                                        \
    }                                                                                              \
    static void backward_##name##_x(Value *v, real grad)                                           \
    {                                                                                              \
        v->x->grad += THROUGH(name, x, v->x->data, v->y->data, 0, v->data);                        \
    }                                                                                              \
    static void backward_##name##_y(Value *v, real grad)                                           \
    {                                                                                              \
        v->y->grad += THROUGH(name, y, v->x->data, v->y->data, 0, v->data);                        \
    }                                                                                              \
    static void backward_##name##_xy(Value *v, real grad)                                          \
    {                                                                                              \
        const real x = v->x->data, y = v->y->data, f = v->data;                                    \
        v->x->grad += THROUGH(name, x, x, y, 0, f);                                                \
        v->y->grad += THROUGH(name, y, x, y, 0, f);                                                \
    }
#define OP3(name, ...) /* by nary.c */
#include "autograd/ops.def"

void (*const value__op_backward[OP_COUNT][4])(Value *v, real grad) = {
#define OP1(name, ...) [OP_##name] = {backward_##name, backward_##name##_x},
#define OP1P(name, ...) [OP_##name] = {backward_##name, backward_##name##_x},
#define OP2(name, ...)                                                                             \
    [OP_##name] = {backward_##name, backward_##name##_x, backward_##name##_y, backward_##name##_xy},
#define OP3(name, ...) /* by nary.c */
#include "autograd/ops.def"
};

/* The table as value_op_row() shows it. */
#define KINK(x, y, dx, dy) {x, y, 0, dx, dy, 0},
#define KINK3(x, y, z, dx, dy, dz) {x, y, z, dx, dy, dz},
#define SMOOTH
#define KINKS(name, ...) static const ValueKink name##_kinks[] = {__VA_ARGS__{0, 0, 0, 0, 0, 0}};
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks) KINKS(name, kinks)
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks) KINKS(name, kinks)
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    KINKS(name, kinks)
#define OP3(name, symbol, formula, F, DX, DY, DZ, DXX, DXY, DYY, DXZ, DYZ, DZZ, xl, xh, yl, yh,    \
            zl, zh, kinks)                                                                         \
    KINKS(name, kinks)
#include "autograd/ops.def"

#define KINK_COUNT(name) (int)(sizeof name##_kinks / sizeof *name##_kinks) - 1
#define FUNCTIONS(name)                                                                            \
    KINK_COUNT(name), name##_kinks, op_##name##_f, op_##name##_first, op_##name##_second
/* clang-format off */
static const ValueOpInfo table[] = {
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks)                                   \
    {#name, symbol, formula, 1, false, {name##_dx}, {{low, high}}, FUNCTIONS(name)},
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks)                                  \
    {#name, symbol, formula, 1, true, {name##_dx}, {{low, high}}, FUNCTIONS(name)},
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    {#name, symbol, formula, 2, false, {name##_dx, name##_dy}, {{xl, xh}, {yl, yh}}, FUNCTIONS(name)},
#define OP3(name, symbol, formula, F, DX, DY, DZ, DXX, DXY, DYY, DXZ, DYZ, DZZ, xl, xh, yl, yh,    \
            zl, zh, kinks)                                                                         \
    {#name, symbol, formula, 3, false, {name##_dx, name##_dy, name##_dz},                          \
     {{xl, xh}, {yl, yh}, {zl, zh}}, FUNCTIONS(name)},
#include "autograd/ops.def"
};
/* clang-format on */

enum { FIRST_ROW = OP_COUNT - (int)(sizeof table / sizeof *table) };

static Value *check_number(Value *v, const char *function, const Value *const operands[3])
{
    static const char *const names[] = {"x", "y", "z"};
    Anomaly anomaly = {.nan = false};
    for (int i = 0; i < 3 && operands[i]; i++)
        anomaly__operand(&anomaly, names[i], operands[i]);
    return anomaly__check(&anomaly, v, function);
}

/* Whatever the short way does not do: no scope, operands from outside, errors. */
__attribute__((noinline)) static Value *make_node(OpCode op, const char *function, Value *x,
                                                  Value *y, real p)
{
    const ValueOpInfo *row = &table[op - FIRST_ROW];
    if (!x || (row->arity == 2 && !y))
        return error__null(function, x ? "y" : "x"), NULL;
    Value *v = graph__node(op, x, y, function);
    if (!v)
        return NULL;
    v->data = row->forward(number_of(x), y ? number_of(y) : 0, p);
    if (row->has_parameter && v->op == op)
        v->parameter = p;
    return anomaly__on ? check_number(v, function, (const Value *[3]){x, y}) : v;
}

/* Three operands do not fit into a scalar node: it has them in an Extension. */
static Value *make_three(OpCode op, const char *function, Value *x, Value *y, Value *z)
{
    const ValueOpInfo *row = &table[op - FIRST_ROW];
    Value *const operands[] = {x, y, z};
    if (!x || !y || !z)
        return error__null(function, !x ? "x" : !y ? "y" : "z"), NULL;
    Value *v = nary__row(op, row->name, operands);
    if (v)
        v->data = row->forward(number_of(x), number_of(y), number_of(z));
    return v && anomaly__on ? check_number(v, function, (const Value *[3]){x, y, z}) : v;
}

Value *value_make(unsigned op, Value *x, Value *y, real number)
{
    switch (op) {
    case VALUE_OP_LEAF: return value_leaf(number);
    case VALUE_OP_CONST: return value_const(number);
    case VALUE_OP_ADD: return value_add(x, y);
    case VALUE_OP_SUB: return value_sub(x, y);
    case VALUE_OP_MUL: return value_mul(x, y);
    case VALUE_OP_DIV: return value_div(x, y);
    case VALUE_OP_NEG: return value_neg(x);
    case VALUE_OP_SQUARE: return value_square(x);
    case VALUE_OP_RELU: return value_relu(x);
    default: return error__set(VALGRAD_ERROR_ARGUMENT, "value_make: no operation %u", op), NULL;
    }
}

const ValueOpInfo *value_op_row(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const ValueOpInfo *value_op_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

const char *value_op_name(const Value *v)
{
    static const char *const others[FIRST_ROW] = {
        [OP_LEAF] = "leaf", [OP_CONST] = "const", [OP_ELEMENT] = "element", [OP_FREED] = "freed"};
    if (!v)
        return "none";
    if (v->op >= FIRST_ROW)
        return table[v->op - FIRST_ROW].name;
    return v->op == OP_EXTENDED ? v->more->name : others[v->op];
}

const ValueOpInfo *value__row(const Value *v)
{
    return v->op >= FIRST_ROW ? &table[v->op - FIRST_ROW] : NULL;
}

size_t value__arity(const Value *v)
{
    return v->op >= FIRST_ROW ? (size_t)table[v->op - FIRST_ROW].arity : 0;
}

real value_op_parameter(const Value *v)
{
    const ValueOpInfo *row = v ? value__row(v) : NULL;
    return row && row->has_parameter ? v->parameter : (real)NAN;
}

size_t value_operand_count(const Value *v)
{
    if (!v)
        return 0;
    return (v->flags & EXTENDED) ? v->more->kind->operand_count(v) : value__arity(v);
}

Value *value_operand(const Value *v, size_t i)
{
    if (i >= value_operand_count(v))
        return NULL;
    if (v->flags & EXTENDED)
        return v->more->kind->operand(v, i);
    return i == 0 ? v->x : v->y;
}
