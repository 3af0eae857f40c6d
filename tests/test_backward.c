/* test_backward.c - the chain rule over whole graphs: known results, what is passed on and what is not. */
#include <stdio.h>

#include <valgrad/random.h>

#include "testing.h"

#ifdef VALGRAD_FLOAT
enum { DOUBLE = 0 };
#else
enum { DOUBLE = 1 };
#endif

/* ---- known results ------------------------------------------------------------------------------ */

static Value *add_number(Value *v, double c)
{
    return value_add(v, value_const((real)c));
}

static Value *times_number(Value *v, double c)
{
    return value_mul(v, value_const((real)c));
}

/* The expression of micrograd's README. */
static Value *micrograd_expression(Value *a, Value *b)
{
    Value *c = value_add(a, b);
    Value *d = value_add(value_mul(a, b), value_pow(b, value_const(3)));
    c = value_add(c, add_number(c, 1));
    c = value_add(c, value_add(add_number(c, 1), value_neg(a)));
    d = value_add(d, value_add(times_number(d, 2), value_relu(value_add(b, a))));
    d = value_add(d, value_add(times_number(d, 3), value_relu(value_sub(b, a))));
    Value *e = value_sub(c, d), *f = value_square(e);
    return value_add(times_number(f, 0.5), value_div(value_const(10), f));
}

START_TEST(micrograd_s_expression)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(-4), *b = value_leaf(2), *g = micrograd_expression(a, b);
        assert_status(value_backward(g), VALGRAD_OK);
        assert_near(value_data(g), 24.70408163265306, 8 * REAL_EPSILON);
        assert_near(value_grad(a), 138.8338192419825, 8 * REAL_EPSILON);
        assert_near(value_grad(b), 645.5772594752186, 8 * REAL_EPSILON);
    }
}
END_TEST

enum { PARAMETERS = 337, HIDDEN = 16, POINTS = 100 };

static Value *neuron(Value ***next, const size_t inputs, Value *const *x, bool nary)
{
    Value **w = *next, *s = w[inputs];
    *next += inputs + 1;
    if (nary)
        return value_affine(inputs, w, x, s);
    for (size_t i = 0; i < inputs; i++)
        s = value_add(s, value_mul(w[i], x[i]));
    return s;
}

static Value *network(Value **parameters, Value *const *x, bool nary)
{
    Value *first[HIDDEN], *second[HIDDEN], **next = parameters;
    for (int j = 0; j < HIDDEN; j++)
        first[j] = value_relu(neuron(&next, 2, x, nary));
    for (int j = 0; j < HIDDEN; j++)
        second[j] = value_relu(neuron(&next, HIDDEN, first, nary));
    return neuron(&next, HIDDEN, second, nary);
}

static Value *network_loss(Value **parameters, bool nary)
{
    Value *data = NULL, *decay = NULL;
    for (int i = 0; i < POINTS; i++) {
        Value *x[] = {value_const((real)sin(i)), value_const((real)cos(1.7 * i))};
        Value *score = network(parameters, x, nary);
        Value *l = value_relu(add_number(times_number(score, i % 2 ? -1 : 1), 1));
        data = data ? value_add(data, l) : l;
    }
    for (int k = 0; k < PARAMETERS; k++) {
        Value *square = value_mul(parameters[k], parameters[k]);
        decay = decay ? value_add(decay, square) : square;
    }
    return value_add(times_number(data, 0.01), times_number(decay, 1e-4));
}

