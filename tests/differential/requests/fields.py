"""Field lines: name, colon, value, CRLF."""

from corpus import HOST, ask, say


def field(title, rfc, line):
    """One more line, whatever it is, in an ordinary request."""
    return ask(title, rfc, "/digits.txt", line)


# Bytes that are odd in a name or in a value.
IN_NAMES = [
    ("a space", " "), ("a tab", "\t"), ("a NUL", "\0"), ("a control byte", "\x01"),
    ("a DEL", "\x7f"), ("a byte from 0x80", "\xe9"), ("a slash", "/"), ("a parenthesis", "("),
    ("a quotation mark", '"'), ("a comma", ","), ("a backslash", "\\"), ("an underscore", "_"),
    ("a dot", "."), ("a bare CR", "\r"),
]
IN_VALUES = [
    ("a tab", "\t"), ("a NUL", "\0"), ("a control byte", "\x01"), ("an escape character", "\x1b"),
    ("a DEL", "\x7f"), ("a byte from 0x80", "\xe9"), ("bytes of UTF-8", "\xc3\xa9"),
    ("a bare CR", "\r"), ("a colon", ":"), ("quotes", '"'),
]

REQUESTS = [
    *(field(f"{name} in a field name", "9110 §5.1", f"X-O{byte}dd: yes")
      for name, byte in IN_NAMES),
    *(field(f"{name} in a field value", "9110 §5.5", f"X-Odd: a{byte}b")
      for name, byte in IN_VALUES),
    field("a field without a space", "9112 §5", "X-Odd:yes"),
    field("a field without a value", "9112 §5", "X-Odd:"),
    field("a field with spaces for a value", "9112 §5", "X-Odd:     "),
    field("a field without a colon", "9112 §5", "X-Odd"),
    field("a field with two colons", "9112 §5", "X-Odd:: yes"),
    field("a field without a name", "9112 §5", ": yes"),
    field("a field that is a colon", "9112 §5", ":"),
    field("a field that is a space", "9112 §5", " "),
    field("a space before the colon", "9112 §5.1", "X-Odd : yes"),
    field("a tab before the colon", "9112 §5.1", "X-Odd\t: yes"),
    field("a folded field", "9112 §5.2", "X-Odd: a\r\n b"),
    field("a field folded with a tab", "9112 §5.2", "X-Odd: a\r\n\tb"),
    field("a field folded over an empty line", "9112 §5.2", "X-Odd: a\r\n \r\n b"),
    field("a field that ends in a bare LF", "9112 §2.2", "X-Odd: a\nX-More: b"),
    field("a field that ends in CR CR LF", "9112 §2.2", "X-Odd: a\r"),
    field("the same field twice", "9110 §5.3", "X-Odd: a\r\nX-Odd: b"),
    field("a field name of 200 letters", "9110 §5.1", f"{200 * 'N'}: yes"),
    field("a field with every odd byte of a token", "9110 §5.1", "!#$%&'*+-.^_`|~: yes"),
    field("two User-Agents", "9110 §5.3", "User-Agent: a\r\nUser-Agent: b"),
    field("a Date that is none", "9110 §6.6.1", "Date: yesterday"),
    field("a Referer with a fragment", "9110 §10.1.3", "Referer: http://wherry.test/#a"),
    field("a wrong Content-Type", "9110 §8.3", "Content-Type: nonsense"),
    field("an Authorization that nobody asked for", "9110 §11.6.2", "Authorization: Basic dTpw"),
    field("a cookie", "6265 §5.4", "Cookie: a=b; c=d"),
    field("a shellshock", "9110 §5.5", "User-Agent: () { :; }; /bin/true"),
    field("Accept that excludes the file", "9110 §12.5.1", "Accept: image/png"),
    field("Accept that is malformed", "9110 §12.5.1", "Accept: ;;;,,,//"),
    field("Accept-Charset that excludes the file", "9110 §12.5.2", "Accept-Charset: x;q=1, *;q=0"),
    field("Accept-Encoding that excludes identity", "9110 §12.5.3",
          "Accept-Encoding: identity;q=0"),
    field("Accept-Encoding that excludes everything", "9110 §12.5.3", "Accept-Encoding: *;q=0"),
    field("Accept-Encoding of gzip", "9110 §12.5.3", "Accept-Encoding: gzip, br"),
    field("Accept-Language that excludes the file", "9110 §12.5.4", "Accept-Language: x, *;q=0"),
    say("a bare LF ends the head", "9112 §2.2", f"GET /digits.txt HTTP/1.1\r\n{HOST}\r\n\n"),
    say("a head that ends in LF LF", "9112 §2.2", f"GET /digits.txt HTTP/1.1\r\n{HOST}\n\n"),
    say("a head that ends in CR CR", "9112 §2.2", f"GET /digits.txt HTTP/1.1\r\n{HOST}\r\r"),
    say("a colon in the first line of the fields alone", "9112 §5",
        f"GET /digits.txt HTTP/1.1\r\n:\r\n{HOST}\r\n\r\n"),
    say("a request line among the fields", "9112 §5",
        f"GET /digits.txt HTTP/1.1\r\n{HOST}\r\nGET /style.css HTTP/1.1\r\n\r\n"),
]
