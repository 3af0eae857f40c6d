/* memory.c - the pool, making nodes of either kind, and letting them go. Read memory.h first. */
#include <pthread.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "autograd/anomaly.h"
#include "autograd/memory.h"

_Thread_local ThreadMemory memory__mine;

/* What ends up without a thread, and the slabs, which are kept until the program ends. */
static struct {
    pthread_mutex_t lock;
    PoolNode *nodes;
    Chunk *chunks;
} orphans = {.lock = PTHREAD_MUTEX_INITIALIZER};

_Atomic uint64_t memory__clock;
static _Atomic int64_t live_nodes; /* of all threads, but for what each has uncounted */

static void publish_count(void)
{
    atomic_fetch_add_explicit(&live_nodes, mine.uncounted, memory_order_relaxed);
    mine.uncounted = 0;
}

void memory__count_nodes(int64_t change)
{
    mine.uncounted += change;
    if (mine.uncounted > CHUNK_NODES || mine.uncounted < -CHUNK_NODES)
        publish_count();
}

/* ---- numbers of regions ------------------------------------------------------------------------ */

enum { NUMBERS_IN_WORD = 64 };

static struct {
    pthread_mutex_t lock;
    uint64_t taken[(UINT16_MAX + 1) / NUMBERS_IN_WORD];        /* a bit for each */
} numbers = {.lock = PTHREAD_MUTEX_INITIALIZER, .taken = {1}}; /* 0 is nobody's */

uint16_t memory__take_number(void)
{
    const size_t words = sizeof numbers.taken / sizeof *numbers.taken;
    size_t word = 0;
    uint16_t number = 0;
    pthread_mutex_lock(&numbers.lock);
    while (word < words && numbers.taken[word] == UINT64_MAX)
        word++;
    if (word < words) {
        const int bit = __builtin_ctzll(~numbers.taken[word]);
        numbers.taken[word] |= (uint64_t)1 << bit;
        number = (uint16_t)(word * NUMBERS_IN_WORD + (size_t)bit);
    }
    pthread_mutex_unlock(&numbers.lock);
    return number;
}

void memory__give_number(uint16_t number)
{
    if (number == 0)
        return;
    pthread_mutex_lock(&numbers.lock);
    numbers.taken[number / NUMBERS_IN_WORD] &= ~((uint64_t)1 << number % NUMBERS_IN_WORD);
    pthread_mutex_unlock(&numbers.lock);
}

/* ---- chunks ------------------------------------------------------------------------------------ */

/* A graph of many megabytes is walked a tenth faster in huge pages. */
static void ask_for_huge_pages(char *slab, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(slab, bytes, MADV_HUGEPAGE);
#else
    (void)slab, (void)bytes;
#endif
}

static bool add_slab(void)
{
    const bool large = mine.slabs >= SMALL_SLABS;
    const int chunks = large ? LARGE_SLAB : CHUNKS_IN_SLAB;
    const size_t bytes = (size_t)chunks * CHUNK_BYTES;
    char *slab = buffer__allocate(bytes, large ? bytes : CHUNK_BYTES);
    if (!slab)
        return false;
    mine.slabs++;
    if (large)
        ask_for_huge_pages(slab, bytes);
    for (int i = chunks - 1; i >= 0; i--) {
        Chunk *chunk = (Chunk *)(void *)(slab + (size_t)i * CHUNK_BYTES);
        chunk->previous = mine.free_chunks;
        mine.free_chunks = chunk;
    }
    return true;
}

bool memory__get_chunks(void)
{
    memory__watch_thread();
    pthread_mutex_lock(&orphans.lock);
    mine.free_chunks = orphans.chunks;
    orphans.chunks = NULL;
    pthread_mutex_unlock(&orphans.lock);
    return mine.free_chunks || add_slab();
}

/* ---- the pool ---------------------------------------------------------------------------------- */

static PoolNode *next_free(const PoolNode *node)
{
    return (PoolNode *)(void *)node->value.x;
}

