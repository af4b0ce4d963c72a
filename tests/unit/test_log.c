/* What base/log promises: one line per message, and a reader who is slow costs lines, not time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/support/tight.h"

enum {
    PROMPT_MS = 3000,           /* what never waits is done by then, on a busy machine, too */
    STUCK_MS = 100,
};

/* stdout and stderr lead into pipes during a test, and back to cmocka after it. */
struct ends {
    int      saved[2];
    int      readers[2];
    uint64_t lost_before;
};

static void lead_into_pipe(struct ends *ends, int fd)
{
    int both[2];

    assert_int_equal(pipe2(both, O_CLOEXEC), 0);
    dup2(both[1], fd);
    close(both[1]);
    ends->readers[fd - 1] = both[0];
}

static int lead_away(void **state)
{
    static struct ends ends;

    fflush(stdout);
    for (int fd = 1; fd <= 2; fd++) {
        ends.saved[fd - 1] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        lead_into_pipe(&ends, fd);
    }
    ends.lost_before = log_lost();
    *state = &ends;
    return 0;
}

static int lead_back(void **state)
{
    struct ends *ends = *state;

    log_stop(0);
    log_set_level(LOG_INFO);
    for (int fd = 1; fd <= 2; fd++) {
        dup2(ends->saved[fd - 1], fd);
        close(ends->saved[fd - 1]);
        if (ends->readers[fd - 1] != -1)
            close(ends->readers[fd - 1]);
    }
    return 0;
}

static uint64_t lost_since(const struct ends *ends)
{
    return log_lost() - ends->lost_before;
}

static void read_more(int fd, struct buf *text)
{
    char room[4096];
    ssize_t len = read(fd, room, sizeof(room));

    if (len > 0)
        buf_append(text, str_of(room, (size_t)len));
    assert_false(text->failed);
}

static bool has_more(int fd, int wait_ms)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};

    return poll(&waiting, 1, wait_ms) > 0 && (waiting.revents & POLLIN);
}

/* What is there, and what still comes within a moment. */
static struct buf read_all(int fd, int wait_ms)
{
    struct buf text = BUF_UP_TO(8 << 20);

    while (has_more(fd, wait_ms))
        read_more(fd, &text);
    return text;
}

static bool contains(const struct buf *text, const char *words)
{
    return text->len && memmem(text->ptr, text->len, words, strlen(words));
}

static void assert_said(int fd, const char *words)
{
    struct buf text = BUF_UP_TO(1 << 20);
    int64_t until_us = clock_us() + PROMPT_MS * 1000;

    while (!contains(&text, words) && clock_us() < until_us)
        if (has_more(fd, 50))
            read_more(fd, &text);
    if (!contains(&text, words))
        fail_msg("`%s` was not said, but `%.*s`", words, STR_ARG(buf_view(&text)));
    buf_fini(&text);
}

static void print_number(unsigned number)
{
    char line[80];
    int len = snprintf(line, sizeof(line), "line %08u of no particular interest to anyone\n", number);
    struct tight_str tight = tight_bytes(line, (size_t)len);

    log_print(tight.view);
    tight_str_free(&tight);
}

/* Every line whole, numbers only going up.  Gives how many there are. */
static uint64_t count_numbers(const struct buf *text)
{
    struct str rest = buf_view(text), line;
    uint64_t count = 0, number, last = 0;

    assert_true(rest.len == 0 || rest.ptr[rest.len - 1] == '\n');
    rest.len -= rest.len > 0;
    for (; str_split(&rest, '\n', &line); count++) {
        assert_int_equal(line.len, strlen("line 00000000 of no particular interest to anyone"));
        assert_true(str_starts(line, STR("line ")));
        assert_true(str_ends(line, STR(" of no particular interest to anyone")));
        assert_true(str_to_u64(str_of(line.ptr + 5, 8), &number));
        assert_true(count == 0 || number > last);
        last = number;
    }
    return count;
}

static int64_t ms_of_printing(unsigned count)
{
    int64_t began_us = clock_us();

    for (unsigned i = 0; i < count; i++)
        print_number(i);
    return (clock_us() - began_us) / 1000;
}

