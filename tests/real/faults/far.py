"""The far side: servers that are good, late and endless, and a name server; each counts who asked for what.

The same for all stories, on fixed ports of every address of the namespace. What a server does is told by its port; who asks
is told by the path, of which every check has its own.

It knows nothing of the daemon.
"""

import asyncio
import json
import pathlib
import resource
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.request

# Answers at once; answers after LATE_S; answers without end; says what was counted; TLS for sentinels.
GOOD, LATE, ENDLESS, COUNTS, TLS = 8080, 8081, 8082, 8083, 8443
LATE_S = 1.2
# The resolver of this namespace, and what every name of it leads to.
RESOLVER, NAMED = "10.0.5.53", "10.0.8.8"
# What is told here happens in seconds: daemon and far side go before other work of the machine, as far as that is allowed.
FIRST = ("nice", "-n", "-15")
# The neutral ground, and the certificate of it.
SENTINELS = ("10.0.20.1", "10.0.20.2", "10.0.20.3")
LEAF = {"good": (",".join(f"IP:{each}" for each in SENTINELS), -10, 300)}
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfine\n"
_ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"


class Counted:
    """How many requests there were for each path."""

    def __init__(self) -> None:
        self.paths: dict[str, int] = {}


class Http(asyncio.Protocol):
    """One connection of one request."""

    def __init__(self, counted: Counted, port: int) -> None:
        self._counted, self._port = counted, port
        self._transport: asyncio.Transport | None = None
        self._head, self._flows = b"", True

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        path = self._head.split(b" ", 2)[1].decode()
        self._head = b""
        if self._port == COUNTS:
            body = json.dumps(self._counted.paths).encode()
            self._end(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        self._counted.paths[path] = self._counted.paths.get(path, 0) + 1
        if self._port == GOOD:
            self._end(_ANSWER)
        elif self._port == LATE:
            asyncio.get_running_loop().call_later(LATE_S, self._end, _ANSWER)
        elif self._port == ENDLESS:
            self._transport.write(_ENDLESS)
            self._pour()

    def pause_writing(self) -> None:
        self._flows = False

    def resume_writing(self) -> None:
        self._flows = True
        self._pour()

    def _pour(self) -> None:
        while self._flows and not self._transport.is_closing():
            self._transport.write(_CHUNK)

    def _end(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
            self._transport.close()


class Names(asyncio.DatagramProtocol):
    """Every name exists; it has one IPv4 address and nothing else."""

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        end = data.index(b"\0", 12) + 5
        [kind] = struct.unpack("!H", data[end - 4:end - 2])
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(NAMED) if kind == 1 else b""
        self._transport.sendto(data[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, bool(answer), 0, 0) + data[12:end] + answer, addr)


async def serve(certificates: str, *ports: int) -> None:
    """Serves on these ports until the process is ended; who counts is the sentinels and the resolver too."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop, counted = asyncio.get_running_loop(), Counted()
    # Who leaves in the middle of an answer is not worth a word.
    loop.set_exception_handler(lambda *_: None)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{certificates}/good.pem", f"{certificates}/good.key")
    for port in ports:
        await loop.create_server(lambda port=port: Http(counted, port), "0.0.0.0", port, backlog=4096)
    if COUNTS not in ports:
        await asyncio.Event().wait()
    await loop.create_server(lambda: Http(counted, GOOD), "0.0.0.0", TLS, ssl=tls, backlog=4096)
    await loop.create_datagram_endpoint(Names, local_addr=(RESOLVER, 53))
    await asyncio.Event().wait()


class Far:
    """Its processes, one of them for who pours without end, so that nobody else has to wait for that; a context."""

    def __init__(self, certificates: pathlib.Path) -> None:
        self._processes = [
            subprocess.Popen([*around, sys.executable, "-B", "-m", "faults.far", str(certificates), *map(str, ports)])
            for around, ports in ((FIRST, (GOOD, LATE, COUNTS)), ((), (ENDLESS,)))]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.asked()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the far side does not answer")

    def asked(self, under: str = "") -> dict[str, int]:
        """How often each path was asked for, of those that begin so."""
        with urllib.request.urlopen(f"http://127.0.0.1:{COUNTS}/", timeout=10) as answer:
            return {path: count for path, count in json.load(answer).items() if path.startswith(under)}

    def __enter__(self) -> "Far":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], *map(int, sys.argv[2:])))
