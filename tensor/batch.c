/* batch.c - products of many matrices at once: the last two axes are matrices, those before are broadcast. */
#include "tensor/matrix.h"

/* Matrix i of the result is the product of matrix a_at(i) of a and b_at(i) of b, all row-major. */
typedef struct Batches {
    Operation operation; /* operands a, b */
    int axes;            /* before the matrices */
    int64_t sides[TENSOR_MAX_RANK], count;
    int64_t a_steps[TENSOR_MAX_RANK], b_steps[TENSOR_MAX_RANK]; /* in matrices; 0: broadcast */
    int64_t m, k, n;
    real *scratch;
} Batches;

static Batches *batches_of(const Value *v)
{
    return (Batches *)v->more;
}

/* Where in an operand the matrix lies that enters result matrix i, and whether it enters an earlier one. */
typedef struct Spot {
    int64_t matrix;
    bool again;
} Spot;

static Spot spot_of(const Batches *batches, const int64_t *steps, int64_t i)
{
    Spot spot = {0, false};
    for (int axis = batches->axes - 1; axis >= 0; axis--) {
        const int64_t index = i % batches->sides[axis];
        i /= batches->sides[axis];
        spot.matrix += index * steps[axis];
        spot.again |= steps[axis] == 0 && index > 0;
    }
    return spot;
}

static Matrix matrix_of_a(const Batches *batches, int64_t matrix)
{
    return matrix__plain(batches->m, batches->k,
                         batches->operation.operand[0].numbers + matrix * batches->m * batches->k);
}

static Matrix matrix_of_b(const Batches *batches, int64_t matrix)
{
    return matrix__plain(batches->k, batches->n,
                         batches->operation.operand[1].numbers + matrix * batches->k * batches->n);
}

/* ---- backward ---------------------------------------------------------------------------------- */

static Gradient begin(const Batches *batches, const Operand *operand)
{
    const Gradient to = gradient__begin(operand);
    if (to.fresh && batches->count == 0)
        kernels__get()->fill(to.grad, 0, operand->tensor->size);
    return to;
}

/* Of c = a b: dc b' to operand 0, a; a' dc to operand 1, b. */
static void give_operand(const Batches *batches, int which, bool exactly)
{
    const Operand *operand = &batches->operation.operand[which];
    const bool to_a = which == 0;
    const int64_t size = batches->k * (to_a ? batches->m : batches->n);
    const Gradient to = begin(batches, operand);
    for (int64_t i = 0; i < batches->count; i++) {
        const Spot a = spot_of(batches, batches->a_steps, i), b = spot_of(batches, batches->b_steps, i);
        const Spot spot = to_a ? a : b;
        const Matrix g = matrix__plain(batches->m, batches->n,
                                       batches->operation.dense.grad + i * batches->m * batches->n);
        const Matrix turned = matrix__transposed(to_a ? matrix_of_b(batches, b.matrix)
                                                      : matrix_of_a(batches, a.matrix));
        const Matrix left = to_a ? g : turned, right = to_a ? turned : g;
        real *grad = to.grad + spot.matrix * size;
        if (exactly)
            matrix__multiply_exactly(left, right, to_a, grad, !to.fresh || spot.again);
        else
            matrix__multiply(left, right, NULL, grad, !to.fresh || spot.again, batches->scratch);
    }
    gradient__end(operand, to);
}

static void backward_batches(Value *v)
{
    const Batches *batches = batches_of(v);
    const Operation *operation = &batches->operation;
    const bool exactly = matrix__has_infinities(operation->dense.data, operation->dense.n);
    for (int which = 0; which < 2; which++)
        if (operation->operand[which].wants_grad)
            give_operand(batches, which, exactly);
}

