/* inline.h - the hottest functions of value.h once more, to be compiled into the caller: for programs that
 * build many small graphs, where calls are a good part of the time.
 *
 *     #include <valgrad/inline.h> // and all else as before
 *
 * Nothing changes but the speed. What it shows of a Value is not for programs to touch and differs between
 * versions: compile with the header of the version that is linked. Without optimisation the library's own
 * functions are called. */
#ifndef VALGRAD_INLINE_H
#define VALGRAD_INLINE_H

#include <valgrad/value.h>

VALGRAD_BEGIN

/* ---- what a Value is --------------------------------------------------------------------------- */

struct Value {
    real data, grad;
    union {
        Value *x;               /* first operand */
        Value *owner;           /* of an element of a tensor: the node that holds its number */
        struct Extension *more; /* of an extended node */
    };
    union {
        Value *y;            /* second operand */
        real parameter;      /* of an operation with a constant */
        int64_t index;       /* of an element: which of its owner's numbers */
        uint64_t changed_at; /* of a leaf: the clock when its number was last changed */
    };
    uint32_t refs; /* handles, and edges from nodes outside its region */
    union {
        __extension__ struct {
            uint16_t holder; /* the number of the region that last made sure this node outlives it; or 0 */
            uint8_t op;
            uint8_t flags;
        };
        uint32_t tag; /* the three at once: see value_next_result */
    };
};

enum {
    VALUE_LEAF = 1,        /* leaf or constant: has no operands, may be given another number */
    VALUE_WANTS_GRAD = 32, /* leads to a leaf that wants a gradient, or is one */
    VALUE_PASSES_X = 64,   /* of a result in x and y, neither an element: x wants a gradient, */
    VALUE_PASSES_Y = 128   /* y wants one */
};

enum {
    VALUE_OP_LEAF = 0,
    VALUE_OP_CONST = 1,
    VALUE_OP_ELEMENT = 2, /* one number of a dense node */
    VALUE_OP_ADD = 5,
    VALUE_OP_SUB,
    VALUE_OP_MUL,
    VALUE_OP_DIV,
    VALUE_OP_NEG = 10,
    VALUE_OP_SQUARE = 12,
    VALUE_OP_RELU = 63
};

/* Where in `tag` they are. */
enum {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    VALUE_HOLDER_AT = 0,
    VALUE_OP_AT = 16,
    VALUE_FLAGS_AT = 24
#else
    VALUE_HOLDER_AT = 16,
    VALUE_OP_AT = 8,
    VALUE_FLAGS_AT = 0
#endif
};

/* Where the next node of this thread's innermost scope goes; what a region begins with. It is full when more
 * is to be done than usual: without a scope, while recording is off, with the anomaly trap on. */
typedef struct ValueRoom {
    Value *next, *end;
    uint16_t number; /* of the region */
} ValueRoom;

VALGRAD_API extern __thread ValueRoom *value_room __attribute__((tls_model("initial-exec")));

/* What the functions below do in any but the common case: a leaf or constant of `number`, or the result of
 * x and y; and a number or gradient read from any kind of Value. */
VALGRAD_API Value *value_make(unsigned op, Value *x, Value *y, real number);
VALGRAD_API real value_read(const Value *v, bool gradient);

#define VALUE_PART extern inline __attribute__((gnu_inline, always_inline))

/* Whether the holder in a tag is the region of `room`. */
VALUE_PART bool value_is_held(uint32_t tag, const ValueRoom *room)
{
    return (uint16_t)(tag >> VALUE_HOLDER_AT) == room->number;
}

/* The tag of a new node, whose flags stand in their place already. */
VALUE_PART uint32_t value_tag(uint32_t flags, unsigned op, const ValueRoom *room)
{
    return flags + ((uint32_t)op << VALUE_OP_AT) + ((uint32_t)room->number << VALUE_HOLDER_AT);
}

/* A result of x and y if both are held by the innermost scope, and therefore no elements; else NULL. The
 * caller sets data. Of a unary operation, y is NULL.
 *
 * Tags are read and written whole: where another thread shares the core, short graphs wait for their
 * stores, and a processor hands a stored number on to a load soonest if both have the same size. */
