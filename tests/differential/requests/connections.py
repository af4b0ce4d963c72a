"""Who goes on, who stops, who waits: keep-alive, pipelining, Expect, Upgrade."""

from corpus import HOST, ask, say


def connection(title, rfc, *values, **more):
    return ask(title, rfc, "/digits.txt", *(f"Connection: {value}" for value in values), **more)


def request(target, *lines, method="GET", version="HTTP/1.1"):
    return "\r\n".join([f"{method} {target} {version}", HOST, *lines]) + "\r\n\r\n"


def expecting(title, rfc, value, *lines, then="hello", **more):
    """Says the body only when the server has answered, or keeps silent."""
    return ask(title, rfc, "/digits.txt", "Content-Length: 5", f"Expect: {value}", *lines,
               then=then, **more)


PERSISTENCE = [
    connection("close", "9112 §9.6", "close"),
    connection("close in capitals", "9112 §9.6", "CLOSE"),
    connection("close in a list", "9112 §9.6", "x-one, close"),
    connection("close in a second field", "9112 §9.6", "x-one", "close"),
    connection("close behind empty elements", "9110 §5.6.1", ", ,close"),
    connection("close before keep-alive", "9112 §9.3", "close, keep-alive"),
    connection("keep-alive before close", "9112 §9.3", "keep-alive, close"),
    connection("keep-alive and close in two fields", "9112 §9.3", "keep-alive", "close"),
    connection("a word that begins with close", "9110 §7.6.1", "closed"),
    connection("a word that ends with close", "9110 §7.6.1", "x-close"),
    connection("close in quotes", "9110 §7.6.1", '"close"'),
    connection("close and a parameter", "9110 §7.6.1", "close;a=b"),
    connection("keep-alive", "9112 §9.3", "keep-alive"),
    connection("an empty Connection", "9110 §7.6.1", ""),
    connection("a Connection that names Host", "9110 §7.6.1", "Host"),
    connection("close, in HTTP/1.0", "9112 §9.6", "close", version="HTTP/1.0"),
    connection("keep-alive, in HTTP/1.0", "9112 §9.3", "keep-alive", version="HTTP/1.0"),
    connection("keep-alive in capitals, in HTTP/1.0", "9112 §9.3", "Keep-Alive",
               version="HTTP/1.0"),
    connection("keep-alive in a list, in HTTP/1.0", "9112 §9.3", "x-one, keep-alive",
               version="HTTP/1.0"),
    connection("keep-alive and close, in HTTP/1.0", "9112 §9.3", "keep-alive, close",
               version="HTTP/1.0"),
    ask("a Proxy-Connection, in HTTP/1.0", "9112 §C.2.2", "/digits.txt",
        "Proxy-Connection: keep-alive", version="HTTP/1.0"),
    ask("a Keep-Alive field alone, in HTTP/1.0", "9112 §C.2.2", "/digits.txt", "Keep-Alive: 300",
        version="HTTP/1.0"),
    ask("keep-alive to a missing page, in HTTP/1.0", "9112 §9.3", "/missing",
        "Connection: keep-alive", version="HTTP/1.0"),
    ask("close to a missing page", "9112 §9.6", "/missing", "Connection: close"),
    ask("close to a redirect", "9112 §9.6", "/posts", "Connection: close"),
    ask("close to a HEAD", "9112 §9.6", "/digits.txt", "Connection: close", method="HEAD"),
    say("a client that half-closes", "9112 §9.6", request("/digits.txt"), half_closes=True),
    say("a client that half-closes behind a large file", "9112 §9.6", request("/large.bin"),
        half_closes=True),
]