static int64_t ms_of_stopping(int64_t within_ms)
{
    int64_t began_us = clock_us();

    log_stop(within_ms);
    return (clock_us() - began_us) / 1000;
}

/* ---- words ---- */

static void levels_have_names_and_an_order(void **state)
{
    (void)state;
    assert_string_equal(log_level_name(LOG_ERROR), "error");
    assert_string_equal(log_level_name(LOG_DEBUG), "debug");
    assert_true(log_wants(LOG_ERROR) && log_wants(LOG_INFO) && !log_wants(LOG_DEBUG));
    log_set_level(LOG_WARN);
    assert_true(log_wants(LOG_WARN) && !log_wants(LOG_INFO));
    log_set_level(LOG_INFO);
}

static const struct escape_case {
    const char *promise;
    struct str  given;
    const char *escaped;
} escapes[] = {
    {"printable ASCII stays",           {"GET /a~ b!", 10},     "GET /a~ b!"},
    {"nothing is nothing",              {"", 0},                ""},
    {"absent is nothing",               {NULL, 0},              ""},
    {"a quote cannot end the value",    {"a\"b", 3},            "a\\\"b"},
    {"a backslash is one",              {"\\x41", 4},           "\\\\x41"},
    {"a line break cannot forge a line",{"a\r\nb", 4},          "a\\x0d\\x0ab"},
    {"NUL is seen",                     {"a\0b", 3},            "a\\x00b"},
    {"a terminal is not told anything", {"\x1b[2J\x7f", 5},     "\\x1b[2J\\x7f"},
    {"bytes from 0x80 are numbers",     {"\xc3\xa4\xff", 3},    "\\xc3\\xa4\\xff"},
};

static void what_peers_send_is_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(escapes); i++) {
        const struct escape_case *c = &escapes[i];
        struct tight_str given = tight_bytes(c->given.ptr, c->given.len);
        struct buf buf = BUF_UP_TO(100);

        log_escape(&buf, given.view);
        if (!str_equal(buf_view(&buf), str_view(c->escaped)))
            fail_msg("not kept: %s", c->promise);
        if (strcmp(LOG_QUOTE(given.view), c->escaped) != 0)
            fail_msg("not kept in log_quote: %s", c->promise);
        buf_fini(&buf);
        tight_str_free(&given);
    }
}

static const struct quote_case {
    const char *promise;
    size_t      size;
    const char *given;
    const char *quoted;
} quotes[] = {
    {"it may fill the room to the terminator", 5, "abcd",       "abcd"},
    {"one more is cut off",                    5, "abcde",      "a..."},
    {"the smallest room has place for dots",   4, "abcd",       "..."},
    {"and for three bytes",                    4, "abc",        "abc"},
    {"an escape is not cut in two",            8, "abc\n\n",    "abc..."},
    {"nor when it stands before the dots",     8, "a\n\n\n",    "a..."},
    {"an escape may be the last that fits",    9, "\n\n",       "\\x0a\\x0a"},
};

static void a_quote_fits_its_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(quotes); i++) {
        const struct quote_case *c = &quotes[i];
        char *room = malloc(c->size);
        struct tight_str given = tight_str(c->given);

        assert_non_null(room);
        assert_ptr_equal(log_quote(room, c->size, given.view), room);
        if (strcmp(room, c->quoted) != 0)
            fail_msg("not kept: %s: `%s`", c->promise, room);
        free(room);
        tight_str_free(&given);
    }
}

/* ---- messages ---- */

/* `2026-11-21T08:30:00Z error what key=value` */
static void assert_message(struct str line, const char *after_time)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ ";

    assert_true(line.len >= sizeof(form) - 1);
    for (size_t i = 0; i < sizeof(form) - 1; i++)
        assert_true(form[i] == 'd' ? line.ptr[i] >= '0' && line.ptr[i] <= '9'
                                   : line.ptr[i] == form[i]);
    assert_true(str_equal(str_from(line, sizeof(form) - 1), str_view(after_time)));
}

