/* streamer - a server for the tests whose answers come piece by piece.
 *
 * usage: streamer ROOT [HANDLER_TIMEOUT_MS [DRAIN_MS [WRITE_TIMEOUT_MS]]]
 *
 *     /events         an event stream: says hello, then what is published; says bye when the server stops
 *     /mute           the same, and never says bye
 *     /publish        (POST) publishes an event to all of them
 *     /drip/{n}       n bytes, one every 20 ms, of known length
 *     /drops/{n}      the same, and nobody knows how many
 *     /lines/{n}      n numbered lines as fast as may be, with a trailer that counts them
 *     /endless        the same for ever
 *     /thread/{n}     n lines from a thread of ours, which wakes the stream for each
 *     /broken, /short, /long, /never    cannot be finished: after some chunks; of known length 2,000, with
 *                     less and more; before anything was written
 *     /sleep/{ms}     sleeps with wherry_sleep, and tells how that went
 *     /counts         how many streams are there, and how many were released */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wherry.h>

#include "base/base.h"
#include "tests/peers/peer.h"

enum { DRIP_MS = 20, LINE = 8 };

static atomic_int begun, released, slept_early;

/* ---- events --------------------------------------------------------------------------- */

/* Who listens: in a ring. */
struct listener {
    struct listener     *next, *previous;
    struct wherry_waker *waker;
    int                  heard;
    bool                 is_mute, has_said_hello;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct listener all = {.next = &all, .previous = &all};
static int             published;

static void event_release(void *owner)
{
    struct listener *listener = owner;

    pthread_mutex_lock(&mutex);
    listener->next->previous = listener->previous;
    listener->previous->next = listener->next;
    pthread_mutex_unlock(&mutex);
    wherry_waker_release(listener->waker);
    free(listener);
    released++;
}

static enum wherry_pull event_pull(struct wherry_exchange *exchange, void *data)
{
    struct listener *listener = data;
    char             event[64];
    int              until;

    pthread_mutex_lock(&mutex);
    until = published;
    pthread_mutex_unlock(&mutex);
    if (!listener->has_said_hello)
        wherry_write(exchange, wherry_text(": hello\n\n"));
    listener->has_said_hello = true;
    for (; listener->heard < until; listener->heard++) {
        snprintf(event, sizeof event, "data: %d\n\n", listener->heard + 1);
        wherry_write(exchange, wherry_text(event));
    }
    if (!listener->is_mute && wherry_deadline(exchange) != INT64_MAX) {
        wherry_write(exchange, wherry_text("event: bye\ndata:\n\n"));
        return WHERRY_END;
    }
    return wherry_wait(exchange, -1);
}

static enum wherry_next event_look(struct wherry_exchange *exchange, void *data)
{
    struct listener *listener = calloc(1, sizeof *listener);

    if (!listener)
        return WHERRY_FAIL;
    listener->is_mute = data != NULL;
    listener->waker = wherry_waker_acquire(exchange);
    pthread_mutex_lock(&mutex);
    listener->heard = published;
    listener->next = all.next;
    listener->previous = &all;
    all.next->previous = listener;
    all.next = listener;
    pthread_mutex_unlock(&mutex);
    begun++;
    wherry_add_field(exchange, "Content-Type", wherry_text("text/event-stream"));
    wherry_add_field(exchange, "Cache-Control", wherry_text("no-store"));
    wherry_set_stream(exchange, -1, event_pull, listener);
    wherry_on_release(exchange, event_release, listener);
    return listener->waker ? WHERRY_ANSWER : WHERRY_FAIL;
}

static enum wherry_next publish_work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    pthread_mutex_lock(&mutex);
    published++;
    for (struct listener *listener = all.next; listener != &all; listener = listener->next)
        wherry_wake(listener->waker);
    pthread_mutex_unlock(&mutex);
    wherry_set_status(exchange, 204);
    return WHERRY_ANSWER;
}

/* ---- what is counted ------------------------------------------------------------------ */

enum kind { DRIP, DROPS, LINES, ENDLESS, BROKEN, SHORT, LONG, NEVER };

struct count {
    enum kind kind;
    int       left, done;
};

static void count_release(void *owner)
{
    free(owner);
    released++;
}

