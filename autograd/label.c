/* label.c - names of nodes, and where in a program they were made, kept beside the graph so that a node
 * without them pays nothing. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/graph.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) buffer__take(bytes)
#define uthash_free(memory, bytes) buffer__give(memory)
#define HASH_FUNCTION(key, bytes, hash) ((hash) = hash_of(*(const Value *const *)(key)))
#include <uthash.h>

static unsigned hash_of(const Value *v)
{
    return (unsigned)(((uint64_t)(uintptr_t)v * 0x9E3779B97F4A7C15u) >> 32);
}

typedef struct Label {
    const Value *node;
    char *text;       /* or NULL, */
    const char *file; /* where the node was made, or NULL: one of the two is there */
    int line;
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

static bool add(const Value *v, char *text, const char *file, int line)
{
    Label *label = buffer__take(sizeof *label);
    if (!label)
        return false;
    *label = (Label){.node = v, .text = text, .file = file, .line = line};
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
    if (add(v, copy, NULL, 0))
        return true;
    buffer__give(copy);
    return false;
}

void label__remove(Value *v)
{
    pthread_mutex_lock(&lock);
    forget(v);
    pthread_mutex_unlock(&lock);
    v->flags &= (uint8_t)~LABELLED;
}

/* Where v was made stays known. */
static void remove_text(Value *v)
{
    pthread_mutex_lock(&lock);
    Label *label = find(v);
    const bool has_site = label && label->file;
    if (has_site) {
        buffer__give(label->text);
        label->text = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (!has_site)
        label__remove(v);
}

void label__set_site(Value *v, const char *file, int line)
{
    pthread_mutex_lock(&lock);
    Label *label = find(v);
    const bool noted = label || add(v, NULL, file, line);
    if (label && !label->file) {
        label->file = file;
        label->line = line;
    }
    pthread_mutex_unlock(&lock);
    if (noted)
        graph__labelled(v);
}

bool label__site(const Value *v, const char **file, int *line)
{
    if (!(v->flags & LABELLED))
        return false;
    pthread_mutex_lock(&lock);
    const Label *label = find(v);
    *file = label ? label->file : NULL;
    *line = label ? label->line : 0;
    pthread_mutex_unlock(&lock);
    return *file != NULL;
}

ValgradStatus value_set_label(Value *v, const char *text)
{
    if (!v)
        return error__null("value_set_label", "v");
    if (!text) {
        remove_text(v);
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
    return label && label->text ? label->text : "";
}
