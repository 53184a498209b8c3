module;
#include <Eigen/Core>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>
export module repal.permuted_products;

namespace repal {

/// Orders of the trials of a system: the trial at each place.
export using TrialOrders = std::span<const std::vector<Eigen::Index>>;

/// The rows of trials in another order. Shape: (trial * time, channel), `steps` rows for each trial.
export Eigen::MatrixXd in_trial_order(const Eigen::MatrixXd& x, Eigen::Index steps,
                                      const std::vector<Eigen::Index>& order);

/// Visits x^T y with the trials of y in each of the orders: (order, (channel of x, channel of y)). Products of single
/// trials are made once and added for each order, where there are more orders than trials.
export void for_each_product(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, Eigen::Index steps, TrialOrders orders,
                             const std::function<void(std::size_t, const Eigen::MatrixXd&)>& visit);

}  // namespace repal
