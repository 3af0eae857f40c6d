/* value.h - a number that remembers how it was made: the scalar grain of the graph.
 *
 *     VALGRAD_SCOPE {
 *         Value *x = value_leaf(2), *y = value_leaf(3);
 *         Value *z = value_add(value_mul(x, y), value_tanh(x));
 *         value_backward(z);
 *         printf("z = %g, dz/dx = %g, dz/dy = %g\n", value_data(z), value_grad(x), value_grad(y));
 *     }
 *
 * A Value is a node of an acyclic graph: a number, its gradient, the operation that made it, its
 * operands in order, and the closure that passes its gradient on to them (reverse-mode automatic
 * differentiation; A. Griewank, A. Walther, "Evaluating Derivatives", 2008, chapter 3).
 *
 * Ownership. A Value lives while a handle or something made from it holds it. A fresh result is *new*:
 * inside a scope it belongs to the scope, which drops whatever was made in it and not retained; outside
 * every scope the caller owns it and calls value_release(). A *borrowed* Value must be retained to be
 * kept. An operand may always be released right after use: what was made from it holds it.
 *
 * Threads. A graph belongs to one thread at a time; different graphs run on different threads freely.
 *
 * Errors. Makers return NULL, see error.h. A NULL operand gives NULL and keeps the first error.
 *
 * Speed. Programs that build many small graphs may include valgrad/inline.h besides. */
#ifndef VALGRAD_VALUE_H
#define VALGRAD_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <valgrad/error.h>

VALGRAD_BEGIN

typedef struct Value Value;

/* ---- create ------------------------------------------------------------------------------------ */

/* New: an input that wants a gradient. Inside a scope it belongs to the scope. */
VALGRAD_API Value *value_leaf(real data);

/* New: a number that wants no gradient. Inside a scope it belongs to the scope. */
VALGRAD_API Value *value_const(real data);

/* New: a leaf that no scope owns, for what outlives the graphs built on it. The caller releases it. */
VALGRAD_API Value *value_param(real data);

/* New: a constant with v's present number, cut off from v's graph. */
VALGRAD_API Value *value_detach(const Value *v);

/* ---- read and write ---------------------------------------------------------------------------- */

/* The number; NaN for NULL. */
VALGRAD_API real value_data(const Value *v);

/* d root / d v. For a leaf: the sum over all backward passes since it was last zeroed. For a result: of
 * the last backward pass that reached it. 0 before any; NaN for NULL. */
VALGRAD_API real value_grad(const Value *v);

/* Gives a leaf or constant another number. Graphs built on the old one can no longer be
 * differentiated: value_backward() then fails with VALGRAD_ERROR_MODIFIED.
 * Errors: NULL; v is the result of an operation. */
VALGRAD_API ValgradStatus value_set_data(Value *v, real data);

/* Sets v's gradient to 0 (for an element of a tensor: this element's). NULL does nothing. */
VALGRAD_API void value_zero_grad(Value *v);

/* Whether backward computes a gradient for v. */
VALGRAD_API bool value_wants_grad(const Value *v);

/* Freezes (false) or thaws (true) a leaf for the graphs built from now on; whether it still gets a gradient
 * through a graph built before is not promised.
 * Errors: NULL; v is a result; v is an element of a tensor (freeze the tensor). */
VALGRAD_API ValgradStatus value_set_wants_grad(Value *v, bool wants);

/* A name for messages and drawings; copied. NULL removes it. Returns a status. */
VALGRAD_API ValgradStatus value_set_label(Value *v, const char *label);

/* The name, or "" when it has none. Borrowed until the label is changed or v is gone. */
VALGRAD_API const char *value_label(const Value *v);

/* ---- scalar operations: one row of autograd/ops.def each --------------------------------------- */
/* Each returns a new Value; formula, derivative and the value at every kink stand in its row.      */

/* Arithmetic. */
VALGRAD_API Value *value_add(Value *x, Value *y);           /* x + y */
VALGRAD_API Value *value_sub(Value *x, Value *y);           /* x - y */
VALGRAD_API Value *value_mul(Value *x, Value *y);           /* x y */
VALGRAD_API Value *value_div(Value *x, Value *y);           /* x / y */
VALGRAD_API Value *value_fma(Value *x, Value *y, Value *z); /* x y + z, rounded once */
VALGRAD_API Value *value_neg(Value *x);                     /* -x */
VALGRAD_API Value *value_reciprocal(Value *x);              /* 1 / x */
VALGRAD_API Value *value_square(Value *x);                  /* x^2 */

