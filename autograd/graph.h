/* graph.h - the node of the graph, as the files of this folder and of tensor/ see it.
 *
 * A node is the result of one operation. A scalar node is the 40 bytes of inline.h and nothing else; a node
 * with more operands or more numbers points at an Extension. Reading order of this folder: ops.def (what
 * the operations are), ops.c (a node for each), backward.c (the chain rule), memory.h (who lives how
 * long). */
#ifndef VALGRAD_AUTOGRAD_GRAPH_H
#define VALGRAD_AUTOGRAD_GRAPH_H

#define VALGRAD_LAYOUT_ONLY
#include <valgrad/inline.h>

#include <limits.h>

#include "autograd/buffer.h"
#include "autograd/error.h"

typedef struct Region Region;
typedef struct Extension Extension;
struct Expansion; /* program.h */

_Static_assert(sizeof(Value) <= 40, "a scalar Value takes at most 40 bytes");

enum {
    LEAF = VALUE_LEAF,
    WANTS_GRAD = VALUE_WANTS_GRAD,
    EXTENDED = 2,  /* `more` is an Extension */
    DENSE = 4,     /* the Extension is a Dense: n numbers instead of one */
    REACHED = 8,   /* a backward pass has to list it yet */
    LABELLED = 16, /* it has a name: see label.c */
    PASSES_X = VALUE_PASSES_X,
    PASSES_Y = VALUE_PASSES_Y, /* the two highest bits: they index value__op_backward */
};

typedef enum OpCode {
    OP_LEAF,
    OP_CONST,
    OP_ELEMENT,
    OP_EXTENDED,
    OP_FREED,
#define OP1(name, ...) OP_##name,
#define OP1P(name, ...) OP_##name,
#define OP2(name, ...) OP_##name,
#define OP3(name, ...) OP_##name,
#include "autograd/ops.def"
    OP_COUNT
} OpCode;

_Static_assert((int)OP_LEAF == VALUE_OP_LEAF && (int)OP_CONST == VALUE_OP_CONST &&
                   (int)OP_ELEMENT == VALUE_OP_ELEMENT && OP_COUNT <= UINT8_MAX &&
                   (int)OP_add == VALUE_OP_ADD && (int)OP_sub == VALUE_OP_SUB &&
                   (int)OP_mul == VALUE_OP_MUL && (int)OP_div == VALUE_OP_DIV &&
                   (int)OP_neg == VALUE_OP_NEG && (int)OP_square == VALUE_OP_SQUARE &&
                   (int)OP_relu == VALUE_OP_RELU,
               "inline.h knows these by number");

/* What the graph asks of a node with an Extension. */
typedef struct NodeKind {
    void (*backward)(Value *v); /* passes v's gradient on; NULL for leaves */
    size_t (*operand_count)(const Value *v);
    Value *(*operand)(const Value *v,
                      size_t i); /* with repetition; elements stand for themselves */
    /* Gives back what the Extension owns outside of its region (see graph__own). `counted`: v is from the pool,
     * so its edges to operands are counted and must be released. */
    void (*destroy)(Value *v, bool counted);
    /* Writes v's meaning in scalar instructions (see program.h); NULL for leaves. */
    void (*expand)(const Value *v, struct Expansion *e);
} NodeKind;

struct Extension {
    const NodeKind *kind;
    const char *name;  /* of the operation */
    Value *next_owned; /* the next in its region that owns something */
};

enum { ELEMENTS_IN_BLOCK = 64, DENSE_MAX_RANK = 8 };

/* A node of n numbers and n gradients. Tensor operations put this first in Extensions of their own. */
typedef struct Dense {
    Extension base;
    int64_t n;
    real *data;
    real *grad;  /* NULL when no gradient is wanted */
    bool filled; /* grad holds a gradient; otherwise it counts as 0 */
    /* What tensor/sparse.c remembers about a leaf: lists (from buffer__take) or NULL, and the changed_at + 1 for
     * which it was found to be dense, and finite. */
    void *nonzeros;
    uint64_t dense_at, finite_at;
    /* While by_rows, grad holds something in those of so many rows only that have a mark; the others count as 0. The
     * marks are from buffer__take, or NULL. */
    bool by_rows;
    int64_t rows;
    uint8_t *marks;
    Value **elements; /* blocks of ELEMENTS_IN_BLOCK Values, made when first asked for; or NULL */
    int rank;         /* the shape in which it was made, for whoever looks at the graph */
    int64_t sides[DENSE_MAX_RANK];
} Dense;

static inline Dense *dense_of(const Value *v)
{
    return (Dense *)v->more;
}

