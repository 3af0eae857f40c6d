/* test_tensor_memory.c - whichever allocation is refused: an error that says so, nothing lost, and
 * what was there before intact. The allocator of this program counts, and refuses the one it is
 * told to; then the same with every block that is taken, also those that wait for reuse. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#include <valgrad/derivatives.h>
#include <valgrad/profile.h>
#include <valgrad/program.h>

#include "tensor_operations.h"

/* ---- the allocator ------------------------------------------------------------------------------ */

static int64_t asked, refuse_at, blocks; /* refuse_at 0: none */
static bool every_block, no_threads;
static size_t least_refused; /* bytes: smaller ones are neither counted nor refused */

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    if (!every_block && bytes >= least_refused && ++asked == refuse_at)
        return NULL;
    void *memory = malloc(bytes);
    blocks += memory != NULL;
    return memory;
}

static void release(void *memory, void *context)
{
    (void)context;
    blocks--;
    free(memory);
}

#ifdef __linux__
enum { WAYS = 2 };

/* The linker puts these in the place of the functions; see CMakeLists.txt. */
void *__real_buffer__take(size_t bytes);
void *__wrap_buffer__take(size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context);

void *__wrap_buffer__take(size_t bytes)
{
    return every_block && ++asked == refuse_at ? NULL : __real_buffer__take(bytes);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context)
{
    return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, start, context);
}
#else
enum { WAYS = 1 };
#endif

/* Allocations are counted from here on; number `at` is refused. What waits for reuse is given back
 * first, or there would be none. */
static void start_refusing(int64_t at)
{
    valgrad_trim();
    valgrad_clear_error();
    asked = 0;
    refuse_at = at;
}

/* Whether one was refused. */
static bool stop_refusing(void)
{
    const bool refused = refuse_at > 0 && asked >= refuse_at;
    refuse_at = 0;
    return refused;
}

/* ---- programs: what is tried with each allocation refused ---------------------------------------- */

/* A program makes things, releases what it owns, and puts numbers into out (as many each time),
 * unless it could not. It returns whether it could. */
enum { MOST_OUT = 256 };
typedef bool Trial(int argument, real out[MOST_OUT]);

/* Handles that are given back at the end of a program in the pool. */
static Tensor *owned[64];
static int owned_count;

static Tensor *own(Tensor *t)
{
    ck_assert(t != NULL || valgrad_last_status() != VALGRAD_OK);
    ck_assert(t == NULL || owned_count < 64);
    if (t)
        owned[owned_count++] = t;
    return t;
}

static void release_owned(void)
{
    while (owned_count > 0)
        tensor_release(owned[--owned_count]);
}

/* One operation, and backward from all of it. */
static bool try_operation(const TensorOperation *operation, real out[MOST_OUT])
{
    Random random = random_seeded(1);
    Tensor *x[MOST_OPERANDS] = {0};
    for (int i = 0; i < operation->operand_count; i++) {
        real numbers[MOST];
        distinct_numbers(operation, i, &random, numbers);
        x[i] = own(tensor_leaf(numbers, AS_SHAPE(operation->shapes[i])));
        if (!x[i])
            return false;
    }
    Tensor *y = own(operation->build(x));
    const ValgradStatus status = tensor_backward(y, NULL);
    if (!y || status != VALGRAD_OK)
        return false;
    int64_t n = tensor_size(y);
    assert_status(tensor_get(y, n, out), VALGRAD_OK);
    for (int i = 0; i < operation->operand_count; n += tensor_size(x[i++]))
        assert_status(tensor_get_grad(x[i], tensor_size(x[i]), out + n), VALGRAD_OK);
    ck_assert_int_le(n, MOST_OUT);
    return true;
}

static bool operation_in_pool(int i, real out[MOST_OUT])
{
    const bool done = try_operation(&tensor_operations[i], out);
    release_owned();
    return done;
}

