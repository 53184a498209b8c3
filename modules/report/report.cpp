module;
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.report;

import repal.drawing;
import repal.file;
import repal.template_text;

namespace repal {
namespace {

using Json = nlohmann::ordered_json;

// Our own part of the page, compiled in; #embed is C++26, which clang has had since version 19.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr char page_template[] = {
#embed "page.html" suffix(, 0)
};
constexpr char page_style[] = {
#embed "page.css" suffix(, 0)
};
constexpr char page_script[] = {
#embed "page.js" suffix(, 0)
};
#pragma clang diagnostic pop

/// Rows of a table that are shown; a browser needs seconds to lay out many thousands.
constexpr std::size_t shown_rows = 500;

/// As much of a number as a figure can show: the page is half the size of one with all digits.
Json number(double value) {
    if (!std::isfinite(value)) return nullptr;
    constexpr int digits = 6;
    return std::stod(fmt::format("{:.{}g}", value, digits));
}

Json numbers(const std::vector<double>& values) {
    Json list = Json::array();
    for (const double value : values) list.push_back(number(value));
    return list;
}

Json rows_of(const RowMatrix& matrix) {
    Json rows = Json::array();
    for (Eigen::Index r = 0; r < matrix.rows(); ++r) {
        Json row = Json::array();
        for (Eigen::Index c = 0; c < matrix.cols(); ++c) row.push_back(number(matrix(r, c)));
        rows.push_back(std::move(row));
    }
    return rows;
}

Json to_json(const Axis& axis) {
    return {{"title", axis.title}, {"categories", axis.categories}, {"starts_at_zero", axis.starts_at_zero}};
}

Json to_json(const Series& series) {
    constexpr const char* marks[] = {"line", "points", "violin"};
    return {{"name", series.name},
            {"mark", marks[static_cast<std::size_t>(series.mark)]},
            {"colour", colour_of(series.colour)},
            {"x", numbers(series.x)},
            {"y", numbers(series.y)},
            {"low", numbers(series.low)},
            {"high", numbers(series.high)},
            {"labels", series.labels},
            {"is_dashed", series.is_dashed}};
}

Json to_json(const Band& band) {
    return {{"name", band.name},
            {"low", number(band.low)},
            {"high", number(band.high)},
            {"is_of_x", band.is_of_x},
            {"colour", colour_of(band.colour)}};
}

Json to_json(const PanelChart& chart) {
    Json panels = Json::array();
    for (const Panel& panel : chart.panels) {
        Json entry = {{"title", panel.title}, {"x", to_json(panel.x)}, {"y", to_json(panel.y)}};
        entry["series"] = Json::array();
        for (const Series& series : panel.series) entry["series"].push_back(to_json(series));
        entry["bands"] = Json::array();
        for (const Band& band : panel.bands) entry["bands"].push_back(to_json(band));
        panels.push_back(std::move(entry));
    }
    return {{"kind", "panels"}, {"columns", chart.columns}, {"panels", std::move(panels)}};
}

Json to_json(const HeatMap& map) {
    Json matrices = Json::array();
    for (const HeatMap::Matrix& matrix : map.matrices)
        matrices.push_back({{"title", matrix.title}, {"values", rows_of(matrix.values)}});
    return {{"kind", "matrices"},
            {"unit", map.unit},
            {"rows", map.rows},
            {"columns", map.columns},
            {"matrices", std::move(matrices)},
            {"has_one_scale", map.has_one_scale}};
}

Json to_json(const PathChart& chart) {
    Json paths = Json::array();
    for (const PathChart::Path& path : chart.paths)
        paths.push_back({{"name", path.name},
                         {"colour", colour_of(path.colour)},
                         {"is_mean", path.is_mean},
                         {"points", rows_of(path.points)}});
    return {{"kind", "paths"}, {"axes", chart.axes}, {"paths", std::move(paths)}};
}

Json to_json(const Figure& figure) {
    Json variants = Json::array();
    for (const auto& [name, chart] : figure.variants) {
        Json shown = std::visit([](const auto& one) { return to_json(one); }, chart);
        // Matrices that the first variant has, too, are there once: of hundreds of systems they are most of a page.
        if (!variants.empty() && shown.contains("matrices") &&
            shown["matrices"] == variants.front()["chart"].value("matrices", Json()))
            shown["matrices"] = "first variant";
        variants.push_back({{"name", name}, {"chart", std::move(shown)}});
    }
    return {{"choice", figure.choice}, {"variants", std::move(variants)}};
}

/// As an element of the page. "<" could end the element, and only stands in texts, where JSON has another way to say
/// it.
std::string data_element(const Json& json) {
    // Names of users may be no valid UTF-8.
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string safe;
    safe.reserve(text.size());
    for (const char character : text)
        if (character == '<')
            safe += "\\u003c";
        else
            safe += character;
    return "<script type=\"application/json\">" + safe + "</script>\n";
}

std::string heading(const std::string& id, const std::string& title) {
    return fmt::format(
        "<div class=\"head\"><h3><a href=\"#{0}\">{1}</a></h3><div class=\"buttons\"></div></div>\n"
        "<div class=\"choices\"></div>\n",
        id, escaped(title));
}

std::string element(const Figure& figure, bool is_static) {
    // The first is seen at once, while the plotting library gets ready.
    const std::size_t n = is_static ? figure.variants.size() : std::min<std::size_t>(1, figure.variants.size());
    std::string drawings;
    for (std::size_t i = 0; i < n; ++i)
        drawings += fmt::format("<div{}>{}</div>\n", i == 0 ? "" : " hidden", svg(figure.variants[i].chart));
    return fmt::format(
        "<figure class=\"chart\" id=\"{}\">\n{}<div class=\"plot\" role=\"img\" aria-label=\"{}\">{}</div>\n"
        "<figcaption>{}</figcaption>\n{}</figure>\n",
        figure.id, heading(figure.id, figure.title), escaped(figure.title), drawings, escaped(figure.caption),
        data_element(to_json(figure)));
}

bool is_number(const std::string& text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc() && end == text.data() + text.size();
}

/// A reader needs three digits of a measured number; whole numbers and names stay.
std::string readable(const std::string& text) {
    const bool is_measured = is_number(text) && text.find_first_of(".e") != std::string::npos;
    return is_measured ? fmt::format("{:.3g}", std::stod(text)) : escaped(text);
}

/// Whether a column holds numbers alone, and so is set flush right.
bool is_numeric(const Table& rows, std::size_t column) {
    bool has_number = false;
    for (std::size_t r = 1; r < rows.size(); ++r) {
        if (column >= rows[r].size() || rows[r][column].empty()) continue;
        if (!is_number(rows[r][column])) return false;
        has_number = true;
    }
    return has_number;
}

/// Characters of a cell that is set wide.
constexpr std::size_t long_text = 40;

/// The first rows, or that there are none.
std::string shown(const TableFigure& table) {
    if (table.rows.size() <= 1) return "<p>None.</p>\n";
    std::vector<bool> columns;
    for (std::size_t c = 0; c < table.rows.front().size(); ++c) columns.push_back(is_numeric(table.rows, c));
    std::string rows;
    for (std::size_t r = 0; r < std::min(table.rows.size(), shown_rows + 1); ++r) {
        const char* cell = r == 0 ? "th" : "td";
        rows += "<tr>";
        for (std::size_t c = 0; c < std::min(table.rows[r].size(), columns.size()); ++c)
            rows += fmt::format("<{0}{1}>{2}</{0}>", cell,
                                columns[c]                            ? " class=\"number\""
                                : table.rows[r][c].size() > long_text ? " class=\"long\""
                                                                      : "",
                                readable(table.rows[r][c]));
        rows += "</tr>\n";
        if (r == 0) rows = fmt::format("<thead>\n{}</thead>\n<tbody>\n", rows);
    }
    return fmt::format(
        "<div class=\"rows\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table>\n{}</tbody>\n</table></div>\n",
        escaped(table.title), rows);
}

std::string element(const TableFigure& table, bool /*is_static*/) {
    const std::size_t n = table.rows.empty() ? 0 : table.rows.size() - 1;
    const std::string rest =
        n > shown_rows ? fmt::format(" The first {} of {} rows; the button CSV gives all.", shown_rows, n) : "";
    return fmt::format("<figure class=\"table\" id=\"{}\">\n{}{}<figcaption>{}{}</figcaption>\n{}</figure>\n", table.id,
                       heading(table.id, table.title), shown(table), escaped(table.caption), rest,
                       data_element(table.rows));
}

std::string element(const Section& section, bool is_static) {
    std::string text =
        fmt::format("<section id=\"{0}\">\n<h2><a href=\"#{0}\">{1}</a></h2>\n", section.id, escaped(section.title));
    std::istringstream lines(section.text);
    for (std::string line; std::getline(lines, line);) text += fmt::format("<p>{}</p>\n", escaped(line));
    for (const auto& figure : section.figures)
        text += std::visit([&](const auto& shown) { return element(shown, is_static); }, figure);
    return text + "</section>\n";
}

std::string contents(const Report& report) {
    std::string list;
    for (const Section& section : report.sections) {
        list += fmt::format("<li><a href=\"#{}\">{}</a>", section.id, escaped(section.title));
        std::string inner;
        for (const auto& figure : section.figures)
            std::visit(
                [&](const auto& shown) {
                    inner += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", shown.id, escaped(shown.title));
                },
                figure);
        list += inner.empty() ? "</li>\n" : "\n<ol>\n" + inner + "</ol></li>\n";
    }
    return list;
}

std::string header(const Report& report, bool is_static) {
    std::string text = fmt::format("<p>{}</p>\n", escaped(report.summary));
    if (is_static)
        text +=
            "<p class=\"notice\">The plotting library was not there when this page was written, so that its figures "
            "are "
            "static drawings. docs/building.md says how to get it; then write the page again.</p>\n";
    text += "<details><summary>How this page was made, and how to make it again</summary>\n<dl class=\"provenance\">\n";
    for (const auto& [name, value] : report.provenance)
        text += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value));
    text += "</dl>\n";
    text += fmt::format("<p class=\"reproduce\">How to reproduce:</p>\n<pre>{}</pre>\n", escaped(report.reproduce));
    if (!report.configuration.empty())
        text += fmt::format("<details><summary>The whole configuration</summary>\n<pre>{}</pre></details>\n",
                            escaped(report.configuration));
    return text + "</details>\n";
}

