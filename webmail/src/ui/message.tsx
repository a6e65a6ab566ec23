// One message of a conversation: who, when, what, and the files that came with it.
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Address, Body, Email, Part } from "../jmap/types";
import { longDate, nameOf, plainDate, shortDate, size } from "../lib/format";
import { sanitise, type Clean } from "../lib/sanitise";
import { blocks, linked } from "../lib/text";
import * as actions from "../model/actions";
import { bodies, isMe, jmap } from "../model/mail";
import { HtmlFrame } from "./frame";
import { Icon, IconButton } from "./icons";
import { Avatar } from "./list";
import { Menu, MenuItem } from "./menu";

export type Write = (how: "reply" | "replyAll" | "forward" | "edit", email: Email) => void;

export function Message(props: { email: Email; expanded: boolean; onToggle: () => void; onWrite: Write; onMailto: (url: string) => void }): JSX.Element {
  const [details, setDetails] = createSignal(false);
  const from = (): Address | undefined => props.email.from?.[0];
  const body = (): Body | undefined => bodies[props.email.id];
  const people = (list: Address[] | null | undefined): string =>
    (list ?? []).map((one) => (isMe(one.email) ? t().me : nameOf(one))).join(", ");
  const full = (list: Address[] | null | undefined): string =>
    (list ?? []).map((one) => (one.name ? `${one.name} <${one.email}>` : one.email)).join(", ");
  const starred = (): boolean => !!props.email.keywords["$flagged"];

  return (
    <article class="message" classList={{ expanded: props.expanded }} aria-label={`${nameOf(from())}, ${plainDate(props.email.receivedAt)}`} data-message={props.email.id}>
      <header class="message-head" onClick={(event) => { if (!(event.target as Element).closest("button, a, [popover]")) props.onToggle(); }}>
        <Avatar name={nameOf(from())} seed={from()?.email.toLowerCase() ?? ""} />
        <div class="message-who">
          <h2>
            <button type="button" class="plain" aria-expanded={props.expanded} onClick={() => props.onToggle()}>{nameOf(from()) || t().noSender}</button>
            <Show when={props.expanded && from()?.name}><span class="soft address">{from()?.email}</span></Show>
            <Show when={props.email.keywords["$draft"]}><span class="draft">{t().draft}</span></Show>
          </h2>
          <Show when={props.expanded} fallback={<p class="soft one-line">{props.email.preview}</p>}>
            <p class="soft one-line">
              {t().toWhom(people([...(props.email.to ?? []), ...(body()?.cc ?? [])]) || t().nobody)}
              {" "}
              <button type="button" class="plain link-like" aria-expanded={details()} onClick={() => setDetails(!details())}>{t().details}</button>
            </p>
          </Show>
        </div>
        <time datetime={props.email.receivedAt} title={longDate(props.email.receivedAt)}>{shortDate(props.email.receivedAt)}</time>
        <Show when={props.expanded}>
          <IconButton icon="starred" label={starred() ? t().unstar : t().star} filled={starred()} pressed={starred()} class="star"
            onClick={() => void actions.starOne(props.email, !starred())} />
          <Show when={!props.email.keywords["$draft"]} fallback={<IconButton icon="pen" label={t().compose} onClick={() => props.onWrite("edit", props.email)} />}>
            <IconButton icon="reply" label={t().reply} onClick={() => props.onWrite("reply", props.email)} />
          </Show>
          <Menu icon="more" label={t().more}>
            <MenuItem icon="replyAll" onClick={() => props.onWrite("replyAll", props.email)}>{t().replyAll}</MenuItem>
            <MenuItem icon="forward" onClick={() => props.onWrite("forward", props.email)}>{t().forward}</MenuItem>
            <MenuItem icon="unread" onClick={() => void actions.markRead([props.email.threadId], false)}>{t().markUnread}</MenuItem>
            <MenuItem icon="file" onClick={() => window.open(jmap().blobUrl(body()?.blobId ?? "", "message.txt", "text/plain"), "_blank", "noopener")}>{t().original}</MenuItem>
            <MenuItem icon="archive" onClick={() => download(jmap().blobUrl(body()?.blobId ?? "", (props.email.subject || "message") + ".eml", "message/rfc822"))}>{t().download}</MenuItem>
          </Menu>
        </Show>
      </header>
      <Show when={props.expanded && details() && body()}>
        {(it) => (
          <dl class="details">
            <For each={[[t().from, full(props.email.from)], [t().replyTo, full(it().replyTo)], [t().to, full(props.email.to)], [t().cc, full(it().cc)],
              [t().bcc, full(it().bcc)], [t().date, longDate(it().sentAt ?? props.email.receivedAt)]] as const}>
              {([name, value]) => <Show when={value}><dt>{name}</dt><dd>{value}</dd></Show>}
            </For>
          </dl>
        )}
      </Show>
      <Show when={props.expanded}>
        <Show when={body()} fallback={<div class="loading" role="status"><span class="unseen">{t().loading}</span></div>}>
          {(it) => <><Content body={it()} onMailto={props.onMailto} /><Files body={it()} /></>}
        </Show>
      </Show>
    </article>
  );
}

