"""The tokens that stand for no text, which have the same ids in every vocabulary."""

SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>")
PAD, UNK, BOS, EOS = range(4)