static enum wherry_pull drip_pull(struct wherry_exchange *exchange, struct count *count)
{
    if (count->left > 0)
        wherry_write(exchange, wherry_text("*"));
    return --count->left > 0 ? wherry_wait(exchange, DRIP_MS) : WHERRY_END;
}

/* As many lines as there is room for. */
static enum wherry_pull lines_pull(struct wherry_exchange *exchange, struct count *count)
{
    char line[16];

    for (int room = 64 * 1024 / LINE; room > 0 && count->left > 0; room--) {
        snprintf(line, sizeof line, "%07d\n", count->done % 10000000);
        wherry_write(exchange, (struct wherry_slice){line, LINE});
        count->done++;
        count->left -= count->kind != ENDLESS;
    }
    if (count->left > 0)
        return WHERRY_MORE;
    snprintf(line, sizeof line, "%d", count->done);
    wherry_add_trailer(exchange, "X-Lines", wherry_text(line));
    return WHERRY_END;
}

static enum wherry_pull broken_pull(struct wherry_exchange *exchange, struct count *count)
{
    char piece[1000];

    memset(piece, 'x', sizeof piece);
    if (count->kind == NEVER)
        return WHERRY_BROKEN;
    wherry_write(exchange, (struct wherry_slice){piece, sizeof piece});
    count->done++;
    if (count->kind == SHORT)
        return WHERRY_END;
    if (count->done < 3)
        return count->done == 1 ? wherry_wait(exchange, DRIP_MS) : WHERRY_MORE;
    return count->kind == BROKEN ? WHERRY_BROKEN : WHERRY_END;
}

static enum wherry_pull count_pull(struct wherry_exchange *exchange, void *data)
{
    struct count *count = data;

    switch (count->kind) {
    case DRIP:
    case DROPS:
        return drip_pull(exchange, count);
    case LINES:
    case ENDLESS:
        return lines_pull(exchange, count);
    case BROKEN:
    case SHORT:
    case LONG:
    case NEVER:
        break;
    }
    return broken_pull(exchange, count);
}

static int number_in(const struct wherry_exchange *exchange)
{
    const char *slash = strrchr(wherry_path(exchange).ptr, '/');

    return slash ? atoi(slash + 1) : 1;
}

static enum wherry_next count_look(struct wherry_exchange *exchange, void *data)
{
    struct count *count = calloc(1, sizeof *count);
    int64_t       length = -1;

    if (!count)
        return WHERRY_FAIL;
    count->kind = *(const enum kind *)data;
    count->left = number_in(exchange);
    if (count->kind == DRIP)
        length = count->left;
    if (count->kind == SHORT || count->kind == LONG)
        length = 2000;
    begun++;
    wherry_add_field(exchange, "Content-Type", wherry_text("text/plain"));
    wherry_set_stream(exchange, length, count_pull, count);
    wherry_on_release(exchange, count_release, count);
    return WHERRY_ANSWER;
}

/* ---- from a thread of our own --------------------------------------------------------- */

/* Shared by the stream and the thread; who leaves last frees it. */
struct belt {
    pthread_mutex_t      mutex;
    struct wherry_waker *waker;
    int                  made, taken, wanted;
    int                  holders;
};

static void belt_release(void *owner)
{
    struct belt *belt = owner;
    bool         is_last;

    pthread_mutex_lock(&belt->mutex);
    is_last = --belt->holders == 0;
    pthread_mutex_unlock(&belt->mutex);
    if (!is_last)
        return;
    wherry_waker_release(belt->waker);
    free(belt);
    released++;
}

