/* keeper - a server for the tests of what is sent to one: long bodies, limits, and files that are kept.
 *
 * usage: keeper FOLDER [SPOOL_DIR [BODY_MAX [MEMORY_MAX]]]
 * PUT /files/{name} keeps the body in FOLDER (201, 204), POST /sum tells its length, its CRC-32 and where
 * it was, POST /small takes ten bytes, POST /refuse/{status} refuses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <wherry.h>

#include "base/base.h"
#include "tests/peers/peer.h"

static int folder;

static enum wherry_next keep_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_spool_body(exchange, folder);
    return WHERRY_WORK;
}

static enum wherry_next keep_work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    switch (wherry_keep_body(exchange, wherry_part(exchange, "name").ptr)) {
    case WHERRY_KEPT_NEW:
        wherry_set_status(exchange, 201);
        return WHERRY_ANSWER;
    case WHERRY_KEPT_REPLACED:
        wherry_set_status(exchange, 204);
        return WHERRY_ANSWER;
    case WHERRY_KEPT_NOT:
        break;
    }
    return wherry_refuse(exchange, errno == ENOSPC ? 507 : errno == EINVAL ? 400 : 500,
                         "it cannot be kept");
}

static bool sum_file(int fd, uint64_t length, uLong *sum)
{
    static _Thread_local unsigned char piece[65536];

    for (uint64_t at = 0; at < length;) {
        ssize_t got = pread(fd, piece, sizeof piece, (off_t)at);

        if (got <= 0)
            return false;
        *sum = crc32(*sum, piece, (uInt)got);
        at += (uint64_t)got;
    }
    return true;
}

static enum wherry_next sum_work(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice body = wherry_body(exchange);
    uint64_t            length = wherry_body_length(exchange);
    uLong               sum = crc32(0, NULL, 0);
    char                text[64];

    (void)data;
    if (body.ptr)
        sum = crc32(sum, (const unsigned char *)body.ptr, (uInt)body.len);
    else if (!sum_file(wherry_body_file(exchange), length, &sum))
        return WHERRY_FAIL;
    snprintf(text, sizeof text, "%llu %08lx %s\n", (unsigned long long)length, sum,
             body.ptr ? "memory" : "file");
    wherry_copy_body(exchange, wherry_text(text));
    return WHERRY_ANSWER;
}

static enum wherry_next small_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_limit_body(exchange, 10);
    return WHERRY_WORK;
}

static enum wherry_next refuse_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_refuse(exchange, atoi(wherry_part(exchange, "status").ptr), "not so");
}

static const struct wherry_route routes[] = {
    {.pattern = "/files/{name}", .methods = WHERRY_PUT, .look = keep_look, .work = keep_work},
    {.pattern = "/sum", .methods = WHERRY_POST, .wants_body = true, .work = sum_work},
    {.pattern = "/small", .methods = WHERRY_POST, .wants_body = true, .look = small_look,
     .work = sum_work},
    {.pattern = "/refuse/{status}", .methods = WHERRY_POST, .look = refuse_look},
};

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    int                    status;

    peer_settings_init(&settings);
    settings.body_timeout_ms = 2000;
    if (argc > 2 && *argv[2])
        settings.spool_dir = argv[2];
    if (argc > 3)
        settings.body_bytes_max = strtoull(argv[3], NULL, 10);
    if (argc > 4)
        settings.body_memory_max = strtoull(argv[4], NULL, 10);
    folder = open(argc > 1 ? argv[1] : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    server = peer_new(&settings, routes, COUNTOF(routes));
    status = wherry_server_main(server);
    wherry_server_free(server);
    close(folder);
    return status;
}
