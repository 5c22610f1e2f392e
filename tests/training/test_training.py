import hashlib
import math
import time
from dataclasses import replace
from itertools import count, islice

import numpy as np
import pytest
import torch
from architectures import KINDS
from small_tasks import DATA, TINY

from rnncli.config import CELLS
from rnncli.data.batches import Window
from rnncli.errors import ConfigError, RnncliError
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK
from rnncli.training.contract import TrainingState
from rnncli.training.device import choose_device, choose_precision
from rnncli.training.loop import fit
from rnncli.training.parallel import Workers

needs_bfloat16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="the processor lacks bfloat16"
)
every_task = pytest.mark.parametrize("name", KINDS)


def fingerprint(weights):
    """Return what two sets of weights share when they are equal to the last bit."""
    sums = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        sums.update(name.encode() + tensor.numpy().tobytes())
    return sums.hexdigest()[:16]


def state_of(task):
    return fingerprint(task.model.state_dict())


class Slow:
    """A task that takes its time to evaluate."""

    def __init__(self, task, seconds):
        self._task, self._seconds = task, seconds

    def __getattr__(self, name):
        return getattr(self._task, name)

    def evaluate(self, workers):
        time.sleep(self._seconds)
        return self._task.evaluate(workers)


# Learning


@every_task
@pytest.mark.parametrize("cell", CELLS)
def test_every_task_and_cell_can_learn_its_data_by_heart(run, name, cell):
    _, progress = run(name, cell=cell, steps=120, batch_size=16, bptt=64)
    scores = progress[-1].evaluation.scores
    assert progress[0].loss > 1
    assert scores["loss"] < 0.1
    assert scores.get("accuracy", 1) == scores.get("macro_f1", 1) == 1


@every_task
@pytest.mark.parametrize("cell", CELLS)
@needs_bfloat16
def test_training_in_bfloat16_learns_and_keeps_float32_weights(run, name, cell):
    task, progress = run(name, cell=cell, precision="bfloat16", steps=30)
    assert progress[-1].evaluation.scores["loss"] < 0.8 * progress[0].loss
    assert {p.dtype for p in task.model.parameters()} == {torch.float32}


@every_task
def test_two_layers_learn_too(run, name):
    _, progress = run(name, num_layers=2, steps=120)
    assert progress[-1].evaluation.scores["loss"] < 0.5 * progress[0].loss


@every_task
def test_training_turns_dropout_on_whatever_state_the_model_is_in(prepare, name):
    states = []
    for mode in (True, False):
        task, settings = prepare(name, dropout=0.5, steps=3)
        task.model.train(mode)
        list(fit(task, settings))
        states.append(state_of(task))
    assert states[0] == states[1]


# The budget


@every_task
@pytest.mark.parametrize("steps", [1, 7])
def test_a_budget_of_steps_is_kept_exactly(run, name, steps):
    _, progress = run(name, steps=steps)
    assert [p.step for p in progress] == list(range(1, steps + 1))
    assert [p.last for p in progress] == [False] * (steps - 1) + [True]
    assert [p.fraction for p in progress] == [step / steps for step in range(1, steps + 1)]


@every_task
def test_a_budget_of_epochs_is_kept_exactly(prepare, name):
    task, settings = prepare(name, epochs=3)
    progress = list(fit(task, replace(settings, steps=None)))
    assert len(progress) == 3 * task.steps_per_epoch
    assert progress[-1].epoch == 3


def test_the_budget_that_is_used_up_first_ends_training(run):
    _, progress = run("classify", epochs=100, steps=5)
    assert len(progress) == 5
    _, progress = run("classify", epochs=1, steps=100)
    assert len(progress) == 3


def test_a_budget_of_time_ends_training(prepare):
    task, settings = prepare("classify", patience=10**6)
    progress = list(fit(task, replace(settings, steps=None, epochs=None, max_time=0.3)))
    assert progress[-1].last
    assert progress[-1].fraction == 1
    assert progress[-1].evaluation is not None


@every_task
def test_an_epoch_has_as_many_batches_as_it_says(prepare, name):
    task, _ = prepare(name)
    assert len(list(task.batches(0))) == task.steps_per_epoch > 1


@every_task
def test_the_learning_rate_rises_and_falls_to_zero(run, name):
    _, progress = run(name, steps=50, patience=50)
    rates = [p.learning_rate for p in progress]
    peak = rates.index(max(rates))
    assert 0 < peak < 10
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[peak] == pytest.approx(TINY["learning_rate"], rel=0.01)
    assert rates[-1] < 0.01 * rates[peak]


