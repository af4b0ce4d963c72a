#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>

#include "main/option_sources.h"

enum { FILE_BYTES_MAX = 256 * 1024, LINE_BYTES_MAX = 8192 };

/* A file while it is read.  inih tells its handler neither the line nor that one was too long, so
 * lines are handed to it one by one from here. */
struct file {
    struct options *options;
    const char     *path;
    struct str      rest;
    unsigned        line;               /* the one handed out last, from 1 */
    unsigned        seen[OPTIONS_MAX];  /* the line each option stands in; 0: none so far */
    bool            failed;
};

/* The mistake is in the line handed out last. */
static bool fail_line(struct file *file, const char *what)
{
    char quoted[256];

    file->failed = true;
    return options_fail(file->options, CODE_CONFIGURATION, "%s:%u: %s",
                        log_quote(quoted, sizeof quoted, str_view(file->path)), file->line, what);
}

PRINTF_LIKE(2, 3)
static bool fail_line_about(struct file *file, const char *format, ...)
{
    char    what[512];
    va_list values;

    va_start(values, format);
    vsnprintf(what, sizeof what, format, values);
    va_end(values);
    return fail_line(file, what);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char       *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* escape = "\" ( DQUOTE / "\" / "x" 2HEXDIG ), of which the "\" is gone.  A NUL can't be meant. */
static bool unescape(struct str *rest, char *byte)
{
    if (rest->len >= 1 && (rest->ptr[0] == '"' || rest->ptr[0] == '\\')) {
        *byte = rest->ptr[0];
        *rest = str_from(*rest, 1);
        return true;
    }
    if (rest->len >= 3 && rest->ptr[0] == 'x') {
        int high = hex_digit(rest->ptr[1]), low = hex_digit(rest->ptr[2]);

        *byte = (char)(high * 16 + low);
        *rest = str_from(*rest, 3);
        return high >= 0 && low >= 0 && *byte != '\0';
    }
    return false;
}

/* quoted = DQUOTE *( escape / any but DQUOTE and "\" ) DQUOTE
 * In place, for it only gets shorter. */
static bool unquote(char *text)
{
    struct str rest = str_from(str_view(text), 1);
    char      *out = text;

    while (rest.len && rest.ptr[0] != '"') {
        char byte = rest.ptr[0];

        rest = str_from(rest, 1);
        if (byte == '\\' && !unescape(&rest, &byte))
            return false;
        *out++ = byte;
    }
    *out = '\0';
    return rest.len == 1;
}

/* True for what an unquoted value can't hold: comments begin with ; and #, and blanks at the ends
 * are dropped. */
static bool needs_quotes(struct str text)
{
    if (text.len == 0 || text.ptr[0] == '"' || str_trim(text).len != text.len)
        return true;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || strchr(";#\x7f", text.ptr[i]))
            return true;
    return false;
}

void option_file_quote(struct buf *out, struct str text)
{
    if (!needs_quotes(text)) {
        buf_append(out, text);
        return;
    }
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];

        if (byte == '"' || byte == '\\')
            buf_printf(out, "\\%c", byte);
        else if ((unsigned char)byte < ' ' || strchr(";#\x7f", byte))
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)byte);
        else
            buf_append_byte(out, byte);
    }
    buf_append_byte(out, '"');
}

static bool unknown_key(struct file *file, struct str name)
{
    const struct option *nearest = option_nearest(name, OPTION_FROM_FILE);
    char                 quoted[128];

    log_quote(quoted, sizeof quoted, name);
    if (nearest)
        return fail_line_about(file, "\"%s\" is not an option; did you mean %s?", quoted,
                               nearest->name);
    return fail_line_about(file, "\"%s\" is not an option", quoted);
}

/* The option that `name` stands for; NULL with the mistake noted. */
static const struct option *find_key(struct file *file, const char *name)
{
    const struct option *option = option_find(str_view(name));
    unsigned            *seen = option ? &file->seen[option_index(option)] : NULL;

    if (!option)
        return unknown_key(file, str_view(name)), NULL;
    if (!option_allows(option, OPTION_FROM_FILE))
        return fail_line_about(file, "%s can't stand in a file", name), NULL;
    if (*seen && option->kind != OPTION_LIST)
        return fail_line_about(file, "%s stands in line %u already", name, *seen), NULL;
    *seen = file->line;
    return option;
}

