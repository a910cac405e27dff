"""`keepone demo --onedrive`: the OneDrive way without an account."""

from __future__ import annotations

from tests.cloud.conftest import Keepone, keepone, own_folders

__all__ = ["keepone", "own_folders"]


def test_the_demo_cleans_a_month_of_an_emulated_drive_and_brings_it_back(keepone: Keepone) -> None:
    shown = keepone("demo", "--onedrive", "--apply", "--keep", "d", data=None)
    assert shown.status == 0, shown.err
    assert " 18 of 18 copies found" in shown.err
    assert " Moved 18 duplicate files from 9 group(s) in 2024/06. Summary updated for 2024/06\n" in shown.err
    assert "originals downloaded: 0" in shown.err
    assert "Pictures/2024/duplicates_summary/2024-06.json" in shown.err
    assert "Brought back 18 duplicate files" in shown.err
    assert "the drive is as it was before" in shown.err


def test_the_demo_of_an_organisations_drive_reads_only_what_its_weak_digests_leave_open(keepone: Keepone) -> None:
    answer = keepone("demo", "--onedrive=business", "--apply", "--keep", "d", "--json", data=None).json
    assert answer["good"]
    assert answer["month"]["identical"]
    assert (answer["found"], answer["month"]["moved"], answer["month"]["groups"]) == (18, 18, 9)
