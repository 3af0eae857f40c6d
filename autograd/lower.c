/* lower.c - from the instructions that a graph means to those that are run. */
#include "autograd/lower.h"

#include <string.h>

enum {
    SHORTEST_CHAIN = 4
}; /* sums of fewer terms stay single instructions, which run in long rows */

typedef struct Lowering {
    const Expansion *e;
    Lowered *out;
    uint32_t *uses;     /* how often a slot is read */
    uint32_t *length;   /* of a sum: how many additions hang together, this being the last */
    bool *active;       /* of each slot: leads from an input whose gradient is asked for */
    bool *absorbed;     /* by the instruction that reads it */
    ProgramSlot *terms; /* of the chain that is being put together */
} Lowering;

static const Instruction *at(const Lowering *l, ProgramSlot s)
{
    return &l->e->instructions[s];
}

/* The operands of any instruction. Returns how many. */
static size_t operands_of(const Expansion *e, const Instruction *instruction, ProgramSlot few[3],
                          const ProgramSlot **operands)
{
    *operands = few;
    if (instruction__is_nary(instruction)) {
        *operands = e->operands + instruction->x;
        return instruction->count;
    }
    const ValueOpInfo *row = instruction__row(instruction);
    few[0] = instruction->x;
    few[1] = instruction->y;
    few[2] = instruction->z;
    return row ? (size_t)row->arity : instruction->op == PROGRAM_DETACH;
}

/* ---- what there is ----------------------------------------------------------------------------- */

/* Counts uses from the roots on, so that what nothing uses counts as unused. */
static void count_uses(Lowering *l)
{
    const Expansion *e = l->e;
    for (size_t i = 0; i < e->root_count; i++)
        l->uses[e->roots[i]] += 2; /* a root is never absorbed */
    for (size_t s = e->count; s-- > 0;) {
        ProgramSlot few[3];
        const ProgramSlot *operands;
        const size_t n = l->uses[s] ? operands_of(e, at(l, (ProgramSlot)s), few, &operands) : 0;
        for (size_t i = 0; i < n; i++)
            l->uses[operands[i]]++;
    }
}

static void mark_active(Lowering *l, const bool *wants)
{
    for (size_t s = 0; s < l->e->count; s++) {
        const Instruction *instruction = at(l, (ProgramSlot)s);
        ProgramSlot few[3];
        const ProgramSlot *operands;
        const size_t n = operands_of(l->e, instruction, few, &operands);
        l->active[s] = instruction->op == OP_LEAF && wants[instruction->x];
        for (size_t i = 0; i < n && instruction->op != PROGRAM_DETACH; i++)
            l->active[s] |= l->active[operands[i]];
    }
}

/* ---- chains of additions ----------------------------------------------------------------------- */

static bool is_single(const Lowering *l, ProgramSlot s, int op)
{
    return at(l, s)->op == op && l->uses[s] == 1;
}

/* x + y as what was summed up before, and the term that is added to it. */
static void split(const Lowering *l, const Instruction *sum, ProgramSlot *rest, ProgramSlot *term)
{
    *rest = sum->x;
    *term = sum->y;
    const bool first_goes_on = is_single(l, sum->x, OP_add),
               second_does = is_single(l, sum->y, OP_add);
    const bool swap = first_goes_on != second_does
                          ? second_does
                          : is_single(l, sum->x, OP_mul) && !is_single(l, sum->y, OP_mul);
    if (swap) {
        *rest = sum->y;
        *term = sum->x;
    }
}

static void measure_chains(Lowering *l)
{
    for (size_t s = 0; s < l->e->count; s++) {
        ProgramSlot rest, term;
        if (at(l, (ProgramSlot)s)->op != OP_add)
            continue;
        split(l, at(l, (ProgramSlot)s), &rest, &term);
        l->length[s] = 1 + (is_single(l, rest, OP_add) ? l->length[rest] : 0);
    }
}

/* ---- emitting ---------------------------------------------------------------------------------- */

static ProgramSlot constant(Lowering *l, ProgramSlot slot, real number)
{
    Lowered *out = l->out;
    out->constants[out->constant_count] = slot;
    out->numbers[out->constant_count++] = number;
    return slot;
}

static LoweredInstruction *emit(Lowering *l, int op, ProgramSlot result)
{
    LoweredInstruction *instruction = &l->out->instructions[l->out->count++];
    *instruction =
        (LoweredInstruction){.op = (uint16_t)op, .active = l->active[result], .result = result};
    return instruction;
}

