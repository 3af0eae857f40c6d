/* picture.c - which nodes of a walk are drawn, in what colour, in which frame. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/inspect_internal.h"

/* ---- the nodes nearest to the roots ------------------------------------------------------------ */

/* True unless the limit is reached. place serves as the mark of what is in. */
static bool enlist(Picture *picture, size_t id, size_t limit)
{
    if (picture->place[id])
        return true;
    if (picture->count == limit)
        return false;
    picture->place[id] = 1;
    picture->ids[picture->count++] = id;
    return true;
}

/* Breadth first, so that ids is its own queue and its levels are distances from the roots. */
static void choose(Picture *picture, size_t limit)
{
    const GraphWalk *walk = picture->walk;
    for (size_t i = 0; i < walk->root_count; i++)
        (void)enlist(picture, walk->roots[i], limit);
    size_t level_end = picture->count, depth = 0;
    for (size_t next = 0; next < picture->count; next++) {
        if (next == level_end) {
            level_end = picture->count;
            depth++;
        }
        if (picture->options.max_depth && depth == picture->options.max_depth)
            break;
        const size_t id = picture->ids[next];
        for (size_t i = 0; i < edges_of(walk, id) && picture->count < limit; i++)
            (void)enlist(picture, edge_of(walk, id, i)->to, limit);
    }
}

/* The list again, in order of creation. */
static void put_in_order(Picture *picture)
{
    size_t count = 0;
    for (size_t id = 0; id < picture->walk->count; id++) {
        if (!picture->place[id])
            continue;
        picture->ids[count] = id;
        picture->place[id] = ++count;
    }
}

size_t picture__most_edges(const Picture *picture)
{
    size_t most = 0;
    for (size_t i = 0; i < picture->count; i++) {
        const size_t edges = edges_of(picture->walk, picture->ids[i]);
        most = edges > most ? edges : most;
    }
    return most;
}

size_t picture__hidden_edges(const Picture *picture, size_t id)
{
    size_t hidden = 0;
    for (size_t i = 0; i < edges_of(picture->walk, id); i++)
        hidden += !picture->place[edge_of(picture->walk, id, i)->to];
    return hidden;
}

void picture__note(const Picture *picture, size_t room, char *text)
{
    if (picture->left_out)
        (void)snprintf(text, room, "%zu of %zu nodes; %zu left out", picture->count, picture->walk->count,
                       picture->left_out);
    else
        (void)snprintf(text, room, "%zu node%s", picture->count, picture->count == 1 ? "" : "s");
}

/* ---- colour ------------------------------------------------------------------------------------ */

/* The largest |gradient| of a node; NaN and infinity win. */
static real steepest(const Value *v)
{
    const bool dense = (v->flags & DENSE) != 0;
    real largest = 0;
    for (int64_t i = 0; i < (dense ? dense_of(v)->n : 1); i++) {
        const real g = (real)fabs((double)(dense ? dense__grad(v, i) : value_grad(v)));
        if (!(g <= largest))
            largest = g;
        if (isnan(g))
            break;
    }
    return largest;
}

double picture__heat(const Picture *picture, const Value *v)
{
    const real slope = steepest(v);
    if (!isfinite(slope))
        return -1;
    return picture->largest > 0 ? sqrt((double)(slope / picture->largest)) : 0;
}

void picture__colour(const Picture *picture, const Value *v, char colour[8])
{
    static const int cold[3] = {255, 255, 255}, hot[3] = {255, 178, 102};
    const double heat = picture->options.gradients ? picture__heat(picture, v) : 0;
    int mix[3];
    for (int i = 0; i < 3; i++)
        mix[i] = (int)(cold[i] + heat * (hot[i] - cold[i]) + 0.5) & 255;
    if (heat < 0)
        strcpy(colour, "#ffb3c6");
    else
        (void)snprintf(colour, 8, "#%02x%02x%02x", mix[0], mix[1], mix[2]);
}

static void find_largest(Picture *picture)
{
    for (size_t i = 0; i < picture->count; i++) {
        const real slope = steepest(picture->walk->nodes[picture->ids[i]]);
        if (isfinite(slope) && slope > picture->largest)
            picture->largest = slope;
    }
}

/* ---- clusters ---------------------------------------------------------------------------------- */

size_t picture__prefix(const char *label)
{
    const char *slash = strrchr(label, '/');
    return slash ? (size_t)(slash - label) + 1 : 0;
}

/* A node and its label, to be sorted. */
typedef struct Labelled {
    const char *label;
    size_t prefix, place;
} Labelled;

static int by_prefix(const void *first, const void *second)
{
    const Labelled *a = first, *b = second;
    const size_t shorter = a->prefix < b->prefix ? a->prefix : b->prefix;
    const int order = memcmp(a->label, b->label, shorter);
    if (order)
        return order;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static const char *label_at(const Picture *picture, size_t place)
{
    return value_label(picture->walk->nodes[picture->ids[place]]);
}

static bool find_clusters(Picture *picture)
{
    Labelled *labelled = inspect__take(picture->count, sizeof *labelled);
    if (!labelled)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < picture->count && picture->options.clusters; i++) {
        const char *label = label_at(picture, i);
        if (picture__prefix(label))
            labelled[count++] = (Labelled){label, picture__prefix(label), i};
    }
    if (count > 1)
        qsort(labelled, count, sizeof *labelled, by_prefix);
    picture->clustered = inspect__take(count, sizeof *picture->clustered);
    for (size_t i = 0; picture->clustered && i < count; i++)
        picture->clustered[i] = labelled[i].place;
    picture->clustered_count = count;
    inspect__give(labelled);
    return picture->clustered != NULL;
}

size_t picture__cluster_end(const Picture *picture, size_t first)
{
    const char *label = label_at(picture, picture->clustered[first]);
    const size_t prefix = picture__prefix(label);
    size_t end = first;
    for (; end < picture->clustered_count; end++) {
        const char *other = label_at(picture, picture->clustered[end]);
        if (picture__prefix(other) != prefix || memcmp(other, label, prefix) != 0)
            break;
    }
    return end;
}

/* ---- begin and end ----------------------------------------------------------------------------- */

bool picture__begin(Picture *picture, const char *function, const GraphWalk *walk,
                    const GraphDrawOptions *options)
{
    static const GraphDrawOptions usual = GRAPH_DRAW_OPTIONS_INIT;
    *picture = (Picture){.walk = walk, .options = options ? *options : usual};
    size_t limit = picture->options.max_nodes;
    limit = limit && limit < walk->count ? limit : walk->count;
    picture->ids = inspect__take(limit, sizeof *picture->ids);
    picture->place = inspect__take(walk->count, sizeof *picture->place);
    bool room = picture->ids && picture->place;
    if (room) {
        choose(picture, limit);
        put_in_order(picture);
        picture->left_out = walk->count - picture->count;
        find_largest(picture);
        room = find_clusters(picture);
    }
    if (!room) {
        picture__end(picture);
        error__memory(function, 0);
    }
    return room;
}

void picture__end(Picture *picture)
{
    inspect__give(picture->ids);
    inspect__give(picture->place);
    inspect__give(picture->clustered);
}
