/* matmul.c - matrix products, and a whole layer f(x w + b), as one node each. (Batches of matrices: batch.c.)
 *
 * A matrix that is a run reaches the kernel where it lies, a transposed one as a flag; only others are
 * gathered. With C = A B and G the gradient of C: that of A is G B^T, that of B is A^T G. */
#include <string.h>

#include "autograd/profile_internal.h"
#include "tensor/matrix.h"
#include "tensor/threads.h"

/* What is done to the sums of a layer in their own node, and its derivative in terms of the result: the sums are not
 * kept. */
typedef struct Activation {
    OpCode op;
    KernelMap *map; /* NULL: nothing */
    KernelSlope *slope;
} Activation;

static const Activation none = {.map = NULL};

typedef struct Product {
    Operation operation; /* operands a, b and perhaps bias */
    Matrix a, b;
    Activation activation;
    bool is_finite;      /* the sums, looked at while they are near, if backward has to know */
    real *scratch;       /* for the kernel, in every direction, */
    real *sums_gradient; /* and behind that for this, if there is an activation */
} Product;

static Product *product_of(const Value *v)
{
    return (Product *)v->more;
}

static const RowLists dense = {.first = NULL};

/* Whether zeros of a can be left out of a product with b as far as the two matrices' form goes: few columns fill no
 * vectors. Besides b must be finite, for 0 by infinity or NaN is NaN. */
static bool can_skip_zeros(Matrix a, Matrix b)
{
    return a.column == 1 && b.column == 1 &&
           b.columns * (int64_t)sizeof(real) >= 4 * kernels__get()->vector_bytes;
}

/* c [+]= a b + bias. nonzeros.first is NULL unless zeros of a are to be left out. */
static void multiply(Matrix a, RowLists nonzeros, Matrix b, const real *bias, real *c, bool accumulate,
                     real *scratch)
{
    const Gemm gemm = {.m = a.rows,
                       .n = b.columns,
                       .k = a.columns,
                       .a = a.numbers,
                       .a_row = a.row,
                       .a_col = a.column,
                       .b = b.numbers,
                       .b_row = b.row,
                       .b_col = b.column,
                       .bias = bias,
                       .c = c,
                       .ldc = b.columns,
                       .accumulate = accumulate,
                       .scratch = scratch};
    if (profile__on)
        profile__flops(2.0 * (double)b.columns *
                       (nonzeros.first ? (double)nonzeros.entries : (double)a.rows * (double)a.columns));
    if (nonzeros.first)
        threads__sparse_gemm(&gemm, nonzeros);
    else
        threads__gemm(&gemm);
}

void matrix__multiply(Matrix a, Matrix b, const real *bias, real *c, bool accumulate, real *scratch)
{
    multiply(a, dense, b, bias, c, accumulate, scratch);
}

/* In all directions, any two of the sides are depth and columns of a product: most with the larger ones. */
int64_t matrix__scratch(int64_t m, int64_t n, int64_t k)
{
    const Kernels *kernels = kernels__get();
    const int64_t least = m < n ? (m < k ? m : k) : (n < k ? n : k);
    const int64_t most = m > n ? (m > k ? m : k) : (n > k ? n : k), middle = m + n + k - least - most;
    const int64_t deep = kernels->gemm_scratch(least, middle, most, 1),
                  wide = kernels->gemm_scratch(least, most, middle, 1);
    return deep > wide ? deep : wide;
}

/* ---- exact zeros ------------------------------------------------------------------------------- */

bool matrix__has_infinities(const real *product, int64_t n)
{
    return !backward__strict() && !kernels__get()->all_finite(product, n);
}

