module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.drawing;

import :frame;

namespace repal {
namespace {

/// Where violins stand: those of one position and different names side by side.
class Lanes {
 public:
    Lanes(const Panel& panel, const Scale& x) : scale_(x) {
        for (const Series& series : panel.series)
            for (const double position : series.x) {
                if (series.mark != Mark::violin || !is_shown(position)) continue;
                std::vector<std::string>& names = names_[position];
                if (std::ranges::find(names, series.name) == names.end()) names.push_back(series.name);
            }
        const auto keep_within = [&](double step) { room_ = std::min(room_, 0.8 * step); };
        if (!panel.x.categories.empty()) keep_within(x(1) - x(0));
        for (auto next = names_.begin(); next != names_.end(); ++next)
            if (next != names_.begin()) keep_within(x(next->first) - x(std::prev(next)->first));
    }

    double width(double position) const { return room_ / static_cast<double>(names_.at(position).size()); }

    double centre(const Series& series, double position) const {
        if (series.mark != Mark::violin || !is_shown(position)) return scale_(position);
        const std::vector<std::string>& names = names_.at(position);
        const auto lane = static_cast<double>(std::ranges::find(names, series.name) - names.begin());
        return scale_(position) + (lane + 0.5) * width(position) - room_ / 2;
    }

 private:
    Scale scale_;
    std::map<double, std::vector<std::string>> names_;
    double room_ = 80;  ///< of one position
};

bool is_there(const Point& point) {
    return std::isfinite(point.x) && std::isfinite(point.y);
}

std::string dots(const Series& series, std::span<const Point> points) {
    constexpr std::size_t most_labels = 300;
    constexpr std::size_t many = 200;
    const bool has_labels = !series.labels.empty() && points.size() <= most_labels;
    const char* opacity = points.size() > many ? "0.4" : series.mark == Mark::violin ? "0.6" : "1";
    std::string all;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (!is_there(points[i])) continue;
        all += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"2.5\"", px(points[i].x), px(points[i].y));
        all += has_labels ? "><title>" + escaped(series.labels[i]) + "</title></circle>\n" : "/>\n";
    }
    return fmt::format("<g fill=\"{}\" fill-opacity=\"{}\">\n{}</g>\n", colour_of(series.colour), opacity, all);
}

/// With a gap where a point is not there; one between two gaps is a dot, the round end of a line of no length.
std::string lines(std::span<const Point> points, const std::string& colour, std::string_view attributes) {
    std::string all;
    for (auto begin = points.begin(); begin != points.end();) {
        const auto end = std::find_if_not(begin, points.end(), is_there);
        if (begin != end) {
            std::string run;
            for (auto point = begin; point != end; ++point) run += fmt::format("{},{} ", px(point->x), px(point->y));
            if (end - begin == 1) run += run;
            run.pop_back();
            all += fmt::format("<polyline points=\"{}\"/>\n", run);
        }
        begin = std::find_if(end, points.end(), is_there);
    }
    return fmt::format("<g fill=\"none\" stroke=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{}>\n{}</g>\n",
                       colour, attributes, all);
}

std::string whiskers(const Series& series, const Frame& frame, const Lanes& lanes) {
    std::string path;
    for (std::size_t i = 0; i < series.low.size(); ++i) {
        const double x = lanes.centre(series, series.x[i]);
        const double low = frame.y.scale(series.low[i]);
        const double high = frame.y.scale(series.high[i]);
        if (!is_there({x, low}) || !is_there({x, high})) continue;
        path += fmt::format("M{0} {1}V{2}M{3} {1}h6M{3} {2}h6", px(x), px(low), px(high), px(x - 3));
    }
    if (path.empty()) return {};
    return fmt::format("<path d=\"{}\" stroke=\"{}\" fill=\"none\"/>\n", path, colour_of(series.colour));
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string violins(const Series& series, const Frame& frame, const Lanes& lanes) {
    std::vector<Point> points;
    std::map<double, std::vector<double>> values;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
        const double position = series.x[i];
        // Multiples of the golden ratio fill an interval evenly, however many they are.
        const double jitter = std::fmod(0.618034 * static_cast<double>(i), 1) - 0.5;
        const double shift = is_shown(position) ? 0.7 * jitter * lanes.width(position) : 0;
        points.push_back({lanes.centre(series, position) + shift, frame.y.scale(series.y[i])});
        if (is_there(points.back())) values[position].push_back(series.y[i]);
    }
    std::string medians;
    for (const auto& [position, some] : values) {
        const double width = 0.9 * lanes.width(position);
        medians += fmt::format("M{} {}h{}", px(lanes.centre(series, position) - width / 2),
                               px(frame.y.scale(median(some))), px(width));
    }
    if (medians.empty()) return {};
    return dots(series, points) +
           fmt::format("<path d=\"{}\" stroke=\"{}\" stroke-width=\"3\"/>\n", medians, colour_of(series.colour));
}

std::vector<Point> points_of(const Series& series, const Frame& frame) {
    std::vector<Point> points;
    for (std::size_t i = 0; i < series.x.size(); ++i)
        points.push_back({frame.x.scale(series.x[i]), frame.y.scale(series.y[i])});
    return points;
}

std::string marks(const Series& series, const Frame& frame, const Lanes& lanes) {
    constexpr std::size_t few = 40;
    const std::string ends = whiskers(series, frame, lanes);
    if (series.mark == Mark::violin) return violins(series, frame, lanes) + ends;
    const std::vector<Point> points = points_of(series, frame);
    if (series.mark == Mark::points) return ends + dots(series, points);
    const char* dashes = series.is_dashed ? " stroke-width=\"2\" stroke-dasharray=\"6 4\"" : " stroke-width=\"2\"";
    return ends + lines(points, colour_of(series.colour), dashes) + (points.size() <= few ? dots(series, points) : "");
}

