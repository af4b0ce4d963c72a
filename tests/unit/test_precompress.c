/* What `--precompress` promises: codings beside the files that they are worth it for, right and whole
 * or not there at all, whatever fails on the way; and nothing else is touched. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/precompressing.h"
#include "coding/decode.h"
#include "site/precompress.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum {
    KIB        = 1024,
    MIB        = 1024 * 1024,
    OLD_S      = 1700000000,    /* an mtime */
    LONG       = REPRESENTATION_SMALL_MAX + 5000,
    ROUNDS_MAX = 3000,
};

static struct folder folder;
static struct root  *root;

/* ---- a site ----------------------------------------------------------------------------- */

static void put_text(const char *name, size_t length)
{
    struct buf text = BUF_UP_TO(length + 64);

    for (unsigned i = 0; text.len < length; i++)
        buf_printf(&text, "<p>%s %u is %x</p>\n", name, i, i * 2654435761u);
    folder_bytes(name, str_of(text.ptr, length));
    folder_age(name, OLD_S);
    buf_fini(&text);
}

/* Quickly coded at any effort, and too long to be kept in memory. */
static void put_long(const char *name)
{
    struct buf text = BUF_UP_TO(LONG + 64);

    while (text.len < LONG)
        buf_append(&text, STR("<li>the same again\n"));
    folder_bytes(name, buf_view(&text));
    folder_age(name, OLD_S);
    buf_fini(&text);
}

static void put_noise(const char *name, size_t length)
{
    struct buf noise = BUF_UP_TO(length);
    uint64_t   seed = 88172645463325252u;

    while (noise.len < length) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        buf_append_byte(&noise, (char)(seed >> 32));
    }
    folder_bytes(name, buf_view(&noise));
    folder_age(name, OLD_S);
    buf_fini(&noise);
}

static int enter(void **state)
{
    (void)state;
    folder_enter(&folder);
    root = root_open(".", ROOT_LINKS_BENEATH);
    assert_non_null(root);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    (void)fault_off();
    root_close(root);
    folder_leave(&folder);
    return 0;
}

/* ---- running it --------------------------------------------------------------------------- */

/* What it said. */
static struct run {
    struct precompress_counts counts;
    struct beside_trouble     trouble;      /* the first */
    size_t                    troubles;
    size_t                    drawn;
    bool                      ok;
} seen;

static atomic_bool stop;

static void on_trouble(const struct beside_trouble *trouble, void *data)
{
    (void)data;
    if (seen.troubles++ == 0)
        seen.trouble = *trouble;
}

static void on_progress(const struct precompress_progress *progress, void *data)
{
    (void)data;
    assert_true(progress->files_done <= progress->files && progress->bytes_done <= progress->bytes);
    seen.drawn++;
}

static struct precompress_settings usual(void)
{
    return (struct precompress_settings){
        .rules = {.is_on = true, .least = 256, .most = UINT64_MAX},
        .threads = 2,
        .memory_max = 256 * MIB,
        .stop = &stop,
    };
}

static void run_with(const struct precompress_settings *settings)
{
    const struct precompress_listener listener = {.progress = on_progress, .trouble = on_trouble};

    seen = (struct run){.ok = false};
    seen.ok = precompress(root, settings, &listener, &seen.counts);
}

static void run(void)
{
    const struct precompress_settings settings = usual();

    atomic_store(&stop, false);
    run_with(&settings);
}

static void expect_counts(size_t files, size_t made, size_t fresh, size_t unworthy, size_t failed)
{
    const struct precompress_counts *counts = &seen.counts;

    assert_true(seen.ok);
    if (counts->files != files || counts->made != made || counts->fresh != fresh ||
        counts->unworthy != unworthy || counts->failed != failed)
        fail_msg("%zu files: %zu made, %zu fresh, %zu unworthy, %zu failed (%s: %s)", counts->files,
                 counts->made, counts->fresh, counts->unworthy, counts->failed, seen.trouble.name,
                 strerror(seen.trouble.error));
    assert_int_equal(seen.troubles, failed);
}

/* ---- what is there then ------------------------------------------------------------------- */

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static struct stat status_of(const char *name)
{
    struct stat status;

    if (stat(name, &status) == -1)
        fail_msg("%s: %s", name, strerror(errno));
    return status;
}

