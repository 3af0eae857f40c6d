/* inspect_internal.h - what the files of inspect/ share. Reading order: walk.c (the list of nodes),
 * stepper.c (backward, one contribution at a time), text.c (both in words), picture.c (which nodes are
 * drawn), emit.c (numbers and escapes), then a file for each format. */
#ifndef VALGRAD_INSPECT_INSPECT_INTERNAL_H
#define VALGRAD_INSPECT_INSPECT_INTERNAL_H

#include <valgrad/inspect.h>

#include "tensor/tensor_internal.h"

/* ---- walk.c ---- */

typedef struct Edge {
    size_t to;
    int64_t count;
    int operand;
} Edge;

typedef struct Slot {
    const Value *key;
    size_t id;
} Slot;

/* Which id a node has: a hash table with open addressing. */
typedef struct Map {
    Slot *slots;
    size_t room, count; /* room: a power of two, or 0 */
} Map;

struct GraphWalk {
    size_t count, edge_count, root_count;
    Value **nodes;      /* by id */
    size_t *first_edge; /* count + 1 of them: node id has edges first_edge[id] … first_edge[id + 1] - 1 */
    Edge *edges;
    size_t *uses;
    size_t *roots;
    Map map;
    size_t held;    /* how many of the roots are retained, */
    Tensor *tensor; /* unless they are all of this one */
};

static inline size_t edges_of(const GraphWalk *walk, size_t id)
{
    return walk->first_edge[id + 1] - walk->first_edge[id];
}

static inline const Edge *edge_of(const GraphWalk *walk, size_t id, size_t i)
{
    return &walk->edges[walk->first_edge[id] + i];
}

/* Memory straight from the allocator, so that a large walk leaves nothing waiting in the thread. n zeroed
 * items; NULL when out of memory. */
void *inspect__take(size_t n, size_t bytes);
void inspect__give(void *memory); /* NULL does nothing */

/* Writes the derivatives by all operands: NaN for a tensor operation. */
void inspect__derivatives(const GraphWalk *walk, size_t id, real *out);

/* The numbers of a node; the gradients of a node. */
GraphNumbers inspect__data(const Value *v);
GraphNumbers inspect__grad(const Value *v);

/* ---- text.c ---- */

/* Text cut off where its room ends, like snprintf's. */
typedef struct Text {
    char *at;
    size_t room, length;
} Text;

Text text__begin(size_t room, char *at);
void text__add(Text *text, const char *words);
void text__real(Text *text, real number, int digits);
void text__numbers(Text *text, const GraphNumbers *numbers);

/* "(64, 784)" */
void text__shape(Text *text, int rank, const int64_t *shape);

enum { NAME_BYTES = 80, NUMBER_BYTES = 40, LINE_BYTES = 512 };

/* A number in `digits` significant digits, or in as many as bring it back (digits 0), with a point. */
void inspect__number(char text[NUMBER_BYTES], real number, int digits);

/* The bytes of the UTF-8 character at *text, which is moved past it; 0xFFFD for what is none. */
uint32_t inspect__character(const char **text);

/* ---- picture.c: which nodes are drawn ---- */

typedef struct Picture {
    const GraphWalk *walk;
    GraphDrawOptions options;
    size_t count;
    size_t *ids;   /* those drawn, in order */
    size_t *place; /* of each node of the walk: 1 + where it stands in ids, or 0 */
    size_t left_out;
    real largest; /* largest finite |gradient| among those drawn */
    size_t *clustered; /* places of nodes that have a prefix, sorted by it */
    size_t clustered_count;
} Picture;

/* False and an error when out of memory. */
bool picture__begin(Picture *picture, const char *function, const GraphWalk *walk,
                    const GraphDrawOptions *options);
void picture__end(Picture *picture);

/* How long the cluster's name at the start of a label is; 0 for none. */
size_t picture__prefix(const char *label);

/* The end of the group of equal prefixes in `clustered` that starts at `first`. */
size_t picture__cluster_end(const Picture *picture, size_t first);

/* The largest number of edges that a drawn node has. */
size_t picture__most_edges(const Picture *picture);

/* How many edges of a node lead to nodes that are not drawn. */
size_t picture__hidden_edges(const Picture *picture, size_t id);

/* 0 … 1: how large a node's gradient is beside the largest; -1 if it is not finite. */
double picture__heat(const Picture *picture, const Value *v);
void picture__colour(const Picture *picture, const Value *v, char colour[8]);

/* "12 of 1000000 nodes; 999988 left out" or "12 nodes". */
void picture__note(const Picture *picture, size_t room, char *text);

/* ---- emit.c ---- */

typedef enum Escape { ESCAPE_DOT, ESCAPE_XML, ESCAPE_JSON } Escape;

/* Text with whatever the format gives a meaning of its own escaped. */
void emit__escaped(FILE *out, const char *text, Escape escape);
void emit__number(FILE *out, double number); /* in two decimals, with a point, for coordinates */

/* What a writer returns in the end. */
ValgradStatus emit__status(const char *function, FILE *out);

/* Whether the arguments can be used; otherwise an error. */
bool emit__check(const char *function, const GraphWalk *walk, FILE *out);

/* ---- svg.c, json.c: parts of the page ---- */

bool svg__write(const Picture *picture, FILE *out, bool interactive);

/* With `stepper` also the steps that it makes, as far as what they concern is drawn. */
bool json__write(const Picture *picture, FILE *out, GraphStepper *stepper);

#endif
