"""Sound files of many kinds, and the one sentence each bad one gets."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from openfloat.audio import io
from openfloat.audio.io import load_audio, stream_audio, write_wave
from openfloat.errors import BadMedia

TONE_HZ = 440
FORMATS = {
    "wav": ("pcm_s16le", "s16"),
    "mp3": ("libmp3lame", "fltp"),
    "m4a": ("aac", "fltp"),
    "flac": ("flac", "s16"),
    "ogg": ("libopus", "flt"),
    "opus": ("libopus", "flt"),
    "mka": ("pcm_f32le", "flt"),
}
PCM = {
    "pcm_u8": ("u8", 2e-2), "pcm_s16le": ("s16", 1e-4), "pcm_s24le": ("s32", 1e-6),
    "pcm_s32le": ("s32", 1e-6), "pcm_f32le": ("flt", 1e-6), "pcm_f64le": ("dbl", 1e-6),
}  # fmt: skip


def tone(seconds: float, rate: int, level: float = 0.25) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * TONE_HZ * time)).astype(np.float32)


def write(
    path: Path, channels: NDArray[np.float32], rate: int, codec: str, layout: str, kind: str
) -> Path:
    """Encode (channels, samples) with PyAV."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", layout)
        frame.sample_rate = rate
        converter = av.AudioResampler(kind, layout, rate, frame_size=stream.frame_size or None)
        for piece in [*converter.resample(frame), *converter.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def write_wav(path: Path, samples: NDArray[np.float32], rate: int) -> Path:
    """Encode mono 16 bit with the standard library."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return path


def strongest_hz(samples: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 16_000 / len(samples))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_usual_format_keeps_length_tone_and_level(tmp_path: Path, suffix: str) -> None:
    codec, kind = FORMATS[suffix]
    sound = tone(1.0, 48_000)
    path = write(tmp_path / f"a.{suffix}", np.stack([sound, sound]), 48_000, codec, "stereo", kind)
    loaded = load_audio(path)
    assert loaded.dtype == np.float32
    assert abs(len(loaded) - 16_000) <= 1700, "codecs may add a block"
    middle = loaded[4000:12_000]
    assert strongest_hz(middle) == pytest.approx(TONE_HZ, abs=2)
    assert middle.std() == pytest.approx(0.25 / 2**0.5, rel=0.06)


@pytest.mark.parametrize("codec", PCM)
def test_every_sample_format_has_the_same_full_scale(tmp_path: Path, codec: str) -> None:
    kind, tolerance = PCM[codec]
    sound = tone(0.5, 16_000, level=0.9)
    path = write(tmp_path / "a.wav", sound[None], 16_000, codec, "mono", kind)
    np.testing.assert_allclose(load_audio(path), sound, rtol=0, atol=tolerance)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampling_equals_soxr_in_one_piece(tmp_path: Path, rate: int) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, rate).astype(np.float32)
    path = write(tmp_path / "a.wav", sound[None], rate, "pcm_f32le", "mono", "flt")
    expected = soxr.resample(sound, rate, 16_000, quality="HQ")
    np.testing.assert_allclose(load_audio(path), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("layout", "count"), [("stereo", 2), ("5.1", 6)])
def test_channels_are_averaged_with_equal_weights(tmp_path: Path, layout: str, count: int) -> None:
    channels = np.random.default_rng(0).uniform(-0.9, 0.9, (count, 5000)).astype(np.float32)
    path = write(tmp_path / "a.wav", channels, 16_000, "pcm_f32le", layout, "flt")
    np.testing.assert_allclose(load_audio(path), channels.mean(axis=0), rtol=0, atol=1e-6)


def test_the_sound_of_a_video_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    sound = av.AudioFrame.from_ndarray(tone(1.0, 16_000)[None], "fltp", "mono")
    sound.sample_rate = 16_000
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        audio = container.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(25):
            grey = np.full((64, 64, 3), 128, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        converter = av.AudioResampler("fltp", "mono", 16_000, frame_size=1024)
        for piece in [*converter.resample(sound), *converter.resample(None)]:
            container.mux(audio.encode(piece))
        container.mux([*video.encode(None), *audio.encode(None)])
    assert strongest_hz(load_audio(path)[2000:14_000]) == pytest.approx(TONE_HZ, abs=2)


def test_blocks_joined_are_the_whole_bit_for_bit(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 100_000).astype(np.float32)
    path = write_wav(tmp_path / "a.wav", sound, 44_100)
    blocks = list(stream_audio(path, 3000))
    assert {len(block) for block in blocks[:-1]} == {3000}
    assert 0 < len(blocks[-1]) <= 3000
    np.testing.assert_array_equal(np.concatenate(blocks), load_audio(path))


def test_a_whisper_far_below_the_noise_is_accepted(tmp_path: Path) -> None:
    sound = tone(0.2, 16_000, level=1e-4)
    assert load_audio(write_wav(tmp_path / "a.wav", sound, 16_000)).any()


def test_exact_silence_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(8000, np.float32), 16_000)
    with pytest.raises(BadMedia, match="silent from start to end"):
        load_audio(path)


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(BadMedia, match="has no samples"):
        load_audio(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(BadMedia, match="no such file"):
            load_audio(path)


@pytest.mark.parametrize("content", [b"", b"not sound at all" * 100, b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(BadMedia, match=r"a\.wav: "):
        load_audio(path)


def test_a_file_of_noise_between_good_headers_is_refused(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    path = write(tmp_path / "a.flac", sound[None], 48_000, "flac", "mono", "s16")
    content = bytearray(path.read_bytes())
    content[200:] = np.random.default_rng(1).bytes(len(content) - 200)
    path.write_bytes(bytes(content))
    with pytest.raises(BadMedia, match=r"a\.flac: "):
        load_audio(path)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, wrong: float) -> None:
    sound = tone(0.1, 16_000)
    sound[700] = wrong
    path = write(tmp_path / "a.wav", sound[None], 16_000, "pcm_f32le", "mono", "flt")
    with pytest.raises(BadMedia, match="not finite"):
        load_audio(path)


def test_a_picture_has_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with av.open(path, "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
        container.mux([*stream.encode(picture), *stream.encode(None)])
    with pytest.raises(BadMedia, match="holds no sound"):
        load_audio(path)


def test_a_recording_over_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(io, "LONGEST_HOURS", 1 / 3600)
    accepted = write_wav(tmp_path / "a.wav", tone(1.0, 16_000), 16_000)
    refused = write_wav(tmp_path / "b.wav", tone(1.1, 16_000), 16_000)
    assert len(load_audio(accepted)) == 16_000
    with pytest.raises(BadMedia, match="longer than"):
        load_audio(refused)


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile sound.wav\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.timeout(5)
@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_are_not_followed(tmp_path: Path, name: str) -> None:
    sound = write_wav(tmp_path / "sound.wav", tone(0.5, 16_000), 16_000)
    path = tmp_path / name
    path.write_text(PLAYLISTS[name].format(path=sound), encoding="utf-8")
    with pytest.raises(BadMedia, match="not a sound or video"):
        load_audio(path)


def test_written_waves_come_back_and_loud_samples_do_not_wrap(tmp_path: Path) -> None:
    sound = tone(0.5, 16_000, level=1.2)
    write_wave(tmp_path / "a.wav", sound)
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), sound.clip(-1, 1), atol=1e-4)
