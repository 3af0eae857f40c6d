/* test_profile.c - what was done is told: time by operation, and memory. */
#include <stdio.h>

#include <valgrad/nn.h>
#include <valgrad/profile.h>

#include "testing.h"

enum { BATCH = 32, INPUTS = 200, HIDDEN = 64 };

/* One step of training, dense data. */
static void train(NnMlp *net, NnOptimizer *optimizer)
{
    Random random = random_seeded(1);
    int64_t labels[BATCH] = {0};
    VALGRAD_SCOPE {
        Tensor *x = tensor_uniform(-1, 1, &random, TENSOR_SHAPE(BATCH, INPUTS));
        Tensor *loss = tensor_cross_entropy(nn_mlp_forward(net, x), BATCH, labels);
        assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
        assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
    }
}

static void train_steps(int steps)
{
    Random random = random_seeded(2);
    NnMlp *net = nn_mlp_new(NN_SIZES(INPUTS, HIDDEN, 10), NULL, &random);
    NnOptimizer *optimizer = nn_optimizer_sgd(nn_mlp_parameters(net), NULL);
    for (int i = 0; i < steps; i++)
        train(net, optimizer);
    nn_optimizer_free(optimizer);
    nn_mlp_free(net);
}

static bool find(const char *name, bool backward, ProfileRow *row)
{
    for (size_t i = 0; profile_row(i, row); i++)
        if (strcmp(row->name, name) == 0 && row->backward == backward)
            return true;
    return false;
}

/* ---- time --------------------------------------------------------------------------------------- */

START_TEST(every_operation_has_its_row)
{
    ProfileRow row;
    train_steps(1); /* not recorded */
    profile_start();
    train_steps(3);
    profile_stop();
    train_steps(1);
    const char *names[] = {"affine_relu", "affine", "cross_entropy"};
    for (int backward = 0; backward < 2; backward++) {
        for (size_t i = 0; i < COUNT(names); i++) {
            ck_assert_msg(find(names[i], backward, &row), "%s", names[i]);
            ck_assert_int_eq(row.count, 3);
            ck_assert(row.seconds > 0 && row.bytes > 0);
        }
    }
    ck_assert(find("nn_optimizer_step", false, &row));
    ck_assert_int_eq(row.count, 3);
    ck_assert(!find("tanh", false, &row));
    profile_clear();
    ck_assert(!profile_row(0, &row));
}
END_TEST

START_TEST(products_count_their_operations)
{
    ProfileRow row;
    profile_start();
    train_steps(1);
    VALGRAD_SCOPE
        (void)tensor_relu(tensor_zeros(TENSOR_SHAPE(BATCH, HIDDEN)));
    profile_stop();
    const double first = 2.0 * BATCH * INPUTS * HIDDEN, second = 2.0 * BATCH * HIDDEN * 10;
    const int first_numbers = BATCH * INPUTS + INPUTS * HIDDEN + HIDDEN + BATCH * HIDDEN;
    const int second_numbers = BATCH * HIDDEN + HIDDEN * 10 + 10 + BATCH * 10;
    ck_assert(find("affine_relu", false, &row));
    assert_same(row.flops, first);
    assert_same(row.bytes, first_numbers * (double)sizeof(real));
    ck_assert(find("affine_relu", true, &row)); /* its input wants no gradient */
    assert_same(row.flops, first);
    ck_assert(find("affine", false, &row));
    assert_same(row.flops, second);
    assert_same(row.bytes, second_numbers * (double)sizeof(real));
    ck_assert(find("affine", true, &row));
    assert_same(row.flops, 2 * second);
    ck_assert(find("relu", false, &row));
    assert_same(row.flops, 0);
    assert_same(row.bytes, 2.0 * BATCH * HIDDEN * sizeof(real));
    ck_assert(find("nn_optimizer_step", false, &row)); /* reads gradients, writes weights */
    const int weights = INPUTS * HIDDEN + HIDDEN + HIDDEN * 10 + 10;
    assert_same(row.bytes, 2.0 * weights * sizeof(real));
    profile_clear();
}
END_TEST

START_TEST(a_pass_holds_its_operations)
{
    ProfileRow row, pass;
    double inside = 0, before = INFINITY;
    profile_start();
    train_steps(2);
    profile_stop();
    ck_assert(find("backward", true, &pass));
    ck_assert_int_eq(pass.count, 2);
    for (size_t i = 0; profile_row(i, &row); i++) {
        ck_assert(row.seconds <= before);
        before = row.seconds;
        inside += row.backward ? row.seconds : 0;
    }
    ck_assert(inside - pass.seconds <= pass.seconds);
    profile_clear();
}
END_TEST

