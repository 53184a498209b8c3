// What a reader of the report can see and do.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { isDrawnAsItsDataSay, pixelsNear } from "./drawn.mjs";
import { closeBrowser, coloursOf, csvRows, demo, downloaded, folder, open, openBrowser, override, pixelsOf, plugins, program, repal, shot, writeNpy } from "./pages.mjs";

const studies = ["attractors", "neurotasks"];
const small = override({
    "studies.attractors.experiments.motifs.length": 2, "studies.attractors.experiments.epochs.replicates": 1,
    "studies.attractors.simulation.trials": 20, "studies.attractors.bootstrap.resamples": 50,
    "studies.neurotasks.networks.n_rnn": "[16]", "studies.neurotasks.training.num_epochs": 3, "studies.neurotasks.data.train": 64,
    "studies.neurotasks.data.validation": 32, "studies.neurotasks.data.test": 30, "studies.neurotasks.trajectories.trials": 20,
    "studies.neurotasks.bootstrap.resamples": 50,
});
const pageOf = (study) => `results/${study}/report.html`;

before(async () => {
    // Networks that hardly learned give no setting that predicts.
    const given = { attractors: [], neurotasks: override({ "metrics.dsa": "{n_delays: 2, rank: 4}" }) };
    for (const study of studies) repal(["run", study, "--config", demo, ...small, ...given[study]]);
    await openBrowser();
}, { timeout: 240000 });
after(closeBrowser);

/** Of each figure: what its plot has drawn. */
const marksOf = (page) => page.$$eval("figure.chart", (figures) => figures.map((figure) => {
    const visible = [...figure.querySelectorAll(".plot path.point, .plot path.js-line, .plot path.violin, .plot .heatmaplayer image, .plot .gl-container canvas:not(.printed)")]
        .filter((mark) => mark.getBoundingClientRect().width + mark.getBoundingClientRect().height > 0);
    return { id: figure.id, drawn: figure.dataset.drawn, marks: visible.length, is3d: Boolean(figure.querySelector(".gl-container canvas")) };
}));

async function hasNoComplaints(page) {
    assert.deepEqual(page.complaints, []);
}

