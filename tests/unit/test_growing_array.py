"""An array that was written row by row is an ordinary file."""

from pathlib import Path

import numpy as np
import pytest

from openfloat.data.growing import GrowingArray


@pytest.mark.parametrize("length", [0, 1, 1234])
def test_rows_that_were_appended_are_read_as_one_array(length: int, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 255, (length, 4, 5, 3), dtype=np.uint8)
    with GrowingArray(tmp_path / "a.npy", np.uint8) as array:
        for row in rows:
            array.append(row)
    found = np.load(tmp_path / "a.npy", mmap_mode="r" if length else None)
    np.testing.assert_array_equal(found.reshape(rows.shape), rows)
