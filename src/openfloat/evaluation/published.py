"""The published metrics, each with the network that defines it from a user's file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint
from openfloat.evaluation.alignment import arcface_faces, face_model_faces, syncnet_faces
from openfloat.evaluation.lip_sync import lip_sync
from openfloat.evaluation.video_options import PublishedWeights
from openfloat.evaluation.watched import Watched
from openfloat.evaluation.yardsticks import SAMPLED, About, Features, Yardsticks, cosine
from openfloat.models.published.face_model import FaceModelRegressor
from openfloat.models.published.i3d import FEWEST_FRAMES, I3d
from openfloat.models.published.i3d import SIZE as I3D_SIZE
from openfloat.models.published.inception import FidInception
from openfloat.models.published.iresnet import IResNet, depth_of
from openfloat.models.published.load import Network, fill, load_published, read_state
from openfloat.models.published.lpips import Lpips
from openfloat.models.published.syncnet import SyncNet
from openfloat.weights.store import Hollow

BATCH = 16
Pictures = NDArray[np.uint8]


def published_yardsticks(weights: PublishedWeights) -> Yardsticks:
    """Those whose networks' files are given.

    Raises:
        BadCheckpoint: a file is not the network that it should be.
    """
    found = Yardsticks()
    for path, make in (
        (weights.inception, _fid), (weights.i3d, _fvd), (weights.videomae, _fvd_videomae),
        (weights.arcface, _csim), (weights.syncnet, _lse), (weights.face_model, _face_model),
    ):  # fmt: skip
        if path is not None:
            found |= make(path)
    if weights.lpips_backbone is not None and weights.lpips_heads is not None:
        found |= _lpips(weights.lpips_backbone, weights.lpips_heads)
    return found


def _hollow(build: Callable[..., Network], *arguments: Any) -> Network:
    """A network without data, to be filled."""
    with Hollow():
        return build(*arguments)


def to_tensor(pictures: Pictures) -> Tensor:
    """Bytes (n, h, w, 3) to (n, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.inference_mode()
def in_batches(network: Callable[[Tensor], Tensor], pictures: Tensor) -> Features:
    """What a network makes of all of them, (n, c)."""
    return torch.cat([network(part) for part in pictures.split(BATCH)]).numpy().astype(np.float64)


def _fid(path: Path) -> Yardsticks:
    network = load_published(path, _hollow(FidInception))
    return Yardsticks(
        about={"FID": About(what="Inception-v3, every fifth frame", better="lower")},
        distributions={"FID": lambda clip: in_batches(network, to_tensor(clip.frames[::SAMPLED]))},
    )


def pieces(frames: Pictures, size: int) -> Tensor:
    """(n, 3, 16, size, size) in [-1, 1]: stretches of 16 frames, half overlapping."""
    pictures = nn.functional.interpolate(
        to_tensor(frames), (size, size), mode="bilinear", align_corners=False
    )
    starts = range(0, len(frames) - FEWEST_FRAMES + 1, FEWEST_FRAMES // 2)
    return torch.stack([pictures[s : s + FEWEST_FRAMES] for s in starts]).transpose(1, 2)


def _fvd(path: Path) -> Yardsticks:
    network = load_published(path, _hollow(I3d))
    return Yardsticks(
        about={"FVD": About(what="I3D logits, stretches of 16 frames", better="lower")},
        distributions={"FVD": lambda clip: in_batches(network, pieces(clip.frames, I3D_SIZE))},
    )


def _fvd_videomae(folder: Path) -> Yardsticks:
    from transformers import VideoMAEModel

    if not (folder / "model.safetensors").is_file():
        raise BadCheckpoint(f"{folder} holds no model.safetensors of a VideoMAE")
    network = VideoMAEModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    network.eval()
    mean = torch.tensor((0.485, 0.456, 0.406))[:, None, None]
    std = torch.tensor((0.229, 0.224, 0.225))[:, None, None]

    def features(clips: Tensor) -> Tensor:
        inputs = ((clips.transpose(1, 2) + 1) / 2 - mean) / std
        return network(pixel_values=inputs).last_hidden_state.mean(dim=1)

    size = network.config.image_size
    if not isinstance(size, int):
        raise BadCheckpoint(f"{folder}: a VideoMAE of square pictures is needed")
    return Yardsticks(
        about={"FVD-VideoMAE": About(what="mean VideoMAE tokens, 16 frames", better="lower")},
        distributions={
            "FVD-VideoMAE": lambda clip: in_batches(features, pieces(clip.frames, size))
        },
    )


def _csim(path: Path) -> Yardsticks:
    network = _onnx(path) if path.suffix == ".onnx" else _arcface(path)

    def embeddings(clip: Watched) -> Features:
        faces = arcface_faces(clip.frames[::SAMPLED], clip.points[::SAMPLED])
        found = in_batches(network, to_tensor(faces))
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    return Yardsticks(
        about={"CSIM": About(what="ArcFace cosine of mean embeddings", better="higher")},
        pairs={"CSIM": lambda real, made: cosine(embeddings(real), embeddings(made))},
    )


def _arcface(path: Path) -> Callable[[Tensor], Tensor]:
    state = read_state(path)
    names = {name.removeprefix("module.") for name in state}
    return fill(_hollow(IResNet, depth_of(names)), state, where=path)


def _onnx(path: Path) -> Callable[[Tensor], Tensor]:
    """A network in a user's ONNX file, by onnxruntime: pictures in, features out."""
    try:
        import onnxruntime
    except ImportError as missing:
        raise BadCheckpoint(f"{path} needs onnxruntime: pip install onnxruntime") from missing
    if not path.is_file():
        raise BadCheckpoint(f"{path}: no such file")
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadCheckpoint(f"{path} is no ONNX network that can be run") from error
    name = session.get_inputs()[0].name
    return lambda pictures: torch.from_numpy(session.run(None, {name: pictures.numpy()})[0])


def _lse(path: Path) -> Yardsticks:
    network = load_published(path, _hollow(SyncNet))

    def figure(clip: Watched, name: str) -> float:
        faces = syncnet_faces(clip.frames, clip.points)
        return float(getattr(lip_sync(network, faces, clip.sound), name))

    return Yardsticks(
        about={
            "LSE-D": About(what="SyncNet distance at the best shift", better="lower"),
            "LSE-C": About(what="SyncNet confidence", better="higher"),
        },
        singles={
            "LSE-D": lambda clip: figure(clip, "distance"),
            "LSE-C": lambda clip: figure(clip, "confidence"),
        },
    )


def _face_model(path: Path) -> Yardsticks:
    network = load_published(path, _hollow(FaceModelRegressor), under="net_recon")

    def features(clip: Watched, part: str) -> Features:
        faces = face_model_faces(clip.frames, clip.points)
        shown = (to_tensor(faces) + 1) / 2
        return in_batches(lambda x: getattr(network(x), part), shown)

    return Yardsticks(
        about={
            "E-FID": About(what="Fréchet distance of 64 expression coefficients", better="lower"),
            "P-FID": About(what="Fréchet distance of 6 pose coefficients", better="lower"),
        },
        distributions={
            "E-FID": lambda clip: features(clip, "expression"),
            "P-FID": lambda clip: features(clip, "pose"),
        },
    )


def load_lpips(backbone: Path, heads: Path) -> Lpips:
    """LPIPS from its two published files; the backbone says which it is.

    Raises:
        BadCheckpoint: a file is not what it should be.
    """
    state = read_state(backbone)
    first = state.get("features.0.weight")
    kind = "alex" if first is not None and first.shape[-1] == 11 else "vgg"
    kept = {name: t for name, t in state.items() if not name.startswith("classifier.")}
    return fill(_hollow(Lpips, kind), kept | read_state(heads), where=f"{backbone}, {heads}")


def _lpips(backbone: Path, heads: Path) -> Yardsticks:
    network = load_lpips(backbone, heads)

    @torch.inference_mode()
    def distance(real: Watched, made: Watched) -> float:
        length = min(len(real.frames), len(made.frames))
        a, b = (to_tensor(clip.frames[:length:SAMPLED]) for clip in (real, made))
        parts = [network(x, y) for x, y in zip(a.split(BATCH), b.split(BATCH), strict=True)]
        return float(torch.cat(parts).mean())

    return Yardsticks(
        about={"LPIPS": About(what="of frames at the same time", better="lower")},
        pairs={"LPIPS": distance},
    )
