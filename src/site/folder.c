/* A site for those who have a server of their own. */
#include <stdio.h>

#include "site/site.h"
#include "wherry.h"

static void release(void *site)
{
    site_free(site);
}

static bool tell(char *problem, size_t size, const char *sentence)
{
    snprintf(problem, size, "%s", sentence);
    return false;
}

static bool serve(struct site *site, struct wherry_server *server, char *problem, size_t size)
{
    if (!site_hide_secrets(site, wherry_server_settings(server)))
        return tell(problem, size, "cannot keep keys from being served");
    if (site_is_hidden(site))
        return tell(problem, size, "the folder to serve lies in the folder of keys");
    if (!site_serve(site, server))
        return tell(problem, size, "there are too many routes to serve a folder too");
    wherry_server_on_free(server, release, site);
    return true;
}

bool wherry_server_folder(struct wherry_server *server, const char *folder, char *problem,
                          size_t size)
{
    struct site_settings settings = SITE_SETTINGS_DEFAULT;
    struct site         *site;

    settings.root = folder;
    site = site_new(&settings, problem, size);
    if (!site)
        return false;
    if (!serve(site, server, problem, size)) {
        site_free(site);
        return false;
    }
    return true;
}
