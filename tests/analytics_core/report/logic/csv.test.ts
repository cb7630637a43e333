import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../../../../analytics_core/src/analytics_core/report/frontend/src/csv.ts";

test("what a spreadsheet would take for a formula stays text, wherever it stands", () => {
  const hostile = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1",
    "\n-1",
    "  =1",
    "\u00a0+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "\ttab",
    "\0=1",
  ];
  for (const name of hostile) {
    for (const row of [
      [name, "x"],
      [1, name],
    ]) {
      const written = csv([row]);
      assert.ok(written.includes(`"'${name.replace(/"/g, '""')}"`), JSON.stringify(written));
    }
  }
  for (const name of ["Negroni", "Gin-Fizz", "1=1", "‘Ti’ Punch", "", "3.14"])
    assert.equal(csv([[name]]), `"${name}"\r\n`);
});

test("quotes, commas and lines in a name stay in one cell; numbers are numbers", () => {
  assert.equal(csv([['a "b", c\nd', 2, 0.25]]), '"a ""b"", c\nd",2,0.25\r\n');
  assert.equal(csv([]), "");
});
