/* content_type: what is said about the type of a file. */
#include <stdlib.h>

#include "site/content_type.h"
#include "site/sniff.h"
#include "tests/support/promise.h"

#define PAGE   "<!doctype html><title>x</title>"
#define STREAM "\x47\x40\0\x10\0\0\xb0\x0d"

static const struct type_case {
    const char *promise;
    const char *name;
    struct str  bytes;
    const char *value;
    const char *without;        /* and without libmagic; NULL: the same */
} cases[] = {
    /* A known ending decides. */
    {"a page", "a.html", STR(PAGE), "text/html; charset=utf-8", NULL},
    {"a page in a picture's file is a picture", "a.png", STR(PAGE), "image/png", NULL},
    {"a page in a text's file is text", "a.txt", STR(PAGE), "text/plain; charset=utf-8", NULL},
    {"a picture in a page's file is a page", "a.html", STR("GIF89a\xff\0"), "text/html", NULL},
    {"JSON", "a.json", STR("{}"), "application/json", NULL},
    {"bytes", "a.bin", STR(PAGE), "application/octet-stream", NULL},

    /* Else the bytes. */
    {"a page without an ending is shown", "page", STR(PAGE), "text/html; charset=utf-8", NULL},
    {"or with one that nobody knows", "a.page", STR(PAGE), "text/html; charset=utf-8", NULL},
    {"in capitals, behind spaces", "a", STR(" \n\t<HTML lang=en>"), "text/html; charset=utf-8",
     NULL},
    {"behind a mark", "a", STR("\xef\xbb\xbf<html>"), "text/html; charset=utf-8", NULL},
    {"behind comments", "a", STR("<!-- a --> <!-- <b> --><body>x"), "text/html; charset=utf-8",
     NULL},
    {"a piece of one", "a", STR("<h1>Hello</h1>\n<p>there"), "text/html; charset=utf-8", NULL},
    {"a page in Latin-1 that says so", "a", STR("<html><meta charset=latin1>caf\xe9"), "text/html",
     "application/octet-stream"},
    {"a text that tells about pages is none", "README",
     STR("Write <html> and <head>, then <script>alert(1)</script>.\n"),
     "text/plain; charset=utf-8", NULL},
    {"nor is a comment", "a", STR("<!-- a remark -->\nand some text"), "text/plain; charset=utf-8",
     NULL},
    {"nor one that does not end", "a", STR("<!-- a remark"), "text/plain; charset=utf-8", NULL},
    {"nor a tag of another language", "a", STR("<htmlx>"), "text/plain; charset=utf-8", NULL},
    {"nor half a tag", "a", STR("<html"), "text/plain; charset=utf-8", NULL},
    {"text", "LICENSE", STR("You may do what you like.\n"), "text/plain; charset=utf-8", NULL},
    {"text in Latin-1", "LICENSE", STR("caf\xe9 au lait\n"), "text/plain",
     "application/octet-stream"},
    {"text in UTF-16", "LICENSE", STR("\xff\xfeh\0i\0\n\0"), "text/plain; charset=utf-16",
     "application/octet-stream"},
    {"one byte of text", "a", STR("x"), "text/plain; charset=utf-8", NULL},
    {"one byte of none", "a", STR("\xff"), "application/octet-stream", NULL},
    {"nothing", "empty", STR(""), "text/plain; charset=utf-8", NULL},
    {"a script is shown", "configure", STR("#!/bin/sh\necho hello\n"), "text/plain; charset=utf-8",
     NULL},
    {"a program's text is shown", "main", STR("#include <stdio.h>\nint main(void) { }\n"),
     "text/plain; charset=utf-8", NULL},
    {"a Makefile is shown", "Makefile", STR("all: x\n\tcc x\n"), "text/plain; charset=utf-8", NULL},
    {"a letter is shown", "letter", STR("From: a@b\nTo: c@d\nSubject: x\n\nhello\n"),
     "text/plain; charset=utf-8", NULL},
    {"settings are shown", "config", STR("[Desktop Entry]\nName=x\n"), "text/plain; charset=utf-8",
     NULL},
    {"a script for Node is shown", "tool", STR("#!/usr/bin/env node\nconsole.log(1)\n"),
     "text/plain; charset=utf-8", NULL},
    {"what may be a script is not run", "README",
     STR("# Use\n\nimport a from './a.js';\nexport const b = 1;\n"), "text/plain; charset=utf-8",
     NULL},
    {"what may be a plotter's is shown", "notes", STR("IN;SP1;PU0,0;PD100,100;\n"),
     "text/plain; charset=utf-8", NULL},
    {"a PDF of ASCII is one", "paper", STR("%PDF-1.4\n1 0 obj\n"), "application/pdf",
     "text/plain; charset=utf-8"},
    {"JSON has no charset", "data", STR("{\"a\": [1, 2]}"), "application/json",
     "text/plain; charset=utf-8"},
    {"XML", "data", STR("<?xml version=\"1.0\"?>\n<a/>"), "text/xml; charset=utf-8",
     "text/plain; charset=utf-8"},
    {"a drawing", "logo", STR("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
     "image/svg+xml; charset=utf-8", "text/plain; charset=utf-8"},
    {"a calendar", "dates", STR("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"),
     "text/calendar; charset=utf-8", "text/plain; charset=utf-8"},
    {"a picture", "logo", STR("GIF89a\1\0\1\0\0\0\0;"), "image/gif", "application/octet-stream"},
    {"an icon by its IANA name", "icon",
     STR("\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0(\0\0\0\x10\0\0\0\x20\0\0\0"),
     "image/vnd.microsoft.icon", "application/octet-stream"},
    {"sound by its WHATWG name", "bell", STR("RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0"),
     "audio/wav", "application/octet-stream"},
    {"a program is bytes", "run", STR("\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0\1\0\0\0"),
     "application/octet-stream", NULL},
    {"what nobody knows is bytes", "core", STR("\1\2\3\4\5\6\7\0\xff\xfe"),
     "application/octet-stream", NULL},
    {"a script with a program behind is bytes", "setup", STR("#!/bin/sh\nexit\n\0\1\2"),
     "application/octet-stream", NULL},

    /* TypeScript and MPEG share two endings. */
    {"a piece of a stream", "a.ts", STR(STREAM), "video/mp2t", NULL},
    {"TypeScript", "a.ts", STR("export const a: number = 1;\n"), "text/plain; charset=utf-8",
     NULL},
    {"its modules", "a.mts", STR("Go: {}\n"), "text/plain; charset=utf-8", NULL},
    {"in Latin-1", "a.ts", STR("// caf\xe9"), "text/plain", NULL},
};

static void check(const struct type_case *c, const char *expected)
{
    struct tight_str bytes = tight_bytes(c->bytes.ptr, c->bytes.len);
    struct survey survey = {.was_whole = true};
    char value[CONTENT_TYPE_BYTES];
    struct str type;

    survey_read(&survey, bytes.view);
    type = content_type_write(NULL, str_view(c->name), bytes.view, &survey, value);
    PROMISED_STR(c->promise, str_view(value), expected);
    assert_ptr_equal(type.ptr, value);
    assert_int_equal(type.len, strcspn(value, ";"));
    tight_str_free(&bytes);
}

static void each_file_has_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++)
        check(&cases[i], cases[i].value);
}

