/* gradcheck.c - the derivatives that backward gives against differences of what forward gives: one input
 * moved after the other, or all of them in random directions. What is a difference, line.c tells. */
#include <math.h>
#include <string.h>

#include <valgrad/gradcheck.h>

#include "inspect/inspect_internal.h"
#include "inspect/line.h"

/* ---- the function under test ------------------------------------------------------------------- */

typedef struct Check {
    const char *function; /* for errors */
    TensorFunction *f;
    void *context;
    int n;
    Tensor *const *x;
    GradcheckOptions options;
    GradcheckReport *report;
    int64_t inputs, outputs; /* numbers in those x that want a gradient, and in f's result */
    Shape shape;             /* of the result */
    real *start;             /* inputs: the numbers at which f is checked, */
    real *moved;             /* and others beside them */
    real *values[PLACES];    /* outputs each */
    real *gradient;          /* inputs */
    real *jacobian;          /* outputs rows of inputs, or NULL */
    real *seed, *direction;  /* outputs; inputs */
} Check;

/* A buffer of n numbers, or NULL and an error. */
static real *take(const Check *check, int64_t n)
{
    real *numbers = inspect__take((size_t)n, sizeof *numbers);
    if (!numbers)
        error__memory(check->function, 0);
    return numbers;
}

static bool set_inputs(const Check *check, const real *numbers)
{
    for (int i = 0; i < check->n; i++) {
        if (!tensor_wants_grad(check->x[i]))
            continue;
        if (tensor_set(check->x[i], tensor_size(check->x[i]), numbers) != VALGRAD_OK)
            return false;
        numbers += tensor_size(check->x[i]);
    }
    return true;
}

static void zero_gradients(const Check *check)
{
    for (int i = 0; i < check->n; i++)
        tensor_zero_grad(check->x[i]);
}

static void read_gradients(const Check *check, real *out)
{
    for (int i = 0; i < check->n; i++) {
        if (!tensor_wants_grad(check->x[i]))
            continue;
        (void)tensor_get_grad(check->x[i], tensor_size(check->x[i]), out);
        out += tensor_size(check->x[i]);
    }
}

static Tensor *call(const Check *check)
{
    Tensor *y = check->f(check->x, check->context);
    if (!y && valgrad_last_status() == VALGRAD_OK)
        error__set(VALGRAD_ERROR_NULL, "%s: the function under test returned NULL",
                   check->function);
    return y;
}

static bool same_shape(const Shape *a, const Tensor *t)
{
    return a->rank == t->rank &&
           memcmp(a->sides, t->shape, (size_t)a->rank * sizeof *a->sides) == 0;
}

/* f's numbers where its inputs are now, without a graph. */
static bool evaluate(const Check *check, real *out)
{
    bool done = false;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE {
            const Tensor *y = call(check);
            if (y && !same_shape(&check->shape, y))
                error__set(VALGRAD_ERROR_STATE,
                           "%s: the function's result has another shape the next time",
                           check->function);
            else if (y)
                done = tensor_get(y, check->outputs, out) == VALGRAD_OK;
        }
    return done;
}

/* f where the inputs are `moved` to, for places other than the middle. */
static bool evaluate_at(const Check *check, int place)
{
    return set_inputs(check, check->moved) && evaluate(check, check->values[place]);
}

/* One row of the Jacobian times seed: d (seed . y) / d inputs. */
static bool differentiate(const Check *check, Tensor *y, const real *seed, real *out)
{
    zero_gradients(check);
    bool done = !tensor_wants_grad(y);
    VALGRAD_SCOPE {
        const Tensor *weights = done ? NULL : tensor_const(seed, y->rank, y->shape);
        done = done || (weights && tensor_backward(y, weights) == VALGRAD_OK);
    }
    if (done)
        read_gradients(check, out);
    return done;
}

