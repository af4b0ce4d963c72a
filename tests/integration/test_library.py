"""The library: what is installed, how it is found, what of it can be seen."""

import re
import shutil
import ssl
import subprocess

import pytest

from dialogue import request
from installed import ROOT, Installed, run
from program import Wherry, stopping

HEADER = ROOT / "include" / "wherry.h"
MANUAL = ROOT / "docs" / "wherry.3"
HELLO = ROOT / "examples" / "hello.c"


@pytest.fixture
def start(build, tmp_path):
    """Starts a program that listens on any free port, and at the end sees it stop well."""
    with stopping() as started:
        def start(program):
            server = Wherry(program, None, cwd=tmp_path, secure=False, patience=build.patience)
            started.append(server)
            return server

        yield start


def on_any_port(source, place):
    """The same program, but that the port is not 8080, which may be taken."""
    text = source.read_text()
    changed = text.replace("wherry_settings_init(&settings);\n",
                           "wherry_settings_init(&settings);\n    settings.http_port = 0;\n")
    assert changed != text
    place.write_text(changed)
    return place


# ---- installed


def test_what_is_installed(installed):
    for name, mode in (("bin/wherry", 0o755), ("include/wherry.h", 0o644), ("lib/libwherry.a", 0o644),
                       ("lib/pkgconfig/wherry.pc", 0o644), ("share/man/man3/wherry.3", 0o644),
                       ("share/man/man8/wherry.8", 0o644)):
        assert (installed.prefix / name).stat().st_mode & 0o777 == mode
    version = run([installed.prefix / "bin" / "wherry", "--version"]).split()[1]
    assert installed.pkg_config("--modversion") == [version]


def test_a_package_is_made_elsewhere(build, tmp_path):
    """DESTDIR is where the package is made, and nobody hears of it."""
    Installed(build, tmp_path.with_name("usr"), destdir=tmp_path / "package")
    place = tmp_path / "package" / str(tmp_path.with_name("usr")).lstrip("/")
    pc = (place / "lib" / "pkgconfig" / "wherry.pc").read_text()
    assert f"prefix={tmp_path.with_name('usr')}\n" in pc and "package" not in pc
    assert (place / "lib" / "libwherry.a").exists()
    assert not tmp_path.with_name("usr").exists()


@pytest.mark.parametrize("libs", [("--cflags", "--libs"), ("--cflags", "--libs", "--static")])
@pytest.mark.parametrize("language", ["c", "c++"])
def test_hello_is_built_and_says_it(installed, start, tmp_path, language, libs):
    source = on_any_port(HELLO, tmp_path / f"hello.{language}")
    if language == "c++" and not shutil.which(installed.cxx):
        pytest.skip(f"{installed.cxx} is not here")
    server = start(installed.compile(source, tmp_path / "hello", libs=libs,
                                     compiler=installed.cxx if language == "c++" else None))
    with server.dial() as peer:
        answer = peer.ask("/hello")
        assert (answer.status, answer.body) == (200, b"Hello, World!\n")
        assert peer.ask("/").status == 404
        assert peer.ask("/hello", "POST").status == 405
    server.wait_log(r'"GET /hello HTTP/1.1" 200 14 ')


def hello_with_bad_port(installed, tmp_path, port):
    source = on_any_port(HELLO, tmp_path / "hello.c")
    source.write_text(source.read_text().replace(
        "settings.http_port = 0;", f"settings.http_port = 0;\n    settings.tls.bad_port = {port};"))
    return installed.compile(source, tmp_path / "hello")


