/* test_derivatives.c - forward mode and second derivatives: against backward, against differences of
 * exact gradients, against closed forms. */
#include <valgrad/derivatives.h>
#include <valgrad/program.h>

#include "tensor_operations.h"

enum { MOST_NUMBERS = 64, MOST_INPUTS = MOST_OPERANDS * MOST_NUMBERS };

#ifdef VALGRAD_FLOAT
#define ULPS 2e-5
#define BY_DIFFERENCE 5e-2
#else
#define ULPS 2e-13
#define BY_DIFFERENCE 2e-7
#endif

/* ---- every operation -------------------------------------------------------------------------- */

/* The operands of an operation as leaves, its result, and a direction for each. */
typedef struct Case {
    const TensorOperation *operation;
    Tensor *leaf[MOST_OPERANDS], *along[MOST_OPERANDS], *result;
} Case;

static Tensor *leaf_of(const Case *it, int i, Random *random)
{
    real numbers[MOST];
    distinct_numbers(it->operation, i, random, numbers);
    return tensor_leaf(numbers, AS_SHAPE(it->operation->shapes[i]));
}

static Case case_of(const TensorOperation *operation, Random *random)
{
    Case it = {.operation = operation};
    for (int i = 0; i < operation->operand_count; i++) {
        it.leaf[i] = leaf_of(&it, i, random);
        it.along[i] = tensor_normal(0, 1, random, AS_SHAPE(operation->shapes[i]));
    }
    it.result = operation->build(it.leaf);
    ck_assert_msg(it.result != NULL, "%s: %s", operation->function, valgrad_last_error());
    return it;
}

static double inner(const Tensor *a, const Tensor *b)
{
    double sum = 0;
    ck_assert_int_eq(tensor_size(a), tensor_size(b));
    for (int64_t i = 0; i < tensor_size(a); i++)
        sum += (double)value_data(tensor_at(a, i)) * (double)value_data(tensor_at(b, i));
    return sum;
}

/* sum_i |a_i b_i|: what rounding is measured by. */
static double scale(const Tensor *a, const Tensor *b)
{
    double sum = 1;
    for (int64_t i = 0; i < tensor_size(a); i++)
        sum += fabs((double)value_data(tensor_at(a, i)) * (double)value_data(tensor_at(b, i)));
    return sum;
}

static Tensor *gradient_of(const Tensor *leaf)
{
    real gradient[MOST];
    assert_status(tensor_get_grad(leaf, tensor_size(leaf), gradient), VALGRAD_OK);
    return tensor_const(gradient, tensor_rank(leaf), tensor_shape(leaf));
}

START_TEST(forward_equals_reverse)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded(3);
    VALGRAD_SCOPE {
        const Case it = case_of(operation, &random);
        const size_t n = (size_t)operation->operand_count;
        Tensor *weights =
            tensor_normal(0, 1, &random, tensor_rank(it.result), tensor_shape(it.result));
        Tensor *forward = tensor_jvp(it.result, n, it.leaf, it.along);
        ck_assert_msg(forward != NULL, "%s: %s", operation->function, valgrad_last_error());
        assert_status(tensor_backward(it.result, weights), VALGRAD_OK);
        double reverse = 0, size = scale(forward, weights);
        for (size_t i = 0; i < n; i++) {
            reverse += inner(gradient_of(it.leaf[i]), it.along[i]);
            size += scale(gradient_of(it.leaf[i]), it.along[i]);
        }
        ck_assert_msg(fabs(inner(forward, weights) - reverse) <= ULPS * size,
                      "%s: forward %.17g, reverse %.17g", operation->function,
                      inner(forward, weights), reverse);
    }
}
END_TEST

