"""Folders of recordings: where transcripts are, and spectra."""

import numpy as np
import pytest
from sounds import RATE, sentence, tone, write_recordings, write_wav

from rnncli.data.corpus import read_corpus
from rnncli.data.log_mel import BINS, FRAME_SIZE, log_mel, normalised, resample, stack
from rnncli.data.recordings import read_recordings
from rnncli.data.split import hold_out
from rnncli.errors import DataError


def transcripts(folder):
    rows = read_corpus([str(folder)]).splits["train"]
    return {row["audio"].rpartition("/")[2]: row["transcript"] for row in rows}


def test_transcripts_are_the_file_names(tmp_path):
    folder = write_recordings(tmp_path / "words", 3)
    (folder / "turn-left_1.wav").write_bytes((folder / "lo_1.wav").read_bytes())
    corpus = read_corpus([str(folder)])
    assert corpus.task == "transcribe"
    assert "the file names up to the first _: hi_0.wav is 'hi'" in "".join(corpus.notices)
    assert transcripts(folder)["turn-left_1.wav"] == "turn left"
    train, held_out = hold_out(corpus, fraction=0.3, seed=0)
    assert (len(train), len(held_out)) == (5, 2)


def test_transcripts_are_the_names_of_folders(tmp_path):
    for word in ("lo", "hi"):
        (tmp_path / word).mkdir()
        for i in range(2):
            write_wav(tmp_path / word / f"{i}.wav", tone(word))
    corpus = read_corpus([str(tmp_path)])
    assert sorted(row["transcript"] for row in corpus.splits["train"]) == ["hi", "hi", "lo", "lo"]


def test_transcripts_are_in_a_table(tmp_path):
    for name in ("a", "b"):
        write_wav(tmp_path / f"{name}.wav", tone("lo"))
    table = tmp_path / "metadata.csv"
    table.write_text('file_name,transcription\na.wav,"Yes,  you may."\nb,No!\n')
    assert transcripts(tmp_path) == {"a.wav": "Yes, you may.", "b.wav": "No!"}
    table.write_text("file_name,transcription\nc.wav,No\n")
    with pytest.raises(DataError, match=r"line 2: there is no recording c\.wav"):
        read_corpus([str(tmp_path)])
    table.write_text("file_name,transcription\n")
    with pytest.raises(DataError, match="names no recording"):
        read_corpus([str(tmp_path)])
    table.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="no columns of recordings and transcripts: x, y"):
        read_corpus([str(tmp_path)])


def test_names_that_are_no_transcripts_are_refused(tmp_path):
    files = [write_wav(tmp_path / f"rec{i}.wav", tone("lo")) for i in range(3)]
    with pytest.raises(DataError, match="no transcripts") as error:
        read_recordings(tmp_path, files)
    assert "transcripts.csv" in error.value.hint


def test_a_table_is_no_folder_of_recordings(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("audio,transcript\na.wav,yes\n")
    with pytest.raises(DataError, match="this data and --task transcribe") as error:
        read_corpus([str(path)], task="transcribe")
    assert error.value.hint == "transcribe takes a folder of recordings"


def test_other_formats_come_with_the_command_that_converts_them(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"ID3")
    with pytest.raises(DataError, match="only WAV is read") as error:
        read_corpus([str(tmp_path)])
    assert f'for f in {tmp_path}/*.mp3; do ffmpeg -i "$f"' in error.value.hint


def test_a_tone_is_where_it_belongs_in_the_spectrum():
    low, high = (log_mel(tone(word).astype(np.float32), RATE) for word in ("lo", "hi"))
    assert low.shape == (20, BINS)
    assert low[10].argmax() < high[10].argmax()
    assert log_mel(np.zeros(0, np.float32), RATE).shape == (1, BINS)
    assert stack(normalised(low)).shape == (7, FRAME_SIZE)
    assert (normalised(low).mean(), normalised(low).std()) == pytest.approx((0, 1), abs=1e-3)


def test_a_resampled_sound_is_the_same_sound():
    samples = sentence(["lo", "hi"]).astype(np.float32)
    finer = sentence(["lo", "hi"], rate=2 * RATE).astype(np.float32)
    np.testing.assert_allclose(resample(finer, 2 * RATE, RATE), samples, atol=0.01)
    assert len(resample(samples, RATE, 2 * RATE)) == 2 * len(samples)
