"""Data parallel training: workers that compute with a part of each batch."""

import numpy as np
import pytest
import torch
from architectures import KINDS
from hypothesis import given
from hypothesis import strategies as st

from rnncli.data.batches import Window
from rnncli.tasks.classify.train import LabelledTexts
from rnncli.training.contract import TrainingState
from rnncli.training.loop import fit
from rnncli.training.parallel import Workers

every_task = pytest.mark.parametrize("name", KINDS)
DROPOUT = {"dropout": 0.3, "embedding_dropout": 0.2, "word_dropout": 0.1, "workers": 2}


def weights(progress):
    return {name: tensor.numpy() for name, tensor in progress.weights.items()}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


@every_task
def test_two_workers_learn_what_one_does_from_the_same_batches(run, name):
    *_, alone = run(name, steps=20, workers=1)[1]
    *_, two = run(name, steps=20, workers=2)[1]
    tensors = two.state().tensors
    for parameter, values in alone.state().tensors.items():
        if parameter.startswith("optimizer.weights"):
            torch.testing.assert_close(tensors[parameter], values, atol=1e-5, rtol=1e-5)
    assert two.loss == pytest.approx(alone.loss, abs=1e-5)
    assert two.evaluation.scores == pytest.approx(alone.evaluation.scores, abs=1e-3)


@every_task
def test_the_same_seed_and_workers_give_the_same_weights_to_the_last_bit(run, name):
    first, second = (run(name, steps=20, **DROPOUT)[1][-1] for _ in range(2))
    assert_equal(weights(first), weights(second))


@every_task
def test_each_worker_draws_random_numbers_of_its_own(run, name):
    two, alone = (run(name, steps=2, **DROPOUT | {"workers": n})[1][-1] for n in (2, 1))
    assert two.loss != alone.loss


@every_task
def test_workers_that_go_on_end_as_if_they_had_never_stopped(prepare, name):
    whole, settings = prepare(name, steps=15, **DROPOUT)
    *_, last = fit(whole, settings)
    first, settings = prepare(name, steps=15, **DROPOUT)
    for progress in fit(first, settings):
        if progress.step == 6:
            state = progress.state()
            break
    copied = TrainingState({k: t.clone() for k, t in state.tensors.items()}, state.numbers)
    torch.manual_seed(99)
    second, settings = prepare(name, steps=15, **DROPOUT)
    *_, resumed = fit(second, settings, state=copied)
    assert_equal(weights(resumed), weights(last))


@every_task
def test_more_workers_than_rows_are_no_error(run, name):
    *_, last = run(name, steps=3, workers=7)[1]
    assert last.step == 3


@every_task
def test_the_held_out_part_is_scored_the_same_by_any_number_of_workers(run, name):
    task, _ = run(name, steps=5, workers=1)
    task.model.eval()
    with torch.inference_mode():
        alone, three = (task.evaluate(Workers(n)).scores for n in (1, 3))
    assert three == pytest.approx(alone, abs=1e-5)


def test_memory_that_is_short_for_a_part_of_a_batch_cuts_the_parts(prepare):
    task, settings = prepare("classify", steps=3, workers=2)
    loss = task.loss

    def short_of_memory(batch, carry):
        if len(batch) > 1:
            raise MemoryError
        return loss(batch, carry)

    task.loss = short_of_memory
    first, *others = fit(task, settings)
    assert ["4 parts" in notice for notice in first.notices] == [True]
    assert not any(progress.notices for progress in others)


def test_nothing_but_steps_is_computed_with_several_threads(run):
    run("classify", steps=2, threads=2)
    assert torch.get_num_threads() == 1


def test_results_come_in_the_order_of_the_items():
    assert Workers(3).map(lambda item: item * item, range(20)) == [i * i for i in range(20)]


def test_an_error_of_a_worker_is_raised():
    with pytest.raises(ZeroDivisionError):
        Workers(2).map(lambda item: 1 / item, [1, 0])


def test_gradients_and_precision_are_those_of_the_calling_thread():
    def look(_: int) -> tuple[bool, torch.dtype]:
        x = torch.ones(2, 2)
        return torch.is_inference_mode_enabled(), (x @ x).dtype

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert Workers(2).map(look, range(4)) == [(True, torch.bfloat16)] * 4
    assert Workers(2).map(look, range(4)) == [(False, torch.float32)] * 4


lengths = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@given(lengths, st.integers(1, 9))
def test_a_batch_is_cut_into_parts_with_as_many_tokens_each(lengths: list[int], parts: int):
    array = np.array(lengths)
    tokens, classes = np.ones((len(array), 60), np.int64), np.zeros(len(array), np.int64)
    batch = LabelledTexts(tokens, array, classes, np.zeros(tokens.shape, bool))
    slices = batch.slices(parts)
    assert len(slices) == min(parts, len(array))
    rows = np.arange(len(array))
    np.testing.assert_array_equal(np.concatenate([rows[part] for part in slices]), rows)
    for part in slices:
        assert part.start < part.stop
        alone = part.stop - part.start == 1
        assert alone or array[part].sum() <= array.sum() / parts + 2 * array.max()
        assert batch.part(part).tokens.shape[1] in (array[part].max(), array[part].max() + 1)


@given(st.integers(1, 40), st.integers(1, 9))
def test_the_streams_of_a_text_are_shared_out_evenly(rows: int, parts: int):
    tokens = np.zeros((rows, 5), np.int64)
    sizes = [len(tokens[part]) for part in Window(tokens, tokens, tokens[:, 0] > 0).slices(parts)]
    assert sum(sizes) == rows
    assert max(sizes) - min(sizes) <= 1
