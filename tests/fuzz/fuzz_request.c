/* What http/request and http/framing promise about any bytes: one verdict however they are cut,
 * slices that lie inside them, and one reading: the same request, written plainly, is read as the
 * same again. */
#include <stdlib.h>
#include <strings.h>

#include "http/framing.h"
#include "http/request.h"
#include "tests/fuzz/fuzz.h"

/* One parse of a heap copy of exactly these bytes. */
struct reading {
    struct tight_str bytes;
    char            *room;
    enum parse       verdict;
    struct request   request;
    struct refusal   refusal;
};

static void reading_init(struct reading *reading, struct str bytes,
                         const struct request_limits *limits)
{
    reading->bytes = tight_bytes(bytes.ptr, bytes.len);
    reading->room = malloc(limits->target_bytes + 1);
    MUST_HOLD(reading->room);
    reading->verdict = request_parse(reading->bytes.view, limits, reading->room,
                                     &reading->request, &reading->refusal);
}

static void reading_fini(struct reading *reading)
{
    free(reading->room);
    tight_str_free(&reading->bytes);
}

/* ---- what must hold of one reading ---------------------------------------------------- */

static void check_refusal(const struct reading *reading)
{
    MUST_HOLD(is_refused(reading->refusal) == (reading->verdict == PARSE_REFUSED));
    if (reading->verdict == PARSE_REFUSED) {
        MUST_HOLD(reading->refusal.status >= 400);
        MUST_HOLD(status_phrase((int)reading->refusal.status).len > 0);
    }
    MUST_HOLD(is_inside(reading->request.method_name, reading->bytes.view));
    MUST_HOLD(is_inside(reading->request.raw_target, reading->bytes.view));
    MUST_HOLD(reading->request.minor <= 1);
}

static void check_fields(const struct fields *fields, struct str head)
{
    MUST_HOLD(fields->count <= FIELDS_MAX);
    for (size_t i = 0; i < fields->count; i++) {
        struct str name = fields->all[i].name, value = fields->all[i].value;

        MUST_HOLD(name.len > 0 && is_inside(name, head) && is_inside(value, head));
        MUST_HOLD(value.len == 0 || value.ptr > name.ptr + name.len);
        for (size_t j = 0; j < name.len; j++)
            MUST_HOLD(naive_is_tchar(name.ptr[j]));
        for (size_t j = 0; j < value.len; j++)
            MUST_HOLD(naive_is_text(value.ptr[j]));
    }
}

static void check_target(const struct reading *reading, struct str head)
{
    const struct target *target = &reading->request.target;
    struct str           room = str_of(reading->room, reading->request.raw_target.len + 1);

    MUST_HOLD(is_inside(target->query, head) && is_inside(target->authority, head));
    MUST_HOLD(is_inside(target->raw_path, head) || str_equal(target->raw_path, STR("/")));
    MUST_HOLD(is_inside(str_of(target->path.ptr, target->path.len + 1), room));
    MUST_HOLD(target->path.ptr[target->path.len] == '\0');
    MUST_HOLD((target->form == TARGET_ABSOLUTE) == (target->authority.ptr != NULL));
}

static void check_request(const struct reading *reading, const struct request_limits *limits)
{
    const struct request *request = &reading->request;
    struct str            head = str_of(reading->bytes.bytes, request->head_bytes);

    MUST_HOLD(head.len <= reading->bytes.view.len && head.len <= limits->head_bytes);
    MUST_HOLD(str_ends(head, STR("\r\n\r\n")));
    MUST_HOLD(request->method < METHOD_UNKNOWN && request->method != METHOD_CONNECT);
    MUST_HOLD(str_equal(request->method_name, method_name(request->method)));
    MUST_HOLD(request->raw_target.len > 0 && request->raw_target.len <= limits->target_bytes);
    MUST_HOLD(is_inside(request->host, head));
    MUST_HOLD(request->host.ptr || request->minor == 0);
    MUST_HOLD(!request->expects_continue || request->minor == 1);
    check_fields(&request->fields, head);
    check_target(reading, head);
}

/* ---- any cut gives the same verdict --------------------------------------------------- */

/* A prefix says "more" or what the whole says; "done" exactly when the head is whole. */
static void check_prefix(const struct reading *whole, const struct reading *prefix)
{
    size_t len = prefix->bytes.view.len;

    if (whole->verdict == PARSE_DONE) {
        bool is_whole = len >= whole->request.head_bytes;

        MUST_HOLD(prefix->verdict == (is_whole ? PARSE_DONE : PARSE_MORE));
        MUST_HOLD(!is_whole || prefix->request.head_bytes == whole->request.head_bytes);
        MUST_HOLD(!is_whole || prefix->request.fields.count == whole->request.fields.count);
        return;
    }
    MUST_HOLD(prefix->verdict == PARSE_MORE || prefix->verdict == whole->verdict);
    if (prefix->verdict == PARSE_REFUSED) {
        MUST_HOLD(prefix->refusal.status == whole->refusal.status);
        MUST_HOLD(strcmp(prefix->refusal.why, whole->refusal.why) == 0);
    }
}

/* As a connection does it: what is not worth parsing must not have been worth it. */
static void check_cuts(const struct reading *whole, struct cuts cuts,
                       const struct request_limits *limits)
{
    struct str bytes = whole->bytes.view;
    size_t     seen = 0;

    for (size_t at = 0; at < bytes.len;) {
        struct reading prefix;
        bool           is_worth_it;

        at += cuts_next(&cuts, bytes.len - at);
        reading_init(&prefix, str_of(bytes.ptr, at), limits);
        check_refusal(&prefix);
        check_prefix(whole, &prefix);
        is_worth_it = request_worth_parsing(prefix.bytes.view, seen, limits);
        MUST_HOLD(is_worth_it || prefix.verdict == PARSE_MORE);
        if (is_worth_it)
            seen = at;
        reading_fini(&prefix);
        if (prefix.verdict != PARSE_MORE)
            return;
    }
}

