"use strict";
// The browser of samples. Words of models and files reach the page through `textContent` alone; lists are laid
// out in results/reporting/browser.py. Only the rows in sight exist.
(() => {
  const ROW = 34, SPARE = 8;
  const SVG = "http://www.w3.org/2000/svg";
  const STATUS = ["scored", "unparsed", "failed"];
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  if (!data.questions.length) return;
  let pictures = null;  // parsed when the first sample is shown: it is most of the page
  const [list, space, rows, detail, search] = ["list", "space", "rows", "detail", "search"].map($);
  const [task, a, b, status, sort, small] = ["task", "a", "b", "status", "sort", "small"].map($);
  let found = [], at = 0;

  // C0, C1, bidirectional controls, separators, lone surrogates: shown as what they are.
  const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const plain = (text) => String(text).replace(UNSAFE, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    for (const child of children) element.append(typeof child === "object" ? child : plain(child));
    return element;
  }

  function draw(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  const current = () => data.tasks[+task.value];
  const answerOf = (question, setting) => (setting < 0 ? null : question[5][setting]);
  const scoreOf = (answer) => (answer ? answer[1][current().shown] : null);
  // Losses and gains are signed so that + is better.
  const sign = () => (current().metrics[current().shown][2] ? 1 : -1);
  const change = (question) => {
    const [one, other] = [scoreOf(answerOf(question, +a.value)), scoreOf(answerOf(question, +b.value))];
    // Scores have four decimals: what is less is no difference.
    return one === null || other === null ? 0 : sign() * Math.round(1e4 * (one - other));
  };

  function valueText(value, metric) {
    return metric[1] ? (100 * value).toFixed(1) : String(+value.toPrecision(3));
  }

  // Which questions, in which order.
  const TESTS = {
    all: () => true,
    scored: (question, answer) => answer && answer[0] === 0,
    unparsed: (question, answer) => answer && answer[0] === 1,
    failed: (question, answer) => answer && answer[0] === 2,
    problems: (question, answer) => answer && answer[6].some((entry) => !["fenced", "reasoning"].includes(entry[0])),
    worse: (question) => change(question) < 0,
    better: (question) => change(question) > 0,
  };
  const ORDERS = {
    low: (question) => [sign() * (scoreOf(answerOf(question, +a.value)) ?? Infinity)],
    high: (question) => [-sign() * (scoreOf(answerOf(question, +a.value)) ?? -Infinity)],
    loss: (question) => [change(question)],
    gain: (question) => [-change(question)],
    id: () => [0],
  };

  function filter(keep) {
    const words = search.value.trim().toLowerCase();
    const chosen = found[at];
    const test = TESTS[status.value], order = ORDERS[sort.value];
    const kept = [];
    for (const question of data.questions) {
      if (question[0] !== +task.value) continue;
      const one = answerOf(question, +a.value), other = answerOf(question, +b.value);
      if (!test(question, one)) continue;
      if (words) {
        const said = [question[2], question[1], one ? one[4] : "", other ? other[4] : ""];
        if (!said.some((text) => text.toLowerCase().includes(words))) continue;
      }
      kept.push([order(question)[0], kept.length, question]);
    }
    // Equal keys keep the order of the ids.
    kept.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
    found = kept.map((entry) => entry[2]);
    const asked = data.questions.filter((question) => question[0] === +task.value).length;
    const told = [+a.value, +b.value].filter((setting) => setting >= 0).map((setting) => current().settings[setting]);
    $("count").textContent = plain(`${found.length.toLocaleString("en")} of ${asked.toLocaleString("en")} questions, with their ` +
      `${current().metrics[current().shown][0]} at ${told.join(" and at ")}`);
    space.style.height = `${found.length * ROW}px`;
    at = Math.max(0, keep ? found.indexOf(chosen) : 0);
    if (!keep || at === 0) list.scrollTop = 0;
    show();
  }

  function row(index) {
    const question = found[index];
    const element = make("div", {
      role: "option", id: `row-${index}`, "aria-selected": index === at ? "true" : "false",
      "aria-posinset": index + 1, "aria-setsize": found.length,
    });
    element.style.top = `${index * ROW}px`;
    for (const setting of [+a.value, +b.value]) {
      if (setting < 0) continue;
      element.append(badge(answerOf(question, setting)));
    }
    element.append(make("span", { class: "words", dir: "auto" }, question[2]));
    element.addEventListener("click", () => { at = index; show(); list.focus(); });
    return element;
  }

  function badge(answer) {
    if (!answer) return make("span", { class: "badge none" }, "-");
    if (answer[0]) return make("span", { class: `badge ${STATUS[answer[0]]}` }, STATUS[answer[0]]);
    const metric = current().metrics[current().shown], score = scoreOf(answer);
    const element = make("span", { class: "badge" }, valueText(score, metric));
    if (metric[1]) element.style.setProperty("--share", `${Math.round(100 * Math.min(1, Math.max(0, score)))}%`);
    return element;
  }

  function paintRows() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
    const last = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
    const fresh = [];
    for (let index = first; index < last; index++) fresh.push(row(index));
    rows.replaceChildren(...fresh);
  }

  function show() {
    const top = at * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    paintRows();
    if (found.length) list.setAttribute("aria-activedescendant", `row-${at}`);
    else list.removeAttribute("aria-activedescendant");
    detail.replaceChildren(...(found.length ? sample(found[at]) : [make("p", { class: "note" }, "No sample fits these filters.")]));
  }

  // One sample.
  function sample(question) {
    const settings = [+a.value, +b.value].filter((setting) => setting >= 0);
    const panes = make("div", { class: settings.length > 1 ? "panes two" : "panes" });
    for (const setting of settings) panes.append(pane(question, setting));
    return [
      make("h3", { dir: "auto" }, question[2]),
      make("p", { class: "note" }, question[1], question[3] ? `, true ${question[3][0]} ${numbers(question[3][1])}` : ""),
      panes,
    ];
  }

  const numbers = (values) => values.map((value) => +value.toFixed(1)).join(", ");

  function pane(question, setting) {
    const answer = question[5][setting];
    const element = make("section", { class: "pane" }, make("h4", {}, current().settings[setting]));
    if (!answer) {
      element.append(make("p", { class: "note" }, "This run has no answer to the question, or none on this page."));
      return element;
    }
    const [state, values, kind, items, text, cut, ledger, reason, tokens, place] = answer;
    const frame = place === null ? null : data.frames[place];
    element.append(make("p", { class: "metrics" }, ...current().metrics.map((metric, index) =>
      make("span", { class: "metric" }, `${metric[0]} `, make("b", {}, valueText(values[index], metric))))));
    if (state) element.append(make("p", { class: `state ${STATUS[state]}` }, `${STATUS[state]}${reason ? `: ${reason}` : ""}`));
    element.append(kind === "spans" || (question[3] && question[3][0] === "span")
      ? film(question, items, frame) : picture(question, kind, items, frame));
    if (frame) element.append(make("p", { class: "note" }, saw(frame)));
    element.append(make("pre", { dir: "auto" }, text || "(empty answer)", cut ? ` … and ${cut} more characters` : ""));
    if (ledger.length) {
      element.append(make("ul", { class: "ledger" }, ...ledger.map(([what, said]) =>
        make("li", {}, make("b", {}, what.replaceAll("_", " ")), ` ${said}`))));
    }
    element.append(make("p", { class: "note" }, `${tokens} tokens answered`));
    return element;
  }

  function saw(frame) {
    const [original, input, times, duration, tokens] = frame;
    const video = times.length ? `, ${times.length} frames of ${+duration.toFixed(1)} s` : "";
    return `the model saw ${input.join(" × ")} of ${original.join(" × ")} pixels${video}: ${tokens} visual tokens`;
  }

  function sourceOf(question) {
    if (!pictures) pictures = JSON.parse($("pictures").textContent);
    return pictures[question[4]];
  }

  function picture(question, kind, items, frame) {
    const truth = question[3] && question[3][0] === "box" ? question[3][1] : null;
    const [width, height] = frame ? frame[0] : extent([...(truth ? [truth] : []), ...items]);
    const canvas = draw("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "img" });
    canvas.setAttribute("aria-label", `true ${truth ? numbers(truth) : "place unknown"}; predicted ${items.length ? numbers(items[0]) : "nothing"}`);
    canvas.append(draw("rect", { class: "blank", width, height }));
    const source = sourceOf(question);
    if (source) {
      const image = draw("image", { width, height, preserveAspectRatio: "none", href: source });
      if (small.checked && frame) shrink(image, source, frame[1]);
      canvas.append(image);
    }
    items.slice(1).forEach((item) => canvas.append(...marks(item, "extra", width)));
    if (items.length) canvas.append(...marks(items[0], "pred", width));
    if (truth) canvas.append(...marks(truth, "true", width));
    const all = make("div", { class: "sheet" }, canvas);
    if (!source) all.append(make("p", { class: "note" }, "no picture on this page: places on a blank sheet"));
    if (items.length && outside(items[0], width, height)) all.append(make("p", { class: "note" }, "the answer leaves the picture"));
    return all;
  }

  // The picture in as many pixels as the model had.
  function shrink(image, source, [width, height]) {
    const loaded = new Image();
    loaded.onload = () => {
      if (width >= loaded.naturalWidth) return;
      const canvas = make("canvas", { width, height });
      const pen = canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(loaded, 0, 0, width, height);
      image.setAttribute("href", canvas.toDataURL());
      image.setAttribute("class", "coarse");
    };
    loaded.src = source;
  }

  function marks(item, kind, width) {
    const shape = (name) => {
      if (item.length === 2) {
        const reach = width / 40, [x, y] = item;
        return draw("path", { class: name, d: `M${x - reach} ${y}H${x + reach}M${x} ${y - reach}V${y + reach}` });
      }
      const [x1, y1, x2, y2] = item;
      return draw("rect", {
        class: name, x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1),
      });
    };
    return [shape(`halo ${kind}-halo`), shape(kind)];
  }

  const outside = (item, width, height) =>
    item.some((value, index) => value < -1 || value > (index % 2 ? height : width) + 1);

  const extent = (items) => [0, 1].map((axis) =>
    Math.max(100, ...items.flatMap((item) => item.filter((_, index) => index % 2 === axis))) * 1.05);

  function film(question, items, frame) {
    const truth = question[3] ? question[3][1] : null;
    const duration = (frame && frame[3]) || 1.05 * Math.max(1, ...items.flat(), ...(truth || []));
    const all = make("div", { class: "sheet film" });
    const source = sourceOf(question);
    if (source) all.append(make("img", { src: source, alt: "frames of the video, from start to end" }));
    const ticks = make("div", { class: "ticks" });
    for (const time of frame ? frame[2] : []) {
      const tick = make("i");
      tick.style.left = `${100 * time / duration}%`;
      ticks.append(tick);
    }
    all.append(ticks);
    const bars = [...items.map((item, index) => [item, index ? "extra" : "pred", index ? "extra" : "predicted"])];
    if (truth) bars.push([truth, "true", "true"]);
    for (const [[start, end], kind, name] of bars) all.append(bar(start, end, duration, kind, name));
    all.append(make("p", { class: "axis" }, make("span", {}, "0 s"), make("span", {}, `${+duration.toFixed(1)} s`)));
    if (!source) all.append(make("p", { class: "note" }, "no frames on this page: times alone"));
    return all;
  }

  function bar(start, end, duration, kind, name) {
    const share = (time) => Math.min(1, Math.max(0, time / duration)) * 100;
    const [low, high] = [share(Math.min(start, end)), share(Math.max(start, end))];
    const track = make("div", { class: "track" });
    const element = make("span", { class: `bar ${kind}` });
    element.style.left = `${low}%`;
    element.style.width = `${Math.max(0.6, high - low)}%`;
    const beyond = Math.max(start, end) > duration + 0.05 ? " (beyond the end)" : "";
    const turned = end < start ? " (reversed)" : "";
    const words = make("span", { class: "bar-words" }, `${name} ${+start.toFixed(2)} to ${+end.toFixed(2)} s${beyond}${turned}`);
    // Behind the bar, before it, or inside it: where there is room for some twenty letters.
    if (high <= 60) words.style.left = `${high}%`;
    else if (low >= 40) words.style.right = `${100 - low}%`;
    else {
      words.style.left = `${low}%`;
      words.classList.add(`on-${kind}`);
    }
    track.append(element, words);
    return track;
  }

  // Controls.
  function options(select, names, chosen) {
    select.replaceChildren(...names.map(([value, name]) => make("option", { value }, name)));
    select.value = String(chosen);
  }

  function chooseTask() {
    const { settings, best } = current();
    const names = settings.map((name, index) => [index, name]);
    small.parentElement.hidden = current().media !== "image";
    options(a, names, 0);
    options(b, [[-1, "none"], ...names], settings.length > 1 ? (best || settings.length - 1) : -1);
    filter(false);
  }

  function move(step) {
    if (!found.length) return;
    at = Math.min(found.length - 1, Math.max(0, at + step));
    show();
  }

  const page = () => Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
  const KEYS = {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(page()), PageUp: () => move(-page()),
    Home: () => move(-found.length), End: () => move(found.length),
  };
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=search], select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      filter(true);
      list.focus();
    }
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); list.focus(); }
  });
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  task.addEventListener("change", chooseTask);
  for (const select of [a, b]) select.addEventListener("change", () => filter(true));
  for (const select of [status, sort]) select.addEventListener("change", () => filter(false));
  search.addEventListener("input", () => filter(false));
  small.addEventListener("change", show);
  list.addEventListener("scroll", paintRows, { passive: true });
  new ResizeObserver(paintRows).observe(list);

  options(task, data.tasks.map((one, index) => [index, one.title]), 0);
  if (data.tasks.length < 2) task.parentElement.hidden = true;
  $("app").hidden = false;
  chooseTask();
})();