for (const study of studies)
    describe(`the page of ${study}`, () => {
        let page;
        before(async () => { page = await open(pageOf(study)); });

        test("every figure has marks, without an error or a request that leaves the file", async () => {
            const figures = await marksOf(page);

            assert.ok(figures.length >= 8, `${figures.length} figures`);
            for (const { id, drawn, marks } of figures) {
                assert.equal(drawn, "yes", id);
                assert.ok(marks > 0, `${id} has no marks`);
            }
            await hasNoComplaints(page);
        });

        test("every value of the data is drawn, unless it is nothing", async () => {
            const counts = await page.$$eval("figure.chart", (figures) => figures.map((figure) => {
                const { chart } = JSON.parse(figure.querySelector("script").textContent).variants[0], plot = figure.querySelector(".plot");
                const known = (values) => [...values].flat().filter((value) => value !== null && value !== undefined && !Number.isNaN(value)).length;
                const sum = (list) => list.reduce((a, b) => a + b, 0);
                const drawn = { panels: () => sum(plot.data.map(({ y }) => known(y))), matrices: () => sum(plot.data.map(({ z }) => known(z))),
                                paths: () => sum(plot.data.filter(({ mode }) => mode === "lines").map(({ z }) => known(z))) };
                const given = { panels: () => sum(chart.panels.flatMap(({ series }) => series.map(({ y }) => known(y)))),
                                matrices: () => sum(chart.matrices.map(({ values }) => known(values))),
                                paths: () => sum(chart.paths.map(({ points }) => points.length)) };
                return [figure.id, drawn[chart.kind](), given[chart.kind]()];
            }));
            for (const [id, drawn, given] of counts) {
                assert.equal(drawn, given, id);
                assert.ok(given > 0, id);
            }
        });

        test("every variant of every figure shows what its data say", async () => {
            for (const figure of await page.$$("figure.chart")) await isDrawnAsItsDataSay(figure);
            assert.deepEqual(page.complaints, []);
        });

        test("a table is saved as it is", async () => {
            for (const id of await page.$$eval("figure.table:has(table)", (figures) => figures.map((figure) => figure.id))) {
                const saved = csvRows((await downloaded(page, "#" + id, "CSV")).content.toString());
                const rows = await page.$$eval(`#${id} tr`, (elements) => elements.map((row) => [...row.cells].map((cell) => cell.textContent)));
                assert.ok(saved.length >= rows.length - 1, id);
                rows.slice(1).forEach((row, r) => row.forEach((text, c) => {
                    const value = saved[r][rows[0][c]];
                    assert.ok(value === text || Number(Number(value).toPrecision(3)) === Number(text), `${id}: ${text} and ${value}`);
                }));
            }
        });

        test("a three-dimensional plot is printed as a picture", async () => {
            const colours = await page.evaluate(() => {
                window.dispatchEvent(new Event("beforeprint"));
                const seen = [...document.querySelectorAll("canvas.printed")].map((canvas) => {
                    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                    return new Set(new Uint32Array(data.buffer)).size;
                });
                window.dispatchEvent(new Event("afterprint"));
                return seen;
            });
            assert.equal(await page.$$eval(".printed", ({ length }) => length), 0);
            const scenes = await page.$$eval(".plot", (plots) => plots.filter((plot) => plot._fullLayout?.scene).length);
            assert.ok(colours.length >= scenes && colours.filter((n) => n > 20).length >= scenes, `${colours} colours of ${scenes} scenes`);
        });

        test("every section is something to look at", async () => {
            for (const section of await page.$$("section")) {
                const id = await section.getAttribute("id");
                const hasFigure = await section.$("figure.chart") !== null;
                assert.ok(coloursOf(await shot(section, study, id)) > (hasFigure ? 20 : 4), id);
            }
            assert.ok(coloursOf(await shot(await page.$("header"), study, "header")) > 4);
        });

        test("captions, axes and colour bars say what is shown and in which unit", async () => {
            for (const figure of await page.$$("figure")) {
                const caption = await figure.$eval("figcaption", (element) => element.textContent);
                assert.match(caption, /^[A-Z0-9].{20,}\.$/s, await figure.getAttribute("id"));
            }
            const titles = await page.$$eval(".ytitle, .cbytitle, .cbtitle", (elements) => elements.map((element) => element.textContent));
            assert.ok(titles.some((title) => title === "dissimilarity (units of π/2)"), titles.join());
        });

        test("the contents lead to every section and figure, and no link leaves the page", async () => {
            const links = await page.$$eval("a[href]", (elements) => elements.map((element) => element.getAttribute("href")));
            const ids = await page.$$eval("section, figure", (elements) => elements.map((element) => "#" + element.id));
            assert.equal(new Set(ids).size, ids.length);
            for (const link of links) assert.ok(ids.includes(link), link);
            const contents = await page.$$eval("nav a", (elements) => elements.map((element) => element.getAttribute("href")));
            assert.deepEqual(contents, ids);
        });

        test("nothing offers to send data away", async () => {
            const buttons = await page.$$eval(".modebar-btn", (elements) => elements.map((element) => element.dataset.title ?? element.dataset.attr));
            assert.ok(buttons.length > 0);
            for (const button of buttons) assert.doesNotMatch(String(button), /share|cloud|edit|studio|plotly/i);
        });

        test("the header says how to get the same results", async () => {
            const header = await page.textContent("header");
            for (const part of ["repal 0.", `repal run ${study} --config`, "seed", "metric dsa 5", "examples/demo.yaml"]) assert.ok(header.includes(part), part);
            assert.ok((await page.textContent("header details")).includes("resamples: 50"));
        });

        test("it prints on pages, without what only works on a screen", async () => {
            const pdf = await page.pdf({ format: "A4" });
            assert.ok((pdf.toString("latin1").match(/\/Type \/Page\b/g) ?? []).length > 2);
            await page.emulateMedia({ media: "print" });
            assert.ok(!await page.isVisible("nav"));
            assert.ok(!await page.isVisible(".buttons"));
            await page.emulateMedia({ media: "screen" });
            await hasNoComplaints(page);
        });

        test("it fits a narrow window", async () => {
            const narrow = await open(pageOf(study), { width: 360 });
            const [scrolled, width] = await narrow.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
            assert.ok(scrolled <= width + 1, `${scrolled} of ${width}`);
            // Figures follow the window.
            await narrow.setViewportSize({ width: 700, height: 900 });
            await narrow.waitForFunction(() => [...document.querySelectorAll(".plot")].every((plot) =>
                plot.scrollWidth <= plot.clientWidth + 1 && plot._fullLayout.width === plot.clientWidth));
            await narrow.close();
        });
    });

