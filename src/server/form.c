#include "server/form.h"

#include <errno.h>
#include <unistd.h>

#include "http/formdata.h"
#include "server/exchange.h"

enum { FORM_PIECE = 8 * 1024 };     /* bytes of a file that are looked at together */

static const char too_much[] = "the form has more than is taken here";
static const char unreadable[] = "the form cannot be read from its file";

/* `length` bytes of the body from `offset` on, to `room`.  False: the file has none there. */
static bool copy_body(const struct form_body *body, uint64_t offset, char *room, size_t length)
{
    size_t got = 0;

    if (body->bytes.ptr) {
        memcpy(room, body->bytes.ptr + offset, length);
        return true;
    }
    while (got < length) {
        ssize_t n = pread(body->file, room + got, length - got, (off_t)(offset + got));

        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return true;
}

/* A copy of that with a NUL behind it, in the arena.  NULL, or what is wrong. */
static const char *keep_body(const struct form_body *body, uint64_t offset, uint64_t length,
                             struct arena *arena, struct str *kept)
{
    char *room = length < arena->max ? arena_alloc(arena, (size_t)length + 1) : NULL;

    if (!room)
        return too_much;
    if (!copy_body(body, offset, room, (size_t)length))
        return unreadable;
    room[length] = '\0';
    *kept = str_of(room, (size_t)length);
    return NULL;
}

/* ---- application/x-www-form-urlencoded ------------------------------------------------- */

static const char *read_urlencoded(struct form *form, const struct form_body *body,
                                   struct arena *arena)
{
    struct str  text;
    size_t      count;
    const char *problem = keep_body(body, 0, body->length, arena, &text);

    if (problem)
        return problem;
    count = urlencoded_count(text);
    if (count > FORM_VALUES_MAX)
        return too_much;
    form->values.all = arena_alloc(arena, count * sizeof *form->values.all);
    if (!form->values.all)
        return too_much;
    form->values.count = urlencoded_decode((char *)text.ptr, text.len, form->values.all, count);
    return NULL;
}

/* ---- multipart/form-data -------------------------------------------------------------- */

/* A copy with a NUL behind it; of nothing, nothing.  False: there is no room. */
static bool keep_text(struct arena *arena, struct str text, struct wherry_slice *kept)
{
    char *copy = text.ptr ? arena_cstr(arena, text) : NULL;

    *kept = (struct wherry_slice){copy, text.len};
    return copy || !text.ptr;
}

static const char *keep_upload(struct form *form, const struct formdata_part *part,
                               const struct form_body *body, struct arena *arena)
{
    struct wherry_upload *upload;

    if (!form->uploads)
        form->uploads = arena_alloc(arena, FORMDATA_PARTS_MAX * sizeof *form->uploads);
    if (!form->uploads)
        return too_much;
    upload = &form->uploads[form->uploads_count++];
    *upload = (struct wherry_upload){.offset = part->offset, .length = part->length};
    if (!keep_text(arena, part->name, &upload->name) ||
        !keep_text(arena, part->file_name, &upload->file_name) ||
        !keep_text(arena, part->type, &upload->type))
        return too_much;
    if (body->bytes.ptr)
        upload->bytes = (struct wherry_slice){body->bytes.ptr + part->offset, (size_t)part->length};
    return NULL;
}

static const char *keep_value(struct form *form, const struct formdata_part *part,
                              const struct form_body *body, struct arena *arena)
{
    struct wherry_slice name;
    struct pair        *pair;

    if (!form->values.all)
        form->values.all = arena_alloc(arena, FORMDATA_PARTS_MAX * sizeof *form->values.all);
    if (!form->values.all || !keep_text(arena, part->name, &name))
        return too_much;
    pair = &form->values.all[form->values.count++];
    pair->name = str_of_slice(name);
    return keep_body(body, part->offset, part->length, arena, &pair->value);
}

static const char *keep_part(struct form *form, const struct formdata_part *part,
                             const struct form_body *body, struct arena *arena)
{
    return part->file_name.ptr ? keep_upload(form, part, body, arena)
                               : keep_value(form, part, body, arena);
}

/* The parts that end in this piece. */
static const char *keep_parts(struct form *form, struct formdata *reader, struct str piece,
                              const struct form_body *body, struct arena *arena)
{
    const char *problem = NULL;

    while (!problem) {
        switch (formdata_next(reader, &piece)) {
        case FORMDATA_PART:
            problem = keep_part(form, &reader->part, body, arena);
            break;
        case FORMDATA_MORE:
            return NULL;
        case FORMDATA_REFUSED:
            return reader->why;
        }
    }
    return problem;
}

/* From memory in one piece, from a file in small ones, so that a large one takes no more memory
 * than a small one. */
static const char *read_multipart(struct form *form, struct str content_type,
                                  const struct form_body *body, struct arena *arena)
{
    struct formdata reader;
    char            piece[FORM_PIECE];
    const char     *problem = formdata_init(&reader, content_type);

    if (!problem && body->bytes.ptr)
        problem = keep_parts(form, &reader, body->bytes, body, arena);
    for (uint64_t at = 0; !problem && !body->bytes.ptr && at < body->length; at += FORM_PIECE) {
        size_t length = (size_t)MIN_OF(body->length - at, (uint64_t)FORM_PIECE);

        problem = copy_body(body, at, piece, length)
                      ? keep_parts(form, &reader, str_of(piece, length), body, arena)
                      : unreadable;
    }
    return problem ? problem : formdata_end(&reader);
}

/* ---- of either type ------------------------------------------------------------------- */

static bool is_type(struct str content_type, struct str type)
{
    return str_equal_nocase(str_trim(str_of(content_type.ptr, str_find(content_type, ';'))), type);
}

void form_read(struct form *form, struct str content_type, const struct form_body *body,
               struct arena *arena)
{
    const char *problem = NULL;

    *form = (struct form){.problem = NULL};
    if (is_type(content_type, STR("application/x-www-form-urlencoded")))
        problem = read_urlencoded(form, body, arena);
    else if (is_type(content_type, STR("multipart/form-data")))
        problem = read_multipart(form, content_type, body, arena);
    if (problem)
        *form = (struct form){.problem = problem};
}

/* ---- what wherry.h promises to handlers ----------------------------------------------- */

static struct form_body body_of(const struct wherry_exchange *exchange)
{
    return (struct form_body){
        .bytes = str_of_slice(wherry_body(exchange)),
        .file = wherry_body_file(exchange),
        .length = wherry_body_length(exchange),
    };
}

/* RFC 9110 §8.3: there is one, or nobody can say which counts. */
static struct str type_of(const struct wherry_exchange *exchange, const char **problem)
{
    struct wherry_slice name, value;
    struct str          type = STR_NONE;
    size_t              at = 0;

    while (wherry_next_field(exchange, &at, &name, &value)) {
        if (!str_equal_nocase(str_of_slice(name), STR("Content-Type")))
            continue;
        if (type.len > 0)
            *problem = "there is more than one Content-Type";
        type = str_of_slice(value);
    }
    return type;
}

/* Read when it is first wanted. */
static const struct form *form_of(struct wherry_exchange *exchange)
{
    static const struct form no_room = {.problem = too_much};
    struct form_body         body = body_of(exchange);
    const char              *problem = NULL;
    struct str               type;
    struct form             *form;

    if (exchange->form)
        return exchange->form;
    exchange->form = &no_room;
    form = arena_alloc(&exchange->arena, sizeof *form);
    if (!form)
        return exchange->form;
    type = type_of(exchange, &problem);
    if (problem)
        *form = (struct form){.problem = problem};
    else
        form_read(form, type, &body, &exchange->arena);
    exchange->form = form;
    return form;
}

struct wherry_slice wherry_form_value(struct wherry_exchange *exchange, const char *name)
{
    return slice_of_str(pairs_find(&form_of(exchange)->values, str_view(name)));
}

bool wherry_next_form_value(struct wherry_exchange *exchange, size_t *at,
                            struct wherry_slice *name, struct wherry_slice *value)
{
    return exchange_next_pair(&form_of(exchange)->values, at, name, value);
}

bool wherry_next_upload(struct wherry_exchange *exchange, size_t *at, struct wherry_upload *upload)
{
    const struct form *form = form_of(exchange);

    if (*at >= form->uploads_count)
        return false;
    *upload = form->uploads[(*at)++];
    return true;
}

const char *wherry_form_problem(struct wherry_exchange *exchange)
{
    return form_of(exchange)->problem;
}
