#include "http/formdata.h"

#include "http/field.h"
#include "http/token.h"

/* multipart-body := [preamble CRLF]                                RFC 2046 §5.1.1
 *                   dash-boundary transport-padding CRLF
 *                   body-part *encapsulation
 *                   close-delimiter transport-padding
 *                   [CRLF epilogue]
 * encapsulation  := delimiter transport-padding CRLF body-part
 *
 * What the next byte is part of. */
enum state {
    IN_PREAMBLE,
    BEHIND_DELIMITER,
    IN_PADDING,                     /* of white space, before the line end */
    AT_DELIMITER_LF,
    IN_HEAD,
    IN_CONTENT,
    AT_LAST_DASH,
    IN_LAST_PADDING,
    AT_LAST_LF,
    IN_EPILOGUE,
};

/* ---- parameters ----------------------------------------------------------------------- */

/* parameter = token "=" ( token / quoted-string )                  RFC 9110 §5.6.6 */
struct param {
    struct str name;
    struct str value;               /* without its quotes, not decoded */
};

static bool is_escapable(char byte)
{
    return byte == '"' || byte == '\\';
}

/* Where the quoted string that opens at the front of `s` closes; s.len: nowhere.  A quote behind a
 * backslash belongs to the string, unless there is no other to close it: browsers send a backslash
 * as it is, at the end of a name too. */
static size_t closing_quote(struct str s)
{
    size_t last = s.len;

    for (size_t at = 1; at < s.len; at++) {
        if (s.ptr[at] == '"')
            return at;
        if (s.ptr[at] == '\\' && at + 1 < s.len && is_escapable(s.ptr[at + 1])) {
            at++;
            if (s.ptr[at] == '"')
                last = at;
        }
    }
    return last;
}

/* What is not quoted need not be a token: boundaries with "=" are common. */
static bool is_plain(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (is_escapable(value.ptr[i]) || value.ptr[i] == ' ' || value.ptr[i] == '\t')
            return false;
    return value.len > 0;
}

/* Takes a value off the front of *rest, and what is behind it up to the next ";". */
static bool take_value(struct str *rest, struct str *value)
{
    size_t end;

    if (!str_starts(*rest, STR("\""))) {
        end = str_find(*rest, ';');
        *value = str_trim(str_of(rest->ptr, end));
        *rest = str_from(*rest, end);
        return is_plain(*value);
    }
    end = closing_quote(*rest);
    if (end == rest->len)
        return false;
    *value = str_of(rest->ptr + 1, end - 1);
    *rest = str_trim(str_from(*rest, end + 1));
    return rest->len == 0 || rest->ptr[0] == ';';
}

enum next_param { PARAM_FOUND, PARAM_END, PARAM_BAD };

/* parameters = *( OWS ";" OWS [ parameter ] ); *rest begins with a ";" or is empty. */
static enum next_param next_param(struct str *rest, struct param *param)
{
    size_t mark;

    while (str_starts(*rest, STR(";")))
        *rest = str_trim(str_from(*rest, 1));
    if (rest->len == 0)
        return PARAM_END;
    mark = str_find(*rest, '=');
    param->name = str_of(rest->ptr, mark);
    *rest = str_from(*rest, mark + 1);
    if (!token_all(param->name, CHAR_TOKEN) || !take_value(rest, &param->value))
        return PARAM_BAD;
    return PARAM_FOUND;
}

/* ---- the boundary --------------------------------------------------------------------- */

/* bchars := bcharsnospace / " "                                    RFC 2046 §5.1.1 */
static bool is_boundary_byte(char byte)
{
    static const char others[] = "'()+_,-./:=? ";

    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (byte != '\0' && strchr(others, byte));
}

/* boundary := 0*69<bchars> bcharsnospace
 * A backslash makes the byte behind it an ordinary one (RFC 9110 §5.6.4). */