describe("a reader", () => {
    let page;
    before(async () => { page = await open(pageOf("attractors")); });
    const paths = "#trajectories-figure", map = "#experiment-lorenz-map";
    const xOf = (figure) => page.$eval(`${figure} .plot`, (plot) => JSON.stringify(plot.data.map(({ x }) => [...x])));

    test("chooses a system, and one trial of it", async () => {
        const before = await xOf(paths);
        await page.selectOption(`${paths} select >> nth=0`, { label: "lorenz: r30" });
        await page.waitForFunction((old) => JSON.stringify(document.querySelector("#trajectories-figure .plot").data.map(({ x }) => [...x])) !== old, before);
        assert.equal(await page.$eval(`${paths} .plot`, (plot) => plot.data.length), 12);  // mean, ten trials, starts
        await page.selectOption(`${paths} select >> nth=1`, { label: "trial 3" });
        await page.waitForFunction(() => document.querySelector("#trajectories-figure .plot").data.length === 2);
        await hasNoComplaints(page);
    });

    test("sees one trial in its colour, and no other", async (t) => {
        const plot = await page.$(`${paths} .plot`), colours = await page.$eval(`${paths} script`, (script) => Object.fromEntries(JSON.parse(script.textContent).variants[0].chart.paths.map(({ name, colour }) => [name, colour])));
        if (!await page.$eval(`${paths} canvas`, (canvas) => Boolean(canvas.getContext("webgl") ?? canvas.getContext("webgl2")))) return t.diagnostic("this browser has no WebGL");
        await plot.scrollIntoViewIfNeeded();
        for (const [name, other] of [["trial 1", "trial 3"], ["trial 3", "trial 1"]]) {
            await page.selectOption(`${paths} select >> nth=1`, { label: name });
            await page.waitForTimeout(700);  // until software has rendered it
            const picture = await plot.screenshot();
            assert.ok(pixelsNear(picture, colours[name]) > 100, `${name}: ${pixelsNear(picture, colours[name])} pixels`);
            assert.ok(pixelsNear(picture, colours[other]) < 20, `${other}: ${pixelsNear(picture, colours[other])} pixels`);
        }
        assert.deepEqual(page.complaints, []);
    });

    test("turns the trajectories", async (t) => {
        const plot = await page.$(`${paths} .plot`);
        await plot.scrollIntoViewIfNeeded();
        const isDrawn = await page.$eval(`${paths} canvas`, (canvas) => Boolean(canvas.getContext("webgl") ?? canvas.getContext("webgl2")));
        if (!isDrawn) {
            t.diagnostic("this browser has no WebGL: the data are checked, not the picture");
            assert.ok((await page.$eval(`${paths} .plot`, (element) => element.data[0].z)).every(Number.isFinite));
            return;
        }
        assert.ok(coloursOf(await shot(plot, "attractors", "trajectories-3d")) > 50);
        const box = await plot.boundingBox();
        const eye = () => page.$eval(`${paths} .plot`, (element) => element._fullLayout.scene._scene.getCamera().eye);
        const before = await eye();
        // Software rendering may still be at the last picture, and then sees no mouse.
        for (let tries = 0; tries < 20 && (await eye()).y === before.y; ++tries) {
            await page.mouse.move(box.x + 300, box.y + 250);
            await page.mouse.down();
            await page.mouse.move(box.x + 420, box.y + 250, { steps: 8 });
            await page.waitForTimeout(300);
            await page.mouse.up();
        }
        assert.ok(Math.abs((await eye()).y - before.y) > 0.05);
    });

    test("points at a pair and sees its names and value", async () => {
        const cells = await page.$(`${map} .heatmaplayer image`);
        await cells.scrollIntoViewIfNeeded();
        const box = await cells.boundingBox(), side = box.width / 9;
        await page.mouse.move(box.x + 1.5 * side, box.y + 0.5 * side, { steps: 3 });
        await page.waitForFunction((figure) => /^r0\.25r0\.5dissimilarity \(units of π\/2\): 0\.\d+$/.test(document.querySelector(`${figure} .hoverlayer`).textContent), map);
    });

    test("takes the data of a map, the same as in the table of results", async () => {
        const { name, content } = await downloaded(page, map, "CSV");
        assert.match(name, /^experiment-lorenz-map-.*\.csv$/);
        const shown = new Map(csvRows(content.toString()).map((row) => [[row.panel, row.row, row.column].join(), row["dissimilarity (units of π/2)"]]));
        const results = csvRows(fs.readFileSync(path.join(folder, "results/attractors/dissimilarity.csv"), "utf8"))
            .filter(({ experiment, group }) => experiment === "lorenz" && !["noise_floor", "other_trials"].includes(group));
        assert.equal(results.length, 4 * 36);
        for (const { metric, system_a, system_b, dissimilarity } of results)
            for (const key of [[metric, system_a, system_b], [metric, system_b, system_a]])
                assert.equal(Number(shown.get(key.join())), Number(Number(dissimilarity).toPrecision(6)), key.join());
    });

    test("takes a table, a drawing and an image", async () => {
        const table = await downloaded(page, "#means", "CSV");
        assert.ok(csvRows(table.content.toString()).length >= 10);
        const svg = (await downloaded(page, "#experiment-lorenz-groups-1", "SVG")).content.toString();
        const marks = await page.evaluate((text) => {
            const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
            return parsed.querySelector("parsererror") ? -1 : parsed.querySelectorAll("path").length;
        }, svg);
        assert.ok(marks > 50, `${marks} paths`);
        const { width, height } = pixelsOf((await downloaded(page, "#experiment-lorenz-groups-1", "PNG")).content);
        assert.ok(width > 1000 && height > 500);
    });

    test("needs no mouse", async () => {
        await page.focus(`${map} select`);
        await page.keyboard.press("ArrowDown");
        await page.waitForFunction(() => document.querySelector("#experiment-lorenz-map .plot").layout.coloraxis === undefined);
        await page.focus("nav a >> nth=0");
        const reached = new Set();
        for (let i = 0; i < 60; ++i) {
            await page.keyboard.press("Tab");
            reached.add(await page.evaluate(() => `${document.activeElement.closest("figure, nav")?.id ?? ""} ${document.activeElement.textContent.slice(0, 12)}`));
        }
        assert.ok(reached.has("means CSV"), [...reached].join("; "));
        await page.focus("#means button");
        const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
        assert.equal(download.suggestedFilename(), "means.csv");
    });
});

