/* asker - a server for the tests that answers what it was asked.
 *
 * usage: asker SPOOL_DIR
 * Bodies of more than 256 KiB are spooled to that folder.  With PEER_CLIENT_CA in the environment clients
 * may show a certificate that these have signed.
 *
 * All answers are JSON, in which each byte of a text is one character, up to U+00FF.  GET /asked tells of
 * fields, query, peer and TLS, and of the cookie that the query names; POST /form tells of the form;
 * GET /set-cookie sets one, as the query says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "base/buf.h"
#include "tests/peers/peer.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, BODY_MEMORY = 256 * 1024 };

/* ---- JSON ----------------------------------------------------------------------------- */

static void text(struct buf *json, struct wherry_slice slice)
{
    if (!slice.ptr) {
        buf_append(json, STR("null"));
        return;
    }
    buf_append_byte(json, '"');
    for (size_t i = 0; i < slice.len; i++) {
        unsigned char byte = (unsigned char)slice.ptr[i];

        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
            buf_append_byte(json, (char)byte);
        else
            buf_printf(json, "\\u%04x", byte);
    }
    buf_append_byte(json, '"');
}

static void member(struct buf *json, const char *name, struct wherry_slice slice)
{
    buf_printf(json, "\"%s\": ", name);
    text(json, slice);
    buf_append(json, STR(", "));
}

static void pair(struct buf *json, struct wherry_slice name, struct wherry_slice value)
{
    buf_append(json, STR("["));
    text(json, name);
    buf_append(json, STR(", "));
    text(json, value);
    buf_append(json, STR("], "));
}

/* An array whose elements each end in a comma. */
static void end_array(struct buf *json, const char *behind)
{
    if (json->ptr[json->len - 1] == ' ')
        json->len -= 2;
    buf_printf(json, "]%s", behind);
}

static enum wherry_next answer(struct wherry_exchange *exchange, struct buf *json)
{
    if (json->failed)
        return WHERRY_FAIL;
    wherry_add_field(exchange, "Content-Type", wherry_text("application/json"));
    wherry_set_body(exchange, (struct wherry_slice){json->ptr, json->len});
    wherry_on_release(exchange, free, json->ptr);
    return WHERRY_ANSWER;
}

/* ---- the routes ----------------------------------------------------------------------- */

static void tell_tls(struct wherry_exchange *exchange, struct buf *json)
{
    struct wherry_tls_facts facts;

    if (!wherry_tls(exchange, &facts)) {
        buf_append(json, STR("\"tls\": null"));
        return;
    }
    buf_append(json, STR("\"tls\": {"));
    member(json, "version", wherry_text(facts.version));
    member(json, "cipher", wherry_text(facts.cipher));
    member(json, "alpn", wherry_text(facts.alpn));
    member(json, "server_name", wherry_text(facts.server_name));
    member(json, "client", wherry_text(facts.client));
    buf_printf(json, "\"is_resumed\": %s}", facts.is_resumed ? "true" : "false");
}

static enum wherry_next asked(struct wherry_exchange *exchange, void *data)
{
    struct buf          json = BUF_UP_TO(ANSWER_MAX);
    struct wherry_slice name, value;
    size_t              at = 0;
    int                 port;

    (void)data;
    buf_append(&json, STR("{\"fields\": ["));
    while (wherry_next_field(exchange, &at, &name, &value))
        pair(&json, name, value);
    end_array(&json, ", \"query\": [");
    at = 0;
    while (wherry_next_query_value(exchange, &at, &name, &value))
        pair(&json, name, value);
    end_array(&json, ", ");
    name = wherry_query_value(exchange, "cookie");
    member(&json, "cookie", wherry_cookie(exchange, name.ptr ? name.ptr : ""));
    member(&json, "peer", wherry_text(wherry_peer(exchange, &port)));
    buf_printf(&json, "\"port\": %d, ", port);
    tell_tls(exchange, &json);
    buf_append(&json, STR("}\n"));
    return answer(exchange, &json);
}

/* From the file when there is one, as a handler would read it. */
static void content(struct wherry_exchange *exchange, struct buf *json,
                    const struct wherry_upload *upload)
{
    struct wherry_slice bytes = upload->bytes;
    char               *room = NULL;

    if (!bytes.ptr) {
        room = malloc((size_t)upload->length + 1);
        bytes = (struct wherry_slice){room, (size_t)upload->length};
        json->failed |= !room || pread(wherry_body_file(exchange), room, bytes.len,
                                       (off_t)upload->offset) != (ssize_t)bytes.len;
    }
    if (!json->failed)
        member(json, "content", bytes);
    free(room);
}

static enum wherry_next form(struct wherry_exchange *exchange, void *data)
{
    struct buf           json = BUF_UP_TO(ANSWER_MAX);
    struct wherry_slice  name, value;
    struct wherry_upload upload;
    size_t               at = 0;

    (void)data;
    buf_append_byte(&json, '{');
    member(&json, "problem", wherry_text(wherry_form_problem(exchange)));
    buf_append(&json, STR("\"values\": ["));
    while (wherry_next_form_value(exchange, &at, &name, &value))
        pair(&json, name, value);
    end_array(&json, ", \"files\": [");
    for (at = 0; wherry_next_upload(exchange, &at, &upload);) {
        buf_append_byte(&json, '{');
        member(&json, "name", upload.name);
        member(&json, "file_name", upload.file_name);
        member(&json, "type", upload.type);
        content(exchange, &json, &upload);
        buf_printf(&json, "\"is_spooled\": %s}, ", upload.bytes.ptr ? "false" : "true");
    }
    end_array(&json, "}\n");
    return answer(exchange, &json);
}

static enum wherry_next set_cookie(struct wherry_exchange *exchange, void *data)
{
    const char *age = wherry_query_value(exchange, "max_age").ptr;

    (void)data;
    wherry_set_cookie(exchange, &(struct wherry_new_cookie){
                                    .name = wherry_query_value(exchange, "name").ptr,
                                    .value = wherry_query_value(exchange, "value").ptr,
                                    .path = wherry_query_value(exchange, "path").ptr,
                                    .max_age_s = age ? atoi(age) : 0,
                                    .is_for_scripts = wherry_query_value(exchange, "scripts").ptr,
                                    .is_cross_site = wherry_query_value(exchange, "sites").ptr,
                                });
    return WHERRY_ANSWER;
}

static enum wherry_next page(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_add_field(exchange, "Content-Type", wherry_text("text/html; charset=utf-8"));
    wherry_set_body(exchange, wherry_text("<!doctype html><title>asker</title>\n"));
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/asked", .methods = WHERRY_GET, .look = asked},
    {.pattern = "/form", .methods = WHERRY_POST, .wants_body = true, .work = form},
    {.pattern = "/set-cookie", .methods = WHERRY_GET, .look = set_cookie},
    {.pattern = "/", .methods = WHERRY_GET, .look = page},
};

/* ---- the program ---------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    int                    status;

    peer_settings_init(&settings);
    settings.body_memory_max = BODY_MEMORY;
    settings.spool_dir = argc > 1 ? argv[1] : NULL;
    settings.tls.client_ca_path = getenv("PEER_CLIENT_CA");
    settings.tls.client_is_optional = true;
    server = peer_new(&settings, routes, COUNTOF(routes));
    status = wherry_server_main(server);
    wherry_server_free(server);
    return status;
}
