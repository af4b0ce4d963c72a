/* What server/answer promises: from what a handler filled in to what goes out. */
#include "server/answer.h"

#include <stdio.h>

#include "base/log.h"
#include "http/date.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/promise.h"

enum { NOW_S = 1700000000 };            /* Tue, 14 Nov 2023 22:13:20 GMT */

#define OLD     "Mon, 13 Nov 2023 22:13:20 GMT"         /* before the last change */
#define CHANGED "Tue, 14 Nov 2023 00:00:00 GMT"         /* the last change */
#define LATER   "Tue, 14 Nov 2023 01:00:00 GMT"
#define DATE    "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"

#define SHARED  "ETag: \"v1\"\r\nCache-Control: no-cache\r\n"
#define CONTENT "Content-Type: text/plain\r\n"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

static const struct request_limits limits = {8192, 4096};

/* ---- a request, and what a handler made of it ----------------------------------------- */

struct trial {
    struct wherry_exchange exchange;
    struct answer_setting  setting;
    struct tight_str       request;
    struct buf             head;
    struct writer          writer;
    char                   path[4096 + 1];
};

static void trial_init(struct trial *trial, const char *method, int minor, const char *fields)
{
    struct buf     request = BUF_UP_TO(8192);
    struct refusal refusal;

    buf_printf(&request, "%s /a HTTP/1.%d\r\nHost: x\r\n%s\r\n", method, minor, fields);
    trial->request = tight_bytes(request.ptr, request.len);
    buf_fini(&request);
    exchange_init(&trial->exchange, 0);
    assert_int_equal(request_parse(trial->request.view, &limits, trial->path,
                                   &trial->exchange.request, &refusal),
                     PARSE_DONE);
    trial->exchange.now.wall_s = NOW_S;
    trial->setting = (struct answer_setting){.date_line = STR(DATE), .keep_alive = true};
    trial->head = BUF_UP_TO(32 * 1024);
}

static bool settle(struct trial *trial)
{
    return answer_settle(&trial->exchange, &trial->setting, &trial->head, &trial->writer);
}

static void trial_fini(struct trial *trial)
{
    exchange_fini(&trial->exchange);
    buf_fini(&trial->head);
    tight_str_free(&trial->request);
}

static void give_letters(struct wherry_exchange *exchange, bool has_validators, bool is_file)
{
    wherry_set_lines(exchange, wherry_text(SHARED), wherry_text(CONTENT));
    if (has_validators)
        wherry_set_validators(exchange, wherry_text("\"v1\""), date_parse(STR(CHANGED), NOW_S));
    if (is_file)
        wherry_set_file(exchange, 777, strlen(LETTERS), NULL);
    else
        wherry_set_body(exchange, wherry_text(LETTERS));
}

/* ---- the table of truth, its identity columns ----------------------------------------- */

#define GET_HEAD "GET HEAD"

