/* The dialogues of tests/cases, as the readers in http/ see them: request_parse, framing_decide and
 * chunked_decode, given the bytes whole and cut at every byte (tests/cases/README.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/chunked.h"
#include "http/framing.h"
#include "http/request.h"
#include "http/token.h"
#include "tests/support/tight.h"

enum {
    TITLE_MAX = 128,
    WHY_MAX = 128,
    EXPECTS_MAX = 8,
    BYTES_MAX = 8 * 1024 * 1024,
    CASES_MIN = 150,        /* fewer were read: something is wrong with the reading */
    EVERY_CUT_BYTES = 2048, /* longer heads are cut only where it is worth parsing */
};

/* The program's defaults. */
static const struct request_limits limits = {.head_bytes = 16 * 1024, .target_bytes = 8 * 1024};

/* An answer, as far as the readers have a part in it. */
struct expect {
    int  status;       /* 0: none, the connection ends */
    bool is_last;      /* "then closed", "then ended", "ended" */
    char why[WHY_MAX]; /* "": the readers accept the request */
};

struct test_case {
    char          file[TITLE_MAX];
    char          title[TITLE_MAX];
    struct buf    bytes; /* of all blocks to send, joined */
    struct expect expects[EXPECTS_MAX];
    size_t        count; /* of final answers: 100 is none */
};

/* Promises that were not kept.  All are told before the test fails. */
static size_t broken;

#define FAIL(c, ...)                                    \
    do {                                                \
        print_error("%s: %s: ", (c)->file, (c)->title); \
        print_error(__VA_ARGS__);                       \
        print_error("\n");                              \
        broken++;                                       \
    } while (0)

/* ---- reading the cases ------------------------------------------------------------------ */

/* What is between the braces that open the rest; takes it and the braces. */
static struct str take_braces(struct str *rest)
{
    size_t     end = str_find(*rest, '}');
    struct str inside;

    assert_true(rest->len > 0 && rest->ptr[0] == '{' && end < rest->len);
    inside = str_of(rest->ptr + 1, end - 1);
    *rest = str_from(*rest, end + 1);
    return inside;
}

static void append_unescaped(struct buf *buf, struct str text);

/* "*300{ab}", behind its backslash. */
static void append_repeated(struct buf *buf, struct str *rest)
{
    size_t     brace = str_find(*rest, '{');
    uint64_t   times;
    struct str text;

    assert_true(str_to_u64(str_of(rest->ptr + 1, brace - 1), &times));
    *rest = str_from(*rest, brace);
    text = take_braces(rest);
    for (uint64_t i = 0; i < times; i++)
        append_unescaped(buf, text);
}

/* One escape, behind its backslash; takes it off the rest. */
static void append_escape(struct buf *buf, struct str *rest)
{
    static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
    const char       *letter;

    assert_true(rest->len > 0);
    letter = strchr(letters, rest->ptr[0]);
    if (letter) {
        buf_append_byte(buf, bytes[letter - letters]);
        *rest = str_from(*rest, 1);
    } else if (rest->ptr[0] == 'x') {
        assert_true(rest->len >= 3);
        buf_append_byte(buf, (char)(token_hex(rest->ptr[1]) * 16 + token_hex(rest->ptr[2])));
        *rest = str_from(*rest, 3);
    } else if (rest->ptr[0] == '*') {
        append_repeated(buf, rest);
    } else {
        assert_true(str_starts(*rest, STR("etag{")));
        *rest = str_from(*rest, 4);
        (void)take_braces(rest);
        buf_append(buf, STR("\"any tag\""));
    }
}

static void append_unescaped(struct buf *buf, struct str text)
{
    while (text.len > 0) {
        size_t plain = str_find(text, '\\');

        buf_append(buf, str_of(text.ptr, plain));
        text = str_from(text, plain);
        if (text.len > 0) {
            text = str_from(text, 1);
            append_escape(buf, &text);
        }
    }
}

