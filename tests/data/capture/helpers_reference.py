import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return (x + self.bias).clamp(0, 6)


rows = 1 << 20
features = 96


def get_inputs():
    return [torch.rand(rows, features)]


def get_init_inputs():
    return [features]
