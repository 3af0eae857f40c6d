/* test_inspect.c - the walk over a graph and the stepper through backward. (test_draw.c: the pictures.) */
#include "testing.h"

#include <stdint.h>
#include <stdio.h>

#include <valgrad/valgrad.h>

/* ---- graphs at random -------------------------------------------------------------------------- */

typedef struct Dag {
    Value *nodes[400];
    size_t count;
    Random random;
} Dag;

static Value *any(Dag *dag)
{
    return dag->nodes[random_below(&dag->random, dag->count)];
}

static real custom_forward(size_t n, const real *x, void *context)
{
    (void)context;
    real product = 1;
    for (size_t i = 0; i < n; i++)
        product *= x[i];
    return product;
}

static void custom_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)context;
    (void)result;
    for (size_t i = 0; i < n; i++) {
        partials[i] = 1;
        for (size_t j = 0; j < n; j++)
            partials[i] *= j == i ? 1 : x[j];
    }
}

static const ValueOp product_op = {"product", custom_forward, custom_backward, NULL};

static Value *any_nary(Dag *dag)
{
    Value *x[4], *y[4];
    for (int i = 0; i < 4; i++) {
        x[i] = any(dag);
        y[i] = any(dag);
    }
    switch (random_below(&dag->random, 4)) {
    case 0: return value_sum(4, x);
    case 1: return value_dot(3, x, y);
    case 2: return value_affine(2, x, y, any(dag));
    default: return value_custom(&product_op, 3, x, NULL);
    }
}

static Value *any_result(Dag *dag)
{
    Value *x = any(dag);
    switch (random_below(&dag->random, 10)) {
    case 0: return value_add(x, any(dag));
    case 1: return value_mul(x, any(dag));
    case 2: return value_add(x, x);
    case 3: return value_sub(x, any(dag));
    case 4: return value_tanh(x);
    case 5: return value_relu(x);
    case 6: return value_leaky_relu(x, (real)0.1);
    case 7: return value_sigmoid(x);
    case 8: return value_max(x, any(dag));
    default: return any_nary(dag);
    }
}

/* Leaves, constants, elements of tensors; then results of all of them. */
static Value *grow(Dag *dag, size_t count, uint64_t seed)
{
    *dag = (Dag){.random = random_seeded(seed)};
    for (int i = 0; i < 6; i++)
        dag->nodes[dag->count++] = value_leaf(random_uniform(&dag->random, -1, 1));
    dag->nodes[dag->count++] = value_const(2);
    Tensor *t = tensor_tanh(tensor_leaf((real[]){1, 2, -3, 0}, TENSOR_SHAPE(2, 2)));
    for (int i = 0; i < 4; i++)
        dag->nodes[dag->count++] = tensor_at(t, i);
    while (dag->count < count) {
        dag->nodes[dag->count] = any_result(dag);
        dag->count++;
    }
    Value *root = value_tanh(value_sum(5, dag->nodes + dag->count - 5));
    return value_add(root, dag->nodes[0]);
}

/* ---- comparing gradients ----------------------------------------------------------------------- */

/* All gradients of a walk, one after the other. */
static real *all_gradients(const GraphWalk *walk, size_t *count)
{
    *count = 0;
    size_t room = 0;
    for (size_t id = 0; id < graph_walk_count(walk); id++) {
        GraphNode node;
        assert_status(graph_walk_node(walk, id, &node), VALGRAD_OK);
        room += (size_t)node.size;
    }
    real *all = malloc((room + 1) * sizeof *all);
    for (size_t id = 0; id < graph_walk_count(walk); id++) {
        GraphNode node;
        assert_status(graph_walk_node(walk, id, &node), VALGRAD_OK);
        if (node.rank < 0)
            all[(*count)++] = value_grad(node.value);
    }
    return all;
}

static void step_through(const GraphWalk *walk, const GraphStepperOptions *options)
{
    GraphStepper *stepper = graph_stepper_new(walk, options);
    ck_assert_msg(stepper != NULL, "%s", valgrad_last_error());
    size_t count = 0;
    for (GraphStep step; graph_stepper_next(stepper, &step); count++) {
        ck_assert_uint_eq(step.index, count);
        ck_assert(step.seed || step.operand < step.node);
        const Value *operand = graph_walk_value(walk, step.operand);
        GraphNode node;
        assert_status(graph_walk_node(walk, step.operand, &node), VALGRAD_OK);
        if (node.rank < 0)
            assert_same(step.after.first[0], value_grad(operand));
        char line[600];
        ck_assert_uint_gt(graph_step_text(walk, &step, sizeof line, line), 0);
    }
    GraphStep after_the_end;
    ck_assert(!graph_stepper_next(stepper, &after_the_end));
    graph_stepper_free(stepper);
}

