"""What happens in a generator as it reads a text."""

from rnncli.analysis.traces import Reading, record
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.next_tokens import NextTokens, next_tokens, token_text
from rnncli.text.batching import pad


def inspect_generator(
    generator: TextGenerator, text: str, control: str | None = None
) -> tuple[tuple[Reading, ...], NextTokens]:
    """Read a text behind a newline and, where there is one, a control code.

    Raises:
        ConfigError: the model has no such control code, or needs one.

    """
    network, tokenizer = generator.network, generator.tokenizer
    context = generator.scoring_context(control)
    ids, pieces = tokenizer.encode_with_pieces(text)
    tokens = [*context, *ids]
    with record(network.layers) as traces:
        features, _ = network.features(pad([tokens])[0], network.empty_state(1))  # (1, T, E)
    names = (*(token_text(tokenizer, token) for token in context), *pieces)
    return (
        (Reading("decoder", names, tuple(traces)),),
        next_tokens(network, features[0], tokens, tokenizer, given=len(context)),
    )
