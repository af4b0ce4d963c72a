#include "http/range.h"

#include "http/token.h"

/* Positions have no bound in the grammar: one that does not fit 64 bits lies behind the end of
 * any file, and so does the largest that fits. */
static bool read_position(struct str digits, uint64_t *position)
{
    if (!token_all(digits, CHAR_DIGIT))
        return false;
    if (!str_to_u64(digits, position))
        *position = UINT64_MAX;
    return true;
}

/* suffix-range = "-" suffix-length */
static enum range_verdict suffix_span(struct str digits, uint64_t length, struct span *span)
{
    uint64_t wanted;

    if (!read_position(digits, &wanted))
        return RANGE_IGNORED;
    if (wanted == 0)
        return RANGE_UNSATISFIABLE;
    /* RFC 9110 §14.1.2: it can be satisfied, but no Content-Range can say "no bytes". */
    if (length == 0)
        return RANGE_IGNORED;

    /* RFC 9110 §14.1.2: a suffix longer than the representation means all of it. */
    span->length = MIN_OF(wanted, length);
    span->first = length - span->length;
    return RANGE_PARTIAL;
}

/* int-range = first-pos "-" [ last-pos ] */
static enum range_verdict int_span(struct str first_digits, struct str last_digits,
                                   uint64_t length, struct span *span)
{
    uint64_t first, last = UINT64_MAX;

    if (!read_position(first_digits, &first))
        return RANGE_IGNORED;
    if (last_digits.len > 0 && !read_position(last_digits, &last))
        return RANGE_IGNORED;
    if (first > last)                                   /* RFC 9110 §14.1.1: invalid */
        return RANGE_IGNORED;
    if (first >= length)
        return RANGE_UNSATISFIABLE;

    /* RFC 9110 §14.1.2: a last byte past the end means the last there is. */
    *span = (struct span){.first = first, .length = MIN_OF(last, length - 1) - first + 1};
    return RANGE_PARTIAL;
}

/* range-spec = int-range / suffix-range */
static enum range_verdict read_span(struct str spec, uint64_t length, struct span *span)
{
    size_t dash = str_find(spec, '-');
    struct str first = str_of(spec.ptr, dash);
    struct str last = str_from(spec, dash + 1);

    if (dash == spec.len)
        return RANGE_IGNORED;
    return dash == 0 ? suffix_span(last, length, span) : int_span(first, last, length, span);
}

/* range-set = 1#range-spec */
static enum range_verdict read_set(struct str specs, uint64_t length, struct range_set *set)
{
    struct range_set found = {.count = 0};
    struct str spec;
    size_t asked = 0;

    while (token_list_next(&specs, &spec)) {
        struct span span;
        enum range_verdict verdict = read_span(spec, length, &span);

        if (verdict == RANGE_IGNORED || ++asked > RANGE_SPANS_MAX)
            return RANGE_IGNORED;
        if (verdict == RANGE_PARTIAL)
            found.spans[found.count++] = span;
    }
    if (asked == 0)
        return RANGE_IGNORED;
    if (found.count == 0)
        return RANGE_UNSATISFIABLE;
    *set = found;
    return RANGE_PARTIAL;
}

/* ranges-specifier = range-unit "=" range-set                      RFC 9110 §14.1.1
 * Unit names are case-insensitive (RFC 9110 §14.1). */
enum range_verdict range_parse(struct str field, uint64_t length, struct range_set *set)
{
    size_t equals = field.ptr ? str_find(field, '=') : 0;

    if (!field.ptr || !str_equal_nocase(str_of(field.ptr, equals), STR("bytes")))
        return RANGE_IGNORED;
    return read_set(str_from(field, equals + 1), length, set);
}

static bool are_close(const struct span *a, const struct span *b)
{
    const struct span *left = a->first <= b->first ? a : b;
    const struct span *right = left == a ? b : a;

    return right->first <= left->first + left->length ||
           right->first - (left->first + left->length) < RANGE_GAP_MAX;
}

static void widen(struct span *span, const struct span *other)
{
    uint64_t end = MAX_OF(span->first + span->length, other->first + other->length);

    span->first = MIN_OF(span->first, other->first);
    span->length = end - span->first;
}

/* Joins the first two spans that are close.  False: there are none. */
static bool join_two(struct range_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = i + 1; j < set->count; j++) {
            if (!are_close(&set->spans[i], &set->spans[j]))
                continue;
            widen(&set->spans[i], &set->spans[j]);
            memmove(&set->spans[j], &set->spans[j + 1],
                    (set->count - j - 1) * sizeof(set->spans[0]));
            set->count--;
            return true;
        }
    }
    return false;
}

void range_coalesce(struct range_set *set)
{
    while (join_two(set))       /* each round has one span less */
        ;
}
