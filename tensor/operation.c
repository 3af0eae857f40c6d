/* operation.c - one graph node for each tensor operation: how it holds its operands, hands their numbers
 * to kernels as plain arrays, and takes gradients back. */
#include <string.h>

#include "autograd/anomaly.h"
#include "autograd/profile_internal.h"
#include "tensor/tensor_internal.h"

/* ---- operands ---------------------------------------------------------------------------------- */

/* A Tensor that lives as long as what is made now: t itself, retained or from the same region, or an alias
 * of it in the region. Its Values are older than what is made after this call. */
static Tensor *hold_operand(const char *function, Tensor *t)
{
    Region *region = graph__region();
    if (!region)
        return tensor_retain(t);
    bool held = !t->run || graph__hold(region, t->run);
    for (int64_t i = 0; t->table && held && i < t->size; i++)
        held = graph__hold(region, t->table[i]);
    if (!held)
        return error__memory(function, 0), NULL;
    if (t->home == region)
        return t;
    const Shape shape = shape__of(t);
    Tensor *alias = tensor__view(function, t->run, &shape);
    if (alias && !t->run)
        return tensor__hold_table(function, alias, t->table);
    if (alias) {
        alias->offset = t->offset;
        memcpy(alias->strides, t->strides, sizeof t->strides);
    }
    return alias;
}

static void unhold_operand(Tensor *t)
{
    if (t && !t->home)
        tensor_release(t);
}

static real *take_numbers(int64_t n)
{
    return buffer__take(size_product((size_t)n, sizeof(real)));
}

/* Numbers and, where a gradient cannot go straight into the node's buffer, room for it. */
static bool ready_operand(Operand *operand, const Tensor *t, bool wants_grad)
{
    operand->wants_grad = wants_grad;
    if (tensor__is_contiguous(t)) {
        operand->numbers = dense_of(t->run)->data + t->offset;
        return true;
    }
    operand->numbers = operand->gathered = take_numbers(t->size);
    if (wants_grad)
        operand->scattered = take_numbers(t->size);
    if (!operand->gathered || (wants_grad && !operand->scattered))
        return false;
    tensor__gather(t, operand->gathered);
    return true;
}

static void drop_buffers(Operand *operand)
{
    buffer__give(operand->gathered);
    buffer__give(operand->scattered);
    operand->gathered = operand->scattered = NULL;
    operand->numbers = NULL;
}

/* ---- node -------------------------------------------------------------------------------------- */

/* What operation__begin has gathered before there is a node. */
typedef struct Parts {
    int count;
    Operand operand[OPERANDS];
    real *saved;
    bool wants_grad;
} Parts;

static void drop_parts(Parts *parts)
{
    for (int i = 0; i < parts->count; i++) {
        drop_buffers(&parts->operand[i]);
        if (graph__recording())
            unhold_operand(parts->operand[i].tensor);
    }
    buffer__give(parts->saved);
}

static bool collect_parts(const char *function, int count, Tensor *const *operands, int64_t saved,
                          Parts *parts)
{
    *parts = (Parts){.count = 0};
    const bool recording = graph__recording();
    for (int i = 0; i < count; i++) {
        Tensor *t = recording ? hold_operand(function, operands[i]) : operands[i];
        if (!t)
            return false;
        Operand *operand = &parts->operand[parts->count++];
        operand->tensor = t;
        const bool wants = recording && tensor_wants_grad(t);
        parts->wants_grad |= wants;
        if (!ready_operand(operand, t, wants))
            return error__memory(function, (size_t)t->size * sizeof(real)), false;
    }
    if (saved > 0 && !(parts->saved = take_numbers(saved)))
        return error__memory(function, (size_t)saved * sizeof(real)), false;
    return true;
}

