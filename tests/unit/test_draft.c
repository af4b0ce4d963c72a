/* What base/draft promises: a file is put in its place whole or not at all, nothing is left of one
 * that is not, and what the dead have left is taken away. */
#include "base/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

static struct folder place;
static int           here;              /* a descriptor of it */

static int enter(void **state)
{
    (void)state;
    folder_enter(&place);
    here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return here == -1;
}

static int leave(void **state)
{
    (void)state;
    close(here);
    folder_leave(&place);
    return 0;
}

typedef bool open_fn(struct draft *draft, int folder, mode_t mode);

static open_fn *const ways[] = {draft_open_nameless, draft_open_named, draft_open};

/* ---- its place ------------------------------------------------------------------------ */

static void a_new_file_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct draft draft;

        assert_true(ways[i](&draft, here, 0644));
        assert_true(draft_write(&draft, STR("one, ")) && draft_write(&draft, STR("two")));
        assert_true(draft_settle(&draft));
        assert_int_equal(access("file", F_OK), -1);
        assert_true(draft_put_new(&draft, "file"));
        assert_true(folder_says("file", "one, two"));
        draft_close(&draft);
        assert_true(folder_says("file", "one, two"));
        assert_int_equal(folder_count("."), 1);
        folder_remove("file");
    }
}

static void an_old_one_is_replaced_or_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct draft draft;

        folder_file("file", "old");
        assert_true(ways[i](&draft, here, 0644));
        assert_true(draft_write(&draft, STR("new")));
        assert_false(draft_put_new(&draft, "file"));
        assert_int_equal(errno, EEXIST);
        assert_true(folder_says("file", "old"));
        assert_true(draft_put(&draft, "file"));
        assert_true(folder_says("file", "new"));
        draft_close(&draft);
        assert_int_equal(folder_count("."), 1);
        folder_remove("file");
    }
}

static void a_folder_is_not_replaced(void **state)
{
    (void)state;
    folder_folder("sub");
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct draft draft;

        assert_true(ways[i](&draft, here, 0644));
        assert_false(draft_put_new(&draft, "sub"));
        assert_int_equal(errno, EEXIST);
        assert_false(draft_put(&draft, "sub"));
        assert_int_equal(errno, EISDIR);
        assert_true(draft_put_new(&draft, "another"));
        draft_close(&draft);
        assert_int_equal(folder_count("."), 2);
        folder_remove("another");
    }
    rmdir("sub");
}

static void what_is_given_up_is_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct draft draft;

        assert_true(ways[i](&draft, here, 0644));
        assert_true(draft_write(&draft, STR("half")));
        draft_close(&draft);
        assert_int_equal(draft.fd, -1);
        assert_int_equal(folder_count("."), 0);
        draft_close(&draft);
    }
}

/* The umask has its say, as for every new file. */
static void the_mode_is_what_was_asked_for(void **state)
{
    mode_t before = umask(027);

    (void)state;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct draft draft;
        struct stat  status;

        assert_true(ways[i](&draft, here, 0644));
        assert_true(draft_put_new(&draft, "file"));
        assert_int_equal(stat("file", &status), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
        draft_close(&draft);
        folder_remove("file");
    }
    umask(before);
}

