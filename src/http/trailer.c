#include "http/trailer.h"

bool trailer_is_allowed(struct str name)
{
    static const struct str never[] = {
        STR("Age"),           STR("Authorization"),       STR("Cache-Control"),
        STR("Connection"),    STR("Content-Encoding"),    STR("Content-Length"),
        STR("Content-Range"), STR("Content-Type"),        STR("Date"),
        STR("Expect"),        STR("Expires"),             STR("Host"),
        STR("Keep-Alive"),    STR("Location"),            STR("Max-Forwards"),
        STR("Pragma"),        STR("Proxy-Authenticate"),  STR("Proxy-Authorization"),
        STR("Range"),         STR("Retry-After"),         STR("Set-Cookie"),
        STR("TE"),            STR("Trailer"),             STR("Transfer-Encoding"),
        STR("Upgrade"),       STR("Vary"),                STR("Warning"),
        STR("WWW-Authenticate"),
    };

    for (size_t i = 0; i < COUNTOF(never); i++)
        if (str_equal_nocase(name, never[i]))
            return false;
    return true;
}
