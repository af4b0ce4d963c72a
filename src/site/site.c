#include "site/site.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/owner.h"
#include "base/share.h"
#include "site/cache.h"
#include "site/content_type.h"
#include "site/precompress.h"
#include "site/resolve.h"
#include "site/sniff.h"
#include "site/twins.h"
#include "wherry.h"

enum {
    KEEP_MS        = 1000,      /* between two looks at the root and the error pages */
    COMPLAINTS_MAX = 10,        /* log lines of one kind in a second: peers choose how often */
    FINDS          = ROOT_BROKEN + 1,
};

struct site {
    struct root         *root;
    struct cache        *cache;
    struct twins         twins;
    struct resolve_rules rules;
    struct mime_types   *types;                 /* the operator's; NULL: none */
    struct representation_wishes wishes;        /* they borrow these types */
    int64_t              kept_ms;               /* only the keeper's thread looks at it */
    struct log_quota     complaints[FINDS];
};

static const struct str error_pages[] = {STR("404.html"), STR("50x.html")};

static struct wherry_slice slice(struct str s)
{
    return (struct wherry_slice){s.ptr, s.len};
}

/* ---- what the operator should know ------------------------------------------------- */

/* A file that is there and is not served is more often a mistake of ours than of the visitor's. */
static void complain(struct site *site, const struct resolution *resolution)
{
    const struct stat *status = &resolution->status;
    const char *why = resolution->refusal.why;
    struct str name = str_view(resolution->name);
    unsigned untold;

    if (resolution->find <= ROOT_MISSING ||
        !log_within(&site->complaints[resolution->find], COMPLAINTS_MAX, &untold))
        return;
    if (untold)
        log_warn("cannot serve more files", "untold=%u why=\"%s\"", untold, why);
    if (resolution->find == ROOT_BROKEN) {
        errno = resolution->error;
        log_error("cannot serve", "path=\"%s\" why=\"%s\" errno=\"%m\"", LOG_QUOTE(name), why);
    } else if (status->st_mode == 0) {
        log_warn("cannot serve", "path=\"%s\" why=\"%s\"", LOG_QUOTE(name), why);
    } else {
        log_warn("cannot serve", "path=\"%s\" owner=%u:%u mode=%04o why=\"%s\"", LOG_QUOTE(name),
                 (unsigned)status->st_uid, (unsigned)status->st_gid,
                 (unsigned)status->st_mode & 07777, why);
    }
}

/* ---- from a path to a representation ----------------------------------------------- */

/* Reads the file that a path was resolved to.  NULL: the resolution is a refusal now. */
static struct representation *make(struct site *site, struct cache_key key,
                                   struct resolution *resolution, struct clock now)
{
    struct representation *made = NULL;

    resolution->find = representation_make(site->root, resolution->name, &site->wishes,
                                           now.wall_s, &made, &resolution->status);
    resolution->error = errno;
    if (resolution->find == ROOT_FOUND) {
        cache_put(site->cache, key, made, now);
        return made;
    }
    resolution->kind = RESOLVE_REFUSED;
    resolution->refusal = resolve_refusal(resolution->find);
    return NULL;
}

/* The path still means this file, the file is still that version, and the same lies beside it. */
static bool is_same(const struct site *site, const struct representation *known,
                    const struct resolution *resolution)
{
    struct file_stamp stamp = file_stamp_of(&resolution->status);

    return resolution->kind == RESOLVE_FILE &&
           str_equal(known->name, str_view(resolution->name)) &&
           file_stamp_equal(&known->stamp, &stamp) &&
           known->siblings == representation_siblings(site->root, &site->wishes, resolution->name,
                                                      known->type, &resolution->status);
}

/* What was just written, or read by us while it was young, is in the kernel's memory still; when
 * it is small as well, reading it takes microseconds.  But for asking libmagic what it is. */
static bool is_quickly_read(const struct site *site, const struct representation *known,
                            const struct resolution *resolution, struct clock now)
{
    return resolution->kind == RESOLVE_FILE &&
           resolution->status.st_size <= REPRESENTATION_SMALL_MAX &&
           !content_type_needs_sniffing(site->types, str_view(resolution->name)) &&
           (known->is_young || file_is_young(&resolution->status, now.wall_s));
}

/* Compares what is known with the disk: resolves the path again, by name, as for the first time.
 * Takes the caller's reference; gives one to what is to be sent, or NULL: it has to be made.
 *
 * This is done without a permit: it takes microseconds, one caller does it per entry and 100 ms,
 * and a page that has not changed must not wait behind handlers that sleep.  A small page that was
 * just edited is read here too, for the same reason. */
