"""Write down what is said, and the defaults that commands show without loading anything."""

BEAM = 10  # prefixes: what is said is mostly clear, or not among the first hundred
LANGUAGE_MODEL_WEIGHT = 0.5  # of its log-probabilities, beside those of the sound