static bool is_coding_of(enum coding coding, const char *name, const char *original)
{
    struct stat          status = status_of(original);
    struct file_stamp    stamp = file_stamp_of(&status);
    struct encode_source source = {.fd = open(original, O_RDONLY | O_CLOEXEC), .stamp = &stamp};
    int                  fd = open(name, O_RDONLY | O_CLOEXEC);
    enum decoded         decoded = decode_compare(coding, fd, &source, NULL);

    close(fd);
    close(source.fd);
    return decoded == DECODED_SAME;
}

static void expect_codings(const char *original)
{
    char name[256];

    snprintf(name, sizeof name, "%s.gz", original);
    assert_true(is_coding_of(CODING_GZIP, name, original));
    snprintf(name, sizeof name, "%s.br", original);
    assert_true(is_coding_of(CODING_BROTLI, name, original));
}

/* In this folder there is nothing but originals and codings of them that are whole; returns how
 * many of those. */
static size_t count_whole(void)
{
    DIR           *entries = opendir(".");
    struct dirent *entry;
    size_t         count = 0;

    assert_non_null(entries);
    while ((entry = readdir(entries))) {
        char        original[NAME_MAX + 1];
        struct str  name = str_view(entry->d_name);
        bool        is_gzip = str_ends(name, STR(".gz")), is_brotli = str_ends(name, STR(".br"));

        if (str_equal(name, STR(".")) || str_equal(name, STR("..")))
            continue;
        if (entry->d_name[0] == '.')
            fail_msg("%s is left", entry->d_name);
        if (!is_gzip && !is_brotli)
            continue;
        snprintf(original, sizeof original, "%.*s", (int)name.len - 3, name.ptr);
        if (!is_coding_of(is_gzip ? CODING_GZIP : CODING_BROTLI, entry->d_name, original))
            fail_msg("%s is not whole", entry->d_name);
        count++;
    }
    closedir(entries);
    return count;
}

/* ---- what is made ------------------------------------------------------------------------- */

static void files_get_codings_beside_them(void **state)
{
    (void)state;
    put_text("index.html", 5000);
    put_text("large.css", 700 * KIB);
    folder_folder("a");
    folder_folder("a/b");
    put_text("a/b/deep.js", 300);
    folder_folder(".well-known");
    put_text(".well-known/some.txt", 3000);
    run();
    expect_counts(4, 4, 0, 0, 0);
    expect_codings("index.html");
    expect_codings("large.css");
    expect_codings("a/b/deep.js");
    expect_codings(".well-known/some.txt");
    assert_int_equal(seen.counts.plain_bytes, 5000 + 700 * KIB + 300 + 3000);
    assert_true(seen.drawn >= 1);
}

static void they_are_as_old_and_as_open_as_the_file(void **state)
{
    static const mode_t modes[] = {0644, 0640, 0600, 0755, 04755, 0666};

    (void)state;
    for (size_t i = 0; i < COUNTOF(modes); i++) {
        char        name[32], coded[32];
        struct stat plain, beside;

        snprintf(name, sizeof name, "%zu.html", i);
        snprintf(coded, sizeof coded, "%zu.html.br", i);
        put_text(name, 2000);
        assert_int_equal(chmod(name, modes[i]), 0);
        if (geteuid() == 0)
            assert_int_equal(chown(name, 65534, 65533), 0);
        run();
        plain = status_of(name);
        beside = status_of(coded);
        assert_int_equal(beside.st_mode & 07777, modes[i] & 0666);
        assert_int_equal(beside.st_uid, plain.st_uid);
        assert_int_equal(beside.st_gid, plain.st_gid);
        assert_memory_equal(&beside.st_mtim, &plain.st_mtim, sizeof plain.st_mtim);
    }
}

static void the_same_files_get_the_same_bytes(void **state)
{
    struct stat first, second;

    (void)state;
    put_text("a.html", 100 * KIB);
    run();
    assert_int_equal(rename("a.html.br", "first"), 0);
    run();
    expect_counts(2, 1, 0, 1, 0);
    first = status_of("first");
    second = status_of("a.html.br");
    assert_int_equal(first.st_size, second.st_size);
    assert_int_equal(system("cmp -s first a.html.br"), 0);
}

