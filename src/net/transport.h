/* transport - bytes to and from a peer, without waiting.
 *
 * One struct of functions, so that what stands above does not know whether there is TLS below.
 * Every call does what can be done now and says what it would take to go on. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <sys/uio.h>

#include "base/str.h"

enum io {
    IO_DONE,                /* some bytes moved */
    IO_WANT_READ,           /* nothing moved: wait until there is something to read */
    IO_WANT_WRITE,          /* nothing moved: wait until there is room to write */
    IO_CLOSED,              /* the peer has said that it sends no more */
    IO_FAILED,              /* the connection is gone */
};

struct transport;

struct transport_ops {
    enum io (*read)(struct transport *, char *room, size_t size, size_t *got);
    enum io (*write)(struct transport *, const struct iovec *pieces, int count, bool more,
                     size_t *sent);
    enum io (*send_file)(struct transport *, int file, uint64_t offset, size_t count,
                         size_t *sent);
    void (*shut)(struct transport *);
    void (*rest)(struct transport *);
    void (*cut)(struct transport *);
    void (*close)(struct transport *);
};

struct transport {
    const struct transport_ops *ops;
    void                       *session;        /* what the functions need; NULL: only fd */
    int                         fd;
    bool                        is_drained;     /* the last read took all that had come */
};

/* Reads up to `size` bytes.  IO_DONE with *got > 0; IO_CLOSED at the peer's end.  Sets is_drained,
 * which says nothing of the peer's end. */
static inline enum io transport_read(struct transport *t, char *room, size_t size, size_t *got)
{
    return t->ops->read(t, room, size, got);
}

/* Writes the pieces in order, as far as they go: *sent may be less than all.  `more`: a hint that
 * more follows at once, so that a small piece need not leave alone. */
static inline enum io transport_write(struct transport *t, const struct iovec *pieces, int count,
                                      bool more, size_t *sent)
{
    return t->ops->write(t, pieces, count, more, sent);
}

/* Sends up to `count` bytes of an open file.  IO_DONE with *sent 0: the file ends before `offset`
 * or cannot be read. */
static inline enum io transport_send_file(struct transport *t, int file, uint64_t offset,
                                          size_t count, size_t *sent)
{
    return t->ops->send_file(t, file, offset, count, sent);
}

/* Says that we send no more; reading goes on. */
static inline void transport_shut(struct transport *t)
{
    t->ops->shut(t);
}

/* Nothing will be read or written for a while: gives back what can be had again. */
static inline void transport_rest(struct transport *t)
{
    t->ops->rest(t);
}

/* What was sent is not all, and looks like it: the close that follows is a reset, so that nobody takes
 * it for whole.  (A local socket knows no reset.) */
static inline void transport_cut(struct transport *t)
{
    t->ops->cut(t);
}

static inline void transport_close(struct transport *t)
{
    t->ops->close(t);
}

/* What the socket below says, without reading or writing: something has come (or the peer's end
 * has, which is not something); the peer sends no more, gone or half closed; nobody is there any
 * more, in either direction; bytes that were written and that the peer has not taken yet. */
bool   transport_has_input(const struct transport *t) MUST_USE;
bool   transport_has_ended(const struct transport *t) MUST_USE;
bool   transport_is_gone(const struct transport *t) MUST_USE;
size_t transport_unsent(const struct transport *t) MUST_USE;

/* From now on the kernel asks now and then whether a silent peer is still there, and hangs up when it
 * is not: within about two minutes. */
void transport_watch(const struct transport *t);

/* The close to come is a reset, where the socket below knows one. */
void transport_will_reset(const struct transport *t);

/* TCP or a local socket as it is. */
struct transport transport_plain(int fd);

#endif
