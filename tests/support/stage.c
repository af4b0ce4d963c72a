#include "tests/support/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/keeper.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum {
    SLEEP_US = 20000,               /* in a handler */
    MTIME_S  = 1700000000,          /* Tue, 14 Nov 2023 22:13:20 GMT */
};

static char large[STAGE_LARGE_BYTES];

void sleep_us(int64_t us)
{
    const struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    nanosleep(&time, NULL);
}

static int64_t now_ms(void)
{
    return clock_us() / 1000;
}

/* ---- the stage ------------------------------------------------------------------------ */

void stage_files(void)
{
    uint32_t number = 1;

    for (size_t i = 0; i < STAGE_LARGE_BYTES; i++) {
        number = number * 1664525 + 1013904223;
        large[i] = (char)(number >> 24);
    }
    folder_folder("site");
    folder_file("site/small.txt", "small\n");
    folder_bytes("site/large.bin", str_of(large, sizeof large));
    folder_file("site/404.html", "not here");
    folder_folder("site/folder");
    folder_file("site/folder/index.html", "folder");
    folder_link("site/link.txt", "small.txt");
    folder_age("site/small.txt", MTIME_S);
    folder_age("site/large.bin", MTIME_S);
    folder_age("site/folder/index.html", MTIME_S);
}

struct str stage_large(size_t first, size_t length)
{
    return str_of(large + first, length);
}

static int real_stdout;

void stage_hush(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    fflush(stdout);
    real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_true(nowhere != -1 && real_stdout != -1);
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
    log_set_level((enum log_level)-1);      /* below every one there is */
}

void stage_speak(void)
{
    fflush(stdout);
    dup2(real_stdout, STDOUT_FILENO);
    close(real_stdout);
}

static enum wherry_next echo_work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_copy_body(exchange, wherry_body(exchange));
    return WHERRY_ANSWER;
}

static enum wherry_next sleep_work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    sleep_us(SLEEP_US);
    wherry_set_body(exchange, (struct wherry_slice){"slept", 5});
    return WHERRY_ANSWER;
}

/* Two bytes, a wait, two more, a wait, and the last. */
static enum wherry_pull drip(struct wherry_exchange *exchange, void *data)
{
    static const char text[] = "drips";
    size_t           *given = data;
    size_t            count = MIN_OF(strlen(text) - *given, (size_t)2);

    *given += wherry_write(exchange, (struct wherry_slice){text + *given, count});
    return *given < strlen(text) ? wherry_wait(exchange, 1) : WHERRY_END;
}

static enum wherry_next drip_look(struct wherry_exchange *exchange, void *data)
{
    size_t *given = calloc(1, sizeof *given);

    (void)data;
    if (!given)
        return WHERRY_FAIL;
    wherry_set_stream(exchange, 5, drip, given);
    wherry_on_release(exchange, free, given);
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/drip", .methods = WHERRY_GET, .look = drip_look},
    {.pattern = "/echo", .methods = WHERRY_POST, .wants_body = true, .work = echo_work},
    {.pattern = "/sleep", .methods = WHERRY_GET, .work = sleep_work},
};

static void *serve(void *data)
{
    struct stage *stage = data;

    stage->was_finished =
        wherry_server_run(stage->server, stage->problem, sizeof stage->problem);
    atomic_store(&stage->has_ended, true);
    return NULL;
}

static bool open_site(struct stage *stage, const struct stage_setting *setting)
{
    struct site_settings settings = SITE_SETTINGS_DEFAULT;

    settings.root = "site";
    settings.cache_files = setting->cache_files;
    if (setting->walks)
        fault_at(1, FAULT_OPENAT2, ENOSYS);
    stage->site = site_new(&settings, stage->problem, sizeof stage->problem);
    if (setting->walks)
        assert_true(fault_off());
    return stage->site != NULL;
}