static void what_is_not_served_gets_none(void **state)
{
    (void)state;
    put_text("page.html", 2000);
    put_text(".secret.html", 2000);
    folder_folder(".git");
    put_text(".git/page.html", 2000);
    put_text("key.txt", 2000);
    folder_folder("keys");
    put_text("keys/page.html", 2000);
    folder_link("link.html", "page.html");
    folder_link("self", ".");
    folder_link("out", "/etc");
    assert_int_equal(mkfifo("fifo.html", 0644), 0);
    assert_true(root_hide(root, "key.txt"));
    assert_true(root_hide_folder(root, "keys"));
    run();
    expect_counts(1, 1, 0, 0, 0);
    assert_false(exists(".secret.html.br") || exists(".git/page.html.br") || exists("key.txt.br") ||
                 exists("keys/page.html.br") || exists("link.html.br") || exists("fifo.html.br"));
}

static void what_does_not_gain_gets_none(void **state)
{
    struct precompress_settings settings = usual();
    const char *const           except[] = {"/drafts/*"};

    (void)state;
    settings.rules.except = except;
    settings.rules.except_count = 1;
    put_text("small.html", 255);
    put_text("picture.png", 5000);      /* its type says that it is packed */
    put_noise("noise.html", 5000);
    put_noise("unknown", 5000);
    folder_folder("drafts");
    put_text("drafts/page.html", 5000);
    folder_bytes("empty.html", STR_NONE);
    atomic_store(&stop, false);
    run_with(&settings);
    expect_counts(6, 0, 0, 6, 0);
    assert_int_equal(count_whole(), 0);
}

static void a_file_without_an_ending_is_looked_into(void **state)
{
    (void)state;
    put_text("about", 3000);
    run();
    expect_counts(1, 1, 0, 0, 0);
    expect_codings("about");
}

/* What ends like a coding, and is one only beside its original. */
static void codings_get_no_codings(void **state)
{
    (void)state;
    put_text("page.html", 3000);
    put_text("page.html.zst", 3000);
    put_noise("archive.gz", 3000);
    run();
    expect_counts(2, 1, 0, 1, 0);
    assert_false(exists("archive.gz.br") || exists("page.html.zst.br") || exists("page.html.br.gz"));
}

/* ---- the second time ------------------------------------------------------------------------ */

static void what_is_there_is_left_alone(void **state)
{
    struct stat first, second;

    (void)state;
    put_text("page.html", 30000);
    run();
    first = status_of("page.html.br");
    run();
    expect_counts(1, 0, 1, 0, 0);
    second = status_of("page.html.br");
    assert_int_equal(first.st_ino, second.st_ino);
    folder_age("page.html.br", OLD_S + 10);
    run();
    expect_counts(1, 0, 1, 0, 0);
}

static void what_is_not_right_is_made_anew(void **state)
{
    (void)state;
    put_text("page.html", 30000);
    run();
    /* Another text, no younger. */
    put_text("other.html", 30000);
    folder_age("other.html", OLD_S - 10);
    assert_int_equal(rename("other.html", "page.html"), 0);
    run();
    expect_counts(1, 1, 0, 0, 0);
    expect_codings("page.html");
    /* The same, younger. */
    folder_age("page.html", OLD_S + 1000);
    run();
    expect_counts(1, 1, 0, 0, 0);
    assert_int_equal(status_of("page.html.gz").st_mtim.tv_sec, OLD_S + 1000);
    /* Half of it. */
    assert_int_equal(truncate("page.html.br", 100), 0);
    run();
    expect_counts(1, 1, 0, 0, 0);
    expect_codings("page.html");
    /* One of two. */
    folder_remove("page.html.gz");
    run();
    expect_counts(1, 1, 0, 0, 0);
    expect_codings("page.html");
}

/* It would be sent, and nothing is worth to take its place. */
static void a_wrong_one_that_stays_is_told(void **state)
{
    struct buf sentence = BUF_UP_TO(8 * KIB);

    (void)state;
    put_noise("noise.html", 5000);
    put_text("noise.html.br", 100);
    run();
    expect_counts(1, 0, 0, 0, 1);
    assert_int_equal(seen.trouble.doing, BESIDE_JUDGING);
    precompress_explain(&seen.trouble, &sentence);
    PROMISED_STR("the sentence", buf_view(&sentence),
                 "\"noise.html.br\" is not what the file without that ending is, which does not get "
                 "smaller any more; remove it");
    buf_fini(&sentence);
    /* One that is older is sent to nobody. */
    folder_age("noise.html.br", OLD_S - 1);
    run();
    expect_counts(1, 0, 0, 1, 0);
}

static void what_is_hidden_is_not_replaced(void **state)
{
    (void)state;
    put_text("page.html", 5000);
    folder_file("page.html.gz", "a key");
    assert_true(root_hide(root, "page.html.gz"));
    run();
    expect_counts(1, 0, 0, 0, 1);
    assert_int_equal(seen.trouble.error, EACCES);
    assert_int_equal(status_of("page.html.gz").st_size, 5);
}

