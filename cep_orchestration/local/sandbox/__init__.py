"""The sandbox: one web application that stands in for the outside services, for development and tests only.

It keeps what it was sent and shows it on a page. It sends nothing to anybody and never runs in production.
"""

from cep_orchestration.local.sandbox.app import create_app

__all__ = ["create_app"]
