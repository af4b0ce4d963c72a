/* What http/negotiate promises about Accept-Encoding (RFC 9110 §12.5.3, §12.4.2). */
#include <stdio.h>

#include "http/negotiate.h"
#include "tests/support/promise.h"

#define IDENTITY CODING_IDENTITY
#define GZIP     CODING_GZIP
#define BR       CODING_BROTLI
#define ZSTD     CODING_ZSTD
#define NONE     CODING_NONE

#define EVERY    (BIT(IDENTITY) | BIT(GZIP) | BIT(BR) | BIT(ZSTD))

#define TEN_OTHERS "a,b,c,d,e,f,g,h,i,j"
#define THIRTY_ONE TEN_OTHERS "," TEN_OTHERS "," TEN_OTHERS ",k"

/* The weights of identity, gzip, br and zstd, and what is sent of all four. */
/* clang-format off */
static const struct wish_case {
    const char *promise;
    const char *field;
    unsigned    weights[CODINGS];
    enum coding chosen;
} wishes[] = {
    /* what is in use */
    {"Chromium, Firefox",                       "gzip, deflate, br, zstd",  {1, 1000, 1000, 1000}, BR},
    {"Safari",                                  "gzip, deflate, br",        {1, 1000, 1000, 0}, BR},
    {"wget",                                    "identity",                 {1000, 0, 0, 0}, IDENTITY},
    {"ab, wrk",                                 "gzip",                     {1, 1000, 0, 0}, GZIP},
    {"a media element",                         "identity;q=1, *;q=0",      {1000, 0, 0, 0}, IDENTITY},
    {"Go",                                      "gzip",                     {1, 1000, 0, 0}, GZIP},

    /* the examples of RFC 9110 §12.5.3 */
    {"RFC 9110 §12.5.3: compress, gzip",        "compress, gzip",           {1, 1000, 0, 0}, GZIP},
    {"RFC 9110 §12.5.3: an empty field",        "",                         {1, 0, 0, 0}, IDENTITY},
    {"RFC 9110 §12.5.3: any",                   "*",                        {1000, 1000, 1000, 1000}, BR},
    {"RFC 9110 §12.5.3: weights",               "compress;q=0.5, gzip;q=1.0", {1, 1000, 0, 0}, GZIP},
    {"RFC 9110 §12.5.3: weights and a ban",     "gzip;q=1.0, identity; q=0.5, *;q=0", {500, 1000, 0, 0}, GZIP},

    /* nothing said */
    {"RFC 9110 §12.5.3: without the field all may be sent, identity is",
                                                NULL,                       {1000, 1, 1, 1}, IDENTITY},
    {"commas alone are an empty field",         " ,\t, ",                   {1, 0, 0, 0}, IDENTITY},
    {"what we do not know",                     "deflate, compress, exi",   {1, 0, 0, 0}, IDENTITY},

    /* names */
    {"RFC 9110 §8.4.1: a coding has no case",   "GZip, BR, zStD, Identity", {1000, 1000, 1000, 1000}, BR},
    {"RFC 9110 §8.4.1.3: x-gzip is gzip",       "X-Gzip;q=0.7",             {1, 700, 0, 0}, GZIP},
    {"gzip and x-gzip",                         "gzip, x-gzip",             {1, 1000, 0, 0}, GZIP},
    {"a longer name",                           "gzipp, brr, zstd2",        {1, 0, 0, 0}, IDENTITY},
    {"a shorter name",                          "gzi, b, z",                {1, 0, 0, 0}, IDENTITY},
    {"brotli is no name",                       "brotli",                   {1, 0, 0, 0}, IDENTITY},
    {"no name",                                 ";q=1, =, ;",               {1, 0, 0, 0}, IDENTITY},

    /* weights */
    {"the heavier",                             "br;q=0.4, gzip;q=0.6",     {1, 600, 400, 0}, GZIP},
    {"by a thousandth",                         "br;q=0.998, gzip;q=0.999", {1, 999, 998, 0}, GZIP},
    {"the lightest beats what is not named",    "gzip;q=0.001",             {1, 1, 0, 0}, GZIP},
    {"one digit",                               "gzip;q=0.5",               {1, 500, 0, 0}, GZIP},
    {"two digits",                              "gzip;q=0.05",              {1, 50, 0, 0}, GZIP},
    {"three digits",                            "gzip;q=0.125",             {1, 125, 0, 0}, GZIP},
    {"a point and nothing",                     "gzip;q=1., br;q=0.",       {1, 1000, 0, 0}, GZIP},
    {"one in full",                             "gzip;q=1.000",             {1, 1000, 0, 0}, GZIP},
    {"white space around the semicolon",        "gzip \t;\t q=0.5",         {1, 500, 0, 0}, GZIP},
    {"Q is q",                                  "gzip;Q=0.5",               {1, 500, 0, 0}, GZIP},
    {"no white space between members",          "gzip;q=0.5,br;q=0.6",      {1, 500, 600, 0}, BR},
    {"RFC 9110 §5.6.1.2: empty members",        ",gzip;q=0.5 ,, br;q=0.4,", {1, 500, 400, 0}, GZIP},
    {"RFC 9110 §12.4.2: 0 is never",            "gzip;q=0",                 {1, 0, 0, 0}, IDENTITY},
    {"0 in full",                               "gzip;q=0.000, br",         {1, 0, 1000, 0}, BR},

    /* equal weights */
    {"br before zstd",                          "zstd, br",                 {1, 0, 1000, 1000}, BR},
    {"zstd before gzip",                        "gzip, zstd",               {1, 1000, 0, 1000}, ZSTD},
    {"gzip before identity",                    "identity, gzip",           {1000, 1000, 0, 0}, GZIP},
    {"br before identity, light as they are",   "identity;q=0.001, br;q=0.001", {1, 0, 1, 0}, BR},

    /* identity */
    {"identity may be asked for",               "identity;q=1, gzip;q=0.5", {1000, 500, 0, 0}, IDENTITY},
    {"also by leaving its weight out",          "gzip;q=0.999, identity",   {1000, 999, 0, 0}, IDENTITY},
    {"or come second",                          "identity;q=0.5, gzip",     {500, 1000, 0, 0}, GZIP},
    {"identity can be refused",                 "identity;q=0, gzip",       {0, 1000, 0, 0}, GZIP},
    {"RFC 9110 §12.5.3: identity;q=0 alone leaves nothing",
                                                "identity;q=0",             {0, 0, 0, 0}, NONE},
    {"RFC 9110 §12.5.3: so does *;q=0",         "*;q=0",                    {0, 0, 0, 0}, NONE},
    {"and both",                                "identity;q=0, *;q=0.000",  {0, 0, 0, 0}, NONE},
    {"and every one by name",                   "identity;q=0, gzip;q=0, br;q=0, zstd;q=0", {0, 0, 0, 0}, NONE},
    {"RFC 9110 §12.5.3: the more specific entry wins",
                                                "*;q=0, identity;q=0.5",    {500, 0, 0, 0}, IDENTITY},
    {"before and behind",                       "identity;q=0, *;q=0.5",    {0, 500, 500, 500}, BR},

    /* the asterisk */
    {"what is not named has the weight of *",   "gzip;q=0.2, *;q=0.5",      {500, 200, 500, 500}, BR},
    {"RFC 9110 §12.5.3: * without br",          "br;q=0, *",                {1000, 1000, 0, 1000}, ZSTD},
    {"* without br and zstd",                   "*, zstd;q=0, br;q=0",      {1000, 1000, 0, 0}, GZIP},
    {"only what is named",                      "gzip;q=0.1, *;q=0",        {0, 100, 0, 0}, GZIP},
    {"an asterisk and more is no name",         "*z, **",                   {1, 0, 0, 0}, IDENTITY},

    /* twice */
    {"the smaller of two weights",              "gzip;q=0.7, gzip;q=0.3",   {1, 300, 0, 0}, GZIP},
    {"in any order",                            "gzip;q=0.3, gzip;q=0.7",   {1, 300, 0, 0}, GZIP},
    {"who refuses once has refused",            "gzip, gzip;q=0",           {1, 0, 0, 0}, IDENTITY},
    {"by either name",                          "x-gzip;q=0, gzip",         {1, 0, 0, 0}, IDENTITY},
    {"two asterisks",                           "*, *;q=0.1",               {100, 100, 100, 100}, BR},

    /* RFC 9110 §2.4: what is malformed */
    {"a weight over 1 is none",                 "gzip;q=1.001, br",         {1, 0, 1000, 0}, BR},
    {"not under * either",                      "gzip;q=1.001, br;q=2, *;q=0.5", {500, 0, 0, 500}, ZSTD},
    {"nor is 2",                                "gzip;q=2, br;q=0.1",       {1, 0, 100, 0}, BR},
    {"nor 10",                                  "gzip;q=10",                {1, 0, 0, 0}, IDENTITY},
    {"nor four digits",                         "gzip;q=0.1234, br",        {1, 0, 1000, 0}, BR},
    {"nor a point without a digit before it",   "gzip;q=.5, br",            {1, 0, 1000, 0}, BR},
    {"nor nothing",                             "gzip;q=, br",              {1, 0, 1000, 0}, BR},
    {"nor a sign",                              "gzip;q=-1, br;q=+1",       {1, 0, 0, 0}, IDENTITY},
    {"nor a letter",                            "gzip;q=0.x, br;q=x",       {1, 0, 0, 0}, IDENTITY},
    {"nor a comma for a point",                 "gzip;q=0,5",               {1, 0, 0, 0}, IDENTITY},
    {"nor quotes",                              "gzip;q=\"1\", br",         {1, 0, 1000, 0}, BR},
    {"nor spaces around the equals sign",       "gzip;q =1, br;q= 1",       {1, 0, 0, 0}, IDENTITY},
    {"nor a semicolon alone",                   "gzip;, br",                {1, 0, 1000, 0}, BR},
    {"nor two weights",                         "gzip;q=1;q=1, br",         {1, 0, 1000, 0}, BR},
    {"nor another parameter",                   "gzip;level=9, br",         {1, 0, 1000, 0}, BR},
    {"nor words behind it",                     "gzip br, zstd",            {1, 0, 0, 1000}, ZSTD},
    {"nor a name in quotes",                    "\"gzip\", br",             {1, 0, 1000, 0}, BR},
    {"a quote that stays open takes the rest",  "br, \"gzip, zstd",         {1, 0, 1000, 0}, BR},
    {"who cannot say how much gets none, not by * either",
                                                "gzip;q=0.0000, br;q=0, zstd;q=0, *", {1000, 0, 0, 0}, IDENTITY},
    {"but identity stays what it was",          "identity;q=0.0000, gzip",  {1, 1000, 0, 0}, GZIP},
    {"and * says nothing then",                 "*;q=none, gzip",           {1, 1000, 0, 0}, GZIP},
    {"bytes that are no text",                  "gz\xc3\xbcp, \xff, br",    {1, 0, 1000, 0}, BR},

    /* bounds */
    {"as many members as there may be",         THIRTY_ONE ",gzip",         {1, 1000, 0, 0}, GZIP},
    {"empty ones do not count",                 "gzip,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,br", {1, 1000, 1000, 0}, BR},
    {"one more is no wish",                     "gzip," THIRTY_ONE ",br",   {1, 0, 0, 0}, IDENTITY},
    {"not even against identity",               "identity;q=0," THIRTY_ONE ",br", {1, 0, 0, 0}, IDENTITY},
};
/* clang-format on */

