#include "main/option_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/option_sources.h"

/* False with errno. */
static bool can_write_in(const char *folder)
{
    struct stat status;

    if (stat(folder, &status) == -1)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(status.st_mode) && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
}

void option_spool_settle(struct options *options, char **environment)
{
    const char *const folders[] = {option_environment_find(environment, "TMPDIR"), "/tmp"};

    if (options_given(options, "spool-dir")->source != OPTION_FROM_DEFAULT)
        return;
    for (size_t i = 0; i < COUNTOF(folders); i++) {
        if (*folders[i] != '/' || !can_write_in(folders[i]))
            continue;
        options->server.spool_dir = folders[i];
        options_follow(options, "spool-dir", folders[i]);
        return;
    }
}

bool option_spool_check(const struct options *options, char *problem, size_t size)
{
    const char *folder = options->server.spool_dir;
    char        quoted[256];

    if (!folder || can_write_in(folder))
        return true;
    snprintf(problem, size, "cannot write long bodies to the folder \"%s\" (--spool-dir): %s",
             log_quote(quoted, sizeof quoted, str_view(folder)), strerror(errno));
    return false;
}
