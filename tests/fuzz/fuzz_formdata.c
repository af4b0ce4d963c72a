/* What http/formdata promises about any bytes: the same parts, and the same verdict, however they are cut, and
 * both as a second reader has them that looks at the whole body at once. */
#include "http/formdata.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = FORMDATA_HEAD_MAX };

/* A part as it was told, with texts of its own. */
struct told {
    struct buf name, file_name, type;
    bool       is_file, has_type;
    uint64_t   offset, length;
};

struct reading {
    struct told parts[FORMDATA_PARTS_MAX + 1];
    size_t      count;
    const char *why; /* NULL: a whole form */
};

static void tell(struct reading *reading, const struct formdata_part *part)
{
    struct told *told = &reading->parts[reading->count++];

    MUST_HOLD(reading->count <= FORMDATA_PARTS_MAX);
    *told = (struct told){
        .name = BUF_UP_TO(TEXT_MAX),
        .file_name = BUF_UP_TO(TEXT_MAX),
        .type = BUF_UP_TO(TEXT_MAX),
        .is_file = part->file_name.ptr != NULL,
        .has_type = part->type.ptr != NULL,
        .offset = part->offset,
        .length = part->length,
    };
    buf_append(&told->name, part->name);
    if (told->is_file)
        buf_append(&told->file_name, part->file_name);
    if (told->has_type)
        buf_append(&told->type, part->type);
}

static void forget(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        buf_fini(&reading->parts[i].name);
        buf_fini(&reading->parts[i].file_name);
        buf_fini(&reading->parts[i].type);
    }
}

/* ---- ours ----------------------------------------------------------------------------- */

static void read_piece(struct formdata *form, struct str bytes, struct reading *reading)
{
    struct tight_str   copy = tight_bytes(bytes.ptr, bytes.len);
    struct str         piece = copy.view;
    enum formdata_step step = FORMDATA_PART;

    while (step == FORMDATA_PART) {
        step = formdata_next(form, &piece);
        MUST_HOLD(is_inside(piece, copy.view));
        MUST_HOLD(step != FORMDATA_MORE || piece.len == 0);
        MUST_HOLD((step == FORMDATA_REFUSED) == (form->why != NULL));
        if (step == FORMDATA_PART)
            tell(reading, &form->part);
    }
    tight_str_free(&copy);
}

static void read_in_pieces(struct str type, struct str body, struct cuts *cuts,
                           struct reading *reading)
{
    struct tight_str content_type = tight_bytes(type.ptr, type.len);
    struct formdata  form;

    reading->count = 0;
    reading->why = formdata_init(&form, content_type.view);
    tight_str_free(&content_type);
    if (reading->why)
        return;
    while (body.len > 0) {
        size_t len = cuts ? cuts_next(cuts, body.len) : body.len;

        read_piece(&form, str_of(body.ptr, len), reading);
        body = str_from(body, len);
    }
    reading->why = formdata_end(&form);
}

/* ---- the naive one -------------------------------------------------------------------- */

static const char bad[] = "not a form";

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Where `wanted` stands in text[from, len), or text.len. */
static size_t find(struct str text, size_t from, struct str wanted)
{
    const char *at =
        from < text.len ? memmem(text.ptr + from, text.len - from, wanted.ptr, wanted.len) : NULL;

    return at ? (size_t)(at - text.ptr) : text.len;
}

static bool is_name(struct str text, const char *wanted)
{
    return text.len == strlen(wanted) && strncasecmp(text.ptr, wanted, text.len) == 0;
}

/* Backslashes right before text[at]. */
static size_t backslashes(struct str text, size_t at)
{
    size_t count = 0;

    while (count < at && text.ptr[at - 1 - count] == '\\')
        count++;
    return count;
}

/* The quote that closes what opened before `text`: the first behind an even number of backslashes,
 * else the last; text.len: there is none. */
static size_t closing(struct str text)
{
    size_t last = text.len;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '"')
            continue;
        if (backslashes(text, i) % 2 == 0)
            return i;
        last = i;
    }
    return last;
}

/* One parameter at text[*at]; "" as a name at the end.  False: it is none. */
static bool naive_param(struct str text, size_t *at, struct str *name, struct str *value)
{
    size_t start, end;

    while (*at < text.len && (text.ptr[*at] == ';' || is_blank(text.ptr[*at])))
        ++*at;
    *name = STR_NONE;
    if (*at == text.len)
        return true;
    for (start = *at; *at < text.len && naive_is_tchar(text.ptr[*at]);)
        ++*at;
    *name = str_of(text.ptr + start, *at - start);
    if (name->len == 0 || *at == text.len || text.ptr[(*at)++] != '=')
        return false;
    if (*at < text.len && text.ptr[*at] == '"') {
        end = closing(str_of(text.ptr + *at + 1, text.len - *at - 1));
        *value = str_of(text.ptr + *at + 1, end);
        *at += end + 2;
        if (*at > text.len)
            return false;
        while (*at < text.len && is_blank(text.ptr[*at]))
            ++*at;
        return *at == text.len || text.ptr[*at] == ';';
    }
    while (*at < text.len && is_blank(text.ptr[*at]))
        ++*at;
    for (start = *at; *at < text.len && text.ptr[*at] != ';';)
        ++*at;
    for (end = *at; end > start && is_blank(text.ptr[end - 1]);)
        end--;
    *value = str_of(text.ptr + start, end - start);
    for (size_t i = 0; i < value->len; i++)
        if (value->ptr[i] == '"' || value->ptr[i] == '\\' || is_blank(value->ptr[i]))
            return false;
    return value->len > 0;
}

