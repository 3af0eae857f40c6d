/* emit_text.c - the words of generated C: numbers, elements of arrays, operands by their letters, labels. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "autograd/emission.h"
#include "autograd/instruction.h"

const FormulaText *emission__formula(int op)
{
    return &formula__texts[op - OP_FREED - 1];
}

const RuleText *emission__rule(int op)
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

void emission__number(FILE *out, real number)
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
    fprintf(out, point ? "%s%s" : "%s.0%s", text, sizeof(real) == sizeof(double) ? "" : "f");
}

void emission__indent(const Emission *m, int depth)
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

bool emission__moves(const FoldRef *ref, int depth)
{
    bool any = ref->step != 0;
    for (int level = 0; level < depth; level++)
        any |= ref->stride[level] != 0;
    return any;
}

void emission__value(const Emission *m, const FoldRef *ref, int depth)
{
    static const char *const arrays[] = {"in", "c", "v", "out"};
    if (ref->array == FOLD_CONSTANTS && !emission__moves(ref, depth))
        emission__number(m->out, m->lowered.numbers[ref->base]);
    else
        put_element(m, arrays, ref, depth);
}

void emission__gradient(const Emission *m, const FoldRef *ref, int depth)
{
    static const char *const arrays[] = {"din", NULL, "g", NULL};
    put_element(m, arrays, ref, depth);
}

void emission__letters(const Emission *m, const FoldItem *item, const char *const *texts, int count)
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
        emission__value(m, &item->refs[i], item->depth);
        fputs("; ", m->out);
    }
}

void emission__label(const Emission *m, const char *label)
{
    for (const char *c = label; c && *c; c++)
        fputc((*c == '*' && c[1] == '/') || iscntrl((unsigned char)*c) ? '?' : *c, m->out);
}

void emission__gathered(const Emission *m, const FoldItem *item)
{
    fprintf(m->out, "real t[%u]; ", (unsigned)item->count);
    for (size_t i = 1; i < item->ref_count; i++) {
        if (item->even)
            fprintf(m->out, "for (int n = 0; n < %u; n++) t[n] = ", (unsigned)item->count);
        else
            fprintf(m->out, "t[%zu] = ", i - 1);
        emission__value(m, &item->refs[i], item->depth);
        fputs("; ", m->out);
    }
}
