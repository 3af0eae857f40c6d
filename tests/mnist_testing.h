/* mnist_testing.h - running the trainer as its user does: what it prints and its exit code. */
#ifndef VALGRAD_TESTS_MNIST_TESTING_H
#define VALGRAD_TESTS_MNIST_TESTING_H

#include <sys/wait.h>
#include <zlib.h>

#include "files_testing.h"

/* What the last run printed, standard error included, and its exit code. */
static char printed[60000];
static int code;

/* Runs the program with arguments. */
static inline void run(const char *arguments)
{
    char command[4000];
    snprintf(command, sizeof command, "'" MNIST_PROGRAM "' %s 2>&1", arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    size_t n = fread(printed, 1, sizeof printed - 1, pipe);
    printed[n] = '\0';
    int status = pclose(pipe);
    ck_assert_msg(WIFEXITED(status), "%s ended by a signal", arguments);
    code = WEXITSTATUS(status);
}

static inline void run_well(const char *arguments)
{
    run(arguments);
    ck_assert_msg(code == 0, "%s: exit code %d\n%s", arguments, code, printed);
}

static inline int lines(void)
{
    int count = 0;
    for (const char *at = printed; *at; at++)
        count += *at == '\n';
    return count;
}

/* Whether the last run printed this. */
#define assert_printed(text)                                                                       \
    ck_assert_msg(strstr(printed, text) != NULL, "expected \"%s\" in:\n%.3000s", text, printed)

/* Whether the run printed one line, with this in it, and ended with this code. */
static inline void check_refused(const char *arguments, int expected_code, const char *expected)
{
    run(arguments);
    ck_assert_msg(code == expected_code, "%s: exit code %d: expected %d\n%s", arguments, code,
                  expected_code, printed);
    ck_assert_msg(strstr(printed, expected) != NULL, "%s: \"%s\": expected \"%s\"", arguments,
                  printed, expected);
    ck_assert_msg(lines() == 1, "%s: expected one line:\n%s", arguments, printed);
}

/* The accuracy in the last line, "test accuracy 97.12 %". */
static inline double last_line_accuracy(void)
{
    const char *line = strstr(printed, "test accuracy ");
    double accuracy = -1;
    char rest[3] = "";
    ck_assert_msg(line && sscanf(line, "test accuracy %lf %2s", &accuracy, rest) == 2 &&
                      rest[0] == '%',
                  "%s", printed);
    ck_assert_ptr_eq(strchr(line, '\n'), printed + strlen(printed) - 1);
    return accuracy;
}

/* ---- a folder for files ---------------------------------------------------------------------- */

/* In that folder from now on, so that commands can name files in it. */
static inline void enter_folder(void)
{
    in_a_folder();
    ck_assert_int_eq(chdir(folder), 0);
}

static inline void leave_folder(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    out_of_the_folder();
}

/* The text of a file, in a buffer that the next call reuses. */
static inline const char *file_text(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "no %s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static inline void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* ---- fewer digits ---------------------------------------------------------------------------- */

/* The first so many items of each file of MNIST, of so many bytes after a header of so many: most tests
 * take less time than reading all 70,000. */
static const struct {
    const char *name;
    size_t count, header, item;
} few_files[] = {
    {"train-images-idx3-ubyte", 3000, 16, 28 * 28},
    {"train-labels-idx1-ubyte", 3000, 8, 1},
    {"t10k-images-idx3-ubyte", 500, 16, 28 * 28},
    {"t10k-labels-idx1-ubyte", 500, 8, 1},
};

static char few_digits[64]; /* the folder that has them */

/* From now on the program finds these, but for --data ALL_DIGITS. */
static inline void use_few_digits(void)
{
    char path[1000];
    strcpy(few_digits, "/tmp/valgrad-digits-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(few_digits));
    for (size_t i = 0; i < COUNT(few_files); i++) {
        const size_t count = few_files[i].count,
                     n = few_files[i].header + count * few_files[i].item;
        unsigned char *bytes = malloc(n);
        snprintf(path, sizeof path, VALGRAD_MNIST_SOURCE_DATA "/%s.gz", few_files[i].name);
        gzFile all = gzopen(path, "rb");
        ck_assert_int_eq(gzread(all, bytes, (unsigned)n), (int)n);
        gzclose(all);
        for (int byte = 0; byte < 4; byte++)
            bytes[4 + byte] = (unsigned char)(count >> (24 - 8 * byte));
        snprintf(path, sizeof path, "%s/%s", few_digits, few_files[i].name);
        write_file(path, bytes, n);
        free(bytes);
    }
    setenv("VALGRAD_MNIST_DATA", few_digits, 1);
}

static inline void remove_few_digits(void)
{
    char path[1000];
    unsetenv("VALGRAD_MNIST_DATA");
    for (size_t i = 0; i < COUNT(few_files); i++) {
        snprintf(path, sizeof path, "%s/%s", few_digits, few_files[i].name);
        remove(path);
    }
    rmdir(few_digits);
}

#define ALL_DIGITS "'" VALGRAD_MNIST_SOURCE_DATA "'"

#endif