static bool open_server(struct stage *stage, const struct stage_setting *setting)
{
    struct wherry_settings settings;
    bool ok;

    wherry_settings_init(&settings);
    settings.http_port = -1;
    settings.unix_path = "socket";
    settings.workers = 2;
    settings.workers_max = 4;
    settings.connections_max = 32;
    settings.access_log = WHERRY_LOG_COMBINED;
    if (setting->is_hasty)
        settings.drain_ms = 0;
    stage->server = wherry_server_new(&settings);
    ok = stage->server && site_serve(stage->site, stage->server);
    for (size_t i = 0; i < COUNTOF(routes) && ok; i++)
        ok = wherry_server_route(stage->server, &routes[i]);
    if (!ok)
        snprintf(stage->problem, sizeof stage->problem, "there is no memory");
    return ok && wherry_server_open(stage->server, stage->problem, sizeof stage->problem);
}

bool stage_open(struct stage *stage, const struct stage_setting *setting)
{
    bool was_spared;

    *stage = (struct stage){.is_running = false};
    atomic_init(&stage->has_ended, false);
    if (!open_site(stage, setting) || !open_server(stage, setting))
        return false;
    was_spared = fault_spare_me(true);
    stage->is_running = pthread_create(&stage->thread, NULL, serve, stage) == 0;
    fault_spare_me(was_spared);
    assert_true(stage->is_running);
    return true;
}

/* A handler that takes longer to end than the server waits, on a machine that is busy. */
static void outwait_stragglers(struct wherry_server *server)
{
    if (!server || !server->has_stragglers)
        return;
    server->has_stragglers = !pool_stop(&server->pool, server, STAGE_PATIENCE_MS);
    assert_false(server->has_stragglers);
    keeper_cut_the_rest(server);
}

void stage_close(struct stage *stage)
{
    if (stage->is_running) {
        wherry_server_stop(stage->server);
        pthread_join(stage->thread, NULL);
    }
    outwait_stragglers(stage->server);
    wherry_server_free(stage->server);
    site_free(stage->site);
    stage->server = NULL;
    stage->site = NULL;
    stage->is_running = false;
}

/* ---- being calm ----------------------------------------------------------------------- */

size_t descriptors_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static bool permits_are_back(struct permits *permits)
{
    bool are_back;

    pthread_mutex_lock(&permits->mutex);
    are_back = permits->taken == 0 && permits->taken_long == 0 && permits->waiting == 0;
    pthread_mutex_unlock(&permits->mutex);
    return are_back;
}

bool stage_is_working(struct stage *stage)
{
    return !permits_are_back(&stage->server->permits);
}

static bool is_calm(struct stage *stage)
{
    return slab_count_open(&stage->server->slab) == 0 &&
           !stage_is_working(stage);
}

size_t stage_calm(struct stage *stage)
{
    enum { LOOKS = 20 };
    size_t fewest = SIZE_MAX;

    for (int64_t until = now_ms() + STAGE_PATIENCE_MS; !is_calm(stage);) {
        if (now_ms() > until)
            fail_msg("something was kept: connections=%zu permits=%s",
                     slab_count_open(&stage->server->slab),
                     stage_is_working(stage) ? "taken" : "back");
        sleep_us(100);
    }
    /* The keeper opens a file now and then, and closes it again. */
    for (int i = 0; i < LOOKS; i++) {
        fewest = MIN_OF(fewest, descriptors_open());
        sleep_us(1000);
    }
    return fewest;
}

void stage_calm_down(struct stage *stage, size_t descriptors)
{
    for (int64_t until = now_ms() + STAGE_PATIENCE_MS;
         !is_calm(stage) || descriptors_open() > descriptors;) {
        if (now_ms() > until)
            fail_msg("something was kept: connections=%zu permits=%s descriptors=%zu, not %zu",
                     slab_count_open(&stage->server->slab),
                     stage_is_working(stage) ? "taken" : "back",
                     descriptors_open(), descriptors);
        sleep_us(100);
    }
}