static void a_message_before_the_start_goes_straight_to_stderr(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    log_error("cannot open", "path=\"%s\" mode=%04o", "/a b", 0600u);
    text = read_all(ends->readers[1], 0);
    assert_message(buf_view(&text), "error cannot open path=\"/a b\" mode=0600\n");
    buf_fini(&text);
}

static void a_line_before_the_start_goes_straight_to_stdout(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    log_print(STR("one\ntwo\n"));
    text = read_all(ends->readers[0], 0);
    assert_true(str_equal(buf_view(&text), STR("one\ntwo\n")));
    buf_fini(&text);
}

static void a_message_may_have_no_pairs(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    log_info("ready", "");
    text = read_all(ends->readers[1], 0);
    assert_message(buf_view(&text), "info ready\n");
    buf_fini(&text);
}

static void a_message_of_no_interest_is_dropped(void **state)
{
    struct ends *ends = *state;

    log_debug("detail", "n=%d", 1);
    log_set_level(LOG_ERROR);
    log_warn("warning", "");
    assert_false(has_more(ends->readers[1], 0));
}

static void errno_may_be_said_and_stays(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    errno = EACCES;
    log_error("cannot open", "errno=\"%m\"");
    assert_int_equal(errno, EACCES);
    text = read_all(ends->readers[1], 0);
    assert_message(buf_view(&text), "error cannot open errno=\"Permission denied\"\n");
    buf_fini(&text);
}

static void a_value_that_was_not_quoted_is_still_one_line(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    log_warn("careless", "name=%s", "a\n2026-11-21T08:30:00Z error forged\x7f");
    text = read_all(ends->readers[1], 0);
    assert_message(buf_view(&text), "warn careless name=a?2026-11-21T08:30:00Z error forged?\n");
    buf_fini(&text);
}

static void a_message_too_long_is_cut_and_still_a_line(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    log_warn("long", "name=%05000d", 7);
    text = read_all(ends->readers[1], 0);
    assert_int_equal(text.len, PIPE_BUF);
    assert_true(str_ends(buf_view(&text), STR("000...\n")));
    buf_fini(&text);
}

/* ---- the thread ---- */

static void lines_come_in_order(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    assert_true(log_start());
    ms_of_printing(1000);
    log_stop(PROMPT_MS);
    text = read_all(ends->readers[0], 0);
    assert_int_equal(count_numbers(&text), 1000);
    assert_int_equal(lost_since(ends), 0);
    buf_fini(&text);
}

static void one_line_arrives_without_being_pushed(void **state)
{
    struct ends *ends = *state;

    assert_true(log_start());
    for (int i = 0; i < 5; i++) {
        log_print(STR("hello\n"));
        assert_said(ends->readers[0], "hello\n");
        log_info("hello", "");
        assert_said(ends->readers[1], " info hello\n");
    }
}

static void it_starts_again_after_a_stop(void **state)
{
    struct ends *ends = *state;

    for (int i = 0; i < 3; i++) {
        assert_true(log_start());
        log_print(STR("hello\n"));
        log_stop(PROMPT_MS);
        log_stop(PROMPT_MS);
        assert_said(ends->readers[0], "hello\n");
    }
}

static size_t count_threads(void)
{
    DIR   *tasks = opendir("/proc/self/task");
    size_t count = 0;

    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks));)
        count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* A program starts it, and each server in it does. */
static void it_lives_until_the_last_stop(void **state)
{
    struct ends *ends = *state;
    size_t before = count_threads();

    assert_true(log_start());
    assert_true(log_start());
    assert_int_equal(count_threads(), before + 1);
    log_stop(PROMPT_MS);
    assert_int_equal(count_threads(), before + 1);
    log_print(STR("hello\n"));
    assert_said(ends->readers[0], "hello\n");
    log_stop(PROMPT_MS);
    assert_int_equal(count_threads(), before);
}

