/* fold_program.c - a lowered program as a Fold: its instructions as items, numbered so that loops are found. */
#include <stdlib.h>
#include <string.h>

#include "autograd/fold.h"
#include "autograd/instruction.h"

typedef struct Folding {
    const Expansion *e;
    const Lowered *lowered;
    FoldRef *where; /* of each slot */
    int64_t *value; /* which of FOLD_VALUES an instruction computes */
    Fold *fold;
} Folding;

/* ---- items ------------------------------------------------------------------------------------- */

static void place_slots(Folding *m)
{
    const Expansion *e = m->e;
    const Lowered *lowered = m->lowered;
    for (size_t i = 0; i < e->input_count; i++)
        m->where[e->inputs[i]] =
            (FoldRef){.array = FOLD_INPUTS, .active = true, .base = (int64_t)i};
    for (size_t i = 0; i < lowered->constant_count; i++)
        m->where[lowered->constants[i]] = (FoldRef){.array = FOLD_CONSTANTS, .base = (int64_t)i};
    for (size_t i = 0; i < lowered->count; i++)
        m->where[lowered->instructions[i].result] = (FoldRef){
            .array = FOLD_VALUES, .active = lowered->instructions[i].active, .base = m->value[i]};
}

/* Whether every stride-th of n slots is as far from the one before, in one array. */
static bool is_even(const Folding *m, const ProgramSlot *slots, size_t n, size_t stride)
{
    for (size_t i = 1; i < n; i++) {
        const FoldRef *a = &m->where[slots[(i - 1) * stride]], *b = &m->where[slots[i * stride]];
        if (a->array != b->array || a->active != b->active ||
            b->base - a->base != m->where[slots[stride]].base - m->where[slots[0]].base)
            return false;
    }
    return n > 0;
}

static FoldRef even_ref(const Folding *m, const ProgramSlot *slots, size_t n, size_t stride)
{
    FoldRef ref = m->where[slots[0]];
    ref.step = n > 1 ? m->where[slots[stride]].base - ref.base : 0;
    return ref;
}

static FoldItem list_item(Folding *m, const LoweredInstruction *instruction)
{
    const ProgramSlot *slots = m->lowered->operands + instruction->x;
    const bool pairs = instruction->op == LOWERED_PAIRS;
    const size_t stride = pairs ? 2 : 1, n = instruction->count / stride;
    FoldItem item = {.count = instruction->count};
    item.even = is_even(m, slots, n, stride) && (!pairs || is_even(m, slots + 1, n, stride));
    item.refs = fold__take(m->fold, 2 + instruction->count + stride, sizeof *item.refs);
    if (!item.refs)
        return item;
    item.ref_count = 1;
    if (pairs)
        item.refs[item.ref_count++] = m->where[instruction->z];
    for (size_t i = 0; i < (item.even ? stride : instruction->count); i++)
        item.refs[item.ref_count++] =
            item.even ? even_ref(m, slots + i, n, stride) : m->where[slots[i]];
    return item;
}

static FoldItem plain_item(Folding *m, const LoweredInstruction *instruction)
{
    const ProgramSlot slots[] = {instruction->x, instruction->y, instruction->z};
    FoldItem item = {.refs = fold__take(m->fold, 1 + ROW_OPERANDS, sizeof *item.refs)};
    if (!item.refs)
        return item;
    item.ref_count = 1;
    for (int i = 0; i < lowered__arity(instruction); i++)
        item.refs[item.ref_count++] = m->where[slots[i]];
    return item;
}

static void push_roots(Folding *m)
{
    for (size_t i = 0; i < m->e->root_count; i++) {
        FoldItem item = {.op = FOLD_ROOT, .active = true, .leaf_count = 1, .ref_count = 2};
        item.refs = fold__take(m->fold, 2, sizeof *item.refs);
        if (!item.refs)
            return;
        item.refs[0] = (FoldRef){.array = FOLD_RESULTS, .base = (int64_t)i};
        item.refs[1] = m->where[m->e->roots[i]];
        fold__push(m->fold, item);
    }
}

