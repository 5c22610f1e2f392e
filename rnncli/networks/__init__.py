"""The recurrent encoder-decoder, in PyTorch and in NumPy, and how tokens are chosen from it."""
