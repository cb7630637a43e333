// Whole numbers from text, as report/packing.py writes them: base 64 VLQ without a sign.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUE = new Uint8Array(128);
for (let i = 0; i < DIGITS.length; i++) VALUE[DIGITS.charCodeAt(i)] = i;

export function unpack(text: string): Uint32Array {
  const values = new Uint32Array(text.length);
  let count = 0;
  let value = 0;
  let shift = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = VALUE[text.charCodeAt(i)];
    value |= (digit & 31) << shift;
    if (digit & 32) {
      shift += 5;
    } else {
      values[count++] = value;
      value = shift = 0;
    }
  }
  return values.slice(0, count);
}

/** Where each group begins, from how many there are in each; one more than there are groups. */
export function starts(counts: Uint32Array): Uint32Array {
  const found = new Uint32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) found[i + 1] = found[i] + counts[i];
  return found;
}
