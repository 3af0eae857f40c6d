/* walk.c - the nodes of a graph as a list, operands before results.
 *
 * Nodes are collected breadth first into a list that is its own queue, then sorted by when they were made:
 * by (stamp, address) of the node, an element right after the node that it stands in. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/inspect_internal.h"

/* ---- memory ------------------------------------------------------------------------------------ */

void *inspect__take(size_t n, size_t bytes)
{
    const size_t total = size_product(n, bytes);
    void *memory = buffer__allocate(total, 64);
    if (memory)
        memset(memory, 0, total);
    return memory;
}

void inspect__give(void *memory)
{
    if (memory)
        buffer__release(memory);
}

/* ---- map --------------------------------------------------------------------------------------- */

static size_t hash(const Value *v)
{
    return (size_t)(((uint64_t)(uintptr_t)v * 0x9E3779B97F4A7C15u) >> 20);
}

/* Where v stands, or where it would go. */
static Slot *map_slot(const Map *map, const Value *v)
{
    size_t i = hash(v) & (map->room - 1);
    while (map->slots[i].key && map->slots[i].key != v)
        i = (i + 1) & (map->room - 1);
    return &map->slots[i];
}

static bool map_grow(Map *map)
{
    Map larger = {.room = map->room ? 2 * map->room : 64, .count = map->count};
    larger.slots = inspect__take(larger.room, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < map->room; i++) {
        if (map->slots[i].key)
            *map_slot(&larger, map->slots[i].key) = map->slots[i];
    }
    inspect__give(map->slots);
    *map = larger;
    return true;
}

static size_t map_find(const Map *map, const Value *v)
{
    const Slot *slot = map->room ? map_slot(map, v) : NULL;
    return slot && slot->key ? slot->id : GRAPH_NO_ID;
}

/* ---- collecting -------------------------------------------------------------------------------- */

/* A node and when it was made. */
typedef struct Made {
    uint64_t stamp;
    const Value *node;
    int64_t element;
    Value *value;
} Made;

typedef struct Collection {
    Made *made;
    size_t count, room;
    Map map;
} Collection;

static bool reserve(Collection *collection)
{
    if (collection->count < collection->room)
        return true;
    const size_t room = collection->room ? 2 * collection->room : 32;
    Made *larger = inspect__take(room, sizeof *larger);
    if (!larger)
        return false;
    if (collection->count)
        memcpy(larger, collection->made, collection->count * sizeof *larger);
    inspect__give(collection->made);
    collection->made = larger;
    collection->room = room;
    return true;
}

/* Adds v unless it is there. */
static bool add(Collection *collection, Value *v)
{
    Map *map = &collection->map;
    if (4 * map->count >= 3 * map->room && !map_grow(map))
        return false;
    Slot *slot = map_slot(map, v);
    if (slot->key)
        return true;
    if (!reserve(collection))
        return false;
    *slot = (Slot){v, collection->count};
    map->count++;
    const Value *node = node_of(v);
    const int64_t element = is_element(v) ? v->index : -1;
    collection->made[collection->count++] = (Made){graph__stamp(node), node, element, v};
    return true;
}

static size_t link_count(const Value *v)
{
    return is_element(v) ? 1 : value_operand_count(v);
}

/* The node behind operand i. For a tensor operation elements stand for their tensor's node. */
static Value *operand_node(const Value *v, size_t i)
{
    if (is_element(v))
        return v->owner;
    Value *operand = value_operand(v, i);
    return (v->flags & DENSE) ? node_of(operand) : operand;
}

static bool collect(Collection *collection)
{
    for (size_t next = 0; next < collection->count; next++) {
        const Value *v = collection->made[next].value;
        const size_t links = link_count(v);
        for (size_t i = 0; i < links; i++) {
            if (!add(collection, operand_node(v, i)))
                return false;
        }
    }
    return true;
}

