/* ops_page.c - writes docs/ops.md: every operation, what is promised at its kinks, and how well each witness
 * agrees with it, measured while the page is written.
 *
 *     ops_page            writes the page to standard output
 *     ops_page FILE       fails if FILE is not that page
 *
 * Measured errors are told as bounds with room to spare, so that the page is the same on every machine. */
#include <stdio.h>

#include <valgrad/derivatives.h>
#include <valgrad/gradcheck.h>

#include "mutation.h"
#include "tensor_operations.h"
#include "witness.h"

enum { POINTS = 200 };

static FILE *page;

/* ---- what peers say ------------------------------------------------------------------------------ */

typedef struct Said {
    const char *op;
    double at[3], partials[3];
    const char *reason; /* why ours are others, or NULL */
} Said;

static const Said pytorch[] = {
#define SAME(op, x, y, z, p, f, dx, dy, dz) {#op, {x, y, z}, {dx, dy, dz}, NULL},
#define OTHER(op, x, y, z, p, f, dx, dy, dz, reason) {#op, {x, y, z}, {dx, dy, dz}, reason},
#define ABSENT(op)
#include "oracle/pytorch.inc"
#undef SAME
#undef OTHER
#undef ABSENT
};

static const Said jax[] = {
#define JAX(op, x, y, z, dx, dy, dz) {#op, {x, y, z}, {dx, dy, dz}, NULL},
#include "oracle/jax.inc"
#undef JAX
};

/* Of tensor operations: through which entry, and the same. */
static const struct {
    Build *build;
    const char *reason;
} pytorch_tensors[] = {
#define CASE(entry, count, shapes, numbers, seed, result, gradients, reason)                       \
    {build_##entry, reason},
#define ABSENT(...)
#include "oracle/pytorch_tensors.inc"
#undef CASE
#undef ABSENT
};

static const Said *find(const Said *said, size_t n, const char *op, const double at[3])
{
    for (size_t i = 0; i < n; i++) {
        bool alike = strcmp(said[i].op, op) == 0;
        for (int k = 0; k < 3; k++)
            alike = alike && same(said[i].at[k], at[k]) && signbit(said[i].at[k]) == signbit(at[k]);
        if (alike)
            return &said[i];
    }
    return NULL;
}

static bool has(const Said *said, size_t n, const char *op)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(said[i].op, op) == 0)
            return true;
    }
    return false;
}

/* ---- words --------------------------------------------------------------------------------------- */

static void number(double x)
{
    if (isnan(x))
        (void)fputs("NaN", page);
    else if (isinf(x))
        (void)fputs(x > 0 ? "∞" : "−∞", page);
    else
        (void)fprintf(page, "%.6g", x);
}

static void numbers(int n, const double *x)
{
    for (int i = 0; i < n; i++) {
        (void)fputs(i ? ", " : "", page);
        number(x[i]);
    }
}

/* A formula in a cell of a table, in which a bar must not end the cell. */
static void code(const char *text)
{
    (void)fputc('`', page);
    for (; *text; text++) {
        if (*text == '|')
            (void)fputc('\\', page);
        (void)fputc(*text, page);
    }
    (void)fputc('`', page);
}

static void bound(double error)
{
    static const double bounds[] = {1e-14, 1e-13, 1e-12, 1e-11, 1e-10,
                                    1e-9,  1e-8,  1e-7,  1e-6,  1e-5};
    for (size_t i = 0; i < COUNT(bounds); i++) {
        if (4 * error <= bounds[i]) {
            (void)fprintf(page, " | %.0e", bounds[i]);
            return;
        }
    }
    (void)fputs(" | **more than 1e-5**", page);
}

/* ---- what is measured ---------------------------------------------------------------------------- */

typedef struct Errors {
    double gradcheck, value, gradient, forward, second;
} Errors;

/* Of the comparison that was the worst by gradcheck's measure. */
static double gradcheck_error(ValgradStatus status, const GradcheckReport *report)
{
    assert_status(status, VALGRAD_OK);
    return report->error / fmax(1e-3, fabs(report->numeric));
}

static double forward_mode_error(Value *root, size_t n, Value *const *x, const real *along)
{
    real jvp = 0;
    double sum = 0, size = 1e-3;
    for (size_t k = 0; k < n; k++) {
        const double part = (double)along[k] * (double)value_grad(x[k]);
        sum += part;
        size += fabs(part);
    }
    assert_status(value_jvp(1, &root, n, x, along, &jvp), VALGRAD_OK);
    return fabs((double)jvp - sum) / size;
}

