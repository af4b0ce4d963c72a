/* What server/connection promises about any bytes of a peer: the answers do not depend on how the
 * bytes came, on when the peer takes the answers, on how long a permit is waited for, or on what
 * else was asked on the same connection.
 *
 * Each input is played three times, over a scripted transport and by this one thread: all at once;
 * in pieces, with reads and writes that would block, short writes, and a peer that is gone; and
 * each request on a connection of its own.  Where a deadline is over in the middle the answers need
 * not be the same, but nothing may be left behind.
 *
 * Between turns the target is the world: it says that more has come, or that there is room again,
 * when the kernel would and no oftener, so a connection that lets go too early is left stranded,
 * which is found. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "server/coded.h"
#include "server/multipart.h"
#include "server/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/scripted.h"

enum {
    HEAD_BYTES     = 1024,
    TARGET_BYTES   = 512,
    BODY_BYTES     = 256,
    MEMORY_BYTES   = 64,            /* of a body; a longer one is in a file */
    FILE_BYTES     = 1000,
    STEPS_MAX      = 2 * CUTS_MAX + 4,
    TURNS_MAX      = 10000,         /* no input needs as many */
    ANSWERS_MAX    = 64 * 1024 * 1024,
    REQUESTS_MAX   = 16,            /* that are played one by one */
    BROKEN_OFF_MAX = 32,            /* bytes of what is overwritten, when it was cut through */
};

/* How the peer ends. */
enum ending {
    ENDING_HALF_CLOSE,
    ENDING_RESET,
    ENDING_SILENCE,                 /* until every deadline is over */
    ENDING_EVICTION,                /* we end it, as soon as it has nothing to do */
    ENDINGS
};

/* What the first bytes of an input choose. */
struct plan {
    enum ending            ending;
    bool                   permit_is_late;  /* somebody else has it at first */
    bool                   is_draining;     /* the server is on its way out */
    bool                   writes_fail;     /* after the last cut of the writes */
    enum wherry_log_format log;
    uint8_t                writes_count;    /* that are cut */
    uint8_t                patience;        /* turns after which some deadline is over; 0: none */
    struct cuts            reads, writes;
};

/* ---- a server without threads --------------------------------------------------------- */

static struct wherry_server *server;
static struct worker         worker;
static int                   digits_fd;
static char                  digits[FILE_BYTES];
static int                   things_lent;       /* to exchanges, which must release them */

static void release(void *owner)
{
    --*(int *)owner;
}

static void lend(struct wherry_exchange *exchange)
{
    things_lent++;
    wherry_on_release(exchange, release, &things_lent);
}

static bool is_intact(void *owner)
{
    return *(int *)owner > 0;
}

#define SLICE(text) ((struct wherry_slice){(text), sizeof(text) - 1})

static void describe(struct wherry_exchange *exchange)
{
    wherry_set_lines(exchange, SLICE("ETag: \"digits\"\r\n"),
                     SLICE("Content-Type: text/plain\r\n"));
    wherry_set_validators(exchange, SLICE("\"digits\""), 784111777);
    lend(exchange);
}

static enum wherry_next from_memory(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    describe(exchange);
    wherry_set_body(exchange, (struct wherry_slice){digits, sizeof digits});
    return WHERRY_ANSWER;
}

static enum wherry_next from_file(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    describe(exchange);
    wherry_set_file(exchange, digits_fd, FILE_BYTES, is_intact);
    return WHERRY_ANSWER;
}

static enum wherry_next not_from_memory(struct wherry_exchange *exchange, void *data)
{
    (void)exchange;
    (void)data;
    return WHERRY_WORK;
}

/* Wherever it is. */
static struct wherry_slice read_body(struct wherry_exchange *exchange, char room[BODY_BYTES])
{
    struct wherry_slice body = wherry_body(exchange);
    size_t              length = (size_t)wherry_body_length(exchange);