static struct representation *compare(struct site *site, struct cache_key key,
                                      struct representation *known, struct clock now)
{
    struct representation *fresh = NULL;
    struct resolution resolution;

    resolve(site->root, &site->rules, key.path, key.is_directory, &resolution);
    /* Without a descriptor to look with, the page of a moment ago is better than a 503. */
    if (resolution.find == ROOT_EXHAUSTED)
        return known;
    if (is_same(site, known, &resolution)) {
        if (!known->is_young) {
            cache_confirm(site->cache, key, known, now);
            return known;
        }
    } else {
        cache_drop(site->cache, key, known);
    }
    if (is_quickly_read(site, known, &resolution, now))
        fresh = make(site, key, &resolution, now);
    if (fresh)
        representation_inherit(fresh, known);
    representation_release(known);
    return fresh;
}

/* What is known of a path and holds: a reference of the caller's, or NULL. */
static struct representation *recall(struct site *site, struct cache_key key, struct clock now)
{
    bool needs_check;
    struct representation *known = cache_get(site->cache, key, now, &needs_check);

    return known && needs_check ? compare(site, key, known, now) : known;
}

/* The same, and if need be from the disk.  NULL: the resolution is a redirect or a refusal. */
static struct representation *find(struct site *site, struct cache_key key,
                                   struct resolution *resolution)
{
    struct clock now = clock_now();

    resolve(site->root, &site->rules, key.path, key.is_directory, resolution);
    return resolution->kind == RESOLVE_FILE ? make(site, key, resolution, now) : NULL;
}

/* ---- from a representation to an answer -------------------------------------------- */

static void release(void *owner)
{
    representation_release(owner);
}

static bool is_intact(void *owner)
{
    return representation_is_intact(owner);
}

/* Gives the body, and with it the caller's reference, to the exchange. */
static void give_body(struct wherry_exchange *exchange, struct representation *page)
{
    wherry_on_release(exchange, release, page);
    if (page->fd == -1)
        wherry_set_body(exchange, slice(page->bytes));
    else
        wherry_set_file(exchange, page->fd, page->length, is_intact);
}

static enum wherry_next answer_page(struct wherry_exchange *exchange, struct representation *page)
{
    wherry_set_lines(exchange, slice(page->shared_lines), slice(page->content_lines));
    wherry_set_validators(exchange, slice(page->etag), page->last_modified);
    give_body(exchange, page);
    return WHERRY_ANSWER;
}

static enum wherry_next answer_redirect(const struct site *site, struct wherry_exchange *exchange,
                                        struct cache_key key, enum resolve_kind kind)
{
    struct wherry_slice query = wherry_query(exchange);
    struct buf location = BUF_UP_TO(3 * (key.path.len + query.len) + 8);
    enum wherry_next next = WHERRY_FAIL;

    resolve_location(&location, key.path, kind, str_of(query.ptr, query.len));
    if (!location.failed) {
        wherry_set_status(exchange, HTTP_MOVED_PERMANENTLY);
        wherry_add_field(exchange, "Location", slice(buf_view(&location)));
        if (*site->wishes.cache_control)
            wherry_add_field(exchange, "Cache-Control",
                             slice(str_view(site->wishes.cache_control)));
        wherry_add_field(exchange, "Content-Type", slice(STR("text/plain; charset=utf-8")));
        wherry_set_body(exchange, slice(STR("This page has moved.\n")));
        next = WHERRY_ANSWER;
    }
    buf_fini(&location);
    return next;
}

/* ---- what the server calls --------------------------------------------------------- */

static struct cache_key key_of(const struct wherry_exchange *exchange)
{
    struct wherry_slice path = wherry_path(exchange);

    return (struct cache_key){.path = str_of(path.ptr, path.len),
                              .is_directory = wherry_path_is_directory(exchange)};
}

/* ---- in the coding that the client would rather have --------------------------------- */

/* RFC 9110 §15.5.7.  What is only not there yet is worth asking for again. */
static enum wherry_next refuse_coding(struct wherry_exchange *exchange, bool is_for_now)
{
    if (is_for_now) {
        wherry_refuse(exchange, HTTP_UNAVAILABLE, "the coding that is asked for is not made yet");
        wherry_add_field(exchange, "Retry-After", slice(STR("1")));
    } else {
        wherry_refuse(exchange, HTTP_NOT_ACCEPTABLE,
                      "the file is not to be had in a coding that is accepted");
    }
    wherry_add_field(exchange, "Vary", slice(STR("Accept-Encoding")));
    return WHERRY_ANSWER;
}

/* How long to wait for the best, with those to fall back on: who takes none of them gets nothing
 * before; for the others all waiting together is a moment, and the last bit of it is the second
 * best's. */
