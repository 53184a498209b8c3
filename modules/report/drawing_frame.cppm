module;
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>
module repal.drawing:frame;

import repal.figure;

/// What charts have in common: texts, scales, axes, the legend.
///
/// Lengths are in pixels. What a frame encloses has its origin at the left upper corner.
namespace repal {

constexpr double line_height = 16;
constexpr double room_above = 28;   ///< of a frame, for its title
constexpr double room_beside = 16;  ///< right of a frame
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

struct Size {
    double width = 0;
    double height = 0;
};

struct Point {
    double x = 0;
    double y = 0;
};

struct Canvas {
    std::string body;
    Size size;
};

Canvas drawn(const PanelChart& chart);
Canvas drawn(const HeatMap& map);
Canvas drawn(const PathChart& chart);

// ---------------------------------------------------------------- texts

/// The characters of a UTF-8 text, without those that XML may not hold; U+FFFD for a byte that is part of none.
std::vector<std::string_view> characters(std::string_view text);

/// The width of a text that is cut off after so many characters, about: only a browser knows it.
double width_of(std::string_view text, std::size_t most_characters);

/// As many characters as have room.
std::size_t characters_in(double width);

/// Rounded to a tenth of a pixel.
std::string px(double value);

struct TextStyle {
    const char* anchor = "middle";
    double angle = 0;                   ///< degrees, clockwise about the anchor
    std::size_t most_characters = 100;  ///< a reader who points at a longer text is told the rest
    const char* more = "";              ///< attributes
};

std::string label(Point at, const std::string& text, const TextStyle& style = {});

std::string moved(Point to, const std::string& body);

// ---------------------------------------------------------------- scales

/// Neither NaN nor infinite, nor so large that a difference of two is.
inline bool is_shown(double value) {
    return std::abs(value) < 1e300;
}

struct Range {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();

    void add(double value);  ///< if it is shown
};

struct Tick {
    double at = 0;
    std::string text;
};

/// From values to pixels.
class Scale {
 public:
    /// `range` has a length.
    Scale(Range range, double begin, double end) : range_(range), begin_(begin), end_(end) {}

    /// NaN for a value that is not shown.
    double operator()(double value) const {
        return is_shown(value) ? begin_ + (end_ - begin_) * share(value) : nothing;
    }

    /// 0 at the lower end, 1 at the upper one.
    double share(double value) const { return (value - range_.low) / (range_.high - range_.low); }

    const Range& range() const { return range_; }

    /// About five, in steps of 1, 2 or 5 times a power of ten.
    std::vector<Tick> ticks() const;

 private:
    Range range_;
    double begin_;
    double end_;
};

// ---------------------------------------------------------------- axes

/// An axis of a frame.
struct Ruler {
    std::string title;
    Scale scale;
    std::vector<Tick> ticks;
    bool has_grid = true;
    bool is_tilted = false;  ///< the texts of a lying one
    double widest = 0;       ///< text
};

/// From left to right.
Ruler lying(const Axis& axis, Range range, double width);
/// From top to bottom, or from bottom to top.
Ruler standing(const Axis& axis, Range range, double top, double bottom);

struct Frame {
    Size size;
    Ruler x;
    Ruler y;

    double room_left() const;
    double room_below() const;
};

std::string grid_of(const Frame& frame);
std::string lying_axis(const Frame& frame);
std::string standing_axis(const Frame& frame);
/// A title's lines.
std::vector<std::string> lines_of(const std::string& title);
std::string title_of(const Frame& frame, const std::string& title);

// ---------------------------------------------------------------- legend

struct Entry {
    enum class Look : std::uint8_t { line, dashes, dot, area };
    std::string name;
    std::string colour;
    Look look = Look::line;
};

/// Adds an entry, unless it has no name or the legend has one of that name and colour.
void add(std::vector<Entry>& legend, Entry entry);

/// The canvas with a legend below all that is there, in as many lines as it needs.
Canvas with_legend(Canvas canvas, const std::vector<Entry>& legend);

}  // namespace repal