/// A script that stands in a page: in strings, regular expressions and comments "<\\/script" is the same as what would
/// end it there.
std::string inlined(std::string script) {
    constexpr std::string_view end = "</script";
    const auto is_same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    for (auto found = script.begin();; ++found) {
        found = std::search(found, script.end(), end.begin(), end.end(), is_same);
        if (found == script.end()) return script;
        found = script.insert(found + 1, '\\');
    }
}

std::string footer(const std::filesystem::path& library) {
    std::string text = "<p>Written by repal " REPAL_VERSION ". This page is one file; it asks no other machine.</p>\n";
    const std::filesystem::path licence = library.parent_path() / "plotly.LICENSE";
    if (!library.empty() && std::filesystem::is_regular_file(licence))
        text += fmt::format(
            "<details><summary>Licence of the plotting library, plotly.js</summary><pre>{}</pre></details>\n",
            escaped(read_file(licence)));
    return text;
}

}  // namespace

std::filesystem::path plotting_library() {
    const std::filesystem::path file = installation() / "share/repal/plotly.min.js";
    return std::filesystem::is_regular_file(file) ? file : std::filesystem::path();
}

std::string html(const Report& report, const std::filesystem::path& library) {
    const bool is_static = library.empty();
    std::string sections;
    for (const Section& section : report.sections) sections += element(section, is_static);
    return filled(page_template, {{"title", escaped(report.title)},
                                  {"style", page_style},
                                  {"contents", contents(report)},
                                  {"header", header(report, is_static)},
                                  {"sections", sections},
                                  {"footer", footer(library)},
                                  {"library", is_static ? ""
                                                        : "<script type=\"text/plain\" id=\"plotting-library\">\n" +
                                                              inlined(read_file(library)) + "\n</script>"},
                                  {"script", inlined(page_script)}});
}

}  // namespace repal