void matrix__multiply_exactly(Matrix a, Matrix b, bool a_is_gradient, real *c, bool accumulate)
{
    for (int64_t i = 0; i < a.rows; i++) {
        for (int64_t j = 0; j < b.columns; j++) {
            real sum = accumulate ? c[i * b.columns + j] : 0;
            for (int64_t p = 0; p < a.columns; p++) {
                const real x = a.numbers[i * a.row + p * a.column];
                const real y = b.numbers[p * b.row + j * b.column];
                sum += (a_is_gradient ? x : y) == 0 ? 0 : x * y;
            }
            c[i * b.columns + j] = sum;
        }
    }
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* Writes the gradient left * right to an operand that lies as `place` says (transposed: its transpose). */
static void give_product(const Operand *operand, Matrix place, Matrix left, Matrix right, real *scratch)
{
    const Gradient to = gradient__begin(operand);
    if (place.column == 1)
        matrix__multiply(left, right, NULL, to.grad, !to.fresh, scratch);
    else
        matrix__multiply(matrix__transposed(right), matrix__transposed(left), NULL, to.grad, !to.fresh, scratch);
    gradient__end(operand, to);
}

static void give_exactly(const Operand *operand, Matrix place, Matrix left, Matrix right,
                         bool left_is_gradient)
{
    const Gradient to = gradient__begin(operand);
    if (place.column == 1)
        matrix__multiply_exactly(left, right, left_is_gradient, to.grad, !to.fresh);
    else
        matrix__multiply_exactly(matrix__transposed(right), matrix__transposed(left), !left_is_gradient,
                                 to.grad, !to.fresh);
    gradient__end(operand, to);
}

static void give_bias(const Operand *bias, int64_t rows, const real *g)
{
    const int64_t columns = bias->tensor->size;
    const Gradient to = gradient__begin(bias);
    kernels__get()->column_sums(to.grad, g, rows, columns, columns, !to.fresh);
    gradient__end(bias, to);
}

/* Marks the rows that a product with these lists gives something, of so many columns. */
static void mark_rows(RowLists lists, int64_t rows, int64_t columns, Gradient to, uint8_t *marks)
{
    for (int64_t r = 0; r < rows; r++) {
        const bool given = row_lists__begin(lists, r) < row_lists__end(lists, r);
        if (!to.fresh && given && !marks[r])
            memset(to.grad + r * columns, 0, (size_t)columns * sizeof *to.grad);
        marks[r] = to.fresh ? given : marks[r] | given;
    }
}

static void give_rows(const Operand *operand, Matrix a, RowLists lists, Matrix g, real *scratch)
{
    Gradient to;
    uint8_t *marks = gradient__begin_rows(operand, a.columns, &to);
    if (marks)
        mark_rows(lists, a.columns, g.columns, to, marks);
    lists.leave_empty = marks != NULL;
    multiply(matrix__transposed(a), lists, g, NULL, to.grad, !to.fresh, scratch);
    gradient__end(operand, to);
}

/* One row of a: its list names the rows, which are multiples of g. */
static void give_multiples(const Operand *operand, Matrix a, RowLists row, Matrix g)
{
    const RowsGradient to = gradient__begin_adding(operand, a.columns);
    const int32_t begin = row_lists__begin(row, 0), count = row_lists__end(row, 0) - begin;
    if (profile__on)
        profile__flops(2.0 * (double)g.columns * (double)count);
    to.kernels->add_multiples(to.grad, to.marks, g.columns, row.column + begin, count, a.numbers, g.numbers);
    gradient__end(operand, (Gradient){.grad = to.grad});
}

/* a^T g for b, leaving out zeros of a and the rows of b that meet nothing else. False if that is not to be. */
static bool give_sparse(const Operand *operand, Matrix a, Matrix b, Matrix g, bool g_is_finite, real *scratch)
{
    if (b.column != 1 || !can_skip_zeros(a, g))
        return false;
    const RowLists lists = (a.rows == 1 ? sparse__rows : sparse__columns)(operand[0].tensor, a.rows, a.columns);
    if (!lists.first || !(g_is_finite || kernels__get()->all_finite(g.numbers, g.rows * g.columns)))
        return false;
    if (a.rows == 1)
        give_multiples(&operand[1], a, lists, g);
    else
        give_rows(&operand[1], a, lists, g, scratch);
    return true;
}

/* The gradient of the sums; whether it is finite, if that is known without a look of its own. */
static Matrix gradient_of_sums(const Product *product, bool *is_finite)
{
    const Dense *made = &product->operation.dense;
    const Activation *activation = &product->activation;
    *is_finite = activation->map && activation->slope(product->sums_gradient, made->data, made->grad, made->n, 0,
                                                      backward__strict());
    return matrix__plain(product->a.rows, product->b.columns, activation->map ? product->sums_gradient : made->grad);
}

static void backward_product(Value *v)
{
    const Product *product = product_of(v);
    const Operand *operand = product->operation.operand;
    const Matrix a = product->a, b = product->b;
    bool g_is_finite;
    const Matrix g = gradient_of_sums(product, &g_is_finite);
    const bool exactly = !product->is_finite && !backward__strict();
    if (operand[0].wants_grad && exactly)
        give_exactly(&operand[0], a, g, matrix__transposed(b), true);
    else if (operand[0].wants_grad)
        give_product(&operand[0], a, g, matrix__transposed(b), product->scratch);
    if (operand[1].wants_grad && exactly)
        give_exactly(&operand[1], b, matrix__transposed(a), g, false);
    else if (operand[1].wants_grad && !give_sparse(operand, a, b, g, g_is_finite, product->scratch))
        give_product(&operand[1], b, matrix__transposed(a), g, product->scratch);
    if (product->operation.count == 3 && operand[2].wants_grad)
        give_bias(&operand[2], a.rows, g.numbers);
}

static void destroy_product(Value *v, bool counted)
{
    buffer__give(product_of(v)->scratch);
    operation__destroy(v, counted);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

/* One scalar product of row i of a, column j of b, and the bias; and its activation. */
static ProgramSlot expand_number(Expansion *e, const Product *product,
                                 const ProgramSlot *const slots[OPERANDS], int64_t i, int64_t j,
                                 ProgramSlot *pairs)
{
    const Matrix a = product->a, b = product->b;
    int64_t n = 0;
    for (int64_t k = 0; k < a.columns; k++) {
        pairs[n++] = slots[0][i * a.row + k * a.column];
        pairs[n++] = slots[1][k * b.row + j * b.column];
    }
    if (slots[2])
        pairs[n++] = slots[2][j];
    const ProgramSlot sum = expansion__nary(e, PROGRAM_DOT, n, pairs);
    return product->activation.map ? expansion__op1(e, product->activation.op, sum, 0) : sum;
}

static void expand_product(const Value *v, Expansion *e)
{
    const Product *product = product_of(v);
    const ProgramSlot *slots[OPERANDS] = {NULL};
    for (int k = 0; k < product->operation.count; k++)
        slots[k] = operation__slots(v, k, e);
    ProgramSlot *pairs = expansion__room(e, 2 * product->a.columns + 1);
    for (int64_t i = 0; pairs && i < product->a.rows; i++) {
        for (int64_t j = 0; j < product->b.columns; j++)
            expansion__result(e, i * product->b.columns + j, expand_number(e, product, slots, i, j, pairs));
    }
}

static const NodeKind product_kind = {backward_product, operation__operand_count, operation__operand,
                                      destroy_product, expand_product};

/* ---- forward ----------------------------------------------------------------------------------- */

/* Rows and columns that an operand stands for: a vector is a row on the left and a column on the right. */
static void matrix_sides(const Tensor *t, bool left, int64_t *rows, int64_t *columns)
{
    if (t->rank == 2) {
        *rows = t->shape[0];
        *columns = t->shape[1];
    } else {
        *rows = left ? 1 : t->shape[0];
        *columns = left ? t->shape[0] : 1;
    }
}

/* A transposed view of a whole matrix, whose node is then used in its place. */
static bool is_transposed(const Tensor *t)
{
    return t->run && t->rank == 2 && t->strides[0] == 1 && t->strides[1] == t->shape[0] &&
           t->shape[0] > 1 && t->shape[1] > 1;
}

/* The operand that enters the node for t, and whether as its transpose. NULL on failure. */
static Tensor *straighten(Tensor *t, bool *is_turned)
{
    *is_turned = is_transposed(t);
    return *is_turned ? tensor_transpose(t) : t;
}

static Matrix matrix_of(const Operand *operand, bool is_turned, int64_t rows, int64_t columns)
{
    return is_turned ? matrix__transposed(matrix__plain(columns, rows, operand->numbers))
                     : matrix__plain(rows, columns, operand->numbers);
}

bool matrix__check_product(const char *function, const Tensor *a, const Tensor *b)
{
    const int64_t inner_a = a->rank < 1 ? -1 : a->shape[a->rank - 1];
    const int64_t inner_b = b->rank < 1 ? -1 : b->shape[b->rank == 1 ? 0 : b->rank - 2];
    if (inner_a == inner_b && inner_a >= 0)
        return true;
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    shape__text(a->rank, a->shape, p);
    shape__text(b->rank, b->shape, q);
    if (inner_a < 0 || inner_b < 0)
        error__set(VALGRAD_ERROR_SHAPE, "%s: %s x %s: expected ranks of 1 or more", function, p, q);
    else
        error__set(VALGRAD_ERROR_SHAPE, "%s: %s x %s: inner dimensions %lld and %lld differ", function, p, q,
                   (long long)inner_a, (long long)inner_b);
    return false;
}

static Shape product_shape(const Tensor *a, const Tensor *b)
{
    Shape shape = {.size = 1};
    if (a->rank == 2)
        shape.sides[shape.rank++] = a->shape[0];
    if (b->rank == 2)
        shape.sides[shape.rank++] = b->shape[1];
    return shape;
}

/* The lists by which a b may leave out zeros of a, if it may. */
static RowLists rows_to_skip(const Operand *operand, Matrix a, Matrix b)
{
    const RowLists lists = can_skip_zeros(a, b) ? sparse__rows(operand[0].tensor, a.rows, a.columns) : dense;
    return lists.first && sparse__is_finite(operand[1].tensor, b.numbers) ? lists : dense;
}

static Tensor *compute(Value *v, const Shape *shape)
{
    Product *product = product_of(v);
    const Operation *operation = &product->operation;
    const Dense *made = &operation->dense;
    multiply(product->a, rows_to_skip(operation->operand, product->a, product->b), product->b,
             operation->count == 3 ? operation->operand[2].numbers : NULL, made->data, false, product->scratch);
    if (product->activation.map)
        product->is_finite = product->activation.map(made->data, made->data, made->n);
    else
        product->is_finite = !(v->flags & WANTS_GRAD) || kernels__get()->all_finite(made->data, made->n);
    return operation__end(v, shape);
}

static Tensor *make_product(const char *function, Tensor *a, Tensor *b, Tensor *bias, Activation activation)
{
    enum { LINE = 64 / sizeof(real) }; /* of the cache */
    Shape shape = product_shape(a, b);
    if (!shape__check(function, shape.rank, shape.sides, &shape))
        return NULL;
    int64_t m, n, k, also_k;
    matrix_sides(a, true, &m, &k);
    matrix_sides(b, false, &also_k, &n);
    bool a_turned, b_turned;
    Tensor *operands[] = {straighten(a, &a_turned), straighten(b, &b_turned), bias};
    const int64_t for_kernel = (matrix__scratch(m, n, k) + LINE - 1) / LINE * LINE;
    const size_t bytes = (size_t)(for_kernel + (activation.map && graph__recording() ? shape.size : 0)) * sizeof(real);
    real *scratch = buffer__take(bytes);
    Value *v = NULL;
    if (!scratch)
        error__memory(function, bytes);
    else if (operands[0] && operands[1])
        v = operation__begin(function, &product_kind, sizeof(Product), &shape, bias ? 3 : 2, operands, 0);
    tensor__drop(operands[0], a);
    tensor__drop(operands[1], b);
    if (!v) {
        buffer__give(scratch);
        return NULL;
    }
    Product *product = product_of(v);
    const Operand *operand = product->operation.operand;
    product->a = matrix_of(&operand[0], a_turned, m, k);
    product->b = matrix_of(&operand[1], b_turned, k, n);
    product->activation = activation;
    product->scratch = scratch;
    product->sums_gradient = scratch + for_kernel;
    return compute(v, &shape);
}

Tensor *tensor_matmul(Tensor *a, Tensor *b)
{
    static const char function[] = "tensor_matmul";
    if (!a || !b)
        return error__null(function, a ? "b" : "a"), NULL;
    if (!matrix__check_product(function, a, b))
        return NULL;
    return a->rank > 2 || b->rank > 2 ? matrix__multiply_batches(function, a, b)
                                      : make_product(function, a, b, NULL, none);
}

static bool check_vectors(const char *function, const Tensor *x, const Tensor *y)
{
    if (!x || !y)
        return error__null(function, x ? "y" : "x"), false;
    if (x->rank == 1 && y->rank == 1)
        return true;
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: %s x %s: expected vectors", function,
               shape__text(x->rank, x->shape, p), shape__text(y->rank, y->shape, q));
    return false;
}

Tensor *tensor_dot(Tensor *x, Tensor *y)
{
    static const char function[] = "tensor_dot";
    if (!check_vectors(function, x, y) || !matrix__check_product(function, x, y))
        return NULL;
    return make_product(function, x, y, NULL, none);
}

Tensor *tensor_outer(Tensor *x, Tensor *y)
{
    static const char function[] = "tensor_outer";
    if (!check_vectors(function, x, y))
        return NULL;
    Tensor *column = tensor_reshape(x, TENSOR_SHAPE(x->shape[0], 1));
    Tensor *row = tensor_reshape(y, TENSOR_SHAPE(1, y->shape[0]));
    Tensor *result = column && row ? make_product(function, column, row, NULL, none) : NULL;
    tensor__drop(column, NULL);
    tensor__drop(row, NULL);
    return result;
}

static bool check_ranks(const char *function, const Tensor *x, const Tensor *w)
{
    if (x->rank <= 2 && w->rank <= 2)
        return true;
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: %s x %s: expected ranks of 1 or 2", function,
               shape__text(x->rank, x->shape, p), shape__text(w->rank, w->shape, q));
    return false;
}

