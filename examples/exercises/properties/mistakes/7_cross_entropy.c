/* 7_cross_entropy.c - the formula as it stands.
 * FAILS: the same number added to all scores changes nothing */
#include "exercises.h"

Value *cross_entropy(size_t n, Value *const *scores, size_t label)
{
    Value *sum = value_const(0);
    for (size_t i = 0; i < n; i++)
        sum = value_add(sum, value_exp(scores[i]));
    return value_neg(value_log(value_div(value_exp(scores[label]), sum)));
}
