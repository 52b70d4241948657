"""What readers of such papers doubt: other speakers, other languages, noise, and heard emotions."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.io import load_audio
from openfloat.clip import Portrait
from openfloat.config import EMOTIONS, SAMPLE_RATE
from openfloat.data.controls import INDEX
from openfloat.data.emotional_speech import read_emotional_speech
from openfloat.data.manifest import read_manifest
from openfloat.errors import BadInput
from openfloat.evaluation.model import hardware
from openfloat.evaluation.signals import best_match
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline

Sound = NDArray[np.float32]
LONGEST_S = 4.0
NOISE_DB = (20, 10, 0)
"""Ratios of voice to white noise."""
MOST_LAG = 5
MEN = ("03", "10", "11", "12", "15")
"""EmoDB's male actors, as its documentation lists them; the other five are women."""


def emotion_confusion(pipeline: FloatPipeline, data_dir: Path) -> dict[str, Any]:
    """How the speech-emotion network does on recordings of actors it never heard.

    Returns:
        for JSON: `confusion` (acted in rows, heard in columns, order of `emotions`), `accuracy`,
        `recall` by emotion, `speakers` with the accuracy of each, and the number of `recordings`.

    Raises:
        BadInput: the data pack has no held-out recordings with labels.
    """
    clips = read_emotional_speech(data_dir, split="heldout")
    if not clips:
        raise BadInput(f"{data_dir} has no held-out emotional speech")
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    right: dict[str, list[bool]] = {}
    with torch.inference_mode():
        for clip in clips:
            sound = torch.from_numpy(clip.waveform)[None].to(pipeline.device)
            heard = int(pipeline.model.emotion(sound).argmax())
            confusion[clip.emotion, heard] += 1
            right.setdefault(clip.speaker, []).append(heard == clip.emotion)
    acted = confusion.sum(axis=1)
    return {
        "emotions": list(EMOTIONS),
        "confusion": confusion.tolist(),
        "accuracy": float(np.trace(confusion) / confusion.sum()),
        "recall": {
            name: float(confusion[k, k] / acted[k]) for k, name in enumerate(EMOTIONS) if acted[k]
        },
        "speakers": {name: float(np.mean(found)) for name, found in sorted(right.items())},
        "recordings": int(confusion.sum()),
        "model": pipeline.config.name,
    }


def speaker_groups(data_dir: Path, count: int) -> dict[str, list[Path]]:
    """Held-out recordings by kind of speaker, at most so many of each."""
    groups: dict[str, list[Path]] = {}
    seen: set[str] = set()
    for row in read_manifest(data_dir).speech:
        if row.split != "heldout":
            continue
        if row.emotion is None:
            name = "English readers"
            if row.speaker in seen:
                continue
            seen.add(row.speaker)
        else:
            man = row.speaker.removeprefix("emodb_") in MEN
            name = f"German {'actor' if man else 'actress'}"
        group = groups.setdefault(name, [])
        if len(group) < count:
            group.append(data_dir / row.file)
    return groups


