/* tensor_internal.h - what the files of tensor/ share: the inside of a Tensor, and how operations get
 * numbers out of one and gradients into one. */
#ifndef VALGRAD_TENSOR_TENSOR_INTERNAL_H
#define VALGRAD_TENSOR_TENSOR_INTERNAL_H

#include <valgrad/tensor.h>

#include "autograd/program.h"
#include "tensor/kernels.h"

/* A list of Value pointers in one of two forms. A run is slots of one dense node, addressed by offset and
 * strides, and costs nothing for each element. A table is an explicit pointer for each. */
struct Tensor {
    int64_t refs;
    Region *home; /* NULL: the pool */
    int rank;
    int64_t size;
    int64_t shape[TENSOR_MAX_RANK];
    Value *run; /* NULL: a table */
    int64_t offset, strides[TENSOR_MAX_RANK];
    Value **table;
};

/* ---- shape.c: shapes, axes, indices ---- */

typedef struct Shape {
    int rank;
    int64_t sides[TENSOR_MAX_RANK];
    int64_t size;
} Shape;

enum { SHAPE_TEXT_BYTES = 192 };

/* "(64, 784)" in text, which is returned. */
const char *shape__text(int rank, const int64_t *sides, char text[SHAPE_TEXT_BYTES]);

/* Checks rank and sides and works out the size. */
bool shape__check(const char *function, int rank, const int64_t *sides, Shape *shape);

Shape shape__of(const Tensor *t);

/* Widens a shape to the one that it and t have in common by NumPy's rule. */
bool shape__join(const char *function, Shape *shape, const Tensor *t);

/* The common shape of two operands. */
bool shape__broadcast(const char *function, const Tensor *x, const Tensor *y, Shape *shape);

/* axis counted from 0, or -1 and an error. */
int shape__axis(const char *function, const Tensor *t, int axis);

/* index counted from 0, or -1 and an error. */
int64_t shape__index(const char *function, const Tensor *t, int axis, int64_t index);

/* ---- tensor.c, numbers.c: making and reading ---- */

/* A Tensor of the given shape over all of a dense node just made, or over part of one. NULL: out of
 * memory. tensor__adopt also drops the caller's hold on a pool node, keeps it if that fails. */
Tensor *tensor__adopt(Value *node, const Shape *shape);

/* A view: the shape of `like` with nothing in it yet; a run on `node` (or a table, NULL). The caller sets
 * offset and strides, or the table by tensor__set_table. */
Tensor *tensor__view(const char *function, Value *node, const Shape *shape);

/* Fills in a table of `t->size` pointers, all made to outlive t. On failure t is released, NULL. */
Tensor *tensor__hold_table(const char *function, Tensor *t, Value *const *values);

/* gather.c: a tensor of any pointers, which are given back. NULL pointers: out of memory. */
Tensor *tensor__from_pointers(const char *function, const Shape *shape, Value **pointers);

/* A table of t->size pointers (buffer__give when done): t's elements in order. NULL: out of memory. */
Value **tensor__pointers(const Tensor *t);

/* Whether t is consecutive slots of one node. */
bool tensor__is_contiguous(const Tensor *t);

/* Calls for each row of the last axis: n numbers starting at `slot`, `stride` apart; `flat` is the row's
 * first flat index. Runs only. */
typedef void RowVisitor(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride);
void tensor__each_row(const Tensor *t, RowVisitor *visit, void *context);

/* The number at flat index i, without making a Value of it. */
real tensor__number(const Tensor *t, int64_t i);

/* Copies the numbers of t in order to out. */
void tensor__gather(const Tensor *t, real *out);

/* The numbers of a tensor that is one whole leaf or constant, to be overwritten; records the change. */
real *tensor__writable(Tensor *t);

/* Its gradient, or NULL when none has arrived since it was last zeroed. */
real *tensor__gradient(const Tensor *t);

/* The same where only rows with a mark count (see graph.h); *marks is NULL if all do. */
const real *tensor__gradient_rows(const Tensor *t, int64_t *rows, const uint8_t **marks);

/* ---- operation.c: one node for each operation ---- */

enum { OPERANDS = 3 };

typedef struct Operand {
    Tensor *tensor;       /* held by the node */
    const real *numbers;  /* contiguous, in order; or as `matrix` says */
    real *gathered;       /* where numbers had to be copied to, or NULL */
    real *scattered;      /* room for a gradient that must be spread over Values, or NULL */
    bool wants_grad;
} Operand;

/* A node made by a tensor operation. Operations with more to remember put this first in their own. */
typedef struct Operation {
    Dense dense;
    int count;
    Operand operand[OPERANDS];
    real parameter;
    real *saved; /* numbers that backward or expand needs besides, or NULL; given back with the node */
} Operation;

static inline Operation *operation_of(const Value *v)
{
    return (Operation *)v->more;
}