/* A line of a block of bytes: ends in CRLF, unless a backslash says that it goes on. */
static void read_bytes_line(struct test_case *c, struct str line)
{
    size_t backslashes = 0;

    while (backslashes < line.len && line.ptr[line.len - 1 - backslashes] == '\\')
        backslashes++;
    if (backslashes % 2 == 1)
        line.len--;
    append_unescaped(&c->bytes, line);
    if (backslashes % 2 == 0)
        buf_append(&c->bytes, STR("\r\n"));
}

/* "404", "400, then closed", "200 to HEAD, then ended", "ended" */
static void read_status_line(struct test_case *c, struct str line)
{
    struct expect *expect = &c->expects[c->count];

    *expect =
        (struct expect){.is_last = str_ends(line, STR("closed")) || str_ends(line, STR("ended"))};
    if (!str_equal(line, STR("ended")))
        expect->status = atoi(line.ptr);
    if (expect->status >= 200 || expect->status == 0) {
        c->count++;
        assert_true(c->count < EXPECTS_MAX);
    }
}

static void read_expect_line(struct test_case *c, struct str line)
{
    if (c->count > 0 && str_starts(line, STR("why: ")))
        (void)snprintf(c->expects[c->count - 1].why, WHY_MAX, "%.*s", STR_ARG(str_from(line, 5)));
}

enum block { BLOCK_NONE, BLOCK_BYTES, BLOCK_STATUS, BLOCK_EXPECT, BLOCK_OTHER };

static enum block block_opened_by(struct str line)
{
    if (str_starts(line, STR("```http")))
        return BLOCK_BYTES;
    if (str_starts(line, STR("```expect")))
        return BLOCK_STATUS;
    return BLOCK_OTHER;
}

/* The block that the next line stands in. */
static enum block read_line(struct test_case *c, enum block block, struct str line)
{
    if (str_starts(line, STR("```")))
        return block == BLOCK_NONE ? block_opened_by(line) : BLOCK_NONE;

    switch (block) {
    case BLOCK_NONE:
    case BLOCK_OTHER:
        return block;
    case BLOCK_BYTES:
        read_bytes_line(c, line);
        return BLOCK_BYTES;
    case BLOCK_STATUS:
        read_status_line(c, line);
        return BLOCK_EXPECT;
    case BLOCK_EXPECT:
        read_expect_line(c, line);
        return BLOCK_EXPECT;
    }
    return block;
}

/* ---- what the readers say --------------------------------------------------------------- */

struct verdict {
    enum parse     parse;
    struct refusal refusal;
};

static bool is_same(struct verdict a, struct verdict b)
{
    return a.parse == b.parse && a.refusal.status == b.refusal.status &&
           (a.refusal.why == b.refusal.why ||
            (a.refusal.why && b.refusal.why && strcmp(a.refusal.why, b.refusal.why) == 0));
}

/* A head, parsed; the request's slices point into `head`, its path into `room`. */
struct parsed {
    struct tight_str head;
    struct tight_str room;
    struct request   request;
    struct verdict   verdict;
};

static struct parsed parse_head(struct str bytes)
{
    struct parsed parsed = {.head = tight_bytes(bytes.ptr, bytes.len)};

    parsed.room.bytes = malloc(limits.target_bytes + 1);
    assert_non_null(parsed.room.bytes);
    parsed.verdict.parse = request_parse(parsed.head.view, &limits, parsed.room.bytes,
                                         &parsed.request, &parsed.verdict.refusal);
    return parsed;
}

static void parsed_free(struct parsed *parsed)
{
    tight_str_free(&parsed->head);
    tight_str_free(&parsed->room);
}

static struct verdict verdict_on_head(struct str bytes)
{
    struct parsed parsed = parse_head(bytes);

    parsed_free(&parsed);
    return parsed.verdict;
}

