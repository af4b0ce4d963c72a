/* What server/body promises: a body stays in memory as long as it may, goes to a file from there on,
 * is never longer than it may be, and gets its name in one step. */
#include "server/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"
#include "tests/support/stage.h"

enum { MEMORY = 100, LIMIT = 1000, ROOM = BODY_PIECE_BYTES + 4096, ALL = 1024 * 1024 };

/* A folder, a spool in it, and a body. */
struct desk {
    struct folder folder;
    int           here;
    struct spool  spool;
    struct body   body;
};

static void desk_open(struct desk *desk, bool has_spool)
{
    log_set_level(LOG_ERROR);
    folder_enter(&desk->folder);
    desk->here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_not_equal(desk->here, -1);
    spool_init(&desk->spool, MEMORY, ALL);
    if (has_spool)
        assert_true(spool_open(&desk->spool, "."));
    body_init(&desk->body, ROOM);
}

static void desk_close(struct desk *desk)
{
    body_fini(&desk->body);
    assert_int_equal(atomic_load(&desk->spool.memory_left), ALL);
    spool_fini(&desk->spool);
    close(desk->here);
    folder_leave(&desk->folder);
}

static char text[LIMIT + 1];

/* ---- how long it may be, and where it goes -------------------------------------------- */

enum { IN_MEMORY = 0, IN_FILE = -1 };

/* clang-format off */
static const struct length_case {
    const char *promise;
    uint64_t    said;                   /* by the route; BODY_NO_LIMIT: nothing */
    uint64_t    announced;
    size_t      comes;
    bool        is_kept, has_spool, has_folder;
    int         outcome;                /* a status, or where it is */
} lengths[] = {
    {"nothing is in memory",                BODY_NO_LIMIT, 0, 0,    true,  false, false, IN_MEMORY},
    {"a short one is in memory",            BODY_NO_LIMIT, 99, 99,  true,  true,  false, IN_MEMORY},
    {"up to the last byte",                 BODY_NO_LIMIT, 100, 100, true, true,  false, IN_MEMORY},
    {"one more goes to a file",             BODY_NO_LIMIT, 101, 101, true, true,  false, IN_FILE},
    {"if there is a place",                 BODY_NO_LIMIT, 101, 0,  true,  false, false, 413},
    {"one that nobody announced, too",      BODY_NO_LIMIT, 0, 101,  true,  true,  false, IN_FILE},
    {"and there, too",                      BODY_NO_LIMIT, 0, 101,  true,  false, false, 413},
    {"the longest is as long as it may be", BODY_NO_LIMIT, 1000, 1000, true, true, false, IN_FILE},
    {"and no longer",                       BODY_NO_LIMIT, 1001, 0, true,  true,  false, 413},
    {"nor when nobody announced it",        BODY_NO_LIMIT, 0, 1001, true,  true,  false, 413},
    {"its route may say less",              10,  11, 0,             true,  true,  false, 413},
    {"which counts as it comes",            10,  0, 11,             true,  true,  false, 413},
    {"or more",                             1001, 1001, 1001,       true,  true,  false, IN_FILE},
    {"or nothing at all",                   0, 1, 0,                true,  true,  false, 413},
    {"which a body of nothing is",          0, 0, 0,                true,  true,  false, IN_MEMORY},
    {"a folder of its own is for all",      BODY_NO_LIMIT, 1, 1,    true,  false, true,  IN_FILE},
    {"of any length",                       BODY_NO_LIMIT, 0, 0,    true,  false, true,  IN_FILE},
    {"what nobody wants is counted",        BODY_NO_LIMIT, 0, 1001, false, false, false, 413},
    {"and not kept, however long",          BODY_NO_LIMIT, 500, 500, false, false, false, IN_MEMORY},
};
/* clang-format on */

static void its_length_decides(void **state)
{
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        const struct length_case *c = &lengths[i];
        struct refusal            refusal;
        struct desk               desk;

        desk_open(&desk, c->has_spool);
        if (c->said != BODY_NO_LIMIT)
            body_limit(&desk.body, c->said);
        if (c->has_folder)
            body_spool_to(&desk.body, desk.here);
        refusal = body_begin(&desk.body, &desk.spool, c->announced, LIMIT, c->is_kept);
        for (size_t at = 0; !is_refused(refusal) && at < c->comes; at++)
            refusal = body_take(&desk.body, &desk.spool, str_of(text, 1));
        PROMISED_NUMBER(c->promise, refusal.status, MAX_OF(c->outcome, 0));
        if (!is_refused(refusal)) {
            PROMISED(c->promise, desk.body.is_spooled == (c->outcome == IN_FILE));
            PROMISED_NUMBER(c->promise, desk.body.length, c->comes);
            PROMISED_NUMBER(c->promise, desk.body.bytes.len, c->is_kept ? c->comes : 0);
        }
        PROMISED_NUMBER(c->promise, folder_count("."), 0);
        body_reset(&desk.body);
        PROMISED(c->promise, !desk.body.bytes.ptr && desk.body.folder == -1);
        desk_close(&desk);
    }
}

