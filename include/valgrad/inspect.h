/* inspect.h - looking into a graph: walk it, step through backward, draw it.
 *
 *     VALGRAD_SCOPE {
 *         Value *a = value_leaf(2), *b = value_leaf(-3), *c = value_mul(a, b);
 *         value_set_label(a, "a"), value_set_label(b, "b"), value_set_label(c, "c");
 *         GraphWalk *walk = graph_walk_new(1, &c);
 *         GraphStepper *stepper = graph_stepper_new(walk, NULL);
 *         for (GraphStep step; graph_stepper_next(stepper, &step);) {
 *             char line[200];
 *             graph_step_text(walk, &step, sizeof line, line);
 *             puts(line);                   // dc/da += dc/dc * b = 1 * -3 = -3
 *         }
 *         graph_write_svg(walk, NULL, stdout);
 *         graph_stepper_free(stepper);
 *         graph_walk_free(walk);
 *     }
 *
 * A *walk* is the list of all nodes that some roots were made from, in order of creation, which is a
 * topological order: operands have smaller numbers (ids) than what was made of them. A *stepper* is
 * value_backward() in slow motion: one contribution to one gradient at a time. The graph_write functions
 * draw a walk as DOT, SVG, JSON, or a page that replays forward and backward in a browser.
 *
 * What counts as a node: a leaf or constant; the result of an operation, scalar or tensor, whatever its
 * size; and an element of a tensor where a scalar operation or a root uses it, with one edge to the
 * node that holds its number. An edge stands for one operand, in order and with repetition, so a + a has
 * two; an operand tensor that gathers numbers of several nodes has an edge for each of these.
 *
 * Nothing here recurses: a graph may be as deep as memory allows. Threads and errors as in value.h. */
#ifndef VALGRAD_INSPECT_H
#define VALGRAD_INSPECT_H

#include <stdio.h>
#include <valgrad/tensor.h>

VALGRAD_BEGIN

/* ---- walk -------------------------------------------------------------------------------------- */

typedef struct GraphWalk GraphWalk;

/* New: all that roots[0 … n-1] were made from; a root may repeat. The walk holds the roots, and with them
 * the graph, until graph_walk_free(); what is made afterwards is not in it. Costs time and memory in
 * proportion to nodes and edges. Errors: n is 0; a NULL; out of memory. */
VALGRAD_API GraphWalk *graph_walk_new(size_t n, Value *const *roots);

/* New: the same from all elements of a tensor. Its root is the node behind the tensor, or the nodes that
 * it was gathered from. */
VALGRAD_API GraphWalk *graph_walk_tensor(Tensor *root);

/* Gives it back. NULL does nothing. Steppers of the walk go first. */
VALGRAD_API void graph_walk_free(GraphWalk *walk);

VALGRAD_API size_t graph_walk_count(const GraphWalk *walk);      /* nodes; their ids are 0 … count-1 */
VALGRAD_API size_t graph_walk_edge_count(const GraphWalk *walk); /* edges of all nodes together */
VALGRAD_API size_t graph_walk_root_count(const GraphWalk *walk); /* without repetition */

/* The id of root i (in the order given, without repetition); GRAPH_NO_ID when out of range. */
VALGRAD_API size_t graph_walk_root(const GraphWalk *walk, size_t i);

/* Node id itself: borrowed. NULL when out of range. */
VALGRAD_API Value *graph_walk_value(const GraphWalk *walk, size_t id);

#define GRAPH_NO_ID ((size_t)-1)

/* The id of v; GRAPH_NO_ID when it is not in the walk. */
VALGRAD_API size_t graph_walk_find(const GraphWalk *walk, const Value *v);

typedef enum GraphKind {
    GRAPH_LEAF,      /* leaf or constant, a number or a whole tensor */
    GRAPH_ELEMENT,   /* one number of a tensor; its only edge leads to the tensor's node */
    GRAPH_OPERATION, /* of one or two operands: a row of the op table */
    GRAPH_NARY,      /* sum, dot, affine, or an operation of the user's own */
    GRAPH_TENSOR,    /* the result of a tensor operation */
} GraphKind;

