#include "tests/support/house.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum { HEARD_MAX = 64 * 1024 * 1024 };

static const struct peer somebody = {.family = AF_INET, .bytes = {192, 0, 2, 7}, .port = 4711};

/* ---- the house ------------------------------------------------------------------------ */

void house_settings(struct wherry_settings *settings)
{
    wherry_settings_init(settings);
    settings->http_port = -1;
    settings->unix_path = "socket";
    settings->workers = 2;
    settings->workers_max = 8;
    settings->connections_max = 64;
    settings->head_bytes_max = 512;
    settings->target_bytes_max = 256;
    settings->body_bytes_max = 64;
    settings->access_log = WHERRY_LOG_OFF;
}

void house_open(struct house *house, const struct wherry_settings *settings)
{
    char problem[256];
    bool ok;

    log_set_level((enum log_level) - 1); /* below every one there is */
    folder_enter(&house->folder);
    house->turns = 0;
    house->server = wherry_server_new(settings);
    assert(house->server);
    ok = wherry_server_open(house->server, problem, sizeof problem);
    assert(ok);
    (void)ok;
    worker_init(&house->worker, house->server);
}

void house_close(struct house *house)
{
    worker_fini(&house->worker);
    wherry_server_free(house->server);
    folder_leave(&house->folder);
}

void house_secure(struct house *house)
{
    static const struct tls_pair_files files = {.cert_path = "cert.pem", .key_path = "key.pem"};
    const struct tls_store_settings    settings = {.files = &files, .files_count = 1};
    struct minted made = minted_make(&(struct minted_wish){.common_name = "house.test"});
    char          problem[256];

    minted_write(&made, NULL, "cert.pem", "key.pem");
    minted_fini(&made);
    house->server->tls = tls_store_open(&settings, clock_now().wall_s, problem, sizeof problem);
    assert(house->server->tls);
}

/* ---- guests --------------------------------------------------------------------------- */

static void admit(struct house *house, struct guest *guest, bool to_tls)
{
    int ends[2], error;

    error = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    assert(!error);
    (void)error;
    *guest = (struct guest){.fd = ends[1], .heard = BUF_UP_TO(HEARD_MAX)};
    guest->conn = conn_open(house->server, ends[0], &somebody, to_tls, house->worker.moment.now);
    if (!guest->conn)
        close(ends[0]);
}

void house_admit(struct house *house, struct guest *guest)
{
    admit(house, guest, false);
}

void house_admit_to_tls(struct house *house, struct guest *guest, const struct caller_wish *wish)
{
    admit(house, guest, true);
    guest->is_secure = wish != NULL;
    if (wish)
        caller_open(&guest->caller, guest->fd, wish);
}

bool house_shakes_hands(struct house *house, struct guest *guest)
{
    struct caller *caller = &guest->caller;
    bool           is_agreed, moves;

    do {
        is_agreed = caller_shakes(caller);
        moves = caller_post(caller, SIZE_MAX) > 0;
        house_run(house);
        moves |= caller_fetch(caller) > 0;
    } while (!is_agreed && moves && !caller->has_failed);
    return is_agreed;
}

void house_admit_scripted(struct house *house, struct guest *guest, struct scripted *scripted)
{
    struct transport transport = scripted_open(scripted);

    *guest = (struct guest){.fd = -1};
    guest->conn = conn_open(house->server, transport.fd, &somebody, false, house->worker.moment.now);
    assert(guest->conn);
    guest->conn->transport = transport;
}

static void run(struct house *house, struct conn *conn)
{
    house->turns++;
    conn_run(conn, &house->worker);
}

void house_welcome(struct house *house, struct guest *guest)
{
    house_admit(house, guest);
    assert(guest->conn);
    run(house, guest->conn);
}

bool house_run_batch(struct house *house)
{
    struct worker *worker = &house->worker;
    size_t         count;

    worker->batch_at = 0;
    count = worker->batch_end = queue_wait(&house->server->queue, worker->batch, WORKER_BATCH, 0);
    while (worker->batch_at < worker->batch_end) {
        struct source *source = worker->batch[worker->batch_at++];

        if (source_claim(source))
            run(house, CONTAINER_OF(source, struct conn, source));
    }
    return count > 0;
}

void house_ask(struct house *house, struct guest *guest, const char *request)
{
    house_admit(house, guest);
    guest_say_text(guest, request);
    conn_run(guest->conn, &house->worker);
    house_run(house);
}

void house_see_off(struct house *house, struct guest *guest)
{
    guest_leave(guest);
    house_run(house);
}

void house_run(struct house *house)
{
    /* A nudge alone gives nothing, and what is behind it only the next time. */
    while (house_run_batch(house) || house_run_batch(house))
        ;
}

void house_poke(struct house *house, struct guest *guest)
{
    if (source_claim(&guest->conn->source))
        run(house, guest->conn);
}

void house_dismiss(struct house *house, struct guest *guest, const char *why)
{
    if (source_claim_if_idle(&guest->conn->source))
        conn_abort(guest->conn, &house->worker, why);
}