/* Powers and logarithms. Logarithms are NaN below 0; so are roots but the cubic one. */
VALGRAD_API Value *value_pow(Value *x, Value *y);           /* x^y, differentiable in both */
VALGRAD_API Value *value_sqrt(Value *x);                    /* x^(1/2); derivative infinite at 0 */
VALGRAD_API Value *value_rsqrt(Value *x);                   /* x^(-1/2) */
VALGRAD_API Value *value_cbrt(Value *x);                    /* x^(1/3), of negative numbers too */
VALGRAD_API Value *value_exp(Value *x);                     /* e^x */
VALGRAD_API Value *value_exp2(Value *x);                    /* 2^x */
VALGRAD_API Value *value_expm1(Value *x);                   /* e^x - 1, accurate near 0 */
VALGRAD_API Value *value_log(Value *x);                     /* natural logarithm */
VALGRAD_API Value *value_log2(Value *x);                    /* to base 2 */
VALGRAD_API Value *value_log10(Value *x);                   /* to base 10 */
VALGRAD_API Value *value_log1p(Value *x);                   /* log(1 + x), accurate near 0 */
VALGRAD_API Value *value_xlogy(Value *x, Value *y);         /* x log y; 0 for x = 0, with derivatives 0 at (0, 0) */
VALGRAD_API Value *value_logaddexp(Value *x, Value *y);     /* log(e^x + e^y), without overflow */

/* Circle and hyperbola; angles in radians. */
VALGRAD_API Value *value_sin(Value *x);                     /* sine */
VALGRAD_API Value *value_cos(Value *x);                     /* cosine */
VALGRAD_API Value *value_tan(Value *x);                     /* tangent */
VALGRAD_API Value *value_asin(Value *x);                    /* inverse sine */
VALGRAD_API Value *value_acos(Value *x);                    /* inverse cosine */
VALGRAD_API Value *value_atan(Value *x);                    /* inverse tangent */
VALGRAD_API Value *value_atan2(Value *x, Value *y);         /* the angle of the point (y, x), as in C: -pi … pi */
VALGRAD_API Value *value_hypot(Value *x, Value *y);         /* sqrt(x^2 + y^2), no overflow; derivatives 0 at (0, 0) */
VALGRAD_API Value *value_sinc(Value *x);                    /* sin(pi x) / (pi x) */
VALGRAD_API Value *value_sinh(Value *x);                    /* hyperbolic sine */
VALGRAD_API Value *value_cosh(Value *x);                    /* hyperbolic cosine */
VALGRAD_API Value *value_tanh(Value *x);                    /* hyperbolic tangent */
VALGRAD_API Value *value_asinh(Value *x);                   /* inverse of sinh */
VALGRAD_API Value *value_acosh(Value *x);                   /* inverse of cosh; NaN below 1 */
VALGRAD_API Value *value_atanh(Value *x);                   /* inverse of tanh; NaN beyond 1 */

/* Error and gamma functions. */
VALGRAD_API Value *value_erf(Value *x);                     /* error function */
VALGRAD_API Value *value_erfc(Value *x);                    /* 1 - erf(x), accurate where that is small */
VALGRAD_API Value *value_erfinv(Value *x);                  /* inverse of erf; NaN beyond 1 */
VALGRAD_API Value *value_lgamma(Value *x);                  /* log |Gamma(x)|; derivative digamma */

/* Choices: the gradient goes where the number comes from, in equal shares if it is a tie. */
VALGRAD_API Value *value_abs(Value *x);                     /* |x|; derivative 0 at 0 */
VALGRAD_API Value *value_min(Value *x, Value *y);           /* the smaller; NaN if either is */
VALGRAD_API Value *value_max(Value *x, Value *y);           /* the larger; NaN if either is */
VALGRAD_API Value *value_fmin(Value *x, Value *y);          /* the smaller; a NaN counts as missing */
VALGRAD_API Value *value_fmax(Value *x, Value *y);          /* the larger; a NaN counts as missing */

/* x, but at least low and at most high, which wins if they are at odds. At a bound the derivative by x is
 * 1; outside, the bound gets the gradient. */
VALGRAD_API Value *value_clamp(Value *x, Value *low, Value *high);

/* yes where the condition is not 0, else no (NaN for NaN). Only the chosen one gets the gradient, and
 * whatever the other is, NaN, infinity or a derivative of such, does no harm (unless strict IEEE is asked
 * for, see below). The condition gets 0. */
VALGRAD_API Value *value_where(Value *condition, Value *yes, Value *no);

