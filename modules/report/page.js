"use strict";
// Draws the figures of this page. Each stands in a <figure> with its data as JSON beside it; what the fields mean is in
// modules/report/figure.cppm. Names may hold anything, so they reach the page as text only.

const ink = "#222", grid = "#e3e3e3", font = { family: "system-ui, 'Liberation Sans', sans-serif", size: 12, color: ink };
// Nothing is offered that would send a reader's data away.
const plotlySettings = { showSendToCloud: false, plotlyServerURL: "", displaylogo: false, showLink: false,
                         modeBarButtonsToRemove: ["toImage", "lasso2d", "select2d"] };

/** Plotly takes some tags and entities in names for markup. */
const text = (name) => String(name).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const digits = (value) => value === null || value === undefined ? "" : String(Number(value.toPrecision(3)));
const shortened = (name, length) => name.length > length ? name.slice(0, length - 1) + "…" : name;
const isNumber = (value) => typeof value === "number";

// ---------------------------------------------------------------- panels

const suffix = (i) => i === 0 ? "" : String(i + 1);

/** Where panel i lies, in shares of the plot. */
function place(i, n, columns, widthPx, heightPx, titlePx, belowPx) {
    const rows = Math.ceil(n / columns), gapX = 70 / widthPx, gapY = (titlePx + belowPx) / heightPx;
    const width = (1 - gapX * (columns - 1)) / columns, height = (1 - gapY * (rows - 1)) / rows;
    const left = (i % columns) * (width + gapX), top = 1 - Math.floor(i / columns) * (height + gapY);
    return { x: [left, left + width], y: [Math.max(0, top - height), Math.min(1, top)] };
}

function axisLayout(axis, extra) {
    const layout = { title: { text: text(axis.title), standoff: 8 }, gridcolor: grid, zeroline: false, linecolor: ink, ticks: "outside",
                     automargin: true, ...extra };
    if (axis.starts_at_zero) layout.rangemode = "tozero";
    if (axis.categories.length > 0) {
        const step = Math.ceil(axis.categories.length / 30);
        const shown = axis.categories.map((name, i) => [i, name]).filter(([i]) => i % step === 0);
        layout.tickvals = shown.map(([i]) => i);
        layout.ticktext = shown.map(([, name]) => text(shortened(name, 28)));
        layout.range = [-0.5, axis.categories.length - 0.5];
        layout.showgrid = false;
    }
    return layout;
}

const position = (axis, value) => axis.categories.length > 0 ? axis.categories[value] ?? "" : digits(value);

function hoverTexts(panel, series) {
    return series.x.map((x, i) => {
        const lines = [series.labels[i] ?? series.name].filter((line) => line);
        const at = position(panel.x, x);
        if (at && at !== lines[0]) lines.push(`${panel.x.title ? panel.x.title + ": " : ""}${at}`);
        let value = `${panel.y.title}: ${position(panel.y, series.y[i])}`;
        if (isNumber(series.low[i])) value += ` [${digits(series.low[i])}, ${digits(series.high[i])}]`;
        return text([...lines, value].join("\n")).replace(/\n/g, "<br>");
    });
}

function seriesTrace(panel, series, axes) {
    const many = series.x.length > 300;
    const trace = { ...axes, name: text(series.name), x: series.x, y: series.y, hoverinfo: "text", text: hoverTexts(panel, series),
                    marker: { color: series.colour, size: many ? 4 : 7, opacity: many ? 0.5 : 0.85 } };
    if (series.mark === "violin")
        return { ...trace, type: "violin", points: "all", jitter: 0.4, pointpos: 0, hoveron: "points", spanmode: "hard", scalemode: "width",
                 line: { color: series.colour, width: 1.5 }, fillcolor: series.colour + "33", meanline: { visible: true, width: 2 },
                 offsetgroup: series.name, width: panel.isDodged ? undefined : 0.8 };
    trace.type = "scatter";
    trace.mode = series.mark === "points" ? "markers" : series.is_dashed || series.x.length > 40 ? "lines" : "lines+markers";
    const isOfMany = series.mark === "line" && series.y.filter((y) => y === null).length > 2;
    if (isOfMany) Object.assign(trace, { mode: "lines", opacity: 0.6 });
    trace.line = { color: series.colour, width: isOfMany ? 1 : 2, dash: series.is_dashed ? "dash" : "solid" };
    if (series.low.length > 0)
        trace.error_y = { type: "data", symmetric: false, color: series.colour, thickness: 1.3, width: many ? 0 : 4,
                          array: series.high.map((high, i) => high === null ? 0 : high - series.y[i]),
                          arrayminus: series.low.map((low, i) => low === null ? 0 : series.y[i] - low) };
    return trace;
}

