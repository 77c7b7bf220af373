"""Every CRM over HTTP, as the conformance suite drives it."""

from __future__ import annotations

from tests.crm.vendors import amocrm, bitrix24, hubspot, pipedrive, retailcrm, salesforce, zoho_crm, zoho_desk

ALL = (
    pipedrive.TOKEN,
    pipedrive.OAUTH,
    hubspot.HUBSPOT,
    bitrix24.BITRIX24,
    amocrm.TOKEN,
    amocrm.OAUTH,
    retailcrm.RETAILCRM,
    zoho_crm.ZOHO_CRM,
    zoho_desk.ZOHO_DESK,
    salesforce.REFRESH,
    salesforce.JWT,
)
