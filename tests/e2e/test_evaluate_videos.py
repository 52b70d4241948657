"""Videos against videos from the command line: the embedded model's own, and published networks."""

import json
import re
import wave
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from openfloat.audio.io import load_audio
from openfloat.cli.main import run
from openfloat.models.published.lpips import Lpips
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.vision.video_writer import VideoWriter

DEMO = Path(str(files("openfloat"))) / "assets" / "demo"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`real/a.mp4` and `made/a.mp4`: one portrait, one second, two seeds."""
    root = tmp_path_factory.mktemp("videos")
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    portrait = pipeline.encode(DEMO / "portrait.jpg")
    sound = load_audio(DEMO / "speech.wav")[8000:24_000]
    with wave.open(str(root / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((sound * 32_767).astype("<i2").tobytes())
    for kind, seed in (("real", 1), ("made", 2)):
        (root / kind).mkdir()
        clip = pipeline(portrait, sound, SampleOptions(seed=seed))
        with VideoWriter(root / kind / "a.mp4", 256, 256, 25, root / "voice.wav") as writer:
            writer.write(clip.frames)
    return root


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_folder_is_at_distance_zero_from_itself(folders: Path) -> None:
    file = folders / "self.json"
    real = str(folders / "real")
    assert run(["evaluate", "videos", real, "--reference", real, "--json", str(file)]) == 0
    figures = {k: v["value"] for k, v in json.loads(file.read_text())["figures"].items()}
    for name in ("look_frechet", "clip_motion_frechet", "expression_frechet", "pose_frechet"):
        assert figures[name] == pytest.approx(0, abs=1e-4)
    assert figures["feature_distance"] == pytest.approx(0, abs=1e-6)
    for name in ("SSIM", "look_cosine", "lip_r", "closure_rate", "jitter_ratio"):
        assert figures[name] == pytest.approx(1)
    assert figures["lip_lag_frames"] == 0
    assert figures["PSNR"] == 100
    assert not {"FID", "FVD", "CSIM", "LPIPS", "LSE-D"} & figures.keys(), "no network, no name"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_page_holds_everything_in_one_file_and_published_names_come_with_their_network(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torchmetrics.functional.image.lpips as theirs

    heads = Path(theirs.__file__).with_name("lpips_models") / "alex.pth"
    whole = {f"features.{k}": v for k, v in Lpips().features.state_dict().items()}
    torch.save(whole, folders / "alexnet.pth")
    page, file = folders / "page.html", folders / "page.json"
    command = ["evaluate", "videos", str(folders / "made"), "--reference", str(folders / "real")]
    command += ["--lpips-backbone", str(folders / "alexnet.pth"), "--lpips-heads", str(heads)]
    assert run([*command, "--html", str(page), "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert report["figures"]["LPIPS"]["value"] > 0
    assert report["figures"]["PSNR"]["value"] < 100
    shown = capsys.readouterr().out
    text = page.read_text()
    for name in report["figures"]:
        assert name in shown
        assert f"<td>{name}</td>" in text
    assert text.count("data:image/") == 3, "a plot and two strips of frames"
    assert text.count("data:video/mp4") == 2
    outside = re.findall(r'(?:src|href)="(?!data:)', text)
    assert not outside
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)


def test_mistakes_are_one_sentence(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, real = str(folders / "made"), str(folders / "real")
    assert run(["evaluate", "videos", made]) == 2
    assert "needs --reference" in capsys.readouterr().err
    assert run(["evaluate", "videos", made, "--reference", str(tmp_path / "none")]) == 2
    assert "no folder of videos" in capsys.readouterr().err
    noise = tmp_path / "inception.pth"
    noise.write_bytes(b"no weights")
    assert run(["evaluate", "videos", made, "--reference", real, "--inception", str(noise)]) == 2
    assert "no file of plain weights" in capsys.readouterr().err
    assert run(["evaluate", "videos", made, "--reference", real, "--lpips-heads", str(noise)]) == 2
    assert "go together" in capsys.readouterr().err
