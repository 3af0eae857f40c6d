/* gradcheck_text.c - what a check of derivatives found, in words. */
#include <valgrad/gradcheck.h>

#include "inspect/inspect_internal.h"

static void add_index(Text *text, int rank, const int64_t *index)
{
    for (int axis = 0; axis < rank; axis++) {
        char number[32];
        (void)snprintf(number, sizeof number, "%s%lld", axis ? ", " : "[", (long long)index[axis]);
        text__add(text, number);
    }
    if (rank > 0)
        text__add(text, "]");
}

static void add_labelled(Text *text, const char *words, double number, int digits)
{
    text__add(text, words);
    text__real(text, (real)number, digits);
}

/* "d y[1] / d x0[2, 0] (made by matmul, where x0[2, 0] is 0.5): " */
static void add_place(Text *text, const GradcheckReport *report)
{
    char input[16];
    (void)snprintf(input, sizeof input, "x%d", report->input);
    text__add(text, "d y");
    add_index(text, report->output_rank, report->output_index);
    text__add(text, " / d ");
    text__add(text, input);
    add_index(text, report->input_rank, report->input_index);
    add_labelled(text, " at ", report->number, 6);
    text__add(text, " (op ");
    text__add(text, report->op);
    text__add(text, ")");
}

static void add_worst(Text *text, const GradcheckReport *report)
{
    text__add(text, report->outcome == GRADCHECK_FAIL ? "; worst: " : "; first of these: ");
    if (report->projected)
        text__add(text, "a projection");
    else
        add_place(text, report);
    add_labelled(text, ": backward ", report->analytic, 9);
    add_labelled(text, ", difference ", report->numeric, 9);
    add_labelled(text, " (left ", report->left, 6);
    add_labelled(text, ", right ", report->right, 6);
    add_labelled(text, "), off by ", report->error, 3);
    add_labelled(text, ", allowed ", report->tolerance, 3);
}

size_t gradcheck_text(const GradcheckReport *report, size_t room, char *text)
{
    static const char *const outcomes[] = {"FAIL", "INCONCLUSIVE", "PASS"};
    if (!report)
        return 0;
    Text out = text__begin(text ? room : 0, text);
    char line[160];
    (void)snprintf(
        line, sizeof line, "gradcheck: %s: of %lld %s %lld disagree%s, %lld inconclusive",
        outcomes[report->outcome], (long long)report->compared,
        report->projected ? "random projections" : "derivatives", (long long)report->failed,
        report->failed == 1 ? "s" : "", (long long)report->inconclusive);
    text__add(&out, line);
    if (report->outcome != GRADCHECK_PASS && report->compared > 0)
        add_worst(&out, report);
    return out.length;
}
