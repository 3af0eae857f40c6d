/* parse.c - expressions: assignments "h = tanh(w*x);" and at the end an expression.
 *
 *     line       =  { name "=" sum ";" } sum
 *     sum        =  product { ("+" | "-") product }
 *     product    =  negation { ("*" | "/") negation }
 *     negation   =  "-" negation | power
 *     power      =  primary [ "^" negation ]
 *     primary    =  number | name | function "(" sum { "," sum } ")" | "(" sum ")"
 *
 * The functions are the rows of the table of operations. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

enum { MOST_DEPTH = 200, MOST_ARGUMENTS = 3 };

typedef struct Parser {
    const char *text;
    size_t at;
    int depth;
    bool failed;
    Variables *variables;
    Variables assigned; /* what the line itself has given names to */
    bool differentiate;
    Value **made; /* all that was made, each held once */
    size_t made_count, made_room;
    Mistake *mistake;
} Parser;

static Value *parse_sum(Parser *parser);

/* ---- mistakes ---------------------------------------------------------------------------------- */

/* The first mistake counts. */
__attribute__((format(printf, 3, 4))) static Value *fail(Parser *parser, size_t at,
                                                         const char *format, ...)
{
    va_list arguments;
    if (parser->failed)
        return NULL;
    va_start(arguments, format);
    (void)vsnprintf(parser->mistake->words, sizeof parser->mistake->words, format, arguments);
    va_end(arguments);
    parser->mistake->at = at;
    parser->failed = true;
    return NULL;
}

void mistake_print(const char *text, const Mistake *mistake)
{
    enum { AROUND = 60 };
    if (mistake->at == NO_PLACE) {
        error_line("%s", mistake->words);
        return;
    }
    const size_t from = mistake->at > AROUND ? mistake->at - AROUND : 0;
    error_line("%s", mistake->words);
    fprintf(stderr, "    %.*s\n    %*s^\n", 2 * AROUND, text + from, (int)(mistake->at - from), "");
}

/* ---- making nodes ------------------------------------------------------------------------------ */

/* Keeps what was just made, to be released in the end. */
static Value *keep(Parser *parser, Value *v)
{
    if (!v)
        return fail(parser, parser->at, "%s", valgrad_last_error());
    if (parser->made_count == parser->made_room) {
        const size_t room = parser->made_room ? 2 * parser->made_room : 64;
        Value **larger = realloc(parser->made, room * sizeof *larger);
        if (!larger) {
            value_release(v);
            return fail(parser, parser->at, "out of memory");
        }
        parser->made = larger;
        parser->made_room = room;
    }
    return parser->made[parser->made_count++] = v;
}

