"""Every parser that is ours, as a function of bytes, with an input that it likes."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save

from openfloat.codec import from_json, to_json
from openfloat.config import ModelConfig
from openfloat.data.manifest import read_manifest
from openfloat.data.speech_shards import read_shard
from openfloat.data.synthetic_truth import read_truth
from openfloat.errors import OpenFloatError
from openfloat.marking.consent import read_consent
from openfloat.marking.provenance import _xmp_packets, read_picture
from openfloat.mood import Mood
from openfloat.motion.file import load_motion
from openfloat.options import MotionEdit, SampleOptions
from openfloat.serving.schema import LiveOptions, VideoOptions, read_options
from openfloat.serving.settings import ServeSettings
from openfloat.streaming.state import SessionState
from openfloat.weights.store import load_config, read_tensors

TINY = ModelConfig.tiny()
FOLDER = Path(tempfile.mkdtemp(prefix="openfloat-fuzz-"))


class Parser(NamedTuple):
    """One way in.

    Attributes:
        parse: takes what a stranger sent.
        liked: an input that is accepted, from which others are made.
        refusals: what it may raise; anything else is a flaw.
    """

    parse: Callable[[bytes], object]
    liked: bytes
    refusals: tuple[type[Exception], ...] = (ValueError,)


def text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser of text, fed with what can be decoded."""
    return lambda content: parse(content.decode("utf-8", "replace"))


def file(name: str, parse: Callable[[Path], object], given: str = "") -> Callable[[bytes], object]:
    """A parser of a file, or of its folder."""

    def write_and_parse(content: bytes) -> object:
        (FOLDER / name).write_bytes(content)
        return parse(FOLDER / given if given else FOLDER / name)

    return write_and_parse


def motion() -> bytes:
    words = {"format": "openfloat-motion-1", "fps": "25", "controls": '["a","b"]'}
    return save({"coefficients": torch.zeros(3, 2)}, metadata=words)


def boxes() -> bytes:
    """A file type box and an XMP packet, as in an mp4."""
    xmp = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x/>"
    return (b"\0\0\0\x14ftypisom\0\0\2\0isom"
            + (8 + len(xmp)).to_bytes(4, "big") + b"uuid" + xmp)  # fmt: skip


ROW = {"file": "a.jpg", "person": "p", "source": "s", "split": "train", "size": 9,
       "licence": "l", "origin": "o"}  # fmt: skip
MANIFEST = json.dumps({"portraits": [ROW], "clips": [], "speech": []}).encode()
OPTIONS = json.dumps({"sample": {"seed": 3, "emotion": "happy", "edit": {"yaw": 2.0}}}).encode()
PARSERS: dict[str, Parser] = {
    "mood": Parser(text(Mood.parse), b"0-2.5:neutral,2.5-:happy:0.7"),
    "edit": Parser(text(lambda t: MotionEdit(edit=tuple(t.split()))), b"6:+1.5 3:-2"),
    "sample options": Parser(text(lambda t: from_json(SampleOptions, t)), b'{"seed": 3}'),
    "api key": Parser(text(lambda t: ServeSettings(api_key=(t,))), b"a-key-of-16-letters"),
    "model config": Parser(
        file("config.json", lambda folder: load_config(folder), "."),
        to_json(TINY).encode(), (OpenFloatError,),
    ),
    "safetensors": Parser(
        file("w.safetensors", read_tensors), save({"a": torch.zeros(3)}), (OpenFloatError,)
    ),
    "motion file": Parser(file("m.safetensors", load_motion), motion(), (OpenFloatError,)),
    "session state": Parser(
        lambda content: SessionState.from_bytes(content, TINY, torch.device("cpu")),
        save({"clock": torch.zeros(7, dtype=torch.int64)}), (OpenFloatError,),
    ),
    "manifest": Parser(
        file("manifest.json", lambda folder: read_manifest(folder), "."), MANIFEST,
        (OpenFloatError,),
    ),
    "shard": Parser(
        file("s.safetensors", read_shard),
        save(
            {"000.waveform": torch.zeros(640, dtype=torch.int16), "000.motion": torch.zeros(1, 20)},
            metadata={"clips": '[{"emotion": 0, "source": "x"}]'},
        ),
        (OpenFloatError,),
    ),
    "truth of a made clip": Parser(
        file("t.safetensors", read_truth), save({"controls": torch.zeros(1, 20)}),
        (OpenFloatError,),
    ),
    "mp4 boxes": Parser(file("a.mp4", lambda path: list(_xmp_packets(path))), boxes(), ()),
    "picture's metadata": Parser(
        file("a.jpg", read_picture), b"http://cv.iptc.org/newscodes/digitalsourcetype/x", ()
    ),
    "options of a video": Parser(
        text(lambda t: read_options(VideoOptions, t, 100)), OPTIONS, (OpenFloatError,)
    ),
    "options of a session": Parser(
        text(lambda t: read_options(LiveOptions, t, 100)), OPTIONS, (OpenFloatError,)
    ),
    "consent file": Parser(file("c.txt", read_consent), b"I agree.", (OpenFloatError,)),
}  # fmt: skip
MOST_LETTERS = 2000
"""Of a refusal: one sentence, whatever the input's length."""


def survive(name: str, content: bytes) -> None:
    """Parse, or be refused as the parser may; any other exception is a flaw."""
    parser, said = PARSERS[name], ""
    try:
        parser.parse(content)
    except parser.refusals as error:
        said = str(error)
    assert len(said) < MOST_LETTERS, "a refusal of many words"


def mutated(content: bytes, seed: int) -> bytes:
    """Bits turned, pieces cut, doubled and exchanged."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 8))):
        at = int(rng.integers(0, len(data) + 1))
        size = int(rng.integers(0, 9))
        match int(rng.integers(0, 5)):
            case 0 if data:
                data[at % len(data)] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size] * int(rng.integers(1, 40))
            case 3:
                data[at : at + size] = rng.bytes(size)
            case _:
                data[at:at] = TOKENS[int(rng.integers(0, len(TOKENS)))]
    return bytes(data)


TOKENS = (
    b"NaN", b"-1", b"1e999", b"9" * 400, b"\0", b"null", b"[" * 99, b'"', b"{", b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"true", b"../", b":", b",", b"-", b"\n", "٣".encode(),
)  # fmt: skip
