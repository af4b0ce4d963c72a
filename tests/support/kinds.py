"""Files of many kinds, each as small as it can be and still be one.

Nothing here needs a program or a package: what a few lines can write is written, the rest are the
first bytes of a file, which is what everybody tells them by."""

import base64
import gzip
import io
import lzma
import bz2
import struct
import tarfile
import wave
import zipfile
import zlib

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><path d="M0 0h9"/></svg>'
AVIF = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAAD5bWV0YQAAAAAAAAAvaGRscgAAAAAAAAAAcGljdAAA"
    "AAAAAAAAAAAAAFBpY3R1cmVIYW5kbGVyAAAAAA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAASEA"
    "AAAdAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAAGppcHJwAAAAS2lwY28AAAAUaXNw"
    "ZQAAAAAAAAAQAAAAEAAAABBwaXhpAAAAAAMICAgAAAAMYXYxQ4EADAAAAAATY29scm5jbHgAAgACAAIAAAAAF2lw"
    "bWEAAAAAAAAAAQABBAECgwQAAAAlbWRhdAoGGAz/2wCAMhMYAAAAUAAAAACpjmy2qrHGtoVA"
)
WEBP = base64.b64decode(
    "UklGRjwAAABXRUJQVlA4IDAAAADQAQCdASoEAAQAAgA0JaACdLoB+AADsAD+8Oj3/yC5YXXI1/8gP+QH/ID/+PIA"
    "AAA="
)

# (module (func (export "answer") (result i32) i32.const 42))
WASM = bytes.fromhex(
    "0061736d 01000000 0105016000017f 03020100 070a0106616e737765720000 0a0601 0400412a0b"
)


def png(width=4, height=3):
    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = (b"\0" + b"\xff\0\0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def gif():
    return b"GIF89a\1\0\1\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def bmp():
    return (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
        + b"\0\0\xff\0"
    )


def ico():
    inside = png()
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 4, 3, 0, 0, 1, 32, len(inside), 22) + inside


def wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16))
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


def open_document(kind):
    return zipped(mimetype=f"application/vnd.oasis.opendocument.{kind}", content_dot_xml="<a/>")


def tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    return file.getvalue()