START_TEST(jacobian_is_that_of_backward)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded(4);
    VALGRAD_SCOPE {
        const Case it = case_of(operation, &random);
        for (int k = 0; k < operation->operand_count; k++) {
            const int64_t rows = tensor_size(it.result), columns = tensor_size(it.leaf[k]);
            Tensor *jacobian = tensor_jacobian(it.result, it.leaf[k]);
            ck_assert_msg(jacobian != NULL, "%s: %s", operation->function, valgrad_last_error());
            ck_assert_int_eq(tensor_size(jacobian), rows * columns);
            for (int64_t r = 0; r < rows; r++) {
                tensor_zero_grad(it.leaf[k]);
                assert_status(value_backward(tensor_at(it.result, r)), VALGRAD_OK);
                for (int64_t c = 0; c < columns; c++)
                    assert_near(value_data(tensor_at(jacobian, r * columns + c)),
                                value_grad(tensor_at(it.leaf[k], c)), ULPS);
            }
        }
    }
}
END_TEST

/* ---- both grains at limits ----------------------------------------------------------------------- */

/* Numbers of one kind or mixed: ties, zeros, infinities, what overflows. */
static const double limits[][4] = {
    {0, 0, 0, 0},
    {-0.0, 0, -0.0, 0},
    {1, 1, 1, 1},
    {2, -1, 2, -1},
    {800, -800, 800, 800},
    {INFINITY, 1, 2, 3},
    {-INFINITY, 1, 2, 3},
    {INFINITY, -INFINITY, 1, 0},
    {INFINITY, INFINITY, 1, INFINITY},
    {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
    {INFINITY, INFINITY, INFINITY, INFINITY},
    {NAN, 1, 2, 3},
    {INFINITY, NAN, -INFINITY, 0},
};

enum { LIMITS = sizeof limits / sizeof *limits, FINITE_LIMITS = 5 };

static void assert_alike(const char *what, int64_t i, double node, double scalars)
{
    ck_assert_msg(same(node, scalars) || fabs(node - scalars) <= ULPS * fmax(800, fabs(scalars)),
                  "%s: %s %d is %.17g, and %.17g by its scalar meaning", now_testing, what, (int)i,
                  node, scalars);
}

/* Result and gradient by a program; false if it cannot be recorded, some input not being used. */
static bool run_program(Tensor *y, int count, Tensor *const *x, const real *seeds, real *results,
                        real *gradients)
{
    real inputs[MOST_INPUTS];
    size_t n = 0;
    Program *program = program_record_tensor(y, (size_t)count, x);
    ProgramWorkspace *workspace = program ? program_workspace_new(program, 1) : NULL;
    for (int k = 0; k < count; n += (size_t)tensor_size(x[k++]))
        assert_status(tensor_get(x[k], tensor_size(x[k]), inputs + n), VALGRAD_OK);
    if (program)
        assert_status(program_run(program, workspace, n, inputs, results, seeds, gradients),
                      VALGRAD_OK);
    else
        assert_error(VALGRAD_ERROR_ARGUMENT, "no root depends on input");
    program_workspace_free(workspace);
    program_free(program);
    return program != NULL;
}

/* Result and gradient of the operation's node, beside those of its scalar meaning: a program's, and the table's. */
static void compare_with_scalars(Tensor *y, int count, Tensor *const *x, real seed)
{
    real seeds[MOST], results[MOST], gradients[MOST_INPUTS];
    for (int64_t i = 0; i < tensor_size(y); i++)
        seeds[i] = seed;
    const bool recorded = run_program(y, count, x, seeds, results, gradients);
    Tensor *weights = tensor_const(seeds, tensor_rank(y), tensor_shape(y));
    Tensor *root = tensor_sum_all(tensor_mul(weights, y));
    for (int64_t i = 0; i < tensor_size(y) && recorded; i++)
        assert_alike("result", i, (double)value_data(tensor_at(y, i)), (double)results[i]);
    assert_status(tensor_backward(root, NULL), VALGRAD_OK);
    for (int64_t k = 0, at = 0; k < count; k++) {
        Tensor *jacobian = tensor_jacobian(root, x[k]);
        for (int64_t i = 0; i < tensor_size(x[k]); i++, at++) {
            const double gradient = (double)value_grad(tensor_at(x[k], i));
            assert_alike("derivative", at, gradient, (double)value_data(tensor_at(jacobian, i)));
            if (recorded)
                assert_alike("gradient", at, gradient, (double)gradients[at]);
        }
    }
}

static void compare_at_limits(const TensorOperation *operation, int first, int second, real seed)
{
    now_testing_is("%s at limits %d and %d from %g", operation->function, first, second,
                   (double)seed);
    VALGRAD_SCOPE {
        Tensor *x[MOST_OPERANDS];
        for (int k = 0; k < operation->operand_count; k++) {
            real numbers[MOST];
            for (int64_t i = 0; i < size_of(operation->shapes[k]); i++)
                numbers[i] = (real)limits[k == 0 ? first : second][i % 4];
            x[k] = tensor_leaf(numbers, AS_SHAPE(operation->shapes[k]));
        }
        Tensor *y = operation->build(x);
        ck_assert_msg(y != NULL, "%s: %s", now_testing, valgrad_last_error());
        compare_with_scalars(y, operation->operand_count, x, seed);
    }
}

/* Whether an infinite gradient is multiplied by one derivative on the way to each element. In a loss, a variance or
 * the like it is by a sum of several, which its scalar meaning adds up only after that: infinity less infinity. */
static bool has_simple_derivatives(const TensorOperation *operation)
{
    static const char *const others[] = {"tensor_reduce_max", "tensor_reduce_min",
                                         "tensor_norm",       "tensor_max_pool2d",
                                         "tensor_dropout",    "tensor_logsumexp"};
    bool simple = value_op_find(operation->function + strlen("tensor_")) != NULL;
    for (size_t i = 0; i < COUNT(others); i++)
        simple |= strcmp(operation->function, others[i]) == 0;
    return simple;
}

START_TEST(grains_agree_at_limits)
{
    const TensorOperation *operation = &tensor_operations[_i];
    /* The second operand of these two is a factor of what is added up, as such a gradient is. */
    const bool scaled = strcmp(operation->function, "tensor_layer_norm") == 0 ||
                        strcmp(operation->function, "tensor_kl_divergence") == 0;
    const int seconds = operation->operand_count == 1 ? 1 : scaled ? FINITE_LIMITS : LIMITS;
    for (int first = 0; first < LIMITS; first++) {
        for (int second = 0; second < seconds; second++) {
            compare_at_limits(operation, first, second, 1);
            if (has_simple_derivatives(operation))
                compare_at_limits(operation, first, second, (real)INFINITY);
        }
    }
}
END_TEST

/* sum_i weights_i sin(result_i): curved even where the operation is not. */
static Tensor *curved(Tensor *result, Tensor *weights)
{
    return tensor_sum_all(tensor_mul(weights, tensor_sin(result)));
}

/* The gradient of curved(operation) with the leaves moved by h times their directions. */
static void moved_gradients(const Case *it, real h, Tensor *weights,
                            Tensor *gradient[MOST_OPERANDS])
{
    Tensor *leaf[MOST_OPERANDS] = {NULL};
    const int n = it->operation->operand_count;
    for (int i = 0; i < n; i++) {
        Tensor *by = tensor_mul(it->along[i], tensor_full(h, 0, NULL));
        real numbers[MOST];
        assert_status(tensor_get(tensor_add(it->leaf[i], by), tensor_size(by), numbers),
                      VALGRAD_OK);
        leaf[i] = tensor_leaf(numbers, AS_SHAPE(it->operation->shapes[i]));
    }
    assert_status(tensor_backward(curved(it->operation->build(leaf), weights), NULL), VALGRAD_OK);
    for (int i = 0; i < n; i++)
        gradient[i] = gradient_of(leaf[i]);
}

START_TEST(second_derivatives_are_differences_of_gradients)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded(5);
    VALGRAD_SCOPE {
        const Case it = case_of(operation, &random);
        const size_t n = (size_t)operation->operand_count;
        Tensor *weights =
            tensor_normal(0, 1, &random, tensor_rank(it.result), tensor_shape(it.result));
        Tensor *product[MOST_OPERANDS], *right[MOST_OPERANDS], *left[MOST_OPERANDS];
        const real h = (real)cbrt((double)REAL_EPSILON) / 64;
        assert_status(tensor_hvp(curved(it.result, weights), n, it.leaf, it.along, product),
                      VALGRAD_OK);
        moved_gradients(&it, h, weights, right);
        moved_gradients(&it, -h, weights, left);
        for (size_t k = 0; k < n; k++) {
            for (int64_t i = 0; i < tensor_size(it.leaf[k]); i++) {
                const double difference = (double)(value_data(tensor_at(right[k], i)) -
                                                   value_data(tensor_at(left[k], i))) /
                                          (2 * (double)h);
                const double exact = (double)value_data(tensor_at(product[k], i));
                ck_assert_msg(fabs(exact - difference) <=
                                  BY_DIFFERENCE * fmax(10, fabs(difference)),
                              "%s, operand %d, element %d: %.17g by the table, %.17g by difference",
                              operation->function, (int)k, (int)i, exact, difference);
            }
        }
    }
}
END_TEST

