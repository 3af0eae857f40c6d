/* 7_cross_entropy.c - what cross_entropy() must do. */
#include "property.h"

enum { CLASSES = 4 };

static void leaves(Value *scores[CLASSES], double low, double high)
{
    for (int i = 0; i < CLASSES; i++)
        scores[i] = value_leaf((real)any(low, high));
}

static void equal_scores(void)
{
    VALGRAD_SCOPE {
        Value *scores[CLASSES];
        leaves(scores, 0.5, 0.5);
        near(value_data(cross_entropy(CLASSES, scores, 1)), log(CLASSES), EXACT,
             "four equal scores: the loss, log 4,");
    }
}

static void as_the_library(void)
{
    for (int i = 0; i < 20; i++) {
        VALGRAD_SCOPE {
            Value *scores[CLASSES];
            const int64_t label = (int64_t)any(0, CLASSES);
            leaves(scores, -3, 3);
            Tensor *t = tensor_from_values(scores, TENSOR_SHAPE(CLASSES));
            const real should = tensor_item(tensor_cross_entropy(t, 1, &label));
            near(value_data(cross_entropy(CLASSES, scores, (size_t)label)), should, EXACT,
                 "scores %g, %g, %g, %g, label %d: the loss", value_data(scores[0]),
                 value_data(scores[1]), value_data(scores[2]), value_data(scores[3]), (int)label);
        }
    }
}

static void gradient(void)
{
    for (int i = 0; i < 20; i++) {
        VALGRAD_SCOPE {
            Value *scores[CLASSES];
            double sum = 0;
            leaves(scores, -3, 3);
            for (int k = 0; k < CLASSES; k++)
                sum += exp((double)value_data(scores[k]));
            value_backward(cross_entropy(CLASSES, scores, 2));
            for (int k = 0; k < CLASSES; k++)
                near(value_grad(scores[k]), exp((double)value_data(scores[k])) / sum - (k == 2),
                     EXACT, "label 2, score %d = %g: the gradient, softmax%s,", k,
                     (double)value_data(scores[k]), k == 2 ? " - 1" : "");
        }
    }
}

static void shifted(void)
{
    const real shifts[] = {1000, -1000, 20000};
    for (int i = 0; i < 3; i++) {
        VALGRAD_SCOPE {
            const real s = shifts[i];
            Value *scores[] = {value_leaf(s + 2), value_leaf(s + 1), value_leaf(s)};
            Value *loss = cross_entropy(3, scores, 1);
            value_backward(loss);
            near(value_data(loss), 1.4076059644443804, EXACT,
                 "scores %g, %g, %g, label 1: the loss", s + 2, s + 1, s);
            near(value_grad(scores[1]), -0.7552715289452021, EXACT,
                 "scores %g, %g, %g, label 1: the gradient of the second", s + 2, s + 1, s);
        }
    }
}

static void far_behind(void)
{
    VALGRAD_SCOPE {
        Value *scores[] = {value_leaf(0), value_leaf(-1000)};
        near(value_data(cross_entropy(2, scores, 1)), 1000, EXACT,
             "scores 0, -1000, label 1: the loss");
    }
}

int main(void)
{
    const Property properties[] = {
        {"four equal scores cost log 4", equal_scores},
        {"it is what tensor_cross_entropy() gives", as_the_library},
        {"the gradient is softmax, minus 1 at the label", gradient},
        {"the same number added to all scores changes nothing", shifted},
        {"a probability too small for the machine has a finite price", far_behind},
    };
    return properties_check("examples/exercises/7_cross_entropy.c; lesson 14 helps", 5, properties);
}
