#include "site/secret.h"

/* What the first line of a PEM file may begin with. */
static const struct str beginnings[] = {
    STR("-----BEGIN "), STR("Bag Attributes"), STR("Key Attributes"), STR("Public Key Info"),
};

static bool begins_as_pem(struct str bytes)
{
    if (str_starts(bytes, STR("\xef\xbb\xbf")))
        bytes = str_from(bytes, 3);
    while (bytes.len && strchr(" \t\r\n", bytes.ptr[0]))
        bytes = str_from(bytes, 1);
    for (size_t i = 0; i < COUNTOF(beginnings); i++)
        if (str_starts(bytes, beginnings[i]))
            return true;
    return false;
}

/* "-----BEGIN PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----" and so on */
static bool begins_key(struct str line)
{
    line = str_trim(str_of(line.ptr, line.len - str_ends(line, STR("\r"))));
    return str_starts(line, STR("-----BEGIN ")) && str_ends(line, STR("PRIVATE KEY-----"));
}

bool secret_is_key(struct str bytes)
{
    struct str line;

    if (!begins_as_pem(bytes))
        return false;
    while (str_split(&bytes, '\n', &line))
        if (begins_key(line))
            return true;
    return false;
}
