#include "tests/support/visit.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/fault.h"
#include "tests/support/promise.h"

enum {
    HEARD_MAX = 4 * 1024 * 1024,
    GLANCE_MS = 20,
    DAWDLE_US = 1000,               /* so that answers pile up */
};

static int64_t now_ms(void)
{
    return clock_us() / 1000;
}

/* ---- a guest -------------------------------------------------------------------------- */

struct guest {
    struct stage *stage;
    int           fd;
    struct buf    heard;
    bool          has_ended;        /* nothing more will come */
};

static void guest_come(struct guest *guest, struct stage *stage)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};

    *guest = (struct guest){.stage = stage, .heard = BUF_UP_TO(HEARD_MAX)};
    guest->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_not_equal(guest->fd, -1);
    guest->has_ended = connect(guest->fd, (struct sockaddr *)&address, sizeof address) == -1;
}

static void guest_leave(struct guest *guest)
{
    close(guest->fd);
    buf_fini(&guest->heard);
}

/* Who was hung up on speaks to nobody, and hears why, or nothing. */
static void guest_say(struct guest *guest, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = send(guest->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (n == -1)
            return;
        bytes = str_from(bytes, (size_t)n);
    }
}

/* There is something to hear, or the end. */
static bool guest_has_news(const struct guest *guest)
{
    return poll(&(struct pollfd){.fd = guest->fd, .events = POLLIN}, 1, 0) == 1;
}

/* Waits for that; false when there will be neither. */
static bool guest_wait(struct guest *guest)
{
    struct pollfd waiting = {.fd = guest->fd, .events = POLLIN};

    for (int64_t until = now_ms() + STAGE_PATIENCE_MS; now_ms() < until;) {
        bool has_ended = atomic_load(&guest->stage->has_ended);

        if (poll(&waiting, 1, GLANCE_MS) == 1)
            return true;
        if (has_ended)              /* the server, before we looked */
            return false;
    }
    fail_msg("nothing happened for a long time; heard so far: %.*s",
             STR_ARG(buf_view(&guest->heard)));
    return false;
}

static void guest_listen(struct guest *guest)
{
    char room[32 * 1024];
    ssize_t n = guest_wait(guest) ? recv(guest->fd, room, sizeof room, 0) : 0;

    guest->has_ended = n <= 0;
    if (n > 0)
        buf_append(&guest->heard, str_of(room, (size_t)n));
    assert_false(guest->heard.failed);
}

/* ---- an answer ------------------------------------------------------------------------ */

struct answer {
    char  *bytes;                   /* head and body, in what the guest has heard */
    size_t len;
    size_t head_len;
    int    status;
};

static char *answer_find(const struct answer *answer, const char *text)
{
    return memmem(answer->bytes, answer->len, text, strlen(text));
}

static bool has_body(const struct answer *answer, bool is_head)
{
    return !is_head && answer->status >= 200 && answer->status != 304;
}

/* False when the first of what was heard is not whole yet. */
static bool answer_parse(const struct guest *guest, bool is_head, struct answer *answer)
{
    struct str heard = buf_view(&guest->heard);
    const char *end = memmem(heard.ptr, heard.len, "\r\n\r\n", 4), *length;

    if (!end)
        return false;
    *answer = (struct answer){.bytes = guest->heard.ptr};
    answer->len = answer->head_len = (size_t)(end + 4 - heard.ptr);
    PROMISED("an answer begins as one", str_starts(heard, STR("HTTP/1.1 ")));
    answer->status = atoi(answer->bytes + strlen("HTTP/1.1 "));
    if (!has_body(answer, is_head))
        return true;
    length = answer_find(answer, "\r\nContent-Length: ");
    PROMISED("an answer says how long it is", length);
    answer->len += strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    return answer->len <= heard.len;
}

/* False when it was cut short. */
static bool answer_read(struct guest *guest, bool is_head, struct answer *answer)
{
    while (!answer_parse(guest, is_head, answer)) {
        if (guest->has_ended)
            return false;
        guest_listen(guest);
    }
    return true;
}

static void dash(char *at, size_t len)
{
    memset(at, '-', len);
}

/* Makes the same what may differ from one time to the next. */
static void answer_mask(const struct answer *answer)
{
    enum { DATE_LEN = 29, BOUNDARY_LEN = 24 };
    char *date = answer_find(answer, "\r\nDate: ");
    char *boundary = answer_find(answer, "boundary="), word[BOUNDARY_LEN + 1] = "", *at;

    if (date)
        dash(date + strlen("\r\nDate: "), DATE_LEN);
    if (!boundary)
        return;
    memcpy(word, boundary + strlen("boundary="), BOUNDARY_LEN);
    while ((at = answer_find(answer, word)))
        dash(at, BOUNDARY_LEN);
}

/* ---- the dialogue --------------------------------------------------------------------- */

enum { SMALL, WHOLE };              /* the first two */

