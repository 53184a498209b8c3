module;
#include <filesystem>
#include <string>
export module repal.report;

export import repal.figure;

namespace repal {

/// The plotting library: plotly.min.js in `share/repal` beside the folder of the running program, in a build tree as in
/// an installed one; empty if it is not there.
export std::filesystem::path plotting_library();

/// The report as one HTML file that needs nothing else and asks nobody: data, styles and the plotting library are in
/// it. Figures are static SVG until the library has drawn them; without it (an empty path) they stay so, and the page
/// says so. Throws InputError if the library cannot be read.
export std::string html(const Report& report, const std::filesystem::path& library);

}  // namespace repal
