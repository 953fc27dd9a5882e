"""A road that takes its time: a relay before a server, which hands on what it gets only after a while.

The kernel of a container often has no netem. A relay delays what servers see, not single packets: a connection is taken at
once, each piece of what goes through it waits.
"""

import contextlib
import socket
import threading
import time

from clouds.ground import Ground
from clouds.map import Place

# What is read at once.
PIECE = 65_536


class Relay:
    """Stands in a place and hands on to a server there."""

    def __init__(self, ground: Ground, place: Place, own: tuple[str, int], target: tuple[str, int]):
        self.delay_s = 0.0
        self._ground, self._place, self._target = ground, place, target
        self._door = ground.socket(place.name)
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._door.bind(own)
        self._door.listen(64)
        threading.Thread(target=self._welcome, daemon=True).start()

    def close(self) -> None:
        # Waiting for a guest ends with the shutdown, not with the close.
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _welcome(self) -> None:
        while True:
            try:
                guest, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(guest,), daemon=True).start()

    def _serve(self, guest: socket.socket) -> None:
        with guest, contextlib.suppress(OSError), self._ground.socket(self._place.name) as server:
            server.connect(self._target)
            back = threading.Thread(target=_hand_on, args=(server, guest), daemon=True)
            back.start()
            _hand_on(guest, server, lambda: self.delay_s)
            back.join()


def _hand_on(source: socket.socket, target: socket.socket, wait=lambda: 0.0) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(PIECE):
            time.sleep(wait())
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