static void a_scratch_file_has_no_name(void **state)
{
    static const int errors[] = {0, EOPNOTSUPP, EISDIR};

    (void)state;
    for (size_t i = 0; i < COUNTOF(errors); i++) {
        struct draft draft;
        struct stat  status;
        char         bytes[4];

        if (errors[i])
            fault_at(1, FAULT_OPENAT, errors[i]);
        assert_true(draft_open_scratch(&draft, here));
        assert_int_equal(fault_off(), errors[i] != 0);
        assert_int_equal(folder_count("."), 0);
        assert_true(draft_write(&draft, STR("text")));
        assert_int_equal(pread(draft.fd, bytes, 4, 0), 4);
        assert_memory_equal(bytes, "text", 4);
        assert_int_equal(fstat(draft.fd, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        draft_close(&draft);
    }
}

/* ---- where it is harder --------------------------------------------------------------- */

static void without_nameless_files_it_has_a_dotted_name(void **state)
{
    struct draft draft;

    (void)state;
    fault_at(1, FAULT_OPENAT, EOPNOTSUPP);
    assert_true(draft_open(&draft, here, 0644));
    assert_true(fault_off());
    assert_int_equal(folder_count("."), 1);
    assert_int_equal(draft.name[0], '.');
    assert_int_equal(access(draft.name, F_OK), 0);
    assert_true(draft_put_new(&draft, "file"));
    draft_close(&draft);
    assert_int_equal(folder_count("."), 1);
    folder_remove("file");
}

/* FAT has one name for a file. */
static void without_links_it_is_renamed(void **state)
{
    struct draft draft;

    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_true(draft_open_named(&draft, here, 0644));
        fault_at(1, FAULT_LINKAT, EPERM);
        assert_int_equal(draft_put_new(&draft, "file"), round == 0);
        assert_true(fault_off());
        if (round == 1)
            assert_int_equal(errno, EEXIST);
        draft_close(&draft);
        assert_int_equal(folder_count("."), 1);
    }
    folder_remove("file");
}

static void a_name_that_is_taken_is_not_the_last(void **state)
{
    struct draft draft;

    (void)state;
    folder_file("file", "old");
    assert_true(draft_open_nameless(&draft, here, 0644));
    fault_at(1, FAULT_LINKAT, EEXIST);
    assert_true(draft_put(&draft, "file"));
    assert_true(fault_off());
    draft_close(&draft);
    fault_at(1, FAULT_OPENAT, EEXIST);
    assert_true(draft_open_named(&draft, here, 0644));
    assert_true(fault_off());
    draft_close(&draft);
    assert_int_equal(folder_count("."), 1);
    folder_remove("file");
}

static void whatever_fails_says_why_and_leaves_nothing(void **state)
{
    static const struct {
        enum fault_call call;
        int             error;
    } faults[] = {
        {FAULT_OPENAT, EMFILE}, {FAULT_OPENAT, EACCES},   {FAULT_WRITE, ENOSPC},
        {FAULT_WRITE, EIO},     {FAULT_FSYNC, EIO},       {FAULT_LINKAT, ENOSPC},
        {FAULT_LINKAT, EDQUOT}, {FAULT_RENAMEAT, ENOSPC}, {FAULT_RENAMEAT, EIO},
    };

    (void)state;
    for (size_t way = 0; way < COUNTOF(ways); way++) {
        for (size_t i = 0; i < COUNTOF(faults); i++) {
            struct draft draft;
            bool         ok;

            folder_file("file", "old");
            fault_at(1, faults[i].call, faults[i].error);
            ok = ways[way](&draft, here, 0644) && draft_write(&draft, STR("new")) &&
                 draft_settle(&draft) && draft_put(&draft, "file");
            if (fault_off()) {
                assert_false(ok);
                assert_int_equal(errno, faults[i].error);
            }
            draft_close(&draft);
            assert_true(folder_says("file", ok ? "new" : "old"));
            assert_int_equal(folder_count("."), 1);
            folder_remove("file");
        }
    }
}

/* ---- what was left behind ------------------------------------------------------------- */

/* In a child that dies with two drafts that have names, one of them linked. */
static void die_with_drafts(void)
{
    struct draft named, linked;

    if (!draft_open_named(&named, here, 0644) || !draft_open_nameless(&linked, here, 0644))
        _exit(1);
    fault_at(1, FAULT_RENAMEAT, EIO);
    (void)!draft_put(&linked, "file");
    _exit(linked.name[0] ? 0 : 1);
}

static void what_the_dead_have_left_is_taken_away(void **state)
{
    struct draft living;
    pid_t        child;
    int          status;

    (void)state;
    child = fork();
    if (child == 0)
        die_with_drafts();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(folder_count("."), 2);

    folder_file("file", "of somebody's");
    folder_file(".hidden", "too");
    assert_true(draft_open_named(&living, here, 0644));
    assert_int_equal(folder_count("."), 5);
    draft_sweep(here);
    assert_int_equal(folder_count("."), 3);
    assert_int_equal(access(living.name, F_OK), 0);
    draft_close(&living);
    folder_remove("file");
    folder_remove(".hidden");
}

static void what_cannot_be_swept_stays(void **state)
{
    (void)state;
    folder_file(".wherry-1", "left");
    fault_at(1, FAULT_OPENAT, EMFILE);      /* the folder */
    draft_sweep(here);
    assert_true(fault_off());
    fault_at(2, FAULT_OPENAT, EMFILE);      /* the file */
    draft_sweep(here);
    assert_true(fault_off());
    assert_int_equal(folder_count("."), 1);
    draft_sweep(here);
    assert_int_equal(folder_count("."), 0);
    draft_sweep(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_is_whole),
        cmocka_unit_test(an_old_one_is_replaced_or_stays),
        cmocka_unit_test(a_folder_is_not_replaced),
        cmocka_unit_test(what_is_given_up_is_gone),
        cmocka_unit_test(the_mode_is_what_was_asked_for),
        cmocka_unit_test(a_scratch_file_has_no_name),
        cmocka_unit_test(without_nameless_files_it_has_a_dotted_name),
        cmocka_unit_test(without_links_it_is_renamed),
        cmocka_unit_test(a_name_that_is_taken_is_not_the_last),
        cmocka_unit_test(whatever_fails_says_why_and_leaves_nothing),
        cmocka_unit_test(what_the_dead_have_left_is_taken_away),
        cmocka_unit_test(what_cannot_be_swept_stays),
    };

    return cmocka_run_group_tests_name("draft", tests, enter, leave);
}
