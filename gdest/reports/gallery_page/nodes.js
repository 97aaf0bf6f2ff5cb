"use strict";
// makers of nodes and charts of bars; every text becomes textContent, so that no name can become markup

const at = (id) => document.getElementById(id);

function element(tag, text, classes) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (classes) made.className = classes;
  return made;
}

function link(text, address, classes) {
  const made = element("a", text, classes);
  made.href = address;
  return made;
}

const shown = (column, value) =>
  value === null ? "" : typeof value === "number" && column.decimals !== null ? value.toFixed(column.decimals) : String(value);

function list(place, columns, row, first) {
  place.replaceChildren();
  columns.forEach((column, index) => {
    if (index >= first && row[index] !== null && column.name !== "grains_by_half_g") {
      place.append(element("dt", column.heading), element("dd", shown(column, row[index])));
    }
  });
}

// what a spreadsheet would run as a formula gets an apostrophe, as in results.csv
function inert(text) {
  const first = [...text].find((one) => !/[\p{C}\p{Z}]/u.test(one)) ?? "";
  return /[=+\-@]/.test(first.normalize("NFKC")) ? `'${text}` : text;
}

function quoted(one, european) {
  const ends = european ? /([,\t\r\n])/ : /([;\t\r\n])/;
  const number = String(one ?? "").replace(".", european ? "," : ".");
  const text = typeof one === "string" ? one.split(ends).map(inert).join("") : number;
  return `"${text.replaceAll('"', '""')}"`;
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

// how many micrographs have each half grade
function drawHistogram(place, grades) {
  const counts = new Map();
  for (const g of grades) {
    const half = Math.floor(g * 2 + 0.5);
    counts.set(half, (counts.get(half) ?? 0) + 1);
  }
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
