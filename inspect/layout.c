/* layout.c - see layout.h. */
#include "inspect/layout.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BENDS = 20000, ORDER_SWEEPS = 12, HEIGHT_SWEEPS = 10 };

/* A piece of a wire, between neighbouring layers. */
typedef struct Link {
    size_t left, right; /* vertices */
    double port;        /* where on the right one: -0.5 its top, 0.5 its bottom */
} Link;

/* Where a vertex wants to stand in its layer, and where its cluster does. */
typedef struct Key {
    double cluster_mean, sum;
    size_t cluster, rank, vertex;
} Key;

typedef struct Mean {
    double sum;
    size_t count;
} Mean;

/* What is needed until the layout stands. */
typedef struct Draft {
    Layout *layout;
    Link *links; /* sorted by the layer of their left end */
    size_t link_count;
    size_t *first_link; /* layer_count + 1 */
    size_t *order;      /* the vertices, layer by layer, from the top */
    size_t *first;      /* layer_count + 1: where each layer begins in order */
    Key *keys;          /* for sorting a layer, */
    Mean *means;        /* with a mean for each cluster in it */
} Draft;

double layout__x(size_t layer)
{
    return MARGIN + (double)layer * LAYER_STEP;
}

/* ---- layers ------------------------------------------------------------------------------------ */

/* High enough that each incoming edge has room for its number, unless there are very many. */
static double box_height(size_t edges)
{
    const double wanted = (double)(edges + 1) * PORT_STEP;
    return edges > MOST_PORTS || wanted < BOX_HEIGHT ? BOX_HEIGHT : wanted;
}

static size_t drawn_edges(const Picture *picture, size_t place)
{
    const size_t id = picture->ids[place];
    return edges_of(picture->walk, id) - picture__hidden_edges(picture, id);
}

static void add_wires(Layout *layout, const Picture *picture, size_t place)
{
    const size_t id = picture->ids[place];
    for (size_t i = 0; i < edges_of(picture->walk, id); i++) {
        const size_t operand = picture->place[edge_of(picture->walk, id, i)->to];
        if (operand)
            layout->wires[layout->wire_count++] = (Wire){operand - 1, place, i, 0, 0};
    }
}

/* Each node one layer after the last of its operands; then what has no operands close to its first use. */
static void assign_layers(Layout *layout)
{
    Vertex *vertices = layout->vertices;
    for (size_t i = 0; i < layout->wire_count; i++) {
        const Wire *wire = &layout->wires[i];
        if (vertices[wire->result].layer <= vertices[wire->operand].layer)
            vertices[wire->result].layer = vertices[wire->operand].layer + 1;
    }
    for (size_t i = 0; i < layout->wire_count; i++)
        vertices[layout->wires[i].result].seen = 1;
    for (size_t i = layout->wire_count; i-- > 0;) {
        Vertex *operand = &vertices[layout->wires[i].operand];
        const size_t before = vertices[layout->wires[i].result].layer - 1;
        if (operand->seen != 1 && (operand->seen == 0 || before < operand->layer)) {
            operand->layer = before;
            operand->seen = 2;
        }
    }
    for (size_t i = 0; i < layout->count; i++) {
        if (vertices[i].layer >= layout->layer_count)
            layout->layer_count = vertices[i].layer + 1;
    }
}

static size_t span(const Layout *layout, const Wire *wire)
{
    return layout->vertices[wire->result].layer - layout->vertices[wire->operand].layer;
}

/* Too many bends would cost more than they help: such a graph is drawn with plain edges. */
static size_t count_bends(const Layout *layout)
{
    size_t bends = 0;
    for (size_t i = 0; i < layout->wire_count && bends <= MOST_BENDS; i++)
        bends += span(layout, &layout->wires[i]) - 1;
    return bends <= MOST_BENDS ? bends : 0;
}

