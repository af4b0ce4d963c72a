/* What server/connection promises to clients that speak TLS: the answers are those that are given to
 * all others, however the requests were sealed into records, and the records cut into segments; and
 * what is no TLS, or was damaged on its way, costs nothing but its own connection.
 *
 * Each input is played over a socket pair, by this one thread: sealed by OpenSSL's client, and as it
 * is on a plain connection, whose answers must be the same.  Or it is itself what comes to the port
 * for TLS, at once or behind a handshake; or one byte of what the client says is another.  Then
 * nothing is compared, but nothing may be left behind.
 *
 * The kernel tells what has come and whether there is room, so a connection that lets go while
 * something lies in OpenSSL's buffer is left stranded, which is found.  Chance is the same each
 * time. */
#define OPENSSL_SUPPRESS_DEPRECATED     /* RAND_set_rand_method: there is nothing simpler */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/multipart.h"
#include "server/server.h"
#include "tests/fuzz/fuzz.h"

enum {
    HEAD_BYTES   = 1024,
    TARGET_BYTES = 512,
    BODY_BYTES   = 256,
    FILE_BYTES   = 20 * 1000,       /* small records, and a full one */
    INPUT_MAX    = 8 * 1024,
    TURNS_MAX    = 200 * 1000,      /* no input needs as many */
    ANSWERS_MAX  = 64 * 1024 * 1024,
};

enum mode {
    MODE_SEALED,
    MODE_RAW,                       /* the input is what comes to the port for TLS */
    MODE_RAW_BEHIND,                /* and behind a handshake */
    MODE_DAMAGED,                   /* one byte of what the client says is another */
    MODES
};

enum ending {
    ENDING_SAID,                    /* with a close_notify */
    ENDING_HALF_CLOSE,              /* without */
    ENDING_SILENCE,                 /* until every deadline is over */
    ENDING_GONE,                    /* nobody is there any more */
};

/* What the first bytes of an input choose. */
struct plan {
    enum mode   mode;
    bool        is_1_2;
    bool        is_narrow;          /* little room to write */
    bool        has_fragments;      /* RFC 6066 §4: of 512 bytes */
    bool        changes_keys;       /* before each record */
    enum ending ending;
    uint16_t    damaged_at;
    uint8_t     damage;
    struct cuts records, segments, takes;
};

/* ---- chance --------------------------------------------------------------------------- */

static uint64_t chance;

static int give_chance(unsigned char *bytes, int count)
{
    for (int i = 0; i < count; i++) {
        chance = chance * 6364136223846793005 + 1442695040888963407;
        bytes[i] = (unsigned char)(chance >> 56);
    }
    return 1;
}

static int has_chance(void)
{
    return 1;
}

static void replace_chance(void)
{
    static const RAND_METHOD method = {
        .bytes = give_chance, .pseudorand = give_chance, .status = has_chance};

    RAND_set_rand_method(&method);
}

/* ---- a server without threads --------------------------------------------------------- */

static struct wherry_server *server;
static struct worker         worker;
static int                   digits_fd;
static char                  digits[FILE_BYTES];
static SSL_CTX              *client_context;

static bool is_intact(void *owner)
{
    (void)owner;
    return true;
}

static enum wherry_next from_memory(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_body(exchange, (struct wherry_slice){digits, sizeof digits});
    return WHERRY_ANSWER;
}

static enum wherry_next from_file(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_file(exchange, digits_fd, FILE_BYTES, is_intact);
    return WHERRY_ANSWER;
}

static enum wherry_next echo(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_status(exchange, 201);
    wherry_copy_body(exchange, wherry_body(exchange));
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/", .methods = WHERRY_GET | WHERRY_HEAD, .look = from_memory},
    {.pattern = "/digits.txt", .methods = WHERRY_GET | WHERRY_HEAD, .look = from_file},
    {.pattern = "/echo", .methods = WHERRY_POST | WHERRY_PUT | WHERRY_GET, .wants_body = true,
     .work = echo},
    {.pattern = "/drop/*", .methods = WHERRY_POST | WHERRY_GET, .look = from_memory},
};

