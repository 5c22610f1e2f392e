"""Forecast series: quantiles of their next values."""