/* ---- the file ------------------------------------------------------------------------- */

static void a_long_one_is_written_piece_by_piece(void **state)
{
    enum { PIECES = 5, AT_ONCE = 4000 };
    size_t      size = PIECES * (size_t)BODY_PIECE_BYTES + 17, written = 0;
    char       *bytes = malloc(size), *found = malloc(size);
    struct desk desk;

    (void)state;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761u >> 24);
    desk_open(&desk, true);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, 0, UINT64_MAX, true)));
    for (size_t at = 0; at < size; at += AT_ONCE) {
        struct str some = str_of(bytes + at, MIN_OF(size - at, (size_t)AT_ONCE));

        assert_false(is_refused(body_take(&desk.body, &desk.spool, some)));
        assert_true(desk.body.bytes.cap <= ROOM);
        if (body_is_due(&desk.body)) {
            written++;
            assert_false(is_refused(body_write(&desk.body, &desk.spool)));
            assert_int_equal(desk.body.bytes.len, 0);
        }
    }
    assert_int_equal(written, PIECES - 1);
    assert_false(is_refused(body_write(&desk.body, &desk.spool)));
    assert_int_equal(pread(desk.body.file.fd, found, size, 0), size);
    assert_memory_equal(found, bytes, size);
    assert_int_equal(lseek(desk.body.file.fd, 0, SEEK_END), size);
    assert_int_equal(folder_count("."), 0);
    desk_close(&desk);
    free(bytes);
    free(found);
}

/* A body of some bytes in the folder of its route, written. */
static void write_some(struct desk *desk, struct body *body, const char *some)
{
    body_spool_to(body, desk->here);
    assert_false(is_refused(body_begin(body, &desk->spool, 0, LIMIT, true)));
    assert_false(is_refused(body_take(body, &desk->spool, str_view(some))));
    assert_false(is_refused(body_write(body, &desk->spool)));
}

static void an_empty_one_is_a_file_too(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    write_some(&desk, &desk.body, "");
    assert_int_equal(body_keep(&desk.body, "empty"), WHERRY_KEPT_NEW);
    assert_true(folder_says("empty", ""));
    desk_close(&desk);
}

/* RFC 4918 §11.5 */
static void what_cannot_be_written_says_so(void **state)
{
    static const struct {
        enum fault_call call;
        int             error;
        int             status;
    } faults[] = {
        {FAULT_WRITE, ENOSPC, 507},  {FAULT_WRITE, EDQUOT, 507},  {FAULT_WRITE, EFBIG, 507},
        {FAULT_OPENAT, ENOSPC, 507}, {FAULT_OPENAT, EMFILE, 503}, {FAULT_OPENAT, ENFILE, 503},
        {FAULT_OPENAT, ENOMEM, 503}, {FAULT_OPENAT, EACCES, 500}, {FAULT_WRITE, EIO, 500},
        {FAULT_FSTAT, EIO, 500},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        struct refusal refusal;
        struct desk    desk;

        desk_open(&desk, false);
        body_spool_to(&desk.body, desk.here);
        assert_false(is_refused(body_begin(&desk.body, &desk.spool, 0, LIMIT, true)));
        assert_false(is_refused(body_take(&desk.body, &desk.spool, STR("text"))));
        stage_hush();
        /* The second, where the first is the sweep's. */
        fault_at(faults[i].call == FAULT_OPENAT ? 2 : 1, faults[i].call, faults[i].error);
        refusal = body_write(&desk.body, &desk.spool);
        stage_speak();
        assert_true(fault_off());
        assert_int_equal(refusal.status, faults[i].status);
        assert_int_equal(desk.body.file.fd, -1);
        assert_null(desk.body.bytes.ptr);
        assert_int_equal(folder_count("."), 0);
        desk_close(&desk);
    }
}

static void what_cannot_fit_is_not_begun(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, true);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, INT64_MAX, INT64_MAX, true)));
    assert_int_equal(body_write(&desk.body, &desk.spool).status, 507);
    body_reset(&desk.body);
    body_spool_to(&desk.body, desk.here);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, INT64_MAX, INT64_MAX, true)));
    assert_int_equal(body_write(&desk.body, &desk.spool).status, 507);
    desk_close(&desk);
}

static void without_memory_it_is_503(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, true);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, 0, LIMIT, true)));
    fault_at(1, FAULT_ALLOCATION, ENOMEM);
    assert_int_equal(body_take(&desk.body, &desk.spool, STR("text")).status, 503);
    assert_true(fault_off());
    desk_close(&desk);
}