def test_bad_certificates_have_five_ports(installed, tmp_path):
    hello = hello_with_bad_port(installed, tmp_path, 65532)
    done = subprocess.run([hello], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "hello: there are no ports 65532 and the 4 behind it\n"


def test_bad_certificates_are_told_of(installed, start, tmp_path):
    server = start(hello_with_bad_port(installed, tmp_path, 0))
    server.wait_log(r"^weak-key https://localhost:\d+$")
    told = re.findall(r"^([a-z-]+) https://localhost:(\d+)$", server.log, re.MULTILINE)
    assert [fault for fault, _ in told] == [
        "expired", "not-yet-valid", "wrong-name", "unknown-authority", "weak-key"]
    server.https_port = int(told[0][1])
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with server.dial(tls=anybody) as peer:
        assert peer.ask("/hello").body == b"Hello, World!\n"


PLUS = r"""
#include <wherry.h>
#include <string>

struct counter { int count = 0; };

int main()
{
    counter ours;
    wherry_settings settings;
    wherry_settings_init(&settings);
    wherry_server *server = wherry_server_new(&settings);
    wherry_server_handle(server, WHERRY_GET | WHERRY_POST, "/count/{name}",
        [](wherry_exchange *exchange, void *data) {
            std::string text = wherry_part(exchange, "name").ptr;
            text += " " + std::to_string(++static_cast<counter *>(data)->count) + "\n";
            return wherry_send_text(exchange, 200, wherry_slice{text.data(), text.size()});
        }, &ours);
    int status = wherry_server_main(server);
    wherry_server_free(server);
    return status;
}
"""


def test_a_handler_in_c_plus_plus(installed, start, tmp_path):
    if not shutil.which(installed.cxx):
        pytest.skip(f"{installed.cxx} is not here")
    (tmp_path / "written.cc").write_text(PLUS)
    source = on_any_port(tmp_path / "written.cc", tmp_path / "count.cc")
    server = start(installed.compile(source, tmp_path / "count", "-std=c++11",
                                     compiler=installed.cxx))
    assert server.get("/count/a").body == b"a 1\n"
    assert server.get("/count/b", "POST").body == b"b 2\n"


FOLDER = r"""
#include <stdio.h>
#include <wherry.h>

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_send_text(exchange, 200, wherry_text("hello"));
}

int main(void)
{
    struct wherry_settings settings;
    char problem[256];

    wherry_settings_init(&settings);
    settings.tls.key_log_path = "site/secrets";
    struct wherry_server *server = wherry_server_new(&settings);
    int                   status = 2;
    wherry_server_handle(server, WHERRY_GET, "/hello", hello, NULL);
    if (wherry_server_folder(server, "site", problem, sizeof problem))
        status = wherry_server_main(server);
    else
        puts(problem);
    wherry_server_free(server);
    return status;
}
"""


def test_a_folder_beside_handlers(installed, start, tmp_path):
    (tmp_path / "folder.c").write_text(FOLDER)
    program = installed.compile(on_any_port(tmp_path / "folder.c", tmp_path / "any.c"),
                                tmp_path / "folder")
    failed = subprocess.run([program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert failed.returncode == 2
    assert failed.stdout == 'cannot open the folder "site": No such file or directory\n'
    (tmp_path / "site").mkdir()
    for name in ("index.html", "about.html", "404.html", "hello", "secrets", ".hidden"):
        (tmp_path / "site" / name).write_text(name)
    server = start(program)
    assert server.get("/hello").body == b"hello"
    assert server.get("/").body == b"index.html"
    assert server.get("/about")["Content-Type"].startswith("text/html")
    for target in ("/secrets", "/.hidden", "/nothing"):
        answer = server.get(target)
        assert (answer.status, answer.body) == (404, b"404.html")


def test_a_program_that_cannot_listen_says_why(installed, start, tmp_path):
    server = start(installed.compile(on_any_port(HELLO, tmp_path / "a.c"), tmp_path / "hello"))
    second = tmp_path / "second.c"
    second.write_text((tmp_path / "a.c").read_text().replace("http_port = 0",
                                                             f"http_port = {server.http_port}"))
    failed = subprocess.run([installed.compile(second, tmp_path / "second")], capture_output=True,
                            text=True, timeout=60)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == (f"second: cannot listen on localhost port {server.http_port}: Address "
                             "already in use; stop what runs there or choose another port\n")


def test_a_second_signal_ends_a_program_at_once(installed, start, tmp_path, build):
    program = installed.compile(on_any_port(HELLO, tmp_path / "a.c"), tmp_path / "hello")
    server = Wherry(program, None, secure=False, patience=build.patience)
    try:
        with server.dial() as peer:
            peer.send(request("/hello")[:-2])       # in flight for as long as it may be
            server.wait_read(peer)
            server.signal()
            server.wait_error("stopping")
            server.signal()
            assert server.wait_exit() == 128 + 15
    finally:
        server.kill()


# ---- what can be seen


def test_only_our_names_are_visible(build):
    told = run(["nm", "--extern-only", "--defined-only", build.folder / "libwherry.a"])
    names = re.findall(r"^[0-9a-f]+ [A-Z] (\S+)$", told, re.MULTILINE)
    sanitizers = r"__(asan|odr_asan|tsan|ubsan|start_|stop_)\S*|.*(asan|tsan|ubsan)\S*"
    assert sorted(name for name in names if not re.fullmatch(sanitizers, name)) == \
        sorted(functions())


def functions():
    """{name: its prototype on one line} of the header."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    found = re.findall(r"WHERRY_PUBLIC\s+([^;{]*?\b(wherry_\w+)\([^;]*\));", text)
    assert len(found) == text.count("WHERRY_PUBLIC") - 1
    return {name: " ".join(prototype.split()).replace("* ", "*") for prototype, name in found}


@pytest.mark.parametrize("words", [
    ["cc", "-std=c11", "-x", "c"], ["cc", "-std=c17", "-x", "c"], ["cc", "-std=gnu2x", "-x", "c"],
    ["g++", "-std=c++11", "-x", "c++"], ["g++", "-std=c++20", "-x", "c++"],
    ["clang", "-std=c11", "-x", "c", "-Weverything", "-Wno-documentation"],
    ["clang++", "-std=c++11", "-x", "c++"],
])
def test_the_header_is_without_a_warning(words):
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not here")
    told = subprocess.run([*words, "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror",
                           "-fsyntax-only", "-include", HEADER, "/dev/null"],
                          capture_output=True, text=True)
    if "unrecognized command-line option" in told.stderr or "invalid value" in told.stderr:
        pytest.skip(f"{words[0]} does not know {words[1]}")
    assert (told.returncode, told.stderr) == (0, "")


def test_the_types_are_opaque(tmp_path):
    source = tmp_path / "size.c"
    for name in ("wherry_server", "wherry_exchange", "wherry_waker"):
        source.write_text(f"#include <wherry.h>\nint main(void) {{ return sizeof(struct {name}); }}\n")
        told = subprocess.run(["cc", f"-I{HEADER.parent}", "-fsyntax-only", source],
                              capture_output=True, text=True)
        assert "incomplete type" in told.stderr


# ---- what is written of it


def prototypes_in_manual():
    """The same as functions(), of the page's SYNOPSIS."""
    synopsis = MANUAL.read_text().split(".Sh SYNOPSIS")[1].split(".Sh DESCRIPTION")[0]
    found = {}
    for kind, name, arguments in re.findall(r'^\.Ft (.*)\n\.Fn (\S+) ?(.*)$', synopsis, re.MULTILINE):
        kind = kind.strip('"')
        space = "" if kind.endswith("*") else " "
        listed = ", ".join(re.findall(r'"([^"]*)"', arguments))
        found[name] = f"{kind}{space}{name}({listed})"
    return found


def test_the_manual_page_has_every_function_as_it_is():
    assert prototypes_in_manual() == functions()


def test_the_manual_page_says_what_each_function_does():
    description = MANUAL.read_text().split(".Sh DESCRIPTION")[1]
    told = dict(re.findall(r"^\.It Fn (\w+)\n((?:(?!\.It|\.El).*\n)+)", description, re.MULTILINE))
    assert sorted(told) == sorted(functions())
    assert all(text.rstrip().endswith((".", ". .", ".\n.Ed")) or "." in text for text in told.values())


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not here")
def test_the_manual_page_is_in_order():
    told = subprocess.run(["mandoc", "-Tlint", MANUAL], capture_output=True, text=True)
    # It looks for wherry(8) among those that are installed here.
    assert re.sub(r".*STYLE: referenced manual not found.*\n", "", told.stdout) == ""


def test_hello_is_short_and_the_one_in_the_readme():
    text = HELLO.read_text()
    assert len(text.splitlines()) < 30
    code = text[text.index("#include"):]
    assert f"```c\n{code}```\n" in (ROOT / "README.md").read_text()
