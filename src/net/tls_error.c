#include "net/tls_error.h"

#include <openssl/err.h>

const char *tls_error_take(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return reason ? reason : "unknown";
}
