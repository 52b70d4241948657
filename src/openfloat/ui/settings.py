"""Where the page is shown and what it takes: frozen values, free of everything heavy."""

from dataclasses import dataclass

from openfloat.shown_to import reached_from_here_alone

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSettings:
    """Where the page is shown and its limits."""

    server_name: str = "127.0.0.1"
    """Address to listen on; the default is reached from this machine alone."""
    server_port: int = 7860
    """Port to listen on."""
    share: bool = False
    """Also make a public link through Gradio's servers, which see everything."""
    password: str | None = None
    """Asked for, with the name openfloat, before the page is shown; OPENFLOAT_PASSWORD sets it so
    that other users of the machine cannot see it."""
    anyone: bool = False
    """Let others reach the page although there is no password."""
    portrait_mb: float = 20.0
    """Largest photo, megabytes."""
    speech_mb: float = 50.0
    """Largest sound file, megabytes."""
    longest_s: float = 600.0
    """Longest sound, seconds."""
    most_nfe: int = 100
    """Most evaluations of the vector field per window."""
    most_waiting: int = 16
    """Requests that may wait for others."""

    def __post_init__(self) -> None:
        if not 0 < self.server_port < 65_536:
            raise ValueError(f"server_port={self.server_port} is not between 1 and 65535")
        for name in ("portrait_mb", "speech_mb", "longest_s", "most_nfe", "most_waiting"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} is not above 0")
        if self.password is not None and len(self.password) < 8:
            raise ValueError("the password is shorter than 8 letters")

    @property
    def unguarded(self) -> bool:
        """Whether everybody who reaches the page would be let in without having been meant."""
        others = self.share or not reached_from_here_alone(self.server_name)
        return others and not (self.password or self.anyone)
