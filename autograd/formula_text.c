/* formula_text.c - formulas as text. No header that defines NAN and the like is included before the table,
 * for they would be put in its place. */
#define PAPER(words, expression) expression
#define TEXT_(...) #__VA_ARGS__
#define TEXT(...) TEXT_(__VA_ARGS__)

#include "autograd/formula_text.h"

const FormulaText formula__texts[] = {
#define OP1(name, symbol, formula, F, DX, ...) {TEXT(F), {TEXT(DX), NULL, NULL}},
#define OP1P(name, symbol, formula, F, DX, ...) {TEXT(F), {TEXT(DX), NULL, NULL}},
#define OP2(name, symbol, formula, F, DX, DY, ...) {TEXT(F), {TEXT(DX), TEXT(DY), NULL}},
#define OP3(name, symbol, formula, F, DX, DY, DZ, ...) {TEXT(F), {TEXT(DX), TEXT(DY), TEXT(DZ)}},
#include "autograd/ops.def"
};

#include <ctype.h>
#include <string.h>

/* Lines of special.c, functions.h and instruction.c, made when the library is built; NULL after the last. */
static const char *const lines[] = {
#include "formula_lines.h"
    NULL};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool formula__has_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if ((at == text || !is_word(at[-1])) && !is_word(at[length]))
            return true;
    }
    return false;
}

/* What has a name in the text, lines first … last: a function, a constant, a macro of one line. */
typedef struct Definition {
    size_t first, last;
    char name[64];
} Definition;

/* The last line of a definition that begins at `first`: the next that ends with `end`, or is all `end`. */
static size_t last_line(size_t first, bool whole, char end)
{
    size_t i = first;
    while (lines[i][0] == '\0' || lines[i][strlen(lines[i]) - 1] != end ||
           (whole && lines[i][1] != '\0'))
        i++;
    return i;
}

/* Names the definition by the word that ends at `end`. */
static bool name_it(Definition *d, const char *line, const char *end)
{
    while (end > line && !is_word(end[-1]))
        end--;
    const char *start = end;
    while (start > line && is_word(start[-1]))
        start--;
    (void)snprintf(d->name, sizeof d->name, "%.*s", (int)(end - start), start);
    return start < end;
}

static bool is_macro(const char *line, const char **end)
{
    static const char define[] = "#define ";
    if (strncmp(line, define, sizeof define - 1) != 0)
        return false;
    for (*end = line + sizeof define - 1; is_word(**end);)
        ++*end;
    return **end == ' ' || **end == '(';
}

/* Whether a definition begins with line i. */
static bool begins(size_t i, Definition *d)
{
    const char *line = lines[i], *end;
    *d = (Definition){.first = i, .last = i};
    if (is_macro(line, &end))
        return name_it(d, line, end);
    if (!isalpha((unsigned char)line[0]) || strncmp(line, "typedef", 7) == 0)
        return false;
    const char *parenthesis = strchr(line, '('), *equals = strchr(line, '=');
    if (parenthesis && (!equals || parenthesis < equals)) {
        d->last = last_line(i, true, '}');
        return name_it(d, line, parenthesis) && line[strlen(line) - 1] != ';';
    }
    const char *bracket = strchr(line, '[');
    d->last = last_line(i, false, ';');
    return equals && name_it(d, line, bracket && bracket < equals ? bracket : equals);
}

/* The next definition at or after line `from`; false when there is none. */
static bool next_definition(size_t from, Definition *d)
{
    for (size_t i = from; lines[i]; i++) {
        if (begins(i, d))
            return true;
    }
    return false;
}

#define EACH_DEFINITION(d, i)                                                                      \
    size_t i = 0;                                                                                  \
    for (Definition d = {0};                                                                       \
         i < FORMULA_MOST_DEFINITIONS && next_definition(d.last + (i > 0), &d); i++)

bool formula__is_defined(const char *name)
{
    EACH_DEFINITION(d, i)
    {
        if (strcmp(d.name, name) == 0)
            return true;
    }
    return false;
}

bool formula__need(FormulaDefinitions *definitions, const char *text)
{
    bool more = false;
    EACH_DEFINITION(d, i)
    {
        if (!definitions->needed[i] && formula__has_word(text, d.name))
            more = definitions->needed[i] = true;
    }
    return more;
}

/* A name that stands in two of the files means the same in both. */
static bool is_first(const Definition *definition)
{
    EACH_DEFINITION(d, i)
    {
        if (strcmp(d.name, definition->name) == 0 && d.first < definition->first)
            return false;
    }
    return true;
}

static void write_definition(const Definition *d, FILE *out)
{
    const char *line = lines[d->first];
    if (line[0] != '#' && strncmp(line, "static", 6) != 0)
        fputs("static ", out);
    for (size_t i = d->first; i <= d->last; i++)
        fprintf(out, "%s\n", lines[i]);
    fputc('\n', out);
}

void formula__write(FormulaDefinitions *definitions, FILE *out)
{
    for (bool more = true; more;) {
        more = false;
        EACH_DEFINITION(d, i)
        {
            for (size_t line = d.first; definitions->needed[i] && line <= d.last; line++)
                more |= formula__need(definitions, lines[line]);
        }
    }
    EACH_DEFINITION(d, i)
    {
        if (definitions->needed[i] && is_first(&d))
            write_definition(&d, out);
    }
}