/** The first line of a title is its name. */
const panelTitle = (title) => title.split("\n").map((line, i) => i === 0 ? `<b>${text(line)}</b>` : text(line)).join("<br>");

function drawPanels(chart, width) {
    const columns = Math.max(1, Math.min(chart.columns, chart.panels.length, Math.floor(width / 260)));
    const rows = Math.ceil(chart.panels.length / columns);
    const panelPx = columns === 1 && rows > 1 ? 230 : 330;
    const above = 30 + 15 * Math.max(0, ...chart.panels.map(({ title }) => title.split("\n").length));
    // Names that do not fit side by side are turned, and reach further down.
    const isTurned = ({ categories }) => categories.reduce((sum, name) => sum + Math.min(name.length, 28) * 7 + 10, 0) > width / columns - 70;
    const below = Math.max(60, ...chart.panels.map(({ x }) => isTurned(x) ? 50 + 0.7 * namesPx(x.categories) : 60));
    const height = rows * panelPx + above + below + 20, inner = height - above - below - 40;
    const traces = [], shapes = [], annotations = [], inLegend = new Set();
    const layout = { font, width, height, hovermode: "closest", margin: { l: 65, r: 15, t: above, b: below + 40 }, violinmode: "overlay",
                     legend: { orientation: "h", y: -below / inner, yanchor: "top" } };
    const show = (name) => name !== "" && !inLegend.has(name) && Boolean(inLegend.add(name));
    chart.panels.forEach((panel, i) => {
        const s = suffix(i), axes = { xaxis: "x" + s, yaxis: "y" + s };
        const where = place(i, chart.panels.length, columns, width - 80, inner, above, below - 10);
        layout["xaxis" + s] = axisLayout(panel.x, { domain: where.x, anchor: "y" + s, tickangle: isTurned(panel.x) ? -45 : 0 });
        layout["yaxis" + s] = axisLayout(panel.y, { domain: where.y, anchor: "x" + s });
        annotations.push({ text: panelTitle(panel.title), showarrow: false, align: "left", xref: "paper", yref: "paper", x: where.x[0], xanchor: "left",
                           y: where.y[1], yanchor: "bottom", yshift: 4 });
        const violins = panel.series.filter((series) => series.mark === "violin");
        panel.isDodged = violins.some((a) => violins.some((b) => a !== b && a.x[0] === b.x[0]));
        if (panel.isDodged) layout.violinmode = "group";
        for (const band of panel.bands) {
            const along = band.is_of_x ? "x" : "y", across = band.is_of_x ? "y" : "x";
            shapes.push({ type: "rect", layer: "below", line: { width: 0 }, fillcolor: band.colour, opacity: 0.18,
                          [along + "ref"]: along + s, [along + "0"]: band.low, [along + "1"]: band.high,
                          [across + "ref"]: across + s + " domain", [across + "0"]: 0, [across + "1"]: 1 });
            if (band.is_of_x)
                annotations.push({ text: text(band.name), showarrow: false, xref: "x" + s, x: (band.low + band.high) / 2,
                                   yref: "y" + s + " domain", y: 1, yanchor: "top", font: { size: 11, color: "#5a5a5a" } });
            else
                traces.push({ ...axes, type: "scatter", mode: "markers", x: [null], y: [null], name: text(band.name), showlegend: show(band.name),
                              legendgroup: text(band.name), marker: { symbol: "square", size: 12, color: band.colour, opacity: 0.35 } });
        }
        for (const series of panel.series)
            traces.push({ ...seriesTrace(panel, series, axes), showlegend: show(series.name), legendgroup: text(series.name) });
    });
    return { traces, layout: { ...layout, shapes, annotations } };
}

