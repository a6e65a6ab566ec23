// How values are written for people, in the language of the page.
import { t } from "../i18n";
import type { Address } from "../jmap/types";

const formats = new Map<string, Intl.DateTimeFormat>();

function written(date: Date, options: Intl.DateTimeFormatOptions): string {
  const key = t().code + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(t().code, options)));
  return format.format(date);
}

// As short as it says when: the time today, the day this year, else the date.
export function shortDate(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (date.toDateString() === now.toDateString()) return written(date, { hour: "numeric", minute: "2-digit" });
  if (date.getFullYear() === now.getFullYear()) return written(date, { month: "short", day: "numeric" });
  return written(date, { year: "numeric", month: "numeric", day: "numeric" });
}

export function longDate(iso: string): string {
  return written(new Date(iso), { dateStyle: "full", timeStyle: "short" });
}

export function plainDate(iso: string): string {
  return written(new Date(iso), { dateStyle: "medium", timeStyle: "short" });
}

export function size(octets: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let at = 0;
  let value = octets;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    ++at;
  }
  const digits = value < 10 && at > 0 ? 1 : 0;
  return new Intl.NumberFormat(t().code, { style: "unit", unit: units[at] ?? "byte", unitDisplay: "short", maximumFractionDigits: digits }).format(value);
}

export function nameOf(address: Address | undefined): string {
  return address?.name?.trim() || address?.email || "";
}

// "Ann", of "Ann Example <ann@example.com>"; names that are not in Western order stay whole.
export function firstName(address: Address): string {
  const name = nameOf(address);
  const first = name.split(/[\s,@]/)[0] ?? name;
  return /^[\p{Script=Latin}'.-]+$/u.test(first) && first.length > 1 ? first : name;
}
