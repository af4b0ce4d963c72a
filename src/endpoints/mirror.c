#include "endpoints/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "endpoints/fields.h"
#include "endpoints/shown.h"
#include "http/status.h"

enum {
    BODY_MAX   = 1024 * 1024,       /* bytes of a body that is shown */
    URL_MAX    = 2 * 1024 * 1024,   /* bytes; more than any target has */
    LINES_MAX  = 100,               /* of /stream, as httpbin has it */
    LINE_BYTES = 16 * 1024 * 1024,  /* more than any head is shown as */
};

/* ---- what a request is shown as ---------------------------------------------------------- */

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* A letter is large where none is before it. */
void mirror_append_title(struct buf *title, struct str name)
{
    char before = '-';

    for (size_t i = 0; i < name.len; before = name.ptr[i++]) {
        char byte = name.ptr[i];

        if (is_letter(byte))
            byte = (char)(is_letter(before) ? byte | 0x20 : byte & ~0x20);
        buf_append_byte(title, byte);
    }
}

/* RFC 9110 §5.3: fields of the same name are one list; RFC 9113 §8.2.3: but the pieces of a Cookie are
 * not separated by commas. */
static bool add_field(json_t *fields, struct wherry_slice name, struct wherry_slice value)
{
    struct buf title = BUF_UP_TO(name.len);
    bool       is_cookie = str_equal_nocase(endpoint_str(name), STR("Cookie"));
    bool       ok;

    mirror_append_title(&title, endpoint_str(name));
    ok = !title.failed &&
         json_add(fields, endpoint_slice(buf_view(&title)), value, is_cookie ? "; " : ", ");
    buf_fini(&title);
    return ok;
}

json_t *mirror_headers(struct wherry_exchange *exchange)
{
    json_t             *fields = json_object();
    struct wherry_slice name, value;

    for (size_t at = 0; fields && wherry_next_field(exchange, &at, &name, &value);) {
        if (!add_field(fields, name, value)) {
            json_decref(fields);
            fields = NULL;
        }
    }
    return fields;
}

json_t *mirror_origin(struct wherry_exchange *exchange)
{
    return json_string(wherry_peer(exchange, NULL));
}

json_t *mirror_url(struct wherry_exchange *exchange)
{
    struct buf          text = BUF_UP_TO(URL_MAX);
    struct wherry_slice query = wherry_query(exchange);
    json_t             *url;

    endpoint_append_origin(exchange, &text);
    buf_append(&text, endpoint_str(wherry_raw_path(exchange)));
    if (query.ptr) {
        buf_append_byte(&text, '?');
        buf_append(&text, endpoint_str(query));
    }
    url = text.failed ? NULL : json_of_bytes(endpoint_slice(buf_view(&text)));
    buf_fini(&text);
    return url;
}

/* Pairs of the query; values of the same name are a list. */
static json_t *args_of(struct wherry_exchange *exchange)
{
    json_t             *args = json_object();
    struct wherry_slice name, value;

    for (size_t at = 0; args && wherry_next_query_value(exchange, &at, &name, &value);) {
        if (!json_add(args, name, value, NULL)) {
            json_decref(args);
            args = NULL;
        }
    }
    return args;
}

/* What its head says; NULL: no memory. */
static json_t *head_of(struct wherry_exchange *exchange)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "args", args_of(exchange), "headers",
                     mirror_headers(exchange), "origin", mirror_origin(exchange), "url",
                     mirror_url(exchange));
}

enum wherry_next mirror_answer(struct wherry_exchange *exchange)
{
    return json_answer(exchange, HTTP_OK, head_of(exchange));
}

/* A browser has one cache for what a page asks with cookies and what it asks without them, and of the second
 * it lets the page read the answer (endpoint_finish_open), even when the first one is in the cache. */
enum wherry_next mirror_answer_to_keep(struct wherry_exchange *exchange)
{
    static const char *const secrets[] = {"Cookie", "Authorization", "Proxy-Authorization"};
    json_t                  *head = head_of(exchange);

    for (size_t i = 0; i < COUNTOF(secrets); i++)
        (void)json_object_del(json_object_get(head, "headers"), secrets[i]);
    return json_answer(exchange, HTTP_OK, head);
}

static enum wherry_next get(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    endpoint_forbid_storing(exchange);
    return mirror_answer(exchange);
}

/* ---- bodies ------------------------------------------------------------------------------ */

/* RFC 9112 §6.3: without either there is none. */
static bool has_body(struct wherry_exchange *exchange)
{
    struct wherry_slice length = wherry_field(exchange, "Content-Length");

    return wherry_field(exchange, "Transfer-Encoding").ptr ||
           (length.ptr && !str_equal(endpoint_str(length), STR("0")));
}