/* Whether v is one number of a dense node. */
static inline bool is_element(const Value *v)
{
    return v->op == OP_ELEMENT;
}

/* The node that v stands in: its dense node for an element, itself otherwise. */
static inline Value *node_of(const Value *v)
{
    return (Value *)(is_element(v) ? v->owner : v);
}

static inline real number_of(const Value *v)
{
    return is_element(v) ? dense_of(v->owner)->data[v->index] : v->data;
}

/* ---- memory.c, region.c: nodes ---- */

/* Sets value_room (inline.h) anew, after what it depends on has changed. */
void graph__choose_room(void);

/* A scalar node of operands x and y (y may be NULL), both held by it, or a constant while recording is
 * off. The caller sets data. NULL and an error on failure. */
Value *graph__node(OpCode op, Value *x, Value *y, const char *function);

/* A leaf or constant; `free_standing` makes it belong to no scope. The caller sets data. */
Value *graph__leaf(OpCode op, bool free_standing, const char *function);

/* An extended node with an Extension of `bytes` beside it. Its operands must already be held (graph__hold), so
 * that it is younger than they are; the caller fills in what follows the Extension and sets WANTS_GRAD. */
Value *graph__extended(OpCode op, size_t bytes, bool free_standing, const NodeKind *kind,
                       const char *name);

/* Notes that v's Extension owns something outside of v's region: kind->destroy is called when that goes. (Of a node
 * of the pool it is always called.) */
void graph__own(Value *v);

/* The region in which nodes are made now, or NULL for the pool. */
Region *graph__region(void);

/* What the holder of a node is that region holds already; for NULL and for a region that has no number, what no
 * node's is. A Region begins with its room. */
static inline unsigned graph__number(const Region *region)
{
    const unsigned number = region ? ((const ValueRoom *)region)->number : 0;
    return number != 0 ? number : UINT_MAX;
}

/* Makes v outlive what is made in region; for NULL, counts one edge of a pool node, which graph__unhold
 * takes back. False: out of memory. */
bool graph__hold(Region *region, Value *v);
void graph__unhold(Region *region, Value *v);

/* Bytes that live as long as the region; NULL when out of memory. */
void *graph__region_bytes(Region *region, size_t bytes);

/* One more, one less handle on something that lies in region (which goes when it is closed and none is
 * left). NULL region: nothing. */
void graph__region_handle(Region *region, int change);

/* Whether operations are being recorded. */
bool graph__recording(void);

/* When v was made and when region-mates were: of two nodes that depend on each other, the earlier one
 * has the smaller (stamp, address). */
uint64_t graph__stamp(const Value *v);

/* Notes that v (or an element of it) has a label, to be removed with it. */
void graph__labelled(Value *v);

/* Notes that the number of leaf v (never an element) is another now. */
void graph__changed(Value *v);

/* The region of a node that is not an element; NULL for the pool. */
Region *graph__home(const Value *v);

/* Whether backward may walk `region` from its end instead of queueing: it was never merged and reads
 * nothing outside but leaves. */
bool graph__is_linear(const Region *region);

/* Whether v lies in such a region, no pass has gone through that, so that its gradients are 0, and no leaf that it
 * reads has been changed since. If so, notes that a pass goes through. */
bool graph__begin_walk(const Value *v);

/* Notes that a pass goes through v. */
void graph__note_pass(const Value *v);

/* The node made before v in its (linear) region; NULL when v is the first. */
Value *graph__previous(Value *v);

/* The lowest node of the stretch of memory in which v lies: down to it, v - 1 was made before v. */
Value *graph__first_in_chunk(Value *v);

/* ---- label.c ---- */

void label__remove(Value *v);

/* Where v was made, if that was noted (valgrad/debug.h); file is static. The first note counts. */
void label__set_site(Value *v, const char *file, int line);
bool label__site(const Value *v, const char **file, int *line);

/* ---- dense.c: nodes of many numbers ---- */

/* A dense node of n numbers with its buffers (a gradient buffer if wants_grad), Extension of `bytes`. */
Value *dense__node(OpCode op, size_t bytes, int64_t n, bool wants_grad, bool free_standing,
                   const NodeKind *kind, const char *name);

/* For NodeKind.destroy: gives numbers, gradients and elements back. */
void dense__destroy(Value *v);

/* The Value of number i; the same at each call; NULL when out of memory. */
Value *dense__element(Value *v, int64_t i);

/* The gradient of number i; 0 before any. */
real dense__grad(const Value *v, int64_t i);

/* Writes the rows of the gradient that were left out as 0. */
void dense__complete(Dense *dense);

