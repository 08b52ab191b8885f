"""``deployments/automations.yaml`` on a Prefect server: made, or renewed, never doubled."""

from pathlib import Path

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore


def apply_automations(file: Path) -> list[str]:
    """Create the automations of a file, in place of those with the same names.

    One that a person has switched off stays off.

    The server is the one of ``PREFECT_API_URL``; deployments that are named must be there.

    Returns:
        Their names.
    """
    names = []
    with get_client(sync_client=True) as client:
        for fields in yaml.safe_load(file.read_text(encoding="utf-8")):
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
