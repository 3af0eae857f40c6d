/* elementwise.c - each scalar operation over whole tensors, from the same rows of ops.def. */
#include "autograd/formulas.h"
#include "tensor/tensor_internal.h"

/* ---- loops ------------------------------------------------------------------------------------- */

typedef struct Loop {
    int64_t n;
    const real *x, *y; /* operands; y may be NULL */
    real p;
    real *f;       /* results */
    const real *g; /* their gradients */
    Gradient to;   /* the operand's */
    bool strict;
} Loop;

/* What has a kernel needs no loop. `op` is a constant wherever these are inlined. */
static inline bool has_forward_kernel(OpCode op, const Loop *loop)
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
    default:
        return false;
    }
}

static inline bool has_chain_kernel(OpCode op, const Loop *loop)
{
    if (op != OP_relu)
        return false;
    kernels__get()->relu_backward(loop->to.grad, loop->x, loop->g, loop->n, !loop->to.fresh,
                                  loop->strict);
    return true;
}

/* Writes or adds each element's gradient times its local derivative. A gradient of exactly 0 gives 0
 * (see value_backward). */
#define CHAIN(DERIVATIVE)                                                                          \
    for (int64_t i = 0; i < loop->n; i++) {                                                        \
        const real g = loop->g[i];                                                                 \
        const real d = g == 0 && !loop->strict ? 0 : g * (DERIVATIVE);                             \
        loop->to.grad[i] = loop->to.fresh ? d : loop->to.grad[i] + d;                              \
    }

#define LOOPS(name, Y)                                                                             \
    static void forward_##name(const Loop *loop)                                                   \
    {                                                                                              \
        if (has_forward_kernel(OP_##name, loop))                                                   \
            return;                                                                                \
        for (int64_t i = 0; i < loop->n; i++)                                                      \
            loop->f[i] = op_##name##_f(loop->x[i], Y, loop->p);                                    \
    }                                                                                              \
    static void chain_x_##name(const Loop *loop)                                                   \
    {                                                                                              \
        if (has_chain_kernel(OP_##name, loop))                                                     \
            return;                                                                                \
        CHAIN(op_##name##_dx(loop->x[i], Y, loop->p, loop->f[i]))                                  \
    }
#define OP1(name, ...) LOOPS(name, 0)
#define OP1P(name, ...) LOOPS(name, 0)
#define OP2(name, ...)                                                                             \
    LOOPS(name, loop->y[i])                                                                        \
    static void chain_y_##name(const Loop *loop)                                                   \
    {                                                                                              \
        CHAIN(op_##name##_dy(loop->x[i], loop->y[i], loop->p, loop->f[i]))                         \
    }
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2

typedef void LoopBody(const Loop *loop);

static void chain(const Value *v, const Operand *operand, LoopBody *body, real p)
{
    if (!operand->wants_grad)
        return;
    const Operation *operation = operation_of(v);
    const Dense *dense = &operation->dense;
    Loop loop = {dense->n,
                 operation->operand[0].numbers,
                 operation->operand[1].numbers,
                 p,
                 dense->data,
                 dense->grad,
                 gradient__begin(operand),
                 backward__strict()};
    body(&loop);
    gradient__end(operand, loop.to);
}

#define BACKWARD_X(name)                                                                           \
    chain(v, &operation_of(v)->operand[0], chain_x_##name, operation_of(v)->parameter)
#define OP1(name, ...)                                                                             \
    static void backward_##name(Value *v)                                                          \
    {                                                                                              \
        BACKWARD_X(name);                                                                          \
    }
#define OP1P(name, ...)                                                                            \
    static void backward_##name(Value *v)                                                          \
    {                                                                                              \
        BACKWARD_X(name);                                                                          \
    }
#define OP2(name, ...)                                                                             \
    static void backward_##name(Value *v)                                                          \
    {                                                                                              \
        BACKWARD_X(name);                                                                          \
        chain(v, &operation_of(v)->operand[1], chain_y_##name, 0);                                 \
    }
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2

/* ---- meaning ----------------------------------------------------------------------------------- */

static void expand_elementwise(const Value *v, Expansion *e, OpCode op)
{
    const Operation *operation = operation_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    const ProgramSlot *y = operation->count > 1 ? operation__slots(v, 1, e) : x;
    for (int64_t i = 0; x && y && i < operation->dense.n; i++) {
        const Instruction each = {
            .op = (uint16_t)op, .x = x[i], .y = operation->count > 1 ? y[i] : 0, .p = operation->parameter};
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
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2

/* ---- operations -------------------------------------------------------------------------------- */

static Tensor *apply(const char *function, const NodeKind *kind, LoopBody *forward, Tensor *x,
                     Tensor *y, real p)
{
    Tensor *const operands[] = {x, y};
    const Shape shape = shape__of(x);
    Value *v = operation__begin(function, kind, sizeof(Operation), &shape, y ? 2 : 1, operands, 0);
    if (!v)
        return NULL;
    Operation *operation = operation_of(v);
    operation->parameter = p;
    const Loop loop = {.n = shape.size,
                       .x = operation->operand[0].numbers,
                       .y = operation->operand[1].numbers,
                       .p = p,
                       .f = operation->dense.data};
    forward(&loop);
    return operation__end(v, &shape);
}

static Tensor *apply1(const char *function, const NodeKind *kind, LoopBody *forward, Tensor *x,
                      real p)
{
    return x ? apply(function, kind, forward, x, NULL, p) : (error__null(function, "x"), NULL);
}

static Tensor *apply2(const char *function, const NodeKind *kind, LoopBody *forward, Tensor *x,
                      Tensor *y)
{
    Shape shape;
    if (!x || !y)
        return error__null(function, x ? "y" : "x"), NULL;
    if (!shape__broadcast(function, x, y, &shape))
        return NULL;
    Tensor *wide_x = tensor__fit(x, &shape), *wide_y = tensor__fit(y, &shape);
    Tensor *result = wide_x && wide_y ? apply(function, kind, forward, wide_x, wide_y, 0) : NULL;
    tensor__drop(wide_x, x);
    tensor__drop(wide_y, y);
    return result;
}

#define OP1(name, ...)                                                                             \
    Tensor *tensor_##name(Tensor *x)                                                               \
    {                                                                                              \
        static const NodeKind kind = OPERATION_KIND(backward_##name, expand_##name);                \
        return apply1("tensor_" #name, &kind, forward_##name, x, 0);                               \
    }
#define OP1P(name, ...)                                                                            \
    Tensor *tensor_##name(Tensor *x, real p)                                                       \
    {                                                                                              \
        static const NodeKind kind = OPERATION_KIND(backward_##name, expand_##name);                \
        return apply1("tensor_" #name, &kind, forward_##name, x, p);                               \
    }
#define OP2(name, ...)                                                                             \
    Tensor *tensor_##name(Tensor *x, Tensor *y)                                                    \
    {                                                                                              \
        static const NodeKind kind = OPERATION_KIND(backward_##name, expand_##name);                \
        return apply2("tensor_" #name, &kind, forward_##name, x, y);                               \
    }
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2