/* clang-format off */
static const struct truth {
    const char *promise;
    const char *methods;
    const char *fields;                 /* of the request */
    bool        has_validators;
    int         status;
    uint64_t    first, length;          /* of the letters; what a GET's body is */
} truths[] = {
    {"everything",                                GET_HEAD, "", true, 200, 0, 26},
    {"everything, without validators",            GET_HEAD, "", false, 200, 0, 26},

    /* RFC 9110 §13.1.2 */
    {"who has it need not get it",                GET_HEAD, "If-None-Match: \"v1\"\r\n", true, 304, 0, 0},
    {"a weak tag is enough for that",             GET_HEAD, "If-None-Match: W/\"v1\"\r\n", true, 304, 0, 0},
    {"one of several is, too",                    GET_HEAD, "If-None-Match: \"v0\", \"v1\"\r\n", true, 304, 0, 0},
    {"who has another gets it",                   GET_HEAD, "If-None-Match: \"v0\"\r\n", true, 200, 0, 26},
    {"without a tag there is nothing to compare", GET_HEAD, "If-None-Match: \"v1\"\r\n", false, 200, 0, 26},
    {"a tag counts, a date beside it does not",   GET_HEAD, "If-None-Match: \"v0\"\r\nIf-Modified-Since: " LATER "\r\n", true, 200, 0, 26},

    /* RFC 9110 §13.1.3 */
    {"not changed since the date we gave",        GET_HEAD, "If-Modified-Since: " CHANGED "\r\n", true, 304, 0, 0},
    {"nor since a later one",                     GET_HEAD, "If-Modified-Since: " LATER "\r\n", true, 304, 0, 0},
    {"but since an earlier one",                  GET_HEAD, "If-Modified-Since: " OLD "\r\n", true, 200, 0, 26},
    {"no date is no condition",                   GET_HEAD, "If-Modified-Since: yesterday\r\n", true, 200, 0, 26},
    {"without a date of ours neither",            GET_HEAD, "If-Modified-Since: " LATER "\r\n", false, 200, 0, 26},

    /* RFC 9110 §13.1.1, §13.1.4 */
    {"another version is not sent",               GET_HEAD, "If-Match: \"v0\"\r\n", true, 412, 0, 0},
    {"nor one that is only alike",                GET_HEAD, "If-Match: W/\"v1\"\r\n", true, 412, 0, 0},
    {"the same is",                               GET_HEAD, "If-Match: \"v1\"\r\n", true, 200, 0, 26},
    {"without a tag nothing is the same",         GET_HEAD, "If-Match: \"v1\"\r\n", false, 412, 0, 0},
    {"any is any",                                GET_HEAD, "If-Match: *\r\n", true, 200, 0, 26},
    {"changed since",                             GET_HEAD, "If-Unmodified-Since: " OLD "\r\n", true, 412, 0, 0},
    {"not changed since",                         GET_HEAD, "If-Unmodified-Since: " CHANGED "\r\n", true, 200, 0, 26},
    {"412 goes before 304",                       GET_HEAD, "If-Match: \"v0\"\r\nIf-None-Match: \"v1\"\r\n", true, 412, 0, 0},

    /* RFC 9110 §14.2 */
    {"a part",                                    "GET",    "Range: bytes=2-4\r\n", true, 206, 2, 3},
    {"a part, without validators",                "GET",    "Range: bytes=2-4\r\n", false, 206, 2, 3},
    {"the end",                                   "GET",    "Range: bytes=-3\r\n", true, 206, 23, 3},
    {"from a byte on",                            "GET",    "Range: bytes=20-\r\n", true, 206, 20, 6},
    {"everything, as a part",                     "GET",    "Range: bytes=0-\r\n", true, 206, 0, 26},
    {"the last byte",                             "GET",    "Range: bytes=25-25\r\n", true, 206, 25, 1},
    {"a part counts for GET only",                "HEAD",   "Range: bytes=2-4\r\n", true, 200, 0, 26},
    {"behind the end",                            "GET",    "Range: bytes=26-\r\n", true, 416, 0, 0},
    {"behind the end counts for GET only",        "HEAD",   "Range: bytes=26-\r\n", true, 200, 0, 26},
    {"parts that lie close together are one",     "GET",    "Range: bytes=0-1,4-5\r\n", true, 206, 0, 6},
    {"lines are not bytes",                       GET_HEAD, "Range: lines=0-1\r\n", true, 200, 0, 26},
    {"a part of this version",                    "GET",    "Range: bytes=2-4\r\nIf-Range: \"v1\"\r\n", true, 206, 2, 3},
    {"a part of this date's version",             "GET",    "Range: bytes=2-4\r\nIf-Range: " CHANGED "\r\n", true, 206, 2, 3},
    {"not of another",                            "GET",    "Range: bytes=2-4\r\nIf-Range: \"v0\"\r\n", true, 200, 0, 26},
    {"and then nothing is behind the end",        "GET",    "Range: bytes=99-\r\nIf-Range: \"v0\"\r\n", true, 200, 0, 26},
    {"304 goes before 206",                       "GET",    "Range: bytes=2-4\r\nIf-None-Match: \"v1\"\r\n", true, 304, 0, 0},
    {"304 goes before 416",                       "GET",    "Range: bytes=99-\r\nIf-None-Match: \"v1\"\r\n", true, 304, 0, 0},
    {"412 goes before 416",                       "GET",    "Range: bytes=99-\r\nIf-Match: \"v0\"\r\n", true, 412, 0, 0},
};
/* clang-format on */