/* However the bytes are cut, the verdict is that on the whole: a byte more each time, parsed
 * again when request_worth_parsing says so, and every time while they are few. */
static void check_cuts(const struct test_case *c, struct str bytes, struct verdict whole)
{
    struct verdict verdict = {.parse = PARSE_MORE};

    for (size_t len = 1; len <= bytes.len && verdict.parse == PARSE_MORE; len++) {
        struct str     cut = str_of(bytes.ptr, len);
        bool           is_worth = len == 1 || request_worth_parsing(cut, len - 1, &limits);
        struct verdict every = {.parse = PARSE_MORE};

        if (len <= EVERY_CUT_BYTES)
            every = verdict_on_head(cut);
        if (is_worth)
            verdict = verdict_on_head(cut);
        if (len <= EVERY_CUT_BYTES && !is_same(every, verdict))
            FAIL(c, "not worth parsing, it said, at byte %zu", len);
    }
    if (!is_same(verdict, whole))
        FAIL(c, "cut at every byte it is %d \"%s\", whole %d \"%s\"", verdict.refusal.status,
             verdict.refusal.why ? verdict.refusal.why : "", whole.refusal.status,
             whole.refusal.why ? whole.refusal.why : "");
}

/* Decodes a chunked body in pieces of `piece` bytes; *used: how many it took. */
static struct verdict decode(struct str bytes, size_t piece, size_t *used, struct buf *body)
{
    struct chunked chunked = CHUNKED_START;
    struct verdict verdict = {.parse = PARSE_MORE};

    *used = 0;
    while (verdict.parse == PARSE_MORE && *used < bytes.len) {
        struct str       rest = str_from(bytes, *used);
        struct tight_str some = tight_bytes(rest.ptr, MIN_OF(rest.len, piece));
        size_t           count = some.view.len, took = 0;

        verdict.refusal = REFUSAL_NONE;
        verdict.parse = chunked_decode(&chunked, some.bytes, &count, &took, &verdict.refusal);
        if (verdict.parse != PARSE_REFUSED) {
            assert_true(took <= some.view.len && count <= took);
            if (verdict.parse == PARSE_MORE)
                assert_int_equal(took, some.view.len);
            buf_append(body, str_of(some.bytes, count));
            *used += took;
        }
        tight_str_free(&some);
    }
    return verdict;
}

/* A chunked body: whole, and a byte at a time, it must be the same. */
static struct verdict verdict_on_chunks(const struct test_case *c, struct str bytes, size_t *used)
{
    struct buf     whole_body = BUF_UP_TO(BYTES_MAX), cut_body = BUF_UP_TO(BYTES_MAX);
    size_t         cut_used;
    struct verdict whole = decode(bytes, SIZE_MAX, used, &whole_body);
    struct verdict cut = decode(bytes, 1, &cut_used, &cut_body);

    if (!is_same(whole, cut))
        FAIL(c, "cut chunks are %d \"%s\", whole ones %d \"%s\"", cut.refusal.status,
             cut.refusal.why ? cut.refusal.why : "", whole.refusal.status,
             whole.refusal.why ? whole.refusal.why : "");
    if (whole.parse != PARSE_REFUSED &&
        (*used != cut_used || !str_equal(buf_view(&whole_body), buf_view(&cut_body))))
        FAIL(c, "cut chunks give another body");

    buf_fini(&whole_body);
    buf_fini(&cut_body);
    return whole;
}

/* The body of `request`, at the front of `bytes`. */
static struct verdict verdict_on_body(const struct test_case *c, const struct request *request,
                                      struct str bytes, size_t *used)
{
    struct verdict verdict = {.parse = PARSE_REFUSED};
    struct framing framing;

    *used = 0;
    verdict.refusal = framing_decide(request, &framing);
    if (is_refused(verdict.refusal))
        return verdict;

