/* breaker - a server for the tests whose answers leave late, or are raw.
 *
 * usage: breaker ROOT [UNIX_PATH]
 *
 *     /late/{ms}              text, so much later, from look
 *     /late-work/{ms}         the same from work; /late-refusal/{ms}  a 503; /late-stream/{ms}  in chunks
 *     /raw/{what}             nothing, bytes, file or stream as they are, then closes; any method
 *     /raw-reset/{what}       the same, then resets
 *     /raw-late/{what}        the same, 100 ms later, then closes
 *     /hello                  text at once
 *     /counts                 how many late ones are there, and how many were released */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "base/base.h"
#include "tests/peers/peer.h"

enum { RAW_BYTES = 300000, RAW_LATE_MS = 100 };

static atomic_int begun, released;
static char       raw[RAW_BYTES];
static int        raw_file;

/* ---- late ----------------------------------------------------------------------------- */

static void count_release(void *owner)
{
    (void)owner;
    released++;
}

static void delay(struct wherry_exchange *exchange)
{
    begun++;
    wherry_delay(exchange, atoi(wherry_part(exchange, "ms").ptr));
    wherry_on_release(exchange, count_release, NULL);
}

static enum wherry_next late(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    delay(exchange);
    return wherry_send_text(exchange, 200, wherry_text("late"));
}

static enum wherry_next late_refusal(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    delay(exchange);
    return wherry_refuse(exchange, 503, "so it was asked for");
}

static enum wherry_pull late_pull(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_write(exchange, wherry_text("late"));
    return WHERRY_END;
}

static enum wherry_next late_stream(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    delay(exchange);
    wherry_set_stream(exchange, -1, late_pull, NULL);
    return WHERRY_ANSWER;
}

/* ---- raw ------------------------------------------------------------------------------ */

struct position {
    size_t at;
};

static void raw_release(void *owner)
{
    free(owner);
}

static enum wherry_pull raw_pull(struct wherry_exchange *exchange, void *data)
{
    struct position *position = data;

    position->at += wherry_write(exchange, (struct wherry_slice){raw + position->at,
                                                                 sizeof raw - position->at});
    return position->at < sizeof raw ? WHERRY_MORE : WHERRY_END;
}

static enum wherry_next raw_stream(struct wherry_exchange *exchange)
{
    struct position *position = calloc(1, sizeof *position);

    if (!position)
        return WHERRY_FAIL;
    wherry_set_stream(exchange, -1, raw_pull, position);
    wherry_on_release(exchange, raw_release, position);
    return WHERRY_ANSWER;
}

static enum wherry_next raw_look(struct wherry_exchange *exchange, void *data)
{
    const char *what = wherry_part(exchange, "what").ptr;

    wherry_set_raw(exchange, strcmp(data, "reset") == 0 ? WHERRY_RESETS : WHERRY_CLOSES);
    if (strcmp(data, "late") == 0)
        wherry_delay(exchange, RAW_LATE_MS);
    if (strcmp(what, "bytes") == 0)
        wherry_set_body(exchange, (struct wherry_slice){raw, sizeof raw});
    else if (strcmp(what, "file") == 0)
        wherry_set_file(exchange, raw_file, sizeof raw, NULL);
    else if (strcmp(what, "stream") == 0)
        return raw_stream(exchange);
    return WHERRY_ANSWER;
}

/* What is sent raw: numbered lines. */
static bool make_raw(void)
{
    for (size_t at = 0; at < sizeof raw; at += 10) {
        char line[16];

        snprintf(line, sizeof line, "%09zu\n", at / 10);
        memcpy(raw + at, line, 10);
    }
    raw_file = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return raw_file != -1 && write(raw_file, raw, sizeof raw) == (ssize_t)sizeof raw;
}

/* ---- the rest ------------------------------------------------------------------------- */

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_send_text(exchange, 200, wherry_text("hello"));
}

static enum wherry_next counts(struct wherry_exchange *exchange, void *data)
{
    char text[64];

    (void)data;
    snprintf(text, sizeof text, "{\"begun\": %d, \"released\": %d}", begun, released);
    return wherry_send_json(exchange, 200, wherry_text(text));
}

#define RAW_METHODS (WHERRY_GET | WHERRY_HEAD | WHERRY_POST | WHERRY_PUT | WHERRY_DELETE)

static char plain[] = "plain", reset[] = "reset", later[] = "late";

static const struct wherry_route routes[] = {
    {.pattern = "/late/{ms}", .methods = WHERRY_GET | WHERRY_POST, .look = late},
    {.pattern = "/late-work/{ms}", .methods = WHERRY_GET, .work = late},
    {.pattern = "/late-refusal/{ms}", .methods = WHERRY_GET, .look = late_refusal},
    {.pattern = "/late-stream/{ms}", .methods = WHERRY_GET, .look = late_stream},
    {.pattern = "/raw/{what}", .methods = RAW_METHODS, .look = raw_look, .data = plain},
    {.pattern = "/raw-reset/{what}", .methods = RAW_METHODS, .look = raw_look, .data = reset},
    {.pattern = "/raw-late/{what}", .methods = RAW_METHODS, .look = raw_look, .data = later},
    {.pattern = "/hello", .methods = WHERRY_GET, .look = hello},
    {.pattern = "/counts", .methods = WHERRY_GET, .look = counts},
};

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    int                    status;

    if (!make_raw()) {
        perror("breaker");
        return 1;
    }
    peer_settings_init(&settings);
    settings.connections_max = 2000;
    if (argc > 2)
        settings.unix_path = argv[2];
    server = peer_new(&settings, routes, COUNTOF(routes));
    status = wherry_server_main(server);
    wherry_server_free(server);
    return status;
}
