#include "http/target.h"

#include "http/token.h"

/* Stands for a decoded "/" while the path grows, so that none is taken for the end of a segment.
 * No other byte is decoded to it. */
enum { ESCAPED_SLASH = '\0' };

/* The decoded path while it grows: segments joined by "/", `depth` of them. */
struct clean {
    char  *room;
    size_t len;
    size_t depth;
    bool   has_slash;
};

static bool is_control(int byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* segment = *pchar, and what browsers send besides.  Decodes it to `out`. */
static struct refusal decode_segment(struct clean *clean, struct str raw, struct str *segment,
                                     char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        int byte = (unsigned char)raw.ptr[i];

        if (byte == '%') {
            byte = token_escape(str_from(raw, i));
            if (byte < 0)
                return refuse(HTTP_BAD_REQUEST, "malformed escape in the path");
            if (is_control(byte))
                return refuse(HTTP_BAD_REQUEST, "escaped control byte in the path");
            if (byte == '/') {
                clean->has_slash = true;
                byte = ESCAPED_SLASH;
            }
            i += 2;
        }
        out[len++] = (char)byte;
    }
    *segment = str_of(out, len);
    return REFUSAL_NONE;
}

static void drop_last_segment(struct clean *clean)
{
    if (--clean->depth == 0)
        clean->len = 0;
    while (clean->len > 0 && clean->room[--clean->len] != '/')
        ;
}

/* Dot segments are looked for after decoding, so that "%2e%2e" is no way around
 * (RFC 3986 §6.2.2.2 makes the two the same). */
static struct refusal add_segment(struct clean *clean, struct str raw, bool *is_directory)
{
    size_t start = clean->len > 0 ? clean->len + 1 : 0;
    struct str segment;
    struct refusal refusal = decode_segment(clean, raw, &segment, clean->room + start);

    if (is_refused(refusal))
        return refusal;

    *is_directory = true;
    if (segment.len == 0 || str_equal(segment, STR(".")))
        return REFUSAL_NONE;

    if (str_equal(segment, STR(".."))) {
        if (clean->depth == 0)
            return refuse(HTTP_BAD_REQUEST, "path climbs above the root");
        drop_last_segment(clean);
        return REFUSAL_NONE;
    }

    *is_directory = false;
    if (start > 0)
        clean->room[start - 1] = '/';
    clean->len = start + segment.len;
    clean->depth++;
    return REFUSAL_NONE;
}

static void show_slashes(struct clean *clean)
{
    for (size_t i = 0; i < clean->len; i++)
        if (clean->room[i] == ESCAPED_SLASH)
            clean->room[i] = '/';
}

/* absolute-path = 1*( "/" segment ) */
static struct refusal add_segments(struct clean *clean, struct str raw_path, bool *is_directory)
{
    struct str rest = str_from(raw_path, 1);
    struct str raw;

    *is_directory = true;
    while (str_split(&rest, '/', &raw)) {
        struct refusal refusal = add_segment(clean, raw, is_directory);

        if (is_refused(refusal))
            return refusal;
    }
    return REFUSAL_NONE;
}

static struct refusal clean_path(char *room, struct target *target)
{
    struct clean clean = {.room = room};
    struct refusal refusal = add_segments(&clean, target->raw_path, &target->is_directory);

    if (is_refused(refusal))
        return refusal;
    if (clean.has_slash)
        show_slashes(&clean);
    room[clean.len] = '\0';
    target->path = str_of(room, clean.len);
    target->has_slash = clean.has_slash;
    return REFUSAL_NONE;
}

struct str target_segments(const struct target *target, char *room)
{
    struct clean clean = {.room = room};
    bool is_directory;
    struct refusal refusal = add_segments(&clean, target->raw_path, &is_directory);

    assert(!is_refused(refusal));
    (void)refusal;
    return str_of(room, clean.len);
}

/* origin-form = absolute-path [ "?" query ]                        RFC 9112 §3.2.1
 * The query is the handler's to read: browsers send a lone "%" there, so it is left as it is. */
static struct refusal parse_origin(struct str raw, char *room, struct target *target)
{
    size_t mark = str_find(raw, '?');

    target->raw_path = str_of(raw.ptr, mark);
    if (mark < raw.len)
        target->query = str_of(raw.ptr + mark + 1, raw.len - mark - 1);
    if (mark == 0)                                      /* "http://host" names "/" */
        target->raw_path = STR("/");
    return clean_path(room, target);
}

/* "http://" or "https://", whatever the case; how long it is, or 0. */
static size_t scheme_len(struct str raw)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < COUNTOF(schemes); i++) {
        size_t len = schemes[i].len;

        if (raw.len >= len && str_equal_nocase(str_of(raw.ptr, len), schemes[i]))
            return len;
    }
    return 0;
}

/* absolute-form = scheme "://" authority path-abempty [ "?" query ]     RFC 9112 §3.2.2 */
static struct refusal parse_absolute(struct str raw, char *room, struct target *target)
{
    struct str rest = str_from(raw, scheme_len(raw));
    size_t len = 0;

