/* emit_backward.c - generated C: the statements that pass the gradient on, last to first. */
#include <stdio.h>

#include "autograd/emission.h"
#include "autograd/instruction.h"

/* "its gradient += " for operand number i, if it takes part. */
static bool give_by(const Emission *m, const FoldItem *item, size_t i)
{
    const FoldRef *ref = &item->refs[i];
    if (!ref->active)
        return false;
    emission__gradient(m, ref, item->depth);
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
        emission__value(m, &item->refs[factor], item->depth);
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
        emission__value(m, &item->refs[2 + ((i - 2) ^ 1)], item->depth);
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
    emission__gathered(m, item);
    fprintf(m->out, "real dt[%u]; %s(%u, t, ", (unsigned)item->count,
            emission__rule(item->op)->first, (unsigned)item->count);
    emission__value(m, &item->refs[0], item->depth);
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
    const FormulaText *text = emission__formula(item->op);
    const char *wanted[ROW_OPERANDS] = {NULL};
    bool reads_result = false;
    for (size_t i = 1; i < item->ref_count; i++) {
        if (item->refs[i].active)
            wanted[i - 1] = text->d[i - 1];
        reads_result |= wanted[i - 1] && formula__has_word(wanted[i - 1], "f");
    }
    emission__letters(m, item, wanted, ROW_OPERANDS);
    if (reads_result) {
        fputs("const real f = ", m->out);
        emission__value(m, &item->refs[0], item->depth);
        fputs("; ", m->out);
    }
    for (size_t i = 1; i < item->ref_count; i++) {
        if (wanted[i - 1] && give_by(m, item, i))
            fprintf(m->out, "%s(d, %s); ", op_chooses((OpCode)item->op) ? "share" : "times",
                    wanted[i - 1]);
    }
}

static void backward_leaf(const Emission *m, const FoldItem *item)
{
    fputs("{ const real d = ", m->out);
    emission__gradient(m, &item->refs[0], item->depth);
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
    emission__gradient(m, &item->refs[1], item->depth);
    fputs(" += 1;\n", m->out);
}

static bool any_active(const FoldItem *item)
{
    bool any = item->op == FOLD_ROOT ? item->refs[1].active : item->active;
    for (size_t i = 0; i < item->item_count; i++)
        any |= any_active(&item->items[i]);
    return any;
}

void emission__backward(const Emission *m, const FoldItem *items, size_t count, int depth)
{
    for (size_t i = count; i-- > 0;) {
        const FoldItem *item = &items[i];
        if (!any_active(item))
            continue;
        emission__indent(m, depth);
        if (item->op == FOLD_LOOP) {
            const char c = "ijkl"[depth];
            fprintf(m->out, "for (int %c = %u; %c >= 0; %c--) {\n", c, (unsigned)item->count - 1, c,
                    c);
            emission__backward(m, item->items, item->item_count, depth + 1);
            emission__indent(m, depth);
            fputs("}\n", m->out);
        } else if (item->op == FOLD_ROOT) {
            backward_root(m, item);
        } else {
            backward_leaf(m, item);
        }
    }
}
