/* What server/form promises: the same values and files whether the body is in memory or in a file. */
#include "server/form.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "http/formdata.h"
#include "server/exchange.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART  "multipart/form-data; boundary=B"
#define VALUE(n, content) \
    "--B\r\nContent-Disposition: form-data; name=\"" n "\"\r\n\r\n" content "\r\n"
#define FILE_HEAD                                                               \
    "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n" \
    "Content-Type: text/plain\r\n\r\n"

/* clang-format off */
/* `content` as "name=value|...", and files as "name(file name)[type]=content". */
static const struct form_case {
    const char *promise;
    const char *type;
    const char *body;
    const char *content;
    const char *problem;
} cases[] = {
    {"values of a plain form",          URLENCODED, "a=1&b=x+y&a=%41", "a=1|b=x y|a=A", NULL},
    {"an empty plain form",             URLENCODED, "", "", NULL},
    {"its type in any case, with parameters",
     "Application/X-WWW-Form-URLencoded ; charset=utf-8", "a=1", "a=1", NULL},
    {"values of a form in parts",       MULTIPART, VALUE("a", "1") VALUE("b", "") "--B--", "a=1|b=", NULL},
    {"a file",                          MULTIPART, FILE_HEAD "hello\r\n--B--", "f(a.txt)[text/plain]=hello", NULL},
    {"values and files",                MULTIPART, VALUE("a", "1") FILE_HEAD "\r\n" VALUE("b", "2") "--B--",
     "a=1|b=2|f(a.txt)[text/plain]=", NULL},
    {"a file without a name, of no type", MULTIPART,
     "--B\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n\r\n\r\n--B--", "f()=", NULL},
    {"a body of another type",          "text/plain", "a=1", "", NULL},
    {"a body of a type that begins alike", URLENCODED "2", "a=1", "", NULL},
    {"a body of no type",               "", "a=1", "", NULL},
    {"no boundary",                     "multipart/form-data", "--B--", "", "the form has no boundary"},
    {"an empty form in parts",          MULTIPART, "", "", "the form ends before its last boundary"},
    {"all or nothing",                  MULTIPART, VALUE("a", "1") FILE_HEAD "hello",
     "", "the form ends before its last boundary"},
};
/* clang-format on */

/* A body in memory, in a heap copy of its exact size, or in a file. */
struct placed {
    struct tight_str bytes;
    struct form_body body;
};

static void place_in_memory(struct placed *placed, struct str body)
{
    placed->bytes = tight_bytes(body.ptr, body.len);
    placed->body = (struct form_body){.bytes = placed->bytes.view, .file = -1, .length = body.len};
}

static void place_in_file(struct placed *placed, struct str body)
{
    folder_bytes("body", body);
    placed->bytes = tight_str(NULL);
    placed->body =
        (struct form_body){.file = open("body", O_RDONLY | O_CLOEXEC), .length = body.len};
    assert_int_not_equal(placed->body.file, -1);
}

static void take_away(struct placed *placed)
{
    tight_str_free(&placed->bytes);
    if (placed->body.file != -1)
        close(placed->body.file);
}

static void append(struct buf *buf, const char *before, struct str text, const char *behind)
{
    assert_true(text.ptr == NULL || before[0] == '=' || text.ptr[text.len] == '\0');
    if (!text.ptr)
        return;
    buf_append(buf, str_view(before));
    buf_append(buf, text);
    buf_append(buf, str_view(behind));
}

static void append_content(struct buf *buf, const struct wherry_upload *upload,
                           const struct form_body *body)
{
    char room[256];

    assert_true(upload->length <= sizeof room);
    if (body->bytes.ptr) {
        assert_int_equal(upload->bytes.len, upload->length);
        assert_ptr_equal(upload->bytes.ptr, body->bytes.ptr + upload->offset);
        append(buf, "=", str_of_slice(upload->bytes), "");
        return;
    }
    assert_null(upload->bytes.ptr);
    assert_int_equal(pread(body->file, room, (size_t)upload->length, (off_t)upload->offset),
                     upload->length);
    append(buf, "=", str_of(room, (size_t)upload->length), "");
}

static void describe(struct buf *buf, const struct form *form, const struct form_body *body)
{
    for (size_t i = 0; i < form->values.count; i++) {
        append(buf, buf->len ? "|" : "", form->values.all[i].name, "=");
        append(buf, "", form->values.all[i].value, "");
    }
    for (size_t i = 0; i < form->uploads_count; i++) {
        append(buf, buf->len ? "|" : "", str_of_slice(form->uploads[i].name), "");
        append(buf, "(", str_of_slice(form->uploads[i].file_name), ")");
        append(buf, "[", str_of_slice(form->uploads[i].type), "]");
        append_content(buf, &form->uploads[i], body);
    }
}

