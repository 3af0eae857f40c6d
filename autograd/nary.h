/* nary.h - what the scalar nodes of any number of operands share: sums (sums.c), reductions (reductions.c), and
 * those of the user's own and rows of ops.def with three operands (nary.c). */
#ifndef VALGRAD_AUTOGRAD_NARY_H
#define VALGRAD_AUTOGRAD_NARY_H

#include "autograd/error.h"
#include "autograd/instruction.h"

typedef struct Nary {
    Extension base;
    size_t count;
    bool elements;     /* some operand is one number of a tensor */
    const ValueOp *op; /* of a custom node, with its context */
    void *context;
    real *numbers; /* of a custom node or a reduction: room for the operands' numbers and the partials */
    Value *operands[];
} Nary;

static inline Nary *nary_of(const Value *v)
{
    return (Nary *)v->more;
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

/* Finds out what Values have in common. False and an error, with the argument's name, if one is NULL. */
static inline bool check_operands(const char *function, Operands *list, const char *name)
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

/* The node of the operands in some lists and its number, or a constant while recording is off; of two lists and more,
 * the first two may stand by turns (step 2). NULL and an error when out of memory. */
Value *nary__finish(const NodeKind *kind, const char *name, const Operands *lists, int list_count, real data);

/* Room for the operands' numbers, filled, and for as many partials; NULL when out of memory. */
real *nary__take_numbers(size_t n, Value *const *operands);

/* The same room of a node, filled with what the operands are now. */
const real *nary__numbers(const Nary *nary);

/* ---- kinds ------------------------------------------------------------------------------------- */

size_t nary__operand_count(const Value *v);
Value *nary__operand(const Value *v, size_t i);
void nary__destroy(Value *v, bool counted);

#define NARY_KIND(backward, expand)                                                                \
    {                                                                                              \
        backward, nary__operand_count, nary__operand, nary__destroy, expand                        \
    }

extern const NodeKind nary__sum_kind, nary__dot_kind;

/* Of a node by one of the reductions: whether it chooses among its operands (nary__chooses), and its derivatives. */
bool nary__is_reduction(const Value *v);
bool nary__reduction_chooses(const Value *v);
void nary__partials_of_reduction(const Value *v, real *partials);

static inline void give_if_wanted(Value *operand, real gradient)
{
    if (operand->flags & WANTS_GRAD)
        give(operand, gradient);
}

/* Passes the node's gradient on by its derivatives. */
void nary__give_all(Value *v, const real *partials);

/* The operands, in order; NULL when out of memory. */
ProgramSlot *nary__slots(const Value *v, Expansion *e);

/* The same operands, in the same order, for an instruction of its own. */
void nary__expand(const Value *v, Expansion *e, int op);

#endif
