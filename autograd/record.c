/* record.c - recording a graph as a Program.
 *
 * The instructions of a stretch of the program are sorted by how deep they lie in it and by what they do:
 * then those that do the same stand in rows, and none reads a later one. */
#include <stdlib.h>
#include <string.h>

#include "autograd/replay.h"
#include "autograd/tape.h"

/* ---- memory ------------------------------------------------------------------------------------ */

void *tape__take(size_t n, size_t size)
{
    const size_t bytes = size_product(n, size);
    void *memory = buffer__allocate(bytes, 64);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void tape__give_back(void *memory)
{
    if (memory)
        buffer__release(memory);
}

/* ---- order ------------------------------------------------------------------------------------- */

enum { STRETCH = 1024 }; /* instructions; their numbers and gradients fit the nearest caches */

typedef struct Sorting {
    const Lowered *lowered;
    uint32_t *depth;    /* of each slot, in its stretch */
    ProgramSlot *slots; /* of the tape, by slot of the expansion */
    uint32_t *order;    /* the instructions in the order in which they run, */
    uint32_t *levels;   /* and of each a number: where it is the same, none reads another */
    uint64_t *keys;     /* of a stretch */
} Sorting;

static uint32_t depth_below(const Sorting *s, const LoweredInstruction *instruction)
{
    ProgramSlot few[LOWERED_OPERANDS];
    const ProgramSlot *operands;
    const size_t n = lowered__operands(s->lowered, instruction, few, &operands);
    uint32_t depth = instruction->op == LOWERED_PAIRS ? s->depth[instruction->z] : 0;
    for (size_t i = 0; i < n; i++)
        depth = s->depth[operands[i]] > depth ? s->depth[operands[i]] : depth;
    return depth;
}

static int by_key(const void *first, const void *second)
{
    const uint64_t a = *(const uint64_t *)first, b = *(const uint64_t *)second;
    return a < b ? -1 : a > b;
}

/* Sorts instructions first … first+n-1 by depth, operation, and number. */
static void sort_stretch(Sorting *s, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const LoweredInstruction *instruction = &s->lowered->instructions[first + i];
        const uint64_t depth = depth_below(s, instruction) + 1;
        s->depth[instruction->result] = (uint32_t)depth;
        s->keys[i] = depth << 32 | (uint64_t)instruction->op << 17 |
                     (uint64_t)instruction->active << 16 | (uint64_t)i;
    }
    qsort(s->keys, n, sizeof *s->keys, by_key);
    for (size_t i = 0; i < n; i++) {
        s->order[first + i] = (uint32_t)(first + (s->keys[i] & 0xFFFF));
        s->levels[first + i] = (uint32_t)(2 * first + (s->keys[i] >> 32));
    }
    for (size_t i = 0; i < n; i++)
        s->depth[s->lowered->instructions[first + i].result] = 0;
}

/* The slots of the tape: inputs, constants, instructions in order. */
static void number_slots(Sorting *s, const Expansion *e)
{
    ProgramSlot next = 0;
    for (size_t i = 0; i < e->input_count; i++)
        s->slots[e->inputs[i]] = next++;
    for (size_t i = 0; i < s->lowered->constant_count; i++)
        s->slots[s->lowered->constants[i]] = next++;
    for (size_t i = 0; i < s->lowered->count; i++)
        s->slots[s->lowered->instructions[s->order[i]].result] = next++;
}

/* ---- code -------------------------------------------------------------------------------------- */

typedef struct Coding {
    Program *program;
    const Sorting *sorting;
    uint32_t *lists; /* where those of the present row begin */
    size_t list_count;
    ProgramSlot first_result, result; /* of all instructions, and of the present one */
    size_t longest_wait; /* of a result's gradient, from its first use backwards: in instructions */
} Coding;

static ProgramSlot slot(const Coding *c, ProgramSlot s)
{
    return c->sorting->slots[s];
}

static void put(Coding *c, uint32_t word)
{
    c->program->code[c->program->code_count++] = word;
}

