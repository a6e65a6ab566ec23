// Languages: one file each with the shape of en.ts, loaded when chosen. To add one: the file, and a line in LANGUAGES.
import { createSignal } from "solid-js";
import { keep, kept } from "../lib/kept";
import { en, type Words } from "./en";

export const LANGUAGES: Record<string, { name: string; load: () => Promise<Words> }> = {
  en: { name: "English", load: async () => en },
  ko: { name: "한국어", load: async () => (await import("./ko")).ko },
};

const [words, setWords] = createSignal<Words>(en);
export { words as t };

// What was chosen here, or the first of the browser's languages that there is.
export function preferred(): string {
  const chosen = kept("language");
  if (chosen && chosen in LANGUAGES) return chosen;
  return navigator.languages.map((tag) => tag.split("-")[0] ?? "").find((code) => code in LANGUAGES) ?? "en";
}

export async function speak(code: string): Promise<void> {
  const language = LANGUAGES[code];
  if (!language) return;
  setWords(await language.load());
  document.documentElement.lang = code;
}

export async function choose(code: string): Promise<void> {
  keep("language", code);
  await speak(code);
}