static double second_order_error(const char *what, Value *root, size_t n, Value *const *x,
                                 const real *along)
{
    real product[MUTATION_MOST];
    assert_status(value_hvp(root, n, x, along, product), VALGRAD_OK);
    Witness w = witness_along(what, 1, &root, (real[]){1}, n, x, along);
    const double error = witness_error(&w, product);
    witness_free(&w);
    return error;
}

/* The weighed results, or the one that there is. */
static Value *root_of(const Subject *subject, Random *random)
{
    Value *weights[MUTATION_MOST];
    for (size_t i = 0; i < subject->result_count; i++)
        weights[i] = value_const(random_uniform(random, (real)0.5, 1));
    return subject->result_count == 1 ? subject->results[0]
                                      : value_dot(subject->result_count, weights, subject->results);
}

/* By all witnesses but gradcheck. */
static void measure(const char *what, const Subject *subject, Random *random, Errors *worst)
{
    const size_t n = subject->input_count;
    real along[MUTATION_MOST];
    for (size_t k = 0; k < n; k++)
        along[k] = random_uniform(random, (real)0.5, 1);
    Value *root = root_of(subject, random);
    assert_status(value_backward(root), VALGRAD_OK);
    Witness w = witness_new(what, 1, &root, (real[]){1}, n, subject->inputs);
    worst->value = fmax(worst->value, witness_value_error(&w));
    worst->gradient = fmax(worst->gradient, witness_gradient_error(&w));
    witness_free(&w);
    worst->forward = fmax(worst->forward, forward_mode_error(root, n, subject->inputs, along));
    worst->second = fmax(worst->second, second_order_error(what, root, n, subject->inputs, along));
}

