/* test_ops.c - every row of the op table: what is promised at kinks, poles and limits; its operands; what the table
 * tells. Its numbers at ordinary places are the matter of test_op_points.c. */
#include <stdio.h>

#include <valgrad/derivatives.h>
#include <valgrad/inspect.h>
#include <valgrad/random.h>

#include "row_testing.h"

typedef struct Point {
    real x, y, p;
} Point;

static bool is_near_kink(const ValueOpInfo *row, Point at)
{
    return Q(fabs)(formula_of(row)->kink((quad)at.x, (quad)at.y, (quad)at.p)) < 0.01;
}

static Point sample(const ValueOpInfo *row, Random *random)
{
    Point at;
    do {
        at.x = random_uniform(random, (real)row->domain[0][0], (real)row->domain[0][1]);
        at.y = random_uniform(random, (real)row->domain[1][0], (real)row->domain[1][1]);
        at.p = random_uniform(random, (real)0.01, (real)0.9);
        if (row->arity == 3)
            at.p = random_uniform(random, (real)row->domain[2][0], (real)row->domain[2][1]);
    } while (is_near_kink(row, at));
    return at;
}

/* ---- kinks, poles, and what is no number -------------------------------------------------------- */

static void check_kink(const ValueOpInfo *row, ValueKink kink)
{
    const real p = row->arity == 3 ? (real)kink.z : (real)0.1;
    const Result result = result_at(row, (real)kink.x, (real)kink.y, p);
    const double d[3] = {kink.dx, kink.dy, kink.dz};
    for (int k = 0; k < 3; k++)
        ck_assert_msg(same((double)result.d[k], (real)d[k]),
                      "%s at (%g, %g, %g) has derivative %d of %g, not %g", row->name, kink.x,
                      kink.y, kink.z, k, (double)result.d[k], d[k]);
}

START_TEST(kinks_of_the_row)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    ck_assert_int_ge(row->kink_count, 0);
    for (int i = 0; i < row->kink_count; i++)
        check_kink(row, row->kinks[i]);
}
END_TEST

static const struct Convention {
    const char *name;
    double f, x, y, dx, dy;
} conventions[] = {
    {"abs", 0, 0, 0, 0, 0},
    {"abs", 0, -0.0, 0, 0, 0},
    {"abs", NAN, NAN, 0, NAN, 0},
    {"relu", 0, 0, 0, 0, 0},
    {"relu", 0, -0.0, 0, 0, 0},
    {"relu", NAN, NAN, 0, NAN, 0},
    {"leaky_relu", 0, 0, 0, 0.1, 0},
    {"leaky_relu", NAN, NAN, 0, NAN, 0},
    {"sqrt", 0, 0, 0, INFINITY, 0},
    {"sqrt", NAN, -1, 0, NAN, 0},
    {"log", -INFINITY, 0, 0, INFINITY, 0},
    {"log", NAN, -1, 0, NAN, 0},
    {"div", INFINITY, 1, 0, INFINITY, -INFINITY},
    {"div", NAN, 0, 0, INFINITY, NAN},
    {"pow", 1, 0, 0, 0, 0},
    {"pow", 0, 0, 1, 1, 0},
    {"pow", 0, 0, 2, 0, 0},
    {"pow", 0, 0, 0.5, INFINITY, 0},
    {"pow", INFINITY, 0, -1, -INFINITY, -INFINITY},
    {"pow", -8, -2, 3, 12, NAN},
    {"pow", NAN, -2, 0.5, NAN, NAN},
    {"max", 2, 2, 2, 0.5, 0.5},
    {"min", 2, 2, 2, 0.5, 0.5},
    {"max", NAN, 1, NAN, NAN, NAN},
    {"max", NAN, NAN, 1, NAN, NAN},
    {"min", NAN, 1, NAN, NAN, NAN},
    {"min", NAN, NAN, 1, NAN, NAN},
    {"exp", INFINITY, 800, 0, INFINITY, 0},
    {"exp", 0, -INFINITY, 0, 0, 0},
    {"tanh", 1, 800, 0, 0, 0},
    {"tanh", -1, -800, 0, 0, 0},
    {"sigmoid", 1, 800, 0, 0, 0},
    {"sigmoid", 0, -800, 0, 0, 0},
    {"softplus", 800, 800, 0, 1, 0},
    {"softplus", 0, -800, 0, 0, 0},
};