static struct exchange {
    const char *request;
    const char *late_body;          /* sent once "100 Continue" has come */
    int         status;
    const char *text;               /* the body; NULL: `length` bytes of the large file, if any */
    size_t      first, length;
    struct buf  learnt;             /* the whole answer, masked */
} exchanges[] = {
    [SMALL] = {.request = "GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n",
               .status = 200, .text = "small\n"},
    [WHOLE] = {.request = "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n",
               .status = 200, .length = STAGE_LARGE_BYTES},
    {.request = "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n", .status = 404, .text = "not here"},
    {.request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
     .status = 200, .text = "hello"},
    {.request = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
     .status = 200, .text = "hello"},
    {.request = "GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=1000-69999\r\n\r\n",
     .status = 206, .first = 1000, .length = 69000},
    {.request = "GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=7-9,90000-90009\r\n\r\n",
     .status = 206},
    {.request = "GET /small.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=1-3\r\n\r\n",
     .status = 206, .text = "mal"},
    {.request = "GET /drip HTTP/1.1\r\nHost: a\r\n\r\n", .status = 200, .text = "drips"},
    {.request = "HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", .status = 200, .text = ""},
    {.request = "GET /folder HTTP/1.1\r\nHost: a\r\n\r\n", .status = 301},
    {.request = "GET /folder/ HTTP/1.1\r\nHost: a\r\n\r\n", .status = 200, .text = "folder"},
    {.request = "GET /link.txt HTTP/1.1\r\nHost: a\r\n\r\n", .status = 200, .text = "small\n"},
    {.request = "GET /small.txt HTTP/1.1\r\nHost: a\r\n"
                "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n",
     .status = 304, .text = ""},
    {.request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                "Expect: 100-continue\r\n\r\n",
     .late_body = "hello", .status = 200, .text = "hello"},
    {.request = "POST /small.txt HTTP/1.0\r\nContent-Length: 5\r\n\r\n12345", .status = 405},
};

static bool is_head(const struct exchange *exchange)
{
    return strncmp(exchange->request, "HEAD ", 5) == 0;
}

/* What came when nothing failed is what was asked for. */
static void learn(struct exchange *exchange, const struct answer *answer)
{
    struct str body = str_of(answer->bytes + answer->head_len, answer->len - answer->head_len);

    PROMISED_NUMBER(exchange->request, answer->status, exchange->status);
    if (exchange->text)
        PROMISED(exchange->request, str_equal(body, str_view(exchange->text)));
    else if (exchange->length)
        PROMISED(exchange->request,
                 str_equal(body, stage_large(exchange->first, exchange->length)));
    exchange->learnt = BUF_UP_TO(HEARD_MAX);
    buf_append(&exchange->learnt, str_of(answer->bytes, answer->len));
    assert_false(exchange->learnt.failed);
}

/* RFC 9110 §14.2: a server that cannot answer with ranges just now answers with everything. */
static bool is_everything(const struct exchange *exchange, const struct answer *answer)
{
    return exchange->status == 206 &&
           str_equal(str_of(answer->bytes, answer->len), buf_view(&exchanges[WHOLE].learnt));
}

/* An error has the page it has: the site's own, or ours when that could not be read. */
static bool is_forgiven(const struct exchange *exchange, const struct answer *answer,
                        const struct grace *grace)
{
    if (grace->may_be_whole && is_everything(exchange, answer))
        return true;
    if (grace->statuses[0] && answer->status >= 400 && answer->status == exchange->status)
        return true;
    for (size_t i = 0; i < COUNTOF(grace->statuses); i++)
        if (grace->statuses[i] && grace->statuses[i] == answer->status)
            return true;
    return false;
}

static void judge(struct exchange *exchange, const struct answer *answer, const struct grace *grace)
{
    struct str bytes = str_of(answer->bytes, answer->len);

    answer_mask(answer);
    if (!exchange->learnt.ptr)
        learn(exchange, answer);
    else if (!str_equal(bytes, buf_view(&exchange->learnt)) &&
             !is_forgiven(exchange, answer, grace))
        fail_msg("a wrong answer to %s\n%.*s", exchange->request, (int)MIN_OF(bytes.len, 600u),
                 bytes.ptr);
}

/* False when the connection ended first. */
static bool hear_out(struct guest *guest, struct exchange *exchange, const struct grace *grace)
{
    struct answer answer;

    if (!answer_read(guest, is_head(exchange), &answer))
        return false;
    if (answer.status == 100) {
        buf_consume(&guest->heard, answer.len);
        guest_say(guest, str_view(exchange->late_body));
        return hear_out(guest, exchange, grace);
    }
    judge(exchange, &answer, grace);
    if (answer_find(&answer, "\r\nConnection: close\r\n") || exchange->status == 405)
        guest->has_ended = true;
    buf_consume(&guest->heard, answer.len);
    return true;
}