static bool operation_in_scope(int i, real out[MOST_OUT])
{
    bool done = false;
    VALGRAD_SCOPE {
        done = try_operation(&tensor_operations[i], out);
        owned_count = 0;
    }
    return done;
}

/* First and second derivatives of an operation along a direction, by tensor_jvp and tensor_hvp. */
static bool try_derivatives(const TensorOperation *operation, real out[MOST_OUT])
{
    Random random = random_seeded(1);
    const size_t n = (size_t)operation->operand_count;
    Tensor *x[MOST_OPERANDS] = {0}, *product[MOST_OPERANDS];
    for (size_t i = 0; i < n; i++) {
        real numbers[MOST];
        distinct_numbers(operation, (int)i, &random, numbers);
        if (!(x[i] = own(tensor_leaf(numbers, AS_SHAPE(operation->shapes[i])))))
            return false;
    }
    Tensor *y = own(operation->build(x)), *squares = y ? own(tensor_square(y)) : NULL;
    Tensor *total = squares ? own(tensor_sum_all(squares)) : NULL;
    Tensor *tangent = total ? own(tensor_jvp(total, n, x, x)) : NULL;
    if (!tangent || tensor_hvp(total, n, x, x, product) != VALGRAD_OK)
        return false;
    out[0] = tensor_item(tangent);
    real *at = out + 1;
    for (size_t i = 0; i < n; at += tensor_size(product[i++]))
        assert_status(tensor_get(own(product[i]), tensor_size(product[i]), at), VALGRAD_OK);
    ck_assert_int_le(at - out, MOST_OUT);
    return true;
}

static bool derivatives_in_pool(int i, real out[MOST_OUT])
{
    const bool done = try_derivatives(&tensor_operations[i], out);
    release_owned();
    return done;
}

/* Records a graph of both grains and runs the program, which allocates nothing. */
static bool program_of_both_grains(int batch, real out[MOST_OUT])
{
    bool done = false;
    VALGRAD_SCOPE {
        const real numbers[] = {1, 2, 3, 4};
        Tensor *w = tensor_leaf(numbers, TENSOR_SHAPE(2, 2));
        Tensor *y = tensor_reduce_max(tensor_tanh(tensor_matmul(w, w)), TENSOR_AXES(0), false);
        Program *program = y ? program_record_tensor(tensor_mul(y, y), 1, &w) : NULL;
        ProgramWorkspace *room = program_workspace_new(program, (size_t)batch);
        const real inputs[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        const int64_t before = asked;
        done = program_run(program, room, 4 * (size_t)batch, inputs, out, NULL, out + 2 * batch) ==
               VALGRAD_OK;
        ck_assert_int_eq(asked, before);
        program_workspace_free(room);
        program_free(program);
    }
    return done;
}

/* Writes both grains as C; the last begins with a list. */
static bool emission_of_both_grains(int argument, real out[MOST_OUT])
{
    bool done = false;
    FILE *file = tmpfile();
    (void)argument;
    VALGRAD_SCOPE {
        const real numbers[] = {1, 2, 3, 4};
        Tensor *w = tensor_leaf(numbers, TENSOR_SHAPE(2, 2));
        Tensor *y = tensor_reduce_max(tensor_tanh(tensor_matmul(w, w)), TENSOR_AXES(0), false);
        Tensor *sum = tensor_sum_all(w);
        Value *x = value_leaf(2), *square = value_square(x);
        done = y && sum && square && value_set_label(square, "square") == VALGRAD_OK &&
               tensor_emit_c("made", y, 1, &w, file) == VALGRAD_OK &&
               value_emit_c("made", 1, &square, 1, &x, file) == VALGRAD_OK &&
               tensor_emit_c("made", sum, 1, &w, file) == VALGRAD_OK;
    }
    out[0] = (real)ftell(file);
    fclose(file);
    return done;
}

/* A leaf whose every other number stands for operand i: a run with gaps, or, made anew, a table. */
static Tensor *view_for(const TensorOperation *operation, int i, Random *random, Tensor **leaf)
{
    real numbers[MOST], both[2 * MOST];
    Sides sides = operation->shapes[i];
    const int64_t n = size_of(sides);
    distinct_numbers(operation, i, random, numbers);
    for (int64_t j = 0; j < 2 * n; j++)
        both[j] = numbers[j / 2];
    sides.side[sides.rank++] = 2;
    *leaf = tensor_leaf(both, AS_SHAPE(sides));
    Tensor *run = tensor_index(*leaf, -1, 1);
    return i == 0 ? run : tensor_reshape(run, AS_SHAPE(operation->shapes[i]));
}

/* Operands are gathered, and their gradients scattered. */
static bool operation_on_views(int i, real out[MOST_OUT])
{
    const TensorOperation *operation = &tensor_operations[i];
    bool done = false;
    VALGRAD_SCOPE {
        Random random = random_seeded(1);
        Tensor *x[MOST_OPERANDS] = {0}, *leaf = NULL;
        for (int j = 0; j < operation->operand_count; j++)
            x[j] = view_for(operation, j, &random, &leaf);
        done = true;
        for (int j = 0; j < operation->operand_count; j++)
            done &= x[j] != NULL;
        if (done)
            done = tensor_backward(operation->build(x), NULL) == VALGRAD_OK;
        if (done)
            assert_status(tensor_get_grad(leaf, tensor_size(leaf), out), VALGRAD_OK);
    }
    return done;
}

static real double_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return 2 * x[0];
}

