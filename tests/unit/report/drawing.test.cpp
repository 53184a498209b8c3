#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.drawing;

namespace {

using repal::Chart;
using repal::HeatMap;
using repal::Mark;
using repal::Panel;
using repal::PanelChart;
using repal::PathChart;
using repal::RowMatrix;
using repal::Series;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double panel_width = 640;  // of the only column
constexpr double panel_height = 240;

/// What the first group of a pattern matches, everywhere.
std::vector<std::string> found(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> all;
    for (std::sregex_iterator match(text.begin(), text.end(), regex); match != std::sregex_iterator(); ++match)
        all.push_back((*match)[1]);
    return all;
}

std::vector<double> numbers(const std::string& text, const std::string& pattern) {
    std::vector<double> all;
    for (const std::string& number : found(text, pattern)) all.push_back(std::stod(number));
    return all;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

/// Elements that are closed in their order, attributes in quotes, and no other < or &; enough of XML for a drawing.
bool is_well_formed(const std::string& xml) {
    static const std::regex token(
        "<(/?)([a-z]+)((?: "
        "[a-zA-Z-]+=\"(?:[^<&\"]|&(?:amp|lt|gt|quot|#39);)*\")*)(/?)>|(?:[^<&]|&(?:amp|lt|gt|quot|#39);)");
    std::vector<std::string> open;
    auto at = xml.begin();
    for (std::smatch match; at != xml.end(); at = match[0].second) {
        if (!std::regex_search(at, xml.end(), match, token, std::regex_constants::match_continuous)) return false;
        if (!match[2].matched || match[4].length() > 0) continue;
        if (match[1].length() == 0) {
            open.push_back(match[2]);
            continue;
        }
        if (open.empty() || open.back() != match[2]) return false;
        open.pop_back();
        if (open.empty()) return match[0].second == xml.end();
    }
    return false;
}

bool has_only_numbers(const std::string& drawing) {
    static const std::regex no_number("[\" ,MHVhv-](nan|inf)");
    return !std::regex_search(drawing, no_number);
}

Panel panel(std::vector<Series> series) {
    return {.title = "panel", .x = {.title = "x"}, .y = {.title = "y"}, .series = std::move(series)};
}

std::string svg(const Panel& only) {
    return repal::svg(PanelChart{.panels = {only}});
}

Series ramp(Mark mark, std::size_t n) {
    Series series{.name = "ramp", .mark = mark, .x = {}, .y = {}};
    for (std::size_t i = 0; i < n; ++i) {
        series.x.push_back(static_cast<double>(i));
        series.y.push_back(static_cast<double>(i));
    }
    return series;
}

/// `n` values between 0 and 1 at one position.
Series violin(const std::string& name, double position, std::size_t n) {
    Series series = ramp(Mark::violin, n);
    series.name = name;
    for (std::size_t i = 0; i < n; ++i) {
        series.x[i] = position;
        series.y[i] /= static_cast<double>(n);
    }
    return series;
}

HeatMap heat_map(const RowMatrix& values) {
    HeatMap map{.unit = "rad", .rows = {}, .columns = {}, .matrices = {{"metric", values}}};
    for (Eigen::Index r = 0; r < values.rows(); ++r) map.rows.push_back("row " + std::to_string(r));
    for (Eigen::Index c = 0; c < values.cols(); ++c) map.columns.push_back("column " + std::to_string(c));
    return map;
}

PathChart paths(std::size_t n, Eigen::Index channels) {
    PathChart chart;
    for (Eigen::Index c = 0; c < channels; ++c) chart.axes.push_back("channel " + std::to_string(c + 1));
    for (std::size_t i = 0; i < n; ++i)
        chart.paths.push_back({"trial " + std::to_string(i), i, false, RowMatrix::Identity(5, channels)});
    return chart;
}

const std::string x_of_dots = "<circle cx=\"([-0-9.]+)\" cy=\"[-0-9.]+\" r=\"2.5\"";
const std::string y_of_dots = "<circle cx=\"[-0-9.]+\" cy=\"([-0-9.]+)\" r=\"2.5\"";
const std::string x_ticks = "<text x=\"[-0-9.]+\" y=\"256\" text-anchor=\"middle\">([^<]*)";
const std::string y_ticks = "<text x=\"-7\" y=\"[-0-9.]+\" text-anchor=\"end\">([^<]*)";

// ---------------------------------------------------------------- text

TEST(Escaped, MarkupIsText) {
    EXPECT_EQ(repal::escaped("<a b=\"c\" d='e'> & π"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt; &amp; π");
}

TEST(Escaped, ControlCharactersAreLeftOut) {
    EXPECT_EQ(repal::escaped(std::string("a\0b\x01\x1f\tc\nd", 9)), "ab\tc\nd");
}

TEST(Escaped, BytesThatAreNoCharacterAreReplaced) {
    EXPECT_EQ(repal::escaped("a\xff"
                             "b"),
              "a\xef\xbf\xbd"
              "b");
    EXPECT_EQ(repal::escaped("cut \xe2\x80"), "cut \xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(repal::escaped("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
    EXPECT_EQ(repal::escaped("\xc0\xbc"), "\xef\xbf\xbd\xef\xbf\xbd");                  // "<" in two bytes
    EXPECT_EQ(repal::escaped("π 😀"), "π 😀");
}

// ---------------------------------------------------------------- all charts

const std::string hostile = "</text><script>alert('1')</script>\"&amp;\x02\xff]]>" + std::string(200, '"');

TEST(Drawing, NamesOfPanelsAreText) {
    Panel shown{.title = hostile,
                .x = {.title = hostile, .categories = {hostile, hostile}},
                .y = {.title = hostile},
                .series = {ramp(Mark::points, 2), violin(hostile, 0, 4)},
                .bands = {{.name = hostile, .low = 0, .high = 1}}};
    shown.series[0].labels = {hostile, hostile};

    EXPECT_TRUE(is_well_formed(svg(shown)));
    EXPECT_THAT(svg(shown), Not(HasSubstr("<script")));
}

TEST(Drawing, NamesOfMatricesAreText) {
    const HeatMap map{hostile, {hostile}, {hostile}, {{hostile, RowMatrix::Ones(1, 1)}}};

    EXPECT_TRUE(is_well_formed(repal::svg(map)));
    EXPECT_THAT(repal::svg(map), Not(HasSubstr("<script")));
}

TEST(Drawing, NamesOfPathsAreText) {
    PathChart chart = paths(1, 2);
    chart.axes = {hostile, hostile};
    chart.paths[0].name = hostile;

    EXPECT_TRUE(is_well_formed(repal::svg(chart)));
    EXPECT_THAT(repal::svg(chart), Not(HasSubstr("<script")));
}

TEST(Drawing, ChartsWithoutValuesAreDrawn) {
    const RowMatrix no_values = RowMatrix::Constant(2, 2, nothing);
    const std::vector<Chart> charts = {
        PanelChart{},
        PanelChart{.panels = {}, .columns = 0},
        PanelChart{.panels = {panel({})}},
        PanelChart{.panels = {panel({Series{.name = "", .x = {1, nothing}, .y = {nothing, infinity}}})}},
        PanelChart{.panels = {panel({Series{.name = "", .mark = Mark::violin, .x = {nothing, 0}, .y = {1, nothing}}})}},
        HeatMap{},
        heat_map(RowMatrix()),
        heat_map(no_values),
        HeatMap{.unit = "", .rows = {"row"}, .columns = {"column"}, .matrices = {{"", RowMatrix()}}},
        PathChart{},
        PathChart{.axes = {}, .paths = {{.name = "no axis", .points = no_values}}},
        PathChart{.axes = {"a", "b"}, .paths = {{.name = "no point", .points = RowMatrix()}}},
        PathChart{.axes = {"a", "b"}, .paths = {{.name = "no value", .points = no_values}}},
    };

    for (std::size_t i = 0; i < charts.size(); ++i) {
        const std::string drawing = repal::svg(charts[i]);
        EXPECT_TRUE(is_well_formed(drawing)) << "chart " << i;
        EXPECT_TRUE(has_only_numbers(drawing)) << "chart " << i << "\n" << drawing;
    }
}

TEST(Drawing, ScalesWithThePage) {
    EXPECT_THAT(svg(panel({})), HasSubstr("viewBox=\"0 0 "));
    EXPECT_THAT(svg(panel({})), HasSubstr("width=\"100%\""));
    EXPECT_THAT(svg(panel({})), HasSubstr("max-width:"));
}

// ---------------------------------------------------------------- axes

TEST(Drawing, TicksAreRoundNumbers) {
    const Panel shown = panel({Series{.name = "", .x = {0, 1}, .y = {-300, 480}}});

    EXPECT_THAT(found(svg(shown), x_ticks), ElementsAre("0.0", "0.2", "0.4", "0.6", "0.8", "1.0"));
    EXPECT_THAT(found(svg(shown), y_ticks), ElementsAre("-200", "0", "200", "400"));
}

TEST(Drawing, TicksOfSmallAndLargeNumbersStayShort) {
    const Panel shown = panel({Series{.name = "", .x = {0, 4e-7}, .y = {0, 2e9}}});

    EXPECT_THAT(found(svg(shown), x_ticks), ElementsAre("0", "1e-07", "2e-07", "3e-07", "4e-07"));
    EXPECT_THAT(found(svg(shown), y_ticks), ElementsAre("0", "5e+08", "1e+09", "1.5e+09", "2e+09"));
}

TEST(Drawing, AnAxisStartsAtZeroIfAsked) {
    Panel shown = panel({Series{.name = "", .x = {0, 1}, .y = {50, 60}}});
    const std::vector<double> without = numbers(svg(shown), y_of_dots);

    shown.y.starts_at_zero = true;

    EXPECT_NEAR(without[0], panel_height * (1 - 0.04 / 1.08), 0.06);  // px to a tenth; 4 % of room
    EXPECT_EQ(found(svg(shown), "<text x=\"-7\" y=\"244\" text-anchor=\"end\">([^<]*)"), std::vector<std::string>{"0"});
}

TEST(Drawing, OneValueIsInTheMiddle) {
    for (const double value : {0.0, 3.0, -1e-320, 1e290}) {
        const std::string drawing = svg(panel({Series{.name = "", .x = {value, value}, .y = {value, value}}}));

        EXPECT_THAT(numbers(drawing, x_of_dots), ElementsAre(panel_width / 2, panel_width / 2)) << value;
        EXPECT_THAT(numbers(drawing, y_of_dots), ElementsAre(panel_height / 2, panel_height / 2)) << value;
    }
}

TEST(Drawing, ValuesThatDifferByRoundingAreOneValue) {
    const std::string drawing = svg(panel({Series{.name = "", .x = {0, 1}, .y = {1, std::nextafter(1.0, 2.0)}}}));

    EXPECT_THAT(numbers(drawing, y_of_dots), ElementsAre(panel_height / 2, panel_height / 2));
    EXPECT_THAT(found(drawing, y_ticks), ElementsAre("0.90", "0.95", "1.00", "1.05", "1.10"));
}

TEST(Drawing, ValuesThatCannotBeShownDoNotMoveTheOthers) {
    const Series plain{.name = "", .x = {0, 1}, .y = {0, 1}};
    const Series more{.name = "", .x = {0, 1, 2, infinity}, .y = {0, 1, 1e308, 1}};

    EXPECT_EQ(numbers(svg(panel({more})), y_of_dots), numbers(svg(panel({plain})), y_of_dots));
}

TEST(Drawing, WhiskersAndBandsAreWithinTheAxis) {
    Panel shown = panel({Series{.name = "", .x = {0, 1}, .y = {1, 2}, .low = {-4, nothing}, .high = {5, nothing}}});
    shown.bands = {{.name = "", .low = 8, .high = 9}};

    EXPECT_THAT(found(svg(shown), y_ticks), ElementsAre("-4", "-2", "0", "2", "4", "6", "8"));
}

TEST(Drawing, FewShortCategoriesLie) {
    Panel shown = panel({ramp(Mark::points, 3)});
    shown.x.categories = {"a", "b", "c"};

    EXPECT_THAT(found(svg(shown), x_ticks), ElementsAre("a", "b", "c"));
    EXPECT_THAT(svg(shown), Not(HasSubstr("rotate(-45")));
}

TEST(Drawing, LongCategoriesAreTiltedAndShortened) {
    const std::string name = "ääää of a category that is by far too long";
    Panel shown = panel({ramp(Mark::points, 5)});
    shown.x.categories = std::vector<std::string>(5, name);

    EXPECT_EQ(count(svg(shown), "rotate(-45"), 5);
    EXPECT_EQ(count(svg(shown), "<title>" + name + "</title>ääää of a category th…<"), 5);
}

TEST(Drawing, ManyCategoriesAreThinned) {
    Panel shown = panel({ramp(Mark::points, 200)});
    for (int i = 0; i < 200; ++i) shown.x.categories.push_back("category " + std::to_string(i));

    const std::size_t n = count(svg(shown), ">category ");

    EXPECT_LE(n, 40);  // 16 px of 640 each
    EXPECT_GE(n, 20);
    EXPECT_THAT(svg(shown), HasSubstr(">category 0<"));
}

// ---------------------------------------------------------------- marks

TEST(Drawing, GapsBreakALine) {
    const Series series{.name = "", .mark = Mark::line, .x = {0, 1, 2, 3, 4}, .y = {0, 1, nothing, 3, 4}};

    EXPECT_THAT(found(svg(panel({series})), "<polyline points=\"([^\"]*)\""), SizeIs(2));
}

TEST(Drawing, APointBetweenGapsIsADotOfALine) {
    Series series = ramp(Mark::line, 100);
    for (const std::size_t i : {0, 2, 3}) series.y[i] = nothing;

    const std::vector<std::string> lines = found(svg(panel({series})), "<polyline points=\"([^\"]*)\"");

    ASSERT_THAT(lines, SizeIs(2));
    EXPECT_EQ(std::ranges::count(lines[0], ','), 2);
    EXPECT_EQ(lines[0].substr(0, lines[0].find(' ')), lines[0].substr(lines[0].find(' ') + 1));
}

TEST(Drawing, OnlyDashedLinesAreDashed) {
    Series series = ramp(Mark::line, 3);
    series.name = "";  // no legend
    EXPECT_THAT(svg(panel({series})), Not(HasSubstr("stroke-dasharray")));

    series.is_dashed = true;

    EXPECT_EQ(count(svg(panel({series})), "stroke-dasharray"), 1);
}

TEST(Drawing, AWhiskerHasBothEndsOrIsNotThere) {
    const Series series{.name = "", .x = {0, 1, 2}, .y = {1, 1, 1}, .low = {0, nothing, 0}, .high = {2, nothing, 2}};

    const std::vector<std::string> path = found(svg(panel({series})), "<path d=\"([^\"]*)\" stroke=\"#0072b2\"");

    ASSERT_THAT(path, SizeIs(1));
    EXPECT_EQ(count(path[0], "V"), 2);
}

TEST(Drawing, PointsSayTheirLabels) {
    Series series = ramp(Mark::points, 300);
    series.labels = std::vector<std::string>(300, "pair");

    EXPECT_EQ(count(svg(panel({series})), "<title>pair</title>"), 300);
}

TEST(Drawing, TooManyPointsSayNothing) {
    Series series = ramp(Mark::points, 301);
    series.labels = std::vector<std::string>(301, "pair");

    EXPECT_EQ(count(svg(panel({series})), "<circle"), 302);  // with the legend's
    EXPECT_THAT(svg(panel({series})), Not(HasSubstr("<title>")));
}

TEST(Drawing, ManyPointsShineThrough) {
    EXPECT_THAT(svg(panel({ramp(Mark::points, 200)})), HasSubstr("fill-opacity=\"1\""));
    EXPECT_THAT(svg(panel({ramp(Mark::points, 201)})), HasSubstr("fill-opacity=\"0.4\""));
}

TEST(Drawing, PointsOfAViolinAreSpreadAboutItsPosition) {
    const std::vector<double> x = numbers(svg(panel({violin("", 0, 100)})), x_of_dots);

    ASSERT_THAT(x, SizeIs(100));
    const auto [low, high] = std::ranges::minmax(x);
    EXPECT_NEAR((low + high) / 2, panel_width / 2, 2);
    EXPECT_GT(high - low, 40);
    EXPECT_LT(high - low, 80);
}

TEST(Drawing, AViolinHasABarAtItsMedian) {
    const Series series{.name = "", .mark = Mark::violin, .x = {0, 0, 0, 0}, .y = {0, 9, 1, 10}};
    const Series points{.name = "", .x = {0, 0, 0}, .y = {0, 5, 10}};

    const std::string median = "<path d=\"M[-0-9.]+ ([-0-9.]+)h[-0-9.]+\" stroke=\"#0072b2\" stroke-width=\"3\"";

    EXPECT_THAT(numbers(svg(panel({series})), median),
                ElementsAre(numbers(svg(panel({points})), y_of_dots)[1]));  // the mean of 1 and 9
}

TEST(Drawing, ViolinsOfOnePositionAndDifferentNamesStandSideBySide) {
    const std::vector<double> x = numbers(svg(panel({violin("a", 0, 50), violin("b", 0, 50)})), x_of_dots);

    ASSERT_THAT(x, SizeIs(100));
    EXPECT_LT(std::ranges::max(std::vector(x.begin(), x.begin() + 50)), panel_width / 2);
    EXPECT_GT(std::ranges::min(std::vector(x.begin() + 50, x.end())), panel_width / 2);
}

TEST(Drawing, ViolinsOfOneNameStandInOnePlace) {
    const std::vector<double> x = numbers(svg(panel({violin("a", 0, 50), violin("a", 0, 50)})), x_of_dots);

    ASSERT_THAT(x, SizeIs(100));
    EXPECT_EQ(std::vector(x.begin(), x.begin() + 50), std::vector(x.begin() + 50, x.end()));
}

TEST(Drawing, ViolinsOfDifferentPositionsDoNotMeet) {
    const Panel shown = panel({violin("", 0, 50), violin("", 1, 50), ramp(Mark::line, 41)});
    const double step = panel_width / 1.08 / 40;

    const std::vector<double> x = numbers(svg(shown), x_of_dots);

    ASSERT_THAT(x, SizeIs(100));
    EXPECT_LT(std::ranges::max(x) - std::ranges::min(x), 2 * step);
    EXPECT_LT(std::ranges::max(std::vector(x.begin(), x.begin() + 50)),
              std::ranges::min(std::vector(x.begin() + 50, x.end())));
}

TEST(Drawing, AViolinStaysInItsCategory) {
    Panel shown = panel({violin("", 3, 50)});
    shown.x.categories = std::vector<std::string>(40, "category");

    const std::vector<double> x = numbers(svg(shown), x_of_dots);

    EXPECT_GT(std::ranges::min(x), 3 * panel_width / 40);
    EXPECT_LT(std::ranges::max(x), 4 * panel_width / 40);
}

TEST(Drawing, ABandShadesItsStretchOfTheAxis) {
    Panel shown = panel({});
    shown.x.categories = {"0", "1", "2", "3"};  // 160 px each
    shown.bands = {{.name = "", .low = 1, .high = 2, .is_of_x = true, .colour = 4}};

    EXPECT_THAT(svg(shown), HasSubstr("<rect x=\"240\" y=\"0\" width=\"160\" height=\"240\" fill=\"#e69f00\""));
}

TEST(Drawing, PanelsStandInRowsOfColumns) {
    const PanelChart chart{.panels = {panel({}), panel({}), panel({})}, .columns = 2};

    const std::vector<std::string> places = found(repal::svg(chart), "translate\\(([^)]*)\\)");

    ASSERT_THAT(places, SizeIs(3));
    const auto column = [](const std::string& place) { return place.substr(0, place.find(' ')); };
    const auto row = [](const std::string& place) { return place.substr(place.find(' ')); };
    EXPECT_NE(column(places[0]), column(places[1]));
    EXPECT_EQ(row(places[0]), row(places[1]));
    EXPECT_EQ(column(places[0]), column(places[2]));
    EXPECT_NE(row(places[0]), row(places[2]));
}

TEST(Drawing, ANameIsInTheLegendOnce) {
    Panel shown = panel({ramp(Mark::line, 3), ramp(Mark::points, 3)});
    shown.bands = {{.name = "floor", .low = 0, .high = 1}};

    const std::string drawing = repal::svg(PanelChart{.panels = {shown, shown, shown}, .columns = 3});

    EXPECT_EQ(count(drawing, ">ramp</text>"), 1);
    EXPECT_EQ(count(drawing, ">floor</text>"), 1);
}

TEST(Drawing, ALegendIsAsWideAsTheFigure) {
    Panel shown = panel({});
    for (int i = 0; i < 12; ++i) {
        shown.series.push_back(ramp(Mark::points, 2));
        shown.series.back().name = "a series with a long name " + std::to_string(i);
    }

    const std::string drawing = svg(shown);

    const double width = numbers(drawing, "viewBox=\"0 0 ([0-9.]+)").at(0);
    const double height = numbers(drawing, "viewBox=\"0 0 [0-9.]+ ([0-9.]+)").at(0);
    const std::vector<double> x = numbers(drawing, "translate\\(([0-9.]+) [0-9.]+\\)");
    const std::vector<double> y = numbers(drawing, "translate\\([0-9.]+ ([0-9.]+)\\)");
    ASSERT_THAT(x, SizeIs(13));
    EXPECT_LT(std::ranges::max(x), width - 150);  // begin of the last name in a line
    EXPECT_LT(std::ranges::max(y), height);
    EXPECT_GT(std::ranges::max(y), y[1]);
}

// ---------------------------------------------------------------- matrices

TEST(Drawing, TheEndsOfTheScaleHaveTheEndsOfTheColours) {
    RowMatrix values(1, 4);
    values << 0, 0.5, 1, nothing;

    const std::string drawing = repal::svg(heat_map(values));

    EXPECT_THAT(drawing, HasSubstr("<path fill=\"#440154\" d=\"M0 0h"));
    EXPECT_THAT(drawing, HasSubstr("<path fill=\"#21918c\" d=\"M1 0h"));
    EXPECT_THAT(drawing, HasSubstr("<path fill=\"#fde725\" d=\"M2 0h"));
    EXPECT_THAT(drawing, HasSubstr("<path fill=\"#eee\" d=\"M3 0h"));
}

TEST(Drawing, CellsSmallerThanAPixelAreDrawnAsMeans) {
    // One matrix is 420 pixels wide: three of 1,000 cells each way are one, the mean of those that have values.
    RowMatrix values = RowMatrix::Zero(1000, 1000);
    values.topLeftCorner(3, 3) << 1, nothing, 0, nothing, nothing, 0, 0, 0, 0;
    values(999, 999) = nothing;

    const std::string drawing = repal::svg(heat_map(values));

    const auto colours = found(drawing, "<path fill=\"(#[^\"]+)\" d=\"M0 0h");
    ASSERT_EQ(colours.size(), 1U);
    EXPECT_NE(colours.front(), "#440154");  // not 0, as nearly all
    EXPECT_NE(colours.front(), "#fde725");  // and not 1
    EXPECT_LT(drawing.size(), 2'000'000U);
}

TEST(Drawing, TheScaleReachesFromZeroOrBelow) {
    RowMatrix positive(1, 2);
    positive << 1, 2;
    RowMatrix negative(1, 3);
    negative << -1, 0, 1;

    EXPECT_THAT(repal::svg(heat_map(positive)), HasSubstr("<path fill=\"#21918c\" d=\"M0 0h"));
    EXPECT_THAT(repal::svg(heat_map(negative)), HasSubstr("<path fill=\"#440154\" d=\"M0 0h"));
    EXPECT_THAT(repal::svg(heat_map(negative)), HasSubstr("<path fill=\"#21918c\" d=\"M1 0h"));
}

TEST(Drawing, MatricesOfZerosHaveTheLowestColour) {
    EXPECT_EQ(found(repal::svg(heat_map(RowMatrix::Zero(1, 2))), "<path fill=\"(#[^\"]+)\""),
              std::vector<std::string>{"#440154"});
}

TEST(Drawing, MatricesHaveOneScale) {
    HeatMap map = heat_map(RowMatrix::Constant(1, 1, 2));

    map.matrices.push_back({"half of it", RowMatrix::Constant(1, 1, 1)});

    EXPECT_EQ(found(repal::svg(map), "<path fill=\"(#[0-9a-f]+)\""), (std::vector<std::string>{"#fde725", "#21918c"}));
}

TEST(Drawing, CellsOfSmallMatricesSayTheirValues) {
    RowMatrix values(2, 3);
    values << 0, 0.123, 1, 12.3, 234, nothing;

    EXPECT_THAT(found(repal::svg(heat_map(values)), "fill=\"#(?:000|fff)\">([^<]*)"),
                ElementsAre("0", "0.12", "1.0", "12", "234"));
}

TEST(Drawing, CellsOfLargeMatricesDoNot) {
    EXPECT_EQ(count(repal::svg(heat_map(RowMatrix::Ones(12, 12))), ">1.0</text>"), 144 + 1);  // and a tick of the bar
    EXPECT_EQ(count(repal::svg(heat_map(RowMatrix::Ones(12, 13))), ">1.0</text>"), 1);
}

TEST(Drawing, ValuesContrastWithTheirCells) {
    RowMatrix values(1, 2);
    values << 0.01, 1;

    EXPECT_THAT(repal::svg(heat_map(values)), HasSubstr("fill=\"#fff\">0.010<"));
    EXPECT_THAT(repal::svg(heat_map(values)), HasSubstr("fill=\"#000\">1.0<"));
}

TEST(Drawing, OnlyLeftMatricesNameTheirRows) {
    HeatMap map = heat_map(RowMatrix::Ones(2, 2));
    for (int i = 0; i < 3; ++i) map.matrices.push_back({"more", RowMatrix::Ones(2, 2)});

    EXPECT_EQ(count(repal::svg(map), ">row 0<"), 2);  // of two rows of matrices
    EXPECT_EQ(count(repal::svg(map), ">column 0<"), 4);
}

// ---------------------------------------------------------------- paths

TEST(Drawing, PathsAreInTheFirstTwoChannels) {
    PathChart chart{.axes = {"first", "second", "third"}, .paths = {{.name = "path", .points = RowMatrix(2, 3)}}};
    chart.paths[0].points << 0, 1, 7, 1, 0, 7;

    EXPECT_THAT(repal::svg(chart), HasSubstr(">first</text>"));
    EXPECT_THAT(repal::svg(chart), HasSubstr(">second</text>"));
    EXPECT_THAT(repal::svg(chart), Not(HasSubstr(">third</text>")));
    EXPECT_THAT(repal::svg(chart),
                HasSubstr("<polyline points=\"20.7,14.8 539.3,385.2\"/>"));  // 560 x 400, 4 % of room
}

TEST(Drawing, OneChannelIsShownOverTheSteps) {
    PathChart chart{.axes = {"rate"}, .paths = {{.name = "path", .points = RowMatrix(3, 1)}}};
    chart.paths[0].points << 0, 1, 0;

    EXPECT_THAT(repal::svg(chart), HasSubstr(">step</text>"));
    EXPECT_THAT(repal::svg(chart), HasSubstr("<polyline points=\"20.7,385.2 280,14.8 539.3,385.2\"/>"));
}

TEST(Drawing, MeansLieOverTheirPaths) {
    PathChart chart = paths(3, 2);
    chart.paths[0].is_mean = true;

    const std::string drawing = repal::svg(chart);

    EXPECT_THAT(found(drawing, "<g fill=\"none\"[^>]*stroke-width=\"([0-9.]+)\""), ElementsAre("1.5", "1.5", "3.5"));
    EXPECT_EQ(count(drawing, "stroke-opacity"), 2);
}

TEST(Drawing, NamesOfManyPathsAreLeftOut) {
    EXPECT_EQ(count(repal::svg(paths(10, 2)), ">trial "), 10);
    EXPECT_EQ(count(repal::svg(paths(11, 2)), ">trial "), 0);
}

TEST(Drawing, ManyPathsOfOneNameAreNamedOnce) {
    PathChart chart = paths(30, 2);
    for (PathChart::Path& path : chart.paths) path.name = "context", path.colour = 1;

    EXPECT_EQ(count(repal::svg(chart), ">context</text>"), 1);
}

TEST(Drawing, MatricesWithScalesOfTheirOwnSayTheirRange) {
    HeatMap map = heat_map(RowMatrix::Constant(1, 1, 2));
    map.matrices.push_back({"other", RowMatrix::Constant(1, 1, 0.5)});

    const std::string one_scale = repal::svg(map);
    map.has_one_scale = false;
    const std::string own_scales = repal::svg(map);

    EXPECT_EQ(count(one_scale, "fill=\"#fde725\" d=\"M0 0"), 1);
    EXPECT_EQ(count(own_scales, "fill=\"#fde725\" d=\"M0 0"), 2);
    EXPECT_THAT(own_scales, HasSubstr("other (0 to 0.5)"));
    EXPECT_THAT(own_scales, Not(HasSubstr(">rad<")));
}

TEST(Drawing, ATitleOfLinesStandsOnLines) {
    PanelChart chart{.panels = {{.title = "dsa\nslope 1"}}};

    const std::string drawing = repal::svg(chart);

    EXPECT_THAT(drawing, HasSubstr(">dsa</text>"));
    EXPECT_THAT(drawing, HasSubstr(">slope 1</text>"));
}

}  // namespace