static const char *phrase(int status)
{
    switch (status) {
    case 200: return "200 OK";
    case 206: return "206 Partial Content";
    case 304: return "304 Not Modified";
    case 412: return "412 Precondition Failed";
    case 416: return "416 Range Not Satisfiable";
    default:  return "?";
    }
}

static const char *connection_line(int minor, bool keep_alive)
{
    if (!keep_alive)
        return "Connection: close\r\n";
    return minor == 0 ? "Connection: keep-alive\r\n" : "";
}

#define PAGE_FIELDS                                                                            \
    "Content-Type: text/html; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"            \
    "Cache-Control: no-store\r\n"

/* The head that this row promises.  A page's length is taken from the answer. */
static void append_promised_head(struct buf *head, const struct truth *t, int minor,
                                 bool keep_alive, uint64_t page_bytes)
{
    buf_printf(head, "HTTP/1.1 %s\r\n" DATE "%s", phrase(t->status),
               connection_line(minor, keep_alive));
    if (t->status < 400)
        buf_append(head, STR(SHARED));
    if (t->status == 200 || t->status == 206)
        buf_append(head, STR(CONTENT));
    if (t->status == 206)
        buf_printf(head, "Content-Range: bytes %u-%u/26\r\n", (unsigned)t->first,
                   (unsigned)(t->first + t->length - 1));
    if (t->status == 416)
        buf_append(head, STR("Content-Range: bytes */26\r\n"));
    if (t->status >= 400)
        buf_printf(head, PAGE_FIELDS "Content-Length: %u\r\n", (unsigned)page_bytes);
    else if (t->status != 304)
        buf_printf(head, "Content-Length: %u\r\n", (unsigned)t->length);
    buf_append(head, STR("\r\n"));
}

static void has_promised_body(const struct truth *t, const struct trial *trial, bool is_head,
                              bool is_file)
{
    const struct writer *writer = &trial->writer;
    bool                 of_letters = !is_head && t->status < 300;

    if (t->status >= 400) {
        PROMISED(t->promise, writer->left == 0);
        PROMISED(t->promise, (writer->bytes.len == 0) == is_head);
        PROMISED(t->promise, is_head || str_starts(writer->bytes, STR("<!doctype html>")));
    } else if (is_file && of_letters) {
        PROMISED(t->promise, writer->bytes.len == 0);
        PROMISED_NUMBER(t->promise, writer->fd, 777);
        PROMISED_NUMBER(t->promise, writer->offset, t->first);
        PROMISED_NUMBER(t->promise, writer->left, t->length);
    } else {
        PROMISED(t->promise, writer->left == 0);
        PROMISED(t->promise, str_equal(writer->bytes, of_letters ? str_of(&LETTERS[t->first], t->length)
                                                                 : STR_NONE));
    }
}

static void holds(const struct truth *t, const char *method, int minor, bool keep_alive,
                  bool is_file)
{
    struct trial trial;
    struct buf   head = BUF_UP_TO(8192);

    trial_init(&trial, method, minor, t->fields);
    trial.setting.keep_alive = keep_alive;
    give_letters(&trial.exchange, t->has_validators, is_file);
    PROMISED(t->promise, settle(&trial));
    append_promised_head(&head, t, minor, keep_alive, trial.exchange.response.length);
    buf_append_byte(&head, '\0');
    PROMISED_STR(t->promise, trial.writer.head, head.ptr);
    has_promised_body(t, &trial, strcmp(method, "HEAD") == 0, is_file);
    PROMISED(t->promise, (trial.exchange.why != NULL) == (t->status >= 400));
    buf_fini(&head);
    trial_fini(&trial);
}