static bool fill_jacobian(const Check *check, Tensor *y)
{
    bool done = true;
    for (int64_t k = 0; k < check->outputs && done; k++) {
        check->seed[k] = 1;
        done = differentiate(check, y, check->seed, check->jacobian + k * check->inputs);
        check->seed[k] = 0;
    }
    return done;
}

/* ---- the report -------------------------------------------------------------------------------- */

/* How bad: by outcome, then by error in tolerances. What is not a number is as bad as can be. */
static bool worse(const Verdict *a, const GradcheckReport *report)
{
    if (report->compared == 0 || a->outcome != report->outcome)
        return report->compared == 0 || a->outcome < report->outcome;
    const double mine = a->error / a->tolerance, other = report->error / report->tolerance;
    return !isnan(other) && (isnan(mine) || mine > other);
}

/* Counts a verdict; true if it is the worst by now, whose place the caller then notes. */
static bool count(GradcheckReport *report, const Line *line, const Verdict *verdict)
{
    const bool worst = worse(verdict, report);
    report->compared++;
    report->failed += verdict->outcome == GRADCHECK_FAIL;
    report->inconclusive += verdict->outcome == GRADCHECK_INCONCLUSIVE;
    if (!worst)
        return false;
    report->outcome = verdict->outcome;
    report->number = line->at[MIDDLE];
    report->analytic = line->analytic;
    report->numeric = verdict->numeric;
    report->left = verdict->left;
    report->right = verdict->right;
    report->error = verdict->error;
    report->tolerance = verdict->tolerance;
    return true;
}

/* ---- whom to blame ----------------------------------------------------------------------------- */

static void set_op(GradcheckReport *report, const char *name)
{
    (void)snprintf(report->op, sizeof report->op, "%s", name);
}

/* Whether the partials of a node of the user's are the differences of its forward. x and partials have
 * room for its operands. */
static bool is_sound(const Check *check, const Value *v, real *x, real *partials)
{
    void *context;
    const ValueOp *op = nary__custom(v, &context);
    const size_t n = value_operand_count(v);
    for (size_t i = 0; i < n; i++)
        x[i] = number_of(value_operand(v, i));
    nary__partials(v, partials);
    for (size_t i = 0; i < n; i++) {
        const real at = x[i];
        Line line = {.analytic = (double)partials[i], .size = fabs((double)v->data)};
        for (int k = 0; k < PLACES; k++) {
            const double h = check->options.step * fmax(1, fabs((double)at));
            x[i] = at + (real)((k - MIDDLE) * h);
            line.at[k] = (double)x[i];
            line.f[k] = (double)op->forward(n, x, context);
        }
        x[i] = at;
        if (line__judge(&line, &check->options).outcome == GRADCHECK_FAIL)
            return false;
    }
    return true;
}

/* Names the first operation of the user's own that contradicts itself; otherwise the last operation. */
static void blame(const Check *check, Tensor *y, int64_t output)
{
    const Value *element = tensor_at(y, output);
    if (element)
        set_op(check->report, value_op_name(node_of(element)));
    GraphWalk *walk = graph_walk_tensor(y);
    for (size_t id = 0; id < graph_walk_count(walk); id++) {
        const Value *v = graph_walk_value(walk, id);
        if (!nary__is_custom(v))
            continue;
        real *x = inspect__take(value_operand_count(v) + 1, 2 * sizeof *x);
        const bool sound = !x || is_sound(check, v, x, x + value_operand_count(v));
        inspect__give(x);
        if (!sound) {
            set_op(check->report, value_op_name(v));
            break;
        }
    }
    graph_walk_free(walk);
}

/* ---- the whole Jacobian ------------------------------------------------------------------------ */

static void unravel(int64_t flat, int rank, const int64_t *sides, int64_t *index)
{
    for (int axis = rank - 1; axis >= 0; axis--) {
        index[axis] = flat % sides[axis];
        flat /= sides[axis];
    }
}

