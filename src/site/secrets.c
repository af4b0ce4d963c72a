/* What a server's settings name and a site never serves. */
#include <stdio.h>

#include "site/site.h"
#include "wherry.h"

/* What we keep in the folder, by name as well: a link to a key may lie elsewhere. */
static const char *const kept[] = {"ca.pem", "ca-key.pem", "cert.pem", "key.pem"};

static bool hide_file(struct site *site, const char *path)
{
    return !path || site_hide(site, path);
}

static bool hide_certificates(struct site *site, const struct wherry_tls_settings *tls)
{
    for (size_t i = 0; i < tls->certificates_count; i++)
        if (!hide_file(site, tls->certificates[i].cert_path) ||
            !hide_file(site, tls->certificates[i].key_path) ||
            !hide_file(site, tls->certificates[i].password_path))
            return false;
    return true;
}

/* Also while HTTPS is off: the keys of yesterday may be those of tomorrow. */
static bool hide_folder(struct site *site, const struct wherry_tls_settings *tls)
{
    char path[4096];

    if (!tls->cert_dir)
        return true;
    for (size_t i = 0; i < COUNTOF(kept) && (tls->port != -1 || tls->bad_port != -1); i++) {
        int len = snprintf(path, sizeof path, "%s/%s", tls->cert_dir, kept[i]);

        if (len >= (int)sizeof path || !site_hide(site, path))
            return false;
    }
    return site_hide_folder(site, tls->cert_dir);
}

bool site_hide_secrets(struct site *site, const struct wherry_settings *settings)
{
    const struct wherry_tls_settings *tls = &settings->tls;

    return hide_certificates(site, tls) && hide_file(site, tls->client_ca_path) &&
           hide_file(site, tls->key_log_path) && hide_folder(site, tls);
}
