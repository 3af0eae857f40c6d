/* instruction.h - what one instruction of a program computes, and its derivatives. */
#ifndef VALGRAD_AUTOGRAD_INSTRUCTION_H
#define VALGRAD_AUTOGRAD_INSTRUCTION_H

#include "autograd/program.h"

/* An instruction of any number of operands x[0 … n-1] with result f. */
typedef struct NaryRule {
    real (*value)(size_t n, const real *x);
    void (*first)(size_t n, const real *x, real f, real *d);
    /* out[i] = sum_j d^2 f / dx_i dx_j t[j]; d is what first() wrote. */
    void (*second)(size_t n, const real *x, real f, const real *d, const real *t, real *out);
} NaryRule;

/* The rule of an n-ary instruction other than PROGRAM_CUSTOM. */
const NaryRule *instruction__rule(const Instruction *instruction);

enum { ROW_OPERANDS = 3 };

/* The slots of a row's operands, and how many they are. */
int instruction__operands(const Instruction *instruction, ProgramSlot slots[ROW_OPERANDS]);

/* A gradient times a derivative; a gradient of exactly 0 gives 0 whatever the derivative, as in backward. */
static inline real passed_on(real gradient, real derivative, bool strict)
{
    return gradient == 0 && !strict ? 0 : gradient * derivative;
}

/* The same for operations that choose, where a derivative of exactly 0 lets nothing through either: share_of() in
 * graph.h. */
static inline real shared_out(real gradient, real derivative, bool strict)
{
    return derivative == 0 && !strict ? 0 : passed_on(gradient, derivative, strict);
}

/* Whether the instruction is such an operation. */
static inline bool instruction__chooses(const Instruction *instruction)
{
    return (instruction->op >= PROGRAM_MAX && instruction->op <= PROGRAM_CUSTOM) ||
           op_chooses((OpCode)instruction->op);
}

#endif
