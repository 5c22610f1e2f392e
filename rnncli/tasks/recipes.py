"""How each task is trained; imports PyTorch."""

from typing import Any

from rnncli.config import Task
from rnncli.tasks.classify.recipe import ClassifierRecipe
from rnncli.tasks.generate.recipe import GeneratorRecipe
from rnncli.tasks.translate.recipe import TranslatorRecipe
from rnncli.training.contract import Recipe

RECIPES: dict[Task, Recipe[Any]] = {
    "classify": ClassifierRecipe(),
    "generate": GeneratorRecipe(),
    "translate": TranslatorRecipe(),
}