static void destroy_batches(Value *v, bool counted)
{
    buffer__give(batches_of(v)->scratch);
    operation__destroy(v, counted);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

static void expand_matrix(const Batches *batches, Expansion *e, int64_t i, const ProgramSlot *a,
                          const ProgramSlot *b, ProgramSlot *pairs)
{
    for (int64_t at = 0; at < batches->m * batches->n; at++) {
        for (int64_t p = 0; p < batches->k; p++) {
            pairs[2 * p] = a[at / batches->n * batches->k + p];
            pairs[2 * p + 1] = b[p * batches->n + at % batches->n];
        }
        expansion__result(e, i * batches->m * batches->n + at,
                          expansion__nary(e, PROGRAM_DOT, 2 * batches->k, pairs));
    }
}

static void expand_batches(const Value *v, Expansion *e)
{
    const Batches *batches = batches_of(v);
    const ProgramSlot *a = operation__slots(v, 0, e), *b = operation__slots(v, 1, e);
    ProgramSlot *pairs = expansion__room(e, 2 * batches->k);
    for (int64_t i = 0; pairs && i < batches->count; i++) {
        const int64_t a_at = spot_of(batches, batches->a_steps, i).matrix * batches->m * batches->k;
        const int64_t b_at = spot_of(batches, batches->b_steps, i).matrix * batches->k * batches->n;
        expand_matrix(batches, e, i, a + a_at, b + b_at, pairs);
    }
}

static const NodeKind batches_kind = {backward_batches, operation__operand_count,
                                      operation__operand, destroy_batches, expand_batches};

/* ---- forward ----------------------------------------------------------------------------------- */

/* The sides before the matrix of t, and how far apart its matrices lie along those of the result. */
static void set_steps(const Tensor *t, const Batches *batches, int64_t *steps)
{
    int64_t step = 1;
    for (int axis = batches->axes - 1, own = t->rank - 3; axis >= 0; axis--, own--) {
        steps[axis] = own >= 0 && t->shape[own] > 1 ? step : 0;
        step *= own >= 0 ? t->shape[own] : 1;
    }
}

static bool set_sides(const char *function, const Tensor *a, const Tensor *b, Batches *batches)
{
    const int a_axes = a->rank > 2 ? a->rank - 2 : 0, b_axes = b->rank > 2 ? b->rank - 2 : 0;
    batches->axes = a_axes > b_axes ? a_axes : b_axes;
    batches->count = 1;
    for (int axis = 0; axis < batches->axes; axis++) {
        const int own_a = axis - (batches->axes - a_axes), own_b = axis - (batches->axes - b_axes);
        const int64_t p = own_a < 0 ? 1 : a->shape[own_a], q = own_b < 0 ? 1 : b->shape[own_b];
        if (p != q && p != 1 && q != 1) {
            char s[SHAPE_TEXT_BYTES], t[SHAPE_TEXT_BYTES];
            error__set(VALGRAD_ERROR_SHAPE, "%s: %s x %s: sides %lld and %lld cannot be broadcast",
                       function, shape__text(a->rank, a->shape, s),
                       shape__text(b->rank, b->shape, t), (long long)p, (long long)q);
            return false;
        }
        batches->sides[axis] = p == 1 ? q : p;
        batches->count *= batches->sides[axis];
    }
    set_steps(a, batches, batches->a_steps);
    set_steps(b, batches, batches->b_steps);
    return true;
}

/* One matrix b for all: the matrices of a are rows of one. */
static void join_rows(Batches *batches)
{
    for (int axis = 0; axis < batches->axes; axis++) {
        if (batches->sides[axis] != 1 &&
            (batches->b_steps[axis] != 0 || batches->a_steps[axis] == 0))
            return;
    }
    batches->m *= batches->count;
    batches->count = 1;
    batches->axes = 0;
}

static Shape result_shape(const Tensor *a, const Tensor *b, const Batches *batches)
{
    Shape shape = {.rank = batches->axes};
    for (int axis = 0; axis < batches->axes; axis++)
        shape.sides[axis] = batches->sides[axis];
    if (a->rank > 1)
        shape.sides[shape.rank++] = batches->m;
    if (b->rank > 1)
        shape.sides[shape.rank++] = batches->n;
    return shape;
}

/* A node with the sizes of `plan` and its scratch. */
static Value *make_node(const char *function, const Batches *plan, const Shape *shape, Tensor *a,
                        Tensor *b)
{
    const size_t bytes = (size_t)matrix__scratch(plan->m, plan->n, plan->k) * sizeof(real);
    real *scratch = buffer__take(bytes);
    if (!scratch)
        return error__memory(function, bytes), NULL;
    Value *v =
        operation__begin(function, &batches_kind, sizeof(Batches), shape, 2, (Tensor *[]){a, b}, 0);
    if (!v)
        return buffer__give(scratch), NULL;
    Batches *batches = batches_of(v);
    const Operation operation = batches->operation;
    *batches = *plan;
    batches->operation = operation;
    batches->scratch = scratch;
    return v;
}

Tensor *matrix__multiply_batches(const char *function, Tensor *a, Tensor *b)
{
    Batches plan = {.m = a->rank > 1 ? a->shape[a->rank - 2] : 1,
                    .k = a->shape[a->rank - 1],
                    .n = b->rank > 1 ? b->shape[b->rank - 1] : 1};
    if (!set_sides(function, a, b, &plan))
        return NULL;
    Shape shape = result_shape(a, b, &plan);
    if (!shape__check(function, shape.rank, shape.sides, &shape))
        return NULL;
    join_rows(&plan);
    Value *v = make_node(function, &plan, &shape, a, b);
    if (!v)
        return NULL;
    const Batches *batches = batches_of(v);
    for (int64_t i = 0; i < batches->count; i++)
        matrix__multiply(matrix_of_a(batches, spot_of(batches, batches->a_steps, i).matrix),
                         matrix_of_b(batches, spot_of(batches, batches->b_steps, i).matrix), NULL,
                         dense_of(v)->data + i * batches->m * batches->n, false, batches->scratch);
    return operation__end(v, &shape);
}
