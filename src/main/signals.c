#include "main/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/catch.h"

static _Atomic(atomic_bool *) flagged;
static atomic_int flagged_by;

static void on_flag(int number)
{
    int nothing = 0;

    if (!atomic_compare_exchange_strong(&flagged_by, &nothing, number))
        _exit(128 + number);
    atomic_store(atomic_load(&flagged), true);
}

void signals_flag(atomic_bool *stop)
{
    atomic_store(&flagged, stop);
    catch_signal(SIGPIPE, SIG_IGN);
    catch_signal(SIGXFSZ, SIG_IGN);
    catch_signal(SIGHUP, on_flag);
    catch_signal(SIGTERM, on_flag);
    catch_signal(SIGINT, on_flag);
}

int signals_received(void)
{
    return atomic_load(&flagged_by);
}
