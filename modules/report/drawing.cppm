module;
#include <string>
export module repal.drawing;

export import repal.figure;

namespace repal {

/// A chart as an SVG element, for a page whose plotting library is not there or not yet ready. It shows all panels, a
/// violin as its points and median, and trajectories in their first two channels. Names are escaped.
export std::string svg(const Chart& chart);

/// Text with <, >, &, and quotes as entities, for HTML and SVG.
export std::string escaped(const std::string& text);

}  // namespace repal
