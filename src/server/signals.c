#include "server/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/catch.h"
#include "wherry.h"

static _Atomic(struct wherry_server *) directed;

/* Calls only what POSIX and wherry.h allow in a handler; two threads may be in here at once. */
static void on_stop(int number)
{
    struct wherry_server *server = atomic_load(&directed);

    if (!server || !wherry_server_stop(server))
        _exit(128 + number);
}

static void on_reload(int number)
{
    struct wherry_server *server = atomic_load(&directed);

    (void)number;
    if (server)
        wherry_server_reload(server);
}

void wherry_server_take_signals(struct wherry_server *server)
{
    atomic_store(&directed, server);
    catch_signal(SIGPIPE, SIG_IGN);
    catch_signal(SIGXFSZ, SIG_IGN);
    catch_signal(SIGHUP, on_reload);
    catch_signal(SIGTERM, on_stop);
    catch_signal(SIGINT, on_stop);
}

void signals_forget(struct wherry_server *server)
{
    (void)!atomic_compare_exchange_strong(&directed, &server, NULL);
}
