/* charset: named only where the bytes prove it and the text does not say something else. */
#include "site/charset.h"
#include "tests/support/promise.h"

#define PAGE  "text/html"
#define PLAIN "text/plain"
#define SHEET "text/css"
#define FEED  "application/rss+xml"
#define UTF   "caf\xc3\xa9"
#define LATIN "caf\xe9"
#define MARK  "\xef\xbb\xbf"

/* What a text says about itself: the prescan of HTML, CSS Syntax 3 §3.2, XML 1.0 §4.3.3. */
static const struct declaration_case {
    const char *promise;
    const char *type;
    const char *text;
    const char *declared;
} declarations[] = {
    {"a meta", PAGE, "<!doctype html><meta charset=utf-8>", "utf-8"},
    {"in quotes", PAGE, "<meta charset=\"iso-8859-1\">", "iso-8859-1"},
    {"in single ones, with spaces", PAGE, "<meta  charset = ' koi8-r ' />", "koi8-r"},
    {"in capitals", PAGE, "<META CHARSET=UTF-8>", "UTF-8"},
    {"behind a slash", PAGE, "<meta/charset=utf-8>", "utf-8"},
    {"behind another attribute", PAGE, "<meta name=x content='a > b' charset=big5>", "big5"},
    {"the first of two counts", PAGE, "<meta charset=a charset=b>", "a"},
    {"by its pragma", PAGE,
     "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=windows-1252\">",
     "windows-1252"},
    {"the pragma may come last", PAGE,
     "<meta content='text/html; charset=\"x y\"; q' http-equiv=content-type>", "x y"},
    {"without its pragma it is none", PAGE, "<meta content='text/html; charset=latin1'>", ""},
    {"nor by another", PAGE, "<meta http-equiv=refresh content='charset=latin1'>", ""},
    {"charset and no value", PAGE,
     "<meta http-equiv=content-type content='charset charset x charset = y'>", "y"},
    {"not in a comment", PAGE, "<!-- <meta charset=a> --><meta charset=b>", "b"},
    {"a short comment", PAGE, "<!--><meta charset=a>", "a"},
    {"a comment that does not end", PAGE, "<!-- <meta charset=a>", ""},
    {"not in an attribute", PAGE, "<p title='<meta charset=a>'><meta charset=b>", "b"},
    {"not in a closing tag's", PAGE, "</p title='<meta charset=a>'><meta charset=b>", "b"},
    {"but in a wrong one", PAGE, "<?php '<meta charset=a>", ""},
    {"behind a wrong one", PAGE, "<?php ?></ x><! y><meta charset=a>", "a"},
    {"a name that only begins so", PAGE, "<metal charset=a>", ""},
    {"an empty one is none", PAGE, "<meta charset=''><meta charset=a>", "a"},
    {"behind a byte order mark", PAGE, MARK "<meta charset=a>", "a"},
    {"HTML of XML's kind", PAGE, "<?xml version='1.0' encoding='a'?><html>", "a"},
    {"text that is not there", PAGE, "", ""},
    {"tags that do not end", PAGE, "<meta charset", ""},
    {"an equals sign and an end", PAGE, "<meta charset=", ""},
    {"only a less-than", PAGE, "<", ""},
    {"half a tag", PAGE, "</", ""},

    {"XML", FEED, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", "ISO-8859-1"},
    {"with other quotes and spaces", FEED, "<?xml version='1.0'\n encoding = 'a' ?>", "a"},
    {"behind a byte order mark", FEED, MARK "<?xml encoding='a'?>", "a"},
    {"any kind of XML", "image/svg+xml", "<?xml version='1.0' encoding='a'?>", "a"},
    {"by its oldest name", "text/xml", "<?xml version='1.0' encoding='a'?>", "a"},
    {"without an encoding", FEED, "<?xml version='1.0'?><a encoding='a'/>", ""},
    {"no declaration", FEED, "<a encoding='a'/>", ""},
    {"it must be first", FEED, " <?xml version='1.0' encoding='a'?>", ""},
    {"a style sheet's instruction is none", FEED, "<?xml-stylesheet encoding='a'?>", ""},
    {"XML has no meta", FEED, "<meta charset='a'>", ""},
    {"XML that ends", FEED, "<?xml", ""},

    {"CSS", SHEET, "@charset \"iso-8859-15\"; p {}", "iso-8859-15"},
    {"only by these bytes", SHEET, "@charset 'a';", ""},
    {"and no others", SHEET, "@CHARSET \"a\";", ""},
    {"with its semicolon", SHEET, "@charset \"a\" ;", ""},
    {"and at the very beginning", SHEET, " @charset \"a\";", ""},

    {"plain text declares nothing", PLAIN, "<meta charset=a>", ""},
    {"nor does a script", "text/javascript", "@charset \"a\";", ""},
};

static void a_declaration_is_read_as_browsers_read_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(declarations); i++) {
        const struct declaration_case *c = &declarations[i];
        struct tight_str text = tight_str(c->text);

        PROMISED_STR(c->promise, charset_declared(str_view(c->type), text.view), c->declared);
        tight_str_free(&text);
    }
}

