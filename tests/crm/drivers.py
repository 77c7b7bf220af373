"""Every CRM over HTTP, as the conformance suite drives it."""

from __future__ import annotations

from tests.crm.vendors import hubspot, pipedrive

ALL = (pipedrive.TOKEN, pipedrive.OAUTH, hubspot.HUBSPOT)
