"""What a settings field declares is what its value is checked by, under the name that the user knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from gdest.core.calibration import CalibrationSettings, PixelSizeRule
from gdest.core.errors import SettingsError
from gdest.core.option import POSITIVE, Asked, Declared, Option, at_least, between, check_fields, declared_fields
from gdest.core.settings import GradeSettings, answer_settings, with_pixel_size_rules


@dataclass(frozen=True)
class Oven:
    degrees: Annotated[float, Option("How hot.", between(20, 1200), flag="--heat")] = 20.0
    gas: Annotated[Literal["air", "argon", "vacuum"], Option()] = "air"
    hours_long: Annotated[float | None, Option("How long.", POSITIVE)] = None
    shelves: Annotated[int, at_least(1)] = 1
    name: str = "oven"


@pytest.mark.parametrize(
    ("oven", "sentence"),
    [
        (Oven(degrees=19.9), "--heat must be in 20..1200."),
        (Oven(degrees=1200.1), "--heat must be in 20..1200."),
        (Oven(degrees=float("nan")), "--heat must be in 20..1200."),
        (Oven(gas="steam"), "--gas is air, argon or vacuum."),
        (Oven(hours_long=0.0), "--hours-long must be positive."),
        (Oven(shelves=0), "shelves must be at least 1."),
    ],
)
def test_a_value_that_is_not_allowed_is_one_sentence_that_begins_with_its_option_or_key(oven, sentence):
    with pytest.raises(SettingsError) as caught:
        check_fields(oven)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("oven", [Oven(), Oven(1200.0, "vacuum", 0.1, 1, ""), Oven(20.0, "argon", None)])
def test_the_ends_of_a_range_and_what_is_not_stated_are_allowed(oven):
    check_fields(oven)


def test_a_command_asks_for_all_fields_with_an_option_but_those_it_leaves_out():
    def asked(which):
        return [field.name for field in declared_fields(Oven) if which.option(field)]

    assert asked(Asked()) == ["degrees", "gas", "hours_long"]
    assert asked(Asked(without=("gas",))) == ["degrees", "hours_long"]
    assert asked(Asked(only=("gas",))) == ["gas"]
    assert asked(Asked(only=("gas",), reworded={"degrees": Option("Heat.")})) == ["degrees", "gas"]


def test_a_rule_of_gdest_toml_is_corrected_by_its_keys_and_an_option_by_its_flag():
    for stated, needs in ((PixelSizeRule, "magnification needs camera_um."), (CalibrationSettings, "--camera-um.")):
        with pytest.raises(SettingsError, match=needs):
            stated(magnification=20.0, **({"glob": "*"} if stated is PixelSizeRule else {}))
    with pytest.raises(SettingsError, match=r"\[\[pixel_size\]\] 2: um_per_px must be a positive number\.$"):
        rules = [{"glob": "*", "um_per_px": 1}, {"glob": "*", "um_per_px": -1}]
        with_pixel_size_rules(GradeSettings(), {"pixel_size": rules})


@pytest.mark.parametrize(
    ("raw", "what"),
    [([1], "list of rules"), ([{"glob": "*", "um_per_px": True}], "wrong kind"),
     ([{"glob": "*", "um_per_px": 1, "trust": 1}], "wrong kind"), ([{"glob": 1, "um_per_px": 1}], "wrong kind")],
)  # fmt: skip
def test_a_rule_of_the_wrong_kind_is_one_sentence(raw, what):
    with pytest.raises(SettingsError, match=what):
        with_pixel_size_rules(GradeSettings(), {"pixel_size": raw})


def test_only_what_changes_an_answer_belongs_to_the_recipe():
    assert set(answer_settings(GradeSettings())) == {
        "calibration",
        "crops",
        "stride_px",
        "precision",
        "max_megapixels",
        "count",
    }


HEAT, GAS, ROOM = Option("Heat in the kiln.", POSITIVE, flag="--heat-c"), at_least(2), Asked(only=("gas",))
OTHER = Option("Bricks.", at_least(1))


def test_what_a_field_declares_is_read_from_its_annotation():
    """Of a class made here: what was declared before is known already."""

    @dataclass(frozen=True)
    class Kiln:
        heat: Annotated[float, HEAT] = 900.0
        gas: Annotated[int, GAS] = 2
        name: str = ""
        bricks: Annotated[int, OTHER, GAS] = 2
        oven: Annotated[Oven, ROOM] = Oven()

    assert declared_fields(Kiln) == (
        Declared("heat", float, HEAT, POSITIVE),
        Declared("gas", int, None, GAS),
        Declared("name", str),
        Declared("bricks", int, OTHER, GAS),
        Declared("oven", Oven, None, None, ROOM),
    )
    assert [one.flag for one in declared_fields(Kiln)] == ["--heat-c", "gas", "name", "--bricks", "oven"]
