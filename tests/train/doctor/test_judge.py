"""At most five findings, the worst first; causes stand before what follows from them."""

from recurra.spec.settings import Settings
from recurra.train.doctor.judge import MOST, RULES, findings, short


def test_a_healthy_training_has_no_findings_and_says_so(seen):
    assert findings(seen()) == []
    assert short([]) == ["doctor: nothing found that looks wrong"]


def test_everything_at_once_is_cut_to_five_and_ranked(seen):
    units = {"count": 8, "dead": 0.9, "pinned": 0.9, "largest": 1.0, "gates": {}}
    found = findings(
        seen(
            [0.7, 2.0, 2.1, 2.2, 2.3],
            records={"clipped": 1.0, "gradient_norm": 50.0},
            **{
                "start.layers": {"encoder": units},
                "target.leak": {"explained": 1.0, "column": "a", "figure": "mean"},
                "inputs.typical": 0.001,
                "figures": {"accuracy": 0.2},
            },
        )
    )
    assert len(found) == MOST
    assert [f["name"] for f in found[:2]] == ["leak", "scaling"]
    severities = [f["severity"] for f in found]
    assert severities == sorted(severities, reverse=True)
    lines = short(found)
    assert lines[0] == "doctor: 5 things to look at, the worst first"
    assert "--winsorise 0.01" in "\n".join(lines)


def test_what_a_killed_training_left_is_enough_for_every_rule(seen):
    """Only the start is known: nothing may be missed by a KeyError."""
    late = ("end", "best", "answers", "figures", "naive", "stopped", "best_epoch")
    evidence = seen([0.7, 0.6], **dict.fromkeys(late))
    assert all(rule(evidence) is None for rule in RULES.values())


def test_settings_that_are_advised_exist(seen):
    known = Settings().flat()
    evidence = seen([0.7, 2.0, 2.1, 2.2], **{"inputs.typical": 0.001})
    assert all(set(found["settings"]) <= set(known) for found in findings(evidence))
