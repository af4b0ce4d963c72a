/* What server/coded and server/precondition promise: who takes a coding gets it where it is worth it, with
 * fields that say so; and an entity tag means what it says, in every coding and before any change. */
#include "server/coded.h"

#include <zlib.h>

#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

enum { LONG = 300 * 1024 };

static char letters[LONG];

/* ---- what is served ------------------------------------------------------------------- */

enum kind { BYTES, STREAM, COUNTED, NOTHING };

static struct {
    enum kind   kind;
    size_t      length;
    int         status;
    const char *type;
    const char *fields[3][2];       /* more of them */
    const char *etag;
    enum wherry_coding only;        /* WHERRY_IDENTITY: whatever the server would rather */
    size_t      pulled;
    bool        waits;
} show;

static enum wherry_pull pull(struct wherry_exchange *exchange, void *data)
{
    size_t took = wherry_write(exchange, (struct wherry_slice){letters + show.pulled,
                                                               show.length - show.pulled});

    (void)data;
    show.pulled += took;
    if (show.waits)
        return wherry_wait(exchange, 100);
    return show.pulled == show.length ? WHERRY_END : WHERRY_MORE;
}

static enum wherry_next answer(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    show.pulled = 0;
    wherry_set_status(exchange, show.status);
    if (show.type)
        wherry_add_field(exchange, "Content-Type", wherry_text(show.type));
    if (show.etag)
        wherry_add_field(exchange, "ETag", wherry_text(show.etag));
    if (show.only != WHERRY_IDENTITY)
        wherry_set_coding(exchange, show.only);
    for (size_t i = 0; i < COUNTOF(show.fields) && show.fields[i][0]; i++)
        wherry_add_field(exchange, show.fields[i][0], wherry_text(show.fields[i][1]));
    if (show.kind == BYTES)
        wherry_set_body(exchange, (struct wherry_slice){letters, show.length});
    else if (show.kind != NOTHING)
        wherry_set_stream(exchange, show.kind == COUNTED ? (int64_t)show.length : -1, pull, NULL);
    return WHERRY_ANSWER;
}

/* A resource with one version, which PUT makes and changes. */
static struct {
    const char *etag;               /* NULL: it is not there */
    int         changed;
} thing;

static enum wherry_next put(struct wherry_exchange *exchange, void *data)
{
    char etag[32] = "";             /* on the stack, as handlers have it */

    (void)data;
    if (thing.etag)
        snprintf(etag, sizeof etag, "%s", thing.etag);
    if (!wherry_precondition(exchange, thing.etag ? wherry_text(etag) : wherry_text(NULL), INT64_MIN))
        return WHERRY_ANSWER;
    thing.changed++;
    return wherry_send_text(exchange, 200, wherry_text("done"));
}

static const struct wherry_route routes[] = {
    {.pattern = "/a", .methods = WHERRY_GET | WHERRY_HEAD | WHERRY_POST, .look = answer},
    {.pattern = "/thing", .methods = WHERRY_GET | WHERRY_PUT | WHERRY_DELETE, .work = put},
};

static void open_show(struct house *house, size_t compress_min)
{
    struct wherry_settings settings;

    house_settings(&settings);
    settings.compress_bytes_min = compress_min;
    house_open(house, &settings);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
    memset(&show, 0, sizeof show);
    show.status = 200;
    show.type = "text/plain";
    show.length = 1000;
}

static void close_show(struct house *house)
{
    house_run(house);
    assert_true(house_is_empty(house));
    assert_true(atomic_load(&house->server->coding_bytes) == CODED_STREAMS_BYTES);
    house_close(house);
}

static void ask(struct house *house, struct guest *guest, const char *method, const char *target,
                const char *fields)
{
    char request[512];

    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target, fields);
    house_ask(house, guest, request);
}

/* The value of a field in the head; "" when it is not there. */
static struct str field_of(struct str heard, const char *name)
{
    const char *end = memmem(heard.ptr, heard.len, "\r\n\r\n", 4), *at;
    char        line[64];
    struct str  rest;

