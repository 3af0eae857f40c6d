/* tape_loops.h - the loops over a tape's rows, for LANES sets of numbers at once, by the instruction set that is
 * called ISA. Included once for each.
 *
 * From each row of ops.def follow a loop forwards and one backwards, as in ops.c. Backwards, each
 * instruction takes its result's gradient and leaves 0 there for the next run. */

#define NAME_(name, lanes, isa) name##_##lanes##_##isa
#define NAME__(name, lanes, isa) NAME_(name, lanes, isa)
#define NAME(name) NAME__(name, LANES, ISA)
#define EACH for (int l = 0; l < LANES; l++)
#define NUMBERS(slot) (v + (size_t)(slot)*LANES)
#define GRADIENTS(slot) (a.first + tape__place(a, slot) * LANES)
#if defined(VALGRAD_COVERAGE) || defined(__SANITIZE_ADDRESS__)
#define INLINE static inline /* a branch counts once, and not in each copy; sanitizers take a minute over the copies */
#else
#define INLINE static inline __attribute__((always_inline))
#endif

/* ---- rows of ops.def ---------------------------------------------------------------------------- */

/* Results may not overlap operands, which the compiler cannot know: they go by way of f. */
#define FORWARD_LOOP(name, words, y, z)                                                            \
    INLINE void NAME(forward_##name)(const TapeRow *row, const uint32_t *c, real *v)               \
    {                                                                                              \
        real *result = NUMBERS(row->result);                                                       \
        for (uint32_t i = 0; i < row->count; i++, c += (words), result += LANES) {                 \
            real f[LANES];                                                                         \
            EACH f[l] = op_##name##_f(NUMBERS(c[0])[l], y, z);                                     \
            EACH result[l] = f[l];                                                                 \
        }                                                                                          \
    }

/* Adds what lane l passes on to the gradients of operand number k. */
#define ADD(k, passed)                                                                             \
    do {                                                                                           \
        real d[LANES], *to = GRADIENTS(c[k]);                                                      \
        EACH d[l] = (passed);                                                                      \
        EACH to[l] += d[l];                                                                        \
    } while (0)
#define GIVE(k, derivative) ADD(k, g[l] * (derivative))
#define GIVE_CAREFULLY(k, derivative)                                                              \
    ADD(k, careful ? passed_on(g[l], (derivative), strict) : g[l] * (derivative))

#define BACKWARD_LOOP(name, words, y, z, AND_Y, AND_Z)                                             \
    INLINE void NAME(backward_##name)(const TapeRow *row, const uint32_t *code, const real *v,     \
                                      TapeGradients a)                                             \
    {                                                                                              \
        for (uint32_t i = row->count; i-- > 0;) {                                                  \
            const uint32_t *c = code + (size_t)i * (words);                                        \
            const real *f = NUMBERS(row->result + i);                                              \
            real g[LANES], *from = GRADIENTS(row->result + i);                                     \
            (void)v, (void)f;                                                                      \
            EACH g[l] = from[l];                                                                   \
            EACH from[l] = 0;                                                                      \
            GIVE(0, op_##name##_dx(NUMBERS(c[0])[l], y, z, f[l]));                                 \
            AND_Y(GIVE(1, op_##name##_dy(NUMBERS(c[0])[l], y, z, f[l]));)                          \
            AND_Z(GIVE(2, op_##name##_dz(NUMBERS(c[0])[l], y, z, f[l]));)                          \
        }                                                                                          \
    }
#define YES(...) __VA_ARGS__
#define NO(...)

#define OP1(name, ...)                                                                             \
    FORWARD_LOOP(name, 1, 0, 0)                                                                    \
    BACKWARD_LOOP(name, 1, 0, 0, NO, NO)
#define OP1P(name, ...)                                                                            \
    FORWARD_LOOP(name, 2, 0, NUMBERS(c[1])[l])                                                     \
    BACKWARD_LOOP(name, 2, 0, NUMBERS(c[1])[l], NO, NO)
#define OP2(name, ...)                                                                             \
    FORWARD_LOOP(name, 2, NUMBERS(c[1])[l], 0)                                                     \
    BACKWARD_LOOP(name, 2, NUMBERS(c[1])[l], 0, YES, NO)
#define OP3(name, ...)                                                                             \
    FORWARD_LOOP(name, 3, NUMBERS(c[1])[l], NUMBERS(c[2])[l])                                      \
    BACKWARD_LOOP(name, 3, NUMBERS(c[1])[l], NUMBERS(c[2])[l], YES, YES)
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2
#undef OP3

/* The careful way, for any of them: it is gone seldom, so it need not be fast. */
INLINE void NAME(backward_row_carefully)(const TapeRow *row, const uint32_t *code, const real *v, TapeGradients a,
                                         bool strict)
{
    const ValueOpInfo *info = instruction__row(
        &(Instruction){.op = row->op == TAPE_TANH ? (uint16_t)OP_tanh : row->op});
    const int arity = info->arity, words = arity + info->has_parameter;
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + (size_t)i * (size_t)words;
        real *from = GRADIENTS(row->result + i);
        EACH
        {
            const real g = from[l], y = arity > 1 ? NUMBERS(c[1])[l] : 0;
            real d[ROW_OPERANDS];
            from[l] = 0;
            info->first(NUMBERS(c[0])[l], y, words > 1 ? NUMBERS(c[words - 1])[l] : 0,
                        NUMBERS(row->result + i)[l], d);
            for (int k = 0; k < arity; k++)
                GRADIENTS(c[k])[l] += op_chooses((OpCode)row->op) ? shared_out(g, d[k], strict)
                                                                  : passed_on(g, d[k], strict);
        }
    }
}

/* ---- what lowering has put together -------------------------------------------------------------- */

INLINE void NAME(forward_multiply_add)(const TapeRow *row, const uint32_t *c, real *v)
{
    real *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i++, c += 3, result += LANES) {
        const real *x = NUMBERS(c[0]), *y = NUMBERS(c[1]), *z = NUMBERS(c[2]);
        real f[LANES];
        EACH f[l] = z[l] + x[l] * y[l];
        EACH result[l] = f[l];
    }
}

INLINE void NAME(backward_multiply_add)(const TapeRow *row, const uint32_t *code, const real *v,
                                        TapeGradients a, bool careful, bool strict)
{
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + (size_t)i * 3;
        const real *x = NUMBERS(c[0]), *y = NUMBERS(c[1]);
        real g[LANES], *from = GRADIENTS(row->result + i);
        EACH g[l] = from[l];
        EACH from[l] = 0;
        GIVE_CAREFULLY(0, y[l]);
        GIVE_CAREFULLY(1, x[l]);
        GIVE_CAREFULLY(2, 1);
    }
}

/* Only x takes part in the gradient. */
#define LOWERED_LOOPS(name, value, derivative)                                                     \
    INLINE void NAME(forward_##name)(const TapeRow *row, const uint32_t *c, real *v)               \
    {                                                                                              \
        real *result = NUMBERS(row->result);                                                       \
        for (uint32_t i = 0; i < row->count; i++, c += 2, result += LANES) {                       \
            const real *x = NUMBERS(c[0]), *y = NUMBERS(c[1]);                                     \
            real f[LANES];                                                                         \
            EACH f[l] = (value);                                                                   \
            EACH result[l] = f[l];                                                                 \
        }                                                                                          \
    }                                                                                              \
    INLINE void NAME(backward_##name)(const TapeRow *row, const uint32_t *code, const real *v,     \
                                      TapeGradients a, bool careful, bool strict)                  \
    {                                                                                              \
        for (uint32_t i = row->count; i-- > 0;) {                                                  \
            const uint32_t *c = code + (size_t)i * 2;                                              \
            const real *y = NUMBERS(c[1]);                                                         \
            real g[LANES], *from = GRADIENTS(row->result + i);                                     \
            (void)y;                                                                               \
            EACH g[l] = from[l];                                                                   \
            EACH from[l] = 0;                                                                      \
            GIVE_CAREFULLY(0, derivative);                                                         \
        }                                                                                          \
    }
LOWERED_LOOPS(add_constant, x[l] + y[l], 1)
LOWERED_LOOPS(scale, x[l] * y[l], y[l])

INLINE void NAME(forward_copy)(const TapeRow *row, const uint32_t *c, real *v)
{
    real *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i++, result += LANES)
        EACH result[l] = NUMBERS(c[i])[l];
}

/* A row of tanh, none of which reads another: gathered by blocks, so that they are computed side by side. */
INLINE void NAME(forward_tanh_row)(const TapeRow *row, const uint32_t *c, real *v)
{
    enum { BLOCK = 64 };
    real x[BLOCK * LANES], *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i += BLOCK, c += BLOCK, result += BLOCK * LANES) {
        const uint32_t n = row->count - i < BLOCK ? row->count - i : BLOCK;
        for (uint32_t k = 0; k < n; k++)
            EACH x[k * LANES + (uint32_t)l] = NUMBERS(c[k])[l];
        for (uint32_t k = 0; k < n * LANES; k++)
            result[k] = side_by_side_tanh(x[k]);
    }
}

/* ---- lists --------------------------------------------------------------------------------------- */

/* The steps of evenly spaced slots, in numbers. */
#define STEP(word) ((ptrdiff_t)(int32_t)(word)*LANES)

/* Adds the products of slots that lie side by side, in several sums at once. */
INLINE void NAME(sum_together)(uint32_t n, const real *x, const real *y, real *sum)
{
#if LANES == 1
    enum { SUMS = 8 };
    real part[SUMS] = {0};
    uint32_t i = 0;
    for (; i + SUMS <= n; i += SUMS) {
        for (int k = 0; k < SUMS; k++)
            part[k] += x[i + (uint32_t)k] * y[i + (uint32_t)k];
    }
    for (int half = SUMS / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++)
            part[k] += part[k + half];
    }
    for (; i < n; i++)
        part[0] += x[i] * y[i];
    sum[0] += part[0];
#else
    for (uint32_t i = 0; i < n; i++, x += LANES, y += LANES)
        EACH sum[l] += x[l] * y[l];
#endif
}

INLINE void NAME(sum_pairs)(uint32_t n, const real *x, ptrdiff_t dx, const real *y, ptrdiff_t dy,
                            real *sum)
{
    for (uint32_t i = 0; i < n; i++, x += dx, y += dy)
        EACH sum[l] += x[l] * y[l];
}

INLINE void NAME(give_pairs)(uint32_t n, const real *g, const real *y, ptrdiff_t dy, real *to,
                             ptrdiff_t step, bool careful, bool strict)
{
    for (uint32_t i = 0; i < n; i++, y += dy, to += step) {
        real d[LANES];
        EACH d[l] = careful ? passed_on(g[l], y[l], strict) : g[l] * y[l];
        EACH to[l] += d[l];
    }
}

INLINE bool NAME(all_zero)(const real *g)
{
    bool zero = true;
    EACH zero &= g[l] == 0;
    return zero;
}

/* Takes the gradient of a list's result; false if there is nothing to pass on. */
INLINE bool NAME(take)(real *from, real *g, bool careful, bool strict)
{
    EACH g[l] = from[l];
    EACH from[l] = 0;
    return (careful && strict) || !NAME(all_zero)(g);
}

INLINE void NAME(forward_even_pairs)(const TapeRow *row, const uint32_t *c, real *v)
{
    real *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i++, c += 6, result += LANES) {
        const real *x = NUMBERS(c[2]), *y = NUMBERS(c[4]), *z = NUMBERS(c[1]);
        real sum[LANES];
        EACH sum[l] = z[l];
        if (c[3] == 1 && c[5] == 1)
            NAME(sum_together)(c[0], x, y, sum);
        else
            NAME(sum_pairs)(c[0], x, STEP(c[3]), y, STEP(c[5]), sum);
        EACH result[l] = sum[l];
    }
}