VALUE_PART Value *value_next_result(unsigned op, Value *x, Value *y)
{
    ValueRoom *room = value_room;
    Value *v = room->next;
    const uint32_t wants = (uint32_t)VALUE_WANTS_GRAD << VALUE_FLAGS_AT;
    const uint32_t tag_x = x->tag, tag_y = y ? y->tag : 0;
    if (!value_is_held(tag_x, room) || (y && !value_is_held(tag_y, room)) || v == room->end)
        return NULL;
    room->next = v + 1;
    v->grad = 0;
    v->x = x;
    v->y = y;
    v->refs = 0;
    v->tag = value_tag((tag_x & wants) * (1 + VALUE_PASSES_X / VALUE_WANTS_GRAD) |
                           (tag_y & wants) * (1 + VALUE_PASSES_Y / VALUE_WANTS_GRAD),
                       op, room);
    return v;
}

/* A leaf or constant in the innermost scope; NULL if it has no room. */
VALUE_PART Value *value_next_leaf(unsigned op, unsigned flags, real data)
{
    ValueRoom *room = value_room;
    Value *v = room->next;
    if (v == room->end)
        return NULL;
    room->next = v + 1;
    v->data = data;
    v->grad = 0;
    v->x = NULL;
    v->changed_at = 0;
    v->refs = 0;
    v->tag = value_tag((uint32_t)flags << VALUE_FLAGS_AT, op, room);
    return v;
}

#undef VALUE_PART

/* ---- functions of value.h ---------------------------------------------------------------------- */

#ifndef VALGRAD_LAYOUT_ONLY

#define VALUE_INLINE extern inline __attribute__((gnu_inline))

VALUE_INLINE Value *value_leaf(real data)
{
    Value *v = value_next_leaf(VALUE_OP_LEAF, VALUE_LEAF | VALUE_WANTS_GRAD, data);
    return v ? v : value_make(VALUE_OP_LEAF, NULL, NULL, data);
}

VALUE_INLINE Value *value_const(real data)
{
    Value *v = value_next_leaf(VALUE_OP_CONST, VALUE_LEAF, data);
    return v ? v : value_make(VALUE_OP_CONST, NULL, NULL, data);
}

#define VALUE_INLINE_BINARY(name, op, symbol)                                                      \
    VALUE_INLINE Value *value_##name(Value *x, Value *y)                                           \
    {                                                                                              \
        Value *v = x && y ? value_next_result(op, x, y) : NULL;                                    \
        if (!v)                                                                                    \
            return value_make(op, x, y, 0);                                                        \
        v->data = x->data symbol y->data;                                                          \
        return v;                                                                                  \
    }
VALUE_INLINE_BINARY(add, VALUE_OP_ADD, +)
VALUE_INLINE_BINARY(sub, VALUE_OP_SUB, -)
VALUE_INLINE_BINARY(mul, VALUE_OP_MUL, *)
VALUE_INLINE_BINARY(div, VALUE_OP_DIV, /)
#undef VALUE_INLINE_BINARY

#define VALUE_INLINE_UNARY(name, op, F)                                                            \
    VALUE_INLINE Value *value_##name(Value *x)                                                     \
    {                                                                                              \
        Value *v = x ? value_next_result(op, x, NULL) : NULL;                                      \
        if (!v)                                                                                    \
            return value_make(op, x, NULL, 0);                                                     \
        const real a = x->data;                                                                    \
        v->data = F;                                                                               \
        return v;                                                                                  \
    }
VALUE_INLINE_UNARY(neg, VALUE_OP_NEG, -a)
VALUE_INLINE_UNARY(square, VALUE_OP_SQUARE, a * a)
VALUE_INLINE_UNARY(relu, VALUE_OP_RELU, a > 0 ? a : a <= 0 ? 0 : a)
#undef VALUE_INLINE_UNARY

VALUE_INLINE real value_data(const Value *v)
{
    return v && v->op != VALUE_OP_ELEMENT ? v->data : value_read(v, false);
}

VALUE_INLINE real value_grad(const Value *v)
{
    return v && v->op != VALUE_OP_ELEMENT ? v->grad : value_read(v, true);
}
#undef VALUE_INLINE

#endif

VALGRAD_END

#endif
