#include "server/permit.h"

#include "base/clock.h"

void permits_init(struct permits *permits, unsigned total,
                  void (*granted)(struct ticket *, void *), void *context)
{
    *permits = (struct permits){.total = total, .granted = granted, .context = context};
    pthread_mutex_init(&permits->mutex, NULL);
    for (size_t i = 0; i < PERMIT_KINDS; i++)
        list_init(&permits->lines[i]);
}

/* Long work leaves one permit for brief work, once there are two. */
static bool has_one_for(const struct permits *permits, enum permit_kind kind)
{
    if (permits->taken >= permits->total)
        return false;
    return kind == PERMIT_BRIEF || permits->total < 2 ||
           permits->taken_long < permits->total - 1;
}

static void grant(struct permits *permits, struct ticket *ticket)
{
    permits->taken++;
    if (ticket->kind == PERMIT_LONG)
        permits->taken_long++;
    ticket->state = TICKET_GRANTED;
}

static void grant_those_in_line(struct permits *permits)
{
    for (size_t kind = 0; kind < PERMIT_KINDS; kind++) {
        while (has_one_for(permits, (enum permit_kind)kind)) {
            struct list   *link = list_shift(&permits->lines[kind]);
            struct ticket *ticket;

            if (!link)
                break;
            ticket = CONTAINER_OF(link, struct ticket, link);
            permits->waiting--;
            grant(permits, ticket);
            permits->granted(ticket, permits->context);
        }
    }
}

bool permits_take(struct permits *permits, struct ticket *ticket, int64_t now_ms)
{
    bool has;

    pthread_mutex_lock(&permits->mutex);
    if (ticket->state == TICKET_NONE) {
        bool overtakes = !list_is_empty(&permits->lines[ticket->kind]);

        if (!overtakes && has_one_for(permits, ticket->kind)) {
            grant(permits, ticket);
        } else {
            ticket->state = TICKET_WAITING;
            ticket->since_ms = now_ms;
            list_append(&permits->lines[ticket->kind], &ticket->link);
            permits->waiting++;
        }
    }
    has = ticket->state == TICKET_GRANTED;
    pthread_mutex_unlock(&permits->mutex);
    return has;
}

void permits_leave(struct permits *permits, struct ticket *ticket)
{
    pthread_mutex_lock(&permits->mutex);
    if (ticket->state == TICKET_WAITING) {
        list_remove(&ticket->link);
        permits->waiting--;
    } else if (ticket->state == TICKET_GRANTED) {
        assert(permits->taken > 0);
        permits->taken--;
        if (ticket->kind == PERMIT_LONG)
            permits->taken_long--;
        grant_those_in_line(permits);
    }
    ticket->state = TICKET_NONE;
    pthread_mutex_unlock(&permits->mutex);
}

void permits_resize(struct permits *permits, unsigned total)
{
    pthread_mutex_lock(&permits->mutex);
    permits->total = total;
    grant_those_in_line(permits);
    pthread_mutex_unlock(&permits->mutex);
}

unsigned permits_waiting(struct permits *permits, int64_t *since_ms)
{
    unsigned waiting;

    *since_ms = CLOCK_NEVER;
    pthread_mutex_lock(&permits->mutex);
    waiting = permits->waiting;
    for (size_t kind = 0; kind < PERMIT_KINDS; kind++) {
        const struct list *line = &permits->lines[kind];

        if (!list_is_empty(line)) {
            const struct ticket *first = CONTAINER_OF(line->next, struct ticket, link);

            *since_ms = MIN_OF(*since_ms, first->since_ms);
        }
    }
    pthread_mutex_unlock(&permits->mutex);
    return waiting;
}

bool permits_has_spare(struct permits *permits, unsigned spare)
{
    bool has;

    pthread_mutex_lock(&permits->mutex);
    has = permits->waiting == 0 && permits->taken + spare <= permits->total;
    pthread_mutex_unlock(&permits->mutex);
    return has;
}