def stream():
    """MPEG: a table and packets of nothing."""
    table = b"\x47\x40\0\x10\0\0\xb0\x0d\0\1\xc1\0\0\0\1\xf0\0\x2a\xb1\x04\xb2"
    return table.ljust(188, b"\xff") + (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 20


def pdf():
    return b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


# ---- a font --------------------------------------------------------------------------------------


def font_tables():
    """One glyph, a square of half an em, for the letter A; and it is an em wide."""
    square = struct.pack(">hhhhh", 1, 0, 0, 500, 500) + struct.pack(">HH", 3, 0)
    square += bytes([1, 1, 1, 1]) + struct.pack(">hhhh", 0, 0, 500, 0)
    square += struct.pack(">hhhh", 0, 500, 0, -500) + b"\0\0"[: -len(square) % 2]
    square += bytes(-len(square) % 4)
    characters = struct.pack(">HHHHHHH", 4, 32, 0, 4, 4, 1, 0)
    characters += struct.pack(">HHHHHhhHH", 65, 0xFFFF, 0, 65, 0xFFFF, 1 - 65, 1, 0, 0)
    family = "Squares".encode("utf-16-be")
    names = [(number, family) for number in (1, 2, 4, 6)]
    records, texts = b"", b""
    for number, text in names:
        records += struct.pack(">HHHHHH", 3, 1, 0x409, number, len(text), len(texts))
        texts += text
    os2 = struct.pack(">HhHHH", 3, 1000, 400, 5, 0) + struct.pack(">10hh", *[500] * 10, 0)
    os2 += bytes(10) + struct.pack(">IIII", 1, 0, 0, 0) + b"none" + struct.pack(">HHH", 64, 65, 65)
    os2 += struct.pack(">hhhHH", 800, -200, 0, 800, 200) + struct.pack(">II", 1, 0)
    os2 += struct.pack(">hhHHH", 500, 500, 0, 65, 0)
    return {
        b"OS/2": os2,
        b"cmap": struct.pack(">HHHHI", 0, 1, 3, 1, 12) + characters,
        b"glyf": square,
        b"head": struct.pack(
            ">IIIIHHqqhhhhHHhhh",
            0x10000,
            0x10000,
            0,
            0x5F0F3CF5,
            3,
            1000,
            0,
            0,
            0,
            0,
            500,
            500,
            0,
            8,
            2,
            1,
            0,
        ),
        b"hhea": struct.pack(
            ">IhhhHhhhhhh8xhH", 0x10000, 800, -200, 0, 1000, 0, 0, 500, 1, 0, 0, 0, 2
        ),
        b"hmtx": struct.pack(">HhHh", 1000, 0, 1000, 0),
        b"loca": struct.pack(">III", 0, 0, len(square)),
        b"maxp": struct.pack(">I14H", 0x10000, 2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
        b"name": struct.pack(">HHH", 0, len(names), 6 + len(records)) + records + texts,
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, 0, 0, 0, 0, 0, 0, 0),
    }


def checksum(content):
    content += bytes(-len(content) % 4)
    return sum(struct.unpack(f">{len(content) // 4}I", content)) & 0xFFFFFFFF


def ttf():
    tables = font_tables()
    head = struct.pack(">IHHHH", 0x10000, len(tables), 128, 3, len(tables) * 16 - 128)
    offset, directory, body = 12 + 16 * len(tables), b"", b""
    for tag, content in tables.items():
        directory += tag + struct.pack(">III", checksum(content), offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    return head + directory + body


def woff():
    tables = font_tables()
    offset, directory, body = 44 + 20 * len(tables), b"", b""
    for tag, content in tables.items():
        packed = min(content, zlib.compress(content), key=len)
        sizes = struct.pack(
            ">IIII", offset + len(body), len(packed), len(content), checksum(content)
        )
        directory += tag + sizes
        body += packed + bytes(-len(packed) % 4)
    plain = 12 + 16 * len(tables) + sum(len(each) + -len(each) % 4 for each in tables.values())
    head = struct.pack(
        ">4sIIHHIHHIIIII",
        b"wOFF",
        0x10000,
        offset + len(body),
        len(tables),
        0,
        plain,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
    )
    return head + directory + body


# ---- the kinds -----------------------------------------------------------------------------------

BYTES = "application/octet-stream"
PLAIN = "text/plain; charset=utf-8"
OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."

# ending -> its bytes, its type by that ending, and its type without any (None: the same)
KINDS = {
    "html": (b"<!doctype html><title>x</title>", "text/html; charset=utf-8", None),
    "htm": (b"<html><body>x", "text/html; charset=utf-8", None),
    "xhtml": (
        b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"/>',
        "application/xhtml+xml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "css": (b"p { color: red }\n", "text/css; charset=utf-8", PLAIN),
    "js": (b"export const a = 1;\n", "text/javascript; charset=utf-8", PLAIN),
    "mjs": (b"export const a = 1;\n", "text/javascript; charset=utf-8", PLAIN),
    "cjs": (
        b"#!/usr/bin/env node\nconsole.log(1);\n",
        "text/javascript; charset=utf-8",
        PLAIN,
    ),
    "json": (b'{"a": [1, 2, 3]}\n', "application/json", None),
    "jsonld": (b'{"@context": "https://schema.org"}\n', "application/ld+json", "application/json"),
    "webmanifest": (b'{"name": "x"}\n', "application/manifest+json", "application/json"),
    "geojson": (b'{"type": "Point"}\n', "application/geo+json", "application/json"),
    "har": (b'{"log": {}}\n', "application/json", None),
    "map": (b'{"version": 3}\n', "application/json", None),
    "wasm": (WASM, "application/wasm", None),
    "wat": (b"(module)\n", PLAIN, None),
    "xml": (
        b'<?xml version="1.0"?>\n<a/>\n',
        "application/xml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "rss": (
        b'<?xml version="1.0"?>\n<rss/>\n',
        "application/rss+xml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "atom": (
        b'<?xml version="1.0"?>\n<feed/>\n',
        "application/atom+xml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "opml": (
        b'<?xml version="1.0"?>\n<opml/>\n',
        "text/x-opml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "gpx": (
        b'<?xml version="1.0"?>\n<gpx/>\n',
        "application/gpx+xml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "mpd": (
        b'<?xml version="1.0"?>\n<MPD/>\n',
        "application/dash+xml; charset=utf-8",
        "text/xml; charset=utf-8",
    ),
    "svg": (SVG.encode(), "image/svg+xml; charset=utf-8", None),
    "txt": (b"text\n", PLAIN, None),
    "md": (b"# Title\n\nText.\n", "text/markdown; charset=utf-8", PLAIN),
    "csv": (b"a,b\n1,2\n3,4\n", "text/csv; charset=utf-8", PLAIN),
    "vtt": (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n", "text/vtt; charset=utf-8", None),
    "srt": (
        b"1\n00:00:01,000 --> 00:00:02,000\nhello\n",
        "application/x-subrip; charset=utf-8",
        None,
    ),
    "ics": (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
        "text/calendar; charset=utf-8",
        None,
    ),
    "vcf": (
        b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD\r\n",
        "text/vcard; charset=utf-8",
        None,
    ),
    "m3u8": (b"#EXTM3U\n#EXT-X-VERSION:3\n", "application/vnd.apple.mpegurl", PLAIN),
    "sh": (b"#!/bin/sh\necho hello\n", "text/x-shellscript; charset=utf-8", PLAIN),
    "py": (b"#!/usr/bin/python3\nimport os\n", "text/x-python; charset=utf-8", PLAIN),
    "c": (b"#include <stdio.h>\nint main(void) { return 0; }\n", "text/x-c; charset=utf-8", PLAIN),
    "diff": (b"--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n", "text/x-diff; charset=utf-8", PLAIN),
    "eml": (b"From: a@b\nTo: c@d\nSubject: x\n\nhello\n", "message/rfc822", PLAIN),
    "yaml": (b"a: 1\nb: 2\n", "application/yaml", PLAIN),
    "toml": (b"[a]\nb = 1\n", "application/toml", PLAIN),
    "gltf": (b'{"asset": {"version": "2.0"}}\n', "model/gltf+json", "application/json"),
    "glb": (b"glTF\2\0\0\0\x0c\0\0\0", "model/gltf-binary", None),
    "stl": (b"solid x\nendsolid x\n", "model/stl", PLAIN),
    "png": (png(), "image/png", None),
    "gif": (gif(), "image/gif", None),
    "jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9", "image/jpeg", None),
    "webp": (WEBP, "image/webp", None),
    "avif": (AVIF, "image/avif", None),
    "jxl": (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl ", "image/jxl", None),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", None),
    "bmp": (bmp(), "image/bmp", None),
    "ico": (ico(), "image/vnd.microsoft.icon", None),
    "tiff": (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "image/tiff", None),
    "psd": (
        b"8BPS\0\1\0\0\0\0\0\0\0\3\0\0\0\1\0\0\0\1\0\x08\0\3",
        "image/vnd.adobe.photoshop",
        None,
    ),
    "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video/mp4", None),
    "m4a": (b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42", "audio/mp4", None),
    "mov": (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "video/quicktime", None),
    "webm": (b"\x1aE\xdf\xa3\x93\x42\x82\x84webm\x42\x87\x81\4\x42\x85\x81\2", "video/webm", None),
    "mkv": (b"\x1aE\xdf\xa3\x93\x42\x82\x88matroska\x42\x87\x81\4", "video/matroska", None),
    "avi": (b"RIFF\x24\0\0\0AVI LIST\x14\0\0\0hdrlavih", "video/vnd.avi", None),
    "ts": (stream(), "video/mp2t", None),
    "mp3": (b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x64" + bytes(413), "audio/mpeg", None),
    "ogg": (
        b"OggS\0\2" + bytes(8) + b"\1\0\0\0\0\0\0\0\0\0\0\0\1\x1e\1vorbis" + bytes(23),
        "audio/ogg",
        None,
    ),
    "opus": (
        b"OggS\0\2"
        + bytes(8)
        + b"\1\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead\1\1\0\0\x80\xbb\0\0\0\0\0",
        "audio/ogg",
        None,
    ),
    "flac": (
        b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0a\xc4\x42\xf0" + bytes(20),
        "audio/flac",
        None,
    ),
    "wav": (wav(), "audio/wav", None),
    "mid": (b"MThd\0\0\0\6\0\0\0\1\0`MTrk\0\0\0\0", "audio/midi", None),
    "ttf": (ttf(), "font/ttf", "font/sfnt"),
    "otf": (b"OTTO\0\4\0@\0\2\0\0CFF " + bytes(60), "font/otf", None),
    "woff": (woff(), "font/woff", None),
    "woff2": (b"wOF2\0\1\0\0" + bytes(40), "font/woff2", None),
    "pdf": (pdf(), "application/pdf", None),
    "docx": (
        zipped(_Content_Types__dot_xml="<a/>", word__document_dot_xml="<a/>"),
        OFFICE + "wordprocessingml.document",
        "application/zip",
    ),
    "odt": (open_document("text"), OPEN + "text", None),
    "epub": (zipped(mimetype="application/epub+zip"), "application/epub+zip", None),
    "zip": (zipped(a_dot_txt="text"), "application/zip", None),
    "gz": (gzip.compress(b"text"), "application/gzip", None),
    "bz2": (bz2.compress(b"text"), "application/x-bzip2", None),
    "xz": (lzma.compress(b"text"), "application/x-xz", None),
    "zst": (b"\x28\xb5\x2f\xfd\4\x58\x21\0\0text\1\2\3\4", "application/zstd", None),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "application/x-7z-compressed", None),
    "tar": (tar(), "application/x-tar", None),
    "sqlite": (
        b"SQLite format 3\0\x10\0\1\1\0\x40\x20\x20" + bytes(76),
        "application/vnd.sqlite3",
        None,
    ),
    "pcap": (
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1),
        "application/vnd.tcpdump.pcap",
        None,
    ),
    "bin": (bytes([1, 2, 3, 0, 255, 254]), BYTES, None),
}

# What libmagic 5.46 says otherwise.  It looks for the end of an archive, which in a buffer it
# cannot find.
SINCE_5_46 = {
    "xhtml": "application/xhtml+xml; charset=utf-8",
    "m3u8": "audio/x-mpegurl",
    "docx": BYTES,
    "zip": BYTES,
}