function download(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}

function valueOf(body: Body, parts: Part[]): string {
  return parts.map((part) => (part.partId ? (body.bodyValues[part.partId]?.value ?? "") : "")).join("\n");
}

function Content(props: { body: Body; onMailto: (url: string) => void }): JSX.Element {
  const [images, setImages] = createSignal(false);
  const html = createMemo((): Clean | null => {
    const parts = props.body.htmlBody;
    if (!parts.some((part) => part.type === "text/html")) return null;
    return sanitise(parts.map((part) => {
      const value = part.partId ? (props.body.bodyValues[part.partId]?.value ?? "") : "";
      return part.type === "text/html" ? value : part.type === "text/plain" ? `<pre>${escaped(value)}</pre>` : "";
    }).join(""));
  });
  const truncated = (): boolean => Object.values(props.body.bodyValues).some((value) => value.isTruncated);
  return (
    <div class="content">
      <Show when={html()} fallback={<PlainText text={valueOf(props.body, props.body.textBody)} onMailto={props.onMailto} />}>
        {(clean) => <HtmlFrame body={props.body} clean={clean()} images={images()} onImages={() => setImages(true)} onMailto={props.onMailto} />}
      </Show>
      <Show when={truncated()}><p class="notice">{t().truncated}</p></Show>
    </div>
  );
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function PlainText(props: { text: string; onMailto: (url: string) => void }): JSX.Element {
  const Words = (words: { text: string }): JSX.Element => (
    <For each={linked(words.text)}>
      {(piece) => (
        <Show when={piece.href} fallback={piece.text}>
          <a href={piece.href} target="_blank" rel="noopener noreferrer nofollow"
            onClick={(event) => {
              if (!piece.href?.startsWith("mailto:")) return;
              event.preventDefault();
              props.onMailto(piece.href);
            }}>{piece.text}</a>
        </Show>
      )}
    </For>
  );
  return (
    <div class="plain-text">
      <For each={blocks(props.text)}>
        {(block, at) => (
          <Show when={block.quoted && at() > 0} fallback={<div class="run" classList={{ quoted: block.quoted }}><Words text={block.text} /></div>}>
            <details><summary class="dots" aria-label={t().showQuoted} /><div class="run quoted"><Words text={block.text} /></div></details>
          </Show>
        )}
      </For>
    </div>
  );
}

// Those that are in the text already are not named again.
function Files(props: { body: Body }): JSX.Element {
  const files = createMemo(() => props.body.attachments.filter((part) => part.blobId && !(part.cid && part.disposition !== "attachment" && /^image\//.test(part.type))));
  const canShow = (part: Part): boolean => /^image\/(?:png|jpeg|gif|webp|avif)$/.test(part.type) && part.size < 10_000_000;
  return (
    <Show when={files().length}>
      <section class="files" aria-label={t().attachments(files().length)}>
        <h3>{t().attachments(files().length)}</h3>
        <ul>
          <For each={files()}>
            {(part) => (
              <li>
                <a class="file" href={jmap().blobUrl(part.blobId ?? "", part.name ?? "file", part.type)} download={part.name ?? "file"} title={`${t().download}: ${part.name ?? ""}`}>
                  <Show when={canShow(part)} fallback={<span class="file-icon"><Icon name="file" /></span>}>
                    <img class="file-icon" src={jmap().blobUrl(part.blobId ?? "", part.name ?? "file", part.type)} alt="" loading="lazy" />
                  </Show>
                  <span class="file-name">{part.name ?? part.type}</span>
                  <span class="soft">{size(part.size)}</span>
                </a>
              </li>
            )}
          </For>
        </ul>
      </section>
    </Show>
  );
}
