import torch
import torch.nn as nn


class Model(nn.Module):
    """Lower triangle of the product of two lower triangular matrices."""

    def forward(self, a, b):
        return torch.tril(torch.tril(a) @ torch.tril(b))


def get_inputs():
    return [torch.randn(64, 64), torch.randn(64, 64)]


def get_init_inputs():
    return []
