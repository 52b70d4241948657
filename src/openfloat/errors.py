"""The few errors that a user can cause; the command line prints each as one sentence."""


class OpenFloatError(Exception):
    """A mistake that the user can mend; its text is one sentence fit to be shown."""


class BadInput(OpenFloatError, ValueError):
    """An option or argument outside of what is allowed."""


class BadMedia(OpenFloatError, ValueError):
    """A picture, sound or video file that cannot be used."""


class NoFaceFound(BadMedia):
    """No face where one is needed."""


class BadCheckpoint(OpenFloatError, ValueError):
    """Weights or a model folder that do not fit."""


class ModelNotFound(OpenFloatError, FileNotFoundError):
    """A model name or folder that does not exist."""


class NotWritten(OpenFloatError):
    """A file that cannot be written: no such folder, no right to, no room."""


class NotFinite(OpenFloatError):
    """A stage of the computation gave numbers that are none; its name is in the text."""


class Busy(OpenFloatError):
    """Nothing is wrong but that too many others are served."""
