"""The servers that are compared: how each is configured, started, and asked for its version.

Each does the same work: the files of one folder over HTTP/1.1 on one port, a thread or process for
each core, connections kept open without a limit of requests.  Beyond that they stand as Debian
gives them.  The configurations are written into the report as they are here.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 10
STOP_SECONDS = 5
CORES = len(os.sched_getaffinity(0))

# ROOT, PORT, SECURE (the port of HTTPS), CERT and KEY, WORK (a folder for its own files) and CORES
# are filled in.
NGINX = """\
worker_processes CORES;
worker_rlimit_nofile 20000;
pid WORK/nginx.pid;
error_log WORK/nginx.log;
events { worker_connections 10000; }
http {
    include /etc/nginx/mime.types;
    access_log LOG;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=60s;
    client_body_temp_path WORK/body;
    proxy_temp_path WORK/proxy;
    fastcgi_temp_path WORK/fastcgi;
    uwsgi_temp_path WORK/uwsgi;
    scgi_temp_path WORK/scgi;
    server { listen 127.0.0.1:PORT backlog=4096; root ROOT; }
    server {
        listen 127.0.0.1:SECURE ssl backlog=4096;
        root ROOT;
        ssl_certificate CERT;
        ssl_certificate_key KEY;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:s:10m;
    }
}
"""
LIGHTTPD = """\
server.document-root = "ROOT"
server.bind = "127.0.0.1"
server.port = PORT
server.max-worker = CORES
server.max-fds = 20000
server.max-connections = 10000
server.max-keep-alive-requests = 1000000000
server.listen-backlog = 4096
mimetype.assign = (".html" => "text/html", "" => "application/octet-stream")
server.modules = ("mod_openssl")
$SERVER["socket"] == "127.0.0.1:SECURE" {
    ssl.engine = "enable"
    ssl.pemfile = "CERT"
    ssl.privkey = "KEY"
}
"""
H2O = """\
num-threads: CORES
max-connections: 10000
hosts:
  "plain:PORT":
    listen:
      host: 127.0.0.1
      port: PORT
    paths:
      "/":
        file.dir: ROOT
  "secure:SECURE":
    listen:
      host: 127.0.0.1
      port: SECURE
      ssl:
        certificate-file: CERT
        key-file: KEY
    paths:
      "/":
        file.dir: ROOT
"""
CADDY = """\
{
    admin off
    auto_https off
}
http://127.0.0.1:PORT {
    root * ROOT
    file_server
}
https://127.0.0.1:SECURE, https://localhost:SECURE {
    tls CERT KEY
    root * ROOT
    file_server
}
"""


@dataclass
class Server:
    name: str
    log: str                    # what it does about an access log
    command: list               # CONFIG is the file with the configuration
    version: list               # the command that tells it
    config: str = ""
    needs: tuple = ()           # files beside the program

    @property
    def is_here(self):
        return shutil.which(self.command[0]) is not None and all(
            Path(file).exists() for file in self.needs)


def told_version(command):
    """What a program says of itself when asked by this command."""
    told = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return found[0] if found else "unknown"


def known(wherry):
    """All of them; `wherry` is the program to be measured."""
    nginx = ["nginx", "-g", "daemon off;", "-c", "CONFIG"]
    return [
        Server("wherry", "on, to /dev/null",
               [str(wherry), "--address=127.0.0.1", "--http-port=PORT", "--https-port=SECURE",
                "--tls-cert=CERT", "--tls-key=KEY", "ROOT"],
               [str(wherry), "--version"]),
        Server("nginx", "off", nginx, ["nginx", "-v"], NGINX.replace("LOG", "off")),
        Server("nginx-log", "on, to /dev/null", nginx, ["nginx", "-v"],
               NGINX.replace("LOG", "/dev/null combined")),
        Server("lighttpd", "off", ["lighttpd", "-D", "-f", "CONFIG"], ["lighttpd", "-v"], LIGHTTPD,
               needs=("/usr/lib/lighttpd/mod_openssl.so",)),
        Server("h2o", "off", ["h2o", "-c", "CONFIG"], ["h2o", "--version"], H2O),
        Server("caddy", "off", ["caddy", "run", "--adapter", "caddyfile", "--config", "CONFIG"],
               ["caddy", "version"], CADDY),
    ]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def make_certificate(folder):
    """cert.pem and key.pem, the same for all of them."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                    str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
                   check=True, capture_output=True)
    (folder / "key.pem").chmod(0o644)   # some servers read it as somebody else


class Running:
    """A server at work, for as long as the `with` lasts."""

    def __init__(self, server, root, work):
        self.server, self.root = server, root
        self.port, self.secure_port = free_port(), free_port()
        self.shared, self.work = Path(work), Path(work) / server.name
        self.work.mkdir(exist_ok=True)

    def fill_in(self, text):
        values = {"ROOT": self.root, "PORT": self.port, "SECURE": self.secure_port,
                  "CERT": self.shared / "cert.pem", "KEY": self.shared / "key.pem",
                  "WORK": self.work, "CORES": CORES, "CONFIG": self.work / "config"}
        for name, value in values.items():
            text = text.replace(name, str(value))
        return text

    def __enter__(self):
        (self.work / "config").write_text(self.fill_in(self.server.config))
        self.said = (self.work / "said").open("wb")
        self.process = subprocess.Popen(
            [self.fill_in(word) for word in self.server.command], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.said, start_new_session=True,
            env=dict(os.environ, HOME=str(self.work), XDG_CONFIG_HOME=str(self.work)))
        self.wait_ready()
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(STOP_SECONDS)
        except ProcessLookupError:      # it has ended by itself
            self.process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.said.close()

    def wait_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                time.sleep(0.2)         # the rest of its starting is not to be measured
                return
            except OSError:
                time.sleep(0.01)
        self.__exit__()
        said = (self.work / "said").read_text(errors="replace")
        raise SystemExit(f"bench: {self.server.name} does not start:\n{said}")

    @property
    def pid(self):
        return self.process.pid

    def url(self, is_secure):
        return (f"https://127.0.0.1:{self.secure_port}" if is_secure
                else f"http://127.0.0.1:{self.port}")
