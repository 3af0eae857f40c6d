/* anomaly.c - the anomaly trap of tensor operations: see autograd/anomaly.c. */
#include <math.h>

#include "autograd/anomaly.h"
#include "tensor/tensor_internal.h"

static void take_in_all(Anomaly *anomaly, const Tensor *t)
{
    for (int64_t i = 0; i < t->size; i++)
        anomaly__take_in(anomaly, tensor__number(t, i));
}

/* "(2, 3) from -1 to 4" */
static void add_range(Anomaly *anomaly, const Tensor *t)
{
    char shape[SHAPE_TEXT_BYTES];
    real least = (real)INFINITY, most = -(real)INFINITY;
    for (int64_t k = 0; k < t->size; k++) {
        least = tensor__number(t, k) < least ? tensor__number(t, k) : least;
        most = tensor__number(t, k) > most ? tensor__number(t, k) : most;
    }
    anomaly__add(anomaly, "%s from %.9g to %.9g", shape__text(t->rank, t->shape, shape),
                 (double)least, (double)most);
}

/* Operand i: "x0 = -1 (leaf 'w')" if one element counts, else "x0 (2, 3) from -1 to 4 (leaf 'w')". */
static void add_operand(Anomaly *anomaly, int i, const Tensor *t, int64_t element)
{
    anomaly__add(anomaly, i ? ", x%d " : " x%d ", i);
    if (element >= 0)
        anomaly__add(anomaly, "= %.9g", anomaly__plain(tensor__number(t, element)));
    else
        add_range(anomaly, t);
    if (t->run)
        anomaly__add_node(anomaly, t->run);
    else if (element >= 0)
        anomaly__add_node(anomaly, t->table[element]);
}

static void say_made(const Value *v, const Shape *shape, int64_t flat, bool each)
{
    const Operation *operation = operation_of(v);
    Anomaly anomaly = {.nan = false};
    anomaly__add(&anomaly, "tensor_%s: element ", operation->dense.base.name);
    int64_t index[TENSOR_MAX_RANK], rest = flat;
    for (int axis = shape->rank - 1; axis >= 0; rest /= shape->sides[axis--])
        index[axis] = rest % shape->sides[axis];
    for (int axis = 0; axis < shape->rank; axis++)
        anomaly__add(&anomaly, "%s%lld", axis ? ", " : "[", (long long)index[axis]);
    anomaly__add(&anomaly, "%s is %g, from", shape->rank ? "]" : "0",
                 anomaly__plain(operation->dense.data[flat]));
    for (int i = 0; i < operation->count; i++)
        add_operand(&anomaly, i, operation->operand[i].tensor, each ? flat : -1);
    error__set(VALGRAD_ERROR_NUMBER, "%s", anomaly.text);
}

bool operation__is_sound(const Value *v, const Shape *shape)
{
    const Operation *operation = operation_of(v);
    const bool each = value_op_find(operation->dense.base.name) != NULL;
    Anomaly all = {.nan = false};
    for (int i = 0; i < operation->count && !each; i++)
        take_in_all(&all, operation->operand[i].tensor);
    for (int64_t k = 0; k < shape->size; k++) {
        Anomaly own = all;
        for (int i = 0; i < operation->count && each; i++)
            anomaly__take_in(&own, tensor__number(operation->operand[i].tensor, k));
        if (anomaly__is_made(&own, operation->dense.data[k]))
            return say_made(v, shape, k, each), false;
    }
    return true;
}