/* What there is to know of a node. */
typedef struct GraphNode {
    size_t id;
    Value *value; /* borrowed */
    GraphKind kind;
    const char *op;         /* as value_op_name() */
    const char *symbol;     /* for drawings: "+", "tanh"; op where there is none */
    const char *label;      /* borrowed; "" when it has none */
    const ValueOpInfo *row; /* of a GRAPH_OPERATION, else NULL */
    real parameter;         /* p of such a row, if it has one */
    bool wants_grad;
    int64_t size; /* how many numbers: 1 unless it is a tensor's node */
    int rank;     /* the shape in which a tensor's node was made; -1 for a scalar */
    int64_t shape[TENSOR_MAX_RANK];
    int64_t element;   /* of a GRAPH_ELEMENT: which number of its node; else -1 */
    size_t edge_count; /* edges to its operands */
    size_t use_count;  /* edges to it within the walk */
    size_t references; /* handles on it; for a node made outside of scopes also what was made of it */
} GraphNode;

/* Fills in node. Errors: a NULL; no such id. */
VALGRAD_API ValgradStatus graph_walk_node(const GraphWalk *walk, size_t id, GraphNode *node);

typedef struct GraphEdge {
    size_t from, to; /* ids of the result and of its operand */
    int operand;     /* which operand, from 0; of a tensor operation: which operand tensor */
    int64_t count;   /* how many numbers the operation takes from there */
    int rank;        /* shape of the operand tensor; -1 for a scalar */
    int64_t shape[TENSOR_MAX_RANK];
} GraphEdge;

/* Fills in edge i of node id, 0 ≤ i < edge_count, in the order of the operands. */
VALGRAD_API ValgradStatus graph_walk_edge(const GraphWalk *walk, size_t id, size_t i, GraphEdge *edge);

/* The derivative of a scalar result by the operand of its edge i; 1 from an element to its tensor. NaN
 * for the result of a tensor operation, which has a matrix of them, and where there is no such edge.
 * (For an operation of many operands, graph_walk_derivatives() costs less.) */
VALGRAD_API real graph_walk_derivative(const GraphWalk *walk, size_t id, size_t i);

/* The same for all edges at once; n is the room in out and must be the edge_count. */
VALGRAD_API ValgradStatus graph_walk_derivatives(const GraphWalk *walk, size_t id, size_t n, real *out);

/* ---- words ------------------------------------------------------------------------------------- */
/* These write at most `room` bytes with the final zero, and return how long the whole text is, as
 * snprintf() does; 0 for NULL or an id out of range. Numbers have six digits and a decimal point in
 * every locale.                                                                                      */

/* What a node is called: its label; "L" for an only root without one; "w[3]" for an element; or "v7". */
VALGRAD_API size_t graph_name(const GraphWalk *walk, size_t id, size_t room, char *text);

/* How it was computed: "c = a * b = 2 * -3 = -6". */
VALGRAD_API size_t graph_forward_text(const GraphWalk *walk, size_t id, size_t room, char *text);

/* The derivative by the operand of edge i, as a formula: "b", "1 - c * c". */
VALGRAD_API size_t graph_derivative_text(const GraphWalk *walk, size_t id, size_t i, size_t room,
                                         char *text);

/* ---- step through backward --------------------------------------------------------------------- */

typedef struct GraphStepper GraphStepper;

typedef struct GraphStepperOptions {
    real seed; /* gradient of each scalar root */
    /* Of the root of graph_walk_tensor(): a tensor of its shape, or NULL for all ones. Borrowed. */
    const Tensor *tensor_seed;
    /* Puts all gradients of the graph aside, starts from 0, and puts them back when the stepper is freed.
     * Otherwise leaves keep what is added to them, as after value_backward(). */
    bool keep_gradients;
} GraphStepperOptions;

/* clang-format off */
#define GRAPH_STEPPER_OPTIONS_INIT {1, NULL, false}
/* clang-format on */