describe("names", () => {
    const files = ["<img src=x onerror=window.hacked=1>.npy", "\"quoted' & <b>bold<b>.npy", "ünïcode – 神経.npy", "%{x} $a$.npy"];

    const isText = async (page, names) => {
        const text = await page.textContent("main");
        for (const name of names) assert.ok(text.includes(name), name);
        const labels = await page.$$eval(".xtick, .ytick, .legendtext", (elements) => elements.map((element) => element.textContent));
        const isShown = (name) => labels.some((label) => label.length > 3 && (label === name || (label.endsWith("…") && name.startsWith(label.slice(0, -1)))));
        for (const name of names) assert.ok(isShown(name), `${name} in ${labels.slice(0, 9).join("; ")}`);
        assert.equal(await page.evaluate(() => window.hacked), undefined);
        assert.equal(await page.$$eval("main img, main td b, main th b, main option b", (elements) => elements.length), 0);
        await hasNoComplaints(page);
    };

    test("of files are text, whatever is in them", async () => {
        files.forEach((name, i) => writeNpy(name, { speed: 1 + i / 2 }));
        repal(["compare", ...files, "--report", "names.html", ...override({ "dsa.n_delays": 10, "dsa.rank": 4 })]);

        const page = await open("names.html");

        await isText(page, files);
        const cells = page.locator("#dissimilarity-map .heatmaplayer image").first();
        await cells.scrollIntoViewIfNeeded();
        const box = await cells.boundingBox();
        await page.mouse.move(box.x + 1.5 / 4 * box.width, box.y + 0.5 / 4 * box.height, { steps: 3 });
        await page.waitForFunction((names) => names.every((name) => document.querySelector("#dissimilarity-map .hoverlayer").textContent.includes(name)), files.slice(0, 2));
        await page.selectOption("#trajectories-figure select >> nth=0", { label: files[0] });
        const { name } = await downloaded(page, "#trajectories-figure", "CSV");
        assert.match(name, /^trajectories-figure-[^<>"/]*\.csv$/);
        await isText(page, files);
        await shot(page.locator("main"), "names", "all");
    });

    test("of a sheet are text, in every figure of its study", async () => {
        const names = [`<img src=x onerror="window.hacked=1">`, "a, b", `say "so"`];
        repal(["new-study", "mine"]);
        const sheet = path.join(folder, "mine", "sheet.csv"), quoted = (name) => `"${name.replaceAll('"', '""')}"`;
        const rows = fs.readFileSync(sheet, "utf8").replace(",cycle1,cycle,", `,${quoted(names[0])},cycle,`)
            .replace(",spiral1,", `,${quoted(names[1])},`).replaceAll(",m1,", `,${quoted(names[2])},`);
        fs.writeFileSync(sheet, rows);
        repal(["run", "recordings", "--config", "mine/config.yaml", ...override({ "studies.recordings.calibrate": "{resamples: 18, splits: 4}" })]);

        const page = await open("results/recordings/report.html");

        const figures = await marksOf(page);
        for (const id of ["groups-means", "order-curves", "systems-map", "systems-tree", "systems-dissimilarity", "systems-calibrated", "systems-null", "mantel-map"])
            assert.ok(figures.some((figure) => figure.id === id), `${id} in ${figures.map((figure) => figure.id)}`);
        for (const { id, drawn, marks } of figures) {
            assert.equal(drawn, "yes", id);
            assert.ok(marks > 0, `${id} has no marks`);
        }
        for (const figure of await page.$$("figure.chart")) await isDrawnAsItsDataSay(figure);
        assert.match(await page.textContent("#groups"), /groups: dynamics: by dsa groups differ \(R2 = 0\.96, p = 0\.0001; n = 24;/);
        await isText(page, names.slice(0, 2));
        await shot(page.locator("main"), "recordings", "all");
    });

    test("of a configuration are text, whatever is in them", async () => {
        const names = ["</script><script>window.hacked=1</script>", "<b>bold</b>", "a & b"];
        fs.writeFileSync(path.join(folder, "hostile.yaml"), `
seed: 1
metrics: {dsa: {n_delays: 4, delay_interval: 2, rank: 4}, cka: {}}
studies:
  attractors:
    simulation: {trials: 10, initial_points: shared, steps: 60, dt: 0.01, integrator: euler, normalise: true}
    systems: {${names.map((name, i) => `"${name}": {task: lorenz, r: ${i + 1}}`).join(", ")}}
    experiments: {lorenz: {classes: {one: ["${names[0]}"], two: ["${names[1]}", "${names[2]}"]}}}
    bootstrap: {resamples: 20}
`);
        repal(["run", "attractors", "--config", "hostile.yaml", "--results", "hostile"]);

        await isText(await open("hostile/attractors/report.html"), names);
    });
});

describe("a page says what is missing:", () => {
    test("a study that has not begun", async () => {
        for (const study of studies) {
            repal(["report", study, "--config", demo, "--results", "nothing"]);
            const page = await open(`nothing/${study}/report.html`);
            assert.match(await page.textContent("#missing"), /not finished.*repal run/s);
            const cells = csvRows((await downloaded(page, "#missing-items", "CSV")).content.toString());
            assert.ok(cells.every(({ done, missing }) => done === "0" && Number(missing) > 0));
            assert.match(await page.textContent("main"), /No pair of systems has been compared|No network has been trained/);
            await hasNoComplaints(page);
            await shot(page.locator("main"), "nothing", study);
        }
    });

    test("a study without experiments, and one of a single system", async () => {
        repal(["run", "attractors", "--config", demo, "--results", "none", ...override({ "studies.attractors.experiments": "{}" })]);
        const empty = await open("none/attractors/report.html");
        assert.match(await empty.textContent("main"), /No pair of systems has been compared/);
        await hasNoComplaints(empty);

        repal(["run", "attractors", "--config", demo, "--results", "one", ...small, ...override({ "studies.attractors.experiments": "{lorenz: {classes: {one: [r5]}}}" })]);
        const one = await open("one/attractors/report.html");
        assert.match(await one.textContent("#experiment-lorenz"), /no two systems to compare/);
        for (const { id, marks } of await marksOf(one)) assert.ok(marks > 0, id);
        await hasNoComplaints(one);
        await shot(one.locator("main"), "one", "all");
    });

    test("comparisons that all failed", async () => {
        writeNpy("short.npy", { trials: 3, steps: 60 });
        writeNpy("long.npy", { trials: 5, steps: 60 });
        repal(["compare", "short.npy", "long.npy", "--metric", "cka,procrustes", "--report", "failed.html"], { code: 3 });

        const page = await open("failed.html");

        const failures = csvRows((await downloaded(page, "#failures-table", "CSV")).content.toString());
        assert.equal(failures.length, 2);
        for (const { status, cause } of failures) {
            assert.equal(status, "not_applicable");
            assert.match(cause, /trials/);
        }
        assert.match(await page.textContent("#failures"), /2 of 2 comparisons have no value/);
        await hasNoComplaints(page);
        await shot(page.locator("main"), "failed", "all");
    });
});

describe("a browser that cannot run the plotting library", () => {
    test("shows the drawings that stand in the page, and says so", async () => {
        const page = fs.readFileSync(path.join(folder, pageOf("attractors")), "utf8"), start = '<script type="text/plain" id="plotting-library">';
        assert.ok(page.includes(start));
        fs.writeFileSync(path.join(folder, "old.html"), page.replace(start, `${start} throw new Error("too old");`));

        const shown = await open("old.html");

        assert.deepEqual(shown.complaints, ["too old"]);
        assert.match(await shown.textContent(".notice"), /static drawings/);
        const marks = await shown.$$eval("figure.chart", (figures) => figures.map((figure) => figure.querySelectorAll(".plot svg path, .plot svg circle, .plot svg polyline").length));
        assert.ok(marks.length >= 8 && marks.every((n) => n > 3), `${marks}`);
        assert.deepEqual(await shown.$$("figure select"), []);
        assert.match((await downloaded(shown, "#experiment-lorenz-map", "SVG")).content.toString(), /^<svg/);
    });
});

describe("without the plotting library", () => {
    test("figures are drawings, and what needs no library works", async () => {
        fs.mkdirSync(path.join(folder, "alone/bin"), { recursive: true });
        const executable = path.join(folder, "alone/bin/repal");
        fs.copyFileSync(program, executable);
        repal(["report", "attractors"], { executable, env: { REPAL_PLUGIN_PATH: plugins } });

        const page = await open(pageOf("attractors"));

        assert.match(await page.textContent(".notice"), /static drawings/);
        const drawings = await page.$$eval("figure.chart", (figures) => figures.map((figure) => ({
            id: figure.id, marks: figure.querySelectorAll(".plot > div:not([hidden]) svg path, .plot > div:not([hidden]) svg circle, .plot > div:not([hidden]) svg polyline").length,
            shown: figure.querySelectorAll(".plot > div:not([hidden])").length })));
        for (const { id, marks, shown } of drawings) {
            assert.equal(shown, 1, id);
            assert.ok(marks > 3, id);
        }
        for (const section of await page.$$("section")) await shot(section, "static", await section.getAttribute("id"));
        const isHidden = () => page.$$eval("#trajectories-figure .plot > div", (elements) => elements.map((element) => element.hidden));
        assert.equal((await isHidden()).indexOf(false), 0);
        await page.selectOption("#trajectories-figure select", { index: 2 });
        assert.equal((await isHidden()).indexOf(false), 2);
        assert.equal(await page.$$eval("button", (buttons) => buttons.filter(({ textContent }) => textContent === "PNG").length), 0);
        const svg = (await downloaded(page, "#experiment-lorenz-map", "SVG")).content.toString();
        assert.equal(await page.evaluate((text) => new DOMParser().parseFromString(text, "image/svg+xml").querySelector("parsererror"), svg), null);
        assert.equal(csvRows((await downloaded(page, "#experiment-lorenz-map", "CSV")).content.toString()).length, 4 * 81);
        await hasNoComplaints(page);
    });
});
