"""Other programs' names for our flags, so that their command lines work here unchanged."""

RENAMED = {
    "--emo": "--emotion",
    "--a_cfg_scale": "--audio-scale",
    "--e_cfg_scale": "--emotion-scale",
    "--no_crop": "--no-crop",
    "--res_video_path": "--output",
    "--res-video-path": "--output",
}
PORTRAIT = ("--ref_path", "--source", "-s", "--source_image")
SPEECH = ("--aud_path", "--audio", "-a", "--driven_audio")


def translate(arguments: list[str]) -> list[str]:
    """Rewrite the flags of `animate`; portrait and speech given by flags become positions.

    Both `--flag value` and `--flag=value` are understood. Other commands pass unchanged.
    """
    if not arguments or arguments[0] != "animate":
        return arguments
    rest: list[str] = []
    portrait: list[str] = []
    speech: list[str] = []
    waiting: list[str] | None = None
    for argument in arguments[1:]:
        flag, equals, value = argument.partition("=")
        if waiting is not None:
            waiting.append(argument)
            waiting = None
        elif flag in PORTRAIT or flag in SPEECH:
            place = portrait if flag in PORTRAIT else speech
            if equals:
                place.append(value)
            else:
                waiting = place
        else:
            rest.append(RENAMED.get(flag, flag) + equals + value)
    return ["animate", *_with_positions(portrait, speech, rest)]


def _with_positions(portrait: list[str], speech: list[str], rest: list[str]) -> list[str]:
    """Portrait first, then speech: one of them may stand among the rest as a bare position."""
    if speech and not portrait:
        return [*rest, *speech]
    return [*portrait, *speech, *rest]
