/* What http/range promises about any field and any length: the spans that a naive reading finds,
 * inside the representation; and that joining them loses no byte and sends few that nobody asked
 * for. */
#include <strings.h>

#include "http/range.h"
#include "tests/fuzz/fuzz.h"

/* ---- a second reading ----------------------------------------------------------------- */

/* 1*DIGIT; what is beyond 64 bits is the largest there is. */
static bool naive_number(struct str digits, uint64_t *number)
{
    unsigned __int128 wide = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        wide = wide * 10 + (unsigned)(digits.ptr[i] - '0');
        wide = wide > UINT64_MAX ? UINT64_MAX : wide;
    }
    *number = (uint64_t)wide;
    return digits.len > 0;
}

/* The bytes [first, end) of one spec; first == end when it cannot be satisfied.  False: no spec, or
 * the last bytes of nothing, which no answer but the whole can say. */
static bool naive_spec(struct str spec, uint64_t length, uint64_t *first, uint64_t *end)
{
    const char *dash = memchr(spec.ptr, '-', spec.len);
    struct str  before, behind;

    if (!dash)
        return false;
    before = str_of(spec.ptr, (size_t)(dash - spec.ptr));
    behind = str_of(dash + 1, spec.len - before.len - 1);

    if (before.len == 0) {
        if (!naive_number(behind, end) || (*end > 0 && length == 0))
            return false;
        *first = *end < length ? length - *end : 0;
        *end = length;
        return true;
    }
    if (!naive_number(before, first))
        return false;
    *end = UINT64_MAX;
    if (behind.len > 0 && (!naive_number(behind, end) || *end < *first))
        return false;
    *end = *end >= length ? length : *end + 1;
    if (*first >= length)
        *end = *first;
    return true;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static void naive_add(struct range_set *set, size_t *asked, uint64_t first, uint64_t end)
{
    if (++*asked <= RANGE_SPANS_MAX && first < end)
        set->spans[set->count++] = (struct span){first, end - first};
}

static enum range_verdict naive_parse(struct str field, uint64_t length, struct range_set *set)
{
    size_t asked = 0, at = 6;

    *set = (struct range_set){.count = 0};
    if (field.len < 6 || strncasecmp(field.ptr, "bytes=", 6) != 0)
        return RANGE_IGNORED;
    while (at < field.len) {
        size_t   comma = at, start = at;
        uint64_t first, end;

        while (comma < field.len && field.ptr[comma] != ',')
            comma++;
        at = comma + 1;
        while (start < comma && is_blank(field.ptr[start]))
            start++;
        while (start < comma && is_blank(field.ptr[comma - 1]))
            comma--;
        if (start == comma)
            continue;
        if (!naive_spec(str_of(field.ptr + start, comma - start), length, &first, &end))
            return RANGE_IGNORED;
        naive_add(set, &asked, first, end);
    }
    if (asked == 0 || asked > RANGE_SPANS_MAX)
        return RANGE_IGNORED;
    return set->count > 0 ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
}

/* ---- the comparison ------------------------------------------------------------------- */

static uint64_t end_of(const struct span *span)
{
    return span->first + span->length;
}

static void check_spans(const struct range_set *set, const struct range_set *naive,
                        uint64_t length)
{
    MUST_HOLD(set->count > 0 && set->count <= RANGE_SPANS_MAX);
    MUST_HOLD(set->count == naive->count);
    for (size_t i = 0; i < set->count; i++) {
        const struct span *span = &set->spans[i];

        MUST_HOLD(span->length > 0 && span->first < length);
        MUST_HOLD(span->length <= length - span->first);
        MUST_HOLD(span->first == naive->spans[i].first);
        MUST_HOLD(span->length == naive->spans[i].length);
    }
}

/* ---- joined --------------------------------------------------------------------------- */

/* The place of the joined span that holds `span`. */
static size_t place_of(const struct range_set *joined, const struct span *span)
{
    size_t place = 0;

    while (place < joined->count && (span->first < joined->spans[place].first ||
                                     end_of(span) > end_of(&joined->spans[place])))
        place++;
    MUST_HOLD(place < joined->count);
    return place;
}

static void check_far_apart(const struct range_set *joined)
{
    for (size_t i = 0; i < joined->count; i++) {
        for (size_t j = i + 1; j < joined->count; j++) {
            const struct span *a = &joined->spans[i], *b = &joined->spans[j];

            MUST_HOLD(a->first >= end_of(b) ? a->first - end_of(b) >= RANGE_GAP_MAX
                                            : b->first >= end_of(a) &&
                                                  b->first - end_of(a) >= RANGE_GAP_MAX);
        }
    }
}

/* From its first byte to its last, no gap is as wide as RANGE_GAP_MAX. */
static void check_filled(const struct span *joined, const struct range_set *asked)
{
    uint64_t reach = joined->first;

    for (size_t round = 0; round < asked->count; round++) {
        for (size_t i = 0; i < asked->count; i++) {
            const struct span *span = &asked->spans[i];

            if (span->first < joined->first || end_of(span) > end_of(joined))
                continue;
            if (span->first <= reach || span->first - reach < RANGE_GAP_MAX)
                reach = MAX_OF(reach, end_of(span));
        }
    }
    MUST_HOLD(reach == end_of(joined));
}

static void check_joined(const struct range_set *asked)
{
    struct range_set joined = *asked;
    size_t           seen = 0;

    range_coalesce(&joined);
    MUST_HOLD(joined.count > 0 && joined.count <= asked->count);
    check_far_apart(&joined);
    for (size_t i = 0; i < joined.count; i++)
        check_filled(&joined.spans[i], asked);
    for (size_t i = 0; i < asked->count; i++) {
        size_t place = place_of(&joined, &asked->spans[i]);

        MUST_HOLD(place <= seen);       /* in the order asked */
        seen += place == seen;
    }
    MUST_HOLD(seen == joined.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str         input = str_of((const char *)data, size);
    unsigned           shift = choose_byte(&input) % 64;
    uint64_t           length = choose_u64(&input) >> shift;
    struct tight_str   field = tight_bytes(input.ptr, input.len);
    struct range_set   set = {.count = 0}, naive;
    enum range_verdict verdict = range_parse(field.view, length, &set);

    MUST_HOLD(verdict == naive_parse(field.view, length, &naive));
    if (verdict == RANGE_PARTIAL) {
        check_spans(&set, &naive, length);
        check_joined(&set);
    }
    tight_str_free(&field);
    return 0;
}