static void fill_digits(void)
{
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = (char)('0' + i % 10);
    digits_fd = memfd_create("digits", MFD_CLOEXEC);
    MUST_HOLD(digits_fd != -1);
    MUST_HOLD(pwrite(digits_fd, digits, sizeof digits, 0) == (ssize_t)sizeof digits);
}

/* Ed25519, whose signatures are all of one length and not left to chance. */
static void write_pair(FILE *cert, FILE *key)
{
    EVP_PKEY  *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509      *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);

    MUST_HOLD(pair && made && X509_set_version(made, X509_VERSION_3));
    MUST_HOLD(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                         (const unsigned char *)"fuzz.test", -1, -1, 0));
    MUST_HOLD(X509_set_issuer_name(made, name) && X509_set_pubkey(made, pair));
    MUST_HOLD(X509_gmtime_adj(X509_getm_notBefore(made), -3600) &&
              X509_gmtime_adj(X509_getm_notAfter(made), 365L * 24 * 3600));
    MUST_HOLD(X509_sign(made, pair, NULL) > 0);
    MUST_HOLD(PEM_write_X509(cert, made) &&
              PEM_write_PKCS8PrivateKey(key, pair, NULL, NULL, 0, NULL, NULL));
    X509_free(made);
    EVP_PKEY_free(pair);
}

static void open_store(void)
{
    static char                  paths[2][64];
    static struct tls_pair_files files = {.cert_path = paths[0], .key_path = paths[1]};
    struct tls_store_settings    settings = {.files = &files, .files_count = 1};
    char                         problem[512];
    FILE                        *opened[2];

    for (int i = 0; i < 2; i++) {
        int fd = memfd_create("pem", MFD_CLOEXEC);

        snprintf(paths[i], sizeof paths[i], "/proc/self/fd/%d", fd);
        opened[i] = fdopen(fd, "w");
        MUST_HOLD(opened[i]);
    }
    write_pair(opened[0], opened[1]);
    MUST_HOLD(fflush(opened[0]) == 0 && fflush(opened[1]) == 0);
    server->tls = tls_store_open(&settings, time(NULL), problem, sizeof problem);
    MUST_HOLD(server->tls);
    fclose(opened[0]);
    fclose(opened[1]);
}

static void open_server(void)
{
    struct wherry_settings settings;

    log_set_level(LOG_ERROR);
    replace_chance();
    fill_digits();
    wherry_settings_init(&settings);
    settings.workers = 2;
    settings.head_bytes_max = HEAD_BYTES;
    settings.target_bytes_max = TARGET_BYTES;
    settings.body_bytes_max = BODY_BYTES;
    settings.access_log = WHERRY_LOG_OFF;
    server = wherry_server_new(&settings);
    MUST_HOLD(server);
    server->keeper_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MUST_HOLD(server->keeper_fd != -1);
    MUST_HOLD(queue_open(&server->queue) && slab_open(&server->slab, 4 + CONN_ADMIN_RESERVE));
    for (size_t i = 0; i < COUNTOF(routes); i++)
        MUST_HOLD(wherry_server_route(server, &routes[i]));
    open_store();
    worker_init(&worker, server);
    client_context = SSL_CTX_new(TLS_client_method());
    MUST_HOLD(client_context);
}

/* ---- a client ------------------------------------------------------------------------- */

struct world {
    const struct plan *plan;
    struct str         rest;        /* not said yet */
    struct conn       *conn;
    int                fd;          /* the client's end */
    SSL               *ssl;         /* NULL: it speaks plainly */
    BIO               *mouth, *ear; /* between it and the socket; the ssl's, if there is one */
    struct buf         heard;
    struct cuts        records, segments, takes;
    size_t             posted;
    bool               is_secure, has_agreed, has_ended, has_failed;
    unsigned           turns;
};

static void open_client(struct world *world)
{
    const struct plan *plan = world->plan;

    world->mouth = BIO_new(BIO_s_mem());
    world->ear = BIO_new(BIO_s_mem());
    MUST_HOLD(world->mouth && world->ear);
    if (!world->is_secure || plan->mode == MODE_RAW)
        return;
    world->ssl = SSL_new(client_context);
    MUST_HOLD(world->ssl);
    SSL_set_bio(world->ssl, world->ear, world->mouth);
    SSL_set_connect_state(world->ssl);
    MUST_HOLD(!plan->is_1_2 || SSL_set_max_proto_version(world->ssl, TLS1_2_VERSION));
    if (plan->has_fragments)
        MUST_HOLD(SSL_set_tlsext_max_fragment_length(world->ssl, TLSEXT_max_fragment_length_512));
}

