"""How wherry is asked to run: what its user writes, and what they are told."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from program import Wherry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wherry.8"


@pytest.fixture
def wherry(request, tmp_path):
    """Runs the program in an empty folder until it ends by itself."""
    program = Path(request.config.getoption("--build")).resolve() / "wherry"

    def run(*words, **variables):
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith("WHERRY_")}
        return subprocess.run([program, *words], cwd=tmp_path, env={**inherited, **variables},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    return run


def told(run):
    """What it printed, when all was well."""
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def assert_mistake(run, code, sentence):
    assert (run.stdout, run.stderr, run.returncode) == ("", f"wherry: {sentence}\n", code)


def values(printed):
    """{name: (value, origin)} of what --print-config printed."""
    lines = re.findall(r"^(\S+) += (.*?) +# (.*)$", printed, re.MULTILINE)
    return {name: (value, origin) for name, value, origin in lines}


# ---- questions


def test_version(wherry):
    assert re.fullmatch(r"wherry \d+\.\d+\.\d+\n", told(wherry("--version")))


def test_help_is_short_and_names_every_option(wherry):
    printed = told(wherry("--help"))
    assert printed.startswith("Usage: wherry [OPTIONS] [ROOT]\n")
    assert max(map(len, printed.splitlines())) < 100
    for name in values(told(wherry("--print-config"))):
        assert re.search(rf"\n  --{name}[ \[]", printed)
    for code in ("100", "102", "111"):
        assert code in printed


def test_help_is_given_whatever_else_is_wrong(wherry):
    assert told(wherry("--help", WHERRY_HTTP_PORT="x")) == told(wherry("--help"))


def test_an_answer_that_nobody_can_read_is_a_failure(wherry, request):
    program = Path(request.config.getoption("--build")).resolve() / "wherry"
    with open("/dev/full", "w") as full:
        run = subprocess.run([program, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (run.returncode, run.stderr) == (111, "wherry: cannot write to standard output\n")


def test_check_says_that_all_is_well(wherry, tmp_path):
    assert re.fullmatch(rf"wherry \S+ is ready to carry {re.escape(str(tmp_path))}\n",
                        told(wherry("--check")))


@pytest.mark.parametrize("words", [["--check"], ["--http-port=0"]])
def test_a_folder_for_long_bodies_that_is_none(wherry, words):
    assert_mistake(wherry(*words, "--spool-dir=nothing"), 111,
                   'cannot write long bodies to the folder "nothing" (--spool-dir): No such file or '
                   "directory")


def test_long_bodies_are_temporary(wherry, tmp_path):
    printed = values(told(wherry("--print-config", TMPDIR=str(tmp_path))))
    assert printed["spool-dir"] == (str(tmp_path), "default")


def test_check_does_not_listen(wherry):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told(wherry("--check", f"--http-port={taken.getsockname()[1]}"))


# ---- where values come from


def test_precedence(wherry, tmp_path):
    (tmp_path / "w.conf").write_text("workers = 5\nworkers-max = 6\nindex = home.html\n")
    printed = values(told(wherry("--print-config", "--config", "w.conf", "--workers", "3",
                                 WHERRY_WORKERS="4", WHERRY_WORKERS_MAX="9", WHERRY_DRAIN="")))
    assert printed["workers"] == ("3", "command line")
    assert printed["workers-max"] == ("9", "WHERRY_WORKERS_MAX")
    assert printed["index"] == ("home.html", "w.conf:3")
    assert printed["drain"] == ("10s", "default")


def test_the_file_can_be_named_by_the_environment(wherry, tmp_path):
    (tmp_path / "w.conf").write_text("[wherry]\nhttp-port = 81\n")
    printed = values(told(wherry("--print-config", WHERRY_CONFIG="w.conf")))
    assert printed["http-port"] == ("81", "w.conf:2")


@pytest.mark.parametrize("root", ["site", "a b", " a ", "a # b", "a ; b", '"a"', "\\x41", "a\nb",
                                  "r\u00e9sum\u00e9", "[wherry]", "-"])
def test_what_is_printed_is_a_file(wherry, tmp_path, root):
    first = told(wherry("--print-config", "--no-clean-urls", "--index=", "--", root,
                        WHERRY_HEAD_TIMEOUT="1500ms"))
    (tmp_path / "w.conf").write_text(first)
    second = told(wherry("--print-config", "--config=w.conf"))
    assert {name: value for name, (value, _) in values(first).items()} == \
           {name: value for name, (value, _) in values(second).items()}
    assert len(values(first)) > 20


# ---- values in files


def test_a_value_may_stand_in_a_file(wherry, tmp_path):
    (tmp_path / "secret").write_bytes(b"31s\r\nanything else\0\n")
    printed = told(wherry("--print-config", WHERRY_DRAIN_FILE="secret"))
    assert values(printed)["drain"] == ("31s", "WHERRY_DRAIN_FILE (secret)")
    (tmp_path / "w.conf").write_text(printed)
    assert values(told(wherry("--print-config", "--config=w.conf")))["drain"][0] == "31s"


@pytest.mark.parametrize("content", [b"7", b"7\n", b"7\r\n", b"7\n\n"])
def test_only_the_first_line_counts(wherry, tmp_path, content):
    (tmp_path / "secret").write_bytes(content)
    assert values(told(wherry("--print-config", WHERRY_WORKERS_FILE="secret")))["workers"][0] == "7"


def test_the_form_with_a_file_has_the_place_of_the_other(wherry, tmp_path):
    (tmp_path / "secret").write_text("8s")
    (tmp_path / "w.conf").write_text("drain = 7s\n")
    config = "--config=w.conf"
    printed = values(told(wherry("--print-config", config, WHERRY_DRAIN_FILE="secret")))
    assert printed["drain"][0] == "8s"
    printed = values(told(wherry("--print-config", config, "--drain=9s",
                                 WHERRY_DRAIN_FILE="secret")))
    assert printed["drain"] == ("9s", "command line")


@pytest.mark.parametrize("variable, content", [("", "8s"), ("secret", ""), ("secret", "\n8s\n")])
def test_what_is_empty_is_as_good_as_unset(wherry, tmp_path, variable, content):
    (tmp_path / "secret").write_text(content)
    printed = values(told(wherry("--print-config", WHERRY_DRAIN_FILE=variable)))
    assert printed["drain"] == ("10s", "default")


def test_a_list_in_a_file(wherry, tmp_path):
    (tmp_path / "names").write_text("a.test, ::2,\n")
    printed = told(wherry("--print-config", "--tls", WHERRY_TLS_NAME_FILE="names"))
    origin = "WHERRY_TLS_NAME_FILE (names)"
    assert lists(printed, "tls-name") == [("a.test", origin), ("::2", origin)]


def test_an_option_that_names_a_file_has_another_name(wherry, tmp_path):
    printed = told(wherry("--print-config", WHERRY_TLS_CERT_FILE="a,b", WHERRY_TLS_KEY_FILE="c,d",
                          WHERRY_TLS_KEY_PASSWORD_FILE="e", WHERRY_MIME_TYPES_FILE="f"))
    assert lists(printed, "tls-cert") == [("a", "WHERRY_TLS_CERT_FILE"),
                                          ("b", "WHERRY_TLS_CERT_FILE")]
    assert lists(printed, "tls-key") == [("c", "WHERRY_TLS_KEY_FILE"),
                                         ("d", "WHERRY_TLS_KEY_FILE")]
    assert values(printed)["tls-key-password-file"] == ("e", "WHERRY_TLS_KEY_PASSWORD_FILE")
    assert values(printed)["mime-types"] == ("f", "WHERRY_MIME_TYPES_FILE")
    (tmp_path / "w.conf").write_text("drain = 7s\n")
    printed = values(told(wherry("--print-config", WHERRY_CONFIG_FILE="w.conf")))
    assert printed["drain"] == ("7s", "w.conf:1")


def test_both_forms_are_a_mistake(wherry, tmp_path):
    (tmp_path / "secret").write_text("8s")
    assert_mistake(wherry(WHERRY_DRAIN="7s", WHERRY_DRAIN_FILE="secret"), 102,
                   "WHERRY_DRAIN and WHERRY_DRAIN_FILE are both set; unset one")
    assert_mistake(wherry("--drain=1", WHERRY_DRAIN_FILE="secret", WHERRY_DRAIN="7s"), 102,
                   "WHERRY_DRAIN and WHERRY_DRAIN_FILE are both set; unset one")
    assert_mistake(wherry(WHERRY_TLS_KEY="a", WHERRY_TLS_KEY_FILE="a"), 102,
                   "WHERRY_TLS_KEY and WHERRY_TLS_KEY_FILE are both set; unset one")


def test_both_forms_when_one_of_them_says_nothing(wherry, tmp_path):
    (tmp_path / "port").write_text("81")
    printed = values(told(wherry("--print-config", WHERRY_HTTP_PORT="", WHERRY_HTTP_PORT_FILE="port")))
    assert printed["http-port"][0] == "81"
    printed = values(told(wherry("--print-config", WHERRY_HTTP_PORT="tcp://10.0.0.1:80",
                                 WHERRY_HTTP_PORT_FILE="port")))
    assert printed["http-port"][0] == "81"


def test_a_value_in_a_file_is_checked(wherry, tmp_path):
    (tmp_path / "secret").write_text("soon\n")
    assert_mistake(wherry(WHERRY_DRAIN_FILE="secret"), 102,
                   'WHERRY_DRAIN_FILE (secret) is "soon"; it must be a time from 0 to 24h, '
                   "in seconds or with ms, s, m, h or d, as in 10s")
    (tmp_path / "secret").write_bytes(b"7\0s\n")
    assert_mistake(wherry(WHERRY_DRAIN_FILE="secret"), 102,
                   'WHERRY_DRAIN_FILE is "secret", which has a NUL in its first line')


def test_a_file_for_a_value_that_cannot_be_read(wherry, tmp_path):
    start = "WHERRY_DRAIN_FILE is"
    assert_mistake(wherry(WHERRY_DRAIN_FILE="none"), 111,
                   f'{start} "none", which cannot be read: No such file or directory')
    assert_mistake(wherry(WHERRY_DRAIN_FILE="/"), 111,
                   f'{start} "/", which cannot be read: Is a directory')
    (tmp_path / "long").write_bytes(b"7s\n" + b" " * (16 * 1024 - 2))
    assert_mistake(wherry(WHERRY_DRAIN_FILE="long"), 111,
                   f'{start} "long", which cannot be read: it is longer than 16K')
    (tmp_path / "long").write_bytes(b"7s\n" + b" " * (16 * 1024 - 3))
    told(wherry("--print-config", WHERRY_DRAIN_FILE="long"))
    os.mkfifo(tmp_path / "fifo")
    assert_mistake(wherry(WHERRY_DRAIN_FILE="fifo"), 111,
                   f'{start} "fifo", which cannot be read: it is no regular file')


def test_an_unknown_name_with_that_end_only_warns(wherry):
    run = wherry("--check", WHERRY_XYZZYX_FILE="secret", WHERRY_CHECK_FILE="secret")
    assert run.returncode == 0
    assert "WHERRY_XYZZYX_FILE is not an option; it is passed over\n" in run.stderr
    assert "WHERRY_CHECK_FILE is not an option" in run.stderr


# ---- lists


def lists(printed, name):
    return re.findall(rf"^{name} += (.*?) +# (.*)$", printed, re.MULTILINE)


def test_a_list_comes_from_the_highest_source(wherry, tmp_path):
    (tmp_path / "w.conf").write_text("tls = yes\ntls-name = a.test\ntls-name = b.test\n")
    printed = told(wherry("--print-config", "--config=w.conf"))
    assert lists(printed, "tls-name") == [("a.test", "w.conf:2"), ("b.test", "w.conf:3")]
    printed = told(wherry("--print-config", "--config=w.conf", WHERRY_TLS_NAME="c.test, ::2"))
    assert lists(printed, "tls-name") == [("c.test", "WHERRY_TLS_NAME"), ("::2", "WHERRY_TLS_NAME")]
    printed = told(wherry("--print-config", "--config=w.conf", "--tls-name=d.test",
                          WHERRY_TLS_NAME="c.test"))
    assert lists(printed, "tls-name") == [("d.test", "command line")]


@pytest.mark.parametrize("options", [
    ["--tls", "--tls-name=a.test", "--tls-name=::2", "--hsts=365d", "--cert-dir="],
    ["--tls-cert=a b.pem", "--tls-key=a#b.pem", "--tls-cert=c", "--tls-key=c", "--tls-only"],
    ["--tls-cert=a", "--tls-key=b", "--no-tls", "--http-redirect"],
    ["--tls", "--tls-client-ca=ca.pem", "--tls-client=optional", "--public-https-port=443"],
])
def test_what_is_printed_of_https_is_a_file(wherry, tmp_path, options):
    first = told(wherry("--print-config", *options))
    (tmp_path / "w.conf").write_text(first)
    second = told(wherry("--print-config", "--config=w.conf"))
    setting = re.compile(r"^\S+ += .*?(?= +# )", re.MULTILINE)
    assert setting.findall(first) == setting.findall(second)


def test_what_kubernetes_sets_is_passed_over_in_silence(wherry):
    told(wherry("--check", WHERRY_PORT="tcp://10.0.0.1:80", WHERRY_SERVICE_HOST="10.0.0.1",
                WHERRY_SERVICE_PORT="80", WHERRY_SERVICE_PORT_HTTP="80",
                WHERRY_PORT_80_TCP="tcp://10.0.0.1:80", WHERRY_PORT_80_TCP_PROTO="tcp",
                WHERRY_HTTP_PORT="tcp://10.0.0.1:80"))


def test_an_unknown_variable_only_warns(wherry):
    run = wherry("--check", WHERRY_HTPP_PORT="80")
    assert run.returncode == 0
    assert run.stderr == ("wherry: WHERRY_HTPP_PORT is not an option; "
                          "did you mean WHERRY_HTTP_PORT?\n")
    assert told(wherry("--check", "--log-level=error", WHERRY_HTPP_PORT="80"))


@pytest.mark.parametrize("words, variables, value", [
    (["--endpoints"], {}, "yes"),
    (["--endpoints=/test"], {}, "/test"),
    (["--endpoints", "--endpoints=/a/b"], {}, "/a/b"),
    (["--endpoints=no"], {"WHERRY_ENDPOINTS": "yes"}, "no"),
    (["--no-endpoints"], {"WHERRY_ENDPOINTS": "/test"}, "no"),
    ([], {"WHERRY_ENDPOINTS": "yes"}, "yes"),
    ([], {"WHERRY_ENDPOINTS": "/test"}, "/test"),
    ([], {"WHERRY_ENDPOINTS": ""}, "/file"),
    ([], {}, "/file"),
])
def test_a_value_that_may_be_left_out(wherry, tmp_path, words, variables, value):
    (tmp_path / "w.conf").write_text("endpoints = /file\n")
    printed = told(wherry("--print-config", "--config=w.conf", *words, **variables))
    assert values(printed)["endpoints"][0] == value
    (tmp_path / "again.conf").write_text(printed)
    again = told(wherry("--print-config", "--config=again.conf"))
    assert values(again)["endpoints"][0] == value


def test_a_value_that_may_be_left_out_is_never_the_next_word(wherry):
    printed = values(told(wherry("--print-config", "--endpoints", "/site")))
    assert (printed["endpoints"][0], printed["root"][0]) == ("yes", "/site")


# ---- mistakes


def test_a_mistake_on_the_command_line(wherry):
    assert_mistake(wherry("--http-port", "80x"), 100,
                   '--http-port is "80x"; it must be a number from 0 to 65535, or off '
                   "(see wherry --help)")


def test_an_unknown_option(wherry):
    assert_mistake(wherry("--htpp-port", "80"), 100,
                   "--htpp-port is not an option; did you mean --http-port? (see wherry --help)")


def test_two_roots(wherry):
    assert_mistake(wherry("a", "b"), 100,
                   '"b" is one ROOT too many after "a" (see wherry --help)')
    assert_mistake(wherry("--root=a", "b"), 100,
                   '--root is "a", but ROOT is "b"; give one of them (see wherry --help)')


def test_a_mistake_in_the_environment(wherry):
    assert_mistake(wherry(WHERRY_DRAIN="soon"), 102,
                   'WHERRY_DRAIN is "soon"; it must be a time from 0 to 24h, '
                   "in seconds or with ms, s, m, h or d, as in 10s")


def test_a_mistake_in_the_file(wherry, tmp_path):
    (tmp_path / "w.conf").write_text("\n[wherry]\nhttp_port = 80\n")
    assert_mistake(wherry("--config=w.conf"), 102,
                   'w.conf:3: "http_port" is not an option; did you mean http-port?')


def test_a_file_that_cannot_be_read(wherry):
    assert_mistake(wherry("--config=w.conf"), 111,
                   '--config is "w.conf", which cannot be read: No such file or directory')


def test_mistakes_are_found_before_anything_is_opened(wherry):
    assert_mistake(wherry("nowhere", WHERRY_LINKS="all"), 102,
                   'WHERRY_LINKS is "all"; it must be beneath or none')


def test_a_prefix_that_is_none(wherry):
    must_be = ('yes, no, or a path such as /test, of letters, digits, "-", "_" and ".", with no "/" at '
               'its end')
    assert_mistake(wherry("--endpoints=test"), 100,
                   f'--endpoints is "test"; it must be {must_be} (see wherry --help)')
    assert_mistake(wherry("--endpoints="), 100,
                   f'--endpoints is ""; it must be {must_be} (see wherry --help)')
    assert_mistake(wherry(WHERRY_ENDPOINTS="/{a}"), 102,
                   f'WHERRY_ENDPOINTS is "/{{a}}"; it must be {must_be}')


def test_a_folder_of_files_that_nobody_can_ask_for(wherry):
    assert_mistake(wherry("--files-dir=files"), 100,
                   "--files-dir is files, but --endpoints is no by default; nobody could ask for "
                   "the files in it (see wherry --help)")


def test_a_certificate_without_a_key(wherry):
    assert_mistake(wherry("--tls-cert=a.pem", "--tls-cert=b.pem", WHERRY_TLS_KEY="k"), 100,
                   "--tls-cert names 2 files, but WHERRY_TLS_KEY names 1 file; each certificate "
                   "needs its key, in the same order (a file that holds both is named twice) "
                   "(see wherry --help)")


def test_a_redirect_without_https(wherry):
    assert_mistake(wherry(WHERRY_HTTP_REDIRECT="yes"), 102,
                   "WHERRY_HTTP_REDIRECT is yes, but --tls is no by default; "
                   "there is no HTTPS to send anyone to")


# ---- certificates, without serving


def test_check_reads_what_is_given(wherry, authority, tmp_path):
    pair, other = authority.issue("a.test"), authority.issue("b.test")
    told(wherry("--check", *pair.options))
    told(wherry("--check", *pair.options, f"--tls-client-ca={authority.cert}"))
    run = wherry("--check", f"--tls-cert={pair.cert}", f"--tls-key={other.key}")
    assert (run.stdout, run.returncode) == ("", 111)
    assert str(other.key) in run.stderr and run.stderr.count("\n") == 1
    run = wherry("--check", *pair.options, "--tls-client-ca=none.pem")
    assert (run.stdout, run.returncode) == ("", 111)
    assert "none.pem" in run.stderr and run.stderr.count("\n") == 1


def test_check_writes_nothing(wherry, tmp_path):
    told(wherry("--check", "--tls", "--cert-dir=certs", "--tls-key-log=secrets"))
    assert list(tmp_path.iterdir()) == []


def test_print_ca_makes_an_authority_once(wherry, tmp_path):
    pem = told(wherry("--print-ca", XDG_STATE_HOME=str(tmp_path / "state")))
    kept = tmp_path / "state" / "wherry"
    assert ssl.PEM_cert_to_DER_cert(pem) and pem == (kept / "ca.pem").read_text()
    assert (kept / "ca-key.pem").stat().st_mode & 0o777 == 0o600
    assert told(wherry("--print-ca", "--cert-dir", kept)) == pem
    assert told(wherry("--print-ca", HOME="/nowhere", XDG_STATE_HOME=str(tmp_path / "state"))) == pem


def test_print_ca_leaves_the_authority_of_a_server_with_more_names(wherry, tmp_path):
    pem = told(wherry("--print-ca", "--cert-dir=certs", "--tls-name=a.test"))
    assert told(wherry("--print-ca", "--cert-dir=certs")) == pem
    assert told(wherry("--print-ca", "--cert-dir=certs", "--tls-name=a.test")) == pem
    assert told(wherry("--print-ca", "--cert-dir=certs", "--tls-name=b.test")) != pem


def test_print_ca_has_to_keep_it(wherry, tmp_path):
    (tmp_path / "file").write_text("")
    run = wherry("--print-ca", "--cert-dir=file/certs")
    assert (run.stdout, run.returncode) == ("", 111)
    assert "file/certs" in run.stderr and run.stderr.count("\n") == 1
    assert_mistake(wherry("--print-ca", "--cert-dir="), 111,
                   "there is no folder that keeps an authority; name one with --cert-dir")


def test_print_ca_is_for_an_authority_of_its_own(wherry):
    assert_mistake(wherry("--print-ca", "--tls-cert=a", "--tls-key=b"), 100,
                   "--print-ca is yes, but --tls-cert is a; wherry has an authority only for the "
                   "certificate that it makes itself (see wherry --help)")


# ---- the system says no


def test_a_port_that_is_taken(wherry):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = wherry("--http-port", str(port))
    assert (run.stdout, run.returncode) == ("", 111)
    assert re.fullmatch(rf"wherry: cannot listen on localhost port {port}: "
                        r"Address already in use.*\n", run.stderr)


def test_an_address_of_another_machine(wherry):
    assert_mistake(wherry("--address=192.0.2.1", "--http-port=0"), 111,
                   "cannot listen on 192.0.2.1 port 0: Cannot assign requested address")


def test_a_folder_of_files_that_is_not_there(wherry, tmp_path):
    sentence = 'cannot open the folder "nowhere" (--files-dir): No such file or directory'
    assert_mistake(wherry("--endpoints", "--files-dir=nowhere"), 111, sentence)
    assert_mistake(wherry("--endpoints", "--files-dir=nowhere", "--check"), 111, sentence)


@pytest.mark.parametrize("root", [".", "files", "files/sub"])
def test_a_root_in_the_folder_of_files(wherry, tmp_path, root):
    """Nothing of it would be served."""
    (tmp_path / "files" / "sub").mkdir(parents=True)
    folder = "." if root == "." else "files"
    assert_mistake(wherry("--endpoints", f"--files-dir={folder}", "--check", root), 111,
                   f'the folder "{root}" lies in the folder of uploads "{folder}" (--files-dir), of '
                   "which nothing is served")


def test_a_root_that_is_a_file(wherry, tmp_path):
    (tmp_path / "page.html").write_text("hello")
    assert_mistake(wherry("page.html"), 111, 'cannot open the folder "page.html": Not a directory')


def test_a_root_that_is_not_there(wherry):
    assert_mistake(wherry("nowhere"), 111,
                   'cannot open the folder "nowhere": No such file or directory')
    assert_mistake(wherry("--check", "nowhere"), 111,
                   'cannot open the folder "nowhere": No such file or directory')


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads all")
def test_a_root_that_may_not_be_read(request):
    program = Path(request.config.getoption("--build")).resolve() / "wherry"
    somebody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:       # where somebody else may go, too
        os.chmod(folder, 0o755)
        shut = Path(folder, "shut")
        shut.mkdir(mode=0o000)
        run = subprocess.run([*somebody, shutil.copy(program, folder), "--check", shut],
                             capture_output=True, text=True, timeout=60)
    assert run.returncode == 111 and len(run.stderr.splitlines()) == 1, run.stderr
    assert f'wherry: cannot open the folder "{shut}": Permission denied; it belongs to uid ' in \
        run.stderr or f'wherry: cannot look into the folder "{shut}": Permission denied; it belongs ' \
        "to uid " in run.stderr


def test_a_root_of_somebody_else(request, tmp_path):
    """The owner, the mode, who we are, and how it would work."""
    if os.geteuid() != 0:
        pytest.skip("this test needs root: run it with sudo, or in a container")
    program = Path(request.config.getoption("--build")).resolve() / "wherry"

    def check(uid, before):
        return subprocess.run([*before, shutil.copy(program, folder), "--check", theirs],
                              capture_output=True, text=True, timeout=60)

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        theirs = Path(folder, "theirs")
        theirs.mkdir(mode=0o700)
        os.chown(theirs, 12345, 54321)
        somebody = check(65532, ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"])
        root = check(0, ["setpriv", "--bounding-set=-dac_override,-dac_read_search",
                         "--inh-caps=-all"])
        owner = check(12345, ["setpriv", "--reuid=12345", "--regid=54321", "--clear-groups"])
    assert (somebody.returncode, root.returncode, owner.returncode) == (111, 111, 0)
    sentence = (f'wherry: cannot look into the folder "{theirs}": Permission denied; it belongs to '
                "uid 12345 (mode 0700) and wherry runs as uid {}: run it as the owner (in a "
                "container: --user 12345:54321) or let others read it\n")
    assert somebody.stderr.endswith(sentence.format(65532))
    assert root.stderr.endswith(sentence.format("0 without its usual rights"))


# ---- running


def start(request, *words):
    program = Path(request.config.getoption("--build")).resolve() / "wherry"
    return subprocess.Popen([program, "--http-port=0", *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_it_says_what_it_carries_and_where(request, tmp_path):
    with start(request, tmp_path) as process:
        first, second = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert re.fullmatch(rf"wherry \S+ carries {re.escape(str(tmp_path))}\n", first)
    assert re.fullmatch(r"  http://localhost:[1-9]\d*\n", second)


FINGERPRINT = r"SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}"


def start_tls(build, tmp_path, folder, **more):
    return Wherry(build.program, tmp_path, "--http-port=0", "--tls", "--https-port=0",
                  f"--cert-dir={tmp_path / folder}", secure=False, patience=build.patience, **more)


def test_it_says_how_to_trust_a_new_authority(build, tmp_path):
    server = start_tls(build, tmp_path, "my certs")
    try:
        path = f"'{tmp_path}/my certs/ca.pem'"
        server.wait_log(r"^  https://localhost:[1-9]\d*$")
        server.wait_log(rf"^  {re.escape(path)}\n  {FINGERPRINT}$")
        server.wait_log(rf"^  Debian, Ubuntu +sudo install -m 644 {re.escape(path)} /usr/local/share/"
                        "ca-certificates/wherry.crt && sudo update-ca-certificates$")
        server.wait_log(r"^  Firefox ")
        server.stop()
        assert "warn" not in server.said
    finally:
        server.kill()


def test_it_says_little_about_one_that_is_known(build, tmp_path):
    for turn in range(2):
        server = start_tls(build, tmp_path, "certs")
        try:
            server.wait_log(r"^  https://localhost:[1-9]\d*$")
            if turn:
                server.wait_log(rf"^its authority: {tmp_path}/certs/ca.pem, {FINGERPRINT}; "
                                rf"wherry --print-ca --cert-dir {tmp_path}/certs$")
            server.stop()
            assert ("Firefox" in server.log) == (turn == 0)
        finally:
            server.kill()


def test_it_warns_of_an_authority_that_it_cannot_keep(build, tmp_path):
    (tmp_path / "file").write_text("")
    server = start_tls(build, tmp_path, "file/certs")
    try:
        server.wait_log(r"^  https://localhost:[1-9]\d*$")
        server.wait_log(rf"another one after a restart:\n  {FINGERPRINT}$")
        server.wait_error(rf"warn cannot keep the certificate .*{tmp_path}/file/certs")
        server.stop()
    finally:
        server.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(request, tmp_path, number):
    with start(request, tmp_path) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGPIPE)
        process.send_signal(number)
        assert process.wait(30) == 0


def has_namespaces():
    return shutil.which("unshare") and not subprocess.run(
        ["unshare", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL).returncode


@pytest.mark.skipif(not has_namespaces(), reason="no process of ours can be number 1 here")
def test_it_ends_well_as_process_1(request, tmp_path):
    program = Path(request.config.getoption("--build")).resolve() / "wherry"
    command = ["unshare", "--pid", "--fork", program, "--http-port=0", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        first = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        os.kill(int(first), signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_second_signal_ends_it_at_once(request, tmp_path):
    with start(request, "--drain=1h", tmp_path) as process:
        process.stdout.readline()
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(b"GET / HT")           # in flight for as long as it may be
            process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 128 + signal.SIGTERM


def test_the_file_it_reads_is_not_served(request, tmp_path):
    (tmp_path / "w.conf").write_text("index =\n")
    (tmp_path / "w.txt").write_text("hello")
    with start(request, "--config", tmp_path / "w.conf", tmp_path) as process:
        process.stdout.readline()
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        answers = []
        for name in ("w.conf", "w.txt"):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
                answers.append(peer.makefile("rb").readline().split()[1])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert answers == [b"404", b"200"]


# ---- the manual page


def test_the_manual_page_lists_the_options_as_they_are(wherry):
    """When this fails: scripts/make-manual"""
    between = PAGE.read_text().split('.\\" options begin\n')[1].split('.\\" options end\n')[0]
    assert between == told(wherry("--print-manual-options"))


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not here")
def test_the_manual_page_is_in_order():
    run = subprocess.run(["mandoc", "-Tlint", PAGE], capture_output=True, text=True)
    # It looks for wherry(3) among those that are installed here.
    assert re.sub(r".*STYLE: referenced manual not found.*\n", "", run.stdout) == ""


# ---- endpoints


@pytest.mark.parametrize("origin", [
    "example.com", "https://", "https://example.com/", "https://example.com/a", "HTTPS://example.com",
    "ftp://example.com", "https://a b", "https://user@example.com", "*",
])
def test_what_is_no_origin(wherry, origin):
    assert_mistake(
        wherry("--endpoints", "--redirect-to", origin, "--check"), 100,
        f'--redirect-to is "{origin}"; it must be a scheme, a host and maybe a port, as '
        "https://example.com, in lower case and with nothing behind (see wherry --help)",
    )


def test_origins(wherry):
    """Each of them is one more."""
    run = wherry("--redirect-to=https://example.com", "--redirect-to", "http://[::1]:8080",
                 "--print-config")
    assert "https://example.com" in told(run) and "http://[::1]:8080" in run.stdout