/* A small classifier of points: 65,075 operations, then the same with a node for each neuron. */
START_TEST(small_network)
{
    VALGRAD_SCOPE {
        Value *parameters[PARAMETERS];
        for (int k = 0; k < PARAMETERS; k++)
            parameters[k] = value_leaf((real)(0.1 * sin(k)));
        Value *loss = network_loss(parameters, _i == 1);
        assert_status(value_backward(loss), VALGRAD_OK);
        double sum = 0;
        for (int k = 0; k < PARAMETERS; k++)
            sum += (k + 1) * (double)value_grad(parameters[k]);
        assert_near(value_data(loss), 1.00016313239745, DOUBLE ? 1e-13 : 1e-6);
        ck_assert_double_eq_tol(sum, -0.09393684456, DOUBLE ? 1e-11 : 1e-2);
        ck_assert_double_eq_tol((double)value_grad(parameters[100]), -1.012731282e-05,
                                DOUBLE ? 1e-14 : 1e-7);
    }
}
END_TEST

/* A random graph of a million nodes, in which every node is read. `half`: 0.5 a in place of tanh(a),
 * and nothing grows. */
enum { RING = 1000, DAG_NODES = 1000000 };

typedef enum Step { PLUS_LEAF, TIMES, BEND } Step;

typedef struct Dag {
    unsigned char step[DAG_NODES];
    unsigned short a[DAG_NODES], b[DAG_NODES];
} Dag;

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static Step choose(bool half, int drawn, double a, double b, double leaf)
{
    if (half && drawn == TIMES && fabs(a * b) > 1.5)
        drawn = BEND;
    if (drawn == TIMES && fabs(a * b) < 0.01)
        drawn = PLUS_LEAF;
    if (drawn == PLUS_LEAF && fabs(a + leaf) > 1.5)
        drawn = BEND;
    return (Step)drawn;
}

static Dag *make_dag(bool half)
{
    static double v[RING], leaves[RING];
    bool used[RING] = {false};
    Dag *dag = malloc(sizeof *dag);
    uint64_t state = 12345;
    for (int i = 0; i < RING; i++)
        leaves[i] = v[i] = sin(i + 1.0);
    for (int k = 0; k < DAG_NODES; k++) {
        const int i = RING + k, r0 = (int)(draw(&state) % 3), r1 = (int)(draw(&state) % RING);
        const int r2 = (int)(draw(&state) % RING);
        const int a = used[i % RING] ? (i - 1 - r1) % RING : i % RING, b = (i - 1 - r2) % RING;
        const Step step = choose(half, r0, v[a], v[b], leaves[r2]);
        dag->step[k] = (unsigned char)step;
        dag->a[k] = (unsigned short)a;
        dag->b[k] = (unsigned short)(step == PLUS_LEAF ? r2 : b);
        used[a] = true;
        if (step == TIMES)
            used[b] = true;
        used[i % RING] = false;
        v[i % RING] = step == PLUS_LEAF ? v[a] + leaves[r2]
                      : step == TIMES   ? v[a] * v[b]
                      : half            ? 0.5 * v[a]
                                        : tanh(v[a]);
    }
    return dag;
}

static Value *dag_step(const Dag *dag, int k, Value **ring, Value **leaves, Value *half)
{
    Value *a = ring[dag->a[k]];
    if (dag->step[k] == PLUS_LEAF)
        return value_add(a, leaves[dag->b[k]]);
    if (dag->step[k] == TIMES)
        return value_mul(a, ring[dag->b[k]]);
    return half ? value_mul(half, a) : value_tanh(a);
}

/* A node and its handle, which a scope has no need of. */
static void replace(Value **slot, Value *v, bool in_pool)
{
    if (in_pool)
        value_release(*slot);
    *slot = v;
}

static Value *build_dag(const Dag *dag, Value **leaves, Value *half, bool in_pool)
{
    Value *ring[RING];
    for (int i = 0; i < RING; i++)
        ring[i] = in_pool ? value_retain(leaves[i]) : leaves[i];
    for (int k = 0; k < DAG_NODES; k++)
        replace(&ring[k % RING], dag_step(dag, k, ring, leaves, half), in_pool);
    Value *out = ring[DAG_NODES % RING];
    for (int i = 1; i < RING; i++) {
        replace(&out, value_add(out, ring[(DAG_NODES + i) % RING]), in_pool);
        if (in_pool)
            value_release(ring[(DAG_NODES + i) % RING]);
    }
    return out;
}