static void close_client(struct world *world)
{
    if (world->ssl) {
        SSL_free(world->ssl);
    } else {
        BIO_free(world->mouth);
        BIO_free(world->ear);
    }
    if (world->fd != -1)
        close(world->fd);
    ERR_clear_error();
}

static bool seals(const struct world *world)
{
    return world->ssl && world->plan->mode != MODE_RAW_BEHIND;
}

/* Puts some of what is to be said, or the end, where it can be posted. */
static bool say_more(struct world *world)
{
    size_t len, n;

    if (world->ssl && !world->has_agreed) {
        int result = SSL_do_handshake(world->ssl);

        world->has_agreed = result == 1;
        world->has_failed |= result != 1 && SSL_get_error(world->ssl, result) == SSL_ERROR_SSL;
        ERR_clear_error();
        return world->has_agreed;
    }
    if (world->rest.len == 0)
        return false;
    len = cuts_next(&world->records, world->rest.len);
    if (!seals(world)) {
        MUST_HOLD(BIO_write(world->mouth, world->rest.ptr, (int)len) == (int)len);
    } else {
        if (world->plan->changes_keys && SSL_version(world->ssl) == TLS1_3_VERSION &&
            (!SSL_key_update(world->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) ||
             SSL_do_handshake(world->ssl) != 1))
            world->has_failed = true;
        world->has_failed |= SSL_write_ex(world->ssl, world->rest.ptr, len, &n) != 1;
    }
    world->rest = str_from(world->rest, len);
    return true;
}

static bool say_end(struct world *world)
{
    if (world->has_ended)
        return false;
    world->has_ended = true;
    switch (world->plan->ending) {
    case ENDING_SAID:
        if (seals(world))
            SSL_shutdown(world->ssl);
        else
            shutdown(world->fd, SHUT_WR);
        ERR_clear_error();
        return true;
    case ENDING_HALF_CLOSE:
        return shutdown(world->fd, SHUT_WR) == 0;
    case ENDING_GONE:
    case ENDING_SILENCE:
        break;
    }
    return false;
}

static void damage(const struct world *world, char *bytes, size_t len)
{
    const struct plan *plan = world->plan;

    if (plan->mode == MODE_DAMAGED && world->is_secure && plan->damaged_at >= world->posted &&
        plan->damaged_at < world->posted + len)
        bytes[plan->damaged_at - world->posted] ^= (char)plan->damage;
}

/* Posts a segment. */
static bool post(struct world *world)
{
    char    segment[INPUT_MAX];
    char   *bytes;
    size_t  len = (size_t)BIO_get_mem_data(world->mouth, &bytes);
    ssize_t n;

    if (len == 0)
        return false;
    len = cuts_next(&world->segments, MIN_OF(len, sizeof segment));
    memcpy(segment, bytes, len);
    damage(world, segment, len);
    n = send(world->fd, segment, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == -1 && errno == EAGAIN)
        return false;
    n = n == -1 ? (ssize_t)len : n;     /* nobody is there any more */
    MUST_HOLD(BIO_read(world->mouth, segment, (int)n) == n);
    world->posted += (size_t)n;
    return true;
}

/* Takes some of what has come. */
static bool take(struct world *world)
{
    char    bytes[32 * 1024];
    size_t  most = cuts_next(&world->takes, sizeof bytes), got;
    ssize_t n = recv(world->fd, bytes, most, MSG_DONTWAIT);

    if (n <= 0)
        return false;
    if (!world->ssl) {
        buf_append(&world->heard, str_of(bytes, (size_t)n));
        return true;
    }
    MUST_HOLD(BIO_write(world->ear, bytes, (int)n) == n);
    while (world->has_agreed && SSL_read_ex(world->ssl, bytes, sizeof bytes, &got) == 1)
        buf_append(&world->heard, str_of(bytes, got));
    ERR_clear_error();
    return true;
}

/* ---- the world ------------------------------------------------------------------------ */