/* Half of the backslashes before a quote or a backslash; and what browsers escape. */
static void naive_decode(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t run = i;

        while (run < text.len && text.ptr[run] == '\\')
            run++;
        for (size_t n = 0; n < (run - i) / 2; n++)
            buf_append_byte(out, '\\');
        if ((run - i) % 2 && (run == text.len || text.ptr[run] != '"'))
            buf_append_byte(out, '\\');
        i = run;
        if (i == text.len)
            break;
        if (text.len - i > 2 && memcmp(text.ptr + i, "%22", 3) == 0)
            buf_append_byte(out, '"');
        else if (text.len - i > 2 && memcmp(text.ptr + i, "%0D", 3) == 0)
            buf_append_byte(out, '\r');
        else if (text.len - i > 2 && memcmp(text.ptr + i, "%0A", 3) == 0)
            buf_append_byte(out, '\n');
        else {
            buf_append_byte(out, text.ptr[i]);
            continue;
        }
        i += 2;
    }
}

static bool naive_disposition(struct str text, struct told *told)
{
    size_t     at = find(text, 0, STR(";"));
    struct str name, value;
    bool       has_name = false;

    if (!is_name(str_trim(str_of(text.ptr, at)), "form-data"))
        return false;
    while (naive_param(text, &at, &name, &value)) {
        if (name.len == 0)
            return has_name;
        if (is_name(name, "name")) {
            if (has_name)
                return false;
            has_name = true;
            naive_decode(value, &told->name);
        } else if (is_name(name, "filename")) {
            if (told->is_file)
                return false;
            told->is_file = true;
            naive_decode(value, &told->file_name);
        }
    }
    return false;
}

/* A line of a head; `seen` counts the fields that may stand there once. */
static bool naive_line(struct str line, struct told *told, unsigned seen[3])
{
    size_t     colon = 0;
    struct str name, value;

    while (colon < line.len && naive_is_tchar(line.ptr[colon]))
        colon++;
    if (colon == 0 || colon == line.len || line.ptr[colon] != ':')
        return false;
    for (size_t i = colon; i < line.len; i++)
        if (!naive_is_text(line.ptr[i]))
            return false;
    name = str_of(line.ptr, colon);
    value = str_trim(str_of(line.ptr + colon + 1, line.len - colon - 1));
    if (is_name(name, "content-disposition"))
        return seen[0]++ == 0 && naive_disposition(value, told);
    if (is_name(name, "content-type")) {
        told->has_type = true;
        buf_append(&told->type, value);
        return seen[1]++ == 0;
    }
    if (is_name(name, "content-transfer-encoding"))
        return seen[2]++ == 0 &&
               (is_name(value, "7bit") || is_name(value, "8bit") || is_name(value, "binary"));
    return true;
}

static bool naive_head(struct str head, struct told *told)
{
    unsigned seen[3] = {0}, lines = 0;

    while (head.len > 0) {
        size_t end = find(head, 0, STR("\r\n"));

        if (++lines > 100 || !naive_line(str_of(head.ptr, end), told, seen))
            return false;
        head = str_from(head, end + 2);
    }
    return seen[0] == 1;
}

/* What is behind the blanks behind a delimiter that ends at `at`: 1: the line end, which *at is
 * behind then; 0: the end of it all; -1: something else. */
static int naive_line_end(struct str text, size_t *at)
{
    while (*at < text.len && is_blank(text.ptr[*at]))
        ++*at;
    if (*at == text.len)
        return 0;
    if (text.len - *at < 2 || memcmp(text.ptr + *at, "\r\n", 2) != 0)
        return -1;
    *at += 2;
    return 1;
}

/* `text` is the body behind a line end, so that each delimiter has one before it; its first is at
 * `at`. */
