// What lies over the map: which map, which colors, their legend, and zooming.

import { h, named, replace } from "./dom";
import type { MapKind } from "./data";
import { SCHEME_NAMES, type Scheme, type SchemeKind } from "./schemes";
import { icon } from "./shapes";
import { recall, remember } from "./store";

export interface Choices {
  kind: MapKind;
  scheme: SchemeKind;
}

export interface Controls {
  element: HTMLElement;
  setScheme(scheme: Scheme): void;
}

export function controls(
  choices: Choices,
  act: {
    kind(kind: MapKind): void;
    scheme(kind: SchemeKind): void;
    zoom(factor: number): void;
    all(): void;
    pick(category: number | null): void;
  },
): Controls {
  const kinds: [MapKind, string, string][] = [
    [
      "learned",
      "By taste",
      "Distances under the learned cost: ingredients that replace each other lie close",
    ],
    ["plain", "By measure", "Manhattan distances between the volumes, ingredient by ingredient"],
  ];
  const switcher = h(
    "fieldset",
    { class: "segmented" },
    h("legend", { class: "unseen" }, "Which map"),
    kinds.map(([value, label, title]) =>
      h(
        "label",
        { title },
        h("input", {
          type: "radio",
          name: "kind",
          value,
          checked: value === choices.kind,
          onchange: () => act.kind(value),
        }),
        h("span", {}, label),
      ),
    ),
  );
  const colors = h(
    "select",
    {
      id: "scheme",
      "aria-label": "Color by",
      onchange: (event) => act.scheme((event.target as HTMLSelectElement).value as SchemeKind),
    },
    (Object.keys(SCHEME_NAMES) as SchemeKind[]).map((kind) =>
      h("option", { value: kind, selected: kind === choices.scheme }, SCHEME_NAMES[kind]),
    ),
  );
  const list = h("ul", { class: "legend" });
  const narrow = window.matchMedia("(max-width: 720px)").matches;
  const legend = h(
    "details",
    {
      id: "legend",
      open: recall("legend", !narrow, (value) => typeof value === "boolean") && !narrow,
      ontoggle: (event) => remember("legend", (event.target as HTMLDetailsElement).open),
    },
    h("summary", {}, "Legend"),
    list,
  );
  const zoomer = h(
    "div",
    { class: "zoomer" },
    h("button", { type: "button", "aria-label": "Zoom in", onclick: () => act.zoom(1.7) }, "+"),
    h(
      "button",
      { type: "button", "aria-label": "Zoom out", onclick: () => act.zoom(1 / 1.7) },
      "−",
    ),
    h(
      "button",
      { type: "button", "aria-label": "Show the whole map", onclick: () => act.all() },
      "⤢",
    ),
  );
  let chosen: number | null = null;
  const setScheme = (scheme: Scheme) => {
    chosen = null;
    const buttons = scheme.categories.map((category, index) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": "false",
          onclick: () => {
            chosen = chosen === index ? null : index;
            buttons.forEach((button, i) =>
              button.setAttribute("aria-pressed", String(i === chosen)),
            );
            act.pick(chosen);
          },
        },
        icon(category.shape, category.color),
        named(category.label),
        h("span", { class: "count" }, category.count.toLocaleString("en")),
      ),
    );
    replace(
      list,
      buttons.map((button) => h("li", {}, button)),
    );
  };
  const element = h(
    "div",
    { class: "over" },
    h(
      "div",
      { class: "row" },
      switcher,
      h("label", { class: "chooser" }, h("span", {}, "Color"), colors),
    ),
    legend,
    zoomer,
  );
  return { element, setScheme };
}