static bool is_closed(void)
{
    return slab_count_open(&server->slab) == 0;
}

static void run(struct world *world)
{
    MUST_HOLD(world->turns++ < TURNS_MAX);
    conn_run(world->conn, &worker);
}

/* An empty look may have been a nudge; what is behind it comes with the next. */
static bool run_queue(struct world *world)
{
    struct source *ready[4];
    bool           has_run = false;
    size_t         count;

    while ((count = queue_wait(&server->queue, ready, COUNTOF(ready), 0)) > 0 ||
           (count = queue_wait(&server->queue, ready, COUNTOF(ready), 0)) > 0)
        for (size_t i = 0; i < count; i++) {
            MUST_HOLD(ready[i] == &world->conn->source);
            if (source_claim(ready[i]))
                run(world);
            has_run = true;
        }
    return has_run;
}

static const struct request_limits limits = {HEAD_BYTES, TARGET_BYTES};

/* Everything was said and taken, so all that can be done has been. */
static void check_stranded(const struct world *world)
{
    const struct conn *conn = world->conn;
    const struct work *work = conn->work;
    struct request     request;
    struct refusal     refusal;
    char               room[TARGET_BYTES + 1];

    MUST_HOLD(atomic_load(&conn->source.claim) == CLAIM_IDLE);
    MUST_HOLD(atomic_load(&conn->deadline_ms) != CLOCK_NEVER);
    MUST_HOLD(!transport_has_input(&conn->transport));
    MUST_HOLD(conn->state == CONN_HANDSHAKE || conn->state == CONN_READ_HEAD ||
              conn->state == CONN_READ_BODY || conn->state == CONN_LINGER);
    MUST_HOLD(conn->state != CONN_HANDSHAKE || world->plan->mode != MODE_SEALED);
    if (conn->state == CONN_READ_HEAD && work)
        MUST_HOLD(request_parse(str_of(work->input + work->start, work->end - work->start),
                                &limits, room, &request, &refusal) == PARSE_MORE);
}

static void time_passes(struct world *world)
{
    MUST_HOLD(world->turns++ < TURNS_MAX);
    MUST_HOLD(source_claim_if_idle(&world->conn->source));
    conn_expire(world->conn, &worker);
}

static void live(struct world *world)
{
    run(world);
    while (!is_closed()) {
        bool moves = say_more(world);

        moves |= post(world);
        moves |= run_queue(world);
        moves |= take(world);
        if (moves || is_closed() || say_end(world))
            continue;
        check_stranded(world);
        time_passes(world);
    }
    while (take(world))
        ;
}

/* The client is gone as soon as it has said everything; what it would have heard it does not. */
static void live_until_gone(struct world *world)
{
    bool moves;

    run(world);
    do {
        moves = say_more(world);
        moves |= post(world);
        moves |= run_queue(world);
        if (world->ssl && !world->has_agreed)
            moves |= take(world);
    } while (moves && !is_closed());
    close(world->fd);
    world->fd = -1;
    run_queue(world);
    while (!is_closed())
        time_passes(world);
}

static struct buf play(struct str bytes, const struct plan *plan, bool is_secure)
{
    static const struct peer somebody = {.family = AF_INET, .bytes = {192, 0, 2, 7}, .port = 4711};
    struct world world = {.plan = plan, .rest = bytes, .heard = BUF_UP_TO(ANSWERS_MAX),
                          .is_secure = is_secure};
    int          ends[2], small = 1;

