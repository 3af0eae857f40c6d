/* test_inline.c - what inline.h compiles into the caller is what the library's functions do, bit for bit. */
#include <valgrad/inline.h>

#include <valgrad/tensor.h>

#include "testing.h"

/* The library's functions, which no compiler sees into. */
static Value *(*volatile called_leaf)(real) = value_leaf;
static Value *(*volatile called_const)(real) = value_const;
static real (*volatile called_data)(const Value *) = value_data;
static real (*volatile called_grad)(const Value *) = value_grad;

typedef Value *Binary(Value *x, Value *y);

/* Each as compiled in here and as called. What takes one operand leaves y alone. */
#define BOTH_WAYS(name, arguments)                                                                 \
    static Value *inlined_##name(Value *x, Value *y)                                               \
    {                                                                                              \
        (void)y;                                                                                   \
        return value_##name arguments;                                                             \
    }                                                                                              \
    static Value *called_##name(Value *x, Value *y)                                                \
    {                                                                                              \
        static __typeof__(value_##name) *volatile function = value_##name;                         \
        (void)y;                                                                                   \
        return function arguments;                                                                 \
    }
BOTH_WAYS(add, (x, y))
BOTH_WAYS(sub, (x, y))
BOTH_WAYS(mul, (x, y))
BOTH_WAYS(div, (x, y))
BOTH_WAYS(neg, (x))
BOTH_WAYS(square, (x))
BOTH_WAYS(relu, (x))

#define OPERATION(name, code, arity) {#name, inlined_##name, called_##name, code, arity}
static const struct Operation {
    const char *name;
    Binary *inlined, *called;
    unsigned code;
    int arity;
} operations[] = {OPERATION(add, VALUE_OP_ADD, 2), OPERATION(sub, VALUE_OP_SUB, 2),
                  OPERATION(mul, VALUE_OP_MUL, 2), OPERATION(div, VALUE_OP_DIV, 2),
                  OPERATION(neg, VALUE_OP_NEG, 1), OPERATION(square, VALUE_OP_SQUARE, 1),
                  OPERATION(relu, VALUE_OP_RELU, 1)};

enum { OPERATIONS = COUNT(operations) };

/* Value and both gradients of op(x, y). */
static void differentiate(Binary *op, Value *x, Value *y, real seed, real result[3])
{
    Value *v = op(x, y);
    ck_assert_msg(v != NULL, "%s", valgrad_last_error());
    assert_status(value_backward_from(v, seed), VALGRAD_OK);
    result[0] = value_data(v);
    result[1] = value_grad(x);
    result[2] = value_grad(y);
    value_zero_grad(x);
    value_zero_grad(y);
}

static void assert_equal(const struct Operation *op, Value *x, Value *y)
{
    real inlined[3], called[3];
    differentiate(op->inlined, x, y, (real)1.3, inlined);
    differentiate(op->called, x, y, (real)1.3, called);
    for (int i = 0; i < 3; i++)
        assert_same(inlined[i], called[i]);
}

START_TEST(operations_are_those_of_the_library)
{
    static const real points[] = {0, -0.0f, 1, -1.3f, 3e30f, 1e-30f, INFINITY, NAN};
    for (size_t i = 0; i < COUNT(points) * COUNT(points); i++) {
        VALGRAD_SCOPE
            assert_equal(&operations[_i], value_leaf(points[i / COUNT(points)]),
                         called_leaf(points[i % COUNT(points)]));
    }
}
END_TEST

START_TEST(operands_of_the_pool_of_another_scope_and_of_a_tensor)
{
    Value *param = value_param(2);
    VALGRAD_SCOPE {
        Value *outer = value_leaf(3),
              *element = tensor_at(tensor_leaf((real[]){5, 7}, TENSOR_SHAPE(2)), 1);
        VALGRAD_SCOPE {
            assert_equal(&operations[_i], param, outer);
            assert_equal(&operations[_i], outer, element);
            assert_equal(&operations[_i], element, param);
            ck_assert(value_data(element) == called_data(element));
            ck_assert(value_grad(element) == called_grad(element));
        }
    }
    value_release(param);
}
END_TEST

START_TEST(without_a_scope_the_caller_owns)
{
    Value *x = value_leaf(2), *y = value_const(5), *v = operations[_i].inlined(x, y);
    ck_assert_int_eq(valgrad_live_nodes(), 3);
    ck_assert(value_wants_grad(x) && !value_wants_grad(y) && value_wants_grad(v));
    value_release(x);
    value_release(y);
    value_release(v);
}
END_TEST

START_TEST(without_recording_results_are_constants)
{
    VALGRAD_SCOPE
        VALGRAD_NO_GRAD {
            Value *v = operations[_i].inlined(value_leaf(2), value_const(5));
            ck_assert_uint_eq(value_operand_count(v), 0);
            ck_assert(!value_wants_grad(v));
        }
}
END_TEST

START_TEST(more_than_a_chunk)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *sum = x;
        for (int i = 0; i < 5000; i++)
            sum = value_add(sum, value_mul(value_const(1), x));
        assert_status(value_backward(sum), VALGRAD_OK);
        ck_assert(value_data(sum) == 5001 && value_grad(x) == 5001);
    }
}
END_TEST

/* Where the short way does not do, inlined code calls these. */
START_TEST(value_make_is_what_the_functions_do)
{
    const struct Operation *op = &operations[_i];
    VALGRAD_SCOPE {
        Value *x = value_make(VALUE_OP_LEAF, NULL, NULL, 3),
              *y = value_make(VALUE_OP_CONST, NULL, NULL, 4);
        Value *made = value_make(op->code, x, y, 0), *called = op->called(x, y);
        ck_assert(value_wants_grad(x) && !value_wants_grad(y));
        ck_assert_str_eq(value_op_name(made), op->name);
        assert_status(value_backward_from(made, 2), VALGRAD_OK);
        assert_same(value_read(made, false), called_data(called));
        assert_same(value_read(made, true), 2);
        assert_same(value_read(x, true), called_grad(x));
        assert_same(value_read(x, false), 3);
    }
}
END_TEST

START_TEST(null_is_told)
{
    VALGRAD_SCOPE {
        Value *x = called_const(1);
        if (operations[_i].arity == 2)
            ck_assert_ptr_null(operations[_i].inlined(x, NULL));
        ck_assert_ptr_null(operations[_i].inlined(NULL, x));
        ck_assert_str_ne(valgrad_last_error(), "");
        ck_assert(isnan((double)value_data(NULL)) && isnan((double)value_grad(NULL)));
    }
    ck_assert_ptr_null(value_make(4711, NULL, NULL, 0));
    ck_assert_ptr_nonnull(strstr(valgrad_last_error(), "4711"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inline");
    TCase *tests = new_case(suite, "compiled into the caller", 4);
    tcase_add_loop_test(tests, operations_are_those_of_the_library, 0, OPERATIONS);
    tcase_add_loop_test(tests, operands_of_the_pool_of_another_scope_and_of_a_tensor, 0,
                        OPERATIONS);
    tcase_add_loop_test(tests, without_a_scope_the_caller_owns, 0, OPERATIONS);
    tcase_add_loop_test(tests, without_recording_results_are_constants, 0, OPERATIONS);
    tcase_add_test(tests, more_than_a_chunk);
    tcase_add_loop_test(tests, value_make_is_what_the_functions_do, 0, OPERATIONS);
    tcase_add_loop_test(tests, null_is_told, 0, OPERATIONS);
    return run_suite(suite);
}
