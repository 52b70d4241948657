"""How a server is run and what it lets clients do: frozen values, free of everything heavy."""

import re
from dataclasses import dataclass
from pathlib import Path

from openfloat.shown_to import reached_from_here_alone

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeSettings:
    """Where the server listens and its limits."""

    host: str = "127.0.0.1"
    """Address to listen on; the default is reached from this machine alone."""
    port: int = 8000
    """0 takes a free one, which the first line of the log names."""
    api_key: tuple[str, ...] = ()
    """Keys, any of which a client must send; more are taken from OPENFLOAT_API_KEY (separated by
    commas), which other users of the machine cannot see."""
    anyone: bool = False
    """Listen on an address that others reach although there is no key."""
    cors_origin: tuple[str, ...] = ()
    """Web pages that may call the server, as https://example.org; none by default."""
    data: Path = Path("openfloat-data")
    """Folder of jobs and uploads; a server started again on it goes on with them."""
    store: str = ""
    """URL of a Postgres where servers that share their work keep its rows, as
    postgresql://user@host/name; by default SQLite in the data folder."""
    results: str = ""
    """Path or URL (s3://bucket/prefix) for the files of jobs and portraits; by default the data
    folder."""
    most_queued: int = 16
    """Jobs that may wait; beyond them clients are asked to come again."""
    most_streams: int = 2
    """Streamed videos drawn at a time."""
    most_sessions: int = 4
    """Live sessions at a time."""
    most_portraits: int = 100
    """Uploaded portraits kept at a time."""
    most_kept: int = 1000
    """Finished jobs kept at a time; the oldest go first."""
    portrait_mb: float = 20.0
    """Largest photo, megabytes."""
    speech_mb: float = 50.0
    """Largest sound file, megabytes."""
    longest_s: float = 600.0
    """Longest sound of a video, seconds."""
    most_nfe: int = 100
    """Most evaluations of the vector field per window that a client may ask for."""
    keep_hours: float = 24.0
    """Hours after which finished jobs and uploaded portraits are deleted."""
    silent_s: float = 300.0
    """Seconds without a message after which a live session is closed."""
    stop_s: float = 30.0
    """Seconds that the running job gets to finish when the server is told to stop."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65_536:
            raise ValueError(f"port={self.port} is not between 0 and 65535")
        for name in ("most_queued", "most_streams", "most_sessions", "most_portraits", "most_kept",
                     "most_nfe", "portrait_mb", "speech_mb", "longest_s", "keep_hours",
                     "silent_s"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} is not above 0")
        if not self.stop_s >= 0:
            raise ValueError(f"stop_s={self.stop_s} is negative")
        if any(re.fullmatch(r"[\w.~-]{16,}", key, re.ASCII) is None for key in self.api_key):
            raise ValueError("an API key is not 16 or more letters, digits, or any of - . _ ~")

    @property
    def loopback(self) -> bool:
        """Whether the address is reached from this machine alone."""
        return reached_from_here_alone(self.host)

    @property
    def unguarded(self) -> bool:
        """Whether everybody who reaches the address would be let in without having been meant."""
        return not (self.loopback or self.api_key or self.anyone)

    @property
    def portrait_bytes(self) -> int:
        """Largest photo in bytes."""
        return int(self.portrait_mb * MEGABYTE)

    @property
    def speech_bytes(self) -> int:
        """Largest sound file in bytes."""
        return int(self.speech_mb * MEGABYTE)
