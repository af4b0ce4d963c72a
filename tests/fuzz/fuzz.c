#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_complain(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

uint8_t choose_byte(struct str *input)
{
    uint8_t byte = input->len > 0 ? (uint8_t)input->ptr[0] : 0;

    *input = str_from(*input, 1);
    return byte;
}

uint64_t choose_u64(struct str *input)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number |= (uint64_t)choose_byte(input) << 8 * i;
    return number;
}

struct str choose_line(struct str *input)
{
    struct str line;

    return str_split(input, '\n', &line) ? line : STR_NONE;
}

struct cuts cuts_choose(struct str *input)
{
    struct cuts cuts = {.first = choose_byte(input)};

    cuts.first |= (size_t)choose_byte(input) << 8;
    for (size_t i = 0; i < COUNTOF(cuts.lengths); i++)
        cuts.lengths[i] = choose_byte(input);
    return cuts;
}

size_t cuts_next(struct cuts *cuts, size_t left)
{
    unsigned piece = cuts->count++;
    size_t   length = cuts->first;

    if (piece > 0)
        length = (size_t)cuts->lengths[piece % COUNTOF(cuts->lengths)] + 1;
    if (length == 0 || length > left || piece >= CUTS_MAX)
        return left;
    return length;
}

bool is_inside(struct str slice, struct str whole)
{
    return !slice.ptr ||
           (slice.ptr >= whole.ptr && slice.ptr + slice.len <= whole.ptr + whole.len);
}

bool naive_is_tchar(char byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (byte != '\0' && strchr(others, byte));
}

bool naive_is_text(char byte)
{
    unsigned char value = (unsigned char)byte;

    return value == '\t' || (value >= 0x20 && value != 0x7f);
}
