/* emit_c.c - a graph as a C function that computes its value and its gradient: the lowered program, folded
 * into loops (fold_program.c), whose statements emit_forward.c and emit_backward.c write. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "autograd/emission.h"
#include "autograd/emit.h"
#include "autograd/instruction.h"

/* ---- the file ---------------------------------------------------------------------------------- */

#ifdef VALGRAD_FLOAT
static const char real_name[] = "float";
#else
static const char real_name[] = "double";
#endif

/* What the items need besides: functions, and constants as an array. */
static void look_through(Emission *m, FormulaDefinitions *definitions, const FoldItem *items,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const FoldItem *item = &items[i];
        look_through(m, definitions, item->items, item->item_count);
        for (size_t k = 0; k < item->ref_count; k++)
            m->needs_constants |= item->refs[k].array == FOLD_CONSTANTS &&
                                  emission__moves(&item->refs[k], item->depth);
        m->needs_shares |= instruction__chooses(&(Instruction){.op = item->op});
        if (item->op < OP_COUNT) {
            const FormulaText *text = emission__formula(item->op);
            formula__need(definitions, text->f);
            for (int k = 0; k < ROW_OPERANDS; k++)
                formula__need(definitions, text->d[k] ? text->d[k] : "");
        } else if (item->op >= PROGRAM_MAX && item->op <= PROGRAM_NORM2) {
            formula__need(definitions, emission__rule(item->op)->value);
            formula__need(definitions, emission__rule(item->op)->first);
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
        emission__label(m, labels[i]);
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
        emission__number(m->out, m->lowered.numbers[i]);
        fputc(',', m->out);
    }
    fputs("\n};\n\n", m->out);
}

static void put_signature(const Emission *m, const char *end)
{
    fprintf(m->out,
            "void %s(const %s *restrict in, %s *restrict out, %s *restrict din, %s *restrict "
            "room)%s",
            m->name, real_name, real_name, real_name, real_name, end);
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
    put_signature(m, ";\n\n"); /* a definition that nothing declared before is warned of */
    put_signature(m, "\n{\n");
    fputs("    real *restrict v = room;\n    (void)in, (void)v;\n", out);
    emission__forward(m, m->fold.items, m->fold.count, 0);
    fprintf(out,
            "    if (!din)\n        return;\n\n    real *restrict g = room + %zu;\n    (void)g;\n",
            values);
    fprintf(out, "    for (int n = 0; n < %zu; n++)\n        g[n] = 0;\n", values);
    fprintf(out, "    for (int n = 0; n < %zu; n++)\n        din[n] = 0;\n", m->e->input_count);
    emission__backward(m, m->fold.items, m->fold.count, 0);
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

static ValgradStatus emit(Emission *m, const char *const *labels)
{
    FormulaDefinitions definitions = {{false}};
    if (!fold__program(m->e, &m->lowered, &m->fold))
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
