/* export_c.c - a network as a C99 header. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <ctype.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <valgrad/export.h>

#include "autograd/error.h"
#include "nn/files.h"

static const char function[] = "nn_mlp_write_c";

enum { NAME_BYTES = 64, IN_A_LINE = 8 };

typedef struct Writer {
    OutputFile *output;
    const NnMlp *mlp;
    const NnExportOptions *options;
    const char *name, *type; /* type: float or double */
    char upper[NAME_BYTES + 1];
    int64_t inputs, outputs;
} Writer;

__attribute__((format(printf, 2, 3))) static void print(const Writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(w->output->file, format, arguments); /* the stream remembers an error */
    va_end(arguments);
}

/* ---- what is refused ----------------------------------------------------------------------------- */

static ValgradStatus refuse(const char *what, const char *expected)
{
    return error__set(VALGRAD_ERROR_ARGUMENT, "%s: %s: expected %s", function, what, expected);
}

static bool is_identifier(const char *name)
{
    const size_t length = strlen(name);
    if (length == 0 || length > NAME_BYTES || isdigit((unsigned char)name[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!(name[i] == '_' || (name[i] >= '0' && name[i] <= '9') ||
              (name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= 'a' && name[i] <= 'z')))
            return false;
    return true;
}

static ValgradStatus check_moments(const NnExportOptions *options, int64_t inputs)
{
    if (options->moments != 0 && options->moments != 1 && options->moments != inputs)
        return refuse("moments", "0, 1, or one pair for each input");
    if (options->moments && (!options->mean || !options->deviation))
        return error__null(function, options->mean ? "deviation" : "mean");
    for (int64_t i = 0; i < options->moments; i++)
        if (!isfinite(options->mean[i]) || !isfinite(options->deviation[i]) ||
            !(options->deviation[i] > 0))
            return refuse("moments", "finite means and deviations above 0");
    return VALGRAD_OK;
}

static ValgradStatus check_options(const NnExportOptions *options, int64_t inputs)
{
    const char *comment = options->comment ? options->comment : "";
    if (!options->name || !is_identifier(options->name))
        return refuse("name", "a C identifier of at most 64 bytes");
    if (options->dtype != NN_F32 && options->dtype != NN_F64)
        return refuse("dtype", "NN_F32 or NN_F64");
    if (options->threshold < 0 || options->threshold > 255)
        return refuse("threshold", "0 to 255");
    if (strstr(comment, "*/") || strpbrk(comment, "\r\n\\"))
        return refuse("comment", "one line, without a backslash or the end of a comment");
    return check_moments(options, inputs);
}

static ValgradStatus check_numbers(const NnMlp *mlp)
{
    const NnParameters *parameters = nn_mlp_parameters(mlp);
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        Tensor *tensor = nn_parameters_at(parameters, i);
        bool finite = true;
        VALGRAD_NO_GRAD
            VALGRAD_SCOPE {
                Tensor *least = tensor_sum_all(tensor_abs(tensor));
                if (!least)
                    return valgrad_last_status();
                finite = isfinite((double)tensor_item(least));
            }
        if (!finite)
            return error__set(VALGRAD_ERROR_ARGUMENT, "%s: \"%s\" is not finite: expected numbers",
                              function, nn_parameters_name(parameters, i));
    }
    return VALGRAD_OK;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

/* So many digits that the number is read back as it was; with a point, which a suffix needs. */
static void print_number(const Writer *w, double number, bool single)
{
    char text[40];
    snprintf(text, sizeof text, single ? "%.9g" : "%.17g", number);
    print(w, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", single ? "f" : "");
}

static void print_array(const Writer *w, const char *kind, int i, int64_t n, const double *numbers)
{
    const bool single = w->options->dtype == NN_F32;
    print(w, "static const %s %s_%s_%d[%" PRId64 "] = {", w->type, w->name, kind, i, n);
    for (int64_t j = 0; j < n; j++) {
        print(w, j % IN_A_LINE == 0 ? "\n    " : " ");
        print_number(w, single ? (double)(float)numbers[j] : numbers[j], single);
        print(w, j + 1 < n ? "," : "\n};\n\n");
    }
}

/* The weight of layer i as (out, in), and its bias (or zeros). */
static bool print_layer(const Writer *w, const NnState *state, int i)
{
    char name[32];
    snprintf(name, sizeof name, "%d.weight", 2 * i);
    const NnArray *weight = nn_state_find(state, name);
    print_array(w, "weight", i, weight->size, weight->data);
    snprintf(name, sizeof name, "%d.bias", 2 * i);
    if (nn_state_has(state, name)) {
        const NnArray *bias = nn_state_find(state, name);
        print_array(w, "bias", i, bias->size, bias->data);
        return true;
    }
    double *zeros = nn__zeros(function, weight->shape[0], sizeof *zeros);
    if (zeros)
        print_array(w, "bias", i, weight->shape[0], zeros);
    nn__free(zeros);
    return zeros != NULL;
}

static bool print_layers(const Writer *w)
{
    NnState *state = nn_mlp_state(w->mlp);
    bool done = state && nn_state_convert(state, NN_F64) == VALGRAD_OK;
    for (int i = 0; done && i < nn_mlp_layer_count(w->mlp); i++)
        done = print_layer(w, state, i);
    nn_state_free(state);
    return done;
}

static void print_moments(const Writer *w)
{
    const NnExportOptions *options = w->options;
    const double *moments[] = {options->mean, options->deviation};
    static const char *const names[] = {"mean", "deviation"};
    for (int i = 0; options->moments && i < 2; i++) {
        print(w, "static const double %s_%s[%" PRId64 "] = {", w->name, names[i], options->moments);
        for (int64_t j = 0; j < options->moments; j++) {
            print(w, j % IN_A_LINE == 0 ? "\n    " : " ");
            print_number(w, moments[i][j], false);
            print(w, j + 1 < options->moments ? "," : "\n};\n\n");
        }
    }
}

/* ---- code ---------------------------------------------------------------------------------------- */

static int64_t side(const Writer *w, int i, int axis)
{
    return tensor_side(nn_linear_weight(nn_mlp_layer(w->mlp, i)), axis);
}

/* The most outputs that any layer has: the room of each of two arrays. */
static int64_t widest(const Writer *w)
{
    int64_t most = 0;
    for (int i = 0; i < nn_mlp_layer_count(w->mlp); i++)
        most = side(w, i, 1) > most ? side(w, i, 1) : most;
    return most;
}

static const char *const formulas[NN_ACTIVATION_COUNT] = {
    [NN_IDENTITY] = "x",
    [NN_RELU] = "x > 0 ? x : 0",
    [NN_LEAKY_RELU] = "x > 0 ? x : 0.01 * x",
    [NN_TANH] = "tanh(x)",
    [NN_SIGMOID] = "1 / (1 + exp(-x))",
    [NN_SOFTPLUS] = "(x > 0 ? x : 0) + log1p(exp(x > 0 ? -x : x))",
    [NN_RELU6] = "x > 6 ? 6 : x > 0 ? x : 0",
    [NN_ELU] = "x > 0 ? x : expm1(x)",
    [NN_SELU] = "1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x))",
    [NN_GELU] = "x / 2 * erfc(-x / 1.4142135623730951)",
    [NN_GELU_TANH] = "x / (1 + exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)))",
    [NN_SILU] = "x / (1 + exp(-x))",
    [NN_SOFTSIGN] = "x / (1 + fabs(x))",
    [NN_HARDTANH] = "x > 1 ? 1 : x < -1 ? -1 : x",
    [NN_HARDSIGMOID] = "x > 3 ? 1 : x < -3 ? 0 : (x + 3) / 6",
};

static bool gives_probabilities(const Writer *w)
{
    return !w->options->logits && nn_mlp_output_activation(w->mlp) == NN_IDENTITY;
}

static void print_top(const Writer *w)
{
    const NnParameters *parameters = nn_mlp_parameters(w->mlp);
    const int64_t numbers = nn_parameters_numbers(parameters);
    print(w, "/* %s.h - a neural network, %" PRId64, w->name, w->inputs);
    for (int i = 0; i < nn_mlp_layer_count(w->mlp); i++)
        print(w, "-%" PRId64, side(w, i, 1));
    print(w, " %s, that predicts by itself. Written by valgrad.\n",
          nn_activation_name(nn_mlp_hidden_activation(w->mlp)));
    if (w->options->comment)
        print(w, " * %s\n", w->options->comment);
    print(w,
          " *\n *     #include \"%s.h\"\n"
          " *     %s outputs[%s_OUTPUTS];\n"
          " *     int label = %s_predict%s(%s, outputs);\n *\n",
          w->name, w->type, w->upper, w->name,
          w->options->pixels    ? "_pixels"
          : w->options->moments ? "_raw"
                                : "",
          w->options->pixels    ? "pixels"
          : w->options->moments ? "numbers"
                                : "inputs");
    print(w,
          " * C99, needs <math.h> and no memory but %" PRId64 " bytes of the stack; its %" PRId64
          " numbers\n * are %" PRId64 " bytes of constants. The outputs are %s. */\n",
          2 * widest(w) * 8, numbers, numbers * (int64_t)dtype__bytes(w->options->dtype),
          gives_probabilities(w) ? "probabilities" : "as the network gives them");
    print(w, "#ifndef %s_H\n#define %s_H\n\n#include <math.h>\n#include <stddef.h>\n\n", w->upper,
          w->upper);
    print(w, "enum { %s_INPUTS = %" PRId64 ", %s_OUTPUTS = %" PRId64 " };\n\n", w->upper, w->inputs,
          w->upper, w->outputs);
}

/* A layer whose inputs are of some type: those of the first are the caller's. */
static void print_layer_code(const Writer *w, const char *suffix, const char *type)
{
    print(w,
          "static inline void %s_layer%s(const %s *weight, const %s *bias, int in, int out,\n"
          "                              const %s *x, double *y)\n"
          "{\n"
          "    for (int o = 0; o < out; o++) {\n"
          "        double sum = (double)bias[o];\n"
          "        for (int i = 0; i < in; i++)\n"
          "            sum += (double)weight[(ptrdiff_t)o * in + i] * (double)x[i];\n"
          "        y[o] = sum;\n"
          "    }\n"
          "}\n\n",
          w->name, suffix, w->type, w->type, type);
}

static void print_activation(const Writer *w, int i)
{
    const NnActivation activation = i + 1 < nn_mlp_layer_count(w->mlp)
                                        ? nn_mlp_hidden_activation(w->mlp)
                                        : nn_mlp_output_activation(w->mlp);
    if (activation == NN_IDENTITY)
        return;
    print(w,
          "    for (int i = 0; i < %" PRId64 "; i++) {\n"
          "        const double x = %s[i];\n"
          "        %s[i] = %s;\n"
          "    }\n",
          side(w, i, 1), i % 2 ? "odd" : "even", i % 2 ? "odd" : "even", formulas[activation]);
}

static void print_layer_calls(const Writer *w)
{
    for (int i = 0; i < nn_mlp_layer_count(w->mlp); i++) {
        print(w, "    %s_layer%s(%s_weight_%d, %s_bias_%d, %" PRId64 ", %" PRId64 ", %s, %s);\n",
              w->name, i ? "" : "_of_inputs", w->name, i, w->name, i, side(w, i, 0), side(w, i, 1),
              i == 0  ? "inputs"
              : i % 2 ? "even"
                      : "odd",
              i % 2 ? "odd" : "even");
        print_activation(w, i);
    }
}

static void print_end_of_prediction(const Writer *w, const char *last)
{
    print(w,
          "    int greatest = 0;\n"
          "    for (int i = 1; i < %s_OUTPUTS; i++)\n"
          "        if (%s[i] > %s[greatest])\n"
          "            greatest = i;\n"
          "    if (!outputs)\n"
          "        return greatest;\n",
          w->upper, last, last);
    if (gives_probabilities(w))
        print(w,
              "    const double most = %s[greatest];\n"
              "    double sum = 0;\n"
              "    for (int i = 0; i < %s_OUTPUTS; i++)\n"
              "        sum += %s[i] = exp(%s[i] - most);\n",
              last, w->upper, last, last);
    print(w,
          "    for (int i = 0; i < %s_OUTPUTS; i++)\n"
          "        outputs[i] = (%s)(%s[i]%s);\n"
          "    return greatest;\n"
          "}\n\n",
          w->upper, w->type, last, gives_probabilities(w) ? " / sum" : "");
}

static void print_prediction(const Writer *w)
{
    const int layers = nn_mlp_layer_count(w->mlp);
    print(w, "/* Fills in the outputs, if not NULL; returns the index of the greatest. */\n");
    print(w, "static inline int %s_predict(const %s *inputs, %s *outputs)\n{\n", w->name, w->type,
          w->type);
    print(w, "    double even[%" PRId64 "]", widest(w));
    if (layers > 1)
        print(w, ", odd[%" PRId64 "]", widest(w));
    print(w, ";\n");
    print_layer_calls(w);
    print_end_of_prediction(w, layers % 2 ? "even" : "odd");
}

/* A function before the other that prepares what it takes: `raw` of this type, an element as x. */
static void print_preparation(const Writer *w, const char *suffix, const char *type,
                              const char *raw)
{
    print(w,
          "static inline int %s_predict_%s(const %s *%s, %s *outputs)\n{\n"
          "    %s inputs[%s_INPUTS];\n"
          "    for (int i = 0; i < %s_INPUTS; i++) {\n",
          w->name, suffix, type, raw, w->type, w->type, w->upper, w->upper);
}

static void print_end_of_preparation(const Writer *w)
{
    const NnExportOptions *options = w->options;
    const char *index = options->moments > 1 ? "i" : "0";
    if (options->moments)
        print(w, "        inputs[i] = (%s)((x - %s_mean[%s]) / %s_deviation[%s]);\n", w->type,
              w->name, index, w->name, index);
    else
        print(w, "        inputs[i] = (%s)x;\n", w->type);
    print(w, "    }\n    return %s_predict(inputs, outputs);\n}\n\n", w->name);
}

static void print_preparations(const Writer *w)
{
    const NnExportOptions *options = w->options;
    if (options->pixels) {
        print(w, "/* The same from bytes, 0 for paper to 255 for ink. */\n");
        print_preparation(w, "pixels", "unsigned char", "pixels");
        if (options->threshold)
            print(w, "        const double x = pixels[i] >= %d ? 1 : 0;\n", options->threshold);
        else
            print(w, "        const double x = pixels[i] / 255.0;\n");
        print_end_of_preparation(w);
    } else if (options->moments) {
        print(w, "/* The same from numbers that are not normalised. */\n");
        print_preparation(w, "raw", w->type, "numbers");
        print(w, "        const double x = (double)numbers[i];\n");
        print_end_of_preparation(w);
    }
}

static bool print_all(const Writer *w)
{
    print_top(w);
    print_moments(w);
    if (!print_layers(w))
        return false;
    print_layer_code(w, "_of_inputs", w->type);
    if (nn_mlp_layer_count(w->mlp) > 1)
        print_layer_code(w, "", "double");
    print_prediction(w);
    print_preparations(w);
    print(w, "#endif\n");
    return true;
}

/* ---- the file ------------------------------------------------------------------------------------ */

/* Numbers have a point in C, whatever they have in the program's language. */
static bool print_in_c(const Writer *w)
{
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return error__memory(function, 0), false;
    locale_t before = uselocale(c);
    const bool done = print_all(w);
    uselocale(before);
    freelocale(c);
    return done;
}

ValgradStatus nn_mlp_write_c(const NnMlp *mlp, const char *path, const NnExportOptions *options)
{
    const NnExportOptions standard = NN_EXPORT_OPTIONS_INIT;
    options = options ? options : &standard;
    if (!mlp || !path)
        return error__null(function, mlp ? "path" : "mlp");
    Writer w = {.mlp = mlp, .options = options, .name = options->name};
    w.type = options->dtype == NN_F64 ? "double" : "float";
    w.inputs = side(&w, 0, 0);
    w.outputs = side(&w, nn_mlp_layer_count(mlp) - 1, 1);
    ValgradStatus status = check_options(options, w.inputs);
    if (status == VALGRAD_OK)
        status = check_numbers(mlp);
    if (status != VALGRAD_OK)
        return status;
    for (size_t i = 0; w.name[i]; i++)
        w.upper[i] = (char)toupper((unsigned char)w.name[i]);
    OutputFile output;
    status = output__open(&output, function, path);
    if (status != VALGRAD_OK)
        return status;
    w.output = &output;
    if (print_in_c(&w))
        return output__close(&output);
    output__discard(&output);
    return valgrad_last_status();
}
