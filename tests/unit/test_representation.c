/* representation: one version of one file, ready to be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "http/date.h"
#include "site/representation.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/folder.h"

enum { MIB = 1024 * 1024, LATER_S = 100 };

static struct folder folder;
static struct root *root;
static int64_t now_s;
static const struct representation_wishes no_cache = {.cache_control = "no-cache"};
static const struct representation_wishes silent = {.cache_control = ""};

static int enter(void **state)
{
    (void)state;
    folder_enter(&folder);
    root = root_open(folder.path, ROOT_LINKS_BENEATH);
    now_s = time(NULL);
    return root ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    root_close(root);
    folder_leave(&folder);
    return 0;
}

static struct representation *make_at(const char *name, int64_t at_s)
{
    struct representation *made = NULL;
    struct stat status;

    assert_int_equal(representation_make(root, name, &no_cache, at_s, &made, &status),
                     ROOT_FOUND);
    assert_non_null(made);
    return made;
}

static struct representation *make_now(const char *name)
{
    return make_at(name, now_s);
}

static void assert_text(struct str actual, const char *expected)
{
    if (!str_equal(actual, str_view(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(actual), expected);
}

static bool has(struct str lines, const char *text)
{
    return memmem(lines.ptr, lines.len, text, strlen(text)) != NULL;
}

/* Some bytes, no two blocks of them alike. */
static void write_large(const char *name, size_t size)
{
    uint32_t *words = malloc(size);

    assert_non_null(words);
    for (size_t i = 0; i < size / sizeof *words; i++)
        words[i] = (uint32_t)i * 2654435761u;
    folder_bytes(name, str_of((char *)words, size));
    free(words);
}

/* ---- the body ---------------------------------------------------------------------- */

static void a_small_file_is_kept_in_memory(void **state)
{
    struct representation *made;

    (void)state;
    folder_file("page.html", "<p>hello");
    made = make_now("page.html");
    assert_int_equal(made->fd, -1);
    assert_int_equal(made->length, 8);
    assert_text(made->bytes, "<p>hello");
    assert_text(made->name, "page.html");
    assert_int_equal(made->name.ptr[made->name.len], '\0');
    representation_release(made);
}

static void an_empty_file_has_a_representation(void **state)
{
    struct representation *made;

    (void)state;
    folder_file("empty.txt", "");
    made = make_now("empty.txt");
    assert_int_equal(made->length, 0);
    assert_int_equal(made->bytes.len, 0);
    assert_true(has(made->content_lines, "Content-Type: text/plain; charset=utf-8\r\n"));
    representation_release(made);
}

static void a_large_file_stays_on_the_disk(void **state)
{
    struct representation *small, *large;

    (void)state;
    write_large("small", REPRESENTATION_SMALL_MAX);
    write_large("large", REPRESENTATION_SMALL_MAX + 4);
    small = make_now("small");
    large = make_now("large");
    assert_int_equal(small->fd, -1);
    assert_int_not_equal(large->fd, -1);
    assert_int_equal(large->bytes.len, 0);
    assert_true(representation_cost(small) > REPRESENTATION_SMALL_MAX);
    assert_true(representation_cost(large) < 4096);
    representation_release(small);
    representation_release(large);
}

static void a_file_over_4_gib_has_its_whole_length(void **state)
{
    struct representation *made;

    (void)state;
    folder_hole("huge.mp4", (5ull << 30) + 1);
    made = make_now("huge.mp4");
    assert_true(made->length == (5ull << 30) + 1);
    assert_true(representation_is_intact(made));
    representation_release(made);
}

static void what_is_no_file_has_none(void **state)
{
    struct representation *made = NULL;
    struct stat status;

    (void)state;
    folder_folder("folder");
    assert_int_equal(representation_make(root, "folder", &silent, now_s, &made, &status), ROOT_SPECIAL);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(representation_make(root, "nothing", &silent, now_s, &made, &status),
                     ROOT_MISSING);
    assert_null(made);
}

