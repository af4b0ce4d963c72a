#include "main/url.h"

#include "net/address.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

static bool is_printed(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return text.len <= URL_MAX;
}

/* The scheme is the same in capitals (RFC 3986 §3.1). */
static bool take_start(struct str *text, struct str start)
{
    if (text->len < start.len || !str_equal_nocase(str_of(text->ptr, start.len), start))
        return false;
    *text = str_from(*text, start.len);
    return true;
}

/* An address in brackets, or a name; those of containers have "_" in them, too. */
static bool is_host(struct str host)
{
    struct address unused[ADDRESSES_MAX];

    if (host.len > 0 && host.ptr[0] == '[')
        return address_resolve(host, 0, unused) == 1;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._",
                    host.ptr[i]))
            return false;
    return host.len > 0 && host.len <= URL_HOST_MAX;
}

/* authority = host [ ":" port ], without user information                    RFC 9110 §4.2.4 */
static bool read_authority(struct url *url)
{
    struct str whole = url->authority;

    url->host = whole;
    url->port = url->is_https ? HTTPS_PORT : HTTP_PORT;
    if (is_host(whole))
        return true;
    return address_split(whole, &url->host, &url->port) && url->port > 0 && is_host(url->host);
}

static size_t find_end(struct str text, const char *ends)
{
    size_t end = text.len;

    for (; *ends; ends++)
        end = MIN_OF(end, str_find(text, *ends));
    return end;
}

bool url_read(struct str text, struct url *url)
{
    size_t end;

    *url = (struct url){0};
    if (take_start(&text, STR("http+unix:"))) {
        url->local = text;
        url->authority = STR("localhost");
        return text.len > 0 && text.len <= URL_MAX;
    }
    if (!is_printed(text))
        return false;
    url->is_https = take_start(&text, STR("https://"));
    if (!url->is_https && !take_start(&text, STR("http://")))
        return false;
    text.len = str_find(text, '#');
    end = find_end(text, "/?");
    url->authority = str_of(text.ptr, end);
    url->target = str_from(text, end);
    return read_authority(url);
}
