/* tour.c - a graph and all moments of its life, so that they can be looked at in either direction. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

/* ---- making ------------------------------------------------------------------------------------ */

static bool say_library(void)
{
    error_line("%s", valgrad_last_error());
    return false;
}

static bool record_steps(Tour *tour)
{
    GraphStepper *stepper = graph_stepper_new(tour->walk, NULL);
    if (!stepper)
        return false;
    const size_t room = graph_walk_edge_count(tour->walk) + 1;
    tour->steps = calloc(room, sizeof *tour->steps);
    tour->last_step = calloc(tour->nodes, sizeof *tour->last_step);
    while (tour->steps && tour->last_step && tour->step_count < room &&
           graph_stepper_next(stepper, &tour->steps[tour->step_count])) {
        tour->last_step[tour->steps[tour->step_count].operand] = tour->step_count + 1;
        tour->step_count++;
    }
    graph_stepper_free(stepper);
    return tour->steps && tour->last_step;
}

/* The walk holds the root, as the program does; of the two only the program counts. */
static size_t references_at_first(const Tour *tour, size_t id)
{
    return tour->node[id].references - (id == graph_walk_root(tour->walk, 0));
}

/* What goes, in what order, once the program lets the root go: a node without references is freed, and
 * with it its references to its operands. */
static bool foresee_freeing(Tour *tour)
{
    size_t *references = calloc(tour->nodes, sizeof *references), *waiting = calloc(tour->nodes, sizeof *waiting);
    tour->freed = calloc(tour->nodes, sizeof *tour->freed);
    const bool room = references && waiting && tour->freed;
    size_t count = 0;
    for (size_t id = 0; room && id < tour->nodes; id++)
        references[id] = references_at_first(tour, id);
    const size_t root = graph_walk_root(tour->walk, 0);
    if (room && --references[root] == 0)
        waiting[count++] = root;
    while (count > 0) {
        const size_t id = waiting[--count];
        tour->freed[tour->freed_count++] = id;
        for (size_t i = 0; i < tour->node[id].edge_count; i++) {
            const size_t operand = tour->operands[id][i];
            if (--references[operand] == 0)
                waiting[count++] = operand;
        }
    }
    free(references);
    free(waiting);
    return room;
}

/* Every node of an expression is a leaf, a constant, or of one to three operands. */
static bool copy_nodes(Tour *tour)
{
    tour->nodes = graph_walk_count(tour->walk);
    tour->node = calloc(tour->nodes, sizeof *tour->node);
    tour->operands = calloc(tour->nodes, sizeof *tour->operands);
    tour->number = calloc(tour->nodes, sizeof *tour->number);
    tour->room = calloc(tour->nodes, sizeof *tour->room);
    const bool room = tour->node && tour->operands && tour->number && tour->room;
    for (size_t id = 0; room && id < tour->nodes; id++) {
        (void)graph_walk_node(tour->walk, id, &tour->node[id]);
        tour->number[id] = value_data(tour->node[id].value);
        for (size_t i = 0; i < tour->node[id].edge_count; i++) {
            GraphEdge edge;
            (void)graph_walk_edge(tour->walk, id, i, &edge);
            tour->operands[id][i] = edge.to;
        }
    }
    return room;
}

static bool prepare(Tour *tour)
{
    tour->walk = graph_walk_new(1, &tour->root);
    if (!tour->walk)
        return say_library();
    if (!copy_nodes(tour) || !record_steps(tour) || !foresee_freeing(tour)) {
        error_line("out of memory");
        return false;
    }
    tour->count = 1 + tour->nodes + tour->step_count + tour->freed_count;
    return true;
}

bool tour_make(Tour *tour, const char *expression, int *code)
{
    Mistake mistake;
    tour->expression = expression;
    tour->root = parse(expression, &tour->variables, true, &mistake);
    *code = EXIT_USAGE;
    if (!tour->root) {
        mistake_print(expression, &mistake);
        return false;
    }
    if (!value_wants_grad(tour->root)) {
        error_line("%s has no variable, so there is nothing to differentiate by", expression);
        return false;
    }
    *code = EXIT_FAILURE;
    return prepare(tour);
}

void tour_end(Tour *tour)
{
    graph_walk_free(tour->walk);
    value_release(tour->root);
    variables_release(&tour->variables);
    free(tour->node);
    free(tour->operands);
    free(tour->steps);
    free(tour->freed);
    free(tour->last_step);
    free(tour->number);
    free(tour->room);
}

/* ---- moments ----------------------------------------------------------------------------------- */

Phase tour_phase(const Tour *tour, size_t moment, size_t *index)
{
    *index = 0;
    if (moment == 0)
        return BEGINNING;
    *index = moment - 1;
    if (*index < tour->nodes)
        return FORWARD;
    *index -= tour->nodes;
    if (*index < tour->step_count)
        return BACKWARD;
    *index -= tour->step_count;
    return FREEING;
}

size_t tour_node(const Tour *tour, size_t moment)
{
    size_t index;
    switch (tour_phase(tour, moment, &index)) {
    case FORWARD: return index;
    case BACKWARD: return tour->steps[index].operand;
    case FREEING: return tour->freed[index];
    default: return 0;
    }
}

/* How many steps of backward have been made. */
static size_t steps_made(const Tour *tour, size_t moment)
{
    size_t index;
    switch (tour_phase(tour, moment, &index)) {
    case BACKWARD: return index + 1;
    case FREEING: return tour->step_count;
    default: return 0;
    }
}

