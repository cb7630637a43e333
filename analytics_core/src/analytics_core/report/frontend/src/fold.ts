// One form for every way of writing a name, by the rules that the terminal's searches follow too.

const REMOVED = /['‘’‚‛‹›"“”„‟«»`´ʹʺʻʼʽˈˊˋ′″‵‶＇＂\u00ad\u200b\u200c\u200d\u2060\ufeff]/g;
const DASHES = /[-‐‑‒–—―⁃−﹘﹣－]/g;
const LETTERS: Record<string, string> = {
  ...{ ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", þ: "th" },
  ...{ ł: "l", ħ: "h", ı: "i", ŧ: "t", ŋ: "ng", ĸ: "k", ς: "σ" },
};
const APART = new RegExp(`[${Object.keys(LETTERS).join("")}]`, "g");
// those of other scripts make other letters, so they stay
const MARKS = /[\u0300-\u036f]/g;
// what Python's split takes for a blank and \s does not
const BLANKS = /[\s\u001c-\u001f\u0085]+/g;

const bare = (text: string) => text.replace(REMOVED, "").replace(DASHES, " ");

/** Without case, accents, quotes and dashes; blanks of every kind become one. */
export function fold(name: string): string {
  const apart = bare(name).normalize("NFKD").toLowerCase().normalize("NFKD");
  const letters = apart.replace(APART, (letter) => LETTERS[letter]).replace(MARKS, "");
  return bare(letters).replace(BLANKS, " ").trim();
}

/** A name as addresses have it: words in lower case, without accents, between hyphens. */
export function inAddress(name: string): string {
  const plain = name.normalize("NFKD").replace(MARKS, "").toLowerCase().normalize("NFC");
  return encodeURIComponent((plain.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? []).join("-"));
}

/** The folded words of a text, without punctuation. */
export function words(text: string): string[] {
  return fold(text).match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}
