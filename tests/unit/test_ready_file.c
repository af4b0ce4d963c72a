/* What main/ready_file promises: there, whole, while it is ours, and nothing else is ever removed. */
#include "main/ready_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

static const char said[] = "{\"time\":\"now\"}\n";

static char problem[1024];

static int set_up(void **state)
{
    static struct folder folder;

    folder_enter(&folder);
    *state = &folder;
    problem[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    folder_leave(*state);
    return 0;
}

static bool open_it(struct ready_file *file, const char *path)
{
    return ready_file_open(file, path, problem, sizeof problem);
}

static bool put_it(struct ready_file *file)
{
    struct buf text = BUF_UP_TO(64);
    bool       ok;

    buf_append(&text, STR(said));
    ok = ready_file_put(file, &text, problem, sizeof problem);
    buf_fini(&text);
    return ok;
}

static void it_is_there_from_put_to_close(void **state)
{
    struct ready_file file;

    (void)state;
    assert_true(open_it(&file, "ready"));
    assert_int_equal(folder_count("."), 0);
    assert_true(put_it(&file));
    assert_true(folder_says("ready", said));
    assert_int_equal(folder_count("."), 1);
    ready_file_close(&file);
    assert_int_equal(folder_count("."), 0);
    ready_file_close(&file);
}

static void without_a_path_there_is_none(void **state)
{
    struct ready_file file;

    (void)state;
    assert_true(ready_file_check(NULL, problem, sizeof problem));
    assert_true(open_it(&file, NULL));
    assert_true(put_it(&file));
    ready_file_close(&file);
    assert_int_equal(folder_count("."), 0);
}

static void its_mode_is_what_the_umask_leaves(void **state)
{
    struct ready_file file;
    struct stat       status;
    mode_t            before = umask(027);

    (void)state;
    assert_true(open_it(&file, "ready") && put_it(&file));
    umask(before);
    assert_int_equal(stat("ready", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    ready_file_close(&file);
}

static void what_an_earlier_run_left_goes_at_once(void **state)
{
    static const char *const formers[] = {said, "", "{\"time\":\"then\",\"pid\":1}\n"};
    struct ready_file        file;

    (void)state;
    for (size_t i = 0; i < COUNTOF(formers); i++) {
        folder_file("ready", formers[i]);
        assert_true(ready_file_check("ready", problem, sizeof problem));
        assert_true(folder_says("ready", formers[i]));
        assert_true(open_it(&file, "ready"));
        assert_int_equal(folder_count("."), 0);
        ready_file_close(&file);
    }
}

static void another_run_s_is_left_alone(void **state)
{
    struct ready_file file, another;

    (void)state;
    assert_true(open_it(&file, "ready") && put_it(&file));
    assert_true(open_it(&another, "ready") && put_it(&another));
    ready_file_close(&file);
    assert_true(folder_says("ready", said));
    ready_file_close(&another);
    assert_int_equal(folder_count("."), 0);
}

static void who_has_removed_it_already_is_not_minded(void **state)
{
    struct ready_file file;

    (void)state;
    assert_true(open_it(&file, "ready") && put_it(&file));
    folder_remove("ready");
    ready_file_close(&file);
}

/* ---- what it must not be -------------------------------------------------------------- */

static void expect_refused(const char *path, const char *sentence)
{
    struct ready_file file;

    assert_false(ready_file_check(path, problem, sizeof problem));
    assert_string_equal(problem, sentence);
    assert_false(open_it(&file, path));
    assert_string_equal(problem, sentence);
    ready_file_close(&file);
}

static void a_file_of_somebody_else_stays(void **state)
{
    (void)state;
    folder_file("page.html", "<!doctype html>\n");
    expect_refused("page.html", "the file \"page.html\" (--ready-file) is there already, and none that "
                                "wherry has written; remove it, or name another");
    assert_true(folder_says("page.html", "<!doctype html>\n"));
}

static void what_is_no_file_stays(void **state)
{
    (void)state;
    folder_folder("folder");
    expect_refused("folder", "the file \"folder\" (--ready-file) is no regular file; remove it, or name "
                             "another");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    expect_refused("fifo", "the file \"fifo\" (--ready-file) is no regular file; remove it, or name "
                           "another");
    folder_link("link", "fifo");
    expect_refused("link", "the file \"link\" (--ready-file) is no regular file; remove it, or name "
                           "another");
    assert_int_equal(folder_count("."), 3);
}

static void there_must_be_a_folder_for_it(void **state)
{
    (void)state;
    expect_refused("none/ready",
                   "cannot write the file \"none/ready\" (--ready-file): No such file or directory");
    folder_file("file", "");
    expect_refused("file/ready", "cannot look at the file \"file/ready\" (--ready-file): Not a directory");
}

static void a_path_has_a_name_at_its_end(void **state)
{
    (void)state;
    assert_true(ready_file_is_path("") && ready_file_is_path("a") && ready_file_is_path("/a/b.c"));
    assert_false(ready_file_is_path("/") || ready_file_is_path("a/") || ready_file_is_path("."));
    assert_false(ready_file_is_path("a/..") || ready_file_is_path("a/."));
}

/* ---- faults --------------------------------------------------------------------------- */

static void check_outcome(bool is_there)
{
    bool before = fault_spare_me(true);

    assert_true(is_there == (access("ready", F_OK) == 0));
    assert_true(is_there ? folder_says("ready", said) : problem[0] != '\0');
    fault_spare_me(before);
}

/* What cannot be told to be ours stays. */
static void sweep_up(bool may_be_left)
{
    bool before = fault_spare_me(true);

    if (may_be_left && folder_count("."))
        folder_remove("ready");
    assert_int_equal(folder_count("."), 0);
    problem[0] = '\0';
    fault_spare_me(before);
}

static void check_fault(enum fault_call call, int error)
{
    for (size_t n = 1; fault_next(n, call, error); n++) {
        struct ready_file file;

        check_outcome(open_it(&file, "ready") && put_it(&file));
        ready_file_close(&file);
        sweep_up(call == FAULT_FSTAT || call == FAULT_FSTATAT);
    }
}

/* It is there whole, or not at all and the reason is told; a file system that knows no files without
 * a name will do. */
static void every_call_may_fail(void **state)
{
    (void)state;
    check_fault(FAULT_OPEN, EMFILE);
    check_fault(FAULT_OPENAT, EMFILE);
    check_fault(FAULT_OPENAT, EOPNOTSUPP);
    check_fault(FAULT_WRITE, ENOSPC);
    check_fault(FAULT_WRITE, EINTR);
    check_fault(FAULT_LINKAT, EXDEV);
    check_fault(FAULT_LINKAT, EACCES);
    check_fault(FAULT_RENAMEAT, EACCES);
    check_fault(FAULT_FSTAT, EIO);
    check_fault(FAULT_FSTATAT, EIO);
    check_fault(FAULT_ALLOCATION, ENOMEM);
}

static void a_full_disk_is_told_in_one_sentence(void **state)
{
    struct ready_file file;

    (void)state;
    assert_true(open_it(&file, "ready"));
    fault_at(1, FAULT_WRITE, ENOSPC);
    assert_false(put_it(&file));
    assert_true(fault_off());
    assert_string_equal(problem,
                        "cannot write the file \"ready\" (--ready-file): No space left on device");
    ready_file_close(&file);
    assert_int_equal(folder_count("."), 0);
}

static void so_is_a_folder_that_cannot_be_written_to(void **state)
{
    struct ready_file file;

    (void)state;
    fault_at(1, FAULT_OPENAT, EROFS);
    assert_false(open_it(&file, "ready"));
    assert_true(fault_off());
    assert_string_equal(problem,
                        "cannot write the file \"ready\" (--ready-file): Read-only file system; in a "
                        "container, mount a folder for it that can be written to");
    ready_file_close(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_there_from_put_to_close),
        TEST(without_a_path_there_is_none),
        TEST(its_mode_is_what_the_umask_leaves),
        TEST(what_an_earlier_run_left_goes_at_once),
        TEST(another_run_s_is_left_alone),
        TEST(who_has_removed_it_already_is_not_minded),
        TEST(a_file_of_somebody_else_stays),
        TEST(what_is_no_file_stays),
        TEST(there_must_be_a_folder_for_it),
        TEST(a_path_has_a_name_at_its_end),
        TEST(every_call_may_fail),
        TEST(a_full_disk_is_told_in_one_sentence),
        TEST(so_is_a_folder_that_cannot_be_written_to),
    };

    return cmocka_run_group_tests_name("ready_file", tests, NULL, NULL);
}