static void the_table_of_truth_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(truths); i++) {
        for (unsigned way = 0; way < 8; way++) {
            bool keep_alive = way & 1, is_file = way & 2;
            int  minor = way & 4 ? 1 : 0;

            if (strstr(truths[i].methods, "GET"))
                holds(&truths[i], "GET", minor, keep_alive, is_file);
            if (strstr(truths[i].methods, "HEAD"))
                holds(&truths[i], "HEAD", minor, keep_alive, is_file);
        }
    }
}

/* ---- other answers -------------------------------------------------------------------- */

static void conditions_count_for_200_to_get_and_head_only(void **state)
{
    static const struct { const char *method; int status; } others[] = {
        {"GET", 201}, {"GET", 404}, {"GET", 302}, {"POST", 200}, {"PUT", 200}};

    (void)state;
    for (size_t i = 0; i < COUNTOF(others); i++) {
        struct trial trial;

        trial_init(&trial, others[i].method, 1,
                   "If-None-Match: \"v1\"\r\nIf-Match: \"v0\"\r\nRange: bytes=1-2\r\n");
        give_letters(&trial.exchange, true, false);
        wherry_set_status(&trial.exchange, others[i].status);
        assert_true(settle(&trial));
        assert_int_equal(trial.exchange.response.status, others[i].status);
        assert_true(str_equal(trial.writer.bytes, STR(LETTERS)));
        trial_fini(&trial);
    }
}

/* RFC 9110 §8.6, §15.3.5 */
static void no_content_has_no_length(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    wherry_set_status(&trial.exchange, 204);
    wherry_set_body(&trial.exchange, wherry_text(LETTERS));
    assert_true(settle(&trial));
    PROMISED_STR("204", trial.writer.head, "HTTP/1.1 204 No Content\r\n" DATE "\r\n");
    assert_int_equal(trial.writer.bytes.len, 0);
    trial_fini(&trial);
}

static void an_empty_answer_says_so(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "POST", 1, "");
    wherry_set_status(&trial.exchange, 303);
    wherry_add_field(&trial.exchange, "Location", wherry_text("/done"));
    assert_true(settle(&trial));
    PROMISED_STR("303", trial.writer.head,
                 "HTTP/1.1 303 See Other\r\n" DATE "Location: /done\r\nContent-Length: 0\r\n\r\n");
    trial_fini(&trial);
}

static void an_absent_body_is_an_empty_one(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    wherry_set_body(&trial.exchange, (struct wherry_slice){NULL, 0});
    assert_true(settle(&trial));
    PROMISED_STR("empty", trial.writer.head, "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 0\r\n\r\n");
    assert_int_equal(trial.writer.bytes.len, 0);
    trial_fini(&trial);
}

/* An empty file: nothing of it is a part. */
static void nothing_has_no_range(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "Range: bytes=0-\r\n");
    wherry_set_body(&trial.exchange, wherry_text(""));
    assert_true(settle(&trial));
    assert_int_equal(trial.exchange.response.status, 416);
    assert_non_null(memmem(trial.head.ptr, trial.head.len, "Content-Range: bytes */0\r\n", 26));
    trial_fini(&trial);
}

