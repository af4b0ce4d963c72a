/* todo - a to-do list: a small REST API that keeps its items in SQLite, and the page that uses it.
 *
 *     make && ./todo [DATABASE [PORT [HTTPS_PORT]]]       todo.db, http://localhost:8080
 *
 *     GET    /todos           all items
 *     POST   /todos           a new one: {"title": "...", "done": false}; 201, and Location
 *     GET    /todos/{id}      one: {"id": 1, "version": 1, "done": false, "title": "..."}
 *     PUT    /todos/{id}      another title and state
 *     PATCH  /todos/{id}      only what is said: {"done": true}
 *     DELETE /todos/{id}
 *
 * The ETag of an item is its version.  Who sends it back in If-Match changes what he has seen, or
 * gets 412; nobody's change is lost.  What is wrong is told: {"error": "..."}. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wherry.h>

#include "store.h"

enum { BODY_MAX = 16 * 1024 };

/* ---- answers ------------------------------------------------------------------------------ */

/* Takes over the value; NULL, for which there was no memory, fails. */
static enum wherry_next answer(struct wherry_exchange *exchange, int status, json_t *value)
{
    char            *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    enum wherry_next next = WHERRY_FAIL;

    if (text) {
        wherry_add_field(exchange, "Cache-Control", wherry_text("no-cache"));
        next = wherry_send_json(exchange, status, wherry_text(text));
    }
    free(text);
    json_decref(value);
    return next;
}

static enum wherry_next complain(struct wherry_exchange *exchange, int status, const char *error)
{
    return answer(exchange, status, json_pack("{s:s}", "error", error));
}

static enum wherry_next missing(struct wherry_exchange *exchange)
{
    return complain(exchange, 404, "there is no such item");
}

static enum wherry_next failed(struct store *store)
{
    fprintf(stderr, "todo: the database failed: %s\n", store_problem(store));
    return WHERRY_FAIL;
}

static json_t *json_of(const struct item *item)
{
    return json_pack("{s:I, s:I, s:b, s:s}", "id", (json_int_t)item->id, "version",
                     (json_int_t)item->version, "done", (int)item->done, "title", item->title);
}

/* An entity tag: the version, in quotes. */
struct tag {
    char text[32];
};

static struct tag tag_of(const struct item *item)
{
    struct tag tag;

    snprintf(tag.text, sizeof tag.text, "\"%lld\"", (long long)item->version);
    return tag;
}

static enum wherry_next answer_item(struct wherry_exchange *exchange, int status,
                                    const struct item *item)
{
    struct tag tag = tag_of(item);

    wherry_add_field(exchange, "ETag", wherry_text(tag.text));
    return answer(exchange, status, json_of(item));
}

/* ---- requests ----------------------------------------------------------------------------- */

/* The item that the path names; its number is all there is of it.  False: it is no number. */
static bool read_id(const struct wherry_exchange *exchange, int64_t *id)
{
    const char *text = wherry_part(exchange, "id").ptr;

    *id = 0;
    if (strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0')
        return false;
    *id = strtoll(text, NULL, 10);
    return true;
}

/* Only what says that it is JSON: a form on somebody else's page cannot, without asking first. */
static bool is_json(const struct wherry_exchange *exchange)
{
    static const char   type[] = "application/json";
    struct wherry_slice given = wherry_field(exchange, "Content-Type");
    size_t              len = sizeof type - 1;

    return given.len >= len && strncasecmp(given.ptr, type, len) == 0 &&
           (given.len == len || strchr("; \t", given.ptr[len]));
}

/* What the body says of an item: all of it, or, in `format`, parts of it.  What it does not say stays
 * as it is.  False with the reason in *error. */
static bool read_item(const struct wherry_exchange *exchange, const char *format,
                      struct item *item, json_error_t *error)
{
    struct wherry_slice body = wherry_body(exchange);
    json_t             *json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, error);
    const char         *title = NULL;
    int                 done = item->done;
    bool ok = json && json_unpack_ex(json, error, JSON_STRICT, format, "title", &title, "done",
                                     &done) == 0;

    if (ok && title && (*title == '\0' || strlen(title) > ITEM_TITLE_MAX)) {
        snprintf(error->text, sizeof error->text, "a title has 1 to %d bytes", ITEM_TITLE_MAX);
        ok = false;
    }
    if (ok && title)
        snprintf(item->title, sizeof item->title, "%s", title);
    item->done = done != 0;
    json_decref(json);
    return ok;
}

static const char whole[] = "{s:s, s?:b}";
static const char parts[] = "{s?:s, s?:b}";

/* ---- handlers ----------------------------------------------------------------------------- */

static void append(const struct item *item, void *list)
{
    json_array_append_new(list, json_of(item));
}

static enum wherry_next list(struct wherry_exchange *exchange, void *store)
{
    json_t *items = json_array();

