#include "site/charset.h"

#include "http/media_type.h"

/* ---- the bytes --------------------------------------------------------------------- */

void survey_read(struct survey *survey, struct str bytes)
{
    utf8_read(&survey->utf8, bytes);
    survey->has_nul = survey->has_nul || str_find(bytes, '\0') < bytes.len;
}

bool survey_is_utf8(const struct survey *survey)
{
    return survey->was_whole && utf8_is_text(&survey->utf8);
}

bool survey_is_text(const struct survey *survey)
{
    return survey->was_whole && !survey->has_nul;
}

/* RFC 2781 §3.3: with a mark, UTF-16 is called that, and the mark tells the order of the bytes.
 * Little endian and two NUL is UTF-32, which no browser reads. */
static struct str charset_of_mark(struct str bytes)
{
    if (str_starts(bytes, STR("\xef\xbb\xbf")))
        return STR("utf-8");
    if (str_starts(bytes, STR("\xfe\xff")))
        return STR("utf-16");
    if (str_starts(bytes, STR("\xff\xfe")) && !str_starts(bytes, STR("\xff\xfe\0\0")))
        return STR("utf-16");
    return STR_NONE;
}

/* ---- reading a declaration --------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void skip(struct str *rest, size_t count)
{
    *rest = str_from(*rest, count);
}

static void skip_spaces(struct str *rest)
{
    while (rest->len > 0 && is_space(*rest->ptr))
        skip(rest, 1);
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal_nocase(str_of(s.ptr, prefix.len), prefix);
}

/* Where `needle` first stands, whatever its case; s.len when it does not. */
static size_t find_nocase(struct str s, struct str needle)
{
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (starts_nocase(str_from(s, i), needle))
            return i;
    return s.len;
}

/* Takes off the front what stands between two quotes of a kind; false when there are none. */
static bool take_quoted(struct str *rest, struct str *value)
{
    size_t len;

    if (rest->len == 0 || (*rest->ptr != '"' && *rest->ptr != '\''))
        return false;
    len = str_find(str_from(*rest, 1), *rest->ptr);
    if (len == rest->len - 1)
        return false;
    *value = str_of(rest->ptr + 1, len);
    skip(rest, len + 2);
    return true;
}

/* ---- CSS --------------------------------------------------------------------------- */

/* CSS Syntax 3, §3.2: these bytes and no others. */
static struct str declared_in_css(struct str bytes)
{
    static const struct str opening = STR("@charset \"");
    struct str rest, value;

    if (!str_starts(bytes, opening))
        return STR_NONE;
    rest = str_from(bytes, opening.len - 1);
    return take_quoted(&rest, &value) && str_starts(rest, STR(";")) ? value : STR_NONE;
}

/* ---- XML --------------------------------------------------------------------------- */

/* XMLDecl = "<?xml" VersionInfo [ EncodingDecl ] [ SDDecl ] "?>"          (XML 1.0 §2.8)
 * EncodingDecl = S "encoding" Eq ( quoted EncName )                       (§4.3.3) */
static struct str declared_in_xml(struct str bytes)
{
    struct str rest = bytes, value;

    if (!str_starts(rest, STR("<?xml")) || rest.len == 5 || !is_space(rest.ptr[5]))
        return STR_NONE;
    rest.len = find_nocase(rest, STR("?>"));
    skip(&rest, find_nocase(rest, STR("encoding")));
    skip(&rest, STR("encoding").len);
    skip_spaces(&rest);
    if (!str_starts(rest, STR("=")))
        return STR_NONE;
    skip(&rest, 1);
    skip_spaces(&rest);
    return take_quoted(&rest, &value) ? value : STR_NONE;
}

/* ---- HTML: "prescan a byte stream to determine its encoding" ------------------------ */

struct attribute {
    struct str name;
    struct str value;
};

static size_t value_length(struct str rest)
{
    size_t len = 0;

    while (len < rest.len && !is_space(rest.ptr[len]) && rest.ptr[len] != '>')
        len++;
    return len;
}

static size_t name_length(struct str rest)
{
    size_t len = 0;

    while (len < rest.len && !is_space(rest.ptr[len]) && rest.ptr[len] != '/' &&
           rest.ptr[len] != '>' && (rest.ptr[len] != '=' || len == 0))
        len++;
    return len;
}

/* "Get an attribute".  False at the end of the tag, which is left where it is, or of the bytes. */
static bool take_attribute(struct str *rest, struct attribute *attribute)
{
    size_t len;

    while (rest->len > 0 && (is_space(*rest->ptr) || *rest->ptr == '/'))
        skip(rest, 1);
    len = name_length(*rest);
    *attribute = (struct attribute){.name = str_of(rest->ptr, len), .value = STR_NONE};
    skip(rest, len);
    if (len == 0)
        return false;
    skip_spaces(rest);
    if (!str_starts(*rest, STR("=")))
        return true;
    skip(rest, 1);
    skip_spaces(rest);
    if (!take_quoted(rest, &attribute->value)) {
        attribute->value = str_of(rest->ptr, value_length(*rest));
        skip(rest, attribute->value.len);
    }
    return true;
}

/* "Extract a character encoding from a meta element": what follows "charset=" in its content. */
static struct str charset_in_content(struct str content)
{
    struct str rest = content, value;
    size_t len = 0;

