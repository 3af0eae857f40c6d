/* dot.c - a graph in the language of Graphviz. */
#include <math.h>
#include <stdio.h>

#include "inspect/inspect_internal.h"

static void put_numbers(FILE *out, const char *name, GraphNumbers numbers)
{
    char words[LINE_BYTES];
    Text text = text__begin(sizeof words, words);
    text__numbers(&text, &numbers);
    fprintf(out, "\\n%s ", name);
    emit__escaped(out, words, ESCAPE_DOT);
}

static void put_shape(FILE *out, const GraphNode *node)
{
    char words[SHAPE_TEXT_BYTES];
    if (node->rank >= 0)
        fprintf(out, " %s", shape__text(node->rank, node->shape, words));
}

static void put_node(const Picture *picture, FILE *out, size_t place, const char *indent)
{
    GraphNode node;
    char name[NAME_BYTES], colour[8];
    const size_t id = picture->ids[place], hidden = picture__hidden_edges(picture, id);
    (void)graph_walk_node(picture->walk, id, &node);
    (void)graph_name(picture->walk, id, sizeof name, name);
    picture__colour(picture, node.value, colour);
    fprintf(out, "%sn%zu [label=\"", indent, id);
    emit__escaped(out, name, ESCAPE_DOT);
    fputs(": ", out);
    emit__escaped(out, node.symbol, ESCAPE_DOT);
    put_shape(out, &node);
    put_numbers(out, "data", inspect__data(node.value));
    if (picture->options.gradients && node.wants_grad)
        put_numbers(out, "grad", inspect__grad(node.value));
    if (hidden)
        fprintf(out, "\\n… %zu operand%s left out", hidden, hidden == 1 ? "" : "s");
    fprintf(out, "\", fillcolor=\"%s\"%s];\n", colour, node.kind == GRAPH_LEAF ? "" : ", style=\"filled,rounded\"");
}

static void put_edge(const Picture *picture, FILE *out, size_t id, size_t i, real derivative)
{
    const Edge *edge = edge_of(picture->walk, id, i);
    fprintf(out, "    n%zu -> n%zu", edge->to, id);
    if (picture->options.derivatives && !isnan(derivative)) {
        char number[NUMBER_BYTES];
        inspect__number(number, derivative, 6);
        fprintf(out, " [label=\"%s\"]", number);
    }
    fputs(";\n", out);
}

/* False when out of memory. */
static bool put_edges(const Picture *picture, FILE *out)
{
    real *derivatives = inspect__take(picture__most_edges(picture), sizeof *derivatives);
    for (size_t place = 0; derivatives && place < picture->count; place++) {
        const size_t id = picture->ids[place];
        inspect__derivatives(picture->walk, id, derivatives);
        for (size_t i = 0; i < edges_of(picture->walk, id); i++) {
            if (picture->place[edge_of(picture->walk, id, i)->to])
                put_edge(picture, out, id, i, derivatives[i]);
        }
    }
    const bool room = derivatives != NULL;
    inspect__give(derivatives);
    return room;
}

static void put_clusters(const Picture *picture, FILE *out)
{
    for (size_t first = 0; first < picture->clustered_count;) {
        const size_t end = picture__cluster_end(picture, first);
        char prefix[NAME_BYTES];
        const char *label = value_label(picture->walk->nodes[picture->ids[picture->clustered[first]]]);
        (void)snprintf(prefix, sizeof prefix, "%.*s", (int)picture__prefix(label), label);
        fprintf(out, "    subgraph cluster_%zu {\n        label=\"", first);
        emit__escaped(out, prefix, ESCAPE_DOT);
        fputs("\"; style=dashed; color=\"#888888\";\n", out);
        for (; first < end; first++)
            put_node(picture, out, picture->clustered[first], "        ");
        fputs("    }\n", out);
    }
}

static bool write_dot(const Picture *picture, FILE *out)
{
    char note[100];
    picture__note(picture, sizeof note, note);
    fputs("digraph valgrad {\n    rankdir=LR;\n    label=\"", out);
    emit__escaped(out, picture->options.title ? picture->options.title : "graph", ESCAPE_DOT);
    fprintf(out, "\\n%s\";\n    labelloc=t;\n", note);
    fputs("    node [shape=box, style=filled, fontname=\"monospace\", fontsize=11];\n"
          "    edge [fontname=\"monospace\", fontsize=10, color=\"#555555\"];\n",
          out);
    put_clusters(picture, out);
    for (size_t i = 0; i < picture->count; i++) {
        const Value *v = picture->walk->nodes[picture->ids[i]];
        if (!picture->options.clusters || !picture__prefix(value_label(v)))
            put_node(picture, out, i, "    ");
    }
    const bool room = put_edges(picture, out);
    fputs("}\n", out);
    return room;
}

ValgradStatus graph_write_dot(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out)
{
    static const char function[] = "graph_write_dot";
    Picture picture;
    if (!emit__check(function, walk, out))
        return valgrad_last_status();
    if (!picture__begin(&picture, function, walk, options))
        return VALGRAD_ERROR_MEMORY;
    const bool room = write_dot(&picture, out);
    picture__end(&picture);
    return room ? emit__status(function, out) : error__memory(function, 0);
}