def test_training_stops_when_the_held_out_score_no_longer_improves(run):
    unlike = {"text": ["zyx wvu tsr qpo nml kji hgf edc ba.\n"]}
    _, progress = run("generate", validation=unlike, steps=1_000, patience=3, average=0)
    evaluated = [p for p in progress if p.evaluation]
    assert progress[-1].last
    assert progress[-1].fraction < 1
    assert [p.best for p in evaluated[-4:]] == [True, False, False, False]


def test_the_best_scores_are_marked(run):
    unlike = {"text": ["zyx wvu tsr qpo nml kji hgf edc ba.\n"]}
    _, progress = run("generate", validation=unlike, steps=100, patience=100)
    evaluated = [p for p in progress if p.evaluation]
    losses = [p.evaluation.scores["loss"] for p in evaluated]
    assert [p.best for p in evaluated] == [
        loss == min(losses[: i + 1]) for i, loss in enumerate(losses)
    ]
    assert sum(p.best for p in evaluated) < len(evaluated)


@every_task
def test_the_last_step_is_always_evaluated(run, name):
    _, progress = run(name, evaluations=1)
    assert progress[-1].evaluation is not None
    assert progress[-1].weights is not None


# Repeating


@every_task
def test_the_same_seed_gives_the_same_weights_to_the_last_bit(run, name):
    (first, _), (second, _) = (run(name, dropout=0.3, word_dropout=0.2) for _ in range(2))
    assert state_of(first) == state_of(second)


@every_task
def test_another_seed_gives_other_weights(run, name):
    (first, _), (second, _) = (run(name, seed=seed) for seed in range(2))
    assert state_of(first) != state_of(second)


@every_task
def test_evaluating_leaves_training_as_it_was(run, name):
    (often, _), (once, _) = (run(name, dropout=0.3, evaluations=n) for n in (20, 1))
    assert state_of(often) == state_of(once)


def test_a_run_of_given_steps_is_evaluated_at_the_same_steps_on_a_slower_machine(prepare):
    def evaluated(seconds):
        task, settings = prepare("classify", steps=40, evaluations=10)
        return [p.step for p in fit(Slow(task, seconds), settings) if p.evaluation]

    assert evaluated(0.0) == evaluated(0.05)


@every_task
def test_an_epoch_repeats_and_differs_from_the_next(prepare, name):
    def tokens(epoch):
        task, _ = prepare(name, word_dropout=0.2)
        batches = list(task.batches(epoch))
        if name == "translate":
            return [(b.sources.tolist(), b.inputs.tolist(), b.targets.tolist()) for b in batches]
        if name == "classify":
            return [(b.tokens.tolist(), b.classes.tolist()) for b in batches]
        return [(b.inputs.tolist(), b.targets.tolist()) for b in batches]

    assert tokens(1) == tokens(1) != tokens(2)


# Averaged weights


@every_task
def test_what_is_kept_is_an_average_of_the_weights(run, name):
    task, progress = run(name, steps=40, average=0.5)
    averaged, raw = progress[-1].weights, task.model.state_dict()
    assert averaged.keys() == raw.keys()
    assert not any(torch.equal(averaged[key], raw[key]) for key in averaged)


@every_task
def test_without_averaging_the_last_weights_are_kept(run, name):
    task, progress = run(name, average=0.0)
    last = task.model.state_dict()
    rounded = {  # as it is saved
        name: tensor.half().float() if tensor.is_floating_point() else tensor
        for name, tensor in last.items()
    }
    assert fingerprint(progress[-1].weights) == fingerprint(rounded)


@every_task
@pytest.mark.parametrize("steps", [1, 3])
def test_a_very_short_run_keeps_weights_that_have_learned(prepare, name, steps):
    task, settings = prepare(name, steps=steps, average=0.2)
    before = state_of(task)
    *_, last = fit(task, settings)
    after = fingerprint(last.weights)
    assert after != before


