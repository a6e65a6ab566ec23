// A button with a menu below it: the Popover API shows and hides it, arrow keys walk in it.
import { createUniqueId, type JSX } from "solid-js";
import { Icon, type IconName } from "./icons";

const EDGE = 8; // px that stay free at the edges of the window

function placeUnder(button: HTMLElement, box: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const width = box.offsetWidth;
  const left = at.left + width + EDGE > window.innerWidth ? at.right - width : at.left;
  box.style.left = Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE)) + "px";
  const below = at.bottom + 4;
  box.style.top = (below + box.offsetHeight + EDGE > window.innerHeight ? Math.max(EDGE, at.top - box.offsetHeight - 4) : below) + "px";
}

export function Menu(props: {
  icon: IconName;
  label: string;
  class?: string;
  id?: string;
  role?: "menu" | "dialog";
  onOpen?: () => void;
  children: JSX.Element;
}): JSX.Element {
  const id = props.id ?? createUniqueId();
  let button!: HTMLButtonElement;
  let box!: HTMLDivElement;
  const items = (): HTMLElement[] => [...box.querySelectorAll<HTMLElement>("[role^=menuitem], input, button, select")];

  function walk(event: KeyboardEvent): void {
    if (event.key === "Escape") event.stopPropagation(); // the popover closes itself; the page below stays as it is
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!step || event.target instanceof HTMLSelectElement) return;
    event.preventDefault();
    const all = items();
    all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus();
  }

  return (
    <>
      <button ref={button} type="button" class={"icon-button " + (props.class ?? "")} aria-label={props.label} title={props.label}
        aria-haspopup={props.role ?? "menu"} popovertarget={id}>
        <Icon name={props.icon} />
      </button>
      <div ref={box} id={id} popover="auto" class="menu" role={props.role ?? "menu"} aria-label={props.label} onKeyDown={walk}
        onToggle={(event: Event & { newState?: string }) => {
          if (event.newState !== "open") return;
          props.onOpen?.();
          placeUnder(button, box);
          items()[0]?.focus();
        }}>
        {props.children}
      </div>
    </>
  );
}

export function MenuItem(props: { icon?: IconName; onClick: () => void; children: JSX.Element }): JSX.Element {
  return (
    <button type="button" role="menuitem" class="menu-item"
      onClick={(event) => {
        (event.currentTarget.closest("[popover]") as HTMLElement | null)?.hidePopover();
        props.onClick();
      }}>
      <Icon name={props.icon ?? "check"} />
      <span>{props.children}</span>
    </button>
  );
}
