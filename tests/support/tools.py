"""What tests need from the machine, and what to say when it is not there."""

import os
import shutil
import socket
import subprocess

import pytest


def lacking(sentence):
    """Something is not installed: a failure where everything must run, a skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def need(command, package):
    """The path of a command, which Debian has in `package`."""
    path = shutil.which(command)
    if not path:
        lacking(f"{command} is missing: apt-get install {package}")
    return path


def has_ipv6():
    """The loopback interface has."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
        return True
    except OSError:
        return False


def need_ipv6():
    if not has_ipv6():
        pytest.skip("this test needs IPv6 on the loopback interface")


def need_root():
    if os.geteuid() != 0:
        pytest.skip("this test needs root: run it with sudo, or in a container")


def need_unshare(*options):
    """The words that run a command in new namespaces."""
    words = [need("unshare", "util-linux"), *options]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"{' '.join(words)} is not permitted here: {tried.stderr.strip()}")
    return words


def mount(kind, folder, *options):
    """Mounts a file system of that kind (ramfs, tmpfs); false where that is not permitted."""
    words = [need("mount", "mount"), "-t", kind, *options, "none", folder]
    return subprocess.run(words, capture_output=True).returncode == 0


def unmount(folder):
    subprocess.run([need("umount", "mount"), "-l", folder], check=True)
