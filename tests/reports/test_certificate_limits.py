"""Which limits a certificate names, and what it tells of those on micrographs."""

from __future__ import annotations

from helpers.table_rows import row

from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.certificate_limits import limits_on_micrographs, limits_on_specimen
from gdest.reports.limits import Limit

ON_SPECIMEN = ("specimen",)
ON_MICROGRAPH = ("micrograph",)


def judged(table, *limits):
    return assign(table, Rules(None, limits))


def test_a_limit_that_does_not_fit_or_is_on_micrographs_did_not_judge_the_specimen():
    limits = [
        Limit("g >= 5.0", (("specimen", "P*"),), ON_SPECIMEN),
        Limit("g >= 5.5"),
        Limit("g >= 6.0", (("specimen", "nosuch*"),)),
        Limit("g >= 6.5", (("product", "sheet*"),), ON_SPECIMEN),
        Limit("g >= 7.0", (), ON_MICROGRAPH),
    ]
    table = judged([row(f"{number}.tif", product="bar") for number in range(5)], *limits)
    assert limits_on_specimen(limits, table) == ["G >= 5.0 (specimen P*)", "G >= 5.5"]
    assert [limit for limit, _ in limits_on_micrographs(limits, table)] == [
        "G >= 5.5, applies to 5 micrographs",
        "G >= 7.0, applies to 5 micrographs",
    ]


def test_each_limit_alone_decides_whether_it_is_named_as_the_verdict_of_the_specimen_does():
    """A specimen has a verdict under one limit where, and only where, its certificate names that limit."""
    scopes = [(), (("specimen", "P2"),), (("file", "2.*"),), (("product", "b?r"),), (("heat", "H*"),)]
    table = [row(f"{number}.tif", product="bar", heat="H1" if number else None) for number in range(3)]
    for scope in scopes:
        for on in (ON_SPECIMEN, ON_MICROGRAPH, ON_SPECIMEN + ON_MICROGRAPH):
            limit = Limit("g >= 5.0", scope, on)
            for specimen, rows in zip(specimen_rows(table, [limit]), (table[:1], table[1:]), strict=True):
                assert bool(limits_on_specimen([limit], rows)) is bool(specimen["verdict"])


def test_a_limit_on_some_fields_of_a_specimen_says_on_how_many():
    limit = Limit("g >= 5.0", (("file", "bars/*"),))
    table = judged([row("bars/1.tif"), row("bars/2.tif"), row("3.tif")], limit)
    assert limits_on_specimen([limit], table) == ["G >= 5.0 (file bars/*), on 2 of 3 micrographs"]


def test_each_limit_on_micrographs_has_its_own_verdicts_and_what_is_not_graded_is_told():
    fine, coarse = Limit("g >= 8.0", (), ON_MICROGRAPH), Limit("g <= 9.0", (("file", "[1-4]*"),), ON_MICROGRAPH)
    table = [
        row("1.tif", g=8.5, g_low=8.1, g_high=8.9),
        row("2.tif", g=8.6, g_low=8.2, g_high=9.0),
        row("3.tif", g=8.0, g_low=7.6, g_high=8.4),
        row("4.tif", g=7.0, g_low=6.6, g_high=7.4),
        row("5.tif", g=8.5, g_low=8.1, g_high=8.9, status="review"),
        row("6.tif", g=None, g_low=None, g_high=None, status="failed"),
    ]
    assert limits_on_micrographs([fine, coarse], judged(table, fine, coarse)) == [
        ("G >= 8.0, applies to 6 micrographs", "2 pass, 3 undecided (status failed 1, status review 1), 1 fail"),
        ("G <= 9.0 (file [1-4]*), applies to 4 micrographs", "4 pass"),
    ]


def test_a_micrograph_whose_verdict_was_taken_back_has_none_under_its_limits():
    limit = Limit("g >= 8.0", (), ON_MICROGRAPH)
    table = judged([row("1.tif", g_low=8.0), row("2.tif", g_low=8.0)], limit)
    table[0]["verdict"] = None
    assert limits_on_micrographs([limit], table) == [
        ("G >= 8.0, applies to 2 micrographs", "1 pass, 1 waits to be graded again")
    ]
