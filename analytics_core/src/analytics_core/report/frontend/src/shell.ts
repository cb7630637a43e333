// The frame that never moves: header, map, panel, page.

import { h, s } from "./dom";
import { isOnMap, to } from "./route";
import { isDark, onTheme, toggle } from "./theme";

export const PLACES: [string, string, string, string][] = [
  ["map", to.map(), "Map", "M3 6l6-3 6 3 6-3v15l-6 3-6-3-6 3zM9 3v15M15 6v15"],
  ["bar", to.bar(), "My bar", "M9 3h6v5l2 3v10H7V11l2-3zM7 14h10"],
  [
    "ingredients",
    to.ingredients(),
    "Ingredients",
    "M3 3h8v12H3zM13 3h8v7h-8zM13 12h8v9h-8zM3 17h8v4H3z",
  ],
  ["compare", to.compare(), "Compare", "M3 6h5c7 0 3 12 13 12M3 18h5c7 0 3-12 13-12"],
  ["table", to.table(), "Table", "M3 5h18v14H3zM3 10h18M3 15h18M10 5v14"],
  ["about", to.about(), "About", "M12 3a9 9 0 1 0 .01 0M12 11v6M12 7.5v.01"],
];

function picture(path: string): SVGElement {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    s("path", { d: path }),
  );
}

export interface Shell {
  stage: HTMLElement;
  canvas: HTMLCanvasElement;
  card: HTMLElement;
  controls: HTMLElement;
  panel: HTMLElement;
  page: HTMLElement;
  live: HTMLElement;
  mark(view: string): void;
}

export function shell(finder: HTMLElement): Shell {
  const bar = document.getElementById("bar")!;
  const main = document.getElementById("main")!;
  const links = PLACES.map(([view, href, label, path]) =>
    h("a", { href, "data-place": view }, picture(path), h("span", {}, label)),
  );
  const theme = h(
    "button",
    { type: "button", id: "theme", onclick: toggle },
    picture("M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z"),
  );
  const name = () =>
    theme.setAttribute(
      "aria-label",
      isDark() ? "Switch to the light theme" : "Switch to the dark theme",
    );
  onTheme(name);
  name();
  bar.append(finder, h("nav", { "aria-label": "Views" }, links), theme);
  const canvas = h("canvas", {
    id: "map",
    tabindex: 0,
    role: "application",
    "aria-label":
      "Map of all drinks. Arrow keys go from drink to drink, Enter opens one, plus and minus zoom, 0 shows all. The table view holds the same.",
  });
  const card = h("div", { id: "card", hidden: true, "aria-hidden": "true" });
  const controls = h("div", { id: "controls" });
  const past = h(
    "a",
    { class: "skip", href: "#panel", onclick: (event) => (event.preventDefault(), panel.focus()) },
    "Skip the map's settings",
  );
  const stage = h("section", { id: "stage", "aria-label": "Map" }, canvas, past, card, controls);
  const panel = h("aside", { id: "panel", "aria-label": "Details", tabindex: 0 });
  const page = h("div", {
    id: "page",
    tabindex: 0,
    role: "region",
    "aria-label": "View",
    hidden: true,
  });
  const live = h("div", { id: "live", class: "unseen", "aria-live": "polite" });
  main.replaceChildren(stage, panel, page);
  document.body.append(live);
  const mark = (view: string) => {
    const place = { menu: "bar", desk: "about" }[view] ?? (isOnMap(view) ? "map" : view);
    for (const link of links) {
      if (link.dataset.place === place) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  return { stage, canvas, card, controls, panel, page, live, mark };
}
