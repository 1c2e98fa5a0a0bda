/** Numbers as the page's language writes them. */

import { language } from "./i18n";

function number(value: number, digits: number): string {
  return new Intl.NumberFormat(language(), { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(
    value,
  );
}

/** 19 MB, 5.6 GB. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  const scaled = value / 1000 ** power;
  return `${number(scaled, power > 0 && scaled < 10 ? 1 : 0)} ${units[power] ?? "B"}`;
}

/** 0.4 s, 12 s, 3 min 20 s. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${number(seconds, 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 100) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A rate in three figures: 0.115, 20.3, 186. */
export function rate(value: number): string {
  return new Intl.NumberFormat(language(), { maximumSignificantDigits: 3, minimumSignificantDigits: 3 }).format(value);
}

export function percent(fraction: number): string {
  return new Intl.NumberFormat(language(), { style: "percent" }).format(fraction);
}

/** One after another, with commas between them. */
export function list(items: readonly string[]): string {
  return new Intl.ListFormat(language(), { style: "narrow" }).format(items);
}

/** A language's name in the page's language, by its BCP 47 tag. */
export function named(tag: string): string {
  try {
    return new Intl.DisplayNames(language(), { type: "language" }).of(tag) ?? tag;
  } catch {
    // It is no such tag.
    return tag;
  }
}
