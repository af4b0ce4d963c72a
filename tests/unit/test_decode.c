/* What coding/decode promises: it takes for the same what is the same, whole, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "coding/decode.h"
#include "site/representation.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { KIB = 1024, LONG = 300 * KIB };

static const enum coding both[] = {CODING_GZIP, CODING_BROTLI};

static struct folder folder;

/* Numbers in words, so that it gets smaller, and differs everywhere. */
static struct buf make_text(size_t length)
{
    struct buf text = BUF_UP_TO(length + 64);

    for (unsigned i = 0; text.len < length; i++)
        buf_printf(&text, "line %u of %u\n", i, i * 2654435761u);
    assert_false(text.failed);
    text.len = length;
    return text;
}

static struct buf code(enum coding coding, struct str text)
{
    struct encode_source source = {.bytes = text, .fd = -1};
    struct buf coded = BUF_UP_TO(text.len);

    assert_int_equal(encode_all(coding, 5, &source, NULL, &coded), ENCODED_MADE);
    return coded;
}

static enum decoded compare(enum coding coding, struct str coded, struct str text)
{
    struct encode_source source = {.bytes = text, .fd = -1};
    enum decoded decoded;
    int fd;

    folder_bytes("coded", coded);
    fd = open("coded", O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(fd, -1);
    decoded = decode_compare(coding, fd, &source, NULL);
    close(fd);
    return decoded;
}

static void the_same_is_the_same(void **state)
{
    static const size_t lengths[] = {200, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, LONG};

    (void)state;
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        for (size_t k = 0; k < COUNTOF(both); k++) {
            struct buf text = make_text(lengths[i]), coded = code(both[k], buf_view(&text));

            assert_int_equal(compare(both[k], buf_view(&coded), buf_view(&text)), DECODED_SAME);
            buf_fini(&coded);
            buf_fini(&text);
        }
    }
}

static void and_in_files(void **state)
{
    struct buf text = make_text(LONG);
    struct encode_source source;
    struct file_stamp stamp;
    struct stat status;
    int fd;

    (void)state;
    folder_bytes("text", buf_view(&text));
    source = (struct encode_source){.fd = open("text", O_RDONLY | O_CLOEXEC), .stamp = &stamp};
    assert_int_equal(fstat(source.fd, &status), 0);
    stamp = file_stamp_of(&status);
    for (size_t k = 0; k < COUNTOF(both); k++) {
        struct buf coded = code(both[k], buf_view(&text));

        folder_bytes("coded", buf_view(&coded));
        fd = open("coded", O_RDONLY | O_CLOEXEC);
        assert_int_equal(decode_compare(both[k], fd, &source, NULL), DECODED_SAME);
        close(fd);
        buf_fini(&coded);
    }
    close(source.fd);
    buf_fini(&text);
}

/* Whatever byte it is that differs. */
static void another_original_is_another(void **state)
{
    struct buf text = make_text(40 * KIB);

    (void)state;
    for (size_t k = 0; k < COUNTOF(both); k++) {
        struct buf coded = code(both[k], buf_view(&text));

        for (size_t at = 0; at < text.len; at += 997) {
            text.ptr[at] ^= 1;
            assert_int_equal(compare(both[k], buf_view(&coded), buf_view(&text)), DECODED_OTHER);
            text.ptr[at] ^= 1;
        }
        assert_int_equal(compare(both[k], buf_view(&coded), str_of(text.ptr, text.len - 1)),
                         DECODED_OTHER);
        buf_fini(&coded);
    }
    buf_fini(&text);
}

static void a_longer_original_is_another(void **state)
{
    struct buf text = make_text(40 * KIB);

    (void)state;
    for (size_t k = 0; k < COUNTOF(both); k++) {
        struct buf coded = code(both[k], str_of(text.ptr, text.len - 1));

        assert_int_equal(compare(both[k], buf_view(&coded), buf_view(&text)), DECODED_OTHER);
        buf_fini(&coded);
    }
    buf_fini(&text);
}

static void what_is_cut_off_is_not_whole(void **state)
{
    struct buf text = make_text(2 * KIB);

    (void)state;
    for (size_t k = 0; k < COUNTOF(both); k++) {
        struct buf coded = code(both[k], buf_view(&text));

        for (size_t len = 0; len < coded.len; len++)
            assert_int_equal(compare(both[k], str_of(coded.ptr, len), buf_view(&text)),
                             DECODED_OTHER);
        buf_fini(&coded);
    }
    buf_fini(&text);
}

static void nothing_may_stand_behind_it(void **state)
{
    struct buf text = make_text(2 * KIB);

    (void)state;
    for (size_t k = 0; k < COUNTOF(both); k++) {
        struct buf coded = code(both[k], buf_view(&text)), twice = BUF_UP_TO(LONG);

        buf_append(&twice, buf_view(&coded));
        buf_append_byte(&twice, '\0');
        assert_int_equal(compare(both[k], buf_view(&twice), buf_view(&text)), DECODED_OTHER);
        twice.len--;
        buf_append(&twice, buf_view(&coded));
        assert_int_equal(compare(both[k], buf_view(&twice), buf_view(&text)), DECODED_OTHER);
        buf_fini(&twice);
        buf_fini(&coded);
    }
    buf_fini(&text);
}

static void noise_is_nothing(void **state)
{
    struct buf text = make_text(2 * KIB);

    (void)state;
    for (size_t k = 0; k < COUNTOF(both); k++)
        assert_int_equal(compare(both[k], buf_view(&text), buf_view(&text)), DECODED_OTHER);
    buf_fini(&text);
}

static void a_flag_ends_it(void **state)
{
    static const atomic_bool is_set = true;
    struct buf text = make_text(2 * KIB);
    struct encode_source source = {.bytes = buf_view(&text), .fd = -1};
    int fd;

    (void)state;
    folder_bytes("coded", buf_view(&text));
    fd = open("coded", O_RDONLY | O_CLOEXEC);
    assert_int_equal(decode_compare(CODING_GZIP, fd, &source, &is_set), DECODED_CANCELLED);
    close(fd);
    buf_fini(&text);
}

static void a_disk_that_fails_is_not_believed(void **state)
{
    struct buf text = make_text(2 * KIB), coded = code(CODING_BROTLI, buf_view(&text));

    (void)state;
    fault_at(1, FAULT_PREAD, EIO);
    assert_int_equal(compare(CODING_BROTLI, buf_view(&coded), buf_view(&text)), DECODED_OTHER);
    assert_true(fault_off());
    fault_at(1, FAULT_PREAD, EINTR);
    assert_int_equal(compare(CODING_BROTLI, buf_view(&coded), buf_view(&text)), DECODED_SAME);
    assert_true(fault_off());
    fault_at(1, FAULT_PREAD, FAULT_SHORT);
    assert_int_equal(compare(CODING_BROTLI, buf_view(&coded), buf_view(&text)), DECODED_SAME);
    assert_true(fault_off());
    buf_fini(&coded);
    buf_fini(&text);
}

static int enter(void **state)
{
    (void)state;
    folder_enter(&folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    folder_leave(&folder);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_the_same),
        cmocka_unit_test(and_in_files),
        cmocka_unit_test(another_original_is_another),
        cmocka_unit_test(a_longer_original_is_another),
        cmocka_unit_test(what_is_cut_off_is_not_whole),
        cmocka_unit_test(nothing_may_stand_behind_it),
        cmocka_unit_test(noise_is_nothing),
        cmocka_unit_test(a_flag_ends_it),
        cmocka_unit_test(a_disk_that_fails_is_not_believed),
    };

    return cmocka_run_group_tests(tests, enter, leave);
}
