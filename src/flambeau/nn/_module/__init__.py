"""The parts that make up ``Module``, one concern per file."""