static Tensor *layer(const char *function, Tensor *x, Tensor *w, Tensor *b, Activation activation)
{
    if (!x || !w)
        return error__null(function, x ? "w" : "x"), NULL;
    if (!check_ranks(function, x, w) || !matrix__check_product(function, x, w))
        return NULL;
    if (w->rank == 2 && (!b || (b->rank == 1 && b->shape[0] == w->shape[1])))
        return make_product(function, x, w, b, activation);
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: weights %s and bias %s; expected (in, out) and (out)", function,
               shape__text(w->rank, w->shape, p), b ? shape__text(b->rank, b->shape, q) : "none");
    return NULL;
}

Tensor *tensor_affine(Tensor *x, Tensor *w, Tensor *b)
{
    return layer("tensor_affine", x, w, b, none);
}

#define ACTIVATED(name)                                                                            \
    Tensor *tensor_affine_##name(Tensor *x, Tensor *w, Tensor *b)                                  \
    {                                                                                              \
        const Kernels *kernels = kernels__get();                                                   \
        const Activation activation = {OP_##name, (kernels->name), kernels->name##_backward};      \
        return layer("tensor_affine_" #name, x, w, b, activation);                                 \
    }
ACTIVATED(relu)
ACTIVATED(sigmoid)
ACTIVATED(tanh)