/* Where the worst comparison was: output and input are flat, the latter in the x of this number. */
static void note_place(const Check *check, int64_t output, int x, int64_t input)
{
    GradcheckReport *report = check->report;
    report->input = x;
    report->input_rank = check->x[x]->rank;
    report->output_rank = check->shape.rank;
    unravel(input, report->input_rank, check->x[x]->shape, report->input_index);
    unravel(output, report->output_rank, check->shape.sides, report->output_index);
}

/* One column: all outputs by input `flat`, which is number j of x[i]. *worst: the worst output so far. */
static bool check_column(const Check *check, int64_t flat, int i, int64_t j, int64_t *worst)
{
    const real at = check->start[flat];
    const double h = check->options.step * fmax(1, fabs((double)at));
    Line line;
    for (int place = 0; place < PLACES; place++) {
        check->moved[flat] = at + (real)((place - MIDDLE) * h);
        line.at[place] = (double)check->moved[flat];
        if (place != MIDDLE && !evaluate_at(check, place))
            return false;
    }
    check->moved[flat] = at;
    for (int64_t k = 0; k < check->outputs; k++) {
        for (int place = 0; place < PLACES; place++)
            line.f[place] = (double)check->values[place][k];
        line.analytic = (double)check->jacobian[k * check->inputs + flat];
        line.size = fabs(line.f[MIDDLE]);
        const Verdict verdict = line__judge(&line, &check->options);
        if (count(check->report, &line, &verdict)) {
            note_place(check, k, i, j);
            *worst = k;
        }
    }
    return true;
}

static bool check_columns(const Check *check, int64_t *worst)
{
    for (int64_t i = 0, flat = 0; i < check->n; i++) {
        const Tensor *x = check->x[i];
        for (int64_t j = 0; tensor_wants_grad(x) && j < x->size; j++) {
            if (!check_column(check, flat++, (int)i, j, worst))
                return false;
        }
    }
    return true;
}

/* ---- random projections ------------------------------------------------------------------------ */

/* v' J u by differences of f along u, weighed by v = seed, and by backward from v. */
static bool check_projection(const Check *check, Tensor *y, Random *random)
{
    const double h = check->options.step;
    for (int64_t k = 0; k < check->outputs; k++)
        check->seed[k] = random_uniform(random, -1, 1);
    for (int64_t i = 0; i < check->inputs; i++)
        check->direction[i] =
            random_uniform(random, -1, 1) * (real)fmax(1, fabs((double)check->start[i]));
    if (!differentiate(check, y, check->seed, check->gradient))
        return false;
    Line line = {.analytic = 0};
    for (int64_t i = 0; i < check->inputs; i++)
        line.analytic += (double)check->gradient[i] * (double)check->direction[i];
    for (int place = 0; place < PLACES; place++) {
        line.at[place] = (place - MIDDLE) * h;
        for (int64_t i = 0; i < check->inputs; i++)
            check->moved[i] = check->start[i] + (real)line.at[place] * check->direction[i];
        if (place != MIDDLE && !evaluate_at(check, place))
            return false;
        for (int64_t k = 0; k < check->outputs; k++)
            line.f[place] += (double)check->seed[k] * (double)check->values[place][k];
    }
    for (int64_t k = 0; k < check->outputs; k++)
        line.size += fabs((double)check->seed[k] * (double)check->values[MIDDLE][k]);
    const Verdict verdict = line__judge(&line, &check->options);
    (void)count(check->report, &line, &verdict);
    return true;
}

static bool check_projections(const Check *check)
{
    Random random = random_seeded(check->options.seed);
    bool done = true;
    for (int i = 0; i < check->options.projections && done; i++) {
        VALGRAD_SCOPE {
            Tensor *y = set_inputs(check, check->start) ? call(check) : NULL;
            done = y && check_projection(check, y, &random);
        }
    }
    return done;
}

/* ---- the check --------------------------------------------------------------------------------- */

