/* test_export.c - networks written as C headers, compiled, and held against the library. */
#include <valgrad/export.h>
#include <valgrad/train.h>

#include "files_testing.h"

/* Compiles the folder's main.c with every warning an error, and runs it in the folder. */
static void compile_and_run(const char *flags)
{
    char command[600];
    snprintf(command, sizeof command,
             "cd %s && %s %s -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror main.c -o "
             "main -lm && ./main",
             folder, TEST_COMPILER, flags);
    ck_assert_msg(system(command) == 0, "%s", command);
}

static void write_text(const char *name, const char *text)
{
    write_file(in_folder(name), text, strlen(text));
}

/* ---- small networks of every kind ---------------------------------------------------------------- */

enum { INPUTS = 5, OUTPUTS = 3 };

static const struct {
    const char *name;
    int count;
    int64_t sizes[4];
    NnActivation hidden, output;
    bool no_bias, logits;
    NnDtype dtype;
} nets[] = {
    {"single", 2, {INPUTS, OUTPUTS}, NN_RELU, NN_IDENTITY, false, false, NN_F64},
    {"two", 3, {INPUTS, 7, OUTPUTS}, NN_RELU, NN_IDENTITY, false, false, NN_F32},
    {"three", 4, {INPUTS, 2, 9, OUTPUTS}, NN_LEAKY_RELU, NN_IDENTITY, true, true, NN_F64},
    {"sigmoid", 3, {INPUTS, 4, OUTPUTS}, NN_SIGMOID, NN_SIGMOID, false, false, NN_F64},
    {"Tanh_4", 4, {INPUTS, 4, 4, OUTPUTS}, NN_TANH, NN_TANH, false, false, NN_F32},
    {"softplus", 3, {INPUTS, 4, OUTPUTS}, NN_SOFTPLUS, NN_SOFTPLUS, false, true, NN_F64},
    {"relu6", 3, {INPUTS, 4, OUTPUTS}, NN_RELU6, NN_RELU6, false, true, NN_F64},
    {"elu", 3, {INPUTS, 4, OUTPUTS}, NN_ELU, NN_ELU, false, true, NN_F64},
    {"selu", 3, {INPUTS, 4, OUTPUTS}, NN_SELU, NN_SELU, false, true, NN_F64},
    {"gelu", 3, {INPUTS, 4, OUTPUTS}, NN_GELU, NN_GELU, false, true, NN_F64},
    {"gelu_tanh", 3, {INPUTS, 4, OUTPUTS}, NN_GELU_TANH, NN_GELU_TANH, false, true, NN_F64},
    {"silu", 3, {INPUTS, 4, OUTPUTS}, NN_SILU, NN_SILU, false, true, NN_F64},
    {"softsign", 3, {INPUTS, 4, OUTPUTS}, NN_SOFTSIGN, NN_SOFTSIGN, false, true, NN_F64},
    {"hardtanh", 3, {INPUTS, 4, OUTPUTS}, NN_HARDTANH, NN_HARDTANH, false, true, NN_F64},
    {"hardsigmoid", 3, {INPUTS, 4, OUTPUTS}, NN_HARDSIGMOID, NN_HARDSIGMOID, false, true, NN_F64},
};

static const double inputs[INPUTS] = {0.5, -1, 2, 0.25, -0.75};

static NnMlp *new_net(int i)
{
    Random random = random_seeded((uint64_t)i + 1);
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = nets[i].hidden;
    options.output = nets[i].output;
    options.no_bias = nets[i].no_bias;
    options.init = (NnInit){NN_UNIFORM, 1.5, 0.25};
    return nn_mlp_new(nets[i].count, nets[i].sizes, &options, &random);
}