START_TEST(conventions_hold)
{
    const struct Convention *c = &conventions[_i];
    const ValueOpInfo *row = value_op_find(c->name);
    check_kink(row, (ValueKink){c->x, c->y, 0, c->dx, c->dy, 0});
    assert_same(result_at(row, (real)c->x, (real)c->y, (real)0.1).f, c->f);
}
END_TEST

/* At the ends of unary functions the derivative is the limit. */
START_TEST(derivatives_at_infinity)
{
    static const struct {
        const char *name;
        double x, f, dx;
    } limits[] = {
        {"exp", INFINITY, INFINITY, INFINITY},
        {"log", INFINITY, INFINITY, 0},
        {"sqrt", INFINITY, INFINITY, 0},
        {"tanh", INFINITY, 1, 0},
        {"tanh", -INFINITY, -1, 0},
        {"sigmoid", INFINITY, 1, 0},
        {"sigmoid", -INFINITY, 0, 0},
        {"softplus", INFINITY, INFINITY, 1},
        {"softplus", -INFINITY, 0, 0},
        {"relu", INFINITY, INFINITY, 1},
        {"relu", -INFINITY, 0, 0},
        {"abs", -INFINITY, INFINITY, -1},
        {"sin", INFINITY, NAN, NAN},
        {"cos", -INFINITY, NAN, NAN},
    };
    for (size_t i = 0; i < COUNT(limits); i++) {
        const Result result = result_at(value_op_find(limits[i].name), (real)limits[i].x, 0, 0);
        assert_same(result.f, limits[i].f);
        assert_same(result.d[0], limits[i].dx);
    }
}
END_TEST

/* Second derivatives where the formula as on paper gives no number. */
START_TEST(second_derivatives_at_limits)
{
    static const struct {
        const char *name;
        double x, y, second[3];
    } limits[] = {
        {"pow", 0, 0, {0, INFINITY, INFINITY}},
        {"pow", 0, 1, {0, -INFINITY, 0}},
        {"pow", 0, 2, {2, 0, 0}},
        {"pow", 0, 0.5, {-INFINITY, -INFINITY, 0}},
        {"pow", 0, -1, {INFINITY, INFINITY, INFINITY}},
        {"xlogy", 0, 0, {0, INFINITY, 0}},
        {"logaddexp", -INFINITY, -INFINITY, {0, 0, 0}},
        {"atan", INFINITY, 0, {0, 0, 0}},
        {"asinh", INFINITY, 0, {0, 0, 0}},
        {"acosh", INFINITY, 0, {0, 0, 0}},
        {"erf", -INFINITY, 0, {0, 0, 0}},
        {"erfc", INFINITY, 0, {0, 0, 0}},
        {"gelu", -INFINITY, 0, {0, 0, 0}},
        {"gelu_tanh", INFINITY, 0, {0, 0, 0}},
        {"silu", -INFINITY, 0, {0, 0, 0}},
        {"sinc", INFINITY, 0, {0, 0, 0}},
        {"log", -1, 0, {NAN, 0, 0}},
        {"lgamma", 0, 0, {INFINITY, 0, 0}},
        {"lgamma", -2, 0, {NAN, 0, 0}},
        {"lgamma", -INFINITY, 0, {NAN, 0, 0}},
        {"lgamma", INFINITY, 0, {0, 0, 0}},
        {"softsign", INFINITY, 0, {0, 0, 0}},
        {"sigmoid", INFINITY, 0, {0, 0, 0}},
        {"tanh", -INFINITY, 0, {0, 0, 0}},
        {"softplus", INFINITY, 0, {0, 0, 0}},
    };
    for (size_t i = 0; i < COUNT(limits); i++) {
        const ValueOpInfo *row = value_op_find(limits[i].name);
        const real x = (real)limits[i].x, y = (real)limits[i].y;
        real second[6];
        row->second(x, y, 0, row->forward(x, y, 0), second);
        for (int j = 0; j < 3; j++)
            ck_assert_msg(same((double)second[j], limits[i].second[j]),
                          "second derivative %d of %s at (%g, %g) is %g, not %g", j, row->name,
                          limits[i].x, limits[i].y, (double)second[j], limits[i].second[j]);
    }
}
END_TEST