    for (;;) {
        skip(&rest, find_nocase(rest, STR("charset")));
        if (rest.len == 0)
            return STR_NONE;
        skip(&rest, STR("charset").len);
        skip_spaces(&rest);
        if (str_starts(rest, STR("=")))
            break;
    }
    skip(&rest, 1);
    skip_spaces(&rest);
    if (take_quoted(&rest, &value))
        return value;
    while (len < rest.len && !is_space(rest.ptr[len]) && rest.ptr[len] != ';')
        len++;
    return str_of(rest.ptr, len);
}

/* The attributes of <meta>, behind that.  Of two of a name the first counts. */
static struct str declared_in_meta(struct str *rest)
{
    struct str charset = STR_NONE, content = STR_NONE;
    bool is_pragma = false;
    struct attribute each;

    while (take_attribute(rest, &each)) {
        if (str_equal_nocase(each.name, STR("charset")) && charset.len == 0)
            charset = each.value;
        else if (str_equal_nocase(each.name, STR("content")) && content.len == 0)
            content = each.value;
        else if (str_equal_nocase(each.name, STR("http-equiv")))
            is_pragma |= str_equal_nocase(each.value, STR("content-type"));
    }
    if (charset.len > 0)
        return charset;
    return is_pragma ? charset_in_content(content) : STR_NONE;
}

static bool is_meta(struct str rest)
{
    return starts_nocase(rest, STR("<meta")) && rest.len > 5 &&
           (is_space(rest.ptr[5]) || rest.ptr[5] == '/');
}

static bool is_tag(struct str rest)
{
    return (rest.len > 1 && is_letter(rest.ptr[1])) ||
           (rest.len > 2 && rest.ptr[1] == '/' && is_letter(rest.ptr[2]));
}

/* Past a tag: a ">" inside the quotes of an attribute does not end it. */
static void skip_tag(struct str *rest)
{
    struct attribute each;

    skip(rest, 1);
    while (rest->len > 0 && !is_space(*rest->ptr) && *rest->ptr != '>')
        skip(rest, 1);
    while (take_attribute(rest, &each)) {
        /* Only where it ends matters. */
    }
}

/* Past what begins with "<", or past one byte of text. */
static void skip_markup(struct str *rest)
{
    if (str_starts(*rest, STR("<!--"))) {
        /* "<!-->" is a whole comment. */
        skip(rest, 2);
        skip(rest, find_nocase(*rest, STR("-->")));
    } else if (is_tag(*rest)) {
        skip_tag(rest);
    } else if (str_starts(*rest, STR("<!")) || str_starts(*rest, STR("</")) ||
               str_starts(*rest, STR("<?"))) {
        skip(rest, str_find(*rest, '>'));
    } else {
        skip(rest, 1);
    }
}

static struct str declared_in_html(struct str bytes)
{
    struct str rest = bytes;

    while (rest.len > 0) {
        skip(&rest, str_find(rest, '<'));
        if (is_meta(rest)) {
            struct str declared;

            skip(&rest, STR("<meta").len);
            declared = declared_in_meta(&rest);
            if (declared.len > 0)
                return declared;
        } else {
            skip_markup(&rest);
        }
    }
    return declared_in_xml(bytes);
}

/* ---- what is said ------------------------------------------------------------------ */

struct str charset_declared(struct str type, struct str beginning)
{
    struct str bytes = str_of(beginning.ptr, MIN_OF(beginning.len, CHARSET_DECLARATION_MAX));

    if (str_starts(bytes, STR("\xef\xbb\xbf")))
        skip(&bytes, 3);
    if (str_equal(type, STR("text/html")))
        return str_trim(declared_in_html(bytes));
    if (str_equal(type, STR("text/css")))
        return str_trim(declared_in_css(bytes));
    if (str_equal(type, STR("text/xml")) || str_equal(type, STR("application/xml")) ||
        str_ends(type, STR("xml")))
        return str_trim(declared_in_xml(bytes));
    return STR_NONE;
}

/* Some of the names that the Encoding Standard has for it; nobody writes the others. */
static bool is_utf8_label(struct str label)
{
    return str_equal_nocase(label, STR("utf-8")) || str_equal_nocase(label, STR("utf8"));
}

/* Of a file that is too large to be read whole: its beginning has characters that are UTF-8, and
 * only the last one may be cut short.  ASCII alone proves nothing about the rest. */
static bool begins_as_utf8(struct str beginning)
{
    struct utf8 utf8 = UTF8_NONE;
    bool is_ascii = true;

    utf8_read(&utf8, beginning);
    for (size_t i = 0; i + 3 < beginning.len && is_ascii; i++)
        is_ascii = (unsigned char)beginning.ptr[i] < 0x80;
    return !utf8.is_broken && !utf8.is_odd && !is_ascii;
}

struct str charset_of(struct str type, struct str beginning, const struct survey *survey,
                      struct str guess)
{
    bool is_utf8 = survey->was_whole ? survey_is_utf8(survey) : begins_as_utf8(beginning);
    struct str mark, declared;

    if (!media_type_takes_charset(type))
        return STR_NONE;
    mark = charset_of_mark(beginning);
    if (str_equal(mark, STR("utf-16")))
        return mark;
    declared = charset_declared(type, beginning);
    if (declared.len > 0)
        return is_utf8 && is_utf8_label(declared) ? STR("utf-8") : STR_NONE;
    if (is_utf8)
        return STR("utf-8");
    if (mark.len == 0 && (str_equal(guess, STR("utf-16le")) || str_equal(guess, STR("utf-16be"))))
        return str_equal(guess, STR("utf-16le")) ? STR("utf-16le") : STR("utf-16be");
    return STR_NONE;
}