static void double_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)x, (void)result, (void)context;
    partials[0] = 2;
}

static const ValueOp own_double = {"double", double_forward, double_backward, NULL};

/* The derivative of an operation of the user's along a direction. */
static bool derivative_of_ones_own(int unused, real out[MOST_OUT])
{
    bool done = false;
    (void)unused;
    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *root = value_square(value_custom(&own_double, 1, &x, NULL));
        done = root && value_jvp(1, &root, 1, &x, (real[]){1}, out) == VALGRAD_OK;
    }
    return done;
}

enum { PARAMS = 40 };

/* A scope whose first operand has just changed, and a tensor of many that are all held. */
static bool begin_with_params(Value *const w[PARAMS])
{
    bool done = false;
    VALGRAD_SCOPE {
        assert_status(value_set_data(w[0], 2), VALGRAD_OK);
        Value *first = value_sum(1, w);
        Tensor *table = tensor_from_values(w, TENSOR_SHAPE(PARAMS));
        Tensor *sum = tensor_sum_all(tensor_square(table));
        done = value_backward(value_mul(first, sum ? tensor_at(sum, 0) : NULL)) == VALGRAD_OK;
    }
    return done;
}

/* A scope whose first operand is of a scope inside it. */
static bool begin_with_inner(Value *w)
{
    bool done = false;
    VALGRAD_SCOPE {
        Value *inner = NULL;
        VALGRAD_SCOPE
            inner = value_retain(value_square(w));
        done = value_backward(value_sum(1, &inner)) == VALGRAD_OK;
        value_release(inner);
    }
    return done;
}

/* A scope that begins with a view of what has just changed. */
static bool scope_that_begins_with_a_view(int unused, real out[MOST_OUT])
{
    bool done = false;
    (void)unused;
    Tensor *t = tensor_param((real[]){1, 2}, TENSOR_SHAPE(1, 2));
    if (t)
        VALGRAD_SCOPE {
            assert_status(tensor_set(t, 2, (real[]){3, 4}), VALGRAD_OK);
            Tensor *view = tensor_transpose(t);
            done = tensor_backward(tensor_sum_all(tensor_square(view)), NULL) == VALGRAD_OK;
            if (done)
                assert_status(tensor_get_grad(t, 2, out), VALGRAD_OK);
        }
    tensor_release(t);
    return done;
}

