import torch
import torch.nn as nn


class Model(nn.Module):
    """Lower triangle of the product of two lower triangular matrices."""

    def forward(self, a, b):
        return torch.tril(torch.tril(a) @ torch.tril(b))


def get_inputs():
    return [torch.randn(40, 40), torch.randn(40, 40)]


def get_init_inputs():
    return []
