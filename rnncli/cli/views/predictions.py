"""Figures of what a model predicted after each token of a text, and which units reacted."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rnncli.analysis.traces import Trace
from rnncli.cli.views import alignment, explanation, surprisal
from rnncli.cli.views.curves import Curves
from rnncli.cli.views.fan import fan
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.heatmap import Heatmap
from rnncli.cli.views.highlight import Highlight, Scale
from rnncli.cli.views.table import Table
from rnncli.cli.views.tokens import token_label, token_spans
from rnncli.config import Level
from rnncli.tasks.inspection import TextInspection
from rnncli.tasks.next_tokens import CANDIDATES, NextTokens
from rnncli.tasks.predictions import (
    ClassProbabilities,
    SeriesForecast,
    TokenProbabilities,
    WrittenTranslation,
)

MAX_CLASSES = 6  # columns of a table that fits on a terminal: the most probable ones
WAVEFORM_POINTS = 120  # a cell of a terminal shows two: the lowest and the highest sample
REACTIONS = 8  # units that react most
CANDIDATE_WIDTH = 8  # cells, at least: those of characters stand below each other
CHANGE_LIMITS = (0.05, 0.15, 0.4)  # of a probability: what can be seen, what matters, what decides


def prediction_figures(inspection: TextInspection) -> Iterator[Figure]:
    """Yield the figures of the predictions, and that of the units which react most."""
    match inspection.prediction:
        case NextTokens() as expected:
            (reading,) = inspection.readings
            yield _surprisal_figure(reading.tokens, expected, inspection.level)
            yield _expectation_figure(reading.tokens, expected)
        case ClassProbabilities() as classes:
            (reading,) = inspection.readings
            yield from _class_figures(reading.tokens, classes)
        case WrittenTranslation(text, alignment_, expected):
            yield Figure(
                f"translation: {text}",
                _relative(alignment.heatmap(alignment_)),
                "Source across, translation down: where each word looked when it was written.",
                "Bahdanau et al. 2015, figure 3",
            )
            yield _expectation_figure(inspection.readings[1].tokens, expected)
        case TokenProbabilities() as heard:
            yield waveform_figure(heard)
            yield _heard_figure(inspection.readings[0].tokens, heard)
        case SeriesForecast() as series:
            yield fan(series)
    yield _reaction_figure(inspection)


def _surprisal_figure(tokens: Sequence[str], expected: NextTokens, level: Level) -> Figure:
    """Return the text in colours: how surprising each token is."""
    bits = np.nan_to_num(expected.bits).tolist()
    parts = [(*span, value) for span, value in zip(token_spans(tokens), bits, strict=True)]
    return Figure(
        "surprisal in bits",
        Highlight("".join(tokens), parts, surprisal.SCALES[level]),
        "High where the text takes a turn that the model did not expect: at beginnings of words, "
        "at names.",
        "Shannon 1951",
    )


def _expectation_figure(tokens: Sequence[str], expected: NextTokens) -> Figure:
    """Return the table of the likeliest tokens after each one."""
    rows = []
    for token, bits, candidates in zip(
        tokens, expected.bits.tolist(), expected.candidates, strict=True
    ):
        expectations = (f"{token_label(x.token)} {_percent(x.probability)}" for x in candidates)
        row = "  ".join(each.ljust(CANDIDATE_WIDTH) for each in expectations).rstrip()
        rows.append([token_label(token), "" if math.isnan(bits) else f"{bits:4.1f}", row])
    header = ["token", "bits", "expected next, in %"]
    return Figure(
        f"the {CANDIDATES} likeliest tokens after each one",
        Table(header, rows, text_columns=3),
        "Bits tell how surprising a token was: 1 is a coin's toss; each further bit halves its "
        "probability.",
        "Shannon 1951; Karpathy 2015",
    )


def _class_figures(tokens: Sequence[str], classes: ClassProbabilities) -> Iterator[Figure]:
    """Yield the text in colours, and the table of the probabilities after each token."""
    probabilities = classes.probabilities  # (T, C)
    best = int(probabilities[-1].argmax())
    text = "".join(tokens[:-1])  # without the end of the text
    changes = np.diff(probabilities[:-1, best], prepend=classes.initial[best])
    parts = [(*span, x) for span, x in zip(token_spans(tokens[:-1]), changes, strict=True)]
    scale = Scale(CHANGE_LIMITS, explanation.SCALE.positive, explanation.SCALE.negative)
    if text.strip():
        yield Figure(
            f"{classes.labels[best]} {100 * probabilities[-1, best]:.0f} %: what raised it, what "
            "lowered it",
            Highlight(text, parts, scale),
            "Each token by how much the probability of the label changed when it was read.",
        )
    shown = np.argsort(-probabilities[-1], kind="stable")[:MAX_CLASSES]
    rows = [
        [token_label(token), token_label(classes.labels[int(row.argmax())]),
         *(f"{100 * row[i]:.0f} %" for i in shown)]
        for token, row in zip(tokens, probabilities, strict=True)
    ]  # fmt: skip
    header = ["token", "label so far", *(token_label(classes.labels[i]) for i in shown)]
    yield Figure(
        "label if the text ended after each token",
        Table(header, rows, text_columns=2),
        "Look for the token at which the label turns, and whether a later one turns it back.",
        "Radford et al. 2017",
    )


def waveform_figure(heard: TokenProbabilities) -> Figure:
    """Return the sound, by its lowest and highest samples in each of many short times."""
    pieces = np.array_split(heard.samples, min(len(heard.samples), WAVEFORM_POINTS))
    points = [
        (float(time), float(value))
        for time, piece in zip(
            np.linspace(heard.start, heard.end, len(pieces)), pieces, strict=True
        )
        for value in (piece.min(), piece.max())
    ]
    return Figure(
        f"waveform from {heard.start:.2f} to {heard.end:.2f} s",
        Curves({"sound": points}, x="seconds", y="amplitude"),
    )


def _heard_figure(tokens: Sequence[str], heard: TokenProbabilities) -> Figure:
    """Return the heatmap of the tokens that are likely at some step."""
    labels = list(map(token_label, heard.labels))
    return Figure(
        "probability of tokens at each step of 30 ms",
        Heatmap(labels, list(map(token_label, tokens)), heard.probabilities.T.tolist()),
        "Above, the likeliest at each step; · writes nothing. A token is written once, however "
        "many steps it lasts.",
        "Graves et al. 2006, figure 1",
    )


def _reaction_figure(inspection: TextInspection) -> Figure:
    """Return the table of the units whose hidden state changes most at a token."""
    reactions = [
        (abs(float(changes[t, unit])), trace, unit, t, reading.tokens)
        for reading in inspection.readings
        for trace in reading.traces
        for changes in [trace.changes()]
        for unit, t in enumerate(np.abs(changes).argmax(0).tolist())
    ]
    reactions.sort(key=lambda reaction: -reaction[0])
    rows = []
    for _, trace, unit, t, tokens in reactions[:REACTIONS]:
        after = trace.hidden_states[t, unit]
        change = trace.changes()[t, unit]
        rows.append(
            [trace_label(trace), str(unit), token_label(tokens[t]),
             f"{after - change:+.2f}", f"{after:+.2f}"]
        )  # fmt: skip
    return Figure(
        "the units that react most",
        Table(["layer", "unit", "at", "from", "to"], rows, text_columns=3),
        "A unit that jumps at one kind of token may stand for it: look at it with --unit.",
        "Karpathy et al. 2015, section 4.2",
    )


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f}" if probability >= 0.005 else "<1"


def _relative(heatmap: Heatmap) -> Heatmap:
    """Return a heatmap whose strongest colour is that of its largest value."""
    return replace(heatmap, maximum=max(map(max, heatmap.values), default=0.0) or 1.0)


def trace_label(trace: Trace) -> str:
    """Return the name of a layer in one direction, in words."""
    direction = ", backward" if trace.backward else ""
    return f"{trace.half} layer {trace.number}{direction}"
