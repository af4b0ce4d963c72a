#include "site/content_type.h"

#include <stdio.h>

#include "http/media_type.h"
#include "site/mime.h"
#include "site/sniff.h"

static_assert(CONTENT_TYPE_BEGINNING >= (int)SNIFF_BYTES_MAX, "libmagic gets what it may look at");
static_assert(CONTENT_TYPE_BYTES > MIME_TYPE_MAX + sizeof "; charset=utf-16le", "all types fit");

#define BYTES STR("application/octet-stream")
#define PLAIN STR("text/plain")
#define HTML  STR("text/html")

/* ---- HTML -------------------------------------------------------------------------- */

/* MIME Sniffing §7.1, less the comment, behind which anything may come; and two more that stand
 * where a page begins. */
static const struct str html_tags[] = {
    STR("<!DOCTYPE HTML"), STR("<HTML"), STR("<HEAD"), STR("<SCRIPT"), STR("<IFRAME"), STR("<H1"),
    STR("<DIV"), STR("<FONT"), STR("<TABLE"), STR("<A"), STR("<STYLE"), STR("<TITLE"), STR("<B"),
    STR("<BODY"), STR("<BR"), STR("<P"), STR("<META"), STR("<LINK"),
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct str without_spaces(struct str bytes)
{
    size_t from = 0;

    while (from < bytes.len && is_space(bytes.ptr[from]))
        from++;
    return str_from(bytes, from);
}

/* From where the first tag may be: behind spaces and comments. */
static struct str without_comments(struct str bytes)
{
    bytes = without_spaces(bytes);
    while (str_starts(bytes, STR("<!--"))) {
        const char *end = memmem(bytes.ptr + 4, bytes.len - 4, "-->", 3);

        if (!end)
            return STR_NONE;
        bytes = without_spaces(str_from(bytes, (size_t)(end - bytes.ptr) + 3));
    }
    return bytes;
}

static bool begins_as_html(struct str bytes)
{
    if (str_starts(bytes, STR("\xef\xbb\xbf")))
        bytes = str_from(bytes, 3);
    bytes = without_comments(bytes);
    for (size_t i = 0; i < COUNTOF(html_tags); i++) {
        size_t len = html_tags[i].len;

        if (bytes.len > len && str_equal_nocase(str_of(bytes.ptr, len), html_tags[i]) &&
            (is_space(bytes.ptr[len]) || bytes.ptr[len] == '>'))
            return true;
    }
    return false;
}

/* ---- what libmagic says ------------------------------------------------------------ */

/* The same things by the names that the table of endings has for them. */
static const struct alias {
    struct str says;
    struct str means;
} aliases[] = {
    {STR("application/vnd.ms-opentype"), STR("font/otf")},
    {STR("application/x-coredump"), BYTES},
    {STR("application/x-dosexec"), BYTES},
    {STR("application/x-executable"), BYTES},
    {STR("application/x-gzip"), STR("application/gzip")},
    {STR("application/x-mach-binary"), BYTES},
    {STR("application/x-object"), BYTES},
    {STR("application/x-pie-executable"), BYTES},
    {STR("application/x-rar"), STR("application/vnd.rar")},
    {STR("application/x-sharedlib"), BYTES},
    {STR("application/x-sqlite3"), STR("application/vnd.sqlite3")},
    {STR("application/x-zstd"), STR("application/zstd")},
    {STR("audio/x-aiff"), STR("audio/aiff")},
    {STR("audio/x-flac"), STR("audio/flac")},
    {STR("audio/x-hx-aac-adts"), STR("audio/aac")},
    {STR("audio/x-m4a"), STR("audio/mp4")},
    {STR("audio/x-wav"), STR("audio/wav")},
    {STR("image/x-icon"), STR("image/vnd.microsoft.icon")},
    {STR("image/x-ms-bmp"), STR("image/bmp")},
    {STR("video/x-m4v"), STR("video/mp4")},
    {STR("video/x-matroska"), STR("video/matroska")},
    {STR("video/x-msvideo"), STR("video/vnd.avi")},
};

/* Text in which it matters what it is: to the programs that such a link is for. */
static const struct str told_apart[] = {
    STR("text/calendar"), STR("text/rtf"), STR("text/vcard"), STR("text/vtt"), STR("text/xml"),
};

static struct str by_our_name(struct str type)
{
    for (size_t i = 0; i < COUNTOF(aliases); i++)
        if (str_equal(type, aliases[i].says))
            return aliases[i].means;
    return type;
}

static bool is_told_apart(struct str type)
{
    for (size_t i = 0; i < COUNTOF(told_apart); i++)
        if (str_equal(type, told_apart[i]))
            return true;
    return false;
}

/* JavaScript is only a guess, and a wrong one would let a text run as a script. */
static bool is_script(struct str type)
{
    return str_ends(type, STR("javascript"));
}

/* A finer name for what is only text: "text/x-c", "message/rfc822"; a format of which nobody says
 * that it is made of text, while the bytes are (but a PDF may have no others). */
static bool is_plain(struct str type, struct str encoding)
{
    if (str_starts(type, STR("text/")) || str_starts(type, STR("message/")) || is_script(type))
        return !is_told_apart(type);
    return str_starts(type, STR("application/")) && encoding.len > 0 &&
           !str_equal(encoding, STR("binary")) && !media_type_is_text(type) &&
           !str_equal(type, STR("application/pdf"));
}

/* The beginning looked like text, and then came something else: a program that unpacks itself. */
static bool is_text_to_the_end(const struct survey *survey, struct str encoding)
{
    return !survey->was_whole || !survey->has_nul || str_starts(encoding, STR("utf-16"));
}

static struct str type_sniffed(const struct sniffed *sniffed, struct str beginning,
                               const struct survey *survey)
{
    struct str type = by_our_name(sniffed->type);

    if (str_starts(type, STR("inode/")))
        return BYTES;
    if (!is_plain(type, sniffed->encoding))
        return type;
    if (!is_text_to_the_end(survey, sniffed->encoding))
        return BYTES;
    return begins_as_html(beginning) ? HTML : PLAIN;
}

/* Of a single byte libmagic has no opinion, and of none an odd one. */
static bool is_worth_sniffing(struct str beginning)
{
    return beginning.len > 1;
}

static struct str type_without_magic(struct str beginning, const struct survey *survey)
{
    if (!survey_is_utf8(survey))
        return BYTES;
    return begins_as_html(beginning) ? HTML : PLAIN;
}

/* ---- what is said ------------------------------------------------------------------ */

/* TypeScript has taken the endings of MPEG transport streams, ts and mts.  No such stream is text:
 * there are NULs in its first packet. */
static struct str type_named(struct str type, const struct survey *survey)
{
    return str_equal(type, STR("video/mp2t")) && survey_is_text(survey) ? PLAIN : type;
}

bool content_type_needs_sniffing(const struct mime_types *types, struct str name)
{
    return mime_types_of(types, name).len == 0;
}

bool content_type_needs_bytes(const struct mime_types *types, struct str name)
{
    struct str type = mime_types_of(types, name);

    return type.len == 0 || media_type_takes_charset(type) || str_equal(type, STR("video/mp2t"));
}

struct str content_type_write(const struct mime_types *types, struct str name,
                              struct str beginning, const struct survey *survey,
                              char value[CONTENT_TYPE_BYTES])
{
    struct sniffed sniffed = {.encoding = STR_NONE};
    struct str type = mime_types_of(types, name), charset;

    if (type.len > 0)
        type = type_named(type, survey);
    else if (is_worth_sniffing(beginning) && sniff(beginning, &sniffed))
        type = type_sniffed(&sniffed, beginning, survey);
    else
        type = type_without_magic(beginning, survey);
    charset = charset_of(type, beginning, survey, sniffed.encoding);
    snprintf(value, CONTENT_TYPE_BYTES, "%.*s%s%.*s", STR_ARG(type),
             charset.len > 0 ? "; charset=" : "", STR_ARG(charset));
    return str_of(value, type.len);
}
