/* sleeper - a server for the tests: a folder, and beside it handlers that block, fail and echo.
 *
 * usage: sleeper ROOT [WORKERS_MAX]
 * /sleep/{ms} sleeps in its handler, /fail fails, /echo gives the body back, /bad-field/{name} tries to
 * add a field of that name, /status/{n} sets that status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wherry.h>

#include "base/base.h"
#include "tests/peers/peer.h"

static enum wherry_next sleep_work(struct wherry_exchange *exchange, void *data)
{
    const char         *ms = wherry_path(exchange).ptr + strlen("sleep/");
    char                text[64];
    struct wherry_slice body = {text, 0};

    (void)data;
    nanosleep(&(struct timespec){.tv_sec = atoi(ms) / 1000, .tv_nsec = atoi(ms) % 1000 * 1000000}, NULL);
    body.len = (size_t)snprintf(text, sizeof text, "slept %d\n", atoi(ms));
    wherry_add_field(exchange, "Content-Type", (struct wherry_slice){"text/plain", 10});
    wherry_copy_body(exchange, body);
    return WHERRY_ANSWER;
}

static enum wherry_next fail_work(struct wherry_exchange *exchange, void *data)
{
    (void)exchange;
    (void)data;
    return WHERRY_FAIL;
}

static enum wherry_next echo_work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_body(exchange, wherry_body(exchange));
    return WHERRY_ANSWER;
}

static enum wherry_next bad_field_look(struct wherry_exchange *exchange, void *data)
{
    const char *name = wherry_path(exchange).ptr + strlen("bad-field/");

    (void)data;
    if (strcmp(name, "X-Forged") == 0)
        wherry_add_field(exchange, name, (struct wherry_slice){"a\r\nSet-Cookie: b", 16});
    else
        wherry_add_field(exchange, name, (struct wherry_slice){"17", 2});
    return WHERRY_ANSWER;
}

static enum wherry_next status_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_status(exchange, atoi(wherry_path(exchange).ptr + strlen("status/")));
    wherry_copy_body(exchange, (struct wherry_slice){"body\n", 5});
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/sleep/*", .methods = WHERRY_GET | WHERRY_HEAD, .work = sleep_work},
    {.pattern = "/fail", .methods = WHERRY_GET, .work = fail_work},
    {.pattern = "/echo", .methods = WHERRY_POST | WHERRY_PUT, .wants_body = true, .work = echo_work},
    {.pattern = "/bad-field/*", .methods = WHERRY_GET, .look = bad_field_look},
    {.pattern = "/status/*", .methods = WHERRY_GET, .look = status_look},
};

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    char                   problem[256] = "no memory";
    int                    status = 1;

    peer_settings_init(&settings);
    if (argc > 2)
        settings.workers_max = (unsigned)atoi(argv[2]);
    server = peer_new(&settings, routes, COUNTOF(routes));
    if (server && wherry_server_folder(server, argc > 1 ? argv[1] : ".", problem, sizeof problem))
        status = wherry_server_main(server);
    else
        fprintf(stderr, "sleeper: %s\n", problem);
    wherry_server_free(server);
    return status;
}