static void assert_bits(const real *a, const real *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(memcmp(&a[i], &b[i], sizeof *a) == 0, "gradient %zu is %.17g, not %.17g", i,
                      (double)a[i], (double)b[i]);
}

static void compare_dag(size_t nodes, uint64_t seed)
{
    Dag dag;
    real *stepped, *whole;
    size_t count, same_count;
    VALGRAD_SCOPE {
        Value *root = grow(&dag, nodes, seed);
        GraphWalk *walk = graph_walk_new(1, &root);
        step_through(walk, NULL);
        stepped = all_gradients(walk, &count);
        graph_walk_free(walk);
    }
    VALGRAD_SCOPE {
        Value *root = grow(&dag, nodes, seed);
        GraphWalk *walk = graph_walk_new(1, &root);
        assert_status(value_backward(root), VALGRAD_OK);
        whole = all_gradients(walk, &same_count);
        graph_walk_free(walk);
    }
    ck_assert_uint_eq(count, same_count);
    assert_bits(stepped, whole, count);
    free(stepped);
    free(whole);
}

START_TEST(stepper_gives_the_bits_of_backward)
{
    for (uint64_t seed = 0; seed < 60; seed++)
        compare_dag(20 + 5 * (size_t)seed, seed);
    valgrad_set_strict_ieee(true);
    for (uint64_t seed = 0; seed < 20; seed++)
        compare_dag(60, seed);
    valgrad_set_strict_ieee(false);
}
END_TEST

/* A small network with everything that an operand can be: runs, transposes, broadcasts, tables. */
typedef struct Network {
    Tensor *w, *v, *b, *x, *loss;
} Network;

static Tensor *random_leaf(Random *random, int64_t rows, int64_t columns)
{
    real numbers[64];
    for (int i = 0; i < rows * columns; i++)
        numbers[i] = random_uniform(random, -1, 1);
    return tensor_leaf(numbers, TENSOR_SHAPE(rows, columns));
}

static Network make_network(uint64_t seed)
{
    Random random = random_seeded(seed);
    Network n;
    n.x = random_leaf(&random, 4, 3);
    n.w = random_leaf(&random, 3, 5);
    n.v = random_leaf(&random, 5, 3);
    n.b = random_leaf(&random, 1, 5);
    Tensor *h = tensor_tanh(tensor_add(tensor_matmul(n.x, n.w), n.b));
    Tensor *both = tensor_concat(2, (Tensor *[]){tensor_matmul(h, n.v), tensor_transpose(n.w)}, 0);
    Tensor *square = tensor_mul(both, both);
    Value *mixed = value_mul(tensor_at(h, 2), value_add(tensor_at(n.w, 1), tensor_at(n.w, 1)));
    Tensor *row = tensor_from_values((Value *[]){mixed, mixed, tensor_at(h, 0)}, TENSOR_SHAPE(3));
    Tensor *logits = tensor_sub(square, row);
    const int64_t labels[9] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    n.loss = tensor_add(tensor_cross_entropy(logits, 9, labels),
                        tensor_mse(tensor_softmax(logits, 0), tensor_reduce_max(logits, TENSOR_AXES(1), true)));
    return n;
}

static void gradients_of(Network n, real out[42])
{
    assert_status(tensor_get_grad(n.x, 12, out), VALGRAD_OK);
    assert_status(tensor_get_grad(n.w, 15, out + 12), VALGRAD_OK);
    assert_status(tensor_get_grad(n.v, 15, out + 27), VALGRAD_OK);
}

