/* test_tensor_sweeps.c - what holds for every tensor operation whatever it computes: operands may lie in
 * memory in any way and be the same tensor twice; gradients are linear in the seed, add up over passes and
 * roots, owe nothing to what was in their memory before, and come out the same each time.
 *
 * The allocator of this program fills what it hands out with signalling NaN. */
#include "autograd/graph.h"
#include "tensor_operations.h"

/* ---- memory of NaN ------------------------------------------------------------------------------ */

static void *allocate(size_t bytes, void *context)
{
    (void)context;
#ifdef VALGRAD_FLOAT
    const uint32_t pattern = UINT32_C(0x7fa00001);
#else
    const uint64_t pattern = UINT64_C(0x7ff4000000000001);
#endif
    unsigned char *memory = malloc(bytes + sizeof pattern);
    for (size_t at = 0; memory && at < bytes; at += sizeof pattern)
        memcpy(memory + at, &pattern, sizeof pattern);
    return memory;
}

static void release(void *memory, void *context)
{
    (void)context;
    free(memory);
}

/* ---- operands in every layout -------------------------------------------------------------------- */

typedef enum Layout {
    PLAIN_LEAF,
    OTHER_ORDER,  /* axes reversed: a transposed matrix */
    EVERY_SECOND, /* of a leaf twice as long */
    BACKWARDS,    /* steps below 0 */
    SHUFFLED,     /* a table of a leaf's elements */
    OF_SCALARS,   /* a table of scalar leaves */
    OF_RESULTS,   /* the result of an operation */
    LAYOUTS
} Layout;

static Tensor *other_order(Sides sides)
{
    int64_t turned[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK];
    for (int i = 0; i < sides.rank; i++) {
        turned[i] = sides.side[sides.rank - 1 - i];
        axes[i] = sides.rank - 1 - i;
    }
    return tensor_permute(tensor_leaf(NULL, sides.rank, turned), sides.rank, axes);
}

static Tensor *every_second(Sides sides)
{
    sides.side[sides.rank++] = 2;
    return tensor_index(tensor_leaf(NULL, AS_SHAPE(sides)), -1, 1);
}