static void a_declaration_stands_in_the_first_kilobyte(void **state)
{
    char text[CHARSET_DECLARATION_MAX + 100];
    static const struct str meta = STR("<meta charset=big5>");

    (void)state;
    for (size_t end = CHARSET_DECLARATION_MAX - 5; end < CHARSET_DECLARATION_MAX + 5; end++) {
        struct str declared;

        memset(text, 'a', sizeof text);
        memcpy(text + end - meta.len, meta.ptr, meta.len);
        declared = charset_declared(STR(PAGE), str_of(text, sizeof text));
        if (end <= CHARSET_DECLARATION_MAX)
            PROMISED_STR("it is read to its end", declared, "big5");
        else
            assert_true(declared.len <= 4);
    }
}

static const struct charset_case {
    const char *promise;
    const char *type;
    struct str  text;
    const char *guess;
    const char *charset;
} cases[] = {
    {"ASCII is UTF-8", PLAIN, STR("cafe"), "us-ascii", "utf-8"},
    {"so is nothing", PLAIN, STR(""), "", "utf-8"},
    {"UTF-8", PLAIN, STR(UTF), "utf-8", "utf-8"},
    {"whatever libmagic thinks of it", PLAIN, STR(UTF), "iso-8859-1", "utf-8"},
    {"UTF-8 with a mark", PLAIN, STR(MARK UTF), "utf-8", "utf-8"},
    {"a mark and then Latin-1", PLAIN, STR(MARK LATIN), "iso-8859-1", ""},
    {"Latin-1, which may be Cyrillic", PLAIN, STR(LATIN), "iso-8859-1", ""},
    {"what libmagic does not know", PLAIN, STR("\x93\xfa\x96\x7b"), "unknown-8bit", ""},
    {"UTF-16 with a mark", PLAIN, STR("\xfe\xff\0a"), "utf-16be", "utf-16"},
    {"either of them", PLAIN, STR("\xff\xfe" "a\0"), "utf-16le", "utf-16"},
    {"and nothing behind it", PLAIN, STR("\xff\xfe"), "", "utf-16"},
    {"UTF-16 without, if libmagic knows", PLAIN, STR("a\0b\0"), "utf-16le", "utf-16le"},
    {"the other one", PLAIN, STR("\0a\0b"), "utf-16be", "utf-16be"},
    {"else there is no telling", PLAIN, STR("\0a\0b"), "binary", ""},
    {"UTF-32 is in no browser", PLAIN, STR("\xff\xfe\0\0a\0\0\0"), "utf-32le", ""},
    {"ISO-2022-JP is not ASCII", PLAIN, STR("\x1b$B$\"\x1b(B"), "us-ascii", ""},

    {"a page that says UTF-8 and is", PAGE, STR("<meta charset=utf-8>" UTF), "", "utf-8"},
    {"by the other name", PAGE, STR("<meta charset=UTF8>" UTF), "", "utf-8"},
    {"a page that says UTF-8 and is not", PAGE, STR("<meta charset=utf-8>" LATIN), "", ""},
    {"a page that says Latin-1 and is", PAGE, STR("<meta charset=latin1>" LATIN), "", ""},
    {"a page that says Latin-1 and is UTF-8", PAGE, STR("<meta charset=latin1>" UTF), "", ""},
    {"a page that says Latin-1 and is ASCII", PAGE, STR("<meta charset=latin1>"), "", ""},
    {"a page that says nothing", PAGE, STR("<p>" UTF), "", "utf-8"},
    {"a page in Latin-1 that says nothing", PAGE, STR("<p>" LATIN), "iso-8859-1", ""},
    {"a mark comes before what the page says", PAGE,
     STR("\xff\xfe<\0m\0e\0t\0a\0 \0c\0h\0a\0r\0s\0e\0t\0=\0a\0>\0"), "", "utf-16"},
    {"a feed", FEED, STR("<?xml version='1.0' encoding='UTF-8'?>" UTF), "", "utf-8"},
    {"a feed in Latin-1", FEED, STR("<?xml version='1.0' encoding='latin1'?>" LATIN), "", ""},
    {"a sheet in Latin-1", SHEET, STR("@charset \"latin1\";" LATIN), "", ""},
    {"a sheet", SHEET, STR("@charset \"utf-8\";" UTF), "", "utf-8"},
    {"a script", "text/javascript", STR("'" UTF "'"), "", "utf-8"},

    {"JSON has no such thing", "application/json", STR("\"" UTF "\""), "utf-8", ""},
    {"nor what is made of it", "application/ld+json", STR("{}"), "", ""},
    {"nor has a picture", "image/png", STR("text"), "us-ascii", ""},
    {"nor have bytes", "application/octet-stream", STR("text"), "us-ascii", ""},
};