static bool set_boundary(struct formdata *form, struct str value)
{
    size_t start = strlen("\r\n--");

    memcpy(form->delimiter, "\r\n--", start);
    form->delimiter_len = start;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\\' && i + 1 < value.len)
            i++;
        if (!is_boundary_byte(value.ptr[i]) || form->delimiter_len == sizeof form->delimiter)
            return false;
        form->delimiter[form->delimiter_len++] = value.ptr[i];
    }
    return form->delimiter_len > start && form->delimiter[form->delimiter_len - 1] != ' ';
}

const char *formdata_init(struct formdata *form, struct str content_type)
{
    struct str      rest = str_from(content_type, str_find(content_type, ';'));
    struct param    param;
    enum next_param next;
    bool            has_boundary = false;

    form->state = IN_PREAMBLE;
    form->at = form->parts = 0;
    form->head_len = 0;
    form->why = NULL;
    form->matched = strlen("\r\n");     /* the first delimiter needs no line end before it */
    while ((next = next_param(&rest, &param)) == PARAM_FOUND) {
        if (!str_equal_nocase(param.name, STR("boundary")))
            continue;
        if (has_boundary || !set_boundary(form, param.value))
            return "the form has no boundary that can be one";
        has_boundary = true;
    }
    if (next == PARAM_BAD)
        return "malformed parameter of the form's type";
    return has_boundary ? NULL : "the form has no boundary";
}

/* ---- the head of a part --------------------------------------------------------------- */

/* What "%" and two digits stand for, where browsers write it; 0: nothing.  They escape these three
 * bytes and not the "%" itself (WHATWG HTML, multipart/form-data encoding algorithm). */
static char browser_escape(struct str s)
{
    if (str_starts(s, STR("%22")))
        return '"';
    if (str_starts(s, STR("%0D")))
        return '\r';
    return str_starts(s, STR("%0A")) ? '\n' : '\0';
}

/* Decodes a value in place.  A backslash stands for itself as browsers send it; before a quote or
 * another backslash it is how others escape these (RFC 2183 §2, RFC 7578 §4.2). */
static struct str decode(char *bytes, size_t len)
{
    size_t out = 0;

    for (size_t in = 0; in < len; in++) {
        char escaped = browser_escape(str_of(bytes + in, len - in));

        if (escaped)
            in += 2;
        else if (bytes[in] == '\\' && in + 1 < len && is_escapable(bytes[in + 1]))
            in++;
        bytes[out++] = escaped ? escaped : bytes[in];
    }
    return str_of(bytes, out);
}

/* Decodes the value of a parameter that may come once. */
static const char *set_once(struct formdata *form, struct str *text, struct str value)
{
    if (text->ptr)
        return "a parameter stands twice in a part's Content-Disposition";
    *text = decode(form->head + (value.ptr - form->head), value.len);
    return NULL;
}

/* Content-Disposition: form-data; name="..."; filename="..."       RFC 7578 §4.2
 * "filename*" must not be used, and whoever does says the same in "filename". */
static const char *read_disposition(struct formdata *form, struct str value)
{
    size_t          mark = str_find(value, ';');
    struct str      rest = str_from(value, mark);
    struct param    param;
    enum next_param next;
    const char     *why = NULL;

    if (!str_equal_nocase(str_trim(str_of(value.ptr, mark)), STR("form-data")))
        return "a part of the form is not form-data";
    while (!why && (next = next_param(&rest, &param)) != PARAM_END) {
        if (next == PARAM_BAD)
            why = "malformed Content-Disposition of a part";
        else if (str_equal_nocase(param.name, STR("name")))
            why = set_once(form, &form->part.name, param.value);
        else if (str_equal_nocase(param.name, STR("filename")))
            why = set_once(form, &form->part.file_name, param.value);
    }
    if (!why && !form->part.name.ptr)
        why = "a part of the form has no name";
    return why;
}

