/* What http/head promises: the bytes of a response head, and no line break that was not asked
 * for. */
#include "http/head.h"
#include "tests/support/promise.h"

#define PROMISED_BYTES(promise, buf, want)                                                     \
    do {                                                                                       \
        PROMISED(promise, !(buf)->failed);                                                     \
        PROMISED_STR(promise, buf_view(buf), want);                                            \
    } while (0)

/* RFC 9112 §4: the space behind the code stands even when no phrase does. */
static void a_status_line_is_written(void **state)
{
    struct buf buf = BUF_UP_TO(4096);

    (void)state;
    head_status(&buf, 200);
    PROMISED_BYTES("a code we know", &buf, "HTTP/1.1 200 OK\r\n");
    buf_reset(&buf);
    head_status(&buf, 299);
    PROMISED_BYTES("a code without a phrase", &buf, "HTTP/1.1 299 \r\n");
    buf_fini(&buf);
}

static void a_whole_head_is_written(void **state)
{
    struct buf buf = BUF_UP_TO(4096);

    (void)state;
    head_status(&buf, 404);
    head_field(&buf, STR("Content-Type"), STR("text/html; charset=utf-8"));
    head_field(&buf, STR("X-Empty"), STR(""));
    head_field_u64(&buf, STR("Content-Length"), 0);
    head_field_u64(&buf, STR("X-Large"), UINT64_MAX);
    head_field_date(&buf, STR("Date"), 784111777);
    head_end(&buf);
    PROMISED_BYTES("a head", &buf,
                   "HTTP/1.1 404 Not Found\r\n"
                   "Content-Type: text/html; charset=utf-8\r\n"
                   "X-Empty: \r\n"
                   "Content-Length: 0\r\n"
                   "X-Large: 18446744073709551615\r\n"
                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "\r\n");
    buf_fini(&buf);
}

/* RFC 9112 §11.1 */
static const struct field_case {
    const char *promise;
    const char *name;
    const char *value;
    bool        written;
} fields[] = {
    {"a plain field",              "A",    "b",              true},
    {"a tab and bytes from 0x80",  "A",    "b\t\xC3\xBC",    true},
    {"a line break in a value",    "A",    "b\r\nC: d",      false},
    {"a bare line feed",           "A",    "b\nC: d",        false},
    {"a bare carriage return",     "A",    "b\r",            false},
    {"a control byte",             "A",    "b\x01",          false},
    {"DEL",                        "A",    "b\x7f",          false},
    {"a line break in a name",     "A\r\n", "b",             false},
    {"a colon in a name",          "A:",   "b",              false},
    {"a space in a name",          "A b",  "c",              false},
    {"no name",                    "",     "b",              false},
};

static void what_would_break_a_head_marks_the_buffer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(fields); i++) {
        const struct field_case *c = &fields[i];
        struct tight_str name = tight_str(c->name), value = tight_str(c->value);
        struct buf buf = BUF_UP_TO(4096);

        head_field(&buf, name.view, value.view);
        PROMISED(c->promise, buf.failed == !c->written);
        PROMISED(c->promise, (buf.len > 0) == c->written);
        buf_fini(&buf);
        tight_str_free(&name);
        tight_str_free(&value);
    }
}

static void a_NUL_in_a_value_marks_the_buffer(void **state)
{
    struct buf buf = BUF_UP_TO(4096);

    (void)state;
    head_field(&buf, STR("A"), STR("b\0c"));
    assert_true(buf.failed);
    buf_fini(&buf);
}

static void a_full_buffer_is_marked_and_stays_so(void **state)
{
    struct buf buf = BUF_UP_TO(8);

    (void)state;
    head_status(&buf, 200);
    head_end(&buf);
    assert_true(buf.failed);
    buf_fini(&buf);
}

/* RFC 3986 §3.3, §4.2 */
static const struct path_case {
    const char *promise;
    const char *path;
    const char *escaped;
} paths[] = {
    {"the root",                         "",               "/"},
    {"segments",                         "a/b/",           "/a/b/"},
    {"what may stand unescaped",         "-._~!$&'()*+,;=:@09azAZ", "/-._~!$&'()*+,;=:@09azAZ"},
    {"what may not",                     "a b?c#d%e\"<>\\^`{|}[]",
     "/a%20b%3Fc%23d%25e%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"},
    {"bytes from 0x80",                  "gr\xC3\xBCn",    "/gr%C3%BCn"},
    {"control bytes",                    "\r\n\x7f",       "/%0D%0A%7F"},
    {"a slash in front is the one",      "/a",             "/a"},
    {"nothing becomes another host",     "//evil.test/",   "/evil.test/"},
    {"nor does a backslash",             "\\evil.test",    "/%5Cevil.test"},
};

static void a_path_is_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        const struct path_case *c = &paths[i];
        struct tight_str path = tight_str(c->path);
        struct buf buf = BUF_UP_TO(4096);

        head_append_path(&buf, path.view);
        PROMISED_BYTES(c->promise, &buf, c->escaped);
        buf_fini(&buf);
        tight_str_free(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_line_is_written),
        cmocka_unit_test(a_whole_head_is_written),
        cmocka_unit_test(what_would_break_a_head_marks_the_buffer),
        cmocka_unit_test(a_NUL_in_a_value_marks_the_buffer),
        cmocka_unit_test(a_full_buffer_is_marked_and_stays_so),
        cmocka_unit_test(a_path_is_escaped),
    };

    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