/* Writes to a file and reads it back; the caller frees. */
static char *written(ValgradStatus (*write)(FILE *out))
{
    FILE *file = tmpfile();
    assert_status(write(file), VALGRAD_OK);
    const long size = ftell(file);
    char *text = calloc(1, (size_t)size + 1);
    rewind(file);
    ck_assert_uint_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

static int occurrences(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

/* So many that their list grows. */
START_TEST(every_event_is_in_the_trace)
{
    profile_start();
    VALGRAD_SCOPE {
        Tensor *t = tensor_zeros(TENSOR_SHAPE(2));
        for (int i = 0; i < 2500; i++)
            t = tensor_neg(t);
    }
    profile_stop();
    char *trace = written(profile_write_trace);
    ck_assert_int_eq(occurrences(trace, "\"name\":\"neg\",\"cat\":\"forward\""), 2500);
    free(trace);
    profile_clear();
}
END_TEST

START_TEST(table_and_trace)
{
    profile_start();
    train_steps(2);
    profile_stop();
    char *table = written(profile_write_table), *trace = written(profile_write_trace);
    ck_assert_ptr_eq(strstr(table, "operation"), table);
    ck_assert_int_eq(occurrences(table, "\naffine "), 2);
    ck_assert_int_eq(occurrences(table, "cross_entropy"), 2);
    ck_assert_ptr_eq(strstr(trace, "{\"traceEvents\":["), trace);
    ck_assert_int_eq(occurrences(trace, "\"name\":\"affine\",\"cat\":\"forward\",\"ph\":\"X\""), 2);
    ck_assert_int_eq(occurrences(trace, "\"name\":\"affine\",\"cat\":\"backward\",\"ph\":\"X\""),
                     2);
    ck_assert_int_eq(occurrences(trace, "\"name\":\"backward\""), 2);
    ck_assert_str_eq(trace + strlen(trace) - 4, "\n]}\n");
    free(table);
    free(trace);
    profile_clear();
    trace = written(profile_write_trace);
    ck_assert_str_eq(trace, "{\"traceEvents\":[\n]}\n");
    free(trace);
}
END_TEST

START_TEST(nothing_to_write_to)
{
    assert_status(profile_write_table(NULL), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "profile_write_table: out");
    assert_status(profile_write_trace(NULL), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        assert_status(profile_write_table(full), VALGRAD_ERROR_IO);
        valgrad_clear_error();
        fclose(full);
    }
}
END_TEST

/* A name may need escapes, and may be gone before the profile is. */
static real twice(size_t n, const real *x, void *context)
{
    (void)n;
    (void)context;
    return 2 * x[0];
}

static void twice_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n;
    (void)x;
    (void)result;
    (void)context;
    partials[0] = 2;
}

START_TEST(operations_of_ones_own)
{
    char name[] = "say \"two\"";
    const ValueOp op = {.name = name, .forward = twice, .backward = twice_backward};
    ProfileRow row;
    profile_start();
    VALGRAD_SCOPE {
        Value *x = value_leaf(3);
        assert_status(value_backward(value_custom(&op, 1, &x, NULL)), VALGRAD_OK);
        assert_same(value_grad(x), 2);
    }
    profile_stop();
    memset(name, 'x', sizeof name - 1);
    ck_assert(find("say \"two\"", true, &row));
    ck_assert_int_eq(row.count, 1);
    char *trace = written(profile_write_trace);
    ck_assert_int_eq(occurrences(trace, "\"name\":\"say \\\"two\\\"\""), 1);
    free(trace);
    profile_clear();
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------- */

START_TEST(memory_is_told)
{
    valgrad_trim();
    const ValgradMemoryStats before = valgrad_memory_stats();
    Tensor *t = tensor_param(NULL, TENSOR_SHAPE(1000, 100));
    const ValgradMemoryStats with = valgrad_memory_stats();
    const int64_t size = 2 * 1000 * 100 * (int64_t)sizeof(real); /* numbers and gradients */
    ck_assert_int_eq(with.live_nodes, before.live_nodes + 1);
    ck_assert_int_ge(with.bytes, before.bytes + size);
    ck_assert_int_ge(with.peak_bytes, with.bytes);
    ck_assert_int_gt(with.blocks_allocated, before.blocks_allocated);
    tensor_release(t);
    const ValgradMemoryStats kept = valgrad_memory_stats();
    ck_assert_int_eq(kept.live_nodes, before.live_nodes);
    ck_assert_int_eq(kept.bytes, with.bytes);
    ck_assert_int_ge(kept.waiting_bytes, before.waiting_bytes + size);
    t = tensor_param(NULL, TENSOR_SHAPE(1000, 100));
    const ValgradMemoryStats again = valgrad_memory_stats();
    ck_assert_int_gt(again.blocks_reused, kept.blocks_reused);
    ck_assert_int_eq(again.blocks_allocated, kept.blocks_allocated);
    ck_assert_int_eq(again.bytes, with.bytes);
    tensor_release(t);
    valgrad_trim();
    const ValgradMemoryStats after = valgrad_memory_stats();
    ck_assert_int_eq(after.waiting_bytes, 0);
    ck_assert_int_le(after.bytes, with.bytes - size);
    ck_assert_int_ge(after.peak_bytes, with.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("profile");
    TCase *tests = new_case(suite, "profile", 10);
    tcase_add_test(tests, every_operation_has_its_row);
    tcase_add_test(tests, products_count_their_operations);
    tcase_add_test(tests, a_pass_holds_its_operations);
    tcase_add_test(tests, every_event_is_in_the_trace);
    tcase_add_test(tests, table_and_trace);
    tcase_add_test(tests, nothing_to_write_to);
    tcase_add_test(tests, operations_of_ones_own);
    tcase_add_test(tests, memory_is_told);
    return run_suite(suite);
}