/* ---- operands ----------------------------------------------------------------------------------- */

START_TEST(an_operand_used_twice_gets_both)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    if (row->arity != 2)
        return;
    for (int i = 1; i <= 20; i++) {
        const real at = (real)0.15 * (real)i;
        const Result apart = result_at(row, at, at, 0);
        VALGRAD_SCOPE {
            Value *a = value_leaf(at), *v = apply(row, a, a, a);
            ck_assert_uint_eq(value_operand_count(v), 2);
            ck_assert_ptr_eq(value_operand(v, 0), a);
            ck_assert_ptr_eq(value_operand(v, 1), a);
            assert_status(value_backward(v), VALGRAD_OK);
            assert_same(value_data(v), apart.f);
            assert_same(value_grad(a), apart.d[0] + apart.d[1]);
        }
    }
}
END_TEST

/* A constant operand takes no part, on whichever side it stands. */
START_TEST(constants_cost_nothing)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded(5);
    const Point at = sample(row, &random);
    const Result both = result_at(row, at.x, at.y, at.p);
    VALGRAD_SCOPE {
        const real numbers[3] = {at.x, at.y, at.p};
        Value *c[3] = {value_const(at.x), value_const(at.y), value_const(at.p)};
        Value *v = apply(row, c[0], c[1], c[2]);
        assert_same(value_data(v), both.f);
        ck_assert(!value_wants_grad(v));
        assert_status(value_backward(v), VALGRAD_ERROR_STATE);
        assert_error(VALGRAD_ERROR_STATE, row->name);

        for (int k = 0; k < row->arity; k++) {
            Value *x[3] = {c[0], c[1], c[2]};
            x[k] = value_leaf(numbers[k]);
            assert_status(value_backward(apply(row, x[0], x[1], x[2])), VALGRAD_OK);
            assert_same(value_grad(x[k]), both.d[k]);
        }
        for (int k = 0; k < 3; k++)
            assert_same(value_grad(c[k]), 0);
    }
}
END_TEST

/* (-2)^3 has no derivative by the exponent; that is nobody's concern while the exponent is constant. */
START_TEST(a_constant_exponent_needs_no_logarithm)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(-2), *three = value_const(3), *v = value_pow(x, three);
        assert_status(value_backward(v), VALGRAD_OK);
        assert_same(value_data(v), -8);
        assert_same(value_grad(x), 12);
        assert_same(value_grad(three), 0);
    }
}
END_TEST

/* What was not chosen has no part, whatever it is: of where(x > 0, log(x), 0) at 0 the gradient is 0. */
START_TEST(where_lets_the_other_one_be)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *zero = value_const(0);
        Value *root = value_where(zero, value_div(value_log(x), x), value_exp(x));
        assert_status(value_backward(root), VALGRAD_OK);
        assert_same(value_data(root), 1);
        assert_same(value_grad(x), 1);
    }
    /* An infinite gradient does not reach it either. */
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *other = value_leaf(3);
        assert_status(value_backward(value_sqrt(value_where(value_const(1), x, other))),
                      VALGRAD_OK);
        assert_same(value_grad(x), INFINITY);
        assert_same(value_grad(other), 0);
    }
    const bool former = valgrad_set_strict_ieee(true);
    VALGRAD_SCOPE {
        Value *x = value_leaf(0), *other = value_leaf(3);
        assert_status(value_backward(value_sqrt(value_where(value_const(1), x, other))),
                      VALGRAD_OK);
        assert_same(value_grad(other), NAN);
    }
    valgrad_set_strict_ieee(former);
}
END_TEST

/* Nor does anything pass through a maximum, a step, … to what was not chosen, of an infinite gradient; a factor of 0 is
 * another matter. */