START_TEST(hessian_is_symmetric)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded(6);
    VALGRAD_SCOPE {
        const Case it = case_of(operation, &random);
        Tensor *weights =
            tensor_normal(0, 1, &random, tensor_rank(it.result), tensor_shape(it.result));
        Tensor *hessian = tensor_hessian(curved(it.result, weights), it.leaf[0]);
        ck_assert_msg(hessian != NULL, "%s: %s", operation->function, valgrad_last_error());
        const int64_t n = tensor_size(it.leaf[0]);
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < i; j++)
                assert_near(value_data(tensor_at(hessian, i * n + j)),
                            value_data(tensor_at(hessian, j * n + i)), ULPS);
        }
    }
}
END_TEST

/* ---- closed forms ------------------------------------------------------------------------------ */

START_TEST(hessian_of_a_polynomial)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(2), value_leaf(3), value_leaf(5)};
        Value *y = value_mul(value_square(x[0]), x[1]);
        real hessian[9], product[3];
        assert_status(value_hessian(y, 3, x, hessian), VALGRAD_OK);
        const real expected[9] = {6, 4, 0, 4, 0, 0, 0, 0, 0};
        for (int i = 0; i < 9; i++)
            assert_same(hessian[i], expected[i]);
        assert_status(value_hvp(y, 3, x, (real[]){1, 10, 100}, product), VALGRAD_OK);
        assert_same(product[0], 46);
        assert_same(product[1], 4);
        assert_same(product[2], 0);
        assert_same(value_grad(x[0]), 0);
    }
}
END_TEST