/* ---- validators: RFC 9110 §8.8 ----------------------------------------------------- */

static void the_tag_is_made_from_the_content(void **state)
{
    struct representation *a, *b, *c;

    (void)state;
    folder_file("a.html", "same");
    folder_file("b.html", "same");
    folder_file("c.html", "else");
    folder_age("b.html", 0);
    a = make_now("a.html");
    b = make_now("b.html");
    c = make_now("c.html");
    assert_int_equal(a->etag.len, 34);
    assert_int_equal(a->etag.ptr[0], '"');
    assert_true(str_equal(a->etag, b->etag));
    assert_false(str_equal(a->etag, c->etag));
    representation_release(a);
    representation_release(b);
    representation_release(c);
}

static void the_tag_does_not_depend_on_where_the_bytes_are_kept(void **state)
{
    struct representation *before, *after;

    (void)state;
    write_large("film", 3 * MIB);
    before = make_now("film");
    folder_age("film", now_s - 50);
    after = make_now("film");
    assert_true(str_equal(before->etag, after->etag));
    representation_release(before);
    representation_release(after);
}

/* RFC 9110 §8.8.1 */
static const struct tag_case {
    const char *promise;
    uint64_t    size;
    int64_t     age_s;          /* of the mtime; with `is_absolute` the mtime itself */
    bool        is_absolute;
    bool        is_weak;
} tags[] = {
    {"16 MiB are read: strong, however young", REPRESENTATION_HASHED_MAX, 0, false, false},
    {"16 MiB are read: strong, whatever the mtime", REPRESENTATION_HASHED_MAX, 0, true, false},
    {"more is not read: weak while it is young", REPRESENTATION_HASHED_MAX + 1, 1, false, true},
    {"strong once it is older", REPRESENTATION_HASHED_MAX + 1, 10, false, false},
    {"weak when the mtime is in the future", REPRESENTATION_HASHED_MAX + 1, -1000, false, true},
    {"weak when the mtime is 1970", REPRESENTATION_HASHED_MAX + 1, 0, true, true},
    {"weak when the mtime is where ZIP begins", REPRESENTATION_HASHED_MAX + 1, 315532800, true,
     true},
};

static void a_tag_is_strong_when_it_can_be(void **state)
{
    (void)state;
    folder_file("film", "");
    for (size_t i = 0; i < COUNTOF(tags); i++) {
        const struct tag_case *c = &tags[i];
        struct representation *made;

        folder_hole("film", c->size);
        folder_age("film", c->is_absolute ? c->age_s : now_s - c->age_s);
        made = make_now("film");
        if (str_starts(made->etag, STR("W/\"")) != c->is_weak ||
            !str_ends(made->etag, STR("\"")))
            fail_msg("%s: %.*s", c->promise, STR_ARG(made->etag));
        representation_release(made);
    }
}

static void a_large_files_tag_changes_with_its_mtime_and_size(void **state)
{
    struct representation *a, *b, *c;

    (void)state;
    folder_hole("film", REPRESENTATION_HASHED_MAX + 1);
    folder_age("film", now_s - 1000);
    a = make_now("film");
    folder_age("film", now_s - 999);
    b = make_now("film");
    folder_hole("film", REPRESENTATION_HASHED_MAX + 2);
    folder_age("film", now_s - 999);
    c = make_now("film");
    assert_false(str_equal(a->etag, b->etag));
    assert_false(str_equal(b->etag, c->etag));
    representation_release(a);
    representation_release(b);
    representation_release(c);
}

