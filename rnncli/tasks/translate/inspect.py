"""What happens in a translator as it reads a text and writes its translation."""

from shlex import quote

from rnncli.analysis.traces import Reading, record
from rnncli.errors import DataError
from rnncli.storage.model_names import model_name
from rnncli.tasks.next_tokens import next_tokens
from rnncli.tasks.predictions import WrittenTranslation
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.translate.segmentation import MAX_CHARACTERS
from rnncli.text.batching import pad
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import BOS, EOS, SPECIAL_TOKENS
from rnncli.text.unicode import plain_signs


def inspect_translator(
    translator: Translator, text: str
) -> tuple[tuple[Reading, ...], WrittenTranslation]:
    """Translate a text, and read both by teacher forcing.

    Raises:
        DataError: the text is blank, or too long to be translated as a whole.

    """
    source = plain_signs(clean(text))
    if not source:
        raise DataError(
            "a blank text has no translation",
            f"rnncli inspect {quote(model_name(translator.path))} 'Good morning.'",
        )
    if len(source) > MAX_CHARACTERS:
        raise DataError(
            f"a text of {len(source):,} characters is translated in pieces",
            f"give at most {MAX_CHARACTERS:,} characters, such as one sentence",
        )
    translation = translator([text], split=False)[0].text
    network, target_tokenizer = translator.network, translator.target_tokenizer
    source_ids, source_pieces = translator.tokenizer.encode_with_pieces(source)
    target_ids, target_pieces = target_tokenizer.encode_with_pieces(translation)
    inputs = [BOS, *target_ids]
    with record(network.layers) as traces:
        state = network.encode(*pad([[*source_ids, EOS]]))
        features, _ = network.features(pad([inputs])[0], state)  # (1, T, E)
    encoder = [trace for trace in traces if trace.layer.startswith("encoder.")]
    decoder = [trace for trace in traces if trace.layer.startswith("decoder.")]
    expected = next_tokens(network, features[0], inputs, target_tokenizer, given=1)
    readings = (
        Reading("encoder", (*source_pieces, SPECIAL_TOKENS[EOS]), tuple(encoder)),
        Reading("decoder", (SPECIAL_TOKENS[BOS], *target_pieces), tuple(decoder)),
    )
    return (
        readings,
        WrittenTranslation(translation, translator.align([text], [translation])[0], expected),
    )
