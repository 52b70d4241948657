"""An array on disk that grows row by row: larger than memory, an ordinary .npy file in the end."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

HEADER_BYTES = 128
"""What the header of an array of up to four axes takes, whatever its length."""


class GrowingArray:
    """Context manager that writes a .npy file; it is readable once the block has ended.

    Args:
        path: of the file.
        dtype: of the numbers.
    """

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self._path, self._dtype = path, np.dtype(dtype)
        self._shape: tuple[int, ...] | None = None
        self.length = 0
        """Rows so far."""

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        self._file.write(bytes(HEADER_BYTES))
        return self

    def append(self, row: NDArray[Any]) -> None:
        """Write one more row; all have the shape of the first."""
        if self._shape is None:
            self._shape = row.shape
        assert row.shape == self._shape, "rows of one array have one shape"
        self._file.write(np.ascontiguousarray(row, self._dtype).data)
        self.length += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.seek(0)
        about = {
            "descr": npy.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self.length, *(self._shape or ())),
        }
        npy.write_array_header_1_0(self._file, about)
        assert self._file.tell() == HEADER_BYTES
        self._file.close()
