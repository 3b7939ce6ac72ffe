const WIDTH = 760;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 130;
const BAR = 16;
const GAP = 4;
const GROUP_GAP = 16;
const TOP = 68;
const FONT = 'font-family="system-ui, -apple-system, Segoe UI, sans-serif"';
/** Readable on white and on GitHub's dark background. */
const TEXT = '#7d8590';
const colours = {
  direct: '#9da7b1',
  nginx: '#2da44e',
  'bare Node': '#4c8dd6',
  'codex-pool': '#d97729',
};

const escaped = (content) =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const at = (number) => Number(number.toFixed(1));

function text(x, y, content, { size = 12, anchor = 'start', weight = 400 } = {}) {
  return `<text x="${at(x)}" y="${at(y)}" ${FONT} font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${TEXT}">${escaped(content)}</text>`;
}

/** One bar with its value, and a line from the lowest to the highest round. */
function bar({ name, median, min, max }, y, scale, digits) {
  const middle = y + BAR / 2;
  const end = LABEL_WIDTH + Math.max(scale(median), 1);
  const [from, to] = [LABEL_WIDTH + scale(min), LABEL_WIDTH + scale(max)];
  return [
    `<rect x="${LABEL_WIDTH}" y="${at(y)}" width="${at(end - LABEL_WIDTH)}" height="${BAR}" rx="2" fill="${colours[name]}"/>`,
    `<path d="M${at(from)} ${at(middle)}H${at(to)}" stroke="${TEXT}" stroke-width="1.5"/>`,
    text(Math.max(end, to) + 6, middle + 4, median.toFixed(digits)),
  ];
}

function legend(names) {
  let x = LABEL_WIDTH;
  return names.flatMap((name) => {
    const mark = `<rect x="${x}" y="42" width="12" height="12" rx="2" fill="${colours[name]}"/>`;
    const label = text(x + 18, 52, name);
    x += 34 + name.length * 7;
    return [mark, label];
  });
}

/**
 * A chart of horizontal bars as SVG. `rows` are labels with their bars: the name of the target, median, min and max.
 * Times below 0 (a difference) have no bar.
 */
export function barChart({ title, digits, rows }) {
  const bars = rows.flatMap((it) => it.bars);
  const highest = Math.max(...bars.map((it) => it.max));
  const scale = (value) => (Math.max(0, value) / highest) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
  const parts = [];
  let y = TOP;
  for (const { label, bars: own } of rows) {
    const height = own.length * (BAR + GAP);
    parts.push(text(LABEL_WIDTH - 12, y + height / 2 + 2, label, { anchor: 'end' }));
    for (const it of own) {
      parts.push(...bar(it, y, scale, digits));
      y += BAR + GAP;
    }
    y += GROUP_GAP;
  }
  const names = Object.keys(colours).filter((name) => bars.some((it) => it.name === name));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${escaped(title)}">`,
    text(0, 22, title, { size: 16, weight: 600 }),
    ...legend(names),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
