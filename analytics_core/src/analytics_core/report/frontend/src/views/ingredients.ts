// Ingredients by how much they are used: a treemap to walk into, and plain lists.

import { hierarchy, treemap } from "d3-hierarchy";
import type { Context } from "../context";
import { h, named, onKey, plural, s, shorten, type Child } from "../dom";
import {
  csvButton,
  drinkLink,
  drinksCsv,
  evidence,
  listHead,
  longList,
  meter,
  provenance,
} from "../parts";
import { go, to } from "../route";
import { usage } from "../sentences";
import { usesOf } from "../shelf";

interface Cell {
  index: number;
  /** Recipes that name the ingredient itself, not one below it. */
  itself?: boolean;
  children?: Cell[];
}

export function ingredients(context: Context, id: number | null): HTMLElement {
  const { data } = context;
  const chosen = id === null ? undefined : data.ingredientAt(id);
  if (id !== null && chosen === undefined) {
    return h(
      "div",
      { class: "view" },
      h("h1", { tabindex: -1 }, "No such ingredient"),
      h(
        "p",
        {},
        `This run has none with the id ${id}. `,
        h("a", { href: to.ingredients() }, "All ingredients"),
      ),
    );
  }
  const kids = (chosen === undefined ? data.roots : data.children[chosen]).filter(
    (i) => data.ingredients.total[i] > 0,
  );
  const crumbs = chosen === undefined ? [] : data.lineage(chosen).slice(1).reverse();
  const link = (index: number) =>
    h("a", { href: to.ingredients(data.ingredients.id[index]) }, named(data.ingredient(index)));
  return h(
    "div",
    { class: "view" },
    chosen !== undefined &&
      h(
        "nav",
        { class: "crumbs", "aria-label": "Where in the tree" },
        h("a", { href: to.ingredients() }, "All ingredients"),
        crumbs.map((c) => [" › ", link(c)]),
      ),
    h(
      "h1",
      { tabindex: -1 },
      chosen === undefined
        ? ["What drinks are ", h("em", {}, "made of")]
        : named(data.ingredient(chosen)),
    ),
    h(
      "p",
      { class: "note" },
      chosen === undefined
        ? `${provenance(context)}. Areas are the number of recipes; choose one to look inside.`
        : `${provenance(context)}: ${usage(data.ingredients.total[chosen], data.ingredients.own[chosen])}.`,
    ),
    chosen !== undefined && homemade(context, chosen),
    kids.length > 0 && map(context, kids, chosen),
    h(
      "div",
      { class: "split even" },
      chosen === undefined ? overview(context) : detail(context, chosen),
    ),
  );
}

/** What the owner makes it of, and makes of it. */
function homemade({ data }: Context, chosen: number): Child {
  const made = data.ingredients.made_of ?? {};
  const into = Object.keys(made)
    .map(Number)
    .filter((whole) => made[whole].includes(chosen));
  const list = (label: string, some: number[]) =>
    some.length > 0 &&
    h(
      "p",
      {},
      label,
      some.map((i, n) => [
        n > 0 && ", ",
        h("a", { href: to.ingredients(data.ingredients.id[i]) }, named(data.ingredient(i))),
      ]),
    );
  return [list("Made here of ", made[chosen] ?? []), list("Goes into ", into)];
}

function map(context: Context, kids: number[], chosen: number | undefined): SVGElement {
  const { data } = context;
  const narrow = window.matchMedia("(max-width: 720px)").matches;
  const [width, height] = narrow ? [360, 420] : [1180, 500];
  const { total, own, id } = data.ingredients;
  const used = (index: number) => data.children[index].filter((child) => total[child] > 0);
  /** What is below, and the recipes that name the ingredient itself. */
  const inside = (index: number): Cell[] => {
    const cells: Cell[] = used(index).map((child) => ({ index: child }));
    return cells.length && own[index] ? [...cells, { index, itself: true }] : cells;
  };
  const tree: Cell = {
    index: -1,
    children: kids.map((index) => ({ index, children: inside(index) })),
  };
  if (chosen !== undefined && own[chosen]) tree.children!.push({ index: chosen, itself: true });
  const size = ({ index, itself }: Cell) => (itself ? own[index] : total[index]);
  const root = treemap<Cell>()
    .size([width, height])
    .paddingOuter(1)
    .paddingInner(2)
    .paddingTop((n) => (n.depth === 1 ? 23 : 1))
    .round(true)(
    // an inner cell is as large as its recipes say, whatever its children share
    hierarchy(tree)
      .sum((cell) => (cell.children?.length ? 0 : Math.max(size(cell) || 0, 0.5)))
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0)),
  );
  const cells = root.descendants().filter((node) => node.depth > 0);
  return s(
    "svg",
    {
      class: "treemap",
      viewBox: `0 0 ${width} ${height}`,
      role: "group",
      "aria-label": "Treemap of ingredients by use",
    },
    cells.map((node) => {
      const { index } = node.data;
      const [w, t] = [node.x1 - node.x0, node.y1 - node.y0];
      const open = () => go(to.ingredients(id[index]));
      const name = node.data.itself ? `${data.ingredient(index)} itself` : data.ingredient(index);
      const count = size(node.data);
      const fits = w > 44 && t > 18;
      const group = (node.parent!.depth ? cells.indexOf(node.parent!) : cells.indexOf(node)) % 6;
      return s(
        "g",
        {
          class: `cell depth-${node.depth} tone-${group}`,
          role: "link",
          tabindex: node.depth === 1 ? 0 : -1,
          "aria-label": `${shorten(name, 80)}, ${plural(count, "recipe")}`,
          onclick: open,
          onkeydown: onKey((event) => event.key === "Enter" && open()),
        },
        s("title", {}, `${shorten(name, 80)}: ${plural(count, "recipe")}`),
        s("rect", { x: node.x0, y: node.y0, width: Math.max(0, w), height: Math.max(0, t), rx: 3 }),
        fits &&
          s("text", { x: node.x0 + 6, y: node.y0 + 16 }, shorten(name, Math.floor((w - 12) / 7.6))),
        fits &&
          w > name.length * 7.2 + 46 &&
          s(
            "text",
            { class: "share", x: node.x1 - 6, y: node.y0 + 16, "text-anchor": "end" },
            count,
          ),
      );
    }),
  );
}

