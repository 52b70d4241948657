"""`openfloat detect`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

if TYPE_CHECKING:
    from openfloat.marking.report import Report


@dataclass(frozen=True, kw_only=True)
class Detect:
    """Say whether a video or picture is marked as generated, and how sure that is."""

    file: Positional[Path]
    """The video or picture."""
    json: bool = False
    """Print the findings as JSON."""

    def run(self) -> None:
        """Look for metadata, a signed manifest and the watermark, and print what was found."""
        from openfloat.marking.report import inspect_file

        report = inspect_file(self.file)
        print(as_json(self.file, report) if self.json else as_text(self.file, report))


def as_json(file: Path, report: "Report") -> str:
    """The findings as one JSON object."""
    import json

    said, manifest, mark = report.provenance, report.manifest, report.watermark
    watermark: dict[str, object] = {"looked_for": mark is not None, "found": False}
    if mark is None:
        watermark["why_not"] = report.why_not
    else:
        payload = mark.payload
        watermark |= {
            "found": mark.found,
            "p_value": mark.p_value,
            "score": round(mark.score, 2),
            "seen_share": round(mark.scale, 4) if mark.found else None,
            "mirrored": mark.mirrored if mark.found else None,
            "payload": None
            if payload is None
            else {"format": payload.format, "model": payload.model_name, "tag": payload.tag},
        }
    findings = {
        "file": str(file),
        "kind": report.kind,
        "marked": report.marked,
        "metadata": {
            "found": said.source_type is not None,
            "digital_source_type": said.source_type,
            "places": list(said.places),
            "tags": dict(said.tags),
            "stream_unchanged": said.unchanged,
        },
        "c2pa": {
            "state": manifest.state,
            "issuer": manifest.issuer,
            "problems": list(manifest.problems),
        },
        "watermark": watermark,
    }
    return json.dumps(findings, indent=2)


def as_text(file: Path, report: "Report") -> str:
    """The findings, a line each."""
    said, manifest = report.provenance, report.manifest
    lines = [f"{file}: {'marked as generated' if report.marked else 'no mark found'}"]
    if said.source_type is None:
        lines.append("metadata: absent")
    else:
        lines.append(f"metadata: {said.source_type.rsplit('/', 1)[1]} ({', '.join(said.places)})")
        for name, value in said.tags:
            if name.startswith("openfloat_") and not name.endswith("sha256"):
                lines.append(f"  {name.removeprefix('openfloat_')}: {_plain(value)}")
    if said.unchanged is not None:
        lines.append(
            f"  video stream: {'as it was written' if said.unchanged else 'changed since'}"
        )
    lines.append(
        f"c2pa: {manifest.state}" + (f", by {_plain(manifest.issuer)}" if manifest.issuer else "")
    )
    if manifest.problems:
        lines.append(f"  {', '.join(manifest.problems)}")
    if manifest.state == "unknown":
        lines[-1] += ": pip install 'openfloat[provenance]' to look"
    lines.append(f"watermark: {_watermark(report)}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """What a file says, fit for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])


def _watermark(report: "Report") -> str:
    mark = report.watermark
    if mark is None:
        return f"cannot be looked for: {report.why_not}"
    chance = f"p {mark.p_value:.1e}, score {mark.score:.1f}"
    if not mark.found:
        return f"not found ({chance})"
    seen = "" if abs(mark.scale - 1) < 0.005 else f", {mark.scale:.0%} of the shorter side seen"
    mirrored = ", mirrored" if mark.mirrored else ""
    says = "payload cannot be read"
    if mark.payload is not None:
        payload = mark.payload
        says = f"format {payload.format}, model {payload.model_name}, tag {payload.tag}"
    return f"found ({chance}{seen}{mirrored}); {says}"
