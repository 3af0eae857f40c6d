/* test_witness.c - the library's numbers and gradients against quadruple precision: every operation of the
 * table, operations of many operands, random compositions, every tensor operation, a whole network. */
#include <stdio.h>

#include <valgrad/derivatives.h>
#include <valgrad/nn.h>

#include "tensor_operations.h"
#include "witness.h"

enum { MOST_INPUTS = 5 }; /* tensors: the parameters of a network and what goes into it */

#ifdef VALGRAD_FLOAT
#define SYMMETRY 1e-4
#else
#define SYMMETRY 1e-12
#endif

static void assert_agrees(const Witness *w)
{
    ck_assert_msg(witness_value_error(w) <= WITNESS_TOLERANCE, "%s: the value is off by %.3g",
                  now_testing, witness_value_error(w));
    ck_assert_msg(witness_gradient_error(w) <= WITNESS_TOLERANCE, "%s: the gradient is off by %.3g",
                  now_testing, witness_gradient_error(w));
}

/* ---- second derivatives -------------------------------------------------------------------------- */

static void assert_right(const Witness *w, const real *derivatives, const char *function)
{
    ck_assert_msg(witness_error(w, derivatives) <= WITNESS_TOLERANCE, "%s: %s is off by %.3g",
                  now_testing, function, witness_error(w, derivatives));
}

/* hessian is root's by x, n x n. */
static void check_hessian(const char *function, Value *root, size_t n, Value *const *x,
                          const real *hessian)
{
    real column[MOST], unit[MOST] = {0};
    for (size_t j = 0; j < n; j++) {
        unit[j] = 1;
        Witness w = witness_along(now_testing, 1, &root, (real[]){1}, n, x, unit);
        unit[j] = 0;
        for (size_t i = 0; i < n; i++) {
            column[i] = hessian[i * n + j];
            assert_near(column[i], hessian[j * n + i], SYMMETRY);
        }
        assert_right(&w, column, function);
        witness_free(&w);
    }
}

static void check_second_derivatives(Value *root, size_t n, Value *const *x, Random *random)
{
    real vector[MOST], product[MOST], *hessian = calloc(n * n, sizeof *hessian);
    ck_assert_ptr_nonnull(hessian);
    assert_status(value_hessian(root, n, x, hessian), VALGRAD_OK);
    check_hessian("value_hessian", root, n, x, hessian);
    free(hessian);
    draw_many(random, (Range){-1, 1, false}, (int64_t)n, vector);
    assert_status(value_hvp(root, n, x, vector, product), VALGRAD_OK);
    Witness w = witness_along(now_testing, 1, &root, (real[]){1}, n, x, vector);
    assert_right(&w, product, "value_hvp");
    witness_free(&w);
}

/* ---- rows of the table --------------------------------------------------------------------------- */

START_TEST(every_row_has_a_formula_here)
{
    for (size_t i = 0; value_op_row(i); i++)
        ck_assert_msg(witness_knows(value_op_row(i)->name),
                      "%s has no formula in quad_formulas.h: add one", value_op_row(i)->name);
    ck_assert_ptr_null(value_op_row(row_count()));
}
END_TEST

START_TEST(row_at_random_points)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded((uint64_t)_i);
    for (int point = 0; point < 1000; point++) {
        VALGRAD_SCOPE {
            Value *x[3];
            for (int k = 0; k < row->arity; k++)
                x[k] = value_leaf(
                    random_uniform(&random, (real)row->domain[k][0], (real)row->domain[k][1]));
            Value *f = apply_row((size_t)_i, x, random_uniform(&random, (real)0.05, (real)0.95));
            now_testing_is("%s at %.17g, %.17g, %.17g", row->name, (double)value_data(x[0]),
                           row->arity > 1 ? (double)value_data(x[1]) : 0,
                           row->arity > 2 ? (double)value_data(x[2]) : 0);
            assert_status(value_backward(f), VALGRAD_OK);
            Witness w = witness_new(now_testing, 1, &f, (real[]){1}, (size_t)row->arity, x);
            assert_agrees(&w);
            witness_free(&w);
            if (point < (is_full_test() ? 1000 : 25))
                check_second_derivatives(f, (size_t)row->arity, x, &random);
        }
    }
}
END_TEST

/* ---- compositions -------------------------------------------------------------------------------- */

enum { DEEPEST = 30, LEAVES = 3 };

/* Whether a row can go on from x: its numbers within the domain, a result of ordinary size, and a gradient to
 * pass on, so that the chain stays one. */