/* New: backward from the walk's roots, not yet begun. NULL options: as INIT. From one root it does what
 * value_backward_from() or tensor_backward() does, in the same order, to the same bits; from several
 * scalar roots, what that would do to their sum. The walk must outlive the stepper. Between two steps other
 * graphs may be used freely; this one must not be changed or differentiated.
 * Errors: NULL; no root wants a gradient; a leaf was changed after the graph had used it (MODIFIED); the
 * seed's shape; out of memory. On error no gradient has been touched. */
VALGRAD_API GraphStepper *graph_stepper_new(const GraphWalk *walk, const GraphStepperOptions *options);

/* Gives it back, at any step. NULL does nothing. */
VALGRAD_API void graph_stepper_free(GraphStepper *stepper);

enum { GRAPH_SHOWN = 4 };

/* A number, or the first few of a tensor's. */
typedef struct GraphNumbers {
    int64_t n;
    real first[GRAPH_SHOWN];
} GraphNumbers;

/* One contribution: after = before + contribution, where contribution = gradient * derivative. */
typedef struct GraphStep {
    size_t index;          /* 0 for the first step */
    bool seed;             /* a root gets its gradient; there is no node and no edge */
    size_t node;           /* the node that passes its gradient on; GRAPH_NO_ID for a seed */
    size_t edge;           /* which edge of it */
    size_t operand;        /* the node that receives */
    GraphNumbers gradient; /* of node */
    real derivative;       /* of node by operand, NaN for tensor operations */
    /* Of a tensor operation: what the operand's gradient has changed by, so rounded as that is. */
    GraphNumbers contribution;
    GraphNumbers before, after; /* the operand's gradient */
} GraphStep;

/* Does the next step and describes it. False when all is done, or for NULL. */
VALGRAD_API bool graph_stepper_next(GraphStepper *stepper, GraphStep *step);

/* In one line: "dL/da += dL/dc * b = 1 * -3 = -3"; written as graph_name() writes. */
VALGRAD_API size_t graph_step_text(const GraphWalk *walk, const GraphStep *step, size_t room, char *text);

/* ---- draw -------------------------------------------------------------------------------------- */

typedef struct GraphDrawOptions {
    const char *title;  /* NULL: "graph" */
    size_t max_nodes;   /* of a larger graph the nodes nearest to the roots are drawn, and a note; 0: no limit */
    size_t max_depth;   /* how many edges away from the roots; 0: no limit */
    bool gradients;     /* numbers, and colour by |gradient| */
    bool derivatives;   /* on the edges */
    bool clusters;      /* a frame around nodes whose labels agree up to the last '/': "layer1/" */
} GraphDrawOptions;

/* clang-format off */
#define GRAPH_DRAW_OPTIONS_INIT {NULL, 400, 0, true, true, true}
/* clang-format on */

/* Each writes to a file that the caller has opened and closes; NULL options: as INIT. What is left out is
 * counted in the drawing. Text is UTF-8; bytes that are not are replaced.
 * Errors: a NULL; out of memory; the file cannot be written (IO). What was written by then stays. */

/* For Graphviz: dot -Tsvg. */
VALGRAD_API ValgradStatus graph_write_dot(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out);

/* A picture with a layout of its own, operands on the left and roots on the right. */
VALGRAD_API ValgradStatus graph_write_svg(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out);

/* For programs: {"format": "valgrad-graph", "version": 1, "title", "nodes_total", "nodes_left_out", "roots",
 * "nodes": […], "edges": […]}. Numbers round-trip; those that JSON lacks are the strings "NaN",
 * "Infinity", "-Infinity". A tensor's node has "shape" and its first numbers. */
VALGRAD_API ValgradStatus graph_write_json(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out);

/* A page that replays forward and backward: one file that opens without a server or network, for mouse,
 * keyboard and screen reader. It does a backward pass of its own from the walk's roots, with
 * keep_gradients. Errors: those of graph_stepper_new() too. */
VALGRAD_API ValgradStatus graph_write_html(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out);

VALGRAD_END

#endif
