"""Holds one thread of a process still while the others go on: what a scheduler that is stuck looks like.

A debugger's hold (ptrace) is the honest way: the program has no switch for it.
"""

import contextlib
import ctypes
import os
import pathlib

_ATTACH = 16
# Wait for threads too, whoever made them.
_ALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def hold(process: int, name: str) -> int:
    """Holds the thread of this name; gives back its number. It ends with its process, or goes on when this program ends."""
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            thread = int(task.name)
            if _libc.ptrace(_ATTACH, thread, None, None) != 0:
                raise OSError(ctypes.get_errno(), f"cannot hold thread {thread}")
            os.waitpid(thread, _ALL)
            return thread
    raise LookupError(f"process {process} has no thread `{name}`")


def let_end(thread: int) -> None:
    """Takes note of the thread's end, if it has come; without that its process would not be gone for its parent."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(thread, os.WNOHANG | _ALL)