static bool goes_on(const ValueOpInfo *row, Value *const *x, real p)
{
    real number[3] = {0}, first[3] = {0};
    for (int k = 0; k < row->arity; k++) {
        number[k] = value_data(x[k]);
        if ((double)number[k] < row->domain[k][0] || (double)number[k] > row->domain[k][1])
            return false;
    }
    const real third = row->arity > 2 ? number[2] : p;
    const real f = row->forward(number[0], number[1], third);
    row->first(number[0], number[1], third, f, first);
    return fabs((double)f) > 0.05 && fabs((double)f) < 3 && fabs((double)first[0]) > 1e-3;
}

/* A chain of `depth` rows from x[0]; other operands are leaves or earlier results. */
static Value *random_chain(Random *random, int depth, Value *const *leaves)
{
    Value *made[LEAVES + DEEPEST];
    size_t count = LEAVES;
    memcpy(made, leaves, LEAVES * sizeof *leaves);
    Value *v = leaves[0];
    for (int d = 0; d < depth;) {
        const size_t row = (size_t)random_below(random, row_count());
        const real p = random_uniform(random, (real)0.05, (real)0.95);
        Value *x[3] = {v, made[random_below(random, count)], made[random_below(random, count)]};
        if (!goes_on(value_op_row(row), x, p))
            continue;
        v = apply_row(row, x, p);
        made[count++] = v;
        d++;
    }
    return v;
}

/* One in which rounding is not blown up beyond what is to be seen; false if it is. */
static bool try_composition(Random *random, int depth)
{
    static const real one = 1;
    bool steady = false;
    VALGRAD_SCOPE {
        Value *leaves[LEAVES];
        for (int i = 0; i < LEAVES; i++)
            leaves[i] = value_leaf(random_uniform(random, (real)0.2, (real)0.9));
        Value *root = random_chain(random, depth, leaves);
        real vector[LEAVES], product[LEAVES];
        for (int i = 0; i < LEAVES; i++)
            vector[i] = random_uniform(random, -1, 1);
        Witness w = witness_new(now_testing, 1, &root, &one, LEAVES, leaves),
                second = witness_along(now_testing, 1, &root, &one, LEAVES, leaves, vector);
        steady = witness_noise(&w, &one, NULL) <= WITNESS_NOISE &&
                 witness_noise(&second, &one, vector) <= WITNESS_NOISE;
        if (steady) {
            now_testing_is("a composition of depth %d", depth);
            assert_status(value_backward(root), VALGRAD_OK);
            assert_agrees(&w);
            assert_status(value_hvp(root, LEAVES, leaves, vector, product), VALGRAD_OK);
            assert_right(&second, product, "value_hvp");
        }
        witness_free(&w);
        witness_free(&second);
    }
    return steady;
}

START_TEST(random_compositions)
{
    const int depth = _i, wanted = is_full_test() ? 200 : 20;
    Random random = random_seeded((uint64_t)depth);
    int steady = 0, tried = 0;
    for (; steady < wanted && tried < 40 * wanted; tried++)
        steady += try_composition(&random, depth);
    ck_assert_msg(steady == wanted, "depth %d: %d of %d compositions can be judged", depth, steady,
                  tried);
}
END_TEST

/* ---- many operands ------------------------------------------------------------------------------- */

static int of_many_count(void)
{
    int count = 0;
    while (of_many((size_t)count))
        count++;
    return count;
}

START_TEST(operations_of_many_operands)
{
    Random random = random_seeded(9);
    for (size_t n = 2; n < 12; n++) {
        VALGRAD_SCOPE {
            Value *x[12];
            for (size_t i = 0; i < n; i++)
                x[i] = value_leaf(random_uniform(&random, (real)0.3, 2));
            Value *f = of_many((size_t)_i)->make(n, x);
            now_testing_is("%s of %zu", of_many((size_t)_i)->name, n);
            assert_status(value_backward(f), VALGRAD_OK);
            Witness w = witness_new(now_testing, 1, &f, (real[]){1}, n, x);
            assert_agrees(&w);
            witness_free(&w);
            check_second_derivatives(f, n, x, &random);
        }
    }
}
END_TEST

/* Whether there is no derivative: at a tie of a maximum, and where a norm is 0. */
static bool is_kink(const char *name, size_t n, Value *const *x)
{
    bool tie = false, zero = true;
    for (size_t i = 0; i < n; i++) {
        zero = zero && value_data(x[i]) == 0;
        for (size_t k = 0; k < i; k++)
            tie = tie || value_data(x[i]) == value_data(x[k]);
    }
    return (tie && strstr(name, "reduce_")) || (zero && strstr(name, "norm2"));
}

