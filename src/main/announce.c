#include "main/announce.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/moment.h"

void announce_word(struct buf *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./+:,@%=";

    if (*word && *word != '-' && word[strspn(word, plain)] == '\0') {
        buf_append(out, str_view(word));
        return;
    }
    buf_append_byte(out, '\'');
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            buf_append(out, STR("'\\''"));
        else
            buf_append_byte(out, *c);
    }
    buf_append_byte(out, '\'');
}

/* ---- the authority -------------------------------------------------------------------- */

/* `before` and `behind` the path are for a shell, on the machine that is to trust it. */
static const struct recipe {
    const char *system;
    const char *before;
    const char *behind;
} recipes[] = {
    {"Debian, Ubuntu", "sudo install -m 644 ",
     " /usr/local/share/ca-certificates/wherry.crt && sudo update-ca-certificates"},
    {"Fedora", "sudo trust anchor ", ""},
    {"macOS", "sudo security add-trusted-cert -d -r trustRoot"
              " -k /Library/Keychains/System.keychain ", ""},
    {"Windows", "certutil -addstore -f ROOT ", ""},
    {"Chrome on Linux", "mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -A -t C,,"
                        " -n \"wherry $(date +%s)\" -i ", ""},
};

static void say_how_to_trust(const char *path, struct buf *out)
{
    buf_append(out, STR("To trust it, on a machine that has this file:\n"));
    for (size_t i = 0; i < COUNTOF(recipes); i++) {
        buf_printf(out, "  %-16s %s", recipes[i].system, recipes[i].before);
        announce_word(out, path);
        buf_printf(out, "%s\n", recipes[i].behind);
    }
    buf_printf(out, "  %-16s Settings > Privacy & Security > Certificates > View Certificates >"
               " Authorities > Import\n", "Firefox");
}

static void say_new(const struct wherry_authority *authority, struct buf *out)
{
    buf_printf(out, "The certificate is wherry's own, signed by %s authority%s:\n  ",
               authority->has_replaced ? "another" : "a new",
               authority->has_replaced ? " than before, so whoever trusts that one is warned" : "");
    announce_word(out, authority->path);
    buf_printf(out, "\n  SHA-256 %s\n", authority->fingerprint);
    say_how_to_trust(authority->path, out);
}

static void say_known(const struct wherry_authority *authority, const char *cert_dir,
                      struct buf *out)
{
    buf_append(out, STR("its authority: "));
    announce_word(out, authority->path);
    buf_printf(out, ", SHA-256 %s; wherry --print-ca", authority->fingerprint);
    if (cert_dir) {
        buf_append(out, STR(" --cert-dir "));
        announce_word(out, cert_dir);
    }
    buf_append_byte(out, '\n');
}

void announce_authority(const struct wherry_authority *authority, const char *cert_dir,
                        struct buf *out)
{
    if (!authority->path)
        buf_printf(out, "The certificate is wherry's own, and its authority will be another one "
                   "after a restart:\n  SHA-256 %s\n", authority->fingerprint);
    else if (authority->is_new)
        say_new(authority, out);
    else
        say_known(authority, cert_dir, out);
}

/* ---- those with a bad certificate ----------------------------------------------------- */

/* Where the good certificate was given, the authority is theirs alone. */
static void say_bad(const struct options *options, const struct wherry_server *server,
                    const struct wherry_authority *authority, struct buf *out)
{
    const char *url, *fault;

    if (!wherry_server_bad_tls_url(server, 0, NULL))
        return;
    buf_append(out, STR("to be refused, for what is wrong with the certificate:\n"));
    for (size_t i = 0; (url = wherry_server_bad_tls_url(server, i, &fault)); i++)
        buf_printf(out, "  %-17s  %s\n", fault, url);
    if (options->server.tls.certificates_count == 0 || !authority)
        return;
    buf_append(out, STR("their authority: "));
    if (authority->path)
        announce_word(out, authority->path);
    else
        buf_append(out, STR("in memory only"));
    buf_printf(out, ", SHA-256 %s\n", authority->fingerprint);
}

/* ---- all of it ------------------------------------------------------------------------ */

void announce_root(const struct site_settings *site, struct buf *out)
{
    char *path = realpath(site->root, NULL);

    buf_printf(out, "%s", path ? path : site->root);
    free(path);
}

/* Who asks for certificates at one door should know that the other one is open. */
static void warn_of_open_door(const struct wherry_settings *server)
{
    if (!server->tls.client_ca_path || server->tls.client_is_optional || server->tls.redirects ||
        server->http_port < 0)
        return;
    log_warn("HTTP lets in who shows no certificate", "instead=\"--tls-only or --http-redirect\"");
}