/* The value of the field of that name; ptr NULL: there is none.  False: there is more than one. */
static bool find_single(const struct fields *fields, struct str name, struct str *value)
{
    *value = (struct str){NULL, 0};
    for (size_t i = 0; i < fields->count; i++) {
        if (!str_equal_nocase(fields->all[i].name, name))
            continue;
        if (value->ptr)
            return false;
        *value = fields->all[i].value;
    }
    return true;
}

/* RFC 7578 §4.7: deprecated.  Those that change nothing do no harm; of the others, what the handler
 * got would not be what was sent. */
static bool is_as_it_is(struct str encoding)
{
    return !encoding.ptr || str_equal_nocase(encoding, STR("binary")) ||
           str_equal_nocase(encoding, STR("8bit")) || str_equal_nocase(encoding, STR("7bit"));
}

/* Every line in form->head ends in CRLF. */
static const char *read_fields(struct formdata *form, struct fields *fields)
{
    struct str rest = str_of(form->head, form->head_len), line;

    fields_reset(fields);
    while (str_split(&rest, '\n', &line) && line.len > 1) {
        struct refusal refusal = fields_add_line(fields, str_of(line.ptr, line.len - 1));

        if (is_refused(refusal))
            return refusal.why;
    }
    return NULL;
}

static const char *read_head(struct formdata *form)
{
    struct fields fields;
    struct str    disposition, encoding;
    const char   *why = read_fields(form, &fields);

    form->part = (struct formdata_part){.offset = form->at};
    if (why)
        return why;
    if (!find_single(&fields, STR("Content-Disposition"), &disposition) ||
        !find_single(&fields, STR("Content-Type"), &form->part.type) ||
        !find_single(&fields, STR("Content-Transfer-Encoding"), &encoding))
        return "a field stands twice in a part of the form";
    if (!disposition.ptr)
        return "a part of the form has no name";
    if (!is_as_it_is(encoding))
        return "a part of the form has a transfer encoding";
    return read_disposition(form, disposition);
}

/* ---- byte by byte --------------------------------------------------------------------- */

/* Each reader of one byte says why it refuses, or NULL. */

static const char *read_behind_delimiter(struct formdata *form, char byte)
{
    if (byte == '-')
        form->state = AT_LAST_DASH;
    else if (byte == '\r')
        form->state = AT_DELIMITER_LF;
    else if (byte == ' ' || byte == '\t')
        form->state = IN_PADDING;
    else
        return "the form's boundary stands in a line that goes on";
    return NULL;
}

/* transport-padding := *LWSP-char; senders must not make any, and recipients must take it. */
static const char *read_padding(struct formdata *form, char byte, enum state behind)
{
    if (byte == '\r')
        form->state = (int)behind;
    else if (byte != ' ' && byte != '\t')
        return "the form's boundary stands in a line that goes on";
    return NULL;
}

static const char *read_delimiter_lf(struct formdata *form, char byte)
{
    if (byte != '\n')
        return "bare carriage return behind the form's boundary";
    if (form->parts++ == FORMDATA_PARTS_MAX)
        return "the form has more parts than are taken here";
    form->state = IN_HEAD;
    form->head_len = 0;
    return NULL;
}

/* The empty line behind the field lines, or instead of them. */
static bool is_head_whole(const struct formdata *form)
{
    struct str head = str_of(form->head, form->head_len);

    return str_equal(head, STR("\r\n")) || str_ends(head, STR("\r\n\r\n"));
}

static const char *read_head_byte(struct formdata *form, char byte)
{
    if (form->head_len == sizeof form->head)
        return "the head of a part is longer than is taken here";
    if (byte == '\n' && (form->head_len == 0 || form->head[form->head_len - 1] != '\r'))
        return "bare line feed in the head of a part";
    form->head[form->head_len++] = byte;
    if (byte != '\n' || !is_head_whole(form))
        return NULL;
    /* body-part := MIME-part-headers [CRLF *OCTET]: without content, the line end that was just
     * read is the one that the delimiter begins with. */
    form->state = IN_CONTENT;
    form->matched = strlen("\r\n");
    return read_head(form);
}

