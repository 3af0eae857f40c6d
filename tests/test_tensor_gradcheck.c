/* test_tensor_gradcheck.c - the gradient of every tensor operation against central differences of
 * its value: the whole Jacobian, on small shapes. */
#include <ctype.h>

#include "tensor_operations.h"

/* ---- no operation is forgotten ------------------------------------------------------------------ */

/* Functions of tensor.h that make or hand on a Tensor and are no differentiable operation. */
static const char *const others[] = {
    "tensor_made_at", "tensor_leaf",    "tensor_const",  "tensor_param",  "tensor_zeros",
    "tensor_full",    "tensor_uniform", "tensor_normal", "tensor_detach", "tensor_retain",
    "tensor_one_hot",
};

/* tensor.h of the tree that this file is in. */
static FILE *open_header(void)
{
    char path[4096];
    const char *slash = strrchr(__FILE__, '/');
    const int folder = slash ? (int)(slash - __FILE__) + 1 : 0;
    (void)snprintf(path, sizeof path, "%.*s../include/valgrad/tensor.h", folder, __FILE__);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    return file;
}

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < COUNT(others); i++) {
        if (strcmp(others[i], name) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(tensor_operations); i++) {
        if (strcmp(tensor_operations[i].function, name) == 0)
            return true;
    }
    return false;
}

START_TEST(every_operation_of_the_header_has_an_entry)
{
    static const char start[] = "VALGRAD_API Tensor *";
    FILE *header = open_header();
    char line[512], name[128];
    int count = 0;
    while (fgets(line, sizeof line, header)) {
        if (strncmp(line, start, sizeof start - 1) != 0)
            continue;
        size_t length = 0;
        for (const char *c = line + sizeof start - 1; isalnum((unsigned char)*c) || *c == '_'; c++)
            name[length++] = *c;
        name[length] = '\0';
        ck_assert_msg(is_listed(name), "%s has no entry in tensor_operations.h: add one", name);
        count++;
    }
    ck_assert_int_eq(ferror(header), 0);
    fclose(header);
    ck_assert_int_gt(count, (int)COUNT(others));
}
END_TEST

START_TEST(every_element_wise_operation_of_the_table_has_an_entry)
{
    for (size_t i = 0; value_op_row(i); i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "tensor_%s", value_op_row(i)->name);
        ck_assert_msg(is_listed(name), "%s has no entry in tensor_operations.h: add one", name);
    }
}
END_TEST

/* ---- differences -------------------------------------------------------------------------------- */

enum { MOST_NUMBERS = 64 };

typedef struct Point {
    const TensorOperation *operation;
    real numbers[MOST_OPERANDS][MOST_NUMBERS];
} Point;

static void draw_point(const TensorOperation *operation, Random *random, Point *point)
{
    point->operation = operation;
    for (int i = 0; i < operation->operand_count; i++) {
        real numbers[MOST];
        ck_assert_int_le(size_of(operation->shapes[i]), MOST_NUMBERS);
        distinct_numbers(operation, i, random, numbers);
        memcpy(point->numbers[i], numbers, sizeof point->numbers[i]);
    }
}

/* The operation's numbers at the point, without a graph. Returns how many. */
static int64_t value_at(const Point *point, real out[MOST_NUMBERS])
{
    int64_t n = 0;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE {
            Tensor *x[MOST_OPERANDS];
            for (int i = 0; i < point->operation->operand_count; i++)
                x[i] = tensor_const(point->numbers[i], AS_SHAPE(point->operation->shapes[i]));
            Tensor *result = point->operation->build(x);
            ck_assert_msg(result != NULL, "%s", valgrad_last_error());
            n = tensor_size(result);
            ck_assert_int_le(n, MOST_NUMBERS);
            assert_status(tensor_get(result, n, out), VALGRAD_OK);
        }
    return n;
}

/* d result / d (number j of operand i), by the central difference of fourth order, whose best step
 * is the fifth root of epsilon. */
static void column_by_difference(Point *point, int i, int64_t j, double column[MOST_NUMBERS])
{
    static const double steps[] = {-2, -1, 1, 2};
    const real at = point->numbers[i][j];
    const real h = (real)(pow((double)REAL_EPSILON, 0.2) * 0.3);
    real moved[4], v[4][MOST_NUMBERS];
    int64_t n = 0;
    for (int k = 0; k < 4; k++) {
        moved[k] = at + (real)steps[k] * h;
        point->numbers[i][j] = moved[k];
        n = value_at(point, v[k]);
    }
    point->numbers[i][j] = at;
    const double step = ((double)moved[3] - (double)moved[0]) / 4; /* as rounded */
    for (int64_t k = 0; k < n; k++)
        column[k] =
            (8 * ((double)v[2][k] - (double)v[1][k]) - ((double)v[3][k] - (double)v[0][k])) /
            (12 * step);
}