static void the_inherited_descriptors_stay_blocking(void **state)
{
    (void)state;
    assert_true(log_start());
    log_print(STR("hello\n"));
    log_info("hello", "");
    log_stop(PROMPT_MS);
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

static void a_line_without_its_end_is_lost(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    assert_true(log_start());
    log_print(STR("whole\nhalf"));
    log_print(STR_NONE);
    log_print(STR("whole\n"));
    log_stop(PROMPT_MS);
    text = read_all(ends->readers[0], 0);
    assert_true(str_equal(buf_view(&text), STR("whole\nwhole\n")));
    assert_int_equal(lost_since(ends), 1);
    buf_fini(&text);
}

enum { PRINTERS = 4, EACH_PRINTS = 5000 };

static void *print_many(void *name)
{
    char line[32];

    for (int i = 0; i < EACH_PRINTS; i++) {
        int len = snprintf(line, sizeof(line), "%s %d\n", (const char *)name, i);

        log_print(str_of(line, (size_t)len));
        if (i % 1000 == 0)
            log_info("counting", "i=%d", i);
    }
    return NULL;
}

static void assert_each_printer_in_order(struct str text)
{
    uint64_t next[PRINTERS] = {0}, number;
    struct str line;

    text.len -= text.len > 0;
    while (str_split(&text, '\n', &line)) {
        size_t who = (size_t)(line.ptr[0] - 'a');

        assert_true(who < PRINTERS && str_to_u64(str_from(line, 2), &number));
        assert_true(number == next[who]++);
    }
    for (size_t i = 0; i < PRINTERS; i++)
        assert_int_equal(next[i], EACH_PRINTS);
}

static void many_threads_print_each_in_its_order(void **state)
{
    static const char *const names[PRINTERS] = {"a", "b", "c", "d"};
    struct ends *ends = *state;
    pthread_t printers[PRINTERS];
    struct buf text;

    assert_true(log_start());
    for (size_t i = 0; i < PRINTERS; i++)
        pthread_create(&printers[i], NULL, print_many, (void *)names[i]);
    text = read_all(ends->readers[0], 500);
    for (size_t i = 0; i < PRINTERS; i++)
        pthread_join(printers[i], NULL);
    assert_each_printer_in_order(buf_view(&text));
    assert_int_equal(lost_since(ends), 0);
    buf_fini(&text);
}

/* ---- readers who are slow, stuck, or gone ---- */

enum { TOO_MANY = 62000 };      /* lines; 3 MiB, when the ring and the pipe hold little above 1 */

static void a_reader_who_is_stuck_costs_lines_and_no_time(void **state)
{
    struct ends *ends = *state;
    struct buf text;
    char told[100];

    assert_true(log_start());
    assert_in_range(ms_of_printing(TOO_MANY), 0, PROMPT_MS);
    assert_in_range(lost_since(ends), TOO_MANY / 3, TOO_MANY - 1);
    snprintf(told, sizeof(told), "Z warn %llu log lines were lost because the reader was too slow\n",
             (unsigned long long)lost_since(ends));

    text = read_all(ends->readers[0], 500);
    assert_int_equal(count_numbers(&text) + lost_since(ends), TOO_MANY);
    assert_said(ends->readers[1], told);
    buf_fini(&text);
}

static void of_many_lines_at_once_the_first_fit(void **state)
{
    struct ends *ends = *state;
    struct buf lines = BUF_UP_TO(4 << 20), text;

    for (unsigned i = 0; i < TOO_MANY; i++)
        buf_printf(&lines, "line %08u of no particular interest to anyone\n", i);
    assert_true(log_start());
    log_print(buf_view(&lines));
    text = read_all(ends->readers[0], 500);
    assert_int_equal(count_numbers(&text) + lost_since(ends), TOO_MANY);
    assert_memory_equal(text.ptr, lines.ptr, text.len);
    buf_fini(&text);
    buf_fini(&lines);
}

static void a_line_longer_than_a_pipe_takes_arrives_whole(void **state)
{
    struct ends *ends = *state;
    struct buf line = BUF_UP_TO(100000), text;

    for (unsigned i = 0; line.len < 50000; i++)
        buf_printf(&line, "%u,", i);
    buf_append_byte(&line, '\n');
    assert_true(log_start());
    log_print(buf_view(&line));
    log_print(buf_view(&line));
    text = read_all(ends->readers[0], 500);
    assert_int_equal(text.len, 2 * line.len);
    assert_memory_equal(text.ptr, line.ptr, line.len);
    assert_memory_equal(text.ptr + line.len, line.ptr, line.len);
    buf_fini(&text);
    buf_fini(&line);
}

static void errors_go_on_while_stdout_is_stuck(void **state)
{
    struct ends *ends = *state;

    assert_true(log_start());
    ms_of_printing(TOO_MANY);
    for (int i = 0; i < 5; i++) {
        log_error("still here", "i=%d", i);
        assert_said(ends->readers[1], "Z error still here i=");
    }
}

static void a_stop_is_bounded_when_stdout_is_stuck(void **state)
{
    struct ends *ends = *state;
    struct buf text;

    assert_true(log_start());
    ms_of_printing(TOO_MANY);
    assert_in_range(ms_of_stopping(STUCK_MS), STUCK_MS - 10, PROMPT_MS);
    assert_said(ends->readers[1], "log lines were lost because the reader was too slow\n");
    text = read_all(ends->readers[0], 0);
    assert_int_equal(count_numbers(&text) + lost_since(ends), TOO_MANY);
    buf_fini(&text);
}

static void a_stop_is_bounded_when_both_are_stuck(void **state)
{
    (void)state;
    assert_true(log_start());
    ms_of_printing(TOO_MANY);
    for (int i = 0; i < 5000; i++)
        log_error("nobody reads this either, and it is not short", "i=%d", i);
    assert_in_range(ms_of_stopping(STUCK_MS), STUCK_MS - 10, PROMPT_MS);
    assert_in_range(ms_of_stopping(STUCK_MS), 0, STUCK_MS);
}

/* As in `wherry 2>&1 | less`. */
static void both_may_be_one_pipe_that_is_stuck(void **state)
{
    (void)state;
    dup2(STDOUT_FILENO, STDERR_FILENO);
    assert_true(log_start());
    for (unsigned i = 0; i < 20000; i++) {
        print_number(i);
        log_error("the same pipe", "i=%u", i);
    }
    assert_in_range(ms_of_stopping(STUCK_MS), STUCK_MS - 10, PROMPT_MS);
    assert_true(log_start());
}

static void a_stop_with_nothing_waiting_is_prompt(void **state)
{
    (void)state;
    assert_true(log_start());
    assert_in_range(ms_of_stopping(3600 * 1000), 0, PROMPT_MS);
}

static void a_reader_who_left_is_no_trouble(void **state)
{
    struct ends *ends = *state;

    assert_true(log_start());
    close(ends->readers[0]);
    ends->readers[0] = -1;
    for (unsigned i = 0; i < 1000; i++)
        print_number(i);
    log_error("still here", "");
    assert_said(ends->readers[1], "Z error still here\n");
    log_stop(PROMPT_MS);
    assert_int_equal(lost_since(ends), 0);
}

static void a_closed_stdout_does_not_become_someone_elses_file(void **state)
{
    struct ends *ends = *state;
    int both[2];

    close(STDOUT_FILENO);
    assert_true(log_start());
    assert_int_equal(pipe2(both, O_CLOEXEC), 0);
    close(both[0]);
    close(both[1]);
    assert_true(both[0] > 2 && both[1] > 2);
    log_print(STR("nobody hears\n"));
    log_error("still here", "");
    assert_said(ends->readers[1], "Z error still here\n");
    log_stop(PROMPT_MS);
    assert_int_equal(lost_since(ends), 0);
}

static void both_may_be_closed(void **state)
{
    (void)state;
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    assert_true(log_start());
    log_print(STR("nobody\n"));
    log_error("hears", "");
    log_stop(PROMPT_MS);
}

static void a_full_disk_is_said_once(void **state)
{
    struct ends *ends = *state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(full != -1);
    dup2(full, STDOUT_FILENO);
    close(full);
    assert_true(log_start());
    log_print(STR("no room\nfor this\n"));
    assert_said(ends->readers[1],
                "Z error cannot write to stdout errno=\"No space left on device\"\n");
    log_print(STR("nor this\n"));
    log_stop(PROMPT_MS);
    assert_false(has_more(ends->readers[1], 0));
    assert_int_equal(lost_since(ends), 3);
}

static void both_may_be_a_full_disk(void **state)
{
    struct ends *ends = *state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(full != -1);
    dup2(full, STDOUT_FILENO);
    dup2(full, STDERR_FILENO);
    close(full);
    assert_true(log_start());
    log_print(STR("no room\n"));
    log_error("no room", "");
    log_stop(PROMPT_MS);
    assert_in_range(lost_since(ends), 2, 3);
}

static void a_file_takes_everything(void **state)
{
    char path[] = "/tmp/wherry-test-log-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    struct buf text = BUF_UP_TO(1 << 20);

    (void)state;
    assert_true(file != -1);
    unlink(path);
    dup2(file, STDOUT_FILENO);
    assert_true(log_start());
    ms_of_printing(10000);
    log_stop(PROMPT_MS);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    for (size_t before = 1; before != text.len;) {
        before = text.len;
        read_more(file, &text);
    }
    close(file);
    assert_int_equal(count_numbers(&text), 10000);
    buf_fini(&text);
}

/* The thread may hang in its write, and is left behind then: this one comes last. */
static void a_stop_is_bounded_when_the_terminal_is_stopped(void **state)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), its_end;

    (void)state;
    if (terminal == -1)
        skip();
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    its_end = open(ptsname(terminal), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    assert_true(its_end != -1);
    dup2(its_end, STDOUT_FILENO);
    close(its_end);
    assert_true(log_start());
    ms_of_printing(TOO_MANY);
    assert_in_range(ms_of_stopping(STUCK_MS), STUCK_MS - 10, PROMPT_MS);
    close(terminal);
}