static bool give_value(struct file *file, const struct option *option, const char *value)
{
    char *text = arena_cstr(&file->options->texts, str_view(value));

    file->failed = true;
    if (!text)
        return options_fail(file->options, CODE_SYSTEM, "there is no memory for the options");
    if (*text == '"' && !unquote(text))
        return fail_line_about(file, "%s begins with a quote but is not \"text\"", option->name);
    file->failed = !options_give(file->options, option,
                                 (struct option_given){.source = OPTION_FROM_FILE,
                                                       .text = text,
                                                       .path = file->path,
                                                       .line = file->line});
    return !file->failed;
}

/* inih's: one `name = value`. */
static int take_pair(void *data, const char *section, const char *name, const char *value)
{
    struct file         *file = data;
    const struct option *option;
    char                 quoted[128];

    if (file->failed)
        return 0;
    if (*section && strcmp(section, "wherry") != 0)
        return fail_line_about(file, "this is in section [%s]; there is none but [wherry]",
                               log_quote(quoted, sizeof quoted, str_view(section)));
    option = find_key(file, name);
    return option && give_value(file, option, value);
}

/* inih's: as fgets does, but a line that does not fit or holds a NUL is a mistake. */
static char *next_line(char *room, int size, void *data)
{
    struct file *file = data;
    struct str   line = {file->rest.ptr, str_find(file->rest, '\n')};

    if (file->failed || file->rest.len == 0)
        return NULL;
    file->line++;
    file->rest = str_from(file->rest, line.len + 1);
    if (line.len + 2 > (size_t)size)
        return fail_line_about(file, "the line is longer than %d bytes", size - 2), NULL;
    if (str_find(line, '\0') != line.len)
        return fail_line(file, "there is a NUL in the line"), NULL;
    memcpy(room, line.ptr, line.len);
    memcpy(room + line.len, "\n", 2);
    return room;
}

bool option_file_parse(struct options *options, const char *path, struct str content)
{
    static char comments[] = ";#";      /* inih keeps the pointer */
    struct file file = {.options = options, .path = path, .rest = content};
    int         result;

    ini_use_stack = false;
    ini_max_line = ini_initial_alloc = LINE_BYTES_MAX;
    ini_allow_multiline = false;
    ini_allow_inline_comments = true;
    ini_inline_comment_prefixes = comments;
    ini_stop_on_first_error = true;
    result = ini_parse_stream(next_line, &file, take_pair, &file);
    if (file.failed)
        return false;
    if (result < 0)
        return options_fail(options, CODE_SYSTEM, "there is no memory for the options");
    if (result > 0)
        return fail_line(&file, "this is neither `name = value` nor [wherry]");
    return true;
}

/* False, with errno, when it can't be read; false and EFBIG when it is no small text. */
static bool slurp(FILE *file, struct buf *content)
{
    while (!feof(file)) {
        if (!buf_reserve(content, 4096)) {
            errno = content->len + 4096 > content->max ? EFBIG : ENOMEM;
            return false;
        }
        content->len += fread(content->ptr + content->len, 1, 4096, file);
        if (ferror(file))
            return false;
    }
    return true;
}

static bool fail_unreadable(struct options *options, const char *path, int error)
{
    const struct option *option = option_find(STR("config"));
    struct option_name   name;
    char                 quoted[256];

    return options_fail(options, CODE_SYSTEM, "%s is \"%s\", which cannot be read: %s",
                        options_name(option, &options->given[option_index(option)], &name),
                        log_quote(quoted, sizeof quoted, str_view(path)), strerror(error));
}

bool option_file_read(struct options *options, const char *path)
{
    struct buf content = BUF_UP_TO(FILE_BYTES_MAX);
    FILE      *file = fopen(path, "re");
    bool       ok = file && slurp(file, &content);

    if (ok)
        ok = option_file_parse(options, path, buf_view(&content));
    else
        fail_unreadable(options, path, errno);
    if (file)
        fclose(file);
    buf_fini(&content);
    return ok;
}
