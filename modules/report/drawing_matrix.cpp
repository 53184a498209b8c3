module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/eigen.hpp"
module repal.drawing;

import :frame;

namespace repal {
namespace {

using Colour = std::array<double, 3>;

/// Viridis, of 0 to 1.
Colour colour_at(double share) {
    constexpr std::array<std::uint32_t, 9> anchors = {0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                                      0x28ae80, 0x5ec962, 0xaddc30, 0xfde725};
    const double place = std::clamp(share, 0.0, 1.0) * (anchors.size() - 1);
    const std::size_t below = std::min(static_cast<std::size_t>(place), anchors.size() - 2);
    const double weight = place - static_cast<double>(below);
    Colour colour{};
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const std::size_t shift = 16 - 8 * channel;
        colour[channel] =
            (1 - weight) * (anchors[below] >> shift & 0xffU) + weight * (anchors[below + 1] >> shift & 0xffU);
    }
    return colour;
}

std::string hexadecimal(const Colour& colour) {
    std::string text = "#";
    for (const double channel : colour) text += fmt::format("{:02x}", std::lround(channel));
    return text;
}

/// Black or white, whichever has the higher contrast. Source: WCAG 2, the curve of sRGB taken as a power.
const char* text_colour_on(const Colour& colour) {
    constexpr Colour weights = {0.2126, 0.7152, 0.0722};
    double luminance = 0;
    for (std::size_t i = 0; i < 3; ++i) luminance += weights[i] * std::pow(colour[i] / 255, 2.2);
    return luminance > 0.179 ? "#000" : "#fff";
}

std::string two_digits(double value) {
    if (value == 0) return "0";
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
    if (exponent < -4 || exponent > 4) return fmt::format("{:.1e}", value);
    return fmt::format("{:.{}f}", value, std::max(0, 1 - exponent));
}

Size cell_of(const Frame& frame) {
    return {frame.x.scale(1) - frame.x.scale(0), frame.y.scale(1) - frame.y.scale(0)};
}

/// Means of blocks of `side` cells each way, of those cells that have values.
RowMatrix means_of_blocks(const RowMatrix& values, Eigen::Index side) {
    RowMatrix means((values.rows() + side - 1) / side, (values.cols() + side - 1) / side);
    for (Eigen::Index r = 0; r < means.rows(); ++r)
        for (Eigen::Index c = 0; c < means.cols(); ++c) {
            double sum = 0;
            Eigen::Index n = 0;
            const auto block = values.block(r * side, c * side, std::min(side, values.rows() - r * side),
                                            std::min(side, values.cols() - c * side));
            for (const double value : block.reshaped()) {
                if (!is_shown(value)) continue;
                sum += value;
                ++n;
            }
            means(r, c) = n > 0 ? sum / static_cast<double>(n) : nothing;
        }
    return means;
}

/// One path for the cells of a colour, with the cell as the unit: large matrices stay small files.
std::string unit_cells(const RowMatrix& values, const Size& cell, const Scale& colours) {
    const char* shape = std::min(cell.width, cell.height) < 12 ? "h1v1h-1z" : "h.96v.96h-.96z";
    std::map<std::string, std::string> paths;
    for (Eigen::Index r = 0; r < values.rows(); ++r)
        for (Eigen::Index c = 0; c < values.cols(); ++c) {
            const double value = values(r, c);
            paths[is_shown(value) ? hexadecimal(colour_at(colours.share(value))) : "#eee"] +=
                fmt::format("M{} {}{}", c, r, shape);
        }
    std::string all;
    for (const auto& [colour, path] : paths) all += fmt::format("<path fill=\"{}\" d=\"{}\"/>\n", colour, path);
    return fmt::format("<g transform=\"scale({:.4f} {:.4f})\" shape-rendering=\"crispEdges\">\n{}</g>\n", cell.width,
                       cell.height, all);
}

/// Cells that are smaller than a pixel are drawn as means of some.
std::string cells(const RowMatrix& values, const Frame& frame, const Scale& colours) {
    const Size cell = cell_of(frame);
    const double smallest = std::min(cell.width, cell.height);
    if (smallest >= 1) return unit_cells(values, cell, colours);
    const auto side = static_cast<Eigen::Index>(std::ceil(1 / smallest));
    const auto size = static_cast<double>(side);
    return unit_cells(means_of_blocks(values, side), {cell.width * size, cell.height * size}, colours);
}

std::string numbers(const RowMatrix& values, const Frame& frame, const Scale& colours) {
    constexpr Eigen::Index most = 12;
    if (values.rows() > most || values.cols() > most) return {};
    std::string all;
    for (Eigen::Index r = 0; r < values.rows(); ++r)
        for (Eigen::Index c = 0; c < values.cols(); ++c) {
            const double value = values(r, c);
            if (!is_shown(value)) continue;
            const std::string text = two_digits(value);
            const auto length = static_cast<double>(std::max<std::size_t>(4, text.size()));
            all += fmt::format("<text x=\"{}\" y=\"{}\" dy=\".35em\" font-size=\"{}\" fill=\"{}\">{}</text>\n",
                               px(frame.x.scale(static_cast<double>(c))), px(frame.y.scale(static_cast<double>(r))),
                               px(std::min(11.0, 1.45 * cell_of(frame).width / length)),
                               text_colour_on(colour_at(colours.share(value))), text);
        }
    return "<g text-anchor=\"middle\">\n" + all + "</g>\n";
}

/// The scale of colours for these matrices together, along a bar of this height.
Scale colours_of(std::span<const HeatMap::Matrix> matrices, double height) {
    Range range;
    for (const HeatMap::Matrix& matrix : matrices)
        for (const double value : matrix.values.reshaped()) range.add(value);
    range.low = std::min(0.0, range.low);
    if (range.high <= range.low) range.high = range.low + 1;
    return {range, height, 0};
}

std::string colour_bar(const Scale& colours, const std::string& unit, double height) {
    constexpr int stripes = 64;
    std::string body;  // of stripes that reach to the end, so that nothing is between them
    for (int i = 0; i < stripes; ++i)
        body += fmt::format("<rect y=\"{}\" width=\"12\" height=\"{}\" fill=\"{}\"/>\n", px(height * i / stripes),
                            px(height - height * i / stripes), hexadecimal(colour_at(1 - i / (stripes - 1.0))));
    body = "<g shape-rendering=\"crispEdges\">\n" + body + "</g>\n";
    double widest = 0;
    for (const auto& [value, text] : colours.ticks()) {
        body += fmt::format("<path d=\"M12 {}h4\" stroke=\"#222\"/>\n", px(colours(value)));
        body += label({19, colours(value) + 4}, text, {.anchor = "start"});
        widest = std::max(widest, width_of(text, text.size()));
    }
    return body + label({19 + widest + line_height, height / 2}, unit,
                        {.angle = -90, .most_characters = characters_in(height), .more = " font-size=\"12\""});
}

}  // namespace

