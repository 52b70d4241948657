"""Networks of published metrics: names and shapes, strict loading, other writings of the same."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint
from openfloat.evaluation.published import load_lpips
from openfloat.models.published.face_model import FaceModelRegressor
from openfloat.models.published.i3d import I3d, pad_same, pool_same
from openfloat.models.published.inception import FidInception, Mixed
from openfloat.models.published.iresnet import IBlock, IResNet, depth_of
from openfloat.models.published.load import load_published
from openfloat.models.published.lpips import Lpips
from openfloat.models.published.syncnet import SyncNet
from openfloat.weights.manifest import read_shapes
from openfloat.weights.store import Hollow

NETWORKS = {
    "inception": (FidInception, 23_850_960),
    "i3d": (I3d, 12_697_264),
    "arcface_r18": (lambda: IResNet(18), 24_025_600),
    "syncnet": (SyncNet, 13_631_616),
    "face_model": (FaceModelRegressor, 24_034_625),
    "lpips_alex": (Lpips, 2_470_848),
}
"""With the number of trained parameters of the published networks."""


def hollow(make: Callable[[], nn.Module]) -> nn.Module:
    with Hollow():
        return make()


def seeded_state(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Tensors of the published names and shapes, small enough that activations stay finite."""
    text = (files("openfloat.models.published") / "manifests" / f"{name}.txt").read_text()
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in read_shapes(text.splitlines()).items():
        drawn = torch.randn(shape, generator=generator)
        fan = max(1, drawn[0].numel()) if drawn.ndim > 1 else 1
        state[key] = drawn.abs() + 0.5 if "running_var" in key else drawn / fan**0.5
    return state


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_of_the_published_names_loads_and_one_name_less_does_not(
    name: str, tmp_path: Path
) -> None:
    make, parameters = NETWORKS[name]
    state = seeded_state(name)
    file = tmp_path / "weights.pth"
    torch.save({"net_recon": state} if name == "face_model" else state, file)
    network = load_published(file, hollow(make), under="net_recon")
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert not network.training
    for key, tensor in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[key]), key
    del state[next(iter(state))]
    torch.save(state, file)
    with pytest.raises(BadCheckpoint, match="lack"):
        load_published(file, hollow(make))


@pytest.mark.parametrize(
    ("manifest", "make"),
    [
        ("arcface_r50", lambda: IResNet(50)),
        ("arcface_r100", lambda: IResNet(100)),
        ("lpips_vgg", lambda: Lpips("vgg")),
    ],
)
def test_larger_networks_have_the_published_names_and_shapes(
    manifest: str, make: Callable[[], nn.Module]
) -> None:
    text = (files("openfloat.models.published") / "manifests" / f"{manifest}.txt").read_text()
    with torch.device("meta"):
        ours = {name: tuple(tensor.shape) for name, tensor in make().state_dict().items()}
    published = read_shapes(text.splitlines())
    assert published == {name: ours[name] for name in published}
    assert all(name.endswith("num_batches_tracked") for name in ours.keys() - published.keys())


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "sprung"),))

    file = tmp_path / "weights.pth"
    torch.save({"fc.weight": Trap()}, file)
    with pytest.raises(BadCheckpoint, match="no file of plain weights"):
        load_published(file, FidInception())
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "noise.pth").write_bytes(b"not weights at all")
    with pytest.raises(BadCheckpoint, match="no file of plain weights"):
        load_published(tmp_path / "noise.pth", FidInception())


def test_the_face_regressors_backbone_is_transformers_resnet_50() -> None:
    from transformers import ResNetConfig, ResNetModel

    network = FaceModelRegressor()
    network.load_state_dict(seeded_state("face_model"), strict=False)
    theirs = ResNetModel(ResNetConfig()).eval()
    ours = network.eval().backbone.state_dict()
    theirs.load_state_dict({key: ours[_our_name(key)] for key in theirs.state_dict()})
    pictures = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        found, expected = network.backbone(pictures), theirs(pictures).pooler_output
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        coefficients = network(pictures)
        layers = list(network.final_layers)
        rows = torch.cat([layer(found).flatten(1) for layer in layers], dim=1)
    torch.testing.assert_close(coefficients.expression, rows[:, 80:144])
    torch.testing.assert_close(coefficients.pose, rows[:, [224, 225, 226, 254, 255, 256]])


