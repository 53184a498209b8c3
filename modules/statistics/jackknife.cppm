module;
#include <span>
#include <vector>
export module repal.jackknife;

import repal.statistics;

namespace repal {

/// A distance whose square noise adds to: less what noise adds, with an interval.
export struct CorrectedDistance {
    double value;
    Interval interval;
};

/// By the jackknife of the square, d^2 - sum over samples of (G - 1)(mean_g d_g^2 - d^2), and of the distance for its
/// variance; Student's t of the sum of all G - 1. What is below 0 is 0, what is above `largest` is that.
///
/// `left_out`: for each sample that was drawn on its own, the distances without one of its G >= 2 groups.
/// The same bits for two samples in either order.
/// Source: Efron and Tibshirani 1993, chapter 11.
export CorrectedDistance jackknife(double distance, std::span<const std::vector<double>> left_out, double confidence,
                                   double largest);

}  // namespace repal