static void promise_weights(const char *promise, const struct coding_wish *wish,
                            const unsigned *weights)
{
    for (unsigned coding = 0; coding < CODINGS; coding++)
        PROMISED_NUMBER(promise, wish->weights[coding], weights[coding]);
}

static void each_field_is_a_wish(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(wishes); i++) {
        const struct wish_case *c = &wishes[i];
        struct tight_str field = tight_str(c->field);
        struct coding_wish wish = {{77, 77, 77, 77}};

        negotiate_read(field.view, &wish);
        promise_weights(c->promise, &wish, c->weights);
        PROMISED_NUMBER(c->promise, negotiate_choose(&wish, EVERY), c->chosen);
        tight_str_free(&field);
    }
}

/* What is sent when not everything is there. */
static const struct choice_case {
    const char *promise;
    const char *field;
    unsigned available;
    enum coding chosen;
} choices[] = {
    {"the next best", "gzip, deflate, br, zstd", BIT(IDENTITY) | BIT(GZIP) | BIT(ZSTD), ZSTD},
    {"the one there is", "gzip, deflate, br, zstd", BIT(IDENTITY) | BIT(GZIP), GZIP},
    {"RFC 9110 §12.5.3: identity where no coding fits", "br", BIT(IDENTITY) | BIT(GZIP), IDENTITY},
    {"identity where nothing was made", "gzip, br", BIT(IDENTITY), IDENTITY},
    {"a coding that is light, not the one that is better", "br, gzip;q=0.1",
     BIT(IDENTITY) | BIT(GZIP), GZIP},
    {"identity by *, which is heavier", "gzip;q=0.2, *;q=0.5", BIT(IDENTITY) | BIT(GZIP), IDENTITY},
    {"nothing fits but the refused", "identity;q=0, br", BIT(IDENTITY) | BIT(GZIP), NONE},
    {"nothing fits but a coding that nobody named", "", BIT(GZIP), NONE},
    {"RFC 9110 §12.5.3: without the field even that fits", NULL, BIT(GZIP), GZIP},
    {"there is nothing", "*", 0, NONE},
    {"a coding we do not know of is not there", "*", BIT(CODINGS), NONE},
};