START_TEST(one_pass_gives_the_tangents_of_several_roots)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(2), value_leaf(3)};
        Value *roots[] = {value_mul(x[0], x[1]), x[1], value_const(7), value_exp(value_neg(x[0]))};
        real out[4], jacobian[8];
        assert_status(value_jvp(4, roots, 2, x, (real[]){1, 10}, out), VALGRAD_OK);
        assert_same(out[0], 23);
        assert_same(out[1], 10);
        assert_same(out[2], 0);
        assert_near(out[3], -exp(-2.0), ULPS);
        assert_status(value_jacobian(4, roots, 2, x, jacobian), VALGRAD_OK);
        const double expected[8] = {3, 2, 0, 1, 0, 0, -exp(-2.0), 0};
        for (int i = 0; i < 8; i++)
            assert_near(jacobian[i], expected[i], ULPS);
    }
}
END_TEST

START_TEST(nodes_of_many_operands)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(2), value_leaf(3), value_leaf(-1)}, *b = value_leaf(4);
        Value *y[] = {x[1], x[1], x[0]};
        Value *sum = value_sum(3, x), *dot = value_dot(3, x, y), *affine = value_affine(3, x, y, b);
        Value *roots[] = {sum, dot, affine}, *leaves[] = {x[0], x[1], x[2], b};
        real jacobian[12], hessian[16];
        assert_status(value_jacobian(3, roots, 4, leaves, jacobian), VALGRAD_OK);
        const real expected[12] = {1, 1, 1, 0, 2, 8, 2, 0, 2, 8, 2, 1};
        for (int i = 0; i < 12; i++)
            assert_same(jacobian[i], expected[i]);
        assert_status(value_hessian(affine, 4, leaves, hessian), VALGRAD_OK);
        const real second[16] = {0, 1, 1, 0, 1, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
        for (int i = 0; i < 16; i++)
            assert_same(hessian[i], second[i]);
    }
}
END_TEST

