#include "http/conditional.h"

#include "http/date.h"
#include "http/etag.h"

/* How old a modification must be before its second is over for good.  Two changes within one
 * second have the same date, and a clock read coarsely may be a second behind. */
enum { STRONG_DATE_AGE_S = 2 };

static bool list_names(struct str list, const struct validators *validators, bool weak)
{
    if (validators->etag.ptr && etag_list_has(list, validators->etag, weak))
        return true;
    for (size_t i = 0; i < VALIDATORS_TWINS_MAX; i++)
        if (validators->twins[i].ptr && etag_list_has(list, validators->twins[i], weak))
            return true;
    return false;
}

/* "*" / #entity-tag: does it name the representation we have?  Several lines are one list
 * (RFC 9110 §5.3).  "*" names any that there is (§13.1.1, §13.1.2). */
static bool names_ours(const struct fields *fields, enum known_field known,
                       const struct validators *validators, bool weak)
{
    struct str value;
    size_t at = 0;

    while (fields_next(fields, known, &at, &value)) {
        if (str_equal(value, STR("*")) && !validators->is_absent)
            return true;
        if (list_names(value, validators, weak))
            return true;
    }
    return false;
}

/* DATE_NONE when the field is absent, is no date, or came more than once, which is a list of
 * dates and to be ignored (RFC 9110 §13.1.3, §13.1.4). */
static int64_t read_date(const struct fields *fields, enum known_field known, int64_t now_s)
{
    if (fields->times[known] != 1)
        return DATE_NONE;
    return date_parse(fields_get(fields, known), now_s);
}

/* RFC 9110 §13.2.2, steps 1 and 2: nobody may change what they have not seen. */
static bool lost_update(const struct request *request, const struct validators *validators,
                        int64_t now_s)
{
    const struct fields *fields = &request->fields;
    int64_t date;

    if (fields_has(fields, FIELD_IF_MATCH))
        return !names_ours(fields, FIELD_IF_MATCH, validators, false);

    date = read_date(fields, FIELD_IF_UNMODIFIED_SINCE, now_s);
    return date != DATE_NONE && validators->last_modified != DATE_NONE &&
           validators->last_modified > date;
}

/* RFC 9110 §13.2.2, steps 3 and 4: nobody need get what they have. */
static bool has_ours(const struct request *request, const struct validators *validators,
                     int64_t now_s)
{
    const struct fields *fields = &request->fields;
    int64_t date;

    if (fields_has(fields, FIELD_IF_NONE_MATCH))
        return names_ours(fields, FIELD_IF_NONE_MATCH, validators, true);

    if (request->method != METHOD_GET && request->method != METHOD_HEAD)    /* RFC 9110 §13.1.3 */
        return false;
    date = read_date(fields, FIELD_IF_MODIFIED_SINCE, now_s);
    return date != DATE_NONE && validators->last_modified != DATE_NONE &&
           validators->last_modified <= date;
}

enum condition condition_check(const struct request *request, const struct validators *validators,
                               int64_t now_s)
{
    /* RFC 9110 §13.2.1: conditions mean nothing where no representation is selected. */
    if (request->method == METHOD_OPTIONS || request->method == METHOD_TRACE ||
        request->method == METHOD_CONNECT)
        return CONDITION_SEND;

    if (lost_update(request, validators, now_s))
        return CONDITION_FAILED;
    if (!has_ours(request, validators, now_s))
        return CONDITION_SEND;
    return request->method == METHOD_GET || request->method == METHOD_HEAD
               ? CONDITION_NOT_MODIFIED
               : CONDITION_FAILED;
}

/* RFC 9110 §8.8.2.2: a date is a strong validator only once nothing can change within its second
 * any more.  When the client asked for its part we do not know; that we look at it now is the
 * most that can be said. */
static bool date_is_strong(int64_t last_modified, int64_t now_s)
{
    return last_modified != DATE_NONE && last_modified <= now_s - STRONG_DATE_AGE_S;
}

/* If-Range = entity-tag / HTTP-date                                RFC 9110 §13.1.5 */
bool condition_range_holds(const struct request *request, const struct validators *validators,
                           int64_t now_s)
{
    struct str value = fields_get(&request->fields, FIELD_IF_RANGE);

    if (request->method != METHOD_GET)                  /* RFC 9110 §14.2 */
        return false;
    if (!value.ptr)
        return true;
    if (request->fields.times[FIELD_IF_RANGE] > 1)
        return false;
    if (etag_is_valid(value))
        return validators->etag.ptr && etag_equal_strong(value, validators->etag);
    return date_is_strong(validators->last_modified, now_s) &&
           date_parse(value, now_s) == validators->last_modified;
}
