#include "tests/support/scripted.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { SCRIPTS_MAX = 8, WRITTEN_BYTES_MAX = 64 * 1024 * 1024 };

static struct scripted *open_scripts[SCRIPTS_MAX];

static struct scripted *script_of(const struct transport *t)
{
    for (size_t i = 0; i < SCRIPTS_MAX; i++)
        if (open_scripts[i] && open_scripts[i]->fd == t->fd)
            return open_scripts[i];
    assert(false && "a transport without a script");
    return NULL;
}

/* The present step; NULL behind the end. */
static const struct script_step *present(const struct script *script)
{
    return script->at < script->count ? &script->steps[script->at] : NULL;
}

static void next(struct script *script)
{
    script->at++;
    script->used = 0;
}

/* Gives what is left of a step, or as much as there is room for. */
static size_t give(struct script *script, const struct script_step *step, char *room, size_t size)
{
    size_t len = step->count ? step->count : strlen(step->bytes);
    size_t n = MIN_OF(size, len - script->used);

    memcpy(room, step->bytes + script->used, n);
    script->used += n;
    if (script->used == len)
        next(script);
    return n;
}

static enum io scripted_read(struct transport *t, char *room, size_t size, size_t *got)
{
    struct scripted          *scripted = script_of(t);
    const struct script_step *step;

    *got = 0;
    t->is_drained = true;
    scripted->read_calls++;
    step = present(&scripted->reads);
    if (!step)
        return IO_WANT_READ;
    switch (step->what) {
    case SCRIPT_GIVE:
        *got = give(&scripted->reads, step, room, size);
        t->is_drained = *got < size;
        return IO_DONE;
    case SCRIPT_BLOCK:
        next(&scripted->reads);
        return IO_WANT_READ;
    case SCRIPT_CLOSE:
        return IO_CLOSED;
    case SCRIPT_FAIL:
    case SCRIPT_TAKE:
        break;
    }
    return IO_FAILED;
}

/* How many bytes the next write takes, SIZE_MAX: all. */
static enum io ask_to_write(struct scripted *scripted, size_t *count)
{
    const struct script_step *step;

    if (scripted->before_write)
        scripted->before_write(scripted, scripted->context);
    step = present(&scripted->writes);
    *count = SIZE_MAX;
    if (!step)
        return IO_DONE;
    switch (step->what) {
    case SCRIPT_TAKE:
        *count = step->count;
        next(&scripted->writes);
        return IO_DONE;
    case SCRIPT_BLOCK:
        next(&scripted->writes);
        return IO_WANT_WRITE;
    case SCRIPT_CLOSE:
    case SCRIPT_FAIL:
    case SCRIPT_GIVE:
        break;
    }
    return IO_FAILED;
}

static enum io scripted_write(struct transport *t, const struct iovec *pieces, int count,
                              bool more, size_t *sent)
{
    struct scripted *scripted = script_of(t);
    size_t           most;
    enum io          io = ask_to_write(scripted, &most);

    *sent = 0;
    scripted->write_calls++;
    scripted->said_more = more;
    for (int i = 0; io == IO_DONE && i < count; i++) {
        size_t n = MIN_OF(pieces[i].iov_len, most - *sent);

        buf_append(&scripted->written, str_of(pieces[i].iov_base, n));
        *sent += n;
    }
    return io;
}

static enum io scripted_send_file(struct transport *t, int file, uint64_t offset, size_t count,
                                  size_t *sent)
{
    struct scripted *scripted = script_of(t);
    size_t           most;
    enum io          io = ask_to_write(scripted, &most);
    ssize_t          n = 0;

    scripted->file_calls++;
    if (io == IO_DONE && buf_reserve(&scripted->written, MIN_OF(count, most)))
        n = pread(file, scripted->written.ptr + scripted->written.len, MIN_OF(count, most),
                  (off_t)offset);
    *sent = n > 0 ? (size_t)n : 0;
    scripted->written.len += *sent;
    return io;
}

static void scripted_shut(struct transport *t)
{
    script_of(t)->is_shut = true;
}

static void scripted_rest(struct transport *t)
{
    (void)t;
}

static void scripted_cut(struct transport *t)
{
    script_of(t)->was_cut = true;
}

static void leave(struct scripted *scripted)
{
    for (size_t i = 0; i < SCRIPTS_MAX; i++)
        if (open_scripts[i] == scripted)
            open_scripts[i] = NULL;
    if (scripted->fd != -1)
        close(scripted->fd);
    scripted->fd = -1;
}

static void scripted_close(struct transport *t)
{
    struct scripted *scripted = script_of(t);

    scripted->is_closed = true;
    leave(scripted);
    t->fd = -1;
}

static const struct transport_ops scripted_ops = {
    .read = scripted_read,
    .write = scripted_write,
    .send_file = scripted_send_file,
    .shut = scripted_shut,
    .rest = scripted_rest,
    .cut = scripted_cut,
    .close = scripted_close,
};

struct transport scripted_open(struct scripted *scripted)
{
    size_t place = 0;

    while (place < SCRIPTS_MAX && open_scripts[place])
        place++;
    assert(place < SCRIPTS_MAX);
    open_scripts[place] = scripted;
    scripted->written = BUF_UP_TO(WRITTEN_BYTES_MAX);
    scripted->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(scripted->fd != -1);
    return (struct transport){.ops = &scripted_ops, .fd = scripted->fd};
}

void scripted_fini(struct scripted *scripted)
{
    leave(scripted);
    buf_fini(&scripted->written);
}