    MUST_HOLD((length > MEMORY_BYTES) == (body.ptr == NULL));
    if (body.ptr)
        return body;
    MUST_HOLD(length <= BODY_BYTES);
    MUST_HOLD(pread(wherry_body_file(exchange), room, BODY_BYTES, 0) == (ssize_t)length);
    return (struct wherry_slice){room, length};
}

static enum wherry_next echo(struct wherry_exchange *exchange, void *data)
{
    char room[BODY_BYTES];

    (void)data;
    lend(exchange);
    wherry_set_status(exchange, 201);
    wherry_add_field(exchange, "X-Query", wherry_query(exchange));
    wherry_copy_body(exchange, read_body(exchange, room));
    return WHERRY_ANSWER;
}

static enum wherry_next refuse_it(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    lend(exchange);
    return wherry_refuse(exchange, 403, "refused on purpose");
}

static int poured;                              /* pieces of the stream that is asked for */

/* Ten digits, then a wait, then nothing, then more than is usually taken at once. */
static enum wherry_pull pour(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    switch (poured++) {
    case 0:
        wherry_write(exchange, (struct wherry_slice){digits, 10});
        return wherry_wait(exchange, 1000);
    case 1:
        return wherry_wait(exchange, 0);
    case 2:
        return WHERRY_MORE;
    case 3:
        wherry_write(exchange, (struct wherry_slice){digits, sizeof digits});
        return wherry_wait(exchange, 5);
    default:
        wherry_add_trailer(exchange, "X-Poured", SLICE("all"));
        return WHERRY_END;
    }
}

/* How long it is, is known beforehand only to who asks at the path with "length". */
static enum wherry_next from_stream(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice path = wherry_path(exchange);
    bool                has_length = memmem(path.ptr, path.len, "length", 6) != NULL;

    (void)data;
    poured = 0;
    lend(exchange);
    wherry_add_field(exchange, "Content-Type", SLICE("text/plain"));
    wherry_add_field(exchange, "ETag", SLICE("\"poured\""));
    wherry_set_stream(exchange, has_length ? (int64_t)sizeof digits + 10 : -1, pour, NULL);
    return WHERRY_ANSWER;
}

static enum wherry_next fail(struct wherry_exchange *exchange, void *data)
{
    (void)exchange;
    (void)data;
    return WHERRY_FAIL;
}

static const struct wherry_route routes[] = {
    {.pattern = "/", .methods = WHERRY_GET | WHERRY_HEAD, .look = from_memory},
    {.pattern = "/digits.txt", .methods = WHERRY_GET | WHERRY_HEAD, .is_brief = true,
     .look = not_from_memory, .work = from_file},
    {.pattern = "/echo", .methods = WHERRY_POST | WHERRY_PUT | WHERRY_GET, .wants_body = true,
     .work = echo},
    {.pattern = "/drop/*", .methods = WHERRY_POST | WHERRY_GET, .look = from_memory},
    {.pattern = "/late/*", .methods = WHERRY_POST | WHERRY_DELETE, .work = refuse_it},
    {.pattern = "/refused", .methods = WHERRY_GET | WHERRY_POST, .look = refuse_it},
    {.pattern = "/stream/*", .methods = WHERRY_GET | WHERRY_HEAD | WHERRY_POST, .look = from_stream},
    {.pattern = "/broken", .methods = WHERRY_GET, .look = fail},
};

static bool own_page(struct wherry_exchange *exchange, int status, bool may_block, void *data)
{
    (void)may_block;
    (void)data;
    if (status != 404)
        return false;
    wherry_set_body(exchange, (struct wherry_slice){digits, 10});
    return true;
}

/* What is printed (the access log is made, for the sake of its bytes) goes nowhere. */
static void silence(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    MUST_HOLD(nowhere != -1 && dup2(nowhere, STDOUT_FILENO) != -1);
    close(nowhere);
    log_set_level((enum log_level)-1);      /* below every one there is */
}

