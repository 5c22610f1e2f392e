"""The recurrent encoder-decoder, in PyTorch for training and in NumPy for inference.

What a network is made of is in `architecture`. PyTorch and NumPy stand side by side:

=====================  ==================  =====================================
in PyTorch             in NumPy
=====================  ==================  =====================================
`cells_torch`          `cells_numpy`       one class a cell: a new one goes here
`attention_torch`      `attention_numpy`   attention to the source
`encoder_torch`        `encoder_numpy`     what reads a text
`model_torch`          `model_numpy`       decoders, and whole networks
=====================  ==================  =====================================

For training alone: `embedding_torch`, `losses`, `bidirectional_lm`. For inference alone: `packing`
and `token_tables`, which make it quick; `sampling` and `beam_search`, which choose tokens; `knn`,
which mixes in what a datastore holds; `numerics`.

Shapes are noted behind the lines that make them. A letter means the same in all of rnncli:

====  ==========================================================================================
N     texts or sources in a batch
K     rows for each source, such as the hypotheses of a beam
R     rows of a decoder: N, or N K
S, T  steps of a source, and of a target or of a text alone
P     tokens of many texts, packed end to end
M     places that were chosen, or pairs of a datastore
V, U  tokens of a vocabulary, and those of them that are looked at
E     numbers of an embedding, and of what an output layer reads
H     units of a layer in one direction
D     numbers for each token from all directions of an encoder: H or 2 H
J     numbers of a key in a datastore
L     layers
C     classes
====  ==========================================================================================
"""
