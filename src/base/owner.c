#include "base/owner.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* ---- the sentence --------------------------------------------------------------------- */

static bool allows(mode_t bits, mode_t wanted)
{
    return (bits & wanted) == wanted;
}

/* Where the mode lets us, whatever our groups are, it is not the mode. */
static bool is_open(const struct owner_facts *facts)
{
    if (facts->uid == facts->us)
        return allows(facts->mode >> 6, facts->wanted);
    return allows(facts->mode, facts->wanted) && allows(facts->mode >> 3, facts->wanted);
}

/* What else would do. */
static void write_otherwise(char *room, size_t size, const struct owner_facts *facts,
                            enum owner_need need)
{
    if (need == OWNER_READ)
        snprintf(room, size, "let others read it");
    else
        snprintf(room, size, "give it to uid %u", facts->us);
}

void owner_tell(char *room, size_t size, const struct owner_facts *facts, enum owner_need need)
{
    char        quoted[160], named[164] = "it", otherwise[32];
    const char *rights = facts->us == 0 ? " without its usual rights" : "";

    if (facts->name)
        snprintf(named, sizeof named, "\"%s\"",
                 log_quote(quoted, sizeof quoted, str_view(facts->name)));
    write_otherwise(otherwise, sizeof otherwise, facts, need);
    if (is_open(facts))
        snprintf(room, size,
                 "; %s belongs to uid %u, and its mode %04o lets uid %u do that, so it must be "
                 "something else, such as SELinux (a volume needs :Z there)",
                 named, facts->uid, facts->mode, facts->us);
    else if (facts->uid == facts->us)
        snprintf(room, size,
                 "; %s belongs to uid %u, as which wherry runs, but its mode is %04o: let its owner "
                 "do that (chmod u+rwX)",
                 named, facts->uid, facts->mode);
    else
        snprintf(room, size,
                 "; %s belongs to uid %u (mode %04o) and wherry runs as uid %u%s: run it as the "
                 "owner (in a container: --user %u:%u) or %s",
                 named, facts->uid, facts->mode, facts->us, rights, facts->uid, facts->gid,
                 otherwise);
}

/* ---- who ------------------------------------------------------------------------------ */

/* Cuts off the last part; false when nothing would be left. */
static bool climb(char *path)
{
    char *slash = strrchr(path, '/');

    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    if (!slash)
        memcpy(path, ".", sizeof ".");
    else
        slash[slash == path] = '\0';
    return true;
}

enum { GO_IN = 1, WRITE = 2, READ = 4 };

static mode_t wanted_of(const struct stat *status, enum owner_need need)
{
    if (need == OWNER_WRITE)
        return WRITE | GO_IN;
    return S_ISDIR(status->st_mode) ? READ | GO_IN : READ;
}

const char *owner_advise(char *room, size_t size, const char *path, enum owner_need need, int error)
{
    char               nearest[PATH_MAX];
    struct stat        status;
    struct owner_facts facts = {.us = geteuid()};
    bool               is_there = true, is_hidden = false;

    *room = '\0';
    if ((error != EACCES && error != EPERM) || strlen(path) >= sizeof nearest || !*path)
        return room;
    memcpy(nearest, path, strlen(path) + 1);
    while (stat(nearest, &status) == -1) {
        is_hidden = errno == EACCES;
        is_there = false;
        if (!climb(nearest))
            return room;
    }
    facts.name = is_there ? NULL : nearest;
    facts.uid = status.st_uid;
    facts.gid = status.st_gid;
    facts.mode = status.st_mode & 07777;
    facts.wanted = is_hidden ? (mode_t)GO_IN : wanted_of(&status, need);
    owner_tell(room, size, &facts, need);
    return room;
}
