#include "store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    sqlite3        *database;
    pthread_mutex_t mutex;      /* one statement at a time */
};

/* With WAL and FULL a change is on the disk before SQLite says that it is made.  AUTOINCREMENT: the id
 * of an item that is gone is never given to another one. */
static const char schema[] = "PRAGMA journal_mode = WAL;"
                             "PRAGMA synchronous = FULL;"
                             "CREATE TABLE IF NOT EXISTS item ("
                             "    id      INTEGER PRIMARY KEY AUTOINCREMENT,"
                             "    version INTEGER NOT NULL,"
                             "    done    INTEGER NOT NULL,"
                             "    title   TEXT NOT NULL)";

enum { BUSY_MS = 5000 };        /* for another program that uses the database */

/* ---- its life ----------------------------------------------------------------------------- */

struct store *store_open(const char *path, char *problem, size_t size)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store) {
        snprintf(problem, size, "there is no memory for the store");
        return NULL;
    }
    pthread_mutex_init(&store->mutex, NULL);
    if (sqlite3_open(path, &store->database) == SQLITE_OK &&
        sqlite3_busy_timeout(store->database, BUSY_MS) == SQLITE_OK &&
        sqlite3_exec(store->database, schema, NULL, NULL, NULL) == SQLITE_OK)
        return store;
    snprintf(problem, size, "cannot use the database \"%s\": %s", path, store_problem(store));
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sqlite3_close(store->database);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

const char *store_problem(struct store *store)
{
    return sqlite3_errmsg(store->database);
}

/* ---- statements --------------------------------------------------------------------------- */

/* A statement whose ?1, ?2... are these numbers; NULL when it cannot be had.  From begin to end the
 * store is the caller's alone. */
static sqlite3_stmt *begin(struct store *store, const char *sql, size_t count,
                           const int64_t numbers[])
{
    sqlite3_stmt *statement = NULL;

    pthread_mutex_lock(&store->mutex);
    sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL);
    for (size_t i = 0; statement && i < count; i++)
        sqlite3_bind_int64(statement, (int)i + 1, numbers[i]);
    return statement;
}

#define NUMBERS(...) \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__}

static enum stored end(struct store *store, sqlite3_stmt *statement, enum stored stored)
{
    /* What went wrong in its last step is said once more here. */
    if (sqlite3_finalize(statement) != SQLITE_OK || !statement)
        stored = STORE_FAILED;
    pthread_mutex_unlock(&store->mutex);
    return stored;
}

/* Runs a statement that changes one row or none. */
static enum stored change_one(struct store *store, sqlite3_stmt *statement)
{
    bool has_run = statement && sqlite3_step(statement) == SQLITE_DONE;

    return has_run && sqlite3_changes(store->database) == 1 ? STORED : STORE_MISSING;
}

/* The columns are id, version, done, title. */
static void read_row(sqlite3_stmt *statement, struct item *item)
{
    item->id = sqlite3_column_int64(statement, 0);
    item->version = sqlite3_column_int64(statement, 1);
    item->done = sqlite3_column_int(statement, 2) != 0;
    snprintf(item->title, sizeof item->title, "%s",
             (const char *)sqlite3_column_text(statement, 3));
}

static void bind_title(sqlite3_stmt *statement, int place, const char *title)
{
    if (statement)
        sqlite3_bind_text(statement, place, title, -1, SQLITE_STATIC);
}

/* ---- what others ask for ------------------------------------------------------------------ */

enum stored store_list(struct store *store, void (*each)(const struct item *item, void *data),
                       void *data)
{
    sqlite3_stmt *statement =
        begin(store, "SELECT id, version, done, title FROM item ORDER BY id", 0, NULL);
    struct item   item;

    while (statement && sqlite3_step(statement) == SQLITE_ROW) {
        read_row(statement, &item);
        each(&item, data);
    }
    return end(store, statement, STORED);
}

enum stored store_get(struct store *store, int64_t id, struct item *item)
{
    sqlite3_stmt *statement =
        begin(store, "SELECT id, version, done, title FROM item WHERE id = ?1", NUMBERS(id));
    bool          found = statement && sqlite3_step(statement) == SQLITE_ROW;

    if (found)
        read_row(statement, item);
    return end(store, statement, found ? STORED : STORE_MISSING);
}

enum stored store_add(struct store *store, struct item *item)
{
    sqlite3_stmt *statement = begin(
        store, "INSERT INTO item (version, done, title) VALUES (1, ?1, ?2)", NUMBERS(item->done));
    enum stored   stored;

    bind_title(statement, 2, item->title);
    stored = change_one(store, statement);
    item->id = sqlite3_last_insert_rowid(store->database);
    item->version = 1;
    return end(store, statement, stored);
}

enum stored store_change(struct store *store, struct item *item)
{
    sqlite3_stmt *statement =
        begin(store,
              "UPDATE item SET version = version + 1, done = ?1, title = ?4"
              " WHERE id = ?2 AND version = ?3",
              NUMBERS(item->done, item->id, item->version));
    enum stored   stored;

    bind_title(statement, 4, item->title);
    stored = end(store, statement, change_one(store, statement));
    if (stored == STORED)
        item->version++;
    return stored;
}

enum stored store_remove(struct store *store, int64_t id, int64_t version)
{
    sqlite3_stmt *statement =
        begin(store, "DELETE FROM item WHERE id = ?1 AND version = ?2", NUMBERS(id, version));

    return end(store, statement, change_one(store, statement));
}