static void note_wait(Coding *c, size_t instructions)
{
    if (c->longest_wait < instructions)
        c->longest_wait = instructions;
}

static void put_slot(Coding *c, ProgramSlot s)
{
    put(c, slot(c, s));
    if (slot(c, s) >= c->first_result)
        note_wait(c, c->result - slot(c, s));
}

/* Whether every second of n slots, or every one, is `*step` after the one before. */
static bool is_even(const Coding *c, const ProgramSlot *slots, size_t n, size_t stride,
                    uint32_t *step)
{
    *step = n > 1 ? slot(c, slots[stride]) - slot(c, slots[0]) : 0;
    for (size_t i = 2; i < n; i++) {
        if (slot(c, slots[i * stride]) - slot(c, slots[(i - 1) * stride]) != *step)
            return false;
    }
    return true;
}

static int tape_op(const Coding *c, const LoweredInstruction *instruction)
{
    const ProgramSlot *operands = c->sorting->lowered->operands + instruction->x;
    uint32_t step;
    if (instruction->op == LOWERED_PAIRS &&
        is_even(c, operands, instruction->count / 2, 2, &step) &&
        is_even(c, operands + 1, instruction->count / 2, 2, &step))
        return TAPE_EVEN_PAIRS;
    if (instruction->op == LOWERED_TERMS && is_even(c, operands, instruction->count, 1, &step))
        return TAPE_EVEN_TERMS;
    return instruction->op == OP_tanh ? TAPE_TANH : instruction->op;
}

/* Gradients of an even list lie side by side, so its results must not take turns. */
static void put_even(Coding *c, const LoweredInstruction *instruction, size_t n, size_t stride)
{
    const ProgramSlot *operands = c->sorting->lowered->operands + instruction->x;
    for (size_t k = 0; k < stride; k++) {
        uint32_t step;
        (void)is_even(c, operands + k, n, stride, &step);
        put(c, n ? slot(c, operands[k]) : 0);
        put(c, step);
    }
    for (size_t i = 0; i < n * stride; i++) {
        if (slot(c, operands[i]) >= c->first_result)
            note_wait(c, SIZE_MAX);
    }
}

static void put_list(Coding *c, const LoweredInstruction *instruction)
{
    const ProgramSlot *operands = c->sorting->lowered->operands + instruction->x;
    put(c, instruction->count);
    if (instruction->op == LOWERED_PAIRS)
        put_slot(c, instruction->z);
    for (size_t i = 0; i < instruction->count; i++)
        put_slot(c, operands[i]);
}

static void put_instruction(Coding *c, int op, const LoweredInstruction *instruction)
{
    const ProgramSlot operands[] = {instruction->x, instruction->y, instruction->z};
    if (op == TAPE_EVEN_PAIRS) {
        put(c, instruction->count / 2);
        put_slot(c, instruction->z);
        put_even(c, instruction, instruction->count / 2, 2);
    } else if (op == TAPE_EVEN_TERMS) {
        put(c, instruction->count);
        put_even(c, instruction, instruction->count, 1);
    } else if (lowered__is_nary(instruction)) {
        c->lists[c->list_count++] = (uint32_t)c->program->code_count;
        put_list(c, instruction);
    } else {
        for (int i = 0; i < lowered__arity(instruction); i++)
            put_slot(c, operands[i]);
    }
}

static void end_row(Coding *c)
{
    if (c->list_count == 0)
        return;
    c->program->rows[c->program->row_count - 1].words = (uint32_t)c->program->code_count;
    for (size_t i = 0; i < c->list_count; i++)
        put(c, c->lists[i]);
    c->list_count = 0;
}

