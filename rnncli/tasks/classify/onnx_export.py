"""Write a classifier as an ONNX model, which runs without rnncli.

The graph reads token ids and the buckets of n-grams, and gives probabilities; what makes these of
a text is in `onnx_script.py`, which is written beside it. Shapes: N texts, T tokens, F n-grams.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.errors import ConfigError, ModelError
from rnncli.networks.architecture import VECTORS, Architecture, Stack
from rnncli.networks.numerics import Floats
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.tensors import half_if_exact
from rnncli.tasks.classify.ngrams import NgramModel
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.text.special_tokens import PAD, UNK
from rnncli.text.unicode import PLAIN_SIGNS, UNSPACED
from rnncli.text.vectors import STEP

SCRIPT = Path(__file__).with_name("onnx_script.py")  # needs packages that rnncli does not
FILES = ("model.onnx", "classify.json", "classify.py", "tokenizer.json")
OPSET, ML_OPSET, IR_VERSION = 17, 2, 8  # of 2022: what runtimes since then read
# The operator of each cell, and the order of its gates in terms of ours.
OPERATORS = {"lstm": ("LSTM", (0, 3, 1, 2)), "gru": ("GRU", (1, 0, 2)), "rnn": ("RNN", (0,))}
LOWEST = np.finfo(np.float32).min


def write_onnx(classifier: TextClassifier, folder: Path) -> None:
    """Write the model, its tokenizer, labels and features, and a script that uses them.

    Raises:
        ConfigError: ONNX has no operator for the cell, or the package is not installed.
        ModelError: the folder holds other files.

    """
    if folder.exists() and (not folder.is_dir() or {f.name for f in folder.iterdir()} - {*FILES}):
        raise ModelError(f"{folder} holds other files", "name another folder, which is made")
    model = build(classifier).SerializeToString()
    ngrams = classifier.ngrams
    features = None if ngrams is None else asdict(ngrams.features) | {"unspaced": UNSPACED}
    signs = {chr(code): plain for code, plain in PLAIN_SIGNS.items()}
    description = {"labels": classifier.labels, "features": features, "plain_signs": signs}
    contents = (
        model,
        json.dumps(description, indent=2, ensure_ascii=False).encode(),
        SCRIPT.read_bytes(),
        classifier.tokenizer.to_json().encode(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(FILES, contents, strict=True):
        write_bytes(folder / name, content)


def build(classifier: TextClassifier) -> Any:
    """Build the ONNX model of a classifier.

    Raises:
        ConfigError: ONNX has no operator for the cell, or the package is not installed.

    """
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise ConfigError("--onnx needs the package onnx", "pip install 'rnncli[onnx]'") from None
    graph = _Graph()
    architecture, weights = classifier.network.architecture, classifier.network.weights
    inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", "T"])]
    members = [_network(graph, architecture, weights)]
    if classifier.ngrams is not None:
        inputs.append(helper.make_tensor_value_info("buckets", TensorProto.INT64, ["N", "F"]))
        members.append(_ngrams(graph, classifier.ngrams))
    logits = graph(
        "Sum",
        *(
            graph("Mul", graph("LogSoftmax", member, axis=-1), graph.constant(np.float32(weight)))
            for member, weight in zip(members, classifier.member_weights, strict=True)
        ),
    )
    graph("Softmax", logits, axis=-1, outputs=["probabilities"])
    shape: list[str | int | None] = ["N", len(classifier.labels)]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape)
    onnx_graph = helper.make_graph(
        graph.nodes, "classifier", inputs, [output], initializer=graph.initializers
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(onnx_graph, opset_imports=opsets, ir_version=IR_VERSION)


class _Graph:
    """A graph that grows by a node with each call, which returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def __call__(
        self, operator: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any
    ) -> str:
        from onnx import helper

        outputs = outputs or [f"{operator.lower()}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs[0]

    def constant(self, values: NDArray[Any] | np.generic) -> str:
        """Add values, in half precision where that is exact; return their name, as float32."""
        from onnx import TensorProto, numpy_helper

        stored = half_if_exact(values) if isinstance(values, np.ndarray) else np.array(values)
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(stored, name))
        return self("Cast", name, to=TensorProto.FLOAT) if stored.dtype == np.float16 else name

    def integers(self, *values: int) -> str:
        """Add whole numbers, such as axes; return their name."""
        return self.constant(np.array(values, np.int64))