/* Steps: the derivative is 0, at the jumps too, and passes nothing on. */
VALGRAD_API Value *value_sign(Value *x);                    /* -1, 0 or 1 */
VALGRAD_API Value *value_floor(Value *x);                   /* the next integer below */
VALGRAD_API Value *value_ceil(Value *x);                    /* the next integer above */
VALGRAD_API Value *value_round(Value *x);                   /* the nearest integer; halves away from 0, as in C */
VALGRAD_API Value *value_trunc(Value *x);                   /* the next integer towards 0 */

/* What steps leave: derivative 1 by x. */
VALGRAD_API Value *value_frac(Value *x);                    /* x - trunc(x) */
VALGRAD_API Value *value_fmod(Value *x, Value *y);          /* x - y trunc(x / y), of the sign of x, as in C */
VALGRAD_API Value *value_remainder(Value *x, Value *y);     /* x - y floor(x / y), of the sign of y, as in Python */

/* Activations. */
VALGRAD_API Value *value_sigmoid(Value *x);                 /* 1 / (1 + e^-x), without overflow */
VALGRAD_API Value *value_logsigmoid(Value *x);              /* log sigmoid(x), without overflow */
VALGRAD_API Value *value_softplus(Value *x);                /* log(1 + e^x), without overflow */
VALGRAD_API Value *value_relu(Value *x);                    /* max(x, 0); derivative 0 at 0 */
VALGRAD_API Value *value_leaky_relu(Value *x, real slope);  /* x > 0 ? x : slope x */
VALGRAD_API Value *value_relu6(Value *x);                   /* min(max(x, 0), 6); derivative 0 at both */
VALGRAD_API Value *value_elu(Value *x, real alpha);         /* x > 0 ? x : alpha (e^x - 1) */
VALGRAD_API Value *value_selu(Value *x);                    /* 1.0507 elu(x, 1.67326) */
VALGRAD_API Value *value_gelu(Value *x);                    /* x Phi(x), Phi the normal distribution's */
VALGRAD_API Value *value_gelu_tanh(Value *x);               /* the same by a formula with tanh */
VALGRAD_API Value *value_silu(Value *x);                    /* x sigmoid(x) */
VALGRAD_API Value *value_softsign(Value *x);                /* x / (1 + |x|) */
VALGRAD_API Value *value_hardtanh(Value *x);                /* min(max(x, -1), 1); derivative 0 at both */
VALGRAD_API Value *value_hardsigmoid(Value *x);             /* min(max(x / 6 + 1 / 2, 0), 1), likewise */

/* New: sum of x[0 … n-1]; 0 for n = 0. One node, however many operands. */
VALGRAD_API Value *value_sum(size_t n, Value *const *x);

/* New: the largest and the smallest of x[0 … n-1], NaN if one is; equal ones share the gradient. One node, as
 * all that follow. Errors: n is 0. */
VALGRAD_API Value *value_reduce_max(size_t n, Value *const *x);
VALGRAD_API Value *value_reduce_min(size_t n, Value *const *x);

/* New: product of x[0 … n-1]; 1 for n = 0. Its derivatives are right where some of them are 0. */
VALGRAD_API Value *value_prod(size_t n, Value *const *x);

/* New: mean of x[0 … n-1]. Errors: n is 0. */
VALGRAD_API Value *value_mean(size_t n, Value *const *x);

/* New: log(e^x[0] + … + e^x[n-1]) without overflow; its derivatives are the softmax. Where all are -infinity
 * they are 0, where some are infinity those share the gradient. Errors: n is 0. */
VALGRAD_API Value *value_logsumexp(size_t n, Value *const *x);

/* New: sqrt(x[0]^2 + … + x[n-1]^2) without overflow; derivatives 0 at 0, where there are no second ones (NaN).
 * 0 for n = 0. */
VALGRAD_API Value *value_norm2(size_t n, Value *const *x);

/* New: sum of x[i] y[i], one node. */
VALGRAD_API Value *value_dot(size_t n, Value *const *x, Value *const *y);

/* New: w[0] x[0] + … + w[n-1] x[n-1] + b: a whole neuron before its activation, in one node. */
VALGRAD_API Value *value_affine(size_t n, Value *const *w, Value *const *x, Value *b);

/* ---- operations of your own -------------------------------------------------------------------- */

/* A differentiable function of n numbers. The struct must outlive the nodes made with it. */
typedef struct ValueOp {
    const char *name;
    /* The result for operands x[0 … n-1]. */
    real (*forward)(size_t n, const real *x, void *context);
    /* Writes partials[i] = d result / d x[i]; the library multiplies by the incoming gradient and adds
     * to the operands (a partial of exactly 0 gives 0, even of an infinite gradient). `result` is what
     * forward returned. */
    void (*backward)(size_t n, const real *x, real result, real *partials, void *context);
    /* Called once when the node goes (or could not be made); may be NULL. */
    void (*destroy)(void *context);
} ValueOp;