/* RFC 9110 §12.5.5: what was chosen did not fit; another might have. */
static void what_an_answer_depends_on_its_refusal_does(void **state)
{
    static const char *const fields[] = {"If-Match: \"v0\"\r\n", "Range: bytes=99-\r\n"};

    (void)state;
    for (size_t i = 0; i < 2 * COUNTOF(fields); i++) {
        struct trial trial;

        trial_init(&trial, "GET", 1, fields[i / 2]);
        give_letters(&trial.exchange, true, false);
        if (i % 2)
            wherry_set_lines(&trial.exchange, wherry_text(SHARED "Vary: Accept-Encoding\r\n"),
                             wherry_text(CONTENT));
        else
            wherry_add_field(&trial.exchange, "Vary", wherry_text("Accept-Encoding"));
        assert_true(settle(&trial));
        assert_in_range(trial.exchange.response.status, 412, 416);
        assert_non_null(
            memmem(trial.head.ptr, trial.head.len, "\r\nVary: Accept-Encoding\r\n", 25));
        assert_null(memmem(trial.head.ptr, trial.head.len, "ETag", 4));
        trial_fini(&trial);
    }
}

/* ---- refusals ------------------------------------------------------------------------- */

/* RFC 9110 §9.3.2 */
static void a_page_to_head_is_told_and_not_sent(void **state)
{
    struct trial get, head;

    (void)state;
    trial_init(&get, "GET", 1, "");
    trial_init(&head, "HEAD", 1, "");
    wherry_refuse(&get.exchange, 404, "there is nothing by that name");
    wherry_refuse(&head.exchange, 404, "there is nothing by that name");
    assert_true(settle(&get));
    assert_true(settle(&head));
    assert_true(str_equal(get.writer.head, head.writer.head));
    assert_int_equal(head.writer.bytes.len, 0);
    assert_int_equal(get.writer.bytes.len, get.exchange.response.length);
    assert_non_null(memmem(get.writer.bytes.ptr, get.writer.bytes.len,
                           "there is nothing by that name", 29));
    assert_non_null(memmem(get.writer.bytes.ptr, get.writer.bytes.len, "404 Not Found", 13));
    trial_fini(&get);
    trial_fini(&head);
}

static void a_refusal_forgets_what_was_filled_in(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    give_letters(&trial.exchange, true, true);
    wherry_add_field(&trial.exchange, "X-Secret", wherry_text("42"));
    wherry_refuse(&trial.exchange, 403, "no");
    assert_true(settle(&trial));
    assert_null(memmem(trial.head.ptr, trial.head.len, "X-Secret", 8));
    assert_null(memmem(trial.head.ptr, trial.head.len, "ETag", 4));
    assert_int_equal(trial.writer.left, 0);
    trial_fini(&trial);
}

static void a_handler_may_give_a_refusal_its_own_body(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    wherry_refuse(&trial.exchange, 409, "no");
    wherry_add_field(&trial.exchange, "Content-Type", wherry_text("text/plain"));
    wherry_set_body(&trial.exchange, wherry_text("conflict"));
    assert_true(settle(&trial));
    PROMISED_STR("own body", trial.writer.head,
                 "HTTP/1.1 409 Conflict\r\n" DATE "Content-Type: text/plain\r\n"
                 "Content-Length: 8\r\n\r\n");
    PROMISED_STR("own body", trial.writer.bytes, "conflict");
    trial_fini(&trial);
}

/* RFC 9112 §11.1: an answer is not split in two. */
static void a_field_that_cannot_be_sent_makes_it_a_500(void **state)
{
    static const struct { const char *name, *value; } fields[] = {
        {"X-A", "a\r\nSet-Cookie: b"}, {"X-A", "a\nb"}, {"X-A", "a\rb"}, {"X A", "b"},
        {"", "b"}, {"X:", "b"}, {"X\r\nY", "b"}, {"X-A", "a\x7f"}};

    (void)state;
    for (size_t i = 0; i < COUNTOF(fields); i++) {
        struct trial trial;

        trial_init(&trial, "GET", 1, "");
        give_letters(&trial.exchange, true, false);
        wherry_add_field(&trial.exchange, fields[i].name, wherry_text(fields[i].value));
        wherry_add_field(&trial.exchange, "X-Good", wherry_text("yes"));
        assert_true(settle(&trial));
        assert_int_equal(trial.exchange.response.status, 500);
        assert_true(str_starts(trial.writer.head, STR("HTTP/1.1 500 ")));
        assert_null(memmem(trial.head.ptr, trial.head.len, "X-Good", 6));
        assert_null(memmem(trial.head.ptr, trial.head.len, "Cookie", 6));
        assert_non_null(trial.exchange.why);
        trial_fini(&trial);
    }
}