    switch (framing.kind) {
    case BODY_NONE:
        verdict.parse = PARSE_DONE;
        break;
    case BODY_LENGTH:
        *used = MIN_OF(framing.length, bytes.len);
        verdict.parse = *used < framing.length ? PARSE_MORE : PARSE_DONE;
        break;
    case BODY_CHUNKED:
        return verdict_on_chunks(c, bytes, used);
    }
    return verdict;
}

/* The request at the front of `bytes`; *used: how many bytes it took. */
static struct verdict verdict_on_request(const struct test_case *c, struct str bytes, size_t *used)
{
    struct parsed  parsed = parse_head(bytes);
    struct verdict verdict = parsed.verdict;

    *used = 0;
    check_cuts(c, bytes, verdict);
    if (verdict.parse == PARSE_DONE) {
        size_t head_bytes = parsed.request.head_bytes;

        verdict = verdict_on_body(c, &parsed.request, str_from(bytes, head_bytes), used);
        *used += head_bytes;
    }
    parsed_free(&parsed);
    return verdict;
}

/* ---- the promises ----------------------------------------------------------------------- */

static void check_expect(const struct test_case *c, const struct expect *expect,
                         struct verdict verdict)
{
    const char *why = verdict.refusal.why ? verdict.refusal.why : "";

    if (strcmp(why, expect->why) != 0)
        FAIL(c, "expected \"%s\", but it says \"%s\"", expect->why, why);
    if (verdict.parse == PARSE_REFUSED && (int)verdict.refusal.status != expect->status)
        FAIL(c, "expected %d, but it says %d", expect->status, verdict.refusal.status);
    /* What has not come whole is answered only by who does not wait for it. */
    if (verdict.parse == PARSE_MORE && !expect->is_last)
        FAIL(c, "the request does not end");
}

static void check_case(const struct test_case *c)
{
    struct str rest = buf_view(&c->bytes);
    bool       is_over = false;

    assert_false(c->bytes.failed);
    assert_true(c->count > 0);
    for (size_t i = 0; i < c->count && !is_over; i++) {
        size_t         used;
        struct verdict verdict = verdict_on_request(c, rest, &used);

        check_expect(c, &c->expects[i], verdict);
        rest = str_from(rest, used);
        is_over = c->expects[i].is_last;
    }
    if (!is_over && rest.len > 0)
        FAIL(c, "%zu bytes are left over", rest.len);
}

static void begin_case(struct test_case *c, const char *file, struct str title)
{
    buf_fini(&c->bytes);
    *c = (struct test_case){.bytes = BUF_UP_TO(BYTES_MAX)};
    (void)snprintf(c->file, sizeof(c->file), "%s", file);
    (void)snprintf(c->title, sizeof(c->title), "%.*s", STR_ARG(title));
}

/* Checks all cases in a file; how many they are. */
static size_t check_file(const char *path)
{
    struct test_case c = {.bytes = BUF_NONE};
    enum block       block = BLOCK_NONE;
    size_t           count = 0, size = 0;
    char            *line = NULL;
    ssize_t          len;
    FILE            *file = fopen(path, "r");

    assert_non_null(file);
    while ((len = getline(&line, &size, file)) > 0) {
        struct str text = str_of(line, (size_t)len - (line[len - 1] == '\n'));

        if (block == BLOCK_NONE && str_starts(text, STR("## "))) {
            if (count++ > 0)
                check_case(&c);
            begin_case(&c, path, str_from(text, 3));
        } else {
            block = read_line(&c, block, text);
        }
    }
    if (count > 0)
        check_case(&c);
    buf_fini(&c.bytes);
    free(line);
    (void)fclose(file);
    return count;
}

static void each_dialogue_is_read_as_it_says(void **state)
{
    size_t count = 0;
    glob_t found;

    (void)state;
    assert_int_equal(glob("tests/cases/[a-z]*.md", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        count += check_file(found.gl_pathv[i]);
    globfree(&found);
    assert_int_equal(broken, 0);
    assert_true(count >= CASES_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dialogue_is_read_as_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
