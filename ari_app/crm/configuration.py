"""The CRMs of a deployment, from a YAML file; without one there are none.

Every mistake is told at once, each on a line: file, CRM, field, what is wrong and how to mend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ari_app.crm.amocrm import AmoCrmSettings
from ari_app.crm.base import Crm
from ari_app.crm.bitrix24 import Bitrix24Settings
from ari_app.crm.csv_file import CsvSettings
from ari_app.crm.hubspot import HubSpotSettings
from ari_app.crm.pipedrive import PipedriveSettings
from ari_app.crm.retailcrm import RetailCrmSettings
from ari_app.crm.salesforce import SalesforceSettings
from ari_app.crm.settings import CrmSettings
from ari_app.crm.zoho_crm import ZohoCrmSettings
from ari_app.crm.zoho_desk import ZohoDeskSettings
from ari_app.http_client.listing import Listing
from ari_app.http_client.settings import Strict

AnySettings = (
    CsvSettings
    | PipedriveSettings
    | HubSpotSettings
    | ZohoDeskSettings
    | ZohoCrmSettings
    | SalesforceSettings
    | AmoCrmSettings
    | Bitrix24Settings
    | RetailCrmSettings
)
"""Every kind of CRM; a new one's settings are added here, by ``|``."""


class CrmsError(Exception):
    """The CRMs' configuration is wrong; the message has a line for each mistake."""


class _File(Strict):
    """The whole file."""

    crms: list[Annotated[AnySettings, Field(discriminator="kind")]] = Field(min_length=1)


_CRMS = Listing(_File, "CRM", "crms", "ARI_APP_CRM_FILE", CrmsError)


@dataclass(frozen=True, slots=True)
class Configured:
    """One CRM, and what is configured of it."""

    crm: Crm
    settings: CrmSettings


def load_crms(path: Path | None) -> tuple[Configured, ...]:
    """The CRMs, in the order of the file; none without one.

    Raises:
        CrmsError: the file cannot be read, is not private though it holds secrets, or says something wrong.
    """
    return tuple(Configured(one.build(), one) for one in _CRMS.read(path).crms) if path is not None else ()