PIPELINES = [
    say("two requests at once", "9112 §9.3.2", request("/digits.txt") + request("/style.css")),
    say("five requests at once", "9112 §9.3.2",
        request("/digits.txt") + request("/style.css") + request("/missing") +
        request("/data.json") + request("/empty.txt")),
    say("a large file before a small one", "9112 §9.3.2",
        request("/large.bin") + request("/style.css")),
    say("HEAD before GET", "9112 §9.3.2",
        request("/digits.txt", method="HEAD") + request("/style.css"), methods=("HEAD",)),
    say("HEAD before HEAD", "9112 §9.3.2", 2 * request("/digits.txt", method="HEAD"),
        methods=("HEAD", "HEAD")),
    say("a missing page before one that is there", "9112 §9.3.2",
        request("/missing") + request("/style.css")),
    say("a redirect before a page", "9112 §9.3.2", request("/posts") + request("/style.css")),
    say("a bad request before a good one", "9112 §9.3.2",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + request("/style.css")),
    say("a good request before a bad one", "9112 §9.3.2",
        request("/style.css") + "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    say("a request behind close", "9112 §9.6",
        request("/digits.txt", "Connection: close") + request("/style.css")),
    say("an empty line between two requests", "9112 §2.2",
        request("/digits.txt") + "\r\n" + request("/style.css")),
    say("three empty lines between two requests", "9112 §2.2",
        request("/digits.txt") + 3 * "\r\n" + request("/style.css")),
    say("HTTP/1.0 behind HTTP/1.1", "9112 §9.3",
        request("/digits.txt") + request("/style.css", version="HTTP/1.0")),
    say("HTTP/1.1 behind a kept HTTP/1.0", "9112 §9.3",
        request("/digits.txt", "Connection: keep-alive", version="HTTP/1.0") +
        request("/style.css")),
    say("a POST before a GET", "9112 §9.3.2",
        request("/digits.txt", "Content-Length: 5", method="POST") + "hello" +
        request("/style.css"), methods=("POST",)),
    say("an unknown method before a GET", "9112 §9.3.2",
        request("/digits.txt", method="BREW") + request("/style.css")),
    say("OPTIONS before GET", "9112 §9.3.2",
        request("*", method="OPTIONS") + request("/style.css"), methods=("OPTIONS",)),
    say("a range before a whole", "9112 §9.3.2",
        request("/digits.txt", "Range: bytes=0-9") + request("/digits.txt")),
    say("a condition before none", "9112 §9.3.2",
        request("/digits.txt", "If-None-Match: <etag>") + request("/digits.txt")),
]

EXPECTATIONS = [
    expecting("100-continue to a GET", "9110 §10.1.1", "100-continue"),
    expecting("100-continue to a POST", "9110 §10.1.1", "100-continue", method="POST"),
    expecting("100-continue to a missing page", "9110 §10.1.1", "100-Continue", method="PUT"),
    expecting("100-continue in capitals", "9110 §10.1.1", "100-CONTINUE"),
    expecting("100-continue in HTTP/1.0", "9110 §10.1.1", "100-continue", version="HTTP/1.0"),
    expecting("100-continue in HTTP/1.0 to a POST", "9110 §10.1.1", "100-continue",
              version="HTTP/1.0", method="POST"),
    expecting("another expectation", "9110 §10.1.1", "cookies"),
    expecting("an expectation of 200-ok", "9110 §10.1.1", "200-ok"),
    expecting("an expectation with a value", "9110 §10.1.1", "100-continue=yes"),
    expecting("100-continue and another expectation", "9110 §10.1.1", "100-continue, cookies"),
    expecting("an empty expectation", "9110 §10.1.1", ""),
    expecting("100-continue twice", "9110 §10.1.1", "100-continue", "Expect: 100-continue"),
    ask("100-continue without a body", "9110 §10.1.1", "/digits.txt", "Expect: 100-continue"),
    ask("100-continue with a length of zero", "9110 §10.1.1", "/digits.txt", "Content-Length: 0",
        "Expect: 100-continue"),
    ask("100-continue with its body at once", "9110 §10.1.1", "/digits.txt", "Content-Length: 5",
        "Expect: 100-continue", body="hello"),
    ask("100-continue to a chunked body", "9110 §10.1.1", "/digits.txt",
        "Transfer-Encoding: chunked", "Expect: 100-continue", then="5\r\nhello\r\n0\r\n\r\n"),
    ask("another expectation without a body", "9110 §10.1.1", "/digits.txt", "Expect: cookies"),
    ask("100-continue and 3 GB", "9110 §10.1.1", "/digits.txt", "Content-Length: 3000000000",
        "Expect: 100-continue", method="POST"),
]

UPGRADES = [
    ask("an upgrade to h2c", "9110 §7.8", "/digits.txt", "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    ask("an upgrade to websocket", "9110 §7.8", "/digits.txt", "Connection: Upgrade",
        "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13"),
    ask("an upgrade to TLS", "9110 §7.8", "/digits.txt", "Connection: Upgrade",
        "Upgrade: TLS/1.0"),
    ask("an upgrade to HTTP/2.0", "9110 §7.8", "/digits.txt", "Connection: Upgrade",
        "Upgrade: HTTP/2.0"),
    ask("an upgrade without a Connection", "9110 §7.8", "/digits.txt", "Upgrade: h2c"),
    ask("Max-Forwards of a GET", "9110 §7.6.2", "/digits.txt", "Max-Forwards: 0"),
    ask("a Via", "9110 §7.6.3", "/digits.txt", "Via: 1.1 proxy"),
]

REQUESTS = PERSISTENCE + PIPELINES + EXPECTATIONS + UPGRADES