static void more_fields_than_there_is_room_for_make_it_a_500(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    for (int i = 0; i < RESPONSE_LINES_MAX / 16; i++)
        wherry_add_field(&trial.exchange, "X-Many", wherry_text("of them."));
    assert_true(settle(&trial));
    assert_int_equal(trial.exchange.response.status, 500);
    trial_fini(&trial);
}

static void a_copied_body_over_the_ceiling_makes_it_a_500(void **state)
{
    static char  bytes[COPY_MAX + 1];
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    wherry_copy_body(&trial.exchange, (struct wherry_slice){bytes, sizeof bytes});
    assert_true(settle(&trial));
    assert_int_equal(trial.exchange.response.status, 500);
    trial_fini(&trial);
}

/* ---- pages of the site's own ---------------------------------------------------------- */

struct hook {
    unsigned calls;
    int      status;
    bool     may_block;
    bool     gives;
    bool     spoils;
};

static bool page_of_the_site(struct wherry_exchange *exchange, int status, bool may_block,
                             void *data)
{
    struct hook *hook = data;

    hook->calls++;
    hook->status = status;
    hook->may_block = may_block;
    if (!hook->gives)
        return false;
    wherry_add_field(exchange, "Content-Type", wherry_text("text/html"));
    if (hook->spoils)
        wherry_add_field(exchange, "Bad Name", wherry_text("x"));
    wherry_set_body(exchange, wherry_text("<h1>lost</h1>"));
    return true;
}

static void the_site_may_bring_its_own_page(void **state)
{
    struct hook  hook = {.gives = true};
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    trial.setting.error_page = page_of_the_site;
    trial.setting.error_data = &hook;
    trial.setting.may_block = true;
    wherry_refuse(&trial.exchange, 404, "nothing there");
    assert_true(settle(&trial));
    PROMISED_STR("own page", trial.writer.head,
                 "HTTP/1.1 404 Not Found\r\n" DATE "Content-Type: text/html\r\n"
                 "Content-Length: 13\r\n\r\n");
    PROMISED_STR("own page", trial.writer.bytes, "<h1>lost</h1>");
    assert_int_equal(hook.calls, 1);
    assert_int_equal(hook.status, 404);
    assert_true(hook.may_block);
    trial_fini(&trial);
}

static void or_leave_it_at_the_plain_one(void **state)
{
    struct hook  hook = {.gives = false};
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    trial.setting.error_page = page_of_the_site;
    trial.setting.error_data = &hook;
    wherry_refuse(&trial.exchange, 503, "later");
    assert_true(settle(&trial));
    assert_true(str_starts(trial.writer.bytes, STR("<!doctype html>")));
    assert_int_equal(hook.calls, 1);
    assert_false(hook.may_block);
    trial_fini(&trial);
}

static void it_is_not_asked_about_what_is_well(void **state)
{
    struct hook  hook = {.gives = true};
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    trial.setting.error_page = page_of_the_site;
    trial.setting.error_data = &hook;
    give_letters(&trial.exchange, true, false);
    assert_true(settle(&trial));
    assert_int_equal(hook.calls, 0);
    trial_fini(&trial);
}

static void a_page_that_cannot_be_sent_is_left_out(void **state)
{
    struct hook  hook = {.gives = true, .spoils = true};
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    trial.setting.error_page = page_of_the_site;
    trial.setting.error_data = &hook;
    wherry_refuse(&trial.exchange, 404, "nothing there");
    assert_true(settle(&trial));
    assert_true(str_starts(trial.writer.head, STR("HTTP/1.1 500 ")));
    assert_true(str_starts(trial.writer.bytes, STR("<!doctype html>")));
    trial_fini(&trial);
}