function overview(context: Context): Child[] {
  const { data } = context;
  const { own, id } = data.ingredients;
  const top = own
    .map((_, i) => i)
    .filter((i) => own[i] > 0)
    .sort((a, b) => own[b] - own[a]);
  const most = own[top[0]] || 1;
  const sizes = data.complexity;
  const peak = Math.max(1, ...sizes.map(([, count]) => count));
  return [
    h(
      "section",
      {},
      listHead(
        "Most used",
        csvButton("most used ingredients", () => [
          ["id", "ingredient", "recipes that name it", "with its kinds"],
          ...top.map((i) => [id[i], data.ingredients.name[i], own[i], data.ingredients.total[i]]),
        ]),
      ),
      h("p", { class: "note" }, "Recipes that name the ingredient itself"),
      longList(
        top.map(
          (index) => () =>
            h(
              "div",
              { class: "figure" },
              h("a", { href: to.ingredients(id[index]) }, named(data.ingredient(index))),
              h("span", { class: "count" }, own[index]),
              meter(own[index] / most),
            ),
        ),
        15,
        "ingredient",
      ),
    ),
    h(
      "section",
      { id: "complexity" },
      listHead(
        "How many ingredients a drink has",
        csvButton("how many ingredients", () => [["ingredients", "recipes"], ...sizes]),
      ),
      h("p", { class: "note" }, "Different ingredients by name, and the number of recipes"),
      h(
        "ul",
        { class: "plain" },
        sizes.map(([size, count]) =>
          h(
            "li",
            {},
            h(
              "div",
              { class: "figure" },
              h("span", {}, plural(size, "ingredient")),
              h("span", { class: "count" }, count),
              meter(count / peak),
            ),
          ),
        ),
      ),
    ),
  ];
}

function detail(context: Context, chosen: number): Child[] {
  const { data, bar } = context;
  const others = data.substitutes(data.rolled(chosen));
  const serves = usesOf(data.stock)[chosen];
  const below = (index: number): number[] => [index, ...data.children[index].flatMap(below)];
  const members = new Set(below(chosen));
  const recipes = Array.from({ length: data.count }, (_, i) => i).filter((recipe) =>
    data.lines(recipe).some((line) => members.has(line.ingredient)),
  );
  return [
    h(
      "section",
      { id: "substitutes" },
      listHead(
        "Stands in best",
        others.length > 0 &&
          csvButton(`what stands in for ${data.ingredient(chosen)}`, () => [
            ["id", "ingredient", "cost", "in words"],
            ...others.map((other) => [
              data.ingredients.id[other.ingredient],
              data.ingredients.name[other.ingredient],
              other.cost,
              evidence(other),
            ]),
          ]),
      ),
      h("p", { class: "note" }, "By how recipes use the one and the other"),
      others.length
        ? h(
            "ul",
            { class: "plain" },
            others.map((other) =>
              h(
                "li",
                {},
                h(
                  "div",
                  { class: "row between" },
                  h(
                    "a",
                    { href: to.ingredients(data.ingredients.id[other.ingredient]) },
                    named(data.ingredient(other.ingredient)),
                  ),
                  bar.has(other.ingredient) && h("span", { class: "badge ready" }, "✓ in my bar"),
                ),
                h("span", { class: "note" }, evidence(other)),
              ),
            ),
          )
        : h("p", { class: "note" }, "No figures for this one."),
      h(
        "label",
        { class: "own" },
        h("input", {
          type: "checkbox",
          "data-own": data.ingredients.id[chosen],
          checked: bar.owns(chosen),
          onchange: (event) => bar.set(chosen, (event.target as HTMLInputElement).checked),
        }),
        `I own this; it serves in ${plural(serves, "drink")}`,
      ),
    ),
    h(
      "section",
      {},
      listHead(
        `${plural(recipes.length, "drink")} with it`,
        drinksCsv(context, `drinks with ${data.ingredient(chosen)}`, () => recipes),
      ),
      longList(
        recipes.map((recipe) => () => drinkLink(context, recipe)),
        20,
      ),
    ),
  ];
}