static void write_errors(const Errors *worst)
{
    bound(worst->gradcheck);
    bound(worst->value);
    bound(worst->gradient);
    bound(worst->forward);
    bound(worst->second);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

typedef struct Row {
    size_t i;
    real p;
} Row;

static Value *call_row(Value *const *x, void *row)
{
    return apply_row(((const Row *)row)->i, x, ((const Row *)row)->p);
}

static Errors measure_row(size_t i)
{
    const ValueOpInfo *row = value_op_row(i);
    Errors worst = {0};
    Random random = random_seeded(i);
    for (int point = 0; point < POINTS; point++) {
        VALGRAD_SCOPE {
            Subject subject = {.result_count = 1, .input_count = (size_t)row->arity};
            GradcheckReport report;
            for (int k = 0; k < row->arity; k++)
                subject.inputs[k] = value_leaf(
                    random_uniform(&random, (real)row->domain[k][0], (real)row->domain[k][1]));
            Row at = {i, random_uniform(&random, (real)0.05, (real)0.95)};
            const ValgradStatus status =
                value_gradcheck(call_row, &at, row->arity, subject.inputs, NULL, &report);
            worst.gradcheck = fmax(worst.gradcheck, gradcheck_error(status, &report));
            subject.results[0] = call_row(subject.inputs, &at);
            measure(row->name, &subject, &random, &worst);
        }
    }
    return worst;
}

static void write_share(int alike, int asked)
{
    if (asked)
        (void)fprintf(page, " | %d / %d", alike, asked);
    else
        (void)fputs(" | –", page);
}

static void write_pytorch(const char *op)
{
    int asked = 0, alike = 0;
    for (size_t i = 0; i < COUNT(pytorch); i++) {
        if (strcmp(pytorch[i].op, op) != 0)
            continue;
        asked++;
        alike += !pytorch[i].reason;
    }
    write_share(alike, asked);
}

static void write_score(MutationScore score, MutationScore *total)
{
    (void)fprintf(page, " | %d / %d |\n", score.killed, score.mutants);
    total->killed += score.killed;
    total->mutants += score.mutants;
}

static void write_row(size_t i, MutationScore *total)
{
    const ValueOpInfo *row = value_op_row(i);
    (void)fprintf(page, "| **%s** | ", row->name);
    code(row->formula);
    for (int k = 0; k < row->arity; k++) {
        (void)fputs(k ? "<br>" : " | ", page);
        code(row->partials[k]);
    }
    for (int k = 0; k < row->arity; k++) {
        (void)fprintf(page, "%s%g … %g", k ? "<br>" : " | ", row->domain[k][0], row->domain[k][1]);
    }
    const Errors worst = measure_row(i);
    write_errors(&worst);
    write_pytorch(row->name);
    write_score(mutation_of_row(i), total);
}

/* What one of them has at a kink, or a dash if it has no such operation. */
static void write_said(const Said *said, size_t n, const ValueOpInfo *row, const double at[3])
{
    const Said *there = find(said, n, row->name, at);
    ck_assert_msg(there || !has(said, n, row->name),
                  "a kink of %s is not in tests/oracle/*.inc: run the scripts there", row->name);
    (void)fputs(" | ", page);
    if (there)
        numbers(row->arity, there->partials);
    else
        (void)fputs("–", page);
}

static void write_kinks(const ValueOpInfo *row)
{
    for (int i = 0; i < row->kink_count; i++) {
        const ValueKink *kink = &row->kinks[i];
        const double at[3] = {kink->x, kink->y, kink->z}, ours[3] = {kink->dx, kink->dy, kink->dz};
        (void)fprintf(page, "| %s | ", row->name);
        numbers(row->arity, at);
        (void)fputs(" | ", page);
        numbers(row->arity, ours);
        write_said(pytorch, COUNT(pytorch), row, at);
        write_said(jax, COUNT(jax), row, at);
        (void)fputs(" |\n", page);
    }
}

/* ---- operations of many operands ------------------------------------------------------------------ */

typedef struct Many {
    const OfMany *operation;
    size_t n;
} Many;

static Value *call_many(Value *const *x, void *many)
{
    return ((const Many *)many)->operation->make(((const Many *)many)->n, x);
}

static void write_of_many(const OfMany *operation, MutationScore *total)
{
    Errors worst = {0};
    Random random = random_seeded(2);
    for (size_t n = 3; n < 12; n += 2) {
        VALGRAD_SCOPE {
            Subject subject = {.result_count = 1, .input_count = n};
            Many many = {operation, n};
            GradcheckReport report;
            for (size_t k = 0; k < n; k++)
                subject.inputs[k] = value_leaf(random_uniform(&random, (real)0.3, 2));
            const ValgradStatus status =
                value_gradcheck(call_many, &many, (int)n, subject.inputs, NULL, &report);
            worst.gradcheck = fmax(worst.gradcheck, gradcheck_error(status, &report));
            subject.results[0] = call_many(subject.inputs, &many);
            measure(operation->name, &subject, &random, &worst);
        }
    }
    (void)fprintf(page, "| **%s**", operation->name + strlen("value_"));
    write_errors(&worst);
    write_score(mutation_of_many(operation), total);
}

/* ---- tensor operations --------------------------------------------------------------------------- */

/* Leaves of the operation's shapes. */
static void draw_leaves(const TensorOperation *operation, Random *random, Tensor *x[MOST_OPERANDS])
{
    for (int i = 0; i < operation->operand_count; i++) {
        real numbers_there[MOST];
        distinct_numbers(operation, i, random, numbers_there);
        x[i] = tensor_leaf(numbers_there, AS_SHAPE(operation->shapes[i]));
    }
}

/* The operation on them. */
static void build_on(const TensorOperation *operation, Tensor *const *x, Subject *subject)
{
    Tensor *y = operation->build(x);
    ck_assert_msg(y != NULL, "%s: %s", operation->function, valgrad_last_error());
    subject->input_count = subject->result_count = 0;
    for (int i = 0; i < operation->operand_count; i++) {
        for (int64_t k = 0; k < tensor_size(x[i]); k++)
            subject->inputs[subject->input_count++] = tensor_at(x[i], k);
    }
    for (int64_t k = 0; k < tensor_size(y); k++)
        subject->results[subject->result_count++] = tensor_at(y, k);
}

static void build_subject(const void *operation, Random *random, Subject *subject)
{
    Tensor *x[MOST_OPERANDS];
    draw_leaves(operation, random, x);
    build_on(operation, x, subject);
}

static Tensor *call_tensors(Tensor *const *x, void *operation)
{
    return ((const TensorOperation *)operation)->build(x);
}

static void measure_tensors(const TensorOperation *operation, Errors *worst)
{
    Random random = random_seeded(3);
    VALGRAD_SCOPE {
        Tensor *x[MOST_OPERANDS];
        Subject subject;
        GradcheckReport report;
        draw_leaves(operation, &random, x);
        const ValgradStatus status = tensor_gradcheck(call_tensors, (void *)(uintptr_t)operation,
                                                      operation->operand_count, x, NULL, &report);
        worst->gradcheck = fmax(worst->gradcheck, gradcheck_error(status, &report));
        build_on(operation, x, &subject);
        measure(operation->function, &subject, &random, worst);
    }
}

static void write_pytorch_tensors(const char *function)
{
    int asked = 0, alike = 0;
    for (size_t i = 0; i < COUNT(tensor_operations); i++) {
        bool repeated = strcmp(tensor_operations[i].function, function) != 0;
        for (size_t k = 0; k < i; k++)
            repeated |= tensor_operations[k].build == tensor_operations[i].build;
        for (size_t k = 0; k < COUNT(pytorch_tensors) && !repeated; k++) {
            if (pytorch_tensors[k].build != tensor_operations[i].build)
                continue;
            asked++;
            alike += !pytorch_tensors[k].reason;
        }
    }
    write_share(alike, asked);
}

/* All entries of one function in one line; element-wise ones stand among the rows. */
static void write_tensor_function(size_t first, MutationScore *total)
{
    const char *function = tensor_operations[first].function;
    Errors worst = {0};
    MutationScore score = {0};
    for (size_t i = first; i < COUNT(tensor_operations); i++) {
        if (strcmp(tensor_operations[i].function, function) != 0)
            continue;
        measure_tensors(&tensor_operations[i], &worst);
        const MutationScore killed = mutation_score(function, build_subject, &tensor_operations[i]);
        score.killed += killed.killed;
        score.mutants += killed.mutants;
    }
    (void)fprintf(page, "| **%s**", function + strlen("tensor_"));
    write_errors(&worst);
    write_pytorch_tensors(function);
    if (score.mutants == 0)
        (void)fputs(" | moves pointers |\n", page);
    else
        write_score(score, total);
}

static bool is_first_entry(size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(tensor_operations[k].function, tensor_operations[i].function) == 0)
            return false;
    }
    return !value_op_find(tensor_operations[i].function + strlen("tensor_"));
}