static void check(const struct form_case *c, const struct placed *placed)
{
    struct arena     arena = ARENA_UP_TO(EXCHANGE_ARENA_MAX);
    struct tight_str type = tight_str(c->type);
    struct buf       got = BUF_UP_TO(1024);
    struct form      form;

    form_read(&form, type.view, &placed->body, &arena);
    describe(&got, &form, &placed->body);
    PROMISED_STR(c->promise, buf_view(&got), c->content);
    PROMISED_STR(c->promise, form.problem ? str_view(form.problem) : str_of(NULL, 0), c->problem);
    buf_fini(&got);
    tight_str_free(&type);
    arena_fini(&arena);
}

static void a_form_is_read_wherever_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct placed placed;

        place_in_memory(&placed, str_view(cases[i].body));
        check(&cases[i], &placed);
        take_away(&placed);
        place_in_file(&placed, str_view(cases[i].body));
        check(&cases[i], &placed);
        take_away(&placed);
    }
}

/* Reads a body; gives the problem.  *form's arena is the caller's. */
static const char *read_from(void (*place)(struct placed *placed, struct str body),
                             const char *type, struct str body, struct form *form,
                             struct arena *arena)
{
    struct placed placed;

    place(&placed, body);
    *arena = ARENA_UP_TO(EXCHANGE_ARENA_MAX);
    form_read(form, str_view(type), &placed.body, arena);
    take_away(&placed);
    return form->problem;
}

/* A file is read in pieces of 8 KiB: whatever stands where one ends is read like anything else. */
static void a_file_is_read_in_pieces(void **state)
{
    static const char behind[] = "\r\n" VALUE("a", "one") FILE_HEAD "two\r\n--B--\r\n";

    (void)state;
    for (size_t before = 2 * 8192 - sizeof behind; before < 2 * 8192; before++) {
        struct buf   body = BUF_UP_TO(32 * 1024);
        struct form  form;
        struct arena arena;

        while (body.len < before)
            buf_append_byte(&body, 'x');
        buf_append(&body, STR(behind));
        assert_null(read_from(place_in_file, MULTIPART, buf_view(&body), &form, &arena));
        PROMISED_STR("the value", pairs_find(&form.values, STR("a")), "one");
        assert_int_equal(form.uploads_count, 1);
        assert_int_equal(form.uploads[0].length, 3);
        assert_memory_equal(body.ptr + form.uploads[0].offset, "two", 3);
        arena_fini(&arena);
        buf_fini(&body);
    }
}

static void a_large_file_takes_no_more_memory(void **state)
{
    enum { LARGE = 256 * 1024 * 1024, ROOM = 32 * 1024 };
    static const char head[] = VALUE("a", "one") FILE_HEAD,
                      tail[] = "\r\n" VALUE("b", "two") "--B--";
    struct arena     arena = ARENA_UP_TO(EXCHANGE_ARENA_MAX);
    struct form_body body = {.length = LARGE + strlen(head) + strlen(tail)};
    struct form      form;

    (void)state;
    folder_hole("large", body.length);
    body.file = open("large", O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(body.file, head, strlen(head), 0), strlen(head));
    assert_int_equal(pwrite(body.file, tail, strlen(tail), (off_t)(LARGE + strlen(head))),
                     strlen(tail));
    form_read(&form, STR(MULTIPART), &body, &arena);
    close(body.file);
    assert_null(form.problem);
    PROMISED_STR("what stands behind it", pairs_find(&form.values, STR("b")), "two");
    assert_int_equal(form.uploads[0].offset, strlen(head));
    assert_int_equal(form.uploads[0].length, LARGE);
    assert_true(arena.taken <= ROOM);
    arena_fini(&arena);
}

/* A form of `count` times the same piece: how many values it has, or its problem is. */
static size_t count_values(const char *type, struct str piece, size_t count, const char *behind,
                           const char *problem)
{
    struct buf   body = BUF_UP_TO(8 * 1024 * 1024);
    struct form  form;
    struct arena arena;
    const char  *got;

    for (size_t i = 0; i < count; i++)
        buf_append(&body, piece);
    buf_append(&body, str_view(behind));
    assert_false(body.failed);
    got = read_from(place_in_memory, type, buf_view(&body), &form, &arena);
    PROMISED_STR("the problem", got ? str_view(got) : str_of(NULL, 0), problem);
    arena_fini(&arena);
    got = read_from(place_in_file, type, buf_view(&body), &form, &arena);
    PROMISED_STR("the same from a file", got ? str_view(got) : str_of(NULL, 0), problem);
    arena_fini(&arena);
    buf_fini(&body);
    return form.values.count;
}

