// Small choices kept in this browser, which may forbid it.
export function kept(name: string): string | null {
  try {
    return localStorage.getItem("pabal." + name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem("pabal." + name, value);
  } catch {
    // it lasts as long as the page
  }
}
