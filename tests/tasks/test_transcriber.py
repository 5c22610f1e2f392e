"""Transcribers: trained on tones, read files and streams alike, and say when words are said."""

import json
import shutil
from itertools import groupby

import numpy as np
import pytest
from models import generator
from shell import call, examples, rnncli
from sounds import RATE, sentence, write_recordings, write_wav

import rnncli as package
from rnncli.data.wav import Sound, open_wav
from rnncli.tasks.transcribe.segmentation import segments

# By which two tones are told apart.
SETTINGS = ("--hidden-size", 16, "--embedding-dim", 16, "--num-layers", 1, "--dropout", 0)
QUICK = ("--steps", 300, "--batch-size", 8, "--learning-rate", 0.02, "--threads", 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transcriber")
    data = write_recordings(folder / "words")
    result = call("train", data, "-o", folder / "model", *SETTINGS, *QUICK)
    assert result.code == 0, result.err
    assert "8,000 samples a second" in result.err
    return folder / "model"


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Return a recording of two sentences."""
    samples = np.concatenate([sentence(["lo", "hi", "lo"]), np.zeros(RATE), sentence(["hi"])])
    return write_wav(tmp_path_factory.mktemp("talk") / "talk.wav", samples)


def test_words_are_written_down(model, talk):
    result = call("transcribe", "-m", model, talk, talk)
    assert result.lines == 2 * [f"{talk}\tlo hi lo hi"]
    assert package.load(model)([talk])[0].text == "lo hi lo hi"


def test_the_examples_of_the_help_page_work(model, talk, tmp_path):
    shutil.copytree(model, tmp_path / "models" / "transcribe")
    shutil.copy(talk, tmp_path / "talk.wav")
    files, subtitles, stream = (line.split()[1:] for line in examples("transcribe"))
    assert files.pop() == "*.wav"
    assert call(*files, "talk.wav", cwd=tmp_path).lines == ["talk.wav\tlo hi lo hi"]
    assert subtitles[-2:] == [">", "talk.srt"]
    assert call(*subtitles[:-2], cwd=tmp_path).out.endswith(b"\nhi\n\n")
    assert call(*stream, cwd=tmp_path, stdin=talk.read_bytes()).lines == ["-\tlo hi lo", "-\thi"]


def test_words_have_times_and_subtitles(model, talk):
    words = json.loads(call("transcribe", "-m", model, "--json", talk).lines[0])["words"]
    assert [word["text"] for word in words] == ["lo", "hi", "lo", "hi"]
    starts = [word["start"] for word in words]
    np.testing.assert_allclose(starts, [0.1, 0.4, 0.7, 2.1], atol=0.2)
    assert all(word["start"] < word["end"] and 0 < word["confidence"] <= 1 for word in words)
    blocks = call("transcribe", "-m", model, "--srt", talk).out.decode().split("\n\n")
    number, times, text = blocks[0].split("\n")
    assert (number, text) == ("1", "lo hi lo")
    assert times.startswith("00:00:00,") and " --> 00:00:0" in times
    assert blocks[1].endswith("\nhi") and blocks[2:] == [""]


def test_a_stream_has_the_utterances_of_the_file(model, talk):
    content = talk.read_bytes()
    stream = rnncli("transcribe", "-m", model, "-q", "-", stdin=content)
    assert stream.lines == ["-\tlo hi lo", "-\thi"]
    raw = call("transcribe", "-m", model, "--rate", RATE, "--json", stdin=content[44:])
    assert [json.loads(line)["text"] for line in raw.lines] == ["lo hi lo", "hi"]


def test_cuts_do_not_depend_on_how_sound_arrives(talk):
    with open_wav(talk) as sound:
        samples = sound.read()
    samples = samples + np.random.default_rng(0).normal(0, 1e-3, len(samples)).astype(np.float32)
    whole = list(segments(Sound(RATE, iter([samples]))))
    pieces = list(segments(Sound(RATE, iter(np.array_split(samples, 977)))))
    assert len(whole) == len(pieces) == 2
    for one, other in zip(whole, pieces, strict=True):
        assert one.start == other.start
        np.testing.assert_array_equal(one.samples, other.samples)
    assert list(segments(Sound(RATE, iter([np.zeros(RATE, np.float32)])))) == []


def test_weak_sounds_are_speech_and_noise_behind_speech_is_none():
    rng = np.random.default_rng(0)

    def found(*parts):
        """Cut noise of so many seconds and such levels; return where segments start and end."""
        sound = [rng.normal(0, level, int(seconds * RATE)) for seconds, level in parts]
        cuts = segments(Sound(RATE, iter([np.concatenate(sound).astype(np.float32)])))
        return [(round(c.start, 1), round(c.start + len(c.samples) / RATE, 1)) for c in cuts]

    assert found((0.8, 1e-4), (0.3, 0.2), (0.7, 4e-3), (2, 1e-4)) == [(0.6, 2.0)]
    assert found((0.3, 0.2), (3, 1e-3), (0.3, 0.2), (3, 1e-3)) == [(0.0, 0.5), (3.1, 3.8)]


def test_sound_without_pauses_is_cut_too():
    noise = np.random.default_rng(0).normal(0, 0.1, 45 * RATE).astype(np.float32)
    cuts = list(segments(Sound(RATE, iter([noise]))))
    assert len(cuts) > 2
    assert sum(len(cut.samples) for cut in cuts) == len(noise)


def test_other_rates_are_resampled_and_told(model, tmp_path):
    samples = sentence(["lo", "hi", "lo"], rate=44_100)
    path = write_wav(tmp_path / "fine.wav", samples, 44_100, channels=2)
    result = call("transcribe", "-m", model, path)
    assert result.lines == [f"{path}\tlo hi lo"]
    assert "resampled from 44,100 to 8,000 samples a second" in result.err


def test_a_generator_of_characters_is_heard(model, talk):
    weak = ("--lm", generator(), "--lm-weight", 0.01)
    result = call("transcribe", "-m", model, *weak, talk)
    assert result.lines == [f"{talk}\tlo hi lo hi"]
    other = call("transcribe", "-m", model, "--lm", generator(), "--lm-weight", 50, talk)
    assert other.lines != result.lines


def test_scores_are_error_rates(model, tmp_path):
    result = call("evaluate", "-m", model, "--json")
    scores = json.loads(result.out)
    assert scores["recordings"] == 3
    assert scores["word_error_rate"] == 0 and scores["exact_match"] == 1
    write_wav(tmp_path / "lo_1.wav", sentence(["lo"]))
    write_wav(tmp_path / "lo_2.wav", sentence(["hi"]))
    write_wav(tmp_path / "hi_1.wav", sentence(["lo", "hi", "lo"]))
    write_wav(tmp_path / "hi_2.wav", sentence(["hi"]))
    wrong = tmp_path / "wrong.tsv"
    result = call("evaluate", "-m", model, tmp_path, "--errors", wrong)
    assert "word error rate" in result.out.decode()
    assert "75.00" in result.out.decode()  # a substitution and two insertions for four words
    assert [line.split("\t")[1:] for line in wrong.read_text().splitlines()[1:]] == [
        ["hi", "lo hi lo"],
        ["lo", "hi"],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-", "a.wav"], 2, "stdin is read alone"),
        (["--rate", "8000", "a.wav"], 2, "--rate is of raw samples"),
        (["--srt", "--json", "a.wav"], 2, "two formats"),
        (["--srt", "a.wav", "b.wav"], 2, "of one recording"),
        (["a.wav"], 1, "a.wav does not exist"),
        (["-"], 1, "standard input is no WAV file"),
    ],
)
def test_mistakes_are_explained(model, tmp_path, arguments, code, message):
    result = call("transcribe", "-m", model, *arguments, cwd=tmp_path)
    assert result.code == code
    assert message in result.err
    assert "hint: " in result.err
    assert result.out == b""


def test_a_damaged_sample_rate_is_refused(model, talk, tmp_path):
    copy = shutil.copytree(model, tmp_path / "copy")
    config = copy / "config.json"
    for rate in (0, "8000", None, 10**9):
        description = json.loads(config.read_text())
        description["task_values"] = {"rate": rate}
        config.write_text(json.dumps(description))
        result = call("transcribe", "-m", copy, talk)
        assert result.code == 1
        assert "the sample rate is wrong" in result.err


def test_a_training_is_planned(tmp_path):
    data = write_recordings(tmp_path / "words", 4)
    plan = call("train", "--dry-run", data).out.decode()
    assert "task     transcribe" in plan
    assert "rows     8, 1 of them held out" in plan


def test_a_recording_is_inspected_up_to_its_first_pause(model, talk, tmp_path):
    reading = json.loads(call("inspect", model, talk, "--json").out)
    tokens, arrays = reading["tokens"]["encoder"], reading["arrays"]
    written = [token for token, _ in groupby(tokens) if token != "·"]
    assert "".join(written).strip() == "lo hi lo"
    assert np.shape(arrays["encoder.layers.0.1.c"]["values"]) == (len(tokens), 16)
    probabilities = np.array(arrays["probabilities"]["values"])
    likeliest = [reading["labels"][i] for i in probabilities.argmax(1)]
    assert likeliest == tokens
    drawn = call("inspect", model, talk, "--units").out.decode()
    assert drawn.index("waveform from 0.00 to 1.") < drawn.index("units, encoder layer 0")
    page = tmp_path / "talk.html"
    assert call("inspect", model, talk, "-o", page).code == 0
    assert "probability of tokens at each step" in page.read_text()


def test_the_gradient_of_sound_is_seen_by_lag(model):
    other = ("--against", model, "--cell", "gru")
    result = json.loads(call("inspect", model, "--lag", *other, "--json").out)["lag"]
    own, again, untrained = (reach["gradient"] for reach in result["reaches"])
    assert own == again != untrained
    assert own[0] == 1 and min(own) >= 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--find", "quote"], 2, "--find is about texts, and this model reads sound"),
        (["--near", "lo"], 2, "--near is about texts"),
        (["--lag", "--against", "bundled:sentiment"], 2, "all read texts, or all sound"),
        (["missing.wav"], 1, "missing.wav does not exist"),
        (["silent.wav"], 1, "silent.wav is silent"),
    ],
)
def test_what_cannot_be_inspected_is_explained(model, tmp_path, arguments, code, message):
    write_wav(tmp_path / "silent.wav", np.zeros(RATE))
    result = call("inspect", "-m", model, *arguments, cwd=tmp_path)
    assert result.code == code
    assert message in result.err
    assert "hint: " in result.err
