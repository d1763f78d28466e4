import torch
import torch.nn as nn


class Model(nn.Module):
    """Causal attention of one head a batch entry."""

    def forward(self, q, k, v):
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        hidden = torch.ones(scores.shape[-2:], device=q.device).tril() == 0
        return torch.softmax(scores.masked_fill(hidden, float("-inf")), dim=-1) @ v


def get_inputs():
    return [torch.randn(2, 36, 8), torch.randn(2, 36, 8), torch.randn(2, 36, 8)]


def get_init_inputs():
    return []