/* A program that prints what the headers predict. */
static void write_main(void)
{
    FILE *file = fopen(in_folder("main.c"), "w");
    for (size_t i = 0; i < COUNT(nets); i++)
        fprintf(file, "#include \"%s.h\"\n#include \"%s.h\"\n", nets[i].name, nets[i].name);
    fprintf(file,
            "#include <stdio.h>\nint main(void)\n{\n    FILE *file = fopen(\"out\", \"w\");\n");
    for (size_t i = 0; i < COUNT(nets); i++) {
        const char *type = nets[i].dtype == NN_F64 ? "double" : "float";
        fprintf(file, "    {\n        const %s x[] = {(%s)%g", type, type, inputs[0]);
        for (int j = 1; j < INPUTS; j++)
            fprintf(file, ", (%s)%g", type, inputs[j]);
        fprintf(file,
                "};\n        %s y[3];\n        int label = %s_predict(x, y);\n"
                "        if (%s_predict(x, NULL) != label)\n            return 1;\n"
                "        fprintf(file, \"%%d %%.17g %%.17g %%.17g\\n\", label, (double)y[0], "
                "(double)y[1], (double)y[2]);\n    }\n",
                type, nets[i].name, nets[i].name);
    }
    fprintf(file, "    return fclose(file) != 0;\n}\n");
    fclose(file);
}

static void check_outputs(int i, FILE *file)
{
    NnMlp *net = new_net(i);
    int label;
    double given[OUTPUTS];
    real expected[OUTPUTS], x[INPUTS];
    int64_t expected_label;
    for (int j = 0; j < INPUTS; j++)
        x[j] = (real)inputs[j];
    VALGRAD_SCOPE {
        Tensor *y = nn_mlp_forward(net, tensor_const(x, TENSOR_SHAPE(INPUTS)));
        if (!nets[i].logits && nets[i].output == NN_IDENTITY)
            y = tensor_softmax(y, -1);
        tensor_get(y, OUTPUTS, expected);
        tensor_argmax(y, TENSOR_ALL_AXES, 1, &expected_label);
    }
    ck_assert_int_eq(fscanf(file, "%d %lf %lf %lf", &label, &given[0], &given[1], &given[2]), 4);
    ck_assert_int_eq(label, (int)expected_label);
    const double tolerance =
        nets[i].dtype == NN_F64 ? fmax(1e-14, 20 * (double)REAL_EPSILON) : 1e-6;
    for (int j = 0; j < OUTPUTS; j++)
        assert_near(given[j], expected[j], tolerance);
    nn_mlp_free(net);
}

START_TEST(every_kind)
{
    static const char *const languages[] = {"-std=c99", "-std=c11"};
    for (int i = 0; i < (int)COUNT(nets); i++) {
        char path[64];
        NnMlp *net = new_net(i);
        NnExportOptions options = NN_EXPORT_OPTIONS_INIT;
        options.name = nets[i].name;
        options.logits = nets[i].logits;
        options.dtype = nets[i].dtype;
        snprintf(path, sizeof path, "%s.h", nets[i].name);
        assert_status(nn_mlp_write_c(net, in_folder(path), &options), VALGRAD_OK);
        nn_mlp_free(net);
    }
    write_main();
    compile_and_run(languages[_i]);
    FILE *file = fopen(in_folder("out"), "r");
    for (int i = 0; i < (int)COUNT(nets); i++)
        check_outputs(i, file);
    fclose(file);
}
END_TEST

/* ---- all test digits ----------------------------------------------------------------------------- */

enum { DIGITS = 10000, PIXELS = 784, CLASSES = 10, TRAINED = 3000 };

static const char digits_main[] = "#include \"digits.h\"\n"
                                  "#include <stdio.h>\n"
                                  "int main(void)\n"
                                  "{\n"
                                  "    static unsigned char pixels[DIGITS_INPUTS];\n"
                                  "    float outputs[DIGITS_OUTPUTS];\n"
                                  "    FILE *in = fopen(\"pixels\", \"rb\");\n"
                                  "    FILE *out = fopen(\"out\", \"wb\");\n"
                                  "    if (!in || !out)\n"
                                  "        return 1;\n"
                                  "    while (fread(pixels, sizeof pixels, 1, in) == 1) {\n"
                                  "        int label = digits_predict_pixels(pixels, outputs);\n"
                                  "        fwrite(&label, sizeof label, 1, out);\n"
                                  "        fwrite(outputs, sizeof outputs, 1, out);\n"
                                  "    }\n"
                                  "    return fclose(out) != 0;\n"
                                  "}\n";

