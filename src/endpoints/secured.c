#include "endpoints/secured.h"

#include "endpoints/json.h"
#include "http/status.h"

/* {"tls": false} in the clear, so that a client need not look at anything else.  Names of certificates
 * and of SNI may be any bytes; what is not UTF-8 is null, as is what there is not. */
static enum wherry_next tell(struct wherry_exchange *exchange, void *data)
{
    struct wherry_tls_facts facts;

    (void)data;
    wherry_add_field(exchange, "Cache-Control", wherry_text("no-store"));
    if (!wherry_tls(exchange, &facts))
        return json_answer(exchange, HTTP_OK, json_pack("{s:b}", "tls", 0));
    return json_answer(exchange, HTTP_OK,
                       json_pack("{s:b, s:s, s:s, s:o?, s:o?, s:b, s:o?}", "tls", 1,
                                 "version", facts.version, "cipher", facts.cipher,
                                 "alpn", facts.alpn ? json_string(facts.alpn) : json_null(),
                                 "server_name", facts.server_name ? json_string(facts.server_name) : json_null(),
                                 "resumed", facts.is_resumed,
                                 "client", facts.client ? json_string(facts.client) : json_null()));
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/tls", .methods = ENDPOINT_ANY_METHOD, .look = tell},
     "/tls", "What TLS says of the connection: version, cipher, ALPN, the name asked for, whether it is resumed, and "
             "the client's certificate; \"tls\": false in the clear."},
};
/* clang-format on */

const struct endpoint_group secured_group = ENDPOINT_GROUP("TLS", table);
