/* stepper.c - backward, one contribution at a time.
 *
 * The order is that of backward.c: nodes from the youngest down, each after all that it receives from, its
 * operands in order. What a node gives is given by the same functions, so that the bits agree: a scalar
 * contribution by give(), a tensor operation's by its own backward, allowed one operand at a time.
 * The gradients of results are set to 0 at the start, as for a pass. */
#include <math.h>
#include <string.h>

#include "inspect/inspect_internal.h"

/* The gradient that a node had before. */
typedef struct Kept {
    real grad;
    real *buffer; /* of a dense node */
    bool filled;
} Kept;

struct GraphStepper {
    const GraphWalk *walk;
    real *partials;
    GraphNumbers *before; /* of each edge in a group that is given at once */
    Kept *kept;
    real scalar_seed;
    real *seed, *seed_room; /* of a tensor root */
    size_t next_root, node, next_edge, group_end, index;
    bool *reached; /* by id: the pass goes through it */
    bool open; /* `node` is passing its gradient on */
};

static bool wants(const GraphWalk *walk, size_t id)
{
    return walk->nodes[id]->flags & WANTS_GRAD;
}

/* The gradient of id so far. */
static GraphNumbers so_far(const GraphStepper *stepper, size_t id)
{
    return inspect__grad(stepper->walk->nodes[id]);
}

/* ---- seeds ------------------------------------------------------------------------------------- */

/* As tensor_backward() gives its seed, to all roots at once. */
static void seed_tensor(GraphStepper *stepper)
{
    const GraphWalk *walk = stepper->walk;
    const Operand root = {.tensor = walk->tensor, .scattered = stepper->seed_room, .wants_grad = true};
    const Gradient gradient = gradient__begin(&root);
    for (int64_t i = 0; i < walk->tensor->size; i++) {
        const real g = stepper->seed ? stepper->seed[i] : 1;
        gradient.grad[i] = gradient.fresh ? g : gradient.grad[i] + g;
    }
    gradient__end(&root, gradient);
}

static GraphNumbers difference(GraphNumbers after, const GraphNumbers *before)
{
    for (int i = 0; i < GRAPH_SHOWN && i < after.n; i++)
        after.first[i] -= before->first[i];
    return after;
}

static void describe(const GraphStepper *stepper, GraphStep *step, const GraphNumbers *before)
{
    step->before = *before;
    step->after = so_far(stepper, step->operand);
    step->contribution = difference(step->after, before);
}

static bool next_seed(GraphStepper *stepper, GraphStep *step)
{
    const GraphWalk *walk = stepper->walk;
    while (stepper->next_root < walk->root_count && !wants(walk, walk->roots[stepper->next_root]))
        stepper->next_root++;
    if (stepper->next_root == walk->root_count)
        return false;
    const size_t root = walk->roots[stepper->next_root];
    GraphNumbers before = so_far(stepper, root);
    if (!walk->tensor)
        give(walk->nodes[root], stepper->scalar_seed);
    else if (stepper->index == 0)
        seed_tensor(stepper);
    else
        before = (GraphNumbers){.n = before.n};
    stepper->next_root++;
    step->seed = true;
    step->node = GRAPH_NO_ID;
    step->operand = root;
    step->derivative = (real)NAN;
    describe(stepper, step, &before);
    return true;
}

/* ---- contributions ----------------------------------------------------------------------------- */

static bool passes_zero(const Value *v)
{
    return v->grad == 0 && !backward__strict() && !(v->flags & DENSE);
}

/* Whether the operation gives its derivatives by the numbers; others give to all operands at once. */
static bool has_partials(const Value *v)
{
    return !(v->flags & DENSE);
}

/* An operation of one operand does not ask whether that still wants a gradient: it would want none. */
static bool receives(const GraphWalk *walk, const Value *v, const Edge *edge)
{
    const ValueOpInfo *row = value__row(v);
    if (row && row->arity == 1 && !passes_zero(v))
        return true;
    if (v->flags & DENSE && !operation_of(v)->operand[edge->operand].wants_grad)
        return false;
    return wants(walk, edge->to);
}

static void give_scalar(GraphStepper *stepper, const Value *v, const Edge *edge, GraphStep *step)
{
    const GraphNumbers before = so_far(stepper, edge->to);
    const real product = nary__chooses(v) ? share_of(v->grad, step->derivative) : v->grad * step->derivative;
    const real contribution = passes_zero(v) ? 0 : product;
    give(stepper->walk->nodes[edge->to], contribution);
    describe(stepper, step, &before);
    step->contribution = (GraphNumbers){.n = 1, .first = {contribution}};
}

