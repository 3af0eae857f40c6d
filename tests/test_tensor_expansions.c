/* test_tensor_expansions.c - tensor operations that have shapes and rules of their own mean what their
 * expansions into scalar operations mean, for operands of every form and place. */
#include "tensor_testing.h"

enum { MOST_OPERANDS = 3 };

/* A call of an operation on operands x, and its elements made of scalar operations; these give their
 * number. */
typedef struct Case {
    const char *name;
    Tensor *(*tensor)(Tensor *const *x);
    int64_t (*expand)(Tensor *const *x, Value **out);
    int count;
    Sides shapes[MOST_OPERANDS];
    Range ranges[MOST_OPERANDS];
} Case;

#define SHAPE(rank, ...)                                                                           \
    {                                                                                              \
        rank,                                                                                      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define WIDELY                                                                                     \
    {                                                                                              \
        -3, 3, false                                                                               \
    }

#define CALL(name, call)                                                                           \
    static Tensor *tensor_of_##name(Tensor *const *x)                                              \
    {                                                                                              \
        return call;                                                                               \
    }
#define CASE(name, count, ...)                                                                     \
    {                                                                                              \
#name, tensor_of_##name, expand_##name, count, {__VA_ARGS__ },                             \
        {                                                                                          \
            WIDELY, WIDELY, WIDELY                                                                 \
        }                                                                                          \
    }

/* ---- scalar parts ------------------------------------------------------------------------------ */

static Value *constant(double number)
{
    return keep_value(value_const((real)number));
}

static Value *scaled(Value *x, double factor)
{
    return keep_value(value_mul(x, constant(factor)));
}

/* ---- dropout ----------------------------------------------------------------------------------- */

static const real RATE = (real)0.4;

static Tensor *tensor_of_dropout(Tensor *const *x)
{
    Random random = random_seeded(5);
    return tensor_dropout(x[0], RATE, true, &random);
}

static int64_t expand_dropout(Tensor *const *x, Value **out)
{
    Random random = random_seeded(5);
    const int64_t n = tensor_size(x[0]);
    for (int64_t i = 0; i < n; i++) {
        const bool kept = random_uniform(&random, 0, 1) >= RATE;
        out[i] = kept ? scaled(tensor_at(x[0], i), 1 / (1 - (double)RATE)) : constant(0);
    }
    return n;
}

/* ---- losses ------------------------------------------------------------------------------------ */

static const int64_t LABELS[] = {2, 0, 2};

/* -log softmax of class c of row r, from numbers that the exponential bears. */
static Value *surprise(const Tensor *logits, int64_t r, int64_t c)
{
    const int64_t classes = tensor_side(logits, -1);
    Value *terms[MOST];
    for (int64_t i = 0; i < classes; i++)
        terms[i] = keep_value(value_exp(tensor_at(logits, r * classes + i)));
    return keep_value(value_sub(keep_value(value_log(sum_of((size_t)classes, terms))),
                                tensor_at(logits, r * classes + c)));
}

static const double SMOOTHING = 0.1;

CALL(cross_entropy_smoothed, tensor_cross_entropy_smoothed(x[0], (real)SMOOTHING, 3, LABELS))

static int64_t expand_cross_entropy_smoothed(Tensor *const *x, Value **out)
{
    Value *losses[3];
    for (int r = 0; r < 3; r++) {
        Value *terms[4];
        for (int c = 0; c < 4; c++)
            terms[c] =
                scaled(surprise(x[0], r, c), SMOOTHING / 4 + (c == LABELS[r]) * (1 - SMOOTHING));
        losses[r] = sum_of(4, terms);
    }
    out[0] = mean_of(3, losses);
    return 1;
}

/* ---- every case in every form and place -------------------------------------------------------- */

static const Case cases[] = {
    CASE(dropout, 1, SHAPE(3, 2, 3, 4)),
    CASE(cross_entropy_smoothed, 1, SHAPE(2, 3, 4)),
};

static void check_case(const Case *c, Place place, const Form forms[MOST_OPERANDS], Random *random)
{
    now_testing_is("%s, forms %d, %d, %d, place %d", c->name, forms[0], forms[1], forms[2], place);
    place_begin(place);
    Operand operands[MOST_OPERANDS];
    Tensor *x[MOST_OPERANDS];
    for (int i = 0; i < c->count; i++) {
        operands[i] = make_operand(forms[i], random, c->ranges[i], c->shapes[i]);
        x[i] = operands[i].tensor;
    }
    Value *expanded[MOST];
    Tensor *t = keep(c->tensor(x));
    const int64_t n = c->expand(x, expanded);
    compare(t, n, expanded, operands, c->count, random);
    place_end();
}

START_TEST(in_every_form_and_place)
{
    const Case *c = &cases[_i];
    Random random = random_seeded((uint64_t)_i);
    const int turns = FORMS * PLACES * (c->count > 1 ? FORMS : 1);
    for (int turn = 0; turn < turns; turn++) {
        const int f = turn / PLACES % FORMS, g = turn / PLACES / FORMS;
        const Form forms[] = {(Form)f, (Form)g, (Form)((f + 2 * g) % FORMS)};
        check_case(c, (Place)(turn % PLACES), forms, &random);
    }
}
END_TEST

/* ---- dropout: what its expansion does not say ---------------------------------------------------- */

START_TEST(dropout_keeps_the_mean)
{
    enum { N = 4096 };
    static const real rates[] = {0, (real)0.1, (real)0.5, (real)0.9, 1};
    Random random = random_seeded(1);
    for (size_t i = 0; i < COUNT(rates); i++) {
        VALGRAD_SCOPE {
            Tensor *x = tensor_full(1, TENSOR_SHAPE(N)),
                   *y = tensor_dropout(x, rates[i], true, &random);
            int64_t dropped = 0;
            for (int64_t j = 0; j < N; j++)
                dropped += value_data(tensor_at(y, j)) == 0;
            /* five deviations of the binomial */
            const double rate = (double)rates[i], spread = 5 * sqrt(N * rate * (1 - rate));
            ck_assert(fabs((double)dropped - N * rate) <= spread);
            if (rate < 1)
                assert_near(tensor_item(tensor_mean_all(y)), 1, spread / N / (1 - rate) + 1e-6);
        }
    }
}
END_TEST

/* Not even an infinity passes where an element was dropped, in either direction. */
START_TEST(dropped_elements_count_for_nothing)
{
    VALGRAD_SCOPE {
        const real inf = (real)INFINITY;
        Random random = random_seeded(1);
        Tensor *x = tensor_leaf((real[]){inf, -inf, (real)NAN}, TENSOR_SHAPE(3));
        Tensor *y = tensor_dropout(x, 1, true, &random);
        const Tensor *seed = tensor_const((real[]){inf, (real)NAN, 1}, TENSOR_SHAPE(3));
        assert_status(tensor_backward(y, seed), VALGRAD_OK);
        for (int i = 0; i < 3; i++) {
            assert_same(value_data(tensor_at(y, i)), 0);
            assert_same(value_grad(tensor_at(x, i)), 0);
        }
    }
}
END_TEST

START_TEST(dropout_is_for_training)
{
    VALGRAD_SCOPE {
        Random random = random_seeded(1);
        const Random before = random;
        Tensor *x = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2));
        ck_assert_ptr_eq(tensor_at(tensor_dropout(x, RATE, false, NULL), 1), tensor_at(x, 1));
        ck_assert_ptr_eq(tensor_at(tensor_dropout(x, 0, true, &random), 1), tensor_at(x, 1));
        ck_assert_mem_eq(&random, &before, sizeof random);
        assert_fails(tensor_dropout(NULL, 0, true, &random), VALGRAD_ERROR_NULL,
                     "tensor_dropout: t is NULL");
        assert_fails(tensor_dropout(x, 0, true, NULL), VALGRAD_ERROR_NULL,
                     "tensor_dropout: random is NULL");
        assert_fails(tensor_dropout(x, (real)-0.5, true, &random), VALGRAD_ERROR_ARGUMENT,
                     "tensor_dropout: probability -0.5; expected 0 to 1");
        assert_fails(tensor_dropout(x, (real)NAN, false, NULL), VALGRAD_ERROR_ARGUMENT,
                     "tensor_dropout: probability nan; expected 0 to 1");
    }
}
END_TEST

