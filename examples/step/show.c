/* show.c - a moment in words, and the table of nodes. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

enum { MOST_EXPRESSION = 200 }; /* of which so many letters are repeated */

__attribute__((format(printf, 2, 3))) static void say(Words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (words->count < MOMENT_LINES)
        (void)vsnprintf(words->line[words->count++], LINE_ROOM, format, arguments);
    va_end(arguments);
}

static const char *name_of(const Tour *tour, size_t id, char name[NAME_ROOM])
{
    (void)graph_name(tour->walk, id, NAME_ROOM, name);
    return name;
}

/* ---- moments ----------------------------------------------------------------------------------- */

static void show_beginning(const Tour *tour, Words *words)
{
    const size_t length = strlen(tour->expression);
    say(words, "%.*s%s", MOST_EXPRESSION, tour->expression, length > MOST_EXPRESSION ? " ..." : "");
    say(words, "%zu nodes are computed forward, in order of creation: operands first", tour->nodes);
    say(words, "%zu contributions go backward, in the reverse order", tour->step_count);
    say(words, "then the root is let go, and %zu node%s freed", tour->freed_count,
        tour->freed_count == 1 ? " is" : "s are");
}

static void show_forward(const Tour *tour, size_t id, Words *words)
{
    const GraphNode node = tour->node[id];
    char line[LINE_ROOM];
    (void)graph_forward_text(tour->walk, id, sizeof line, line);
    say(words, "%s", line);
    if (!node.row) {
        say(words, "%s",
            node.wants_grad ? "a leaf: its gradient is what is asked for" : "a constant: wants no gradient");
    } else {
        say(words, "value_%s: f = %s", node.op, node.row->formula);
        const char *const *d = node.row->partials;
        if (node.row->arity == 1)
            say(words, "df/dx = %s", d[0]);
        else if (node.row->arity == 2)
            say(words, "df/dx = %s    df/dy = %s", d[0], d[1]);
        else
            say(words, "df/dx = %s    df/dy = %s    df/dz = %s", d[0], d[1], d[2]);
    }
    say(words, "used by %zu operand edge%s; held by %zu reference%s", node.use_count, node.use_count == 1 ? "" : "s",
        tour_references(tour, 1, id), tour_references(tour, 1, id) == 1 ? "" : "s");
}

/* The derivative of this operation alone, by differences beside the formula. */
static void show_local(const Tour *tour, const GraphStep *step, Words *words)
{
    const GraphNode node = tour->node[step->node];
    char formula[LINE_ROOM], check[100];
    (void)graph_derivative_text(tour->walk, step->node, step->edge, sizeof formula, formula);
    say(words, "value_%s: f = %s, df/d%c = %s; here %s", node.op, node.row->formula, "xyz"[step->edge],
        node.row->partials[step->edge], formula);
    numeric_words(tour, step->derivative, numeric_local(tour, step->node, step->edge), sizeof check, check);
    if (tour_at_kink(tour, step->node))
        say(words, "local derivative %.6g, promised at this kink or pole; %s", shown(step->derivative), check);
    else
        say(words, "local derivative %.6g; %s", shown(step->derivative), check);
}

static void show_total(const Tour *tour, size_t index, Words *words)
{
    char name[NAME_ROOM], check[100];
    const GraphStep *step = &tour->steps[index];
    const real after = step->after.first[0];
    name_of(tour, step->operand, name);
    if (index + 1 < tour->last_step[step->operand]) {
        say(words, "gradient of %s: %.6g so far, more to come", name, shown(after));
        return;
    }
    numeric_words(tour, after, numeric_total(tour, step->operand), sizeof check, check);
    say(words, "gradient of %s: %.6g, complete; %s", name, shown(after), check);
}

static void show_backward(const Tour *tour, size_t index, Words *words)
{
    const GraphStep *step = &tour->steps[index];
    char line[LINE_ROOM];
    (void)graph_step_text(tour->walk, step, sizeof line, line);
    say(words, "%s", line);
    if (step->seed)
        say(words, "the root changes by 1 when the root changes by 1: here backward begins");
    else
        show_local(tour, step, words);
    show_total(tour, index, words);
}

static void show_freeing(const Tour *tour, size_t index, Words *words)
{
    char name[NAME_ROOM];
    name_of(tour, tour->freed[index], name);
    if (index == 0)
        say(words, "the program lets %s go: no reference is left, so it is freed", name);
    else
        say(words, "%s is freed: what was made from it is gone, and no reference is left", name);
    say(words, "freed so far: %zu of %zu; %zu of the graph stay, held by the program", index + 1, tour->freed_count,
        tour->nodes - tour->freed_count);
}

void show_moment(const Tour *tour, size_t moment, Words *words)
{
    size_t index;
    words->count = 0;
    switch (tour_phase(tour, moment, &index)) {
    case BEGINNING: show_beginning(tour, words); break;
    case FORWARD: show_forward(tour, index, words); break;
    case BACKWARD: show_backward(tour, index, words); break;
    case FREEING: show_freeing(tour, index, words); break;
    }
}

/* ---- table ------------------------------------------------------------------------------------- */

/* "w (-1), x (2)": operands with the derivative by each that wants a gradient. */
static void show_operands(const Tour *tour, const GraphNode *node, size_t room, char *words)
{
    size_t length = 0;
    words[0] = '\0';
    for (size_t i = 0; i < node->edge_count && length < room; i++) {
        const size_t operand = tour->operands[node->id][i];
        char name[NAME_ROOM], derivative[32] = "";
        if (tour->node[operand].wants_grad)
            (void)snprintf(derivative, sizeof derivative, " (%.4g)",
                           shown(graph_walk_derivative(tour->walk, node->id, i)));
        length += (size_t)snprintf(words + length, room - length, "%s%s%s", i ? ", " : "",
                                   name_of(tour, operand, name), derivative);
    }
}

static bool is_freed(const Tour *tour, size_t moment, size_t id)
{
    size_t index;
    if (tour_phase(tour, moment, &index) != FREEING)
        return false;
    for (size_t i = 0; i <= index; i++) {
        if (tour->freed[i] == id)
            return true;
    }
    return false;
}

static char mark_of(const Tour *tour, size_t moment, size_t id)
{
    size_t index;
    const Phase phase = tour_phase(tour, moment, &index);
    if (phase == BACKWARD && tour->steps[index].node == id)
        return '>';
    return phase != BEGINNING && tour_node(tour, moment) == id ? '*' : ' ';
}

void show_head(size_t room, char *row)
{
    (void)snprintf(row, room, "   # %-8s %-10s %-28s %11s %11s", "name", "op", "operands (derivative)", "data",
                   "gradient");
}

void show_row(const Tour *tour, size_t moment, size_t id, size_t room, char *row)
{
    const GraphNode node = tour->node[id];
    real gradient;
    char name[NAME_ROOM], operands[LINE_ROOM], data[32] = "", grad[32] = "";
    show_operands(tour, &node, sizeof operands, operands);
    if (moment > id)
        (void)snprintf(data, sizeof data, "%.6g", shown(value_data(node.value)));
    if (!node.wants_grad)
        (void)snprintf(grad, sizeof grad, "-");
    else if (tour_gradient(tour, moment, id, &gradient))
        (void)snprintf(grad, sizeof grad, "%.6g", shown(gradient));
    if (is_freed(tour, moment, id))
        (void)snprintf(grad, sizeof grad, "freed");
    (void)snprintf(row, room, "%c%3zu %-8.8s %-10.10s %-28.28s %11s %11s", mark_of(tour, moment, id), id,
                   name_of(tour, id, name), node.op, operands, data, grad);
}
