/* backward.c - the chain rule over a whole graph.
 *
 * Nodes are visited in reverse order of their creation, so that each has received every contribution to
 * its gradient before it passes that on: creation order is a topological order. Every contribution is
 * added, for the gradients of results are 0 when a pass begins.
 *
 * In a region that no pass has gone through they are 0 as they were made, and nodes lie in the order of
 * their creation: the pass is a walk from the root down to the region's first node, in which a gradient
 * of 0 has nothing to pass on. In any other case the nodes that the root reaches are listed first, by such a
 * walk or, if they lie in several places, by a queue that always yields the youngest; what is listed is
 * checked, for a leaf may have been changed since, and its gradients are set to 0. All ways have the same
 * order and so give the same bits. None recurses. Nothing can fail once a gradient has been written. */
#include <string.h>

#include "autograd/graph.h"
#include "autograd/profile_internal.h"

/* How far down the walk's memory is asked for: where operands lie, if they are a thousand nodes older. */
enum { PREFETCH_BYTES = 1024 * sizeof(Value) };

_Thread_local BackwardWatch *backward__watch;

static _Thread_local bool strict __attribute__((tls_model("initial-exec")));

/* ---- the queue: a binary heap, the youngest node on top ---------------------------------------- */

typedef struct Entry {
    uint64_t stamp;
    Value *node;
} Entry;

typedef struct Queue {
    Entry *entries;
    size_t count, room;
} Queue;

static _Thread_local Queue queue __attribute__((tls_model("initial-exec")));

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
    if (!reserve())
        return false;
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

static void differentiate_timed(Value *v)
{
    const ProfileSpan outer = profile__begin();
    v->more->kind->backward(v);
    profile__end(v->more->name, true, profile__bytes(v), outer);
}

/* A gradient of exactly 0 has nothing to pass on, whatever the derivatives. */
void backward__differentiate(Value *v)
{
    const bool has_gradient =
        (v->flags & DENSE) ? dense_of(v)->filled : v->grad != 0 || strict;
    if (!has_gradient)
        return;
    if ((v->flags & EXTENDED) && profile__on)
        differentiate_timed(v);
    else if (v->flags & EXTENDED)
        v->more->kind->backward(v);
    else
        value__op_backward[v->op][v->flags / PASSES_X](v, v->grad);
}

/* ---- the walk through a fresh region ----------------------------------------------------------- */

/* What value__op_backward does, without a call for the two operations that graphs are mostly made of. */
static inline void pass_on(Value *v, real gradient, unsigned passes)
{
    Value *x = v->x, *y = v->y;
    real to_x = gradient, to_y = gradient;
    if (v->op == OP_mul) {
        to_x *= y->data;
        to_y *= x->data;
    } else if (v->op != OP_add) {
        value__op_backward[v->op][passes / PASSES_X](v, gradient);
        return;
    }
    if (passes & PASSES_X)
        x->grad += to_x;
    if (passes & PASSES_Y)
        y->grad += to_y;
}

/* Whether the walk will do; if so, it must follow. */
static bool begin_fresh(const Value *root)
{
    return !strict && !backward__watch && graph__begin_walk(root);
}

/* The loop in which scalar graphs spend their time. */
__attribute__((noinline)) static void run_fresh(Value *root)
{
    for (Value *v = root; v; v = graph__previous(v)) {
        const Value *first = graph__first_in_chunk(v);
        for (;; v--) {
            const unsigned flags = v->flags, passes = flags & (PASSES_X | PASSES_Y);
            __builtin_prefetch((const char *)v - PREFETCH_BYTES, 1);
            if (passes == 0) {
                if (!(flags & LEAF))
                    backward__differentiate(v);
            } else if (v->grad != 0) {
                pass_on(v, v->grad, passes);
            }
            if (v == first)
                break;
        }
    }
}

/* ---- any other pass: the nodes listed ---------------------------------------------------------- */

/* The nodes that the roots reach, the youngest first. */
typedef struct List {
    Value **nodes;
    size_t count, room;
    bool by_walk;   /* down a linear region; otherwise by the queue */
    size_t pending; /* nodes marked REACHED and not yet listed */
} List;