/* ---- losses: what their expansions do not say ----------------------------------------------------- */

START_TEST(smoothing_at_its_ends)
{
    VALGRAD_SCOPE {
        const real inf = (real)INFINITY, numbers[] = {1000, -1000, -inf};
        Tensor *x = tensor_leaf(numbers, TENSOR_SHAPE(3)),
               *even = tensor_leaf(numbers, TENSOR_SHAPE(2));
        Tensor *none = tensor_cross_entropy_smoothed(x, 0, 1, (int64_t[]){0});
        assert_status(tensor_backward(none, NULL), VALGRAD_OK);
        assert_same(tensor_item(none), 0);
        Tensor *all = tensor_cross_entropy_smoothed(even, 1, 1, (int64_t[]){0});
        assert_status(tensor_backward(all, NULL), VALGRAD_OK);
        assert_same(tensor_item(all), 1000);
        for (int i = 0; i < 3; i++)
            assert_same(value_grad(tensor_at(x, i)), 0);
        assert_same(value_grad(tensor_at(even, 0)), 0.5);
        assert_same(value_grad(tensor_at(even, 1)), -0.5);
        assert_same(tensor_item(tensor_cross_entropy_smoothed(x, (real)0.1, 1, (int64_t[]){0})),
                    inf);
        assert_fails(tensor_cross_entropy_smoothed(x, 2, 1, (int64_t[]){0}), VALGRAD_ERROR_ARGUMENT,
                     "tensor_cross_entropy_smoothed: smoothing 2; expected 0 to 1");
        assert_fails(tensor_cross_entropy_smoothed(x, (real)NAN, 1, (int64_t[]){0}),
                     VALGRAD_ERROR_ARGUMENT,
                     "tensor_cross_entropy_smoothed: smoothing nan; expected 0 to 1");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_expansions");
    TCase *tests = new_case(suite, "expansions", 60);
    tcase_add_loop_test(tests, in_every_form_and_place, 0, COUNT(cases));
    tests = new_case(suite, "dropout", 10);
    tcase_add_test(tests, dropout_keeps_the_mean);
    tcase_add_test(tests, dropped_elements_count_for_nothing);
    tcase_add_test(tests, dropout_is_for_training);
    tests = new_case(suite, "losses", 10);
    tcase_add_test(tests, smoothing_at_its_ends);
    return run_suite(suite);
}