/* Looks back for the latest step that gave to the node. */
bool tour_gradient(const Tour *tour, size_t moment, size_t id, real *gradient)
{
    size_t made = steps_made(tour, moment);
    if (made >= tour->last_step[id])
        made = tour->last_step[id];
    for (; made > 0; made--) {
        if (tour->steps[made - 1].operand != id)
            continue;
        *gradient = tour->steps[made - 1].after.first[0];
        return true;
    }
    return false;
}

size_t tour_references(const Tour *tour, size_t moment, size_t id)
{
    size_t index, references = references_at_first(tour, id);
    if (tour_phase(tour, moment, &index) != FREEING)
        return references;
    references -= id == graph_walk_root(tour->walk, 0);
    for (size_t i = 0; i <= index; i++) {
        for (size_t e = 0; e < tour->node[tour->freed[i]].edge_count; e++)
            references -= tour->operands[tour->freed[i]][e] == id;
    }
    return references;
}

size_t tour_find(const Tour *tour, const char *name)
{
    char *end;
    const unsigned long long number = strtoull(name, &end, 10);
    if (end != name && !*end)
        return number < tour->nodes ? (size_t)number : GRAPH_NO_ID;
    for (size_t id = 0; id < tour->nodes; id++) {
        char known[LINE_ROOM];
        (void)graph_name(tour->walk, id, sizeof known, known);
        if (strcmp(known, name) == 0)
            return id;
    }
    return GRAPH_NO_ID;
}

/* ---- numeric checks ---------------------------------------------------------------------------- */

/* A good step for central differences: the cube root of the precision, at the number's size. */
static real step_at(real x)
{
    return (real)cbrt((double)REAL_EPSILON) * (real)fmax(1, fabs((double)x));
}

/* The node's number from its operands' numbers; a third one goes where the table has p. */
static real forward(const GraphNode *node, const real x[3])
{
    return node->row->forward(x[0], x[1], node->row->arity == 3 ? x[2] : node->parameter);
}

/* Whether an operand has another number than in the graph. (A NaN always has.) */
static bool is_moved(const Tour *tour, size_t id)
{
    for (size_t i = 0; i < tour->node[id].edge_count; i++) {
        const size_t operand = tour->operands[id][i];
        if (tour->room[operand] != tour->number[operand])
            return true;
    }
    return false;
}

/* The root's number if node id had another one: what follows from it is computed anew. */
static real root_with(const Tour *tour, size_t id, real number)
{
    memcpy(tour->room, tour->number, tour->nodes * sizeof *tour->room);
    tour->room[id] = number;
    for (size_t i = id + 1; i < tour->nodes; i++) {
        const GraphNode *node = &tour->node[i];
        const size_t *operands = tour->operands[i];
        if (node->row && is_moved(tour, i))
            tour->room[i] = forward(node, (real[]){tour->room[operands[0]], tour->room[operands[1]],
                                                   tour->room[operands[2]]});
    }
    return tour->room[graph_walk_root(tour->walk, 0)];
}

real numeric_total(const Tour *tour, size_t id)
{
    const real x = value_data(graph_walk_value(tour->walk, id)), h = step_at(x);
    const real above = x + h, below = x - h;
    return (root_with(tour, id, above) - root_with(tour, id, below)) / (above - below);
}

real numeric_local(const Tour *tour, size_t id, size_t i)
{
    const GraphNode *node = &tour->node[id];
    real x[3] = {0}, moved[2][3];
    for (size_t e = 0; e < node->edge_count; e++)
        x[e] = value_data(tour->node[tour->operands[id][e]].value);
    const real h = step_at(x[i]);
    memcpy(moved[0], x, sizeof x);
    memcpy(moved[1], x, sizeof x);
    moved[0][i] += h;
    moved[1][i] -= h;
    return (forward(node, moved[0]) - forward(node, moved[1])) / (moved[0][i] - moved[1][i]);
}

/* Whether node is at a kink of its row. */
static bool is_at(const GraphNode *node, const ValueKink *kink)
{
    const double there[] = {kink->x, kink->y, kink->z};
    bool same = true;
    for (size_t i = 0; i < node->edge_count; i++)
        same &= value_data(value_operand(node->value, i)) == (real)there[i];
    return same;
}

bool tour_at_kink(const Tour *tour, size_t id)
{
    const GraphNode *node = &tour->node[id];
    for (int i = 0; node->row && i < node->row->kink_count; i++) {
        const ValueKink *kink = &node->row->kinks[i];
        const bool equal = node->row->arity == 2 && kink->x == kink->y && /* wherever they are */
                           value_data(value_operand(node->value, 0)) == value_data(value_operand(node->value, 1));
        if (equal || is_at(node, kink))
            return true;
    }
    return false;
}

double shown(real number)
{
    return isnan(number) ? (double)NAN : (double)number;
}

static bool has_kink(const Tour *tour)
{
    for (size_t id = 0; id < tour->nodes; id++) {
        if (tour_at_kink(tour, id))
            return true;
    }
    return false;
}

/* Noise where the derivative is 0 is not shown: it differs from one processor to the next. */
void numeric_words(const Tour *tour, real derivative, real numeric, size_t room, char *words)
{
    const double close = fmax(1e-6, 100 * pow((double)REAL_EPSILON, 2.0 / 3));
    const double rounded = fabs((double)numeric) < close / 100 ? 0 : shown(numeric);
    const bool agrees = isfinite(derivative) && fabs((double)numeric - (double)derivative) <=
                                                    close * fmax(1, fabs((double)derivative));
    const char *verdict = agrees ? "agrees" : has_kink(tour) ? "differs, at a kink or pole" : "differs";
    (void)snprintf(words, room, "numerically %.6g: %s", rounded, verdict);
}