/* The head alone, to the byte. */
static void check_exact_head(const struct reading *whole, const struct request_limits *limits)
{
    struct reading head;

    reading_init(&head, str_of(whole->bytes.bytes, whole->request.head_bytes), limits);
    check_prefix(whole, &head);
    reading_fini(&head);
    reading_init(&head, str_of(whole->bytes.bytes, whole->request.head_bytes - 1), limits);
    check_prefix(whole, &head);
    reading_fini(&head);
}

/* ---- one reading ---------------------------------------------------------------------- */

static void write_plainly(const struct request *request, struct buf *out)
{
    buf_printf(out, "%.*s ", STR_ARG(request->method_name));
    buf_append(out, request->raw_target);
    buf_printf(out, " HTTP/1.%u\r\n", request->minor);
    for (size_t i = 0; i < request->fields.count; i++) {
        buf_append(out, request->fields.all[i].name);
        buf_append(out, STR(": "));
        buf_append(out, request->fields.all[i].value);
        buf_append(out, STR("\r\n"));
    }
    buf_append(out, STR("\r\n"));
    MUST_HOLD(!out->failed);
}

static void check_same(const struct request *a, const struct request *b)
{
    MUST_HOLD(a->method == b->method && a->minor == b->minor);
    MUST_HOLD(a->keep_alive == b->keep_alive && a->expects_continue == b->expects_continue);
    MUST_HOLD(str_equal(a->host, b->host) && str_equal(a->target.path, b->target.path));
    MUST_HOLD(str_equal(a->target.query, b->target.query) && a->target.form == b->target.form);
    MUST_HOLD(a->target.is_directory == b->target.is_directory);
    MUST_HOLD(a->target.has_slash == b->target.has_slash);
    MUST_HOLD(a->fields.count == b->fields.count);
    for (size_t i = 0; i < a->fields.count; i++) {
        const struct field *one = &a->fields.all[i], *other = &b->fields.all[i];

        MUST_HOLD(str_equal(one->name, other->name) && str_equal(one->value, other->value));
        MUST_HOLD(one->known == other->known);
    }
}

static void check_written_plainly(const struct request *request)
{
    struct buf            plain = BUF_UP_TO(65536);
    struct request_limits limits;
    struct reading        again;

    write_plainly(request, &plain);
    limits = (struct request_limits){plain.len, request->raw_target.len};
    reading_init(&again, buf_view(&plain), &limits);
    MUST_HOLD(again.verdict == PARSE_DONE && again.request.head_bytes == plain.len);
    check_same(request, &again.request);
    reading_fini(&again);
    buf_fini(&plain);
}

/* ---- how long the body is ------------------------------------------------------------- */

static size_t count_named(const struct fields *fields, const char *name, struct str *value)
{
    size_t count = 0;

    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->all[i];

        if (field->name.len == strlen(name) &&
            strncasecmp(field->name.ptr, name, field->name.len) == 0) {
            *value = field->value;
            count++;
        }
    }
    return count;
}

static bool naive_length(struct str digits, uint64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(*length, 10u, length) ||
            __builtin_add_overflow(*length, (unsigned)(digits.ptr[i] - '0'), length))
            return false;
    }
    return digits.len > 0 && *length <= INT64_MAX;
}

/* RFC 9112 §6.3, with nothing forgiven: the only bodies there are. */
static void check_framing(const struct request *request)
{
    struct framing framing;
    struct refusal refusal = framing_decide(request, &framing);
    struct str     coding = STR_NONE, digits = STR_NONE;
    size_t   codings = count_named(&request->fields, "transfer-encoding", &coding);
    size_t   lengths = count_named(&request->fields, "content-length", &digits);
    uint64_t length = 0;
    bool     is_chunked = codings == 1 && lengths == 0 && request->minor == 1 &&
                          coding.len == 7 && strncasecmp(coding.ptr, "chunked", 7) == 0;
    bool has_length = codings == 0 && lengths == 1 && naive_length(digits, &length);
    bool has_none = codings == 0 && lengths == 0;

    MUST_HOLD(!is_refused(refusal) == (is_chunked || has_length || has_none));
    if (is_refused(refusal)) {
        MUST_HOLD(refusal.status == HTTP_BAD_REQUEST || refusal.status == HTTP_NOT_IMPLEMENTED);
        return;
    }
    MUST_HOLD((framing.kind == BODY_CHUNKED) == is_chunked);
    MUST_HOLD((framing.kind == BODY_LENGTH) == (has_length && length > 0));
    MUST_HOLD(framing.kind != BODY_LENGTH || framing.length == length);
}

static struct request_limits choose_limits(struct str *input)
{
    struct request_limits limits = {.head_bytes = 32 + 32 * (size_t)choose_byte(input),
                                    .target_bytes = 1 + 8 * (size_t)choose_byte(input)};

    limits.target_bytes = MIN_OF(limits.target_bytes, limits.head_bytes);
    return limits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str            input = str_of((const char *)data, size);
    struct request_limits limits = choose_limits(&input);
    struct cuts           cuts = cuts_choose(&input);
    struct reading        whole;

    reading_init(&whole, input, &limits);
    check_refusal(&whole);
    check_cuts(&whole, cuts, &limits);
    if (whole.verdict == PARSE_DONE) {
        check_request(&whole, &limits);
        check_exact_head(&whole, &limits);
        check_written_plainly(&whole.request);
        check_framing(&whole.request);
    }
    reading_fini(&whole);
    return 0;
}
