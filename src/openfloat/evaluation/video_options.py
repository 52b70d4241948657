"""What `openfloat evaluate videos` is told; free of torch so that `--help` is quick."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedWeights:
    """Files of the networks that published metrics are defined by; a metric without its file is
    left out, and a figure of our own stands there under another name."""

    inception: Path | None = None
    """FID: Inception-v3 of 2015-12-05 (state dict with the names of the PyTorch port)."""
    i3d: Path | None = None
    """FVD: I3D trained on Kinetics-400 (state dict)."""
    videomae: Path | None = None
    """FVD-VideoMAE: a VideoMAE model folder (config.json and model.safetensors)."""
    arcface: Path | None = None
    """CSIM: ArcFace's residual network of depth 18, 34, 50 or 100 (state dict, or .onnx)."""
    syncnet: Path | None = None
    """LSE-D and LSE-C: SyncNet (state dict)."""
    face_model: Path | None = None
    """E-FID and P-FID: regressor of 3-D face coefficients (state dict)."""
    lpips_backbone: Path | None = None
    """LPIPS: AlexNet or VGG-16 with torchvision's names; needs --lpips-heads."""
    lpips_heads: Path | None = None
    """LPIPS: the linear heads that belong to the backbone."""

    def __post_init__(self) -> None:
        if (self.lpips_backbone is None) != (self.lpips_heads is None):
            raise ValueError("lpips_backbone and lpips_heads go together: one of them is missing")
