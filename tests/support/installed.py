"""The library as its users have it: installed into a folder, found by pkg-config."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A program that is linked with a library under a sanitizer needs the same one.
SANITIZERS = {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"]}


def run(words, **more):
    """What a command prints; it must be content."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{words}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(**more):
    """Ours, without what a make above us has in it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return {**ours, **more}


class Installed:
    """What `make install` of a build has put below `prefix`."""

    def __init__(self, build, prefix, destdir=""):
        self.build, self.prefix = build, prefix
        self.cc = os.environ.get("CC", "cc")
        self.cxx = "clang++" if "clang" in self.cc else "g++"
        self.flags = SANITIZERS.get(build.name, [])
        self.environment = environment(PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
        run(["make", f"BUILD={build.name}", f"CC={self.cc}", f"PREFIX={prefix}",
             f"DESTDIR={destdir}", "install"], cwd=ROOT, env=environment())

    def pkg_config(self, *words):
        return run(["pkg-config", *words, "wherry"], env=self.environment).split()

    def compile(self, source, program, *flags, libs=("--cflags", "--libs"), compiler=None):
        """A program of one file, as its author would compile it."""
        run([compiler or self.cc, "-Wall", "-Wextra", "-Werror", *self.flags, *flags,
             "-o", program, source, *self.pkg_config(*libs)])
        return program

    def make(self, folder):
        """An example that has a Makefile of its own."""
        run(["make", "-C", folder, f"CC={' '.join([self.cc, *self.flags])}"], env=self.environment)
