import { createEffect, For, Show, type JSX } from "solid-js";
import { choose, LANGUAGES, t } from "../i18n";
import type { Link } from "../jmap/push";
import { go, route } from "../lib/route";
import { setTheme, theme, type Theme } from "../lib/theme";
import { myAddress } from "../model/mail";
import { IconButton } from "./icons";
import { Menu } from "./menu";

export function TopBar(props: { link: Link; onMenu: () => void; open: boolean }): JSX.Element {
  let box!: HTMLInputElement;
  createEffect(() => {
    const view = route().view;
    box.value = view.kind === "search" ? view.query : "";
  });
  function search(event: SubmitEvent): void {
    event.preventDefault();
    const query = box.value.trim();
    go({ view: query ? { kind: "search", query } : { kind: "role", role: "inbox" } });
    box.blur();
  }
  return (
    <header class="topbar">
      <IconButton icon="menu" label={t().menu} class="menu-button" onClick={() => props.onMenu()} pressed={props.open} />
      <a class="brand" href="/mail/inbox" onClick={(event) => { event.preventDefault(); go({ view: { kind: "role", role: "inbox" } }); }}>
        <img src="/icon.svg" alt="" width="28" height="28" />
        <span>{t().app}</span>
      </a>
      <form class="search" role="search" onSubmit={search}>
        <IconButton icon="search" label={t().search} onClick={() => box.form?.requestSubmit()} />
        <input ref={box} id="search" type="search" aria-label={t().search} placeholder={t().search} title={t().searchHint} autocomplete="off"
          enterkeyhint="search" spellcheck={false}
          onKeyDown={(event) => { if (event.key === "Escape") box.blur(); }} />
        <Show when={route().view.kind === "search"}>
          <IconButton icon="close" label={t().clear} onClick={() => go({ view: { kind: "role", role: "inbox" } })} />
        </Show>
      </form>
      <span class="link" role="status">{t().link[props.link]}</span>
      <Settings />
    </header>
  );
}

function Settings(): JSX.Element {
  const themes: Theme[] = ["auto", "light", "dark"];
  return (
    <Menu icon="settings" label={t().settings} role="dialog">
      <div class="settings">
        <p class="account">{myAddress()}</p>
        <label class="field">
          {t().theme.label}
          <select onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
            <For each={themes}>{(one) => <option value={one} selected={theme() === one}>{t().theme[one]}</option>}</For>
          </select>
        </label>
        <label class="field">
          {t().language}
          <select onChange={(event) => void choose(event.currentTarget.value)}>
            <For each={Object.entries(LANGUAGES)}>
              {([code, language]) => <option value={code} lang={code} selected={t().code === code}>{language.name}</option>}
            </For>
          </select>
        </label>
        <form method="post" action="/logout">
          <button class="button wide">{t().signOut}</button>
        </form>
      </div>
    </Menu>
  );
}