static void fill_digits(void)
{
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = (char)('0' + i % 10);
    digits_fd = memfd_create("digits", MFD_CLOEXEC);
    MUST_HOLD(digits_fd != -1);
    MUST_HOLD(pwrite(digits_fd, digits, sizeof digits, 0) == (ssize_t)sizeof digits);
}

static void wake_due(struct timer *timer, void *context)
{
    (void)context;
    queue_wake(&server->queue,
               &CONTAINER_OF(timer, struct work, exchange.stream.timer)->conn->source);
}

static void open_server(void)
{
    struct wherry_settings settings;

    silence();
    fill_digits();
    wherry_settings_init(&settings);
    settings.workers = 2;
    settings.head_bytes_max = HEAD_BYTES;
    settings.target_bytes_max = TARGET_BYTES;
    settings.body_bytes_max = BODY_BYTES;
    settings.body_memory_max = MEMORY_BYTES;
    server = wherry_server_new(&settings);
    MUST_HOLD(server);
    /* All that wherry_server_open does but listen. */
    server->keeper_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MUST_HOLD(server->keeper_fd != -1);
    MUST_HOLD(queue_open(&server->queue) && slab_open(&server->slab, 4 + CONN_ADMIN_RESERVE));
    MUST_HOLD(spool_open(&server->spool, P_tmpdir));
    MUST_HOLD(timers_open(&server->timers, 4, wake_due, NULL));
    for (size_t i = 0; i < COUNTOF(routes); i++)
        MUST_HOLD(wherry_server_route(server, &routes[i]));
    wherry_server_on_error(server, own_page, NULL);
    worker_init(&worker, server);
}

/* ---- what the peer does --------------------------------------------------------------- */

static void add(struct script *script, struct script_step *steps, struct script_step step)
{
    MUST_HOLD(script->count < STEPS_MAX);
    steps[script->count++] = step;
    script->steps = steps;
}

static void end_reads(struct script *reads, struct script_step *steps, enum ending ending)
{
    if (ending == ENDING_HALF_CLOSE)
        add(reads, steps, (struct script_step){.what = SCRIPT_CLOSE});
    else if (ending == ENDING_RESET)
        add(reads, steps, (struct script_step){.what = SCRIPT_FAIL});
}

/* The bytes in pieces, each behind a wait. */
static void cut_reads(struct script *reads, struct script_step *steps, struct str bytes,
                      const struct plan *plan)
{
    struct cuts cuts = plan->reads;

    while (bytes.len > 0) {
        size_t len = cuts_next(&cuts, bytes.len);

        add(reads, steps, (struct script_step){SCRIPT_GIVE, bytes.ptr, len});
        if (len % 2)
            add(reads, steps, (struct script_step){.what = SCRIPT_BLOCK});
        bytes = str_from(bytes, len);
    }
    end_reads(reads, steps, plan->ending);
}

/* Short writes, and waits between them. */
static void cut_writes(struct script *writes, struct script_step *steps, const struct plan *plan)
{
    struct cuts cuts = plan->writes;

    while (cuts.count < plan->writes_count) {
        size_t len = cuts_next(&cuts, FILE_BYTES);

        add(writes, steps, (struct script_step){SCRIPT_TAKE, NULL, len});
        if (len % 2)
            add(writes, steps, (struct script_step){.what = SCRIPT_BLOCK});
    }
    if (plan->writes_fail)
        add(writes, steps, (struct script_step){.what = SCRIPT_FAIL});
}

/* ---- the world ------------------------------------------------------------------------ */

struct world {
    const struct plan *plan;
    struct scripted    peer;
    struct conn       *conn;
    struct ticket      others;          /* somebody's, who has the only permit */
    size_t             reads_told;      /* steps of the script that an event was about */
    size_t             writes_told;
    unsigned           turns, patience;
};

static void run(struct world *world)
{
    MUST_HOLD(world->turns++ < TURNS_MAX);
    conn_run(world->conn, &worker);
}