/* log sum e^x has the Hessian diag(p) - p p^T. */
START_TEST(hessian_of_logsumexp)
{
    VALGRAD_SCOPE {
        const real numbers[] = {(real)0.5, -1, 2, 1000, 999};
        for (int shift = 0; shift < 2; shift++) {
            const int n = 3 - shift;
            Tensor *x = tensor_leaf(numbers + 3 * shift, TENSOR_SHAPE(n));
            Tensor *p = tensor_softmax(x, 0),
                   *hessian = tensor_hessian(tensor_logsumexp(x, 0, false), x);
            ck_assert_int_eq(tensor_rank(hessian), 2);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    const real pi = value_data(tensor_at(p, i)), pj = value_data(tensor_at(p, j));
                    assert_near(value_data(tensor_at(hessian, i * n + j)), pi * ((i == j) - pj),
                                ULPS);
                }
            }
        }
    }
}
END_TEST

START_TEST(scalars_and_tensors_in_one_graph)
{
    VALGRAD_SCOPE {
        Tensor *w = tensor_leaf((real[]){1, 2, 3, 4}, TENSOR_SHAPE(2, 2));
        Value *s = value_leaf(3);
        Tensor *x = tensor_from_values((Value *[]){s, tensor_at(w, 3)}, TENSOR_SHAPE(2));
        Value *y = tensor_at(tensor_sum_all(tensor_matmul(w, x)), 0); /* 4 s + 6 w3, in part w3^2 */
        Value *leaves[] = {s, tensor_at(w, 0), tensor_at(w, 3)};
        real gradient[3], hessian[9];
        assert_status(value_jacobian(1, &y, 3, leaves, gradient), VALGRAD_OK);
        assert_status(value_hessian(y, 3, leaves, hessian), VALGRAD_OK);
        const real first[] = {4, 3, 10}, second[] = {0, 1, 0, 1, 0, 0, 0, 0, 2};
        for (int i = 0; i < 3; i++)
            assert_same(gradient[i], first[i]);
        for (int i = 0; i < 9; i++)
            assert_same(hessian[i], second[i]);
    }
}
END_TEST

/* ---- kinks, zeros, infinities ------------------------------------------------------------------- */

START_TEST(a_zero_tangent_stops_an_infinite_derivative)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *y = value_leaf(1), *leaves[] = {x, y};
        Value *root = value_add(value_sqrt(x), y);
        real out, second[2];
        assert_status(value_jvp(1, &root, 2, leaves, (real[]){0, 1}, &out), VALGRAD_OK);
        assert_same(out, 1);
        assert_status(value_jvp(1, &root, 2, leaves, (real[]){1, 0}, &out), VALGRAD_OK);
        assert_same(out, INFINITY);
        Value *hidden = value_mul(value_sqrt(x), value_const(0));
        assert_status(value_hvp(hidden, 2, leaves, (real[]){1, 1}, second), VALGRAD_OK);
        assert_same(second[0], 0);
        const bool strict = valgrad_set_strict_ieee(true);
        assert_status(value_jvp(1, &root, 2, leaves, (real[]){0, 1}, &out), VALGRAD_OK);
        assert_same(out, NAN);
        valgrad_set_strict_ieee(strict);
    }
}
END_TEST

