"""The parts of a tokenizer at each level: normalisation, pre-tokenization and decoding."""

from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend

from rnncli.config import Level
from rnncli.text.special_tokens import SPECIAL_TOKENS, UNK
from rnncli.text.unicode import UNSPACED

BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))

_SIGN = r"[^\s\p{L}\p{M}\p{N}_]"


def _word_pattern(unspaced: str) -> str:
    """Return a pattern of words, given the scripts that are split at every character.

    A word keeps the space before it, so that joining tokens gives the text back. An apostrophe
    belongs to the word before it when one or two letters follow (don't, we'll), else it stands
    alone (l'eau).
    """
    letter = rf"[\p{{L}}\p{{M}}\p{{N}}_&&[^{unspaced}]]"
    word = rf"{letter}+(?:['’]{letter}{{1,2}}(?!{letter}))?"
    return rf" ?(?:[{unspaced}]|{word}|{_SIGN})|\s"


WORDS = _word_pattern(UNSPACED)
# Lao, Burmese and Khmer were read as long words once. Models made then are read as they were.
WORDS_BEFORE_LAO = _word_pattern(r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}")
# Of pre-tokenized text, with spaces around its signs: "it 's late , <unk> said ." The spaces at the
# end of a line belong to its end, so that each line has one token more than words.
PRETOKENIZED_WORDS = r" *\n| ?\S+|\s"
WORD_PATTERNS = (WORDS, WORDS_BEFORE_LAO, PRETOKENIZED_WORDS)


def char_model(vocab: dict[str, int]) -> models.BPE:
    """Return a model of characters; those that the vocabulary lacks become their bytes."""
    return models.BPE(  # without merges, BPE splits into characters
        vocab=vocab, merges=[], byte_fallback=True, unk_token=SPECIAL_TOKENS[UNK]
    )


def word_model(vocab: dict[str, int]) -> models.WordLevel:
    """Return a model of whole words."""
    return models.WordLevel(vocab, unk_token=SPECIAL_TOKENS[UNK])


def build_backend(
    model: models.Model, level: Level, fold: bool, word_pattern: str = WORDS
) -> Backend:
    """Put around a vocabulary what the level needs. Old models are read with it: keep it so."""
    backend = Backend(model)
    match level:
        case "char":
            # In one piece a long text would be kept whole in the library's cache.
            backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?m:.{1,64})"), "isolated")
            backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        case "word":
            backend.pre_tokenizer = word_splitter(word_pattern, fold)
            backend.decoder = decoders.Fuse()
        case "subword":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=fold)
            backend.decoder = decoders.ByteLevel()
    if fold:
        backend.normalizer = normalizers.Lowercase()
    return backend


def word_splitter(pattern: str, fold: bool) -> pre_tokenizers.Sequence:
    """Return what cuts a text into words; with ``fold``, without the spaces between them."""
    pieces = [pre_tokenizers.Split(Regex(pattern), "isolated")]
    if fold:
        pieces.insert(0, pre_tokenizers.Split(Regex(r"\s+"), "removed"))
    return pre_tokenizers.Sequence(pieces)