static int64_t patience_for(const struct wherry_exchange *exchange, unsigned others,
                            int64_t asked_ms)
{
    int64_t left = CODER_WAIT_MS - (clock_now().ms - asked_ms);

    switch (wherry_choose_coding(exchange, others)) {
    case WHERRY_NO_CODING:
        return CODER_PATIENCE_MS;
    case WHERRY_IDENTITY:
        return MAX_OF(left, 0);
    case WHERRY_GZIP:
    case WHERRY_BROTLI:
    case WHERRY_ZSTD:
        break;
    }
    return MAX_OF(left - CODER_QUICK_MS, 0);
}

/* Nothing that there is just now is accepted.  Takes over the reference to the page. */
static enum wherry_next answer_none(const struct site *site, struct wherry_exchange *exchange,
                                    struct representation *page, bool may_block)
{
    unsigned hoped_for = twins_hoped_for(&site->twins, page);
    bool     is_for_now = wherry_choose_coding(exchange, hoped_for) != WHERRY_NO_CODING;

    representation_release(page);
    return is_for_now && !may_block ? WHERRY_WORK : refuse_coding(exchange, is_for_now);
}

/* Takes over the reference to the page.  While a coding is being made, or has no place, the next
 * best goes out, and that is the plain one in the end. */
static enum wherry_next answer_best(struct site *site, struct wherry_exchange *exchange,
                                    struct cache_key key, struct representation *page,
                                    struct clock now, bool may_block)
{
    unsigned available;

    if (wherry_choose_coding(exchange, BIT(CODINGS) - 1) == WHERRY_IDENTITY)
        return answer_page(exchange, page);
    available = twins_available(&site->twins, page);
    for (;;) {
        struct representation *twin = NULL;
        enum twin outcome;

        key.coding = (enum coding)wherry_choose_coding(exchange, available);
        if (key.coding == CODING_IDENTITY)
            return answer_page(exchange, page);
        if (key.coding == CODING_NONE)
            return answer_none(site, exchange, page, may_block);
        available &= ~BIT(key.coding);
        outcome = may_block ? twins_find(&site->twins, key, page, now,
                                      patience_for(exchange, available, now.ms), &twin)
                         : twins_look(&site->twins, key, page, now, &twin);
        if (outcome != TWIN_ABSENT)
            representation_release(page);
        if (outcome == TWIN_FOUND)
            return answer_page(exchange, twin);
        if (outcome == TWIN_NEEDS_WORK)
            return WHERRY_WORK;
    }
}

static enum wherry_next site_look(struct wherry_exchange *exchange, void *data)
{
    struct site *site = data;
    struct cache_key key = key_of(exchange);
    struct clock now = clock_now();
    struct representation *page;

    if (wherry_path_has_slash(exchange))
        return wherry_refuse(exchange, HTTP_NOT_FOUND, "no file's name has a slash in it");
    page = recall(site, key, now);
    return page ? answer_best(site, exchange, key, page, now, false) : WHERRY_WORK;
}

static enum wherry_next site_work(struct wherry_exchange *exchange, void *data)
{
    struct site *site = data;
    struct cache_key key = key_of(exchange);
    struct resolution resolution;
    struct clock now = clock_now();
    struct representation *page = recall(site, key, now);

    if (!page)
        page = find(site, key, &resolution);
    if (page)
        return answer_best(site, exchange, key, page, now, true);
    if (resolution.kind != RESOLVE_REFUSED)
        return answer_redirect(site, exchange, key, resolution.kind);
    complain(site, &resolution);
    return wherry_refuse(exchange, (int)resolution.refusal.status,
                         resolution.refusal.why);
}

static const struct str *error_page_for(int status)
{
    if (status == HTTP_NOT_FOUND)
        return &error_pages[0];
    return status >= HTTP_INTERNAL_ERROR ? &error_pages[1] : NULL;
}

/* Without leave to block, what was known a moment ago will do: the keeper compares it every
 * second. */
static struct representation *find_error_page(struct site *site, struct cache_key key,
                                              bool may_block)
{
    struct clock now = clock_now();
    struct resolution resolution;
    struct representation *page;
    bool needs_check;

    if (!may_block)
        return cache_get(site->cache, key, now, &needs_check);
    page = recall(site, key, now);
    return page ? page : find(site, key, &resolution);
}

/* Only the body and its type: an error has no validators and no ranges, and is not to be kept as
 * long as pages may be, because it may be over the next moment. */