static void emit_list(Lowering *l, int op, ProgramSlot result, size_t n,
                      const ProgramSlot *operands)
{
    Lowered *out = l->out;
    LoweredInstruction *instruction = emit(l, op, result);
    instruction->x = (ProgramSlot)out->operand_count;
    instruction->count = (uint32_t)n;
    memcpy(out->operands + out->operand_count, operands, n * sizeof *operands);
    out->operand_count += n;
}

/* The two numbers that pairs may need: 1 beside a term that is no product, -0 as an empty sum. */
static ProgramSlot slot_of_one(const Lowering *l)
{
    return (ProgramSlot)l->e->count;
}

static ProgramSlot slot_of_nothing(const Lowering *l)
{
    return (ProgramSlot)l->e->count + 1;
}

static void emit_pairs(Lowering *l, ProgramSlot result, ProgramSlot start, size_t n,
                       const ProgramSlot *operands)
{
    emit_list(l, LOWERED_PAIRS, result, n, operands);
    l->out->instructions[l->out->count - 1].z = start;
}

/* Puts the chain of additions that ends in s together; its links are marked as absorbed. */
static void emit_chain(Lowering *l, ProgramSlot s)
{
    const size_t links = l->length[s];
    ProgramSlot *terms = l->terms, rest = s, term;
    bool products = false;
    for (size_t i = links; i-- > 0;) {
        split(l, at(l, rest), &rest, &term);
        terms[2 * i] = term;
        terms[2 * i + 1] = slot_of_one(l);
        if (is_single(l, term, OP_mul)) {
            terms[2 * i] = at(l, term)->x;
            terms[2 * i + 1] = at(l, term)->y;
            products = true;
        }
    }
    if (products) {
        emit_pairs(l, s, rest, 2 * links, terms);
        return;
    }
    for (size_t i = 0; i < links; i++)
        terms[1 + i] = terms[2 * i];
    terms[0] = rest;
    emit_list(l, LOWERED_TERMS, s, links + 1, terms);
}

/* Marks what the instruction for slot s takes in: the links of a chain, and products. */
static void absorb(Lowering *l, ProgramSlot s)
{
    const size_t links = l->length[s] >= SHORTEST_CHAIN ? l->length[s] : 1;
    ProgramSlot rest = s, term;
    for (size_t i = 0; i < links; i++) {
        if (i > 0)
            l->absorbed[rest] = true;
        split(l, at(l, rest), &rest, &term);
        if (is_single(l, term, OP_mul))
            l->absorbed[term] = true;
    }
}

static void emit_add(Lowering *l, ProgramSlot s)
{
    ProgramSlot rest, term;
    if (l->length[s] >= SHORTEST_CHAIN) {
        emit_chain(l, s);
        return;
    }
    split(l, at(l, s), &rest, &term);
    if (is_single(l, term, OP_mul)) {
        LoweredInstruction *sum = emit(l, LOWERED_MULTIPLY_ADD, s);
        sum->x = at(l, term)->x;
        sum->y = at(l, term)->y;
        sum->z = rest;
        return;
    }
    const bool fixed = l->active[rest] != l->active[term];
    LoweredInstruction *sum = emit(l, fixed ? LOWERED_ADD_CONSTANT : OP_add, s);
    sum->x = fixed && !l->active[rest] ? term : rest;
    sum->y = fixed && !l->active[rest] ? rest : term;
}

static void emit_product(Lowering *l, ProgramSlot s)
{
    const ProgramSlot x = at(l, s)->x, y = at(l, s)->y;
    const bool fixed = l->active[x] != l->active[y], swap = fixed && !l->active[x];
    LoweredInstruction *product = emit(l, fixed ? LOWERED_SCALE : OP_mul, s);
    product->x = swap ? y : x;
    product->y = swap ? x : y;
}

static void emit_dot(Lowering *l, ProgramSlot s)
{
    const Instruction *dot = at(l, s);
    const ProgramSlot *operands = l->e->operands + dot->x;
    const size_t pairs = dot->count & ~(size_t)1;
    const ProgramSlot start = pairs < dot->count ? operands[pairs] : slot_of_nothing(l);
    emit_pairs(l, s, start, pairs, operands);
}

/* p of a row that has one is a constant like others, in place of the last operand. */
static void emit_row(Lowering *l, ProgramSlot s)
{
    const Instruction *row = at(l, s);
    LoweredInstruction *instruction = emit(l, row->op, s);
    instruction->x = row->x;
    instruction->y = row->y;
    instruction->z = row->z;
    if (instruction__row(row)->has_parameter)
        instruction->y = constant(l, (ProgramSlot)l->out->slot_count++, row->p);
}

