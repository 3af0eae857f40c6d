/* emit.c - what all writers need: escapes, numbers, and the state of the file at the end. */
#include <math.h>
#include <stdio.h>

#include "inspect/inspect_internal.h"

static void put_utf8(FILE *out, uint32_t c)
{
    if (c < 0x80) {
        fputc((int)c, out);
    } else if (c < 0x800) {
        fputc((int)(0xC0 | c >> 6), out);
        fputc((int)(0x80 | (c & 0x3F)), out);
    } else if (c < 0x10000) {
        fputc((int)(0xE0 | c >> 12), out);
        fputc((int)(0x80 | (c >> 6 & 0x3F)), out);
        fputc((int)(0x80 | (c & 0x3F)), out);
    } else {
        fputc((int)(0xF0 | c >> 18), out);
        fputc((int)(0x80 | (c >> 12 & 0x3F)), out);
        fputc((int)(0x80 | (c >> 6 & 0x3F)), out);
        fputc((int)(0x80 | (c & 0x3F)), out);
    }
}

/* XML has no way to write most control characters, and neither it nor DOT has a use for them. */
static uint32_t printable(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0xFFFE || c == 0xFFFF
               ? 0xFFFD
               : c;
}

static void put_dot(FILE *out, uint32_t c)
{
    if (c == '"' || c == '\\')
        fputc('\\', out);
    if (c == '\n')
        fputs("\\n", out);
    else
        put_utf8(out, printable(c));
}

static void put_xml(FILE *out, uint32_t c)
{
    switch (c) {
    case '&': fputs("&amp;", out); break;
    case '<': fputs("&lt;", out); break;
    case '>': fputs("&gt;", out); break;
    case '"': fputs("&quot;", out); break;
    case '\'': fputs("&#39;", out); break;
    default: put_utf8(out, printable(c));
    }
}

/* What would end a script in a page is escaped too. */
static void put_json(FILE *out, uint32_t c)
{
    if (c == '"' || c == '\\')
        fprintf(out, "\\%c", (int)c);
    else if (c == '\n')
        fputs("\\n", out);
    else if (c < 0x20 || c == 0x7F || c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029)
        fprintf(out, "\\u%04x", (unsigned)c);
    else
        put_utf8(out, c);
}

void emit__escaped(FILE *out, const char *text, Escape escape)
{
    while (*text) {
        const uint32_t c = inspect__character(&text);
        if (escape == ESCAPE_DOT)
            put_dot(out, c);
        else if (escape == ESCAPE_XML)
            put_xml(out, c);
        else
            put_json(out, c);
    }
}

void emit__number(FILE *out, double number)
{
    const long long hundredths = llround(number * 100);
    const unsigned long long size = hundredths < 0 ? 0ull - (unsigned long long)hundredths
                                                   : (unsigned long long)hundredths;
    fprintf(out, "%s%llu", hundredths < 0 ? "-" : "", size / 100);
    if (size % 100)
        fprintf(out, ".%02llu", size % 100);
}

ValgradStatus emit__status(const char *function, FILE *out)
{
    if (fflush(out) == 0 && !ferror(out))
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_IO, "%s: the file cannot be written", function);
}

bool emit__check(const char *function, const GraphWalk *walk, FILE *out)
{
    if (walk && out)
        return true;
    error__null(function, walk ? "out" : "walk");
    return false;
}