/* New: op applied to operands[0 … n-1]. Steals context, also when it fails. Operands may repeat.
 * Errors: a NULL among the arguments (context may be NULL); out of memory. */
VALGRAD_API Value *value_custom(const ValueOp *op, size_t n, Value *const *operands, void *context);

/* ---- differentiate ----------------------------------------------------------------------------- */

/* Adds d root / d leaf to every leaf that root depends on, and leaves d root / d v in every result v on
 * the way (those start from 0 at each pass). The graph stays; a second call adds the same again.
 * Visits nodes in reverse order of creation, without recursion: for the first pass in a scope all that were
 * made in it before root, for any other those that lead to a leaf wanting a gradient. A node whose gradient is
 * exactly 0 passes 0 on, even past an infinite derivative; and what an operation did not choose (the others of a
 * maximum, what relu holds back) gets 0, even of an infinite gradient (see valgrad_set_strict_ieee).
 * Errors: NULL; root wants no gradient; a leaf was changed since the graph used it (MODIFIED, names it);
 * out of memory. On error no gradient has been touched. */
VALGRAD_API ValgradStatus value_backward(Value *root);

/* The same from a given d result / d root instead of 1. */
VALGRAD_API ValgradStatus value_backward_from(Value *root, real seed);

/* value_zero_grad for a list. */
VALGRAD_API void values_zero_grad(size_t n, Value *const *values);

/* Whether 0 times infinity in the chain rule is NaN after all, as IEEE 754 arithmetic has it. Off by default.
 * For this thread; returns the former setting. */
VALGRAD_API bool valgrad_set_strict_ieee(bool strict);

/* Whether the first NaN or infinity is an error (VALGRAD_ERROR_NUMBER) instead of a number that spreads: a
 * maker whose result is NaN although no operand is, or infinite although all operands are finite, returns NULL;
 * backward fails at the node whose derivative makes such a gradient (what leaves have got by then stays in
 * them: zero it). The message tells operation, operands with numbers and labels, and, in programs that include
 * <valgrad/debug.h>, file and line. For looking for a fault: it slows everything down. Off by default, and
 * then it costs nothing. For this thread; returns the former setting. */
VALGRAD_API bool valgrad_set_anomaly_trap(bool wanted);

/* What <valgrad/debug.h> puts around every maker. Notes, while the trap is on, where v was made; for NULL adds
 * " (file:line)" to the error that stands. Returns v. `file` is kept, not copied. */
VALGRAD_API Value *value_made_at(Value *v, const char *file, int line);

/* Whether operations record what backward needs (default true). While off, results are constants and
 * hold no operands. For this thread; returns the former setting. See VALGRAD_NO_GRAD. */
VALGRAD_API bool valgrad_set_recording(bool record);

/* ---- lifetime ---------------------------------------------------------------------------------- */

/* Adds a handle to v and returns it: carries it out of a scope, or keeps a borrowed one. */
VALGRAD_API Value *value_retain(Value *v);

/* Gives a handle back. NULL does nothing. Freeing never recurses, however deep the graph. */
VALGRAD_API void value_release(Value *v);

/* A scope owns what is made in it. Scopes nest and are closed in reverse order by the thread that
 * opened them. */
typedef struct ValgradScope {
    void *region, *enclosing;
} ValgradScope;

VALGRAD_API ValgradScope scope_open(void);
VALGRAD_API void scope_close(ValgradScope *scope);

#define VALGRAD_JOIN_(a, b) a##b
#define VALGRAD_JOIN(a, b) VALGRAD_JOIN_(a, b)

/* VALGRAD_SCOPE { … } opens a scope for the block and closes it however the block is left: at its end,
 * by return, goto, break or continue. (The block is a loop that runs once: break and continue leave the
 * block, not a loop around it.) */
#define VALGRAD_SCOPE                                                                              \
    for (ValgradScope VALGRAD_JOIN(scope_at_, __LINE__) __attribute__((cleanup(scope_close))) =    \
             scope_open(),                                                                         \
                      *VALGRAD_JOIN(scope_once_, __LINE__) = &VALGRAD_JOIN(scope_at_, __LINE__);   \
         VALGRAD_JOIN(scope_once_, __LINE__); VALGRAD_JOIN(scope_once_, __LINE__) = NULL)

typedef struct ValgradRecording {
    bool former;
} ValgradRecording;

