/* elementwise.c - each scalar operation over whole tensors, from the same rows of ops.def. */
#include "autograd/formulas.h"
#include "tensor/tensor_internal.h"

/* ---- loops ------------------------------------------------------------------------------------- */

typedef struct Loop {
    int64_t n;
    const real *x, *y, *z; /* operands, as many as there are */
    real p;
    real *f;       /* results */
    const real *g; /* their gradients */
    Gradient to;   /* the operand's */
    bool strict;
} Loop;

/* False for what has no kernel and needs a loop. */
static bool forward_by_kernel(OpCode op, const Loop *loop)
{
    const Kernels *kernels = kernels__get();
    switch (op) {
    case OP_add:
        kernels->add(loop->f, loop->x, loop->y, loop->n);
        return true;
    case OP_sub:
        kernels->subtract(loop->f, loop->x, loop->y, loop->n);
        return true;
    case OP_mul:
        kernels->multiply(loop->f, loop->x, loop->y, loop->n);
        return true;
    case OP_div:
        kernels->divide(loop->f, loop->x, loop->y, loop->n);
        return true;
    case OP_relu:
        kernels->relu(loop->f, loop->x, loop->n);
        return true;
    case OP_sigmoid:
        kernels->sigmoid(loop->f, loop->x, loop->n);
        return true;
    case OP_tanh:
        (kernels->tanh)(loop->f, loop->x, loop->n); /* not the macro of tgmath.h */
        return true;
    default:
        return false;
    }
}

static bool chain_by_kernel(OpCode op, const Loop *loop)
{
    const Kernels *kernels = kernels__get();
    KernelSlope *kernel = op == OP_relu      ? kernels->relu_backward
                          : op == OP_sigmoid ? kernels->sigmoid_backward
                          : op == OP_tanh    ? kernels->tanh_backward
                                             : NULL;
    if (kernel)
        kernel(loop->to.grad, loop->f, loop->g, loop->n, !loop->to.fresh, loop->strict);
    return kernel != NULL;
}

#define FORWARD(name, Y, THIRD)                                                                    \
    static void forward_##name(const Loop *loop)                                                   \
    {                                                                                              \
        for (int64_t i = 0; i < loop->n; i++)                                                      \
            loop->f[i] = op_##name##_f(loop->x[i], Y, THIRD);                                      \
    }

/* Writes or adds each element's gradient times its local derivative. A gradient of exactly 0 gives 0
 * (see value_backward), and so does a derivative of 0 where the operation chooses. */
