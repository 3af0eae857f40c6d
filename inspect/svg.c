/* svg.c - a graph as a picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inspect/inspect_internal.h"
#include "inspect/layout.h"

enum { COLUMNS = 24, CLIP_BYTES = 4 }; /* characters that fit into a box */

/* ---- text -------------------------------------------------------------------------------------- */

/* Cuts text to so many characters. It has CLIP_BYTES of room after its end, for the mark. */
static void clip(char *text, size_t columns)
{
    const char *at = text;
    for (size_t i = 0; i + 1 < columns && *at; i++)
        (void)inspect__character(&at);
    const char *rest = at;
    if (*rest)
        (void)inspect__character(&rest);
    if (*rest)
        strcpy(text + (at - text), "…");
}

static size_t width_of(const char *text)
{
    size_t columns = 0;
    for (; *text; columns++)
        (void)inspect__character(&text);
    return columns;
}

static void put_text(FILE *out, const char *class, const char *id_letter, size_t id, double x, double y,
                     const char *words)
{
    fprintf(out, "<text class=\"vg-%s\"", class);
    if (id_letter)
        fprintf(out, " id=\"%s%zu\"", id_letter, id);
    fputs(" x=\"", out);
    emit__number(out, x);
    fputs("\" y=\"", out);
    emit__number(out, y);
    fputs("\">", out);
    emit__escaped(out, words, ESCAPE_XML);
    fputs("</text>\n", out);
}

