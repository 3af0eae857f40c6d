/* test_places.c - the same bits wherever a graph lies: in one scope, in several, in the pool. */
#include <valgrad/random.h>

#include "testing.h"

enum { LEAVES = 20, NODES = 1000, LAST = 40, DEEPEST = 6 };

/* One node: an operation and operands among the earlier ones. */
typedef struct Plan {
    int op, operands[4];
} Plan;

static real bend_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return (x[0] + 2 * x[1] * x[2]) / (1 + x[2] * x[2]);
}

static void bend_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)context;
    const real below = 1 / (1 + x[2] * x[2]);
    partials[0] = below;
    partials[1] = 2 * x[2] * below;
    partials[2] = (2 * x[1] - 2 * x[2] * result) * below;
}

static const ValueOp bend = {"bend", bend_forward, bend_backward, NULL};

static Value *follow(Plan plan, Value **values)
{
    Value *x[4];
    for (int i = 0; i < 4; i++)
        x[i] = values[plan.operands[i]];
    switch (plan.op) {
    case 0:
        return value_add(x[0], x[1]);
    case 1:
        return value_sub(x[0], x[1]);
    case 2:
        return value_sin(value_mul(x[0], x[1]));
    case 3:
        return value_tanh(x[0]);
    case 4:
        return value_max(x[0], x[1]);
    case 5:
        return value_leaky_relu(x[0], (real)0.2);
    case 6:
        return value_sigmoid(value_sum(4, x));
    case 7:
        return value_cos(value_affine(1, x, x + 1, x[2]));
    case 8:
        return value_custom(&bend, 3, x, NULL);
    default:
        return value_dot(2, x, x + 2);
    }
}

static Value *follow_and_retain(Plan plan, Value **values)
{
    Value *v = NULL;
    VALGRAD_SCOPE {
        v = value_retain(follow(plan, values));
    }
    return v;
}

static void make_plans(Random *random, Plan *plans)
{
    for (int k = 0; k < NODES; k++) {
        plans[k].op = (int)random_below(random, 9); /* a dot of random things would explode */
        for (int i = 0; i < 4; i++) {
            const uint64_t reach = random_below(random, 3) ? 30 : (uint64_t)(LEAVES + k);
            const uint64_t back = random_below(random, reach < LEAVES ? LEAVES : reach);
            plans[k].operands[i] = LEAVES + k - 1 - (int)back;
            if (plans[k].operands[i] < 0)
                plans[k].operands[i] = 0;
        }
    }
}

typedef enum Place {
    IN_A_SCOPE,
    IN_THE_POOL,
    SPREAD_OVER_SCOPES,
    HALF_POOL_HALF_SCOPE,
    A_SCOPE_EACH,
    SCOPES_IN_A_ROW,
    PLACES
} Place;

/* Opens and closes scopes as the place has it, before node k. */
static int move_scopes(Place place, Random *random, int k, int depth, ValgradScope *scopes)
{
    if (place == SPREAD_OVER_SCOPES) {
        while (depth > 1 && random_below(random, 8) == 0)
            scope_close(&scopes[--depth]);
        while (depth < DEEPEST && random_below(random, 8) == 0)
            scopes[depth++] = scope_open();
    } else if (place == SCOPES_IN_A_ROW && k % 50 == 0) {
        if (depth > 0)
            scope_close(&scopes[--depth]);
        scopes[depth++] = scope_open();
    } else if (place == HALF_POOL_HALF_SCOPE && k == NODES / 2) {
        scopes[depth++] = scope_open();
    }
    return depth;
}

/* Every node is held by a handle, for its gradient to be read. */
static Value *hold(Value *v, int depth)
{
    return depth > 0 ? value_retain(v) : v;
}

typedef struct Outcome {
    real data[LEAVES + NODES + 1], grad[LEAVES + NODES + 1];
} Outcome;

/* Helper nodes inside `follow` are owned by a scope or, in the pool, by nobody: so that they are not
 * lost there, such operations are made in a scope of their own. */
static Value *make_planned(Plan plan, Value **values, int depth)
{
    const bool two_nodes = plan.op == 2 || plan.op == 6 || plan.op == 7;
    if (depth == 0 && two_nodes) {
        Value *x[4];
        for (int i = 0; i < 4; i++)
            x[i] = values[plan.operands[i]];
        Value *inner = plan.op == 2   ? value_mul(x[0], x[1])
                       : plan.op == 6 ? value_sum(4, x)
                                      : value_affine(1, x, x + 1, x[2]);
        Value *outer = plan.op == 2   ? value_sin(inner)
                       : plan.op == 6 ? value_sigmoid(inner)
                                      : value_cos(inner);
        value_release(inner);
        return outer;
    }
    return hold(follow(plan, values), depth);
}

static void collect(Value *const *values, Outcome *outcome)
{
    for (int i = 0; i <= LEAVES + NODES; i++) {
        outcome->data[i] = value_data(values[i]);
        outcome->grad[i] = value_grad(values[i]);
    }
}

static void build_at(Place place, const Plan *plans, uint64_t seed, Outcome *outcome)
{
    static Value *values[LEAVES + NODES + 1];
    ValgradScope scopes[DEEPEST];
    int depth = 0;
    Random random = random_seeded(seed);
    if (place == IN_A_SCOPE || place == SPREAD_OVER_SCOPES)
        scopes[depth++] = scope_open();
    for (int i = 0; i < LEAVES; i++) {
        values[i] = hold(value_leaf((real)sin(i + 1.0)), depth);
        if (i % 5 == 4)
            value_set_wants_grad(values[i], false);
    }
    for (int k = 0; k < NODES; k++) {
        depth = move_scopes(place, &random, k, depth, scopes);
        values[LEAVES + k] = place == A_SCOPE_EACH ? follow_and_retain(plans[k], values)
                                                   : make_planned(plans[k], values, depth);
    }
    values[LEAVES + NODES] = hold(value_sum(LAST, values + LEAVES + NODES - LAST), depth);
    for (int pass = 0; pass < 2; pass++)
        assert_status(value_backward_from(values[LEAVES + NODES], (real)1.5), VALGRAD_OK);
    collect(values, outcome);
    for (int i = 0; i <= LEAVES + NODES; i++)
        value_release(values[i]);
    while (depth > 0)
        scope_close(&scopes[--depth]);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}

START_TEST(the_place_changes_no_bit)
{
    static Plan plans[NODES];
    static Outcome expected, outcome;
    Random random = random_seeded((uint64_t)_i);
    make_plans(&random, plans);
    build_at(IN_A_SCOPE, plans, (uint64_t)_i, &expected);
    for (int place = IN_THE_POOL; place < PLACES; place++) {
        build_at((Place)place, plans, (uint64_t)_i, &outcome);
        for (int i = 0; i <= LEAVES + NODES; i++) {
            ck_assert_msg(memcmp(&outcome.data[i], &expected.data[i], sizeof(real)) == 0,
                          "place %d, node %d: %.17g, not %.17g", place, i, (double)outcome.data[i],
                          (double)expected.data[i]);
            ck_assert_msg(memcmp(&outcome.grad[i], &expected.grad[i], sizeof(real)) == 0,
                          "place %d, node %d: gradient %.17g, not %.17g", place, i,
                          (double)outcome.grad[i], (double)expected.grad[i]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("places");
    TCase *places = new_case(suite, "places", 10);
    tcase_add_loop_test(places, the_place_changes_no_bit, 0, 20);
    return run_suite(suite);
}
