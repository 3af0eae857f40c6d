/* tape.h - the inside of a Program: rows of like instructions over numbered slots.
 *
 * Slots 0 … input_count-1 are the inputs, then come the constants, then one slot for each instruction, in
 * the order in which they run. So a row of instructions needs no result slots: it writes one after the
 * other. Rows are long because within a stretch of the program instructions that do not depend on each
 * other are sorted by what they do; a processor then foresees nearly every branch. */
#ifndef VALGRAD_AUTOGRAD_TAPE_H
#define VALGRAD_AUTOGRAD_TAPE_H

#include <valgrad/program.h>

#include "autograd/isa.h"
#include "autograd/lower.h"

/* Operations of rows that only a tape has: lists whose slots are evenly spaced, which are written as where
 * they begin and the step. */
enum {
    TAPE_EVEN_PAIRS = LOWERED_OPS, /* words: n, z, x, step of x, y, step of y */
    TAPE_EVEN_TERMS,               /* words: n, x, step of x */
    TAPE_TANH,                     /* a row in which none reads another */
    TAPE_OPS
};

/* `count` instructions from code + words on. Those with lists (words: n, [z,] x0, x1, …) have different
 * lengths: for these, code has first where each begins. */
typedef struct TapeRow {
    uint16_t op;
    bool active;
    uint32_t count;
    ProgramSlot result; /* of the first */
    uint32_t words;
} TapeRow;

struct Program {
    size_t input_count, root_count, constant_count, slot_count, row_count, code_count;
    size_t most_operands; /* of one instruction of any number of operands */
    uint32_t gradient_mask; /* see TapeGradients */
    bool *wants;          /* of each input: whether its gradient is asked for */
    ProgramSlot *roots;
    real *constants;
    TapeRow *rows;
    uint32_t *code;
};

/* Memory of no thread, zeros at first: a Program may be run and freed by any. NULL: there is no more. */
void *tape__take(size_t n, size_t size);
void tape__give_back(void *memory);

/* Where gradients stand. That of a result is needed from its last use down to itself only, so results take turns in
 * mask + 1 places (a power of two) after those of inputs and constants: fewer for the caches to hold. */
typedef struct TapeGradients {
    real *first;
    ProgramSlot results; /* the first of them */
    uint32_t mask;
} TapeGradients;

static inline size_t tape__place(TapeGradients gradients, ProgramSlot slot)
{
    const ProgramSlot in_turn = gradients.results + ((slot - gradients.results) & gradients.mask);
    return slot < gradients.results ? slot : in_turn;
}

/* Numbers and gradients of one run, LANES beside each other for each slot. */
typedef struct TapeRun {
    const Program *program;
    real *numbers;
    TapeGradients gradients;
    real *room; /* 2 most_operands */
    bool strict;
} TapeRun;

enum {
    TAPE_LANES = 8,
    TAPE_AHEAD = 6000 /* how many slots before they are needed, backwards, numbers are asked for */
};

/* Computes all numbers; passes gradients back from where there are any, and leaves 0 there. The careful
 * way multiplies a gradient of exactly 0 by nothing; the quick one is as good where all is finite. */
typedef struct TapeLoops {
    void (*forward)(const TapeRun *run);
    void (*backward)(const TapeRun *run);
    void (*backward_carefully)(const TapeRun *run);
} TapeLoops;

/* For 1 set of numbers or for TAPE_LANES. */
const TapeLoops *tape__loops(Isa isa, size_t lanes);

#endif
