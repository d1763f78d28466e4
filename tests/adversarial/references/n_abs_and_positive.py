import torch
import torch.nn as nn


class Model(nn.Module):
    """A list of a float tensor and a bool tensor."""

    def forward(self, x):
        return [x.abs(), x > 0]


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return []