static real differentiate_dag(const Dag *dag, bool half, bool in_pool, real *gradients)
{
    Value *leaves[RING], *c = half ? value_const((real)0.5) : NULL;
    for (int i = 0; i < RING; i++)
        leaves[i] = value_leaf((real)sin(i + 1.0));
    Value *out = build_dag(dag, leaves, c, in_pool);
    assert_status(value_backward(out), VALGRAD_OK);
    for (int i = 0; i < RING; i++)
        gradients[i] = value_grad(leaves[i]);
    const real result = value_data(out);
    if (in_pool) {
        for (int i = 0; i < RING; i++)
            value_release(leaves[i]);
        value_release(c);
        value_release(out);
    }
    return result;
}

START_TEST(million_nodes)
{
    static const struct {
        double out, last, first, sum;
    } expected[] = {{-8.30779441490930, 0.03351609018, 1.103645191, 784.8715428},
                    {-17.0179443788014, -0.02930768981, 0.07534447319, 844.6659843}};
    real gradients[RING], in_pool[RING], out = 0;
    Dag *dag = make_dag(_i == 1);
    VALGRAD_SCOPE {
        out = differentiate_dag(dag, _i == 1, false, gradients);
    }
    assert_same(differentiate_dag(dag, _i == 1, true, in_pool), out);
    ck_assert_mem_eq(gradients, in_pool, sizeof gradients);
    double sum = 0;
    for (int i = 0; i < RING; i++)
        sum += (double)gradients[i];
    if (DOUBLE) { /* in float rounding errors grow past comparing */
        assert_near(out, expected[_i].out, 1e-13);
        ck_assert_double_eq_tol((double)gradients[RING - 1], expected[_i].last, 1e-11);
        ck_assert_double_eq_tol((double)gradients[0], expected[_i].first, 1e-9);
        assert_near(sum, expected[_i].sum, 1e-9);
    }
    free(dag);
}
END_TEST

START_TEST(long_chain)
{
    real value = 0, slope = 0;
    VALGRAD_SCOPE {
        Value *start = value_leaf(1), *x = start;
        Value *factor = value_const((real)1.0000001), *step = value_const((real)1e-9);
        for (int i = 0; i < 1000000; i++)
            x = value_add(value_mul(x, factor), step);
        assert_status(value_backward(x), VALGRAD_OK);
        value = value_data(x);
        slope = value_grad(start);
    }
    if (DOUBLE) {
        assert_near(value, 1.106222621832, 1e-9);
        assert_near(slope, 1.105170913, 1e-9);
    } else {
        assert_near(slope, pow(1.00000012, 1e6), 1e-2);
    }
}
END_TEST

/* ---- each node once ----------------------------------------------------------------------------- */

enum { DIAMONDS = 1000 };

/* a = a + a, over and over, has 2^n paths and n nodes. */
START_TEST(diamonds_take_linear_time)
{
    const int doublings = DOUBLE ? DIAMONDS : 100;
    VALGRAD_SCOPE {
        Value *leaf = value_leaf(1), *a = leaf;
        const int64_t before = valgrad_live_nodes();
        for (int i = 0; i < doublings; i++)
            a = value_add(a, a);
        ck_assert_int_eq(valgrad_live_nodes() - before, doublings);
        assert_status(value_backward(a), VALGRAD_OK);
        assert_same(value_data(a), ldexp(1, doublings));
        assert_same(value_grad(leaf), ldexp(1, doublings));
    }
}
END_TEST

static real mean_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return (x[0] + x[1]) / 2;
}

static void mean_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)x, (void)result;
    partials[0] = partials[1] = (real)0.5;
    ++*(int *)context;
}

static const ValueOp mean = {"mean", mean_forward, mean_backward, NULL};

