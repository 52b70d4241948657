"""The one public entry: a portrait and a voice in, frames out, all at once or as they are made."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openfloat.audio.given import SoundLike
from openfloat.audio.recording import Recording
from openfloat.clip import Chunk, Clip, Portrait
from openfloat.config import FPS, ModelConfig
from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.control_map import ControlMap, load_map
from openfloat.editing.editor import Editor
from openfloat.editing.felt import clip_emotion, shown_emotion
from openfloat.editing.hush import hush, quiet_share
from openfloat.editing.steadying import steady
from openfloat.errors import BadInput, NoFaceFound
from openfloat.finite import checked, finite
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin
from openfloat.models.autoencoder import Appearance
from openfloat.models.fast import FastDecoder, FastWeights
from openfloat.models.model import FloatModel
from openfloat.mood import Mood
from openfloat.motion.pose import HeadPose
from openfloat.nn.cores import ahead, one_core_each
from openfloat.nn.memory import return_freed_memory
from openfloat.nn.pixels import rgb_bytes
from openfloat.options import BackgroundName, CropOptions, MarkOptions, Precision, SampleOptions
from openfloat.sampling import sample_motion
from openfloat.vision.background import BackgroundWriter
from openfloat.vision.face import crop_portrait
from openfloat.vision.full_pictures import FullPictures, full_pictures
from openfloat.vision.head_pose import advice_on_turn, fit_head, standard_face
from openfloat.vision.image import load_image
from openfloat.vision.output import open_output
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import Hollow, load_config, load_into, load_state

PictureLike = str | Path | NDArray[np.uint8]
DECODE_BATCH = 10
"""Frames decoded together: several for every core, shown soon after they are asked for."""
RETURN_EVERY = 60 * FPS
"""Frames of a file after which memory that nobody uses goes back to the system."""


class FloatPipeline:
    """Loads a model once; every call leaves no trace on it.

    On a processor it decodes on as many cores as torch was allowed when it was loaded.
    """

    def __init__(
        self,
        model: FloatModel,
        config: ModelConfig,
        device: torch.device,
        precision: Precision = "float32",
        control_map: ControlMap | None = None,
        *,
        compiled: bool = False,
    ) -> None:
        """Take a loaded model; `from_pretrained` is the usual way here."""
        self.control_map = control_map
        self.model = model.eval().requires_grad_(requires_grad=False).to(device)
        self.config = config
        self.device = device
        # Not asked for later: torch tells a new thread what any other was last allowed.
        self.cores = torch.get_num_threads()
        self._short = precision == "int8"
        if self._short and device.type != "cpu":
            raise BadInput(f"precision int8 is for processors, not for {device.type}")
        self.dtype: torch.dtype = getattr(torch, "float32" if self._short else precision)
        # What runs for every frame; portraits, voices and the flow's state stay float32.
        self.model.autoencoder.decoder.to(self.dtype)
        self.model.motion.to(self.dtype)
        if compiled:
            from openfloat.models.compiled import compile_networks  # seldom asked for

            compile_networks(self.model, device)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "openfloat-256",
        *,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        compiled: bool = False,
        revision: str | None = None,
        accept_licence: bool = False,
    ) -> Self:
        """Load a model: an embedded one, a folder, or one of the Hugging Face hub.

        Args:
            name: of an embedded model, a folder, or owner/name on the hub.
            device: where it computes.
            precision: of decoder and vector field; bfloat16 and float16 are meant for GPUs; int8
                is for processors: the decoder's large convolutions in 8-bit numbers.
            compiled: vector field, and on GPUs the decoder, by `torch.compile`: first calls take
                longer, less so the next time, since torch keeps what it compiled.
            revision: branch, tag or commit on the hub.
            accept_licence: use a model of the hub although its licence is not a free one.

        Raises:
            ModelNotFound: neither a folder nor a model of that name.
            BadInput: a model of the hub whose licence was not accepted; no compiler.
            BadCheckpoint: the folder does not hold exactly the weights that its config asks for.
        """
        folder = resolve_model(name, revision=revision, accept_licence=accept_licence)
        config = load_config(folder)
        with Hollow():
            model = FloatModel(config)
        load_into(model, load_state(folder))
        control_map = load_map(folder, config.autoencoder.num_directions)
        return cls(model, config, torch.device(device), precision, control_map, compiled=compiled)

    @cached_property
    def _fast_weights(self) -> FastWeights:
        """The decoder's weights as processor cores like them; made for the first portrait."""
        return FastWeights(self.model.autoencoder.decoder, short=self._short)

    @torch.inference_mode()
    def encode(
        self, portrait: PictureLike | Portrait, crop: CropOptions = CropOptions()
    ) -> Portrait:
        """Find the face, cut it out and encode it.

        Args:
            portrait: a file, RGB bytes (h, w, 3), or a portrait that is ready already.
            crop: how the face is cut out.

        Raises:
            BadMedia: the picture cannot be read.
            NoFaceFound: it shows no face.
            NotFinite: the networks gave no numbers.
        """
        if isinstance(portrait, Portrait):
            return portrait
        picture = portrait if isinstance(portrait, np.ndarray) else load_image(Path(portrait))
        try:
            cut = crop_portrait(picture, self.config.autoencoder.size, crop)
        except NoFaceFound as error:
            raise NoFaceFound(error if picture is portrait else f"{portrait}: {error}") from error
        image = torch.from_numpy(np.ascontiguousarray(cut.image)).to(self.device)
        image = image.permute(2, 0, 1)[None].float() / 127.5 - 1  # (1, 3, h, w)
        appearance = self.model.autoencoder.encode(image)
        coefficients = self.model.autoencoder.motion_of(image, appearance)
        anchored = self.model.autoencoder.anchor(appearance.identity, coefficients)
        features, fast = tuple(f.to(self.dtype) for f in appearance.features), None
        finite("encoding the portrait", anchored, coefficients, *features)
        if self.device.type == "cpu" and self.dtype == torch.float32:
            fast = FastDecoder(self._fast_weights, features, self.cores)
        return Portrait(picture, cut, Appearance(anchored, features), coefficients, fast)

    def __call__(
        self,
        portrait: PictureLike | Portrait,
        speech: SoundLike,
        options: SampleOptions = SampleOptions(),
        crop: CropOptions = CropOptions(),
        pose: HeadPose | None = None,
    ) -> Clip:
        """The whole clip in memory: the stream, joined."""
        chunks = list(self.stream(portrait, speech, options, crop, pose))
        return Clip(
            frames=np.concatenate([chunk.frames for chunk in chunks]),
            motion=torch.cat([chunk.motion for chunk in chunks]),
            sound=speech,
            origin=Origin(self.config.name, options.seed),
        )

    def stream(
        self,
        portrait: PictureLike | Portrait,
        speech: SoundLike,
        options: SampleOptions = SampleOptions(),
        crop: CropOptions = CropOptions(),
        pose: HeadPose | None = None,
    ) -> Iterator[Chunk]:
        """Frames as they are made, in order; memory does not grow with the clip.

        Args:
            portrait: a file, RGB bytes, or what `encode` returned.
            speech: a sound or video file, or mono samples at 16 kHz in [-1, 1].
            options: how the motion is drawn.
            crop: how the face is cut out; unused for a portrait that is ready already.
            pose: what the head does; where it is shorter, it goes to and fro. None: as it likes.

        Raises:
            BadInput: a pose for a model that cannot be told one.
            BadMedia: a file cannot be used.
            NoFaceFound: the picture shows no face.
        """
        ready = self.encode(portrait, crop)
        yield from self._chunks(ready, self.motion(ready, Recording.open(speech), options, pose))

    def _chunks(self, portrait: Portrait, windows: Iterator[Tensor]) -> Iterator[Chunk]:
        """Decoded frames of windows of motion."""
        start = 0
        for motion in windows:
            yield from self.chunks(portrait, motion, start)
            start += len(motion)

    def chunks(self, portrait: Portrait, motion: Tensor, start: int) -> Iterator[Chunk]:
        """Motion (t, f) decoded in pieces, numbered from frame `start` on."""
        for piece in motion.split(DECODE_BATCH):
            yield Chunk(start, self.decode(portrait, piece), piece)
            start += len(piece)

    @torch.inference_mode()
    def motion(
        self,
        portrait: Portrait,
        speech: SoundLike | Recording,
        options: SampleOptions,
        pose: HeadPose | None = None,
    ) -> Iterator[Tensor]:
        """Motion for a voice, piece by piece, each (t, f); no frame is decoded.

        Where the model's controls have names, head and lids are then as the options ask.
        """
        edit, recording = self.editor(portrait, options), Recording.open(speech)
        drawn = self._draw(portrait, recording, options, pose)
        if self.config.controls:
            levels = recording.levels
            drawn = steady(
                hush(drawn, options.hush * quiet_share(levels, levels.frames[0])), options.steady
            )
        start = 0
        for piece in drawn:
            yield edit(piece, start)
            start += len(piece)

    def editor(self, portrait: Portrait, options: SampleOptions) -> Editor:
        """What changes a portrait's drawn motion as the options ask; every frame by itself.

        It takes frames (t, f) that `motion` gave without edits and with `blink="drawn"`, and which
        frame of the clip is their first.

        Raises:
            BadInput: they ask by name for what the model has no name for.
        """
        return Editor(
            self.config,
            self.model.autoencoder.basis,
            portrait.coefficients,
            options,
            self.control_map,
        )

    def _draw(
        self,
        portrait: Portrait,
        recording: Recording,
        options: SampleOptions,
        pose: HeadPose | None,
    ) -> Iterator[Tensor]:
        """What the vector field makes of a voice, window by window."""
        if options.pose_scale == 0:
            pose = None
        windows = self.model.speech.windows(recording, self.config.motion.window_frames)
        drawn = sample_motion(
            self.model.motion,
            checked("hearing the speech", windows),
            reference=self.own_motion(portrait),
            emotion=self.emotion(portrait, recording, options),
            options=options,
            seeds=[options.seed],
            pose=None if pose is None else pose.around(portrait.coefficients[0]),
        )
        yield from (window[0] for window in checked("drawing the motion", drawn))

    def own_motion(self, portrait: Portrait) -> Tensor:
        """The motion token (1, f) of the portrait as it is."""
        if self.config.motion_space == "coefficients":
            return portrait.coefficients
        return self.model.autoencoder.basis.motion(portrait.coefficients)

    def emotion(self, portrait: Portrait, recording: Recording, options: SampleOptions) -> Tensor:
        """Weights of the emotions, (1, 7) or (1, t, 7), as asked for or as voice or photo are."""
        mood = Mood.parse(options.emotion)
        photo = self.shown_emotion(portrait, mood)
        hears, window_s = self.model.emotion, options.emotion_window
        return clip_emotion(hears, mood, recording, photo, window_s, self.device)

    def shown_emotion(self, portrait: Portrait, mood: Mood) -> NDArray[np.float32] | None:
        """(7,) weights of the emotions in a portrait, where a mood asks for them.

        Raises:
            BadInput: it does, of a model that cannot tell.
        """
        if not mood.looks:
            return None
        if not self.config.controls:
            raise BadInput(
                f"the motion directions of {self.config.name} have no names: it cannot tell what "
                "a photo shows; say the emotion by its name"
            )
        return shown_emotion(portrait.coefficients[0].cpu().numpy())

    @torch.inference_mode()
    def decode(self, portrait: Portrait, motion: Tensor) -> NDArray[np.uint8]:
        """Motion tokens (t, f) as RGB bytes (t, h, w, 3)."""
        if self.config.motion_space == "coefficients":
            if self.control_map is not None:
                motion = self.control_map.untwisted(motion, portrait.coefficients[0])
            motion = self.model.autoencoder.basis.motion(motion)
        latents = portrait.appearance.identity + motion
        if portrait.decoder is not None:
            return portrait.decoder.rgb(latents).numpy()
        frames = self.model.autoencoder.decode(latents.to(self.dtype), portrait.appearance.features)
        return rgb_bytes(frames).cpu().numpy()

    def paste_back(self, portrait: Portrait) -> FullPictures:
        """What makes full pictures, the size of the photo, of a portrait's decoded frames."""
        rest = self.decode(portrait, self.own_motion(portrait))
        return full_pictures(portrait.picture, portrait.crop, rest[0])

    def advice(self, portrait: Portrait) -> str | None:
        """What to expect of a portrait that the model was not made for; none for usual ones."""
        if portrait.crop.face is None:
            return None
        if self.config.controls:  # taught to see turns; the landmark network sees too little of one
            yaw = float(portrait.coefficients[0, INDEX["yaw"]] * SCALES[INDEX["yaw"]])
        else:
            yaw = fit_head(portrait.crop.face.points, standard_face()).pose.yaw
        return advice_on_turn(yaw)

    def render(
        self,
        portrait: PictureLike | Portrait,
        speech: str | Path,
        output: str | Path,
        options: SampleOptions = SampleOptions(),
        crop: CropOptions = CropOptions(),
        progress: Callable[[int, int], None] | None = None,
        *,
        pose: HeadPose | None = None,
        paste_back: bool = False,
        background: BackgroundName = "photo",
        marks: MarkOptions = MarkOptions(),
    ) -> int:
        """Write an mp4 frame by frame and count them; memory does not grow with the clip.

        Args:
            portrait: a file, RGB bytes, or what `encode` returned.
            speech: a sound or video file; its own sound goes into the mp4.
            output: the mp4 file; it appears when it is complete, or not at all.
            options: how the motion is drawn.
            crop: how the face is cut out.
            progress: called with frames done and frames in all.
            pose: what the head does, as for `stream`.
            paste_back: show the whole photo instead of the crop.
            background: green or transparent instead of the photo's own: then the whole photo is
                shown; transparent writes PNG frames with an alpha channel into a new folder.
            marks: how the video says that it is generated.

        Raises:
            BadInput: a name that does not fit what is written.
            NoFaceFound: no face to tell the person from the background by.
        """
        ready = self.encode(portrait, crop)
        recording = Recording.open(speech)
        total, size = recording.num_frames, self.config.autoencoder.size
        changed = background != "photo"
        origin = Origin(self.config.name, options.seed, composite=paste_back or changed)
        finish = marker(marks, origin, ready.picture)
        file = open_output(
            output,
            size,
            speech,
            finish,
            paste=self.paste_back(ready) if paste_back or changed else None,
            matte=self.matte(ready) if changed else None,
            transparent=background == "transparent",
        )
        with one_core_each(), BackgroundWriter(file) as writer:
            for chunk in self._chunks(ready, ahead(self.motion(ready, recording, options, pose))):
                writer.write(chunk.frames)
                if chunk.start % RETURN_EVERY == 0:  # the file's index moves and leaves holes
                    return_freed_memory()
                if progress is not None:
                    progress(chunk.start + len(chunk.frames), total)
        return total

    def matte(self, portrait: Portrait) -> NDArray[np.float32]:
        """(h, w) where the portrait's full pictures show the person, 1, or the background, 0."""
        from openfloat.vision.matte import full_matte  # what it imports takes a while

        return full_matte(portrait.picture, portrait.crop.face)
