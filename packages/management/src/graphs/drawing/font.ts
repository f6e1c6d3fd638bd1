/**
 * Letters of five columns, drawn for these pictures: a server has no fonts, and small letters made of whole pixels are
 * the ones that can be read. A character stands for each row from the top, seven and up to two below the base line: a
 * digit of 32 whose bits are the columns, the left one first.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  ...{ A: "ehhvhhh", B: "uhhuhhu", C: "ehgggge", D: "uhhhhhu", E: "vgguggv", F: "vgguggg", G: "ehgnhhe", H: "hhhvhhh" },
  ...{ I: "e44444e", J: "72222ic", K: "hikokih", L: "ggggggv", M: "hrllhhh", N: "hhpljhh", O: "ehhhhhe", P: "uhhuggg" },
  ...{ Q: "ehhhlid", R: "uhhukih", S: "fgge11u", T: "v444444", U: "hhhhhhe", V: "hhhhha4", W: "hhhllla", X: "hha4ahh" },
  ...{ Y: "hhha444", Z: "v1248gv", 0: "ehjlphe", 1: "4c4444e", 2: "eh1248v", 3: "v2421he", 4: "26aiv22", 5: "vgu11he" },
  ...{ 6: "68guhhe", 7: "v124888", 8: "ehhehhe", 9: "ehhf12c", a: "00e1fhf", b: "ggmphhu", c: "00egghe", d: "11djhhf" },
  ...{ e: "00ehvge", f: "698s888", g: "00fhhhf1e", h: "ggmphhh", i: "40c444e", j: "2062222ic", k: "ggikoki" },
  ...{ l: "c44444e", m: "00qllhh", n: "00mphhh", o: "00ehhhe", p: "00uhhhugg", q: "00fhhhf11", r: "00mpggg" },
  ...{
    s: "00fge1u",
    t: "88s8896",
    u: "00hhhjd",
    v: "00hhha4",
    w: "00hhlla",
    x: "00ha4ah",
    y: "00hhhhf1e",
    z: "00v248v",
  },
  ...{ " ": "", ".": "00000cc", ",": "00000cc48", ":": "0cc0cc0", "-": "000e000", _: "0000000v", "/": "01248g0" },
  ...{ "%": "op248j3", "(": "2488842", ")": "8422248", "+": "044v440", "*": "04lel40", "[": "e88888e", "]": "e22222e" },
};

const UNKNOWN = "vhhhhhv";
const COLUMNS = 5;

/** From one letter to the next. */
export const LETTER_PX = COLUMNS + 1;
/** Above the base line. */
export const LETTER_HEIGHT_PX = 7;

/** Tells of each pixel of a text, from its top left corner. */
export const traceText = (text: string, visit: (x: number, y: number) => void): void => {
  [...text].forEach((letter, index) => {
    const rows = GLYPHS[letter] ?? UNKNOWN;
    [...rows].forEach((digit, y) => {
      const bits = Number.parseInt(digit, 32);
      for (let column = 0; column < COLUMNS; column++) {
        if ((bits >> (COLUMNS - 1 - column)) & 1) visit(index * LETTER_PX + column, y);
      }
    });
  });
};

export const textWidthPx = (text: string): number => Math.max(0, [...text].length * LETTER_PX - 1);

/** As much of it as has room. */
export const fitText = (text: string, widthPx: number): string => {
  const letters = [...text];
  const most = Math.max(0, Math.floor((widthPx + 1) / LETTER_PX));
  return letters.length <= most ? text : `${letters.slice(0, Math.max(0, most - 2)).join("")}..`;
};
