/* test_memory.c - who lives how long: scopes, handles, what is carried out, labels. */
#include <stdio.h>

#include <valgrad/random.h>
#include <valgrad/valgrad.h>

#include "autograd/memory.h"
#include "testing.h"

/* ---- scopes -------------------------------------------------------------------------------------- */

START_TEST(scope_drops_what_is_not_retained)
{
    Value *kept = NULL;
    VALGRAD_SCOPE {
        Value *x = value_leaf(2);
        kept = value_retain(value_mul(value_sin(x), value_exp(x)));
        value_tanh(kept);
        ck_assert_int_eq(valgrad_live_nodes(), 5);
    }
    ck_assert_int_gt(valgrad_live_nodes(), 0);
    assert_status(value_backward(kept), VALGRAD_OK);
    assert_near(value_grad(value_operand(value_operand(kept, 0), 0)), exp(2) * (sin(2) + cos(2)),
                16 * REAL_EPSILON);
    value_release(kept);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

START_TEST(empty_scopes)
{
    VALGRAD_SCOPE {
    }
    VALGRAD_SCOPE {
        VALGRAD_SCOPE {
        }
        VALGRAD_SCOPE {
            value_leaf(1);
        }
    }
}
END_TEST

static real leave_by_return(void)
{
    VALGRAD_SCOPE {
        VALGRAD_SCOPE {
            return value_data(value_square(value_leaf(3)));
        }
    }
    return 0;
}

static void leave_by_goto(void)
{
    VALGRAD_SCOPE {
        VALGRAD_SCOPE {
            value_leaf(1);
            goto out;
        }
    }
    ck_abort();
out:
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}

START_TEST(scope_is_left_however)
{
    assert_same(leave_by_return(), 9);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
    leave_by_goto();
    VALGRAD_SCOPE {
        value_leaf(1);
        if (valgrad_live_nodes() == 1)
            break;
        ck_abort();
    }
    ck_assert_int_eq(valgrad_live_nodes(), 0);
    int rounds = 0;
    for (int i = 0; i < 5; i++) {
        VALGRAD_SCOPE {
            value_leaf(1);
            if (i % 2)
                continue;
            rounds++;
        }
        ck_assert_int_eq(valgrad_live_nodes(), 0);
    }
    ck_assert_int_eq(rounds, 3);
    /* Nothing was left open: this belongs to the caller. */
    Value *v = value_leaf(1);
    value_release(v);
    ck_assert_str_eq(valgrad_last_error(), "");
}
END_TEST

START_TEST(scopes_nest)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *outer = value_square(x);
        for (int i = 0; i < 100; i++) {
            VALGRAD_SCOPE {
                Value *inner = value_mul(outer, value_leaf((real)i));
                VALGRAD_SCOPE {
                    value_zero_grad(x);
                    assert_status(value_backward(value_add(inner, x)), VALGRAD_OK);
                    assert_same(value_grad(x), 4 * i + 1);
                    ck_assert_int_eq(valgrad_live_nodes(), 5);
                }
                ck_assert_int_eq(valgrad_live_nodes(), 4);
            }
            ck_assert_int_eq(valgrad_live_nodes(), 2);
        }
    }
}
END_TEST

START_TEST(parameter_outlives_scopes)
{
    Value *w = NULL;
    VALGRAD_SCOPE {
        w = value_param(3);
        assert_status(value_backward(value_square(w)), VALGRAD_OK);
    }
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    assert_same(value_grad(w), 6);
    value_release(w);
}
END_TEST

