/* test_out_of_memory.c - the same work again and again, with another allocation refused each time: it
 * ends in an error, leaves nothing behind and what exists intact, and goes well when tried again.
 *
 * Each time is a process of its own, because an allocator is set before first use. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing.h"

/* ---- an allocator that refuses ------------------------------------------------------------------- */

static struct {
    long count, refuse; /* refuses this allocation, */
    bool and_later;     /* and all that follow, */
    bool generous;      /* or, from now on, none */
    long refused;
    size_t in_use; /* bytes, but for slabs of nodes, which the library keeps */
} memory;

typedef struct Header {
    size_t bytes, unused;
} Header;

enum { SLAB_BYTES = 256 * 1024 };

static void *allocate(size_t bytes, void *context)
{
    ck_assert_ptr_eq(context, &memory);
    memory.count++;
    const bool meant = memory.count == memory.refuse ||
                       (memory.and_later && memory.count > memory.refuse);
    if (meant && !memory.generous) {
        memory.refused++;
        return NULL;
    }
    Header *header = malloc(sizeof *header + bytes);
    header->bytes = bytes < SLAB_BYTES ? bytes : 0;
    memory.in_use += header->bytes;
    return header + 1;
}

static void release(void *block, void *context)
{
    ck_assert_ptr_eq(context, &memory);
    Header *header = (Header *)block - 1;
    memory.in_use -= header->bytes;
    free(header);
}

static const ValgradAllocator refusing = {allocate, release, &memory};

/* ---- the work ------------------------------------------------------------------------------------ */

enum { WIDE = 400, LONG = 12000, YOUNG = 200 };

static struct {
    Value *w[WIDE], *b;
    int made, destroyed; /* contexts */
} model;

/* What the work computes. */
typedef struct Results {
    real value, chain, w[WIDE], b;
} Results;

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "allocation %ld%s: %s (last error: %s)\n", memory.refuse,
            memory.and_later ? " and later" : "", what, valgrad_last_error());
    end_child(EXIT_FAILURE);
}

static real scaled_forward(size_t n, const real *x, void *context)
{
    real sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum * *(const real *)context;
}

static void scaled_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)result;
    for (size_t i = 0; i < n; i++)
        partials[i] = 2 * x[i] * *(const real *)context;
}

static void count_destroyed(void *context)
{
    (void)context;
    model.destroyed++;
}

static const ValueOp scaled = {"scaled", scaled_forward, scaled_backward, count_destroyed};

static Value *make_scaled(size_t n, Value *const *x)
{
    static real scale = (real)0.25;
    model.made++;
    return value_custom(&scaled, n, x, &scale);
}

static bool make_model(void)
{
    bool made = true;
    for (int i = 0; i < WIDE; i++) {
        model.w[i] = value_param((real)0.001 * (real)i);
        made = made && model.w[i];
    }
    model.b = value_param((real)0.5);
    return made && model.b && value_set_label(model.b, "bias") == VALGRAD_OK;
}

static bool label_model(void)
{
    char text[32];
    for (int i = 0; i < WIDE; i += 3) {
        snprintf(text, sizeof text, "w[%d]", i);
        if (value_set_label(model.w[i], text) != VALGRAD_OK) {
            expect(*value_label(model.w[i]) == '\0', "a failed label is there");
            return false;
        }
    }
    const ValgradStatus status =
        value_set_label(model.b, "the same with a name too long for the memory of the former one, so "
                                 "that another block is needed");
    expect(strncmp(value_label(model.b), status == VALGRAD_OK ? "the same" : "bias", 4) == 0,
           "a failed label took the former one with it");
    return status == VALGRAD_OK;
}

static void drop_model(void)
{
    for (int i = 0; i < WIDE; i++)
        value_release(model.w[i]);
    value_release(model.b);
    memset(model.w, 0, sizeof model.w);
    model.b = NULL;
}

/* With memory again, a merge that could not be made, or only half, is made whole. (In a scope that could
 * not be opened nothing can be made at all.) */
static bool try_again(Value *const *inner)
{
    const bool former = memory.generous;
    memory.generous = true;
    const bool done = value_mul(inner[1], inner[0]) || !value_const(0);
    memory.generous = former;
    return done;
}

