import json
from pathlib import Path
from typing import Any

import pytest

from openfloat.data.manifest import data_folder, read_manifest
from openfloat.errors import BadInput


def portrait(person: str, split: str, **more: object) -> dict[str, Any]:
    return {
        "file": f"portraits/{person}.jpg", "person": person, "source": "made", "licence": "CC0",
        "origin": "here", "size": 64, "split": split, **more,
    }  # fmt: skip


def write(folder: Path, portraits: list[dict[str, Any]]) -> Path:
    clip = {"file": "c.mp4", "person": "x", "licence": "", "origin": "", "split": "train"}
    speech = {"file": "s.flac", "speaker": "y", "licence": "", "origin": "", "split": "heldout"}
    content = {"portraits": portraits, "clips": [clip], "speech": [speech]}
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


def test_a_split_holds_its_own_portraits_alone(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, [portrait("a", "train"), portrait("b", "heldout")]))
    assert [row.name for row in manifest.portraits_of("train")] == ["a.jpg"]
    assert [row.name for row in manifest.portraits_of("heldout")] == ["b.jpg"]
    assert manifest.speech[0].emotion is None


def test_a_person_in_both_splits_is_refused(tmp_path: Path) -> None:
    rows = [portrait("a", "train"), portrait("a", "heldout")]
    with pytest.raises(BadInput, match="a is in both splits"):
        read_manifest(write(tmp_path, rows))


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'test'"):
        read_manifest(write(tmp_path, [portrait("a", "test")]))


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a manifest that this version reads"):
        read_manifest(write(tmp_path, [portrait("a", "train", colour="red")]))


def test_a_folder_without_a_manifest_is_no_data_pack(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no manifest\.json"):
        read_manifest(tmp_path)
    with pytest.raises(BadInput, match=r"no manifest\.json"):
        data_folder(tmp_path)


def test_the_environment_names_the_data_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENFLOAT_DATA", str(write(tmp_path, [])))
    assert data_folder() == tmp_path
