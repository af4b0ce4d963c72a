#include "server/writer.h"

static void take(struct str *from, size_t *sent)
{
    size_t n = MIN_OF(from->len, *sent);

    *from = str_from(*from, n);     /* which leaves a body that is not there where it is */
    *sent -= n;
}

/* Head, bytes and tail from memory. */
static enum io write_memory(struct writer *writer, struct transport *transport, size_t *budget)
{
    struct iovec pieces[3] = {
        {(void *)(uintptr_t)writer->head.ptr, writer->head.len},
        {(void *)(uintptr_t)writer->bytes.ptr, writer->bytes.len},
        {(void *)(uintptr_t)writer->tail.ptr, writer->tail.len},
    };
    int          count = writer->tail.len ? 3 : writer->bytes.len ? 2 : 1;
    size_t       head_before = writer->head.len, body_before = writer->bytes.len, sent;
    bool         more = writer->left > 0 || writer->parts_left > 0;
    enum io      io;

    io = transport_write(transport, pieces, count, more, &sent);
    if (io != IO_DONE)
        return io;
    *budget -= MIN_OF(*budget, sent);
    take(&writer->head, &sent);
    take(&writer->bytes, &sent);
    take(&writer->tail, &sent);
    writer->body_sent += body_before - writer->bytes.len;
    if (writer->is_part)
        writer->body_sent += head_before - writer->head.len;
    return IO_DONE;
}

/* A piece of the file.  Nothing sent and IO_DONE: the file has become shorter. */
static enum io write_file(struct writer *writer, struct transport *transport, size_t *budget,
                          size_t *sent)
{
    size_t  count = (size_t)MIN_OF((uint64_t)*budget, writer->left);
    enum io io = transport_send_file(transport, writer->fd, writer->offset, count, sent);

    writer->offset += *sent;
    writer->left -= *sent;
    writer->body_sent += *sent;
    *budget -= MIN_OF(*budget, *sent);  /* a record that was begun before may be larger */
    return io;
}

static enum written outcome(enum io io)
{
    return io == IO_WANT_READ || io == IO_WANT_WRITE ? WRITTEN_BLOCKED : WRITTEN_GONE;
}

/* The head, or the text of a part, and what belongs behind it. */
static enum written write_piece(struct writer *writer, struct transport *transport, size_t *budget)
{
    while (writer->head.len || writer->bytes.len || writer->tail.len) {
        enum io io;

        if (*budget == 0)
            return WRITTEN_SOME;
        io = write_memory(writer, transport, budget);
        if (io != IO_DONE)
            return outcome(io);
    }
    while (writer->left) {
        size_t  sent;
        enum io io;

        if (*budget == 0)
            return WRITTEN_SOME;
        if (writer->left <= *budget && writer->is_intact && !writer->is_intact(writer->owner))
            return WRITTEN_CUT;
        io = write_file(writer, transport, budget, &sent);
        if (io != IO_DONE)
            return outcome(io);
        if (sent == 0)
            return WRITTEN_CUT;
    }
    return WRITTEN_ALL;
}

static void take_part(struct writer *writer)
{
    const struct writer_part *part = writer->parts++;

    writer->parts_left--;
    writer->is_part = true;
    writer->head = part->text;
    if (writer->base) {
        writer->bytes = str_of(writer->base + part->first, (size_t)part->length);
    } else {
        writer->offset = part->first;
        writer->left = part->length;
    }
}

enum written writer_step(struct writer *writer, struct transport *transport, size_t *budget)
{
    enum written written = write_piece(writer, transport, budget);

    while (written == WRITTEN_ALL && writer->parts_left) {
        take_part(writer);
        written = write_piece(writer, transport, budget);
    }
    return written;
}
