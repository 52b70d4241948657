"""Hostile portraits, sounds and videos, each made by a small function."""

import io
import struct
import wave
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

Maker = Callable[[Path], Path]
"""Writes one file into a folder and returns its path."""


def written(name: str, content: bytes) -> Maker:
    """A file of some bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def sparse(name: str, head: bytes, size: int) -> Maker:
    """A file that says it has many bytes and takes no room."""

    def make(folder: Path) -> Path:
        with (folder / name).open("wb") as file:
            file.write(head)
            file.truncate(size)
        return folder / name

    return make


# pictures


def picture_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture file in memory."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def png(width: int, height: int, body: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that says what it likes, with zlib data of one's own."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def jpeg_of_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header names another size than its data has."""
    at = next(k for k in range(len(jpeg)) if jpeg[k : k + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def tiff_loop() -> bytes:
    """A TIFF whose list of pictures comes back to its beginning."""
    entries = ((256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
               (273, 4, 1, 8), (278, 3, 1, 8), (279, 4, 1, 64))  # fmt: skip
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", 8)


# sound and video


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """(channels, samples) of a hum, float32."""
    time = np.arange(int(seconds * rate)) / rate
    return np.tile(0.3 * np.sin(2 * np.pi * min(180, rate / 4) * time), (channels, 1)).astype("f4")


def wav(samples: bytes, rate: int, channels: int, bits: int, kind: int = 1,
        size: int | None = None) -> bytes:  # fmt: skip
    """A WAV file of any header; `size` is what the data are said to be."""
    align = channels * bits // 8 or 1
    head = struct.pack("<HHIIHH", kind, channels, rate, (rate * align) & 0xFFFFFFFF,
                       align & 0xFFFF, bits)  # fmt: skip
    said = len(samples) if size is None else size
    return (
        b"RIFF" + struct.pack("<I", (36 + said) & 0xFFFFFFFF) + b"WAVEfmt "
        + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", said & 0xFFFFFFFF)
        + samples
    )  # fmt: skip


def float_wav(values: np.ndarray, rate: int = 16_000, channels: int = 1) -> bytes:
    """32-bit float samples."""
    return wav(values.astype("<f4").tobytes(), rate, channels, 32, kind=3)


def int_wav(seconds: float, rate: int, channels: int = 1) -> bytes:
    """16-bit samples."""
    values = (tone(seconds, rate, channels).T * 32767).astype("<i2")
    return wav(values.tobytes(), rate, channels, 16)


def encoded(suffix: str, codec: str, rate: int = 48_000, *, video: bool = False) -> bytes:
    """One second of sound, or of video with sound, as FFmpeg writes it."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=suffix) as container:
        sound = container.add_stream(codec, rate=rate, layout="mono")
        if video:
            pictures = container.add_stream("libx264", rate=Fraction(25))
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
            for number in range(25):
                pixels = np.full((64, 64, 3), 10 * number, np.uint8)
                container.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            container.mux(pictures.encode(None))
        resampler = av.AudioResampler(sound.format, "mono", rate, sound.frame_size or None)
        frame = av.AudioFrame.from_ndarray(tone(1, rate), "fltp", "mono")
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return buffer.getvalue()


def video_without_sound() -> bytes:
    """Two frames, no track of sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        pictures = container.add_stream("libx264", rate=25)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
    return buffer.getvalue()


def silence(seconds: float) -> bytes:
    """16-bit zeros at 16 kHz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(int(seconds * 32_000)))
    return buffer.getvalue()


def playlists(address: str) -> dict[str, tuple[str, str]]:
    """Files that ask a player to fetch something: name -> file name and text."""
    sdp = f"v=0\no=- 0 0 IN IP4 {address}\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n"
    return {
        "m3u8": ("a.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{address}/a.ts\n"
                           "#EXT-X-ENDLIST\n"),
        "m3u8 named wav": ("a.wav", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
                                    f"http://{address}/a.wav\n#EXT-X-ENDLIST\n"),
        "m3u8 of a key": ("k.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,"
                                    f'URI="http://{address}/k"\n#EXTINF:1,\nhttp://{address}/a.ts\n'
                                    "#EXT-X-ENDLIST\n"),
        "m3u8 of a local file": ("l.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
                                           "file:///etc/hostname\n#EXT-X-ENDLIST\n"),
        "concat": ("a.ffconcat", f"ffconcat version 1.0\nfile 'http://{address}/a.wav'\n"),
        "concat of a local file": ("b.ffconcat", "ffconcat version 1.0\nfile /etc/hostname\n"),
        "concat named wav": ("c.wav", f"ffconcat version 1.0\nfile 'http://{address}/a.wav'\n"),
        "dash": ("a.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
                          'type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet '
                          f'mimeType="audio/mp4"><BaseURL>http://{address}/a.mp4</BaseURL>'
                          '<Representation id="1"/></AdaptationSet></Period></MPD>'),
        "sdp": ("a.sdp", sdp),
        "pls": ("a.pls", f"[playlist]\nFile1=http://{address}/a.wav\nNumberOfEntries=1\n"),
        "xspf": ("a.xspf", '<playlist version="1"><trackList><track><location>'
                           f"http://{address}/a.wav</location></track></trackList></playlist>"),
        "asx": ("a.asx", f'<asx><entry><ref href="http://{address}/a.wav"/></entry></asx>'),
        "smil": ("a.smil", f'<smil><body><audio src="http://{address}/a.wav"/></body></smil>'),
        "svg": ("a.svg", f'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://{address}/'
                         'a.png"/></svg>'),
        "url": ("a.url", f"[InternetShortcut]\nURL=http://{address}/a.wav\n"),
    }  # fmt: skip
