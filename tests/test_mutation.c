/* test_mutation.c - every mistake of every kind, in every operation and operand, is noticed. */
#include <stdio.h>

#include "mutation.h"
#include "tensor_operations.h"
#include "witness.h"

/* How many operands of a row have a derivative of 0 wherever it is sampled: where() with a condition of 0 has
 * mutants of its own. */
static int flat_operands(const ValueOpInfo *row)
{
    int count = row && strcmp(row->name, "where") == 0;
    for (int k = 0; row && k < row->arity; k++)
        count += strcmp(row->partials[k], "0") == 0;
    return count;
}

/* Operands of one number beside larger ones, which may happen to have no part in the result: a bound, say. */
static int single_numbers(const TensorOperation *operation)
{
    int count = 0;
    for (int k = 1; k < operation->operand_count; k++)
        count += size_of(operation->shapes[k]) == 1 && size_of(operation->shapes[0]) > 1;
    return count;
}

/* Every other operand has its mutants. */
static void add(MutationScore *total, const char *name, int flat, MutationScore score)
{
    ck_assert_msg(score.untouched <= flat, "%s: %d operands have no mutants; expected at most %d",
                  name, score.untouched, flat);
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

/* What is taken where the condition is 0: in either grain. */
static void build_where_of_0(const void *unused, Random *random, Subject *subject)
{
    Value *x[4];
    (void)unused;
    for (int i = 0; i < 4; i++)
        x[i] = subject->inputs[i] = value_leaf(random_uniform(random, -3, 3));
    Tensor *t =
        tensor_where(tensor_zeros(TENSOR_SHAPE(1)), tensor_from_values(x + 2, TENSOR_SHAPE(1)),
                     tensor_from_values(x + 3, TENSOR_SHAPE(1)));
    subject->input_count = 4;
    subject->result_count = 2;
    subject->results[0] = value_where(value_const(0), x[0], x[1]);
    subject->results[1] = tensor_at(t, 0);
}

START_TEST(every_mutant_is_killed)
{
    MutationScore total = {.mutants = 0};
    for (size_t i = 0; i < row_count(); i++)
        add(&total, value_op_row(i)->name, flat_operands(value_op_row(i)), mutation_of_row(i));
    add(&total, "where 0", 2, mutation_score("where 0", build_where_of_0, NULL));
    for (size_t i = 0; of_many(i); i++)
        add(&total, of_many(i)->name, 0, mutation_of_many(of_many(i)));
    for (size_t i = 0; i < COUNT(tensor_operations); i++) {
        const TensorOperation *operation = &tensor_operations[i];
        const ValueOpInfo *row = value_op_find(operation->function + strlen("tensor_"));
        const bool of_row = row && row->arity == operation->operand_count;
        add(&total, operation->function,
            (of_row ? flat_operands(row) : 0) + single_numbers(operation),
            mutation_score(operation->function, build_tensors, operation));
    }
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