/* RFC 9110 §8.8.2.1 */
static void last_modified_is_the_mtime_unless_that_cannot_be(void **state)
{
    static const struct {
        const char *promise;
        int64_t     mtime_s, expected_s;
        const char *line;
    } dates[] = {
        {"the mtime", 1732178700, 1732178700, "Last-Modified: Thu, 21 Nov 2024 08:45:00 GMT\r\n"},
        {"never later than now", 4102444800, 1800000000, "Last-Modified: Fri, 15 Jan 2027"},
        {"none for 1970", 0, DATE_NONE, NULL},
        {"none for 1980-01-01", 315532800, DATE_NONE, NULL},
        {"none until 1980-01-02", 315619200, DATE_NONE, NULL},
        {"1980-01-03", 315705600, 315705600, "Last-Modified: Thu, 03 Jan 1980 00:00:00 GMT\r\n"},
    };

    (void)state;
    folder_file("page", "page");
    for (size_t i = 0; i < COUNTOF(dates); i++) {
        struct representation *made;

        folder_age("page", dates[i].mtime_s);
        made = make_at("page", 1800000000);
        if (made->last_modified != dates[i].expected_s ||
            has(made->content_lines, "Last-Modified") != (dates[i].line != NULL) ||
            (dates[i].line && !has(made->content_lines, dates[i].line)))
            fail_msg("%s: %.*s", dates[i].promise, STR_ARG(made->content_lines));
        representation_release(made);
    }
}

/* Two writes inside one tick of the file system's clock leave the same times. */
static void a_file_just_touched_is_young(void **state)
{
    struct stat status;

    (void)state;
    folder_file("page", "page");
    assert_int_equal(stat("page", &status), 0);
    assert_true(file_is_young(&status, now_s));
    assert_false(file_is_young(&status, now_s + LATER_S));

    /* What was written just now is young also when its mtime was set back. */
    folder_age("page", 1000000000);
    assert_int_equal(stat("page", &status), 0);
    assert_true(file_is_young(&status, now_s));

    /* And a date in the far future does not make it young for ever. */
    folder_age("page", now_s + 1000000);
    assert_int_equal(stat("page", &status), 0);
    assert_false(file_is_young(&status, now_s + LATER_S));
}

/* ---- what is said about it --------------------------------------------------------- */

/* RFC 9110 §8.3.2, §15.4.5 */
static void the_lines_are_ready_to_send(void **state)
{
    struct representation *made;
    char expected[128];

    (void)state;
    folder_file("caf\xc3\xa9.html", "caf\xc3\xa9");
    made = make_now("caf\xc3\xa9.html");
    snprintf(expected, sizeof expected, "Cache-Control: no-cache\r\nETag: %.*s\r\n",
             STR_ARG(made->etag));
    assert_text(made->shared_lines, expected);
    assert_text(made->type_lines, "Content-Type: text/html; charset=utf-8\r\n"
                                  "X-Content-Type-Options: nosniff\r\n");
    assert_true(str_starts(made->content_lines, made->type_lines));
    assert_true(has(made->content_lines, "\r\nAccept-Ranges: bytes\r\n"));
    representation_release(made);
}

static void no_cache_control_is_none(void **state)
{
    struct representation *made = NULL;
    struct stat status;

    (void)state;
    folder_file("page", "page");
    assert_int_equal(representation_make(root, "page", &silent, now_s, &made, &status), ROOT_FOUND);
    assert_true(str_starts(made->shared_lines, STR("ETag: ")));
    representation_release(made);
}

static void a_cache_control_must_be_sendable(void **state)
{
    char text[REPRESENTATION_CACHE_CONTROL_MAX + 2];
    const struct representation_wishes wishes = {.cache_control = text};
    struct representation *made = NULL;
    struct stat status;

    (void)state;
    memset(text, 'a', sizeof text);
    text[REPRESENTATION_CACHE_CONTROL_MAX + 1] = '\0';
    assert_false(representation_can_send(text));
    assert_false(representation_can_send("max-age=1\r\nX: y"));
    assert_true(representation_can_send(""));

    text[REPRESENTATION_CACHE_CONTROL_MAX] = '\0';
    assert_true(representation_can_send(text));
    folder_hole("film", REPRESENTATION_HASHED_MAX + 1);
    assert_int_equal(representation_make(root, "film", &wishes, now_s, &made, &status), ROOT_FOUND);
    representation_release(made);
}

