"""WAV files: read to the sample, and refused where they lie."""

import io
import wave

import numpy as np
import pytest
from sounds import RATE, header, sentence, write_wav

from rnncli.data.wav import MAX_BYTES, open_stream, open_wav
from rnncli.errors import DataError


def read(path):
    with open_wav(path) as sound:
        return sound.rate, sound.read()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_every_width_are_read(tmp_path, width):
    path, values = tmp_path / "a.wav", np.array([0.0, 0.5, -0.5, 0.25, -1.0])
    integers = (values * 2 ** (8 * width - 1)).astype(np.int64) + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, width, RATE, 0, "NONE", ""))
        file.writeframes(
            b"".join(int(i).to_bytes(width, "little", signed=width > 1) for i in integers)
        )
    rate, samples = read(path)
    assert rate == RATE
    np.testing.assert_allclose(samples, values, atol=1e-7)


def test_channels_are_mixed(tmp_path):
    samples = sentence(["lo"])
    write_wav(tmp_path / "one.wav", samples)
    write_wav(tmp_path / "two.wav", samples, channels=2)
    np.testing.assert_allclose(read(tmp_path / "one.wav")[1], read(tmp_path / "two.wav")[1])


def test_a_stream_is_read_whatever_the_size_in_its_header(tmp_path):
    samples = sentence(["lo", "hi"])
    content = write_wav(tmp_path / "a.wav", samples).read_bytes()
    expected = read(tmp_path / "a.wav")[1]
    for size in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        lying = content[:40] + size.to_bytes(4, "little") + content[44:]
        np.testing.assert_array_equal(open_stream(io.BytesIO(lying), "-", None).read(), expected)
    raw = open_stream(io.BytesIO(content[44:] + b"\0"), "-", RATE)
    np.testing.assert_array_equal(raw.read(), expected)


SOUND = bytes(1_600)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"RIFF", "it ends within the header"),
        (b"hello, this is text, and no sound at all", "RIFF"),
        (header()[:30], "it ends within the header|missing"),
        (b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff" + SOUND, "it ends within the header"),
        (header(channels=0) + SOUND, "0 channels"),
        (header(channels=999) + SOUND, "999 channels"),
        (header(bits=0) + SOUND, "bad sample width"),
        (header(bits=64) + SOUND, "64 bits a sample"),
        (header(rate=0) + SOUND, "0 samples a second"),
        (header(rate=4_000_000_000) + SOUND, "4,000,000,000 samples a second"),
        (header(form=3, bits=32) + SOUND, "its samples are floats"),
        (header(form=85) + SOUND, "of format 85"),
        (header(size=4_000_000_000) + SOUND, "4,000,000,000 bytes of sound, and there are 1,600"),
    ],
)
def test_files_that_lie_are_refused(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read(path)
    assert f"ffmpeg -i {path} -ac 1" in error.value.hint


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "a.wav")
    with pytest.raises(DataError, match="is no regular file"):
        read(tmp_path)
    (tmp_path / "a.mp3").write_bytes(b"ID3" + SOUND)
    with pytest.raises(DataError, match=r"it is \.mp3"):
        read(tmp_path / "a.mp3")
    with (tmp_path / "large.wav").open("wb") as file:
        file.write(header(size=MAX_BYTES))
        file.truncate(1 << 30)  # a hole: it takes no place on the disk
    with pytest.raises(DataError, match="1,074 MB"):
        read(tmp_path / "large.wav")
