"""``deployments/automations.yaml`` on a Prefect server: made, or renewed, never doubled."""

from pathlib import Path

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from vkflow.errors import SettingsError, TerminalError


def apply_automations(file: Path) -> list[str]:
    """Create the automations of a file, in place of those with the same names.

    One that a person has switched off stays off.

    The server is the one of ``PREFECT_API_URL``; deployments that are named must be there.

    Returns:
        Their names.

    Raises:
        SettingsError: the file is none of automations, or names a deployment that is not there;
            or no server is named.
        TerminalError: no server answers.
    """
    if not PREFECT_API_URL.value():
        raise SettingsError("PREFECT_API_URL must say where Prefect's server is")
    try:
        return _applied(yaml.safe_load(file.read_text(encoding="utf-8")))
    except httpx.TransportError:
        raise TerminalError(f"no server of Prefect answers at {PREFECT_API_URL.value()}") from None
    except (yaml.YAMLError, ObjectNotFound, ValueError, TypeError, LookupError) as error:
        raise SettingsError(f"{file} cannot be applied: {error}") from None


def _applied(automations: list[dict[str, object]]) -> list[str]:
    names = []
    with get_client(sync_client=True) as client:
        for fields in automations:
            automation = AutomationCore.model_validate(_with_ids(client, fields))
            for old in client.read_automations_by_name(automation.name):
                automation = automation.model_copy(update={"enabled": old.enabled})
                client.delete_automation(old.id)
            client.create_automation(automation)
            names.append(automation.name)
    return names


def _with_ids(client: SyncPrefectClient, fields: dict[str, object]) -> dict[str, object]:
    actions = []
    for action in fields["actions"]:  # type: ignore[attr-defined]
        action = dict(action)
        if name := action.pop("deployment", None):
            action["deployment_id"] = client.read_deployment_by_name(name).id
        actions.append(action)
    return {**fields, "actions": actions}
