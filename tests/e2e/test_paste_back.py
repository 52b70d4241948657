"""`--paste-back`: the video shows the whole photo, and only the head moves in it."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy import ndarray
from PIL import Image

from openfloat import FloatPipeline, Portrait, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.cli.main import run
from openfloat.data.manifest import read_manifest
from openfloat.vision.face import Face, refine
from openfloat.vision.geometry import apply, box_matrix
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.paste import PasteBack

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "src" / "openfloat" / "assets" / "demo" / "portrait.jpg"
SECOND = 16_000


@pytest.fixture(scope="module")
def pipeline() -> FloatPipeline:
    return FloatPipeline.from_pretrained("openfloat-256")


@pytest.fixture(scope="module")
def sound() -> ndarray:
    return load_audio(DEMO.with_name("speech.wav"))[: int(1.4 * SECOND)]


@pytest.fixture(scope="module")
def heldout(data: Path) -> list[Path]:
    rows = read_manifest(data).portraits_of("heldout")
    return [data / row.file for row in rows[:: len(rows) // 4]]


def spoken(
    pipeline: FloatPipeline, photo: Path | ndarray, sound: ndarray
) -> tuple[Portrait, PasteBack, ndarray]:
    """The portrait, what puts it back, and crop frames (t s s 3)."""
    portrait = pipeline.encode(photo)
    with torch.inference_mode():
        motion = torch.cat(list(pipeline.motion(portrait, sound, SampleOptions(nfe=4))))
    return portrait, pipeline.paste_back(portrait), pipeline.decode(portrait, motion)


def slope(pictures: ndarray) -> ndarray:
    """Mean absolute difference to the right and lower neighbour, (..., h - 1, w - 1)."""
    grey = pictures.astype(np.float32).mean(axis=-1)
    right, down = grey[..., :-1, 1:], grey[..., 1:, :-1]
    return (np.abs(right - grey[..., :-1, :-1]) + np.abs(down - grey[..., :-1, :-1])) / 2


def check_no_seam(portrait: Portrait, paste: PasteBack, crops: ndarray) -> None:
    """Outside the rectangle: the photo; along its border and where motion fades: no new edges."""
    box = paste.touched
    top, left, bottom, right = (int(v) for v in (box.top, box.left, box.bottom, box.right))
    photo = portrait.picture[: paste.height, : paste.width]
    outside = np.ones(photo.shape[:2], dtype=bool)
    outside[top:bottom, left:right] = False
    fading = np.zeros(photo.shape[:2], dtype=bool)
    fading[top:bottom, left:right] = (paste.mask > 0) & (paste.mask < 0.5)
    border = np.zeros_like(fading)
    border[max(top - 2, 0) : bottom + 1, max(left - 2, 0) : right + 1] = True
    border[top + 1 : bottom - 2, left + 1 : right - 2] = False
    own = slope(photo)
    for crop in crops[::4]:
        full = paste(crop)
        assert np.array_equal(full[outside], photo[outside])
        for place in (fading, border):
            there = place[:-1, :-1]
            assert slope(full)[there].mean() <= 1.1 * own[there].mean()


def test_no_seam_shows_in_the_demo_portrait(pipeline: FloatPipeline, sound: ndarray) -> None:
    check_no_seam(*spoken(pipeline, DEMO, sound))


def check_mouths_agree(portrait: Portrait, paste: PasteBack, crops: ndarray) -> None:
    """The lips in the full pictures open as in the crops."""
    assert portrait.crop.face is not None
    points = portrait.crop.face.points
    there = Face(points, 1.0)
    here = Face(apply(box_matrix(portrait.crop.box, crops.shape[1]), points), 1.0)
    gaps = [
        [mouth_aperture(refine(image, [face])[0].points) for image, face in pair]
        for pair in ([(crop, here), (paste(crop), there)] for crop in crops[::2])
    ]
    in_crops, in_full = np.array(gaps).T
    assert in_crops.std() > 0.01
    assert np.corrcoef(in_crops, in_full)[0, 1] > 0.9


def test_the_mouth_of_the_demo_portrait_opens_as_in_the_crop(
    pipeline: FloatPipeline, sound: ndarray
) -> None:
    check_mouths_agree(*spoken(pipeline, DEMO, sound))


@pytest.mark.slow
def test_heldout_portraits_show_no_seam_and_open_their_mouths_as_in_the_crop(
    pipeline: FloatPipeline, sound: ndarray, heldout: list[Path]
) -> None:
    for photo in heldout:
        made = spoken(pipeline, photo, sound)
        check_no_seam(*made)
        check_mouths_agree(*made)


def test_a_portrait_at_rest_is_the_photo(pipeline: FloatPipeline) -> None:
    portrait = pipeline.encode(DEMO)
    paste = pipeline.paste_back(portrait)
    rest = pipeline.decode(portrait, pipeline.own_motion(portrait))[0]
    assert np.array_equal(paste(rest), portrait.picture)


def short_voice(folder: Path, speech: Path) -> Path:
    """A third of a second of the voice."""
    import wave

    with wave.open(str(speech)) as whole, wave.open(str(folder / "v.wav"), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(whole.getframerate() // 3))
    return folder / "v.wav"


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (701, 523)])
def test_a_photo_becomes_a_video_of_its_size(
    width: int, height: int, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canvas = Image.new("RGB", (width, height), (90, 110, 130))
    portrait = Image.open(DEMO)
    side = min(width, height)
    canvas.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), (width // 5, 0))
    canvas.save(tmp_path / "photo.png")
    output = tmp_path / "out.mp4"
    voice = short_voice(tmp_path, speech)
    command = ["animate", str(tmp_path / "photo.png"), str(voice), "-o", str(output)]
    assert run([*command, "--paste-back", "--nfe", "2"]) == 0
    size = width // 2 * 2, height // 2 * 2
    assert f"{size[0]}x{size[1]}" in capsys.readouterr().out
    with av.open(str(output)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height, video.average_rate) == (*size, 25)
        assert container.streams.audio
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    far = np.asarray(canvas)[: size[1], size[0] - 60 : size[0]].astype(int)
    assert len(frames) == 9
    for frame in frames:
        assert np.abs(frame[:, -60:] - far).mean() < 4


def test_without_a_crop_the_whole_photo_is_animated_at_its_size(
    speech: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "wide.png"
    Image.open(DEMO).crop((60, 0, 390, 240)).save(photo)
    output = tmp_path / "out.mp4"
    voice = short_voice(tmp_path, speech)
    command = ["animate", str(photo), str(voice), "-o", str(output), "--nfe", "2"]
    assert run([*command, "--no-crop", "--paste-back"]) == 0
    with av.open(str(output)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (330, 240)
