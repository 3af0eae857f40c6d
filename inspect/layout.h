/* layout.h - where the nodes and edges of a picture go: layers from left to right, operands first.
 *
 * The usual four steps (K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical
 * system structures", 1981): a layer for each node; bends where an edge crosses layers; an order within
 * each layer that avoids crossings; heights that keep edges straight. */
#ifndef VALGRAD_INSPECT_LAYOUT_H
#define VALGRAD_INSPECT_LAYOUT_H

#include "inspect/inspect_internal.h"

enum { BOX_WIDTH = 172, BOX_HEIGHT = 58, LAYER_STEP = 268, BOX_GAP = 22, BEND_GAP = 16, MARGIN = 28,
       PORT_STEP = 15, MOST_PORTS = 16 };

/* A node (the first `count` of them, in the picture's order) or a bend of an edge. */
typedef struct Vertex {
    size_t layer, rank; /* rank: from the top within its layer */
    double y, height;   /* of the middle; of the box, 0 for a bend */
    size_t cluster;     /* 1 + which group of the picture's it is in, or 0 */
    double sum;         /* used while ordering */
    size_t seen;
} Vertex;

/* An edge that is drawn. Its bends are vertices bend … bend + bends - 1, from operand to result. */
typedef struct Wire {
    size_t operand, result; /* places in the picture */
    size_t edge;            /* which edge of the result */
    size_t bend, bends;
} Wire;

typedef struct Layout {
    size_t count, vertex_count, wire_count, layer_count;
    Vertex *vertices;
    Wire *wires;
    double width, height;
} Layout;

/* False when out of memory. */
bool layout__begin(Layout *layout, const Picture *picture);
void layout__end(Layout *layout);

/* The left end of a layer. */
double layout__x(size_t layer);

#endif