/* A row goes on with what does the same, but tanh only with what it does not depend on. */
static void put_all(Coding *c)
{
    const Sorting *s = c->sorting;
    Program *program = c->program;
    TapeRow *row = NULL;
    c->first_result = c->result = (ProgramSlot)(program->input_count + program->constant_count);
    for (size_t i = 0; i < s->lowered->count; i++, c->result++) {
        const LoweredInstruction *instruction = &s->lowered->instructions[s->order[i]];
        const int op = tape_op(c, instruction);
        const bool goes_on = row && row->op == op && row->active == instruction->active &&
                             (op != TAPE_TANH || s->levels[i] == s->levels[i - 1]);
        if (!goes_on) {
            end_row(c);
            row = &program->rows[program->row_count++];
            *row = (TapeRow){(uint16_t)op, instruction->active, 0, c->result,
                             (uint32_t)program->code_count};
        }
        row->count++;
        put_instruction(c, op, instruction);
    }
    end_row(c);
}

/* Roots get theirs at the end. */
static void put_roots(Coding *c, const Expansion *e)
{
    for (size_t i = 0; i < e->root_count; i++) {
        const ProgramSlot root = slot(c, e->roots[i]);
        c->program->roots[i] = root;
        if (root >= c->first_result)
            note_wait(c, c->result - root);
    }
}

/* A power of two less 1, and at least the longest wait: by then a result's place is free for the next. */
static uint32_t gradient_mask(const Coding *c)
{
    uint32_t mask = 0;
    while (mask < c->longest_wait && mask < UINT32_MAX)
        mask = 2 * mask + 1;
    return mask;
}

/* ---- recording --------------------------------------------------------------------------------- */

static bool take_sorting(Sorting *s, const Lowered *lowered)
{
    const size_t n = lowered->count;
    *s = (Sorting){.lowered = lowered};
    s->depth = tape__take(lowered->slot_count, sizeof *s->depth);
    s->slots = tape__take(lowered->slot_count, sizeof *s->slots);
    s->order = tape__take(n, sizeof *s->order);
    s->levels = tape__take(n, sizeof *s->levels);
    s->keys = tape__take(n < STRETCH ? n : STRETCH, sizeof *s->keys);
    return s->depth && s->slots && s->order && s->levels && s->keys;
}

static void give_sorting(Sorting *s)
{
    tape__give_back(s->depth);
    tape__give_back(s->slots);
    tape__give_back(s->order);
    tape__give_back(s->levels);
    tape__give_back(s->keys);
}

static size_t most_operands(const Lowered *lowered)
{
    size_t most = 0;
    for (size_t i = 0; i < lowered->count; i++) {
        const LoweredInstruction *instruction = &lowered->instructions[i];
        if (lowered__is_nary(instruction) && instruction->op < LOWERED_PAIRS &&
            instruction->count > most)
            most = instruction->count;
    }
    return most;
}

/* Six words for an instruction, or its list with three more, are the most that one takes. */
static bool take_program(Program *program, const Expansion *e, const Lowered *lowered)
{
    const size_t words = 6 * lowered->count + lowered->operand_count;
    program->input_count = e->input_count;
    program->root_count = e->root_count;
    program->constant_count = lowered->constant_count;
    program->slot_count = e->input_count + lowered->constant_count + lowered->count;
    program->most_operands = most_operands(lowered);
    program->wants = tape__take(e->input_count, sizeof *program->wants);
    program->roots = tape__take(e->root_count, sizeof *program->roots);
    program->constants = tape__take(lowered->constant_count, sizeof *program->constants);
    program->rows = tape__take(lowered->count, sizeof *program->rows);
    program->code = words < UINT32_MAX ? tape__take(words, sizeof *program->code) : NULL;
    return program->wants && program->roots && program->constants && program->rows && program->code;
}

/* Keeps the first n items of a list. False: out of memory. */
static bool shorten(void **list, size_t n, size_t size)
{
    void *shorter = tape__take(n, size);
    if (!shorter)
        return false;
    memcpy(shorter, *list, n * size);
    tape__give_back(*list);
    *list = shorter;
    return true;
}