def _our_name(theirs: str) -> str:
    """Where transformers' ResNet keeps what torchvision's naming calls so."""
    parts = theirs.split(".")
    kind = {"convolution": "conv", "normalization": "bn"}
    if parts[0] == "embedder":
        return f"{kind[parts[2]]}1.{parts[3]}"
    stage, layer = int(parts[2]) + 1, parts[4]
    if parts[5] == "shortcut":
        place = {"convolution": 0, "normalization": 1}[parts[6]]
        return f"layer{stage}.{layer}.downsample.{place}.{parts[7]}"
    return f"layer{stage}.{layer}.{kind[parts[7]]}{int(parts[6]) + 1}.{parts[8]}"


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_lpips_is_torchmetrics_with_its_published_heads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchmetrics.functional.image.lpips as theirs

    heads = Path(theirs.__file__).with_name("lpips_models") / f"{name}.pth"
    backbone = Lpips(name).features  # type: ignore[arg-type]
    file = tmp_path / "backbone.pth"
    # The classifier's last layers are in the published file too, and are not needed.
    whole = {f"features.{key}": value for key, value in backbone.state_dict().items()}
    torch.save(whole | {"classifier.1.weight": torch.zeros(2)}, file)
    ours = load_lpips(file, heads)

    def features(*_: object, **__: object) -> nn.Sequential:
        return nn.Sequential(*backbone, nn.Identity())

    monkeypatch.setattr(theirs, "_get_tv_model_features", features)
    reference = theirs._LPIPS(net=name, pnet_rand=True)  # type: ignore[arg-type]
    pictures, others = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        found, expected = ours(pictures, others), reference(pictures, others)
        torch.testing.assert_close(found, expected.flatten(), rtol=1e-4, atol=1e-6)
        assert (found > 0).all()
        assert not ours(pictures, pictures).any()


def test_inception_pools_without_its_padding_and_at_last_by_maximum() -> None:
    """The two ways in which FID's network is not the usual one, on maps where they show."""
    ones = torch.ones(1, 192, 5, 5)
    average = Mixed(192, [], "average", 4).eval()
    nn.init.ones_(average.branch_pool.conv.weight)
    found = average(ones)
    assert torch.allclose(found, found[0, 0, 2, 2].expand_as(found)), "borders are not darker"
    spike = torch.zeros(1, 192, 5, 5)
    spike[..., 2, 2] = 1
    largest = Mixed(192, [], "maximum", 4).eval()
    nn.init.ones_(largest.branch_pool.conv.weight)
    shown = largest(spike)[0, 0]
    assert (shown[1:4, 1:4] == shown[2, 2]).all()
    assert shown[0, 0] == 0


def test_a_forked_chain_computes_its_shared_layers_once_and_equals_two_chains() -> None:
    chains = [
        [("a", 4, 1, 1, 0), ("b", 3, (1, 3), 1, (0, 1))],
        [("a", 4, 1, 1, 0), ("c", 3, (3, 1), 1, (1, 0))],
    ]
    block = Mixed(5, chains, "average", 2).eval()  # type: ignore[arg-type]
    x = torch.randn(1, 5, 6, 6)
    first = block.a(x)
    expected = torch.cat([block.b(first), block.c(first)], dim=1)
    assert torch.equal(block(x)[:, :6], expected)