static void a_folder_of_that_name_is_in_the_way(void **state)
{
    (void)state;
    put_text("page.html", 5000);
    folder_folder("page.html.gz");
    run();
    expect_counts(1, 0, 0, 0, 1);
    PROMISED_STR("whose name", str_view(seen.trouble.name), "page.html.gz");
    assert_true(is_coding_of(CODING_BROTLI, "page.html.br", "page.html"));
    folder_remove("page.html.gz");
    assert_int_equal(count_whole(), 1);
}

/* ---- little to do it with ------------------------------------------------------------------- */

static void little_memory_will_do(void **state)
{
    struct precompress_settings settings = usual();

    (void)state;
    put_text("page.html", 300 * KIB);
    put_text("other.html", 3000);
    settings.memory_max = 3 * MIB;
    settings.threads = 8;
    atomic_store(&stop, false);
    run_with(&settings);
    expect_counts(2, 2, 0, 0, 0);
    expect_codings("page.html");
}

static void too_little_memory_is_told(void **state)
{
    struct precompress_settings settings = usual();

    (void)state;
    put_text("page.html", 300 * KIB);
    settings.memory_max = 1;
    atomic_store(&stop, false);
    run_with(&settings);
    expect_counts(1, 0, 0, 0, 1);
    assert_int_equal(seen.trouble.error, ENOMEM);
    assert_int_equal(count_whole(), 0);
}

/* Without the first, and without the second. */
static void it_does_without_threads(void **state)
{
    (void)state;
    put_text("page.html", 3000);
    put_text("other.html", 3000);
    for (size_t n = 1; n <= 2; n++) {
        fault_at(n, FAULT_THREAD, EAGAIN);
        run();
        assert_true(fault_off());
        expect_counts(2, 2, 0, 0, 0);
        assert_int_equal(count_whole(), 4);
        folder_remove("page.html.gz");
        folder_remove("other.html.br");
    }
}

static void a_flag_stops_it(void **state)
{
    const struct precompress_settings settings = usual();

    (void)state;
    put_text("page.html", 3000);
    put_text("other.html", 3000);
    atomic_store(&stop, true);
    run_with(&settings);
    assert_true(seen.ok);
    assert_int_equal(seen.counts.made, 0);
    assert_int_equal(count_whole(), 0);
}

/* ---- what may fail ---------------------------------------------------------------------------- */

static const struct fault {
    const char     *promise;
    enum fault_call call;
    int             error;
    bool            is_nothing;         /* all is made all the same */
} faults[] = {
    {"write: a full disk",                          FAULT_WRITE, ENOSPC, false},
    {"write: a quota",                              FAULT_WRITE, EDQUOT, false},
    {"write: a limit of size",                      FAULT_WRITE, EFBIG, false},
    {"write: a broken disk",                        FAULT_WRITE, EIO, false},
    {"write: a signal is nothing",                  FAULT_WRITE, EINTR, true},
    {"write: one byte and then the rest",           FAULT_WRITE, FAULT_SHORT, true},
    {"fsync: a full disk that shows itself late",   FAULT_FSYNC, ENOSPC, false},
    {"fsync: a broken disk",                        FAULT_FSYNC, EIO, false},
    {"fsync: a signal is nothing",                  FAULT_FSYNC, EINTR, true},
    {"fsync: nothing to wait for",                  FAULT_FSYNC, EINVAL, true},
    {"fchmod",                                      FAULT_FCHMOD, EPERM, false},
    {"futimens",                                    FAULT_FUTIMENS, EPERM, false},
    {"linkat: no room in the folder",               FAULT_LINKAT, ENOSPC, false},
    {"linkat: a name that is taken, so another",    FAULT_LINKAT, EEXIST, true},
    {"linkat: no /proc",                            FAULT_LINKAT, ENOENT, true},
    {"renameat: no room in the folder",             FAULT_RENAMEAT, ENOSPC, false},
    {"renameat: no leave",                          FAULT_RENAMEAT, EACCES, false},
    {"openat: no nameless files there",             FAULT_OPENAT, EOPNOTSUPP, true},
    {"openat: nor there",                           FAULT_OPENAT, EISDIR, true},
    {"openat: a signal is nothing",                 FAULT_OPENAT, EINTR, true},
    {"openat: a full disk",                         FAULT_OPENAT, ENOSPC, false},
    {"openat: may be read only",                    FAULT_OPENAT, EROFS, false},
    {"openat: no descriptors",                      FAULT_OPENAT, EMFILE, false},
    {"openat2: no descriptors",                     FAULT_OPENAT2, EMFILE, false},
    {"openat2: a broken disk",                      FAULT_OPENAT2, EIO, false},
    {"openat2: no leave",                           FAULT_OPENAT2, EACCES, false},
    {"openat2: what has just gone",                 FAULT_OPENAT2, ENOENT, false},
    {"fstat: a broken disk",                        FAULT_FSTAT, EIO, false},
    {"fstatat: a broken disk",                      FAULT_FSTATAT, EIO, false},
    {"readdir: a broken disk",                      FAULT_READDIR, EIO, false},
    {"pread: a broken disk",                        FAULT_PREAD, EIO, false},
    {"pread: a signal is nothing",                  FAULT_PREAD, EINTR, true},
    {"pread: a file that became shorter",           FAULT_PREAD, FAULT_END, true},
    {"no memory",                                   FAULT_ALLOCATION, ENOMEM, false},
};

