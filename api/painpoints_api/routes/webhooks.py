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
from painpoints_api.records import Delivery, Job, Webhook, new_id
from painpoints_api.schemas import FailureOut, WebhookIn, WebhookMade, WebhookOut, WebhooksOut
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


def _shown(row: Webhook, failure: FailureOut | None = None) -> WebhookOut:
    return WebhookOut(
        id=row.id, url=row.url, events=row.events, created_at=row.created_at, failure=failure
    )


@router.get("", responses=documented(401, 403))
def list_webhooks(service: Serving, caller: Admin) -> WebhooksOut:
    """List webhooks, without their secrets, and what each failed to receive."""
    query = select(Webhook).where(Webhook.project_id == caller.project_id).order_by(Webhook.id)
    with service.database.read() as session:
        failures = _failures(session, caller.project_id)
        rows = session.scalars(query)
        return WebhooksOut(items=[_shown(row, failures.get(row.id)) for row in rows])


def _failures(session: Session, project_id: str) -> dict[str, FailureOut]:
    """Return the newest failure of each webhook that has one."""
    failed = (
        select(Delivery, Job)
        .join(Job, Job.id == Delivery.job_id)
        .where(Delivery.project_id == project_id, Job.problem.is_not(None))
    )
    newest = failed.with_only_columns(func.max(Delivery.id)).group_by(Delivery.webhook_id)
    return {
        delivery.webhook_id: FailureOut(
            event=delivery.event,
            state=job.status,
            problem=job.problem,
            created_at=delivery.created_at,
        )
        for delivery, job in session.execute(failed.where(Delivery.id.in_(newest)))
    }


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
