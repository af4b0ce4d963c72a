#include "endpoints/shown.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "endpoints/base64.h"
#include "endpoints/json_text.h"
#include "http/status.h"

enum {
    STEP       = 1536,                      /* bytes that are read together; three of them make four */
    ROOM       = STEP * 6,                  /* and what they become at most */
    PIECE      = 64 * 1024,                 /* what wherry_write takes in one call of a puller */
    SHORT_MAX  = 48 * 1024,                 /* bytes of an answer that is made at once */
    COPIED_MAX = 64,                        /* bytes of a string that is no part of its own */
    TEXT_MAX   = 16 * 1024 * 1024,          /* bytes of what is copied, */
    PARTS_MAX  = 16 * 1024,                 /* and parts, more than any form has */
};

enum how { AS_IT_STANDS, UTF8, LATIN1, BASE64 };

struct part {
    enum how           how;
    bool               is_text;             /* its offset is one of shown->text */
    struct shown_bytes bytes;
};

struct shown {
    struct buf   text;                      /* what was copied */
    struct part *parts;                     /* in order */
    size_t       count, room;
    bool         has_no_room;               /* for another part, or what goes into it */
    bool         is_unreadable;             /* the file with the body cannot be read */
    size_t       at;                        /* the part that is being sent, */
    uint64_t     done;                      /* and how much of it was */
};

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_file(int fd, uint64_t offset, char *room, size_t length)
{
    size_t got = 0;

    while (got < length) {
        ssize_t n = pread(fd, room + got, length - got, (off_t)(offset + got));

        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return true;
}

/* The next bytes from `done` on, at most STEP of them.  False: they cannot be read. */
static bool read_step(const struct shown_bytes *bytes, uint64_t done, char room[STEP], struct str *step)
{
    size_t length = (size_t)MIN_OF(bytes->length - done, (uint64_t)STEP);

    *step = str_of(bytes->ptr ? bytes->ptr + done : room, length);
    return bytes->ptr || read_file(bytes->fd, bytes->offset + done, room, length);
}

static struct utf8 look_through(struct shown *shown, struct shown_bytes bytes,
                                struct json_text *json)
{
    struct utf8 utf8 = UTF8_NONE;
    char        room[STEP];
    struct str  step;

    for (uint64_t done = 0; done < bytes.length && !utf8.is_broken; done += step.len) {
        if (!read_step(&bytes, done, room, &step)) {
            shown->is_unreadable = true;
            break;
        }
        utf8_read(&utf8, step);
        if (json)
            json_text_read(json, step);
    }
    return utf8;
}

/* ---- writing ------------------------------------------------------------------------------ */

static size_t put(char *out, struct str text)
{
    memcpy(out, text.ptr, text.len);
    return text.len;
}

/* RFC 8259 §7: what has to be escaped. */
static size_t write_escape(unsigned char byte, char *out)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
    const char       *letter = byte ? strchr(letters, byte) : NULL;
    size_t            len;

    out[0] = '\\';
    if (letter) {
        out[1] = names[letter - letters];
        return 2;
    }
    len = 1 + put(out + 1, STR("u00"));
    out[len++] = digits[byte >> 4];
    out[len++] = digits[byte & 15];
    return len;
}

static size_t write_byte(unsigned char byte, enum how how, char *out)
{
    if (byte < 0x20 || byte == '"' || byte == '\\')
        return write_escape(byte, out);
    if (byte < 0x80 || how == UTF8) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = (char)(0xc0 | byte >> 6);
    out[1] = (char)(0x80 | (byte & 0x3f));
    return 2;
}

/* A step of STEP bytes, or the last one, to `out`; gives how many bytes it became. */
static size_t write_step(struct str step, enum how how, char out[ROOM])
{
    size_t len = 0;

    if (how == AS_IT_STANDS)
        return put(out, step);
    if (how == BASE64)
        return base64_encode(step, out);
    for (size_t i = 0; i < step.len; i++)
        len += write_byte((unsigned char)step.ptr[i], how, out + len);
    return len;
}

/* ---- what is shown ------------------------------------------------------------------------ */

struct shown *shown_new(void)
{
    struct shown *shown = malloc(sizeof *shown);

    if (shown)
        *shown = (struct shown){.text = BUF_UP_TO(TEXT_MAX)};
    return shown;
}

static void shown_free(void *owner)
{
    struct shown *shown = owner;

    buf_fini(&shown->text);
    free(shown->parts);
    free(shown);
}

static bool make_room(struct shown *shown)
{
    size_t       room = MAX_OF(shown->room * 2, (size_t)16);
    struct part *parts =
        room <= PARTS_MAX ? realloc(shown->parts, room * sizeof *parts) : NULL;

    if (parts) {
        shown->parts = parts;
        shown->room = room;
    }
    shown->has_no_room |= !parts;
    return parts != NULL;
}

static void add_part(struct shown *shown, struct part part)
{
    if (shown->count == shown->room && !make_room(shown))
        return;
    assert(shown->parts);
    shown->parts[shown->count++] = part;
}

