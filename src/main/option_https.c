#include "main/option_https.h"

#include <stdio.h>

#include "main/option_sources.h"
#include "main/option_value.h"
#include "net/tls_faulty.h"

/* ---- on or off ------------------------------------------------------------------------ */

/* A certificate is given for one thing only; but whoever says no to TLS in the same place or in a
 * higher one means it. */
static void let_certificates_imply_it(struct options *options)
{
    enum option_source tls = options_given(options, "tls")->source;
    enum option_source cert = options_given(options, "tls-cert")->source;
    enum option_source key = options_given(options, "tls-key")->source;

    if (options->https.certs.count == 0 && options->https.keys.count == 0)
        return;
    if (!options->https.is_on && tls < MAX_OF(cert, key)) {
        options->https.is_on = true;
        options_follow(options, "tls", "yes");
    }
}

static bool let_it_be_alone(struct options *options)
{
    if (!options->https.is_alone || options->https.is_on)
        return true;
    if (options_given(options, "tls")->source != OPTION_FROM_DEFAULT)
        return options_clash(options, "tls-only", "tls", "it cannot be both");
    options->https.is_on = true;
    options_follow(options, "tls", "yes");
    return true;
}

/* ---- what makes no sense alone -------------------------------------------------------- */

struct need {
    const char *option;
    const char *why;
    bool        is_of_bad;          /* the listeners with bad certificates need it, too */
};

/* Where HTTPS was switched off on purpose, at the same place or above, its options may stay. */
static bool wants_https(struct options *options, const struct need *need)
{
    const struct option_given *given = options_given(options, need->option);
    const struct option       *option = option_find(str_view(need->option));
    struct option_value        value = {0};

    return option_value_parse(option, given->text, &value) && (value.text || value.number) &&
           given->source > options_given(options, "tls")->source;
}

static bool has_https_where_needed(struct options *options)
{
    static const struct need needs[] = {
        {"http-redirect", "there is no HTTPS to send anyone to", false},
        {"tls-client-ca", "only HTTPS asks clients for certificates", true},
        {"tls-key-password-file", "only HTTPS has a key", false},
        {"tls-name", "only HTTPS has a certificate", true},
    };

    bool has_bad = options->server.tls.bad_port >= 0;

    if (options->https.is_on || options->print_ca)
        return true;
    for (size_t i = 0; i < COUNTOF(needs); i++)
        if (!(has_bad && needs[i].is_of_bad) && wants_https(options, &needs[i]))
            return options_clash(options, needs[i].option, "tls", needs[i].why);
    return true;
}

/* "required" without an authority would let everyone in.  In a file it may stand, for a printed
 * configuration has the default too. */
static bool has_client_authority(struct options *options)
{
    enum option_source source = options_given(options, "tls-client")->source;
    bool               is_meant = source > OPTION_FROM_FILE ||
                    options->https.client != OPTION_CLIENT_REQUIRED;

    if (options->server.tls.client_ca_path || !is_meant)
        return true;
    return options_clash(options, "tls-client", "tls-client-ca",
                         "it is about certificates that such an authority has signed");
}

/* The ports of the bad certificates: as many as there are faults (net/tls_faulty.h). */
static bool is_among_bad(const struct wherry_settings *server, int port)
{
    int first = server->tls.bad_port;

    return first > 0 && port >= first && port < first + TLS_FAULTS - 1;
}

static bool has_ports_apart(struct options *options)
{
    const struct wherry_settings *server = &options->server;
    static const char             five[] = "it takes five ports from there on, which must be others";

    if (server->tls.port > 0 && server->tls.port == server->http_port)
        return options_clash(options, "https-port", "http-port", "they must differ");
    if (is_among_bad(server, server->http_port))
        return options_clash(options, "bad-tls-port", "http-port", five);
    return !is_among_bad(server, server->tls.port) ||
           options_clash(options, "bad-tls-port", "https-port", five);
}

