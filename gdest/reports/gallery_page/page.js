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
  const [thumbnail, preview, heatmap, specimenNumber] = [0, 1, 2, 3].map((i) => names.length + i);
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
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("viewBox", `0 0 ${(most - least + 1) * 30 + 10} 160`);
    picture.setAttribute("preserveAspectRatio", "xMinYMid meet");
    picture.setAttribute("role", "img");
    const words = [...counts.keys()].sort((a, b) => a - b).map((half) => `G ${half / 2}: ${counts.get(half)}`);
    picture.setAttribute("aria-label", `Histogram of graded micrographs. ${words.join(", ")}`);
    const text = (x, y, content) => {
      const made = document.createElementNS(space, "text");
      made.setAttribute("x", x);
      made.setAttribute("y", y);
      made.setAttribute("text-anchor", "middle");
      made.textContent = content;
      picture.append(made);
    };
    for (let half = least; half <= most; half += 1) {
      const count = counts.get(half) ?? 0, height = (count / high) * 115, x = (half - least) * 30 + 5;
      const bar = document.createElementNS(space, "rect");
      for (const [name, value] of Object.entries({ x, y: 135 - height, width: 26, height })) bar.setAttribute(name, value);
      picture.append(bar);
      if (count) text(x + 13, 131 - height, count);
      text(x + 13, 150, (half / 2).toFixed(1));
    }
    place.append(picture);
  }
  micrographs.on("draw", drawHistogram);
  drawHistogram();

  function choose(specimen) {
    const number = specimen?.[data.specimenColumns.length];
    micrographs.column(columns.length - 1).search(specimen === null ? "" : (value) => value === `${number}`).draw();
    at("chosen").hidden = specimen === null;
    const heat = specimen?.[data.specimenColumns.findIndex((column) => column.name === "heat")];
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

  let current = null;
  function open(row) {
    current = row;
    const [micrograph, map] = [at("micrograph"), at("heatmap")];
    at("viewer-title").textContent = row[column("file")];
    at("pictures").hidden = at("slider-line").hidden = row[heatmap] === null;
    at("no-picture").hidden = row[heatmap] !== null;
    if (row[heatmap] !== null) {
      map.alt = `Heatmap of ${row[column("file")]}`;
      micrograph.alt = `Micrograph ${row[column("file")]}`;
      map.src = row[heatmap];
      micrograph.hidden = row[preview] === null;
      if (row[preview] !== null) micrograph.src = row[preview];
    }
    const list = at("told");
    list.replaceChildren();
    shownColumns.forEach((column, index) => {
      if (index && row[index] !== null) list.append(element("dt", column.name), element("dd", shown(column, row[index])));
    });
    if (!at("viewer").open) at("viewer").showModal();
    slide();
  }
  // the heatmap's colour bar is right of the picture; the micrograph covers the picture only
  function slide() {
    const map = at("heatmap");
    if (map.naturalWidth) at("micrograph").style.width = `${(100 * (map.naturalWidth - data.bar)) / map.naturalWidth}%`;
    at("micrograph").style.clipPath = `inset(0 ${100 - at("slider").value}% 0 0)`;
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
  at("viewer").addEventListener("keydown", (event) => {
    if (event.target === at("slider")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  document.documentElement.dataset.ready = "yes";
})();