    if (is_secure) {
        world.records = plan->records;
        world.segments = plan->segments;
        world.takes = plan->takes;
    }
    chance = 0;
    MUST_HOLD(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    if (is_secure && plan->is_narrow)
        MUST_HOLD(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    world.fd = ends[1];
    world.conn = conn_open(server, ends[0], &somebody, is_secure, worker.moment.now);
    MUST_HOLD(world.conn);
    open_client(&world);
    if (plan->ending == ENDING_GONE)
        live_until_gone(&world);
    else
        live(&world);
    MUST_HOLD(plan->mode != MODE_SEALED || !world.ssl || world.has_agreed);
    close_client(&world);
    MUST_HOLD(is_closed() && server->permits.taken == 0 && server->permits.waiting == 0);
    MUST_HOLD(ERR_peek_error() == 0);
    worker_flush(&worker);
    return world.heard;
}

/* ---- what may differ ------------------------------------------------------------------ */

/* Overwrites `count` bytes behind each `mark`. */
static void blot(struct buf *answers, struct str mark, size_t count)
{
    char *at = answers->ptr, *end = at + answers->len;

    while ((at = memmem(at, (size_t)(end - at), mark.ptr, mark.len))) {
        at += mark.len;
        memset(at, '?', MIN_OF(count, (size_t)(end - at)));
    }
}

/* The boundary of a multipart answer is made by chance: wherever it stands, it is overwritten. */
static void blot_boundaries(struct buf *answers)
{
    static const struct str mark = {"; boundary=", 11};
    char *at = answers->ptr, *end = at + answers->len;

    while ((at = memmem(at, (size_t)(end - at), mark.ptr, mark.len))) {
        char  boundary[BOUNDARY_BYTES];
        char *each = at += mark.len;

        if ((size_t)(end - at) < sizeof boundary)
            return;
        memcpy(boundary, at, sizeof boundary);
        while ((each = memmem(each, (size_t)(end - each), boundary, sizeof boundary)))
            memset(each, '?', sizeof boundary);
    }
}

/* RFC 9110 §10.1.1: whether the client is told to go on depends on how much of the body has come. */
static void drop_continues(struct buf *answers)
{
    static const struct str interim = {"HTTP/1.1 100 Continue\r\n\r\n", 25};
    char *at = answers->ptr;

    while ((at = memmem(at, (size_t)(answers->ptr + answers->len - at), interim.ptr,
                        interim.len))) {
        memmove(at, at + interim.len, (size_t)(answers->ptr + answers->len - at) - interim.len);
        answers->len -= interim.len;
    }
}

static void normalise(struct buf *answers)
{
    if (answers->len == 0)
        return;
    blot(answers, STR("\r\nDate: "), 29);
    blot_boundaries(answers);
    drop_continues(answers);
}

/* What is meant differently when it is said plainly: https in a target (RFC 9110 §7.4), and the first
 * byte of a handshake. */
static bool is_comparable(struct str bytes)
{
    for (size_t i = 0; i + 5 <= bytes.len; i++)
        if (str_equal_nocase(str_of(bytes.ptr + i, 5), STR("ttps:")))
            return false;
    return !memchr(bytes.ptr, 0x16, bytes.len);
}

static void compare(struct buf *sealed, struct buf *plain)
{
    bool is_same;

    normalise(sealed);
    normalise(plain);
    is_same = str_equal(buf_view(sealed), buf_view(plain));
    if (!is_same)
        fprintf(stderr, "plain:\n%.*s\nsealed:\n%.*s\n", STR_ARG(buf_view(plain)),
                STR_ARG(buf_view(sealed)));
    MUST_HOLD(is_same);
}

static struct plan choose_plan(struct str *input)
{
    uint8_t     choices = choose_byte(input), more = choose_byte(input);
    struct plan plan = {
        .mode = (enum mode)(choices % MODES),
        .ending = (enum ending)(choices >> 2 & 3),
        .is_1_2 = choices & 16,
        .is_narrow = choices & 32,
        .has_fragments = choices & 64,
        .changes_keys = choices & 128,
        .damage = more,
    };

    if (plan.mode == MODE_DAMAGED) {
        plan.damaged_at = choose_byte(input);
        plan.damaged_at = (uint16_t)(plan.damaged_at | choose_byte(input) << 8);
    }
    plan.records = cuts_choose(input);
    plan.segments = cuts_choose(input);
    plan.takes = cuts_choose(input);
    return plan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str  input = str_of((const char *)data, MIN_OF(size, (size_t)INPUT_MAX));
    struct plan plan = choose_plan(&input);
    struct buf  sealed, plain;

    if (!server)
        open_server();
    sealed = play(input, &plan, true);
    if (plan.mode == MODE_SEALED && plan.ending != ENDING_GONE && input.len > 0 &&
        is_comparable(input)) {
        plain = play(input, &plan, false);
        compare(&sealed, &plain);
        buf_fini(&plain);
    }
    buf_fini(&sealed);
    return 0;
}