VALGRAD_API ValgradRecording recording_pause(void);
VALGRAD_API void recording_resume(ValgradRecording *paused);

/* VALGRAD_NO_GRAD { … } computes without recording, for evaluation; left like VALGRAD_SCOPE. */
#define VALGRAD_NO_GRAD                                                                            \
    for (ValgradRecording VALGRAD_JOIN(paused_at_, __LINE__)                                       \
             __attribute__((cleanup(recording_resume))) = recording_pause(),                       \
                          *VALGRAD_JOIN(paused_once_, __LINE__) =                                  \
                              &VALGRAD_JOIN(paused_at_, __LINE__);                                 \
         VALGRAD_JOIN(paused_once_, __LINE__); VALGRAD_JOIN(paused_once_, __LINE__) = NULL)

/* ---- look at the graph ------------------------------------------------------------------------- */

/* The operation's name as in value_<name>; "leaf", "const", "element" (of a tensor), a tensor
 * operation's name, or the name of an operation of your own. Borrowed, never NULL. */
VALGRAD_API const char *value_op_name(const Value *v);

/* How many operands v keeps: 0 for leaves, constants, elements, and results made without recording. */
VALGRAD_API size_t value_operand_count(const Value *v);

/* Operand i, in order, with repetition (a + a has two). Borrowed; NULL when out of range. Of a tensor
 * operation: the node behind its i-th operand. An element of a tensor has none: see tensor.h. */
VALGRAD_API Value *value_operand(const Value *v, size_t i);

/* A point at which an operation has no derivative of its own, and the one that the library gives. */
typedef struct ValueKink {
    double x, y, z, dx, dy, dz; /* 0 for operands that the operation has not */
} ValueKink;

/* A row of the op table. Its functions are called with the third operand, of an operation that has one, in
 * place of p. */
typedef struct ValueOpInfo {
    const char *name;    /* as in value_<name> */
    const char *symbol;  /* for drawings: "+", "tanh" */
    const char *formula; /* in x, y, z and the parameter p */
    int arity;           /* 1 to 3; of unary operations, */
    bool has_parameter;  /* whether there is a constant p besides x */
    const char *partials[3]; /* dx, dy, dz in x, y, z, p and the result f; NULL past the arity */
    double domain[3][2];     /* lowest and highest x, y, z that tests sample */
    int kink_count;
    const ValueKink *kinks;
    real (*forward)(real x, real y, real p);
    void (*first)(real x, real y, real p, real f, real d[3]);  /* dx, dy, dz */
    void (*second)(real x, real y, real p, real f, real d[6]); /* dxx, dxy, dyy, dxz, dyz, dzz */
} ValueOpInfo;

/* Row i of the table; NULL past its end. Borrowed, static. */
VALGRAD_API const ValueOpInfo *value_op_row(size_t i);

/* The row called name; NULL when there is none. */
VALGRAD_API const ValueOpInfo *value_op_find(const char *name);

/* The constant p with which v was made; NaN if its operation has none. */
VALGRAD_API real value_op_parameter(const Value *v);

/* ---- memory ------------------------------------------------------------------------------------ */

/* How many nodes are alive, of all threads: exact for those of this thread, and for others as of their
 * last full block. 0 when everything was released. */
VALGRAD_API int64_t valgrad_live_nodes(void);

/* What the library holds, and how often it could do without the allocator. */
typedef struct ValgradMemoryStats {
    int64_t live_nodes;       /* valgrad_live_nodes() */
    int64_t bytes;            /* from the allocator and not yet given back, by all threads */
    int64_t peak_bytes;       /* the most that this ever was */
    int64_t waiting_bytes;    /* of bytes: what this thread keeps for reuse (see valgrad_trim) */
    int64_t blocks_reused;    /* blocks that this thread took from what it kept, */
    int64_t blocks_allocated; /* and those for which it asked the allocator */
} ValgradMemoryStats;

VALGRAD_API ValgradMemoryStats valgrad_memory_stats(void);

/* Where the library gets memory: malloc and free by default. `allocate` returns NULL on failure.
 * Errors: NULL function; any memory was already taken (STATE): set it before the first use. */
typedef struct ValgradAllocator {
    void *(*allocate)(size_t bytes, void *context);
    void (*release)(void *memory, void *context);
    void *context;
} ValgradAllocator;

VALGRAD_API ValgradStatus valgrad_set_allocator(ValgradAllocator allocator);

/* Gives the memory that this thread keeps for reuse back to the allocator. */
VALGRAD_API void valgrad_trim(void);

VALGRAD_END

#endif
