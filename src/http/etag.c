#include "http/etag.h"

#include "http/token.h"

static struct str without_weak(struct str tag)
{
    return etag_is_weak(tag) ? str_from(tag, 2) : tag;
}

/* opaque-tag = DQUOTE *etagc DQUOTE
 * How long the one at the front is, or 0. */
static size_t opaque_len(struct str s)
{
    size_t len = 1;

    if (s.len == 0 || s.ptr[0] != '"')
        return 0;
    while (len < s.len && char_is(s.ptr[len], CHAR_ETAG))
        len++;
    return len < s.len && s.ptr[len] == '"' ? len + 1 : 0;
}

/* entity-tag = [ weak ] opaque-tag        weak = %s"W/"            RFC 9110 §8.8.3 */
bool etag_is_valid(struct str tag)
{
    struct str opaque = without_weak(tag);

    return opaque.len > 0 && opaque_len(opaque) == opaque.len;
}

bool etag_is_weak(struct str tag)
{
    return str_starts(tag, STR("W/"));
}

bool etag_equal_strong(struct str a, struct str b)
{
    return !etag_is_weak(a) && str_equal(a, b);
}

bool etag_equal_weak(struct str a, struct str b)
{
    return str_equal(without_weak(a), without_weak(b));
}

static struct str pass_separators(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ',' || s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = str_from(s, 1);
    return s;
}

/* Takes a tag off the front, which must be followed by a comma or the end.  A list of its own,
 * because commas stand in tags, and backslashes there escape nothing. */
static bool take_tag(struct str *rest, struct str *tag)
{
    struct str list = pass_separators(*rest);
    size_t weak_len = etag_is_weak(list) ? 2 : 0;
    size_t len = opaque_len(str_from(list, weak_len));
    struct str behind = str_trim(str_from(list, weak_len + len));

    *tag = str_of(list.ptr, weak_len + len);
    *rest = behind;
    return len > 0 && (behind.len == 0 || behind.ptr[0] == ',');
}

/* #entity-tag                                                      RFC 9110 §13.1.1, §13.1.2 */
bool etag_list_has(struct str list, struct str tag, bool weak)
{
    struct str each;

    while (take_tag(&list, &each))
        if (weak ? etag_equal_weak(each, tag) : etag_equal_strong(each, tag))
            return true;
    return false;
}
