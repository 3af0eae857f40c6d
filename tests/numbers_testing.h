/* numbers_testing.h - the numbers and gradients that a tensor should have. */
#ifndef VALGRAD_TESTS_NUMBERS_TESTING_H
#define VALGRAD_TESTS_NUMBERS_TESTING_H

#include "tensor_testing.h"

static const real counted[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                               12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

#define NUMBERS(...) ((const real[]){__VA_ARGS__})

static inline void assert_numbers(const Tensor *t, int64_t n, const real *numbers)
{
    real got[MOST];
    ck_assert_msg(t != NULL, "%s", valgrad_last_error());
    assert_status(tensor_get(t, n, got), VALGRAD_OK);
    for (int64_t i = 0; i < n; i++)
        assert_same(got[i], numbers[i]);
}

static inline void assert_gradients(const Tensor *t, int64_t n, const real *gradients)
{
    real got[MOST];
    assert_status(tensor_get_grad(t, n, got), VALGRAD_OK);
    for (int64_t i = 0; i < n; i++) {
        assert_same(got[i], gradients[i]);
        assert_same(value_grad(tensor_at(t, i)), gradients[i]);
    }
}

#endif