static void put_attribute(FILE *out, const char *name, double number)
{
    fprintf(out, " %s=\"", name);
    emit__number(out, number);
    fputc('"', out);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static void put_numbers(FILE *out, const char *what, const char *letter, size_t id, double x, double y,
                        GraphNumbers numbers)
{
    char words[LINE_BYTES + CLIP_BYTES];
    Text text = text__begin(LINE_BYTES, words);
    text__numbers(&text, &numbers);
    clip(words, COLUMNS - 5);
    put_text(out, "what", NULL, 0, x + 8, y, what);
    put_text(out, "number", letter, id, x + 42, y, words);
}

/* What made it, and for a tensor its shape. */
static void describe(const GraphNode *node, size_t room, char *words)
{
    Text text = text__begin(room, words);
    text__add(&text, node->symbol);
    if (node->rank >= 0) {
        text__add(&text, " ");
        text__shape(&text, node->rank, node->shape);
    }
    clip(words, COLUMNS - 4);
}

static void put_contents(const Picture *picture, FILE *out, const GraphNode *node, double x, double top)
{
    char name[NAME_BYTES + CLIP_BYTES], made_by[LINE_BYTES + CLIP_BYTES];
    (void)graph_name(picture->walk, node->id, NAME_BYTES, name);
    describe(node, LINE_BYTES, made_by);
    clip(name, COLUMNS - width_of(made_by));
    put_text(out, "name", NULL, 0, x + 8, top + 17, name);
    put_text(out, "op", NULL, 0, x + BOX_WIDTH - 8, top + 17, made_by);
    put_numbers(out, "data", "d", node->id, x, top + 34, inspect__data(node->value));
    if (picture->options.gradients && node->wants_grad)
        put_numbers(out, "grad", "g", node->id, x, top + 50, inspect__grad(node->value));
    else if (!node->wants_grad)
        put_text(out, "what", NULL, 0, x + 8, top + 50, "no gradient");
}

static void put_left_out(FILE *out, size_t hidden, double x, double y)
{
    char words[64];
    (void)snprintf(words, sizeof words, "… %zu left out", hidden);
    put_text(out, "hidden", NULL, 0, x - 4, y, words);
}

static void put_node(const Picture *picture, FILE *out, const Layout *layout, size_t place, bool interactive)
{
    GraphNode node;
    char line[LINE_BYTES], colour[8];
    const size_t id = picture->ids[place], hidden = picture__hidden_edges(picture, id);
    const Vertex *v = &layout->vertices[place];
    const double x = layout__x(v->layer), top = v->y - v->height / 2;
    (void)graph_walk_node(picture->walk, id, &node);
    (void)graph_forward_text(picture->walk, id, sizeof line, line);
    picture__colour(picture, node.value, colour);
    fprintf(out, "<g class=\"vg-node\" id=\"n%zu\"%s%s>", id,
            interactive ? " role=\"button\" tabindex=\"" : "", interactive ? (place ? "-1\"" : "0\"") : "");
    if (!interactive) { /* the page tells more, and screen readers read the box itself */
        fputs("<title>", out);
        emit__escaped(out, line, ESCAPE_XML);
        fputs("</title>", out);
    }
    fputs("\n<rect class=\"vg-box\"", out);
    put_attribute(out, "x", x);
    put_attribute(out, "y", top);
    put_attribute(out, "width", BOX_WIDTH);
    put_attribute(out, "height", v->height);
    fprintf(out, " rx=\"%d\" fill=\"%s\"/>\n", node.kind == GRAPH_LEAF ? 2 : 9, colour);
    put_contents(picture, out, &node, x, top);
    if (hidden)
        put_left_out(out, hidden, x, top + 10);
    fputs("</g>\n", out);
}

/* ---- edges ------------------------------------------------------------------------------------- */

static void put_point(FILE *out, const char *command, double x, double y)
{
    fputs(command, out);
    emit__number(out, x);
    fputc(' ', out);
    emit__number(out, y);
}

static void put_curve(FILE *out, double x0, double y0, double x1, double y1)
{
    const double reach = (x1 - x0) / 2;
    put_point(out, " C", x0 + reach, y0);
    put_point(out, ", ", x1 - reach, y1);
    put_point(out, ", ", x1, y1);
}

/* Where an edge enters its result: the operands stand in order from the top. */
static double port(const Picture *picture, const Layout *layout, const Wire *wire)
{
    const Vertex *v = &layout->vertices[wire->result];
    const double count = (double)edges_of(picture->walk, picture->ids[wire->result]);
    return v->y - v->height / 2 + v->height * ((double)wire->edge + 1) / (count + 1);
}

static void put_path(FILE *out, const Layout *layout, const Wire *wire, double end)
{
    const Vertex *operand = &layout->vertices[wire->operand];
    double x = layout__x(operand->layer) + BOX_WIDTH, y = operand->y;
    put_point(out, "M", x, y);
    for (size_t b = 0; b < wire->bends; b++) {
        const Vertex *bend = &layout->vertices[wire->bend + b];
        const double left = layout__x(bend->layer);
        put_curve(out, x, y, left, bend->y);
        x = left + BOX_WIDTH;
        y = bend->y;
        put_point(out, " L", x, y);
    }
    put_curve(out, x, y, layout__x(layout->vertices[wire->result].layer) - 7, end);
}

static void put_wire(const Picture *picture, FILE *out, const Layout *layout, const Wire *wire,
                     real derivative)
{
    const size_t id = picture->ids[wire->result];
    const double end = port(picture, layout, wire);
    fprintf(out, "<path class=\"vg-edge\" id=\"e%zu-%zu\" marker-end=\"url(#vg-arrow)\" d=\"", id, wire->edge);
    put_path(out, layout, wire, end);
    fputs("\"/>\n", out);
    if (picture->options.derivatives && !isnan(derivative) && edges_of(picture->walk, id) <= MOST_PORTS) {
        char number[NUMBER_BYTES];
        inspect__number(number, derivative, 4);
        put_text(out, "slope", NULL, 0, layout__x(layout->vertices[wire->result].layer) - 9, end - 4, number);
    }
}

/* Wires stand in order of their results. False when out of memory. */
static bool put_wires(const Picture *picture, FILE *out, const Layout *layout)
{
    real *derivatives = inspect__take(picture__most_edges(picture), sizeof *derivatives);
    if (!derivatives)
        return false;
    for (size_t i = 0; i < layout->wire_count; i++) {
        const Wire *wire = &layout->wires[i];
        if (i == 0 || wire->result != layout->wires[i - 1].result)
            inspect__derivatives(picture->walk, picture->ids[wire->result], derivatives);
        put_wire(picture, out, layout, wire, derivatives[wire->edge]);
    }
    inspect__give(derivatives);
    return true;
}

/* ---- frames ------------------------------------------------------------------------------------ */

typedef struct Frame {
    double left, top, right, bottom;
} Frame;

static bool is_within(const Frame *frame, const Vertex *v)
{
    const double x = layout__x(v->layer);
    return x < frame->right && x + BOX_WIDTH > frame->left && v->y - v->height / 2 < frame->bottom &&
           v->y + v->height / 2 > frame->top;
}

/* Around the nodes of a cluster: all of them, or those in one layer. */
static Frame frame_around(const Picture *picture, const Layout *layout, size_t first, size_t end,
                          const size_t *layer)
{
    Frame frame = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = first; i < end; i++) {
        const Vertex *v = &layout->vertices[picture->clustered[i]];
        const double x = layout__x(v->layer);
        if (layer && v->layer != *layer)
            continue;
        frame.left = fmin(frame.left, x - 8);
        frame.right = fmax(frame.right, x + BOX_WIDTH + 8);
        frame.top = fmin(frame.top, v->y - v->height / 2 - 16);
        frame.bottom = fmax(frame.bottom, v->y + v->height / 2 + 4);
    }
    return frame;
}

/* Whether no node that does not belong there would stand in the frame. */
static bool is_pure(const Layout *layout, const Frame *frame, size_t cluster)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->vertices[i].cluster != cluster && is_within(frame, &layout->vertices[i]))
            return false;
    }
    return true;
}

