#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/share.h"
#include "server/coded.h"
#include "server/keeper.h"
#include "server/signals.h"

enum { LOG_STOP_MS = 2000 };

void wherry_settings_init(struct wherry_settings *settings)
{
    *settings = (struct wherry_settings){
        .address = "localhost",
        .http_port = 8080,
        .workers_max = 64,
        .connections_max = 16384,
        .head_bytes_max = 16 * 1024,
        .target_bytes_max = 8 * 1024,
        .body_bytes_max = 1024 * 1024,
        .body_memory_max = 1024 * 1024,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .write_timeout_ms = 60000,
        .idle_timeout_ms = 60000,
        .wait_timeout_ms = 30000,
        .handler_timeout_ms = 60000,
        .drain_ms = 10000,
        .compress_bytes_min = 256,
        .compresses = true,
        .access_log = WHERRY_LOG_COMBINED,
        .tls = {.port = -1, .handshake_timeout_ms = 10000, .public_port = -1, .bad_port = -1},
    };
}

/* A permit that was waited for has come: its connection can go on, though its socket is silent. */
static void wake_granted(struct ticket *ticket, void *context)
{
    struct wherry_server *server = context;

    queue_wake(&server->queue, &CONTAINER_OF(ticket, struct work, ticket)->conn->source);
}

/* A stream that waits is to be called: the same. */
static void wake_due(struct timer *timer, void *context)
{
    struct wherry_server *server = context;
    struct work          *work = CONTAINER_OF(timer, struct work, exchange.stream.timer);

    queue_wake(&server->queue, &work->conn->source);
}

struct wherry_server *wherry_server_new(const struct wherry_settings *settings)
{
    struct wherry_server *server = calloc(1, sizeof *server);

    if (!server)
        return NULL;
    server->settings = *settings;
    if (server->settings.workers == 0)
        server->settings.workers = share_cores();
    server->settings.workers = MAX_OF(server->settings.workers, 2u);
    server->settings.workers_max =
        MAX_OF(server->settings.workers_max, server->settings.workers);
    server->queue = QUEUE_NONE;
    server->keeper_fd = -1;
    router_init(&server->router);
    spool_init(&server->spool, server->settings.body_memory_max,
               spool_share(share_memory(), server->settings.body_memory_max));
    atomic_init(&server->drained_ms, CLOCK_NEVER);
    atomic_init(&server->coding_bytes, coded_streams_share(share_memory()));
    permits_init(&server->permits, 1, wake_granted, server);
    worker_init(&server->keeper, server);
    return server;
}

const struct wherry_settings *wherry_server_settings(const struct wherry_server *server)
{
    return &server->settings;
}

bool wherry_server_free(struct wherry_server *server)
{
    if (!server)
        return true;
    signals_forget(server);
    if (server->has_stragglers)
        return false;
    for (size_t i = 0; i < server->listeners_count; i++)
        listener_close(&server->listeners[i]);
    router_fini(&server->router);
    worker_fini(&server->keeper);
    spool_fini(&server->spool);
    slab_close(&server->slab);
    timers_close(&server->timers);
    queue_close(&server->queue);
    tls_store_close(server->tls);
    if (server->keeper_fd != -1)
        close(server->keeper_fd);
    while (server->releases_count > 0) {
        const struct call *release = &server->releases[--server->releases_count];

        release->function(release->data);
    }
    free(server);
    return true;
}

bool wherry_server_route(struct wherry_server *server, const struct wherry_route *route)
{
    return router_add(&server->router, route);
}

bool wherry_server_handle(struct wherry_server *server, unsigned methods, const char *pattern,
                          wherry_handler *handler, void *data)
{
    const struct wherry_route route = {.pattern = pattern,
                                       .methods = methods,
                                       .wants_body = true,
                                       .work = handler,
                                       .data = data};

    return wherry_server_route(server, &route);
}

void wherry_server_on_error(struct wherry_server *server, wherry_error_page *page, void *data)
{
    server->error_page = page;
    server->error_data = data;
}

void wherry_server_on_tick(struct wherry_server *server, void (*tick)(void *data), void *data)
{
    assert(server->ticks_count < CALLS_MAX);
    server->ticks[server->ticks_count++] = (struct call){tick, data};
}

void wherry_server_on_stop(struct wherry_server *server, void (*stop)(void *data), void *data)
{
    assert(server->stops_count < CALLS_MAX);
    server->stops[server->stops_count++] = (struct call){stop, data};
}

