#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

/* Under AddressSanitizer a piece ends where it ends, and is gone after the reset. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define FENCE(ptr, size)   ASAN_POISON_MEMORY_REGION(ptr, size)
#define UNFENCE(ptr, size) ASAN_UNPOISON_MEMORY_REGION(ptr, size)
#else
#define FENCE(ptr, size)   ((void)(ptr), (void)(size))
#define UNFENCE(ptr, size) ((void)(ptr), (void)(size))
#endif

enum { ARENA_FIRST = 4096 };    /* bytes; what most requests need, and no more */

struct arena_block {
    struct arena_block        *next;    /* older */
    size_t                     size;    /* bytes */
    size_t                     used;    /* bytes */
    alignas(max_align_t) char  bytes[];
};

static void free_blocks_down_to(struct arena *arena, const struct arena_block *last)
{
    while (arena->blocks != last) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        arena->taken -= block->size;
        free(block);
    }
}

void arena_fini(struct arena *arena)
{
    free_blocks_down_to(arena, NULL);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *first = arena->blocks;

    if (!first)
        return;
    while (first->next)
        first = first->next;
    free_blocks_down_to(arena, first);
    first->used = 0;
    FENCE(first->bytes, first->size);
}

/* Blocks double, so that a large request needs few of them; the last one is what is left. */
static struct arena_block *add_block(struct arena *arena, size_t needed)
{
    size_t left = arena->max - arena->taken;
    size_t wished = arena->blocks ? arena->blocks->size * 2 : ARENA_FIRST;
    size_t size = MIN_OF(MAX_OF(wished, needed), left);
    struct arena_block *block;

    if (needed > left || needed > SIZE_MAX / 2)
        return NULL;
    block = calloc(1, sizeof(*block) + size);
    if (!block)
        return NULL;
    *block = (struct arena_block){.next = arena->blocks, .size = size};
    FENCE(block->bytes, size);
    arena->blocks = block;
    arena->taken += size;
    return block;
}

static size_t aligned(size_t offset)
{
    return (offset + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t start = block ? aligned(block->used) : 0;

    if (!block || start > block->size || size > block->size - start) {
        block = add_block(arena, size);
        start = 0;
    }
    if (!block)
        return NULL;
    block->used = start + size;
    UNFENCE(block->bytes + start, size);
    return block->bytes + start;
}

struct str arena_copy(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len);

    if (!copy)
        return (struct str){NULL, 0};
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return str_of(copy, s.len);
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = s.len < SIZE_MAX ? arena_alloc(arena, s.len + 1) : NULL;

    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}
