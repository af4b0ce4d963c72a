/* list - a doubly linked list whose links live inside the things it links.
 *
 * A head is a link that points at itself when the list is empty.  Nothing is owned, nothing is
 * allocated, nothing fails.  A link that is in no list is LIST_NONE (both NULL), so that
 * taking it out twice is harmless. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_NONE ((struct list){NULL, NULL})

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_is_linked(const struct list *link)
{
    return link->next != NULL;
}

static inline void list_append(struct list *head, struct list *link)
{
    assert(!list_is_linked(link));
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_remove(struct list *link)
{
    if (!list_is_linked(link))
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    *link = LIST_NONE;
}

/* Takes the first link out and gives it; NULL when the list is empty. */
static inline struct list *list_shift(struct list *head)
{
    struct list *first = head->next;

    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}

#endif
