/* emit_forward.c - generated C: the statements that compute the values, first to last. */
#include <stdio.h>

#include "autograd/emission.h"
#include "autograd/instruction.h"

/* The end of a line: the formula of a row, and the node's label. */
static void put_comment(const Emission *m, const FoldItem *item)
{
    const ValueOpInfo *row = instruction__row(&(Instruction){.op = item->op});
    const bool label = item->label && *item->label;
    if (row || label) {
        fputs(" /* ", m->out);
        emission__label(m, item->label);
        if (row)
            fprintf(m->out, "%s%s", label ? " = " : "", row->formula);
        fputs(" */", m->out);
    }
    fputc('\n', m->out);
}

static void forward_list(const Emission *m, const FoldItem *item)
{
    const bool pairs = item->op == LOWERED_PAIRS;
    const size_t stride = pairs ? 2 : 1;
    fputs("{ real sum = ", m->out);
    if (pairs)
        emission__value(m, &item->refs[1], item->depth);
    else
        fputc('0', m->out);
    fputs("; ", m->out);
    for (size_t i = 1 + pairs; i < item->ref_count; i += stride) {
        if (item->even)
            fprintf(m->out, "for (int n = 0; n < %u; n++) ", (unsigned)(item->count / stride));
        fputs("sum += ", m->out);
        emission__value(m, &item->refs[i], item->depth);
        if (pairs) {
            fputs(" * ", m->out);
            emission__value(m, &item->refs[i + 1], item->depth);
        }
        fputs("; ", m->out);
    }
    emission__value(m, &item->refs[0], item->depth);
    fputs(" = sum; }", m->out);
}

static void forward_rule(const Emission *m, const FoldItem *item)
{
    fputs("{ ", m->out);
    emission__gathered(m, item);
    emission__value(m, &item->refs[0], item->depth);
    fprintf(m->out, " = %s(%u, t); }", emission__rule(item->op)->value, (unsigned)item->count);
}

static void forward_row(const Emission *m, const FoldItem *item)
{
    const FormulaText *text = emission__formula(item->op);
    fputs("{ ", m->out);
    emission__letters(m, item, &text->f, 1);
    emission__value(m, &item->refs[0], item->depth);
    fprintf(m->out, " = %s; }", text->f);
}

/* "result = x", and more of the operands if there is an operator between them. */
static void put_sum(const Emission *m, const FoldItem *item, const char *between)
{
    emission__value(m, &item->refs[0], item->depth);
    fputs(" = ", m->out);
    emission__value(m, &item->refs[1], item->depth);
    if (between) {
        fputs(between, m->out);
        emission__value(m, &item->refs[2], item->depth);
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
        emission__value(m, &item->refs[3], item->depth);
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
void emission__forward(const Emission *m, const FoldItem *items, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        const FoldItem *item = &items[i];
        emission__indent(m, depth);
        if (item->op == FOLD_LOOP) {
            const char c = "ijkl"[depth];
            fprintf(m->out, "for (int %c = 0; %c < %u; %c++) {\n", c, c, (unsigned)item->count, c);
            emission__forward(m, item->items, item->item_count, depth + 1);
            emission__indent(m, depth);
            fputs("}\n", m->out);
        } else {
            forward_leaf(m, item);
            put_comment(m, item);
        }
    }
}
