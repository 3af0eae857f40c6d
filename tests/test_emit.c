/* test_emit.c - generated C, compiled and called, against the graphs that it was made of. */
#include <dlfcn.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include <valgrad/program.h>

#include "tensor_operations.h"
#include "twice.h"

#ifdef VALGRAD_FLOAT
#define ULPS 1e-4
#else
#define ULPS 1e-11
#endif

enum { INPUTS = 6, MOST_INPUTS = 4000, MOST_ROOM = 200000 };

/* ---- compiling ---------------------------------------------------------------------------------- */

typedef void Function(const real *in, real *out, real *din, real *room);

/* What was written, compiled as C99 with all warnings as errors, and loaded. */
typedef struct Compiled {
    char folder[64], text[1 << 16];
    void *library;
    Function *call;
} Compiled;

static void path_in(const Compiled *compiled, const char *name, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", compiled->folder, name);
}

static FILE *open_source(Compiled *compiled)
{
    char path[128];
    (void)snprintf(compiled->folder, sizeof compiled->folder, "/tmp/valgrad-emit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(compiled->folder));
    path_in(compiled, "made.c", path);
    FILE *file = fopen(path, "w+");
    ck_assert_ptr_nonnull(file);
    return file;
}

/* Closes the file, keeps the beginning of its text, and compiles it. */
static void compile(Compiled *compiled, FILE *file)
{
    char command[512], path[128];
    rewind(file);
    compiled->text[fread(compiled->text, 1, sizeof compiled->text - 1, file)] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    (void)snprintf(
        command, sizeof command,
        "cd %s && '%s' -std=c99 -D_DEFAULT_SOURCE -Wall -Wextra -Wpedantic -Werror -O1 -fPIC "
        "-shared made.c -o made.so -lm",
        compiled->folder, TEST_COMPILER);
    ck_assert_msg(system(command) == 0, "%s", compiled->text);
    path_in(compiled, "made.so", path);
    compiled->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(compiled->library != NULL, "%s", dlerror());
    *(void **)&compiled->call = dlsym(compiled->library, "made");
    ck_assert(compiled->call != NULL);
    ck_assert_int_eq(remove(path), 0);
    path_in(compiled, "made.c", path);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(rmdir(compiled->folder), 0);
}

/* The number that the text says of made_room. */
static size_t room_of(const Compiled *compiled)
{
    const char *at = strstr(compiled->text, "made_room = ");
    ck_assert_ptr_nonnull(at);
    return strtoul(at + sizeof "made_room = " - 1, NULL, 10);
}

static size_t lines_of(const Compiled *compiled)
{
    size_t lines = 0;
    for (const char *c = compiled->text; *c; c++)
        lines += *c == '\n';
    return lines;
}

static void assert_alike(real actual, real expected, const char *what, size_t i)
{
    ck_assert_msg(same((double)actual, (double)expected) ||
                      fabs((double)(actual - expected)) <= ULPS * fmax(10, fabs((double)expected)),
                  "%s %d is %.17g, not %.17g", what, (int)i, (double)actual, (double)expected);
}

/* ---- scalar graphs ------------------------------------------------------------------------------ */

typedef Value *Model(Value *const *x);

static Value *formula(Value *const *x)
{
    Value *a = value_tanh(value_add(value_mul(x[0], x[1]), x[2])),
          *b = value_sub(x[3], value_neg(x[4]));
    value_set_label(a, "bend */ \n%s");
    return value_add(value_div(a, value_add(value_square(b), value_const(1))),
                     value_leaky_relu(x[5], (real)0.1));
}

/* A network of two layers on some samples. */
static Value *network(Value *const *x)
{
    enum { WIDTH = 5, SAMPLES = 7 };
    Value *losses[SAMPLES];
    for (int s = 0; s < SAMPLES; s++) {
        Value *input = value_const((real)(s * s % 5)), *hidden[WIDTH], *score = x[0];
        for (int i = 0; i < WIDTH; i++)
            hidden[i] = value_relu(value_add(value_mul(x[i], input), x[i + 1]));
        for (int i = 0; i < WIDTH; i++)
            score = value_add(score, value_mul(x[1 + i], hidden[i]));
        losses[s] = value_square(value_sub(score, value_const((real)s)));
    }
    return value_sum(SAMPLES, losses);
}

static Value *nothing_to_fold(Value *const *x)
{
    Value *parts[] = {value_max(x[0], x[1]), value_where(x[2], x[3], x[4]), value_exp(x[5]),
                      value_sum(3, (Value *[]){x[0], x[3], x[4]}), value_sin(x[1])};
    return value_dot(2, parts, parts + 2);
}

/* The root is an input; so is a second use of it. */
static Value *only_an_input(Value *const *x)
{
    return x[3];
}

/* Factors that C writes by name, lists in which not every operand takes part, and one read backwards. */
static Value *odd_lists(Value *const *x)
{
    Value *bound = value_min(value_max(x[0], value_const(-INFINITY)), value_const(INFINITY));
    Value *never = value_where(value_const(0), value_add(x[1], value_const(NAN)), x[1]);
    Value *fixed = value_const(2), *some[] = {x[0], fixed, x[2], x[5], fixed, x[1]};
    Value *back[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        back[i] = x[INPUTS - 1 - i];
    Value *parts[] = {value_dot(INPUTS, some, x),
                      value_dot(INPUTS, x, back),
                      value_sum(INPUTS, some),
                      value_reduce_max(INPUTS, some),
                      bound,
                      never};
    return value_sum(COUNT(parts), parts);
}

static Model *const models[] = {formula, network, nothing_to_fold, only_an_input, odd_lists};

static void leaves_of(const real numbers[INPUTS], Value *x[INPUTS])
{
    for (int i = 0; i < INPUTS; i++)
        x[i] = value_leaf(numbers[i]);
}

static void emit_model(Model *model, Compiled *compiled)
{
    FILE *file = open_source(compiled);
    VALGRAD_SCOPE {
        Value *x[INPUTS];
        leaves_of((real[]){1, 2, -1, (real)0.5, -2, 3}, x);
        value_set_label(x[1], "second");
        Value *root = model(x);
        assert_status(value_emit_c("made", 1, &root, INPUTS, x, file), VALGRAD_OK);
    }
    compile(compiled, file);
}

static Compiled compiled;
static real room[MOST_ROOM];

START_TEST(scalar_graphs)
{
    Random random = random_seeded(3);
    emit_model(models[_i], &compiled);
    ck_assert_uint_le(room_of(&compiled), MOST_ROOM);
    ck_assert_ptr_nonnull(strstr(compiled.text, "in[1]: second\n"));
    for (int turn = 0; turn < 20; turn++) {
        real numbers[INPUTS], result, gradient[INPUTS];
        for (int i = 0; i < INPUTS; i++)
            numbers[i] = turn ? random_uniform(&random, -2, 2) : 0;
        compiled.call(numbers, &result, gradient, room);
        VALGRAD_SCOPE {
            Value *x[INPUTS];
            leaves_of(numbers, x);
            Value *root = models[_i](x);
            assert_status(value_backward(root), VALGRAD_OK);
            assert_alike(result, value_data(root), "result", 0);
            for (size_t i = 0; i < INPUTS; i++)
                assert_alike(gradient[i], value_grad(x[i]), "derivative", i);
        }
        real alone;
        compiled.call(numbers, &alone, NULL, room);
        assert_same(alone, result);
    }
    dlclose(compiled.library);
}
END_TEST

START_TEST(repetitions_are_loops)
{
    emit_model(network, &compiled);
    ck_assert_ptr_nonnull(strstr(compiled.text, "for (int j = 0; j < 5; j++)"));
    ck_assert_uint_lt(lines_of(&compiled), 80);
    dlclose(compiled.library);
}
END_TEST

START_TEST(labels_and_formulas_stand_beside)
{
    emit_model(formula, &compiled);
    ck_assert_ptr_nonnull(strstr(compiled.text, "/* bend ?/ ?%s = tanh(x) */"));
    dlclose(compiled.library);
}
END_TEST

/* ---- every tensor operation, all in one function -------------------------------------------------- */

static Tensor *inputs[COUNT(tensor_operations) * MOST_OPERANDS];
static real in[MOST_INPUTS], out[MOST_INPUTS], din[MOST_INPUTS];

START_TEST(every_operation)
{
    Random random = random_seeded(5);
    FILE *file = open_source(&compiled);
    VALGRAD_SCOPE {
        size_t count = 0;
        int64_t size = 0;
        Tensor *results[COUNT(tensor_operations)];
        for (size_t k = 0; k < COUNT(tensor_operations); k++) {
            const TensorOperation *operation = &tensor_operations[k];
            for (int i = 0; i < operation->operand_count; i++) {
                real numbers[MOST];
                distinct_numbers(operation, i, &random, numbers);
                inputs[count + (size_t)i] = tensor_leaf(numbers, AS_SHAPE(operation->shapes[i]));
            }
            Tensor *result = operation->build(inputs + count);
            ck_assert_msg(result != NULL, "%s", valgrad_last_error());
            count += (size_t)operation->operand_count;
            results[k] = tensor_reshape(result, TENSOR_SHAPE(-1));
        }
        Tensor *all = tensor_concat((int)COUNT(results), results, 0);
        ck_assert_msg(all != NULL, "%s", valgrad_last_error());
        ck_assert_msg(tensor_emit_c("made", all, count, inputs, file) == VALGRAD_OK, "%s",
                      valgrad_last_error());
        compile(&compiled, file);
        for (size_t i = 0; i < count; size += tensor_size(inputs[i++])) {
            ck_assert_int_lt(size, MOST_INPUTS - 100);
            assert_status(tensor_get(inputs[i], tensor_size(inputs[i]), in + size), VALGRAD_OK);
        }
        ck_assert_uint_le(room_of(&compiled), MOST_ROOM);
        compiled.call(in, out, din, room);
        assert_status(tensor_backward(all, NULL), VALGRAD_OK);
        for (int64_t i = 0; i < tensor_size(all); i++)
            assert_alike(out[i], value_data(tensor_at(all, i)), "result", (size_t)i);
        size = 0;
        for (size_t i = 0; i < count; size += tensor_size(inputs[i++])) {
            for (int64_t j = 0; j < tensor_size(inputs[i]); j++)
                assert_alike(din[size + j], value_grad(tensor_at(inputs[i], j)), "derivative",
                             (size_t)(size + j));
        }
    }
    dlclose(compiled.library);
}
END_TEST

/* ---- what is asked wrongly ------------------------------------------------------------------------ */

START_TEST(wrong_arguments)
{
    FILE *file = tmpfile(), *full = fopen("/dev/full", "w");
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_square(x), *own = value_custom(&twice, 1, &x, NULL);
        Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *u = tensor_square(t);
        assert_refused(value_emit_c(NULL, 1, &y, 1, &x, file), VALGRAD_ERROR_NULL,
                       "value_emit_c: name is NULL");
        assert_refused(value_emit_c("made", 1, &y, 1, &x, NULL), VALGRAD_ERROR_NULL,
                       "value_emit_c: out is NULL");
        assert_refused(value_emit_c("made", 1, NULL, 1, &x, file), VALGRAD_ERROR_NULL,
                       "value_emit_c: root is NULL");
        assert_refused(value_emit_c("2nd", 1, &y, 1, &x, file), VALGRAD_ERROR_NAME,
                       "value_emit_c: '2nd' cannot be the name of the function");
        assert_refused(value_emit_c("a-b", 1, &y, 1, &x, file), VALGRAD_ERROR_NAME,
                       "value_emit_c: 'a-b' cannot be the name of the function");
        assert_refused(value_emit_c("sigmoid", 1, &y, 1, &x, file), VALGRAD_ERROR_NAME,
                       "value_emit_c: 'sigmoid' cannot be the name of the function");
        assert_refused(
            value_emit_c("made", 1, &y, 1, &y, file), VALGRAD_ERROR_ARGUMENT,
            "value_emit_c: an input is the result of square; expected a leaf or constant");
        assert_refused(
            value_emit_c("made", 1, &own, 1, &x, file), VALGRAD_ERROR_STATE,
            "value_emit_c: twice is an operation of the user's, of which there is no text");
        assert_refused(tensor_emit_c("made", NULL, 1, &t, file), VALGRAD_ERROR_NULL,
                       "tensor_emit_c: root is NULL");
        assert_refused(
            tensor_emit_c("made", u, 1, &u, file), VALGRAD_ERROR_ARGUMENT,
            "tensor_emit_c: an input is the result of square; expected a leaf or constant");
        if (full)
            assert_refused(value_emit_c("made", 1, &y, 1, &x, full), VALGRAD_ERROR_IO,
                           "value_emit_c: the file cannot be written");
    }
    ck_assert_int_eq(ftell(file), 0);
    fclose(file);
    if (full)
        fclose(full);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("emit");
    TCase *tests = new_case(suite, "emit", 60);
    tcase_add_loop_test(tests, scalar_graphs, 0, (int)COUNT(models));
    tcase_add_test(tests, repetitions_are_loops);
    tcase_add_test(tests, labels_and_formulas_stand_beside);
    tcase_add_test(tests, every_operation);
    tcase_add_test(tests, wrong_arguments);
    return run_suite(suite);
}
