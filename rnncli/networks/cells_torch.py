"""Layers in PyTorch, for training: embeddings, recurrent cells, and dropout that suits them.

Shape letters as in `model.py`. No Python loop runs over time.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SCAN_STEPS = 16  # more lose the fifth digit of the logits, and gain no speed
GATES = {"rnn": 1, "gru": 3, "lstm": 4, "mingru": 2}

State = tuple[Tensor, ...]  # of one layer: (h,) or, for an LSTM, (h, c); each (N, H)


def locked_dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Drop the same units at all time steps of a sequence (Gal and Ghahramani 2016, section 4)."""
    if not training or p == 0:
        return x
    mask = torch.empty_like(x[:, :1]).bernoulli_(1 - p) / (1 - p)  # (N, 1, H)
    return x * mask


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sequence within its own length and leave the padding where it is.

    A backward layer that reads the result meets the padding last, so that padding changes nothing.
    """
    steps = torch.arange(x.shape[1], device=x.device)  # (S,)
    ends = lengths.unsqueeze(1)  # (N, 1)
    index = torch.where(steps < ends, ends - 1 - steps, steps)  # (N, S)
    return x.gather(1, index.unsqueeze(2).expand_as(x))  # (N, S, H)


def last_step(x: Tensor, lengths: Tensor) -> Tensor:
    """Pick the output at each sequence's last step."""
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, x.shape[2])  # (N, 1, H)
    return x.gather(1, index).squeeze(1)  # (N, H)


class Embedding(nn.Embedding):
    """Look up tokens as vectors of unit variance.

    The weights themselves are smaller by the root of E, as an output layer that shares them needs
    (Vaswani et al. 2017, section 3.4); without the factor the recurrent weights drown the input.
    """

    def __init__(self, vocab_size: int, embedding_dim: int) -> None:
        super().__init__(vocab_size, embedding_dim)
        nn.init.normal_(self.weight, std=embedding_dim**-0.5)

    @torch.no_grad()
    def start_from(self, vectors: Tensor) -> None:
        """Let tokens begin as vectors (V, E), where these are not 0."""
        known = vectors.any(1)  # (V,)
        self.weight[known] = vectors[known]

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (N, T, E) for tokens (N, T)."""
        return super().forward(tokens) * math.sqrt(self.embedding_dim)


class Recurrent(nn.Module):
    """Run one recurrent layer in one direction over all time steps at once.

    ``rnn`` (Elman 1990), ``lstm`` (Hochreiter and Schmidhuber 1997; forget gate of Gers et al.
    2000) and ``gru`` (Cho et al. 2014) are PyTorch's fused layers; ``mingru`` (Feng et al. 2024,
    section 3.1) has gates that depend on the input alone, so that a parallel scan replaces the
    loop over time.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = cell
        self.hidden_size = hidden_size
        rows = GATES[cell] * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        if cell != "mingru":
            self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
            self.bias_hh = nn.Parameter(torch.zeros(rows))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start where gradients neither vanish nor explode.

        Input weights keep the variance (Glorot and Bengio 2010), recurrent weights are orthogonal
        in each gate (Saxe et al. 2014), forget gates start open (Jozefowicz et al. 2015), and so
        do the update gates that keep the old state.
        """
        for block in self.weight_ih.chunk(GATES[self.cell]):
            nn.init.xavier_uniform_(block)
        if self.cell != "mingru":
            for block in self.weight_hh.chunk(GATES[self.cell]):
                nn.init.orthogonal_(block)
        with torch.no_grad():
            if self.cell == "lstm" or self.cell == "gru":  # gates: input, forget, cell, output
                self.bias_ih[self.hidden_size : 2 * self.hidden_size] = 1.0
            elif self.cell == "mingru":  # gates: update, value; update = 0 keeps the state
                self.bias_ih[: self.hidden_size] = -1.0

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the outputs of all steps and the state after the last; x is (N, T, I)."""
        if self.cell == "mingru":
            return self._scan(x, state)
        if state is None:
            zero = x.new_zeros(x.shape[0], self.hidden_size)  # (N, H)
            state = (zero, zero) if self.cell == "lstm" else (zero,)
        weights: list[Tensor] = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        h = state[0].unsqueeze(0)  # (1, N, H)
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        options = (True, 1, 0.0, self.training, False, True)
        if self.cell == "lstm":
            c = state[1].unsqueeze(0)  # (1, N, H)
            out, h, c = torch.lstm(x, (h, c), weights, *options)  # (N, T, H), (1, N, H) twice
            return out, (h[0], c[0])
        run = torch.gru if self.cell == "gru" else torch.rnn_tanh
        out, h = run(x, h, weights, *options)  # (N, T, H), (1, N, H)
        return out, (h[0],)

    def _scan(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Solve h_t = (1 - z_t) h_{t-1} + z_t g(v_t) for all t (Feng et al. 2024, appendix B).

        In logarithms, since the products of many gates would underflow; in float32 and in pieces
        of SCAN_STEPS, since long sums of logarithms lose precision.
        """
        outputs = []
        for piece in torch.split(x, SCAN_STEPS, dim=1):
            out, state = self._scan_piece(piece, state)
            outputs.append(out)
        assert state is not None
        return torch.cat(outputs, 1), state

    def _scan_piece(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        gate, value = F.linear(x, self.weight_ih, self.bias_ih).float().chunk(2, dim=2)  # (N, T, H)
        log_keep = -F.softplus(gate)  # log (1 - z)
        log_update = -F.softplus(-gate)  # log z
        # log g(v), where g(v) = v + 0.5 for v >= 0, else sigmoid(v): always positive
        log_value = torch.where(value >= 0, (F.relu(value) + 0.5).log(), -F.softplus(-value))
        log_kept = log_keep.cumsum(1)  # (N, T, H) log of the share of the start that is left
        terms = log_update + log_value - log_kept  # (N, T, H)
        total = terms.logcumsumexp(1)  # (N, T, H)
        if state is not None:  # always positive: it came out of this function
            total = torch.logaddexp(total, state[0].float().log().unsqueeze(1))
        out = (log_kept + total).exp()  # (N, T, H)
        return out.to(x.dtype), (out[:, -1],)