static void give_pool_node(PoolNode *node)
{
    node->value.op = OP_FREED;
    node->value.flags = 0;
    node->value.x = (Value *)(void *)mine.free_nodes;
    mine.free_nodes = node;
}

static bool grow_pool(void)
{
    pthread_mutex_lock(&orphans.lock);
    mine.free_nodes = orphans.nodes;
    orphans.nodes = NULL;
    pthread_mutex_unlock(&orphans.lock);
    if (mine.free_nodes)
        return true;
    Chunk *chunk = memory__take_chunk();
    if (!chunk)
        return false;
    chunk->region = NULL;
    PoolNode *nodes = (PoolNode *)(void *)(chunk + 1);
    for (int i = CHUNK_POOL_NODES - 1; i >= 0; i--)
        give_pool_node(&nodes[i]);
    return true;
}

static Value *take_pool_value(void)
{
    if (!mine.free_nodes && !grow_pool())
        return NULL;
    PoolNode *node = mine.free_nodes;
    mine.free_nodes = next_free(node);
    node->stamp = memory__tick();
    node->value.holder = 0;
    node->value.refs = 1;
    memory__count_nodes(1);
    return &node->value;
}

/* ---- making nodes ------------------------------------------------------------------------------ */

bool graph__recording(void)
{
    return !mine.paused;
}

static Value *take_value(Region *region)
{
    return region ? region__take_value(region) : take_pool_value();
}

Value *graph__leaf(OpCode op, bool free_standing, const char *function)
{
    Value *v = take_value(free_standing ? NULL : mine.region);
    if (!v) {
        error__memory(function, 0);
        return NULL;
    }
    v->grad = 0;
    v->x = NULL;
    v->changed_at = 0;
    v->op = (uint8_t)op;
    v->flags = op == OP_LEAF ? LEAF | WANTS_GRAD : LEAF;
    return v;
}

/* Which operands backward gives to, when none is an element: PASSES_X and PASSES_Y. */
static unsigned passes_to(const Value *x, const Value *y)
{
    return (x->flags & WANTS_GRAD ? PASSES_X : 0u) | (y && y->flags & WANTS_GRAD ? PASSES_Y : 0u);
}

Value *graph__node(OpCode op, Value *x, Value *y, const char *function)
{
    if (mine.paused)
        return graph__leaf(OP_CONST, false, function);
    Region *region = mine.region;
    const unsigned number = graph__number(region);
    if (region && ((x->holder != number && !graph__hold(region, x)) ||
                   (y && y->holder != number && !graph__hold(region, y)))) {
        error__memory(function, 0);
        return NULL;
    }
    Value *v = take_value(region);
    if (!v) {
        error__memory(function, 0);
        return NULL;
    }
    if (!region) {
        memory__retain(node_of(x));
        if (y)
            memory__retain(node_of(y));
    }
    v->grad = 0;
    v->x = x;
    v->y = y;
    v->op = (uint8_t)op;
    const unsigned wants = (x->flags | (y ? y->flags : 0u)) & WANTS_GRAD;
    const bool element = is_element(x) || (y && is_element(y));
    v->flags = (uint8_t)(wants | (element ? 0u : passes_to(x, y)));
    return v;
}

Value *graph__extended(OpCode op, size_t bytes, bool free_standing, const NodeKind *kind,
                       const char *name)
{
    Region *region = free_standing ? NULL : mine.region;
    Extension *more = region ? graph__region_bytes(region, bytes) : buffer__take(bytes);
    Value *v = more ? take_value(region) : NULL;
    if (!v) {
        if (!region)
            buffer__give(more);
        error__memory(name, bytes);
        return NULL;
    }
    *more = (Extension){kind, name, NULL};
    v->data = v->grad = 0;
    v->more = more;
    v->changed_at = 0;
    v->op = (uint8_t)op;
    v->flags = EXTENDED;
    return v;
}

/* ---- letting go -------------------------------------------------------------------------------- */

Value *value_retain(Value *v)
{
    if (v)
        memory__retain(node_of(v));
    return v;
}

void memory__retain(Value *node)
{
    node->refs++;
    Region *home = graph__home(node);
    if (home)
        home->handles++;
}