/* The two halves of every operation. operation__begin makes a node of shape's size whose operands'
 * numbers are at hand, with `saved` numbers if any; the operation then computes dense.data; and
 * operation__end turns it into a Tensor. `bytes` is the size of the Operation or what contains it;
 * kind->destroy should be operation__destroy, and the counts operation__operand_count and _operand. NULL
 * and an error on failure. */
Value *operation__begin(const char *function, const NodeKind *kind, size_t bytes, const Shape *shape,
                        int count, Tensor *const *operands, int64_t saved);
Tensor *operation__end(Value *v, const Shape *shape);

/* anomaly.c: whether all numbers of a node just made are as good as its operands'; otherwise an error. Those of
 * an element-wise operation have only their own elements of the operands to blame. */
bool operation__is_sound(const Value *v, const Shape *shape);

void operation__destroy(Value *v, bool counted);
size_t operation__operand_count(const Value *v);
Value *operation__operand(const Value *v, size_t i);

#define OPERATION_KIND(backward, expand)                                                           \
    {                                                                                              \
        backward, operation__operand_count, operation__operand, operation__destroy, expand         \
    }

/* The slots of operand k's elements in order, for NodeKind.expand (see program.h); NULL when out of
 * memory. */
const ProgramSlot *operation__slots(const Value *v, int k, Expansion *e);

/* Where an operand's gradient goes: write it (fresh) or add it to grad[0 … size-1], in order; then
 * gradient__end. One operand at a time. */
typedef struct Gradient {
    real *grad;
    bool fresh;
} Gradient;

Gradient gradient__begin(const Operand *operand);

/* The same for an operation that gives to few of an operand's rows: their marks by dense__receive_rows, or NULL if
 * there are none and every row is given to. */
uint8_t *gradient__begin_rows(const Operand *operand, int64_t rows, Gradient *gradient);

/* The same for one that then adds factor * g to one row after the other. */
typedef struct RowsGradient {
    const Kernels *kernels;
    real *grad;
    uint8_t *marks;
    int64_t columns;
} RowsGradient;

RowsGradient gradient__begin_adding(const Operand *operand, int64_t rows);
void gradient__add_row(RowsGradient to, int64_t row, real factor, const real *g);
void gradient__end(const Operand *operand, Gradient gradient);

/* Gives an operand factor * from[i], if it wants a gradient; nothing for a factor of 0. */
void gradient__give_scaled(const Operand *operand, real factor, const real *from);

/* Writes or adds one number of a gradient. */
static inline void gradient__put(Gradient to, int64_t i, real gradient)
{
    to.grad[i] = to.fresh ? gradient : to.grad[i] + gradient;
}

/* ---- rows.c: operations along one axis ---- */

typedef struct Rows {
    int axis; /* where the axis was, counted from 0 */
    int64_t count, columns;
} Rows;

/* t with `axis` last, as an operand (tensor__drop when done). NULL and an error for a NULL t or axis that
 * is not there. */
Tensor *tensor__axis_last(const char *function, Tensor *t, int axis, Rows *rows);

/* A result computed with its axis last, with the axis back where it was. */
Tensor *tensor__axis_back(Tensor *result, int axis);

/* An operation that makes of each row another of n numbers; and its backward, from the row made and the
 * gradient of that to the gradient of the operand's row. */
typedef void RowMap(const real *x, int64_t n, real *f);
typedef void RowChain(const real *f, const real *g, int64_t n, Gradient to);
Tensor *operation__map_rows(const char *function, const NodeKind *kind, Tensor *t, int axis, RowMap *map);
void operation__chain_rows(Value *v, RowChain *chain);

/* The last side of the first operand. */
int64_t operation__columns(const Value *v);

/* ---- derivatives.c: tensors as lists of numbers in a graph ---- */

size_t tensor__total_size(size_t n, Tensor *const *tensors);

/* Of all numbers of n tensors, one after another (buffer__give when done). NULL and an error: memory. */
Place *tensor__places(const char *function, size_t n, Tensor *const *tensors);

/* Whether n tensors are there and consist of leaves and constants. */
bool tensor__check_inputs(const char *function, size_t n, Tensor *const *leaves);

/* ---- shared by operations ---- */

/* t with the axes of `mask` moved to the end, in order: t itself if they are there, else a view that the
 * caller releases by tensor__drop. *rows and *columns: product of the other sides, of the masked ones. */
Tensor *tensor__axes_last(Tensor *t, unsigned mask, int64_t *rows, int64_t *columns);

/* t itself if it has the shape, else broadcast to it (tensor__drop when done). */
Tensor *tensor__fit(Tensor *t, const Shape *shape);

/* Releases `t` if it is not `kept` and no scope does. */
void tensor__drop(Tensor *t, const Tensor *kept);

/* The axes as a mask: all for count < 0. False and an error for an axis that is not there or twice. */
bool tensor__axis_mask(const char *function, const Tensor *t, int count, const int *axes,
                       unsigned *mask);

#endif
