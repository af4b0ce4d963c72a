/* What main/process promises about what the kernel tells of a process. */
#include "main/process.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "tests/support/fault.h"
#include "tests/support/promise.h"

/* ---- rows ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct row_case {
    const char *promise;
    const char *row;
    bool        is_row, is_listening;
    uint16_t    port;
    uint64_t    inode;
} rows[] = {
    {"a socket that listens",
     "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
     "12345 1 0000000000000000 100 0 0 10 0", true, true, 8080, 12345},
    {"a connected one",
     "  17: 0100007F:1F90 0100007F:A2C4 01 00000000:00000000 00:00000000 00000000     0        0 "
     "777 1 0000000000000000 20 4 30 10 -1", true, false, 8080, 777},
    {"one of IPv6",
     "   2: 00000000000000000000000001000000:20FB 00000000000000000000000000000000:0000 0A "
     "00000000:00000000 00:00000000 00000000     0        0 4294967299 1 0000000000000000 100 0 0 "
     "10 0", true, true, 8443, 4294967299},
    {"nothing need follow the inode",
     "0: 00000000:0001 00000000:0000 0A 0:0 0:0 0 0 0 9", true, true, 1, 9},
    {"the first row is none",
     "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
     "inode", false, false, 0, 0},
    {"a row that is cut off is none",
     "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0",
     false, false, 0, 0},
    {"an address without a port is none", "0: 0100007F 0:0 0A 0:0 0:0 0 0 0 9", false, false, 0, 0},
    {"a port has sixteen bits",           "0: 0:1FFFF 0:0 0A 0:0 0:0 0 0 0 9", false, false, 0, 0},
    {"small letters are none of the kernel's", "0: 0:1f90 0:0 0A 0:0 0:0 0 0 0 9", false, false, 0, 0},
    {"nothing is none",                   "",                                   false, false, 0, 0},
    {"nor are blanks",                    "      ",                             false, false, 0, 0},
};
/* clang-format on */

static void rows_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct row_case *c = &rows[i];
        struct tight_str       row = tight_str(c->row);
        struct process_socket  read = {0};

        PROMISED(c->promise, process_read_row(row.view, &read) == c->is_row);
        if (c->is_row) {
            PROMISED(c->promise, read.is_listening == c->is_listening);
            PROMISED_NUMBER(c->promise, read.port, c->port);
            PROMISED_NUMBER(c->promise, read.inode, c->inode);
        }
        tight_str_free(&row);
    }
}

/* ---- words ---------------------------------------------------------------------------- */

static const struct block_case {
    const char *promise;
    const char *block;
    size_t      len;
    const char *words[4];
    size_t      count;
} blocks[] = {
    {"each word has a NUL behind it", "wherry\0--tls\0/a b\0", 18, {"wherry", "--tls", "/a b"}, 3},
    {"an empty word is one", "a\0\0b\0", 5, {"a", "", "b"}, 3},
    {"also at the end", "a\0\0", 3, {"a", ""}, 2},
    {"a last one may have none", "a\0bc", 4, {"a", "bc"}, 2},
    {"nothing has none", "", 0, {NULL}, 0},
};

static void words_are_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(blocks); i++) {
        const struct block_case *c = &blocks[i];
        char                    *block = malloc(c->len + 1), **words;

        assert_non_null(block);
        memcpy(block, c->block, c->len);
        block[c->len] = '\0';
        PROMISED_NUMBER(c->promise, process_count(str_of(block, c->len)), c->count);
        words = calloc(c->count + 1, sizeof *words);
        assert_non_null(words);
        PROMISED_NUMBER(c->promise, process_split(block, c->len, words), c->count);
        PROMISED(c->promise, words[c->count] == NULL);
        for (size_t word = 0; word < c->count; word++)
            PROMISED_STR(c->promise, str_view(words[word]), c->words[word]);
        free(words);
        free(block);
    }
}

/* ---- ourselves, seen as another ------------------------------------------------------- */

