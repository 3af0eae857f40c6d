/* test_mutation.c - every mistake of every kind, in every operation and operand, is noticed. */
#include <stdio.h>

#include "mutation.h"
#include "tensor_operations.h"
#include "witness.h"

static void add(MutationScore *total, MutationScore score)
{
    total->killed += score.killed;
    total->mutants += score.mutants;
}

static void build_tensors(const void *context, Random *random, Subject *subject)
{
    const TensorOperation *operation = context;
    Tensor *x[MOST_OPERANDS];
    subject->input_count = subject->result_count = 0;
    for (int i = 0; i < operation->operand_count; i++) {
        real numbers[MOST];
        distinct_numbers(operation, i, random, numbers);
        x[i] = tensor_leaf(numbers, AS_SHAPE(operation->shapes[i]));
        for (int64_t k = 0; k < tensor_size(x[i]); k++)
            subject->inputs[subject->input_count++] = tensor_at(x[i], k);
    }
    Tensor *y = operation->build(x);
    ck_assert_msg(y != NULL, "%s: %s", operation->function, valgrad_last_error());
    ck_assert_int_le(tensor_size(y), MUTATION_MOST);
    for (int64_t k = 0; k < tensor_size(y); k++)
        subject->results[subject->result_count++] = tensor_at(y, k);
}

START_TEST(every_mutant_is_killed)
{
    MutationScore total = {0, 0};
    for (size_t i = 0; i < row_count(); i++)
        add(&total, mutation_of_row(i));
    for (size_t i = 0; of_many(i); i++)
        add(&total, mutation_of_many(of_many(i)));
    for (size_t i = 0; i < COUNT(tensor_operations); i++)
        add(&total,
            mutation_score(tensor_operations[i].function, build_tensors, &tensor_operations[i]));
    (void)printf("mutants killed %d / %d\n", total.killed, total.mutants);
    (void)fflush(stdout);
    ck_assert_int_eq(total.killed, total.mutants);
    ck_assert_int_gt(total.mutants, 5 * (int)row_count());
}
END_TEST

int main(void)
{
    if (!witness_is_there() || sizeof(real) == sizeof(float))
        return puts("skipped: a mistake of 1e-9 shows only in double, and beside quadruple "
                    "precision"),
               77;
    Suite *suite = suite_create("mutation");
    tcase_add_test(new_case(suite, "mutants", 60), every_mutant_is_killed);
    return run_suite(suite);
}