/* Texts that follow each other are one part. */
static void count_text(struct shown *shown, size_t from)
{
    struct part *last = shown->count > 0 ? &shown->parts[shown->count - 1] : NULL;
    size_t       length = shown->text.len - from;

    if (last && last->is_text)
        last->bytes.length += length;
    else
        add_part(shown, (struct part){.is_text = true, .bytes = {.offset = from, .length = length}});
}

void shown_add(struct shown *shown, struct str text)
{
    size_t from = shown->text.len;

    buf_append(&shown->text, text);
    count_text(shown, from);
}

/* What is short is copied: a part of its own would take no less. */
static void add_bytes(struct shown *shown, struct shown_bytes bytes, enum how how)
{
    char       room[STEP], out[ROOM];
    struct str step;

    if (bytes.length > COPIED_MAX)
        add_part(shown, (struct part){.how = how, .bytes = bytes});
    else if (read_step(&bytes, 0, room, &step))
        shown_add(shown, str_of(out, write_step(step, how, out)));
    else
        shown->is_unreadable = true;
}

void shown_add_string(struct shown *shown, struct shown_bytes bytes)
{
    struct utf8 utf8 = look_through(shown, bytes, NULL);

    shown_add(shown, STR("\""));
    add_bytes(shown, bytes, utf8_is_valid(&utf8) ? UTF8 : LATIN1);
    shown_add(shown, STR("\""));
}

void shown_add_data(struct shown *shown, struct shown_bytes bytes, struct wherry_slice type)
{
    struct utf8 utf8 = look_through(shown, bytes, NULL);

    if (utf8_is_valid(&utf8)) {
        shown_add_string(shown, bytes);
        return;
    }
    shown_add(shown, STR("\"data:"));
    add_bytes(shown, shown_slice(type), LATIN1);
    shown_add(shown, STR(";base64,"));
    add_bytes(shown, bytes, BASE64);
    shown_add(shown, STR("\""));
}

void shown_add_json(struct shown *shown, struct shown_bytes bytes)
{
    struct json_text json = JSON_TEXT_NONE;
    struct utf8      utf8 = look_through(shown, bytes, &json);

    if (utf8_is_valid(&utf8) && json_text_is_whole(&json))
        add_bytes(shown, bytes, AS_IT_STANDS);
    else
        shown_add(shown, STR("null"));
}

void shown_fail(struct shown *shown)
{
    shown->has_no_room = true;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* The next step of the answer, to `out`.  False: there is none, or (is_unreadable) it cannot be had. */
static bool next_step(struct shown *shown, char out[ROOM], size_t *len)
{
    char         room[STEP];
    struct part *part;
    struct str   step;

    if (shown->at == shown->count)
        return false;
    part = &shown->parts[shown->at];
    if (part->is_text)
        part->bytes.ptr = shown->text.ptr + part->bytes.offset;
    if (!read_step(&part->bytes, shown->done, room, &step)) {
        shown->is_unreadable = true;
        return false;
    }
    *len = write_step(step, part->how, out);
    shown->done += step.len;
    if (shown->done == part->bytes.length) {
        shown->at++;
        shown->done = 0;
    }
    return true;
}

static enum wherry_pull pull(struct wherry_exchange *exchange, void *data)
{
    struct shown *shown = data;
    char          out[ROOM];
    size_t        len;

    for (size_t left = PIECE; left >= ROOM; left -= len) {
        if (!next_step(shown, out, &len))
            return shown->is_unreadable ? WHERRY_BROKEN : WHERRY_END;
        wherry_write(exchange, (struct wherry_slice){out, len});
    }
    return WHERRY_MORE;
}

/* No part becomes more than six times as long. */
static bool is_short(const struct shown *shown)
{
    uint64_t most = shown->text.len;

    for (size_t i = 0; i < shown->count; i++)
        if (!shown->parts[i].is_text)
            most += shown->parts[i].bytes.length * 6;
    return most <= SHORT_MAX;
}

static enum wherry_next send_at_once(struct wherry_exchange *exchange, struct shown *shown)
{
    struct buf text = BUF_UP_TO(SHORT_MAX);
    char       out[ROOM];
    size_t     len;
    bool       is_whole;

    while (next_step(shown, out, &len))
        buf_append(&text, str_of(out, len));
    is_whole = !text.failed && !shown->is_unreadable;
    if (is_whole)
        wherry_copy_body(exchange, (struct wherry_slice){buf_view(&text).ptr, text.len});
    buf_fini(&text);
    shown_free(shown);
    return is_whole ? WHERRY_ANSWER : WHERRY_FAIL;
}

enum wherry_next shown_send(struct wherry_exchange *exchange, struct shown *shown)
{
    if (!shown)
        return WHERRY_FAIL;
    if (shown->text.failed || shown->has_no_room || shown->is_unreadable) {
        shown_free(shown);
        return WHERRY_FAIL;
    }
    wherry_add_field(exchange, "Content-Type", wherry_text("application/json"));
    if (is_short(shown))
        return send_at_once(exchange, shown);
    wherry_on_release(exchange, shown_free, shown);
    wherry_set_stream(exchange, -1, pull, shown);
    return WHERRY_ANSWER;
}
