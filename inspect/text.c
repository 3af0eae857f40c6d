/* text.c - a graph in words: names, formulas with names and numbers put in, one line for a step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/inspect_internal.h"

/* ---- text that ends where its room does -------------------------------------------------------- */

Text text__begin(size_t room, char *at)
{
    if (room > 0)
        at[0] = '\0';
    return (Text){at, room, 0};
}

static void add_bytes(Text *text, const char *bytes, size_t n)
{
    if (text->length < text->room) {
        const size_t space = text->room - text->length - 1, fits = n < space ? n : space;
        memcpy(text->at + text->length, bytes, fits);
        text->at[text->length + fits] = '\0';
    }
    text->length += n;
}

void text__add(Text *text, const char *words)
{
    add_bytes(text, words, strlen(words));
}

static void print(char text[NUMBER_BYTES], real number, int digits)
{
    (void)snprintf(text, NUMBER_BYTES, "%.*g", digits, (double)number);
}

/* The program's locale may have another decimal point, of several bytes even. */
static void mend_point(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (strchr("0123456789+-einfa", *from))
            *to++ = *from;
        else if (to == text || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
}

void inspect__number(char text[NUMBER_BYTES], real number, int digits)
{
    const int most = sizeof(real) == sizeof(float) ? 9 : 17;
    print(text, number, digits ? digits : most - 2);
    for (int tried = most - 1; digits == 0 && tried <= most; tried++) {
        if ((real)strtod(text, NULL) == number)
            break;
        print(text, number, tried);
    }
    mend_point(text);
    if (strstr(text, "nan"))
        strcpy(text, "nan"); /* its sign says nothing */
}

void text__real(Text *text, real number, int digits)
{
    char digits_text[NUMBER_BYTES];
    inspect__number(digits_text, number, digits);
    text__add(text, digits_text);
}

void text__numbers(Text *text, const GraphNumbers *numbers)
{
    if (numbers->n == 1) {
        text__real(text, numbers->first[0], 6);
        return;
    }
    text__add(text, "[");
    for (int i = 0; i < GRAPH_SHOWN && i < numbers->n; i++) {
        text__add(text, i ? ", " : "");
        text__real(text, numbers->first[i], 4);
    }
    text__add(text, numbers->n > GRAPH_SHOWN ? ", …]" : "]");
}

void text__shape(Text *text, int rank, const int64_t *shape)
{
    char words[SHAPE_TEXT_BYTES];
    text__add(text, shape__text(rank, shape, words));
}

static uint32_t continuation(const char **text, uint32_t code, int more, uint32_t least)
{
    const char *at = *text;
    for (int i = 0; i < more; i++, at++) {
        if (((unsigned char)*at & 0xC0) != 0x80)
            return 0xFFFD;
        code = code << 6 | ((unsigned char)*at & 0x3F);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0xFFFD;
    *text = at;
    return code;
}

uint32_t inspect__character(const char **text)
{
    const uint32_t first = (unsigned char)*(*text)++;
    if (first < 0x80)
        return first;
    if (first >= 0xC0 && first < 0xE0)
        return continuation(text, first & 0x1F, 1, 0x80);
    if (first >= 0xE0 && first < 0xF0)
        return continuation(text, first & 0x0F, 2, 0x800);
    if (first >= 0xF0 && first < 0xF8)
        return continuation(text, first & 0x07, 3, 0x10000);
    return 0xFFFD;
}

/* ---- names ------------------------------------------------------------------------------------- */

static void add_name(Text *text, const GraphWalk *walk, size_t id)
{
    char number[32];
    const Value *v = walk->nodes[id];
    const char *label = value_label(v);
    if (*label) {
        text__add(text, label);
    } else if (is_element(v)) {
        add_name(text, walk, walk->edges[walk->first_edge[id]].to);
        (void)snprintf(number, sizeof number, "[%lld]", (long long)v->index);
        text__add(text, number);
    } else if (walk->root_count == 1 && walk->roots[0] == id) {
        text__add(text, "L");
    } else {
        (void)snprintf(number, sizeof number, "v%zu", id);
        text__add(text, number);
    }
}

size_t graph_name(const GraphWalk *walk, size_t id, size_t room, char *text)
{
    Text name = text__begin(room, text);
    if (walk && id < walk->count)
        add_name(&name, walk, id);
    return name.length;
}

/* ---- formulas ---------------------------------------------------------------------------------- */

/* What the letters of a formula stand for. */
typedef struct Letters {
    const GraphWalk *walk;
    size_t result; /* f, whose operands are x, y, z */
    bool numbers;  /* numbers instead of names */
} Letters;

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A constant without a name is called by its number. */
static void add_node(Text *text, const Letters *letters, size_t id)
{
    const Value *v = letters->walk->nodes[id];
    const bool nameless = v->op == OP_CONST && !(v->flags & DENSE) && !*value_label(v);
    if (letters->numbers || nameless)
        text__real(text, number_of(v), 6);
    else
        add_name(text, letters->walk, id);
}

static void add_letter(Text *text, const Letters *letters, char letter)
{
    const GraphWalk *walk = letters->walk;
    if (letter == 'p')
        text__real(text, value_op_parameter(walk->nodes[letters->result]), 6);
    else if (letter == 'f')
        add_node(text, letters, letters->result);
    else
        add_node(text, letters, edge_of(walk, letters->result, (size_t)(letter - 'x'))->to);
}

/* Whether "-2" must be written "(-2)" here. */
static bool needs_parentheses(char before, const char *after, const char *term)
{
    while (*after == ' ')
        after++;
    return (*term == '-' || strchr(term, ' ')) && (before == '-' || before == '^' || *after == '^');
}

/* Replaces the letters x, y, z, p, f where they stand alone. */
static void add_formula(Text *text, const char *formula, const Letters *letters)
{
    char before = ' ';
    while (*formula) {
        size_t n = 0;
        while (is_word(formula[n]))
            n++;
        if (n == 1 && strchr("xyzpf", *formula)) {
            char words[LINE_BYTES];
            Text term = text__begin(sizeof words, words);
            add_letter(&term, letters, *formula);
            const bool wrapped = needs_parentheses(before, formula + 1, words);
            text__add(text, wrapped ? "(" : "");
            text__add(text, words);
            text__add(text, wrapped ? ")" : "");
        } else {
            n = n ? n : 1;
            add_bytes(text, formula, n);
        }
        formula += n ? n : 1;
        before = formula[-1];
    }
}

/* The partner of operand i in a dot product; "1" for what stands alone. */
static void add_nary_derivative(Text *text, const GraphWalk *walk, size_t id, size_t i)
{
    const Value *v = walk->nodes[id];
    const bool known = nary__has_pairs(v) || nary__is_sum(v);
    const Letters letters = {walk, id, false};
    if (!known) {
        text__add(text, "d ");
        text__add(text, value_op_name(v));
        text__add(text, "/d ");
        add_name(text, walk, edge_of(walk, id, i)->to);
    } else if (nary__is_sum(v) || (i ^ 1) >= edges_of(walk, id)) {
        text__add(text, "1");
    } else {
        add_node(text, &letters, edge_of(walk, id, i ^ 1)->to);
    }
}

static void add_derivative(Text *text, const GraphWalk *walk, size_t id, size_t i)
{
    const Value *v = walk->nodes[id];
    const ValueOpInfo *row = value__row(v);
    const Letters letters = {walk, id, false};
    if (row)
        add_formula(text, row->partials[i], &letters);
    else if (is_element(v))
        text__add(text, "1");
    else if (v->flags & EXTENDED)
        add_nary_derivative(text, walk, id, i);
}

size_t graph_derivative_text(const GraphWalk *walk, size_t id, size_t i, size_t room, char *text)
{
    Text formula = text__begin(room, text);
    if (walk && id < walk->count && i < edges_of(walk, id))
        add_derivative(&formula, walk, id, i);
    return formula.length;
}

/* ---- forward ----------------------------------------------------------------------------------- */

enum { OPERANDS_NAMED = 6 };

/* "sum(a, b, c)" */
static void add_call(Text *text, const GraphWalk *walk, size_t id)
{
    const Letters letters = {walk, id, false};
    const size_t count = edges_of(walk, id);
    text__add(text, value_op_name(walk->nodes[id]));
    text__add(text, "(");
    for (size_t i = 0; i < count && i < OPERANDS_NAMED; i++) {
        text__add(text, i ? ", " : "");
        add_node(text, &letters, edge_of(walk, id, i)->to);
    }
    text__add(text, count > OPERANDS_NAMED ? ", …)" : ")");
}

static void add_forward(Text *text, const GraphWalk *walk, size_t id)
{
    const Value *v = walk->nodes[id];
    const ValueOpInfo *row = value__row(v);
    Letters letters = {walk, id, false};
    if (row) {
        add_formula(text, row->formula, &letters);
        text__add(text, " = ");
        letters.numbers = true;
        add_formula(text, row->formula, &letters);
        text__add(text, " = ");
    } else if (edges_of(walk, id) > 0 && !is_element(v)) {
        add_call(text, walk, id);
        text__add(text, " = ");
    }
    if (v->flags & DENSE) {
        text__shape(text, dense_of(v)->rank, dense_of(v)->sides);
        text__add(text, " ");
    }
    const GraphNumbers numbers = inspect__data(v);
    text__numbers(text, &numbers);
}

size_t graph_forward_text(const GraphWalk *walk, size_t id, size_t room, char *text)
{
    Text line = text__begin(room, text);
    if (walk && id < walk->count) {
        add_name(&line, walk, id);
        text__add(&line, " = ");
        add_forward(&line, walk, id);
    }
    return line.length;
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* "dL/da" */
static void add_gradient_name(Text *text, const GraphWalk *walk, size_t id)
{
    text__add(text, "d");
    if (walk->root_count == 1)
        add_name(text, walk, walk->roots[0]);
    else
        text__add(text, "L");
    text__add(text, "/d");
    add_name(text, walk, id);
}

static void add_scalar_step(Text *text, const GraphWalk *walk, const GraphStep *step)
{
    char words[LINE_BYTES];
    Text formula = text__begin(sizeof words, words);
    add_derivative(&formula, walk, step->node, step->edge);
    const bool wrapped = strchr(words, ' ') && strncmp(words, "d ", 2) != 0;
    text__add(text, " * ");
    text__add(text, wrapped ? "(" : "");
    text__add(text, words);
    text__add(text, wrapped ? ")" : "");
    text__add(text, " = ");
    text__numbers(text, &step->gradient);
    text__add(text, " * ");
    text__real(text, step->derivative, 6);
    text__add(text, " = ");
    text__numbers(text, &step->contribution);
    const real product = step->gradient.first[0] * step->derivative;
    if (product != product && step->contribution.first[0] == 0)
        text__add(text, " (a gradient of 0 passes 0 on)");
}

static void add_tensor_step(Text *text, const GraphWalk *walk, const GraphStep *step)
{
    char number[32];
    text__add(text, " by ");
    text__add(text, value_op_name(walk->nodes[step->node]));
    (void)snprintf(number, sizeof number,
                   ", operand %d: ", edge_of(walk, step->node, step->edge)->operand);
    text__add(text, number);
    text__numbers(text, &step->contribution);
}

size_t graph_step_text(const GraphWalk *walk, const GraphStep *step, size_t room, char *text)
{
    Text line = text__begin(room, text);
    if (!walk || !step || step->operand >= walk->count)
        return 0;
    add_gradient_name(&line, walk, step->operand);
    if (step->seed) {
        text__add(&line, " = ");
        text__numbers(&line, &step->after);
        return line.length;
    }
    text__add(&line, " += ");
    add_gradient_name(&line, walk, step->node);
    if (walk->nodes[step->node]->flags & DENSE)
        add_tensor_step(&line, walk, step);
    else
        add_scalar_step(&line, walk, step);
    return line.length;
}
