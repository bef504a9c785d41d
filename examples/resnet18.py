"""ResNet-18 on handwritten digits.

    python examples/resnet18.py                    (with PyTorch)
    flambeau run examples/resnet18.py              (with flambeau)

The network of He et al., "Deep Residual Learning for Image Recognition" (2015): in its ImageNet
form, or with the small stem that is usual for small images. The images are the 1,797 digits that
scikit-learn ships.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    """Four stages of two blocks.

    Args:
        classes: number of classes.
        channels: channels of the images.
        width: channels of the first stage; each further stage has twice as many.
        small: a 3x3 stem without pooling, for images like CIFAR's, instead of ImageNet's.
    """

    def __init__(self, classes=1000, channels=3, width=64, small=False):
        super().__init__()
        if small:
            self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self.stage(width, width, 1)
        self.layer2 = self.stage(width, 2 * width, 2)
        self.layer3 = self.stage(2 * width, 4 * width, 2)
        self.layer4 = self.stage(4 * width, 8 * width, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8 * width, classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)

    @staticmethod
    def stage(inputs, outputs, stride):
        return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def digits():
    """Images (N, 1, 8, 8) in [0, 1] and their labels."""
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


def loss_of(model, batch):
    images, labels = batch
    return F.cross_entropy(model(images), labels, label_smoothing=0.1)


def optimizer_of(model, steps):
    """SGD with momentum, the learning rate on a cosine."""
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)


def main(steps=200, width=16, batch=64):
    """Train and print the loss; the losses of all steps."""
    torch.manual_seed(0)
    images, labels = digits()
    loader = DataLoader(TensorDataset(images, labels), batch, shuffle=True, drop_last=True)
    model = ResNet18(classes=10, channels=1, width=width, small=True)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    optimizer, scheduler = optimizer_of(model, steps)
    losses = []
    while len(losses) < steps:
        for data in loader:
            optimizer.zero_grad()
            loss = loss_of(model, data)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if len(losses) % 10 == 0:
                print(f"step {len(losses):4}  loss {losses[-1]:.4f}")
            if len(losses) == steps:
                break
    model.eval()
    with torch.no_grad():
        right = (model(images[:512]).argmax(1) == labels[:512]).float().mean().item()
    print(f"{right:.1%} of 512 images are recognised")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--width", type=int, default=16, help="channels of the first stage")
    options = parser.parse_args()
    main(options.steps, options.width)
