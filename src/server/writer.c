#include "server/writer.h"

static void take(struct str *from, size_t *sent)
{
    size_t n = MIN_OF(from->len, *sent);

    from->ptr += n;
    from->len -= n;
    *sent -= n;
}

/* Head and bytes from memory. */
static enum io write_memory(struct writer *writer, struct transport *transport, size_t *budget)
{
    struct iovec pieces[2] = {
        {(void *)(uintptr_t)writer->head.ptr, writer->head.len},
        {(void *)(uintptr_t)writer->bytes.ptr, writer->bytes.len},
    };
    size_t       body_before = writer->bytes.len, sent;
    enum io      io;

    io = transport_write(transport, pieces, writer->bytes.len ? 2 : 1, writer->left > 0, &sent);
    if (io != IO_DONE)
        return io;
    *budget -= MIN_OF(*budget, sent);
    take(&writer->head, &sent);
    take(&writer->bytes, &sent);
    writer->body_sent += body_before - writer->bytes.len;
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
    *budget -= *sent;
    return io;
}

static enum written outcome(enum io io)
{
    return io == IO_WANT_READ || io == IO_WANT_WRITE ? WRITTEN_BLOCKED : WRITTEN_GONE;
}

enum written writer_step(struct writer *writer, struct transport *transport, size_t *budget)
{
    while (writer->head.len || writer->bytes.len) {
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
