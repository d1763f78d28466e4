import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.bn = nn.BatchNorm2d(features).eval()

    def forward(self, x):
        return self.bn(x)


def get_inputs():
    return [torch.randn(2, 8, 16, 32)]


def get_init_inputs():
    return [8]
