/* test_draw.c - the pictures of a graph: each format is read back by a strict checker of its own. */
#include "testing.h"

#include <ctype.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>

#include <valgrad/valgrad.h>

typedef ValgradStatus Writer(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out);

/* What a writer writes, to be freed. */
static char *written(Writer *writer, const GraphWalk *walk, const GraphDrawOptions *options)
{
    static char *text; /* static: GCC 12 takes what the stream wrote for a pointer to the variable */
    static size_t size;
    FILE *out = open_memstream(&text, &size);
    const ValgradStatus status = writer(walk, options, out);
    fclose(out);
    assert_status(status, VALGRAD_OK);
    return text;
}

static size_t count(const char *text, const char *words)
{
    size_t found = 0;
    for (; (text = strstr(text, words)); text += strlen(words))
        found++;
    return found;
}

#define assert_contains(text, words)                                                               \
    ck_assert_msg(strstr(text, words) != NULL, "\"%s\" is not in:\n%s", words, text)

/* ---- JSON: the grammar of RFC 8259, without recursion ------------------------------------------- */

/* How many characters at `at` are of `set` (or, not `in`, are none of it). A sanitizer's strspn looks at the
 * whole text each time. */
static size_t span(const char *at, const char *set, bool in)
{
    size_t n = 0;
    while (at[n] && (strchr(set, at[n]) != NULL) == in)
        n++;
    return n;
}

static const char *skip_space(const char *at)
{
    return at + span(at, " \t\r\n", true);
}

static const char *json_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        ck_assert_msg((unsigned char)*at >= 0x20, "a control character in a string");
        if (*at != '\\')
            continue;
        at++;
        ck_assert_ptr_nonnull(strchr("\"\\/bfnrtu", *at));
        for (int i = 0; *at == 'u' && i < 4; i++)
            ck_assert(isxdigit((unsigned char)at[1 + i]));
    }
    return at + 1;
}

static const char *digits(const char *at)
{
    const size_t n = span(at, "0123456789", true);
    ck_assert_uint_gt(n, 0);
    return at + n;
}

static const char *json_number(const char *at)
{
    at += *at == '-';
    ck_assert(!(at[0] == '0' && isdigit((unsigned char)at[1])));
    at = digits(at);
    if (*at == '.')
        at = digits(at + 1);
    if (*at == 'e' || *at == 'E')
        at = digits(at + 1 + (at[1] == '+' || at[1] == '-'));
    return at;
}

static const char *json_scalar(const char *at)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    }
    return *at == '"' ? json_string(at) : json_number(at);
}

/* After a key the colon. */
static const char *json_key(const char *at)
{
    at = skip_space(at);
    ck_assert_int_eq(*at, '"');
    at = skip_space(json_string(at));
    ck_assert_int_eq(*at, ':');
    return skip_space(at + 1);
}

static void check_json(const char *at)
{
    char open[64];
    size_t depth = 0;
    for (at = skip_space(at);;) {
        if ((*at == '{' || *at == '[') && *skip_space(at + 1) != (*at == '{' ? '}' : ']')) {
            ck_assert_uint_lt(depth, sizeof open);
            open[depth++] = *at;
            at = *at == '{' ? json_key(at + 1) : skip_space(at + 1);
            continue;
        }
        at = *at == '{' || *at == '[' ? skip_space(at + 1) + 1 : json_scalar(at);
        for (at = skip_space(at); depth > 0 && *at == (open[depth - 1] == '{' ? '}' : ']');
             at = skip_space(at + 1))
            depth--;
        if (depth == 0)
            break;
        ck_assert_msg(*at == ',', "neither , nor the end: %.40s", at);
        at = open[depth - 1] == '{' ? json_key(at + 1) : skip_space(at + 1);
    }
    ck_assert_msg(*at == '\0', "after the end: %.40s", at);
}

/* ---- XML: one root, tags that match, attributes in quotes, known entities ----------------------- */

static const char *xml_name(const char *at)
{
    ck_assert(isalpha((unsigned char)*at));
    return at + span(at, " \t\n=/>", false);
}

static const char *xml_text(const char *at, const char *end)
{
    for (; at < end; at++) {
        ck_assert_int_ne(*at, '<');
        if (*at == '&')
            ck_assert_msg(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
                              strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0 ||
                              strncmp(at, "&#39;", 5) == 0,
                          "%.20s", at);
    }
    return end;
}

