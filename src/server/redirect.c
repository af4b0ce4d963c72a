#include "server/redirect.h"

#include "http/head.h"

/* uri-host [ ":" port ]; a port that is written but empty is none (RFC 3986 §3.2.3). */
static struct str split_port(struct str authority, struct str *host)
{
    size_t colon = authority.len;

    while (colon > 0 && authority.ptr[colon - 1] != ':' && authority.ptr[colon - 1] != ']')
        colon--;
    if (colon == 0 || authority.ptr[colon - 1] == ']') {
        *host = authority;
        return STR_NONE;
    }
    *host = str_of(authority.ptr, colon - 1);
    return str_from(authority, colon);
}

/* The port to send the client to; 0: none need be named.  False: nobody knows. */
static bool choose_port(struct str text, const struct redirect_ports *ports, int *port)
{
    uint64_t asked;

    *port = 0;
    if (text.len == 0)
        return true;
    if (!str_to_u64(text, &asked))
        return false;
    if ((int64_t)asked == ports->plain || (int64_t)asked == ports->secure)
        *port = ports->secure;
    else
        *port = ports->public;
    return *port > 0;
}

bool redirect_location(struct buf *location, const struct request *request,
                       const struct redirect_ports *ports)
{
    enum { HTTPS = 443 };
    struct str host, text = split_port(request->host, &host);
    int        port;

    if (host.len == 0 || !choose_port(text, ports, &port))
        return false;
    buf_append(location, STR("https://"));
    buf_append(location, host);
    if (port != 0 && port != HTTPS) {
        buf_append_byte(location, ':');
        buf_append_u64(location, (uint64_t)port);
    }
    if (request->target.form != TARGET_ASTERISK)        /* which stands for the host alone */
        head_append_raw_path(location, request->target.raw_path);
    if (request->target.query.ptr)
        head_append_query(location, request->target.query);
    return !location->failed;
}