static bool scope_that_begins_with_values(int inner, real out[MOST_OUT])
{
    Value *w[PARAMS];
    bool done = true;
    for (int i = 0; i < PARAMS; i++) {
        w[i] = value_param((real)(1 + i));
        done = done && w[i];
    }
    done = done && (inner ? begin_with_inner(w[0]) : begin_with_params(w));
    for (int i = 0; i < PARAMS; i++) {
        if (done)
            out[i] = value_grad(w[i]);
        value_release(w[i]);
    }
    return done;
}

/* Everything else: each maker, labels, elements, writing, both grains, scopes within scopes. */
static bool both_grains(int unused, real out[MOST_OUT])
{
    (void)unused;
    bool done = false;
    Random random = random_seeded(1);
    Tensor *w = tensor_param((real[]){1, 2, 3, 4}, TENSOR_SHAPE(2, 2)), *product = NULL,
           *joined = NULL;
    VALGRAD_SCOPE {
        VALGRAD_SCOPE {
            VALGRAD_SCOPE {
                Tensor *x = tensor_uniform(1, 2, &random, TENSOR_SHAPE(2, 2));
                product = tensor_retain(tensor_matmul(x, tensor_transpose(w)));
            }
            Tensor *parts[] = {tensor_exp(product),
                               tensor_normal(0, 1, &random, TENSOR_SHAPE(2, 2)),
                               tensor_full(2, TENSOR_SHAPE(2, 2)), tensor_detach(product)};
            Tensor *all = tensor_log_softmax(tensor_concat(4, parts, 0), 0);
            joined = tensor_retain(tensor_add(all, tensor_zeros(TENSOR_SHAPE(2))));
        }
        Value *x = value_tanh(tensor_at(joined, 1)), *y = value_mul(x, tensor_at(joined, 14));
        Value *values[] = {x, y, tensor_at(w, 3)};
        Tensor *table = tensor_from_values(values, TENSOR_SHAPE(3)), *constant = NULL;
        VALGRAD_NO_GRAD
            constant = tensor_softmax(table, 0);
        Tensor *thawed = tensor_const((real[]){1, 2, 3}, TENSOR_SHAPE(3));
        Tensor *large = tensor_transpose(tensor_broadcast(w, TENSOR_SHAPE(50, 2, 2)));
        Tensor *turned = tensor_transpose(tensor_reshape(large, TENSOR_SHAPE(50, 4)));
        int64_t best = 0;
        done = turned && tensor_set_label(w, "w") == VALGRAD_OK &&
               tensor_set_wants_grad(thawed, true) == VALGRAD_OK &&
               tensor_fill_uniform(thawed, 0, 1, &random) == VALGRAD_OK &&
               tensor_argmax(turned, TENSOR_ALL_AXES, 1, &best) == VALGRAD_OK;
        Tensor *terms[] = {tensor_square(table), constant, tensor_mul(thawed, constant)};
        Tensor *loss = tensor_mean_all(tensor_stack(3, terms, 1));
        done = tensor_backward(loss, NULL) == VALGRAD_OK && done;
        if (done) {
            assert_status(tensor_get_grad(w, 4, out), VALGRAD_OK);
            assert_status(tensor_get_grad(thawed, 3, out + 4), VALGRAD_OK);
            assert_status(tensor_get(table, 3, out + 7), VALGRAD_OK);
            out[10] = (real)best;
        }
    }
    tensor_release(product);
    tensor_release(joined);
    tensor_release(w);
    return done;
}

/* ---- trying ------------------------------------------------------------------------------------ */

/* Runs the program with allocation `at` refused, checks what that led to, and returns whether it
 * was. */
