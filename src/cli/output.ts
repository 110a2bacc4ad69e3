/** Text in columns; the first row is the head. Numbers go to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, visible(cell).length));
  }
  const lines = rows.map((row) =>
    row.map((cell, i) => {
      const width = widths[i] ?? 0;
      return typeof cell === "number" ? visible(cell).padStart(width) : visible(cell).padEnd(width);
    }).join("  ").trimEnd()
  );
  return lines.join("\n") + "\n";
}

/** Nothing that came over the network may move the operator's cursor. */
export function visible(cell: string | number): string {
  return String(cell).replace(/[^\x20-\x7e]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** `3 h 20 min`, in the two largest units. */
export function duration(seconds: number): string {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]] as const;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}`);
  }
  return parts.length > 0 ? parts.join(" ") : "0 s";
}

/** Bytes in the unit that people read. */
export function byteSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
