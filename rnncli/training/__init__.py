"""One training loop that knows no task, and what keeps a run alive."""
