"""The service's documentation says what the code says, and the jobs that are shipped are jobs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from dedupe_app.config import build
from dedupe_app.example import example
from dedupe_app.job_examples import SHIPPED, rows, shown
from dedupe_app.job_model import JobConfig, ServiceConfig, State

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "service.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")


@pytest.mark.parametrize("model", [JobConfig, ServiceConfig])
def test_every_key_is_documented_with_its_default_and_its_meaning(model: type[BaseModel]) -> None:
    for row in rows(model):
        assert row in PAGE.splitlines(), f"docs/service.md lacks this row:\n{row}"
    for key, info in model.model_fields.items():
        assert info.description, key
        assert f"`{key}`" in CONFIGURATION, key


def test_every_state_is_documented() -> None:
    for state in (*get_args(State), "killed"):
        assert f"| `{state}` |" in PAGE


def test_the_shipped_jobs_are_valid_once_their_comments_are_taken_away() -> None:
    text = example().split("# jobs:\n")[1].split("\n\n")[0]
    jobs = yaml.safe_load("\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines()))
    assert jobs == yaml.safe_load(SHIPPED)
    made = build({"jobs": jobs}, "the example").jobs
    assert [job.name for job in made] == ["onedrive-months", "onedrive-years", "photos-albums", "reanalyse", "nightly"]
    assert shown() in example()


def test_the_service_is_shown_with_its_defaults() -> None:
    text = example().split("# service:\n")[1].split("\n\n")[0]
    keys = yaml.safe_load("\n".join(line.removeprefix("#") for line in text.splitlines()))
    assert build({"service": keys}, "the example").service == ServiceConfig()
    assert set(keys) == set(ServiceConfig.model_fields)


def test_no_shipped_job_deletes_or_acts_on_more_than_identical_photos() -> None:
    for job in build({"jobs": yaml.safe_load(SHIPPED)}, "the example").jobs:
        assert job.action != "delete"
        assert set(job.trust) <= {"exact", "pixels"}
