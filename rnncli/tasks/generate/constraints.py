"""Constraints on samples: one that violates any is drawn again (rejection sampling)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnncli.errors import RnncliError

MAX_TRIES = 20  # at a sample that satisfies all constraints


@dataclass(frozen=True)
class Constraint:
    """A condition on a sample, and the error that is raised where no try satisfies it."""

    is_satisfied: Callable[[Sequence[str]], Sequence[bool]]  # by each of some samples
    error: RnncliError  # raised after ``MAX_TRIES``


def violations(
    texts: Sequence[str], rows: Sequence[int], constraints: Sequence[Constraint]
) -> tuple[list[int], list[RnncliError]]:
    """Return the rows of texts that violate a constraint, and the errors of those violated."""
    violating, errors = set(), []
    for constraint in constraints:
        satisfied = constraint.is_satisfied([texts[row] for row in rows])
        missed = [
            row for row, is_satisfied in zip(rows, satisfied, strict=True) if not is_satisfied
        ]
        violating.update(missed)
        errors += [constraint.error] if missed else []
    return sorted(violating), errors


def not_blank(prompt: str) -> Constraint:
    """Return the constraint that a line which begins with a prompt is not blank."""
    return Constraint(
        lambda texts: [bool((prompt + text).strip()) for text in texts],
        RnncliError(
            f"the model wrote a blank line in each of {MAX_TRIES} tries",
            "raise --temperature, or give the beginning of the line as a prompt",
        ),
    )
