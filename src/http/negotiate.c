#include "http/negotiate.h"

#include "http/token.h"

/* In the order in which equal weights are served: what is usually the smallest comes first. */
static const enum coding best_first[CODINGS] = {
    CODING_BROTLI,
    CODING_ZSTD,
    CODING_GZIP,
    CODING_IDENTITY,
};

static const struct str names[CODINGS] = {
    [CODING_IDENTITY] = {"identity", 8},
    [CODING_GZIP] = {"gzip", 4},
    [CODING_BROTLI] = {"br", 2},
    [CODING_ZSTD] = {"zstd", 4},
};

enum {
    ANY = CODINGS,          /* "*", which has a weight of its own while we read */
    OTHER,                  /* a coding we do not know */
    UNSAID = NEGOTIATE_WEIGHT_MAX + 1,
    SMALLEST = 1,
};

/* The smallest weight each was named with, or UNSAID. */
struct reading {
    unsigned weights[CODINGS + 1];
    size_t   members;
};

#define READING_NONE ((struct reading){.weights = {UNSAID, UNSAID, UNSAID, UNSAID, UNSAID}})

static_assert(CODINGS == 4, "READING_NONE names every coding, and \"*\"");

struct str coding_name(enum coding coding)
{
    assert(coding < CODINGS);
    return names[coding];
}

/* codings = content-coding / "identity" / "*"
 * Names have no case (RFC 9110 §8.4.1). */
static unsigned which(struct str name)
{
    if (str_equal(name, STR("*")))
        return ANY;
    if (str_equal_nocase(name, STR("x-gzip")))
        return CODING_GZIP;
    for (unsigned coding = 0; coding < CODINGS; coding++)
        if (str_equal_nocase(name, names[coding]))
            return coding;
    return OTHER;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )     RFC 9110 §12.4.2 */
bool negotiate_read_weight(struct str text, unsigned *weight)
{
    unsigned thousandths = 0;

    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[1] != '.'))
        return false;
    for (size_t i = 0; i < 5; i++) {
        char digit = i < text.len ? text.ptr[i] : '0';

        if (i == 1)
            continue;
        if (!char_is(digit, CHAR_DIGIT))
            return false;
        thousandths = thousandths * 10 + (unsigned)(digit - '0');
    }
    *weight = thousandths;
    return thousandths <= NEGOTIATE_WEIGHT_MAX;
}

/* [ weight ]   weight = OWS ";" OWS "q=" qvalue                    RFC 9110 §12.4.2 */
static bool read_weight(struct str text, unsigned *weight)
{
    *weight = NEGOTIATE_WEIGHT_MAX;
    text = str_trim(text);
    if (text.len == 0)
        return true;
    if (text.ptr[0] != ';')
        return false;
    text = str_trim(str_from(text, 1));
    return str_equal_nocase(str_of(text.ptr, MIN_OF(text.len, 2)), STR("q=")) &&
           negotiate_read_weight(str_from(text, 2), weight);
}

/* member = codings [ weight ] */
static void read_member(struct str member, struct reading *reading)
{
    size_t end = 0;
    unsigned coding, weight;

    while (end < member.len && char_is(member.ptr[end], CHAR_TOKEN))
        end++;
    coding = which(str_of(member.ptr, end));
    if (coding == OTHER)
        return;
    if (!read_weight(str_from(member, end), &weight)) {
        if (coding == ANY || coding == CODING_IDENTITY)
            return;
        weight = 0;
    }
    reading->weights[coding] = MIN_OF(reading->weights[coding], weight);
}

/* Accept-Encoding = #( codings [ weight ] ) */
static void read_value(struct str value, struct reading *reading)
{
    struct str member;

    while (reading->members <= NEGOTIATE_MEMBERS_MAX && token_list_next(&value, &member)) {
        reading->members++;
        read_member(member, reading);
    }
}

static void conclude(struct reading *reading, struct coding_wish *wish)
{
    unsigned any;

    if (reading->members > NEGOTIATE_MEMBERS_MAX)
        *reading = READING_NONE;
    any = reading->weights[ANY];
    for (unsigned coding = 0; coding < CODINGS; coding++) {
        unsigned weight = reading->weights[coding];

        if (weight == UNSAID)
            weight = any;
        if (weight == UNSAID)
            weight = coding == CODING_IDENTITY ? SMALLEST : 0;
        wish->weights[coding] = (uint16_t)weight;
    }
}

/* RFC 9110 §12.5.3: without the field any coding is acceptable.  Who does not say that he can
 * decode gets what needs no decoding. */
static void wish_for_anything(struct coding_wish *wish)
{
    for (unsigned coding = 0; coding < CODINGS; coding++)
        wish->weights[coding] = SMALLEST;
    wish->weights[CODING_IDENTITY] = NEGOTIATE_WEIGHT_MAX;
}

void negotiate_read(struct str field, struct coding_wish *wish)
{
    struct reading reading = READING_NONE;

    if (!field.ptr) {
        wish_for_anything(wish);
        return;
    }
    read_value(field, &reading);
    conclude(&reading, wish);
}

void negotiate_read_all(const struct fields *fields, struct coding_wish *wish)
{
    struct reading reading = READING_NONE;
    struct str value;
    size_t at = 0;

    if (!fields_has(fields, FIELD_ACCEPT_ENCODING)) {
        wish_for_anything(wish);
        return;
    }
    while (fields_next(fields, FIELD_ACCEPT_ENCODING, &at, &value))
        read_value(value, &reading);
    conclude(&reading, wish);
}

enum coding negotiate_choose(const struct coding_wish *wish, unsigned available)
{
    enum coding best = CODING_NONE;
    unsigned best_weight = 0;

    for (size_t i = 0; i < CODINGS; i++) {
        enum coding coding = best_first[i];

        if ((available & BIT(coding)) && wish->weights[coding] > best_weight) {
            best = coding;
            best_weight = wish->weights[coding];
        }
    }
    return best;
}
