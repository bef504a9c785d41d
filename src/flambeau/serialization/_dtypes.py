"""The dtypes that checkpoints name, in NumPy's terms."""

from __future__ import annotations

import ml_dtypes
import numpy as np

__all__ = ["COMPLEX32", "NUMPY_DTYPES", "SAFETENSORS_NAMES", "STORAGE_CLASSES", "name_of"]

# NumPy has no half complex; its two halves keep the bytes until they are widened.
COMPLEX32 = np.dtype([("real", "<f2"), ("imag", "<f2")])

NUMPY_DTYPES: dict[str, np.dtype] = {
    "bool": np.dtype("bool"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "complex32": COMPLEX32,
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "float8_e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "float8_e8m0fnu": np.dtype(ml_dtypes.float8_e8m0fnu),
}

# Bytes of one number, for files written on a machine of the other byte order.
SWAP_SIZES: dict[str, int] = {
    name: 2 if name == "complex32" else dt.itemsize // (2 if dt.kind == "c" else 1)
    for name, dt in NUMPY_DTYPES.items()
}

_NAMES = {dtype: name for name, dtype in NUMPY_DTYPES.items()}

STORAGE_CLASSES: dict[str, str] = {
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "HalfStorage": "float16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "BFloat16Storage": "bfloat16",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
# dtypes that PyTorch has and that have no equivalent here; their storages are kept as bytes
OPAQUE_STORAGES: dict[str, int] = {
    "QInt8Storage": 1,
    "QUInt8Storage": 1,
    "QInt32Storage": 4,
    "QUInt4x2Storage": 1,
    "QUInt2x4Storage": 1,
}
# the storage class that PyTorch writes for a dtype; the others go as untyped bytes
CLASS_OF_DTYPE = {dtype: cls for cls, dtype in STORAGE_CLASSES.items()}

SAFETENSORS_NAMES: dict[str, str] = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}


def name_of(dtype: np.dtype) -> str | None:
    """PyTorch's name of a NumPy dtype, None where it has none."""
    if dtype.kind in "biufc" and dtype.isbuiltin == 1:
        dtype = dtype.newbyteorder("<") if dtype.itemsize > 1 else dtype
    return _NAMES.get(dtype)