static enum wherry_pull pull_nothing(struct wherry_exchange *exchange, void *data)
{
    (void)exchange;
    (void)data;
    return WHERRY_END;
}

/* Whoever lends nothing to encoders gets what the handler gives, and is not told otherwise. */
static void where_nothing_may_be_taken_for_coding_nothing_is_coded(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "Accept-Encoding: gzip\r\n");
    trial.setting.compresses = true;
    wherry_add_field(&trial.exchange, "Content-Type", wherry_text("text/plain"));
    wherry_set_stream(&trial.exchange, -1, pull_nothing, NULL);
    assert_true(settle(&trial));
    PROMISED_STR("plain", trial.writer.head,
                 "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/plain\r\n"
                 "Vary: Accept-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_null(trial.exchange.stream.encoder);
    trial_fini(&trial);
}

/* ---- whose things are whose ----------------------------------------------------------- */

static void count(void *owner)
{
    ++*(int *)owner;
}

static void a_release_happens_once(void **state)
{
    static const char *const requests[] = {"", "If-None-Match: \"v1\"\r\n", "Range: bytes=99-\r\n",
                                           "If-Match: \"v0\"\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(requests); i++) {
        struct trial trial;
        int          released = 0;

        trial_init(&trial, "GET", 1, requests[i]);
        give_letters(&trial.exchange, true, true);
        wherry_on_release(&trial.exchange, count, &released);
        assert_true(settle(&trial));
        exchange_reset(&trial.exchange);
        assert_int_equal(released, 1);
        trial_fini(&trial);
        assert_int_equal(released, 1);
    }
}

static bool page_with_an_owner(struct wherry_exchange *exchange, int status, bool may_block,
                               void *data)
{
    (void)status;
    (void)may_block;
    wherry_set_body(exchange, wherry_text("<h1>lost</h1>"));
    wherry_on_release(exchange, count, data);
    return true;
}

/* Who has refused has no use for what the answer would have needed; the page may need its own. */
static void a_refusal_and_its_page_have_an_owner_each(void **state)
{
    struct trial trial;
    int          handlers = 0, pages = 0;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    trial.setting.error_page = page_with_an_owner;
    trial.setting.error_data = &pages;
    wherry_refuse(&trial.exchange, 404, "nothing there");
    wherry_on_release(&trial.exchange, count, &handlers);
    assert_true(settle(&trial));
    assert_int_equal(handlers, 1);
    assert_int_equal(pages, 0);
    exchange_reset(&trial.exchange);
    assert_int_equal(pages, 1);
    trial_fini(&trial);
    assert_int_equal(handlers, 1);
    assert_int_equal(pages, 1);
}

static void fill_in(struct trial *trial, bool is_refused)
{
    if (is_refused) {
        wherry_refuse(&trial->exchange, 404, "nothing there");
        return;
    }
    wherry_add_field(&trial->exchange, "X-Some", wherry_text("thing"));
    wherry_copy_body(&trial->exchange, wherry_text(LETTERS));
    wherry_set_validators(&trial->exchange, wherry_text("\"v1\""), INT64_MIN);
}

static void without_memory_it_is_an_answer_or_none(void **state)
{
    size_t rounds = 0;

    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t n = 1; alloc_fail_next(n); n++, rounds++) {
            struct trial trial;
            bool         ok;

            alloc_fail_off();
            trial_init(&trial, "GET", 1, "Range: bytes=1-2\r\n");
            alloc_fail_at(n);
            fill_in(&trial, kind == 1);
            ok = settle(&trial);
            assert_true(!ok || str_starts(trial.writer.head, STR("HTTP/1.1 ")));
            assert_true(!ok || str_ends(trial.writer.head, STR("\r\n\r\n")));
            trial_fini(&trial);
        }
    }
    assert_true(rounds >= 4);
}

/* ---- what a route has for all of its answers ----------------------------------------------- */

