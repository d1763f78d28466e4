import torch
import torch.nn as nn


class Model(nn.Module):
    """A residual branch whose dropout is off: the model is in evaluation mode."""

    def __init__(self, p):
        super().__init__()
        self.dropout = nn.Dropout(p)
        self.eval()

    def forward(self, x, y):
        return x + self.dropout(y)


def get_inputs():
    return [torch.randn(18, 70), torch.randn(18, 70)]


def get_init_inputs():
    return [0.25]
