#include "main/hide.h"

#include <stdio.h>

/* What we keep in the folder, by name as well: a link to a key may lie elsewhere. */
static const char *const kept[] = {"ca.pem", "ca-key.pem", "cert.pem", "key.pem"};

static bool hide_file(struct site *site, const char *path)
{
    return !path || site_hide(site, path);
}

static bool hide_certificates(struct site *site, const struct wherry_tls *tls)
{
    for (size_t i = 0; i < tls->certificates_count; i++)
        if (!site_hide(site, tls->certificates[i].cert_path) ||
            !site_hide(site, tls->certificates[i].key_path))
            return false;
    return true;
}

/* Also while HTTPS is off: the keys of yesterday may be those of tomorrow. */
static bool hide_folder(struct site *site, const struct wherry_tls *tls)
{
    char path[4096];

    if (!tls->cert_dir)
        return true;
    for (size_t i = 0; i < COUNTOF(kept) && tls->port != -1; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", tls->cert_dir, kept[i]);

        if (len >= (int)sizeof path || !site_hide(site, path))
            return false;
    }
    return site_hide_folder(site, tls->cert_dir);
}

/* Files that hold the value of an option: WHERRY_NAME_FILE. */
static bool hide_values(struct site *site, const struct options *options)
{
    for (size_t i = 0; i < option_count; i++)
        if (options->given[i].source == OPTION_FROM_ENVIRONMENT &&
            !hide_file(site, options->given[i].path))
            return false;
    return true;
}

bool hide_what_is_ours(struct site *site, const struct options *options, char *problem, size_t size)
{
    const struct wherry_tls *tls = &options->server.tls;
    char                     root[256], dir[256];

    if (!hide_file(site, options->config) || !hide_values(site, options) || !hide_file(site, options->site.mime_types) ||
        !hide_certificates(site, tls) || !hide_file(site, options->https.password) ||
        !hide_file(site, tls->client_ca_path) || !hide_file(site, tls->key_log_path) ||
        !hide_folder(site, tls)) {
        snprintf(problem, size, "cannot keep keys and the configuration file from being served");
        return false;
    }
    if (!site_is_hidden(site))
        return true;
    snprintf(problem, size,
             "the folder \"%s\" lies in the folder of keys \"%s\" (--cert-dir), of which nothing "
             "is served",
             log_quote(root, sizeof root, str_view(options->site.root)),
             log_quote(dir, sizeof dir, str_view(tls->cert_dir)));
    return false;
}
