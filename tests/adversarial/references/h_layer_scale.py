import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((features,), 1e-5))

    def forward(self, x):
        return x * self.gamma


def get_inputs():
    return [torch.randn(40, 128)]


def get_init_inputs():
    return [128]
