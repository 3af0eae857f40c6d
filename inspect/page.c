/* page.c - the parts of the replay page that are the same for every graph.
 *
 * The page is well-formed XML too, so that any XML tool can check it; hence selected="" and the CDATA section
 * around the script. Positions are counted 0 … nodes + steps: first each node is computed, then each
 * contribution is made. */
#include "inspect/page.h"

#include <stddef.h>

const char *const page__head[] = {
    "<!DOCTYPE html>\n",
    "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n",
    "<head>\n",
    "<meta charset=\"utf-8\"/>\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src"
        " 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n",
    "<meta name=\"generator\" content=\"valgrad\"/>\n",
    NULL,
};

const char *const page__style[] = {
    ":root { color-scheme: light dark; --bg: #f6f7fb; --fg: #1d2330; --card: #ffffff; --line:"
        " #b9c1d6; --accent: #1f4fbf; --soft: #545c70; }\n",
    "@media (prefers-color-scheme: dark) { :root { --bg: #171a22; --fg: #e8ebf3; --card: #222734;"
        " --line: #4a5268; --accent: #9dbbff; --soft: #b4bbcb; } }\n",
    "* { box-sizing: border-box; }\n",
    "body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.45 system-ui,"
        " sans-serif; }\n",
    "header, main { padding: 0 20px; }\n",
    "h1 { font-size: 20px; margin: 14px 0 2px; }\n",
    "h2 { font-size: 14px; margin: 0 0 6px; }\n",
    ".note { color: var(--soft); margin: 0 0 10px; }\n",
    ".controls { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 8px; }\n",
    "button, select { font: inherit; padding: 5px 12px; border: 1px solid var(--line);"
        " border-radius: 6px; background: var(--card); color: var(--fg); cursor: pointer; }\n",
    "button:disabled { opacity: .5; cursor: default; }\n",
    ":focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }\n",
    ".controls label { display: flex; gap: 8px; align-items: center; }\n",
    ".controls .grow { flex: 1 1 240px; }\n",
    "input[type=range] { flex: 1; min-width: 120px; accent-color: var(--accent); }\n",
    "#line { min-height: 46px; margin: 0 0 10px; padding: 10px 14px; background: var(--card);"
        " border: 1px solid var(--line); border-left: 5px solid var(--accent); border-radius: 6px; font:"
        " 15px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }\n",
    ".columns { display: grid; grid-template-columns: minmax(0, 1fr) 340px; gap: 14px; }\n",
    "@media (max-width: 900px) { .columns { grid-template-columns: minmax(0, 1fr); } }\n",
    "#graph { overflow: auto; max-height: 72vh; background: #fff; border: 1px solid var(--line);"
        " border-radius: 6px; }\n",
    ".card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding:"
        " 10px 12px; margin-bottom: 12px; }\n",
    "#details dl { margin: 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap:"
        " 2px 10px; }\n",
    "#details dt { color: var(--soft); }\n",
    "#details dd { margin: 0; font-family: ui-monospace, Menlo, Consolas, monospace; font-size:"
        " 13px; overflow-wrap: anywhere; }\n",
    "#log { max-height: 38vh; overflow: auto; margin: 0; padding-left: 46px; font: 12.5px/1.6"
        " ui-monospace, Menlo, Consolas, monospace; }\n",
    "#log li { cursor: pointer; overflow-wrap: anywhere; }\n",
    "#log li.now { font-weight: bold; color: var(--accent); }\n",
    ".vg .vg-node { cursor: pointer; }\n",
    ".vg .vg-node:focus { outline: none; }\n",
    ".vg .vg-node:focus .vg-box, .vg .vg-node:hover .vg-box { stroke: #1f4fbf; stroke-width: 3; }\n",
    ".vg .vg-node.later .vg-box { fill: #eceef3; stroke-dasharray: 4 3; }\n",
    ".vg .vg-node.now .vg-box { stroke: #b3261e; stroke-width: 3.4; }\n",
    ".vg .vg-node.giver .vg-box { stroke: #0b6e4f; stroke-width: 3.4; }\n",
    ".vg .vg-edge.now { stroke: #b3261e; stroke-width: 3.2; }\n",
    NULL,
};