#define CHAIN(name, by, Y, THIRD)                                                                  \
    static void chain_##by##_##name(const Loop *loop)                                              \
    {                                                                                              \
        for (int64_t i = 0; i < loop->n; i++) {                                                    \
            const real g = loop->g[i];                                                             \
            const real local = op_##name##_d##by(loop->x[i], Y, THIRD, loop->f[i]);                \
            const bool nothing = g == 0 || (op_chooses(OP_##name) && local == 0);                  \
            const real d = nothing && !loop->strict ? 0 : g * local;                               \
            loop->to.grad[i] = loop->to.fresh ? d : loop->to.grad[i] + d;                          \
        }                                                                                          \
    }

#define OP1(name, ...)                                                                             \
    FORWARD(name, 0, 0)                                                                            \
    CHAIN(name, x, 0, 0)
#define OP1P(name, ...)                                                                            \
    FORWARD(name, 0, loop->p)                                                                      \
    CHAIN(name, x, 0, loop->p)
#define OP2(name, ...)                                                                             \
    FORWARD(name, loop->y[i], 0)                                                                   \
    CHAIN(name, x, loop->y[i], 0)                                                                  \
    CHAIN(name, y, loop->y[i], 0)
#define OP3(name, ...)                                                                             \
    FORWARD(name, loop->y[i], loop->z[i])                                                          \
    CHAIN(name, x, loop->y[i], loop->z[i])                                                         \
    CHAIN(name, y, loop->y[i], loop->z[i])                                                         \
    CHAIN(name, z, loop->y[i], loop->z[i])
#include "autograd/ops.def"

typedef void LoopBody(const Loop *loop);

/* Operand k's share of v's gradient. */
static void chain(const Value *v, int k, OpCode op, LoopBody *body)
{
    const Operation *operation = operation_of(v);
    const Operand *operand = operation->operand;
    const Dense *dense = &operation->dense;
    if (!operand[k].wants_grad)
        return;
    const Loop loop = {.n = dense->n,
                       .x = operand[0].numbers,
                       .y = operand[1].numbers,
                       .z = operand[2].numbers,
                       .p = operation->parameter,
                       .f = dense->data,
                       .g = dense->grad,
                       .to = gradient__begin(&operand[k]),
                       .strict = backward__strict()};
    if (!chain_by_kernel(op, &loop))
        body(&loop);
    gradient__end(&operand[k], loop.to);
}

#define BACKWARD(name, ...)                                                                        \
    static void backward_##name(Value *v)                                                          \
    {                                                                                              \
        LoopBody *const bodies[] = {__VA_ARGS__};                                                  \
        for (int k = 0; k < (int)(sizeof bodies / sizeof *bodies); k++)                            \
            chain(v, k, OP_##name, bodies[k]);                                                     \
    }
#define OP1(name, ...) BACKWARD(name, chain_x_##name)
#define OP1P(name, ...) BACKWARD(name, chain_x_##name)
#define OP2(name, ...) BACKWARD(name, chain_x_##name, chain_y_##name)
#define OP3(name, ...) BACKWARD(name, chain_x_##name, chain_y_##name, chain_z_##name)
#include "autograd/ops.def"

/* ---- meaning ----------------------------------------------------------------------------------- */

static void expand_elementwise(const Value *v, Expansion *e, OpCode op)
{
    const Operation *operation = operation_of(v);
    const ProgramSlot *x[OPERANDS] = {NULL};
    for (int k = 0; k < operation->count; k++) {
        if (!(x[k] = operation__slots(v, k, e)))
            return;
    }
    for (int64_t i = 0; i < operation->dense.n; i++) {
        const Instruction each = {.op = (uint16_t)op,
                                  .x = x[0][i],
                                  .y = x[1] ? x[1][i] : 0,
                                  .z = x[2] ? x[2][i] : 0,
                                  .p = operation->parameter};
        expansion__result(e, i, expansion__emit(e, each));
    }
}

#define EXPAND(name)                                                                               \
    static void expand_##name(const Value *v, Expansion *e)                                        \
    {                                                                                              \
        expand_elementwise(v, e, OP_##name);                                                       \
    }
#define OP1(name, ...) EXPAND(name)
#define OP1P(name, ...) EXPAND(name)
#define OP2(name, ...) EXPAND(name)
#define OP3(name, ...) EXPAND(name)
#include "autograd/ops.def"

/* ---- operations -------------------------------------------------------------------------------- */

/* What makes the row's node out of `count` operands of one shape. */
typedef struct Maker {
    const char *function;
    const NodeKind *kind;
    OpCode op;
    LoopBody *forward;
    int count;
} Maker;

static Tensor *make(const Maker *maker, Tensor *const *operands, real p)
{
    const Shape shape = shape__of(operands[0]);
    Value *v = operation__begin(maker->function, maker->kind, sizeof(Operation), &shape, maker->count,
                                operands, 0);
    if (!v)
        return NULL;
    Operation *operation = operation_of(v);
    operation->parameter = p;
    const Loop loop = {.n = shape.size,
                       .x = operation->operand[0].numbers,
                       .y = operation->operand[1].numbers,
                       .z = operation->operand[2].numbers,
                       .p = p,
                       .f = operation->dense.data};
    if (!forward_by_kernel(maker->op, &loop))
        maker->forward(&loop);
    return operation__end(v, &shape);
}

static Tensor *apply1(const Maker *maker, Tensor *x, real p)
{
    return x ? make(maker, &x, p) : (error__null(maker->function, "x"), NULL);
}

static bool common_shape(const Maker *maker, Tensor *const *operands, Shape *shape)
{
    for (int i = 0; i < maker->count; i++) {
        if (!operands[i])
            return error__null(maker->function, (const char *[]){"x", "y", "z"}[i]), false;
    }
    *shape = shape__of(operands[0]);
    for (int i = 1; i < maker->count; i++) {
        if (!shape__join(maker->function, shape, operands[i]))
            return false;
    }
    return true;
}

/* Operands broadcast to a common shape. */
static Tensor *apply(const Maker *maker, Tensor *const *operands)
{
    Tensor *fitted[OPERANDS] = {NULL};
    Shape shape;
    if (!common_shape(maker, operands, &shape))
        return NULL;
    bool all = true;
    for (int i = 0; i < maker->count && all; i++)
        all = (fitted[i] = tensor__fit(operands[i], &shape)) != NULL;
    Tensor *result = all ? make(maker, fitted, 0) : NULL;
    for (int i = 0; i < maker->count; i++)
        tensor__drop(fitted[i], operands[i]);
    return result;
}

#define MAKER(name, count)                                                                         \
    static const NodeKind kind = OPERATION_KIND(backward_##name, expand_##name);                   \
    static const Maker maker = {"tensor_" #name, &kind, OP_##name, forward_##name, count};
#define OP1(name, ...)                                                                             \
    Tensor *tensor_##name(Tensor *x)                                                               \
    {                                                                                              \
        MAKER(name, 1)                                                                             \
        return apply1(&maker, x, 0);                                                               \
    }
#define OP1P(name, ...)                                                                            \
    Tensor *tensor_##name(Tensor *x, real p)                                                       \
    {                                                                                              \
        MAKER(name, 1)                                                                             \
        return apply1(&maker, x, p);                                                               \
    }
#define OP2(name, ...)                                                                             \
    Tensor *tensor_##name(Tensor *x, Tensor *y)                                                    \
    {                                                                                              \
        MAKER(name, 2)                                                                             \
        return apply(&maker, (Tensor *const[]){x, y});                                             \
    }
#define OP3(name, ...)                                                                             \
    Tensor *tensor_##name(Tensor *x, Tensor *y, Tensor *z)                                         \
    {                                                                                              \
        MAKER(name, 3)                                                                             \
        return apply(&maker, (Tensor *const[]){x, y, z});                                          \
    }
#include "autograd/ops.def"