std::string area(const Band& band, const Frame& frame) {
    if (!is_shown(band.low) || !is_shown(band.high)) return {};
    const Scale& scale = band.is_of_x ? frame.x.scale : frame.y.scale;
    const auto [begin, end] = std::minmax({scale(band.low), scale(band.high)});
    constexpr double least = 2;
    const bool is_line = end - begin < least;
    const double length = std::max(least, end - begin);
    const Point at = band.is_of_x ? Point{begin, 0} : Point{0, begin};
    const Size size = band.is_of_x ? Size{length, frame.size.height} : Size{frame.size.width, length};
    return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" fill-opacity=\"{}\"/>\n",
                       px(at.x), px(at.y), px(size.width), px(size.height), colour_of(band.colour),
                       is_line ? "0.6" : "0.18");
}

Frame frame_of(const Panel& panel, Size size) {
    Range xs;
    Range ys;
    for (const Series& series : panel.series) {
        for (const double x : series.x) xs.add(x);
        for (const auto* values : {&series.y, &series.low, &series.high})
            for (const double y : *values) ys.add(y);
    }
    for (const Band& band : panel.bands)
        for (const double end : {band.low, band.high}) (band.is_of_x ? xs : ys).add(end);
    return {size, lying(panel.x, xs, size.width), standing(panel.y, ys, size.height, 0)};
}

std::string drawn(const Panel& panel, const Frame& frame) {
    const Lanes lanes(panel, frame.x.scale);
    std::string body = title_of(frame, panel.title);
    for (const Band& band : panel.bands) body += area(band, frame);
    body += grid_of(frame) + lying_axis(frame) + standing_axis(frame);
    for (const Series& series : panel.series) body += marks(series, frame, lanes);
    return body;
}

std::vector<Entry> legend_of(std::span<const Panel> panels) {
    using enum Entry::Look;
    std::vector<Entry> legend;
    for (const Panel& panel : panels)
        for (const Series& series : panel.series)
            add(legend, {series.name, colour_of(series.colour),
                         series.mark != Mark::line ? dot
                         : series.is_dashed        ? dashes
                                                   : line});
    for (const Panel& panel : panels)
        for (const Band& band : panel.bands) add(legend, {band.name, colour_of(band.colour), area});
    return legend;
}

/// With paths as series: of two channels, or of one against the time step.
Panel panel_of(const PathChart& chart) {
    const bool is_plane = chart.axes.size() > 1;
    Panel panel{.title = "", .x = {.title = "step"}, .y = {.title = ""}};
    if (is_plane) panel.x.title = chart.axes[0];
    if (!chart.axes.empty()) panel.y.title = chart.axes[is_plane ? 1 : 0];
    for (const PathChart::Path& path : chart.paths) {
        Series series{.name = path.name, .mark = Mark::line, .colour = path.colour, .x = {}, .y = {}};
        const Eigen::Index steps = path.points.cols() > (is_plane ? 1 : 0) ? path.points.rows() : 0;
        for (Eigen::Index t = 0; t < steps; ++t) {
            series.x.push_back(is_plane ? path.points(t, 0) : static_cast<double>(t + 1));
            series.y.push_back(path.points(t, is_plane ? 1 : 0));
        }
        panel.series.push_back(std::move(series));
    }
    return panel;
}

}  // namespace

Canvas drawn(const PanelChart& chart) {
    const std::size_t n = std::max<std::size_t>(1, chart.panels.size());
    const std::size_t columns = std::clamp<std::size_t>(chart.columns, 1, n);
    const Size size{columns == 1 ? 640.0 : 300.0, 240};
    double left = 0;
    double above = room_above;
    double below = 0;
    std::vector<Frame> frames;
    for (const Panel& panel : chart.panels) {
        frames.push_back(frame_of(panel, size));
        left = std::max(left, frames.back().room_left());
        below = std::max(below, frames.back().room_below());
        const auto more_lines = static_cast<double>(std::max<std::size_t>(1, lines_of(panel.title).size()) - 1);
        above = std::max(above, room_above + more_lines * line_height);
    }
    const Size cell{left + size.width + room_beside, above + size.height + below};
    const std::size_t rows = (n + columns - 1) / columns;
    Canvas canvas{"", {cell.width * static_cast<double>(columns), cell.height * static_cast<double>(rows)}};
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const std::size_t row = i / columns;
        canvas.body += moved(
            {left + cell.width * static_cast<double>(i % columns), above + cell.height * static_cast<double>(row)},
            drawn(chart.panels[i], frames[i]));
    }
    return with_legend(std::move(canvas), legend_of(chart.panels));
}

Canvas drawn(const PathChart& chart) {
    constexpr std::size_t most_names = 10;
    constexpr Size size{560, 400};
    const Panel panel = panel_of(chart);
    const Frame frame = frame_of(panel, size);
    std::string paths;
    std::string means;
    std::set<std::string> names;
    for (std::size_t i = 0; i < panel.series.size(); ++i) {
        const bool is_mean = chart.paths[i].is_mean;
        (is_mean ? means : paths) +=
            lines(points_of(panel.series[i], frame), colour_of(panel.series[i].colour),
                  is_mean ? " stroke-width=\"3.5\"" : " stroke-width=\"1.5\" stroke-opacity=\"0.55\"");
        names.insert(panel.series[i].name);
    }
    const Canvas canvas{moved({frame.room_left(), room_beside},
                              grid_of(frame) + lying_axis(frame) + standing_axis(frame) + paths + means),
                        {frame.room_left() + size.width + room_beside, room_beside + size.height + frame.room_below()}};
    return names.size() > most_names ? canvas : with_legend(canvas, legend_of({&panel, 1}));
}

}  // namespace repal