START_TEST(stepper_gives_the_bits_of_tensor_backward)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        real stepped[42], whole[42];
        VALGRAD_SCOPE {
            Network n = make_network(seed);
            GraphWalk *walk = graph_walk_tensor(n.loss);
            ck_assert_msg(walk != NULL, "%s", valgrad_last_error());
            step_through(walk, NULL);
            gradients_of(n, stepped);
            graph_walk_free(walk);
        }
        VALGRAD_SCOPE {
            Network n = make_network(seed);
            assert_status(tensor_backward(n.loss, NULL), VALGRAD_OK);
            gradients_of(n, whole);
        }
        assert_bits(stepped, whole, 42);
    }
}
END_TEST

START_TEST(tensor_roots_take_a_seed)
{
    real stepped[12], whole[12];
    const real numbers[] = {1, -2, 3, 0.5};
    for (int table = 0; table < 2; table++) {
        for (int way = 0; way < 2; way++) {
            VALGRAD_SCOPE {
                Random random = random_seeded(3);
                Tensor *x = random_leaf(&random, 2, 2), *y = random_leaf(&random, 2, 2);
                Tensor *root = tensor_mul(tensor_tanh(x), tensor_transpose(y));
                if (table)
                    root = tensor_from_values((Value *[]){tensor_at(root, 0), tensor_at(x, 1),
                                                          tensor_at(root, 0), value_exp(tensor_at(y, 0))},
                                              TENSOR_SHAPE(2, 2));
                Tensor *seed = tensor_const(numbers, TENSOR_SHAPE(2, 2));
                GraphWalk *walk = graph_walk_tensor(root);
                const GraphStepperOptions options = {1, seed, false};
                if (way == 0)
                    step_through(walk, &options);
                else
                    assert_status(tensor_backward(root, seed), VALGRAD_OK);
                real *out = way == 0 ? stepped : whole;
                assert_status(tensor_get_grad(x, 4, out), VALGRAD_OK);
                assert_status(tensor_get_grad(y, 4, out + 4), VALGRAD_OK);
                graph_walk_free(walk);
            }
        }
        assert_bits(stepped, whole, 8);
    }
}
END_TEST

START_TEST(gradients_are_kept_on_request)
{
    VALGRAD_SCOPE {
        Network n = make_network(1);
        Value *extra = value_mul(tensor_at(n.loss, 0), value_leaf(3));
        assert_status(value_backward(extra), VALGRAD_OK);
        GraphWalk *walk = graph_walk_new(1, &extra);
        real before[42], during[42], after[42];
        size_t count, same_count;
        real *scalars = all_gradients(walk, &count);
        gradients_of(n, before);
        const GraphStepperOptions options = {1, NULL, true};
        GraphStepper *stepper = graph_stepper_new(walk, &options);
        gradients_of(n, during);
        assert_same(during[5], 0);
        for (GraphStep step; graph_stepper_next(stepper, &step);)
            ;
        gradients_of(n, during);
        assert_bits(during, before, 42);
        graph_stepper_free(stepper);
        gradients_of(n, after);
        assert_bits(after, before, 42);
        real *same_scalars = all_gradients(walk, &same_count);
        assert_bits(same_scalars, scalars, count);
        free(scalars);
        free(same_scalars);
        graph_walk_free(walk);
    }
}
END_TEST

/* Between two steps another graph may be differentiated, and a stepper may stop anywhere. */
START_TEST(steps_leave_no_marks)
{
    for (size_t stop = 0; stop < 40; stop++) {
        VALGRAD_SCOPE {
            Network n = make_network(2);
            GraphWalk *walk = graph_walk_tensor(n.loss);
            GraphStepper *stepper = graph_stepper_new(walk, NULL);
            GraphStep step;
            for (size_t i = 0; i < stop && graph_stepper_next(stepper, &step); i++) {
                Value *x = value_leaf(3), *y = value_mul(x, x);
                assert_status(value_backward(y), VALGRAD_OK);
                assert_same(value_grad(x), 6);
            }
            graph_stepper_free(stepper);
            graph_walk_free(walk);
            tensor_zero_grad(n.w);
            assert_status(tensor_backward(n.loss, NULL), VALGRAD_OK);
        }
    }
}
END_TEST

/* ---- walk -------------------------------------------------------------------------------------- */

