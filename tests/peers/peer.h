/* peer - what the servers in this folder have in common: how they are set up, and how they run.
 *
 * Each listens on any free port, and with PEER_CERT_DIR in the environment on one for HTTPS too, whose
 * certificate is kept in that folder; prints its URLs; and runs until a signal. */
#ifndef PEERS_PEER_H
#define PEERS_PEER_H

#include <stdio.h>
#include <stdlib.h>

#include <wherry.h>

static inline void peer_settings_init(struct wherry_settings *settings)
{
    wherry_settings_init(settings);
    settings->http_port = 0;
    if (getenv("PEER_CERT_DIR")) {
        settings->tls.port = 0;
        settings->tls.cert_dir = getenv("PEER_CERT_DIR");
    }
}

/* NULL, for which there was no memory, is given back. */
static inline struct wherry_server *peer_new(const struct wherry_settings *settings,
                                             const struct wherry_route *routes, size_t count)
{
    struct wherry_server *server = wherry_server_new(settings);

    for (size_t i = 0; server && i < count; i++)
        if (!wherry_server_route(server, &routes[i]))
            abort();
    return server;
}

#endif
