// Two drinks side by side, and which ingredient becomes which.

import { sankey, sankeyLinkHorizontal } from "d3-sankey";
import { percent, written } from "../amounts";
import type { Context } from "../context";
import type { Flow } from "../data";
import { h, named, s, shorten, type Child } from "../dom";
import { apart as said, drinkLink, provenance, stepsBetween, uniqueId } from "../parts";
import { between } from "../plans";
import { go, to } from "../route";

interface NodeData {
  ingredient: number;
  share: number;
}
interface LinkData {
  stays: boolean;
}

export function compare(context: Context, idA: number | null, idB: number | null): HTMLElement {
  const { data } = context;
  const a = idA === null ? undefined : data.recipeAt(idA);
  const b = idB === null ? undefined : data.recipeAt(idB);
  const ask = (label: string, value: number | undefined, chosen: (recipe: number) => void) =>
    picker(context, label, value, chosen);
  const id = (recipe: number) => data.recipes.id[recipe];
  const pickers = h(
    "div",
    { class: "pickers" },
    ask("From", a, (recipe) => go(to.compare(id(recipe), b === undefined ? null : id(b)))),
    h(
      "a",
      {
        class: "chip",
        href: to.compare(b === undefined ? null : id(b), a === undefined ? null : id(a)),
        "aria-label": "Swap the two drinks",
      },
      "⇄",
    ),
    ask("To", b, (recipe) => go(to.compare(a === undefined ? null : id(a), id(recipe)))),
  );
  const body: Child[] = [];
  const unknown = [
    [idA, a],
    [idB, b],
  ].flatMap(([key, at]) => (key !== null && at === undefined ? String(key) : []));
  if (unknown.length) {
    body.push(
      h("p", { role: "alert" }, `This run has no drink with the id ${unknown.join(" or ")}.`),
    );
  }
  if (a !== undefined && b !== undefined) {
    const { flows, distance: apart, estimated } = between(data, a, b);
    body.push(
      stepsBetween(context, a, b),
      h(
        "p",
        { class: "note" },
        estimated
          ? "These two are not among each other's nearest, so nobody has written down the steps between them; the diagram matches their ingredients by kind."
          : ["How near: ", said(context, apart ?? 0), "."],
        " ",
        h("a", { href: to.path(id(a), id(b)) }, "A way in small steps"),
      ),
      diagram(context, a, b, flows),
      h("div", { class: "pair" }, column(context, a), column(context, b)),
      h("p", { class: "note" }, `${provenance(context)}. Widths are shares of the drink's volume.`),
    );
  } else {
    body.push(
      h(
        "p",
        { class: "note" },
        a === undefined && b === undefined
          ? "Choose two drinks. From a drink's card, “compare” brings both."
          : "Choose the other drink.",
      ),
    );
  }
  return h(
    "div",
    { class: "view" },
    h(
      "h1",
      { tabindex: -1 },
      a === undefined || b === undefined
        ? ["Which ingredient ", h("em", {}, "becomes"), " which"]
        : [named(data.name(a)), h("em", {}, " becomes "), named(data.name(b))],
    ),
    pickers,
    body,
  );
}

export function picker(
  context: Context,
  label: string,
  value: number | undefined,
  chosen: (recipe: number) => void,
): HTMLElement {
  const { data } = context;
  const list = uniqueId("names");
  const options = h("datalist", { id: list });
  const input = h("input", {
    class: "field",
    list,
    value: value === undefined ? "" : shorten(data.name(value), 200),
    placeholder: "Name of a drink",
    autocomplete: "off",
    oninput: () => {
      options.replaceChildren(
        ...data
          .search(input.value)
          .slice(0, 12)
          .map((recipe) => h("option", { value: shorten(data.name(recipe), 200) })),
      );
    },
    onchange: () => {
      const text = input.value.trim();
      const found = data.named(text).recipe ?? data.search(text)[0];
      problem.textContent = text && found === undefined ? "No drink by that name" : "";
      if (found !== undefined) chosen(found);
    },
  });
  const problem = h("span", { class: "problem", role: "status" });
  return h("label", { class: "picker" }, h("span", {}, label), input, options, problem);
}

function column(context: Context, recipe: number): HTMLElement {
  const { data } = context;
  return h(
    "section",
    {},
    h("h2", {}, drinkLink(context, recipe)),
    h(
      "ul",
      { class: "plain" },
      data
        .lines(recipe)
        .map((line) =>
          h(
            "li",
            { class: "row between" },
            named(data.ingredient(line.ingredient)),
            h("span", { class: "count" }, written(line)),
          ),
        ),
    ),
  );
}

function diagram(context: Context, a: number, b: number, flows: Flow[]): Element {
  const { data } = context;
  const ours = [...data.mixture(a)];
  const theirs = [...data.mixture(b)];
  const left = new Map(ours.map(([ingredient], index) => [ingredient, index]));
  const right = new Map(theirs.map(([ingredient], index) => [ingredient, ours.length + index]));
  const nodes = [...ours, ...theirs].map(([ingredient, share]) => ({ ingredient, share }));
  const moved = new Map<number, number>();
  for (const flow of flows) moved.set(flow.source, (moved.get(flow.source) ?? 0) + flow.mass);
  const stays = ours.map(([ingredient, share]) => ({
    source: ingredient,
    target: ingredient,
    mass: share - (moved.get(ingredient) ?? 0),
  }));
  const links = [
    ...stays.map((f) => ({ ...f, stays: true })),
    ...flows.map((f) => ({ ...f, stays: false })),
  ]
    .filter((f) => f.mass > 5e-4 && left.has(f.source) && right.has(f.target))
    .map((f) => ({
      source: left.get(f.source)!,
      target: right.get(f.target)!,
      value: f.mass,
      stays: f.stays,
    }));
  if (!links.length) return h("p", { class: "note" }, "Nothing moves.");
  const narrow = window.matchMedia("(max-width: 720px)").matches;
  const [width, side, letters] = narrow ? [420, 174, 16] : [900, 250, 26];
  const height = Math.max(narrow ? 220 : 260, Math.max(ours.length, theirs.length) * 62);
  const graph = sankey<NodeData, LinkData>()
    .nodeWidth(12)
    .nodePadding(22)
    .extent([
      [side, 12],
      [width - side, height - 12],
    ])({ nodes, links });
  const path = sankeyLinkHorizontal<NodeData, LinkData>();
  return s(
    "svg",
    {
      class: "flow",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `Flow of ingredients from ${shorten(data.name(a), 80)} to ${shorten(data.name(b), 80)}; the lists below give both recipes`,
    },
    graph.links.map((link) =>
      s("path", {
        class: link.stays ? "stay" : "move",
        d: path(link) ?? "",
        "stroke-width": Math.max(1.5, link.width ?? 1),
      }),
    ),
    graph.nodes.map((node) => {
      const first = (node.x0 ?? 0) < width / 2;
      const [y0, y1] = [node.y0 ?? 0, node.y1 ?? 0];
      return s(
        "g",
        {},
        s("rect", { x: node.x0, y: y0, width: 12, height: Math.max(2, y1 - y0), rx: 2 }),
        s(
          "text",
          {
            x: first ? (node.x0 ?? 0) - 12 : (node.x1 ?? 0) + 12,
            y: (y0 + y1) / 2,
            dy: "0.35em",
            "text-anchor": first ? "end" : "start",
          },
          // a name from right to left would change places with the figure
          s("tspan", { class: "of" }, shorten(data.ingredient(node.ingredient), letters)),
          s("tspan", { class: "share", dx: 6 }, percent(node.share)),
        ),
      );
    }),
  );
}