def speaker_figures(
    pipeline: FloatPipeline,
    portrait: Portrait,
    data_dir: Path,
    *,
    count: int = 8,
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Whether the jaw follows voices of speakers, sexes and languages that were not trained on.

    There is no video of these voices, so two figures stand for lip-sync: the correlation of the
    drawn jaw with the voice's loudness, and, for the readers with white noise added, the
    correlation of the drawn jaw with the one drawn for the clean voice with the same seed.

    Args:
        pipeline: a model whose controls have names.
        portrait: who speaks.
        data_dir: the data pack.
        count: recordings of each group.
        said: told of every group.

    Returns:
        for JSON: `groups` and `noise`, each by name with the median, smallest and largest of
        `loudness_r` (and `clean_r`), and the number of recordings.

    Raises:
        BadInput: the model's directions have no names, or there are no held-out recordings.
    """
    if not pipeline.config.controls:
        raise BadInput(f"the motion directions of {pipeline.config.name} have no names to measure")
    groups = speaker_groups(data_dir, count)
    if not groups:
        raise BadInput(f"{data_dir} has no held-out speech")
    report: dict[str, Any] = {"groups": {}, "noise": {}}
    clean: list[tuple[Sound, NDArray[np.float64]]] = []
    for name, files in groups.items():
        said(name)
        voices = [load_audio(file)[: int(LONGEST_S * SAMPLE_RATE)] for file in files]
        jaws = [jaw_for(pipeline, portrait, voice, k) for k, voice in enumerate(voices)]
        found = [loudness_r(j, v) for j, v in zip(jaws, voices, strict=True)]
        report["groups"][name] = {"loudness_r": _spread(found), "recordings": len(files)}
        if name == "English readers":
            clean = list(zip(voices, jaws, strict=True))
    for ratio in NOISE_DB if clean else ():
        said(f"noise, {ratio} dB")
        rows = []
        for k, (voice, jaw) in enumerate(clean):
            heard = jaw_for(pipeline, portrait, with_noise(voice, ratio, k), k)
            rows.append((loudness_r(heard, voice), best_match(jaw, heard, 0).r))
        loud, same = zip(*rows, strict=True)
        report["noise"][f"{ratio} dB"] = {
            "loudness_r": _spread(loud), "clean_r": _spread(same), "recordings": len(rows),
        }  # fmt: skip
    return report | {"model": pipeline.config.name, "hardware": hardware("cpu")}


def jaw_for(
    pipeline: FloatPipeline, portrait: Portrait, voice: Sound, seed: int
) -> NDArray[np.float64]:
    """(t,) the jaw's coefficient that is drawn for a voice."""
    drawn = list(pipeline.motion(portrait, voice, SampleOptions(seed=seed, blink="off")))
    return torch.cat(drawn)[:, INDEX["jaw_open"]].cpu().numpy().astype(np.float64)


def loudness_r(jaw: NDArray[np.float64], voice: Sound) -> float:
    """Correlation of the jaw with the logarithm of the voice's power, best lag of at most 5."""
    count = min(len(jaw), len(voice) // 640)
    power = np.square(voice[: count * 640].reshape(count, 640), dtype=np.float64).mean(axis=1)
    return best_match(np.log10(power + 1e-7), jaw[:count], MOST_LAG).r


def with_noise(voice: Sound, ratio_db: float, seed: int) -> Sound:
    """The voice with white noise so many dB below it."""
    noise = np.random.default_rng(seed).normal(size=len(voice))
    level = np.sqrt(np.mean(np.square(voice, dtype=np.float64))) * 10 ** (-ratio_db / 20)
    return np.asarray(voice + level * noise, np.float32)


def _spread(found: Any) -> dict[str, float]:
    numbers = np.asarray(found, np.float64)
    return {
        "median": float(np.median(numbers)),
        "low": float(numbers.min()),
        "high": float(numbers.max()),
    }


def doubts_table(report: Mapping[str, Any]) -> str:
    """The figures of `emotion_confusion` or `speaker_figures` as lines."""
    if "confusion" in report:
        names = [name[:8] for name in report["emotions"]]
        lines = [f"{'acted, heard':12s}" + "".join(f"{name:>9s}" for name in names)]
        for name, row in zip(names, report["confusion"], strict=True):
            lines.append(f"{name:12s}" + "".join(f"{number:9d}" for number in row))
        lines.append(f"accuracy {report['accuracy']:.3f} of {report['recordings']} recordings")
        lines += [f"{who}: {share:.3f}" for who, share in report["speakers"].items()]
        return "\n".join(lines)
    lines = []
    for part in ("groups", "noise"):
        for name, entry in report[part].items():
            shown = [
                f"{figure} {entry[figure]['median']:.2f} "
                f"({entry[figure]['low']:.2f} to {entry[figure]['high']:.2f})"
                for figure in ("loudness_r", "clean_r")
                if figure in entry
            ]
            lines.append(f"{name:18s} {entry['recordings']:3d} recordings  {', '.join(shown)}")
    return "\n".join(lines)