/* Applies a row of the table: the same list that the library is made of. */
static Value *apply(const ValueOpInfo *row, Value *x, Value *y, Value *z, real p)
{
#define OP1(op, ...)                                                                               \
    if (strcmp(row->name, #op) == 0)                                                               \
        return value_##op(x);
#define OP1P(op, ...)                                                                              \
    if (strcmp(row->name, #op) == 0)                                                               \
        return value_##op(x, p);
#define OP2(op, ...)                                                                               \
    if (strcmp(row->name, #op) == 0)                                                               \
        return value_##op(x, y);
#define OP3(op, ...)                                                                               \
    if (strcmp(row->name, #op) == 0)                                                               \
        return value_##op(x, y, z);
#include "autograd/ops.def"
    return NULL;
}

static Value *binary(Parser *parser, const char *name, Value *x, Value *y)
{
    return x && y ? keep(parser, apply(value_op_find(name), x, y, NULL, 0)) : NULL;
}

/* ---- characters -------------------------------------------------------------------------------- */

static char peek(Parser *parser)
{
    while (isspace((unsigned char)parser->text[parser->at]))
        parser->at++;
    return parser->text[parser->at];
}

static bool take(Parser *parser, char c)
{
    if (peek(parser) != c)
        return false;
    parser->at++;
    return true;
}

static size_t name_length(const char *text)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*text) && *text != '_')
        return 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_')
        n++;
    return n;
}

/* What stands where something else was expected. */
static Value *fail_here(Parser *parser, const char *expected)
{
    const char c = peek(parser);
    if (c == '\0')
        return fail(parser, parser->at, "the expression ends where %s was expected", expected);
    return fail(parser, parser->at, "'%c' stands where %s was expected", c, expected);
}

/* ---- names ------------------------------------------------------------------------------------- */

static Variable *variable_find(Variables *variables, const char *name, size_t length)
{
    for (size_t i = 0; i < variables->count; i++) {
        Variable *variable = &variables->list[i];
        if (strlen(variable->name) == length && memcmp(variable->name, name, length) == 0)
            return variable;
    }
    return NULL;
}

static Variable *variable_new(Variables *variables, const char *name, size_t length)
{
    if (variables->count == VARIABLES || length >= NAME_ROOM)
        return NULL;
    Variable *variable = &variables->list[variables->count++];
    *variable = (Variable){.number = 0};
    memcpy(variable->name, name, length);
    return variable;
}

bool variables_add(Variables *variables, const char *text)
{
    const size_t length = name_length(text);
    char *end;
    if (length == 0 || text[length] != '=') {
        error_line("%s: expected name=number, such as x=2", text);
        return false;
    }
    const real number = (real)strtod(text + length + 1, &end);
    if (end == text + length + 1 || *end) {
        error_line("%s: '%s' is not a number", text, text + length + 1);
        return false;
    }
    if (variable_find(variables, text, length)) {
        error_line("%s: %.*s is given twice", text, (int)length, text);
        return false;
    }
    Variable *variable = variable_new(variables, text, length);
    if (!variable) {
        error_line("%s: at most %d variables, of at most %d letters", text, VARIABLES,
                   NAME_ROOM - 1);
        return false;
    }
    variable->number = number;
    return true;
}

void variables_release(Variables *variables)
{
    for (size_t i = 0; i < variables->count; i++) {
        value_release(variables->list[i].value);
        variables->list[i].value = NULL;
    }
}

static Value *leaf_of(Parser *parser, Variable *variable)
{
    variable->used = true;
    if (variable->value)
        return variable->value;
    variable->value =
        parser->differentiate ? value_leaf(variable->number) : value_const(variable->number);
    if (!variable->value || value_set_label(variable->value, variable->name) != VALGRAD_OK)
        return fail(parser, parser->at, "%s", valgrad_last_error());
    return variable->value;
}

static Value *parse_name(Parser *parser, const char *name, size_t length)
{
    const size_t at = parser->at;
    Variable *variable = variable_find(&parser->assigned, name, length);
    if (variable)
        return variable->value;
    variable = variable_find(parser->variables, name, length);
    if (variable)
        return leaf_of(parser, variable);
    char word[NAME_ROOM] = "";
    memcpy(word, name, length < NAME_ROOM ? length : NAME_ROOM - 1);
    if (value_op_find(word))
        return fail(parser, at, "%s is a function: expected '(' after it", word);
    if (!parser->differentiate)
        return fail(parser, at - length, "no node is called %.*s", (int)length, name);
    return fail(parser, at - length, "%.*s has no value: say %.*s=… after the expression",
                (int)length, name, (int)length, name);
}

/* ---- functions --------------------------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added, removed or exchanged with the next one to turn one word into the
 * other: d[i][j] is that number for their first i and j letters. */
static size_t differences(const char *a, const char *b)
{
    size_t d[NAME_ROOM + 1][NAME_ROOM + 1];
    const size_t m = smaller(strlen(a), NAME_ROOM), n = smaller(strlen(b), NAME_ROOM);
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            d[i][j] = i ? i : j;
            if (i && j)
                d[i][j] = smaller(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                                  1 + smaller(d[i - 1][j], d[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = smaller(d[i][j], 1 + d[i - 2][j - 2]);
        }
    }
    return d[m][n];
}

static Value *fail_function(Parser *parser, const char *word, size_t at)
{
    const char *nearest = NULL;
    size_t least = 3;
    for (size_t i = 0; value_op_row(i); i++) {
        const size_t d = differences(word, value_op_row(i)->name);
        if (d < least) {
            least = d;
            nearest = value_op_row(i)->name;
        }
    }
    if (nearest)
        return fail(parser, at, "there is no function %s; did you mean %s?", word, nearest);
    return fail(parser, at, "there is no function %s; step --list names them", word);
}

/* The constant that some functions have besides x. */
static bool constant_of(Parser *parser, const Value *v, size_t at, real *number)
{
    if (!v)
        return false;
    if (value_wants_grad(v)) {
        fail(parser, at, "this must be a number: nothing is differentiated by it");
        return false;
    }
    *number = value_data(v);
    return true;
}

static Value *parse_call(Parser *parser, const char *name, size_t length)
{
    char word[NAME_ROOM] = "";
    const size_t name_at = (size_t)(name - parser->text);
    memcpy(word, name, length < NAME_ROOM ? length : NAME_ROOM - 1);
    const ValueOpInfo *row = value_op_find(word);
    if (!row)
        return fail_function(parser, word, name_at);
    const int wanted = row->arity + row->has_parameter;
    Value *x[MOST_ARGUMENTS] = {NULL};
    size_t second_at = parser->at;
    for (int i = 0; i < wanted; i++) {
        if (i > 0 && peek(parser) == ')')
            return fail(parser, parser->at, "%s takes %d numbers%s", word, wanted,
                        row->has_parameter ? ", the second one constant" : "");
        if (i > 0 && !take(parser, ','))
            return fail_here(parser, "',' or an operator");
        (void)peek(parser);
        second_at = parser->at;
        x[i] = parse_sum(parser);
        if (!x[i])
            return NULL;
    }
    if (peek(parser) == ',')
        return fail(parser, parser->at, "%s takes %d number%s", word, wanted,
                    wanted == 1 ? "" : "s");
    if (!take(parser, ')'))
        return fail_here(parser, "')' or an operator");
    real p = 0;
    if (row->has_parameter && !constant_of(parser, x[1], second_at, &p))
        return NULL;
    return keep(parser, apply(row, x[0], x[1], x[2], p));
}

/* ---- the grammar ------------------------------------------------------------------------------- */

static Value *parse_number(Parser *parser)
{
    char *end;
    const char *start = parser->text + parser->at;
    const real number = (real)strtod(start, &end);
    parser->at += (size_t)(end - start);
    return keep(parser, value_const(number));
}

static Value *parse_primary(Parser *parser)
{
    const char c = peek(parser);
    const char *here = parser->text + parser->at;
    const size_t length = name_length(here);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)here[1])))
        return parse_number(parser);
    if (length > 0) {
        parser->at += length;
        if (peek(parser) != '(') {
            parser->at = (size_t)(here - parser->text) + length;
            return parse_name(parser, here, length);
        }
        parser->at++;
        return parse_call(parser, here, length);
    }
    if (!take(parser, '('))
        return fail_here(parser, "a number, a name or '('");
    Value *inner = parse_sum(parser);
    if (inner && !take(parser, ')'))
        return fail_here(parser, "')' or an operator");
    return inner;
}

static Value *parse_negation(Parser *parser);

static Value *parse_power(Parser *parser)
{
    Value *x = parse_primary(parser);
    if (!x || !take(parser, '^'))
        return x;
    return binary(parser, "pow", x, parse_negation(parser));
}

static bool deeper(Parser *parser)
{
    if (++parser->depth <= MOST_DEPTH)
        return true;
    fail(parser, parser->at, "parentheses are nested more than %d deep", MOST_DEPTH);
    return false;
}

/* "-2" is a constant, "-x" an operation. */
static Value *parse_negation(Parser *parser)
{
    Value *result = NULL;
    if (deeper(parser)) {
        if (!take(parser, '-')) {
            result = parse_power(parser);
        } else {
            Value *x = parse_negation(parser);
            const bool constant = x && strcmp(value_op_name(x), "const") == 0;
            if (x)
                result = keep(parser, constant ? value_const(-value_data(x)) : value_neg(x));
        }
    }
    parser->depth--;
    return result;
}

static Value *parse_product(Parser *parser)
{
    Value *x = parse_negation(parser);
    for (;;) {
        if (x && take(parser, '*'))
            x = binary(parser, "mul", x, parse_negation(parser));
        else if (x && take(parser, '/'))
            x = binary(parser, "div", x, parse_negation(parser));
        else
            return x;
    }
}

static Value *parse_sum(Parser *parser)
{
    Value *x = parse_product(parser);
    for (;;) {
        if (x && take(parser, '+'))
            x = binary(parser, "add", x, parse_product(parser));
        else if (x && take(parser, '-'))
            x = binary(parser, "sub", x, parse_product(parser));
        else
            return x;
    }
}

/* "name =" at the start of an assignment; 0 if it is none. */
static size_t assignment(Parser *parser)
{
    (void)peek(parser);
    const char *here = parser->text + parser->at;
    const size_t length = name_length(here);
    const size_t space = strspn(here + length, " \t\n");
    return length > 0 && here[length + space] == '=' ? length + space + 1 : 0;
}

static bool parse_assignment(Parser *parser, size_t head)
{
    const char *name = parser->text + parser->at;
    const size_t at = parser->at, length = name_length(name);
    if (variable_find(&parser->assigned, name, length) ||
        variable_find(parser->variables, name, length))
        return fail(parser, at, "%.*s has a value already", (int)length, name), false;
    parser->at += head;
    Value *v = parse_sum(parser);
    if (v && !take(parser, ';'))
        fail_here(parser, "';' or an operator");
    if (parser->failed)
        return false;
    if (*value_label(v))
        return fail(parser, at, "this would be another name for %s", value_label(v)), false;
    Variable *variable = variable_new(&parser->assigned, name, length);
    if (!variable)
        return fail(parser, at, "too many names, or too long a one"), false;
    variable->value = v;
    if (value_set_label(v, variable->name) != VALGRAD_OK)
        return fail(parser, at, "%s", valgrad_last_error()), false;
    return true;
}

static Value *parse_line(Parser *parser)
{
    for (size_t head = assignment(parser); head > 0; head = assignment(parser)) {
        if (!parse_assignment(parser, head))
            return NULL;
    }
    Value *root = parse_sum(parser);
    if (root && peek(parser) != '\0')
        return fail_here(parser, "an operator or the end");
    return root;
}

static void fail_unused(Parser *parser)
{
    for (size_t i = 0; i < parser->variables->count; i++) {
        const Variable *variable = &parser->variables->list[i];
        if (!variable->used)
            fail(parser, NO_PLACE, "%s is given, but the expression does not have it",
                 variable->name);
    }
}

Value *parse(const char *text, Variables *variables, bool differentiate, Mistake *mistake)
{
    Parser parser = {
        .text = text, .variables = variables, .differentiate = differentiate, .mistake = mistake};
    Value *root = parse_line(&parser);
    if (root && differentiate)
        fail_unused(&parser);
    root = parser.failed ? NULL : value_retain(root);
    while (parser.made_count > 0)
        value_release(parser.made[--parser.made_count]);
    free(parser.made);
    return root;
}
