"""Memory that one frame hands on to the next."""

import ctypes
import platform

LARGEST_KEPT = 2**25
"""Bytes of the largest block that is kept; the GNU allocator allows no more."""
MOST_KEPT = 2**28
"""Free bytes that are kept."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS = -1, -3, -8
"""Numbers of the settings (malloc.h)."""


def _allocator() -> ctypes.CDLL | None:
    """The GNU allocator; none where there is another one."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def keep_freed_memory() -> None:
    """Have the GNU allocator keep what was freed, in one place for all threads, for what comes.

    Else it returns large blocks to the system and gets them back empty, page by page: a tenth of a
    frame's time. With other allocators nothing happens.

    Best called before other threads have asked for memory: the places that they have then stay, and
    each keeps what was freed in it.
    """
    if library := _allocator():
        library.mallopt(_MMAP_THRESHOLD, LARGEST_KEPT)
        library.mallopt(_TRIM_THRESHOLD, MOST_KEPT)
        library.mallopt(_MOST_ARENAS, 1)


def return_freed_memory() -> None:
    """Give the system every whole page that was freed; for now and then in long-lived processes.

    Where clips of several lengths come and go, what is kept between them ends up in holes that
    the next one does not fit into.
    """
    if library := _allocator():
        library.malloc_trim(0)
