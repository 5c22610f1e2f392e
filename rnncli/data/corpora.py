"""Corpora that rnncli knows by name: where they are and which columns they have."""

from dataclasses import dataclass
from pathlib import Path

from rnncli.errors import DataError


@dataclass(frozen=True)
class PublicCorpus:
    """Describe a corpus of the Hugging Face hub."""

    hub_id: str
    licence: str  # as the hub or the source states it; "unknown" where neither does
    columns: dict[str, str]  # canonical name -> name in the corpus
    config: str | None = None  # what the hub calls a subset
    revision: str | None = None  # a commit; None: the newest


DEFAULT_CORPUS = "reviews"

# Small corpora that were written for rnncli and come with it: the file of each.
BUNDLED = {"reviews": "reviews.csv", "stories": "stories.txt", "phrasebook": "phrasebook.tsv"}
BUNDLED_LICENCE = "MIT"

TEXT_AND_LABEL = {"text": "text", "label": "label"}

# A corpus with a revision gives the same data for ever. Some are open for research only: what a
# model trained on them may be used for is for the person who trains it to find out.
PUBLIC: dict[str, PublicCorpus] = {
    # Labelled texts.
    "imdb": PublicCorpus(
        hub_id="stanfordnlp/imdb",
        licence="unknown",
        columns=TEXT_AND_LABEL,
        revision="e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
    ),
    "sst2": PublicCorpus(
        hub_id="stanfordnlp/sst2",
        licence="unknown",
        columns={"text": "sentence", "label": "label"},
        revision="8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb",
    ),
    "rotten_tomatoes": PublicCorpus(
        hub_id="cornell-movie-review-data/rotten_tomatoes",
        licence="unknown",
        columns=TEXT_AND_LABEL,
        revision="aa13bc287fa6fcab6daf52f0dfb9994269ffea28",
    ),
    "ag_news": PublicCorpus(
        hub_id="fancyzhx/ag_news",
        licence="non-commercial",
        columns=TEXT_AND_LABEL,
        revision="eb185aade064a813bc0b7f42de02595523103ca4",
    ),
    "yelp_polarity": PublicCorpus(
        hub_id="fancyzhx/yelp_polarity",
        licence="unknown",
        columns=TEXT_AND_LABEL,
    ),
    "tweet_eval": PublicCorpus(
        hub_id="cardiffnlp/tweet_eval",
        licence="unknown",
        columns=TEXT_AND_LABEL,
        config="sentiment",
        revision="b3a375baf0f409c77e6bc7aa35102b7b3534f8be",
    ),
    "emotion": PublicCorpus(
        hub_id="dair-ai/emotion",
        licence="research only",
        columns=TEXT_AND_LABEL,
        config="split",
        revision="cab853a1dbdf4c42c2b3ef2173804746df8825fe",
    ),
    "dbpedia_14": PublicCorpus(
        hub_id="fancyzhx/dbpedia_14",
        licence="CC BY-SA 3.0",
        columns={"text": "content", "label": "label"},
        revision="9abd46cf7fc8b4c64290f26993c540b92aa145ac",
    ),
    "banking77": PublicCorpus(
        hub_id="mteb/banking77",
        licence="CC BY 4.0",
        columns={"text": "text", "label": "label_text"},
        revision="0fd18e25b25c072e09e0d92ab615fda904d66300",
    ),
    "sms_spam": PublicCorpus(
        hub_id="ucirvine/sms_spam",
        licence="CC BY 4.0",
        columns={"text": "sms", "label": "label"},
    ),
    # Running text.
    "wikitext-2": PublicCorpus(
        hub_id="Salesforce/wikitext",
        licence="CC BY-SA 3.0",
        columns={"text": "text"},
        config="wikitext-2-raw-v1",
        revision="b08601e04326c79dfdd32d625aee71d232d685c3",
    ),
    "wikitext-103": PublicCorpus(
        hub_id="Salesforce/wikitext",
        licence="CC BY-SA 3.0",
        columns={"text": "text"},
        config="wikitext-103-raw-v1",
        revision="b08601e04326c79dfdd32d625aee71d232d685c3",
    ),
    "tinystories": PublicCorpus(
        hub_id="roneneldan/TinyStories",
        licence="CDLA-Sharing-1.0",
        columns={"text": "text"},
        revision="f54c09fd23315a6f9c86f9dc80f725de7d8f9c64",
    ),
    # Pairs; other languages by their codes, as in tatoeba:en-ja.
    "multi30k": PublicCorpus(
        hub_id="bentrevett/multi30k",
        licence="non-commercial",
        columns={"source": "en", "target": "de"},
    ),
    "tatoeba": PublicCorpus(
        hub_id="sentence-transformers/parallel-sentences-tatoeba",
        licence="CC BY 2.0 FR",
        columns={"source": "english", "target": "non_english"},
        config="en-fr",
    ),
    "opus_books": PublicCorpus(
        hub_id="Helsinki-NLP/opus_books",
        licence="free for personal use, education and research",
        columns={"source": "en", "target": "fr"},
        config="en-fr",
        revision="1f9f6191d0e91a3c539c2595e2fe48fc1420de9b",
    ),
    "opus100": PublicCorpus(
        hub_id="Helsinki-NLP/opus-100",
        licence="unknown",
        columns={"source": "en", "target": "fr"},
        config="en-fr",
        revision="805090dc28bf78897da9641cdf08b61287580df9",
    ),
}


def bundled_path(name: str) -> Path:
    """Return the file of the bundled corpus ``name``.

    An installed rnncli carries the files inside the package; a source checkout has them in
    ``data/`` beside it.

    Raises:
        DataError: the file is in neither place.
    """
    return bundled_file(BUNDLED[name])


def bundled_file(name: str) -> Path:
    """Return the path of a file that comes with rnncli.

    Raises:
        DataError: it is missing.
    """
    package = Path(__file__).resolve().parent.parent  # of rnncli
    places = [package / "bundled", package.parent / "data"]
    for place in places:
        if (path := place / name).is_file():
            return path
    raise DataError(
        f"the bundled file {name} is missing: it is in none of {', '.join(map(str, places))}",
        hint="pip install --force-reinstall rnncli",
    )