Value *operation__begin(const char *function, const NodeKind *kind, size_t bytes, const Shape *shape,
                        int count, Tensor *const *operands, int64_t saved)
{
    Parts parts;
    Value *v = NULL;
    if (profile__on)
        (void)profile__begin();
    if (collect_parts(function, count, operands, saved, &parts)) {
        const char *name = function + sizeof "tensor_" - 1;
        v = dense__node(OP_EXTENDED, bytes, shape->size, parts.wants_grad, false, kind, name);
        if (!v)
            error__memory(function, (size_t)shape->size * sizeof(real));
    }
    if (!v) {
        drop_parts(&parts);
        return NULL;
    }
    Operation *operation = operation_of(v);
    operation->count = parts.count;
    memcpy(operation->operand, parts.operand, sizeof parts.operand);
    operation->saved = parts.saved;
    return v;
}

Tensor *operation__end(Value *v, const Shape *shape)
{
    Operation *operation = operation_of(v);
    if (profile__on)
        profile__end(operation->dense.base.name, false, profile__bytes(v), (ProfileSpan){0, 0});
    const bool sound = !anomaly__on || operation__is_sound(v, shape);
    if (!(v->flags & WANTS_GRAD)) {
        for (int i = 0; i < operation->count; i++)
            drop_buffers(&operation->operand[i]);
    }
    if (!graph__recording()) {
        buffer__give(operation->saved);
        operation->saved = NULL;
        operation->count = 0;
        v->op = OP_CONST;
        v->flags |= LEAF;
    }
    if (!sound && !graph__home(v))
        value_release(v);
    return sound ? tensor__adopt(v, shape) : NULL;
}

void operation__destroy(Value *v, bool counted)
{
    Operation *operation = operation_of(v);
    for (int i = 0; i < operation->count; i++) {
        drop_buffers(&operation->operand[i]);
        if (counted)
            tensor_release(operation->operand[i].tensor);
    }
    buffer__give(operation->saved);
    dense__destroy(v);
}

static size_t values_in(const Tensor *t)
{
    return t->run ? 1 : (size_t)t->size;
}

size_t operation__operand_count(const Value *v)
{
    const Operation *operation = operation_of(v);
    size_t count = 0;
    for (int i = 0; i < operation->count; i++)
        count += values_in(operation->operand[i].tensor);
    return count;
}

Value *operation__operand(const Value *v, size_t i)
{
    const Operand *operand = operation_of(v)->operand;
    for (; i >= values_in(operand->tensor); operand++)
        i -= values_in(operand->tensor);
    return operand->tensor->run ? operand->tensor->run : operand->tensor->table[i];
}

/* ---- gradients --------------------------------------------------------------------------------- */

/* The buffer of a node of which only a part may receive something now. */
static real *receive_part(Value *node)
{
    bool fresh;
    real *grad = dense__receive(node, &fresh);
    if (fresh)
        memset(grad, 0, (size_t)dense_of(node)->n * sizeof *grad);
    return grad;
}

Gradient gradient__begin(const Operand *operand)
{
    const Tensor *t = operand->tensor;
    if (!tensor__is_contiguous(t))
        return (Gradient){operand->scattered, true};
    if (t->size < dense_of(t->run)->n)
        return (Gradient){receive_part(t->run) + t->offset, false};
    Gradient gradient;
    gradient.grad = dense__receive(t->run, &gradient.fresh);
    return gradient;
}

uint8_t *gradient__begin_rows(const Operand *operand, int64_t rows, Gradient *gradient)
{
    const Tensor *t = operand->tensor;
    const bool is_whole = tensor__is_contiguous(t) && t->size == dense_of(t->run)->n;
    uint8_t *marks = is_whole ? dense__receive_rows(t->run, rows, &gradient->fresh) : NULL;
    if (marks)
        gradient->grad = dense_of(t->run)->grad;
    else
        *gradient = gradient__begin(operand);
    return marks;
}

RowsGradient gradient__begin_adding(const Operand *operand, int64_t rows)
{
    Gradient to;
    uint8_t *marks = gradient__begin_rows(operand, rows, &to);
    if (to.fresh && marks)
        memset(marks, 0, (size_t)rows);
    else if (to.fresh)
        kernels__get()->fill(to.grad, 0, operand->tensor->size);
    return (RowsGradient){kernels__get(), to.grad, marks, rows ? operand->tensor->size / rows : 0};
}

