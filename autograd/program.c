/* program.c - writing a graph out as a flat list of scalar instructions.
 *
 * The nodes that the roots depend on are collected breadth first, sorted by when they were made, and each
 * then writes its instructions. A node that depends on no input writes none: its numbers become constants
 * where they are read. */
#include <stdlib.h>
#include <string.h>

#include "autograd/program.h"

#define NO_SLOT UINT32_MAX

/* ---- lists that grow --------------------------------------------------------------------------- */

/* Makes room for `more` items after the first `count` in a list of `room`. False: out of memory, or of
 * numbers for slots. */
static bool reserve(void **items, size_t *room, size_t count, size_t more, size_t size)
{
    const size_t needed = count + more;
    if (needed <= *room)
        return true;
    const size_t larger = needed < 32 ? 64 : 2 * needed;
    void *moved = needed < NO_SLOT ? buffer__take(size_product(larger, size)) : NULL;
    if (!moved)
        return false;
    if (count)
        memcpy(moved, *items, count * size);
    buffer__give(*items);
    *items = moved;
    *room = larger;
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------- */

typedef struct Node {
    uint64_t stamp;
    Value *value;
    size_t first; /* slot of its number 0, in Recorder.slots */
    bool active;  /* depends on an input */
} Node;

typedef struct Recorder {
    const char *function;
    bool failed; /* out of memory */
    Node *nodes;
    size_t node_count, node_room;
    uint32_t *map; /* 1 + the node's number, by the hash of its address */
    size_t map_room;
    ProgramSlot *slots; /* of the numbers of all nodes */
    const Node *now;    /* being expanded */
    void **lent;        /* by expansion__room */
    size_t lent_count, lent_room;
} Recorder;

static size_t hash(const Value *v)
{
    return (size_t)(((uint64_t)(uintptr_t)v * 0x9E3779B97F4A7C15u) >> 20);
}

/* Where the number of node v stands, or would go. */
static uint32_t *map_entry(const Recorder *r, const Value *v)
{
    size_t i = hash(v) & (r->map_room - 1);
    while (r->map[i] && r->nodes[r->map[i] - 1].value != v)
        i = (i + 1) & (r->map_room - 1);
    return &r->map[i];
}

static bool map_renew(Recorder *r, size_t room)
{
    const size_t bytes = size_product(room, sizeof *r->map);
    buffer__give(r->map);
    r->map_room = room;
    r->map = buffer__take(bytes);
    if (!r->map)
        return false;
    memset(r->map, 0, bytes);
    for (size_t i = 0; i < r->node_count; i++)
        *map_entry(r, r->nodes[i].value) = (uint32_t)i + 1;
    return true;
}

static Node *node_at(const Recorder *r, const Value *v)
{
    const uint32_t entry = r->map_room ? *map_entry(r, v) : 0;
    return entry ? &r->nodes[entry - 1] : NULL;
}

static bool add_node(Recorder *r, Value *v)
{
    if (4 * r->node_count >= 3 * r->map_room && !map_renew(r, r->map_room ? 2 * r->map_room : 64))
        return false;
    uint32_t *entry = map_entry(r, v);
    if (*entry)
        return true;
    if (!reserve((void **)&r->nodes, &r->node_room, r->node_count, 1, sizeof *r->nodes))
        return false;
    *entry = (uint32_t)r->node_count + 1;
    r->nodes[r->node_count++] = (Node){.stamp = graph__stamp(v), .value = v};
    return true;
}

static bool collect(Recorder *r, size_t root_count, const Place *roots)
{
    bool room = true;
    for (size_t i = 0; i < root_count && room; i++)
        room = add_node(r, roots[i].node);
    for (size_t next = 0; next < r->node_count && room; next++) {
        const Value *v = r->nodes[next].value;
        const size_t count = value_operand_count(v);
        for (size_t i = 0; i < count && room; i++)
            room = add_node(r, node_of(value_operand(v, i)));
    }
    return room;
}

static int by_creation(const void *first, const void *second)
{
    const Node *a = first, *b = second;
    if (a->stamp != b->stamp)
        return a->stamp < b->stamp ? -1 : 1;
    return a->value < b->value ? -1 : a->value > b->value;
}

static size_t numbers_in(const Value *v)
{
    return (v->flags & DENSE) ? (size_t)dense_of(v)->n : 1;
}

/* Sorts the nodes and gives each its place in a list of slots, none of which is known yet. */
static bool order(Recorder *r)
{
    size_t numbers = 0;
    if (r->node_count > 0)
        qsort(r->nodes, r->node_count, sizeof *r->nodes, by_creation);
    for (size_t i = 0; i < r->node_count; i++) {
        r->nodes[i].first = numbers;
        numbers += numbers_in(r->nodes[i].value);
    }
    const size_t bytes = size_product(numbers, sizeof *r->slots);
    r->slots = map_renew(r, r->map_room) ? buffer__take(bytes) : NULL;
    if (r->slots)
        memset(r->slots, 0xFF, bytes);
    return r->slots != NULL;
}

/* ---- instructions ------------------------------------------------------------------------------ */

static void fail(Expansion *e)
{
    e->recorder->failed = true;
}

ProgramSlot expansion__emit(Expansion *e, Instruction instruction)
{
    if (e->recorder->failed ||
        !reserve((void **)&e->instructions, &e->room, e->count, 1, sizeof *e->instructions))
        return fail(e), 0;
    e->instructions[e->count] = instruction;
    return (ProgramSlot)e->count++;
}

ProgramSlot expansion__constant(Expansion *e, real number)
{
    return expansion__emit(e, (Instruction){.op = OP_CONST, .p = number});
}

ProgramSlot expansion__op1(Expansion *e, OpCode op, ProgramSlot x, real p)
{
    return expansion__emit(e, (Instruction){.op = (uint16_t)op, .x = x, .p = p});
}

ProgramSlot expansion__op2(Expansion *e, OpCode op, ProgramSlot x, ProgramSlot y)
{
    return expansion__emit(e, (Instruction){.op = (uint16_t)op, .x = x, .y = y});
}

ProgramSlot expansion__op3(Expansion *e, OpCode op, ProgramSlot x, ProgramSlot y, ProgramSlot z)
{
    return expansion__emit(e, (Instruction){.op = (uint16_t)op, .x = x, .y = y, .z = z});
}

ProgramSlot expansion__detach(Expansion *e, ProgramSlot x)
{
    return expansion__emit(e, (Instruction){.op = PROGRAM_DETACH, .x = x});
}

ProgramSlot expansion__nary(Expansion *e, int op, int64_t n, const ProgramSlot *x)
{
    const ProgramSlot first = (ProgramSlot)e->operand_count;
    if (e->recorder->failed || !reserve((void **)&e->operands, &e->operand_room, e->operand_count,
                                        (size_t)n, sizeof *e->operands))
        return fail(e), 0;
    for (int64_t i = 0; i < n; i++)
        e->operands[e->operand_count++] = x[i];
    return expansion__emit(e, (Instruction){.op = (uint16_t)op, .x = first, .count = (uint32_t)n});
}

ProgramSlot *expansion__room(Expansion *e, int64_t n)
{
    Recorder *r = e->recorder;
    if (r->failed || !reserve((void **)&r->lent, &r->lent_room, r->lent_count, 1, sizeof *r->lent))
        return fail(e), NULL;
    ProgramSlot *slots = buffer__take(size_product((size_t)n, sizeof *slots));
    if (!slots)
        return fail(e), NULL;
    r->lent[r->lent_count++] = slots;
    return slots;
}

/* The number itself where no instruction has been written for it. */
ProgramSlot expansion__slot(Expansion *e, Place place)
{
    const Node *node = node_at(e->recorder, place.node);
    ProgramSlot *slot = &e->recorder->slots[node->first + (size_t)place.index];
    if (*slot == NO_SLOT)
        *slot = expansion__constant(e, (place.node->flags & DENSE)
                                           ? dense_of(place.node)->data[place.index]
                                           : place.node->data);
    return *slot;
}

void expansion__result(Expansion *e, int64_t i, ProgramSlot slot)
{
    e->recorder->slots[e->recorder->now->first + (size_t)i] = slot;
}

/* ---- one node ---------------------------------------------------------------------------------- */

const ValueOpInfo *instruction__row(const Instruction *instruction)
{
    const int op = instruction->op;
    return op > OP_FREED && op < OP_COUNT ? value_op_row((size_t)op - OP_FREED - 1) : NULL;
}

static void expand_row(const Value *v, Expansion *e)
{
    Instruction instruction = {.op = v->op};
    const ValueOpInfo *row = instruction__row(&instruction);
    instruction.x = expansion__slot(e, place_of(v->x));
    if (row->arity > 1)
        instruction.y = expansion__slot(e, place_of(v->y));
    if (row->has_parameter)
        instruction.p = v->parameter;
    expansion__result(e, 0, expansion__emit(e, instruction));
}

/* Notes the name of a scalar node. */
static void keep_label(Expansion *e, const Node *node)
{
    const char *label = (node->value->flags & DENSE) ? "" : value_label(node->value);
    if (!*label || e->recorder->failed)
        return;
    if (!reserve((void **)&e->labels, &e->label_room, e->label_count, 1, sizeof *e->labels)) {
        fail(e);
        return;
    }
    e->labels[e->label_count++] = (ProgramLabel){e->recorder->slots[node->first], label};
}

static ValgradStatus expand(Expansion *e, const Node *node)
{
    Recorder *r = e->recorder;
    const Value *v = node->value;
    r->now = node;
    if (!(v->flags & EXTENDED))
        expand_row(v, e);
    else
        v->more->kind->expand(v, e);
    keep_label(e, node);
    while (r->lent_count > 0)
        buffer__give(r->lent[--r->lent_count]);
    return r->failed ? error__memory(r->function, 0) : VALGRAD_OK;
}

/* Whether an operand depends on an input; a leaf must still have the number that was used. */
static ValgradStatus look_at_operands(const Recorder *r, Node *node)
{
    const size_t count = value_operand_count(node->value);
    for (size_t i = 0; i < count; i++) {
        const Node *operand = node_at(r, node_of(value_operand(node->value, i)));
        node->active |= operand->active;
        if ((operand->value->flags & LEAF) && operand->value->changed_at > node->stamp)
            return backward__say_changed(r->function, node->value, operand->value);
    }
    return VALGRAD_OK;
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* The first instructions are the inputs. One that is given twice is one instruction; one that no root
 * depends on has no further use. */
static void expand_inputs(Expansion *e, size_t n, const Place *inputs)
{
    for (size_t i = 0; i < n; i++) {
        Node *node = node_at(e->recorder, inputs[i].node);
        ProgramSlot *slot =
            node ? &e->recorder->slots[node->first + (size_t)inputs[i].index] : NULL;
        if (slot && *slot != NO_SLOT) {
            e->inputs[i] = *slot;
            continue;
        }
        e->inputs[i] = expansion__emit(e, (Instruction){.op = OP_LEAF, .x = (ProgramSlot)i});
        if (slot) {
            node->active = true;
            *slot = e->inputs[i];
        }
    }
}

static ValgradStatus expand_nodes(Expansion *e)
{
    Recorder *r = e->recorder;
    ValgradStatus status = r->failed ? error__memory(r->function, 0) : VALGRAD_OK;
    for (size_t i = 0; i < r->node_count && status == VALGRAD_OK; i++) {
        status = look_at_operands(r, &r->nodes[i]);
        if (status == VALGRAD_OK && r->nodes[i].active && !(r->nodes[i].value->flags & LEAF))
            status = expand(e, &r->nodes[i]);
        else if (r->nodes[i].value->op == OP_CONST && !(r->nodes[i].value->flags & DENSE))
            (void)expansion__slot(e,
                                  place_of(r->nodes[i].value)); /* in the order of their making */
    }
    return status;
}

static ValgradStatus expand_all(Expansion *e, const Place *roots, const Place *inputs)
{
    Recorder *r = e->recorder;
    e->inputs = buffer__take(e->input_count * sizeof *e->inputs);
    e->roots = buffer__take(e->root_count * sizeof *e->roots);
    if (!e->inputs || !e->roots || !collect(r, e->root_count, roots) || !order(r))
        return error__memory(r->function, 0);
    expand_inputs(e, e->input_count, inputs);
    const ValgradStatus status = expand_nodes(e);
    for (size_t i = 0; status == VALGRAD_OK && i < e->root_count; i++)
        e->roots[i] = expansion__slot(e, roots[i]);
    return status == VALGRAD_OK && r->failed ? error__memory(r->function, 0) : status;
}

static void give_recorder(Recorder *r)
{
    buffer__give(r->lent);
    buffer__give(r->nodes);
    buffer__give(r->map);
    buffer__give(r->slots);
}

Expansion *expansion__new(const char *function, size_t root_count, const Place *roots,
                          size_t input_count, const Place *inputs)
{
    Recorder recorder = {.function = function};
    Expansion *e = buffer__take(sizeof *e);
    if (!e)
        return error__memory(function, sizeof *e), NULL;
    *e = (Expansion){.root_count = root_count, .input_count = input_count, .recorder = &recorder};
    const ValgradStatus status = expand_all(e, roots, inputs);
    give_recorder(&recorder);
    e->recorder = NULL;
    if (status == VALGRAD_OK)
        return e;
    expansion__free(e);
    return NULL;
}

void expansion__free(Expansion *e)
{
    if (!e)
        return;
    buffer__give(e->instructions);
    buffer__give(e->operands);
    buffer__give(e->inputs);
    buffer__give(e->roots);
    buffer__give(e->customs);
    buffer__give(e->labels);
    buffer__give(e);
}

/* ---- custom operations ------------------------------------------------------------------------- */

void expansion__custom(Expansion *e, const Value *v)
{
    const int64_t n = (int64_t)value_operand_count(v);
    ProgramSlot *operands = expansion__room(e, n);
    if (!operands ||
        !reserve((void **)&e->customs, &e->custom_room, e->custom_count, 1, sizeof *e->customs)) {
        fail(e);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        operands[i] = expansion__slot(e, place_of(value_operand(v, (size_t)i)));
    const ProgramSlot slot = expansion__nary(e, PROGRAM_CUSTOM, n, operands);
    if (!e->recorder->failed)
        e->instructions[slot].y = (ProgramSlot)e->custom_count;
    e->customs[e->custom_count++] = v;
    expansion__result(e, 0, slot);
}

/* ---- from Values ------------------------------------------------------------------------------- */

bool expansion__check_input(const char *function, const Value *v)
{
    const Value *node = node_of(v);
    if (node->flags & LEAF)
        return true;
    error__set(VALGRAD_ERROR_ARGUMENT,
               "%s: an input is the result of %s; expected a leaf or constant", function,
               value_op_name(node));
    return false;
}

Place *expansion__places(const char *function, const char *name, size_t n, Value *const *values)
{
    if (n > 0 && !values)
        return error__null(function, name), NULL;
    for (size_t i = 0; i < n; i++) {
        if (!values[i])
            return error__null(function, name), NULL;
        if (values[i]->flags & DENSE)
            return error__set(VALGRAD_ERROR_STATE,
                              "%s: %s has a whole tensor; use tensor functions", function, name),
                   NULL;
    }
    Place *places = buffer__take(size_product(n, sizeof *places));
    if (!places)
        return error__memory(function, 0), NULL;
    for (size_t i = 0; i < n; i++)
        places[i] = place_of(values[i]);
    return places;
}
