/* sleeper - a server for the tests: a folder, and beside it handlers that block, fail and echo.
 *
 * usage: sleeper ROOT [WORKERS_MAX]
 * Prints its URLs; with PEER_CERT_DIR in the environment there is one for HTTPS, whose certificate is
 * kept in that folder.  /sleep/{ms} sleeps in its handler, /fail fails, /echo gives the body back,
 * /bad-field/{name} tries to add a field of that name, /status/{n} sets that status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wherry.h>

#include "base/log.h"
#include "site/site.h"

static struct wherry_server *server;

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

static void stop(int number)
{
    (void)number;
    wherry_server_stop(server);
}

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct site_settings   files = SITE_SETTINGS_DEFAULT;
    struct site           *site;
    char                   problem[256] = "no memory";
    bool                   ok;

    signal(SIGPIPE, SIG_IGN);
    wherry_settings_init(&settings);
    settings.http_port = 0;
    if (getenv("PEER_CERT_DIR")) {
        settings.tls.port = 0;
        settings.tls.cert_dir = getenv("PEER_CERT_DIR");
    }
    if (argc > 2)
        settings.workers_max = (unsigned)atoi(argv[2]);
    files.root = argc > 1 ? argv[1] : ".";
    site = site_new(&files, problem, sizeof problem);
    server = wherry_server_new(&settings);
    ok = site && server && log_start();
    for (size_t i = 0; ok && i < sizeof routes / sizeof routes[0]; i++)
        ok = wherry_server_route(server, &routes[i]);
    ok = ok && site_serve(site, server) && wherry_server_open(server, problem, sizeof problem);
    if (!ok) {
        fprintf(stderr, "sleeper: %s\n", problem);
        return 1;
    }
    signal(SIGTERM, stop);
    for (size_t i = 0; wherry_server_url(server, i); i++)
        printf("  %s\n", wherry_server_url(server, i));
    fflush(stdout);
    ok = wherry_server_run(server, problem, sizeof problem);
    log_stop(1000);
    if (wherry_server_free(server))
        site_free(site);
    return ok ? 0 : 1;
}
