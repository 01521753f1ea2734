"""CodeCommit and CodeBuild as far as `accept.py` needs them in its rehearsal, on one port."""

from .server import CodeStandIn

__all__ = ["CodeStandIn"]
