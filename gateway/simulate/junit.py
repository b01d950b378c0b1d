"""Outcomes as JUnit's XML, which build servers read: a suite each scenario and seed, a case each
check."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gateway.simulate.play import Outcome


def junit(outcomes: Sequence[Outcome]) -> bytes:
    suites = Element("testsuites")
    for outcome in outcomes:
        name = f"{outcome.name} (seed {outcome.seed})"
        failed = [check for check in outcome.checks if check.kind == "failed"]
        skipped = [check for check in outcome.checks if check.kind == "skipped"]
        suite = SubElement(
            suites,
            "testsuite",
            name=name,
            tests=str(len(outcome.checks)),
            failures=str(len(failed)),
            skipped=str(len(skipped)),
            errors="0",
            time=f"{outcome.seconds:.3f}",
        )
        for number, check in enumerate(outcome.checks, 1):
            case = SubElement(suite, "testcase", classname=name, name=f"{number}. {check.what}")
            if check.kind == "failed":
                SubElement(case, "failure", message=check.why).text = story(outcome)
            elif check.kind == "skipped":
                SubElement(case, "skipped")
    indent(suites)
    return bytes(tostring(suites, "utf-8", xml_declaration=True))


def story(outcome: Outcome) -> str:
    """The call as text, a line each that was said or happened."""
    lines = [
        (said.began_at, f"{said.role}: {said.text}{' -' if said.interrupted else ''}")
        for said in outcome.transcript
    ]
    lines += [
        (event.at, " ".join([event.what, *(f"{k}={v}" for k, v in event.facts.items())]))
        for event in outcome.events
    ]
    told = [f"{at - outcome.began_at:7.2f}  {what}" for at, what in sorted(lines)]
    ended = " ".join(filter(None, (outcome.reason, outcome.detail)))
    return "\n".join([*told, f"{outcome.seconds:7.2f}  ended: {ended}"])
