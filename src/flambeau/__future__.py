"""How `Module.to` puts converted parameters in place. Follows `torch.__future__`.

Parameters here keep their identity in every case, so both switches are kept and change nothing.
"""

__all__ = [
    "get_overwrite_module_params_on_conversion",
    "get_swap_module_params_on_conversion",
    "set_overwrite_module_params_on_conversion",
    "set_swap_module_params_on_conversion",
]

_overwrite = False
_swap = False


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Kept. Follows ``torch.__future__.set_overwrite_module_params_on_conversion``."""
    globals()["_overwrite"] = value


def get_overwrite_module_params_on_conversion() -> bool:
    """What was set. Follows ``torch.__future__.get_overwrite_module_params_on_conversion``."""
    return _overwrite


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Kept. Follows ``torch.__future__.set_swap_module_params_on_conversion``."""
    globals()["_swap"] = value


def get_swap_module_params_on_conversion() -> bool:
    """What was set. Follows ``torch.__future__.get_swap_module_params_on_conversion``."""
    return _swap
