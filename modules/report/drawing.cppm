module;
#include <string>
export module repal.drawing;

export import repal.figure;

namespace repal {

/// A chart as an SVG element, for a page whose plotting library is not there or not yet ready. All of the panels; of a
/// violin its points and its median; of trajectories the first two channels. Names are text, whatever is in them.
export std::string svg(const Chart& chart);

/// Text with <, >, &, and quotes as entities, for HTML and SVG.
export std::string escaped(const std::string& text);

}  // namespace repal