static void must_be_forgiven(const struct exchange *exchange, const struct grace *grace)
{
    if (!grace->may_be_cut)
        fail_msg("nothing came in answer to %s", exchange->request);
}

/* Whoever is cut comes again and goes on with the next request. */
static void one_after_the_other(struct stage *stage, size_t count, const struct grace *grace)
{
    struct guest guest;

    guest_come(&guest, stage);
    for (size_t i = 0; i < count; i++) {
        if (guest.has_ended) {
            guest_leave(&guest);
            guest_come(&guest, stage);
        }
        guest_say(&guest, str_view(exchanges[i].request));
        if (!hear_out(&guest, &exchanges[i], grace))
            must_be_forgiven(&exchanges[i], grace);
    }
    guest_leave(&guest);
}

static void all_in_one_go(struct stage *stage, const struct grace *grace)
{
    struct buf requests = BUF_UP_TO(16 * 1024);
    struct guest guest;

    for (size_t i = 0; i < COUNTOF(exchanges); i++)
        if (!exchanges[i].late_body)
            buf_append(&requests, str_view(exchanges[i].request));
    guest_come(&guest, stage);
    guest_say(&guest, buf_view(&requests));
    sleep_us(DAWDLE_US);
    for (size_t i = 0; i < COUNTOF(exchanges); i++) {
        if (exchanges[i].late_body)
            continue;
        if (!hear_out(&guest, &exchanges[i], grace)) {
            must_be_forgiven(&exchanges[i], grace);
            break;
        }
    }
    guest_leave(&guest);
    buf_fini(&requests);
}

void visit_all(struct stage *stage, const struct grace *grace)
{
    bool was_spared = fault_spare_me(true);
    struct guest bystander;

    guest_come(&bystander, stage);
    one_after_the_other(stage, COUNTOF(exchanges), grace);
    all_in_one_go(stage, grace);
    /* One who only waited is served too, or has been sent away to make room. */
    guest_say(&bystander, str_view(exchanges[SMALL].request));
    if (!hear_out(&bystander, &exchanges[SMALL], grace))
        must_be_forgiven(&exchanges[SMALL], grace);
    guest_leave(&bystander);
    fault_spare_me(was_spared);
}

void visit_once(struct stage *stage, const struct grace *grace)
{
    bool was_spared = fault_spare_me(true);

    one_after_the_other(stage, COUNTOF(exchanges), grace);
    fault_spare_me(was_spared);
}

void visit_files(struct stage *stage, const struct grace *grace)
{
    bool was_spared = fault_spare_me(true);

    one_after_the_other(stage, WHOLE + 1, grace);
    fault_spare_me(was_spared);
}

/* ---- sleepers ------------------------------------------------------------------------- */

static struct exchange sleeping = {
    .request = "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n", .status = 200, .text = "slept"};

void visit_sleepers(struct stage *stage, const struct grace *grace)
{
    bool was_spared = fault_spare_me(true);
    struct guest guests[3];

    for (size_t i = 0; i < COUNTOF(guests); i++) {
        guest_come(&guests[i], stage);
        guest_say(&guests[i], str_view(sleeping.request));
    }
    for (size_t i = 0; i < COUNTOF(guests); i++) {
        if (!hear_out(&guests[i], &sleeping, grace))
            must_be_forgiven(&sleeping, grace);
        guest_leave(&guests[i]);
    }
    fault_spare_me(was_spared);
}

/* The answer may say that it is the last, so it is not the one that was learnt. */
static void hear_last_words(struct guest *guest, const struct grace *grace)
{
    struct answer answer;

    if (!answer_read(guest, false, &answer))
        must_be_forgiven(&sleeping, grace);
    else if (answer.status == 200)
        assert_memory_equal(answer.bytes + answer.head_len, sleeping.text, strlen(sleeping.text));
    else
        assert_true(is_forgiven(&sleeping, &answer, grace));
}

void visit_at_the_end(struct stage *stage, const struct grace *grace)
{
    bool was_spared = fault_spare_me(true);
    struct guest guest;

    guest_come(&guest, stage);
    guest_say(&guest, str_view(sleeping.request));
    while (!stage_is_working(stage) && !guest_has_news(&guest) &&
           !guest.has_ended && !atomic_load(&stage->has_ended))
        sleep_us(100);
    wherry_server_stop(stage->server);
    hear_last_words(&guest, grace);
    guest_leave(&guest);
    fault_spare_me(was_spared);
}

/* ---- what is right ------------------------------------------------------------------- */

void visit_learn(struct stage *stage)
{
    visit_all(stage, &NO_GRACE);
    visit_sleepers(stage, &NO_GRACE);
}

void visit_forget(void)
{
    for (size_t i = 0; i < COUNTOF(exchanges); i++)
        buf_fini(&exchanges[i].learnt);
    buf_fini(&sleeping.learnt);
}