static struct shown_bytes body_of(struct wherry_exchange *exchange)
{
    return (struct shown_bytes){
        .ptr = wherry_body(exchange).ptr,
        .fd = wherry_body_file(exchange),
        .length = wherry_body_length(exchange),
    };
}

static bool is_form(struct wherry_exchange *exchange)
{
    struct str field = endpoint_str(wherry_field(exchange, "Content-Type"));
    struct str type = str_trim(str_of(field.ptr, str_find(field, ';')));

    return str_equal_nocase(type, STR("application/x-www-form-urlencoded")) ||
           str_equal_nocase(type, STR("multipart/form-data"));
}

/* One entry of a form: a value, or a file. */
struct entry {
    struct wherry_slice name;
    struct shown_bytes  bytes;
    struct wherry_slice type;       /* of a file; ptr NULL: it is a value */
};

typedef bool next_entry(struct wherry_exchange *exchange, size_t *at, struct entry *entry);

static bool next_value(struct wherry_exchange *exchange, size_t *at, struct entry *entry)
{
    struct wherry_slice value;

    if (!wherry_next_form_value(exchange, at, &entry->name, &value))
        return false;
    entry->bytes = shown_slice(value);
    entry->type = wherry_text(NULL);
    return true;
}

static bool next_file(struct wherry_exchange *exchange, size_t *at, struct entry *entry)
{
    struct wherry_upload upload;

    if (!wherry_next_upload(exchange, at, &upload))
        return false;
    *entry = (struct entry){
        .name = upload.name,
        .bytes = {.ptr = upload.bytes.ptr, .fd = wherry_body_file(exchange),
                  .offset = upload.offset, .length = upload.length},
        .type = upload.type.len ? upload.type : wherry_text("application/octet-stream"),
    };
    return true;
}

/* All of one kind that a form has. */
struct entries {
    struct entry *all;
    size_t        count;
};

/* False: no memory. */
static bool collect(struct wherry_exchange *exchange, next_entry *next, struct entries *entries)
{
    struct entry entry;
    size_t       count = 0, at = 0;

    while (next(exchange, &at, &entry))
        count++;
    *entries = (struct entries){.all = calloc(count + 1, sizeof entry)};
    if (!entries->all)
        return false;
    for (at = 0; entries->count < count && next(exchange, &at, &entries->all[entries->count]);)
        entries->count++;
    return true;
}

/* The place of the first of that name from `at` on; the count: there is none. */
static size_t find_same(const struct entries *entries, size_t at, struct wherry_slice name)
{
    while (at < entries->count &&
           !str_equal(endpoint_str(entries->all[at].name), endpoint_str(name)))
        at++;
    return at;
}

static void add_value(struct shown *shown, const struct entry *entry)
{
    if (entry->type.ptr)
        shown_add_data(shown, entry->bytes, entry->type);
    else
        shown_add_string(shown, entry->bytes);
}

/* The first of a name, and with it those behind that have the same. */
static void add_member(struct shown *shown, const struct entries *entries, size_t at)
{
    const struct entry *first = &entries->all[at];
    size_t              same = find_same(entries, at + 1, first->name);
    bool                is_list = same < entries->count;

    shown_add_string(shown, shown_slice(first->name));
    shown_add(shown, is_list ? STR(":[") : STR(":"));
    add_value(shown, first);
    for (; same < entries->count; same = find_same(entries, same + 1, first->name)) {
        shown_add(shown, STR(","));
        add_value(shown, &entries->all[same]);
    }
    if (is_list)
        shown_add(shown, STR("]"));
}

/* Values of the same name are a list.  There are a thousand at most, so that looking through all of them
 * for each costs little. */
static void add_entries(struct wherry_exchange *exchange, struct shown *shown, next_entry *next)
{
    struct entries entries;
    struct str     comma = STR("");

    if (!collect(exchange, next, &entries)) {
        shown_fail(shown);
        return;
    }
    shown_add(shown, STR("{"));
    for (size_t at = 0; at < entries.count; at++) {
        if (find_same(&entries, 0, entries.all[at].name) < at)
            continue;
        shown_add(shown, comma);
        add_member(shown, &entries, at);
        comma = STR(",");
    }
    shown_add(shown, STR("}"));
    free(entries.all);
}

static void add_form(struct wherry_exchange *exchange, struct shown *shown)
{
    shown_add(shown, STR(",\"data\":\"\",\"files\":"));
    add_entries(exchange, shown, next_file);
    shown_add(shown, STR(",\"form\":"));
    add_entries(exchange, shown, next_value);
    shown_add(shown, STR(",\"json\":null}"));
}

