// The page shows /api/status, every two seconds. It builds text nodes only, so
// that nothing a node sends can become markup.
'use strict';

const every = 2000; // ms
const $ = (id) => document.getElementById(id);

function el(name, attributes, ...children) {
  const svg = ['svg', 'path', 'circle', 'line', 'title'].includes(name);
  const e = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

const two = (n) => String(n).padStart(2, '0');
const clock = (d) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;

function when(text) {
  if (!text) return '–';
  const d = new Date(text);
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const today = new Date().toDateString() === d.toDateString();
  return el('time', { datetime: text, title: text }, today ? clock(d) : `${day} ${clock(d)}`);
}

// A typographic minus, and always a sign: the direction is what matters here.
const signed = (v) => (v < 0 ? '−' : '+') + Math.abs(v).toFixed(2) + ' σ';

function tag(kind, mark, text) { return el('span', { class: `tag ${kind}` }, mark ? `${mark} ${text}` : text); }

function table(caption, heads, rows) {
  const cells = heads.map(([text, c]) => el('th', { scope: 'col', class: c || '' }, text));
  return el('div', { class: 'scroll' }, el('table', {}, el('caption', {}, caption),
    el('thead', {}, el('tr', {}, ...cells)), el('tbody', {}, ...rows)));
}

const none = (text) => el('p', { class: 'none' }, text);
const number = (v) => el('td', { class: 'number' }, v);

function summary(s) {
  const item = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));
  const lasting = s.warnings.filter((w) => !w.until).length;
  const records = s.nodes.reduce((sum, n) => sum + n.records, 0);
  const broker = s.broker.up ? 'connected' : tag('care', '▲', 'not connected');
  $('summary').replaceChildren(
    item('Warnings now', lasting ? tag('alarm', '▼', String(lasting)) : '0'),
    item('Nodes', String(s.nodes.length)), item('Wafers', String(records)), item('Broker', broker));
  document.title = (lasting ? `▼ ${lasting} – ` : '') + 'Kensa early warning';
}

function warnings(list) {
  if (!list.length) return none('None so far. A warning begins when the weighted average of a product’s deviations falls below its lower limit.');
  return table('Early warnings: those that last, then the latest of those that are over',
    [['State'], ['Product'], ['Node'], ['Since'], ['Until'], ['Wafers', 'number'], ['Lowest average', 'number'], ['Limit', 'number']],
    [...list.filter((w) => !w.until), ...list.filter((w) => w.until).slice(0, 10)].map((w) => el('tr', { class: w.until ? '' : 'alarm' },
      el('td', {}, w.until ? tag('plain', '', w.replaced ? 'baseline replaced' : 'over') : tag('alarm', '▼', 'yield falling')),
      el('td', {}, el('code', {}, w.product)), el('td', { class: 'name' }, w.node), el('td', {}, when(w.since)), el('td', {}, when(w.until)),
      number(String(w.wafers)), number(signed(w.average)), number(signed(-w.limit)))));
}