/* Lets the node's own backward give to operand tensor k alone. */
static void run_backward(Value *v, int k)
{
    bool wanted[OPERANDS];
    Operand *operand = (v->flags & DENSE) ? operation_of(v)->operand : NULL;
    for (int i = 0; operand && i < OPERANDS; i++) {
        wanted[i] = operand[i].wants_grad;
        operand[i].wants_grad &= i == k;
    }
    v->more->kind->backward(v);
    for (int i = 0; operand && i < OPERANDS; i++)
        operand[i].wants_grad = wanted[i];
}

/* Gives to the edges from `first` on that belong to the same operand tensor. */
static void give_group(GraphStepper *stepper, Value *v, size_t first)
{
    const GraphWalk *walk = stepper->walk;
    const size_t count = edges_of(walk, stepper->node);
    const int k = edge_of(walk, stepper->node, first)->operand;
    size_t end = first;
    for (; end < count; end++) {
        const Edge *edge = edge_of(walk, stepper->node, end);
        if ((v->flags & DENSE) && edge->operand != k)
            break;
        stepper->before[end] = so_far(stepper, edge->to);
    }
    if (!(v->flags & DENSE) || dense_of(v)->filled)
        run_backward(v, k);
    stepper->group_end = end;
}

static bool do_edge(GraphStepper *stepper, size_t i, GraphStep *step)
{
    Value *v = stepper->walk->nodes[stepper->node];
    const Edge *edge = edge_of(stepper->walk, stepper->node, i);
    if (!receives(stepper->walk, v, edge))
        return false;
    step->node = stepper->node;
    step->edge = i;
    step->operand = edge->to;
    step->gradient = inspect__grad(v);
    step->derivative = stepper->partials[i];
    if (has_partials(v)) {
        give_scalar(stepper, v, edge, step);
        return true;
    }
    if (i >= stepper->group_end)
        give_group(stepper, v, i);
    describe(stepper, step, &stepper->before[i]);
    return true;
}

/* The next node that the pass goes through. */
static bool open_node(GraphStepper *stepper)
{
    while (stepper->node > 0 && !stepper->reached[stepper->node - 1])
        stepper->node--;
    if (stepper->node == 0)
        return false;
    stepper->node--;
    stepper->next_edge = stepper->group_end = 0;
    inspect__derivatives(stepper->walk, stepper->node, stepper->partials);
    return true;
}

static bool next_contribution(GraphStepper *stepper, GraphStep *step)
{
    while (stepper->open || open_node(stepper)) {
        stepper->open = true;
        while (stepper->next_edge < edges_of(stepper->walk, stepper->node)) {
            if (do_edge(stepper, stepper->next_edge++, step))
                return true;
        }
        stepper->open = false;
    }
    return false;
}

bool graph_stepper_next(GraphStepper *stepper, GraphStep *step)
{
    if (!stepper || !step)
        return false;
    *step = (GraphStep){.index = stepper->index};
    if (!next_seed(stepper, step) && !next_contribution(stepper, step))
        return false;
    stepper->index++;
    return true;
}

/* ---- before the first step --------------------------------------------------------------------- */

static const char function[] = "graph_stepper_new";

/* The node that receives what is given to id: an element's tensor. */
static size_t receiver(const GraphWalk *walk, size_t id)
{
    return is_element(walk->nodes[id]) ? edge_of(walk, id, 0)->to : id;
}

/* Fails if a number is no longer the one that node id was made from; marks what id passes on to. */
static ValgradStatus check_edges(GraphStepper *stepper, size_t id)
{
    const GraphWalk *walk = stepper->walk;
    for (size_t i = 0; i < edges_of(walk, id); i++) {
        const size_t to = receiver(walk, edge_of(walk, id, i)->to);
        const Value *node = walk->nodes[to];
        if ((node->flags & LEAF) && node->changed_at > graph__stamp(walk->nodes[id]))
            return backward__say_changed(function, walk->nodes[id], node);
        stepper->reached[to] |= wants(walk, to) && !(node->flags & LEAF);
    }
    return VALGRAD_OK;
}

static ValgradStatus check_graph(GraphStepper *stepper)
{
    const GraphWalk *walk = stepper->walk;
    ValgradStatus status = VALGRAD_OK;
    bool any = false;
    for (size_t i = 0; i < walk->root_count; i++) {
        const size_t root = receiver(walk, walk->roots[i]);
        any |= wants(walk, root);
        stepper->reached[root] = wants(walk, root) && !(walk->nodes[root]->flags & LEAF);
    }
    if (!any)
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: no root depends on a leaf that wants a gradient", function);
    for (size_t id = walk->count; id-- > 0 && status == VALGRAD_OK;) {
        if (stepper->reached[id])
            status = check_edges(stepper, id);
    }
    return status;
}

static void forget_gradients(const GraphStepper *stepper)
{
    for (size_t id = 0; id < stepper->walk->count; id++) {
        if (stepper->reached[id])
            backward__forget(stepper->walk->nodes[id]);
    }
}

