"""method SP request-target SP HTTP-version, and what is nearly that."""

from corpus import HOST, ask, say


def line(title, rfc, text, **more):
    """A request line as it stands, line end included, before an ordinary Host."""
    return say(title, rfc, f"{text}{HOST}\r\n\r\n", **more)


def version(title, rfc, name):
    return ask(title, rfc, version=name)


REQUESTS = [
    ask("an ordinary request", "9112 §3"),
    ask("an ordinary request of HTTP/1.0", "9112 §9.3", version="HTTP/1.0"),

    # ---- versions
    version("version 1.2 is read as 1.1", "9110 §2.5", "HTTP/1.2"),
    version("version 0.9 written out", "9110 §15.6.6", "HTTP/0.9"),
    version("version 2.0", "9110 §15.6.6", "HTTP/2.0"),
    version("version 9.9", "9110 §15.6.6", "HTTP/9.9"),
    version("version 2 without a minor number", "9112 §2.3", "HTTP/2"),
    version("version 1 without a minor number", "9112 §2.3", "HTTP/1"),
    version("version 1. with nothing behind the dot", "9112 §2.3", "HTTP/1."),
    version("version 1.01", "9112 §2.3", "HTTP/1.01"),
    version("version 1.1.1", "9112 §2.3", "HTTP/1.1.1"),
    version("version 1.x", "9112 §2.3", "HTTP/1.x"),
    version("version +1.1", "9112 §2.3", "HTTP/+1.1"),
    version("a version in lower case", "9112 §2.3", "http/1.1"),
    version("a version without its slash", "9112 §2.3", "HTTP1.1"),
    version("a version with a space in it", "9112 §2.3", "HTTP /1.1"),
    version("another protocol's version", "9112 §2.3", "ICY/1.1"),
    version("a version with HTTPS for a name", "9112 §2.3", "HTTPS/1.1"),
    version("an empty version", "9112 §3", ""),
    say("a request of HTTP/0.9", "9112 §3", "GET /digits.txt\r\n", half_closes=True),
    say("a request of HTTP/0.9 and an empty line", "9112 §3", "GET /digits.txt\r\n\r\n"),
    say("a method alone", "9112 §3", "GET\r\n\r\n"),
    say("the preface of HTTP/2", "9110 §15.6.6", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),

    # ---- spaces
    line("two spaces behind the method", "9112 §3", "GET  /digits.txt HTTP/1.1\r\n"),
    line("two spaces behind the target", "9112 §3", "GET /digits.txt  HTTP/1.1\r\n"),
    line("a space behind the version", "9112 §3", "GET /digits.txt HTTP/1.1 \r\n"),
    line("a tab behind the method", "9112 §3", "GET\t/digits.txt HTTP/1.1\r\n"),
    line("a tab behind the target", "9112 §3", "GET /digits.txt\tHTTP/1.1\r\n"),
    line("a tab behind the version", "9112 §3", "GET /digits.txt HTTP/1.1\t\r\n"),
    line("a space before the method", "9112 §3", " GET /digits.txt HTTP/1.1\r\n"),
    line("a space in the target", "9112 §3.2", "GET /with space.txt HTTP/1.1\r\n"),
    line("words between target and version", "9112 §3", "GET /digits.txt or more HTTP/1.1\r\n"),
    line("no target", "9112 §3", "GET HTTP/1.1\r\n"),
    line("an empty target", "9112 §3", "GET  HTTP/1.1\r\n"),

    # ---- line ends
    line("one empty line before the request line", "9112 §2.2",
         "\r\nGET /digits.txt HTTP/1.1\r\n"),
    line("two empty lines before the request line", "9112 §2.2",
         "\r\n\r\nGET /digits.txt HTTP/1.1\r\n"),
    line("a bare LF before the request line", "9112 §2.2", "\nGET /digits.txt HTTP/1.1\r\n"),
    line("a bare CR before the request line", "9112 §2.2", "\rGET /digits.txt HTTP/1.1\r\n"),
    line("a request line that ends in a bare LF", "9112 §2.2", "GET /digits.txt HTTP/1.1\n"),
    line("a request line that ends in a bare CR", "9112 §2.2", "GET /digits.txt HTTP/1.1\r"),
    line("a request line that ends in CR CR LF", "9112 §2.2", "GET /digits.txt HTTP/1.1\r\r\n"),
    line("a request line that ends in LF CR", "9112 §2.2", "GET /digits.txt HTTP/1.1\n\r"),
    say("a request with nothing but bare LFs", "9112 §2.2",
        "GET /digits.txt HTTP/1.1\nHost: wherry.test\n\n"),
    line("a white line between request line and fields", "9112 §2.2",
         "GET /digits.txt HTTP/1.1\r\n \r\n"),
    line("a folded line right behind the request line", "9112 §2.2",
         "GET /digits.txt HTTP/1.1\r\n X-Folded: yes\r\n"),

    # ---- what is no HTTP
    say("the hello of TLS", "9112 §3", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
    say("the hello of SSH", "9112 §3", "SSH-2.0-OpenSSH_9.2p1\r\n\r\n"),
    say("an answer in the place of a request", "9112 §2.1",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    say("a bare word", "9112 §3", "hello\r\n\r\n"),
    say("nothing but empty lines", "9112 §2.2", "\r\n\r\n", half_closes=True),
    say("nothing at all", "9112 §2.1", "", half_closes=True),
    say("a head without its end", "9112 §8", f"GET /digits.txt HTTP/1.1\r\n{HOST}\r\n",
        half_closes=True),
    say("a request line without its end", "9112 §8", "GET /digits.txt HT", half_closes=True),
    line("a NUL behind the version", "9112 §3", "GET /digits.txt HTTP/1.1\0\r\n"),

    # ---- sizes
    ask("a target of 4000 bytes", "9110 §15.5.15", "/digits.txt?" + 3988 * "q"),
    ask("a target of 10,000 bytes", "9110 §15.5.15", "/digits.txt?" + 9988 * "q"),
    ask("a target of 60,000 bytes", "9110 §15.5.15", "/digits.txt?" + 59988 * "q"),
    ask("a field of 4000 bytes", "6585 §5", "/digits.txt", "X-Long: " + 4000 * "x"),
    ask("a field of 12,000 bytes", "6585 §5", "/digits.txt", "X-Long: " + 12000 * "x"),
    ask("a field of 60,000 bytes", "6585 §5", "/digits.txt", "X-Long: " + 60000 * "x"),
    ask("fifty fields", "6585 §5", "/digits.txt", *(f"X-{n}: {n}" for n in range(50))),
    ask("ninety-five fields", "6585 §5", "/digits.txt", *(f"X-{n}: {n}" for n in range(94))),
    ask("five hundred fields", "6585 §5", "/digits.txt", *(f"X-{n}: {n}" for n in range(500))),
    ask("a method of 100 letters", "9110 §9.1", method=100 * "M"),
]
