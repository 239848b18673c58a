"""The service against its own description: whatever is sent, it answers as described."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.api.listening import listening
from tests.api.test_api import Api

pytestmark = pytest.mark.kills

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Described = tuple[schemathesis.BaseSchema, str]
BOUNDED = settings(
    max_examples=6,
    deadline=timedelta(seconds=60),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    """Yield the description of a running service that has a finished analysis."""
    api = Api(tmp_path_factory.mktemp("contract"), quota_queued=100_000)
    with api.client:
        analysis_id = api.analysed(n_people=40)
    with listening(api.client.app) as port:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json"), analysis_id


def test_answers_are_as_described(described: Described) -> None:
    """No request ends in an error of ours, in an undescribed status, or in another shape."""
    schema, analysis_id = described
    # streams do not end; versions of models are asked of another program, see test_training.py
    quick = schema.exclude(path_regex="/events$|/models/")
    operations = [o.ok() for o in quick.get_all_operations()]
    assert len(operations) > 25
    failures = []
    for operation in operations:

        @BOUNDED
        @given(case=operation.as_strategy())
        def answer(case: Case) -> None:
            for name in ("Authorization", "X-Api-Key", "Painpoints-Project"):
                case.headers.pop(name, None)  # others test these; here all is to be reached
            if "analysis_id" in case.path_parameters and case.method == "GET":
                case.path_parameters["analysis_id"] = analysis_id
            case.call_and_validate(checks=CHECKS, timeout=60)

        try:
            answer()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all are told together
            failures.append(f"{operation.label}: {error!r} {getattr(error, 'exceptions', '')}")
    assert failures == []
