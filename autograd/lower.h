/* lower.h - a program made ready to be run again and again: fewer and larger instructions.
 *
 * What graphs of single operations are made of is put together: a product that only feeds a sum becomes
 * one multiply-add, a long chain of them one instruction of many pairs. Terms keep their order. */
#ifndef VALGRAD_AUTOGRAD_LOWER_H
#define VALGRAD_AUTOGRAD_LOWER_H

#include "autograd/program.h"

/* Besides the rows of ops.def, PROGRAM_MAX, _MIN, _LOGSUMEXP and _NORM2. */
enum {
    LOWERED_MULTIPLY_ADD = PROGRAM_OPS, /* x y + z */
    LOWERED_ADD_CONSTANT,               /* x + y, y being no matter of the gradient */
    LOWERED_SCALE,                      /* x y, likewise */
    LOWERED_COPY,                       /* x */
    LOWERED_PAIRS,                      /* z + x0 y0 + x1 y1 + … */
    LOWERED_TERMS,                      /* x0 + x1 + … */
    LOWERED_OPS
};

/* Computes slot `result`. Slots are those of the expansion, and above them further constants. */
typedef struct LoweredInstruction {
    uint16_t op;
    bool active;    /* takes part in the gradient */
    uint32_t count; /* n-ary: how many slots, from operands + x on */
    ProgramSlot result, x, y, z;
} LoweredInstruction;

typedef struct Lowered {
    size_t count, operand_count, constant_count, slot_count;
    LoweredInstruction *instructions;
    ProgramSlot *operands;
    ProgramSlot *constants; /* slots that are constants, */
    real *numbers;          /* and their numbers */
    size_t unused_input;    /* the first on which no root depends, or how many inputs there are */
} Lowered;

/* `wants` says of each input whether its gradient is asked for. False and an error: out of memory. The
 * expansion has no operations of the user's. */
bool lower__program(const char *function, const Expansion *e, const bool *wants, Lowered *lowered);
void lower__free(Lowered *lowered);

static inline bool lowered__is_nary(const LoweredInstruction *instruction)
{
    return instruction->op >= LOWERED_PAIRS ||
           (instruction->op >= PROGRAM_SUM && instruction->op <= PROGRAM_NORM2);
}

enum { LOWERED_OPERANDS = 3 };

/* The slots that an instruction reads, but for z of LOWERED_PAIRS. Returns how many. */
size_t lowered__operands(const Lowered *lowered, const LoweredInstruction *instruction,
                         ProgramSlot few[LOWERED_OPERANDS], const ProgramSlot **operands);

/* How many operands of an instruction that is not n-ary are in x, y, z. */
int lowered__arity(const LoweredInstruction *instruction);

#endif
