// How to read the page, and how good the run behind it is.

import type { Context } from "../context";
import { h, named, plural, shorten, type Child } from "../dom";
import { age, date } from "../parts";

function figure(value: unknown): string {
  if (typeof value === "number")
    return Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(4);
  return value === null || value === undefined
    ? "not known"
    : shorten(typeof value === "string" ? value : JSON.stringify(value), 300);
}

const facts = (rows: [string, Child][]) =>
  h(
    "dl",
    { class: "facts-list" },
    rows.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
  );

export function about({ data }: Context): HTMLElement {
  const m = data.manifest;
  const words = (name: string) => name.replace(/_/g, " ");
  const entries = (record: Record<string, unknown> | undefined): [string, Child][] =>
    Object.entries(record ?? {}).map(([k, v]) => [words(k), figure(v)]);
  const findings = m.warnings ?? [];
  return h(
    "div",
    { class: "view" },
    h("h1", { tabindex: -1 }, "How to ", h("em", {}, "read"), " this"),
    h(
      "div",
      { class: "split even" },
      h(
        "section",
        { class: "prose" },
        h(
          "p",
          {},
          "Each point is a drink. The distance between two drinks is the least work it takes to turn one into the other: so much of this ingredient becomes that one, and what is shared stays. “By taste” counts a change between ingredients that replace each other in recipes as small; “By measure” counts every change alike.",
        ),
        h(
          "p",
          {},
          "The map flattens many dimensions into two, so it bends distances; the numbers in the lists are exact. Families are groups of drinks whose nearest drinks are each other, named by the ingredients that mark them.",
        ),
        data.leftOut.map((part) =>
          h(
            "p",
            { class: "left-out" },
            `Left out of this page: ${plural(part.count, part.what)}; ${part.why}. The documents have them all.`,
          ),
        ),
        h("p", {}, "Keys: / finds, arrows walk the map, Enter opens, + and − zoom, 0 shows all."),
        h("h2", {}, "The run"),
        facts([
          ["made", m.generated_at ? `${age(m.generated_at)}, ${date(m.generated_at)}` : "unknown"],
          ["run", figure(m.run_id)],
          ["database fingerprint", h("code", {}, m.database?.fingerprint ?? "unknown")],
          ["code version", figure(m.code_version)],
          ["seed", figure(m.seed)],
          ["recipes", figure(m.database?.recipes)],
          ["ingredients", figure(m.database?.ingredients)],
          ["lines", figure(m.database?.lines)],
        ]),
        h("h2", {}, "Settings"),
        facts(entries(m.settings)),
      ),
      h(
        "section",
        {},
        h("h2", {}, "Quality of this run"),
        Object.keys(m.quality ?? {}).length
          ? facts(entries(m.quality))
          : h("p", { class: "note" }, "No figures were recorded."),
        h(
          "h2",
          {},
          findings.length
            ? `${plural(findings.length, "finding")} in the data`
            : "No findings in the data",
        ),
        h(
          "ul",
          { class: "plain", id: "findings" },
          findings.map((w) =>
            h(
              "li",
              {},
              h("p", {}, named(w.message)),
              h(
                "p",
                { class: "note" },
                `${w.count} in all: `,
                w.examples.slice(0, 5).map((e, i) => [i > 0 && "; ", named(String(e))]),
              ),
            ),
          ),
        ),
        h("h2", {}, "Stages"),
        facts(
          (m.stages ?? []).map((stage) => [
            stage.name,
            stage.reused ? "taken from an earlier run" : `${stage.seconds.toFixed(2)} s`,
          ]),
        ),
      ),
    ),
  );
}