static int listen_somewhere(uint16_t *port)
{
    struct address where[ADDRESSES_MAX];
    int            fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(address_resolve(STR("127.0.0.1"), 0, where), 1);
    assert_int_not_equal(fd, -1);
    assert_int_equal(bind(fd, &where[0].any, where[0].len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, &where[0].any, &where[0].len), 0);
    *port = address_port(&where[0]);
    return fd;
}

static void its_words_and_variables_are_read(void **state)
{
    struct process process;
    size_t         count = 0;

    (void)state;
    assert_true(process_open(&process, getpid()));
    assert_int_equal(process.argc, 1);
    assert_true(str_ends(str_view(process.argv[0]), STR("test_process")));
    assert_null(process.argv[1]);
    assert_non_null(process.environment);
    while (process.environment[count])
        count++;
    assert_true(count > 0 && strchr(process.environment[0], '='));
    assert_true(process_follow(&process));
    process_close(&process);
}

static void its_ports_are_in_the_order_of_its_descriptors(void **state)
{
    uint16_t       ports[PROCESS_PORTS_MAX], a, b, c;
    int            first = listen_somewhere(&a), second = listen_somewhere(&b), third;
    struct process process;

    (void)state;
    assert_true(process_open(&process, getpid()));
    assert_int_equal(process_ports(&process, ports), 2);
    assert_int_equal(ports[0], a);
    assert_int_equal(ports[1], b);
    close(first);
    third = listen_somewhere(&c);           /* takes its number */
    assert_int_equal(third, first);
    assert_int_equal(process_ports(&process, ports), 2);
    assert_int_equal(ports[0], c);
    assert_int_equal(ports[1], b);
    close(second);
    close(third);
    assert_int_equal(process_ports(&process, ports), 0);
    process_close(&process);
}

static void a_process_that_has_ended_is_none(void **state)
{
    struct process process;

    (void)state;
    assert_false(process_open(&process, 0x7fffffff));
    process_close(&process);
}

static void nobody_else_runs_this_program(void **state)
{
    pid_t found[4];

    (void)state;
    assert_int_equal(process_find_others(found, COUNTOF(found)), 0);
}

/* Whatever fails, it says so or knows less; it neither crashes nor keeps anything. */
static void every_call_may_fail(void **state)
{
    static const struct fault {
        enum fault_call call;
        int             error;
    } faults[] = {{FAULT_ALLOCATION, ENOMEM}, {FAULT_OPEN, EACCES}, {FAULT_READ, EIO},
                  {FAULT_FSTAT, EIO}, {FAULT_READDIR, EIO}, {FAULT_READLINKAT, EACCES}};
    uint16_t ports[PROCESS_PORTS_MAX], port;
    int      fd = listen_somewhere(&port);

    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        for (size_t n = 1; fault_next(n, faults[i].call, faults[i].error); n++) {
            struct process process;

            if (process_open(&process, getpid()))
                assert_true(process_ports(&process, ports) <= 1);
            process_close(&process);
        }
    }
    close(fd);
}

/* The processes of a machine are many, so only the first calls. */
static void a_search_that_fails_finds_nobody(void **state)
{
    static const enum fault_call calls[] = {FAULT_ALLOCATION, FAULT_READDIR, FAULT_OPEN};
    pid_t                        found[4];

    (void)state;
    for (size_t i = 0; i < COUNTOF(calls); i++) {
        for (size_t n = 1; n <= 4; n++) {
            fault_at(n, calls[i], EIO);
            assert_int_equal(process_find_others(found, COUNTOF(found)), 0);
            fault_off();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read),
        cmocka_unit_test(words_are_split),
        cmocka_unit_test(its_words_and_variables_are_read),
        cmocka_unit_test(its_ports_are_in_the_order_of_its_descriptors),
        cmocka_unit_test(a_process_that_has_ended_is_none),
        cmocka_unit_test(nobody_else_runs_this_program),
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(a_search_that_fails_finds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