static int by_creation(const void *first, const void *second)
{
    const Made *a = first, *b = second;
    if (a->stamp != b->stamp)
        return a->stamp < b->stamp ? -1 : 1;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    return a->element < b->element ? -1 : a->element > b->element;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

/* Numbers the nodes. Takes the collection's map over. */
static bool number_nodes(GraphWalk *walk, Collection *collection)
{
    qsort(collection->made, collection->count, sizeof *collection->made, by_creation);
    walk->count = collection->count;
    walk->map = collection->map;
    collection->map = (Map){.slots = NULL};
    walk->nodes = inspect__take(walk->count, sizeof *walk->nodes);
    walk->first_edge = inspect__take(walk->count + 1, sizeof *walk->first_edge);
    walk->uses = inspect__take(walk->count, sizeof *walk->uses);
    if (!walk->nodes || !walk->first_edge || !walk->uses)
        return false;
    for (size_t id = 0; id < walk->count; id++) {
        walk->nodes[id] = collection->made[id].value;
        map_slot(&walk->map, walk->nodes[id])->id = id;
    }
    return true;
}

/* Operand i of a tensor operation, counted as value_operand() counts: of which tensor it is, and how
 * many numbers the tensor takes from it there. */
static int tensor_operand(const Value *v, size_t i, int64_t *count)
{
    const Operation *operation = operation_of(v);
    for (int k = 0;; k++) {
        const Tensor *t = operation->operand[k].tensor;
        const size_t values = t->run ? 1 : (size_t)t->size;
        if (i < values) {
            *count = t->run ? t->size : 1;
            return k;
        }
        i -= values;
    }
}

static Edge edge_at(const GraphWalk *walk, const Value *v, size_t i)
{
    Edge edge = {map_find(&walk->map, operand_node(v, i)), 1, (int)i};
    if (v->flags & DENSE)
        edge.operand = tensor_operand(v, i, &edge.count);
    return edge;
}

/* Appends the edges of one node. latest[id] is 1 + the last edge to that node. */
static void add_edges(GraphWalk *walk, size_t id, size_t *latest)
{
    const Value *v = walk->nodes[id];
    const bool merges = (v->flags & DENSE) != 0;
    const size_t links = link_count(v), first = walk->edge_count;
    for (size_t i = 0; i < links; i++) {
        const Edge edge = edge_at(walk, v, i);
        Edge *same = merges && latest[edge.to] > first ? &walk->edges[latest[edge.to] - 1] : NULL;
        if (same && same->operand == edge.operand) {
            same->count += edge.count;
            continue;
        }
        walk->edges[walk->edge_count++] = edge;
        latest[edge.to] = walk->edge_count;
        walk->uses[edge.to]++;
    }
}

static bool connect(GraphWalk *walk)
{
    size_t most = 0;
    for (size_t id = 0; id < walk->count; id++)
        most += link_count(walk->nodes[id]);
    walk->edges = inspect__take(most, sizeof *walk->edges);
    size_t *latest = inspect__take(walk->count, sizeof *latest);
    const bool room = walk->edges && latest;
    for (size_t id = 0; room && id < walk->count; id++) {
        walk->first_edge[id] = walk->edge_count;
        add_edges(walk, id, latest);
    }
    if (room)
        walk->first_edge[walk->count] = walk->edge_count;
    inspect__give(latest);
    return room;
}

static bool fill(GraphWalk *walk, size_t n, Value *const *roots)
{
    Collection collection = {.made = NULL};
    walk->roots = inspect__take(n, sizeof *walk->roots);
    bool done = walk->roots != NULL;
    for (size_t i = 0; done && i < n; i++)
        done = add(&collection, roots[i]);
    const size_t root_count = collection.count;
    done = done && collect(&collection);
    Value **first = done ? inspect__take(root_count, sizeof *first) : NULL;
    for (size_t i = 0; first && i < root_count; i++)
        first[i] = collection.made[i].value;
    done = first && number_nodes(walk, &collection) && connect(walk);
    for (size_t i = 0; done && i < root_count; i++)
        walk->roots[walk->root_count++] = map_find(&walk->map, first[i]);
    inspect__give(first);
    inspect__give(collection.made);
    inspect__give(collection.map.slots);
    return done;
}

static GraphWalk *make_walk(const char *function, size_t n, Value *const *roots)
{
    GraphWalk *walk = inspect__take(1, sizeof *walk);
    if (walk && fill(walk, n, roots))
        return walk;
    graph_walk_free(walk);
    error__memory(function, 0);
    return NULL;
}

GraphWalk *graph_walk_new(size_t n, Value *const *roots)
{
    if (n == 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "graph_walk_new: no roots; expected at least 1"),
               NULL;
    if (!roots)
        return error__null("graph_walk_new", "roots"), NULL;
    for (size_t i = 0; i < n; i++) {
        if (!roots[i])
            return error__null("graph_walk_new", "one of roots"), NULL;
    }
    GraphWalk *walk = make_walk("graph_walk_new", n, roots);
    for (; walk && walk->held < walk->root_count; walk->held++)
        value_retain(walk->nodes[walk->roots[walk->held]]);
    return walk;
}

/* The nodes behind the values of a table. */
static Value **nodes_behind(const Tensor *t)
{
    Value **nodes = inspect__take((size_t)t->size, sizeof *nodes);
    for (int64_t i = 0; nodes && i < t->size; i++)
        nodes[i] = node_of(t->table[i]);
    return nodes;
}

GraphWalk *graph_walk_tensor(Tensor *root)
{
    static const char function[] = "graph_walk_tensor";
    if (!root)
        return error__null(function, "root"), NULL;
    if (root->size == 0 && !root->run)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: the root has no elements", function), NULL;
    Value **nodes = root->run ? NULL : nodes_behind(root);
    if (!root->run && !nodes)
        return error__memory(function, 0), NULL;
    GraphWalk *walk = root->run ? make_walk(function, 1, &root->run)
                                : make_walk(function, (size_t)root->size, nodes);
    inspect__give(nodes);
    if (walk)
        walk->tensor = tensor_retain(root);
    return walk;
}

void graph_walk_free(GraphWalk *walk)
{
    if (!walk)
        return;
    for (size_t i = 0; i < walk->held; i++)
        value_release(walk->nodes[walk->roots[i]]);
    tensor_release(walk->tensor);
    inspect__give(walk->nodes);
    inspect__give(walk->first_edge);
    inspect__give(walk->edges);
    inspect__give(walk->uses);
    inspect__give(walk->roots);
    inspect__give(walk->map.slots);
    inspect__give(walk);
}

/* ---- looking ----------------------------------------------------------------------------------- */

size_t graph_walk_count(const GraphWalk *walk)
{
    return walk ? walk->count : 0;
}

size_t graph_walk_edge_count(const GraphWalk *walk)
{
    return walk ? walk->edge_count : 0;
}

size_t graph_walk_root_count(const GraphWalk *walk)
{
    return walk ? walk->root_count : 0;
}

size_t graph_walk_root(const GraphWalk *walk, size_t i)
{
    return walk && i < walk->root_count ? walk->roots[i] : GRAPH_NO_ID;
}

Value *graph_walk_value(const GraphWalk *walk, size_t id)
{
    return walk && id < walk->count ? walk->nodes[id] : NULL;
}

size_t graph_walk_find(const GraphWalk *walk, const Value *v)
{
    return walk && v ? map_find(&walk->map, v) : GRAPH_NO_ID;
}

static GraphKind kind_of(const Value *v)
{
    if (is_element(v))
        return GRAPH_ELEMENT;
    if (v->flags & LEAF)
        return GRAPH_LEAF;
    if (v->flags & DENSE)
        return GRAPH_TENSOR;
    return value__row(v) ? GRAPH_OPERATION : GRAPH_NARY;
}

static bool check_node(const char *function, const GraphWalk *walk, size_t id, const void *out)
{
    if (!walk || !out)
        return error__null(function, walk ? "the result" : "walk"), false;
    if (id < walk->count)
        return true;
    error__set(VALGRAD_ERROR_INDEX, "%s: node %zu of %zu", function, id, walk->count);
    return false;
}

static bool check_edge(const char *function, const GraphWalk *walk, size_t id, size_t i,
                       const void *out)
{
    if (!check_node(function, walk, id, out))
        return false;
    if (i < edges_of(walk, id))
        return true;
    error__set(VALGRAD_ERROR_INDEX, "%s: edge %zu of node %zu, which has %zu", function, i, id,
               edges_of(walk, id));
    return false;
}

ValgradStatus graph_walk_node(const GraphWalk *walk, size_t id, GraphNode *node)
{
    if (!check_node("graph_walk_node", walk, id, node))
        return valgrad_last_status();
    Value *v = walk->nodes[id];
    const ValueOpInfo *row = value__row(v);
    *node = (GraphNode){.id = id,
                        .value = v,
                        .kind = kind_of(v),
                        .op = value_op_name(v),
                        .symbol = row ? row->symbol : value_op_name(v),
                        .label = value_label(v),
                        .row = row,
                        .parameter = value_op_parameter(v),
                        .wants_grad = value_wants_grad(v),
                        .size = 1,
                        .rank = -1,
                        .element = is_element(v) ? v->index : -1,
                        .edge_count = edges_of(walk, id),
                        .use_count = walk->uses[id],
                        .references = v->refs};
    if (v->flags & DENSE) {
        node->size = dense_of(v)->n;
        node->rank = dense_of(v)->rank;
        memcpy(node->shape, dense_of(v)->sides, (size_t)node->rank * sizeof *node->shape);
    }
    return VALGRAD_OK;
}

ValgradStatus graph_walk_edge(const GraphWalk *walk, size_t id, size_t i, GraphEdge *edge)
{
    if (!check_edge("graph_walk_edge", walk, id, i, edge))
        return valgrad_last_status();
    const Edge *found = edge_of(walk, id, i);
    const Value *v = walk->nodes[id];
    *edge = (GraphEdge){
        .from = id, .to = found->to, .operand = found->operand, .count = found->count, .rank = -1};
    if (kind_of(v) == GRAPH_TENSOR) {
        const Tensor *t = operation_of(v)->operand[found->operand].tensor;
        edge->rank = t->rank;
        memcpy(edge->shape, t->shape, (size_t)t->rank * sizeof *t->shape);
    }
    return VALGRAD_OK;
}

/* ---- derivatives and numbers ------------------------------------------------------------------- */

static void derivatives_of_row(const ValueOpInfo *row, const Value *v, real *out)
{
    real d[3];
    row->first(number_of(v->x), row->arity > 1 ? number_of(v->y) : 0, value_op_parameter(v),
               v->data, d);
    for (int i = 0; i < row->arity; i++)
        out[i] = d[i];
}

void inspect__derivatives(const GraphWalk *walk, size_t id, real *out)
{
    const Value *v = walk->nodes[id];
    const ValueOpInfo *row = value__row(v);
    if (nary__partials(v, out))
        return;
    if (row) {
        derivatives_of_row(row, v, out);
        return;
    }
    for (size_t i = 0; i < edges_of(walk, id); i++)
        out[i] = is_element(v) ? 1 : (real)NAN;
}

ValgradStatus graph_walk_derivatives(const GraphWalk *walk, size_t id, size_t n, real *out)
{
    static const char function[] = "graph_walk_derivatives";
    if (!check_node(function, walk, id, n == 0 ? (const void *)walk : out))
        return valgrad_last_status();
    if (n != edges_of(walk, id))
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: room for %zu; node %zu has %zu edges",
                          function, n, id, edges_of(walk, id));
    inspect__derivatives(walk, id, out);
    return VALGRAD_OK;
}

