"""Metrics of models, and analyses of their predictions and states."""