INLINE void NAME(backward_even_pairs)(const TapeRow *row, const uint32_t *code, const real *v,
                                      TapeGradients a, bool careful, bool strict)
{
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + (size_t)i * 6;
        real g[LANES], *to = GRADIENTS(c[1]);
        if (!NAME(take)(GRADIENTS(row->result + i), g, careful, strict))
            continue;
        EACH to[l] += g[l];
        if (c[3] == 1 && c[5] == 1) {
            NAME(give_pairs)
            (c[0], g, NUMBERS(c[4]), LANES, GRADIENTS(c[2]), LANES, careful, strict);
            NAME(give_pairs)
            (c[0], g, NUMBERS(c[2]), LANES, GRADIENTS(c[4]), LANES, careful, strict);
        } else {
            const ptrdiff_t dx = STEP(c[3]), dy = STEP(c[5]);
            NAME(give_pairs)(c[0], g, NUMBERS(c[4]), dy, GRADIENTS(c[2]), dx, careful, strict);
            NAME(give_pairs)(c[0], g, NUMBERS(c[2]), dx, GRADIENTS(c[4]), dy, careful, strict);
        }
    }
}

INLINE void NAME(forward_pairs)(const TapeRow *row, const uint32_t *code, const uint32_t *begin,
                                real *v)
{
    real *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i++, result += LANES) {
        const uint32_t *c = code + begin[i], *end = c + 2 + c[0];
        real sum[LANES];
        EACH sum[l] = NUMBERS(c[1])[l];
        for (c += 2; c < end; c += 2) {
            const real *x = NUMBERS(c[0]), *y = NUMBERS(c[1]);
            EACH sum[l] += x[l] * y[l];
        }
        EACH result[l] = sum[l];
    }
}