/* One count less; a pool node without any waits to be freed by memory__drain(). */
void memory__let_go(Value *node)
{
    node->refs--;
    Region *home = graph__home(node);
    if (home) {
        graph__region_handle(home, -1);
    } else if (node->refs == 0) {
        pool_node_of(node)->next_dead = mine.dead_nodes;
        mine.dead_nodes = node;
        memory__drain();
    }
}

void value_release(Value *v)
{
    if (!v)
        return;
    Value *node = node_of(v);
    if (node->op == OP_FREED || node->refs == 0) {
        error__set(
            VALGRAD_ERROR_STATE,
            node->op == OP_FREED
                ? "value_release: this Value was freed before: one release too many"
                : "value_release: no handle is left: a scope owns this Value, or one release "
                  "too many");
        return;
    }
    memory__let_go(node);
}

static void free_node(Value *v)
{
    if (v->flags & LABELLED)
        label__remove(v);
    if (v->flags & EXTENDED) {
        v->more->kind->destroy(v, true);
        buffer__give(v->more);
    } else {
        const size_t arity = value__arity(v);
        Value *x = v->x, *y = v->y;
        if (arity > 0)
            memory__let_go(node_of(x));
        if (arity > 1)
            memory__let_go(node_of(y));
    }
    give_pool_node(pool_node_of(v));
    memory__count_nodes(-1);
}

/* Frees what nothing holds, and what thereby loses its last holder: a list instead of recursion. */
void memory__drain(void)
{
    if (mine.draining)
        return;
    mine.draining = true;
    while (mine.dead_nodes || mine.dead_regions) {
        if (mine.dead_nodes) {
            Value *v = mine.dead_nodes;
            mine.dead_nodes = pool_node_of(v)->next_dead;
            free_node(v);
        } else {
            Region *region = mine.dead_regions;
            mine.dead_regions = region->next_region;
            region__free(region);
        }
    }
    mine.draining = false;
}

/* ---- threads and settings ---------------------------------------------------------------------- */

static pthread_key_t end_of_thread;
static pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;

void valgrad_trim(void)
{
    region__trim();
    backward__trim();
    buffer__trim();
}

static void leave_to_others(void)
{
    pthread_mutex_lock(&orphans.lock);
    while (mine.free_nodes) {
        PoolNode *node = mine.free_nodes;
        mine.free_nodes = next_free(node);
        node->value.x = (Value *)(void *)orphans.nodes;
        orphans.nodes = node;
    }
    while (mine.free_chunks) {
        Chunk *chunk = mine.free_chunks;
        mine.free_chunks = chunk->previous;
        chunk->previous = orphans.chunks;
        orphans.chunks = chunk;
    }
    pthread_mutex_unlock(&orphans.lock);
}

static void end_thread(void *unused)
{
    (void)unused;
    valgrad_trim();
    leave_to_others();
    publish_count();
}

static void make_key(void)
{
    (void)pthread_key_create(&end_of_thread, end_thread);
}

void memory__watch_thread(void)
{
    if (mine.watched)
        return;
    mine.watched = true;
    pthread_once(&end_of_thread_once, make_key);
    (void)pthread_setspecific(end_of_thread, &mine);
}

int64_t valgrad_live_nodes(void)
{
    int64_t count = atomic_load_explicit(&live_nodes, memory_order_relaxed) + mine.uncounted;
    for (const Region *region = mine.region; region; region = region->enclosing)
        count += nodes_in_newest(region);
    return count;
}

bool valgrad_set_recording(bool record)
{
    const bool former = !mine.paused;
    mine.paused = !record;
    graph__choose_room();
    return former;
}

ValgradRecording recording_pause(void)
{
    return (ValgradRecording){valgrad_set_recording(false)};
}

void recording_resume(ValgradRecording *paused)
{
    valgrad_set_recording(paused->former);
}

void graph__labelled(Value *v)
{
    v->flags |= LABELLED;
    Region *home = graph__home(node_of(v));
    if (home)
        home->labelled = true;
}
