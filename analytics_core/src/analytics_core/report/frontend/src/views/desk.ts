// The owner's desk: what changed, what was found in the data, which recipes are the same.

import type { Context } from "../context";
import type { DataFinding, NamedRecipe } from "../data";
import { h, named, plural, shorten, type Child } from "../dom";
import { apart, csvButton, date, drinkLink, listHead, longList, recipeCell } from "../parts";
import { to } from "../route";
import { hardlyDiffer } from "../sentences";

const MOST_LISTED = 20;

const onMap = () =>
  h("p", { class: "note" }, "On the map they share a point, which has the number of its recipes.");

export function desk(context: Context): HTMLElement {
  const { data } = context;
  const groups = [...new Set(data.twins.values())];
  const near = data.nearTwins;
  const warnings = data.manifest.warnings ?? [];
  const suggestions = data.manifest.suggestions ?? [];
  const { id, name } = data.recipes;
  const { changes: since } = data;
  const changed = (["new", "gone", "changed", "nearest"] as const).flatMap((what) =>
    (since?.[what] ?? []).map((r) => [
      what === "nearest" ? "another nearest drink" : what,
      r.recipe_id,
      r.recipe_name,
    ]),
  );
  return h(
    "div",
    { class: "view" },
    h("h1", { tabindex: -1 }, "The owner's ", h("em", {}, "desk")),
    h(
      "div",
      { class: "split even" },
      h(
        "div",
        { class: "prose" },
        h(
          "section",
          { id: "changes" },
          listHead(
            "Since the last run",
            changed.length > 0 &&
              csvButton("what changed", () => [["what", "id", "drink"], ...changed]),
          ),
          changes(context),
        ),
        h(
          "section",
          { id: "warnings" },
          listHead(
            warnings.length
              ? `${plural(warnings.length, "finding")} in the data`
              : "Nothing to mend in the data",
            warnings.length + suggestions.length > 0 &&
              csvButton("findings", () => [
                ["finding", "count", "message", "what to do", "examples"],
                ...[...warnings, ...suggestions].map((f) => [
                  ...[f.code, f.count, f.message, f.advice ?? ""],
                  f.examples.join("; "),
                ]),
              ]),
          ),
          data.leftOut.map((part) =>
            h("p", {}, `Not on this page: ${plural(part.count, part.what)}; ${part.why}.`),
          ),
          findings(context, warnings),
          suggestions.length > 0 &&
            h("h3", {}, `${plural(suggestions.length, "question")} to look into`),
          findings(context, suggestions),
        ),
      ),
      h(
        "div",
        { class: "prose" },
        h(
          "section",
          { id: "twins" },
          listHead(
            groups.length
              ? `${plural(groups.length, "mix", "mixes")} under several names`
              : "No two recipes are the same mix",
            groups.length > 0 &&
              csvButton("same mixes", () => [
                ["mix", "id", "drink", "recipe"],
                ...groups.flatMap((group, n) =>
                  group.map((r) => [n + 1, id[r], name[r], recipeCell(context, r)]),
                ),
              ]),
          ),
          groups.length > 0 && onMap(),
          longList(
            groups.map(
              (group) => () =>
                h(
                  "p",
                  { class: "row wrap" },
                  group.map((recipe) => drinkLink(context, recipe)),
                ),
            ),
            MOST_LISTED,
            "mix",
            "mixes",
          ),
        ),
        h(
          "section",
          { id: "near-twins" },
          listHead(
            hardlyDiffer(near.length),
            near.length > 0 &&
              csvButton("near twins", () => [
                ["id", "drink", "other id", "other drink", "distance"],
                ...near.map(([a, b, distance]) => [id[a], name[a], id[b], name[b], distance]),
              ]),
          ),
          near.length > 0 && onMap(),
          longList(
            near.map(
              ([a, b, distance]) =>
                () =>
                  h(
                    "p",
                    { class: "row wrap" },
                    drinkLink(context, a),
                    drinkLink(context, b),
                    h(
                      "a",
                      {
                        class: "quiet small",
                        href: to.compare(data.recipes.id[a], data.recipes.id[b]),
                      },
                      "compare",
                      h(
                        "span",
                        { class: "unseen" },
                        ` ${[a, b].map((r) => shorten(data.name(r), 80)).join(" with ")}`,
                      ),
                    ),
                    apart(context, distance),
                  ),
            ),
            MOST_LISTED,
            "pair",
          ),
        ),
      ),
    ),
  );
}