#define with_pipes(test) cmocka_unit_test_setup_teardown(test, lead_away, lead_back)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_names_and_an_order),
        cmocka_unit_test(what_peers_send_is_escaped),
        cmocka_unit_test(a_quote_fits_its_room),
        with_pipes(a_message_before_the_start_goes_straight_to_stderr),
        with_pipes(a_line_before_the_start_goes_straight_to_stdout),
        with_pipes(a_message_may_have_no_pairs),
        with_pipes(a_message_of_no_interest_is_dropped),
        with_pipes(errno_may_be_said_and_stays),
        with_pipes(a_value_that_was_not_quoted_is_still_one_line),
        with_pipes(a_message_too_long_is_cut_and_still_a_line),
        with_pipes(lines_come_in_order),
        with_pipes(one_line_arrives_without_being_pushed),
        with_pipes(it_starts_again_after_a_stop),
        with_pipes(it_lives_until_the_last_stop),
        with_pipes(the_inherited_descriptors_stay_blocking),
        with_pipes(a_line_without_its_end_is_lost),
        with_pipes(many_threads_print_each_in_its_order),
        with_pipes(a_reader_who_is_stuck_costs_lines_and_no_time),
        with_pipes(of_many_lines_at_once_the_first_fit),
        with_pipes(a_line_longer_than_a_pipe_takes_arrives_whole),
        with_pipes(errors_go_on_while_stdout_is_stuck),
        with_pipes(a_stop_is_bounded_when_stdout_is_stuck),
        with_pipes(a_stop_is_bounded_when_both_are_stuck),
        with_pipes(both_may_be_one_pipe_that_is_stuck),
        with_pipes(a_stop_with_nothing_waiting_is_prompt),
        with_pipes(a_reader_who_left_is_no_trouble),
        with_pipes(a_closed_stdout_does_not_become_someone_elses_file),
        with_pipes(both_may_be_closed),
        with_pipes(a_full_disk_is_said_once),
        with_pipes(both_may_be_a_full_disk),
        with_pipes(a_file_takes_everything),
        with_pipes(a_stop_is_bounded_when_the_terminal_is_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