static void more_than_is_taken_is_said(void **state)
{
    static const char too_much[] = "the form has more than is taken here";
    struct buf        value = BUF_UP_TO(EXCHANGE_ARENA_MAX);

    (void)state;
    assert_int_equal(count_values(URLENCODED, STR("a&"), FORM_VALUES_MAX, "", NULL),
                     FORM_VALUES_MAX);
    assert_int_equal(count_values(URLENCODED, STR("a&"), FORM_VALUES_MAX + 1, "", too_much), 0);
    assert_int_equal(count_values(URLENCODED, STR("x"), EXCHANGE_ARENA_MAX - 64 * 1024, "", NULL),
                     1);
    assert_int_equal(count_values(URLENCODED, STR("x"), EXCHANGE_ARENA_MAX, "", too_much), 0);
    assert_int_equal(count_values(URLENCODED, STR("x"), 2 * EXCHANGE_ARENA_MAX, "", too_much), 0);

    buf_append(&value, STR("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n"));
    for (size_t i = 0; i < FORMDATA_VALUE_MAX; i++)
        buf_append_byte(&value, 'x');
    buf_append(&value, STR("\r\n"));
    assert_int_equal(count_values(MULTIPART, buf_view(&value), 8, "--B--", NULL), 8);
    assert_int_equal(count_values(MULTIPART, buf_view(&value), 20, "--B--", too_much), 0);
    buf_fini(&value);
    assert_int_equal(
        count_values(MULTIPART, STR(VALUE("a", "")), FORMDATA_PARTS_MAX, "--B--", NULL),
        FORMDATA_PARTS_MAX);
}

static void and_so_is_a_file_that_cannot_be_read(void **state)
{
    static const char body[] = VALUE("a", "1") FILE_HEAD "2\r\n--B--";
    static const struct {
        const char *promise;
        int         error;
        bool        is_read;
    } ways[] = {
        {"a read that fails", EIO, false},
        {"a file that is shorter", FAULT_END, false},
        {"a read that gives less", FAULT_SHORT, true},
        {"a read that was interrupted", EINTR, true},
    };

    (void)state;
    for (size_t way = 0; way < COUNTOF(ways); way++) {
        for (size_t n = 1; fault_next(n, FAULT_PREAD, ways[way].error); n++) {
            struct form  form;
            struct arena arena;
            const char  *problem = read_from(place_in_file, MULTIPART, STR(body), &form, &arena);

            PROMISED(ways[way].promise, !problem == (ways[way].is_read || !fault_has_struck()));
            PROMISED_NUMBER(ways[way].promise, form.values.count, problem ? 0 : 1);
            arena_fini(&arena);
        }
    }
}

static void without_memory_there_is_a_problem_and_nothing_else(void **state)
{
    static const struct {
        const char *type, *body;
    } forms[] = {
        {URLENCODED, "a=1"},
        {MULTIPART, VALUE("a", "1") FILE_HEAD "2\r\n--B--"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        struct placed placed;

        place_in_memory(&placed, str_view(forms[i].body));
        for (size_t n = 1; alloc_fail_next(n); n++) {
            struct arena arena = ARENA_UP_TO(EXCHANGE_ARENA_MAX);
            struct form  form;

            form_read(&form, str_view(forms[i].type), &placed.body, &arena);
            assert_int_equal(form.values.count, form.problem ? 0 : 1);
            assert_true(!form.problem || form.uploads_count == 0);
            arena_fini(&arena);
        }
        take_away(&placed);
    }
}

static int enter(void **state)
{
    static struct folder folder;

    folder_enter(&folder);
    *state = &folder;
    return 0;
}

static int leave(void **state)
{
    folder_leave(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_read_wherever_it_is),
        cmocka_unit_test(a_file_is_read_in_pieces),
        cmocka_unit_test(a_large_file_takes_no_more_memory),
        cmocka_unit_test(more_than_is_taken_is_said),
        cmocka_unit_test(and_so_is_a_file_that_cannot_be_read),
        cmocka_unit_test(without_memory_there_is_a_problem_and_nothing_else),
    };

    return cmocka_run_group_tests_name("form", tests, enter, leave);
}