static const char *xml_attributes(const char *at)
{
    for (at = skip_space(at); *at != '>' && *at != '/'; at = skip_space(at)) {
        at = xml_name(at);
        ck_assert_int_eq(*at++, '=');
        ck_assert_int_eq(*at++, '"');
        const char *end = strchr(at, '"');
        ck_assert_ptr_nonnull(end);
        at = xml_text(at, end) + 1;
    }
    return at;
}

static void check_xml(const char *at)
{
    struct {
        const char *name;
        size_t length;
    } open[32];
    size_t depth = 0;
    if (strncmp(at, "<!DOCTYPE html>", 15) == 0)
        at += 15;
    for (at = skip_space(at); *at;) {
        if (strncmp(at, "<![CDATA[", 9) == 0) {
            at = strstr(at, "]]>");
            ck_assert_ptr_nonnull(at);
            at += 3;
        } else if (*at != '<') {
            const char *end = at + span(at, "<", false);
            ck_assert_msg(depth > 0 || *skip_space(at) == '\0', "text outside of the root: %.40s", at);
            at = xml_text(at, end);
        } else if (at[1] == '/') {
            ck_assert_uint_gt(depth, 0);
            depth--;
            ck_assert_msg(strncmp(at + 2, open[depth].name, open[depth].length) == 0, "%.40s", at);
            ck_assert_int_eq(at[2 + open[depth].length], '>');
            at += 3 + open[depth].length;
        } else {
            const char *name = at + 1, *end = xml_name(name);
            at = xml_attributes(end);
            ck_assert_uint_lt(depth, COUNT(open));
            open[depth].name = name;
            open[depth].length = (size_t)(end - name);
            depth += *at == '>';
            at += *at == '/' ? 2 : 1;
        }
    }
    ck_assert_uint_eq(depth, 0);
}

/* ---- DOT: graph, subgraph, node, edge and attribute statements ---------------------------------- */

