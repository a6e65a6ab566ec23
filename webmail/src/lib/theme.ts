// Light, dark, or as the system has it. The colours themselves are in style/tokens.css.
import { createSignal } from "solid-js";
import { keep, kept } from "./kept";

export type Theme = "auto" | "light" | "dark";

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const [system, setSystem] = createSignal(systemDark.matches);
systemDark.addEventListener("change", (event) => setSystem(event.matches));

const first = kept("theme");
const [theme, set] = createSignal<Theme>(first === "light" || first === "dark" ? first : "auto");
export { theme };

export function isDark(): boolean {
  return theme() === "auto" ? system() : theme() === "dark";
}

export function setTheme(next: Theme): void {
  keep("theme", next);
  set(next);
  show();
}

export function show(): void {
  if (theme() === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme();
}
