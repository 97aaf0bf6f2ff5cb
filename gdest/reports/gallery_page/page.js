"use strict";
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", colour);
  colour();

  const code = Uint8Array.from(atob(at("table-script").textContent), (c) => c.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: DataTable } = await import(address);
  URL.revokeObjectURL(address);
  DataTable.ext.errMode = "throw";

  const shownColumns = [...data.columns, ...data.details];
  const names = shownColumns.map((column) => column.name);
  const column = (name) => names.indexOf(name);
  const [thumbnail, preview, heatmap, overlay, specimenNumber] = [0, 1, 2, 3, 4].map((i) => names.length + i);
  const shown = (column, value) =>
    value === null ? "" : typeof value === "number" && column.decimals !== null ? value.toFixed(column.decimals) : String(value);

  function element(tag, text, classes) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (classes) made.className = classes;
    return made;
  }

  function button(text, act) {
    const made = element("button", text, "open");
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  // every cell is made as a node with textContent, so that no name can become markup
  const cell = (column) => (value, kind) => {
    if (kind !== "display") return value === null ? "" : value;
    return element("span", shown(column, value), value !== null && column.badge ? `badge ${value}` : "");
  };

  const look = (column) => (column.decimals !== null ? "dt-right" : `dt-left${column.long ? " long" : ""}`);
  const columns = data.columns.map((column, index) => ({ title: column.name, data: index, render: cell(column),
    searchable: true, className: look(column) }));
  columns[0].render = (value, kind, row) => (kind === "display" ? button(value, () => open(row)) : value);
  columns.splice(1, 0, { title: "heatmap", data: thumbnail, orderable: false, searchable: false,
    render: (value, kind) => {
      if (kind !== "display" || value === null) return "";
      const image = document.createElement("img");
      image.loading = "lazy";
      image.alt = "";
      image.src = value;
      return image;
    } });
  for (const one of columns) {
    if (!["file", "heatmap", "status", "g"].includes(one.title) && data.rows.every((row) => row[one.data] === null)) {
      one.visible = false;
    }
  }
  columns.push({ data: specimenNumber, visible: false, render: (value) => `${value ?? ""}` });
  const micrographs = new DataTable("#micrographs", { data: data.rows, columns, pageLength: 25, deferRender: true,
    order: [[0, "asc"]], autoWidth: false, lengthMenu: [10, 25, 100, 500],
    columnDefs: [{ targets: "_all", defaultContent: "" }] });

  function rows() {
    return micrographs.rows({ search: "applied", order: "applied" }).data().toArray();
  }

  // a picture of bars, `high` is the most that one shows; words say to a screen reader what it shows
  function bars(place, width, high, words) {
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("viewBox", `0 0 ${width} 160`);
    picture.setAttribute("preserveAspectRatio", "xMinYMid meet");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", words);
    place.append(picture);
    const made = (name, attributes) => {
      const one = document.createElementNS(space, name);
      for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
      picture.append(one);
      return one;
    };
    return {
      text: (x, y, content, anchor = "middle") => {
        made("text", { x, y, "text-anchor": anchor }).textContent = content;
      },
      bar: (x, value, width, look = "") => {
        const height = (value / high) * 115;
        made("rect", { x, y: 135 - height, width, height, class: look });
        return 131 - height;
      },
      key: (x, look) => made("rect", { x, y: 3, width: 10, height: 10, class: look }),
    };
  }

  // the sizes of grains as their cell has them: "6.0:12%/25% 6.5:88%/75%", by number and by area
  function drawSizes(place, text) {
    place.replaceChildren();
    place.hidden = !text;
    if (!text) return;
    const shares = new Map(text.split(" ").map((part) => {
      const [g, both] = part.split(":");
      return [Math.round(Number(g) * 2), both.split("/").map((share) => parseFloat(share))];
    }));
    const least = Math.min(...shares.keys()), most = Math.max(...shares.keys());
    const high = Math.max(...[...shares.values()].flat());
    const told = [...shares].map(([half, [number, area]]) => `G ${half / 2}: ${number} % by number, ${area} % by area`);
    const drawn = bars(place, Math.max((most - least + 1) * 34 + 10, 330), high, `Sizes of the grains. ${told.join("; ")}`);
    drawn.key(5, "number");
    drawn.text(20, 12, "% of the grains by number", "start");
    drawn.key(175, "area");
    drawn.text(190, 12, "% of their area", "start");
    for (let half = least; half <= most; half += 1) {
      const [number, area] = shares.get(half) ?? [0, 0], x = (half - least) * 34 + 5;
      // nine tenths of the height, below the key; the figures stand above their bars
      [[number, x, "number"], [area, x + 15, "area"]].forEach(([share, left, look]) => {
        const above = drawn.bar(left, share * 0.88, 14, look);
        if (share) drawn.text(left + 7, above + 1, share);
      });
      drawn.text(x + 15, 150, (half / 2).toFixed(1));
    }
  }

  function list(place, columns, row, first) {
    place.replaceChildren();
    columns.forEach((column, index) => {
      if (index >= first && row[index] !== null && column.name !== "grains_by_half_g") {
        place.append(element("dt", column.name), element("dd", shown(column, row[index])));
      }
    });
  }

  function drawHistogram() {
    const counts = new Map();
    for (const row of rows()) {
      const g = row[column("g")];
      if (g !== null && row[column("status")] === "graded") {
        const half = Math.floor(g * 2 + 0.5);
        counts.set(half, (counts.get(half) ?? 0) + 1);
      }
    }
    const place = at("histogram");
    place.replaceChildren();
    if (!counts.size) {
      place.append(element("p", "No graded micrograph."));
      return;
    }
    const least = Math.min(...counts.keys()), most = Math.max(...counts.keys()), high = Math.max(...counts.values());
    const words = [...counts.keys()].sort((a, b) => a - b).map((half) => `G ${half / 2}: ${counts.get(half)}`);
    const drawn = bars(place, (most - least + 1) * 30 + 10, high, `Histogram of graded micrographs. ${words.join(", ")}`);
    for (let half = least; half <= most; half += 1) {
      const count = counts.get(half) ?? 0, x = (half - least) * 30 + 5;
      const above = drawn.bar(x, count, 26);
      if (count) drawn.text(x + 13, above, count);
      drawn.text(x + 13, 150, (half / 2).toFixed(1));
    }
  }
  micrographs.on("draw", drawHistogram);
  drawHistogram();

  const specimenColumns = [...data.specimenColumns, ...data.specimenDetails];
  const ofSpecimen = (specimen, name) => specimen?.[specimenColumns.findIndex((column) => column.name === name)] ?? null;
  function choose(specimen) {
    const number = specimen?.[specimenColumns.length];
    micrographs.column(columns.length - 1).search(specimen === null ? "" : (value) => value === `${number}`).draw();
    at("chosen").hidden = specimen === null;
    const heat = ofSpecimen(specimen, "heat");
    at("chosen-told").hidden = specimen === null;
    drawSizes(at("chosen-sizes"), ofSpecimen(specimen, "grains_by_half_g"));
    if (specimen !== null) list(at("chosen-list"), specimenColumns, specimen, data.specimenColumns.length);
    at("chosen-name").textContent = specimen === null ? "" : `${specimen[0]}${heat ? `, heat ${heat}` : ""}`;
    at("micrographs-title").scrollIntoView();
  }
  at("all").addEventListener("click", () => choose(null));
  if (data.specimens.length) {
    at("specimen-section").hidden = false;
    const told = data.specimenColumns.map((column, index) => ({ title: column.name, data: index,
      render: cell(column), className: look(column) }));
    for (const one of told) one.visible = data.specimens.some((row) => row[one.data] !== null);
    told[0].render = (value, kind, row) => (kind === "display" ? button(value, () => choose(row)) : value);
    new DataTable("#specimens", { data: data.specimens, columns: told, pageLength: 10, autoWidth: false });
  }

  const layers = { original: preview, heatmap, overlay };
  let current = null, wanted = "heatmap", layer = null;
  function open(row) {
    current = row;
    at("viewer-title").textContent = row[column("file")];
    drawSizes(at("sizes"), row[column("grains_by_half_g")]);
    list(at("told"), shownColumns, row, 1);
    show();
    if (!at("viewer").open) at("viewer").showModal();
    slide();
  }
  // show the layer that is wanted; of a micrograph that has none of it, the next best
  function show() {
    const there = Object.keys(layers).filter((name) => current[layers[name]] !== null);
    layer = [wanted, "heatmap", "overlay", "original"].find((name) => there.includes(name)) ?? null;
    at("layers").hidden = there.length < 2;
    at("pictures").hidden = layer === null;
    at("no-picture").hidden = layer !== null;
    for (const name of Object.keys(layers)) {
      at(`show-${name}`).hidden = !there.includes(name);
      at(`show-${name}`).ariaPressed = `${name === layer}`;
    }
    const [micrograph, picture] = [at("micrograph"), at("heatmap")];
    micrograph.hidden = layer === "original" || !there.includes("original");
    at("slider-line").hidden = layer === null || micrograph.hidden;
    at("layer-name").textContent = layer === "overlay" ? "Counted grains" : "Heatmap";
    if (layer === null) return;
    const words = { original: "Micrograph", heatmap: "Heatmap of", overlay: "Counted grains of" };
    picture.alt = `${words[layer]} ${current[column("file")]}`;
    micrograph.alt = `Micrograph ${current[column("file")]}`;
    picture.src = current[layers[layer]];
    if (!micrograph.hidden) micrograph.src = current[preview];
  }
  // the colour bar or legend is right of the picture; the micrograph covers the picture only
  function slide() {
    const picture = at("heatmap"), bar = data.bars[layer] ?? 0;
    if (picture.naturalWidth) at("micrograph").style.width = `${(100 * (picture.naturalWidth - bar)) / picture.naturalWidth}%`;
    at("micrograph").style.clipPath = `inset(0 ${100 - at("slider").value}% 0 0)`;
  }
  for (const name of Object.keys(layers)) {
    at(`show-${name}`).addEventListener("click", () => {
      wanted = name;
      show();
      slide();
    });
  }
  function step(by) {
    const order = rows(), next = order[order.indexOf(current) + by];
    if (next) open(next);
  }
  at("heatmap").addEventListener("load", slide);
  at("slider").addEventListener("input", slide);
  at("close").addEventListener("click", () => at("viewer").close());
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  // of the document, since a button that was pressed and is hidden now leaves the focus to it
  document.addEventListener("keydown", (event) => {
    if (!at("viewer").open || event.target === at("slider")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  document.documentElement.dataset.ready = "yes";
})();