static const struct charset_case {
    const char *promise;
    const char *name;
    const char *text;
    const char *line;
} charsets[] = {
    {"a text in UTF-8 says so", "a.txt", "caf\xc3\xa9", "text/plain; charset=utf-8\r\n"},
    {"a text in Latin-1 says nothing", "b.txt", "caf\xe9", "text/plain\r\n"},
    {"a script is text", "c.js", "1", "text/javascript; charset=utf-8\r\n"},
    {"a drawing is text", "d.svg", "<svg/>", "image/svg+xml; charset=utf-8\r\n"},
    {"a picture is not, whatever is in it", "e.png", "text", "image/png\r\n"},
    {"a name that says nothing leaves it to the bytes", "unknown", "text",
     "text/plain; charset=utf-8\r\n"},
    {"nor does a JSON text, which is UTF-8 by its definition", "f.json", "{}",
     "application/json\r\n"},
};

static void a_charset_is_named_when_it_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(charsets); i++) {
        struct representation *made;

        folder_file(charsets[i].name, charsets[i].text);
        made = make_now(charsets[i].name);
        if (!has(made->type_lines, charsets[i].line))
            fail_msg("%s: %.*s", charsets[i].promise, STR_ARG(made->type_lines));
        representation_release(made);
    }
}

/* A character that lies across two blocks of the reading is one character. */
static void a_large_text_is_read_to_its_end(void **state)
{
    char *text = malloc(MIB + 1);
    struct representation *made;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i + 1 < MIB; i += 2)
        memcpy(text + i + 1, "\xc3\xa9", 2);
    text[0] = 'a';
    folder_bytes("good.txt", str_of(text, MIB + 1));
    folder_bytes("cut.txt", str_of(text, MIB));
    free(text);
    made = make_now("good.txt");
    assert_true(has(made->type_lines, "charset=utf-8"));
    representation_release(made);
    made = make_now("cut.txt");
    assert_false(has(made->type_lines, "charset"));
    representation_release(made);
}

/* ---- files that change ------------------------------------------------------------- */

static struct representation *make_large(void)
{
    write_large("film", MIB);
    folder_age("film", now_s - 1000);
    return make_now("film");
}

static void a_file_that_shrinks_is_not_intact(void **state)
{
    struct representation *made = make_large();

    (void)state;
    assert_true(representation_is_intact(made));
    assert_int_equal(truncate("film", 1000), 0);
    assert_false(representation_is_intact(made));
    representation_release(made);
}