static void say_in_words(const struct options *options, const struct wherry_server *server,
                         const struct wherry_authority *authority, struct buf *out)
{
    const struct option_given *cert_dir = options_given(options, "cert-dir");
    bool                       is_default = cert_dir->source == OPTION_FROM_DEFAULT;
    const char                *admin = wherry_server_admin_url(server), *url;

    buf_append(out, STR("wherry " WHERRY_VERSION " carries "));
    announce_root(&options->site, out);
    buf_append_byte(out, '\n');
    for (size_t i = 0; (url = wherry_server_url(server, i)); i++)
        buf_printf(out, "  %s\n", url);
    if (admin)
        buf_printf(out, "its health: %s, /healthz and /readyz\n", admin);
    say_bad(options, server, authority, out);
    if (authority && options->server.tls.certificates_count == 0)
        announce_authority(authority, is_default ? NULL : options->server.tls.cert_dir, out);
}

static void append_json(struct buf *out, const char *text)
{
    buf_append_byte(out, '"');
    log_escape_json(out, str_view(text));
    buf_append_byte(out, '"');
}

/* NULL is null. */
static void append_member(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text)
        append_json(out, text);
    else
        buf_append(out, STR("null"));
}

static void append_urls(struct buf *out, const struct wherry_server *server)
{
    const char *url;

    buf_append(out, STR(",\"urls\":["));
    for (size_t i = 0; (url = wherry_server_url(server, i)); i++) {
        if (i > 0)
            buf_append_byte(out, ',');
        append_json(out, url);
    }
    buf_append_byte(out, ']');
}

static void append_bad(struct buf *out, const struct wherry_server *server)
{
    const char *url, *fault;

    buf_append(out, STR(",\"bad_tls\":"));
    for (size_t i = 0; (url = wherry_server_bad_tls_url(server, i, &fault)); i++) {
        buf_printf(out, "%c\"%s\":", i == 0 ? '{' : ',', fault);
        append_json(out, url);
    }
    buf_append(out, wherry_server_bad_tls_url(server, 0, NULL) ? STR("}") : STR("null"));
}

/* The first that begins like this; NULL: there is none. */
static const char *find_url(const struct wherry_server *server, const char *scheme)
{
    const char *url;

    for (size_t i = 0; (url = wherry_server_url(server, i)); i++)
        if (str_starts(str_view(url), str_view(scheme)))
            return url;
    return NULL;
}

/* Where the endpoints' prefix is, for who has to find them: null where there are none, or nobody comes
 * by TCP. */
static void append_endpoints(struct buf *out, const struct options *options, const char *url)
{
    struct buf where = BUF_UP_TO(16 * 1024);

    if (url && options->endpoints.prefix)
        buf_printf(&where, "%s%s", url, options->endpoints.prefix);
    buf_append_byte(&where, '\0');
    append_member(out, "endpoints", where.len > 1 ? where.ptr : NULL);
    out->failed |= where.failed;
    buf_fini(&where);
}

void announce_facts(const struct options *options, const struct wherry_server *server,
                    struct buf *out)
{
    struct moment           moment = MOMENT_NONE;
    struct wherry_authority authority;
    bool                    has_own = wherry_server_authority(server, &authority);
    char                   *root = realpath(options->site.root, NULL);
    const char             *http = find_url(server, "http://"), *https = find_url(server, "https://");

    moment_refresh(&moment);
    buf_printf(out, "{\"time\":\"%s\"", moment.iso_time);
    append_member(out, "carries", root ? root : options->site.root);
    append_member(out, "version", WHERRY_VERSION);
    buf_printf(out, ",\"pid\":%d", (int)getpid());
    append_urls(out, server);
    append_member(out, "http", http);
    append_member(out, "https", https);
    append_member(out, "admin", wherry_server_admin_url(server));
    append_endpoints(out, options, http ? http : https);
    append_bad(out, server);
    append_member(out, "authority", has_own ? authority.path : NULL);
    append_member(out, "sha256", has_own ? authority.fingerprint : NULL);
    buf_append(out, STR("}\n"));
    free(root);
}

void announce(const struct options *options, const struct wherry_server *server, struct str facts)
{
    struct wherry_authority authority;
    bool                    has_own = wherry_server_authority(server, &authority);
    struct buf              out = BUF_UP_TO(64 * 1024);

    if (options->server.access_log == WHERRY_LOG_JSON)
        buf_append(&out, facts);
    else
        say_in_words(options, server, has_own ? &authority : NULL, &out);
    if (has_own && authority.warning && *authority.warning)
        log_warn("cannot keep the certificate", "why=\"%s\"",
                 LOG_QUOTE(str_view(authority.warning)));
    log_print(buf_view(&out));
    buf_fini(&out);
    warn_of_open_door(&options->server);
}
