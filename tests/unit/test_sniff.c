/* sniff: what bytes are, asked of libmagic. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "site/sniff.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

static int forget(void **state)
{
    (void)state;
    sniff_use_database(NULL);
    return 0;
}

static const struct sniff_case {
    const char *promise;
    struct str  bytes;
    const char *type;
    const char *encoding;
} cases[] = {
    {"a page", STR("<!doctype html><title>x</title>"), "text/html", "us-ascii"},
    {"a text", STR("caf\xc3\xa9 au lait\n"), "text/plain", "utf-8"},
    {"a picture", STR("GIF89a\1\0\1\0\0\0\0;"), "image/gif", "binary"},
    {"a type is told in lower case", STR("%PDF-1.4\n1 0 obj\n"), "application/pdf", "us-ascii"},
    {"WebAssembly", STR("\0asm\1\0\0\0"), "application/wasm", "binary"},
    {"JSON", STR("{\"a\": [1, 2, 3]}"), "application/json", "us-ascii"},
    {"UTF-16", STR("\xff\xfeh\0i\0\n\0"), "text/plain", "utf-16le"},
};

static void bytes_have_a_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str bytes = tight_bytes(cases[i].bytes.ptr, cases[i].bytes.len);
        struct sniffed sniffed;

        assert_true(sniff(bytes.view, &sniffed));
        PROMISED_STR(cases[i].promise, sniffed.type, cases[i].type);
        PROMISED_STR(cases[i].promise, sniffed.encoding, cases[i].encoding);
        tight_str_free(&bytes);
    }
}

static void nothing_is_no_harm(void **state)
{
    struct sniffed sniffed;

    (void)state;
    if (sniff(STR_NONE, &sniffed))
        assert_true(str_starts(sniffed.type, STR("application/")) ||
                    str_starts(sniffed.type, STR("inode/")));
}

/* ---- files made to trouble libmagic ------------------------------------------------ */

/* The worst of ten thousand that a search tried are of this kind; the others trouble the readers
 * that libmagic has for regular expressions, nests, tables and rules that begin again. */
