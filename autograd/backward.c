/* backward.c - the chain rule over a whole graph.
 *
 * Nodes are visited in reverse order of their creation, so that each has received every contribution to
 * its gradient before it passes that on: creation order is a topological order. Within one region, whose
 * nodes lie in that order, this is a walk from the root downwards; nodes that nothing reached are
 * stepped over. A graph that lies in several places is visited by a queue that always yields the
 * youngest. Both visit in the same order and so give the same bits. Neither recurses.
 *
 * A pass checks first, where a leaf may have been changed, that every number is still the one that the
 * graph was built on. Nothing can fail once gradients are being written. */
#include <string.h>

#include "autograd/formulas.h"
#include "autograd/graph.h"

_Thread_local int64_t backward__pending __attribute__((tls_model("initial-exec")));

static _Thread_local bool strict;

/* ---- the queue: a binary heap, the youngest node on top ---------------------------------------- */

typedef struct Entry {
    uint64_t stamp;
    Value *node;
} Entry;

typedef struct Queue {
    Entry *entries;
    size_t count, room;
} Queue;

static _Thread_local Queue queue;

static bool younger(Entry a, Entry b)
{
    return a.stamp != b.stamp ? a.stamp > b.stamp : a.node > b.node;
}

static bool reserve(void)
{
    if (queue.count < queue.room)
        return true;
    const size_t room = queue.room ? 2 * queue.room : 256;
    Entry *larger = buffer__take(room * sizeof *larger);
    if (!larger)
        return false;
    if (queue.count)
        memcpy(larger, queue.entries, queue.count * sizeof *larger);
    buffer__give(queue.entries);
    queue.entries = larger;
    queue.room = room;
    return true;
}

static bool push(Value *node)
{
    if (node->flags & QUEUED)
        return true;
    if (!reserve())
        return false;
    node->flags |= QUEUED;
    const Entry entry = {graph__stamp(node), node};
    size_t i = queue.count++;
    for (; i > 0 && younger(entry, queue.entries[(i - 1) / 2]); i = (i - 1) / 2)
        queue.entries[i] = queue.entries[(i - 1) / 2];
    queue.entries[i] = entry;
    return true;
}

static Value *pop(void)
{
    Value *node = queue.entries[0].node;
    const Entry last = queue.entries[--queue.count];
    size_t i = 0;
    for (size_t child = 1; child < queue.count; child = 2 * i + 1) {
        if (child + 1 < queue.count && younger(queue.entries[child + 1], queue.entries[child]))
            child++;
        if (!younger(queue.entries[child], last))
            break;
        queue.entries[i] = queue.entries[child];
        i = child;
    }
    queue.entries[i] = last;
    node->flags &= (uint16_t)~QUEUED;
    return node;
}

void backward__trim(void)
{
    buffer__give(queue.entries);
    queue.entries = NULL;
    queue.room = 0;
}

/* ---- what is done at a node -------------------------------------------------------------------- */

void backward__give_element(Value *v, real gradient)
{
    Value *node = v->owner;
    bool fresh;
    real *grad = dense__receive(node, &fresh);
    if (fresh)
        memset(grad, 0, (size_t)dense_of(node)->n * sizeof *grad);
    grad[v->index] += gradient;
}

/* A gradient of exactly 0 passes 0 on, whatever the derivatives: operands only become reached. */
static void pass_zero(Value *v)
{
    const NodeKind *kind = (v->flags & EXTENDED) ? v->more->kind : NULL;
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++) {
        Value *operand = kind ? kind->operand(v, i) : i == 0 ? v->x : v->y;
        if (!(operand->flags & WANTS_GRAD))
            continue;
        if (operand->flags & (ELEMENT | DENSE)) {
            bool fresh;
            Value *node = node_of(operand);
            real *grad = dense__receive(node, &fresh);
            if (fresh)
                memset(grad, 0, (size_t)dense_of(node)->n * sizeof *grad);
        } else {
            give(operand, 0);
        }
    }
}

/* The same for a node whose operands are plain. Returns how many were reached for the first time. */
static int64_t pass_zero_plain(Value *v, unsigned passes)
{
    int64_t reached = 0;
    if (passes & PASSES_X)
        reached += pass_plain(v->x, 0);
    if (passes & PASSES_Y)
        reached += pass_plain(v->y, 0);
    return reached;
}

