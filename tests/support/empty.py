"""What stands where a descriptor is asked for and there is nothing to describe.

Spec: image-spec manifest.md#guidance-for-an-empty-descriptor
"""

from __future__ import annotations

from ocinb.spec import media_types
from ocinb.spec.descriptor import describe

EMPTY_JSON = b"{}"
EMPTY_DESCRIPTOR = describe(EMPTY_JSON, media_types.EMPTY)