static void without_libmagic_there_are_names_and_text(void **state)
{
    (void)state;
    sniff_use_database("/nothing/there.mgc");
    for (size_t i = 0; i < COUNTOF(cases); i++)
        check(&cases[i], cases[i].without ? cases[i].without : cases[i].value);
}

/* A script and what it unpacks: the beginning looks like text. */
static void a_large_file_is_read_to_its_end(void **state)
{
    char *bytes = malloc(CONTENT_TYPE_BEGINNING + 1);
    struct survey text = {.was_whole = true}, packed;
    char value[CONTENT_TYPE_BYTES];

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'a', CONTENT_TYPE_BEGINNING);
    bytes[CONTENT_TYPE_BEGINNING] = '\0';
    survey_read(&text, str_of(bytes, CONTENT_TYPE_BEGINNING));
    packed = text;
    survey_read(&packed, str_of(bytes + CONTENT_TYPE_BEGINNING, 1));
    (void)!content_type_write(NULL, STR("a"), str_of(bytes, CONTENT_TYPE_BEGINNING), &text, value)
        .len;
    PROMISED_STR("text", str_view(value), "text/plain; charset=utf-8");
    (void)!content_type_write(NULL, STR("a"), str_of(bytes, CONTENT_TYPE_BEGINNING), &packed, value)
        .len;
    PROMISED_STR("text and then bytes", str_view(value), "application/octet-stream");
    free(bytes);
}

static void what_a_name_tells_needs_no_bytes(void **state)
{
    (void)state;
    assert_false(content_type_needs_bytes(NULL, STR("a.png")));
    assert_false(content_type_needs_bytes(NULL, STR("a.json")));
    assert_true(content_type_needs_bytes(NULL, STR("a.html")));
    assert_true(content_type_needs_bytes(NULL, STR("a.ts")));
    assert_true(content_type_needs_bytes(NULL, STR("a")));
    assert_false(content_type_needs_sniffing(NULL, STR("a.html")));
    assert_false(content_type_needs_sniffing(NULL, STR("a.ts")));
    assert_true(content_type_needs_sniffing(NULL, STR("a")));
}

static int forget(void **state)
{
    (void)state;
    sniff_use_database(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_file_has_its_type, forget),
        cmocka_unit_test_teardown(without_libmagic_there_are_names_and_text, forget),
        cmocka_unit_test_teardown(a_large_file_is_read_to_its_end, forget),
        cmocka_unit_test(what_a_name_tells_needs_no_bytes),
    };

    return cmocka_run_group_tests_name("content_type", tests, NULL, NULL);
}