static void differentiate(Value *v)
{
    if (v->grad == 0 && !strict && !(v->flags & DENSE))
        pass_zero(v);
    else if (v->flags & EXTENDED)
        v->more->kind->backward(v);
    else
        backward__pending += value__op_backward[v->op][v->flags / PASSES_X](v, v->grad);
}

static void reach(Value *node)
{
    if (node->flags & (REACHED | LEAF))
        return;
    node->flags |= REACHED;
    backward__pending++;
}

ValgradStatus backward__say_changed(const char *function, const Value *v, const Value *leaf)
{
    const char *label = value_label(leaf);
    return error__set(
        VALGRAD_ERROR_MODIFIED,
        "%s: the %s %s%s%swas given another number after %s had used it; build the graph "
        "anew after changing a leaf",
        function, value_op_name(leaf), *label ? "'" : "", label, *label ? "' " : "",
        value_op_name(v));
}

/* Marks the operands as reached, and fails if one was changed after v was made. */
static ValgradStatus check(Value *v, const char *function)
{
    const uint64_t made_at = graph__stamp(v);
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++) {
        Value *node = node_of(value_operand(v, i));
        if ((node->flags & LEAF) && node->changed_at > made_at)
            return backward__say_changed(function, v, node);
        if (node->flags & WANTS_GRAD)
            reach(node);
    }
    return VALGRAD_OK;
}

/* ---- visiting ---------------------------------------------------------------------------------- */

/* Unmarks the operands that were reached and did not get into the queue. */
static void forget_operands(Value *v)
{
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++) {
        Value *node = node_of(value_operand(v, i));
        if (!(node->flags & (QUEUED | LEAF)))
            node->flags &= (uint16_t)~REACHED;
    }
}

static bool push_operands(Value *v)
{
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++) {
        Value *node = node_of(value_operand(v, i));
        if (is_waiting(node) && !push(node))
            return forget_operands(v), false;
    }
    return true;
}

static Value *take_reached(Value *v)
{
    v->flags &= (uint16_t)~REACHED;
    backward__pending--;
    return v;
}

/* The next reached node below v in its region, or v itself. */
static Value *walk_down(Value *v)
{
    while (!is_waiting(v))
        v = graph__previous(v);
    return take_reached(v);
}

/* Unmarks all that a check left marked. */
static void abandon_walk(Value *v)
{
    while (backward__pending > 0)
        v = walk_down(v);
}

static void abandon_queue(void)
{
    while (queue.count > 0)
        pop()->flags &= (uint16_t)~REACHED;
    backward__pending = 0;
}

static ValgradStatus check_linear(const char *function, Value *root)
{
    ValgradStatus status = VALGRAD_OK;
    reach(root);
    for (Value *v = root; backward__pending > 0 && status == VALGRAD_OK;) {
        v = walk_down(v);
        status = check(v, function);
        if (status != VALGRAD_OK)
            abandon_walk(v);
    }
    return status;
}

/* Leaves the queue with room for the pass itself, which queues the same nodes. */
static ValgradStatus check_queued(const char *function, size_t n, Value *const *roots)
{
    ValgradStatus status = VALGRAD_OK;
    bool room = true;
    for (size_t i = 0; i < n && room; i++) {
        Value *node = node_of(roots[i]);
        if (!(node->flags & WANTS_GRAD) || (node->flags & LEAF))
            continue;
        room = push(node);
        if (room)
            reach(node);
    }
    while (room && status == VALGRAD_OK && queue.count > 0) {
        Value *v = take_reached(pop());
        status = check(v, function);
        room = push_operands(v);
    }
    if (room && status == VALGRAD_OK)
        return VALGRAD_OK;
    abandon_queue();
    return room ? status : error__memory(function, queue.room * 2 * sizeof(Entry));
}

/* differentiate() for the loop below, which counts by itself. */
__attribute__((noinline)) static int64_t differentiate_counted(Value *v)
{
    backward__pending = 0;
    differentiate(v);
    const int64_t reached = backward__pending;
    backward__pending = 0;
    return reached;
}

/* What value__op_backward does, without a call for the two operations that graphs are mostly made of: a
 * processor foresees these branches where it may fail to foresee an indirect call (measured: a chain of
 * additions and multiplications takes 7 or 17 ns an operation, by where the linker puts the functions). */