static Value *mean_diamonds(Value *leaf, int *visits, bool in_pool)
{
    Value *a = value_retain(leaf);
    for (int i = 0; i < DIAMONDS; i++) {
        Value *v = value_custom(&mean, 2, (Value *[]){a, a}, visits);
        if (in_pool || i == 0)
            value_release(a);
        a = v;
    }
    return a;
}

START_TEST(each_node_is_visited_once)
{
    int visits = 0;
    VALGRAD_SCOPE {
        Value *leaf = value_leaf(3);
        assert_status(value_backward(mean_diamonds(leaf, &visits, false)), VALGRAD_OK);
        assert_same(value_grad(leaf), 1);
    }
    ck_assert_int_eq(visits, DIAMONDS);
    Value *leaf = value_leaf(3), *a = mean_diamonds(leaf, &visits, true);
    assert_status(value_backward(a), VALGRAD_OK);
    assert_same(value_grad(leaf), 1);
    ck_assert_int_eq(visits, 2 * DIAMONDS);
    value_release(leaf);
    value_release(a);
}
END_TEST

/* Backward looks only at what leads from the root to leaves. */
START_TEST(others_are_not_visited)
{
    int visits = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *c = value_const(1);
        Value *constant = value_custom(&mean, 2, (Value *[]){c, c}, &visits);
        Value *root = value_mul(x, constant);
        Value *above = value_custom(&mean, 2, (Value *[]){root, x}, &visits);
        assert_status(value_backward(root), VALGRAD_OK);
        ck_assert_int_eq(visits, 0);
        assert_same(value_grad(x), 1);
        assert_same(value_grad(above), 0);
        assert_same(value_grad(constant), 0);
    }
}
END_TEST

/* ---- accumulating ------------------------------------------------------------------------------- */

START_TEST(a_second_pass_doubles_leaves_only)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(-4), *b = value_leaf(2), *inner = value_mul(a, b);
        Value *root = value_tanh(value_mul(value_sin(inner), b));
        assert_status(value_backward(root), VALGRAD_OK);
        const real da = value_grad(a), db = value_grad(b), dinner = value_grad(inner);
        assert_status(value_backward(root), VALGRAD_OK);
        assert_same(value_grad(a), 2 * da);
        assert_same(value_grad(b), 2 * db);
        assert_same(value_grad(inner), dinner);
        assert_same(value_grad(root), 1);
        value_zero_grad(a);
        assert_same(value_grad(a), 0);
        assert_status(value_backward(root), VALGRAD_OK);
        assert_same(value_grad(a), da);
        assert_same(value_grad(b), 3 * db);
        values_zero_grad(2, (Value *[]){a, b});
        assert_same(value_grad(a), 0);
        assert_same(value_grad(b), 0);
        values_zero_grad(0, NULL);
        value_zero_grad(NULL);
    }
}
END_TEST

START_TEST(roots_accumulate)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_leaf(3), *product = value_mul(x, y);
        Value *first = value_square(product), *second = value_add(product, x);
        assert_status(value_backward(first), VALGRAD_OK);
        assert_same(value_grad(product), 12);
        assert_same(value_grad(x), 36);
        assert_status(value_backward(second), VALGRAD_OK);
        assert_same(value_grad(product), 1);
        assert_same(value_grad(x), 36 + 4);
        assert_same(value_grad(y), 24 + 2);
        assert_same(value_grad(first), 1);
        /* A node in the middle may be a root, and a leaf too. */
        assert_status(value_backward(product), VALGRAD_OK);
        assert_same(value_grad(x), 40 + 3);
        assert_status(value_backward_from(x, 5), VALGRAD_OK);
        assert_same(value_grad(x), 43 + 5);
    }
}
END_TEST

