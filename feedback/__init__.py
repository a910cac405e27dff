"""What people told us, and what follows: labels, the memory of them, the learned score, and groups made again."""

from feedback.judge import judge_of

__all__ = ["judge_of"]
