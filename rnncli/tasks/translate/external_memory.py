"""A translation memory of a person's own pairs, which the model was not trained on.

To read all pairs by the network takes a minute, and for a text few are retrieved. So pairs are read
when they are first retrieved, and what was read is kept in the cache.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rnncli.data.cleaning import clean_rows
from rnncli.data.columns import Columns, choose
from rnncli.data.encoded import encode
from rnncli.data.files import from_aligned_files, from_file
from rnncli.data.tables import Table
from rnncli.errors import DataError, ModelError
from rnncli.messages import Announce, plural
from rnncli.networks.knn import Interpolation
from rnncli.storage.tensors import TensorFile
from rnncli.tasks.translate.build_memory import MAX_TOKENS, PairReader, index_memory
from rnncli.tasks.translate.memory import TranslationMemory
from rnncli.text.sentences import clean
from rnncli.text.unicode import plain_signs

if TYPE_CHECKING:
    from rnncli.tasks.translate.predict import Translator

UNNAMED_PAIR = ("1", "2")  # the columns of a table without a header
MAX_LENGTH = 500  # tokens of a side: hardly any sentence is longer
VERSION = b"1"  # of what is cached
# The features of pairs that the model was not trained on differ more: only near ones tell, and
# those tell much. With the interpolation of training pairs, translations of 10,000 pairs of another
# domain were cut short, and BLEU was 3 lower than without them instead of 8 higher.
INTERPOLATION = Interpolation(share=0.7, half_saturation=0.1, inverse_temperature=80.0)


def read_memory(
    translator: "Translator", files: Sequence[Path], announce: Announce
) -> TranslationMemory:
    """Return a memory of the pairs in a table, TMX or two aligned files, by a translator.

    It is cached on this machine, under the fingerprints of the pairs and of the model.

    Raises:
        DataError: there are no such files, or no pairs in them.

    """
    if own := sum(map(len, translator.memories)):
        announce(f"memory: looked up beside the {plural(own, 'pair')} that the model keeps")
    if not 1 <= len(files) <= 2:
        raise DataError(
            f"a memory is one file or two aligned ones, not {len(files)}",
            "join them: cat a.tsv b.tsv > pairs.tsv",
        )
    source = from_file(files[0], Columns()) if len(files) == 1 else from_aligned_files(*files)
    table = source.tables["train"]
    key = [VERSION, translator.fingerprint.encode(), source.fingerprint.encode()]
    path = _folder() / f"{hashlib.sha256(b' '.join(key)).hexdigest()}.safetensors"
    try:
        return _cached(path, translator)
    except ModelError:
        pass  # there is none, or it is damaged
    columns = _columns(table, translator, announce)
    choice = choose(table, "translate", columns, source.known_columns)
    pairs = list(clean_rows(table, choice.columns))
    if not pairs:
        raise DataError(f"{source.where} has no pairs", "write on each line a text, a tab, a text")
    memory = _memory_of(translator, pairs)
    left_out = len(pairs) - len(memory)
    announce(
        f"memory: {plural(len(memory), 'pair')} of {source.where}"
        + (f"; {left_out:,} left out, of more than {MAX_TOKENS:,} tokens" if left_out else "")
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        memory.write(path)
        return _cached(path, translator)
    except OSError as error:
        announce(f"memory: not cached in {path.parent}: {error.strerror or error}")
        return _completed(memory, translator)


def _cached(path: Path, translator: "Translator") -> TranslationMemory:
    """Return a memory that was cached.

    Raises:
        ModelError: there is none, or it is damaged.

    """
    sizes = translator.tokenizer.vocab_size, translator.target_tokenizer.vocab_size
    width = translator.network.feature_size
    memory = TranslationMemory.read(TensorFile(path), width, sizes, is_writable=True)
    return _completed(memory, translator)


def _completed(memory: TranslationMemory, translator: "Translator") -> TranslationMemory:
    """Return a memory that finds keys as they are needed."""
    sides = memory.sources, memory.targets
    reader = PairReader(translator.network, *sides, translator.threads)
    read_keys = partial(reader.keys, basis=memory.basis)
    return replace(memory, interpolation=INTERPOLATION, read_keys=read_keys)


def _columns(table: Table, translator: "Translator", announce: Announce) -> Columns:
    """Return the columns of the model's languages, or two without names in their order."""
    data = translator.description.data
    if data is not None and data.languages and set(data.languages) <= set(table.names):
        return Columns(source=data.languages[0], target=data.languages[1])
    if tuple(table.names) == UNNAMED_PAIR:
        announce("memory: the first column is read as the source, the second as the target")
        return Columns(source=UNNAMED_PAIR[0], target=UNNAMED_PAIR[1])
    return Columns()


def _memory_of(translator: "Translator", pairs: Sequence[tuple[str, ...]]) -> TranslationMemory:
    """Encode pairs, and index them."""
    tokenizers = translator.tokenizer, translator.target_tokenizer
    texts = (plain_signs(clean(pair[0])) for pair in pairs), (clean(pair[1]) for pair in pairs)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        sources, targets = (
            encode(side, tokenizer, Path(folder, str(i)), add_eos=True, max_length=MAX_LENGTH - 1)
            for i, (side, tokenizer) in enumerate(zip(texts, tokenizers, strict=True))
        )
        return index_memory(PairReader(translator.network, sources, targets, translator.threads))


def _folder() -> Path:
    """Return where memories are cached."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home, "rnncli", "memories").expanduser()