/* What is made in a scope holds a pool value to the scope's end. */
START_TEST(operands_may_be_released_after_use)
{
    VALGRAD_SCOPE {
        Value *w = value_param(3), *v = value_square(w);
        value_release(w);
        assert_status(value_backward(v), VALGRAD_OK);
        assert_same(value_grad(value_operand(v, 0)), 6);
        ck_assert_int_eq(valgrad_live_nodes(), 2);
    }
    Value *x = value_leaf(2), *y = value_exp(x), *z = value_mul(y, y);
    value_release(x);
    value_release(y);
    ck_assert_int_eq(valgrad_live_nodes(), 3);
    assert_status(value_backward(z), VALGRAD_OK);
    assert_near(value_grad(value_operand(value_operand(z, 1), 0)), 2 * exp(4), 4 * REAL_EPSILON);
    value_release(z);
}
END_TEST

/* ---- handles ------------------------------------------------------------------------------------- */

START_TEST(handles_are_counted)
{
    Value *v = value_leaf(1);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_eq(value_retain(v), v);
    for (int i = 0; i < 1000; i++)
        value_release(v);
    assert_same(value_data(v), 1);
    value_release(v);
    value_release(NULL);
    ck_assert_ptr_null(value_retain(NULL));
    ck_assert_str_eq(valgrad_last_error(), "");
}
END_TEST

START_TEST(handles_on_a_closed_scope)
{
    Value *first = NULL, *second = NULL;
    VALGRAD_SCOPE {
        Value *x = value_leaf(2);
        first = value_retain(value_square(x));
        second = value_retain(value_retain(value_exp(first)));
    }
    value_release(second);
    value_release(first);
    assert_near(value_data(second), exp(4), 4 * REAL_EPSILON);
    assert_same(value_data(value_operand(second, 0)), 4);
    Value *again = value_retain(value_operand(second, 0)); /* any node of it may be held */
    value_release(second);
    assert_same(value_data(again), 4);
    ck_assert_int_gt(valgrad_live_nodes(), 0);
    value_release(again);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
}
END_TEST

START_TEST(releasing_too_often_is_said)
{
    Value *v = value_leaf(1);
    value_release(v);
    ck_assert_str_eq(valgrad_last_error(), "");
    value_release(v);
    assert_error(VALGRAD_ERROR_STATE, "value_release: this Value was freed before");
    VALGRAD_SCOPE {
        Value *owned = value_leaf(1);
        value_release(owned);
        assert_error(VALGRAD_ERROR_STATE, "value_release: no handle is left: a scope owns");
        assert_same(value_data(owned), 1);
        value_release(value_retain(owned));
        ck_assert_str_eq(valgrad_last_error(), "");
        value_release(owned);
        assert_error(VALGRAD_ERROR_STATE, "one release too many");
        ck_assert_int_eq(valgrad_live_nodes(), 1);
    }
}
END_TEST

START_TEST(scopes_closed_in_the_wrong_order)
{
    ValgradScope outer = scope_open(), inner = scope_open();
    value_leaf(1);
    scope_close(&outer);
    assert_error(VALGRAD_ERROR_STATE, "scope_close: not this thread's innermost open scope");
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    scope_close(&inner);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
    scope_close(&inner);
    assert_error(VALGRAD_ERROR_STATE, "scope_close: ");
    value_leaf(1);
    scope_close(&outer);
    scope_close(&outer);
    assert_error(VALGRAD_ERROR_STATE, "scope_close: ");
    ValgradScope never = {NULL, NULL};
    scope_close(&never);
    assert_error(VALGRAD_ERROR_STATE, "scope_close: ");
}
END_TEST

/* ---- carried out --------------------------------------------------------------------------------- */

static Value *carried_square(Value *x)
{
    Value *v = NULL;
    VALGRAD_SCOPE {
        v = value_retain(value_mul(x, value_add(x, value_const(0))));
    }
    return v;
}

START_TEST(carried_into_the_outer_scope)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *square = carried_square(x);
        Value *root = value_mul(square, x);
        value_release(square); /* the outer scope holds it now */
        assert_status(value_backward(root), VALGRAD_OK);
        assert_same(value_grad(x), 27);
        assert_same(value_grad(square), 3);
        ck_assert_int_eq(valgrad_live_nodes(), 5);
    }
}
END_TEST

