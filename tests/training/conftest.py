"""Small tasks of each kind that the tests of training share."""

import pytest
from datasets import Dataset
from small_tasks import DATA, LEVELS, TINY

from rnncli.config import DEFAULTS
from rnncli.tasks.trainer import recipe_of
from rnncli.training.contract import TrainingData
from rnncli.training.device import start_torch
from rnncli.training.loop import fit


@pytest.fixture
def prepare(tmp_path):
    """Build a task as ``rnncli train`` does; it is scored on what it learns, unless told else."""

    def build(name, validation=None, **given):
        settings = DEFAULTS[name].with_overrides(TINY | {"level": LEVELS[name]} | given)
        start_torch(settings.seed)
        train = Dataset.from_dict(DATA[name])
        held_out = Dataset.from_dict(validation) if validation else train
        data = TrainingData(train, held_out)
        return recipe_of(name).prepare(data, settings, tmp_path, print).trainable, settings

    return build


@pytest.fixture
def run(prepare):
    """Train a task to the end and return it with all progress."""

    def train(name, **given):
        task, settings = prepare(name, **given)
        return task, list(fit(task, settings))

    return train