const char *const page__controls[] = {
    "<div class=\"controls\">\n",
    "<button type=\"button\" id=\"first\">First</button>\n",
    "<button type=\"button\" id=\"back\">Back</button>\n",
    "<button type=\"button\" id=\"play\">Play</button>\n",
    "<button type=\"button\" id=\"next\">Next</button>\n",
    "<button type=\"button\" id=\"last\">Last</button>\n",
    "<label class=\"grow\" for=\"slider\">Step <input type=\"range\" id=\"slider\" min=\"0\""
        " max=\"1\" value=\"0\" step=\"1\"/></label>\n",
    "<span id=\"count\"></span>\n",
    "<label for=\"speed\">Speed <select id=\"speed\"><option value=\"1600\">slow</option><option"
        " value=\"800\" selected=\"\">normal</option><option value=\"250\">fast</option></select></label>\n",
    "</div>\n",
    "<p id=\"line\" role=\"status\" aria-live=\"polite\"></p>\n",
    "<div class=\"columns\">\n",
    "<section id=\"graph\" tabindex=\"0\" aria-label=\"Drawing of the graph. Arrow keys move between"
        " its nodes.\">\n",
    NULL,
};

const char *const page__after[] = {
    "</section>\n",
    "<div>\n",
    "<section class=\"card\" aria-labelledby=\"details-title\"><h2"
        " id=\"details-title\">Node</h2><div id=\"details\"></div></section>\n",
    "<section class=\"card\" aria-labelledby=\"log-title\"><h2 id=\"log-title\">All steps</h2><ol"
        " id=\"log\" tabindex=\"0\" aria-labelledby=\"log-title\"></ol></section>\n",
    "</div>\n",
    "</div>\n",
    "</main>\n",
    "<template id=\"hint\"><p class=\"note\">Point at a node, or move to one with Tab and the arrow"
        " keys. Enter goes to the moment it is computed. Green passes its gradient on, red"
        " receives.</p></template>\n",
    "<script type=\"application/json\" id=\"graph-data\">\n",
    NULL,
};