static const char *naive_parts(struct str text, struct str delimiter, size_t at,
                               struct reading *reading)
{
    while (at < text.len) {
        struct told *told = &reading->parts[reading->count];
        size_t       start = at + delimiter.len, head_end, content;

        if (text.len - start > 1 && memcmp(text.ptr + start, "--", 2) == 0) {
            start += 2;
            return naive_line_end(text, &start) >= 0 ? NULL : bad;
        }
        if (naive_line_end(text, &start) <= 0 || reading->count == FORMDATA_PARTS_MAX)
            return bad;
        head_end = find(text, start - 2, STR("\r\n\r\n"));
        content = head_end + 4;
        if (head_end == text.len || content - start > FORMDATA_HEAD_MAX)
            return bad;
        *told = (struct told){.name = BUF_UP_TO(TEXT_MAX),
                              .file_name = BUF_UP_TO(TEXT_MAX),
                              .type = BUF_UP_TO(TEXT_MAX)};
        reading->count++;
        at = find(text, content - 2, delimiter);
        told->offset = content - 2; /* of the body: `text` has two bytes before it */
        told->length = at > content ? at - content : 0;
        if (!naive_head(head_end < start ? STR_NONE
                                         : str_of(text.ptr + start, head_end + 2 - start),
                        told) ||
            at == text.len || (!told->is_file && told->length > FORMDATA_VALUE_MAX)) {
            reading->count--;
            buf_fini(&told->name);
            buf_fini(&told->file_name);
            buf_fini(&told->type);
            return bad;
        }
    }
    return bad;
}

/* The one boundary, unescaped; false: there is none that can be one. */
static bool naive_boundary(struct str type, struct buf *boundary)
{
    size_t     at = find(type, 0, STR(";"));
    struct str name, value;
    bool       has = false;

    while (naive_param(type, &at, &name, &value)) {
        if (name.len == 0)
            return has;
        if (!is_name(name, "boundary"))
            continue;
        if (has)
            return false;
        has = true;
        for (size_t i = 0; i < value.len; i++) {
            if (value.ptr[i] == '\\' && i + 1 < value.len)
                i++;
            if (!value.ptr[i] ||
                !strchr(
                    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ",
                    value.ptr[i]))
                return false;
            buf_append_byte(boundary, value.ptr[i]);
        }
        if (boundary->failed || boundary->len == 0 || boundary->ptr[boundary->len - 1] == ' ')
            return false;
    }
    return false;
}

static void read_naively(struct str type, struct str body, struct reading *reading)
{
    struct buf boundary = BUF_UP_TO(FORMDATA_BOUNDARY_MAX);
    struct buf delimiter = BUF_UP_TO(FORMDATA_BOUNDARY_MAX + 4);
    struct buf text = BUF_UP_TO(body.len + 2);

    reading->count = 0;
    reading->why = bad;
    if (naive_boundary(type, &boundary)) {
        buf_printf(&delimiter, "\r\n--%.*s", STR_ARG(buf_view(&boundary)));
        buf_append(&text, STR("\r\n"));
        buf_append(&text, body);
        reading->why = naive_parts(buf_view(&text), buf_view(&delimiter),
                                   find(buf_view(&text), 0, buf_view(&delimiter)), reading);
    }
    buf_fini(&boundary);
    buf_fini(&delimiter);
    buf_fini(&text);
}

/* ---- the comparison ------------------------------------------------------------------- */

static void check_same(const struct reading *a, const struct reading *b)
{
    MUST_HOLD(a->count == b->count);
    MUST_HOLD(!a->why == !b->why);
    for (size_t i = 0; i < a->count; i++) {
        const struct told *one = &a->parts[i], *other = &b->parts[i];

        MUST_HOLD(str_equal(buf_view(&one->name), buf_view(&other->name)));
        MUST_HOLD(str_equal(buf_view(&one->file_name), buf_view(&other->file_name)));
        MUST_HOLD(str_equal(buf_view(&one->type), buf_view(&other->type)));
        MUST_HOLD(one->is_file == other->is_file && one->has_type == other->has_type);
        MUST_HOLD(one->offset == other->offset && one->length == other->length);
    }
}

static void check_inside(const struct reading *reading, struct str body)
{
    uint64_t at = 0;

    for (size_t i = 0; i < reading->count; i++) {
        MUST_HOLD(reading->parts[i].offset > at);
        at = reading->parts[i].offset + reading->parts[i].length;
        MUST_HOLD(at < body.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, pieces, naive;
    struct str            input = str_of((const char *)data, size);
    struct cuts           cuts = cuts_choose(&input);
    struct str            type = choose_line(&input);

    if (type.len == 0)
        type = STR("multipart/form-data; boundary=B");
    read_in_pieces(type, input, NULL, &whole);
    read_in_pieces(type, input, &cuts, &pieces);
    read_naively(type, input, &naive);
    check_same(&whole, &pieces);
    check_same(&whole, &naive);
    MUST_HOLD(!whole.why || strcmp(whole.why, pieces.why) == 0);
    check_inside(&whole, input);
    forget(&whole);
    forget(&pieces);
    forget(&naive);
    return 0;
}
