"""What a model is like: scored from outside, seen from inside."""