/* Inner scopes whose results are merged, n-ary and custom nodes, a label. */
static Value *build_in_scopes(void)
{
    Value *result = NULL;
    VALGRAD_SCOPE {
        Value *inner[2] = {NULL, NULL}, *outer = value_leaf(1);
        VALGRAD_SCOPE {
            Value *sum = value_affine(WIDE / 2, model.w, model.w + WIDE / 2, model.b);
            if (sum && value_set_label(sum, "sum") != VALGRAD_OK)
                sum = NULL;
            inner[0] = value_retain(value_tanh(value_add(sum, outer)));
        }
        VALGRAD_SCOPE {
            Value *both[] = {inner[0], model.b};
            inner[1] = value_retain(make_scaled(2, both));
        }
        Value *product = value_mul(inner[1], inner[0]);
        if (!product && inner[0] && inner[1])
            expect(try_again(inner), "the same operation failed again");
        Value *operands[] = {product, value_const(2), value_leaf(3), model.w[7]};
        result = value_retain(value_dot(2, operands, operands + 2));
        value_release(inner[0]);
        value_release(inner[1]);
    }
    return result;
}

/* Wide enough for backward's queue to grow. */
static Value *build_in_pool(Value *from_scopes)
{
    Value *terms[WIDE];
    for (int i = 0; i < WIDE; i++) {
        Value *square = value_square(model.w[i]);
        terms[i] = value_mul(square, model.b);
        value_release(square);
    }
    Value *sum = value_sum(WIDE, terms), *largest = value_reduce_max(WIDE, terms);
    Value *held = value_clamp(terms[0], terms[1], terms[2]);
    Value *custom = make_scaled(2, (Value *[]){largest, held});
    Value *last = value_add(sum, custom), *result = value_add(last, from_scopes);
    for (int i = 0; i < WIDE; i++)
        value_release(terms[i]);
    value_release(sum);
    value_release(largest);
    value_release(held);
    value_release(custom);
    value_release(last);
    return result;
}

static void read_gradients(Results *results)
{
    for (int i = 0; i < WIDE; i++)
        results->w[i] = value_grad(model.w[i]);
    results->b = value_grad(model.b);
}

/* A failed pass has changed no number and no gradient, and the same graph can still be differentiated. */
static bool differentiate(Value *root)
{
    Results before = {0}, after = {0};
    if (!root)
        return false;
    read_gradients(&before);
    before.value = value_data(model.b) + value_grad(root);
    const ValgradStatus status = value_backward(root);
    if (status == VALGRAD_OK)
        return true;
    expect(status == VALGRAD_ERROR_MEMORY, "backward failed otherwise");
    read_gradients(&after);
    after.value = value_data(model.b) + value_grad(root);
    expect(memcmp(&before, &after, sizeof before) == 0, "a failed pass changed something");
    return false;
}

/* Backward over the whole model. A pass that runs out of memory is made again with enough, and must then
 * give what it always gives; the work counts as failed all the same. */
static bool differentiate_model(Value *root, Results *results)
{
    const bool done = differentiate(root);
    if (!root)
        return false;
    if (!done) {
        const bool former = memory.generous;
        memory.generous = true;
        expect(differentiate(root), "a second pass failed");
        memory.generous = former;
    }
    results->value = value_data(root);
    read_gradients(results);
    return done;
}

/* A chain in one scope, where backward goes another way, which a failed pass must not have disturbed. */
static bool differentiate_chain(Results *results)
{
    bool done = false;
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *v = x;
        for (int i = 0; i < LONG; i++)
            v = value_sin(v);
        done = v && value_backward(v) == VALGRAD_OK;
        results->chain = done ? value_grad(x) : 0;
    }
    return done;
}

/* A sum in one scope, each term of which is younger than what was made before: chunks are left half empty. */
static bool add_young_leaves(void)
{
    bool done = true;
    VALGRAD_SCOPE {
        Value *sum = value_const(0);
        for (int i = 0; i < YOUNG; i++) {
            Value *young = value_param(1);
            sum = value_add(sum, young);
            value_release(young);
        }
        done = sum != NULL;
    }
    return done;
}

