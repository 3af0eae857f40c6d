/* test_files_memory.c - states, files, checkpoints and exports with one allocation after another refused:
 * an error that says so, nothing left, files whole or as they were, and it goes well when tried again.
 *
 * Each time is a process of its own, because an allocator is set before first use. */
#include <sys/wait.h>

#include <valgrad/valgrad.h>

#include "files_testing.h"

/* ---- an allocator that refuses ------------------------------------------------------------------- */

static struct {
    long count, refuse; /* this allocation, and none other */
    bool refused;
    size_t in_use; /* bytes, but for slabs of nodes, which the library keeps */
} memory;

typedef struct Header {
    size_t bytes, unused;
} Header;

enum { SLAB_BYTES = 256 * 1024 };

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    if (++memory.count == memory.refuse) {
        memory.refused = true;
        return NULL;
    }
    Header *header = malloc(sizeof *header + bytes);
    header->bytes = bytes < SLAB_BYTES ? bytes : 0;
    memory.in_use += header->bytes;
    return header + 1;
}

static void release(void *block, void *context)
{
    (void)context;
    Header *header = (Header *)block - 1;
    memory.in_use -= header->bytes;
    free(header);
}

/* ---- the work ------------------------------------------------------------------------------------ */

static bool copy_state(const char *path, NnRun *run)
{
    NnState *state = nn_run_state(run);
    bool done = state && nn_state_set_text(state, "a", "b") == VALGRAD_OK &&
                nn_state_convert(state, NN_F64) == VALGRAD_OK &&
                nn_state_write(state, path) == VALGRAD_OK;
    nn_state_free(state);
    state = done ? nn_state_read(path) : NULL;
    NnMlp *net = state ? nn_mlp_from_state(state, NULL) : NULL;
    done = net && nn_parameters_load_state(nn_mlp_parameters(net), state, true) == VALGRAD_OK;
    nn_mlp_free(net);
    nn_state_free(state);
    return done;
}

static bool copy_array(const char *path)
{
    Tensor *t = tensor_param(NULL, TENSOR_SHAPE(3, 4));
    Tensor *back = t && nn_npy_write(t, path) == VALGRAD_OK ? nn_npy_read(path) : NULL;
    const bool done = back != NULL;
    tensor_release(back);
    tensor_release(t);
    return done;
}

static bool resume(NnRun *run)
{
    NnState *state = nn_run_state(run);
    bool done = state && nn_run_load_state(run, state) == VALGRAD_OK;
    nn_state_free(state);
    return done;
}

static bool work(void)
{
    Random random = random_seeded(1);
    NnMlp *net = nn_mlp_new(NN_SIZES(4, 3, 2), NULL, &random);
    NnOptimizer *adam = net ? nn_optimizer_adam(nn_mlp_parameters(net), NULL) : NULL;
    NnRun run = {net, adam, NULL, &random};
    bool done = adam && resume(&run) && copy_state(in_folder("x.safetensors"), &run) &&
                copy_state(in_folder("x.npz"), &run) && copy_array(in_folder("x.npy")) &&
                nn_mlp_write_c(net, in_folder("x.h"), NULL) == VALGRAD_OK;
    nn_optimizer_free(adam);
    nn_mlp_free(net);
    return done;
}

/* ---- the test ------------------------------------------------------------------------------------ */

enum { WENT_WELL = 10, NOTHING_REFUSED }; /* exit statuses */

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "allocation %ld: %s (last error: %s)\n", memory.refuse, what,
            valgrad_last_error());
    end_child(EXIT_FAILURE);
}

static void nothing_left(void)
{
    expect(valgrad_live_nodes() == 0, "nodes are left");
    valgrad_trim();
    expect(memory.in_use == 0, "memory is left");
}

static int refuse_one(long refuse)
{
    memory.refuse = refuse;
    const ValgradAllocator refusing = {allocate, release, NULL};
    expect(valgrad_set_allocator(refusing) == VALGRAD_OK, "the allocator was not taken");
    const bool done = work();
    nothing_left();
    if (done) {
        expect(!memory.refused, "the refusal went unnoticed");
        return NOTHING_REFUSED;
    }
    expect(memory.refused, "failed without a refusal");
    expect(valgrad_last_status() == VALGRAD_ERROR_MEMORY, "the error is another");
    expect(strstr(valgrad_last_error(), ": out of memory") != NULL, "the message is another");
    expect(work(), "it fails with memory, too");
    nothing_left();
    return WENT_WELL;
}

START_TEST(refused_one_by_one)
{
    int status = 0;
    for (long refuse = 1; WEXITSTATUS(status) != NOTHING_REFUSED; refuse++) {
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0)
            end_child(refuse_one(refuse));
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) >= WENT_WELL,
                      "refusing allocation %ld", refuse);
        ck_assert_int_lt(refuse, 10000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("files_memory");
    TCase *tests = tcase_create("memory");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_test(tests, refused_one_by_one);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
