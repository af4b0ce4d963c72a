/* replay - runs a target over the files of its corpus, once each, in builds without libFuzzer.
 *
 *     fuzz_X FILE-OR-FOLDER...
 *
 * A corpus without files is a mistake: then nothing would be tested. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES_MAX = 1024 * 1024, PATH_BYTES_MAX = 1024 };

static size_t count;

static _Noreturn void fail(const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void replay_file(const char *path)
{
    struct buf       content = BUF_UP_TO(INPUT_BYTES_MAX);
    struct tight_str input;
    FILE            *file = fopen(path, "re");

    if (!file)
        fail(path);
    while (!feof(file) && !ferror(file) && buf_reserve(&content, 4096))
        content.len += fread(content.ptr + content.len, 1, 4096, file);
    if (ferror(file) || content.failed)
        fail(path);
    fclose(file);
    input = tight_bytes(content.ptr, content.len);
    LLVMFuzzerTestOneInput((const uint8_t *)input.bytes, input.view.len);
    count++;
    tight_str_free(&input);
    buf_fini(&content);
}

static void replay(const char *path)
{
    DIR           *folder = opendir(path);
    struct dirent *entry;

    if (!folder) {
        replay_file(path);
        return;
    }
    while ((entry = readdir(folder))) {
        char name[PATH_BYTES_MAX];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        replay_file(name);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    fprintf(stderr, "replay: %zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
