"""Every metric that an alarm or a widget of template.yaml names."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ALARM = "AWS::CloudWatch::Alarm"
SEARCH = re.compile(r"SEARCH\('\{(?P<keys>[^}]+)\} MetricName=\"(?P<name>\w+)\" (?P<rest>[^']+)'")


@dataclass(frozen=True)
class Watched:
    """One metric, and the alarm or widget that names it. Values of dimensions are those of the
    template: `${Tasks}`."""

    by: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @property
    def keys(self) -> frozenset[str]:
        """The names of its dimensions."""
        return frozenset(key for key, _ in self.dimensions)


def by_alarms(resources: dict[str, Any]) -> Iterator[Watched]:
    """Yield the metrics of all alarms."""
    for name, resource in resources.items():
        if resource["Type"] == ALARM:
            properties = resource["Properties"]
            stats = [
                q["MetricStat"]["Metric"]
                for q in properties.get("Metrics", [])
                if "MetricStat" in q
            ]
            for metric in stats or [properties]:
                dimensions = tuple((d["Name"], _text(d["Value"])) for d in metric["Dimensions"])
                yield Watched(name, metric["Namespace"], metric["MetricName"], dimensions)


def widgets(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the widgets of the dashboard."""
    body, _ = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def by_widgets(resources: dict[str, Any]) -> Iterator[Watched]:
    """Yield the metrics of all widgets. In a search, the values that it does not specify are
    empty."""
    for widget in widgets(resources):
        if widget["type"] == "metric":
            title = widget["properties"]["title"]
            for entry in widget["properties"]["metrics"]:
                yield from _of(title, [e for e in entry if isinstance(e, str)], entry[-1])


def _of(title: str, names: list[str], last: Any) -> Iterator[Watched]:
    if names:
        namespace, name, *rest = names
        yield Watched(title, namespace, name, tuple(zip(rest[::2], rest[1::2], strict=True)))
        return
    for found in SEARCH.finditer(last["expression"]):
        namespace, *keys = found["keys"].split(",")
        given = dict(re.findall(r'(\w+)="([^"]+)"', found["rest"]))
        dimensions = tuple((key, given.get(key, "")) for key in keys)
        yield Watched(title, namespace, found["name"], dimensions)


def _text(value: Any) -> str:
    """Return a value of the template in the form of `Fn::Sub`."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Select": _}:
            return json.dumps(value)  # a part of an ARN
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
    raise ValueError(value)
