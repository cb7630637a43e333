// Lists as text for spreadsheets.

export type Cell = string | number;

/** What a spreadsheet would take for a formula, behind blanks and in full width too. */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r\n\0]/;

const quoted = (value: string) =>
  `"${(FORMULA.test(value) ? `'${value}` : value).replace(/"/g, '""')}"`;

/** Rows as CSV (RFC 4180); a name never becomes a formula. */
export function csv(rows: Cell[][]): string {
  const line = (row: Cell[]) => row.map((c) => (typeof c === "number" ? c : quoted(c))).join(",");
  return rows.map((row) => `${line(row)}\r\n`).join("");
}
