// Pages that the real program wrote, in a real browser.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";

const { chromium } = createRequire(process.env.REPAL_NODE_MODULES + "/")("playwright-core");
const source = process.env.REPAL_SOURCE, build = process.env.REPAL_BUILD;

export const folder = fs.mkdtempSync(path.join(os.tmpdir(), "repal-browser-"));
export const program = path.join(build, "bin", "repal");
export const plugins = path.join(build, "lib", "repal");
export const demo = path.join(source, "examples", "demo.yaml"), published = path.join(source, "config.yaml");
const artefacts = path.join(process.env.REPAL_ARTEFACTS);

/** Runs the program in the folder of the tests; what it must end with is `code`. */
export function repal(args, { code = 0, executable = program, env = {} } = {}) {
    const result = spawnSync(executable, args, { cwd: folder, encoding: "utf8", env: { ...process.env, ...env } });
    assert.equal(result.status, code, `${args.join(" ")}\n${result.stdout}${result.stderr}${result.error ?? ""}`);
    return result;
}

export const override = (values) => Object.entries(values).flatMap(([key, value]) => ["--set", `${key}=${value}`]);

/** A smooth array (trial, time, channel) as NumPy writes it. */
export function writeNpy(name, { trials = 4, steps = 60, channels = 4, speed = 1 } = {}) {
    const values = new Float64Array(trials * steps * channels);
    for (let k = 0; k < trials; ++k)
        for (let t = 0; t < steps; ++t)
            for (let c = 0; c < channels; ++c)
                values[(k * steps + t) * channels + c] = Math.sin(0.1 * speed * t * (1 + c / 3) + k + c) + 0.3 * Math.cos(0.37 * t * (c + 1));
    const head = `{'descr': '<f8', 'fortran_order': False, 'shape': (${trials}, ${steps}, ${channels}), }`;
    const text = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11) + "\n";
    const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8]);
    fs.writeFileSync(path.join(folder, name), Buffer.concat([prefix, Buffer.from(text), Buffer.from(values.buffer)]));
    return name;
}

let browser;
export async function openBrowser() {
    browser = await chromium.launch({ executablePath: process.env.REPAL_CHROMIUM, args: ["--no-sandbox", "--enable-unsafe-swiftshader"] });
}
export async function closeBrowser() {
    await browser?.close();
    fs.rmSync(folder, { recursive: true, force: true });
}

/** The page when all of its figures are drawn. `page.complaints` are errors of the page and requests that leave it. */
export async function open(file, { width = 1300, height = 900 } = {}) {
    const url = "file://" + encodeURI(path.resolve(folder, file)).replace(/[?#]/g, encodeURIComponent);
    const context = await browser.newContext({ viewport: { width, height }, acceptDownloads: true, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.complaints = [];
    page.on("console", (message) => { if (message.type() === "error") page.complaints.push(message.text()); });
    page.on("pageerror", (error) => page.complaints.push(error.message));
    page.on("request", (request) => { if (request.url() !== url && !/^(data|blob):/.test(request.url())) page.complaints.push(request.url()); });
    await page.addInitScript(() => {
        new MutationObserver(() => { if (!window.firstDrawn && document.querySelector("figure[data-drawn]")) window.firstDrawn = performance.now(); })
            .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
        // A frame that begins with a figure in the page shows it; when it is over, the next one begins.
        let isInPage = false;
        const look = () => {
            if (isInPage) window.firstShown = performance.now();
            else { isInPage = document.querySelector("figure.chart .plot svg") !== null; requestAnimationFrame(look); }
        };
        requestAnimationFrame(look);
    });
    await page.goto(url);
    await page.waitForSelector("body[data-drawn=yes]", { timeout: 60000 });
    return page;
}

/** The pixels of a PNG of 8 bits and three or four channels. Source: PNG specification, sections 9 and 11. */
export function pixelsOf(png) {
    let width, height, channels;
    const parts = [];
    for (let at = 8; at < png.length;) {
        const length = png.readUInt32BE(at), type = png.toString("latin1", at + 4, at + 8), data = png.subarray(at + 8, at + 8 + length);
        if (type === "IHDR") [width, height, channels] = [data.readUInt32BE(0), data.readUInt32BE(4), data[9] === 6 ? 4 : 3];
        if (type === "IDAT") parts.push(data);
        at += length + 12;
    }
    const raw = zlib.inflateSync(Buffer.concat(parts)), stride = width * channels, rows = Buffer.alloc(stride * height);
    for (let y = 0; y < height; ++y) {
        const filter = raw[y * (stride + 1)];
        for (let x = 0; x < stride; ++x) {
            const left = x >= channels ? rows[y * stride + x - channels] : 0, up = y > 0 ? rows[(y - 1) * stride + x] : 0;
            const corner = x >= channels && y > 0 ? rows[(y - 1) * stride + x - channels] : 0;
            const p = left + up - corner, [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
            const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
            rows[y * stride + x] = raw[y * (stride + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth][filter];
        }
    }
    return { width, height, channels, rows };
}

/** How many colours a screenshot has; one that shows nothing has one or two. */
export function coloursOf(png) {
    const { channels, rows } = pixelsOf(png), seen = new Set();
    for (let i = 0; i < rows.length; i += channels) seen.add((rows[i] << 16) | (rows[i + 1] << 8) | rows[i + 2]);
    return seen.size;
}

/** A screenshot that is kept. */
export async function shot(element, ...names) {
    const file = path.join(artefacts, ...names) + ".png";
    fs.mkdirSync(path.dirname(file), { recursive: true });
    return element.screenshot({ path: file });
}

/** What a button makes the browser save. */
export async function downloaded(page, figure, label) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`${figure} button:text-is("${label}")`)]);
    return { name: download.suggestedFilename(), content: fs.readFileSync(await download.path()) };
}

/** Rows of a CSV file as objects. */
export function csvRows(text) {
    const rows = [[]];
    for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)/g)) {
        rows.at(-1).push(quoted !== undefined ? quoted.replace(/""/g, '"') : plain);
        if (end === "\n") rows.push([]);
        if (end === "") break;
    }
    const [head, ...body] = rows;
    return body.filter((row) => row.length === head.length).map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
}