INLINE void NAME(backward_pairs)(const TapeRow *row, const uint32_t *code, const uint32_t *begin,
                                 const real *v, TapeGradients a, bool careful, bool strict)
{
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + begin[i], *end = c + 2 + c[0];
        real g[LANES], *rest = GRADIENTS(c[1]);
        if (!NAME(take)(GRADIENTS(row->result + i), g, careful, strict))
            continue;
        EACH rest[l] += g[l];
        for (c += 2; c < end; c += 2) {
            const real *x = NUMBERS(c[0]), *y = NUMBERS(c[1]);
            GIVE_CAREFULLY(0, y[l]);
            GIVE_CAREFULLY(1, x[l]);
        }
    }
}

INLINE void NAME(forward_terms)(const TapeRow *row, const uint32_t *code, const uint32_t *begin,
                                real *v)
{
    real *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i++, result += LANES) {
        const uint32_t *c = code + begin[i], n = c[0];
        real sum[LANES];
        EACH sum[l] = 0;
        for (uint32_t k = 1; k <= n; k++)
            EACH sum[l] += NUMBERS(c[k])[l];
        EACH result[l] = sum[l];
    }
}

INLINE void NAME(backward_terms)(const TapeRow *row, const uint32_t *code, const uint32_t *begin,
                                 TapeGradients a)
{
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + begin[i], n = c[0];
        real g[LANES];
        if (!NAME(take)(GRADIENTS(row->result + i), g, false, false))
            continue;
        for (uint32_t k = 1; k <= n; k++) {
            real *to = GRADIENTS(c[k]);
            EACH to[l] += g[l];
        }
    }
}