static Tensor *shuffled(Sides sides)
{
    const int64_t n = size_of(sides);
    Random random = random_seeded(7);
    Value *values[MOST];
    uint32_t order[MOST];
    Tensor *leaf = tensor_leaf(NULL, TENSOR_SHAPE(n));
    for (int64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    random_shuffle(&random, order, (uint32_t)n);
    for (int64_t i = 0; i < n; i++)
        values[i] = tensor_at(leaf, order[i]);
    return tensor_from_values(values, AS_SHAPE(sides));
}

static Tensor *of_scalars(Sides sides)
{
    Value *values[MOST];
    for (int64_t i = 0; i < size_of(sides); i++)
        values[i] = value_leaf(0);
    return tensor_from_values(values, AS_SHAPE(sides));
}

static Tensor *place_for(Layout layout, Sides sides)
{
    switch (layout) {
    case OTHER_ORDER:
        return other_order(sides);
    case EVERY_SECOND:
        return every_second(sides);
    case BACKWARDS:
        return tensor_flip(tensor_leaf(NULL, AS_SHAPE(sides)), TENSOR_ALL_AXES);
    case SHUFFLED:
        return shuffled(sides);
    case OF_SCALARS:
        return of_scalars(sides);
    default:
        return tensor_leaf(NULL, AS_SHAPE(sides));
    }
}

static Tensor *laid_out(Layout layout, const real *numbers, Sides sides)
{
    Tensor *t = place_for(layout, sides);
    assert_status(tensor_set(t, size_of(sides), numbers), VALGRAD_OK);
    return layout == OF_RESULTS ? tensor_neg(tensor_neg(t)) : t;
}

/* ---- one operation ------------------------------------------------------------------------------- */

enum { MOST_NUMBERS = 512 };

/* Numbers for an operation's operands, and seeds for its result. */
typedef struct Point {
    const TensorOperation *operation;
    real numbers[MOST_OPERANDS][MOST], seed[MOST_NUMBERS];
} Point;

static void draw_seeds(Random *random, real seed[MOST_NUMBERS])
{
    for (int i = 0; i < MOST_NUMBERS; i++)
        seed[i] = random_uniform(random, -1, 1);
}

static void draw_point(int entry, Point *point)
{
    Random random = random_seeded((uint64_t)entry);
    point->operation = &tensor_operations[entry];
    for (int i = 0; i < point->operation->operand_count; i++)
        distinct_numbers(point->operation, i, &random, point->numbers[i]);
    draw_seeds(&random, point->seed);
}

typedef struct Operands {
    Tensor *x[MOST_OPERANDS];
} Operands;

static Operands operands_in(const Point *point, const Layout layouts[MOST_OPERANDS])
{
    Operands operands = {{NULL}};
    for (int i = 0; i < point->operation->operand_count; i++)
        operands.x[i] = laid_out(layouts[i], point->numbers[i], point->operation->shapes[i]);
    return operands;
}

static Operands plain_operands(const Point *point)
{
    return operands_in(point, (Layout[MOST_OPERANDS]){PLAIN_LEAF});
}

static Tensor *apply(const Point *point, Operands operands)
{
    Tensor *result = point->operation->build(operands.x);
    ck_assert_msg(result != NULL, "%s", valgrad_last_error());
    return result;
}

static void back(Tensor *result, const real *seed)
{
    assert_status(
        tensor_backward(result, tensor_const(seed, tensor_rank(result), tensor_shape(result))),
        VALGRAD_OK);
}

/* Numbers of a result and all gradients of the operands. */
typedef struct Outcome {
    int64_t n, gradient_count;
    real numbers[MOST_NUMBERS], gradients[MOST_NUMBERS];
} Outcome;

static void take_outcome(const Point *point, const Tensor *result, Operands operands, Outcome *out)
{
    *out = (Outcome){.n = tensor_size(result)};
    ck_assert_int_le(out->n, MOST_NUMBERS);
    assert_status(tensor_get(result, out->n, out->numbers), VALGRAD_OK);
    for (int i = 0; i < point->operation->operand_count; i++) {
        const int64_t size = tensor_size(operands.x[i]);
        ck_assert_int_le(out->gradient_count + size, MOST_NUMBERS);
        assert_status(tensor_get_grad(operands.x[i], size, out->gradients + out->gradient_count),
                      VALGRAD_OK);
        out->gradient_count += size;
    }
}

static void run(const Point *point, const Layout layouts[MOST_OPERANDS], Outcome *out)
{
    VALGRAD_SCOPE {
        const Operands operands = operands_in(point, layouts);
        Tensor *result = apply(point, operands);
        back(result, point->seed);
        take_outcome(point, result, operands, out);
    }
}

static void run_plainly(const Point *point, Outcome *out)
{
    run(point, (Layout[MOST_OPERANDS]){PLAIN_LEAF}, out);
}

static void assert_all_close(const char *what, int64_t n, const real *actual, const real *expected)
{
    for (int64_t i = 0; i < n; i++) {
        ck_assert_msg(isfinite((double)actual[i]), "%s: %s %d is %g", now_testing, what, (int)i,
                      (double)actual[i]);
        assert_close(what, i, actual[i], expected[i]);
    }
}

/* ---- properties ---------------------------------------------------------------------------------- */

START_TEST(operands_in_every_layout)
{
    Point point;
    Outcome plain, other;
    draw_point(_i, &point);
    run_plainly(&point, &plain);
    for (int turn = 0; turn < LAYOUTS * LAYOUTS; turn++) {
        const Layout layouts[] = {(Layout)(turn % LAYOUTS), (Layout)(turn / LAYOUTS),
                                  (Layout)((turn + turn / LAYOUTS) % LAYOUTS)};
        if (point.operation->operand_count == 1 && turn >= LAYOUTS)
            break;
        now_testing_is("%s, layouts %d, %d, %d", point.operation->function, layouts[0], layouts[1],
                       layouts[2]);
        run(&point, layouts, &other);
        assert_all_close("element", plain.n, other.numbers, plain.numbers);
        assert_all_close("gradient", plain.gradient_count, other.gradients, plain.gradients);
    }
}
END_TEST

static bool may_be_the_same(const TensorOperation *operation)
{
    const Sides a = operation->shapes[0], b = operation->shapes[1];
    return operation->operand_count == 2 && a.rank == b.rank &&
           memcmp(a.side, b.side, (size_t)a.rank * sizeof *a.side) == 0 &&
           range_of(operation, 0).low <= range_of(operation, 1).high &&
           range_of(operation, 1).low <= range_of(operation, 0).high;
}

/* f(a, a): the gradient is the sum of those of f(a, b) with b of the same numbers. */
START_TEST(the_same_tensor_twice)
{
    Point point;
    draw_point(_i, &point);
    if (!may_be_the_same(point.operation))
        return;
    now_testing_is("%s of a tensor with itself", point.operation->function);
    const int64_t n = size_of(point.operation->shapes[0]);
    const double low = fmax(range_of(point.operation, 0).low, range_of(point.operation, 1).low);
    const double high = fmin(range_of(point.operation, 0).high, range_of(point.operation, 1).high);
    Random random = random_seeded(1);
    draw_many(&random, (Range){low, high, false}, n, point.numbers[0]);
    memcpy(point.numbers[1], point.numbers[0], (size_t)n * sizeof(real));
    Outcome apart, together;
    run_plainly(&point, &apart);
    for (int layout = 0; layout < LAYOUTS; layout++) {
        VALGRAD_SCOPE {
            Tensor *x = laid_out((Layout)layout, point.numbers[0], point.operation->shapes[0]);
            const Operands twice = {{x, x}};
            Tensor *result = apply(&point, twice);
            back(result, point.seed);
            take_outcome(&point, result, twice, &together);
        }
        for (int64_t i = 0; i < n; i++)
            apart.gradients[i] += layout == 0 ? apart.gradients[n + i] : 0;
        assert_all_close("element", apart.n, together.numbers, apart.numbers);
        assert_all_close("gradient", n, together.gradients, apart.gradients);
    }
}
END_TEST

/* The gradients of the seed p s + q t are p times those of s and q times those of t. */
START_TEST(linear_in_the_seed)
{
    Point point;
    Outcome of_s, of_t, of_both;
    real t[MOST_NUMBERS];
    const real p = (real)0.75, q = -2;
    draw_point(_i, &point);
    now_testing_is("%s: linearity", point.operation->function);
    Random random = random_seeded(99);
    draw_seeds(&random, t);
    run_plainly(&point, &of_s);
    Point other = point;
    memcpy(other.seed, t, sizeof t);
    run_plainly(&other, &of_t);
    for (int i = 0; i < MOST_NUMBERS; i++)
        other.seed[i] = p * point.seed[i] + q * t[i];
    run_plainly(&other, &of_both);
    for (int64_t i = 0; i < of_s.gradient_count; i++)
        of_s.gradients[i] = p * of_s.gradients[i] + q * of_t.gradients[i];
    for (int64_t i = 0; i < of_s.gradient_count; i++) {
        const double size = fmax(1, fabs((double)of_t.gradients[i]));
        ck_assert_msg(fabs((double)of_both.gradients[i] - (double)of_s.gradients[i]) <=
                          16 * TOLERANCE * size,
                      "%s: gradient %d is %.17g, not %.17g", now_testing, (int)i,
                      (double)of_both.gradients[i], (double)of_s.gradients[i]);
    }
}
END_TEST

/* A second pass through a graph adds the same bits once more. */
START_TEST(two_backwards)
{
    Point point;
    Outcome once, twice;
    draw_point(_i, &point);
    now_testing_is("%s: two backwards", point.operation->function);
    VALGRAD_SCOPE {
        const Operands operands = plain_operands(&point);
        Tensor *result = apply(&point, operands);
        back(result, point.seed);
        take_outcome(&point, result, operands, &once);
        back(result, point.seed);
        take_outcome(&point, result, operands, &twice);
    }
    for (int64_t i = 0; i < once.gradient_count; i++)
        once.gradients[i] *= 2;
    assert_all_close("gradient", once.gradient_count, twice.gradients, once.gradients);
}
END_TEST

/* Gradients of two roots over the same leaves add up in these. */
START_TEST(two_roots)
{
    Point point;
    Outcome first, second, both;
    draw_point(_i, &point);
    now_testing_is("%s: two roots", point.operation->function);
    for (int turn = 0; turn < 3; turn++) {
        VALGRAD_SCOPE {
            const Operands operands = plain_operands(&point);
            Tensor *result = apply(&point, operands), *root = tensor_square(result);
            if (turn != 1)
                back(result, point.seed);
            if (turn != 0)
                back(root, point.seed);
            take_outcome(&point, result, operands,
                         turn == 0   ? &first
                         : turn == 1 ? &second
                                     : &both);
        }
    }
    for (int64_t i = 0; i < first.gradient_count; i++)
        first.gradients[i] += second.gradients[i];
    assert_all_close("gradient", first.gradient_count, both.gradients, first.gradients);
}
END_TEST

static void assert_same_bits(const Outcome *a, const Outcome *b)
{
    ck_assert_msg(memcmp(a, b, sizeof *a) == 0, "%s: another run has other bits", now_testing);
}

/* With memory fresh from the allocator, which is full of NaN, and with memory used before. */
START_TEST(same_bits_from_any_memory)
{
    Point point;
    Outcome fresh, reused, again;
    draw_point(_i, &point);
    for (int layout = 0; layout < LAYOUTS; layout++) {
        const Layout layouts[] = {(Layout)layout, (Layout)layout, (Layout)layout};
        now_testing_is("%s in layout %d", point.operation->function, layout);
        memset(&fresh, 0, sizeof fresh);
        memset(&reused, 0, sizeof reused);
        memset(&again, 0, sizeof again);
        valgrad_trim();
        run(&point, layouts, &fresh);
        run(&point, layouts, &reused);
        valgrad_trim();
        run(&point, layouts, &again);
        assert_all_close("element", fresh.n, fresh.numbers, fresh.numbers);
        assert_all_close("gradient", fresh.gradient_count, fresh.gradients, fresh.gradients);
        assert_same_bits(&fresh, &reused);
        assert_same_bits(&fresh, &again);
    }
}
END_TEST

/* A backward that adds to what was in its memory before, as a wrong one would: all of it is NaN, which
 * same_bits_from_any_memory refuses. */
START_TEST(what_was_in_memory_is_noticed)
{
    VALGRAD_SCOPE {
        bool fresh;
        real gradients[3];
        Tensor *x = tensor_leaf(NULL, TENSOR_SHAPE(3));
        real *grad = dense__receive(node_of(tensor_at(x, 0)), &fresh);
        ck_assert(fresh);
        for (int i = 0; i < 3; i++)
            grad[i] += 1;
        assert_status(tensor_get_grad(x, 3, gradients), VALGRAD_OK);
        for (int i = 0; i < 3; i++)
            ck_assert(isnan(gradients[i]));
    }
}
END_TEST

int main(void)
{
    if (valgrad_set_allocator((ValgradAllocator){allocate, release, NULL}) != VALGRAD_OK)
        return EXIT_FAILURE;
    Suite *suite = suite_create("tensor_sweeps");
    TCase *tests = new_case(suite, "every operation", 30);
    const int entries = COUNT(tensor_operations);
    tcase_add_loop_test(tests, operands_in_every_layout, 0, entries);
    tcase_add_loop_test(tests, the_same_tensor_twice, 0, entries);
    tcase_add_loop_test(tests, linear_in_the_seed, 0, entries);
    tcase_add_loop_test(tests, two_backwards, 0, entries);
    tcase_add_loop_test(tests, two_roots, 0, entries);
    tcase_add_loop_test(tests, same_bits_from_any_memory, 0, entries);
    tcase_add_test(tests, what_was_in_memory_is_noticed);
    return run_suite(suite);
}
