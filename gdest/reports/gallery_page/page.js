"use strict";
(async () => {
  const data = JSON.parse(at("data").textContent);
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
  const value = (row, name) => (column(name) < 0 ? null : row[column(name)]);
  const [thumbnail, preview, heatmap, overlay, marks, file, width, height, umPerPx, specimenNumber] =
    Array.from({ length: 10 }, (_, i) => names.length + i);
  const addressOf = (row) => `#file=${encodeURIComponent(value(row, "file"))}`;

  const cell = (column) => (value, kind) => {
    if (kind !== "display") return value === null ? "" : value;
    return element("span", shown(column, value), value !== null && column.badge ? `badge ${value}` : "");
  };
  const look = (column) => (column.decimals !== null ? "dt-right" : `dt-left${column.long ? " long" : ""}`);
  const named = (name) => (td) => { td.dataset.name = name; };
  const columns = data.columns.map((column, index) => ({ title: column.heading, name: column.name, data: index,
    render: cell(column), className: look(column), createdCell: named(column.name) }));
  columns[0].render = (value, kind, row) => (kind === "display" ? link(value, addressOf(row), "open") : value);
  columns.splice(1, 0, { title: "heatmap", name: "heatmap", data: thumbnail, orderable: false,
    createdCell: named("heatmap"), render: (value, kind) => {
      if (kind !== "display" || value === null) return "";
      const image = document.createElement("img");
      image.loading = "lazy";
      image.alt = "";
      image.src = value;
      return image;
    } });
  for (const one of columns) {
    if (!["file", "heatmap", "status", "g"].includes(one.name) && data.rows.every((row) => row[one.data] === null)) {
      one.visible = false;
    }
  }
  const micrographs = new DataTable("#micrographs", { data: data.rows, columns, pageLength: 25, deferRender: true,
    order: [[0, "asc"]], autoWidth: false, lengthMenu: [10, 25, 100, 500],
    layout: { topStart: null, topEnd: null, bottomStart: ["info", "pageLength"], bottomEnd: "paging" },
    columnDefs: [{ targets: "_all", defaultContent: "" }] });
  const rows = () => micrographs.rows({ search: "applied", order: "applied" }).data().toArray();

  // a chip for each value of a column; of pressed ones of a column one must fit, of every column one
  const begin = (text) => (text === null ? null : text.split(":")[0]);
  const groups = ["status", "verdict", "homogeneity"].map((name) => {
    const counts = new Map();
    for (const row of data.rows) {
      const word = begin(value(row, name));
      if (word !== null) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    return { name, counts, chosen: new Set(), chips: [] };
  });
  for (const group of groups) {
    if (!group.counts.size) continue;
    const place = element("div", "", "chips");
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", group.name);
    place.append(element("span", group.name));
    for (const [word, count] of [...group.counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const chip = element("button", `${word} `, `badge ${word}`);
      chip.append(element("b", count));
      chip.type = "button";
      chip.ariaPressed = "false";
      chip.addEventListener("click", () => {
        if (!group.chosen.delete(word)) group.chosen.add(word);
        chip.ariaPressed = `${group.chosen.has(word)}`;
        filter();
      });
      group.chips.push(chip);
      place.append(chip);
    }
    at("chips").append(place);
  }

  // words of status and verdict find themselves only: "fail" is not "failed"
  const known = new Set(groups.slice(0, 2).flatMap((group) => [...group.counts.keys()]));
  const texts = data.rows.map((row) => row.slice(0, names.length)
    .filter((one, index) => typeof one === "string" && !shownColumns[index].badge).join("\n").toLowerCase());
  const places = new Map(data.rows.map((row, index) => [row, index]));
  function fits(row) {
    const chosen = at("specimen").value;
    if (chosen !== "" && `${row[specimenNumber]}` !== chosen) return false;
    if (!groups.every((one) => !one.chosen.size || one.chosen.has(begin(value(row, one.name))))) return false;
    return at("search").value.toLowerCase().split(/\s+/).every((word) => (known.has(word)
      ? ["status", "verdict"].some((name) => value(row, name) === word) : texts[places.get(row)].includes(word)));
  }
  micrographs.search.fixed("filter", (text, row, index) => fits(data.rows[index]));
  function filter() {
    micrographs.draw();
    const left = rows();
    at("found").textContent = left.length === data.rows.length ? "" : `${left.length} of ${data.rows.length}`;
    at("clear").hidden = left.length === data.rows.length;
    drawHistogram(at("histogram"), left.filter((row) => value(row, "status") === "graded")
      .map((row) => value(row, "g")).filter((g) => g !== null));
  }
  at("search").addEventListener("input", filter);
  at("clear").addEventListener("click", () => {
    at("search").value = "";
    for (const group of groups) {
      group.chosen.clear();
      for (const chip of group.chips) chip.ariaPressed = "false";
    }
    choose("");
  });

  const orders = [["file", "file", "asc"], ["coarsest first", "g", "asc"], ["finest first", "g", "desc"], ["status", "status", "asc"]];
  orders.forEach(([words], index) => at("order").append(new Option(`sort: ${words}`, index)));
  at("order").addEventListener("change", () => {
    const [, name, way] = orders[at("order").value];
    micrographs.order([columns.findIndex((one) => one.name === name), way]).draw();
  });
  function view(cards) {
    at("micrographs").classList.toggle("cards", cards);
    at("as-table").ariaPressed = `${!cards}`;
    at("as-cards").ariaPressed = `${cards}`;
  }
  at("as-table").addEventListener("click", () => view(false));
  at("as-cards").addEventListener("click", () => view(true));
  const narrow = matchMedia("(max-width: 700px)");
  narrow.addEventListener("change", () => view(narrow.matches));
  view(narrow.matches);
  at("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.querySelector("#micrographs tbody a")?.focus();
  });

  at("export").addEventListener("click", () => {
    const lines = [names, ...rows().map((row) => row.slice(0, names.length))];
    const european = data.csv === "european";
    const text = lines.map((line) => line.map((one) => quoted(one, european)).join(european ? ";" : ",")).join("\r\n");
    const saved = link("", URL.createObjectURL(new Blob([`${european ? "\ufeff" : ""}${text}\r\n`], { type: "text/csv" })));
    saved.download = "micrographs.csv";
    saved.click();
    URL.revokeObjectURL(saved.href);
  });

  const specimenColumns = [...data.specimenColumns, ...data.specimenDetails];
  const ofSpecimen = (specimen, name) => specimen?.[specimenColumns.findIndex((column) => column.name === name)] ?? null;
  const heading = (specimen) => `${specimen[0]}${ofSpecimen(specimen, "heat") ? `, heat ${ofSpecimen(specimen, "heat")}` : ""}`;
  function choose(number) {
    at("specimen").value = number;
    const specimen = data.specimens.find((one) => `${one[specimenColumns.length]}` === number) ?? null;
    at("chosen").hidden = specimen === null;
    if (specimen !== null) {
      at("chosen-name").textContent = `Specimen ${heading(specimen)}`;
      drawSizes(at("chosen-sizes"), ofSpecimen(specimen, "grains_by_half_g"));
      list(at("chosen-list"), specimenColumns, specimen, data.specimenColumns.length);
    }
    filter();
  }
  if (data.specimens.length) {
    at("specimen-section").hidden = at("specimen").hidden = false;
    for (const one of data.specimens) at("specimen").append(new Option(heading(one), one[specimenColumns.length]));
    at("specimen").addEventListener("change", () => choose(at("specimen").value));
    const told = data.specimenColumns.map((column, index) => ({ title: column.heading, data: index,
      render: cell(column), className: look(column) }));
    for (const one of told) one.visible = data.specimens.some((row) => row[one.data] !== null);
    told[0].render = (value, kind, row) => {
      if (kind !== "display") return value;
      const made = element("button", value, "open");
      made.type = "button";
      made.addEventListener("click", () => {
        choose(`${row[specimenColumns.length]}`);
        at("micrographs-title").scrollIntoView();
      });
      return made;
    };
    const few = data.specimens.length <= 8;
    new DataTable("#specimens", { data: data.specimens, columns: told, pageLength: few ? 8 : 5, autoWidth: false,
      lengthMenu: [5, 25, 100], layout: few ? { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null }
        : { topStart: null, topEnd: null, bottomStart: ["info", "pageLength"], bottomEnd: ["search", "paging"] } });
  }
  filter();

  const viewer = makeViewer(data.frame, data.marks);
  let current = null;
  function open(row) {
    current = row;
    at("viewer-title").textContent = value(row, "file");
    at("links").replaceChildren(...[["File", file], ["Heatmap", heatmap], ["Counted grains", overlay]]
      .filter(([, index]) => row[index] !== null).map(([words, index]) => link(words, row[index])),
    link("Link to this micrograph", addressOf(row)));
    drawSizes(at("sizes"), value(row, "grains_by_half_g"));
    list(at("told"), shownColumns, row, 1);
    if (!at("viewer").open) at("viewer").showModal();
    viewer.show({ name: value(row, "file"), original: row[preview], heatmap: row[heatmap], boundaries: row[marks],
      size: { width: row[width], height: row[height] }, umPerPx: row[umPerPx] });
    if (location.hash !== addressOf(row)) history.replaceState(null, "", addressOf(row));
  }
  // open the micrograph that the address names; close the viewer where it names none
  function follow() {
    if (!location.hash.startsWith("#file=")) {
      at("viewer").close();
      return;
    }
    const row = data.rows.find((one) => addressOf(one) === location.hash);
    if (row && row !== current) open(row);
  }
  at("viewer").addEventListener("close", () => {
    current = null;
    if (location.hash.startsWith("#file=")) history.replaceState(null, "", "#");
  });
  function step(by) {
    const order = rows(), next = order[order.indexOf(current) + by];
    if (next) open(next);
  }
  at("close").addEventListener("click", () => at("viewer").close());
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  // of the document, since a button that was pressed and is hidden now leaves the focus to it
  document.addEventListener("keydown", (event) => {
    const field = ["INPUT", "SELECT"].includes(event.target.tagName);
    if (!at("viewer").open || field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (viewer.key(event)) event.preventDefault();
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
  });
  addEventListener("hashchange", follow);
  follow();
  document.documentElement.dataset.ready = "yes";
})();
