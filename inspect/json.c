/* json.c - a graph for programs, and with the steps of a backward pass for the page. */
#include <math.h>
#include <stdio.h>

#include "inspect/inspect_internal.h"

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    emit__escaped(out, text, ESCAPE_JSON);
    fputc('"', out);
}

static void put_number(FILE *out, real number)
{
    char text[NUMBER_BYTES];
    inspect__number(text, number, 0);
    if (isnan(number))
        fputs("\"NaN\"", out);
    else if (isinf(number))
        fputs(number > 0 ? "\"Infinity\"" : "\"-Infinity\"", out);
    else
        fputs(text, out);
}

/* A number, or for a tensor the list of its first few. */
static void put_numbers(FILE *out, const char *key, bool is_tensor, GraphNumbers numbers)
{
    fprintf(out, ", \"%s\": %s", key, is_tensor ? "[" : "");
    const int64_t count = numbers.n < GRAPH_SHOWN ? numbers.n : GRAPH_SHOWN;
    for (int64_t i = 0; i < (is_tensor ? count : 1); i++) {
        fputs(i ? ", " : "", out);
        put_number(out, numbers.first[i]);
    }
    fputs(is_tensor ? "]" : "", out);
}

static void put_shape(FILE *out, const char *key, int rank, const int64_t *shape)
{
    fprintf(out, ", \"%s\": [", key);
    for (int i = 0; i < rank; i++)
        fprintf(out, "%s%lld", i ? ", " : "", (long long)shape[i]);
    fputc(']', out);
}

static void put_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, ", \"%s\": ", key);
    put_string(out, text);
}

static const char *kind_name(GraphKind kind)
{
    static const char *const names[] = {"leaf", "element", "operation", "nary", "tensor"};
    return names[kind];
}

static void put_node(const Picture *picture, FILE *out, size_t id)
{
    GraphNode node;
    char line[LINE_BYTES];
    const GraphWalk *walk = picture->walk;
    (void)graph_walk_node(walk, id, &node);
    fprintf(out, "{\"id\": %zu", id);
    (void)graph_name(walk, id, sizeof line, line);
    put_text(out, "name", line);
    put_text(out, "label", node.label);
    put_text(out, "kind", kind_name(node.kind));
    put_text(out, "op", node.op);
    put_text(out, "symbol", node.symbol);
    fprintf(out, ", \"wants_grad\": %s", node.wants_grad ? "true" : "false");
    if (node.rank >= 0)
        put_shape(out, "shape", node.rank, node.shape);
    if (node.element >= 0)
        fprintf(out, ", \"element\": %lld", (long long)node.element);
    if (node.row && node.row->has_parameter)
        put_numbers(out, "parameter", false, (GraphNumbers){1, {node.parameter}});
    put_numbers(out, "data", node.rank >= 0, inspect__data(node.value));
    put_numbers(out, "grad", node.rank >= 0, inspect__grad(node.value));
    (void)graph_forward_text(walk, id, sizeof line, line);
    put_text(out, "text", line);
    fprintf(out, ", \"operands_left_out\": %zu}", picture__hidden_edges(picture, id));
}

static void put_edge(const Picture *picture, FILE *out, size_t id, size_t i, real derivative)
{
    GraphEdge edge;
    char line[LINE_BYTES];
    (void)graph_walk_edge(picture->walk, id, i, &edge);
    (void)graph_derivative_text(picture->walk, id, i, sizeof line, line);
    fprintf(out, "{\"from\": %zu, \"to\": %zu, \"edge\": %zu, \"operand\": %d, \"count\": %lld", id, edge.to, i,
            edge.operand, (long long)edge.count);
    if (edge.rank >= 0) {
        put_shape(out, "shape", edge.rank, edge.shape);
    } else {
        put_numbers(out, "derivative", false, (GraphNumbers){1, {derivative}});
        put_text(out, "formula", line);
    }
    fputc('}', out);
}

/* The edges of one node, with room for their derivatives. */
static void put_edges(const Picture *picture, FILE *out, size_t id, real *derivatives, bool *first)
{
    inspect__derivatives(picture->walk, id, derivatives);
    for (size_t i = 0; i < edges_of(picture->walk, id); i++) {
        if (!picture->place[edge_of(picture->walk, id, i)->to])
            continue;
        fputs(*first ? "\n" : ",\n", out);
        put_edge(picture, out, id, i, derivatives[i]);
        *first = false;
    }
}

static bool put_lists(const Picture *picture, FILE *out)
{
    const GraphWalk *walk = picture->walk;
    bool first = true;
    real *derivatives = inspect__take(picture__most_edges(picture), sizeof *derivatives);
    if (!derivatives)
        return false;
    fputs(",\n\"roots\": [", out);
    for (size_t i = 0; i < walk->root_count; i++)
        fprintf(out, "%s%zu", i ? ", " : "", walk->roots[i]);
    fputs("],\n\"nodes\": [", out);
    for (size_t i = 0; i < picture->count; i++) {
        fputs(i ? ",\n" : "\n", out);
        put_node(picture, out, picture->ids[i]);
    }
    fputs("\n],\n\"edges\": [", out);
    for (size_t i = 0; i < picture->count; i++)
        put_edges(picture, out, picture->ids[i], derivatives, &first);
    fputs("\n]", out);
    inspect__give(derivatives);
    return true;
}

static bool is_tensor(const GraphWalk *walk, size_t id)
{
    return (walk->nodes[id]->flags & DENSE) != 0;
}

static void put_step(const Picture *picture, FILE *out, const GraphStep *step)
{
    char line[LINE_BYTES];
    const GraphWalk *walk = picture->walk;
    (void)graph_step_text(walk, step, sizeof line, line);
    fprintf(out, "{\"operand\": %zu", step->operand);
    if (!step->seed) {
        fprintf(out, ", \"node\": %zu, \"edge\": %zu", step->node, step->edge);
        put_numbers(out, "gradient", is_tensor(walk, step->node), step->gradient);
    }
    put_numbers(out, "contribution", is_tensor(walk, step->operand), step->contribution);
    put_numbers(out, "after", is_tensor(walk, step->operand), step->after);
    put_text(out, "text", line);
    fputc('}', out);
}

static void put_steps(const Picture *picture, FILE *out, GraphStepper *stepper)
{
    bool first = true;
    fputs(",\n\"steps\": [", out);
    for (GraphStep step; graph_stepper_next(stepper, &step);) {
        if (!picture->place[step.operand] || (!step.seed && !picture->place[step.node]))
            continue;
        fputs(first ? "\n" : ",\n", out);
        put_step(picture, out, &step);
        first = false;
    }
    fputs("\n]", out);
}

bool json__write(const Picture *picture, FILE *out, GraphStepper *stepper)
{
    fputs("{\"format\": \"valgrad-graph\", \"version\": 1,\n\"title\": ", out);
    put_string(out, picture->options.title ? picture->options.title : "graph");
    fprintf(out, ", \"nodes_total\": %zu, \"nodes_left_out\": %zu", picture->walk->count, picture->left_out);
    if (stepper)
        put_steps(picture, out, stepper);
    const bool room = put_lists(picture, out);
    fputs("}\n", out);
    return room;
}

ValgradStatus graph_write_json(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out)
{
    static const char function[] = "graph_write_json";
    Picture picture;
    if (!emit__check(function, walk, out))
        return valgrad_last_status();
    if (!picture__begin(&picture, function, walk, options))
        return VALGRAD_ERROR_MEMORY;
    const bool room = json__write(&picture, out, NULL);
    picture__end(&picture);
    return room ? emit__status(function, out) : error__memory(function, 0);
}
