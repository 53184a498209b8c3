#include <gmock/gmock.h>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"

import repal.figures;
import repal.report;

using repal::Comparison;
using repal::Figure;
using repal::HeatMap;
using repal::PanelChart;
using repal::Report;
using repal::Score;
using repal::Status;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double right_angle = std::numbers::pi / 2;

Report page_of(std::variant<Figure, repal::TableFigure> figure) {
    return {.title = "A <study>",
            .summary = "of \"things\" & more",
            .provenance = {{"seed", "1"}},
            .reproduce = "repal run",
            .sections = {{.id = "one", .title = "</script><b>", .figures = {std::move(figure)}}}};
}

Figure curve_figure(std::vector<double> y) {
    repal::Series series{.name = "</script>", .mark = repal::Mark::line, .y = std::move(y)};
    for (std::size_t i = 0; i < series.y.size(); ++i) series.x.push_back(static_cast<double>(i));
    return {.id = "curve",
            .title = "Curve",
            .caption = "n = 1",
            .variants = {{"", PanelChart{.panels = {{.title = "panel", .series = {series}}}}}}};
}

/// The JSON of the figure with this id.
nlohmann::json data_of(const std::string& page, const std::string& id) {
    constexpr std::string_view open = "<script type=\"application/json\">";
    const std::size_t begin = page.find(open, page.find("id=\"" + id + "\"")) + open.size();
    return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

std::filesystem::path fake_library() {
    const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "library.js";
    std::ofstream(file) << "const end = '</SCRIPT>';";
    return file;
}

/// a, b and c: one pair certified, one not, one failed.
std::vector<Comparison> three_pairs() {
    return {{"m", "a", "b", Score::of(0.5 * right_angle, 0.25 * right_angle)},
            {"m", "a", "c", Score::of(0.75 * right_angle)},
            {"m", "b", "c", Score::without_value(Status::not_converged, "no luck")}};
}

TEST(Report, NamesAreTextWhateverIsInThem) {
    const std::string page = html(page_of(curve_figure({1, 2})), {});

    EXPECT_THAT(page, HasSubstr("<h1>A &lt;study&gt;</h1>"));
    EXPECT_THAT(page, HasSubstr("of &quot;things&quot; &amp; more"));
    EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
    EXPECT_EQ(data_of(page, "curve").at("variants").at(0).at("chart").at("panels").at(0).at("series").at(0).at("name"),
              "</script>");
}

TEST(Report, TheLibraryCannotEndItsElement) {
    const std::string page = html(page_of(curve_figure({1})), fake_library());

    EXPECT_THAT(page, HasSubstr("const end = '<\\/SCRIPT>';"));
}

TEST(Report, WithoutTheLibraryFiguresAreDrawingsAndThePageSaysSo) {
    Figure figure = curve_figure({1, 2});
    figure.variants.push_back(figure.variants.front());
    const std::string with = html(page_of(figure), fake_library());
    const std::string without = html(page_of(figure), {});
    const auto n_drawings = [](std::string_view page) {
        std::size_t n = 0;
        for (auto at = page.find("<svg"); at != page.npos; at = page.find("<svg", at + 1)) ++n;
        return n;
    };

    EXPECT_THAT(without, HasSubstr("was not there when this page was written"));
    EXPECT_EQ(n_drawings(without), 2u);  // of every variant
    EXPECT_THAT(with, Not(HasSubstr("was not there when this page was written")));
    EXPECT_EQ(n_drawings(with), 1u);  // what is seen until the library is ready
}

TEST(Report, ValuesHaveSixDigitsAndWhatIsNotANumberIsNull) {
    const std::string page = html(page_of(curve_figure({1.0 / 3, nan, 12345678})), {});

    const auto y =
        data_of(page, "curve").at("variants").at(0).at("chart").at("panels").at(0).at("series").at(0).at("y");
    EXPECT_EQ(y.dump(), "[0.333333,null,12345700.0]");
}

TEST(Report, EveryFigureIsInTheContents) {
    const std::string page = html(page_of(curve_figure({1})), {});

    const std::string contents = page.substr(page.find("<nav"), page.find("</nav>") - page.find("<nav"));
    EXPECT_THAT(contents, HasSubstr("href=\"#one\""));
    EXPECT_THAT(contents, HasSubstr("href=\"#curve\""));
}

TEST(Report, ALongTableShowsItsBeginningAndHoldsAll) {
    repal::Table rows = {{"name", "value"}};
    for (int i = 0; i < 700; ++i) rows.push_back({"row", std::to_string(i)});

    const std::string page =
        html(page_of(repal::TableFigure{.id = "long", .title = "", .caption = "", .rows = rows}), {});

    EXPECT_THAT(page, HasSubstr("<td class=\"number\">499</td>"));
    EXPECT_THAT(page, Not(HasSubstr("<td class=\"number\">500</td>")));
    EXPECT_THAT(page, HasSubstr("The first 500 of 700 rows"));
    EXPECT_EQ(data_of(page, "long").size(), 701);
}

TEST(Report, MeasuredNumbersOfTablesHaveThreeDigits) {
    const repal::Table rows = {{"name", "value"}, {"1.2345", "x"}, {"12345", "y"}};

    const std::string page = html(page_of(repal::TableFigure{.id = "t", .title = "", .caption = "", .rows = rows}), {});

    EXPECT_THAT(page, HasSubstr(">1.23</td>"));
    EXPECT_THAT(page, HasSubstr(">12345</td>"));
}

TEST(Figures, AMapIsSymmetricAndEmptyWhereThereIsNoValue) {
    const Figure figure = dissimilarity_map("map", three_pairs(), {"a", "b", "c"});

    ASSERT_EQ(figure.variants.size(), 1);
    const auto& map = std::get<HeatMap>(figure.variants.front().chart);
    const auto& values = map.matrices.front().values;
    EXPECT_DOUBLE_EQ(values(0, 1), 0.5);
    EXPECT_DOUBLE_EQ(values(1, 0), 0.5);
    EXPECT_DOUBLE_EQ(values(2, 0), 0.75);
    EXPECT_TRUE(std::isnan(values(1, 2)));
    EXPECT_TRUE(std::isnan(values(0, 0)));
}

TEST(Figures, MapsOfTwoMetricsHaveOneScaleOrEachItsOwn) {
    std::vector<repal::Comparison> comparisons = three_pairs();
    for (const repal::Comparison& one : three_pairs()) comparisons.push_back(one);
    for (std::size_t i = 3; i < comparisons.size(); ++i) comparisons[i].metric = "another";

    const Figure figure = dissimilarity_map("map", comparisons, {"a", "b", "c"});

    ASSERT_EQ(figure.variants.size(), 2);
    EXPECT_TRUE(std::get<HeatMap>(figure.variants.front().chart).has_one_scale);
    EXPECT_FALSE(std::get<HeatMap>(figure.variants.back().chart).has_one_scale);
}

TEST(Figures, AWhiskerReachesDownToTheLowerBoundOfCertifiedPairs) {
    const Figure figure = certificates("certified", three_pairs());

    const auto& series = std::get<PanelChart>(figure.variants.front().chart).panels.front().series.front();
    ASSERT_EQ(series.y.size(), 1);
    EXPECT_DOUBLE_EQ(series.y.front(), 0.5);
    EXPECT_DOUBLE_EQ(series.low.front(), 0.25);
    EXPECT_DOUBLE_EQ(series.high.front(), 0.5);
    EXPECT_EQ(series.labels.front(), "a | b");
    EXPECT_THAT(figure.caption, HasSubstr("n = 1"));
}

TEST(Figures, FailuresAreCountedByCause) {
    std::vector<Comparison> comparisons = three_pairs();
    comparisons.push_back({"m", "d", "e", Score::without_value(Status::not_converged, "no luck")});
    comparisons.push_back({"m", "d", "f", Score::without_value(Status::failed, "other")});

    const repal::TableFigure table = failure_table("failures", comparisons);

    const repal::Table expected = {{"metric", "status", "cause", "comparisons", "the first one"},
                                   {"m", "not_converged", "no luck", "2", "b | c"},
                                   {"m", "failed", "other", "1", "d | f"}};
    EXPECT_EQ(table.rows, expected);
    EXPECT_THAT(table.caption, HasSubstr("3 of 5 comparisons"));
}

TEST(Figures, TrialsAreThinnedAndTheMeanIsOverAll) {
    repal::RowMatrix rows(20 * 250, 1);
    for (Eigen::Index trial = 0; trial < 20; ++trial)
        for (Eigen::Index step = 0; step < 250; ++step)
            rows(trial * 250 + step, 0) = static_cast<double>(trial) + static_cast<double>(step) / 1000;

    const repal::PathChart chart = trial_paths(repal::Trajectories::from_rows({20, 250, 1}, rows), {"x", "y", "z"});

    ASSERT_EQ(chart.axes.size(), 1);
    ASSERT_EQ(chart.paths.size(), 11);
    EXPECT_TRUE(chart.paths.front().is_mean);
    EXPECT_LE(chart.paths.front().points.rows(), 100);
    EXPECT_NEAR(chart.paths.front().points(1, 0), 9.5 + 0.003, 1e-12);  // a sum of 20 doubles
    EXPECT_EQ(chart.paths.back().name, "trial 10");
    EXPECT_DOUBLE_EQ(chart.paths.back().points(2, 0), 9.006);
}

}  // namespace