START_TEST(ties_are_shared)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf((real[]){2, 1, 2, 2}, TENSOR_SHAPE(4));
        Tensor *max = tensor_reduce_max(x, TENSOR_ALL_AXES, false), *j = tensor_jacobian(max, x);
        const double expected[] = {1 / 3.0, 0, 1 / 3.0, 1 / 3.0};
        for (int i = 0; i < 4; i++)
            assert_near(value_data(tensor_at(j, i)), expected[i], ULPS);
    }
}
END_TEST

/* The first derivatives of a norm at 0 are a choice; second ones there are none. */
START_TEST(norms_have_no_curvature_at_0)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(0), value_leaf(0)},
              *roots[] = {value_norm2(2, x), value_hypot(x[0], x[1])};
        Tensor *t = tensor_leaf(NULL, TENSOR_SHAPE(2)),
               *hessian = tensor_hessian(tensor_norm(t, 2, TENSOR_ALL_AXES, false), t);
        for (int i = 0; i < 2; i++) {
            real second[2];
            assert_status(value_hvp(roots[i], 2, x, (real[]){1, 0}, second), VALGRAD_OK);
            assert_same(second[0], NAN);
            assert_same(value_data(tensor_at(hessian, i)), NAN);
            assert_status(value_hvp(roots[i], 2, x, (real[]){0, 0}, second), VALGRAD_OK);
            assert_same(second[0], 0);
        }
    }
}
END_TEST

/* ---- operations of the user's ------------------------------------------------------------------- */

static real product_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return x[0] * x[1];
}

static void product_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)context, (void)result;
    partials[0] = x[1];
    partials[1] = x[0];
}

static const ValueOp product = {"product", product_forward, product_backward, NULL};

START_TEST(an_operation_of_ones_own_has_first_derivatives_only)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(2), value_leaf(3)}, *y = value_custom(&product, 2, x, NULL);
        Value *root = value_square(y);
        real out[2];
        assert_status(value_jvp(1, &root, 2, x, (real[]){1, 10}, out), VALGRAD_OK);
        assert_same(out[0], 276);
        assert_status(value_jacobian(1, &root, 2, x, out), VALGRAD_OK);
        assert_same(out[0], 36);
        assert_same(out[1], 24);
        out[0] = 77;
        assert_refused(
            value_hvp(root, 2, x, (real[]){1, 10}, out), VALGRAD_ERROR_STATE,
            "value_hvp: product is an operation of the user's, which has first derivatives "
            "only");
        assert_same(out[0], 77);
        /* It may stand where nothing is asked. */
        Value *z = value_leaf(5), *beside = value_mul(y, value_square(z));
        assert_status(value_hvp(beside, 1, &z, (real[]){1}, out), VALGRAD_OK);
        assert_same(out[0], 12);
    }
}
END_TEST

/* ---- what is asked wrongly ---------------------------------------------------------------------- */