    if (store_list(store, append, items) == STORED)
        return answer(exchange, 200, items);
    json_decref(items);
    return failed(store);
}

static enum wherry_next add(struct wherry_exchange *exchange, void *store)
{
    struct item  item = {0};
    json_error_t error;
    char         location[32];

    if (!is_json(exchange))
        return complain(exchange, 415, "the body must be application/json");
    if (!read_item(exchange, whole, &item, &error))
        return complain(exchange, 400, error.text);
    if (store_add(store, &item) != STORED)
        return failed(store);
    snprintf(location, sizeof location, "/todos/%lld", (long long)item.id);
    wherry_add_field(exchange, "Location", wherry_text(location));
    return answer_item(exchange, 201, &item);
}

static enum wherry_next show(struct wherry_exchange *exchange, void *store)
{
    struct item item;
    int64_t     id;

    if (!read_id(exchange, &id))
        return missing(exchange);
    switch (store_get(store, id, &item)) {
    case STORED:        return answer_item(exchange, 200, &item);
    case STORE_MISSING: return missing(exchange);
    case STORE_FAILED:  break;
    }
    return failed(store);
}

/* Gets the item and asks whether the client means this version.  False: `next` is the answer. */
static bool get_to_change(struct wherry_exchange *exchange, struct store *store,
                          struct item *item, enum wherry_next *next)
{
    int64_t     id;
    enum stored stored = read_id(exchange, &id) ? store_get(store, id, item) : STORE_MISSING;

    if (stored == STORED) {
        struct tag tag = tag_of(item);

        if (wherry_precondition(exchange, wherry_text(tag.text), INT64_MIN))
            return true;
        *next = complain(exchange, 412, "somebody else has changed the item");
        return false;
    }
    *next = stored == STORE_MISSING ? missing(exchange) : failed(store);
    return false;
}

/* Between reading an item and writing it somebody else may write it, too: then it is read again, and
 * who has sent If-Match is told. */
static enum wherry_next change(struct wherry_exchange *exchange, struct store *store,
                               const char *format)
{
    enum wherry_next next;
    struct item      item;
    json_error_t     error;

    if (!is_json(exchange))
        return complain(exchange, 415, "the body must be application/json");
    while (get_to_change(exchange, store, &item, &next)) {
        if (!read_item(exchange, format, &item, &error))
            return complain(exchange, 400, error.text);
        switch (store_change(store, &item)) {
        case STORED:        return answer_item(exchange, 200, &item);
        case STORE_MISSING: continue;
        case STORE_FAILED:  return failed(store);
        }
    }
    return next;
}

static enum wherry_next put(struct wherry_exchange *exchange, void *store)
{
    return change(exchange, store, whole);
}

static enum wherry_next patch(struct wherry_exchange *exchange, void *store)
{
    return change(exchange, store, parts);
}

static enum wherry_next drop(struct wherry_exchange *exchange, void *store)
{
    enum wherry_next next;
    struct item      item;

    while (get_to_change(exchange, store, &item, &next)) {
        switch (store_remove(store, item.id, item.version)) {
        case STORED:        wherry_set_status(exchange, 204); return WHERRY_ANSWER;
        case STORE_MISSING: continue;
        case STORE_FAILED:  return failed(store);
        }
    }
    return next;
}

/* ---- the program -------------------------------------------------------------------------- */

static bool add_routes(struct wherry_server *server, struct store *store)
{
    return wherry_server_handle(server, WHERRY_GET, "/todos", list, store) &&
           wherry_server_handle(server, WHERRY_POST, "/todos", add, store) &&
           wherry_server_handle(server, WHERRY_GET, "/todos/{id}", show, store) &&
           wherry_server_handle(server, WHERRY_PUT, "/todos/{id}", put, store) &&
           wherry_server_handle(server, WHERRY_PATCH, "/todos/{id}", patch, store) &&
           wherry_server_handle(server, WHERRY_DELETE, "/todos/{id}", drop, store);
}

int main(int argc, char **argv)
{
    struct wherry_settings settings;
    struct wherry_server  *server;
    struct store          *store;
    char                   problem[512] = "there is no memory for the server";
    int                    status = 1;

    store = store_open(argc > 1 ? argv[1] : "todo.db", problem, sizeof problem);
    wherry_settings_init(&settings);
    settings.body_bytes_max = BODY_MAX;
    if (argc > 2)
        settings.http_port = atoi(argv[2]);
    if (argc > 3) {
        settings.tls.port = atoi(argv[3]);
        settings.tls.cert_dir = "certs";        /* with the certificate that the server makes */
    }
    server = store ? wherry_server_new(&settings) : NULL;
    if (server && add_routes(server, store) &&
        wherry_server_folder(server, "page", problem, sizeof problem))
        status = wherry_server_main(server);
    else
        fprintf(stderr, "todo: %s\n", problem);
    /* A handler that does not come back still uses the store. */
    if (wherry_server_free(server))
        store_close(store);
    return status;
}