static void put_frame(FILE *out, const Frame *frame, const char *name)
{
    if (frame->left > frame->right)
        return;
    fputs("<rect class=\"vg-frame\" rx=\"8\"", out);
    put_attribute(out, "x", frame->left);
    put_attribute(out, "y", frame->top);
    put_attribute(out, "width", frame->right - frame->left);
    put_attribute(out, "height", frame->bottom - frame->top);
    fputs("/>\n", out);
    put_text(out, "frame-name", NULL, 0, frame->left + 8, frame->top + 12, name);
}

/* One frame for a cluster if nothing else stands in it; else one in each layer. */
static void put_cluster(const Picture *picture, FILE *out, const Layout *layout, size_t first, size_t end)
{
    char name[NAME_BYTES];
    const char *label = value_label(picture->walk->nodes[picture->ids[picture->clustered[first]]]);
    (void)snprintf(name, sizeof name, "%.*s", (int)picture__prefix(label), label);
    const Frame whole = frame_around(picture, layout, first, end, NULL);
    if (is_pure(layout, &whole, first + 1)) {
        put_frame(out, &whole, name);
        return;
    }
    for (size_t layer = 0; layer < layout->layer_count; layer++) {
        const Frame part = frame_around(picture, layout, first, end, &layer);
        put_frame(out, &part, name);
    }
}

static void put_frames(const Picture *picture, FILE *out, const Layout *layout)
{
    for (size_t first = 0; first < picture->clustered_count;) {
        const size_t end = picture__cluster_end(picture, first);
        put_cluster(picture, out, layout, first, end);
        first = end;
    }
}

/* ---- the whole --------------------------------------------------------------------------------- */

static const char style[] =
    "<style>\n"
    ".vg text { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 11px;"
    " fill: #1d2330; }\n"
    ".vg .vg-box { stroke: #475069; stroke-width: 1.2; }\n"
    ".vg .vg-name { font-weight: bold; }\n"
    ".vg .vg-op { text-anchor: end; fill: #4a2f8f; }\n"
    ".vg .vg-what { fill: #555c6e; }\n"
    ".vg .vg-hidden { text-anchor: end; fill: #8a3b00; font-size: 10px; }\n"
    ".vg .vg-edge { fill: none; stroke: #5b657d; stroke-width: 1.2; }\n"
    ".vg .vg-slope { text-anchor: end; font-size: 10px; fill: #0b5c4f; stroke: #ffffff; stroke-width: 3;"
    " paint-order: stroke; }\n"
    ".vg .vg-frame { fill: #eef2fb; stroke: #9aa6c4; stroke-dasharray: 5 4; }\n"
    ".vg .vg-frame-name { font-size: 10px; fill: #4a5578; }\n"
    ".vg .vg-title { font-size: 13px; font-weight: bold; }\n"
    ".vg .vg-note { fill: #555c6e; }\n"
    "</style>\n"
    "<defs><marker id=\"vg-arrow\" viewBox=\"0 0 8 8\" refX=\"1\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\""
    " markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 Z\" fill=\"#5b657d\"/></marker></defs>\n";

static void put_head(const Picture *picture, FILE *out, const Layout *layout, bool interactive)
{
    char note[100];
    const char *title = picture->options.title ? picture->options.title : "graph";
    const double width = fmax(layout->width, 260 + 2 * MARGIN);
    picture__note(picture, sizeof note, note);
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"vg\" role=\"%s\" aria-label=\"",
            interactive ? "group" : "img");
    emit__escaped(out, title, ESCAPE_XML);
    fprintf(out, ": %s\"", note);
    put_attribute(out, "width", width);
    put_attribute(out, "height", layout->height);
    fputs(" viewBox=\"0 0 ", out);
    put_point(out, "", width, layout->height);
    fputs("\">\n", out);
    if (!interactive) {
        fputs("<title>", out);
        emit__escaped(out, title, ESCAPE_XML);
        fputs("</title>\n", out);
    }
    fputs(style, out);
    fputs("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", out);
    put_text(out, "title", NULL, 0, MARGIN, 20, title);
    put_text(out, "note", NULL, 0, MARGIN, 35, note);
}

bool svg__write(const Picture *picture, FILE *out, bool interactive)
{
    Layout layout;
    if (!layout__begin(&layout, picture))
        return false;
    put_head(picture, out, &layout, interactive);
    put_frames(picture, out, &layout);
    const bool room = put_wires(picture, out, &layout);
    for (size_t i = 0; i < picture->count && room; i++)
        put_node(picture, out, &layout, i, interactive);
    fputs("</svg>\n", out);
    layout__end(&layout);
    return room;
}

ValgradStatus graph_write_svg(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out)
{
    static const char function[] = "graph_write_svg";
    Picture picture;
    if (!emit__check(function, walk, out))
        return valgrad_last_status();
    if (!picture__begin(&picture, function, walk, options))
        return VALGRAD_ERROR_MEMORY;
    const bool room = svg__write(&picture, out, false);
    picture__end(&picture);
    return room ? emit__status(function, out) : error__memory(function, 0);
}