/* Who lets go waits for something, and not for ever unless it is for his own stream; who is idle holds
 * nothing. */
static void check_waiting(const struct world *world)
{
    const struct conn *conn = world->conn;
    bool               is_idle = conn->has_served && !conn->work;

    MUST_HOLD(atomic_load(&conn->source.claim) == CLAIM_IDLE);
    MUST_HOLD((atomic_load(&conn->deadline_ms) == CLOCK_NEVER) == (conn->wait == WAIT_STREAM));
    MUST_HOLD((server->timers.count == 1) == (conn->wait == WAIT_STREAM));
    MUST_HOLD(conn->wait != WAIT_NOTHING && conn->state != CONN_CLOSED);
    MUST_HOLD(conn->state != CONN_READ_HEAD || conn->wait == (is_idle ? WAIT_NEXT : WAIT_HEAD));
    MUST_HOLD(conn->state == CONN_READ_HEAD || conn->work);
}

static bool is_end(const struct script *reads, size_t at)
{
    return at < reads->count && (reads->steps[at].what == SCRIPT_CLOSE ||
                                 reads->steps[at].what == SCRIPT_FAIL);
}

/* Bytes, or the end, have come since the peer was last heard of.  What is left of a piece is no
 * news: it was there before.  Where the end comes right behind the last bytes, one event tells of
 * both. */
static bool input_comes(struct world *world)
{
    const struct script *reads = &world->peer.reads;

    if (reads->at == reads->count || reads->at < world->reads_told || reads->used > 0)
        return false;
    world->reads_told = reads->at + 1;
    if (reads->steps[reads->at].what == SCRIPT_GIVE && is_end(reads, reads->at + 1))
        world->reads_told++;
    if (is_end(reads, world->reads_told - 1))
        atomic_store(&world->conn->source.hang_up, true);
    return true;
}

/* A write would have blocked, and now would not; it is told to who asked for it. */
static bool room_comes(struct world *world)
{
    const struct script *writes = &world->peer.writes;
    bool is_blocked = writes->at > 0 && writes->steps[writes->at - 1].what == SCRIPT_BLOCK;

    if (!is_blocked || writes->at <= world->writes_told || !world->conn->wants_output)
        return false;
    world->writes_told = writes->at;
    return true;
}

/* What the connection has asked the queue to be told at once. */
static bool queue_tells(void)
{
    struct source *ready[4];

    /* A nudge is an event that gives nothing; what it is about comes with the next. */
    return queue_wait(&server->queue, ready, COUNTOF(ready), 0) > 0 ||
           queue_wait(&server->queue, ready, COUNTOF(ready), 0) > 0;
}

static bool permit_comes(struct world *world)
{
    if (world->others.state == TICKET_NONE)
        return false;
    permits_leave(&server->permits, &world->others);
    return queue_tells();
}

/* The stream's own time has come. */
static bool stream_comes(void)
{
    if (server->timers.count == 0)
        return false;
    worker.moment.now.ms = timers_next(&server->timers);
    timers_fire(&server->timers, worker.moment.now.ms);
    return queue_tells();
}

static const struct request_limits limits = {HEAD_BYTES, TARGET_BYTES};

/* Nothing will happen any more, so all that can be done has been: what came is read, what was asked
 * is answered, and what is answered is sent. */
static void check_stranded(const struct world *world)
{
    const struct script *reads = &world->peer.reads;
    const struct conn   *conn = world->conn;
    const struct work   *work = conn->work;
    struct request       request;
    struct refusal       refusal;
    char                 room[TARGET_BYTES + 1];

    MUST_HOLD(reads->at == reads->count);
    MUST_HOLD(conn->state == CONN_READ_HEAD || conn->state == CONN_READ_BODY ||
              conn->state == CONN_LINGER);
    if (conn->state == CONN_READ_HEAD && work)
        MUST_HOLD(request_parse(str_of(work->input + work->start, work->end - work->start),
                                &limits, room, &request, &refusal) == PARSE_MORE);
}