void gradient__add_row(RowsGradient to, int64_t row, real factor, const real *g)
{
    const bool holds = !to.marks || to.marks[row];
    (holds ? to.kernels->add_scaled : to.kernels->scale)(to.grad + row * to.columns, factor, g, to.columns);
    if (to.marks)
        to.marks[row] = 1;
}

typedef struct Spread {
    const real *from;
    real *to;
} Spread;

static void add_row(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride)
{
    const Spread *spread = context;
    for (int64_t i = 0; i < n; i++)
        spread->to[slot + i * stride] += spread->from[flat + i];
}

void gradient__end(const Operand *operand, Gradient gradient)
{
    const Tensor *t = operand->tensor;
    if (tensor__is_contiguous(t))
        return;
    if (t->run) {
        Spread spread = {gradient.grad, receive_part(t->run)};
        tensor__each_row(t, add_row, &spread);
        return;
    }
    for (int64_t i = 0; i < t->size; i++) {
        if (t->table[i]->flags & WANTS_GRAD)
            give(t->table[i], gradient.grad[i]);
    }
}

void gradient__give_scaled(const Operand *operand, real factor, const real *from)
{
    if (!operand->wants_grad)
        return;
    const int64_t n = operand->tensor->size;
    const Gradient to = gradient__begin(operand);
    const Kernels *kernels = kernels__get();
    if (factor == 0 && !backward__strict()) {
        if (to.fresh)
            kernels->fill(to.grad, 0, n);
    } else if (to.fresh) {
        kernels->scale(to.grad, factor, from, n);
    } else {
        kernels->add_scaled(to.grad, factor, from, n);
    }
    gradient__end(operand, to);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

typedef struct SlotList {
    Expansion *expansion;
    Value *node;
    ProgramSlot *slots;
} SlotList;

static void list_row(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride)
{
    const SlotList *list = context;
    for (int64_t i = 0; i < n; i++)
        list->slots[flat + i] = expansion__slot(list->expansion, (Place){list->node, slot + i * stride});
}

const ProgramSlot *operation__slots(const Value *v, int k, Expansion *e)
{
    const Tensor *t = operation_of(v)->operand[k].tensor;
    SlotList list = {e, t->run, expansion__room(e, t->size)};
    if (list.slots && t->run)
        tensor__each_row(t, list_row, &list);
    for (int64_t i = 0; list.slots && !t->run && i < t->size; i++)
        list.slots[i] = expansion__slot(e, place_of(t->table[i]));
    return list.slots;
}

/* ---- axes -------------------------------------------------------------------------------------- */

bool tensor__axis_mask(const char *function, const Tensor *t, int count, const int *axes, unsigned *mask)
{
    *mask = 0;
    if (count < 0) {
        *mask = (1u << t->rank) - 1;
        return true;
    }
    if (count > 0 && !axes)
        return error__null(function, "axes"), false;
    for (int i = 0; i < count; i++) {
        const int axis = shape__axis(function, t, axes[i]);
        if (axis < 0)
            return false;
        if (*mask & 1u << axis) {
            error__set(VALGRAD_ERROR_AXIS, "%s: axis %d is given twice", function, axes[i]);
            return false;
        }
        *mask |= 1u << axis;
    }
    return true;
}

Tensor *tensor__axes_last(Tensor *t, unsigned mask, int64_t *rows, int64_t *columns)
{
    int order[TENSOR_MAX_RANK], kept = 0;
    *rows = *columns = 1;
    for (int axis = 0; axis < t->rank; axis++) {
        if (!(mask & 1u << axis)) {
            order[kept++] = axis;
            *rows *= t->shape[axis];
        }
    }
    bool moved = false;
    for (int axis = 0, last = kept; axis < t->rank; axis++) {
        if (mask & 1u << axis) {
            moved |= last != axis;
            order[last++] = axis;
            *columns *= t->shape[axis];
        }
    }
    return moved ? tensor_permute(t, t->rank, order) : t;
}