static bool fill(Program *program, const Expansion *e, const Lowered *lowered, const bool *wants)
{
    Sorting sorting;
    Coding coding = {.program = program, .sorting = &sorting};
    bool room = take_sorting(&sorting, lowered) && take_program(program, e, lowered) &&
                (coding.lists = tape__take(lowered->count, sizeof *coding.lists));
    if (room) {
        for (size_t first = 0; first < lowered->count; first += STRETCH) {
            const size_t left = lowered->count - first;
            sort_stretch(&sorting, first, left < STRETCH ? left : STRETCH);
        }
        number_slots(&sorting, e);
        put_all(&coding);
        memcpy(program->wants, wants, e->input_count * sizeof *wants);
        memcpy(program->constants, lowered->numbers, lowered->constant_count * sizeof(real));
        put_roots(&coding, e);
        program->gradient_mask = gradient_mask(&coding);
        room = shorten((void **)&program->code, program->code_count, sizeof *program->code) &&
               shorten((void **)&program->rows, program->row_count, sizeof *program->rows);
    }
    tape__give_back(coding.lists);
    give_sorting(&sorting);
    return room;
}

static ValgradStatus check_expansion(const char *function, const Expansion *e)
{
    if (e->custom_count > 0)
        return error__set(
            VALGRAD_ERROR_STATE,
            "%s: %s is an operation of the user's, whose functions belong to the graph", function,
            value_op_name(e->customs[0]));
    for (size_t i = 0; i < e->input_count; i++) {
        if (e->instructions[e->inputs[i]].x != i)
            return error__set(VALGRAD_ERROR_ARGUMENT, "%s: input %zu is the same as input %zu",
                              function, i, (size_t)e->instructions[e->inputs[i]].x);
    }
    return VALGRAD_OK;
}

static ValgradStatus check_used(const char *function, const Expansion *e, const Lowered *lowered)
{
    if (lowered->unused_input == e->input_count)
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_ARGUMENT, "%s: no root depends on input %zu", function,
                      lowered->unused_input);
}

static Program *record(const char *function, const Expansion *e, const bool *wants)
{
    Lowered lowered = {0};
    Program *program = NULL;
    if (check_expansion(function, e) == VALGRAD_OK &&
        lower__program(function, e, wants, &lowered) &&
        check_used(function, e, &lowered) == VALGRAD_OK) {
        program = tape__take(1, sizeof *program);
        if (!program || !fill(program, e, &lowered, wants)) {
            program_free(program);
            program = NULL;
            error__memory(function, 0);
        }
    }
    lower__free(&lowered);
    return program;
}

Program *replay__record(const char *function, size_t root_count, const Place *roots,
                        size_t input_count, const Place *inputs)
{
    if (root_count == 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: no roots; expected at least 1", function),
               NULL;
    Expansion *e = expansion__new(function, root_count, roots, input_count, inputs);
    bool *wants = e ? tape__take(input_count, sizeof *wants) : NULL;
    Program *program = NULL;
    for (size_t i = 0; wants && i < input_count; i++)
        wants[i] = (inputs[i].node->flags & WANTS_GRAD) != 0;
    if (wants)
        program = record(function, e, wants);
    else if (e)
        error__memory(function, 0);
    tape__give_back(wants);
    expansion__free(e);
    return program;
}

Program *program_record(size_t root_count, Value *const *roots, size_t input_count,
                        Value *const *inputs)
{
    static const char function[] = "program_record";
    Place *from = expansion__places(function, "root", root_count, roots);
    Place *to = from ? expansion__places(function, "input", input_count, inputs) : NULL;
    bool leaves = to != NULL;
    for (size_t i = 0; leaves && i < input_count; i++)
        leaves = expansion__check_input(function, inputs[i]);
    Program *program = leaves ? replay__record(function, root_count, from, input_count, to) : NULL;
    buffer__give(from);
    buffer__give(to);
    return program;
}

void program_free(Program *program)
{
    if (!program)
        return;
    tape__give_back(program->wants);
    tape__give_back(program->roots);
    tape__give_back(program->constants);
    tape__give_back(program->rows);
    tape__give_back(program->code);
    tape__give_back(program);
}

size_t program_input_count(const Program *program)
{
    return program ? program->input_count : 0;
}

size_t program_root_count(const Program *program)
{
    return program ? program->root_count : 0;
}

size_t program_instruction_count(const Program *program)
{
    return program ? program->slot_count - program->input_count - program->constant_count : 0;
}
