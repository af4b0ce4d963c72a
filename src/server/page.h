/* page - the short readable page that goes with a refusal. */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include "base/arena.h"

/* A small page of HTML in the arena: the status, its phrase, and `why` in a sentence (NULL: none).
 * ptr is NULL when there is no memory; then there is no page. */
struct str page_render(struct arena *arena, int status, const char *why) MUST_USE;

#endif
