"""TLS over a connected socket, a step at a time.

ssl.SSLSocket hides what tests must see: it waits for the other side's goodbye when we say ours,
takes a connection that was cut for one that was ended, and reads further than it was asked.  Here
the socket is moved by hand (ssl.MemoryBIO), so that a `Secure` means what a socket means:

    recv        b"" only once the other side has said goodbye (close_notify); Truncated when TCP
                ends before that
    shutdown    says goodbye and goes on reading (RFC 8446 §6.1)
"""

import contextlib
import functools
import os
import ssl

PIECE = 16 * 1024


class Truncated(ConnectionResetError):
    """TCP has ended, and nobody said goodbye: what came may not be all."""


class Secure:
    """A client's side, over a connected socket that stays the caller's."""

    def __init__(self, socket, context, name, session=None):
        self.socket = socket
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_hostname=name, session=session
        )
        self.early = b""  # what came before we said goodbye, not yet asked for
        self.is_ended = self.has_said_goodbye = False

    def handshake(self):
        self.run(self.tls.do_handshake)

    def run(self, step, *arguments):
        """Does one thing, moving bytes for as long as it takes."""
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                try:
                    return step(*arguments)
                finally:
                    self.flush()
            self.fetch()

    def flush(self):
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def fetch(self):
        came = self.socket.recv(PIECE)
        if came:
            self.incoming.write(came)
        else:
            raise Truncated("TCP ended without close_notify")

    # ---- as a socket has them

    def sendall(self, data):
        # In as many records as it takes; memory has room for all of them.
        if data:
            self.run(self.tls.write, data)

    def recv(self, size):
        if self.early:
            piece, self.early = self.early[:size], self.early[size:]
            return piece
        if self.is_ended:
            return b""
        try:
            piece = self.run(self.tls.read, size)
        except ssl.SSLZeroReturnError:  # both have said goodbye
            piece = b""
        self.is_ended = not piece
        return piece

    def shutdown(self, _how=None):
        """Says goodbye.  OpenSSL, asked to, reads on for the other side's, and data that come
        first are an error to it: so all that is here is taken out beforehand."""
        if self.has_said_goodbye:
            return
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while piece := self.tls.read(PIECE):
                self.early += piece
            self.is_ended = True
        self.has_said_goodbye = True
        try:
            self.tls.unwrap()
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass
        finally:
            self.flush()

    def behind_goodbye(self):
        """What comes behind the other side's goodbye until TCP ends, which is nothing."""
        rest = self.incoming.read()
        return rest or self.socket.recv(PIECE)

    def close(self):
        """A last goodbye, if it can be said without waiting; the socket stays open."""
        with contextlib.suppress(OSError, ValueError):
            self.socket.settimeout(0)
            self.shutdown()


def trusting(authority):
    """A client's context that trusts one authority, whose certificate is in a file."""
    return made_once(str(authority), os.stat(authority).st_mtime_ns)


@functools.lru_cache(maxsize=64)
def made_once(authority, _modified):
    return ssl.create_default_context(cafile=authority)