#define IN_PLACE(name)                                                                             \
    if (v->op == OP_##name) {                                                                      \
        Value *x = v->x, *y = v->y;                                                                \
        const real a = x->data, b = y->data, f = v->data;                                          \
        int64_t reached = 0;                                                                       \
        if (passes & PASSES_X)                                                                     \
            reached += pass_plain(x, gradient * op_##name##_dx(a, b, 0, f));                       \
        if (passes & PASSES_Y)                                                                     \
            reached += pass_plain(y, gradient * op_##name##_dy(a, b, 0, f));                       \
        return reached;                                                                            \
    }
static inline int64_t pass_on(Value *v, real gradient, unsigned passes)
{
    IN_PLACE(mul)
    IN_PLACE(add)
    return value__op_backward[v->op][passes / PASSES_X](v, gradient);
}
#undef IN_PLACE

/* The loop in which scalar graphs spend their time: what is pending stays in a register. */
static void run_linear(Value *root)
{
    int64_t pending = backward__pending;
    const bool zeros_differ = strict;
    Value *first = graph__first_in_chunk(root);
    backward__pending = 0;
    for (Value *v = root; pending > 0;) {
        const unsigned flags = v->flags, passes = flags & (PASSES_X | PASSES_Y);
        if ((flags & (REACHED | LEAF)) == REACHED) {
            const real gradient = v->grad;
            v->flags = (uint16_t)(flags - REACHED);
            pending--;
            if (passes == 0)
                pending += differentiate_counted(v);
            else if (gradient != 0 || zeros_differ)
                pending += pass_on(v, gradient, passes);
            else
                pending += pass_zero_plain(v, passes);
        }
        if (v != first) {
            v--;
        } else if (pending > 0) {
            v = graph__previous(v);
            first = graph__first_in_chunk(v);
        }
    }
}

static void run_queued(size_t n, Value *const *roots)
{
    for (size_t i = 0; i < n; i++) {
        if (is_waiting(node_of(roots[i])))
            (void)push(node_of(roots[i]));
    }
    while (queue.count > 0) {
        Value *v = take_reached(pop());
        differentiate(v);
        (void)push_operands(v);
    }
}

static ValgradStatus run(const char *function, size_t n, Value *const *roots,
                         void (*seed)(void *context), void *context)
{
    Value *root = n > 0 ? node_of(roots[0]) : NULL;
    Region *region = root ? graph__home(root) : NULL;
    const bool linear = n == 1 && region && graph__is_linear(region);
    ValgradStatus status = VALGRAD_OK;
    if (n == 1 && (root->flags & LEAF))
        ; /* nothing to visit */
    else if (!linear)
        status = check_queued(function, n, roots);
    else if (graph__may_be_stale(region))
        status = check_linear(function, root);
    if (status != VALGRAD_OK)
        return status;
    seed(context);
    if (linear)
        run_linear(root);
    else
        run_queued(n, roots);
    return VALGRAD_OK;
}

ValgradStatus backward__run(const char *function, size_t n, Value *const *roots,
                            void (*seed)(void *context), void *context)
{
    if (backward__pending == 0 && queue.count == 0)
        return run(function, n, roots, seed, context);
    /* A user's operation differentiates a graph of its own inside its backward: the pass that called it
     * is set aside. */
    const Queue waiting = queue;
    const int64_t pending = backward__pending;
    queue = (Queue){0};
    backward__pending = 0;
    const ValgradStatus status = run(function, n, roots, seed, context);
    buffer__give(queue.entries);
    queue = waiting;
    backward__pending = pending;
    return status;
}

/* ---- from one Value ---------------------------------------------------------------------------- */

typedef struct ScalarSeed {
    Value *root;
    real gradient;
} ScalarSeed;

static void give_seed(void *context)
{
    const ScalarSeed *seed = context;
    give(seed->root, seed->gradient);
}

static ValgradStatus backward_from(const char *function, Value *root, real gradient)
{
    if (!root)
        return error__null(function, "root");
    if (!(root->flags & WANTS_GRAD))
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: the root (%s) depends on no leaf that wants a gradient", function,
                          value_op_name(root));
    if (root->flags & DENSE)
        return error__set(VALGRAD_ERROR_STATE,
                          "%s: the root is a whole tensor; use tensor_backward", function);
    ScalarSeed seed = {root, gradient};
    return backward__run(function, 1, &root, give_seed, &seed);
}

ValgradStatus value_backward(Value *root)
{
    return backward_from("value_backward", root, 1);
}

ValgradStatus value_backward_from(Value *root, real seed)
{
    return backward_from("value_backward_from", root, seed);
}

bool valgrad_set_strict_ieee(bool wanted)
{
    const bool former = strict;
    strict = wanted;
    return former;
}

bool backward__strict(void)
{
    return strict;
}
