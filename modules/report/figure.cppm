module;
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>
export module repal.figure;

export import repal.table;
export import repal.trajectories;

/// What a reader is shown, as data. Nothing here knows of a study or of how it is drawn.
namespace repal {

/// The x or the y of a panel. Positions are numbers, or 0, 1, ... if there are categories.
export struct Axis {
    std::string title;                         ///< with its unit
    std::vector<std::string> categories = {};  ///< names of the positions
    bool starts_at_zero = false;
};

/// line: in the order of x; points: each alone; violin: the distribution of the y that have one x, with its points.
export enum class Mark : std::uint8_t { line, points, violin };

export struct Series {
    std::string name;  ///< in the legend, where equal names are one entry; empty: in none
    Mark mark = Mark::points;
    std::size_t colour = 0;  ///< number in the palette
    std::vector<double> x;
    std::vector<double> y;                 ///< as many; NaN: nothing there, a line has a gap
    std::vector<double> low = {};          ///< ends of whiskers; none, or as many
    std::vector<double> high = {};         ///< as many as `low`; NaN: no whisker
    std::vector<std::string> labels = {};  ///< what a reader who points at one is told of it; none, or as many
    bool is_dashed = false;
};

/// A stretch of an axis that is shaded, e.g. a period of a trial, or an interval.
export struct Band {
    std::string name;
    double low = 0;
    double high = 0;
    bool is_of_x = false;    ///< from low to high in x, else in y
    std::size_t colour = 0;  ///< number in the palette
};

export struct Panel {
    std::string title;  ///< of lines; the first one is its name
    Axis x;
    Axis y;
    std::vector<Series> series = {};
    std::vector<Band> bands = {};
};

/// Panels in rows of `columns`, with one legend for all.
export struct PanelChart {
    std::vector<Panel> panels;
    std::size_t columns = 1;
};

/// Matrices side by side, of one colour scale from 0 to the largest value, or each of its own.
export struct HeatMap {
    struct Matrix {
        std::string title;
        RowMatrix values;  ///< (row, column); NaN: there is none
    };
    std::string unit;  ///< of the values
    std::vector<std::string> rows;
    std::vector<std::string> columns;
    std::vector<Matrix> matrices;
    bool has_one_scale = true;
};

/// Trajectories in the first three channels, or as many as there are.
export struct PathChart {
    struct Path {
        std::string name;        ///< e.g. "trial 3"; a reader can choose one
        std::size_t colour = 0;  ///< number in the palette
        bool is_mean = false;    ///< of others, drawn over them
        RowMatrix points;        ///< (time, channel)
    };
    std::vector<std::string> axes;  ///< titles of the channels
    std::vector<Path> paths;
};

export using Chart = std::variant<PanelChart, HeatMap, PathChart>;

/// One figure, of which a reader sees one variant at a time.
export struct Figure {
    struct Variant {
        std::string name;  ///< what it is chosen by
        Chart chart;
    };
    std::string id;  ///< anchor: letters, digits, '-'
    std::string title;
    std::string caption;  ///< a sentence: what is shown, n, units, how intervals were made
    std::string choice;   ///< what the variants are, e.g. "system"; empty if there is one
    std::vector<Variant> variants;
};

export struct TableFigure {
    std::string id;
    std::string title;
    std::string caption;
    Table rows;
};

export struct Section {
    std::string id;
    std::string title;
    std::string text = {};  ///< a paragraph for each line
    std::vector<std::variant<Figure, TableFigure>> figures = {};
};

/// A page.
export struct Report {
    std::string title;
    std::string summary;                                          ///< a paragraph: what this is
    std::vector<std::pair<std::string, std::string>> provenance;  ///< name and value
    std::string reproduce;                                        ///< command lines that give the same results
    std::string configuration = {};                               ///< as YAML
    std::vector<Section> sections;
};

/// The number of the colour for what is compared with all others, such as means and an ideal.
export inline constexpr std::size_t black = 10;
/// The number of the colour for what is in the background.
export inline constexpr std::size_t grey = 11;

/// The palette as #rrggbb, numbers beyond the last begin again: ten colours that can be told apart with any colour
/// vision, black, and grey.
/// Source: Okabe and Ito 2008 (without yellow, which is too light for lines), then Tol 2021, "muted".
export const std::string& colour_of(std::size_t number);

}  // namespace repal
