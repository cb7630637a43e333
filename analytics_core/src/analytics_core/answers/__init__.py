"""Questions about a published set, and a server on which agents ask them."""

from analytics_core.answers.questions import Answers, Unanswerable

__all__ = ["Answers", "Unanswerable"]
