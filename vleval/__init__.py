"""Evaluation of Qwen2.5-VL checkpoints. Holds nothing, so that `vleval --help` imports nothing heavy."""
