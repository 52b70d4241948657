"""What a generated file says of itself: metadata of the container and an XMP packet.

Both name the IPTC's digital source type. Neither is signed: whoever copies a file can change them.
"""

import hashlib
import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import av

from openfloat import __version__
from openfloat.errors import BadMedia
from openfloat.marking.consent import Consent
from openfloat.vision.video_reader import open_media, video_stream

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = SOURCE_TYPES + "trainedAlgorithmicMedia"
COMPOSITE = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
UNKNOWN_HASH = "0" * 64
"""Stands where the hash goes until the file is complete."""
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The identifier of a box that holds XMP in an ISO base media file."""
LARGEST_XMP = 1 << 20
_SOURCE_TYPE = re.compile(rb"https?://cv\.iptc\.org/newscodes/digitalsourcetype/(\w{1,80})")


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a video.

    Attributes:
        model: name of the model; empty where it is not known.
        seed: of all chance in it; none where nothing was drawn, or it is not known.
        composite: parts of the picture are a photo's own pixels.
        consent: of the person shown; none where none was given.
    """

    model: str = ""
    seed: int | None = None
    composite: bool = False
    consent: Consent | None = None

    @property
    def source_type(self) -> str:
        """The IPTC's address for how it was made."""
        return COMPOSITE if self.composite else GENERATED

    @property
    def tags(self) -> dict[str, str]:
        """Metadata of the container; the hash is filled in by `seal`."""
        agreed = {}
        if self.consent is not None:
            agreed = {
                "openfloat_consent": self.consent.statement,
                "openfloat_consent_sha256": self.consent.sha256,
            }
        return agreed | {
            "comment": "AI-generated video",
            "DigitalSourceType": self.source_type,
            "openfloat_version": __version__,
            "openfloat_model": self.model or "unknown",
            "openfloat_seed": "none" if self.seed is None else str(self.seed),
            "openfloat_stream_sha256": UNKNOWN_HASH,
        }


def stream_hash(path: Path) -> str:
    """SHA-256 of the encoded video, packet by packet: what is shown, whatever the container says.

    Raises:
        BadMedia: no such file, none that holds a video, or damaged.
    """
    digest = hashlib.sha256()
    with open_media(path) as container:
        stream = video_stream(container, path)
        try:
            for packet in container.demux(stream):
                digest.update(bytes(packet))
        except av.FFmpegError as error:
            raise BadMedia(f"{path} is damaged: {error}") from error
    return digest.hexdigest()


def seal(path: Path, origin: Origin) -> None:
    """Fill in the hash of a finished mp4 file and add an XMP packet behind it."""
    digest = stream_hash(path)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        place = content.find(UNKNOWN_HASH.encode())
        assert place >= 0, "the writer was not given the tags"
        content[place : place + len(digest)] = digest.encode()
    packet = xmp_packet(origin)
    with path.open("ab") as end:
        end.write(struct.pack(">I4s16s", 24 + len(packet), b"uuid", XMP_BOX) + packet)


def xmp_packet(origin: Origin) -> bytes:
    """The digital source type and the tool, as Adobe's and the IPTC's programs read them."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f"Iptc4xmpExt:DigitalSourceType={quoteattr(origin.source_type)} "
        f"xmp:CreatorTool={quoteattr(f'openfloat {__version__}')}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was found in a file.

    Attributes:
        source_type: the IPTC's address for how it was made; none where nothing is said.
        places: where it was said: "tags", "xmp", or "file" for a picture's bytes.
        tags: names and values of ours.
        unchanged: whether the encoded video is the one that was written; none where no hash is.
    """

    source_type: str | None = None
    places: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    unchanged: bool | None = None


def read_video(path: Path) -> Provenance:
    """What a video file says of itself.

    Raises:
        BadMedia: no such file, none that holds a video, or damaged.
    """
    with open_media(path) as container:
        tags = {name: value for name, value in container.metadata.items() if _ours(name)}
    said = {"tags": tags.get("DigitalSourceType")}
    for packet in _xmp_packets(path):
        said["xmp"] = _source_type(packet) or said.get("xmp")
    places = tuple(place for place, value in said.items() if value)
    unchanged = None
    if digest := tags.get("openfloat_stream_sha256"):
        unchanged = digest == stream_hash(path)
    first = next((value for value in said.values() if value), None)
    return Provenance(first, places, tuple(sorted(tags.items())), unchanged)


def read_picture(path: Path) -> Provenance:
    """What a picture file says of itself, anywhere in its bytes."""
    if not path.stat().st_size:
        return Provenance()  # nothing cannot be mapped
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = _SOURCE_TYPE.search(content)
        address = found[0].decode() if found else None
    return Provenance(address, ("file",) if address else ())


def _ours(name: str) -> bool:
    return name == "DigitalSourceType" or name.startswith("openfloat_")


def _source_type(packet: bytes) -> str | None:
    found = _SOURCE_TYPE.search(packet)
    return found[0].decode() if found else None


def _xmp_packets(path: Path) -> Iterator[bytes]:
    """Boxes of XMP at the top level of an ISO base media file; none in other files."""
    length = path.stat().st_size
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            start = 8
            if size == 1:
                size, start = int.from_bytes(file.read(8), "big"), 16
            if not start <= size <= length:
                return  # the last box, up to the end of the file, or no box at all
            skipped = size - start
            if kind == b"uuid" and 16 <= skipped <= LARGEST_XMP:
                body = file.read(skipped)
                if body[:16] == XMP_BOX:
                    yield body[16:]
            else:
                file.seek(skipped, 1)
