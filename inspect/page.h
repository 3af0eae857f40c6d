/* page.h - the parts of the replay page that are the same for every graph: lists of lines that end with
 * NULL. In the order in which they are written: head, style; after the title controls; after the drawing
 * what follows up to the graph's JSON; after that the script. */
#ifndef VALGRAD_INSPECT_PAGE_H
#define VALGRAD_INSPECT_PAGE_H

extern const char *const page__head[], *const page__style[], *const page__controls[], *const page__after[],
    *const page__script[];

#endif