static bool has_own_authority(struct options *options)
{
    if (!options->print_ca || options->https.certs.count == 0 || options->server.tls.bad_port >= 0)
        return true;
    return options_clash(options, "print-ca", "tls-cert",
                         "wherry has an authority only for the certificate that it makes itself");
}

/* ---- certificates and keys ------------------------------------------------------------ */

static const char *count_files(char *room, size_t size, size_t count)
{
    if (count == 0)
        snprintf(room, size, "none");
    else
        snprintf(room, size, "%zu file%s", count, count == 1 ? "" : "s");
    return room;
}

static bool refuse_counts(struct options *options)
{
    const struct option_given *cert = options_given(options, "tls-cert");
    const struct option_given *key = options_given(options, "tls-key");
    enum exit_code             code = options_blame(MAX_OF(cert->source, key->source));
    struct option_name         cert_name, key_name;
    char                       certs[32], keys[32];

    return options_fail(options, code,
                        "%s names %s, but %s names %s; each certificate needs its key, in the same "
                        "order (a file that holds both is named twice)%s",
                        options_name(option_find(STR("tls-cert")), cert, &cert_name),
                        count_files(certs, sizeof certs, options->https.certs.count),
                        options_name(option_find(STR("tls-key")), key, &key_name),
                        count_files(keys, sizeof keys, options->https.keys.count),
                        options_hint(code));
}

static bool pair_certificates(struct options *options)
{
    struct option_https *https = &options->https;

    if (https->certs.count != https->keys.count)
        return refuse_counts(options);
    assert(https->certs.count <= OPTIONS_CERTIFICATES_MAX);
    for (size_t i = 0; i < https->certs.count; i++)
        https->certificates[i] = (struct wherry_certificate){
            .cert_path = https->certs.texts[i],
            .key_path = https->keys.texts[i],
            .password_path = https->password,
        };
    return true;
}

/* ---- the folder for our own ----------------------------------------------------------- */

static bool keep_in(struct options *options, const char *base, const char *below)
{
    struct buf  path = BUF_UP_TO(4096);
    const char *separator = str_ends(str_view(base), STR("/")) ? "" : "/";
    char       *text = NULL;

    buf_printf(&path, "%s%s%s", base, separator, below);
    if (!path.failed)
        text = arena_cstr(&options->texts, buf_view(&path));
    buf_fini(&path);
    if (!text)
        return options_fail(options, CODE_SYSTEM, "there is no memory for the options");
    options->server.tls.cert_dir = text;
    options_follow(options, "cert-dir", text);
    return true;
}

/* As the XDG Base Directory Specification has it: a path that is not absolute counts as none. */
static bool find_folder(struct options *options, char **environment)
{
    const char *state = option_environment_find(environment, "XDG_STATE_HOME");
    const char *home = option_environment_find(environment, "HOME");

    if (options_given(options, "cert-dir")->source != OPTION_FROM_DEFAULT)
        return true;
    if (*state == '/')
        return keep_in(options, state, "wherry");
    if (*home == '/')
        return keep_in(options, home, ".local/state/wherry");
    return true;
}

/* ---- all of it ------------------------------------------------------------------------ */

static void tell_server(struct options *options)
{
    const struct option_https  *https = &options->https;
    struct wherry_tls_settings *tls = &options->server.tls;

    tls->port = https->is_on ? https->port : -1;
    tls->certificates = https->certificates;
    tls->certificates_count = https->certs.count;
    tls->names = https->names.texts;
    tls->names_count = https->names.count;
    tls->client_is_optional = https->client == OPTION_CLIENT_OPTIONAL;
    tls->hsts_s = (MAX_OF(https->hsts_ms, 0) + 999) / 1000;
    if (https->is_alone)
        options->server.http_port = -1;
}

bool option_https_settle(struct options *options, char **environment)
{
    let_certificates_imply_it(options);
    if (!let_it_be_alone(options) || !pair_certificates(options) ||
        !find_folder(options, environment))
        return false;
    tell_server(options);
    return has_https_where_needed(options) && has_client_authority(options) &&
           has_ports_apart(options) && has_own_authority(options);
}
