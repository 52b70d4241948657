"""What the command asks of the allocator, seen in a process of its own."""

import platform
import subprocess
import sys

import pytest

PROBE = """
import ctypes, os, sys, tempfile, threading
from openfloat.cli.main import main
sys.argv = ["openfloat", "--version"]
try:
    main()
except SystemExit:
    pass
assert "torch" not in sys.modules
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
together = threading.Barrier(4)
def ask():
    together.wait()
    assert library.malloc(ctypes.c_size_t(1 << 20))
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library.fopen.restype = ctypes.c_void_p
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "places.xml")
    file = ctypes.c_void_p(library.fopen(path.encode(), b"w"))
    library.malloc_info(0, file)
    library.fclose(file)
    print(open(path).read().count("<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator than GNU's")
def test_all_threads_of_the_command_share_one_place_for_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split()[-1] == "1"