static struct survey survey_of(struct str text)
{
    struct survey survey = {.was_whole = true};

    survey_read(&survey, str_of(text.ptr, text.len / 2));
    survey_read(&survey, str_from(text, text.len / 2));
    return survey;
}

static void a_charset_is_named_when_it_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct charset_case *c = &cases[i];
        struct tight_str text = tight_bytes(c->text.ptr, c->text.len);
        struct survey survey = survey_of(text.view);

        PROMISED_STR(c->promise,
                     charset_of(str_view(c->type), text.view, &survey, str_view(c->guess)),
                     c->charset);
        tight_str_free(&text);
    }
}

/* Of a file that was too large to be read there is its beginning. */
static void of_a_large_file_the_beginning_must_do(void **state)
{
    const struct survey none = SURVEY_NONE;
    struct str type = STR(PLAIN);

    (void)state;
    PROMISED_STR("UTF-8", charset_of(type, STR(UTF " au lait"), &none, STR_NONE), "utf-8");
    PROMISED_STR("cut short", charset_of(type, STR(UTF " au lait, " UTF "\xc3"), &none, STR_NONE),
                 "utf-8");
    PROMISED_STR("Latin-1", charset_of(type, STR(LATIN " au lait"), &none, STR_NONE), "");
    PROMISED_STR("that ends in doubt", charset_of(type, STR(LATIN), &none, STR_NONE), "");
    PROMISED_STR("ASCII proves nothing", charset_of(type, STR("a"), &none, STR_NONE), "");
    PROMISED_STR("a mark", charset_of(type, STR("\xfe\xff\0a"), &none, STR_NONE), "utf-16");
    assert_false(survey_is_utf8(&none) || survey_is_text(&none));
}

static void what_is_text_has_no_nul(void **state)
{
    struct survey latin = survey_of(STR(LATIN)), bytes = survey_of(STR("a\0b"));

    (void)state;
    assert_true(survey_is_text(&latin) && !survey_is_utf8(&latin));
    assert_false(survey_is_text(&bytes) || survey_is_utf8(&bytes));
}

/* No text of these pieces makes it read too far (a sanitizer's test) or for ever. */
static void nothing_is_read_beyond_the_end(void **state)
{
    static const char *const pieces[] = {"<meta ", "<!--", "-->", "charset", "=", "\"", "'", ">",
                                         "<", "/", "content=", "http-equiv=content-type ", "?>",
                                         "<?xml ", "encoding", " ", ";", "a", "@charset \""};
    static const char *const types[] = {PAGE, SHEET, FEED};
    uint32_t random = 1;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[200] = "";
        struct tight_str tight;

        for (unsigned k = 0; k < 12; k++) {
            random = random * 1664525 + 1013904223;
            strcat(text, pieces[(random >> 16) % COUNTOF(pieces)]);
        }
        tight = tight_bytes(text, strlen(text) - (random >> 8) % 4);
        (void)!charset_declared(str_view(types[i % COUNTOF(types)]), tight.view).len;
        tight_str_free(&tight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declaration_is_read_as_browsers_read_it),
        cmocka_unit_test(a_declaration_stands_in_the_first_kilobyte),
        cmocka_unit_test(a_charset_is_named_when_it_is_known),
        cmocka_unit_test(of_a_large_file_the_beginning_must_do),
        cmocka_unit_test(what_is_text_has_no_nul),
        cmocka_unit_test(nothing_is_read_beyond_the_end),
    };

    return cmocka_run_group_tests_name("charset", tests, NULL, NULL);
}