def _network(graph: _Graph, architecture: Architecture, weights: Mapping[str, Floats]) -> str:
    """Add the network, from ``tokens`` (N, T); return its logits (N, C)."""
    from onnx import TensorProto

    encoder = architecture.encoder
    assert encoder is not None
    if encoder.cell not in OPERATORS:
        raise ConfigError(
            f"ONNX has no operator for the cell {encoder.cell}", "train a model with --cell lstm"
        )
    is_text = graph("Not", graph("Equal", "tokens", graph.integers(PAD)))  # (N, T)
    lengths = graph(
        "ReduceSum",
        graph("Cast", is_text, to=TensorProto.INT32),
        graph.integers(1),
        keepdims=0,
    )  # (N,)
    x = graph("Transpose", _embedding(graph, weights), perm=[1, 0, 2])  # (T, N, E)
    for layer in range(encoder.num_layers):
        x, last = _layer(graph, encoder, weights, layer, x, lengths)  # (T, N, D), (N, D)
    mask = graph("Unsqueeze", graph("Transpose", is_text, perm=[1, 0]), graph.integers(2))
    masked = graph("Where", mask, x, graph.constant(np.float32(LOWEST)))
    maximum = graph("ReduceMax", masked, axes=[0], keepdims=0)  # (N, D)
    total = graph("ReduceSum", x, graph.integers(0), keepdims=0)  # outputs after the end are 0
    count = graph("Cast", graph("Unsqueeze", lengths, graph.integers(1)), to=TensorProto.FLOAT)
    pooled = graph("Concat", maximum, graph("Div", total, count), last, axis=1)  # (N, 3 D)
    weight, bias = (graph.constant(weights[f"head.output.{name}"]) for name in ("weight", "bias"))
    return graph("Gemm", pooled, weight, bias, transB=1)


def _embedding(graph: _Graph, weights: Mapping[str, Floats]) -> str:
    """Add the embeddings (N, T, E), and word vectors beside them."""
    from onnx import TensorProto

    trained = weights["encoder.embedding.weight"]
    scale = graph.constant(np.float32(np.sqrt(trained.shape[1])))
    rows = "tokens"
    if VECTORS in weights:
        is_trained = graph("Less", "tokens", graph.integers(len(trained)))
        rows = graph("Where", is_trained, "tokens", graph.integers(UNK))
    embedded = graph("Mul", graph("Gather", graph.constant(trained), rows), scale)
    if VECTORS not in weights:
        return embedded
    vectors = graph("Gather", graph.constant(np.asarray(weights[VECTORS])), "tokens")
    vectors = graph("Cast", vectors, to=TensorProto.FLOAT)
    vectors = graph("Mul", vectors, graph.constant(np.float32(STEP)))
    return graph("Concat", embedded, vectors, axis=2)


def _layer(
    graph: _Graph,
    encoder: Stack,
    weights: Mapping[str, Floats],
    layer: int,
    x: str,
    lengths: str,
) -> tuple[str, str]:
    """Add a layer in all directions; return its outputs (T, N, D) and last states (N, D)."""
    operator, gates = OPERATORS[encoder.cell]

    def stacked(*names: str) -> str:
        """Return weights of all directions (directions, rows, ...) with the gates in order."""
        directions = []
        for direction in range(encoder.directions):
            prefix = f"encoder.layers.{layer}.{direction}."
            parts = [np.split(weights[prefix + name], len(gates)) for name in names]
            directions.append(np.concatenate([part[gate] for part in parts for gate in gates]))
        return graph.constant(np.stack(directions))

    outputs = [f"outputs_{layer}", f"last_{layer}"]
    options = {"linear_before_reset": 1} if operator == "GRU" else {}
    graph(
        operator,
        x,
        stacked("weight_ih"),
        stacked("weight_hh"),
        stacked("bias_ih", "bias_hh"),
        lengths,
        outputs=outputs,
        hidden_size=encoder.hidden_size,
        direction="bidirectional" if encoder.bidirectional else "forward",
        **options,
    )
    side_by_side = graph("Transpose", outputs[0], perm=[0, 2, 1, 3])  # (T, N, directions, H)
    last = graph("Transpose", outputs[1], perm=[1, 0, 2])  # (N, directions, H)
    return (
        graph("Reshape", side_by_side, graph.integers(0, 0, -1)),
        graph("Reshape", last, graph.integers(0, -1)),
    )


def _ngrams(graph: _Graph, ngrams: NgramModel) -> str:
    """Add the n-gram model, from ``buckets`` (N, F), padded with -1; return its logits (N, C)."""
    from onnx import TensorProto

    rows = graph(
        "LabelEncoder",
        "buckets",
        domain="ai.onnx.ml",
        keys_int64s=ngrams.buckets.tolist(),
        values_int64s=range(1, 1 + len(ngrams.buckets)),
        default_int64=0,
    )
    unknown = np.zeros((1, ngrams.weight.shape[1]), np.float32)
    weight = graph.constant(np.concatenate([unknown, ngrams.weight]))  # (1 + U, C)
    total = graph("ReduceSum", graph("Gather", weight, rows), graph.integers(1), keepdims=0)
    if ngrams.features.normalised:
        is_bucket = graph("GreaterOrEqual", "buckets", graph.integers(0))
        count = graph(
            "ReduceSum",
            graph("Cast", is_bucket, to=TensorProto.FLOAT),
            graph.integers(1),
            keepdims=1,
        )
        at_least_one = graph("Max", count, graph.constant(np.float32(1)))
        total = graph("Div", total, graph("Sqrt", at_least_one))
    return graph("Add", total, graph.constant(ngrams.bias))