static void a_file_that_is_written_is_not_intact(void **state)
{
    struct representation *made = make_large();
    int fd = open("film", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(pwrite(fd, "x", 1, 10), 1);
    close(fd);
    assert_false(representation_is_intact(made));
    representation_release(made);
}

/* The name is given away or removed; the bytes we hold are the same. */
static void a_file_that_is_replaced_or_removed_stays_intact(void **state)
{
    struct representation *made = make_large();

    (void)state;
    folder_replace("film", "another");
    assert_true(representation_is_intact(made));
    folder_remove("film");
    assert_true(representation_is_intact(made));
    representation_release(made);
}

struct writer {
    atomic_bool stop;
};

/* Writes a page of one letter again and again, in place. */
static void *write_until_stopped(void *data)
{
    struct writer *writer = data;
    int fd = open("busy", O_WRONLY | O_CLOEXEC);
    static char text[REPRESENTATION_SMALL_MAX];
    char letter = 'a';

    while (!atomic_load(&writer->stop)) {
        memset(text, letter, sizeof text);
        if (pwrite(fd, text, sizeof text, 0) == -1)
            break;
        letter = letter == 'z' ? 'a' : (char)(letter + 1);
    }
    close(fd);
    return NULL;
}

/* Whatever comes of it, it is one of two: a representation, or "read it later". */
static bool is_made_or_put_off(void)
{
    struct representation *made = NULL;
    struct stat status;
    enum root_find find = representation_make(root, "busy", &silent, now_s, &made, &status);

    if (find != ROOT_FOUND)
        return find == ROOT_BROKEN && errno == EAGAIN && !made;
    representation_release(made);
    return true;
}

static void a_file_that_is_written_while_it_is_read_is_read_again(void **state)
{
    struct writer writer = {false};
    pthread_t thread;
    unsigned as_promised = 0;

    (void)state;
    folder_hole("busy", REPRESENTATION_SMALL_MAX);
    assert_int_equal(pthread_create(&thread, NULL, write_until_stopped, &writer), 0);
    for (int i = 0; i < 100; i++)
        as_promised += is_made_or_put_off();
    atomic_store(&writer.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(as_promised, 100);
}

static void without_memory_there_is_none_yet(void **state)
{
    (void)state;
    folder_file("page.html", "page");
    for (size_t round = 1; alloc_fail_next(round); round++) {
        struct representation *made = NULL;
        struct stat status;
        enum root_find find = representation_make(root, "page.html", &no_cache, now_s, &made,
                                                  &status);

        if (find == ROOT_FOUND)
            representation_release(made);
        else
            assert_int_equal(find, ROOT_EXHAUSTED);
        assert_int_equal(find != ROOT_FOUND, alloc_fail_off());
    }
}

static void a_stamp_knows_one_version_from_another(void **state)
{
    struct stat status;
    struct file_stamp first, second;

    (void)state;
    folder_file("page", "page");
    assert_int_equal(stat("page", &status), 0);
    first = second = file_stamp_of(&status);
    assert_true(file_stamp_equal(&first, &second));
    folder_age("page", 1000000000);
    assert_int_equal(stat("page", &status), 0);
    second = file_stamp_of(&status);
    assert_false(file_stamp_equal(&first, &second));
    folder_replace("page", "page");
    assert_int_equal(stat("page", &status), 0);
    first = file_stamp_of(&status);
    assert_false(file_stamp_equal(&first, &second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_small_file_is_kept_in_memory, enter, leave),
        cmocka_unit_test_setup_teardown(an_empty_file_has_a_representation, enter, leave),
        cmocka_unit_test_setup_teardown(a_large_file_stays_on_the_disk, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_over_4_gib_has_its_whole_length, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_no_file_has_none, enter, leave),
        cmocka_unit_test_setup_teardown(the_tag_is_made_from_the_content, enter, leave),
        cmocka_unit_test_setup_teardown(the_tag_does_not_depend_on_where_the_bytes_are_kept,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(a_tag_is_strong_when_it_can_be, enter, leave),
        cmocka_unit_test_setup_teardown(a_large_files_tag_changes_with_its_mtime_and_size, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(last_modified_is_the_mtime_unless_that_cannot_be, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(a_file_just_touched_is_young, enter, leave),
        cmocka_unit_test_setup_teardown(the_lines_are_ready_to_send, enter, leave),
        cmocka_unit_test_setup_teardown(no_cache_control_is_none, enter, leave),
        cmocka_unit_test_setup_teardown(a_cache_control_must_be_sendable, enter, leave),
        cmocka_unit_test_setup_teardown(a_charset_is_named_when_it_is_known, enter, leave),
        cmocka_unit_test_setup_teardown(a_large_text_is_read_to_its_end, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_shrinks_is_not_intact, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_is_written_is_not_intact, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_is_replaced_or_removed_stays_intact, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(a_file_that_is_written_while_it_is_read_is_read_again,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(without_memory_there_is_none_yet, enter, leave),
        cmocka_unit_test_setup_teardown(a_stamp_knows_one_version_from_another, enter, leave),
    };

    return cmocka_run_group_tests_name("representation", tests, NULL, NULL);
}