static void *belt_make(void *data)
{
    struct belt *belt = data;

    for (int i = 0; i < belt->wanted; i++) {
        if (i % 3 == 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        pthread_mutex_lock(&belt->mutex);
        belt->made++;
        pthread_mutex_unlock(&belt->mutex);
        wherry_wake(belt->waker);
    }
    belt_release(belt);
    return NULL;
}

static enum wherry_pull belt_pull(struct wherry_exchange *exchange, void *data)
{
    struct belt *belt = data;
    char         line[32];
    int          made;

    pthread_mutex_lock(&belt->mutex);
    made = belt->made;
    pthread_mutex_unlock(&belt->mutex);
    for (; belt->taken < made; belt->taken++) {
        snprintf(line, sizeof line, "%d\n", belt->taken);
        wherry_write(exchange, wherry_text(line));
    }
    return belt->taken == belt->wanted ? WHERRY_END : wherry_wait(exchange, -1);
}

static enum wherry_next belt_work(struct wherry_exchange *exchange, void *data)
{
    struct belt *belt = calloc(1, sizeof *belt);
    pthread_t    thread;

    (void)data;
    if (!belt)
        return WHERRY_FAIL;
    pthread_mutex_init(&belt->mutex, NULL);
    belt->waker = wherry_waker_acquire(exchange);
    belt->wanted = number_in(exchange);
    belt->holders = 2;
    begun++;
    wherry_set_stream(exchange, -1, belt_pull, belt);
    wherry_on_release(exchange, belt_release, belt);
    if (!belt->waker || pthread_create(&thread, NULL, belt_make, belt) != 0) {
        belt_release(belt);         /* the thread's part */
        return WHERRY_FAIL;
    }
    pthread_detach(thread);
    return WHERRY_ANSWER;
}

/* ---- the rest ------------------------------------------------------------------------- */

static enum wherry_next sleep_work(struct wherry_exchange *exchange, void *data)
{
    bool    has_slept = wherry_sleep(exchange, number_in(exchange));
    int64_t left = wherry_deadline(exchange);

    (void)data;
    slept_early += !has_slept;
    return wherry_send_text(exchange, 200, wherry_text(has_slept ? "slept" : left ? "left" : "late"));
}

/* As a handler that does not look. */
static enum wherry_next oversleep_work(struct wherry_exchange *exchange, void *data)
{
    int ms = number_in(exchange);

    (void)data;
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    return wherry_send_text(exchange, 200, wherry_text("overslept"));
}

static enum wherry_next counts_look(struct wherry_exchange *exchange, void *data)
{
    char text[128];

    (void)data;
    snprintf(text, sizeof text, "{\"begun\": %d, \"released\": %d, \"early\": %d}", begun, released,
             slept_early);
    return wherry_send_json(exchange, 200, wherry_text(text));
}

static enum kind kinds[] = {DRIP, DROPS, LINES, ENDLESS, BROKEN, SHORT, LONG, NEVER};

#define COUNTED(path, kind) {.pattern = (path), .methods = WHERRY_GET | WHERRY_HEAD, .look = count_look, .data = &kinds[kind]}

static const struct wherry_route routes[] = {
    {.pattern = "/events", .methods = WHERRY_GET, .look = event_look},
    {.pattern = "/mute", .methods = WHERRY_GET, .look = event_look, .data = kinds},
    {.pattern = "/publish", .methods = WHERRY_POST, .work = publish_work},
    COUNTED("/drip/*", DRIP),
    COUNTED("/drops/*", DROPS),
    COUNTED("/lines/*", LINES),
    COUNTED("/endless", ENDLESS),
    COUNTED("/broken", BROKEN),
    COUNTED("/short", SHORT),
    COUNTED("/long", LONG),
    COUNTED("/never", NEVER),
    {.pattern = "/thread/*", .methods = WHERRY_GET, .work = belt_work},
    {.pattern = "/sleep/*", .methods = WHERRY_GET, .work = sleep_work},
    {.pattern = "/oversleep/*", .methods = WHERRY_GET, .work = oversleep_work},
    {.pattern = "/counts", .methods = WHERRY_GET, .look = counts_look},
};

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    char                   problem[256] = "no memory";
    bool                   ok;

    peer_settings_init(&settings);
    if (argc > 2)
        settings.handler_timeout_ms = atoi(argv[2]);
    if (argc > 3)
        settings.drain_ms = atoi(argv[3]);
    if (argc > 4)
        settings.write_timeout_ms = atoi(argv[4]);
    server = peer_new(&settings, routes, COUNTOF(routes));
    if (!server || !wherry_server_open(server, problem, sizeof problem)) {
        fprintf(stderr, "streamer: %s\n", problem);
        return 1;
    }
    wherry_server_take_signals(server);
    printf("%s\n", wherry_server_url(server, 0));
    if (settings.tls.port != -1)
        printf("%s\n", wherry_server_url(server, 1));
    fflush(stdout);
    ok = wherry_server_run(server, problem, sizeof problem);
    wherry_server_free(server);
    fprintf(stderr, "streamer: begun=%d released=%d %s\n", begun, released,
            ok ? "all was finished" : "some was cut");
    return 0;
}