const char *const page__script[] = {
    "'use strict';\n",
    "(function () {\n",
    "  var graph = JSON.parse(document.getElementById('graph-data').textContent);\n",
    "  var nodes = graph.nodes, steps = graph.steps, total = nodes.length + steps.length;\n",
    "  var byId = {}, order = [], at = 0, timer = null, chosen = null;\n",
    "  nodes.forEach(function (node, i) { byId[node.id] = node; node.place = i; node.into = [];"
        " order.push(node.id); });\n",
    "  graph.edges.forEach(function (edge) { byId[edge.from].into.push(edge); });\n",
    "\n",
    "  function el(id) { return document.getElementById(id); }\n",
    "  function short(x) { return typeof x === 'string' ? x : String(Number(x.toPrecision(6))); }\n",
    "  function show(x, node) {\n",
    "    if (!Array.isArray(x)) { return short(x); }\n",
    "    var few = x.map(function (n) { return typeof n === 'string' ? n :"
        " String(Number(n.toPrecision(4))); });\n",
    "    var all = node.shape.reduce(function (product, side) { return product * side; }, 1);\n",
    "    return '[' + few.join(', ') + (all > few.length ? ', …]' : ']');\n",
    "  }\n",
    "  function clip(text, columns) { return text.length > columns ? text.slice(0, columns - 1) +"
        " '…' : text; }\n",
    "  function size(x) {\n",
    "    return (Array.isArray(x) ? x : [x]).reduce(function (most, n) {\n",
    "      return Math.max(most, typeof n === 'string' ? NaN : Math.abs(n));\n",
    "    }, 0);\n",
    "  }\n",
    "  var steepest = 0;\n",
    "  steps.forEach(function (step) { var s = size(step.after); if (isFinite(s)) { steepest ="
        " Math.max(steepest, s); } });\n",
    "  function colour(gradient) {\n",
    "    var s = gradient === undefined ? 0 : size(gradient);\n",
    "    if (!isFinite(s)) { return '#ffb3c6'; }\n",
    "    var heat = steepest ? Math.sqrt(Math.min(1, s / steepest)) : 0;\n",
    "    return 'rgb(255, ' + Math.round(255 - 77 * heat) + ', ' + Math.round(255 - 153 * heat) +"
        " ')';\n",
    "  }\n",
    "\n",
    "  /* The gradients after the first k steps of backward. */\n",
    "  function gradientsAfter(k) {\n",
    "    var known = {};\n",
    "    steps.slice(0, Math.max(0, k)).forEach(function (step) {\n",
    "      if (step.node !== undefined) { known[step.node] = step.gradient; }\n",
    "      known[step.operand] = step.after;\n",
    "    });\n",
    "    return known;\n",
    "  }\n",
    "  function lineAt(k) {\n",
    "    if (k === 0) { return 'Ready: ' + nodes.length + ' nodes forward, then ' + steps.length + '"
        " steps backward.'; }\n",
    "    var forward = nodes.length >= k;\n",
    "    return (forward ? 'Forward: ' + nodes[k - 1].text : 'Backward: ' + steps[k - nodes.length -"
        " 1].text);\n",
    "  }\n",
    "\n",
    "  var log = el('log');\n",
    "  nodes.forEach(function (node) { log.appendChild(document.createElement('li')).textContent ="
        " node.text; });\n",
    "  steps.forEach(function (step) { log.appendChild(document.createElement('li')).textContent ="
        " step.text; });\n",
    "  Array.prototype.forEach.call(log.children, function (item, i) {\n",
    "    item.addEventListener('click', function () { stop(); go(i + 1); });\n",
    "  });\n",
    "\n",
    "  function mark(step) {\n",
    "    document.querySelectorAll('.now, .giver').forEach(function (e) { e.classList.remove('now',"
        " 'giver'); });\n",
    "    if (at > 0) {\n",
    "      var item = log.children[at - 1];\n",
    "      item.classList.add('now');\n",
    "      log.scrollTop = item.offsetTop - log.offsetTop - log.clientHeight / 2;\n",
    "    }\n",
    "    if (step) {\n",
    "      el('n' + step.operand).classList.add('now');\n",
    "      if (step.node !== undefined) {\n",
    "        el('n' + step.node).classList.add('giver');\n",
    "        var edge = el('e' + step.node + '-' + step.edge);\n",
    "        if (edge) { edge.classList.add('now'); }\n",
    "      }\n",
    "    } else if (at > 0) {\n",
    "      el('n' + nodes[at - 1].id).classList.add('now');\n",
    "    }\n",
    "  }\n",
    "  function draw() {\n",
    "    var done = at - nodes.length, known = gradientsAfter(done);\n",
    "    nodes.forEach(function (node, i) {\n",
    "      var box = el('n' + node.id), grad = el('g' + node.id);\n",
    "      box.classList.toggle('later', i >= at);\n",
    "      el('d' + node.id).textContent = at > i ? clip(show(node.data, node), 19) : '·';\n",
    "      if (grad) { grad.textContent = known[node.id] === undefined ? '·' :"
        " clip(show(known[node.id], node), 19); }\n",
    "      box.querySelector('.vg-box').setAttribute('fill', colour(known[node.id]));\n",
    "    });\n",
    "    mark(done > 0 ? steps[done - 1] : null);\n",
    "    el('line').textContent = lineAt(at);\n",
    "    el('slider').value = at;\n",
    "    el('slider').setAttribute('aria-valuetext', 'step ' + at + ' of ' + total + ': ' +"
        " lineAt(at));\n",
    "    el('count').textContent = at + ' / ' + total;\n",
    "    el('first').disabled = el('back').disabled = at === 0;\n",
    "    el('next').disabled = el('last').disabled = at === total;\n",
    "    details();\n",
    "  }\n",
    "  function go(k) { at = Math.max(0, Math.min(total, k)); draw(); reveal(); }\n",
    "\n",
    "  /* Scrolls the drawing to the node of the present step. */\n",
    "  function reveal() {\n",
    "    var now = document.querySelector('.vg-node.now'), pane = el('graph');\n",
    "    if (!now) { return; }\n",
    "    var box = now.getBoundingClientRect(), frame = pane.getBoundingClientRect();\n",
    "    if (frame.left > box.left || box.right > frame.right) { pane.scrollLeft += box.left -"
        " frame.left - frame.width / 2 + box.width / 2; }\n",
    "    if (frame.top > box.top || box.bottom > frame.bottom) { pane.scrollTop += box.top -"
        " frame.top - frame.height / 2 + box.height / 2; }\n",
    "  }\n",
    "\n",
    "  function row(list, name, value) {\n",
    "    list.appendChild(document.createElement('dt')).textContent = name;\n",
    "    list.appendChild(document.createElement('dd')).textContent = value;\n",
    "  }\n",
    "  function details() {\n",
    "    var list = document.createElement('dl'), node = chosen === null ? null : byId[chosen];\n",
    "    if (node) {\n",
    "      var known = gradientsAfter(at - nodes.length)[node.id];\n",
    "      row(list, 'name', node.name);\n",
    "      row(list, 'made by', node.op + (node.shape ? ' (' + node.shape.join(', ') + ')' : ''));\n",
    "      row(list, 'value', at > node.place ? node.text : 'not yet computed');\n",
    "      row(list, 'gradient', node.wants_grad ? (known === undefined ? 'none yet' : show(known,"
        " node)) : 'not wanted');\n",
    "      node.into.forEach(function (edge) {\n",
    "        row(list, 'by ' + byId[edge.to].name, edge.formula === undefined ? 'operand (' +"
        " edge.shape.join(', ') + ')'\n",
    "          : edge.formula + ' = ' + short(edge.derivative));\n",
    "      });\n",
    "      if (node.operands_left_out) { row(list, 'not drawn', node.operands_left_out + '"
        " operands'); }\n",
    "    }\n",
    "    el('details').replaceChildren(node ? list : el('hint').content.cloneNode(true));\n",
    "  }\n",
    "  function choose(id) { chosen = id; details(); }\n",
    "  function focusNode(place) {\n",
    "    var target = nodes[Math.max(0, Math.min(nodes.length - 1, place))];\n",
    "    nodes.forEach(function (node) { el('n' + node.id).setAttribute('tabindex', node === target"
        " ? '0' : '-1'); });\n",
    "    el('n' + target.id).focus();\n",
    "  }\n",
    "  nodes.forEach(function (node) {\n",
    "    var box = el('n' + node.id);\n",
    "    box.addEventListener('mouseenter', function () { choose(node.id); });\n",
    "    box.addEventListener('focus', function () { choose(node.id); });\n",
    "    box.addEventListener('click', function () { focusNode(node.place); });\n",
    "    box.addEventListener('keydown', function (event) {\n",
    "      var move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];\n",
    "      if (event.key === 'Home') { focusNode(0); }\n",
    "      else if (event.key === 'End') { focusNode(nodes.length - 1); }\n",
    "      else if (event.key === 'Enter' || event.key === ' ') { stop(); go(node.place + 1); }\n",
    "      else if (move) { focusNode(node.place + move); }\n",
    "      else { return; }\n",
    "      event.preventDefault();\n",
    "    });\n",
    "  });\n",
    "\n",
    "  function stop() {\n",
    "    clearInterval(timer);\n",
    "    timer = null;\n",
    "    el('play').textContent = 'Play';\n",
    "    el('line').setAttribute('aria-live', 'polite');\n",
    "  }\n",
    "  function play() {\n",
    "    if (timer) { stop(); return; }\n",
    "    if (at === total) { at = 0; }\n",
    "    el('play').textContent = 'Pause';\n",
    "    el('line').setAttribute('aria-live', 'off');\n",
    "    timer = setInterval(function () { go(at + 1); if (at === total) { stop(); } },"
        " Number(el('speed').value));\n",
    "  }\n",
    "  el('play').addEventListener('click', play);\n",
    "  el('speed').addEventListener('change', function () { if (timer) { stop(); play(); } });\n",
    "  el('first').addEventListener('click', function () { stop(); go(0); });\n",
    "  el('back').addEventListener('click', function () { stop(); go(at - 1); });\n",
    "  el('next').addEventListener('click', function () { stop(); go(at + 1); });\n",
    "  el('last').addEventListener('click', function () { stop(); go(total); });\n",
    "  el('slider').max = total;\n",
    "  el('slider').addEventListener('input', function () { stop(); go(Number(el('slider').value));"
        " });\n",
    "  var wanted = Number((location.hash.match(/^#step=(\\d+)$/) || [])[1]);\n",
    "  go(wanted ? wanted : 0);\n",
    "}());\n",
    NULL,
};
