"""Webhooks: who is told what, and the secret that signs it."""

import secrets

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from painpoints_api import webhooks
from painpoints_api.callers import Admin
from painpoints_api.once import RequestKey, once
from painpoints_api.problems import ProblemError, documented
from painpoints_api.records import Delivery, Webhook, new_id
from painpoints_api.schemas import WebhookIn, WebhookMade, WebhookOut, WebhooksOut
from painpoints_api.service import Serving

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
_MOST = 50


@router.post(
    "", status_code=201, response_model=WebhookMade, responses=documented(401, 403, 409, 422)
)
def create(
    service: Serving, caller: Admin, wanted: WebhookIn, key: RequestKey = None
) -> JSONResponse:
    """Let an address be told of events; its secret is shown this once."""
    webhooks.check_url(wanted.url, private=service.settings.webhooks_to_private)

    def keep(session: Session) -> WebhookMade:
        held = select(func.count()).where(Webhook.project_id == caller.project_id)
        if session.scalars(held).one() >= _MOST:
            raise ProblemError(409, f"a project has at most {_MOST} webhooks")
        row = Webhook(
            id=new_id("wh"),
            project_id=caller.project_id,
            url=wanted.url,
            events=sorted(set(wanted.events)),
            secret=secrets.token_urlsafe(32),
        )
        session.add(row)
        session.flush()
        caller.did(session, "webhook.create", row.id)
        return WebhookMade(**_shown(row).model_dump(), secret=row.secret)

    return once(service, caller, key, f"webhook {wanted.model_dump_json()}", keep, status=201)


def _shown(row: Webhook) -> WebhookOut:
    return WebhookOut(id=row.id, url=row.url, events=row.events, created_at=row.created_at)


@router.get("", responses=documented(401, 403))
def list_webhooks(service: Serving, caller: Admin) -> WebhooksOut:
    """List webhooks, without their secrets."""
    query = select(Webhook).where(Webhook.project_id == caller.project_id).order_by(Webhook.id)
    with service.database.read() as session:
        return WebhooksOut(items=[_shown(row) for row in session.scalars(query)])


@router.delete("/{webhook_id}", status_code=204, responses=documented(401, 403, 404))
def remove(service: Serving, caller: Admin, webhook_id: str) -> Response:
    """Tell this address nothing more."""
    with service.database.write() as session:
        found = session.get(Webhook, webhook_id)
        if found is None or found.project_id != caller.project_id:
            raise ProblemError(404, "no such webhook in this project")
        session.execute(delete(Delivery).where(Delivery.webhook_id == webhook_id))
        session.delete(found)
        caller.did(session, "webhook.remove", webhook_id)
    return Response(status_code=204)