START_TEST(wrong_arguments)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_square(x), *none = NULL;
        real one = 1, out;
        assert_refused(value_jvp(1, &none, 1, &x, &one, &out), VALGRAD_ERROR_NULL,
                       "value_jvp: root is NULL");
        assert_refused(value_jvp(1, &y, 1, &none, &one, &out), VALGRAD_ERROR_NULL,
                       "value_jvp: leaf is NULL");
        assert_refused(value_jvp(1, &y, 1, &x, NULL, &out), VALGRAD_ERROR_NULL,
                       "value_jvp: tangents is NULL");
        assert_refused(value_hvp(y, 1, &x, NULL, &out), VALGRAD_ERROR_NULL,
                       "value_hvp: vector is NULL");
        assert_refused(value_hvp(NULL, 1, &x, &one, &out), VALGRAD_ERROR_NULL,
                       "value_hvp: root is NULL");
        assert_refused(value_hessian(y, 1, &x, NULL), VALGRAD_ERROR_NULL,
                       "value_hessian: the result is NULL");
        assert_refused(value_jacobian(1, NULL, 1, &x, &out), VALGRAD_ERROR_NULL,
                       "value_jacobian: root is NULL");
        assert_refused(
            value_jacobian(1, &x, 1, &y, &out), VALGRAD_ERROR_ARGUMENT,
            "value_jacobian: an input is the result of square; expected a leaf or constant");
        value_set_label(x, "x");
        value_set_data(x, 3);
        assert_refused(
            value_hessian(y, 1, &x, &out), VALGRAD_ERROR_MODIFIED,
            "value_hessian: the leaf 'x' was given another number after square had used it; "
            "build the graph anew after changing a leaf");
    }
}
END_TEST

START_TEST(wrong_tensors)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *y = tensor_square(x), *out = x;
        Tensor *wrong = tensor_zeros(TENSOR_SHAPE(2, 1)), *none = NULL;
        assert_fails(tensor_jvp(NULL, 1, &x, &x), VALGRAD_ERROR_NULL, "tensor_jvp: root is NULL");
        assert_fails(tensor_jvp(y, 1, NULL, &x), VALGRAD_ERROR_NULL, "tensor_jvp: a leaf is NULL");
        assert_fails(tensor_jvp(y, 1, &x, &none), VALGRAD_ERROR_NULL,
                     "tensor_jvp: a direction is NULL");
        assert_fails(tensor_jvp(y, 1, &x, &wrong), VALGRAD_ERROR_SHAPE,
                     "tensor_jvp: a direction of shape (2, 1) for a leaf of shape (2)");
        assert_fails(tensor_jvp(y, 1, &y, &x), VALGRAD_ERROR_ARGUMENT,
                     "tensor_jvp: an input is the result of square; expected a leaf or constant");
        assert_fails(tensor_hessian(y, x), VALGRAD_ERROR_SHAPE,
                     "tensor_hessian: a root of shape (2); expected one number");
        assert_refused(tensor_hvp(y, 1, &x, &x, &out), VALGRAD_ERROR_SHAPE,
                       "tensor_hvp: a root of shape (2); expected one number");
        ck_assert_ptr_null(out);
        Tensor *total = tensor_sum_all(y);
        assert_refused(tensor_hvp(total, 1, &x, &x, NULL), VALGRAD_ERROR_NULL,
                       "tensor_hvp: out is NULL");
        Tensor *deep = tensor_leaf(NULL, TENSOR_SHAPE(1, 1, 1, 1, 1));
        assert_fails(tensor_jacobian(tensor_square(deep), deep), VALGRAD_ERROR_SHAPE,
                     "tensor_jacobian: 5 and 5 axes; expected at most 8 together");
        /* A table as leaf: one of its Values is a result. */
        Tensor *table =
            tensor_from_values((Value *[]){tensor_at(x, 0), tensor_at(y, 0)}, TENSOR_SHAPE(2));
        assert_fails(
            tensor_jacobian(y, table), VALGRAD_ERROR_ARGUMENT,
            "tensor_jacobian: an input is the result of square; expected a leaf or constant");
    }
}
END_TEST

START_TEST(whole_tensors_are_no_values)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *y = tensor_square(x);
        Value *node = value_operand(tensor_at(tensor_sum_all(y), 0), 0), *leaf = tensor_at(x, 0);
        real out;
        if (node)
            assert_refused(value_jacobian(1, &node, 1, &leaf, &out), VALGRAD_ERROR_STATE,
                           "value_jacobian: root has a whole tensor; use tensor functions");
    }
}
END_TEST