static const char *dot_word(const char *at)
{
    if (*at == '"') {
        for (at++; *at != '"'; at++) {
            ck_assert_int_ne(*at, '\0');
            ck_assert_int_ne(*at, '\n');
            at += *at == '\\';
        }
        return skip_space(at + 1);
    }
    const size_t n = span(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", true);
    ck_assert_msg(n > 0, "no name: %.40s", at);
    return skip_space(at + n);
}

static const char *dot_attributes(const char *at)
{
    if (*at != '[')
        return at;
    for (at = skip_space(at + 1); *at != ']';) {
        at = dot_word(at);
        ck_assert_int_eq(*at, '=');
        at = dot_word(skip_space(at + 1));
        if (*at == ',')
            at = skip_space(at + 1);
    }
    return skip_space(at + 1);
}

static void check_dot(const char *at)
{
    ck_assert_int_eq(strncmp(at, "digraph valgrad {", 17), 0);
    size_t depth = 1;
    for (at = skip_space(at + 17); depth > 0;) {
        if (*at == '}') {
            depth--;
            at = skip_space(at + 1);
            continue;
        }
        if (strncmp(at, "subgraph ", 9) == 0) {
            at = dot_word(at + 9);
            ck_assert_int_eq(*at, '{');
            at = skip_space(at + 1);
            depth++;
            continue;
        }
        at = dot_word(at);
        if (*at == '=')
            at = dot_word(skip_space(at + 1));
        else if (strncmp(at, "->", 2) == 0)
            at = dot_word(skip_space(at + 2));
        at = dot_attributes(at);
        ck_assert_msg(*at == ';', "no ; but %.40s", at);
        at = skip_space(at + 1);
    }
    ck_assert_int_eq(*at, '\0');
}

/* All four, each checked. */
static void check_all(const GraphWalk *walk, const GraphDrawOptions *options)
{
    char *dot = written(graph_write_dot, walk, options), *svg = written(graph_write_svg, walk, options);
    char *json = written(graph_write_json, walk, options), *html = written(graph_write_html, walk, options);
    check_dot(dot);
    check_xml(svg);
    check_json(json);
    check_xml(html);
    char *data = strstr(html, "id=\"graph-data\">");
    ck_assert_ptr_nonnull(data);
    data += strlen("id=\"graph-data\">");
    *strstr(data, "</script>") = '\0';
    check_json(data);
    ck_assert_ptr_null(strstr(html, "http://www.w3.org/2000/svg\"/"));
    free(dot);
    free(svg);
    free(json);
    free(html);
}

/* ---- graphs ------------------------------------------------------------------------------------ */

static Value *neuron(void)
{
    Value *w = value_leaf(2), *x = value_const(-1), *b = value_leaf((real)0.5);
    value_set_label(w, "layer1/w");
    value_set_label(b, "layer1/b");
    value_set_label(x, "x");
    return value_tanh(value_add(value_mul(w, x), b));
}

static GraphWalk *neuron_walk(void)
{
    Value *root = neuron();
    assert_status(value_backward(root), VALGRAD_OK);
    return graph_walk_new(1, &root);
}

START_TEST(a_neuron_in_dot)
{
    VALGRAD_SCOPE {
        GraphWalk *walk = neuron_walk();
        char *dot = written(graph_write_dot, walk, NULL);
        check_dot(dot);
        assert_contains(dot, "subgraph cluster_0");
        assert_contains(dot, "label=\"layer1/\"");
        assert_contains(dot, "layer1/w: leaf\\ndata 2\\ngrad -0.18");
        assert_contains(dot, "n0 -> n3 [label=\"-1\"];");
        assert_contains(dot, "n1 -> n3 [label=\"2\"];");
        ck_assert_uint_eq(count(dot, " -> "), 5);
        free(dot);
        const GraphDrawOptions plain = {"plain", 0, 0, false, false, false};
        dot = written(graph_write_dot, walk, &plain);
        check_dot(dot);
        ck_assert_uint_eq(count(dot, "\\ngrad "), 0);
        ck_assert_uint_eq(count(dot, "cluster"), 0);
        assert_contains(dot, "n0 -> n3;");
        free(dot);
        check_all(walk, NULL);
        check_all(walk, &plain);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(both_edges_are_drawn)
{
    VALGRAD_SCOPE {
        Value *a = value_leaf(3), *b = value_add(a, a);
        GraphWalk *walk = graph_walk_new(1, &b);
        char *dot = written(graph_write_dot, walk, NULL), *svg = written(graph_write_svg, walk, NULL);
        char *json = written(graph_write_json, walk, NULL);
        ck_assert_uint_eq(count(dot, "n0 -> n1 [label=\"1\"]"), 2);
        ck_assert_uint_eq(count(svg, "class=\"vg-edge\""), 2);
        ck_assert_uint_eq(count(json, "{\"from\": 1, \"to\": 0"), 2);
        free(dot);
        free(svg);
        free(json);
        graph_walk_free(walk);
    }
}
END_TEST

/* Whatever stands in a label, nothing of it becomes syntax. */
START_TEST(labels_are_escaped)
{
    static const char *const labels[] = {
        "\"", "\\", "</script><script>alert(1)</script>", "a & b < c > d 'e'", "\x01\x02\x7f", "\xff\xfe\xc0\xaf",
        "\xed\xa0\x80", "\xef\xbf\xbf", "\xf0\x9f\x90\x9f fish", "line\nbreak\ttab", "]]>", "a/b/\"c/", "%s%n{}",
        "a very long label that does not fit into any box at all, ever, however small the letters are made",
    };
    VALGRAD_SCOPE {
        Value *sum = value_leaf(0);
        for (size_t i = 0; i < COUNT(labels); i++) {
            Value *leaf = value_leaf(1);
            assert_status(value_set_label(leaf, labels[i]), VALGRAD_OK);
            sum = value_add(sum, leaf);
        }
        GraphWalk *walk = graph_walk_new(1, &sum);
        for (size_t i = 0; i < COUNT(labels); i++) {
            const GraphDrawOptions options = {labels[i], 0, 0, true, true, i % 2};
            check_all(walk, &options);
        }
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(numbers_that_json_lacks)
{
    VALGRAD_SCOPE {
        Value *zero = value_leaf(0), *pole = value_log(zero), *undefined = value_mul(pole, zero);
        assert_status(value_backward(undefined), VALGRAD_OK);
        GraphWalk *walk = graph_walk_new(1, &undefined);
        char *json = written(graph_write_json, walk, NULL);
        assert_contains(json, "\"data\": \"-Infinity\"");
        assert_contains(json, "\"data\": \"NaN\"");
        assert_contains(json, "\"derivative\": \"Infinity\"");
        free(json);
        check_all(walk, NULL);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(numbers_come_back)
{
    VALGRAD_SCOPE {
        const real numbers[] = {(real)0.1, (real)1 / 3, (real)-1e-30, (real)6.02e23, (real)123456789.125, -0.0f};
        for (size_t i = 0; i < COUNT(numbers); i++) {
            Value *leaf = value_leaf(numbers[i]);
            GraphWalk *walk = graph_walk_new(1, &leaf);
            char *json = written(graph_write_json, walk, NULL);
            const real back = (real)strtod(strstr(json, "\"data\": ") + 8, NULL);
            ck_assert_int_eq(memcmp(&back, &numbers[i], sizeof back), 0);
            free(json);
            graph_walk_free(walk);
        }
    }
}
END_TEST

/* Where the locale writes 0,5 the files still have 0.5. (Only where such a locale is installed.) */
START_TEST(no_locale_gets_into_a_file)
{
    VALGRAD_SCOPE {
        GraphWalk *walk = neuron_walk();
        char *before = written(graph_write_html, walk, NULL);
        (void)(setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "fr_FR.UTF-8"));
        char *after = written(graph_write_html, walk, NULL);
        setlocale(LC_ALL, "C");
        ck_assert_str_eq(after, before);
        free(before);
        free(after);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(tensors_are_drawn_with_shapes)
{
    VALGRAD_SCOPE {
        Random random = random_seeded(1);
        Tensor *x = tensor_normal(0, 1, &random, TENSOR_SHAPE(8, 3));
        Tensor *w = tensor_leaf(NULL, TENSOR_SHAPE(3, 4)), *b = tensor_leaf(NULL, TENSOR_SHAPE(4));
        tensor_set_label(w, "layer1/w");
        Tensor *h = tensor_tanh(tensor_affine(x, w, b));
        Tensor *loss = tensor_mse(tensor_concat(2, (Tensor *[]){h, tensor_transpose(w)}, 0), h);
        ck_assert_ptr_null(loss);
        valgrad_clear_error();
        loss = tensor_sum_all(tensor_mul(h, h));
        Value *root = value_add(tensor_at(loss, 0), value_square(tensor_at(w, 1)));
        GraphWalk *walk = graph_walk_new(1, &root);
        char *json = written(graph_write_json, walk, NULL), *svg = written(graph_write_svg, walk, NULL);
        assert_contains(json, "\"shape\": [8, 4]");
        assert_contains(json, "\"kind\": \"element\"");
        assert_contains(svg, "affine (8, 4)");
        free(json);
        free(svg);
        check_all(walk, NULL);
        graph_walk_free(walk);
        walk = graph_walk_tensor(h);
        check_all(walk, NULL);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(limits_are_kept_and_told)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *y = x;
        for (int i = 0; i < 999999; i++)
            y = value_add(y, i % 3 ? x : y);
        GraphWalk *walk = graph_walk_new(1, &y);
        const GraphDrawOptions by_count = {NULL, 40, 0, true, true, true}, by_depth = {NULL, 0, 7, true, true, true};
        char *dot = written(graph_write_dot, walk, &by_count);
        assert_contains(dot, "40 of 1000000 nodes; 999960 left out");
        ck_assert_uint_eq(count(dot, "data "), 40);
        assert_contains(dot, "left out\", fillcolor");
        free(dot);
        char *json = written(graph_write_json, walk, &by_depth);
        ck_assert_uint_eq(count(json, "\"id\": "), 9); /* seven below the root, and x */
        assert_contains(json, "\"nodes_left_out\": 999991");
        free(json);
        check_all(walk, &by_count);
        graph_walk_free(walk);
    }
}
END_TEST

/* Wide, and with edges across many layers. */
START_TEST(awkward_graphs_are_laid_out)
{
    VALGRAD_SCOPE {
        Value *wide[3000], *x = value_leaf(1), *chain = x;
        for (size_t i = 0; i < COUNT(wide); i++)
            wide[i] = value_leaf(1);
        for (int i = 0; i < 300; i++)
            chain = value_add(chain, wide[i % 7]);
        Value *root = value_mul(value_sum(COUNT(wide), wide), value_mul(chain, x));
        GraphWalk *walk = graph_walk_new(1, &root);
        const GraphDrawOptions everything = {NULL, 0, 0, true, true, true};
        check_all(walk, &everything);
        graph_walk_free(walk);
        walk = graph_walk_new(1, &x);
        check_all(walk, NULL);
        graph_walk_free(walk);
        Value *roots[] = {root, chain, x};
        walk = graph_walk_new(3, roots);
        check_all(walk, NULL);
        graph_walk_free(walk);
    }
}
END_TEST

START_TEST(errors_say_what_is_wrong)
{
    VALGRAD_SCOPE {
        GraphWalk *walk = neuron_walk();
        FILE *full = fopen("/dev/full", "w");
        assert_status(graph_write_dot(NULL, NULL, stdout), VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "walk");
        assert_status(graph_write_svg(walk, NULL, NULL), VALGRAD_ERROR_NULL);
        assert_error(VALGRAD_ERROR_NULL, "out");
        Writer *const writers[] = {graph_write_dot, graph_write_svg, graph_write_json, graph_write_html};
        for (size_t i = 0; full && i < COUNT(writers); i++)
            assert_status(writers[i](walk, NULL, full), VALGRAD_ERROR_IO);
        if (full)
            fclose(full);
        valgrad_clear_error();
        Value *constant = value_const(1);
        GraphWalk *still = graph_walk_new(1, &constant);
        assert_status(graph_write_html(still, NULL, stdout), VALGRAD_ERROR_STATE);
        valgrad_clear_error();
        graph_walk_free(still);
        graph_walk_free(walk);
    }
}
END_TEST

/* ---- out of memory ----------------------------------------------------------------------------- */

static int allocations_left = -1; /* -1: as many as are asked for */
static int64_t blocks;

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    blocks++;
    return malloc(bytes);
}

static void release(void *memory, void *context)
{
    (void)context;
    blocks--;
    free(memory);
}

/* Everything once. True when nothing ran out. */
static bool look_at(Value *root, FILE *out)
{
    GraphWalk *walk = graph_walk_new(1, &root);
    const GraphStepperOptions keep = {1, NULL, true};
    GraphStepper *stepper = walk ? graph_stepper_new(walk, &keep) : NULL;
    bool done = stepper != NULL;
    for (GraphStep step; graph_stepper_next(stepper, &step);)
        ;
    graph_stepper_free(stepper);
    Writer *const writers[] = {graph_write_dot, graph_write_svg, graph_write_json, graph_write_html};
    for (size_t i = 0; done && i < COUNT(writers); i++)
        done = writers[i](walk, NULL, out) == VALGRAD_OK;
    graph_walk_free(walk);
    return done;
}

START_TEST(every_allocation_may_fail)
{
    assert_status(valgrad_set_allocator((ValgradAllocator){allocate, release, NULL}), VALGRAD_OK);
    FILE *out = fopen("/dev/null", "w");
    VALGRAD_SCOPE {
        Tensor *w = tensor_leaf((real[]){1, 2, 3}, TENSOR_SHAPE(3));
        Value *root = value_mul(neuron(), tensor_at(tensor_sum_all(tensor_exp(w)), 0));
        Value *element = tensor_at(w, 0);
        const int64_t before = blocks;
        bool done = false;
        for (int n = 0; !done; n++) {
            ck_assert_int_lt(n, 1000);
            valgrad_trim();
            valgrad_clear_error();
            allocations_left = n;
            done = look_at(root, out);
            allocations_left = -1;
            if (!done)
                assert_status(valgrad_last_status(), VALGRAD_ERROR_MEMORY);
            assert_same(value_grad(element), 0);
            valgrad_trim();
            ck_assert_int_eq(blocks, before);
        }
    }
    fclose(out);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("draw");
    TCase *tests = new_case(suite, "formats", 60);
    tcase_add_test(tests, a_neuron_in_dot);
    tcase_add_test(tests, both_edges_are_drawn);
    tcase_add_test(tests, labels_are_escaped);
    tcase_add_test(tests, numbers_that_json_lacks);
    tcase_add_test(tests, numbers_come_back);
    tcase_add_test(tests, no_locale_gets_into_a_file);
    tcase_add_test(tests, tensors_are_drawn_with_shapes);
    tcase_add_test(tests, limits_are_kept_and_told);
    tcase_add_test(tests, awkward_graphs_are_laid_out);
    tcase_add_test(tests, errors_say_what_is_wrong);
    tcase_add_test(tests, every_allocation_may_fail);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
