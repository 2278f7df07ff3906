"""Which partition a key belongs to: as every Kafka client's default partitioner has it, by murmur2.

The clients' own is written byte by byte and costs as much as checking an event's provider, time and codes.
"""

import struct
from functools import lru_cache

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of `key` among so many, the same for ever."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """Return the 32-bit hash, unsigned."""
    length = len(key)
    whole = length & ~3
    hashed = _SEED ^ length
    for word in struct.unpack_from(f"<{whole >> 2}I", key):
        mixed = (word * _MULTIPLIER) & _MASK
        hashed = (hashed * _MULTIPLIER) & _MASK ^ ((mixed ^ (mixed >> 24)) * _MULTIPLIER) & _MASK
    if length != whole:
        hashed = ((hashed ^ int.from_bytes(key[whole:], "little")) * _MULTIPLIER) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _MULTIPLIER) & _MASK
    return hashed ^ (hashed >> 15)