static bool add_bends(Layout *layout)
{
    const size_t bends = count_bends(layout);
    Vertex *vertices = inspect__take(layout->count + bends, sizeof *vertices);
    if (!vertices)
        return false;
    memcpy(vertices, layout->vertices, layout->count * sizeof *vertices);
    inspect__give(layout->vertices);
    layout->vertices = vertices;
    layout->vertex_count = layout->count;
    for (size_t i = 0; i < layout->wire_count && bends > 0; i++) {
        Wire *wire = &layout->wires[i];
        wire->bend = layout->vertex_count;
        wire->bends = span(layout, wire) - 1;
        for (size_t b = 0; b < wire->bends; b++)
            vertices[layout->vertex_count++].layer = vertices[wire->operand].layer + b + 1;
    }
    return true;
}

/* ---- links and layers as lists ----------------------------------------------------------------- */

static size_t vertex_of_wire(const Wire *wire, size_t i)
{
    return i == 0 ? wire->operand : i <= wire->bends ? wire->bend + i - 1 : wire->result;
}

static Link link_at(const Picture *picture, const Wire *wire, size_t i)
{
    const double edges = (double)edges_of(picture->walk, picture->ids[wire->result]);
    const double port = i == wire->bends ? ((double)wire->edge + 1) / (edges + 1) - 0.5 : 0;
    return (Link){vertex_of_wire(wire, i), vertex_of_wire(wire, i + 1), port};
}

static void list_links(Draft *draft, const Picture *picture)
{
    const Layout *layout = draft->layout;
    size_t *next = draft->first_link;
    for (int fill = 0; fill < 2; fill++) {
        for (size_t i = 0; i < layout->wire_count; i++) {
            const Wire *wire = &layout->wires[i];
            for (size_t b = 0; b <= wire->bends; b++) {
                const Link link = link_at(picture, wire, b);
                const size_t layer = layout->vertices[link.left].layer;
                if (fill)
                    draft->links[next[layer]++] = link;
                else
                    next[layer + 1]++;
            }
        }
        for (size_t l = 0; l < layout->layer_count && !fill; l++)
            next[l + 1] += next[l];
    }
    memmove(next + 1, next, layout->layer_count * sizeof *next);
    next[0] = 0;
}

static void list_layers(Draft *draft)
{
    const Layout *layout = draft->layout;
    size_t *next = draft->first;
    for (size_t i = 0; i < layout->vertex_count; i++)
        next[layout->vertices[i].layer + 1]++;
    for (size_t l = 0; l < layout->layer_count; l++)
        next[l + 1] += next[l];
    for (size_t i = 0; i < layout->vertex_count; i++)
        draft->order[next[layout->vertices[i].layer]++] = i;
    memmove(next + 1, next, layout->layer_count * sizeof *next);
    next[0] = 0;
}

static bool begin_draft(Draft *draft, Layout *layout, const Picture *picture)
{
    *draft = (Draft){.layout = layout, .link_count = layout->wire_count};
    for (size_t i = 0; i < layout->wire_count; i++)
        draft->link_count += layout->wires[i].bends;
    draft->links = inspect__take(draft->link_count, sizeof *draft->links);
    draft->first_link = inspect__take(layout->layer_count + 1, sizeof *draft->first_link);
    draft->order = inspect__take(layout->vertex_count, sizeof *draft->order);
    draft->first = inspect__take(layout->layer_count + 1, sizeof *draft->first);
    draft->keys = inspect__take(layout->vertex_count, sizeof *draft->keys);
    draft->means = inspect__take(picture->clustered_count + 1, sizeof *draft->means);
    if (!draft->links || !draft->first_link || !draft->order || !draft->first || !draft->keys ||
        !draft->means)
        return false;
    list_links(draft, picture);
    list_layers(draft);
    return true;
}

static void end_draft(Draft *draft)
{
    inspect__give(draft->links);
    inspect__give(draft->first_link);
    inspect__give(draft->order);
    inspect__give(draft->first);
    inspect__give(draft->keys);
    inspect__give(draft->means);
}

/* ---- order ------------------------------------------------------------------------------------- */

static void number_layer(const Draft *draft, size_t layer)
{
    for (size_t i = draft->first[layer]; i < draft->first[layer + 1]; i++)
        draft->layout->vertices[draft->order[i]].rank = i - draft->first[layer];
}

