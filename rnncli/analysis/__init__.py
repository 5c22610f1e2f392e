"""Metrics of models, and analyses of their decisions and states."""