/* In place of dense__receive, from an operation that gives to some of `rows` rows only, for instance of weights, of
 * which a batch needs few: a mark for each row, not 0 for those that hold something already if the gradient is not
 * fresh, which are added to; the others are written, and marked. NULL if all rows must be given to: v is no leaf, is
 * small, all of it holds something, or memory is out. */
uint8_t *dense__receive_rows(Value *v, int64_t rows, bool *fresh);

/* Freezes or thaws a dense leaf and its elements. False: out of memory. */
bool dense__set_wants_grad(Value *v, bool wants);

extern const NodeKind dense__leaf_kind; /* of leaves: no operands */

/* ---- nary.c ---- */

/* A node of a row of three operands; NULL and an error when out of memory. The caller sets data. */
Value *nary__row(OpCode op, const char *name, Value *const operands[3]);

/* Writes the derivative of v by each of its operands, in order. False, and nothing written, if v is no
 * scalar with an Extension. */
bool nary__partials(const Value *v, real *partials);

/* Whether v was made by value_sum; by value_dot or value_affine, whose operands are x0, y0, x1, y1, …, b;
 * by value_custom. */
bool nary__is_sum(const Value *v);
bool nary__has_pairs(const Value *v);
bool nary__is_custom(const Value *v);

/* Whether the operation of a scalar node lets nothing through a derivative of exactly 0 (see share_of). */
bool nary__chooses(const Value *v);

/* The operation and context of a node made by value_custom. */
const ValueOp *nary__custom(const Value *v, void **context);

/* ---- backward.c ---- */

/* Gives this thread's queue back. */
void backward__trim(void);

/* Passes v's gradient on to its operands. */
void backward__differentiate(Value *v);

/* If there is one, passes of this thread list their nodes and call this at each, which calls
 * backward__differentiate() in its turn; what it returns but VALGRAD_OK ends the pass. */
typedef ValgradStatus BackwardWatch(Value *v, const char *function);
extern _Thread_local BackwardWatch *backward__watch __attribute__((tls_model("initial-exec")));

bool backward__strict(void);

/* The error of a leaf that was changed after v had used it. */
ValgradStatus backward__say_changed(const char *function, const Value *v, const Value *leaf);

/* Whether the operation chooses among its operands or is flat beside what it chooses. An operand that was not
 * chosen has no part in the result, so that a derivative of exactly 0 lets nothing through, not even infinity. */
static inline bool op_chooses(OpCode op)
{
    switch (op) {
    case OP_abs: case OP_min: case OP_max: case OP_fmin: case OP_fmax: case OP_clamp: case OP_where:
    case OP_sign: case OP_floor: case OP_ceil: case OP_round: case OP_trunc:
    case OP_relu: case OP_leaky_relu: case OP_relu6: case OP_hardtanh: case OP_hardsigmoid:
        return true;
    default:
        return false;
    }
}

/* What an operand of an operation that chooses gets of a gradient. */
static inline real share_of(real gradient, real derivative)
{
    const real product = gradient * derivative;
    return product == product || derivative != 0 || backward__strict() ? product : 0;
}

/* The same of any operation; `op` is a constant where speed matters. */
static inline real gradient_through(OpCode op, real gradient, real derivative)
{
    return op_chooses(op) ? share_of(gradient, derivative) : gradient * derivative;
}

/* The gradient buffer of a dense node that wants a gradient, about to receive a contribution. *fresh:
 * it holds none yet and must be written, not added to. */
static inline real *dense__receive(Value *v, bool *fresh)
{
    Dense *dense = dense_of(v);
    if (dense->by_rows)
        dense__complete(dense);
    *fresh = !dense->filled;
    dense->filled = true;
    return dense->grad;
}

void backward__give_element(Value *v, real gradient);

/* Adds a contribution to the gradient of v, which must want one. */
static inline void give(Value *v, real gradient)
{
    if (is_element(v))
        backward__give_element(v, gradient);
    else
        v->grad += gradient;
}

/* Sets the gradient of a result to 0, for a pass that goes through it. */
void backward__forget(Value *v);

/* Runs a backward pass from several roots (no element among them twice is needed: they are nodes or
 * elements). seed() gives the roots their gradients, after every check has passed. */
ValgradStatus backward__run(const char *function, size_t n, Value *const *roots,
                            void (*seed)(void *context), void *context);

/* ---- value.c / ops.c ---- */

size_t value__arity(const Value *v); /* operands by its row */

/* The row that made v, or NULL. */
const ValueOpInfo *value__row(const Value *v);

/* Passes v's gradient, grad, on to its operands: to operands of any kind; and to plain ones, of which x,
 * y, both want it (flags / PASSES_X). */
extern void (*const value__op_backward[OP_COUNT][4])(Value *v, real grad);

#endif
