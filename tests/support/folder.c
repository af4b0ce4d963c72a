#include "tests/support/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static void must(bool succeeded, const char *what)
{
    if (succeeded)
        return;
    perror(what);
    abort();
}

void folder_enter(struct folder *folder)
{
    strcpy(folder->path, "/tmp/wherry-test-XXXXXX");
    must(mkdtemp(folder->path) != NULL, "mkdtemp");
    must(chmod(folder->path, 0755) == 0, "chmod");
    must(chdir(folder->path) == 0, "chdir");
}

void folder_leave(struct folder *folder)
{
    char command[80];

    must(chdir("/") == 0, "chdir");
    snprintf(command, sizeof command, "rm -rf %s", folder->path);
    must(system(command) == 0, command);
}

void folder_bytes(const char *name, struct str bytes)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    must(fd != -1, name);
    must(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len, name);
    close(fd);
}

void folder_file(const char *name, const char *text)
{
    folder_bytes(name, str_view(text));
}

void folder_replace(const char *name, const char *text)
{
    folder_file(".replacement", text);
    must(rename(".replacement", name) == 0, name);
}

void folder_hole(const char *name, uint64_t size)
{
    folder_file(name, "");
    must(truncate(name, (off_t)size) == 0, name);
}

void folder_folder(const char *name)
{
    must(mkdir(name, 0755) == 0, name);
}

void folder_link(const char *name, const char *target)
{
    must(symlink(target, name) == 0, name);
}

void folder_remove(const char *name)
{
    must(remove(name) == 0, name);
}

void folder_age(const char *name, int64_t mtime_s)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)mtime_s}};

    must(utimensat(AT_FDCWD, name, times, 0) == 0, name);
}

size_t folder_count(const char *name)
{
    DIR           *entries = opendir(name);
    struct dirent *entry;
    size_t         count = 0;

    must(entries != NULL, name);
    while ((entry = readdir(entries)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(entries);
    return count;
}

bool folder_says(const char *name, const char *text)
{
    struct buf said = BUF_UP_TO(64 * 1024);
    bool       ok = file_read(name, &said) && str_equal(buf_view(&said), str_view(text));

    buf_fini(&said);
    return ok;
}
