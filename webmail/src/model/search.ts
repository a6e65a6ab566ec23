// What people type into the search box, as a filter of JMAP: words, "phrases", -without, OR, and operators as Gmail has them:
// from: to: cc: bcc: subject: in: label: is: has: before: after: older_than: newer_than: larger: smaller: filename:
import type { Filter, Id } from "../jmap/types";
import { boxes, byRole, fullName, hidden } from "./mail";

export interface Search {
  filter: Filter;
  words: boolean; // something in it can be highlighted
}

// Where names of mailboxes lead; passed in by tests.
export interface Places {
  role: (role: string) => Id | undefined;
  label: (name: string) => Id | undefined;
  hidden: () => Id[];
}

const account: Places = {
  role: (role) => byRole(role as "inbox")?.id,
  label: (name) => {
    const wanted = name.toLowerCase().replaceAll("-", " ");
    return boxes().find((box) => fullName(box).toLowerCase().replaceAll("-", " ") === wanted)?.id;
  },
  hidden,
};

const TEXTS = ["from", "to", "cc", "bcc", "subject", "body"];
const DAY = 86_400_000; // ms
const UNITS: Record<string, number> = { d: DAY, w: 7 * DAY, m: 30 * DAY, y: 365 * DAY };
const NOTHING: Filter = { operator: "NOT", conditions: [{ minSize: 0 }] };

export function readSearch(query: string, places: Places = account, now = Date.now()): Search {
  const tokens = query.match(/-?(?:[a-z_]+:)?"[^"]*"?|\S+/gi) ?? [];
  const groups: Filter[][] = []; // joined by AND; within one, OR
  let words = false;
  let everywhere = false;
  let or = false;
  for (const token of tokens) {
    if (token === "OR") {
      or = groups.length > 0;
      continue;
    }
    const without = token.startsWith("-") && token.length > 1;
    const read = condition(without ? token.slice(1) : token, places, now);
    if (!read) continue;
    if (read.everywhere) everywhere = true;
    if (read.filter) {
      const filter: Filter = without ? { operator: "NOT", conditions: [read.filter] } : read.filter;
      if (or) groups.at(-1)?.push(filter);
      else groups.push([filter]);
      words ||= read.words && !without;
    }
    or = false;
  }
  const conditions = groups.map((group): Filter => (group.length === 1 ? (group[0] as Filter) : { operator: "OR", conditions: group }));
  if (!everywhere) conditions.push({ inMailboxOtherThan: places.hidden() });
  return { filter: conditions.length === 1 ? (conditions[0] as Filter) : { operator: "AND", conditions }, words };
}

interface Read {
  filter?: Filter;
  words: boolean;
  everywhere?: boolean; // trash and spam are asked for
}

function condition(token: string, places: Places, now: number): Read | null {
  const at = token.indexOf(":");
  const name = at > 0 ? token.slice(0, at).toLowerCase() : "";
  const value = unquoted(at > 0 ? token.slice(at + 1) : token);
  const plain = (): Read => ({ filter: { text: unquoted(token) }, words: true });
  const sure = (filter: Filter): Read => ({ filter, words: false });
  if (!name) return value ? { filter: { text: value }, words: true } : null;
  if (!value) return null;
  if (TEXTS.includes(name)) return { filter: { [name]: value }, words: name === "subject" || name === "body" };
  switch (name) {
    case "filename":
      return { filter: { text: value }, words: true };
    case "in":
    case "label":
      return place(value.toLowerCase(), places);
    case "is":
      return is(value.toLowerCase()) ?? plain();
    case "has":
      return value.toLowerCase() === "attachment" ? sure({ hasAttachment: true }) : plain();
    case "before":
    case "after": {
      const time = Date.parse(value.replaceAll("/", "-") + "T00:00:00");
      return Number.isNaN(time) ? plain() : sure({ [name]: utc(time) });
    }
    case "older_than":
    case "newer_than": {
      const [, count, unit] = /^(\d{1,6})([dwmy])$/.exec(value.toLowerCase()) ?? [];
      if (!count || !unit) return plain();
      return sure({ [name === "older_than" ? "before" : "after"]: utc(now - Number(count) * (UNITS[unit] ?? DAY)) });
    }
    case "larger":
    case "smaller": {
      const [, count, unit] = /^(\d{1,9})([km]?)b?$/.exec(value.toLowerCase()) ?? [];
      if (!count) return plain();
      const octets = Number(count) * (unit === "m" ? 1_000_000 : unit === "k" ? 1_000 : 1);
      return sure(name === "larger" ? { minSize: octets } : { maxSize: octets });
    }
    default:
      return plain();
  }
}

function place(value: string, places: Places): Read {
  if (value === "anywhere") return { words: false, everywhere: true };
  if (value === "starred") return { filter: { hasKeyword: "$flagged" }, words: false };
  const role = value === "spam" ? "junk" : value === "draft" ? "drafts" : value;
  const id = places.role(role) ?? places.label(value);
  return { filter: id ? { inMailbox: id } : NOTHING, words: false, everywhere: role === "junk" || role === "trash" };
}

function is(value: string): Read | null {
  const filters: Record<string, Filter> = {
    unread: { notKeyword: "$seen" },
    read: { hasKeyword: "$seen" },
    starred: { hasKeyword: "$flagged" },
    answered: { hasKeyword: "$answered" },
    draft: { hasKeyword: "$draft" },
  };
  const filter = filters[value];
  return filter ? { filter, words: false } : null;
}

function unquoted(text: string): string {
  return text.replaceAll('"', "").trim();
}

function utc(time: number): string {
  return new Date(time).toISOString().slice(0, 19) + "Z";
}
