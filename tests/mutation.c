/* mutation.c - one mistake at a time in what a node passes on to an operand (mutation.h). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrad/inspect.h>

#include "autograd/graph.h"
#include "mutation.h"
#include "witness.h"

#define MISTAKES(X)                                                                                \
    X(SCALED, "scaled by 1 + 1e-9")                                                                \
    X(SIGN_FLIPPED, "with its sign flipped")                                                       \
    X(DROPPED, "dropped")                                                                          \
    X(WRITTEN, "written instead of added")                                                         \
    X(SWAPPED, "swapped with the next operand's")

typedef enum Mistake {
#define MISTAKE(name, words) name,
    MISTAKES(MISTAKE)
#undef MISTAKE
        MISTAKE_COUNT
} Mistake;

static const char *const mistake_words[] = {
#define MISTAKE(name, words) words,
    MISTAKES(MISTAKE)
#undef MISTAKE
};

enum { LEAST_PLACES = 4, MOST_PLACES = 64, MOST_OPERANDS = 8, MOST_MUTANTS = 4096 };

/* ---- the mistake --------------------------------------------------------------------------------- */

/* The present mutant, and whether it has changed any number. */
static struct {
    const Value *node;
    size_t operand;
    Mistake mistake;
    bool changed;
} mutant;

/* The different nodes that v reads and that want a gradient, in order. Returns how many (at most
 * MOST_OPERANDS). */
static size_t operands_of(const Value *v, Value *out[MOST_OPERANDS])
{
    size_t count = 0;
    for (size_t i = 0; i < value_operand_count(v) && count < MOST_OPERANDS; i++) {
        Value *node = node_of(value_operand(v, i));
        bool known = !(node->flags & WANTS_GRAD);
        for (size_t k = 0; k < count; k++)
            known |= out[k] == node;
        if (!known)
            out[count++] = node;
    }
    return count;
}

static size_t size_of_node(const Value *v)
{
    return (v->flags & DENSE) ? (size_t)dense_of(v)->n : 1;
}

static real *gradient_of(Value *v)
{
    return (v->flags & DENSE) ? dense_of(v)->grad : &v->grad;
}

/* The gradient of v before something is passed on to it: as many zeros if there is none. */
static real *copy_gradient(Value *v)
{
    const size_t n = size_of_node(v);
    real *copy = calloc(n + 1, sizeof *copy);
    ck_assert_ptr_nonnull(copy);
    if (!(v->flags & DENSE) || dense_of(v)->filled)
        memcpy(copy, gradient_of(v), n * sizeof *copy);
    return copy;
}

static real mistaken(Mistake mistake, real before, real given)
{
    switch (mistake) {
    case SCALED:
        return before + given * (real)(1 + 1e-9);
    case SIGN_FLIPPED:
        return before - given;
    case WRITTEN:
        return given;
    default:
        return before;
    }
}

/* What was given is known only to the rounding of the sum that it was added to. */
static void set(real *number, real mutated, real before)
{
    const double now = (double)*number,
                 size = fmax(fabs(now), fmax(fabs((double)before), fabs((double)mutated)));
    mutant.changed |= fabs((double)mutated - now) > 8 * (double)REAL_EPSILON * size;
    *number = mutated;
}

static void mutate_one(Value *operand, const real *before)
{
    real *now = gradient_of(operand);
    for (size_t i = 0; i < size_of_node(operand); i++)
        set(&now[i], mistaken(mutant.mistake, before[i], now[i] - before[i]), before[i]);
}

static void swap(Value *a, const real *before_a, Value *b, const real *before_b)
{
    real *now_a = gradient_of(a), *now_b = gradient_of(b);
    for (size_t i = 0; i < size_of_node(a); i++) {
        const real given_a = now_a[i] - before_a[i], given_b = now_b[i] - before_b[i];
        set(&now_a[i], before_a[i] + given_b, before_a[i]);
        set(&now_b[i], before_b[i] + given_a, before_b[i]);
    }
}

static bool has_gradient(const Value *v)
{
    return !(v->flags & DENSE) || dense_of(v)->filled;
}

/* Called at each node of a pass (graph.h, BackwardWatch): nothing special, but for the mutant's node. */
static ValgradStatus differentiate_mutated(Value *v, const char *function)
{
    (void)function;
    if (v != mutant.node)
        return backward__differentiate(v), VALGRAD_OK;
    Value *operands[MOST_OPERANDS + 1];
    const size_t count = operands_of(v, operands);
    Value *operand = operands[mutant.operand];
    Value *next = mutant.operand + 1 < count ? operands[mutant.operand + 1] : NULL;
    real *before = copy_gradient(operand), *before_next = next ? copy_gradient(next) : NULL;
    backward__differentiate(v);
    if (mutant.mistake != SWAPPED && has_gradient(operand))
        mutate_one(operand, before);
    else if (mutant.mistake == SWAPPED && next && size_of_node(next) == size_of_node(operand) &&
             has_gradient(operand) && has_gradient(next))
        swap(operand, before, next, before_next);
    free(before);
    free(before_next);
    return VALGRAD_OK;
}

/* ---- the graph around the operation -------------------------------------------------------------- */

/* The weighed results, and a little of each input besides, which reaches the inputs first: so that adding and
 * writing differ. */
static Value *root_over(const Subject *subject, Random *random)
{
    Value *terms[MUTATION_MOST], *weights[MUTATION_MOST];
    for (size_t i = 0; i < subject->input_count; i++)
        terms[i] = value_mul(subject->inputs[i],
                             value_const(random_uniform(random, (real)0.02, (real)0.05)));
    for (size_t i = 0; i < subject->result_count; i++)
        weights[i] = value_const(random_uniform(random, (real)0.5, 1));
    Value *weighed = value_dot(subject->result_count, weights, subject->results);
    return value_add(weighed, value_sum(subject->input_count, terms));
}