static bool same_numbers(int64_t n, const real *a, const real *b)
{
    for (int64_t i = 0; i < n; i++) {
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
            return false;
    }
    return true;
}

/* The shape of f's result, its numbers in the middle, buffers for the rest. */
static bool prepare_outputs(Check *check, const Tensor *y)
{
    check->shape = shape__of(y);
    check->outputs = y->size;
    if (check->outputs == 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: the function's result has no elements",
                          check->function),
               false;
    for (int place = 0; place < PLACES; place++) {
        if (!(check->values[place] = take(check, check->outputs)))
            return false;
    }
    if (!(check->seed = take(check, check->outputs)))
        return false;
    /* Evaluated once more, into a place that is needed only later: it must be the same. */
    if (tensor_get(y, check->outputs, check->values[MIDDLE]) != VALGRAD_OK ||
        !evaluate(check, check->values[0]))
        return false;
    if (same_numbers(check->outputs, check->values[MIDDLE], check->values[0]))
        return true;
    error__set(VALGRAD_ERROR_STATE,
               "%s: the function gives other numbers for the same inputs the next time",
               check->function);
    return false;
}

/* The present numbers: what put_back() puts back. */
static bool note_start(Check *check)
{
    real *start = take(check, check->inputs), *at = start;
    for (int i = 0; start && i < check->n; i++) {
        if (!tensor_wants_grad(check->x[i]))
            continue;
        (void)tensor_get(check->x[i], tensor_size(check->x[i]), at);
        at += tensor_size(check->x[i]);
    }
    check->start = start;
    return start && set_inputs(check, start); /* which fails if they are not made of leaves */
}

static bool prepare_inputs(Check *check)
{
    for (int i = 0; i < check->n; i++)
        check->inputs += tensor_wants_grad(check->x[i]) ? tensor_size(check->x[i]) : 0;
    if (check->inputs == 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: no input wants a gradient: nothing to check",
                          check->function),
               false;
    check->moved = take(check, check->inputs);
    check->gradient = take(check, check->inputs);
    check->direction = take(check, check->inputs);
    if (!check->moved || !check->gradient || !check->direction || !note_start(check))
        return false;
    memcpy(check->moved, check->start, (size_t)check->inputs * sizeof *check->moved);
    return true;
}

static bool take_jacobian(Check *check)
{
    const size_t n = size_product((size_t)check->inputs, (size_t)check->outputs);
    if (n > (size_t)INT64_MAX)
        return error__memory(check->function, 0), false;
    return (check->jacobian = take(check, (int64_t)n)) != NULL;
}

/* In the scope of the graph that backward goes through. */
static bool run_whole(Check *check, Tensor *y)
{
    int64_t worst = 0;
    if (!take_jacobian(check) || !fill_jacobian(check, y) || !check_columns(check, &worst))
        return false;
    if (check->report->outcome != GRADCHECK_PASS) {
        /* The graph was built on numbers that were changed since: whom to blame is asked of it anew. */
        Tensor *again = set_inputs(check, check->start) ? call(check) : NULL;
        if (!again)
            return false;
        blame(check, again, worst);
    }
    return true;
}

static bool run(Check *check)
{
    bool done = false;
    VALGRAD_SCOPE {
        Tensor *y = prepare_inputs(check) ? call(check) : NULL;
        if (y && prepare_outputs(check, y))
            done = check->options.projections > 0 ? check_projections(check) : run_whole(check, y);
    }
    return done;
}

static void put_back(Check *check)
{
    zero_gradients(check);
    real *const buffers[] = {check->moved, check->gradient, check->jacobian, check->seed,
                             check->direction};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        inspect__give(buffers[i]);
    for (int place = 0; place < PLACES; place++)
        inspect__give(check->values[place]);
    if (check->start)
        (void)set_inputs(check, check->start);
    inspect__give(check->start);
}

