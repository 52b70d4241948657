"""SyncNet (Chung and Zisserman 2016), whose distance and confidence are LSE-D and LSE-C.

Names are those of the published weights (`netcnnaud.0.weight` ... `netfclip.3.bias`).
"""

from torch import nn

from openfloat.shapes import Float, Tensor

LIP_FRAMES, LIP_SIZE = 5, 224
CEPSTRA, SOUND_STEPS = 13, 20
FEATURES = 1024


def _sound() -> nn.Sequential:
    def step(channels: int, width: int, kernel: tuple[int, int], padding: int) -> list[nn.Module]:
        convolution = nn.Conv2d(channels, width, kernel, padding=padding)
        return [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *step(1, 64, (3, 3), 1), nn.MaxPool2d((1, 1), (1, 1)),
        *step(64, 192, (3, 3), 1), nn.MaxPool2d((3, 3), (1, 2)),
        *step(192, 384, (3, 3), 1), *step(384, 256, (3, 3), 1), *step(256, 256, (3, 3), 1),
        nn.MaxPool2d((3, 3), (2, 2)),
        *step(256, 512, (5, 4), 0),
    )  # fmt: skip


def _lips() -> nn.Sequential:
    def step(
        channels: int, width: int, kernel: tuple[int, int, int], stride: int, padding: int
    ) -> list[nn.Module]:
        convolution = nn.Conv3d(channels, width, kernel, (1, stride, stride), (0, padding, padding))
        return [convolution, nn.BatchNorm3d(width), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *step(3, 96, (5, 7, 7), 2, 0), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        *step(96, 256, (1, 5, 5), 2, 1), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        *step(256, 256, (1, 3, 3), 1, 1), *step(256, 256, (1, 3, 3), 1, 1),
        *step(256, 256, (1, 3, 3), 1, 1), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        *step(256, 512, (1, 6, 6), 1, 0),
    )  # fmt: skip


def _head(features: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, features)
    )


class SyncNet(nn.Module):
    """Sound and lips to points that lie near each other where they belong together."""

    def __init__(self, features: int = FEATURES) -> None:
        super().__init__()
        self.netcnnaud = _sound()
        self.netfcaud = _head(features)
        self.netfclip = _head(features)
        self.netcnnlip = _lips()

    def sound(self, cepstra: Float[Tensor, "b 1 13 20"]) -> Float[Tensor, "b c"]:
        """0.2 s of sound: 13 cepstral coefficients at 100 Hz."""
        return self.netfcaud(self.netcnnaud(cepstra).flatten(1))

    def lips(self, frames: Float[Tensor, "b 3 5 224 224"]) -> Float[Tensor, "b c"]:
        """0.2 s of a face: five frames at 25 fps, channels blue, green, red, 0 to 255."""
        return self.netfclip(self.netcnnlip(frames).flatten(1))