static void add_data(struct wherry_exchange *exchange, struct shown *shown)
{
    shown_add(shown, STR(",\"data\":"));
    shown_add_data(shown, body_of(exchange), wherry_text("application/octet-stream"));
    shown_add(shown, STR(",\"files\":{},\"form\":{},\"json\":"));
    shown_add_json(shown, body_of(exchange));
    shown_add(shown, STR("}"));
}

/* ---- a request with its body -------------------------------------------------------------- */

/* Takes over what its head says; its last "}" makes way for more. */
static enum wherry_next show(struct wherry_exchange *exchange, json_t *head)
{
    char         *text = head ? json_to_text(head) : NULL;
    struct shown *shown = text ? shown_new() : NULL;

    if (shown) {
        shown_add(shown, str_of(text, strlen(text) - 1));
        if (is_form(exchange))
            add_form(exchange, shown);
        else
            add_data(exchange, shown);
    }
    free(text);
    json_decref(head);
    endpoint_forbid_storing(exchange);
    return shown_send(exchange, shown);
}

static json_t *head_with_method(struct wherry_exchange *exchange)
{
    json_t *head = head_of(exchange);

    if (json_object_set_new(head, "method", json_of_bytes(wherry_method(exchange))) == 0)
        return head;
    json_decref(head);
    return NULL;
}

/* Nobody who sends no body waits for a permit. */
static bool has_to_wait_for_body(struct wherry_exchange *exchange,
                                 const struct endpoints_settings *settings)
{
    if (!has_body(exchange))
        return false;
    wherry_limit_body(exchange, MIN_OF(settings->bytes_max, (uint64_t)BODY_MAX));
    return true;
}

/* NULL: nothing is wrong with the body. */
static const char *problem_of(struct wherry_exchange *exchange)
{
    return wherry_body_length(exchange) > 0 ? wherry_form_problem(exchange) : NULL;
}

static enum wherry_next look_at_post(struct wherry_exchange *exchange, void *data)
{
    return has_to_wait_for_body(exchange, data) ? WHERRY_WORK : show(exchange, head_of(exchange));
}

static enum wherry_next show_post(struct wherry_exchange *exchange, void *data)
{
    const char *problem = problem_of(exchange);

    (void)data;
    return problem ? wherry_refuse(exchange, HTTP_BAD_REQUEST, problem)
                   : show(exchange, head_of(exchange));
}

static enum wherry_next look_at_anything(struct wherry_exchange *exchange, void *data)
{
    return has_to_wait_for_body(exchange, data) ? WHERRY_WORK
                                                : show(exchange, head_with_method(exchange));
}

static enum wherry_next show_anything(struct wherry_exchange *exchange, void *data)
{
    const char *problem = problem_of(exchange);

    (void)data;
    return problem ? wherry_refuse(exchange, HTTP_BAD_REQUEST, problem)
                   : show(exchange, head_with_method(exchange));
}

/* ---- /delay/{seconds} ---------------------------------------------------------------------- */

static enum wherry_next look_at_delay(struct wherry_exchange *exchange, void *data)
{
    int64_t ms;

    if (!endpoint_read_time(data, wherry_part(exchange, "seconds"), &ms))
        return endpoint_refuse_time(exchange);
    wherry_delay(exchange, ms);
    return look_at_anything(exchange, data);
}

/* ---- /stream/{n} --------------------------------------------------------------------------- */

/* Lines are the same but for their number. */
struct lines {
    struct buf text;            /* of one */
    size_t     common;          /* bytes of it, before the number */
    size_t     sent;
    unsigned   number, count;
};

static void free_lines(void *owner)
{
    struct lines *lines = owner;

    buf_fini(&lines->text);
    free(lines);
}

/* A line may be longer than what is taken at once. */
static enum wherry_pull pull_lines(struct wherry_exchange *exchange, void *data)
{
    struct lines *lines = data;

    if (lines->sent == lines->text.len) {
        if (lines->number == lines->count)
            return WHERRY_END;
        lines->text.len = lines->common;
        lines->sent = 0;
        buf_printf(&lines->text, ",\"id\":%u}\n", lines->number++);
    }
    if (lines->text.failed)
        return WHERRY_BROKEN;
    lines->sent +=
        wherry_write(exchange, endpoint_slice(str_from(buf_view(&lines->text), lines->sent)));
    return WHERRY_MORE;
}

/* NULL: no memory. */
static struct lines *make_lines(struct wherry_exchange *exchange, unsigned count)
{
    struct lines *lines = malloc(sizeof *lines);
    json_t       *head = lines ? head_of(exchange) : NULL;
    char         *text = head ? json_to_text(head) : NULL;