def test_an_average_covers_the_last_share_of_the_steps(run):
    averages = {share: run("classify", steps=50, average=share) for share in (0.0, 0.2, 0.9)}
    last = averages[0.0][1][-1].weights

    def distance(share):
        weights = averages[share][1][-1].weights
        return math.sqrt(sum(((weights[k] - last[k]) ** 2).sum().item() for k in last))

    assert 0 < distance(0.2) < distance(0.9)


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_tied_weights_stay_tied(run, average):
    _, progress = run("generate", average=average)
    weights = progress[-1].weights
    assert weights["decoder.output.weight"] is weights["decoder.embedding.weight"]
    _, progress = run("translate", average=average)
    weights = progress[-1].weights
    assert weights["decoder.output.weight"] is weights["decoder.embedding.weight"]


@every_task
def test_the_scores_are_those_of_the_weights_beside_them(run, name):
    task, progress = run(name, average=0.5)
    last = progress[-1]
    task.model.load_state_dict(last.weights)
    task.model.eval()
    with torch.inference_mode():
        assert task.evaluate(Workers()) == last.evaluation


@every_task
def test_weights_that_were_given_out_are_not_trained_on(prepare, name):
    task, settings = prepare(name, evaluations=100, steps=20)
    training = fit(task, settings)
    early = next(p.weights for p in training if p.evaluation)
    before = fingerprint(early)
    *_, last = training
    assert fingerprint(early) == before != fingerprint(last.weights)


# Ends that nobody wished for


@every_task
def test_a_run_that_diverges_is_an_error_that_tells_what_to_try(run, name):
    with pytest.raises(RnncliError, match="diverged at step") as raised:
        run(name, learning_rate=1e38, clip=1e30)
    assert float(raised.value.hint.split("--learning-rate ")[1].split(",")[0]) < 1e38 / 8


@every_task
def test_leaving_the_loop_stops_training(prepare, name):
    states = []
    for steps in (4, 8):
        task, settings = prepare(name)
        for progress in fit(task, settings):
            if progress.step == steps:
                break
        again, _ = prepare(name)
        assert len(list(islice(fit(again, settings), steps))) == steps
        assert state_of(task) == state_of(again)
        states.append(state_of(task))
    assert states[0] != states[1]


def test_pairs_that_are_all_too_long_are_an_error_not_an_endless_loop(prepare, monkeypatch):
    monkeypatch.setitem(DATA, "translate", {"source": ["a" * 200] * 4, "target": ["b" * 200] * 4})
    with pytest.raises(RnncliError):
        prepare("translate", level="char")


def test_a_text_of_a_single_letter_is_an_error_that_asks_for_more(prepare, monkeypatch):
    monkeypatch.setitem(DATA, "generate", {"text": ["a"]})
    with pytest.raises(RnncliError, match="too short") as raised:
        prepare("generate")
    assert raised.value.hint


def test_no_gpu_is_an_error_where_one_was_asked_for():
    if torch.cuda.is_available():
        assert choose_device("cuda") == "cuda"
    else:
        with pytest.raises(ConfigError, match="CUDA"):
            choose_device("cuda")


def test_device_and_precision_are_as_asked_for():
    assert choose_device("cpu") == "cpu"
    assert choose_precision("float32", "cpu") == "float32"
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        assert choose_precision("bfloat16", "cpu") == "bfloat16"
    else:
        with pytest.raises(ConfigError, match="bfloat16"):
            choose_precision("bfloat16", "cpu")


# What is learned from


def test_word_dropout_hides_words_and_nothing_else(prepare):
    for name in ("classify", "translate"):
        plain, _ = prepare(name, word_dropout=0.0)
        dropped, _ = prepare(name, word_dropout=0.5)
        for before, after in zip(plain.batches(0), dropped.batches(0), strict=True):
            if name == "classify":
                assert not before.hidden.any()
                pairs = [(before.tokens, after.hidden)]
            else:
                assert (before.targets == after.targets).all()
                pairs = []
                for field in ("sources", "inputs"):
                    tokens, left = getattr(before, field), getattr(after, field)
                    assert (left[tokens != left] == UNK).all()
                    pairs.append((tokens, tokens != left))
            for tokens, changed in pairs:
                assert not np.isin(tokens[changed], [PAD, BOS, EOS]).any()
                assert 0.1 < changed[tokens > EOS].mean() < 0.9


def test_a_translator_learns_the_next_token_of_each_target(prepare):
    task, _ = prepare("translate")
    for batch in task.batches(0):
        assert (batch.inputs[:, 0] == BOS).all()
        inside = batch.inputs[:, 1:] != PAD
        assert (batch.inputs[:, 1:][inside] == batch.targets[:, :-1][inside]).all()
        assert ((batch.targets == EOS).sum(1) == 1).all()