static const char *const codings[] = {"page.html.gz", "page.html.br", "long.html.gz",
                                      "long.html.br"};

static void start_over(void)
{
    for (size_t i = 0; i < COUNTOF(codings); i++)
        if (exists(codings[i]))
            folder_remove(codings[i]);
}

/* What is there is whole, and what is not is told.  (A file that has gone is no trouble.) */
static void expect_no_harm(const struct fault *fault)
{
    size_t whole = count_whole();

    if (fault->is_nothing)
        PROMISED_NUMBER(fault->promise, whole, COUNTOF(codings));
    else if (seen.ok && whole < COUNTOF(codings) && fault->error != ENOENT)
        PROMISED(fault->promise, seen.counts.failed > 0 && seen.troubles > 0);
    if (seen.troubles > 0)
        PROMISED_NUMBER(fault->promise, seen.trouble.error,
                        fault->call == FAULT_ALLOCATION ? ENOMEM : fault->error);
}

/* The n-th call fails, for every n that there is; and the next time all is well. */
static void walk(const struct fault *fault)
{
    bool   has_struck = true;
    size_t n;

    for (n = 0; has_struck && n < ROUNDS_MAX; n++) {
        start_over();
        fault_at(n + 1, fault->call, fault->error);
        run();
        has_struck = fault_off();
        expect_no_harm(fault);
        if (fault->is_nothing)
            continue;
        run();
        PROMISED_NUMBER(fault->promise, count_whole(), COUNTOF(codings));
        PROMISED_NUMBER(fault->promise, seen.counts.failed, 0);
    }
    if (has_struck)
        fail_msg("there is no end: %s", fault->promise);
    if (n == 1)
        fail_msg("no call has failed, so nothing is shown: %s", fault->promise);
}

static void whatever_fails_nothing_is_left_half(void **state)
{
    (void)state;
    put_text("page.html", 1000);
    put_long("long.html");
    for (size_t i = 0; i < COUNTOF(faults); i++)
        walk(&faults[i]);
}

/* The one that is there stays as it was. */
static void what_cannot_be_replaced_stays(void **state)
{
    static const enum fault_call calls[] = {FAULT_WRITE, FAULT_FSYNC, FAULT_LINKAT, FAULT_RENAMEAT};

    (void)state;
    put_text("page.html", 3000);
    run();
    folder_age("page.html", OLD_S + 1000);
    for (size_t i = 0; i < COUNTOF(calls); i++) {
        struct stat first = status_of("page.html.gz"), second;

        fault_at(1, calls[i], ENOSPC);
        run();
        assert_true(fault_off());
        expect_counts(1, 0, 0, 0, 1);
        second = status_of("page.html.gz");
        assert_int_equal(first.st_ino, second.st_ino);
        assert_int_equal(count_whole(), 2);
        folder_age("page.html", OLD_S + 2000);
    }
}

static void a_full_disk_ends_it(void **state)
{
    struct precompress_settings settings = usual();

    (void)state;
    settings.threads = 1;
    put_text("a.html", 4000);
    put_text("b.html", 3000);
    put_text("c.html", 2000);
    atomic_store(&stop, false);
    fault_at(3, FAULT_WRITE, ENOSPC);
    run_with(&settings);
    assert_true(fault_off());
    assert_int_equal(seen.counts.made, 1);
    assert_int_equal(seen.counts.failed, 1);
    assert_int_equal(seen.counts.left, 1);
    PROMISED_STR("the file it was full for", str_view(seen.trouble.name), "b.html.gz");
    (void)count_whole();
}

