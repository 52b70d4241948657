"""Pieces of a step, what stops a run, what saves memory, what is shown."""

import copy
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from openfloat.config import ModelConfig
from openfloat.errors import BadInput, OpenFloatError
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.training.board import open_board
from openfloat.training.descent import Losses, Machine, descend
from openfloat.training.guard import moved, named_tensors
from openfloat.training.loop import Player
from openfloat.training.parallel import Piece, pieces_of, team
from openfloat.training.recompute import recompute_layers
from openfloat.training.speed import FlopCounter, peak_flops


class Rows(NamedTuple):
    x: Tensor
    y: Tensor


class Nested(NamedTuple):
    rows: Rows
    noise: Tensor


def regression(network: nn.Module) -> Player:
    def losses(batch: Rows, _clips: int) -> Losses:
        loss = F.mse_loss(network(batch.x), batch.y)
        return Losses(loss, {"error": loss})

    return Player("line", network, torch.optim.AdamW(network.parameters(), lr=0.1), losses)


def step(network: nn.Module, batches: dict[Piece, Rows], run_dir: Path) -> dict[str, float]:
    return descend(
        regression(network), batches, 0,
        rate=0.1, gradient_norm=1.0, machine=Machine(), run_dir=run_dir,
    )  # fmt: skip


def test_pieces_cover_a_step_and_their_shares_sum_to_one() -> None:
    pieces = pieces_of(100, 10, 3)
    assert [piece.first for piece in pieces] == [100, 103, 106]
    assert sum(piece.rows for piece in pieces) == 10
    assert sum(piece.share for piece in pieces) == pytest.approx(1)
    with pytest.raises(BadInput, match="a step of 2 samples cannot be split into 3 pieces"):
        pieces_of(0, 2, 3)


def test_a_step_in_pieces_of_unequal_size_is_the_step_as_a_whole(tmp_path: Path) -> None:
    x, y = torch.randn(7, 3), torch.randn(7, 1)
    whole = nn.Linear(3, 1)
    parts = copy.deepcopy(whole)
    (piece,) = pieces_of(0, 7, 1)
    found = step(whole, {piece: Rows(x, y)}, tmp_path)
    pieces = pieces_of(0, 7, 3)
    cut = {p: Rows(x[p.first : p.first + p.rows], y[p.first : p.first + p.rows]) for p in pieces}
    assert step(parts, cut, tmp_path)["error"] == pytest.approx(found["error"], abs=1e-6)
    torch.testing.assert_close(parts.weight, whole.weight, atol=1e-6, rtol=0)


def test_running_statistics_move_by_the_mean_over_the_pieces(tmp_path: Path) -> None:
    network = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1)).train()
    low, high = torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [10.0]])
    pieces = pieces_of(0, 4, 2)
    batches = {p: Rows(x, x) for p, x in zip(pieces, (low, high), strict=True)}
    step(network, batches, tmp_path)
    norm = network[0]
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_mean.item() == pytest.approx(0.1 * (1 + 7) / 2)


@pytest.mark.parametrize("bad", [float("nan"), 1e30])
def test_numbers_that_are_not_finite_stop_the_run_and_keep_its_samples(
    bad: float, tmp_path: Path
) -> None:
    network = nn.Linear(1, 1)
    before = network.weight.clone()
    (piece,) = pieces_of(64, 2, 1)
    batch = Rows(torch.tensor([[1.0], [bad]]), torch.zeros(2, 1))
    with pytest.raises(OpenFloatError, match=r"training of line diverged \(error is not a number"):
        step(network, {piece: batch}, tmp_path)
    kept = load_file(tmp_path / "diverged-00000064.safetensors")
    torch.testing.assert_close(kept["x"], batch.x, equal_nan=True)
    assert torch.equal(network.weight, before), "the weights are as before"
    assert [path.name for path in tmp_path.iterdir()] == ["diverged-00000064.safetensors"]


def test_tensors_of_a_batch_are_named_by_the_fields_that_lead_to_them() -> None:
    batch = Nested(Rows(torch.zeros(1), torch.ones(1)), torch.ones(2))
    assert [name for name, _ in named_tensors(batch)] == ["rows.x", "rows.y", "noise"]
    again = moved(batch, torch.device("meta"))
    assert isinstance(again.rows, Rows)
    assert again.rows.x.device.type == "meta"


def test_recomputed_layers_keep_less_and_give_the_same_gradients() -> None:
    picture = torch.rand(2, 3, 64, 64) * 2 - 1
    plain = FloatAutoencoder(ModelConfig.tiny().autoencoder).train()
    thrifty = copy.deepcopy(plain)
    recompute_layers(thrifty)
    recompute_layers(thrifty)
    kept = []
    for network in (plain, thrifty):
        held: dict[int, int] = {}

        def count(tensor: Tensor, held: dict[int, int] = held) -> Tensor:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            loss = network(picture, picture.flip(0)).image.square().mean()
        loss.backward()
        kept.append(sum(held.values()))
    for one, other in zip(plain.parameters(), thrifty.parameters(), strict=True):
        if one.grad is not None:
            assert other.grad is not None
            torch.testing.assert_close(other.grad, one.grad)
    assert kept[1] < 0.7 * kept[0]


def test_bfloat16_descends_nearly_the_same_loss(tmp_path: Path) -> None:
    x, y = torch.randn(64, 16), torch.randn(64, 1)
    (piece,) = pieces_of(0, 64, 1)
    losses = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(1)
        network = nn.Linear(16, 1)
        found = descend(
            regression(network), {piece: Rows(x, y)}, 0,
            rate=0.1, gradient_norm=1.0, machine=Machine(precision=precision), run_dir=tmp_path,
        )  # fmt: skip
        losses.append(found["error"])
        assert network.weight.dtype == torch.float32
    assert losses[0] != losses[1], "the precision changed nothing"
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_counted_arithmetic_is_that_of_the_products() -> None:
    layer = nn.Linear(30, 50, bias=False)
    x = torch.randn(20, 30)
    with FlopCounter() as counter:
        layer(x).sum().backward()
    assert counter.total == 2 * (2 * 20 * 30 * 50)  # there, and back to the weights
    assert peak_flops(torch.device("cpu"), torch.float32) > 1e8


def test_devices_that_are_not_there_are_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="device='cuda:99' cannot be used"), team("cuda:99"):
        pass


def test_tensorboard_shows_losses_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    picture = tmp_path / "preview-8.png"
    Image.new("RGB", (4, 2), (255, 0, 0)).save(picture)
    with open_board(tmp_path) as board:
        board.write({"clips": 8, "velocity": 0.5})
        board.show(picture, 8)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (value,) = events.Scalars("velocity")
    assert (value.step, value.value) == (8, 0.5)
    (image,) = events.Images("preview")
    assert (image.width, image.height) == (4, 2)