static void check_many_at(const OfMany *operation, size_t n, Value *const *x)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++)
        finite = finite && isfinite(value_data(x[i]));
    Value *f = operation->make(n, x);
    now_testing_is("%s at %g, %g, %g", operation->name, (double)value_data(x[0]),
                   (double)value_data(x[1]), (double)value_data(x[2]));
    Witness w = witness_new(now_testing, 1, &f, (real[]){1}, n, x);
    if (finite && !is_kink(operation->name, n, x)) {
        assert_status(value_backward(f), VALGRAD_OK);
        assert_agrees(&w);
    } else {
        ck_assert_msg(witness_value_error(&w) <= WITNESS_TOLERANCE ||
                          same((double)value_data(f), w.values[0]),
                      "%s: %g, not %g", now_testing, (double)value_data(f), w.values[0]);
    }
    witness_free(&w);
}

/* What the gradient is at ties and infinities stands in test_reductions.c. */
START_TEST(operations_of_many_operands_at_the_points_of_stan)
{
    static const double points[] = {-1.3, 0.49, 0.99, 1.01, 0, -0.0, INFINITY, -INFINITY, NAN};
    const size_t n = COUNT(points);
    for (size_t i = 0; i < n * n * n; i++) {
        VALGRAD_SCOPE {
            Value *x[] = {value_leaf((real)points[i % n]), value_leaf((real)points[i / n % n]),
                          value_leaf((real)points[i / n / n])};
            check_many_at(of_many((size_t)_i), COUNT(x), x);
        }
    }
}
END_TEST

/* value.h of the tree that this file is in. */
static FILE *open_header(void)
{
    char path[4096];
    const char *slash = strrchr(__FILE__, '/');
    (void)snprintf(path, sizeof path, "%.*s../include/valgrad/value.h",
                   slash ? (int)(slash - __FILE__) + 1 : 0, __FILE__);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    return file;
}

START_TEST(every_operation_of_many_operands_has_an_entry)
{
    static const char start[] = "VALGRAD_API Value *";
    FILE *header = open_header();
    char line[512];
    int found = 0;
    while (fgets(line, sizeof line, header)) {
        char *end = strstr(line, "(size_t n,");
        if (strncmp(line, start, sizeof start - 1) != 0 || !end)
            continue;
        *end = '\0';
        bool listed = false;
        for (size_t i = 0; of_many(i); i++)
            listed |= strcmp(of_many(i)->name, line + sizeof start - 1) == 0;
        ck_assert_msg(listed, "%s has no entry in of_many() of witness.c: add one",
                      line + sizeof start - 1);
        found++;
    }
    fclose(header);
    ck_assert_int_eq(found, of_many_count());
}
END_TEST

/* ---- tensors ------------------------------------------------------------------------------------- */

/* All elements of the tensors, one after the other. Returns their number. */
static size_t elements_of(int count, Tensor *const *tensors, Value *out[MOST])
{
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        for (int64_t k = 0; k < tensor_size(tensors[i]); k++) {
            ck_assert_uint_lt(n, MOST);
            out[n++] = tensor_at(tensors[i], k);
        }
    }
    return n;
}

/* The gradient of a random weighing of y's elements. */
static void check_tensor(Tensor *y, int count, Tensor *const *x, Random *random)
{
    Value *roots[MOST], *inputs[MOST];
    real weights[MOST];
    const size_t n = elements_of(1, &y, roots), m = elements_of(count, x, inputs);
    draw_many(random, (Range){-1, 1, false}, (int64_t)n, weights);
    const Tensor *seed = tensor_const(weights, tensor_rank(y), tensor_shape(y));
    assert_status(tensor_backward(y, seed), VALGRAD_OK);
    Witness w = witness_new(now_testing, n, roots, weights, m, inputs);
    assert_agrees(&w);
    witness_free(&w);
}

/* Each element of y by each of x. */
static void check_jacobian(Tensor *y, Tensor *x)
{
    Value *roots[MOST], *inputs[MOST];
    real jacobian[MOST];
    const size_t m = elements_of(1, &y, roots), n = elements_of(1, &x, inputs);
    assert_status(tensor_get(tensor_jacobian(y, x), (int64_t)(m * n), jacobian), VALGRAD_OK);
    for (size_t i = 0; i < m; i++) {
        Witness w = witness_new(now_testing, 1, &roots[i], (real[]){1}, n, inputs);
        assert_right(&w, jacobian + i * n, "tensor_jacobian");
        witness_free(&w);
    }
}