static void another_failure_does_not(void **state)
{
    struct precompress_settings settings = usual();

    (void)state;
    settings.threads = 1;
    put_text("a.html", 4000);
    put_text("b.html", 3000);
    put_text("c.html", 2000);
    atomic_store(&stop, false);
    fault_at(3, FAULT_WRITE, EACCES);
    run_with(&settings);
    assert_true(fault_off());
    expect_counts(3, 2, 0, 0, 1);
    assert_int_equal(count_whole(), 5);
}

/* ---- what is said ------------------------------------------------------------------------------ */

static void the_line_at_the_end(void **state)
{
    static const struct {
        const char               *line;
        struct precompress_counts counts;
    } cases[] = {
        {"0 files looked at\n", {.files = 0}},
        {"1 file looked at, 1 not worth it\n", {.files = 1, .unworthy = 1}},
        {"42 files looked at, 30 made smaller (1.9 MB to 412 kB by br, 490 kB by gzip), "
         "3 up to date, 9 not worth it\n",
         {.files = 42, .made = 30, .fresh = 3, .unworthy = 9, .plain_bytes = 1910000,
          .coded_bytes = {[CODING_BROTLI] = 412345, [CODING_GZIP] = 489999}}},
        {"3 files looked at, 1 made smaller (999 B to 500 B by br, 1.0 kB by gzip), 2 failed, "
         "7 left for another time\n",
         {.files = 10, .made = 1, .failed = 2, .left = 7, .plain_bytes = 999,
          .coded_bytes = {[CODING_BROTLI] = 500, [CODING_GZIP] = 1000}}},
        {"1 file looked at, 1 made smaller (1.0 MB to 10 kB by br, 9.9 kB by gzip)\n",
         {.files = 1, .made = 1, .plain_bytes = 999950,
          .coded_bytes = {[CODING_BROTLI] = 9960, [CODING_GZIP] = 9940}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct buf line = BUF_UP_TO(KIB);

        precompress_sum_up(&cases[i].counts, &line);
        PROMISED_STR(cases[i].line, buf_view(&line), cases[i].line);
        buf_fini(&line);
    }
}

static void one_sentence_each(void **state)
{
    static const struct {
        const char           *sentence;
        struct beside_trouble trouble;
    } cases[] = {
        {"cannot write \"a/b.html.br\": No space left on device",
         {BESIDE_WRITING, ENOSPC, "a/b.html.br"}},
        {"cannot read \"a\\\"b\\x0a\": Permission denied", {BESIDE_READING, EACCES, "a\"b\n"}},
        {"\"log.txt\" changes while it is read", {BESIDE_READING, EAGAIN, "log.txt"}},
        {"cannot make \"a.js.gz\": Cannot allocate memory", {BESIDE_CODING, ENOMEM, "a.js.gz"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct buf sentence = BUF_UP_TO(KIB);

        precompress_explain(&cases[i].trouble, &sentence);
        PROMISED_STR(cases[i].sentence, buf_view(&sentence), cases[i].sentence);
        buf_fini(&sentence);
    }
}

int main(void)
{
#define TEST(promise) cmocka_unit_test_setup_teardown(promise, enter, leave)
    static const struct CMUnitTest tests[] = {
        TEST(files_get_codings_beside_them),
        TEST(they_are_as_old_and_as_open_as_the_file),
        TEST(the_same_files_get_the_same_bytes),
        TEST(what_is_not_served_gets_none),
        TEST(what_does_not_gain_gets_none),
        TEST(a_file_without_an_ending_is_looked_into),
        TEST(codings_get_no_codings),
        TEST(what_is_there_is_left_alone),
        TEST(what_is_not_right_is_made_anew),
        TEST(a_wrong_one_that_stays_is_told),
        TEST(what_is_hidden_is_not_replaced),
        TEST(a_folder_of_that_name_is_in_the_way),
        TEST(little_memory_will_do),
        TEST(too_little_memory_is_told),
        TEST(it_does_without_threads),
        TEST(a_flag_stops_it),
        TEST(whatever_fails_nothing_is_left_half),
        TEST(what_cannot_be_replaced_stays),
        TEST(a_full_disk_ends_it),
        TEST(another_failure_does_not),
        TEST(the_line_at_the_end),
        TEST(one_sentence_each),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