START_TEST(infinite_gradients_reach_what_was_chosen)
{
    static const struct {
        const char *name;
        double x, y, dx, strictly;
    } cases[] = {
        {"abs", 0, 0, 0, NAN},      {"min", 2, 1, 0, NAN},
        {"max", 1, 2, 0, NAN},      {"fmin", 2, 1, 0, NAN},
        {"fmax", 1, 2, 0, NAN},     {"max", 2, 1, INFINITY, INFINITY},
        {"sign", 1, 0, 0, NAN},     {"floor", 0.5, 0, 0, NAN},
        {"ceil", 0.5, 0, 0, NAN},   {"round", 0.7, 0, 0, NAN},
        {"trunc", 0.5, 0, 0, NAN},  {"relu", -1, 0, 0, NAN},
        {"relu6", 7, 0, 0, NAN},    {"leaky_relu", -1, 0, 0, NAN},
        {"hardtanh", 2, 0, 0, NAN}, {"hardsigmoid", 4, 0, 0, NAN},
        {"mul", 3, 0, NAN, NAN},    {"relu", NAN, 0, NAN, NAN},
    };
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        const bool former = valgrad_set_strict_ieee(i % 2);
        VALGRAD_SCOPE {
            Value *x = value_leaf((real)cases[i / 2].x), *y = value_leaf((real)cases[i / 2].y);
            Value *v = apply(value_op_find(cases[i / 2].name), x, y, value_const(0));
            assert_status(value_backward_from(v, (real)INFINITY), VALGRAD_OK);
            ck_assert_msg(
                same((double)value_grad(x), i % 2 ? cases[i / 2].strictly : cases[i / 2].dx),
                "%s at %g passes %g on", cases[i / 2].name, cases[i / 2].x, (double)value_grad(x));
        }
        valgrad_set_strict_ieee(former);
    }
}
END_TEST

/* What the graph tells of a node, and what second order makes of it, is what the row says. */
START_TEST(graphs_tell_what_the_row_says)
{
    static const int second_at[3][3] = {{0, 1, 3}, {1, 2, 4}, {3, 4, 5}};
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded(11);
    const Point at = sample(row, &random);
    const size_t n = (size_t)row->arity;
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(at.x), value_leaf(at.y), value_leaf(at.p)};
        Value *v = apply(row, x[0], x[1], x[2]);
        real first[3], second[6], told[3], hessian[9];
        row->first(at.x, at.y, at.p, value_data(v), first);
        row->second(at.x, at.y, at.p, value_data(v), second);
        GraphWalk *walk = graph_walk_new(1, &v);
        assert_status(graph_walk_derivatives(walk, graph_walk_find(walk, v), n, told), VALGRAD_OK);
        graph_walk_free(walk);
        assert_status(value_hessian(v, n, x, hessian), VALGRAD_OK);
        for (size_t i = 0; i < n; i++) {
            assert_same(told[i], first[i]);
            for (size_t j = 0; j < n; j++)
                assert_near(hessian[i * n + j], second[second_at[i][j]], 8 * REAL_EPSILON);
        }
    }
}
END_TEST

START_TEST(null_gives_null)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    char expected[64];
    snprintf(expected, sizeof expected, "value_%s: x is NULL", row->name);
    VALGRAD_SCOPE {
        Value *a = value_leaf(1);
        for (int k = 0; k < row->arity; k++) {
            expected[strlen("value_: ") + strlen(row->name)] = "xyz"[k];
            ck_assert_ptr_null(apply(row, k == 0 ? NULL : a, k == 1 ? NULL : a, k == 2 ? NULL : a));
            assert_error(VALGRAD_ERROR_NULL, expected);
        }
        /* An expression of many operations tells its first error. */
        Value *missing = value_operand(a, 7);
        ck_assert_ptr_null(value_exp(apply(row, value_neg(missing), a, a)));
        assert_error(VALGRAD_ERROR_NULL, "value_neg: x is NULL");
    }
}
END_TEST

START_TEST(without_recording_a_result_is_a_constant)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    Random random = random_seeded(6);
    const Point at = sample(row, &random);
    VALGRAD_SCOPE {
        Value *x = value_leaf(at.x), *y = value_leaf(at.y), *z = value_leaf(at.p);
        VALGRAD_NO_GRAD {
            Value *v = apply(row, x, y, z);
            ck_assert_str_eq(value_op_name(v), "const");
            ck_assert_uint_eq(value_operand_count(v), 0);
            ck_assert(!value_wants_grad(v));
            assert_same(value_data(v), row->forward(at.x, at.y, at.p));
        }
        ck_assert(value_wants_grad(apply(row, x, y, z)));
    }
}
END_TEST

