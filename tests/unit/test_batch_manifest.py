"""Lists of batches: what they may say, and what is said about the rest."""

import json
from pathlib import Path

import pytest

from openfloat.batch.manifest import BadRow, BatchRow, read_manifest
from openfloat.errors import BadInput
from openfloat.options import CropOptions, MotionEdit, SampleOptions, VideoOptions

ROW = {
    "portrait": "me.jpg",
    "speech": "a b.wav",
    "name": "first",
    "seed": 7,
    "options": {"paste_back": True, "sample": {"edit": {"yaw": 5.0}}, "crop": {"margin": 2.0}},
}
WANTED = BatchRow(
    name="first",
    portrait="me.jpg",
    speech="a b.wav",
    options=VideoOptions(
        sample=SampleOptions(seed=7, edit=MotionEdit(yaw=5.0)),
        crop=CropOptions(margin=2.0),
        paste_back=True,
    ),
)


def as_csv(path: Path) -> None:
    options = json.dumps(ROW["options"]).replace('"', '""')
    path.write_text(f'portrait,speech,name,seed,options\nme.jpg,a b.wav,first,7,"{options}"\n')


def as_lines(path: Path) -> None:
    path.write_text(json.dumps(ROW) + "\n\n")


def as_parquet(path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.Table.from_pylist([{**ROW, "options": json.dumps(ROW["options"])}])
    pa.parquet.write_table(table, path)


@pytest.mark.parametrize(
    ("name", "write"),
    [("list.csv", as_csv), ("list.jsonl", as_lines), ("list.parquet", as_parquet)],
)
def test_one_row_is_the_same_in_every_form(name: str, write: object, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow.parquet")
    assert callable(write)
    write(tmp_path / name)
    (row,) = read_manifest(tmp_path / name)
    assert isinstance(row, BatchRow)
    assert row.options == WANTED.options
    assert (row.name, row.portrait) == ("first", str(tmp_path / "me.jpg"))


def test_a_bad_row_is_kept_in_its_place_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "portrait,speech,seed,emotion\na.jpg,a.wav,1,happy\na.jpg,,1,\na.jpg,a.wav,x,\n"
        "a.jpg,a.wav,,joyful\n"
    )
    rows = read_manifest(tmp_path / "list.csv")
    assert [type(row) for row in rows] == [BatchRow, BadRow, BadRow, BadRow]
    assert [row.name for row in rows] == [f"row-0000{k}" for k in range(4)]
    errors = [row.error for row in rows if isinstance(row, BadRow)]
    assert "speech" in errors[0]
    assert "seed='x'" in errors[1]
    assert "joyful" in errors[2]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("list.txt", "portrait,speech\n", "none of .csv"),
        ("list.csv", "portrait,speech\n", "no rows"),
        ("list.csv", "portrait,sound\na,b\n", "no column 'speech'"),
        ("list.csv", "portrait,speech,sead\na,b,3\n", "'sead'"),
        ("list.csv", "portrait,speech\na,b,c\n", "cells without a column"),
        ("list.csv", "portrait,speech,name\na,b,x\na,c,X\n", "more than once: x"),
        ("list.csv", "portrait,speech,name\na,b,../x\n", "no name for a video"),
        ("list.csv", "portrait,speech,name\na,b,.rows\n", "no name for a video"),
        ("list.jsonl", "[1]\n", "line 1, is not an object"),
        ("list.jsonl", '{"portrait": \n', "line 1, is not JSON"),
        ("list.parquet", "PAR1 no", "is not Parquet"),
    ],
)
def test_what_is_no_list_is_refused_in_one_sentence(
    name: str, text: str, told: str, tmp_path: Path
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=told) as caught:
        read_manifest(tmp_path / name)
    assert "\n" not in str(caught.value)
