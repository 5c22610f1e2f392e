"""Measure transcribers of spoken digits: accuracy, word error rate of sequences, speed, streaming.

    python tests/benchmarks/transcription.py [--only official speakers] [--max-time 10m]

The corpus is the Free Spoken Digit Dataset below ``$RNNCLI_CORPORA``. In the official split the
recordings 0 to 4 of each speaker and digit are the test part; in that of speakers, one after the
other is left out of the training and is tested. Sequences are three to seven recordings of one
speaker of the test part, with up to 0.2 s of silence between. ``seconds`` are those of the
processor; ``--epochs`` in place of ``--max-time`` gives the same model on every machine.
"""

import argparse
import io
import os
import tarfile
import tempfile
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from report import Report

import rnncli
from rnncli.analysis.error_rates import error_rates
from rnncli.data.wav import open_stream, open_wav

TEST_INDICES = range(5)
SEQUENCES, SHORTEST, LONGEST = 300, 3, 7
GAP = 0.2  # seconds


def unpack(folder: Path) -> list[Path]:
    """Unpack the corpus, and return its recordings: ``DIGIT_SPEAKER_INDEX.wav``."""
    with tarfile.open(Path(os.environ["RNNCLI_CORPORA"]) / "fsdd/recordings.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return sorted(folder.rglob("*.wav"))


def digit(path: Path) -> str:
    """Return what is said."""
    return path.stem.split("_")[0]


def speaker(path: Path) -> str:
    """Return who says it."""
    return path.stem.split("_")[1]


def is_test(path: Path) -> bool:
    """Return whether a recording is of the official test part."""
    return int(path.stem.split("_")[2]) in TEST_INDICES


def train(paths: Sequence[Path], folder: Path, settings: dict[str, Any]) -> rnncli.Transcriber:
    """Train a model on some recordings."""
    folder.mkdir()
    for path in paths:
        (folder / path.name).hardlink_to(path)
    return rnncli.train(folder, output=folder.parent / f"{folder.name}-model", **settings).model


def digit_accuracy(model: rnncli.Transcriber, paths: Sequence[Path]) -> float:
    """Return the share of recordings whose digit is written, and nothing else."""
    return error_rates([one.text for one in model(paths)], [*map(digit, paths)]).exact_match


def sequences(paths: Sequence[Path], folder: Path) -> dict[Path, str]:
    """Join recordings of one speaker at a time; return the files and what is said in them."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    said = {}
    for number in range(SEQUENCES):
        voice = rng.choice(sorted({*map(speaker, paths)}))
        own = [path for path in paths if speaker(path) == voice]
        drawn = [own[i] for i in rng.integers(len(own), size=rng.integers(SHORTEST, LONGEST + 1))]
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            for path in drawn:
                with wave.open(str(path)) as source:
                    if not file.tell():
                        file.setparams(source.getparams())
                    file.writeframes(source.readframes(source.getnframes()))
                file.writeframes(bytes(2 * int(rng.uniform(0, GAP) * file.getframerate())))
        said[folder / f"{number}.wav"] = " ".join(map(digit, drawn))
    return said


def measure_official(report: Report, paths: Sequence[Path], folder: Path, settings: Any) -> None:
    """Train on the official training part, and add the figures of the test part."""
    report.section("official split")
    began = time.process_time()
    model = train([path for path in paths if not is_test(path)], folder / "official", settings)
    report.add("training", time.process_time() - began, "s")
    test = [path for path in paths if is_test(path)]
    report.add("digit accuracy", 100 * digit_accuracy(model, test), "%")
    said = sequences(test, folder / "sequences")
    began = time.process_time()
    outputs = [one.text for one in model([*said])]
    seconds = time.process_time() - began
    rates = error_rates(outputs, [*said.values()])
    report.add("word error rate of sequences", 100 * rates.word_error_rate, "%")
    report.add("sequences without an error", 100 * rates.exact_match, "%")
    sound = 0.0
    equal = 0
    for path, output in zip(said, outputs, strict=True):
        with open_wav(path) as source:
            sound += len(source.read()) / source.rate
        stream = model.stream(open_stream(io.BytesIO(path.read_bytes()), "-", None))
        equal += " ".join(utterance.text for utterance in stream) == output
    report.add("a second of sound, one thread", seconds / sound, "s")
    report.add("streams equal to files", 100 * equal / len(said), "%")


def measure_speakers(report: Report, paths: Sequence[Path], folder: Path, settings: Any) -> None:
    """Leave out one speaker after the other, and add the accuracy on each."""
    report.section("leave one speaker out")
    accuracies = []
    for voice in sorted({*map(speaker, paths)}):
        others = [path for path in paths if speaker(path) != voice]
        model = train(others, folder / voice, settings)
        own = [path for path in paths if speaker(path) == voice]
        accuracies.append(100 * digit_accuracy(model, own))
        report.add(f"digit accuracy, without {voice}", accuracies[-1], "%")
    report.add("digit accuracy, mean", float(np.mean(accuracies)), "%")


PARTS = {"official": measure_official, "speakers": measure_speakers}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--max-time", default="10m")
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, default=Path("transcription.json"))
    given = parser.parse_args()
    settings: dict[str, Any] = {"threads": given.threads}
    settings |= {"epochs": given.epochs} if given.epochs else {"max_time": given.max_time}
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        paths = unpack(Path(folder) / "corpus")
        for name in given.only:
            PARTS[name](report, paths, Path(folder), settings)
    report.write(given.output)


if __name__ == "__main__":
    main()