static void each_choice_is_among_what_there_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(choices); i++) {
        const struct choice_case *c = &choices[i];
        struct tight_str field = tight_str(c->field);
        struct coding_wish wish;

        negotiate_read(field.view, &wish);
        PROMISED_NUMBER(c->promise, negotiate_choose(&wish, c->available), c->chosen);
        tight_str_free(&field);
    }
}

/* Several lines are one list (RFC 9110 §5.3). */
static const struct lines_case {
    const char *promise;
    const char *lines[4];
    unsigned weights[CODINGS];
} several[] = {
    {"no line", {NULL}, {1000, 1, 1, 1}},
    {"lines of other fields", {"Accept: */*", "TE: gzip"}, {1000, 1, 1, 1}},
    {"one line", {"Accept-Encoding: gzip, br;q=0.5"}, {1, 1000, 500, 0}},
    {"an empty line is a line", {"Accept-Encoding:"}, {1, 0, 0, 0}},
    {"two lines", {"accept-encoding: gzip", "Host: a", "ACCEPT-ENCODING: br;q=0.5"},
     {1, 1000, 500, 0}},
    {"a ban in another line", {"Accept-Encoding: br, gzip", "Accept-Encoding: br;q=0, *;q=0"},
     {0, 1000, 0, 0}},
    {"a quote ends with its line", {"Accept-Encoding: \"gzip", "Accept-Encoding: br"},
     {1, 0, 1000, 0}},
    {"members are counted together",
     {"Accept-Encoding: gzip," TEN_OTHERS, "Accept-Encoding:" THIRTY_ONE, "Accept-Encoding: br"},
     {1, 0, 0, 0}},
};

