/* quad.h - programs (autograd/program.h) computed in quadruple precision.
 *
 * The library's gradient of a graph is held against a central difference of these numbers. With 113 bits
 * and a step of 1e-11 such a difference is exact to double rounding, and shares nothing with the library but
 * the list of instructions: no formula, no precision, no derivative. */
#ifndef VALGRAD_TESTS_QUAD_H
#define VALGRAD_TESTS_QUAD_H

#include <stdint.h>

#include "autograd/program.h"
#include "quad_formulas.h"

/* 1e-11 is the same in any precision only as a quotient. */
static inline quad ratio(double numerator, double denominator)
{
    return (quad)numerator / (quad)denominator;
}

/* ---- instructions of many operands -------------------------------------------------------------- */

static inline quad quad_extreme(size_t n, const ProgramSlot *x, const quad *slots, int sign)
{
    quad best = slots[x[0]];
    for (size_t i = 1; i < n; i++) {
        if (isnan(slots[x[i]]) || sign * slots[x[i]] > sign * best)
            best = slots[x[i]];
    }
    return best;
}

static inline quad quad_nary(const Expansion *e, const Instruction *instruction, const quad *slots)
{
    const ProgramSlot *x = e->operands + instruction->x;
    const size_t n = instruction->count;
    const bool of_exponentials = instruction->op == PROGRAM_LOGSUMEXP;
    const quad shift = of_exponentials ? quad_extreme(n, x, slots, 1) : 0;
    quad sum = 0;
    switch (instruction->op) {
    case PROGRAM_MAX:
    case PROGRAM_FIRST_MAX:
        return quad_extreme(n, x, slots, 1);
    case PROGRAM_MIN:
        return quad_extreme(n, x, slots, -1);
    case PROGRAM_DOT:
        for (size_t i = 0; i + 1 < n; i += 2)
            sum += slots[x[i]] * slots[x[i + 1]];
        return n % 2 ? sum + slots[x[n - 1]] : sum;
    case PROGRAM_WEIGHTED:
        for (size_t i = 0; i + 1 < n; i += 2)
            sum += slots[x[i]] < 0 || slots[x[i]] > 0 ? slots[x[i]] * slots[x[i + 1]] : 0;
        return sum;
    default:
        break;
    }
    for (size_t i = 0; i < n; i++) {
        const quad number = slots[x[i]];
        sum += of_exponentials                    ? Q(exp)(number - shift)
               : instruction->op == PROGRAM_NORM2 ? number * number
                                                  : number;
    }
    return of_exponentials                    ? (isinf(shift) ? shift : shift + Q(log)(sum))
           : instruction->op == PROGRAM_NORM2 ? Q(sqrt)(sum)
                                              : sum;
}

/* ---- programs ---------------------------------------------------------------------------------- */

/* One row's value; rows without a formula, and operations of users, are NaN, which agrees with nothing. */
static inline quad quad_row(const Instruction *instruction, const quad *slots)
{
    const ValueOpInfo *row = instruction__row(instruction);
    const QuadFormula *formula = row ? quad_find(row->name) : NULL;
    if (!formula)
        return (quad)NAN;
    const quad x = slots[instruction->x], y = row->arity > 1 ? slots[instruction->y] : 0;
    return formula->f(x, y, row->arity > 2 ? slots[instruction->z] : (quad)instruction->p);
}

/* Computes all slots from the inputs. `noise`, if not 0, multiplies each result by 1 + noise or 1 - noise:
 * how far roundings of that size can carry. */
static inline void quad_run(const Expansion *e, const quad *inputs, quad *slots, double noise)
{
    uint64_t bits = 0x9E3779B97F4A7C15u;
    for (size_t s = 0; s < e->count; s++) {
        const Instruction *instruction = &e->instructions[s];
        if (instruction->op == OP_LEAF)
            slots[s] = inputs[instruction->x];
        else if (instruction->op == OP_CONST)
            slots[s] = (quad)instruction->p;
        else if (instruction->op == PROGRAM_DETACH)
            slots[s] = slots[instruction->x];
        else if (instruction__is_nary(instruction))
            slots[s] = quad_nary(e, instruction, slots);
        else
            slots[s] = quad_row(instruction, slots);
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        slots[s] *= 1 + (bits & 1 ? (quad)noise : -(quad)noise);
    }
}

#endif
