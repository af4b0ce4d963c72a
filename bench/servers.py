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

# ROOT, PORT, WORK (a folder for its own files) and CORES are filled in.
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
"""
H2O = """\
num-threads: CORES
max-connections: 10000
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: PORT
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
"""


@dataclass
class Server:
    name: str
    log: str                    # what it does about an access log
    command: list               # CONFIG is the file with the configuration
    version: list               # the command that tells it
    config: str = ""

    @property
    def is_here(self):
        return shutil.which(self.command[0]) is not None



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
               [str(wherry), "--address=127.0.0.1", "--http-port=PORT", "ROOT"],
               [str(wherry), "--version"]),
        Server("nginx", "off", nginx, ["nginx", "-v"], NGINX.replace("LOG", "off")),
        Server("nginx-log", "on, to /dev/null", nginx, ["nginx", "-v"],
               NGINX.replace("LOG", "/dev/null combined")),
        Server("lighttpd", "off", ["lighttpd", "-D", "-f", "CONFIG"], ["lighttpd", "-v"], LIGHTTPD),
        Server("h2o", "off", ["h2o", "-c", "CONFIG"], ["h2o", "--version"], H2O),
        Server("caddy", "off", ["caddy", "run", "--adapter", "caddyfile", "--config", "CONFIG"],
               ["caddy", "version"], CADDY),
    ]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Running:
    """A server at work, for as long as the `with` lasts."""

    def __init__(self, server, root, work):
        self.server, self.root, self.port = server, root, free_port()
        self.work = Path(work) / server.name
        self.work.mkdir(exist_ok=True)

    def fill_in(self, text):
        values = {"ROOT": self.root, "PORT": self.port, "WORK": self.work, "CORES": CORES,
                  "CONFIG": self.work / "config"}
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
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
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

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"
