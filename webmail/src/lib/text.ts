// Plain text of letters: links found, quotes set apart, so that it can be shown.
export type Piece = { text: string; href?: string };
export interface Block {
  quoted: boolean;
  text: string;
}

const LINK = /\b(?:https?:\/\/|www\.)[^\s<>"'`\p{Script=Hangul}]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/giu;

export function linked(text: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const found = match[0].replace(/[.,;:!?)\]}]+$/, "");
    const begin = match.index;
    if (begin > at) out.push({ text: text.slice(at, begin) });
    const href = found.startsWith("www.") ? "https://" + found : /^https?:/i.test(found) ? found : "mailto:" + found;
    out.push({ text: found, href });
    at = begin + found.length;
  }
  if (at < text.length) out.push({ text: text.slice(at) });
  return out;
}

// Runs of lines that are quoted (with the line above that says of whom), and those that are not.
export function blocks(text: string): Block[] {
  const out: Block[] = [];
  const lines = text.replace(/\r\n/g, "\n").split("\n");
  lines.forEach((line, at) => {
    const begins = /^(?:On .*wrote:|.*님이 작성:|-{2,} ?Original Message ?-{2,})\s*$/.test(line) && /^>/.test(lines[at + 1] ?? lines[at + 2] ?? "");
    const quoted = /^>/.test(line) || begins;
    const last = out.at(-1);
    if (last && (last.quoted === quoted || (last.quoted && line.trim() === "" && /^>/.test(lines[at + 1] ?? "")))) last.text += "\n" + line;
    else out.push({ quoted, text: line });
  });
  return out.filter((block) => block.text.trim() !== "");
}
