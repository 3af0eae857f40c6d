/* drive.js - runs inside of a replay page, after it: uses its controls as a person would, and reports what is
 * wrong in the element #report. Where axe-core was put before it, that looks at the page in several states. */
(async function () {
  const wrong = [];
  try {
    await drive(wrong);
  } catch (error) {
    wrong.push(String(error));
  }
  const report = document.createElement('pre');
  report.id = 'report';
  report.textContent = wrong.length ? wrong.join('\n') : 'all is well';
  document.body.appendChild(report);
}());

async function drive(wrong) {
  const el = (id) => document.getElementById(id);
  const check = (is, should, what) => {
    if (is !== should) { wrong.push(`${what}: is "${is}", should be "${should}"`); }
  };
  const press = (target, key) => target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  const graph = JSON.parse(el('graph-data').textContent);
  const total = graph.nodes.length + graph.steps.length;
  const last = graph.steps[graph.steps.length - 1];
  const accessible = async (state) => {
    if (typeof axe === 'undefined') { return; }
    const { violations } = await axe.run();
    violations.forEach((v) => wrong.push(`axe, ${state}: ${v.id}: ${v.help}: ${v.nodes[0].html}`));
  };

  check(el('count').textContent, `0 / ${total}`, 'count at first');
  check(el('back').disabled, true, 'Back at first');
  await accessible('at first');

  for (let i = 1; i <= total; i++) {
    el('next').click();
    check(el('count').textContent, `${i} / ${total}`, 'count after Next');
  }
  check(el('next').disabled, true, 'Next at the end');
  check(el('line').textContent, `Backward: ${last.text}`, 'line at the end');
  graph.nodes.filter((node) => node.wants_grad).forEach((node) => {
    check(Number(el(`g${node.id}`).textContent), Number(node.grad.toPrecision(6)), `gradient of ${node.name}`);
  });
  await accessible('at the end');

  el('back').click();
  check(el('count').textContent, `${total - 1} / ${total}`, 'count after Back');
  el('slider').value = 1;
  el('slider').dispatchEvent(new Event('input'));
  check(el('line').textContent, `Forward: ${graph.nodes[0].text}`, 'line after the slider');
  el('log').children[graph.nodes.length].click();
  check(el('line').textContent, `Backward: ${graph.steps[0].text}`, 'line after a click on a step');

  const first = el(`n${graph.nodes[0].id}`), root = graph.nodes[graph.nodes.length - 1];
  first.focus();
  press(first, 'End');
  check(document.activeElement.id, `n${root.id}`, 'focus after End');
  document.activeElement.dispatchEvent(new FocusEvent('focus')); /* which a window behind others does not send */
  check(el('details').querySelector('dd').textContent, root.name, 'details of the node in focus');
  press(document.activeElement, 'Enter');
  check(el('line').textContent, `Forward: ${root.text}`, 'line after Enter on a node');
  await accessible('with a node in focus');

  el('play').click();
  check(el('play').textContent, 'Pause', 'Play, while it plays');
  el('play').click();
  check(el('play').textContent, 'Play', 'Play, when it has stopped');
}