/* How wrong the gradients of a pass with the present mutant are. */
static double error_of_pass(const Witness *w, Value *root)
{
    for (size_t i = 0; i < w->input_count; i++)
        value_zero_grad(w->inputs[i]);
    ck_assert_int_eq(value_backward(root), VALGRAD_OK);
    return witness_gradient_error(w);
}

/* ---- all mutants --------------------------------------------------------------------------------- */

typedef struct Fate {
    bool changed, killed;
} Fate;

typedef struct Hunt {
    const char *what;
    Fate fates[MOST_MUTANTS];
    size_t count; /* mutants met at this place */
} Hunt;

/* The mistakes with one operand stand side by side. */
static const Fate *fate_of(const Hunt *hunt, size_t operand, Mistake mistake)
{
    return &hunt->fates[operand * MISTAKE_COUNT + (size_t)mistake];
}

/* Operands that got nothing at any place. (Writing it erases what they had.) */
static int count_untouched(const Hunt *hunt)
{
    int count = 0;
    for (size_t i = 0; i < hunt->count / MISTAKE_COUNT; i++)
        count += !fate_of(hunt, i, DROPPED)->changed;
    return count;
}

static void hunt_one(Hunt *hunt, const Witness *w, Value *root)
{
    ck_assert_uint_lt(hunt->count, MOST_MUTANTS);
    Fate *fate = &hunt->fates[hunt->count++];
    mutant.changed = false;
    const double error = error_of_pass(w, root);
    fate->changed |= mutant.changed;
    fate->killed |= error > WITNESS_TOLERANCE;
}

static void hunt_node(Hunt *hunt, const Witness *w, Value *root, const Value *node)
{
    Value *operands[MOST_OPERANDS];
    const size_t count = operands_of(node, operands);
    mutant.node = node;
    for (mutant.operand = 0; mutant.operand < count; mutant.operand++) {
        for (int mistake = 0; mistake < MISTAKE_COUNT; mistake++) {
            mutant.mistake = (Mistake)mistake;
            hunt_one(hunt, w, root);
        }
    }
    mutant.node = NULL;
}

/* At one place: the right pass must agree, then each mutant of each node that the results were made of. */
static void hunt_here(Hunt *hunt, const Subject *subject, Random *random)
{
    GraphWalk *walk = graph_walk_new(subject->result_count, subject->results);
    Value *root = root_over(subject, random);
    ck_assert_msg(walk && root, "%s: %s", hunt->what, valgrad_last_error());
    const real one = 1;
    Witness w = witness_new(hunt->what, 1, &root, &one, subject->input_count, subject->inputs);
    hunt->count = 0;
    backward__watch = differentiate_mutated;
    const double error = error_of_pass(&w, root);
    ck_assert_msg(error <= WITNESS_TOLERANCE, "%s: without a mistake, off by %.3g", hunt->what,
                  error);
    for (size_t id = 0; id < graph_walk_count(walk); id++) {
        const Value *node = graph_walk_value(walk, id);
        if (!(node->flags & LEAF) && !is_element(node) && (node->flags & WANTS_GRAD))
            hunt_node(hunt, &w, root, node);
    }
    backward__watch = NULL;
    witness_free(&w);
    graph_walk_free(walk);
}

MutationScore mutation_score(const char *what, BuildSubject *build, const void *context)
{
    static Hunt hunt;
    hunt = (Hunt){.what = what};
    Random random = random_seeded(7);
    for (int place = 0; place < MOST_PLACES; place++) {
        if (place >= LEAST_PLACES && count_untouched(&hunt) == 0)
            break;
        VALGRAD_SCOPE {
            Subject subject;
            build(context, &random, &subject);
            hunt_here(&hunt, &subject, &random);
        }
    }
    MutationScore score = {.untouched = count_untouched(&hunt)};
    for (size_t i = 0; i < hunt.count; i++) {
        const bool lives = hunt.fates[i].changed && !hunt.fates[i].killed;
        score.mutants += hunt.fates[i].changed;
        score.killed += hunt.fates[i].changed && hunt.fates[i].killed;
        if (lives)
            (void)printf("%s: what is passed on to operand %d, %s, is not noticed\n", what,
                         (int)i / MISTAKE_COUNT, mistake_words[i % MISTAKE_COUNT]);
    }
    return score;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static void build_row(const void *context, Random *random, Subject *subject)
{
    const size_t i = *(const size_t *)context;
    const ValueOpInfo *row = value_op_row(i);
    subject->input_count = (size_t)row->arity;
    subject->result_count = 1;
    for (int k = 0; k < row->arity; k++)
        subject->inputs[k] =
            value_leaf(random_uniform(random, (real)row->domain[k][0], (real)row->domain[k][1]));
    subject->results[0] =
        apply_row(i, subject->inputs, random_uniform(random, (real)0.05, (real)0.95));
}

MutationScore mutation_of_row(size_t i)
{
    return mutation_score(value_op_row(i)->name, build_row, &i);
}

static void build_many(const void *context, Random *random, Subject *subject)
{
    subject->result_count = 1;
    subject->input_count = 7;
    for (size_t i = 0; i < subject->input_count; i++)
        subject->inputs[i] = value_leaf(random_uniform(random, (real)0.3, 2));
    subject->results[0] = ((const OfMany *)context)->make(subject->input_count, subject->inputs);
}

MutationScore mutation_of_many(const OfMany *operation)
{
    return mutation_score(operation->name, build_many, operation);
}
