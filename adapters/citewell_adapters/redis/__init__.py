"""What Redis or Valkey serves besides the queue."""

from citewell_adapters.redis.cache import RedisCache

__all__ = ["RedisCache"]
