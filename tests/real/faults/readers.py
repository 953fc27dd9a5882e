"""Those who read the daemon: hasty, slow, and without any intention to read at all.

Written on plain sockets, since no decent client behaves like that. They judge nothing.
"""

import contextlib
import socket
import threading
import time

# Answers are read in pieces of this.
_PIECE = 1 << 20
# One address may have no more connections than this; more come from more addresses.
_FROM_ONE = 60


def _asked(address: tuple[str, int], path: str, receive: int | None = None, number: int = 0, connection: str = "close") -> socket.socket:
    """A connection on which something was asked, and with so little room for the answer, if that is said; the so manieth of its kind."""
    made = socket.socket()
    made.bind((f"127.0.2.{1 + number // _FROM_ONE}", 0))
    if receive is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    made.settimeout(60)
    made.connect(address)
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: {connection}\r\n\r\n".encode())
    return made


class Unread:
    """Asks, so many times at once, and never reads; a context."""

    def __init__(self, address: tuple[str, int], path: str, count: int) -> None:
        self._held = [_asked(address, path, 4096, number) for number in range(count)]

    def __enter__(self) -> "Unread":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._held:
            each.close()


class Idle:
    """Connections that were answered and stay; a context."""

    def __init__(self, address: tuple[str, int], count: int) -> None:
        self._address, self._held = address, []
        for number in range(count):
            self._held.append(_asked(address, "/livez", None, number, "keep-alive"))
            self.answers(self._held[-1], 30)

    def one_more(self) -> socket.socket:
        """Another connection, that has asked."""
        return _asked(self._address, "/livez", None, len(self._held), "keep-alive")

    def one_less(self) -> None:
        """The last one goes."""
        self._held.pop().close()

    @staticmethod
    def answers(connection: socket.socket, within: float) -> bool:
        """Whether an answer comes in this time."""
        connection.settimeout(within)
        try:
            return connection.recv(4096).startswith(b"HTTP/1.1 200")
        except TimeoutError:
            return False

    def __enter__(self) -> "Idle":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._held:
            each.close()


class Slow(threading.Thread):
    """Reads one byte a second; a context."""

    def __init__(self, address: tuple[str, int], path: str) -> None:
        super().__init__(daemon=True)
        self._socket, self._done = _asked(address, path, 4096), threading.Event()
        self.read = 0

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while not self._done.wait(1.0):
                self.read += len(self._socket.recv(1))

    def __enter__(self) -> "Slow":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()
        self._socket.close()


class Scrapers:
    """Scrapes `/metrics` so many times a second for a while, whether the ones before are done or not."""

    def __init__(self, address: tuple[str, int], a_second: int, for_s: float) -> None:
        self._address = address
        self.statuses: dict[int, int] = {}
        self.failed: list[str] = []
        self.took: list[float] = []
        self.bytes = 0
        self._lock = threading.Lock()
        began = time.monotonic()
        threads = []
        for number in range(int(a_second * for_s)):
            time.sleep(max(0.0, began + number / a_second - time.monotonic()))
            threads.append(threading.Thread(target=self._scrape, daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(120)

    def _scrape(self) -> None:
        began, buffer, got, head = time.monotonic(), bytearray(_PIECE), 0, b""
        try:
            with _asked(self._address, "/metrics") as scrape:
                while read := scrape.recv_into(buffer):
                    if not head:
                        head = bytes(buffer[:12])
                    got, tail = got + read, bytes(buffer[max(0, read - 5):read])
            # Whole answers end with the empty chunk; refusals are short and need none.
            status = int(head[9:12])
            if status == 200 and tail[-5:] != b"0\r\n\r\n":
                raise ValueError(f"cut off after {got} bytes")
        except (OSError, ValueError) as problem:
            with self._lock:
                self.failed.append(repr(problem))
            return
        with self._lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.took.append(time.monotonic() - began)
            self.bytes = max(self.bytes, got)
