/* What base/buf promises about bytes that are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/tight.h"

static void append_tight(struct buf *buf, const char *text)
{
    struct tight_str tight = tight_str(text);

    buf_append(buf, tight.view);
    tight_str_free(&tight);
}

#define assert_holds(buf, text) assert_true(str_equal(buf_view(buf), str_view(text)))

static void nothing_is_a_valid_buffer(void **state)
{
    struct buf buf = BUF_NONE;

    (void)state;
    assert_holds(&buf, "");
    assert_non_null(buf_view(&buf).ptr);
    buf_append(&buf, STR_NONE);
    buf_append(&buf, (struct str){NULL, 0});
    buf_consume(&buf, 0);
    assert_false(buf.failed);
    buf_append_byte(&buf, 'x');
    assert_true(buf.failed);
    buf_fini(&buf);
}

static void what_is_appended_is_there_in_order(void **state)
{
    struct buf buf = BUF_UP_TO(1024);

    (void)state;
    append_tight(&buf, "Age:");
    buf_append_byte(&buf, ' ');
    buf_append_u64(&buf, 60);
    buf_printf(&buf, " %s=%d", "max", 7);
    append_tight(&buf, "");
    buf_printf(&buf, "%s", "");
    assert_holds(&buf, "Age: 60 max=7");
    assert_false(buf.failed);
    buf_fini(&buf);
}

static void every_number_has_its_digits(void **state)
{
    struct buf buf = BUF_UP_TO(64);

    (void)state;
    buf_append_u64(&buf, 0);
    buf_append_byte(&buf, ' ');
    buf_append_u64(&buf, 10);
    buf_append_byte(&buf, ' ');
    buf_append_u64(&buf, UINT64_MAX);
    assert_holds(&buf, "0 10 18446744073709551615");
    buf_fini(&buf);
}

static void it_grows_by_doubling_to_its_ceiling(void **state)
{
    struct buf buf = BUF_UP_TO(1000);

    (void)state;
    buf_append_byte(&buf, 'a');
    assert_int_equal(buf.cap, 256);
    assert_true(buf_reserve(&buf, 256));
    assert_int_equal(buf.cap, 512);
    assert_true(buf_reserve(&buf, 999));
    assert_int_equal(buf.cap, 1000);
    assert_holds(&buf, "a");
    buf_fini(&buf);
}

static void a_ceiling_below_the_first_growth_holds(void **state)
{
    struct buf buf = BUF_UP_TO(3);

    (void)state;
    append_tight(&buf, "abc");
    assert_int_equal(buf.cap, 3);
    assert_holds(&buf, "abc");
    assert_false(buf.failed);
    buf_append_byte(&buf, 'd');
    assert_true(buf.failed);
    buf_fini(&buf);
}

static void printf_fills_it_to_the_last_byte(void **state)
{
    struct buf buf = BUF_UP_TO(5);

    (void)state;
    buf_printf(&buf, "%05d", 42);
    assert_holds(&buf, "00042");
    assert_false(buf.failed);
    buf_printf(&buf, "%d", 1);
    assert_true(buf.failed);
    assert_holds(&buf, "00042");
    buf_fini(&buf);
}

static void a_failure_sticks_until_the_reset(void **state)
{
    struct buf buf = BUF_UP_TO(4);

    (void)state;
    append_tight(&buf, "abc");
    append_tight(&buf, "de");
    assert_true(buf.failed);
    append_tight(&buf, "f");
    buf_append_byte(&buf, 'g');
    buf_append_u64(&buf, 1);
    buf_printf(&buf, "x");
    assert_false(buf_reserve(&buf, 0));
    assert_holds(&buf, "abc");

    buf_reset(&buf);
    assert_false(buf.failed);
    assert_holds(&buf, "");
    append_tight(&buf, "defg");
    assert_holds(&buf, "defg");
    buf_fini(&buf);
}

static void a_size_that_wraps_around_is_refused(void **state)
{
    struct buf buf = BUF_UP_TO(SIZE_MAX);

    (void)state;
    append_tight(&buf, "abc");
    assert_holds(&buf, "abc");
    assert_false(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    buf_reset(&buf);
    assert_false(buf_reserve(&buf, SIZE_MAX - 2));
    buf_fini(&buf);
}

static void consumed_bytes_leave_at_the_front(void **state)
{
    struct buf buf = BUF_UP_TO(16);

    (void)state;
    append_tight(&buf, "headbody");
    buf_consume(&buf, 4);
    assert_holds(&buf, "body");
    buf_consume(&buf, 0);
    assert_holds(&buf, "body");
    append_tight(&buf, "next");
    buf_consume(&buf, 8);
    assert_holds(&buf, "");
    buf_fini(&buf);
}

static void it_may_be_used_again_after_fini(void **state)
{
    struct buf buf = BUF_UP_TO(8);

    (void)state;
    append_tight(&buf, "more than eight");
    buf_fini(&buf);
    assert_null(buf.ptr);
    assert_int_equal(buf.max, 8);
    append_tight(&buf, "eight...");
    assert_holds(&buf, "eight...");
    buf_fini(&buf);
    buf_fini(&buf);
}

/* Each piece makes the buffer grow, so each may be the one that finds no memory. */
static void without_memory_what_was_there_stays(void **state)
{
    char piece[300];
    size_t n;

    (void)state;
    memset(piece, 'x', sizeof(piece));
    for (n = 1; alloc_fail_next(n); n++) {
        struct buf buf = BUF_UP_TO(4096);
        size_t whole = 0;

        for (int i = 0; i < 6; i++) {
            buf_append(&buf, str_of(piece, sizeof(piece)));
            buf_printf(&buf, "%.*s", 100, piece);
            whole += buf.failed ? 0 : 400;
        }
        assert_true(buf.failed == (whole < 2400));
        assert_true(buf.len >= whole);
        for (size_t i = 0; i < buf.len; i++)
            assert_int_equal(buf.ptr[i], 'x');
        buf_fini(&buf);
    }
    assert_true(n > 3);         /* the failures did happen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_a_valid_buffer),
        cmocka_unit_test(what_is_appended_is_there_in_order),
        cmocka_unit_test(every_number_has_its_digits),
        cmocka_unit_test(it_grows_by_doubling_to_its_ceiling),
        cmocka_unit_test(a_ceiling_below_the_first_growth_holds),
        cmocka_unit_test(printf_fills_it_to_the_last_byte),
        cmocka_unit_test(a_failure_sticks_until_the_reset),
        cmocka_unit_test(a_size_that_wraps_around_is_refused),
        cmocka_unit_test(consumed_bytes_leave_at_the_front),
        cmocka_unit_test(it_may_be_used_again_after_fini),
        cmocka_unit_test(without_memory_what_was_there_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