START_TEST(gradients_are_linear_in_the_seed)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(-4), *b = value_leaf(2), *g = micrograd_expression(a, b);
        assert_status(value_backward(g), VALGRAD_OK);
        const real da = value_grad(a), db = value_grad(b);
        static const double seeds[] = {0, 4, -0.125, 3};
        for (size_t i = 0; i < COUNT(seeds); i++) {
            value_zero_grad(a);
            value_zero_grad(b);
            assert_status(value_backward_from(g, (real)seeds[i]), VALGRAD_OK);
            assert_same(value_grad(g), seeds[i]);
            assert_near(value_grad(a), seeds[i] * (double)da, i < 3 ? 0 : 4 * REAL_EPSILON);
            assert_near(value_grad(b), seeds[i] * (double)db, i < 3 ? 0 : 4 * REAL_EPSILON);
        }
    }
}
END_TEST

START_TEST(no_gradient_before_any_pass)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *c = value_const(2), *v = value_mul(x, c);
        assert_same(value_grad(x), 0);
        assert_same(value_grad(v), 0);
        assert_same(value_grad(c), 0);
        ck_assert(isnan(value_grad(NULL)) && isnan(value_data(NULL)));
    }
}
END_TEST

/* ---- what a gradient of 0 does ------------------------------------------------------------------- */

static real slope_past_infinity(Value *(*op)(Value *), ValgradStatus *status)
{
    real slope = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *inner = value_add(x, x), *y = op(inner);
        Value *root = value_add(value_mul(y, value_const(0)), x);
        *status = value_backward(root);
        slope = value_grad(x);
    }
    return slope;
}

START_TEST(zero_passes_infinite_derivatives)
{
    ValgradStatus status;
    assert_same(slope_past_infinity(value_log, &status), 1);
    assert_status(status, VALGRAD_OK);
    assert_same(slope_past_infinity(value_sqrt, &status), 1);
    ck_assert(!valgrad_set_strict_ieee(true));
    assert_same(slope_past_infinity(value_log, &status), NAN);
    assert_same(slope_past_infinity(value_sqrt, &status), NAN);
    ck_assert(valgrad_set_strict_ieee(false));
    assert_same(slope_past_infinity(value_log, &status), 1);
}
END_TEST

/* The rule holds for a seed of 0 and for nodes of many operands; gradients of an earlier pass go. */
START_TEST(zero_reaches_everything)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *y = value_leaf(2), *log = value_log(x);
        Value *root = value_dot(2, (Value *[]){log, y}, (Value *[]){y, y});
        assert_status(value_backward_from(root, 1), VALGRAD_OK);
        assert_same(value_grad(log), 2);
        assert_same(value_grad(x), INFINITY);
        value_zero_grad(x);
        value_zero_grad(y);
        assert_status(value_backward_from(root, 0), VALGRAD_OK);
        assert_same(value_grad(root), 0);
        assert_same(value_grad(log), 0);
        assert_same(value_grad(x), 0);
        assert_same(value_grad(y), 0);
    }
}
END_TEST

/* max(x, y) gives the one not chosen nothing, whatever lies behind it. */
START_TEST(the_branch_not_taken_stays_silent)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *chosen = value_max(value_sqrt(x), value_add(x, value_const(1)));
        assert_status(value_backward(chosen), VALGRAD_OK);
        assert_same(value_grad(x), 1);
    }
}
END_TEST

/* ---- what wants no gradient ---------------------------------------------------------------------- */

START_TEST(frozen_leaves)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_leaf(3);
        assert_status(value_set_wants_grad(x, false), VALGRAD_OK);
        ck_assert(!value_wants_grad(x));
        Value *frozen = value_square(x), *v = value_mul(frozen, y);
        ck_assert(!value_wants_grad(frozen) && value_wants_grad(v));
        assert_status(value_backward(v), VALGRAD_OK);
        assert_same(value_grad(x), 0);
        assert_same(value_grad(y), 4);
        assert_status(value_set_wants_grad(x, true), VALGRAD_OK);
        assert_status(value_backward(value_mul(value_square(x), y)), VALGRAD_OK);
        assert_same(value_grad(x), 12);
        assert_status(value_set_wants_grad(v, false), VALGRAD_ERROR_STATE);
        assert_error(VALGRAD_ERROR_STATE, "value_set_wants_grad: v is the result of mul");
        assert_status(value_set_wants_grad(NULL, false), VALGRAD_ERROR_NULL);
        valgrad_clear_error();
        Value *c = value_const(5);
        assert_status(value_set_wants_grad(c, true), VALGRAD_OK);
        assert_status(value_backward(value_square(c)), VALGRAD_OK);
        assert_same(value_grad(c), 10);
    }
}
END_TEST

