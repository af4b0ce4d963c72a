/* What server/writer promises about how an answer becomes bytes. */
#include "server/writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/promise.h"
#include "tests/support/scripted.h"

enum { STEPS_MAX = 6, ALL = 1 << 20, FILE_BYTES = 1000 };

static bool is_intact(void *owner)
{
    return *(bool *)owner;
}

/* A file of FILE_BYTES bytes, "0123456789" over and over, without a name. */
static int open_digits(void)
{
    char path[] = "/tmp/wherry-writer-XXXXXX";
    int  fd = mkostemp(path, O_CLOEXEC);

    assert_int_not_equal(fd, -1);
    unlink(path);
    for (int i = 0; i < FILE_BYTES / 10; i++)
        assert_int_equal(write(fd, "0123456789", 10), 10);
    return fd;
}

static struct script script_of_steps(const struct script_step steps[STEPS_MAX])
{
    size_t count = 0;

    while (count < STEPS_MAX && (steps[count].what || steps[count].count))
        count++;
    return (struct script){.steps = steps, .count = count};
}

#define TAKES(n) {SCRIPT_TAKE, NULL, (n)}
#define BLOCKS   {SCRIPT_BLOCK, NULL, 0}
#define FAILS    {SCRIPT_FAIL, NULL, 0}

/* ---- from memory ---------------------------------------------------------------------- */

/* clang-format off */
static const struct memory_case {
    const char        *promise;
    const char        *head, *body;
    size_t             budget;
    struct script_step writes[STEPS_MAX];
    enum written       outcome;
    const char        *written;
    unsigned           calls;
    uint64_t           body_sent;
    size_t             budget_left;
} memories[] = {
    {"a small answer leaves in one call",   "head;", "body", ALL, {{0}},
     WRITTEN_ALL,     "head;body", 1, 4, ALL - 9},
    {"a head alone needs no body",          "head;", NULL,   ALL, {{0}},
     WRITTEN_ALL,     "head;",     1, 0, ALL - 5},
    {"a part of the head",                  "head;", "body", ALL, {TAKES(2), BLOCKS},
     WRITTEN_BLOCKED, "he",        2, 0, ALL - 2},
    {"the head and no more",                "head;", "body", ALL, {TAKES(5), BLOCKS},
     WRITTEN_BLOCKED, "head;",     2, 0, ALL - 5},
    {"the head and a part of the body",     "head;", "body", ALL, {TAKES(7), BLOCKS},
     WRITTEN_BLOCKED, "head;bo",   2, 2, ALL - 7},
    {"piece by piece",                      "head;", "body", ALL, {TAKES(1), TAKES(3), TAKES(2), TAKES(1)},
     WRITTEN_ALL,     "head;body", 5, 4, ALL - 9},
    {"blocked at once",                     "head;", "body", ALL, {BLOCKS},
     WRITTEN_BLOCKED, "",          1, 0, ALL},
    {"a peer that is gone",                 "head;", "body", ALL, {TAKES(6), FAILS},
     WRITTEN_GONE,    "head;b",    2, 1, ALL - 6},
    {"a budget is passed a little, not broken off", "head;", "body", 6, {{0}},
     WRITTEN_ALL,     "head;body", 1, 4, 0},
    {"a budget that is used up ends the turn", "head;", "body", 6, {TAKES(7)},
     WRITTEN_SOME,    "head;bo",   1, 2, 0},
    {"no budget, no byte",                  "head;", "body", 0, {{0}},
     WRITTEN_SOME,    "",          0, 0, 0},
};
/* clang-format on */

static void memory_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(memories); i++) {
        const struct memory_case *c = &memories[i];
        struct scripted           peer = {.writes = script_of_steps(c->writes)};
        struct transport          transport = scripted_open(&peer);
        struct tight_str          head = tight_str(c->head), body = tight_str(c->body);
        struct writer             writer = {.head = head.view, .bytes = body.view, .fd = -1};
        size_t                    budget = c->budget;

        PROMISED_NUMBER(c->promise, writer_step(&writer, &transport, &budget), c->outcome);
        PROMISED_STR(c->promise, buf_view(&peer.written), c->written);
        PROMISED_NUMBER(c->promise, peer.write_calls, c->calls);
        PROMISED_NUMBER(c->promise, writer.body_sent, c->body_sent);
        PROMISED_NUMBER(c->promise, budget, c->budget_left);
        tight_str_free(&head);
        tight_str_free(&body);
        scripted_fini(&peer);
    }
}

/* Wherever it is interrupted, the bytes are the same. */
static void memory_is_whole_wherever_it_was_cut(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 9; cut++) {
        const struct script_step writes[] = {TAKES(cut), BLOCKS, TAKES(1), BLOCKS};
        struct scripted          peer = {.writes = SCRIPT_OF(writes)};
        struct transport         transport = scripted_open(&peer);
        struct writer            writer = {.head = STR("head;"), .bytes = STR("body"), .fd = -1};
        size_t                   budget = ALL;
        enum written             written;

        while ((written = writer_step(&writer, &transport, &budget)) == WRITTEN_BLOCKED)
            ;
        assert_int_equal(written, WRITTEN_ALL);
        assert_true(str_equal(buf_view(&peer.written), STR("head;body")));
        assert_int_equal(writer.body_sent, 4);
        scripted_fini(&peer);
    }
}

