/* What endpoints/noise promises: the numbers of splitmix64, whatever part of them is asked for. */
#include "endpoints/noise.h"
#include "tests/support/promise.h"

/* Those that others have published for it, and those of the ends. */
static const struct noise_case {
    const char *promise;
    uint64_t    seed;
    uint64_t    place;
    uint64_t    number;
} cases[] = {
    {"seed 0, the first", 0, 0, UINT64_C(0xe220a8397b1dcdaf)},
    {"seed 0, the second", 0, 1, UINT64_C(0x6e789e6aa1b965f4)},
    {"seed 0, the third", 0, 2, UINT64_C(0x06c45d188009454f)},
    {"seed 1234567, the first", 1234567, 0, UINT64_C(6457827717110365317)},
    {"seed 1234567, the second", 1234567, 1, UINT64_C(3203168211198807973)},
    {"seed 1234567, the third", 1234567, 2, UINT64_C(9817491932198370423)},
    {"seed 1234567, the fourth", 1234567, 3, UINT64_C(4593380528125082431)},
    {"seed 1234567, the fifth", 1234567, 4, UINT64_C(16408922859458223821)},
};

static void each_number_is_the_published_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct noise_case *c = &cases[i];
        uint64_t                 number = 0;
        char                     bytes[8];

        noise_make(c->seed, c->place * 8, bytes, sizeof bytes);
        for (size_t n = sizeof bytes; n > 0; n--)
            number = number << 8 | (unsigned char)bytes[n - 1];
        PROMISED(c->promise, number == c->number);
    }
}

static void any_part_is_a_part_of_the_whole(void **state)
{
    char whole[64];

    (void)state;
    noise_make(UINT64_MAX, 0, whole, sizeof whole);
    for (size_t first = 0; first <= sizeof whole; first++) {
        for (size_t count = 0; count <= sizeof whole - first; count++) {
            struct tight_str part = tight_bytes(whole, count);

            noise_make(UINT64_MAX, first, part.bytes, count);
            assert_memory_equal(part.bytes, whole + first, count);
            tight_str_free(&part);
        }
    }
}

static void it_has_no_end(void **state)
{
    char bytes[16];

    (void)state;
    noise_make(1, UINT64_MAX - 7, bytes, sizeof bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_is_the_published_one),
        cmocka_unit_test(any_part_is_a_part_of_the_whole),
        cmocka_unit_test(it_has_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