/* ---- where PyTorch has others -------------------------------------------------------------------- */

typedef struct Difference {
    const char *operation, *reason;
} Difference;

static const char *function_of(Build *build)
{
    size_t i = 0;
    while (tensor_operations[i].build != build)
        i++;
    return tensor_operations[i].function;
}

static size_t list_differences(Difference *differences)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT(pytorch); i++) {
        if (pytorch[i].reason)
            differences[n++] = (Difference){pytorch[i].op, pytorch[i].reason};
    }
    for (size_t i = 0; i < COUNT(pytorch_tensors); i++) {
        if (pytorch_tensors[i].reason)
            differences[n++] = (Difference){function_of(pytorch_tensors[i].build), pytorch_tensors[i].reason};
    }
    return n;
}

/* Each reason once, with its operations. */
static void write_differences(void)
{
    static Difference differences[COUNT(pytorch) + COUNT(pytorch_tensors)];
    const size_t n = list_differences(differences);
    for (size_t i = 0; i < n; i++) {
        const char *reason = differences[i].reason, *last = "";
        bool told = false;
        for (size_t k = 0; k < i; k++)
            told |= strcmp(differences[k].reason, reason) == 0;
        for (size_t k = i; k < n && !told; k++) {
            if (strcmp(differences[k].reason, reason) != 0 || strcmp(differences[k].operation, last) == 0)
                continue;
            (void)fprintf(page, "%s%s", *last ? ", " : "| ", differences[k].operation);
            last = differences[k].operation;
        }
        if (!told)
            (void)fprintf(page, " | %s |\n", reason);
    }
}

/* ---- the page ------------------------------------------------------------------------------------ */

/* clang-format off: a line of these is one of the page. */
static const char introduction[] =
    "# Operations\n\n"
    "Written by `./run ops` from the op table (`autograd/ops.def`), and from a run of the tests' witnesses;\n"
    "a test fails when it is out of date.\n\n"
    "Each row is `value_<name>` and, element by element, `tensor_<name>`. Derivatives are written in the operands\n"
    "x, y, z, the constant p and the result f. *Sampled* is where tests draw their points.\n\n"
    "How far the library may be from each witness, relative to the number (or to 0.001 if that is more), at 200\n"
    "random points: *gradcheck* is what `gradcheck.h` measures, by central differences in double; *value*, *gradient*\n"
    "and *second* derivatives are from quadruple precision by formulas of its own, derivatives by central differences\n"
    "there; *forward* mode from backward. *PyTorch*: at how many points, among them infinity and NaN, value and\n"
    "derivatives are PyTorch 1.13's; why not at the others stands [below](#where-pytorch-has-others). *Mutants*: how\n"
    "many deliberate mistakes in what the operation passes on (scaled by 1 + 1e-9, sign flipped, dropped, written\n"
    "instead of added, swapped) the witness notices.\n\n"
    "| operation | formula | derivative | sampled | gradcheck | value | gradient | forward | second | PyTorch | mutants |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n";

