/** Charts as static SVG, with their numbers in a table for those who cannot or will not see them. */
import { escapeText } from './escape.ts';
import { numberText, type Scale } from './scale.ts';

export interface Line {
  readonly name: string;
  /** One for each x of the chart; null where nothing was measured. */
  readonly values: readonly (number | null)[];
}

/** A part of the x axis with a name. */
export interface Band {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface Chart {
  /** Unique in the page: letters and dashes. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence or two. */
  readonly text: string;
  readonly xName: string;
  /** With its unit. */
  readonly yName: string;
  readonly xs: readonly number[];
  /** How an x is written in the table. */
  readonly xText: (x: number) => string;
  readonly lines: readonly Line[];
  readonly xScale: Scale;
  readonly yScale: Scale;
  readonly bands?: readonly Band[];
  readonly kind: 'lines' | 'bars';
  /** Where the last bar ends; each other fills from its x to the next. */
  readonly xEnd?: number;
}

const WIDTH = 960;
const HEIGHT = 320;
const LEFT = 68;
const RIGHT = 28;
const TOP = 26;
const BOTTOM = 48;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
/** Of one character of a band's name. */
const CHARACTER_WIDTH = 6.4;

export function chartFigure(chart: Chart): string {
  const { id, title, text, lines } = chart;
  const legend =
    lines.length < 2
      ? ''
      : `<ul class="legend">${lines.map(({ name }, index) => legendItem(name, index)).join('')}</ul>`;
  return `<figure id="${id}" class="chart">
<figcaption><h3>${escapeText(title)}</h3><p>${escapeText(text)}</p></figcaption>
${legend}<div class="plot">${svgOf(chart)}<output class="tip" hidden></output></div>
<details><summary>Numbers as a table</summary><div class="scroll">${tableOf(chart)}</div></details>
</figure>`;
}

function legendItem(name: string, index: number): string {
  const sample = `<svg width="28" height="10" aria-hidden="true"><line class="line s${index}" x1="1" x2="27" y1="5" y2="5"/></svg>`;
  return `<li>${sample}${escapeText(name)}</li>`;
}

function svgOf(chart: Chart): string {
  const { id, title, text, xs, lines, kind } = chart;
  const places = xs.map((x) => xAt(chart, x).toFixed(1)).join(' ');
  const marks =
    kind === 'bars' ? bars(chart) : lines.map((line, index) => lineOf(chart, line, index)).join('');
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-text" data-xs="${places}">
<title id="${id}-title">${escapeText(title)}</title><desc id="${id}-text">${escapeText(text)}</desc>
${bandsOf(chart)}${axesOf(chart)}${marks}<line class="cross" x1="0" x2="0" y1="${TOP}" y2="${TOP + PLOT_HEIGHT}"/></svg>`;
}

function axesOf({ xScale, yScale, xName, yName }: Chart): string {
  const bottom = TOP + PLOT_HEIGHT;
  const rows = yScale.ticks.map(({ value, label }) => {
    const y = (bottom - yScale.place(value) * PLOT_HEIGHT).toFixed(1);
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text class="tick" x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${escapeText(label)}</text>`;
  });
  const columns = xScale.ticks.map(({ value, label }) => {
    const x = (LEFT + xScale.place(value) * PLOT_WIDTH).toFixed(1);
    return `<line class="mark" x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 5}"/><text class="tick" x="${x}" y="${bottom + 18}" text-anchor="middle">${escapeText(label)}</text>`;
  });
  const middle = TOP + PLOT_HEIGHT / 2;
  return `${rows.join('')}${columns.join('')}<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${bottom}" y2="${bottom}"/>
<text class="name" x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escapeText(xName)}</text><text class="name" x="14" y="${middle}" text-anchor="middle" transform="rotate(-90 14 ${middle})">${escapeText(yName)}</text>`;
}

function bandsOf(chart: Chart): string {
  return (chart.bands ?? [])
    .map(({ name, from, to }, index) => {
      const x = xAt(chart, from);
      const width = xAt(chart, to) - x;
      const label =
        width < name.length * CHARACTER_WIDTH
          ? ''
          : `<text class="band-name" x="${(x + width / 2).toFixed(1)}" y="${TOP - 9}" text-anchor="middle">${escapeText(name)}</text>`;
      return `<rect class="band b${index % 2}" x="${x.toFixed(1)}" y="${TOP - 24}" width="${width.toFixed(1)}" height="${PLOT_HEIGHT + 24}"><title>${escapeText(name)}</title></rect>${label}`;
    })
    .join('');
}

/** One path; a gap begins it anew, and a point between two gaps is a dot. */
function lineOf(chart: Chart, { name, values }: Line, index: number): string {
  let path = '';
  let dots = '';
  let count = 0;
  for (const [at, x] of chart.xs.entries()) {
    const value = values[at] ?? null;
    if (value === null) continue;
    const isFirst = at === 0 || (values[at - 1] ?? null) === null;
    const isLast = (values[at + 1] ?? null) === null;
    const [cx, cy] = [xAt(chart, x).toFixed(1), yAt(chart, value).toFixed(1)];
    count++;
    path += `${isFirst ? 'M' : 'L'}${cx} ${cy}`;
    if (isFirst && isLast) dots += `<circle class="dot s${index}" cx="${cx}" cy="${cy}" r="2.5"/>`;
  }
  return `${dots}<path class="line s${index}" data-name="${escapeText(name)}" data-points="${count}" d="${path}"/>`;
}

function bars(chart: Chart): string {
  const [line] = chart.lines;
  const bottom = TOP + PLOT_HEIGHT;
  const ends = [...chart.xs.slice(1), chart.xEnd ?? 0];
  return (line?.values ?? [])
    .map((value, index) => {
      const x = xAt(chart, chart.xs[index] ?? 0);
      const width = Math.max(1, xAt(chart, ends[index] ?? 0) - x - 1.5);
      const y = yAt(chart, value ?? 0);
      return `<rect class="bar" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${(bottom - y).toFixed(1)}"/>`;
    })
    .join('');
}

function tableOf({ title, xName, yName, xs, xText, lines }: Chart): string {
  const heads = lines.map(({ name }) => `<th scope="col">${escapeText(name)}</th>`).join('');
  const rows = xs.map((x, index) => {
    const cells = lines.map(({ values }) => `<td>${cellText(values[index] ?? null)}</td>`);
    return `<tr><th scope="row">${escapeText(xText(x))}</th>${cells.join('')}</tr>`;
  });
  return `<table><caption>${escapeText(`${title}: ${yName}`)}</caption><thead><tr><th scope="col">${escapeText(xName)}</th>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function cellText(value: number | null): string {
  return value === null ? '–' : numberText(value);
}

function xAt({ xScale }: Chart, x: number): number {
  return LEFT + xScale.place(x) * PLOT_WIDTH;
}

function yAt({ yScale }: Chart, y: number): number {
  return TOP + PLOT_HEIGHT - yScale.place(y) * PLOT_HEIGHT;
}
