/* What server/multipart and range_coalesce promise about several pieces in one answer. */
#include "server/multipart.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/promise.h"
#include "tests/support/scripted.h"

/* RFC 9110 §15.3.7.2 */
/* clang-format off */
static const struct coalesce_case {
    const char *promise;
    struct span before[4];
    struct span after[4];
} coalesces[] = {
    {"pieces far apart stay as asked",    {{500, 10}, {0, 10}},             {{500, 10}, {0, 10}}},
    {"an overlap becomes one",            {{0, 10}, {5, 10}},               {{0, 15}}},
    {"what touches becomes one",          {{0, 10}, {10, 10}},              {{0, 20}}},
    {"a small gap is sent along",         {{0, 10}, {50, 10}},              {{0, 60}}},
    {"a gap worth leaving out is left",   {{0, 10}, {10 + RANGE_GAP_MAX, 1}},
                                          {{0, 10}, {10 + RANGE_GAP_MAX, 1}}},
    {"one inside another is not sent twice", {{0, 100}, {10, 10}},          {{0, 100}}},
    {"the order does not matter",         {{300, 10}, {0, 10}, {305, 50}},  {{300, 55}, {0, 10}}},
    {"a span that joins two joins all",   {{0, 10}, {1000, 10}, {5, 1000}}, {{0, 1010}}},
    {"the same bytes four times are one", {{7, 3}, {7, 3}, {7, 3}, {7, 3}}, {{7, 3}}},
};
/* clang-format on */

static void spans_are_coalesced(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(coalesces); i++) {
        const struct coalesce_case *c = &coalesces[i];
        struct range_set            set = {.count = 0};

        while (set.count < 4 && c->before[set.count].length) {
            set.spans[set.count] = c->before[set.count];
            set.count++;
        }
        range_coalesce(&set);
        for (size_t j = 0; j < set.count; j++) {
            PROMISED_NUMBER(c->promise, set.spans[j].first, c->after[j].first);
            PROMISED_NUMBER(c->promise, set.spans[j].length, c->after[j].length);
        }
        PROMISED(c->promise, set.count == 4 || c->after[set.count].length == 0);
    }
}

static const char       text[] = "abcdefghijklmnopqrstuvwxyz";
static struct range_set two = {.spans = {{0, 3}, {20, 6}}, .count = 2};

static void expect_body(struct buf *out, const struct multipart *multipart)
{
    buf_printf(out,
               "\r\n--%.24s\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/26\r\n\r\nabc"
               "\r\n--%.24s\r\nContent-Type: text/plain\r\nContent-Range: bytes 20-25/26\r\n\r\n"
               "uvwxyz\r\n--%.24s--\r\n",
               multipart->boundary, multipart->boundary, multipart->boundary);
}

/* RFC 9110 §14.6; and the length told is the length sent, wherever writing was interrupted. */
static void parts_are_sent_between_boundaries(void **state)
{
    (void)state;
    for (size_t step = 1; step < 200; step += 7) {
        struct arena     arena = ARENA_UP_TO(65536);
        struct scripted  peer = {.is_shut = false};
        struct transport transport = scripted_open(&peer);
        struct multipart multipart;
        struct writer    writer = {.head = STR("head;"), .base = text, .fd = -1};
        struct buf       expected = BUF_UP_TO(4096);
        enum written     written;

        assert_true(multipart_make(&arena, &two, STR("Content-Type: text/plain\r\n"), 26,
                                   &multipart));
        writer.parts = multipart.parts;
        writer.parts_left = multipart.count;
        do {
            size_t budget = step;

            written = writer_step(&writer, &transport, &budget);
        } while (written == WRITTEN_SOME);
        assert_int_equal(written, WRITTEN_ALL);
        buf_append(&expected, STR("head;"));
        expect_body(&expected, &multipart);
        assert_true(str_equal(buf_view(&peer.written), buf_view(&expected)));
        assert_int_equal(writer.body_sent, multipart.length);
        assert_int_equal(multipart.length, expected.len - 5);
        buf_fini(&expected);
        scripted_fini(&peer);
        arena_fini(&arena);
    }
}

static void each_answer_has_a_boundary_of_its_own(void **state)
{
    struct arena     arena = ARENA_UP_TO(65536);
    struct multipart a, b;

    (void)state;
    assert_true(multipart_make(&arena, &two, STR("Content-Type: a/b\r\n"), 26, &a));
    assert_true(multipart_make(&arena, &two, STR("Content-Type: a/b\r\n"), 26, &b));
    assert_memory_not_equal(a.boundary, b.boundary, BOUNDARY_BYTES);
    arena_fini(&arena);
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    for (size_t n = 1; alloc_fail_next(n); n++) {
        struct arena     arena = ARENA_UP_TO(65536);
        struct multipart multipart;
        bool             ok;

        ok = multipart_make(&arena, &two, STR("Content-Type: a/b\r\n"), 26, &multipart);
        assert_int_equal(ok, n > 1);
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_coalesced),
        cmocka_unit_test(parts_are_sent_between_boundaries),
        cmocka_unit_test(each_answer_has_a_boundary_of_its_own),
        cmocka_unit_test(without_memory_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