START_TEST(operands_come_first)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        VALGRAD_SCOPE {
            Dag dag;
            Value *root = grow(&dag, 200, seed);
            GraphWalk *walk = graph_walk_new(1, &root);
            const size_t count = graph_walk_count(walk);
            size_t edges = 0;
            ck_assert_uint_eq(graph_walk_root(walk, 0), count - 1);
            ck_assert_uint_eq(graph_walk_root(walk, 1), GRAPH_NO_ID);
            for (size_t id = 0; id < count; id++) {
                GraphNode node;
                assert_status(graph_walk_node(walk, id, &node), VALGRAD_OK);
                ck_assert_uint_eq(graph_walk_find(walk, node.value), id);
                for (size_t i = 0; i < node.edge_count; i++, edges++) {
                    GraphEdge edge;
                    assert_status(graph_walk_edge(walk, id, i, &edge), VALGRAD_OK);
                    ck_assert_uint_lt(edge.to, id);
                    ck_assert_uint_eq(edge.from, id);
                    if (node.kind == GRAPH_OPERATION || node.kind == GRAPH_NARY) {
                        ck_assert_ptr_eq(graph_walk_value(walk, edge.to), value_operand(node.value, i));
                        ck_assert_int_eq(edge.operand, (int)i);
                    }
                }
            }
            ck_assert_uint_eq(edges, graph_walk_edge_count(walk));
            graph_walk_free(walk);
        }
    }
}
END_TEST

START_TEST(repeated_operands_have_edges_of_their_own)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(3), *b = value_add(a, a);
        GraphWalk *walk = graph_walk_new(3, (Value *[]){b, a, b});
        ck_assert_uint_eq(graph_walk_count(walk), 2);
        ck_assert_uint_eq(graph_walk_edge_count(walk), 2);
        ck_assert_uint_eq(graph_walk_root_count(walk), 2);
        ck_assert_uint_eq(graph_walk_root(walk, 0), 1);
        ck_assert_uint_eq(graph_walk_root(walk, 1), 0);
        GraphNode node;
        assert_status(graph_walk_node(walk, 0, &node), VALGRAD_OK);
        ck_assert_uint_eq(node.use_count, 2);
        ck_assert_int_eq(node.kind, GRAPH_LEAF);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(tensor_nodes_tell_shape_and_operands)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_leaf(NULL, TENSOR_SHAPE(4, 3)), *w = tensor_leaf(NULL, TENSOR_SHAPE(3, 2));
        Tensor *y = tensor_add(tensor_matmul(x, w), tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)));
        Tensor *table = tensor_concat(2, (Tensor *[]){y, tensor_slice(x, 1, 0, 2, 1)}, 1);
        Tensor *root = tensor_mul(table, table);
        assert_status(tensor_set_label(w, "w"), VALGRAD_OK);
        GraphWalk *walk = graph_walk_tensor(root);
        GraphNode node;
        GraphEdge edge;
        assert_status(graph_walk_node(walk, graph_walk_root(walk, 0), &node), VALGRAD_OK);
        ck_assert_int_eq(node.kind, GRAPH_TENSOR);
        ck_assert_str_eq(node.op, "mul");
        ck_assert_int_eq(node.rank, 2);
        ck_assert_int_eq(node.shape[0], 4);
        ck_assert_int_eq(node.shape[1], 4);
        ck_assert_uint_eq(node.edge_count, 4); /* each operand gathers numbers of y and of x */
        assert_status(graph_walk_edge(walk, node.id, 3, &edge), VALGRAD_OK);
        ck_assert_int_eq(edge.operand, 1);
        ck_assert_int_eq(edge.count, 8);
        ck_assert_int_eq(edge.rank, 2);
        ck_assert(isnan(graph_walk_derivative(walk, node.id, 0)));
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(elements_have_an_edge_to_their_tensor)
{
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf((real[]){5, 6, 7}, TENSOR_SHAPE(3));
        assert_status(tensor_set_label(t, "t"), VALGRAD_OK);
        Value *root = value_square(tensor_at(t, 2));
        GraphWalk *walk = graph_walk_new(1, &root);
        ck_assert_uint_eq(graph_walk_count(walk), 3);
        GraphNode node;
        assert_status(graph_walk_node(walk, 1, &node), VALGRAD_OK);
        ck_assert_int_eq(node.kind, GRAPH_ELEMENT);
        ck_assert_int_eq(node.element, 2);
        ck_assert_uint_eq(node.edge_count, 1);
        assert_same(graph_walk_derivative(walk, 1, 0), 1);
        char text[100];
        graph_name(walk, 1, sizeof text, text);
        ck_assert_str_eq(text, "t[2]");
        graph_forward_text(walk, 2, sizeof text, text);
        ck_assert_str_eq(text, "L = t[2]^2 = 7^2 = 49");
        graph_forward_text(walk, 0, sizeof text, text);
        ck_assert_str_eq(text, "t = (3) [5, 6, 7]");
        step_through(walk, NULL);
        graph_walk_free(walk);
    }
}
END_TEST

