"use strict";
// The browser of samples. Words of models and files reach the page through `textContent` alone; lists are laid
// out in results/reporting/browser.py. Only the rows in sight exist.
(() => {
  const ROW = 34, SPARE = 8, TITLE = 160;  // TITLE: characters up to which a question is a heading
  const SVG = "http://www.w3.org/2000/svg";
  const STATUS = ["scored", "unparsed", "failed"];
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  if (!data.questions.length) return;
  let pictures = null;  // parsed when the first sample is shown: it is most of the page
  const [list, space, rows, detail, search] = ["list", "space", "rows", "detail", "search"].map($);
  const [task, a, b, status, sort, small] = ["task", "a", "b", "status", "sort", "small"].map($);
  let found = [], at = 0, alike = false;  // alike: one request for all, told apart by their ids
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
    if (value === null) return "-";
    return metric[1] ? (100 * value).toFixed(1) : String(+value.toPrecision(3));
  }

  // Which questions, in which order.
  const TESTS = {
    all: () => true,
    scored: (question, answer) => answer && answer[0] === 0,
    unparsed: (question, answer) => answer && answer[0] === 1,
    failed: (question, answer) => answer && answer[0] === 2,
    problems: (question, answer) => answer && answer[8].some((entry) => !["fenced", "reasoning"].includes(entry[0])),
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
        const said = [question[2], question[1], truthText(question), one ? one[6] : "", other ? other[6] : ""];
        if (!said.some((text) => text.toLowerCase().includes(words))) continue;
      }
      kept.push([order(question)[0], kept.length, question]);
    }
    // Equal keys keep the order of the ids.
    kept.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
    found = kept.map((entry) => entry[2]);
    const all = data.questions.filter((question) => question[0] === +task.value), asked = all.length;
    alike = asked > 1 && all.every((question) => question[2] === all[0][2]);
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
    element.append(make("span", { class: "words", dir: "auto" }, alike ? question[1] : question[2]));
    element.addEventListener("click", () => { at = index; show(); list.focus(); });
    return element;
  }

  function badge(answer) {
    if (!answer) return make("span", { class: "badge none" }, "-");
    if (answer[0]) return make("span", { class: `badge ${STATUS[answer[0]]}` }, STATUS[answer[0]]);
    const metric = current().metrics[current().shown], score = scoreOf(answer);
    const element = make("span", { class: "badge" }, valueText(score, metric));
    if (metric[1] && score !== null) element.style.setProperty("--share", `${Math.round(100 * Math.min(1, Math.max(0, score)))}%`);
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

  // The truth: kind of the places, places, labels, whether one is meant, words.
  const truthOf = (question) => question[3] || ["", [], [], false, []];
  const truthText = (question) => [...truthOf(question)[2], ...truthOf(question)[4].flatMap(([, texts]) => texts.map(([text]) => text))].join("\n");
  const rest = (cut) => (cut ? ` … and ${cut} more characters` : "");
  const LONG = 240;  // characters of a text that is shown at once

  function truthNote(question) {
    if (!question[3]) return ", published without a truth";
    const [kind, places] = truthOf(question);
    if (places.length > 1) return `, ${places.length} true ${kind}`;
    return places.length ? `, true ${kind.slice(0, kind === "boxes" ? -2 : -1)} ${numbers(places[0])}` : kind && `, no true ${kind}`;
  }

  // Texts of one kind, e.g. accepted answers; long ones (pages, tables) are folded.
  function words(title, lists, kind) {
    if (!lists.length) return [];
    const list = make("dl", { class: `said ${kind}` });
    for (const [name, texts] of lists) {
      list.append(make("dt", {}, `${title} ${name.replaceAll("_", " ")}`), make("dd", {}, ...texts.map(([text, cut]) => phrase(text, cut))));
    }
    return [list];
  }

  function phrase(text, cut) {
    const end = rest(cut);
    if (text.length <= LONG && !text.trim().includes("\n")) return make("q", { dir: "auto" }, text + end);
    return make("details", {}, make("summary", {}, `${(text.length + cut).toLocaleString("en")} characters`), make("pre", { dir: "auto" }, text, end));
  }

  // One sample.
  function sample(question) {
    const settings = [+a.value, +b.value].filter((setting) => setting >= 0);
    const panes = make("div", { class: settings.length > 1 ? "panes two" : "panes" });
    for (const setting of settings) panes.append(pane(question, setting));
    const [asked, ...choices] = question[2].split("\n");
    return [
      make("h3", { dir: "auto", class: asked.length > TITLE ? "long" : "" }, asked),
      ...(choices.length ? [make("p", { class: "choices", dir: "auto" }, choices.join("\n"))] : []),
      make("p", { class: "note" }, question[1], truthNote(question)),
      ...words("true", truthOf(question)[4], "truth"),
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
    const [state, values, kind, items, labels, said, text, cut, ledger, reason, tokens, place] = answer;
    const frame = place === null ? null : data.frames[place];
    const applying = current().metrics.map((metric, index) => [metric, values[index]]).filter(([, value]) => value !== null);
    element.append(make("p", { class: "metrics" }, ...applying.map(([metric, value]) =>
      make("span", { class: "metric" }, `${metric[0]} `, make("b", {}, valueText(value, metric))))));
    if (state) element.append(make("p", { class: `state ${STATUS[state]}` }, `${STATUS[state]}${reason ? `: ${reason}` : ""}`));
    const media = [current().media === "video" ? film(question, items, frame) : picture(question, items, labels, frame)];
    if (frame) media.push(make("p", { class: "note" }, saw(frame)));
    const answered = [
      ...words("read as", said, "read"),
      make("pre", { dir: "auto" }, text || "(empty answer)", rest(cut)),
    ];
    // Places are looked at in the picture, words beside the true ones.
    element.append(...(kind || truthOf(question)[0] ? [...media, ...answered] : [...answered, ...media]));
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

  // Of several answers to a question for one place the first counts, else all do.
  const countingOf = (question, items) => (truthOf(question)[3] ? items.slice(0, 1) : items);

  function picture(question, items, labels, frame) {
    const source = sourceOf(question), [kind, truths, names] = truthOf(question);
    if (!source && !kind && !items.length) return make("p", { class: "note" }, "no picture on this page");
    const [width, height] = frame ? frame[0] : extent([...truths, ...items]);
    const canvas = draw("svg", { class: height > 2.5 * width ? "picture tall" : "picture", viewBox: `0 0 ${width} ${height}`, role: "img" });
    const listed = (places) => (places.length ? places.map(numbers).join("; ") : "nothing");
    canvas.setAttribute("aria-label", kind || items.length
      ? `true: ${listed(truths)}; predicted: ${listed(countingOf(question, items))}` : "what the question is about");
    canvas.append(draw("rect", { class: "blank", width, height }));
    if (source) {
      const image = draw("image", { width, height, preserveAspectRatio: "none", href: source });
      if (small.checked && frame) shrink(image, source, frame[1]);
      canvas.append(image);
    }
    const counting = countingOf(question, items);
    const layers = [[items.slice(counting.length), "extra", []], [counting, "pred", labels], [truths, "true", names]];
    for (const [places, role] of layers) places.forEach((place) => canvas.append(...marks(place, role, width)));
    for (const [places, role, said] of layers) {
      places.forEach((place, index) => canvas.append(...label(place, said[index], role, width, height)));
    }
    const leaves = counting.some((item) => outside(item, width, height));
    return make("div", { class: "sheet" }, canvas,
      ...(source ? [] : [make("p", { class: "note" }, "no picture on this page: places on a blank sheet")]),
      ...(leaves ? [make("p", { class: "note" }, "the answer leaves the picture")] : []));
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

  // What a box is called: the truth's above its corner, the answer's below.
  function label(item, name, kind, width, height) {
    if (!name || item.length !== 4) return [];
    const size = Math.max(width, height) / 42, short = name.length > 24 ? `${name.slice(0, 23)}…` : name;
    const [x, y] = [Math.min(item[0], item[2]), kind === "true" ? Math.min(item[1], item[3]) - size * 0.35 : Math.max(item[1], item[3]) + size];
    const text = draw("text", { class: `name ${kind}-name`, x, y: Math.min(height - 2, Math.max(size, y)), "font-size": size });
    text.append(plain(short));
    return [text];
  }

  const outside = (item, width, height) => item.some((value, index) => value < -1 || value > (index % 2 ? height : width) + 1);

  const extent = (items) => [0, 1].map((axis) => Math.max(100, ...items.flatMap((item) => item.filter((_, index) => index % 2 === axis))) * 1.05);

  function film(question, items, frame) {
    const [kind, truths] = truthOf(question);
    const spans = kind === "spans" || items.some((item) => item.length === 2);
    const duration = (frame && frame[3]) || 1.05 * Math.max(1, ...items.flat(), ...truths.flat());
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
    const counted = countingOf(question, items).length;
    const bars = [[items.slice(0, counted), "pred", "predicted"], [items.slice(counted), "extra", "extra"], [truths, "true", "true"]];
    for (const [places, role, name] of spans ? bars : []) {
      for (const [start, end] of places) all.append(bar(start, end, duration, role, name));
    }
    all.append(make("p", { class: "axis" }, make("span", {}, "0 s"), make("span", {}, `${+duration.toFixed(1)} s`)));
    if (!source) all.append(make("p", { class: "note" }, spans ? "no frames on this page: times alone" : "no frames on this page"));
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