/* ---- from a file ---------------------------------------------------------------------- */

/* clang-format off */
static const struct file_case {
    const char        *promise;
    uint64_t           offset, left;
    size_t             budget;
    bool               intact;
    struct script_step writes[STEPS_MAX];
    enum written       outcome;
    uint64_t           sent;            /* of the file */
} files[] = {
    {"a file leaves behind its head",         0,  1000, ALL, true,  {{0}},              WRITTEN_ALL,     1000},
    {"a piece of it is that piece",           15, 20,   ALL, true,  {{0}},              WRITTEN_ALL,     20},
    {"its last byte",                         999, 1,   ALL, true,  {{0}},              WRITTEN_ALL,     1},
    {"a budget ends the turn",                0,  1000, 105, true,  {{0}},              WRITTEN_SOME,    100},
    {"a budget that is just enough does not", 0,  1000, 1005, true, {{0}},              WRITTEN_ALL,     1000},
    {"a slow peer",                           0,  1000, ALL, true,  {TAKES(5), TAKES(30), BLOCKS},
                                                                                        WRITTEN_BLOCKED, 30},
    {"a peer that is gone",                   0,  1000, ALL, true,  {TAKES(5), TAKES(30), FAILS},
                                                                                        WRITTEN_GONE,    30},
    {"a file that became shorter is cut",     900, 200, ALL, true,  {{0}},              WRITTEN_CUT,     100},
    {"one that begins behind its end, too",   2000, 9,  ALL, true,  {{0}},              WRITTEN_CUT,     0},
    {"a changed one is not finished",         0,  1000, ALL, false, {{0}},              WRITTEN_CUT,     0},
    {"but is not looked at before the last piece", 0, 1000, 105, false, {{0}},          WRITTEN_SOME,    100},
};
/* clang-format on */

static void a_file_is_sent(void **state)
{
    int fd = open_digits();

    (void)state;
    for (size_t i = 0; i < COUNTOF(files); i++) {
        const struct file_case *c = &files[i];
        struct scripted         peer = {.writes = script_of_steps(c->writes)};
        struct transport        transport = scripted_open(&peer);
        bool                    intact = c->intact;
        struct writer           writer = {.head = STR("head;"),
                                          .fd = fd,
                                          .offset = c->offset,
                                          .left = c->left,
                                          .is_intact = is_intact,
                                          .owner = &intact};
        size_t                  budget = c->budget;

        PROMISED_NUMBER(c->promise, writer_step(&writer, &transport, &budget), c->outcome);
        PROMISED_NUMBER(c->promise, writer.body_sent, c->sent);
        PROMISED_NUMBER(c->promise, peer.written.len, 5 + c->sent);
        PROMISED_NUMBER(c->promise, writer.offset, c->offset + c->sent);
        PROMISED_NUMBER(c->promise, writer.left, c->left - c->sent);
        PROMISED_NUMBER(c->promise, budget, c->budget - 5 - c->sent);
        PROMISED(c->promise, peer.said_more);
        for (size_t at = 0; at < c->sent; at++)
            PROMISED(c->promise, peer.written.ptr[5 + at] == (char)('0' + (c->offset + at) % 10));
        scripted_fini(&peer);
    }
    close(fd);
}

static void a_file_that_cannot_be_read_is_cut(void **state)
{
    struct scripted  peer = {.fd = -1};
    struct transport transport = scripted_open(&peer);
    struct writer    writer = {.head = STR("head;"), .fd = -1, .left = 10};
    size_t           budget = ALL;

    (void)state;
    assert_int_equal(writer_step(&writer, &transport, &budget), WRITTEN_CUT);
    scripted_fini(&peer);
}

static void a_head_that_goes_alone_is_not_held_back(void **state)
{
    struct scripted  peer = {.fd = -1};
    struct transport transport = scripted_open(&peer);
    struct writer    writer = {.head = STR("head;"), .fd = -1};
    size_t           budget = ALL;

    (void)state;
    peer.said_more = true;
    assert_int_equal(writer_step(&writer, &transport, &budget), WRITTEN_ALL);
    assert_false(peer.said_more);
    scripted_fini(&peer);
}

static void nothing_left_is_all_written(void **state)
{
    struct scripted  peer = {.fd = -1};
    struct transport transport = scripted_open(&peer);
    struct writer    writer = {.fd = -1};
    size_t           budget = 0;

    (void)state;
    assert_int_equal(writer_step(&writer, &transport, &budget), WRITTEN_ALL);
    assert_int_equal(peer.write_calls, 0);
    scripted_fini(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_written),
        cmocka_unit_test(memory_is_whole_wherever_it_was_cut),
        cmocka_unit_test(a_file_is_sent),
        cmocka_unit_test(a_file_that_cannot_be_read_is_cut),
        cmocka_unit_test(a_head_that_goes_alone_is_not_held_back),
        cmocka_unit_test(nothing_left_is_all_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