static void add_cors(struct wherry_exchange *exchange, void *data)
{
    wherry_add_field(exchange, "Access-Control-Allow-Origin", wherry_text(data));
}

static const struct wherry_route open_route = {.pattern = "/a", .finish = add_cors, .data = "*"};
static const struct wherry_route odd_route = {.pattern = "/a", .finish = add_cors, .data = "a\nb"};

static bool has_field(const struct trial *trial, const char *line)
{
    return memmem(trial->writer.head.ptr, trial->writer.head.len, line, strlen(line)) != NULL;
}

static void each_answer_is_finished(void **state)
{
    static const char *const fields[] = {"", "If-None-Match: \"v1\"\r\n", "If-Match: \"v2\"\r\n",
                                         "Range: bytes=1-2\r\n", "Range: bytes=99-\r\n"};
    static const char *const begins[] = {"HTTP/1.1 200 ", "HTTP/1.1 304 ", "HTTP/1.1 412 ",
                                         "HTTP/1.1 206 ", "HTTP/1.1 416 "};

    (void)state;
    for (size_t i = 0; i < COUNTOF(fields); i++) {
        struct trial trial;

        trial_init(&trial, "GET", 1, fields[i]);
        trial.exchange.finisher = &open_route;
        give_letters(&trial.exchange, true, false);
        assert_true(settle(&trial));
        PROMISED(begins[i], str_starts(trial.writer.head, str_view(begins[i])));
        PROMISED(begins[i], has_field(&trial, "\r\nAccess-Control-Allow-Origin: *\r\n"));
        trial_fini(&trial);
    }
}

static void what_cannot_be_finished_is_a_500(void **state)
{
    struct trial trial;

    (void)state;
    trial_init(&trial, "GET", 1, "");
    trial.exchange.finisher = &odd_route;
    give_letters(&trial.exchange, false, false);
    assert_true(settle(&trial));
    assert_true(str_starts(trial.writer.head, STR("HTTP/1.1 500 ")));
    assert_false(has_field(&trial, "Access-Control"));
    trial_fini(&trial);
}

static int hush(void **state)
{
    (void)state;
    log_set_level((enum log_level)-1);      /* below every one there is */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_truth_holds),
        cmocka_unit_test(conditions_count_for_200_to_get_and_head_only),
        cmocka_unit_test(no_content_has_no_length),
        cmocka_unit_test(an_empty_answer_says_so),
        cmocka_unit_test(an_absent_body_is_an_empty_one),
        cmocka_unit_test(nothing_has_no_range),
        cmocka_unit_test(what_an_answer_depends_on_its_refusal_does),
        cmocka_unit_test(a_page_to_head_is_told_and_not_sent),
        cmocka_unit_test(a_refusal_forgets_what_was_filled_in),
        cmocka_unit_test(a_handler_may_give_a_refusal_its_own_body),
        cmocka_unit_test(a_field_that_cannot_be_sent_makes_it_a_500),
        cmocka_unit_test(more_fields_than_there_is_room_for_make_it_a_500),
        cmocka_unit_test(a_copied_body_over_the_ceiling_makes_it_a_500),
        cmocka_unit_test(the_site_may_bring_its_own_page),
        cmocka_unit_test(or_leave_it_at_the_plain_one),
        cmocka_unit_test(it_is_not_asked_about_what_is_well),
        cmocka_unit_test(a_page_that_cannot_be_sent_is_left_out),
        cmocka_unit_test(where_nothing_may_be_taken_for_coding_nothing_is_coded),
        cmocka_unit_test(a_release_happens_once),
        cmocka_unit_test(a_refusal_and_its_page_have_an_owner_each),
        cmocka_unit_test(without_memory_it_is_an_answer_or_none),
        cmocka_unit_test(each_answer_is_finished),
        cmocka_unit_test(what_cannot_be_finished_is_a_500),
    };

    return cmocka_run_group_tests(tests, hush, NULL);
}
