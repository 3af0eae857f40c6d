/* html.c - one page that holds a graph, its drawing, and what is needed to replay both passes. */
#include <stdio.h>

#include "inspect/inspect_internal.h"
#include "inspect/page.h"

static void put_lines(FILE *out, const char *const *lines)
{
    for (; *lines; lines++)
        fputs(*lines, out);
}

static void put_top(const Picture *picture, FILE *out)
{
    char note[100];
    const char *title = picture->options.title ? picture->options.title : "graph";
    picture__note(picture, sizeof note, note);
    put_lines(out, page__head);
    fputs("<title>", out);
    emit__escaped(out, title, ESCAPE_XML);
    fputs("</title>\n<style>\n", out);
    put_lines(out, page__style);
    fputs("</style>\n</head>\n<body>\n<header>\n<h1>", out);
    emit__escaped(out, title, ESCAPE_XML);
    fprintf(out, "</h1>\n<p class=\"note\">Forward and backward, one step at a time. %s.</p>\n</header>\n<main>\n",
            note);
    put_lines(out, page__controls);
}

/* The drawing shows the gradients that the pass will leave; the stepper has not begun. */
static bool write_html(const Picture *picture, FILE *out, GraphStepper *stepper)
{
    put_top(picture, out);
    if (!svg__write(picture, out, true))
        return false;
    put_lines(out, page__after);
    if (!json__write(picture, out, stepper))
        return false;
    fputs("</script>\n<script>\n//<![CDATA[\n", out);
    put_lines(out, page__script);
    fputs("//]]>\n</script>\n</body>\n</html>\n", out);
    return true;
}

ValgradStatus graph_write_html(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out)
{
    static const char function[] = "graph_write_html";
    static const GraphStepperOptions apart = {1, NULL, true};
    Picture picture;
    if (!emit__check(function, walk, out))
        return valgrad_last_status();
    GraphStepper *stepper = graph_stepper_new(walk, &apart);
    if (!stepper)
        return valgrad_last_status();
    bool room = picture__begin(&picture, function, walk, options);
    if (room) {
        picture.options.gradients = true; /* the page has a place for each */
        room = write_html(&picture, out, stepper);
        picture__end(&picture);
    }
    graph_stepper_free(stepper);
    return room ? emit__status(function, out) : error__memory(function, 0);
}