/* Of the tensor root, which is of size 1, by tensors x. */
static void check_tensor_hvp(Tensor *root, int count, Tensor *const *x, Random *random)
{
    Tensor *vectors[MOST_INPUTS], *products[MOST_INPUTS];
    Value *inputs[MOST], *total = tensor_at(root, 0);
    real vector[MOST], product[MOST];
    const size_t n = elements_of(count, x, inputs);
    draw_many(random, (Range){-1, 1, false}, (int64_t)n, vector);
    for (int64_t k = 0, at = 0; k < count; at += tensor_size(x[k++]))
        vectors[k] = tensor_const(vector + at, tensor_rank(x[k]), tensor_shape(x[k]));
    assert_status(tensor_hvp(root, (size_t)count, x, vectors, products), VALGRAD_OK);
    for (int64_t k = 0, at = 0; k < count; at += tensor_size(x[k++]))
        assert_status(tensor_get(products[k], tensor_size(x[k]), product + at), VALGRAD_OK);
    Witness w = witness_along(now_testing, 1, &total, (real[]){1}, n, inputs, vector);
    assert_right(&w, product, "tensor_hvp");
    witness_free(&w);
}

/* Of sum_i weights_i sin(y_i), which is curved even where y is not. */
static void check_tensor_second(Tensor *y, int count, Tensor *const *x, Random *random)
{
    Value *inputs[MOST];
    Tensor *weights = tensor_uniform((real)0.5, 1, random, tensor_rank(y), tensor_shape(y));
    Tensor *root = tensor_sum_all(tensor_mul(weights, tensor_sin(y)));
    check_tensor_hvp(root, count, x, random);
    for (int k = 0; k < count; k++) {
        real hessian[MOST];
        const size_t n = elements_of(1, &x[k], inputs);
        assert_status(tensor_get(tensor_hessian(root, x[k]), (int64_t)(n * n), hessian),
                      VALGRAD_OK);
        check_hessian("tensor_hessian", tensor_at(root, 0), n, inputs, hessian);
        check_jacobian(y, x[k]);
    }
}

START_TEST(every_tensor_operation)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded((uint64_t)_i);
    for (int point = 0; point < (is_full_test() ? 20 : 2); point++) {
        VALGRAD_SCOPE {
            Tensor *x[MOST_OPERANDS];
            now_testing_is("%s", operation->function);
            for (int i = 0; i < operation->operand_count; i++) {
                real numbers[MOST];
                distinct_numbers(operation, i, &random, numbers);
                x[i] = tensor_leaf(numbers, AS_SHAPE(operation->shapes[i]));
            }
            Tensor *y = operation->build(x);
            ck_assert_msg(y != NULL, "%s: %s", operation->function, valgrad_last_error());
            check_tensor(y, operation->operand_count, x, &random);
            check_tensor_second(y, operation->operand_count, x, &random);
        }
    }
}
END_TEST

/* ---- a network ----------------------------------------------------------------------------------- */

START_TEST(network_with_cross_entropy)
{
    static const NnActivation activations[] = {NN_TANH, NN_SIGMOID, NN_RELU, NN_SOFTPLUS};
    Random random = random_seeded((uint64_t)_i);
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = activations[_i];
    NnMlp *net = nn_mlp_new(NN_SIZES(16, 12, 5), &options, &random);
    now_testing_is("a network with %d", (int)options.hidden);
    VALGRAD_SCOPE {
        Tensor *x[MOST_INPUTS];
        const int count = (int)nn_parameters_count(nn_mlp_parameters(net));
        for (int i = 0; i < count; i++)
            x[i] = nn_parameters_at(nn_mlp_parameters(net), i);
        x[count] = tensor_leaf(NULL, TENSOR_SHAPE(4, 16));
        assert_status(tensor_fill_normal(x[count], 0, 1, &random), VALGRAD_OK);
        Tensor *logits = nn_mlp_forward(net, x[count]);
        Tensor *loss = tensor_cross_entropy(logits, 4, (int64_t[]){0, 3, 1, 4});
        check_tensor(loss, count + 1, x, &random);
        check_tensor_hvp(loss, count + 1, x, &random);
    }
    nn_mlp_free(net);
}
END_TEST

int main(void)
{
    if (!witness_is_there())
        return puts("skipped: no quadruple precision here"), 77;
    Suite *suite = suite_create("witness");
    TCase *rows = new_case(suite, "rows", 30);
    tcase_add_test(rows, every_row_has_a_formula_here);
    tcase_add_loop_test(rows, row_at_random_points, 0, (int)row_count());
    TCase *compositions = new_case(suite, "compositions", 60);
    tcase_add_loop_test(compositions, random_compositions, 1, DEEPEST + 1);
    tcase_add_loop_test(compositions, operations_of_many_operands, 0, of_many_count());
    tcase_add_loop_test(compositions, operations_of_many_operands_at_the_points_of_stan, 0,
                        of_many_count());
    tcase_add_test(compositions, every_operation_of_many_operands_has_an_entry);
    TCase *tensors = new_case(suite, "tensors", 60);
    tcase_add_loop_test(tensors, every_tensor_operation, 0, (int)COUNT(tensor_operations));
    tcase_add_loop_test(tensors, network_with_cross_entropy, 0, 4);
    return run_suite(suite);
}