static bool try_refusing(Trial *program, int argument, int64_t at, const real expected[MOST_OUT])
{
    real out[MOST_OUT] = {0};
    start_refusing(at);
    const bool done = program(argument, out);
    const bool refused = stop_refusing();
    ck_assert_msg(done == !refused, "%s, allocation %d: %s", now_testing, (int)at,
                  valgrad_last_error());
    assert_status(valgrad_last_status(), refused ? VALGRAD_ERROR_MEMORY : VALGRAD_OK);
    ck_assert_msg(refused == (strstr(valgrad_last_error(), "out of memory") != NULL),
                  "%s, allocation %d: %s", now_testing, (int)at, valgrad_last_error());
    for (int i = 0; done && i < MOST_OUT; i++)
        assert_same(out[i], expected[i]);
    ck_assert_msg(valgrad_live_nodes() == 0, "%s, allocation %d: %d nodes are left", now_testing,
                  (int)at, (int)valgrad_live_nodes());
    valgrad_clear_error();
    return refused;
}

static int64_t blocks_after_trim(void)
{
    valgrad_trim();
    return blocks;
}

/* Refuses each allocation in turn. What nothing uses any more goes back to the allocator at the
 * end. */
static void refuse_each_of_some(Trial *program, int argument)
{
    real expected[MOST_OUT] = {0};
    ck_assert_msg(program(argument, expected), "%s: %s", now_testing, valgrad_last_error());
    const int64_t before = blocks_after_trim();
    int64_t at = 1;
    for (; try_refusing(program, argument, at, expected); at++)
        ck_assert_msg(blocks_after_trim() == before, "%s, allocation %d: %d blocks are lost",
                      now_testing, (int)at, (int)(blocks - before));
    ck_assert_int_gt(at, 1);
    ck_assert_int_eq(blocks_after_trim(), before);
}

static void refuse_each(Trial *program, int argument)
{
    for (int way = 0; way < WAYS; way++) {
        every_block = way == 1;
        refuse_each_of_some(program, argument);
    }
    every_block = false;
}

static void say_operation(const char *where, int i)
{
    now_testing_is("%s of row %d %s", tensor_operations[i].function, i, where);
}

START_TEST(operations_in_the_pool)
{
    say_operation("in the pool", _i);
    refuse_each(operation_in_pool, _i);
}
END_TEST

START_TEST(derivatives_of_operations)
{
    say_operation("and its derivatives", _i);
    refuse_each(derivatives_in_pool, _i);
}
END_TEST

START_TEST(recorded_programs)
{
    now_testing_is("a program, batch %d", _i);
    refuse_each(program_of_both_grains, _i);
}
END_TEST

START_TEST(emissions)
{
    now_testing_is("generated code");
    refuse_each(emission_of_both_grains, 0);
}
END_TEST

START_TEST(operations_in_a_scope)
{
    say_operation("in a scope", _i);
    refuse_each(operation_in_scope, _i);
}
END_TEST

START_TEST(operations_on_views)
{
    say_operation("on views", _i);
    refuse_each(operation_on_views, _i);
}
END_TEST

START_TEST(an_operation_of_ones_own)
{
    now_testing_is("an operation of one's own");
    refuse_each(derivative_of_ones_own, 0);
}
END_TEST

START_TEST(first_of_a_scope)
{
    now_testing_is("what a scope begins with, %d", _i);
    refuse_each(_i == 2 ? scope_that_begins_with_a_view : scope_that_begins_with_values, _i);
}
END_TEST

START_TEST(both_grains_and_nested_scopes)
{
    now_testing_is("both grains");
    refuse_each(both_grains, 0);
}
END_TEST

/* What a process allocates first it never gives back, so each of those is refused in a process of
 * its own. */
static bool first_allocation_is_refused_well(Trial *program, int64_t at, const real *expected)
{
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        real out[MOST_OUT] = {0};
        refuse_at = at;
        const bool done = program(0, out), refused = stop_refusing();
        const ValgradStatus status = refused ? VALGRAD_ERROR_MEMORY : VALGRAD_OK;
        const bool well = done == !refused && valgrad_last_status() == status &&
                          valgrad_live_nodes() == 0 &&
                          (!done || memcmp(out, expected, sizeof out) == 0);
        end_child(well ? refused : 2);
    }
    int end = 0;
    ck_assert_int_eq(waitpid(child, &end, 0), child);
    ck_assert_msg(WIFEXITED(end) && WEXITSTATUS(end) < 2, "allocation %d of a new process",
                  (int)at);
    return WEXITSTATUS(end) == 1;
}

