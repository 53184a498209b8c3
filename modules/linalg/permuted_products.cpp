module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>
module repal.permuted_products;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// The sums over trials for some orders.
class Sums {
 public:
    Sums(const MatrixXd& x, const MatrixXd& y, Index steps, TrialOrders orders) : orders_(orders) {
        sums_.assign(orders.size(), MatrixXd::Zero(x.cols(), y.cols()));
        const Index trials = x.rows() / steps;
        if (std::ssize(orders) > trials)
            add_known(x, y, steps, trials);
        else
            add_each(x, y, steps, trials);
    }

    const std::vector<MatrixXd>& all() const { return sums_; }

 private:
    /// The products of one trial of x with all of y at once, then their sums.
    void add_known(const MatrixXd& x, const MatrixXd& y, Index steps, Index trials) {
        const Index width = y.cols();
        MatrixXd side_by_side(steps, trials * width);
        for (Index k = 0; k < trials; ++k) side_by_side.middleCols(k * width, width) = y.middleRows(k * steps, steps);
        MatrixXd products(x.cols(), trials * width);
        for (Index k = 0; k < trials; ++k) {
            products.noalias() = x.middleRows(k * steps, steps).transpose() * side_by_side;
            for (std::size_t i = 0; i < orders_.size(); ++i)
                sums_[i] += products.middleCols(orders_[i][static_cast<std::size_t>(k)] * width, width);
        }
    }

    void add_each(const MatrixXd& x, const MatrixXd& y, Index steps, Index trials) {
        for (std::size_t i = 0; i < orders_.size(); ++i)
            for (Index k = 0; k < trials; ++k)
                sums_[i].noalias() += x.middleRows(k * steps, steps).transpose() *
                                      y.middleRows(orders_[i][static_cast<std::size_t>(k)] * steps, steps);
    }

    TrialOrders orders_;
    std::vector<MatrixXd> sums_;
};

}  // namespace

MatrixXd in_trial_order(const MatrixXd& x, Index steps, const std::vector<Index>& order) {
    MatrixXd ordered(x.rows(), x.cols());
    for (std::size_t k = 0; k < order.size(); ++k)
        ordered.middleRows(static_cast<Index>(k) * steps, steps) = x.middleRows(order[k] * steps, steps);
    return ordered;
}

void for_each_product(const MatrixXd& x, const MatrixXd& y, Index steps, TrialOrders orders,
                      const std::function<void(std::size_t, const MatrixXd&)>& visit) {
    constexpr std::size_t most_numbers = std::size_t{1} << 25;  // 256 MiB
    const auto numbers = static_cast<std::size_t>(x.cols() * y.cols());
    const std::size_t at_once = std::max<std::size_t>(1, most_numbers / std::max<std::size_t>(1, numbers));
    for (std::size_t first = 0; first < orders.size(); first += at_once) {
        const std::size_t n = std::min(at_once, orders.size() - first);
        const Sums sums(x, y, steps, orders.subspan(first, n));
        for (std::size_t i = 0; i < n; ++i) visit(first + i, sums.all()[i]);
    }
}

}  // namespace repal
