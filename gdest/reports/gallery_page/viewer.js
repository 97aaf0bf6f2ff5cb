"use strict";
// a micrograph with its layers, to be enlarged and moved; `frame` says what surrounds the two maps of a heatmap

function makeViewer(frame, looks) {
  const [stage, sheet] = [at("stage"), at("sheet")];
  const MOST = 16;
  let size = { width: 1, height: 1 }, umPerPx = null, fit = 1, zoom = 1, left = 0, top = 0;

  // the sheet is as large as the whole micrograph shown in the stage; zoom enlarges it
  function place() {
    const box = stage.getBoundingClientRect();
    fit = Math.min(box.width / size.width, box.height / size.height) || 1;
    const width = size.width * fit, height = size.height * fit;
    const within = (at, shown, room) => (shown <= room ? (room - shown) / 2 : Math.min(0, Math.max(room - shown, at)));
    left = within(left, width * zoom, box.width);
    top = within(top, height * zoom, box.height);
    Object.assign(sheet.style, { width: `${width}px`, height: `${height}px` });
    sheet.style.transform = `translate(${left}px, ${top}px) scale(${zoom})`;
    drawBar();
  }

  // enlarge by a factor; what lies at a point of the stage, without one in its middle, stays there
  function enlarge(by, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const next = Math.min(MOST, Math.max(1, zoom * by));
    left = x - ((x - left) * next) / zoom;
    top = y - ((y - top) * next) / zoom;
    zoom = next;
    place();
  }

  function move(right, down) {
    left += right;
    top += down;
    place();
  }

  function whole() {
    [zoom, left, top] = [1, 0, 0];
    place();
  }

  function drawBar() {
    at("um-bar").hidden = umPerPx === null;
    if (umPerPx === null) return;
    const umPerShownPx = umPerPx / (fit * zoom), most = 0.25 * stage.clientWidth * umPerShownPx;
    const power = 10 ** Math.floor(Math.log10(most));
    const um = [5, 2, 1].map((step) => step * power).find((one) => one <= most) ?? power;
    at("um-bar").firstElementChild.style.width = `${um / umPerShownPx}px`;
    at("um-bar").lastElementChild.textContent = `${Number(um.toPrecision(1))} µm`;
  }

  // show one of the two maps of a heatmap and its colour bar, without the frame round them
  function cut() {
    const picture = at("heatmap"), which = at("which").value;
    at("grades").hidden = which === "" || !picture.naturalWidth;
    at("scale").hidden = at("grades").hidden;
    if (at("grades").hidden) return;
    const width = picture.naturalWidth / 2 - frame.bar, height = picture.naturalHeight - frame.header - frame.footer;
    const begin = which === "1" ? width + frame.bar : 0;
    const part = (image, start, across) =>
      Object.assign(image.style, { width: `${(100 * picture.naturalWidth) / across}%`,
        height: `${(100 * picture.naturalHeight) / height}%`, left: `${(-100 * start) / across}%`,
        top: `${(-100 * frame.header) / height}%` });
    part(picture, begin, width);
    part(at("scale").firstElementChild, begin + width, frame.bar);
    at("scale").style.aspectRatio = `${frame.bar} / ${height}`;
    at("scale").style.maxHeight = `${1.3 * height}px`;
    place();
  }

  function layer(id, source, words) {
    const there = source !== null;
    at(id).hidden = !there;
    at(id).alt = words;
    if (there) at(id).src = source;
    else at(id).removeAttribute("src");
  }

  function blend() {
    at("grades").style.opacity = at("grades-opacity").value / 100;
    at("boundaries").style.opacity = at("with-boundaries").checked ? at("boundaries-opacity").value / 100 : 0;
    at("marks").hidden = !at("with-boundaries").checked || at("boundaries-line").hidden;
    cut();
  }

  // one: the links of its pictures or null, its size in px, um per px or null, its name
  function show(one) {
    const pictured = one.original !== null || one.heatmap !== null;
    size = one.size;
    umPerPx = one.umPerPx;
    at("pictures").hidden = !pictured;
    at("layers").hidden = !pictured;
    at("no-picture").hidden = pictured;
    layer("original", one.original, `Micrograph ${one.name}`);
    layer("heatmap", one.heatmap, `Heatmap of ${one.name}`);
    layer("boundaries", one.boundaries, `Counted boundaries of ${one.name}`);
    at("scale").firstElementChild.src = one.heatmap ?? "";
    at("grades-line").hidden = one.heatmap === null;
    at("boundaries-line").hidden = one.boundaries === null;
    blend();
    whole();
  }

  for (const [name, colour] of looks) {
    const mark = element("li", name);
    mark.style.setProperty("--mark", colour);
    at("marks").append(mark);
  }
  at("heatmap").addEventListener("load", cut);
  for (const id of ["which", "grades-opacity", "with-boundaries", "boundaries-opacity"]) {
    at(id).addEventListener("input", blend);
  }
  new ResizeObserver(place).observe(stage);
  at("closer").addEventListener("click", () => enlarge(1.5));
  at("farther").addEventListener("click", () => enlarge(1 / 1.5));
  at("whole").addEventListener("click", whole);
  const inStage = (event) => [event.clientX - stage.getBoundingClientRect().left, event.clientY - stage.getBoundingClientRect().top];
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    enlarge(1.0015 ** -event.deltaY, ...inStage(event));
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => enlarge(2, ...inStage(event)));

  // one finger or the mouse moves the picture, two enlarge it
  const fingers = new Map();
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button")) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, event);
    if (!other) move(event.clientX - before.clientX, event.clientY - before.clientY);
    else enlarge(Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY) /
      Math.hypot(before.clientX - other.clientX, before.clientY - other.clientY), ...inStage(other));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }

  // return whether a key was one of the picture's
  function key(event) {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.shiftKey && step) move(...step);
    else if (event.key === "+" || event.key === "=") enlarge(1.5);
    else if (event.key === "-") enlarge(1 / 1.5);
    else if (event.key === "0") whole();
    else return false;
    return true;
  }
  return { show, key };
}
