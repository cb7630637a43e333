// What lies over the map: which map, which colors, their legend, and zooming.

import { h, named, replace } from "./dom";
import type { MapKind } from "./data";
import type { Insets } from "./map/camera";
import { SCHEME_NAMES, type Scheme, type SchemeKind } from "./schemes";
import { icon } from "./shapes";
import { recall, remember } from "./store";

/** From this width on the legend has a place beside the points, in CSS pixels. */
const WIDE = 640;

export interface Choices {
  kind: MapKind;
  scheme: SchemeKind;
  /** What points can be colored by here. */
  kinds: SchemeKind[];
}

export interface Controls {
  element: HTMLElement;
  setScheme(scheme: Scheme): void;
  /** What lies over a map of this width; a narrow one begins without the legend. */
  insets(width: number): Insets;
}

export function controls(
  choices: Choices,
  act: {
    kind(kind: MapKind): void;
    scheme(kind: SchemeKind): void;
    zoom(factor: number): void;
    all(): void;
    pick(category: number | null): void;
    refit(): void;
    lasso(byKeyboard: boolean): void;
  },
): Controls {
  const kinds: [MapKind, string, string][] = [
    [
      "learned",
      "By kinship",
      "Drinks that are made alike lie close; ingredients that replace each other count as close",
    ],
    ["plain", "By measure", "Drinks with the same volumes of the same ingredients lie close"],
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
    choices.kinds.map((kind) =>
      h("option", { value: kind, selected: kind === choices.scheme }, SCHEME_NAMES[kind]),
    ),
  );
  const list = h("ul", { class: "legend" });
  let wide: boolean | null = null;
  const legend = h(
    "details",
    {
      id: "legend",
      ontoggle: (event) => {
        if (wide) remember("legend", (event.target as HTMLDetailsElement).open);
        act.refit();
      },
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
    h(
      "button",
      {
        type: "button",
        class: "circler",
        "aria-label":
          "Circle drinks: draw around them, or move a ring with the arrows, size it with plus and minus, and press Enter",
        // a key that presses a button makes a click without a pointer
        onclick: (event) => act.lasso((event as MouseEvent).detail === 0),
      },
      "◌",
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
          "data-own": `category ${index}`,
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
  const insets = (width: number): Insets => {
    if (wide !== width >= WIDE) {
      wide = width >= WIDE;
      legend.open = wide && recall("legend", true, (value) => typeof value === "boolean");
    }
    const top = (element.querySelector(".row") as HTMLElement).offsetHeight + 20;
    // an open legend on a narrow map was asked for, and may cover what it covers
    const corners = [legend, zoomer].filter(
      (e) => e.offsetWidth && (wide || !(e as HTMLDetailsElement).open),
    );
    const covered = corners.map((e): Insets["covered"][0] => [
      e.offsetLeft,
      e.offsetTop,
      e.offsetWidth,
      e.offsetHeight,
    ]);
    if (!wide) {
      const low =
        element.parentElement!.clientHeight - Math.min(...corners.map((e) => e.offsetTop)) + 12;
      return { left: 24, top, right: 24, bottom: 34, low, covered };
    }
    const left = legend.open ? legend.offsetLeft + legend.offsetWidth + 14 : 40;
    const bottom = legend.open ? 36 : 54;
    return { left, top, right: 60, bottom, low: bottom, covered };
  };
  return { element, setScheme, insets };
}