    assert_non_null(end);
    snprintf(line, sizeof line, "\r\n%s: ", name);
    at = memmem(heard.ptr, (size_t)(end - heard.ptr), line, strlen(line));
    if (!at)
        return STR_NONE;
    rest = str_of(at + strlen(line), (size_t)(end - at) - strlen(line));
    return str_of(rest.ptr, str_find(rest, '\r'));
}

static bool holds(struct str bytes, const char *text)
{
    return memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

static bool status_is(struct str heard, const char *status)
{
    return str_starts(str_from(heard, 9), str_view(status));
}

/* ---- whether it is coded -------------------------------------------------------------- */

#define GZIP "Accept-Encoding: gzip\r\n"
#define BOTH "Accept-Encoding: gzip, br\r\n"
#define VARY "Accept-Encoding"

/* clang-format off */
static const struct coded_case {
    const char *promise;
    const char *asked;
    enum kind   kind;
    size_t      length;
    const char *type;
    const char *fields[3][2];
    const char *coding;             /* Content-Encoding; "": none */
    const char *vary;
} cases[] = {
    {"text is coded",                      GZIP, BYTES, 1000, "text/plain; charset=utf-8", {{0}}, "gzip", VARY},
    {"in what the client would rather have", BOTH, BYTES, 1000, "text/plain", {{0}}, "br", VARY},
    {"not for who did not ask for it, who is told that it could have been",
                                           "", BYTES, 1000, "text/plain", {{0}}, "", VARY},
    {"nor for who refuses it",             "Accept-Encoding: gzip;q=0\r\n", BYTES, 1000, "text/plain", {{0}}, "", VARY},
    {"who refuses everything gets it plain", "Accept-Encoding: *;q=0\r\n", BYTES, 1000, "text/plain", {{0}}, "", VARY},
    {"JSON",                               GZIP, BYTES, 1000, "application/json", {{0}}, "gzip", VARY},
    {"a type has no case",                 GZIP, BYTES, 1000, "Text/HTML", {{0}}, "gzip", VARY},
    {"SVG",                                GZIP, BYTES, 1000, "image/svg+xml", {{0}}, "gzip", VARY},
    {"not what is packed already",         GZIP, BYTES, 1000, "image/png", {{0}}, "", ""},
    {"nor what has no type",               GZIP, BYTES, 1000, NULL, {{0}}, "", ""},
    {"as long as has to be",               GZIP, BYTES, 256, "text/plain", {{0}}, "gzip", VARY},
    {"a byte less is too short",           GZIP, BYTES, 255, "text/plain", {{0}}, "", ""},
    {"a long one too",                     GZIP, BYTES, LONG, "text/plain", {{0}}, "gzip", VARY},
    {"a stream",                           GZIP, STREAM, 1000, "text/plain", {{0}}, "gzip", VARY},
    {"however short it may turn out",      GZIP, STREAM, 1, "text/plain", {{0}}, "gzip", VARY},
    {"not a stream that said its length",  GZIP, COUNTED, 1000, "text/plain", {{0}}, "", ""},
    {"events get what needs little memory", BOTH, STREAM, 1000, "text/event-stream", {{0}}, "gzip", VARY},
    {"nothing is nothing",                 GZIP, NOTHING, 0, "text/plain", {{0}}, "", ""},
    {"what the handler has coded",         GZIP, BYTES, 1000, "text/plain", {{"content-encoding", "br"}}, "", ""},
    {"what shall not be transformed",      GZIP, BYTES, 1000, "text/plain", {{"Cache-Control", "no-store, no-transform"}}, "", ""},
    {"Vary is said once",                  GZIP, BYTES, 1000, "text/plain", {{"Vary", "Cookie, accept-encoding"}}, "gzip", "Cookie, accept-encoding"},
    {"everything is everything",           GZIP, BYTES, 1000, "text/plain", {{"Vary", "*"}}, "gzip", "*"},
    {"ranges are of the plain bytes",      GZIP "Range: bytes=0-1\r\n", BYTES, 1000, "text/plain", {{0}}, "", VARY},
};
/* clang-format on */

static void each_answer_is_coded_or_not(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    struct house             house;

    (void)state;
    open_show(&house, 256);
    for (size_t i = 0; i < COUNTOF(cases) * COUNTOF(methods); i++) {
        const struct coded_case *c = &cases[i / COUNTOF(methods)];
        const char              *method = methods[i % COUNTOF(methods)];
        const char              *coding = c->coding;
        struct guest             guest;
        struct str               heard;

        if (strcmp(method, "GET") != 0 && strstr(c->asked, "Range"))
            continue;                   /* RFC 9110 §14.2: it means nothing there */
        show.kind = c->kind;
        show.length = c->length;
        show.type = c->type;
        memcpy(show.fields, c->fields, sizeof show.fields);
        ask(&house, &guest, method, "/a", c->asked);
        heard = guest_listen(&guest);
        if (show.fields[0][0] && strcmp(show.fields[0][0], "content-encoding") == 0)
            PROMISED_STR(c->promise, field_of(heard, "content-encoding"), "br");
        PROMISED_STR(c->promise, field_of(heard, "Content-Encoding"), coding);
        PROMISED_STR(c->promise, field_of(heard, "Vary"), c->vary);
        if (strcmp(method, "HEAD") == 0)
            PROMISED_NUMBER(c->promise, heard_body(heard).len, 0);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

/* Without its date. */
static void append_head(struct buf *out, struct str heard)
{
    struct str head = str_of(heard.ptr, heard.len - heard_body(heard).len);
    struct str date = field_of(heard, "Date");

    buf_append(out, str_of(head.ptr, (size_t)(date.ptr - head.ptr)));
    buf_append(out, str_from(head, (size_t)(date.ptr - head.ptr) + date.len));
}

/* RFC 9110 §9.3.2: the same fields, the length of what was coded among them. */
static void head_says_what_get_says(void **state)
{
    struct house house;

    (void)state;
    open_show(&house, 256);
    show.etag = "\"v1\"";
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct coded_case *c = &cases[i];
        struct buf               get = BUF_UP_TO(8192), head = BUF_UP_TO(8192);
        struct guest             guest;

        if (strstr(c->asked, "Range"))
            continue;
        show.kind = c->kind;
        show.length = c->length;
        show.type = c->type;
        memcpy(show.fields, c->fields, sizeof show.fields);
        ask(&house, &guest, "GET", "/a", c->asked);
        append_head(&get, guest_listen(&guest));
        house_see_off(&house, &guest);
        ask(&house, &guest, "HEAD", "/a", c->asked);
        append_head(&head, guest_listen(&guest));
        house_see_off(&house, &guest);
        PROMISED(c->promise, str_equal(buf_view(&get), buf_view(&head)));
        buf_fini(&get);
        buf_fini(&head);
    }
    close_show(&house);
}

static void nothing_is_coded_where_the_operator_does_not_want_it(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house, 256);
    house.server->settings.compresses = false;
    ask(&house, &guest, "GET", "/a", GZIP);
    PROMISED_STR("plain", field_of(guest_listen(&guest), "Content-Encoding"), "");
    PROMISED_STR("whoever asks", field_of(guest_listen(&guest), "Vary"), "");
    house_see_off(&house, &guest);
    close_show(&house);
}

/* clang-format off */
static const struct only_case {
    const char        *promise;
    const char        *asked;
    enum wherry_coding only;
    size_t             length;
    const char        *type;
    const char        *coding;
} only_cases[] = {
    {"however short",                       GZIP, WHERRY_GZIP,   1,    "text/plain", "gzip"},
    {"who would rather have another",       BOTH, WHERRY_GZIP,   1000, "text/plain", "gzip"},
    {"the other one",                       BOTH, WHERRY_BROTLI, 1,    "text/plain", "br"},
    {"who takes only another gets none",    GZIP, WHERRY_BROTLI, 1000, "text/plain", ""},
    {"who takes none gets none",            "",   WHERRY_GZIP,   1000, "text/plain", ""},
    {"nothing stays nothing",               GZIP, WHERRY_GZIP,   0,    "text/plain", ""},
    {"what gets no smaller stays as it is", GZIP, WHERRY_GZIP,   1000, "image/png",  ""},
};
/* clang-format on */

static void a_handler_may_say_in_which_coding(void **state)
{
    struct house house;
    struct guest last;

    (void)state;
    open_show(&house, 256);
    for (size_t i = 0; i < COUNTOF(only_cases); i++) {
        const struct only_case *c = &only_cases[i];
        struct guest            guest;

        show.only = c->only;
        show.length = c->length;
        show.type = c->type;
        ask(&house, &guest, "GET", "/a", c->asked);
        PROMISED_STR(c->promise, field_of(guest_listen(&guest), "Content-Encoding"), c->coding);
        house_see_off(&house, &guest);
    }
    house.server->settings.compresses = false;
    show.only = WHERRY_GZIP;
    show.type = "text/plain";
    ask(&house, &last, "GET", "/a", GZIP);
    PROMISED_STR("unless the operator says no", field_of(guest_listen(&last), "Content-Encoding"),
                 "");
    house_see_off(&house, &last);
    close_show(&house);
}

/* ---- what comes of it ----------------------------------------------------------------- */

static size_t inflate_all(struct str coded, char *room, size_t size, bool *is_whole)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)coded.ptr, .avail_in = (unsigned)coded.len,
                       .next_out = (Bytef *)room, .avail_out = (unsigned)size};
    size_t   made;

    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    *is_whole = inflate(&stream, Z_SYNC_FLUSH) == Z_STREAM_END;
    made = size - stream.avail_out;
    inflateEnd(&stream);
    return made;
}