static bool work(Results *results)
{
    bool done = make_model() && label_model() && add_young_leaves();
    Value *from_scopes = done ? build_in_scopes() : NULL;
    Value *root = from_scopes ? build_in_pool(from_scopes) : NULL;
    done = differentiate_model(root, results);
    done = differentiate_chain(results) && done;
    value_release(root);
    value_release(from_scopes);
    drop_model();
    return done;
}

/* ---- the test ------------------------------------------------------------------------------------ */

static bool same_bits(real a, real b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

enum { WENT_WELL = 10, NOTHING_REFUSED }; /* exit statuses */

static int refuse_one(const Results *expected, long refuse, bool and_later)
{
    Results results;
    memory.refuse = refuse;
    memory.and_later = and_later;
    expect(valgrad_set_allocator(refusing) == VALGRAD_OK, "the allocator was not taken");
    memset(&results, 0, sizeof results);
    const bool done = work(&results);
    expect(valgrad_live_nodes() == 0, "nodes are left");
    expect(model.made == model.destroyed, "a context was not destroyed once");
    if (done) {
        expect(memory.refused == 0, "the refusal went unnoticed");
        return NOTHING_REFUSED;
    }
    expect(memory.refused > 0, "failed without a refusal");
    expect(valgrad_last_status() == VALGRAD_ERROR_MEMORY, "the error is another");
    expect(strstr(valgrad_last_error(), ": out of memory") != NULL, "the message is another");
    expect(results.chain == 0 || same_bits(results.chain, expected->chain), "a chain's slope is another");
    expect(results.value == 0 || memcmp(results.w, expected->w, sizeof results.w) == 0,
           "a second pass gave another result");

    valgrad_clear_error();
    memory.generous = true;
    memset(&results, 0, sizeof results);
    expect(work(&results), "it fails with memory, too");
    expect(memcmp(&results, expected, sizeof results) == 0, "the results are others");
    expect(valgrad_live_nodes() == 0, "nodes are left");
    valgrad_trim();
    expect(memory.in_use == 0, "memory is left");
    return WENT_WELL;
}

static void set_allocator_checks(void)
{
    ValgradAllocator half = {allocate, NULL, NULL};
    expect(valgrad_set_allocator(half) == VALGRAD_ERROR_NULL, "half an allocator was taken");
    expect(valgrad_set_allocator(refusing) == VALGRAD_OK, "the allocator was not taken");
    expect(valgrad_set_allocator(refusing) == VALGRAD_OK, "nor a second time");
    Value *v = value_leaf(1);
    expect(memory.count > 0, "the allocator was not asked");
    expect(valgrad_set_allocator(refusing) == VALGRAD_ERROR_STATE, "taken too late");
    expect(strstr(valgrad_last_error(), "valgrad_set_allocator: ") != NULL, "the message is another");
    value_release(v);
    valgrad_trim();
    expect(memory.in_use == 0, "memory is left");
}

/* Goes on in a new process, where this returns true; the other one waits for its exit status. */
static bool in_child(int *exit_status)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        return true;
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return false;
}

START_TEST(every_allocation_may_fail)
{
    int outcome = WENT_WELL;
    Results *expected = mmap(NULL, sizeof *expected, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(expected != MAP_FAILED);
    if (in_child(&outcome)) {
        expect(work(expected), "the work fails");
        end_child(EXIT_SUCCESS);
    }
    ck_assert_int_eq(outcome, EXIT_SUCCESS);
    ck_assert(expected->chain > 0 && expected->value > 0);
    long refuse = 0;
    do {
        refuse++;
        if (in_child(&outcome))
            end_child(refuse_one(expected, refuse, _i == 1));
    } while (outcome == WENT_WELL);
    ck_assert_msg(outcome == NOTHING_REFUSED, "allocation %ld: exit status or signal %d", refuse,
                  outcome);
    ck_assert_int_gt(refuse, 100);
    munmap(expected, sizeof *expected);
}
END_TEST

START_TEST(allocator_is_set_before_first_use)
{
    int outcome = 0;
    if (in_child(&outcome)) {
        set_allocator_checks();
        end_child(EXIT_SUCCESS);
    }
    ck_assert_int_eq(outcome, EXIT_SUCCESS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("out of memory");
    TCase *tests = new_case(suite, "out of memory", 60);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
    tcase_add_test(tests, allocator_is_set_before_first_use);
    return run_suite(suite);
}