static void time_passes(struct world *world)
{
    MUST_HOLD(world->turns++ < TURNS_MAX);
    MUST_HOLD(source_claim_if_idle(&world->conn->source));
    if (world->plan->ending == ENDING_EVICTION)
        conn_abort(world->conn, &worker, NULL);
    else
        conn_expire(world->conn, &worker);
}

static void live(struct world *world)
{
    run(world);
    while (!world->peer.is_closed) {
        check_waiting(world);
        if (world->turns == world->patience) {
            time_passes(world);
        } else if (queue_tells() || room_comes(world) || input_comes(world) ||
                   permit_comes(world) || stream_comes()) {
            MUST_HOLD(source_claim(&world->conn->source));
            run(world);
        } else {
            check_stranded(world);
            time_passes(world);
        }
    }
}

static void check_nothing_is_left(void)
{
    MUST_HOLD(slab_count_open(&server->slab) == 0);
    MUST_HOLD(server->permits.taken == 0 && server->permits.waiting == 0);
    MUST_HOLD(server->timers.count == 0);
    MUST_HOLD(atomic_load(&server->coding_bytes) == CODED_STREAMS_BYTES);
    MUST_HOLD(things_lent == 0);
    MUST_HOLD(!queue_tells());
}

/* Plays a script, and gives what was answered. */
static struct buf play(struct world *world)
{
    static const struct peer somebody = {.family = AF_INET, .bytes = {192, 0, 2, 7}, .port = 4711};
    struct transport         transport;
    struct buf               answers;

    world->peer.fd = -1;
    transport = scripted_open(&world->peer);
    world->conn = conn_open(server, transport.fd, &somebody, false, worker.moment.now);
    MUST_HOLD(world->conn);
    world->conn->transport = transport;
    live(world);
    if (world->others.state != TICKET_NONE)
        permits_leave(&server->permits, &world->others);
    check_nothing_is_left();
    answers = world->peer.written;
    world->peer.written = BUF_UP_TO(ANSWERS_MAX);
    scripted_fini(&world->peer);
    worker_flush(&worker);
    return answers;
}

static struct buf play_whole(struct str bytes, const struct plan *plan)
{
    struct script_step steps[STEPS_MAX];
    struct world       world = {.plan = plan};

    if (bytes.len > 0)
        add(&world.peer.reads, steps, (struct script_step){SCRIPT_GIVE, bytes.ptr, bytes.len});
    end_reads(&world.peer.reads, steps, plan->ending);
    return play(&world);
}

static struct buf play_in_pieces(struct str bytes, const struct plan *plan)
{
    struct script_step reads[STEPS_MAX], writes[STEPS_MAX];
    struct world       world = {.plan = plan,
                                .others = TICKET_FRESH(PERMIT_LONG),
                                .patience = plan->patience};

    cut_reads(&world.peer.reads, reads, bytes, plan);
    cut_writes(&world.peer.writes, writes, plan);
    if (plan->permit_is_late)
        MUST_HOLD(permits_take(&server->permits, &world.others, 0));
    return play(&world);
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
        char   boundary[BOUNDARY_BYTES];
        char  *each = at += mark.len;

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
        size_t behind = (size_t)(answers->ptr + answers->len - at) - interim.len;