    if (text) {
        *lines = (struct lines){.text = BUF_UP_TO(LINE_BYTES), .count = count};
        buf_append(&lines->text, str_of(text, strlen(text) - 1));
        lines->common = lines->sent = lines->text.len;
    } else {
        free(lines);
        lines = NULL;
    }
    free(text);
    json_decref(head);
    return lines;
}

static enum wherry_next stream(struct wherry_exchange *exchange, void *data)
{
    struct lines *lines;
    uint64_t      count;

    (void)data;
    if (!str_to_u64(endpoint_str(wherry_part(exchange, "n")), &count))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the number of lines must be a whole number, as in 20");
    lines = make_lines(exchange, (unsigned)MIN_OF(count, (uint64_t)LINES_MAX));
    if (!lines)
        return WHERRY_FAIL;
    endpoint_forbid_storing(exchange);
    wherry_add_field(exchange, "Content-Type", wherry_text("application/json"));
    wherry_on_release(exchange, free_lines, lines);
    wherry_set_stream(exchange, -1, pull_lines, lines);
    return WHERRY_ANSWER;
}

/* ---- /headers, /ip, /uuid ------------------------------------------------------------------ */

static enum wherry_next headers(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    endpoint_forbid_storing(exchange);
    return json_answer(exchange, HTTP_OK, json_pack("{s:o}", "headers", mirror_headers(exchange)));
}

static enum wherry_next ip(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    endpoint_forbid_storing(exchange);
    return json_answer(exchange, HTTP_OK, json_pack("{s:o}", "origin", mirror_origin(exchange)));
}

/* RFC 9562 §5.4: 122 bits of chance, and six that say so. */
static enum wherry_next uuid(struct wherry_exchange *exchange, void *data)
{
    unsigned char b[16];
    char          text[37];

    (void)data;
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return WHERRY_FAIL;
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    snprintf(text, sizeof text,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    endpoint_forbid_storing(exchange);
    return json_answer(exchange, HTTP_OK, json_pack("{s:s}", "uuid", text));
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/get", .methods = WHERRY_GET, .look = get},
     "/get?name=value", "The request as JSON: what its query says, its fields, who sent it, its URL."},
    {{.pattern = "/post", .methods = WHERRY_POST, .wants_body = true, .is_brief = true, .look = look_at_post,
      .work = show_post},
     "/post", "The same with the body: as text, as JSON, or what the form says and which files it has."},
    {{.pattern = "/put", .methods = WHERRY_PUT, .wants_body = true, .is_brief = true, .look = look_at_post,
      .work = show_post},
     "/put", "The same."},
    {{.pattern = "/patch", .methods = WHERRY_PATCH, .wants_body = true, .is_brief = true, .look = look_at_post,
      .work = show_post},
     "/patch", "The same."},
    {{.pattern = "/delete", .methods = WHERRY_DELETE, .wants_body = true, .is_brief = true, .look = look_at_post,
      .work = show_post},
     "/delete", "The same."},
    {{.pattern = "/anything", .methods = ENDPOINT_ANY_METHOD, .wants_body = true, .is_brief = true,
      .look = look_at_anything, .work = show_anything},
     "/anything", "The same for any method, and which it was.  A body that is shown has 1 MiB at most, and no more "
                  "than --endpoints-bytes."},
    {{.pattern = "/anything/*", .methods = ENDPOINT_ANY_METHOD, .wants_body = true, .is_brief = true,
      .look = look_at_anything, .work = show_anything},
     "/anything/else/there", "The same, whatever stands behind."},
    {{.pattern = "/delay/{seconds}", .methods = ENDPOINT_ANY_METHOD, .wants_body = true, .is_brief = true,
      .look = look_at_delay, .work = show_anything},
     "/delay/1.5", "The answer of /anything, so much later; no longer than --endpoints-time."},
    {{.pattern = "/stream/{n}", .methods = WHERRY_GET, .look = stream},
     "/stream/5", "So many lines, each the request as JSON; 100 at most."},
    {{.pattern = "/headers", .methods = WHERRY_GET, .look = headers},
     "/headers", "The fields of the request."},
    {{.pattern = "/ip", .methods = WHERRY_GET, .look = ip},
     "/ip", "The address that the request came from."},
    {{.pattern = "/uuid", .methods = WHERRY_GET, .look = uuid},
     "/uuid", "A UUID, made by chance (version 4)."},
    {{.pattern = "/response-headers", .methods = WHERRY_GET | WHERRY_POST, .look = fields_answer},
     "/response-headers?X-Hello=World", "An answer with the fields that the query names, but for those that would "
                                        "make a browser or a proxy do something."},
};
/* clang-format on */

const struct endpoint_group mirror_group = ENDPOINT_GROUP("Your request", table);
