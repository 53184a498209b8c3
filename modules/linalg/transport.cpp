module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>
module repal.transport;

namespace repal {

namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr Index none = -1;
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Rows that send units to columns, each row `supply`, each column at most `demand`.
class Shipping {
 public:
    Shipping(const Eigen::MatrixXd& cost, std::int64_t supply, std::int64_t demand)
        : cost_(cost.transpose()),
          units_(decltype(units_)::Zero(cost.cols(), cost.rows())),
          row_price_(VectorXd::Zero(cost.rows())),
          column_price_(VectorXd::Zero(cost.cols())),
          demand_(static_cast<std::size_t>(cost.cols()), demand),
          senders_(static_cast<std::size_t>(cost.cols())),
          length_(cost.cols()),
          row_before_(static_cast<std::size_t>(cost.cols())),
          row_length_(cost.rows()),
          column_before_(static_cast<std::size_t>(cost.rows())) {
        for (Index row = 0; row < cost.rows(); ++row)
            for (std::int64_t left = supply; left > 0;) left -= sent(row, left);
    }

    std::int64_t units(Index row, Index column) const { return units_(column, row); }
    const VectorXd& row_price() const { return row_price_; }
    const VectorXd& column_price() const { return column_price_; }

 private:
    /// Sends at most `most` units from a row along the shortest path to a column that takes some.
    std::int64_t sent(Index source, std::int64_t most) {
        const Index end = reach(source);
        std::int64_t amount = std::min(most, demand_[to_size(end)]);
        for (Index column = end; row_before_[to_size(column)] != source;) {
            const Index row = row_before_[to_size(column)];
            column = column_before_[to_size(row)];
            amount = std::min(amount, units_(column, row));
        }
        demand_[to_size(end)] -= amount;
        for (Index column = end; column != none;) {
            const Index row = row_before_[to_size(column)];
            change(row, column, amount);
            column = row == source ? none : column_before_[to_size(row)];
            if (column != none) change(row, column, -amount);
        }
        return amount;
    }

    /// The nearest column that takes units; prices are changed so that the path to it costs nothing more.
    Index reach(Index source) {
        length_.setConstant(infinite);
        row_length_.setConstant(infinite);
        open_.resize(static_cast<std::size_t>(length_.size()));
        std::iota(open_.begin(), open_.end(), Index{0});
        reached_rows_ = {source};
        row_length_[source] = 0;
        std::vector<Index> reached_columns;
        std::size_t next_row = 0;
        while (true) {
            for (; next_row < reached_rows_.size(); ++next_row) relax(reached_rows_[next_row]);
            auto nearest = open_.begin();
            for (auto place = open_.begin(); place != open_.end(); ++place)
                if (length_[*place] < length_[*nearest]) nearest = place;
            const Index column = *nearest;
            open_.erase(nearest);
            if (demand_[to_size(column)] > 0) {
                const double shortest = length_[column];
                for (const Index row : reached_rows_) row_price_[row] += shortest - row_length_[row];
                for (const Index passed : reached_columns) column_price_[passed] -= shortest - length_[passed];
                return column;
            }
            reached_columns.push_back(column);
            for (const Index row : senders_[to_size(column)]) {
                if (row_length_[row] < infinite) continue;
                row_length_[row] = length_[column];
                column_before_[to_size(row)] = column;
                reached_rows_.push_back(row);
            }
        }
    }

    void relax(Index row) {
        const double offset = row_length_[row] - row_price_[row];
        for (const Index column : open_) {
            const double through = offset + cost_(column, row) - column_price_[column];
            if (!(through < length_[column])) continue;
            length_[column] = through;
            row_before_[to_size(column)] = row;
        }
    }

    void change(Index row, Index column, std::int64_t amount) {
        std::vector<Index>& senders = senders_[to_size(column)];
        const std::int64_t before = units_(column, row);
        units_(column, row) += amount;
        if (before == 0) senders.insert(std::ranges::lower_bound(senders, row), row);
        if (units_(column, row) == 0) senders.erase(std::ranges::find(senders, row));
    }

    static std::size_t to_size(Index index) { return static_cast<std::size_t>(index); }

    Eigen::MatrixXd cost_;  ///< (column, row), so that relax() walks along memory
    Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic> units_;
    VectorXd row_price_;
    VectorXd column_price_;
    std::vector<std::int64_t> demand_;
    std::vector<std::vector<Index>> senders_;  ///< rows that send units to a column

    // Of the search that is going on: columns by the rows before them, and rows by the columns that they send to.
    VectorXd length_;
    std::vector<Index> row_before_;
    VectorXd row_length_;
    std::vector<Index> column_before_;
    std::vector<Index> reached_rows_;
    std::vector<Index> open_;  ///< columns that are not reached, rising
};

}  // namespace

std::vector<Index> cheapest_assignment(const Eigen::MatrixXd& cost) {
    const Shipping shipping(cost, 1, 1);
    std::vector<Index> columns(static_cast<std::size_t>(cost.rows()), none);
    for (Index row = 0; row < cost.rows(); ++row)
        for (Index column = 0; column < cost.cols(); ++column)
            if (shipping.units(row, column) > 0) columns[static_cast<std::size_t>(row)] = column;
    return columns;
}

bool Transport::is_proven(double largest_cost) const {
    constexpr double rounding = 1e-12;
    return cost - lower_bound <= rounding * largest_cost;
}

Transport cheapest_transport(const Eigen::MatrixXd& cost) {
    const Index rows = cost.rows();
    const Index columns = cost.cols();
    const std::int64_t common = std::gcd(rows, columns);
    const std::int64_t of_each_column = rows / common;
    const Shipping shipping(cost, columns / common, of_each_column);
    const double unit = 1 / (static_cast<double>(of_each_column) * static_cast<double>(columns));
    Transport transport;
    for (Index row = 0; row < rows; ++row)
        for (Index column = 0; column < columns; ++column)
            if (const auto units = shipping.units(row, column); units > 0) {
                transport.moves.push_back({row, column, unit * static_cast<double>(units)});
                transport.cost += transport.moves.back().mass * cost(row, column);
            }
    // Prices of rows that are feasible to the last bit make the bound one.
    const VectorXd& price = shipping.column_price();
    transport.lower_bound = price.mean();
    for (Index row = 0; row < rows; ++row)
        transport.lower_bound += (cost.row(row).transpose() - price).minCoeff() / static_cast<double>(rows);
    return transport;
}

}  // namespace repal
