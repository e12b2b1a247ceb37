"""JobQueue on Dramatiq with Redis or Valkey: the broker, the announcing and the consuming side."""

from citewell_adapters.dramatiq.broker import build_broker, ping
from citewell_adapters.dramatiq.consumer import DramatiqConsumer
from citewell_adapters.dramatiq.queue import DramatiqJobQueue

__all__ = ["DramatiqConsumer", "DramatiqJobQueue", "build_broker", "ping"]
