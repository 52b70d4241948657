"""The network that judges lips and voice learns, and finds by how much a voice is late."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from openfloat.config import SyncConfig
from openfloat.data.mouths import MouthClip, MouthSampler, SyncBatch
from openfloat.errors import BadInput
from openfloat.models.sync import SyncNet
from openfloat.training.descent import Machine, descend
from openfloat.training.loop import step_generator
from openfloat.training.parallel import pieces_of
from openfloat.training.recipes import tiny_sync
from openfloat.training.stage4_sync import SyncTask, judge, nearly_same


def drawn_clip(seed: int, frames: int = 60) -> MouthClip:
    """A dark mouth that opens as far as a tone is loud; every frame by chance."""
    rng = np.random.default_rng(seed)
    loudness = rng.uniform(0, 1, frames)
    mouths = np.full((frames, 48, 96, 3), 200, np.uint8)
    for frame, open_ in zip(mouths, loudness, strict=True):
        frame[24 - round(20 * open_) : 24 + round(20 * open_), 28:68] = 40
    tone = np.sin(np.arange(frames * 640) * 0.2) * np.repeat(loudness, 640) * 0.3
    return MouthClip(mouths, tone.astype(np.float32))


def late(clip: MouthClip, frames: int) -> MouthClip:
    return clip._replace(mouths=np.roll(clip.mouths, frames, axis=0))


def test_lips_come_with_their_own_voice_and_with_shifted_ones() -> None:
    clips = [drawn_clip(k) for k in range(3)]
    batch = MouthSampler(clips).draw(40, 5, torch.Generator().manual_seed(0))
    opening = (batch.mouths[:, :, 0] < 0).float().mean(dim=(2, 3))  # (b, 5)
    loudness = batch.waveform.view(40, 5, 640).square().mean(dim=2).sqrt()
    for lips, voice in zip(opening, loudness, strict=True):
        assert torch.corrcoef(torch.stack([lips, voice]))[0, 1] > 0.95
    for number in range(0, 40, 4):
        assert len(batch.clip[number : number + 4].unique()) == 1
        assert batch.start[number : number + 4].sort().values.diff().min() >= 5
    again = MouthSampler(clips).draw(40, 5, torch.Generator().manual_seed(0))
    assert torch.equal(again.mouths, batch.mouths)


def test_windows_that_overlap_are_not_held_against_each_other() -> None:
    batch = SyncBatch(
        torch.zeros(4, 5, 3, 48, 96), torch.zeros(4, 3200),
        clip=torch.tensor([0, 0, 0, 1]), start=torch.tensor([10, 13, 20, 10]),
    )  # fmt: skip
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[0, 1] = expected[1, 0] = True
    assert torch.equal(nearly_same(batch), expected)


def test_it_learns_which_voice_is_of_which_lips_and_by_how_much_it_is_late(tmp_path: Path) -> None:
    sampler = MouthSampler([drawn_clip(k) for k in range(4)])
    task = SyncTask(replace(tiny_sync(), augment=False), sampler)
    stage = tiny_sync().stages[0]
    means = []
    for number in range(40):
        (piece,) = pieces_of(number * stage.batch, stage.batch, 1)
        batch = task.batch(stage, step_generator(0, piece.first))
        means.append(
            descend(
                task.players[0], {piece: batch}, piece.first,
                rate=4e-3, gradient_norm=1.0, machine=Machine(), run_dir=tmp_path,
            )
        )  # fmt: skip
    assert np.mean([m["accuracy"] for m in means[-10:]]) > 0.5
    network = task.players[0].module.eval()
    assert isinstance(network, SyncNet)
    stranger = drawn_clip(99, frames=80)
    together, apart = judge(network, stranger), judge(network, late(stranger, 4))
    assert (together.lag, apart.lag) == (0, 4)
    assert together.margin > 0.2
    assert apart.agreement == pytest.approx(together.agreement, abs=0.1)


def test_the_logit_follows_the_cosine_of_embeddings_of_length_one() -> None:
    network = SyncNet(SyncConfig(num_mels=20, width=4, embedding_dim=16)).eval()
    mouths, waveform = torch.rand(3, 5, 3, 48, 96) * 2 - 1, torch.randn(3, 3200) * 0.1
    seen, heard = network.see(mouths), network.hear(waveform)
    for embedding in (seen, heard):
        torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))
    cosines = F.cosine_similarity(seen[:, None], heard[None], dim=2)
    torch.testing.assert_close(network(mouths, waveform), network.scale.exp() * cosines)


def test_one_clip_is_not_enough() -> None:
    with pytest.raises(BadInput, match="two prepared clips of two seconds"):
        MouthSampler([drawn_clip(0), drawn_clip(1, frames=20)])