        memmove(at, at + interim.len, behind);
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

/* ---- each request alone --------------------------------------------------------------- */

/* Bytes of a chunked body at the front; all there are when it is not whole. */
static size_t measure_chunks(struct str bytes)
{
    struct tight_str copy = tight_bytes(bytes.ptr, bytes.len);
    struct chunked   chunked = CHUNKED_START;
    struct refusal   refusal;
    size_t           count = bytes.len, used;
    enum parse       parse = chunked_decode(&chunked, copy.bytes, &count, &used, &refusal);

    tight_str_free(&copy);
    return parse == PARSE_DONE ? used : bytes.len;
}

/* Bytes of the first request, its body included; all there are when it is not whole. */
static size_t measure_request(struct str bytes)
{
    struct request request;
    struct refusal refusal;
    struct framing framing;
    char           room[TARGET_BYTES + 1];

    if (request_parse(bytes, &limits, room, &request, &refusal) != PARSE_DONE)
        return bytes.len;
    refusal = framing_decide(&request, &framing);
    if (is_refused(refusal))
        return bytes.len;
    switch (framing.kind) {
    case BODY_NONE:
        break;
    case BODY_LENGTH:
        return request.head_bytes + (size_t)MIN_OF(framing.length, bytes.len - request.head_bytes);
    case BODY_CHUNKED:
        return request.head_bytes + measure_chunks(str_from(bytes, request.head_bytes));
    }
    return request.head_bytes;
}

static bool says_close(struct str answer)
{
    const char *end = memmem(answer.ptr, answer.len, "\r\n\r\n", 4);

    return !end || memmem(answer.ptr, (size_t)(end + 2 - answer.ptr), "\r\nConnection: close\r\n", 21);
}

/* Until an answer closes the connection, or there is none. */
static struct buf play_one_by_one(struct str bytes, const struct plan *plan)
{
    struct buf answers = BUF_UP_TO(ANSWERS_MAX);
    bool       is_closed = false;

    for (unsigned i = 1; bytes.len > 0 && !is_closed; i++) {
        size_t     len = i < REQUESTS_MAX ? measure_request(bytes) : bytes.len;
        struct buf answer = play_whole(str_of(bytes.ptr, len), plan);

        normalise(&answer);
        is_closed = says_close(buf_view(&answer));
        buf_append(&answers, buf_view(&answer));
        bytes = str_from(bytes, len);
        buf_fini(&answer);
    }
    return answers;
}

/* ---- the comparison ------------------------------------------------------------------- */

static void must_be_same(struct buf *whole, struct buf *other, bool is_same, const char *how)
{
    if (!is_same)
        fprintf(stderr, "at once:\n%.*s\n%s:\n%.*s\n", STR_ARG(buf_view(whole)), how,
                STR_ARG(buf_view(other)));
    MUST_HOLD(is_same);
}

static void compare(struct buf *whole, struct buf *other, const char *how)
{
    must_be_same(whole, other, str_equal(buf_view(whole), buf_view(other)), how);
}

/* To a peer that is gone in the middle, a part of the answers is sent. */
static void compare_part(struct buf *whole, struct buf *part)
{
    part->len -= MIN_OF(part->len, BROKEN_OFF_MAX);
    must_be_same(whole, part, str_starts(buf_view(whole), buf_view(part)), "broken off");
}

static struct plan choose_plan(struct str *input)
{
    uint8_t choices = choose_byte(input);

    return (struct plan){
        .ending = (enum ending)(choices % ENDINGS),
        .permit_is_late = choices & 4,
        .is_draining = choices & 8,
        .writes_fail = choices & 16,
        .log = (enum wherry_log_format)(choices >> 6),
        .writes_count = choose_byte(input) % (CUTS_MAX + 1),
        .patience = choose_byte(input),
        .reads = cuts_choose(input),
        .writes = cuts_choose(input),
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str  input = str_of((const char *)data, size);
    struct plan plan = choose_plan(&input);
    struct buf  whole, pieces, each;

    if (!server)
        open_server();
    server->settings.access_log = plan.log;
    atomic_store(&server->is_draining, plan.is_draining);
    whole = play_whole(input, &plan);
    pieces = play_in_pieces(input, &plan);
    each = play_one_by_one(input, &plan);
    normalise(&whole);
    normalise(&pieces);
    if (plan.writes_fail && !plan.patience)
        compare_part(&whole, &pieces);
    else if (!plan.patience)
        compare(&whole, &pieces, "in pieces");
    compare(&whole, &each, "one by one");
    buf_fini(&whole);
    buf_fini(&pieces);
    buf_fini(&each);
    return 0;
}