void house_pass_time(struct house *house, int64_t ms)
{
    struct slab *slab = &house->server->slab;
    size_t       touched = atomic_load(&slab->touched);

    house->worker.moment.now.ms += ms;
    timers_fire(&house->server->timers, house->worker.moment.now.ms);
    for (size_t i = 0; i < touched; i++) {
        struct conn *conn = &slab->slots[i];

        if (atomic_load(&conn->deadline_ms) <= house->worker.moment.now.ms &&
            source_claim_if_idle(&conn->source))
            conn_expire(conn, &house->worker);
    }
    house_run(house);
}

bool house_is_empty(struct house *house)
{
    const struct permits *permits = &house->server->permits;

    return slab_count_open(&house->server->slab) == 0 && permits->taken == 0 &&
           permits->taken_long == 0 && permits->waiting == 0;
}

/* ---- what guests say and hear --------------------------------------------------------- */

void guest_say(struct guest *guest, struct str bytes)
{
    ssize_t n;

    if (guest->is_secure) {
        caller_says(&guest->caller, bytes);
        caller_post(&guest->caller, SIZE_MAX);
        return;
    }
    /* Who was hung up on speaks to nobody. */
    n = send(guest->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

    assert(n == (ssize_t)bytes.len || n == -1);
    (void)n;
}

void guest_say_text(struct guest *guest, const char *text)
{
    guest_say(guest, str_view(text));
}

void guest_end(struct guest *guest)
{
    if (guest->is_secure) {
        caller_says_end(&guest->caller);
        caller_post(&guest->caller, SIZE_MAX);
    }
    shutdown(guest->fd, SHUT_WR);
}

static struct str listen_to_tls(struct guest *guest)
{
    struct str heard = caller_listens(&guest->caller);

    buf_append(&guest->heard, str_from(heard, guest->heard.len));
    guest->has_ended = guest->caller.has_ended;
    assert(!guest->heard.failed);
    return buf_view(&guest->heard);
}

struct str guest_listen(struct guest *guest)
{
    char    bytes[16384];
    ssize_t n;

    if (guest->is_secure)
        return listen_to_tls(guest);
    while ((n = recv(guest->fd, bytes, sizeof bytes, 0)) > 0)
        buf_append(&guest->heard, str_of(bytes, (size_t)n));
    guest->has_ended |= n == 0 || (n == -1 && errno != EAGAIN);
    assert(!guest->heard.failed);
    return buf_view(&guest->heard);
}

struct str heard_body(struct str heard)
{
    const char *end = memmem(heard.ptr, heard.len, "\r\n\r\n", 4);

    assert(end);
    return str_from(heard, (size_t)(end + 4 - heard.ptr));
}

void guest_leave(struct guest *guest)
{
    if (guest->is_secure)
        caller_close(&guest->caller);
    else
        close(guest->fd);
    guest->fd = -1;
    buf_fini(&guest->heard);
}

/* ---- in a word ------------------------------------------------------------------------ */

static bool head_says(struct str head, const char *line)
{
    return memmem(head.ptr, head.len, line, strlen(line)) != NULL;
}

static uint64_t length_of(struct str head)
{
    static const char name[] = "\r\nContent-Length: ";
    const char       *field = memmem(head.ptr, head.len, name, strlen(name));

    return field ? strtoull(field + strlen(name), NULL, 10) : 0;
}

/* Takes an answer off the front of *rest; false when it is not whole. */
static bool summarize_one(struct str *rest, struct buf *out)
{
    const char *end = memmem(rest->ptr, rest->len, "\r\n\r\n", 4);
    struct str  head, body;
    bool        is_page;

    if (!end || !str_starts(*rest, STR("HTTP/1.1 ")))
        return false;
    head = str_of(rest->ptr, (size_t)(end + 4 - rest->ptr));
    body = str_of(end + 4, length_of(head));
    if (head.len + body.len > rest->len)
        return false;
    *rest = str_from(*rest, head.len + body.len);
    is_page = head.ptr[9] >= '4';
    buf_append(out, str_of(head.ptr + 9, 3));
    buf_append(out, body.len && !is_page ? STR(" ") : STR_NONE);
    buf_append(out, is_page ? STR_NONE : body);
    if (head_says(head, "\r\nConnection: close\r\n"))
        buf_append(out, STR(" close"));
    if (head_says(head, "\r\nConnection: keep-alive\r\n"))
        buf_append(out, STR(" keep-alive"));
    buf_append(out, STR(", "));
    return true;
}

struct str guest_summary(struct guest *guest, struct buf *out)
{
    struct str rest = guest_listen(guest);

    buf_reset(out);
    while (rest.len && summarize_one(&rest, out))
        ;
    if (rest.len)
        buf_append(out, STR("half an answer, "));
    buf_append(out, guest->has_ended ? STR("ended") : STR("open"));
    return buf_view(out);
}
