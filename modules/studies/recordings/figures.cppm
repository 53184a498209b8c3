module;
#include <span>
#include <string>
#include <vector>
export module repal.recording_figures;

import repal.answers;
export import repal.figures;

namespace repal {

/// All systems in a plane, a panel for each metric, coloured by a label that a reader chooses.
Figure map_figure(std::span<const MetricAnswers> metrics, const std::vector<std::string>& labels);

/// Trees of all systems, leaves coloured by the label.
Figure tree_figure(std::span<const MetricAnswers> metrics, const std::vector<std::string>& labels);

/// Means within and across the groups of each question about groups, with intervals of this confidence.
Figure means_figure(std::span<const GroupFinding> findings, double confidence);

/// Dissimilarity to the reference along each order.
Figure curve_figure(std::span<const GroupFinding> findings, double confidence);

/// Correlations of metrics with each other and with labels.
Figure mantel_figure(std::span<const MantelFinding> findings);

/// All sections of the answers; the first one says what a reader wants to know first. `confidence`: of their intervals.
export std::vector<Section> sections_of(const Answers& answers, const std::vector<std::string>& labels,
                                        double confidence);

}  // namespace repal
