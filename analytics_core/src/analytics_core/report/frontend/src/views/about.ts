// How to read the page, and how good the run behind it is.

import type { Context } from "../context";
import type { Manifest } from "../data";
import { h, named, plural, shorten, type Child } from "../dom";
import { age, date } from "../parts";
import { to } from "../route";
import { figure as said } from "../sentences";

const figure = (value: unknown) => shorten(said(value), 300);

const facts = (rows: [string, Child][]) =>
  h(
    "dl",
    { class: "facts-list" },
    rows.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
  );

const share = (value: number) => `${Math.round(value * 100)}%`;

const kept = (value: number, map: string) =>
  `Of each drink's ten nearest, ${share(value)} are among its ten nearest on the map by ${map}.`;

/** Each figure as a sentence; one that no sentence is known for, as it is. */
const SENTENCES: Record<string, ((value: number) => string) | undefined> = {
  map_neighbors_kept_learned: (v) => kept(v, "kinship"),
  map_neighbors_kept_manhattan: (v) => kept(v, "measure"),
  neighbors_mutual: (v) => `${share(v)} of the drinks listed as near list each other.`,
  max_occurrence: (v) =>
    `The drink that is listed most is listed ${v.toFixed(1)} times as often as the average one.`,
  pairs_solved_share: (v) =>
    `${share(v)} of all pairs had to be solved; the others were ruled out by bounds, without loss.`,
  cost_rounds: (v) => (v ? `The costs settled after ${plural(v, "round")}.` : ""),
  cost_last_change: (v) =>
    v ? `In the last round they changed by ${(v * 100).toPrecision(2)}%.` : "",
};

const LAYOUTS: Record<string, string> = {
  cocktaildb: "the site's own layout",
  "bar-assistant": "a Bar Assistant file",
  table: "a spreadsheet",
};

/** What the database was read as, and which bar of it. */
function layout(database: Manifest["database"]): Child {
  const { layout: name, bar } = database ?? {};
  if (!name) return figure(null);
  return ["read as ", LAYOUTS[name] ?? named(name), bar && [", the bar ", named(bar)]];
}

function quality(figures: Record<string, unknown>): Child {
  const names = Object.keys(figures);
  if (!names.length) return h("p", { class: "note" }, "No figures were recorded.");
  return h(
    "ul",
    { class: "plain", id: "quality" },
    names.map((name) => {
      const value = figures[name];
      const say = SENTENCES[name];
      const text =
        say && typeof value === "number"
          ? say(value)
          : `${name.replace(/_/g, " ")}: ${figure(value)}`;
      return text && h("li", { title: `${name}: ${figure(value)}` }, text);
    }),
  );
}

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
          "Each point is a drink. The distance between two drinks is the least work it takes to turn one into the other: so much of this ingredient becomes that one, and what is shared stays. “By kinship” counts a change between ingredients that replace each other in recipes as small; “By measure” counts every change alike. It says how drinks are made, and nothing of how they taste.",
        ),
        h(
          "p",
          {},
          "The map flattens many dimensions into two, so it bends distances; the numbers in the lists are exact. Families are groups of drinks whose nearest drinks are each other, named by a drink that stands for them and what it is made of.",
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
          ["database", layout(m.database)],
          ["recipes", figure(m.database?.recipes)],
          ["ingredients", figure(m.database?.ingredients)],
          ["lines", figure(m.database?.lines)],
        ]),
        h("h2", {}, "Settings"),
        facts(entries(m.settings)),
      ),
      h(
        "section",
        { class: "prose" },
        h("h2", {}, "Quality of this run"),
        quality(m.quality ?? {}),
        h("h2", {}, "For the owner"),
        h(
          "p",
          {},
          findings.length
            ? `${plural(findings.length, "finding")} about the data, what changed, and recipes that are the same: `
            : "What changed, and recipes that are the same: ",
          h("a", { href: to.desk() }, "the owner's desk"),
          ".",
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
