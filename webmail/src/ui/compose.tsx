// A letter being written: a sheet in the corner, on phones the whole page.
import { createEffect, createMemo, createSignal, For, on, onMount, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Id } from "../jmap/types";
import { parse, split } from "../lib/addresses";
import { size } from "../lib/format";
import { quotable } from "../lib/sanitise";
import * as drafts from "../model/drafts";
import { jmap } from "../model/mail";
import { complain, say } from "../model/toast";
import { Icon, IconButton } from "./icons";
import { Recipients } from "./recipients";

const FORGOTTEN = /\b(?:attach(?:ed|ing|ment)?|enclosed)\b|첨부/i;

export default function Compose(): JSX.Element {
  let editor!: HTMLDivElement;
  let picker!: HTMLInputElement;
  let doubt!: HTMLDialogElement;
  const { letter } = drafts;
  const [more, setMore] = createSignal(false);
  const [dragging, setDragging] = createSignal(false);
  const [why, setWhy] = createSignal("");
  const uploads = new Map<string, AbortController>();
  const state = createMemo(() => ({ clean: "", saving: t().write.saving, saved: t().write.saved, unsaved: "" })[drafts.saved()]);

  createEffect(on(drafts.open, () => {
    editor.innerHTML = quotable(letter.html);
    setMore(!!(letter.cc || letter.bcc));
    setWhy("");
    requestAnimationFrame(() => {
      if (!letter.to) document.querySelector<HTMLElement>(".compose-sheet input")?.focus();
      else {
        editor.focus();
        window.getSelection()?.setPosition(editor.querySelector("p") ?? editor, 0);
      }
    });
  }));
  onMount(() => document.execCommand("defaultParagraphSeparator", false, "p"));

  function typed(): void {
    drafts.setLetter("html", editor.innerHTML);
    drafts.touched();
  }
  function put(field: "to" | "cc" | "bcc" | "subject", value: string): void {
    drafts.setLetter(field, value);
    drafts.touched();
  }
  function format(command: string, value?: string): void {
    editor.focus();
    document.execCommand(command, false, value);
    typed();
  }
  function addLink(): void {
    const url = window.prompt(t().write.linkUrl, "https://");
    if (url && /^(?:https?|mailto):/i.test(url)) format("createLink", url);
  }
  function paste(event: ClipboardEvent): void {
    const files = [...(event.clipboardData?.files ?? [])];
    const html = event.clipboardData?.getData("text/html");
    if (!files.length && !html) return; // plain text: the browser's own way
    event.preventDefault();
    if (files.length) attach(files);
    else document.execCommand("insertHTML", false, quotable(html ?? ""));
  }

  function attach(files: File[]): void {
    const most = jmap().limit("maxSizeUpload", 50_000_000);
    for (const file of files) {
      if (file.size > most) {
        complain(new Error(t().write.tooLarge(file.name, size(most))));
        continue;
      }
      const key = crypto.randomUUID();
      const stop = new AbortController();
      uploads.set(key, stop);
      drafts.setLetter("files", (held) => [...held, { key, name: file.name, type: file.type || "application/octet-stream", size: file.size, blobId: null, sent: 0 }]);
      const set = (change: Partial<drafts.File>): void => drafts.setLetter("files", (one) => one.key === key, change);
      jmap().upload(file, file.type, (sent) => set({ sent }), stop.signal).then(
        (done) => {
          set({ blobId: done.blobId as Id });
          drafts.touched();
        },
        (fault: unknown) => {
          drafts.setLetter("files", (held) => held.filter((one) => one.key !== key));
          if (!(fault instanceof DOMException)) complain(fault);
        },
      );
    }
  }
  function remove(key: string): void {
    uploads.get(key)?.abort();
    drafts.setLetter("files", (held) => held.filter((one) => one.key !== key));
    drafts.touched();
  }

  // What stands in the way of sending, then what one may have forgotten.
  function send(sure = false): void {
    const all = [letter.to, letter.cc, letter.bcc].flatMap(split);
    const bad = all.find((one) => !parse(one));
    const wrong = bad ? t().write.badAddress(bad) : !all.length ? t().write.noRecipient : letter.files.some((file) => !file.blobId) ? t().write.uploading : "";
    if (wrong) return say({ text: wrong, bad: true });
    const copy = editor.cloneNode(true) as HTMLElement;
    copy.querySelectorAll("blockquote").forEach((quote) => quote.remove());
    const forgot = !letter.files.length && FORGOTTEN.test(letter.subject + " " + (copy.textContent ?? "")) ? t().write.forgot : !letter.subject.trim() ? t().write.forgotSubject : "";
    if (forgot && !sure) {
      setWhy(forgot);
      return doubt.showModal();
    }
    void drafts.send();
  }
  function keys(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && !event.defaultPrevented && !doubt.open) {
      event.preventDefault();
      void drafts.leave();
    }
  }

  return (
    <section class="compose-sheet" role="dialog" aria-labelledby="compose-title" classList={{ dragging: dragging() }} onKeyDown={keys}
      onDragOver={(event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); setDragging(true); } }}
      onDragLeave={(event) => { if (!(event.currentTarget as Element).contains(event.relatedTarget as Node | null)) setDragging(false); }}
      onDrop={(event) => { event.preventDefault(); setDragging(false); attach([...(event.dataTransfer?.files ?? [])]); }}>
      <div class="compose-head">
        <h2 id="compose-title">{letter.subject || t().write.title}</h2>
        <span class="soft" role="status">{state()}</span>
        <IconButton icon="close" label={t().close} onClick={() => void drafts.leave()} />
      </div>
      <div class="compose-fields">
        <Recipients label={t().write.to} value={letter.to} onInput={(value) => put("to", value)}>
          <Show when={!more()}><button type="button" class="plain link-like" onClick={() => setMore(true)}>{t().write.more}</button></Show>
        </Recipients>
        <Show when={more()}>
          <Recipients label={t().cc} value={letter.cc} onInput={(value) => put("cc", value)} />
          <Recipients label={t().bcc} value={letter.bcc} onInput={(value) => put("bcc", value)} />
        </Show>
        <label class="compose-field">
          <span class="unseen">{t().write.subject}</span>
          <input value={letter.subject} placeholder={t().write.subject} maxlength="900" onInput={(event) => put("subject", event.currentTarget.value)} />
        </label>
      </div>
      <div ref={editor} class="editor" contenteditable="true" role="textbox" aria-multiline="true" aria-label={t().write.body} onInput={typed} onPaste={paste} />
      <Show when={letter.files.length}>
        <ul class="compose-files" aria-label={t().attachments(letter.files.length)}>
          <For each={letter.files}>
            {(file) => (
              <li class="file">
                <Icon name="file" />
                <span class="file-name">{file.name}</span>
                <span class="soft">{size(file.size)}</span>
                <Show when={!file.blobId}><progress max={file.size} value={file.sent} aria-label={t().write.progress(file.name)} /></Show>
                <IconButton icon="close" label={t().write.removeFile(file.name)} class="small" onClick={() => remove(file.key)} />
              </li>
            )}
          </For>
        </ul>
      </Show>
      <div class="compose-foot">
        <button type="button" class="button main" title="Ctrl+Enter" onClick={() => send()}>{t().write.send}</button>
        <div class="format" role="toolbar" aria-label={t().write.tools}>
          <IconButton icon="bold" label={t().write.bold} onClick={() => format("bold")} />
          <IconButton icon="italic" label={t().write.italic} onClick={() => format("italic")} />
          <IconButton icon="list" label={t().write.list} onClick={() => format("insertUnorderedList")} />
          <IconButton icon="quote" label={t().write.quote} onClick={() => format("formatBlock", "blockquote")} />
          <IconButton icon="link" label={t().write.addLink} onClick={addLink} />
        </div>
        <IconButton icon="clip" label={t().write.attach} onClick={() => picker.click()} />
        <input ref={picker} type="file" multiple hidden onChange={() => { attach([...(picker.files ?? [])]); picker.value = ""; }} />
        <IconButton icon="trash" label={t().write.discard} class="discard" onClick={() => void drafts.discard()} />
      </div>
      <Show when={dragging()}><div class="drop">{t().write.drop}</div></Show>
      <dialog ref={doubt} class="dialog" aria-labelledby="doubt">
        <p id="doubt">{why()}</p>
        <div class="buttons">
          <button type="button" class="button" onClick={() => { doubt.close(); send(true); }}>{t().write.sendAnyway}</button>
          <button type="button" class="button main" autofocus onClick={() => doubt.close()}>{t().write.goBack}</button>
        </div>
      </dialog>
    </section>
  );
}