Canvas drawn(const HeatMap& map) {
    constexpr std::array sides = {420.0, 340.0, 270.0};  // of 1, 2, 3 in a row
    constexpr double largest_cell = 60;
    constexpr double room_for_bar = 110;
    const std::size_t columns = std::clamp<std::size_t>(map.matrices.size(), 1, sides.size());
    const auto side = [&](const std::vector<std::string>& names) {
        return std::min(sides[columns - 1], largest_cell * static_cast<double>(std::max<std::size_t>(1, names.size())));
    };
    const Size size{side(map.columns), side(map.rows)};
    const Frame frame{size, lying({.title = "", .categories = map.columns}, {}, size.width),
                      standing({.title = "", .categories = map.rows}, {}, 0, size.height)};
    const double bar = std::max(180.0, size.height);
    const Scale common = colours_of(map.matrices, bar);
    const Size cell{size.width + room_beside, room_above + size.height + frame.room_below()};
    const double left = frame.room_left();
    const double right = left + cell.width * static_cast<double>(columns);
    const std::size_t n_rows = (map.matrices.size() + columns - 1) / columns;
    const auto rows = static_cast<double>(n_rows);
    Canvas canvas{map.has_one_scale ? moved({right + 8, room_above}, colour_bar(common, map.unit, bar)) : "",
                  {right + room_for_bar, std::max(cell.height * rows, room_above + bar + line_height)}};
    for (std::size_t i = 0; i < map.matrices.size(); ++i) {
        const auto& [title, values] = map.matrices[i];
        const std::size_t row = i / columns;
        const Point at{left + cell.width * static_cast<double>(i % columns),
                       room_above + cell.height * static_cast<double>(row)};
        const Scale colours = map.has_one_scale ? common : colours_of({&map.matrices[i], 1}, bar);
        canvas.body +=
            moved(at, title_of(frame, map.has_one_scale ? title
                                                        : fmt::format("{} ({:.3g} to {:.3g})", title,
                                                                      colours.range().low, colours.range().high)) +
                          cells(values, frame, colours) + numbers(values, frame, colours) + lying_axis(frame) +
                          (i % columns == 0 ? standing_axis(frame) : ""));
    }
    return canvas;
}

}  // namespace repal
