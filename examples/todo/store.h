/* store - the items of the list, in one SQLite database.
 *
 * A change is on the disk when its function returns.  Any thread may call.
 *
 * Each item has a version that grows with every change.  Who changes an item says which version he
 * has seen; when it is another one by now, nothing happens, so that nobody overwrites what he does
 * not know of. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ITEM_TITLE_MAX = 500 };      /* bytes, in UTF-8 */

struct item {
    int64_t id;
    int64_t version;
    bool    done;
    char    title[ITEM_TITLE_MAX + 1];
};

enum stored {
    STORED,
    STORE_MISSING,      /* there is no such item, or not in that version any more */
    STORE_FAILED,       /* the database failed; store_problem says how */
};

struct store;

/* NULL, with one sentence in `problem`, when the database cannot be opened. */
struct store *store_open(const char *path, char *problem, size_t size);
void          store_close(struct store *store);

/* What failed last, for a log. */
const char *store_problem(struct store *store);

/* Calls `each` with every item, the oldest first. */
enum stored store_list(struct store *store, void (*each)(const struct item *item, void *data),
                       void *data);

enum stored store_get(struct store *store, int64_t id, struct item *item);

/* Adds an item; its id and version are filled in. */
enum stored store_add(struct store *store, struct item *item);

/* Writes title and done, when the item's version is still item->version, which grows then. */
enum stored store_change(struct store *store, struct item *item);

/* Removes it, when its version is still that. */
enum stored store_remove(struct store *store, int64_t id, int64_t version);

#endif