/* Labels are in the order of slots, and so are those that are asked for. */
static const char *next_label(const Expansion *e, size_t *next, ProgramSlot slot)
{
    while (*next < e->label_count && e->labels[*next].slot < slot)
        ++*next;
    return *next < e->label_count && e->labels[*next].slot == slot ? e->labels[*next].text : NULL;
}

/* The program as items, folded. False: out of memory. */
static bool fold_all(Folding *m)
{
    fold__free(m->fold);
    *m->fold = (Fold){.items = NULL};
    place_slots(m);
    size_t label = 0;
    for (size_t i = 0; i < m->lowered->count && !m->fold->failed; i++) {
        const LoweredInstruction *instruction = &m->lowered->instructions[i];
        FoldItem item =
            lowered__is_nary(instruction) ? list_item(m, instruction) : plain_item(m, instruction);
        item.op = instruction->op;
        item.active = instruction->active;
        item.leaf_count = 1;
        item.label = next_label(m->e, &label, instruction->result);
        if (item.refs)
            item.refs[0] = m->where[instruction->result];
        fold__push(m->fold, item);
    }
    push_roots(m);
    return !m->fold->failed;
}

/* ---- numbering --------------------------------------------------------------------------------- */

typedef struct Depth {
    uint32_t depth;
    uint16_t op;
    size_t instruction;
} Depth;

static int by_depth(const void *first, const void *second)
{
    const Depth *a = first, *b = second;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    if (a->op != b->op)
        return a->op < b->op ? -1 : 1;
    return a->instruction < b->instruction ? -1 : a->instruction > b->instruction;
}

static uint32_t depth_below(const Lowered *lowered, const uint32_t *depth,
                            const LoweredInstruction *instruction)
{
    ProgramSlot few[LOWERED_OPERANDS];
    const ProgramSlot *operands;
    const size_t n = lowered__operands(lowered, instruction, few, &operands);
    uint32_t below = instruction->op == LOWERED_PAIRS ? depth[instruction->z] : 0;
    for (size_t i = 0; i < n; i++)
        below = depth[operands[i]] > below ? depth[operands[i]] : below;
    return below;
}

/* Numbers what is computed by how deep it lies and how: a layer's results then lie side by side, which makes
 * fast loops, and what comes after it only by chance does not look like a part of it. */
static bool number_by_depth(Folding *m)
{
    const Lowered *lowered = m->lowered;
    uint32_t *depth = buffer__take(lowered->slot_count * sizeof *depth);
    Depth *sorted = buffer__take(lowered->count * sizeof *sorted);
    if (depth && sorted) {
        memset(depth, 0, lowered->slot_count * sizeof *depth);
        for (size_t i = 0; i < lowered->count; i++) {
            const LoweredInstruction *instruction = &lowered->instructions[i];
            depth[instruction->result] = depth_below(lowered, depth, instruction) + 1;
            sorted[i] = (Depth){depth[instruction->result], instruction->op, i};
        }
        qsort(sorted, lowered->count, sizeof *sorted, by_depth);
        for (size_t i = 0; i < lowered->count; i++)
            m->value[sorted[i].instruction] = (int64_t)i;
    }
    buffer__give(depth);
    buffer__give(sorted);
    return depth && sorted;
}

static void number_in_order(Folding *m)
{
    for (size_t i = 0; i < m->lowered->count; i++)
        m->value[i] = (int64_t)i;
}

/* By the numbering that gives the shorter code. */
static bool fold_well(Folding *m)
{
    number_in_order(m);
    if (!fold_all(m))
        return false;
    const size_t leaves = fold__leaves(m->fold);
    if (!number_by_depth(m) || !fold_all(m))
        return false;
    if (fold__leaves(m->fold) <= leaves)
        return true;
    number_in_order(m);
    return fold_all(m);
}

bool fold__program(const Expansion *e, const Lowered *lowered, Fold *fold)
{
    Folding m = {.e = e, .lowered = lowered, .fold = fold};
    m.where = buffer__take(size_product(lowered->slot_count, sizeof *m.where));
    m.value = buffer__take(size_product(lowered->count, sizeof *m.value));
    const bool folded = m.where && m.value && fold_well(&m);
    buffer__give(m.where);
    buffer__give(m.value);
    return folded;
}