static void emit_slot(Lowering *l, ProgramSlot s)
{
    const Instruction *instruction = at(l, s);
    switch (instruction->op) {
    case OP_LEAF:
        break;
    case OP_CONST:
        constant(l, s, instruction->p);
        break;
    case OP_add:
        emit_add(l, s);
        break;
    case OP_mul:
        emit_product(l, s);
        break;
    case PROGRAM_DETACH:
        emit(l, LOWERED_COPY, s)->x = instruction->x;
        break;
    case PROGRAM_DOT:
        emit_dot(l, s);
        break;
    default:
        if (instruction__is_nary(instruction))
            emit_list(l, instruction->op == PROGRAM_SUM ? LOWERED_TERMS : instruction->op, s,
                      instruction->count, l->e->operands + instruction->x);
        else
            emit_row(l, s);
    }
}

/* ---- the whole --------------------------------------------------------------------------------- */

int lowered__arity(const LoweredInstruction *instruction)
{
    switch (instruction->op) {
    case LOWERED_MULTIPLY_ADD:
        return 3;
    case LOWERED_ADD_CONSTANT:
    case LOWERED_SCALE:
        return 2;
    case LOWERED_COPY:
        return 1;
    default:
        break;
    }
    const ValueOpInfo *row = instruction__row(&(Instruction){.op = instruction->op});
    return row->arity + row->has_parameter;
}

size_t lowered__operands(const Lowered *lowered, const LoweredInstruction *instruction,
                         ProgramSlot few[LOWERED_OPERANDS], const ProgramSlot **operands)
{
    *operands = few;
    few[0] = instruction->x;
    few[1] = instruction->y;
    few[2] = instruction->z;
    if (!lowered__is_nary(instruction))
        return (size_t)lowered__arity(instruction);
    *operands = lowered->operands + instruction->x;
    return instruction->count;
}

static void *take(size_t n, size_t size)
{
    const size_t bytes = size_product(n, size);
    void *memory = buffer__take(bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

/* Every instruction adds at most one constant, and a chain of n links at most 2 n operands. */
static bool take_all(Lowering *l, Lowered *out)
{
    const size_t n = l->e->count + 2;
    l->uses = take(n, sizeof *l->uses);
    l->length = take(n, sizeof *l->length);
    l->active = take(n, sizeof *l->active);
    l->absorbed = take(n, sizeof *l->absorbed);
    l->terms = take(2 * n + 1, sizeof *l->terms);
    out->instructions = take(n, sizeof *out->instructions);
    out->operands = take(l->e->operand_count + 2 * n, sizeof *out->operands);
    out->constants = take(n, sizeof *out->constants);
    out->numbers = take(n, sizeof *out->numbers);
    return l->uses && l->length && l->active && l->absorbed && l->terms && out->instructions &&
           out->operands && out->constants && out->numbers;
}

bool lower__program(const char *function, const Expansion *e, const bool *wants, Lowered *lowered)
{
    Lowering l = {.e = e, .out = lowered};
    *lowered = (Lowered){.slot_count = e->count + 2};
    const bool room = take_all(&l, lowered);
    if (room) {
        count_uses(&l);
        while (lowered->unused_input < e->input_count && l.uses[e->inputs[lowered->unused_input]])
            lowered->unused_input++;
        mark_active(&l, wants);
        measure_chains(&l);
        constant(&l, slot_of_one(&l), 1);
        constant(&l, slot_of_nothing(&l), (real)-0.0);
        for (size_t s = e->count; s-- > 0;) {
            if (l.uses[s] && !l.absorbed[s] && at(&l, (ProgramSlot)s)->op == OP_add)
                absorb(&l, (ProgramSlot)s);
        }
        for (size_t s = 0; s < e->count; s++) {
            if (l.uses[s] && !l.absorbed[s])
                emit_slot(&l, (ProgramSlot)s);
        }
    }
    buffer__give(l.uses);
    buffer__give(l.length);
    buffer__give(l.active);
    buffer__give(l.absorbed);
    buffer__give(l.terms);
    if (!room)
        error__memory(function, 0);
    return room;
}

void lower__free(Lowered *lowered)
{
    buffer__give(lowered->instructions);
    buffer__give(lowered->operands);
    buffer__give(lowered->constants);
    buffer__give(lowered->numbers);
}
