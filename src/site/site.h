/* site - a folder of files as a website: a handler like any other.
 *
 * Turns a path into a file beneath the root: the file itself, a folder's index, "/about" for
 * about.html; redirects where a "/" is missing or too much; the site's own 404.html and 50x.html.
 * What is in the cache is answered at once; what is not takes a permit. */
#ifndef SITE_SITE_H
#define SITE_SITE_H

#include "site/coding_rules.h"
#include "site/root.h"

struct wherry_server;
struct wherry_settings;
struct precompress_settings;
struct precompress_listener;
struct precompress_counts;

struct site_settings {
    const char     *root;           /* the folder */
    const char     *index;          /* "index.html"; "" for none */
    const char     *cache_control;  /* "no-cache"; "" for none */
    bool            clean_urls;     /* "/about" for about.html */
    enum root_links links;
    const char     *mime_types;     /* a file of types that come first; NULL: none */
    struct coding_rules coding;     /* what may be sent compressed */
    size_t          coding_bytes;   /* memory for making it; 0: a quarter of what we may use */
    size_t          cache_bytes;    /* memory for small files */
    size_t          cache_files;    /* entries, and so open descriptors */
};

#define SITE_SETTINGS_DEFAULT                                                       \
    ((struct site_settings){.root = ".", .index = "index.html",                     \
                            .cache_control = "no-cache", .clean_urls = true,        \
                            .links = ROOT_LINKS_BENEATH,                            \
                            .coding = {.is_on = true, .least = 256, .most = 4u << 20}, \
                            .cache_bytes = 32u << 20, .cache_files = 1024})

struct site;

/* NULL with one sentence in `problem` when the root cannot be opened or there is no memory.
 * Texts in *settings are borrowed until site_free. */
struct site *site_new(const struct site_settings *settings, char *problem, size_t size) MUST_USE;
void         site_free(struct site *site);

/* Never serve this file, wherever it turns up; or anything in this folder or below.  Before
 * site_serve.  False when there are too many, or no memory. */
bool site_hide(struct site *site, const char *path) MUST_USE;
bool site_hide_folder(struct site *site, const char *path) MUST_USE;

/* The same for all that the settings of a server name and nobody is to see: certificates, keys and
 * their passwords, the authority of clients, the log of secrets, the folder that keeps certificates
 * with everything in it. */
bool site_hide_secrets(struct site *site, const struct wherry_settings *settings) MUST_USE;

/* True when that leaves nothing to serve: the root lies in such a folder. */
bool site_is_hidden(const struct site *site) MUST_USE;

/* Makes the codings of its files beforehand: precompress(), with the site's own types and rules; but
 * no file is too large for it, and whether codings are sent just now does not matter. */
bool site_precompress(struct site *site, const struct precompress_settings *settings,
                      const struct precompress_listener *listener,
                      struct precompress_counts *counts) MUST_USE;

/* Adds the site to the server: its route, its error pages, its tick. */
bool site_serve(struct site *site, struct wherry_server *server) MUST_USE;

#endif
