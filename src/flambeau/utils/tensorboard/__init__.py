"""Writing for TensorBoard, through tensorboardX. Follows ``torch.utils.tensorboard``."""

from flambeau.utils.tensorboard.writer import SummaryWriter

__all__ = ["SummaryWriter"]
