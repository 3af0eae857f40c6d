/* derivatives.c - Jacobians, second derivatives and directions of tensors: see autograd/derivatives.c. */
#include "autograd/derivatives.h"

#include <string.h>

#include "tensor/tensor_internal.h"

/* ---- where a tensor's numbers stand ------------------------------------------------------------ */

typedef struct PlaceList {
    Value *node;
    Place *places;
} PlaceList;

static void list_row(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride)
{
    const PlaceList *list = context;
    for (int64_t i = 0; i < n; i++)
        list->places[flat + i] = (Place){list->node, slot + i * stride};
}

static void list_places(const Tensor *t, Place *places)
{
    PlaceList list = {t->run, places};
    if (t->run)
        tensor__each_row(t, list_row, &list);
    for (int64_t i = 0; !t->run && i < t->size; i++)
        places[i] = place_of(t->table[i]);
}

size_t tensor__total_size(size_t n, Tensor *const *tensors)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (size_t)tensors[i]->size;
    return total;
}

Place *tensor__places(const char *function, size_t n, Tensor *const *tensors)
{
    size_t at = 0;
    Place *places = buffer__take(size_product(tensor__total_size(n, tensors), sizeof *places));
    if (!places)
        return error__memory(function, 0), NULL;
    for (size_t i = 0; i < n; i++) {
        list_places(tensors[i], places + at);
        at += (size_t)tensors[i]->size;
    }
    return places;
}

/* ---- checks ------------------------------------------------------------------------------------ */

static bool check_tensors(const char *function, const char *name, size_t n, Tensor *const *tensors)
{
    if (n > 0 && !tensors)
        return error__null(function, name), false;
    for (size_t i = 0; i < n; i++) {
        if (!tensors[i])
            return error__null(function, name), false;
    }
    return true;
}

bool tensor__check_inputs(const char *function, size_t n, Tensor *const *leaves)
{
    if (!check_tensors(function, "a leaf", n, leaves))
        return false;
    for (size_t k = 0; k < n; k++) {
        const Tensor *t = leaves[k];
        if (t->run && !expansion__check_input(function, t->run))
            return false;
        for (int64_t i = 0; !t->run && i < t->size; i++) {
            if (!expansion__check_input(function, t->table[i]))
                return false;
        }
    }
    return true;
}

static bool check_directions(const char *function, size_t n, Tensor *const *leaves,
                             Tensor *const *directions)
{
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    if (!check_tensors(function, "a direction", n, directions))
        return false;
    for (size_t k = 0; k < n; k++) {
        const Tensor *leaf = leaves[k], *direction = directions[k];
        if (leaf->rank == direction->rank &&
            memcmp(leaf->shape, direction->shape, (size_t)leaf->rank * sizeof *leaf->shape) == 0)
            continue;
        error__set(VALGRAD_ERROR_SHAPE, "%s: a direction of shape %s for a leaf of shape %s", function,
                   shape__text(direction->rank, direction->shape, p),
                   shape__text(leaf->rank, leaf->shape, q));
        return false;
    }
    return true;
}