/* For each vertex of a layer the mean over its neighbours on one side of `rank` or `y`, into sum; its own
 * if it has none. Neighbours on the left are over the links of the layer before. */
static void average(const Draft *draft, size_t layer, bool from_left, bool heights)
{
    Vertex *vertices = draft->layout->vertices;
    for (size_t i = draft->first[layer]; i < draft->first[layer + 1]; i++) {
        vertices[draft->order[i]].sum = 0;
        vertices[draft->order[i]].seen = 0;
    }
    const size_t links = from_left ? layer - 1 : layer;
    for (size_t i = draft->first_link[links]; i < draft->first_link[links + 1]; i++) {
        const Link link = draft->links[i];
        Vertex *to = &vertices[from_left ? link.right : link.left];
        const Vertex *from = &vertices[from_left ? link.left : link.right];
        if (to->layer != layer)
            continue;
        const double port = from_left ? 0 : link.port;
        to->sum += heights ? from->y + port * from->height : (double)from->rank + port;
        to->seen++;
    }
    for (size_t i = draft->first[layer]; i < draft->first[layer + 1]; i++) {
        Vertex *v = &vertices[draft->order[i]];
        v->sum = v->seen ? v->sum / (double)v->seen : heights ? v->y : (double)v->rank;
    }
}