START_TEST(nothing_to_differentiate)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_square(x), *elsewhere = value_leaf(1);
        real out[2] = {5, 5};
        assert_status(value_jacobian(1, &y, 0, NULL, NULL), VALGRAD_OK);
        assert_status(value_jvp(0, NULL, 1, &x, out, NULL), VALGRAD_OK);
        Value *both[] = {elsewhere, x};
        assert_status(value_jacobian(1, &y, 2, both, out), VALGRAD_OK);
        assert_same(out[0], 0);
        assert_same(out[1], 4);
        Value *twice[] = {x, x};
        assert_status(value_jacobian(1, &y, 2, twice, out), VALGRAD_OK);
        assert_same(out[0], 4);
        assert_same(out[1], 4);
        assert_status(value_jvp(1, &y, 2, twice, (real[]){1, 10}, out), VALGRAD_OK);
        assert_same(out[0], 44);
        assert_status(value_hessian(x, 1, &x, out), VALGRAD_OK);
        assert_same(out[0], 0);
    }
}
END_TEST

/* ---- deep graphs -------------------------------------------------------------------------------- */

START_TEST(a_long_chain)
{
    enum { LINKS = 200000 };
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *y = x;
        for (int i = 0; i < LINKS; i++)
            y = value_add(y, x);
        Value *root = value_square(y);
        real out;
        assert_status(value_hessian(root, 1, &x, &out), VALGRAD_OK);
        assert_near(out, 2.0 * (LINKS + 1.0) * (LINKS + 1.0), 200 * ULPS);
    }
}
END_TEST

/* Outside of scopes, results are the caller's. */
START_TEST(results_outside_of_scopes)
{
    Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *y = tensor_square(x);
    Tensor *total = tensor_sum_all(y), *part = NULL;
    Tensor *j = tensor_jacobian(y, x), *h = tensor_hessian(total, x), *t = tensor_jvp(y, 1, &x, &x);
    assert_status(tensor_hvp(total, 1, &x, &x, &part), VALGRAD_OK);
    assert_same(value_data(tensor_at(j, 3)), 4);
    assert_same(value_data(tensor_at(h, 3)), 2);
    assert_same(value_data(tensor_at(t, 1)), 8);
    assert_same(value_data(tensor_at(part, 1)), 4);
    Tensor *all[] = {x, y, total, j, h, t, part};
    for (size_t i = 0; i < COUNT(all); i++)
        tensor_release(all[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("derivatives");
    TCase *tests = new_case(suite, "derivatives", 60);
    const int count = (int)COUNT(tensor_operations);
    tcase_add_loop_test(tests, forward_equals_reverse, 0, count);
    tcase_add_loop_test(tests, jacobian_is_that_of_backward, 0, count);
    tcase_add_loop_test(tests, grains_agree_at_limits, 0, count);
    tcase_add_loop_test(tests, second_derivatives_are_differences_of_gradients, 0, count);
    tcase_add_loop_test(tests, hessian_is_symmetric, 0, count);
    tcase_add_test(tests, hessian_of_a_polynomial);
    tcase_add_test(tests, one_pass_gives_the_tangents_of_several_roots);
    tcase_add_test(tests, nodes_of_many_operands);
    tcase_add_test(tests, hessian_of_logsumexp);
    tcase_add_test(tests, scalars_and_tensors_in_one_graph);
    tcase_add_test(tests, a_zero_tangent_stops_an_infinite_derivative);
    tcase_add_test(tests, ties_are_shared);
    tcase_add_test(tests, norms_have_no_curvature_at_0);
    tcase_add_test(tests, an_operation_of_ones_own_has_first_derivatives_only);
    tcase_add_test(tests, wrong_arguments);
    tcase_add_test(tests, wrong_tensors);
    tcase_add_test(tests, whole_tensors_are_no_values);
    tcase_add_test(tests, nothing_to_differentiate);
    tcase_add_test(tests, a_long_chain);
    tcase_add_test(tests, results_outside_of_scopes);
    return run_suite(suite);
}
