"""The three tasks: what each does differently with the one encoder-decoder."""