void wherry_server_on_free(struct wherry_server *server, void (*release)(void *data), void *data)
{
    assert(server->releases_count < CALLS_MAX);
    server->releases[server->releases_count++] = (struct call){release, data};
}

void server_call_keeper(struct wherry_server *server)
{
    uint64_t one = 1;
    ssize_t  n;

    /* It can only fail when the counter is full, and then the keeper is called already. */
    n = write(server->keeper_fd, &one, sizeof one);
    (void)n;
}

bool wherry_server_stop(struct wherry_server *server)
{
    int  life = LIFE_SERVING;
    int  next = server->settings.drain_delay_ms > 0 ? LIFE_LEAVING : LIFE_STOPPING;
    bool is_new = atomic_compare_exchange_strong(&server->life, &life, next);

    if (!is_new && life == LIFE_LEAVING)
        is_new = atomic_compare_exchange_strong(&server->life, &life, LIFE_STOPPING);
    server_call_keeper(server);
    return is_new;
}

void wherry_server_reload(struct wherry_server *server)
{
    atomic_store(&server->is_reloading, true);
}

bool wherry_server_authority(const struct wherry_server *server,
                             struct wherry_authority *authority)
{
    const struct tls_self *self = server->tls ? tls_store_self(server->tls) : NULL;

    if (!self)
        return false;
    *authority = (struct wherry_authority){.path = self->authority_path,
                                           .fingerprint = self->fingerprint,
                                           .warning = self->warning,
                                           .is_new = self->is_new_authority,
                                           .has_replaced = self->has_replaced};
    return true;
}

/* ---- opening -------------------------------------------------------------------------- */

static bool open_listener(struct wherry_server *server, const struct address *address,
                          const char *host, bool is_tls)
{
    if (!listener_open(&server->listeners[server->listeners_count], address, host, is_tls))
        return false;
    server->listeners_count++;
    return true;
}

static void close_listeners(struct wherry_server *server, size_t until)
{
    while (server->listeners_count > until)
        listener_close(&server->listeners[--server->listeners_count]);
}