/* A walk keeps the graph, and gives it back. */
START_TEST(a_walk_holds_its_roots)
{
    GraphWalk *walk;
    Value *a = value_leaf(2), *b = value_mul(a, a);
    walk = graph_walk_new(1, &b);
    value_release(a);
    value_release(b);
    ck_assert_int_eq(valgrad_live_nodes(), 2);
    assert_same(value_data(graph_walk_value(walk, 1)), 4);
    graph_walk_free(walk);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
    VALGRAD_SCOPE {
        walk = graph_walk_tensor(tensor_exp(tensor_leaf(NULL, TENSOR_SHAPE(5))));
    }
    ck_assert_uint_eq(graph_walk_count(walk), 2);
    step_through(walk, NULL);
    graph_walk_free(walk);
}
END_TEST

START_TEST(a_million_nodes)
{
    enum { MILLION = 1000000 };
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *y = x;
        for (int i = 0; i < MILLION - 1; i++)
            y = i % 2 ? value_add(y, x) : value_neg(y);
        GraphWalk *walk = graph_walk_new(1, &y);
        ck_assert_uint_eq(graph_walk_count(walk), MILLION);
        ck_assert_ptr_eq(graph_walk_value(walk, MILLION - 1), y);
        GraphStepper *stepper = graph_stepper_new(walk, NULL);
        size_t steps = 0;
        for (GraphStep step; graph_stepper_next(stepper, &step);)
            steps++;
        graph_stepper_free(stepper);
        ck_assert_uint_eq(steps, graph_walk_edge_count(walk) + 1);
        const real stepped = value_grad(x);
        value_zero_grad(x);
        assert_status(value_backward(y), VALGRAD_OK);
        assert_same(value_grad(x), stepped);
        graph_walk_free(walk);
    }
}
END_TEST

/* ---- words ------------------------------------------------------------------------------------- */

/* Root = op(x, y), both labelled; what the two contributions say. */
static void assert_lines(Value *root, const char *forward, const char *first, const char *second)
{
    char text[300];
    GraphWalk *walk = graph_walk_new(1, &root);
    GraphStepper *stepper = graph_stepper_new(walk, NULL);
    GraphStep step;
    graph_forward_text(walk, graph_walk_root(walk, 0), sizeof text, text);
    ck_assert_str_eq(text, forward);
    ck_assert(graph_stepper_next(stepper, &step));
    graph_step_text(walk, &step, sizeof text, text);
    ck_assert_str_eq(text, "dL/dL = 1");
    for (int i = 0; i < 2 && (i ? second : first); i++) {
        ck_assert(graph_stepper_next(stepper, &step));
        const size_t length = graph_step_text(walk, &step, sizeof text, text);
        ck_assert_str_eq(text, i ? second : first);
        ck_assert_uint_eq(length, strlen(text));
        char little[8];
        ck_assert_uint_eq(graph_step_text(walk, &step, sizeof little, little), length);
        ck_assert_int_eq(strncmp(little, text, 7), 0);
        ck_assert_uint_eq(strlen(little), 7);
    }
    ck_assert(!graph_stepper_next(stepper, &step));
    graph_stepper_free(stepper);
    graph_walk_free(walk);
}