/* What a child writes into the pipe of its parent: a program's numbers when nothing is refused. */
static void numbers_of_child(Trial *program, real out[MOST_OUT])
{
    int ends[2];
    const ssize_t bytes = MOST_OUT * (ssize_t)sizeof *out;
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        end_child(!(program(0, out) && write(ends[1], out, (size_t)bytes) == bytes));
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], out, (size_t)bytes), bytes);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
}

START_TEST(allocations_of_a_new_process)
{
    static Trial *const programs[] = {operation_in_pool, operation_in_scope, both_grains};
    real expected[MOST_OUT] = {0};
    numbers_of_child(programs[_i], expected);
    int64_t at = 1;
    while (first_allocation_is_refused_well(programs[_i], at, expected))
        at++;
    ck_assert_int_gt(at, 3);
}
END_TEST

/* What existed before a refusal is as it was, and works. */
START_TEST(what_was_there_is_intact)
{
    const real numbers[] = {1, 2, 3, 4};
    Tensor *w = tensor_param(numbers, TENSOR_SHAPE(2, 2)), *y = tensor_square(w);
    for (int64_t at = 1; at < 20; at++) {
        start_refusing(at);
        Tensor *view = tensor_transpose(y), *z = tensor_log_softmax(view, 0);
        const bool refused = stop_refusing();
        tensor_release(view);
        ck_assert_int_eq(refused, z == NULL);
        valgrad_clear_error();
        tensor_release(z);
        tensor_zero_grad(w);
        assert_status(tensor_backward(y, NULL), VALGRAD_OK);
        for (int i = 0; i < 4; i++)
            assert_same(value_grad(tensor_at(w, i)), 2 * numbers[i]);
        if (!refused)
            break;
    }
    tensor_release(y);
    tensor_release(w);
}
END_TEST

enum { SLAB_BYTES = 256 * 1024 };

/* Opens scopes until one would need a new slab for its nodes, which is refused: nothing can be made in it, and all
 * goes well after it. */
static bool fails_well_without_a_slab(void)
{
    bool refused = false, well = false;
    least_refused = SLAB_BYTES;
    for (int i = 0; i < 1000 && !refused; i++) {
        start_refusing(1);
        ValgradScope scope = scope_open();
        refused = stop_refusing();
        if (!refused)
            continue; /* this one stays open */
        well = valgrad_last_status() == VALGRAD_ERROR_MEMORY && !value_const(1) &&
               !tensor_zeros(TENSOR_SHAPE(1));
        scope_close(&scope);
        VALGRAD_SCOPE
            well = well && value_const(1);
    }
    return well;
}

START_TEST(scope_without_room)
{
    int status = 0;
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        end_child(!fails_well_without_a_slab());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* Lists of non-zeros are done without when there is no room for them. */
START_TEST(sparse_products_without_lists)
{
    enum { ROWS = 16, DEPTH = 256, COLUMNS = 64 };
    static real numbers[ROWS * DEPTH], expected[ROWS * COLUMNS], got[ROWS * COLUMNS];
    int done_without = 0;
    bool refused = true;
    for (int i = 0; i < ROWS * DEPTH; i += 16)
        numbers[i] = (real)(i % 7);
    every_block = WAYS > 1;
    for (int64_t at = 0; at <= 1 || refused; at++)
        VALGRAD_SCOPE {
            Tensor *w = tensor_full(2, TENSOR_SHAPE(DEPTH, COLUMNS));
            start_refusing(at);
            Tensor *x = tensor_leaf(numbers, TENSOR_SHAPE(ROWS, DEPTH)), *y = tensor_matmul(x, w);
            refused = stop_refusing();
            ck_assert(y || (refused && valgrad_last_status() == VALGRAD_ERROR_MEMORY));
            if (y)
                assert_status(tensor_get(y, ROWS * COLUMNS, at ? got : expected), VALGRAD_OK);
            done_without += y && refused;
            for (int i = 0; at && y && i < ROWS * COLUMNS; i++)
                assert_same(got[i], expected[i]);
        }
    every_block = false;
    ck_assert_int_eq(done_without, 1);
}
END_TEST

/* An operation goes well when there is no room for what is noted of it. */
START_TEST(profiles_without_memory)
{
    int unnoted = 0;
    bool refused = true;
    every_block = WAYS > 1;
    for (int64_t at = 1; refused; at++)
        VALGRAD_SCOPE {
            Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2));
            ProfileRow row;
            profile_clear();
            start_refusing(at);
            profile_start();
            Tensor *y = tensor_square(x);
            profile_stop();
            refused = stop_refusing();
            ck_assert_int_eq(y == NULL, valgrad_last_status() == VALGRAD_ERROR_MEMORY);
            ck_assert(refused || profile_row(0, &row));
            unnoted += y && !profile_row(0, &row);
        }
    profile_clear();
    every_block = false;
    ck_assert_int_eq(unnoted, 1);
}
END_TEST