def test_a_language_model_carries_its_state_from_window_to_window(prepare, monkeypatch):
    monkeypatch.setattr("rnncli.tasks.language_modeling.STATE_RESET_PROBABILITY", 0.0)
    task, _ = prepare("generate", batch_size=1)
    task.model.eval()
    windows = list(task.batches(0))
    with torch.no_grad():
        in_windows, carry = 0.0, ()
        for window in windows:
            loss, _, carry = task.loss(window, carry)
            in_windows += loss.item()
        whole = Window(
            np.concatenate([window.inputs for window in windows], 1),
            np.concatenate([window.targets for window in windows], 1),
            windows[0].keep_state,
        )
        at_once, targets, _ = task.loss(whole, ())
    assert in_windows == pytest.approx(at_once.item(), rel=1e-5)
    assert targets == sum(window.targets.size for window in windows)


def test_a_language_model_now_and_then_starts_from_an_empty_state(prepare):
    task, _ = prepare("generate")
    kept = np.concatenate(
        [w.keep_state for epoch in range(40) for w in list(task.batches(epoch))[1:]]
    )
    assert 0.01 < 1 - kept.mean() < 0.06
    task.model.eval()
    first, second = list(task.batches(0))[:2]
    resets, keeps = (replace(second, keep_state=np.full(len(second), on)) for on in (False, True))
    with torch.no_grad():
        fresh = task.loss(resets, ())[0]
        _, _, carry = task.loss(first, ())
        emptied = task.loss(resets, carry)[0]
        carried = task.loss(keeps, carry)[0]
    torch.testing.assert_close(emptied, fresh)
    assert (carried - fresh).abs() > 1e-3


def test_a_classifier_numbers_its_labels_in_their_order(prepare):
    task, _ = prepare("classify")
    assert task.labels == ("a", "b", "c")
    classes = np.concatenate([batch.classes for batch in task.batches(0)])
    assert np.bincount(classes).tolist() == [4, 4, 4]


@pytest.mark.parametrize("kind", range(3))
def test_a_label_that_training_has_not_seen_counts_as_a_mistake(prepare, kind):
    texts = DATA["classify"]["text"]
    validation = {"text": [*texts[:3], texts[3 + kind]], "label": ["a", "b", "c", "new"]}
    task, settings = prepare("classify", validation=validation, steps=60)
    *_, last = fit(task, settings)
    assert last.evaluation.scores["accuracy"] == 0.75
    assert last.evaluation.scores["macro_f1"] == pytest.approx((1 + 1 + 2 / 3 + 0) / 4)


def test_the_loss_counts_targets_once(prepare):
    counts = {"generate": 75, "classify": 12}  # characters but the first; texts
    for name, expected in counts.items():
        task, _ = prepare(name, batch_size=1)
        assert sum(task.loss(batch, ())[1] for batch in task.batches(0)) == expected
    task, _ = prepare("translate")
    batches = list(task.batches(0))
    ends = sum((batch.targets != PAD).sum() for batch in batches)
    assert sum(task.loss(batch, ())[1] for batch in batches) == ends


# What goes wrong


def spoil(task, at, how):
    """Let the loss of some steps be spoiled, as bad data or a bad kernel would do it."""
    whole, calls = task.loss, count(1)

    def loss(batch, carry):
        total, targets, carry = whole(batch, carry)
        return (how(total) if next(calls) in at else total), targets, carry

    task.loss = loss


def starve(task, rows, error):
    """Let memory run out for batches of more rows."""
    whole = task.loss

    def loss(batch, carry):
        if len(batch) > rows:
            raise error
        return whole(batch, carry)

    task.loss = loss


@every_task
@pytest.mark.parametrize(
    ("how", "told"),
    [(lambda loss: loss * float("nan"), "the loss is nan"), (lambda loss: loss * 1e30, "is ")],
)
def test_a_spoiled_step_is_taken_back_told_and_survived(prepare, name, how, told):
    task, settings = prepare(name, steps=40, patience=100)
    spoil(task, {7, 21}, how)
    progress = list(fit(task, settings))
    notices = [notice for p in progress for notice in p.notices]
    assert len(notices) == 2
    assert all("half the learning rate" in notice for notice in notices)
    assert "step 7, batch " in notices[0] and told in notices[0]
    assert all(p.isfinite().all() for p in task.model.parameters())
    assert progress[-1].evaluation.scores["loss"] < progress[0].loss
    usual, same = prepare(name, steps=40, patience=100)
    rate = list(fit(usual, same))[-2].learning_rate
    assert progress[-2].learning_rate == pytest.approx(rate / 4)


