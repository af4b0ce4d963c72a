#include "server/response.h"

#include "http/date.h"
#include "http/head.h"

static void forget(struct response *response)
{
    if (response->release)
        response->release(response->owner);
    buf_reset(&response->lines);
    *response = (struct response){
        .status = HTTP_OK,
        .lines = response->lines,
        .validators = {.etag = {NULL, 0}, .last_modified = DATE_NONE},
        .fd = -1,
    };
}

void response_give_back(struct response *response)
{
    if (!response->release)
        return;
    response->release(response->owner);
    response->release = NULL;
    response->shared_lines = response->content_lines = STR_NONE;
}

void response_init(struct response *response)
{
    *response = (struct response){.lines = BUF_UP_TO(RESPONSE_LINES_MAX)};
    forget(response);
}

void response_reset(struct response *response)
{
    forget(response);
}

void response_fini(struct response *response)
{
    forget(response);
    buf_fini(&response->lines);
}

void response_refuse(struct response *response, int status)
{
    forget(response);
    response->status = status;
    response->is_refusal = true;
}

void response_spoil(struct response *response, const char *fault)
{
    if (!response->fault)
        response->fault = fault;
}

void response_add_field(struct response *response, struct str name, struct str value)
{
    head_field(&response->lines, name, value);
}

void response_set_bytes(struct response *response, struct str bytes)
{
    response->source = SOURCE_BYTES;
    response->bytes = bytes;
    response->length = bytes.len;
}

/* ---- fields that were added ----------------------------------------------------------- */

/* Takes the next line, its end included, off *lines. */
static bool next_line(struct str *lines, struct str *line)
{
    size_t len = MIN_OF(str_find(*lines, '\n') + 1, lines->len);

    *line = str_of(lines->ptr, len);
    *lines = str_from(*lines, len);
    return len > 0;
}

static struct str name_of(struct str line)
{
    return str_of(line.ptr, str_find(line, ':'));
}

struct str response_find_field(const struct response *response, struct str name)
{
    struct str lines = buf_view(&response->lines), line;

    while (next_line(&lines, &line))
        if (str_equal_nocase(name_of(line), name))
            return str_trim(str_of(line.ptr + name.len + 1, line.len - name.len - 3));
    return (struct str){NULL, 0};
}

struct str response_take_line(struct response *response, struct str name, struct arena *arena)
{
    struct str lines = buf_view(&response->lines), line, copy;

    while (next_line(&lines, &line)) {
        if (!str_equal_nocase(name_of(line), name))
            continue;
        copy = arena_copy(arena, line);
        if (copy.ptr) {
            memmove(response->lines.ptr + (line.ptr - response->lines.ptr), lines.ptr, lines.len);
            response->lines.len -= line.len;
        }
        return copy;
    }
    return (struct str){NULL, 0};
}

/* Content-Type, Content-Language, Content-Disposition...; but Content-Location says which
 * representation it is. */
static bool describes_content(struct str name)
{
    struct str prefix = STR("Content-");

    return name.len > prefix.len && str_equal_nocase(str_of(name.ptr, prefix.len), prefix) &&
           !str_equal_nocase(name, STR("Content-Location"));
}

void response_drop_content_fields(struct response *response)
{
    struct str lines = buf_view(&response->lines), line;
    size_t     kept = 0;

    while (next_line(&lines, &line)) {
        if (describes_content(name_of(line)))
            continue;
        memmove(response->lines.ptr + kept, line.ptr, line.len);
        kept += line.len;
    }
    response->lines.len = kept;
}
