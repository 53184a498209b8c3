// Whether a figure shows what its data say: every panel, series, interval, band, cell and name, in every variant.

import assert from "node:assert/strict";

import { pixelsOf } from "./pages.mjs";

/** What the plot of a figure holds now, beside the data of the variant that is chosen. */
const shownBy = (figure) => figure.evaluate(async (element) => {
    const plot = element.querySelector(".plot"), all = (selector, from = plot) => [...from.querySelectorAll(selector)];
    const texts = (selector) => all(selector).map((label) => label.textContent).filter((text) => text !== "");
    const isVisible = (mark) => { const { width, height } = mark.getBoundingClientRect(); return width + height > 0; };
    const { variants } = JSON.parse(element.querySelector("script").textContent);
    const chosen = variants.length > 1 ? Number(element.querySelector("select").value) : 0;

    /** The colour in the middle of each cell. */
    const cells = async (image, values) => {
        const picture = new Image();
        picture.src = image.getAttribute("href") ?? image.getAttribute("xlink:href");
        await picture.decode();
        const { width, height } = picture, canvas = Object.assign(document.createElement("canvas"), { width, height });
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(picture, 0, 0);
        return values.map((row, r) => row.map((_, c) =>
            [...context.getImageData(Math.floor((c + 0.5) / row.length * width), Math.floor((r + 0.5) / values.length * height), 1, 1).data]));
    };
    const { chart } = variants[chosen];
    if (chart.matrices === "first variant") chart.matrices = variants[0].chart.matrices;
    return {
        id: `${element.id}, ${variants[chosen].name}`, chart,
        series: chart.panels?.map((_, i) => all(`.cartesianlayer .subplot.${i === 0 ? "xy" : `x${i + 1}y${i + 1}`}`).map((subplot) => all(".trace", subplot)
            .filter((trace) => all("path.js-line, path.point, path.violin", trace).some(isVisible)).length)[0] ?? 0),
        whiskers: all("path.yerror").filter(isVisible).length, bands: all(".shapelayer path").filter(isVisible).length,
        titles: texts(".infolayer > [class^=g-x], .infolayer > [class^=g-y]"), bars: texts("text[class*=cb][class*=title]"),
        annotations: texts(".annotation-text"), images: await Promise.all(all(".heatmaplayer image").map((image, i) => cells(image, chart.matrices[i].values))),
        scene: plot.layout?.scene && ["xaxis", "yaxis", "zaxis"].map((axis) => plot.layout.scene[axis].title.text),
        points: (plot.data ?? []).map(({ x, y, z }) => [...x ?? []].every((_, i) => [x, y, z].every((values) => !values || Number.isFinite(values[i]))) ? x?.length : NaN),
        lines: all(".scatterlayer path.js-line").filter(isVisible).length,
    };
});

const isNumber = (value) => typeof value === "number";
const firstLine = (title) => title.split("\n")[0];

function panelsAreDrawn({ id, chart, series, whiskers, bands, titles, annotations }) {
    const all = chart.panels.flatMap((panel) => panel.series);
    assert.deepEqual(series, chart.panels.map((panel) => panel.series.filter(({ y }) => y.some(isNumber)).length), `${id}: series of each panel`);
    const long = all.flatMap(({ low, high }) => low.filter((value, i) => isNumber(value) && value !== high[i]));
    assert.ok(whiskers >= long.length * 0.9, `${id}: ${whiskers} of ${long.length} whiskers`);  // some are shorter than a pixel
    assert.equal(bands, chart.panels.flatMap((panel) => panel.bands).length, `${id}: bands`);
    assert.deepEqual(titles.sort(), chart.panels.flatMap(({ x, y }) => [x.title, y.title]).filter((title) => title !== "").sort(), `${id}: titles of axes`);
    for (const { title } of chart.panels) assert.ok(title === "" || annotations.some((text) => text.startsWith(firstLine(title))), `${id}: ${title}`);
}

/** Viridis is the lighter, the greater a value is; no value has no colour. */
function cellsAreColoured(id, values, colours) {
    const cells = values.flatMap((row, r) => row.map((value, c) => {
        const [red, green, blue, alpha] = colours[r][c];
        return { value, light: 0.2126 * red + 0.7152 * green + 0.0722 * blue, isDrawn: alpha > 0 };
    }));
    assert.deepEqual(cells.map(({ isDrawn }) => isDrawn), cells.map(({ value }) => isNumber(value)), `${id}: cells without a value are empty`);
    const sorted = cells.filter(({ isDrawn }) => isDrawn).sort((a, b) => a.value - b.value);
    sorted.slice(1).forEach(({ light, value }, i) => assert.ok(light >= sorted[i].light - 1, `${id}: ${value} is darker than ${sorted[i].value}`));
    if (sorted.length > 1 && sorted.at(-1).value > 1.1 * sorted[0].value) assert.ok(sorted.at(-1).light > sorted[0].light, `${id}: one colour`);
}

function matricesAreDrawn({ id, chart, images, bars, annotations }) {
    assert.equal(images.length, chart.matrices.length, `${id}: matrices`);
    chart.matrices.forEach(({ values }, i) => cellsAreColoured(id, values, images[i]));
    assert.deepEqual(bars, chart.has_one_scale ? [chart.unit] : [], `${id}: colour bar`);
    for (const { title } of chart.matrices) assert.ok(annotations.some((text) => text.startsWith(title)), `${id}: ${title}`);
}

function pathsAreDrawn({ id, chart, scene, points, lines, titles }) {
    assert.deepEqual(points.slice(0, chart.paths.length), chart.paths.map((path) => path.points.length), `${id}: points`);
    if (chart.axes.length >= 3) return assert.deepEqual(scene, chart.axes.slice(0, 3), `${id}: titles of axes`);
    assert.equal(lines, chart.paths.length, `${id}: lines`);
    assert.ok(chart.axes.every((axis) => titles.includes(axis)), `${id}: titles of axes`);
}

const isDrawn = { panels: panelsAreDrawn, matrices: matricesAreDrawn, paths: pathsAreDrawn };

/** Of a three-dimensional one the first variants; software renders them slowly. */
export async function isDrawnAsItsDataSay(figure, most = 4) {
    let shown = await shownBy(figure);
    isDrawn[shown.chart.kind](shown);
    // Of trajectories without variants the only choice is what is shown of them.
    const choices = await figure.$$("select"), hasVariants = choices.length > (shown.chart.kind === "paths" ? 1 : 0);
    const select = choices[0], n = hasVariants ? await select.evaluate(({ options }) => options.length) : 1;
    for (let i = 1; i < Math.min(n, shown.scene ? most : n); ++i) {
        await select.evaluate((element, index) => new Promise((resolve, reject) => {
            setTimeout(() => reject(new Error("nothing is drawn")), 10000);
            element.closest("figure").querySelector(".plot").once("plotly_afterplot", () => requestAnimationFrame(resolve));
            element.selectedIndex = index;
            element.dispatchEvent(new Event("change"));
        }), i);
        shown = await shownBy(figure);
        isDrawn[shown.chart.kind](shown);
    }
}

/** How many pixels of a screenshot are nearly of a colour, given as #rrggbb. */
export function pixelsNear(png, colour) {
    const { channels, rows } = pixelsOf(png), wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    let n = 0;
    for (let i = 0; i < rows.length; i += channels) if (wanted.every((value, c) => Math.abs(rows[i + c] - value) < 30)) ++n;
    return n;
}
