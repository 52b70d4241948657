"""Names and shapes of every tensor in the paper's model, as a text file beside this module."""

from collections.abc import Iterable, Mapping
from pathlib import Path

Shapes = Mapping[str, tuple[int, ...]]

FLOAT_512 = Path(__file__).with_name("float_512.txt")


def float_512_shapes() -> dict[str, tuple[int, ...]]:
    """Our names and shapes for `ModelConfig.float_512()`, without building its networks."""
    return read_shapes(FLOAT_512.read_text(encoding="utf-8").splitlines())


def read_shapes(lines: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Shapes by name from lines like `speech.projection.0.weight 512x9216`; `-` is no axis."""
    shapes: dict[str, tuple[int, ...]] = {}
    for line in lines:
        name, text = line.split()
        shapes[name] = () if text == "-" else tuple(int(axis) for axis in text.split("x"))
    return shapes


def write_shapes(shapes: Shapes) -> str:
    """The text that `read_shapes` reads, one line per tensor in the order given."""
    return "".join(f"{name} {'x'.join(map(str, shape)) or '-'}\n" for name, shape in shapes.items())