function panelRows(chart) {
    const rows = [["panel", "series", "x", "y", "low", "high", "label"]];
    for (const panel of chart.panels) {
        for (const series of panel.series)
            series.x.forEach((x, i) => rows.push([panel.title, series.name, panel.x.categories[x] ?? x, panel.y.categories[series.y[i]] ?? series.y[i],
                                                  series.low[i], series.high[i], series.labels[i]]));
        for (const band of panel.bands)
            rows.push([panel.title, band.name, band.is_of_x ? "band of x" : "band of y", null, band.low, band.high, null]);
    }
    return rows;
}

// ---------------------------------------------------------------- heat maps

/** Names along an axis, as long as there is room for them. */
function nameTicks(names, lengthPx) {
    const hasRoom = lengthPx / Math.max(1, names.length) >= 11;
    return { tickvals: hasRoom ? names.map((_, i) => i) : [], ticktext: hasRoom ? names.map((name) => text(shortened(name, 24))) : [],
             tickfont: { size: 11 }, showgrid: false, zeroline: false, ticks: "" };
}

const namesPx = (names) => 12 + 6.5 * Math.max(0, ...names.map((name) => Math.min(name.length, 24)));

function drawMatrices(chart, width) {
    const n = chart.matrices.length, columns = Math.max(1, Math.min(3, n, Math.floor(width / 280)));
    const lines = Math.ceil(n / columns), gap = 24, bar = 90;
    const sideBeside = (leftPx) => Math.max(60, Math.min(420, (width - bar - leftPx - gap * (columns - 1)) / columns));
    const hasNames = sideBeside(namesPx(chart.rows)) / Math.max(1, chart.rows.length, chart.columns.length) >= 11;
    const left = hasNames ? namesPx(chart.rows) : 20, below = hasNames ? namesPx(chart.columns) * 0.75 + 10 : 15, above = 30;
    const side = sideBeside(left);
    const gapPx = side / Math.max(1, chart.columns.length) < 8 ? 0 : 1;
    const tall = Math.min(side, side * chart.rows.length / Math.max(1, chart.columns.length));
    const plotWidth = columns * side + gap * (columns - 1), plotHeight = lines * (tall + above + below);
    const range = (values) => values.reduce(([low, high], value) => isNumber(value) ? [Math.min(low, value), Math.max(high, value)] : [low, high], [0, 0]);
    const traces = [], annotations = [];
    const layout = { font, width, height: plotHeight + 20, margin: { l: left, r: width - left - plotWidth, t: 10, b: 10 } };
    const [low, high] = range(chart.matrices.flatMap(({ values }) => values.flat()));
    if (chart.has_one_scale)
        layout.coloraxis = { colorscale: "Viridis", cmin: low, cmax: high || 1,
                             colorbar: { title: { text: text(chart.unit), side: "right" }, thickness: 14, x: 1.01, xanchor: "left", len: 1, tickformat: ".3~g" } };
    chart.matrices.forEach((matrix, i) => {
        const s = suffix(i), column = i % columns, line = Math.floor(i / columns);
        const top = 1 - (line * (tall + above + below) + above) / plotHeight;
        const own = range(matrix.values.flat()), [from, to] = chart.has_one_scale ? [low, high] : own;
        traces.push({ type: "heatmap", xaxis: "x" + s, yaxis: "y" + s, z: matrix.values, hoverinfo: "text", xgap: gapPx, ygap: gapPx,
                      ...(chart.has_one_scale ? { coloraxis: "coloraxis" } : { colorscale: "Viridis", zmin: from, zmax: to || 1, showscale: false }),
                      text: matrix.values.map((row, r) => row.map((value, c) =>
                          `${text(chart.rows[r])}<br>${text(chart.columns[c])}<br>${isNumber(value) ? text(chart.unit) + ": " + digits(value) : "no value"}`)) });
        layout["xaxis" + s] = { domain: [column * (side + gap) / plotWidth, (column * (side + gap) + side) / plotWidth], anchor: "y" + s, tickangle: -45,
                                range: [-0.5, chart.columns.length - 0.5], ...nameTicks(chart.columns, hasNames ? side : 0) };
        layout["yaxis" + s] = { domain: [Math.max(0, top - tall / plotHeight), top], anchor: "x" + s,
                                range: [chart.rows.length - 0.5, -0.5], ...nameTicks(chart.rows, hasNames && column === 0 ? tall : 0) };
        annotations.push({ text: `<b>${text(matrix.title)}</b>${chart.has_one_scale ? "" : ` (${digits(from)} to ${digits(to)})`}`, showarrow: false,
                           xref: "x" + s + " domain", yref: "y" + s + " domain", x: 0, xanchor: "left", y: 1, yanchor: "bottom", yshift: 4 });
        if (side / Math.max(1, chart.columns.length) >= 28)
            matrix.values.forEach((row, r) => row.forEach((value, c) => {
                if (isNumber(value))
                    annotations.push({ text: value.toFixed(2), showarrow: false, xref: "x" + s, yref: "y" + s, x: c, y: r,
                                       font: { size: 10, color: (value - from) / (to - from) > 0.6 ? "#000" : "#fff" } });
            }));
    });
    return { traces, layout: { ...layout, annotations } };
}

