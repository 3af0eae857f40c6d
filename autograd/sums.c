/* sums.c - scalar nodes that add up any number of operands, or of products of two: sum, dot, affine. */
#include "autograd/nary.h"

/* ---- backward ---------------------------------------------------------------------------------- */

static void backward_sum(Value *v)
{
    const Nary *nary = nary_of(v);
    for (size_t i = 0; i < nary->count; i++)
        give_if_wanted(nary->operands[i], v->grad);
}

/* One product of a dot of operands of any kind. */
static void give_product(Value *x, Value *y, real grad)
{
    const real a = number_of(x), b = number_of(y);
    give_if_wanted(x, grad * b);
    give_if_wanted(y, grad * a);
}

/* Operands x0, y0, x1, y1, … and for an affine node b at the end. */
static void backward_dot(Value *v)
{
    const Nary *nary = nary_of(v);
    const real grad = v->grad;
    size_t i = 0;
    for (; i + 1 < nary->count; i += 2) {
        Value *x = nary->operands[i], *y = nary->operands[i + 1];
        if (nary->elements) {
            give_product(x, y, grad);
            continue;
        }
        const real to_x = grad * y->data, to_y = grad * x->data;
        if (x->flags & WANTS_GRAD)
            x->grad += to_x;
        if (y->flags & WANTS_GRAD)
            y->grad += to_y;
    }
    if (i < nary->count)
        give_if_wanted(nary->operands[i], grad);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

static void expand_sum(const Value *v, Expansion *e)
{
    nary__expand(v, e, PROGRAM_SUM);
}

static void expand_dot(const Value *v, Expansion *e)
{
    nary__expand(v, e, PROGRAM_DOT);
}

const NodeKind nary__sum_kind = NARY_KIND(backward_sum, expand_sum);
const NodeKind nary__dot_kind = NARY_KIND(backward_dot, expand_dot);

/* ---- sums -------------------------------------------------------------------------------------- */

Value *value_sum(size_t n, Value *const *x)
{
    Operands list = operands_at(n, x, 0, 1);
    if (!check_operands("value_sum", &list, "x"))
        return NULL;
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += number_of(x[i]);
    return nary__finish(&nary__sum_kind, "sum", &list, 1, sum);
}

/* ---- sums of products -------------------------------------------------------------------------- */

enum { SUMS = 4 }; /* so that one addition need not wait for the last */

static inline real total(const real sums[SUMS])
{
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* False at a NULL. */
static inline bool add_pair(const Value *x, const Value *y, Common *common, real *sum)
{
    if (!x || !y)
        return false;
    add_common(common, x);
    add_common(common, y);
    *sum += x->data * y->data;
    return true;
}

/* The sum of x_i y_i and what the operands have in common, in one pass. False at a NULL. */
static inline bool read_pairs(size_t n, Value *const *x, Value *const *y, Common *common, real *sum)
{
    real sums[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS) {
        for (size_t k = 0; k < SUMS; k++) {
            if (!add_pair(x[i + k], y[i + k], common, &sums[k]))
                return false;
        }
    }
    for (; i < n; i++) {
        if (!add_pair(x[i], y[i], common, &sums[0]))
            return false;
    }
    *sum = total(sums);
    return true;
}

/* The same sum where numbers of tensors are among the operands. */
static real sum_of_any(size_t n, Value *const *x, Value *const *y)
{
    real sums[SUMS] = {0};
    for (size_t i = 0; i < n; i++)
        sums[i < n / SUMS * SUMS ? i % SUMS : 0] += number_of(x[i]) * number_of(y[i]);
    return total(sums);
}

/* Checks the operands of a sum of products, x and y, and computes it. */
static inline bool check_pairs(const char *function, Operands *x, Operands *y, const char *const names[2], real *sum)
{
    Common common = begin_common();
    const size_t n = x->n;
    if (n == 0 || !x->values || !y->values || !read_pairs(n, x->values, y->values, &common, sum)) {
        *sum = 0;
        return check_operands(function, x, names[0]) && check_operands(function, y, names[1]);
    }
    end_common(&common, x);
    end_common(&common, y);
    if (!x->held)
        *sum = sum_of_any(n, x->values, y->values);
    return true;
}

Value *value_dot(size_t n, Value *const *x, Value *const *y)
{
    static const char *const names[] = {"x", "y"};
    Operands lists[] = {operands_at(n, x, 0, 2), operands_at(n, y, 1, 2)};
    real sum;
    if (!check_pairs("value_dot", &lists[0], &lists[1], names, &sum))
        return NULL;
    return nary__finish(&nary__dot_kind, "dot", lists, 2, sum);
}

Value *value_affine(size_t n, Value *const *w, Value *const *x, Value *b)
{
    static const char *const names[] = {"w", "x"};
    Operands lists[] = {operands_at(n, w, 0, 2), operands_at(n, x, 1, 2), operands_at(1, &b, 2 * n, 1)};
    real sum;
    if (!check_pairs("value_affine", &lists[0], &lists[1], names, &sum) ||
        !check_operands("value_affine", &lists[2], "b"))
        return NULL;
    return nary__finish(&nary__dot_kind, "affine", lists, 3, sum + number_of(b));
}