INLINE void NAME(forward_even_terms)(const TapeRow *row, const uint32_t *c, real *v)
{
    real *result = NUMBERS(row->result);
    for (uint32_t i = 0; i < row->count; i++, c += 3, result += LANES) {
        const real *x = NUMBERS(c[1]);
        const ptrdiff_t dx = STEP(c[2]);
        real sum[LANES];
        EACH sum[l] = 0;
        for (uint32_t k = 0; k < c[0]; k++, x += dx)
            EACH sum[l] += x[l];
        EACH result[l] = sum[l];
    }
}

INLINE void NAME(backward_even_terms)(const TapeRow *row, const uint32_t *code, TapeGradients a)
{
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + (size_t)i * 3;
        real g[LANES], *to = GRADIENTS(c[1]);
        const ptrdiff_t dx = STEP(c[2]);
        if (!NAME(take)(GRADIENTS(row->result + i), g, false, false))
            continue;
        for (uint32_t k = 0; k < c[0]; k++, to += dx)
            EACH to[l] += g[l];
    }
}

/* Maxima and the like, one lane after the other. */
INLINE void NAME(forward_rule)(const TapeRun *run, const TapeRow *row, const uint32_t *code,
                               const uint32_t *begin, real *v)
{
    const NaryRule *rule = instruction__rule(&(Instruction){.op = row->op});
    real *result = NUMBERS(row->result), *x = run->room;
    for (uint32_t i = 0; i < row->count; i++, result += LANES) {
        const uint32_t *c = code + begin[i], n = c[0];
        EACH
        {
            for (uint32_t k = 0; k < n; k++)
                x[k] = NUMBERS(c[1 + k])[l];
            result[l] = rule->value(n, x);
        }
    }
}

INLINE void NAME(backward_rule)(const TapeRun *run, const TapeRow *row, const uint32_t *code,
                                const uint32_t *begin, const real *v, TapeGradients a)
{
    const NaryRule *rule = instruction__rule(&(Instruction){.op = row->op});
    real *x = run->room, *d = x + run->program->most_operands;
    for (uint32_t i = row->count; i-- > 0;) {
        const uint32_t *c = code + begin[i], n = c[0];
        real *from = GRADIENTS(row->result + i);
        EACH
        {
            for (uint32_t k = 0; k < n; k++)
                x[k] = NUMBERS(c[1 + k])[l];
            rule->first(n, x, NUMBERS(row->result + i)[l], d);
            for (uint32_t k = 0; k < n; k++)
                GRADIENTS(c[1 + k])[l] += shared_out(from[l], d[k], run->strict);
            from[l] = 0;
        }
    }
}