START_TEST(carried_three_levels_up)
{
    Value *kept = NULL;
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *second = NULL;
        VALGRAD_SCOPE {
            Value *first = NULL;
            VALGRAD_SCOPE {
                VALGRAD_SCOPE {
                    first = value_retain(value_exp(x));
                }
            }
            second = value_retain(value_mul(first, x));
            value_release(first);
        }
        kept = value_retain(value_add(second, x));
        value_release(second);
    }
    assert_status(value_backward(kept), VALGRAD_OK);
    assert_near(value_grad(value_operand(kept, 1)), 1 + 3 * exp(2), 4 * REAL_EPSILON);
    value_release(kept);
}
END_TEST

/* A result is carried from scope to scope, each merged in the next, all in an outer one. */
START_TEST(long_chain_of_merges)
{
    enum { LINKS = 2000 };
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *last = value_retain(x);
        for (int i = 0; i < LINKS; i++) {
            Value *inner = NULL;
            VALGRAD_SCOPE {
                inner = value_retain(value_add(last, x));
            }
            value_release(last);
            last = _i ? value_retain(value_neg(value_neg(inner))) : value_retain(inner);
            value_release(inner);
        }
        Value *root = value_square(last);
        value_release(last);
        assert_status(value_backward(root), VALGRAD_OK);
        assert_same(value_grad(x), 2.0 * (LINKS + 1) * (LINKS + 1));
        ck_assert_int_eq(valgrad_live_nodes(), 2 + LINKS * (_i ? 3 : 1));
    }
}
END_TEST

/* Scopes within scopes, each merged into the one around it. */
static Value *merge_downwards(Value *x, int depth)
{
    Value *v = NULL;
    VALGRAD_SCOPE {
        Value *inner = depth > 0 ? merge_downwards(x, depth - 1) : value_retain(value_exp(x));
        v = value_retain(value_add(inner, value_const(1)));
        value_set_label(v, "level");
        value_release(inner);
    }
    return v;
}

START_TEST(merges_of_merges)
{
    for (int repeat = 0; repeat < 3; repeat++) {
        Value *x = value_leaf(0), *v = merge_downwards(x, 60);
        assert_same(value_data(v), 62);
        assert_status(value_backward(v), VALGRAD_OK);
        assert_same(value_grad(x), 1);
        value_release(v);
        ck_assert_int_eq(valgrad_live_nodes(), 1);
        value_release(x);
        valgrad_trim();
    }
}
END_TEST

/* What an inner scope held is held by the outer one after the merge, and by nobody after that. */
START_TEST(holds_survive_a_merge)
{
    Value *w = value_param(3);
    VALGRAD_SCOPE {
        Value *inner = NULL;
        VALGRAD_SCOPE {
            inner = value_retain(value_square(w));
        }
        Value *root = value_mul(inner, inner);
        value_release(inner);
        assert_status(value_backward(root), VALGRAD_OK);
    }
    assert_same(value_grad(w), 108);
    ValgradScope scopes[3];
    Value *results[3];
    for (int i = 0; i < 3; i++) {
        scopes[i] = scope_open();
        results[i] = value_square(w);
    }
    value_release(w);
    for (int i = 2; i >= 0; i--) {
        ck_assert_int_eq(valgrad_live_nodes(), i + 2);
        ck_assert_str_eq(value_op_name(value_operand(results[i], 0)), "leaf");
        scope_close(&scopes[i]);
    }
}
END_TEST

/* Two inner scopes that use each other's results: a closed one holds an older one, which the outer
 * scope then uses directly and through the other. */
