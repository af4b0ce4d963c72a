#include "main/hide.h"

#include <stdio.h>

static bool hide_file(struct site *site, const char *path)
{
    return !path || site_hide(site, path);
}

static bool hide_folder(struct site *site, const char *path)
{
    return !path || site_hide_folder(site, path);
}

/* Nothing of the root is left to serve, because it lies in this folder of ours. */
static bool tell_hidden(const struct options *options, const char *what, const char *folder,
                        const char *option, char *problem, size_t size)
{
    char root[256], quoted[256];

    snprintf(problem, size,
             "the folder \"%s\" lies in the folder of %s \"%s\" (--%s), of which nothing is served",
             log_quote(root, sizeof root, str_view(options->site.root)), what,
             log_quote(quoted, sizeof quoted, str_view(folder)), option);
    return false;
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
    bool ok = hide_file(site, options->config) && hide_values(site, options) &&
              hide_file(site, options->site.mime_types) &&
              hide_file(site, options->https.password) && site_hide_secrets(site, &options->server);

    if (ok && site_is_hidden(site))
        return tell_hidden(options, "keys", options->server.tls.cert_dir, "cert-dir", problem,
                           size);
    if (!ok || !hide_folder(site, options->endpoints.files_dir)) {
        snprintf(problem, size, "cannot keep keys and the configuration file from being served");
        return false;
    }
    if (site_is_hidden(site))
        return tell_hidden(options, "uploads", options->endpoints.files_dir, "files-dir", problem,
                           size);
    return true;
}
