"""Names of the released auto-encoder's tensors, and what they are called here.

The released file keeps axes of length 1 that ours leave out: (1, out, in, k, k) convolutions and
(1, c, 1, 1) biases. Values and order are the same; `tensor.reshape(ours.shape)` converts each.
Source: specification, "The released weights".
"""

from collections.abc import Iterator

from openfloat.config import AutoencoderConfig

OFFICIAL_ENCODER = "motion_autoencoder.enc.net_app.convs"
OFFICIAL_HEAD = "motion_autoencoder.enc.fc"
OFFICIAL_DECODER = "motion_autoencoder.dec"
HEAD_LAYERS = 5


def autoencoder_names(config: AutoencoderConfig) -> dict[str, str | None]:
    """Every official name of an auto-encoder of this size, with our name inside `FloatModel`.

    None stands for what is known and not needed: noise weights and the first colour head, which the
    released network holds but never uses, and blur kernels, which are constants.
    """
    return dict(
        [
            *_encoder(config.resolutions),
            *_motion_head(),
            (f"{OFFICIAL_DECODER}.direction.weight", "autoencoder.basis.parameter"),
            *_decoder(config.resolutions),
        ]
    )


def _encoder(resolutions: tuple[int, ...]) -> Iterator[tuple[str, str | None]]:
    ours = "autoencoder.encoder"
    stem = f"{ours}.stem.{resolutions[-1]}"
    yield f"{OFFICIAL_ENCODER}.0.0.weight", f"{stem}.weight"
    yield f"{OFFICIAL_ENCODER}.0.1.bias", f"{stem}.bias"
    for position, resolution in enumerate(reversed(resolutions), start=1):
        theirs, block = f"{OFFICIAL_ENCODER}.{position}", f"{ours}.blocks.{resolution}"
        yield f"{theirs}.conv1.0.weight", f"{block}.conv1.weight"
        yield f"{theirs}.conv1.1.bias", f"{block}.conv1.bias"
        yield f"{theirs}.conv2.0.kernel", None
        yield f"{theirs}.conv2.1.weight", f"{block}.conv2.weight"
        yield f"{theirs}.conv2.2.bias", f"{block}.conv2.bias"
        yield f"{theirs}.skip.0.kernel", None
        yield f"{theirs}.skip.1.weight", f"{block}.skip.weight"
    yield f"{OFFICIAL_ENCODER}.{len(resolutions) + 1}.weight", f"{ours}.last.weight"


def _motion_head() -> Iterator[tuple[str, str | None]]:
    for layer in range(HEAD_LAYERS):
        for kind in ("weight", "bias"):
            yield f"{OFFICIAL_HEAD}.{layer}.{kind}", f"autoencoder.motion_head.{layer}.{kind}"


def _decoder(resolutions: tuple[int, ...]) -> Iterator[tuple[str, str | None]]:
    theirs, ours = OFFICIAL_DECODER, "autoencoder.decoder"
    yield f"{theirs}.input.input", f"{ours}.constant"
    yield from _styled_convolution(f"{theirs}.conv1", f"{ours}.conv")
    yield from ((name, None) for name, _ in _colour_head(f"{theirs}.to_rgb1", ""))
    for position, resolution in enumerate(resolutions):
        level = f"{ours}.levels.{resolution}"
        yield from _styled_convolution(f"{theirs}.convs.{2 * position}", f"{level}.up")
        yield f"{theirs}.convs.{2 * position}.conv.blur.kernel", None
        yield from _styled_convolution(f"{theirs}.convs.{2 * position + 1}", f"{level}.conv")
        yield from _flow_head(f"{theirs}.to_flows.{position}", f"{level}.flow")
        yield f"{theirs}.to_flows.{position}.upsample.kernel", None
        yield from _colour_head(f"{theirs}.to_rgbs.{position}", f"{level}.colour")
        yield f"{theirs}.to_rgbs.{position}.upsample.kernel", None


def _styled_convolution(theirs: str, ours: str) -> Iterator[tuple[str, str | None]]:
    yield from _modulated(theirs, ours)
    yield f"{theirs}.noise.weight", None
    yield f"{theirs}.activate.bias", f"{ours}.bias"


def _flow_head(theirs: str, ours: str) -> Iterator[tuple[str, str | None]]:
    yield from _modulated(theirs, ours)
    yield f"{theirs}.bias", f"{ours}.bias"


def _modulated(theirs: str, ours: str) -> Iterator[tuple[str, str | None]]:
    for name in ("weight", "modulation.weight", "modulation.bias"):
        yield f"{theirs}.conv.{name}", f"{ours}.{name}"


def _colour_head(theirs: str, ours: str) -> Iterator[tuple[str, str | None]]:
    yield f"{theirs}.conv.0.weight", f"{ours}.conv.weight"
    yield f"{theirs}.conv.1.bias", f"{ours}.activation_bias"
    yield f"{theirs}.bias", f"{ours}.bias"