START_TEST(inner_scopes_use_each_other)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *a = NULL, *b = NULL, *c = NULL;
        VALGRAD_SCOPE {
            a = value_retain(value_square(x));
        }
        VALGRAD_SCOPE {
            b = value_retain(value_mul(a, x));
        }
        VALGRAD_SCOPE {
            c = value_retain(value_add(a, b));
        }
        Value *through = value_mul(c, x); /* merges c's scope, which holds the other two */
        Value *direct = value_mul(value_mul(a, b), through);
        value_release(b);
        value_release(a);
        value_release(c);
        assert_status(value_backward(direct), VALGRAD_OK);
        /* x^2 x^3 (x^2 + x^3) x = x^8 + x^9 */
        assert_same(value_grad(x), 8 * 128 + 9 * 256);
    }
}
END_TEST

START_TEST(older_scope_held_by_a_younger)
{
    Value *x = value_param(2), *a = NULL, *b = NULL;
    VALGRAD_SCOPE {
        a = value_retain(value_square(x));
    }
    VALGRAD_SCOPE {
        b = value_retain(value_mul(a, a));
    }
    value_release(a);
    ck_assert_int_gt(valgrad_live_nodes(), 2);
    Value *pool = value_mul(b, a), *more = NULL;
    value_release(b);
    VALGRAD_SCOPE {
        more = value_retain(value_tanh(value_mul(pool, value_const((real)0.01))));
    }
    value_release(pool);
    assert_status(value_backward(more), VALGRAD_OK);
    const double f = tanh(0.64); /* tanh(x^6 / 100) */
    assert_near(value_grad(x), (1 - f * f) * 6 * 32 * 0.01, 16 * REAL_EPSILON);
    value_release(more);
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    value_release(x);
}
END_TEST

/* Scopes and the pool hold each other in one long chain, which one release frees. */
START_TEST(chain_of_scopes_is_freed)
{
    Value *x = value_leaf(1), *last = value_retain(x);
    for (int i = 0; i < 1000; i++) {
        Value *next = NULL, *pool = value_neg(last);
        VALGRAD_SCOPE {
            next = value_retain(value_neg(pool));
        }
        value_release(pool);
        value_release(last);
        last = next;
    }
    ck_assert_int_ge(valgrad_live_nodes(), 2001);
    assert_status(value_backward(last), VALGRAD_OK);
    assert_same(value_grad(x), 1);
    value_release(last);
    ck_assert_int_eq(valgrad_live_nodes(), 1);
    value_release(x);
}
END_TEST

/* Random scopes, random handles: whatever is still held is whole, and at the end nothing is left. */
enum { SLOTS = 50, STEPS = 6000, DEEPEST = 8 };

static void random_step(Random *random, Value **slots, ValgradScope *scopes, int *depth)
{
    Value **slot = &slots[random_below(random, SLOTS)];
    switch (random_below(random, 12)) {
    case 0:
        if (*depth < DEEPEST)
            scopes[(*depth)++] = scope_open();
        break;
    case 1:
        if (*depth > 0)
            scope_close(&scopes[--*depth]);
        break;
    case 2:
        value_release(*slot);
        *slot = NULL;
        break;
    case 3:
        value_set_label(*slot, random_below(random, 2) ? "some name" : NULL);
        break;
    case 4:
        if (value_wants_grad(*slot))
            assert_status(value_backward(*slot), VALGRAD_OK);
        break;
    default: {
        Value *x = slots[random_below(random, SLOTS)], *y = slots[random_below(random, SLOTS)];
        Value *operands[] = {x, y, x}, *v;
        if (x && y && random_below(random, 3) == 0)
            v = value_sum(3, operands);
        else
            v = x && y ? value_max(x, y) : value_leaf(1);
        value_release(*slot);
        *slot = *depth > 0 ? value_retain(v) : v;
    }
    }
    valgrad_clear_error();
}

