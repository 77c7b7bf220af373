"""What the configuration has of every CRM that is asked over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core.core_schema import ValidationInfo

from ari_app.crm.settings import CrmSettings
from ari_app.http_client.settings import Reach, Reading, check_private


class HttpCrmSettings(CrmSettings, Reach):
    """Where it is and how to get there.

    ``region`` (ISO 3166, such as RU) is the country of the telephone numbers that are kept without their country code;
    by default only those with one are recognised. The time-outs are for renewing a token; a look-up has less.
    """

    region: str = Field("ZZ", pattern="^[A-Z]{2}$")


def _kept_path(path: Path, info: ValidationInfo) -> Path:
    whole = info.context.folder / path if isinstance(info.context, Reading) else path
    if not os.access(whole.parent, os.W_OK | os.X_OK):
        raise ValueError(f"{whole.parent} is no folder that can be written to; make it, or name another")
    if whole.exists():
        check_private(whole)
    return whole


KeptFile = Annotated[Path, AfterValidator(_kept_path)]
"""A file of mode 0600 that is ours to write, relative to the configuration's folder."""
