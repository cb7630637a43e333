// Light and dark: the system's choice unless the reader made one.

import { remember } from "./store";

export interface Inks {
  ground: string;
  ink: string;
  soft: string;
  accent: string;
  terrain: string;
  line: string;
}

const system = window.matchMedia("(prefers-color-scheme: dark)");
const listeners: (() => void)[] = [];

export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

export function toggle(): void {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  remember("theme", next);
  for (const listener of listeners) listener();
}

export function onTheme(listener: () => void): void {
  listeners.push(listener);
  system.addEventListener("change", listener);
}

/** The colors of the style sheet, for the canvas. */
export function inks(): Inks {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: get("ground"),
    ink: get("ink"),
    soft: get("soft"),
    accent: get("accent"),
    terrain: get("terrain"),
    line: get("line"),
  };
}

export const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