START_TEST(detached_values)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *square = value_square(x), *cut = value_detach(square);
        ck_assert(!value_wants_grad(cut));
        assert_same(value_data(cut), 9);
        ck_assert_uint_eq(value_operand_count(cut), 0);
        assert_status(value_backward(value_mul(cut, x)), VALGRAD_OK);
        assert_same(value_grad(x), 9);
        assert_same(value_grad(cut), 0);
        ck_assert_ptr_null(value_detach(NULL));
        assert_error(VALGRAD_ERROR_NULL, "value_detach: v is NULL");
    }
}
END_TEST

static bool leave_no_grad_early(Value *x)
{
    VALGRAD_NO_GRAD {
        if (!value_wants_grad(value_square(x)))
            return true;
    }
    return false;
}

START_TEST(no_grad_is_left_however)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(3);
        ck_assert(leave_no_grad_early(x));
        ck_assert(value_wants_grad(value_square(x)));
        VALGRAD_NO_GRAD {
            VALGRAD_NO_GRAD {
                ck_assert(!value_wants_grad(value_square(x)));
            }
            ck_assert(!value_wants_grad(value_square(x)));
            break;
        }
        ck_assert(value_wants_grad(value_square(x)));
        ck_assert(valgrad_set_recording(false));
        ck_assert(!value_wants_grad(value_square(x)));
        ck_assert(value_wants_grad(value_leaf(1)));
        ck_assert(!valgrad_set_recording(true));
        ck_assert(value_wants_grad(value_square(x)));
    }
}
END_TEST

START_TEST(roots_that_cannot_be)
{
    VALGRAD_SCOPE {
        assert_status(value_backward(NULL), VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "value_backward: root is NULL");
        assert_status(value_backward_from(NULL, 1), VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "value_backward_from: root is NULL");
        assert_status(value_backward(value_const(1)), VALGRAD_ERROR_STATE);
        assert_error(VALGRAD_ERROR_STATE, "value_backward: the root (const)");
        /* The expression's own error is told, not that its result is NULL. */
        assert_status(value_backward(value_exp(value_add(NULL, NULL))), VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "value_add: x is NULL");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backward");
    TCase *known = new_case(suite, "known results", 60);
    tcase_add_test(known, micrograd_s_expression);
    tcase_add_loop_test(known, small_network, 0, 2);
    tcase_add_loop_test(known, million_nodes, 0, 2);
    tcase_add_test(known, long_chain);

    TCase *visiting = new_case(suite, "visiting", 10);
    tcase_add_test(visiting, diamonds_take_linear_time);
    tcase_add_test(visiting, each_node_is_visited_once);
    tcase_add_test(visiting, others_are_not_visited);

    TCase *passing = new_case(suite, "passing on", 4);
    tcase_add_test(passing, a_second_pass_doubles_leaves_only);
    tcase_add_test(passing, roots_accumulate);
    tcase_add_test(passing, gradients_are_linear_in_the_seed);
    tcase_add_test(passing, no_gradient_before_any_pass);
    tcase_add_test(passing, zero_passes_infinite_derivatives);
    tcase_add_test(passing, zero_reaches_everything);
    tcase_add_test(passing, the_branch_not_taken_stays_silent);

    TCase *wanting = new_case(suite, "what wants no gradient", 4);
    tcase_add_test(wanting, frozen_leaves);
    tcase_add_test(wanting, detached_values);
    tcase_add_test(wanting, no_grad_is_left_however);
    tcase_add_test(wanting, roots_that_cannot_be);
    return run_suite(suite);
}
