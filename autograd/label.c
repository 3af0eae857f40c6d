/* label.c - names of nodes, kept beside the graph so that a node without one pays nothing. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/graph.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) buffer__take(bytes)
#define uthash_free(memory, bytes) buffer__give(memory)
#include <uthash.h>

typedef struct Label {
    const Value *node;
    char *text;
    UT_hash_handle hh;
} Label;

static Label *labels;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static Label *find(const Value *v)
{
    Label *label;
    HASH_FIND_PTR(labels, &v, label);
    return label;
}

static void forget(const Value *v)
{
    Label *label = find(v);
    if (!label)
        return;
    HASH_DEL(labels, label);
    buffer__give(label->text);
    buffer__give(label);
}

static bool add(const Value *v, char *text)
{
    Label *label = buffer__take(sizeof *label);
    if (!label)
        return false;
    label->node = v;
    label->text = text;
    HASH_ADD_PTR(labels, node, label);
    if (find(v) == label)
        return true;
    buffer__give(label);
    return false;
}

/* On failure the former text, if there was one, stays. */
static bool store(const Value *v, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = buffer__take(bytes);
    if (!copy)
        return false;
    memcpy(copy, text, bytes);
    Label *label = find(v);
    if (label) {
        buffer__give(label->text);
        label->text = copy;
        return true;
    }
    if (add(v, copy))
        return true;
    buffer__give(copy);
    return false;
}

void label__remove(Value *v)
{
    pthread_mutex_lock(&lock);
    forget(v);
    pthread_mutex_unlock(&lock);
    v->flags &= (uint16_t)~LABELLED;
}

ValgradStatus value_set_label(Value *v, const char *text)
{
    if (!v)
        return error__null("value_set_label", "v");
    if (!text) {
        label__remove(v);
        return VALGRAD_OK;
    }
    pthread_mutex_lock(&lock);
    const bool stored = store(v, text);
    pthread_mutex_unlock(&lock);
    if (!stored)
        return error__memory("value_set_label", strlen(text) + 1);
    graph__labelled(v);
    return VALGRAD_OK;
}

const char *value_label(const Value *v)
{
    if (!v || !(v->flags & LABELLED))
        return "";
    pthread_mutex_lock(&lock);
    const Label *label = find(v);
    pthread_mutex_unlock(&lock);
    return label ? label->text : "";
}
