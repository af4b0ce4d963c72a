/* status - the status codes that have a phrase (RFC 9110 §15 and the registry of §16.2); and a
 * refusal, which is a status with a reason.  Pure. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "base/str.h"

#define STATUSES(X)                                                  \
    X(CONTINUE,              100, "Continue")                        \
    X(OK,                    200, "OK")                              \
    X(CREATED,               201, "Created")                         \
    X(ACCEPTED,              202, "Accepted")                        \
    X(NON_AUTHORITATIVE,     203, "Non-Authoritative Information")   \
    X(NO_CONTENT,            204, "No Content")                      \
    X(RESET_CONTENT,         205, "Reset Content")                   \
    X(PARTIAL_CONTENT,       206, "Partial Content")                 \
    X(MULTI_STATUS,          207, "Multi-Status")                    \
    X(MULTIPLE_CHOICES,      300, "Multiple Choices")                \
    X(MOVED_PERMANENTLY,     301, "Moved Permanently")               \
    X(FOUND,                 302, "Found")                           \
    X(SEE_OTHER,             303, "See Other")                       \
    X(NOT_MODIFIED,          304, "Not Modified")                    \
    X(USE_PROXY,             305, "Use Proxy")                       \
    X(TEMPORARY_REDIRECT,    307, "Temporary Redirect")              \
    X(PERMANENT_REDIRECT,    308, "Permanent Redirect")              \
    X(BAD_REQUEST,           400, "Bad Request")                     \
    X(UNAUTHORIZED,          401, "Unauthorized")                    \
    X(PAYMENT_REQUIRED,      402, "Payment Required")                \
    X(FORBIDDEN,             403, "Forbidden")                       \
    X(NOT_FOUND,             404, "Not Found")                       \
    X(METHOD_NOT_ALLOWED,    405, "Method Not Allowed")              \
    X(NOT_ACCEPTABLE,        406, "Not Acceptable")                  \
    X(PROXY_AUTH_REQUIRED,   407, "Proxy Authentication Required")   \
    X(REQUEST_TIMEOUT,       408, "Request Timeout")                 \
    X(CONFLICT,              409, "Conflict")                        \
    X(GONE,                  410, "Gone")                            \
    X(LENGTH_REQUIRED,       411, "Length Required")                 \
    X(PRECONDITION_FAILED,   412, "Precondition Failed")             \
    X(CONTENT_TOO_LARGE,     413, "Content Too Large")               \
    X(URI_TOO_LONG,          414, "URI Too Long")                    \
    X(UNSUPPORTED_MEDIA,     415, "Unsupported Media Type")          \
    X(RANGE_NOT_SATISFIABLE, 416, "Range Not Satisfiable")           \
    X(EXPECTATION_FAILED,    417, "Expectation Failed")              \
    X(IM_A_TEAPOT,           418, "I'm a Teapot")                    \
    X(MISDIRECTED_REQUEST,   421, "Misdirected Request")             \
    X(UNPROCESSABLE_CONTENT, 422, "Unprocessable Content")           \
    X(LOCKED,                423, "Locked")                          \
    X(FAILED_DEPENDENCY,     424, "Failed Dependency")               \
    X(TOO_EARLY,             425, "Too Early")                       \
    X(UPGRADE_REQUIRED,      426, "Upgrade Required")                \
    X(PRECONDITION_REQUIRED, 428, "Precondition Required")           \
    X(TOO_MANY_REQUESTS,     429, "Too Many Requests")               \
    X(HEAD_TOO_LARGE,        431, "Request Header Fields Too Large") \
    X(UNAVAILABLE_LEGALLY,   451, "Unavailable For Legal Reasons")   \
    X(INTERNAL_ERROR,        500, "Internal Server Error")           \
    X(NOT_IMPLEMENTED,       501, "Not Implemented")                 \
    X(BAD_GATEWAY,           502, "Bad Gateway")                     \
    X(UNAVAILABLE,           503, "Service Unavailable")             \
    X(GATEWAY_TIMEOUT,       504, "Gateway Timeout")                 \
    X(VERSION_NOT_SUPPORTED, 505, "HTTP Version Not Supported")      \
    X(INSUFFICIENT_STORAGE,  507, "Insufficient Storage")            \
    X(NETWORK_AUTH_REQUIRED, 511, "Network Authentication Required")

enum http_status {
    HTTP_STATUS_NONE = 0,
#define X(name, code, phrase) HTTP_##name = code,
    STATUSES(X)
#undef X
};

/* The phrase, or "" for a code that is not in the table. */
struct str status_phrase(int code) MUST_USE;

/* RFC 9110 §6.4.1: answers with these statuses never have content. */
static inline bool status_has_no_body(int code)
{
    return code < 200 || code == HTTP_NO_CONTENT || code == HTTP_NOT_MODIFIED;
}

/* The peer is wrong: what to answer, and a constant sentence for the log and the page.
 * `why` NULL means "not refused". */
struct refusal {
    enum http_status status;
    const char      *why;
};

#define REFUSAL_NONE ((struct refusal){HTTP_STATUS_NONE, NULL})

static inline struct refusal refuse(enum http_status status, const char *why)
{
    return (struct refusal){status, why};
}

static inline bool is_refused(struct refusal refusal)
{
    return refusal.why != NULL;
}

#endif
