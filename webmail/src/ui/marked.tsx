// Text in which <mark> may stand, as SearchSnippet/get gives it (RFC 8621 §5): read by hand, so that nothing else in it counts.
import { For, type JSX } from "solid-js";

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'" };

export function pieces(html: string): { text: string; marked: boolean }[] {
  let marked = false;
  const out: { text: string; marked: boolean }[] = [];
  for (const piece of html.split(/(<\/?mark>)/)) {
    if (piece === "<mark>") marked = true;
    else if (piece === "</mark>") marked = false;
    else if (piece) out.push({ text: piece.replace(/&(?:lt|gt|amp|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity), marked });
  }
  return out;
}

export function Marked(props: { html: string | null | undefined; text: string }): JSX.Element {
  const parts = (): { text: string; marked: boolean }[] => (props.html ? pieces(props.html) : [{ text: props.text, marked: false }]);
  return <For each={parts()}>{(part) => (part.marked ? <mark>{part.text}</mark> : part.text)}</For>;
}