/* This host has no such address: no IPv6, or none on this interface. */
static bool is_absent(int error)
{
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

/* "*" needs one that works; "localhost" takes every one that the host has, all on one port. */
static bool open_addresses(struct wherry_server *server, struct address addresses[], size_t count,
                           const char *host, bool one_is_enough, bool is_tls)
{
    size_t   before = server->listeners_count;
    uint16_t port = 0;

    for (size_t i = 0; i < count; i++) {
        if (port)
            address_set_port(&addresses[i], port);
        if (open_listener(server, &addresses[i], host, is_tls)) {
            if (one_is_enough)
                return true;
            port = address_port(&server->listeners[server->listeners_count - 1].address);
        } else if (!is_absent(errno)) {
            return false;
        }
    }
    return server->listeners_count > before;
}

/* False with a sentence in `problem`; else *bound is the port. */
static bool open_tcp(struct wherry_server *server, const char *text, int wanted, bool is_tls,
                     int *bound, char *problem, size_t size)
{
    enum { ATTEMPTS = 16 };
    bool           is_all = strcmp(text, "*") == 0;
    const char    *host = is_all ? "localhost" : text;
    uint16_t       port = (uint16_t)wanted;
    struct address addresses[ADDRESSES_MAX];
    size_t         count, before = server->listeners_count;

    for (int i = 0; i < ATTEMPTS; i++) {
        count = address_resolve(str_view(text), port, addresses);
        if (count == 0) {
            snprintf(problem, size, "\"%s\" is no address to listen on", text);
            return false;
        }
        if (open_addresses(server, addresses, count, host, is_all, is_tls)) {
            *bound = address_port(&server->listeners[before].address);
            return true;
        }
        close_listeners(server, before);
        /* A free port of one family may be taken in the other: choose again. */
        if (port != 0 || errno != EADDRINUSE)
            break;
    }
    snprintf(problem, size, "cannot listen on %s port %u: %s%s", text, port, strerror(errno),
             errno == EADDRINUSE ? "; stop what runs there or choose another port"
             : errno == EACCES   ? "; ports below 1024 need a privilege, 8080 does not"
                                 : "");
    return false;
}

static bool open_local(struct wherry_server *server, const char *path, char *problem, size_t size)
{
    struct address address;

    if (!address_local(path, &address)) {
        snprintf(problem, size, "\"%s\" is no name for a socket: it must have 1 to 107 bytes",
                 path);
        return false;
    }
    if (open_listener(server, &address, path, false))
        return true;
    snprintf(problem, size, "cannot listen on the socket \"%s\": %s", path,
             errno == EADDRINUSE ? "something else is there" : strerror(errno));
    return false;
}

/* The last to be opened: those before it are everybody's. */
static bool open_admin(struct wherry_server *server, char *problem, size_t size)
{
    const char *place = server->settings.admin;
    struct str  host;
    char        text[ADDRESS_TEXT_MAX];
    uint16_t    port;
    int         bound;

    server->public_count = server->listeners_count;
    if (!place)
        return true;
    if (strchr(place, '/'))
        return open_local(server, place, problem, size);
    if (!address_split(str_view(place), &host, &port) || host.len >= sizeof text) {
        snprintf(problem, size, "\"%s\" is no address with a port to listen on", place);
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return open_tcp(server, text, port, false, &bound, problem, size);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        log_warn("cannot raise the limit of open files", "errno=\"%s\"", strerror(errno));
}

/* The address that we listen on is a name by which we are called, unless it is everybody's. */
static size_t find_names(struct wherry_server *server)
{
    const struct wherry_tls_settings *tls = &server->settings.tls;
    const char                       *address = server->settings.address;
    struct address                    addresses[ADDRESSES_MAX];
    size_t                            count;

    for (count = 0; count < tls->names_count && count < TLS_SELF_NAMES_MAX; count++)
        server->tls_names[count] = tls->names[count];
    if (count < TLS_SELF_NAMES_MAX && tls_self_is_name(address) &&
        address_resolve(str_view(address), 0, addresses) == 1 && !address_is_any(&addresses[0]))
        server->tls_names[count++] = address;
    return count;
}

static bool open_store(struct wherry_server *server, char *problem, size_t size)
{
    const struct wherry_tls_settings *tls = &server->settings.tls;
    struct tls_store_settings         settings = {
        .files = server->tls_files,
        .files_count = tls->certificates_count,
        .self = {.dir = tls->cert_dir,
                 .names = server->tls_names,
                 .names_count = find_names(server)},
        .has_faulty = tls->bad_port >= 0,
        .min = tls->min == WHERRY_TLS_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2,
        .client_ca_path = tls->client_ca_path,
        .client = tls->client_is_optional ? TLS_CLIENT_OPTIONAL : TLS_CLIENT_REQUIRED,
        .key_log_path = tls->key_log_path,
    };

    if (tls->certificates_count > TLS_PAIRS_MAX) {
        snprintf(problem, size, "there can be at most %d certificates", TLS_PAIRS_MAX);
        return false;
    }
    for (size_t i = 0; i < tls->certificates_count; i++)
        server->tls_files[i] = (struct tls_pair_files){tls->certificates[i].cert_path,
                                                       tls->certificates[i].key_path,
                                                       tls->certificates[i].password_path};
    if (tls->hsts_s > 0)
        snprintf(server->hsts_line, sizeof server->hsts_line,
                 "Strict-Transport-Security: max-age=%lld\r\n", (long long)tls->hsts_s);
    server->tls = tls_store_open(&settings, clock_now().wall_s, problem, size);
    return server->tls != NULL;
}

static bool open_tls(struct wherry_server *server, char *problem, size_t size)
{
    const struct wherry_tls_settings *tls = &server->settings.tls;

    if ((tls->port >= 0 || tls->bad_port >= 0) && !open_store(server, problem, size))
        return false;
    return tls->port < 0 || open_tcp(server, server->settings.address, tls->port, true,
                                     &server->ports.secure, problem, size);
}

/* One port for each fault, in a row. */
static bool open_bad_tls(struct wherry_server *server, char *problem, size_t size)
{
    enum { MORE = TLS_FAULTS - 2 };
    int first = server->settings.tls.bad_port, bound;

    if (first > UINT16_MAX - MORE) {
        snprintf(problem, size, "there are no ports %d and the %d behind it", first, MORE);
        return false;
    }
    for (enum tls_fault fault = TLS_FAULT_NONE + 1; first >= 0 && fault < TLS_FAULTS; fault++) {
        int    port = first == 0 ? 0 : first + (int)fault - 1;
        size_t before = server->listeners_count;

        if (!open_tcp(server, server->settings.address, port, true, &bound, problem, size))
            return false;
        for (size_t i = before; i < server->listeners_count; i++)
            server->listeners[i].fault = fault;
    }
    return true;
}

static bool open_spool(struct wherry_server *server, char *problem, size_t size)
{
    const char *path = server->settings.spool_dir;
    char        quoted[256];

    if (!path || spool_open(&server->spool, path))
        return true;
    snprintf(problem, size, "cannot write long bodies to the folder \"%s\": %s",
             log_quote(quoted, sizeof quoted, str_view(path)), strerror(errno));
    return false;
}

bool wherry_server_open(struct wherry_server *server, char *problem, size_t size)
{
    raise_descriptor_limit();
    server->keeper_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->keeper_fd == -1 || !queue_open(&server->queue) ||
        !slab_open(&server->slab, (size_t)server->settings.connections_max + CONN_RESERVE +
                                       CONN_ADMIN_RESERVE) ||
        !timers_open(&server->timers, server->slab.max, wake_due, server)) {
        snprintf(problem, size, "cannot set up the server: %s", strerror(errno));
        return false;
    }
    if (!open_spool(server, problem, size))
        return false;
    server->ports = (struct redirect_ports){-1, -1, server->settings.tls.public_port};
    if (server->settings.http_port >= 0 &&
        !open_tcp(server, server->settings.address, server->settings.http_port, false,
                  &server->ports.plain, problem, size))
        return false;
    if (!open_tls(server, problem, size))
        return false;
    if (server->settings.unix_path &&
        !open_local(server, server->settings.unix_path, problem, size))
        return false;
    if (server->listeners_count == 0) {
        snprintf(problem, size, "there is nothing to listen on");
        return false;
    }
    return open_bad_tls(server, problem, size) && open_admin(server, problem, size);
}

/* Those with a faulty certificate, or all the others. */
static const struct listener *find_public(const struct wherry_server *server, bool is_faulty,
                                          size_t index)
{
    for (size_t i = 0; i < server->public_count; i++) {
        const struct listener *listener = &server->listeners[i];

        if ((listener->fault != TLS_FAULT_NONE) != is_faulty)
            continue;
        /* The two of "localhost" are one to a person. */
        if (i > 0 && strcmp(listener->url, server->listeners[i - 1].url) == 0)
            continue;
        if (index-- == 0)
            return listener;
    }
    return NULL;
}

const char *wherry_server_url(const struct wherry_server *server, size_t index)
{
    const struct listener *listener = find_public(server, false, index);

    return listener ? listener->url : NULL;
}

const char *wherry_server_bad_tls_url(const struct wherry_server *server, size_t index,
                                      const char **fault)
{
    const struct listener *listener = find_public(server, true, index);

    if (!listener)
        return NULL;
    if (fault)
        *fault = tls_fault_name(listener->fault);
    return listener->url;
}

const char *wherry_server_admin_url(const struct wherry_server *server)
{
    return server->listeners_count > server->public_count
               ? server->listeners[server->public_count].url
               : NULL;
}

/* ---- running -------------------------------------------------------------------------- */

static bool begin(struct wherry_server *server, char *problem, size_t size)
{
    problem[0] = '\0';
    if (!pool_start(&server->pool, server, server->settings.workers,
                    server->settings.workers_max)) {
        snprintf(problem, size, "cannot start the workers: %s", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];

        if (!queue_add(&server->queue, listener->fd, &listener->source, false)) {
            snprintf(problem, size, "cannot wait for newcomers: %s", strerror(errno));
            return false;
        }
    }
    return true;
}

/* sendfile has no flag to keep it away, and the keeper may send the page of a 408. */
static void block_sigpipe(void)
{
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
}

static bool serve(struct wherry_server *server, char *problem, size_t size)
{
    bool has_begun = begin(server, problem, size), ok = false;

    block_sigpipe();
    if (has_begun) {
        keeper_keep_house(server);
        ok = keeper_drain(server);
    }
    /* When the time to finish is up, handlers still run that had all that time. */
    server->has_stragglers =
        !pool_stop(&server->pool, server, ok || !has_begun ? POOL_STOP_MS : POOL_STOP_LATE_MS);
    if (!server->has_stragglers)
        keeper_cut_the_rest(server);
    return ok && !server->has_stragglers;
}

bool wherry_server_run(struct wherry_server *server, char *problem, size_t size)
{
    bool ok;

    if (!log_start()) {
        snprintf(problem, size, "cannot start the thread of the log: %s", strerror(errno));
        return false;
    }
    ok = serve(server, problem, size);
    log_stop(LOG_STOP_MS);
    return ok;
}
