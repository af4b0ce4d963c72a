/* A server that is the whole program. */
#include <errno.h>
#include <stdio.h>

#include "wherry.h"

static void print_urls(const struct wherry_server *server)
{
    const char *url, *fault;

    for (size_t i = 0; (url = wherry_server_url(server, i)); i++)
        printf("%s\n", url);
    for (size_t i = 0; (url = wherry_server_bad_tls_url(server, i, &fault)); i++)
        printf("%s %s\n", fault, url);
    fflush(stdout);
}

int wherry_server_main(struct wherry_server *server)
{
    char problem[1024] = "there is no memory for the server";
    bool is_open = server && wherry_server_open(server, problem, sizeof problem);

    if (is_open) {
        wherry_server_take_signals(server);
        print_urls(server);
        /* Without a problem it was only the time to finish that was up. */
        (void)!wherry_server_run(server, problem, sizeof problem);
        if (!*problem)
            return 0;
    }
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, problem);
    return 1;
}