function matrixRows(chart) {
    const rows = [["panel", "row", "column", chart.unit]];
    for (const matrix of chart.matrices)
        matrix.values.forEach((row, r) => row.forEach((value, c) => rows.push([matrix.title, chart.rows[r], chart.columns[c], value])));
    return rows;
}

// ---------------------------------------------------------------- trajectories

function drawPaths(chart, width, shown) {
    const paths = chart.paths.filter((path) => shown === "" || path.name === shown);
    const channels = chart.axes.length, is3d = channels >= 3, inLegend = new Set();
    const column = (path, i) => path.points.map((point) => point[i]);
    const traces = paths.map((path) => {
        const trace = { type: is3d ? "scatter3d" : "scatter", mode: "lines", name: text(path.name), hoverinfo: "text",
                        showlegend: !inLegend.has(path.name) && Boolean(inLegend.add(path.name)), opacity: path.is_mean || shown !== "" ? 1 : 0.55,
                        text: path.points.map((point, step) => `${text(path.name)}, point ${step + 1}<br>` +
                            chart.axes.map((axis, i) => `${text(axis)}: ${digits(point[i])}`).join("<br>")),
                        line: { color: path.colour, width: path.is_mean ? 6 : is3d ? 3 : 1.5 } };
        if (channels === 1) return { ...trace, x: path.points.map((_, i) => i + 1), y: column(path, 0) };
        return { ...trace, x: column(path, 0), y: column(path, 1), ...(is3d && { z: column(path, 2) }) };
    });
    const starts = paths.map((path) => path.points[0]).filter((point) => point);
    if (channels > 1)
        traces.push({ type: is3d ? "scatter3d" : "scatter", mode: "markers", name: "start", hoverinfo: "name", x: starts.map((p) => p[0]), y: starts.map((p) => p[1]),
                      ...(is3d && { z: starts.map((p) => p[2]) }), marker: { color: ink, size: is3d ? 3 : 6 } });
    const axis = (i) => ({ title: { text: text(chart.axes[i]) }, gridcolor: grid, zeroline: false, ...(is3d && { showbackground: false, linecolor: ink }) });
    const layout = { font, width, height: 520, margin: { l: is3d ? 0 : 65, r: 0, t: 10, b: is3d ? 0 : 55 }, hovermode: "closest",
                     legend: { itemsizing: "constant" } };
    if (is3d) layout.scene = { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "cube", camera: { eye: { x: 1.6, y: 1.6, z: 1 }, center: { x: 0, y: 0, z: -0.12 } } };
    else if (channels === 2) Object.assign(layout, { xaxis: axis(0), yaxis: axis(1) });
    else Object.assign(layout, { xaxis: { title: { text: "step" }, gridcolor: grid, zeroline: false }, yaxis: axis(0) });
    return { traces, layout };
}