static int compare(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* The nodes of a cluster stay together. */
static int by_wish(const void *first, const void *second)
{
    const Key *a = first, *b = second;
    if (a->cluster_mean != b->cluster_mean)
        return compare(a->cluster_mean, b->cluster_mean);
    if (a->cluster != b->cluster)
        return a->cluster < b->cluster ? -1 : 1;
    if (a->sum != b->sum)
        return compare(a->sum, b->sum);
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static void find_means(const Draft *draft, const size_t *order, size_t count)
{
    const Vertex *vertices = draft->layout->vertices;
    for (size_t i = 0; i < count; i++)
        draft->means[vertices[order[i]].cluster] = (Mean){0, 0};
    for (size_t i = 0; i < count; i++) {
        Mean *mean = &draft->means[vertices[order[i]].cluster];
        mean->sum += vertices[order[i]].sum;
        mean->count++;
    }
}

static void sort_layer(const Draft *draft, size_t layer)
{
    size_t *order = draft->order + draft->first[layer];
    const size_t count = draft->first[layer + 1] - draft->first[layer];
    find_means(draft, order, count);
    for (size_t i = 0; i < count; i++) {
        const Vertex *v = &draft->layout->vertices[order[i]];
        const Mean *mean = &draft->means[v->cluster];
        const double wish = v->cluster ? mean->sum / (double)mean->count : v->sum;
        draft->keys[i] = (Key){wish, v->sum, v->cluster, v->rank, order[i]};
    }
    qsort(draft->keys, count, sizeof *draft->keys, by_wish);
    for (size_t i = 0; i < count; i++)
        order[i] = draft->keys[i].vertex;
    number_layer(draft, layer);
}

static void order_layers(const Draft *draft)
{
    const size_t layers = draft->layout->layer_count;
    for (size_t layer = 0; layer < layers; layer++)
        number_layer(draft, layer);
    for (int sweep = 0; sweep < ORDER_SWEEPS; sweep++) {
        const bool from_left = sweep % 2;
        for (size_t i = 1; i < layers; i++) {
            const size_t layer = from_left ? i : layers - 1 - i;
            average(draft, layer, from_left, false);
            sort_layer(draft, layer);
        }
    }
}

/* ---- heights ----------------------------------------------------------------------------------- */

static double room_of(const Draft *draft, size_t vertex)
{
    const double height = draft->layout->vertices[vertex].height;
    return height > 0 ? height + BOX_GAP : BEND_GAP;
}

static double distance(const Draft *draft, size_t i)
{
    return (room_of(draft, draft->order[i - 1]) + room_of(draft, draft->order[i])) / 2;
}

static void stack_layer(const Draft *draft, size_t layer)
{
    Vertex *vertices = draft->layout->vertices;
    for (size_t i = draft->first[layer]; i < draft->first[layer + 1]; i++)
        vertices[draft->order[i]].y =
            i == draft->first[layer] ? 0 : vertices[draft->order[i - 1]].y + distance(draft, i);
}

/* Moves the vertices of a layer to where `sum` wants them as far as the others leave room: the mean of
 * giving way downwards and of giving way upwards keeps all distances. */
static void settle_layer(const Draft *draft, size_t layer)
{
    Vertex *vertices = draft->layout->vertices;
    const size_t first = draft->first[layer], end = draft->first[layer + 1];
    for (size_t i = first; i < end; i++) {
        Vertex *v = &vertices[draft->order[i]];
        v->y = v->sum;
        if (i > first && v->y < vertices[draft->order[i - 1]].y + distance(draft, i))
            v->y = vertices[draft->order[i - 1]].y + distance(draft, i);
    }
    double below = 0;
    for (size_t i = end; i-- > first;) {
        Vertex *v = &vertices[draft->order[i]];
        double up = v->sum;
        if (i + 1 < end && up > below - distance(draft, i + 1))
            up = below - distance(draft, i + 1);
        below = up;
        v->y = (v->y + up) / 2;
    }
}

static void set_heights(const Draft *draft)
{
    const size_t layers = draft->layout->layer_count;
    for (size_t layer = 0; layer < layers; layer++)
        stack_layer(draft, layer);
    for (int sweep = 0; sweep < HEIGHT_SWEEPS; sweep++) {
        const bool from_left = sweep % 2 == 0;
        for (size_t i = 1; i < layers; i++) {
            const size_t layer = from_left ? i : layers - 1 - i;
            average(draft, layer, from_left, true);
            settle_layer(draft, layer);
        }
    }
}

static void fit(Layout *layout)
{
    double top = layout->vertices[0].y, bottom = top;
    for (size_t i = 0; i < layout->vertex_count; i++) {
        const Vertex *v = &layout->vertices[i];
        top = v->y - v->height / 2 < top ? v->y - v->height / 2 : top;
        bottom = v->y + v->height / 2 > bottom ? v->y + v->height / 2 : bottom;
    }
    for (size_t i = 0; i < layout->vertex_count; i++)
        layout->vertices[i].y += 2 * MARGIN + 8 - top;
    layout->width = layout__x(layout->layer_count - 1) + BOX_WIDTH + MARGIN;
    layout->height = bottom - top + 3 * MARGIN + 8;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static bool arrange(Layout *layout, const Picture *picture)
{
    Draft draft;
    const bool room = begin_draft(&draft, layout, picture);
    if (room) {
        order_layers(&draft);
        set_heights(&draft);
        fit(layout);
    }
    end_draft(&draft);
    return room;
}

static void note_clusters(Layout *layout, const Picture *picture)
{
    for (size_t first = 0; first < picture->clustered_count;) {
        const size_t end = picture__cluster_end(picture, first);
        for (size_t i = first; i < end; i++)
            layout->vertices[picture->clustered[i]].cluster = first + 1;
        first = end;
    }
}

bool layout__begin(Layout *layout, const Picture *picture)
{
    *layout = (Layout){.count = picture->count, .layer_count = 1};
    size_t wires = 0;
    for (size_t i = 0; i < picture->count; i++)
        wires += drawn_edges(picture, i);
    layout->vertices = inspect__take(layout->count, sizeof *layout->vertices);
    layout->wires = inspect__take(wires, sizeof *layout->wires);
    bool room = layout->vertices && layout->wires;
    if (room) {
        for (size_t i = 0; i < picture->count; i++) {
            layout->vertices[i].height = box_height(edges_of(picture->walk, picture->ids[i]));
            add_wires(layout, picture, i);
        }
        note_clusters(layout, picture);
        assign_layers(layout);
        room = add_bends(layout) && arrange(layout, picture);
    }
    if (!room)
        layout__end(layout);
    return room;
}

void layout__end(Layout *layout)
{
    inspect__give(layout->vertices);
    inspect__give(layout->wires);
}
