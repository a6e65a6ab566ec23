// Our icons: strokes on a grid of 24, in the colour of the text beside them. For the eye only; names are on what they stand in.
import type { JSX } from "solid-js";

const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  pen: "M4 20l1-4.5L16 4.5a1.8 1.8 0 0 1 2.5 0l1 1a1.8 1.8 0 0 1 0 2.5L8.5 19zM14 6.5l3.5 3.5",
  inbox: "M4 13l2.2-7.2A1.5 1.5 0 0 1 7.6 5h8.8a1.5 1.5 0 0 1 1.4.8L20 13v4.5a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5zM4 13h4.5a3.5 3.5 0 0 0 7 0H20",
  starred: "M12 4l2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.8-5 2.8 1.1-5.5L4 9.7 9.6 9z",
  important: "M5 6h9l5 6-5 6H5l4-6z",
  sent: "M20 4L3.5 10.5l6 3 3 6zM20 4L9.5 13.5",
  drafts: "M6 3.5h8l4 4V20H6zM14 3.5v4h4M9 12h6M9 16h4",
  archive: "M4 5h16v4H4zM5.5 9v10h13V9M10 13h4",
  all: "M4 6.5h16v11H4zM4 7l8 6 8-6",
  junk: "M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7zM12 8v5M12 16.2v.1",
  trash: "M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v5.5M13.7 10.5v5.5",
  label: "M4 5.5h9l7 6.5-7 6.5H4zM8 12h.1",
  close: "M6 6l12 12M18 6L6 18",
  back: "M14.5 5.5L8 12l6.5 6.5",
  read: "M4 10l8-5.5 8 5.5v9H4zM4 10l8 5.5 8-5.5",
  unread: "M4 6.5h10.5M20 10v7.5H4v-11l8 6 3-2.2M20.5 5.5a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0z",
  clip: "M18.5 11.5l-6.8 6.8a4 4 0 0 1-5.7-5.7l7.2-7.2a2.7 2.7 0 0 1 3.8 3.8l-7 7a1.3 1.3 0 0 1-1.9-1.9l6.2-6.2",
  more: "M12 5a.7.7 0 1 1 0 1.4 .7.7 0 0 1 0-1.4zM12 11.3 a.7.7 0 1 1 0 1.4 .7.7 0 0 1 0-1.4zM12 17.6 a.7.7 0 1 1 0 1.4 .7.7 0 0 1 0-1.4z",
  reply: "M9.5 6L4 11.5 9.5 17M4 11.5h9a7 7 0 0 1 7 7",
  replyAll: "M12 6l-5.5 5.5L12 17M7.5 6L2 11.5 7.5 17M6.5 11.5H14a7 7 0 0 1 7 7",
  forward: "M14.5 6L20 11.5 14.5 17M20 11.5h-9a7 7 0 0 0-7 7",
  settings: "M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9M15 5.5v4M9 14.5v4",
  plus: "M12 5v14M5 12h14",
  down: "M6 9.5l6 6 6-6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  file: "M6.5 3.5h7l4 4V20.5h-11zM13.5 3.5v4h4",
  image: "M4 5.5h16v13H4zM4 16l5-5 4 4 2.5-2.5L20 17M15.5 9.5h.1",
  warn: "M12 4.5L21 19.5H3zM12 10v4.5M12 17v.1",
  bold: "M7.5 5h5.5a3.5 3.5 0 0 1 0 7H7.5zM7.5 12h6.5a3.5 3.5 0 0 1 0 7H7.5z",
  italic: "M10 5h7M7 19h7M14 5l-4 14",
  list: "M9.5 6.5H20M9.5 12H20M9.5 17.5H20M5 6.5v.1M5 12v.1M5 17.5v.1",
  quote: "M5 6v12M9.5 8H20M9.5 12H20M9.5 16H16",
  link: "M10 14a4 4 0 0 0 6 .4l2.5-2.5a4 4 0 0 0-5.7-5.7L11.5 7.5M14 10a4 4 0 0 0-6-.4L5.5 12.1a4 4 0 0 0 5.7 5.7l1.3-1.3",
  expand: "M14 4.5h5.5V10M10 19.5H4.5V14M19.5 4.5L13.5 10.5M4.5 19.5l6-6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon(props: { name: IconName; filled?: boolean }): JSX.Element {
  return (
    <svg class="icon" classList={{ filled: !!props.filled }} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  );
}

export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick: (event: MouseEvent) => void;
  filled?: boolean;
  pressed?: boolean;
  disabled?: boolean;
  class?: string;
  tabindex?: number;
}): JSX.Element {
  return (
    <button
      type="button"
      class={"icon-button " + (props.class ?? "")}
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      disabled={props.disabled}
      tabindex={props.tabindex}
      onClick={(event) => props.onClick(event)}
    >
      <Icon name={props.icon} filled={!!props.filled} />
    </button>
  );
}