    if (rest.len == raw.len)
        return refuse(HTTP_BAD_REQUEST, "target is neither a path nor an http or https URI");

    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    target->form = TARGET_ABSOLUTE;
    target->is_https = raw.len - rest.len == strlen("https://");
    target->authority = str_of(rest.ptr, len);

    /* RFC 9110 §4.2.1: an empty host is invalid here; §4.2.4: so is user information. */
    if (len == 0 || !target_authority_is_valid(target->authority))
        return refuse(HTTP_BAD_REQUEST, "invalid authority in the target");
    return parse_origin(str_of(rest.ptr + len, rest.len - len), room, target);
}

/* request-target = origin-form / absolute-form / authority-form / asterisk-form  RFC 9112 §3.2 */
struct refusal target_parse(struct str raw, enum method method, char *room, struct target *target)
{
    *target = (struct target){.form = TARGET_ORIGIN};
    room[0] = '\0';
    target->path = str_of(room, 0);

    if (str_find(raw, '#') < raw.len)
        return refuse(HTTP_BAD_REQUEST, "fragment in the target");
    if (raw.len > 0 && raw.ptr[0] == '/')
        return parse_origin(raw, room, target);
    if (!str_equal(raw, STR("*")))
        return parse_absolute(raw, room, target);

    target->form = TARGET_ASTERISK;
    target->raw_path = raw;
    if (method != METHOD_OPTIONS)                       /* RFC 9112 §3.2.4 */
        return refuse(HTTP_BAD_REQUEST, "\"*\" is a target for OPTIONS only");
    return REFUSAL_NONE;
}

/* dec-octet "." dec-octet "." dec-octet "." dec-octet              RFC 3986 §3.2.2 */
static bool is_ipv4(struct str s)
{
    struct str octet;
    uint64_t value;
    unsigned octets = 0;

    while (str_split(&s, '.', &octet)) {
        bool padded = octet.len > 1 && octet.ptr[0] == '0';

        if (octet.len > 3 || padded || !str_to_u64(octet, &value) || value > 255)
            return false;
        octets++;
    }
    return octets == 4;
}

/* h16 = 1*4HEXDIG; how many digits stand at `at`. */
static size_t count_hex(struct str s, size_t at)
{
    size_t count = 0;

    while (at + count < s.len && char_is(s.ptr[at + count], CHAR_HEX))
        count++;
    return count;
}

/* IPv6address: eight groups of h16 between colons, the last two perhaps as an IPv4 address; one
 * "::" may stand for one group or more (RFC 3986 §3.2.2). */
static bool is_ipv6(struct str s)
{
    bool gap = str_starts(s, STR("::"));
    size_t at = gap ? 2 : 0;
    unsigned groups = 0;

    while (at < s.len) {
        size_t digits = count_hex(s, at);

        if (at + digits < s.len && s.ptr[at + digits] == '.') {
            if (!is_ipv4(str_from(s, at)))
                return false;
            groups += 2;
            break;
        }
        if (digits == 0 || digits > 4)
            return false;
        groups++;
        at += digits;
        if (at == s.len)
            break;
        if (s.ptr[at++] != ':' || at == s.len)
            return false;
        if (s.ptr[at] == ':') {
            if (gap)
                return false;
            gap = true;
            at++;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

/* reg-name = *( unreserved / pct-encoded / sub-delims )            RFC 3986 §3.2.2
 * Any IPv4 address is one. */
static bool is_reg_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%') {
            if (token_escape(str_from(s, i)) < 0)
                return false;
            i += 2;
        } else if (!char_is(s.ptr[i], CHAR_SEGMENT) || s.ptr[i] == ':' || s.ptr[i] == '@') {
            return false;
        }
    }
    return true;
}

/* port = *DIGIT; none at all is valid too (RFC 3986 §3.2.3). */
static bool is_port(struct str s)
{
    uint64_t port;

    return s.len == 0 || (str_to_u64(s, &port) && port <= UINT16_MAX);
}

/* uri-host [ ":" port ]                                            RFC 9110 §7.2 */
bool target_authority_is_valid(struct str authority)
{
    bool in_brackets = str_starts(authority, STR("["));
    size_t end = str_find(authority, in_brackets ? ']' : ':');
    struct str host = str_of(authority.ptr, end);
    struct str port;

    /* RFC 9110 §4.2.1: a port needs a host; nothing at all is valid in Host (RFC 9112 §3.2). */
    if (host.len == 0 && authority.len > 0)
        return false;
    if (!in_brackets)
        return is_reg_name(host) && is_port(str_from(authority, end + 1));

    if (end == authority.len || !is_ipv6(str_from(host, 1)))
        return false;
    port = str_from(authority, end + 1);
    return port.len == 0 || (port.ptr[0] == ':' && is_port(str_from(port, 1)));
}