static const struct bait {
    const char *promise;
    const char *head;
    struct str  piece;
} baits[] = {
    {"line breaks", "", STR("\n")},
    {"four at a time", "", STR("\n\n\n\t")},
    {"line breaks with a space", "", STR("\n ")},
    {"line breaks with a return", "", STR("\r\n")},
    {"spaces", "", STR(" ")},
    {"tabs", "", STR("\t")},
    {"braces", "", STR("{")},
    {"brackets", "", STR("[")},
    {"a nest", "", STR("{\"a\":")},
    {"another", "", STR("[1,")},
    {"less-thans", "", STR("<")},
    {"NULs", "", STR("\0")},
    {"ones", "", STR("\xff")},
    {"slashes", "", STR("\\")},
    {"parentheses", "def a", STR("(a")},
    {"what may be Python", "", STR("\nfrom aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
    {"what may be C", "", STR("\n#include ")},
    {"what may be mail", "", STR("From ")},
    {"what may be a table", "", STR("a,b\n")},
    {"what may be XML", "", STR("<?xml ")},
    {"music that begins again and again", "", STR("ID3\3\0\0\0\0\0\xa")},
    {"a program", "MZ", STR("@\0\0\0PE\0\0")},
    {"an object", "\x7f" "ELF\2\1\1", STR("\0\1")},
    {"a compound file", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", STR("\xff\xff\xff\xfe")},
    {"a film", "", STR("\0\0\0\x18" "ftyp")},
    {"an archive", "", STR("PK\3\4")},
};

static int64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fill(const struct bait *bait, char *bytes, size_t len)
{
    size_t at = strlen(bait->head);

    memcpy(bytes, bait->head, at);
    for (; at < len; at++)
        bytes[at] = bait->piece.ptr[at % bait->piece.len];
}

/* 21 ms is the worst that was measured; a sanitizer and a busy machine have their part too. */
enum { BAIT_BYTES = 4 * SNIFF_BYTES_MAX, MOST_US = 250 * 1000 };

static void no_file_takes_long(void **state)
{
    char *bytes = malloc(BAIT_BYTES);
    struct sniffed sniffed;

    (void)state;
    assert_non_null(bytes);
    (void)!sniff(STR("the database is loaded"), &sniffed);
    for (size_t i = 0; i < COUNTOF(baits); i++) {
        int64_t began = cpu_us(), took;

        fill(&baits[i], bytes, BAIT_BYTES);
        (void)!sniff(str_of(bytes, BAIT_BYTES), &sniffed);
        took = cpu_us() - began;
        print_message("%6lld us  %s\n", (long long)took, baits[i].promise);
        if (took > MOST_US)
            fail_msg("not kept: %s take %lld us", baits[i].promise, (long long)took);
    }
    free(bytes);
}

/* ---- threads ----------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 50 };

static void *sniff_all(void *data)
{
    atomic_uint *wrong = data;

    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct sniff_case *c = &cases[i % COUNTOF(cases)];
        struct sniffed sniffed;

        if (!sniff(c->bytes, &sniffed) || !str_equal(sniffed.type, str_view(c->type)))
            atomic_fetch_add(wrong, 1);
    }
    return NULL;
}

static void more_threads_than_handles(void **state)
{
    pthread_t threads[THREADS];
    atomic_uint wrong = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sniff_all, &wrong), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

/* ---- without a database ------------------------------------------------------------ */

/* What `call` writes to standard error, which is where the log goes. */
static size_t said_while(void (*call)(void), char *said, size_t size)
{
    int kept = dup(STDERR_FILENO), fd = open("said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t len;

    assert_true(kept != -1 && fd != -1);
    dup2(fd, STDERR_FILENO);
    call();
    dup2(kept, STDERR_FILENO);
    len = pread(fd, said, size - 1, 0);
    close(fd);
    close(kept);
    said[len] = '\0';
    return (size_t)len;
}

static void sniff_in_vain(void)
{
    struct sniffed sniffed;

    for (unsigned i = 0; i < 3; i++)
        assert_false(sniff(STR("<!doctype html>"), &sniffed));
}

static void without_a_database_it_is_said_once(void **state)
{
    struct folder folder;
    char said[2048];
    const char *line;

    (void)state;
    folder_enter(&folder);
    sniff_use_database("nothing.mgc");
    said_while(sniff_in_vain, said, sizeof said);
    line = strstr(said, " warn cannot tell types from bytes, so only from names "
                        "database=\"nothing.mgc\" why=\"");
    assert_non_null(line);
    assert_null(strstr(line + 1, " warn "));

    /* Nor is a file that is none one. */
    folder_file("odd.mgc", "this is no database\n");
    sniff_use_database("odd.mgc");
    said_while(sniff_in_vain, said, sizeof said);
    folder_leave(&folder);
}

static void a_copy_of_the_database_will_do(void **state)
{
    static const char *const places[] = {"/usr/lib/file/magic.mgc", "/usr/share/misc/magic.mgc"};
    struct sniffed sniffed;

    (void)state;
    for (size_t i = 0; i < COUNTOF(places); i++) {
        if (access(places[i], R_OK) == -1)
            continue;
        sniff_use_database(places[i]);
        assert_true(sniff(STR("<!doctype html>"), &sniffed));
        PROMISED_STR(places[i], sniffed.type, "text/html");
    }
}

static void what_is_forgotten_is_loaded_again(void **state)
{
    struct sniffed sniffed;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(sniff(STR("<!doctype html>"), &sniffed));
        sniff_forget();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bytes_have_a_type, forget),
        cmocka_unit_test_teardown(nothing_is_no_harm, forget),
        cmocka_unit_test_teardown(no_file_takes_long, forget),
        cmocka_unit_test_teardown(more_threads_than_handles, forget),
        cmocka_unit_test_teardown(without_a_database_it_is_said_once, forget),
        cmocka_unit_test_teardown(a_copy_of_the_database_will_do, forget),
        cmocka_unit_test_teardown(what_is_forgotten_is_loaded_again, forget),
    };

    return cmocka_run_group_tests_name("sniff", tests, NULL, NULL);
}
