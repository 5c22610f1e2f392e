"""The recurrent encoder-decoder, in PyTorch for training and in NumPy for inference.

`architecture` describes a network. Its parts, in PyTorch and in NumPy:

=====================  ==================  =====================================
in PyTorch             in NumPy
=====================  ==================  =====================================
`cells_torch`          `cells_numpy`       one class a cell: a new one goes here
`embedding_torch`      `embedding_numpy`   embeddings of tokens
`attention_torch`      `attention_numpy`   attention to the source
`encoder_torch`        `encoder_numpy`     encoder and pooling of a text
`model_torch`          `model_numpy`       decoders, and whole networks
=====================  ==================  =====================================

For training alone: `losses`, `bidirectional_lm`, `random_torch` (random numbers of each worker).
For inference alone: `sampling`, `beam_search`, `knn` (interpolation with a datastore), `numerics`.

Comments give the shapes of arrays. A letter means the same in all of rnncli:

====  ==========================================================================================
N     texts or sources in a batch
K     rows for each source, such as the hypotheses of a beam
R     rows of a decoder: N, or N K
S, T  steps of a source, and of a target or of a text alone
P     tokens of many texts, packed end to end
M     selected positions, or pairs of a datastore
V, U  tokens of a vocabulary, and of a part of it
E     size of an embedding, and of the features that an output layer reads
H     units of a layer in one direction
D     output size of an encoder, of all directions: H or 2 H
J     size of a key in a datastore
L     layers
C     classes
====  ==========================================================================================
"""