static void all_bodies_have_a_part_of_what_there_is(void **state)
{
    (void)state;
    assert_int_equal(spool_share(64 << 20, 1 << 20), 8 << 20);
    assert_int_equal(spool_share(64 << 20, 16 << 20), 16 << 20); /* somebody has said so */
    assert_int_equal(spool_share(0, 0), 0);
}

/* Others have all that there is. */
static void without_memory_for_all_it_goes_to_the_disk(void **state)
{
    struct str  some = str_of(text, LIMIT);
    struct desk desk;

    (void)state;
    desk_open(&desk, true);
    atomic_store(&desk.spool.memory_left, BODY_LOAN_BYTES - 1);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, 0, ALL, true)));
    while (desk.body.length + some.len <= BODY_OWN_BYTES)
        assert_false(is_refused(body_take(&desk.body, &desk.spool, some)));
    assert_false(body_is_due(&desk.body));
    assert_false(is_refused(body_take(&desk.body, &desk.spool, some)));
    assert_true(body_is_due(&desk.body));
    assert_false(is_refused(body_write(&desk.body, &desk.spool)));
    assert_false(body_is_due(&desk.body));
    assert_int_equal(lseek(desk.body.file.fd, 0, SEEK_END), desk.body.length);
    atomic_store(&desk.spool.memory_left, ALL);
    desk_close(&desk);
}

static void in_memory_it_is_503_then(void **state)
{
    struct str  some = str_of(text, LIMIT);
    struct desk desk;

    (void)state;
    desk_open(&desk, true);
    desk.spool.memory_max = ALL;
    atomic_store(&desk.spool.memory_left, BODY_LOAN_BYTES);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, 0, ALL, true)));
    while (desk.body.length + some.len <= BODY_OWN_BYTES + BODY_LOAN_BYTES)
        assert_false(is_refused(body_take(&desk.body, &desk.spool, some)));
    assert_int_equal(atomic_load(&desk.spool.memory_left), 0);
    assert_int_equal(body_take(&desk.body, &desk.spool, some).status, 503);
    body_reset(&desk.body);
    assert_int_equal(atomic_load(&desk.spool.memory_left), BODY_LOAN_BYTES);
    atomic_store(&desk.spool.memory_left, ALL);
    desk_close(&desk);
}

static void a_folder_to_spool_to_must_be_one(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    folder_file("file", "");
    assert_false(spool_open(&desk.spool, "file"));
    assert_int_equal(errno, ENOTDIR);
    assert_false(spool_open(&desk.spool, "nothing"));
    assert_int_equal(errno, ENOENT);
    assert_false(spool_open(&desk.spool, "/proc/self"));    /* nobody can write there */
    assert_int_equal(desk.spool.folder, -1);
    desk_close(&desk);
}

/* ---- its name ------------------------------------------------------------------------- */

static void a_new_name_and_an_old_one_are_told_apart(void **state)
{
    struct body second;
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    body_init(&second, ROOM);
    write_some(&desk, &desk.body, "one");
    write_some(&desk, &second, "two");
    assert_int_equal(folder_count("."), 0);
    assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_NEW);
    assert_true(folder_says("name", "one"));
    assert_int_equal(body_keep(&second, "name"), WHERRY_KEPT_REPLACED);
    assert_true(folder_says("name", "two"));
    assert_int_equal(body_keep(&second, "again"), WHERRY_KEPT_NOT);     /* it has its name */
    body_fini(&second);
    assert_int_equal(folder_count("."), 1);
    desk_close(&desk);
}

static void a_folder_may_be_open_for_its_path_alone(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    close(desk.here);
    desk.here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    write_some(&desk, &desk.body, "text");
    assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_NEW);
    assert_true(folder_says("name", "text"));
    desk_close(&desk);
}

#define A_50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A_255 A_50 A_50 A_50 A_50 A_50 "aaaaa"

static const struct {
    const char *name;
    int         error;                  /* 0: a good one */
} names[] = {
    {"name", 0},        {"a b.txt", 0},     {"~", 0},           {"a..b", 0},    {"\xC3\xBC", 0},
    {A_255, 0},         {A_255 "a", ENAMETOOLONG},              {"", EINVAL},   {".", EINVAL},
    {"..", EINVAL},     {".hidden", EINVAL}, {".wherry-1", EINVAL}, {"a/b", EINVAL}, {"/a", EINVAL},
    {"a/", EINVAL},     {"../a", EINVAL},   {"sub", EISDIR},
};

