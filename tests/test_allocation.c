/* test_allocation.c - a steady training loop takes nothing from the heap: malloc and its relatives
 * are replaced in this program by ones that count. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <valgrad/valgrad.h>

#include "testing.h"

/* Sanitizers replace malloc themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

static int64_t allocations;

/* glibc's own, which it gives for this purpose. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t bytes)
{
    allocations++;
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    allocations++;
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    allocations++;
    *memory = __libc_memalign(alignment, bytes);
    return *memory ? 0 : ENOMEM;
}

typedef struct Training {
    NnDataset *dataset;
    NnMlp *mlp;
    NnOptimizer *optimizer;
    NnLoader *loader;
} Training;

static NnDataset *make_dataset(int64_t images)
{
    uint8_t *pixels = malloc((size_t)images * 784), *labels = malloc((size_t)images);
    Random random = random_seeded(1);
    for (int64_t i = 0; i < images; i++) {
        labels[i] = (uint8_t)random_below(&random, 10);
        for (int j = 0; j < 784; j++)
            pixels[i * 784 + j] = (uint8_t)random_bits(&random);
    }
    NnDataset *dataset = nn_dataset_new(images, 28, 28, 10, pixels, labels);
    free(pixels);
    free(labels);
    return dataset;
}

static Training new_training(int64_t images, bool adam)
{
    Training t;
    Random random = random_seeded(1);
    NnSgdOptions sgd = {0.1, 0.9, 1e-4, true};
    t.dataset = make_dataset(images);
    t.mlp = nn_mlp_new(NN_SIZES(784, 128, 10), NULL, &random);
    t.optimizer = adam ? nn_optimizer_adam(nn_mlp_parameters(t.mlp), NULL)
                       : nn_optimizer_sgd(nn_mlp_parameters(t.mlp), &sgd);
    t.loader = nn_loader_new(t.dataset, NULL);
    ck_assert_msg(t.optimizer && t.loader, "%s", valgrad_last_error());
    return t;
}

static void free_training(Training *t)
{
    nn_loader_free(t->loader);
    nn_optimizer_free(t->optimizer);
    nn_mlp_free(t->mlp);
    nn_dataset_free(t->dataset);
}

/* One step, or the change to the next epoch. (No assertion of Check's: each takes memory.) */
static bool step(Training *t)
{
    const NnBatch *batch = nn_loader_next(t->loader);
    if (!batch)
        return true;
    VALGRAD_SCOPE {
        Tensor *logits = nn_mlp_forward(t->mlp, batch->inputs);
        Tensor *loss = tensor_cross_entropy(logits, batch->count, batch->labels);
        nn_optimizer_zero_grad(t->optimizer);
        return tensor_backward(loss, NULL) == VALGRAD_OK &&
               nn_optimizer_step(t->optimizer) == VALGRAD_OK &&
               nn_count_correct(logits, batch->count, batch->labels) >= 0;
    }
    return false;
}

static void check_steps(Training *t, int steps)
{
    bool fine = true;
    int64_t before = allocations;
    for (int i = 0; i < steps; i++)
        fine = step(t) && fine;
    int64_t taken = allocations - before;
    ck_assert_msg(fine, "%s", valgrad_last_error());
    ck_assert_msg(taken == 0, "%lld allocations in %d steps", (long long)taken, steps);
}

START_TEST(counting_works)
{
    int64_t before = allocations;
    void *volatile memory = malloc(10); /* volatile: or the compiler leaves both calls out */
    free(memory);
    ck_assert_int_eq(allocations - before, 1);
}
END_TEST

/* From the second step on, over the ends of several epochs of whole batches. */
START_TEST(none_from_the_second_step)
{
    Training t = new_training(64 * 5, _i);
    step(&t);
    check_steps(&t, 20);
    free_training(&t);
}
END_TEST

/* The last batch of an epoch is smaller. */
START_TEST(none_with_a_remainder)
{
    Training t = new_training(64 * 3 + 32, _i);
    step(&t);
    check_steps(&t, 20);
    free_training(&t);
}
END_TEST

/* The labels of all batches of an epoch. */
static bool evaluate(Training *t)
{
    int64_t labels[64];
    for (const NnBatch *batch; (batch = nn_loader_next(t->loader));)
        if (nn_mlp_predict(t->mlp, batch->inputs, batch->count, labels) != VALGRAD_OK)
            return false;
    return true;
}

START_TEST(none_in_evaluation)
{
    Training t = new_training(64 * 3, false);
    bool fine = evaluate(&t);
    int64_t before = allocations;
    fine = evaluate(&t) && fine;
    int64_t taken = allocations - before;
    ck_assert_msg(fine, "%s", valgrad_last_error());
    ck_assert_int_eq(taken, 0);
    free_training(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("allocation");
    TCase *cases = new_case(suite, "allocation", 60);
    tcase_add_test(cases, counting_works);
    tcase_add_loop_test(cases, none_from_the_second_step, 0, 2);
    tcase_add_loop_test(cases, none_with_a_remainder, 0, 2);
    tcase_add_test(cases, none_in_evaluation);
    return run_suite(suite);
}

#else

int main(void)
{
    puts("skipped: a sanitizer has malloc");
    return EXIT_SUCCESS;
}

#endif
