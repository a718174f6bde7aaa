/** Style and script of the page, in the page: it opens without a network. */

export const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1a2230;--dim:#5a6475;--edge:#dde1e8;--grid:#e6e9ee;
--band0:#f1f3f7;--band1:#ffffff;--s0:#2458c5;--s1:#b85400;--s2:#0a7a55;--s3:#b3223c;--pass:#0a6b4a;--pass-bg:#e3f5ec;--fail:#a31632;--fail-bg:#fde8ec}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--card:#1a2029;--text:#e7eaf0;--dim:#9aa5b5;--edge:#2c3542;--grid:#2a323e;
--band0:#1f2631;--band1:#1a2029;--s0:#7aa7ff;--s1:#ffab5e;--s2:#4fd1a1;--s3:#ff8093;--pass:#6fe0b4;--pass-bg:#12352a;--fail:#ff9aac;--fail-bg:#3d1822}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 4px}h2{font-size:1.2rem;margin:40px 0 12px}h3{font-size:1.02rem;margin:0}
p{margin:0}.dim,figcaption p{color:var(--dim);font-size:.9rem}
.verdict{margin:20px 0;padding:16px 20px;border-radius:10px;border-left:6px solid}
.verdict strong{display:block;font-size:1.15rem;letter-spacing:.02em}
.passed{background:var(--pass-bg);border-color:var(--pass)}.passed strong{color:var(--pass)}
.failed{background:var(--fail-bg);border-color:var(--fail)}.failed strong{color:var(--fail)}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:0;padding:0}
.tiles div,.chart,.card{background:var(--card);border:1px solid var(--edge);border-radius:10px}
.tiles div{padding:12px 16px}.tiles dt{color:var(--dim);font-size:.85rem}.tiles dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}
.card{padding:16px 20px}.card+.card{margin-top:12px}.card ul{margin:8px 0 0;padding-left:20px}
.chart{margin:0 0 16px;padding:16px 20px 12px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0 0;padding:0;font-size:.9rem}.legend svg{margin-right:8px;vertical-align:middle}
.plot{position:relative;margin-top:8px}.plot svg{display:block;width:100%;height:auto}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1);stroke-dasharray:7 4}.s2{stroke:var(--s2);stroke-dasharray:2 4}.s3{stroke:var(--s3);stroke-dasharray:10 3 2 3}
.dot{fill:none;stroke-dasharray:none;stroke-width:2}
.bar{fill:var(--s0)}.grid{stroke:var(--grid)}.axis,.mark{stroke:var(--dim)}
.tick,.name,.band-name{fill:var(--dim);font-size:12px;font-variant-numeric:tabular-nums}.name{font-size:13px}.band-name{font-size:11px}
.b0{fill:var(--band0)}.b1{fill:var(--band1)}
.cross{stroke:var(--dim);stroke-dasharray:3 3;visibility:hidden}.cross.on{visibility:visible}
.tip{position:absolute;top:0;left:0;padding:6px 10px;border-radius:6px;background:var(--text);color:var(--card);font-size:.82rem;line-height:1.35;white-space:pre;pointer-events:none;font-variant-numeric:tabular-nums}
.tip[hidden]{display:none}
details{margin-top:6px;font-size:.9rem}summary{cursor:pointer;color:var(--dim)}
.scroll{max-height:320px;overflow:auto;margin-top:6px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--dim);padding:4px 0}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--edge);white-space:nowrap}th:first-child,td:first-child{text-align:left}thead th{font-weight:600;white-space:normal;vertical-align:bottom}
.wide{overflow-x:auto}
@media (max-width:640px){.tiles{grid-template-columns:repeat(2,1fr)}.tiles dd{font-size:1.15rem}.chart{padding:12px}}
@media print{.cross,.tip,details{display:none}.chart{break-inside:avoid}}
`;

/** Shows under the pointer what the table of the chart says; without it, nothing is missing but that. */
export const SCRIPT = `
for (const figure of document.querySelectorAll('figure.chart')) {
  const svg = figure.querySelector('.plot svg');
  const tip = figure.querySelector('.tip');
  const cross = svg.querySelector('.cross');
  const xs = svg.dataset.xs.split(' ').map(Number);
  const heads = [...figure.querySelectorAll('thead th')].map((cell) => cell.textContent);
  const rows = [...figure.querySelectorAll('tbody tr')];
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let nearest = 0;
    for (let index = 1; index < xs.length; index++) {
      if (Math.abs(xs[index] - at) < Math.abs(xs[nearest] - at)) nearest = index;
    }
    const row = rows[nearest];
    if (row === undefined) return;
    const cells = [...row.children].map((cell) => cell.textContent);
    tip.textContent = [cells[0], ...cells.slice(1).map((text, index) => heads[index + 1] + ': ' + text)].join('\\n');
    tip.hidden = false;
    const x = (xs[nearest] / svg.viewBox.baseVal.width) * box.width;
    const left = x + 14 + tip.offsetWidth > box.width ? x - 14 - tip.offsetWidth : x + 14;
    tip.style.transform = 'translate(' + Math.max(0, left) + 'px, 28px)';
    cross.setAttribute('x1', xs[nearest]);
    cross.setAttribute('x2', xs[nearest]);
    cross.classList.add('on');
  });
  svg.addEventListener('pointerleave', () => {
    tip.hidden = true;
    cross.classList.remove('on');
  });
}
`;