static void a_name_is_one_good_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct desk      desk;
        enum wherry_kept kept;

        desk_open(&desk, false);
        folder_folder("sub");
        write_some(&desk, &desk.body, "text");
        errno = 0;
        kept = body_keep(&desk.body, names[i].name);
        PROMISED_NUMBER(names[i].name, kept, names[i].error ? WHERRY_KEPT_NOT : WHERRY_KEPT_NEW);
        if (names[i].error)
            PROMISED_NUMBER(names[i].name, errno, names[i].error);
        else
            assert_true(folder_says(names[i].name, "text"));
        body_reset(&desk.body);
        PROMISED_NUMBER(names[i].name, folder_count("."), names[i].error ? 1 : 2);
        rmdir("sub");
        desk_close(&desk);
    }
}

/* A link that somebody has put there is replaced; what it leads to stays. */
static void a_link_is_replaced_and_not_followed(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    folder_file("target", "old");
    folder_link("name", "target");
    write_some(&desk, &desk.body, "new");
    assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_REPLACED);
    assert_true(folder_says("name", "new"));
    assert_true(folder_says("target", "old"));
    desk_close(&desk);
}

static void what_was_not_spooled_there_cannot_be_kept(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, true);
    assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_NOT);
    assert_int_equal(errno, EINVAL);
    assert_false(is_refused(body_begin(&desk.body, &desk.spool, MEMORY + 1, LIMIT, true)));
    assert_false(is_refused(body_write(&desk.body, &desk.spool)));
    assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_NOT);
    assert_int_equal(errno, EINVAL);
    desk_close(&desk);
}

static void whatever_fails_leaves_the_old_one(void **state)
{
    static const struct {
        enum fault_call call;
        int             error;
        size_t          nth;
    } faults[] = {
        {FAULT_OPENAT, EMFILE, 1},  {FAULT_FSYNC, EIO, 1},      {FAULT_FSYNC, ENOSPC, 1},
        {FAULT_LINKAT, ENOSPC, 1},  {FAULT_LINKAT, EDQUOT, 2},  {FAULT_RENAMEAT, ENOSPC, 1},
        {FAULT_RENAMEAT, EROFS, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        struct desk desk;

        desk_open(&desk, false);
        folder_file("name", "old");
        write_some(&desk, &desk.body, "new");
        fault_at(faults[i].nth, faults[i].call, faults[i].error);
        assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_NOT);
        assert_int_equal(errno, faults[i].error);
        assert_true(fault_off());
        assert_true(folder_says("name", "old"));
        /* It may be tried again. */
        assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_REPLACED);
        assert_true(folder_says("name", "new"));
        body_reset(&desk.body);
        assert_int_equal(folder_count("."), 1);
        desk_close(&desk);
    }
}

/* It is there, but who asks whether it will be after a power cut is not told yes. */
static void a_folder_that_is_not_on_the_disk_is_no_success(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    write_some(&desk, &desk.body, "text");
    fault_at(2, FAULT_FSYNC, EIO);
    assert_int_equal(body_keep(&desk.body, "name"), WHERRY_KEPT_NOT);
    assert_int_equal(errno, EIO);
    assert_true(fault_off());
    desk_close(&desk);
}

static void what_the_dead_have_left_goes_at_first_use(void **state)
{
    struct body second;
    struct desk desk;

    (void)state;
    desk_open(&desk, false);
    folder_file(".wherry-1-1-1", "left");
    write_some(&desk, &desk.body, "text");
    assert_int_equal(folder_count("."), 0);
    folder_file(".wherry-1-1-1", "another's");      /* it is not looked for each time */
    body_init(&second, ROOM);
    write_some(&desk, &second, "text");
    assert_int_equal(folder_count("."), 1);
    body_fini(&second);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_length_decides),
        cmocka_unit_test(a_long_one_is_written_piece_by_piece),
        cmocka_unit_test(an_empty_one_is_a_file_too),
        cmocka_unit_test(what_cannot_be_written_says_so),
        cmocka_unit_test(what_cannot_fit_is_not_begun),
        cmocka_unit_test(without_memory_it_is_503),
        cmocka_unit_test(all_bodies_have_a_part_of_what_there_is),
        cmocka_unit_test(without_memory_for_all_it_goes_to_the_disk),
        cmocka_unit_test(in_memory_it_is_503_then),
        cmocka_unit_test(a_folder_to_spool_to_must_be_one),
        cmocka_unit_test(a_new_name_and_an_old_one_are_told_apart),
        cmocka_unit_test(a_folder_may_be_open_for_its_path_alone),
        cmocka_unit_test(a_name_is_one_good_segment),
        cmocka_unit_test(a_link_is_replaced_and_not_followed),
        cmocka_unit_test(what_was_not_spooled_there_cannot_be_kept),
        cmocka_unit_test(whatever_fails_leaves_the_old_one),
        cmocka_unit_test(a_folder_that_is_not_on_the_disk_is_no_success),
        cmocka_unit_test(what_the_dead_have_left_goes_at_first_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