@every_task
def test_training_that_is_always_spoiled_ends_with_step_batch_and_tensor(prepare, name):
    task, settings = prepare(name, steps=40)
    spoil(task, range(100), lambda loss: loss * 1e38)
    with pytest.raises(RnncliError, match=r"diverged at step 4, batch \d+ of epoch") as raised:
        list(fit(task, settings))
    assert "weight" in raised.value.message or "the loss is" in raised.value.message


def test_a_loss_that_explodes_is_taken_back(prepare):
    task, settings = prepare("generate", steps=400, patience=1_000)
    spoil(task, range(120, 180), lambda loss: loss * 5_000)
    notices = [notice for p in fit(task, settings) for notice in p.notices]
    assert "the loss has grown from" in notices[0]
    assert len(notices) <= 3


@every_task
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
    ids=["python", "torch", "cuda"],
)
def test_where_memory_is_short_batches_are_cut_and_learned_from_as_one(prepare, name, error):
    usual, settings = prepare(name, steps=4)
    list(fit(usual, settings))
    task, settings = prepare(name, steps=4)
    starve(task, 1, error)
    progress = list(fit(task, settings))
    notices = [notice for p in progress for notice in p.notices]
    assert notices and all("out of memory" in notice for notice in notices)
    assert all(p.step == 1 for p in progress if p.notices)  # and never again
    for mine, expected in zip(task.model.parameters(), usual.model.parameters(), strict=True):
        torch.testing.assert_close(mine, expected, atol=2e-4, rtol=0)


def test_memory_that_is_too_short_for_one_row_is_explained(prepare):
    task, settings = prepare("classify")
    starve(task, 0, MemoryError())
    with pytest.raises(RnncliError, match="not enough memory for a single row"):
        list(fit(task, settings))


def test_other_errors_are_not_taken_for_want_of_memory(prepare):
    task, settings = prepare("classify")
    starve(task, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(fit(task, settings))


@every_task
def test_a_run_that_goes_on_ends_like_one_that_never_stopped(prepare, name):
    given = {"steps": 20, "dropout": 0.3, "word_dropout": 0.1}
    whole, settings = prepare(name, **given)
    *_, last = fit(whole, settings)
    for stop in (1, 5, 11, 19):
        first, settings = prepare(name, **given)
        for progress in fit(first, settings):
            if progress.step == stop:
                state = progress.state()
                break
        copied = TrainingState({k: t.clone() for k, t in state.tensors.items()}, state.numbers)
        torch.manual_seed(99)
        second, settings = prepare(name, **given)
        *_, resumed = fit(second, settings, state=copied)
        assert fingerprint(resumed.weights) == fingerprint(last.weights)
        assert resumed.evaluation == last.evaluation
        assert resumed.loss == last.loss


@every_task
def test_a_run_that_goes_on_goes_back_to_the_same_state_if_a_step_is_spoiled(prepare, name):
    given = {"steps": 20, "patience": 100}
    whole, settings = prepare(name, **given)
    spoil(whole, {14}, lambda loss: loss * float("nan"))
    *_, last = fit(whole, settings)
    first, settings = prepare(name, **given)
    state = next(progress for progress in fit(first, settings) if progress.step == 13).state()
    second, settings = prepare(name, **given)
    spoil(second, {1}, lambda loss: loss * float("nan"))
    progress = list(fit(second, settings, state=state))
    assert "half the learning rate" in progress[0].notices[0]
    assert fingerprint(progress[-1].weights) == fingerprint(last.weights)


@pytest.mark.parametrize("name", ["generate", "translate"])
def test_a_decoder_starts_from_how_often_each_token_occurs(prepare, name):
    task, _ = prepare(name)
    tokens = np.concatenate([batch.targets.ravel() for batch in task.batches(0)])
    counts = np.bincount(tokens[tokens != PAD])
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * np.log(shares)).sum()  # of guessing by frequency alone
    task.model.eval()
    with torch.no_grad():
        if name == "translate":  # words that are attended to know more than frequencies
            task.model.decoder.lexical_projection.weight.zero_()
        loss = task.evaluate(Workers()).scores["loss"]
    ignorance = math.log(len(task.model.decoder.output.bias))
    assert abs(loss - entropy) < 0.2 * (ignorance - entropy)
