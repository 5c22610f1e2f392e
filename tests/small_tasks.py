"""A few rows for each task, and settings with which a network learns them in a moment."""

DATA = {
    "generate": {"text": ["abc def, ghi jkl mno.\n", "pqr stu vwx yz!\n"] * 2},
    "classify": {
        "text": [f"word{i} " + "fine " * (i % 4) for i in range(12)],
        "label": ["abc"[i % 3] for i in range(12)],
    },
    "translate": {
        "source": [f"one{i} two " + "three " * (i % 3) for i in range(8)],
        "target": ["three " * (i % 3) + f"owt {i}eno" for i in range(8)],
    },
}
# Small, without what keeps a model from learning its data by heart, and for a run that repeats.
TINY = {
    "embedding_dim": 32,
    "hidden_size": 32,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "label_smoothing": 0.0,
    "weight_decay": 0.0,
    "learning_rate": 0.02,
    "batch_size": 4,
    "bptt": 8,
    "precision": "float32",
    "device": "cpu",
    "steps": 12,
}

LEVELS = {"generate": "char", "classify": "word", "translate": "word"}
