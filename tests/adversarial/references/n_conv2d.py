import torch
import torch.nn as nn


class Model(nn.Module):
    """3x3 convolution with bias."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


def get_inputs():
    return [torch.randn(2, 1, 17, 6)]


def get_init_inputs():
    return [1, 3]