/* How the loader prepares pixels in the test and the header has to. */
static const struct {
    bool moments;
    int threshold;
} preparations[] = {{false, 0}, {true, 0}, {false, 100}};

static real prepared(uint8_t pixel, double mean, double deviation, int threshold)
{
    const double x = threshold ? pixel >= threshold : pixel / 255.0;
    return (real)((x - mean) / deviation);
}

static NnMlp *train(void)
{
    Random random = random_seeded(1);
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.limit = TRAINED;
    NnDataset *digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "train", CLASSES);
    NnMlp *net = nn_mlp_new(NN_SIZES(PIXELS, 32, CLASSES), NULL, &random);
    NnOptimizer *optimizer = nn_optimizer_sgd(nn_mlp_parameters(net), NULL);
    NnLoader *loader = nn_loader_new(digits, &options);
    assert_status(nn_fit(net, loader, optimizer, NULL, NULL), VALGRAD_OK);
    nn_loader_free(loader);
    nn_optimizer_free(optimizer);
    nn_dataset_free(digits);
    return net;
}

static void write_pixels(const NnDataset *digits)
{
    FILE *file = fopen(in_folder("pixels"), "wb");
    for (int64_t i = 0; i < DIGITS; i++)
        ck_assert_uint_eq(fwrite(nn_dataset_pixels(digits, i), PIXELS, 1, file), 1);
    fclose(file);
}

START_TEST(all_digits)
{
    const bool moments = preparations[_i].moments;
    const int threshold = preparations[_i].threshold;
    const double mean = moments ? 0.1307 : 0, deviation = moments ? 0.3081 : 1;
    NnDataset *digits = nn_dataset_find_idx(VALGRAD_MNIST_SOURCE_DATA, "t10k", CLASSES);
    NnMlp *net = train();
    NnExportOptions options = NN_EXPORT_OPTIONS_INIT;
    options.name = "digits";
    options.pixels = true;
    options.moments = moments;
    options.threshold = threshold;
    options.mean = &mean;
    options.deviation = &deviation;
    options.comment = "Trained on 3,000 digits.";
    assert_status(nn_mlp_write_c(net, in_folder("digits.h"), &options), VALGRAD_OK);
    write_text("main.c", digits_main);
    write_pixels(digits);
    compile_and_run("-std=c99");
    FILE *file = fopen(in_folder("out"), "rb");
    int wrong = 0;
    double furthest = 0;
    for (int64_t i = 0; i < DIGITS; i++)
        VALGRAD_SCOPE {
            int label;
            int64_t expected_label;
            float outputs[CLASSES];
            real x[PIXELS], expected[CLASSES];
            ck_assert_uint_eq(fread(&label, sizeof label, 1, file), 1);
            ck_assert_uint_eq(fread(outputs, sizeof outputs, 1, file), 1);
            for (int j = 0; j < PIXELS; j++)
                x[j] = prepared(nn_dataset_pixels(digits, i)[j], mean, deviation, threshold);
            Tensor *y = nn_mlp_forward(net, tensor_const(x, TENSOR_SHAPE(PIXELS)));
            tensor_argmax(y, TENSOR_ALL_AXES, 1, &expected_label);
            tensor_get(tensor_softmax(y, -1), CLASSES, expected);
            wrong += label != expected_label;
            for (int j = 0; j < CLASSES; j++)
                furthest = fmax(furthest, fabs((double)outputs[j] - (double)expected[j]));
        }
    fclose(file);
    ck_assert_int_eq(wrong, 0);
    ck_assert_msg(furthest < (sizeof(real) == 8 ? 1e-6 : 1e-5), "%g apart", furthest);
    nn_mlp_free(net);
    nn_dataset_free(digits);
}
END_TEST

/* ---- numbers that are not normalised ------------------------------------------------------------- */