/* ---- all rows ------------------------------------------------------------------------------------ */

#define CASE(op, loop, ...)                                                                        \
    case op:                                                                                       \
        NAME(loop)(row, __VA_ARGS__);                                                              \
        break

static void NAME(forward)(const TapeRun *run)
{
    const Program *program = run->program;
    real *restrict v = run->numbers;
    for (size_t r = 0; r < program->row_count; r++) {
        const TapeRow *row = &program->rows[r];
        const uint32_t *c = program->code + row->words;
        switch (row->op) {
#define OP1(name, ...) CASE(OP_##name, forward_##name, c, v);
#define OP1P OP1
#define OP2 OP1
#define OP3 OP1
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2
#undef OP3
        CASE(LOWERED_MULTIPLY_ADD, forward_multiply_add, c, v);
        CASE(LOWERED_ADD_CONSTANT, forward_add_constant, c, v);
        CASE(LOWERED_SCALE, forward_scale, c, v);
        CASE(LOWERED_COPY, forward_copy, c, v);
        CASE(LOWERED_PAIRS, forward_pairs, program->code, c, v);
        CASE(LOWERED_TERMS, forward_terms, program->code, c, v);
        CASE(TAPE_TANH, forward_tanh_row, c, v);
        CASE(TAPE_EVEN_PAIRS, forward_even_pairs, c, v);
        CASE(TAPE_EVEN_TERMS, forward_even_terms, c, v);
        default:
            NAME(forward_rule)(run, row, program->code, c, v);
        }
    }
}

/* Asks for the numbers of as many slots as the row has, further down: operands lie here and there, so that no processor
 * foresees which will be read. */
INLINE void NAME(ask_ahead)(const TapeRow *row, const real *v)
{
    if (row->result < TAPE_AHEAD)
        return;
    const char *first = (const char *)NUMBERS(row->result - TAPE_AHEAD);
    for (size_t at = 0; at < row->count * LANES * sizeof *v; at += 64)
        __builtin_prefetch(first + at);
}

INLINE void NAME(backward)(const TapeRun *run, bool careful)
{
    const Program *program = run->program;
    const real *restrict v = run->numbers;
    const TapeGradients a = run->gradients;
    const bool strict = run->strict;
    for (size_t r = program->row_count; r-- > 0;) {
        const TapeRow *row = &program->rows[r];
        const uint32_t *c = program->code + row->words;
        NAME(ask_ahead)(row, v);
        if (!row->active)
            continue;
        if (careful && (row->op < OP_COUNT || row->op == TAPE_TANH)) {
            NAME(backward_row_carefully)(row, c, v, a, strict);
            continue;
        }
        switch (row->op) {
#define OP1(name, ...) CASE(OP_##name, backward_##name, c, v, a);
#define OP1P OP1
#define OP2 OP1
#define OP3 OP1
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2
#undef OP3
        CASE(LOWERED_MULTIPLY_ADD, backward_multiply_add, c, v, a, careful, strict);
        CASE(LOWERED_ADD_CONSTANT, backward_add_constant, c, v, a, careful, strict);
        CASE(LOWERED_SCALE, backward_scale, c, v, a, careful, strict);
        CASE(LOWERED_PAIRS, backward_pairs, program->code, c, v, a, careful, strict);
        CASE(LOWERED_TERMS, backward_terms, program->code, c, a);
        CASE(TAPE_TANH, backward_tanh, c, v, a);
        CASE(TAPE_EVEN_PAIRS, backward_even_pairs, c, v, a, careful, strict);
        CASE(TAPE_EVEN_TERMS, backward_even_terms, c, a);
        default:
            NAME(backward_rule)(run, row, program->code, c, v, a);
        }
    }
}

static void NAME(backward_quickly)(const TapeRun *run)
{
    NAME(backward)(run, false);
}

static void NAME(backward_carefully)(const TapeRun *run)
{
    NAME(backward)(run, true);
}

static const TapeLoops NAME(loops) = {NAME(forward), NAME(backward_quickly), NAME(backward_carefully)};

#undef NAME_
#undef NAME__
#undef NAME
#undef EACH
#undef NUMBERS
#undef GRADIENTS
#undef INLINE
#undef FORWARD_LOOP
#undef ADD
#undef GIVE
#undef GIVE_CAREFULLY
#undef BACKWARD_LOOP
#undef YES
#undef NO
#undef LOWERED_LOOPS
#undef STEP
#undef CASE