/* d (element k of result) / d each number of the operands, by backward. */
static void row_by_backward(const Point *point, int64_t k, real row[MOST_OPERANDS][MOST_NUMBERS])
{
    const int count = point->operation->operand_count;
    VALGRAD_SCOPE {
        Tensor *x[MOST_OPERANDS];
        for (int i = 0; i < count; i++)
            x[i] = tensor_leaf(point->numbers[i], AS_SHAPE(point->operation->shapes[i]));
        Tensor *result = point->operation->build(x);
        ck_assert_msg(result != NULL, "%s", valgrad_last_error());
        real seed[MOST_NUMBERS] = {0};
        seed[k] = 1;
        assert_status(
            tensor_backward(result, tensor_const(seed, tensor_rank(result), tensor_shape(result))),
            VALGRAD_OK);
        for (int i = 0; i < count; i++)
            assert_status(tensor_get_grad(x[i], tensor_size(x[i]), row[i]), VALGRAD_OK);
    }
}

#ifdef VALGRAD_FLOAT
static const double difference_tolerance = 2e-3;
#else
static const double difference_tolerance = 2e-10;
#endif

static void check_jacobian(Point *point)
{
    real out[MOST_NUMBERS];
    const int64_t n = value_at(point, out);
    static real jacobian[MOST_NUMBERS][MOST_OPERANDS][MOST_NUMBERS];
    for (int64_t k = 0; k < n; k++)
        row_by_backward(point, k, jacobian[k]);
    for (int i = 0; i < point->operation->operand_count; i++) {
        for (int64_t j = 0; j < size_of(point->operation->shapes[i]); j++) {
            double column[MOST_NUMBERS];
            column_by_difference(point, i, j, column);
            for (int64_t k = 0; k < n; k++) {
                const double actual = (double)jacobian[k][i][j];
                ck_assert_msg(fabs(actual - column[k]) <=
                                  difference_tolerance * fmax(1, fabs(column[k])),
                              "%s: d result[%d] / d operand %d [%d] is %.17g, by difference %.17g",
                              point->operation->function, (int)k, i, (int)j, actual, column[k]);
            }
        }
    }
}

/* From its name, so that an entry more leaves the points of others where they are: away from kinks. */
static uint64_t seed_of(const TensorOperation *operation)
{
    uint64_t seed = 3;
    for (const char *c = operation->function; *c; c++)
        seed = 31 * seed + (unsigned char)*c;
    return seed;
}

START_TEST(jacobian_is_the_central_difference)
{
    Random random = random_seeded(seed_of(&tensor_operations[_i]));
    for (int i = 0; i < 5; i++) {
        Point point;
        draw_point(&tensor_operations[_i], &random, &point);
        check_jacobian(&point);
    }
}
END_TEST

/* ---- contributions add up ------------------------------------------------------------------------ */

/* The operands' gradients, one after the other. Returns their number. */
static int64_t read_gradients(const TensorOperation *operation, Tensor *const *x, real *out)
{
    int64_t n = 0;
    for (int i = 0; i < operation->operand_count; n += tensor_size(x[i++]))
        assert_status(tensor_get_grad(x[i], tensor_size(x[i]), out + n), VALGRAD_OK);
    return n;
}

static void assert_twice(const TensorOperation *operation, int64_t n, const real *twice,
                         const real *once)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)twice[i] - 2 * (double)once[i]) <=
                          4 * (double)REAL_EPSILON * fmax(1, fabs((double)once[i])),
                      "%s: gradient %d is %.17g once and %.17g twice", operation->function, (int)i,
                      (double)once[i], (double)twice[i]);
}

/* In leaves: the gradients of two passes. In results: of two that were made of them. */
START_TEST(contributions_add_up)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded(1);
    real once[MOST], twice[MOST];
    Point point;
    draw_point(operation, &random, &point);
    VALGRAD_SCOPE {
        Tensor *x[MOST_OPERANDS], *inner[MOST_OPERANDS];
        for (int i = 0; i < operation->operand_count; i++) {
            x[i] = tensor_leaf(point.numbers[i], AS_SHAPE(operation->shapes[i]));
            inner[i] = tensor_neg(tensor_neg(x[i]));
        }
        assert_status(tensor_backward(operation->build(x), NULL), VALGRAD_OK);
        const int64_t n = read_gradients(operation, x, once);
        assert_status(tensor_backward(operation->build(x), NULL), VALGRAD_OK);
        read_gradients(operation, x, twice);
        assert_twice(operation, n, twice, once);
        Tensor *both = tensor_add(operation->build(inner), operation->build(inner));
        assert_status(tensor_backward(both, NULL), VALGRAD_OK);
        read_gradients(operation, inner, twice);
        assert_twice(operation, n, twice, once);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_gradcheck");
    TCase *tests = new_case(suite, "entries", 4);
    tcase_add_test(tests, every_operation_of_the_header_has_an_entry);
    tcase_add_test(tests, every_element_wise_operation_of_the_table_has_an_entry);
    tests = new_case(suite, "jacobians", 30);
    tcase_add_loop_test(tests, jacobian_is_the_central_difference, 0, COUNT(tensor_operations));
    tcase_add_loop_test(tests, contributions_add_up, 0, COUNT(tensor_operations));
    return run_suite(suite);
}