// spark draws the points over ±span σ; what lies beyond is drawn at the edge.
function spark(stream) {
  const p = stream.points, w = 600, h = 100, span = 4;
  const x = (i) => (p.length === 1 ? w / 2 : 6 + i * (w - 12) / (p.length - 1));
  const y = (v) => h / 2 - Math.max(-span, Math.min(span, v)) * (h / 2 - 5) / span;
  const path = (points) => 'M' + points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join('L');
  const at = (f) => p.map((q, i) => [x(i), y(f(q))]);
  const last = p[p.length - 1];
  const label = `${p.length} wafers; last deviation ${signed(last.deviation)}, average ${signed(last.average)}, limits plus and minus ${last.limit.toFixed(2)} σ`;
  const low = p.map((q, i) => (q.average < -q.limit ? `M${x(Math.max(0, i - 1)).toFixed(1)} ${y(p[Math.max(0, i - 1)].average).toFixed(1)}L${x(i).toFixed(1)} ${y(q.average).toFixed(1)}` : '')).join('');
  return el('svg', { class: 'spark', viewBox: `0 0 ${w} ${h}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    el('title', {}, label),
    el('path', { class: 'band', d: path([...at((q) => q.limit), ...at((q) => -q.limit).reverse()]) + 'Z' }),
    el('path', { class: 'zero', d: `M0 ${h / 2}H${w}` }),
    ...p.map((q, i) => el('circle', { class: 'dot', cx: x(i), cy: y(q.deviation), r: 2 })),
    el('path', { class: 'average', d: path(at((q) => q.average)) }),
    low ? el('path', { class: 'low', d: low }) : null);
}

function learning(s) {
  if (s.learnt >= s.baseline) return el('span', { class: 'soft' }, 'baseline complete; deviations come with the next wafer');
  return el('div', { class: 'soft small' }, `baseline: ${s.learnt} of ${s.baseline} complete wafers`,
    el('progress', { max: s.baseline, value: s.learnt, 'aria-label': 'wafers of the baseline' }));
}

const states = { learning: () => tag('plain', '', 'learning'), watching: () => tag('plain', '', 'normal'), warning: () => tag('alarm', '▼', 'yield falling') };

function charts(streams) {
  if (!streams.length) return none('No wafer has come yet.');
  return table('Products of all nodes',
    [['State'], ['Product'], ['Node'], ['Wafers', 'number'], ['Last wafer'], ['Average', 'number'], ['Deviations']],
    streams.map((s) => {
      const last = s.points[s.points.length - 1];
      return el('tr', { class: s.state === 'warning' ? 'alarm' : '' },
        el('td', {}, states[s.state]()), el('td', {}, el('code', {}, s.product)), el('td', { class: 'name' }, s.node), number(String(s.wafers)),
        el('td', {}, when(s.last)), number(last ? signed(last.average) : '–'),
        el('td', { class: 'chart' }, last ? spark(s) : learning(s)));
    }));
}

function nodeState(n) {
  if (!n.enrolled) return tag('care', '▲', 'not enrolled');
  if (n.refused.conflict) return tag('care', '▲', 'conflict');
  if (n.lost) return tag('care', '▲', 'records lost');
  if (Object.keys(n.refused).length) return tag('care', '▲', 'refused records');
  return tag('plain', '', n.records ? 'normal' : 'nothing received yet');
}

function nodes(list, elsewhere) {
  const out = [];
  if (list.length) {
    out.push(table('Nodes', [['State'], ['Node'], ['Epoch'], ['Committed to', 'number'], ['Records', 'number'], ['Lost', 'number'], ['Received'], ['Refused']],
      list.map((n) => el('tr', {},
        el('td', {}, nodeState(n)), el('th', { scope: 'row' }, n.node), el('td', {}, el('code', { title: n.epoch }, n.epoch.slice(0, 8) || '–')),
        number(String(n.seq)), number(String(n.records)), number(String(n.lost)), el('td', {}, when(n.received)),
        el('td', { class: 'small' }, ...refusals(n))))));
  } else out.push(none('No node is enrolled and none has sent. Put a node’s public key, <node>.pub, into the enrolment folder.'));
  if (elsewhere) out.push(el('p', { class: 'small soft' }, `${elsewhere} more messages were refused that belong to no node shown.`));
  return el('div', {}, ...out);
}

function refusals(n) {
  const list = Object.entries(n.refused).map(([reason, count]) => `${count} × ${reason}`).join(', ');
  if (!list) return ['–'];
  const remedy = !n.enrolled ? `Put ${n.node}.pub into the enrolment folder if it is yours.` : n.refusal;
  return [list, el('div', { class: 'soft' }, remedy)];
}

let shown = '';

function show(text) {
  if (text === shown) return;
  shown = text;
  const s = JSON.parse(text);
  summary(s);
  $('warnings').replaceChildren(warnings(s.warnings));
  $('charts').replaceChildren(charts(s.streams));
  $('nodes').replaceChildren(nodes(s.nodes, s.refused_elsewhere));
  $('version').textContent = `kensa-warning ${s.version}`;
  trouble(s.broker.up ? '' : `▲ The broker ${s.broker.url} is not connected; nothing is received. ${s.broker.error}`);
}

function trouble(text) {
  $('trouble').textContent = text;
  $('trouble').hidden = !text;
}

async function refresh() {
  try {
    const response = await fetch('api/status');
    if (!response.ok) throw new Error(`the service answers ${response.status}`);
    show(await response.text());
    $('fresh').textContent = `as of ${clock(new Date())}`;
  } catch (error) {
    shown = '';
    trouble(`▲ The service does not answer; this is as it was before. ${error.message}`);
  }
  setTimeout(refresh, every);
}

refresh();
