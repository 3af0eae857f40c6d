/* export.c - `mnist export`: a trained network in another form. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

/* The network of a file, and the settings it was trained by: those go into the new files, too. */
typedef struct Trained {
    Config config;
    NnMlp *net;
    double accuracy; /* NaN: not known */
} Trained;

static NnDtype dtype_of(const Config *config)
{
    static const NnDtype dtypes[] = {NN_REAL, NN_F64, NN_F32, NN_F16, NN_BF16};
    return dtypes[config->dtype];
}

typedef ValgradStatus Write(const NnState *state, const char *path);

/* As --save writes it, in numbers of the type asked for. */
static bool write_arrays(const Config *config, const Trained *trained, const char *path,
                         Write *write)
{
    NnState *state = nn_mlp_state(trained->net);
    bool done = state && nn_state_convert(state, dtype_of(config)) == VALGRAD_OK &&
                model_file_annotate(state, &trained->config, trained->accuracy) &&
                write(state, path) == VALGRAD_OK;
    nn_state_free(state);
    return done || library_error();
}

static bool write_c(const Config *config, const Trained *trained)
{
    char comment[80];
    NnExportOptions options = NN_EXPORT_OPTIONS_INIT;
    snprintf(comment, sizeof comment, "Its accuracy on the test samples was %.2f %%.",
             100 * trained->accuracy);
    options.name = config->name ? config->name : "digits";
    options.dtype = config->dtype == DTYPE_F64 ? NN_F64 : NN_F32;
    options.pixels = trained->config.features == PIXELS;
    options.threshold = trained->config.binary ? (int)trained->config.threshold : 0;
    options.moments = trained->config.mean.count;
    options.mean = trained->config.mean.numbers;
    options.deviation = trained->config.deviation.numbers;
    options.comment = isnan(trained->accuracy) ? NULL : comment;
    return nn_mlp_write_c(trained->net, config->c, &options) == VALGRAD_OK || library_error();
}

static bool write_all(const Config *config, const Trained *trained)
{
    return (!config->safetensors ||
            write_arrays(config, trained, config->safetensors, nn_state_write_safetensors)) &&
           (!config->npz || write_arrays(config, trained, config->npz, nn_state_write_npz)) &&
           (!config->c || write_c(config, trained));
}

static bool read_trained(const char *path, Trained *trained)
{
    NnState *state = model_file_read(path);
    if (state && model_file_config(path, &trained->config)) {
        trained->net = model_file_network(path, state, &trained->config);
        trained->accuracy = model_file_accuracy(state);
    }
    nn_state_free(state);
    return trained->net != NULL;
}

static const char *contradiction(const Config *config, char **arguments)
{
    if (!arguments[0] || arguments[1])
        return "expected one FILE, which --save wrote";
    if (!config->c && !config->npz && !config->safetensors)
        return "expected --c, --npz or --safetensors, and a file to write";
    if (config->c && (config->dtype == DTYPE_F16 || config->dtype == DTYPE_BF16))
        return "--c has no 16-bit numbers: expected --dtype f32 or f64";
    return NULL;
}

static int export(Config *config, char **arguments)
{
    const char *wrong = contradiction(config, arguments);
    if (wrong) {
        error_line("%s", wrong);
        return EXIT_USAGE;
    }
    Trained trained = {.config = config_defaults()};
    bool done = read_trained(arguments[0], &trained) && write_all(config, &trained);
    nn_mlp_free(trained.net);
    config_free(&trained.config);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

const Command command_export = {
    .name = "export",
    .summary = "write a trained network as C, .npz or .safetensors",
    .bit = EXPORT,
    .arguments = "FILE",
    .help =
        "Writes the network of FILE (which --save wrote, or PyTorch) in other forms: as a header "
        "of C99 that predicts by itself, as arrays for NumPy, or for PyTorch.",
    .examples = "$ export digits.safetensors --c digits.h\n"
                "$ export digits.safetensors --npz digits.npz --dtype f32",
    .run = export,
};