static bool site_error_page(struct wherry_exchange *exchange, int status, bool may_block,
                            void *data)
{
    const struct str *name = error_page_for(status);
    struct representation *page;

    if (!name)
        return false;
    page = find_error_page(data, (struct cache_key){.path = *name}, may_block);
    if (!page)
        return false;
    wherry_set_lines(exchange, slice(STR("Cache-Control: no-cache\r\n")), slice(page->type_lines));
    give_body(exchange, page);
    return true;
}

/* So that a 503 has its page when there is nobody free to read it. */
static void warm_error_pages(struct site *site)
{
    for (size_t i = 0; i < COUNTOF(error_pages); i++) {
        struct cache_key key = {.path = error_pages[i]};
        struct representation *page = find_error_page(site, key, true);

        if (page)
            representation_release(page);
    }
}

static void site_tick(void *data)
{
    struct site *site = data;
    struct clock now = clock_now();

    if (now.ms - site->kept_ms < KEEP_MS)
        return;
    site->kept_ms = now.ms;
    if (root_refresh(site->root)) {
        log_info("the root was replaced", "");
        cache_clear(site->cache);
    }
    cache_sweep(site->cache, now);
    warm_error_pages(site);
}

/* ---- its life ---------------------------------------------------------------------- */

/* Large files in the cache are open descriptors, and most of those belong to connections. */
static size_t descriptors_to_spare(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_max == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_max / 4;
}

static bool load_types(struct site *site, const char *path, char *problem, size_t size)
{
    if (!path)
        return true;
    site->types = mime_types_load(path, problem, size);
    site->wishes.types = site->types;
    return site->types != NULL;
}

static size_t coding_memory(const struct site_settings *settings)
{
    enum { SHARE = 4 };

    return settings->coding_bytes ? settings->coding_bytes : (size_t)(share_memory() / SHARE);
}

struct site *site_new(const struct site_settings *settings, char *problem, size_t size)
{
    struct site *site;

    if (!representation_can_send(settings->cache_control)) {
        snprintf(problem, size, "cache-control \"%s\" is no value of a field, or over %d bytes",
                 settings->cache_control, REPRESENTATION_CACHE_CONTROL_MAX);
        return NULL;
    }
    site = calloc(1, sizeof *site);
    if (site) {
        site->rules = (struct resolve_rules){settings->index, settings->clean_urls};
        site->wishes.cache_control = settings->cache_control;
        site->wishes.coding = settings->coding;
        site->cache = cache_new(settings->cache_bytes,
                                MIN_OF(settings->cache_files, descriptors_to_spare()));
    }
    if (site && site->cache)
        site->twins.coder = coder_new(site->cache, share_cores(), coding_memory(settings));
    if (!site || !site->twins.coder) {
        snprintf(problem, size, "no memory for the cache of files");
        site_free(site);
        return NULL;
    }
    if (!load_types(site, settings->mime_types, problem, size)) {
        site_free(site);
        return NULL;
    }
    site->twins.cache = site->cache;
    site->twins.root = site->root = root_open(settings->root, settings->links);
    if (!site->root) {
        int error = errno;

        snprintf(problem, size, "cannot open the folder \"%s\": %s%s", settings->root,
                 strerror(error), OWNER_ADVISE(settings->root, OWNER_READ, error));
        site_free(site);
        return NULL;
    }
    return site;
}

void site_free(struct site *site)
{
    if (!site)
        return;
    coder_free(site->twins.coder);
    cache_free(site->cache);
    root_close(site->root);
    mime_types_free(site->types);
    sniff_forget();
    free(site);
}

bool site_hide(struct site *site, const char *path)
{
    return root_hide(site->root, path);
}

bool site_hide_folder(struct site *site, const char *path)
{
    return root_hide_folder(site->root, path);
}

bool site_is_hidden(const struct site *site)
{
    return root_is_hidden(site->root);
}

bool site_precompress(struct site *site, const struct precompress_settings *settings,
                      const struct precompress_listener *listener,
                      struct precompress_counts *counts)
{
    struct precompress_settings ours = *settings;

    ours.types = site->types;
    ours.rules = site->wishes.coding;
    ours.rules.is_on = true;
    ours.rules.most = UINT64_MAX;
    return precompress(site->root, &ours, listener, counts);
}

bool site_serve(struct site *site, struct wherry_server *server)
{
    const struct wherry_route route = {
        .pattern = "/*",
        .methods = WHERRY_GET | WHERRY_HEAD,
        .is_brief = true,
        .look = site_look,
        .work = site_work,
        .data = site,
    };

    if (!wherry_server_route(server, &route))
        return false;
    wherry_server_on_error(server, site_error_page, site);
    wherry_server_on_tick(server, site_tick, site);
    warm_error_pages(site);
    return true;
}
