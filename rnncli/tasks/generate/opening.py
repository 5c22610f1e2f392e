"""What a language model reads before a text that has no prompt."""

from rnncli.networks.model_numpy import CausalLM
from rnncli.networks.numerics import softmax
from rnncli.text.batching import pad
from rnncli.text.tokenizer import Tokenizer

PARAGRAPH_ENDS = ("", ".", "。")
MIN_BLANK_LINE = 0.02  # probability: of models of plays 0.57 and 0.97, of sentences 0.0002


def opening(network: CausalLM, tokenizer: Tokenizer) -> list[int]:
    """Return the tokens after which a text begins: a newline or, of paragraphs, a blank line.

    A blank line comes after what a paragraph ends with: alone, it is rare in a training text.
    """
    newline = tokenizer.encode("\n")
    ends = [tokenizer.encode(sign) + newline for sign in PARAGRAPH_ENDS]
    logits, _ = network.read(*pad(ends))
    blank = softmax(logits)[:, newline[-1]]
    best = int(blank.argmax())
    return ends[best] + newline if blank[best] > MIN_BLANK_LINE else newline
