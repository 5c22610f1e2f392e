"""Models whose weights are in int8."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from models import classifier, generator, pairs, reviews, translator
from safetensors.numpy import load_file, save_file
from shell import call

import rnncli
from rnncli.errors import ModelError
from rnncli.storage.quantization import quantize
from rnncli.storage.reading import load
from rnncli.text.files import sha256

MODELS = {"classify": classifier, "generate": generator, "translate": translator}
MATRIX, SCALES = "decoder.embedding.weight", "decoder.embedding.weight_scale"


@pytest.fixture(params=MODELS)
def models(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """Return a small model, and a copy that is quantized."""
    model = MODELS[request.param]()
    return model, quantized(model, tmp_path)


def quantized(model: Path, folder: Path) -> Path:
    copy = Path(shutil.copytree(model, folder / "quantized"))
    quantize(copy)
    return copy


def rewrite_tensors(model: Path, **changes: np.ndarray) -> None:
    """Replace tensors, and the checksum of their file, as whoever made the model could."""
    file = model / "model.safetensors"
    save_file(load_file(file) | changes, file)
    config = json.loads((model / "config.json").read_text())
    config["files"][file.name] = sha256(file)
    (model / "config.json").write_text(json.dumps(config))


def test_each_weight_is_within_half_a_step_of_what_it_was(models: tuple[Path, Path]) -> None:
    before, after = (load(model).weights for model in models)
    assert before.keys() == after.keys()
    for name, weight in before.items():
        # Half of the largest value / 127, and the half precision of the scale.
        step = np.abs(weight).max(-1, keepdims=True) / 127 if weight.ndim == 2 else 0.0
        assert (np.abs(after[name] - weight) <= 0.57 * step + 1e-9).all(), name


def test_its_matrices_are_half_as_large(models: tuple[Path, Path]) -> None:
    before, after = (load_file(model / "model.safetensors") for model in models)
    for name, tensor in before.items():
        assert after[name].nbytes == tensor.nbytes / (2 if tensor.ndim == 2 else 1)


def test_quantizing_twice_changes_nothing(models: tuple[Path, Path]) -> None:
    weights = (models[1] / "model.safetensors").read_bytes()
    quantize(models[1])
    assert (models[1] / "model.safetensors").read_bytes() == weights


def test_it_translates_as_before(tmp_path: Path) -> None:
    texts = ["the cat sings today", "my brother waits here", "a gull laughs again"]
    before, after = map(rnncli.Translator.load, (translator(), quantized(translator(), tmp_path)))
    assert [t.text for t in after(texts)] == [t.text for t in before(texts)]


def test_it_can_be_trained_further_and_is_a_usual_model_then(tmp_path: Path) -> None:
    model = quantized(classifier(), tmp_path)
    result = call("train", reviews(), "-o", tmp_path / "m", "--init-from", model, "--steps", 2)
    assert result.code == 0, result.err
    assert load(tmp_path / "m").description.quantization is None


def test_its_card_and_its_scores_are_there(tmp_path: Path) -> None:
    model = quantized(translator(), tmp_path)
    result = call("evaluate", model, pairs(), "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["sentences"] == 90


@pytest.mark.parametrize("scale", [-1.0, 79.0, np.inf, np.nan])
def test_a_scale_out_of_range_is_an_error(scale: float, tmp_path: Path) -> None:
    model = quantized(generator(), tmp_path)
    scales = load_file(model / "model.safetensors")[SCALES]
    scales[3] = scale
    rewrite_tensors(model, **{SCALES: scales})
    with pytest.raises(ModelError, match="out of range"):
        load(model)


@pytest.mark.parametrize("name", [MATRIX, SCALES])
def test_scales_and_matrices_that_do_not_fit_are_an_error(name: str, tmp_path: Path) -> None:
    model = quantized(generator(), tmp_path)
    rewrite_tensors(model, **{name: load_file(model / "model.safetensors")[name][:-1]})
    with pytest.raises(ModelError, match="does not fit"):
        load(model)


def test_a_quantization_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    model = quantized(generator(), tmp_path)
    config = (model / "config.json").read_text()
    (model / "config.json").write_text(config.replace('"int8"', '"int4"'))
    with pytest.raises(ModelError, match="quantization"):
        load(model)


def test_int8_weights_that_are_not_announced_are_an_error(tmp_path: Path) -> None:
    model = quantized(generator(), tmp_path)
    config = (model / "config.json").read_text()
    (model / "config.json").write_text(config.replace('"int8"', "null"))
    with pytest.raises(ModelError, match="does not fit"):
        load(model)
