"""The older path of `torch.hub`'s loader. Follows `torch.utils.model_zoo`."""

from flambeau.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