static ValgradStatus check_seed(const GraphWalk *walk, const Tensor *seed)
{
    const Tensor *root = walk->tensor;
    if (!seed || (root && seed->rank == root->rank &&
                  memcmp(seed->shape, root->shape, (size_t)root->rank * sizeof *root->shape) == 0))
        return VALGRAD_OK;
    char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
    return error__set(VALGRAD_ERROR_SHAPE, "%s: a seed of shape %s for %s%s", function,
                      shape__text(seed->rank, seed->shape, a),
                      root ? "a root of shape " : "scalar roots",
                      root ? shape__text(root->rank, root->shape, b) : "");
}

static bool take_seed(GraphStepper *stepper, const Tensor *seed)
{
    const Tensor *root = stepper->walk->tensor;
    if (!root)
        return true;
    stepper->seed_room = inspect__take((size_t)root->size, sizeof *stepper->seed_room);
    if (seed)
        stepper->seed = inspect__take((size_t)root->size, sizeof *stepper->seed);
    if (!stepper->seed_room || (seed && !stepper->seed))
        return false;
    if (seed)
        tensor__gather(seed, stepper->seed);
    return true;
}

static bool take_room(GraphStepper *stepper)
{
    const GraphWalk *walk = stepper->walk;
    size_t most = 1;
    for (size_t id = 0; id < walk->count; id++)
        most = edges_of(walk, id) > most ? edges_of(walk, id) : most;
    stepper->reached = inspect__take(walk->count, sizeof *stepper->reached);
    stepper->partials = inspect__take(most, sizeof *stepper->partials);
    stepper->before = inspect__take(most, sizeof *stepper->before);
    stepper->node = walk->count;
    return stepper->reached && stepper->partials && stepper->before;
}

/* ---- gradients put aside ----------------------------------------------------------------------- */

static bool keep_one(Value *v, Kept *kept)
{
    if (is_element(v))
        return true;
    kept->grad = v->grad;
    if ((v->flags & DENSE) && dense_of(v)->grad) {
        dense__complete(dense_of(v));
        kept->filled = dense_of(v)->filled;
        real *fresh = buffer__take((size_t)dense_of(v)->n * sizeof *fresh);
        if (!fresh)
            return false;
        kept->buffer = dense_of(v)->grad;
        dense_of(v)->grad = fresh;
        dense_of(v)->filled = false;
    }
    v->grad = 0;
    return true;
}

static void bring_back(Value *v, const Kept *kept)
{
    if (is_element(v))
        return;
    v->grad = kept->grad;
    if (kept->buffer) {
        buffer__give(dense_of(v)->grad);
        dense_of(v)->grad = kept->buffer;
        dense_of(v)->filled = kept->filled;
        dense_of(v)->by_rows = false;
    }
}

static bool keep_gradients(GraphStepper *stepper)
{
    const GraphWalk *walk = stepper->walk;
    Kept *kept = inspect__take(walk->count, sizeof *kept);
    size_t id = 0;
    while (kept && id < walk->count && keep_one(walk->nodes[id], &kept[id]))
        id++;
    if (kept && id == walk->count) {
        stepper->kept = kept;
        return true;
    }
    while (kept && id-- > 0)
        bring_back(walk->nodes[id], &kept[id]);
    inspect__give(kept);
    return false;
}

/* ---- life -------------------------------------------------------------------------------------- */

GraphStepper *graph_stepper_new(const GraphWalk *walk, const GraphStepperOptions *options)
{
    static const GraphStepperOptions usual = GRAPH_STEPPER_OPTIONS_INIT;
    if (!walk)
        return error__null(function, "walk"), NULL;
    if (!options)
        options = &usual;
    if (check_seed(walk, options->tensor_seed) != VALGRAD_OK)
        return NULL;
    GraphStepper *stepper = inspect__take(1, sizeof *stepper);
    bool room = stepper != NULL;
    if (room) {
        stepper->walk = walk;
        stepper->scalar_seed = options->seed;
        room = take_room(stepper) && take_seed(stepper, options->tensor_seed);
    }
    const bool valid = room && check_graph(stepper) == VALGRAD_OK;
    if (valid && (!options->keep_gradients || keep_gradients(stepper))) {
        forget_gradients(stepper);
        return stepper;
    }
    if (!room || valid)
        error__memory(function, 0);
    graph_stepper_free(stepper);
    return NULL;
}

void graph_stepper_free(GraphStepper *stepper)
{
    if (!stepper)
        return;
    for (size_t id = 0; stepper->kept && id < stepper->walk->count; id++)
        bring_back(stepper->walk->nodes[id], &stepper->kept[id]);
    inspect__give(stepper->reached);
    inspect__give(stepper->partials);
    inspect__give(stepper->before);
    inspect__give(stepper->kept);
    inspect__give(stepper->seed);
    inspect__give(stepper->seed_room);
    inspect__give(stepper);
}