START_TEST(random_lives)
{
    Value *slots[SLOTS] = {NULL};
    ValgradScope scopes[DEEPEST];
    int depth = 0;
    Random random = random_seeded((uint64_t)_i);
    for (int i = 0; i < STEPS; i++)
        random_step(&random, slots, scopes, &depth);
    while (depth > 0)
        scope_close(&scopes[--depth]);
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i])
            ck_assert(value_data(slots[i]) >= 1);
        value_release(slots[i]);
    }
    ck_assert_int_eq(valgrad_live_nodes(), 0);
    valgrad_trim();
}
END_TEST

/* ---- regions without a number ---------------------------------------------------------------------- */

/* Nodes remember by a region's number that it holds them. When no number is left, nothing but the speed is
 * another. */
static uint16_t numbers[UINT16_MAX + 1];

static void take_all_numbers(void)
{
    size_t count = 0;
    valgrad_trim(); /* regions that wait for reuse keep theirs */
    while ((numbers[count] = memory__take_number()) != 0)
        count++;
    ck_assert_uint_eq(count, UINT16_MAX);
}

static void give_all_numbers(void)
{
    for (size_t i = 0; numbers[i] != 0; i++)
        memory__give_number(numbers[i]);
}

/* ---- many ---------------------------------------------------------------------------------------- */

START_TEST(million_nodes_in_the_pool)
{
    enum { N = 1000000 };
    for (int repeat = 0; repeat < 2; repeat++) {
        Value *x = value_leaf(1), *last = value_retain(x);
        for (int i = 0; i < N; i++) {
            Value *next = value_neg(last);
            value_release(last);
            last = next;
        }
        ck_assert_int_eq(valgrad_live_nodes(), N + 1);
        assert_status(value_backward(last), VALGRAD_OK);
        assert_same(value_grad(x), 1);
        value_release(last);
        ck_assert_int_eq(valgrad_live_nodes(), 1);
        value_release(x);
    }
}
END_TEST

START_TEST(live_nodes_are_exact)
{
    VALGRAD_SCOPE {
        for (int i = 0; i < 5000; i++) {
            ck_assert_int_eq(valgrad_live_nodes(), i);
            value_leaf(1);
        }
        VALGRAD_SCOPE {
            for (int i = 0; i < 5000; i++)
                value_leaf(1);
            ck_assert_int_eq(valgrad_live_nodes(), 10000);
        }
        ck_assert_int_eq(valgrad_live_nodes(), 5000);
    }
}
END_TEST

/* ---- labels -------------------------------------------------------------------------------------- */

START_TEST(labels)
{
    Value *v = value_leaf(1);
    ck_assert_str_eq(value_label(v), "");
    ck_assert_str_eq(value_label(NULL), "");
    char text[] = "first";
    assert_status(value_set_label(v, text), VALGRAD_OK);
    text[0] = 'F'; /* it was copied */
    ck_assert_str_eq(value_label(v), "first");
    assert_status(value_set_label(v, "a longer second name"), VALGRAD_OK);
    ck_assert_str_eq(value_label(v), "a longer second name");
    assert_status(value_set_label(v, value_label(v)), VALGRAD_OK);
    ck_assert_str_eq(value_label(v), "a longer second name");
    assert_status(value_set_label(v, ""), VALGRAD_OK);
    ck_assert_str_eq(value_label(v), "");
    assert_status(value_set_label(v, "x"), VALGRAD_OK);
    assert_status(value_set_label(v, NULL), VALGRAD_OK);
    ck_assert_str_eq(value_label(v), "");
    assert_status(value_set_label(v, NULL), VALGRAD_OK);
    assert_status(value_set_label(NULL, "x"), VALGRAD_ERROR_NULL);
    assert_error(VALGRAD_ERROR_NULL, "value_set_label: v is NULL");
    value_release(v);
}
END_TEST