static bool check_root(const char *function, const Tensor *root, bool of_size_one)
{
    char text[SHAPE_TEXT_BYTES];
    if (!root)
        return error__null(function, "root"), false;
    if (!of_size_one || root->size == 1)
        return true;
    error__set(VALGRAD_ERROR_SHAPE, "%s: a root of shape %s; expected one number", function,
               shape__text(root->rank, root->shape, text));
    return false;
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* The directions' numbers, one after another (buffer__give when done). NULL and an error: memory. */
static real *numbers_of(const char *function, size_t n, Tensor *const *tensors)
{
    size_t at = 0;
    real *numbers = buffer__take(size_product(tensor__total_size(n, tensors), sizeof *numbers));
    if (!numbers)
        return error__memory(function, 0), NULL;
    for (size_t i = 0; i < n; i++) {
        tensor__gather(tensors[i], numbers + at);
        at += (size_t)tensors[i]->size;
    }
    return numbers;
}

/* From root to leaves, all of which were checked; `directions` may be NULL. */
static bool ask(const char *function, DerivativesKind kind, Tensor *root, size_t n, Tensor *const *leaves,
                Tensor *const *directions, real *out)
{
    Place *from = tensor__places(function, 1, &root), *to = from ? tensor__places(function, n, leaves) : NULL;
    real *direction = to && directions ? numbers_of(function, n, directions) : NULL;
    ValgradStatus status = VALGRAD_ERROR_MEMORY;
    if (to && (direction || !directions))
        status = derivatives__run(&(Derivatives){.function = function,
                                                 .kind = kind,
                                                 .root_count = (size_t)root->size,
                                                 .leaf_count = tensor__total_size(n, leaves),
                                                 .roots = from,
                                                 .leaves = to,
                                                 .direction = direction,
                                                 .out = out});
    buffer__give(from);
    buffer__give(to);
    buffer__give(direction);
    return status == VALGRAD_OK;
}

Tensor *tensor_jvp(Tensor *root, size_t leaf_count, Tensor *const *leaves, Tensor *const *tangents)
{
    static const char function[] = "tensor_jvp";
    if (!check_root(function, root, false) || !tensor__check_inputs(function, leaf_count, leaves) ||
        !check_directions(function, leaf_count, leaves, tangents))
        return NULL;
    Tensor *out = tensor_const(NULL, root->rank, root->shape);
    if (out && ask(function, DERIVATIVES_JVP, root, leaf_count, leaves, tangents,
                   dense_of(out->run)->data))
        return out;
    tensor__drop(out, NULL);
    return NULL;
}

/* ---- parts of a vector ------------------------------------------------------------------------- */

static void drop_all(size_t n, Tensor **tensors)
{
    for (size_t i = 0; i < n; i++) {
        tensor__drop(tensors[i], NULL);
        tensors[i] = NULL;
    }
}

/* Cuts numbers into new tensors of the leaves' shapes. */
static bool cut(size_t n, Tensor *const *leaves, const real *numbers, Tensor **out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = tensor_const(numbers, leaves[i]->rank, leaves[i]->shape);
        if (!out[i])
            return drop_all(i, out), false;
        numbers += leaves[i]->size;
    }
    return true;
}

ValgradStatus tensor_hvp(Tensor *root, size_t leaf_count, Tensor *const *leaves, Tensor *const *vectors,
                         Tensor **out)
{
    static const char function[] = "tensor_hvp";
    for (size_t i = 0; out && i < leaf_count; i++)
        out[i] = NULL;
    if (!check_root(function, root, true) || !tensor__check_inputs(function, leaf_count, leaves) ||
        !check_directions(function, leaf_count, leaves, vectors))
        return valgrad_last_status();
    if (leaf_count > 0 && !out)
        return error__null(function, "out");
    real *product = numbers_of(function, leaf_count, vectors); /* room, at first for what it becomes */
    const bool done =
        product && ask(function, DERIVATIVES_HVP, root, leaf_count, leaves, vectors, product) &&
        cut(leaf_count, leaves, product, out);
    buffer__give(product);
    return done ? VALGRAD_OK : valgrad_last_status();
}

/* ---- matrices ---------------------------------------------------------------------------------- */

/* A new constant of the shapes of a and b, one after the other. */
static Tensor *outer_room(const char *function, const Tensor *a, const Tensor *b)
{
    int64_t sides[2 * TENSOR_MAX_RANK];
    if (a->rank + b->rank > TENSOR_MAX_RANK) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: %d and %d axes; expected at most %d together", function,
                   a->rank, b->rank, TENSOR_MAX_RANK);
        return NULL;
    }
    memcpy(sides, a->shape, (size_t)a->rank * sizeof *sides);
    memcpy(sides + a->rank, b->shape, (size_t)b->rank * sizeof *sides);
    return tensor_const(NULL, a->rank + b->rank, sides);
}

static Tensor *matrix(const char *function, DerivativesKind kind, Tensor *root, Tensor *leaf)
{
    const bool second = kind == DERIVATIVES_HESSIAN;
    if (!check_root(function, root, second) || !tensor__check_inputs(function, 1, &leaf))
        return NULL;
    Tensor *out = outer_room(function, second ? leaf : root, leaf);
    if (out && ask(function, kind, root, 1, &leaf, NULL, dense_of(out->run)->data))
        return out;
    tensor__drop(out, NULL);
    return NULL;
}

Tensor *tensor_jacobian(Tensor *root, Tensor *leaf)
{
    return matrix("tensor_jacobian", DERIVATIVES_JACOBIAN, root, leaf);
}

Tensor *tensor_hessian(Tensor *root, Tensor *leaf)
{
    return matrix("tensor_hessian", DERIVATIVES_HESSIAN, root, leaf);
}