START_TEST(steps_in_words)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(2), *b = value_leaf(-3), *zero = value_leaf(0);
        value_set_label(a, "a");
        value_set_label(b, "b");
        value_set_label(zero, "zero");
        assert_lines(value_mul(a, b), "L = a * b = 2 * -3 = -6", "dL/da += dL/dL * b = 1 * -3 = -3",
                     "dL/db += dL/dL * a = 1 * 2 = 2");
        assert_lines(value_tanh(zero), "L = tanh(zero) = tanh(0) = 0",
                     "dL/dzero += dL/dL * (1 - L * L) = 1 * 1 = 1", NULL);
        assert_lines(value_neg(b), "L = -b = -(-3) = 3", "dL/db += dL/dL * -1 = 1 * -1 = -1", NULL);
        assert_lines(value_pow(b, value_const(2)), "L = b ^ 2 = (-3) ^ 2 = 9",
                     "dL/db += dL/dL * (2 * b^(2 - 1)) = 1 * -6 = -6", NULL);
        assert_lines(value_dot(1, &a, &b), "L = dot(a, b) = -6", "dL/da += dL/dL * b = 1 * -3 = -3",
                     "dL/db += dL/dL * a = 1 * 2 = 2");
        assert_lines(value_leaky_relu(b, (real)0.25), "L = b > 0 ? b : 0.25 * b = -3 > 0 ? -3 : 0.25 * -3 = -0.75",
                     "dL/db += dL/dL * (b > 0 ? 1 : 0.25) = 1 * 0.25 = 0.25", NULL);
    }
}
END_TEST

/* ---- errors ------------------------------------------------------------------------------------ */

START_TEST(errors_say_what_is_wrong)
{
    ck_assert_ptr_null(graph_walk_new(0, NULL));
    assert_error(VALGRAD_ERROR_ARGUMENT, "no roots");
    ck_assert_ptr_null(graph_walk_new(1, NULL));
    assert_error(VALGRAD_ERROR_NULL, "roots");
    ck_assert_ptr_null(graph_walk_new(1, (Value *[]){NULL}));
    assert_error(VALGRAD_ERROR_NULL, "one of roots");
    ck_assert_ptr_null(graph_walk_tensor(NULL));
    assert_error(VALGRAD_ERROR_NULL, "root");
    ck_assert_ptr_null(graph_stepper_new(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "walk");
    graph_walk_free(NULL);
    graph_stepper_free(NULL);
    ck_assert_uint_eq(graph_walk_count(NULL), 0);
    VALGRAD_SCOPE {
        Value *c = value_const(1), *x = value_leaf(2), *y = value_mul(x, x);
        GraphWalk *walk = graph_walk_new(1, &c);
        GraphNode node;
        GraphEdge edge;
        assert_status(graph_walk_node(walk, 1, &node), VALGRAD_ERROR_INDEX);
        assert_status(graph_walk_edge(walk, 0, 0, &edge), VALGRAD_ERROR_INDEX);
        ck_assert_ptr_null(graph_walk_value(walk, 7));
        ck_assert_uint_eq(graph_walk_find(walk, x), GRAPH_NO_ID);
        ck_assert_ptr_null(graph_stepper_new(walk, NULL));
        assert_error(VALGRAD_ERROR_STATE, "wants a gradient");
        graph_walk_free(walk);
        walk = graph_walk_new(1, &y);
        Tensor *seed = tensor_const(NULL, TENSOR_SHAPE(2));
        ck_assert_ptr_null(graph_stepper_new(walk, &(GraphStepperOptions){1, seed, false}));
        assert_error(VALGRAD_ERROR_SHAPE, "(2) for scalar roots");
        value_set_label(x, "x");
        value_set_data(x, 3);
        ck_assert_ptr_null(graph_stepper_new(walk, NULL));
        assert_error(VALGRAD_ERROR_MODIFIED, "leaf 'x'");
        assert_same(value_grad(x), 0);
        graph_walk_free(walk);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("inspect");
    TCase *walk = new_case(suite, "walk", 20);
    tcase_add_test(walk, operands_come_first);
    tcase_add_test(walk, repeated_operands_have_edges_of_their_own);
    tcase_add_test(walk, tensor_nodes_tell_shape_and_operands);
    tcase_add_test(walk, elements_have_an_edge_to_their_tensor);
    tcase_add_test(walk, a_walk_holds_its_roots);
    tcase_add_test(walk, a_million_nodes);
    TCase *stepper = new_case(suite, "stepper", 20);
    tcase_add_test(stepper, stepper_gives_the_bits_of_backward);
    tcase_add_test(stepper, stepper_gives_the_bits_of_tensor_backward);
    tcase_add_test(stepper, tensor_roots_take_a_seed);
    tcase_add_test(stepper, gradients_are_kept_on_request);
    tcase_add_test(stepper, steps_leave_no_marks);
    tcase_add_test(stepper, steps_in_words);
    tcase_add_test(stepper, errors_say_what_is_wrong);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