@pytest.mark.parametrize(("size", "stride"), [(7, 2), (8, 2), (9, 1), (5, 3)])
def test_same_padding_gives_as_many_places_as_strides_fit(size: int, stride: int) -> None:
    """TensorFlow's rule: ceil(size / stride) outputs, the odd zero at the end."""
    x = torch.ones(1, 1, size, 4, 4)
    pooled = pool_same(x, (3, 3, 3), (stride, 1, 1))
    assert pooled.shape[2] == -(-size // stride)
    padded = pad_same(x, (3, 1, 1), (stride, 1, 1))[0, 0, :, 0, 0]
    missing = padded.numel() - size
    assert padded[: missing // 2].sum() == 0
    assert padded[missing // 2 : missing // 2 + size].all()


def test_i3d_sees_sixteen_frames_and_says_400_numbers() -> None:
    network = I3d().eval()
    network.load_state_dict(seeded_state("i3d"), strict=False)
    clip = torch.rand(1, 3, 16, 224, 224) * 2 - 1
    with torch.no_grad():
        found = network(clip)
        assert found.shape == (1, 400)
        assert not torch.allclose(found, network(clip.flip(2))), "the order of frames matters"


def test_a_face_block_is_its_description() -> None:
    block = IBlock(4, 6, 2).eval()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 4, 6, 6)

    def norm(layer: nn.BatchNorm2d, y: Tensor) -> Tensor:
        return (y / (1 + 1e-5) ** 0.5) * layer.weight[:, None, None] + layer.bias[:, None, None]

    conv = nn.functional.conv2d
    hidden = norm(block.bn2, conv(norm(block.bn1, x), block.conv1.weight, padding=1))
    slope = block.prelu.weight[:, None, None]
    hidden = torch.where(hidden > 0, hidden, slope * hidden)
    hidden = norm(block.bn3, conv(hidden, block.conv2.weight, stride=2, padding=1))
    assert block.downsample is not None
    kept = norm(block.downsample[1], conv(x, block.downsample[0].weight, stride=2))  # type: ignore[arg-type]
    torch.testing.assert_close(block(x), hidden + kept, rtol=1e-4, atol=1e-5)


def test_depths_of_face_networks_are_told_by_their_names() -> None:
    for depth in (18, 34, 50, 100):
        with torch.device("meta"):
            names = set(IResNet(depth).state_dict())  # type: ignore[arg-type]
        assert depth_of(names) == depth


def test_syncnets_towers_are_their_description() -> None:
    """Layer by layer from the published names alone."""
    network = SyncNet().eval()
    state = seeded_state("syncnet")
    network.load_state_dict(state, strict=False)

    def norm(name: str, x: Tensor) -> Tensor:
        kept = (state[f"{name}.{part}"] for part in ("running_mean", "running_var"))
        mean, var = (t.reshape(-1, *(1,) * (x.ndim - 2)) for t in kept)
        w, b = (state[f"{name}.{p}"].reshape(mean.shape) for p in ("weight", "bias"))
        return (x - mean) / (var + 1e-5).sqrt() * w + b

    def tower(name: str, x: Tensor, steps: str, pools: dict[int, tuple[object, ...]]) -> Tensor:
        for number in range(24):
            if number in pools:
                x = (F.max_pool2d if x.ndim == 4 else F.max_pool3d)(x, *pools[number])
            elif f"{name}.{number}.weight" in state and f"{name}.{number + 1}.weight" in state:
                stride, padding = (int(digit) for digit in steps[:2])
                steps = steps[2:]
                weight, bias = (state[f"{name}.{number}.{part}"] for part in ("weight", "bias"))
                if x.ndim == 4:
                    x = F.conv2d(x, weight, bias, padding=padding)
                else:
                    moved, around = (1, stride, stride), (0, padding, padding)
                    x = F.conv3d(x, weight, bias, moved, around)
                x = norm(f"{name}.{number + 1}", x).relu()
        return x.flatten(1)

    def head(name: str, x: Tensor) -> Tensor:
        hidden = norm(f"{name}.1", F.linear(x, state[f"{name}.0.weight"], state[f"{name}.0.bias"]))
        return F.linear(hidden.relu(), state[f"{name}.3.weight"], state[f"{name}.3.bias"])

    cepstra, frames = torch.randn(1, 1, 13, 20), torch.rand(1, 3, 5, 224, 224)
    heard = tower("netcnnaud", cepstra, "111111111110",
                  {7: ((3, 3), (1, 2)), 17: ((3, 3), (2, 2))})  # fmt: skip
    seen = tower("netcnnlip", frames, "202111111110", {
        3: ((1, 3, 3), (1, 2, 2)), 7: ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        17: ((1, 3, 3), (1, 2, 2)),
    })  # fmt: skip
    with torch.no_grad():
        close = {"rtol": 1e-3, "atol": 1e-4}
        torch.testing.assert_close(network.sound(cepstra), head("netfcaud", heard), **close)
        torch.testing.assert_close(network.lips(frames), head("netfclip", seen), **close)


def test_syncnet_takes_a_fifth_of_a_second_and_training_pulls_pairs_together() -> None:
    network = SyncNet(features=16)
    lips, sound = torch.rand(2, 3, 5, 224, 224) * 255, torch.randn(2, 1, 13, 20)
    assert network.lips(lips).shape == network.sound(sound).shape == (2, 16)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        distance = (network.lips(lips) - network.sound(sound)).square().mean()
        optimizer.zero_grad()
        distance.backward()
        optimizer.step()
        losses.append(float(distance.detach()))
    assert losses[-1] < losses[0]