/* Chunks put together. */
static struct buf join(struct str chunks)
{
    struct buf joined = BUF_UP_TO(1 << 20);

    while (chunks.len) {
        size_t size = strtoul(chunks.ptr, NULL, 16);

        chunks = str_from(chunks, str_find(chunks, '\n') + 1);
        if (size == 0)
            break;
        buf_append(&joined, str_of(chunks.ptr, size));
        chunks = str_from(chunks, size + 2);
    }
    return joined;
}

static void what_was_coded_decodes_to_what_was_given(void **state)
{
    static const size_t lengths[] = {1, 5, 1000, CODED_AT_ONCE_MAX, CODED_AT_ONCE_MAX + 1, LONG};
    static char         room[LONG + 1];
    struct house        house;

    (void)state;
    open_show(&house, 0);
    for (size_t i = 0; i < 2 * COUNTOF(lengths); i++) {
        struct buf   whole = BUF_UP_TO(1 << 20);
        struct guest guest;
        struct str   heard, length;
        bool         is_whole;

        show.kind = i % 2 ? STREAM : BYTES;
        show.length = lengths[i / 2];
        ask(&house, &guest, "GET", "/a", GZIP);
        heard = guest_listen(&guest);
        length = field_of(heard, "Content-Length");
        assert_int_equal(length.len > 0, show.kind == BYTES && show.length <= CODED_AT_ONCE_MAX);
        if (length.len)
            buf_append(&whole, heard_body(heard));
        else
            whole = join(heard_body(heard));
        assert_int_equal(inflate_all(buf_view(&whole), room, sizeof room, &is_whole), show.length);
        assert_true(is_whole);
        assert_memory_equal(room, letters, show.length);
        buf_fini(&whole);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

/* Whoever listens to events must not have to wait for enough of them. */
static void a_stream_that_waits_has_sent_all_it_wrote(void **state)
{
    static char  room[1024];
    struct house house;
    struct guest guest;
    struct buf   whole;
    bool         is_whole;

    (void)state;
    open_show(&house, 256);
    show.kind = STREAM;
    show.waits = true;
    show.length = 3;
    ask(&house, &guest, "GET", "/a", GZIP);
    whole = join(heard_body(guest_listen(&guest)));
    assert_int_equal(inflate_all(buf_view(&whole), room, sizeof room, &is_whole), 3);
    assert_false(is_whole);
    buf_fini(&whole);
    assert_null(guest.conn->work->exchange.stream.coded.ptr);
    house_pass_time(&house, 100);       /* nothing new costs nothing */
    assert_int_equal(atomic_load(&house.server->coding_bytes) < CODED_STREAMS_BYTES, true);
    house_see_off(&house, &guest);
    close_show(&house);
}

static void encoders_of_streams_fit_a_small_machine(void **state)
{
    (void)state;
    assert_int_equal(coded_streams_share(16ull << 30), CODED_STREAMS_BYTES);
    assert_int_equal(coded_streams_share(64 << 20), 8 << 20);
}

static void without_memory_for_an_encoder_a_stream_is_sent_as_it_is(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house, 256);
    show.kind = STREAM;
    show.etag = "\"v1\"";
    atomic_store(&house.server->coding_bytes, 1000);
    ask(&house, &guest, "GET", "/a", GZIP);
    PROMISED_STR("plain", field_of(guest_listen(&guest), "Content-Encoding"), "");
    PROMISED_STR("under its own tag", field_of(guest_listen(&guest), "ETag"), "\"v1\"");
    assert_int_equal(atomic_load(&house.server->coding_bytes), 1000);
    atomic_store(&house.server->coding_bytes, CODED_STREAMS_BYTES);
    house_see_off(&house, &guest);
    close_show(&house);
}

static void without_memory_nothing_is_kept(void **state)
{
    struct house house;

    (void)state;
    open_show(&house, 256);
    show.etag = "\"v1\"";
    for (int kind = BYTES; kind <= STREAM; kind++) {
        for (size_t n = 1;; n++) {
            struct guest guest;
            bool         has_failed;

            show.kind = (enum kind)kind;
            alloc_fail_at(n);
            house_admit(&house, &guest);
            guest_say_text(&guest, "GET /a HTTP/1.1\r\nHost: x\r\n" GZIP "\r\n");
            conn_run(guest.conn, &house.worker);
            house_run(&house);
            has_failed = alloc_fail_off();
            house_see_off(&house, &guest);
            assert_true(house_is_empty(&house));
            worker_fini(&house.worker);
            worker_init(&house.worker, house.server);
            if (!has_failed)
                break;
        }
    }
    close_show(&house);
}

/* ---- what cannot be sent -------------------------------------------------------------- */

static char much[COPY_MAX + 1];

static enum wherry_next copy(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_copy_body(exchange, (struct wherry_slice){much, show.length});
    return WHERRY_ANSWER;
}

static void a_copy_may_be_long(void **state)
{
    static const size_t       lengths[] = {0, 1, COPY_SMALL_MAX, COPY_SMALL_MAX + 1, 3 << 20, COPY_MAX + 1};
    const struct wherry_route route = {.pattern = "/copy", .methods = WHERRY_HEAD, .look = copy};
    struct house              house;

    (void)state;
    open_show(&house, 256);
    assert_true(wherry_server_route(house.server, &route));
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        struct guest guest;
        char         length[32];

        show.length = lengths[i];
        snprintf(length, sizeof length, "%zu", lengths[i]);
        ask(&house, &guest, "HEAD", "/copy", "");
        if (lengths[i] > COPY_MAX)
            assert_true(status_is(guest_listen(&guest), "500"));
        else
            PROMISED_STR(length, field_of(guest_listen(&guest), "Content-Length"), length);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

static const struct fault_case {
    const char *promise;
    int         status;
    const char *etag, *name, *value;
    const char *why;
} faults[] = {
    {"a status that is none", 700, NULL, NULL, NULL, "the handler's answer had a status that is none"},
    {"a tag that is none", 200, "v1", NULL, NULL, "the handler's answer had an ETag that is none"},
    {"the server's own", 200, NULL, "Date", "now", "the handler's answer had a field that is the server's own"},
    {"two lines", 200, NULL, "X", "a\r\nb", "the handler's answer had a field that cannot be sent"},
    {"the first one counts", 700, "v1", NULL, NULL, "the handler's answer had a status that is none"},
};

/* The page and the access log say which. */
static void what_cannot_be_sent_is_a_500_that_says_why(void **state)
{
    struct house house;

    (void)state;
    open_show(&house, 256);
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        const struct fault_case *c = &faults[i];
        struct guest             guest;
        struct str               heard;

        show.status = c->status;
        show.etag = c->etag;
        show.fields[0][0] = c->name;
        show.fields[0][1] = c->value;
        ask(&house, &guest, "GET", "/a", "");
        heard = guest_listen(&guest);
        PROMISED(c->promise, status_is(heard, "500"));
        PROMISED(c->promise, holds(heard, c->why));
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

/* ---- entity tags ---------------------------------------------------------------------- */

/* clang-format off */
static const struct tag_case {
    const char *promise;
    const char *etag;
    const char *asked;
    const char *status;
    const char *sent;               /* the ETag */
} tags[] = {
    /* RFC 9110 §8.8.3.3 */
    {"the tag of the handler",           "\"v1\"", "", "200", "\"v1\""},
    {"a coding has its own",             "\"v1\"", GZIP, "200", "\"v1-gzip\""},
    {"each has",                         "\"v1\"", BOTH, "200", "\"v1-br\""},
    {"a weak one says nothing of bytes", "W/\"v1\"", GZIP, "200", "W/\"v1\""},
    /* RFC 9110 §13.1.2 */
    {"who has it is told so",            "\"v1\"", "If-None-Match: \"v1\"\r\n", "304", "\"v1\""},
    {"in its coding too",                "\"v1\"", GZIP "If-None-Match: \"v1-gzip\"\r\n", "304", "\"v1-gzip\""},
    {"another coding is something else", "\"v1\"", GZIP "If-None-Match: \"v1\"\r\n", "200", "\"v1-gzip\""},
    {"nor is a coding what is plain",    "\"v1\"", "If-None-Match: \"v1-gzip\"\r\n", "200", "\"v1\""},
    {"a weak one in any coding",         "W/\"v1\"", GZIP "If-None-Match: W/\"v1\"\r\n", "304", "W/\"v1\""},
    {"another version",                  "\"v2\"", GZIP "If-None-Match: \"v1-gzip\"\r\n", "200", "\"v2-gzip\""},
    {"any version",                      "\"v1\"", "If-None-Match: *\r\n", "304", "\"v1\""},
    /* RFC 9110 §13.1.1 */
    {"what is wanted is not there",      "\"v2\"", "If-Match: \"v1\"\r\n", "412", ""},
    /* RFC 9110 §13.1.5 */
    {"a range of the version that it is", "\"v1\"", GZIP "Range: bytes=0-1\r\nIf-Range: \"v1\"\r\n", "206", "\"v1\""},
    {"a coding has other bytes there",   "\"v1\"", GZIP "Range: bytes=0-1\r\nIf-Range: \"v1-gzip\"\r\n", "200", "\"v1\""},
    {"what is no tag is not sent",       "v1", "", "500", ""},
};
/* clang-format on */

static void each_tag_names_its_bytes(void **state)
{
    struct house house;

    (void)state;
    open_show(&house, 256);
    for (size_t i = 0; i < COUNTOF(tags); i++) {
        const struct tag_case *c = &tags[i];
        struct guest           guest;

        show.etag = c->etag;
        ask(&house, &guest, "GET", "/a", c->asked);
        PROMISED(c->promise, status_is(guest_listen(&guest), c->status));
        PROMISED_STR(c->promise, field_of(guest_listen(&guest), "ETag"), c->sent);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

/* RFC 9110 §14.6: each part has the type that the handler gave. */
static void several_ranges_have_the_type_in_each_part(void **state)
{
    struct house house;
    struct guest guest;
    struct str   heard, body;

    (void)state;
    open_show(&house, 256);
    show.fields[0][0] = "X-Behind", show.fields[0][1] = "it";
    ask(&house, &guest, "GET", "/a", "Range: bytes=0-1,500-502\r\n");
    heard = guest_listen(&guest);
    body = heard_body(heard);
    assert_true(status_is(heard, "206"));
    assert_true(str_starts(field_of(heard, "Content-Type"), STR("multipart/byteranges; boundary=")));
    PROMISED_STR("what stood behind it", field_of(heard, "X-Behind"), "it");
    assert_true(holds(body, "\r\nContent-Type: text/plain\r\n"));
    assert_true(holds(body, "\r\nContent-Range: bytes 500-502/1000\r\n"));
    house_see_off(&house, &guest);

    show.type = NULL;                   /* nothing can be said of a part then */
    ask(&house, &guest, "GET", "/a", "Range: bytes=0-1,500-502\r\n");
    assert_true(status_is(guest_listen(&guest), "200"));
    assert_int_equal(heard_body(guest_listen(&guest)).len, 1000);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* RFC 9110 §15.4.5 */
static void a_304_describes_no_body(void **state)
{
    struct house house;
    struct guest guest;
    struct str   heard;

    (void)state;
    open_show(&house, 256);
    show.etag = "\"v1\"";
    show.fields[0][0] = "content-language", show.fields[0][1] = "en";
    show.fields[1][0] = "Content-Location", show.fields[1][1] = "/a";
    show.fields[2][0] = "Cache-Control", show.fields[2][1] = "no-cache";
    ask(&house, &guest, "GET", "/a", "If-None-Match: \"v1\"\r\n");
    heard = guest_listen(&guest);
    assert_true(status_is(heard, "304"));
    PROMISED_STR("no type", field_of(heard, "Content-Type"), "");
    PROMISED_STR("no language", field_of(heard, "content-language"), "");
    PROMISED_STR("no coding", field_of(heard, "Content-Encoding"), "");
    PROMISED_STR("where it is", field_of(heard, "Content-Location"), "/a");
    PROMISED_STR("how long it lasts", field_of(heard, "Cache-Control"), "no-cache");
    PROMISED_STR("what it depends on", field_of(heard, "Vary"), VARY);
    house_see_off(&house, &guest);
    close_show(&house);
}

static void last_modified_is_a_validator(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house, 256);
    show.fields[0][0] = "Last-Modified", show.fields[0][1] = "Tue, 14 Nov 2023 00:00:00 GMT";
    ask(&house, &guest, "GET", "/a", "If-Modified-Since: Tue, 14 Nov 2023 00:00:00 GMT\r\n");
    assert_true(status_is(guest_listen(&guest), "304"));
    house_see_off(&house, &guest);
    ask(&house, &guest, "GET", "/a", "If-Modified-Since: Mon, 13 Nov 2023 00:00:00 GMT\r\n");
    assert_true(status_is(guest_listen(&guest), "200"));
    house_see_off(&house, &guest);
    close_show(&house);
}

/* ---- before a change ------------------------------------------------------------------ */

/* clang-format off */
static const struct change_case {
    const char *promise;
    const char *etag;
    const char *method;
    const char *asked;
    const char *status;
    const char *sent;
    int         changed;
} changes[] = {
    {"without a condition",                     "\"v1\"", "PUT", "", "200", "", 1},
    /* RFC 9110 §13.1.1 */
    {"the version that he has seen",            "\"v1\"", "PUT", "If-Match: \"v1\"\r\n", "200", "", 1},
    {"one of several",                          "\"v1\"", "PUT", "If-Match: \"v0\", \"v1\"\r\n", "200", "", 1},
    {"that he has seen in gzip",                "\"v1\"", "PUT", "If-Match: \"v1-gzip\"\r\n", "200", "", 1},
    {"that he has seen in brotli",              "\"v1\"", "DELETE", "If-Match: \"v1-br\"\r\n", "200", "", 1},
    {"another one would be lost",               "\"v2\"", "PUT", "If-Match: \"v1\"\r\n", "412", "", 0},
    {"in any coding",                           "\"v2\"", "DELETE", "If-Match: \"v1-gzip\"\r\n", "412", "", 0},
    {"nobody knows what a weak one has seen",   "\"v1\"", "PUT", "If-Match: W/\"v1\"\r\n", "412", "", 0},
    {"nor what is weak itself",                 "W/\"v1\"", "PUT", "If-Match: W/\"v1\"\r\n", "412", "", 0},
    {"any that there is",                       "\"v1\"", "PUT", "If-Match: *\r\n", "200", "", 1},
    {"there is none",                           NULL, "PUT", "If-Match: *\r\n", "412", "", 0},
    {"not this one either",                     NULL, "PUT", "If-Match: \"v1\"\r\n", "412", "", 0},
    /* RFC 9110 §13.1.2 */
    {"only to make it",                         NULL, "PUT", "If-None-Match: *\r\n", "200", "", 1},
    {"not to change it",                        "\"v1\"", "PUT", "If-None-Match: *\r\n", "412", "", 0},
    {"unless it is this one",                   "\"v1\"", "PUT", "If-None-Match: \"v1\"\r\n", "412", "", 0},
    {"unless it is this one, in any coding",    "\"v1\"", "PUT", "If-None-Match: \"v1-br\"\r\n", "412", "", 0},
    {"and it is another",                       "\"v1\"", "PUT", "If-None-Match: \"v2\"\r\n", "200", "", 1},
    /* before a GET that is dear */
    {"who has it need not get it",              "\"v1\"", "GET", "If-None-Match: \"v1\"\r\n", "304", "\"v1\"", 0},
    {"in the coding that he has",               "\"v1\"", "GET", "If-None-Match: \"v1-gzip\"\r\n", "304", "\"v1-gzip\"", 0},
    {"who has another gets it",                 "\"v2\"", "GET", "If-None-Match: \"v1\"\r\n", "200", "", 1},
};
/* clang-format on */

static void each_change_is_allowed_or_not(void **state)
{
    struct house house;

    (void)state;
    open_show(&house, 256);
    for (size_t i = 0; i < COUNTOF(changes); i++) {
        const struct change_case *c = &changes[i];
        struct guest              guest;

        thing.etag = c->etag;
        thing.changed = 0;
        ask(&house, &guest, c->method, "/thing", c->asked);
        PROMISED(c->promise, status_is(guest_listen(&guest), c->status));
        PROMISED_STR(c->promise, field_of(guest_listen(&guest), "ETag"), c->sent);
        PROMISED_NUMBER(c->promise, thing.changed, c->changed);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

static int fill_letters(void **state)
{
    (void)state;
    for (size_t i = 0; i < LONG; i++)
        letters[i] = (char)('a' + (i * 7 + i / 100 + i / 7919) % 26);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_coded_or_not),
        cmocka_unit_test(a_handler_may_say_in_which_coding),
        cmocka_unit_test(head_says_what_get_says),
        cmocka_unit_test(nothing_is_coded_where_the_operator_does_not_want_it),
        cmocka_unit_test(what_was_coded_decodes_to_what_was_given),
        cmocka_unit_test(a_stream_that_waits_has_sent_all_it_wrote),
        cmocka_unit_test(encoders_of_streams_fit_a_small_machine),
        cmocka_unit_test(without_memory_for_an_encoder_a_stream_is_sent_as_it_is),
        cmocka_unit_test(without_memory_nothing_is_kept),
        cmocka_unit_test(a_copy_may_be_long),
        cmocka_unit_test(what_cannot_be_sent_is_a_500_that_says_why),
        cmocka_unit_test(each_tag_names_its_bytes),
        cmocka_unit_test(several_ranges_have_the_type_in_each_part),
        cmocka_unit_test(a_304_describes_no_body),
        cmocka_unit_test(last_modified_is_a_validator),
        cmocka_unit_test(each_change_is_allowed_or_not),
    };

    return cmocka_run_group_tests_name("coded", tests, fill_letters, NULL);
}