static const char *read_last_dash(struct formdata *form, char byte)
{
    if (byte != '-')
        return "the form's boundary stands in a line that goes on";
    form->state = IN_LAST_PADDING;
    return NULL;
}

static const char *read_last_lf(struct formdata *form, char byte)
{
    if (byte != '\n')
        return "bare carriage return behind the form's boundary";
    form->state = IN_EPILOGUE;
    return NULL;
}

static const char *read_byte(struct formdata *form, char byte)
{
    switch ((enum state)form->state) {
    case BEHIND_DELIMITER: return read_behind_delimiter(form, byte);
    case IN_PADDING:       return read_padding(form, byte, AT_DELIMITER_LF);
    case AT_DELIMITER_LF:  return read_delimiter_lf(form, byte);
    case IN_HEAD:          return read_head_byte(form, byte);
    case AT_LAST_DASH:     return read_last_dash(form, byte);
    case IN_LAST_PADDING:  return read_padding(form, byte, AT_LAST_LF);
    case AT_LAST_LF:       return read_last_lf(form, byte);
    case IN_EPILOGUE:      return NULL;
    case IN_PREAMBLE:
    case IN_CONTENT:       break;
    }
    assert(false && "a state that reads no single byte");
    return NULL;
}

/* ---- the pieces ----------------------------------------------------------------------- */

static void skip(struct formdata *form, struct str *piece, size_t count)
{
    form->at += count;
    *piece = str_from(*piece, count);
}

/* Takes bytes up to the end of the next delimiter.  False: it is not in the piece, or not all of
 * it.  Its first byte stands nowhere else in it, so one that does not fit can only begin it anew. */
static bool take_delimiter(struct formdata *form, struct str *piece)
{
    while (form->matched < form->delimiter_len) {
        char byte;

        if (form->matched == 0)
            skip(form, piece, str_find(*piece, '\r'));
        if (piece->len == 0)
            return false;
        byte = piece->ptr[0];
        if (byte == form->delimiter[form->matched])
            form->matched++;
        else
            form->matched = byte == '\r';
        skip(form, piece, 1);
    }
    form->matched = 0;
    return true;
}

/* So far.  A delimiter that begins with the line end before the content leaves none (see
 * read_head_byte). */
static uint64_t content_length(const struct formdata *form)
{
    uint64_t read = form->at - form->part.offset;

    return read > form->delimiter_len ? read - form->delimiter_len : 0;
}

/* True: a part has ended. */
static bool take_content(struct formdata *form, struct str *piece)
{
    bool has_ended = take_delimiter(form, piece);

    form->part.length = content_length(form);
    if (!form->part.file_name.ptr && form->part.length > FORMDATA_VALUE_MAX)
        form->why = "a value of the form is longer than is taken here";
    else if (has_ended)
        form->state = BEHIND_DELIMITER;
    return has_ended && !form->why;
}

static void take_byte(struct formdata *form, struct str *piece)
{
    char byte = piece->ptr[0];

    skip(form, piece, 1);
    form->why = read_byte(form, byte);
}

enum formdata_step formdata_next(struct formdata *form, struct str *piece)
{
    while (piece->len > 0 && !form->why) {
        if (form->state == IN_CONTENT) {
            if (take_content(form, piece))
                return FORMDATA_PART;
        } else if (form->state == IN_PREAMBLE) {
            if (take_delimiter(form, piece))
                form->state = BEHIND_DELIMITER;
        } else {
            take_byte(form, piece);
        }
    }
    return form->why ? FORMDATA_REFUSED : FORMDATA_MORE;
}

const char *formdata_end(const struct formdata *form)
{
    if (form->why)
        return form->why;
    if (form->state == IN_LAST_PADDING || form->state == IN_EPILOGUE)
        return NULL;
    return "the form ends before its last boundary";
}
