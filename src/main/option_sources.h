/* option_sources - the three places where people write options: the command line, the environment
 * and a file.
 *
 * Each turns its own notation into options and texts and gives them to options_give, which knows
 * the rest.  Each returns false with the mistake noted. */
#ifndef MAIN_OPTION_SOURCES_H
#define MAIN_OPTION_SOURCES_H

#include "main/options.h"

/* --name value, --name=value, --boolean, --no-boolean, and one ROOT. */
bool option_command_line_read(struct options *options, int argc, char **argv) MUST_USE;

/* WHERRY_NAME=value, a list with commas between its texts.  Empty is as good as unset; an unknown
 * name only warns. */
bool option_environment_read(struct options *options, char **environment) MUST_USE;

/* The value of a variable that is no option; "" when it is not set. */
const char *option_environment_find(char **environment, const char *name) MUST_USE;

/* Lines of `name = value`, as INI files have them, with or without a section [wherry]; of a list,
 * one line for each text.  A value may stand in double quotes, and then hold \" \\ and \xHH.  The
 * path is kept, not copied. */
bool option_file_read(struct options *options, const char *path) MUST_USE;

/* The same from memory. */
bool option_file_parse(struct options *options, const char *path, struct str content) MUST_USE;

/* Appends `text` so that a file gives it back: as it is, or quoted where that is needed. */
void option_file_quote(struct buf *out, struct str text);

#endif
