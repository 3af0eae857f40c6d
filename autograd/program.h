/* program.h - a graph written out as a flat list of scalar instructions.
 *
 * Every graph, whatever its grain, means a sequence of scalar operations: a scalar node is one of them, a
 * tensor operation writes down the many that it stands for. Forward mode and second derivatives run over
 * that list (derivatives.c), and replay and generated C are made of it.
 *
 * Instruction number s computes the number in slot s from earlier slots: rows of ops.def, sums and scalar
 * products of any length, and the few that a stable formula needs besides. What does not depend on the
 * inputs is a constant with the number that it has in the graph.
 *
 * How a tensor operation says what it means: its NodeKind has a function `expand`, which asks for the
 * slots of its operands' elements, emits instructions, and says which slot each of its elements is:
 *
 *     static void expand_mse(const Value *v, Expansion *e)       // mean of (x - y)^2
 *     {
 *         const int64_t n = operation_of(v)->operand[0].tensor->size;
 *         const ProgramSlot *x = operation__slots(v, 0, e), *y = operation__slots(v, 1, e);
 *         ProgramSlot *squares = expansion__room(e, n);
 *         if (!squares)
 *             return;
 *         for (int64_t i = 0; i < n; i++)
 *             squares[i] = expansion__op1(e, OP_square, expansion__op2(e, OP_sub, x[i], y[i]), 0);
 *         const ProgramSlot sum = expansion__nary(e, PROGRAM_SUM, n, squares);
 *         expansion__result(e, 0, expansion__op2(e, OP_div, sum, expansion__constant(e, (real)n)));
 *     }
 *
 * operation__slots gives one slot for each element in row-major order, through views and tables. Once
 * memory has run out it gives NULL, and so does expansion__room; every other function then does nothing,
 * so one check after the last of them is enough. The instructions must mean exactly what the
 * operation computes, with the same derivative at ties and limits; use PROGRAM_DETACH for a shift on
 * which the result does not depend (the maximum in a softmax). */
#ifndef VALGRAD_AUTOGRAD_PROGRAM_H
#define VALGRAD_AUTOGRAD_PROGRAM_H

#include "autograd/graph.h"

typedef uint32_t ProgramSlot;

/* Instructions that are no row of ops.def. With OP_LEAF (input number x) and OP_CONST (number p) and the
 * rows they are all there are. */
enum {
    PROGRAM_SUM = OP_COUNT, /* of any number of operands */
    PROGRAM_DOT,            /* operands x0, y0, x1, y1, …, and b if their number is odd */
    PROGRAM_MAX,            /* of at least one; equal ones share the gradient; NaN wins */
    PROGRAM_MIN,
    PROGRAM_FIRST_MAX, /* of equal ones the first takes the gradient; so does the first NaN */
    PROGRAM_WEIGHTED,  /* operands w0, x0, w1, x1, …: sum of w x; a weight of 0 counts for nothing, whatever x */
    PROGRAM_LOGSUMEXP, /* log of the sum of e^x, without overflow */
    PROGRAM_NORM2,     /* root of the sum of squares, without overflow; derivative 0 at 0 */
    PROGRAM_DETACH,    /* x, with derivative 0 */
    PROGRAM_CUSTOM,    /* an operation of the user's: of the node expansion->customs[y] */
    PROGRAM_OPS
};

typedef struct Instruction {
    uint16_t op;
    uint32_t count; /* n-ary: how many operands, from expansion->operands + x on */
    ProgramSlot x, y, z;
    real p; /* the constant of a row that has one; the number of an OP_CONST */
} Instruction;

/* A number in a graph: of a scalar node (index 0), or of a dense one. */
typedef struct Place {
    Value *node;
    int64_t index;
} Place;

/* The name of a node, borrowed from it. */
typedef struct ProgramLabel {
    ProgramSlot slot;
    const char *text;
} ProgramLabel;

typedef struct Expansion {
    size_t count, room; /* instructions */
    Instruction *instructions;
    size_t operand_count, operand_room;
    ProgramSlot *operands; /* of n-ary instructions */
    size_t input_count, root_count;
    ProgramSlot *inputs,
        *roots; /* input i is instruction inputs[i]; root i is computed by roots[i] */
    size_t custom_count, custom_room;
    const Value **customs; /* borrowed from the graph */
    size_t label_count, label_room;
    ProgramLabel *labels;      /* of scalar results, in the order of their slots */
    struct Recorder *recorder; /* while the graph is being written out */
} Expansion;

/* Writes out what the roots compute from the inputs, in order of creation, without recursion. Each input is
 * a leaf or constant; other leaves are constants of the program. NULL and an error on failure: a leaf was
 * changed since it was used, an operation that cannot be expanded, out of memory. The expansion borrows
 * nothing of the graph but labels and the nodes of custom operations. */
Expansion *expansion__new(const char *function, size_t root_count, const Place *roots,
                          size_t input_count, const Place *inputs);
void expansion__free(Expansion *e);

/* Where a Value's number stands. */
static inline Place place_of(Value *v)
{
    return is_element(v) ? (Place){v->owner, v->index} : (Place){v, 0};
}

/* Places (buffer__give when done) of n Values, none of them NULL or a whole tensor; inputs must be leaves
 * or constants. NULL and an error otherwise; `name` is the argument's. */
Place *expansion__places(const char *function, const char *name, size_t n, Value *const *values);
bool expansion__check_input(const char *function, const Value *v);

/* ---- for expand functions ---- */

/* Room for n slots until the operation is expanded; NULL when out of memory. */
ProgramSlot *expansion__room(Expansion *e, int64_t n);

/* The slot of a number of the graph that the operation reads. */
ProgramSlot expansion__slot(Expansion *e, Place place);

/* Element i of the operation that is being expanded (0 of a scalar one). */
void expansion__result(Expansion *e, int64_t i, ProgramSlot slot);

ProgramSlot expansion__constant(Expansion *e, real number);
ProgramSlot expansion__op1(Expansion *e, OpCode op, ProgramSlot x, real p);
ProgramSlot expansion__op2(Expansion *e, OpCode op, ProgramSlot x, ProgramSlot y);
ProgramSlot expansion__op3(Expansion *e, OpCode op, ProgramSlot x, ProgramSlot y, ProgramSlot z);
ProgramSlot expansion__nary(Expansion *e, int op, int64_t n, const ProgramSlot *x);
ProgramSlot expansion__detach(Expansion *e, ProgramSlot x);

/* The result of a scalar node of a user's operation. */
void expansion__custom(Expansion *e, const Value *v);

/* Any instruction, as it is. */
ProgramSlot expansion__emit(Expansion *e, Instruction instruction);

/* The row of ops.def that an instruction applies; NULL if it is none. */
const ValueOpInfo *instruction__row(const Instruction *instruction);

/* Whether its operands stand in expansion->operands. */
static inline bool instruction__is_nary(const Instruction *instruction)
{
    return instruction->op >= PROGRAM_SUM && instruction->op != PROGRAM_DETACH;
}

#endif