static const char about_kinks[] =
    "\n## At kinks, poles and limits\n\n"
    "At a kink of a convex function ours is the subgradient of least size, at a pole the one-sided limit, outside\n"
    "the domain NaN; NaN in gives NaN out. PyTorch's (1.13) are measured. JAX's (0.11) follow from the rules in its\n"
    "source, by `tests/oracle/jax.py`; JAX itself was not run. –: there is no such function.\n\n"
    "| operation | at | ours | PyTorch | JAX |\n|---|---|---|---|---|\n";

static const char about_many[] =
    "\n## Scalar operations of many operands\n\n"
    "One node each, of up to eleven operands here.\n\n"
    "| operation | gradcheck | value | gradient | forward | second | mutants |\n|---|---|---|---|---|---|---|\n";

static const char about_tensors[] =
    "\n## Tensor operations\n\n"
    "Besides the element-wise ones above: the worst of all entries in `tests/tensor_operations.h`.\n\n"
    "| operation | gradcheck | value | gradient | forward | second | PyTorch | mutants |\n"
    "|---|---|---|---|---|---|---|---|\n";

static const char about_differences[] =
    "\n## Where PyTorch has others\n\n"
    "Points at which values or derivatives are not PyTorch's, and why ours are what they are.\n\n"
    "| operations | why |\n|---|---|\n";
/* clang-format on */

START_TEST(write_page)
{
    MutationScore total = {0};
    (void)fputs(introduction, page);
    for (size_t i = 0; i < row_count(); i++)
        write_row(i, &total);
    (void)fputs(about_kinks, page);
    for (size_t i = 0; i < row_count(); i++)
        write_kinks(value_op_row(i));
    (void)fputs(about_many, page);
    for (size_t i = 0; of_many(i); i++)
        write_of_many(of_many(i), &total);
    (void)fputs(about_tensors, page);
    for (size_t i = 0; i < COUNT(tensor_operations); i++) {
        if (is_first_entry(i))
            write_tensor_function(i, &total);
    }
    (void)fputs(about_differences, page);
    write_differences();
    (void)fprintf(page, "\nMutants killed: %d / %d.\n", total.killed, total.mutants);
}
END_TEST

/* The witnesses are written for tests, and fail as these do. */
static bool write_as_a_test(void)
{
    Suite *suite = suite_create("page");
    tcase_add_test(new_case(suite, "page", 600), write_page);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    const bool done = srunner_ntests_failed(runner) == 0;
    if (!done)
        srunner_print(runner, CK_NORMAL);
    srunner_free(runner);
    return done && !ferror(page);
}

/* Whether the file at path is what was written; if not, says where they part. */
static bool is_up_to_date(const char *path)
{
    char ours[2048], theirs[2048];
    FILE *file = fopen(path, "r");
    bool alike = file != NULL;
    rewind(page);
    while (alike && fgets(ours, sizeof ours, page)) {
        alike = fgets(theirs, sizeof theirs, file) && strcmp(ours, theirs) == 0;
        if (!alike)
            (void)printf("this line is to be: %s", ours);
    }
    alike = alike && fgetc(file) == EOF;
    if (file)
        (void)fclose(file);
    return alike;
}

int main(int argc, char **argv)
{
    if (!witness_is_there() || sizeof(real) == sizeof(float))
        return puts("skipped: the page tells what is measured in double, beside quadruple "
                    "precision"),
               77;
    page = argc > 1 ? tmpfile() : stdout;
    if (!page)
        return perror("ops_page"), EXIT_FAILURE;
    if (!write_as_a_test())
        return EXIT_FAILURE;
    if (argc == 1 || is_up_to_date(argv[1]))
        return EXIT_SUCCESS;
    (void)printf("%s is out of date: ./run ops writes it anew\n", argv[1]);
    return EXIT_FAILURE;
}
