#include "http/cookie.h"

#include "http/token.h"

/* ---- reading -------------------------------------------------------------------------- */

/* cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )   RFC 6265 §4.1.1 */
static struct str without_quotes(struct str value)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        return str_of(value.ptr + 1, value.len - 2);
    return value;
}

/* cookie-string = cookie-pair *( ";" SP cookie-pair )              RFC 6265 §4.2.1
 * Clients send back what scripts have made, too: what is not of that form costs only itself. */
bool cookie_next(struct str *rest, struct str *name, struct str *value)
{
    struct str piece;

    while (str_split(rest, ';', &piece)) {
        size_t mark = str_find(piece, '=');

        *name = str_trim(str_of(piece.ptr, mark));
        if (mark == piece.len || name->len == 0)
            continue;
        *value = without_quotes(str_trim(str_from(piece, mark + 1)));
        return true;
    }
    return false;
}

/* ---- setting -------------------------------------------------------------------------- */

static bool is_visible(char byte)
{
    return byte > 0x20 && byte < 0x7f;
}

/* cookie-octet: visible US-ASCII without DQUOTE, comma, semicolon and backslash */
static bool is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!is_visible(value.ptr[i]) || strchr("\",;\\", value.ptr[i]))
            return false;
    return true;
}

/* path-value = <any CHAR except CTLs or ";">
 * One that does not begin with "/" means another (§5.2.4); a space at its end is not sent. */
static bool is_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((!is_visible(path.ptr[i]) && path.ptr[i] != ' ') || path.ptr[i] == ';')
            return false;
    return str_starts(path, STR("/")) && !str_ends(path, STR(" "));
}

static bool is_good(const struct cookie *cookie)
{
    return token_all(cookie->name, CHAR_TOKEN) && is_value(cookie->value) &&
           is_path(cookie->path) && cookie->name.len <= COOKIE_BYTES_MAX &&
           cookie->value.len <= COOKIE_BYTES_MAX - cookie->name.len;
}

/* max-age-av = "Max-Age=" non-zero-digit *DIGIT
 * So there is no "Max-Age=0": what is to be forgotten has expired long ago (§3.1). */
static void write_age(struct buf *buf, int64_t max_age_s)
{
    if (max_age_s < 0)
        buf_append(buf, STR("; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
    if (max_age_s <= 0)
        return;
    buf_append(buf, STR("; Max-Age="));
    buf_append_u64(buf, (uint64_t)max_age_s);
}

/* set-cookie-string = cookie-pair *( ";" SP cookie-av )            RFC 6265 §4.1.1 */
bool cookie_write(struct buf *buf, const struct cookie *cookie)
{
    size_t len = buf->len;

    if (!is_good(cookie))
        return false;
    buf_append(buf, cookie->name);
    buf_append_byte(buf, '=');
    buf_append(buf, cookie->value);
    buf_append(buf, STR("; Path="));
    buf_append(buf, cookie->path);
    write_age(buf, cookie->max_age_s);
    if (cookie->is_secure)
        buf_append(buf, STR("; Secure"));
    if (!cookie->is_for_scripts)
        buf_append(buf, STR("; HttpOnly"));
    buf_append(buf, cookie->is_cross_site ? STR("; SameSite=None") : STR("; SameSite=Lax"));
    if (buf->failed)
        buf->len = len;
    return !buf->failed;
}