/* A label goes with its node; the next node at the same address has none. */
START_TEST(labels_go_with_their_nodes)
{
    for (int repeat = 0; repeat < 3; repeat++) {
        Value *v = value_leaf(1);
        ck_assert_str_eq(value_label(v), "");
        assert_status(value_set_label(v, "old"), VALGRAD_OK);
        value_release(v);
        VALGRAD_SCOPE {
            Value *all[2000];
            for (int i = 0; i < 2000; i++) {
                all[i] = value_leaf(1);
                ck_assert_str_eq(value_label(all[i]), "");
                char text[32];
                snprintf(text, sizeof text, "node %d", i);
                if (i % 3)
                    assert_status(value_set_label(all[i], text), VALGRAD_OK);
            }
            ck_assert_str_eq(value_label(all[1]), "node 1");
            ck_assert_str_eq(value_label(all[1999]), "node 1999");
            ck_assert_str_eq(value_label(all[1998]), "");
        }
    }
}
END_TEST

START_TEST(labels_survive_a_merge)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *inner = NULL;
        VALGRAD_SCOPE {
            inner = value_retain(value_exp(x));
            value_set_label(inner, "inner");
        }
        value_neg(inner);
        value_release(inner);
        ck_assert_str_eq(value_label(inner), "inner");
    }
}
END_TEST

/* ---- what cannot be had ------------------------------------------------------------------------ */

/* More than there can be is refused before it is asked for. */
START_TEST(no_block_is_too_large)
{
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX - 127, SIZE_MAX / 2,
                            size_product(SIZE_MAX / 2, 3)};
    VALGRAD_SCOPE
        for (size_t i = 0; i < COUNT(sizes); i++) {
            ck_assert_ptr_null(buffer__take(sizes[i]));
            ck_assert_ptr_null(graph__region_bytes(graph__region(), sizes[i]));
            if (sizes[i] > SIZE_MAX / 2)
                ck_assert_ptr_null(buffer__allocate(sizes[i], 64));
        }
    ck_assert_uint_eq(size_product(SIZE_MAX / 8, 8), SIZE_MAX - 7);
}
END_TEST

static void add_carried(TCase *carried)
{
    tcase_add_test(carried, carried_into_the_outer_scope);
    tcase_add_test(carried, carried_three_levels_up);
    tcase_add_loop_test(carried, long_chain_of_merges, 0, 2);
    tcase_add_test(carried, merges_of_merges);
    tcase_add_test(carried, holds_survive_a_merge);
    tcase_add_test(carried, inner_scopes_use_each_other);
    tcase_add_test(carried, older_scope_held_by_a_younger);
    tcase_add_test(carried, chain_of_scopes_is_freed);
    tcase_add_loop_test(carried, random_lives, 0, 5);
}

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *scopes = new_case(suite, "scopes", 4);
    tcase_add_test(scopes, scope_drops_what_is_not_retained);
    tcase_add_test(scopes, empty_scopes);
    tcase_add_test(scopes, scope_is_left_however);
    tcase_add_test(scopes, scopes_nest);
    tcase_add_test(scopes, parameter_outlives_scopes);
    tcase_add_test(scopes, operands_may_be_released_after_use);

    TCase *handles = new_case(suite, "handles", 4);
    tcase_add_test(handles, handles_are_counted);
    tcase_add_test(handles, handles_on_a_closed_scope);
    tcase_add_test(handles, releasing_too_often_is_said);
    tcase_add_test(handles, scopes_closed_in_the_wrong_order);

    add_carried(new_case(suite, "carried out", 10));
    TCase *numberless = new_case(suite, "carried out of regions without a number", 10);
    tcase_add_checked_fixture(numberless, take_all_numbers, give_all_numbers);
    add_carried(numberless);

    TCase *many = new_case(suite, "many", 30);
    tcase_add_test(many, million_nodes_in_the_pool);
    tcase_add_test(many, live_nodes_are_exact);
    tcase_add_test(many, no_block_is_too_large);

    TCase *names = new_case(suite, "labels", 4);
    tcase_add_test(names, labels);
    tcase_add_test(names, labels_go_with_their_nodes);
    tcase_add_test(names, labels_survive_a_merge);
    return run_suite(suite);
}
