module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.drawing;

import :frame;

namespace repal {
namespace {

constexpr char ink[] = "#222";
constexpr double letter = 6.2;  // mean width of one, at 11 px
constexpr std::size_t tick_characters = 22;
constexpr double slope = 0.71;  // of tilted texts: both sine and cosine

/// Bytes of the character that a text begins with; 0 if they are no UTF-8, or a character that XML may not hold.
std::size_t length_of_first(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    if (length > text.size() || (byte(0) >= 0x80 && byte(0) < 0xc0) || byte(0) > 0xf4) return 0;
    std::uint32_t code = length == 1 ? byte(0) : byte(0) & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        code = code << 6U | (byte(i) & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_space = code == '\t' || code == '\n' || code == '\r';
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    const bool is_beyond = code == 0xfffe || code == 0xffff || code > 0x10ffff;
    return (code >= 0x20 || is_space) && code >= least[length] && !is_surrogate && !is_beyond ? length : 0;
}

/// With room at its ends, so that it has a length in any case.
Range roomy(Range range, bool starts_at_zero) {
    if (starts_at_zero) range.add(0);
    if (range.low > range.high) return {0, 1};
    const double span = range.high - range.low;
    const double largest = std::max(std::abs(range.low), std::abs(range.high));
    // So near to each other, numbers differ by their rounding.
    const bool is_one_value = span <= std::max(1e-9 * largest, 1e-300);
    const double room = !is_one_value ? 0.04 * span : largest > 1e-300 ? 0.1 * largest : 0.5;
    const bool is_above_zero = starts_at_zero && range.low == 0;
    const bool is_below_zero = starts_at_zero && range.high == 0 && !is_above_zero;
    return {is_above_zero ? 0 : range.low - room, is_below_zero ? 0 : range.high + room};
}

/// The ruler of an axis. Of many categories only every n-th has a tick, so that texts are `pitch` pixels apart or more.
Ruler ruler_of(const Axis& axis, Range range, const std::pair<double, double>& ends, double pitch) {
    const std::size_t n = axis.categories.size();
    if (n == 0) range = roomy(range, axis.starts_at_zero);
    for (std::size_t i = 0; i < n; ++i)
        for (const double side : {-0.5, 0.5}) range.add(static_cast<double>(i) + side);
    const Scale scale(range, ends.first, ends.second);
    Ruler ruler{.title = axis.title, .scale = scale, .ticks = {}, .has_grid = n == 0};
    const double step = std::abs(scale(1) - scale(0));
    const auto every = static_cast<std::size_t>(std::ceil(std::clamp(pitch / step, 1.0, 1.0 + static_cast<double>(n))));
    if (n == 0) ruler.ticks = scale.ticks();
    for (std::size_t i = 0; i < n; i += every) ruler.ticks.push_back({static_cast<double>(i), axis.categories[i]});
    for (const Tick& tick : ruler.ticks) ruler.widest = std::max(ruler.widest, width_of(tick.text, tick_characters));
    ruler.is_tilted = n > 0 && ruler.widest + letter > step * static_cast<double>(every);
    return ruler;
}

std::string stroke(const std::string& path, const char* colour) {
    return path.empty() ? path : fmt::format("<path d=\"{}\" stroke=\"{}\" fill=\"none\"/>\n", path, colour);
}

std::string sample(const Entry& entry) {
    switch (entry.look) {
        case Entry::Look::dot:
            return fmt::format("<circle cx=\"11\" cy=\"-4\" r=\"3.5\" fill=\"{}\"/>\n", entry.colour);
        case Entry::Look::area:
            return fmt::format(
                "<rect x=\"3\" y=\"-10\" width=\"16\" height=\"12\" fill=\"{}\" fill-opacity=\"0.35\"/>\n",
                entry.colour);
        case Entry::Look::line:
        case Entry::Look::dashes:
            break;
    }
    return fmt::format("<path d=\"M0 -4H22\" stroke-width=\"2\" stroke=\"{}\"{}/>\n", entry.colour,
                       entry.look == Entry::Look::dashes ? " stroke-dasharray=\"6 4\"" : "");
}

}  // namespace

std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> all;
    while (!text.empty()) {
        const std::size_t length = length_of_first(text);
        if (length > 0)
            all.push_back(text.substr(0, length));
        else if (static_cast<unsigned char>(text.front()) >= 0x80)
            all.emplace_back("\xef\xbf\xbd");
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return all;
}

double width_of(std::string_view text, std::size_t most_characters) {
    return letter * static_cast<double>(std::min(characters(text).size(), most_characters));
}

std::size_t characters_in(double width) {
    return static_cast<std::size_t>(std::max(1.0, width / letter));
}

std::string px(double value) {
    std::string text = fmt::format("{:.1f}", value);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text == "-0" ? "0" : text;
}

std::string label(Point at, const std::string& text, const TextStyle& style) {
    if (text.empty()) return {};
    std::string shown = escaped(text);
    const std::vector<std::string_view> all = characters(text);
    if (all.size() > style.most_characters) {
        shown = "<title>" + shown + "</title>";
        for (std::size_t i = 0; i + 1 < style.most_characters; ++i) shown += escaped(std::string(all[i]));
        shown += "…";
    }
    const std::string turn =
        style.angle == 0 ? "" : fmt::format(" transform=\"rotate({} {} {})\"", px(style.angle), px(at.x), px(at.y));
    return fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"{}{}>{}</text>\n", px(at.x), px(at.y), style.anchor,
                       turn, style.more, shown);
}

std::string moved(Point to, const std::string& body) {
    return fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n", px(to.x), px(to.y), body);
}

void Range::add(double value) {
    if (!is_shown(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
}

std::vector<Tick> Scale::ticks() const {
    const auto first = [&](double step) { return std::ceil(range_.low / step - 1e-6); };
    const auto last = [&](double step) { return std::floor(range_.high / step + 1e-6); };
    const double unit = std::pow(10.0, std::floor(std::log10((range_.high - range_.low) / 5)));
    const double step = std::ranges::min(std::array{10 * unit, 5 * unit, 2 * unit, unit}, {},
                                         [&](double width) { return std::abs(last(width) - first(width) + 1 - 5); });
    const double largest = std::max(std::abs(range_.low), std::abs(range_.high));
    const bool is_plain = largest < 1e6 && step > 5e-5;
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    const int digits = 2 + static_cast<int>(std::log10(largest / step));
    std::vector<Tick> ticks;
    const int n_ticks = static_cast<int>(last(step) - first(step)) + 1;
    for (int i = 0; i < n_ticks; ++i) {
        const double value = (first(step) + i) * step + 0.0;  // no -0
        ticks.push_back(
            {value, is_plain ? fmt::format("{:.{}f}", value, decimals) : fmt::format("{:.{}g}", value, digits)});
    }
    return ticks;
}

Ruler lying(const Axis& axis, Range range, double width) {
    return ruler_of(axis, range, {0, width}, 18);
}

Ruler standing(const Axis& axis, Range range, double top, double bottom) {
    return ruler_of(axis, range, {top, bottom}, 13);
}

double Frame::room_left() const {
    const double beside = y.widest + (y.title.empty() ? 12 : 12 + line_height);
    return std::max(beside, x.is_tilted ? slope * x.widest : 0);
}

double Frame::room_below() const {
    return (x.is_tilted ? 18 + slope * x.widest : 22) + (x.title.empty() ? 4 : 4 + line_height);
}

std::string grid_of(const Frame& frame) {
    std::string lines;
    if (frame.x.has_grid)
        for (const Tick& tick : frame.x.ticks)
            lines += fmt::format("M{} 0V{}", px(frame.x.scale(tick.at)), px(frame.size.height));
    if (frame.y.has_grid)
        for (const Tick& tick : frame.y.ticks)
            lines += fmt::format("M0 {}H{}", px(frame.y.scale(tick.at)), px(frame.size.width));
    return stroke(lines, "#e3e3e3");
}

std::string lying_axis(const Frame& frame) {
    const auto& [width, height] = frame.size;
    std::string lines = fmt::format("M0 {}H{}", px(height), px(width));
    std::string texts;
    for (const auto& [value, text] : frame.x.ticks) {
        const double x = frame.x.scale(value);
        lines += fmt::format("M{} {}v4", px(x), px(height));
        texts += frame.x.is_tilted ? label({x + 3, height + 13}, text,
                                           {.anchor = "end", .angle = -45, .most_characters = tick_characters})
                                   : label({x, height + line_height}, text, {.most_characters = tick_characters});
    }
    texts += label({width / 2, height + frame.room_below() - 6}, frame.x.title,
                   {.most_characters = characters_in(width), .more = " font-size=\"12\""});
    return stroke(lines, ink) + texts;
}

std::string standing_axis(const Frame& frame) {
    const auto& [width, height] = frame.size;
    std::string lines = fmt::format("M0 0V{}", px(height));
    std::string texts;
    for (const auto& [value, text] : frame.y.ticks) {
        const double y = frame.y.scale(value);
        lines += fmt::format("M0 {}h-4", px(y));
        texts += label({-7, y + 4}, text, {.anchor = "end", .most_characters = tick_characters});
    }
    texts += label({-frame.y.widest - line_height, height / 2}, frame.y.title,
                   {.angle = -90, .most_characters = characters_in(height), .more = " font-size=\"12\""});
    return stroke(lines, ink) + texts;
}

std::vector<std::string> lines_of(const std::string& title) {
    std::vector<std::string> lines;
    std::istringstream text(title);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

std::string title_of(const Frame& frame, const std::string& title) {
    const std::vector<std::string> lines = lines_of(title);
    std::string drawing;
    for (std::size_t i = 0; i < lines.size(); ++i)
        drawing += label({0, -8 - line_height * static_cast<double>(lines.size() - 1 - i)}, lines[i],
                         {.anchor = "start",
                          .most_characters = characters_in(0.87 * frame.size.width),  // bold ones are wider
                          .more = i == 0 ? " font-size=\"12\" font-weight=\"bold\"" : ""});
    return drawing;
}

void add(std::vector<Entry>& legend, Entry entry) {
    const bool is_known = std::ranges::any_of(
        legend, [&](const Entry& other) { return other.name == entry.name && other.colour == entry.colour; });
    if (!entry.name.empty() && !is_known) legend.push_back(std::move(entry));
}

Canvas with_legend(Canvas canvas, const std::vector<Entry>& legend) {
    constexpr double margin = 12;
    const std::size_t most = characters_in(canvas.size.width - 60);
    Point at{margin, canvas.size.height + line_height};
    for (const Entry& entry : legend) {
        const double width = 50 + width_of(entry.name, most);
        if (at.x > margin && at.x + width > canvas.size.width) at = {margin, at.y + 1.2 * line_height};
        canvas.body +=
            moved(at, sample(entry) + label({28, 0}, entry.name, {.anchor = "start", .most_characters = most}));
        at.x += width;
    }
    if (!legend.empty()) canvas.size.height = at.y + 10;
    return canvas;
}

}  // namespace repal