START_TEST(raw_numbers)
{
    const double mean[INPUTS] = {1, 2, 3, 4, 5}, deviation[INPUTS] = {1, 2, 4, 8, 16};
    NnMlp *net = new_net(0);
    NnExportOptions options = NN_EXPORT_OPTIONS_INIT;
    options.dtype = NN_F64;
    options.moments = INPUTS;
    options.mean = mean;
    options.deviation = deviation;
    assert_status(nn_mlp_write_c(net, in_folder("model.h"), &options), VALGRAD_OK);
    nn_mlp_free(net);
    write_text("main.c", "#include \"model.h\"\n"
                         "int main(void)\n"
                         "{\n"
                         "    const double raw[] = {2, 1, 5, 4, 21}, x[] = {1, -0.5, 0.5, 0, 1};\n"
                         "    double y[3], z[3];\n"
                         "    if (model_predict_raw(raw, y) != model_predict(x, z))\n"
                         "        return 1;\n"
                         "    return y[0] < z[0] || y[0] > z[0] || y[2] < z[2] || y[2] > z[2];\n"
                         "}\n");
    compile_and_run("-std=c99");
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------------- */

START_TEST(refusals)
{
    NnMlp *net = new_net(0);
    const char *path = in_folder("x.h");
    const double zero = 0;
    NnExportOptions options = NN_EXPORT_OPTIONS_INIT;
    nn_mlp_write_c(NULL, path, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_write_c: mlp is NULL");
    nn_mlp_write_c(net, NULL, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_mlp_write_c: path is NULL");
    static const char *const names[] = {"", "9x", "a b", "a-b", "\xc3\xa4"};
    for (size_t i = 0; i < COUNT(names); i++) {
        options.name = names[i];
        nn_mlp_write_c(net, path, &options);
        assert_error(VALGRAD_ERROR_ARGUMENT, "name: expected a C identifier");
    }
    options = (NnExportOptions)NN_EXPORT_OPTIONS_INIT;
    options.dtype = NN_F16;
    nn_mlp_write_c(net, path, &options);
    assert_error(VALGRAD_ERROR_ARGUMENT, "dtype: expected NN_F32 or NN_F64");
    options = (NnExportOptions)NN_EXPORT_OPTIONS_INIT;
    options.threshold = 256;
    nn_mlp_write_c(net, path, &options);
    assert_error(VALGRAD_ERROR_ARGUMENT, "threshold: expected 0 to 255");
    options.threshold = 0;
    options.moments = 2;
    nn_mlp_write_c(net, path, &options);
    assert_error(VALGRAD_ERROR_ARGUMENT, "moments: expected 0, 1, or one pair for each input");
    options.moments = 1;
    nn_mlp_write_c(net, path, &options);
    assert_error(VALGRAD_ERROR_NULL, "mean is NULL");
    options.mean = options.deviation = &zero;
    nn_mlp_write_c(net, path, &options);
    assert_error(VALGRAD_ERROR_ARGUMENT, "deviations above 0");
    options = (NnExportOptions)NN_EXPORT_OPTIONS_INIT;
    options.comment = "end */ int x;";
    nn_mlp_write_c(net, path, &options);
    assert_error(VALGRAD_ERROR_ARGUMENT, "comment: expected one line");
    options.comment = NULL;
    nn_mlp_write_c(net, "/dev/full", &options);
    assert_error(VALGRAD_ERROR_IO, "/dev/full: cannot be written: No space left on device");
    nn_mlp_write_c(net, in_folder("none/x.h"), &options);
    assert_error(VALGRAD_ERROR_IO, "cannot be written: No such file");
    const real not_finite[] = {0, (real)INFINITY, 0};
    nn_parameters_set(nn_mlp_parameters(net), "0.bias", 3, not_finite);
    nn_mlp_write_c(net, path, NULL);
    assert_error(VALGRAD_ERROR_ARGUMENT, "\"0.bias\" is not finite");
    ck_assert_int_eq(count_files(NULL), 0);
    nn_mlp_free(net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export");
    TCase *tests = new_case(suite, "export", 60);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_loop_test(tests, every_kind, 0, 2);
    tcase_add_loop_test(tests, all_digits, 0, (int)COUNT(preparations));
    tcase_add_test(tests, raw_numbers);
    tcase_add_test(tests, refusals);
    return run_suite(suite);
}