static ValgradStatus verdict_of(const GradcheckReport *report)
{
    if (report->outcome == GRADCHECK_PASS)
        return VALGRAD_OK;
    char text[400];
    gradcheck_text(report, sizeof text, text);
    return error__set(VALGRAD_ERROR_GRADIENT, "%s", text);
}

static ValgradStatus check_arguments(const char *function, const void *f, int n, const void *x,
                                     const GradcheckOptions *options)
{
    if (!f || !x)
        return error__null(function, f ? "x" : "f");
    if (n < 1)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: %d inputs: at least 1 is expected", function,
                          n);
    if (!(options->step > 0 && options->relative >= 0 && options->absolute >= 0) ||
        options->projections < 0)
        return error__set(
            VALGRAD_ERROR_ARGUMENT,
            "%s: step %g, relative %g, absolute %g, %d projections: expected are a step "
            "above 0 and nothing negative",
            function, options->step, options->relative, options->absolute, options->projections);
    return VALGRAD_OK;
}

static const GradcheckOptions defaults = GRADCHECK_OPTIONS_INIT;

static ValgradStatus gradcheck(const char *function, TensorFunction *f, void *context, int n,
                               Tensor *const *x, const GradcheckOptions *options,
                               GradcheckReport *report)
{
    *report = (GradcheckReport){.input = -1, .projected = options->projections > 0};
    for (int i = 0; i < n; i++) {
        if (!x[i])
            return error__null(function, "an input");
    }
    valgrad_clear_error(); /* so that f's first error is told, not an older one */
    Check check = {.function = function,
                   .f = f,
                   .context = context,
                   .n = n,
                   .x = x,
                   .options = *options,
                   .report = report};
    const bool done = run(&check);
    put_back(&check);
    if (done)
        return verdict_of(report);
    report->outcome = GRADCHECK_FAIL;
    return valgrad_last_status();
}

ValgradStatus tensor_gradcheck(TensorFunction *f, void *context, int n, Tensor *const *x,
                               const GradcheckOptions *options, GradcheckReport *report)
{
    GradcheckReport unwanted;
    report = report ? report : &unwanted;
    *report = (GradcheckReport){.input = -1};
    options = options ? options : &defaults;
    const ValgradStatus status =
        check_arguments("tensor_gradcheck", (const void *)(uintptr_t)f, n, x, options);
    return status != VALGRAD_OK ? status
                                : gradcheck("tensor_gradcheck", f, context, n, x, options, report);
}

/* A function of Values as one of tensors of rank 0. */
typedef struct ScalarFunction {
    ValueFunction *f;
    void *context;
    Value *const *x;
} ScalarFunction;

static Tensor *call_scalar(Tensor *const *x, void *context)
{
    const ScalarFunction *scalar = context;
    (void)x; /* made of scalar->x */
    Value *y = scalar->f(scalar->x, scalar->context);
    return y ? tensor_from_values(&y, TENSOR_SCALAR) : NULL;
}

ValgradStatus value_gradcheck(ValueFunction *f, void *context, int n, Value *const *x,
                              const GradcheckOptions *options, GradcheckReport *report)
{
    GradcheckReport unwanted;
    report = report ? report : &unwanted;
    *report = (GradcheckReport){.input = -1};
    options = options ? options : &defaults;
    ValgradStatus status =
        check_arguments("value_gradcheck", (const void *)(uintptr_t)f, n, x, options);
    if (status != VALGRAD_OK)
        return status;
    Tensor **wrapped = inspect__take((size_t)n, sizeof *wrapped);
    if (!wrapped)
        return error__memory("value_gradcheck", (size_t)n * sizeof *wrapped);
    VALGRAD_SCOPE {
        ScalarFunction scalar = {f, context, x};
        for (int i = 0; i < n; i++)
            wrapped[i] = tensor_from_values(&x[i], TENSOR_SCALAR);
        status = gradcheck("value_gradcheck", call_scalar, &scalar, n, wrapped, options, report);
    }
    inspect__give(wrapped);
    return status;
}