real graph_walk_derivative(const GraphWalk *walk, size_t id, size_t i)
{
    real few[2] = {(real)NAN, (real)NAN};
    if (!check_edge("graph_walk_derivative", walk, id, i, few))
        return (real)NAN;
    real *all = edges_of(walk, id) <= 2 ? few : inspect__take(edges_of(walk, id), sizeof *all);
    if (!all)
        return error__memory("graph_walk_derivative", 0), (real)NAN;
    inspect__derivatives(walk, id, all);
    const real derivative = all[i];
    if (all != few)
        inspect__give(all);
    return derivative;
}

static GraphNumbers one_number(real number)
{
    return (GraphNumbers){.n = 1, .first = {number}};
}

GraphNumbers inspect__data(const Value *v)
{
    if (!(v->flags & DENSE))
        return one_number(number_of(v));
    const Dense *dense = dense_of(v);
    GraphNumbers numbers = {.n = dense->n};
    for (int64_t i = 0; i < GRAPH_SHOWN && i < dense->n; i++)
        numbers.first[i] = dense->data[i];
    return numbers;
}

GraphNumbers inspect__grad(const Value *v)
{
    if (!(v->flags & DENSE))
        return one_number(value_grad(v));
    GraphNumbers numbers = {.n = dense_of(v)->n};
    for (int64_t i = 0; i < GRAPH_SHOWN && i < numbers.n; i++)
        numbers.first[i] = dense__grad(v, i);
    return numbers;
}
