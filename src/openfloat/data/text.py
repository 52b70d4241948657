"""What synthetic voices say: a list of our own sentences and a generator of many more."""

from functools import cache
from importlib.resources import files

import numpy as np

LISTED_SHARE = 0.4
"""Share of utterances taken from the written list; the others are put together from words."""

_WORDS: dict[str, tuple[str, ...]] = {
    "person": (
        "my brother", "the old farmer", "a young pilot", "our teacher", "the mayor", "Bob", "Emma",
        "Jonathan", "Sophie", "the baker", "a famous poet", "her cousin", "that boy", "the queen",
        "everybody", "nobody", "Mister Brown", "the woman next door", "a tall stranger", "Zoe",
        "the judge", "my mother", "his father", "the whole family", "Abigail", "the chef",
    ),
    "did": (
        "bought", "painted", "forgot", "found", "described", "measured", "wrapped", "chose", "hid",
        "carried", "pushed", "wanted", "moved", "stole", "borrowed", "broke", "polished", "watched",
        "threw away", "fixed", "examined", "missed", "loved", "sold", "opened", "brought back",
    ),
    "adjective": (
        "purple", "beige", "enormous", "tiny", "beautiful", "wooden", "broken", "huge", "cheap",
        "thick", "smooth", "yellow", "pure", "foolish", "mysterious", "heavy", "royal", "new",
        "ancient", "warm", "bumpy", "unusual", "fresh", "shiny", "empty", "wonderful",
    ),
    "thing": (
        "umbrella", "treasure", "map", "violin", "cheese", "boat", "toy", "jacket", "garage door",
        "bicycle", "bowl of soup", "book", "mushroom", "lamp", "television", "feather", "pumpkin",
        "jewel", "mirror", "window", "pizza", "leather shoe", "thumb", "camera", "vase", "puzzle",
    ),
    "place": (
        "in the kitchen", "at the beach", "behind the house", "on the roof", "under the bridge",
        "near the airport", "in the village", "by the river", "above the shop", "at the museum",
        "in a small town", "between the trees", "outside the theatre", "in the basement",
        "on the way home", "beside the church", "at the zoo", "on the other side of the road",
    ),
    "time": (
        "yesterday", "last Thursday", "five years ago", "before breakfast", "at midnight", "today",
        "in the middle of July", "every other week", "an hour ago", "at the weekend", "long ago",
        "on the third of February", "this morning", "after the game", "in the autumn", "at noon",
    ),
    "will": (
        "will arrive", "should be ready", "might disappear", "could fall over", "has to wait",
        "must be moved", "will be here", "may change", "ought to stop", "can be measured",
        "would look good", "cannot stay", "used to be", "was supposed to be",
    ),
    "opening": (
        "I think", "to be honest", "they say", "believe me", "as far as I know", "in my opinion",
        "maybe", "of course", "after all", "on the whole", "apparently", "if you ask me", "well",
        "without a doubt", "for example", "as usual", "between you and me",
    ),
    "number": (
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "twenty", "thirty five", "forty", "sixty six", "eighty", "a hundred", "a few",
        "several", "a thousand",
    ),
    "things": (
        "apples", "bridges", "wishes", "mothers", "oranges", "pages", "boys", "houses", "watches",
        "pictures", "shoes", "mushrooms", "buttons", "voices", "beaches", "feathers", "journeys",
        "thumbs", "bathrooms", "owls", "visions", "puppies", "jobs", "months", "maps",
    ),
    "quality": (
        "far too loud", "quite a surprise", "very funny", "worth a try", "as good as new", "awful",
        "rather dull", "above average", "the best of them all", "a pleasure to watch", "too big",
        "good enough for me", "hard to believe", "impossible to measure", "just about perfect",
    ),
}  # fmt: skip

_PATTERNS = (
    "{person} {did} the {adjective} {thing} {place}.",
    "{time}, {person} {did} {number} {adjective} {things}.",
    "{opening}, the {thing} {place} is {quality}.",
    "did you know that {person} {did} {number} {things} {time}?",
    "the {adjective} {thing} {will} {place} {time}.",
    "where is the {adjective} {thing} that {person} {did}?",
    "why does {person} need {number} {things}?",
    "what a {adjective} {thing}!",
    "look, {number} {things} {place}!",
    "{number} {things} and a {thing}, {opening}, {will} {time}.",
    "{person} said that the {thing} was {quality}.",
    "{opening}, {person} never {did} a {thing}, but {person} {did} {number} {things}.",
    "is the {thing} {place} {adjective} or {adjective}?",
    "{number} plus {number} is not {number}.",
    "not the {adjective} one, the {adjective} one!",
    "{opening}, {number} {things} {will} {place}.",
    "{place}, {time}, {person} {did} a {adjective} {thing}.",
    "you {did} what?",
)


@cache
def listed_sentences() -> tuple[str, ...]:
    """The written sentences; together they hold every English phoneme."""
    text = files("openfloat.data").joinpath("text_sentences.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


def draw_sentence(generator: np.random.Generator) -> str:
    """One sentence, question or exclamation: listed, or a pattern filled with words."""
    if generator.random() < LISTED_SHARE:
        return _pick(listed_sentences(), generator)
    sentence = _pick(_PATTERNS, generator)
    while "{" in sentence:
        kind = sentence[sentence.index("{") + 1 : sentence.index("}")]
        sentence = sentence.replace("{" + kind + "}", _pick(_WORDS[kind], generator), 1)
    return sentence[0].upper() + sentence[1:]


def _pick(choices: tuple[str, ...], generator: np.random.Generator) -> str:
    return choices[int(generator.integers(len(choices)))]