static bool append(List *list, Value *v)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 256;
        Value **larger = buffer__take(room * sizeof *larger);
        if (!larger)
            return false;
        if (list->count)
            memcpy(larger, list->nodes, list->count * sizeof *larger);
        buffer__give(list->nodes);
        list->nodes = larger;
        list->room = room;
    }
    list->nodes[list->count++] = v;
    return true;
}

/* Marks a node that is still to be listed. False: out of memory. */
static bool reach(List *list, Value *node)
{
    if ((node->flags & (REACHED | LEAF | WANTS_GRAD)) != WANTS_GRAD)
        return true;
    if (!list->by_walk && !push(node))
        return false;
    node->flags |= REACHED;
    list->pending++;
    return true;
}

/* The youngest marked node, unmarked; `from` is where a walk has come to. */
static Value *next_reached(List *list, Value *from)
{
    Value *v = from;
    if (!list->by_walk)
        v = pop();
    while (!(v->flags & REACHED))
        v = graph__previous(v);
    v->flags &= (uint8_t)~REACHED;
    list->pending--;
    return v;
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

static ValgradStatus say_no_memory(const char *function, const List *list)
{
    return error__memory(function, 2 * (list->room * sizeof(Value *) + queue.room * sizeof(Entry)));
}

/* Lists v and marks its operands. Fails if one was changed after v was made. */
static ValgradStatus list_node(const char *function, List *list, Value *v)
{
    const uint64_t made_at = graph__stamp(v);
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++) {
        Value *node = node_of(value_operand(v, i));
        if ((node->flags & LEAF) && node->changed_at > made_at)
            return backward__say_changed(function, v, node);
        if (!reach(list, node))
            return say_no_memory(function, list);
    }
    return append(list, v) ? VALGRAD_OK : say_no_memory(function, list);
}

static ValgradStatus list_reached(const char *function, List *list, size_t n, Value *const *roots)
{
    ValgradStatus status = VALGRAD_OK;
    for (size_t i = 0; i < n && status == VALGRAD_OK; i++)
        status = reach(list, node_of(roots[i])) ? VALGRAD_OK : say_no_memory(function, list);
    for (Value *v = n > 0 ? node_of(roots[0]) : NULL; list->pending > 0;) {
        v = next_reached(list, v);
        if (status == VALGRAD_OK) /* after a failure, marks are only taken away */
            status = list_node(function, list, v);
    }
    return status;
}

void backward__forget(Value *v)
{
    graph__note_pass(v);
    if (v->flags & DENSE)
        dense_of(v)->filled = false;
    else
        v->grad = 0;
}

/* Only a watch ends it before all is done. */
static ValgradStatus visit_list(const char *function, const List *list)
{
    BackwardWatch *watch = backward__watch;
    ValgradStatus status = VALGRAD_OK;
    for (size_t i = 0; i < list->count && status == VALGRAD_OK; i++) {
        if (watch)
            status = watch(list->nodes[i], function);
        else
            backward__differentiate(list->nodes[i]);
    }
    return status;
}

static ValgradStatus run_listed(const char *function, size_t n, Value *const *roots,
                                void (*seed)(void *context), void *context)
{
    const Region *region = n == 1 ? graph__home(node_of(roots[0])) : NULL;
    List list = {.by_walk = region && graph__is_linear(region)};
    ValgradStatus status = list_reached(function, &list, n, roots);
    if (status == VALGRAD_OK) {
        for (size_t i = 0; i < list.count; i++)
            backward__forget(list.nodes[i]);
        seed(context);
        status = visit_list(function, &list);
    }
    buffer__give(list.nodes);
    return status;
}

static ValgradStatus run(const char *function, size_t n, Value *const *roots,
                         void (*seed)(void *context), void *context)
{
    if (n != 1 || !begin_fresh(node_of(roots[0])))
        return run_listed(function, n, roots, seed, context);
    seed(context);
    run_fresh(node_of(roots[0]));
    return VALGRAD_OK;
}

ValgradStatus backward__run(const char *function, size_t n, Value *const *roots,
                            void (*seed)(void *context), void *context)
{
    if (!profile__on)
        return run(function, n, roots, seed, context);
    const ProfileSpan outer = profile__begin();
    const ValgradStatus status = run(function, n, roots, seed, context);
    profile__end("backward", true, 0, outer);
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
    if (!profile__on && !is_element(root) && begin_fresh(root)) { /* the common case, without detours */
        root->grad += gradient;
        run_fresh(root);
        return VALGRAD_OK;
    }
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
