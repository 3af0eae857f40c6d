/* judge.c - a network goes through samples without learning: loss, accuracy, what it takes for what. */
#include <inttypes.h>
#include <stdlib.h>

#include "mnist.h"

/* The numbers of one batch. */
typedef struct Answers {
    int64_t *predicted;
    real *probabilities; /* count x classes */
} Answers;

static bool make_room(Answers *answers, Judgement *to, int64_t samples, int64_t batch, int classes,
                      int64_t keep)
{
    to->confusion = nn_confusion_new(classes);
    answers->predicted = calloc((size_t)batch, sizeof *answers->predicted);
    answers->probabilities = calloc((size_t)(batch * classes), sizeof(real));
    to->mistakes = keep ? calloc((size_t)samples, sizeof *to->mistakes) : NULL;
    if (to->confusion && answers->predicted && answers->probabilities && (to->mistakes || !keep))
        return true;
    error_line("out of memory");
    return false;
}

static void note_mistakes(Judgement *to, const Answers *answers, const NnBatch *batch, int classes,
                          int64_t first)
{
    for (int64_t i = 0; i < batch->count; i++) {
        const real *row = answers->probabilities + i * classes;
        int64_t label = batch->labels[i], predicted = answers->predicted[i];
        if (label != predicted)
            to->mistakes[to->mistake_count++] = (Mistake){
                first + i, (int)label, (int)predicted, (double)row[predicted], (double)row[label]};
    }
}

static bool judge_batch(const Config *config, const NnMlp *net, const NnBatch *batch,
                        Answers *answers, Judgement *to, int64_t first)
{
    bool fine = false;
    int classes = nn_confusion_classes(to->confusion);
    VALGRAD_SCOPE {
        Tensor *outputs = nn_mlp_forward(net, batch->inputs);
        Tensor *loss = model_loss(config, outputs, batch);
        Tensor *probabilities = to->mistakes ? model_probabilities(config, outputs) : outputs;
        fine = loss &&
               tensor_argmax(outputs, TENSOR_AXES(-1), batch->count, answers->predicted) ==
                   VALGRAD_OK &&
               tensor_get(probabilities, batch->count * classes, answers->probabilities) ==
                   VALGRAD_OK &&
               nn_confusion_add(to->confusion, batch->count, batch->labels, answers->predicted) ==
                   VALGRAD_OK;
        to->loss += fine ? (double)tensor_item(loss) * (double)batch->count : 0;
    }
    if (fine && to->mistakes)
        note_mistakes(to, answers, batch, classes, first);
    return fine || library_error();
}

static bool judge_all(const Config *config, const NnMlp *net, NnLoader *samples, Answers *answers,
                      Judgement *to)
{
    int64_t seen = 0;
    bool fine = true;
    VALGRAD_NO_GRAD
        for (const NnBatch *batch; (batch = nn_loader_next(samples));) {
            fine = fine && judge_batch(config, net, batch, answers, to, seen);
            seen += batch->count;
        }
    to->loss /= (double)seen;
    to->accuracy = nn_confusion_accuracy(to->confusion);
    return fine;
}

/* The surest of a wrong answer first. */
static int by_sureness(const void *a, const void *b)
{
    const Mistake *x = a, *y = b;
    double left = x->probability - x->right_probability;
    double right = y->probability - y->right_probability;
    if (left != right)
        return left > right ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

bool judge(const Config *config, const NnMlp *net, NnLoader *samples, int64_t keep,
           Judgement *judgement)
{
    Answers answers = {NULL, NULL};
    int64_t count = nn_loader_samples(samples);
    const Tensor *last = nn_linear_weight(nn_mlp_layer(net, nn_mlp_layer_count(net) - 1));
    *judgement = (Judgement){.confusion = NULL};
    bool fine = make_room(&answers, judgement, count, count < TEST_BATCH ? count : TEST_BATCH,
                          (int)tensor_side(last, 1), keep) &&
                judge_all(config, net, samples, &answers, judgement);
    if (fine && keep)
        qsort(judgement->mistakes, (size_t)judgement->mistake_count, sizeof(Mistake), by_sureness);
    if (judgement->mistake_count > keep)
        judgement->mistake_count = keep;
    free(answers.predicted);
    free(answers.probabilities);
    if (!fine)
        judgement_free(judgement);
    return fine;
}

void judgement_free(Judgement *judgement)
{
    nn_confusion_free(judgement->confusion);
    free(judgement->mistakes);
    *judgement = (Judgement){.confusion = NULL};
}