function pathRows(chart) {
    const rows = [["path", "point", ...chart.axes]];
    for (const path of chart.paths) path.points.forEach((point, i) => rows.push([path.name, i + 1, ...point]));
    return rows;
}

// ---------------------------------------------------------------- figures

const kinds = {
    panels: { draw: drawPanels, rows: panelRows },
    matrices: { draw: drawMatrices, rows: matrixRows },
    paths: { draw: drawPaths, rows: pathRows },
};

function save(name, content, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const csvField = (value) => /[",\r\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value;
const csv = (rows) => rows.map((row) => row.map((value) => csvField(String(value ?? ""))).join(",")).join("\n") + "\n";

function addButton(element, label, title, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.title = title;
    button.addEventListener("click", act);
    element.querySelector(".buttons").append(button);
}

function addChoice(element, label, names, act) {
    const select = document.createElement("select"), holder = document.createElement("label");
    names.forEach(([value, name]) => select.append(new Option(name, value)));
    const choose = () => { holder.dataset.chosen = select.selectedOptions[0]?.textContent ?? ""; };
    select.addEventListener("change", () => { choose(); act(select.value); });
    choose();
    holder.append(label + " ", select);
    element.querySelector(".choices").append(holder);
    return select;
}

class DrawnFigure {
    constructor(element) {
        this.element = element;
        this.plot = element.querySelector(".plot");
        this.variant = 0;
        this.path = "";
        this.isStatic = typeof Plotly === "undefined";
        const { choice, variants } = JSON.parse(element.querySelector("script").textContent);
        for (const { chart } of variants)
            if (chart.matrices === "first variant") chart.matrices = variants[0].chart.matrices;
        this.variants = this.isStatic ? variants.slice(0, this.plot.children.length) : variants;
        if (this.variants.length > 1)
            addChoice(element, choice, variants.map(({ name }, i) => [i, name]), (value) => { this.variant = Number(value); this.offerPaths(); this.draw(); });
        this.offerPaths();
        addButton(element, "CSV", "the data of this figure, as a table", () =>
            save(this.fileName("csv"), csv(kinds[this.chart.kind].rows(this.chart)), "text/csv"));
        addButton(element, "SVG", "this figure as a vector drawing", () => this.saveImage("svg"));
        if (!this.isStatic) addButton(element, "PNG", "this figure as an image", () => this.saveImage("png"));
    }

    get chart() { return this.variants[this.variant].chart; }

    fileName(ending) {
        const name = this.variants.length > 1 ? "-" + this.variants[this.variant].name.replace(/[^\p{L}\p{N}.]+/gu, "_") : "";
        return `${this.element.id}${name}.${ending}`;
    }

    /** A choice of one path, anew for each variant. */
    offerPaths() {
        this.paths?.parentElement.remove();
        this.paths = undefined;
        this.path = "";
        if (this.isStatic || this.chart.kind !== "paths") return;
        const names = [...new Set(this.chart.paths.map(({ name }) => name))];
        this.paths = addChoice(this.element, "shown", [["", "all"], ...names.map((name) => [name, name])], (name) => { this.path = name; this.draw(); });
    }

    draw(width = this.plot.clientWidth) {
        if (this.isStatic) {
            [...this.plot.children].forEach((drawing, i) => { drawing.hidden = i !== this.variant; });
            return Promise.resolve();
        }
        const { traces, layout } = kinds[this.chart.kind].draw(this.chart, Math.max(300, width), this.path);
        this.width = width;
        if (this.element.dataset.drawn === undefined) this.plot.replaceChildren();
        // A figure that cannot be drawn must not take the others with it.
        return Promise.resolve().then(() => Plotly.react(this.plot, traces, layout, plotlySettings)).then(
            () => { this.element.dataset.drawn = "yes"; },
            (error) => { this.element.dataset.drawn = "no"; this.plot.textContent = `This figure cannot be drawn here: ${error.message ?? error}`; });
    }

    saveImage(format) {
        if (this.isStatic) save(this.fileName(format), new XMLSerializer().serializeToString(this.plot.children[this.variant].querySelector("svg")), "image/svg+xml");
        else Plotly.downloadImage(this.plot, { format, filename: this.fileName(format).slice(0, -4), width: this.plot.clientWidth, height: this.plot.clientHeight, scale: format === "png" ? 2 : 1 });
    }
}

function prepareTable(element) {
    const rows = JSON.parse(element.querySelector("script").textContent);
    addButton(element, "CSV", "this table", () => save(`${element.id}.csv`, csv(rows), "text/csv"));
}

const drawn = new Map();

function drawFigure(element) {
    if (drawn.has(element)) return Promise.resolve();
    const figure = new DrawnFigure(element);
    drawn.set(element, figure);
    return figure.draw();
}

/** The library takes its time, so the drawings that stand in the page are shown before. */
async function loadLibrary() {
    const library = document.getElementById("plotting-library");
    if (!library) return;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    const script = document.createElement("script");
    script.textContent = library.textContent;
    document.head.append(script);
    if (typeof Plotly !== "undefined") return;
    const notice = Object.assign(document.createElement("p"), { className: "notice" });
    notice.textContent = "This browser cannot run the plotting library, so that the figures are static drawings.";
    document.querySelector("header").append(notice);
}

/** What the reader sees first, then the rest, one at a time, so that the page answers at once. */
async function drawAll() {
    document.querySelectorAll("figure.table").forEach(prepareTable);
    await loadLibrary();
    const figures = [...document.querySelectorAll("figure.chart")];
    const observer = new IntersectionObserver((entries) => {
        entries.filter((entry) => entry.isIntersecting).forEach((entry) => { observer.unobserve(entry.target); drawFigure(entry.target); });
    }, { rootMargin: "200px" });
    figures.forEach((figure) => observer.observe(figure));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const figure of figures) {
        await drawFigure(figure);
        await new Promise((resolve) => setTimeout(resolve, 0));
    }
    document.body.dataset.drawn = "yes";
}

function redraw(width) {
    for (const [element, figure] of drawn)
        if (width !== undefined || figure.plot.clientWidth !== figure.width) figure.draw(width);
}

/** A browser prints no WebGL, so a picture stands in for it. */
function picture3d() {
    for (const plot of document.querySelectorAll(".plot")) {
        const drawing = plot._fullLayout?.scene?._scene?.glplot;
        if (!drawing?.canvas) continue;
        // What WebGL has drawn is there only until the browser has shown it.
        drawing.redraw();
        const picture = document.createElement("canvas");
        Object.assign(picture, { className: "printed", width: drawing.canvas.width, height: drawing.canvas.height });
        picture.getContext("2d").drawImage(drawing.canvas, 0, 0);
        drawing.canvas.after(picture);
    }
}

window.addEventListener("beforeprint", picture3d);
window.addEventListener("beforeprint", () => document.querySelectorAll("header > details").forEach((made) => { made.open = true; }));
window.addEventListener("afterprint", () => document.querySelectorAll(".printed").forEach((picture) => picture.remove()));
drawAll();
let resized;
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => redraw(), 200); });