static void all_lines_are_one_list(void **state)
{
    static struct fields fields;

    (void)state;
    for (size_t i = 0; i < COUNTOF(several); i++) {
        const struct lines_case *c = &several[i];
        struct coding_wish wish;

        fields_reset(&fields);
        for (size_t k = 0; k < COUNTOF(c->lines) && c->lines[k]; k++)
            PROMISED(c->promise, !is_refused(fields_add_line(&fields, str_view(c->lines[k]))));
        negotiate_read_all(&fields, &wish);
        promise_weights(c->promise, &wish, c->weights);
    }
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ): all of them, RFC 9110 §12.4.2 */
static void every_weight_is_read(void **state)
{
    (void)state;
    for (unsigned weight = 0; weight <= NEGOTIATE_WEIGHT_MAX; weight++) {
        char field[32];
        struct coding_wish wish;

        snprintf(field, sizeof field, "br;q=%u.%03u", weight / 1000, weight % 1000);
        negotiate_read(str_view(field), &wish);
        PROMISED_NUMBER(field, wish.weights[BR], weight);
    }
}

static void codings_have_names(void **state)
{
    (void)state;
    assert_true(str_equal(coding_name(IDENTITY), STR("identity")));
    assert_true(str_equal(coding_name(GZIP), STR("gzip")));
    assert_true(str_equal(coding_name(BR), STR("br")));
    assert_true(str_equal(coding_name(ZSTD), STR("zstd")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_a_wish),
        cmocka_unit_test(each_choice_is_among_what_there_is),
        cmocka_unit_test(all_lines_are_one_list),
        cmocka_unit_test(every_weight_is_read),
        cmocka_unit_test(codings_have_names),
    };

    return cmocka_run_group_tests_name("negotiate", tests, NULL, NULL);
}