/** An example from a finding; the recipes and ingredients that it names are links if they are here. */
function example({ data }: Context, text: string): Child {
  const id = Number(/\brecipe (\d+)\b/i.exec(text)?.[1] ?? NaN);
  if (data.recipeAt(id) !== undefined) return h("a", { href: to.drink(id) }, named(text));
  const parts: Child[] = [];
  let from = 0;
  for (const { index, 0: whole, 1: digits } of text.matchAll(/ \(id (\d+)\)/g)) {
    const before = text.slice(from, index);
    const key = Number(digits);
    const [recipe, ingredient] = [data.recipeAt(key), data.ingredientAt(key)];
    const [name, href] =
      [
        recipe === undefined ? [] : [data.name(recipe), to.drink(key)],
        ingredient === undefined ? [] : [data.ingredient(ingredient), to.ingredients(key)],
      ].find(([known]) => known && before.endsWith(known)) ?? [];
    if (!name) continue;
    parts.push(named(before.slice(0, -name.length)), h("a", { href }, named(name)), whole);
    from = index + whole.length;
  }
  return [parts, named(text.slice(from))];
}

function changes({ data }: Context): Child {
  const { changes: found } = data;
  if (!found) return h("p", { class: "note" }, "This set does not say.");
  const link = (recipe: NamedRecipe | null) =>
    recipe &&
    (data.recipeAt(recipe.recipe_id) === undefined
      ? named(recipe.recipe_name || `Recipe ${recipe.recipe_id}`)
      : h("a", { href: to.drink(recipe.recipe_id) }, named(recipe.recipe_name)));
  const list = (title: string, recipes: NamedRecipe[], count: number) =>
    recipes.length > 0 && [
      h("h3", {}, `${title} (${count})`),
      h(
        "p",
        {},
        recipes.map((recipe, i) => [i > 0 && ", ", link(recipe)]),
        count > recipes.length && " and others",
      ),
    ];
  const at = found.since?.generated_at;
  if (found.why_not) return h("p", { class: "note" }, `Nothing to compare with: ${found.why_not}.`);
  return [
    h("p", { class: "lead" }, named(found.words ?? ""), "."),
    at && h("p", { class: "note" }, `Compared with the run of ${date(at)}.`),
    found.method.length > 0 &&
      h("p", { class: "note" }, `Also different: ${found.method.join(" and ")}.`),
    list("New", found.new, found.counts.new),
    list("Gone", found.gone, found.counts.gone),
    list("Changed", found.changed, found.counts.changed),
    found.nearest.length > 0 && [
      h("h3", {}, `Another nearest drink (${found.counts.nearest})`),
      longList(
        found.nearest.map(
          (row) => () =>
            h(
              "p",
              {},
              link(row),
              ": now ",
              link(row.now) ?? "none",
              row.before && [", before ", link(row.before)],
            ),
        ),
        MOST_LISTED,
      ),
    ],
  ];
}

function findings(context: Context, found: DataFinding[]): HTMLElement {
  return h(
    "ul",
    { class: "plain" },
    found.map((f) =>
      h(
        "li",
        {},
        h("p", {}, named(f.message)),
        h(
          "p",
          { class: "note" },
          `${f.count.toLocaleString("en")} in all: `,
          f.examples.slice(0, 10).map((e, i) => [i > 0 && "; ", example(context, String(e))]),
        ),
        f.advice && h("p", { class: "note" }, h("strong", {}, "To mend: "), f.advice),
      ),
    ),
  );
}