START_TEST(threads_that_cannot_be_had)
{
    start_refusing(1);
    assert_status(valgrad_set_threads(2), VALGRAD_ERROR_MEMORY);
    ck_assert(stop_refusing());
    assert_error(VALGRAD_ERROR_MEMORY, "valgrad_set_threads: 1 of 2 threads could be had");
    no_threads = WAYS > 1;
    if (no_threads) {
        assert_status(valgrad_set_threads(3), VALGRAD_ERROR_MEMORY);
        assert_error(VALGRAD_ERROR_MEMORY, "valgrad_set_threads: 1 of 3 threads could be had");
    }
    no_threads = false;
    ck_assert_int_eq(valgrad_threads(), 1);
    assert_status(valgrad_set_threads(2), VALGRAD_OK);
    assert_status(valgrad_set_threads(1), VALGRAD_OK);
}
END_TEST

START_TEST(the_allocator_is_chosen_before_first_use)
{
    const ValgradAllocator allocator = {allocate, release, NULL};
    tensor_release(tensor_zeros(TENSOR_SHAPE(1)));
    assert_status(valgrad_set_allocator(allocator), VALGRAD_ERROR_STATE);
    assert_error(VALGRAD_ERROR_STATE, "memory was already taken");
}
END_TEST

int main(void)
{
    if (valgrad_set_allocator((ValgradAllocator){allocate, release, NULL}) != VALGRAD_OK)
        return EXIT_FAILURE;
    Suite *suite = suite_create("tensor_memory");
    TCase *tests = new_case(suite, "refused allocations", 30);
    tcase_add_loop_test(tests, operations_in_the_pool, 0, COUNT(tensor_operations));
    tcase_add_loop_test(tests, operations_in_a_scope, 0, COUNT(tensor_operations));
    tcase_add_loop_test(tests, recorded_programs, 1, 4);
    tcase_add_test(tests, emissions);
    tcase_add_loop_test(tests, derivatives_of_operations, 0, COUNT(tensor_operations));
    tcase_add_loop_test(tests, operations_on_views, 0, COUNT(tensor_operations));
    tcase_add_test(tests, an_operation_of_ones_own);
    tcase_add_loop_test(tests, first_of_a_scope, 0, 3);
    tcase_add_test(tests, both_grains_and_nested_scopes);
    tcase_add_loop_test(tests, allocations_of_a_new_process, 0, 3);
    tests = new_case(suite, "around them", 10);
    tcase_add_test(tests, what_was_there_is_intact);
    tcase_add_test(tests, scope_without_room);
    tcase_add_test(tests, sparse_products_without_lists);
    tcase_add_test(tests, profiles_without_memory);
    tcase_add_test(tests, threads_that_cannot_be_had);
    tcase_add_test(tests, the_allocator_is_chosen_before_first_use);
    return run_suite(suite);
}
