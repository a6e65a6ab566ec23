// One HTML letter in its frame. The frame is a stranger: what it says is read as that.
import { createEffect, createSignal, onCleanup, onMount, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Body, Id } from "../jmap/types";
import { otherHost, type Clean } from "../lib/sanitise";
import { isDark } from "../lib/theme";
import { jmap } from "../model/mail";
import { Icon } from "./icons";

const HIGHEST = 60_000; // px; longer ones scroll in themselves

export function HtmlFrame(props: { body: Body; clean: Clean; images: boolean; onImages: () => void; onMailto: (address: string) => void }): JSX.Element {
  let frame!: HTMLIFrameElement;
  const [height, setHeight] = createSignal(120);
  const [hover, setHover] = createSignal("");
  const [ready, setReady] = createSignal(false);
  const [missing, setMissing] = createSignal(false);
  const [suspect, setSuspect] = createSignal<{ href: string; shown: string } | null>(null);
  const dark = (): boolean => isDark() && props.clean.plain;

  const send = (message: Record<string, unknown>): void => frame.contentWindow?.postMessage(message, "*");

  function heard(event: MessageEvent): void {
    if (event.source !== frame.contentWindow) return;
    const message = event.data as { type?: string; height?: unknown; href?: unknown; text?: unknown; key?: unknown; shift?: unknown };
    if (message.type === "ready") setReady(true);
    if (message.type === "height" && typeof message.height === "number") setHeight(Math.min(HIGHEST, Math.max(24, message.height)));
    if (message.type === "hover") setHover(String(message.href ?? "").slice(0, 500));
    if (message.type === "open") follow(String(message.href), String(message.text));
    if (message.type === "key" && typeof message.key === "string")
      frame.dispatchEvent(new KeyboardEvent("keydown", { key: message.key, shiftKey: message.shift === true, bubbles: true, cancelable: true }));
  }
  function follow(href: string, text: string): void {
    if (/^mailto:/i.test(href)) return props.onMailto(href);
    if (!/^(?:https?|tel):/i.test(href)) return;
    const shown = otherHost(text, href);
    if (shown) setSuspect({ href, shown });
    else window.open(href, "_blank", "noopener,noreferrer");
  }
  onMount(() => window.addEventListener("message", heard));
  onCleanup(() => window.removeEventListener("message", heard));

  createEffect(() => {
    if (!ready()) return;
    send({ type: "show", html: props.clean.html, dark: dark(), lang: t().code, title: t().messageBody, quoted: t().showQuoted });
    void inline();
    if (props.images) void remote();
  });

  const pictures = (): string[] => {
    const keys = [...props.clean.html.matchAll(/data-picture="([^"]*)"/g)].map((match) => {
      const area = document.createElement("textarea");
      area.innerHTML = match[1] ?? "";
      return area.value;
    });
    return [...new Set(keys)];
  };
  async function inline(): Promise<void> {
    const parts = new Map(props.body.attachments.flatMap((part) => (part.cid && part.blobId ? [["cid:" + part.cid, part] as const] : [])));
    for (const key of pictures()) {
      const part = parts.get(key);
      if (!part?.blobId || !/^image\/(?!svg)/.test(part.type)) continue;
      const blob = await jmap().blob(part.blobId as Id, part.type).catch(() => null);
      send({ type: "picture", key, blob });
    }
  }
  async function remote(): Promise<void> {
    const wanted = pictures().filter((key) => !key.startsWith("cid:"));
    const got = await Promise.all(
      wanted.map(async (key) => {
        const answer = await fetch("/mail/image?url=" + encodeURIComponent(key.replace(/^http:/i, "https:"))).catch(() => null);
        if (!answer?.ok || !answer.headers.get("Content-Type")?.startsWith("image/")) return false;
        send({ type: "picture", key, blob: await answer.blob() });
        return true;
      }),
    );
    setMissing(got.includes(false));
  }

  return (
    <div class="letter" classList={{ paper: !dark() }}>
      <Show when={props.clean.remote > 0 && !props.images}>
        <p class="notice">
          <Icon name="image" />
          <span>{t().imagesBlocked}</span>
          <button type="button" class="button" onClick={() => props.onImages()}>{t().showImages}</button>
        </p>
      </Show>
      <Show when={missing()}><p class="notice" role="status"><Icon name="image" /><span>{t().imagesFailed}</span></p></Show>
      <Show when={suspect()}>
        {(one) => (
          <p class="notice bad" role="alert">
            <Icon name="warn" />
            <span>{t().mismatch(one().shown, one().href)}</span>
            <a class="button" href={one().href} target="_blank" rel="noopener noreferrer" onClick={() => setSuspect(null)}>{t().openAnyway}</a>
            <button type="button" class="button" onClick={() => setSuspect(null)}>{t().cancel}</button>
          </p>
        )}
      </Show>
      <div class="sheet">
        <iframe ref={frame} src="/frame" sandbox="allow-scripts" title={t().messageBody} referrerpolicy="no-referrer" style={{ height: `${height()}px` }} />
      </div>
      <Show when={hover()}><span class="target" aria-hidden="true">{hover()}</span></Show>
    </div>
  );
}
