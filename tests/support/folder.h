/* folder - a temporary folder that a test works in, and what it puts there.
 *
 * Names are relative to the folder: the test's current directory is the folder from folder_enter to
 * folder_leave.  Whatever fails ends the program. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include "base/str.h"

struct folder {
    char path[64];          /* absolute */
};

void folder_enter(struct folder *folder);
void folder_leave(struct folder *folder);

/* A file that says `text`; one that is there is written anew in its place. */
void folder_file(const char *name, const char *text);
void folder_bytes(const char *name, struct str bytes);

/* The same, but a new file takes the name, as an editor does it. */
void folder_replace(const char *name, const char *text);

/* A file of `size` bytes, all NUL and none of them stored. */
void folder_hole(const char *name, uint64_t size);

void folder_folder(const char *name);
void folder_link(const char *name, const char *target);
void folder_remove(const char *name);

/* How many names there are in a folder of it ("." is itself). */
size_t folder_count(const char *name);

/* The file says just that. */
bool folder_says(const char *name, const char *text);

/* Sets the mtime, seconds since 1970. */
void folder_age(const char *name, int64_t mtime_s);

#endif
