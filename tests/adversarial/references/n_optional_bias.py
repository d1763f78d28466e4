import torch
import torch.nn as nn


class Model(nn.Module):
    """Whether a bias is added is a flag of the model."""

    def __init__(self, n, use_bias):
        super().__init__()
        self.use_bias = use_bias
        self.bias = nn.Parameter(torch.randn(n))

    def forward(self, x):
        return x * 2 + self.bias if self.use_bias else x * 2


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return [70, False]
