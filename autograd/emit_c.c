/* emit_c.c - a graph as a C function that computes its value and its gradient: the lowered program, folded
 * into loops. */
#include <ctype.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/emit.h"
#include "autograd/fold.h"
#include "autograd/formula_text.h"
#include "autograd/instruction.h"

typedef struct Emission {
    const char *function, *name;
    const Expansion *e;
    Lowered lowered;
    FoldRef *where; /* of each slot */
    int64_t *value; /* which number of v an instruction computes */
    bool *used;     /* of each constant */
    Fold fold;
    bool needs_constants; /* as an array, for loops */
    bool needs_definitions, needs_shares;
    FILE *out;
} Emission;

/* ---- items ------------------------------------------------------------------------------------- */

static void place_slots(Emission *m)
{
    const Expansion *e = m->e;
    const Lowered *lowered = &m->lowered;
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
static bool is_even(const Emission *m, const ProgramSlot *slots, size_t n, size_t stride)
{
    for (size_t i = 1; i < n; i++) {
        const FoldRef *a = &m->where[slots[(i - 1) * stride]], *b = &m->where[slots[i * stride]];
        if (a->array != b->array || a->active != b->active ||
            b->base - a->base != m->where[slots[stride]].base - m->where[slots[0]].base)
            return false;
    }
    return n > 0;
}

static FoldRef even_ref(const Emission *m, const ProgramSlot *slots, size_t n, size_t stride)
{
    FoldRef ref = m->where[slots[0]];
    ref.step = n > 1 ? m->where[slots[stride]].base - ref.base : 0;
    return ref;
}

static FoldItem list_item(Emission *m, const LoweredInstruction *instruction)
{
    const ProgramSlot *slots = m->lowered.operands + instruction->x;
    const bool pairs = instruction->op == LOWERED_PAIRS;
    const size_t stride = pairs ? 2 : 1, n = instruction->count / stride;
    FoldItem item = {.count = instruction->count};
    item.even = is_even(m, slots, n, stride) && (!pairs || is_even(m, slots + 1, n, stride));
    item.refs = fold__take(&m->fold, 2 + instruction->count + stride, sizeof *item.refs);
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

static FoldItem plain_item(Emission *m, const LoweredInstruction *instruction)
{
    const ProgramSlot slots[] = {instruction->x, instruction->y, instruction->z};
    FoldItem item = {.refs = fold__take(&m->fold, 1 + ROW_OPERANDS, sizeof *item.refs)};
    if (!item.refs)
        return item;
    item.ref_count = 1;
    for (int i = 0; i < lowered__arity(instruction); i++)
        item.refs[item.ref_count++] = m->where[slots[i]];
    return item;
}

static void push_roots(Emission *m)
{
    for (size_t i = 0; i < m->e->root_count; i++) {
        FoldItem item = {.op = FOLD_ROOT, .active = true, .leaf_count = 1, .ref_count = 2};
        item.refs = fold__take(&m->fold, 2, sizeof *item.refs);
        if (!item.refs)
            return;
        item.refs[0] = (FoldRef){.array = FOLD_RESULTS, .base = (int64_t)i};
        item.refs[1] = m->where[m->e->roots[i]];
        fold__push(&m->fold, item);
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
static bool fold_all(Emission *m)
{
    fold__free(&m->fold);
    m->fold = (Fold){.items = NULL};
    place_slots(m);
    size_t label = 0;
    for (size_t i = 0; i < m->lowered.count && !m->fold.failed; i++) {
        const LoweredInstruction *instruction = &m->lowered.instructions[i];
        FoldItem item =
            lowered__is_nary(instruction) ? list_item(m, instruction) : plain_item(m, instruction);
        item.op = instruction->op;
        item.active = instruction->active;
        item.leaf_count = 1;
        item.label = next_label(m->e, &label, instruction->result);
        if (item.refs)
            item.refs[0] = m->where[instruction->result];
        fold__push(&m->fold, item);
    }
    push_roots(m);
    return !m->fold.failed;
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
static bool number_by_depth(Emission *m)
{
    const Lowered *lowered = &m->lowered;
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

static void number_in_order(Emission *m)
{
    for (size_t i = 0; i < m->lowered.count; i++)
        m->value[i] = (int64_t)i;
}

/* By the numbering that gives the shorter code. */
static bool fold_well(Emission *m)
{
    number_in_order(m);
    if (!fold_all(m))
        return false;
    const size_t leaves = fold__leaves(&m->fold);
    if (!number_by_depth(m) || !fold_all(m))
        return false;
    if (fold__leaves(&m->fold) <= leaves)
        return true;
    number_in_order(m);
    return fold_all(m);
}

/* ---- text -------------------------------------------------------------------------------------- */

#ifdef VALGRAD_FLOAT
static const char real_name[] = "float", suffix[] = "f"; /* of its constants */
#else
static const char real_name[] = "double", suffix[] = "";
#endif

/* Whatever the locale's decimal point is. */
static void put_number(FILE *out, real number)
{
    char text[64];
    if (!isfinite(number)) {
        fputs(isnan(number) ? "(real)NAN" : number > 0 ? "(real)INFINITY" : "-(real)INFINITY", out);
        return;
    }
    (void)snprintf(text, sizeof text, "%.*g", sizeof(real) == sizeof(double) ? 17 : 9,
                   (double)number);
    bool point = false;
    for (char *c = text; *c; c++) {
        if (!isdigit((unsigned char)*c) && *c != '-' && *c != '+' && *c != 'e')
            *c = '.';
        point |= *c == '.' || *c == 'e';
    }
    fprintf(out, point ? "%s%s" : "%s.0%s", text, suffix);
}

static void indent(const Emission *m, int depth)
{
    fprintf(m->out, "%*s", 4 * (depth + 1), "");
}

/* The first is not negative: all counters begin at 0, and no index lies before 0. */
static void put_term(FILE *out, bool *first, int64_t factor, const char *variable)
{
    if (factor == 0)
        return;
    if (!*first)
        fputs(factor < 0 ? " - " : " + ", out);
    const long long size = factor < 0 ? -(long long)factor : (long long)factor;
    if (!variable)
        fprintf(out, "%lld", size);
    else if (size == 1)
        fputs(variable, out);
    else
        fprintf(out, "%lld * %s", size, variable);
    *first = false;
}

/* An element of one of `arrays` (by FoldArray). In a list, n counts. */
static void put_element(const Emission *m, const char *const arrays[], const FoldRef *ref,
                        int depth)
{
    static const char *const counters[] = {"i", "j", "k", "l"};
    bool first = true;
    fprintf(m->out, "%s[", arrays[ref->array]);
    put_term(m->out, &first, ref->base, NULL);
    for (int level = 0; level < depth; level++)
        put_term(m->out, &first, ref->stride[depth - 1 - level], counters[level]);
    put_term(m->out, &first, ref->step, "n");
    fputs(first ? "0]" : "]", m->out);
}

static bool moves(const FoldRef *ref, int depth)
{
    bool any = ref->step != 0;
    for (int level = 0; level < depth; level++)
        any |= ref->stride[level] != 0;
    return any;
}

static void put_value(const Emission *m, const FoldRef *ref, int depth)
{
    static const char *const arrays[] = {"in", "c", "v", "out"};
    if (ref->array == FOLD_CONSTANTS && !moves(ref, depth))
        put_number(m->out, m->lowered.numbers[ref->base]);
    else
        put_element(m, arrays, ref, depth);
}

static void put_gradient(const Emission *m, const FoldRef *ref, int depth)
{
    static const char *const arrays[] = {"din", NULL, "g", NULL};
    put_element(m, arrays, ref, depth);
}

/* "{ const real x = …, y = …, " for those letters that the text has. */
static void put_letters(const Emission *m, const FoldItem *item, const char *const *texts,
                        int count)
{
    const ValueOpInfo *row = instruction__row(&(Instruction){.op = item->op});
    const char *letters[] = {"x", "y", "z"};
    if (row->has_parameter)
        letters[1] = "p";
    for (size_t i = 1; i < item->ref_count; i++) {
        bool needed = false;
        for (int k = 0; k < count; k++)
            needed |= texts[k] && formula__has_word(texts[k], letters[i - 1]);
        if (!needed)
            continue;
        fprintf(m->out, "const real %s = ", letters[i - 1]);
        put_value(m, &item->refs[i], item->depth);
        fputs("; ", m->out);
    }
}

/* ---- forwards ---------------------------------------------------------------------------------- */

static const FormulaText *text_of(int op)
{
    return &formula__texts[op - OP_FREED - 1];
}

typedef struct RuleText {
    const char *value, *first;
} RuleText;

static const RuleText *rule_of(int op)
{
    static const RuleText rules[] = {
        [PROGRAM_MAX - PROGRAM_MAX] = {"max_value", "extreme_first"},
        [PROGRAM_MIN - PROGRAM_MAX] = {"min_value", "extreme_first"},
        [PROGRAM_FIRST_MAX - PROGRAM_MAX] = {"max_value", "first_max_first"},
        [PROGRAM_WEIGHTED - PROGRAM_MAX] = {"weighted_value", "dot_first"},
        [PROGRAM_LOGSUMEXP - PROGRAM_MAX] = {"logsumexp_value", "logsumexp_first"},
        [PROGRAM_NORM2 - PROGRAM_MAX] = {"norm2_value", "norm2_first"},
    };
    return &rules[op - PROGRAM_MAX];
}

static void put_label(const Emission *m, const char *label)
{
    for (const char *c = label; c && *c; c++)
        fputc((*c == '*' && c[1] == '/') || iscntrl((unsigned char)*c) ? '?' : *c, m->out);
}

/* The end of a line: the formula of a row, and the node's label. */
static void put_comment(const Emission *m, const FoldItem *item)
{
    const ValueOpInfo *row = instruction__row(&(Instruction){.op = item->op});
    const bool label = item->label && *item->label;
    if (row || label) {
        fputs(" /* ", m->out);
        put_label(m, item->label);
        if (row)
            fprintf(m->out, "%s%s", label ? " = " : "", row->formula);
        fputs(" */", m->out);
    }
    fputc('\n', m->out);
}

/* All operands of a list into t. */
static void put_gathered(const Emission *m, const FoldItem *item)
{
    fprintf(m->out, "real t[%u]; ", (unsigned)item->count);
    for (size_t i = 1; i < item->ref_count; i++) {
        if (item->even)
            fprintf(m->out, "for (int n = 0; n < %u; n++) t[n] = ", (unsigned)item->count);
        else
            fprintf(m->out, "t[%zu] = ", i - 1);
        put_value(m, &item->refs[i], item->depth);
        fputs("; ", m->out);
    }
}

static void forward_list(const Emission *m, const FoldItem *item)
{
    const bool pairs = item->op == LOWERED_PAIRS;
    const size_t stride = pairs ? 2 : 1;
    fputs("{ real sum = ", m->out);
    if (pairs)
        put_value(m, &item->refs[1], item->depth);
    else
        fputc('0', m->out);
    fputs("; ", m->out);
    for (size_t i = 1 + pairs; i < item->ref_count; i += stride) {
        if (item->even)
            fprintf(m->out, "for (int n = 0; n < %u; n++) ", (unsigned)(item->count / stride));
        fputs("sum += ", m->out);
        put_value(m, &item->refs[i], item->depth);
        if (pairs) {
            fputs(" * ", m->out);
            put_value(m, &item->refs[i + 1], item->depth);
        }
        fputs("; ", m->out);
    }
    put_value(m, &item->refs[0], item->depth);
    fputs(" = sum; }", m->out);
}

static void forward_rule(const Emission *m, const FoldItem *item)
{
    fputs("{ ", m->out);
    put_gathered(m, item);
    put_value(m, &item->refs[0], item->depth);
    fprintf(m->out, " = %s(%u, t); }", rule_of(item->op)->value, (unsigned)item->count);
}

static void forward_row(const Emission *m, const FoldItem *item)
{
    const FormulaText *text = text_of(item->op);
    fputs("{ ", m->out);
    put_letters(m, item, &text->f, 1);
    put_value(m, &item->refs[0], item->depth);
    fprintf(m->out, " = %s; }", text->f);
}

/* "result = x", and more of the operands if there is an operator between them. */
static void put_sum(const Emission *m, const FoldItem *item, const char *between)
{
    put_value(m, &item->refs[0], item->depth);
    fputs(" = ", m->out);
    put_value(m, &item->refs[1], item->depth);
    if (between) {
        fputs(between, m->out);
        put_value(m, &item->refs[2], item->depth);
    }
}

static void forward_leaf(const Emission *m, const FoldItem *item)
{
    switch (item->op) {
    case LOWERED_COPY:
    case FOLD_ROOT:
        put_sum(m, item, NULL);
        break;
    case LOWERED_ADD_CONSTANT:
    case OP_add:
        put_sum(m, item, " + ");
        break;
    case OP_sub:
        put_sum(m, item, " - ");
        break;
    case LOWERED_SCALE:
    case OP_mul:
        put_sum(m, item, " * ");
        break;
    case LOWERED_MULTIPLY_ADD:
        put_sum(m, item, " * ");
        fputs(" + ", m->out);
        put_value(m, &item->refs[3], item->depth);
        break;
    case LOWERED_PAIRS:
    case LOWERED_TERMS:
        forward_list(m, item);
        return;
    default:
        if (item->op < OP_COUNT)
            forward_row(m, item);
        else
            forward_rule(m, item);
        return;
    }
    fputc(';', m->out);
}

/* Loops nest no deeper than FOLD_DEPTH. */
static void forward(const Emission *m, const FoldItem *items, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        const FoldItem *item = &items[i];
        indent(m, depth);
        if (item->op == FOLD_LOOP) {
            const char c = "ijkl"[depth];
            fprintf(m->out, "for (int %c = 0; %c < %u; %c++) {\n", c, c, (unsigned)item->count, c);
            forward(m, item->items, item->item_count, depth + 1);
            indent(m, depth);
            fputs("}\n", m->out);
        } else {
            forward_leaf(m, item);
            put_comment(m, item);
        }
    }
}

/* ---- backwards --------------------------------------------------------------------------------- */

/* "its gradient += " for operand number i, if it takes part. */
static bool give_by(const Emission *m, const FoldItem *item, size_t i)
{
    const FoldRef *ref = &item->refs[i];
    if (!ref->active)
        return false;
    put_gradient(m, ref, item->depth);
    fputs(" += ", m->out);
    return true;
}

/* d times operand number `factor`, or d alone for 0. */
static void give_times(const Emission *m, const FoldItem *item, size_t i, size_t factor)
{
    if (!give_by(m, item, i))
        return;
    fputs(factor > 0 ? "times(d, " : "d", m->out);
    if (factor > 0) {
        put_value(m, &item->refs[factor], item->depth);
        fputc(')', m->out);
    }
    fputs("; ", m->out);
}

/* d, times the other number of its pair if it has one, for operand number i. */
static void give_in_list(const Emission *m, const FoldItem *item, size_t i)
{
    if (!give_by(m, item, i))
        return;
    fputc('d', m->out);
    if (item->op == LOWERED_PAIRS && i > 1) {
        fputs(" * ", m->out);
        put_value(m, &item->refs[2 + ((i - 2) ^ 1)], item->depth);
    }
    fputs("; ", m->out);
}

/* Nothing is passed on of a gradient of 0, so the products need no care. One loop gives to both of a pair: two
 * loops took a twelfth more of the whole time of a network. */
static void backward_list(const Emission *m, const FoldItem *item)
{
    const bool pairs = item->op == LOWERED_PAIRS;
    bool loop = false;
    fputs("if (d != 0) { ", m->out);
    if (pairs)
        give_in_list(m, item, 1);
    for (size_t i = 1 + pairs; i < item->ref_count; i++)
        loop |= item->even && item->refs[i].active;
    if (loop)
        fprintf(m->out, "for (int n = 0; n < %u; n++) { ",
                (unsigned)(pairs ? item->count / 2 : item->count));
    for (size_t i = 1 + pairs; i < item->ref_count; i++)
        give_in_list(m, item, i);
    fputs(loop ? "} } " : "} ", m->out);
}

static void backward_rule(const Emission *m, const FoldItem *item)
{
    put_gathered(m, item);
    fprintf(m->out, "real dt[%u]; %s(%u, t, ", (unsigned)item->count, rule_of(item->op)->first,
            (unsigned)item->count);
    put_value(m, &item->refs[0], item->depth);
    fputs(", dt); ", m->out);
    for (size_t i = 1; i < item->ref_count; i++) {
        if (item->even && item->refs[i].active)
            fprintf(m->out, "for (int n = 0; n < %u; n++) ", (unsigned)item->count);
        if (!give_by(m, item, i))
            continue;
        if (item->even)
            fputs("share(d, dt[n]); ", m->out);
        else
            fprintf(m->out, "share(d, dt[%zu]); ", i - 1);
    }
}

static void backward_row(const Emission *m, const FoldItem *item)
{
    const FormulaText *text = text_of(item->op);
    const char *wanted[ROW_OPERANDS] = {NULL};
    bool reads_result = false;
    for (size_t i = 1; i < item->ref_count; i++) {
        if (item->refs[i].active)
            wanted[i - 1] = text->d[i - 1];
        reads_result |= wanted[i - 1] && formula__has_word(wanted[i - 1], "f");
    }
    put_letters(m, item, wanted, ROW_OPERANDS);
    if (reads_result) {
        fputs("const real f = ", m->out);
        put_value(m, &item->refs[0], item->depth);
        fputs("; ", m->out);
    }
    for (size_t i = 1; i < item->ref_count; i++) {
        if (wanted[i - 1] && give_by(m, item, i))
            fprintf(m->out, "%s(d, %s); ", op_chooses((OpCode)item->op) ? "share" : "times", wanted[i - 1]);
    }
}

static void backward_leaf(const Emission *m, const FoldItem *item)
{
    fputs("{ const real d = ", m->out);
    put_gradient(m, &item->refs[0], item->depth);
    fputs("; ", m->out);
    switch (item->op) {
    case LOWERED_ADD_CONSTANT:
        give_times(m, item, 1, 0);
        break;
    case LOWERED_SCALE:
        give_times(m, item, 1, 2);
        break;
    case LOWERED_MULTIPLY_ADD:
        give_times(m, item, 1, 2);
        give_times(m, item, 2, 1);
        give_times(m, item, 3, 0);
        break;
    case LOWERED_PAIRS:
    case LOWERED_TERMS:
        backward_list(m, item);
        break;
    default:
        if (item->op < OP_COUNT)
            backward_row(m, item);
        else
            backward_rule(m, item);
    }
    fputs("}\n", m->out);
}

static void backward_root(const Emission *m, const FoldItem *item)
{
    put_gradient(m, &item->refs[1], item->depth);
    fputs(" += 1;\n", m->out);
}

static bool any_active(const FoldItem *item)
{
    bool any = item->op == FOLD_ROOT ? item->refs[1].active : item->active;
    for (size_t i = 0; i < item->item_count; i++)
        any |= any_active(&item->items[i]);
    return any;
}

static void backward(const Emission *m, const FoldItem *items, size_t count, int depth)
{
    for (size_t i = count; i-- > 0;) {
        const FoldItem *item = &items[i];
        if (!any_active(item))
            continue;
        indent(m, depth);
        if (item->op == FOLD_LOOP) {
            const char c = "ijkl"[depth];
            fprintf(m->out, "for (int %c = %u; %c >= 0; %c--) {\n", c, (unsigned)item->count - 1, c,
                    c);
            backward(m, item->items, item->item_count, depth + 1);
            indent(m, depth);
            fputs("}\n", m->out);
        } else if (item->op == FOLD_ROOT) {
            backward_root(m, item);
        } else {
            backward_leaf(m, item);
        }
    }
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* What the items need besides: functions, and constants as an array. */
static void look_through(Emission *m, FormulaDefinitions *definitions, const FoldItem *items,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const FoldItem *item = &items[i];
        look_through(m, definitions, item->items, item->item_count);
        for (size_t k = 0; k < item->ref_count; k++)
            m->needs_constants |=
                item->refs[k].array == FOLD_CONSTANTS && moves(&item->refs[k], item->depth);
        m->needs_shares |= instruction__chooses(&(Instruction){.op = item->op});
        if (item->op < OP_COUNT) {
            const FormulaText *text = text_of(item->op);
            formula__need(definitions, text->f);
            for (int k = 0; k < ROW_OPERANDS; k++)
                formula__need(definitions, text->d[k] ? text->d[k] : "");
        } else if (item->op >= PROGRAM_MAX && item->op <= PROGRAM_NORM2) {
            formula__need(definitions, rule_of(item->op)->value);
            formula__need(definitions, rule_of(item->op)->first);
        }
    }
}

static void put_head(const Emission *m, const char *const *labels)
{
    const size_t inputs = m->e->input_count;
    fprintf(m->out, "/* %s - made by valgrad from a graph: %zu numbers in, %zu out.\n *\n", m->name,
            inputs, m->e->root_count);
    for (size_t i = 0; labels && i < inputs; i++) {
        if (!*labels[i])
            continue;
        fprintf(m->out, " * in[%zu]: ", i);
        put_label(m, labels[i]);
        fputs("\n", m->out);
    }
    fputs(" * Writes the results to out, and, unless din is NULL, the derivatives of their sum by "
          "the inputs to\n"
          " * din. `room` is for numbers on the way; no two of the arrays may overlap. */\n",
          m->out);
    fprintf(m->out,
            "#include <%s.h>\n#include <stdbool.h>\n#include <stddef.h>\n\ntypedef %s real;\n\n",
            m->needs_definitions || sizeof(real) != sizeof(double) ? "tgmath" : "math", real_name);
    fprintf(m->out, "enum { %s_inputs = %zu, %s_results = %zu, %s_room = %zu };\n\n", m->name,
            inputs, m->name, m->e->root_count, m->name,
            2 * m->lowered.count + (m->lowered.count == 0));
}

static void put_constants(const Emission *m)
{
    fputs("static const real c[] = {", m->out);
    for (size_t i = 0; i < m->lowered.constant_count; i++) {
        fputs(i % 4 ? " " : "\n    ", m->out);
        put_number(m->out, m->lowered.numbers[i]);
        fputc(',', m->out);
    }
    fputs("\n};\n\n", m->out);
}

static void put_function(const Emission *m)
{
    FILE *out = m->out;
    fputs("/* A gradient of exactly 0 passes 0 on, whatever the derivative. */\n"
          "static inline real times(real d, real derivative)\n{\n"
          "    return d != 0 ? d * derivative : 0;\n}\n\n",
          out);
    if (m->needs_shares)
        fputs("/* What was not chosen has a derivative of 0 and gets nothing. */\n"
              "static inline real share(real d, real derivative)\n{\n"
              "    return derivative != 0 ? times(d, derivative) : 0;\n}\n\n",
              out);
    const size_t values = m->lowered.count;
    fprintf(out,
            "void %s(const %s *restrict in, %s *restrict out, %s *restrict din, %s *restrict "
            "room);\n\n",
            m->name, real_name, real_name, real_name, real_name);
    fprintf(out,
            "void %s(const %s *restrict in, %s *restrict out, %s *restrict din, %s *restrict "
            "room)\n{\n",
            m->name, real_name, real_name, real_name, real_name);
    fputs("    real *restrict v = room;\n    (void)in, (void)v;\n", out);
    forward(m, m->fold.items, m->fold.count, 0);
    fprintf(out,
            "    if (!din)\n        return;\n\n    real *restrict g = room + %zu;\n    (void)g;\n",
            values);
    fprintf(out, "    for (int n = 0; n < %zu; n++)\n        g[n] = 0;\n", values);
    fprintf(out, "    for (int n = 0; n < %zu; n++)\n        din[n] = 0;\n", m->e->input_count);
    backward(m, m->fold.items, m->fold.count, 0);
    fputs("}\n", out);
}

static ValgradStatus check_name(const char *function, const char *name)
{
    bool good = isalpha((unsigned char)name[0]) || name[0] == '_';
    for (const char *c = name; *c; c++)
        good &= isalnum((unsigned char)*c) || *c == '_';
    if (good && !formula__is_defined(name))
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_NAME, "%s: '%s' cannot be the name of the function", function,
                      name);
}

static ValgradStatus check_expansion(const char *function, const Expansion *e)
{
    if (e->custom_count > 0)
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: %s is an operation of the user's, of which there is no text",
                          function, value_op_name(e->customs[0]));
    const bool fits = e->count < INT_MAX / 4; /* loops of the text count in int */
    return fits ? VALGRAD_OK : error__set(VALGRAD_ERROR_ARGUMENT, "%s: too much text", function);
}

static bool take_all(Emission *m)
{
    m->where = buffer__take(size_product(m->lowered.slot_count, sizeof *m->where));
    m->value = buffer__take(size_product(m->lowered.count, sizeof *m->value));
    return m->where && m->value;
}

static ValgradStatus emit(Emission *m, const char *const *labels)
{
    FormulaDefinitions definitions = {{false}};
    if (!take_all(m) || !fold_well(m))
        return error__memory(m->function, 0);
    look_through(m, &definitions, m->fold.items, m->fold.count);
    for (size_t i = 0; i < FORMULA_MOST_DEFINITIONS; i++)
        m->needs_definitions |= definitions.needed[i];
    put_head(m, labels);
    formula__write(&definitions, m->out);
    if (m->needs_constants)
        put_constants(m);
    put_function(m);
    if (fflush(m->out) == 0 && !ferror(m->out))
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_IO, "%s: the file cannot be written", m->function);
}

ValgradStatus emit__c(const char *function, const char *name, size_t root_count, const Place *roots,
                      size_t input_count, const Place *inputs, const char *const *labels, FILE *out)
{
    if (!name || !out)
        return error__null(function, name ? "out" : "name");
    if (check_name(function, name) != VALGRAD_OK)
        return valgrad_last_status();
    Emission m = {.function = function, .name = name, .out = out};
    Expansion *e = expansion__new(function, root_count, roots, input_count, inputs);
    bool *wants = e ? buffer__take(input_count * sizeof *wants) : NULL;
    ValgradStatus status = !e       ? valgrad_last_status()
                           : !wants ? error__memory(function, 0)
                                    : VALGRAD_OK;
    for (size_t i = 0; wants && i < input_count; i++)
        wants[i] = true;
    if (status == VALGRAD_OK)
        status = check_expansion(function, e);
    if (status == VALGRAD_OK && !lower__program(function, e, wants, &m.lowered))
        status = VALGRAD_ERROR_MEMORY;
    m.e = e;
    if (status == VALGRAD_OK)
        status = emit(&m, labels);
    fold__free(&m.fold);
    lower__free(&m.lowered);
    buffer__give(m.where);
    buffer__give(m.value);
    buffer__give(wants);
    expansion__free(e);
    return status;
}

/* ---- from Values ------------------------------------------------------------------------------- */

ValgradStatus value_emit_c(const char *name, size_t root_count, Value *const *roots,
                           size_t input_count, Value *const *inputs, FILE *out)
{
    static const char function[] = "value_emit_c";
    Place *from = expansion__places(function, "root", root_count, roots);
    Place *to = from ? expansion__places(function, "input", input_count, inputs) : NULL;
    const char **labels = to ? buffer__take(input_count * sizeof *labels) : NULL;
    ValgradStatus status = labels ? VALGRAD_OK
                           : to   ? error__memory(function, 0)
                                  : valgrad_last_status();
    for (size_t i = 0; status == VALGRAD_OK && i < input_count; i++) {
        labels[i] = value_label(inputs[i]);
        if (!expansion__check_input(function, inputs[i]))
            status = valgrad_last_status();
    }
    if (status == VALGRAD_OK)
        status = emit__c(function, name, root_count, from, input_count, to, labels, out);
    buffer__give(from);
    buffer__give(to);
    buffer__give(labels);
    return status;
}