/* ---- the table ---------------------------------------------------------------------------------- */

START_TEST(row_says_what_the_operation_is)
{
    const ValueOpInfo *row = value_op_row((size_t)_i);
    ck_assert_ptr_eq(value_op_find(row->name), row);
    ck_assert(*row->symbol && *row->formula);
    for (int i = 0; i < 3; i++)
        ck_assert(i < row->arity ? *row->partials[i] != '\0' : !row->partials[i]);
    for (int i = 0; i < row->arity; i++)
        ck_assert_double_lt(row->domain[i][0], row->domain[i][1]);
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(1), value_leaf(2), value_leaf((real)0.5)};
        Value *v = apply(row, x[0], x[1], x[2]);
        ck_assert_str_eq(value_op_name(v), row->name);
        ck_assert_uint_eq(value_operand_count(v), (size_t)row->arity);
        for (int i = 0; i < 3; i++)
            ck_assert_ptr_eq(value_operand(v, (size_t)i), i < row->arity ? x[i] : NULL);
        assert_same(value_op_parameter(v), row->has_parameter ? 0.5 : NAN);
        assert_same(value_op_parameter(x[0]), NAN);
    }
}
END_TEST

START_TEST(table_has_every_operation_once)
{
    ck_assert_uint_eq(row_count(), COUNT(quad_formulas));
    for (size_t i = 0; i < COUNT(quad_formulas); i++)
        ck_assert_msg(value_op_find(quad_formulas[i].name) != NULL, "no row %s",
                      quad_formulas[i].name);
    ck_assert_ptr_null(value_op_row(row_count()));
    ck_assert_ptr_null(value_op_row(SIZE_MAX));
    ck_assert_ptr_null(value_op_find("matmul"));
    ck_assert_ptr_null(value_op_find(""));
    ck_assert_ptr_null(value_op_find(NULL));
}
END_TEST

START_TEST(names_of_what_is_no_operation)
{
    VALGRAD_SCOPE {
        ck_assert_str_eq(value_op_name(value_leaf(1)), "leaf");
        ck_assert_str_eq(value_op_name(value_const(1)), "const");
        ck_assert_str_ne(value_op_name(NULL), "");
        ck_assert_uint_eq(value_operand_count(value_leaf(1)), 0);
        ck_assert_uint_eq(value_operand_count(NULL), 0);
        ck_assert_ptr_null(value_operand(value_leaf(1), 0));
        ck_assert_ptr_null(value_operand(NULL, 0));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ops");
    const int rows = (int)row_count();
    TCase *edges = new_case(suite, "edges", 4);
    tcase_add_loop_test(edges, kinks_of_the_row, 0, rows);
    tcase_add_loop_test(edges, conventions_hold, 0, (int)COUNT(conventions));
    tcase_add_test(edges, derivatives_at_infinity);
    tcase_add_test(edges, second_derivatives_at_limits);

    TCase *operands = new_case(suite, "operands", 4);
    tcase_add_loop_test(operands, an_operand_used_twice_gets_both, 0, rows);
    tcase_add_loop_test(operands, constants_cost_nothing, 0, rows);
    tcase_add_test(operands, a_constant_exponent_needs_no_logarithm);
    tcase_add_test(operands, where_lets_the_other_one_be);
    tcase_add_test(operands, infinite_gradients_reach_what_was_chosen);
    tcase_add_loop_test(operands, graphs_tell_what_the_row_says, 0, rows);
    tcase_add_loop_test(operands, null_gives_null, 0, rows);
    tcase_add_loop_test(operands, without_recording_a_result_is_a_constant, 0, rows);

    TCase *table = new_case(suite, "table", 4);
    tcase_add_loop_test(table, row_says_what_the_operation_is, 0, rows);
    tcase_add_test(table, table_has_every_operation_once);
    tcase_add_test(table, names_of_what_is_no_operation);
    return run_suite(suite);
}
