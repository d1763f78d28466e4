import torch
import torch.nn as nn


class Model(nn.Module):
    """Index of the first smallest of each row, int64."""

    def forward(self, x):
        return x.argmin(dim=1)


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return []
